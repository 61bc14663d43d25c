"""Staking on samples, and the end of it."""

from dataclasses import replace

import pytest

from comodels.incentives.prediction_market import CANCELLED, REVEALING
from comodels.revert import Revert
from comodels.wire import AddData, Facts
from tests.mirror import PLAN, random_portions, sample


def disagree(mirror, who, model, x=b"\0\1"):
    """Stake on the label that the model does not give."""
    assert mirror.add_data(who, model, x, 1 - mirror.twin.models[model][0].predict(x)) > 0


def test_add_data__while_open__learns_at_once_and_gives_change(mirror, started, model, contributor, create_model):
    twin = mirror.twin.models[model][0]
    x = sample(1, 5, 9)
    y = 1 - twin.predict(x)
    effect = mirror.add_data(contributor, model, x, y, value=PLAN.stake + 999)
    assert effect > 0
    assert mirror.twin.balances[contributor.address] == -PLAN.stake
    log = mirror.receipt["logs"][-1]
    first = 1 | 1 << 16  # the first contribution, the first market
    assert AddData.from_log(log).facts == Facts(y, effect, mirror.time, PLAN.stake, first)


def test_add_data__no_effect__stakes_nothing_takes_no_place_and_is_logged(
    mirror, model, provider, contributor, keeper, rng
):
    plan = replace(PLAN, max_contributions=1)
    market = mirror.start(mirror.secret(model, provider, random_portions(rng), plan), keeper)
    twin = mirror.twin.models[model][0]
    samples = [sample(i) for i in range(30)]
    for x in samples:
        assert mirror.add_data(contributor, model, x, twin.predict(x), value=PLAN.stake + 5) == 0
        facts = AddData.from_log(mirror.receipt["logs"][-1]).facts
        assert facts == Facts(twin.predict(x), 0, mirror.time, 0, 1 << 16)  # deposit 0, index 0, the first market
        assert AddData.from_log(mirror.receipt["logs"][-1]).x == x
    assert mirror.twin.balances[contributor.address] == 0
    assert mirror.contract.call("market", market)[8] == 0
    assert mirror.contract.call("held", market) == (plan.total, 0)
    with pytest.raises(Revert, match="neither over nor full"):
        mirror.close(keeper, market)
    # the stake must be sent along all the same: whether there is an effect is known only then
    with pytest.raises(Revert, match="stake above the value sent"):
        mirror.add_data(contributor, model, samples[0], twin.predict(samples[0]), value=PLAN.stake - 1)
    assert mirror.add_data(contributor, model, samples[0], 1 - twin.predict(samples[0])) > 0
    assert mirror.contract.call("held", market) == (plan.total, PLAN.stake)


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
    disagree(mirror, contributor, model)
    with pytest.raises(Revert, match="neither over nor full"):
        mirror.close(keeper, market)
    disagree(mirror, contributor, model)
    with pytest.raises(Revert, match="full"):
        mirror.add_data(contributor, model, sample(2), 1)
    mirror.close(keeper, market)
    assert mirror.twin.markets[market].phase == REVEALING


def test_close__time_over__reveal_begins(mirror, closed):
    assert mirror.twin.markets[closed].phase == REVEALING


def test_close__again_or_too_early__refused(mirror, started, keeper, model, contributor):
    disagree(mirror, contributor, model)
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
        disagree(mirror, contributor, model, sample(i))
    mirror.wait(PLAN.participation_time)
    mirror.close(keeper, market)
    assert mirror.twin.markets[market].phase == CANCELLED
    mirror.withdraw_all(keeper, market)
    assert set(mirror.twin.balances.values()) <= {0}
