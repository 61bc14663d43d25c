# pragma version 0.4.3
"""
@title LevelPerceptron
@notice A perceptron with two classes on sparse samples whose steps fall with each feature's own use, with a margin and a trained bias.
@dev score = Σ w_i over the features i that are present + bias; class 1 where it is above 0, else class 0.

     A sample that is classified wrongly, or rightly but by less than the margin, moves the weights of its features, each by its own
     step, 32 / 2^level, and the bias by its rate, up for class 1 and down for class 0. Levels begin at 0 and end at 5. A feature's
     level rises when the number of updates, this one counted, is a multiple of 4^level: after n of its updates its step is about
     32 / √(2n), as AdaGrad's is (Duchi, Hazan and Singer 2011), and no counter is needed. So what many samples have said is not
     unsaid by one, while a word that is seen for the first time counts in full.

     State, parameters and the longest sample: see the module `sparse_two`. A lane is a weight, two's complement `int13`, and
     below it the feature's level in 3 bits; at levels 6 and 7, which only an owner can give, a weight does not move. The lowest
     16 bits of the parameters are 0.
"""
from ..interfaces import IModel
from ..modules import limits
from ..modules import model
from ..modules import ownership
from ..modules import sample
from ..modules import sparse_two

implements: IModel
initializes: ownership
initializes: model[ownership := ownership]
initializes: sparse_two[model := model]

exports: (
    # who and what
    model.implementation,
    model.trainer,
    model.parameters,
    model.name,
    model.description,
    model.encoder_spec,
    sparse_two.class_count,
    sparse_two.class_name,
    sparse_two.bias,
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
    sparse_two.vacant,
    sparse_two.check_state,
    # use
    sparse_two.predict,
    sparse_two.score,
    sparse_two.scores,
    sparse_two.evaluate,
    # two-step ownership
    ownership.owner,
    ownership.successor,
    ownership.offer_ownership,
    ownership.accept_ownership,
)

LEVEL_BITS: constant(uint256) = 3
LEVELS: constant(uint256) = 2**LEVEL_BITS - 1
FIRST_STEP: constant(uint256) = 32  # at level 0, in units of the weights

ALL: constant(uint256) = max_value(uint256)
MASK_16: constant(uint256) = 2**16 - 1
# what makes a word's lanes such that moving weights is adding: their signs to move up; all their other bits to move down, because
# the complement of a weight falls where the weight rises. The levels stay.
UP: constant(uint256) = sparse_two.SIGNS
DOWN: constant(uint256) = sparse_two.ONES * (2**15 - 2**LEVEL_BITS)
# the same for the bias
BIAS_UP: constant(uint256) = 2**31 << sparse_two.BIAS
BIAS_DOWN: constant(uint256) = (2**31 - 1) << sparse_two.BIAS


@deploy
def __init__():
    model.__init__()
    sparse_two.__init__(LEVEL_BITS)


# ---- identity and form ----------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    """
    @notice The name of the implementation.
    """
    return "LevelPerceptron"


@pure
@external
def layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters.
    @return The number of state words, and 0: the number of classes is fixed.
    """
    assert parameters & MASK_16 == 0, "model: unknown parameters"
    return sparse_two._layout(parameters)


@view
@external
def level(feature: uint256) -> uint256:
    """
    @notice The level of a feature, 0 to 7: how far its step has fallen.
    """
    assert feature < model._identity() >> sparse_two.N_FEATURES, "sample: index out of range"
    lane: uint256 = feature + sparse_two.HEADER_LANES
    return (model.state[lane >> 4] >> (240 - 16 * (lane & 15))) & LEVELS


# ---- use ------------------------------------------------------------------------------------------------------------

