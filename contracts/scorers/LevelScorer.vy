# pragma version 0.4.3
"""
@title LevelScorer
@notice Scores contributions to markets on models of the kind `LevelPerceptron`, 256 hidden rows at a time.
@dev As `SparseScorer`, which says how blocks, maps and planes work. The score of a hidden row moves by ± (the steps of the words
     that it shares with the sample + bias rate). A word's step, 32 / 2^level, depends on the updates before and on nothing else:
     on which of them had the word, and on their numbers. So no weight is needed here either, once the rows' first scores are
     known, but the level of each word before each contribution is.

     The scorer carries the levels: a table with those after what the first block went through, which no block is ahead of. Where
     blocks stay behind, the levels that the words of each contribution had are kept beside it, in the order of the contributions;
     a block that comes later finds them there. So each contribution is learnt once, whatever the steps that anyone takes.

     The words of a sample with the same level make a group. A group's maps are added up bit by bit, to how many of its words each
     row has; that, times the step, which is a power of two, is added to the other groups and the bias rate.
"""
from ..interfaces import IModel
from ..interfaces import IScorer
from ..modules import limits
from ..modules import rows_two as two
from ..modules import sparse_rows as base
from ..modules import stored

implements: IScorer
initializes: base
initializes: two[base := base]

exports: (
    base.marked,
    two.check,
)

MAX_STEP: constant(uint256) = 17  # bits of 1,024 · 32 + 65,535
# groups of up to 15 words: one for each of 6 steps in 256 samples of 6 words, and one more for each 30 bytes that are left
MAX_GROUPS: constant(uint256) = 1_629
MAX_ENDS: constant(uint256) = limits.MAX_MANY + 1

# of the models: see `LevelPerceptron`
LANE_ONES: constant(uint256) = max_value(uint256) // (2**16 - 1)
LEVEL_BITS: constant(uint256) = 3
LEVELS: constant(uint256) = 2**LEVEL_BITS - 1
LAST_LEVEL: constant(uint256) = 5  # with a step of 1; words with a higher one do not move
# gathers what stands in the 16 lanes of a word: the bits of each two, four and eight lanes side by side, 4 for each lane
TWO_LANES: constant(uint256) = max_value(uint256) // (2**32 - 1) * (2**8 - 1)
FOUR_LANES: constant(uint256) = max_value(uint256) // (2**64 - 1) * (2**16 - 1)
EIGHT_LANES: constant(uint256) = max_value(uint256) // (2**128 - 1) * (2**32 - 1)
# marks the levels in the table: a word of it is never 0
THERE: constant(uint256) = max_value(uint256) // 15 * 8
MAX_LEVEL_WORDS: constant(uint256) = 1_024  # 64 lanes to a word, 65,536 lanes
# where in a block's state its place in `history` begins: how many words of features the samples had that it went through
PLACE: constant(uint256) = base.REST + 16

# by caller and market: the number of updates before the first contribution
versions: HashMap[bytes32, uint256]
# by caller and market: the levels of the state's lanes, 4 bits each, the first lane in the highest bits, after what the first block
# went through
levels: HashMap[bytes32, uint256[MAX_LEVEL_WORDS]]
# by caller and market: the levels that the samples' features had when they were learnt, 15 to 64 bits, the first in the lowest; only
# where a block stayed behind
history: HashMap[bytes32, HashMap[uint256, uint256]]


@deploy
def __init__():
    two.__init__(LEVEL_BITS)


@view
@external
def kind() -> String[32]:
    """
    @notice The kind of the models that the scorer is for.
    """
    return "LevelPerceptron"


@view
@external
def fits(model: address) -> bool:
    """
    @notice Whether the scorer can serve a market on this model: all of the kind.
    """
    parameters: uint256 = staticcall IModel(model).parameters()
    return parameters & base.MASK_16 == 0 and two._fits(model)


# ---- prepare --------------------------------------------------------------------------------------------------------

