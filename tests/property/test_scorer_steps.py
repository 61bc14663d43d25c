"""Scorers beside their twins, step for step: anyone takes any contributions through any rows, in any order."""

import csv
from copy import deepcopy
from functools import wraps
from pathlib import Path

import numpy as np
import pytest
from eth_abi import decode
from hypothesis import given
from hypothesis import strategies as st

from comodels.incentives.blocks import Blocks
from comodels.incentives.scorers import (
    BLOCK,
    MAX_PORTION,
    MAX_SHOWN,
    NOT_AS_MANY,
    SCORERS,
    blocks_in,
    fitting,
    portions_for_check,
)
from comodels.models.level_perceptron import LAST_LEVEL, LevelPerceptron, LevelPerceptronParameters
from comodels.models.multiclass_level_perceptron import MulticlassLevelPerceptron, MulticlassLevelPerceptronParameters
from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from comodels.rows import ROW_HEAD, iterate_rows, pack_rows
from comodels.wire import pack_contribution
from encoders.words import words_of
from tests.evm import Evm, artefacts
from tests.market_run import unpacked

REVIEWS = Path(__file__).resolve().parents[2] / "docs" / "examples" / "reviews.csv"
KINDS = (SparsePerceptron, LevelPerceptron, MulticlassLevelPerceptron)
TWO_CLASSES = {"SparsePerceptron", "LevelPerceptron", ""}
# who checks rows of which models: the scorer for models of all kinds, too
CHECKED = [(kind, kind.KIND) for kind in (*KINDS, MulticlassSparsePerceptron)] + [(SparsePerceptron, "")]
MARKET = 5
# how many portions with how many rows each
SPLITS = [
    (1, 1),
    (70, 1),
    (256, 1),
    (1, 30),
    (40, 20),
    (3, 128),
    (3, 129),
    (3, 200),
    (2, 256),
    (2, 257),
    (3, 300),
    (2, 512),
    (1, 513),
]

# what is said of rows that are read from a wrong place on
OF_ROWS = {
    "model: no such class",
    "sample: empty",
    "sample: odd length",
    "sample: too long",
    "sample: longer than 2,048 bytes",
    "sample: indices must increase",
    "sample: index out of range",
}


class World:
    """Scorers and models on one chain, which each example leaves as it was."""

    def __init__(self, project):
        self.evm, artefact = Evm(), artefacts(project)
        self.market, self.trainer = self.evm.account("market"), self.evm.account("trainer")
        self.told = {}  # by caller, market, and block: what the scorer said of it last
        self.contracts = {
            name: self.evm.deploy(name, *artefact(name), self.market)
            for kind, scorer in CHECKED
            for name in (kind.KIND, name_of(scorer))
        }

    def send(self, sender, contract, function, *arguments):
        """What a transaction returns. Raises `Revert` as the contract does."""
        outcome = self.evm.send(sender, contract.address, contract.data(function, *arguments))
        if not outcome.ok:
            raise Revert(outcome.reason)
        self.told |= {(log.caller, log.market, log.number): log for log in outcome.logs if log.name == "Block"}
        return decode(contract.functions[function].outputs, outcome.output)

    def score(self, caller, scorer, portions, rows, first, packed, last, limit, market=MARKET):
        """What `score_many` returns for contributions, shown the blocks of portions with `rows` rows each."""
        blocks = Blocks(portions, rows)
        known = [log for (who, where, _), log in self.told.items() if (who, where) == (caller, market)]
        for log in known:
            blocks.tell(log.arguments)
        carried = blocks.carried(last, limit) if known else []
        arguments = market, first, packed, limit, bytes(32), [], carried
        errors, count, evaluated, now = self.send(caller, scorer, "score_many", *arguments)
        return unpacked(errors, count), evaluated, now

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


def undone(test):
    """Leave the chain as it was, also where an example fails: the next one deploys at the same addresses."""

    @wraps(test)
    def example(**arguments):
        evm = arguments["world"].evm
        checkpoint = evm.checkpoint()
        arguments["world"].told = {}
        try:
            test(**arguments)
        finally:
            evm.restore(checkpoint)

    return example


