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

     Each block goes through the contributions in their order, and no block is ahead of the one before it; where that is kept,
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
    base.translated,
    two.check,
)

@deploy
def __init__():
    base.__init__()
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
def score(
    market: uint256, first: uint256, contributions: Bytes[limits.MAX_BATCH], limit: uint256
) -> (DynArray[uint256, limits.MAX_MANY], uint256, uint256):
    """
    @notice Take the contributions that come next through blocks, as many as the limit allows.
    @param limit How many rows to evaluate at most for each contribution, but for a block, which is taken whole.
    @return The errors on these blocks after each contribution; the rows times contributions that were evaluated now; and up to
            which contribution all blocks are done, 0 where the last block was not among them.
    """
    key: bytes32 = base._key(market)
    file: uint256 = base.files[key]
    rate: uint256 = file & base.MASK_16
    bias_rate: uint256 = (file >> base.BIAS_RATE) & base.MASK_16
    words: DynArray[uint256, base.MAX_SAMPLE_WORDS] = []
    ends: DynArray[uint256, base.MAX_ENDS] = []  # in `words`, of each sample
    heads: DynArray[uint256, limits.MAX_MANY] = []
    words, ends, heads = base._samples(contributions)
    count: uint256 = len(heads)
    block_count: uint256 = (file >> base.BLOCKS) & base.MASK_16
    assert count > 0 and block_count > 0, "scorer: nothing to score"
    all_errors: DynArray[uint256, limits.MAX_MANY] = []
    for c: uint256 in range(count, bound=limits.MAX_MANY):
        all_errors.append(0)
    all_rows: uint256 = 0
    scored: uint256 = 0
    evaluated: uint256 = 0
    translated: DynArray[uint256, base.MAX_SAMPLE_WORDS] = words
    for number: uint256 in range(block_count, bound=base.MAX_BLOCKS):
        info: uint256 = base.blocks[key][number]
        done: uint256 = info & base.MASK_16
        last: uint256 = first + count - 1
        if done >= last:
            continue
        assert done + 1 >= first, "scorer: not the contribution that comes next"
        rows: uint256 = (info >> base.ROWS) & base.MASK_16
        if all_rows > 0 and all_rows + rows > limit:
            break
        # which rows have which feature
        row_words: DynArray[uint256, base.MAX_ROW_WORDS] = base._row_words(base._found(info), info)
        if (file >> base.N_FEATURES) & base.MASK_32 > base.MAPS:
            taken: uint256 = 0
            row_words, translated, taken = staticcall base.ISelf(self).translated(row_words, words, ends)
            if taken < count:
                # the same number for every block; what is left out comes in the next transaction
                count = taken
                last = first + count - 1
                if done >= last:
                    continue
        maps: uint256[base.MAPS + 1] = empty(uint256[base.MAPS + 1])
        labels: uint256 = 0
        for lanes: uint256 in row_words:
            bit: uint256 = 1 << (lanes & base.MASK_8)
            labels |= ((lanes >> 8) & 1) << (lanes & base.MASK_8)
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
        maps[0] = 0
        there: uint256 = base.ALL >> (256 - rows)
        planes: uint256[two.MAX_PLANES] = empty(uint256[two.MAX_PLANES])
        plane_count: uint256 = (info >> base.PLANES) & base.MASK_16
        for p: uint256 in range(plane_count, bound=two.MAX_PLANES):
            planes[p] = two.planes[key][number][p]
        room: uint256 = 0  # how far all numbers can move without needing another plane
        for c: uint256 in range(unsafe_sub(done + 1, first), count, bound=limits.MAX_MANY):
            # how many features each row has in common with the sample
            counts: uint256[base.MAX_COUNTS + 1] = empty(uint256[base.MAX_COUNTS + 1])
            count_bits: uint256 = 4
            for w: uint256 in range(ends[c], ends[c + 1], bound=base.MAX_SAMPLE_WORDS):
                lanes: uint256 = translated[w]
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
                if w == ends[c]:
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
            step: uint256 = unsafe_add(unsafe_mul(rate, (heads[c] & base.MASK_16) >> 1), bias_rate)
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
            down: uint256 = 0 if (heads[c] >> 16) & base.MASK_8 == 1 else base.ALL
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
            all_errors[c] += base._count((~planes[plane_count - 1] ^ labels) & there)
            evaluated = unsafe_add(evaluated, rows)
        for p: uint256 in range(plane_count, bound=two.MAX_PLANES):
            two.planes[key][number][p] = planes[p]
        base.blocks[key][number] = (info & ~base.MASK_32) | last | (plane_count << base.PLANES)
        all_rows += rows
        if number == block_count - 1:
            scored = last
    assert all_rows > 0, "scorer: scored already"
    return all_errors, evaluated, scored
