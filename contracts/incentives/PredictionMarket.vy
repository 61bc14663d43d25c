# pragma version 0.4.3
# pragma optimize codesize
"""
@title PredictionMarket: buy accuracy on a test set that stays secret until the end
@notice A provider commits to a test set and puts up a bounty. Some portions of the set are drawn by lot and revealed. Then
        contributors stake one unit on each sample. In the end the rest of the set is revealed, and each contributor is paid by
        how much the sample changed the model's error rate on it (slides, "Based on Prediction Markets"; Abernethy and
        Frongillo 2011; Waggoner, Frongillo and Abernethy 2015).
@dev One contract serves every model that was created with it as trainer. A model has one market at a time, and any number one
     after the other. The parts, in the order in which a market comes to them, each with its own state: here the terms, the
     commitment, the participation and the ways out; the modules `market_test_set` (draw, reveal), `market_scoring` (prepare,
     check, score) and `market_settlement` (settle, withdraw); and `market_book`, what all of them know of a market.
     The phases, each with its deadline, after which anyone may move on (`expire`, `close`):

         COMMITTED      draw         hash of a block fixed at commit time; missed: VOID
         DRAWN          reveal (the drawn portions), prepare (the replica); too late: VOID
         PARTICIPATING  add_data; from the end on or when full: close; too few contributions: CANCELLED
         REVEALING      reveal (all other portions), check; too late: SILENT
         SCORING        score; too late: what was scored is settled, and then ABANDONED
         SETTLING       settle: needs nothing but what events say, and one call, so it needs no deadline

     Who gets what in the end:

                        each contribution                  provider                       caller of `expire`
         SETTLED        what it earned                     all the rest
         VOID           (there are none)                   bounty, fees                   bond
         CANCELLED      stake                              bounty, bond, fees
         SILENT         stake, share of bounty and bond    fees
         ABANDONED      scored: what it earned;            all the rest
                        the others: stake

     A provider who is not the model's owner pays the owner the terms' least bond when the market is committed, beside all this:
     it does not come back, whatever comes of the market.
     A sample that leaves the model as it was needs no scoring and stakes nothing: all of its ether comes back at once.

     All amounts are in wei, all times in seconds. Divisions round towards zero, and what remains of them is the provider's.
     The money of a market is in its pot, in two parts: the provider's and the contributors'. Every payment is taken out of a
     pot, so no market, whatever its model does, reaches another's money. The contract's balance is the sum of `held`
     over all markets and of `credit_of` over all accounts; ether that is forced in changes nothing. Models and replicas are
     called in the middle of a step: hence the lock on every function that changes something.

     The market does not judge the code of a model. Who contributes should: a model that lies scores as it likes.
"""
from ..interfaces import IIncentive
from ..interfaces import IModel
from ..modules import limits
from ..modules import market_book as book
from ..modules import market_scoring as scoring
from ..modules import market_settlement as settlement
from ..modules import market_test_set as test_set
from ..modules import payments

implements: IIncentive
initializes: payments
initializes: book[payments := payments]
initializes: test_set[book := book]
initializes: settlement[book := book, payments := payments]
initializes: scoring[book := book, settlement := settlement]

exports: (
    # what there is
    book.latest_market,
    book.next_market,
    book.held,
    test_set.is_revealed,
    test_set.leaf,
    settlement.paid,
    settlement.owed_root,
    scoring.scorer_of,
    # the steps
    test_set.draw,
    test_set.reveal,
    scoring.prepare,
    scoring.check,
    scoring.score_many,
    settlement.settle,
    settlement.withdraw,
    settlement.withdraw_stake,
    settlement.withdraw_rest,
    # what could not be delivered
    payments.credit_of,
    payments.fetch,
)

struct Terms:
    min_bounty: uint96  # wei
    min_bond: uint96  # wei; also what a provider who is not the owner pays the owner
    max_length: uint32  # seconds: the most that the four durations of a market may add up to
    owner_only: bool  # whether only the model's owner may commit markets

