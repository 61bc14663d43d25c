# pragma version 0.4.3
"""
@title Market test set
@notice The provider's secret rows: committed as a Merkle root over portions, of which some are drawn by lot and shown at the
        beginning, and the others in the end.
@dev Portions are proved and told, and not kept: whoever needs the rows has them from the events, and shows them again.
"""
from . import limits
from . import market_book as book
from . import merkle

uses: book

event Drawn:
    market: indexed(uint256)
    portions: uint256  # bit i: portion i

event Revealed:
    market: indexed(uint256)
    index: uint256
    salt: bytes32
    rows: Bytes[limits.MAX_PORTION]

BLOCKHASH_WINDOW: constant(uint256) = 256
HISTORY: constant(address) = 0x0000F90827F1C53a10cb7A02335B175320002935  # EIP-2935: the last 8,191 block hashes

# by market: Merkle root over the portions of the test set
roots: HashMap[uint256, bytes32]
# by market: bit i tells whether portion i was drawn
drawn: HashMap[uint256, uint256]


# ---- views ----------------------------------------------------------------------------------------------------------

@view
@external
def leaf(market: uint256, index: uint256, salt: bytes32, rows_hash: bytes32) -> bytes32:
    """
    @notice The leaf of a portion: OpenZeppelin's standard leaf over chain id, this contract, market, index, salt and the hash
            of the rows.
    """
    return self._leaf(market, index, salt, rows_hash)


# ---- draw -----------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def draw(market: uint256):
    """
    @notice Draw the portions that are to be revealed, by the hash of the block that was fixed at commit time. Anyone may.
    """
    state: book.State = book._state(market)
    if state.phase != book.COMMITTED:
        book._fail("not waiting for the draw")
    draw_block: uint256 = book.providers[market] >> 160
    if block.number <= draw_block:
        book._fail("the block of the draw is not there yet")
    seed: bytes32 = self._block_hash(draw_block)
    if seed == empty(bytes32):
        book._fail("the draw was missed")
    plan: uint256 = book.plans[market]
    n: uint256 = plan & book.MASK_16
    k: uint256 = (plan >> 16) & book.MASK_16
    # Floyd's algorithm: each set of k portions is equally likely, but for 2^-248 of rounding
    portions: uint256 = 0
    for last: uint256 in range(unsafe_sub(n, k), n, bound=limits.MAX_PORTIONS):  # safe: fewer are drawn than there are
        bit: uint256 = 1 << (convert(keccak256(abi_encode(seed, market, last)), uint256) % unsafe_add(last, 1))
        if portions & bit != 0:
            bit = 1 << last
        portions |= bit
    self.drawn[market] = portions
    state.phase = book.DRAWN
    state.deadline = block.timestamp + ((plan >> 104) & book.MASK_32)
    book._save(market, state)
    log Drawn(market=market, portions=portions)


@internal
@view
def _is_draw_missed(market: uint256) -> bool:
    draw_block: uint256 = book.providers[market] >> 160
    return block.number > draw_block + BLOCKHASH_WINDOW and self._block_hash(draw_block) == empty(bytes32)


@internal
@view
def _block_hash(number: uint256) -> bytes32:
    """
    @dev The hash of an earlier block, or 0 if the chain does not tell any more.
    """
    if block.number <= number + BLOCKHASH_WINDOW:
        return blockhash(number)
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        HISTORY, abi_encode(number), max_outsize=32, is_static_call=True, revert_on_failure=False
    )
    if not success or len(response) < 32:  # older than 8,191 blocks, or no such contract on this chain
        return empty(bytes32)
    return convert(response, bytes32)


# ---- reveal ---------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def reveal(market: uint256, index: uint256, salt: bytes32, rows: Bytes[limits.MAX_PORTION], proof: DynArray[bytes32, merkle.MAX_DEPTH]):
    """
    @notice Tell the rows of a portion of the test set, in the order of the portions: before the participation of those that were drawn,
            after it of all others. How many are revealed tells which.
    @param index The portion, counted from 0: of those that are to be revealed now the next.
    @param rows One row after the other as the model's `evaluate` takes them. Those of hidden portions are looked at by `check`; with
                one that is malformed, or another number of them, the provider cannot get any further.
    """
    state: book.State = book._state(market)
    book._check(
        state.phase == book.DRAWN or (state.phase == book.REVEALING and state.revealed < state.portions),
        "nothing to reveal now",
    )
    book._check_time(state.deadline)
    # bit i: portion i is revealed in another phase
    others: uint256 = self.drawn[market]
    if state.phase == book.DRAWN:
        others = ~others
    # of the bits from the next one to this the last alone is 0; those of portions that there are not come too late
    book._check(
        (~others >> state.next) << unsafe_sub(255, unsafe_sub(index, state.next)) == 1 << 255, "not the portion to reveal next"
    )
    book._check(
        merkle._root(self._leaf(market, index, salt, keccak256(rows)), proof) == self.roots[market],
        "not what was committed",
    )
    state.next = index + 1
    state.revealed += 1
    state.weight += merkle._weight(len(proof))
    if state.revealed == state.portions:
        # with room for more leaves the provider could have had two for one index, to show the one that the draw asks for
        book._check(state.weight == merkle.FULL, "the tree has other leaves")
        state.next = 0
    book._save(market, state)
    log Revealed(market=market, index=index, salt=salt, rows=rows)


@internal
@view
def _leaf(market: uint256, index: uint256, salt: bytes32, rows_hash: bytes32) -> bytes32:
    return merkle._leaf(keccak256(abi_encode(chain.id, self, market, index, salt, rows_hash)))
