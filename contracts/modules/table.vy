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

     What is loaded before sealing is the owner's word. Counts of a class that has no samples yet mean nothing, until its first
     sample brings them to life, as they are; the words of a class that is not there must be 0.

     Parameters that all these models share, from the lowest bits up: 32 bits for the implementation, room (16 bits, 1 to
     255), 16 bits for the implementation, number of features (32 bits).

     A sample may have at most 1,024 features, and fewer so that whatever is learnt fits a transaction, the answer before it included
     (`learn`), and can be claimed, and replayed for a market: 640 with room for up to 4 classes and so many features that those of a
     class do not fit 640 words, because each may be new and cost 22,100 gas to write. With more room a feature also takes
     (room + 7) / 8 words to read, of all classes: the limit is 15,000 / (21 + 5 · ((room + 7) / 8)), in thousands of gas, so 576 with
     room for 8, 365 for 32 and 82 for 255. It depends on the room, which never changes, not on the classes that are there or have
     samples: so what was added can also be claimed after classes were added.
"""
from . import limits
from . import model
from . import sample

uses: model

MAX_FEATURES: constant(uint256) = 2**16  # indices are uint16
# thousands of gas, measured: what learning a sample may cost, of each feature a word that is written and each word that is read.
# Of the 16,777 of a transaction a market, its scorer and the clone can each pass on 63 of 64 parts (EIP-150), and what many
# classes with high counts take besides their words is up to 10% more
MAX_COST: constant(uint256) = 15_000
WRITE_COST: constant(uint256) = 21
READ_COST: constant(uint256) = 5
MAX_WRITES: constant(uint256) = 640  # words of the table that an update may need
MAX_CHUNKS: constant(uint256) = limits.MAX_SAMPLE // 32
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

# where the parameters stand in the identity word
ROOM: constant(uint256) = 192
N_FEATURES: constant(uint256) = 224


# ---- parameters -----------------------------------------------------------------------------------------------------

@internal
@pure
def _layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters, and that they have room for `count` classes.
    @return The number of state words, whatever the number of classes, and the room.
    """
    room: uint256 = (parameters >> 32) & MASK_16
    assert room > 0 and room <= 255, "model: room for 1 to 255 classes"
    n_features: uint256 = parameters >> 64
    assert n_features > 0 and n_features <= MAX_FEATURES, "model: 1 to 65,536 features"
    assert count <= room, "classes: too many"
    return self._word(n_features - 1, room - 1, room) + 1, room


@internal
@pure
def _vacant(parameters: uint256, count: uint256, position: uint256) -> uint256:
    """
    @notice The bits of a state word that belong to classes which are not there, of a model with `count` classes.
    """
    room: uint256 = (parameters >> 32) & MASK_16
    base: uint256 = (room + 1) // 2
    if position < base:
        # two classes in the lower 192 bits
        there: uint256 = min(count - min(count, 2 * position), 2)
        return 2 ** (192 - 96 * there) - 1
    lanes: uint256 = LANES  # of a group, in which a lane is a class
    first: uint256 = 0  # the class of the first of them
    if room > NARROW:
        first = LANES * ((position - base) % ((room + 7) // 8))
    elif position < base + HEAD // 8 * room:
        # a word of one class
        return 0 if (position - base) % room < count else max_value(uint256)
    else:
        lanes = 2 ** (min(room, 3) - 1)
    there: uint256 = min(count - min(count, first), lanes)
    if lanes == LANES:
        return max_value(uint256) >> (LANE * there)
    return max_value(uint256) // (2 ** (LANE * lanes) - 1) * (2 ** (LANE * (lanes - there)) - 1)


@internal
@pure
def _room(identity: uint256) -> uint256:
    """
    @dev The most classes that the model may have.
    """
    return (identity >> ROOM) & MASK_16


@internal
@pure
def _word(feature: uint256, y: uint256, room: uint256) -> uint256:
    """
    @dev The word with the count of a feature and class.
    """
    base: uint256 = (room + 1) // 2
    if room > NARROW:
        return base + feature * ((room + 7) // 8) + (y >> 3)
    if feature < HEAD:
        return base + (feature >> 3) * room + y
    lanes: uint256 = 2 ** (min(room, 3) - 1)
    return base + HEAD // 8 * room + (((feature - HEAD) * lanes + y) >> 3)


# ---- statistics -----------------------------------------------------------------------------------------------------

@internal
@view
def _statistics(y: uint256) -> uint256:
    """
    @dev Samples of the class in the upper 32, the implementation's figure in the lower 64 of 96 bits.
    """
    return (model.state[y >> 1] >> unsafe_mul(~y & 1, 96)) & MASK_96


@internal
def _count(header_word: uint256, y: uint256, increase: uint256):
    """
    @notice One more update, and one more sample of class y whose figure grows.
    """
    half: uint256 = unsafe_mul(~y & 1, 96)
    statistics: uint256 = model.state[y >> 1] >> half
    assert (statistics >> 64) & MASK_32 < MASK_32, "model: count is full"
    assert (statistics & MASK_64) + increase <= MASK_64, "model: count is full"
    # safe: neither field overflows
    if y < 2:
        model.state[model.HEADER] = unsafe_add(model._count_update(header_word), unsafe_add(2**64, increase) << half)
    else:
        model.state[model.HEADER] = model._count_update(header_word)
        model.state[y >> 1] = unsafe_add(model.state[y >> 1], unsafe_add(2**64, increase) << half)


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
    assert size <= limits.MAX_SAMPLE, "sample: more than 1,024 features"
    room: uint256 = (identity >> ROOM) & MASK_16
    if room > NARROW:
        # safe: 10 bits and 8 bits
        assert (
            unsafe_mul(size >> 1, unsafe_add(unsafe_mul(unsafe_add(room, 7) >> 3, READ_COST), WRITE_COST)) <= MAX_COST
        ), "sample: too long"
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
                        first = model.state[unsafe_add(unsafe_mul(row, room), base)]
                        if both:
                            second = model.state[unsafe_add(unsafe_add(unsafe_mul(row, room), base), 1)]
                    else:
                        first = model.state[unsafe_add(row, base)] << (y << 5)
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
            counts: uint256 = model.state[unsafe_add(unsafe_mul(chunk >> 240, stride), base)]
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
                    model.state[word] = packed
                if head and chunk >> 240 >= HEAD:
                    head = False
                    row_at, lane_mask = self._tail(room)
                    lane_at = unsafe_sub(row_at, 8)
                    base = self._tail_base(room, row_at)
                    stride = 1
                    lane = y << 5
                row = chunk >> row_at
                word = unsafe_add(unsafe_mul(row, stride), base)  # safe: below 2^21
                packed = model.state[word]
            at: uint256 = ((chunk >> lane_at) & lane_mask) | lane
            before: uint256 = (packed << at) >> 224
            assert before < MASK_32, "model: count is full"
            total = unsafe_add(total, before)  # safe: 2^10 counts of 32 bits
            packed = unsafe_add(packed, LANE_ONE >> at)  # safe: the lane is not full
            chunk <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    model.state[word] = packed
    return total
