# pragma version 0.4.3
"""
@title PredictionMarket: buy accuracy on a test set that stays secret until the end
@notice A provider commits to a test set and puts up a bounty. Some portions of the set are drawn by lot and revealed. Then
        contributors stake one unit on each sample. In the end the rest of the set is revealed, and each contributor is paid by
        how much the sample changed the model's error rate on it (slides, "Based on Prediction Markets"; Abernethy and
        Frongillo 2011; Waggoner, Frongillo and Abernethy 2015).
@dev One contract serves every model that was created with it as trainer. A model has one market at a time, and any number one
     after the other. A market's id is its model's address, shifted left by 32 bits, and its number on that model, from 1.
     The phases, each with its deadline, after which anyone may move on (`expire`, `close`):

         COMMITTED      draw         hash of a block fixed at commit time; missed: VOID
         DRAWN          reveal (the drawn portions), prepare (the replica); too late: VOID
         PARTICIPATING  add_data; from the end on or when full: close; too few contributions: CANCELLED
         REVEALING      reveal (all other portions), check; too late: SILENT
         SCORING        score; too late: ABANDONED
         SETTLING       settle: needs nothing but the contract's own state, so it needs no deadline

     Who gets what in the end:

                        each contribution                  provider                       caller of `expire`
         SETTLED        what it earned                     all the rest
         VOID           (there are none)                   bounty, fees                   bond
         CANCELLED      stake                              bounty, bond, fees
         SILENT         stake, share of bounty and bond    fees
         ABANDONED      stake, share of bounty             bond, fees not spent

     All amounts are in wei, all times in seconds. Divisions round towards zero, and what remains of them is the provider's.
     The money of a market is in its pot, in two parts: the provider's and the contributors'. Every payment is taken out of a
     pot, so no market, whatever its model does, reaches another's money. The contract's balance is the sum of `held`
     over all markets; ether that is forced in changes nothing. Models and replicas are called in the middle of a step:
     hence the lock on every function that changes something.

     The market does not judge the code of a model. Who contributes should: a model that lies scores as it likes.
"""
from ..interfaces import IIncentive
from ..interfaces import IModel
from ..modules import merkle
from ..modules import sample

implements: IIncentive

struct Terms:
    min_bounty: uint96  # wei
    min_bond: uint96  # wei
    max_length: uint32  # seconds: the most that the four durations of a market may add up to
    owner_only: bool  # whether only the model's owner may commit markets

struct Plan:
    stake: uint96  # wei for each contribution
    rounds: uint24  # the bounty in stakes: how many times stakes are bet again
    bond: uint96  # wei that the provider loses by silence
    fee: uint64  # wei set aside for scoring and settling one contribution
    portions: uint16  # in how many portions the test set is committed, 2 to 256
    drawn: uint16  # how many of them are drawn and revealed at the beginning
    rows: uint16  # rows in each portion
    min_contributions: uint16  # with fewer the market is cancelled
    max_contributions: uint16  # with as many it closes early
    reveal_time: uint32  # seconds from the draw until the drawn portions must be revealed and the replica prepared
    participation_time: uint32  # seconds
    rest_time: uint32  # seconds from the close until all other portions must be revealed and checked
    score_time: uint32  # seconds from then until anyone may abandon the scoring

struct Market:
    provider: address
    root: bytes32
    plan: Plan
    draw_block: uint256  # whose hash decides the draw
    drawn: uint256  # bit i: portion i was drawn
    replica: address
    phase: uint256
    deadline: uint256  # seconds; of the draw, which has a window of blocks: 0
    contributions: uint256
    scored: uint256
    settled: uint256
    revealed: uint256  # portions, the drawn ones included
    copied: uint256  # words of the state that the replica has
    initial_errors: uint256  # on the hidden portions that have been checked, before the first contribution
    errors: uint256  # after the latest contribution that was scored

struct Contribution:
    errors: uint256  # on the hidden rows after it
    rounds: uint256  # in how many rounds it took part
    owed: uint256  # wei that `withdraw` pays

# what a market's step needs to know, unpacked from one slot
struct State:
    phase: uint256
    deadline: uint256
    contributions: uint256
    scored: uint256
    settled: uint256
    initial: uint256  # errors before the first contribution
    errors: uint256  # errors after the latest contribution that was scored
    partial: uint256  # errors so far of the contribution that is being scored
    cursor: uint256  # 0, or 1 + the portion that is evaluated next for the contribution that is being scored
    revealed: uint256
    weight: uint256  # of the leaves that were revealed, see the module `merkle`
    copied: uint256

# the events of `open` and `add_data` stand in IIncentive; the facts of AddData go on with: index of the contribution, from 1
# (16 bits), number of the market (32 bits)

event Committed:
    model: indexed(address)
    market: indexed(uint256)
    provider: indexed(address)
    root: bytes32

event Drawn:
    market: indexed(uint256)
    portions: uint256  # bit i: portion i

event Revealed:
    market: indexed(uint256)
    index: uint256
    salt: bytes32
    rows: Bytes[MAX_PORTION]

event Started:
    market: indexed(uint256)
    replica: address
    end: uint256  # of the participation

event Closed:
    market: indexed(uint256)
    contributions: uint256

event Scored:
    market: indexed(uint256)
    index: uint256
    errors: uint256

