"""A provider's test set, kept in one file that survives a crash."""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eth_utils import keccak

from comodels.errors import ComodelsError
from comodels.incentives.commitment import LEAF_TYPES, Commitment
from comodels.incentives.prediction_market import Plan
from comodels.incentives.scorers import MAX_PORTION
from comodels.rows import iterate_rows, pack_rows


class SecretError(ComodelsError):
    """The file with the test set is missing, broken, or does not fit."""


@dataclass(kw_only=True)
class Secret(Commitment):
    """All that only the provider knows until the end of a market.

    Attributes
    ----------
    model : str
        Its address.
    source : str
        What `fingerprint` says of the rows that the portions were cut from.
    transactions : list of dict
        What was signed for this market, noted before it was sent: ``{"what": "reveal 3", "hash": "0x…"}``.

    The file has two parts. Its first line is the test set, as JSON, with the tree as OpenZeppelin's library dumps it:
    written before the commitment is sent, and never changed. Each line after it is a transaction.
    """

    model: str
    provider: str
    plan: Plan
    source: str = ""
    transactions: list[dict] = field(default_factory=list)

    @classmethod
    def new(cls, portions: Sequence[bytes], **fields) -> "Secret":
        """With fresh random salts."""
        return cls(portions=list(portions), salts=[secrets.token_bytes(32) for _ in portions], **fields)

    @property
    def dump(self) -> dict:
        """The tree as `StandardMerkleTree.load` of @openzeppelin/merkle-tree reads it."""
        fields = self.chain_id, self.contract, self.market
        return {
            "format": "standard-v1",
            "leafEncoding": list(LEAF_TYPES),
            "tree": ["0x" + node.hex() for node in self.tree.nodes],
            "values": [
                {
                    "value": [*map(str, fields), str(i), "0x" + salt.hex(), "0x" + keccak(rows).hex()],
                    "treeIndex": self.tree.position(i),
                }
                for i, (salt, rows) in enumerate(zip(self.salts, self.portions, strict=True))
            ],
        }

    # ---- the file ----------------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write it such that at any moment either the old or the new content is on the disk, whole."""
        content = {
            "warning": "Who reads this file knows the test set. Who loses it loses bounty and bond.",
            "chain_id": self.chain_id,
            "contract": self.contract,
            "model": self.model,
            "market": hex(self.market),
            "provider": self.provider,
            "plan": self.plan.__dict__,
            "source": self.source,
            "portions": [
                {"salt": "0x" + salt.hex(), "rows": "0x" + rows.hex()}
                for salt, rows in zip(self.salts, self.portions, strict=True)
            ],
            "tree": self.dump,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for line in (content, *self.transactions):
                file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @classmethod
    def load(cls, path: Path) -> "Secret":
        """Read it, and check that it still gives the root that was committed to."""
        if not path.is_file():
            raise SecretError(f"{path}: there is no such file. It was written by `ape run market commit`.")
        try:
            first, *rest = path.read_text(encoding="utf-8").split("\n")
            content = json.loads(first)
            secret = cls(
                chain_id=content["chain_id"],
                contract=content["contract"],
                model=content["model"],
                market=int(content["market"], 16),
                provider=content["provider"],
                plan=Plan(**content["plan"]),
                source=content["source"],
                portions=[bytes.fromhex(p["rows"][2:]) for p in content["portions"]],
                salts=[bytes.fromhex(p["salt"][2:]) for p in content["portions"]],
                # what follows the last end of a line is empty, or was cut off by a crash before it was sent
                transactions=[json.loads(line) for line in rest[:-1]],
            )
            root = content["tree"]["tree"][0]
        except (ValueError, KeyError, TypeError) as error:
            raise SecretError(f"{path}: not a file of `ape run market commit` ({error})") from error
        if "0x" + secret.tree.root.hex() != root:
            raise SecretError(f"{path}: rows or salts were changed: they do not give the root that was committed to")
        return secret

    def note(self, path: Path, what: str, transaction: str) -> None:
        """Keep what is going to be sent: on the disk when this returns."""
        self.transactions.append({"what": what, "hash": transaction})
        with path.open("r+b") as file:
            content = file.read()
            file.seek(content.rfind(b"\n") + 1)  # over what a crash cut off
            file.truncate()
            file.write(json.dumps(self.transactions[-1]).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def fingerprint(rows: Sequence[tuple[int, bytes]]) -> str:
    """Tells test sets apart, whatever the order of their rows."""
    return keccak(pack_rows(sorted(rows))).hex()


def cut(rows: Sequence[tuple[int, bytes]], portions: int) -> list[bytes]:
    """Portions of equal numbers of (label, sample) rows; what does not divide is left out."""
    size = len(rows) // portions
    if size == 0:
        raise SecretError(f"{len(rows)} rows do not make {portions} portions")
    packed = [pack_rows(rows[i * size : (i + 1) * size]) for i in range(portions)]
    longest = max(map(len, packed))
    if longest > MAX_PORTION:
        raise SecretError(
            f"A portion of {size} rows takes {longest:,} bytes, at most {MAX_PORTION:,} are allowed: "
            "make more portions, or take fewer rows."
        )
    return packed


def row_count(rows: bytes) -> int:
    return sum(1 for _ in iterate_rows(rows))


def path_in(folder: Path, market: int) -> Path:
    """The file of a market's test set."""
    return folder / f"{market:048x}.secret.json"
