"""What every model contract must do: `check_model`, for contracts of this project and of others."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from eth_utils import to_checksum_address

from comodels.artifacts import Artifact, artifact
from comodels.chain.local import Chain, local_chain
from comodels.models import KINDS
from comodels.models.training import default_values
from comodels.rows import pack_rows
from comodels.saved import pack_card
from comodels.testing.client import Client, Contract, named, refused, reverts

MAX_GAS = 16_777_216  # of one transaction, by the protocol
SIZE_LIMIT, INIT_LIMIT = 24_576, 49_152  # bytes of code, by the protocol


@dataclass(frozen=True)
class Case:
    """A kind of model as the suite tries it.

    Attributes
    ----------
    twin : callable
        Makes the twin of a small model from a random generator: two features or more, not all scores equal.
    largest : callable, optional
        Makes the twin of the model that costs most gas with its `largest_sample`; left out, that is not measured.
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

    @classmethod
    def of(cls, twin: Any, largest: Callable[[], Any] | None = None) -> Case:
        """The usual case of a kind by its twin's class: a small model that has learnt 30 random samples."""
        how = SPARSE if twin.SPARSE else DENSE
        classes = min(3, twin.MOST_CLASSES)

        def small(rng: np.random.Generator) -> Any:
            values = default_values(twin.PARAMETERS, 40, classes, None if twin.SPARSE else 100)
            made = twin.untrained(twin.PARAMETERS(**values), classes)
            for i in range(30):
                made.update(how["draw"](made, rng), i % classes)
            return twin.from_words(made.parameters, made.words())

        return cls(small, largest=largest, **how)


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


SPARSE: dict[str, Any] = {"draw": draw_sparse, "largest_sample": spread, "malformed": malformed_sparse}
DENSE: dict[str, Any] = {
    "draw": draw_dense,
    "largest_sample": largest_dense,
    "malformed": malformed_dense,
    "unlearnable": wrong_norms,
}


# ---- setting ---------------------------------------------------------------------------------------------------------


def seeded() -> np.random.Generator:
    return np.random.default_rng(2)


def card_of(twin: Any) -> bytes:
    """A card with names for the twin's classes."""
    return pack_card("a model", "a description", "a spec", [f"class {y}" for y in range(twin.class_count)])


def functions_of(contract: Artifact) -> set[str]:
    """The functions of a contract with the types of their arguments."""
    return {
        f"{item['name']}({','.join(i['type'] for i in item['inputs'])})"
        for item in contract.abi
        if item["type"] == "function"
    }


def shared_functions() -> set[str]:
    """The functions that all models of this project have: those of IModel."""
    return set.intersection(*(functions_of(artifact(kind)) for kind in KINDS))


SALTS = itertools.count(2**200)


@dataclass
class Setting:
    """A model on a chain and its twin, with who uses them.

    Attributes
    ----------
    artifact : Artifact
        The contract.
    implementation : Contract
        The contract as it is deployed, which creates models.
    rng : numpy.random.Generator
        Draws samples and labels.
    """

    case: Case
    client: Client
    artifact: Artifact
    implementation: Contract
    accounts: Sequence[str]
    rng: np.random.Generator = field(default_factory=seeded)

    def __post_init__(self) -> None:
        self.owner, self.trainer, self.stranger, self.other = map(to_checksum_address, self.accounts[:4])
        self.twin = self.case.twin(self.rng)
        self.model = self.create(self.twin)

    def create(self, twin: Any, words: Sequence[int] | None = None, sealed: bool = True) -> Contract:
        """Another model, from its twin."""
        words = twin.words() if words is None else words
        salt = next(SALTS).to_bytes(32, "big")
        arguments = self.owner, self.trainer, b"", twin.parameters.pack(), card_of(twin), words, sealed, salt
        receipt = self.implementation.send("create", *arguments, sender=self.owner)
        created = next(e for e in receipt.events if e.name == "Created")
        return self.client.at(self.artifact, created.arguments["model"])

    def draw(self) -> bytes:
        return self.case.draw(self.twin, self.rng)

    def label(self) -> int:
        return int(self.rng.integers(self.twin.class_count))

    def words(self) -> list[int]:
        return self.model.call("words", 0, self.model.call("word_count"))

    def update(self, x: bytes, y: int) -> int:
        """The effect of an update, which is sent too."""
        effect = self.model.call("update", x, y, sender=self.trainer)
        self.model.send("update", x, y, sender=self.trainer)
        return effect


