import pytest

from tests.client import reverts
from tests.unit.SelfAssessment.conftest import OTHER_X, OWNER_WAIT, REFUND_WAIT, X, word

NO_SUCH = "self-assessment: no such contribution, or settled already"


def report(setting, sender, contributor, time, x=X, y=1):
    return setting.incentive.send("report", setting.model, contributor, x, y, sender=sender, time=time)


def test_report__only_validated_account__takes_everything(disputed, contributor, reporter):
    before = disputed.balance(reporter)

    receipt = report(disputed, reporter, contributor, disputed.time + REFUND_WAIT)

    deposit = receipt.events[0].arguments["amount"]
    assert receipt.events == [
        disputed.incentive.event(
            "Report",
            model=disputed.model,
            reporter=reporter,
            contribution=disputed.key(contributor),
            amount=deposit,
        )
    ]
    assert deposit > 0
    assert disputed.balance(reporter) == before + deposit
    assert disputed.balance(disputed.incentive) == 0
    with reverts(NO_SUCH):
        report(disputed, reporter, contributor, disputed.time + REFUND_WAIT + 1)


def test_report__share__deposit_times_own_by_all_validated_rounded_down(setting, contributor, reporter, stranger):
    setting.validate(reporter, times=2)
    setting.validate(stranger, times=5)
    setting.add(contributor)
    deposit = setting.record(contributor)["deposit"]
    setting.disagree()
    before = setting.balance(reporter)

    receipt = report(setting, reporter, contributor, setting.time + 100 + REFUND_WAIT)

    share = deposit * 2 // 7
    assert deposit * 2 % 7 > 0  # it does round
    assert receipt.events[0].arguments["amount"] == share
    assert setting.balance(reporter) == before + share
    assert setting.record(contributor)["claimable"] == deposit - share == setting.balance(setting.incentive)
    assert setting.record(contributor)["deposit"] == deposit


def test_report__several_reporters__shares_of_the_whole_deposit_until_nothing_is_left(
    setting, contributor, reporter, stranger
):
    setting.validate(reporter, times=1)
    setting.validate(stranger, times=2)
    setting.add(contributor)
    deposit = setting.record(contributor)["deposit"]
    setting.disagree()
    claim = setting.time + 100 + REFUND_WAIT

    first = report(setting, reporter, contributor, claim)
    # the stranger's part grows to 4 of 5, more than the two thirds of the deposit that are left
    x = OTHER_X + word(9)
    for i in range(2):
        setting.add(stranger, x=x + word(i), y=0, time=claim + 100 + i, value=10**17)
    for i in range(2):
        setting.incentive.send(
            "refund", setting.model, stranger, x + word(i), 0, sender=stranger, time=claim + 200 + REFUND_WAIT + i
        )
    second = report(setting, stranger, contributor, claim + 300 + REFUND_WAIT)

    assert first.events[0].arguments["amount"] == deposit // 3
    assert deposit * 4 // 5 > deposit - deposit // 3
    assert second.events[0].arguments["amount"] == deposit - deposit // 3
    assert setting.record(contributor)["time"] == 0
    assert setting.balance(setting.incentive) == 0


def test_report__one_second_before_the_wait__reverts(disputed, contributor, reporter):
    with reverts("self-assessment: too early"):
        report(disputed, reporter, contributor, disputed.time + REFUND_WAIT - 1)


def test_report__model_agrees__reverts(disputed, contributor, reporter):
    disputed.agree()

    with reverts("self-assessment: model agrees"):
        report(disputed, reporter, contributor, disputed.time + REFUND_WAIT)


def test_report__one_s_own__reverts(setting, reporter):
    setting.validate(reporter)
    setting.add(reporter)
    setting.disagree()

    with reverts("self-assessment: one's own contribution"):
        report(setting, reporter, reporter, setting.time + 100 + REFUND_WAIT)


def test_report__without_validated_data__reverts(disputed, contributor, stranger):
    with reverts("self-assessment: no validated contribution of one's own"):
        report(disputed, stranger, contributor, disputed.time + REFUND_WAIT)


def test_report__validated_for_another_model_only__reverts(disputed, open_model, contributor, stranger):
    other = open_model()
    other.validate(stranger)

    with reverts("self-assessment: no validated contribution of one's own"):
        report(disputed, stranger, contributor, other.time + REFUND_WAIT)


