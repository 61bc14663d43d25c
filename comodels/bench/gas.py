"""Measures the gas of every action from receipts on a local anvil.

The inputs are those of the original's figures (`original-gas.json`): `default_rng(0)`, contributions with label 1,
60 seconds after the one before, overpaid so that change comes back. Words are drawn without replacement with Zipf's
probabilities, 1 over the rank, because indices are ordered by frequency, as the encoders order them. Every figure is a
mean.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from eth_account import Account
from eth_utils import keccak

from comodels.artifacts import artifact, deploy
from comodels.batch import Signed, pack_claims, pack_signed, record_key
from comodels.chain.abi import Transaction
from comodels.chain.account import MAX_GAS
from comodels.chain.contract import ContractAt
from comodels.chain.local import Chain
from comodels.incentives.blocks import Blocks
from comodels.incentives.chains import around
from comodels.incentives.prediction_market import REVEALING
from comodels.incentives.scorers import portions_for_check
from comodels.incentives.self_assessment import Terms, batch_deposit_after
from comodels.market import blocks_told
from comodels.payouts import Payout, due_in, entries, errors_in, pack_payouts, stakes_in
from comodels.rows import pack_rows
from comodels.signatures import Consent
from comodels.wire import pack_card, pack_contribution
from encoders import wire

ORIGINAL = Path(__file__).parent / "original-gas.json"
DRAWS = 20  # samples a figure
DAY = 86_400
WAITS = (DAY, 10 * DAY, 20 * DAY)
COST_WEIGHT = 10**13  # wei
STAKE = 10**15  # wei, in a market
VALUE = 10**18  # wei sent with a contribution: more than any deposit here
CHANGE = 6_700  # gas of a call that carries ether
ZERO_SALT = bytes(32)
ZERO_ADDRESS = "0x" + "00" * 20

# texts of the length that the slides' example has
CARD_TEXTS = (
    "IMDB Review Sentiment Model",
    "A simple IMDB sentiment analysis model.",
    "bag-of-words/2?features=1000&sha256=0123456789abcdef0123456789abcdef",
)


@dataclass
class Row:
    """One measured action.

    Attributes
    ----------
    action : str
    gas : int
        Of the whole transaction, or without what every transaction pays (21,000 and calldata) where the action says so.
    ceiling : int or None
        What it may cost.
    floor : int or None
        What no implementation can avoid: 21,000, calldata, a new record slot, the slot of the counters, calling the
        model, the slots that the sample touches, the event.
    original : tuple of str or None
        Case and action in `original-gas.json`.
    """

    action: str
    gas: int
    ceiling: int | None = None
    floor: int | None = None
    original: tuple[str, str] | None = None


class Bench:
    """Deploys contracts and sends the transactions that are measured.

    Parameters
    ----------
    chain : Chain
        An anvil on which gas is free.
    actors : list of str
        At least five accounts that the node can send from: deployer, two contributors, two more.
    """

    def __init__(self, chain: Chain, actors: list[str]):
        self.chain = chain
        self.deployer, self.first, self.second, self.third, *_ = actors
        self.time = chain.time
        self.contracts: dict[str, ContractAt] = {}
        self.salts = iter(range(2**32))

    def contract(self, name: str) -> ContractAt:
        """The deployed contract of a name; deployed when first asked for."""
        if name not in self.contracts:
            self.contracts[name] = deploy(self.chain, self.deployer, name)
        return self.contracts[name]

    def at(self, name: str, address: str) -> ContractAt:
        """A contract of the project at an address."""
        return ContractAt(self.chain, address, artifact(name).abi)

    def send(self, transaction: Transaction, after: int = 60) -> tuple[int, dict]:
        """The gas of a transaction sent `after` seconds after the one before, and its receipt."""
        self.time += after
        transaction = Transaction(**(transaction.__dict__ | {"time": self.time}))
        receipt = self.chain.send([transaction])[0]
        if receipt["status"] != "0x1":
            raise RuntimeError(f"a measured transaction reverted: {self.chain.why(transaction)}")
        return int(receipt["gasUsed"], 16), receipt

    def wait(self, seconds: int) -> None:
        """Let so much time pass."""
        self.send(Transaction(self.deployer, self.deployer), after=seconds)

    def execution(self, contract: ContractAt, function: str, *arguments) -> int:
        """The gas that a function takes in execution: that of a transaction less 21,000 and its calldata."""
        data = contract.data(function, *arguments)
        call = {"from": self.first, "to": contract.address, "data": "0x" + data.hex(), "gas": hex(16_000_000)}
        trace = self.chain.rpc("debug_traceCall", call, "latest", {"disableStack": True, "disableStorage": True})
        return int(trace["gas"]) - 21_000 - calldata_gas(data)

    def publish(self, twin, trainer: str, terms: bytes = b"") -> tuple[int, ContractAt]:
        """Publish a model, in as many transactions as it takes; their gas and the model."""
        words = twin.words()
        implementation = self.contract(twin.KIND)
        card = pack_card(*CARD_TEXTS, [f"class {i}" for i in range(twin.class_count)])
        salt = next(self.salts).to_bytes(32, "big")
        first, rest = words[:640], words[640:]
        data = (self.deployer, trainer, terms, twin.parameters.pack(), card, first, not rest, salt)
        gas, receipt = self.send(implementation.transaction("create", *data, sender=self.deployer))
        created = next(log for log in receipt["logs"] if log["address"].lower() == implementation.address.lower())
        model = self.at(twin.KIND, "0x" + created["topics"][1][-40:])
        for start in range(640, len(words), 640):
            load = model.transaction("load", start, words[start : start + 640], sender=self.deployer)
            gas += self.send(load)[0]
        if rest:
            gas += self.send(model.transaction("seal", sender=self.deployer))[0]
        return gas, model


def mean(gas: Iterable[int]) -> int:
    """The mean of figures, rounded."""
    figures = list(gas)
    return round(sum(figures) / len(figures))


def calldata_gas(data: bytes) -> int:
    """What a transaction pays for its calldata: 4 a zero byte, 16 another one (EIP-2028)."""
    return sum(16 if byte else 4 for byte in data)


def zipf_words(rng: np.random.Generator, n_features: int, count: int) -> bytes:
    """A sparse sample of `count` words, the word of rank r with probability proportional to 1/r."""
    p = 1 / np.arange(1, n_features + 1)
    return wire.pack_sparse(np.sort(rng.choice(n_features, count, replace=False, p=p / p.sum())), n_features)


def uniform_words(rng: np.random.Generator, n_features: int, count: int) -> bytes:
    """A sparse sample of `count` words, each as likely as any other."""
    return wire.pack_sparse(np.sort(rng.choice(n_features, count, replace=False)), n_features)


def self_assessment_terms() -> bytes:
    """The slides' rule, without a dispute wait, as the original has it."""
    refund, owner, anyone = WAITS
    rule = Terms.slides(refund_wait=refund, dispute_wait=0, owner_wait=owner, anyone_wait=anyone)
    return replace(rule, cost_weight=COST_WEIGHT).encode()


