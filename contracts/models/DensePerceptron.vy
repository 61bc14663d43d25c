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
     4·i - 15 and 4·i - 13 for i >= 4. Lanes without a feature are never used. Word 0 holds the header (see the module
     `model`), and beside it what would be the last word of the weights, if the upper four lanes of that are free, or five
     where the rate falls; the others follow in order.
     In the header: the bias as two's complement `int32`, and in the lane below it the count of a rate that falls.

     Parameters, from the lowest bits up: learning rate (16 bits), bias rate (16), margin (32), number of features (12), fall
     (4), unit (16). Margin and scores have one unit: that of a weight times that of x. Where there is a fall, rates and margin
     are those at which it ends, see the module `falling`.
"""
from ..interfaces import IModel
from ..modules import dense
from ..modules import falling
from ..modules import lanes
from ..modules import limits
from ..modules import model
from ..modules import ownership
from ..modules import sample

implements: IModel
initializes: ownership
initializes: model[ownership := ownership]
initializes: dense[model := model]

exports: (
    # who and what
    model.implementation,
    model.trainer,
    model.parameters,
    model.name,
    model.description,
    model.encoder_spec,
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

# blocks that `update` keeps one by one: memory is paid for up to the last variable that is used
MAX_KEPT: constant(uint256) = 7

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
    return "DensePerceptron"


@view
@external
def class_count() -> uint256:
    """
    @notice Two, for ever.
    """
    return 2


@view
@external
def class_name(y: uint256) -> String[limits.MAX_TEXT]:
    """
    @notice The name of a class; empty where the model has no card.
    """
    assert y < 2, "model: no such class"
    return model._class_name(y)


@view
@external
def bias() -> int256:
    """
    @notice The trained bias: the weight of a feature that is always `unit`.
    """
    return unsafe_sub(convert(((model.state[model.HEADER] >> dense.BIAS) & dense.MASK_32) ^ 2**31, int256), 2**31)


# ---- form -----------------------------------------------------------------------------------------------------------

@pure
@external
def layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters.
    @return The number of state words, and 0: the number of classes is fixed.
    """
    rate: uint256 = parameters & dense.MASK_16
    fall: uint256 = (parameters >> 76) & falling.MASK_4
    assert fall <= falling.MAX_FALL, "model: fall of 0 to 5"
    assert rate > 0 and rate << fall <= MAX_RATE, "model: learning rate of 1 to 128"
    n_features: uint256 = (parameters >> 64) & falling.MASK_12
    assert n_features > 0 and n_features <= MAX_FEATURES, "model: 1 to 2,048 features"
    unit: uint256 = parameters >> 80
    assert unit > 0 and unit <= MAX_UNIT, "model: unit of 1 to 5,792"
    return unsafe_add(n_features, 22 if fall == 0 else 24) >> 4, 0


@pure
@external
def vacant(parameters: uint256, count: uint256, position: uint256) -> uint256:
    """
    @notice The bits of a state word that belong to classes which are not there: none.
    """
    return 0


@view
@external
def check_state() -> bool:
    """
    @notice Whatever was loaded may be sealed.
    """
    return True


# ---- use ------------------------------------------------------------------------------------------------------------
# The functions below do without variables of their own: these would stand behind the sample in memory, which is dear.

@view
@external
def predict(x: Bytes[limits.MAX_SAMPLE]) -> uint256:
    """
    @notice 1 where the score is above 0, else 0.
    """
    return convert(dense._score(len(x)) > dense.ZERO, uint256)


@view
@external
def score(x: Bytes[limits.MAX_SAMPLE]) -> int256:
    """
    @notice The value whose sign decides: Σ w_f · x_f + bias · unit.
    """
    return unsafe_sub(convert(dense._score(len(x)), int256), convert(dense.ZERO, int256))  # safe: below 2^62


@view
@external
def scores(x: Bytes[limits.MAX_SAMPLE]) -> DynArray[int256, limits.MAX_CLASSES]:
    """
    @notice The score of each class: 0 for class 0, and `score(x)` for class 1.
    """
    return [0, unsafe_sub(convert(dense._score(len(x)), int256), convert(dense.ZERO, int256))]  # safe: below 2^62


