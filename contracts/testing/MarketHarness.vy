# pragma version 0.4.3
"""
@title MarketHarness
@notice The market's book, test set and settlement for tests, without the rest of a market.
"""
from ..modules import market_book as book
from ..modules import market_settlement as settlement
from ..modules import market_test_set as test_set
from ..modules import owed
from ..modules import payments

initializes: payments
initializes: book[payments := payments]
initializes: test_set[book := book]
initializes: settlement[book := book, payments := payments]

exports: (
    book.held,
    book.latest_market,
    book.next_market,
    test_set.leaf,
    test_set.draw,
    test_set.reveal,
    book.dues,
    settlement.owed_root,
    settlement.settle,
    settlement.withdraw,
    settlement.withdraw_stake,
    settlement.withdraw_rest,
    payments.credit_of,
    payments.fetch,
)

MAX_ERRORS: constant(uint256) = 300


@deploy
def __init__(settler: address):
    settlement.__init__(settler)


@payable
@external
def set(
    market: uint256, stake: uint256, rounds: uint256, rows: uint256, initial: uint256, errors: DynArray[uint256, MAX_ERRORS], scored: uint256
):
    """
    @notice A market with one hidden portion of `rows` rows, whose contributions, all of the caller's with a label and an effect of
            1, left these errors; the first `scored` of them count. The ether sent along is the provider's.
    """
    self._set(market, stake, rounds, rows, initial, len(errors), scored)
    account: uint256 = owed._account(msg.sender, msg.sender)
    line: uint256[owed.LINE] = empty(uint256[owed.LINE])
    for i: uint256 in range(len(errors), bound=MAX_ERRORS):
        settlement._add(market, i + 1, account, empty(bytes32), 1, 1)
        if i < scored:
            line[i % owed.LINE] = errors[i] | (account << 16)
            if i % owed.LINE == owed.LINE - 1 or i == scored - 1:
                settlement.digests[market] = owed._link(settlement.digests[market], line)
                line = empty(uint256[owed.LINE])


@payable
@external
def set_scored(market: uint256, stake: uint256, rounds: uint256, rows: uint256, initial: uint256, count: uint256, digest: bytes32):
    """
    @notice The same, of whose contributions only is known what they hash to, all of them scored.
    """
    self._set(market, stake, rounds, rows, initial, count, count)
    settlement.digests[market] = digest


@internal
@payable
def _set(market: uint256, stake: uint256, rounds: uint256, rows: uint256, initial: uint256, count: uint256, scored: uint256):
    book.providers[market] = convert(msg.sender, uint256)
    book.amounts[market] = stake
    book.plans[market] = 2 | (1 << 16) | (rows << 32) | (rounds << 80)
    book.pots[market] = (msg.value - count * stake) | ((count * stake) << 128)
    state: book.State = empty(book.State)
    state.phase = book.SETTLING
    state.contributions = count
    state.scored = scored
    state.initial = initial
    book._save(market, state)


@external
def commit(root: bytes32, portions: uint256, drawn: uint256, rows: uint256, delay: uint256):
    """
    @notice A market on this contract itself with a test set and nothing else, whose draw is decided `delay` blocks from now.
    """
    market: uint256 = book._id(self, 1)
    test_set.roots[market] = root
    book.providers[market] = convert(msg.sender, uint256) | ((block.number + delay) << 160)
    book.plans[market] = portions | (drawn << 16) | (rows << 32) | (book.MASK_32 << 104)
    state: book.State = empty(book.State)
    state.phase = book.COMMITTED
    state.portions = portions
    book._save(market, state)


@external
def end_participation(deadline: uint256):
    """
    @notice What the market does between the two times at which portions are revealed.
    """
    market: uint256 = book._id(self, 1)
    state: book.State = book._state(market)
    state.phase = book.REVEALING
    state.next = 0
    state.deadline = deadline
    book._save(market, state)


@view
@external
def drawn(market: uint256) -> uint256:
    return test_set.drawn[market]


@external
def save(market: uint256, state: book.State):
    book._save(market, state)


@view
@external
def state(market: uint256) -> book.State:
    return book._state(market)


@pure
@external
def id(model: address, number: uint256) -> uint256:
    return book._id(model, number)


@pure
@external
def model(market: uint256) -> address:
    return book._model(market)


@pure
@external
def shift(pot: uint256, gain: uint256, loss: uint256) -> uint256:
    return book._shift(pot, gain, loss)
