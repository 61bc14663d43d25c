"""`ape run keeper`: what is due is done once, for whom it is told to, whatever happens in between."""

import itertools

import pytest

from comodels import keeper as module
from comodels.chain.account import GasPrice, Wallet
from comodels.chain.node import Node, Unreachable
from comodels.chain.notes import Notes
from comodels.claims import SelfAssessment
from comodels.cli import ApeSigner
from comodels.incentives.self_assessment import Terms
from comodels.keeper import Keeper
from comodels.publish import Options, publish
from comodels.published import find
from comodels.training import train_from_data

DAY = 86_400


@pytest.fixture
def model(chain, rpc, owner, contributor, stranger, reviews, tmp_path):
    """A model to which three have contributed: the contributor what it disagrees with, the others what it knows."""
    saved = train_from_data(str(reviews), "films", "Reviews of films", ("bad", "good"), features=20)[0]
    publish(rpc, ApeSigner(owner), saved, Options(SelfAssessment(Terms()), tmp_path))
    model = find(rpc, "films", tmp_path)
    texts = {"a fine film": True, "a great film": True, "lovely": True, "superb": True, "good": True}
    for number, text in enumerate(texts):
        chain.pending_timestamp += 3_600
        who = stranger if number == 1 else contributor
        model.contribute(text, model.predict(text), ApeSigner(who), max_deposit=10**18)
    return model


@pytest.fixture
def keep(rpc, keeper, model, tmp_path):
    """Make a keeper anew, as when it is started again, and what it says."""

    def make(*served, **options):
        said = []
        wallet = Wallet(ApeSigner(keeper), Notes.of(rpc, keeper.address, tmp_path), say=said.append)
        return Keeper(wallet, [model], [a.address for a in served], say=said.append, **options), said

    return make


def pass_days(chain, days):
    chain.pending_timestamp += days * DAY
    chain.mine()


def validated(model):
    return model.incentive.call("statistics", model.address)[1]


def test_look__for_those_it_serves_only(keep, model, chain, contributor, stranger):
    pass_days(chain, 1)
    before = contributor.balance, stranger.balance
    keeper, said = keep(contributor)

    keeper.look()

    assert validated(model) == 4
    assert contributor.balance > before[0]
    assert stranger.balance == before[1]
    assert sum(contributor.address in line for line in said) == 4


def test_look__again_or_by_another_keeper__sends_nothing(keep, chain, contributor, keeper):
    pass_days(chain, 1)
    keep(contributor)[0].look()
    sent = keeper.nonce
    keep(contributor)[0].look()
    assert keeper.nonce == sent


@pytest.mark.parametrize("arrives", [False, True], ids=["before it is sent", "after it was sent"])
def test_look__killed_at_each_claim_and_started_again__each_once(
    keep, model, chain, contributor, keeper, monkeypatch, arrives
):
    class Kill(BaseException):
        pass

    pass_days(chain, 1)
    sent, send, kills = keeper.nonce, Node.send_raw, []

    def killed(self, signed):
        if len(kills) % 2 or arrives:
            send(self, signed)
        kills.append(signed)
        if len(kills) % 2 or arrives:
            raise Kill

    monkeypatch.setattr(Node, "send_raw", killed)
    for _ in range(20):
        try:
            keep(contributor)[0].look()
            break
        except Kill:
            continue
    assert len(kills) >= 4
    assert validated(model) == 4
    assert keeper.nonce - sent == 4


def test_look__forgives_whoever_named_it(keep, model, chain, contributor, keeper):
    pass_days(chain, 1)
    keep(contributor)[0].look()  # four validated: two are forgiven
    model.contribute("a dull film", "good", ApeSigner(contributor), max_deposit=10**18)
    pass_days(chain, 1)
    assert model.predict("a dull film") == "bad"
    forgiven = model.incentive.call("forgiven_of", model.address, contributor.address)

    keep(contributor)[0].look()
    assert model.incentive.call("forgiven_of", model.address, contributor.address) == forgiven == 0
    model.incentive.transact("name_keeper", keeper.address, account=ApeSigner(contributor))
    keep(contributor)[0].look()
    assert model.incentive.call("forgiven_of", model.address, contributor.address) == 1


def test_look__gas_dearer_than_what_it_brings__only_for_those_it_serves(
    keep, model, chain, contributor, keeper, monkeypatch
):
    model.contribute("a good film", "good", ApeSigner(keeper), max_deposit=10**18)
    pass_days(chain, 1)
    monkeypatch.setattr(module, "gas_price", lambda node: GasPrice(10**16, 0))
    keep(contributor)[0].look()
    assert validated(model) == 4
    monkeypatch.setattr(module, "gas_price", lambda node: GasPrice(0, 0))
    keep(contributor)[0].look()
    assert validated(model) == 5


def test_run__nothing_due__says_what_is_next_and_looks_then(keep, model, rpc, contributor):
    keeper, said = keep(contributor)
    pauses = []
    keeper.run(10 * DAY, rounds=2, wait=pauses.append)
    (text,) = [line for line in said if line.startswith("Next, ")]
    assert "refunded if the model agrees; nobody can report it" in text
    due = min(c.time for c in model.contributions() if c.contributor == contributor.address) + DAY
    assert abs(pauses[0] - (due - rpc.next_time)) < 30
    assert len(pauses) == 1  # after the last look it ends


def test_run__node_is_away_for_a_while__goes_on(keep, model, chain, contributor, monkeypatch):
    pass_days(chain, 1)
    keeper, said = keep(contributor)
    many, misses = model.node.many, itertools.count()

    def away(calls):
        if next(misses) < 3:
            raise Unreachable("no chain answers")
        return many(calls)

    monkeypatch.setattr(model.node, "many", away)
    keeper.run(1, rounds=4, wait=lambda seconds: None)
    assert any("no chain answers" in line for line in said)
    assert validated(model) == 4


def test_look__one_model_fails__the_others_are_served(keep, model, chain, contributor):
    pass_days(chain, 1)
    keeper, said = keep(contributor)
    broken = find(model.node, model.address, model.deployments)
    broken.incentive = None
    keeper.models = [broken, model]
    keeper.look()
    assert any("does not know" in line for line in said)
    assert validated(model) == 4


def test_keeper__as_a_command__looks_once_and_says_what_is_next(model, chain, contributor, keeper, tmp_path):
    from click.testing import CliRunner

    from scripts.keeper import cli

    pass_days(chain, 1)
    options = ["--deployments", str(tmp_path), "--network", chain.provider.uri, "--account", "TEST::5"]
    result = CliRunner().invoke(cli, ["--once", "--for", contributor.address, *options])
    assert result.exit_code == 0, result.output
    assert f"{keeper.address} watches films." in result.output
    assert "Nothing more is known to come." in result.output
    assert validated(model) == 4