@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be if the one contribution `(x, y)` that had this `effect` had never been added.
    @dev A sample that moved the model changed its own score by rate · ‖x‖² + bias rate · unit, up for class 1; the effect says at
         which rates.
    """
    return convert(dense._undone(len(x), y, effect) > dense.ZERO, uint256)


@view
@external
def evaluate(rows: Bytes[limits.MAX_ROWS]) -> uint256:
    """
    @notice The number of rows whose class the model gets wrong.
    """
    identity: uint256 = model._identity()
    header_word: uint256 = model.state[model.HEADER]
    position: uint256 = sample._position()
    end: uint256 = position + len(rows)
    errors: uint256 = 0
    for i: uint256 in range(limits.MAX_ROWS):
        if position == end:
            break
        y: uint256 = 0
        size: uint256 = 0
        y, size = sample._row(position, end)
        assert y < 2, "model: no such class"
        position = unsafe_add(position, sample.ROW_HEAD)
        if (dense._total(identity, header_word, position, size) > dense.ZERO) != (y == 1):
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it. The norm of `x` must be within 2% of the unit.
    @return 0 where the sample left the model as it was, else 1 + the class that lost, and above 8 bits how often the last rate was
            doubled.
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
def _update(length: uint256, y: uint256) -> (uint256, uint256):
    """
    @dev Twice over the weights: first score and norm, then, where they are to be moved, the moving. What the first pass has
         read and turned round is kept for the second. The arithmetic is that of the module `lanes`, without internal calls
         where they count.
    @param length The length of `x`, the first argument of the external call, in bytes.
    """
    clone: address = self
    identity: uint256 = convert(slice(clone.code, model.IDENTITY, 32), uint256)
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    size: uint256 = (identity >> dense.N_FEATURES) & falling.MASK_12
    header_word: uint256 = model.state[model.HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < 2, "model: no such class"
    assert length == size, "sample: wrong dimension"
    position: uint256 = unsafe_add(convert(slice(msg.data, 4, 32), uint256), 36)  # as `sample._position`
    # safe: see `_total`
    total: uint256 = unsafe_sub(
        unsafe_add(dense.ZERO, unsafe_mul(identity >> dense.UNIT, ((header_word >> dense.BIAS) & dense.MASK_32) ^ 2**31)),
        unsafe_add((identity >> dense.UNIT) << 31, unsafe_mul(unsafe_add(size, 31) >> 5, lanes.DOT_ZERO)),
    )
    squares: uint256 = 2**223  # half of the highest lane's unit; and, in that lane, Σ x_f², at most 2,048 · 2^14
    word: uint256 = unsafe_add((size >> 5) << 1, 1)
    # moves up or, modulo 2^256, down; `offset` stands for the 128 that each value of a sample counts too much
    doublings: uint256 = 0
    sharing: uint256 = dense.SHARING
    if (identity >> falling.FALL) & falling.MASK_4 > 0:
        doublings = falling._doublings(identity, header_word)
        sharing = dense.SHARING_COUNT
    rate: uint256 = ((identity >> dense.RATE) & dense.MASK_16) << doublings
    bias_rate: uint256 = ((identity >> dense.BIAS_RATE) & dense.MASK_16) << doublings
    if y == 0:
        rate = unsafe_sub(0, rate)
        bias_rate = unsafe_sub(0, bias_rate)
    offset: uint256 = unsafe_mul(rate, lanes.OFFSET_8_16)
    step: uint256 = 0
    answer: uint256 = 0
    effect: uint256 = 0

    signs: uint256 = dense.SIGNS

    # the last block, where it is shorter
    rest: uint256 = size & 31
    last: uint256 = word
    last_v: uint256 = 0
    last_w: uint256 = 0
    last_step: uint256 = 0
    if rest > 0:
        part: uint256 = sample._last_block(unsafe_add(position, size), rest)
        if rest > 16:
            last_v = model.state[word] ^ signs
            last = unsafe_add(word, 1)
        else:
            part = lanes._spread_half(part) & lanes.BYTES_16
        part ^= lanes.SIGNS_8
        if unsafe_sub(rest & 15, 1) < sharing:  # modulo 2^256
            last = model.HEADER
        last_w = model.state[last] ^ signs
        last_step = lanes._reversed(part)
        squares = unsafe_add(squares, lanes._squares(part, last_step) << 224)
        total = unsafe_add(total, lanes._dot(part, last_v, last_w) if rest > 16 else lanes._dot_half(part, last_w))
    begin: uint256 = 33 if size >= 512 else 1  # the word with which the blocks begin that are taken one by one
    word = begin
    # of a block two words of weights, and the sample's values in their order
    kept: DynArray[uint256[3], MAX_KEPT] = []
    for i: uint256 in range(begin >> 1, size >> 5, bound=limits.MAX_SAMPLE // 32):
        part: uint256 = convert(slice(msg.data, unsafe_add(position, i << 5), 32), uint256) ^ lanes.SIGNS_8
        step = (part << 128) | (part >> 128)
        step = ((step & lanes.LOWER_64) << 64) | ((step >> 64) & lanes.LOWER_64)
        step = ((step & lanes.LOWER_32) << 32) | ((step >> 32) & lanes.LOWER_32)
        v: uint256 = model.state[word] ^ signs
        w: uint256 = model.state[unsafe_add(word, 1)] ^ signs
        word = unsafe_add(word, 2)
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
        total = unsafe_add(total, lanes._dot(part, v, w))
        if i < MAX_KEPT:
            kept.append([v, w, step])
    if size >= 512:
        # 16 blocks at once: no index is checked, no cost of a loop
        signs_8: uint256 = lanes.SIGNS_8
        first: uint256[32] = [
            # unrolled: first_words
            model.state[1] ^ signs,
            model.state[2] ^ signs,
            model.state[3] ^ signs,
            model.state[4] ^ signs,
            model.state[5] ^ signs,
            model.state[6] ^ signs,
            model.state[7] ^ signs,
            model.state[8] ^ signs,
            model.state[9] ^ signs,
            model.state[10] ^ signs,
            model.state[11] ^ signs,
            model.state[12] ^ signs,
            model.state[13] ^ signs,
            model.state[14] ^ signs,
            model.state[15] ^ signs,
            model.state[16] ^ signs,
            model.state[17] ^ signs,
            model.state[18] ^ signs,
            model.state[19] ^ signs,
            model.state[20] ^ signs,
            model.state[21] ^ signs,
            model.state[22] ^ signs,
            model.state[23] ^ signs,
            model.state[24] ^ signs,
            model.state[25] ^ signs,
            model.state[26] ^ signs,
            model.state[27] ^ signs,
            model.state[28] ^ signs,
            model.state[29] ^ signs,
            model.state[30] ^ signs,
            model.state[31] ^ signs,
            model.state[32] ^ signs,
            # end
        ]
        parts: uint256[16] = abi_decode(slice(msg.data, position, 512), uint256[16])
        steps: uint256[16] = parts  # turned round below
        word = 0
        for packed: uint256 in parts:
            part: uint256 = packed ^ signs_8
            step = (part << 128) | (part >> 128)
            step = ((step & lanes.LOWER_64) << 64) | ((step >> 64) & lanes.LOWER_64)
            step = ((step & lanes.LOWER_32) << 32) | ((step >> 32) & lanes.LOWER_32)
            steps[word] = step
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
            # unrolled: dots_kept
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
            # end
        )
        answer, effect = dense._judge(total, squares, y, identity, doublings)
        if effect == 0:
            return 0, answer
        word = 1
        # Where all weights are small, below 2^14, no step, at most 2^14, can take one out of range, and adding packed integers
        # is adding the words. In offset binary the two highest bits of a small weight differ.
        if (
            # unrolled: all_small
            (first[0] ^ (first[0] << 1))
            & (first[1] ^ (first[1] << 1))
            & (first[2] ^ (first[2] << 1))
            & (first[3] ^ (first[3] << 1))
            & (first[4] ^ (first[4] << 1))
            & (first[5] ^ (first[5] << 1))
            & (first[6] ^ (first[6] << 1))
            & (first[7] ^ (first[7] << 1))
            & (first[8] ^ (first[8] << 1))
            & (first[9] ^ (first[9] << 1))
            & (first[10] ^ (first[10] << 1))
            & (first[11] ^ (first[11] << 1))
            & (first[12] ^ (first[12] << 1))
            & (first[13] ^ (first[13] << 1))
            & (first[14] ^ (first[14] << 1))
            & (first[15] ^ (first[15] << 1))
            & (first[16] ^ (first[16] << 1))
            & (first[17] ^ (first[17] << 1))
            & (first[18] ^ (first[18] << 1))
            & (first[19] ^ (first[19] << 1))
            & (first[20] ^ (first[20] << 1))
            & (first[21] ^ (first[21] << 1))
            & (first[22] ^ (first[22] << 1))
            & (first[23] ^ (first[23] << 1))
            & (first[24] ^ (first[24] << 1))
            & (first[25] ^ (first[25] << 1))
            & (first[26] ^ (first[26] << 1))
            & (first[27] ^ (first[27] << 1))
            & (first[28] ^ (first[28] << 1))
            & (first[29] ^ (first[29] << 1))
            & (first[30] ^ (first[30] << 1))
            & (first[31] ^ (first[31] << 1))
            # end
        ) & signs == signs:
            low: uint256 = lanes.BYTES_16
            # unrolled: moved_words
            model.state[1] = unsafe_sub(unsafe_add(first[0], unsafe_mul((steps[0] >> 8) & low, rate)), offset) ^ signs
            model.state[2] = unsafe_sub(unsafe_add(first[1], unsafe_mul(steps[0] & low, rate)), offset) ^ signs
            model.state[3] = unsafe_sub(unsafe_add(first[2], unsafe_mul((steps[1] >> 8) & low, rate)), offset) ^ signs
            model.state[4] = unsafe_sub(unsafe_add(first[3], unsafe_mul(steps[1] & low, rate)), offset) ^ signs
            model.state[5] = unsafe_sub(unsafe_add(first[4], unsafe_mul((steps[2] >> 8) & low, rate)), offset) ^ signs
            model.state[6] = unsafe_sub(unsafe_add(first[5], unsafe_mul(steps[2] & low, rate)), offset) ^ signs
            model.state[7] = unsafe_sub(unsafe_add(first[6], unsafe_mul((steps[3] >> 8) & low, rate)), offset) ^ signs
            model.state[8] = unsafe_sub(unsafe_add(first[7], unsafe_mul(steps[3] & low, rate)), offset) ^ signs
            model.state[9] = unsafe_sub(unsafe_add(first[8], unsafe_mul((steps[4] >> 8) & low, rate)), offset) ^ signs
            model.state[10] = unsafe_sub(unsafe_add(first[9], unsafe_mul(steps[4] & low, rate)), offset) ^ signs
            model.state[11] = unsafe_sub(unsafe_add(first[10], unsafe_mul((steps[5] >> 8) & low, rate)), offset) ^ signs
            model.state[12] = unsafe_sub(unsafe_add(first[11], unsafe_mul(steps[5] & low, rate)), offset) ^ signs
            model.state[13] = unsafe_sub(unsafe_add(first[12], unsafe_mul((steps[6] >> 8) & low, rate)), offset) ^ signs
            model.state[14] = unsafe_sub(unsafe_add(first[13], unsafe_mul(steps[6] & low, rate)), offset) ^ signs
            model.state[15] = unsafe_sub(unsafe_add(first[14], unsafe_mul((steps[7] >> 8) & low, rate)), offset) ^ signs
            model.state[16] = unsafe_sub(unsafe_add(first[15], unsafe_mul(steps[7] & low, rate)), offset) ^ signs
            model.state[17] = unsafe_sub(unsafe_add(first[16], unsafe_mul((steps[8] >> 8) & low, rate)), offset) ^ signs
            model.state[18] = unsafe_sub(unsafe_add(first[17], unsafe_mul(steps[8] & low, rate)), offset) ^ signs
            model.state[19] = unsafe_sub(unsafe_add(first[18], unsafe_mul((steps[9] >> 8) & low, rate)), offset) ^ signs
            model.state[20] = unsafe_sub(unsafe_add(first[19], unsafe_mul(steps[9] & low, rate)), offset) ^ signs
            model.state[21] = unsafe_sub(unsafe_add(first[20], unsafe_mul((steps[10] >> 8) & low, rate)), offset) ^ signs
            model.state[22] = unsafe_sub(unsafe_add(first[21], unsafe_mul(steps[10] & low, rate)), offset) ^ signs
            model.state[23] = unsafe_sub(unsafe_add(first[22], unsafe_mul((steps[11] >> 8) & low, rate)), offset) ^ signs
            model.state[24] = unsafe_sub(unsafe_add(first[23], unsafe_mul(steps[11] & low, rate)), offset) ^ signs
            model.state[25] = unsafe_sub(unsafe_add(first[24], unsafe_mul((steps[12] >> 8) & low, rate)), offset) ^ signs
            model.state[26] = unsafe_sub(unsafe_add(first[25], unsafe_mul(steps[12] & low, rate)), offset) ^ signs
            model.state[27] = unsafe_sub(unsafe_add(first[26], unsafe_mul((steps[13] >> 8) & low, rate)), offset) ^ signs
            model.state[28] = unsafe_sub(unsafe_add(first[27], unsafe_mul(steps[13] & low, rate)), offset) ^ signs
            model.state[29] = unsafe_sub(unsafe_add(first[28], unsafe_mul((steps[14] >> 8) & low, rate)), offset) ^ signs
            model.state[30] = unsafe_sub(unsafe_add(first[29], unsafe_mul(steps[14] & low, rate)), offset) ^ signs
            model.state[31] = unsafe_sub(unsafe_add(first[30], unsafe_mul((steps[15] >> 8) & low, rate)), offset) ^ signs
            model.state[32] = unsafe_sub(unsafe_add(first[31], unsafe_mul(steps[15] & low, rate)), offset) ^ signs
            # end
            word = 33
    else:
        answer, effect = dense._judge(total, squares, y, identity, doublings)
        if effect == 0:
            return 0, answer
        word = 1
    for b: uint256[3] in kept:
        if (b[0] ^ (b[0] << 1)) & (b[1] ^ (b[1] << 1)) & signs != signs:
            break
        model.state[word] = (
            unsafe_sub(unsafe_add(b[0], unsafe_mul((b[2] >> 8) & lanes.BYTES_16, rate)), offset) ^ signs
        )
        model.state[unsafe_add(word, 1)] = (
            unsafe_sub(unsafe_add(b[1], unsafe_mul(b[2] & lanes.BYTES_16, rate)), offset) ^ signs
        )
        word = unsafe_add(word, 2)
    if word >> 1 < size >> 5:
        # what was not kept, or not small
        for i: uint256 in range(word >> 1, size >> 5, bound=limits.MAX_SAMPLE // 32):
            step = lanes._reversed(convert(slice(msg.data, unsafe_add(position, i << 5), 32), uint256) ^ lanes.SIGNS_8)
            model.state[word] = dense._moved(model.state[word] ^ signs, step >> 8, rate)
            word = unsafe_add(word, 1)
            model.state[word] = dense._moved(model.state[word] ^ signs, step, rate)
            word = unsafe_add(word, 1)
    if rest > 0:
        if rest > 16:
            model.state[unsafe_add((size >> 5) << 1, 1)] = dense._moved(last_v, last_step >> 8, rate)
        if last > model.HEADER:
            model.state[last] = dense._moved(last_w, last_step, rate)
        elif (last_w ^ (last_w << 1)) & dense.UNSHARED == dense.UNSHARED:
            # the header shares the word, in lanes that do not move
            header_word = unsafe_sub(unsafe_add(last_w, unsafe_mul(last_step & lanes.BYTES_16, rate)), offset) ^ signs
        else:
            header_word = dense._moved(last_w, last_step, rate)

    assert (header_word >> 224) & model.VERSION_MASK < model.VERSION_MASK, "model: version is full"
    bias: uint256 = unsafe_add(((header_word >> dense.BIAS) & dense.MASK_32) ^ 2**31, bias_rate)
    assert bias <= dense.MASK_32, "perceptron: bias out of range"
    model.state[model.HEADER] = unsafe_add(
        (header_word & ~(dense.MASK_32 << dense.BIAS)) | ((bias ^ 2**31) << dense.BIAS),
        unsafe_add(model.VERSION_ONE, convert(doublings > 0, uint256) << falling.COUNT),
    )
    return unsafe_add(effect, doublings << falling.EFFECT), answer
