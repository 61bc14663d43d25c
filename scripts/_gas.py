"""Measures the gas of every action from receipts on a local anvil.

The inputs are those of the original's figures (`data/original-gas.json`): `default_rng(0)`, contributions with label 1,
60 seconds after the one before, overpaid so that change comes back. Words are drawn without replacement with Zipf's
probabilities, 1 over the rank, because indices are ordered by frequency, as the encoders order them. Every figure is a
mean.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from eth_abi import encode
from eth_utils import keccak

from encoders import wire
from simulation.chain import Chain, ContractAt, Transaction

ORIGINAL = Path(__file__).parent / "data" / "original-gas.json"
DRAWS = 20  # samples a figure
DAY = 86_400
WAITS = (DAY, 10 * DAY, 20 * DAY)
COST_WEIGHT = 10**13  # wei
VALUE = 10**18  # wei sent with a contribution: more than any deposit here
ZERO_SALT = bytes(32)

# texts of the length that the slides' example has
CARD_TEXTS = (
    "IMDB Review Sentiment Model",
    "A simple IMDB sentiment analysis model.",
    "bag-of-words/1?features=1000&sha256=0123456789abcdef0123456789abcdef",
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

    def __post_init__(self):
        self.gas = round(self.gas)
        self.floor = None if self.floor is None else round(self.floor)


class Bench:
    """Deploys contracts and sends the transactions that are measured.

    Parameters
    ----------
    chain : Chain
        An anvil on which gas is free.
    project : ape project
        Where the compiled contracts come from.
    actors : list of str
        At least five accounts that the node can send from: deployer, two contributors, two more.
    """

    def __init__(self, chain: Chain, project, actors: list[str]):
        self.chain = chain
        self.project = project
        self.deployer, self.first, self.second, self.third, *_ = actors
        self.time = chain.time
        self.contracts: dict[str, ContractAt] = {}
        self.salts = iter(range(2**32))

    def contract(self, name: str) -> ContractAt:
        """The deployed contract of a name; deployed when first asked for."""
        if name not in self.contracts:
            contract_type = getattr(self.project, name).contract_type
            code = bytes.fromhex(str(contract_type.deployment_bytecode.bytecode).removeprefix("0x"))
            receipt = self.chain.send([Transaction(self.deployer, None, code, gas=30_000_000)])[0]
            self.contracts[name] = self.at(name, receipt["contractAddress"])
        return self.contracts[name]

    def at(self, name: str, address: str) -> ContractAt:
        abi = getattr(self.project, name).contract_type.abi
        return ContractAt(self.chain, address, [item.model_dump(mode="json", by_alias=True) for item in abi])

    def send(self, transaction: Transaction, after: int = 60) -> tuple[int, dict]:
        """The gas of a transaction sent `after` seconds after the one before, and its receipt."""
        self.time += after
        transaction = Transaction(**(transaction.__dict__ | {"time": self.time}))
        receipt = self.chain.send([transaction])[0]
        if receipt["status"] != "0x1":
            raise RuntimeError(f"a measured transaction reverted: {self.chain.why(transaction)}")
        return int(receipt["gasUsed"], 16), receipt

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
        card = pack_card(*CARD_TEXTS, *[f"class {i}" for i in range(twin.class_count)])
        salt = next(self.salts).to_bytes(32, "big")
        first, rest = words[:640], words[640:]
        data = (self.deployer, trainer, terms, twin.parameters.pack(), card, first, not rest, salt)
        gas, receipt = self.send(implementation.transaction("create", *data, sender=self.deployer))
        address = next(
            log["address"] for log in receipt["logs"] if log["address"] not in (trainer, implementation.address)
        )
        model = self.at(twin.KIND, address)
        for start in range(640, len(words), 640):
            load = model.transaction("load", start, words[start : start + 640], sender=self.deployer)
            gas += self.send(load)[0]
        if rest:
            gas += self.send(model.transaction("seal", sender=self.deployer))[0]
        return gas, model


def calldata_gas(data: bytes) -> int:
    """What a transaction pays for its calldata: 4 a zero byte, 16 another one (EIP-2028)."""
    return sum(16 if byte else 4 for byte in data)


def pack_card(*texts: str) -> bytes:
    return b"".join(bytes([len(t.encode())]) + t.encode() for t in texts)


def zipf_words(rng: np.random.Generator, n_features: int, count: int) -> bytes:
    """A sparse sample of `count` words, the word of rank r with probability proportional to 1/r."""
    p = 1 / np.arange(1, n_features + 1)
    return wire.pack_sparse(np.sort(rng.choice(n_features, count, replace=False, p=p / p.sum())), n_features)


def uniform_words(rng: np.random.Generator, n_features: int, count: int) -> bytes:
    """A sparse sample of `count` words, each as likely as any other."""
    return wire.pack_sparse(np.sort(rng.choice(n_features, count, replace=False)), n_features)


def self_assessment_terms() -> bytes:
    return encode(["uint96", "uint32", "uint32", "uint32", "uint32", "bool"], [COST_WEIGHT, *WAITS, 0, False])


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
    change = 6_700  # a call that carries ether
    return 21_000 + calldata_gas(data) + 22_100 + 5_000 + 2_600 + slots * (5_000 if changed else 2_100) + event + change


def sparse_slots(x: bytes, lanes: int = 16) -> int:
    """How many words of so many lanes the features of a sparse sample touch."""
    return len(set(np.frombuffer(x, dtype=">u2") // lanes))


def random_perceptron(n_features: int):
    from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters

    weights = np.random.default_rng(1).integers(-500, 500, n_features)
    return SparsePerceptron(SparsePerceptronParameters(n_features), weights)


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
        (model_100, 100, 15, (82_000, 112_000)),
        (model_1000, 1_000, 15, (96_000, 127_000)),
        (model_1000, 1_000, 60, (150_000, 237_000)),
    ):
        rng = np.random.default_rng(0)
        added = add_data(bench, model, incentive, lambda n=n, words=words, rng=rng: zipf_words(rng, n, words))
        for agrees, ceiling in zip((True, False), ceilings, strict=True):
            word = "agree" if agrees else "disagree"
            key = f"addData {words} words{', later one' if n == 100 else ''}: {word}, label 1"
            yield Row(
                f"sparse {n:,} weights, {words} words: {word}",
                mean(g for g, _, _ in added[agrees]),
                ceiling,
                mean(add_floor(bench, model, incentive, x, sparse_slots(x), not agrees) for _, x, _ in added[agrees]),
                (small if n == 100 else large, key),
            )
        if words == 15 and n == 1_000:
            claimed = added

    bench.send(Transaction(bench.deployer, bench.deployer), after=WAITS[0])
    refunds = []
    for _, x, who in claimed[True]:
        refunds.append(bench.send(incentive.transaction("refund", model_1000.address, x, 1, sender=who))[0])
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

    for words, ceiling in ((15, 33_000), (60, None)):
        rng = np.random.default_rng(0)
        samples = [zipf_words(rng, 1_000, words) for _ in range(2 * DRAWS)]
        yield Row(
            f"predict {words} words of 1,000, execution only",
            mean(bench.execution(model_1000, "predict", x) for x in samples),
            ceiling,
            mean(2_100 * sparse_slots(x) for x in samples),
            (large, f"predict() {words} words: execution (receipt - intrinsic)"),
        )

    # words that are not ordered by frequency: nearly each stands in a slot of its own
    _, model = bench.publish(random_perceptron(1_000), incentive.address, terms)
    rng = np.random.default_rng(0)
    added = add_data(bench, model, incentive, lambda: uniform_words(rng, 1_000, 15))
    for agrees, word in ((True, "agree"), (False, "disagree")):
        yield Row(
            f"sparse 1,000 weights, 15 words drawn uniformly: {word}",
            mean(g for g, _, _ in added[agrees]),
            None,
            mean(add_floor(bench, model, incentive, x, sparse_slots(x), not agrees) for _, x, _ in added[agrees]),
            (large, f"addData 15 words: {word}, label 1"),
        )


def points_rows(bench: Bench) -> Iterator[Row]:
    from simulation.points import Terms

    original = "Points64, SparsePerceptron 100 w, 15 words"
    incentive = bench.contract("Points")
    _, model = bench.publish(random_perceptron(1_000), incentive.address, Terms(DAY, DAY).encode())
    rng = np.random.default_rng(0)
    added = add_data(bench, model, incentive, lambda: zipf_words(rng, 1_000, 15), value=0)
    for agrees, ceiling in ((True, 92_000), (False, 132_000)):
        word = "agree" if agrees else "disagree"
        floors = [add_floor(bench, model, incentive, x, sparse_slots(x), not agrees) for _, x, _ in added[agrees]]
        yield Row(
            f"points: add 15 words, 1,000 weights: {word}",
            mean(g for g, _, _ in added[agrees]),
            ceiling,
            mean(floors) - 6_700,  # no ether comes back
            (original, f"addData, later one: {word}, label 1"),
        )

    bench.send(Transaction(bench.deployer, bench.deployer), after=DAY)
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
    """A sparse perceptron with 1,000 weights; rows and samples of 15 words; 250 hidden rows in 10 portions."""
    from simulation.prediction_market import Plan, Terms

    contract = bench.contract("PredictionMarket")
    stake, count, batch = 10**15, 40, 20
    keeper, contributor = bench.third, bench.second

    def send(function, *arguments, sender=keeper, value=0):
        return bench.send(contract.transaction(function, *arguments, sender=sender, value=value))[0]

    # the draw of 3 of 10
    _, model = bench.publish(random_perceptron(1_000), contract.address, Terms().pack())
    gas, secret = commit_market(bench, contract, model, Plan(stake, 20, stake, 10**13, 10, 3, 25, 1, count))
    yield Row("market: commit", gas, 260_000)
    bench.chain.rpc("anvil_mine", "0x6")
    yield Row("market: draw 3 of 10 portions", send("draw", secret.market), 90_000)

    # the rest with 1 of 11, because a draw is soon what it has to be for figures that do not change from run to run
    _, model = bench.publish(random_perceptron(1_000), contract.address, Terms().pack())
    plan = Plan(stake, 20, stake, 10**13, 11, 1, 25, 1, count)
    _, secret = commit_market(bench, contract, model, plan)
    market = secret.market
    draw_first_portion(bench, contract, market)
    yield Row("market: reveal a drawn portion of 25 rows", send("reveal", *secret.reveal_arguments(0)), 450_000)
    send("prepare", market, 600, ZERO_SALT)
    added: dict[bool, list[int]] = {True: [], False: []}
    claims = []
    rng = np.random.default_rng(0)
    for _ in range(count // 2):
        x = zipf_words(rng, 1_000, 15)
        answer = model.call("predict", x)
        for y, effect in ((answer, 0), (1 - answer, 1 + answer)):
            gas = send("add_data", model.address, x, y, sender=contributor, value=stake + 1)
            added[effect == 0].append(gas)
            claims.append((contributor, x, y, effect))
    yield Row("market: add 15 words, 1,000 weights: agree", mean(added[True][1:]), 100_000)
    yield Row("market: add 15 words, 1,000 weights: disagree", mean(added[False]), 140_000)
    send("close", market)
    revealed = [send("reveal", *secret.reveal_arguments(i)) for i in range(1, plan.portions)]
    yield Row("market: reveal a hidden portion of 25 rows", mean(revealed), 450_000)
    send("check", market, 256)
    scored: dict[bool, list[int]] = {True: [], False: []}
    for claim in claims:
        scored[claim[-1] == 0].append(send("score", market, *claim, 256))
    per_row = mean(scored[False]) / plan.hidden_rows
    yield Row("market: score a contribution that changed the model, a hidden row", per_row, 4_000)
    yield Row("market: score one that did not", mean(scored[True]), 120_000)
    settled = [send("settle", market, batch) for _ in range(0, count, batch)]
    yield Row(f"market: settle a contribution, in a step of {batch}", mean(settled) / batch, 45_000)
    paid = [send("withdraw", market, i, who, keccak(x), y, effect) for i, (who, x, y, effect) in enumerate(claims, 1)]
    yield Row("market: withdraw", mean(paid), 60_000)


def commit_market(bench: Bench, contract: ContractAt, model: ContractAt, plan):
    """The gas of committing to a test set, always the same rows, and the test set."""
    from scripts._market import Secret
    from simulation.rows import pack_rows

    rng = np.random.default_rng(2)
    rows = [(int(rng.integers(2)), zipf_words(rng, 1_000, 15)) for _ in range(plan.portions * plan.rows)]
    provider = bench.first
    secret = Secret(
        chain_id=int(bench.chain.rpc("eth_chainId"), 16),
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


def draw_first_portion(bench: Bench, contract: ContractAt, market: int) -> None:
    """Draw, with one block of the draw after the other until the portion drawn is the first."""
    chain = bench.chain
    chain.rpc("anvil_mine", "0x3")
    for number in range(1, 1_000):
        snapshot = chain.rpc("evm_snapshot")
        chain.rpc("anvil_setCoinbase", f"0x{number:040x}")
        chain.rpc("anvil_mine", "0x1")
        bench.send(contract.transaction("draw", market, sender=bench.third))
        if contract.call("market", market)[4] == 1:
            return
        chain.rpc("evm_revert", snapshot)
    raise RuntimeError("none of 1,000 blocks drew the first portion")


def dense_rows(bench: Bench) -> Iterator[Row]:
    """Samples are random directions, in the unit that the encoders choose for such data."""
    from simulation.dense_perceptron import DensePerceptron, DensePerceptronParameters
    from simulation.nearest_centroid import NearestCentroid, NearestCentroidParameters

    incentive = bench.contract("SelfAssessment")
    terms = self_assessment_terms()
    for n, ceilings in ((100, (90_000, 112_000)), (512, (172_000, 265_000))):
        draw, unit = random_directions(n)
        weights = np.random.default_rng(1).integers(-500, 500, n)
        twin = DensePerceptron(DensePerceptronParameters(n, unit, bias_rate=1), weights)
        _, model = bench.publish(twin, incentive.address, terms)
        added = add_data(bench, model, incentive, draw)
        for agrees, ceiling in zip((True, False), ceilings, strict=True):
            word = "agree" if agrees else "disagree"
            slots = -(-n // 16)
            floors = [add_floor(bench, model, incentive, x, slots, not agrees) for _, x, _ in added[agrees]]
            yield Row(
                f"dense {n} weights: {word}",
                mean(g for g, _, _ in added[agrees]),
                ceiling,
                mean(floors),
                (f"DensePerceptron {n} w", f"addData dense: {word}, label 1"),
            )
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
        twin = NearestCentroid(NearestCentroidParameters(n, unit, room=classes), sums, [50] * classes)
        gas, model = bench.publish(twin, incentive.address, terms)
        if publish_ceiling is not None:
            original = case, "deploy the model, total of 2 transaction(s)"
            yield Row(f"nearest centroid {classes} × {n}: publish", gas, publish_ceiling, None, original)
        gas = contribute(bench, model, incentive, draw)
        original = case, "addData dense: label 1 (model agrees)"
        yield Row(f"nearest centroid {classes} × {n}: add", gas, add_ceiling, None, original)
        gas = mean(bench.execution(model, "predict", draw()) for _ in range(DRAWS))
        original = case, "predict() dense: execution (receipt - intrinsic)"
        yield Row(f"nearest centroid {classes} × {n}: predict, execution only", gas, predict_ceiling, None, original)


def table_rows(bench: Bench) -> Iterator[Row]:
    """The sparse models that count: two classes, 1,000 words, every count of the published state above 0."""
    from simulation.naive_bayes import NaiveBayes, NaiveBayesParameters
    from simulation.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters

    incentive = bench.contract("SelfAssessment")
    terms = self_assessment_terms()
    counts = np.random.default_rng(1).integers(1, 200, (2, 1_000))
    for name, twin, case, deployed, label in (
        (
            "sparse nearest centroid",
            SparseNearestCentroid(SparseNearestCentroidParameters(1_000, room=2), counts, [400, 400]),
            "SparseNearestCentroid 2 x 1000",
            "deploy the model, total of 10 transaction(s)",
            "label 1 (model agrees)",
        ),
        (
            "naive Bayes",
            NaiveBayes(NaiveBayesParameters(1_000, room=2), counts, [400, 400]),
            "NaiveBayes 2 x 1000",
            "deploy the model, total of 8 transaction(s)",
            "label 1",
        ),
    ):
        gas, model = bench.publish(twin, incentive.address, terms)
        yield Row(f"{name} 2 × 1,000: publish, all transactions", gas, 6_500_000, None, (case, deployed))
        for words, add_ceiling, predict_ceiling in ((15, 145_000, 60_000), (60, 285_000, 170_000)):
            rng = np.random.default_rng(0)
            gas = contribute(bench, model, incentive, lambda words=words, rng=rng: zipf_words(rng, 1_000, words))
            yield Row(f"{name}: add {words} words", gas, add_ceiling, None, (case, f"addData {words} words: {label}"))
            rng = np.random.default_rng(0)
            gas = mean(bench.execution(model, "predict", zipf_words(rng, 1_000, words)) for _ in range(DRAWS))
            original = case, f"predict() {words} words: execution (receipt - intrinsic)"
            yield Row(f"{name}: predict {words} words, execution only", gas, predict_ceiling, None, original)

    counts[:, 500:] = 0
    twin = NaiveBayes(NaiveBayesParameters(1_000, room=2), counts, [400, 400])
    _, model = bench.publish(twin, incentive.address, terms)
    rng = np.random.default_rng(0)
    unseen = iter(rng.permutation(np.arange(500, 1_000))[: 15 * 12].reshape(12, 15))
    gas = contribute(bench, model, incentive, lambda: wire.pack_sparse(np.sort(next(unseen)), 1_000), count=10)
    original = "NaiveBayes 2 x 1000", "addData 15 words never seen before: label 1"
    yield Row("naive Bayes: add 15 words never seen before", gas, 420_000, None, original)


def random_directions(n: int) -> tuple[Callable[[], bytes], int]:
    """What draws dense samples of n features, and their unit."""
    from encoders import quantise

    rng = np.random.default_rng(0)
    unit = quantise.choose_unit(quantise.normalise(rng.normal(size=(200, n))))

    def draw() -> bytes:
        values = quantise.quantise(quantise.normalise(rng.normal(size=(1, n))), unit)[0]
        return wire.pack_dense(values, unit)

    return draw, unit


def contribute(bench: Bench, model: ContractAt, incentive: ContractAt, draw: Callable[[], bytes], count=DRAWS) -> float:
    """The mean gas of contributions with label 1, without the first."""
    gas = []
    for i in range(count + 1):
        who = bench.first if i % 2 else bench.second
        call = incentive.transaction("add_data", model.address, draw(), 1, sender=who, value=VALUE)
        gas.append(bench.send(call)[0])
    return mean(gas[1:])


GROUPS: list[Callable[[Bench], Iterator[Row]]] = [
    sparse_perceptron_rows,
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
