"""`ape run rewards`: what can be claimed, what comes when, for whom."""

import re
from time import sleep

import pytest
from click.testing import CliRunner

from comodels.chain.account import GasPrice
from comodels.claims import SelfAssessment
from comodels.cli import ApeSigner
from comodels.incentives.self_assessment import Terms
from comodels.publish import Options, publish
from comodels.published import find
from comodels.training import train_from_data
from scripts.rewards import cli

DAY = 86_400


@pytest.fixture
def films(chain, rpc, owner, contributor, reviews, tmp_path):
    """A model on terms of which some are given, to which the owner and a contributor have added what it knows."""

    def build(terms):
        folder = tmp_path / "deployments"
        saved = train_from_data(str(reviews), "films", "Reviews of films", ("bad", "good"), features=20)[0]
        publish(rpc, ApeSigner(owner), saved, Options(SelfAssessment(terms), folder))
        model = find(rpc, "films", folder)
        for who, text in ((owner, "a fine film"), (contributor, "a great film")):
            chain.pending_timestamp += 3_600
            model.contribute(text, model.predict(text), ApeSigner(who), max_deposit=10**18)
        return model

    return build


@pytest.fixture
def run(chain, tmp_path):
    """Run the command as the first account; its output."""

    def rewards(*arguments):
        shared = ["--deployments", str(tmp_path / "deployments"), "--network", chain.provider.uri]
        result = CliRunner().invoke(cli, ["films", *arguments, *shared], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    return rewards


def test_rewards__nothing_due__says_what_comes_and_that_nothing_is_lost(films, run):
    films(Terms())

    shown = run("--dry-run")

    assert "can claim nothing now" in shown
    assert "refunded if the model agrees; nobody can report it" in shown
    assert "goes back in any case" in shown
    assert "LOST" not in shown


def test_rewards__slides_rule__says_what_is_lost(films, run):
    films(Terms.slides())

    assert "LOST if it was not refunded before: the owner may take it" in run("--dry-run")


def test_rewards__due__claimed_for_oneself_and_for_another(films, run, chain, contributor):
    model = films(Terms())
    chain.pending_timestamp += DAY
    chain.mine()
    before = contributor.balance

    assert "Claimed 0.0" in run()
    assert contributor.balance == before
    shown = run("--contributor", contributor.address)

    assert re.search(rf"refund of contribution 1: 0\.0\d+ ether to {contributor.address} ", shown)
    assert re.search(r"1 transaction of 0x\w+ left it with as much ether as before, gas included\.$", shown)
    assert contributor.balance > before
    assert model.incentive.call("statistics", model.address) == (2, 2)


def test_rewards__keeper__named(films, run, owner, keeper):
    model = films(Terms())

    shown = run("--name-keeper", keeper.address, "--dry-run")

    assert "may spend what" in shown
    assert model.incentive.call("keeper_of", owner.address) == keeper.address.lower()


def test_rewards__what_could_not_be_delivered__shown_and_fetched(films, run, chain, rpc, owner, keeper):
    model = films(Terms())
    chain.pending_timestamp += DAY
    chain.mine()
    rpc.rpc("anvil_setCode", owner.address, "0x60006000fd")  # the account takes nothing for now
    (claim,) = model.claims(keeper.address, contributor=owner.address)
    model.claim(claim, ApeSigner(keeper))
    rpc.rpc("anvil_setCode", owner.address, "0x")
    credit, before = model.credit(owner.address), owner.balance
    assert credit == claim.amount > 0

    assert "could not be delivered to you" in run("--dry-run")
    assert model.credit(owner.address) == credit
    assert "Fetched 0.0" in run()

    assert model.credit(owner.address) == 0
    assert owner.balance == before + credit
    assert "delivered" not in run()


def test_rewards__latest_block_a_contribution__found_and_claimed_all_the_same(films, run, chain, stranger):
    """In the second of a contribution the contract does not ask the model: what counts is the block to come."""
    model = films(Terms())
    chain.pending_timestamp += DAY
    model.contribute("a fine film", "good", ApeSigner(stranger), max_deposit=10**18)

    sleep(1.1)  # the node's clock goes on, but no further block comes by itself
    assert "refund" in run()
    assert model.incentive.call("statistics", model.address)[1] == 1


@pytest.fixture
def gas_of_a_gwei(monkeypatch):
    """What gas costs, as far as the command knows; the chain of the tests takes nothing for it."""
    for module in ("comodels.chain.account", "scripts.rewards"):
        monkeypatch.setattr(f"{module}.gas_price", lambda node: GasPrice(10**9, 0, dynamic=False))


def test_rewards__gas_costs_more_than_it_brings__left_out_unless_asked_for(films, run, chain, gas_of_a_gwei, owner):
    model = films(Terms(cost_weight=10**12))  # deposits of 10^12 wei or so
    chain.pending_timestamp += DAY
    chain.mine()
    sent = owner.nonce

    shown = run()
    assert "left out: 1. With --all they are made" in shown
    assert "can claim nothing now" in shown
    assert owner.nonce == sent

    assert "1 transaction of" in run("--all")
    assert model.incentive.call("statistics", model.address)[1] == 1


def test_rewards__max_fee_below_what_gas_costs__nothing_is_sent(films, chain, gas_of_a_gwei, owner, tmp_path):
    films(Terms())
    chain.pending_timestamp += DAY
    chain.mine()
    sent = owner.nonce
    shared = ["--deployments", str(tmp_path / "deployments"), "--network", chain.provider.uri]
    result = CliRunner().invoke(cli, ["films", "--max-fee", "0.5", *shared])
    assert result.exit_code != 0
    assert "raise --max-fee" in " ".join(result.output.split())
    assert owner.nonce == sent


def test_rewards__dry_run__says_what_gas_costs(films, run, chain, gas_of_a_gwei):
    films(Terms())
    chain.pending_timestamp += DAY
    chain.mine()
    assert re.search(r"refund │ 0\.\d+ ether │ 0\.0000\d\d ether", run("--dry-run"))
