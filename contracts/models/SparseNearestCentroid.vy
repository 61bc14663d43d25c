# pragma version 0.4.3
"""
@title SparseNearestCentroid
@notice The class whose centroid, the mean of its samples, is nearest; on sparse samples, up to 255 classes.
@dev A sample is a vector x of zeros and ones. For each class the model keeps the sums S of its samples, their number n, and ‖S‖²,
     so that the centroid S / n is the exact mean at any time. Of the squared distance to it,

         ‖x - S/n‖² = ‖S‖² / n² - 2 · x·S / n + ‖x‖²,

     the last term is the same for all classes. The rest is compared exactly, see `_distance`. Of equals the lowest index
     wins; a class without samples never wins against one that has any.

     The first sample of a class finds ‖S‖² not at 0 but at the largest ‖S / n‖² that another class has. Otherwise a class with one
     short sample would be near to every sample that is far from the others, whatever it has in common with it. As it is, no
     sample without one of its features is given to it. With n samples this weighs n² times less.

     State: the module `table` with S as counts and ‖S‖², and what it began with, as the figure of a class.
     Parameters: those of the module `table`; the implementation's own 32 bits are 0.
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

NOBODY: constant(uint256) = max_value(uint256)  # no class

MASK_32: constant(uint256) = 2**32 - 1
MASK_64: constant(uint256) = 2**64 - 1
# added to the distances inside, to do without signs; in the unit of scores
ZERO: constant(uint256) = 2**43
FRACTION: constant(uint256) = 128  # bits behind the point of a distance
FAR: constant(uint256) = max_value(uint256)  # the distance of a class without samples


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
    return "SparseNearestCentroid"


@view
@external
def statistics(y: uint256) -> (uint256, uint256):
    """
    @notice The number of samples of a class and the squared norm of their sum.
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
    assert parameters & (table.MASK_16 << 48 | MASK_32) == 0, "model: unknown parameters"
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
    return self._nearest(sample._position(), len(x), model._identity(), NOBODY)


@view
@external
def scores(x: Bytes[limits.MAX_SAMPLE]) -> DynArray[int256, limits.MAX_CLASSES]:
    """
    @notice For each class ‖x‖² less the squared distance to its centroid, in units of 2^-128, rounded up; for a class without
            samples the lowest number there is.
    """
    identity: uint256 = model._identity()
    position: uint256 = sample._position()
    table._check_sample(position, len(x), identity)
    scores: DynArray[int256, limits.MAX_CLASSES] = []
    class_count: uint256 = classes._count(model.state[model.HEADER])
    even: uint256 = 0
    odd: uint256 = 0
    for y: uint256 in range(class_count, bound=limits.MAX_CLASSES):
        if table._starts_group(y, identity):
            even, odd = table._sums(position, len(x), identity, y, class_count)
        distance: uint256 = self._distance(table._statistics(y), table._sum(even, odd, y, identity))
        if distance == FAR:
            scores.append(min_value(int256))
        else:
            scores.append(convert(ZERO << FRACTION, int256) - convert(distance, int256))
    return scores


@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be if the one contribution `(x, y)` that had this `effect` had never been added.
    @dev Every sample that was added had the effect 1; without sense for one that never was.
    """
    assert y < classes._count(model.state[model.HEADER]), "model: no such class"
    return self._nearest(sample._position(), len(x), model._identity(), y if effect > 0 else NOBODY)


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
        if self._nearest(position, size, identity, NOBODY) != y:
            errors = unsafe_add(errors, 1)
        position = unsafe_add(position, size)  # safe: not behind the end
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @dev S += x, n += 1, ‖S‖² += 2 · x·S + ‖x‖².
    @return 1: every sample moves the centroid of its class.
    """
    self._update(len(x), y)
    return 1


