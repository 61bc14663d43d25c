# pragma version 0.4.3
"""
@title SparsePerceptron
@notice A perceptron with two classes on sparse samples, with a margin and a trained bias.
@dev score = Σ w_i over the features i that are present + bias; class 1 where it is above 0, else class 0.

     A sample that is classified wrongly, or rightly but by less than the margin, moves the weights of its features by
     the learning rate and the bias by its own rate, up for class 1 and down for class 0 (slides, "Models"; the margin:
     Krauth and Mézard 1987). Margin 0 and bias rate 0 are the slides' rule.

     State: weights are two's complement `int16`, 16 to a word, the first of a word in its highest bits. The header
     (see the module `model`) takes the place of the first four, so feature i stands in lane i + 4: the features with
     the lowest indices, which encoders give to the most frequent words, share their word with the header.
     In the header: the bias as two's complement `int32`.

     Parameters, from the lowest bits up: learning rate (16 bits), bias rate (16), margin (32), number of features (32).
     Weights, bias, rates, margin and scores have one unit.
"""
from ..interfaces import IModel
from ..modules import model
from ..modules import ownership
from ..modules import sample

implements: IModel
initializes: ownership
initializes: model[ownership := ownership]

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
MAX_FEATURES: constant(uint256) = 65_532  # indices and lanes, the header's four included, are uint16
MAX_ROWS: constant(uint256) = 24_576
MAX_WORDS: constant(uint256) = 640
MAX_TERMS: constant(uint256) = 512
MAX_CARD: constant(uint256) = 4_096
MAX_CLASSES: constant(uint256) = 255

MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1

HEADER: constant(uint256) = 0  # the word with the header
HEADER_LANES: constant(uint256) = 4
# where the parameters stand in the identity word
RATE: constant(uint256) = 160
BIAS_RATE: constant(uint256) = 176
MARGIN: constant(uint256) = 192
N_FEATURES: constant(uint256) = 224

# flips the sign bits of the 16 lanes of a word: two's complement to offset binary and back
SIGNS: constant(uint256) = max_value(uint256) // (2**16 - 1) * 2**15
# moves the feature indices in 16 lanes to the lanes of the weights
SHIFT: constant(uint256) = max_value(uint256) // (2**16 - 1) * HEADER_LANES


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
    @param owner Who may load, seal and hand over the model.
    @param trainer Who may train it, for ever: usually an incentive contract.
    @param terms What the trainer is opened with, in the same transaction; empty if the trainer is no contract.
    @param parameters See the head of this file.
    @param card Name, description, encoder spec and the names of the two classes, each as length (1 byte) and bytes.
    @param words The first words of the state; `load` takes the rest.
    @param sealed Whether the model is complete with these words.
    @param salt Anything, to create more than one of the same.
    @return The address of the model, which owner, trainer, parameters, card and salt decide.
    """
    assert parameters & MASK_16 > 0, "model: learning rate of 0"
    n_features: uint256 = parameters >> 64
    assert n_features > 0 and n_features <= MAX_FEATURES, "model: 1 to 65,532 features"
    return model._create(owner, trainer, terms, parameters, card, words, sealed, salt)


@external
def initialize(owner: address, terms: Bytes[MAX_TERMS], words: DynArray[uint256, MAX_WORDS], sealed: bool):
    """
    @notice Called by the implementation when it creates the model.
    """
    model._initialize(owner, terms, words, sealed, self._word_count(), HEADER)


# ---- identity -------------------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    return "SparsePerceptron"


@view
@external
def class_count() -> uint256:
    return 2


@view
@external
def class_name(y: uint256) -> String[255]:
    assert y < 2, "model: no such class"
    return model._class_name(y)


@view
@external
def version() -> uint256:
    return model._version(HEADER)


@view
@external
def sealed() -> bool:
    return model._sealed(HEADER)


@view
@external
def bias() -> int256:
    return convert(((model.words[HEADER] ^ SIGNS) >> 192) & MASK_32, int256) - 2**31


# ---- use ------------------------------------------------------------------------------------------------------------

@view
@external
def predict(x: Bytes[MAX_SAMPLE]) -> uint256:
    """
    @notice 1 where the score is above 0, else 0.
    """
    return self._class(self._score(sample._position(0), len(x), model._identity() >> N_FEATURES))


@view
@external
def score(x: Bytes[MAX_SAMPLE]) -> int256:
    """
    @notice The value whose sign decides: the sum of the weights of the features of `x`, and the bias.
    """
    return self._score(sample._position(0), len(x), model._identity() >> N_FEATURES)


@view
@external
def scores(x: Bytes[MAX_SAMPLE]) -> DynArray[int256, MAX_CLASSES]:
    return [0, self._score(sample._position(0), len(x), model._identity() >> N_FEATURES)]


@view
@external
def predict_without(x: Bytes[MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @dev A sample that moved the model changed its own score by rate · features + bias rate.
    """
    identity: uint256 = model._identity()
    score: int256 = self._score(sample._position(0), len(x), identity >> N_FEATURES)
    if effect != 0:
        # safe: at most 2^16 · 2^10 + 2^16
        step: int256 = convert(
            ((identity >> RATE) & MASK_16) * (len(x) >> 1) + ((identity >> BIAS_RATE) & MASK_16), int256
        )
        score = score - step if y == 1 else score + step
    return self._class(score)


