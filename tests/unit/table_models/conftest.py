"""What `SparseNearestCentroid` and `NaiveBayes` share is tested for both."""

import numpy as np
import pytest

from simulation.naive_bayes import NaiveBayes, NaiveBayesParameters
from simulation.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
from tests.conftest import pack_card


@pytest.fixture(params=[SparseNearestCentroid, NaiveBayes], ids=lambda kind: kind.KIND)
def kind(request):
    return request.param


@pytest.fixture
def parameters(kind):
    """Make parameters of the kind."""
    return NaiveBayesParameters if kind is NaiveBayes else SparseNearestCentroidParameters


@pytest.fixture
def create(kind, parameters, create_model, raw, trainer):
    """Create twin and model: ``twin, model = create(n_features=20, room=4, classes=2)``."""

    def make(n_features=20, room=4, classes=2, sealed=True, counts=None, samples=None, names=None, **fields):
        twin = kind(parameters(n_features, room), counts, samples, classes)
        names = [f"class {y}" for y in range(twin.class_count)] if names is None else names
        contract = create_model(twin, trainer, sealed=sealed, card=pack_card(classes=names), **fields)
        return twin, raw(contract)

    return make


@pytest.fixture
def why(rpc, owner):
    """The reason with which a call would revert: ``why(model, "seal")``."""

    def ask(model, function, *arguments, sender=owner):
        return rpc.why(model.transaction(function, *arguments, sender=str(sender.address)))

    return ask


@pytest.fixture
def do(rpc, owner):
    """Send one transaction that must go through."""

    def send(model, function, *arguments, sender=owner):
        transaction = model.transaction(function, *arguments, sender=str(sender.address))
        receipt = rpc.send([transaction])[0]
        assert receipt["status"] == "0x1", rpc.why(transaction)
        return receipt

    return send


def x(*indices: int) -> bytes:
    """A sample with these features."""
    return np.array(indices).astype(">u2").tobytes()