event Settled:
    market: indexed(uint256)
    index: uint256
    owed: uint256

event Ended:
    market: indexed(uint256)
    phase: uint256  # how

event Withdrawn:
    market: indexed(uint256)
    account: indexed(address)
    index: uint256  # 0: the provider's rest
    amount: uint256

MAX_SAMPLE: constant(uint256) = 2_048
MAX_TERMS: constant(uint256) = 512
MAX_WORDS: constant(uint256) = 640
# bytes of rows in a portion and in one call of `evaluate`. A contract's code could hold half as much again, but every byte of
# these buffers costs each step a little: memory grows with the square
MAX_PORTION: constant(uint256) = 16_384
MAX_BATCH: constant(uint256) = 64  # portions in one call of `evaluate`
MAX_PORTIONS: constant(uint256) = 256  # the bits of a word; also the leaves that the module `merkle` can count
MAX_ROWS: constant(uint256) = 65_535  # hidden rows: errors are kept in 16 bits
# settling may have to walk over all earlier contributions at once: 4,096 cold slots take 11 of 16.7 million gas
MAX_CONTRIBUTIONS: constant(uint256) = 4_096

# blocks between the commitment and the block of the draw: the provider cannot know the hash, and a short reorganisation
# before the commitment does not change it
DRAW_DELAY: constant(uint256) = 4
BLOCKHASH_WINDOW: constant(uint256) = 256
HISTORY: constant(address) = 0x0000F90827F1C53a10cb7A02335B175320002935  # EIP-2935: the last 8,191 block hashes

# creation code: returns all that follows it (see the module `model`)
RETURN_REST: constant(Bytes[11]) = x"600b380380600b5f395ff3"
# the first byte of code that is data: nobody can run it
STOP: constant(Bytes[1]) = x"00"
# code that takes an ABI-encoded list of addresses and returns what follows the first byte of their code, one after the other:
#     6040 5f                     i = 64; o = 0
#     5b 81 36 11 600c 57         3: if i < calldatasize: go to 12
#     5f f3                       return the o bytes from 0 on
#     5b 81 35 6001 81 3b 03      12: a = calldata[i]; n = size of the code of a - 1
#     80 6001 84 84 3c 90 50 01   copy n bytes of the code of a from 1 on to o; o += n
#     90 6020 01 90 6003 56       i += 32; go to 3
GATHER_CODE: constant(Bytes[37]) = x"60405f5b813611600c575ff35b81356001813b0380600184843c9050019060200190600356"
# stands for the rows of a drawn portion, which nothing on chain will read again
SHOWN: constant(address) = 0x0000000000000000000000000000000000000001

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

MASK_16: constant(uint256) = 2**16 - 1
MASK_24: constant(uint256) = 2**24 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_40: constant(uint256) = 2**40 - 1
MASK_64: constant(uint256) = 2**64 - 1
MASK_96: constant(uint256) = 2**96 - 1
MASK_128: constant(uint256) = 2**128 - 1
MASK_160: constant(uint256) = 2**160 - 1

# where the fields of a desk begin
COUNT: constant(uint256) = 32
MAX: constant(uint256) = 48
END: constant(uint256) = 64
STAKE: constant(uint256) = 104
RUNNING: constant(uint256) = 200
# where the fields of a record begin
PREVIOUS: constant(uint256) = 16
ROUNDS: constant(uint256) = 32
BALANCE: constant(uint256) = 56
CLAIM: constant(uint256) = 96

# the contract with GATHER_CODE
GATHER: immutable(address)

# by model, from the lowest bits: least bounty (96), least bond (96), greatest length (32), owner only (1), open (1)
rules: HashMap[address, uint256]
# by model, from the lowest bits: number of its latest market (32), contributions (16) and their maximum (16), end of the
# participation (40; 0: nobody can take part), stake (96), whether a market runs (1)
desks: HashMap[address, uint256]
# by market: Merkle root over the portions of the test set
roots: HashMap[uint256, bytes32]
# by market, from the lowest bits: provider (160), block of the draw (40)
providers: HashMap[uint256, uint256]
# by market, from the lowest bits: stake (96), bond (96), fee (64)
amounts: HashMap[uint256, uint256]
# by market, from the lowest bits: portions, drawn, rows, least and greatest number of contributions (16 each), rounds (24),
# times to reveal, participate, reveal the rest and score (32 each)
plans: HashMap[uint256, uint256]
# by market, from the lowest bits: phase (8), deadline (40), and 16 each: contributions, scored, settled, initial errors, errors,
# partial errors, cursor, revealed, weight; words copied (32)
states: HashMap[uint256, uint256]
# by market, from the lowest bits: wei that are the provider's (128), wei that are the contributors' (128)
pots: HashMap[uint256, uint256]
# by market: bit i tells whether portion i was drawn
drawn: HashMap[uint256, uint256]
# by market: the copy of the model on which contributions are replayed
replicas: HashMap[uint256, address]
# by market << 8 | index: the contract whose code holds the rows of the portion, or SHOWN
portions: HashMap[uint256, address]
# by market << 16 | index from 1, from the lowest bits: errors (16), previous on the stack (16), rounds (24), balance times rows
# (40), hash of what a claim must present (160)
records: HashMap[uint256, uint256]


