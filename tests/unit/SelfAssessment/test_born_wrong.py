"""By the default rule only what the model disagreed with when it came can be flagged and reported."""

import pytest

from tests.client import reverts
from tests.unit.SelfAssessment.conftest import DEFAULT_RULE, DISPUTE_WAIT, OTHER_X, REFUND_WAIT, REST_WAIT, X, word

RIGHT = "self-assessment: the model agreed when it came"


@pytest.mark.parametrize(("answer", "born_wrong"), [(0, True), (1, False), (2, True), (257, True), (2**256 - 1, True)])
@pytest.mark.parametrize("effect", [0, 2**16 - 1])
def test_born_wrong__answer_before_learning__recorded_beside_the_effect(
    open_model, contributor, owner, answer, born_wrong, effect
):
    setting = open_model(DEFAULT_RULE)
    setting.model.send("set_learnt", word(effect) + word(answer), sender=owner)

    receipt = setting.add(contributor)

    assert setting.record(contributor)["born_wrong"] == born_wrong
    assert setting.record(contributor)["effect"] == effect
    assert setting.record(contributor)["round"] == 1
    assert receipt.events[0].arguments["facts"] >> 8 & 0xFFFF == effect


def test_born_wrong__terms_that_do_not_ask__update_is_called_and_nothing_noted(setting, contributor, owner):
    setting.model.send("set_learnt", b"", sender=owner)  # `learn` would fail

    setting.add(contributor)

    assert not setting.record(contributor)["born_wrong"]


@pytest.mark.parametrize("learnt", [b"", word(0), word(0) + bytes(31)])
def test_born_wrong__answer_cut_short__reverts(open_model, contributor, owner, learnt):
    setting = open_model(DEFAULT_RULE)
    setting.model.send("set_learnt", learnt, sender=owner)

    with reverts():
        setting.add(contributor)


def test_born_wrong__effect_above_sixteen_bits__reverts(open_model, contributor, owner):
    setting = open_model(DEFAULT_RULE)
    setting.model.send("set_learnt", word(2**16) + word(0), sender=owner)

    with reverts("self-assessment: unknown effect"):
        setting.add(contributor)


def test_born_wrong__wrong_then_and_now__flagged_and_reported(born_wrong, contributor, reporter):
    before = born_wrong.balance(reporter)
    deposit = born_wrong.record(contributor)["deposit"]

    born_wrong.claim("flag", reporter, contributor, REFUND_WAIT)
    born_wrong.claim("report", reporter, contributor, REFUND_WAIT + DISPUTE_WAIT)

    assert born_wrong.balance(reporter) == before + deposit > before
    assert born_wrong.balance(born_wrong.incentive) == 0


def test_born_wrong__right_then_wrong_now__neither_flagged_nor_reported(born_wrong, contributor, reporter, owner):
    born_wrong.model.send("set_learnt", word(0) + word(1), sender=owner)
    born_wrong.time += 50
    born_wrong.add(contributor, x=OTHER_X, time=born_wrong.time, value=10**18)

    for age in (REFUND_WAIT, REFUND_WAIT + DISPUTE_WAIT, REST_WAIT - 2):
        with reverts(RIGHT):
            born_wrong.claim("flag", reporter, contributor, age, x=OTHER_X)
        with reverts(RIGHT):
            born_wrong.claim("report", reporter, contributor, age + 1, x=OTHER_X)


def test_born_wrong__next_round_comes_right__the_bit_is_of_this_round(born_wrong, contributor, reporter, owner):
    born_wrong.agree()
    born_wrong.claim("refund", contributor, contributor, REFUND_WAIT)
    assert not born_wrong.record(contributor)["born_wrong"]
    born_wrong.model.send("set_learnt", word(0) + word(1), sender=owner)
    born_wrong.time += REFUND_WAIT + 100
    born_wrong.add(contributor, time=born_wrong.time, value=10**18)
    born_wrong.disagree()

    with reverts(RIGHT):
        born_wrong.claim("flag", reporter, contributor, REFUND_WAIT)


@pytest.mark.parametrize("function", ["flag", "report"])
def test_born_wrong__at_the_rest_wait__too_late_to_flag_or_report(
    born_wrong, contributor, reporter, stranger, function
):
    if function == "report":
        born_wrong.claim("flag", reporter, contributor, REST_WAIT - 1)

    with reverts("self-assessment: too late, the rest goes back"):
        born_wrong.claim(function, reporter, contributor, REST_WAIT)
    assert born_wrong.record(contributor)["claimable"] > 0


def test_born_wrong__last_second_before_the_rest_wait__reported(born_wrong, contributor, reporter):
    born_wrong.claim("flag", reporter, contributor, REST_WAIT - 1 - DISPUTE_WAIT)

    born_wrong.claim("report", reporter, contributor, REST_WAIT - 1)

    assert born_wrong.balance(born_wrong.incentive) == 0


def test_flagged__before_while_and_after__time_paid_and_nothing(born_wrong, contributor, reporter, stranger):
    def flagged(who):
        return born_wrong.incentive.call("flagged", born_wrong.model, contributor, X, 1, who)

    assert flagged(reporter) == 0
    receipt = born_wrong.claim("flag", reporter, contributor, REFUND_WAIT)
    assert (flagged(reporter), flagged(stranger)) == (receipt.time, 0)
    born_wrong.claim("report", reporter, contributor, REFUND_WAIT + DISPUTE_WAIT)
    assert flagged(reporter) == 0  # it took all: the record is settled, and tells enough
    with reverts("self-assessment: no such contribution, or settled already"):
        born_wrong.claim("report", reporter, contributor, 0)
    with reverts("self-assessment: no such label"):
        born_wrong.incentive.call("flagged", born_wrong.model, contributor, X, 257, reporter)


def test_flagged__a_part_was_reported__paid(born_wrong, contributor, reporter, stranger):
    born_wrong.agree()
    born_wrong.add(stranger, x=OTHER_X + word(5), time=born_wrong.time + 1, value=10**18)
    born_wrong.claim("refund", stranger, stranger, 1 + REFUND_WAIT, x=OTHER_X + word(5))
    born_wrong.disagree()
    deposit = born_wrong.record(contributor)["deposit"]
    born_wrong.claim("flag", reporter, contributor, REFUND_WAIT + 10)
    born_wrong.claim("report", reporter, contributor, REFUND_WAIT + 10 + DISPUTE_WAIT)

    assert born_wrong.record(contributor)["claimable"] == deposit - deposit * 2 // 3
    assert born_wrong.incentive.call("flagged", born_wrong.model, contributor, X, 1, reporter) == 2**256 - 1
