# pragma version 0.4.3
"""
@title Rows of two
@notice What scorers of sparse models with two classes share: the check of the hidden rows, whose first scores stand in planes.
@dev See `SparseScorer` for what planes are. Bits at the low end of a lane that do not belong to the weight are left out of the
     sums.
"""
from ..interfaces import IModel
from . import limits
from . import sample
from . import sparse_rows as base

uses: base

# two's complement of the largest score there can be, 2^31 + 1,024 · 2^15, and a step of 2^27
MAX_PLANES: constant(uint256) = 40
ALL_PLANES: constant(uint256) = 48  # room for 16 at a time
MAX_TABLE: constant(uint256) = 128  # words of weights that `check` keeps in memory

# of the models: see the module `sparse_two`
BIAS: constant(uint256) = 192
HEADER_LANES: constant(uint256) = 4
MAX_FEATURES: constant(uint256) = 65_532
LANE_ONES: constant(uint256) = max_value(uint256) // (2**16 - 1)
SIGNS: constant(uint256) = LANE_ONES * 2**15
SHIFT: constant(uint256) = LANE_ONES * HEADER_LANES
ZERO: constant(uint256) = 2**40  # what is added to scores inside, to do without signs

# bits at the low end of a lane that do not belong to the weight
LEVEL_BITS: immutable(uint256)


@deploy
def __init__(level_bits: uint256):
    LEVEL_BITS = level_bits


@internal
@view
def _fits(model: address) -> bool:
    """
    @dev Whether a model has the form of those with two classes.
    """
    parameters: uint256 = staticcall IModel(model).parameters()
    n_features: uint256 = parameters >> base.N_FEATURES
    words: uint256 = (n_features + HEADER_LANES + 15) // 16
    return parameters <= base.MASK_96 and n_features <= MAX_FEATURES and words == staticcall IModel(model).word_count()


@external
def check(
    market: uint256,
    shown: Bytes[limits.MAX_SHOWN],
    sizes: DynArray[uint256, limits.MAX_PORTIONS],
    count: uint256,
    more: bool,
    limit: uint256,
) -> (uint256, uint256, uint256, bool):
    """
    @notice Work out the scores of the next rows before the first contribution. Reverts where the model would refuse a row. See `IScorer`.
    @param limit How many rows to evaluate at most, but for a block, which is taken whole.
    """
    return self._check(market, sizes, count, more, limit)


