# pragma version 0.4.3
"""
@title NaiveBayes
@notice Multinomial naive Bayes on sparse samples, up to 255 classes: the class with the largest probability, where the words
        (features) of a sample are drawn independently from a distribution of their class.
@dev For each class the model keeps its documents (samples), for each word how many of them have it (count), and the total
     of these counts. The probability of class y for a sample of k words is, but for a factor that all classes share,

         documents · Π (count_i + α) / (total + α · features)^k

     with the smoothing α > 0 (Lidstone; 1 is Laplace's). A class without documents never wins against one that has any;
     of equals the lowest index wins. See `_score` for how it never underflows, and how exact it is.

     The first document of a class sets its total to the largest that another class has, and adds its words to that. Otherwise a
     class with one document would find every word that it has not seen likelier than large classes find their rare words, and
     win samples that have nothing in common with that document. As it is, no sample without one of its words is given to it.

     A sample is learnt only if its class does not win, or wins by less than the margin: what the model is sure of already costs no
     storage. Margin 0 learns everything, which is naive Bayes as it is known.

     State: the module `table` with the total of the counts as the figure of a class.
     Parameters: those of the module `table`; the implementation's own 32 bits are α in units of 2^-16, at least one unit, and its
     16 bits the margin in units of 1/256 of a logarithm to the base 2, up to which a class's probability is 2^255 times another's.
     The vocabulary of the slides is the number of features: no word outside it can be learnt, all of it is smoothed.
"""
from ..interfaces import IModel
from ..modules import classes
from ..modules import limits
from ..modules import model
from ..modules import ownership
from ..modules import sample
from ..modules import table

implements: IModel
initializes: ownership
initializes: model[ownership := ownership]
initializes: classes[model := model, ownership := ownership]
initializes: table[model := model]

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

MAX_CHUNKS: constant(uint256) = limits.MAX_SAMPLE // 32
NOBODY: constant(uint256) = max_value(uint256)  # no class

MASK_16: constant(uint256) = 2**16 - 1
MASK_32: constant(uint256) = 2**32 - 1
MASK_64: constant(uint256) = 2**64 - 1
MASK_128: constant(uint256) = 2**128 - 1
ALPHA: constant(uint256) = 160  # where the smoothing stands in the identity word
ALPHA_BITS: constant(uint256) = 16  # behind its point
MARGIN: constant(uint256) = 208  # where the margin stands in the identity word
MARGIN_BITS: constant(uint256) = 8  # behind its point
FACTOR_BITS: constant(uint256) = 49  # of (count + α) in units of 2^-16: 2^32 counts and 2^16 of α
FULL: constant(uint256) = 2**207  # a product below it can take one more factor
ONE: constant(uint256) = 1
SCORE_BITS: constant(uint256) = 63  # behind the point of a score
ZERO: constant(uint256) = 2**100  # added to scores inside, to do without signs
NEVER: constant(uint256) = 0  # the score inside of a class without documents


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
    return "NaiveBayes"


@view
@external
def statistics(y: uint256) -> (uint256, uint256):
    """
    @notice The number of documents of a class and the total of its counts.
    """
    assert y < classes._count(model.state[model.HEADER]), "model: no such class"
    return table._statistics(y) >> 64, table._statistics(y) & MASK_64


# ---- form -----------------------------------------------------------------------------------------------------------

