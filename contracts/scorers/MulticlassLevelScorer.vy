# pragma version 0.4.3
"""
@title MulticlassLevelScorer
@notice Scores contributions to markets on models of the kind `MulticlassLevelPerceptron` with room for up to 10 classes, 256
        hidden rows at a time.
@dev As `MulticlassSparseScorer`, which says how the planes of classes are kept, and `LevelScorer`, which says how levels are
     carried. A contribution moves two classes, each feature by its step in that class: its own up, and the rival that its
     effect names down. So it has groups and levels for each of both.

     A row is right where no other class has more than its label's, or as much and a lower index. So beside the planes of each
     class stand those of the rows' own labels, and each class is compared with these alone. A class that was added counts only
     where its score is above 0; its first sample moves its bias, and its weights by smaller steps, see
     `MulticlassLevelPerceptron`.
"""
from ..interfaces import IModel
from ..interfaces import IScorer
from ..modules import limits
from ..modules import rows_many as many
from ..modules import sparse_rows as base
from ..modules import stored

implements: IScorer
initializes: base
initializes: many[base := base]

exports: (
    base.marked,
    many.check,
)

MAX_STEP: constant(uint256) = 17  # bits of 1,024 · 32 + 65,535
# A group has up to 15 lanes of 16 bits with the numbers of maps, the first in the highest bits, and in its lowest 16 bits what
# power of two the step is. After the last group of each of the two classes stands `LAST`.
LAST: constant(uint256) = base.MASK_16
MAX_GROUPS: constant(uint256) = 2_048  # in a transaction; a sample has at most 2 · (69 + 6), and 2 ends
MAX_KEPT: constant(uint256) = base.MAX_SAMPLE_WORDS // 2 + 1

# of the models: see `MulticlassLevelPerceptron`
BIASES: constant(uint256) = 16  # the lane of the first bias, the header counted
FIRST_STEP: constant(uint256) = 32
MOST: constant(uint256) = 2**12 - 1
LEVEL_BITS: constant(uint256) = 3
LEVELS: constant(uint256) = 2**LEVEL_BITS - 1
LAST_LEVEL: constant(uint256) = 5  # with a step of 1; weights with a higher one do not move
STEPS: constant(uint256) = LAST_LEVEL + 1  # kinds of groups

# A word of the table: 1 + its number (64 bits), and below it the levels of 64 lanes of the state, the first in the highest
# bits.
LANES: constant(uint256) = 64
NUMBER: constant(uint256) = 192
MAX_TABLE: constant(uint256) = 16_385  # 65,537 words of a state, 4 to a word
MAX_READ: constant(uint256) = 1_024  # words of the table that are in memory at a time
# gathers what stands in the 16 lanes of a word: the bits of each two, four and eight lanes side by side, 3 for each lane
LANE_ONES: constant(uint256) = max_value(uint256) // (2**16 - 1)
TWO_LANES: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**6 - 1)
FOUR_LANES: constant(uint256) = max_value(uint256) // (2**64 - 1) * (2**12 - 1)
EIGHT_LANES: constant(uint256) = max_value(uint256) // (2**128 - 1) * (2**24 - 1)
MASK_48: constant(uint256) = 2**48 - 1

# where in the first word of a block's state its place in `history` begins (32 bits): how many words of features the samples had
# that it went through
PLACE: constant(uint256) = 96

# by caller and market: the number of updates before the first contribution
versions: HashMap[bytes32, uint256]
# by caller and market: the levels after what the first block went through
table: HashMap[bytes32, uint256[MAX_TABLE]]
# by caller and market: the levels that count of the samples' features when they were learnt, in their class and in the rival,
# 15 in 64 bits, the first in the lowest; only where a block stayed behind
history: HashMap[bytes32, HashMap[uint256, uint256]]


@deploy
def __init__():
    many.__init__(LEVEL_BITS)


@view
@external
def kind() -> String[32]:
    """
    @notice The kind of the models that the scorer is for.
    """
    return "MulticlassLevelPerceptron"


