# pragma version 0.4.3
"""
@title NearestCentroid
@notice Dense samples, up to 255 classes: the class whose mean is nearest.
@dev Of each class the sum S of its samples, their number n, and ‖S‖² are kept as integers, so the mean S / n is exact at any time:

         S ← S + x    n ← n + 1    ‖S‖² ← ‖S‖² + 2 · x·S + ‖x‖²

     ‖x - S/n‖² is smallest where 2 · x·S / n - ‖S‖² / n² is largest; that is the score, times 2^128 and rounded down. With
     that scale rounding decides nothing: scores are fractions whose denominators n² are below 2^64, so two that differ do
     so by at least 2^-128. Of equal scores the lowest class wins. A class without samples has the lowest score there is.
     Only samples whose norm is within 2% of `unit` are learnt, so that none moves a mean far; those of any norm are classified.

     The owner may add classes to a sealed model, as long as there is room; they have no samples. After its first one a class is
     the answer for what is nearer to that sample than to the mean of every other class, and for nothing else.

     State: one word with the header (see the modules `model` and `classes`), then the classes, each in the same number of words: sums as two's complement `int24`, 10 to a word, and in the upper 96 bits of
     the last word ‖S‖² (64 bits) and n (32 bits). A sum has room for 65,536 samples of -128 or 66,051 of 127, whatever they
     are; updates that leave it revert. A word holds 10 features f = 0 ... 9 in its lanes of 24 bits, from the lowest on, in the order 0,
     3, 6, 9, 1, 4, 7, 2, 5, 8, in which the wide multiplications of the module `lanes` need them. If the last features of a class
     are 1 to 6, they share the last word with ‖S‖² and n, in the order 0, 3, 1, 4, 2, 5; else that has a word of its own.

     Parameters, from the lowest bits up: room, the most classes that the model can ever have (8 bits), number of features (16), unit (16).
     Room and features are limited together, so that whatever can be added can be claimed within the gas of one transaction.
"""
from ..interfaces import IModel
from ..modules import classes
from ..modules import lanes
from ..modules import limits
from ..modules import model
from ..modules import ownership
from ..modules import sample

implements: IModel
initializes: ownership
initializes: model[ownership := ownership]
initializes: classes[model := model, ownership := ownership]

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
    # two-step ownership
    ownership.owner,
    ownership.successor,
    ownership.offer_ownership,
    ownership.accept_ownership,
)

MAX_FEATURES: constant(uint256) = 2_048  # one byte each
MAX_UNIT: constant(uint256) = 5_792  # the norm of 2,048 values of 128: samples of a larger unit do not exist
# words of all classes: a prediction reads them all, at about 2,400 gas each, and sealing at about 2,800 and with the names of 255 classes; 16,777,216 gas is the
# most that a transaction may use, of which a claim needs some itself
MAX_CLASS_WORDS: constant(uint256) = 4_096
MAX_TENS: constant(uint256) = 205  # words of sums of a class

NOBODY: constant(uint256) = max_value(uint256)  # no class

MASK_8: constant(uint256) = 2**8 - 1
MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1

# where count and squared norm stand in the last word of a class
COUNT: constant(uint256) = 160
SQUARE: constant(uint256) = 192
# where the parameters stand in the identity word
ROOM: constant(uint256) = 160
N_FEATURES: constant(uint256) = 168
UNIT: constant(uint256) = 184

DOT_ZERO: constant(uint256) = 2**47  # what dot products count too much inside, to do without signs
SCALE: constant(uint256) = 128  # bits behind the point of a score


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
    return "NearestCentroid"


@view
@external
def count(y: uint256) -> uint256:
    """
    @notice The number of samples of a class.
    """
    assert y < classes._count(model.state[model.HEADER]), "model: no such class"
    return (model.state[self._last_word(model._identity(), y)] >> COUNT) & MASK_32


# ---- form -----------------------------------------------------------------------------------------------------------

