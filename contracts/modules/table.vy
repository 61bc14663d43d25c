# pragma version 0.4.3
"""
@title Table
@notice For each feature and class, how many samples of the class have the feature: the state of models that count.
@dev State, in words of 8 lanes of 32 bits, the first in the highest bits:

         0 .. (room - 1) / 2   statistics of the classes, two to a word, the first in the higher half of the lower 192 bits:
                               samples (32 bits) and a figure that the implementation keeps (64 bits). The upper 64 bits of
                               word 0 are the header, see the modules `model` and `classes`
         the rest              the table, with room for a fixed number of classes:
             room up to 4      the first 192 features, which encoders give to the most frequent words: for each 8 of them
                               `room` words, one a class, a lane is a feature. Updates touch few words so. The others:
                               1 lane (room 1), 2 lanes (2) or 4 lanes (3, 4) for each feature, a lane is a class. Of
                               features so rare that they stand alone, a prediction reads all classes at once so
             room from 5 on    for each feature (room + 7) / 8 words, a lane is a class

     Parameters that all these models share, from the lowest bits up: 32 bits for the implementation, room (16 bits, 1 to
     255), 16 bits 0, number of features (32 bits).

     A sample may have at most 1,024 features, and fewer where it could need more than 640 words of one class, because each may
     be new and cost 22,100 gas to write, or more than 3,072 words of all classes: the limit is 640 with room for up to 4
     classes and so many features that they do not fit 640 words, or with room for 5 to 32; and 3,072 / ((room + 7) / 8) with
     more room, 96 with room for 255. No action needs more than the 16,777,216 gas of a transaction so. The room never
     changes, so what was added can also be claimed after classes were added.
"""
from . import classes
from . import model
from . import ownership
from . import sample

uses: model
uses: ownership
uses: classes

MAX_WORDS: constant(uint256) = 640
MAX_FEATURES: constant(uint256) = 2**16  # indices are uint16
MAX_READS: constant(uint256) = 3_072  # words of the table that a prediction may need
MAX_WRITES: constant(uint256) = 640  # words of the table that an update may need
MAX_CHUNKS: constant(uint256) = 2_048 // 32
NARROW: constant(uint256) = 4  # the largest room with which a word holds more than one feature
HEAD: constant(uint256) = 192  # the first features, of which a word holds one class, where there is so little room

MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_64: constant(uint256) = 2**64 - 1
MASK_96: constant(uint256) = 2**96 - 1
EVEN: constant(uint256) = max_value(uint256) // (2**64 - 1) * MASK_32  # every other of the 8 lanes
LANES: constant(uint256) = 8  # of a word
LANE: constant(uint256) = 32  # bits
LANE_ONE: constant(uint256) = 1 << 224  # 1 in the highest lane

HEADER: constant(uint256) = 0  # the word with the header
# where the parameters stand in the identity word
ROOM: constant(uint256) = 192
N_FEATURES: constant(uint256) = 224


# ---- parameters -----------------------------------------------------------------------------------------------------

@internal
@pure
def _check_parameters(parameters: uint256):
    room: uint256 = (parameters >> 32) & MASK_32
    assert room > 0 and room <= 255, "model: room for 1 to 255 classes"
    assert parameters >> 64 > 0 and parameters >> 64 <= MAX_FEATURES, "model: 1 to 65,536 features"


@internal
@view
def _room() -> uint256:
    """
    @dev The most classes that the model may have.
    """
    return (model._identity() >> ROOM) & MASK_16


