"""Attacks with classes that are added: "a class that always wins", hidden state, and a class in the middle of a market.

The attacker owns the model, has an accomplice who trains it, and publishes whatever state the contracts take.
"""

import numpy as np
import pytest

from comodels.models.classes import NEVER
from comodels.models.multiclass_dense_perceptron import MulticlassDensePerceptron, MulticlassDensePerceptronParameters
from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.models.nearest_centroid import NearestCentroid, NearestCentroidParameters
from comodels.models.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
from comodels.revert import Revert
from comodels.rows import pack_rows
from tests.client import Reverted, reverts
from tests.conftest import pack_card

N = 40  # features
UNIT = 100
PROBES = 150


def sparse(rng) -> bytes:
    return np.sort(rng.choice(N, int(rng.integers(1, 20)), replace=False)).astype(">u2").tobytes()


def dense(rng) -> bytes:
    while True:
        v = rng.normal(size=N)
        x = np.rint(v / np.linalg.norm(v) * UNIT).astype(np.int8)
        if 9_604 * UNIT**2 <= 10_000 * int(x.astype(int) @ x.astype(int)) <= 10_404 * UNIT**2:
            return x.tobytes()


def table(twin, rng, room):
    """Two classes, of which one is large: words that are rare in it are likelier in one with a single sample."""
    parameters = NaiveBayesParameters if twin is NaiveBayes else SparseNearestCentroidParameters
    samples = [2_000, 300]
    return twin(parameters(N, room), [rng.integers(0, s + 1, N) for s in samples], samples)


# what the attacker publishes: name, how to make it from a random generator, how to draw samples
STATES = {
    "sparse, all scores negative": (
        lambda rng: MulticlassSparsePerceptron(
            MulticlassSparsePerceptronParameters(N, 5, 7, 900, 20), rng.integers(-9_000, -5_000, (3, N + 1))
        ),
        sparse,
    ),
    "sparse, as trained": (
        lambda rng: MulticlassSparsePerceptron(
            MulticlassSparsePerceptronParameters(N, 20, 1, 1, 20), rng.integers(-40, 40, (3, N + 1))
        ),
        sparse,
    ),
    "sparse, one class": (
        lambda rng: MulticlassSparsePerceptron(MulticlassSparsePerceptronParameters(N, 3, 2, 3), classes=1),
        sparse,
    ),
    "dense, all scores negative": (
        lambda rng: MulticlassDensePerceptron(
            MulticlassDensePerceptronParameters(N, UNIT, 5, 2, 200, 500),
            rng.integers(-99, 99, (3, N)),
            [-20_000, -30_000, -25_000],
        ),
        dense,
    ),
    "dense, as trained": (
        lambda rng: MulticlassDensePerceptron(
            MulticlassDensePerceptronParameters(N, UNIT, 5, 2, 200, 500), rng.integers(-99, 99, (3, N)), [1, 2, 3]
        ),
        dense,
    ),
    "nearest centroid": (
        lambda rng: NearestCentroid(
            NearestCentroidParameters(N, UNIT, 5), rng.integers(-900, 900, (3, N)), [50, 60, 9]
        ),
        dense,
    ),
    "sparse nearest centroid": (lambda rng: table(SparseNearestCentroid, rng, 4), sparse),
    "sparse nearest centroid, wide": (lambda rng: table(SparseNearestCentroid, rng, 9), sparse),
    "naive Bayes": (lambda rng: table(NaiveBayes, rng, 4), sparse),
    "naive Bayes, wide": (lambda rng: table(NaiveBayes, rng, 9), sparse),
}
PERCEPTRONS = [name for name, (make, _) in STATES.items() if hasattr(make(np.random.default_rng(0)).parameters, "rate")]


class Attack:
    """A published model with its twin, and samples to look for answers that change."""

    def __init__(self, name, new_model, trainer, owner):
        make, self.draw = STATES[name]
        self.rng = np.random.default_rng(5)
        self.twin = make(self.rng)
        self.trainer, self.owner = trainer, owner
        names = [f"class {y}" for y in range(self.twin.class_count)]
        self.model = new_model(self.twin, trainer, card=pack_card(classes=names))
        self.probes = [self.draw(self.rng) for _ in range(PROBES)]

    def answers(self, probes=None) -> list[int]:
        """The answers of the contract, which are the twin's."""
        probes = self.probes if probes is None else probes
        answers = self.model.call_many("predict", [(x,) for x in probes])
        assert answers == [self.twin.predict(x) for x in probes]
        assert self.model.call_many("scores", [(x,) for x in probes]) == [tuple(self.twin.scores(x)) for x in probes]
        return answers

    def add_class(self, name="new") -> int:
        self.model.send("add_class", name, sender=self.owner)
        assert self.twin.add_class() == self.model.call("class_count") - 1
        return self.twin.class_count - 1

    def learn(self, x, y) -> tuple[int, int]:
        learnt = self.model.call("learn", x, y, sender=self.trainer)
        self.model.send("learn", x, y, sender=self.trainer)
        assert learnt == self.twin.learn(x, y)
        return learnt


