# pragma version 0.4.3
"""
@title MulticlassDensePerceptron
@notice A perceptron with one weight vector and bias for each class, up to 255, on dense samples, with a margin.
@dev score of a class = Σ w_f · x_f + bias · unit; the highest wins, of equals the lowest index. `unit` is the integer that stands
     for 1.0 in x, so a bias is the weight of a feature that is always 1.0.

     A sample y that is classified wrongly, or rightly but by less than the margin, moves the weights by the learning rate times x
     and the bias by its own rate: up for class y, down for its rival, the highest of the other classes (of equals the lowest
     index). With two classes that start with opposite weights this is `DensePerceptron` with half the margin: its score is half
     the difference of the two scores here. Only samples whose norm is within 2% of `unit` are learnt; those of any norm are
     classified, which changes nothing.

     State: word 0 is the header, see the modules `model` and `classes`. Then the classes, each in as many words as the state of
     `DensePerceptron` has, and in the same order, but with its bias alone where that has the header.

     Parameters, from the lowest bits up: learning rate (8 bits), room for classes (8), bias rate (16), margin (32), number of
     features (16), unit (16). Margin and scores have one unit: that of a weight times that of x. Room and features are limited
     together, so that whatever can be added can be claimed within the gas of one transaction.
"""
from ..interfaces import IModel
from ..modules import classes
from ..modules import lanes
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
MAX_FEATURES: constant(uint256) = 2_048  # one byte each
MAX_UNIT: constant(uint256) = 5_792  # the norm of 2,048 values of 128: samples of a larger unit do not exist
MAX_RATE: constant(uint256) = 128  # with it, a value of 127 moves a weight through a quarter of its range
MAX_BLOCKS: constant(uint256) = MAX_SAMPLE // 32
MAX_ROWS: constant(uint256) = 24_576
MAX_WORDS: constant(uint256) = 640
MAX_TERMS: constant(uint256) = 512
MAX_CARD: constant(uint256) = 4_096
MAX_CLASSES: constant(uint256) = 255
# words of all classes: every use reads them all, at about 2,500 gas each, and an update writes those of two classes, at up to
# 20,100 gas each; 16,777,216 gas is the most that a transaction may use, of which a claim needs some itself
MAX_CLASS_WORDS: constant(uint256) = 4_096
NOBODY: constant(uint256) = max_value(uint256)  # no class

MASK_8: constant(uint256) = 2**8 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1

HEADER: constant(uint256) = 0  # the word with the header
ZERO: constant(uint256) = 2**60  # what is added to scores inside, to do without signs
BIAS: constant(uint256) = 192  # where the bias stands in the last word of a class
# where the parameters stand in the identity word
RATE: constant(uint256) = 160
ROOM: constant(uint256) = 168
BIAS_RATE: constant(uint256) = 176
MARGIN: constant(uint256) = 192
N_FEATURES: constant(uint256) = 224
UNIT: constant(uint256) = 240

# flips the sign bits of the 16 lanes of a word: two's complement to offset binary and back
SIGNS: constant(uint256) = lanes.SIGNS_16


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
    rate: uint256 = parameters & MASK_8
    room: uint256 = (parameters >> 8) & MASK_8
    n_features: uint256 = (parameters >> 64) & MASK_16
    unit: uint256 = parameters >> 80
    assert rate > 0 and rate <= MAX_RATE, "model: learning rate of 1 to 128"
    assert room > 0, "model: room for 1 to 255 classes"
    assert n_features > 0 and n_features <= MAX_FEATURES, "model: 1 to 2,048 features"
    assert unit > 0 and unit <= MAX_UNIT, "model: unit of 1 to 5,792"
    assert room * self._class_words(n_features) <= MAX_CLASS_WORDS, "model: too many classes"
    return model._create(owner, trainer, terms, parameters, card, words, sealed, salt)


@external
def initialize(owner: address, terms: Bytes[MAX_TERMS], words: DynArray[uint256, MAX_WORDS], sealed: bool):
    """
    @notice Called by the implementation when it creates the model.
    """
    model._initialize(owner, terms, words, sealed, self._most_words(), HEADER)
    if sealed:
        classes._check(HEADER, self._room())


# ---- identity -------------------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    return "MulticlassDensePerceptron"


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
    return self._best(self._totals(sample._position(), len(x)))


@view
@external
def scores(x: Bytes[MAX_SAMPLE]) -> DynArray[int256, MAX_CLASSES]:
    """
    @notice For each class Σ w_f · x_f + bias · unit.
    """
    totals: DynArray[uint256, MAX_CLASSES] = self._totals(sample._position(), len(x))
    scores: DynArray[int256, MAX_CLASSES] = []
    for total: uint256 in totals:
        scores.append(convert(total, int256) - convert(ZERO, int256))
    return scores


