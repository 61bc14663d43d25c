# pragma version 0.4.3
"""
@title Owed
@notice How a market knows of all contributions that were scored in one word, and what each of them is owed in another: a hash
        that grows with each, and the root of a Merkle tree.
"""


@internal
@pure
def _link(digest: bytes32, entry: uint256) -> bytes32:
    """
    @dev What the entries so far hash to, after one more.
    @param digest Before it; of none: 0.
    @param entry Errors (16 bits), contributor (160).
    """
    return keccak256(abi_encode(digest, entry))


@internal
@pure
def _leaf(index: uint256, contributor: address, amount: uint256) -> bytes32:
    """
    @dev With 96 bytes it cannot be taken for a pair of nodes, which is 64 bytes long.
    @param index Of the contribution, from 1.
    @param amount In wei.
    """
    return keccak256(abi_encode(index, contributor, amount))