struct Market:
    provider: address
    root: bytes32
    plan: book.Plan
    draw_block: uint256  # whose hash decides the draw
    drawn: uint256  # bit i: portion i was drawn
    scorer: address
    phase: uint256
    deadline: uint256  # seconds; of the draw, which has a window of blocks: 0
    contributions: uint256
    scored: uint256
    settled: uint256
    revealed: uint256  # portions, the drawn ones included
    copied: uint256  # words of the state that the scorer has
    initial_errors: uint256  # on the hidden rows that have been checked, before the first contribution
    errors: uint256  # after the latest contribution that was scored

# the events of `open` and `add_data` stand in IIncentive; the facts of AddData go on with: index of the contribution, from 1
# (16 bits), number of the market (32 bits). Where the sample had no effect, index and deposit are 0

event Committed:
    model: indexed(address)
    market: indexed(uint256)
    provider: indexed(address)
    root: bytes32

event Closed:
    market: indexed(uint256)
    contributions: uint256

# blocks between the commitment and the block of the draw: the provider cannot know the hash, and a short reorganisation
# before the commitment does not change it
DRAW_DELAY: constant(uint256) = 4
# what the time for scoring must be at least: a day for those who sleep, and a second for each 1,000 rows that there may be to
# evaluate (4 million gas on a sparse perceptron, about what a block gives in a second), so that a provider without patience or
# with a huge test set does not get data for nothing
MIN_SCORE_TIME: constant(uint256) = 86_400
ROWS_A_SECOND: constant(uint256) = 1_000

# by model, from the lowest bits: least bounty (96), least bond (96), greatest length (32), owner only (1), open (1)
rules: HashMap[address, uint256]


@deploy
def __init__(parts: DynArray[address, scoring.MAX_SCORERS + 1]):
    """
    @param parts First who works out what is owed, see `ISettler`; then who counts errors, each for its kind of models; one is
                 for all kinds.
    """
    settlement.__init__(parts[0])
    scorers: DynArray[address, scoring.MAX_SCORERS] = []
    for i: uint256 in range(1, len(parts), bound=scoring.MAX_SCORERS):
        scorers.append(parts[i])
    scoring.__init__(scorers)


# ---- terms ----------------------------------------------------------------------------------------------------------

@external
def open(terms: Bytes[limits.MAX_TERMS]):
    """
    @notice Hold markets for the calling model from now on. A model calls it once, when it is created.
    @dev A market keeps others from the model while it runs, and whoever has one decides who learns it what. So only the owner
         may commit markets, or it has a price: the least bond, which is then not 0. The terms also say what bounty and bond a
         market must have at least, and how long it may take.
    @param terms The ABI-encoded `Terms`.
    """
    t: Terms = abi_decode(terms, Terms)
    assert self.rules[msg.sender] == 0, "prediction-market: open already"
    assert t.owner_only or t.min_bond > 0, "prediction-market: a market of anyone needs a least bond"
    assert scoring._can_score(msg.sender), "prediction-market: models of this kind cannot be scored"
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
        min_bounty=convert(rules & book.MASK_96, uint96),
        min_bond=convert((rules >> 96) & book.MASK_96, uint96),
        max_length=convert((rules >> 192) & book.MASK_32, uint32),
        owner_only=(rules >> 224) & 1 == 1,
    )


@internal
@view
def _rules(model: address) -> uint256:
    rules: uint256 = self.rules[model]
    assert rules > 0, "prediction-market: not open for this model"
    return rules


# ---- what there is --------------------------------------------------------------------------------------------------

@view
@external
def busy(model: address) -> bool:
    """
    @notice Whether a market runs on the model: from its commitment to its end no class may be added.
    """
    return book.desks[model] >> book.RUNNING > 0


@view
@external
def market(market: uint256) -> Market:
    """
    @notice All about a market.
    """
    state: book.State = book._state(market)
    return Market(
        provider=convert(book.providers[market] & book.MASK_160, address),
        root=test_set.roots[market],
        plan=book._plan(market),
        draw_block=book.providers[market] >> 160,
        drawn=test_set.drawn[market],
        scorer=book.scorers[market],
        phase=state.phase,
        deadline=state.deadline,
        contributions=book._count(market, state),
        scored=state.scored,
        settled=state.settled,
        revealed=state.revealed,
        copied=state.copied,
        initial_errors=state.initial,
        errors=state.errors,
    )


