import re
from dataclasses import astuple, replace

import pytest

from comodels.revert import Revert
from tests.client import Event, reverts
from tests.conftest import pack_terms
from tests.unit.SelfAssessment.conftest import DEFAULT_RULE, SLIDES, word

RULES = {"slides": SLIDES, "default": DEFAULT_RULE}


@pytest.mark.parametrize("rule", RULES)
def test_open__good_terms__logged_and_stored(client, project, owner, incentive, rule):
    model = client.deploy(project.ModelMock, owner)

    receipt = model.send("open", incentive, pack_terms(RULES[rule], cost_weight=7), sender=owner)

    assert receipt.events == [incentive.event("Opened", model=model)]
    assert incentive.call("terms", model) == astuple(replace(RULES[rule], cost_weight=7))
    assert incentive.call("statistics", model) == (0, 0)
    assert incentive.call("required_deposit", model, time=receipt.time + 9) == 7 * 3_600 // 3


def test_open__twice__reverts(setting, owner):
    with reverts("self-assessment: open already"):
        setting.model.send("open", setting.incentive, pack_terms(), sender=owner)


TOO_LARGE = "self-assessment: a term is too large"
MIXED = "self-assessment: nothing is forgiven, and all can be reported, without a rest wait"
NO_TIME = "self-assessment: reports need more time: a longer rest wait (slides: owner wait)"

BAD_TERMS = [
    ("slides", {"cost_weight": 2**70}, TOO_LARGE),
    ("slides", {"cost_weight": 2**96 - 1}, TOO_LARGE),
    ("slides", {"refund_wait": 2**26, "owner_wait": 2**27, "anyone_wait": 2**27}, TOO_LARGE),
    ("slides", {"dispute_wait": 2**26, "owner_wait": 2**31, "anyone_wait": 2**31}, TOO_LARGE),
    ("default", {"rest_wait": 2**26}, TOO_LARGE),
    ("default", {"forgive_every": 64}, TOO_LARGE),
    ("slides", {"refund_wait": 0}, "self-assessment: no refund wait"),
    ("default", {"refund_wait": 0}, "self-assessment: no refund wait"),
    ("default", {"owner_wait": 6_000}, "self-assessment: the rest cannot both go back and be taken"),
    ("default", {"anyone_wait": 6_000}, "self-assessment: the rest cannot both go back and be taken"),
    ("slides", {"owner_wait": 9_001}, "self-assessment: the owner's wait is above anyone's"),
    ("slides", {"forgive_every": 1}, MIXED),
    ("slides", {"born_wrong": True}, MIXED),
    ("slides", {"refund_wait": 5_000}, NO_TIME),
    ("slides", {"dispute_wait": 2_000}, NO_TIME),
    ("default", {"refund_wait": 5_000, "dispute_wait": 0}, NO_TIME),
    ("default", {"dispute_wait": 2_000}, NO_TIME),
    ("default", {"dispute_wait": 2**26 - 1, "rest_wait": 2**26 - 1}, NO_TIME),
]


@pytest.mark.parametrize(("rule", "terms", "message"), BAD_TERMS)
def test_open__bad_terms__reverts_as_the_twin_does(open_model, rule, terms, message):
    with reverts(message):
        open_model(rule=RULES[rule], **terms)
    with pytest.raises(Revert, match=re.escape(message)):
        replace(RULES[rule], **terms)


@pytest.mark.parametrize(
    ("rule", "terms"),
    [
        ("slides", {"cost_weight": 2**70 - 1}),
        ("slides", {"cost_weight": 0}),
        ("slides", {"refund_wait": 4_999, "owner_wait": 5_000, "anyone_wait": 5_000}),
        ("slides", {"dispute_wait": 1_999}),
        ("slides", {"refund_wait": 2**26 - 1, "owner_wait": 2**32 - 1, "anyone_wait": 2**32 - 1}),
        ("slides", {"dispute_wait": 2**26 - 1, "owner_wait": 2**32 - 1, "anyone_wait": 2**32 - 1}),
        ("default", {"dispute_wait": 1_999}),
        ("default", {"refund_wait": 4_999, "dispute_wait": 0}),
        ("default", {"rest_wait": 2**26 - 1}),
        ("default", {"forgive_every": 63}),
        ("default", {"forgive_every": 0}),
        ("default", {"born_wrong": False}),
        ("default", {"without_own_effect": True}),
    ],
)
def test_open__terms_at_their_limits__read_back(open_model, rule, terms):
    expected = replace(RULES[rule], **terms)

    setting = open_model(rule=expected)

    assert setting.incentive.call("terms", setting.model) == astuple(expected)


@pytest.mark.parametrize(
    "terms",
    [
        b"",
        pack_terms()[:-1],  # cut off
        pack_terms() + word(0),  # more than the terms
        word(2**96) + pack_terms()[32:],  # does not fit 96 bits
        pack_terms()[:32] + word(2**32) + pack_terms()[64:],  # does not fit 32 bits
        pack_terms()[: 6 * 32] + word(256) + pack_terms()[7 * 32 :],  # does not fit 8 bits
        pack_terms()[:-32] + word(2),  # no truth value
    ],
    ids=["empty", "cut", "longer", "cost weight", "refund wait", "forgive every", "option"],
)
def test_open__malformed_terms__reverts(client, project, owner, incentive, terms):
    model = client.deploy(project.ModelMock, owner)

    with reverts():
        model.send("open", incentive, terms, sender=owner)
    with reverts("self-assessment: not open for this model"):
        incentive.call("terms", model)


def test_open__by_an_account_without_code__harms_no_model(setting, incentive, stranger, contributor):
    """Whoever calls is the "model": only its own contributions are concerned."""
    receipt = incentive.send("open", pack_terms(cost_weight=1), sender=stranger)

    assert receipt.events == [Event(incentive.address, "Opened", {"model": str(stranger)})]
    assert incentive.call("terms", setting.model)[0] == 10**12
    assert incentive.call("statistics", setting.model) == (0, 0)
