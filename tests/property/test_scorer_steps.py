"""Scorers beside their twins, step for step: anyone takes any contributions through any rows, in any order."""

import csv
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from eth_abi import decode
from hypothesis import given
from hypothesis import strategies as st

from comodels.incentives.scorers import MAX_PORTION, SCORERS, fitting
from comodels.models.level_perceptron import LAST_LEVEL, LevelPerceptron, LevelPerceptronParameters
from comodels.models.multiclass_level_perceptron import MulticlassLevelPerceptron, MulticlassLevelPerceptronParameters
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from comodels.rows import ROW_HEAD, pack_rows
from comodels.wire import pack_contribution
from encoders.words import words_of
from tests.evm import Evm, artefacts

REVIEWS = Path(__file__).resolve().parents[2] / "docs" / "examples" / "reviews.csv"
KINDS = (SparsePerceptron, LevelPerceptron, MulticlassLevelPerceptron)
MARKET = 5
SPLITS = [[1], [30], [256], [256, 1], [200, 200, 200], [20] * 40, [300, 90, 513]]  # rows of portions


class World:
    """Scorers and models on one chain, which each example leaves as it was."""

    def __init__(self, project):
        self.evm, artefact = Evm(), artefacts(project)
        self.market, self.trainer = self.evm.account("market"), self.evm.account("trainer")
        self.contracts = {
            name: self.evm.deploy(name, *artefact(name), self.market)
            for kind in KINDS
            for name in (kind.KIND, f"{kind.KIND.removesuffix('Perceptron')}Scorer")
        }

    def send(self, sender, contract, function, *arguments):
        """What a transaction returns. Raises `Revert` as the contract does."""
        outcome = self.evm.send(sender, contract.address, contract.data(function, *arguments))
        if not outcome.ok:
            raise Revert(outcome.reason)
        return decode(contract.functions[function].outputs, outcome.output)

    def model(self, twin):
        """The twin's model, which `trainer` trains."""
        implementation = self.contracts[twin.KIND]
        words, card = twin.words(), bytes(3) + b"".join(bytes([1, 97 + y]) for y in range(classes_of(twin)))
        many = len(words) > 256
        arguments = (self.trainer, self.trainer, b"", twin.parameters.pack(), card, words[:256], not many, bytes(32))
        (address,) = self.send(self.trainer, implementation, "create", *arguments)
        model = self.evm.at(twin.KIND, address, [])
        model.functions = implementation.functions
        for start in range(256, len(words), 256):
            self.send(self.trainer, model, "load", start, words[start : start + 256])
        if many:
            self.send(self.trainer, model, "seal")
        return model


@pytest.fixture(scope="module")
def world(project):
    return World(project)


def classes_of(twin):
    return getattr(twin, "class_count", 2)


def draw_sample(rng, n, longest):
    """Words by Zipf's law."""
    ranks = 1 / np.arange(1, n + 1)
    count = int(rng.integers(1, min(longest, n) + 1))
    return np.sort(rng.choice(n, count, replace=False, p=ranks / ranks.sum())).astype(">u2").tobytes()


def draw_twin(kind, rng, n):
    if kind is SparsePerceptron:
        parameters = SparsePerceptronParameters(
            n, int(rng.integers(1, 50)), int(rng.integers(3)), int(rng.integers(99))
        )
        return kind(parameters, rng.integers(-99, 100, n).tolist(), int(rng.integers(-99, 100)))
    if kind is MulticlassLevelPerceptron:
        classes = int(rng.choice([2, 3, 4, 7, 10]))
        parameters = MulticlassLevelPerceptronParameters(
            n, classes, int(rng.choice([0, 1, 2, 77])), int(rng.integers(2_000))
        )
        rows = rng.integers(-400, 401, (classes, n + 1)).tolist()
        levels = rng.integers(0, rng.integers(1, 9), (classes, n + 1))
        levels[:, 0] = 0
        return kind(parameters, rows, levels=levels.tolist())
    parameters = LevelPerceptronParameters(n, int(rng.choice([0, 1, 2, 77, 65_535])), int(rng.integers(2_000)))
    weights, levels = rng.integers(-400, 401, n).tolist(), rng.integers(0, rng.integers(1, 9), n).tolist()
    return kind(parameters, weights, int(rng.integers(-400, 401)), levels=levels)


