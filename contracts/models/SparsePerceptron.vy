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

     A sample of a model with more than 640 words may have at most 640 features: each may change a word that was 0, at 22,200
     gas, and 16,777,216 gas is the most that a transaction may use.

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
MAX_TABLE: constant(uint256) = 128  # words of the state that `evaluate` keeps in memory
# in a row's head: the bit of label 1, and the bits that no label has
LABEL_ONE: constant(uint256) = 1 << 16
LABEL_TOO_LARGE: constant(uint256) = 254 << 16
MAX_WORDS: constant(uint256) = 640
MAX_TERMS: constant(uint256) = 512
MAX_CARD: constant(uint256) = 4_096
MAX_CLASSES: constant(uint256) = 255

ALL: constant(uint256) = max_value(uint256)
MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1

HEADER: constant(uint256) = 0  # the word with the header
HEADER_LANES: constant(uint256) = 4
ZERO: constant(uint256) = 2**40  # what is added to scores inside, to do without signs
BIAS: constant(uint256) = 192  # where the bias stands in the header word
# where the parameters stand in the identity word
RATE: constant(uint256) = 160
BIAS_RATE: constant(uint256) = 176
MARGIN: constant(uint256) = 192
N_FEATURES: constant(uint256) = 224

# the bit of the bias that `SIGNS` flips although it is no sign
BIAS_MIDDLE: constant(uint256) = 2**15 << BIAS

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
    return convert(((model.words[HEADER] >> BIAS) & MASK_32) ^ 2**31, int256) - 2**31


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
    @notice The value whose sign decides: the sum of the weights of the features of `x`, and the bias.
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
    @dev A sample that moved the model changed its own score by rate · features + bias rate, up for class 1.
    """
    if effect == 0:
        return 1 if self._score(len(x)) > ZERO else 0
    if y == 1:
        return 1 if self._score(len(x)) > ZERO + self._step(len(x)) else 0
    return 1 if self._score(len(x)) + self._step(len(x)) > ZERO else 0


@view
@external
def evaluate(rows: Bytes[MAX_ROWS]) -> uint256:
    return self._evaluate(len(rows))


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @return 0 where the sample left the model as it was, else 1 + the class that lost.
    """
    identity: uint256 = model._identity()
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header_word: uint256 = model.words[HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < 2, "model: no such class"
    position: uint256 = sample._position()
    total: uint256 = self._total(header_word, position, len(x), identity >> N_FEATURES)
    margin: uint256 = (identity >> MARGIN) & MASK_32
    # safe: no term has more than 41 bits
    if y == 1:
        if total >= unsafe_add(ZERO, max(1, margin)):
            return 0
        self._learn(SIGNS, header_word, position, len(x), identity)
        return 1
    if ZERO >= unsafe_add(total, margin):
        return 0
    self._learn(~SIGNS, header_word, position, len(x), identity)
    return 2


@internal
def _learn(flip: uint256, header_word: uint256, position: uint256, size: uint256, identity: uint256):
    """
    @dev Moves the weights of a sample, which `_total` has checked, by the rate, and the bias by its own.
    @param flip What makes a word's lanes such that moving them is adding: `SIGNS` to move up; all other bits to move down,
                because the complement of a lane falls where the lane rises.
    """
    rate: uint256 = identity << (256 - RATE - 16) >> 240 << 240  # in the highest lane
    limit: uint256 = unsafe_sub(ALL, rate)  # above it adding the rate to the highest lane overflows
    bias_rate: uint256 = (identity >> BIAS_RATE) & MASK_16
    packed: uint256 = model._count_update(header_word) ^ flip ^ BIAS_MIDDLE
    assert ((packed >> BIAS) & MASK_32) + bias_rate <= MASK_32, "perceptron: bias out of range"
    packed = unsafe_add(packed, bias_rate << BIAS) ^ BIAS_MIDDLE  # safe: the lane does not overflow
    word: uint256 = HEADER
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)
    end: uint256 = position
    for i: uint256 in range(MAX_SAMPLE // 32):
        end = unsafe_add(end, count << 1)
        # as `sample._chunk` reads it, without its checks
        lanes: uint256 = convert(slice(msg.data, unsafe_sub(end, 32), 32), uint256) << unsafe_sub(256, count << 4)
        lanes = unsafe_add(lanes, SHIFT)
        for j: uint256 in range(count, bound=16):
            if lanes >> 244 != word:
                model.words[word] = packed ^ flip
                word = lanes >> 244
                packed = model.words[word] ^ flip
            # the lane in the highest bits, and others below it, must not overflow
            assert packed << ((lanes >> 236) & 240) <= limit, "perceptron: weight out of range"
            packed = unsafe_add(packed, rate >> ((lanes >> 236) & 240))
            lanes <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
    model.words[word] = packed ^ flip


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _score(size: uint256) -> uint256:
    """
    @param size The length in bytes of the sample, the first argument of the external call.
    """
    return self._total(model.words[HEADER], sample._position(), size, model._identity() >> N_FEATURES)


@internal
@view
def _step(size: uint256) -> uint256:
    """
    @dev By how much a sample of this length in bytes moves its own score when it is learnt.
    """
    identity: uint256 = model._identity()
    return ((identity >> RATE) & MASK_16) * (size >> 1) + ((identity >> BIAS_RATE) & MASK_16)


@internal
@view
def _total(header_word: uint256, position: uint256, size: uint256, n_features: uint256) -> uint256:
    """
    @dev The score and `ZERO`; the sample is checked here too. The bias and the weights are added up with their sign bits
         flipped, so they count 2^31 and 2^15 too much each. Safe: 2^40, 2^10 values of 16 bits and one of 32 bits.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    """
    assert size > 0, "sample: empty"
    assert size & 1 == 0, "sample: odd length"
    assert size <= 2 * MAX_WORDS or n_features <= 16 * MAX_WORDS - HEADER_LANES, "sample: too long"
    word: uint256 = HEADER
    packed: uint256 = header_word ^ SIGNS
    total: uint256 = unsafe_sub(unsafe_add(((header_word >> BIAS) & MASK_32) ^ 2**31, ZERO - 2**31), size << 14)
    next: uint256 = 0
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)  # the first chunk is the one that may be shorter
    end: uint256 = position
    for i: uint256 in range(MAX_SAMPLE // 32):
        end = unsafe_add(end, count << 1)
        lanes: uint256 = sample._chunk(end, count, next)
        next = unsafe_add((lanes >> unsafe_sub(256, count << 4)) & MASK_16, 1)
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
    return total


@internal
@view
def _evaluate(size: uint256) -> uint256:
    """
    @dev The errors on the rows, the first argument of the external call. Where there are rows enough, the weights are put into
         memory first, with their sign bits flipped; then a chunk's 16 weights are added up without a branch.
    @param size The length of the rows in bytes.
    """
    header_word: uint256 = model.words[HEADER]
    n_features: uint256 = model._identity() >> N_FEATURES
    word_count: uint256 = unsafe_div(unsafe_add(n_features, HEADER_LANES + 15), 16)  # safe: 16 bits
    tabled: bool = word_count <= MAX_TABLE and size >= word_count << 3
    table: uint256[MAX_TABLE] = empty(uint256[MAX_TABLE])
    if tabled:
        for word: uint256 in range(word_count, bound=MAX_TABLE):
            table[word] = model.words[word] ^ SIGNS
    # a chunk's empty lanes are taken for feature 0
    first_weight: uint256 = (table[HEADER] << (16 * HEADER_LANES)) >> 240
    zero: uint256 = unsafe_add(((header_word >> BIAS) & MASK_32) ^ 2**31, ZERO - 2**31)
    position: uint256 = sample._position()
    end: uint256 = unsafe_add(position, size)
    errors: uint256 = 0
    for i: uint256 in range(MAX_ROWS):
        if position == end:
            break
        # the row's head ends the word; where it is cut off, so is the row
        head: uint256 = convert(slice(msg.data, unsafe_sub(position, 32 - sample.ROW_HEAD), 32), uint256)
        length: uint256 = head & MASK_16
        position = unsafe_add(position, sample.ROW_HEAD)
        stop: uint256 = unsafe_add(position, length)
        assert length <= MAX_SAMPLE, "sample: longer than 2,048 bytes"
        assert stop <= end, "sample: row is cut off"
        assert head & LABEL_TOO_LARGE == 0, "model: no such class"
        total: uint256 = 0
        if tabled:
            # what is not checked is safe: see `_total`
            assert length > 0, "sample: empty"
            assert length & 1 == 0, "sample: odd length"
            count: uint256 = unsafe_add(unsafe_sub(length >> 1, 1) & 15, 1)
            total = unsafe_sub(unsafe_sub(zero, length << 14), unsafe_mul(unsafe_sub(16, count), first_weight))
            next: uint256 = 0
            for c: uint256 in range(MAX_SAMPLE // 32):
                position = unsafe_add(position, count << 1)
                lanes: uint256 = sample._chunk(position, count, next)
                next = unsafe_add((lanes >> unsafe_sub(256, count << 4)) & MASK_16, 1)
                assert next <= n_features, "sample: index out of range"
                lanes = unsafe_add(lanes, SHIFT)
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
                if position == stop:
                    break
                count = 16
        else:
            total = self._total(header_word, position, length, n_features)
            position = stop
        if (total > ZERO) != (head & LABEL_ONE > 0):
            errors = unsafe_add(errors, 1)
    return errors


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
