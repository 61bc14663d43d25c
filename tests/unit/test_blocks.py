"""Which blocks of hidden rows a transaction shows."""

import pytest

from comodels.incentives.blocks import LINE, MAX_CARRIED, MAX_STATE, Blocks, row_words, rows_carried
from comodels.incentives.scorers import BLOCK
from comodels.rows import pack_rows


def head(rows, words):
    """The state of a block, a line."""
    return [rows | 1 << 32 | len(words) // LINE << 48] + [0] * (LINE - 1)


def told(portions, count):
    """Blocks that have gone through nothing yet."""
    blocks = Blocks(portions, count)
    for number, rows in enumerate(blocks.rows):
        words = row_words(rows)
        size = len([w for w in words if w])
        blocks.tell({"number": number, "done": 0, "state": head(size, words)})
    return blocks


PORTION = pack_rows([(1, b"\0\1")] * 200)  # 200 rows: 13 lines, and one of the state


@pytest.mark.parametrize(
    ("limit", "shown"), [(0, 1), (1, 1), (200, 1), (399, 1), (400, 2), (65_535, 5)], ids=lambda n: str(n)
)
def test_carried__limits__whole_blocks_and_one_at_least(limit, shown):
    words = told([PORTION] * 5, 200).carried(1, limit)
    assert len(words) == shown * 14 * LINE
    assert rows_carried(words) == shown * 200


def test_carried__more_than_fit__as_many_as_fit():
    blocks = told([PORTION] * 20, 200)
    words = blocks.carried(1, 65_535)
    assert len(words) == MAX_CARRIED // (14 * LINE) * 14 * LINE <= MAX_CARRIED
    # whatever is told of their state
    rows = blocks.rows_that_fit(1)
    assert rows == MAX_CARRIED // (13 * LINE + MAX_STATE) * 200
    assert rows_carried(blocks.carried(1, rows)) == rows


def test_carried__some_are_done__the_others():
    blocks = told([PORTION] * 3, 200)
    blocks.tell({"number": 0, "done": 7, "state": [*head(200, [0] * 13 * LINE)]})
    assert rows_carried(blocks.carried(7, 65_535)) == blocks.rows_that_fit(7) == 400
    assert rows_carried(blocks.carried(8, 65_535)) == 600
    for number in (1, 2):
        blocks.tell({"number": number, "done": 7, "state": blocks.states[number]})
    assert blocks.carried(7, 65_535) == []
    assert blocks.rows_that_fit(7) == 0


def test_blocks__portions_larger_than_a_block__pieces_of_it():
    rows = pack_rows([(0, b"\0\2")] * 300)
    blocks = Blocks([rows] * 2, 300)
    assert [len(block) for block in blocks.rows] == [5 * BLOCK, 5 * (300 - BLOCK)] * 2
    assert b"".join(blocks.rows) == rows * 2


def test_row_words__samples_of_any_length__no_feature_is_left_out():
    counts = [1, 14, 15, 16, 30, 31, 640]
    samples = [b"".join(i.to_bytes(2, "big") for i in range(9, 9 + n)) for n in counts]
    words = row_words(pack_rows([(i % 2, x) for i, x in enumerate(samples)]))
    assert len(words) % LINE == 0
    found = [[] for _ in counts]
    for word in words:
        if word:
            assert word >> 8 & 255 == (word & 255) % 2
            found[word & 255] += [lane - 1 for at in range(240, 0, -16) if (lane := word >> at & 0xFFFF)]
    assert found == [list(range(9, 9 + n)) for n in counts]
