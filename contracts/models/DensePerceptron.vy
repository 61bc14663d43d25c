# pragma version 0.4.3
"""
@title DensePerceptron
@notice A perceptron with two classes on dense samples, with a margin and a trained bias.
@dev score = Σ w_f · x_f + bias · unit; class 1 where it is above 0, else class 0. `unit` is the integer that stands for 1.0 in
     x, so the bias is the weight of a feature that is always 1.0.

     A sample that is classified wrongly, or rightly but by less than the margin, moves the weights by the learning rate
     times x and the bias by its own rate, up for class 1 and down for class 0 (slides, "Models"; the margin: Krauth and
     Mézard 1987). Margin 0 and bias rate 0 are the slides' rule; a bias rate of learning rate · unit treats the bias as
     any other weight. Only samples whose norm is within 2% of `unit` are learnt; those of any norm are classified, which
     changes nothing.

     State: weights are two's complement `int16`, 16 to a word, in the order in which the wide multiplications of the
     module `lanes` need them. 32 features f = 0 ... 31 take two words: lanes 2·i + 1 and 2·i (counted from the lowest
     bits) of the first hold features 4·i and 4·i + 2, those of the second 4·i + 1 and 4·i + 3. Of the last features, more
     than 16 take two words like that, and 1 to 16 one: lanes 2·i + 1 and 2·i hold features 4·i and 4·i + 2 for i < 4, and
     4·i - 15 and 4·i - 13 for i >= 4. Lanes without a feature are never used. The last word holds the header (see the
     module `model`): it is the last word of the weights, if the upper four lanes of that are free, else one of its own.
     In the header: the bias as two's complement `int32`.

     Parameters, from the lowest bits up: learning rate (16 bits), bias rate (16), margin (32), number of features (16),
     unit (16). Margin and scores have one unit: that of a weight times that of x.
"""
from ..interfaces import IModel
from ..modules import lanes
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
MAX_FEATURES: constant(uint256) = 2_048  # one byte each
MAX_UNIT: constant(uint256) = 5_792  # the norm of 2,048 values of 128: samples of a larger unit do not exist
MAX_RATE: constant(uint256) = 128  # with it, a value of 127 moves a weight through a quarter of its range
MAX_ROWS: constant(uint256) = 24_576
MAX_WORDS: constant(uint256) = 640
MAX_TERMS: constant(uint256) = 512
MAX_CARD: constant(uint256) = 4_096
MAX_CLASSES: constant(uint256) = 255

MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1

ZERO: constant(uint256) = 2**60  # what is added to scores inside, to do without signs
BIAS: constant(uint256) = 192  # where the bias stands in the header word
# where the parameters stand in the identity word
RATE: constant(uint256) = 160
BIAS_RATE: constant(uint256) = 176
MARGIN: constant(uint256) = 192
N_FEATURES: constant(uint256) = 224
UNIT: constant(uint256) = 240

# the bit of the bias that `SIGNS` flips although it is no sign
BIAS_MIDDLE: constant(uint256) = 2**15 << BIAS
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
    rate: uint256 = parameters & MASK_16
    assert rate > 0 and rate <= MAX_RATE, "model: learning rate of 1 to 128"
    n_features: uint256 = (parameters >> 64) & MASK_16
    assert n_features > 0 and n_features <= MAX_FEATURES, "model: 1 to 2,048 features"
    unit: uint256 = parameters >> 80
    assert unit > 0 and unit <= MAX_UNIT, "model: unit of 1 to 5,792"
    return model._create(owner, trainer, terms, parameters, card, words, sealed, salt)


@external
def initialize(owner: address, terms: Bytes[MAX_TERMS], words: DynArray[uint256, MAX_WORDS], sealed: bool):
    """
    @notice Called by the implementation when it creates the model.
    """
    model._initialize(owner, terms, words, sealed, self._word_count(), self._header())


# ---- identity -------------------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    return "DensePerceptron"


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
    return model._version(self._header())