@view
@external
def layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters, and that they have room for `count` classes.
    @return The number of state words, whatever the number of classes, and the room.
    """
    assert parameters & MASK_32 > 0, "naive bayes: smoothing of 0"
    return table._layout(parameters, count)


@pure
@external
def vacant(parameters: uint256, count: uint256, position: uint256) -> uint256:
    """
    @notice The bits of a state word that belong to classes which are not there: their lanes.
    """
    return table._vacant(parameters, count, position)


@view
@external
def check_state() -> bool:
    """
    @notice Whether what was loaded may be sealed: at least one class, and names.
    """
    classes._check()
    return True


# ---- use ------------------------------------------------------------------------------------------------------------
# The functions below do without variables of their own: these would stand behind the sample in memory, which is dear.

@view
@external
def predict(x: Bytes[limits.MAX_SAMPLE]) -> uint256:
    """
    @notice The class of `x`.
    """
    return self._likeliest(sample._position(), len(x), model._identity(), NOBODY)[0]


@view
@external
def scores(x: Bytes[limits.MAX_SAMPLE]) -> DynArray[int256, limits.MAX_CLASSES]:
    """
    @notice For each class the logarithm to the base 2 of documents · Π (count + α) / (total + α · features), in units of 2^-63,
            interpolated between the powers of 2; for a class without documents the lowest number there is.
    """
    identity: uint256 = model._identity()
    class_count: uint256 = classes._count(model.state[model.HEADER])
    position: uint256 = sample._position()
    table._check_sample(position, len(x), identity)
    scores: DynArray[int256, limits.MAX_CLASSES] = []
    group: uint256[8] = empty(uint256[8])
    for y: uint256 in range(class_count, bound=limits.MAX_CLASSES):
        if table._starts_group(y, identity):
            if (identity >> table.ROOM) & MASK_16 <= table.NARROW:
                group[y], group[y + 1] = self._pair(position, len(x), identity, y, class_count, NOBODY)
            else:
                group = self._group(position, len(x), identity, y, class_count, NOBODY)
        score: uint256 = group[y & 7]
        scores.append(min_value(int256) if score == NEVER else convert(score, int256) - convert(ZERO, int256))
    return scores


@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be if the one contribution `(x, y)` that had this `effect` had never been added.
    @dev Every sample that was learnt had the effect 1; without sense for one that never was.
    """
    assert y < classes._count(model.state[model.HEADER]), "model: no such class"
    return self._likeliest(sample._position(), len(x), model._identity(), y if effect > 0 else NOBODY)[0]


