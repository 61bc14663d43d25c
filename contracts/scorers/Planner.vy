# pragma version 0.4.3
"""
@title Planner
@notice What a market can be held on.
@dev A contract beside the market, which is as large as a contract may be.
"""
from ..interfaces import IPlanner
from ..modules import limits
from ..modules import market_book as book

implements: IPlanner

# what the time for scoring must be at least: a day for those who sleep, and a second for each 1,000 rows that there may be to
# evaluate (4 million gas on a sparse perceptron, about what a block gives in a second), so that a provider without patience or
# with a huge test set does not get data for nothing
MIN_SCORE_TIME: constant(uint256) = 86_400
ROWS_A_SECOND: constant(uint256) = 1_000


@external
@pure
def pack_terms(terms: Bytes[limits.MAX_TERMS]) -> uint256:
    """
    @notice Terms in one word. See `IPlanner`.
    """
    t: IPlanner.Terms = abi_decode(terms, IPlanner.Terms)
    assert t.owner_only or t.min_bond > 0, "prediction-market: a market of anyone needs a least bond"
    return (
        convert(t.min_bounty, uint256)
        | (convert(t.min_bond, uint256) << 96)
        | (convert(t.max_length, uint256) << 192)
        | (convert(t.owner_only, uint256) << 224)
        | (1 << 225)
    )


@external
@pure
def pack_plan(plan: IPlanner.Plan, terms: uint256) -> (uint256, uint256, uint256):
    """
    @notice A plan in two words, and what it takes in all. See `IPlanner`.
    @dev Unsafe steps are safe: no field has more than 96 bits, and no product or sum of them as many as 128. `n - k` has k < n.
    """
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
    bounty: uint256 = unsafe_mul(rounds, stake)
    assert bounty >= terms & book.MASK_96, "prediction-market: bounty below the terms"
    assert bond >= (terms >> 96) & book.MASK_96, "prediction-market: bond below the terms"
    assert n <= limits.MAX_PORTIONS and k > 0 and k < n, "prediction-market: 1 to n - 1 of at most 256 portions are drawn"
    hidden: uint256 = unsafe_mul(rows, unsafe_sub(n, k))
    assert rows > 0 and hidden <= book.MAX_HIDDEN_ROWS, "prediction-market: 1 to 65,535 hidden rows"
    assert least > 0 and least <= most and most <= limits.MAX_CONTRIBUTIONS, "prediction-market: 1 to 4,096 contributions"
    reveal: uint256 = convert(plan.reveal_time, uint256)
    participation: uint256 = convert(plan.participation_time, uint256)
    rest: uint256 = convert(plan.rest_time, uint256)
    score: uint256 = convert(plan.score_time, uint256)
    assert reveal > 0 and participation > 0 and rest > 0 and score > 0, "prediction-market: no time for a phase"
    length: uint256 = unsafe_add(unsafe_add(reveal, participation), unsafe_add(rest, score))
    assert length <= (terms >> 192) & book.MASK_32, "prediction-market: longer than the terms allow"
    least_score: uint256 = unsafe_add(MIN_SCORE_TIME, unsafe_mul(most, hidden) // ROWS_A_SECOND)
    assert score >= least_score, "prediction-market: too little time to score"
    total: uint256 = unsafe_add(unsafe_add(bounty, bond), unsafe_mul(fee, unsafe_add(most, 1)))
    # what a contribution can earn, its stake and the whole bounty, has 96 bits, too
    assert unsafe_add(total, stake) <= book.MASK_96, "prediction-market: more money than there is"
    return (
        stake | (bond << 96) | (fee << 192),
        n | (k << 16) | (rows << 32) | (least << 48) | (most << 64) | (rounds << 80)
            | (reveal << 104) | (participation << 136) | (rest << 168) | (score << 200),
        total,
    )


@external
@pure
def unpack_plan(amounts: uint256, plan: uint256) -> IPlanner.Plan:
    """
    @notice A plan from the two words that the market keeps of it. See `IPlanner`.
    """
    return IPlanner.Plan(
        stake=convert(amounts & book.MASK_96, uint96),
        rounds=convert((plan >> 80) & book.MASK_24, uint24),
        bond=convert((amounts >> 96) & book.MASK_96, uint96),
        fee=convert(amounts >> 192, uint64),
        portions=convert(plan & book.MASK_16, uint16),
        drawn=convert((plan >> 16) & book.MASK_16, uint16),
        rows=convert((plan >> 32) & book.MASK_16, uint16),
        min_contributions=convert((plan >> 48) & book.MASK_16, uint16),
        max_contributions=convert((plan >> 64) & book.MASK_16, uint16),
        reveal_time=convert((plan >> 104) & book.MASK_32, uint32),
        participation_time=convert((plan >> 136) & book.MASK_32, uint32),
        rest_time=convert((plan >> 168) & book.MASK_32, uint32),
        score_time=convert((plan >> 200) & book.MASK_32, uint32),
    )
