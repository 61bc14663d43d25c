"""Starting a market."""

from dataclasses import replace

import pytest

from simulation.prediction_market import COMMITTED, Terms
from simulation.revert import Revert
from tests.mirror import PLAN

ROOT = bytes(range(32))


def test_commit__enough_sent__starts_a_market_and_gives_change(mirror, model, provider):
    market = mirror.commit(provider, model, ROOT, value=PLAN.total + 12_345)
    assert market == mirror.contract.call("latest_market", model) == int(model, 16) << 32 | 1
    assert mirror.contract.call("next_market", model) == market + 1
    m = mirror.contract.call("market", market)
    assert m[:3] == (provider.address.lower(), ROOT, PLAN.astuple())
    assert m[6] == COMMITTED
    assert mirror.contract.call("held", market) == (PLAN.total, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stake": 0}, "no stake or no bounty"),
        ({"rounds": 0}, "no stake or no bounty"),
        ({"portions": 257, "drawn": 1}, "1 to n - 1 of at most 256 portions are drawn"),
        ({"drawn": 0}, "1 to n - 1 of at most 256 portions are drawn"),
        ({"drawn": PLAN.portions}, "1 to n - 1 of at most 256 portions are drawn"),
        ({"rows": 0}, "1 to 65,535 hidden rows"),
        ({"rows": 16_384}, "1 to 65,535 hidden rows"),
        ({"min_contributions": 0}, "1 to 4,096 contributions"),
        ({"min_contributions": 21}, "1 to 4,096 contributions"),
        ({"max_contributions": 4_097}, "1 to 4,096 contributions"),
        ({"reveal_time": 0}, "no time for a phase"),
        ({"score_time": 0}, "no time for a phase"),
    ],
)
def test_commit__plan_that_cannot_work__refused(mirror, model, provider, change, message):
    with pytest.raises(Revert, match=message):
        mirror.commit(provider, model, ROOT, replace(PLAN, **change))


def test_commit__one_wei_too_little__refused(mirror, model, provider):
    with pytest.raises(Revert, match="bounty, bond and fees above the value sent"):
        mirror.commit(provider, model, ROOT, value=PLAN.total - 1)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (Terms(min_bounty=PLAN.bounty + 1), "bounty below the terms"),
        (Terms(min_bond=PLAN.bond + 1), "bond below the terms"),
        (Terms(max_length=6_999), "longer than the terms allow"),
        (Terms(owner_only=True), "only the model's owner may commit"),
    ],
)
def test_commit__against_the_terms__refused(mirror, create, provider, terms, message):
    model = create(terms)
    assert mirror.contract.call("terms", model) == (
        terms.min_bounty,
        terms.min_bond,
        terms.max_length,
        terms.owner_only,
    )
    with pytest.raises(Revert, match=message):
        mirror.commit(provider, model, ROOT)


def test_commit__at_the_limits_of_the_terms_by_the_owner__accepted(mirror, create, owner):
    model = create(Terms(PLAN.bounty, PLAN.bond, 7_000, owner_only=True))
    mirror.commit(owner, model, ROOT)


def test_commit__while_another_runs__refused(mirror, started, model, provider):
    with pytest.raises(Revert, match="another market is running"):
        mirror.commit(provider, model, ROOT)


@pytest.mark.parametrize("number", [0, 2])
def test_commit__another_market_took_the_id_meanwhile__refused_and_no_money_moves(mirror, model, provider, number):
    # the leaves contain the id: under another one the portions could not be revealed, and the bond would be lost
    with pytest.raises(Revert, match="not the model's next market"):
        mirror.commit(provider, model, ROOT, market=int(model, 16) << 32 | number)
    assert mirror.contract.call("latest_market", model) == 0


def test_commit__no_market_contract_of_this_model__refused(mirror, provider, stranger):
    with pytest.raises(Revert, match="not open for this model"):
        mirror.commit(provider, stranger.address, ROOT)


def test_commit__model_not_sealed__refused(mirror, create, provider):
    market = mirror.twin.next_market(create(sealed=False))
    said = mirror.on_chain("commit", market, ROOT, PLAN.astuple(), sender=provider, value=PLAN.total)
    assert said == "prediction-market: the model is not sealed"


def test_commit__after_a_market_has_ended__a_second_market_works_to_the_end(
    mirror, settled, model, provider, contributor, keeper, rng, contribute
):
    from tests.mirror import random_portions

    second = mirror.secret(model, provider, random_portions(rng))
    assert second.market == settled + 1
    mirror.start(second, keeper)
    contribute(model, contributor, 3)
    mirror.finish(second, keeper)
    mirror.withdraw_all(keeper, second.market)
    # the first one's money has waited
    mirror.withdraw_all(keeper, settled)
    assert mirror.rpc.balance(mirror.contract.address) == 0


def test_open__twice__refused(mirror, model):
    from simulation.chain import Transaction

    transaction = Transaction(model, mirror.contract.address, mirror.contract.data("open", Terms().pack()))
    assert mirror.rpc.why(transaction) == "prediction-market: open already"