@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be if the one contribution `(x, y)` that had this `effect` had never been added.
    @dev A sample that moved the model changed its own score by the steps of its features, which are the effect less 1, + bias
         rate, up for class 1.
    """
    if effect == 0:
        return 1 if sparse_two._score(len(x)) > sparse_two.ZERO else 0
    assert effect <= MASK_16, "model: no such effect"
    if y == 1:
        return 1 if sparse_two._score(len(x)) > sparse_two.ZERO + self._step(effect) else 0
    return 1 if sparse_two._score(len(x)) + self._step(effect) > sparse_two.ZERO else 0


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @return 0 where the sample left the model as it was, else 1 + the sum of the steps of its features.
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
    assert y < 2, "model: no such class"
    position: uint256 = sample._position()
    total: uint256 = sparse_two._total(header_word, position, size, identity >> sparse_two.N_FEATURES)
    margin: uint256 = (identity >> sparse_two.MARGIN) & sparse_two.MASK_32
    answer: uint256 = 1 if total > sparse_two.ZERO else 0
    # safe: no term has more than 41 bits
    if y == 1:
        if total >= unsafe_add(sparse_two.ZERO, max(1, margin)):
            return 0, answer
        return self._move(UP, header_word, position, size, identity), answer
    if sparse_two.ZERO >= unsafe_add(total, margin):
        return 0, answer
    return self._move(DOWN, header_word, position, size, identity), answer


@internal
def _move(flip: uint256, header_word: uint256, position: uint256, size: uint256, identity: uint256) -> uint256:
    """
    @dev Moves the weights of a sample, which `_total` has checked, each by its step, and the bias by its rate.
    @param flip `UP` or `DOWN`.
    @return The effect: 1 + the sum of the steps.
    """
    bias_rate: uint256 = (identity >> sparse_two.BIAS_RATE) & MASK_16
    packed: uint256 = model._count_update(header_word)
    # the largest level that rises: the most, but 4, for which the number of updates is a multiple of 4^level
    factor: uint256 = (packed >> 224) & model.VERSION_MASK
    factor &= unsafe_sub(0, factor)  # the power of two in it
    rising: uint256 = unsafe_add(
        unsafe_add(convert(factor > 3, uint256), convert(factor > 15, uint256)),
        unsafe_add(convert(factor > 63, uint256), convert(factor > 255, uint256)),
    )
    bias_flip: uint256 = BIAS_UP if flip == UP else BIAS_DOWN
    packed ^= bias_flip
    assert ((packed >> sparse_two.BIAS) & sparse_two.MASK_32) + bias_rate <= sparse_two.MASK_32, "perceptron: bias out of range"
    packed = unsafe_add(packed, bias_rate << sparse_two.BIAS) ^ bias_flip ^ flip  # safe: the lane does not overflow
    steps: uint256 = 0
    word: uint256 = model.HEADER
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)
    end: uint256 = position
    for i: uint256 in range(limits.MAX_SAMPLE // 32):
        end = unsafe_add(end, count << 1)
        # as `sample._chunk` reads it, without its checks
        lanes: uint256 = convert(slice(msg.data, unsafe_sub(end, 32), 32), uint256) << unsafe_sub(256, count << 4)
        lanes = unsafe_add(lanes, sparse_two.SHIFT)
        for j: uint256 in range(count, bound=16):
            if lanes >> 244 != word:
                model.state[word] = packed ^ flip
                word = lanes >> 244
                packed = model.state[word] ^ flip
            place: uint256 = (lanes >> 236) & 240  # of the lane, from the word's highest bit
            level: uint256 = ((packed << place) >> 240) & LEVELS
            step: uint256 = (FIRST_STEP >> level) << (240 + LEVEL_BITS)
            # the lane in the highest bits, and others below it, must not overflow
            assert packed << place <= unsafe_sub(ALL, step), "perceptron: weight out of range"
            steps = unsafe_add(steps, step >> (240 + LEVEL_BITS))
            packed = unsafe_add(packed, (step | (convert(level <= rising, uint256) << 240)) >> place)
            lanes <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    model.state[word] = packed ^ flip
    return unsafe_add(steps, 1)  # safe: at most 2^10 · 2^5


@internal
@view
def _step(effect: uint256) -> uint256:
    """
    @dev By how much the contribution that had this effect has moved its own score.
    """
    return effect - 1 + ((model._identity() >> sparse_two.BIAS_RATE) & MASK_16)
