import pytest

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import reverts
from tests.conftest import pack_terms
from tests.unit.SelfAssessment.conftest import (
    ANYONE_WAIT,
    COST_WEIGHT,
    DEPOSIT,
    FULL,
    OTHER_X,
    OWNER_WAIT,
    REFUND_WAIT,
    X,
    word,
)

NO_SUCH = "self-assessment: no such contribution, or settled already"


def refund(setting, sender, time, x=X, y=1):
    return setting.incentive.send("refund", setting.model, sender, x, y, sender=sender, time=time)


@pytest.fixture
def added(setting, contributor):
    """A contribution, at the setting's time."""
    setting.time += 100
    setting.add(contributor, time=setting.time)
    return setting


def test_refund__agreed__whole_deposit_and_one_more_validated(added, contributor):
    before = added.balance(contributor)

    receipt = refund(added, contributor, added.time + REFUND_WAIT)

    assert receipt.events == [
        added.incentive.event(
            "Refund", model=added.model, contributor=contributor, contribution=added.key(contributor), amount=DEPOSIT
        )
    ]
    assert added.balance(contributor) == before + DEPOSIT
    assert added.balance(added.incentive) == 0
    assert added.incentive.call("validated_of", added.model, contributor) == 1
    assert added.incentive.call("statistics", added.model) == (1, 1)


def test_refund__one_second_before_the_wait__reverts(added, contributor):
    with reverts("self-assessment: too early"):
        refund(added, contributor, added.time + REFUND_WAIT - 1)
    assert added.record(contributor)["claimable"] == DEPOSIT


@pytest.mark.parametrize("after", [OWNER_WAIT, ANYONE_WAIT, 10**9])
def test_refund__long_after__still_paid(added, contributor, after):
    before = added.balance(contributor)

    refund(added, contributor, added.time + after)

    assert added.balance(contributor) == before + DEPOSIT


def test_refund__shortest_wait__in_the_next_second(open_model, contributor):
    setting = open_model(refund_wait=1)
    setting.add(contributor)
    with reverts("self-assessment: too early"):
        refund(setting, contributor, setting.time + 100)

    refund(setting, contributor, setting.time + 101)

    assert setting.balance(setting.incentive) == 0


def test_refund__model_disagrees__reverts_until_it_agrees(added, contributor):
    added.disagree()
    with reverts("self-assessment: the model disagrees"):
        refund(added, contributor, added.time + REFUND_WAIT)
    added.agree()

    refund(added, contributor, added.time + REFUND_WAIT + 100)

    assert added.balance(added.incentive) == 0


@pytest.mark.parametrize("answer", [0, 2, 255, 257, 2**256 - 1])
def test_refund__any_other_answer__disagrees(added, contributor, answer):
    added.agree(answer)

    with reverts("self-assessment: the model disagrees"):
        refund(added, contributor, added.time + REFUND_WAIT)


@pytest.mark.parametrize("length", [0, 1, 31])
def test_refund__answer_shorter_than_a_word__reverts(added, contributor, owner, length):
    added.model.send("set_answer", b"\x01" * length, sender=owner)

    with reverts("contributions: the model does not answer"):
        refund(added, contributor, added.time + REFUND_WAIT)


def test_refund__predict_reverts__its_message_and_money_stays(added, contributor, owner):
    added.model.send("set_broken", True, sender=owner)

    with reverts("mock: broken"):
        refund(added, contributor, added.time + REFUND_WAIT)

    assert added.record(contributor)["claimable"] == DEPOSIT == added.balance(added.incentive)


def test_refund__twice__reverts(added, contributor):
    refund(added, contributor, added.time + REFUND_WAIT)

    with reverts(NO_SUCH):
        refund(added, contributor, added.time + REFUND_WAIT + 1)
    assert added.incentive.call("validated_of", added.model, contributor) == 1


