"""Replaying contributions and counting errors."""

from copy import deepcopy
from itertools import cycle

import pytest

from comodels.incentives.prediction_market import ABANDONED, SETTLING
from comodels.incentives.settlement import payments
from comodels.payouts import due_in
from comodels.revert import Revert
from comodels.wire import pack_contribution
from tests.mirror import PLAN, sample


def test_score__all_in_order__errors_as_the_twin_counts_them(mirror, scoring, keeper, stranger):
    market = mirror.twin.markets[scoring]
    for i in range(len(market.contributions)):
        mirror.score_next((keeper, stranger)[i % 2], scoring)
    assert market.phase == SETTLING
    errors = [c.errors for c in market.contributions]
    assert mirror.errors(scoring) == errors
    assert len(set(errors)) > 1
    # each evaluated row earned its part of the fee, when it was checked and after each contribution
    earned = mirror.twin.balances[keeper.address] + mirror.twin.balances[stranger.address]
    assert earned == PLAN.fee // (PLAN.hidden_rows + 4) * 8 * PLAN.hidden_rows
    with pytest.raises(Revert, match="nothing to score now"):
        mirror.score(keeper, scoring, keeper, b"", 0, 0)


def test_score__in_steps_of_any_size__as_in_one(mirror, scoring, keeper, stranger):
    market = mirror.twin.markets[scoring]
    at_start = deepcopy(market.replica)
    sizes = cycle([1, 3, 2, 4, 1, 1, 8, 5, 65_535, 7, 2**256 - 1])
    while market.phase != SETTLING:
        mirror.score_next(keeper, scoring, 0)  # the replica learns
        while market.cursor:
            mirror.score_next(stranger, scoring, next(sizes))
    # what was counted in pieces is what the replica, step by step, gets wrong of all hidden rows
    replica, rows = deepcopy(at_start), b"".join(market.rows[i] for i in market.hidden)
    for c in market.contributions:
        replica.update(c.x, c.y)
        assert c.errors == replica.evaluate(rows)
    earned = mirror.twin.balances[stranger.address]
    assert earned == PLAN.fee // (PLAN.hidden_rows + 4) * 7 * PLAN.hidden_rows
    mirror.settle(keeper, scoring)
    # all that was set aside for the 7 and for checking is paid, but for the parts of settling
    unused = PLAN.fee // (PLAN.hidden_rows + 4) * 4
    assert earned + mirror.twin.balances[keeper.address] == 8 * PLAN.fee - unused
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
        with pytest.raises(Revert, match="not what was contributed"):
            mirror.score(keeper, scoring, *wrong)
    mirror.score(keeper, scoring, *right)
    with pytest.raises(Revert, match="not what was contributed"):
        mirror.score(keeper, scoring, *right)


def test_score__before_the_rest_is_revealed__refused(mirror, closed, keeper):
    with pytest.raises(Revert, match="nothing to score now"):
        mirror.score_next(keeper, closed)


def test_score__a_few_rows_without_what_was_contributed__refused(mirror, scoring, keeper, stranger):
    """The replica has learnt the contribution, so the scorer would count rows on; the errors would be nobody's."""
    market = mirror.twin.markets[scoring]
    mirror.score_next(keeper, scoring, 3)
    for rows in (1, 5, 65_535):
        said = mirror.on_chain("score_many", scoring, 1, b"", rows, bytes(32), [], [], sender=stranger)
        assert said == "prediction-market: not what was scored"
    while market.scored == 0:
        mirror.score_next(keeper, scoring)
    assert mirror.errors(scoring) == [market.contributions[0].errors] == [market.errors]


def test_score__too_little_gas_for_the_replica__refused_instead_of_skipped(mirror, scoring, keeper):
    market = mirror.twin.markets[scoring]
    c = market.contributions[market.scored]
    arguments = scoring, 1, [(c.contributor, c.x, c.y, c.effect)], 65_535
    packed = pack_contribution(*c.given)
    outcomes = set()
    for gas in range(60_000, 400_000, 12_000):
        said = mirror.on_chain(
            "score_many", scoring, 1, packed, 65_535, *mirror.twin.around(scoring, 1, 1), [], sender=keeper, gas=gas
        )
        outcomes.add(said)
        if not said:
            break
    # the first gas limit that is enough did all: nothing was left out before
    assert "" in outcomes
    mirror.twin.score_many(keeper.address, *arguments)
    mirror.check_money()
    assert mirror.contract.call("market", scoring)[14] == market.errors


def test_expire__nobody_scored__stakes_back_and_the_rest_to_the_provider(mirror, scoring, keeper, stranger, provider):
    with pytest.raises(Revert, match="not too late"):
        mirror.expire(stranger, scoring)
    mirror.wait(PLAN.score_time)
    mirror.expire(stranger, scoring)
    assert mirror.twin.markets[scoring].phase == ABANDONED
    assert {mirror.twin.owed(scoring, i + 1) for i in range(7)} == {PLAN.stake}
    mirror.withdraw_all(keeper, scoring)
    # but for what the check earned
    assert mirror.twin.balances[provider.address] == -PLAN.fee // (PLAN.hidden_rows + 4) * PLAN.hidden_rows


@pytest.mark.parametrize("scored", [1, 4, 6])
def test_expire__scored_in_part__these_earn_what_they_would_have_and_the_rest_get_their_stakes(
    mirror, scoring, keeper, stranger, scored
):
    market = mirror.twin.markets[scoring]
    for _ in range(scored):
        mirror.score_next(keeper, scoring)
    mirror.score_next(keeper, scoring, 3)  # a few rows of the next one count for nothing
    errors = [market.initial_errors, *(c.errors for c in market.contributions)]
    replica, rows = deepcopy(market.replica), b"".join(market.rows[i] for i in market.hidden)
    for c in market.contributions[scored + 1 :]:
        replica.update(c.x, c.y)
        errors[market.contributions.index(c) + 1] = replica.evaluate(rows)
    mirror.wait(PLAN.score_time)
    mirror.expire(stranger, scoring)
    with pytest.raises(Revert, match="nothing to score now"):
        mirror.score_next(keeper, scoring)
    with pytest.raises(Revert, match="not ended"):
        mirror.withdraw_index(keeper, scoring, 7)
    mirror.settle(keeper, scoring)
    assert market.phase == ABANDONED
    whole = payments(errors, PLAN.hidden_rows, PLAN.rounds, PLAN.stake)
    assert [mirror.twin.owed(scoring, i + 1) for i in range(7)] == whole[:scored] + [PLAN.stake] * (7 - scored)
    found = due_in(mirror.contract, market.model, scoring)
    assert [payout.amount for payout in found] == [mirror.twin.owed(scoring, i + 1) for i in range(7)]
    mirror.withdraw_all(keeper, scoring)


def test_score__late_but_not_abandoned__goes_on(mirror, scoring, keeper):
    mirror.wait(PLAN.score_time)
    mirror.score_next(keeper, scoring)


def test_plan__default__has_a_fee_that_divides():
    assert PLAN.fee % (PLAN.hidden_rows + 4) == 0
