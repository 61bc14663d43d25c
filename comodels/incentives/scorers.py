"""Twins of the scorers: who counts the errors of a market's model on the hidden rows, and in which steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NoReturn, Protocol

from comodels.incentives.chains import Given
from comodels.revert import Revert, require
from comodels.rows import MAX_SAMPLE, ROW_HEAD, iterate_rows
from comodels.wire import pack_contribution

MAX_PORTION = 16_384  # bytes of rows in a portion, in one evaluation and in a block
MAX_PARTS = 64  # portions in one evaluation
BLOCK = 256  # rows
MAX_SHOWN = 32_768  # bytes of hidden rows in one transaction
MAX_BATCH = 12_288  # bytes of packed contributions in one transaction
MAX_MANY = 256  # contributions in it

NOT_AS_MANY = "scorer: not as many rows as a portion has"

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


def blocks_in(sizes: Sequence[int], count: int) -> list[int]:
    """In how many portions each the blocks of hidden rows are that scorers take at once.

    As many whole portions as have 256 rows and 16,384 bytes together; a portion with more rows than that is alone, and
    taken in blocks of 256 rows.

    Parameters
    ----------
    sizes : sequence of int
        Bytes of each hidden portion.
    count : int
        Rows of every portion.

    Examples
    --------
    >>> blocks_in([8_000, 8_000, 8_000], 25)
    [2, 1]
    >>> blocks_in([900] * 12, 25), blocks_in([900] * 2, 300)
    ([10, 2], [1, 1])
    """
    blocks: list[int] = []
    size = 0
    for more in sizes:
        if blocks and (blocks[-1] + 1) * count <= BLOCK and size + more <= MAX_PORTION:
            blocks[-1] += 1
            size += more
        else:
            blocks.append(1)
            size = more
    return blocks


def portions_for_check(sizes: Sequence[int], count: int, limit: int, in_blocks: bool) -> int:
    """How many of the portions that come next a transaction shows to `check`.

    Parameters
    ----------
    sizes : sequence of int
        Bytes of each portion from the next one on.
    count : int
        Rows of every portion.
    limit : int
        Rows that are checked at most, but for what the scorer takes at once.
    in_blocks : bool
        Whether the scorer takes them in blocks: then the portion after them is shown, too, which tells that the last
        block has no room for it.

    Examples
    --------
    >>> [portions_for_check([900] * 40, 25, limit, in_blocks=True) for limit in (1, 256, 700)]
    [11, 11, 21]
    >>> [portions_for_check([900] * 40, 25, limit, in_blocks=False) for limit in (1, 256, 700)]
    [1, 10, 18]
    """
    taken, shown = 0, 0
    for parts in blocks_in(sizes, count) if in_blocks else [1] * len(sizes):
        more = sum(sizes[taken : taken + parts + in_blocks])
        if taken and ((taken + parts) * count > limit or shown + more > (MAX_SHOWN if in_blocks else MAX_PORTION)):
            break
        shown += sum(sizes[taken : taken + parts])
        taken += parts
    return min(taken + in_blocks, len(sizes))


class Replica(Protocol):
    """What a scorer asks of a model's twin."""

    def evaluate(self, rows: bytes) -> int: ...

    def update(self, x: bytes, y: int) -> int: ...


def first_rows(rows: bytes, count: int) -> bytes:
    """The first `count` rows or, where there are fewer, all."""
    end = 0
    for _ in range(count):
        if end < len(rows):
            end += ROW_HEAD + int.from_bytes(rows[end + 1 : end + ROW_HEAD], "big")
    return rows[:end]


def check_row_count(rows: bytes, count: int) -> None:
    """Raise `Revert` if a portion does not end with the last of so many rows."""
    end = 0
    for _ in range(count):
        require(end + ROW_HEAD <= len(rows), NOT_AS_MANY)
        length = int.from_bytes(rows[end + 1 : end + ROW_HEAD], "big")
        require(length <= MAX_SAMPLE, "sample: longer than 2,048 bytes")
        end += ROW_HEAD + length
    require(end == len(rows), NOT_AS_MANY)


