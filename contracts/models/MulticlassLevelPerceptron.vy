# pragma version 0.4.3
"""
@title MulticlassLevelPerceptron
@notice A perceptron with one weight vector and bias for each class, up to 255, on sparse samples, whose steps fall with the use of
        each feature in each class, with a margin.
@dev A sample y that is classified wrongly, or rightly but by less than the margin, moves the weights of its features, each by its
     own step, 32 / 2^level, and the bias by its rate: up for class y, down for its rival, the highest of the other classes (of
     equals the lowest index). Levels rise as those of `LevelPerceptron` do, here for each feature in each class.

     State, parameters, the longest sample and classes that are added: see the module `sparse_many`. A lane is a weight, two's
     complement `int13`, and below it its level in 3 bits; at levels 6 and 7, which only an owner can give, a weight does not move.
     A bias has a lane too, and no level. The lowest 16 bits of the parameters are 0.

     The effect of an update names the rival and, rounded up to a quarter, the mean of the steps that it made.
"""
from ..interfaces import IModel
from ..modules import classes
from ..modules import limits
from ..modules import model
from ..modules import ownership
from ..modules import sample
from ..modules import sparse_many

implements: IModel
initializes: ownership
initializes: model[ownership := ownership]
initializes: classes[model := model, ownership := ownership]
initializes: sparse_many[model := model, classes := classes]

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
    sparse_many.vacant,
    sparse_many.check_state,
    sparse_many.add_class,
    # use
    sparse_many.predict,
    sparse_many.scores,
    sparse_many.evaluate,
    # two-step ownership
    ownership.owner,
    ownership.successor,
    ownership.offer_ownership,
    ownership.accept_ownership,
)

LEVEL_BITS: constant(uint256) = 3
LEVELS: constant(uint256) = 2**LEVEL_BITS - 1
FIRST_STEP: constant(uint256) = 32  # at level 0, in units of the weights
MOST: constant(uint256) = 2**12 - 1  # the largest weight and bias

ALL: constant(uint256) = max_value(uint256)
MASK_16: constant(uint256) = 2**16 - 1
# what makes a word's lanes such that moving weights is adding: their signs to move up; all their other bits to move down, because
# the complement of a weight falls where the weight rises. The levels stay.
UP: constant(uint256) = sparse_many.SIGNS
DOWN: constant(uint256) = sparse_many.SIGNS // 2**15 * (2**15 - 2**LEVEL_BITS)


@deploy
def __init__():
    model.__init__()
    sparse_many.__init__(LEVEL_BITS)


# ---- identity and form ----------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    """
    @notice The name of the implementation.
    """
    return "MulticlassLevelPerceptron"


@view
@external
def layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters, and that they have room for `count` classes.
    @return The number of state words, whatever the number of classes, and the room.
    """
    assert parameters & MASK_16 == 0, "model: unknown parameters"
    return sparse_many._layout(parameters, count)


# ---- use ------------------------------------------------------------------------------------------------------------

