# pragma version 0.4.3
"""
@title Settler
@notice What the contributions to a market earned, and a Merkle root over it.
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
MASK_24: constant(uint256) = 2**24 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_ENTRY: constant(uint256) = 2**(8 * ENTRY) - 1

# where the fields of a contribution begin while it is worked out, from the lowest bits: errors (16), previous on the stack (16),
# rounds (24), balance (40), account (160)
PREVIOUS: constant(uint256) = 16
ROUNDS: constant(uint256) = 32
BALANCE: constant(uint256) = 56
ACCOUNT: constant(uint256) = 96


@external
@view
def settle(
    entries: Bytes[limits.MAX_ENTRIES], initial: uint256, rows: uint256, rounds: uint256, stake: uint256
) -> (bytes32, bytes32, uint256):
    """
    @notice What each contribution is owed: in all, and as the root of a Merkle tree. See `ISettler`.
    """
    return self._settle(len(entries), initial, rows, rounds, stake)


@internal
@view
def _settle(
    size: uint256, initial: uint256, rows: uint256, rounds: uint256, stake: uint256
) -> (bytes32, bytes32, uint256):
    """
    @dev A function of its own, which reads the entries where they stand in the calldata: behind their place in memory it would pay
         for all that they could take.
    @param size The length of the entries, the first argument of the external call.
    """
    assert size > 0 and size % ENTRY == 0, "settler: entries are cut off"
    count: uint256 = size // ENTRY
    # where the 32 bytes begin that end with the next entry: not before the calldata, of which 36 bytes come before the entries
    position: uint256 = unsafe_sub(sample._position(), 32 - ENTRY)
    digest: bytes32 = empty(bytes32)
    total: uint256 = 0
    # at the bottom of the stack is the model as it was at the beginning
    word: uint256 = initial | (rounds << ROUNDS)
    # contributions, later nodes of the tree
    nodes: DynArray[uint256, limits.MAX_CONTRIBUTIONS + 1] = [word]
    for i: uint256 in range(count, bound=limits.MAX_CONTRIBUTIONS):
        entry: uint256 = convert(slice(msg.data, position, 32), uint256) & MASK_ENTRY
        position = unsafe_add(position, ENTRY)
        digest = keccak256(abi_encode(digest, entry))
        errors: uint256 = entry & MASK_16
        balance: uint256 = rows
        done: uint256 = 0  # rounds
        before: uint256 = i  # whom it bets against
        for step: uint256 in range(limits.MAX_CONTRIBUTIONS):
            # what follows is safe: rounds have 24 bits, errors and rows 16, so balances have at most 40; rounds never fall
            # from the top to the bottom of the stack, and a balance that pays for a round is at least the loss in it
            left: uint256 = unsafe_sub((word >> ROUNDS) & MASK_24, done)
            loss: uint256 = unsafe_sub(errors, word & MASK_16)  # or, in two's complement, gain
            if unsafe_sub(loss, 1) < MASK_16:
                affordable: uint256 = unsafe_add(unsafe_div(unsafe_sub(balance, rows), loss), 1)
                if affordable < left:
                    # it leaves, and the other stays
                    balance = unsafe_sub(balance, unsafe_mul(loss, affordable))
                    done = unsafe_add(done, affordable)
                    break
            balance = unsafe_sub(balance, unsafe_mul(loss, left))
            done = unsafe_add(done, left)
            if before == 0:
                break
            # the other stays no longer than this one: nobody who comes later bets against it
            before = (word >> PREVIOUS) & MASK_16
            if balance < rows:
                break
            word = nodes[before]
        word = errors | (before << PREVIOUS) | (done << ROUNDS) | (balance << BALANCE) | ((entry >> 16) << ACCOUNT)
        nodes.append(word)
    # two nodes are taken from the front of a queue, and their parent put behind it. All that are in the queue now stand in their
    # order, and their parents come to stand from the beginning on; behind one that is left over, if they are odd
    odd: uint256 = count & 1
    for k: uint256 in range(count >> 1, bound=limits.MAX_CONTRIBUTIONS // 2):
        # safe: a stake has 96 bits, and without rows there is no market
        index: uint256 = unsafe_add(unsafe_add(k, k), 1)
        word = nodes[index]
        amount: uint256 = unsafe_div(unsafe_mul(stake, (word >> BALANCE) & MASK_40), rows)
        total = unsafe_add(total, amount)
        one: uint256 = convert(keccak256(abi_encode(index, word >> ACCOUNT, amount)), uint256)
        index = unsafe_add(index, 1)
        word = nodes[index]
        amount = unsafe_div(unsafe_mul(stake, (word >> BALANCE) & MASK_40), rows)
        total = unsafe_add(total, amount)
        other: uint256 = convert(keccak256(abi_encode(index, word >> ACCOUNT, amount)), uint256)
        swap: uint256 = unsafe_mul(one ^ other, convert(one > other, uint256))
        nodes[unsafe_add(k, odd)] = convert(keccak256(abi_encode(one ^ swap, other ^ swap)), uint256)
    if odd == 1:
        word = nodes[count]
        amount: uint256 = unsafe_div(unsafe_mul(stake, (word >> BALANCE) & MASK_40), rows)
        total = unsafe_add(total, amount)
        nodes[0] = convert(keccak256(abi_encode(count, word >> ACCOUNT, amount)), uint256)
    left_over: uint256 = unsafe_add(count >> 1, odd)
    for level: uint256 in range(12):
        if left_over < 2:
            break
        odd = left_over & 1
        for k: uint256 in range(left_over >> 1, bound=limits.MAX_CONTRIBUTIONS // 4):
            one: uint256 = nodes[unsafe_add(k, k)]
            other: uint256 = nodes[unsafe_add(unsafe_add(k, k), 1)]
            swap: uint256 = unsafe_mul(one ^ other, convert(one > other, uint256))
            nodes[unsafe_add(k, odd)] = convert(keccak256(abi_encode(one ^ swap, other ^ swap)), uint256)
        if odd == 1:
            nodes[0] = nodes[unsafe_sub(left_over, 1)]
        left_over = unsafe_add(left_over >> 1, odd)
    return digest, convert(nodes[0], bytes32), total
