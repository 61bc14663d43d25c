"""A local chain with models and data on it, to show the page and to test it: all in batches of raw calls."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from eth_abi import encode
from eth_utils import to_checksum_address

import encoders
from comodels import saved as models
from comodels.artifacts import NEEDS
from comodels.chain.abi import Transaction, calldata
from comodels.chain.contract import ContractAt
from comodels.chain.local import Chain
from comodels.claims import Points, PredictionMarket, SelfAssessment
from comodels.dashboard.server import Dashboard, Settings
from comodels.dashboard.store import TestSet
from comodels.dashboard.terms import ADAPTERS
from comodels.market import MarketDriver
from comodels.models import KINDS
from comodels.models.training import train
from comodels.registry import registry_at
from comodels.units import DAY

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
        return {a: name for name, a in self.contracts.items() if name in ADAPTERS}

    def settings(self, url: str, folder: Path) -> Settings:
        return Settings(
            url,
            self.contracts["Registry"],
            folder / "encoders",
            folder / "originals.jsonl",
            incentives=self.incentives,
            markets=folder,
        )


def deploy(chain: Chain, bytecode: dict[str, bytes]) -> Deployed:
    """Deploy contracts, and list the models' implementations in the registry, which belongs to the first account.

    Parameters
    ----------
    bytecode : dict of str to bytes
        Creation code by name; ``Registry`` and ``SparsePerceptron`` are needed.
    """
    accounts = [str(to_checksum_address(a)) for a in chain.accounts]
    owner = encode(["address"], [accounts[0]])  # the registry's only constructor argument
    contracts: dict[str, str] = {}
    for needing in (False, True):  # what others need comes first
        names = [name for name in bytecode if (name in NEEDS) is needing]
        arguments = {name: encode(["address[]"], [[contracts[n] for n in NEEDS[name]]]) for name in names if needing}
        arguments["Registry"] = owner
        codes = [bytecode[name] + arguments.get(name, b"") for name in names]
        receipts = chain.send([Transaction(accounts[0], None, code) for code in codes])
        addresses = [to_checksum_address(receipt["contractAddress"]) for receipt in receipts]
        contracts |= zip(names, addresses, strict=True)
    kinds = [name for name in contracts if name in KINDS]
    chain.send_all(
        [
            Transaction(accounts[0], contracts["Registry"], calldata("add_implementation(address)", [contracts[kind]]))
            for kind in kinds
        ]
    )
    return Deployed(chain, contracts, accounts)


def publish(
    deployed: Deployed,
    names: Sequence[tuple[str, str]],
    twin: Any,
    encoder: Any,
    incentive: Any = SelfAssessment(),  # noqa: B008 (it cannot change)
    classes: Sequence[str] = ("negative", "positive"),
    owner: str | None = None,
    trained: bool = True,
) -> list[str]:
    """Publish models that differ in name and description only; returns their addresses.

    Parameters
    ----------
    incentive : adapter of `comodels.claims` with its terms
    """
    owner = owner or deployed.accounts[0]
    registry = registry_at(deployed.chain, deployed.contracts["Registry"])
    noted = {
        "registry": registry.address,
        "owner": owner,
        "implementation": deployed.contracts[twin.KIND],
        "trainer": deployed.contracts[incentive.contract],
        "terms": "0x" + incentive.terms.encode().hex(),
    }
    transactions, addresses = [], []
    for name, description in names:
        noted["salt"] = f"0x{next(deployed.salts):064x}"
        saved = models.SavedModel.of(twin, encoder, name, description, classes)
        saved = saved if trained else replace(saved, words=[])
        arguments, gas = models.publish_arguments(saved, noted), 16_000_000 if trained else 2_000_000
        transactions.append(registry.transaction("publish", *arguments, sender=owner, gas=gas))
        addresses.append(models.planned_address(noted, saved))
    deployed.chain.send_all(transactions)
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
    value: int = 10**18,
) -> None:
    """Contribute samples, sending a value in wei; with an interval in seconds, each in a block of its own."""
    chain = deployed.chain
    start = start or chain.time + 60
    transactions = [
        Transaction(
            senders[i % len(senders)],
            deployed.contracts[incentive],
            calldata("add_data(address,bytes,uint256)", [model, x, y]),
            value=0 if incentive == "Points" else value,
            gas=400_000,
            time=start + i * interval if interval else None,
        )
        for i, (x, y) in enumerate(zip(samples, labels, strict=True))
    ]
    chain.send_all(transactions)


def set_up(
    chain: Chain, url: str, bytecode: dict[str, bytes], folder: Path, market_abi: list | None = None
) -> Dashboard:
    """Models with data on a local chain, and the page that shows them.

    Parameters
    ----------
    market_abi : list of dict, optional
        The JSON ABI of `PredictionMarket`; without it there is no market.
    """
    deployed = deploy(chain, bytecode)
    dashboard = Dashboard(deployed.settings(url, folder))
    _reviews(deployed, dashboard)
    if "NearestCentroid" in deployed.contracts:
        _wines(deployed, dashboard)
        _digits(deployed, dashboard)
    if market_abi is not None:
        _market(deployed, dashboard, market_abi, folder)
    return dashboard


def _reviews(deployed: Deployed, dashboard: Dashboard) -> None:
    """Texts, with deposits and for points; and a model that has learnt nothing. All on the usual terms.

    Some contributions are wrong. None of them turns the model: who sent it does not get the deposit back, and those
    whose own data proved good report it.
    """
    texts, labels = sentences(300)
    encoder = encoders.BagOfWords.fit(texts, 100)
    dashboard.store.keep(encoder)
    samples = encoder.encode_many(texts)
    twin = train(models.new_twin(encoder), samples[:40], labels[:40], epochs=1)
    test_texts, test_labels = sentences(200, seed=1)
    test = TestSet.pack("made-up reviews", encoder.encode_many(test_texts), test_labels)
    people = deployed.accounts[1:5]
    offered: list[tuple[SelfAssessment | Points, str, str]] = [
        (
            SelfAssessment(),
            "Film reviews",
            "Does a short review praise a film? Deposits make sure that the data is good.",
        ),
        (
            Points(),
            "Film reviews for points",
            "Does a short review praise a film? For points and badges, without money.",
        ),
    ]
    found = []
    chosen = _different(samples, range(40, 300))[:66]
    given = [1 - labels[i] if n % 9 == 4 else labels[i] for n, i in enumerate(chosen)]  # some are wrong
    for incentive, name, description in offered:
        if incentive.contract not in deployed.contracts:
            continue
        (model,) = publish(deployed, [(name, description)], twin, encoder, incentive)
        found.append((model, incentive.contract))
        dashboard.test_sets[model] = test
    for i in chosen[::2]:
        dashboard.store.remember(samples[i], texts[i])

    def add(part: slice) -> None:
        start = deployed.chain.time + 60
        for n, (model, incentive) in enumerate(found):
            mine = [samples[i] for i in chosen[part]], given[part]
            contribute(deployed, model, *mine, people, start + n * 24 * 3_600, interval=1_200, incentive=incentive)

    add(slice(0, 60))
    _pass(deployed, DAY)
    for model, _ in found:
        _claim(deployed, dashboard, model, people[:2], ("refund", "validate"))
        _claim(deployed, dashboard, model, people[:2], ("flag",))
    _pass(deployed, 3 * DAY)
    for model, _ in found:
        _claim(deployed, dashboard, model, people[:1], ("report",), 2)
    add(slice(60, 66))
    hashed = encoders.HashedWords(1_024)
    publish(
        deployed,
        [("Empty model", "Learns from nothing but contributions; words in hash buckets.")],
        models.new_twin(hashed),
        hashed,
        classes=("no", "yes"),
        trained=False,
    )


def _different(samples: Sequence[bytes], numbers: Iterable[int]) -> list[int]:
    """The numbers of the samples that did not occur before."""
    seen: set[bytes] = set()
    found = []
    for i in numbers:
        if samples[i] not in seen:
            seen.add(samples[i])
            found.append(i)
    return found


def _centroids(
    deployed: Deployed, dashboard: Dashboard, title: tuple[str, str], encoder: Any, data: Any, first: int, test: int
) -> None:
    """A nearest centroid that has learnt the `first` samples, with 20 contributions, and the last ones as test set."""
    dashboard.store.keep(encoder)
    samples, labels = encoder.encode_many(list(data.samples)), [int(y) for y in data.labels]
    names = data.class_names
    twin = models.new_twin(encoder, family="nearest-centroid", classes=len(names))
    train(twin, samples[:first], labels[:first], epochs=1)
    (model,) = publish(deployed, [title], twin, encoder, classes=names)
    part = slice(first, first + 20)
    contribute(deployed, model, samples[part], labels[part], deployed.accounts[1:5], interval=3_600)
    dashboard.test_sets[model] = TestSet.pack("samples kept back", samples[-test:], labels[-test:])


def _shuffled(name: str) -> Any:
    data = encoders.read_data(name)
    order = list(range(len(data.labels)))
    random.Random(0).shuffle(order)
    return data._replace(samples=np.asarray(data.samples)[order], labels=data.labels[order])


def _wines(deployed: Deployed, dashboard: Dashboard) -> None:
    """Numbers, of three classes."""
    data = _shuffled("wine")
    data = data._replace(class_names=("first grower", "second grower", "third grower"))
    title = "Wines", "Which of three growers made a wine, from 13 measurements such as alcohol and colour?"
    encoder = encoders.Tabular.fit(data.samples[:60])
    dashboard.store.name_numbers(encoder.spec, data.columns)
    _centroids(deployed, dashboard, title, encoder, data, 60, 80)


def _digits(deployed: Deployed, dashboard: Dashboard) -> None:
    """Pictures, of ten classes."""
    data = _shuffled("digits")
    pictures = [255 - (p.reshape(8, 8) * 15.9375).astype("uint8") for p in data.samples[:500]]  # black on white
    data = data._replace(samples=pictures, labels=data.labels[:500])
    encoder = encoders.ProjectedImage.fit(pictures[:200], n_features=32, side=8)
    title = "Digits", "Which digit did somebody write? For pictures, black on white."
    _centroids(deployed, dashboard, title, encoder, data, 200, 200)


def _market(deployed: Deployed, dashboard: Dashboard, abi: list, folder: Path) -> None:
    """A market that takes stakes. Its provider, and the model's owner, is account 5; the secret stays in the folder."""
    texts, labels = sentences(160, seed=2)
    encoder = encoders.BagOfWords.fit(texts, 100)
    dashboard.store.keep(encoder)
    samples = encoder.encode_many(texts)
    title = (
        "Film reviews in a market",
        "Does a short review praise a film? Somebody pays for accuracy on a secret test set.",
    )
    incentive = PredictionMarket()
    provider = deployed.accounts[5]
    twin = train(models.new_twin(encoder, margin=2), samples[:6], labels[:6], epochs=1)
    (model,) = publish(deployed, [title], twin, encoder, incentive, owner=provider)
    contract = ContractAt(deployed.chain, deployed.contracts["PredictionMarket"], abi)
    driver = MarketDriver(contract, model, provider, say=lambda line: None)
    hidden = [(labels[i], samples[i]) for i in range(100, 160)]
    driver.write_secret(hidden, folder, 6, max_contributions=50, drawn=2, stake=10**16, rounds=20, bond=10**17,
                        fee=10**13, participation_time=7 * DAY)  # fmt: skip
    driver.commit()
    driver.pass_time(driver.committed)
    driver.draw()
    driver.reveal()
    driver.prepare()
    chosen = _different(samples, range(6, 100))[:12]
    given = [1 - labels[i] if n % 5 == 4 else labels[i] for n, i in enumerate(chosen)]
    contribute(
        deployed,
        model,
        [samples[i] for i in chosen],
        given,
        deployed.accounts[1:5],
        interval=1_800,
        incentive=incentive.contract,
        value=10**16,
    )


def _pass(deployed: Deployed, seconds: int) -> None:
    deployed.chain.rpc("evm_increaseTime", seconds)
    deployed.chain.rpc("evm_mine")


def _claim(
    deployed: Deployed,
    dashboard: Dashboard,
    address: str,
    people: Sequence[str],
    wanted: Sequence[str],
    most: int = 100,
) -> None:
    """Let people claim what their data earned, so that there is something to see on every tab."""
    model = dashboard.reader.model(address)
    incentive = dashboard.incentives.of(model)
    for person in people:
        rows = incentive.mine(dashboard.reader, model, person, 5, 5).rows
        rows += incentive.others(dashboard.reader, model, person, 0).rows
        sent = [
            incentive.action(dashboard.reader, model, row.contribution, name)
            for row in rows
            for name, _ in row.actions
            if name in wanted
        ]
        deployed.chain.send_all([Transaction(person, t.to, t.data) for t in sent[:most]])
