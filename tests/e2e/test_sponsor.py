"""A sponsor's service under load, killed at random moments: what people signed is on the chain once.

A few kills are in every run of the tests; `make sponsor` queues 10,000 contributions through 20 kills, and measures how
many a second are taken.
"""

import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from eth_account import Account
from eth_utils import keccak

from comodels.artifacts import artifact
from comodels.chain.contract import ContractAt
from comodels.chain.history import History
from comodels.chain.local import free_port, local_chain
from comodels.chain.node import Node
from comodels.journal import Journal
from comodels.signatures import Consent
from scripts import deploy, sponsor
from tests.user import User, alive

FEATURES = 40  # of the words that the model knows
EACH = 100  # contributions of one account
LIST = 50  # contributions in a request
CLIENTS = 4
DAILY = ["--per-account", "1000", "--per-day", "100000", "--rate", "1000000"]
MONEY = ["--budget", "900000", "--max-deposit", "100"]  # none of them waits for the price to fall
KILLS = [(300, 3), pytest.param(10_000, 20, marks=pytest.mark.fuzz)]
ACCEPTED = [(200, 0), pytest.param(4_000, 200, marks=pytest.mark.fuzz)]


class Platform:
    """A chain with a model, a sponsor's service in a process of its own, and people who sign."""

    def __init__(self, chain, folder):
        self.node, self.user, self.account = Node(chain.url), User(chain.url, folder), chain.accounts[0]
        self.port, self.pid = free_port(), 0
        self.url = f"http://127.0.0.1:{self.port}"
        lines = [f"{i % 2}\ta {('dull', 'fine')[i % 2]} film, number {i}" for i in range(40)]
        (folder / "films.tsv").write_text("\n".join(["label\ttext", *lines]) + "\n")
        arguments = "--data", str(folder / "films.tsv"), "--name", "films", "--features", "50"
        self.user.do(deploy.cli, *arguments)
        self.noted = Journal.open(self.node, folder / "deployments").models["films"]

    def start(self):
        """The service, as soon as it answers."""
        arguments = "films", "--port", str(self.port), "--patience", "0.3", "--folder", str(self.user.folder / "queue")
        self.pid = self.user.start(sponsor.cli, *arguments, *DAILY, *MONEY)
        self.about = self.ask("/")

    def ask(self, path):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                return requests.get(self.url + path, timeout=30).json()
            except requests.RequestException:
                assert alive(self.pid), self.user.log
                time.sleep(0.02)
        raise AssertionError(self.user.log)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def signed(self, count):
        """So many contributions of so many people that each makes `EACH`, as JSON has them."""
        about, deadline = self.about, int(time.time()) + 86_400
        what = about["chainId"], about["incentive"], about["model"]
        samples = list(itertools.combinations(range(FEATURES), 2))[:EACH]
        entries = []
        for i in range(count):
            key = Account.from_key(keccak(text=f"person {i // EACH}"))
            x = b"".join(feature.to_bytes(2, "big") for feature in samples[i % EACH])
            y = i % 2
            item = Consent(*what, x, y, 0, about["sponsor"], deadline, about["classes"][y]).sign(key)
            entries.append(
                {
                    "contributor": key.address,
                    "sample": x.hex(),
                    "label": y,
                    "round": 0,
                    "deadline": deadline,
                    "signature": item.signature.hex(),
                }
            )
        return entries

    def hand_in(self, entries):
        """Ask for it until it is answered; exactly the same again is nothing new. The numbers."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                answer = requests.post(f"{self.url}/contributions", json=entries, timeout=60)
                assert answer.status_code == 202, answer.text
                return [one.get("id") or one["error"] for one in answer.json()]
            except requests.RequestException:  # it was killed
                time.sleep(0.05)
        raise AssertionError(self.user.log)

    def hand_in_all(self, entries):
        lists = [entries[i : i + LIST] for i in range(0, len(entries), LIST)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            return [number for numbers in pool.map(self.hand_in, lists) for number in numbers]

    def done(self):
        counts = self.ask("/")["contributions"]
        return not counts.get("queued") and not counts.get("sent")

    def sent(self):
        """What the sponsor has sent: recipient and calldata, and how often; all of it went through."""
        found = Counter()
        for number in range(self.node.block + 1):
            for t in self.node.rpc("eth_getBlockByNumber", hex(number), True)["transactions"]:
                if t["from"] == self.account.lower():
                    assert self.node.rpc("eth_getTransactionReceipt", t["hash"])["status"] == "0x1"
                    found[t["to"], t["input"]] += 1
        return found


@pytest.fixture
def platform(tmp_path):
    with local_chain() as chain:
        platform = Platform(chain, tmp_path)
        platform.start()
        yield platform
        if alive(platform.pid):
            platform.kill()


@pytest.mark.parametrize(("count", "kills"), KILLS)
def test_sponsor__killed_at_random_moments__each_contribution_once(platform, count, kills):
    entries = platform.signed(count)
    numbers = []
    clients = threading.Thread(target=lambda: numbers.extend(platform.hand_in_all(entries)))
    rng = random.Random(kills)
    begun = time.monotonic()
    clients.start()
    for _ in range(kills):
        time.sleep(rng.random() * 2 * count / 300 / kills)  # while it works, as a rule
        platform.kill()
        platform.start()
    clients.join()
    while not platform.done():
        time.sleep(0.2)
        assert time.monotonic() < begun + 60 + count / 10, platform.user.log

    print(f"{count:,} queued and sent through {kills} kills in {time.monotonic() - begun:.0f} s")
    assert sorted(numbers) == list(range(1, count + 1))
    assert platform.ask("/")["contributions"] == {"accepted": count}
    noted = platform.noted
    added = History(platform.node, noted["address"], noted["trainer"]).contributions()
    assert {c.sponsor for c in added} == {platform.about["sponsor"]}
    asked = Counter((e["contributor"], e["sample"], e["label"]) for e in entries)
    assert Counter((c.contributor, c.x.hex(), c.label) for c in added) == asked
    assert set(platform.sent().values()) == {1}
    incentive = ContractAt(platform.node, noted["trainer"], artifact("SelfAssessment").abi)
    assert platform.node.balance(incentive.address) == sum(c.deposit for c in added)


@pytest.mark.parametrize(("count", "least"), ACCEPTED)
def test_sponsor__many_at_once__so_many_a_second_are_taken(platform, count, least):
    """By one service and one chain on the same machine, while the batches are sent too."""
    entries = platform.signed(count)

    begun = time.monotonic()
    numbers = platform.hand_in_all(entries)
    seconds = time.monotonic() - begun

    print(f"{count / seconds:.0f} signed contributions a second were taken, of {count:,}")
    assert sorted(numbers) == list(range(1, count + 1))
    assert count / seconds >= least
