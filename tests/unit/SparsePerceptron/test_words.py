import pytest

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import reverts
from tests.unit.SparsePerceptron.conftest import sample

TWIN = SparsePerceptron(SparsePerceptronParameters(30, rate=5), range(-15, 15), 1)


def test_words__layout__header_then_weights_from_the_highest_bits(perceptron):
    """Lanes of 16 bits: sealed flag and version, two lanes; bias, two lanes; then weight 0 and on."""
    model = perceptron([1, -1, 2**15 - 1], bias=-2)

    bias = 0xFFFFFFFE
    weights = 0x0001 << 48 | 0xFFFF << 32 | 0x7FFF << 16
    assert model.call("words", 0, 1) == [bias << 192 | weights << 128]


def test_words__after_updates__without_flag_and_version_so_that_load_takes_them(new_model, trainer, owner):
    model = new_model(TWIN, trainer)
    model.send("update", sample(0, 29), 1, sender=trainer)
    assert model.call("version") == 1
    words = model.call("words", 0, 3)

    copy = new_model(TWIN, trainer, words=words)

    assert words[0] < 2**224
    assert copy.call("words", 0, 3) == words != TWIN.words()


def test_words__parts__of_the_whole(new_model, trainer):
    model = new_model(TWIN, trainer)

    whole = TWIN.words()
    assert [model.call("words", s, n) for s in range(3) for n in range(4 - s)] == [
        whole[s : s + n] for s in range(3) for n in range(4 - s)
    ]


@pytest.mark.parametrize(("start", "count"), [(0, 4), (3, 1), (4, 0), (2**200, 0)])
def test_words__beyond_the_last__reverts(new_model, trainer, start, count):
    with reverts("model: more words than the model has"):
        new_model(TWIN, trainer).call("words", start, count)


def test_words__more_than_640__reverts(new_model, trainer):
    model = new_model(SparsePerceptron(SparsePerceptronParameters(65_532)), trainer, words=[])

    assert model.call("words", 0, 640) == [0] * 640
    with reverts():
        model.call("words", 0, 641)
