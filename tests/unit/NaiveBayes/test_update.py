"""The margin: what naive Bayes is sure of is not learnt."""

import pytest

from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.revert import Revert
from comodels.saved import new_twin
from encoders import BagOfWords
from tests.unit.table_models.conftest import x

ONE = 2**8  # a margin of one logarithm to the base 2


@pytest.fixture
def create(create_model, raw, trainer):
    """A model, and its twin, whose class 0 is twice as probable as class 1 for every sample."""

    def make(margin, counts=((3, 11), (3, 11)), samples=(4, 2)):
        twin = NaiveBayes(NaiveBayesParameters(2, margin=margin), counts, samples)
        return twin, raw(create_model(twin, trainer))

    return make


@pytest.mark.parametrize(
    ("margin", "y", "effect"),
    [
        (ONE, 0, 0),  # log2(4 · 4/16) - log2(2 · 4/16) = 1, as much as the margin
        (ONE + 1, 0, 1),
        (1, 0, 0),
        (0, 0, 1),  # without a margin everything is learnt
        (1, 1, 1),  # what the model gets wrong always is
        (2**16 - 1, 0, 1),
    ],
)
def test_update__lead_against_the_margin__learns_what_is_nearer(create, do, trainer, margin, y, effect):
    twin, model = create(margin)
    before = model.call("words", 0, 3)

    assert model.call_many("update", [(x(0), y)], str(trainer)) == [effect]
    assert model.call_many("learn", [(x(0), y)], str(trainer)) == [(effect, 0)]
    do(model, "update", x(0), y, sender=trainer)

    assert twin.learn(x(0), y) == (effect, 0)
    assert model.call("version") == twin.version == effect
    assert list(model.call("words", 0, 3)) == twin.words()
    assert (model.call("words", 0, 3) == before) == (effect == 0)


def test_predict_without__not_learnt__is_the_answer(create):
    _, model = create(ONE)

    assert model.call("predict_without", x(0), 0, 0) == model.call("predict", x(0)) == 0


def test_update__only_class_with_documents__its_samples_are_known(create, trainer):
    """A class without documents is behind by more than any margin; its own first sample is learnt."""
    _, model = create(2**16 - 1, [[1, 1], [0, 0]], [1, 0])

    assert model.call_many("update", [(x(0), 0), (x(0), 1)], str(trainer)) == [0, 1]


def test_update__equal_classes__the_first_is_not_sure(create, trainer):
    _, model = create(1, [[1, 1], [1, 1]], [1, 1])

    assert model.call_many("update", [(x(0), 0), (x(0), 1)], str(trainer)) == [1, 1]


@pytest.mark.parametrize("margin", [0, ONE])
def test_update__malformed_or_not_allowed__is_refused_whatever_the_margin(create, why, trainer, owner, margin):
    _, model = create(margin)

    assert why(model, "update", x(0), 2, sender=trainer) == "model: no such class"
    assert why(model, "update", x(0, 0), 0, sender=trainer) == "sample: indices must increase"
    assert why(model, "update", x(2), 0, sender=trainer) == "sample: index out of range"
    assert why(model, "update", x(0), 0, sender=owner) == "model: not the trainer"


def test_parameters__margin__stands_in_16_bits():
    parameters = NaiveBayesParameters(9, 3, alpha=5, margin=2**16 - 1)

    assert parameters.pack() == 5 | 3 << 32 | (2**16 - 1) << 48 | 9 << 64
    assert NaiveBayesParameters.unpack(parameters.pack()) == parameters
    with pytest.raises(Revert, match="model: unknown parameters"):
        NaiveBayesParameters(9, 3, margin=2**16)


@pytest.mark.parametrize(("family", "margin"), [("naive-bayes", 300), ("levels", 100), ("perceptron", 7)])
def test_new_twin__margin__is_that_of_the_model(family, margin):
    assert new_twin(BagOfWords(["a", "b"]), family=family, margin=margin).parameters.margin == margin
