"""Twins of the scorers: who counts the errors of a market's model on the hidden rows, and in which steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol

from comodels.incentives.chains import Given
from comodels.revert import require
from comodels.rows import ROW_HEAD, iterate_rows
from comodels.wire import pack_contribution

MAX_PORTION = 16_384  # bytes of rows in a portion, in one evaluation and in a block
MAX_PARTS = 64  # portions in one of these
BLOCK = 256  # rows
MAX_BATCH = 12_288  # bytes of packed contributions in one transaction
MAX_MANY = 256  # contributions in it

Samples = Sequence[tuple[bytes, int]]
"""Samples and labels of contributions that follow each other."""


def fitting(contributions: Sequence[Given]) -> tuple[list[Given], bytes]:
    """As many of the first contributions as one transaction can present, and packed."""
    taken, packed = [], b""
    for contribution in contributions[:MAX_MANY]:
        more = pack_contribution(*contribution)
        if len(packed) + len(more) > MAX_BATCH:
            break
        taken.append(contribution)
        packed += more
    return taken, packed


class Replica(Protocol):
    """What a scorer asks of a model's twin."""

    def evaluate(self, rows: bytes) -> int: ...

    def update(self, x: bytes, y: int) -> int: ...


class Scorer(Protocol):
    """What a market asks of a scorer; see `IScorer.vyi`."""

    replica: Replica
    cursor: int

    def show(self, rows: bytes) -> None: ...

    def check(self, limit: int) -> tuple[int, int, bool]: ...

    def score(self, first: int, samples: Samples, limit: int) -> tuple[list[int], int, int]: ...


class EvaluatingScorer:
    """For models of all kinds: a copy learns the contributions again, one by one, and evaluates the rows after each.

    Parameters
    ----------
    replica : Replica
        The model's twin as it was before the first contribution; it is changed.
    """

    KIND = ""

    @classmethod
    def fits(cls, twin: Any) -> bool:
        """Whether it can serve a market on this model: on any."""
        return True

    def __init__(self, replica: Replica):
        self.replica = replica
        self.portions: list[bytes] = []
        self.cursor = 0  # 1 + the portion from which to go on; 0: the next contribution is to be learnt first
        self.offset = 0  # bytes of that portion that were evaluated already
        self.scored = 0

    def show(self, rows: bytes) -> None:
        """Take the next portion of hidden rows."""
        self.portions.append(rows)

    def check(self, limit: int) -> tuple[int, int, bool]:
        """Errors before the first contribution on the next rows, `limit` at most; how many; whether they end."""
        self.cursor = max(self.cursor, 1)
        errors, count = self._evaluate(limit)
        return errors, count, self.cursor == 0

    def score(self, first: int, samples: Samples, limit: int) -> tuple[list[int], int, int]:
        """Go on with the first of the contributions; its errors on the next rows, how many, `first` at the end."""
        require(first == self.scored + 1, "scorer: not the contribution that comes next")
        if self.cursor == 0:
            self.replica.update(*samples[0])
            self.cursor = 1
        errors, count = self._evaluate(limit)
        if self.cursor:
            return [errors], count, 0
        self.scored += 1
        return [errors], count, first

    def _evaluate(self, limit: int) -> tuple[int, int]:
        if limit == 0:
            return 0, 0
        first = self.cursor - 1
        next_, size, count = first, 0, 0
        for i, rows in enumerate(self.portions[first:], first):
            more = sum(1 for _ in iterate_rows(rows))
            size += len(rows)
            many = self.offset or count + more > limit or i - first == MAX_PARTS or size > MAX_PORTION
            if i > first and many:
                break
            count += more
            next_ = i + 1
        batch = b"".join(self.portions[first:next_])
        if self.offset or count > limit:
            ends = [end for end in accumulate(ROW_HEAD + len(x) for _, x in iterate_rows(batch)) if end > self.offset]
            ends = ends[:limit]
            count, end = len(ends), ends[-1]
            piece = batch[self.offset : end]
            next_, self.offset = (first, end) if end < len(batch) else (next_, 0)
            batch = piece
        self.cursor = 0 if next_ == len(self.portions) else next_ + 1
        return self.replica.evaluate(batch), count


