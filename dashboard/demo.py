"""A local chain with models and data on it, to show the page and to test it: all in batches of raw calls."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_utils import to_checksum_address

import encoders
from dashboard.create import PUBLISH, TERMS
from dashboard.rpc import calldata
from dashboard.server import Dashboard, Settings
from dashboard.store import TestSet
from scripts import _models as models
from simulation.chain import Chain, Transaction

DAY = 86_400

GOOD = [
    "wonderful",
    "moving",
    "brilliant",
    "charming",
    "clever",
    "funny",
    "fresh",
    "honest",
    "warm",
    "gripping",
    "stunning",
    "tender",
]
BAD = [
    "dull",
    "tedious",
    "clumsy",
    "boring",
    "shallow",
    "noisy",
    "bland",
    "predictable",
    "lifeless",
    "awkward",
    "messy",
    "tired",
]
PARTS = [
    "film",
    "story",
    "acting",
    "plot",
    "script",
    "cast",
    "camera",
    "music",
    "ending",
    "pace",
    "dialogue",
    "direction",
]
FILLER = ("the {p} is {a} and the {q} is {b}", "a {a} {p} with a {b} {q}", "what a {a}, {b} {p}", "{a} {p}, {b} {q}")


def sentences(count: int, seed: int = 0) -> tuple[list[str], list[int]]:
    """Short made-up reviews of films, and whether they praise."""
    generator = random.Random(seed)
    texts, labels = [], []
    for _ in range(count):
        y = generator.randrange(2)
        a, b = generator.sample(GOOD if y else BAD, 2)
        p, q = generator.sample(PARTS, 2)
        texts.append(generator.choice(FILLER).format(a=a, b=b, p=p, q=q))
        labels.append(y)
    return texts, labels


@dataclass
class Deployed:
    """Contracts on a local chain.

    Attributes
    ----------
    contracts : dict of str to str
        Addresses by name.
    """

    chain: Chain
    contracts: dict[str, str]
    accounts: list[str]
    salts: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def incentives(self) -> dict[str, str]:
        return {a: name for name, a in self.contracts.items() if name in TERMS}

    def settings(self, url: str, folder: Path) -> Settings:
        return Settings(
            url, self.contracts["Registry"], folder / "encoders", folder / "originals.jsonl", self.incentives
        )


def deploy(chain: Chain, bytecode: dict[str, bytes]) -> Deployed:
    """Deploy contracts without constructor arguments, and list the models' implementations in the registry.

    Parameters
    ----------
    bytecode : dict of str to bytes
        Creation code by name; ``Registry`` and ``SparsePerceptron`` are needed.
    """
    accounts = [to_checksum_address(a) for a in chain.accounts]
    receipts = chain.send([Transaction(accounts[0], None, code) for code in bytecode.values()])
    contracts = {
        name: to_checksum_address(receipt["contractAddress"]) for name, receipt in zip(bytecode, receipts, strict=True)
    }
    kinds = [name for name in contracts if name in models.TWINS]
    _check(
        chain.send(
            [
                Transaction(
                    accounts[0], contracts["Registry"], calldata("add_implementation(address)", [contracts[kind]])
                )
                for kind in kinds
            ]
        )
    )
    return Deployed(chain, contracts, accounts)


def publish(
    deployed: Deployed,
    names: Sequence[tuple[str, str]],
    twin: Any,
    encoder: Any,
    incentive: str = "SelfAssessment",
    classes: Sequence[str] = ("negative", "positive"),
    terms: dict[str, str] | None = None,
    owner: str | None = None,
    trained: bool = True,
) -> list[str]:
    """Publish models that differ in name and description only; returns their addresses."""
    owner = owner or deployed.accounts[0]
    registry, implementation = deployed.contracts["Registry"], deployed.contracts[twin.KIND]
    trainer = deployed.contracts[incentive]
    packed, words = TERMS[incentive](terms or {}), twin.words() if trained else []
    transactions, addresses = [], []
    for name, description in names:
        salt = next(deployed.salts).to_bytes(32, "big")
        card = models.pack_card(name, description, encoder.spec, classes)
        parameters = twin.parameters.pack()
        arguments = [implementation, trainer, packed, parameters, card, words, True, salt]
        transactions.append(
            Transaction(owner, registry, calldata(PUBLISH, arguments), gas=16_000_000 if words else 2_000_000)
        )
        addresses.append(models.model_address(implementation, owner, trainer, parameters, card, salt))
    _check(deployed.chain.send(transactions))
    return addresses


def contribute(
    deployed: Deployed,
    model: str,
    samples: Sequence[bytes],
    labels: Sequence[int],
    senders: Sequence[str],
    start: int | None = None,
    interval: int = 0,
    incentive: str = "SelfAssessment",
) -> None:
    """Contribute samples; with an interval in seconds, each in a block of its own."""
    chain = deployed.chain
    start = start or chain.time + 60
    transactions = [
        Transaction(
            senders[i % len(senders)],
            deployed.contracts[incentive],
            calldata("add_data(address,bytes,uint256)", [model, x, y]),
            value=0 if incentive == "Points" else 10**18,
            gas=1_000_000,
            time=start + i * interval if interval else None,
        )
        for i, (x, y) in enumerate(zip(samples, labels, strict=True))
    ]
    _check(chain.send(transactions))


def _check(receipts: Sequence[dict]) -> None:
    failed = [i for i, receipt in enumerate(receipts) if int(receipt["status"], 16) != 1]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(receipts)} transactions failed, the first is number {failed[0]}")


def set_up(chain: Chain, url: str, bytecode: dict[str, bytes], folder: Path) -> Dashboard:
    """Models with data on a local chain, and the page that shows them."""
    deployed = deploy(chain, bytecode)
    dashboard = Dashboard(deployed.settings(url, folder))
    texts, labels = sentences(300)
    encoder = encoders.BagOfWords.fit(texts, 100)
    dashboard.store.keep(encoder)
    samples = encoder.encode_many(texts)
    twin = models.train(models.new_twin(encoder, margin=2), samples[:40], labels[:40], epochs=1)
    test_texts, test_labels = sentences(200, seed=1)
    test = TestSet.pack("made-up reviews", encoder.encode_many(test_texts), test_labels)
    people = deployed.accounts[1:5]
    offered = [name for name in ("SelfAssessment", "Points") if name in deployed.contracts]
    titles = {
        "SelfAssessment": (
            "Film reviews",
            "Does a short review praise a film? Deposits make sure that the data is good.",
        ),
        "Points": (
            "Film reviews for points",
            "Does a short review praise a film? For points and badges, without money.",
        ),
    }
    for incentive in offered:
        (model,) = publish(deployed, [titles[incentive]], twin, encoder, incentive)
        seen: set[bytes] = set()
        chosen = [i for i in range(40, 300) if not (samples[i] in seen or seen.add(samples[i]))][:60]
        given = [1 - labels[i] if n % 9 == 4 else labels[i] for n, i in enumerate(chosen)]  # some are wrong
        contribute(deployed, model, [samples[i] for i in chosen], given, people, interval=1_800, incentive=incentive)
        for i in chosen[::2]:
            dashboard.store.remember(samples[i], texts[i])
        dashboard.test_sets[model] = test
        _claim(deployed, dashboard, model, people)
    hashed = encoders.HashedWords(1_024)
    publish(
        deployed,
        [("Empty model", "Learns from nothing but contributions; words in hash buckets.")],
        models.new_twin(hashed, margin=2),
        hashed,
        classes=("no", "yes"),
        terms={"dispute_wait": "1h", "without_own_effect": "1"},
        trained=False,
    )
    return dashboard


def _claim(deployed: Deployed, dashboard: Dashboard, address: str, people: Sequence[str]) -> None:
    """Let the first of the people claim what their data earned, so that there is something to see on every tab."""
    chain = deployed.chain
    chain.rpc("evm_increaseTime", DAY)
    chain.rpc("evm_mine")
    model = dashboard.reader.model(address)
    incentive = dashboard.incentives.of(model)
    transactions = []
    for person in people[:2]:
        for row in incentive.mine(dashboard.reader, model, person, 0, 5).rows:
            for name, _ in row.actions:
                t = incentive.action(model, row.contribution, name)
                transactions.append(Transaction(person, t.to, t.data))
    _check(chain.send(transactions))