@internal
@pure
def _place(feature: uint256, y: uint256, room: uint256) -> (uint256, uint256):
    """
    @dev The word with the count of a feature and class, and by how many bits the count stands left in it.
    """
    base: uint256 = (room + 1) // 2
    if room > NARROW:
        return base + feature * ((room + 7) // 8) + (y >> 3), 224 - 32 * (y & 7)
    if feature < HEAD:
        return base + (feature >> 3) * room + y, 224 - 32 * (feature & 7)
    lanes: uint256 = 2 ** (min(room, 3) - 1)
    position: uint256 = (feature - HEAD) * lanes + y
    return base + HEAD // 8 * room + (position >> 3), 224 - 32 * (position & 7)


@internal
@view
def _word_count() -> uint256:
    identity: uint256 = model._identity()
    room: uint256 = (identity >> ROOM) & MASK_16
    last: uint256 = 0
    position: uint256 = 0
    last, position = self._place((identity >> N_FEATURES) - 1, room - 1, room)
    return last + 1


# ---- statistics -----------------------------------------------------------------------------------------------------

@internal
@view
def _statistics(y: uint256) -> uint256:
    """
    @dev Samples of the class in the upper 32, the implementation's figure in the lower 64 of 96 bits.
    """
    return (model.words[y >> 1] >> unsafe_mul(~y & 1, 96)) & MASK_96


@internal
def _count(header_word: uint256, y: uint256, increase: uint256):
    """
    @notice One more update, and one more sample of class y whose figure grows.
    """
    half: uint256 = unsafe_mul(~y & 1, 96)
    statistics: uint256 = model.words[y >> 1] >> half
    assert (statistics >> 64) & MASK_32 < MASK_32, "model: count is full"
    assert (statistics & MASK_64) + increase <= MASK_64, "model: count is full"
    # safe: neither field overflows
    if y < 2:
        model.words[HEADER] = unsafe_add(model._count_update(header_word), unsafe_add(2**64, increase) << half)
    else:
        model.words[HEADER] = model._count_update(header_word)
        model.words[y >> 1] = unsafe_add(model.words[y >> 1], unsafe_add(2**64, increase) << half)


@internal
def _set_statistics(y: uint256, samples: uint256, figure: uint256):
    position: uint256 = unsafe_mul(~y & 1, 96)
    model.words[y >> 1] = (model.words[y >> 1] & ~(MASK_96 << position)) | (((samples << 64) | figure) << position)


# ---- samples --------------------------------------------------------------------------------------------------------

@internal
@view
def _check_sample(position: uint256, size: uint256, identity: uint256):
    """
    @dev All but the order, before any expensive work. Safe: more than 32 bytes stand before the sample.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    """
    assert size > 0, "sample: empty"
    assert size & 1 == 0, "sample: odd length"
    assert size <= 2_048, "sample: more than 1,024 features"
    room: uint256 = (identity >> ROOM) & MASK_16
    if room > NARROW:
        # safe: 10 bits and 5 bits
        assert size <= 2 * MAX_WRITES and unsafe_mul(size >> 1, unsafe_add(room, 7) >> 3) <= MAX_READS, "sample: too long"
    elif size > 2 * MAX_WRITES:
        assert identity >> N_FEATURES <= self._compact(room), "sample: too long"
    last: uint256 = convert(slice(msg.data, unsafe_sub(unsafe_add(position, size), 32), 32), uint256) & MASK_16
    assert last < identity >> N_FEATURES, "sample: index out of range"


@internal
@pure
def _compact(room: uint256) -> uint256:
    """
    @dev With room for up to 4: the most features of which those of a class fit `MAX_WRITES` words.
    """
    return HEAD + (MAX_WRITES - HEAD // 8) * (LANES >> (min(room, 3) - 1))


@internal
@view
def _sums(position: uint256, size: uint256, identity: uint256, y: uint256, class_count: uint256) -> (uint256, uint256):
    """
    @dev The sums of the counts of the features of a sample, which `_check_sample` has checked: with room up to 4 for class y
         and, if there is one, y + 1; else in 64-bit lanes from the lowest for classes y + 6, y + 4, y + 2, y and y + 7, y + 5,
         y + 3, y + 1. Safe: 2^10 counts of 32 bits; no word of the table is behind 2^21.
    @param y A class for which `_starts_group`.
    """
    room: uint256 = (identity >> ROOM) & MASK_16
    base: uint256 = unsafe_add(unsafe_add(room, 1) >> 1, y)
    even: uint256 = 0
    odd: uint256 = 0
    least: uint256 = 0
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)  # the first chunk is the one that may be shorter
    end: uint256 = unsafe_add(position, count << 1)
    position_end: uint256 = unsafe_add(position, size)
    if room <= NARROW:
        row_at: uint256 = 243  # where the number of the row, the features of a word, begins in a chunk
        lane_at: uint256 = 235  # where the lane begins in a chunk, in bits
        lane_mask: uint256 = 224
        head: bool = True
        both: bool = unsafe_add(y, 1) < class_count
        row: uint256 = max_value(uint256)
        first: uint256 = 0
        second: uint256 = 0
        for i: uint256 in range(MAX_CHUNKS):
            chunk: uint256 = sample._chunk(end, count, least)
            least = unsafe_add((chunk >> unsafe_sub(256, count << 4)) & MASK_16, 1)
            for j: uint256 in range(count, bound=16):
                if chunk >> row_at != row:
                    if head and chunk >> 240 >= HEAD:
                        head = False
                        row_at, lane_mask = self._tail(room)
                        lane_at = unsafe_sub(row_at, 8)
                        base = self._tail_base(room, row_at)
                    row = chunk >> row_at
                    if head:
                        first = model.words[unsafe_add(unsafe_mul(row, room), base)]
                        if both:
                            second = model.words[unsafe_add(unsafe_add(unsafe_mul(row, room), base), 1)]
                    else:
                        first = model.words[unsafe_add(row, base)] << (y << 5)
                        second = first << 32
                lane: uint256 = (chunk >> lane_at) & lane_mask
                even = unsafe_add(even, (first << lane) >> 224)
                odd = unsafe_add(odd, (second << lane) >> 224)
                chunk <<= 16
            if end == position_end:
                break
            count = 16
            end = unsafe_add(end, 32)
        return even, odd
    stride: uint256 = unsafe_add(room, 7) >> 3
    base = unsafe_add(unsafe_add(room, 1) >> 1, y >> 3)
    for i: uint256 in range(MAX_CHUNKS):
        chunk: uint256 = sample._chunk(end, count, least)
        least = unsafe_add((chunk >> unsafe_sub(256, count << 4)) & MASK_16, 1)
        for j: uint256 in range(count, bound=16):
            counts: uint256 = model.words[unsafe_add(unsafe_mul(chunk >> 240, stride), base)]
            even = unsafe_add(even, (counts >> 32) & EVEN)
            odd = unsafe_add(odd, counts & EVEN)
            chunk <<= 16
        if end == position_end:
            break
        count = 16
        end = unsafe_add(end, 32)
    return even, odd


@internal
@pure
def _tail(room: uint256) -> (uint256, uint256):
    """
    @dev For features behind the head: where the number of the row begins in a chunk, and the mask of the lane in bits. Safe:
         room is 1 to 4.
    """
    lanes_log: uint256 = unsafe_sub(min(room, 3), 1)
    return unsafe_sub(243, lanes_log), unsafe_sub(256, LANE << lanes_log)


@internal
@pure
def _tail_base(room: uint256, row_at: uint256) -> uint256:
    """
    @dev What leads from the number of a row behind the head to its word. Safe: it wraps around, and back.
    """
    return unsafe_sub(unsafe_add(unsafe_add(room, 1) >> 1, unsafe_mul(HEAD // 8, room)), HEAD >> unsafe_sub(row_at, 240))


@internal
@pure
def _starts_group(y: uint256, identity: uint256) -> bool:
    """
    @dev Whether `_sums` for class y gives the sums of this and of the next classes.
    """
    return y & (1 if (identity >> ROOM) & MASK_16 <= NARROW else 7) == 0


@internal
@pure
def _sum(even: uint256, odd: uint256, y: uint256, identity: uint256) -> uint256:
    """
    @dev The sum for class y among those that `_sums` has returned for its group.
    """
    sums: uint256 = odd if y & 1 == 1 else even
    if (identity >> ROOM) & MASK_16 <= NARROW:
        return sums
    return (sums >> unsafe_sub(192, (y & 6) << 5)) & MASK_64  # safe: at most 192


@internal
def _add_sample(position: uint256, size: uint256, identity: uint256, y: uint256) -> uint256:
    """
    @dev Counts a sample, which `_check_sample` has checked, for a class.
    @return The sum of the counts of its features before.
    """
    room: uint256 = (identity >> ROOM) & MASK_16
    base: uint256 = unsafe_add(unsafe_add(room, 1) >> 1, y)
    stride: uint256 = room
    row_at: uint256 = 243  # where the number of the row, the features of a word, begins in a chunk
    lane_at: uint256 = 235  # where the lane begins in a chunk, in bits
    lane_mask: uint256 = 224
    lane: uint256 = 0
    head: bool = room <= NARROW
    if not head:
        base = unsafe_add(unsafe_add(room, 1) >> 1, y >> 3)
        stride = unsafe_add(room, 7) >> 3
        row_at = 240
        lane_mask = 0
        lane = (y & 7) << 5
    row: uint256 = max_value(uint256)
    word: uint256 = 0
    packed: uint256 = 0
    total: uint256 = 0
    least: uint256 = 0
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)
    end: uint256 = position
    for i: uint256 in range(MAX_CHUNKS):
        end = unsafe_add(end, count << 1)
        chunk: uint256 = sample._chunk(end, count, least)
        least = unsafe_add((chunk >> unsafe_sub(256, count << 4)) & MASK_16, 1)
        for j: uint256 in range(count, bound=16):
            if chunk >> row_at != row:
                if word > 0:
                    model.words[word] = packed
                if head and chunk >> 240 >= HEAD:
                    head = False
                    row_at, lane_mask = self._tail(room)
                    lane_at = unsafe_sub(row_at, 8)
                    base = self._tail_base(room, row_at)
                    stride = 1
                    lane = y << 5
                row = chunk >> row_at
                word = unsafe_add(unsafe_mul(row, stride), base)  # safe: below 2^21
                packed = model.words[word]
            at: uint256 = ((chunk >> lane_at) & lane_mask) | lane
            before: uint256 = (packed << at) >> 224
            assert before < MASK_32, "model: count is full"
            total = unsafe_add(total, before)  # safe: 2^10 counts of 32 bits
            packed = unsafe_add(packed, LANE_ONE >> at)  # safe: the lane is not full
            chunk <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    model.words[word] = packed
    return total


# ---- classes --------------------------------------------------------------------------------------------------------

@internal
def _load_class(start: uint256, counts: DynArray[uint256, MAX_WORDS], squares: bool):
    """
    @notice Write counts for the class that will be added next.
    @dev Until it is added, its statistics are how many features were loaded, and the figure so far.
    @param start The first feature: where the last call ended, or 0 to start again.
    @param counts 8 to a word, the first in the highest bits; zeros behind the last feature.
    @param squares Whether the figure is the sum of the counts' squares; otherwise it is their sum.
    """
    ownership._check_owner()
    header_word: uint256 = model.words[HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    y: uint256 = classes._count(header_word)
    room: uint256 = self._room()
    assert y < room, "classes: too many"
    assert len(counts) > 0, "classes: no counts"
    figure: uint256 = 0
    if start > 0:
        statistics: uint256 = self._statistics(y)
        assert start == statistics >> 64, "classes: counts out of order"
        figure = statistics & MASK_64
    n_features: uint256 = model._identity() >> N_FEATURES
    feature: uint256 = start
    for eight: uint256 in counts:
        assert feature < n_features, "classes: more counts than features"
        rest: uint256 = eight
        for j: uint256 in range(8):
            if feature == n_features:
                assert rest == 0, "classes: more counts than features"
                break
            count: uint256 = rest >> 224
            figure += count * count if squares else count
            rest <<= 32
            word: uint256 = 0
            position: uint256 = 0
            word, position = self._place(feature, y, room)
            model.words[word] = (model.words[word] & ~(MASK_32 << position)) | (count << position)
            feature += 1
    assert figure <= MASK_64, "model: count is full"
    self._set_statistics(y, feature, figure)


@internal
def _add_class(name: String[255], samples: uint256, counts: DynArray[uint256, MAX_WORDS], squares: bool):
    """
    @notice One more class, with the counts loaded so far and these, or without samples.
    """
    if len(counts) > 0:
        self._load_class(self._statistics(classes._count(model.words[HEADER])) >> 64, counts, squares)
    y: uint256 = classes._add(name, HEADER, self._room())
    assert samples <= MASK_32, "model: count is full"
    statistics: uint256 = self._statistics(y)
    if samples == 0:
        assert statistics == 0, "classes: counts without samples"
    else:
        assert statistics >> 64 == model._identity() >> N_FEATURES, "classes: counts for all features are needed"
    self._set_statistics(y, samples, statistics & MASK_64)
