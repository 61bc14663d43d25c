# pragma version 0.4.3
"""
@title Market scoring
@notice What is between the market and the scorer that counts the errors of its model on the hidden rows.
@dev A market's scorer is chosen when it opens: the one for the model's kind, if there is one and the model fits, or else the one
     for all kinds, which has a copy of the model learn and evaluate. What is known of a scorer here is `IScorer`.
"""
from ..interfaces import IModel
from ..interfaces import IScorer
from . import limits
from . import market_book as book
from . import market_settlement as settlement
from . import market_test_set as test_set
from . import merkle
from . import owed

uses: book
uses: settlement
uses: test_set

event Started:
    market: indexed(uint256)
    scorer: address
    end: uint256  # of the participation

event Scored:
    market: indexed(uint256)
    first: uint256  # from 1
    errors: DynArray[uint256, limits.MAX_MANY]  # of this contribution, and of those after it

MAX_SCORERS: constant(uint256) = 16
MAX_BESIDE: constant(uint256) = limits.MAX_PORTIONS * (3 + merkle.MAX_DEPTH)  # words beside the portions that are shown
HEAD: constant(uint256) = 25  # bytes of a packed contribution before its sample: see `IScorer`

# by the hash of a kind of models: who scores them; by that of the empty text: who scores all others
scorers: HashMap[bytes32, address]


@deploy
def __init__(scorers: DynArray[address, MAX_SCORERS]):
    for scorer: address in scorers:
        self.scorers[keccak256(staticcall IScorer(scorer).kind())] = scorer
    assert self.scorers[keccak256("")] != empty(address), "prediction-market: no scorer for all kinds"


@view
@external
def scorer_of(kind: String[32]) -> address:
    """
    @notice Who scores models of a kind, and of the empty kind who scores all others; the zero address for none.
    """
    return self.scorers[keccak256(kind)]


@external
@nonreentrant
def prepare(market: uint256, count: uint256, salt: bytes32):
    """
    @notice Have the next words of the model's state copied by the market's scorer. With the last one the participation begins.
            Anyone may.
    @param count How many words at most, where the scorer can take any number; 600 new words take about 15 million gas.
    @param salt Anything. If it fails, for example because somebody has created something at the address of a copy, another.
    """
    state: book.State = book._state(market)
    plan: uint256 = book.plans[market]
    book._check(
        state.phase == book.DRAWN and state.revealed == (plan >> 16) & book.MASK_16,
        "not all drawn portions are revealed",
    )
    book._check_time(state.deadline)
    model: address = book._model(market)
    scorer: address = book.scorers[market]
    if scorer == empty(address):
        scorer = self._scorer(model)
        book.scorers[market] = scorer
    # nothing changes the model meanwhile: it is sealed, gets no class while a market runs, and only this contract trains it
    done: bool = False
    state.copied, done = extcall IScorer(scorer).prepare(market, model, state.copied, count, salt)
    if done:
        state.phase = book.PARTICIPATING
        state.deadline = block.timestamp + ((plan >> 136) & book.MASK_32)
        book.desks[model] |= (
            (((plan >> 64) & book.MASK_16) << book.MAX)
            | (state.deadline << book.END)
            | ((book.amounts[market] & book.MASK_96) << book.STAKE)
        )
        log Started(market=market, scorer=scorer, end=state.deadline)
    book._save(market, state)


