"""What the provider of a prediction market commits to: a test set in portions, as the leaves of a Merkle tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from eth_utils import keccak

from comodels.merkle import MerkleTree, standard_leaf

LEAF_TYPES = ("uint256", "address", "uint256", "uint256", "bytes32", "bytes32")  # see `portion_leaf`


def portion_leaf(chain_id: int, contract: str, market: int, index: int, salt: bytes, rows: bytes) -> bytes:
    """The leaf of a portion."""
    return standard_leaf(
        LEAF_TYPES,
        [chain_id, contract, market, index, salt, keccak(rows)],
    )


def beside_portion(salt: bytes, rows: bytes, proof: Sequence[bytes]) -> list[bytes]:
    """What is shown to `check` beside the rows of a portion, in words of 32 bytes."""
    return [salt, len(rows).to_bytes(32, "big"), len(proof).to_bytes(32, "big"), *proof]


@dataclass(kw_only=True)
class Commitment:
    """What a provider commits to: a test set in portions, from their file, or from what was revealed.

    Attributes
    ----------
    contract : str
        The address of the prediction market.
    market : int
        The id that the market has, or will have.
    portions : list of bytes
        Rows of each portion, as `evaluate` takes them.
    salts : list of bytes
        32 bytes for each portion.
    """

    chain_id: int
    contract: str
    market: int
    portions: list[bytes]
    salts: list[bytes]

    @cached_property
    def tree(self) -> MerkleTree:
        return MerkleTree([self.leaf(i) for i in range(len(self.portions))])

    def leaf(self, index: int) -> bytes:
        return portion_leaf(self.chain_id, self.contract, self.market, index, self.salts[index], self.portions[index])

    def reveal_arguments(self, index: int) -> tuple[int, int, bytes, bytes, list[bytes]]:
        """Arguments of the contract's `reveal`."""
        return self.market, index, self.salts[index], self.portions[index], self.tree.proof(index)

    def check_arguments(self, indices: Sequence[int]) -> tuple[bytes, list[bytes]]:
        """What the contract's `check` is shown of portions: their rows, and what stands beside them."""
        beside = [beside_portion(self.salts[i], self.portions[i], self.tree.proof(i)) for i in indices]
        return b"".join(self.portions[i] for i in indices), [word for words in beside for word in words]
