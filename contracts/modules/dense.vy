# pragma version 0.4.3
"""
@title Dense
@notice What the model `DensePerceptron` keeps where, the score of a sample, and what follows from it.
@dev Its header says how weights stand in words, and why. The arithmetic is that of the module `lanes`.
"""
from . import falling
from . import lanes
from . import limits
from . import model
from . import sample

uses: model

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

# the features of the last word of weights beside which the header fits: it takes the lanes of the features 9, 11, 13, 15 of 16
SHARING: constant(uint256) = 9
SHARING_COUNT: constant(uint256) = 7  # and those beside which a count fits too, in the lane of the feature 7 of 16

# flips the sign bits of the 16 lanes of a word: two's complement to offset binary and back
SIGNS: constant(uint256) = lanes.SIGNS_16
# the sign bits of those lanes that may hold weights in the word that the header shares with them
UNSHARED: constant(uint256) = SIGNS >> 64


# ---- what follows from a score --------------------------------------------------------------------------------------

@internal
@pure
def _judge(
    total: uint256, squares: uint256, y: uint256, identity: uint256, doublings: uint256
) -> (uint256, uint256):
    """
    @dev The class of a sample with this score, and its effect if it is learnt. Its norm is checked, as `sample._check_norm` does.
         Safe: no term has more than 61 bits.
    @param squares Σ x_f² in the highest lane of 32 bits, and half of that lane's unit.
    """
    square: uint256 = unsafe_mul(identity >> UNIT, identity >> UNIT)
    scaled: uint256 = unsafe_mul(squares >> 224, 10_000)
    assert scaled >= unsafe_mul(square, 9_604), "sample: norm out of bounds"
    assert scaled <= unsafe_mul(square, 10_404), "sample: norm out of bounds"
    margin: uint256 = ((identity >> MARGIN) & MASK_32) << doublings
    if y == 1:
        return convert(total > ZERO, uint256), convert(total < unsafe_add(ZERO, max(1, margin)), uint256)
    return convert(total > ZERO, uint256), convert(ZERO < unsafe_add(total, margin), uint256) << 1


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


# ---- scores ---------------------------------------------------------------------------------------------------------

@internal
@view
def _score(size: uint256) -> uint256:
    """
    @param size The length in bytes of the sample, the first argument of the external call.
    """
    identity: uint256 = model._identity()
    return self._total(
        identity,
        model.state[model.HEADER],
        unsafe_add(convert(slice(msg.data, 4, 32), uint256), 36),  # as `sample._position`
        size,
    )


@internal
@view
def _undone(size: uint256, y: uint256, effect: uint256) -> uint256:
    """
    @dev The score of a sample of this length in bytes, and `ZERO`, without what the contribution of it moved that had this effect.
         Safe: 2^60, 65 values of 32 bits, and a step of at most 16 + 25 + 1 + 7 bits.
    """
    total: uint256 = self._score(size)
    if effect == 0:
        return total
    identity: uint256 = model._identity()
    step: uint256 = unsafe_add(
        unsafe_mul((identity >> RATE) & MASK_16, sample._squared_norm(sample._position(), size)),
        unsafe_mul((identity >> BIAS_RATE) & MASK_16, identity >> UNIT),
    ) << ((effect >> falling.EFFECT) & falling.MASK_3)
    return unsafe_sub(total, step) if y == 1 else unsafe_add(total, step)