@pytest.fixture(params=STATES)
def attack(request, new_model, trainer, owner):
    return Attack(request.param, new_model, trainer, owner)


# ---- a class that always wins ----------------------------------------------------------------------------------------


def test_class_that_always_wins__added__changes_no_answer_and_stops_no_update(attack):
    contributions = []
    for _ in range(10):
        x, y = attack.draw(attack.rng), int(attack.rng.integers(attack.twin.class_count))
        try:
            contributions.append((x, y, attack.learn(x, y)[0]))
        except (Reverted, Revert):
            continue
    before = attack.answers()
    rows = pack_rows([(int(attack.rng.integers(attack.twin.class_count)), x) for x in attack.probes])
    errors = attack.model.call("evaluate", rows)
    claims = attack.model.call_many("predict_without", contributions)

    for name in ("new", "newer"):
        y = attack.add_class(name)
        assert attack.answers() == before
        assert {s[y] for s in attack.model.call_many("scores", [(x,) for x in attack.probes])} == {NEVER}

    assert attack.model.call("evaluate", rows) == errors == attack.twin.evaluate(rows)
    # whatever could be claimed before can be claimed after
    assert attack.model.call_many("predict_without", contributions) == claims
    founders = attack.twin.class_count - 2
    for _ in range(20):
        x, y = attack.draw(attack.rng), int(attack.rng.integers(founders))
        effect, _ = attack.learn(x, y)
        assert effect <= founders  # no class that was added is a rival


def test_class_that_always_wins__first_sample__wins_nothing_that_is_unlike_it(attack):
    """Whatever that sample is: the shortest, the longest, the one that the others are surest of."""
    y = attack.add_class()
    before = attack.answers()
    changed = 0
    samples = sorted((attack.draw(attack.rng) for _ in range(30)), key=len)
    for first in (samples[0], samples[15], samples[-1], max(samples, key=lambda x: max(attack.twin.scores(x)))):
        alone = attack.twin.copy()
        effect, answer = alone.learn(first, y)
        assert effect > 0
        assert answer == attack.twin.predict(first) != y
        assert alone.predict_without(first, y, effect) == answer
        for x, old in zip(attack.probes, before, strict=True):
            if alone.predict(x) == y and old != y:
                changed += 1
                assert alike(attack.twin, first, x), (first, x)
    attack.learn(samples[15], y)
    attack.answers()
    if hasattr(attack.twin.parameters, "rate"):
        assert changed == 0  # a perceptron gives it nothing at all


def alike(twin, first: bytes, x: bytes) -> bool:
    """Whether two samples have a feature in common, or point into the same half of space or away from every mean."""
    if hasattr(twin.parameters, "unit"):
        a, b = (np.frombuffer(s, np.int8).astype(int) for s in (first, x))
        nearest = min(float(((b - s / n) ** 2).sum()) for s, n in zip(twin.sums, twin.counts, strict=True) if n)
        return float(((b - a) ** 2).sum()) <= nearest
    return bool(set(np.frombuffer(first, ">u2")) & set(np.frombuffer(x, ">u2")))


@pytest.mark.parametrize("name", ["sparse nearest centroid", "naive Bayes", "naive Bayes, wide"])
def test_class_that_always_wins__one_rare_word__wins_no_sample_without_it(name, new_model, trainer, owner):
    """The class whose only sample is one word was near, or likely, to all that the others hardly know."""
    attack = Attack(name, new_model, trainer, owner)
    y = attack.add_class()
    word = N - 1
    others = [np.array([i], ">u2").tobytes() for i in range(word)] + [
        np.array([i, j], ">u2").tobytes() for i in range(8) for j in range(i + 1, word)
    ]
    before = attack.answers(others)

    attack.learn(np.array([word], ">u2").tobytes(), y)

    assert attack.answers(others) == before


def test_class_that_always_wins__every_sample_by_hand__the_class_is_learnt_in_the_end(attack):
    """The start keeps nobody from teaching the class: a few dozen like samples, and it knows them."""
    y = attack.add_class()
    x = attack.draw(attack.rng)
    for _ in range(3_000):
        if attack.twin.predict(x) == y:
            break
        attack.twin.learn(x, y)
    assert attack.twin.predict(x) == y


# ---- what is hidden before sealing -----------------------------------------------------------------------------------


