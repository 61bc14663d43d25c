import pytest

from tests.client import reverts
from tests.unit.SelfAssessment.conftest import DEPOSIT, OTHER_X, REFUND_WAIT, X, word

EMPTY = {"claimable": 0, "deposit": 0, "time": 0, "effect": 0, "born_wrong": False, "validated": False, "round": 0}


def test_contribution__never_added__all_zero(setting, contributor):
    assert setting.record(contributor) == EMPTY


def test_contribution__added__every_field(setting, contributor, owner):
    setting.model.send("set_effect", word(2**16 - 1), sender=owner)
    setting.add(contributor)

    assert setting.record(contributor) == {
        "claimable": DEPOSIT,
        "deposit": DEPOSIT,
        "time": setting.time + 100,
        "effect": 2**16 - 1,
        "born_wrong": False,
        "validated": False,
        "round": 1,
    }


def test_contribution__any_field_changed__another_record(setting, open_model, contributor, reporter):
    setting.add(contributor)

    assert setting.record(reporter) == EMPTY
    assert setting.record(contributor, y=0) == EMPTY
    assert setting.record(contributor, x=OTHER_X) == EMPTY
    assert setting.record(contributor, x=X + b"\0") == EMPTY
    assert open_model().record(contributor) == EMPTY


@pytest.mark.parametrize("y", [256, 257, 2**255 + 1])
def test_contribution__label_above_a_byte__reverts(setting, contributor, y):
    setting.add(contributor)

    with reverts("self-assessment: no such label"):
        setting.record(contributor, y=y)


def test_contribution__refunded__keeps_round_and_validated(setting, contributor):
    setting.add(contributor)
    setting.incentive.send(
        "refund", setting.model, contributor, X, 1, sender=contributor, time=setting.time + 100 + REFUND_WAIT
    )

    assert setting.record(contributor) == EMPTY | {"validated": True, "round": 1}


def test_contribution__taken__keeps_round(disputed, contributor, reporter):
    disputed.incentive.send(
        "report", disputed.model, contributor, X, 1, sender=reporter, time=disputed.time + REFUND_WAIT
    )

    assert disputed.record(contributor) == EMPTY | {"round": 1}
