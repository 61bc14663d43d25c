"""Rows of samples, as `evaluate` takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from comodels.revert import require

Item = TypeVar("Item")

ROW_HEAD = 3  # bytes before the sample: label (1), length of the sample (2, big-endian)
MAX_SAMPLE = 2_048  # bytes


def pack_rows(rows: Iterable[tuple[int, bytes]]) -> bytes:
    """The bytes of (label, sample) pairs, one after the other.

    Examples
    --------
    >>> pack_rows([(1, bytes.fromhex("00010102"))]).hex()
    '01000400010102'
    """
    return b"".join(bytes([y]) + len(x).to_bytes(2, "big") + x for y, x in rows)


def in_parts(items: Iterable[Item], size: Callable[[Item], int], limit: int, most: int = 2**63) -> Iterator[list[Item]]:
    """Items in their order, in as few parts as their bytes (`size`) and their number allow; each has at least one.

    Examples
    --------
    >>> list(in_parts([4, 3, 9, 1, 1, 1], lambda item: item, limit=7, most=2))
    [[4, 3], [9], [1, 1], [1]]
    """
    part: list[Item] = []
    total = 0
    for item in items:
        if part and (total + size(item) > limit or len(part) == most):
            yield part
            part, total = [], 0
        part.append(item)
        total += size(item)
    if part:
        yield part


def iterate_rows(rows: bytes) -> Iterator[tuple[int, bytes]]:
    """The (label, sample) pairs of rows. Raises `Revert` where a row is cut off."""
    position = 0
    while position < len(rows):
        require(position + ROW_HEAD <= len(rows), "sample: row is cut off")
        length = int.from_bytes(rows[position + 1 : position + 3], "big")
        require(length <= MAX_SAMPLE, "sample: longer than 2,048 bytes")
        require(position + ROW_HEAD + length <= len(rows), "sample: row is cut off")
        yield rows[position], rows[position + ROW_HEAD : position + ROW_HEAD + length]
        position += ROW_HEAD + length


def count_errors(model, rows: bytes) -> int:
    """The number of rows whose class a twin gets wrong. Raises `Revert` for malformed rows and unknown labels."""
    errors = 0
    for y, x in iterate_rows(rows):
        require(y < model.class_count, "model: no such class")
        errors += model.predict(x) != y
    return errors
