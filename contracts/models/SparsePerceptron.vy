# pragma version 0.4.3
"""
@title SparsePerceptron
@notice A perceptron with two classes on sparse samples, with a margin and a trained bias.
@dev score = Σ w_i over the features i that are present + bias; class 1 where it is above 0, else class 0.

     A sample that is classified wrongly, or rightly but by less than the margin, moves the weights of its features by
     the learning rate and the bias by its own rate, up for class 1 and down for class 0 (slides, "Models"; the margin:
     Krauth and Mézard 1987). Margin 0 and bias rate 0 are the slides' rule.

     State, parameters and the longest sample: see the module `sparse_two`. Weights are `int16`, a lane each; the lowest 16 bits
     of the parameters are the learning rate.
"""
from ..interfaces import IModel
from ..modules import limits
from ..modules import model
from ..modules import ownership
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

RATE: constant(uint256) = 160  # where the learning rate stands in the identity word

ALL: constant(uint256) = max_value(uint256)
MASK_16: constant(uint256) = 2**16 - 1


@deploy
def __init__():
    model.__init__()
    sparse_two.__init__(0)


# ---- identity and form ----------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    """
    @notice The name of the implementation.
    """
    return "SparsePerceptron"


@pure
@external
def layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters.
    @return The number of state words, and 0: the number of classes is fixed.
    """
    assert parameters & MASK_16 > 0, "model: learning rate of 0"
    return sparse_two._layout(parameters)


# ---- use ------------------------------------------------------------------------------------------------------------

@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be if the one contribution `(x, y)` that had this `effect` had never been added.
    @dev A sample that moved the model changed its own score by rate · features + bias rate, up for class 1.
    """
    if effect == 0:
        return 1 if sparse_two._score(len(x)) > sparse_two.ZERO else 0
    if y == 1:
        return 1 if sparse_two._score(len(x)) > sparse_two.ZERO + self._step(len(x)) else 0
    return 1 if sparse_two._score(len(x)) + self._step(len(x)) > sparse_two.ZERO else 0


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @return 0 where the sample left the model as it was, else 1 + the class that lost.
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
    clone: address = self
    identity: uint256 = convert(slice(clone.code, model.IDENTITY, 32), uint256)  # as `model._identity`
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header_word: uint256 = model.state[model.HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < 2, "model: no such class"
    position: uint256 = unsafe_add(convert(slice(msg.data, 4, 32), uint256), 36)  # as `sample._position`
    total: uint256 = sparse_two._total(header_word, position, size, identity >> sparse_two.N_FEATURES)
    margin: uint256 = (identity >> sparse_two.MARGIN) & sparse_two.MASK_32
    answer: uint256 = convert(total > sparse_two.ZERO, uint256)
    # safe: no term has more than 41 bits
    if y == 1:
        if total >= unsafe_add(sparse_two.ZERO, max(1, margin)):
            return 0, answer
        self._move(sparse_two.SIGNS, header_word, position, size, identity)
        return 1, answer
    if sparse_two.ZERO >= unsafe_add(total, margin):
        return 0, answer
    self._move(~sparse_two.SIGNS, header_word, position, size, identity)
    return 2, answer


@internal
def _move(flip: uint256, header_word: uint256, position: uint256, size: uint256, identity: uint256):
    """
    @dev Moves the weights of a sample, which `_total` has checked, by the rate, and the bias by its own.
    @param flip What makes a word's lanes such that moving them is adding: `SIGNS` to move up; all other bits to move down,
                because the complement of a lane falls where the lane rises.
    """
    rate: uint256 = identity << (256 - RATE - 16) >> 240 << 240  # in the highest lane
    limit: uint256 = unsafe_sub(ALL, rate)  # above it adding the rate to the highest lane overflows
    bias_rate: uint256 = (identity >> sparse_two.BIAS_RATE) & MASK_16
    packed: uint256 = model._count_update(header_word) ^ flip ^ sparse_two.BIAS_MIDDLE
    assert ((packed >> sparse_two.BIAS) & sparse_two.MASK_32) + bias_rate <= sparse_two.MASK_32, "perceptron: bias out of range"
    packed = unsafe_add(packed, bias_rate << sparse_two.BIAS) ^ sparse_two.BIAS_MIDDLE  # safe: the lane does not overflow
    word: uint256 = model.HEADER
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)
    end: uint256 = position
    for i: uint256 in range(limits.MAX_SAMPLE // 32):
        end = unsafe_add(end, count << 1)
        # as `sample._chunk` reads it, without its checks
        lanes: uint256 = convert(slice(msg.data, unsafe_sub(end, 32), 32), uint256) << unsafe_sub(256, count << 4)
        lanes = unsafe_add(lanes, sparse_two.SHIFT)
        for j: uint256 in range(count & 3, bound=3):
            if lanes >> 244 != word:
                model.state[word] = packed ^ flip
                word = lanes >> 244
                packed = model.state[word] ^ flip
            # the lane in the highest bits, and others below it, must not overflow
            assert packed << ((lanes >> 236) & 240) <= limit, "perceptron: weight out of range"
            packed = unsafe_add(packed, rate >> ((lanes >> 236) & 240))
            lanes <<= 16
        for j: uint256 in range(count >> 2, bound=4):
            # unrolled: four_moved
            if lanes >> 244 != word:
                model.state[word] = packed ^ flip
                word = lanes >> 244
                packed = model.state[word] ^ flip
            assert packed << ((lanes >> 236) & 240) <= limit, "perceptron: weight out of range"
            packed = unsafe_add(packed, rate >> ((lanes >> 236) & 240))
            if (lanes >> 228) & 4095 != word:
                model.state[word] = packed ^ flip
                word = (lanes >> 228) & 4095
                packed = model.state[word] ^ flip
            assert packed << ((lanes >> 220) & 240) <= limit, "perceptron: weight out of range"
            packed = unsafe_add(packed, rate >> ((lanes >> 220) & 240))
            if (lanes >> 212) & 4095 != word:
                model.state[word] = packed ^ flip
                word = (lanes >> 212) & 4095
                packed = model.state[word] ^ flip
            assert packed << ((lanes >> 204) & 240) <= limit, "perceptron: weight out of range"
            packed = unsafe_add(packed, rate >> ((lanes >> 204) & 240))
            if (lanes >> 196) & 4095 != word:
                model.state[word] = packed ^ flip
                word = (lanes >> 196) & 4095
                packed = model.state[word] ^ flip
            assert packed << ((lanes >> 188) & 240) <= limit, "perceptron: weight out of range"
            packed = unsafe_add(packed, rate >> ((lanes >> 188) & 240))
            # end
            lanes <<= 64
        if end == unsafe_add(position, size):
            break
        count = 16
    model.state[word] = packed ^ flip


@internal
@view
def _step(size: uint256) -> uint256:
    """
    @dev By how much a sample of this length in bytes moves its own score when it is learnt.
    """
    identity: uint256 = model._identity()
    return ((identity >> RATE) & MASK_16) * (size >> 1) + ((identity >> sparse_two.BIAS_RATE) & MASK_16)
