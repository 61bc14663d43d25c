# pragma version 0.4.3
"""
@title Owed
@notice How a market knows of all contributions that were scored in one word, and what each of them is owed in another: a hash
        that grows with each, and the root of a Merkle tree.
"""

MASK_160: constant(uint256) = 2**160 - 1


@internal
@pure
def _link(digest: bytes32, entry: uint256) -> bytes32:
    """
    @dev What the entries so far hash to, after one more.
    @param digest Before it; of none: 0.
    @param entry Errors (16 bits), account (160).
    """
    return keccak256(abi_encode(digest, entry))


@internal
@pure
def _account(contributor: address, sponsor: address) -> uint256:
    """
    @dev Who contributed and who paid, in 160 bits. It is a hash also where both are the same, so that no two accounts can be
         taken for one.
    """
    return convert(keccak256(abi_encode(contributor, sponsor)), uint256) & MASK_160


@internal
@pure
def _leaf(index: uint256, account: uint256, amount: uint256) -> bytes32:
    """
    @dev With 96 bytes it cannot be taken for a pair of nodes, which is 64 bytes long.
    @param index Of the contribution, from 1.
    @param amount In wei.
    """
    return keccak256(abi_encode(index, account, amount))