@deploy
def __init__():
    GATHER = raw_create(concat(RETURN_REST, GATHER_CODE))


# ---- terms ----------------------------------------------------------------------------------------------------------

@external
def open(terms: Bytes[MAX_TERMS]):
    """
    @notice Hold markets for the calling model from now on. A model calls it once, when it is created.
    @dev A market keeps others from the model while it runs, so the terms say what that takes: a bounty and a bond of a least
         size, for a limited time, and, where the owner wants it so, the owner. A market that is worth nothing to anyone still
         ends, and its contributors are still paid as it says.
    @param terms The ABI-encoded `Terms`.
    """
    t: Terms = abi_decode(terms, Terms)
    assert self.rules[msg.sender] == 0, "prediction-market: open already"
    self.rules[msg.sender] = (
        convert(t.min_bounty, uint256)
        | (convert(t.min_bond, uint256) << 96)
        | (convert(t.max_length, uint256) << 192)
        | (convert(t.owner_only, uint256) << 224)
        | (1 << 225)
    )
    log IIncentive.Opened(model=msg.sender)


@view
@external
def terms(model: address) -> Terms:
    """
    @notice The terms on which a model's markets are held.
    """
    rules: uint256 = self._rules(model)
    return Terms(
        min_bounty=convert(rules & MASK_96, uint96),
        min_bond=convert((rules >> 96) & MASK_96, uint96),
        max_length=convert((rules >> 192) & MASK_32, uint32),
        owner_only=(rules >> 224) & 1 == 1,
    )


# ---- what there is --------------------------------------------------------------------------------------------------

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
def market(market: uint256) -> Market:
    """
    @notice All about a market.
    """
    state: State = self._state(market)
    if state.phase == PARTICIPATING:
        state.contributions = (self.desks[self._model(market)] >> COUNT) & MASK_16
    return Market(
        provider=convert(self.providers[market] & MASK_160, address),
        root=self.roots[market],
        plan=self._plan(market),
        draw_block=self.providers[market] >> 160,
        drawn=self.drawn[market],
        replica=self.replicas[market],
        phase=state.phase,
        deadline=state.deadline,
        contributions=state.contributions,
        scored=state.scored,
        settled=state.settled,
        revealed=state.revealed,
        copied=state.copied,
        initial_errors=state.initial,
        errors=state.errors,
    )


@view
@external
def portion(market: uint256, index: uint256) -> address:
    """
    @notice The contract whose code, from its second byte on, is the rows of a hidden portion; the address 1 for a drawn portion
            that was revealed; the zero address for one that was not.
    """
    return self.portions[(market << 8) | index]


@view
@external
def contribution(market: uint256, index: uint256) -> Contribution:
    """
    @notice What is known of a contribution, counted from 1, so far.
    """
    state: State = self._state(market)
    record: uint256 = self.records[(market << 16) | index]
    return Contribution(
        errors=record & MASK_16,
        rounds=(record >> ROUNDS) & MASK_24,
        owed=self._owed(market, state, record) if state.phase >= SETTLED and record != 0 else 0,
    )


@view
@external
def held(market: uint256) -> (uint256, uint256):
    """
    @notice The wei that the contract holds for a market: the provider's and the contributors' part. Until the market has
            ended, nobody can claim either, but for the fees of scoring, which come out of the provider's.
    """
    pot: uint256 = self.pots[market]
    return pot & MASK_128, pot >> 128


@view
@external
def leaf(market: uint256, index: uint256, salt: bytes32, rows_hash: bytes32) -> bytes32:
    """
    @notice The leaf of a portion: OpenZeppelin's standard leaf over chain id, this contract, market, index, salt and the hash
            of the rows.
    """
    return self._leaf(market, index, salt, rows_hash)


# ---- 1 commit -------------------------------------------------------------------------------------------------------

