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
         REVEALING      reveal (all other portions), check (which hands them to the scorer); too late: SILENT
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
     Who sends what another signed, the sponsor, pays the stake. What comes back of a contribution is up to its stake the sponsor's,
     and above it the contributor's: so the sponsor bears what a bad sample loses, the contributor has what a good one earns, and
     a share of a silent provider's bounty is the contributor's, too. In the table "each contribution" means both.

     All amounts are in wei, all times in seconds. Divisions round towards zero, and what remains of them is the provider's.
     The money of a market is in its pot, in two parts: the provider's and the contributors'. Every payment is taken out of a
     pot, so no market, whatever its model does, reaches another's money. The contract's balance is the sum of `held`
     over all markets and of `credit_of` over all accounts; ether that is forced in changes nothing. Models and replicas are
     called in the middle of a step: hence the lock on every function that changes something.

     The market does not judge the code of a model. Who contributes should: a model that lies scores as it likes.
"""
from ..interfaces import IIncentive
from ..interfaces import IModel
from ..interfaces import IPlanner
from ..modules import batch
from ..modules import contributions
from ..modules import limits
from ..modules import market_book as book
from ..modules import market_scoring as scoring
from ..modules import market_settlement as settlement
from ..modules import market_test_set as test_set
from ..modules import owed
from ..modules import payments
from ..modules import rounds
from ..modules import signatures

implements: IIncentive
initializes: contributions
initializes: batch[contributions := contributions]
initializes: rounds
initializes: signatures[contributions := contributions]
initializes: payments
initializes: book[payments := payments]
initializes: test_set[book := book]
initializes: settlement[book := book, payments := payments]
initializes: scoring[book := book, settlement := settlement, test_set := test_set]

exports: (
    # what there is
    book.latest_market,
    book.next_market,
    book.held,
    test_set.leaf,
    book.dues,
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
    # signatures
    rounds.cancel,
    rounds.round_of,
    # what could not be delivered
    payments.credit_of,
    payments.fetch,
)

struct Market:
    provider: address
    root: bytes32
    plan: IPlanner.Plan
    draw_block: uint256  # whose hash decides the draw
    drawn: uint256  # bit i: portion i was drawn
    scorer: address
    phase: uint256
    deadline: uint256  # seconds; of the draw, which has a window of blocks: 0; when the market has ended, that of its last phase
    contributions: uint256
    scored: uint256
    settled: uint256
    revealed: uint256  # portions, the drawn ones included
    copied: uint256  # words of the state that the scorer has
    initial_errors: uint256  # on the hidden rows that have been checked, before the first contribution
    errors: uint256  # after the latest contribution that was scored
    next: uint256  # behind the latest portion that was revealed in this phase or, when all are, handed to the scorer

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
# who checks and packs terms and plans
planner: immutable(IPlanner)
# where in the rules stands whether the model was sealed when it was created
SEALED: constant(uint256) = 226
# by model, from the lowest bits: least bounty (96), least bond (96), greatest length (32), owner only (1), open (1), sealed (1)
rules: HashMap[address, uint256]


@deploy
def __init__(parts: DynArray[address, scoring.MAX_SCORERS + 2]):
    """
    @param parts First who works out what is owed, see `ISettler`, and who checks terms and plans, see `IPlanner`; then who counts
                 errors, each for its kind of models; one is for all kinds.
    """
    settlement.__init__(parts[0])
    planner = IPlanner(parts[1])
    scorers: DynArray[address, scoring.MAX_SCORERS] = []
    for i: uint256 in range(2, len(parts), bound=scoring.MAX_SCORERS):
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
    book._check(self.rules[msg.sender] == 0, "open already")
    book._check(scoring._can_score(msg.sender), "models of this kind cannot be scored")
    rules: uint256 = staticcall planner.pack_terms(terms)
    self.rules[msg.sender] = rules | (convert(staticcall IModel(msg.sender).sealed(), uint256) << SEALED)
    log IIncentive.Opened(model=msg.sender)


@view
@external
def terms(model: address) -> IPlanner.Terms:
    """
    @notice The terms on which a model's markets are held.
    """
    rules: uint256 = self._rules(model)
    return IPlanner.Terms(
        min_bounty=convert(rules & book.MASK_96, uint96),
        min_bond=convert((rules >> 96) & book.MASK_96, uint96),
        max_length=convert((rules >> 192) & book.MASK_32, uint32),
        owner_only=(rules >> 224) & 1 == 1,
    )


@internal
@view
def _rules(model: address) -> uint256:
    rules: uint256 = self.rules[model]
    if rules == 0:
        book._fail("not open for this model")
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
        plan=staticcall planner.unpack_plan(book.amounts[market], book.plans[market]),
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
        next=state.next,
    )


# ---- 1 commit -------------------------------------------------------------------------------------------------------

@payable
@external
@nonreentrant
def commit(market: uint256, root: bytes32, plan: IPlanner.Plan):
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
    if desk >> book.RUNNING > 0:
        book._fail("another market is running")
    if market != book._id(model, (desk & book.MASK_32) + 1):
        book._fail("not the model's next market")
    owner: address = staticcall IModel(model).owner()
    price: uint256 = 0  # wei for the owner
    if msg.sender != owner:
        book._check((rules >> 224) & 1 == 0, "only the model's owner may commit")
        price = (rules >> 96) & book.MASK_96
    # what is sealed stays so: a model that was created complete need not be asked again
    if rules >> SEALED == 0:
        book._check(staticcall IModel(model).sealed(), "the model is not sealed")

    amounts: uint256 = 0
    packed: uint256 = 0
    total: uint256 = 0
    amounts, packed, total = staticcall planner.pack_plan(plan, rules)
    if msg.value < total + price:
        book._fail("bounty, bond, fees and price above the value sent")

    book.desks[model] = (market & book.MASK_32) | (1 << book.RUNNING)
    test_set.roots[market] = root
    book.providers[market] = convert(msg.sender, uint256) | ((block.number + DRAW_DELAY) << 160)
    book.amounts[market] = amounts
    book.plans[market] = packed
    book.states[market] = book.COMMITTED | ((packed & book.MASK_16) << book.PORTIONS)
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
    @return What the model's `update` returned; `withdraw_stake` must present it. 0: nothing was staked.
    """
    begun: uint256 = self._desk(model, 1)
    desk: uint256 = 0
    effect: uint256 = 0
    effect, desk = self._add(model, begun, msg.sender, keccak256(x), x, y)
    assert effect != contributions.REFUSED, contributions.why
    self._end(model, begun, desk)
    return effect


