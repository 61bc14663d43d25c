"""In a second in which the model learnt it is not asked: what depends on its answer is refused, and the rest is not."""

import pytest

from tests.client import reverts
from tests.unit.SelfAssessment.conftest import (
    DEFAULT_RULE,
    DISPUTE_WAIT,
    OTHER_X,
    REFUND_WAIT,
    REST_WAIT,
    SLIDES,
    X,
    word,
)

JUST_LEARNT = "self-assessment: the model learnt just now, ask in a later block"
ANOTHER = bytes.fromhex("0007")
GAS = 2_000_000


@pytest.fixture
def open_to_all(open_model, contributor, reporter):
    """Somebody who may report and be forgiven, and a contribution that came as wrong, at the setting's `time`."""
    setting = open_model(DEFAULT_RULE)
    setting.validate(reporter, times=2)
    setting.time += 100
    for who in (contributor, reporter):
        setting.add(who, time=setting.time, value=10**18)
        setting.time += 1
    setting.disagree()
    setting.time -= 2
    return setting


def in_one_block(setting, rpc, time, *calls) -> list[str]:
    """The statuses of calls in one block of this time."""
    transactions = [
        setting.incentive.transaction(
            name,
            setting.model.address,
            *arguments,
            sender=str(sender),
            value=10**18 if name == "add_data" else 0,
            gas=GAS,
        )
        for name, sender, *arguments in calls
    ]
    return mine(rpc, time, transactions)


def mine(rpc, time, transactions) -> list[str]:
    rpc.rpc("evm_setNextBlockTimestamp", time)
    receipts = rpc.send(transactions)
    assert len({r["blockNumber"] for r in receipts}) == 1
    return [r["status"] for r in receipts]


def ready(setting, name, contributor, reporter):
    """Who can make a claim of this kind, of whose contribution, and how many seconds after the setting's time."""
    match name:
        case "refund":
            setting.agree()
            return contributor, contributor, REFUND_WAIT + 1
        case "forgive":
            return reporter, reporter, REFUND_WAIT + 1
        case "flag":
            return reporter, contributor, REFUND_WAIT + 1
        case "report":
            setting.claim("flag", reporter, contributor, REFUND_WAIT + 1)
            return reporter, contributor, REFUND_WAIT + DISPUTE_WAIT + 1


@pytest.mark.parametrize("name", ["refund", "forgive", "flag", "report"])
def test_claim__after_a_contribution_of_the_same_second__refused_until_the_next(
    open_to_all, rpc, contributor, reporter, stranger, name
):
    setting = open_to_all
    sender, of, age = ready(setting, name, contributor, reporter)
    due = setting.time + age
    claim = name, sender, str(of), X, 1

    assert in_one_block(setting, rpc, due, ("add_data", stranger, ANOTHER, 1), claim) == ["0x1", "0x0"]
    with reverts(JUST_LEARNT):
        setting.incentive.client.call(
            setting.incentive.address,
            setting.incentive.data(name, setting.model.address, str(of), X, 1),
            sender=sender,
            time=due,
        )
    setting.claim(name, sender, of, age + 1)


@pytest.mark.parametrize("name", ["refund", "forgive", "flag", "report"])
def test_claim__before_a_contribution_of_the_same_second__goes_through(
    open_to_all, rpc, contributor, reporter, stranger, name
):
    setting = open_to_all
    sender, of, age = ready(setting, name, contributor, reporter)
    claim = name, sender, str(of), X, 1

    statuses = in_one_block(setting, rpc, setting.time + age, claim, ("add_data", stranger, ANOTHER, 1))

    assert statuses == ["0x1", "0x1"]


def test_rest__in_the_second_of_a_contribution__goes_through(open_to_all, rpc, contributor, stranger):
    """Who contributes in every block keeps no deposit back."""
    setting = open_to_all
    rest = "rest", stranger, str(contributor), X, 1

    statuses = in_one_block(setting, rpc, setting.time + REST_WAIT, ("add_data", stranger, ANOTHER, 1), rest)

    assert statuses == ["0x1", "0x1"]
    assert setting.record(contributor)["time"] == 0


def test_take__in_the_second_of_a_contribution__goes_through(open_model, rpc, contributor, stranger, owner):
    setting = open_model(SLIDES)
    setting.add(contributor)
    due = setting.time + 100 + SLIDES.owner_wait

    statuses = in_one_block(
        setting, rpc, due, ("add_data", stranger, ANOTHER, 1), ("take", owner, str(contributor), X, 1)
    )

    assert statuses == ["0x1", "0x1"]


def test_claim__contribution_to_another_model_in_the_same_second__goes_through(
    open_to_all, open_model, rpc, contributor, reporter, stranger
):
    setting = open_to_all
    sender, of, age = ready(setting, "flag", contributor, reporter)
    other = open_model(DEFAULT_RULE, dispute_wait=0)
    due = max(setting.time + age, other.time + 1)
    learn = other.incentive.transaction(
        "add_data", other.model.address, OTHER_X + word(1), 1, sender=str(stranger), value=10**18, gas=GAS
    )
    flag = setting.incentive.transaction("flag", setting.model.address, str(of), X, 1, sender=str(sender), gas=GAS)

    assert mine(rpc, due, [learn, flag]) == ["0x1", "0x1"]