@payable
@external
@nonreentrant
def commit(market: uint256, root: bytes32, plan: Plan):
    """
    @notice Start a market with the bounty, the bond and the fees for the greatest number of contributions; more comes back.
    @param market The id that the market gets: what `next_market` says. The leaves contain it, so a commitment that arrives when
                  another market has taken the id, and whose portions nobody could reveal, is refused.
    @param root The root of OpenZeppelin's standard tree over the `plan.portions` leaves. It must contain no other leaf: the
                last portion could not be revealed then.
    """
    model: address = self._model(market)
    rules: uint256 = self._rules(model)
    desk: uint256 = self.desks[model]
    assert desk >> RUNNING == 0, "prediction-market: another market is running"
    assert market == self._id(model, (desk & MASK_32) + 1), "prediction-market: not the model's next market"
    if (rules >> 224) & 1 == 1:
        assert msg.sender == staticcall IModel(model).owner(), "prediction-market: only the model's owner may commit"
    assert staticcall IModel(model).sealed(), "prediction-market: the model is not sealed"

    stake: uint256 = convert(plan.stake, uint256)
    bond: uint256 = convert(plan.bond, uint256)
    fee: uint256 = convert(plan.fee, uint256)
    rounds: uint256 = convert(plan.rounds, uint256)
    n: uint256 = convert(plan.portions, uint256)
    k: uint256 = convert(plan.drawn, uint256)
    rows: uint256 = convert(plan.rows, uint256)
    least: uint256 = convert(plan.min_contributions, uint256)
    most: uint256 = convert(plan.max_contributions, uint256)
    assert stake > 0 and rounds > 0, "prediction-market: no stake or no bounty"
    bounty: uint256 = rounds * stake
    assert bounty >= rules & MASK_96, "prediction-market: bounty below the terms"
    assert bond >= (rules >> 96) & MASK_96, "prediction-market: bond below the terms"
    assert n <= MAX_PORTIONS and k > 0 and k < n, "prediction-market: 1 to n - 1 of at most 256 portions are drawn"
    assert rows > 0 and rows * (n - k) <= MAX_ROWS, "prediction-market: 1 to 65,535 hidden rows"
    assert least > 0 and least <= most and most <= MAX_CONTRIBUTIONS, "prediction-market: 1 to 4,096 contributions"
    times: uint256[4] = [
        convert(plan.reveal_time, uint256),
        convert(plan.participation_time, uint256),
        convert(plan.rest_time, uint256),
        convert(plan.score_time, uint256),
    ]
    assert min(min(times[0], times[1]), min(times[2], times[3])) > 0, "prediction-market: no time for a phase"
    assert times[0] + times[1] + times[2] + times[3] <= (rules >> 192) & MASK_32, "prediction-market: longer than the terms allow"
    total: uint256 = bounty + bond + fee * most
    assert msg.value >= total, "prediction-market: bounty, bond and fees above the value sent"
    assert total <= MASK_96, "prediction-market: more money than there is"

    self.desks[model] = (market & MASK_32) | (1 << RUNNING)
    self.roots[market] = root
    self.providers[market] = convert(msg.sender, uint256) | ((block.number + DRAW_DELAY) << 160)
    self.amounts[market] = stake | (bond << 96) | (fee << 192)
    self.plans[market] = (
        n | (k << 16) | (rows << 32) | (least << 48) | (most << 64) | (rounds << 80)
        | (times[0] << 104) | (times[1] << 136) | (times[2] << 168) | (times[3] << 200)
    )
    self.states[market] = COMMITTED
    self.pots[market] = total
    log Committed(model=model, market=market, provider=msg.sender, root=root)
    self._pay(msg.sender, msg.value - total)


# ---- 2 draw ---------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def draw(market: uint256):
    """
    @notice Draw the portions that are to be revealed, by the hash of the block that was fixed at commit time. Anyone may.
    """
    state: State = self._state(market)
    assert state.phase == COMMITTED, "prediction-market: not waiting for the draw"
    draw_block: uint256 = self.providers[market] >> 160
    assert block.number > draw_block, "prediction-market: the block of the draw is not there yet"
    seed: bytes32 = self._block_hash(draw_block)
    assert seed != empty(bytes32), "prediction-market: the draw was missed"
    plan: uint256 = self.plans[market]
    n: uint256 = plan & MASK_16
    k: uint256 = (plan >> 16) & MASK_16
    # Floyd's algorithm: each set of k portions is equally likely, but for 2^-248 of rounding
    portions: uint256 = 0
    for last: uint256 in range(n - k, n, bound=MAX_PORTIONS):
        bit: uint256 = 1 << (convert(keccak256(abi_encode(seed, market, last)), uint256) % (last + 1))
        if portions & bit != 0:
            bit = 1 << last
        portions |= bit
    self.drawn[market] = portions
    state.phase = DRAWN
    state.deadline = block.timestamp + ((plan >> 104) & MASK_32)
    self._save(market, state)
    log Drawn(market=market, portions=portions)


# ---- 3 reveal the drawn portions, 6 reveal the rest -----------------------------------------------------------------

@external
@nonreentrant
def reveal(market: uint256, index: uint256, salt: bytes32, rows: Bytes[MAX_PORTION], proof: DynArray[bytes32, merkle.MAX_DEPTH]):
    """
    @notice Reveal a portion of the test set: before the participation one that was drawn, after it one that was not.
    @param index The portion, counted from 0.
    @param rows One row after the other as the model's `evaluate` takes them, which checks each of them.
    """
    state: State = self._state(market)
    assert state.phase == DRAWN or state.phase == REVEALING, "prediction-market: nothing to reveal now"
    assert block.timestamp < state.deadline, "prediction-market: too late"
    plan: uint256 = self.plans[market]
    assert index < plan & MASK_16, "prediction-market: no such portion"
    hidden: bool = (self.drawn[market] >> index) & 1 == 0
    assert hidden == (state.phase == REVEALING), "prediction-market: not the portions to reveal now"
    key: uint256 = (market << 8) | index
    assert self.portions[key] == empty(address), "prediction-market: revealed already"
    assert (
        merkle._root(self._leaf(market, index, salt, keccak256(rows)), proof) == self.roots[market]
    ), "prediction-market: not what was committed"
    self._check_row_count(len(rows), (plan >> 32) & MASK_16)

    if hidden:
        self.portions[key] = raw_create(concat(RETURN_REST, STOP, rows))
    else:
        # nothing on chain reads them again, so they are only checked
        self.portions[key] = SHOWN
        self._checked(
            raw_call(self._model(market), abi_encode(rows, method_id=method_id("evaluate(bytes)")), max_outsize=32),
            (plan >> 32) & MASK_16,
        )
    state.revealed += 1
    state.weight += merkle._weight(len(proof))
    # with room for more leaves the provider could have had two for one index, to show the one that the draw asks for
    assert state.revealed < plan & MASK_16 or state.weight == merkle.FULL, "prediction-market: the tree has other leaves"
    self._save(market, state)
    log Revealed(market=market, index=index, salt=salt, rows=rows)