# ---- who and what ----------------------------------------------------------------------------------------------------


def check_interface__every_function__there(setting: Setting) -> None:
    assert shared_functions() <= functions_of(setting.artifact)


def check_code__size__below_the_protocol_s_limits(setting: Setting) -> None:
    code = setting.client.chain.code(setting.implementation.address)

    assert 0 < len(code) <= SIZE_LIMIT
    assert len(setting.artifact.code) <= INIT_LIMIT


def check_identity__created__as_given(setting: Setting) -> None:
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
    assert (model.call("owner"), model.call("trainer")) == (setting.owner, setting.trainer)
    assert model.call("sealed")
    assert model.call("version") == 0
    assert setting.words() == twin.words()


def check_ownership__two_steps__moves(setting: Setting) -> None:
    with reverts("ownership: not the owner"):
        setting.model.send("offer_ownership", setting.other, sender=setting.other)
    setting.model.send("offer_ownership", setting.other, sender=setting.owner)
    setting.model.send("accept_ownership", sender=setting.other)

    assert setting.model.call("owner") == setting.other


# ---- use -------------------------------------------------------------------------------------------------------------


def check_predict__random_samples__first_of_the_largest_scores(setting: Setting) -> None:
    samples = [setting.draw() for _ in range(40)]

    scores = setting.model.call_many("scores", [(x,) for x in samples])
    predictions = setting.model.call_many("predict", [(x,) for x in samples])

    assert {len(s) for s in scores} == {setting.twin.class_count}
    assert predictions == [s.index(max(s)) for s in scores]
    assert [list(s) for s in scores] == [setting.twin.scores(x) for x in samples]
    assert len(set(predictions)) > 1  # or it proves little


def check_predict__equal_scores__the_lowest_class(setting: Setting) -> None:
    """A model with an empty state does not know better."""
    rng = seeded()
    twin = setting.case.twin(rng)
    fresh = type(twin).untrained(twin.parameters, twin.class_count)
    model = setting.create(fresh)
    x = setting.case.draw(twin, rng)

    assert len(set(model.call("scores", x))) == 1
    assert model.call("predict", x) == 0


def check_evaluate__rows__sum_of_the_wrong_predictions(setting: Setting) -> None:
    rows = [(setting.label(), setting.draw()) for _ in range(60)]

    predictions = setting.model.call_many("predict", [(x,) for _, x in rows])
    errors = sum(p != y for p, (y, _) in zip(predictions, rows, strict=True))

    assert 0 < errors < 60
    assert setting.model.call("evaluate", pack_rows(rows)) == errors
    assert setting.model.call("evaluate", b"") == 0


def check_evaluate__malformed_rows__reverts(setting: Setting) -> None:
    x = setting.draw()

    for rows in (b"\0", b"\0\0", pack_rows([(0, x)])[:-1], pack_rows([(0, x)]) + b"\0"):
        with reverts("sample: row is cut off"):
            setting.model.call("evaluate", rows)
    with reverts("model: no such class"):
        setting.model.call("evaluate", pack_rows([(0, x), (setting.twin.class_count, x)]))


def check_malformed_sample__everywhere__refused_and_nothing_stored(setting: Setting) -> None:
    before = setting.words()

    for x, message in setting.case.malformed(setting.twin):
        for function, arguments in (("predict", ()), ("scores", ()), ("predict_without", (0, 0))):
            with reverts(message):
                setting.model.call(function, x, *arguments)
        with reverts(message):
            setting.model.call("evaluate", pack_rows([(0, setting.draw()), (0, x)]))
        for function in ("update", "learn"):
            with reverts(message):
                setting.model.send(function, x, 0, sender=setting.trainer)
    for x, message in setting.case.unlearnable(setting.twin):
        for function in ("update", "learn"):
            with reverts(message):
                setting.model.send(function, x, 0, sender=setting.trainer)
    with refused():
        setting.model.call("predict", bytes(2_049))

    assert setting.words() == before
    assert setting.model.call("version") == 0