def test_refund__any_field_changed__reverts(added, contributor, reporter, open_model, stranger):
    time = added.time + REFUND_WAIT
    with reverts(NO_SUCH):
        refund(added, reporter, time)
    with reverts(NO_SUCH):
        refund(added, contributor, time, x=X[:-1] + b"\x06")
    with reverts(NO_SUCH):
        refund(added, contributor, time, x=X + b"\0")
    with reverts(NO_SUCH):
        refund(added, contributor, time, x=b"")
    with reverts(NO_SUCH):
        refund(added, contributor, time, y=0)
    with reverts("self-assessment: no such label"):
        refund(added, contributor, time, y=257)
    with reverts(NO_SUCH):
        refund(open_model(), contributor, time + 10)
    with reverts(NO_SUCH):
        added.incentive.send("refund", stranger, contributor, X, 1, sender=contributor)


def test_refund__same_sample_again__paid_but_counted_once(added, contributor):
    for _ in range(5):
        refund(added, contributor, added.time + REFUND_WAIT)
        added.time += REFUND_WAIT + 100
        added.add(contributor, time=added.time)
    refund(added, contributor, added.time + REFUND_WAIT)

    assert added.incentive.call("validated_of", added.model, contributor) == 1
    assert added.incentive.call("statistics", added.model) == (6, 1)
    assert added.balance(added.incentive) == 0


def test_refund__same_sample_with_another_label__counted_for_each(added, contributor):
    added.add(contributor, y=0, time=added.time + 100)
    refund(added, contributor, added.time + REFUND_WAIT)
    added.disagree()
    refund(added, contributor, added.time + REFUND_WAIT + 100, y=0)

    assert added.incentive.call("validated_of", added.model, contributor) == 2


def test_refund__zero_deposit__validated_without_payment(open_model, contributor):
    setting = open_model(cost_weight=0)
    setting.add(contributor, value=0)

    receipt = refund(setting, contributor, setting.time + 100 + REFUND_WAIT)

    assert [e.arguments["amount"] for e in receipt.events] == [0]
    assert setting.incentive.call("validated_of", setting.model, contributor) == 1
    with reverts(NO_SUCH):
        refund(setting, contributor, setting.time + 200 + REFUND_WAIT)


def test_refund__zero_deposit_to_a_wallet_that_refuses__validated(open_model, wallet, as_wallet, owner):
    setting = open_model(cost_weight=0)
    wallet.send("set_refusing", True, sender=owner)
    as_wallet(setting.incentive, "add_data", setting.model, X, 1, time=setting.time + 100)

    as_wallet(setting.incentive, "refund", setting.model, wallet, X, 1, time=setting.time + 100 + REFUND_WAIT)

    assert setting.incentive.call("validated_of", setting.model, wallet) == 1


def test_refund__after_a_report__the_rest(setting, contributor, reporter, stranger):
    setting.validate(reporter)
    setting.validate(stranger)  # so a reporter's share is a half
    setting.add(contributor)
    deposit = setting.record(contributor)["deposit"]
    setting.disagree()
    claim = setting.time + 100 + REFUND_WAIT
    setting.incentive.send("report", setting.model, contributor, X, 1, sender=reporter, time=claim)
    setting.agree()
    before = setting.balance(contributor)

    refund(setting, contributor, claim + 100)

    assert setting.balance(contributor) == before + deposit - deposit // 2
    assert setting.balance(setting.incentive) == 0


def test_refund__all_was_reported__reverts(disputed, contributor, reporter):
    claim = disputed.time + REFUND_WAIT
    disputed.incentive.send("report", disputed.model, contributor, X, 1, sender=reporter, time=claim)
    disputed.agree()

    with reverts(NO_SUCH):
        refund(disputed, contributor, claim + 100)


def test_refund__contract_wallet__paid(setting, wallet, as_wallet):
    as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT, time=setting.time + 100)

    as_wallet(setting.incentive, "refund", setting.model, wallet, X, 1, time=setting.time + 100 + REFUND_WAIT)

    assert setting.balance(wallet) == DEPOSIT
    assert wallet.call("payments") == 1


def test_refund__wallet_that_refuses__reverts_and_can_claim_later(setting, wallet, as_wallet, owner):
    as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT, time=setting.time + 100)
    wallet.send("set_refusing", True, sender=owner)
    with reverts():
        as_wallet(setting.incentive, "refund", setting.model, wallet, X, 1, time=setting.time + 100 + REFUND_WAIT)
    wallet.send("set_refusing", False, sender=owner)

    as_wallet(setting.incentive, "refund", setting.model, wallet, X, 1)

    assert setting.balance(wallet) == DEPOSIT


