import pytest

from tests.client import reverts
from tests.unit.SelfAssessment.conftest import ANYONE_WAIT, DEFAULT_RULE, DEPOSIT, OTHER_X, OWNER_WAIT, REFUND_WAIT, X

NO_SUCH = "self-assessment: no such contribution, or settled already"


def take(setting, sender, contributor, time, x=X, y=1):
    return setting.incentive.send("take", setting.model, contributor, x, y, sender=sender, time=time)


@pytest.fixture
def added(setting, contributor):
    """A contribution that the model agrees with, at the setting's time."""
    setting.time += 100
    setting.add(contributor, time=setting.time)
    return setting


def test_take__owner_at_the_owner_wait__everything_even_if_the_model_agrees(added, contributor, owner):
    before = added.balance(owner)

    receipt = take(added, owner, contributor, added.time + OWNER_WAIT)

    assert receipt.events == [
        added.incentive.event(
            "Take", model=added.model, taker=owner, contribution=added.key(contributor), amount=DEPOSIT
        )
    ]
    assert added.balance(owner) == before + DEPOSIT
    assert added.balance(added.incentive) == 0
    assert added.incentive.call("statistics", added.model) == (1, 0)


def test_take__owner_one_second_early__reverts(added, contributor, owner):
    with reverts("self-assessment: too early"):
        take(added, owner, contributor, added.time + OWNER_WAIT - 1)


def test_take__stranger_one_second_before_the_anyone_wait__reverts(added, contributor, stranger):
    with reverts("self-assessment: only the owner, yet"):
        take(added, stranger, contributor, added.time + ANYONE_WAIT - 1)


def test_take__stranger_at_the_anyone_wait__everything(added, contributor, stranger):
    before = added.balance(stranger)

    receipt = take(added, stranger, contributor, added.time + ANYONE_WAIT)

    assert [e.name for e in receipt.events] == ["Take"]
    assert added.balance(stranger) == before + DEPOSIT


@pytest.mark.parametrize("wait", [OWNER_WAIT, ANYONE_WAIT])
def test_take__one_s_own__reverts(added, contributor, wait):
    with reverts("self-assessment: one's own contribution"):
        take(added, contributor, contributor, added.time + wait)


def test_take__owner_s_own__reverts_at_any_stage(added, owner):
    added.add(owner, x=OTHER_X, time=added.time + 1, value=10**18)

    with reverts("self-assessment: one's own contribution"):
        take(added, owner, owner, added.time + 1 + OWNER_WAIT, x=OTHER_X)
    with reverts("self-assessment: one's own contribution"):
        take(added, owner, owner, added.time + 1 + ANYONE_WAIT, x=OTHER_X)


def test_take__twice__reverts(added, contributor, owner):
    take(added, owner, contributor, added.time + OWNER_WAIT)

    with reverts(NO_SUCH):
        take(added, owner, contributor, added.time + OWNER_WAIT + 1)


def test_take__new_owner__instead_of_the_old(added, contributor, owner, stranger):
    added.model.send("set_owner", stranger, sender=owner)

    with reverts("self-assessment: only the owner, yet"):
        take(added, owner, contributor, added.time + OWNER_WAIT)
    receipt = take(added, stranger, contributor, added.time + OWNER_WAIT + 1)

    assert receipt.events[0].arguments["taker"] == str(stranger)


def test_take__rest_after_a_report__to_the_owner(setting, contributor, reporter, stranger, owner):
    setting.validate(reporter)
    setting.validate(stranger)
    setting.add(contributor)
    added, deposit = setting.time + 100, setting.record(contributor)["deposit"]
    setting.disagree()
    setting.incentive.send("report", setting.model, contributor, X, 1, sender=reporter, time=added + REFUND_WAIT)

    receipt = take(setting, owner, contributor, added + OWNER_WAIT)

    assert receipt.events[0].arguments["amount"] == deposit - deposit // 2
    assert setting.balance(setting.incentive) == 0


def test_take__zero_deposit__reverts(open_model, contributor, owner):
    setting = open_model(cost_weight=0)
    setting.add(contributor)

    with reverts("self-assessment: nothing left"):
        take(setting, owner, contributor, setting.time + 100 + OWNER_WAIT)


