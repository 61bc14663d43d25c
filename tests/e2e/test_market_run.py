"""`ape run market run` as its user meets it: killed at any moment, on a node that vanishes and forgets.

The commands run in processes of their own, on an anvil that was started separately; nothing they do is replaced.
"""

import os
import random
import signal
import time

import pytest
from eth_utils import to_checksum_address

from comodels.artifacts import artifact
from comodels.chain.contract import ContractAt
from comodels.chain.local import local_chain
from comodels.incentives.prediction_market import COMMITTED, PARTICIPATING, SETTLED, VOID
from comodels.journal import Journal
from comodels.market_secret import Secret
from scripts import deploy, market
from tests.mirror import random_sample
from tests.user import User, alive, killed_at_the_end

PATIENCE = 120  # seconds after which a test has failed
MOST = 6  # contributions, then the market closes
WORDS = {0: ("dull", "poor", "awful", "boring", "bad"), 1: ("fine", "great", "lovely", "superb", "good")}
PROVIDER = "TEST::4"


def reviews(path, first, count):
    """A TSV of short reviews, each another one."""
    lines = ["label\ttext"]
    for i in range(first, first + count):
        words = WORDS[i % 2]
        lines.append(f"{i % 2}\ta {words[i // 2 % 5]} and {words[i // 10 % 5]} film with {'very ' * (i // 50)}much")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


class World:
    """What goes on besides: blocks, and contributors."""

    def __init__(self, chain, project, user):

        self.chain, self.user = chain, user
        noted = Journal.open(chain, user.folder / "deployments").models["films"]
        self.model = noted["address"]
        self.contract = ContractAt(chain, noted["trainer"], artifact("PredictionMarket").abi)
        self.live = ContractAt(chain, self.model, artifact("SparsePerceptron").abi)
        self.provider = to_checksum_address(chain.accounts[4])
        self.rng = random.Random(1)

    @property
    def market(self):
        return self.contract.call("latest_market", self.model)

    @property
    def phase(self):
        return self.contract.call("market", self.market)[6] if self.market else 0

    @property
    def sent(self):
        return int(self.chain.rpc("eth_getTransactionCount", self.provider, "latest"), 16)

    def go_on(self):
        """Mine up to the draw; contribute until the market is full."""
        import numpy as np

        if self.phase == COMMITTED:
            self.chain.rpc("anvil_mine", "0x6")
        elif self.phase == PARTICIPATING:
            rng = np.random.default_rng(7)
            view = self.contract.call("market", self.market)
            for _ in range(view[8], MOST):
                x = random_sample(rng, 12)
                y = 1 - self.live.call("predict", x)  # what the model agrees with would take no place
                add = self.contract.transaction(
                    "add_data", self.model, x, y, sender=self.chain.accounts[1], value=view[2][0]
                )
                assert self.chain.send([add])[0]["status"] == "0x1"

    def transactions(self):
        """All of the provider to the market contract, with their receipts."""
        found = []
        for number in range(int(self.chain.rpc("eth_blockNumber"), 16) + 1):
            for t in self.chain.rpc("eth_getBlockByNumber", hex(number), True)["transactions"]:
                if (t["from"].lower(), (t["to"] or "").lower()) == (
                    self.provider.lower(),
                    self.contract.address.lower(),
                ):
                    found.append((t, self.chain.rpc("eth_getTransactionReceipt", t["hash"])))
        return found

    def check_end(self):
        """Every wei is home; nothing was sent twice; nothing was sent that the file does not know."""
        assert self.phase == SETTLED
        assert self.chain.balance(self.contract.address) == 0
        sent = self.transactions()
        assert {r["status"] for _, r in sent} == {"0x1"}
        inputs = [t["input"] for t, _ in sent]
        assert len(inputs) == len(set(inputs))
        noted = {t["hash"] for path in self.user.files for t in Secret.load(path).transactions}
        assert {t["hash"] for t, _ in sent} <= noted


@pytest.fixture
def user(tmp_path):
    def make(chain):
        user = User(chain.url, tmp_path, PROVIDER)
        training = reviews(tmp_path / "train.tsv", 0, 60)
        user.do(deploy.cli, "--data", training, "--name", "films", "--incentive", "prediction-market", "--epochs", "0")
        return user

    return make


def still_trying(pid, deadline, user):
    assert alive(pid), user.log
    assert time.monotonic() < deadline, user.log


def options(data):
    return ["run", "films", "--data", data, "--portions", "4", "--draw", "1", "--most", str(MOST), "--poll", "0.1"]


@pytest.mark.parametrize("markets", [2, pytest.param(24, marks=pytest.mark.fuzz)])
def test_run__killed_at_many_moments__nothing_lost_and_nothing_sent_twice(user, project, tmp_path, markets):
    with local_chain() as chain:
        user = user(chain)
        world = World(chain, project, user)
        kills = 0
        for number in range(1, markets + 1):
            deadline = time.monotonic() + PATIENCE
            arguments = options(reviews(tmp_path / f"hidden{number}.tsv", 100, 36 + 4 * number))
            while True:
                before = world.sent
                patience = world.rng.randint(1, 4 * min(number, 2)), world.rng.random() / 20
                with killed_at_the_end(pid := user.start(market.cli, *arguments)):
                    while running := alive(pid):
                        assert time.monotonic() < deadline, user.log
                        world.go_on()
                        if world.sent >= before + patience[0]:
                            time.sleep(patience[1])
                            break
                        time.sleep(0.01)
                    if running and alive(pid):
                        os.kill(pid, signal.SIGKILL)
                        kills += 1
                if not running:
                    break
            assert "FAILED" not in user.log
            assert world.market & 2**32 - 1 == number
            world.check_end()
        assert kills >= 2 * markets
        # once more: the test set is known, and no third market begins
        user.do(market.cli, *arguments)
        assert world.market & 2**32 - 1 == markets
        user.do(market.cli, "status", "films")
        user.do(market.cli, "status", "films", "--market", "1")
        assert user.log.count("nothing: all is paid") == 2