@view
@external
def evaluate(rows: Bytes[MAX_ROWS]) -> uint256:
    n_features: uint256 = model._identity() >> N_FEATURES
    position: uint256 = sample._position(0)
    end: uint256 = position + len(rows)
    errors: uint256 = 0
    for i: uint256 in range(MAX_ROWS):
        if position == end:
            break
        y: uint256 = 0
        size: uint256 = 0
        y, size = sample._row(position, end)
        assert y < 2, "model: no such class"
        position = unsafe_add(position, sample.ROW_HEAD)
        if self._class(self._score(position, size, n_features)) != y:
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @return 0 where the sample left the model as it was, else 1 + the class that lost.
    """
    identity: uint256 = model._identity()
    model._check_trainer(identity)
    model._check_sealed(HEADER)
    assert y < 2, "model: no such class"
    position: uint256 = sample._position(0)
    score: int256 = self._score(position, len(x), identity >> N_FEATURES)
    margin: int256 = convert((identity >> MARGIN) & MASK_32, int256)
    if y == 1:
        if score > 0 and score >= margin:
            return 0
    elif score <= 0 and score <= -margin:
        return 0
    self._learn(position, len(x), y, (identity >> RATE) & MASK_16, (identity >> BIAS_RATE) & MASK_16)
    return 2 - y


@internal
def _learn(position: uint256, size: uint256, y: uint256, rate: uint256, bias_rate: uint256):
    """
    @dev Moves the weights of a sample, which `_score` has checked, and the bias: up for class 1, down for class 0.
    """
    packed: uint256 = model._count_update(model.words[HEADER]) ^ SIGNS
    bias: uint256 = (packed >> 192) & MASK_32
    if y == 1:
        assert bias + bias_rate <= MASK_32, "perceptron: bias out of range"
        packed = unsafe_add(packed, bias_rate << 192)  # safe: the lane does not overflow
    else:
        assert bias >= bias_rate, "perceptron: bias out of range"
        packed = unsafe_sub(packed, bias_rate << 192)  # safe: the lane does not underflow
    word: uint256 = HEADER
    count: uint256 = sample._chunk_length(size >> 1)
    end: uint256 = position
    for i: uint256 in range(MAX_SAMPLE // 32):
        end = unsafe_add(end, count << 1)
        lanes: uint256 = unsafe_add(sample._chunk(end, count), SHIFT)
        for j: uint256 in range(count, bound=16):
            if lanes >> 244 != word:
                model.words[word] = packed ^ SIGNS
                word = lanes >> 244
                packed = model.words[word] ^ SIGNS
            offset: uint256 = unsafe_sub(240, (lanes >> 236) & 240)
            weight: uint256 = (packed >> offset) & MASK_16
            if y == 1:
                assert unsafe_add(weight, rate) <= MASK_16, "perceptron: weight out of range"
                packed = unsafe_add(packed, rate << offset)  # safe: the lane does not overflow
            else:
                assert weight >= rate, "perceptron: weight out of range"
                packed = unsafe_sub(packed, rate << offset)  # safe: the lane does not underflow
            lanes <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    model.words[word] = packed ^ SIGNS


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _score(position: uint256, size: uint256, n_features: uint256) -> int256:
    """
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    @dev Weights are added up with flipped sign bits, so each is 2^15 too large, and the bias 2^31.
         Safe: at most 2^10 values of 16 bits and one of 32 bits.
    """
    sample._check_sparse(size)
    word: uint256 = HEADER
    packed: uint256 = model.words[HEADER] ^ SIGNS
    total: uint256 = (packed >> 192) & MASK_32
    next: uint256 = 0
    count: uint256 = sample._chunk_length(size >> 1)
    end: uint256 = position
    for i: uint256 in range(MAX_SAMPLE // 32):
        end = unsafe_add(end, count << 1)
        lanes: uint256 = sample._chunk(end, count)
        next = sample._check_chunk(lanes, count, next)
        assert next <= n_features, "sample: index out of range"
        # from features to lanes; safe: no index is above 65,531, and behind the last one nothing is read
        lanes = unsafe_add(lanes, SHIFT)
        for j: uint256 in range(count, bound=16):
            if lanes >> 244 != word:
                word = lanes >> 244
                packed = model.words[word] ^ SIGNS
            total = unsafe_add(total, (packed << ((lanes >> 236) & 240)) >> 240)
            lanes <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    return unsafe_sub(convert(total, int256), convert(unsafe_add(size << 14, 2**31), int256))


@internal
@pure
def _class(score: int256) -> uint256:
    return 1 if score > 0 else 0


@internal
@view
def _word_count() -> uint256:
    return ((model._identity() >> N_FEATURES) + HEADER_LANES + 15) // 16


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
    model._seal(HEADER)
