# pragma version 0.4.3
"""
@title Market settlement
@notice The contributions to a market: that they were made, what they are owed, and that it was paid.
@dev Contributions are kept as hashes, one for each group of 16: who shows one of them shows what the hash was before it, and what
     stands for those after it in its group. What was scored is settled at once, by who can show it: what it is owed is known by
     the root of a Merkle tree, and withdrawn with a proof. All others are owed the same: the stake, and where the provider was
     silent a share. Of what a contribution is owed its stake belongs to who paid it, and the rest to who contributed; both
     stand in all of this as one account, see the module `owed`.
"""
from ..interfaces import ISettler
from . import limits
from . import market_book as book
from . import owed
from . import payments

uses: book
uses: payments

event Settled:
    market: indexed(uint256)

event Withdrawn:
    market: indexed(uint256)
    account: indexed(address)
    index: uint256  # of the contribution, once for each account that gets something of it; 0: the provider's rest
    amount: uint256

# contributions that share a slot. More would cost less to keep, and more to show: what shows one of them shows what stands for
# all that come after it in its group
GROUP: constant(uint256) = limits.CHAIN

HEAD: constant(uint256) = 64  # bytes of a claim before its proof
MAX_WITHDRAWALS: constant(uint256) = limits.MAX_BATCH // HEAD

# who works out what is owed
settler: immutable(ISettler)
# by market and group of contributions: the hash of what the group's hash was before and what stands for the latest of them
chains: HashMap[uint256, HashMap[uint256, bytes32]]
# by market and group, 16 bits for each contribution: errors that were counted of it, until all are
counted: HashMap[uint256, HashMap[uint256, uint256]]
# by market: what the contributions that are scored hash to, see the module `owed`
digests: HashMap[uint256, bytes32]
# by market: the root of the tree over what the contributions are owed, see the module `owed`; 0: not settled
owed_root: public(HashMap[uint256, bytes32])


@deploy
def __init__(who: address):
    """
    @param who Works out what is owed.
    """
    settler = ISettler(who)


# ---- contributions --------------------------------------------------------------------------------------------------

@internal
def _add(market: uint256, index: uint256, account: uint256, x_hash: bytes32, y: uint256, effect: uint256):
    """
    @param account Who contributed and who paid, see the module `owed`.
    """
    group: uint256 = self._group(index)
    self.chains[market][group] = self._link(
        self.chains[market][group], self._contribution(index, account, x_hash, y, effect)
    )


@internal
@pure
def _group(index: uint256) -> uint256:
    return unsafe_sub(index, 1) // GROUP


@internal
@pure
def _contribution(index: uint256, account: uint256, x_hash: bytes32, y: uint256, effect: uint256) -> bytes32:
    """
    @dev What stands for a contribution in its group's chain. It says its place, so that the chain cannot be shown shifted.
    """
    return keccak256(abi_encode(index, account, x_hash, y, effect))


@internal
@pure
def _link(before: bytes32, contribution: bytes32) -> bytes32:
    return keccak256(abi_encode(before, contribution))


@internal
@view
def _check_chain(
    market: uint256, index: uint256, begin: bytes32, after: DynArray[bytes32, limits.MAX_AFTER]
):
    """
    @param index The last contribution that is shown.
    @param begin The group's chain up to it.
    @param after What stands for those after it in its group.
    """
    link: bytes32 = begin
    for contribution: bytes32 in after:
        link = self._link(link, contribution)
    book._check(link == self.chains[market][self._group(index)], "not what was contributed")


