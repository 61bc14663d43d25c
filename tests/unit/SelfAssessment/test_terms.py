from comodels.incentives.self_assessment import Terms
from tests.client import reverts


def test_terms__open_model__as_opened(open_model):
    slides = Terms.slides(
        cost_weight=123, refund_wait=4, dispute_wait=7, owner_wait=50, anyone_wait=60, without_own_effect=True
    )
    default = Terms(123, 4, 7, 50, 0, 0, 3, True, True)

    assert open_model(rule=slides).terms() == (123, 4, 7, 0, 50, 60, 0, False, True)
    assert open_model(rule=default).terms() == (123, 4, 7, 50, 0, 0, 3, True, True)


def test_terms__after_contributions__unchanged(setting, contributor):
    before = setting.incentive.call("terms", setting.model)
    setting.validate(contributor, times=2)

    assert setting.incentive.call("terms", setting.model) == before


def test_terms__two_models__each_its_own(open_model):
    first, second = open_model(cost_weight=1), open_model(cost_weight=2, without_own_effect=True)

    assert first.terms() == (1, 1_000, 0, 0, 5_000, 9_000, 0, False, False)
    assert second.terms() == (2, 1_000, 0, 0, 5_000, 9_000, 0, False, True)


def test_terms__model_that_is_not_open__reverts(incentive, stranger):
    with reverts("self-assessment: not open for this model"):
        incentive.call("terms", stranger)
