"""The hashes by which a market keeps contributions: one for each group of 16, over those that are in it.

Who shows some contributions that follow each other shows what the first one's group hashed to before it, and what
stands for those after the last one in its group.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi import encode
from eth_utils import keccak

from comodels.wire import account_of

GROUP = 16  # contributions

Given = tuple[str, bytes, int, int] | tuple[str, bytes, int, int, str]
"""A contribution: contributor, sample, label, effect; and, where another paid for it, its sponsor."""


def stands_for(index: int, contributor: str, x_hash: bytes, y: int, effect: int, sponsor: str | None = None) -> bytes:
    """What stands for a contribution, counted from 1; the sponsor is by default its contributor."""
    account = account_of(contributor, sponsor)
    return keccak(encode(("uint256", "address", "bytes32", "uint256", "uint256"), [index, account, x_hash, y, effect]))


def around(contributions: Sequence[Given], first: int, last: int) -> tuple[bytes, list[bytes]]:
    """What is shown beside the contributions from `first` to `last`, counted from 1, of all that there are.

    Returns
    -------
    bytes
        The hash of the first one's group before it; 0 if it is the group's first.
    list of bytes
        What stands for those after the last one in its group.

    Examples
    --------
    >>> given = [("0x" + "11" * 20, bytes([0, i]), 1, 2) for i in range(20)]
    >>> around(given, 17, 20) == (bytes(32), [])
    True
    >>> len(around(given, 3, 10)[1])
    6
    """
    begin, end = (first - 1) // GROUP * GROUP, min(-(-last // GROUP) * GROUP, len(contributions))

    def hashed(index: int) -> bytes:
        who, x, *rest = contributions[index - 1]
        return stands_for(index, who, keccak(x), *rest)

    before = bytes(32)
    for index in range(begin + 1, first):
        before = keccak(before + hashed(index))
    return before, [hashed(index) for index in range(last + 1, end + 1)]
