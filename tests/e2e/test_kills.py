"""Commands that are killed at any moment and run again, and chains that change their mind: nothing is sent twice.

The moments are random. `make kills` has a hundred of each; a few are in every run of the tests.
"""

import itertools
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest
from eth_account import Account

from comodels.artifacts import artifact
from comodels.chain.contract import ContractAt
from comodels.chain.history import History
from comodels.chain.local import local_chain
from comodels.chain.node import Node, NodeError
from comodels.incentives.prediction_market import PARTICIPATING
from comodels.journal import Journal
from scripts import contribute, deploy, market, rewards
from tests.user import User, alive, killed_at_the_end

PATIENCE = 60  # seconds after which a command has failed
CONTRIBUTOR = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"  # anvil's second
DAY = 86_400
MOMENTS = [3, pytest.param(100, marks=pytest.mark.fuzz)]
RESTLESS = ("--chain-id", "4242", "--block-time", "0.1")
# asked for a moment after it was undone: run again, it goes on
UNDONE_BLOCK = re.compile("BlockOutOfRange|its block was undone")
UNDONE = [2, pytest.param(100, marks=pytest.mark.fuzz)]


class Killer:
    """Runs commands again until their user is told the outcome, and kills them at random moments before."""

    def __init__(self, chain, folder, kills):
        self.node, self.user, self.kills = Node(chain.url), User(chain.url, folder), kills
        self.account = chain.accounts[0]
        self.rng = random.Random(kills)
        self.killed = 0
        self.seconds = 1.5  # that a command takes, as far as is known

    def told(self, text, start):
        return text in self.user.log[start:]

    def run(self, text, command, *arguments):
        """Until the command tells this text."""
        (self.user.folder / "log").touch()
        start = len(self.user.log)
        while not self.told(text, start):
            moment = self.rng.random() * self.seconds if self.killed < self.kills else PATIENCE
            begun, running = time.monotonic(), True
            pid = self.user.start(command, *arguments)
            while time.monotonic() < begun + moment and (running := alive(pid)):
                time.sleep(0.002)
            if running:
                assert moment != PATIENCE, self.user.log
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self.killed += 1
            else:
                self.seconds = time.monotonic() - begun
            failures = [
                line for line in self.user.log.splitlines() if "FAILED" in line and not UNDONE_BLOCK.search(line)
            ]
            assert not failures, self.user.log

    def sent(self, all_went_through=True):
        """What the account has sent and went through: recipient and calldata, and in how many transactions."""
        found, known = Counter(), set()
        for number in range(self.node.block + 1):
            block = self.node.rpc("eth_getBlockByNumber", hex(number), True)
            # where blocks are undone while others are mined, anvil loses one now and then, or shows one twice
            for t in block["transactions"] if block else ():
                if t["from"] == self.account.lower() and t["hash"] not in known:
                    known.add(t["hash"])
                    went_through = self.node.rpc("eth_getTransactionReceipt", t["hash"])["status"] == "0x1"
                    assert went_through or not all_went_through
                    found[t["to"], t["input"]] += went_through
        return found

    def model(self, name):
        return Journal.open(self.node, self.user.folder / "deployments").models[name]


@pytest.fixture
def killer(tmp_path):
    def make(chain, kills):
        return Killer(chain, tmp_path, kills)

    return make


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    path = tmp_path_factory.mktemp("kills") / "reviews.tsv"
    lines = [f"{i % 2}\ta {('dull', 'fine')[i % 2]} film, number {i}" for i in range(40)]
    path.write_text("\n".join(["label\ttext", *lines]) + "\n")
    return str(path)


def deployed(killer, reviews, name="films"):
    killer.run("is published", deploy.cli, "--data", reviews, "--name", name, "--features", "50")


def sample(number):
    """The text with a number, each another one to the model."""
    return "{} {}".format(*list(itertools.combinations(range(40), 2))[number])


@pytest.mark.parametrize("kills", MOMENTS)
def test_deploy__killed_at_random_moments__each_transaction_once(killer, reviews, kills):
    with local_chain() as chain:
        killer = killer(chain, kills)
        count = 0
        while killer.killed < kills:
            count += 1
            deployed(killer, reviews, f"films {count}")
        assert set(killer.sent().values()) == {1}
        registry = ContractAt(killer.node, killer.model("films 1")["registry"], artifact("Registry").abi)
        assert registry.call("count") == count


@pytest.mark.parametrize("kills", MOMENTS)
def test_contribute__killed_at_random_moments__each_once(killer, reviews, kills):
    with local_chain() as chain:
        killer = killer(chain, 0)
        deployed(killer, reviews)
        killer.kills, count = kills, 0
        while killer.killed < kills:
            count += 1
            killer.run("Contributed in", contribute.cli, "films", sample(count), "1")
        noted = killer.model("films")
        assert len(History(killer.node, noted["address"], noted["trainer"]).contributions()) == count
        assert set(killer.sent().values()) == {1}


@pytest.mark.parametrize("kills", MOMENTS)
def test_rewards__killed_at_random_moments__each_claim_once(killer, reviews, kills):
    with local_chain() as chain:
        killer = killer(chain, 0)
        deployed(killer, reviews)
        killer.kills = kills
        noted = killer.model("films")
        incentive = ContractAt(killer.node, noted["trainer"], artifact("SelfAssessment").abi)
        model = ContractAt(killer.node, noted["address"], artifact("SparsePerceptron").abi)
        added = 0
        while killer.killed < kills:
            samples = [(added + i).to_bytes(2, "big") for i in range(4)]
            chain.send(
                incentive.transaction(
                    "add_data", noted["address"], x, model.call("predict", x), sender=chain.accounts[0], value=10**18
                )
                for x in samples
            )
            added += len(samples)
            chain.rpc("evm_increaseTime", 2 * DAY)
            chain.rpc("evm_mine")
            killer.run("can claim nothing now", rewards.cli, "films")
        assert incentive.call("statistics", noted["address"]) == (added, added)
        claims = {call: n for call, n in killer.sent().items() if call[0] == incentive.address.lower()}
        assert set(claims.values()) == {1}
        assert len(claims) == 2 * added  # each was added, and refunded


