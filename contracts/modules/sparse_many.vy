# pragma version 0.4.3
"""
@title SparseMany
@notice What the perceptrons with many classes on sparse samples share: state, scores, evaluation, classes that are added. How they
        learn is their own.
@dev score of a class = Σ of its weights of the features that are present + its bias; the highest wins, of equals the lowest
     index.

     A class that was added counts only where its score is above 0: elsewhere it is no answer and no rival. It begins with weights 0
     and the lowest bias there is, which no class can reach by learning. Its first sample sets the bias to minus what it gives to the
     weights, so that no sample has a score above 0 after it: neither adding nor the first sample makes it win anything, whatever
     the other classes' weights. From then on it learns as all do. Where updates alone have made a model, from zeros, and what one
     class gains its rival loses, the weights of the classes add up to 0, so the best score is never below 0, and the rule takes
     nothing from a class that was added.

     State: word 0 is the header, see the modules `model` and `classes`. Then lanes of 16 bits, 16 to a word, the first of a word in
     its highest bits: rows of 2, 4, 8 or a multiple of 16 lanes, the smallest that has room for the classes, a lane for each
     class; first the row of the biases, then one for each feature. In a lane, from its highest bit down: the weight in two's
     complement, and as many bits as the kind says (`LEVEL_BITS`) for something else.

     Parameters, from the lowest bits up: 16 bits for the kind, bias rate (16), margin (24), room for classes (8), number of
     features (32). Weights, biases, rates, margin and scores have one unit.

     A sample may have at most 1,024 features, and fewer where each could need new words: 640 with room for up to 16 classes and
     more than 10,240 weights, 192 with more room. No action needs more than the 16,777,216 gas of a transaction so. The room
     never changes, so what was added can also be claimed after classes were added.
"""
from . import classes
from . import limits
from . import model
from . import sample

uses: model
uses: classes

MAX_CHUNKS: constant(uint256) = limits.MAX_SAMPLE // 32
MAX_FEATURES: constant(uint256) = 2**16  # indices are uint16
MAX_WRITES: constant(uint256) = 640  # words that an update may need, with a word or less for a feature
MAX_WIDE: constant(uint256) = 192  # features of a sample with more than one word for a feature
UNTRAINED: constant(uint256) = 2**15  # the lane of the bias of a class that was added and has not learnt yet: no other has it
NEVER: constant(uint256) = 0  # the score inside of a class that does not count
NOBODY: constant(uint256) = max_value(uint256)  # no class

ALL: constant(uint256) = max_value(uint256)
MASK_16: constant(uint256) = 2**16 - 1
MASK_24: constant(uint256) = 2**24 - 1
MASK_32: constant(uint256) = 2**32 - 1

ZERO: constant(uint256) = 2**40  # what is added to scores inside, to do without signs
# where the parameters stand in the identity word
BIAS_RATE: constant(uint256) = 176
MARGIN: constant(uint256) = 192
ROOM: constant(uint256) = 216
N_FEATURES: constant(uint256) = 224

# flips the sign bits of the 16 lanes of a word: two's complement to offset binary and back
SIGNS: constant(uint256) = max_value(uint256) // (2**16 - 1) * 2**15
# the lowest bit of every other of the 16 lanes
EVEN: constant(uint256) = max_value(uint256) // (2**32 - 1)

# bits at the low end of a lane that do not belong to the weight
LEVEL_BITS: immutable(uint256)


@deploy
def __init__(level_bits: uint256):
    LEVEL_BITS = level_bits


# ---- form -----------------------------------------------------------------------------------------------------------

