# pragma version 0.4.3
"""
@title MulticlassSparsePerceptron
@notice A perceptron with one weight vector and bias for each class, up to 255, on sparse samples, with a margin.
@dev score of a class = Σ of its weights of the features that are present + its bias; the highest wins, of equals the lowest
     index.

     A sample y that is classified wrongly, or rightly but by less than the margin, moves the weights of its features by the
     learning rate and the bias by its own rate: up for class y, down for its rival, the highest of the other classes (of
     equals the lowest index). With two classes that start with opposite weights this is `SparsePerceptron` with half the
     margin: its score is half the difference of the two scores here.

     State: word 0 is the header, see the modules `model` and `classes`; its lowest 32 bits count what was loaded of a class
     that is not added yet. Then two's complement `int16`, 16 to a word, the first of a word in its highest bits: rows of 2, 4, 8
     or a multiple of 16 lanes, the smallest that has room for the classes, a lane for each class; first the row of the biases,
     then one for each feature.

     Parameters, from the lowest bits up: learning rate (16 bits), bias rate (16), margin (24), room for classes (8), number of
     features (32). Weights, biases, rates, margin and scores have one unit.

     A sample may have at most 1,024 features, and fewer where each could need new words: 640 with room for up to 16 classes and
     more than 10,240 weights, 192 with more room. No action needs more than the 16,777,216 gas of a transaction so. The room
     never changes, so what was added can also be claimed after classes were added.
"""
from ..interfaces import IModel
from ..modules import classes
from ..modules import model
from ..modules import ownership
from ..modules import sample

implements: IModel
initializes: ownership
initializes: model[ownership := ownership]
initializes: classes[model := model, ownership := ownership]

exports: (
    # who and what
    model.implementation,
    model.trainer,
    model.parameters,
    model.name,
    model.description,
    model.encoder_spec,
    # state
    model.create_replica,
    # two-step ownership
    ownership.owner,
    ownership.successor,
    ownership.offer_ownership,
    ownership.accept_ownership,
)

MAX_SAMPLE: constant(uint256) = 2_048
MAX_CHUNKS: constant(uint256) = MAX_SAMPLE // 32
MAX_FEATURES: constant(uint256) = 2**16  # indices are uint16
MAX_ROWS: constant(uint256) = 24_576
MAX_WORDS: constant(uint256) = 640
MAX_TERMS: constant(uint256) = 512
MAX_CARD: constant(uint256) = 4_096
MAX_CLASSES: constant(uint256) = 255
MAX_WRITES: constant(uint256) = 640  # words that an update may need, with a word or less for a feature
MAX_WIDE: constant(uint256) = 192  # features of a sample with more than one word for a feature
NOBODY: constant(uint256) = max_value(uint256)  # no class

ALL: constant(uint256) = max_value(uint256)
MASK_16: constant(uint256) = 2**16 - 1
MASK_24: constant(uint256) = 2**24 - 1
MASK_32: constant(uint256) = 2**32 - 1

HEADER: constant(uint256) = 0  # the word with the header
ZERO: constant(uint256) = 2**40  # what is added to scores inside, to do without signs
# where the parameters stand in the identity word
RATE: constant(uint256) = 160
BIAS_RATE: constant(uint256) = 176
MARGIN: constant(uint256) = 192
ROOM: constant(uint256) = 216
N_FEATURES: constant(uint256) = 224

# flips the sign bits of the 16 lanes of a word: two's complement to offset binary and back
SIGNS: constant(uint256) = max_value(uint256) // (2**16 - 1) * 2**15
# every other of the 16 lanes
EVEN: constant(uint256) = max_value(uint256) // (2**32 - 1) * MASK_16


@deploy
def __init__():
    model.__init__()


# ---- birth ----------------------------------------------------------------------------------------------------------

