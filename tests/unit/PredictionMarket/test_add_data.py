"""Staking on samples, and the end of it."""

from dataclasses import replace

import pytest

from simulation.prediction_market import CANCELLED, REVEALING
from simulation.revert import Revert
from tests.mirror import PLAN, random_portions, sample


def test_add_data__while_open__learns_at_once_and_gives_change(mirror, started, model, contributor, create_model):
    twin = mirror.twin.models[model][0]
    x = sample(1, 5, 9)
    y = 1 - twin.predict(x)
    effect = mirror.add_data(contributor, model, x, y, value=PLAN.stake + 999)
    assert effect > 0
    assert mirror.twin.balances[contributor.address] == -PLAN.stake
    log = mirror.receipt["logs"][-1]
    facts = int(log["data"][2:66], 16)
    assert (facts & 255, facts >> 8 & 255, facts >> 16 & 2**40 - 1, facts >> 56 & 2**96 - 1, facts >> 152) == (
        y,
        effect,
        mirror.time,
        PLAN.stake,
        1 | 1 << 16,  # the first contribution, the first market
    )


def test_add_data__before_a_market_and_after_its_end__refused(mirror, model, closed, contributor):
    with pytest.raises(Revert, match="nobody can take part now"):
        mirror.add_data(contributor, model, sample(1), 1)


def test_add_data__at_the_end_but_not_closed__refused(mirror, started, model, contributor):
    mirror.wait(PLAN.participation_time)
    with pytest.raises(Revert, match="nobody can take part now"):
        mirror.add_data(contributor, model, sample(1), 1)


def test_add_data__one_wei_too_little__refused(mirror, started, model, contributor):
    with pytest.raises(Revert, match="stake above the value sent"):
        mirror.add_data(contributor, model, sample(1), 1, value=PLAN.stake - 1)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (b"", 0, "sample: empty"),
        (sample(2, 1), 0, "sample: indices must increase"),
        (sample(30), 0, "sample: index out of range"),
        (sample(1), 2, "model: no such class"),
        (sample(1), 2**255, "model: no such class"),
    ],
)
def test_add_data__junk__refused_and_no_money_moves(mirror, started, model, contributor, x, y, message):
    with pytest.raises(Revert, match=message):
        mirror.add_data(contributor, model, x, y)
    assert mirror.twin.balances[contributor.address] == 0


def test_add_data__full__refused_and_the_market_can_close_early(mirror, model, provider, contributor, keeper, rng):
    plan = replace(PLAN, max_contributions=2)
    secret = mirror.secret(model, provider, random_portions(rng), plan)
    market = mirror.start(secret, keeper)
    mirror.add_data(contributor, model, sample(1), 1)
    with pytest.raises(Revert, match="neither over nor full"):
        mirror.close(keeper, market)
    mirror.add_data(contributor, model, sample(1), 1)
    with pytest.raises(Revert, match="full"):
        mirror.add_data(contributor, model, sample(2), 1)
    mirror.close(keeper, market)
    assert mirror.twin.markets[market].phase == REVEALING


def test_close__time_over__reveal_begins(mirror, closed):
    assert mirror.twin.markets[closed].phase == REVEALING


def test_close__again_or_too_early__refused(mirror, started, keeper, model, contributor):
    mirror.add_data(contributor, model, sample(1), 1)
    with pytest.raises(Revert, match="neither over nor full"):
        mirror.close(keeper, started)
    mirror.wait(PLAN.participation_time)
    mirror.close(keeper, started)
    with pytest.raises(Revert, match="nobody takes part"):
        mirror.close(keeper, started)


@pytest.mark.parametrize("count", [0, 2])
def test_close__fewer_than_the_least__everyone_gets_everything_back(
    mirror, model, provider, contributor, keeper, rng, count
):
    secret = mirror.secret(model, provider, random_portions(rng), replace(PLAN, min_contributions=3))
    market = mirror.start(secret, keeper)
    for i in range(count):
        mirror.add_data(contributor, model, sample(i), 1)
    mirror.wait(PLAN.participation_time)
    mirror.close(keeper, market)
    assert mirror.twin.markets[market].phase == CANCELLED
    mirror.withdraw_all(keeper, market)
    assert set(mirror.twin.balances.values()) <= {0}