@external
@nonreentrant
def check(market: uint256, portions: uint256):
    """
    @notice When all is revealed: count the errors on the hidden portions before the first contribution. The replica checks
            each row; with one that is malformed the provider cannot get any further. Anyone may.
    @param portions How many portions to check at most; the next call goes on from there.
    """
    state: State = self._state(market)
    plan: uint256 = self.plans[market]
    n: uint256 = plan & MASK_16
    assert state.phase == REVEALING and state.revealed == n, "prediction-market: nothing to check now"
    assert block.timestamp < state.deadline, "prediction-market: too late"
    evaluated: uint256 = 0
    state.cursor, state.initial, evaluated = self._count_errors(
        market, plan, max(state.cursor, 1), state.initial, portions
    )
    if state.cursor == n + 1:
        state.phase = SCORING
        state.deadline = block.timestamp + ((plan >> 200) & MASK_32)
        state.cursor = 0
        state.errors = state.initial
    self._save(market, state)


# ---- 4 prepare the replica, which opens the participation -----------------------------------------------------------

@external
@nonreentrant
def prepare(market: uint256, count: uint256, salt: bytes32):
    """
    @notice Copy the next words of the model's state to the replica. With the last one the participation begins. Anyone may.
    @param count How many words at most; 600 new words take about 15 million gas.
    @param salt Decides, when the first words are copied, the replica's address. Anyone could have created something at an
                address that is known before: take a random salt, and if it fails, another.
    """
    state: State = self._state(market)
    plan: uint256 = self.plans[market]
    assert state.phase == DRAWN and state.revealed == (plan >> 16) & MASK_16, "prediction-market: not all drawn portions are revealed"
    assert block.timestamp < state.deadline, "prediction-market: too late"
    model: address = self._model(market)
    replica: address = self.replicas[market]
    if replica == empty(address):
        replica = extcall IModel(model).create_replica(keccak256(abi_encode(market, salt)))
        self.replicas[market] = replica
    # nothing changes the model meanwhile: it is sealed, and only this contract trains it
    total: uint256 = staticcall IModel(model).word_count()
    size: uint256 = min(min(count, MAX_WORDS), total - state.copied)
    extcall IModel(replica).load(state.copied, staticcall IModel(model).words(state.copied, size))
    state.copied += size
    if state.copied == total:
        if (
            staticcall IModel(replica).word_count() == total
            and staticcall IModel(replica).class_count() == staticcall IModel(model).class_count()
        ):
            extcall IModel(replica).seal()
            state.phase = PARTICIPATING
            state.deadline = block.timestamp + ((plan >> 136) & MASK_32)
            self.desks[model] |= (
                (((plan >> 64) & MASK_16) << MAX) | (state.deadline << END) | ((self.amounts[market] & MASK_96) << STAKE)
            )
            log Started(market=market, replica=replica, end=state.deadline)
        else:
            # its owner gave the model another form meanwhile: copy it again
            state.copied = 0
            self.replicas[market] = empty(address)
    self._save(market, state)


# ---- 5 participate --------------------------------------------------------------------------------------------------

