"""The whole story by the commands, on two clients: anvil and Hardhat's node. `make nodes` runs it.

Both mine four blocks a second, ask for gas, and have a chain id that is not local. Every action takes the same gas on
both: what is random is the same in both stories, and of a market all portions are equal, since blocks draw them. Only
what asks for a deposit may differ, by the branches in the square root of the seconds since the one before: the
stories run at the speed of the machine.
"""

import json
import os
import random
import secrets
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from comodels.artifacts import artifact
from comodels.chain.abi import Function
from comodels.chain.contract import ContractAt
from comodels.chain.local import END_WITH_US, end_group, free_port, local_chain
from comodels.chain.node import Node, NodeError
from comodels.incentives.prediction_market import PARTICIPATING
from comodels.journal import Journal
from scripts import (
    add_class,
    contribute,
    dashboard,
    deploy,
    export,
    keeper,
    leaderboard,
    market,
    models,
    predict,
    rewards,
)
from tests.user import User, killed_at_the_end

pytestmark = [pytest.mark.nodes, pytest.mark.xdist_group("nodes")]

ROOT = Path(__file__).resolve().parents[2]
HARDHAT = ROOT / "node_modules" / "hardhat" / "internal" / "cli" / "cli.js"
CHAIN_ID, BASE_FEE, BLOCK_TIME = 4242, 10**9, 0.25
DAY = 86_400
PATIENCE = 120  # seconds
ADDING, STEPS_OF_THE_ROOT = ("add_data", "add_many", "add_signed"), 64  # gas
STEP_OVER_A_PORTION = 130  # gas: `check` passes over those that were drawn, which the hash of a block decides
TABS = ("", "/train", "/refund", "/reward", "/data")


@contextmanager
def anvil(folder):
    with local_chain(
        *("--chain-id", str(CHAIN_ID), "--base-fee", str(BASE_FEE), "--block-time", str(BLOCK_TIME))
    ) as chain:
        yield chain.url


