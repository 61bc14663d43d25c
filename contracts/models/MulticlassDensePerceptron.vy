# pragma version 0.4.3
"""
@title MulticlassDensePerceptron
@notice A perceptron with one weight vector and bias for each class, up to 255, on dense samples, with a margin.
@dev score of a class = Σ w_f · x_f + bias · unit; the highest wins, of equals the lowest index. `unit` is the integer that
     stands for 1.0 in x, so a bias is the weight of a feature that is always 1.0.

     A sample y that is classified wrongly, or rightly but by less than the margin, moves the weights by the learning rate
     times x and the bias by its own rate: up for class y, down for its rival, the highest of the other classes (of equals
     the lowest index). With two classes that start with opposite weights this is `DensePerceptron` with half the margin:
     its score is half the difference of the two scores here. Only samples whose norm is within 2% of `unit` are learnt;
     those of any norm are classified, which changes nothing.

     A class that was added counts only where its score is above 0: elsewhere it is no answer and no rival. It begins with weights 0
     and a bias so far below 0 that its first sample, whatever it is, leaves the score of every sample with a norm within 2% of `unit`
     at 0 or below: neither adding nor the first sample makes it win anything, whatever the other classes' weights. From then on
     it learns as all do. Where the rate falls, it begins as far below at any time, so a late one needs up to 2^fall samples more.

     State: word 0 is the header, see the modules `model`, `classes` and, for a rate that falls, `falling`. Then the classes, each in as many words as the state
     of `DensePerceptron` has, and in the same order, but with its bias alone where that has the header.

     Parameters, from the lowest bits up: learning rate (8 bits), room for classes (8), bias rate (16), margin (32), number
     of features (12), fall (4), unit (16). Margin and scores have one unit: that of a weight times that of x. Where there is a
     fall, rates and margin are those at which it ends, see the module `falling`. Room and features are limited together, so that
     whatever can be added can be claimed within the gas of one transaction.
"""
from ..interfaces import IModel
from ..modules import classes
from ..modules import falling
from ..modules import lanes
from ..modules import limits
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
    classes.class_count,
    classes.class_name,
    # birth
    model.create,
    model.create_replica,
    model.initialize,
    # state
    model.version,
    model.sealed,
    model.word_count,
    model.words,
    model.load,
    model.seal,
    # two-step ownership
    ownership.owner,
    ownership.successor,
    ownership.offer_ownership,
    ownership.accept_ownership,
)

MAX_FEATURES: constant(uint256) = 2_048  # one byte each
MAX_UNIT: constant(uint256) = 5_792  # the norm of 2,048 values of 128: samples of a larger unit do not exist
MAX_RATE: constant(uint256) = 128  # with it, a value of 127 moves a weight through a quarter of its range
MAX_BLOCKS: constant(uint256) = limits.MAX_SAMPLE // 32
# words of all classes: every use reads them all, at about 2,500 gas each, and an update writes those of two classes, at up to
# 20,100 gas each; 16,777,216 gas is the most that a transaction may use, of which a claim needs some itself
MAX_CLASS_WORDS: constant(uint256) = 4_096
NEVER: constant(uint256) = 0  # the score inside of a class that does not count
NOBODY: constant(uint256) = max_value(uint256)  # no class

MASK_8: constant(uint256) = 2**8 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1

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

# ---- identity -------------------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    """
    @notice The name of the implementation.
    """
    return "MulticlassDensePerceptron"


# ---- form -----------------------------------------------------------------------------------------------------------

@view
@external
def layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters, and that they have room for `count` classes.
    @return The number of state words with them, and the room.
    """
    rate: uint256 = parameters & MASK_8
    room: uint256 = (parameters >> 8) & MASK_8
    n_features: uint256 = (parameters >> 64) & falling.MASK_12
    fall: uint256 = (parameters >> 76) & falling.MASK_4
    unit: uint256 = parameters >> 80
    assert fall <= falling.MAX_FALL, "model: fall of 0 to 5"
    assert rate > 0 and rate << fall <= MAX_RATE, "model: learning rate of 1 to 128"
    assert room > 0, "model: room for 1 to 255 classes"
    assert n_features > 0 and n_features <= MAX_FEATURES, "model: 1 to 2,048 features"
    assert unit > 0 and unit <= MAX_UNIT, "model: unit of 1 to 5,792"
    assert room * self._class_words(n_features) <= MAX_CLASS_WORDS, "model: too many classes"
    assert count <= room, "classes: too many"
    return 1 + count * self._class_words(n_features), room


@pure
@external
def vacant(parameters: uint256, count: uint256, position: uint256) -> uint256:
    """
    @notice The bits of a state word that belong to classes which are not there: none, because a class has words of its own.
    """
    return 0


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
    return self._best(self._totals(sample._position(), len(x)))