@payable
@external
@nonreentrant
def add_data(model: address, x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Stake on a sample. The model learns it at once. Of the ether sent along, what is above the stake comes back.
    @return What the model's `update` returned; a claim must present it.
    """
    desk: uint256 = self.desks[model]
    assert block.timestamp < (desk >> END) & MASK_40, "prediction-market: nobody can take part now"
    assert (desk >> COUNT) & MASK_16 < (desk >> MAX) & MASK_16, "prediction-market: full"
    stake: uint256 = (desk >> STAKE) & MASK_96
    assert stake <= msg.value, "prediction-market: stake above the value sent"
    desk = unsafe_add(desk, 1 << COUNT)  # safe: below its maximum
    self.desks[model] = desk

    # `extcall` would pass as many bytes as x may have; this passes as many as it has
    effect: uint256 = convert(
        raw_call(model, abi_encode(x, y, method_id=method_id("update(bytes,uint256)")), max_outsize=32), uint256
    )
    assert y | effect < 256, "prediction-market: unknown label or effect"
    index: uint256 = (desk >> COUNT) & MASK_16
    self.records[(self._id(model, desk & MASK_32) << 16) | index] = self._claim(msg.sender, keccak256(x), y, effect) << CLAIM
    log IIncentive.AddData(
        model=model,
        contributor=msg.sender,
        facts=y | (effect << 8) | (block.timestamp << 16) | (stake << 56) | (index << 152) | ((desk & MASK_32) << 168),
        x=x,
    )
    if msg.value > stake:
        send(msg.sender, unsafe_sub(msg.value, stake), gas=msg.gas)
    return effect


@external
@nonreentrant
def close(market: uint256):
    """
    @notice End the participation, when its time is over or when there are as many contributions as there may be. Anyone may.
    """
    state: State = self._state(market)
    assert state.phase == PARTICIPATING, "prediction-market: nobody takes part"
    model: address = self._model(market)
    desk: uint256 = self.desks[model]
    plan: uint256 = self.plans[market]
    state.contributions = (desk >> COUNT) & MASK_16
    assert (
        block.timestamp >= state.deadline or state.contributions == (plan >> 64) & MASK_16
    ), "prediction-market: neither over nor full"
    self.desks[model] = (desk & MASK_32) | (1 << RUNNING)
    self.pots[market] += (state.contributions * (self.amounts[market] & MASK_96)) << 128
    log Closed(market=market, contributions=state.contributions)
    if state.contributions < (plan >> 48) & MASK_16:
        state.phase = self._end(market, CANCELLED)
    else:
        state.phase = REVEALING
        state.deadline = block.timestamp + ((plan >> 168) & MASK_32)
    self._save(market, state)


# ---- 7 score --------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def score(market: uint256, contributor: address, x: Bytes[MAX_SAMPLE], y: uint256, effect: uint256, portions: uint256):
    """
    @notice Count the errors on the hidden rows after the next contribution in order, which must be presented again. Anyone
            may; each portion that is evaluated, and each contribution that did not change the model, earns its part of the fee.
    @param portions How many portions to evaluate at most; the next call goes on from there. With 0 the replica only learns.
    """
    state: State = self._state(market)
    assert state.phase == SCORING, "prediction-market: nothing to score now"
    index: uint256 = state.scored + 1
    key: uint256 = (market << 16) | index
    record: uint256 = self.records[key]
    assert (
        record >> CLAIM == self._claim(contributor, keccak256(x), y, effect)
    ), "prediction-market: not the contribution to be scored next"
    plan: uint256 = self.plans[market]
    parts: uint256 = 0
    done: bool = False

    if state.cursor == 0:
        if effect > 0 and self._replay(self.replicas[market], x, y):
            state.cursor = 1
            state.partial = 0
        else:
            done = True
            parts = 1
    if state.cursor > 0:
        state.cursor, state.partial, parts = self._count_errors(market, plan, state.cursor, state.partial, portions)
        if state.cursor == (plan & MASK_16) + 1:
            done = True
            state.errors = state.partial
            state.cursor = 0
    if done:
        self.records[key] = record | state.errors
        state.scored = index
        if index == state.contributions:
            state.phase = SETTLING
        log Scored(market=market, index=index, errors=state.errors)
    self._save(market, state)
    self._pay_fee(market, plan, parts)


# ---- 8 settle -------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def settle(market: uint256, count: uint256):
    """
    @notice Work out what the next `count` contributions earned. Anyone may, and each earns its part of the fee.
    @dev The result is that of the slides' loop (`rounds` times: everyone who still has a stake bets it again, and wins or loses
         the change in loss since the one before who also does), in one pass: what a contribution earns depends only on
         who was before it and for how many rounds they stayed. Of these only those count who stay longer than all
         who come after them: a stack, whose top is the latest contribution and whose rounds fall from bottom to top.
         Against the same predecessor the gain per round is constant, so the round in which the balance falls below one
         stake is one division. Balances are in stakes times hidden rows.
    """
    state: State = self._state(market)
    assert state.phase == SETTLING, "prediction-market: nothing to settle now"
    assert count > 0, "prediction-market: nothing to settle now"
    plan: uint256 = self.plans[market]
    stake: uint256 = self.amounts[market] & MASK_96
    rounds: uint256 = (plan >> 80) & MASK_24
    rows: uint256 = ((plan >> 32) & MASK_16) * ((plan & MASK_16) - ((plan >> 16) & MASK_16))
    first: uint256 = state.settled + 1
    last: uint256 = min(state.settled + count, state.contributions)
    pot: uint256 = self.pots[market]
    for index: uint256 in range(first, last + 1, bound=MAX_CONTRIBUTIONS):
        key: uint256 = (market << 16) | index
        record: uint256 = self.records[key]
        errors: uint256 = record & MASK_16
        balance: uint256 = rows
        done: uint256 = 0  # rounds
        before: uint256 = index - 1  # whom it bets against, 0: the model as it was at the beginning
        for i: uint256 in range(MAX_CONTRIBUTIONS):
            other: uint256 = 0
            its_errors: uint256 = state.initial
            its_rounds: uint256 = rounds
            if before > 0:
                other = self.records[(market << 16) | before]
                its_errors = other & MASK_16
                its_rounds = (other >> ROUNDS) & MASK_24
            # what follows is safe: rounds have 24 bits, errors and rows 16, so balances have at most 40; rounds rise
            # from the top to the bottom of the stack, and a balance that pays for a round is at least the loss in it
            left: uint256 = unsafe_sub(its_rounds, done)
            if its_errors >= errors:
                balance = unsafe_add(balance, unsafe_mul(unsafe_sub(its_errors, errors), left))
                done = its_rounds
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
        self.records[key] = record | (before << PREVIOUS) | (done << ROUNDS) | (balance << BALANCE)
        owed: uint256 = stake * balance // rows
        # from the provider's part to the contributors' or back; all gains of a round together are at most one stake
        pot = self._shift(pot, owed, stake)
        log Settled(market=market, index=index, owed=owed)
    self.pots[market] = pot
    state.settled = last
    if last == state.contributions:
        state.phase = self._end(market, SETTLED)
    self._save(market, state)
    self._pay_fee(market, plan, last + 1 - first)


# ---- 9 withdraw -----------------------------------------------------------------------------------------------------

@external
@nonreentrant
def withdraw(market: uint256, index: uint256, contributor: address, x_hash: bytes32, y: uint256, effect: uint256):
    """
    @notice Pay a contributor what one contribution is owed, when the market has ended. Anyone may.
    @param index The contribution, counted from 1.
    @param x_hash The hash of the sample.
    """
    state: State = self._state(market)
    assert state.phase >= SETTLED, "prediction-market: not ended"
    key: uint256 = (market << 16) | index
    record: uint256 = self.records[key]
    assert (
        record >> CLAIM == self._claim(contributor, x_hash, y, effect)
    ), "prediction-market: no such contribution, or paid already"
    amount: uint256 = self._owed(market, state, record)
    self.records[key] = 0
    self.pots[market] -= amount << 128
    log Withdrawn(market=market, account=contributor, index=index, amount=amount)
    self._pay(contributor, amount)


@external
@nonreentrant
def withdraw_rest(market: uint256):
    """
    @notice Pay the provider what is left, when the market has ended. Anyone may.
    """
    assert self.states[market] & 255 >= SETTLED, "prediction-market: not ended"
    pot: uint256 = self.pots[market]
    amount: uint256 = pot & MASK_128
    assert amount > 0, "prediction-market: nothing left"
    self.pots[market] = pot - amount
    provider: address = convert(self.providers[market] & MASK_160, address)
    log Withdrawn(market=market, account=provider, index=0, amount=amount)
    self._pay(provider, amount)


# ---- ways out -------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def expire(market: uint256):
    """
    @notice End a market that missed its deadline. Anyone may. Who does so because the draw or the drawn portions were missed
            gets the bond.
    """
    state: State = self._state(market)
    assert state.phase in [COMMITTED, DRAWN, REVEALING, SCORING], "prediction-market: no deadline to miss"
    if state.phase == COMMITTED:
        draw_block: uint256 = self.providers[market] >> 160
        assert (
            block.number > draw_block + BLOCKHASH_WINDOW and self._block_hash(draw_block) == empty(bytes32)
        ), "prediction-market: not too late"
    else:
        assert block.timestamp >= state.deadline, "prediction-market: not too late"

    amounts: uint256 = self.amounts[market]
    bond: uint256 = (amounts >> 96) & MASK_96
    bounty: uint256 = (amounts & MASK_96) * ((self.plans[market] >> 80) & MASK_24)
    if state.phase == COMMITTED or state.phase == DRAWN:
        self.pots[market] -= bond
        state.phase = self._end(market, VOID)
    elif state.phase == REVEALING:
        self.pots[market] = self._shift(
            self.pots[market], (bounty + bond) // state.contributions * state.contributions, 0
        )
        state.phase = self._end(market, SILENT)
    else:
        self.pots[market] = self._shift(self.pots[market], bounty // state.contributions * state.contributions, 0)
        state.phase = self._end(market, ABANDONED)
    self._save(market, state)
    if state.phase == VOID:
        self._pay(msg.sender, bond)


# ---- inside ---------------------------------------------------------------------------------------------------------

@internal
@pure
def _id(model: address, number: uint256) -> uint256:
    return (convert(model, uint256) << 32) | number


@internal
@pure
def _model(market: uint256) -> address:
    return convert(market >> 32, address)


@internal
@view
def _rules(model: address) -> uint256:
    rules: uint256 = self.rules[model]
    assert rules > 0, "prediction-market: not open for this model"
    return rules


@internal
@view
def _plan(market: uint256) -> Plan:
    amounts: uint256 = self.amounts[market]
    plan: uint256 = self.plans[market]
    return Plan(
        stake=convert(amounts & MASK_96, uint96),
        rounds=convert((plan >> 80) & MASK_24, uint24),
        bond=convert((amounts >> 96) & MASK_96, uint96),
        fee=convert(amounts >> 192, uint64),
        portions=convert(plan & MASK_16, uint16),
        drawn=convert((plan >> 16) & MASK_16, uint16),
        rows=convert((plan >> 32) & MASK_16, uint16),
        min_contributions=convert((plan >> 48) & MASK_16, uint16),
        max_contributions=convert((plan >> 64) & MASK_16, uint16),
        reveal_time=convert((plan >> 104) & MASK_32, uint32),
        participation_time=convert((plan >> 136) & MASK_32, uint32),
        rest_time=convert((plan >> 168) & MASK_32, uint32),
        score_time=convert((plan >> 200) & MASK_32, uint32),
    )


@internal
@view
def _state(market: uint256) -> State:
    packed: uint256 = self.states[market]
    assert packed > 0, "prediction-market: no such market"
    return State(
        phase=packed & 255,
        deadline=(packed >> 8) & MASK_40,
        contributions=(packed >> 48) & MASK_16,
        scored=(packed >> 64) & MASK_16,
        settled=(packed >> 80) & MASK_16,
        initial=(packed >> 96) & MASK_16,
        errors=(packed >> 112) & MASK_16,
        partial=(packed >> 128) & MASK_16,
        cursor=(packed >> 144) & MASK_16,
        revealed=(packed >> 160) & MASK_16,
        weight=(packed >> 176) & MASK_16,
        copied=(packed >> 192) & MASK_32,
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
        | (state.partial << 128)
        | (state.cursor << 144)
        | (state.revealed << 160)
        | (state.weight << 176)
        | (state.copied << 192)
    )


@internal
def _end(market: uint256, phase: uint256) -> uint256:
    """
    @dev The model is free for its next market. The caller saves the phase.
    """
    self.desks[self._model(market)] &= MASK_32
    log Ended(market=market, phase=phase)
    return phase


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
    position: uint256 = convert(slice(msg.data, 4 + 3 * 32, 32), uint256) + 36  # Vyper has checked that they lie inside
    end: uint256 = position + size
    for i: uint256 in range(count, bound=MAX_ROWS):
        y: uint256 = 0
        length: uint256 = 0
        y, length = sample._row(position, end)
        position = unsafe_add(unsafe_add(position, sample.ROW_HEAD), length)  # safe: not behind the end
    assert position == end, "prediction-market: more rows than a portion has"


@internal
def _count_errors(
    market: uint256, plan: uint256, cursor: uint256, errors: uint256, portions: uint256
) -> (uint256, uint256, uint256):
    """
    @dev Goes on with the evaluation of the hidden portions.
    @param cursor 1 + the portion from which to go on.
    @param errors On the portions before.
    @param portions How many to evaluate at most.
    @return The new cursor, the errors, and how many portions were evaluated.
    """
    n: uint256 = plan & MASK_16
    drawn: uint256 = self.drawn[market]
    next: uint256 = cursor
    size: uint256 = 0
    parts: DynArray[address, MAX_BATCH] = []
    for i: uint256 in range(cursor - 1, n, bound=MAX_PORTIONS):
        if (drawn >> i) & 1 == 0:
            if len(parts) == min(portions, MAX_BATCH):
                break
            part: address = self.portions[(market << 8) | i]
            size += part.codesize - 1
            if size > MAX_PORTION:
                break
            parts.append(part)
        next = i + 2
    if len(parts) == 0:
        return next, errors, 0
    rows: Bytes[MAX_PORTION] = raw_call(GATHER, abi_encode(parts), max_outsize=MAX_PORTION, is_static_call=True)
    # not a static call: a replica may keep what it computed, and next time compute only what a contribution touched
    answer: Bytes[32] = raw_call(
        self.replicas[market], abi_encode(rows, method_id=method_id("evaluate(bytes)")), max_outsize=32
    )
    return next, errors + self._checked(answer, ((plan >> 32) & MASK_16) * len(parts)), len(parts)


@internal
@pure
def _checked(answer: Bytes[32], rows: uint256) -> uint256:
    """
    @dev The errors that a model tells. A model that lies cannot tell more errors than there are rows.
    """
    assert len(answer) == 32, "prediction-market: the model does not answer"
    errors: uint256 = convert(answer, uint256)
    assert errors <= rows, "prediction-market: more errors than rows"
    return errors


@internal
def _replay(replica: address, x: Bytes[MAX_SAMPLE], y: uint256) -> bool:
    """
    @dev Whether the replica changed. It may refuse what the model learnt only if the model's owner changed the model's form
         meanwhile (one more class); then the contribution counts as one that changed nothing, and does not block the rest.
         A refusal comes with its reason; where there is none, the gas ran out.
    """
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        replica,
        abi_encode(x, y, method_id=method_id("update(bytes,uint256)")),
        max_outsize=32,
        revert_on_failure=False,
    )
    assert success or len(response) > 0, "prediction-market: out of gas"
    return success and convert(response, uint256) > 0


@internal
@pure
def _claim(contributor: address, x_hash: bytes32, y: uint256, effect: uint256) -> uint256:
    """
    @dev 160 bits of the hash of what a claim must present; index and market are the record's key.
    """
    return convert(keccak256(abi_encode(contributor, x_hash, y, effect)), uint256) & MASK_160


@internal
@view
def _owed(market: uint256, state: State, record: uint256) -> uint256:
    """
    @dev What a contribution is owed in a market that has ended.
    """
    amounts: uint256 = self.amounts[market]
    stake: uint256 = amounts & MASK_96
    if state.phase == CANCELLED:
        return stake
    plan: uint256 = self.plans[market]
    if state.phase == SETTLED:
        rows: uint256 = ((plan >> 32) & MASK_16) * ((plan & MASK_16) - ((plan >> 16) & MASK_16))
        return stake * ((record >> BALANCE) & MASK_40) // rows
    shared: uint256 = stake * ((plan >> 80) & MASK_24)
    if state.phase == SILENT:
        shared += (amounts >> 96) & MASK_96
    return stake + shared // state.contributions


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
    @dev A contribution's fee is paid in as many parts as there are hidden portions, and one for settling. What is not
         needed, because a contribution did not change the model, and what does not divide stays the provider's.
    """
    amount: uint256 = (self.amounts[market] >> 192) // ((plan & MASK_16) - ((plan >> 16) & MASK_16) + 1) * parts
    if amount > 0:
        self.pots[market] -= amount
        self._pay(msg.sender, amount)


@internal
def _pay(account: address, amount: uint256):
    if amount > 0:
        send(account, amount, gas=msg.gas)
