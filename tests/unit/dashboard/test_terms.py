"""The terms of incentives from a form: as usual, as filled in, or refused with the form's own words."""

import pytest

from dashboard import terms
from dashboard.store import InputError
from scripts._incentives import Points, PredictionMarket, SelfAssessment


@pytest.mark.parametrize("adapter", [SelfAssessment(), Points(), PredictionMarket()], ids=lambda a: a.contract)
def test_read__as_shown__the_usual_terms_to_the_last_wei(adapter):
    form = {name: text for name, _, text in terms.shown(adapter.contract, {})}
    assert terms.read(adapter.contract, form) == adapter
    assert terms.read(adapter.contract, {}) == adapter


@pytest.mark.parametrize(
    ("incentive", "form", "expected"),
    [
        (
            "SelfAssessment",
            {"cost_weight": "0.06", "refund_wait": "2h", "without_own_effect": "1"},
            SelfAssessment(cost_weight=10**15, refund_wait=7_200, without_own_effect=True),
        ),
        ("Points", {"validated_points": "7", "report_wait": "3d"}, Points(validated_points=7, report_wait=3 * 86_400)),
        ("PredictionMarket", {"min_bounty": "2", "owner_only": "1"}, PredictionMarket(2 * 10**18, owner_only=True)),
    ],
)
def test_read__filled_in__these_terms(incentive, form, expected):
    assert terms.read(incentive, {f"{incentive}.{term}": text for term, text in form.items()}) == expected


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("SelfAssessment.owner_wait", "1h", "Waits out of order: “Refund, and reports by others, from” <="),
        ("SelfAssessment.cost_weight", "much", "Deposit one hour after .*: “much” is not an amount of ether"),
        ("SelfAssessment.anyone_wait", "200000d", "too large for the contract"),
        ("Points.refund_wait", "0s", "Waits out of order"),
        ("Points.validated_points", "1.5", "not a whole number"),
        ("Points.validated_points", "70000", "too large for the contract"),
        ("PredictionMarket.max_length", "0s", "out of range"),
    ],
)
def test_read__would_be_refused__says_what_to_do(name, text, problem):
    with pytest.raises(InputError, match=problem):
        terms.read(name.split(".")[0], {name: text})