# ---- what is measured ------------------------------------------------------------------------------------------------


def add_data(bench: Bench, model: ContractAt, incentive: ContractAt, draw: Callable[[], bytes], value: int = VALUE):
    """Contributions with label 1 until there are enough with which the model agrees and disagrees.

    Returns
    -------
    dict of list of (int, bytes, str)
        By whether the model agreed: gas, sample and contributor.
    """
    results: dict[bool, list] = {True: [], False: []}
    first = True
    while min(map(len, results.values())) < DRAWS:
        x = draw()
        agrees = model.call("predict", x) == 1
        who = bench.first if len(results[agrees]) % 2 else bench.second
        call = incentive.transaction("add_data", model.address, x, 1, sender=who, value=value)
        gas = bench.send(call)[0]
        if not first and len(results[agrees]) < DRAWS:
            results[agrees].append((gas, x, who))
        first = False
    return results


def add_floor(bench: Bench, model: ContractAt, incentive: ContractAt, x: bytes, slots: int, changed: bool) -> int:
    """The least that adding a sample can cost, whatever the implementation; the change included."""
    data = incentive.data("add_data", model.address, x, 1)
    event = 375 + 8 * len(x)
    return 21_000 + calldata_gas(data) + 22_100 + 5_000 + 2_600 + slots * (5_000 if changed else 2_100) + event + CHANGE


def added_rows(
    bench: Bench,
    model: ContractAt,
    incentive: ContractAt,
    added: dict[bool, list],
    action: str,
    ceilings: tuple[int | None, int | None],
    slots: Callable[[bytes], int] | None = None,
    original: tuple[str, str] | None = None,
    less: int = 0,
) -> Iterator[Row]:
    """What `add_data` measured, by whether the model agreed.

    Parameters
    ----------
    action, original : str, (str, str)
        With ``{}`` where "agree" or "disagree" stands.
    slots : callable, optional
        The slots that a sample touches: for the floor.
    less : int
        What the floor has not of that of `add_floor`.
    """
    for (agrees, word), ceiling in zip(((True, "agree"), (False, "disagree")), ceilings, strict=True):
        gas, floor = mean(g for g, _, _ in added[agrees]), None
        if slots is not None:
            floors = (add_floor(bench, model, incentive, x, slots(x), not agrees) for _, x, _ in added[agrees])
            floor = mean(floors) - less
        case = None if original is None else (original[0], original[1].format(word))
        yield Row(action.format(word), gas, ceiling, floor, case)