@internal
@view
def _total(identity: uint256, header_word: uint256, position: uint256, size: uint256) -> uint256:
    """
    @dev The score and `ZERO`; the sample's length is checked here too. The bias is added with its sign bit flipped, so it
         counts 2^31 too much. Safe: 2^60, 65 values of 32 bits, and one of 32 bits times one of 13.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    """
    assert size == (identity >> N_FEATURES) & falling.MASK_12, "sample: wrong dimension"
    total: uint256 = unsafe_add(
        unsafe_sub(ZERO, (identity >> UNIT) << 31),
        unsafe_mul(identity >> UNIT, ((header_word >> BIAS) & MASK_32) ^ 2**31),
    )
    at: uint256 = position
    word: uint256 = 1
    if size >= 512:
        # 16 blocks at once, because the costs of a loop and of reading count
        x: uint256[16] = abi_decode(slice(msg.data, position, 512), uint256[16])
        signs_8: uint256 = lanes.SIGNS_8
        signs_16: uint256 = SIGNS
        total = unsafe_add(
            unsafe_sub(total, 4 * lanes.DOT_ZERO),
            # unrolled: dots_read
            unsafe_add(
                unsafe_add(
                    lanes._dot_4(
                        x[0] ^ signs_8,
                        x[1] ^ signs_8,
                        x[2] ^ signs_8,
                        x[3] ^ signs_8,
                        model.state[1] ^ signs_16,
                        model.state[2] ^ signs_16,
                        model.state[3] ^ signs_16,
                        model.state[4] ^ signs_16,
                        model.state[5] ^ signs_16,
                        model.state[6] ^ signs_16,
                        model.state[7] ^ signs_16,
                        model.state[8] ^ signs_16,
                    ),
                    lanes._dot_4(
                        x[4] ^ signs_8,
                        x[5] ^ signs_8,
                        x[6] ^ signs_8,
                        x[7] ^ signs_8,
                        model.state[9] ^ signs_16,
                        model.state[10] ^ signs_16,
                        model.state[11] ^ signs_16,
                        model.state[12] ^ signs_16,
                        model.state[13] ^ signs_16,
                        model.state[14] ^ signs_16,
                        model.state[15] ^ signs_16,
                        model.state[16] ^ signs_16,
                    ),
                ),
                unsafe_add(
                    lanes._dot_4(
                        x[8] ^ signs_8,
                        x[9] ^ signs_8,
                        x[10] ^ signs_8,
                        x[11] ^ signs_8,
                        model.state[17] ^ signs_16,
                        model.state[18] ^ signs_16,
                        model.state[19] ^ signs_16,
                        model.state[20] ^ signs_16,
                        model.state[21] ^ signs_16,
                        model.state[22] ^ signs_16,
                        model.state[23] ^ signs_16,
                        model.state[24] ^ signs_16,
                    ),
                    lanes._dot_4(
                        x[12] ^ signs_8,
                        x[13] ^ signs_8,
                        x[14] ^ signs_8,
                        x[15] ^ signs_8,
                        model.state[25] ^ signs_16,
                        model.state[26] ^ signs_16,
                        model.state[27] ^ signs_16,
                        model.state[28] ^ signs_16,
                        model.state[29] ^ signs_16,
                        model.state[30] ^ signs_16,
                        model.state[31] ^ signs_16,
                        model.state[32] ^ signs_16,
                    ),
                ),
            ),
            # end
        )
        at = unsafe_add(at, 512)
        word = 33
    for i: uint256 in range(word >> 1, size >> 5, bound=limits.MAX_SAMPLE // 32):
        total = unsafe_add(
            unsafe_sub(total, lanes.DOT_ZERO),
            lanes._dot(
                convert(slice(msg.data, at, 32), uint256) ^ lanes.SIGNS_8,
                model.state[word] ^ SIGNS,
                model.state[unsafe_add(word, 1)] ^ SIGNS,
            ),
        )
        at = unsafe_add(at, 32)
        word = unsafe_add(word, 2)
    rest: uint256 = size & 31
    if rest == 0:
        return total
    at = unsafe_add(at, rest)
    last: uint256 = word if rest <= 16 else unsafe_add(word, 1)
    sharing: uint256 = SHARING if (identity >> falling.FALL) & falling.MASK_4 == 0 else SHARING_COUNT
    if unsafe_sub(rest & 15, 1) < sharing:  # modulo 2^256
        last = model.HEADER
    total = unsafe_sub(total, lanes.DOT_ZERO)
    if rest <= 16:
        return unsafe_add(
            total,
            lanes._dot_half(
                lanes._spread_half(sample._last_block(at, rest)) ^ lanes.SIGNS_8, model.state[last] ^ SIGNS
            ),
        )
    return unsafe_add(
        total,
        lanes._dot(
            sample._last_block(at, rest) ^ lanes.SIGNS_8,
            model.state[word] ^ SIGNS,
            model.state[last] ^ SIGNS,
        ),
    )
