import pytest

from tests.client import reverts
from tests.unit.SelfAssessment.conftest import (
    DEFAULT_RULE,
    DISPUTE_WAIT,
    OTHER_X,
    REFUND_WAIT,
    REST_WAIT,
    X,
    word,
)

NO_SUCH = "self-assessment: no such contribution, or settled already"
TOO_FEW = "self-assessment: too few validated contributions"
WRONG = OTHER_X + word(99)  # of whoever has validated something


@pytest.fixture
def mistaken(born_wrong, reporter):
    """The reporter, who has two validated contributions, has made a mistake too, at the setting's `time`."""
    born_wrong.time += 50
    born_wrong.add(reporter, x=WRONG, time=born_wrong.time, value=10**18)
    return born_wrong


def forgive(setting, sender, contributor, age, x=WRONG, y=1):
    return setting.claim("forgive", sender, contributor, age, x=x, y=y)


def test_forgive__enough_validated__deposit_back_and_one_more_forgiven(mistaken, reporter):
    before, deposit = mistaken.balance(reporter), mistaken.record(reporter, x=WRONG)["deposit"]

    receipt = forgive(mistaken, reporter, reporter, REFUND_WAIT)

    key = mistaken.key(reporter, x=WRONG)
    assert receipt.events == [
        mistaken.incentive.event(
            "Forgive", model=mistaken.model, contributor=reporter, contribution=key, amount=deposit
        )
    ]
    assert mistaken.balance(reporter) == before + deposit > before
    assert mistaken.incentive.call("forgiven_of", mistaken.model, reporter) == 1
    assert mistaken.incentive.call("validated_of", mistaken.model, reporter) == 2
    assert mistaken.incentive.call("statistics", mistaken.model) == (4, 2)  # nothing is validated by it
    record = mistaken.record(reporter, x=WRONG)
    assert (record["time"], record["claimable"], record["validated"], record["round"]) == (0, 0, False, 1)


def test_forgive__twice_for_as_many_validated__reverts(mistaken, reporter):
    forgive(mistaken, reporter, reporter, REFUND_WAIT)
    mistaken.time += REFUND_WAIT + 10
    mistaken.add(reporter, x=WRONG, time=mistaken.time, value=10**18)

    with reverts(TOO_FEW):
        forgive(mistaken, reporter, reporter, REFUND_WAIT)


def test_forgive__four_validated__two_forgiven(born_wrong, reporter):
    born_wrong.agree()
    for i in range(2):
        born_wrong.add(reporter, x=X + word(i), time=born_wrong.time + 1 + i, value=10**18)
    for i in range(3):
        born_wrong.add(reporter, x=WRONG + word(i), time=born_wrong.time + 3 + i, value=10**18)
    for i in range(2):
        born_wrong.claim("refund", reporter, reporter, REFUND_WAIT + 10 + i, x=X + word(i))
    born_wrong.disagree()

    for i in range(2):
        forgive(born_wrong, reporter, reporter, REFUND_WAIT + 20 + i, x=WRONG + word(i))
    with reverts(TOO_FEW):
        forgive(born_wrong, reporter, reporter, REFUND_WAIT + 22, x=WRONG + word(2))
    assert born_wrong.incentive.call("forgiven_of", born_wrong.model, reporter) == 2


def test_forgive__nothing_validated__reverts(born_wrong, contributor):
    with reverts(TOO_FEW):
        forgive(born_wrong, contributor, contributor, REFUND_WAIT, x=X)


def test_forgive__validated_for_another_model__does_not_count(born_wrong, open_model, reporter):
    other = open_model(DEFAULT_RULE)
    other.add(reporter, x=WRONG)
    other.disagree()

    with reverts(TOO_FEW):
        other.claim("forgive", reporter, reporter, 100 + REFUND_WAIT, x=WRONG)


@pytest.mark.parametrize("terms", [{"forgive_every": 0}, None])
def test_forgive__terms_that_forgive_nothing__reverts(open_model, reporter, terms):
    setting = open_model() if terms is None else open_model(DEFAULT_RULE, **terms)
    setting.validate(reporter, times=2)
    setting.add(reporter, x=WRONG, value=10**18)
    setting.disagree()

    with reverts("self-assessment: nothing is forgiven on these terms"):
        forgive(setting, reporter, reporter, 100 + REFUND_WAIT)