def sparse_slots(x: bytes, lanes: int = 16) -> int:
    """How many words of so many lanes the features of a sparse sample touch."""
    return len(set(np.frombuffer(x, dtype=">u2") // lanes))


def random_perceptron(n_features: int):
    from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters

    weights = np.random.default_rng(1).integers(-500, 500, n_features)
    return SparsePerceptron(SparsePerceptronParameters(n_features), weights.tolist())


def sparse_perceptron_rows(bench: Bench) -> Iterator[Row]:
    incentive = bench.contract("SelfAssessment")
    terms = self_assessment_terms()
    small, large = "seed: SparsePerceptron 100 w, Stakeable64", "SparsePerceptron 1000 w"

    gas, _ = bench.publish(random_perceptron(100), bench.deployer)
    yield Row("publish a sparse perceptron, 100 weights", gas, 350_000, None, (small, "deploy the model alone"))
    gas, _ = bench.publish(random_perceptron(1_000), bench.deployer)
    original = large, "deploy the model, total of 4 transaction(s)"
    yield Row("publish one of 1,000 weights, all transactions", gas, 1_800_000, None, original)
    gas, model_100 = bench.publish(random_perceptron(100), incentive.address, terms)
    original = small, "complete set-up (4 deployments + 3 transferOwnership)"
    yield Row("publish model + incentive, 100 weights, all transactions", gas, 900_000, None, original)
    _, model_1000 = bench.publish(random_perceptron(1_000), incentive.address, terms)

    for model, n, words, ceilings in (
        (model_100, 100, 15, (83_800, 112_000)),
        (model_1000, 1_000, 15, (96_000, 127_000)),
        (model_1000, 1_000, 60, (150_000, 239_000)),
    ):
        rng = np.random.default_rng(0)
        added = add_data(bench, model, incentive, partial(zipf_words, rng, n, words))
        case = small if n == 100 else large, f"addData {words} words{', later one' if n == 100 else ''}: {{}}, label 1"
        what = f"sparse {n:,} weights, {words} words: {{}}"
        yield from added_rows(bench, model, incentive, added, what, ceilings, sparse_slots, case)
        if words == 15 and n == 1_000:
            claimed = added

    bench.wait(WAITS[0])
    refunds = []
    for _, x, who in claimed[True]:
        refunds.append(bench.send(incentive.transaction("refund", model_1000.address, who, x, 1, sender=who))[0])
    yield Row(
        "refund, 15 words, 1,000 weights", mean(refunds[2:]), 82_000, None, (large, "refund, a later one (15 words)")
    )
    reports = []
    for _, x, who in claimed[False]:
        if model_1000.call("predict", x) == 0:
            reporter = bench.first if who == bench.second else bench.second
            call = incentive.transaction("report", model_1000.address, who, x, 1, sender=reporter)
            reports.append(bench.send(call)[0])
    original = large, "report, share of 1/3 (15 words)"
    yield Row("report with a share, 15 words, 1,000 weights", mean(reports), 108_000, None, original)

    most: int | None
    for words, most in ((15, 33_000), (60, None)):
        rng = np.random.default_rng(0)
        samples = [zipf_words(rng, 1_000, words) for _ in range(2 * DRAWS)]
        yield Row(
            f"predict {words} words of 1,000, execution only",
            mean(bench.execution(model_1000, "predict", x) for x in samples),
            most,
            mean(2_100 * sparse_slots(x) for x in samples),
            (large, f"predict() {words} words: execution (receipt - intrinsic)"),
        )

    # words that are not ordered by frequency: nearly each stands in a slot of its own
    _, model = bench.publish(random_perceptron(1_000), incentive.address, terms)
    rng = np.random.default_rng(0)
    added = add_data(bench, model, incentive, lambda: uniform_words(rng, 1_000, 15))
    what, case = "sparse 1,000 weights, 15 words drawn uniformly: {}", (large, "addData 15 words: {}, label 1")
    yield from added_rows(bench, model, incentive, added, what, (None, None), sparse_slots, case)


def random_levels(n_features: int):
    from comodels.models.level_perceptron import LevelPerceptron, LevelPerceptronParameters

    rng = np.random.default_rng(1)
    weights, levels = rng.integers(-500, 500, n_features).tolist(), rng.integers(0, 6, n_features).tolist()
    return LevelPerceptron(LevelPerceptronParameters(n_features), weights, levels=levels)


def random_levels_of(classes: int, n_features: int):
    from comodels.models.multiclass_level_perceptron import (
        MulticlassLevelPerceptron,
        MulticlassLevelPerceptronParameters,
    )

    rng = np.random.default_rng(1)
    shape = classes, n_features + 1
    levels = rng.integers(0, 6, shape)
    levels[:, 0] = 0  # a bias has none
    rows = rng.integers(-500, 500, shape).tolist()
    return MulticlassLevelPerceptron(
        MulticlassLevelPerceptronParameters(n_features, classes), rows, levels=levels.tolist()
    )


def level_rows(bench: Bench) -> Iterator[Row]:
    """A perceptron whose steps fall, as those above: 15 words, 1,000 weights."""
    incentive = bench.contract("SelfAssessment")
    _, model = bench.publish(random_levels(1_000), incentive.address, self_assessment_terms())
    rng = np.random.default_rng(0)
    added = add_data(bench, model, incentive, lambda: zipf_words(rng, 1_000, 15))
    what = "levels 1,000 weights, 15 words: {}"
    yield from added_rows(bench, model, incentive, added, what, (96_000, 129_000), sparse_slots)
    rng = np.random.default_rng(0)
    samples = [zipf_words(rng, 1_000, 15) for _ in range(2 * DRAWS)]
    gas = mean(bench.execution(model, "predict", x) for x in samples)
    floor = mean(2_100 * sparse_slots(x) for x in samples)
    yield Row("levels 1,000 weights: predict 15 words, execution only", gas, 33_000, floor)


def default_rule_rows(bench: Bench) -> Iterator[Row]:
    """What the default terms of self-assessment cost, and what the original does not have: 15 words, 1,000 weights."""
    incentive = bench.contract("SelfAssessment")
    terms = Terms(cost_weight=COST_WEIGHT, forgive_every=1)

    def claim(name: str, address: str, x: bytes, who: str, sender: str) -> int:
        return bench.send(incentive.transaction(name, address, who, x, 1, sender=sender), after=1)[0]

    _, model = bench.publish(random_perceptron(1_000), incentive.address, terms.encode())
    rng = np.random.default_rng(0)
    added = add_data(bench, model, incentive, lambda: zipf_words(rng, 1_000, 15))
    what = "by the default rule: add 15 words, 1,000 weights: {}"
    yield from added_rows(bench, model, incentive, added, what, (93_500, 127_000))
    bench.wait(DAY)
    others = []
    for i, (_, x, who) in enumerate(x for x in added[True] if model.call("predict", x[1]) == 1):
        gas = claim("refund", model.address, x, who, bench.third if i > 1 else who)
        others += [gas] * (i > 1)
    yield Row("by the default rule: refund, asked for by another account", mean(others), 84_000)
    wrong = [(x, who) for _, x, who in added[False] if model.call("predict", x) == 0]
    kept, flagged = wrong[::2], wrong[1::2]
    reporters = {bench.first: bench.second, bench.second: bench.first}
    flags = [claim("flag", model.address, x, who, reporters[who]) for x, who in flagged]
    yield Row("by the default rule: flag", mean(flags), 87_500)
    forgiven = [claim("forgive", model.address, x, who, who) for x, who in kept[: len(kept) // 2]]
    yield Row("by the default rule: forgive", mean(forgiven[2:]), 77_500)
    bench.wait(terms.dispute_wait)
    reports = [claim("report", model.address, x, who, reporters[who]) for x, who in flagged]
    yield Row("by the default rule: report with a share", mean(reports), 81_000)
    bench.wait(terms.rest_wait)
    rests = [claim("rest", model.address, x, who, who) for x, who in kept[len(kept) // 2 :]]
    yield Row("by the default rule: rest", mean(rests), 41_000)

    for name, packed, dispute_wait, ceiling in (
        ("by the default rule", terms.encode(), terms.dispute_wait, 76_500),
        ("without a dispute wait", self_assessment_terms(), 0, 78_500),
    ):
        _, model = bench.publish(random_perceptron(1_000), incentive.address, packed)
        rng = np.random.default_rng(0)
        draws = (zipf_words(rng, 1_000, 15) for _ in range(20 * DRAWS))
        right = next(x for x in draws if model.call("predict", x) == 1)
        add = incentive.transaction("add_data", model.address, right, 1, sender=bench.third, value=VALUE)
        bench.send(add)
        bench.wait(DAY)
        claim("refund", model.address, right, bench.third, bench.third)
        taken: list[bytes] = []
        while len(taken) < DRAWS:
            x = next(x for x in draws if model.call("predict", x) == 0)
            bench.send(incentive.transaction("add_data", model.address, x, 1, sender=bench.first, value=VALUE))
            taken.append(x)
        bench.wait(DAY)
        taken = [x for x in taken if model.call("predict", x) == 0]
        if dispute_wait:
            for x in taken:
                claim("flag", model.address, x, bench.first, bench.third)
            bench.wait(dispute_wait)
        reports = [claim("report", model.address, x, bench.first, bench.third) for x in taken]
        yield Row(f"{name}: report that takes all", mean(reports), ceiling)


def market_terms() -> bytes:
    """The terms of markets that anything may be asked of."""
    from comodels.incentives.prediction_market import Terms

    return Terms(0, 0, 2**32 - 1).encode()


def market_plan(portions: int, drawn: int, rows: int, most: int):
    """20 stakes for at most so many contributions; with so many portions of rows, some of them drawn."""
    from comodels.incentives.prediction_market import Plan

    return Plan(STAKE, 20, STAKE, 10**13, portions, drawn, rows, 1, most)


class Batches:
    """A model to which batches are contributed, exactly paid: by default of samples of 15 words, and 1,000 weights."""

    def __init__(
        self, bench: Bench, incentive: str, terms: bytes, twin=None, sample: Callable[[], bytes] | None = None
    ):
        self.bench, self.incentive = bench, bench.contract(incentive)
        self.paid = incentive == "SelfAssessment"
        self.stake = 0  # wei, in a market
        _, self.model = bench.publish(twin or random_perceptron(1_000), self.incentive.address, terms)
        rng = np.random.default_rng(0)
        self.sample = sample or partial(zipf_words, rng, 1_000, 15)
        self.latest = bench.time

    def draw(self, count: int, wrong: int = 0) -> list[tuple[bytes, int]]:
        """So many samples, every so many of them with another label than the model gives; 0: none."""
        samples: dict[bytes, int] = {}
        while len(samples) < count:
            x = self.sample()
            samples[x] = self.model.call("predict", x) ^ (wrong > 0 and len(samples) % wrong == 0)
        return list(samples.items())

    def such(self, agrees: bool, count: int) -> list[tuple[bytes, int]]:
        """So many contributed samples with which the model agrees now, or does not."""
        added: list[tuple[bytes, int]] = []
        while True:
            found = [(x, y) for x, y in added if (self.model.call("predict", x) == y) == agrees]
            if len(found) >= count:
                return found[:count]
            samples = self.draw(count, 0 if agrees else 1)
            self.add(samples)
            added += samples

    def add(self, samples: list[tuple[bytes, int]], sender: str | None = None) -> int:
        rows = pack_rows((y, x) for x, y in samples)
        return self.send("add_many", len(samples), rows, count=len(samples), sender=sender)

    def sign(self, samples: list[tuple[bytes, int]]) -> list[Signed]:
        """The same samples, signed by as many people."""
        chain_id = self.bench.chain.chain_id
        keys = [Account.from_key((i + 1).to_bytes(32, "big")) for i in range(len(samples))]
        what = chain_id, self.incentive.address, self.model.address
        deadline = self.bench.time + DAY
        return [
            Consent(*what, x, y, 0, self.bench.first, deadline, self.model.call("class_name", y)).sign(key)
            for key, (x, y) in zip(keys, samples, strict=True)
        ]

    def add_signed(self, count: int) -> tuple[int, list[Signed]]:
        """The gas for each of so many that others signed, a tenth of them wrong; and these."""
        items = sorted(self.sign(self.draw(count, 10)), key=lambda item: item.y)
        return self.send("add_signed", count, pack_signed(items), count=count), items

    def send(self, function: str, *arguments, count: int, after: int = 3_600, sender: str | None = None) -> int:
        """The gas for each item of a batch, none of which may be skipped."""
        value, time = 0, self.bench.time + after
        if function.startswith("add"):
            deposit = batch_deposit_after(time - self.latest, count, COST_WEIGHT) if self.paid else self.stake
            value = count * deposit
            self.latest = time
        arguments = self.model.address, *arguments
        call = self.incentive.transaction(
            function, *arguments, sender=sender or self.bench.first, value=value, gas=MAX_GAS
        )
        gas, receipt = self.bench.send(call, after)
        if any(name == "Skipped" for name, _ in self.incentive.events(receipt)):
            raise RuntimeError(f"{function}: an item of a measured batch was skipped")
        return -(-gas // count)

    def claim(self, function: str, items: list[tuple[str, bytes, int]], sponsor: str = ZERO_ADDRESS, **how) -> int:
        n = len(items)
        if self.paid:
            return self.send(f"{function}_many", sponsor, n, pack_claims(items), count=n, **how)
        return self.send(f"{function}_many", n, pack_rows((y, x) for _, x, y in items), count=n, **how)

    def own(self, samples: list[tuple[bytes, int]]) -> list[tuple[str, bytes, int]]:
        return [(self.bench.first, x, y) for x, y in samples]

    def born_wrong(self, items: list[tuple[str, bytes, int]]) -> list[tuple[str, bytes, int]]:
        """Those with which the model disagreed when they came."""
        keys = [(record_key(self.model.address, who, who, x, y),) for who, x, y in items]
        records = self.incentive.call_many("record", keys)
        return [item for item, record in zip(items, records, strict=True) if record[4]]

    def validate(self, claim: str) -> None:
        """Give the second account a validated contribution, so that it may report."""
        samples = self.draw(2)
        self.add(samples, sender=self.bench.second)
        self.claim(claim, [(self.bench.second, x, y) for x, y in samples], after=DAY, sender=self.bench.second)


class MarketBatches(Batches):
    """The same in a market that takes contributions."""

    def __init__(self, bench: Bench):
        super().__init__(bench, "PredictionMarket", market_terms())
        self.stake = STAKE
        plan = market_plan(11, 1, 25, 1_000)
        _, secret = commit_market(bench, self.incentive, self.model, plan)
        draw_below(bench, self.incentive, secret.market, 1)
        for call in (("reveal", *secret.reveal_arguments(0)), ("prepare", secret.market, 600, ZERO_SALT)):
            bench.send(self.incentive.transaction(*call, sender=bench.third))


def batch_rows(bench: Bench) -> Iterator[Row]:
    """Batches of 20 and of 100, gas for each item: the slides' rule unless it says otherwise."""
    from comodels.incentives.points import Terms as PointsTerms

    second = {"sender": bench.second}
    for i, count in enumerate((20, 100)):

        def row(action: str, gas: int, *ceilings: int, i=i, count=count) -> Row:
            return Row(f"batch of {count}: {action}, each", gas, ceilings[i] if ceilings else None)

        batches = Batches(bench, "SelfAssessment", self_assessment_terms())
        batches.add(batches.draw(1), sender=bench.second)
        yield row("add, a tenth disagreeing", batches.add(batches.draw(count, 10)), 43_000, 37_000)
        gas, items = batches.add_signed(count)
        yield row("add what others signed, a tenth disagreeing", gas, 48_500, 42_000)
        signed = [(s.contributor, s.x, s.y) for s in items if batches.model.call("predict", s.x) == s.y]
        right = batches.own(batches.such(True, count))
        yield row("refund", batches.claim("refund", right, after=DAY), 25_000, 18_500)
        gas = batches.claim("refund", signed, bench.first)
        yield row("refund what others signed: a slot more, so that it counts once", gas)
        yield row("add, all disagreeing", batches.add(batches.draw(count, 1)), 54_500, 43_000)
        batches.validate("refund")
        wrong = batches.own(batches.such(False, count))
        yield row("report", batches.claim("report", wrong, after=DAY, **second), 48_000, 42_000)
        yield row("take", batches.claim("take", wrong, after=WAITS[2], **second), 11_500, 10_000)

        batches = Batches(bench, "SelfAssessment", Terms(cost_weight=COST_WEIGHT).encode())
        batches.add(batches.draw(1), sender=bench.second)
        yield row("by the default rule, add, a tenth disagreeing", batches.add(batches.draw(count, 10)))
        batches.validate("refund")
        wrong = batches.born_wrong(batches.own(batches.such(False, count + count // 2)))[:count]
        yield row("by the default rule, flag", batches.claim("flag", wrong, after=DAY, **second), 40_000, 36_000)

        batches = Batches(bench, "Points", PointsTerms(DAY, DAY).encode())
        batches.add(batches.draw(1), sender=bench.second)
        yield row("points, add, a tenth disagreeing", batches.add(batches.draw(count, 10)), 45_000, 39_000)
        yield row("points, add what others signed, a tenth disagreeing", batches.add_signed(count)[0], 50_500, 44_000)
        batches.validate("validate")
        right = batches.own(batches.such(True, count))
        yield row("points, validate", batches.claim("validate", right, after=DAY), 27_000, 20_500)
        wrong = batches.own(batches.such(False, count))
        yield row("points, report", batches.claim("report", wrong, after=DAY, **second), 50_000, 44_000)

        market = MarketBatches(bench)
        market.add(market.draw(1, 1), sender=bench.second)
        yield row("market, add, all agreeing", market.add(market.draw(count)), 24_000, 24_000)
        yield row("market, add, all disagreeing", market.add(market.draw(count, 1)), 33_000, 33_000)
        yield row("market, add, a tenth disagreeing", market.add(market.draw(count, 10)))
        yield row("market, add what others signed, a tenth disagreeing", market.add_signed(count)[0], 50_500, 44_000)


def points_rows(bench: Bench) -> Iterator[Row]:
    from comodels.incentives.points import Terms as PointsTerms

    original = "Points64, SparsePerceptron 100 w, 15 words"
    incentive = bench.contract("Points")
    _, model = bench.publish(random_perceptron(1_000), incentive.address, PointsTerms(DAY, DAY).encode())
    rng = np.random.default_rng(0)
    added = add_data(bench, model, incentive, lambda: zipf_words(rng, 1_000, 15), value=0)
    what, case = "points: add 15 words, 1,000 weights: {}", (original, "addData, later one: {}, label 1")
    less = CHANGE  # no ether comes back
    yield from added_rows(bench, model, incentive, added, what, (92_000, 132_000), sparse_slots, case, less)

    bench.wait(DAY)
    validations = []
    for _, x, who in added[True]:
        validations.append(bench.send(incentive.transaction("validate", model.address, x, 1, sender=who))[0])
    # without the first one of each account, which writes its points for the first time
    yield Row("points: validate, a later one", mean(validations[2:]), 85_000, None, (original, "refund, a later one"))
    reports = []
    for _, x, who in added[False]:
        if model.call("predict", x) == 0:
            reporter = bench.first if who == bench.second else bench.second
            reports.append(bench.send(incentive.transaction("report", model.address, x, 1, sender=reporter))[0])
    yield Row("points: report", mean(reports), 85_000, None, (original, "report"))


def market_rows(bench: Bench) -> Iterator[Row]:
    """Markets on a sparse perceptron with 1,000 weights; rows and samples of 15 words; 250 hidden rows."""
    contract = bench.contract("PredictionMarket")

    # the draw of 3 of 10
    _, model = bench.publish(random_perceptron(1_000), contract.address, market_terms())
    gas, secret = commit_market(bench, contract, model, market_plan(10, 3, 25, 100))
    yield Row("market: commit", gas, 260_000)
    yield Row("market: draw 3 of 10 portions", draw_below(bench, contract, secret.market, 7), 90_000)

    # the rest with 1 of 11, because the first portion is soon drawn
    small = PlayedMarket(bench, contract, market_plan(11, 1, 25, 100))
    yield Row("market: reveal a drawn portion of 25 rows", small.drawn, 60_000)
    yield Row("market: add 15 words, 1,000 weights: agree", mean(small.agreed[1:]), 78_000)
    yield Row("market: add 15 words, 1,000 weights: disagree", mean(small.disagreed), 114_000)
    yield Row("market: reveal a hidden portion of 25 rows", mean(small.revealed), 60_000)
    rows = small.plan.hidden_rows
    yield Row("market: check a hidden row", round(sum(small.checked) / rows), 8_000)
    yield Row(
        "market: score 100 contributions on 250 rows, each on each row", round(small.score(100) / (100 * rows)), 75
    )
    yield Row("market: settle a contribution, of 100", round(small.settle() / 100), 3_650)

    large = PlayedMarket(bench, contract, market_plan(9, 1, 250, 100))
    score = round(large.score(100) / (100 * large.plan.hidden_rows))
    yield Row("market: score 100 contributions on 2,000 rows, each on each row", score, 60)

    # all that it takes for many, from the first contribution to the last withdrawal
    whole = PlayedMarket(bench, contract, market_plan(11, 1, 25, 1_000), agreeing=False)
    gas = sum(whole.disagreed) + whole.closed + sum(whole.revealed) + sum(whole.checked)
    gas += sum(whole.score(100) for _ in range(10))
    settled = whole.settle()
    singly = [whole.withdraw([i]) for i in range(41)]
    batches = [whole.withdraw(range(i, min(i + 20, 1_000))) for i in range(41, 1_000, 20)]
    gas += settled + sum(singly) + sum(batches) + whole.send("withdraw_rest", whole.market)
    yield Row("market: settle a contribution, of 1,000", round(settled / 1_000), 1_700)
    yield Row("market: withdraw, of 1,000", mean(singly[1:]), 54_000)
    yield Row("market: withdraw 20 of 1,000, each", round(mean(batches[:-1]) / 20), 15_700)
    yield Row("market: 1,000 contributions on 250 rows, everything, each contribution", round(gas / 1_000), 160_000)

    # the same with a model whose steps fall; on 2,000 rows in two transactions, because all is more than one may use
    small = PlayedMarket(bench, contract, market_plan(11, 1, 25, 100), agreeing=False, twin=random_levels(1_000))
    score = round(small.score(100) / (100 * small.plan.hidden_rows))
    yield Row("market: score 100 contributions on 250 rows, levels, each on each row", score, 250)
    large = PlayedMarket(bench, contract, market_plan(9, 1, 250, 100), agreeing=False, twin=random_levels(1_000))
    score = round(sum(large.score(100, 1_000) for _ in range(2)) / (100 * large.plan.hidden_rows))
    yield Row("market: score 100 contributions on 2,000 rows, levels, each on each row", score, 100)

    # the same with many classes
    for classes, checking, ceiling in ((2, 9_700, 310), (4, 10_800, 350), (10, 14_200, 460)):
        many = PlayedMarket(
            bench,
            contract,
            market_plan(11, 1, 25, 100),
            agreeing=False,
            twin=random_levels_of(classes, 1_000),
        )
        check = round(sum(many.checked) / many.plan.hidden_rows)
        yield Row(f"market: check a hidden row, levels, {classes} classes", check, checking)
        score = round(many.score_all() / (100 * many.plan.hidden_rows))
        yield Row(
            f"market: score 100 contributions on 250 rows, levels, {classes} classes, each on each row", score, ceiling
        )

    # the same model as one that has no scorer of its own
    alone = deploy(bench.chain, bench.deployer, "PredictionMarket", needs=["Settler", "Planner", "EvaluatingScorer"])
    slow = PlayedMarket(bench, alone, market_plan(11, 1, 25, 20))
    yield Row(
        "market: check a hidden row, which a copy of the model evaluates", round(sum(slow.checked) / rows), 14_300
    )
    first = [slow.score(1, 10) for _ in range(3 * slow.plan.hidden)]
    rest = [slow.score(1) for _ in slow.claims[1:]]
    yield Row("market: replay and evaluate a contribution, a hidden row", round(mean(rest) / rows), 4_300)
    yield Row("market: replay one in pieces of 10, 10 and 5 rows, a hidden row", round(sum(first) / rows), 30_000)


class PlayedMarket:
    """A market that was brought to the point where it is to be scored, with the gas of each step."""

    def __init__(self, bench: Bench, contract: ContractAt, plan, agreeing: bool = True, twin=None):
        from comodels.incentives.prediction_market import PARTICIPATING

        self.bench, self.contract, self.plan = bench, contract, plan
        twin = twin or random_perceptron(1_000)
        _, model = bench.publish(twin, contract.address, market_terms())
        _, secret = commit_market(bench, contract, model, plan, twin.class_count)
        self.model = model.address
        self.payouts: list[Payout] = []
        self.market = secret.market
        draw_below(bench, contract, self.market, 1)
        self.drawn = self.send("reveal", *secret.reveal_arguments(0))
        while contract.call("market", self.market)[6] < PARTICIPATING:
            self.send("prepare", self.market, 600, ZERO_SALT)
        self.agreed: list[int] = []
        self.disagreed: list[int] = []
        self.claims: list[tuple[str, bytes, int, int]] = []
        rng = np.random.default_rng(0)
        for _ in range(plan.max_contributions):
            x = zipf_words(rng, 1_000, 15)
            answer = model.call("predict", x)
            for y, gas in ((answer, self.agreed), ((answer + 1) % twin.class_count, self.disagreed))[not agreeing :]:
                gas.append(self.send("add_data", model.address, x, y, sender=bench.second, value=plan.stake + 1))
                if effect := twin.update(x, y):
                    self.claims.append((bench.second, x, y, effect))
        self.closed = self.send("close", self.market)
        self.revealed = [self.send("reveal", *secret.reveal_arguments(i)) for i in range(1, plan.portions)]
        self.checked = []
        hidden = range(1, plan.portions)
        while (values := contract.call("market", self.market))[6] == REVEALING:
            left = [i for i in hidden if i >= values[-1]]
            sizes = [len(secret.portions[i]) for i in left]
            shown = left[: portions_for_check(sizes, plan.rows, 1_000, contract.call("scorer_of", "") != values[5])]
            self.checked.append(self.send("check", self.market, *secret.check_arguments(shown), 1_000))
        self.blocks = Blocks([secret.portions[i] for i in hidden], plan.rows)

    def send(self, function: str, *arguments, sender: str | None = None, value: int = 0) -> int:
        """The gas of a transaction, by default the keeper's."""
        who = sender or self.bench.third
        return self.bench.send(self.contract.transaction(function, *arguments, sender=who, value=value))[0]

    def settle(self) -> int:
        """The gas of settling all."""
        last = self.bench.chain.block
        stakes = stakes_in(self.contract, self.model, self.market, 0, last)
        gas = self.send("settle", self.market, entries(stakes, errors_in(self.contract, self.market, 0, last)))
        self.payouts = due_in(self.contract, self.model, self.market)
        return gas

    def withdraw(self, which: Sequence[int]) -> int:
        """The gas of paying contributions, counted from 0, in one transaction."""
        return self.send("withdraw", self.market, pack_payouts([self.payouts[i] for i in which]))

    def score_all(self) -> int:
        """The gas of scoring all contributions, as many in a transaction as it takes."""
        gas = 0
        while self.contract.call("market", self.market)[9] < len(self.claims):
            gas += self.score(len(self.claims))
        return gas

    def score(self, count: int, rows: int = 65_535) -> int:
        """The gas of scoring the next contributions, in one transaction."""
        first = self.contract.call("market", self.market)[9]
        packed = b"".join(pack_contribution(*claim) for claim in self.claims[first : first + count])
        last = min(first + count, len(self.claims))
        beside = around(self.claims, first + 1, last)
        scorer = self.contract.call("market", self.market)[5]
        told = blocks_told(self.contract, scorer, self.market, 0, self.bench.chain.block)
        for block in told:
            self.blocks.tell(block)
        carried = self.blocks.carried(last, rows) if told else []
        return self.send("score_many", self.market, first + 1, packed, rows, *beside, carried)


def commit_market(bench: Bench, contract: ContractAt, model: ContractAt, plan, classes: int = 2):
    """The gas of committing to a test set, always the same rows, and the test set."""
    from comodels.market_secret import Secret

    rng = np.random.default_rng(2)
    rows = [(int(rng.integers(classes)), zipf_words(rng, 1_000, 15)) for _ in range(plan.portions * plan.rows)]
    provider = bench.deployer  # the model's owner
    secret = Secret(
        chain_id=bench.chain.chain_id,
        contract=contract.address,
        model=model.address,
        market=contract.call("next_market", model.address),
        provider=provider,
        plan=plan,
        portions=[pack_rows(rows[i * plan.rows : (i + 1) * plan.rows]) for i in range(plan.portions)],
        salts=[keccak(bytes([i])) for i in range(plan.portions)],
    )
    arguments = secret.market, secret.tree.root, plan.astuple()
    call = contract.transaction("commit", *arguments, sender=provider, value=plan.total + 1)
    return bench.send(call)[0], secret


def draw_below(bench: Bench, contract: ContractAt, market: int, below: int) -> int:
    """The gas of a draw, with one block of the draw after the other until all portions drawn are below a number.

    The hash of a block decides, and the time of day the hash: figures must not change from run to run. Floyd's
    algorithm takes 18 gas more for each portion that it draws a second time, and takes one of the last k instead.
    """
    chain = bench.chain
    chain.rpc("anvil_mine", "0x3")
    for number in range(1, 1_000):
        snapshot = chain.rpc("evm_snapshot")
        chain.rpc("anvil_setCoinbase", f"0x{number:040x}")
        chain.rpc("anvil_mine", "0x1")
        gas, _ = bench.send(contract.transaction("draw", market, sender=bench.third))
        if contract.call("market", market)[4] < 1 << below:
            return gas
        chain.rpc("evm_revert", snapshot)
    raise RuntimeError(f"none of 1,000 blocks drew only portions below {below}")


def dense_rows(bench: Bench) -> Iterator[Row]:
    """Samples are random directions, in the unit that the encoders choose for such data."""
    from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
    from comodels.models.nearest_centroid import NearestCentroid, NearestCentroidParameters

    incentive = bench.contract("SelfAssessment")
    terms = self_assessment_terms()
    for n, ceilings in ((100, (92_500, 114_500)), (512, (172_000, 265_000))):
        draw, unit = random_directions(n)
        weights = np.random.default_rng(1).integers(-500, 500, n)
        twin = DensePerceptron(DensePerceptronParameters(n, unit, bias_rate=1), weights)
        _, model = bench.publish(twin, incentive.address, terms)
        added = add_data(bench, model, incentive, draw)
        what, original = f"dense {n} weights: {{}}", (f"DensePerceptron {n} w", "addData dense: {}, label 1")
        yield from added_rows(bench, model, incentive, added, what, ceilings, lambda x: -(-len(x) // 16), original)
    batches = Batches(bench, "SelfAssessment", terms, twin, draw)
    batches.add(batches.draw(1), sender=bench.second)
    gas = batches.add(batches.draw(20, 1))
    yield Row("batch of 20: dense 512 weights, all disagreeing, each", gas, 74_000)
    predicted = mean(bench.execution(model, "predict", draw()) for _ in range(DRAWS))
    original = "DensePerceptron 512 w", "predict() dense: execution (receipt - intrinsic)"
    yield Row("predict dense 512, execution only", predicted, 80_000, 2_100 * 32, original)

    for classes, n, publish_ceiling, add_ceiling, predict_ceiling in (
        (2, 512, 3_300_000, 432_000, 295_000),
        (10, 64, None, 128_000, 190_000),
    ):
        case = f"NearestCentroid {classes} x {n}"
        draw, unit = random_directions(n)
        rows = np.array([np.frombuffer(draw(), np.int8) for _ in range(50 * classes)], np.int64)
        sums = rows.reshape(classes, 50, n).sum(axis=1)
        centroids = NearestCentroid(NearestCentroidParameters(n, unit, room=classes), sums, [50] * classes)
        gas, model = bench.publish(centroids, incentive.address, terms)
        if publish_ceiling is not None:
            original = case, "deploy the model, total of 2 transaction(s)"
            yield Row(f"nearest centroid {classes} × {n}: publish", gas, publish_ceiling, None, original)
        gas = contribute(bench, model, incentive, draw)
        original = case, "addData dense: label 1 (model agrees)"
        yield Row(f"nearest centroid {classes} × {n}: add", gas, add_ceiling, None, original)
        if n == 512:
            batches = Batches(bench, "SelfAssessment", terms, centroids, draw)
            batches.add(batches.draw(1), sender=bench.second)
            gas = batches.add(batches.draw(20))
            yield Row(f"batch of 20: nearest centroid {classes} × {n}, each", gas, 143_000)
        gas = mean(bench.execution(model, "predict", draw()) for _ in range(DRAWS))
        original = case, "predict() dense: execution (receipt - intrinsic)"
        yield Row(f"nearest centroid {classes} × {n}: predict, execution only", gas, predict_ceiling, None, original)


def table_rows(bench: Bench) -> Iterator[Row]:
    """The sparse models that count: two classes, 1,000 words, every count of the published state above 0."""
    from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
    from comodels.models.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters

    incentive = bench.contract("SelfAssessment")
    terms = self_assessment_terms()
    counts = np.random.default_rng(1).integers(1, 200, (2, 1_000))
    for name, twin, case, deployed, label in (
        (
            "sparse nearest centroid",
            SparseNearestCentroid(SparseNearestCentroidParameters(1_000, room=2), counts.tolist(), [400, 400]),
            "SparseNearestCentroid 2 x 1000",
            "deploy the model, total of 10 transaction(s)",
            "label 1 (model agrees)",
        ),
        (
            "naive Bayes",
            NaiveBayes(NaiveBayesParameters(1_000, room=2), counts.tolist(), [400, 400]),
            "NaiveBayes 2 x 1000",
            "deploy the model, total of 8 transaction(s)",
            "label 1",
        ),
    ):
        gas, model = bench.publish(twin, incentive.address, terms)
        yield Row(f"{name} 2 × 1,000: publish, all transactions", gas, 6_500_000, None, (case, deployed))
        for words, add_ceiling, predict_ceiling in ((15, 145_000, 60_000), (60, 286_000, 170_000)):
            rng = np.random.default_rng(0)
            gas = contribute(bench, model, incentive, partial(zipf_words, rng, 1_000, words))
            yield Row(f"{name}: add {words} words", gas, add_ceiling, None, (case, f"addData {words} words: {label}"))
            rng = np.random.default_rng(0)
            gas = mean(bench.execution(model, "predict", zipf_words(rng, 1_000, words)) for _ in range(DRAWS))
            original = case, f"predict() {words} words: execution (receipt - intrinsic)"
            yield Row(f"{name}: predict {words} words, execution only", gas, predict_ceiling, None, original)

    counts[:, 500:] = 0
    twin = NaiveBayes(NaiveBayesParameters(1_000, room=2), counts.tolist(), [400, 400])
    _, model = bench.publish(twin, incentive.address, terms)
    rng = np.random.default_rng(0)
    unseen = iter(rng.permutation(np.arange(500, 1_000))[: 15 * 12].reshape(12, 15))
    gas = contribute(bench, model, incentive, lambda: wire.pack_sparse(np.sort(next(unseen)), 1_000), count=10)
    original = "NaiveBayes 2 x 1000", "addData 15 words never seen before: label 1"
    yield Row("naive Bayes: add 15 words never seen before", gas, 420_000, None, original)

    # class 1 is 400 times as probable, whatever the sample: with a margin of 3 nats it is sure
    twin = NaiveBayes(NaiveBayesParameters(1_000, room=2, margin=1_108), counts[[1, 1]].tolist(), [1, 400])
    _, model = bench.publish(twin, incentive.address, terms)
    gas = contribute(bench, model, incentive, partial(zipf_words, np.random.default_rng(0), 1_000, 15))
    yield Row("naive Bayes with a margin: add 15 words of which it is sure", gas, 125_000)


def random_directions(n: int) -> tuple[Callable[[], bytes], int]:
    """What draws dense samples of n features, and their unit."""
    from encoders import quantise

    rng = np.random.default_rng(0)
    unit = quantise.choose_unit(quantise.normalise(rng.normal(size=(200, n))))

    def draw() -> bytes:
        values = quantise.quantise(quantise.normalise(rng.normal(size=(1, n))), unit)[0]
        return wire.pack_dense(values, unit)

    return draw, unit


def contribute(bench: Bench, model: ContractAt, incentive: ContractAt, draw: Callable[[], bytes], count=DRAWS) -> int:
    """The mean gas of contributions with label 1, without the first."""
    gas = []
    for i in range(count + 1):
        who = bench.first if i % 2 else bench.second
        call = incentive.transaction("add_data", model.address, draw(), 1, sender=who, value=VALUE)
        gas.append(bench.send(call)[0])
    return mean(gas[1:])


GROUPS: list[Callable[[Bench], Iterator[Row]]] = [
    sparse_perceptron_rows,
    level_rows,
    default_rule_rows,
    batch_rows,
    dense_rows,
    table_rows,
    points_rows,
    market_rows,
]


def measure(bench: Bench, progress: Callable[[str], None] = lambda text: None) -> list[Row]:
    """All rows. The time of the chain goes on by some months."""
    rows = []
    for group in GROUPS:
        for row in group(bench):
            rows.append(row)
            progress(row.action)
    return rows


def original_gas(row: Row, setting: str) -> int | None:
    """The original's gas for a row; `setting` is ``optimized`` or ``as_shipped``."""
    if row.original is None:
        return None
    case, action = row.original
    return json.loads(ORIGINAL.read_text())["cases"][case][action][setting]
