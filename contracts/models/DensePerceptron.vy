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

MAX_KEPT: constant(uint256) = 7  # blocks that `update` keeps one by one: memory is paid for up to the last variable in it

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
# the sign bits of those lanes that may hold weights in the word that the header shares with them
UNSHARED: constant(uint256) = SIGNS >> 64


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
    return unsafe_sub(convert(self._score(len(x)), int256), convert(ZERO, int256))  # safe: below 2^62


@view
@external
def scores(x: Bytes[MAX_SAMPLE]) -> DynArray[int256, MAX_CLASSES]:
    return [0, unsafe_sub(convert(self._score(len(x)), int256), convert(ZERO, int256))]  # safe: below 2^62


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
    @dev Twice over the weights: first score and norm, then, where they are to be moved, the moving. What the first pass has read
         and turned round is kept for the second. Arithmetic is that of the module `lanes`, without internal calls where it counts.
    @return 0 where the sample left the model as it was, else 1 + the class that lost.
    """
    clone: address = self
    identity: uint256 = convert(slice(clone.code, model.IDENTITY, 32), uint256)
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    size: uint256 = (identity >> N_FEATURES) & MASK_16
    header: uint256 = unsafe_add(size, 6) >> 4  # as `_header_of`
    header_word: uint256 = model.words[header]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < 2, "model: no such class"
    assert len(x) == size, "sample: wrong dimension"
    # safe: see `_total`
    total: uint256 = unsafe_sub(
        unsafe_add(ZERO, unsafe_mul(identity >> UNIT, ((header_word >> BIAS) & MASK_32) ^ 2**31)),
        unsafe_add((identity >> UNIT) << 31, unsafe_mul(unsafe_add(size, 31) >> 5, lanes.DOT_ZERO)),
    )
    squares: uint256 = 2**223  # half of the highest lane's unit; and, in that lane, Σ x_f², at most 2,048 · 2^14
    word: uint256 = (size >> 5) << 1
    # moves up or, modulo 2^256, down
    rate: uint256 = (identity >> RATE) & MASK_16
    bias_rate: uint256 = (identity >> BIAS_RATE) & MASK_16
    offset: uint256 = 0
    square: uint256 = unsafe_mul(identity >> UNIT, identity >> UNIT)
    step: uint256 = 0

    # the last block, where it is shorter
    rest: uint256 = size & 31
    last_v: uint256 = 0
    last_w: uint256 = 0
    last_step: uint256 = 0
    if rest > 0:
        # as `sample._position` and `sample._last_block`
        part: uint256 = convert(
            slice(msg.data, unsafe_add(convert(slice(msg.data, 4, 32), uint256), unsafe_add(size, 4)), 32), uint256
        ) << unsafe_sub(256, rest << 3)
        if rest > 16:
            last_v = model.words[word] ^ SIGNS
            word = unsafe_add(word, 1)
        else:
            part = lanes._spread_half(part) & lanes.BYTES_16
        part ^= lanes.SIGNS_8
        last_w = model.words[word] ^ SIGNS
        last_step = lanes._reversed(part)
        squares = unsafe_add(squares, lanes._squares(part, last_step) << 224)
        total = unsafe_add(total, lanes._dot(part, last_v, last_w) if rest > 16 else lanes._dot_half(part, last_w))
    last: uint256 = word
    word = 0

    # two words of weights and the sample's values in their order; a whole first part: 32 such words and 16 of values
    kept: DynArray[uint256[3], MAX_KEPT] = []
    kept_first: DynArray[uint256[48], 1] = []
    if size >= 512:
        # 16 blocks at once: no index is checked, no cost of a loop
        signs_8: uint256 = lanes.SIGNS_8
        signs: uint256 = SIGNS
        first: uint256[48] = [
            model.words[0] ^ signs,
            model.words[1] ^ signs,
            model.words[2] ^ signs,
            model.words[3] ^ signs,
            model.words[4] ^ signs,
            model.words[5] ^ signs,
            model.words[6] ^ signs,
            model.words[7] ^ signs,
            model.words[8] ^ signs,
            model.words[9] ^ signs,
            model.words[10] ^ signs,
            model.words[11] ^ signs,
            model.words[12] ^ signs,
            model.words[13] ^ signs,
            model.words[14] ^ signs,
            model.words[15] ^ signs,
            model.words[16] ^ signs,
            model.words[17] ^ signs,
            model.words[18] ^ signs,
            model.words[19] ^ signs,
            model.words[20] ^ signs,
            model.words[21] ^ signs,
            model.words[22] ^ signs,
            model.words[23] ^ signs,
            model.words[24] ^ signs,
            model.words[25] ^ signs,
            model.words[26] ^ signs,
            model.words[27] ^ signs,
            model.words[28] ^ signs,
            model.words[29] ^ signs,
            model.words[30] ^ signs,
            model.words[31] ^ signs,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ]
        parts: uint256[16] = abi_decode(slice(x, 0, 512), uint256[16])
        word = 32
        for packed: uint256 in parts:
            part: uint256 = packed ^ signs_8
            step = (part << 128) | (part >> 128)
            step = ((step & lanes.LOWER_64) << 64) | ((step >> 64) & lanes.LOWER_64)
            step = ((step & lanes.LOWER_32) << 32) | ((step >> 32) & lanes.LOWER_32)
            first[word] = step
            word = unsafe_add(word, 1)
            squares = unsafe_add(
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
                squares,
            )
        total = unsafe_add(
            unsafe_add(total, 12 * lanes.DOT_ZERO),
            unsafe_add(
                unsafe_add(
                    lanes._dot_4(
                        parts[0] ^ signs_8,
                        parts[1] ^ signs_8,
                        parts[2] ^ signs_8,
                        parts[3] ^ signs_8,
                        first[0],
                        first[1],
                        first[2],
                        first[3],
                        first[4],
                        first[5],
                        first[6],
                        first[7],
                    ),
                    lanes._dot_4(
                        parts[4] ^ signs_8,
                        parts[5] ^ signs_8,
                        parts[6] ^ signs_8,
                        parts[7] ^ signs_8,
                        first[8],
                        first[9],
                        first[10],
                        first[11],
                        first[12],
                        first[13],
                        first[14],
                        first[15],
                    ),
                ),
                unsafe_add(
                    lanes._dot_4(
                        parts[8] ^ signs_8,
                        parts[9] ^ signs_8,
                        parts[10] ^ signs_8,
                        parts[11] ^ signs_8,
                        first[16],
                        first[17],
                        first[18],
                        first[19],
                        first[20],
                        first[21],
                        first[22],
                        first[23],
                    ),
                    lanes._dot_4(
                        parts[12] ^ signs_8,
                        parts[13] ^ signs_8,
                        parts[14] ^ signs_8,
                        parts[15] ^ signs_8,
                        first[24],
                        first[25],
                        first[26],
                        first[27],
                        first[28],
                        first[29],
                        first[30],
                        first[31],
                    ),
                ),
            ),
        )
        kept_first.append(first)
        word = 32
    for i: uint256 in range(word >> 1, size >> 5, bound=MAX_SAMPLE // 32):
        part: uint256 = extract32(x, i << 5, output_type=uint256) ^ lanes.SIGNS_8
        step = (part << 128) | (part >> 128)
        step = ((step & lanes.LOWER_64) << 64) | ((step >> 64) & lanes.LOWER_64)
        step = ((step & lanes.LOWER_32) << 32) | ((step >> 32) & lanes.LOWER_32)
        v: uint256 = model.words[word] ^ SIGNS
        w: uint256 = model.words[unsafe_add(word, 1)] ^ SIGNS
        word = unsafe_add(word, 2)
        x0: uint256 = unsafe_sub(part & lanes.BYTES, lanes.OFFSET_8)
        x1: uint256 = unsafe_sub((part >> 8) & lanes.BYTES, lanes.OFFSET_8)
        x2: uint256 = unsafe_sub((part >> 16) & lanes.BYTES, lanes.OFFSET_8)
        x3: uint256 = unsafe_sub((part >> 24) & lanes.BYTES, lanes.OFFSET_8)
        squares = unsafe_add(
            unsafe_add(
                unsafe_add(
                    unsafe_mul(x0, unsafe_sub(step & lanes.BYTES, lanes.OFFSET_8)),
                    unsafe_mul(x1, unsafe_sub((step >> 8) & lanes.BYTES, lanes.OFFSET_8)),
                ),
                unsafe_add(
                    unsafe_mul(x2, unsafe_sub((step >> 16) & lanes.BYTES, lanes.OFFSET_8)),
                    unsafe_mul(x3, unsafe_sub((step >> 24) & lanes.BYTES, lanes.OFFSET_8)),
                ),
            ),
            squares,
        )
        total = unsafe_add(
            unsafe_add(
                unsafe_add(
                    unsafe_add(
                        unsafe_mul(x0, unsafe_sub(w & lanes.HALVES, lanes.OFFSET_16)),
                        unsafe_mul(x1, unsafe_sub(v & lanes.HALVES, lanes.OFFSET_16)),
                    ),
                    unsafe_add(
                        unsafe_mul(x2, unsafe_sub((w >> 16) & lanes.HALVES, lanes.OFFSET_16)),
                        unsafe_mul(x3, unsafe_sub((v >> 16) & lanes.HALVES, lanes.OFFSET_16)),
                    ),
                ),
                lanes.ROUND,
            )
            >> 224,
            total,
        )
        if i < MAX_KEPT:
            kept.append([v, w, step])
    # as `sample._check_norm`
    squares = unsafe_mul(squares >> 224, 10_000)
    assert squares >= unsafe_mul(square, 9_604) and squares <= unsafe_mul(square, 10_404), "sample: norm out of bounds"

    # safe: no term has more than 61 bits
    if y == 1:
        if total >= unsafe_add(ZERO, max(1, (identity >> MARGIN) & MASK_32)):
            return 0
    else:
        if ZERO >= unsafe_add(total, (identity >> MARGIN) & MASK_32):
            return 0
        rate = unsafe_sub(0, rate)
        bias_rate = unsafe_sub(0, bias_rate)

    # Where all weights are small, below 2^14, no step, at most 2^14, can take one out of range, and adding packed integers is
    # adding the words; `offset` stands for the 128 that each value counts too much. In offset binary the two highest bits of a
    # small weight differ.
    offset = unsafe_mul(rate, lanes.OFFSET_8_16)
    word = 0
    for b: uint256[48] in kept_first:
        if (
            (b[0] ^ (b[0] << 1))
            & (b[1] ^ (b[1] << 1))
            & (b[2] ^ (b[2] << 1))
            & (b[3] ^ (b[3] << 1))
            & (b[4] ^ (b[4] << 1))
            & (b[5] ^ (b[5] << 1))
            & (b[6] ^ (b[6] << 1))
            & (b[7] ^ (b[7] << 1))
            & (b[8] ^ (b[8] << 1))
            & (b[9] ^ (b[9] << 1))
            & (b[10] ^ (b[10] << 1))
            & (b[11] ^ (b[11] << 1))
            & (b[12] ^ (b[12] << 1))
            & (b[13] ^ (b[13] << 1))
            & (b[14] ^ (b[14] << 1))
            & (b[15] ^ (b[15] << 1))
            & (b[16] ^ (b[16] << 1))
            & (b[17] ^ (b[17] << 1))
            & (b[18] ^ (b[18] << 1))
            & (b[19] ^ (b[19] << 1))
            & (b[20] ^ (b[20] << 1))
            & (b[21] ^ (b[21] << 1))
            & (b[22] ^ (b[22] << 1))
            & (b[23] ^ (b[23] << 1))
            & (b[24] ^ (b[24] << 1))
            & (b[25] ^ (b[25] << 1))
            & (b[26] ^ (b[26] << 1))
            & (b[27] ^ (b[27] << 1))
            & (b[28] ^ (b[28] << 1))
            & (b[29] ^ (b[29] << 1))
            & (b[30] ^ (b[30] << 1))
            & (b[31] ^ (b[31] << 1))
        ) & SIGNS == SIGNS:
            low: uint256 = lanes.BYTES_16
            signs: uint256 = SIGNS
            model.words[0] = unsafe_sub(unsafe_add(b[0], unsafe_mul((b[32] >> 8) & low, rate)), offset) ^ signs
            model.words[1] = unsafe_sub(unsafe_add(b[1], unsafe_mul(b[32] & low, rate)), offset) ^ signs
            model.words[2] = unsafe_sub(unsafe_add(b[2], unsafe_mul((b[33] >> 8) & low, rate)), offset) ^ signs
            model.words[3] = unsafe_sub(unsafe_add(b[3], unsafe_mul(b[33] & low, rate)), offset) ^ signs
            model.words[4] = unsafe_sub(unsafe_add(b[4], unsafe_mul((b[34] >> 8) & low, rate)), offset) ^ signs
            model.words[5] = unsafe_sub(unsafe_add(b[5], unsafe_mul(b[34] & low, rate)), offset) ^ signs
            model.words[6] = unsafe_sub(unsafe_add(b[6], unsafe_mul((b[35] >> 8) & low, rate)), offset) ^ signs
            model.words[7] = unsafe_sub(unsafe_add(b[7], unsafe_mul(b[35] & low, rate)), offset) ^ signs
            model.words[8] = unsafe_sub(unsafe_add(b[8], unsafe_mul((b[36] >> 8) & low, rate)), offset) ^ signs
            model.words[9] = unsafe_sub(unsafe_add(b[9], unsafe_mul(b[36] & low, rate)), offset) ^ signs
            model.words[10] = unsafe_sub(unsafe_add(b[10], unsafe_mul((b[37] >> 8) & low, rate)), offset) ^ signs
            model.words[11] = unsafe_sub(unsafe_add(b[11], unsafe_mul(b[37] & low, rate)), offset) ^ signs
            model.words[12] = unsafe_sub(unsafe_add(b[12], unsafe_mul((b[38] >> 8) & low, rate)), offset) ^ signs
            model.words[13] = unsafe_sub(unsafe_add(b[13], unsafe_mul(b[38] & low, rate)), offset) ^ signs
            model.words[14] = unsafe_sub(unsafe_add(b[14], unsafe_mul((b[39] >> 8) & low, rate)), offset) ^ signs
            model.words[15] = unsafe_sub(unsafe_add(b[15], unsafe_mul(b[39] & low, rate)), offset) ^ signs
            model.words[16] = unsafe_sub(unsafe_add(b[16], unsafe_mul((b[40] >> 8) & low, rate)), offset) ^ signs
            model.words[17] = unsafe_sub(unsafe_add(b[17], unsafe_mul(b[40] & low, rate)), offset) ^ signs
            model.words[18] = unsafe_sub(unsafe_add(b[18], unsafe_mul((b[41] >> 8) & low, rate)), offset) ^ signs
            model.words[19] = unsafe_sub(unsafe_add(b[19], unsafe_mul(b[41] & low, rate)), offset) ^ signs
            model.words[20] = unsafe_sub(unsafe_add(b[20], unsafe_mul((b[42] >> 8) & low, rate)), offset) ^ signs
            model.words[21] = unsafe_sub(unsafe_add(b[21], unsafe_mul(b[42] & low, rate)), offset) ^ signs
            model.words[22] = unsafe_sub(unsafe_add(b[22], unsafe_mul((b[43] >> 8) & low, rate)), offset) ^ signs
            model.words[23] = unsafe_sub(unsafe_add(b[23], unsafe_mul(b[43] & low, rate)), offset) ^ signs
            model.words[24] = unsafe_sub(unsafe_add(b[24], unsafe_mul((b[44] >> 8) & low, rate)), offset) ^ signs
            model.words[25] = unsafe_sub(unsafe_add(b[25], unsafe_mul(b[44] & low, rate)), offset) ^ signs
            model.words[26] = unsafe_sub(unsafe_add(b[26], unsafe_mul((b[45] >> 8) & low, rate)), offset) ^ signs
            model.words[27] = unsafe_sub(unsafe_add(b[27], unsafe_mul(b[45] & low, rate)), offset) ^ signs
            model.words[28] = unsafe_sub(unsafe_add(b[28], unsafe_mul((b[46] >> 8) & low, rate)), offset) ^ signs
            model.words[29] = unsafe_sub(unsafe_add(b[29], unsafe_mul(b[46] & low, rate)), offset) ^ signs
            model.words[30] = unsafe_sub(unsafe_add(b[30], unsafe_mul((b[47] >> 8) & low, rate)), offset) ^ signs
            model.words[31] = unsafe_sub(unsafe_add(b[31], unsafe_mul(b[47] & low, rate)), offset) ^ signs
            word = 32
    for b: uint256[3] in kept:
        if (b[0] ^ (b[0] << 1)) & (b[1] ^ (b[1] << 1)) & SIGNS != SIGNS:
            break
        model.words[word] = (
            unsafe_sub(unsafe_add(b[0], unsafe_mul((b[2] >> 8) & lanes.BYTES_16, rate)), offset) ^ SIGNS
        )
        model.words[unsafe_add(word, 1)] = (
            unsafe_sub(unsafe_add(b[1], unsafe_mul(b[2] & lanes.BYTES_16, rate)), offset) ^ SIGNS
        )
        word = unsafe_add(word, 2)
    if word >> 1 < size >> 5:
        # what was not kept, or not small
        for i: uint256 in range(word >> 1, size >> 5, bound=MAX_SAMPLE // 32):
            step = lanes._reversed(extract32(x, i << 5, output_type=uint256) ^ lanes.SIGNS_8)
            model.words[word] = self._moved(model.words[word] ^ SIGNS, step >> 8, rate)
            word = unsafe_add(word, 1)
            model.words[word] = self._moved(model.words[word] ^ SIGNS, step, rate)
            word = unsafe_add(word, 1)
    if rest > 16:
        model.words[unsafe_sub(last, 1)] = self._moved(last_v, last_step >> 8, rate)
    if last < header:
        model.words[last] = self._moved(last_w, last_step, rate)
    elif rest > 0:
        # the header shares the word, in lanes that do not move
        if (last_w ^ (last_w << 1)) & UNSHARED == UNSHARED:
            header_word = unsafe_sub(unsafe_add(last_w, unsafe_mul(last_step & lanes.BYTES_16, rate)), offset) ^ SIGNS
        else:
            header_word = self._moved(last_w, last_step, rate)

    assert (header_word >> 224) & model.VERSION_MASK < model.VERSION_MASK, "model: version is full"
    bias: uint256 = unsafe_add(((header_word >> BIAS) & MASK_32) ^ 2**31, bias_rate)
    assert bias <= MASK_32, "perceptron: bias out of range"
    model.words[header] = unsafe_add(
        (header_word & ~(MASK_32 << BIAS)) | ((bias ^ 2**31) << BIAS), model.VERSION_ONE
    )
    return unsafe_sub(2, y)


@internal
@pure
def _moved(packed: uint256, step: uint256, rate: uint256) -> uint256:
    """
    @dev A word with its 16 weights moved.
    @param packed The word, in offset binary.
    @param step 16 values as `lanes._moved` takes them.
    """
    moved: uint256 = 0
    spilt: bool = False
    moved, spilt = lanes._moved(packed, step, rate)
    assert not spilt, "perceptron: weight out of range"
    return moved ^ SIGNS


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
    if size >= 512:
        # 16 blocks at once, because the costs of a loop and of reading count
        x: uint256[16] = abi_decode(slice(msg.data, position, 512), uint256[16])
        signs_8: uint256 = lanes.SIGNS_8
        signs_16: uint256 = SIGNS
        total = unsafe_add(
            unsafe_sub(total, 4 * lanes.DOT_ZERO),
            unsafe_add(
                unsafe_add(
                    lanes._dot_4(
                        x[0] ^ signs_8,
                        x[1] ^ signs_8,
                        x[2] ^ signs_8,
                        x[3] ^ signs_8,
                        model.words[0] ^ signs_16,
                        model.words[1] ^ signs_16,
                        model.words[2] ^ signs_16,
                        model.words[3] ^ signs_16,
                        model.words[4] ^ signs_16,
                        model.words[5] ^ signs_16,
                        model.words[6] ^ signs_16,
                        model.words[7] ^ signs_16,
                    ),
                    lanes._dot_4(
                        x[4] ^ signs_8,
                        x[5] ^ signs_8,
                        x[6] ^ signs_8,
                        x[7] ^ signs_8,
                        model.words[8] ^ signs_16,
                        model.words[9] ^ signs_16,
                        model.words[10] ^ signs_16,
                        model.words[11] ^ signs_16,
                        model.words[12] ^ signs_16,
                        model.words[13] ^ signs_16,
                        model.words[14] ^ signs_16,
                        model.words[15] ^ signs_16,
                    ),
                ),
                unsafe_add(
                    lanes._dot_4(
                        x[8] ^ signs_8,
                        x[9] ^ signs_8,
                        x[10] ^ signs_8,
                        x[11] ^ signs_8,
                        model.words[16] ^ signs_16,
                        model.words[17] ^ signs_16,
                        model.words[18] ^ signs_16,
                        model.words[19] ^ signs_16,
                        model.words[20] ^ signs_16,
                        model.words[21] ^ signs_16,
                        model.words[22] ^ signs_16,
                        model.words[23] ^ signs_16,
                    ),
                    lanes._dot_4(
                        x[12] ^ signs_8,
                        x[13] ^ signs_8,
                        x[14] ^ signs_8,
                        x[15] ^ signs_8,
                        model.words[24] ^ signs_16,
                        model.words[25] ^ signs_16,
                        model.words[26] ^ signs_16,
                        model.words[27] ^ signs_16,
                        model.words[28] ^ signs_16,
                        model.words[29] ^ signs_16,
                        model.words[30] ^ signs_16,
                        model.words[31] ^ signs_16,
                    ),
                ),
            ),
        )
        at = unsafe_add(at, 512)
        word = 32
    for i: uint256 in range(word >> 1, size >> 5, bound=MAX_SAMPLE // 32):
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
