"""Items of a batch, as the contracts' module `batch` reads them: many contributions or claims in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eth_utils import keccak

from comodels.rows import pack_rows

MAX_OWN_BYTES, MAX_BYTES, MAX_SIGNED_BYTES = 10_400, 6_400, 12_800  # of all items of one batch: own, claims, signed
MAX_SIGNATURE = 1_024  # bytes

TOO_LATE = "signatures: the deadline is over"
NOT_SIGNED = "signatures: not signed by the contributor"


@dataclass(frozen=True)
class Signed:
    """A contribution that its contributor signed, for a sponsor to send.

    Attributes
    ----------
    contributor : str
        An address.
    x : bytes
        The sample.
    y : int
        The label, below 256.
    deadline : int
        Seconds: the last second in which it may be sent, below 2**40.
    signature : bytes
        65 bytes r, s and v of an account with a key, or what a contract wallet takes, at most 1,024 bytes.
    """

    contributor: str
    x: bytes
    y: int
    deadline: int
    signature: bytes

    def pack(self) -> bytes:
        """The bytes of the item."""
        head = bytes.fromhex(self.contributor[2:]) + self.deadline.to_bytes(5, "big")
        head += len(self.signature).to_bytes(2, "big") + bytes([self.y]) + len(self.x).to_bytes(2, "big")
        return head + self.x + self.signature


def pack_claims(items: Iterable[tuple[str, bytes, int]]) -> bytes:
    """The bytes of (contributor, sample, label), one after the other.

    Examples
    --------
    >>> pack_claims([("0x" + "11" * 20, bytes.fromhex("00010102"), 1)]).hex()
    '111111111111111111111111111111111111111101000400010102'
    """
    return b"".join(bytes.fromhex(who[2:]) + pack_rows([(y, x)]) for who, x, y in items)


def pack_signed(items: Iterable[Signed]) -> bytes:
    """The bytes of signed contributions, one after the other."""
    return b"".join(item.pack() for item in items)


def record_key(model: str, contributor: str, sponsor: str, x: bytes, y: int) -> bytes:
    """The key of a contribution's record in `SelfAssessment`, as its events name it, 32 bytes."""
    words = b"".join(bytes(12) + bytes.fromhex(a[2:]) for a in (model, contributor, sponsor))
    return keccak(words + y.to_bytes(32, "big") + keccak(x))


def points_key(model: str, x: bytes, y: int, first: int | None) -> bytes:
    """The key under which `Points` records a sample with a label; `first` is its first label, None if it is new."""
    key = keccak(bytes(12) + bytes.fromhex(model[2:]) + keccak(x))
    return key if first in (None, y) else keccak(key + y.to_bytes(32, "big"))
