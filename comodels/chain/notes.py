"""What an account has signed and nobody was told of yet: a file, written before anything is sent.

A run that was killed, or never heard from the node again, leaves its transactions there. When the same is asked for
once more, they are waited for, or sent again as they are, instead of others: each ends at most once in the chain.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import rlp

from comodels.chain.abi import hashed
from comodels.chain.node import Node


@dataclass(frozen=True)
class Note:
    """A signed transaction.

    Attributes
    ----------
    asked : str
        What tells requests apart: the hash of recipient and calldata. Of a deposit it is the wei that may differ, as
        the price has another height a moment later; of a mere payment they count.
    raw : str
        What was signed, in hexadecimal.
    fields : dict
        What it says, but for the calldata, as numbers; ``to`` as a text.
    """

    hash: str
    nonce: int
    asked: str
    raw: str
    fields: dict[str, Any]

    @property
    def data(self) -> bytes:
        """The calldata: it stands in what was signed (EIP-1559, or the older kind without a type)."""
        raw = bytes.fromhex(self.raw)
        typed = raw[0] < 0x80
        return rlp.decode(raw[typed:])[7 if typed else 5]


def request(to: str | None, data: bytes, value: int) -> str:
    """What tells a request for a transaction from others, see `Note`."""
    return hashed((to or "").lower().encode() + b"|" + (data or str(value).encode())).hex()


class Notes:
    """The notes of one account on one chain.

    Parameters
    ----------
    path : Path
        The file; it is made when something is noted, and empty when all is told.
    """

    def __init__(self, path: Path):
        self.path = path
        self._open: list[Note] = []  # whose outcome nobody here knows yet
        self._known: list[Note] = []  # whose outcome this process knows
        if path.is_file():
            with self.locked() as file:
                self._open = self._read(file)

    @classmethod
    def of(cls, node: Node, address: str, folder: Path) -> Notes:
        """The notes of an account on the chain that a node belongs to, in a folder."""
        return cls(folder / f"chain-{node.chain_id}-{node.genesis[2:10]}.{address[2:10].lower()}.sent")

    @contextmanager
    def locked(self) -> Iterator:
        """The file, for one process at a time: who signs holds it until the node knows of the transaction."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    @staticmethod
    def _read(file) -> list[Note]:
        """What stands in the file and is not told."""
        file.seek(0)
        content = file.read()
        found: dict[str, Note] = {}
        for line in content.split(b"\n")[:-1]:  # what follows the last end of a line was cut off by a crash
            entry = json.loads(line)
            if "told" in entry:
                found.pop(entry["told"], None)
            else:
                found[entry["hash"]] = Note(**entry)
        return list(found.values())

    @staticmethod
    def _append(file, lines: list[dict]) -> None:
        file.seek(0)
        file.seek(file.read().rfind(b"\n") + 1)  # over what a crash cut off
        file.truncate()
        file.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())

    def add(self, file, note: Note) -> None:
        """Note what is going to be sent, in the `locked` file: on the disk when this returns."""
        self._append(file, [asdict(note)])
        self._open.append(note)

    def earlier(self, asked: str) -> list[Note]:
        """What was signed for this request and may be under way, or mined without anybody knowing."""
        return [note for note in self._open if note.asked == asked]

    @property
    def waiting(self) -> list[Note]:
        """What may be under way, or mined without anybody knowing."""
        return list(self._open)

    def between(self, first: int, last: int) -> list[Note]:
        """What has nonces from `first` to below `last`, in their order."""
        return sorted((n for n in self._open + self._known if first <= n.nonce < last), key=lambda n: n.nonce)

    @property
    def next_nonce(self) -> int:
        """The one after those that this process has seen mined; 0 if there are none."""
        return max((note.nonce + 1 for note in self._known), default=0)

    def known(self, nonce: int) -> None:
        """This process knows what became of the transaction with a nonce."""
        self._known += [note for note in self._open if note.nonce == nonce]
        self._open = [note for note in self._open if note.nonce != nonce]

    def told(self) -> None:
        """Whoever asked was told of all that this process knows: asked for again, it is sent again."""
        if not self._known:
            return
        ours = {note.hash for note in self._known}
        with self.locked() as file:
            if all(note.hash in ours for note in self._read(file)):
                file.truncate(0)
            else:
                self._append(file, [{"told": name} for name in ours])
        self._known = []

    def forget(self, nonce: int) -> None:
        """What has this nonce is settled and told: it was refused, or another transaction took its place."""
        others, self._known = self._known, []
        self.known(nonce)
        self.told()
        self._known = others
