import pytest

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import reverts

N_FEATURES = 16 * 9 + 3
TWIN = SparsePerceptron(SparsePerceptronParameters(N_FEATURES), [i * 99 - 7_000 for i in range(N_FEATURES)], 2**31 - 1)
WORDS = TWIN.words()


@pytest.fixture
def empty(new_model, trainer):
    return new_model(TWIN, trainer, words=[], sealed=False)


def test_load__in_chunks_in_any_order_some_of_them_twice__the_same_state(empty, owner):
    """What a deployment does that was cut off and starts again."""
    for start, end in ((0, 4), (7, 10), (0, 4), (4, 7), (2, 5)):
        empty.send("load", start, WORDS[start:end], sender=owner)

    assert empty.call("words", 0, len(WORDS)) == WORDS
    assert empty.call("bias") == 2**31 - 1
    assert not empty.call("sealed")


def test_load__nothing__harmless(empty, owner):
    empty.send("load", 10, [], sender=owner)

    assert empty.call("words", 0, 10) == [0] * 10


def test_load__again__overwrites(empty, owner):
    empty.send("load", 0, WORDS, sender=owner)
    empty.send("load", 3, [0], sender=owner)

    assert empty.call("words", 0, len(WORDS)) == [*WORDS[:3], 0, *WORDS[4:]]


def test_load__by_another_than_the_owner__reverts(empty, trainer, stranger):
    for sender in (trainer, stranger):
        with reverts("ownership: not the owner"):
            empty.send("load", 0, WORDS, sender=sender)


def test_load__after_sealing__reverts(empty, owner):
    empty.send("load", 0, WORDS, sender=owner)
    empty.send("seal", sender=owner)

    with reverts("model: sealed"):
        empty.send("load", 3, [0], sender=owner)
    with reverts("model: sealed"):
        empty.send("load", 3, [], sender=owner)
    assert empty.call("words", 0, len(WORDS)) == WORDS


@pytest.mark.parametrize(("start", "count"), [(0, 11), (10, 1), (2**24, 1)])
def test_load__beyond_the_last_word__reverts(empty, owner, start, count):
    with reverts("model: more words than the model has"):
        empty.send("load", start, [1] * count, sender=owner)


def test_load__start_that_wraps__reverts(empty, owner):
    with reverts():
        empty.send("load", 2**256 - 1, [1, 2], sender=owner)


@pytest.mark.parametrize("bit", [224, 240, 254, 255])
def test_load__sealed_flag_or_version_among_the_words__reverts(empty, owner, bit):
    with reverts("model: sealed flag or version among the words"):
        empty.send("load", 0, [1 << bit], sender=owner)
    empty.send("load", 1, [1 << bit], sender=owner)  # only in the header


def test_load__weights_and_bias_at_their_limits__as_loaded(empty, owner):
    low = SparsePerceptron(TWIN.parameters, [-(2**15)] * N_FEATURES, -(2**31))
    empty.send("load", 0, low.words(), sender=owner)
    empty.send("seal", sender=owner)

    x = b"".join(i.to_bytes(2, "big") for i in range(N_FEATURES))
    assert empty.call("score", x) == -(2**15) * N_FEATURES - 2**31


def test_load__largest_chunk__below_the_gas_of_a_transaction(new_model, trainer, owner):
    twin = SparsePerceptron(SparsePerceptronParameters(65_532), [-1] * 65_532)
    model = new_model(twin, trainer, words=[], sealed=False)

    receipt = model.send("load", 640, twin.words()[640:1280], sender=owner)

    assert receipt.gas < 16_777_216
    assert model.call("words", 640, 640) == twin.words()[640:1280]
