import pytest

from tests.client import reverts
from tests.unit.SelfAssessment.conftest import COST_WEIGHT, FULL


@pytest.mark.parametrize(
    ("seconds", "deposit"),
    [
        (0, FULL),
        (1, FULL),
        (3, FULL),  # the square root of 3 is 1
        (4, FULL // 2),
        (8, FULL // 2),
        (9, FULL // 3),
        (3_599, COST_WEIGHT * 3_600 // 59),
        (3_600, COST_WEIGHT * 60),  # an hour: 3600 / 60
        (86_400, COST_WEIGHT * 3_600 // 293),  # the square root of a day is 293.9
    ],
)
def test_required_deposit__seconds_since_the_latest__cost_weight_times_3600_by_the_root(setting, seconds, deposit):
    assert setting.incentive.call("required_deposit", setting.model, time=setting.time + seconds) == deposit


def test_required_deposit__after_a_contribution__counts_from_it(setting, contributor):
    setting.add(contributor, time=setting.time + 400)

    assert setting.incentive.call("required_deposit", setting.model, time=setting.time + 400) == FULL
    assert setting.incentive.call("required_deposit", setting.model, time=setting.time + 425) == FULL // 5


def test_required_deposit__after_a_contribution_to_another_model__as_before(setting, open_model, contributor):
    other = open_model()
    other.add(contributor, time=setting.time + 400)

    assert setting.incentive.call("required_deposit", setting.model, time=setting.time + 400) == FULL // 20


def test_required_deposit__after_failed_contribution__as_before(setting, contributor):
    with reverts("self-assessment: deposit above the value sent"):
        setting.add(contributor, value=FULL // 20 - 1, time=setting.time + 400)

    assert setting.incentive.call("required_deposit", setting.model, time=setting.time + 400) == FULL // 20


def test_required_deposit__largest_cost_weight__fits_the_record(open_model, contributor):
    largest = 2**70 - 1
    setting = open_model(cost_weight=largest)
    deposit = largest * 3_600
    assert deposit < 2**88
    assert setting.incentive.call("required_deposit", setting.model, time=setting.time) == deposit

    setting.incentive.chain.rpc("anvil_setBalance", str(contributor), hex(deposit))
    setting.add(contributor, value=deposit, time=setting.time + 1)

    assert setting.record(contributor)["claimable"] == deposit
    assert setting.record(contributor)["deposit"] == deposit
    assert setting.balance(setting.incentive) == deposit


def test_required_deposit__cost_weight_of_zero__free(open_model, contributor):
    setting = open_model(cost_weight=0)

    assert setting.incentive.call("required_deposit", setting.model, time=setting.time) == 0


def test_required_deposit__model_that_is_not_open__reverts(incentive, stranger):
    with reverts("self-assessment: not open for this model"):
        incentive.call("required_deposit", stranger)


def test_required_deposit__rounding__towards_zero(open_model):
    setting = open_model(cost_weight=1)

    assert setting.incentive.call("required_deposit", setting.model, time=setting.time + 49) == 3_600 // 7 == 514
    assert setting.incentive.call("required_deposit", setting.model, time=setting.time + 3_601**2) == 0
