from tests.client import reverts
from tests.unit.SelfAssessment.conftest import OTHER_X, REFUND_WAIT, X


def test_statistics__contributions_and_refunds__counted_for_the_model_and_the_account(
    setting, contributor, reporter, open_model
):
    setting.add(contributor)
    setting.add(reporter, x=OTHER_X, time=setting.time + 200)
    assert setting.incentive.call("statistics", setting.model) == (2, 0)

    setting.incentive.send(
        "refund", setting.model, contributor, X, 1, sender=contributor, time=setting.time + 100 + REFUND_WAIT
    )

    assert setting.incentive.call("statistics", setting.model) == (2, 1)
    assert setting.incentive.call("validated_of", setting.model, contributor) == 1
    assert setting.incentive.call("validated_of", setting.model, reporter) == 0
    assert setting.incentive.call("statistics", open_model().model) == (0, 0)


def test_statistics__failed_contribution__not_counted(setting, contributor):
    with reverts("self-assessment: deposit above the value sent"):
        setting.add(contributor, value=0)

    assert setting.incentive.call("statistics", setting.model) == (0, 0)


def test_statistics__taken_contribution__submitted_but_not_validated(disputed, contributor, reporter):
    assert disputed.incentive.call("statistics", disputed.model) == (2, 1)

    disputed.incentive.send(
        "report", disputed.model, contributor, X, 1, sender=reporter, time=disputed.time + REFUND_WAIT
    )

    assert disputed.incentive.call("statistics", disputed.model) == (2, 1)
    assert disputed.incentive.call("validated_of", disputed.model, contributor) == 0


def test_statistics__model_that_is_not_open__reverts(incentive, stranger):
    with reverts("self-assessment: not open for this model"):
        incentive.call("statistics", stranger)