class SparseScorer:
    """For `SparsePerceptron`: 256 rows at a time, many contributions in a transaction.

    The contract counts with bits what this one evaluates: the errors are the same after every contribution.
    """

    KIND = "SparsePerceptron"

    @classmethod
    def fits(cls, twin: Any) -> bool:
        """Whether it can serve a market on this model: on all of the kind."""
        return True

    def __init__(self, replica: Replica):
        self.replica = replica
        self.cursor = 0  # of use to the other scorer only
        self.portions: list[bytes] = []
        self.blocks: list[bytes] = []
        self.counts: list[int] = []  # rows of each block
        self.begun = 0  # blocks that are checked
        self.errors: list[list[int]] = []  # by contribution, of each block
        self.done: list[int] = []  # by block: contributions

    def show(self, rows: bytes) -> None:
        """Take the next portion of hidden rows."""
        self.portions.append(rows)

    def check(self, limit: int) -> tuple[int, int, bool]:
        """Errors before the first contribution on the next blocks; a block is taken whole, and one at least."""
        if not self.begun:
            self._cut()
        errors, count, begin = 0, 0, self.begun
        for rows, number in zip(self.blocks[begin:], self.counts[begin:], strict=True):
            if count and count + number > limit:
                break
            errors += self.replica.evaluate(rows)
            count += number
            self.begun += 1
        return errors, count, self.begun == len(self.blocks)

    def score(self, first: int, samples: Samples, limit: int) -> tuple[list[int], int, int]:
        """Take contributions through the next blocks; see `IScorer.vyi`."""
        last = first + len(samples) - 1
        found, rows, evaluated, scored = [0] * len(samples), 0, 0, 0
        for b, number in enumerate(self.counts):
            if self.done[b] >= last:
                continue
            require(self.done[b] + 1 >= first, "scorer: not the contribution that comes next")
            if rows and rows + number > limit:
                break
            for t in range(self.done[b] + 1, last + 1):
                if t > len(self.errors):
                    self.replica.update(*samples[t - first])
                    self.errors.append([self.replica.evaluate(block) for block in self.blocks])
                found[t - first] += self.errors[t - 1][b]
                evaluated += number
            self.done[b] = last
            rows += number
            scored = last if b == len(self.blocks) - 1 else 0
        require(rows > 0, "scorer: scored already")
        return found, evaluated, scored

    def _cut(self) -> None:
        """Blocks: as many whole portions as have 256 rows and 16,384 bytes together, or 256 rows of a larger one."""
        todo = [list(iterate_rows(rows)) for rows in self.portions]
        packed = list(self.portions)
        while todo:
            if len(todo[0]) > BLOCK:
                ends = list(accumulate(ROW_HEAD + len(x) for _, x in iterate_rows(packed[0])))
                for begin in range(0, len(ends), BLOCK):
                    end = min(begin + BLOCK, len(ends))
                    self.blocks.append(packed[0][ends[begin - 1] if begin else 0 : ends[end - 1]])
                    self.counts.append(end - begin)
                count = 1
            else:
                count = next(
                    (
                        n
                        for n in range(1, len(todo))
                        if n == MAX_PARTS
                        or sum(map(len, todo[: n + 1])) > BLOCK
                        or sum(map(len, packed[: n + 1])) > MAX_PORTION
                    ),
                    len(todo),
                )
                self.blocks.append(b"".join(packed[:count]))
                self.counts.append(sum(map(len, todo[:count])))
            del todo[:count], packed[:count]
        self.done = [0] * len(self.blocks)


class MulticlassSparseScorer(SparseScorer):
    """The same for `MulticlassSparsePerceptron` with room for up to 10 classes."""

    KIND = "MulticlassSparsePerceptron"

    @classmethod
    def fits(cls, twin: Any) -> bool:
        """Whether it can serve a market on this model."""
        return twin.parameters.room <= 10 and twin.parameters.n_features < 2**16


class LevelScorer(SparseScorer):
    """The same for `LevelPerceptron`: the contract carries the words' levels, and adds up words with the same step."""

    KIND = "LevelPerceptron"


class MulticlassLevelScorer(MulticlassSparseScorer):
    """The same for `MulticlassLevelPerceptron` with room for up to 10 classes."""

    KIND = "MulticlassLevelPerceptron"


SCORERS: dict[str, Callable[[Any], Scorer]] = {
    scorer.KIND: scorer
    for scorer in (EvaluatingScorer, SparseScorer, MulticlassSparseScorer, LevelScorer, MulticlassLevelScorer)
}


def scorer_for(twin: Any, scorers: Mapping[str, Any]) -> Scorer:
    """The scorer of a market on a model that is now as the twin, which is changed: that of its kind, if it fits."""
    kind = scorers.get(getattr(twin, "KIND", ""))
    return kind(twin) if kind is not None and kind.fits(twin) else scorers[""](twin)