@payable
@external
@nonreentrant
def add_many(model: address, count: uint256, rows: Bytes[batch.MAX_OWN_BYTES]) -> uint256:
    """
    @notice Stake on several samples, each of which is accepted or skipped by itself. What is sent must cover all stakes; what is not
            staked comes back.
    @param rows So many samples with their labels, as the module `batch` says.
    @return How many were accepted, those without effect among them.
    """
    begun: uint256 = self._desk(model, count)
    desk: uint256 = begun
    accepted: uint256 = 0
    at: uint256 = 0
    for i: uint256 in range(count, bound=batch.MAX_ITEMS):
        before: uint256 = msg.gas
        head: uint256 = convert(slice(rows, at, batch.HEAD), uint256)
        size: uint256 = head & book.MASK_16
        start: uint256 = unsafe_add(at, batch.HEAD)  # safe, as all positions here: the last is compared with the length
        at = unsafe_add(start, size)
        effect: uint256 = 0
        if size > limits.MAX_SAMPLE:
            effect = contributions._refuse(batch.TOO_LONG)
        else:
            x: Bytes[limits.MAX_SAMPLE] = convert(slice(rows, start, size), Bytes[limits.MAX_SAMPLE])
            effect, desk = self._add(model, desk, msg.sender, keccak256(x), x, head >> 16)
        if effect == contributions.REFUSED:
            batch._skip(model, msg.sender, i, before)
        else:
            accepted = unsafe_add(accepted, 1)
    assert at == len(rows), "batch: another number of items"
    self._end(model, begun, desk)
    return accepted


