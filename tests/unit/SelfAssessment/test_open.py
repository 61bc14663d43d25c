import pytest

from tests.client import Event, reverts
from tests.conftest import pack_terms
from tests.unit.SelfAssessment.conftest import word

LARGEST = 2**32 - 1


def test_open__good_terms__logged_and_stored(client, project, owner, incentive):
    model = client.deploy(project.ModelMock, owner)

    receipt = model.send("open", incentive, pack_terms(7, 1, 20, 300, 19, True), sender=owner)

    assert receipt.events == [incentive.event("Opened", model=model)]
    assert incentive.call("terms", model) == (7, 1, 20, 300, 19, True)
    assert incentive.call("statistics", model) == (0, 0)
    assert incentive.call("required_deposit", model, time=receipt.time + 9) == 7 * 3_600 // 3


def test_open__twice__reverts(setting, owner):
    with reverts("self-assessment: open already"):
        setting.model.send("open", setting.incentive, pack_terms(1), sender=owner)


def test_open__all_terms_zero__accepted_and_not_open_again(open_model, owner):
    setting = open_model(cost_weight=0, refund_wait=0, owner_wait=0, anyone_wait=0)

    assert setting.incentive.call("terms", setting.model) == (0, 0, 0, 0, 0, False)
    with reverts("self-assessment: open already"):
        setting.model.send("open", setting.incentive, pack_terms(1), sender=owner)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"cost_weight": 2**96 // 3_600}, "self-assessment: cost weight too large"),
        ({"cost_weight": 2**96 - 1}, "self-assessment: cost weight too large"),
        ({"refund_wait": 11, "owner_wait": 10, "anyone_wait": 20}, "self-assessment: waits out of order"),
        ({"refund_wait": 1, "owner_wait": 21, "anyone_wait": 20}, "self-assessment: waits out of order"),
        ({"refund_wait": 21, "owner_wait": 21, "anyone_wait": 20}, "self-assessment: waits out of order"),
        (
            {"refund_wait": 5, "owner_wait": 10, "anyone_wait": 20, "dispute_wait": 6},
            "self-assessment: dispute wait ends after the owner wait",
        ),
    ],
)
def test_open__bad_terms__reverts(open_model, terms, message):
    with reverts(message):
        open_model(**terms)


@pytest.mark.parametrize(
    "terms",
    [
        {"cost_weight": 2**96 // 3_600 - 1},
        {"refund_wait": 10, "owner_wait": 10, "anyone_wait": 10},
        {"refund_wait": 5, "owner_wait": 10, "anyone_wait": 20, "dispute_wait": 5},
        {"refund_wait": LARGEST, "owner_wait": LARGEST, "anyone_wait": LARGEST},
        {"refund_wait": 0, "owner_wait": LARGEST, "anyone_wait": LARGEST, "dispute_wait": LARGEST},
    ],
)
def test_open__terms_at_their_limits__read_back(open_model, terms):
    setting = open_model(**terms)

    read = setting.incentive.call("terms", setting.model)

    names = ["cost_weight", "refund_wait", "owner_wait", "anyone_wait", "dispute_wait", "without_own_effect"]
    assert dict(zip(names, read, strict=True)).items() >= terms.items()


@pytest.mark.parametrize(
    "terms",
    [
        b"",
        pack_terms()[:-1],  # cut off
        pack_terms() + word(0),  # more than the terms
        word(2**96) + pack_terms()[32:],  # does not fit 96 bits
        pack_terms()[:32] + word(2**32) + pack_terms()[64:],  # does not fit 32 bits
        pack_terms()[:-32] + word(2),  # no truth value
    ],
    ids=["empty", "cut", "longer", "cost weight", "refund wait", "option"],
)
def test_open__malformed_terms__reverts(client, project, owner, incentive, terms):
    model = client.deploy(project.ModelMock, owner)

    with reverts():
        model.send("open", incentive, terms, sender=owner)
    with reverts("self-assessment: not open for this model"):
        incentive.call("terms", model)


def test_open__by_an_account_without_code__harms_no_model(setting, incentive, stranger, contributor):
    """Whoever calls is the "model": only its own contributions are concerned."""
    receipt = incentive.send("open", pack_terms(1), sender=stranger)

    assert receipt.events == [Event(incentive.address, "Opened", {"model": str(stranger)})]
    assert incentive.call("terms", setting.model)[0] == 10**12
    assert incentive.call("statistics", setting.model) == (0, 0)