# ---- learn -----------------------------------------------------------------------------------------------------------


def check_update__by_anyone_but_the_trainer__reverts(setting: Setting) -> None:
    for sender in (setting.owner, setting.stranger):
        with reverts("model: not the trainer"):
            setting.model.send("update", setting.draw(), 0, sender=sender)


def check_update__no_such_class__reverts(setting: Setting) -> None:
    for y in (setting.twin.class_count, 255, 256, 2**255, 2**256 - 1):
        with reverts("model: no such class"):
            setting.model.send("update", setting.draw(), y, sender=setting.trainer)


def check_update__stream__version_grows_with_the_effects_and_only_then_the_state(setting: Setting) -> None:
    effects = []
    for _ in range(25):
        before = setting.words()
        effects.append(setting.update(setting.draw(), setting.label()))
        assert (setting.words() != before) == (effects[-1] > 0)
        assert setting.model.call("version") == sum(e > 0 for e in effects)

    assert all(0 <= e < 2**16 for e in effects)
    assert max(effects) > 0


def check_predict_without__right_after_the_update__the_answer_before(setting: Setting) -> None:
    changed = against = 0
    for _ in range(25):
        x, y = setting.draw(), setting.label()
        before = setting.model.call("predict", x)
        effect = setting.update(x, y)
        changed += setting.model.call("predict", x) != before
        without = setting.model.call("predict_without", x, y, effect)
        assert setting.twin.update(x, y) == effect
        assert without == setting.twin.predict_without(x, y, effect)
        against += without != before
        assert without == before or not getattr(setting.twin, "EXACT", True) and without != y

    assert changed > 0  # or it proves little
    assert against < 3  # where scores are nearly equal, and never for its own sample


def check_learn__stream__the_effect_and_state_of_update_and_the_answer_before(setting: Setting) -> None:
    twin, wrong = setting.twin, 0
    for _ in range(25):
        x, y = setting.draw(), setting.label()
        before = setting.model.call("predict", x)
        assert setting.model.call("learn", x, y, sender=setting.trainer) == (
            setting.model.call("update", x, y, sender=setting.trainer),
            before,
        )
        setting.model.send("learn", x, y, sender=setting.trainer)
        wrong += before != y
        assert twin.copy().learn(x, y) == (twin.update(x, y), before)
        assert setting.words() == twin.words()
        assert setting.model.call("version") == twin.version

    assert 0 < wrong < 25  # or it proves little
    for function in ("update", "learn"):
        with reverts("model: not the trainer"):
            setting.model.send(function, setting.draw(), 0, sender=setting.stranger)
        with reverts("model: no such class"):
            setting.model.send(function, setting.draw(), twin.class_count, sender=setting.trainer)


def check_update__not_sealed__reverts(setting: Setting) -> None:
    rng = seeded()
    twin = setting.case.twin(rng)
    model = setting.create(twin, sealed=False)
    x = setting.case.draw(twin, rng)

    for function in ("update", "learn"):
        with reverts("model: not sealed"):
            model.send(function, x, 0, sender=setting.trainer)
    model.send("seal", sender=setting.owner)
    model.send("update", x, 0, sender=setting.trainer)


# ---- state -----------------------------------------------------------------------------------------------------------


def check_load__word_by_word__the_same_model(setting: Setting) -> None:
    rng = seeded()
    twin = setting.case.twin(rng)
    model = setting.create(twin, [], sealed=False)
    words = twin.words()
    for start in [0, *reversed(range(len(words)))]:
        model.send("load", start, words[start : start + 1], sender=setting.owner)
    with reverts("model: more words than the model has"):
        model.send("load", 2**23, [0], sender=setting.owner)
    with reverts("ownership: not the owner"):
        model.send("load", 0, words, sender=setting.stranger)
    with reverts("ownership: not the owner"):
        model.send("seal", sender=setting.stranger)
    model.send("seal", sender=setting.owner)

    assert model.call("words", 0, len(words)) == words
    x = setting.case.draw(twin, rng)
    assert model.call("scores", x) == twin.scores(x)


