# pragma version 0.4.3
"""
@title SparseScorer
@notice Scores contributions to markets on models of the kind `SparsePerceptron`, 256 hidden rows at a time.
@dev A sparse perceptron moves all weights of a sample by the same step, so the score of a hidden row moves by ± (rate · how many
     words it shares with the sample + bias rate). Whether and where to is known of every contribution: its effect and label
     are on record. So no weight is needed any more once the rows' first scores are known.

     The rows are cut into blocks of up to 256. One word holds one bit for each row of a block:
         a map of each feature tells which rows have it;
         planes hold the rows' scores, less one: plane p their bits p in two's complement, the last one their signs.
     The maps of a contribution's features are added up bit by bit, to how many features each row shares with it; that, times the
     rate, is added to the planes or taken from them; rows whose sign differs from what their label says are counted. All of it
     is exact, whatever the parameters: there are as many planes as the numbers need, and one more before they could overflow.

     Blocks are shown, see the module `sparse_rows`. Each goes through the contributions in their order, and no block is ahead of the one before it; where that is kept,
     anyone may go on with any number of contributions.

     The maps are made anew in each transaction, for the words of the contributions that are scored in it.
"""
from ..interfaces import IModel
from ..interfaces import IScorer
from ..modules import limits
from ..modules import rows_two as two
from ..modules import sparse_rows as base

implements: IScorer
initializes: base
initializes: two[base := base]

exports: (
    base.prepare,
    base.marked,
    two.check,
)

@deploy
def __init__():
    two.__init__(0)


@view
@external
def kind() -> String[32]:
    """
    @notice The kind of the models that the scorer is for.
    """
    return "SparsePerceptron"


@view
@external
def fits(model: address) -> bool:
    """
    @notice Whether the scorer can serve a market on this model: all of the kind.
    """
    return two._fits(model)


# ---- score ----------------------------------------------------------------------------------------------------------

