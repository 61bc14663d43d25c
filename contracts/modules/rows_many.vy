# pragma version 0.4.3
"""
@title Rows of many
@notice What scorers of sparse models with many classes share: the check of the hidden rows, whose first scores stand in planes
        for each class, and which models are served.
@dev See `MulticlassSparseScorer` for what planes are. Bits at the low end of a lane that do not belong to the weight are left
     out of the sums.
"""
from ..interfaces import IModel
from . import limits
from . import sample
from . import sparse_rows as base

uses: base

MOST_CLASSES: constant(uint256) = 10
# two's complement of the largest score there can be, 1,024 · 2^15 and a bias of 2^15, and a step of 2^27
MAX_PLANES: constant(uint256) = 29
ALL_PLANES: constant(uint256) = MOST_CLASSES * MAX_PLANES

# of the models: see the modules `sparse_many` and `classes`
ROOM: constant(uint256) = 56
CLASSES: constant(uint256) = 192
FOUNDERS: constant(uint256) = 200
MAX_WRITES: constant(uint256) = 640
MAX_FEATURES: constant(uint256) = 65_535
UNTRAINED: constant(uint256) = 2**15
LANE_ONES: constant(uint256) = max_value(uint256) // (2**16 - 1)
SIGNS: constant(uint256) = LANE_ONES * 2**15
ZERO: constant(uint256) = 2**40  # what is added to scores inside, to do without signs
EVEN_ONES: constant(uint256) = max_value(uint256) // (2**32 - 1)

# the lowest bit of each of 8 lanes; times GATHER_EIGHT these come to stand in bits 224 to 231, and nothing else does
EIGHTS: constant(uint256) = max_value(uint256) // (2**32 - 1)
GATHER_EIGHT: constant(uint256) = 2**224 + 2**193 + 2**162 + 2**131 + 2**100 + 2**69 + 2**38 + 2**7

# where the classes that have not learnt yet stand in what a block tells
UNTAUGHT: constant(uint256) = 48

# bits at the low end of a lane that do not belong to the weight
LEVEL_BITS: immutable(uint256)

# by caller and market, and block: of each class its planes
planes: HashMap[bytes32, HashMap[uint256, uint256[ALL_PLANES]]]


