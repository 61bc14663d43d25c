"""Replaying contributions and counting errors."""

from dataclasses import replace

import pytest

from simulation.prediction_market import ABANDONED, SETTLING
from simulation.revert import Revert
from tests.mirror import PLAN, sample


def test_score__all_in_order__errors_as_the_twin_counts_them(mirror, scoring, keeper, stranger):
    market = mirror.twin.markets[scoring]
    for i in range(len(market.contributions)):
        mirror.score_next((keeper, stranger)[i % 2], scoring)
    assert market.phase == SETTLING
    errors = [c.errors for c in market.contributions]
    assert [r[0] for r in mirror.contract.call_many("contribution", [(scoring, i + 1) for i in range(7)])] == errors
    assert len(set(errors)) > 1
    # each evaluated portion earned its part of the fee, and so did each contribution that changed nothing
    part = PLAN.fee // (PLAN.hidden + 1)
    changed = sum(c.effect > 0 for c in market.contributions)
    earned = mirror.twin.balances[keeper.address] + mirror.twin.balances[stranger.address]
    assert earned == part * (changed * PLAN.hidden + 7 - changed)
    with pytest.raises(Revert, match="nothing to score now"):
        mirror.score(keeper, scoring, keeper, b"", 0, 0)


def test_score__in_steps__as_in_one(mirror, scoring, keeper, stranger):
    market = mirror.twin.markets[scoring]
    while market.phase != SETTLING:
        mirror.score_next(keeper, scoring, 0)  # the replica learns, if it does
        for _ in range(PLAN.hidden):
            if market.cursor:
                mirror.score_next(stranger, scoring, 1)
    mirror.settle(keeper, scoring)
    mirror.withdraw_all(keeper, scoring)


def test_score__out_of_order_or_not_what_was_contributed__refused(mirror, scoring, keeper, stranger):
    first, second = mirror.twin.markets[scoring].contributions[:2]
    right = first.contributor, first.x, first.y, first.effect
    for wrong in (
        (second.contributor, second.x, second.y, second.effect),
        (stranger, *right[1:]),
        (right[0], sample(29), *right[2:]),
        (*right[:2], 1 - first.y, first.effect),
        (*right[:3], 3),
    ):
        with pytest.raises(Revert, match="not the contribution to be scored next"):
            mirror.score(keeper, scoring, *wrong)
    mirror.score(keeper, scoring, *right)
    with pytest.raises(Revert, match="not the contribution to be scored next"):
        mirror.score(keeper, scoring, *right)


def test_score__before_the_rest_is_revealed__refused(mirror, closed, keeper):
    with pytest.raises(Revert, match="nothing to score now"):
        mirror.score_next(keeper, closed)


def test_score__too_little_gas_for_the_replica__refused_instead_of_skipped(mirror, scoring, keeper):
    market = mirror.twin.markets[scoring]
    while not market.contributions[market.scored].effect:
        mirror.score_next(keeper, scoring)
    c = market.contributions[market.scored]
    arguments = scoring, c.contributor, c.x, c.y, c.effect, 256
    outcomes = set()
    for gas in range(60_000, 400_000, 12_000):
        said = mirror.on_chain("score", *arguments, sender=keeper, gas=gas)
        outcomes.add(said)
        if not said:
            break
    # the first gas limit that is enough did all: nothing was left out before
    assert "" in outcomes
    mirror.twin.score(keeper.address, *arguments)
    mirror.check_money()
    assert mirror.contract.call("market", scoring)[14] == market.errors


def test_score__nobody_does__stakes_and_bounty_to_the_contributors(mirror, scoring, keeper, stranger, provider):
    mirror.score_next(keeper, scoring)
    with pytest.raises(Revert, match="not too late"):
        mirror.expire(stranger, scoring)
    mirror.wait(PLAN.score_time)
    mirror.expire(stranger, scoring)
    market = mirror.twin.markets[scoring]
    assert market.phase == ABANDONED
    assert {mirror.twin.owed(scoring, i + 1) for i in range(7)} == {PLAN.stake + PLAN.bounty // 7}
    mirror.withdraw_all(keeper, scoring)
    # what the provider has lost: the bounty, but for what does not divide by 7, and the fee of one step
    paid = sum(mirror.twin.balances[a.address] for a in (keeper,))
    assert mirror.twin.balances[provider.address] == -(PLAN.bounty // 7 * 7) - paid


def test_score__late_but_not_abandoned__goes_on(mirror, scoring, keeper):
    mirror.wait(PLAN.score_time)
    mirror.score_next(keeper, scoring)


def test_plan__default__has_a_fee_that_divides():
    assert replace(PLAN).fee % (PLAN.hidden + 1) == 0