@payable
@external
@nonreentrant
def add_signed(model: address, count: uint256, items: Bytes[batch.MAX_SIGNED_BYTES]) -> uint256:
    """
    @notice Stake on several samples that others have signed: what comes back of the stakes is the caller's, and what they earn
            beyond it the contributors'. Else as `add_many`.
    @param items So many, as the module `batch` says: each with contributor, deadline (a time in seconds, until which it may be
           sent) and signature, of which the module `signatures` tells what it says. Its round is `round_of`; an item that is
           accepted uses it up. A signature names no market: it can be used for the one that runs when it is sent.
    @return How many were accepted, those without effect among them.
    """
    begun: uint256 = self._desk(model, count)
    desk: uint256 = begun
    domain: bytes32 = signatures._domain()
    named: uint256 = max_value(uint256)  # the label of the class that was asked for last, and the hash of its name
    class_hash: bytes32 = empty(bytes32)
    accepted: uint256 = 0
    at: uint256 = 0
    for i: uint256 in range(count, bound=batch.MAX_ITEMS):
        before: uint256 = msg.gas
        head: uint256 = convert(slice(items, at, batch.SIGNED_HEAD), uint256)
        size: uint256 = head & book.MASK_16
        y: uint256 = (head >> 16) & book.MASK_8
        signature_size: uint256 = (head >> 24) & book.MASK_16
        deadline: uint256 = (head >> 40) & book.MASK_40
        contributor: address = convert(head >> 80, address)
        start: uint256 = unsafe_add(at, batch.SIGNED_HEAD)
        end: uint256 = unsafe_add(start, size)
        at = unsafe_add(end, signature_size)
        effect: uint256 = 0
        if size > limits.MAX_SAMPLE or signature_size > signatures.MAX_SIGNATURE:
            effect = contributions._refuse(batch.TOO_LONG)
        else:
            x: Bytes[limits.MAX_SAMPLE] = convert(slice(items, start, size), Bytes[limits.MAX_SAMPLE])
            x_hash: bytes32 = keccak256(x)
            key: bytes32 = rounds._key(model, contributor, msg.sender, x_hash, y)
            round: uint256 = rounds.rounds[key]
            signature: Bytes[signatures.MAX_SIGNATURE] = convert(
                slice(items, end, signature_size), Bytes[signatures.MAX_SIGNATURE]
            )
            if y != named:
                class_hash = signatures._class_hash(model, y)
                named = y
            effect = signatures._check(
                domain, model, contributor, x_hash, y, class_hash, round, deadline, signature
            )
            if effect != contributions.REFUSED:
                effect, desk = self._add(model, desk, contributor, x_hash, x, y)
                if effect != contributions.REFUSED:
                    rounds.rounds[key] += 1  # from what it is now: the contributor may have cancelled meanwhile
        if effect == contributions.REFUSED:
            batch._skip(model, contributor, i, before)
        else:
            accepted = unsafe_add(accepted, 1)
    assert at == len(items), "batch: another number of items"
    self._end(model, begun, desk)
    return accepted


@internal
@payable
def _desk(model: address, count: uint256) -> uint256:
    """
    @dev The desk at which so many contributions begin, for which the caller pays.
    """
    desk: uint256 = book.desks[model]
    if block.timestamp >= (desk >> book.END) & book.MASK_40:
        book._fail("nobody can take part now")
    stake: uint256 = (desk >> book.STAKE) & book.MASK_96
    if count * stake > msg.value:
        book._fail("stake above the value sent")
    return desk


