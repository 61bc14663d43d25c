"""What every model contract must do. A new model is one line in `KINDS`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation.dense_perceptron import DensePerceptron, DensePerceptronParameters
from simulation.multiclass_dense_perceptron import MulticlassDensePerceptron, MulticlassDensePerceptronParameters
from simulation.multiclass_perceptron import MulticlassSparsePerceptron, MulticlassSparsePerceptronParameters
from simulation.naive_bayes import NaiveBayes, NaiveBayesParameters
from simulation.nearest_centroid import NearestCentroid, NearestCentroidParameters
from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.rows import pack_rows
from simulation.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
from tests.client import Contract, reverts
from tests.conftest import pack_card

MAX_GAS = 16_777_216  # of one transaction, by the protocol
SIZE_LIMIT, INIT_LIMIT = 24_576, 49_152  # bytes of code, by the protocol


@dataclass(frozen=True)
class Kind:
    """A model contract in this suite.

    Attributes
    ----------
    twin : callable
        Makes the twin of a small model from a random generator: two features or more, not all scores equal.
    largest : callable, optional
        Makes the twin of the model that costs most gas with its `largest_sample`. Left out where
        `tests/gas/test_limits.py` measures it, on tables that take too long to load here.
    draw : callable
        Draws a good sample for a twin.
    malformed : callable
        Bad samples for a twin, with the messages they are refused with.
    unlearnable : callable
        Samples that a model answers, but refuses to learn from, with the messages.
    """

    twin: Callable[[np.random.Generator], Any]
    draw: Callable[[Any, np.random.Generator], bytes]
    largest_sample: Callable[[Any], bytes]
    malformed: Callable[[Any], list[tuple[bytes, str]]]
    unlearnable: Callable[[Any], list[tuple[bytes, str]]] = lambda twin: []
    largest: Callable[[], Any] | None = None


# ---- samples ---------------------------------------------------------------------------------------------------------


def sparse(*indices) -> bytes:
    return np.array(indices, ">u2").tobytes()


def draw_sparse(twin, rng) -> bytes:
    n = twin.parameters.n_features
    return sparse(*np.sort(rng.choice(n, int(rng.integers(1, min(n, 20))), replace=False)))


def malformed_sparse(twin) -> list[tuple[bytes, str]]:
    n = twin.parameters.n_features
    return [
        (b"", "sample: empty"),
        (b"\0", "sample: odd length"),
        (sparse(0) + b"\1", "sample: odd length"),
        (sparse(0, 0), "sample: indices must increase"),
        (sparse(1, 0), "sample: indices must increase"),
        (sparse(n), "sample: index out of range"),
        (sparse(0, 65_535), "sample: index out of range"),
    ]


def spread(twin) -> bytes:
    """As many features as a sample may have, as far from each other as they can be."""
    n = twin.parameters.n_features
    return sparse(*np.linspace(0, n - 1, min(n, getattr(twin.parameters, "longest", 1_024))).astype(int))


def draw_dense(twin, rng) -> bytes:
    n, unit = twin.parameters.n_features, twin.parameters.unit
    while True:
        v = rng.normal(size=n)
        x = np.clip(np.rint(v / np.linalg.norm(v) * unit), -128, 127).astype(np.int8)
        if 9_604 * unit**2 <= 10_000 * int(x.astype(int) @ x.astype(int)) <= 10_404 * unit**2:
            return x.tobytes()


def malformed_dense(twin) -> list[tuple[bytes, str]]:
    good = draw_dense(twin, np.random.default_rng(0))
    return [
        (b"", "sample: wrong dimension"),
        (good[:-1], "sample: wrong dimension"),
        (good + b"\0", "sample: wrong dimension"),
    ]


def wrong_norms(twin) -> list[tuple[bytes, str]]:
    n = twin.parameters.n_features
    return [
        (bytes(n), "sample: norm out of bounds"),
        (b"\x7f" * n, "sample: norm out of bounds"),
        (b"\x80" * n, "sample: norm out of bounds"),
    ]


def largest_dense(twin) -> bytes:
    return draw_dense(twin, np.random.default_rng(1))


# ---- models ----------------------------------------------------------------------------------------------------------


def random_table(twin, parameters, classes, rng):
    samples = [int(s) for s in rng.integers(1, 50, classes)]
    return twin(parameters, [rng.integers(0, s + 1, parameters.n_features) for s in samples], samples)


SPARSE = {"draw": draw_sparse, "largest_sample": spread, "malformed": malformed_sparse}
DENSE = {"draw": draw_dense, "largest_sample": largest_dense, "malformed": malformed_dense, "unlearnable": wrong_norms}

KINDS = {
    "SparsePerceptron": Kind(
        lambda rng: SparsePerceptron(SparsePerceptronParameters(40, 3, 2, 9), rng.integers(-9, 9, 40), 2),
        largest=lambda: SparsePerceptron(SparsePerceptronParameters(16 * 1_024 - 4)),  # a word that was 0 is dearest
        **SPARSE,
    ),
    "DensePerceptron": Kind(
        lambda rng: DensePerceptron(DensePerceptronParameters(30, 100, 2, 50, 500), rng.integers(-99, 99, 30), 7),
        largest=lambda: DensePerceptron(DensePerceptronParameters(2_048, 2_000, margin=2**32 - 1), [1] * 2_048),
        **DENSE,
    ),
    "NearestCentroid": Kind(
        lambda rng: NearestCentroid(NearestCentroidParameters(20, 100, 4), rng.integers(-200, 200, (3, 20)), [5, 6, 7]),
        largest=lambda: NearestCentroid(NearestCentroidParameters(2_048, 2_000, 2), np.ones((2, 2_048), int), [1, 1]),
        **DENSE,
    ),
    "SparseNearestCentroid": Kind(
        lambda rng: random_table(SparseNearestCentroid, SparseNearestCentroidParameters(40, 5), 3, rng),
        **SPARSE,
    ),
    "MulticlassSparsePerceptron": Kind(
        lambda rng: MulticlassSparsePerceptron(
            MulticlassSparsePerceptronParameters(40, 5, 3, 2, 9), rng.integers(-9, 9, (3, 41))
        ),
        **SPARSE,
    ),
    "MulticlassDensePerceptron": Kind(
        lambda rng: MulticlassDensePerceptron(
            MulticlassDensePerceptronParameters(20, 100, 4, 2, 50, 500), rng.integers(-99, 99, (3, 20)), [1, 2, 3]
        ),
        **DENSE,
    ),
    "NaiveBayes": Kind(
        lambda rng: random_table(NaiveBayes, NaiveBayesParameters(40, 5), 3, rng),
        **SPARSE,
    ),
}


def RNG():  # noqa: N802
    return np.random.default_rng(2)


@dataclass
class Setting:
    kind: Kind
    twin: Any
    model: Contract
    rng: np.random.Generator

    def draw(self) -> bytes:
        return self.kind.draw(self.twin, self.rng)

    def label(self) -> int:
        return int(self.rng.integers(self.twin.class_count))

    def words(self) -> list[int]:
        return self.model.call("words", 0, self.model.call("word_count"))

    def update(self, sender, x, y) -> int:
        """The effect of an update, which is sent too."""
        effect = self.model.call("update", x, y, sender=sender)
        self.model.send("update", x, y, sender=sender)
        return effect


def card_of(twin) -> bytes:
    return pack_card(classes=[f"class {y}" for y in range(twin.class_count)])


@pytest.fixture(params=KINDS)
def kind(request) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def setting(kind, new_model, trainer):
    rng = RNG()
    twin = kind.twin(rng)
    return Setting(kind, twin, new_model(twin, trainer, card=card_of(twin)), rng)


# ---- who and what ----------------------------------------------------------------------------------------------------


def test_interface__every_function__there(setting, project):
    source = Path(project.path, "contracts", "interfaces", "IModel.vyi").read_text()
    functions = set(re.findall(r"^def (\w+)\(", source, re.MULTILINE))

    there = {i.name for i in getattr(project, setting.twin.KIND).contract_type.abi if i.type == "function"}

    assert "predict_without" in functions
    assert functions <= there


def test_code__size__below_the_protocol_s_limits(setting, project):
    contract_type = getattr(project, setting.twin.KIND).contract_type

    assert len(contract_type.runtime_bytecode.to_bytes()) <= SIZE_LIMIT
    assert len(contract_type.deployment_bytecode.to_bytes()) <= INIT_LIMIT


def test_identity__created__as_given(setting, owner, trainer):
    model, twin = setting.model, setting.twin

    assert model.call("kind") == twin.KIND
    assert (model.call("name"), model.call("description"), model.call("encoder_spec")) == (
        "a model",
        "a description",
        "a spec",
    )
    count = model.call("class_count")
    assert [model.call("class_name", y) for y in range(count)] == [f"class {y}" for y in range(twin.class_count)]
    with reverts("model: no such class"):
        model.call("class_name", count)
    assert type(twin.parameters).unpack(model.call("parameters")) == twin.parameters
    assert (model.call("owner"), model.call("trainer")) == (owner.address, trainer.address)
    assert model.call("sealed")
    assert model.call("version") == 0
    assert setting.words() == twin.words()


def test_ownership__two_steps__moves(setting, owner, provider):
    with reverts("ownership: not the owner"):
        setting.model.send("offer_ownership", provider, sender=provider)
    setting.model.send("offer_ownership", provider, sender=owner)
    setting.model.send("accept_ownership", sender=provider)

    assert setting.model.call("owner") == provider.address


# ---- use -------------------------------------------------------------------------------------------------------------


def test_predict__random_samples__first_of_the_largest_scores(setting):
    samples = [setting.draw() for _ in range(40)]

    scores = setting.model.call_many("scores", [(x,) for x in samples])
    predictions = setting.model.call_many("predict", [(x,) for x in samples])

    assert {len(s) for s in scores} == {setting.twin.class_count}
    assert predictions == [s.index(max(s)) for s in scores]
    assert [list(s) for s in scores] == [setting.twin.scores(x) for x in samples]
    assert len(set(predictions)) > 1  # or it proves little


def test_predict__equal_scores__the_lowest_class(kind, new_model, trainer):
    """A model with an empty state does not know better."""
    rng = RNG()
    twin = kind.twin(rng)
    fresh = type(twin)(twin.parameters)
    model = new_model(fresh, trainer, card=card_of(fresh))
    x = kind.draw(twin, rng)

    assert len(set(model.call("scores", x))) == 1
    assert model.call("predict", x) == 0


def test_evaluate__rows__sum_of_the_wrong_predictions(setting):
    rows = [(setting.label(), setting.draw()) for _ in range(60)]

    predictions = setting.model.call_many("predict", [(x,) for _, x in rows])
    errors = sum(p != y for p, (y, _) in zip(predictions, rows, strict=True))

    assert 0 < errors < 60
    assert setting.model.call("evaluate", pack_rows(rows)) == errors
    assert setting.model.call("evaluate", b"") == 0


def test_evaluate__malformed_rows__reverts(setting):
    x = setting.draw()

    for rows in (b"\0", b"\0\0", pack_rows([(0, x)])[:-1], pack_rows([(0, x)]) + b"\0"):
        with reverts("sample: row is cut off"):
            setting.model.call("evaluate", rows)
    with reverts("model: no such class"):
        setting.model.call("evaluate", pack_rows([(0, x), (setting.twin.class_count, x)]))


def test_malformed_sample__everywhere__refused_and_nothing_stored(setting, trainer):
    before = setting.words()

    for x, message in setting.kind.malformed(setting.twin):
        for function, arguments in (("predict", ()), ("scores", ()), ("predict_without", (0, 0))):
            with reverts(message):
                setting.model.call(function, x, *arguments)
        with reverts(message):
            setting.model.call("evaluate", pack_rows([(0, setting.draw()), (0, x)]))
        with reverts(message):
            setting.model.send("update", x, 0, sender=trainer)
    for x, message in setting.kind.unlearnable(setting.twin):
        with reverts(message):
            setting.model.send("update", x, 0, sender=trainer)
    with reverts():
        setting.model.call("predict", bytes(2_049))

    assert setting.words() == before
    assert setting.model.call("version") == 0


# ---- learn -----------------------------------------------------------------------------------------------------------


def test_update__by_anyone_but_the_trainer__reverts(setting, owner, stranger):
    for sender in (owner, stranger):
        with reverts("model: not the trainer"):
            setting.model.send("update", setting.draw(), 0, sender=sender)


def test_update__no_such_class__reverts(setting, trainer):
    for y in (setting.twin.class_count, 255, 256, 2**255, 2**256 - 1):
        with reverts("model: no such class"):
            setting.model.send("update", setting.draw(), y, sender=trainer)


def test_update__stream__version_grows_with_the_effects_and_only_then_the_state(setting, trainer):
    effects = []
    for _ in range(25):
        before = setting.words()
        effects.append(setting.update(trainer, setting.draw(), setting.label()))
        assert (setting.words() != before) == (effects[-1] > 0)
        assert setting.model.call("version") == sum(e > 0 for e in effects)

    assert all(0 <= e < 256 for e in effects)
    assert max(effects) > 0


def test_predict_without__right_after_the_update__the_answer_before(setting, trainer):
    changed = 0
    for _ in range(25):
        x, y = setting.draw(), setting.label()
        before = setting.model.call("predict", x)
        effect = setting.update(trainer, x, y)
        changed += setting.model.call("predict", x) != before
        assert setting.model.call("predict_without", x, y, effect) == before

    assert changed > 0  # or it proves little


def test_update__not_sealed__reverts(kind, new_model, trainer, owner):
    rng = RNG()
    twin = kind.twin(rng)
    model = new_model(twin, trainer, card=card_of(twin), sealed=False)
    x = kind.draw(twin, rng)

    with reverts("model: not sealed"):
        model.send("update", x, 0, sender=trainer)
    model.send("seal", sender=owner)
    model.send("update", x, 0, sender=trainer)


# ---- state -----------------------------------------------------------------------------------------------------------


def test_load__word_by_word__the_same_model(kind, new_model, trainer, owner, stranger):
    rng = RNG()
    twin = kind.twin(rng)
    model = new_model(twin, trainer, card=card_of(twin), words=[], sealed=False)
    words = twin.words()
    for start in reversed(range(len(words))):
        model.send("load", start, words[start : start + 1], sender=owner)
    with reverts("model: more words than the model has"):
        model.send("load", 2**23, [0], sender=owner)
    with reverts("ownership: not the owner"):
        model.send("load", 0, words, sender=stranger)
    with reverts("ownership: not the owner"):
        model.send("seal", sender=stranger)
    model.send("seal", sender=owner)

    assert model.call("words", 0, len(words)) == words
    x = kind.draw(twin, rng)
    assert model.call("scores", x) == twin.scores(x)


def test_load__after_sealing__reverts(setting, owner):
    before = setting.words()

    with reverts("model: sealed"):
        setting.model.send("load", 0, before, sender=owner)
    with reverts("model: sealed"):
        setting.model.send("seal", sender=owner)


def test_create_replica__with_the_same_words__answers_and_learns_as_the_original(
    setting, trainer, keeper, client, project
):
    for _ in range(5):
        setting.update(trainer, setting.draw(), setting.label())
    receipt = setting.model.send("create_replica", bytes(32), sender=keeper)
    address = receipt.events[-1].arguments["model"]
    replica = client.at(getattr(project, setting.twin.KIND), address)
    replica.send("load", 0, setting.words(), sender=keeper)
    replica.send("seal", sender=keeper)
    assert (replica.call("owner"), replica.call("trainer")) == (keeper.address, keeper.address)
    assert replica.call("parameters") == setting.model.call("parameters")

    x, y = setting.draw(), setting.label()
    assert replica.call("update", x, y, sender=keeper) == setting.update(trainer, x, y)
    replica.send("update", x, y, sender=keeper)

    words = replica.call("words", 0, replica.call("word_count"))
    assert words == setting.words()
    samples = [(setting.draw(),) for _ in range(10)]
    assert replica.call_many("scores", samples) == setting.model.call_many("scores", samples)


# ---- gas -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind.largest])
def test_gas__largest_model_and_sample__every_use_fits_a_transaction(name, new_model, trainer, owner, stranger):
    """What can be added can be claimed: the claims call `predict` or `predict_without`, with the same sample."""
    kind = KINDS[name]
    twin = kind.largest()
    words = twin.words()
    model = new_model(twin, trainer, card=card_of(twin), words=words[:640], sealed=False)
    for start in range(640, len(words), 640):
        assert model.send("load", start, words[start : start + 640], sender=owner).gas < MAX_GAS
    model.send("seal", sender=owner)
    x, y = kind.largest_sample(twin), twin.class_count - 1

    gas = {
        "predict": model.send("predict", x, sender=stranger).gas,
        "update": model.send("update", x, y, sender=trainer).gas,
        "predict_without": model.send("predict_without", x, y, 1, sender=stranger).gas,
    }

    assert model.call("version") == 1
    # a claim adds its own 150,000 and the sample's calldata to that, at most
    assert max(gas.values()) < MAX_GAS - 300_000, gas
