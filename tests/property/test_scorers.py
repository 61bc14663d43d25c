"""The scorers beside the models' twins: the same errors after every contribution, whatever the parameters and sizes."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from comodels.artifacts import artifact, deploy
from comodels.chain.local import local_chain
from comodels.chain.node import RpcError
from comodels.incentives.blocks import Blocks
from comodels.incentives.scorers import fitting, portions_for_check
from comodels.models.level_perceptron import LevelPerceptron, LevelPerceptronParameters
from comodels.models.multiclass_level_perceptron import MulticlassLevelPerceptron, MulticlassLevelPerceptronParameters
from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from comodels.rows import pack_rows
from tests.market_run import unpacked

GAS = 2**24
MARKET = 2**256 - 1
LOAD = 500  # words


@pytest.fixture(scope="module")
def node():
    with local_chain() as chain:
        yield chain


@pytest.fixture
def chain(node):
    """Empty in each test: the more there is, the longer each block takes."""
    snapshot = node.rpc("evm_snapshot")
    yield node
    node.rpc("evm_revert", snapshot)


@dataclass
class Case:
    """A model, hidden rows and contributions, drawn from these."""

    n: int = 1_000
    rate: int = 1
    bias_rate: int = 1
    margin: int = 0
    weights: int = 300
    bias: int = 50
    words: tuple[int, int] = (1, 15)  # of a sample, from and to
    portions: list[int] = field(default_factory=lambda: [25] * 10)  # rows of each, as many
    count: int = 40  # contributions
    limit: int = 65_535  # rows in a step
    many: int = 256  # contributions in a step
    classes: int = 0  # 0: two, of the other kind
    added: int = 0
    levels: int = 0  # 0: not by levels; else below which the words' levels are

    def twin(self, rng):
        if self.levels and self.classes:
            shape = self.classes, self.n + 1
            parameters = MulticlassLevelPerceptronParameters(
                self.n, self.classes + self.added, self.bias_rate, self.margin
            )
            rows, levels = (
                rng.integers(low, high, shape).tolist()
                for low, high in ((-self.weights, self.weights + 1), (0, self.levels))
            )
            return MulticlassLevelPerceptron(parameters, rows, levels=[[0, *of[1:]] for of in levels])
        if self.levels:
            weights, levels = (
                rng.integers(low, high, self.n).tolist()
                for low, high in ((-self.weights, self.weights + 1), (0, self.levels))
            )
            parameters = LevelPerceptronParameters(self.n, self.bias_rate, self.margin)
            return LevelPerceptron(parameters, weights, int(rng.integers(-self.bias, self.bias + 1)), levels=levels)
        if not self.classes:
            parameters = SparsePerceptronParameters(self.n, self.rate, self.bias_rate, self.margin)
            weights = [int(w) for w in rng.integers(-self.weights, self.weights + 1, self.n)]
            return SparsePerceptron(parameters, weights, int(rng.integers(-self.bias, self.bias + 1)))
        room = self.classes + self.added
        parameters = MulticlassSparsePerceptronParameters(self.n, room, self.rate, self.bias_rate, self.margin)
        rows = rng.integers(-self.weights, self.weights + 1, (self.classes, self.n + 1))
        return MulticlassSparsePerceptron(parameters, [[int(w) for w in row] for row in rows])

    def sample(self, rng):
        count = int(rng.integers(self.words[0], self.words[1] + 1))
        ranks = 1 / np.arange(1, self.n + 1)  # Zipf's law: so rows and samples have words in common
        chosen = rng.choice(self.n, count, replace=False, p=ranks / ranks.sum())
        return b"".join(int(i).to_bytes(2, "big") for i in sorted(chosen))


CASES = {
    "two classes": Case(),
    "portions of one row": Case(portions=[1] * 70, count=20),
    "portions of 300 rows": Case(portions=[300] * 3, words=(1, 4), count=30, limit=256),
    "portions of two blocks": Case(portions=[512] * 2, words=(1, 4), count=20, limit=300),
    "portions of two blocks and a row": Case(portions=[513], words=(1, 4), count=20, limit=256),
    "40 portions of 20 rows": Case(portions=[20] * 40, count=20),
    "portions that fill a block": Case(portions=[128] * 5, words=(1, 4), count=20),
    "portions that leave no room for another": Case(portions=[86] * 5, count=20),
    "blocks with no room for the bytes of the portion behind": Case(portions=[20] * 20, words=(20, 40), count=20),
    "as many portions as there can be": Case(portions=[1] * 255, words=(1, 4), count=10),
    "slides' rule": Case(bias_rate=0, weights=0, bias=0, count=60),
    "any rates": Case(rate=37, bias_rate=1_000, margin=500, count=60),
    "large rates": Case(n=900, rate=32_767, bias_rate=65_535, weights=0, bias=0, margin=2**32 - 1, words=(1, 3)),
    "largest bias": Case(weights=32_767, bias=2**31 - 70_000, bias_rate=65_535, margin=2**32 - 1, rate=1, count=20),
    "one feature": Case(n=1, words=(1, 1), count=30, margin=50),
    "as many features as maps": Case(n=1_024, words=(900, 1_024), portions=[3] * 4, count=6, margin=2**31),
    "more features than maps": Case(n=1_025, words=(1, 40), count=30, margin=100),
    "most features": Case(n=65_532, words=(1, 60), portions=[40] * 3, count=12, margin=400),
    "longest samples": Case(n=9_000, words=(1_000, 1_024), portions=[3] * 4, count=4, many=3, margin=2**31),
    "levels": Case(levels=1, bias_rate=2, margin=240, count=80),
    "all levels": Case(levels=8, bias_rate=2, margin=240, count=80, portions=[250] * 3),
    "levels, slides' rule": Case(levels=1, bias_rate=0, weights=0, bias=0, count=60),
    "levels, words that do not move": Case(n=3, levels=8, bias_rate=0, words=(1, 3), margin=2**32 - 1, count=70),
    "levels, largest numbers": Case(
        levels=6, weights=4_095, bias=2**31 - 70_000, bias_rate=65_535, margin=2**32 - 1, words=(1, 40), count=20
    ),
    "levels, as many features as maps": Case(
        n=1_024, levels=3, words=(900, 1_024), portions=[3] * 4, count=6, margin=2**31
    ),
    "levels, more features than maps": Case(n=1_025, levels=2, words=(1, 40), count=30, margin=1_000),
    "levels, most features": Case(n=65_532, levels=6, words=(1, 60), portions=[40] * 3, count=12, margin=4_000),
    "levels, longest samples": Case(
        n=9_000, levels=2, words=(1_000, 1_024), portions=[3] * 4, count=4, many=3, margin=2**31
    ),
    "levels, portions of 300 rows": Case(levels=4, portions=[300] * 3, words=(1, 4), count=30, limit=256, margin=500),
    "levels, as many groups as there can be": Case(
        levels=7, n=60, words=(6, 14), portions=[9], count=256, margin=2**31, bias_rate=0
    ),
    "three classes by levels": Case(classes=3, levels=1, bias_rate=2, margin=240, count=80),
    "two classes by levels, all levels": Case(
        classes=2, levels=8, bias_rate=2, margin=240, count=80, portions=[250] * 2
    ),
    "one class by levels, three added": Case(classes=1, added=3, levels=1, weights=3, margin=300, count=60),
    "added classes by levels, long samples": Case(
        classes=2, added=4, levels=3, bias_rate=7, margin=2_000, words=(1, 400), portions=[9] * 4, count=40
    ),
    "four classes by levels, slides' rule": Case(classes=4, levels=1, bias_rate=0, weights=0, count=60),
    "ten classes by levels, largest numbers": Case(
        classes=10, levels=6, weights=4_000, bias_rate=40, margin=2**24 - 1, words=(1, 60), portions=[40] * 2, count=20
    ),
    "two classes by levels, largest bias rate": Case(
        classes=2, n=3, levels=1, weights=0, bias_rate=4_000, margin=2**24 - 1, words=(1, 1), portions=[3], count=40
    ),
    "three classes by levels, words that do not move": Case(
        classes=3, n=3, levels=8, weights=9, bias_rate=0, words=(1, 3), margin=2**24 - 1, count=70
    ),
    "three classes by levels, more features than maps": Case(
        classes=3, n=5_000, levels=4, words=(1, 40), count=20, margin=1_000
    ),
    "ten classes by levels, more words than are in memory": Case(
        classes=10, n=9_000, levels=3, words=(1, 60), portions=[20] * 2, count=20, margin=2_000
    ),
    "ten classes by levels, a word of the state for each feature of the longest samples": Case(
        classes=10, n=9_000, levels=2, words=(630, 640), portions=[12], count=3, many=1, margin=2**23
    ),
    "three classes by levels, longest samples": Case(
        classes=3, n=2_000, levels=2, words=(900, 1_024), portions=[3] * 4, count=4, margin=2**23
    ),
    "three classes by levels, portions of 300 rows": Case(
        classes=3, levels=4, portions=[300] * 3, words=(1, 4), count=30, limit=256, margin=500
    ),
    "three classes by levels, more groups than fit": Case(
        classes=3, levels=7, n=60, words=(6, 14), portions=[9], count=256, margin=2**23, bias_rate=0
    ),
    "three classes": Case(classes=3, margin=20),
    "three classes, one row": Case(
        classes=3, n=3, weights=0, bias=0, bias_rate=0, margin=200, words=(1, 1), portions=[1], count=200
    ),
    "added classes": Case(classes=2, added=4, margin=20, words=(1, 30), count=60),
    "added to one": Case(classes=1, added=3, weights=3, bias=3, count=40),
    "three classes, portions of 300 rows": Case(
        classes=3, portions=[300] * 3, words=(1, 4), count=30, limit=256, margin=500
    ),
    "ten classes, any rates": Case(classes=10, rate=201, bias_rate=77, margin=3_000, count=30, portions=[60] * 2),
    "ten classes, largest weights": Case(
        classes=10, n=300, weights=30_000, rate=9, margin=2**24 - 1, words=(1, 60), portions=[40] * 2, count=20
    ),
    "three classes, more features than maps": Case(classes=3, n=5_000, words=(1, 40), count=20, margin=100),
}


class Scored:
    """A scorer with the rows of a case, called by an account that stands for a market."""

    def __init__(self, chain, case, kind=None, before=0):
        rng = np.random.default_rng(18)
        self.chain, self.case, self.twin = chain, case, case.twin(rng)
        self.owner, self.caller = chain.accounts[:2]
        kind = self.twin.KIND if kind is None else kind
        name = f"{kind.removesuffix('Perceptron')}Scorer" if kind else "EvaluatingScorer"
        self.scorer = deploy(chain, self.owner, name)
        model = self.model()
        # the caller is its trainer
        for i in range(before):
            x = bytes([0, i % case.n])
            y = int(self.twin.predict(x) == 0)
            assert self.twin.update(x, y)
            (receipt,) = chain.send([model.transaction("update", x, y, sender=self.caller, gas=GAS)])
            assert receipt["status"] == "0x1"
        assert self.scorer.call("kind") == kind
        assert self.scorer.call("fits", model.address)
        copied, done = 0, False
        while not done:
            copied, done = self.send("prepare", MARKET, model.address, copied, LOAD, bytes(32))
        assert copied == len(self.twin.words())
        labels = case.classes + case.added or 2
        self.portions = [
            pack_rows([(int(rng.integers(labels)), case.sample(rng)) for _ in range(n)]) for n in case.portions
        ]
        self.rng, self.labels = rng, labels
        self.blocks = Blocks(self.portions, case.portions[0]) if kind else None

    def send(self, function, *arguments):
        """What a transaction returns."""
        result = self.scorer.call(function, *arguments, sender=self.caller)
        transaction = self.scorer.transaction(function, *arguments, sender=self.caller, gas=GAS)
        (receipt,) = self.chain.send([transaction])
        assert receipt["status"] == "0x1", self.chain.why(transaction)
        for _, told in self.scorer.events(receipt):
            self.blocks.tell(told)
        return result

    def score(self, first, packed, last):
        """Errors after each contribution on the rows that are evaluated now, how many, and up to which all are."""
        carried = self.blocks.carried(last, self.case.limit) if self.blocks else []
        arguments = MARKET, first, packed, self.case.limit, bytes(32), [], carried
        errors, taken, count, now = self.send("score_many", *arguments)
        return unpacked(errors, taken), count, now

    def model(self):
        """The twin's model on the chain, trained by nobody."""
        case, words = self.case, self.twin.words()
        implementation = deploy(self.chain, self.owner, self.twin.KIND)
        card = bytes(3) + b"".join(bytes([1, 97 + y]) for y in range(case.classes or 2))
        arguments = (self.owner, self.caller, b"", self.twin.parameters.pack(), card, words[:LOAD], False, bytes(32))
        address = implementation.call("create", *arguments, sender=self.owner)
        self.chain.send([implementation.transaction("create", *arguments, sender=self.owner)])
        model = type(implementation)(self.chain, address, implementation.abi)
        steps = [("load", start, words[start : start + LOAD]) for start in range(LOAD, len(words), LOAD)]
        steps += [("seal",), *(("add_class", f"new {i}") for i in range(case.added))]
        receipts = self.chain.send([model.transaction(*step, sender=self.owner, gas=GAS) for step in steps])
        assert {r["status"] for r in receipts} == {"0x1"}
        for _ in range(case.added):
            self.twin.add_class()
        return model

    @property
    def rows(self):
        """All hidden rows."""
        return b"".join(self.portions)

    def check(self):
        """Hand the portions over as a market does; the errors before the first contribution."""
        errors, count, taken, done = 0, 0, 0, False
        each, in_blocks = self.case.portions[0], self.scorer.call("kind") != ""
        while not done:
            left = self.portions[taken:]
            sizes = [len(portion) for portion in left]
            shown = portions_for_check(sizes, each, self.case.limit, in_blocks)
            some = b"".join(left[:shown]), sizes[:shown], each, shown < len(left), self.case.limit
            more, rows, now, done = self.send("check", MARKET, *some)
            errors, count, taken = errors + more, count + rows, taken + now
        assert count == sum(self.case.portions)
        assert taken == len(self.portions)
        return errors

    def contributions(self):
        """Contributions that changed the model, and the errors that its twin made after each."""
        claims, errors = [], []
        for _ in range(50 * self.case.count):
            if len(claims) == self.case.count:
                break
            x, y = self.case.sample(self.rng), int(self.rng.integers(self.labels))
            try:
                effect = self.twin.update(x, y)
            except Revert:  # a weight or the bias is as far as it can be
                continue
            if effect:
                claims.append((self.caller, x, y, effect))
                errors.append(self.twin.evaluate(self.rows))
        return claims, errors


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_score__after_every_contribution__as_many_errors_as_the_twin(chain, case):
    scored = Scored(chain, case)
    assert scored.check() == scored.twin.evaluate(scored.rows)
    claims, expected = scored.contributions()
    assert len(claims) == case.count
    found = np.zeros(len(claims), int)
    done, evaluated = 0, 0
    while done < len(claims):
        some, packed = fitting(claims[done : done + case.many])
        errors, count, now = scored.score(done + 1, packed, done + len(some))
        found[done : done + len(errors)] += errors
        evaluated += count
        done = now or done
    assert found.tolist() == expected
    assert evaluated == len(claims) * sum(case.portions)