@external
def score_many(
    market: uint256,
    first: uint256,
    contributions: Bytes[limits.MAX_BATCH],
    rows: uint256,
    before: bytes32,
    after: DynArray[bytes32, limits.MAX_AFTER],
    carried: DynArray[uint256, limits.MAX_CARRIED],
) -> (uint256[limits.MANY_WORDS], uint256, uint256, uint256):
    """
    @notice Take the contributions that come next through the blocks that are shown, as many as the limit allows. See `IScorer`.
    @dev Contributions and blocks are read where they stand in the calldata: lists of them would take memory, whose price grows with
         the square.
    @param rows How many rows to evaluate at most for each contribution, but for a block, which is taken whole.
    """
    key: bytes32 = base._key(market)
    file: uint256 = base.files[key]
    rate: uint256 = file & base.MASK_16
    bias_rate: uint256 = (file >> base.BIAS_RATE) & base.MASK_16
    wide: bool = (file >> base.N_FEATURES) & base.MASK_32 > base.MAPS
    begin: uint256 = 0  # of the contributions
    given: uint256 = 0
    begin, given = base._contributions()
    count: uint256 = given
    block_count: uint256 = (file >> base.BLOCKS) & base.MASK_16
    errors: uint256[limits.MANY_WORDS] = empty(uint256[limits.MANY_WORDS])
    all_rows: uint256 = 0
    scored: uint256 = 0
    evaluated: uint256 = 0
    at: uint256 = 0  # in the blocks that are shown
    end: uint256 = 0
    at, end = base._carried()
    for number: uint256 in range(block_count, bound=base.MAX_BLOCKS):
        info: uint256 = base.blocks[key][number]
        done: uint256 = info & base.MASK_16
        # blocks that are done are not shown
        if done >= first + given - 1:
            continue
        assert done + 1 >= first, "scorer: not the contribution that comes next"
        if at == end:
            break
        head: uint256 = base._word(at)
        block_rows: uint256 = head & base.MASK_16
        if all_rows > 0 and all_rows + block_rows > rows:
            break
        # which rows have which feature
        maps: uint256[base.MAPS + 1] = empty(uint256[base.MAPS + 1])
        labels: uint256 = 0
        link: bytes32 = empty(bytes32)
        state_at: uint256 = at
        rows_at: uint256 = at + base.LINE_BYTES * ((head >> base.STATE_LINES) & base.MASK_16)
        at = rows_at
        for i: uint256 in range((head >> base.ROW_LINES) & base.MASK_16, bound=base.MAX_ROW_LINES):
            line: uint256[base.LINE] = base._line(at)
            link = base._link(link, line)
            for lanes: uint256 in line:
                bit: uint256 = 1 << (lanes & base.MASK_8)
                labels |= ((lanes >> 8) & 1) << (lanes & base.MASK_8)
                if not wide:
                    # unrolled: fifteen_marks
                    maps[lanes >> 240] |= bit
                    maps[(lanes >> 224) & 65535] |= bit
                    maps[(lanes >> 208) & 65535] |= bit
                    maps[(lanes >> 192) & 65535] |= bit
                    maps[(lanes >> 176) & 65535] |= bit
                    maps[(lanes >> 160) & 65535] |= bit
                    maps[(lanes >> 144) & 65535] |= bit
                    maps[(lanes >> 128) & 65535] |= bit
                    maps[(lanes >> 112) & 65535] |= bit
                    maps[(lanes >> 96) & 65535] |= bit
                    maps[(lanes >> 80) & 65535] |= bit
                    maps[(lanes >> 64) & 65535] |= bit
                    maps[(lanes >> 48) & 65535] |= bit
                    maps[(lanes >> 32) & 65535] |= bit
                    maps[(lanes >> 16) & 65535] |= bit
                    # end
            at = unsafe_add(at, base.LINE_BYTES)
        state: DynArray[uint256, base.MAX_STATE] = base._state(state_at, info, link)
        numbered: DynArray[uint256, base.MAX_SAMPLE_WORDS] = []
        if wide:
            row_words: DynArray[uint256, base.MAX_ROW_WORDS] = base._row_words(rows_at, (head >> base.ROW_LINES) & base.MASK_16)
            # the same number for every block; what is left out comes in the next transaction
            maps, numbered, count = staticcall base.ISelf(self).marked(contributions, row_words)
        maps[0] = 0
        last: uint256 = first + count - 1
        if done >= last:
            continue
        there: uint256 = base.ALL >> (256 - block_rows)
        planes: uint256[two.ALL_PLANES] = empty(uint256[two.ALL_PLANES])
        plane_count: uint256 = (state[0] >> base.PLANES) & base.MASK_16
        for p: uint256 in range(plane_count, bound=two.MAX_PLANES):
            planes[p] = state[unsafe_add(p, 1)]
        room: uint256 = 0  # how far all numbers can move without needing another plane
        position: uint256 = begin
        word: uint256 = 0  # of the samples
        for c: uint256 in range(count, bound=limits.MAX_MANY):
            given_head: uint256 = base._word(position) >> (256 - 8 * base.CONTRIBUTION_HEAD)
            position = unsafe_add(position, base.CONTRIBUTION_HEAD)
            sample_end: uint256 = unsafe_add(position, given_head & base.MASK_16)
            if first + c <= done:
                word = unsafe_add(word, unsafe_add(given_head & base.MASK_16, 29) // 30)
                position = sample_end
                continue
            # how many features each row has in common with the sample
            counts: uint256[base.MAX_COUNTS + 1] = empty(uint256[base.MAX_COUNTS + 1])
            count_bits: uint256 = 4
            for w: uint256 in range(base.MAX_SAMPLE_WORDS):
                if position >= sample_end:
                    break
                lanes: uint256 = numbered[word] if wide else base._sample_word(position, sample_end)
                word = unsafe_add(word, 1)
                position = unsafe_add(position, 2 * base.LANES)
                # unrolled: fifteen_maps
                ones: uint256 = maps[lanes >> 240]
                x: uint256 = maps[(lanes >> 224) & 65535]
                y: uint256 = maps[(lanes >> 208) & 65535]
                c0: uint256 = (ones & x) | ((ones ^ x) & y)
                ones = ones ^ x ^ y
                x = maps[(lanes >> 192) & 65535]
                y = maps[(lanes >> 176) & 65535]
                c1: uint256 = (ones & x) | ((ones ^ x) & y)
                ones = ones ^ x ^ y
                x = maps[(lanes >> 160) & 65535]
                y = maps[(lanes >> 144) & 65535]
                c2: uint256 = (ones & x) | ((ones ^ x) & y)
                ones = ones ^ x ^ y
                x = maps[(lanes >> 128) & 65535]
                y = maps[(lanes >> 112) & 65535]
                c3: uint256 = (ones & x) | ((ones ^ x) & y)
                ones = ones ^ x ^ y
                x = maps[(lanes >> 96) & 65535]
                y = maps[(lanes >> 80) & 65535]
                c4: uint256 = (ones & x) | ((ones ^ x) & y)
                ones = ones ^ x ^ y
                x = maps[(lanes >> 64) & 65535]
                y = maps[(lanes >> 48) & 65535]
                c5: uint256 = (ones & x) | ((ones ^ x) & y)
                ones = ones ^ x ^ y
                x = maps[(lanes >> 32) & 65535]
                y = maps[(lanes >> 16) & 65535]
                c6: uint256 = (ones & x) | ((ones ^ x) & y)
                ones = ones ^ x ^ y
                twos: uint256 = c0
                d0: uint256 = (twos & c1) | ((twos ^ c1) & c2)
                twos = twos ^ c1 ^ c2
                d1: uint256 = (twos & c3) | ((twos ^ c3) & c4)
                twos = twos ^ c3 ^ c4
                d2: uint256 = (twos & c5) | ((twos ^ c5) & c6)
                twos = twos ^ c5 ^ c6
                fours: uint256 = d0 ^ d1 ^ d2
                eights: uint256 = (d0 & d1) | ((d0 ^ d1) & d2)
                # end
                if w == 0:
                    counts[0] = ones
                    counts[1] = twos
                    counts[2] = fours
                    counts[3] = eights
                else:
                    carry: uint256 = 0
                    for p: uint256 in range(base.MAX_COUNTS):
                        more: uint256 = 0
                        if p < 4:
                            more = ones if p == 0 else (twos if p == 1 else (fours if p == 2 else eights))
                        elif carry == 0:
                            break
                        old: uint256 = counts[p]
                        counts[p] = old ^ more ^ carry
                        carry = (old & more) | ((old ^ more) & carry)
                        count_bits = max(count_bits, p + 1)
            # as many planes as the numbers may need after the step
            step: uint256 = unsafe_add(unsafe_mul(rate, (given_head & base.MASK_16) >> 1), bias_rate)
            if step > room:
                signs: uint256 = planes[plane_count - 1]
                used: uint256 = plane_count - 1  # planes below those that only repeat the signs
                for p: uint256 in range(two.MAX_PLANES):
                    if used == 0 or planes[used - 1] != signs:
                        break
                    used -= 1
                for p: uint256 in range(two.MAX_PLANES):
                    room = (1 << (plane_count - 1)) - (1 << used)
                    if step <= room:
                        break
                    planes[plane_count] = signs
                    plane_count += 1
            room = unsafe_sub(room, step)
            # add to or take from the planes: rate times the counts, and the bias rate
            down: uint256 = 0 if (given_head >> 16) & base.MASK_8 == 1 else base.ALL
            for place: uint256 in range(16):
                if (rate | bias_rate) >> place == 0:
                    break
                times: bool = (rate >> place) & 1 == 1
                carry: uint256 = unsafe_mul((bias_rate >> place) & 1, base.ALL)
                if not times and carry == 0:
                    continue
                stop: uint256 = min(unsafe_add(place, count_bits), plane_count) if times else place
                for p: uint256 in range(place, stop, bound=base.MAX_COUNTS):
                    old: uint256 = planes[p]
                    more: uint256 = counts[unsafe_sub(p, place)]
                    half: uint256 = old ^ more
                    planes[p] = half ^ carry
                    carry = ((old ^ down) & more) | ((half ^ down) & carry)
                for p: uint256 in range(stop, plane_count, bound=two.MAX_PLANES):
                    if carry == 0:
                        break
                    old: uint256 = planes[p]
                    planes[p] = old ^ carry
                    carry &= old ^ down
            # class 1 where the score is above 0; count the rows where it is not the label
            wrong: uint256 = base._count((~planes[plane_count - 1] ^ labels) & there)
            errors[c >> 4] = unsafe_add(errors[c >> 4], wrong << ((c & 15) << 4))  # safe: there are fewer than 65,536 rows
            evaluated = unsafe_add(evaluated, block_rows)
            position = sample_end
        base._keep(key, market, number, last, link, two._state(state[0], plane_count, planes))
        all_rows += block_rows
        if number == block_count - 1:
            scored = last
    assert all_rows > 0, "scorer: nothing to score"
    return errors, count, evaluated, scored
