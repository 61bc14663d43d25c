"""The terms of incentives from a form: as usual, as filled in, or refused with the form's own words."""

import pytest

from comodels.claims import Points, PredictionMarket, SelfAssessment
from comodels.dashboard import terms
from comodels.dashboard.store import InputError
from comodels.incentives import points, prediction_market, self_assessment


@pytest.mark.parametrize("adapter", [SelfAssessment(), Points(), PredictionMarket()], ids=lambda a: a.contract)
def test_read__as_shown__the_usual_terms_to_the_last_wei(adapter):
    form = {name: text for name, _, _, text in terms.shown(adapter.contract, {})}
    assert terms.read(adapter.contract, form) == adapter
    assert terms.read(adapter.contract, {}) == adapter


@pytest.mark.parametrize(
    ("incentive", "form", "expected"),
    [
        (
            "SelfAssessment",
            {"cost_weight": "0.06", "refund_wait": "2h", "without_own_effect": "1"},
            SelfAssessment(
                self_assessment.Terms(cost_weight=10**15, refund_wait=7_200, born_wrong=False, without_own_effect=True)
            ),
        ),
        (
            "SelfAssessment",
            {"dispute_wait": "1d", "rest_wait": "0", "owner_wait": "7d", "anyone_wait": "9d", "forgive_every": "0"},
            SelfAssessment(self_assessment.Terms.slides()),
        ),
        (
            "Points",
            {"validated_points": "7", "report_wait": "3d"},
            Points(points.Terms(validated_points=7, report_wait=3 * 86_400)),
        ),
        (
            "PredictionMarket",
            {"min_bounty": "2"},
            PredictionMarket(prediction_market.Terms(2 * 10**18, owner_only=False)),
        ),
    ],
)
def test_read__filled_in__these_terms(incentive, form, expected):
    assert terms.read(incentive, {f"{incentive}.{term}": text for term, text in form.items()}) == expected


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("SelfAssessment.owner_wait", "1h", "the rest cannot both go back and be taken"),
        ("SelfAssessment.cost_weight", "much", "Deposit one hour after .*: “much” is not an amount of ether"),
        ("SelfAssessment.rest_wait", "800d", "What is left goes back from: at most 67,108,863"),
        ("SelfAssessment.refund_wait", "8d", "reports need more time"),
        ("Points.validation_wait", "0s", "no validation wait"),
        ("Points.validated_points", "1.5", "not a whole number"),
        ("Points.validated_points", "70000", "model agrees with: at most 65,535"),
        ("PredictionMarket.min_bond", "0", "a market of anyone needs a least bond"),
    ],
)
def test_read__would_be_refused__says_what_to_do(name, text, problem):
    with pytest.raises(InputError, match=problem):
        terms.read(name.split(".")[0], {name: text})