@view
@external
def scores(x: Bytes[limits.MAX_SAMPLE]) -> DynArray[int256, limits.MAX_CLASSES]:
    """
    @notice For each class Σ w_f · x_f + bias · unit.
    """
    totals: DynArray[uint256, limits.MAX_CLASSES] = self._totals(sample._position(), len(x))
    scores: DynArray[int256, limits.MAX_CLASSES] = []
    last_founder: uint256 = classes._last_founder(model.state[model.HEADER])
    y: uint256 = 0
    for total: uint256 in totals:
        if y > last_founder and total <= ZERO:
            scores.append(min_value(int256))
        else:
            scores.append(convert(total, int256) - convert(ZERO, int256))
        y = unsafe_add(y, 1)
    return scores


@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be if the one contribution `(x, y)` that had this `effect` had never been added.
    @dev A sample that moved the model changed its own scores by rate · ‖x‖² + bias rate · unit, at the rates that the effect says:
         up for its class, down for the rival that it names.
    """
    class_count: uint256 = classes._count(model.state[model.HEADER])
    identity: uint256 = model._identity()
    rival: uint256 = effect & MASK_8
    assert y < class_count and rival <= class_count, "model: no such class"
    assert effect >> falling.EFFECT <= (identity >> falling.FALL) & falling.MASK_4, "model: no such effect"
    position: uint256 = sample._position()
    totals: DynArray[uint256, limits.MAX_CLASSES] = self._totals(position, len(x))
    if rival > 0:
        step: uint256 = (
            ((identity >> RATE) & MASK_8) * sample._squared_norm(position, len(x))
            + ((identity >> BIAS_RATE) & MASK_16) * (identity >> UNIT)
        ) << (effect >> falling.EFFECT)
        totals[y] -= step
        totals[rival - 1] += step
    return self._best(totals)


@view
@external
def evaluate(rows: Bytes[limits.MAX_ROWS]) -> uint256:
    """
    @notice The number of rows whose class the model gets wrong.
    """
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
        if self._best(self._totals(position, size)) != y:
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it. The norm of `x` must be within 2% of the unit.
    @return 0 where the sample left the model as it was, else 1 + the rival, the class that moved down, and above 8 bits how often
            the last rate was doubled.
    """
    return self._update(len(x), y)[0]