@view
@external
def predict_without(x: Bytes[MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @dev A sample that moved the model changed its own scores by rate · ‖x‖² + bias rate · unit: up for its class, down for the
         rival that the effect names.
    """
    class_count: uint256 = classes._count(model.words[HEADER])
    assert y < class_count and effect <= class_count, "model: no such class"
    position: uint256 = sample._position()
    totals: DynArray[uint256, MAX_CLASSES] = self._totals(position, len(x))
    if effect > 0:
        identity: uint256 = model._identity()
        step: uint256 = ((identity >> RATE) & MASK_8) * sample._squared_norm(position, len(x)) + (
            (identity >> BIAS_RATE) & MASK_16
        ) * (identity >> UNIT)
        totals[y] -= step
        totals[effect - 1] += step
    return self._best(totals)


@view
@external
def evaluate(rows: Bytes[MAX_ROWS]) -> uint256:
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
        if self._best(self._totals(position, size)) != y:
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it. The norm of `x` must be within 2% of the unit.
    @return 0 where the sample left the model as it was, else 1 + the rival, the class that moved down.
    """
    identity: uint256 = model._identity()
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header_word: uint256 = model.words[HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < classes._count(header_word), "model: no such class"
    position: uint256 = sample._position()
    totals: DynArray[uint256, MAX_CLASSES] = self._totals(position, len(x))
    sample._check_norm(sample._squared_norm(position, len(x)), identity >> UNIT)
    most: uint256 = 0
    rival: uint256 = NOBODY
    c: uint256 = 0
    for total: uint256 in totals:
        if c != y and total > most:
            most = total
            rival = c
        c = unsafe_add(c, 1)
    # safe: no term has more than 61 bits. A rival with a lower index wins a tie
    if rival == NOBODY or totals[y] >= unsafe_add(most, max((identity >> MARGIN) & MASK_32, 1 if rival < y else 0)):
        return 0
    model.words[HEADER] = model._count_update(header_word)
    rate: uint256 = (identity >> RATE) & MASK_8
    bias_rate: uint256 = (identity >> BIAS_RATE) & MASK_16
    self._move(y, position, len(x), rate, bias_rate)
    # down, modulo 2^256
    self._move(rival, position, len(x), unsafe_sub(0, rate), unsafe_sub(0, bias_rate))
    return unsafe_add(rival, 1)  # safe: a class


@internal
def _move(y: uint256, position: uint256, size: uint256, rate: uint256, bias_rate: uint256):
    """
    @dev Moves the weights of a class by the rate times the sample, and the bias by its own rate. Either may be below 0, modulo 2^256.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes, which is right.
    """
    class_words: uint256 = self._class_words(size)
    word: uint256 = unsafe_add(unsafe_mul(y, class_words), 1)
    last: uint256 = unsafe_sub(unsafe_add(word, class_words), 1)
    for i: uint256 in range(size >> 5, bound=MAX_BLOCKS):
        step: uint256 = lanes._reversed(sample._block(unsafe_add(position, i << 5)) ^ lanes.SIGNS_8)
        self._move_word(word, step >> 8, rate)
        self._move_word(unsafe_add(word, 1), step, rate)
        word = unsafe_add(word, 2)
    rest: uint256 = size & 31
    if rest > 0:
        step: uint256 = sample._last_block(unsafe_add(position, size), rest)
        if rest <= 16:
            step = lanes._spread_half(step)
        step = lanes._reversed(step ^ lanes.SIGNS_8)
        if rest > 16:
            self._move_word(word, step >> 8, rate)
            word = unsafe_add(word, 1)
        self._move_word(word, step, rate)
    packed: uint256 = model.words[last]
    bias: uint256 = unsafe_add(((packed >> BIAS) & MASK_32) ^ 2**31, bias_rate)
    assert bias <= MASK_32, "perceptron: bias out of range"
    model.words[last] = (packed & ~(MASK_32 << BIAS)) | ((bias ^ 2**31) << BIAS)


@internal
def _move_word(word: uint256, step: uint256, rate: uint256):
    """
    @param step 16 values as `lanes._moved` takes them: 0 where the lane has no weight, so that a bias there stays.
    """
    packed: uint256 = 0
    spilt: bool = False
    packed, spilt = lanes._moved(model.words[word] ^ SIGNS, step, rate)
    assert not spilt, "perceptron: weight out of range"
    model.words[word] = packed ^ SIGNS


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _totals(position: uint256, size: uint256) -> DynArray[uint256, MAX_CLASSES]:
    """
    @dev The score of each class, and `ZERO`; the sample's length is checked here too. A bias is added with its sign bit flipped,
         so it counts 2^31 too much. Safe: 2^60, 65 values of 32 bits, and one of 32 bits times one of 13.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    """
    identity: uint256 = model._identity()
    assert size == (identity >> N_FEATURES) & MASK_16, "sample: wrong dimension"
    blocks: DynArray[uint256, MAX_BLOCKS] = []
    for i: uint256 in range(size >> 5, bound=MAX_BLOCKS):
        blocks.append(sample._block(unsafe_add(position, i << 5)) ^ lanes.SIGNS_8)
    rest: uint256 = size & 31
    last_block: uint256 = 0
    if rest > 0:
        last_block = sample._last_block(unsafe_add(position, size), rest)
        if rest <= 16:
            last_block = lanes._spread_half(last_block)
        last_block ^= lanes.SIGNS_8
    unit: uint256 = identity >> UNIT
    zero: uint256 = unsafe_sub(
        ZERO, unsafe_add(unit << 31, unsafe_mul(unsafe_add(size, 31) >> 5, lanes.DOT_ZERO))
    )
    class_words: uint256 = self._class_words(size)
    first: uint256 = 1
    totals: DynArray[uint256, MAX_CLASSES] = []
    for y: uint256 in range(classes._count(model.words[HEADER]), bound=MAX_CLASSES):
        total: uint256 = zero
        word: uint256 = first
        for packed: uint256 in blocks:
            total = unsafe_add(
                total,
                lanes._dot(packed, model.words[word] ^ SIGNS, model.words[unsafe_add(word, 1)] ^ SIGNS),
            )
            word = unsafe_add(word, 2)
        if rest > 16:
            total = unsafe_add(
                total,
                lanes._dot(last_block, model.words[word] ^ SIGNS, model.words[unsafe_add(word, 1)] ^ SIGNS),
            )
        elif rest > 0:
            total = unsafe_add(total, lanes._dot_half(last_block, model.words[word] ^ SIGNS))
        first = unsafe_add(first, class_words)
        bias: uint256 = ((model.words[unsafe_sub(first, 1)] >> BIAS) & MASK_32) ^ 2**31
        totals.append(unsafe_add(total, unsafe_mul(unit, bias)))
    return totals


@internal
@pure
def _best(totals: DynArray[uint256, MAX_CLASSES]) -> uint256:
    best: uint256 = 0
    most: uint256 = 0
    y: uint256 = 0
    for total: uint256 in totals:
        if total > most:
            most = total
            best = y
        y = unsafe_add(y, 1)
    return best


@internal
@pure
def _class_words(n_features: uint256) -> uint256:
    """
    @dev Of the 16 lanes of a class's last word of weights, the bias needs two without a feature, and the upper four belong to the
         features 9, 11, 13 and 15 of 16, so it fits beside 1 to 9 of them.
    """
    return unsafe_add(n_features, 22) >> 4


@internal
@view
def _room() -> uint256:
    return (model._identity() >> ROOM) & MASK_8


@internal
@view
def _word_count() -> uint256:
    return 1 + classes._count(model.words[HEADER]) * self._class_words((model._identity() >> N_FEATURES) & MASK_16)


@internal
@view
def _most_words() -> uint256:
    """
    @dev The number of words of a model with all the classes there is room for.
    """
    return 1 + self._room() * self._class_words((model._identity() >> N_FEATURES) & MASK_16)


# ---- classes --------------------------------------------------------------------------------------------------------

@external
def add_class(name: String[255], weights: DynArray[uint256, MAX_WORDS]):
    """
    @notice Add a class. Only the owner may.
    @param name Not empty, and not the name of another class.
    @param weights The words of the class as they stand in the state, its bias in the last; none for zeros.
    """
    y: uint256 = classes._add(name, HEADER, self._room())
    class_words: uint256 = self._class_words((model._identity() >> N_FEATURES) & MASK_16)
    assert len(weights) == 0 or len(weights) == class_words, "perceptron: weights of the wrong length"
    word: uint256 = 1 + y * class_words
    for packed: uint256 in weights:
        model.words[word] = packed
        word += 1
    if len(weights) == 0:
        # what was loaded for a class that was not there is nothing
        for i: uint256 in range(class_words, bound=MAX_BLOCKS * 2 + 1):
            model.words[word + i] = 0


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
    model._load(start, words, self._most_words(), HEADER)


@external
def seal():
    ownership._check_owner()
    classes._check(HEADER, self._room())
    model._seal(HEADER)
