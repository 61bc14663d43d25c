# pragma version 0.4.3
"""
@title MulticlassSparsePerceptron
@notice A perceptron with one weight vector and bias for each class, up to 255, on sparse samples, with a margin.
@dev A sample y that is classified wrongly, or rightly but by less than the margin, moves the weights of its features by the
     learning rate and the bias by its own rate: up for class y, down for its rival, the highest of the other classes (of
     equals the lowest index). With two classes that start with opposite weights this is `SparsePerceptron` with half the
     margin: its score is half the difference of the two scores here.

     State, parameters, the longest sample and classes that are added: see the module `sparse_many`. Weights are `int16`, a lane
     each; the lowest 16 bits of the parameters are the learning rate.
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

RATE: constant(uint256) = 160  # where the learning rate stands in the identity word

ALL: constant(uint256) = max_value(uint256)
MASK_16: constant(uint256) = 2**16 - 1


@deploy
def __init__():
    model.__init__()
    sparse_many.__init__(0)


# ---- identity and form ----------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    """
    @notice The name of the implementation.
    """
    return "MulticlassSparsePerceptron"


@view
@external
def layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters, and that they have room for `count` classes.
    @return The number of state words, whatever the number of classes, and the room.
    """
    assert parameters & MASK_16 > 0, "model: learning rate of 0"
    return sparse_many._layout(parameters, count)


# ---- use ------------------------------------------------------------------------------------------------------------

@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be if the one contribution `(x, y)` that had this `effect` had never been added.
    @dev A sample that moved the model changed its own scores by rate · features + bias rate: up for its class, down for the
         rival that the effect names.
    """
    assert y < classes._count(model.state[model.HEADER]), "model: no such class"
    assert effect <= classes._count(model.state[model.HEADER]), "model: no such class"
    identity: uint256 = model._identity()
    if effect == 0:
        return sparse_many._predict(sample._position(), len(x), identity, sparse_many.NOBODY, sparse_many.NOBODY, 0)
    # safe: at most 2^10 rates of 16 bits and one
    step: uint256 = unsafe_add(
        unsafe_mul((identity >> RATE) & MASK_16, len(x) >> 1), (identity >> sparse_many.BIAS_RATE) & MASK_16
    )
    return sparse_many._predict(sample._position(), len(x), identity, y, effect - 1, step)


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @return 0 where the sample left the model as it was, else 1 + the rival, the class that moved down.
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
    model.state[model.HEADER] = model._count_update(header_word)
    bias_rate: uint256 = (identity >> sparse_many.BIAS_RATE) & MASK_16
    step: uint256 = bias_rate
    if sparse_many._untrained(y, header_word):
        # the bias is less by 2^15 than what it begins with, which takes back what the sample gives the weights
        step = unsafe_mul((identity >> RATE) & MASK_16, size >> 1)
        assert step < 2**15, "perceptron: bias out of range"
        step = unsafe_sub(2**15, step)
    self._move(sparse_many.SIGNS, y, position, size, identity, step)
    self._move(~sparse_many.SIGNS, rival, position, size, identity, bias_rate)
    return unsafe_add(rival, 1), answer  # safe: a class


@internal
def _move(flip: uint256, y: uint256, position: uint256, size: uint256, identity: uint256, bias_step: uint256):
    """
    @dev Moves the weights of a class for a sample, which `_contest` has checked, by the rate, and the bias by its own step. No bias
         moves down to that of a class which has not learnt yet.
    @param flip What makes a word's lanes such that moving them is adding: `SIGNS` to move up; all other bits to move down,
                because the complement of a lane falls where the lane rises.
    """
    rate: uint256 = identity << (256 - RATE - 16) >> 240 << 240  # in the highest lane
    limit: uint256 = unsafe_sub(ALL, rate)  # above it adding the rate to the highest lane overflows
    lanes: uint256 = sparse_many._lanes(identity)
    # the bias
    word: uint256 = unsafe_add(1, y >> 4)
    lane: uint256 = (y & 15) << 4
    packed: uint256 = model.state[word] ^ flip
    # safe: 16 bits each; the lowest bit of `flip` is set where it moves down
    assert unsafe_add((packed << lane) >> 240, bias_step) <= unsafe_sub(MASK_16, flip & 1), "perceptron: bias out of range"
    packed = unsafe_add(packed, (bias_step << 240) >> lane)
    # the weights
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
            # the lane in the highest bits, and others below it, must not overflow
            assert packed << lane <= limit, "perceptron: weight out of range"
            packed = unsafe_add(packed, rate >> lane)
            chunk <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    model.state[word] = packed ^ flip