@external
def create(
    owner: address,
    trainer: address,
    terms: Bytes[MAX_TERMS],
    parameters: uint256,
    card: Bytes[MAX_CARD],
    words: DynArray[uint256, MAX_WORDS],
    sealed: bool,
    salt: bytes32,
) -> address:
    """
    @notice Create a model. Anyone may; nothing but the arguments decides what it is.
    @param owner Who may load, seal and hand over the model and add classes.
    @param trainer Who may train it, for ever: usually an incentive contract.
    @param terms What the trainer is opened with, in the same transaction; empty if the trainer is no contract.
    @param parameters See the head of this file.
    @param card Name, description, encoder spec and the names of the classes in order, each as length (1 byte) and bytes.
    @param words The first words of the state; `load` takes the rest.
    @param sealed Whether the model is complete with these words.
    @param salt Anything, to create more than one of the same.
    @return The address of the model, which owner, trainer, parameters, card and salt decide.
    """
    assert parameters & MASK_16 > 0, "model: learning rate of 0"
    assert (parameters >> 56) & 255 > 0, "model: room for 1 to 255 classes"
    assert parameters >> 64 > 0 and parameters >> 64 <= MAX_FEATURES, "model: 1 to 65,536 features"
    return model._create(owner, trainer, terms, parameters, card, words, sealed, salt)


@external
def initialize(owner: address, terms: Bytes[MAX_TERMS], words: DynArray[uint256, MAX_WORDS], sealed: bool):
    """
    @notice Called by the implementation when it creates the model.
    """
    model._initialize(owner, terms, words, sealed, self._word_count(), HEADER)
    if sealed:
        classes._check(HEADER, self._room())


# ---- identity -------------------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    return "MulticlassSparsePerceptron"


@view
@external
def class_count() -> uint256:
    return classes._count(model.words[HEADER])


@view
@external
def class_name(y: uint256) -> String[255]:
    return classes._name(y, HEADER)


@view
@external
def version() -> uint256:
    return model._version(HEADER)


@view
@external
def sealed() -> bool:
    return model._sealed(HEADER)


# ---- use ------------------------------------------------------------------------------------------------------------

@view
@external
def predict(x: Bytes[MAX_SAMPLE]) -> uint256:
    return self._predict(sample._position(), len(x), model._identity(), NOBODY, NOBODY)


@view
@external
def scores(x: Bytes[MAX_SAMPLE]) -> DynArray[int256, MAX_CLASSES]:
    """
    @notice For each class the sum of its weights of the features of `x`, and its bias.
    """
    identity: uint256 = model._identity()
    position: uint256 = sample._position()
    self._check_sample(position, len(x), identity)
    scores: DynArray[int256, MAX_CLASSES] = []
    even: uint256 = 0
    odd: uint256 = 0
    for y: uint256 in range(classes._count(model.words[HEADER]), bound=MAX_CLASSES):
        if y & 15 == 0:
            even, odd = self._sums(position, len(x), identity, y)
        scores.append(convert(self._pick(even, odd, y, len(x)), int256) - convert(ZERO, int256))
    return scores


