"""Drawing the portions."""

from collections import Counter
from math import comb

import numpy as np
import pytest

from comodels.incentives.prediction_market import VOID, chance_to_cheat, draw_portions
from comodels.revert import Revert
from tests.mirror import HISTORY, PLAN


@pytest.fixture
def committed(mirror, secret):
    return mirror.commit(secret.provider, secret.model, secret.tree.root)


def test_draw__in_time__draws_what_the_twin_draws(mirror, committed, stranger):
    mirror.mine(5)
    mirror.draw(stranger, committed)
    drawn = mirror.contract.call("market", committed)[4]
    assert {i for i in range(256) if drawn >> i & 1} == mirror.twin.markets[committed].drawn
    assert drawn.bit_count() == PLAN.drawn


def test_draw__block_not_there__refused(mirror, committed, keeper):
    mirror.mine(2)
    with pytest.raises(Revert, match="the block of the draw is not there yet"):
        mirror.draw(keeper, committed)


def test_draw__again__refused(mirror, committed, keeper):
    mirror.mine(5)
    mirror.draw(keeper, committed)
    with pytest.raises(Revert, match="not waiting for the draw"):
        mirror.draw(keeper, committed)


def test_draw__300_blocks_later__the_history_contract_still_knows(mirror, committed, keeper):
    mirror.mine(300)
    with pytest.raises(Revert, match="not too late"):
        mirror.expire(keeper, committed)
    mirror.draw(keeper, committed)


def test_draw__missed__void_and_bond_to_who_says_so(mirror, committed, keeper):
    # a chain without the history contract of EIP-2935
    mirror.rpc.rpc("anvil_setCode", HISTORY, "0x")
    mirror.mine(200)
    with pytest.raises(Revert, match="not too late"):
        mirror.expire(keeper, committed)
    mirror.mine(60)
    with pytest.raises(Revert, match="the draw was missed"):
        mirror.draw(keeper, committed)
    mirror.expire(keeper, committed)
    assert mirror.twin.markets[committed].phase == VOID
    assert mirror.twin.balances[keeper.address] == PLAN.bond
    mirror.withdraw_all(keeper, committed)


def test_draw_portions__many_seeds__every_set_is_as_likely():
    rng = np.random.default_rng(0)
    count = Counter(frozenset(draw_portions(rng.bytes(32), 1, 5, 2)) for _ in range(5_000))
    assert len(count) == comb(5, 2)
    # 500 expected, standard deviation 21
    assert all(400 < n < 600 for n in count.values())


def test_chance_to_cheat__worked_by_hand__as_counted():
    # of 10 portions 3 are drawn, 2 are bad: (8 · 7 · 6) / (10 · 9 · 8)
    assert chance_to_cheat(10, 3, 2) == pytest.approx(336 / 720)
    assert chance_to_cheat(10, 3, 0) == 1
    assert chance_to_cheat(10, 3, 8) == 0