@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be if the one contribution `(x, y)` that had this `effect` had never been added, as if it had
            moved the scores of its class and of the rival both by the mean of the steps of these two, rounded up to a quarter.
    @dev A sample that moved the model changed its own scores by the steps of its features and the bias rate: up for its class,
         down for the rival.
    """
    assert y < classes._count(model.state[model.HEADER]), "model: no such class"
    assert effect & 255 <= classes._count(model.state[model.HEADER]), "model: no such class"
    assert effect <= MASK_16, "model: no such effect"
    identity: uint256 = model._identity()
    if effect & 255 == 0:
        return sparse_many._predict(sample._position(), len(x), identity, sparse_many.NOBODY, sparse_many.NOBODY, 0)
    # safe: at most 2^10 times 2^8, and 2^16
    step: uint256 = unsafe_add(
        unsafe_add(unsafe_mul(effect >> 8, len(x) >> 1), 3) >> 2, (identity >> sparse_many.BIAS_RATE) & MASK_16
    )
    return sparse_many._predict(sample._position(), len(x), identity, y, unsafe_sub(effect & 255, 1), step)


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @return 0 where the sample left the model as it was, else 1 + the rival, the class that moved down, in the lowest 8 bits, and
            above them four times the mean step, rounded up.
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
    class_count: uint256 = classes._count(header_word)
    assert y < class_count, "model: no such class"
    position: uint256 = sample._position()
    own: uint256 = 0
    most: uint256 = 0
    rival: uint256 = 0
    own, most, rival = sparse_many._contest(position, size, identity, header_word, y)
    # safe: no term has more than 42 bits. A rival with a lower index wins a tie
    if rival == sparse_many.NOBODY:
        return 0, y
    first: uint256 = 1 if rival < y else 0
    answer: uint256 = y if own >= unsafe_add(most, first) else rival
    if own >= unsafe_add(most, max((identity >> sparse_many.MARGIN) & sparse_many.MASK_24, first)):
        return 0, answer
    moved: uint256 = model._count_update(header_word)
    model.state[model.HEADER] = moved
    # the largest level that rises: the most, but 4, for which the number of updates is a multiple of 4^level
    factor: uint256 = (moved >> 224) & model.VERSION_MASK
    factor &= unsafe_sub(0, factor)  # the power of two in it
    rising: uint256 = unsafe_add(
        unsafe_add(convert(factor > 3, uint256), convert(factor > 15, uint256)),
        unsafe_add(convert(factor > 63, uint256), convert(factor > 255, uint256)),
    )
    bias_rate: uint256 = (identity >> sparse_many.BIAS_RATE) & MASK_16
    count: uint256 = size >> 1
    step: uint256 = FIRST_STEP
    bias_step: uint256 = bias_rate
    if sparse_many._untrained(y, header_word):
        # what the sample gives the weights, which have level 0, is what the bias gets less; safe: at most 2^5 · 2^10, and halved
        for i: uint256 in range(4):
            if unsafe_mul(step, count) <= MOST:
                break
            step >>= 1
        bias_step = unsafe_sub(MOST + 1, unsafe_mul(step, count))
    steps: uint256 = unsafe_add(
        self._move(UP, y, position, size, identity, bias_step, step, rising),
        self._move(DOWN, rival, position, size, identity, bias_rate, FIRST_STEP, rising),
    )
    # safe: the steps are at most 2^11 · 2^5, and their mean, four times, at most 2^7
    mean: uint256 = unsafe_div(unsafe_add(unsafe_mul(steps, 2), unsafe_sub(count, 1)), count)
    return unsafe_add(rival, 1) | (mean << 8), answer


@internal
def _move(
    flip: uint256,
    y: uint256,
    position: uint256,
    size: uint256,
    identity: uint256,
    bias_step: uint256,
    first_step: uint256,
    rising: uint256,
) -> uint256:
    """
    @dev Moves the weights of a class for a sample, which `_contest` has checked, each by its step, and the bias by its own. No bias
         moves down to that of a class which has not learnt yet.
    @param flip `UP` or `DOWN`.
    @param first_step The step at level 0.
    @param rising The largest level that rises.
    @return The sum of the steps.
    """
    lanes: uint256 = sparse_many._lanes(identity)
    # the bias
    word: uint256 = unsafe_add(1, y >> 4)
    lane: uint256 = (y & 15) << 4
    packed: uint256 = model.state[word] ^ flip
    # safe: 16 bits and 19; where it moves down, the bits of a weight but for the sign are flipped, and one step is left
    assert unsafe_add((packed << lane) >> 240, bias_step << LEVEL_BITS) <= (
        MASK_16 if flip == UP else unsafe_sub(MASK_16, 2**LEVEL_BITS)
    ), "perceptron: bias out of range"
    packed = unsafe_add(packed, (bias_step << (240 + LEVEL_BITS)) >> lane)
    # the weights
    steps: uint256 = 0
    first: uint256 = unsafe_add(unsafe_add(16, lanes), y)  # the lane of the class for feature 0, the header counted
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)
    end: uint256 = position
    for i: uint256 in range(sparse_many.MAX_CHUNKS):
        end = unsafe_add(end, count << 1)
        # as `sample._chunk` reads it, without its checks
        chunk: uint256 = convert(slice(msg.data, unsafe_sub(end, 32), 32), uint256) << unsafe_sub(256, count << 4)
        for j: uint256 in range(count, bound=16):
            lane = unsafe_add(unsafe_mul(chunk >> 240, lanes), first)  # safe: below 2^25
            if lane >> 4 != word:
                model.state[word] = packed ^ flip
                word = lane >> 4
                packed = model.state[word] ^ flip
            lane = (lane & 15) << 4
            level: uint256 = ((packed << lane) >> 240) & LEVELS
            step: uint256 = (first_step >> level) << (240 + LEVEL_BITS)
            # the lane in the highest bits, and others below it, must not overflow
            assert packed << lane <= unsafe_sub(ALL, step), "perceptron: weight out of range"
            steps = unsafe_add(steps, step >> (240 + LEVEL_BITS))
            packed = unsafe_add(packed, (step | (convert(level <= rising, uint256) << 240)) >> lane)
            chunk <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    model.state[word] = packed ^ flip
    return steps