@view
@external
def predict_without(x: Bytes[MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @dev A sample that moved the model changed its own scores by rate · features + bias rate: up for its class, down for the
         rival that the effect names.
    """
    assert y < classes._count(model.words[HEADER]), "model: no such class"
    assert effect <= classes._count(model.words[HEADER]), "model: no such class"
    if effect == 0:
        return self._predict(sample._position(), len(x), model._identity(), NOBODY, NOBODY)
    return self._predict(sample._position(), len(x), model._identity(), y, effect - 1)


@view
@external
def evaluate(rows: Bytes[MAX_ROWS]) -> uint256:
    identity: uint256 = model._identity()
    class_count: uint256 = classes._count(model.words[HEADER])
    position: uint256 = sample._position()
    end: uint256 = position + len(rows)
    errors: uint256 = 0
    for i: uint256 in range(MAX_ROWS):
        if position == end:
            break
        y: uint256 = 0
        size: uint256 = 0
        y, size = sample._row(position, end)
        assert y < class_count, "model: no such class"
        position = unsafe_add(position, sample.ROW_HEAD)
        if self._predict(position, size, identity, NOBODY, NOBODY) != y:
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @return 0 where the sample left the model as it was, else 1 + the rival, the class that moved down.
    """
    identity: uint256 = model._identity()
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header_word: uint256 = model.words[HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    class_count: uint256 = classes._count(header_word)
    assert y < class_count, "model: no such class"
    position: uint256 = sample._position()
    self._check_sample(position, len(x), identity)
    own: uint256 = 0
    most: uint256 = 0
    rival: uint256 = NOBODY
    even: uint256 = 0
    odd: uint256 = 0
    for c: uint256 in range(class_count, bound=MAX_CLASSES):
        if c & 15 == 0:
            even, odd = self._sums(position, len(x), identity, c)
        score: uint256 = self._pick(even, odd, c, len(x))
        if c == y:
            own = score
        elif score > most:
            most = score
            rival = c
    # safe: no term has more than 42 bits. A rival with a lower index wins a tie
    if rival == NOBODY or own >= unsafe_add(most, max((identity >> MARGIN) & MASK_24, 1 if rival < y else 0)):
        return 0
    model.words[HEADER] = model._count_update(header_word)
    self._move(SIGNS, y, position, len(x), identity)
    self._move(~SIGNS, rival, position, len(x), identity)
    return unsafe_add(rival, 1)  # safe: a class


@internal
def _move(flip: uint256, y: uint256, position: uint256, size: uint256, identity: uint256):
    """
    @dev Moves the weights of a class for a sample, which `_sums` has checked, by the rate, and the bias by its own.
    @param flip What makes a word's lanes such that moving them is adding: `SIGNS` to move up; all other bits to move down,
                because the complement of a lane falls where the lane rises.
    """
    rate: uint256 = identity << (256 - RATE - 16) >> 240 << 240  # in the highest lane
    limit: uint256 = unsafe_sub(ALL, rate)  # above it adding the rate to the highest lane overflows
    lanes: uint256 = self._lanes(identity)
    # the bias
    word: uint256 = unsafe_add(1, y >> 4)
    lane: uint256 = (y & 15) << 4
    bias_rate: uint256 = ((identity >> BIAS_RATE) & MASK_16) << 240
    packed: uint256 = model.words[word] ^ flip
    assert packed << lane <= unsafe_sub(ALL, bias_rate), "perceptron: bias out of range"
    packed = unsafe_add(packed, bias_rate >> lane)
    # the weights
    first: uint256 = unsafe_add(unsafe_add(16, lanes), y)  # the lane of the class for feature 0, the header counted
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)
    end: uint256 = position
    for i: uint256 in range(MAX_CHUNKS):
        end = unsafe_add(end, count << 1)
        # as `sample._chunk` reads it, without its checks
        chunk: uint256 = convert(slice(msg.data, unsafe_sub(end, 32), 32), uint256) << unsafe_sub(256, count << 4)
        for j: uint256 in range(count, bound=16):
            lane = unsafe_add(unsafe_mul(chunk >> 240, lanes), first)  # safe: below 2^25
            if lane >> 4 != word:
                model.words[word] = packed ^ flip
                word = lane >> 4
                packed = model.words[word] ^ flip
            lane = (lane & 15) << 4
            # the lane in the highest bits, and others below it, must not overflow
            assert packed << lane <= limit, "perceptron: weight out of range"
            packed = unsafe_add(packed, rate >> lane)
            chunk <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    model.words[word] = packed ^ flip


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _predict(position: uint256, size: uint256, identity: uint256, up: uint256, down: uint256) -> uint256:
    """
    @dev The class of the sample; the sample is checked here too.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    @param up The class that the sample has moved up, which is not to count, or `NOBODY`.
    @param down The class that it has moved down, or `NOBODY`.
    """
    self._check_sample(position, size, identity)
    # safe: at most 2^10 rates of 16 bits and one
    step: uint256 = unsafe_add(unsafe_mul((identity >> RATE) & MASK_16, size >> 1), (identity >> BIAS_RATE) & MASK_16)
    best: uint256 = 0
    most: uint256 = 0
    even: uint256 = 0
    odd: uint256 = 0
    for y: uint256 in range(classes._count(model.words[HEADER]), bound=MAX_CLASSES):
        if y & 15 == 0:
            even, odd = self._sums(position, size, identity, y)
        score: uint256 = self._pick(even, odd, y, size)
        if y == up:
            score = unsafe_sub(score, step)  # safe: scores inside are above 2^39, steps below 2^27
        if y == down:
            score = unsafe_add(score, step)
        if score > most:
            most = score
            best = y
    return best


@internal
@view
def _check_sample(position: uint256, size: uint256, identity: uint256):
    """
    @dev All but the order, before any expensive work. Safe: more than 32 bytes stand before the sample.
    """
    assert size > 0, "sample: empty"
    assert size & 1 == 0, "sample: odd length"
    assert size <= MAX_SAMPLE, "sample: more than 1,024 features"
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
    word: uint256 = unsafe_add(1, y >> 4)
    packed: uint256 = model.words[word] ^ SIGNS
    even: uint256 = (packed >> 16) & EVEN
    odd: uint256 = packed & EVEN
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
                packed = model.words[word] ^ SIGNS
            weights: uint256 = packed << ((lane & 15) << 4)
            even = unsafe_add(even, (weights >> 16) & EVEN)
            odd = unsafe_add(odd, weights & EVEN)
            chunk <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    return even, odd


@internal
@pure
def _pick(even: uint256, odd: uint256, y: uint256, size: uint256) -> uint256:
    """
    @dev The score of class y and `ZERO`, from what `_sums` returned for its 16 classes. Safe: 2^40, and at most 2^10 + 1 times
         2^15 too much.
    """
    sums: uint256 = odd if y & 1 == 1 else even
    return unsafe_sub(
        unsafe_add((sums >> unsafe_sub(224, (y & 14) << 4)) & MASK_32, ZERO), unsafe_mul(unsafe_add(size >> 1, 1), 2**15)
    )


@internal
@view
def _room() -> uint256:
    return (model._identity() >> ROOM) & 255


@internal
@view
def _word_count() -> uint256:
    identity: uint256 = model._identity()
    return 1 + (((identity >> N_FEATURES) + 1) * self._lanes(identity) + 15) // 16


# ---- classes --------------------------------------------------------------------------------------------------------

@external
def load_class(start: uint256, weights: DynArray[uint256, MAX_WORDS]):
    """
    @notice Write bias and weights for the class that will be added next, where they are too many for one transaction. Only the
            owner may.
    @param start Where the last call ended, or 0 to start again.
    @param weights 16 to a word, the first in the highest bits: the bias, the weights, zeros.
    """
    self._load_class(start, weights)


@external
def add_class(name: String[255], weights: DynArray[uint256, MAX_WORDS]):
    """
    @notice Add a class. Only the owner may.
    @param name Not empty, and not the name of another class.
    @param weights Its bias and weights, 16 to a word, after those that `load_class` has loaded; none for zeros.
    """
    if len(weights) > 0:
        self._load_class(model.words[HEADER] & MASK_32, weights)
    classes._add(name, HEADER, self._room())
    loaded: uint256 = model.words[HEADER] & MASK_32
    assert loaded == 0 or loaded == (model._identity() >> N_FEATURES) + 1, "classes: all weights are needed"
    model.words[HEADER] = unsafe_sub(model.words[HEADER], loaded)  # safe: its lowest bits


@internal
def _load_class(start: uint256, weights: DynArray[uint256, MAX_WORDS]):
    ownership._check_owner()
    header_word: uint256 = model.words[HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    y: uint256 = classes._count(header_word)
    assert y < self._room(), "classes: too many"
    assert len(weights) > 0, "classes: no weights"
    assert start == 0 or start == header_word & MASK_32, "classes: weights out of order"
    identity: uint256 = model._identity()
    lanes: uint256 = self._lanes(identity)
    rows: uint256 = (identity >> N_FEATURES) + 1
    row: uint256 = start
    for sixteen: uint256 in weights:
        assert row < rows, "classes: more weights than features"
        rest: uint256 = sixteen
        for j: uint256 in range(16):
            if row == rows:
                assert rest == 0, "classes: more weights than features"
                break
            lane: uint256 = 16 + row * lanes + y
            position: uint256 = 240 - 16 * (lane & 15)
            model.words[lane >> 4] = (model.words[lane >> 4] & ~(MASK_16 << position)) | ((rest >> 240) << position)
            rest <<= 16
            row += 1
    model.words[HEADER] = (header_word & ~MASK_32) | row


# ---- state ----------------------------------------------------------------------------------------------------------

@view
@external
def word_count() -> uint256:
    return self._word_count()


@view
@external
def words(start: uint256, count: uint256) -> DynArray[uint256, MAX_WORDS]:
    return model._read(start, count, self._word_count(), HEADER)


@external
def load(start: uint256, words: DynArray[uint256, MAX_WORDS]):
    model._load(start, words, self._word_count(), HEADER)


@external
def seal():
    ownership._check_owner()
    classes._check(HEADER, self._room())
    model._seal(HEADER)