def test_hidden_state__words_of_a_class_that_is_not_there__are_refused(attack, new_model, trainer, owner):
    """Any bit that belongs to a later class, in every word, by `create` and by `load`."""
    later = attack.twin.copy()
    later.add_class()
    twin, names = attack.twin, [f"class {y}" for y in range(attack.twin.class_count)]
    words = twin.words()
    model = new_model(twin, trainer, card=pack_card(classes=names), words=words[:1], sealed=False)
    tried = 0
    for position, bits in enumerate(bits_of_the_next_class(twin)):
        for bit in (bits & -bits, 1 << bits.bit_length() - 1, bits) if bits else ():
            word = bit if position >= len(words) else words[position] | bit
            for start, loaded in ((position, [word]), (0, [*words[:position], *[0] * (position - len(words)), word])):
                with pytest.raises(Reverted) as refused:
                    model.send("load", start, loaded, sender=owner)
                assert str(refused.value) in (
                    "model: word of a missing class",
                    "model: more words than the model has",
                )
            tried += 1
    assert tried > 3
    # nor does it help to say first that it is there, and then that it is not
    if twin.class_count < twin.parameters.room:
        model.send("load", 0, [words[0] + (1 << 192)], sender=owner)
        with reverts("model: word 0 lacks classes"):
            model.send("load", 0, [words[0]], sender=owner)
    empty = new_model(twin, trainer, card=pack_card(classes=names), words=[], sealed=False)
    with reverts("model: word 0 lacks classes"):
        empty.send("load", 1, [0], sender=owner)


def bits_of_the_next_class(twin) -> list[int]:
    """Of each word, the bits in which the state of a class with everything at -1 differs from that of an empty one."""
    full, empty = twin.copy(), twin.copy()
    for model in (full, empty):
        model.add_class()
    n = twin.parameters.n_features
    if isinstance(twin, MulticlassSparsePerceptron):
        full.rows[-1], empty.rows[-1] = [-1] * (n + 1), [0] * (n + 1)
    elif isinstance(twin, MulticlassDensePerceptron):
        full.weights[-1], full.biases[-1], empty.biases[-1] = -1, -1, 0
    elif isinstance(twin, NearestCentroid):
        full.sums[-1], full.counts[-1], full.squares[-1] = -1, 2**32 - 1, 2**64 - 1
    else:
        full.counts[-1], full.samples[-1], full.figures[-1] = [2**32 - 1] * n, 2**32 - 1, 2**64 - 1
    return [a ^ b for a, b in zip(full.words(), empty.words(), strict=True)]


def test_hidden_state__after_sealing__nobody_gives_a_class_anything(attack, owner):
    functions = {name for name in attack.model._functions if "class" in name or "load" in name}
    assert functions == {"add_class", "class_count", "class_name", "load"}
    attack.add_class()
    with reverts("model: sealed"):
        attack.model.send("load", 0, [1], sender=owner)


# ---- in the middle of a market ---------------------------------------------------------------------------------------

ANSWERS_1 = "0x6001" + "5f5260205ff3"  # returns the word 1
ANSWERS_0 = "0x5f" + "5f5260205ff3"
REVERTS, BURNS_ALL, HALF_A_WORD, NOTHING = "0x5f5ffd", "0x5b5f56", "0x60105ff3", "0x00"
# reads 40 fresh slots, some 85,000 gas, before it says that it is busy
SLOW = "0x" + "".join(f"60{slot:02x}5450" for slot in range(40)) + "60015f5260205ff3"


@pytest.fixture
def with_trainer(new_model, rpc):
    """A model whose trainer has this code."""

    def make(code):
        make_twin, _ = STATES["naive Bayes"]
        twin = make_twin(np.random.default_rng(1))
        trainer = "0x" + "7a" * 20
        rpc.rpc("anvil_setCode", trainer, code)
        return new_model(twin, trainer)

    return make


@pytest.mark.parametrize("code", [ANSWERS_1, SLOW])
def test_busy_trainer__class_is_refused_with_any_gas(with_trainer, owner, code):
    """Too little gas for the trainer's answer must not pass for "not busy"."""
    model = with_trainer(code)
    with reverts("classes: the trainer is busy"):
        model.send("add_class", "new", sender=owner)
    for gas in [*range(25_000, 120_000, 2_500), *range(120_000, 400_000, 20_000)]:
        with pytest.raises(Reverted):
            model.send("add_class", "new", sender=owner, gas=gas)
    assert model.call("class_count") == 2


@pytest.mark.parametrize("code", [ANSWERS_0, REVERTS, BURNS_ALL, HALF_A_WORD, NOTHING, "0x"])
def test_trainer_that_is_not_busy_or_does_not_answer__blocks_nothing(with_trainer, owner, code):
    model = with_trainer(code)
    model.send("add_class", "new", sender=owner)
    assert model.call("class_count") == 3