@view
@external
def evaluate(rows: Bytes[limits.MAX_ROWS]) -> uint256:
    """
    @notice The number of rows whose class the model gets wrong.
    """
    identity: uint256 = model._identity()
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
        if self._likeliest(position, size, identity, NOBODY)[0] != y:
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @return 0 where the sample left the model as it was, else 1.
    """
    return self._learn(len(x), y, False)[0]


@external
def learn(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> (uint256, uint256):
    """
    @notice As `update`, and the class that `predict` gave to `x` before. Only the trainer may call it.
    @return The effect, and that class.
    """
    return self._learn(len(x), y, True)


@internal
def _learn(size: uint256, y: uint256, asked: bool) -> (uint256, uint256):
    """
    @dev What `learn` does; `x`, the first argument of the external call, is read where it stands.
    @param size The length of `x` in bytes.
    @param asked Whether the answer is wanted; without, and without a margin, it is not found out.
    """
    identity: uint256 = model._identity()
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header_word: uint256 = model.state[model.HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < classes._count(header_word), "model: no such class"
    position: uint256 = sample._position()
    margin: uint256 = ((identity >> MARGIN) & MASK_16) << (SCORE_BITS - MARGIN_BITS)
    answer: uint256 = 0
    lead: uint256 = 0
    if asked or margin > 0:
        answer, lead = self._likeliest(position, size, identity, NOBODY)
        if margin > 0 and answer == y and lead >= margin:
            return 0, answer
    else:
        table._check_sample(position, size, identity)
    table._add_sample(position, size, identity, y)
    table._count(header_word, y, unsafe_add(size >> 1, self._start(header_word, y)))  # safe: 64 bits and 11 bits
    return 1, answer


@internal
@view
def _start(header_word: uint256, y: uint256) -> uint256:
    """
    @dev What the total of a class begins with: nothing, but for its first document the largest total that a class has. See the head.
    """
    if table._statistics(y) >> 64 > 0:
        return 0
    most: uint256 = 0
    for c: uint256 in range(classes._count(header_word), bound=limits.MAX_CLASSES):
        most = max(most, table._statistics(c) & MASK_64)
    return most


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _likeliest(position: uint256, size: uint256, identity: uint256, without: uint256) -> (uint256, uint256):
    """
    @dev The class of the sample, and by how much its score is above that of any other; the sample is checked here too.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    @param without The class of which one such sample is not to count, or `NOBODY`.
    """
    table._check_sample(position, size, identity)
    class_count: uint256 = classes._count(model.state[model.HEADER])
    likeliest: uint256 = 0
    most: uint256 = NEVER
    next: uint256 = NEVER  # the highest of the other scores
    if (identity >> table.ROOM) & MASK_16 <= table.NARROW:
        for i: uint256 in range(table.NARROW // 2):
            y: uint256 = i << 1
            if y >= class_count:
                break
            first: uint256 = 0
            second: uint256 = 0
            first, second = self._pair(position, size, identity, y, class_count, without)
            if first > most:
                next = most
                most = first
                likeliest = y
            elif first > next:
                next = first
            if second > most:
                next = most
                most = second
                likeliest = unsafe_add(y, 1)
            elif second > next:
                next = second
        return likeliest, unsafe_sub(most, next)  # safe: it is not above
    group: uint256[8] = empty(uint256[8])
    for y: uint256 in range(class_count, bound=limits.MAX_CLASSES):
        if y & 7 == 0:
            group = self._group(position, size, identity, y, class_count, without)
        if group[y & 7] > most:
            next = most
            most = group[y & 7]
            likeliest = y
        elif group[y & 7] > next:
            next = group[y & 7]
    return likeliest, unsafe_sub(most, next)  # safe: it is not above


@internal
@view
def _pair(
    position: uint256, size: uint256, identity: uint256, y: uint256, class_count: uint256, without: uint256
) -> (uint256, uint256):
    """
    @dev The scores inside of the classes y, an even number, and y + 1, with room for up to 4, for a sample that `_check_sample`
         has checked.

         documents · Π (count + α) is kept as mantissa and exponent. A mantissa below `FULL` has room for one more factor of 49
         bits; from there on it loses its lowest 49 bits, at most 2^-158 of its value.
    @param without The class of which one such sample is not to count, or `NOBODY`.
    """
    room: uint256 = (identity >> table.ROOM) & MASK_16
    statistics: uint256 = model.state[y >> 1]
    # What is added to a count, in units of 2^-16: α, less 1 for the class without the sample (which wraps around, and back
    # where the count is at least 1).
    smoothing_0: uint256 = (identity >> ALPHA) & MASK_32
    smoothing_1: uint256 = smoothing_0
    if without >> 1 == y >> 1:
        statistics = self._take_off(statistics, size >> 1, without)
        if without == y:
            smoothing_0 = unsafe_sub(smoothing_0, ONE << ALPHA_BITS)
        else:
            smoothing_1 = unsafe_sub(smoothing_1, ONE << ALPHA_BITS)
    product_0: uint256 = (statistics >> 160) & MASK_32
    product_1: uint256 = 0
    if unsafe_add(y, 1) < class_count:
        product_1 = (statistics >> 64) & MASK_32
    exponent_0: uint256 = 0
    exponent_1: uint256 = 0
    base: uint256 = unsafe_add(unsafe_add(room, 1) >> 1, y)
    row_at: uint256 = 243  # where the number of the row, the features of a word, begins in a chunk
    lane_at: uint256 = 235  # where the lane begins in a chunk, in bits
    lane_mask: uint256 = 224
    head: bool = True
    both: bool = unsafe_add(y, 1) < class_count
    row: uint256 = max_value(uint256)
    first: uint256 = 0
    second: uint256 = 0
    least: uint256 = 0
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)  # the first chunk is the one that may be shorter
    end: uint256 = unsafe_add(position, count << 1)
    for i: uint256 in range(MAX_CHUNKS):
        chunk: uint256 = sample._chunk(end, count, least)
        least = unsafe_add((chunk >> unsafe_sub(256, count << 4)) & MASK_16, 1)
        for j: uint256 in range(count, bound=16):
            if chunk >> row_at != row:
                if head and chunk >> 240 >= table.HEAD:
                    head = False
                    row_at, lane_mask = table._tail(room)
                    lane_at = unsafe_sub(row_at, 8)
                    base = table._tail_base(room, row_at)
                row = chunk >> row_at
                if head:
                    first = model.state[unsafe_add(unsafe_mul(row, room), base)]
                    if both:
                        second = model.state[unsafe_add(unsafe_add(unsafe_mul(row, room), base), 1)]
                else:
                    first = model.state[unsafe_add(row, base)] << (y << 5)
                    second = first << 32
            lane: uint256 = (chunk >> lane_at) & lane_mask
            product_0 = unsafe_mul(product_0, unsafe_add(((first << lane) >> 224) << ALPHA_BITS, smoothing_0))
            if product_0 >= FULL:
                product_0 >>= FACTOR_BITS
                exponent_0 = unsafe_add(exponent_0, FACTOR_BITS)
            product_1 = unsafe_mul(product_1, unsafe_add(((second << lane) >> 224) << ALPHA_BITS, smoothing_1))
            if product_1 >= FULL:
                product_1 >>= FACTOR_BITS
                exponent_1 = unsafe_add(exponent_1, FACTOR_BITS)
            chunk <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
        end = unsafe_add(end, 32)
    # the divisors are total + α · features; safe: 64 + 16 bits, and 32 + 17 bits
    smoothing: uint256 = unsafe_mul((identity >> ALPHA) & MASK_32, identity >> table.N_FEATURES)
    return (
        self._score(product_0, exponent_0, unsafe_add((statistics >> 80) & (MASK_64 << 16), smoothing), size >> 1),
        self._score(product_1, exponent_1, unsafe_add((statistics & MASK_64) << 16, smoothing), size >> 1),
    )


@internal
@view
def _group(
    position: uint256, size: uint256, identity: uint256, y: uint256, class_count: uint256, without: uint256
) -> uint256[8]:
    """
    @dev As `_pair`, of up to 8 classes from y on, a multiple of 8, with room for more than 4.
    """
    group: uint256 = min(unsafe_sub(class_count, y), 8)  # safe: the class exists
    smoothing: uint256[8] = empty(uint256[8])
    products: uint256[8] = empty(uint256[8])
    divisors: uint256[8] = empty(uint256[8])
    for i: uint256 in range(group, bound=8):
        statistics: uint256 = model.state[unsafe_add(y, i) >> 1]
        smoothing[i] = (identity >> ALPHA) & MASK_32
        if unsafe_add(y, i) == without:
            statistics = self._take_off(statistics, size >> 1, without)
            smoothing[i] = unsafe_sub(smoothing[i], ONE << ALPHA_BITS)
        statistics = statistics >> unsafe_mul(~i & 1, 96)
        products[i] = (statistics >> 64) & MASK_32
        divisors[i] = unsafe_add(
            (statistics & MASK_64) << ALPHA_BITS,
            unsafe_mul((identity >> ALPHA) & MASK_32, identity >> table.N_FEATURES),
        )
    exponents: uint256 = 0  # in lanes of 32 bits, the first in the highest; in units of 49
    room: uint256 = (identity >> table.ROOM) & MASK_16
    base: uint256 = unsafe_add(unsafe_add(room, 1) >> 1, y >> 3)
    stride: uint256 = unsafe_add(room, 7) >> 3
    least: uint256 = 0
    count: uint256 = unsafe_add(unsafe_sub(size >> 1, 1) & 15, 1)
    end: uint256 = unsafe_add(position, count << 1)
    for i: uint256 in range(MAX_CHUNKS):
        chunk: uint256 = sample._chunk(end, count, least)
        least = unsafe_add((chunk >> unsafe_sub(256, count << 4)) & MASK_16, 1)
        for j: uint256 in range(count, bound=16):
            counts: uint256 = model.state[unsafe_add(unsafe_mul(chunk >> 240, stride), base)]
            for c: uint256 in range(group, bound=8):
                product: uint256 = unsafe_mul(products[c], unsafe_add((counts >> 224) << ALPHA_BITS, smoothing[c]))
                if product >= FULL:
                    product >>= FACTOR_BITS
                    exponents = unsafe_add(exponents, table.LANE_ONE >> (c << 5))
                products[c] = product
                counts <<= 32
            chunk <<= 16
        if end == unsafe_add(position, size):
            break
        count = 16
        end = unsafe_add(end, 32)
    for i: uint256 in range(group, bound=8):
        products[i] = self._score(
            products[i],
            unsafe_mul((exponents >> unsafe_sub(224, i << 5)) & MASK_32, FACTOR_BITS),
            divisors[i],
            size >> 1,
        )
    return products


@internal
@pure
def _take_off(statistics: uint256, features: uint256, y: uint256) -> uint256:
    """
    @dev A word of statistics without one sample of class y.
    """
    half: uint256 = unsafe_mul(~y & 1, 96)
    assert (
        (statistics >> half) & table.MASK_96 >= 2**64 and (statistics >> half) & MASK_64 >= features
    ), "model: no such sample was added"
    return unsafe_sub(statistics, unsafe_add(2**64, features) << half)  # safe: neither part goes below 0


@internal
@pure
def _score(product: uint256, exponent: uint256, divisor: uint256, features: uint256) -> uint256:
    """
    @notice The logarithm to the base 2 of product · 2^exponent / divisor^features, in units of 2^-63, and `ZERO`; interpolated
            between powers of 2, i.e. value = 2^n · (1 + f) gives n + f, which has the order of the values.
    @dev The divisor's power is found by squaring, with mantissas of 128 bits that lose less than 2^-127 of their value in each
         step, and so less than features · 2^-127 ≤ 2^-117 in all: a square doubles what was lost, so the 2^j-th power has lost
         less than (2^j - 1) · 2^-127, and the factors that are multiplied have exponents with the sum `features`. The product
         has lost less than 2^10 · 2^-158. The quotient loses less than 2^-127 and is rounded to 64 bits. So the score
         stands for a value within 2^-63 of the exact one, relatively. Two classes can be told apart wrongly or not at all only
         if their probabilities differ by less than one part in 2^62; equal ones are told to be equal, unless they lie within
         2^-115 of where the rounding changes. Nothing underflows: exponents have as many bits as they need.
         Exponents may be negative: they wrap around, and back when `ZERO` is added.
    @param product Below 2^207.
    @param divisor At most 128 bits, above 0.
    """
    if product == 0:
        return NEVER
    base: uint256 = 0
    base_exponent: uint256 = 0
    base, base_exponent = self._normalize(divisor)
    base >>= 128  # loses nothing
    base_exponent = unsafe_sub(128, base_exponent)
    power: uint256 = 2**127
    power_exponent: uint256 = max_value(uint256) - 126  # -127
    rest: uint256 = features
    for i: uint256 in range(11):
        surplus: uint256 = 0
        if rest & 1 == 1:
            power = unsafe_mul(power, base)
            surplus = unsafe_add(127, power >> 255)
            power >>= surplus
            power_exponent = unsafe_add(unsafe_add(power_exponent, base_exponent), surplus)
        rest >>= 1
        if rest == 0:
            break
        base = unsafe_mul(base, base)
        surplus = unsafe_add(127, base >> 255)
        base >>= surplus
        base_exponent = unsafe_add(base_exponent << 1, surplus)
    mantissa: uint256 = 0
    left: uint256 = 0
    mantissa, left = self._normalize(product)
    mantissa = unsafe_div(mantissa, power)  # 128 or 129 bits
    # to 64 bits, rounded; 2^64, if rounding leads there, counts as the next power of 2
    surplus: uint256 = unsafe_add(64, mantissa >> 128)
    mantissa = unsafe_add(mantissa, ONE << unsafe_sub(surplus, 1)) >> surplus
    power_exponent = unsafe_add(unsafe_sub(unsafe_sub(exponent, left), power_exponent), surplus)
    return unsafe_add(
        unsafe_add(unsafe_mul(unsafe_add(power_exponent, SCORE_BITS - 1), 2**SCORE_BITS), mantissa), ZERO
    )


@internal
@pure
def _normalize(x: uint256) -> (uint256, uint256):
    """
    @dev x · 2^n with its highest bit in bit 255, and n.
    """
    value: uint256 = x
    left: uint256 = 0
    if value < 2**128:
        value <<= 128
        left = 128
    if value < 2**192:
        value <<= 64
        left = unsafe_add(left, 64)
    if value < 2**224:
        value <<= 32
        left = unsafe_add(left, 32)
    if value < 2**240:
        value <<= 16
        left = unsafe_add(left, 16)
    if value < 2**248:
        value <<= 8
        left = unsafe_add(left, 8)
    if value < 2**252:
        value <<= 4
        left = unsafe_add(left, 4)
    if value < 2**254:
        value <<= 2
        left = unsafe_add(left, 2)
    if value < 2**255:
        value <<= 1
        left = unsafe_add(left, 1)
    return value, left


# ---- classes --------------------------------------------------------------------------------------------------------

@external
def add_class(name: String[limits.MAX_TEXT]) -> uint256:
    """
    @notice Add a class, which has learnt nothing yet. Only the owner may, and not while the trainer is busy with the model.
    @param name Not empty, and not the name of another class.
    @return The new class.
    """
    return classes._add(name, table._room(model._identity()))
