# pragma version 0.4.3
"""
@title Settler
@notice What the contributions to a market earned, and a Merkle tree over it.
@dev It keeps nothing and asks nobody: a market shows it what was scored, which it checks by the hash that the market knows.
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
from ..modules import owed
from ..modules import sample

implements: ISettler

WORD: constant(uint256) = 32  # bytes
MASK_16: constant(uint256) = 2**16 - 1
MASK_40: constant(uint256) = 2**40 - 1

# what is known of a place on the stack: errors (16 bits), and above them rounds (24). Six of them are a word
ROUNDS: constant(uint256) = 16
PLACE: constant(uint256) = 40
FULL: constant(uint256) = 5 * PLACE  # a word from which so many bits can be shifted and something is left
SPILLED: constant(uint256) = limits.MAX_CONTRIBUTIONS // 6 + 1


@external
@view
def settle(
    entries: Bytes[limits.MAX_ENTRIES], digest: bytes32, initial: uint256, rows: uint256, rounds: uint256, stake: uint256
) -> (bytes32, uint256[limits.MAX_GROUPS]):
    """
    @notice What each contribution is owed. See `ISettler`.
    """
    return self._settle(len(entries), digest, initial, rows, rounds, stake)


@internal
@view
def _settle(
    size: uint256, digest: bytes32, initial: uint256, rows: uint256, rounds: uint256, stake: uint256
) -> (bytes32, uint256[limits.MAX_GROUPS]):
    """
    @dev A function of its own, which reads the entries where they stand in the calldata: behind their place in memory it would pay
         for all that they could take.
    @param size The length of the entries, the first argument of the external call.
    """
    position: uint256 = sample._position()
    end: uint256 = unsafe_add(position, size)
    hashed: bytes32 = empty(bytes32)
    count: uint256 = 0
    sum: uint256 = 0  # of the group so far
    sums: uint256[limits.MAX_GROUPS] = empty(uint256[limits.MAX_GROUPS])
    # by level: the latest node that is a left one and waits for the right one beside it
    nodes: uint256[limits.MAX_LEVELS + 1] = empty(uint256[limits.MAX_LEVELS + 1])
    # at the bottom of the stack is the model as it was at the beginning
    top_errors: uint256 = initial
    top_rounds: uint256 = rounds
    below: uint256 = 0  # the places below the top, the lowest one in the lowest bits; at most six, 0: none
    stack: DynArray[uint256, SPILLED] = []  # and those below them, six a word
    for i: uint256 in range(limits.MAX_CONTRIBUTIONS):
        if position >= end:
            break
        line: uint256[owed.LINE] = empty(uint256[owed.LINE])
        length: uint256 = convert(slice(msg.data, position, 1), uint256)
        position = unsafe_add(position, 1)
        if length == owed.LINE:
            line = self._whole(abi_decode(slice(msg.data, position, owed.WORDS * WORD), uint256[owed.WORDS]))
            position = unsafe_add(position, owed.WORDS * WORD)
        else:
            for k: uint256 in range(length, bound=owed.LINE):
                line[k] = convert(slice(msg.data, position, owed.ENTRY), uint256)
                position = unsafe_add(position, owed.ENTRY)
        hashed = keccak256(abi_encode(hashed, line))
        for entry: uint256 in line:
            if entry == 0:
                break
            # what follows is safe: rounds have 24 bits, errors and rows 16, so balances have at most 40; rounds rise from the top
            # to the bottom of the stack, and no surplus is below 0 as long as others are looked at
            errors: uint256 = entry & MASK_16
            surplus: uint256 = 0  # the balance above the stake, in two's complement
            done: uint256 = 1  # rounds
            if errors > top_errors:
                # it loses the first round, and leaves. The other stays below it, unless it leaves at the same time: then
                # nobody who comes later bets against it
                surplus = unsafe_sub(top_errors, errors)
                if top_rounds > 1:
                    if below >> FULL > 0:
                        stack.append(below)
                        below = 0
                    below = (below << PLACE) | (top_rounds << ROUNDS) | top_errors
            else:
                # the other stays no longer than this one: nobody who comes later bets against it
                surplus = unsafe_mul(unsafe_sub(top_errors, errors), top_rounds)
                done = top_rounds
                for step: uint256 in range(limits.MAX_CONTRIBUTIONS + 1):
                    if done == rounds:
                        break
                    if below == 0:
                        below = stack.pop()
                    other: uint256 = below & MASK_16  # errors of the next one on the stack
                    left: uint256 = unsafe_sub((below & MASK_40) >> ROUNDS, done)
                    if errors > other:
                        loss: uint256 = unsafe_sub(errors, other)
                        affordable: uint256 = unsafe_add(unsafe_div(surplus, loss), 1)
                        if affordable <= left:
                            surplus = unsafe_sub(surplus, unsafe_mul(loss, affordable))
                            done = unsafe_add(done, affordable)
                            if affordable == left:
                                below >>= PLACE
                            break
                    surplus = unsafe_add(surplus, unsafe_mul(unsafe_sub(other, errors), left))
                    done = unsafe_add(done, left)
                    below >>= PLACE
            top_errors = errors
            top_rounds = done
            # safe: the stake and the bounty have 96 bits together, and without rows there is no market
            amount: uint256 = unsafe_div(unsafe_mul(stake, unsafe_add(rows, surplus)), rows)
            sum = unsafe_add(sum, amount)
            node: uint256 = ((entry >> 16) << 96) | amount
            if count & 1 == 0:
                nodes[0] = node
            else:
                node = convert(keccak256(abi_encode(nodes[0], node)), uint256)
                for level: uint256 in range(1, limits.MAX_LEVELS + 1):
                    if (count >> level) & 1 == 0:
                        nodes[level] = node
                        if level >= limits.GROUP_BITS:
                            sums[count >> limits.GROUP_BITS] = sum
                            sum = 0
                        break
                    node = convert(keccak256(abi_encode(nodes[level], node)), uint256)
            count = unsafe_add(count, 1)
    # no line goes on behind the entries; one without any leads to another hash, because what was scored has none
    assert position == end, "settler: entries are cut off"
    assert hashed == digest, "prediction-market: not what was scored"
    sums[min(count >> limits.GROUP_BITS, limits.MAX_GROUPS - 1)] += sum
    # what waits is put together from right to left, with 0 for what is missing
    top: uint256 = 0
    depth: uint256 = 0
    for level: uint256 in range(limits.MAX_LEVELS):
        if 1 << level >= count:
            break
        if (count >> level) & 1 == 1:
            top = convert(keccak256(abi_encode(nodes[level], top)), uint256)
        elif top > 0:
            top = convert(keccak256(abi_encode(top, empty(uint256))), uint256)
        depth = unsafe_add(depth, 1)
    if top == 0:
        # a power of two: none is missing
        top = nodes[depth]
    return owed._root(top, depth), sums


@internal
@pure
def _whole(packed: uint256[owed.WORDS]) -> uint256[owed.LINE]:
    """
    @dev The entries of a line that has as many as it can have: 16 of 22 bytes are 11 words.
    """
    return [
        packed[0] >> 80,
        ((packed[0] << 96) | (packed[1] >> 160)) & owed.MASK_ENTRY,
        ((packed[1] << 16) | (packed[2] >> 240)) & owed.MASK_ENTRY,
        (packed[2] >> 64) & owed.MASK_ENTRY,
        ((packed[2] << 112) | (packed[3] >> 144)) & owed.MASK_ENTRY,
        ((packed[3] << 32) | (packed[4] >> 224)) & owed.MASK_ENTRY,
        (packed[4] >> 48) & owed.MASK_ENTRY,
        ((packed[4] << 128) | (packed[5] >> 128)) & owed.MASK_ENTRY,
        ((packed[5] << 48) | (packed[6] >> 208)) & owed.MASK_ENTRY,
        (packed[6] >> 32) & owed.MASK_ENTRY,
        ((packed[6] << 144) | (packed[7] >> 112)) & owed.MASK_ENTRY,
        ((packed[7] << 64) | (packed[8] >> 192)) & owed.MASK_ENTRY,
        (packed[8] >> 16) & owed.MASK_ENTRY,
        ((packed[8] << 160) | (packed[9] >> 96)) & owed.MASK_ENTRY,
        ((packed[9] << 80) | (packed[10] >> 176)) & owed.MASK_ENTRY,
        packed[10] & owed.MASK_ENTRY,
    ]
