"""A provider who plays against the contributors: what they can lose, and what lowers it (see docs/market.md)."""

import pytest

from comodels.simulation.restoring import PLAN, average, play

SEEDS = 40


@pytest.mark.parametrize(("labels", "part"), [((1,), 1.0), ((0, 1), 0.5)])
def test_play__model_at_the_border__takes_every_stake_that_had_an_effect_and_nothing_more(labels, part):
    outcome = average(SEEDS, labels=labels)
    assert outcome.staked == pytest.approx(outcome.offered * part, rel=0.1)
    # the most that there is to lose: a stake each, which the accomplice earns
    assert outcome.lost == pytest.approx(outcome.staked) == pytest.approx(outcome.gained)


def test_play__provider_stays_silent__pays_bounty_and_bond():
    outcome = average(SEEDS, way="silent")
    # half of the contributions are the accomplice's, and so is half of the shares
    assert outcome.lost == pytest.approx(-(PLAN.rounds + PLAN.bond / PLAN.stake) / 2)
    assert outcome.gained == pytest.approx(outcome.lost)


def test_play__scoring_left_half_done__what_was_not_scored_loses_nothing():
    whole, half = average(SEEDS), average(SEEDS, way="abandon")
    assert half.lost == pytest.approx(whole.lost / 2)


@pytest.mark.parametrize("bad", [1, 2, 3, 5, 10])
def test_play__contributors_try_the_shown_portions_first__lose_only_if_none_of_the_bad_was_drawn(bad):
    outcomes = [play(seed, wary=True, bad=bad) for seed in range(SEEDS)]
    hidden = PLAN.portions - PLAN.drawn
    for outcome in outcomes:
        assert outcome.staked in (0, outcome.offered)  # a bad portion among the shown ones is seen by everybody
        assert outcome.lost == pytest.approx(outcome.staked * bad / hidden)
    mean = sum(o.lost for o in outcomes) / SEEDS / 60
    assert mean < 0.2
