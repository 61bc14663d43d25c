import pytest

from comodels.models.dense_perceptron import DensePerceptronParameters
from tests.conftest import pack_card


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (0, 0, "model: learning rate of 1 to 128"),
        (0, 129, "model: learning rate of 1 to 128"),
        (64, 0, "model: 1 to 2,048 features"),
        (64, 2_049, "model: 1 to 2,048 features"),
        (64, 100 | 6 << 12, "model: fall of 0 to 5"),
        (64, 100 | 15 << 12, "model: fall of 0 to 5"),
        (80, 0, "model: unit of 1 to 5,792"),
        (80, 5_793, "model: unit of 1 to 5,792"),
    ],
)
def test_create__parameter_out_of_range__reverts(field, value, message, implementations, raw, rpc, owner, trainer):
    packed = DensePerceptronParameters(100, 100).pack() & ~(0xFFFF << field) | value << field
    implementation = raw(implementations("DensePerceptron"))
    transaction = implementation.transaction(
        "create", str(owner), str(trainer), b"", packed, pack_card(), [], False, bytes(32), sender=str(owner)
    )
    assert rpc.why(transaction) == message


@pytest.mark.parametrize(("rate", "fall", "fits"), [(4, 5, True), (5, 5, False), (64, 1, True), (65, 1, False)])
def test_create__first_rate__is_at_most_128(rate, fall, fits, implementations, raw, rpc, owner, trainer):
    message = "" if fits else "model: learning rate of 1 to 128"
    packed = DensePerceptronParameters(100, 100).pack() + rate - 1 + (fall << 76)
    implementation = raw(implementations("DensePerceptron"))
    transaction = implementation.transaction(
        "create", str(owner), str(trainer), b"", packed, pack_card(), [], False, bytes(32), sender=str(owner)
    )
    assert rpc.why(transaction) == message


@pytest.mark.parametrize(
    ("n_features", "words"),
    [(1, 1), (7, 1), (8, 2), (9, 2), (16, 2), (17, 2), (23, 2), (24, 3), (25, 3), (32, 3), (100, 7), (512, 33)],
)
def test_create__sizes_with_a_fall__words_hold_the_count_too(n_features, words, create):
    twin, model = create([-1] * n_features, bias=-5, fall=2, count=999)
    assert model.call("word_count") == len(twin.words()) == words
    assert model.call("words", 0, words) == tuple(twin.words())
    assert model.call("bias") == -5
    assert type(twin).from_words(twin.parameters, twin.words()).count == 999


@pytest.mark.parametrize(
    ("n_features", "words"),
    [(1, 1), (9, 1), (10, 2), (16, 2), (17, 2), (25, 2), (26, 3), (32, 3), (100, 7), (512, 33), (2_048, 129)],
)
def test_create__sizes__words_hold_the_header_beside_few_weights(n_features, words, create):
    twin, model = create([-1] * n_features, bias=-5)
    assert model.call("word_count") == len(twin.words()) == words
    assert model.call("words", 0, words) == tuple(twin.words())
    assert (model.call("kind"), model.call("class_count"), model.call("bias")) == ("DensePerceptron", 2, -5)
    assert model.call("parameters") == twin.parameters.pack()
    assert DensePerceptronParameters.unpack(twin.parameters.pack()) == twin.parameters


def test_create__class_names__are_those_of_the_card(create, why):
    _, model = create([1])
    assert [model.call("class_name", y) for y in range(2)] == ["no", "yes"]
    assert why(model, "class_name", 2) == "model: no such class"