@internal
def _check(
    market: uint256, sizes: DynArray[uint256, limits.MAX_PORTIONS], count: uint256, more: bool, limit: uint256
) -> (uint256, uint256, uint256, bool):
    """
    @dev A function of its own, which reads the rows where they stand in the calldata: behind their place in memory it would pay for all
         that they could take.
    """
    key: bytes32 = base._key(market)
    file: uint256 = base.files[key]
    n_features: uint256 = (file >> base.N_FEATURES) & base.MASK_32
    word_count: uint256 = (n_features + HEADER_LANES + 15) // 16
    level_bits: uint256 = LEVEL_BITS
    weight_bits: uint256 = LANE_ONES * (2**16 - (1 << level_bits))
    table: uint256[MAX_TABLE] = empty(uint256[MAX_TABLE])
    tabled: bool = word_count <= MAX_TABLE
    if tabled:
        for word: uint256 in range(word_count, bound=MAX_TABLE):
            table[word] = (base._state_word(key, word) ^ SIGNS) & weight_bits
    first_weight: uint256 = (table[0] << (16 * HEADER_LANES)) >> 240
    longest: uint256 = limits.MAX_SAMPLE if word_count <= limits.MAX_WORDS else 2 * limits.MAX_WORDS
    # weights are added up with their sign bits flipped, so they count as much as a sign bit too much each; the score less one
    zero: uint256 = ((base._state_word(key, 0) >> BIAS) & base.MASK_32 ^ 2**31) + ZERO - 2**31 - 1
    all_errors: uint256 = 0
    all_rows: uint256 = 0
    number: uint256 = (file >> base.BLOCKS) & base.MASK_16
    taken: uint256 = 0  # portions
    begun: uint256 = (file >> base.BEGUN) & base.MASK_16  # rows of the portion after these
    at: uint256 = 0  # in the rows that are shown
    shown_end: uint256 = 0
    at, shown_end = base._shown()
    end: uint256 = at  # of the portion
    if begun > 0 and len(sizes) > 0:
        end = at + sizes[0]
        at = unsafe_add(at, (file >> base.OFFSET) & base.MASK_16)
    for i: uint256 in range(base.MAX_BLOCKS):
        parts: uint256 = base._next_block(sizes, taken, count, more)
        if parts == 0:
            break
        rows: uint256 = min(base.BLOCK, parts * count - begun)
        if all_rows > 0 and unsafe_add(all_rows, rows) > limit:
            break
        left: uint256 = unsafe_sub(count, begun)  # rows of the portion
        if begun == 0:
            end = at + sizes[taken]
        scores: uint256[base.BLOCK] = empty(uint256[base.BLOCK])  # less one
        errors: uint256 = 0
        bits: uint256 = 0  # all that the numbers, or their complements where they are negative, have
        link: bytes32 = empty(bytes32)
        line: uint256[base.LINE] = empty(uint256[base.LINE])
        words: uint256 = 0
        for row: uint256 in range(rows, bound=base.BLOCK):
            if left == 0:
                assert at == end, base.NOT_AS_MANY
                taken = unsafe_add(taken, 1)
                end = at + sizes[taken]
                left = count
            left = unsafe_sub(left, 1)
            head: uint256 = base._word(at)
            length: uint256 = (head >> 232) & base.MASK_16
            at = unsafe_add(at, sample.ROW_HEAD)
            stop: uint256 = unsafe_add(at, length)
            assert at <= end, base.NOT_AS_MANY
            assert length <= limits.MAX_SAMPLE, "sample: longer than 2,048 bytes"
            assert stop <= end, base.NOT_AS_MANY
            assert head >> 249 == 0, "model: no such class"
            assert length > 0, "sample: empty"
            assert length & 1 == 0, "sample: odd length"
            assert length <= longest, "sample: too long"
            tag: uint256 = ((head >> 248) << 8) | row
            total: uint256 = 0
            least: uint256 = 0
            word: uint256 = base.ALL
            weights: uint256 = 0
            for c: uint256 in range(limits.MAX_SAMPLE // 30 + 1):
                # 15 features at a time
                unused: uint256 = unsafe_sub(256, min(240, unsafe_sub(stop, at) << 3))
                lanes: uint256 = base._word(at) >> unused << unused
                assert sample._increase(lanes, unused) and lanes >> 240 >= least, "sample: indices must increase"
                least = unsafe_add((lanes >> unused) & base.MASK_16, 1)
                assert least <= n_features, "sample: index out of range"
                line[words & (base.LINE - 1)] = unsafe_add(lanes, base.ONES >> unused << unused) | tag
                words = unsafe_add(words, 1)
                if words & (base.LINE - 1) == 0:
                    link = base._link(link, line)
                if tabled:
                    lanes = unsafe_add(lanes, SHIFT)  # safe: no index is above 65,531
                    # unrolled: sixteen_weights
                    total = unsafe_add(
                        unsafe_add(
                            unsafe_add((table[lanes >> 244] << ((lanes >> 236) & 240)) >> 240, (table[(lanes >> 228) & 4095] << ((lanes >> 220) & 240)) >> 240),
                            unsafe_add((table[(lanes >> 212) & 4095] << ((lanes >> 204) & 240)) >> 240, (table[(lanes >> 196) & 4095] << ((lanes >> 188) & 240)) >> 240),
                        ),
                        total,
                    )
                    total = unsafe_add(
                        unsafe_add(
                            unsafe_add((table[(lanes >> 180) & 4095] << ((lanes >> 172) & 240)) >> 240, (table[(lanes >> 164) & 4095] << ((lanes >> 156) & 240)) >> 240),
                            unsafe_add((table[(lanes >> 148) & 4095] << ((lanes >> 140) & 240)) >> 240, (table[(lanes >> 132) & 4095] << ((lanes >> 124) & 240)) >> 240),
                        ),
                        total,
                    )
                    total = unsafe_add(
                        unsafe_add(
                            unsafe_add((table[(lanes >> 116) & 4095] << ((lanes >> 108) & 240)) >> 240, (table[(lanes >> 100) & 4095] << ((lanes >> 92) & 240)) >> 240),
                            unsafe_add((table[(lanes >> 84) & 4095] << ((lanes >> 76) & 240)) >> 240, (table[(lanes >> 68) & 4095] << ((lanes >> 60) & 240)) >> 240),
                        ),
                        total,
                    )
                    total = unsafe_add(
                        unsafe_add(
                            unsafe_add((table[(lanes >> 52) & 4095] << ((lanes >> 44) & 240)) >> 240, (table[(lanes >> 36) & 4095] << ((lanes >> 28) & 240)) >> 240),
                            unsafe_add((table[(lanes >> 20) & 4095] << ((lanes >> 12) & 240)) >> 240, (table[(lanes >> 4) & 4095] << ((lanes << 4) & 240)) >> 240),
                        ),
                        total,
                    )
                    # end
                    # empty lanes were taken for feature 0
                    total = unsafe_sub(total, unsafe_mul(unused >> 4, first_weight))
                else:
                    for k: uint256 in range(unsafe_sub(256, unused) >> 4, bound=base.LANES):
                        feature: uint256 = unsafe_add(lanes >> 240, HEADER_LANES)
                        if feature >> 4 != word:
                            word = feature >> 4
                            weights = (base._state_word(key, word) ^ SIGNS) & weight_bits
                        total = unsafe_add(total, (weights << ((feature & 15) << 4)) >> 240)
                        lanes <<= 16
                at = unsafe_add(at, 2 * base.LANES)
                if at >= stop:
                    break
            at = stop
            total = unsafe_add(unsafe_sub(zero, (length << 14) >> level_bits), total >> level_bits)
            if (total >= ZERO) != (head >> 248 == 1):
                errors = unsafe_add(errors, 1)
            bits |= unsafe_sub(total, ZERO) if total >= ZERO else unsafe_sub(unsafe_sub(ZERO, 1), total)
            scores[row] = unsafe_sub(total, ZERO)
        begun = unsafe_sub(count, left)
        if left == 0:
            assert at == end, base.NOT_AS_MANY
            taken = unsafe_add(taken, 1)
            begun = 0
        all_errors += errors
        all_rows = unsafe_add(all_rows, rows)
        if words & (base.LINE - 1) > 0:
            for k: uint256 in range(words & (base.LINE - 1), base.LINE, bound=base.LINE):
                line[k] = 0
            link = base._link(link, line)
        plane_count: uint256 = 1
        for p: uint256 in range(MAX_PLANES):
            if bits >> p == 0:
                break
            plane_count = unsafe_add(plane_count, 1)
        planes: uint256[ALL_PLANES] = empty(uint256[ALL_PLANES])
        for some: uint256 in range(ALL_PLANES // 16):
            # 16 planes of 16 rows at a time
            if some << 4 >= plane_count:
                break
            for j: uint256 in range(unsafe_add(rows, 15) >> 4, bound=base.BLOCK // 16):
                lanes: uint256 = 0
                for k: uint256 in range(16):
                    lanes |= ((scores[unsafe_add(j << 4, k)] >> (some << 4)) & base.MASK_16) << (k << 4)
                lanes = base._transposed(lanes)
                for k: uint256 in range(16):
                    planes[unsafe_add(some << 4, k)] |= ((lanes >> (k << 4)) & base.MASK_16) << (j << 4)
        head: uint256 = rows | (unsafe_add(words, base.LINE - 1) // base.LINE << base.ROW_LINES)
        base._keep(key, market, number, 0, link, self._state(head, plane_count, planes))
        number = unsafe_add(number, 1)
    assert all_rows > 0, "scorer: nothing to check"
    assert at <= shown_end
    # what is left for the next time: a part of a portion, or nothing
    offset: uint256 = at + sizes[taken] - end if begun > 0 else 0
    base.files[key] = (
        (file & base.MASK_96) | (number << base.BLOCKS) | (begun << base.BEGUN) | (offset << base.OFFSET)
    )
    return all_errors, all_rows, taken, taken == len(sizes) and not more


@internal
@pure
def _state(head: uint256, plane_count: uint256, planes: uint256[ALL_PLANES]) -> DynArray[uint256, base.MAX_STATE]:
    """
    @dev The state of a block, in whole lines.
    @param head Its first word; the number of planes and of lines in it do not matter.
    """
    lines: uint256 = unsafe_add(plane_count, base.LINE) // base.LINE
    state: DynArray[uint256, base.MAX_STATE] = [
        (head & ~(base.MASK_32 << base.PLANES)) | (plane_count << base.PLANES) | (lines << base.STATE_LINES)
    ]
    for p: uint256 in range(unsafe_sub(unsafe_mul(lines, base.LINE), 1), bound=ALL_PLANES):
        state.append(planes[p] if p < plane_count else 0)
    return state
