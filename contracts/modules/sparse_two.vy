# pragma version 0.4.3
"""
@title SparseTwo
@notice What the perceptrons with two classes on sparse samples share: state, scores, evaluation. How they learn is their own.
@dev score = Σ w_i over the features i that are present + bias; class 1 where it is above 0, else class 0.

     State: lanes of 16 bits, 16 to a word, the first of a word in its highest bits. In a lane, from its highest bit down: a weight
     in two's complement, and as many bits as the kind says (`LEVEL_BITS`) for something else. The header (see the module `model`)
     takes the place of the first four lanes, so feature i stands in lane i + 4: the features with the lowest indices, which
     encoders give to the most frequent words, share their word with the header. In the header: the bias as two's complement
     `int32`.

     A sample of a model with more than 640 words may have at most 640 features: each may change a word that was 0, at 22,200
     gas, and 16,777,216 gas is the most that a transaction may use.

     Parameters, from the lowest bits up: 16 bits for the kind, bias rate (16), margin (32), number of features (32). Weights,
     bias, rates, margin and scores have one unit.
"""
from . import limits
from . import model
from . import sample

uses: model

MAX_FEATURES: constant(uint256) = 65_532  # indices and lanes, the header's four included, are uint16
MAX_TABLE: constant(uint256) = 128  # words of the state that `evaluate` keeps in memory
# in a row's head: the bit of label 1, and the bits that no label has
LABEL_ONE: constant(uint256) = 1 << 16
LABEL_TOO_LARGE: constant(uint256) = 254 << 16

ONES: constant(uint256) = max_value(uint256) // (2**16 - 1)  # 1 in each lane
MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1

HEADER_LANES: constant(uint256) = 4
ZERO: constant(uint256) = 2**40  # what is added to scores inside, to do without signs
SIGNED_ZERO: constant(int256) = 2**40
BIAS: constant(uint256) = 192  # where the bias stands in the header word
# where the parameters stand in the identity word
BIAS_RATE: constant(uint256) = 176
MARGIN: constant(uint256) = 192
N_FEATURES: constant(uint256) = 224

# the bit of the bias that `SIGNS` flips although it is no sign
BIAS_MIDDLE: constant(uint256) = 2**15 << BIAS

# flips the sign bits of the 16 lanes of a word: two's complement to offset binary and back
SIGNS: constant(uint256) = ONES * 2**15
# moves the feature indices in 16 lanes to the lanes of the weights
SHIFT: constant(uint256) = ONES * HEADER_LANES

# bits at the low end of a lane that do not belong to the weight
LEVEL_BITS: immutable(uint256)


@deploy
def __init__(level_bits: uint256):
    LEVEL_BITS = level_bits


