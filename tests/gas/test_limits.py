"""No action at the largest size needs more gas than a transaction may use: what can be added can be claimed."""

from copy import copy
from itertools import cycle, islice

import numpy as np
import pytest
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak
from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData

from comodels.chain.account import MAX_TRANSACTION_SIZE
from comodels.incentives.points import Terms
from comodels.incentives.self_assessment import Terms as Deposits
from comodels.incentives.settlement import GROUP, OwedTree, settle
from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from comodels.models.level_perceptron import LevelPerceptron, LevelPerceptronParameters
from comodels.models.multiclass_dense_perceptron import MulticlassDensePerceptron, MulticlassDensePerceptronParameters
from comodels.models.multiclass_level_perceptron import (
    MulticlassLevelPerceptron,
    MulticlassLevelPerceptronParameters,
)
from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.models.nearest_centroid import NearestCentroid, NearestCentroidParameters, class_words
from comodels.models.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.wire import LINE, account_of, pack_entries
from tests.conftest import pack_card, pack_terms
from tests.coverage import CONTRACTS

CAP = 16_777_216
# What may be left over. It is taken from the limit, and not compared with what was used: a call passes on only 63 of
# 64 parts of the gas (EIP-150), so that what runs out had some left.
SPARE = 200_000
LOADED = 640  # words in a transaction
MAX_CONTRIBUTIONS = 4_096  # to a market
AROUND = 200  # bytes that a signed transaction has beside its calldata, at most: numbers, an address, the signature
# parameters at which the contracts' limits meet: one more feature or class is refused, or shortens the samples
LARGEST = [
    SparsePerceptronParameters(10_236),
    SparsePerceptronParameters(65_532),
    LevelPerceptronParameters(10_236),
    LevelPerceptronParameters(65_532),
    DensePerceptronParameters(2_048, 362),
    NaiveBayesParameters(2_656, 2),
    NaiveBayesParameters(65_536, 4),
    NaiveBayesParameters(65_536, 8),
    NaiveBayesParameters(65_536, 16),
    NaiveBayesParameters(65_536, 32),
    NaiveBayesParameters(65_536, 255),
    SparseNearestCentroidParameters(65_536, 32),
    SparseNearestCentroidParameters(65_536, 255),
    NearestCentroidParameters(2_048, 362, 19),
    NearestCentroidParameters(512, 362, 78),
    NearestCentroidParameters(156, 362, 255),
    MulticlassSparsePerceptronParameters(5_120, 2),
    MulticlassSparsePerceptronParameters(65_536, 16),
    MulticlassSparsePerceptronParameters(65_536, 255),
    MulticlassLevelPerceptronParameters(5_120, 2),
    MulticlassLevelPerceptronParameters(65_536, 16),
    MulticlassLevelPerceptronParameters(65_536, 255),
    MulticlassDensePerceptronParameters(2_048, 362, 31),
    MulticlassDensePerceptronParameters(512, 362, 124),
    MulticlassDensePerceptronParameters(249, 362, 255),
]
TWINS = {
    SparsePerceptronParameters: SparsePerceptron,
    DensePerceptronParameters: DensePerceptron,
    NaiveBayesParameters: NaiveBayes,
    SparseNearestCentroidParameters: SparseNearestCentroid,
    NearestCentroidParameters: NearestCentroid,
    MulticlassSparsePerceptronParameters: MulticlassSparsePerceptron,
    LevelPerceptronParameters: LevelPerceptron,
    MulticlassLevelPerceptronParameters: MulticlassLevelPerceptron,
    MulticlassDensePerceptronParameters: MulticlassDensePerceptron,
}
# the incentive, its terms, and what settles and what reports a contribution
CLAIMS = [
    ("SelfAssessment", Deposits(cost_weight=10**12, refund_wait=1, dispute_wait=0).encode(), "refund", "report"),
    ("SelfAssessment", pack_terms(refund_wait=1, without_own_effect=True), "refund", "report"),
    ("Points", Terms(1, 1).encode(), "validate", "report"),
    ("Points", Terms(1, 1, without_own_effect=True).encode(), "validate", "report"),
]
REFUSED = (
    "the model disagrees",
    "the model agrees",
    "the model agreed when it came",
    "settled already",
    "validated already",
    "earned already",
)