# ---- 1 commit -------------------------------------------------------------------------------------------------------

@payable
@external
@nonreentrant
def commit(market: uint256, root: bytes32, plan: book.Plan):
    """
    @notice Start a market with the bounty, the bond and the fees for checking and the greatest number of contributions; more
            comes back.
            A provider who is not the model's owner also pays the owner the least bond of the terms, for good.
    @param market The id that the market gets: what `next_market` says. The leaves contain it, so a commitment that arrives when
                  another market has taken the id, and whose portions nobody could reveal, is refused.
    @param root The root of OpenZeppelin's standard tree over the `plan.portions` leaves. It must contain no other leaf: the
                last portion could not be revealed then.
    """
    model: address = book._model(market)
    rules: uint256 = self._rules(model)
    desk: uint256 = book.desks[model]
    assert desk >> book.RUNNING == 0, "prediction-market: another market is running"
    assert market == book._id(model, (desk & book.MASK_32) + 1), "prediction-market: not the model's next market"
    owner: address = staticcall IModel(model).owner()
    price: uint256 = 0  # wei for the owner
    if msg.sender != owner:
        assert (rules >> 224) & 1 == 0, "prediction-market: only the model's owner may commit"
        price = (rules >> 96) & book.MASK_96
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
    assert bounty >= rules & book.MASK_96, "prediction-market: bounty below the terms"
    assert bond >= (rules >> 96) & book.MASK_96, "prediction-market: bond below the terms"
    assert n <= book.MAX_PORTIONS and k > 0 and k < n, "prediction-market: 1 to n - 1 of at most 256 portions are drawn"
    assert rows > 0 and rows * (n - k) <= book.MAX_HIDDEN_ROWS, "prediction-market: 1 to 65,535 hidden rows"
    assert least > 0 and least <= most and most <= limits.MAX_CONTRIBUTIONS, "prediction-market: 1 to 4,096 contributions"
    times: uint256[4] = [
        convert(plan.reveal_time, uint256),
        convert(plan.participation_time, uint256),
        convert(plan.rest_time, uint256),
        convert(plan.score_time, uint256),
    ]
    assert min(min(times[0], times[1]), min(times[2], times[3])) > 0, "prediction-market: no time for a phase"
    assert times[0] + times[1] + times[2] + times[3] <= (rules >> 192) & book.MASK_32, "prediction-market: longer than the terms allow"
    assert times[3] >= MIN_SCORE_TIME + most * rows * (n - k) // ROWS_A_SECOND, "prediction-market: too little time to score"
    total: uint256 = bounty + bond + fee * (most + 1)
    assert msg.value >= total + price, "prediction-market: bounty, bond, fees and price above the value sent"
    assert total <= book.MASK_96, "prediction-market: more money than there is"

    book.desks[model] = (market & book.MASK_32) | (1 << book.RUNNING)
    test_set.roots[market] = root
    book.providers[market] = convert(msg.sender, uint256) | ((block.number + DRAW_DELAY) << 160)
    book.amounts[market] = stake | (bond << 96) | (fee << 192)
    book.plans[market] = (
        n | (k << 16) | (rows << 32) | (least << 48) | (most << 64) | (rounds << 80)
        | (times[0] << 104) | (times[1] << 136) | (times[2] << 168) | (times[3] << 200)
    )
    book.states[market] = book.COMMITTED
    book.pots[market] = total
    log Committed(model=model, market=market, provider=msg.sender, root=root)
    payments._pay(msg.sender, msg.value - total - price)
    payments._pay(owner, price)


# ---- 5 participate --------------------------------------------------------------------------------------------------

