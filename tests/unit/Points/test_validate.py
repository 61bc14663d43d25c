from dataclasses import replace

import pytest

from comodels.incentives.points import NEW_LABEL, RARE_LABEL, STREAK, VALIDATED
from tests.unit.Points.conftest import HOUR, TERMS, x

DAY = 86_400


def award(receipt):
    """The points of a validation, and the sum of its reasons."""
    [log] = [log for log in receipt.events if log.event_name == "Points"]
    return log.points, log.reasons


def test_validate__first_contribution__earns_points_and_two_badges(points, model, contribute, contributor):
    receipt = contribute(model, contributor, x(1), 1)
    contribution = receipt.events[-1].contribution
    # 10 for the contribution, 20 for a new label; nothing is rare while there is nothing
    assert receipt.events == [
        points.Badge(model, contributor, 1, "label 1"),
        points.Badge(model, contributor, 252, "milestone 1"),
        points.Points(model, contributor, contribution, 10 + 20, VALIDATED | NEW_LABEL),
    ]
    account = points.account(model, contributor)
    assert (account.points, account.validated, account.reports) == (30, 1, 0)
    assert account.latest == points.contribution(model, x(1), 1).time
    assert points.statistics(model) == (1, 1)
    assert points.label_count(model, 1) == 1
    assert points.badges(model, contributor) == 1 << 1 | 1 << 252


def test_validate__a_second_before_the_wait__is_refused(points, added, contributor, chain, refused):
    time = points.contribution(*added).time
    chain.pending_timestamp = time + HOUR - 1
    refused("points: too early", "validate", *added, sender=contributor)
    chain.pending_timestamp = time + HOUR
    points.validate(*added, sender=contributor)


def test_validate__model_disagrees__is_refused_and_stays_pending(points, bad, contributor, wait, refused):
    wait()
    refused("points: the model disagrees", "validate", *bad, sender=contributor)
    assert points.contribution(*bad).pending
    assert points.account(bad[0], contributor).points == 0


def test_validate__by_another_account__from_the_report_wait_on_and_for_the_contributor(
    points, added, contributor, stranger, chain, refused
):
    model, time = added[0], points.contribution(*added).time
    chain.pending_timestamp = time + 2 * HOUR - 1
    refused("points: too early for anyone else", "validate", *added, sender=stranger)
    chain.pending_timestamp = time + 2 * HOUR

    receipt = points.validate(*added, sender=stranger)

    assert [e.account for e in receipt.events] == [contributor] * 3  # two badges, and the points
    assert (points.account(model, contributor).points, points.account(model, contributor).validated) == (30, 1)
    assert tuple(points.account(model, stranger)) == (0, 0, 0, 0)
    assert points.badges(model, stranger) == 0


@pytest.mark.parametrize("function", ["validate", "report"])
@pytest.mark.parametrize("label", [255, 256, 257, 2**256 - 1])
def test_claim__label_above_254__is_refused(points, added, contributor, reporter, wait, refused, function, label):
    wait(2 * HOUR)
    refused("points: label above 254", function, *added[:2], label, sender=contributor)


@pytest.mark.parametrize("function", ["contribution", "label_count", "is_rare"])
@pytest.mark.parametrize("label", [255, 257, 2**256 - 1])
def test_view__label_above_254__is_refused(points, added, contributor, refused, function, label):
    arguments = (*added[:2], label) if function == "contribution" else (added[0], label)
    refused("points: label above 254", function, *arguments, sender=contributor)


def test_validate__twice__is_refused(points, added, contributor, wait, refused):
    wait()
    points.validate(*added, sender=contributor)
    refused("points: no such contribution, or validated already", "validate", *added, sender=contributor)


def test_validate__never_added__is_refused(points, model, contributor, refused):
    refused("points: no such contribution, or validated already", "validate", model, x(1), 0, sender=contributor)


@pytest.mark.parametrize("agreed", [0, 1])
def test_validate__other_label_of_a_sample_that_has_earned__is_refused(
    agreed, points, model, contributor, stranger, wait, refused
):
    sample = x(300)  # says nothing by itself: the model believes what it was told last
    points.add_data(model, sample, 0, sender=contributor)
    points.add_data(model, sample, 1, sender=stranger)
    if agreed == 0:
        points.add_data(model, x(300, 301), 0, sender=contributor)
    accounts = [contributor, stranger]
    wait()
    points.validate(model, sample, agreed, sender=accounts[agreed])
    # now the model changes its mind
    points.add_data(model, x(300, 302), 1 - agreed, sender=contributor)
    points.add_data(model, x(300, 303), 1 - agreed, sender=contributor)
    assert model.predict(sample) == 1 - agreed
    refused(
        "points: this sample has earned already", "validate", model, sample, 1 - agreed, sender=accounts[1 - agreed]
    )