def room(parameters) -> int:
    """The classes of a model."""
    return getattr(parameters, "room", 2)


def words_to_load(parameters) -> dict[int, list[int]]:
    """By where they begin, the words of a model with all the classes there is room for, and a sample of each."""
    kind, classes = TWINS[type(parameters)].KIND, room(parameters)
    if kind in ("SparsePerceptron", "LevelPerceptron", "DensePerceptron"):
        return {}
    if kind == "NearestCentroid":
        step = class_words(parameters.n_features)
        words = [0] * (classes * step + 1)
        words[0] = classes << 192
        words[step::step] = [1 << 160] * classes
        return {start: words[start : start + LOADED] for start in range(0, len(words), LOADED)}
    if kind.startswith("Multiclass"):
        return {0: [classes << 192]}
    sample = 1 << 64 | 2**15
    words = [sample << 96 | (sample if 2 * i + 1 < classes else 0) for i in range((classes + 1) // 2)]
    words[0] |= classes << 192
    return {0: words}


def longest_sample(parameters) -> bytes:
    """A sample that changes as many words as one can: of a dense model all of them."""
    if not hasattr(parameters, "unit"):
        return np.linspace(0, parameters.n_features - 1, parameters.longest).astype(int).astype(">u2").tobytes()
    values = np.full(parameters.n_features, round(parameters.unit / parameters.n_features**0.5), np.int8)
    for i in range(len(values)):
        # as near to the unit as it gets
        if np.dot(values.astype(int), values.astype(int)) >= parameters.unit**2:
            break
        values[i] += 1
    return values.tobytes()


def send_signed(chain, account, to, data):
    """Send a transaction as people do, who sign it and offer a price; its receipt, and how many bytes were signed."""
    fields = {
        "type": 2,
        "chainId": chain.chain_id,
        "nonce": int(chain.rpc("eth_getTransactionCount", account.address, "pending"), 16),
        "to": to,
        "data": data,
        "gas": CAP - SPARE,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
    }
    signed = bytes(Account.from_key(account.private_key).sign_transaction(fields).raw_transaction)
    return chain.rpc("eth_sendRawTransactionSync", "0x" + signed.hex()), len(signed)


def at(contract, address):
    """The same functions at another address."""
    other = copy(contract)
    other.address = address
    return other


@pytest.fixture
def largest(implementations, raw, rpc, owner):
    """Create, load and seal a model: ``model = largest(parameters, trainer, terms)``."""
    sender = str(owner.address)

    def create(parameters, trainer, terms):
        implementation = raw(implementations(TWINS[type(parameters)].KIND))
        card = pack_card(classes=[f"{y}" for y in range(room(parameters))])
        arguments = (sender, trainer, terms, parameters.pack(), card, [], False, bytes(32))
        created = rpc.send([implementation.transaction("create", *arguments, sender=sender, gas=CAP)])[0]
        assert created["status"] == "0x1"
        created_event = "0x" + keccak(text="Created(address,address,address)").hex()
        address = next("0x" + log["topics"][1][-40:] for log in created["logs"] if log["topics"][0] == created_event)
        model = at(implementation, address)
        loads = [("load", start, words) for start, words in words_to_load(parameters).items()]
        calls = [model.transaction(*call, sender=sender, gas=CAP) for call in [*loads, ("seal",)]]
        assert {r["status"] for r in rpc.send(calls)} == {"0x1"}
        return model

    return create


@pytest.mark.parametrize("claim", CLAIMS, ids=["refund", "refund-without-own", "points", "points-without-own"])
@pytest.mark.parametrize("parameters", LARGEST, ids=lambda p: f"{TWINS[type(p)].KIND}-{p.n_features}-{room(p)}")
def test_add_and_claim__longest_sample_and_all_new_words__fit_a_transaction(
    parameters, claim, largest, implementations, raw, rpc, contributor, reporter
):
    incentive_kind, terms, settle, report = claim
    incentive = raw(implementations(incentive_kind))
    model = largest(parameters, incentive.address, terms)
    author, other = str(contributor.address), str(reporter.address)
    value = 10**18 if incentive_kind == "SelfAssessment" else 0
    gas = {}

    def send(function, *arguments, sender, value=0):
        transaction = incentive.transaction(
            function, model.address, *arguments, sender=sender, value=value, gas=CAP - SPARE, time=rpc.time + 10
        )
        receipt = rpc.send([transaction])[0]
        gas[function] = max(int(receipt["gasUsed"], 16), gas.get(function, 0))
        # where the answer is another class, the claim costs as much, but for its end, and is refused for what it says
        assert receipt["status"] == "0x1" or rpc.why(transaction).endswith(REFUSED), (
            function,
            gas,
            rpc.why(transaction),
        )
        return receipt["status"] == "0x1"

    sample, last = longest_sample(parameters), room(parameters) - 1
    send("add_data", sample, last, sender=author, value=value)
    # the reporter needs one that the model agrees with: nearly the same
    close = sample[2:] if not hasattr(parameters, "unit") else bytes([256 - sample[0]]) + sample[1:]
    send("add_data", close, last, sender=other, value=value)
    author_of = (author,) if incentive_kind == "SelfAssessment" else ()
    assert send(settle, *((other,) if author_of else ()), close, last, sender=other)
    # of two labels for one sample, the model disagrees with one
    send("add_data", sample, 0, sender=author, value=value)
    for label in (0, last):
        send(settle, *author_of, sample, label, sender=author)
    for label in (0, last):
        send(report, *author_of, sample, label, sender=other)

    assert "report" in gas


@pytest.mark.parametrize("parameters", LARGEST, ids=lambda p: f"{TWINS[type(p)].KIND}-{p.n_features}-{room(p)}")
def test_one_row__longest_sample_and_all_classes_filled__fits_a_transaction(
    parameters, largest, rpc, contributor, record_property
):
    """Whatever was learnt meanwhile, one hidden row can be scored and one contribution replayed.

    What they cost at most depends on the parameters alone: all classes that there is room for have samples here.
    """
    sender = str(contributor.address)
    model = largest(parameters, sender, b"")
    sample, last = longest_sample(parameters), room(parameters) - 1
    row = bytes([last]) + len(sample).to_bytes(2, "big") + sample
    gas = {}
    for function, *arguments in (
        ("predict", sample),
        ("evaluate", row),
        ("learn", sample, last),
        ("predict_without", sample, last, 1),
    ):
        receipt = rpc.send([model.transaction(function, *arguments, sender=sender, gas=CAP)])[0]
        assert receipt["status"] == "0x1", function
        gas[function] = int(receipt["gasUsed"], 16)
    record_property("gas", gas)
    assert model.call("class_count") == room(parameters)
    # what contributes, claims or scores adds less than 300,000 to that
    assert max(gas.values()) < CAP - 400_000, gas


@pytest.mark.parametrize("parameters", [p for p in LARGEST if hasattr(p, "longest")], ids=lambda p: str(p.n_features))
def test_predict__sample_longer_than_can_be_learnt__is_refused(parameters, largest, rpc, owner):
    if parameters.longest == 1_024:
        pytest.skip("1,024 features are the most that any sample has")
    sender = str(owner.address)
    model = largest(parameters, sender, b"")
    longer = np.arange(parameters.longest + 1).astype(">u2").tobytes()
    assert rpc.why(model.transaction("predict", longer, sender=sender)) == "sample: too long"


@pytest.mark.parametrize(
    "parameters", [p for p in LARGEST if hasattr(p, "unit") and hasattr(p, "room")], ids=lambda p: p.room
)
def test_create__one_class_more_than_the_largest__is_refused(parameters, implementations, raw, rpc, owner):
    sender = str(owner.address)
    kind = TWINS[type(parameters)].KIND
    implementation = raw(implementations(kind))
    packed = parameters.pack()
    if parameters.room == 255:
        # one more feature, which takes one more word
        packed += 1 << 8 if kind == "NearestCentroid" else 1 << 64
    else:
        packed += 1 if kind == "NearestCentroid" else 1 << 8
    arguments = (sender, sender, b"", packed, pack_card(), [], False, bytes(32))
    assert rpc.why(implementation.transaction("create", *arguments, sender=sender)) == "model: too many classes"


@pytest.mark.parametrize("most", [1, 256], ids=["each scored alone", "in whole lines"])
@pytest.mark.parametrize("moves", ["any", "a large rise, then down by one", "the dearest that a search found"])
def test_settle__as_many_contributions_as_there_can_be__fits_a_transaction_that_nodes_pass_on(
    moves, most, client, project, owner, keeper, record_property
):
    """What settling walks back over is at most as much again as there are contributions.

    After a large rise, each that is better by one first gains from the one before, and then leaves by its first loss
    against the beginning. With more rises between them, by which others stay below, it takes a hundredth more.
    """
    # more rounds than any of these gains lasts
    rng, rows, rounds, stake = np.random.default_rng(1), 2**16 - 1, 5_000, 10**15 + 7
    if moves == "any":
        initial, *errors = map(int, rng.integers(0, rows, MAX_CONTRIBUTIONS + 1))
    elif moves == "a large rise, then down by one":
        initial, *errors = 0, *range(rows, rows - MAX_CONTRIBUTIONS, -1)
    else:
        initial, errors, last = 1_000, [], rows
        for move in islice(cycle((-5_000, 0, -1, 40_000, -5_000, 0, -2, 40_000)), MAX_CONTRIBUTIONS):
            last = max(0, min(rows, last + move))
            errors.append(last)
    who = ["0x" + rng.bytes(20).hex() for _ in errors]
    scored = list(zip(who, errors, strict=True))
    calls = [scored[i : i + most] for i in range(0, MAX_CONTRIBUTIONS, most)]
    digest = bytes(32)
    for call in calls:
        for begin in range(0, most, LINE):
            line = [account_of(a).rjust(30, b"\0") + e.to_bytes(2, "big") for a, e in call[begin : begin + LINE]]
            digest = keccak(digest + b"".join(line).ljust(32 * LINE, b"\0"))
    market = int("0x" + "11" * 20, 16) << 32 | 1
    harness = client.deploy(
        project.MarketHarness, owner, encode(["address"], [client.deploy(project.Settler, owner).address])
    )
    value = (MAX_CONTRIBUTIONS + rounds) * stake
    counts = stake, rounds, rows, initial, MAX_CONTRIBUTIONS
    harness.send("set_scored", market, *counts, digest, sender=owner, value=value)

    data = harness.data("settle", market, pack_entries(calls))
    receipt, size = send_signed(client.chain, keeper, harness.address, data)

    assert receipt["status"] == "0x1"
    assert size < len(data) + AROUND
    record_property("gas", int(receipt["gasUsed"], 16))
    record_property("bytes", size)
    assert int(receipt["gasUsed"], 16) < 10_000_000
    assert size < 95_000 < MAX_TRANSACTION_SIZE
    owed = [stake * balance // rows for balance, _ in settle([initial, *errors], rows, rounds)]
    assert harness.call("owed_root", market) == OwedTree(list(zip(who, owed, strict=True))).root
    sums = [sum(owed[i : i + GROUP]) << 128 for i in range(0, MAX_CONTRIBUTIONS, GROUP)]
    assert [harness.call("dues", market, i) for i in range(len(sums))] == sums


def longest_calls(path):
    """How many bytes of calldata a contract's functions take at most, by the limits in their types."""
    bundle = FilesystemInputBundle([CONTRACTS.parent])
    module = CompilerData(bundle.load_file(path), bundle).annotated_vyper_module._metadata["type"]
    functions = {f.name: [a.typ.abi_type for a in f.arguments] for f in module.exposed_functions}
    return {
        name: 4 + sum(kind.embedded_static_size() + kind.embedded_dynamic_size_bound() for kind in kinds)
        for name, kinds in functions.items()
        if name != "__init__"
    }


def test_transaction__most_that_any_function_takes__nodes_pass_it_on():
    """So no tool can make one that is not mined because nodes do not know of it."""
    paths = [path for path in CONTRACTS.rglob("[A-Z]*.vy") if path.parent.name != "testing"]
    found = {(path.stem, *call) for path in paths for call in longest_calls(path).items()}
    assert {"PredictionMarket", "Registry", "SelfAssessment", "SparsePerceptron"} <= {name for name, _, _ in found}
    longest = sorted(found, key=lambda call: -call[2])
    assert longest[0] == ("PredictionMarket", "check", 123_076)
    assert ("PredictionMarket", "settle", 94_308) in found
    assert longest[0][2] + AROUND <= MAX_TRANSACTION_SIZE