class Scorer(Protocol):
    """What a market asks of a scorer; see `IScorer.vyi`."""

    replica: Replica
    cursor: int

    def check(self, portions: Sequence[bytes], count: int, more: bool, limit: int) -> tuple[int, int, int, bool]: ...

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
        self.checked = False

    def check(self, portions: Sequence[bytes], count: int, more: bool, limit: int) -> tuple[int, int, int, bool]:
        """Keep the portions of `count` rows that come next, and count errors before the first contribution.

        Returns them, on how many rows, how many portions need not be shown again, and whether all rows are evaluated.
        """
        require(not self.checked, "scorer: checked already")
        for rows in portions:
            check_row_count(rows, count)
        before = self.portions, self.cursor, self.offset
        self.portions = [*self.portions, *portions]
        self.cursor = max(self.cursor, 1)
        try:
            errors, evaluated = self._evaluate(limit)
            require(evaluated > 0 or len(portions) > 0, "scorer: nothing to check")
        except Revert:
            self.portions, self.cursor, self.offset = before
            raise
        if not self.cursor and more:
            self.cursor = len(self.portions) + 1
        self.checked = not self.cursor
        return errors, evaluated, len(portions), self.checked

    def score(self, first: int, samples: Samples, limit: int) -> tuple[list[int], int, int]:
        """Go on with the first of the contributions; its errors on the next rows, how many, `first` at the end."""
        require(self.checked and first == self.scored + 1, "scorer: not the contribution that comes next")
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
        self.blocks: list[bytes] = []
        self.begun = 0  # rows of the portion that comes next that are in these
        self.errors: list[list[int]] = []  # by contribution, of each block
        self.done: list[int] = []  # by block: contributions

    def check(self, portions: Sequence[bytes], count: int, more: bool, limit: int) -> tuple[int, int, int, bool]:
        """Errors before the first contribution on the next blocks; a block is taken whole, and one at least.

        Returns them, on how many rows, how many of the portions need not be shown again, and whether all are checked.
        """
        blocks, errors, evaluated, taken, begun = list(self.blocks), 0, 0, 0, self.begun
        for parts in blocks_in([len(rows) for rows in portions], count):
            if more and taken + parts == len(portions) and (parts + 1) * count <= BLOCK:
                break  # the next portion may belong to it
            while begun < parts * count:
                number = min(BLOCK, parts * count - begun)
                if evaluated and evaluated + number > limit:
                    break
                blocks.append(self._block(portions[taken : taken + parts], count, begun, number))
                errors += self.replica.evaluate(blocks[-1])
                evaluated += number
                begun += number
            if begun < parts * count:
                break
            taken, begun = taken + parts, 0
        require(evaluated > 0, "scorer: nothing to check")
        self.done += [0] * (len(blocks) - len(self.blocks))
        self.blocks, self.begun = blocks, begun
        return errors, evaluated, taken, taken == len(portions) and not more

    def _block(self, portions: Sequence[bytes], count: int, first: int, number: int) -> bytes:
        """So many rows from the `first` of these portions on; each portion must end with the last of its rows."""
        found = b""

        def fail(why: str) -> NoReturn:
            if found:
                self.replica.evaluate(found)  # a row before may be at fault
            raise Revert(why)

        for rows in portions:
            end = len(first_rows(rows, first))
            last = min(count, first + number)
            for _ in range(first, last):
                length = int.from_bytes(rows[end + 1 : end + ROW_HEAD], "big")
                if end + ROW_HEAD > len(rows):
                    fail(NOT_AS_MANY)
                if length > MAX_SAMPLE:
                    fail("sample: longer than 2,048 bytes")
                if end + ROW_HEAD + length > len(rows):
                    fail(NOT_AS_MANY)
                found += rows[end : end + ROW_HEAD + length]
                end += ROW_HEAD + length
            if last == count and end < len(rows):
                fail(NOT_AS_MANY)
            number -= last - first
            first = 0
        return found

    def score(self, first: int, samples: Samples, limit: int) -> tuple[list[int], int, int]:
        """Take contributions through the next blocks; see `IScorer.vyi`."""
        last = first + len(samples) - 1
        found, rows, evaluated, scored = [0] * len(samples), 0, 0, 0
        for b, block in enumerate(self.blocks):
            if self.done[b] >= last:
                continue
            require(self.done[b] + 1 >= first, "scorer: not the contribution that comes next")
            number = sum(1 for _ in iterate_rows(block))
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
        require(rows > 0, "scorer: nothing to score")
        return found, evaluated, scored


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