@external
def learn(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> (uint256, uint256):
    """
    @notice As `update`, and the class that `predict` gave to `x` before. Only the trainer may call it.
    @return The effect, and that class.
    """
    return self._update(len(x), y)


@internal
def _update(size: uint256, y: uint256) -> (uint256, uint256):
    """
    @dev What `learn` does; `x`, the first argument of the external call, is read where it stands.
    @param size The length of `x` in bytes.
    """
    identity: uint256 = model._identity()
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header_word: uint256 = model.state[model.HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < classes._count(header_word), "model: no such class"
    position: uint256 = sample._position()
    totals: DynArray[uint256, limits.MAX_CLASSES] = self._totals(position, size)
    sample._check_norm(sample._squared_norm(position, size), identity >> UNIT)
    last_founder: uint256 = classes._last_founder(header_word)
    most: uint256 = 0
    rival: uint256 = NOBODY
    c: uint256 = 0
    for total: uint256 in totals:
        if c != y and total > most and (c <= last_founder or total > ZERO):
            most = total
            rival = c
        c = unsafe_add(c, 1)
    # safe: no term has more than 61 bits. A rival with a lower index wins a tie
    if rival == NOBODY:
        return 0, y
    first: uint256 = 1 if rival < y else 0
    own: uint256 = totals[y]
    if y > last_founder and own <= ZERO:
        own = NEVER
    answer: uint256 = y if own >= unsafe_add(most, first) else rival
    doublings: uint256 = falling._doublings(identity, header_word)
    if own >= unsafe_add(most, max(((identity >> MARGIN) & MASK_32) << doublings, first)):
        return 0, answer
    model.state[model.HEADER] = unsafe_add(
        model._count_update(header_word), convert(doublings > 0, uint256) << falling.COUNT
    )
    rate: uint256 = ((identity >> RATE) & MASK_8) << doublings
    bias_rate: uint256 = ((identity >> BIAS_RATE) & MASK_16) << doublings
    self._move(y, position, size, rate, bias_rate)
    # down, modulo 2^256
    self._move(rival, position, size, unsafe_sub(0, rate), unsafe_sub(0, bias_rate))
    return unsafe_add(unsafe_add(rival, 1), doublings << falling.EFFECT), answer  # safe: a class and 3 bits


@internal
def _move(y: uint256, position: uint256, size: uint256, rate: uint256, bias_rate: uint256):
    """
    @dev Moves the weights of a class by the rate times the sample, and the bias by its own rate. Either may be below 0,
         modulo 2^256.
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
    packed: uint256 = model.state[last]
    bias: uint256 = unsafe_add(((packed >> BIAS) & MASK_32) ^ 2**31, bias_rate)
    assert bias <= MASK_32, "perceptron: bias out of range"
    model.state[last] = (packed & ~(MASK_32 << BIAS)) | ((bias ^ 2**31) << BIAS)


@internal
def _move_word(word: uint256, step: uint256, rate: uint256):
    """
    @param step 16 values as `lanes._moved` takes them: 0 where the lane has no weight, so that a bias there stays.
    """
    packed: uint256 = 0
    spilt: bool = False
    packed, spilt = lanes._moved(model.state[word] ^ SIGNS, step, rate)
    assert not spilt, "perceptron: weight out of range"
    model.state[word] = packed ^ SIGNS


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _totals(position: uint256, size: uint256) -> DynArray[uint256, limits.MAX_CLASSES]:
    """
    @dev The score of each class, and `ZERO`; the sample's length is checked here too. A bias is added with its sign bit
         flipped, so it counts 2^31 too much. Safe: 2^60, 65 values of 32 bits, and one of 32 bits times one of 13.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    """
    identity: uint256 = model._identity()
    assert size == (identity >> N_FEATURES) & falling.MASK_12, "sample: wrong dimension"
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
    totals: DynArray[uint256, limits.MAX_CLASSES] = []
    for y: uint256 in range(classes._count(model.state[model.HEADER]), bound=limits.MAX_CLASSES):
        total: uint256 = zero
        word: uint256 = first
        for packed: uint256 in blocks:
            total = unsafe_add(
                total,
                lanes._dot(packed, model.state[word] ^ SIGNS, model.state[unsafe_add(word, 1)] ^ SIGNS),
            )
            word = unsafe_add(word, 2)
        if rest > 16:
            total = unsafe_add(
                total,
                lanes._dot(last_block, model.state[word] ^ SIGNS, model.state[unsafe_add(word, 1)] ^ SIGNS),
            )
        elif rest > 0:
            total = unsafe_add(total, lanes._dot_half(last_block, model.state[word] ^ SIGNS))
        first = unsafe_add(first, class_words)
        bias: uint256 = ((model.state[unsafe_sub(first, 1)] >> BIAS) & MASK_32) ^ 2**31
        totals.append(unsafe_add(total, unsafe_mul(unit, bias)))
    return totals


@internal
@view
def _best(totals: DynArray[uint256, limits.MAX_CLASSES]) -> uint256:
    """
    @dev The class with the highest score, of equals the lowest; of classes that were added, those whose score is above 0.
    """
    last_founder: uint256 = classes._last_founder(model.state[model.HEADER])
    best: uint256 = 0
    most: uint256 = 0
    y: uint256 = 0
    for total: uint256 in totals:
        if total > most and (y <= last_founder or total > ZERO):
            most = total
            best = y
        y = unsafe_add(y, 1)
    return best


@internal
@pure
def _class_words(n_features: uint256) -> uint256:
    """
    @dev Of the 16 lanes of a class's last word of weights, the bias needs two without a feature, and the upper four belong
         to the features 9, 11, 13 and 15 of 16, so it fits beside 1 to 9 of them.
    """
    return unsafe_add(n_features, 22) >> 4


# ---- classes --------------------------------------------------------------------------------------------------------

@external
def add_class(name: String[limits.MAX_TEXT]) -> uint256:
    """
    @notice Add a class, which has learnt nothing yet. Only the owner may, and not while the trainer is busy with the model.
    @param name Not empty, and not the name of another class.
    @return The new class.
    """
    identity: uint256 = model._identity()
    y: uint256 = classes._add(name, (identity >> ROOM) & MASK_8)
    # so low that one sample cannot lift the score above 0: rate · x·x' is at most rate · (1.02 · unit)². By the first rates, also
    # where they have fallen: what a class begins with must not tell when it was added
    fall: uint256 = (identity >> falling.FALL) & falling.MASK_4
    depth: uint256 = ((((identity >> RATE) & MASK_8) << fall) * (identity >> UNIT) * 10_404 + 9_999) // 10_000
    depth += ((identity >> BIAS_RATE) & MASK_16) << fall
    class_words: uint256 = self._class_words((identity >> N_FEATURES) & falling.MASK_12)
    model.state[(y + 1) * class_words] = (2**32 - depth) << BIAS
    return y