# ---- settle ---------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def settle(market: uint256, entries: Bytes[limits.MAX_ENTRIES]):
    """
    @notice Work out what the contributions that were scored earned, all at once. Anyone may, and earns their parts of the fee.
    @param entries What was scored, see `ISettler`.
    """
    state: book.State = book._state(market)
    book._check(state.phase == book.SETTLING, "nothing to settle now")
    plan: uint256 = book.plans[market]
    stake: uint256 = book.amounts[market] & book.MASK_96
    sums: uint256[limits.MAX_GROUPS] = empty(uint256[limits.MAX_GROUPS])
    self.owed_root[market], sums = staticcall settler.settle(
        entries, self.digests[market], state.initial, book._hidden_rows(plan), (plan >> 80) & book.MASK_24, stake
    )
    total: uint256 = 0
    group: uint256 = 0
    for sum: uint256 in sums:
        if sum > 0:
            total = unsafe_add(total, sum)  # safe: what 128 contributions are owed has 103 bits
            book.dues[market][group] = sum << 128
        group = unsafe_add(group, 1)
    log Settled(market=market)
    # from the provider's part to the contributors' or back; all gains of a round together are at most one stake. From there to the
    # groups
    book.pots[market] = book._shift(book.pots[market], total, unsafe_mul(stake, state.scored)) - (total << 128)
    state.settled = state.scored
    state.phase = book._end(market, book.SETTLED if state.scored == state.contributions else book.ABANDONED)
    book._save(market, state)
    book._pay_fee(market, plan, unsafe_mul(book.SETTLING_PARTS, state.scored))


# ---- withdraw -------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def withdraw(market: uint256, claims: Bytes[limits.MAX_BATCH]):
    """
    @notice Pay what contributions that were settled are owed: the stake, or what is left of it, to who paid it, and what was earned
            beyond it to the contributor. Anyone may; what a payee who is not the caller does not take is credited (see `fetch`).
            What was paid meanwhile is passed over.
    @param claims One after the other, each in words: contributor (160 bits), and below it what is owed in wei (96); sponsor (160), and
                  below it index of the contribution from 1 (88), and how many nodes its proof has (8); and these: the nodes beside
                  the way from its leaf to the top of the tree, see the module `owed`, or only up to where it joins the way of the
                  claim before it. The sponsor is who paid the stake: the contributor, or who sent it for them.
    """
    self._withdraw(market, len(claims))


@internal
def _withdraw(market: uint256, size: uint256):
    """
    @dev A function of its own, which reads the claims where they stand in the calldata: its variables would stand behind them in
         memory, and all that they could take would be paid.
    @param size The length of the claims, the second argument of the external call.
    """
    root: bytes32 = self.owed_root[market]
    # of the claim before: its place in the tree, and by level the node over its leaf, 0 above the top
    last: uint256 = 0
    known: uint256[limits.MAX_LEVELS + 1] = empty(uint256[limits.MAX_LEVELS + 1])
    # safe, as all positions here: `slice` checks that it reads from the calldata, and no claim goes on behind `end`
    position: uint256 = unsafe_add(convert(slice(msg.data, 36, 32), uint256), 36)
    end: uint256 = unsafe_add(position, size)
    for i: uint256 in range(MAX_WITHDRAWALS):
        if position == end:
            break
        heads: uint256[2] = abi_decode(slice(msg.data, position, HEAD), uint256[2])
        position = unsafe_add(position, HEAD)
        contributor: address = convert(heads[0] >> 96, address)
        sponsor: address = convert(heads[1] >> 96, address)
        amount: uint256 = heads[0] & book.MASK_96
        index: uint256 = (heads[1] & book.MASK_96) >> 8
        depth: uint256 = heads[1] & book.MASK_8
        # leaf and root as the module `owed` says
        account: uint256 = owed._account(contributor, sponsor)
        node: uint256 = (account << 96) | amount
        place: uint256 = unsafe_sub(index, 1)  # of an index of 0: none that a proof could reach
        for j: uint256 in range(depth, bound=limits.MAX_LEVELS):
            known[j] = node
            other: uint256 = convert(slice(msg.data, position, 32), uint256)
            position = unsafe_add(position, 32)
            if place & 1 == 0:
                node = convert(keccak256(abi_encode(node, other)), uint256)
            else:
                node = convert(keccak256(abi_encode(other, node)), uint256)
            place >>= 1
        assert position <= end
        # where the way does not end in a node of the one before, it must end at the top: with a place that goes on above it the
        # same leaf would be taken for another contribution
        if node != known[depth] or place != last >> depth:
            book._check(place == 0 and keccak256(abi_encode(node, depth)) == root, "not what was settled")
        known[depth] = node
        last = unsafe_sub(index, 1)
        if self._mark(market, index, amount):
            self._pay_out(market, index, contributor, sponsor, amount)