@pytest.mark.parametrize("before", [0, 13, 63])
@pytest.mark.parametrize(
    "case",
    [
        Case(classes=11, n=20, levels=3, words=(1, 6), portions=[5], count=12, margin=900),
        Case(n=20, levels=3, words=(1, 6), portions=[5], count=12, margin=900),
    ],
    ids=["eleven classes", "two"],
)
def test_score__levels_by_the_scorer_for_all_kinds__learns_from_the_version_on_that_the_model_had(chain, case, before):
    scored = Scored(chain, case, "", before)
    assert scored.check() == scored.twin.evaluate(scored.rows)
    claims, expected = scored.contributions()
    found = []
    for index, claim in enumerate(claims, 1):
        (errors,), _, now = scored.score(index, fitting([claim])[1], index)
        assert now == index
        found.append(errors)
    assert found == expected
    replica = type(scored.scorer)(
        chain, scored.scorer.call("replica", scored.caller, MARKET), artifact(scored.twin.KIND).abi
    )
    assert list(replica.call("words", 0, len(scored.twin.words()))) == scored.twin.words()
    assert replica.call("version") == scored.twin.version


@pytest.mark.parametrize("levels", [0, 1], ids=["sparse", "levels"])
@pytest.mark.parametrize(("classes", "n"), [(11, 20), (2, 65_536)])
def test_fits__more_classes_or_features_than_it_takes__does_not(chain, levels, classes, n):
    case = Case(classes=classes, n=n, words=(1, 3), levels=levels)
    scorer = deploy(chain, chain.accounts[0], f"Multiclass{'Level' if levels else 'Sparse'}Scorer")
    scored = object.__new__(Scored)
    scored.chain, scored.case, scored.twin = chain, case, case.twin(np.random.default_rng(1))
    scored.owner, scored.caller = chain.accounts[:2]
    assert not scorer.call("fits", scored.model().address)


