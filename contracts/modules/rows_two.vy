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
MAX_TABLE: constant(uint256) = 128  # words of weights that `check` keeps in memory

# the lowest bit of each of 4 lanes; times GATHER_FOUR these come to stand in bits 192 to 195, and nothing else does
FOURS: constant(uint256) = base.ALL // base.MASK_64
GATHER_FOUR: constant(uint256) = 2**192 + 2**129 + 2**66 + 2**3

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

# by caller and market, and block: bit r of plane p is bit p of the score of row r, less one
planes: HashMap[bytes32, HashMap[uint256, uint256[MAX_PLANES]]]


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
    @notice Keep the blocks that are shown, and work out the scores of the next rows before the first contribution. Reverts where the
            model would refuse a row. See `IScorer`.
    @param limit How many rows to evaluate at most, but for a block, which is taken whole; with 0 blocks are only kept.
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
    taken: uint256 = 0  # portions
    file, taken = base._keep_blocks(key, file, shown, sizes, count, more)
    for i: uint256 in range(base.MAX_BLOCKS):
        number: uint256 = (file >> base.CHECKED) & base.MASK_16
        if limit == 0 or number == (file >> base.BLOCKS) & base.MASK_16:
            break
        info: uint256 = base.blocks[key][number]
        rows: uint256 = (info >> base.ROWS) & base.MASK_16
        if all_rows > 0 and unsafe_add(all_rows, rows) > limit:
            break
        found: Bytes[base.MAX_FOUND] = base._found(info)
        position: uint256 = 0
        packed: uint256[base.BLOCK // 4] = empty(uint256[base.BLOCK // 4])  # in lanes of 64 bits
        errors: uint256 = 0
        bits: uint256 = 0  # all that the numbers, or their complements where they are negative, have
        for row: uint256 in range(rows, bound=base.BLOCK):
            # where rows end was checked when they were kept
            head: uint256 = extract32(found, position, output_type=uint256)
            length: uint256 = (head >> 232) & base.MASK_16
            position = unsafe_add(position, sample.ROW_HEAD)
            stop: uint256 = unsafe_add(position, length)
            assert head >> 249 == 0, "model: no such class"
            assert length > 0, "sample: empty"
            assert length & 1 == 0, "sample: odd length"
            assert length <= longest, "sample: too long"
            total: uint256 = 0
            least: uint256 = 0
            if tabled:
                # a chunk of 16 features at a time, of which the first may be shorter: its empty lanes are taken for feature 0
                size: uint256 = unsafe_add(unsafe_sub(length, 2) & 31, 2)
                total = unsafe_add(total, unsafe_mul(unsafe_sub(size >> 1, 16), first_weight))
                for c: uint256 in range(limits.MAX_SAMPLE // 32):
                    unused: uint256 = unsafe_sub(256, size << 3)
                    lanes: uint256 = extract32(found, position, output_type=uint256) >> unused << unused
                    assert sample._increase(lanes, unused) and lanes >> 240 >= least, "sample: indices must increase"
                    least = unsafe_add((lanes >> unused) & base.MASK_16, 1)
                    assert least <= n_features, "sample: index out of range"
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
                    position = unsafe_add(position, size)
                    if position == stop:
                        break
                    size = 32
            else:
                word: uint256 = base.ALL
                weights: uint256 = 0
                for j: uint256 in range(limits.MAX_SAMPLE // 32):
                    chunk: uint256 = extract32(found, position, output_type=uint256)
                    for k: uint256 in range(min(16, unsafe_sub(stop, position) >> 1), bound=16):
                        feature: uint256 = chunk >> 240
                        assert feature >= least, "sample: indices must increase"
                        least = unsafe_add(feature, 1)
                        feature = unsafe_add(feature, HEADER_LANES)
                        if feature >> 4 != word:
                            assert least <= n_features, "sample: index out of range"
                            word = feature >> 4
                            weights = (base._state_word(key, word) ^ SIGNS) & weight_bits
                        total = unsafe_add(total, (weights << ((feature & 15) << 4)) >> 240)
                        chunk <<= 16
                    position = unsafe_add(position, 32)
                    if position >= stop:
                        break
                assert least <= n_features, "sample: index out of range"
            total = unsafe_add(unsafe_sub(zero, (length << 14) >> level_bits), total >> level_bits)
            position = stop
            label: uint256 = head >> 248
            if (total >= ZERO) != (label == 1):
                errors = unsafe_add(errors, 1)
            bits |= unsafe_sub(total, ZERO) if total >= ZERO else unsafe_sub(unsafe_sub(ZERO, 1), total)
            packed[row >> 2] |= (unsafe_sub(total, ZERO) & base.MASK_64) << ((row & 3) << 6)
        all_errors += errors
        all_rows = unsafe_add(all_rows, rows)
        plane_count: uint256 = 1
        for p: uint256 in range(MAX_PLANES):
            if bits >> p == 0:
                break
            plane_count = unsafe_add(plane_count, 1)
        for p: uint256 in range(plane_count, bound=MAX_PLANES):
            plane: uint256 = 0
            for j: uint256 in range(base.BLOCK // 4):
                # the four bits come to stand beside each other
                plane |= ((unsafe_mul((packed[j] >> p) & FOURS, GATHER_FOUR) >> 192) & 15) << (j << 2)
            self.planes[key][number][p] = plane
        base.blocks[key][number] = info | (plane_count << base.PLANES)
        file = unsafe_add(file, 1 << base.CHECKED)
    assert all_rows > 0 or taken > 0, "scorer: nothing to check"
    base.files[key] = file
    checked: bool = (file >> base.CHECKED) & base.MASK_16 == (file >> base.BLOCKS) & base.MASK_16
    return all_errors, all_rows, taken, checked and taken == len(sizes) and not more
