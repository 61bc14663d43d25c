# pragma version 0.4.3
"""
@title Merkle proof
@notice Checks proofs of OpenZeppelin's standard tree: leaves are hashed twice, and two nodes are hashed with the smaller first.
@dev Because pairs are sorted, a proof does not say where in the tree its leaf stands. Who needs to know that a tree has no
     other leaves than the ones it was shown adds up their weights: see `_weight`.
"""

MAX_DEPTH: constant(uint256) = 8  # 256 leaves in a tree whose leaves are as high as they can be
FULL: constant(uint256) = 2**MAX_DEPTH  # what the weights of all leaves of a tree add up to


@internal
@pure
def _leaf(inner: bytes32) -> bytes32:
    """
    @dev Hashed twice, a leaf cannot be taken for a pair of nodes, which is 64 bytes long.
    @param inner The hash of the ABI-encoded values of the leaf.
    """
    return keccak256(inner)


@internal
@pure
def _root(leaf: bytes32, proof: DynArray[bytes32, MAX_DEPTH]) -> bytes32:
    """
    @dev The root of the tree in which `proof`, from the leaf's neighbour upwards, leads from the leaf to the root.
    """
    node: bytes32 = leaf
    for other: bytes32 in proof:
        node = self._pair(node, other)
    return node


@internal
@pure
def _pair(a: bytes32, b: bytes32) -> bytes32:
    """
    @dev The parent of two nodes.
    """
    one: uint256 = convert(a, uint256)
    other: uint256 = convert(b, uint256)
    swap: uint256 = unsafe_mul(one ^ other, convert(one > other, uint256))
    return keccak256(abi_encode(one ^ swap, other ^ swap))


@internal
@pure
def _weight(depth: uint256) -> uint256:
    """
    @dev The part of the tree that a leaf at this depth takes up, of `FULL`. Different leaves take up different parts
         (Kraft's inequality), so leaves whose weights add up to `FULL` are all that the tree has.
    """
    return FULL >> depth