def test_validate__second_of_the_same_label__earns_no_badge(points, model, contribute, contributor):
    contribute(model, contributor, x(1), 1)
    receipt = contribute(model, contributor, x(2), 1)
    assert [log.event_name for log in receipt.events] == ["Points"]
    assert award(receipt) == (10 + 3, VALIDATED | STREAK)


def test_validate__rare_label__earns_extra(points, model, contribute, contributor, stranger):
    for i in range(4):
        contribute(model, contributor, x(i), 1)
    # 4 validated with label 1, none with label 0: 0 · 1 · 2 < 4
    assert points.is_rare(model, 0)
    assert award(contribute(model, stranger, x(10), 0)) == (10 + 20 + 7, VALIDATED | NEW_LABEL | RARE_LABEL)
    # 1 · 2 · 2 < 5
    assert points.is_rare(model, 0)
    assert award(contribute(model, stranger, x(11), 0)) == (10 + 7 + 3, VALIDATED | RARE_LABEL | STREAK)
    # 2 · 2 · 2 < 6 is wrong
    assert not points.is_rare(model, 0)
    assert award(contribute(model, stranger, x(12), 0)) == (10 + 3, VALIDATED | STREAK)


def test_validate__streak__ends_a_second_after_the_window(points, model, contributor, chain):
    start = chain.pending_timestamp + 10
    times = [start, start + DAY, start + 2 * DAY + 1]
    reasons = []
    for i, time in enumerate(times):
        chain.pending_timestamp = time
        points.add_data(model, x(i), 1, sender=contributor)
        chain.pending_timestamp = time + HOUR
        reasons.append(award(points.validate(model, x(i), 1, sender=contributor))[1])
    assert reasons == [VALIDATED | NEW_LABEL, VALIDATED | STREAK, VALIDATED]


def test_validate__put_off__does_not_stretch_the_streak(points, model, contributor, chain):
    start = chain.pending_timestamp + 10
    for i in range(2):
        chain.pending_timestamp = start + i * 2 * DAY
        points.add_data(model, x(i), 1, sender=contributor)
    # both are validated within a minute, but were contributed two days apart
    chain.pending_timestamp = start + 3 * DAY
    points.validate(model, x(0), 1, sender=contributor)
    assert award(points.validate(model, x(1), 1, sender=contributor)) == (10, VALIDATED)


def test_validate__older_contribution_later__is_no_streak_and_keeps_the_latest(points, model, contributor, wait):
    for i in range(2):
        wait(60)
        points.add_data(model, x(i), 1, sender=contributor)
    wait()
    points.validate(model, x(1), 1, sender=contributor)
    assert award(points.validate(model, x(0), 1, sender=contributor)) == (10, VALIDATED)
    assert points.account(model, contributor).latest == points.contribution(model, x(1), 1).time


def test_validate__widest_streak_window__the_first_is_no_streak(points, open_model, contribute, contributor):
    model = open_model(replace(TERMS, streak_window=2**32 - 1))
    assert award(contribute(model, contributor, x(1), 1))[1] == VALIDATED | NEW_LABEL


def test_validate__streak_window_of_0__is_no_streak(points, open_model, contribute, contributor):
    model = open_model(replace(TERMS, streak_window=0))
    contribute(model, contributor, x(1), 1)
    assert award(contribute(model, contributor, x(2), 1)) == (10, VALIDATED)


def test_validate__without_own_effect__a_sample_is_no_witness_for_itself(
    points, open_model, contributor, wait, refused
):
    sample = x(300)
    for alone, without in [(True, False), (False, True)]:
        model = open_model(replace(TERMS, without_own_effect=without))
        points.add_data(model, sample, 1, sender=contributor)
        wait()
        assert model.predict(sample) == 1
        if alone:
            points.validate(model, sample, 1, sender=contributor)
        else:
            refused("points: the model disagrees", "validate", model, sample, 1, sender=contributor)


def test_validate__largest_weights__add_up(points, open_model, contribute, contributor, stranger):
    largest = 2**16 - 1
    model = open_model(replace(TERMS, **{f: largest for f in TERMS.__dict__ if f.endswith("points")}))
    contribute(model, contributor, x(1), 1)
    contribute(model, stranger, x(2), 1)
    contribute(model, contributor, x(10), 0)
    assert points.account(model, contributor).points == 2 * largest + 4 * largest
    assert points.account(model, contributor).validated == 2
