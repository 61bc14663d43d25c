# pragma version 0.4.3
"""
@title Settler
@notice What the contributions to a market earned, and Merkle trees over it.
@dev It keeps nothing and asks nobody: a market shows it what was scored, and checks by the hash that this is so.
     The result is that of the slides' loop (`rounds` times: everyone who still has a stake bets it again, and wins or loses the
     change in loss since the one before who also does), in one pass: what a contribution earns depends only on who was before
     it and for how many rounds they stayed. Of these only those count who stay longer than all who come after them: a stack,
     whose top is the latest contribution and whose rounds fall from bottom to top. Against the same predecessor the gain per
     round is constant, so the round in which the balance falls below one stake is one division. Balances are in stakes times
     rows. Because only those before count, contributions that are scored when the scoring is abandoned earn what they would
     have earned anyway.
"""
from ..interfaces import ISettler
from ..modules import limits
from ..modules import sample

implements: ISettler

ENTRY: constant(uint256) = 22  # bytes
MASK_16: constant(uint256) = 2**16 - 1
MASK_64: constant(uint256) = 2**64 - 1

# where the fields of a contribution begin while it is worked out, from the lowest bits: errors (16), previous on the stack (16),
# rounds (24)
PREVIOUS: constant(uint256) = 16
ROUNDS: constant(uint256) = 32


@external
@view
def settle(
    entries: Bytes[limits.MAX_ENTRIES], initial: uint256, rows: uint256, rounds: uint256, stake: uint256
) -> (bytes32, uint256, bytes32[limits.MAX_TREES]):
    """
    @notice What each contribution is owed: in all, and as the roots of Merkle trees. See `ISettler`.
    """
    return self._settle(len(entries), initial, rows, rounds, stake)


@internal
@view
def _settle(
    size: uint256, initial: uint256, rows: uint256, rounds: uint256, stake: uint256
) -> (bytes32, uint256, bytes32[limits.MAX_TREES]):
    """
    @dev A function of its own, which reads the entries where they stand in the calldata: behind their place in memory it would pay
         for all that they could take.
    @param size The length of the entries, the first argument of the external call.
    """
    assert size > 0 and size % ENTRY == 0, "settler: entries are cut off"
    count: uint256 = size // ENTRY
    position: uint256 = sample._position()
    digest: bytes32 = empty(bytes32)
    total: uint256 = 0
    roots: bytes32[limits.MAX_TREES] = empty(bytes32[limits.MAX_TREES])
    index: uint256 = 0
    # at the bottom of the stack is the model as it was at the beginning
    word: uint256 = initial | (rounds << ROUNDS)
    # all contributions, those on the stack linked, four to a word
    places: uint256[limits.MAX_CONTRIBUTIONS // 4 + 1] = empty(uint256[limits.MAX_CONTRIBUTIONS // 4 + 1])
    places[0] = word
    for tree: uint256 in range((count + limits.TREE - 1) >> limits.TREE_BITS, bound=limits.MAX_TREES):
        nodes: uint256[limits.TREE] = empty(uint256[limits.TREE])
        left_over: uint256 = min(unsafe_sub(count, index), limits.TREE)
        for k: uint256 in range(left_over, bound=limits.TREE):
            entry: uint256 = convert(slice(msg.data, position, ENTRY), uint256)
            position = unsafe_add(position, ENTRY)
            digest = keccak256(abi_encode(digest, entry))
            errors: uint256 = entry & MASK_16
            surplus: uint256 = 0  # the balance above the stake, in two's complement
            done: uint256 = 0  # rounds
            before: uint256 = index  # whom it bets against
            for step: uint256 in range(limits.MAX_CONTRIBUTIONS):
                # what follows is safe: rounds have 24 bits, errors and rows 16, so balances have at most 40; rounds rise
                # from the top to the bottom of the stack, and no surplus is below 0 as long as others are looked at
                left: uint256 = unsafe_sub(word >> ROUNDS, done)
                loss: uint256 = unsafe_sub(errors, word & MASK_16)  # in two's complement: below 0 it is a gain
                if unsafe_sub(loss, 1) < MASK_16:
                    affordable: uint256 = unsafe_add(unsafe_div(surplus, loss), 1)
                    if affordable <= left:
                        # it leaves, and the other stays, unless it leaves at the same time: then nobody who comes later bets against
                        # it
                        surplus = unsafe_sub(surplus, unsafe_mul(loss, affordable))
                        done = unsafe_add(done, affordable)
                        if affordable == left:
                            before = (word >> PREVIOUS) & MASK_16
                        break
                surplus = unsafe_sub(surplus, unsafe_mul(loss, left))
                done = unsafe_add(done, left)
                if before == 0:
                    break
                # the other stays no longer than this one: nobody who comes later bets against it
                before = (word >> PREVIOUS) & MASK_16
                word = (places[before >> 2] >> ((before & 3) << 6)) & MASK_64
            word = errors | (before << PREVIOUS) | (done << ROUNDS)
            index = unsafe_add(index, 1)
            places[index >> 2] |= word << ((index & 3) << 6)
            # safe: a stake has 96 bits, and without rows there is no market
            amount: uint256 = unsafe_div(unsafe_mul(stake, unsafe_add(rows, surplus)), rows)
            total = unsafe_add(total, amount)
            nodes[k] = convert(keccak256(abi_encode(index, entry >> 16, amount)), uint256)
        # two nodes are taken from the front of a queue, and their parent put behind it. What is in the queue stands in its order;
        # the parents come to stand from the beginning on, behind one that is left over
        for level: uint256 in range(limits.TREE_BITS):
            if left_over == 1:
                break
            odd: uint256 = left_over & 1
            for k: uint256 in range(left_over >> 1, bound=limits.TREE // 2):
                one: uint256 = nodes[unsafe_add(k, k)]
                other: uint256 = nodes[unsafe_add(unsafe_add(k, k), 1)]
                swap: uint256 = unsafe_mul(one ^ other, convert(one > other, uint256))  # the smaller comes first
                nodes[unsafe_add(k, odd)] = convert(keccak256(abi_encode(one ^ swap, other ^ swap)), uint256)
            if odd == 1:
                nodes[0] = nodes[unsafe_sub(left_over, 1)]
            left_over = unsafe_add(left_over >> 1, odd)
        roots[tree] = convert(nodes[0], bytes32)
    return digest, total, roots
