"""A real model, with weights such that anyone can tell what it answers."""

import pytest

from comodels.incentives.points import Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters

HOUR = 3_600
TERMS = Terms(
    validation_wait=HOUR,
    report_wait=2 * HOUR,
    validated_points=10,
    report_points=5,
    new_label_points=20,
    rare_label_points=7,
    streak_points=3,
)


def x(*indices):
    """The sparse sample with these features."""
    return b"".join(i.to_bytes(2, "big") for i in indices)


@pytest.fixture
def points(implementations):
    return implementations("Points")


@pytest.fixture
def open_model(create_model, points):
    """Create a model that `points` trains.

    Features 0 to 9 speak for class 1, 10 to 19 against it, so strongly that no sample of a test changes that; the
    features from 20 on say nothing.
    """

    def create(terms=TERMS, n_features=400):
        weights = [1_000] * 10 + [-1_000] * 10 + [0] * (n_features - 20)
        twin = SparsePerceptron(SparsePerceptronParameters(n_features, bias_rate=0), weights)
        return create_model(twin, points, terms.encode())

    return create


@pytest.fixture
def model(open_model):
    return open_model()


@pytest.fixture
def wait(chain):
    """Let seconds pass: the next transaction has a time at least that much later."""

    def advance(seconds=HOUR):
        chain.pending_timestamp += seconds

    return advance


@pytest.fixture
def added(points, model, contributor):
    """A contribution that the model agrees with: its arguments."""
    points.add_data(model, x(1, 20), 1, sender=contributor)
    return model, x(1, 20), 1


@pytest.fixture
def bad(points, model, contributor):
    """A contribution that the model disagrees with: its arguments."""
    points.add_data(model, x(1, 21), 0, sender=contributor)
    return model, x(1, 21), 0


@pytest.fixture
def validated_reporter(points, model, reporter, wait):
    """The reporter, with a validated contribution of its own."""
    points.add_data(model, x(2, 30), 1, sender=reporter)
    wait()
    points.validate(model, x(2, 30), 1, sender=reporter)
    return reporter


@pytest.fixture
def contribute(points, wait):
    """Contribute, wait, and have it validated; the receipt of the validation."""

    def go(model, account, sample, label):
        points.add_data(model, sample, label, sender=account)
        wait()
        return points.validate(model, sample, label, sender=account)

    return go


@pytest.fixture
def refused(points, raw, rpc, chain):
    """Assert that a call would revert now with exactly this message, or any if it is None.

    Much faster than a transaction that fails.
    """
    contract = raw(points)

    def check(message, function, *arguments, sender):
        chain.mine()  # so that the time that was set has come
        arguments = [str(getattr(a, "address", a)) if not isinstance(a, bytes | int) else a for a in arguments]
        reason = rpc.why(contract.transaction(function, *arguments, sender=str(sender.address)))
        assert reason == message if message else reason

    return check