# ---- identity -------------------------------------------------------------------------------------------------------

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
    @notice The trained bias, in units of the weights.
    """
    return convert(((model.state[model.HEADER] >> BIAS) & MASK_32) ^ 2**31, int256) - 2**31


# ---- form -----------------------------------------------------------------------------------------------------------

@internal
@pure
def _layout(parameters: uint256) -> (uint256, uint256):
    """
    @dev Checks the number of features.
    @return The number of state words, and 0: the number of classes is fixed.
    """
    n_features: uint256 = parameters >> 64
    assert n_features > 0 and n_features <= MAX_FEATURES, "model: 1 to 65,532 features"
    return (n_features + HEADER_LANES + 15) // 16, 0


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
    return convert(self._score(len(x)) > ZERO, uint256)


@view
@external
def score(x: Bytes[limits.MAX_SAMPLE]) -> int256:
    """
    @notice The value whose sign decides: the sum of the weights of the features of `x`, and the bias.
    """
    return convert(self._score(len(x)), int256) - convert(ZERO, int256)


@view
@external
def scores(x: Bytes[limits.MAX_SAMPLE]) -> DynArray[int256, limits.MAX_CLASSES]:
    """
    @notice The score of each class: 0 for class 0, and `score(x)` for class 1.
    """
    return [0, convert(self._score(len(x)), int256) - convert(ZERO, int256)]


@view
@external
def evaluate(rows: Bytes[limits.MAX_ROWS]) -> uint256:
    """
    @notice The number of rows whose class the model gets wrong.
    """
    return self._evaluate(len(rows))


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _score(size: uint256) -> uint256:
    """
    @param size The length in bytes of the sample, the first argument of the external call.
    """
    clone: address = self
    identity: uint256 = convert(slice(clone.code, model.IDENTITY, 32), uint256)  # as `model._identity`
    return self._total(
        model.state[model.HEADER],
        unsafe_add(convert(slice(msg.data, 4, 32), uint256), 36),  # as `sample._position`
        size,
        identity >> N_FEATURES,
    )


@internal
@view
def _total(header_word: uint256, position: uint256, size: uint256, n_features: uint256) -> uint256:
    """
    @dev The score and `ZERO`; the sample is checked here too. Shifting an `int256` to the right keeps its sign: so a lane in the
         highest bits becomes its weight. Through `bytes32` a word becomes signed or unsigned as it is. Safe: 2^40, 2^10 values
         of 16 bits and one of 32 bits, less than 2^40 together.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    """
    assert size > 0, "sample: empty"
    assert size & 1 == 0, "sample: odd length"
    if size > 2 * limits.MAX_WORDS:
        assert n_features <= 16 * limits.MAX_WORDS - HEADER_LANES, "sample: too long"
    low: uint256 = unsafe_add(240, LEVEL_BITS)
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)  # the first chunk is the one that may be shorter
    header: int256 = convert(convert(header_word, bytes32), int256)
    total: int256 = unsafe_add((header << 32) >> (BIAS + 32), SIGNED_ZERO)
    next: uint256 = 0
    end: uint256 = position
    for i: uint256 in range(limits.MAX_SAMPLE // 32):
        # as `sample._chunk`, without an internal call
        end = unsafe_add(end, count << 1)
        unused: uint256 = unsafe_sub(256, count << 4)
        lanes: uint256 = convert(slice(msg.data, unsafe_sub(end, 32), 32), uint256) << unused
        first: uint256 = (lanes >> 16) & sample.EVEN
        second: uint256 = lanes & sample.EVEN
        assert (
            (~unsafe_sub(unsafe_sub(second | sample.HIGH, first), sample.LOW) & (sample.ALL << unsafe_add(unused, 16)))
            | (
                ~unsafe_sub(unsafe_sub((first << 32) | sample.HIGH, second), sample.LOW)
                & (sample.ALL << unsafe_add(unused, 32))
            )
        ) & sample.HIGH == 0, "sample: indices must increase"
        assert lanes >> 240 >= next, "sample: indices must increase"
        next = unsafe_add((lanes >> unused) & MASK_16, 1)
        assert next <= n_features, "sample: index out of range"
        # from features to lanes; safe: no index is above 65,531, and behind the last one nothing is read
        lanes = unsafe_add(lanes, SHIFT)
        if count > 12:
            # unrolled: fifteen_read
            total = unsafe_add(
                unsafe_add(
                    unsafe_add(
                        unsafe_add(
                            (convert(convert(model.state[lanes >> 244], bytes32), int256) << ((lanes >> 236) & 240)) >> low,
                            unsafe_add(
                                (convert(convert(model.state[(lanes >> 228) & 4095], bytes32), int256) << ((lanes >> 220) & 240)) >> low,
                                (convert(convert(model.state[(lanes >> 212) & 4095], bytes32), int256) << ((lanes >> 204) & 240)) >> low,
                            ),
                        ),
                        unsafe_add(
                            unsafe_add(
                                (convert(convert(model.state[(lanes >> 196) & 4095], bytes32), int256) << ((lanes >> 188) & 240)) >> low,
                                (convert(convert(model.state[(lanes >> 180) & 4095], bytes32), int256) << ((lanes >> 172) & 240)) >> low,
                            ),
                            unsafe_add(
                                (convert(convert(model.state[(lanes >> 164) & 4095], bytes32), int256) << ((lanes >> 156) & 240)) >> low,
                                (convert(convert(model.state[(lanes >> 148) & 4095], bytes32), int256) << ((lanes >> 140) & 240)) >> low,
                            ),
                        ),
                    ),
                    unsafe_add(
                        unsafe_add(
                            unsafe_add(
                                (convert(convert(model.state[(lanes >> 132) & 4095], bytes32), int256) << ((lanes >> 124) & 240)) >> low,
                                (convert(convert(model.state[(lanes >> 116) & 4095], bytes32), int256) << ((lanes >> 108) & 240)) >> low,
                            ),
                            unsafe_add(
                                (convert(convert(model.state[(lanes >> 100) & 4095], bytes32), int256) << ((lanes >> 92) & 240)) >> low,
                                (convert(convert(model.state[(lanes >> 84) & 4095], bytes32), int256) << ((lanes >> 76) & 240)) >> low,
                            ),
                        ),
                        unsafe_add(
                            unsafe_add(
                                (convert(convert(model.state[(lanes >> 68) & 4095], bytes32), int256) << ((lanes >> 60) & 240)) >> low,
                                (convert(convert(model.state[(lanes >> 52) & 4095], bytes32), int256) << ((lanes >> 44) & 240)) >> low,
                            ),
                            unsafe_add(
                                (convert(convert(model.state[(lanes >> 36) & 4095], bytes32), int256) << ((lanes >> 28) & 240)) >> low,
                                (convert(convert(model.state[(lanes >> 20) & 4095], bytes32), int256) << ((lanes >> 12) & 240)) >> low,
                            ),
                        ),
                    ),
                ),
                total,
            )
            # end
            if count == 16:
                total = unsafe_add(
                    total,
                    (convert(convert(model.state[(lanes >> 4) & 4095], bytes32), int256) << ((lanes << 4) & 240)) >> low,
                )
            else:
                # for those that are missing, feature 0 was read, whose weight the header has
                total = unsafe_sub(
                    total,
                    unsafe_mul(
                        convert(convert(unsafe_sub(15, count), bytes32), int256), (header << (16 * HEADER_LANES)) >> low
                    ),
                )
        else:
            for j: uint256 in range(unsafe_add(count, 3) >> 2, bound=3):
                # unrolled: four_read
                total = unsafe_add(
                    unsafe_add(
                        unsafe_add(
                            (convert(convert(model.state[lanes >> 244], bytes32), int256) << ((lanes >> 236) & 240)) >> low,
                            (convert(convert(model.state[(lanes >> 228) & 4095], bytes32), int256) << ((lanes >> 220) & 240)) >> low,
                        ),
                        unsafe_add(
                            (convert(convert(model.state[(lanes >> 212) & 4095], bytes32), int256) << ((lanes >> 204) & 240)) >> low,
                            (convert(convert(model.state[(lanes >> 196) & 4095], bytes32), int256) << ((lanes >> 188) & 240)) >> low,
                        ),
                    ),
                    total,
                )
                # end
                lanes <<= 64
            total = unsafe_sub(
                total,
                unsafe_mul(
                    convert(convert(unsafe_sub(0, count) & 3, bytes32), int256), (header << (16 * HEADER_LANES)) >> low
                ),
            )
        if end == unsafe_add(position, size):
            break
        count = 16
    return convert(convert(total, bytes32), uint256)


@internal
@view
def _evaluate(size: uint256) -> uint256:
    """
    @dev The errors on the rows, the first argument of the external call. Where there are rows enough, the weights are put into
         memory first, with their sign bits flipped and nothing else in their lanes; then a chunk's 16 weights are added up without a branch.
    @param size The length of the rows in bytes.
    """
    header_word: uint256 = model.state[model.HEADER]
    n_features: uint256 = model._identity() >> N_FEATURES
    word_count: uint256 = unsafe_div(unsafe_add(n_features, HEADER_LANES + 15), 16)  # safe: 16 bits
    tabled: bool = word_count <= MAX_TABLE and size >= word_count << 3
    table: uint256[MAX_TABLE] = empty(uint256[MAX_TABLE])
    if tabled:
        weights: uint256 = unsafe_mul(ONES, MASK_16 >> LEVEL_BITS << LEVEL_BITS)
        for word: uint256 in range(word_count, bound=MAX_TABLE):
            table[word] = (model.state[word] ^ SIGNS) & weights
    # a chunk's empty lanes are taken for feature 0
    first_weight: uint256 = (table[model.HEADER] << (16 * HEADER_LANES)) >> 240
    zero: uint256 = unsafe_add(((header_word >> BIAS) & MASK_32) ^ 2**31, ZERO - 2**31)
    position: uint256 = sample._position()
    end: uint256 = unsafe_add(position, size)
    errors: uint256 = 0
    for i: uint256 in range(limits.MAX_ROWS):
        if position == end:
            break
        assert unsafe_add(position, sample.ROW_HEAD) <= end, "sample: row is cut off"
        # the row's head ends the word
        head: uint256 = convert(slice(msg.data, unsafe_sub(position, 32 - sample.ROW_HEAD), 32), uint256)
        length: uint256 = head & MASK_16
        position = unsafe_add(position, sample.ROW_HEAD)
        stop: uint256 = unsafe_add(position, length)
        assert length <= limits.MAX_SAMPLE, "sample: longer than 2,048 bytes"
        assert stop <= end, "sample: row is cut off"
        assert head & LABEL_TOO_LARGE == 0, "model: no such class"
        total: uint256 = 0
        if tabled:
            # what is not checked is safe: see `_total`
            assert length > 0, "sample: empty"
            assert length & 1 == 0, "sample: odd length"
            count: uint256 = unsafe_add(unsafe_sub(length >> 1, 1) & 15, 1)
            total = unsafe_mul(unsafe_sub(count, 16), first_weight)  # meant to wrap around until the first chunk is added
            next: uint256 = 0
            for c: uint256 in range(limits.MAX_SAMPLE // 32):
                position = unsafe_add(position, count << 1)
                lanes: uint256 = sample._chunk(position, count, next)
                next = unsafe_add((lanes >> unsafe_sub(256, count << 4)) & MASK_16, 1)
                assert next <= n_features, "sample: index out of range"
                lanes = unsafe_add(lanes, SHIFT)
                # unrolled: sixteen_weights
                total = unsafe_add(
                    unsafe_add(
                        unsafe_add((table[lanes >> 244] << ((lanes >> 236) & 240)) >> 240, (table[(lanes >> 228) & 4095] << ((lanes >> 220) & 240)) >> 240),
                        unsafe_add((table[(lanes >> 212) & 4095] << ((lanes >> 204) & 240)) >> 240, (table[(lanes >> 196) & 4095] << ((lanes >> 188) & 240)) >> 240),
                    ),
                    total,
                )
                total = unsafe_add(
                    unsafe_add(
                        unsafe_add((table[(lanes >> 180) & 4095] << ((lanes >> 172) & 240)) >> 240, (table[(lanes >> 164) & 4095] << ((lanes >> 156) & 240)) >> 240),
                        unsafe_add((table[(lanes >> 148) & 4095] << ((lanes >> 140) & 240)) >> 240, (table[(lanes >> 132) & 4095] << ((lanes >> 124) & 240)) >> 240),
                    ),
                    total,
                )
                total = unsafe_add(
                    unsafe_add(
                        unsafe_add((table[(lanes >> 116) & 4095] << ((lanes >> 108) & 240)) >> 240, (table[(lanes >> 100) & 4095] << ((lanes >> 92) & 240)) >> 240),
                        unsafe_add((table[(lanes >> 84) & 4095] << ((lanes >> 76) & 240)) >> 240, (table[(lanes >> 68) & 4095] << ((lanes >> 60) & 240)) >> 240),
                    ),
                    total,
                )
                total = unsafe_add(
                    unsafe_add(
                        unsafe_add((table[(lanes >> 52) & 4095] << ((lanes >> 44) & 240)) >> 240, (table[(lanes >> 36) & 4095] << ((lanes >> 28) & 240)) >> 240),
                        unsafe_add((table[(lanes >> 20) & 4095] << ((lanes >> 12) & 240)) >> 240, (table[(lanes >> 4) & 4095] << ((lanes << 4) & 240)) >> 240),
                    ),
                    total,
                )
                # end
                if position == stop:
                    break
                count = 16
            # every weight counts 2^15 of its lane too much
            total = unsafe_add(zero, unsafe_sub(total >> LEVEL_BITS, (length << 14) >> LEVEL_BITS))
        else:
            total = self._total(header_word, position, length, n_features)
            position = stop
        if (total > ZERO) != (head & LABEL_ONE > 0):
            errors = unsafe_add(errors, 1)
    return errors
