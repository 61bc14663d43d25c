# pragma version 0.4.3
"""
@title Tally
@notice A toy: each word votes with its last label. Two classes, sparse samples; docs/new-model.md makes it step by step.
@dev State: word 0 holds the header; word 1 + f the vote of feature f: 1 for class 1, 2 for class 0, else none.
     Parameters: the number of features.
"""
from contracts.interfaces import IModel
from contracts.modules import limits
from contracts.modules import model
from contracts.modules import ownership
from contracts.modules import sample

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

MAX_FEATURES: constant(uint256) = 600  # each may be a new word, at 22,100 gas and more: a transaction has 16.7 million


@deploy
def __init__():
    model.__init__()


# ---- identity -------------------------------------------------------------------------------------------------------

@view
@external
def kind() -> String[32]:
    """
    @notice The name of the implementation.
    """
    return "Tally"


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
    @notice The name of a class.
    """
    assert y < 2, "model: no such class"
    return model._class_name(y)


# ---- form -----------------------------------------------------------------------------------------------------------

@pure
@external
def layout(parameters: uint256, count: uint256) -> (uint256, uint256):
    """
    @notice Checks the parameters.
    @return The number of state words, and 0: the number of classes is fixed.
    """
    assert parameters > 0 and parameters <= MAX_FEATURES, "model: 1 to 600 features"
    return parameters + 1, 0


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

@view
@external
def predict(x: Bytes[limits.MAX_SAMPLE]) -> uint256:
    """
    @notice 1 where most of the words vote for it, else 0.
    """
    return 1 if self._votes(sample._position(), len(x)) > 0 else 0


@view
@external
def scores(x: Bytes[limits.MAX_SAMPLE]) -> DynArray[int256, limits.MAX_CLASSES]:
    """
    @notice 0 for class 0, and the sum of the votes for class 1.
    """
    return [0, self._votes(sample._position(), len(x))]


@view
@external
def predict_without(x: Bytes[limits.MAX_SAMPLE], y: uint256, effect: uint256) -> uint256:
    """
    @notice What `predict(x)` would be without a contribution `(x, y)`.
    @dev Only what was wrong has an effect, so right after it the answer before was the other class.
    @param effect What `update` returned: 0, or 1 + the sum of the votes before and 1,024.
    """
    votes: int256 = self._votes(sample._position(), len(x))
    if effect > 0:
        votes = convert(effect, int256) - 1 - 1_024
    return 1 if votes > 0 else 0


@view
@external
def evaluate(rows: Bytes[limits.MAX_ROWS]) -> uint256:
    """
    @notice The number of rows whose class the model gets wrong.
    """
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
        answer: uint256 = 1 if self._votes(position + sample.ROW_HEAD, size) > 0 else 0
        if answer != y:
            errors += 1
        position += sample.ROW_HEAD + size
    return errors


# ---- learn ----------------------------------------------------------------------------------------------------------

@external
def update(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> uint256:
    """
    @notice Learn from a sample that the model gets wrong: its words vote for `y` from now on. Only the trainer may call it.
    @return 0 where the model was right, else 1 + the sum of the votes before and 1,024.
    """
    return self._learn(len(x), y)[0]


@external
def learn(x: Bytes[limits.MAX_SAMPLE], y: uint256) -> (uint256, uint256):
    """
    @notice As `update`, and the class that `predict` gave to `x` before. Only the trainer may call it.
    """
    return self._learn(len(x), y)


@internal
def _learn(size: uint256, y: uint256) -> (uint256, uint256):
    assert convert(msg.sender, uint256) == model._identity() & model.MASK_160, "model: not the trainer"
    assert model.state[model.HEADER] >= model.SEALED, "model: not sealed"
    assert y < 2, "model: no such class"
    votes: int256 = self._votes(sample._position(), size)
    answer: uint256 = 1 if votes > 0 else 0
    if answer == y:
        return 0, answer
    vote: uint256 = 1 if y == 1 else 2
    for i: uint256 in range(size // 2, bound=limits.MAX_SAMPLE // 2):
        model.state[1 + self._feature(sample._position(), i)] = vote
    model.state[model.HEADER] = model._count_update(model.state[model.HEADER])
    return convert(votes + 1_025, uint256), answer


# ---- arithmetic -----------------------------------------------------------------------------------------------------

@internal
@view
def _votes(position: uint256, size: uint256) -> int256:
    """
    @dev The sum of the votes of a sample's words; its form is checked here too.
    """
    assert size > 0, "sample: empty"
    assert size % 2 == 0, "sample: odd length"
    n_features: uint256 = model._identity() >> 160
    total: int256 = 0
    least: uint256 = 0
    for i: uint256 in range(size // 2, bound=limits.MAX_SAMPLE // 2):
        f: uint256 = self._feature(position, i)
        assert f >= least, "sample: indices must increase"
        assert f < n_features, "sample: index out of range"
        least = f + 1
        vote: uint256 = model.state[1 + f]
        if vote == 1:
            total += 1
        elif vote == 2:
            total -= 1
    return total


@internal
@view
def _feature(position: uint256, i: uint256) -> uint256:
    return convert(slice(msg.data, position + 2 * i, 2), uint256)