@view
@external
def layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters, and that they have room for `count` classes.
    @return The number of state words with them, and the room.
    """
    room: uint256 = parameters & MASK_8
    n_features: uint256 = (parameters >> 8) & MASK_16
    unit: uint256 = parameters >> 24
    assert room > 0, "model: room for 1 to 255 classes"
    assert n_features > 0 and n_features <= MAX_FEATURES, "model: 1 to 2,048 features"
    assert unit > 0 and unit <= MAX_UNIT, "model: unit of 1 to 5,792"
    assert room * self._class_words(n_features) <= MAX_CLASS_WORDS, "model: too many classes"
    assert count <= room, "classes: too many"
    return 1 + count * self._class_words(n_features), room


@pure
@external
def vacant(parameters: uint256, count: uint256, position: uint256) -> uint256:
    """
    @notice The bits of a state word that belong to classes which are not there: none, because a class has words of its own.
    """
    return 0


@view
@external
def check_state() -> bool:
    """
    @notice Whether what was loaded may be sealed: at least one class, names, and of each class sums, a squared norm that
            matches them, and a count: a state that samples can lead to, as far as it shows.
    """
    identity: uint256 = model._identity()
    for y: uint256 in range(classes._count(model.state[model.HEADER]), bound=limits.MAX_CLASSES):
        self._check_class(identity, y)
    classes._check()
    return True


# ---- use ------------------------------------------------------------------------------------------------------------

@view
@external
def predict(x: Bytes[limits.MAX_SAMPLE]) -> uint256:
    """
    @notice The class whose mean is nearest, of several the lowest; 0 where no class has samples.
    """
    return self._best(sample._position(), len(x), 0, limits.MAX_CLASSES, NOBODY)[0]


@view
@external
def scores(x: Bytes[limits.MAX_SAMPLE]) -> DynArray[int256, limits.MAX_CLASSES]:
    """
    @notice For each class (2 · x·S / n - ‖S‖² / n²) · 2^128, rounded down, which is the less the farther its mean is; the lowest
            number there is for a class without samples.
    """
    scores: DynArray[int256, limits.MAX_CLASSES] = []
    for y: uint256 in range(classes._count(model.state[model.HEADER]), bound=limits.MAX_CLASSES):
        scores.append(self._best(sample._position(), len(x), y, 1, NOBODY)[1])
    return scores


@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be if the one contribution `(x, y)` that had this `effect` had never been added.
    @dev Every sample moved its class, whatever `effect` says.
    """
    assert y < classes._count(model.state[model.HEADER]), "model: no such class"
    return self._best(sample._position(), len(x), 0, limits.MAX_CLASSES, y)[0]