@deploy
def __init__(level_bits: uint256):
    LEVEL_BITS = level_bits


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
    lanes: uint256 = self._lanes(file)
    level_bits: uint256 = LEVEL_BITS
    weight_bits: uint256 = EVEN_ONES * (2**16 - (1 << level_bits))  # those of every other lane that count
    header: uint256 = base._state_word(key, 0)
    class_count: uint256 = (header >> CLASSES) & base.MASK_8
    last_founder: uint256 = unsafe_sub((header >> FOUNDERS) & base.MASK_8, 1)  # meant to wrap around
    biases: uint256 = base._state_word(key, 1)
    untaught: uint256 = 0
    for y: uint256 in range(class_count, bound=MOST_CLASSES):
        if y > last_founder and (biases << (y << 4)) >> 240 == UNTRAINED:
            untaught |= 1 << y
    longest: uint256 = limits.MAX_SAMPLE if n_features * lanes <= 16 * MAX_WRITES else 2 * MAX_WRITES
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
        packed: uint256[MOST_CLASSES * base.BLOCK // 8] = empty(uint256[MOST_CLASSES * base.BLOCK // 8])  # in lanes of 32 bits
        bits: uint256 = 0  # all that the scores, or their complements where they are negative, have
        for row: uint256 in range(rows, bound=base.BLOCK):
            # where rows end was checked when they were kept
            head: uint256 = extract32(found, position, output_type=uint256)
            length: uint256 = (head >> 232) & base.MASK_16
            position = unsafe_add(position, sample.ROW_HEAD)
            stop: uint256 = unsafe_add(position, length)
            label: uint256 = head >> 248
            assert label < class_count, "model: no such class"
            assert length > 0, "sample: empty"
            assert length & 1 == 0, "sample: odd length"
            assert length <= longest, "sample: too long"
            # weights and biases are added up with their sign bits flipped, so they count as much as a sign bit too much each
            weights: uint256 = biases ^ SIGNS
            even: uint256 = (weights >> 16) & weight_bits
            odd: uint256 = weights & weight_bits
            least: uint256 = 0
            word: uint256 = 1
            read: uint256 = weights
            file_number: uint256 = 0
            kept: address = base.states[key][0]
            for j: uint256 in range(limits.MAX_SAMPLE // 32):
                chunk: uint256 = extract32(found, position, output_type=uint256)
                for k: uint256 in range(min(16, unsafe_sub(stop, position) >> 1), bound=16):
                    feature: uint256 = chunk >> 240
                    assert feature >= least, "sample: indices must increase"
                    least = unsafe_add(feature, 1)
                    assert least <= n_features, "sample: index out of range"
                    lane: uint256 = unsafe_add(unsafe_mul(least, lanes), 16)  # the biases stand before feature 0
                    if lane >> 4 != word:
                        word = lane >> 4
                        if word // base.WORDS_KEPT != file_number:
                            file_number = word // base.WORDS_KEPT
                            kept = base.states[key][file_number]
                        read = base._word_in(kept, word) ^ SIGNS
                    weights = read << ((lane & 15) << 4)
                    even = unsafe_add(even, (weights >> 16) & weight_bits)
                    odd = unsafe_add(odd, weights & weight_bits)
                    chunk <<= 16
                position = unsafe_add(position, 32)
                if position >= stop:
                    break
            position = stop
            best: uint256 = 0
            most: uint256 = 0
            for y: uint256 in range(class_count, bound=MOST_CLASSES):
                total: uint256 = odd if y & 1 == 1 else even
                total = unsafe_add(((total >> unsafe_sub(224, (y & 14) << 4)) & base.MASK_32) >> level_bits, ZERO)
                total = unsafe_sub(total, (unsafe_add(length >> 1, 1) << 15) >> level_bits)
                if total > most and (y <= last_founder or total > ZERO):
                    most = total
                    best = y
                bits |= unsafe_sub(total, ZERO) if total >= ZERO else unsafe_sub(unsafe_sub(ZERO, 1), total)
                packed[unsafe_add(y << 5, row >> 3)] |= (unsafe_sub(total, ZERO) & base.MASK_32) << ((row & 7) << 5)
            if best != label:
                all_errors = unsafe_add(all_errors, 1)
        all_rows = unsafe_add(all_rows, rows)
        plane_count: uint256 = 1
        for p: uint256 in range(MAX_PLANES):
            if bits >> p == 0:
                break
            plane_count = unsafe_add(plane_count, 1)
        for y: uint256 in range(class_count, bound=MOST_CLASSES):
            for p: uint256 in range(plane_count, bound=MAX_PLANES):
                plane: uint256 = 0
                for j: uint256 in range(base.BLOCK // 8):
                    # the eight bits come to stand beside each other
                    plane |= ((unsafe_mul((packed[unsafe_add(y << 5, j)] >> p) & EIGHTS, GATHER_EIGHT) >> 224) & 255) << (j << 3)
                self.planes[key][number][y * MAX_PLANES + p] = ~plane if p == plane_count - 1 else plane
        base.blocks[key][number] = info | (plane_count << base.PLANES) | (untaught << UNTAUGHT)
        file = unsafe_add(file, 1 << base.CHECKED)
    assert all_rows > 0 or taken > 0, "scorer: nothing to check"
    base.files[key] = file
    checked: bool = (file >> base.CHECKED) & base.MASK_16 == (file >> base.BLOCKS) & base.MASK_16
    return all_errors, all_rows, taken, checked and taken == len(sizes) and not more


# ---- inside ---------------------------------------------------------------------------------------------------------

@internal
@view
def _fits(model: address) -> bool:
    """
    @dev Whether a model has the form of those with room for up to 10 classes, and at most 65,535 features.
    """
    parameters: uint256 = staticcall IModel(model).parameters()
    room: uint256 = (parameters >> ROOM) & base.MASK_8
    n_features: uint256 = parameters >> base.N_FEATURES
    if parameters > base.MASK_96 or room == 0 or room > MOST_CLASSES or n_features > MAX_FEATURES:
        return False
    return 1 + ((n_features + 1) * self._lanes(parameters) + 15) // 16 == staticcall IModel(model).word_count()


@internal
@pure
def _lanes(parameters: uint256) -> uint256:
    """
    @dev The lanes of a row of weights.
    """
    room: uint256 = (parameters >> ROOM) & base.MASK_8
    if room > 8:
        return 16
    if room > 4:
        return 8
    return 4 if room > 2 else 2
