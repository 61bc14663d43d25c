from tests.client import reverts


def test_terms__open_model__as_opened(open_model):
    setting = open_model(
        cost_weight=123, refund_wait=4, owner_wait=50, anyone_wait=60, dispute_wait=7, without_own_effect=True
    )

    assert setting.incentive.call("terms", setting.model) == (123, 4, 50, 60, 7, True)


def test_terms__after_contributions__unchanged(setting, contributor):
    before = setting.incentive.call("terms", setting.model)
    setting.validate(contributor, times=2)

    assert setting.incentive.call("terms", setting.model) == before


def test_terms__two_models__each_its_own(open_model):
    first, second = open_model(cost_weight=1), open_model(cost_weight=2, without_own_effect=True)

    assert first.incentive.call("terms", first.model) == (1, 1_000, 5_000, 9_000, 0, False)
    assert second.incentive.call("terms", second.model) == (2, 1_000, 5_000, 9_000, 0, True)


def test_terms__model_that_is_not_open__reverts(incentive, stranger):
    with reverts("self-assessment: not open for this model"):
        incentive.call("terms", stranger)