@view
@external
def evaluate(rows: Bytes[limits.MAX_ROWS]) -> uint256:
    """
    @notice The number of rows whose class the model gets wrong.
    """
    class_count: uint256 = classes._count(model.state[model.HEADER])
    position: uint256 = sample._position()
    end: uint256 = position + len(rows)
    errors: uint256 = 0
    for i: uint256 in range(limits.MAX_ROWS):
        if position == end:
            break
        y: uint256 = 0
        size: uint256 = 0
        y, size = sample._row(position, end)
        assert y < class_count, "model: no such class"
        position = unsafe_add(position, sample.ROW_HEAD)
        if self._best(position, size, 0, limits.MAX_CLASSES, NOBODY)[0] != y:
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it. The norm of `x` must be within 2% of the unit.
    @return 1: every sample moves the mean of its class.
    """
    self._update(len(x), y)
    return 1


@external
def learn(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> (uint256, uint256):
    """
    @notice As `update`, and the class that `predict` gave to `x` before. Only the trainer may call it.
    @return The effect, 1, and that class.
    """
    answer: uint256 = self._best(sample._position(), len(x), 0, limits.MAX_CLASSES, NOBODY)[0]
    self._update(len(x), y)
    return 1, answer


@internal
def _update(size: uint256, y: uint256):
    identity: uint256 = model._identity()
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header_word: uint256 = model.state[model.HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < classes._count(header_word), "model: no such class"
    assert size == (identity >> N_FEATURES) & MASK_16, "sample: wrong dimension"
    position: uint256 = sample._position()
    squares: uint256 = sample._squared_norm(position, size)
    sample._check_norm(squares, identity >> UNIT)
    model.state[model.HEADER] = model._count_update(header_word)

    last: uint256 = self._last_word(identity, y)
    word: uint256 = unsafe_sub(unsafe_add(last, 1), self._class_words(size))
    products: uint256 = 0
    spilt: uint256 = 0
    at: uint256 = unsafe_sub(position, 22)  # a word from there ends with the first ten values
    for i: uint256 in range(unsafe_div(size, 10), bound=MAX_TENS):
        # as `_rest` and `_learn`, without internal calls
        part: uint256 = convert(slice(msg.data, at, 32), uint256) << 176
        part = (((part >> 32) | (part >> 120) | (part >> 184)) & lanes.BYTES_24) ^ lanes.OFFSET_8_24
        sums: uint256 = model.state[word] ^ lanes.SIGNS_24
        even: uint256 = sums & lanes.SUMS_48
        odd: uint256 = (sums >> 24) & lanes.SUMS_48
        # as `lanes._product_10`
        products = unsafe_add(
            unsafe_add(
                products,
                unsafe_mul(
                    unsafe_sub((part >> 24) & lanes.BYTES_48, lanes.OFFSET_8_48), unsafe_sub(even, lanes.OFFSET_24_48)
                ),
            ),
            unsafe_mul(unsafe_sub(part & lanes.BYTES_48, lanes.OFFSET_8_48), unsafe_sub(odd, lanes.OFFSET_24_48)),
        )
        # as `lanes._added_10`; whether any sum has left its range is looked at when all are added
        part = lanes._turned_10(part)
        spilt |= unsafe_add(unsafe_add(even, part & lanes.BYTES_48), lanes.ADD_ZEROS) | unsafe_add(
            unsafe_add(odd, (part >> 24) & lanes.BYTES_48), lanes.ADD_ZEROS
        )
        model.state[word] = unsafe_sub(unsafe_add(sums, part), lanes.OFFSET_8_24) ^ lanes.SIGNS_24
        at = unsafe_add(at, 10)
        word = unsafe_add(word, 1)
    assert spilt & lanes.ADD_SPILT == 0, "centroid: sum out of range"
    if size % 10 > 0:
        products = unsafe_add(products, self._learn(word, self._rest(position, size)))

    facts: uint256 = model.state[last]
    assert (facts >> COUNT) & MASK_32 < MASK_32, "centroid: count is full"
    # safe: the squared norm of 2,048 sums of 24 bits has at most 57 bits
    square: uint256 = unsafe_sub(
        unsafe_add(unsafe_add(facts >> SQUARE, unsafe_mul(2, lanes._dot_of(products))), squares), 2 * DOT_ZERO
    )
    model.state[last] = unsafe_add(facts & (2**SQUARE - 1), 1 << COUNT) | (square << SQUARE)


@internal
def _learn(word: uint256, part: uint256) -> uint256:
    """
    @dev Adds values of a sample to the sums of a word, and returns their product with what the sums were before.
    """
    sums: uint256 = 0
    spilt: bool = False
    sums, spilt = lanes._added_10(part, model.state[word])
    assert not spilt, "centroid: sum out of range"
    products: uint256 = lanes._product_10(part, model.state[word])
    model.state[word] = sums
    return products


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _best(position: uint256, size: uint256, first: uint256, most: uint256, without: uint256) -> (uint256, int256):
    """
    @dev The class with the highest score, of several the lowest, and that score.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    @param first The class to begin with.
    @param most How many classes to look at, at most.
    @param without The class from which the sample is taken out before, or `NOBODY`.
    """
    identity: uint256 = model._identity()
    assert size == (identity >> N_FEATURES) & MASK_16, "sample: wrong dimension"
    tens: uint256 = unsafe_div(size, 10)
    parts: uint256[MAX_TENS] = empty(uint256[MAX_TENS])
    at: uint256 = unsafe_sub(position, 22)  # a word from there ends with the first ten values
    for i: uint256 in range(tens, bound=MAX_TENS):
        # as `_rest`, without internal calls
        part: uint256 = convert(slice(msg.data, at, 32), uint256) << 176
        parts[i] = (((part >> 32) | (part >> 120) | (part >> 184)) & lanes.BYTES_24) ^ lanes.OFFSET_8_24
        at = unsafe_add(at, 10)
    if unsafe_mul(tens, 10) < size:
        parts[tens] = self._rest(position, size)
        tens = unsafe_add(tens, 1)
    squares: uint256 = 0
    if without != NOBODY:
        squares = sample._squared_norm(position, size)

    words: uint256 = self._class_words(size)
    word: uint256 = unsafe_add(unsafe_mul(first, words), 1)
    best: uint256 = first
    highest: int256 = min_value(int256)
    for y: uint256 in range(
        first, min(classes._count(model.state[model.HEADER]), unsafe_add(first, most)), bound=limits.MAX_CLASSES
    ):
        facts: uint256 = model.state[unsafe_sub(unsafe_add(word, words), 1)]
        if (facts >> COUNT) & MASK_32 > 0:
            products: uint256 = 0
            at = word
            for i: uint256 in range(tens, bound=MAX_TENS):
                # as `lanes._product_10`, without an internal call
                part: uint256 = parts[i]
                sums: uint256 = model.state[at] ^ lanes.SIGNS_24
                products = unsafe_add(
                    unsafe_add(
                        products,
                        unsafe_mul(
                            unsafe_sub((part >> 24) & lanes.BYTES_48, lanes.OFFSET_8_48),
                            unsafe_sub(sums & lanes.SUMS_48, lanes.OFFSET_24_48),
                        ),
                    ),
                    unsafe_mul(
                        unsafe_sub(part & lanes.BYTES_48, lanes.OFFSET_8_48),
                        unsafe_sub((sums >> 24) & lanes.SUMS_48, lanes.OFFSET_24_48),
                    ),
                )
                at = unsafe_add(at, 1)
            score: int256 = self._score(facts, lanes._dot_of(products), squares, y == without)
            if score > highest:
                highest = score
                best = y
        else:
            assert y != without, "centroid: no sample to leave out"
        word = unsafe_add(word, words)
    return best, highest


@internal
@pure
def _score(facts: uint256, dot: uint256, squares: uint256, without: bool) -> int256:
    """
    @dev Rounded down, on either side of 0. Safe: 2 · n · dot has at most 81 bits, times 2^128 at most 209.
    @param facts The last word of the class.
    @param dot The dot product and `DOT_ZERO`.
    @param squares ‖x‖².
    @param without Whether x is taken out of the class before: x·(S - x) = x·S - ‖x‖², ‖S - x‖² = ‖S‖² - 2 · x·S + ‖x‖².
    """
    n: uint256 = (facts >> COUNT) & MASK_32
    plus: uint256 = dot
    minus: uint256 = facts >> SQUARE
    if without:
        n = unsafe_sub(n, 1)
        if n == 0:
            return min_value(int256)
        minus = unsafe_sub(unsafe_add(unsafe_add(minus, squares), 2 * DOT_ZERO), unsafe_mul(2, dot))
        plus = unsafe_sub(dot, squares)
    plus = unsafe_mul(unsafe_mul(2, n), plus)
    minus = unsafe_add(minus, unsafe_mul(unsafe_mul(2, n), DOT_ZERO))
    divisor: uint256 = unsafe_mul(n, n)
    if plus >= minus:
        return convert(unsafe_div(unsafe_sub(plus, minus) << SCALE, divisor), int256)
    return -convert(
        unsafe_div(unsafe_add(unsafe_sub(minus, plus) << SCALE, unsafe_sub(divisor, 1)), divisor), int256
    )


@internal
@view
def _rest(position: uint256, size: uint256) -> uint256:
    """
    @dev The last 1 to 9 values of a sample, as `lanes._spread_10` gives them.
    """
    rest: uint256 = size % 10
    part: uint256 = sample._last_block(unsafe_add(position, size), rest)
    if rest > 6:
        return lanes._spread_10(part, 120, 184)
    return lanes._spread_10(part, 72, 112)


@internal
@pure
def _class_words(n_features: uint256) -> uint256:
    return unsafe_div(unsafe_add(n_features, 13), 10)


@internal
@pure
def _last_word(identity: uint256, y: uint256) -> uint256:
    """
    @dev The word with count and squared norm of a class. Safe: classes and words per class have 8 bits each.
    """
    return unsafe_mul(unsafe_add(y, 1), self._class_words((identity >> N_FEATURES) & MASK_16))


@internal
@view
def _square(identity: uint256, y: uint256) -> uint256:
    """
    @dev ‖S‖², from the sums.
    """
    n_features: uint256 = (identity >> N_FEATURES) & MASK_16
    last: uint256 = self._last_word(identity, y)
    first: uint256 = last + 1 - self._class_words(n_features)
    # safe: 2,048 squares of 24 bits
    total: uint256 = lanes._squares_10(model.state[last] & (2**COUNT - 1))
    for word: uint256 in range(first, last, bound=MAX_TENS):
        total = unsafe_add(total, lanes._squares_10(model.state[word]))
    return total


@internal
@view
def _check_class(identity: uint256, y: uint256):
    facts: uint256 = model.state[self._last_word(identity, y)]
    assert facts >> SQUARE == self._square(identity, y), "centroid: squared norm does not match the sums"
    assert (facts >> COUNT) & MASK_32 > 0 or facts >> SQUARE == 0, "centroid: sums without samples"


# ---- classes --------------------------------------------------------------------------------------------------------

@external
def add_class(name: String[limits.MAX_TEXT]) -> uint256:
    """
    @notice Add a class, which has learnt nothing yet. Only the owner may, and not while the trainer is busy with the model.
    @param name Not empty, and not the name of another class.
    @return The new class.
    """
    return classes._add(name, (model._identity() >> ROOM) & MASK_8)