@external
def prepare(market: uint256, model: address, start: uint256, count: uint256, salt: bytes32) -> (uint256, bool):
    """
    @notice Copy the next words of a model's state, as code: 640, or all that are left. The levels are kept once more, in a table that
            changes.
    """
    key: bytes32 = base._key(market)
    if start == 0:
        base.files[key] = staticcall IModel(model).parameters()
        self.versions[key] = staticcall IModel(model).version()
    total: uint256 = staticcall IModel(model).word_count()
    assert start % base.WORDS_KEPT == 0 and start < total, "scorer: not the next words"
    size: uint256 = min(base.WORDS_KEPT, total - start)
    words: DynArray[uint256, limits.MAX_WORDS] = staticcall IModel(model).words(start, size)
    assert len(words) == size, "scorer: the model does not answer"
    base.states[key][start // base.WORDS_KEPT] = stored._keep(abi_encode(words))
    for i: uint256 in range(0, (size + 3) // 4, bound=base.WORDS_KEPT // 4):
        packed: uint256 = THERE
        for j: uint256 in range(4):
            if 4 * i + j == size:
                break
            lanes: uint256 = words[4 * i + j] & (LANE_ONES * LEVELS)
            lanes = (lanes | (lanes >> 12)) & TWO_LANES
            lanes = (lanes | (lanes >> 24)) & FOUR_LANES
            lanes = (lanes | (lanes >> 48)) & EIGHT_LANES
            packed |= ((lanes | (lanes >> 96)) & base.MASK_64) << (192 - 64 * j)
        self.levels[key][start // 4 + i] = packed
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
    @param rows How many rows to evaluate at most for each contribution, but for a block, which is taken whole.
    """
    key: bytes32 = base._key(market)
    file: uint256 = base.files[key]
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
    # what each row moves by, whatever it has in common with a sample
    bias_rate: uint256 = (file >> base.BIAS_RATE) & base.MASK_16
    bias_steps: uint256[MAX_STEP] = empty(uint256[MAX_STEP])
    bias_bits: uint256 = 0
    for p: uint256 in range(16):
        if bias_rate >> p == 0:
            break
        bias_steps[p] = unsafe_mul((bias_rate >> p) & 1, base.ALL)
        bias_bits = p + 1
    learnt: uint256 = base.blocks[key][0] & base.MASK_16
    history_begin: uint256 = 0  # where the levels of the first of these samples stand in the history
    levels: DynArray[uint256, base.MAX_SAMPLE_WORDS] = []
    groups: DynArray[uint256, MAX_GROUPS] = []
    group_ends: DynArray[uint256, MAX_ENDS] = []
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
        if len(group_ends) == 0:
            history_begin = ((state[0] >> PLACE) & base.MASK_32) - base._word_count(begin, done + 1 - first)
            groups, group_ends, levels = self._groups(key, file, first, learnt, history_begin, begin, numbered, count)
        there: uint256 = base.ALL >> (256 - block_rows)
        planes: uint256[two.ALL_PLANES] = empty(uint256[two.ALL_PLANES])
        plane_count: uint256 = (state[0] >> base.PLANES) & base.MASK_16
        for p: uint256 in range(plane_count, bound=two.MAX_PLANES):
            planes[p] = state[unsafe_add(p, 1)]
        room: uint256 = 0  # how far all numbers can move without needing another plane
        position: uint256 = begin
        for c: uint256 in range(count, bound=limits.MAX_MANY):
            given_head: uint256 = base._word(position) >> (256 - 8 * base.CONTRIBUTION_HEAD)
            position = unsafe_add(position, unsafe_add(base.CONTRIBUTION_HEAD, given_head & base.MASK_16))
            if first + c <= done:
                continue
            # by how much each row moves
            steps: uint256[MAX_STEP] = bias_steps
            step_bits: uint256 = bias_bits
            for g: uint256 in range(group_ends[c], group_ends[c + 1], bound=MAX_GROUPS):
                lanes: uint256 = groups[g]
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
                    old: uint256 = steps[place]
                    steps[place] = old ^ ones
                    carry = old & ones
                    place = unsafe_add(place, 1)
                    old = steps[place]
                    steps[place] = old ^ twos ^ carry
                    carry = (old & twos) | ((old ^ twos) & carry)
                    place = unsafe_add(place, 1)
                    old = steps[place]
                    steps[place] = old ^ fours ^ carry
                    carry = (old & fours) | ((old ^ fours) & carry)
                    place = unsafe_add(place, 1)
                    old = steps[place]
                    steps[place] = old ^ eights ^ carry
                    carry = (old & eights) | ((old ^ eights) & carry)
                for p: uint256 in range(MAX_STEP):
                    place = unsafe_add(place, 1)
                    if carry == 0:
                        break
                    old: uint256 = steps[place]
                    steps[place] = old ^ carry
                    carry &= old
                step_bits = max(step_bits, place)
            # as many planes as the numbers may need after the step, which is the effect less one, and the bias rate
            step: uint256 = unsafe_add((given_head >> 24) & base.MASK_16, bias_rate)
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
            down: uint256 = 0 if (given_head >> 16) & base.MASK_8 == 1 else base.ALL
            carry: uint256 = 0
            for p: uint256 in range(plane_count, bound=two.MAX_PLANES):
                old: uint256 = planes[p]
                if p < step_bits:
                    more: uint256 = steps[p]
                    planes[p] = old ^ more ^ carry
                    old ^= down
                    carry = (old & more) | ((old ^ more) & carry)
                else:
                    if carry == 0:
                        break
                    planes[p] = old ^ carry
                    carry &= old ^ down
            # class 1 where the score is above 0; count the rows where it is not the label
            wrong: uint256 = base._count((~planes[plane_count - 1] ^ labels) & there)
            errors[c >> 4] = unsafe_add(errors[c >> 4], wrong << ((c & 15) << 4))  # safe: there are fewer than 65,536 rows
            evaluated = unsafe_add(evaluated, block_rows)
        head = (head & ~(base.MASK_32 << PLACE)) | ((history_begin + len(levels)) << PLACE)
        base._keep(key, market, number, last, link, two._state(head, plane_count, planes))
        all_rows += block_rows
        if number == block_count - 1:
            scored = last
    assert all_rows > 0, "scorer: nothing to score"
    if scored == 0:
        # a block stayed behind, and will need the levels that were not known before
        known: uint256 = 0 if learnt < first else base._word_count(begin, min(learnt + 1 - first, count))
        for w: uint256 in range(known, len(levels), bound=base.MAX_SAMPLE_WORDS):
            place: uint256 = history_begin + w
            self.history[key][place >> 2] |= levels[w] << ((place & 3) << 6)
    return errors, count, evaluated, scored


@internal
def _groups(
    key: bytes32,
    file: uint256,
    first: uint256,
    learnt: uint256,
    history_begin: uint256,
    begin: uint256,
    numbered: DynArray[uint256, base.MAX_SAMPLE_WORDS],
    count: uint256,
) -> (DynArray[uint256, MAX_GROUPS], DynArray[uint256, MAX_ENDS], DynArray[uint256, base.MAX_SAMPLE_WORDS]):
    """
    @dev Sorts the samples' words by their levels when they are learnt. Those that were learnt before are in the history, as far as a block
         needs them; for the others the table goes on.
    @param learnt How many contributions were learnt before.
    @param history_begin Where the levels of the first sample stand in the history.
    @param begin Where in the calldata the contributions begin.
    @param numbered The numbers of the features' maps; none where these are 1 + the feature.
    @return These numbers, up to 15 with the same level to a word, which says in its lowest 16 bits what power of two the step is; where in
            these each sample begins, and where the last one ends; and the levels, 4 bits each, the first in the lowest.
    """
    groups: DynArray[uint256, MAX_GROUPS] = []
    group_ends: DynArray[uint256, MAX_ENDS] = [0]
    all_levels: DynArray[uint256, base.MAX_SAMPLE_WORDS] = []
    table: uint256[MAX_LEVEL_WORDS] = empty(uint256[MAX_LEVEL_WORDS])
    version: uint256 = self.versions[key]
    position: uint256 = begin
    w: uint256 = 0
    for c: uint256 in range(count, bound=limits.MAX_MANY):
        index: uint256 = first + c
        # the largest level that rises, as in the model
        factor: uint256 = version + index
        factor &= unsafe_sub(0, factor)
        rising: uint256 = unsafe_add(
            unsafe_add(convert(factor > 3, uint256), convert(factor > 15, uint256)),
            unsafe_add(convert(factor > 63, uint256), convert(factor > 255, uint256)),
        )
        begun: uint256[LEVELS + 1] = empty(uint256[LEVELS + 1])
        head: uint256 = base._word(position) >> (256 - 8 * base.CONTRIBUTION_HEAD)
        position = unsafe_add(position, base.CONTRIBUTION_HEAD)
        stop: uint256 = unsafe_add(position, head & base.MASK_16)
        for i: uint256 in range(base.MAX_SAMPLE_WORDS):
            if position >= stop:
                break
            lanes: uint256 = base._sample_word(position, stop)
            position = unsafe_add(position, 2 * base.LANES)
            numbers: uint256 = lanes
            if len(numbered) > 0:
                numbers = numbered[w]
            levels: uint256 = 0
            if index <= learnt:
                place: uint256 = history_begin + w
                levels = (self.history[key][place >> 2] >> ((place & 3) << 6)) & base.MASK_64
            for j: uint256 in range(base.LANES):
                if lanes == 0:
                    break
                level: uint256 = (levels >> (j << 2)) & LEVELS
                if index > learnt:
                    # a lane of the sample has 1 + the feature
                    lane: uint256 = unsafe_add(lanes >> 240, two.HEADER_LANES - 1)
                    packed: uint256 = table[lane >> 6]
                    if packed == 0:
                        packed = self.levels[key][lane >> 6]
                    place: uint256 = (~lane & 63) << 2
                    level = (packed >> place) & LEVELS
                    levels |= level << (j << 2)
                    table[lane >> 6] = unsafe_add(packed, convert(level <= rising, uint256) << place)
                group: uint256 = (begun[level] << 16) | (numbers >> 240)
                if group >> 224 > 0:
                    if level <= LAST_LEVEL:
                        groups.append((group << 16) | (LAST_LEVEL - level))
                    group = 0
                begun[level] = group
                lanes <<= 16
                numbers <<= 16
            all_levels.append(levels)
            w = unsafe_add(w, 1)
        position = stop
        # the smallest steps first, so that carries end soon
        for power: uint256 in range(LAST_LEVEL + 1):
            group: uint256 = begun[LAST_LEVEL - power]
            if group > 0:
                groups.append((group << 16) | power)
        group_ends.append(len(groups))
    lane_count: uint256 = unsafe_add((file >> base.N_FEATURES) & base.MASK_32, two.HEADER_LANES)
    for i: uint256 in range((lane_count + 63) // 64, bound=MAX_LEVEL_WORDS):
        if table[i] > 0:
            self.levels[key][i] = table[i]
    return groups, group_ends, all_levels
