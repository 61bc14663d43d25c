"""Hidden rows in blocks, as scorers that keep only a hash of them are shown them to score contributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comodels.incentives.scorers import BLOCK, blocks_in, first_rows
from comodels.rows import iterate_rows

LINE = 16  # words that are hashed together
LANES = 15  # features to a word
MAX_CARRIED = 2_304  # words in one transaction
MAX_STATE = 304  # words of a block's state: a head, and ten classes with 29 planes


def row_words(rows: bytes) -> list[int]:
    """Rows of a block as words.

    Each word has 15 features of a row, one more than each in 16 bits, the first in the highest, and below them the
    row's label and number, in 8 bits each. Words of 0 fill the last line of 16 words.

    Parameters
    ----------
    rows : bytes
        At most 256 rows of sparse samples, packed.

    Examples
    --------
    >>> words = row_words(bytes.fromhex("01000200030000020005"))
    >>> len(words), [f"{word:064x}" for word in words[:2]]  # doctest: +NORMALIZE_WHITESPACE
    (16, ['0004000000000000000000000000000000000000000000000000000000000100',
          '0006000000000000000000000000000000000000000000000000000000000001'])
    """
    words = []
    for number, (label, x) in enumerate(iterate_rows(rows)):
        lanes = [int.from_bytes(x[i : i + 2], "big") + 1 for i in range(0, len(x), 2)]
        for start in range(0, len(lanes), LANES):
            some = b"".join(lane.to_bytes(2, "big") for lane in lanes[start : start + LANES])
            words.append(int.from_bytes(some.ljust(2 * LANES, b"\0") + bytes([label, number]), "big"))
    return words + [0] * (-len(words) % LINE)


def rows_carried(words: Sequence[int]) -> int:
    """How many hidden rows the blocks have that a transaction shows.

    Parameters
    ----------
    words : sequence of int
        As `Blocks.carried` gives them.
    """
    rows = at = 0
    while at < len(words):
        head = words[at]
        rows += head & 0xFFFF
        at += LINE * ((head >> 32 & 0xFFFF) + (head >> 48 & 0xFFFF))
    return rows


class Blocks:
    """The blocks of a market's hidden rows, and what is told of them.

    Parameters
    ----------
    portions : sequence of bytes
        Rows of each hidden portion, in their order.
    count : int
        Rows of every portion.
    """

    def __init__(self, portions: Sequence[bytes], count: int):
        self.rows: list[bytes] = []
        at = 0
        for parts in blocks_in([len(rows) for rows in portions], count):
            left = b"".join(portions[at : at + parts])
            at += parts
            while left:
                self.rows.append(first_rows(left, BLOCK))
                left = left[len(self.rows[-1]) :]
        self.words: list[list[int] | None] = [None] * len(self.rows)
        self.done = [0] * len(self.rows)  # contributions
        self.states: list[list[int]] = [[] for _ in self.rows]

    def tell(self, event: Any) -> None:
        """Note what an event `Block` says, a mapping of its arguments by their names."""
        self.done[event["number"]] = event["done"]
        self.states[event["number"]] = list(event["state"])

    def carried(self, last: int, limit: int) -> list[int]:
        """What `score_many` is to be shown for contributions up to the `last`: the blocks that come next.

        Parameters
        ----------
        limit : int
            Rows of these blocks at most, but for the first.

        Returns
        -------
        list of int
            At most 2,304 words of 256 bits.
        """
        shown: list[int] = []
        rows = 0
        for number, block in enumerate(self.rows):
            if self.done[number] >= last:
                continue
            words = self._words(number)
            rows += sum(1 for _ in iterate_rows(block))
            if shown and (rows > limit or len(shown) + len(self.states[number]) + len(words) > MAX_CARRIED):
                break
            shown += self.states[number] + words
        return shown

    def rows_that_fit(self, last: int) -> int:
        """How many rows the blocks that come next have, as many as fit in a transaction whatever is told of them."""
        rows = words = 0
        for number, block in enumerate(self.rows):
            if self.done[number] < last:
                words += MAX_STATE + len(self._words(number))
                if rows and words > MAX_CARRIED:
                    break
                rows += sum(1 for _ in iterate_rows(block))
        return rows

    def _words(self, number: int) -> list[int]:
        words = self.words[number]
        if words is None:
            words = self.words[number] = row_words(self.rows[number])
        return words
