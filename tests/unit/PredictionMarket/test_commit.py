"""Starting a market."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
from eth_abi import encode

from comodels.incentives.prediction_market import COMMITTED, Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from comodels.testing.client import reverts
from tests.mirror import ANY, PLAN

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
        ({"participation_time": 0}, "no time for a phase"),
        ({"rest_time": 0}, "no time for a phase"),
        ({"score_time": 0}, "no time for a phase"),
        ({"score_time": PLAN.least_score_time - 1}, "too little time to score"),
    ],
)
def test_commit__plan_that_cannot_work__refused(mirror, model, provider, change, message):
    with pytest.raises(Revert, match=message):
        mirror.commit(provider, model, ROOT, replace(PLAN, **change))


def test_open__for_anyone_without_a_bond_for_the_owner__is_refused(mirror, create_model):
    twin = SparsePerceptron(SparsePerceptronParameters(10))
    for bond, reason in (
        (0, reverts("prediction-market: a market of anyone needs a least bond")),
        (1, nullcontext()),
    ):
        with reason:
            create_model(twin, mirror.contract.address, encode(Terms.abi_types(), [0, bond, 2**32 - 1, False]))


def test_commit__more_ether_than_there_is__refused(mirror, model, provider):
    plan = replace(PLAN, stake=2**94, rounds=4)
    mirror.rpc.rpc("anvil_setBalance", str(provider), hex(2**98))
    mirror.before[str(provider)] = 2**98
    with pytest.raises(Revert, match="more money than there is"):
        mirror.commit(provider, model, ROOT, plan)


def test_commit__stake_and_whole_bounty__have_96_bits(mirror, model, provider):
    # what a contribution can earn stands in so many bits of its leaf, below the account
    mirror.rpc.rpc("anvil_setBalance", str(provider), hex(2**98))
    mirror.before[str(provider)] = 2**98
    most = replace(PLAN, stake=2**94 - 1, rounds=3, bond=3, fee=0)
    assert most.total + most.stake == 2**96 - 1
    for more in (replace(most, bond=4), replace(most, stake=2**94)):
        assert more.total < 2**96
        with pytest.raises(Revert, match="more money than there is"):
            mirror.commit(provider, model, ROOT, more)
    mirror.commit(provider, model, ROOT, most)


def test_commit__one_wei_too_little__refused(mirror, model, provider):
    with pytest.raises(Revert, match="bounty, bond, fees and price above the value sent"):
        mirror.commit(provider, model, ROOT, value=PLAN.total - 1)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (replace(ANY, min_bounty=PLAN.bounty + 1), "bounty below the terms"),
        (replace(ANY, min_bond=PLAN.bond + 1), "bond below the terms"),
        (replace(ANY, max_length=103_999), "longer than the terms allow"),
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


def test_commit__at_the_limits_of_the_terms_by_the_owner__accepted(mirror, create, provider):
    model = create(Terms(PLAN.bounty, PLAN.bond, 104_000))
    mirror.commit(provider, model, ROOT, replace(PLAN, score_time=100_000))


def test_commit__least_time_to_score__a_day_and_a_second_for_each_1_000_rows(mirror, model, provider):
    plan = replace(PLAN, portions=101, drawn=1, rows=100, max_contributions=200)
    assert plan.least_score_time == 86_400 + 200 * 100 * 100 // 1_000
    with pytest.raises(Revert, match="too little time to score"):
        mirror.commit(provider, model, ROOT, replace(plan, score_time=plan.least_score_time - 1))
    mirror.commit(provider, model, ROOT, replace(plan, score_time=plan.least_score_time))


def test_commit__not_by_the_owner__refused(mirror, model, stranger):
    with pytest.raises(Revert, match="only the model's owner may commit"):
        mirror.commit(stranger, model, ROOT)


def test_commit__not_by_the_owner_where_anyone_may__pays_the_owner_for_good(mirror, create, provider, stranger):
    price = 10**15
    model = create(replace(ANY, min_bond=price, owner_only=False))
    with pytest.raises(Revert, match="price above the value sent"):
        mirror.commit(stranger, model, ROOT, value=PLAN.total + price - 1)
    market = mirror.commit(stranger, model, ROOT, value=PLAN.total + price + 5)
    assert mirror.twin.balances[provider.address] == price
    assert mirror.contract.call("held", market) == (PLAN.total, 0)
    mirror.mine(5)
    mirror.draw(stranger, market)
    mirror.wait(PLAN.reveal_time)
    mirror.expire(stranger, market)
    mirror.withdraw_all(stranger, market)
    assert mirror.twin.balances[stranger.address] == -price


def test_commit__by_the_owner_where_anyone_may__costs_nothing_more(mirror, create, provider):
    model = create(replace(ANY, min_bond=1, owner_only=False))
    mirror.commit(provider, model, ROOT, value=PLAN.total)


def test_commit__owner_takes_no_ether__is_credited(mirror, create_model, stranger, provider, project, raw):
    from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters

    wallet = raw(stranger.deploy(project.ContractWallet))
    assert project.ContractWallet.at(wallet.address).set_refusing(True, sender=stranger).status == 1
    mirror.time = mirror.rpc.time
    twin, terms = SparsePerceptron(SparsePerceptronParameters(30)), replace(ANY, min_bond=7, owner_only=False)
    model = str(create_model(twin, mirror.contract.address, terms.pack(), holder=wallet.address).address)
    mirror.time = mirror.rpc.time
    mirror.adopt(model, twin, wallet.address, terms)
    mirror.commit(provider, model, ROOT, value=PLAN.total + 7)
    assert mirror.twin.credits == {wallet.address: 7}


def test_open__anyone_may_and_it_costs_nothing__refused(create):
    with pytest.raises(Exception, match="a market of anyone needs a least bond"):
        create(replace(ANY, owner_only=False))


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


def test_commit__model_sealed_after_its_creation__accepted(mirror, create, provider, project):
    model = create(sealed=False)
    assert project.SparsePerceptron.at(model).seal(sender=provider).status == 1
    mirror.time = mirror.rpc.time
    mirror.commit(provider, model, ROOT)


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
    from comodels.chain.abi import Transaction

    transaction = Transaction(model, mirror.contract.address, mirror.contract.data("open", ANY.encode()))
    assert mirror.rpc.why(transaction) == "prediction-market: open already"