def test_take__any_field_changed__reverts(added, contributor, reporter, owner):
    time = added.time + OWNER_WAIT
    with reverts(NO_SUCH):
        take(added, owner, reporter, time)
    with reverts(NO_SUCH):
        take(added, owner, contributor, time, x=OTHER_X)
    with reverts(NO_SUCH):
        take(added, owner, contributor, time, y=0)
    with reverts("self-assessment: no such label"):
        take(added, owner, contributor, time, y=257)


def test_take__after_the_anyone_wait__does_not_need_the_model(added, contributor, stranger, owner):
    added.model.send("set_broken", True, sender=owner)
    added.model.send("set_broken_owner", True, sender=owner)

    receipt = take(added, stranger, contributor, added.time + ANYONE_WAIT)

    assert receipt.events[0].arguments["amount"] == DEPOSIT


def test_take__after_the_owner_wait__does_not_need_predictions(added, contributor, owner):
    added.model.send("set_broken", True, sender=owner)

    receipt = take(added, owner, contributor, added.time + OWNER_WAIT)

    assert receipt.events[0].arguments["amount"] == DEPOSIT


def test_take__model_without_owner_function__its_message(added, contributor, owner):
    added.model.send("set_broken_owner", True, sender=owner)

    with reverts("mock: no owner"):
        take(added, owner, contributor, added.time + OWNER_WAIT)


def test_take__shortest_waits__two_seconds_later(open_model, contributor, stranger):
    setting = open_model(refund_wait=1, owner_wait=2, anyone_wait=2)
    setting.add(contributor)

    take(setting, stranger, contributor, setting.time + 102)

    assert setting.balance(setting.incentive) == 0


def test_take__default_rule__nobody_ever(open_model, contributor, owner, stranger):
    setting = open_model(rule=DEFAULT_RULE)
    setting.add(contributor)

    for sender in (owner, stranger, contributor):
        with reverts("self-assessment: nobody takes on these terms"):
            take(setting, sender, contributor, setting.time + 10**9)
    assert setting.record(contributor)["claimable"] == DEPOSIT


def test_take__longest_waits__end_all_the_same(open_model, contributor, stranger):
    longest = 2**32 - 1
    setting = open_model(refund_wait=2**26 - 1, owner_wait=longest, anyone_wait=longest)
    setting.add(contributor)
    with reverts("self-assessment: too early"):
        take(setting, stranger, contributor, setting.time + 100 + longest - 1)

    take(setting, stranger, contributor, setting.time + 100 + longest)

    assert setting.balance(setting.incentive) == 0


def test_take__contract_wallet_that_takes_again_when_paid__paid_once(
    added, contributor, reporter, wallet, as_wallet, owner
):
    added.add(reporter, time=added.time + 100)
    others = added.record(reporter)["claimable"]
    again = added.incentive.data("take", str(added.model), str(contributor), X, 1)
    wallet.send("set_callback", added.incentive, again, 0, sender=owner)

    as_wallet(added.incentive, "take", added.model, contributor, X, 1, time=added.time + ANYONE_WAIT)

    assert not wallet.call("succeeded")
    assert NO_SUCH.encode() in wallet.call("returned")
    assert added.balance(wallet) == DEPOSIT
    assert added.balance(added.incentive) == others


def test_take__wallet_that_takes_the_next_when_paid__gets_both(added, contributor, reporter, wallet, as_wallet, owner):
    added.add(reporter, time=added.time + 100)
    others = added.record(reporter)["claimable"]
    following = added.incentive.data("take", str(added.model), str(reporter), X, 1)
    wallet.send("set_callback", added.incentive, following, 0, sender=owner)

    as_wallet(added.incentive, "take", added.model, contributor, X, 1, time=added.time + 100 + ANYONE_WAIT)

    assert wallet.call("succeeded")
    assert added.balance(wallet) == DEPOSIT + others
    assert added.balance(added.incentive) == 0


def test_take__wallet_as_owner__paid(added, contributor, wallet, as_wallet, owner):
    added.model.send("set_owner", wallet, sender=owner)

    as_wallet(added.incentive, "take", added.model, contributor, X, 1, time=added.time + OWNER_WAIT)

    assert added.balance(wallet) == DEPOSIT
