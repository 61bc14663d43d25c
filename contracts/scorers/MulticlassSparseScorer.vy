# pragma version 0.4.3
"""
@title MulticlassSparseScorer
@notice Scores contributions to markets on models of the kind `MulticlassSparsePerceptron` with room for up to 10 classes, 256
        hidden rows at a time.
@dev As `SparseScorer`, with planes for each class. A contribution moves two classes: its own up, and the rival that its effect
     names down, both by rate · the words in common and each by its step of the bias. The planes hold scores in offset binary:
     2^(number of planes - 1) is added, so that planes are compared without looking at signs.

     The best class of all rows is found at once, class by class: where a class has more than the best before it, it is the best,
     so of equals the lowest index wins. A class that was added later counts only where its score is above 0; its first sample
     moves its bias from -32,768 to minus rate · features of that sample, see `MulticlassSparsePerceptron`.
"""
from ..interfaces import IModel
from ..interfaces import IScorer
from ..modules import limits
from ..modules import sample
from ..modules import sparse_rows as base

implements: IScorer
initializes: base

exports: (
    base.prepare,
    base.show,
    base.translated,
)

MOST_CLASSES: constant(uint256) = 10
# two's complement of the largest score there can be, 1,024 · 2^15 and a bias of 2^15, and a step of 2^27
MAX_PLANES: constant(uint256) = 29
ALL_PLANES: constant(uint256) = MOST_CLASSES * MAX_PLANES

# of the models: see `MulticlassSparsePerceptron`, and for the classes the module `classes`
ROOM: constant(uint256) = 56
CLASSES: constant(uint256) = 192
FOUNDERS: constant(uint256) = 200
MAX_WRITES: constant(uint256) = 640
UNTRAINED: constant(uint256) = 2**15
SIGNS: constant(uint256) = max_value(uint256) // (2**16 - 1) * 2**15
ZERO: constant(uint256) = 2**40  # what is added to scores inside, to do without signs
EVEN: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**16 - 1)

# the lowest bit of each of 8 lanes; times GATHER_EIGHT these come to stand in bits 224 to 231, and nothing else does
EIGHTS: constant(uint256) = max_value(uint256) // (2**32 - 1)
GATHER_EIGHT: constant(uint256) = 2**224 + 2**193 + 2**162 + 2**131 + 2**100 + 2**69 + 2**38 + 2**7

# where the classes that have not learnt yet stand in what a block tells
UNTAUGHT: constant(uint256) = 112

# by caller and market, and block: of each class its planes
planes: HashMap[bytes32, HashMap[uint256, uint256[ALL_PLANES]]]


@deploy
def __init__():
    base.__init__()


@view
@external
def kind() -> String[32]:
    """
    @notice The kind of the models that the scorer is for.
    """
    return "MulticlassSparsePerceptron"


@view
@external
def fits(model: address) -> bool:
    """
    @notice Whether the scorer can serve a market on this model: those with room for up to 10 classes and at most 65,535 features.
    """
    parameters: uint256 = staticcall IModel(model).parameters()
    room: uint256 = (parameters >> ROOM) & base.MASK_8
    n_features: uint256 = parameters >> 64
    if parameters > base.MASK_96 or room == 0 or room > MOST_CLASSES or n_features > 65_535:
        return False
    return 1 + ((n_features + 1) * self._lanes(parameters) + 15) // 16 == staticcall IModel(model).word_count()


# ---- check ----------------------------------------------------------------------------------------------------------