def name_of(kind):
    """The name of the scorer for this kind of models."""
    return f"{kind.removesuffix('Perceptron')}Scorer" if kind else "EvaluatingScorer"


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
    if kind is MulticlassSparsePerceptron:
        classes = int(rng.choice([2, 3, 4, 7, 10]))
        parameters = MulticlassSparsePerceptronParameters(
            n, classes, int(rng.integers(1, 50)), 1, int(rng.integers(99))
        )
        return kind(parameters, rng.integers(-99, 100, (classes, n + 1)).tolist())
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


def draw_portions(twin, rng, longest, portions, rows):
    """Portions with rows each."""
    most = min(longest, (MAX_PORTION // rows - ROW_HEAD) // 2)
    n, classes = twin.parameters.n_features, classes_of(twin)
    return [
        pack_rows([(int(rng.integers(classes)), draw_sample(rng, n, most)) for _ in range(rows)])
        for _ in range(portions)
    ]


def prepared(world, scorer, model):
    copied, done = 0, False
    while not done:
        copied, done = world.send(world.market, scorer, "prepare", MARKET, model.address, copied, 600, bytes(32))


def check(world, scorer, beside, portions, rows, more, limit):
    """What the scorer and its twin say of these portions, None if they refuse them, and the twin after it."""
    tried = deepcopy(beside)
    arguments = MARKET, b"".join(portions), [len(portion) for portion in portions], rows, more, limit
    try:
        expected = tried.check(portions, rows, more, limit)
    except Revert as error:
        why = str(error)
    else:
        assert world.send(world.market, scorer, "check", *arguments) == expected
        return "", expected, tried
    with pytest.raises(Revert) as found:
        world.send(world.market, scorer, "check", *arguments)
    # with many classes the scorer goes feature by feature, and the model sample by sample
    either = {"sample: index out of range", "sample: indices must increase"}
    assert str(found.value) == why or (beside.KIND not in TWO_CLASSES and {str(found.value), why} == either)
    return why, None, tried  # as it was before


def check_all(world, scorer, beside, portions, rows, rng):
    """Hand all portions over as a market does, with limits of all sizes, and too few or too many portions at times."""
    in_blocks = beside.KIND != ""
    expected = beside.replica.evaluate(b"".join(portions))
    # as many rows as fit in a transaction
    few = 600 if beside.KIND in TWO_CLASSES else 300 if sum(map(len, portions)) < MAX_PORTION else 1
    left, errors, count, done = list(portions), 0, 0, False
    while not done:
        limit = int(rng.choice([0, 1, 2, rows - 1, rows, rows + 1, 255, 256, 257, 300, few, rng.integers(few)]))
        limit = min(limit, few)
        sizes = [len(portion) for portion in left]
        shown = needed = portions_for_check(sizes, rows, limit, in_blocks)
        assert sum(sizes[:needed]) <= MAX_SHOWN
        if rng.random() < 0.4:
            shown = int(rng.integers(len(left) + 1))
            while sum(sizes[:shown]) > MAX_SHOWN:
                shown -= 1
        why, said, beside = check(world, scorer, beside, left[:shown], rows, shown < len(left), limit)
        if said is None:
            assert why == "scorer: nothing to check"
            # who shows what is needed always gets further, but for those who ask for nothing
            assert shown < needed or limit == shown == 0
            continue
        assert said[1] > 0 or not in_blocks
        assert said[1] <= limit or (in_blocks and said[1] <= BLOCK)
        errors, count, left, done = errors + said[0], count + said[1], left[said[2] :], said[3]
    assert not left
    assert (errors, count) == (expected, rows * len(portions))
    if in_blocks:
        # nobody can choose them
        parts = blocks_in([len(portion) for portion in portions], rows)
        assert parts_of(beside.blocks) == [
            size for n in parts for size in ([n * rows] if rows <= BLOCK else pieces(rows))
        ]
        assert b"".join(beside.blocks) == b"".join(portions)
    return beside


def parts_of(blocks):
    """How many rows each block has."""
    return [sum(1 for _ in iterate_rows(block)) for block in blocks]


def pieces(rows):
    """The blocks of a portion that has more rows than one."""
    return [min(BLOCK, rows - begin) for begin in range(0, rows, BLOCK)]


@pytest.mark.parametrize(("kind", "scorer"), CHECKED, ids=[name_of(scorer) for _, scorer in CHECKED])
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.sampled_from([1, 12, 61, 1_025]),
    longest=st.sampled_from([1, 4, 40, 300, 800]),
    split=st.sampled_from([*SPLITS, (40, 1), (9, 3), (12, 5), (17, 16)]),
)
@undone
def test_check__any_portions_and_limits__as_the_twin_takes_them(world, kind, scorer, seed, n, longest, split):
    rng = np.random.default_rng(seed)
    twin = draw_twin(kind, rng, n)
    contract, beside = world.contracts[name_of(scorer)], SCORERS[scorer](deepcopy(twin))
    prepared(world, contract, world.model(twin))
    check_all(world, contract, beside, draw_portions(twin, rng, longest, *split), split[1], rng)


def spoil(portions, rows, rng):
    """Portions of which one has another number of rows, or rows of which one is malformed."""
    portions = [list(iterate_rows(portion)) for portion in portions]
    packed = [pack_rows(portion) for portion in portions]
    at, row = int(rng.integers(len(portions))), int(rng.integers(rows))
    portion, (y, x) = portions[at], portions[at][row]
    other = (at + 1) % len(portions)
    way = rng.choice(
        [
            "few",
            "many",
            "moved",
            "cut",
            "byte",
            "border",
            "length",
            "label",
            "empty",
            "odd",
            "order",
            "any",
            "long",
            "head",
        ]
    )
    if way == "few":
        packed[at] = pack_rows(portion[:row] + portion[row + 1 :])
    elif way == "many":
        packed[at] = pack_rows([*portion[:row], (y, x), *portion[row:]])
    elif way == "moved":  # one portion is short of a row that the next one has too many
        packed[at], packed[other] = pack_rows(portion[:-1]), pack_rows([portion[-1], *portions[other]])
    elif way == "cut":
        packed[at] = packed[at][: -int(rng.integers(1, min(6, len(packed[at])) + 1))]
    elif way == "byte":
        packed[at] += rng.bytes(int(rng.integers(1, 4)))
    elif way == "border":  # as many bytes in all
        moved = int(rng.integers(1, len(packed[at])))
        packed[at], packed[other] = packed[at][:-moved], packed[at][-moved:] + packed[other]
    elif way == "any":
        place = int(rng.integers(len(packed[at])))
        packed[at] = packed[at][:place] + rng.bytes(1) + packed[at][place + 1 :]
    elif way == "head":
        head = bytes([y]) + int(rng.choice([2_049, 2_048, 2**16 - 1, 0])).to_bytes(2, "big")
        packed[at] = pack_rows(portion[:row]) + head + x + pack_rows(portion[row + 1 :])
    else:
        wrong = {
            "length": (y, x + x[-2:]),
            "label": (int(rng.choice([2, 10, 11, 255])), x),
            "empty": (y, b""),
            "odd": (y, x[:-1]),
            "order": (y, x[-2:] + x[:-2]),
            "long": (y, x[:2] * 1_024),
        }[way]
        packed[at] = pack_rows([*portion[:row], wrong, *portion[row + 1 :]])
    return packed


@pytest.mark.parametrize(("kind", "scorer"), CHECKED, ids=[name_of(scorer) for _, scorer in CHECKED])
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.sampled_from([1, 12, 1_025]),
    longest=st.sampled_from([1, 4, 12]),
    split=st.sampled_from([(1, 1), (2, 1), (7, 1), (4, 3), (12, 20), (3, 128), (2, 256), (2, 257), (2, 300), (1, 512)]),
)
@undone
def test_check__spoilt_portions__refused_as_by_the_twin(world, kind, scorer, seed, n, longest, split):
    rng = np.random.default_rng(seed)
    twin = draw_twin(kind, rng, n)
    contract, beside = world.contracts[name_of(scorer)], SCORERS[scorer](deepcopy(twin))
    prepared(world, contract, world.model(twin))
    portions, rows = draw_portions(twin, rng, longest, *split), split[1]
    for _ in range(12):
        packed = spoil(portions, rows, rng)
        if max(map(len, packed)) > MAX_PORTION or sum(map(len, packed)) > MAX_SHOWN:
            continue
        # all at once, because the first pieces of large portions may be right
        before = world.evm.checkpoint()
        why, said, after = check(world, contract, beside, packed, rows, False, 600)
        while said is not None and not said[3]:
            packed = packed[said[2] :]
            why, said, after = check(world, contract, after, packed, rows, False, 600)
        if said is not None:  # spoilt, but rows all the same
            assert why == ""
            assert all(parts_of([portion]) == [rows] for portion in packed)
        world.evm.restore(before)
    # nothing of it was kept
    check_all(world, contract, beside, portions, rows, rng)