def test_forgive__one_second_early_or_at_the_rest_wait__reverts(mistaken, reporter):
    with reverts("self-assessment: too early"):
        forgive(mistaken, reporter, reporter, REFUND_WAIT - 1)
    with reverts("self-assessment: too late, and not needed: the rest goes back"):
        forgive(mistaken, reporter, reporter, REST_WAIT)


def test_forgive__model_agrees__reverts_and_nothing_is_spent(mistaken, reporter):
    mistaken.agree()

    with reverts("self-assessment: model agrees"):
        forgive(mistaken, reporter, reporter, REFUND_WAIT)
    assert mistaken.incentive.call("forgiven_of", mistaken.model, reporter) == 0


@pytest.mark.parametrize("role", ["stranger", "owner", "contributor"])
def test_forgive__by_another__reverts(mistaken, reporter, role, request):
    with reverts("self-assessment: only the contributor, or the keeper whom they named"):
        forgive(mistaken, request.getfixturevalue(role), reporter, REFUND_WAIT)
    assert mistaken.incentive.call("forgiven_of", mistaken.model, reporter) == 0


def test_forgive__by_the_keeper__money_to_the_contributor(mistaken, reporter, keeper):
    receipt = mistaken.incentive.send("name_keeper", keeper, sender=reporter)
    assert receipt.events == [mistaken.incentive.event("KeeperNamed", contributor=reporter, keeper=keeper)]
    assert mistaken.incentive.call("keeper_of", reporter) == str(keeper)
    before, keepers = mistaken.balance(reporter), mistaken.balance(keeper)
    deposit = mistaken.record(reporter, x=WRONG)["deposit"]

    forgive(mistaken, keeper, reporter, REFUND_WAIT)

    assert mistaken.balance(reporter) == before + deposit
    assert mistaken.balance(keeper) == keepers


def test_forgive__keeper_of_another_or_of_before__reverts(mistaken, reporter, contributor, keeper, stranger):
    mistaken.incentive.send("name_keeper", stranger, sender=contributor)
    mistaken.incentive.send("name_keeper", keeper, sender=reporter)
    mistaken.incentive.send("name_keeper", "0x" + "00" * 20, sender=reporter)

    for sender in (keeper, stranger):
        with reverts("self-assessment: only the contributor, or the keeper whom they named"):
            forgive(mistaken, sender, reporter, 0 if sender == stranger else REFUND_WAIT)


def test_forgive__twice__reverts(mistaken, reporter):
    forgive(mistaken, reporter, reporter, REFUND_WAIT)

    with reverts(NO_SUCH):
        forgive(mistaken, reporter, reporter, REFUND_WAIT + 1)


def test_forgive__flagged__comes_back_before_it_is_reported(born_wrong, reporter, stranger):
    born_wrong.validate(stranger)
    born_wrong.add(reporter, x=WRONG, time=born_wrong.time + 50, value=10**18)
    born_wrong.time += 50
    born_wrong.disagree()
    born_wrong.claim("flag", stranger, reporter, REFUND_WAIT, x=WRONG)

    forgive(born_wrong, reporter, reporter, REFUND_WAIT + 1)

    with reverts(NO_SUCH):
        born_wrong.claim("report", stranger, reporter, REFUND_WAIT + DISPUTE_WAIT, x=WRONG)


def test_forgive__any_field_changed__reverts(mistaken, reporter, contributor):
    with reverts(NO_SUCH):
        forgive(mistaken, reporter, reporter, REFUND_WAIT, x=WRONG + b"\0")
    with reverts(NO_SUCH):
        forgive(mistaken, reporter, reporter, 0, y=0)
    with reverts("self-assessment: no such label"):
        forgive(mistaken, reporter, reporter, 0, y=257)
    with reverts(NO_SUCH):
        forgive(mistaken, contributor, contributor, 0)
