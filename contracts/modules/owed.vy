# pragma version 0.4.3
"""
@title Owed
@notice How a market knows of all contributions that were scored in one word, and what they are owed in another: a hash that grows
        with each call that scores some, and the root of a Merkle tree.
@dev An entry is what is known of a contribution that was scored: errors after it (16 bits), account (160). No entry is 0. The
     contributions that a call finishes are hashed in lines of 16 entries in their order, the last of which may be shorter: what
     is missing is 0. The hash before a line, and the line: what the hash says is one sequence of lines, and no other.
     The tree: the leaf of a contribution is account (160 bits), and below it what it is owed in wei (96), and is not hashed. It is
     the more to the right the later the contribution, so that the place of a leaf need not be said in it. A node is the hash of
     the two below it, the left one first; what is missing on the right is 0, and of two that are missing the node is 0. No leaf is
     missing and no node is 0, so nothing that is missing can be claimed. What is kept as its root is the hash of the
     top node and the number of levels below it: with another number of nodes nothing leads there, so that no node passes for a leaf.
"""

MASK_160: constant(uint256) = 2**160 - 1
LINE: constant(uint256) = 16  # entries
ENTRY: constant(uint256) = 22  # bytes of one that is shown: account, errors
WORDS: constant(uint256) = LINE * ENTRY // 32  # of a whole line that is shown: 11
MASK_ENTRY: constant(uint256) = 2**(8 * ENTRY) - 1


@internal
@pure
def _link(digest: bytes32, line: uint256[LINE]) -> bytes32:
    """
    @dev What the lines so far hash to, after one more.
    @param digest Before it; of none: 0.
    """
    return keccak256(abi_encode(digest, line))


@internal
@pure
def _root(top: uint256, depth: uint256) -> bytes32:
    """
    @dev What is kept of a tree.
    """
    return keccak256(abi_encode(top, depth))


@internal
@pure
def _account(contributor: address, sponsor: address) -> uint256:
    """
    @dev Who contributed and who paid, in 160 bits. It is a hash also where both are the same, so that no two accounts can be
         taken for one.
    """
    return convert(keccak256(abi_encode(contributor, sponsor)), uint256) & MASK_160
