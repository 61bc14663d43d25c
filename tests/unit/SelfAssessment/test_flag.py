import pytest

from comodels.batch import pack_claims
from comodels.rows import pack_rows
from tests.client import reverts
from tests.unit.SelfAssessment.conftest import OTHER_X, REFUND_WAIT, X, word

ZERO = "0x" + "00" * 20
NO_SUCH = "self-assessment: no such contribution, or settled already"


def flag(setting, sender, contributor, time, x=X, y=1):
    return setting.incentive.send("flag", setting.model, contributor, x, y, sender=sender, time=time)


@pytest.fixture
def waiting(open_model, contributor, reporter):
    """As `disputed`, on terms with a dispute wait."""
    setting = open_model(dispute_wait=50)
    setting.validate(reporter)
    setting.time += 100
    setting.add(contributor, time=setting.time)
    setting.disagree()
    return setting


def test_flag__from_the_refund_wait_on__logged_and_no_money_moved(waiting, contributor, reporter):
    held, before = waiting.balance(waiting.incentive), waiting.balance(reporter)

    receipt = flag(waiting, reporter, contributor, waiting.time + REFUND_WAIT)

    assert receipt.events == [
        waiting.incentive.event(
            "Flag", model=waiting.model, reporter=reporter, contributions=(waiting.key(contributor),)
        )
    ]
    assert waiting.balance(waiting.incentive) == held
    assert waiting.balance(reporter) == before


def test_flag__one_second_before_the_wait__reverts(waiting, contributor, reporter):
    with reverts("self-assessment: too early"):
        flag(waiting, reporter, contributor, waiting.time + REFUND_WAIT - 1)


def test_flag__terms_without_dispute_wait__reverts(disputed, contributor, reporter):
    with reverts("self-assessment: report at once, there is no dispute wait"):
        flag(disputed, reporter, contributor, disputed.time + REFUND_WAIT)


def test_flag__model_that_is_not_open__reverts(waiting, contributor, reporter, stranger):
    with reverts("self-assessment: report at once, there is no dispute wait"):
        waiting.incentive.send("flag", stranger, contributor, X, 1, sender=reporter)


def test_flag__twice__reverts_and_the_first_time_counts(waiting, contributor, reporter):
    first = waiting.time + REFUND_WAIT
    flag(waiting, reporter, contributor, first)
    with reverts("self-assessment: flagged already"):
        flag(waiting, reporter, contributor, first + 49)

    receipt = waiting.incentive.send("report", waiting.model, contributor, X, 1, sender=reporter, time=first + 50)

    assert [e.name for e in receipt.events] == ["Report"]


def test_flag__one_s_own__reverts(waiting, reporter):
    waiting.add(reporter, time=waiting.time + 10, value=10**18)

    with reverts("self-assessment: one's own contribution"):
        flag(waiting, reporter, reporter, waiting.time + 10 + REFUND_WAIT)


def test_flag__without_validated_data__reverts(waiting, contributor, stranger):
    with reverts("self-assessment: no validated contribution of one's own"):
        flag(waiting, stranger, contributor, waiting.time + REFUND_WAIT)


def test_flag__model_agrees__reverts(waiting, contributor, reporter):
    waiting.agree()

    with reverts("self-assessment: model agrees"):
        flag(waiting, reporter, contributor, waiting.time + REFUND_WAIT)


def test_flag__predict_reverts__its_message(waiting, contributor, reporter, owner):
    waiting.model.send("set_broken", True, sender=owner)

    with reverts("mock: broken"):
        flag(waiting, reporter, contributor, waiting.time + REFUND_WAIT)


def test_flag__any_field_changed__reverts(waiting, contributor, reporter, stranger):
    claim = waiting.time + REFUND_WAIT
    with reverts(NO_SUCH):
        flag(waiting, reporter, stranger, claim)
    with reverts(NO_SUCH):
        flag(waiting, reporter, contributor, claim, x=OTHER_X)
    with reverts(NO_SUCH):
        flag(waiting, reporter, contributor, claim, y=0)


def test_flag__settled__reverts(waiting, contributor, reporter):
    waiting.agree()
    claim = waiting.time + REFUND_WAIT
    waiting.incentive.send("refund", waiting.model, contributor, X, 1, sender=contributor, time=claim)
    waiting.disagree()

    with reverts(NO_SUCH):
        flag(waiting, reporter, contributor, claim + 10)


def test_flag__while_disputed__contributor_may_refund(waiting, contributor, reporter):
    """The dispute wait is there for this: somebody adds good data, the model agrees again, the victim refunds."""
    claim = waiting.time + REFUND_WAIT
    flag(waiting, reporter, contributor, claim)
    waiting.agree()
    before, deposit = waiting.balance(contributor), waiting.record(contributor)["deposit"]

    waiting.incentive.send("refund", waiting.model, contributor, X, 1, sender=contributor, time=claim + 49)

    assert waiting.balance(contributor) == before + deposit
    with reverts(NO_SUCH):
        waiting.incentive.send("report", waiting.model, contributor, X, 1, sender=reporter, time=claim + 50)


def flag_many(setting, sender, items, time):
    arguments = setting.model, ZERO, len(items), pack_claims(items)
    return setting.incentive.send("flag_many", *arguments, sender=sender, time=time)


def test_flag_many__some_are_skipped__one_event_has_the_others(waiting, contributor, reporter, stranger):
    waiting.add(stranger, x=OTHER_X, time=waiting.time + 10)
    items = [(str(contributor), X, 1), (str(stranger), X, 1), (str(stranger), OTHER_X, 1)]

    receipt = flag_many(waiting, reporter, items, waiting.time + 10 + REFUND_WAIT)

    skipped = waiting.incentive.event(
        "Skipped", model=waiting.model, contributor=stranger, caller=reporter, item=1, reason=NO_SUCH
    )
    keys = (waiting.key(contributor), waiting.key(stranger, x=OTHER_X))
    flags = waiting.incentive.event("Flag", model=waiting.model, reporter=reporter, contributions=keys)
    assert receipt.events == [skipped, flags]


def test_flag_many__all_are_skipped__no_flag(waiting, reporter, stranger):
    receipt = flag_many(waiting, reporter, [(str(stranger), X, 1)], waiting.time + REFUND_WAIT)

    assert [e.name for e in receipt.events] == ["Skipped"]


def test_flag_many__a_hundred_and_one__reverts(waiting, contributor, reporter):
    rows = [(1, X + word(i)) for i in range(101)]
    time = waiting.time + 10
    price = waiting.incentive.call("batch_deposit", waiting.model, len(rows), time=time)
    arguments = waiting.model, len(rows), pack_rows(rows)
    waiting.incentive.send("add_many", *arguments, sender=contributor, value=price * len(rows), time=time)
    items = [(str(contributor), x, 1) for _, x in rows]

    with reverts():
        flag_many(waiting, reporter, items, time + REFUND_WAIT)

    [event] = flag_many(waiting, reporter, items[:100], time + REFUND_WAIT).events
    assert len(event.arguments["contributions"]) == 100
