"""Trees as OpenZeppelin makes them."""

import pytest
from eth_utils import keccak

from comodels.merkle import MerkleTree, root_of, standard_leaf


def test_standard_leaf__example_of_openzeppelin__its_published_root():
    # the example in the README of @openzeppelin/merkle-tree
    types = ["address", "uint256"]
    values = [
        ("0x1111111111111111111111111111111111111111", 5000000000000000000),
        ("0x2222222222222222222222222222222222222222", 2500000000000000000),
    ]
    tree = MerkleTree([standard_leaf(types, v) for v in values])
    assert tree.root.hex() == "d4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77"


@pytest.mark.parametrize("count", [1, 2, 3, 10, 255, 256])
def test_proof__of_every_leaf__leads_to_the_root_and_fills_the_tree(count):
    leaves = [keccak(i.to_bytes(2, "big")) for i in range(count)]
    tree = MerkleTree(leaves)
    proofs = [tree.proof(i) for i in range(count)]
    assert all(root_of(leaf, proof) == tree.root for leaf, proof in zip(leaves, proofs, strict=True))
    assert sum(256 >> len(proof) for proof in proofs) == 256
    assert max(map(len, proofs)) <= 8
    assert count == 1 or root_of(leaves[0], proofs[1]) != tree.root