@pytest.mark.parametrize(("kind", "scorer"), CHECKED, ids=[name_of(scorer) for _, scorer in CHECKED])
@pytest.mark.parametrize("rows", [1, 2, 128, 256, 300])
@undone
def test_check__other_numbers_of_rows__refused(world, kind, scorer, rows):
    """Also those that are as many as they should be, all in all, or as many bytes."""
    rng = np.random.default_rng(rows)
    twin = draw_twin(kind, rng, 60)
    contract, beside = world.contracts[name_of(scorer)], SCORERS[scorer](deepcopy(twin))
    prepared(world, contract, world.model(twin))
    x = b"\0\1\0\2"
    row = pack_rows([(1, x)])
    right, short, long = row * rows, row * (rows - 1), row * (rows + 1)
    spilt = right[: -len(x)]  # its last sample would be the next portion's first bytes
    longer = row * (rows - 1) + pack_rows([(1, x + b"\0\3")])
    for wrong, why in (
        ([short, long], NOT_AS_MANY),
        ([long, short], NOT_AS_MANY),
        ([spilt, x + right], NOT_AS_MANY),
        ([right + b"\1", right], None),
        ([right, right + b"\1"], NOT_AS_MANY),
        ([right, right[:-1]], NOT_AS_MANY),
        ([right, short], NOT_AS_MANY),
        ([right, long], NOT_AS_MANY),
        ([right, b""], NOT_AS_MANY),
        ([b"", right], None),
        ([b"", right + right], None),
        ([right + right, b""], None),
        ([right, longer[:-1]], NOT_AS_MANY),
        ([long[: len(right) + 1], right[1:]], None),
    ):
        found, said, _ = check(world, contract, beside, wrong, rows, False, 65_535)
        assert said is None
        assert found == why or (why is None and found in {NOT_AS_MANY} | OF_ROWS), wrong
    for other in {rows - 1, rows + 1, 2 * rows} - {0}:
        for more in (False, True):
            found, said, _ = check(world, contract, beside, [right, right], other, more, 65_535)
            assert said is None
            assert found
    found, said, _ = check(world, contract, beside, [right, longer], rows, False, 600)
    assert said is not None
    assert (said[2], said[3]) == (2, True)


