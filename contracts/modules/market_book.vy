# pragma version 0.4.3
"""
@title Market book
@notice What is known of each prediction market: its number, its plan, how far it has got, and whose wei the contract holds for it.
@dev A market's id is its model's address, shifted left by 32 bits, and its number on that model, from 1. `_state` refuses every
     other number, and all maps by market are read after it: so nothing can be asked or done for what is no market.
     Maps within a market are nested (`records[market][index]`), so no index, however large, leads to another market's.
"""
from . import limits
from . import payments

uses: payments

# what a market's step needs to know, unpacked from one slot
struct State:
    phase: uint256
    deadline: uint256  # seconds; of the draw, which has a window of blocks: 0
    contributions: uint256  # 0 as long as there can be more: see `_count`
    scored: uint256
    settled: uint256
    initial: uint256  # errors before the first contribution
    errors: uint256  # errors after the latest contribution that was scored
    revealed: uint256  # portions, the drawn ones included
    weight: uint256  # of the leaves that were revealed, see the module `merkle`
    copied: uint256  # words of the model's state that the scorer has
    portions: uint256  # of the test set
    next: uint256  # behind the latest portion of those that are revealed now; when all are: of those that were handed to the scorer

event Ended:
    market: indexed(uint256)
    phase: uint256  # how

MAX_HIDDEN_ROWS: constant(uint256) = 65_535  # hidden rows: errors are kept in 16 bits
# the parts of a contribution's fee that are for settling it: about as much gas as evaluating four rows
SETTLING_PARTS: constant(uint256) = 4

COMMITTED: constant(uint256) = 1
DRAWN: constant(uint256) = 2
PARTICIPATING: constant(uint256) = 3
REVEALING: constant(uint256) = 4
SCORING: constant(uint256) = 5
SETTLING: constant(uint256) = 6
SETTLED: constant(uint256) = 7  # this one and the following are final
VOID: constant(uint256) = 8
CANCELLED: constant(uint256) = 9
SILENT: constant(uint256) = 10
ABANDONED: constant(uint256) = 11

MASK_8: constant(uint256) = 2**8 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_24: constant(uint256) = 2**24 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_96: constant(uint256) = 2**96 - 1
MASK_128: constant(uint256) = 2**128 - 1
MASK_160: constant(uint256) = 2**160 - 1

# where the fields of a desk begin
COUNT: constant(uint256) = 32
MAX: constant(uint256) = 48
END: constant(uint256) = 64
STAKE: constant(uint256) = 104
RUNNING: constant(uint256) = 200
# where the portions stand in a state
PORTIONS: constant(uint256) = 192

# by model, from the lowest bits: number of its latest market (32), contributions (16) and their maximum (16), end of the
# participation (40; 0: nobody can take part), stake (96), whether a market runs (1)
desks: HashMap[address, uint256]
# by market, from the lowest bits: provider (160), block of the draw (40)
providers: HashMap[uint256, uint256]
# by market, from the lowest bits: stake (96), bond (96), fee (64)
amounts: HashMap[uint256, uint256]
# by market, from the lowest bits: portions, drawn, rows, least and greatest number of contributions (16 each), rounds (24),
# times to reveal, participate, reveal the rest and score (32 each)
plans: HashMap[uint256, uint256]
# by market, from the lowest bits: phase (8), deadline (40), and 16 each: contributions, scored, settled, initial errors, errors,
# revealed, weight; words copied (32); and 16 each: portions, next
states: HashMap[uint256, uint256]
# by market, from the lowest bits: wei that are the provider's (128), wei that are the contributors' (128), without the stakes
# of a market that still takes contributions, and without what stands in `dues`
pots: HashMap[uint256, uint256]
# by market and group of 128 contributions, the first of which are group 0, from the lowest bits: whether each of them was paid (128),
# wei that those of them which were settled are still owed (128)
dues: public(HashMap[uint256, HashMap[uint256, uint256]])
# by market: who counts the errors, see the module `market_scoring`
scorers: HashMap[uint256, address]


# ---- views ----------------------------------------------------------------------------------------------------------

@view
@external
def latest_market(model: address) -> uint256:
    """
    @notice The id of the model's latest market, or 0.
    """
    number: uint256 = self.desks[model] & MASK_32
    return 0 if number == 0 else self._id(model, number)


@view
@external
def next_market(model: address) -> uint256:
    """
    @notice The id that the model's next market will have; the leaves of its test set contain it.
    """
    return self._id(model, (self.desks[model] & MASK_32) + 1)


