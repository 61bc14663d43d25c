# pragma version 0.4.3
"""
@title SparseNearestCentroid
@notice The class whose centroid, the mean of its samples, is nearest; on sparse samples, up to 255 classes.
@dev A sample is a vector x of zeros and ones. For each class the model keeps the sums S of its samples, their number n, and ‖S‖²,
     so that the centroid S / n is the exact mean at any time. Of the squared distance to it,

         ‖x - S/n‖² = ‖S‖² / n² - 2 · x·S / n + ‖x‖²,

     the last term is the same for all classes. The rest is compared exactly, see `_distance`. Of equals the lowest index
     wins; a class without samples never wins against one that has any.

     State: the module `table` with S as counts and ‖S‖² as the figure of a class.
     Parameters: those of the module `table`; the implementation's own 32 bits are 0.
"""
from ..interfaces import IModel
from ..modules import classes
from ..modules import model
from ..modules import ownership
from ..modules import sample
from ..modules import table

implements: IModel
initializes: ownership
initializes: model[ownership := ownership]
initializes: classes[model := model, ownership := ownership]
initializes: table[model := model, ownership := ownership, classes := classes]

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
MAX_ROWS: constant(uint256) = 24_576
MAX_WORDS: constant(uint256) = 640
MAX_TERMS: constant(uint256) = 512
MAX_CARD: constant(uint256) = 4_096
MAX_CLASSES: constant(uint256) = 255
NOBODY: constant(uint256) = max_value(uint256)  # no class

HEADER: constant(uint256) = table.HEADER
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
    @param owner Who may load, seal and hand over the model and add classes.
    @param trainer Who may train it, for ever: usually an incentive contract.
    @param terms What the trainer is opened with, in the same transaction; empty if the trainer is no contract.
    @param parameters See the head of this file.
    @param card Name, description, encoder spec and the names of the classes in order, each as length (1 byte) and bytes.
    @param words The first words of the state; `load` takes the rest.
    @param sealed Whether the model is complete with these words.
    @param salt Anything, to create more than one of the same.
    @return The address of the model, which owner, trainer, parameters, card and salt decide.
    """
    assert parameters & MASK_32 == 0, "model: unknown parameters"
    table._check_parameters(parameters)
    return model._create(owner, trainer, terms, parameters, card, words, sealed, salt)


@external
def initialize(owner: address, terms: Bytes[MAX_TERMS], words: DynArray[uint256, MAX_WORDS], sealed: bool):
    """
    @notice Called by the implementation when it creates the model.
    """
    model._initialize(owner, terms, words, sealed, table._word_count(), HEADER)
    if sealed:
        classes._check(HEADER, table._room())


# ---- identity -------------------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    return "SparseNearestCentroid"


@view
@external
def class_count() -> uint256:
    return classes._count(model.words[HEADER])


@view
@external
def class_name(y: uint256) -> String[255]:
    return classes._name(y, HEADER)


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
def statistics(y: uint256) -> (uint256, uint256):
    """
    @notice The number of samples of a class and the squared norm of their sum.
    """
    assert y < classes._count(model.words[HEADER]), "model: no such class"
    return table._statistics(y) >> 64, table._statistics(y) & MASK_64


# ---- use ------------------------------------------------------------------------------------------------------------
# The functions below do without variables of their own: these would stand behind the sample in memory, which is dear.

@view
@external
def predict(x: Bytes[MAX_SAMPLE]) -> uint256:
    return self._nearest(sample._position(), len(x), model._identity(), NOBODY)


@view
@external
def scores(x: Bytes[MAX_SAMPLE]) -> DynArray[int256, MAX_CLASSES]:
    """
    @notice For each class ‖x‖² less the squared distance to its centroid, in units of 2^-128, rounded up; for a class without
            samples the lowest number there is.
    """
    identity: uint256 = model._identity()
    position: uint256 = sample._position()
    table._check_sample(position, len(x), identity)
    scores: DynArray[int256, MAX_CLASSES] = []
    class_count: uint256 = classes._count(model.words[HEADER])
    even: uint256 = 0
    odd: uint256 = 0
    for y: uint256 in range(class_count, bound=MAX_CLASSES):
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
def predict_without(x: Bytes[MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @dev Every sample that was added had the effect 1; without sense for one that never was.
    """
    assert y < classes._count(model.words[HEADER]), "model: no such class"
    return self._nearest(sample._position(), len(x), model._identity(), y if effect > 0 else NOBODY)


@view
@external
def evaluate(rows: Bytes[MAX_ROWS]) -> uint256:
    identity: uint256 = model._identity()
    class_count: uint256 = classes._count(model.words[HEADER])
    position: uint256 = sample._position()
    end: uint256 = position + len(rows)
    errors: uint256 = 0
    for i: uint256 in range(MAX_ROWS):
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
def update(x: Bytes[MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample. Only the trainer may call it.
    @dev S += x, n += 1, ‖S‖² += 2 · x·S + ‖x‖².
    @return 1: every sample moves the centroid of its class.
    """
    identity: uint256 = model._identity()
    assert convert(msg.sender, uint256) == identity & model.MASK_160, "model: not the trainer"
    header_word: uint256 = model.words[HEADER]
    assert header_word >= model.SEALED, "model: not sealed"
    assert y < classes._count(header_word), "model: no such class"
    position: uint256 = sample._position()
    table._check_sample(position, len(x), identity)
    product: uint256 = table._add_sample(position, len(x), identity, y)
    table._count(header_word, y, unsafe_add(product << 1, len(x) >> 1))  # safe: 43 bits and 11 bits
    return 1


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
    class_count: uint256 = classes._count(model.words[HEADER])
    even: uint256 = 0
    odd: uint256 = 0
    for y: uint256 in range(class_count, bound=MAX_CLASSES):
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
def load_class(start: uint256, sums: DynArray[uint256, MAX_WORDS]):
    """
    @notice Write sums for the class that will be added next, where they are too many for one transaction. Only the owner may.
    @param start The first feature: where the last call ended, or 0 to start again.
    @param sums 8 to a word, the first in the highest bits; zeros behind the last feature.
    """
    table._load_class(start, sums, True)


@external
def add_class(name: String[255], samples: uint256, sums: DynArray[uint256, MAX_WORDS]):
    """
    @notice Add a class, with or without samples. Only the owner may.
    @param name Not empty, and not the name of another class.
    @param samples How many samples it has already, 0 for none.
    @param sums The sums of these samples, 8 to a word, after those that `load_class` has loaded.
    """
    table._add_class(name, samples, sums, True)


# ---- state ----------------------------------------------------------------------------------------------------------

@view
@external
def word_count() -> uint256:
    return table._word_count()


@view
@external
def words(start: uint256, count: uint256) -> DynArray[uint256, MAX_WORDS]:
    return model._read(start, count, table._word_count(), HEADER)


@external
def load(start: uint256, words: DynArray[uint256, MAX_WORDS]):
    model._load(start, words, table._word_count(), HEADER)


@external
def seal():
    ownership._check_owner()
    classes._check(HEADER, table._room())
    model._seal(HEADER)