@pytest.mark.parametrize(("kind", "scorer"), CHECKED, ids=[name_of(scorer) for _, scorer in CHECKED])
@undone
def test_check__row_goes_on_in_the_next_portion__refused(world, kind, scorer):
    """Together the portions are rows, and each alone would be, too, if its last one were as long as it says."""
    rng = np.random.default_rng(5)
    twin = draw_twin(kind, rng, 600)
    contract, beside = world.contracts[name_of(scorer)], SCORERS[scorer](deepcopy(twin))
    prepared(world, contract, world.model(twin))
    one = pack_rows([(1, b"\0\1\0\2")])
    # read from its beginning: a row with the label 0 whose sample has 2 · 256 bytes
    other = pack_rows([(1, b"\2\0\2\1")])
    portions = [one[:-2], b"\0\2" + other]
    both = b"".join(portions)
    assert list(iterate_rows(both)) == [*iterate_rows(one), *iterate_rows(other)]
    assert int.from_bytes(portions[1][1:3], "big") > len(portions[1])
    why, said, _ = check(world, contract, beside, portions, 1, False, 9)
    assert (why, said) == (NOT_AS_MANY, None)
    for right, rows in (([one, other], 1), ([both], 2)):
        checkpoint = world.evm.checkpoint()
        _, said, _ = check(world, contract, beside, right, rows, False, 9)
        assert said[1:] == (2, len(right), True)
        world.evm.restore(checkpoint)


