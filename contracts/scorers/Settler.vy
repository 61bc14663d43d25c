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

implements: ISettler

ENTRY: constant(uint256) = 22  # bytes
MASK_16: constant(uint256) = 2**16 - 1
MASK_24: constant(uint256) = 2**24 - 1
MASK_40: constant(uint256) = 2**40 - 1

# where the fields of a contribution begin while it is worked out, from the lowest bits: errors (16), previous on the stack (16),
# rounds (24), balance (40), account (160)
PREVIOUS: constant(uint256) = 16
ROUNDS: constant(uint256) = 32
BALANCE: constant(uint256) = 56
ACCOUNT: constant(uint256) = 96


@external
@pure
def settle(
    entries: Bytes[limits.MAX_ENTRIES], initial: uint256, rows: uint256, rounds: uint256, stake: uint256
) -> (bytes32, bytes32, uint256):
    """
    @notice What each contribution is owed: in all, and as the root of a Merkle tree. See `ISettler`.
    """
    assert len(entries) % ENTRY == 0, "settler: entries are cut off"
    count: uint256 = len(entries) // ENTRY
    digest: bytes32 = empty(bytes32)
    total: uint256 = 0
    # at the bottom of the stack is the model as it was at the beginning
    nodes: DynArray[uint256, limits.MAX_CONTRIBUTIONS + 1] = [initial | (rounds << ROUNDS)]
    for i: uint256 in range(count, bound=limits.MAX_CONTRIBUTIONS):
        entry: uint256 = convert(slice(entries, unsafe_mul(i, ENTRY), ENTRY), uint256)
        digest = keccak256(abi_encode(digest, entry))
        errors: uint256 = entry & MASK_16
        balance: uint256 = rows
        done: uint256 = 0  # rounds
        before: uint256 = i  # whom it bets against
        for step: uint256 in range(limits.MAX_CONTRIBUTIONS):
            other: uint256 = nodes[before]
            its_errors: uint256 = other & MASK_16
            its_rounds: uint256 = (other >> ROUNDS) & MASK_24
            # what follows is safe: rounds have 24 bits, errors and rows 16, so balances have at most 40; rounds rise
            # from the top to the bottom of the stack, and a balance that pays for a round is at least the loss in it
            left: uint256 = unsafe_sub(its_rounds, done)
            if its_errors >= errors:
                balance = unsafe_add(balance, unsafe_mul(unsafe_sub(its_errors, errors), left))
            else:
                loss: uint256 = unsafe_sub(errors, its_errors)
                affordable: uint256 = unsafe_add(unsafe_div(unsafe_sub(balance, rows), loss), 1)
                if affordable < left:
                    # it leaves, and the other stays
                    balance = unsafe_sub(balance, unsafe_mul(loss, affordable))
                    done = unsafe_add(done, affordable)
                    break
                balance = unsafe_sub(balance, unsafe_mul(loss, left))
            done = its_rounds
            if before == 0:
                break
            # the other stays no longer than this one: nobody who comes later bets against it
            before = (other >> PREVIOUS) & MASK_16
            if balance < rows:
                break
        nodes.append(
            errors | (before << PREVIOUS) | (done << ROUNDS) | (balance << BALANCE) | ((entry >> 16) << ACCOUNT)
        )
    for i: uint256 in range(count, bound=limits.MAX_CONTRIBUTIONS):
        word: uint256 = nodes[unsafe_add(i, 1)]
        # safe: a stake has 96 bits, and without rows there is no market
        amount: uint256 = unsafe_div(unsafe_mul(stake, (word >> BALANCE) & MASK_40), rows)
        total = unsafe_add(total, amount)
        nodes[i] = convert(keccak256(abi_encode(unsafe_add(i, 1), word >> ACCOUNT, amount)), uint256)
    # two nodes are taken from the front of a queue, and their parent put behind it; in a ring, because it gets no longer
    for k: uint256 in range(unsafe_sub(count, 1), bound=limits.MAX_CONTRIBUTIONS):
        one: uint256 = nodes[unsafe_add(k, k) % count]
        other: uint256 = nodes[unsafe_add(unsafe_add(k, k), 1) % count]
        nodes[k] = convert(keccak256(abi_encode(min(one, other), max(one, other))), uint256)
    return digest, convert(nodes[count - 2 if count > 1 else 0], bytes32), total