def test_run__node_is_stopped_and_started_again__goes_on(user, project, tmp_path):
    state = ["--state", str(tmp_path / "state.json")]
    with local_chain(*state) as chain:
        user = user(chain)
        world = World(chain, project, user)
        pid = user.start(market.cli, *options(reviews(tmp_path / "hidden.tsv", 100, 40)))
        deadline = time.monotonic() + PATIENCE
        while world.phase != COMMITTED:
            still_trying(pid, deadline, user)
            time.sleep(0.05)
        # it hangs for a while
        os.killpg(chain.group, signal.SIGSTOP)
        time.sleep(1)
        os.killpg(chain.group, signal.SIGCONT)
        while world.phase != PARTICIPATING:
            still_trying(pid, deadline, user)
            if world.phase == COMMITTED:
                world.go_on()
            time.sleep(0.05)
    with killed_at_the_end(pid):
        while "does not answer" not in user.log:
            still_trying(pid, deadline, user)
            time.sleep(0.05)
        with local_chain(*state, port=int(chain.url.rsplit(":", 1)[1])) as chain:
            assert world.phase == PARTICIPATING
            world.go_on()
            while alive(pid):
                assert time.monotonic() < deadline, user.log
                time.sleep(0.05)
            assert "FAILED" not in user.log
            world.check_end()


def test_run__transactions_not_mined_and_dropped__sent_again_but_mined_once(user, project, tmp_path):
    with local_chain() as chain:
        user = user(chain)
        world = World(chain, project, user)
        deadline = time.monotonic() + PATIENCE

        def pool():
            senders = chain.rpc("txpool_content")["pending"]
            return [t["hash"] for by_nonce in senders.values() for t in by_nonce.values()]

        def wait_until(condition):
            while not condition():
                assert time.monotonic() < deadline, user.log
                time.sleep(0.02)

        arguments = options(reviews(tmp_path / "hidden.tsv", 100, 40))
        chain.rpc("evm_setAutomine", False)
        pid = user.start(market.cli, *arguments)
        with killed_at_the_end(pid):
            wait_until(pool)
            (first,) = pool()
            # the node forgets it: the same transaction is given to it again
            chain.rpc("anvil_dropTransaction", first)
            wait_until(pool)
            assert pool() == [first]
        # killed and started again: it waits for what may still be mined, and sends no second one
        with killed_at_the_end(pid := user.start(market.cli, *arguments)):
            wait_until(lambda: "not mined yet" in user.log)
            assert pool() == [first]
            # forgotten once more: the new run sends the very same
            chain.rpc("anvil_dropTransaction", first)
            wait_until(lambda: "not sent again" in user.log or pool())
            assert pool() == [first]
            chain.rpc("evm_setAutomine", True)
            chain.rpc("evm_mine")
            while alive(pid):
                assert time.monotonic() < deadline, user.log
                world.go_on()
                time.sleep(0.02)
        assert "FAILED" not in user.log
        assert len(user.files) == 1
        world.check_end()


def test_commands__one_after_the_other__a_whole_market_and_one_whose_file_is_lost(user, project, tmp_path):
    with local_chain() as chain:
        user = user(chain)
        world = World(chain, project, user)

        def commit(number):
            _, *arguments = options(reviews(tmp_path / f"hidden{number}.tsv", 100, 36 + 4 * number))
            user.do(market.cli, "commit", *arguments[:-2])
            assert world.market & 2**32 - 1 == number

        commit(1)
        assert os.waitpid(user.start(market.cli, "settle", "films"), 0)[1] != 0
        assert "That is not what comes next. Next: wait for block" in user.log
        chain.rpc("anvil_mine", "0x6")
        for step in ("draw", "reveal", "open"):
            user.do(market.cli, step, "films")
        user.do(market.cli, "try", "films", "a fine film", "1")
        assert "rows that were shown" in user.log
        world.go_on()
        for step in ("close", "reveal", "check", "score", "settle"):
            user.do(market.cli, step, "films")
        user.do(market.cli, "withdraw", "films", "--all")
        world.check_end()
        assert "Market 1 has ended as settled" in user.log
        assert f"{world.provider} (provider) paid in " in user.log

        commit(2)
        user.files[1].rename(tmp_path / "lost")
        # anyone can bring it to its end, here as soon as the drawn portions are not revealed in time
        user.do(market.cli, "run", "films", "--jump")
        assert world.phase == VOID
        assert "Market 2 has ended as void" in user.log
        user.do(market.cli, "withdraw", "films")
        assert chain.balance(world.contract.address) == 0
        user.do(market.cli, "status", "films")
        assert "void" in user.log
        told = user.log.count("Market 2 has ended as void")
        for step in ("settle", "expire"):  # there is nothing left to do, and that is said
            user.do(market.cli, step, "films")
        assert user.log.count("Market 2 has ended as void") == told + 2