class Restless:
    """A chain of which the last block, or the last two, are undone again and again.

    Attributes
    ----------
    undone : Counter
        The transactions in these blocks, by what `now` was.
    """

    def __init__(self, chain, seed):
        self.node, self.rng, self.undone, self.now = Node(chain.url), random.Random(seed), Counter(), ""
        self._done, self._thread = threading.Event(), threading.Thread(target=self._undo)

    def _undo(self):
        while not self._done.wait(self.rng.random() / 3):
            depth = self.rng.randint(1, 2)
            try:
                lost = [self.node.rpc("eth_getBlockByNumber", hex(self.node.block - i), False) for i in range(depth)]
                self.node.rpc("anvil_reorg", depth, [])
                self.undone[self.now] += sum(len(block["transactions"]) for block in lost)
            except NodeError:
                continue  # no block is there yet

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


@pytest.mark.parametrize("times", UNDONE)
def test_commands__chain_changes_its_mind_meanwhile__all_is_there_once(killer, reviews, times):
    """While a model is published, and contributed to, and deposits go back, some of each are undone."""
    with local_chain(*RESTLESS, "--base-fee", "1000000000") as chain:
        killer = killer(chain, 0)
        count = models = 0
        with Restless(chain, times) as restless:
            while min(restless.undone[what] for what in ("deploy", "contribute", "rewards")) < times:
                if restless.undone["deploy"] < times:
                    restless.now, models, count = "deploy", models + 1, 0
                    deployed(killer, reviews, f"films {models}")
                    noted = killer.model(f"films {models}")
                restless.now, count = "contribute", count + 1
                killer.run("Contributed in", contribute.cli, f"films {models}", sample(count), "1")
                settle(chain)
                restless.now = "rewards"
                killer.run("can claim nothing now", rewards.cli, f"films {models}", "--all")
        found = History(killer.node, noted["address"], noted["trainer"], first=noted["published"]).contributions()
        assert len({c.x for c in found}) == count
        assert killer.node.code(noted["address"])
        settle(chain)  # what was undone when its command had ended was mined again later, and is due later
        killer.run("can claim nothing now", rewards.cli, "--all")
        wait_for(lambda: killer.node.balance(noted["trainer"]) == 0)
        assert {call: n for call, n in killer.sent().items() if n != 1} == {}


@pytest.mark.parametrize("times", UNDONE)
def test_market_run__chain_changes_its_mind_meanwhile__ends_with_each_step_once(killer, reviews, tmp_path, times):
    with local_chain(*RESTLESS) as chain:
        killer = killer(chain, 0)
        terms = ("--incentive", "prediction-market", "--epochs", "0")
        killer.run("is published", deploy.cli, "--data", reviews, "--name", "films", "--features", "50", *terms)
        number = 0
        with Restless(chain, times) as restless:
            while restless.undone["market"] < times:
                number, restless.now = number + 1, "market"
                test_set = tmp_path / f"test{number}.tsv"
                lines = [f"{i % 2}\t{('dull', 'fine')[i % 2]} film, number {i}" for i in range(36 + 4 * number)]
                test_set.write_text("\n".join(["label\ttext", *lines]) + "\n")
                market_once(chain, killer, test_set)
        contract = ContractAt(killer.node, killer.model("films")["trainer"], artifact("PredictionMarket").abi)
        assert contract.call("latest_market", killer.model("films")["address"]) & 2**32 - 1 == number
        wait_for(lambda: killer.node.balance(contract.address) == 0)
        # what is undone may be mined again beside others, as the hash that draws portions, and be refused there
        assert set(killer.sent(all_went_through=False).values()) <= {0, 1}


def market_once(chain, killer, test_set):
    """A whole market, to which three contribute, again where their contribution was undone."""
    noted = killer.model("films")
    contract = ContractAt(killer.node, noted["trainer"], artifact("PredictionMarket").abi)
    model = ContractAt(killer.node, noted["address"], artifact("SparsePerceptron").abi)
    plan = ("--portions", "4", "--draw", "1", "--most", "3", "--poll", "0.1")
    contributor = Account.from_key(CONTRIBUTOR)
    start, end = len(killer.user.log), time.monotonic() + 2 * PATIENCE
    with killed_at_the_end(pid := killer.user.start(market.cli, "run", "films", "--data", str(test_set), *plan)):
        while alive(pid):
            assert time.monotonic() < end, killer.user.log
            with suppress(NodeError):  # it is not there yet, closes, or what this depends on was undone
                view = contract.call("market", contract.call("latest_market", noted["address"]))
                if view[6] == PARTICIPATING and view[8] < 3:
                    x = view[8].to_bytes(2, "big")
                    y = 1 - model.call("predict", x)  # what the model agrees with would take no place
                    arguments = noted["address"], x, y
                    contract.transact("add_data", *arguments, account=contributor, value=view[2][0])
            time.sleep(0.05)
    assert "has ended as settled" in killer.user.log[start:], killer.user.log[start:]


def settle(chain):
    """Let so much time pass that what is left of a deposit goes back, whatever the model says."""
    chain.rpc("evm_increaseTime", 11 * DAY)
    last = chain.block
    wait_for(lambda: chain.block > last + 2)


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
