# pragma version 0.4.3
"""
@title Rows of many
@notice What scorers of sparse models with many classes share: the check of the hidden rows, whose first scores stand in planes
        for each class, and which models are served.
@dev See `MulticlassSparseScorer` for what planes are. Bits at the low end of a lane that do not belong to the weight are left
     out of the sums.

     The state of a block has, after its first word, the planes of class 0, then those of class 1 and so on, as many of each.
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

# words of the model's state that `check` keeps in memory
MAX_TABLE: constant(uint256) = 1_024

# every other of 16 lanes
EVEN: constant(uint256) = EVEN_ONES * base.MASK_16

# where the classes that have not learnt yet stand in the first word of a block's state (16 bits)
UNTAUGHT: constant(uint256) = base.REST

# bits at the low end of a lane that do not belong to the weight
LEVEL_BITS: immutable(uint256)


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
    @notice Work out the scores of the next rows before the first contribution. Reverts where the model would refuse a row. See
            `IScorer`.
    @param limit How many rows to evaluate at most, but for a block, which is taken whole.
    """
    return self._check(market, sizes, count, more, limit)


# ---- inside ---------------------------------------------------------------------------------------------------------

@internal
def _check(
    market: uint256, sizes: DynArray[uint256, limits.MAX_PORTIONS], count: uint256, more: bool, limit: uint256
) -> (uint256, uint256, uint256, bool):
    """
    @dev A function of its own, which reads the rows where they stand in the calldata: behind their place in memory it would pay
         for all that they could take.
    """
    key: bytes32 = base._key(market)
    file: uint256 = base.files[key]
    n_features: uint256 = (file >> base.N_FEATURES) & base.MASK_32
    step: uint256 = self._lanes(file)
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
    biases ^= SIGNS
    longest: uint256 = limits.MAX_SAMPLE if n_features * step <= 16 * MAX_WRITES else 2 * MAX_WRITES
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
    # what the words of the state are kept in, as far as it has been looked up
    found: address[base.MAX_KEPT] = empty(address[base.MAX_KEPT])
    # the words themselves, where they are few enough
    table: uint256[base.LINE][MAX_TABLE // base.LINE] = empty(uint256[base.LINE][MAX_TABLE // base.LINE])
    word_count: uint256 = self._word_count(n_features, step)
    tabled: bool = word_count <= MAX_TABLE
    if tabled:
        for i: uint256 in range(word_count // base.LINE, bound=MAX_TABLE // base.LINE):
            table[i] = self._state_line(key, i)
        for i: uint256 in range(word_count & (base.LINE - 1), bound=base.LINE):
            word: uint256 = unsafe_add(word_count & ~(base.LINE - 1), i)
            table[word // base.LINE][i] = base._state_word(key, word)
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
        # by class 32 words with the scores of 8 rows in 32 bits each: the first word those of rows 0, 32, 64 and so on
        packed: uint256[MOST_CLASSES * base.BLOCK // 8] = empty(uint256[MOST_CLASSES * base.BLOCK // 8])
        bits: uint256 = 0  # all that the scores, or their complements where they are negative, have
        link: bytes32 = empty(bytes32)
        line: uint256[base.LINE] = empty(uint256[base.LINE])
        words: uint256 = 0
        for row: uint256 in range(rows, bound=base.BLOCK):
            if left == 0:
                end = at + sizes[taken]
                left = count
            left = unsafe_sub(left, 1)
            head: uint256 = base._word(at)
            length: uint256 = (head >> 232) & base.MASK_16
            label: uint256 = head >> 248
            at = unsafe_add(at, sample.ROW_HEAD)
            stop: uint256 = unsafe_add(at, length)
            if length > limits.MAX_SAMPLE and at <= end:
                base._refuse("sample: longer than 2,048 bytes")
            if stop > end:
                base._refuse(base.NOT_AS_MANY)
            if label >= class_count:
                base._refuse("model: no such class")
            if length == 0:
                base._refuse("sample: empty")
            if length & 1 == 1:
                base._refuse("sample: odd length")
            if length > longest:
                base._refuse("sample: too long")
            # weights and biases are added up with their sign bits flipped, so they count as much as a sign bit too much each
            even: uint256 = (biases >> 16) & weight_bits
            odd: uint256 = biases & weight_bits
            least: uint256 = 0
            word: uint256 = 0
            weights: uint256 = 0
            for c: uint256 in range(limits.MAX_SAMPLE // 30 + 1):
                # 15 features at a time
                unused: uint256 = unsafe_sub(256, min(240, unsafe_sub(stop, at) << 3))
                lanes: uint256 = base._word(at) >> unused << unused
                if lanes >> 240 < least or not sample._increase(lanes, unused):
                    base._refuse("sample: indices must increase")
                least = unsafe_add((lanes >> unused) & base.MASK_16, 1)
                if least > n_features:
                    base._refuse("sample: index out of range")
                lanes = unsafe_add(lanes, base.ONES >> unused << unused)
                line[words & (base.LINE - 1)] = lanes | (label << 8) | row
                words = unsafe_add(words, 1)
                if words & (base.LINE - 1) == 0:
                    link = base._link(link, line)
                for k: uint256 in range(unsafe_sub(256, unused) >> 4, bound=base.LANES):
                    lane: uint256 = unsafe_add(unsafe_mul(lanes >> 240, step), 16)  # the biases stand before feature 0
                    if tabled:
                        weights = table[lane >> 8][(lane >> 4) & 15]
                    elif lane >> 4 != word:
                        word = lane >> 4
                        kept: address = found[word // base.WORDS_KEPT]
                        if kept == empty(address):
                            kept = base.states[key][word // base.WORDS_KEPT]
                            found[word // base.WORDS_KEPT] = kept
                        weights = base._word_in(kept, word)
                    shifted: uint256 = (weights ^ SIGNS) << ((lane & 15) << 4)
                    even = unsafe_add(even, (shifted >> 16) & weight_bits)
                    odd = unsafe_add(odd, shifted & weight_bits)
                    lanes <<= 16
                at = unsafe_add(at, 2 * base.LANES)
                if at >= stop:
                    break
            at = stop
            best: uint256 = 0
            most: uint256 = 0
            zero: uint256 = unsafe_sub(ZERO, (unsafe_add(length >> 1, 1) << 15) >> level_bits)
            for y: uint256 in range(class_count, bound=MOST_CLASSES):
                total: uint256 = odd if y & 1 == 1 else even
                total = unsafe_add(((total >> unsafe_sub(224, (y & 14) << 4)) & base.MASK_32) >> level_bits, zero)
                if total > most and (y <= last_founder or total > ZERO):
                    most = total
                    best = y
                bits |= unsafe_sub(total, ZERO) if total >= ZERO else unsafe_sub(unsafe_sub(ZERO, 1), total)
                packed[unsafe_add(y << 5, row & 31)] |= (unsafe_sub(total, ZERO) & base.MASK_32) << (row & 224)
            if best != label:
                all_errors = unsafe_add(all_errors, 1)
            if left == 0:
                if at < end:
                    base._refuse(base.NOT_AS_MANY)
                taken = unsafe_add(taken, 1)
        begun = unsafe_sub(count, left) if left > 0 else 0
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
        head: uint256 = rows | (unsafe_add(words, base.LINE - 1) // base.LINE << base.ROW_LINES) | (untaught << UNTAUGHT)
        planes: uint256[ALL_PLANES] = empty(uint256[ALL_PLANES])
        for y: uint256 in range(class_count, bound=MOST_CLASSES):
            for some: uint256 in range(2):
                # 16 planes at a time
                scores: uint256[16] = empty(uint256[16])
                for k: uint256 in range(16):
                    low: uint256 = (packed[unsafe_add(y << 5, k)] >> (some << 4)) & EVEN
                    high: uint256 = (packed[unsafe_add(y << 5, k | 16)] >> (some << 4)) & EVEN
                    scores[k] = low | (high << 16)
                scores = self._crossed(scores)
                for k: uint256 in range(16):
                    p: uint256 = unsafe_add(some << 4, k)
                    if p == plane_count:
                        break
                    last: bool = unsafe_add(p, 1) == plane_count
                    planes[unsafe_add(unsafe_mul(y, MAX_PLANES), p)] = ~scores[k] if last else scores[k]
                if plane_count <= 16:
                    break
        base._keep(key, market, number, 0, link, self._state(head, class_count, plane_count, planes))
        number = unsafe_add(number, 1)
    if all_rows == 0:
        base._refuse("scorer: nothing to check")
    assert at <= shown_end
    # what is left for the next time: a part of a portion, or nothing
    offset: uint256 = at + sizes[taken] - end if begun > 0 else 0
    base.files[key] = (file & base.MASK_96) | (number << base.BLOCKS) | (begun << base.BEGUN) | (offset << base.OFFSET)
    return all_errors, all_rows, taken, taken == len(sizes) and not more


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
    return self._word_count(n_features, self._lanes(parameters)) == staticcall IModel(model).word_count()


@internal
@pure
def _word_count(n_features: uint256, step: uint256) -> uint256:
    """
    @dev The words of a model's state, of which a row of weights takes `step` lanes.
    """
    return 1 + ((n_features + 1) * step + 15) // 16


@internal
@view
def _state_line(key: bytes32, number: uint256) -> uint256[base.LINE]:
    """
    @dev 16 words of the model's state.
    """
    word: uint256 = unsafe_mul(number, base.LINE)
    place: uint256 = unsafe_add(65, unsafe_mul(32, word % base.WORDS_KEPT))  # see `_word_in`
    return abi_decode(
        slice(base.states[key][word // base.WORDS_KEPT].code, place, base.LINE_BYTES), uint256[base.LINE]
    )


@internal
@pure
def _crossed(lanes: uint256[16]) -> uint256[16]:
    """
    @dev Of 16 words of 16 lanes of 16 bits, bit b of each lane of word w as bit w of that lane of word b, both counted from 0 and
         the lowest.
    """
    words: uint256[16] = lanes
    swap: uint256 = base.HALVES
    for power: uint256 in range(4):
        apart: uint256 = 8 >> power
        for i: uint256 in range(16):
            if i & apart > 0:
                continue
            j: uint256 = i | apart
            swapped: uint256 = ((words[i] >> apart) ^ words[j]) & swap
            words[i] ^= swapped << apart
            words[j] ^= swapped
        swap ^= swap << (apart >> 1)
    return words


@internal
@pure
def _planes(
    state: DynArray[uint256, base.MAX_STATE], class_count: uint256, plane_count: uint256
) -> uint256[ALL_PLANES]:
    """
    @dev The planes in a block's state, with room for more of each class.
    """
    planes: uint256[ALL_PLANES] = empty(uint256[ALL_PLANES])
    i: uint256 = 0
    for y: uint256 in range(class_count, bound=MOST_CLASSES):
        for p: uint256 in range(plane_count, bound=MAX_PLANES):
            i = unsafe_add(i, 1)
            planes[unsafe_add(unsafe_mul(y, MAX_PLANES), p)] = state[i]
    return planes


@internal
@pure
def _state(
    head: uint256, class_count: uint256, plane_count: uint256, planes: uint256[ALL_PLANES]
) -> DynArray[uint256, base.MAX_STATE]:
    """
    @dev The state of a block, in whole lines.
    @param head Its first word; the number of planes and of lines in it do not matter.
    """
    lines: uint256 = unsafe_add(unsafe_mul(class_count, plane_count), base.LINE) // base.LINE
    state: DynArray[uint256, base.MAX_STATE] = [
        (head & ~(base.MASK_32 << base.PLANES)) | (plane_count << base.PLANES) | (lines << base.STATE_LINES)
    ]
    for y: uint256 in range(class_count, bound=MOST_CLASSES):
        for p: uint256 in range(plane_count, bound=MAX_PLANES):
            state.append(planes[unsafe_add(unsafe_mul(y, MAX_PLANES), p)])
    for i: uint256 in range(unsafe_sub(unsafe_mul(lines, base.LINE), len(state)), bound=base.LINE):
        state.append(0)
    return state


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
