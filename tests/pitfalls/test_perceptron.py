"""What broke earlier implementations: perceptrons. Each line of the list is a test named after it."""

import numpy as np
import pytest

from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import reverts
from tests.conftest import pack_terms

X = bytes.fromhex("00010002")
DENSE_X = np.array([60, -80], np.int8).tobytes()  # of norm 100


def test_bias__sparse__is_trained(new_model, trainer):
    """The perceptron's bias was never trained."""
    model = new_model(SparsePerceptron(SparsePerceptronParameters(5, bias_rate=7)), trainer)

    model.send("update", X, 1, sender=trainer)
    assert model.call("bias") == 7
    model.send("update", X, 0, sender=trainer)
    assert model.call("bias") == 0


def test_bias__dense__has_the_weight_of_a_feature(new_model, trainer):
    """In the dense one the bias was 10⁹ times too small: here it weighs as a feature that is always `unit`."""
    unit = 100
    model = new_model(DensePerceptron(DensePerceptronParameters(2, unit, bias_rate=unit)), trainer)
    before = model.call("score", DENSE_X)

    model.send("update", DENSE_X, 1, sender=trainer)

    assert model.call("bias") == unit
    change = model.call("score", DENSE_X) - before
    # the features' part is rate · ‖x‖² = 10,000, and the bias has as much of a say: unit · unit
    assert change == 60**2 + 80**2 + unit * unit


@pytest.mark.parametrize("y", [0, 1])
def test_lanes__weight_at_its_limit__no_silent_overflow_into_the_neighbour(new_model, trainer, y):
    """Lanes and counters overflowed unchecked."""
    limit = 2**15 - 1 if y else -(2**15)
    parameters = SparsePerceptronParameters(30, margin=2**32 - 1)
    model = new_model(SparsePerceptron(parameters, [limit if i == 17 else 3 for i in range(30)]), trainer)
    before = model.call("words", 0, 3)

    with reverts("perceptron: weight out of range"):
        model.send("update", (17).to_bytes(2, "big"), y, sender=trainer)

    assert model.call("words", 0, 3) == before


@pytest.mark.parametrize("without_own_effect", [False, True])
@pytest.mark.parametrize("margin", [0, 50])
def test_wrong_sample__flips_the_model_s_own_answer__but_is_no_witness_for_itself(
    new_model, contract_of, contributor, without_own_effect, margin
):
    """One wrong sample was enough to make the perceptron agree with it, so that a wrong refund fulfilled itself.

    Here the model is right by 3, and the wrong sample moves its own score by 2 · 2 = 4. Judged without its own
    effect, the answer before it counts.
    """
    incentive = contract_of("SelfAssessment")
    parameters = SparsePerceptronParameters(5, rate=2, bias_rate=0, margin=margin)
    model = new_model(
        SparsePerceptron(parameters, [0, -1, -2, 0, 0]),
        incentive,
        pack_terms(without_own_effect=without_own_effect),
    )
    assert model.call("score", X) == -3
    added = incentive.send("add_data", model, X, 1, sender=contributor, value=10**18)
    assert model.call("predict", X) == 1  # flipped by one sample: -3 + 2 · 2 = 1

    if without_own_effect:
        with reverts("self-assessment: the model disagrees"):
            incentive.send("refund", model, contributor, X, 1, sender=contributor, time=added.time + 86_400)
    else:
        incentive.send("refund", model, contributor, X, 1, sender=contributor, time=added.time + 86_400)


@pytest.mark.parametrize(("margin", "flips"), [(0, True), (20, False)])
def test_margin__model_that_learnt_more_than_once__is_not_flipped_by_one_wrong_sample(
    new_model, trainer, margin, flips
):
    """The margin makes the model learn what it already knows, so that one wrong sample does not undo it."""
    model = new_model(SparsePerceptron(SparsePerceptronParameters(5, margin=margin)), trainer)
    for _ in range(10):
        model.send("update", X, 1, sender=trainer)
    right = model.call("score", X)

    model.send("update", X, 0, sender=trainer)

    assert right > 0
    assert (model.call("predict", X) == 0) == flips
