# pragma version 0.4.3
"""
@title Market test set
@notice The provider's secret rows: committed as a Merkle root over portions, of which some are drawn by lot and shown at the
        beginning; the others are shown in the end, and handed to the market's scorer.
"""
from ..interfaces import IScorer
from . import limits
from . import market_book as book
from . import merkle
from . import sample

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
NOT_AS_MANY: constant(String[53]) = "prediction-market: not as many rows as a portion has"
HISTORY: constant(address) = 0x0000F90827F1C53a10cb7A02335B175320002935  # EIP-2935: the last 8,191 block hashes

# by market: Merkle root over the portions of the test set
roots: HashMap[uint256, bytes32]
# by market: bit i tells whether portion i was drawn
drawn: HashMap[uint256, uint256]
# by market: bit i tells whether portion i was revealed
shown: HashMap[uint256, uint256]


# ---- views ----------------------------------------------------------------------------------------------------------

@view
@external
def is_revealed(market: uint256, index: uint256) -> bool:
    """
    @notice Whether a portion of the test set was revealed; its rows are in the event `Revealed`.
    """
    state: book.State = book._state(market)
    book._check(index < book.plans[market] & book.MASK_16, "no such portion")
    return (self.shown[market] >> index) & 1 == 1


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
    for last: uint256 in range(n - k, n, bound=book.MAX_PORTIONS):
        bit: uint256 = 1 << (convert(keccak256(abi_encode(seed, market, last)), uint256) % (last + 1))
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
    @notice Reveal a portion of the test set: before the participation one that was drawn, after it one that was not.
    @param index The portion, counted from 0.
    @param rows One row after the other as the model's `evaluate` takes them, which checks each of them.
    """
    state: book.State = book._state(market)
    book._check(state.phase == book.DRAWN or state.phase == book.REVEALING, "nothing to reveal now")
    book._check(block.timestamp < state.deadline, "too late")
    plan: uint256 = book.plans[market]
    book._check(index < plan & book.MASK_16, "no such portion")
    hidden: bool = (self.drawn[market] >> index) & 1 == 0
    book._check(hidden == (state.phase == book.REVEALING), "not the portions to reveal now")
    shown: uint256 = self.shown[market]
    book._check((shown >> index) & 1 == 0, "revealed already")
    book._check(
        merkle._root(self._leaf(market, index, salt, keccak256(rows)), proof) == self.roots[market],
        "not what was committed",
    )
    self._check_row_count(len(rows), (plan >> 32) & book.MASK_16)

    self.shown[market] = shown | (1 << index)
    if hidden:
        extcall IScorer(book.scorers[market]).show(market, rows, (plan >> 32) & book.MASK_16)
    else:
        # nothing on chain reads them again, so they are only checked
        answer: Bytes[32] = raw_call(
            book._model(market), abi_encode(rows, method_id=method_id("evaluate(bytes)")), max_outsize=32
        )
        book._check(len(answer) == 32, "the model does not answer")
    state.revealed += 1
    state.weight += merkle._weight(len(proof))
    # with room for more leaves the provider could have had two for one index, to show the one that the draw asks for
    book._check(state.revealed < plan & book.MASK_16 or state.weight == merkle.FULL, "the tree has other leaves")
    book._save(market, state)
    log Revealed(market=market, index=index, salt=salt, rows=rows)


@internal
@view
def _leaf(market: uint256, index: uint256, salt: bytes32, rows_hash: bytes32) -> bytes32:
    return merkle._leaf(keccak256(abi_encode(chain.id, self, market, index, salt, rows_hash)))


@internal
@view
def _check_row_count(size: uint256, count: uint256):
    """
    @dev The rows are the fourth argument of the external call.
    """
    # where the 32 bytes begin that end with a row's head; Vyper has checked that the rows lie inside the calldata
    position: uint256 = convert(slice(msg.data, 4 + 3 * 32, 32), uint256) + 36 - (32 - sample.ROW_HEAD)
    end: uint256 = position + size
    for i: uint256 in range(count, bound=book.MAX_HIDDEN_ROWS):
        assert position < end, NOT_AS_MANY
        length: uint256 = convert(slice(msg.data, position, 32), uint256) & book.MASK_16
        assert length <= limits.MAX_SAMPLE, "sample: longer than 2,048 bytes"
        position = unsafe_add(unsafe_add(position, sample.ROW_HEAD), length)  # safe: 2,051 bytes behind the end at most
    assert position == end, NOT_AS_MANY