def test_report__twice_by_one_account__reverts(setting, contributor, reporter, stranger):
    setting.validate(reporter)
    setting.validate(stranger)
    setting.add(contributor)
    setting.disagree()
    claim = setting.time + 100 + REFUND_WAIT
    report(setting, reporter, contributor, claim)
    left = setting.balance(setting.incentive)

    with reverts("self-assessment: reported already"):
        report(setting, reporter, contributor, claim + 1)
    assert setting.balance(setting.incentive) == left > 0


def test_report__in_the_next_round__once_more(setting, contributor, reporter, stranger):
    """What was reported once can be reported again when it is added again: each round has its own reports."""
    setting.validate(reporter)
    setting.validate(stranger)
    setting.add(contributor)
    setting.disagree()
    claim = setting.time + 100 + REFUND_WAIT
    report(setting, reporter, contributor, claim)
    setting.agree()
    setting.incentive.send("refund", setting.model, contributor, X, 1, sender=contributor, time=claim + 10)
    setting.add(contributor, time=claim + 20)
    deposit = setting.record(contributor)["deposit"]
    setting.disagree()

    receipt = report(setting, reporter, contributor, claim + 20 + REFUND_WAIT)

    assert receipt.events[0].arguments["amount"] == deposit // 3  # the contributor is the third with validated data


def test_report__share_rounds_to_nothing__reverts(open_model, contributor, reporter, stranger):
    setting = open_model(cost_weight=1)
    setting.validate(reporter)
    setting.validate(stranger)
    setting.add(contributor, time=setting.time + 3_599**2)  # the deposit is 1 wei: 3600 / 3599, of which half is 0
    assert setting.record(contributor)["deposit"] == 1
    setting.disagree()

    with reverts("self-assessment: the share rounds to nothing"):
        report(setting, reporter, contributor, setting.time + 3_599**2 + REFUND_WAIT)
    assert setting.balance(setting.incentive) == 1


def test_report__zero_deposit__reverts(open_model, contributor, reporter):
    setting = open_model(cost_weight=0)
    setting.validate(reporter)
    setting.add(contributor)
    setting.disagree()

    with reverts("self-assessment: the share rounds to nothing"):
        report(setting, reporter, contributor, setting.time + 100 + REFUND_WAIT)


def test_report__any_field_changed__reverts(disputed, contributor, reporter, stranger, open_model):
    claim = disputed.time + REFUND_WAIT
    with reverts(NO_SUCH):
        report(disputed, reporter, stranger, claim)
    with reverts(NO_SUCH):
        report(disputed, reporter, contributor, claim, x=OTHER_X)
    with reverts(NO_SUCH):
        report(disputed, reporter, contributor, claim, y=0)
    with reverts("self-assessment: no such label"):
        report(disputed, reporter, contributor, claim, y=2**8 + 1)
    with reverts(NO_SUCH):
        report(open_model(), reporter, contributor, claim + 100)


def test_report__refunded_before__reverts(disputed, contributor, reporter):
    disputed.agree()
    disputed.incentive.send(
        "refund", disputed.model, contributor, X, 1, sender=contributor, time=disputed.time + REFUND_WAIT
    )
    disputed.disagree()

    with reverts(NO_SUCH):
        report(disputed, reporter, contributor, disputed.time + REFUND_WAIT + 100)


def test_report__predict_reverts__its_message_and_money_stays(disputed, contributor, reporter, owner):
    left = disputed.balance(disputed.incentive)
    disputed.model.send("set_broken", True, sender=owner)

    with reverts("mock: broken"):
        report(disputed, reporter, contributor, disputed.time + REFUND_WAIT)
    assert disputed.balance(disputed.incentive) == left > 0


def test_report__model_without_answer__reverts(disputed, contributor, reporter, owner):
    """No answer is no disagreement."""
    disputed.model.send("set_answer", b"", sender=owner)

    with reverts("contributions: the model does not answer"):
        report(disputed, reporter, contributor, disputed.time + REFUND_WAIT)