@internal
@payable
def _end(model: address, before: uint256, desk: uint256):
    """
    @dev Keep what `_add` made of the desk as it was before, and give back what was not staked.
    """
    staked: uint256 = 0
    if desk != before:
        # safe: it differs in its count, which rises by no more than `_desk` has checked that the value pays for
        staked = unsafe_mul(unsafe_sub(desk, before) >> book.COUNT, (desk >> book.STAKE) & book.MASK_96)
        book.desks[model] = desk
    payments._pay(msg.sender, unsafe_sub(msg.value, staked))


@internal
def _add(
    model: address, desk: uint256, contributor: address, x_hash: bytes32, x: Bytes[limits.MAX_SAMPLE], y: uint256
) -> (uint256, uint256):
    """
    @dev Add a contribution for which the caller pays. Its effect, or `REFUSED`, and nothing is changed; and the desk after it, which
         the caller keeps. Nothing else changes a desk meanwhile: the lock is on.
    """
    if (desk >> book.COUNT) & book.MASK_16 >= (desk >> book.MAX) & book.MASK_16:
        return contributions._refuse("prediction-market: full"), desk
    # `extcall` would pass as many bytes as x may have; this passes as many as it has
    success: bool = False
    response: Bytes[contributions.MAX_RESPONSE] = b""
    success, response = raw_call(
        model,
        abi_encode(x, y, method_id=method_id("update(bytes,uint256)")),
        max_outsize=contributions.MAX_RESPONSE,
        revert_on_failure=False,
    )
    if not success:
        return contributions._refuse_as(response), desk
    # from here on a model that answers anything else is none, and undoes the whole batch
    effect: uint256 = extract32(response, 0, output_type=uint256)
    if (y >> 8) | (effect >> 16) > 0:
        book._fail("unknown label or effect")
    after: uint256 = desk
    stake: uint256 = 0
    index: uint256 = 0
    if effect > 0:
        after = unsafe_add(desk, 1 << book.COUNT)  # safe: below its maximum
        stake = (desk >> book.STAKE) & book.MASK_96
        index = (after >> book.COUNT) & book.MASK_16
        settlement._add(
            book._id(model, desk & book.MASK_32), index, owed._account(contributor, msg.sender), x_hash, y, effect
        )
    log IIncentive.AddData(
        model=model,
        contributor=contributor,
        sponsor=msg.sender,
        facts=y | (effect << 8) | (block.timestamp << 24) | (stake << 64) | (index << 160)
            | ((desk & book.MASK_32) << 176),
        x=x,
    )
    return effect, after


@external
@nonreentrant
def close(market: uint256):
    """
    @notice End the participation, when its time is over or when there are as many contributions as there may be. Anyone may.
    """
    state: book.State = book._state(market)
    book._check(state.phase == book.PARTICIPATING, "nobody takes part")
    model: address = book._model(market)
    plan: uint256 = book.plans[market]
    state.contributions = book._count(market, state)
    book._check(
        block.timestamp >= state.deadline or state.contributions == (plan >> 64) & book.MASK_16,
        "neither over nor full",
    )
    book.desks[model] = (market & book.MASK_32) | (1 << book.RUNNING)
    book.pots[market] += (state.contributions * (book.amounts[market] & book.MASK_96)) << 128
    log Closed(market=market, contributions=state.contributions)
    if state.contributions < (plan >> 48) & book.MASK_16:
        state.phase = book._end(market, book.CANCELLED)
    else:
        state.phase = book.REVEALING
        state.next = 0
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
    book._check(state.phase in [book.COMMITTED, book.DRAWN, book.REVEALING, book.SCORING], "no deadline to miss")
    if state.phase == book.COMMITTED:
        book._check(test_set._is_draw_missed(market), "not too late")
    else:
        book._check(block.timestamp >= state.deadline, "not too late")

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
