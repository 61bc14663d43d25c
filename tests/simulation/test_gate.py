"""The gate that is only tried in the simulation: what it learns, from whom."""

import pytest

from comodels.bench.gate import Gated, play
from comodels.incentives.self_assessment import Terms
from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.units import DAY

CASE = "breast cancer, dense perceptron"
SYBILS, NEWCOMERS, TURNCOATS = "20 sybils, always wrong", "newcomers, five contributions each", "5 turncoats"
X = bytes([0, 0])


@pytest.fixture
def gated():
    """A gate of one contribution, on a model that says class 0."""
    model = NaiveBayes(NaiveBayesParameters(2), [[9, 9], [1, 1]], [9, 1])
    incentive = type("Rule", (Gated,), {"need": 1})(model, "owner", Terms(), 0)
    incentive.balances["somebody"] = 10**20
    return incentive


def test_gate__until_one_is_validated__nothing_is_learnt_but_deposits_are_as_ever(gated):
    effect = gated.add_data("somebody", X, 0, 10**18, 100)

    assert (effect, gated.model.version) == (0, 0)
    assert gated.balance > 0
    gated.refund("somebody", "somebody", X, 0, 100 + DAY)
    assert gated.balance == 0
    assert gated.add_data("somebody", X, 0, 10**18, 200 + DAY) == 1
    assert gated.model.version == 1
    assert gated.learnt_of == {"somebody": 1}


def test_gate__what_the_model_disagrees_with__is_born_wrong_though_not_learnt(gated):
    gated.add_data("somebody", X, 1, 10**18, 100)

    (record,) = gated.contributions.values()
    assert (record.born_wrong, record.effect, gated.model.version) == (True, 0, 0)


def test_play__gate__shuts_out_sybils_slows_newcomers_and_is_passed_by_turncoats():
    none, shut = (play(CASE, SYBILS, need, "once", 0, {}) for need in (0, 3))
    assert (none.learnt, shut.learnt) == (100, 0)
    assert none.change < shut.change
    assert play(CASE, NEWCOMERS, 3, "once", 0, {}).learnt < 50
    passed = play(CASE, TURNCOATS, 3, "each", 0, {})
    assert 0 < passed.learnt < 50
    assert passed.gain == 0