@external
@nonreentrant
def check(market: uint256, shown: Bytes[limits.MAX_SHOWN], beside: DynArray[bytes32, MAX_BESIDE], limit: uint256):
    """
    @notice When all is revealed: hand the next hidden portions to the scorer, and count the errors on them before the first
            contribution. The scorer checks each row; with one that is malformed the provider cannot get any further. Anyone may; each
            row earns as much as one that is scored.
    @param shown The rows of the hidden portions that come next, in their order, as they were revealed. Where a scorer takes several
                 portions at once: as many as that, and the one after them.
    @param beside For each of these portions: its salt; how many bytes its rows have; the length of its proof, a number; its proof.
    @param limit How many rows to check at most, but for what the scorer takes at once; the next call goes on from there, and is shown
                 nothing where all is handed over.
    """
    state: book.State = book._state(market)
    plan: uint256 = book.plans[market]
    book._check(state.phase == book.REVEALING and state.revealed == state.portions, "nothing to check now")
    book._check_time(state.deadline)
    drawn: uint256 = test_set.drawn[market]
    root: bytes32 = test_set.roots[market]
    index: uint256 = state.next
    indices: DynArray[uint256, limits.MAX_PORTIONS] = []
    sizes: DynArray[uint256, limits.MAX_PORTIONS] = []
    read: uint256 = 0  # of what is shown
    at: uint256 = 0  # of what is beside it
    for i: uint256 in range(limits.MAX_PORTIONS):
        if at == len(beside):
            break
        for j: uint256 in range(limits.MAX_PORTIONS):
            if (drawn >> index) & 1 == 0:
                break
            index += 1
        size: uint256 = convert(beside[at + 1], uint256)
        node: bytes32 = test_set._leaf(market, index, beside[at], keccak256(slice(shown, read, size)))
        at += 3
        for j: uint256 in range(convert(beside[at - 1], uint256), bound=merkle.MAX_DEPTH):
            node = merkle._pair(node, beside[at])
            at += 1
        book._check(node == root, "not what was revealed")
        read += size
        index += 1
        sizes.append(size)
        indices.append(index)
    book._check(read == len(shown), "not what was revealed")
    errors: uint256 = 0
    count: uint256 = 0
    taken: uint256 = 0
    done: bool = False
    # whether one of those from the index on is hidden, too
    more: bool = (~drawn >> index) << (256 - state.portions + index) > 0
    errors, count, taken, done = extcall IScorer(book.scorers[market]).check(
        market, shown, sizes, (plan >> 32) & book.MASK_16, more, limit
    )
    if taken > 0:
        state.next = indices[taken - 1]
    state.initial += errors
    if done:
        state.phase = book.SCORING
        state.deadline = block.timestamp + ((plan >> 200) & book.MASK_32)
        state.errors = state.initial
    book._save(market, state)
    book._pay_fee(market, plan, count)


@external
@nonreentrant
def score_many(
    market: uint256,
    first: uint256,
    contributions: Bytes[limits.MAX_BATCH],
    rows: uint256,
    before: bytes32,
    after: DynArray[bytes32, limits.MAX_AFTER],
    carried: DynArray[uint256, limits.MAX_CARRIED],
):
    """
    @notice Count the errors on the hidden rows after each of some contributions, which must be presented again. Anyone may; each
            row that is evaluated for a contribution earns its part of the fee.
    @param first Which is the first of them, from 1. The others follow it.
    @param contributions Packed, see `IScorer`. The scorer may leave out the last of them.
    @param rows How many hidden rows to go through at most, but for what the scorer takes at once; the next call goes on from
                there. With 0, where the scorer replays one by one, the copy of the model only learns.
    @param before What the chain of the first one's group was before it; whatever, where it is the first of the group.
    @param after What stands for those after the last one in its group, see the module `market_settlement`.
    @param carried What the scorer keeps only a hash of, see `IScorer`.
    """
    self._score(market, first, contributions, before, after)