@external
def learn(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> (uint256, uint256):
    """
    @notice As `update`, and the class that `predict` gave to `x` before. Only the trainer may call it.
    @return The effect, 1, and that class.
    """
    answer: uint256 = self._nearest(sample._position(), len(x), model._identity(), NOBODY)
    self._update(len(x), y)
    return 1, answer


@internal
def _update(size: uint256, y: uint256):
    identity: uint256 = model._identity()
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header_word: uint256 = model.state[model.HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < classes._count(header_word), "model: no such class"
    position: uint256 = sample._position()
    table._check_sample(position, size, identity)
    product: uint256 = table._add_sample(position, size, identity, y)
    # safe: 43 bits, 11 bits and 64 bits
    table._count(header_word, y, unsafe_add(unsafe_add(product << 1, size >> 1), self._start(header_word, y)))


@internal
@view
def _start(header_word: uint256, y: uint256) -> uint256:
    """
    @dev What ‖S‖² of a class begins with: nothing, but for its first sample the largest ‖S / n‖² that a class has, rounded up. See
         the head.
    """
    if table._statistics(y) >> 64 > 0:
        return 0
    most: uint256 = 0
    for c: uint256 in range(classes._count(header_word), bound=limits.MAX_CLASSES):
        statistics: uint256 = table._statistics(c)
        n: uint256 = statistics >> 64
        if n > 0:
            square: uint256 = unsafe_mul(n, n)  # safe: 64 bits, as is what it divides
            most = max(most, unsafe_div(unsafe_sub(unsafe_add(statistics & MASK_64, square), 1), square))
    return most


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _nearest(position: uint256, size: uint256, identity: uint256, without: uint256) -> uint256:
    """
    @dev The class of the sample; the sample is checked here too.
    @param position Where the sample begins in the calldata.
    @param size Its length in bytes.
    @param without The class of which one such sample is not to count, or `NOBODY`.
    """
    table._check_sample(position, size, identity)
    nearest: uint256 = 0
    least: uint256 = FAR
    class_count: uint256 = classes._count(model.state[model.HEADER])
    even: uint256 = 0
    odd: uint256 = 0
    for y: uint256 in range(class_count, bound=limits.MAX_CLASSES):
        if table._starts_group(y, identity):
            even, odd = table._sums(position, size, identity, y, class_count)
        statistics: uint256 = table._statistics(y)
        product: uint256 = table._sum(even, odd, y, identity)
        if y == without:
            # ‖S - x‖² = ‖S‖² - 2 · x·S + ‖x‖². For a sample that was added, nothing goes below 0: it added this much to
            # ‖S‖², and each later sample adds at least twice what it adds to x·S.
            features: uint256 = size >> 1
            norm: uint256 = (statistics & MASK_64) + features
            assert statistics >> 64 > 0 and product >= features and norm >= product << 1, "model: no such sample was added"
            norm = unsafe_sub(norm, product << 1)
            statistics = unsafe_sub((statistics >> 64), 1) << 64 | norm
            product = unsafe_sub(product, features)
        distance: uint256 = self._distance(statistics, product)
        if distance < least:
            least = distance
            nearest = y
    return nearest


@internal
@pure
def _distance(statistics: uint256, product: uint256) -> uint256:
    """
    @notice The squared distance to a centroid less ‖x‖², in units of 2^-128, rounded down, and `ZERO`.
    @dev (‖S‖² + 2^43 n² - 2 n · x·S) / n². The order of these integers is the exact order of the fractions, and equals are
         exact ties: fractions with the divisors n² and m², both below 2^64, differ by at least 2^-128 or not at all.
         Safe: ‖S‖² has 64 bits, n 32, x·S 42, so the dividend has 108 bits and 236 with the fraction; 2^43 n² is not less
         than 2 n · x·S.
    @param statistics n and ‖S‖².
    @param product x·S.
    """
    n: uint256 = statistics >> 64
    if n == 0:
        return FAR
    return unsafe_div(
        unsafe_sub(
            unsafe_add(statistics & MASK_64, unsafe_mul(unsafe_mul(n, n), ZERO)), unsafe_mul(unsafe_mul(n, product), 2)
        ) << FRACTION,
        unsafe_mul(n, n),
    )


# ---- classes --------------------------------------------------------------------------------------------------------

@external
def add_class(name: String[limits.MAX_TEXT]) -> uint256:
    """
    @notice Add a class, which has learnt nothing yet. Only the owner may, and not while the trainer is busy with the model.
    @param name Not empty, and not the name of another class.
    @return The new class.
    """
    return classes._add(name, table._room(model._identity()))
