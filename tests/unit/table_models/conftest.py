"""What `SparseNearestCentroid` and `NaiveBayes` share is tested for both."""

import numpy as np
import pytest

from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.models.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
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


def x(*indices: int) -> bytes:
    """A sample with these features."""
    return np.array(indices).astype(">u2").tobytes()
