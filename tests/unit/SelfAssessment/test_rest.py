import pytest

from tests.client import reverts
from tests.unit.SelfAssessment.conftest import (
    DEFAULT_RULE,
    DEPOSIT,
    DISPUTE_WAIT,
    OTHER_X,
    REFUND_WAIT,
    REST_WAIT,
    X,
)

NO_SUCH = "self-assessment: no such contribution, or settled already"


@pytest.mark.parametrize("role", ["contributor", "stranger", "owner"])
def test_rest__from_the_rest_wait_on__back_to_the_contributor_whoever_asks(born_wrong, contributor, role, request):
    sender = request.getfixturevalue(role)
    before, deposit = born_wrong.balance(contributor), born_wrong.record(contributor)["deposit"]

    receipt = born_wrong.claim("rest", sender, contributor, REST_WAIT)

    key = born_wrong.key(contributor)
    assert receipt.events == [
        born_wrong.incentive.event(
            "Rest", model=born_wrong.model, contributor=contributor, contribution=key, amount=deposit
        )
    ]
    assert born_wrong.balance(contributor) == before + deposit > before
    assert born_wrong.balance(born_wrong.incentive) == 0
    assert born_wrong.incentive.call("validated_of", born_wrong.model, contributor) == 0
    assert born_wrong.incentive.call("statistics", born_wrong.model) == (3, 2)


def test_rest__one_second_early__reverts(born_wrong, contributor):
    with reverts("self-assessment: too early"):
        born_wrong.claim("rest", contributor, contributor, REST_WAIT - 1)


def test_rest__model_broken__paid_all_the_same(born_wrong, contributor, stranger, owner):
    born_wrong.model.send("set_broken", True, sender=owner)
    born_wrong.model.send("set_broken_owner", True, sender=owner)

    born_wrong.claim("rest", stranger, contributor, REST_WAIT)

    assert born_wrong.balance(born_wrong.incentive) == 0


def test_rest__model_agrees__not_validated_but_a_refund_would_be(open_model, contributor, stranger):
    setting = open_model(DEFAULT_RULE)
    setting.add(contributor)
    setting.add(contributor, x=OTHER_X, time=setting.time + 101)

    setting.claim("rest", stranger, contributor, 101 + REST_WAIT)
    assert setting.incentive.call("validated_of", setting.model, contributor) == 0
    setting.claim("refund", stranger, contributor, 102 + REST_WAIT, x=OTHER_X)
    assert setting.incentive.call("validated_of", setting.model, contributor) == 1


def test_rest__after_a_part_was_reported__the_rest_only(born_wrong, contributor, reporter, stranger):
    born_wrong.agree()
    born_wrong.add(stranger, x=OTHER_X, time=born_wrong.time + 1, value=10**18)
    born_wrong.claim("refund", stranger, stranger, 1 + REFUND_WAIT, x=OTHER_X)
    born_wrong.disagree()
    born_wrong.claim("flag", reporter, contributor, REFUND_WAIT + 10)
    born_wrong.claim("report", reporter, contributor, REFUND_WAIT + 10 + DISPUTE_WAIT)
    before, deposit = born_wrong.balance(contributor), born_wrong.record(contributor)["deposit"]

    born_wrong.claim("rest", contributor, contributor, REST_WAIT)

    assert born_wrong.balance(contributor) == before + deposit - deposit * 2 // 3
    assert born_wrong.balance(born_wrong.incentive) == 0


def test_rest__twice__reverts_and_the_sample_can_come_again(born_wrong, contributor):
    born_wrong.claim("rest", contributor, contributor, REST_WAIT)
    with reverts(NO_SUCH):
        born_wrong.claim("rest", contributor, contributor, REST_WAIT + 1)

    born_wrong.add(contributor, time=born_wrong.time + REST_WAIT + 2)

    assert born_wrong.record(contributor)["round"] == 2


def test_rest__zero_deposit__settled_without_payment(open_model, contributor):
    setting = open_model(DEFAULT_RULE, cost_weight=0)
    setting.add(contributor, value=0)

    receipt = setting.claim("rest", contributor, contributor, 100 + REST_WAIT)

    assert [e.arguments["amount"] for e in receipt.events] == [0]
    assert setting.record(contributor)["time"] == 0


def test_rest__slides_rule__reverts(setting, contributor):
    setting.add(contributor)

    with reverts("self-assessment: nothing goes back by itself on these terms"):
        setting.claim("rest", contributor, contributor, 10**9)
    assert setting.record(contributor)["claimable"] == DEPOSIT


def test_rest__model_that_is_not_open__reverts(born_wrong, contributor, stranger):
    with reverts("self-assessment: nothing goes back by itself on these terms"):
        born_wrong.incentive.send("rest", stranger, contributor, X, 1, sender=contributor)


def test_rest__any_field_changed__reverts(born_wrong, contributor, reporter):
    with reverts(NO_SUCH):
        born_wrong.claim("rest", reporter, reporter, REST_WAIT)
    with reverts(NO_SUCH):
        born_wrong.claim("rest", reporter, contributor, 0, x=OTHER_X)
    with reverts(NO_SUCH):
        born_wrong.claim("rest", reporter, contributor, 0, y=0)
    with reverts("self-assessment: no such label"):
        born_wrong.claim("rest", reporter, contributor, 0, y=2**256 - 1)