@pytest.mark.parametrize("kind", [MulticlassSparsePerceptron, MulticlassLevelPerceptron], ids=lambda kind: kind.KIND)
@pytest.mark.parametrize("n", [1_024, 65_535])
@undone
def test_check__dearest_block_of_ten_classes__checked_in_one_transaction(world, kind, n):
    """With as many features as fit, each in another word of the state."""
    rng = np.random.default_rng(7)
    classes, most = 10, 2**15 - 1 if kind is MulticlassSparsePerceptron else 2**12 - 1
    weights = rng.choice([-most, most], (classes, n + 1)).tolist()
    if kind is MulticlassSparsePerceptron:
        twin = kind(MulticlassSparsePerceptronParameters(n, classes, 1, 1, 0), weights)
    else:
        twin = kind(MulticlassLevelPerceptronParameters(n, classes, 1, 0), weights)
    contract, beside = world.contracts[name_of(kind.KIND)], SCORERS[kind.KIND](deepcopy(twin))
    prepared(world, contract, world.model(twin))
    words = [min(640, n)] + [28] * (BLOCK - 1)
    rows = [
        (int(rng.integers(classes)), np.sort(rng.choice(n, w, replace=False)).astype(">u2").tobytes()) for w in words
    ]
    portion = pack_rows(rows)
    assert MAX_PORTION - 256 <= len(portion) <= MAX_PORTION
    _, said, beside = check(world, contract, beside, [portion], BLOCK, False, 1)
    assert said == (twin.evaluate(portion), BLOCK, 1, True)


@pytest.mark.parametrize(("kind", "scorer"), CHECKED, ids=[name_of(scorer) for _, scorer in CHECKED])
@undone
def test_check__told_wrongly_whether_others_come__as_the_twin(world, kind, scorer):
    """Whoever calls vouches for that."""
    rng = np.random.default_rng(6)
    twin = draw_twin(kind, rng, 60)
    contract, beside = world.contracts[name_of(scorer)], SCORERS[scorer](deepcopy(twin))
    prepared(world, contract, world.model(twin))
    portions = draw_portions(twin, rng, 9, 30, 20)
    # others come, but it is told that all are shown: those that are shown are blocks, and the last one stays as it is
    _, said, beside = check(world, contract, beside, portions[:3], 20, False, 999)
    assert (said[1:]) == (60, 3, True)
    why, said, beside = check(world, contract, beside, portions[3:], 20, False, 256)
    if scorer == "":
        assert why == "scorer: checked already"
        return
    assert parts_of(beside.blocks)[0] == 60
    # the end is shown, but it is told that others come: its last block waits for them
    left = portions[3 + said[2] :]
    why, said, beside = check(world, contract, beside, left, 20, True, 999)
    assert said[3] is False
    left = left[said[2] :]
    if left:
        why, said, beside = check(world, contract, beside, left, 20, True, 999)
        assert why == "scorer: nothing to check"
        _, said, _ = check(world, contract, beside, left, 20, False, 999)
        assert said[2:] == (len(left), True)