@payable
@external
@nonreentrant
def add_data(model: address, x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Stake on a sample. The model learns it at once. Of the ether sent along, what is above the stake comes back.
            A sample that leaves the model as it was stakes nothing, takes no place and earns nothing: all comes back, and
            `AddData` says so by a deposit and an index of 0.
    @return What the model's `update` returned; a claim must present it. 0: nothing was staked.
    """
    desk: uint256 = book.desks[model]
    assert block.timestamp < (desk >> book.END) & book.MASK_40, "prediction-market: nobody can take part now"
    assert (desk >> book.COUNT) & book.MASK_16 < (desk >> book.MAX) & book.MASK_16, "prediction-market: full"
    stake: uint256 = (desk >> book.STAKE) & book.MASK_96
    assert stake <= msg.value, "prediction-market: stake above the value sent"

    # `extcall` would pass as many bytes as x may have; this passes as many as it has
    effect: uint256 = convert(
        raw_call(model, abi_encode(x, y, method_id=method_id("update(bytes,uint256)")), max_outsize=32), uint256
    )
    assert (y >> 8) | (effect >> 16) == 0, "prediction-market: unknown label or effect"
    index: uint256 = 0
    if effect == 0:
        stake = 0
    else:
        desk = unsafe_add(desk, 1 << book.COUNT)  # safe: below its maximum
        book.desks[model] = desk
        index = (desk >> book.COUNT) & book.MASK_16
        settlement._add(book._id(model, desk & book.MASK_32), index, msg.sender, keccak256(x), y, effect)
    log IIncentive.AddData(
        model=model,
        contributor=msg.sender,
        sponsor=msg.sender,
        facts=y | (effect << 8) | (block.timestamp << 24) | (stake << 64) | (index << 160)
            | ((desk & book.MASK_32) << 176),
        x=x,
    )
    payments._pay(msg.sender, unsafe_sub(msg.value, stake))  # safe: the stake is not above the value
    return effect


@external
@nonreentrant
def close(market: uint256):
    """
    @notice End the participation, when its time is over or when there are as many contributions as there may be. Anyone may.
    """
    state: book.State = book._state(market)
    assert state.phase == book.PARTICIPATING, "prediction-market: nobody takes part"
    model: address = book._model(market)
    plan: uint256 = book.plans[market]
    state.contributions = book._count(market, state)
    assert (
        block.timestamp >= state.deadline or state.contributions == (plan >> 64) & book.MASK_16
    ), "prediction-market: neither over nor full"
    book.desks[model] = (market & book.MASK_32) | (1 << book.RUNNING)
    book.pots[market] += (state.contributions * (book.amounts[market] & book.MASK_96)) << 128
    log Closed(market=market, contributions=state.contributions)
    if state.contributions < (plan >> 48) & book.MASK_16:
        state.phase = book._end(market, book.CANCELLED)
    else:
        state.phase = book.REVEALING
        state.deadline = block.timestamp + ((plan >> 168) & book.MASK_32)
    book._save(market, state)


# ---- ways out -------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def expire(market: uint256):
    """
    @notice Go on with a market that missed its deadline. Anyone may. Who does so because the draw or the drawn portions were
            missed gets the bond. If the scoring was not finished, what was scored is settled next, as it would have been anyway;
            what was not gets its stakes back.
    """
    state: book.State = book._state(market)
    assert state.phase in [
        book.COMMITTED, book.DRAWN, book.REVEALING, book.SCORING
    ], "prediction-market: no deadline to miss"
    if state.phase == book.COMMITTED:
        assert test_set._is_draw_missed(market), "prediction-market: not too late"
    else:
        assert block.timestamp >= state.deadline, "prediction-market: not too late"

    amounts: uint256 = book.amounts[market]
    bond: uint256 = (amounts >> 96) & book.MASK_96
    if state.phase == book.SCORING:
        state.phase = book.SETTLING if state.scored > 0 else book._end(market, book.ABANDONED)
    elif state.phase == book.REVEALING:
        bounty: uint256 = (amounts & book.MASK_96) * ((book.plans[market] >> 80) & book.MASK_24)
        shares: uint256 = (bounty + bond) // state.contributions * state.contributions
        book.pots[market] = book._shift(book.pots[market], shares, 0)
        state.phase = book._end(market, book.SILENT)
    else:
        book.pots[market] -= bond
        state.phase = book._end(market, book.VOID)
    book._save(market, state)
    if state.phase == book.VOID:
        payments._pay(msg.sender, bond)