@internal
def _score(
    market: uint256,
    first: uint256,
    contributions: Bytes[limits.MAX_BATCH],
    before: bytes32,
    after: DynArray[bytes32, limits.MAX_AFTER],
):
    """
    @dev A function of its own, which hands the call on as it is: behind the place of what the scorer is shown it would pay for all the
         memory that this could take.
    """
    state: book.State = book._state(market)
    book._check(state.phase == book.SCORING, "nothing to score now")
    all_errors: uint256[limits.MANY_WORDS] = empty(uint256[limits.MANY_WORDS])
    counted_for: uint256 = 0
    count: uint256 = 0
    scored: uint256 = 0
    all_errors, counted_for, count, scored = abi_decode(
        raw_call(book.scorers[market], msg.data, max_outsize=32 * (limits.MANY_WORDS + 3)),
        (uint256[limits.MANY_WORDS], uint256, uint256, uint256),
    )
    position: uint256 = 0
    # of the contributions in the calldata, where the 32 bytes begin that end with the head of the next
    start: uint256 = unsafe_add(convert(slice(msg.data, 68, 32), uint256), 36 - 32 + HEAD)
    index: uint256 = first
    link: bytes32 = before
    begin: uint256 = unsafe_add(state.scored, 1)
    counted: uint256 = 0
    totals: DynArray[uint256, limits.MAX_MANY] = []
    line: uint256[owed.LINE] = empty(uint256[owed.LINE])
    for i: uint256 in range(limits.MAX_MANY):
        if position == len(contributions):
            break
        head: uint256 = convert(slice(msg.data, unsafe_add(start, position), 32), uint256)
        length: uint256 = head & book.MASK_16
        account: uint256 = (head >> 40) & book.MASK_160
        x_hash: bytes32 = keccak256(slice(contributions, position + HEAD, length))
        position = unsafe_add(position, unsafe_add(HEAD, length))  # safe: what was hashed lies inside
        group: uint256 = settlement._group(index)
        place: uint256 = unsafe_sub(index, 1) % settlement.GROUP
        if place == 0:
            link = empty(bytes32)
        if unsafe_mul(place, i) == 0:
            counted = settlement.counted[market][group]
        link = settlement._link(
            link, settlement._contribution(index, account, x_hash, (head >> 16) & 255, (head >> 24) & book.MASK_16)
        )
        if position == len(contributions):
            settlement._check_chain(market, index, link, after)
        elif place == limits.MAX_AFTER:
            book._check(link == settlement.chains[market][group], "not what was contributed")
        if i < counted_for:
            # all errors of a contribution are fewer than the rows, which have 16 bits
            errors: uint256 = (all_errors[i >> 4] >> ((i & 15) << 4)) & book.MASK_16
            total: uint256 = unsafe_add((counted >> (place << 4)) & book.MASK_16, errors)
            if index == unsafe_add(state.scored, 1) and index <= scored:
                state.scored = index
                state.errors = total
                line[len(totals) % owed.LINE] = total | (account << 16)
                totals.append(total)
                if len(totals) % owed.LINE == 0 or index == scored:
                    settlement.digests[market] = owed._link(settlement.digests[market], line)
                    line = empty(uint256[owed.LINE])
            elif errors > 0:
                counted = unsafe_add(counted, errors << (place << 4))
                settlement.counted[market][group] = counted
        index = unsafe_add(index, 1)
    # what the scorer counted was counted here, and all that was presented was checked: the last group, too
    book._check(
        state.scored >= scored and index >= unsafe_add(first, counted_for) and position == len(contributions),
        "not what was scored",
    )
    if len(totals) > 0:
        log Scored(market=market, first=begin, errors=totals)
    if state.scored == state.contributions:
        state.phase = book.SETTLING
    book._save(market, state)
    book._pay_fee(market, book.plans[market], count)


@internal
@view
def _scorer(model: address) -> address:
    """
    @dev Who scores a model: the scorer of its kind, if there is one and the model fits, or else the one for all kinds.
    """
    scorer: address = self.scorers[keccak256(staticcall IModel(model).kind())]
    if scorer == empty(address) or not staticcall IScorer(scorer).fits(model):
        scorer = self.scorers[keccak256("")]
    return scorer


@internal
@view
def _can_score(model: address) -> bool:
    """
    @dev Whether a scorer serves a model's markets as the model learns. Where classes are added later, so that the one of its kind
         does not fit any more, the one for all kinds serves it.
    """
    return staticcall IScorer(self._scorer(model)).fits(model)