def test_refund__wallet_that_claims_again_when_paid__gets_nothing(setting, wallet, as_wallet, owner, contributor):
    setting.add(contributor)  # money of somebody else is there to be stolen
    as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=FULL, time=setting.time + 101)
    again = setting.incentive.data("refund", str(setting.model), str(wallet), X, 1)
    wallet.send("set_callback", setting.incentive, again, 0, sender=owner)

    as_wallet(setting.incentive, "refund", setting.model, wallet, X, 1, time=setting.time + 101 + REFUND_WAIT)

    assert not wallet.call("succeeded")
    assert NO_SUCH.encode() in wallet.call("returned")
    assert setting.balance(wallet) == FULL
    assert setting.balance(setting.incentive) == DEPOSIT == setting.record(contributor)["claimable"]
    assert setting.incentive.call("validated_of", setting.model, wallet) == 1


def test_refund__wallet_that_adds_again_when_paid__next_round(setting, wallet, as_wallet, owner):
    as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT, time=setting.time + 100)
    again = setting.incentive.data("add_data", str(setting.model), X, 1)
    later = COST_WEIGHT * 3_600 // 31  # 31² < 1,000 seconds
    wallet.send("set_callback", setting.incentive, again, later, sender=owner)

    as_wallet(setting.incentive, "refund", setting.model, wallet, X, 1, time=setting.time + 100 + REFUND_WAIT)

    assert wallet.call("succeeded")
    assert setting.record(wallet)["round"] == 2
    assert setting.balance(setting.incentive) == later == setting.record(wallet)["claimable"]


def test_refund__ether_forced_in__changes_nothing(added, contributor):
    added.incentive.chain.rpc("anvil_setBalance", added.incentive.address, hex(10**20))
    before = added.balance(contributor)

    refund(added, contributor, added.time + REFUND_WAIT)

    assert added.balance(contributor) == before + DEPOSIT
    assert added.balance(added.incentive) == 10**20 - DEPOSIT


# ---- judged without its own effect -----------------------------------------------------------------------------------


def test_refund__without_own_effect__asks_predict_without_and_passes_the_effect(open_model, contributor, owner):
    setting = open_model(without_own_effect=True)
    setting.model.send("set_effect", word(77), sender=owner)  # the mock refuses another effect
    setting.agree(0)
    setting.model.send("set_answer_without", word(1), sender=owner)
    setting.add(contributor)

    refund(setting, contributor, setting.time + 100 + REFUND_WAIT)

    assert setting.balance(setting.incentive) == 0


def test_refund__without_own_effect__predict_alone_does_not_help(open_model, contributor, owner):
    setting = open_model(without_own_effect=True)
    setting.agree(1)
    setting.model.send("set_answer_without", word(0), sender=owner)
    setting.add(contributor)

    with reverts("self-assessment: the model disagrees"):
        refund(setting, contributor, setting.time + 100 + REFUND_WAIT)


@pytest.mark.parametrize("without_own_effect", [False, True])
def test_refund__sample_that_only_its_own_effect_agrees_with__as_the_terms_say(
    new_model, incentive, contributor, without_own_effect
):
    """The fresh perceptron answers 0. The sample lifts its own score to 2 · 1 + 1 = 3; without it, it is 0 again."""
    twin = SparsePerceptron(SparsePerceptronParameters(10))
    terms = pack_terms(cost_weight=COST_WEIGHT, refund_wait=REFUND_WAIT, without_own_effect=without_own_effect)
    model = new_model(twin, incentive, terms)
    added = incentive.send("add_data", model, OTHER_X, 1, sender=contributor, value=FULL)
    assert model.call("score", OTHER_X) == 3

    if without_own_effect:
        with reverts("self-assessment: the model disagrees"):
            incentive.send("refund", model, contributor, OTHER_X, 1, sender=contributor, time=added.time + REFUND_WAIT)
    else:
        incentive.send("refund", model, contributor, OTHER_X, 1, sender=contributor, time=added.time + REFUND_WAIT)
        assert incentive.call("validated_of", model, contributor) == 1
