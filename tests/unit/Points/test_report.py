from comodels.incentives.points import REPORT
from tests.unit.Points.conftest import HOUR, x


def test_report__model_disagrees__earns_points_and_leaves_the_contribution_to_its_author(
    points, bad, validated_reporter, contributor, wait, refused
):
    model = bad[0]
    before = points.account(model, validated_reporter)
    wait()
    receipt = points.report(*bad, sender=validated_reporter)
    contribution = receipt.events[0].contribution
    assert receipt.events == [points.Points(model, validated_reporter, contribution, 5, REPORT)]
    after = points.account(model, validated_reporter)
    assert (after.points, after.reports) == (before.points + 5, before.reports + 1)
    assert (after.validated, after.latest) == (before.validated, before.latest)
    after = points.contribution(*bad)
    assert (after.pending, after.reported) == (True, True)
    assert points.account(model, contributor).points == 0
    refused("points: the model disagrees", "validate", *bad, sender=contributor)


def test_report__twice__is_refused_whoever_asks(
    points, bad, validated_reporter, contributor, contribute, stranger, wait, refused
):
    contribute(bad[0], stranger, x(5), 1)
    wait()
    points.report(*bad, sender=validated_reporter)
    for account in (validated_reporter, stranger):
        refused("points: reported already", "report", *bad, sender=account)


def test_report__own_contribution__is_refused(points, bad, contribute, contributor, wait, refused):
    contribute(bad[0], contributor, x(5), 1)
    wait(2 * HOUR)
    refused("points: one's own contribution", "report", *bad, sender=contributor)


def test_report__reporter_without_validated_contribution__is_refused(points, bad, stranger, wait, refused):
    wait(2 * HOUR)
    refused("points: no validated contribution of one's own", "report", *bad, sender=stranger)


def test_report__a_second_before_the_wait__is_refused(points, bad, validated_reporter, chain, refused):
    time = points.contribution(*bad).time
    chain.pending_timestamp = time + 2 * HOUR - 1
    refused("points: too early", "report", *bad, sender=validated_reporter)
    chain.pending_timestamp = time + 2 * HOUR
    points.report(*bad, sender=validated_reporter)


def test_report__model_agrees__is_refused(points, added, validated_reporter, contributor, wait, refused):
    wait(2 * HOUR)
    refused("points: the model agrees", "report", *added, sender=validated_reporter)
    points.validate(*added, sender=contributor)


def test_report__sample_that_earned_with_the_right_label__works_on_the_wrong_one(
    points, bad, validated_reporter, stranger, contribute, wait
):
    model, sample, _ = bad
    contribute(model, stranger, sample, 1)
    wait()
    points.report(*bad, sender=validated_reporter)
    assert points.account(model, validated_reporter).reports == 1
    assert points.contribution(*bad).reported


def test_report__never_added__is_refused(points, model, validated_reporter, refused):
    refused("points: no such contribution, or validated already", "report", model, x(1), 0, sender=validated_reporter)