def check_load__after_sealing__reverts(setting: Setting) -> None:
    before = setting.words()

    with reverts("model: sealed"):
        setting.model.send("load", 0, before, sender=setting.owner)
    with reverts("model: sealed"):
        setting.model.send("seal", sender=setting.owner)


def check_create_replica__with_the_same_words__answers_and_learns_as_the_original(setting: Setting) -> None:
    for _ in range(5):
        setting.update(setting.draw(), setting.label())
    receipt = setting.model.send("create_replica", bytes(32), sender=setting.other)
    address = receipt.events[-1].arguments["model"]
    replica = setting.client.at(setting.artifact, address)
    replica.send("load", 0, setting.words(), sender=setting.other)
    replica.send("seal", sender=setting.other)
    assert (replica.call("owner"), replica.call("trainer")) == (setting.other, setting.other)
    assert replica.call("parameters") == setting.model.call("parameters")

    x, y = setting.draw(), setting.label()
    assert replica.call("update", x, y, sender=setting.other) == setting.update(x, y)
    replica.send("update", x, y, sender=setting.other)

    words = replica.call("words", 0, replica.call("word_count"))
    assert words == setting.words()
    samples = [(setting.draw(),) for _ in range(10)]
    assert replica.call_many("scores", samples) == setting.model.call_many("scores", samples)


# ---- gas -------------------------------------------------------------------------------------------------------------


def check_gas__largest_model_and_sample__every_use_fits_a_transaction(setting: Setting) -> None:
    """What can be added can be claimed: the claims call `predict` or `predict_without`, with the same sample."""
    assert setting.case.largest is not None
    twin = setting.case.largest()
    words = twin.words()
    model = setting.create(twin, words[:640], sealed=False)
    for start in range(640, len(words), 640):
        assert model.send("load", start, words[start : start + 640], sender=setting.owner).gas < MAX_GAS
    model.send("seal", sender=setting.owner)
    x, y = setting.case.largest_sample(twin), twin.class_count - 1

    gas = {
        "predict": model.send("predict", x, sender=setting.stranger).gas,
        "learn": model.send("learn", x, y, sender=setting.trainer).gas,  # `update`, and more
        "predict_without": model.send("predict_without", x, y, 1, sender=setting.stranger).gas,
    }

    assert model.call("version") == 1
    # a claim adds its own 150,000 and the sample's calldata to that, at most
    assert max(gas.values()) < MAX_GAS - 300_000, gas


CHECKS: dict[str, Callable[[Setting], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
"""All of them by name."""


def check_model(contract: Artifact, twin: Any, case: Case | None = None, chain: Chain | None = None) -> list[str]:
    """Try everything that a model contract must do; returns the names of the checks that it passed.

    Parameters
    ----------
    contract : Artifact
        The compiled implementation; its constructor takes nothing. See `comodels.artifacts.compile_contract`.
    twin : type
        The class of its twin, with the attributes that `comodels.models` lists.
    case : Case, optional
        The model and the samples to try it with; by default `Case.of(twin)`.
    chain : Chain, optional
        A local anvil, which is left with the contracts; by default one that is started and stopped.

    Raises
    ------
    AssertionError
        With the name of the first check that fails.
    """
    if chain is None:
        with local_chain() as started:
            return check_model(contract, twin, case, started)
    client = Client(chain)
    implementation = client.deploy(contract, chain.accounts[0])
    case = case or Case.of(twin)
    passed = [name for name in CHECKS if case.largest or not name.startswith("gas")]
    for name in passed:
        with named(name):
            CHECKS[name](Setting(case, client, contract, implementation, chain.accounts))
    return passed