@external
def check(market: uint256, limit: uint256) -> (uint256, uint256, bool):
    """
    @notice Work out the rows' scores before the first contribution. Reverts where the model would refuse a row.
    @param limit How many rows to evaluate at most, but for a block, which is taken whole.
    """
    key: bytes32 = base._key(market)
    file: uint256 = base.files[key]
    n_features: uint256 = (file >> base.N_FEATURES) & base.MASK_32
    lanes: uint256 = self._lanes(file)
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
    done: bool = False
    for i: uint256 in range(base.MAX_BLOCKS + 1):
        done = (file >> base.NEXT_PART) & base.MASK_16 == (file >> base.PARTS) & base.MASK_16
        if done:
            break
        info: uint256 = base._next_block(key, file)
        rows: uint256 = (info >> base.ROWS) & base.MASK_16
        if all_rows > 0 and all_rows + rows > limit:
            break
        found: Bytes[base.MAX_FOUND] = base._found(key, info)
        end: uint256 = len(found) - 32
        position: uint256 = (info >> base.BEGIN) & base.MASK_16
        packed: uint256[MOST_CLASSES * base.BLOCK // 8] = empty(uint256[MOST_CLASSES * base.BLOCK // 8])  # in lanes of 32 bits
        sizes: uint256 = 0  # all bits that the scores, or their complements where they are negative, have
        for row: uint256 in range(rows, bound=base.BLOCK):
            assert position + sample.ROW_HEAD <= end, "sample: row is cut off"
            head: uint256 = extract32(found, position, output_type=uint256)
            length: uint256 = (head >> 232) & base.MASK_16
            assert length <= limits.MAX_SAMPLE, "sample: longer than 2,048 bytes"
            position = unsafe_add(position, sample.ROW_HEAD)
            stop: uint256 = unsafe_add(position, length)
            assert stop <= end, "sample: row is cut off"
            label: uint256 = head >> 248
            assert label < class_count, "model: no such class"
            assert length > 0, "sample: empty"
            assert length & 1 == 0, "sample: odd length"
            assert length <= longest, "sample: too long"
            # weights and biases are added up with their sign bits flipped, so they count 2^15 too much each
            weights: uint256 = biases ^ SIGNS
            even: uint256 = (weights >> 16) & EVEN
            odd: uint256 = weights & EVEN
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
                    even = unsafe_add(even, (weights >> 16) & EVEN)
                    odd = unsafe_add(odd, weights & EVEN)
                    chunk <<= 16
                position = unsafe_add(position, 32)
                if position >= stop:
                    break
            position = stop
            best: uint256 = 0
            most: uint256 = 0
            for y: uint256 in range(class_count, bound=MOST_CLASSES):
                total: uint256 = odd if y & 1 == 1 else even
                total = unsafe_add((total >> unsafe_sub(224, (y & 14) << 4)) & base.MASK_32, ZERO)
                total = unsafe_sub(total, unsafe_add(length >> 1, 1) << 15)
                if total > most and (y <= last_founder or total > ZERO):
                    most = total
                    best = y
                sizes |= unsafe_sub(total, ZERO) if total >= ZERO else unsafe_sub(unsafe_sub(ZERO, 1), total)
                packed[unsafe_add(y << 5, row >> 3)] |= (unsafe_sub(total, ZERO) & base.MASK_32) << ((row & 7) << 5)
            if best != label:
                all_errors += 1
        all_rows += rows
        number: uint256 = (file >> base.BLOCKS) & base.MASK_16
        plane_count: uint256 = 1
        for p: uint256 in range(MAX_PLANES):
            if sizes >> p == 0:
                break
            plane_count += 1
        for y: uint256 in range(class_count, bound=MOST_CLASSES):
            for p: uint256 in range(plane_count, bound=MAX_PLANES):
                plane: uint256 = 0
                for j: uint256 in range(base.BLOCK // 8):
                    # the eight bits come to stand beside each other
                    plane |= ((unsafe_mul((packed[unsafe_add(y << 5, j)] >> p) & EIGHTS, GATHER_EIGHT) >> 224) & 255) << (j << 3)
                self.planes[key][number][y * MAX_PLANES + p] = ~plane if p == plane_count - 1 else plane
        base.blocks[key][number] = info | (plane_count << base.PLANES) | (untaught << UNTAUGHT)
        file = base._after(file, info, base.portions[key][(info >> base.FIRST) & base.MASK_16] >> 160, position, end)
    assert all_rows > 0, "scorer: nothing to check"
    base.files[key] = file
    return all_errors, all_rows, done


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
    header: uint256 = base._state_word(key, 0)
    class_count: uint256 = (header >> CLASSES) & base.MASK_8
    last_founder: uint256 = unsafe_sub((header >> FOUNDERS) & base.MASK_8, 1)  # meant to wrap around
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
        row_words: DynArray[uint256, base.MAX_ROW_WORDS] = base._row_words(base._found(key, info), info)
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
        labels: uint256[MOST_CLASSES] = empty(uint256[MOST_CLASSES])  # which rows have which
        for lanes: uint256 in row_words:
            bit: uint256 = 1 << (lanes & base.MASK_8)
            labels[(lanes >> 8) & base.MASK_8] |= bit
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
        planes: uint256[ALL_PLANES] = empty(uint256[ALL_PLANES])
        plane_count: uint256 = (info >> base.PLANES) & base.MASK_16
        for y: uint256 in range(class_count, bound=MOST_CLASSES):
            for p: uint256 in range(plane_count, bound=MAX_PLANES):
                planes[y * MAX_PLANES + p] = self.planes[key][number][y * MAX_PLANES + p]
        untaught: uint256 = (info >> UNTAUGHT) & base.MASK_16
        moved: uint256 = 0  # classes
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
            own: uint256 = (heads[c] >> 16) & base.MASK_8
            rival: uint256 = unsafe_sub((heads[c] >> 24) & base.MASK_16, 1)
            assert own < class_count and rival < class_count, "scorer: no such class"
            product: uint256 = unsafe_mul(rate, (heads[c] & base.MASK_16) >> 1)
            bias_step: uint256 = bias_rate
            if (untaught >> own) & 1 == 1:
                bias_step = UNTRAINED - product
                untaught ^= 1 << own
            moved |= (1 << own) | (1 << rival)
            step: uint256 = unsafe_add(product, max(bias_step, bias_rate))
            if step > room:
                used: uint256 = 0  # planes below those that only repeat the signs
                for y: uint256 in range(class_count, bound=MOST_CLASSES):
                    at: uint256 = unsafe_mul(y, MAX_PLANES)
                    signs: uint256 = ~planes[unsafe_sub(unsafe_add(at, plane_count), 1)]
                    for p: uint256 in range(MAX_PLANES):
                        i: uint256 = unsafe_sub(unsafe_sub(plane_count, 2), p)
                        if i >= MAX_PLANES or i < used or planes[unsafe_add(at, i)] != signs:
                            used = max(used, 0 if i >= MAX_PLANES else unsafe_add(i, 1))
                            break
                for p: uint256 in range(MAX_PLANES):
                    room = (1 << (plane_count - 1)) - (1 << used)
                    if step <= room:
                        break
                    assert plane_count < MAX_PLANES, "scorer: number out of range"
                    for y: uint256 in range(class_count, bound=MOST_CLASSES):
                        at: uint256 = unsafe_add(unsafe_mul(y, MAX_PLANES), plane_count)
                        planes[at] = planes[unsafe_sub(at, 1)]
                        planes[unsafe_sub(at, 1)] = ~planes[at]
                    plane_count += 1
                    moved = base.ALL
            room = unsafe_sub(room, step)
            # add to the own class and take from the rival: rate times the counts, and the step of the bias
            for down: uint256 in [0, base.ALL]:
                at: uint256 = unsafe_mul(own if down == 0 else rival, MAX_PLANES)
                bias: uint256 = bias_step if down == 0 else bias_rate
                for place: uint256 in range(16):
                    if (rate | bias) >> place == 0:
                        break
                    times: bool = (rate >> place) & 1 == 1
                    carry: uint256 = unsafe_mul((bias >> place) & 1, base.ALL)
                    if not times and carry == 0:
                        continue
                    stop: uint256 = unsafe_add(place, count_bits) if times else place
                    for p: uint256 in range(place, plane_count, bound=MAX_PLANES):
                        old: uint256 = planes[unsafe_add(at, p)]
                        if p < stop:
                            more: uint256 = counts[unsafe_sub(p, place)]
                            planes[unsafe_add(at, p)] = old ^ more ^ carry
                            old ^= down
                            carry = (old & more) | ((old ^ more) & carry)
                        else:
                            if carry == 0:
                                break
                            planes[unsafe_add(at, p)] = old ^ carry
                            carry &= old ^ down
            # the best class of each row, and whether it is the label
            best: uint256[MAX_PLANES] = empty(uint256[MAX_PLANES])
            for p: uint256 in range(plane_count, bound=MAX_PLANES):
                best[p] = planes[p]
            right: uint256 = labels[0]
            for y: uint256 in range(1, class_count, bound=MOST_CLASSES):
                at: uint256 = unsafe_mul(y, MAX_PLANES)
                more: uint256 = 0  # where it has more than the best before it
                above: uint256 = 0  # where it has any bit but the highest
                for p: uint256 in range(plane_count, bound=MAX_PLANES):
                    plane: uint256 = planes[unsafe_add(at, p)]
                    differing: uint256 = plane ^ best[p]
                    more = (differing & plane) | (more & ~differing)
                    if y > last_founder and p + 1 < plane_count:
                        above |= plane
                if y > last_founder:
                    more &= above & planes[unsafe_sub(unsafe_add(at, plane_count), 1)]
                if more == 0:
                    continue
                for p: uint256 in range(plane_count, bound=MAX_PLANES):
                    best[p] = (best[p] & ~more) | (planes[unsafe_add(at, p)] & more)
                right = (right & ~more) | (labels[y] & more)
            all_errors[c] += base._count(~right & there)
            evaluated = unsafe_add(evaluated, rows)
        for y: uint256 in range(class_count, bound=MOST_CLASSES):
            if (moved >> y) & 1 == 1:
                for p: uint256 in range(plane_count, bound=MAX_PLANES):
                    self.planes[key][number][y * MAX_PLANES + p] = planes[y * MAX_PLANES + p]
        base.blocks[key][number] = (
            (info & ~(base.MASK_32 | (base.MASK_16 << UNTAUGHT))) | last | (plane_count << base.PLANES) | (untaught << UNTAUGHT)
        )
        all_rows += rows
        if number == block_count - 1:
            scored = last
    assert all_rows > 0, "scorer: scored already"
    return all_errors, evaluated, scored


# ---- inside ---------------------------------------------------------------------------------------------------------

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