def test_files__of_another_caller_or_market__are_not_touched(chain):
    scored = Scored(chain, Case(portions=[5], count=3))
    model, stranger = scored.model(), chain.accounts[5]
    rows = pack_rows([(0, b"\0\1")])
    others = [(MARKET, stranger), (MARKET - 1, scored.caller)]
    for market, caller in others:
        shown = market, rows, [len(rows)], 1, False, 1
        # none without a model
        with pytest.raises(RpcError):
            scored.scorer.call("check", *shown, sender=caller)
        for step in (("prepare", market, model.address, 0, LOAD, bytes(32)), ("check", *shown)):
            transaction = scored.scorer.transaction(*step, sender=caller, gas=GAS)
            (receipt,) = chain.send([transaction])
            assert receipt["status"] == "0x1", chain.why(transaction)
    assert scored.check() == scored.twin.evaluate(scored.rows)


@pytest.mark.parametrize(
    "case",
    [Case(n=17_000, portions=[1] * 3), Case(classes=3, n=5_000, portions=[1] * 3)],
    ids=["two classes", "three classes"],
)
def test_check__row_longer_than_the_model_takes__refused(chain, case):
    scored = Scored(chain, case)
    most = scored.twin.parameters.longest
    longest = b"".join(i.to_bytes(2, "big") for i in range(most))
    case.portions.append(1)
    right = scored.portions
    scored.portions = [*right, pack_rows([(0, longest)])]
    assert scored.check() == scored.twin.evaluate(scored.rows)

    longer = longest + most.to_bytes(2, "big")
    scored.portions = [pack_rows([(0, longer)])]
    with pytest.raises(Revert, match="sample: too long"):
        scored.twin.predict(longer)
    with pytest.raises(RpcError, match="sample: too long"):
        scored.check()


