"""Merkle trees as OpenZeppelin's `StandardMerkleTree` makes them.

Leaves are hashed twice and sorted, if not said otherwise, two nodes are hashed with the smaller first, and the tree is
complete: node i has the children 2i + 1 and 2i + 2, and the leaves are the last n of 2n - 1 nodes.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi import encode
from eth_utils import keccak


def hash_pair(a: bytes, b: bytes) -> bytes:
    """The parent of two nodes, whichever is left."""
    return keccak(a + b if a < b else b + a)


def standard_leaf(types: Sequence[str], values: Sequence) -> bytes:
    """The leaf over ABI-encoded values."""
    return keccak(keccak(encode(types, values)))


class MerkleTree:
    """A tree over leaves of 32 bytes.

    Parameters
    ----------
    leaves : sequence of bytes
    is_sorted : bool
        Whether the leaves are sorted first, as the standard says; what a contract builds keeps them in their order.

    Examples
    --------
    >>> tree = MerkleTree([keccak(bytes([i])) for i in range(10)])
    >>> root_of(keccak(bytes([3])), tree.proof(3)) == tree.root
    True
    """

    def __init__(self, leaves: Sequence[bytes], is_sorted: bool = True):
        if not leaves:
            raise ValueError("a tree needs a leaf")
        order = sorted(range(len(leaves)), key=lambda i: leaves[i]) if is_sorted else range(len(leaves))
        last = 2 * len(leaves) - 2
        self.nodes = [b""] * (last + 1)
        self._position = {}
        for rank, i in enumerate(order):
            self.nodes[last - rank] = leaves[i]
            self._position[i] = last - rank
        for i in range(len(leaves) - 2, -1, -1):
            self.nodes[i] = hash_pair(self.nodes[2 * i + 1], self.nodes[2 * i + 2])

    @property
    def root(self) -> bytes:
        return self.nodes[0]

    def position(self, index: int) -> int:
        """The node that a leaf (counted as they were given) is."""
        return self._position[index]

    def proof(self, index: int) -> list[bytes]:
        """The nodes beside the way from a leaf (counted as they were given) to the root."""
        position = self._position[index]
        proof = []
        while position:
            proof.append(self.nodes[position + 1 if position % 2 else position - 1])
            position = (position - 1) // 2
        return proof


def root_of(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that a proof leads to."""
    for node in proof:
        leaf = hash_pair(leaf, node)
    return leaf