def learn(twin, rng, n, longest, count):
    """Samples that change the twin, with their effects."""
    learnt = []
    for _ in range(50 * count):
        if len(learnt) == count:
            break
        x, y = draw_sample(rng, n, longest), int(rng.integers(classes_of(twin)))
        try:
            effect = twin.update(x, y)
        except Revert:
            continue
        if effect:
            learnt.append((x, y, effect))
    return learnt


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.sampled_from([1, 12, 60, 61, 1_000, 1_024, 1_025, 3_000]),
    longest=st.sampled_from([1, 4, 15, 16, 40]),
    portions=st.sampled_from(SPLITS),
    before=st.sampled_from([0, 3, 14, 61]),
    count=st.integers(1, 24),
)
def test_score__any_steps_in_any_order__as_the_twin_takes_them(world, kind, seed, n, longest, portions, before, count):
    rng, checkpoint = np.random.default_rng(seed), world.evm.checkpoint()
    twin = draw_twin(kind, rng, n)
    model = world.model(twin)
    # a model that has learnt before its market
    for x, y, _ in learn(twin, rng, n, longest, before):
        world.send(world.trainer, model, "update", x, y)
    scorer = world.contracts[f"{kind.KIND.removesuffix('Perceptron')}Scorer"]
    beside = SCORERS[kind.KIND](deepcopy(twin))
    copied, done = 0, False
    while not done:
        copied, done = world.send(world.market, scorer, "prepare", MARKET, model.address, copied, 1, bytes(32))
    learnt = learn(twin, rng, n, longest, count)
    for rows in portions:
        most = min(longest, (MAX_PORTION // rows - ROW_HEAD) // 2)
        packed = pack_rows([(int(rng.integers(classes_of(twin))), draw_sample(rng, n, most)) for _ in range(rows)])
        world.send(world.market, scorer, "show", MARKET, packed, rows)
        beside.show(packed)
    done = False
    while not done:
        limit = int(rng.integers(1, 900 if classes_of(twin) == 2 else 300))
        said = world.send(world.market, scorer, "check", MARKET, limit)
        assert said == beside.check(limit)
        done = said[2]
    scored = 0
    for _ in range(200):
        if scored == len(learnt):
            break
        # mostly what comes next, or what somebody has begun with; some of it may be done already, or not be the next
        first = int(np.clip(scored + 1 + rng.choice([0, 0, 0, 0, -3, 1, 2]), 1, len(learnt)))
        last = int(rng.integers(first, len(learnt) + 1))
        limit = int(rng.choice([0, 1, 256, 300, 600, 65_535 if classes_of(twin) == 2 else 500]))
        some, packed = fitting([(world.market, *given) for given in learnt[first - 1 : last]])
        samples = [(x, y) for _, x, y, _ in some]
        tried = deepcopy(beside)
        try:
            expected = tried.score(first, samples, limit)
        except Revert as error:
            with pytest.raises(Revert, match=str(error)):
                world.send(world.market, scorer, "score", MARKET, first, packed, limit)
            continue
        errors, evaluated, now = world.send(world.market, scorer, "score", MARKET, first, packed, limit)
        assert (list(errors), evaluated, now) == expected
        beside, scored = tried, now or scored
    else:
        raise AssertionError("not scored after 200 steps")
    if kind is not SparsePerceptron:
        assert beside.replica.words() == twin.words()
    world.evm.restore(checkpoint)


def test_score__reviews__as_many_errors_as_the_twin(world):
    """People's words, not drawn ones: the same texts come again, so that levels fall to the last."""
    checkpoint = world.evm.checkpoint()
    with REVIEWS.open(encoding="utf-8", newline="") as file:
        texts = [(words_of(row["text"]), int(row["label"] == "positive")) for row in csv.DictReader(file)]
    numbers = {word: i for i, word in enumerate(sorted({word for words, _ in texts for word in words}))}
    rows = [(y, np.array(sorted({numbers[w] for w in words}), ">u2").tobytes()) for words, y in texts]
    hidden, given = pack_rows(rows[::3]), [row for i, row in enumerate(rows) if i % 3] * 5
    twin = LevelPerceptron(LevelPerceptronParameters(len(numbers), margin=2_000))
    model, scorer = world.model(twin), world.contracts["LevelScorer"]
    world.send(world.market, scorer, "prepare", MARKET, model.address, 0, 1, bytes(32))
    world.send(world.market, scorer, "show", MARKET, hidden, len(rows[::3]))
    assert world.send(world.market, scorer, "check", MARKET, 1) == (twin.evaluate(hidden), len(rows[::3]), True)
    contributions, expected = [], []
    for y, x in given:
        if effect := twin.update(x, y):
            contributions.append((world.market, x, y, effect))
            expected.append(twin.evaluate(hidden))
    assert max(twin.levels) == LAST_LEVEL
    assert len(set(expected)) > 3
    found: list[int] = []
    while len(found) < len(expected):
        _, packed = fitting(contributions[len(found) : len(found) + 30])
        errors, _, last = world.send(world.market, scorer, "score", MARKET, len(found) + 1, packed, 1)
        found += errors
        assert last == len(found)
    assert found == expected
    world.evm.restore(checkpoint)


def test_score__another_market_and_another_caller__have_levels_of_their_own(world):
    """Two markets on the same model, one ahead of the other."""
    checkpoint = world.evm.checkpoint()
    twin = LevelPerceptron(LevelPerceptronParameters(30, margin=10**6))
    model, scorer = world.model(twin), world.contracts["LevelScorer"]
    rows = pack_rows([(1, b"\0\1"), (0, b"\0\2")])
    callers = [(world.market, 1), (world.market, 2), (world.trainer, 1)]
    for caller, market in callers:
        world.send(caller, scorer, "prepare", market, model.address, 0, 1, bytes(32))
        world.send(caller, scorer, "show", market, rows, 2)
        world.send(caller, scorer, "check", market, 2)
    expected = []
    for i in range(8):
        x = b"\0\1" if i % 2 else b"\0\2"
        expected.append((x, i % 2, twin.update(x, i % 2), twin.evaluate(rows)))
    for caller, market in callers:
        for index, (x, y, effect, errors) in enumerate(expected, 1):
            packed = pack_contribution(caller, x, y, effect)
            said = world.send(caller, scorer, "score", market, index, packed, 2)
            assert said == ((errors,), 2, index)
    world.evm.restore(checkpoint)