def faulty(rng, n):
    """Samples that are wrong in one place, of lengths around a chunk's, and the same ones before."""
    for count in (1, 2, 15, 16, 17, 31, 32, 33, 48):
        right = sorted(int(i) for i in rng.choice(n - 1, count, replace=False))
        yield right, None
        yield [*right[:-1], n], "index out of range"
        yield [*right[:-1], 2**16 - 1], "index out of range"
        for at in {1, 15, 16, 17, 31, 32, int(rng.integers(1, count + 1))}:
            if at < count:
                yield [*right[:at], right[at - 1], *right[at + 1 :]], "indices must increase"
                yield [*right[: at - 1], right[at], right[at - 1], *right[at + 1 :]], "indices must increase"


@pytest.mark.parametrize("n", [200, 2_044, 2_045], ids=["few", "most in a table", "more"])
def test_check__one_wrong_place__refused_as_the_twin_does(chain, n):
    scored, rng = Scored(chain, Case(n=n, portions=[1])), np.random.default_rng(n)
    model = scored.model()
    for number, (features, why) in enumerate(faulty(rng, n), 1):
        x = b"".join(i.to_bytes(2, "big") for i in features)
        market, copied, done = MARKET - number, 0, False
        while not done:
            copied, done = scored.send("prepare", market, model.address, copied, 1, bytes(32))
        rows = pack_rows([(1, b"\0\1"), (0, x), (1, b"\0\2")])
        shown = market, rows, [len(rows)], 3, False, 3
        if why is None:
            errors = sum(scored.twin.predict(row) != y for y, row in ((1, b"\0\1"), (0, x), (1, b"\0\2")))
            assert scored.scorer.call("check", *shown, sender=scored.caller) == (errors, 3, 1, True)
            continue
        with pytest.raises(Revert, match=why):
            scored.twin.predict(x)
        with pytest.raises(RpcError, match=why):
            scored.scorer.call("check", *shown, sender=scored.caller)