@internal
@view
def _layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @dev Checks room and number of features, and that there is room for `count` classes.
    @return The number of state words, whatever the number of classes, and the room.
    """
    room: uint256 = (parameters >> 56) & 255
    assert room > 0, "model: room for 1 to 255 classes"
    n_features: uint256 = parameters >> 64
    assert n_features > 0 and n_features <= MAX_FEATURES, "model: 1 to 65,536 features"
    assert count <= room, "classes: too many"
    return 1 + ((n_features + 1) * self._lanes(parameters << 160) + 15) // 16, room


@pure
@external
def vacant(parameters: uint256, count: uint256, position: uint256) -> uint256:
    """
    @notice The bits of a state word that belong to classes which are not there: their lanes.
    """
    if position == model.HEADER:
        return 0
    lanes: uint256 = self._lanes(parameters << 160)
    # of the lanes of a row that stand in this word, those of the classes that are there
    first: uint256 = 16 * ((position - 1) % (lanes // 16)) if lanes > 16 else 0
    row: uint256 = min(lanes, 16)
    there: uint256 = min(count - min(count, first), row)
    # as often as there are rows in a word, the lower lanes of each
    return ALL // (2 ** (16 * row) - 1) * (2 ** (16 * (row - there)) - 1) if row < 16 else ALL >> (16 * there)


@view
@external
def check_state() -> bool:
    """
    @notice Whether what was loaded may be sealed: at least one class, and names.
    """
    classes._check()
    return True


# ---- use ------------------------------------------------------------------------------------------------------------

@view
@external
def predict(x: Bytes[limits.MAX_SAMPLE]) -> uint256:
    """
    @notice The class of `x`.
    """
    return self._predict(sample._position(), len(x), model._identity(), NOBODY, NOBODY, 0)


@view
@external
def scores(x: Bytes[limits.MAX_SAMPLE]) -> DynArray[int256, limits.MAX_CLASSES]:
    """
    @notice For each class the sum of its weights of the features of `x`, and its bias.
    """
    identity: uint256 = model._identity()
    position: uint256 = sample._position()
    self._check_sample(position, len(x), identity)
    scores: DynArray[int256, limits.MAX_CLASSES] = []
    even: uint256 = 0
    odd: uint256 = 0
    header_word: uint256 = model.state[model.HEADER]
    last_founder: uint256 = classes._last_founder(header_word)
    for y: uint256 in range(classes._count(header_word), bound=limits.MAX_CLASSES):
        if y & 15 == 0:
            even, odd = self._sums(position, len(x), identity, y)
        score: uint256 = self._pick(even, odd, y, len(x))
        if y > last_founder and score <= ZERO:
            scores.append(min_value(int256))
        else:
            scores.append(convert(score, int256) - convert(ZERO, int256))
    return scores


@view
@external
def evaluate(rows: Bytes[limits.MAX_ROWS]) -> uint256:
    """
    @notice The number of rows whose class the model gets wrong.
    """
    identity: uint256 = model._identity()
    class_count: uint256 = classes._count(model.state[model.HEADER])
    position: uint256 = sample._position()
    end: uint256 = position + len(rows)
    errors: uint256 = 0
    for i: uint256 in range(limits.MAX_ROWS):
        if position == end:
            break
        y: uint256 = 0
        size: uint256 = 0
        y, size = sample._row(position, end)
        assert y < class_count, "model: no such class"
        position = unsafe_add(position, sample.ROW_HEAD)
        if self._predict(position, size, identity, NOBODY, NOBODY, 0) != y:
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _predict(position: uint256, size: uint256, identity: uint256, up: uint256, down: uint256, step: uint256) -> uint256:
    """
    @dev The class of the sample; the sample is checked here too.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    @param up The class that the sample has moved up, which is not to count, or `NOBODY`.
    @param down The class that it has moved down, or `NOBODY`.
    @param step By how much it has moved the scores of both, less than 2^39.
    """
    self._check_sample(position, size, identity)
    best: uint256 = 0
    most: uint256 = 0
    even: uint256 = 0
    odd: uint256 = 0
    header_word: uint256 = model.state[model.HEADER]
    last_founder: uint256 = classes._last_founder(header_word)
    for y: uint256 in range(classes._count(header_word), bound=limits.MAX_CLASSES):
        if y & 15 == 0:
            even, odd = self._sums(position, size, identity, y)
        score: uint256 = self._pick(even, odd, y, size)
        if y == up:
            score = unsafe_sub(score, step)  # safe: scores inside are above 2^39
        if y == down:
            score = unsafe_add(score, step)
        if y > last_founder and score <= ZERO:
            continue
        if score > most:
            most = score
            best = y
    return best


@internal
@view
def _contest(position: uint256, size: uint256, identity: uint256, header_word: uint256, y: uint256) -> (uint256, uint256, uint256):
    """
    @dev The scores of class y and of its rival, the highest of the other classes (of equals the lowest index), and the rival, or
         `NOBODY`. The sample is checked here too.
    """
    self._check_sample(position, size, identity)
    last_founder: uint256 = classes._last_founder(header_word)
    own: uint256 = 0
    most: uint256 = 0
    rival: uint256 = NOBODY
    even: uint256 = 0
    odd: uint256 = 0
    for c: uint256 in range(classes._count(header_word), bound=limits.MAX_CLASSES):
        if c & 15 == 0:
            even, odd = self._sums(position, size, identity, c)
        score: uint256 = self._pick(even, odd, c, size)
        if c > last_founder and score <= ZERO:
            score = NEVER
        if c == y:
            own = score
        elif score > most:
            most = score
            rival = c
    return own, most, rival


@internal
@view
def _untrained(y: uint256, header_word: uint256) -> bool:
    """
    @dev Whether the class was added and has not learnt yet.
    """
    return (
        y > classes._last_founder(header_word)
        and (model.state[unsafe_add(1, y >> 4)] << ((y & 15) << 4)) >> 240 == UNTRAINED
    )


@internal
@view
def _check_sample(position: uint256, size: uint256, identity: uint256):
    """
    @dev All but the order, before any expensive work. Safe: more than 32 bytes stand before the sample.
    """
    assert size > 0, "sample: empty"
    assert size & 1 == 0, "sample: odd length"
    assert size <= limits.MAX_SAMPLE, "sample: more than 1,024 features"
    if size > 2 * MAX_WIDE:
        lanes: uint256 = self._lanes(identity)
        assert lanes <= 16, "sample: too long"
        assert size <= 2 * MAX_WRITES or (identity >> N_FEATURES) * lanes <= 16 * MAX_WRITES, "sample: too long"
    last: uint256 = convert(slice(msg.data, unsafe_sub(unsafe_add(position, size), 32), 32), uint256) & MASK_16
    assert last < identity >> N_FEATURES, "sample: index out of range"


@internal
@pure
def _lanes(identity: uint256) -> uint256:
    """
    @dev The lanes of a row. Safe: room is 1 to 255.
    """
    room: uint256 = (identity >> ROOM) & 255
    if room > 8:
        return unsafe_add(room, 15) & 496
    if room > 4:
        return 8
    return 4 if room > 2 else 2


@internal
@view
def _sums(position: uint256, size: uint256, identity: uint256, y: uint256) -> (uint256, uint256):
    """
    @dev The sums of the weights and biases of 16 classes for a sample, which `_check_sample` has checked: in 32-bit lanes, from
         the highest, for classes y, y + 2, ... and y + 1, y + 3, ... Weights are added up with their sign bits flipped, so they
         count 2^15 too much each. Safe: at most 2^10 + 1 values of 16 bits.
    @param y A multiple of 16.
    """
    lanes: uint256 = self._lanes(identity)
    weights: uint256 = unsafe_mul(EVEN, MASK_16 >> LEVEL_BITS << LEVEL_BITS)  # the bits of every other lane that count
    word: uint256 = unsafe_add(1, y >> 4)
    packed: uint256 = model.state[word] ^ SIGNS
    even: uint256 = (packed >> 16) & weights
    odd: uint256 = packed & weights
    first: uint256 = unsafe_add(unsafe_add(16, lanes), y)  # the lane of class y for feature 0, the header counted
    least: uint256 = 0
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)  # the first chunk is the one that may be shorter
    end: uint256 = position
    for i: uint256 in range(MAX_CHUNKS):
        end = unsafe_add(end, count << 1)
        chunk: uint256 = sample._chunk(end, count, least)
        least = unsafe_add((chunk >> unsafe_sub(256, count << 4)) & MASK_16, 1)
        for j: uint256 in range(count, bound=16):
            lane: uint256 = unsafe_add(unsafe_mul(chunk >> 240, lanes), first)  # safe: below 2^25
            if lane >> 4 != word:
                word = lane >> 4
                packed = model.state[word] ^ SIGNS
            lane = (lane & 15) << 4
            even = unsafe_add(even, ((packed << lane) >> 16) & weights)
            odd = unsafe_add(odd, (packed << lane) & weights)
            chunk <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    return even, odd


@internal
@view
def _pick(even: uint256, odd: uint256, y: uint256, size: uint256) -> uint256:
    """
    @dev The score of class y and `ZERO`, from what `_sums` returned for its 16 classes. Safe: 2^40, and at most 2^10 + 1 times
         2^15 too much.
    """
    sums: uint256 = odd if y & 1 == 1 else even
    return unsafe_sub(
        unsafe_add(((sums >> unsafe_sub(224, (y & 14) << 4)) & MASK_32) >> LEVEL_BITS, ZERO),
        unsafe_mul(unsafe_add(size >> 1, 1), UNTRAINED >> LEVEL_BITS),
    )


# ---- classes --------------------------------------------------------------------------------------------------------

@external
def add_class(name: String[limits.MAX_TEXT]) -> uint256:
    """
    @notice Add a class, which has learnt nothing yet. Only the owner may, and not while the trainer is busy with the model.
    @param name Not empty, and not the name of another class.
    @return The new class.
    """
    y: uint256 = classes._add(name, (model._identity() >> ROOM) & 255)
    word: uint256 = 1 + (y >> 4)
    model.state[word] |= UNTRAINED << (240 - 16 * (y & 15))
    return y