@view
@external
@nonreentrant
def held(market: uint256) -> (uint256, uint256):
    """
    @notice The wei that the contract holds for a market: the provider's and the contributors' part. Until the market has
            ended, nobody can claim either, but for the fees of scoring, which come out of the provider's.
    """
    state: State = self._state(market)
    pot: uint256 = self.pots[market]
    theirs: uint256 = pot >> 128
    if state.phase == PARTICIPATING:
        theirs = self._count(market, state) * (self.amounts[market] & MASK_96)
    for group: uint256 in range(limits.MAX_GROUPS):
        theirs = unsafe_add(theirs, self.dues[market][group] >> 128)  # safe: all parts together are wei that are there
    return pot & MASK_128, theirs


@internal
@pure
def _check(holds: bool, problem: String[64]):
    """
    @dev An assertion, all of whose texts together take 3,300 bytes less code than those of as many `assert`: a market is as large
         as a contract may be. Where 110 gas matter it is an `if` before `_fail`, which reads the text only where it is needed.
    """
    if not holds:
        self._fail(problem)


@internal
@pure
def _fail(problem: String[64]):
    raise concat("prediction-market: ", problem)


# ---- ids ------------------------------------------------------------------------------------------------------------

@internal
@pure
def _id(model: address, number: uint256) -> uint256:
    if number > MASK_32:
        self._fail("no such market")
    return (convert(model, uint256) << 32) | number


@internal
@pure
def _model(market: uint256) -> address:
    """
    @dev `convert` refuses what has more than 160 bits.
    """
    return convert(market >> 32, address)


# ---- plan and state -------------------------------------------------------------------------------------------------

@internal
@pure
def _hidden_rows(plan: uint256) -> uint256:
    """
    @dev Safe: fewer portions are drawn than there are, and all rows of the others have 16 bits.
    """
    return unsafe_mul((plan >> 32) & MASK_16, unsafe_sub(plan & MASK_16, (plan >> 16) & MASK_16))


@internal
@view
def _state(market: uint256) -> State:
    packed: uint256 = self.states[market]
    if packed == 0:
        self._fail("no such market")
    return State(
        phase=packed & 255,
        deadline=(packed >> 8) & MASK_40,
        contributions=(packed >> 48) & MASK_16,
        scored=(packed >> 64) & MASK_16,
        settled=(packed >> 80) & MASK_16,
        initial=(packed >> 96) & MASK_16,
        errors=(packed >> 112) & MASK_16,
        revealed=(packed >> 128) & MASK_16,
        weight=(packed >> 144) & MASK_16,
        copied=(packed >> 160) & MASK_32,
        portions=(packed >> PORTIONS) & MASK_16,
        next=packed >> 208,
    )


@internal
def _save(market: uint256, state: State):
    """
    @dev No field overflows: deadlines are times and durations of 32 bits; errors are at most the rows, which have 16 bits; the
         rest counts what has 16 bits, and words of a model, which have to be copied.
    """
    self.states[market] = (
        state.phase
        | (state.deadline << 8)
        | (state.contributions << 48)
        | (state.scored << 64)
        | (state.settled << 80)
        | (state.initial << 96)
        | (state.errors << 112)
        | (state.revealed << 128)
        | (state.weight << 144)
        | (state.copied << 160)
        | (state.portions << PORTIONS)
        | (state.next << 208)
    )


@internal
@view
def _check_time(deadline: uint256):
    self._check(block.timestamp < deadline, "too late")


@internal
@view
def _count(market: uint256, state: State) -> uint256:
    """
    @dev How many contributions there are, also while there can be more.
    """
    if state.phase == PARTICIPATING:
        return (self.desks[self._model(market)] >> COUNT) & MASK_16
    return state.contributions


@internal
def _end(market: uint256, phase: uint256) -> uint256:
    """
    @dev The model is free for its next market. The caller saves the phase.
    """
    self.desks[self._model(market)] &= MASK_32
    log Ended(market=market, phase=phase)
    return phase


# ---- money ----------------------------------------------------------------------------------------------------------

@internal
@pure
def _shift(pot: uint256, gain: uint256, loss: uint256) -> uint256:
    """
    @dev The pot after the contributors' part gained from the provider's, and lost to it.
    """
    return (((pot >> 128) + gain - loss) << 128) | ((pot & MASK_128) + loss - gain)


@internal
def _pay_fee(market: uint256, plan: uint256, parts: uint256):
    """
    @dev A contribution's fee is paid to the caller in as many parts as there are hidden rows, and `SETTLING_PARTS` for settling;
         so is one more fee for checking the rows.
         What does not divide stays the provider's.
    """
    amount: uint256 = (self.amounts[market] >> 192) // unsafe_add(self._hidden_rows(plan), SETTLING_PARTS) * parts
    if amount > 0:
        self.pots[market] -= amount
        payments._pay(msg.sender, amount)