@contextmanager
def hardhat(folder):
    """Hardhat's node, which ends with this process."""
    settings = {
        "chainId": CHAIN_ID,
        "hardfork": "prague",
        "initialBaseFeePerGas": BASE_FEE,
        "mining": {"auto": False, "interval": int(1_000 * BLOCK_TIME)},
        "accounts": {"accountsBalance": str(10**24)},
    }
    config = {"solidity": "0.8.24", "networks": {"hardhat": settings}}
    (folder / "hardhat.config.js").write_text(f"module.exports = {json.dumps(config)};\n")
    (folder / "package.json").write_text("{}\n")
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
    port = free_port()
    process = subprocess.Popen(
        ["sh", "-c", END_WITH_US, "sh", "node", HARDHAT, "node", "--port", str(port)],
        cwd=folder,
        env=os.environ | {"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true"},
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    node, end = Node(f"http://127.0.0.1:{port}"), time.monotonic() + PATIENCE
    try:
        while True:
            try:
                assert node.chain_id == CHAIN_ID
                break
            except NodeError:
                assert time.monotonic() < end, "Hardhat's node did not start"
                time.sleep(0.2)
        yield node.url
    finally:
        end_group(process)


def selectors(contract, *names):
    """Of functions of a contract."""
    return {"0x" + Function.from_abi(e).selector.hex() for e in artifact(contract).abi if e.get("name") in names}


def allowances():
    """By selector, how much gas may differ: where a deposit falls with time, and by which portion was drawn."""
    steps = dict.fromkeys(selectors("SelfAssessment", *ADDING), STEPS_OF_THE_ROOT)
    return steps | dict.fromkeys(selectors("PredictionMarket", "check"), STEP_OVER_A_PORTION)


class Unshuffled:
    """In place of what shuffles rows: so each portion has the same ones, whichever is drawn."""

    def shuffle(self, rows):
        """Leave them as they are."""


class Story:
    """What is done on one node, and what it took."""

    def __init__(self, url, folder):
        self.url, self.node, self.folder = url, Node(url), folder
        self.rng = random.Random(1)
        self.people = [User(url, folder, f"TEST::{i}") for i in range(2)]
        self.steps = 0

    def predictable(self, count=None):
        """In place of random bytes: others for each command, the same in each story, and none that is 0."""
        return bytes(self.rng.randrange(1, 256) for _ in range(count or 32))

    def begin(self, who, command, *arguments):
        self.steps += 1
        self.rng.seed(self.steps)
        return self.people[who].start(command, *arguments)

    def do(self, who, command, *arguments, says=""):
        """Run a command of the owner (0) or the contributor (1); it must say something."""
        said = len(self.log)
        pid = self.begin(who, command, *arguments)
        assert os.waitpid(pid, 0)[1] == 0, self.log
        assert says in " ".join(self.log[said:].split()), self.log[said:]

    @property
    def log(self):
        return self.people[0].log if (self.folder / "log").exists() else ""

    def later(self, seconds):
        self.node.rpc("evm_increaseTime", seconds)
        self.node.rpc("evm_mine")

    def noted(self, name):
        return Journal.open(self.node, self.folder / "deployments").models[name]

    def wait(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.log
            assert "FAILED" not in self.log, self.log
            time.sleep(0.1)

    def gas(self):
        """For each account in the order of its transactions: function and gas, but for that of the calldata's bytes."""
        accounts = [a.lower() for a in self.node.accounts[:2]]
        blocks = self.node.many([("eth_getBlockByNumber", [hex(n), True]) for n in range(self.node.block + 1)])
        sent = [t for block in blocks for t in block["transactions"] if t["from"].lower() in accounts]
        sent.sort(key=lambda t: (accounts.index(t["from"].lower()), int(t["nonce"], 16)))
        found = []
        for t in sent:
            receipt = self.node.rpc("eth_getTransactionReceipt", t["hash"])
            assert receipt["status"] == "0x1"
            if t["input"] == "0x":  # pays for the deterministic deployer, which anvil has
                continue
            data = bytes.fromhex(t["input"][2:])
            calldata = sum(16 if byte else 4 for byte in data)
            found.append((t["input"][:10], int(receipt["gasUsed"], 16) - calldata))
        return found


def play(story, tmp_path):
    """Publish, predict, contribute, claim; points; a market; a class more; everything taken home; page and console."""
    owner, contributor = 0, 1
    reviews, hidden = tmp_path / "reviews.tsv", tmp_path / "hidden.tsv"
    lines = [f"{('bad', 'good')[i % 2]}\ta {('dull', 'fine')[i % 2]} film, number {i}" for i in range(40)]
    reviews.write_text("\n".join(["label\ttext", *lines]) + "\n")
    hidden.write_text("\n".join(["label\ttext", *["bad\ta dull film", "good\ta fine film"] * 8]) + "\n")
    data = ("--data", str(reviews), "--features", "45")

    story.do(owner, deploy.cli, *data, "--name", "films", "--room", "3", says="'films' is published")
    story.do(owner, predict.cli, "films", "a fine film", says="good")
    story.do(owner, contribute.cli, "films", "fine", "good", says="Contributed in")
    story.do(contributor, contribute.cli, "films", "dull", "bad", says="Contributed in")
    story.do(contributor, rewards.cli, "films", says="can claim nothing now. To come")
    story.later(DAY)
    story.do(contributor, rewards.cli, "films", "--all", says="refund of contribution 1")
    story.do(owner, keeper.cli, "films", "--once", "--for", story.node.accounts[1], says="watches films")

    story.do(owner, deploy.cli, *data, "--name", "league", "--incentive", "points", says="'league' is published")
    story.do(owner, contribute.cli, "league", "fine 3", "good", says="Contributed in")
    story.do(contributor, contribute.cli, "league", "dull 4", "bad", says="Contributed in")
    story.later(DAY)
    story.do(owner, rewards.cli, "league", says="Claimed")
    story.do(contributor, rewards.cli, "league", says="Claimed")
    story.do(owner, leaderboard.cli, "league", says="the contract says the same")

    terms = ("--incentive", "prediction-market", "--epochs", "0")
    story.do(owner, deploy.cli, *data, "--name", "bounty", *terms, says="'bounty' is published")
    plan = ("--portions", "4", "--draw", "1", "--most", "5", "--poll", "0.2")
    pid = story.begin(owner, market.cli, "run", "bounty", "--data", str(hidden), *plan)
    with killed_at_the_end(pid):
        noted = story.noted("bounty")
        contract = ContractAt(story.node, noted["trainer"], artifact("PredictionMarket").abi)
        story.wait(lambda: contract.call("latest_market", noted["address"]))
        number = contract.call("latest_market", noted["address"])
        story.wait(lambda: contract.call("market", number)[6] == PARTICIPATING)
        story.do(contributor, contribute.cli, "bounty", "a fine film", "good", says="Contributed in")
        story.do(contributor, contribute.cli, "bounty", "a dull film", "bad", says="Contributed in")
        story.later(8 * DAY)
        story.wait(lambda: "has ended as settled" in story.log)
        assert os.waitpid(pid, 0)[1] == 0, story.log

    story.do(owner, add_class.cli, "films", "mixed", says="has the class 'mixed' now")
    story.do(contributor, contribute.cli, "films", "fine dull", "mixed", says="Contributed in")
    story.do(owner, models.cli, says="league")
    story.do(owner, export.cli, "films", "--retrain", "--out", str(tmp_path / "export"), says="bit for bit")
    look_at_the_page(story)
    ask_the_console(story)


def look_at_the_page(story):
    page = dashboard.prepare(SimpleNamespace(uri=story.url), story.folder / "deployments")
    with TestClient(page.app(), base_url="http://127.0.0.1:8080") as client:
        assert "league" in client.get("/").text
        for name in ("films", "league", "bounty"):
            for tab in TABS:
                answer = client.get(f"/models/{story.noted(name)['address']}{tab}")
                assert answer.status_code == 200, answer.text
                assert name in answer.text


def ask_the_console(story):
    """`ape console`, which reads the file of the chain among the project's own."""
    path = Journal.open(story.node, story.folder / "deployments").path
    shutil.copytree(path.parent, ROOT / "deployments", dirs_exist_ok=True)
    try:
        command = [
            "ape",
            "console",
            "--network",
            story.url,
            "-c",
            "print(films.predict('a dull film'), len(league.words()))",
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert "bad " in done.stdout, done.stdout + done.stderr
    finally:
        (ROOT / "deployments" / path.name).unlink()


def test_story__on_two_clients__ends_well_with_the_same_gas(tmp_path, monkeypatch):
    if not HARDHAT.is_file():
        pytest.fail("Hardhat is not installed: run `make setup`")
    found = {}
    for client in (anvil, hardhat):
        folder = tmp_path / client.__name__
        folder.mkdir()
        with client(folder) as url:
            story = Story(url, folder)
            monkeypatch.setattr(secrets, "token_bytes", story.predictable)
            monkeypatch.setattr(secrets, "SystemRandom", Unshuffled)
            play(story, folder)
            found[client] = story.gas()
    for name, gas in found.items():
        (tmp_path / f"{name.__name__}.json").write_text(json.dumps(gas))
    assert len(found[anvil]) > 30
    assert [function for function, _ in found[anvil]] == [function for function, _ in found[hardhat]]
    allowed_for = allowances()
    for (function, one), (_, other) in zip(found[anvil], found[hardhat], strict=True):
        allowed = allowed_for.get(function, 0)
        assert abs(one - other) <= allowed, (function, one, other)