@view
@external
def fits(model: address) -> bool:
    """
    @notice Whether the scorer can serve a market on this model: those with room for up to 10 classes and at most 65,535
            features.
    """
    parameters: uint256 = staticcall IModel(model).parameters()
    return parameters & base.MASK_16 == 0 and many._fits(model)


# ---- prepare --------------------------------------------------------------------------------------------------------

@external
def prepare(market: uint256, model: address, start: uint256, count: uint256, salt: bytes32) -> (uint256, bool):
    """
    @notice Copy the next words of a model's state, as code: 640, or all that are left. The levels are kept once more, in a
            table that changes.
    """
    key: bytes32 = base._key(market)
    if start == 0:
        base.files[key] = staticcall IModel(model).parameters()
        self.versions[key] = staticcall IModel(model).version()
    total: uint256 = staticcall IModel(model).word_count()
    if start % base.WORDS_KEPT > 0 or start >= total:
        base._refuse("scorer: not the next words")
    size: uint256 = min(base.WORDS_KEPT, total - start)
    words: DynArray[uint256, limits.MAX_WORDS] = staticcall IModel(model).words(start, size)
    if len(words) != size:
        base._refuse("scorer: the model does not answer")
    base.states[key][start // base.WORDS_KEPT] = stored._keep(abi_encode(words))
    for i: uint256 in range(0, (size + 3) // 4, bound=base.WORDS_KEPT // 4):
        packed: uint256 = (start // 4 + i + 1) << NUMBER
        for j: uint256 in range(4):
            if 4 * i + j == size:
                break
            lanes: uint256 = words[4 * i + j] & (LANE_ONES * LEVELS)
            lanes = (lanes | (lanes >> 13)) & TWO_LANES
            lanes = (lanes | (lanes >> 26)) & FOUR_LANES
            lanes = (lanes | (lanes >> 52)) & EIGHT_LANES
            packed |= ((lanes | (lanes >> 104)) & MASK_48) << (144 - 48 * j)
        self.table[key][start // 4 + i] = packed
    return start + size, start + size == total


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
    bias_rate: uint256 = (file >> base.BIAS_RATE) & base.MASK_16
    header: uint256 = base._state_word(key, 0)
    class_count: uint256 = (header >> many.CLASSES) & base.MASK_8
    last_founder: uint256 = unsafe_sub((header >> many.FOUNDERS) & base.MASK_8, 1)  # meant to wrap around
    wide: bool = (file >> base.N_FEATURES) & base.MASK_32 > base.MAPS
    begin: uint256 = 0  # of the contributions
    given: uint256 = 0
    begin, given = base._contributions()
    count: uint256 = given
    block_count: uint256 = (file >> base.BLOCKS) & base.MASK_16
    errors: uint256[limits.MANY_WORDS] = empty(uint256[limits.MANY_WORDS])
    # what each row moves by, whatever it has in common with a sample
    bias_steps: uint256[MAX_STEP] = self._bits(bias_rate)
    bias_bits: uint256 = 0
    for p: uint256 in range(16):
        if bias_rate >> p == 0:
            break
        bias_bits = p + 1
    learnt: uint256 = base.blocks[key][0] & base.MASK_16
    first_word: uint256 = 0  # where the levels of the first of these samples stand in the history
    last_word: uint256 = 0  # where those after the last one will
    kept: DynArray[uint256, MAX_KEPT] = []  # the levels, as the history has them from the word on in which these begin
    groups: DynArray[uint256, MAX_GROUPS] = []
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
        if done + 1 < first:
            base._refuse("scorer: not the contribution that comes next")
        if at == end:
            break
        head: uint256 = base._word(at)
        block_rows: uint256 = head & base.MASK_16
        if all_rows > 0 and all_rows + block_rows > rows:
            break
        # which rows have which feature
        maps: uint256[base.MAPS + 1] = empty(uint256[base.MAPS + 1])
        labels: uint256[many.MOST_CLASSES] = empty(uint256[many.MOST_CLASSES])  # which rows have which
        link: bytes32 = empty(bytes32)
        state_at: uint256 = at
        rows_at: uint256 = at + base.LINE_BYTES * ((head >> base.STATE_LINES) & base.MASK_16)
        at = rows_at
        for i: uint256 in range((head >> base.ROW_LINES) & base.MASK_16, bound=base.MAX_ROW_LINES):
            line: uint256[base.LINE] = base._line(at)
            link = base._link(link, line)
            for lanes: uint256 in line:
                if lanes == 0:
                    break
                bit: uint256 = 1 << (lanes & base.MASK_8)
                labels[(lanes >> 8) & base.MASK_8] |= bit
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
            lines: uint256 = (head >> base.ROW_LINES) & base.MASK_16
            row_words: DynArray[uint256, base.MAX_ROW_WORDS] = base._row_words(rows_at, lines)
            taken: uint256 = 0
            maps, numbered, taken = staticcall base.ISelf(self).marked(contributions, row_words)
            # the same number for every block; what is left out comes in the next transaction
            count = min(count, taken)
        maps[0] = 0
        if len(groups) == 0 and done + 1 < first + count:
            # Sort the samples' features by the steps that they make when they are learnt. Levels of those that were learnt
            # before are in the history, as far as a block needs them; for the others the table goes on. It is done here, as
            # lists that a function gives back would stand in memory twice.
            first_word = ((head >> PLACE) & base.MASK_32) - self._words(begin, done + 1 - first)
            table: uint256[MAX_READ] = empty(uint256[MAX_READ])
            version: uint256 = self.versions[key]
            row: uint256 = many._lanes(file)
            place: uint256 = 2 * first_word
            position: uint256 = begin
            word: uint256 = 0  # of the samples
            four: uint256 = 0  # the levels that are kept next
            new: uint256 = (head >> many.UNTAUGHT) & base.MASK_16  # classes that have not learnt yet
            for c: uint256 in range(count, bound=limits.MAX_MANY):
                given_head: uint256 = base._word(position) >> (256 - 8 * base.CONTRIBUTION_HEAD)
                position = unsafe_add(position, base.CONTRIBUTION_HEAD)
                stop: uint256 = unsafe_add(position, given_head & base.MASK_16)
                word_count: uint256 = unsafe_add(given_head & base.MASK_16, 29) // 30
                if len(groups) + 2 * (STEPS + 1 + word_count) > MAX_GROUPS:
                    count = c
                    break
                index: uint256 = first + c
                # the largest level that rises, as in the model
                factor: uint256 = version + index
                factor &= unsafe_sub(0, factor)
                rising: uint256 = unsafe_add(
                    unsafe_add(convert(factor > 3, uint256), convert(factor > 15, uint256)),
                    unsafe_add(convert(factor > 63, uint256), convert(factor > 255, uint256)),
                )
                own: uint256 = (given_head >> 16) & base.MASK_8
                rival: uint256 = unsafe_sub((given_head >> 24) & base.MASK_8, 1)
                if own >= class_count or rival >= class_count:
                    base._refuse("scorer: no such class")
                smaller: uint256 = 0  # levels more that count
                if index > learnt and (new >> own) & 1 == 1:
                    smaller = self._smaller((given_head & base.MASK_16) >> 1)
                    new ^= 1 << own
                for y: uint256 in [own, rival]:
                    lane_0: uint256 = unsafe_add(BIASES, y)  # the lane of the class for feature -1
                    begun: uint256[LEVELS + 1] = empty(uint256[LEVELS + 1])
                    for w: uint256 in range(word_count, bound=base.MAX_SAMPLE_WORDS):
                        lanes: uint256 = base._sample_word(unsafe_add(position, unsafe_mul(2 * base.LANES, w)), stop)
                        numbers: uint256 = numbered[unsafe_add(word, w)] if wide else lanes
                        levels: uint256 = 0
                        if index <= learnt:
                            levels = (self.history[key][place >> 2] >> ((place & 3) << 6)) & base.MASK_64
                        for j: uint256 in range(base.LANES):
                            if lanes == 0:
                                break
                            level: uint256 = (levels >> (j << 2)) & LEVELS
                            if index > learnt:
                                # a lane of the sample has 1 + the feature
                                lane: uint256 = unsafe_add(unsafe_mul(lanes >> 240, row), lane_0)
                                slot: uint256 = (lane >> 6) & (MAX_READ - 1)
                                packed: uint256 = table[slot]
                                if packed >> NUMBER != unsafe_add(lane >> 6, 1):
                                    if packed > 0:
                                        self.table[key][unsafe_sub(packed >> NUMBER, 1)] = packed
                                    packed = self.table[key][lane >> 6]
                                low: uint256 = unsafe_mul(~lane & (LANES - 1), LEVEL_BITS)
                                level = (packed >> low) & LEVELS
                                table[slot] = unsafe_add(packed, convert(level <= rising, uint256) << low)
                                if smaller > 0:
                                    level = min(unsafe_add(level, smaller), LEVELS)
                                levels |= level << (j << 2)
                            group: uint256 = (begun[level] << 16) | (numbers >> 240)
                            if group >> 224 > 0:
                                if level <= LAST_LEVEL:
                                    groups.append((group << 16) | (LAST_LEVEL - level))
                                group = 0
                            begun[level] = group
                            lanes <<= 16
                            numbers <<= 16
                        four |= levels << ((place & 3) << 6)
                        if place & 3 == 3:
                            kept.append(four)
                            four = 0
                        place = unsafe_add(place, 1)
                    # the smallest steps first, so that carries end soon
                    for power: uint256 in range(STEPS):
                        group: uint256 = begun[LAST_LEVEL - power]
                        if group > 0:
                            groups.append((group << 16) | power)
                    groups.append(LAST)
                    smaller = 0
                word = unsafe_add(word, word_count)
                position = stop
            kept.append(four)
            # words of the table, and slots that may be in use
            used: uint256 = (((file >> base.N_FEATURES) & base.MASK_32) + 1) * row // LANES + 2
            for slot: uint256 in range(min(used, MAX_READ), bound=MAX_READ):
                packed: uint256 = table[slot]
                if packed > 0:
                    self.table[key][unsafe_sub(packed >> NUMBER, 1)] = packed
            last_word = first_word + word
        last: uint256 = first + count - 1
        if done >= last:
            continue
        there: uint256 = base.ALL >> (256 - block_rows)
        plane_count: uint256 = (head >> base.PLANES) & base.MASK_16
        planes: uint256[many.ALL_PLANES] = many._planes(state, class_count, plane_count)
        label_planes: uint256[many.MAX_PLANES] = self._label_planes(planes, plane_count, labels)
        later: uint256[many.MOST_CLASSES] = empty(uint256[many.MOST_CLASSES])  # which rows have a label of a higher index
        higher: uint256 = there
        for y: uint256 in range(class_count, bound=many.MOST_CLASSES):
            higher &= ~labels[y]
            later[y] = higher
        untaught: uint256 = (head >> many.UNTAUGHT) & base.MASK_16
        room: uint256 = 0  # how far all numbers can move without needing another plane
        g: uint256 = 0  # in the groups
        position: uint256 = begin
        for c: uint256 in range(count, bound=limits.MAX_MANY):
            given_head: uint256 = base._word(position) >> (256 - 8 * base.CONTRIBUTION_HEAD)
            position = unsafe_add(position, unsafe_add(base.CONTRIBUTION_HEAD, given_head & base.MASK_16))
            if first + c <= done:
                for mover: uint256 in range(2):
                    for i: uint256 in range(MAX_GROUPS):
                        g = unsafe_add(g, 1)
                        if groups[unsafe_sub(g, 1)] == LAST:
                            break
                continue
            own: uint256 = (given_head >> 16) & base.MASK_8
            rival: uint256 = unsafe_sub((given_head >> 24) & base.MASK_8, 1)
            size: uint256 = (given_head & base.MASK_16) >> 1
            bias_step: uint256 = bias_rate
            if (untaught >> own) & 1 == 1:
                bias_step = MOST + 1 - unsafe_mul(FIRST_STEP >> self._smaller(size), size)
                untaught ^= 1 << own
            # as many planes as the numbers may need after the step: the effect names four times the mean of all steps of both
            # classes
            step: uint256 = unsafe_add(unsafe_mul((given_head >> 32) & base.MASK_8, size) >> 1, max(bias_step, bias_rate))
            if step > room:
                used: uint256 = 0  # planes below those that only repeat the signs
                for y: uint256 in range(class_count, bound=many.MOST_CLASSES):
                    lowest: uint256 = unsafe_mul(y, many.MAX_PLANES)
                    signs: uint256 = ~planes[unsafe_sub(unsafe_add(lowest, plane_count), 1)]
                    for p: uint256 in range(many.MAX_PLANES):
                        i: uint256 = unsafe_sub(unsafe_sub(plane_count, 2), p)
                        if i >= many.MAX_PLANES or i < used or planes[unsafe_add(lowest, i)] != signs:
                            used = max(used, 0 if i >= many.MAX_PLANES else unsafe_add(i, 1))
                            break
                for p: uint256 in range(many.MAX_PLANES):
                    room = (1 << (plane_count - 1)) - (1 << used)
                    if step <= room:
                        break
                    if plane_count == many.MAX_PLANES:
                        base._refuse("scorer: number out of range")
                    for y: uint256 in range(class_count, bound=many.MOST_CLASSES):
                        lowest: uint256 = unsafe_add(unsafe_mul(y, many.MAX_PLANES), plane_count)
                        planes[lowest] = planes[unsafe_sub(lowest, 1)]
                        planes[unsafe_sub(lowest, 1)] = ~planes[lowest]
                    plane_count += 1
                label_planes = self._label_planes(planes, plane_count, labels)
            room = unsafe_sub(room, step)
            for mover: uint256 in [own, rival]:
                steps: uint256[MAX_STEP] = bias_steps
                if mover == own and bias_step != bias_rate:
                    steps = self._bits(bias_step)
                step_bits: uint256 = bias_bits if bias_step == bias_rate else 16
                for i: uint256 in range(MAX_GROUPS):
                    lanes: uint256 = groups[g]
                    g = unsafe_add(g, 1)
                    if lanes == LAST:
                        break
                    place: uint256 = lanes & base.MASK_16
                    carry: uint256 = 0
                    if lanes >> 64 == 0:
                        # up to three words, as most groups have
                        x: uint256 = maps[(lanes >> 48) & base.MASK_16]
                        y: uint256 = maps[(lanes >> 32) & base.MASK_16]
                        z: uint256 = maps[(lanes >> 16) & base.MASK_16]
                        ones: uint256 = x ^ y ^ z
                        twos: uint256 = (x & y) | ((x ^ y) & z)
                        old: uint256 = steps[place]
                        steps[place] = old ^ ones
                        carry = old & ones
                        place = unsafe_add(place, 1)
                        old = steps[place]
                        steps[place] = old ^ twos ^ carry
                        carry = (old & twos) | ((old ^ twos) & carry)
                        place = unsafe_add(place, 1)
                    else:
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
                        for more: uint256 in [ones, twos, fours, eights]:
                            old: uint256 = steps[place]
                            steps[place] = old ^ more ^ carry
                            carry = (old & more) | ((old ^ more) & carry)
                            place = unsafe_add(place, 1)
                    for p: uint256 in range(MAX_STEP):
                        if carry == 0:
                            break
                        old: uint256 = steps[place]
                        steps[place] = old ^ carry
                        carry &= old
                        place = unsafe_add(place, 1)
                    step_bits = max(step_bits, place)
                down: uint256 = base.ALL if mover == rival else 0
                mine: uint256 = labels[mover]
                lowest: uint256 = unsafe_mul(mover, many.MAX_PLANES)
                carry: uint256 = 0
                for p: uint256 in range(plane_count, bound=many.MAX_PLANES):
                    old: uint256 = planes[unsafe_add(lowest, p)]
                    new: uint256 = old ^ carry
                    if p < step_bits:
                        more: uint256 = steps[p]
                        new ^= more
                        carry = ((old ^ down) & (more | carry)) | (more & carry)
                    else:
                        if carry == 0:
                            break
                        carry &= old ^ down
                    planes[unsafe_add(lowest, p)] = new
                    label_planes[p] = (label_planes[p] & ~mine) | (new & mine)
            # where another class has more than the label, or as much and a lower index
            wrong: uint256 = 0
            for y: uint256 in range(class_count, bound=many.MOST_CLASSES):
                lowest: uint256 = unsafe_mul(y, many.MAX_PLANES)
                more: uint256 = later[y]
                for p: uint256 in range(plane_count, bound=many.MAX_PLANES):
                    plane: uint256 = planes[unsafe_add(lowest, p)]
                    more ^= (plane ^ label_planes[p]) & (plane ^ more)
                if y > last_founder:
                    above: uint256 = 0  # where it has any bit but the highest
                    for p: uint256 in range(unsafe_sub(plane_count, 1), bound=many.MAX_PLANES):
                        above |= planes[unsafe_add(lowest, p)]
                    above &= planes[unsafe_sub(unsafe_add(lowest, plane_count), 1)]
                    more &= above
                    wrong |= labels[y] & ~above
                wrong |= more
            wrong = base._count(wrong & there)
            errors[c >> 4] = unsafe_add(errors[c >> 4], wrong << ((c & 15) << 4))  # safe: there are fewer than 65,536 rows
            evaluated = unsafe_add(evaluated, block_rows)
        head = (head & base.MASK_64) | (untaught << many.UNTAUGHT) | (last_word << PLACE)
        base._keep(key, market, number, last, link, many._state(head, class_count, plane_count, planes))
        all_rows += block_rows
        if number == block_count - 1:
            scored = last
    if all_rows == 0:
        base._refuse("scorer: nothing to score")
    if scored == 0:
        # a block stayed behind, and will need the levels
        place: uint256 = first_word >> 1
        for i: uint256 in range(len(kept), bound=MAX_KEPT):
            if kept[i] > 0:
                self.history[key][place + i] |= kept[i]
    return errors, count, evaluated, scored


# ---- inside ---------------------------------------------------------------------------------------------------------

@internal
@pure
def _bits(number: uint256) -> uint256[MAX_STEP]:
    """
    @dev The same number for each row, as bits of it.
    """
    bits: uint256[MAX_STEP] = empty(uint256[MAX_STEP])
    for p: uint256 in range(16):
        bits[p] = unsafe_mul((number >> p) & 1, base.ALL)
    return bits


@internal
@pure
def _label_planes(
    planes: uint256[many.ALL_PLANES], plane_count: uint256, labels: uint256[many.MOST_CLASSES]
) -> uint256[many.MAX_PLANES]:
    """
    @dev Of each row the planes of its label's class.
    """
    found: uint256[many.MAX_PLANES] = empty(uint256[many.MAX_PLANES])
    for y: uint256 in range(many.MOST_CLASSES):
        if labels[y] == 0:
            continue
        for p: uint256 in range(plane_count, bound=many.MAX_PLANES):
            found[p] |= planes[y * many.MAX_PLANES + p] & labels[y]
    return found


@internal
@pure
def _smaller(count: uint256) -> uint256:
    """
    @dev By how many levels more the weights of a class that has not learnt yet move less for its first sample, of `count`
         features: as in `MulticlassLevelPerceptron`.
    """
    smaller: uint256 = 0
    for i: uint256 in range(4):
        if unsafe_mul(FIRST_STEP >> smaller, count) <= MOST:
            break
        smaller += 1
    return smaller


@internal
@view
def _words(begin: uint256, count: uint256) -> uint256:
    """
    @dev How many words of features the first samples have.
    @param begin Where in the calldata the contributions begin.
    """
    words: uint256 = 0
    position: uint256 = begin
    for c: uint256 in range(count, bound=limits.MAX_MANY):
        length: uint256 = (base._word(position) >> (256 - 8 * base.CONTRIBUTION_HEAD)) & base.MASK_16
        position = unsafe_add(position, unsafe_add(base.CONTRIBUTION_HEAD, length))
        words = unsafe_add(words, unsafe_add(length, 29) // 30)
    return words
