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
from ..modules import rows_many as many
from ..modules import sparse_rows as base

implements: IScorer
initializes: base
initializes: many[base := base]

exports: (
    base.prepare,
    base.marked,
    many.check,
)

@deploy
def __init__():
    many.__init__(0)


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
    return many._fits(model)


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
            # the same number for every block; what is left out comes in the next transaction
            maps, numbered, count = staticcall base.ISelf(self).marked(contributions, row_words)
        maps[0] = 0
        last: uint256 = first + count - 1
        if done >= last:
            continue
        there: uint256 = base.ALL >> (256 - block_rows)
        plane_count: uint256 = (head >> base.PLANES) & base.MASK_16
        planes: uint256[many.ALL_PLANES] = many._planes(state, class_count, plane_count)
        untaught: uint256 = (head >> many.UNTAUGHT) & base.MASK_16
        room: uint256 = 0  # how far all numbers can move without needing another plane
        position: uint256 = begin
        word: uint256 = 0  # of the samples
        for c: uint256 in range(count, bound=limits.MAX_MANY):
            given_head: uint256 = base._word(position) >> (256 - 8 * base.CONTRIBUTION_HEAD)
            position = unsafe_add(position, base.CONTRIBUTION_HEAD)
            size: uint256 = given_head & base.MASK_16  # bytes of the sample
            sample_end: uint256 = unsafe_add(position, size)
            if first + c <= done:
                word = unsafe_add(word, unsafe_add(size, 29) // 30)
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
            own: uint256 = (given_head >> 16) & base.MASK_8
            rival: uint256 = unsafe_sub((given_head >> 24) & base.MASK_16, 1)
            assert own < class_count and rival < class_count, "scorer: no such class"
            product: uint256 = unsafe_mul(rate, size >> 1)
            bias_step: uint256 = bias_rate
            if (untaught >> own) & 1 == 1:
                bias_step = many.UNTRAINED - product
                untaught ^= 1 << own
            step: uint256 = unsafe_add(product, max(bias_step, bias_rate))
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
                    assert plane_count < many.MAX_PLANES, "scorer: number out of range"
                    for y: uint256 in range(class_count, bound=many.MOST_CLASSES):
                        lowest: uint256 = unsafe_add(unsafe_mul(y, many.MAX_PLANES), plane_count)
                        planes[lowest] = planes[unsafe_sub(lowest, 1)]
                        planes[unsafe_sub(lowest, 1)] = ~planes[lowest]
                    plane_count += 1
            room = unsafe_sub(room, step)
            # add to the own class and take from the rival: rate times the counts, and the step of the bias
            for down: uint256 in [0, base.ALL]:
                lowest: uint256 = unsafe_mul(own if down == 0 else rival, many.MAX_PLANES)
                bias: uint256 = bias_step if down == 0 else bias_rate
                for place: uint256 in range(16):
                    if (rate | bias) >> place == 0:
                        break
                    times: bool = (rate >> place) & 1 == 1
                    carry: uint256 = unsafe_mul((bias >> place) & 1, base.ALL)
                    if not times and carry == 0:
                        continue
                    stop: uint256 = min(unsafe_add(place, count_bits), plane_count) if times else place
                    for p: uint256 in range(place, stop, bound=base.MAX_COUNTS):
                        old: uint256 = planes[unsafe_add(lowest, p)]
                        more: uint256 = counts[unsafe_sub(p, place)]
                        half: uint256 = old ^ more
                        planes[unsafe_add(lowest, p)] = half ^ carry
                        carry = ((old ^ down) & more) | ((half ^ down) & carry)
                    for p: uint256 in range(stop, plane_count, bound=many.MAX_PLANES):
                        if carry == 0:
                            break
                        old: uint256 = planes[unsafe_add(lowest, p)]
                        planes[unsafe_add(lowest, p)] = old ^ carry
                        carry &= old ^ down
            # the best class of each row, and whether it is the label
            best: uint256[many.MAX_PLANES] = empty(uint256[many.MAX_PLANES])
            for p: uint256 in range(plane_count, bound=many.MAX_PLANES):
                best[p] = planes[p]
            right: uint256 = labels[0]
            for y: uint256 in range(1, class_count, bound=many.MOST_CLASSES):
                lowest: uint256 = unsafe_mul(y, many.MAX_PLANES)
                more: uint256 = 0  # where it has more than the best before it
                for p: uint256 in range(plane_count, bound=many.MAX_PLANES):
                    plane: uint256 = planes[unsafe_add(lowest, p)]
                    more ^= (plane ^ best[p]) & (plane ^ more)
                if y > last_founder:
                    above: uint256 = 0  # where it has any bit but the highest
                    for p: uint256 in range(unsafe_sub(plane_count, 1), bound=many.MAX_PLANES):
                        above |= planes[unsafe_add(lowest, p)]
                    more &= above & planes[unsafe_sub(unsafe_add(lowest, plane_count), 1)]
                if more == 0:
                    continue
                for p: uint256 in range(plane_count, bound=many.MAX_PLANES):
                    best[p] = (best[p] & ~more) | (planes[unsafe_add(lowest, p)] & more)
                right = (right & ~more) | (labels[y] & more)
            wrong: uint256 = base._count(~right & there)
            errors[c >> 4] = unsafe_add(errors[c >> 4], wrong << ((c & 15) << 4))  # safe: there are fewer than 65,536 rows
            evaluated = unsafe_add(evaluated, block_rows)
            position = sample_end
        head = (head & ~(base.MASK_16 << many.UNTAUGHT)) | (untaught << many.UNTAUGHT)
        base._keep(key, market, number, last, link, many._state(head, class_count, plane_count, planes))
        all_rows += block_rows
        if number == block_count - 1:
            scored = last
    assert all_rows > 0, "scorer: nothing to score"
    return errors, count, evaluated, scored
