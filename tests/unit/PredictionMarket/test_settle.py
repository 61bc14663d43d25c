"""Settling, and the whole way to it."""

import pytest

from simulation.prediction_market import SETTLED
from simulation.revert import Revert


def test_settle__all_at_once__as_the_twin(mirror, settled, keeper):
    market = mirror.twin.markets[settled]
    assert market.phase == SETTLED
    assert len({c.balance for c in market.contributions}) > 1
    assert any(c.effect for c in market.contributions)
    records = mirror.contract.call_many("contribution", [(settled, i + 1) for i in range(len(market.contributions))])
    assert records == [
        (c.errors, c.rounds, mirror.twin.owed(settled, i)) for i, c in enumerate(market.contributions, 1)
    ]
    mirror.withdraw_all(keeper, settled)


def test_settle__in_steps__as_all_at_once(mirror, scoring, keeper, stranger):
    for _ in mirror.twin.markets[scoring].contributions:
        mirror.score_next(stranger, scoring)
    mirror.settle(keeper, scoring, 1)
    mirror.settle(stranger, scoring, 3)
    mirror.settle(keeper, scoring, 100)
    mirror.withdraw_all(keeper, scoring)


def test_settle__before_all_is_scored__refused(mirror, scoring, keeper):
    mirror.score_next(keeper, scoring)
    with pytest.raises(Revert, match="nothing to settle now"):
        mirror.settle(keeper, scoring)


def test_settle__nothing_or_again__refused(mirror, settled, keeper):
    with pytest.raises(Revert, match="nothing to settle now"):
        mirror.settle(keeper, settled)