@view
@external
def sealed() -> bool:
    return model._sealed(self._header())


@view
@external
def bias() -> int256:
    return convert(((model.words[self._header()] >> BIAS) & MASK_32) ^ 2**31, int256) - 2**31


# ---- use ------------------------------------------------------------------------------------------------------------
# The functions below do without variables of their own: these would stand behind the sample in memory, which is dear.

@view
@external
def predict(x: Bytes[MAX_SAMPLE]) -> uint256:
    """
    @notice 1 where the score is above 0, else 0.
    """
    return 1 if self._score(len(x)) > ZERO else 0


@view
@external
def score(x: Bytes[MAX_SAMPLE]) -> int256:
    """
    @notice The value whose sign decides: Σ w_f · x_f + bias · unit.
    """
    return convert(self._score(len(x)), int256) - convert(ZERO, int256)


@view
@external
def scores(x: Bytes[MAX_SAMPLE]) -> DynArray[int256, MAX_CLASSES]:
    return [0, convert(self._score(len(x)), int256) - convert(ZERO, int256)]


@view
@external
def predict_without(x: Bytes[MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @dev A sample that moved the model changed its own score by rate · ‖x‖² + bias rate · unit, up for class 1.
    """
    if effect == 0:
        return 1 if self._score(len(x)) > ZERO else 0
    if y == 1:
        return 1 if self._score(len(x)) > ZERO + self._step(len(x)) else 0
    return 1 if self._score(len(x)) + self._step(len(x)) > ZERO else 0


@view
@external
def evaluate(rows: Bytes[MAX_ROWS]) -> uint256:
    identity: uint256 = model._identity()
    header_word: uint256 = model.words[self._header()]
    position: uint256 = sample._position()
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
        if (self._total(identity, header_word, position, size) > ZERO) != (y == 1):
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it. The norm of `x` must be within 2% of the unit.
    @return 0 where the sample left the model as it was, else 1 + the class that lost.
    """
    return self._update(len(x), y)


@internal
def _update(size: uint256, y: uint256) -> uint256:
    """
    @dev Not in `update` itself: there, variables stand behind the sample in memory, which is dear.
    """
    identity: uint256 = model._identity()
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header: uint256 = self._header_of(identity)
    header_word: uint256 = model.words[header]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < 2, "model: no such class"
    assert size == (identity >> N_FEATURES) & MASK_16, "sample: wrong dimension"

    # the norm first, because it costs little; what it needs is kept for the learning
    position: uint256 = sample._position()
    steps: uint256[MAX_SAMPLE // 32] = empty(uint256[MAX_SAMPLE // 32])
    squares: uint256 = 0
    for i: uint256 in range(size >> 5, bound=MAX_SAMPLE // 32):
        part: uint256 = convert(slice(msg.data, unsafe_add(position, i << 5), 32), uint256) ^ lanes.SIGNS_8
        # as `lanes._reversed` and `lanes._squares`, without internal calls
        step: uint256 = (part << 128) | (part >> 128)
        step = ((step & lanes.LOWER_64) << 64) | ((step >> 64) & lanes.LOWER_64)
        step = ((step & lanes.LOWER_32) << 32) | ((step >> 32) & lanes.LOWER_32)
        steps[i] = step
        squares = unsafe_add(
            squares,
            unsafe_add(
                unsafe_add(
                    unsafe_add(
                        unsafe_mul(
                            unsafe_sub(part & lanes.BYTES, lanes.OFFSET_8), unsafe_sub(step & lanes.BYTES, lanes.OFFSET_8)
                        ),
                        unsafe_mul(
                            unsafe_sub((part >> 8) & lanes.BYTES, lanes.OFFSET_8),
                            unsafe_sub((step >> 8) & lanes.BYTES, lanes.OFFSET_8),
                        ),
                    ),
                    unsafe_add(
                        unsafe_mul(
                            unsafe_sub((part >> 16) & lanes.BYTES, lanes.OFFSET_8),
                            unsafe_sub((step >> 16) & lanes.BYTES, lanes.OFFSET_8),
                        ),
                        unsafe_mul(
                            unsafe_sub((part >> 24) & lanes.BYTES, lanes.OFFSET_8),
                            unsafe_sub((step >> 24) & lanes.BYTES, lanes.OFFSET_8),
                        ),
                    ),
                ),
                2**223,
            )
            >> 224,
        )
    rest: uint256 = size & 31
    if rest > 0:
        part: uint256 = sample._last_block(unsafe_add(position, size), rest)
        if rest <= 16:
            part = lanes._spread_half(part) & lanes.BYTES_16
        part ^= lanes.SIGNS_8
        steps[size >> 5] = lanes._reversed(part)
        squares = unsafe_add(squares, lanes._squares(part, steps[size >> 5]))
    sample._check_norm(squares, identity >> UNIT)

    total: uint256 = self._total(identity, header_word, position, size)
    margin: uint256 = (identity >> MARGIN) & MASK_32
    # moves up or, modulo 2^256, down; safe: no term has more than 61 bits
    rate: uint256 = (identity >> RATE) & MASK_16
    bias_rate: uint256 = (identity >> BIAS_RATE) & MASK_16
    if y == 1:
        if total >= unsafe_add(ZERO, max(1, margin)):
            return 0
    else:
        if ZERO >= unsafe_add(total, margin):
            return 0
        rate = unsafe_sub(0, rate)
        bias_rate = unsafe_sub(0, bias_rate)

    offset: uint256 = unsafe_mul(rate, lanes.OFFSET_8_16)
    word: uint256 = 0
    for i: uint256 in range(size >> 5, bound=MAX_SAMPLE // 32):
        # as `_learn`, without internal calls where no weight is large
        step: uint256 = steps[i]
        packed: uint256 = model.words[word]
        if (packed ^ (packed << 1)) & SIGNS == 0:
            model.words[word] = (
                unsafe_sub(unsafe_add(packed ^ SIGNS, unsafe_mul((step >> 8) & lanes.BYTES_16, rate)), offset) ^ SIGNS
            )
        else:
            self._learn(word, step >> 8, rate, offset)
        word = unsafe_add(word, 1)
        packed = model.words[word]
        if (packed ^ (packed << 1)) & SIGNS == 0:
            model.words[word] = (
                unsafe_sub(unsafe_add(packed ^ SIGNS, unsafe_mul(step & lanes.BYTES_16, rate)), offset) ^ SIGNS
            )
        else:
            self._learn(word, step, rate, offset)
        word = unsafe_add(word, 1)
    if rest > 16:
        self._learn(word, steps[size >> 5] >> 8, rate, offset)
        word = unsafe_add(word, 1)
    if rest > 0:
        self._learn(word, steps[size >> 5], rate, offset)

    # last, because the header may share its word with weights
    header_word = model._count_update(model.words[header])
    bias: uint256 = unsafe_add(((header_word >> BIAS) & MASK_32) ^ 2**31, bias_rate)
    assert bias <= MASK_32, "perceptron: bias out of range"
    model.words[header] = (header_word & ~(MASK_32 << BIAS)) | ((bias ^ 2**31) << BIAS)
    return unsafe_sub(2, y)


@internal
def _learn(word: uint256, step: uint256, rate: uint256, offset: uint256):
    """
    @dev Moves the 16 weights of a word. Where all of them are so small that no step can take them out of range, all at once:
         adding packed integers is adding the words, in which `offset` stands for the 128 that each value of the step counts too
         much. A weight is small if its two highest bits are equal: it is then below 2^14, and no step is above 2^14.
    @param step 16 values as `lanes._moved` takes them.
    """
    packed: uint256 = model.words[word]
    if (packed ^ (packed << 1)) & SIGNS == 0:
        model.words[word] = (
            unsafe_sub(unsafe_add(packed ^ SIGNS, unsafe_mul(step & lanes.BYTES_16, rate)), offset) ^ SIGNS
        )
    else:
        spilt: bool = False
        packed, spilt = lanes._moved(packed ^ SIGNS, step, rate)
        assert not spilt, "perceptron: weight out of range"
        model.words[word] = packed ^ SIGNS


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _score(size: uint256) -> uint256:
    """
    @param size The length in bytes of the sample, the first argument of the external call.
    """
    identity: uint256 = model._identity()
    return self._total(
        identity,
        model.words[unsafe_add((identity >> N_FEATURES) & MASK_16, 6) >> 4],
        unsafe_add(convert(slice(msg.data, 4, 32), uint256), 36),  # as `sample._position`
        size,
    )


@internal
@view
def _step(size: uint256) -> uint256:
    """
    @dev By how much a sample of this length in bytes moves its own score when it is learnt.
    """
    identity: uint256 = model._identity()
    return (
        ((identity >> RATE) & MASK_16) * sample._squared_norm(sample._position(), size)
        + ((identity >> BIAS_RATE) & MASK_16) * (identity >> UNIT)
    )


@internal
@view
def _total(identity: uint256, header_word: uint256, position: uint256, size: uint256) -> uint256:
    """
    @dev The score and `ZERO`; the sample's length is checked here too. The bias is added with its sign bit flipped, so it
         counts 2^31 too much. Safe: 2^60, 65 values of 32 bits, and one of 32 bits times one of 13.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    """
    assert size == (identity >> N_FEATURES) & MASK_16, "sample: wrong dimension"
    total: uint256 = unsafe_add(
        unsafe_sub(ZERO, (identity >> UNIT) << 31),
        unsafe_mul(identity >> UNIT, ((header_word >> BIAS) & MASK_32) ^ 2**31),
    )
    at: uint256 = position
    word: uint256 = 0
    # 16 blocks at once where there are so many: the costs of a loop and of reading count
    for i: uint256 in range(size >> 9, bound=MAX_SAMPLE // 512):
        x: uint256[16] = abi_decode(slice(msg.data, at, 512), uint256[16])
        total = unsafe_add(
            unsafe_sub(total, 4 * lanes.DOT_ZERO),
            unsafe_add(
                unsafe_add(
                    lanes._dot_4(
                        x[0] ^ lanes.SIGNS_8,
                        x[1] ^ lanes.SIGNS_8,
                        x[2] ^ lanes.SIGNS_8,
                        x[3] ^ lanes.SIGNS_8,
                        model.words[word] ^ SIGNS,
                        model.words[unsafe_add(word, 1)] ^ SIGNS,
                        model.words[unsafe_add(word, 2)] ^ SIGNS,
                        model.words[unsafe_add(word, 3)] ^ SIGNS,
                        model.words[unsafe_add(word, 4)] ^ SIGNS,
                        model.words[unsafe_add(word, 5)] ^ SIGNS,
                        model.words[unsafe_add(word, 6)] ^ SIGNS,
                        model.words[unsafe_add(word, 7)] ^ SIGNS,
                    ),
                    lanes._dot_4(
                        x[4] ^ lanes.SIGNS_8,
                        x[5] ^ lanes.SIGNS_8,
                        x[6] ^ lanes.SIGNS_8,
                        x[7] ^ lanes.SIGNS_8,
                        model.words[unsafe_add(word, 8)] ^ SIGNS,
                        model.words[unsafe_add(word, 9)] ^ SIGNS,
                        model.words[unsafe_add(word, 10)] ^ SIGNS,
                        model.words[unsafe_add(word, 11)] ^ SIGNS,
                        model.words[unsafe_add(word, 12)] ^ SIGNS,
                        model.words[unsafe_add(word, 13)] ^ SIGNS,
                        model.words[unsafe_add(word, 14)] ^ SIGNS,
                        model.words[unsafe_add(word, 15)] ^ SIGNS,
                    ),
                ),
                unsafe_add(
                    lanes._dot_4(
                        x[8] ^ lanes.SIGNS_8,
                        x[9] ^ lanes.SIGNS_8,
                        x[10] ^ lanes.SIGNS_8,
                        x[11] ^ lanes.SIGNS_8,
                        model.words[unsafe_add(word, 16)] ^ SIGNS,
                        model.words[unsafe_add(word, 17)] ^ SIGNS,
                        model.words[unsafe_add(word, 18)] ^ SIGNS,
                        model.words[unsafe_add(word, 19)] ^ SIGNS,
                        model.words[unsafe_add(word, 20)] ^ SIGNS,
                        model.words[unsafe_add(word, 21)] ^ SIGNS,
                        model.words[unsafe_add(word, 22)] ^ SIGNS,
                        model.words[unsafe_add(word, 23)] ^ SIGNS,
                    ),
                    lanes._dot_4(
                        x[12] ^ lanes.SIGNS_8,
                        x[13] ^ lanes.SIGNS_8,
                        x[14] ^ lanes.SIGNS_8,
                        x[15] ^ lanes.SIGNS_8,
                        model.words[unsafe_add(word, 24)] ^ SIGNS,
                        model.words[unsafe_add(word, 25)] ^ SIGNS,
                        model.words[unsafe_add(word, 26)] ^ SIGNS,
                        model.words[unsafe_add(word, 27)] ^ SIGNS,
                        model.words[unsafe_add(word, 28)] ^ SIGNS,
                        model.words[unsafe_add(word, 29)] ^ SIGNS,
                        model.words[unsafe_add(word, 30)] ^ SIGNS,
                        model.words[unsafe_add(word, 31)] ^ SIGNS,
                    ),
                ),
            ),
        )
        at = unsafe_add(at, 512)
        word = unsafe_add(word, 32)
    if size & 511 == 0:
        return total
    for i: uint256 in range((size >> 5) & 15, bound=15):
        total = unsafe_add(
            unsafe_sub(total, lanes.DOT_ZERO),
            lanes._dot(
                convert(slice(msg.data, at, 32), uint256) ^ lanes.SIGNS_8,
                model.words[word] ^ SIGNS,
                model.words[unsafe_add(word, 1)] ^ SIGNS,
            ),
        )
        at = unsafe_add(at, 32)
        word = unsafe_add(word, 2)
    rest: uint256 = size & 31
    if rest == 0:
        return total
    at = unsafe_add(at, rest)
    if rest <= 16:
        return unsafe_add(
            unsafe_sub(total, lanes.DOT_ZERO),
            lanes._dot_half(
                lanes._spread_half(sample._last_block(at, rest)) ^ lanes.SIGNS_8, model.words[word] ^ SIGNS
            ),
        )
    return unsafe_add(
        unsafe_sub(total, lanes.DOT_ZERO),
        lanes._dot(
            sample._last_block(at, rest) ^ lanes.SIGNS_8,
            model.words[word] ^ SIGNS,
            model.words[unsafe_add(word, 1)] ^ SIGNS,
        ),
    )


@internal
@view
def _header() -> uint256:
    return self._header_of(model._identity())


@internal
@pure
def _header_of(identity: uint256) -> uint256:
    """
    @dev The last word. Of the 16 lanes of the last word of the weights, the header needs 4 without a feature, and the upper
         four belong to the features 9, 11, 13 and 15 of 16, so it fits beside 1 to 9 of them.
    """
    return unsafe_add((identity >> N_FEATURES) & MASK_16, 6) >> 4


@internal
@view
def _word_count() -> uint256:
    return unsafe_add(self._header(), 1)


# ---- state ----------------------------------------------------------------------------------------------------------

@view
@external
def word_count() -> uint256:
    return self._word_count()


@view
@external
def words(start: uint256, count: uint256) -> DynArray[uint256, MAX_WORDS]:
    return model._read(start, count, self._word_count(), self._header())


@external
def load(start: uint256, words: DynArray[uint256, MAX_WORDS]):
    model._load(start, words, self._word_count(), self._header())


@external
def seal():
    ownership._check_owner()
    model._seal(self._header())