def test_report__wallet_that_reports_again_when_paid__gets_one_share(
    setting, contributor, stranger, wallet, as_wallet, owner
):
    setting.validate(stranger)
    as_wallet(setting.incentive, "add_data", setting.model, OTHER_X, 1, value=10**18)
    added = setting.incentive.chain.time
    as_wallet(setting.incentive, "refund", setting.model, wallet, OTHER_X, 1, time=added + REFUND_WAIT)
    setting.add(contributor, time=added + REFUND_WAIT + 100)
    deposit = setting.record(contributor)["deposit"]
    setting.disagree()
    again = setting.incentive.data("report", str(setting.model), str(contributor), X, 1)
    wallet.send("set_callback", setting.incentive, again, 0, sender=owner)
    before = setting.balance(wallet)

    as_wallet(setting.incentive, "report", setting.model, contributor, X, 1, time=added + 2 * REFUND_WAIT + 100)

    assert not wallet.call("succeeded")
    assert b"reported already" in wallet.call("returned")
    assert setting.balance(wallet) == before + deposit // 2
    assert setting.balance(setting.incentive) == deposit - deposit // 2


def test_report__without_own_effect__asks_predict_without(open_model, contributor, reporter, owner):
    setting = open_model(without_own_effect=True)
    setting.model.send("set_answer_without", word(1), sender=owner)
    setting.validate(reporter)
    setting.add(contributor)
    deposit = setting.record(contributor)["deposit"]
    claim = setting.time + 100 + REFUND_WAIT
    setting.agree(0)
    with reverts("self-assessment: model agrees"):
        report(setting, reporter, contributor, claim)
    setting.agree(1)
    setting.model.send("set_answer_without", word(0), sender=owner)

    receipt = report(setting, reporter, contributor, claim + 100)

    assert receipt.events[0].arguments["amount"] == deposit


# ---- with a dispute wait ---------------------------------------------------------------------------------------------

DISPUTE_WAIT = (OWNER_WAIT - REFUND_WAIT) // 2 - 1  # the longest that is accepted


@pytest.fixture
def flagged(open_model, contributor, reporter):
    """A contribution that the reporter flagged; the setting's time is when."""
    setting = open_model(dispute_wait=DISPUTE_WAIT)
    setting.validate(reporter)
    setting.add(contributor)
    setting.disagree()
    setting.time += 100 + REFUND_WAIT
    setting.incentive.send("flag", setting.model, contributor, X, 1, sender=reporter, time=setting.time)
    return setting


def test_report__dispute_wait__from_its_exact_end(flagged, contributor, reporter):
    with reverts("self-assessment: too early"):
        report(flagged, reporter, contributor, flagged.time + DISPUTE_WAIT - 1)

    receipt = report(flagged, reporter, contributor, flagged.time + DISPUTE_WAIT)

    assert [e.name for e in receipt.events] == ["Report"]
    assert flagged.balance(flagged.incentive) == 0


def test_report__not_flagged__reverts(flagged, contributor, stranger):
    flagged.validate(stranger, x=OTHER_X + word(1), y=0)

    with reverts("self-assessment: flag it first"):
        report(flagged, stranger, contributor, flagged.time + DISPUTE_WAIT)


def test_report__model_agrees_again_after_the_flag__reverts(flagged, contributor, reporter):
    flagged.agree()

    with reverts("self-assessment: model agrees"):
        report(flagged, reporter, contributor, flagged.time + DISPUTE_WAIT)


def test_report__flagged_and_paid__not_twice(open_model, contributor, reporter, stranger):
    setting = open_model(dispute_wait=10)
    setting.validate(reporter)
    setting.validate(stranger)
    setting.add(contributor)
    setting.disagree()
    claim = setting.time + 100 + REFUND_WAIT
    setting.incentive.send("flag", setting.model, contributor, X, 1, sender=reporter, time=claim)
    report(setting, reporter, contributor, claim + 10)

    with reverts("self-assessment: reported already"):
        report(setting, reporter, contributor, claim + 30)
    with reverts("self-assessment: flagged already"):
        setting.incentive.send("flag", setting.model, contributor, X, 1, sender=reporter, time=claim + 40)


def test_report__flag_of_an_earlier_round__does_not_count(flagged, contributor, reporter):
    flagged.agree()
    settled = flagged.time + 10
    flagged.incentive.send("refund", flagged.model, contributor, X, 1, sender=contributor, time=settled)
    flagged.add(contributor, time=settled + 1, value=10**18)
    flagged.disagree()

    with reverts("self-assessment: flag it first"):
        report(flagged, reporter, contributor, settled + 1 + REFUND_WAIT + DISPUTE_WAIT)
    assert flagged.balance(flagged.incentive) == flagged.record(contributor)["claimable"] > 0