@given(
    sizes=st.lists(st.integers(3, MAX_PORTION), min_size=1, max_size=255),
    rows=st.sampled_from([1, 2, 20, 25, 85, 86, 128, 129, 256, 257, 600]),
    limit=st.sampled_from([0, 1, 25, 256, 257, 1_000, 65_535]),
    scale=st.sampled_from([1, 10, 100]),
)
def test_portions_for_check__any_sizes__a_step_further_in_one_transaction(sizes, rows, limit, scale):
    """Without rows: what is shown has room in a transaction, holds whole blocks and the portion behind, and no more."""
    sizes = [max(3, size // scale) for size in sizes]
    for in_blocks in (False, True):
        shown = portions_for_check(sizes, rows, limit, in_blocks)
        assert 0 < shown <= len(sizes)
        assert sum(sizes[:shown]) <= (MAX_SHOWN if in_blocks else MAX_PORTION)
        steps = blocks_in(sizes, rows) if in_blocks else [1] * len(sizes)
        assert sum(steps) == len(sizes)
        taken = shown - in_blocks if shown < len(sizes) else shown
        whole = [sum(steps[:n]) for n in range(1, len(steps) + 1)]
        assert taken >= whole[0]
        assert shown == len(sizes) or taken in whole
        most = max([n for n in whole if n <= shown and n * rows <= limit], default=whole[0])
        assert shown >= most
    # one more of them would have been too much for a block, with those that are in it
    blocks, at = blocks_in(sizes, rows), 0
    for n, block in enumerate(blocks):
        assert block == 1 or (block * rows <= BLOCK and sum(sizes[at : at + block]) <= MAX_PORTION)
        if n + 1 < len(blocks):
            assert (block + 1) * rows > BLOCK or sum(sizes[at : at + block + 1]) > MAX_PORTION
        at += block


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.sampled_from([1, 12, 60, 61, 1_000, 1_024, 1_025, 3_000]),
    longest=st.sampled_from([1, 4, 15, 16, 40]),
    split=st.sampled_from(SPLITS),
    before=st.sampled_from([0, 3, 14, 61]),
    count=st.integers(1, 24),
)
@undone
def test_score__any_steps_in_any_order__as_the_twin_takes_them(world, kind, seed, n, longest, split, before, count):
    rng = np.random.default_rng(seed)
    twin = draw_twin(kind, rng, n)
    model = world.model(twin)
    # a model that has learnt before its market
    for x, y, _ in learn(twin, rng, n, longest, before):
        world.send(world.trainer, model, "update", x, y)
    scorer = world.contracts[name_of(kind.KIND)]
    beside = SCORERS[kind.KIND](deepcopy(twin))
    prepared(world, scorer, model)
    learnt = learn(twin, rng, n, longest, count)
    portions = draw_portions(twin, rng, longest, *split)
    beside = check_all(world, scorer, beside, portions, split[1], rng)
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
        step = world.market, scorer, portions, split[1], first, packed, first + len(some) - 1, limit
        try:
            expected = tried.score(first, samples, limit)
        except Revert as error:
            with pytest.raises(Revert, match=str(error)):
                world.score(*step)
            continue
        assert world.score(*step) == expected
        now = expected[2]
        beside, scored = tried, now or scored
    else:
        raise AssertionError("not scored after 200 steps")
    if kind is not SparsePerceptron:
        assert beside.replica.words() == twin.words()


@pytest.mark.parametrize("kind", [*KINDS, MulticlassSparsePerceptron], ids=lambda kind: kind.KIND)
@undone
def test_score__a_bit_of_what_is_shown_changed_or_words_left_out__refused(world, kind):
    """Whatever it is: a row, a score, a number of these."""
    rng = np.random.default_rng(8)
    twin = draw_twin(kind, rng, 61)
    scorer, beside = world.contracts[name_of(kind.KIND)], SCORERS[kind.KIND](deepcopy(twin))
    prepared(world, scorer, world.model(twin))
    portions = draw_portions(twin, rng, 20, 2, 20)
    check_all(world, scorer, beside, portions, 20, rng)
    ((x, y, effect),) = learn(twin, rng, 61, 20, 1)
    blocks = Blocks(portions, 20)
    for log in world.told.values():
        blocks.tell(log.arguments)
    right = blocks.carried(1, 65_535)

    def step(carried):
        packed = pack_contribution(world.market, x, y, effect)
        return world.send(world.market, scorer, "score_many", MARKET, 1, packed, 99, bytes(32), [], carried)

    for at in range(len(right)):
        for bit in {0, 255, int(rng.integers(256))}:
            with pytest.raises(Revert):
                step([*right[:at], right[at] ^ (1 << bit), *right[at + 1 :]])
        with pytest.raises(Revert):
            step(right[:at] + right[at + 1 :])
    assert step(right)[2] == 40


@undone
def test_score__reviews__as_many_errors_as_the_twin(world):
    """People's words, not drawn ones: the same texts come again, so that levels fall to the last."""
    with REVIEWS.open(encoding="utf-8", newline="") as file:
        texts = [(words_of(row["text"]), int(row["label"] == "positive")) for row in csv.DictReader(file)]
    numbers = {word: i for i, word in enumerate(sorted({word for words, _ in texts for word in words}))}
    rows = [(y, np.array(sorted({numbers[w] for w in words}), ">u2").tobytes()) for words, y in texts]
    hidden, given = pack_rows(rows[::3]), [row for i, row in enumerate(rows) if i % 3] * 5
    twin = LevelPerceptron(LevelPerceptronParameters(len(numbers), margin=2_000))
    model, scorer = world.model(twin), world.contracts["LevelScorer"]
    world.send(world.market, scorer, "prepare", MARKET, model.address, 0, 1, bytes(32))
    shown = hidden, [len(hidden)], len(rows[::3])
    assert world.send(world.market, scorer, "check", MARKET, *shown, False, 1) == (
        twin.evaluate(hidden),
        shown[2],
        1,
        True,
    )
    contributions, expected = [], []
    for y, x in given:
        if effect := twin.update(x, y):
            contributions.append((world.market, x, y, effect))
            expected.append(twin.evaluate(hidden))
    assert max(twin.levels) == LAST_LEVEL
    assert len(set(expected)) > 3
    found: list[int] = []
    while len(found) < len(expected):
        some, packed = fitting(contributions[len(found) : len(found) + 30])
        last = len(found) + len(some)
        errors, _, last = world.score(world.market, scorer, [hidden], shown[2], len(found) + 1, packed, last, 1)
        found += errors
        assert last == len(found)
    assert found == expected


@undone
def test_score__another_market_and_another_caller__have_levels_of_their_own(world):
    """Two markets on the same model, one ahead of the other."""
    twin = LevelPerceptron(LevelPerceptronParameters(30, margin=10**6))
    model, scorer = world.model(twin), world.contracts["LevelScorer"]
    rows = pack_rows([(1, b"\0\1"), (0, b"\0\2")])
    callers = [(world.market, 1), (world.market, 2), (world.trainer, 1)]
    for caller, market in callers:
        world.send(caller, scorer, "prepare", market, model.address, 0, 1, bytes(32))
        world.send(caller, scorer, "check", market, rows, [len(rows)], 2, False, 2)
    expected = []
    for i in range(8):
        x = b"\0\1" if i % 2 else b"\0\2"
        expected.append((x, i % 2, twin.update(x, i % 2), twin.evaluate(rows)))
    for caller, market in callers:
        for index, (x, y, effect, errors) in enumerate(expected, 1):
            packed = pack_contribution(caller, x, y, effect)
            said = world.score(caller, scorer, [rows], 2, index, packed, index, 2, market)
            assert said == ([errors], 2, index)
