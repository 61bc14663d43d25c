# pragma version 0.4.3
"""
@title Owed
@notice How a market knows of all contributions that were scored in one word, and what each 64 of them are owed in another: a hash
        that grows with each, and the root of a Merkle tree.
@dev A leaf of a tree is the hash of the ABI-encoded index of the contribution, from 1, its account, and what it is owed in wei. With
     96 bytes it cannot be taken for a pair of nodes, which is 64 bytes long. Of two nodes the smaller is hashed first. A tree stands for
     contributions 64 t + 1 to 64 t + 64, and says the index in each leaf.
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