@internal
def _mark(market: uint256, index: uint256, amount: uint256) -> bool:
    """
    @dev Whether a contribution was not paid before. Now it is, and what it was paid is taken from what its group is owed.
    """
    place: uint256 = unsafe_sub(index, 1)
    due: uint256 = book.dues[market][place >> limits.GROUP_BITS]
    bit: uint256 = 1 << (place & (limits.GROUP - 1))
    if due & bit > 0:
        return False
    book.dues[market][place >> limits.GROUP_BITS] = (due | bit) - (amount << 128)
    return True


@external
@nonreentrant
def withdraw_stake(
    market: uint256,
    index: uint256,
    contributor: address,
    sponsor: address,
    x_hash: bytes32,
    y: uint256,
    effect: uint256,
    before: bytes32,
    after: DynArray[bytes32, limits.MAX_AFTER],
):
    """
    @notice The same for a contribution that was not settled, when the market has ended: in one that was cancelled, silent, or
            abandoned before it was scored.
    @param sponsor Who paid the stake: the contributor, or who sent it for them.
    @param x_hash The hash of the sample.
    @param before What the chain of its group was before it; 0 for the first.
    @param after What stands for those after it in its group.
    """
    state: book.State = book._state(market)
    book._check(state.phase >= book.SETTLED, "not ended")
    book._check(index > state.settled, "settled, needs a proof")
    book._check(self._mark(market, index, 0), "paid already")
    contribution: bytes32 = self._contribution(index, owed._account(contributor, sponsor), x_hash, y, effect)
    self._check_chain(market, index, self._link(before, contribution), after)
    amounts: uint256 = book.amounts[market]
    amount: uint256 = amounts & book.MASK_96
    if state.phase == book.SILENT:
        bounty: uint256 = amount * ((book.plans[market] >> 80) & book.MASK_24)
        amount += (bounty + ((amounts >> 96) & book.MASK_96)) // state.contributions
    book.pots[market] -= amount << 128
    self._pay_out(market, index, contributor, sponsor, amount)


@internal
def _pay_out(market: uint256, index: uint256, contributor: address, sponsor: address, amount: uint256):
    """
    @dev Up to the stake it is the sponsor's, and what is above it the contributor's. The caller has taken it from where it was held.
    """
    earned: uint256 = amount
    if contributor != sponsor:
        back: uint256 = min(amount, book.amounts[market] & book.MASK_96)
        earned = unsafe_sub(amount, back)
        self._pay(market, sponsor, index, back)
        if earned == 0:
            return
    self._pay(market, contributor, index, earned)


@internal
def _pay(market: uint256, account: address, index: uint256, amount: uint256):
    log Withdrawn(market=market, account=account, index=index, amount=amount)
    payments._pay(account, amount)


@external
@nonreentrant
def withdraw_rest(market: uint256):
    """
    @notice Pay the provider what is left, when the market has ended. Anyone may.
    """
    state: book.State = book._state(market)
    book._check(state.phase >= book.SETTLED, "not ended")
    pot: uint256 = book.pots[market]
    amount: uint256 = pot & book.MASK_128
    book._check(amount > 0, "nothing left")
    book.pots[market] = pot - amount
    self._pay(market, convert(book.providers[market] & book.MASK_160, address), 0, amount)
