import numpy as np
import pytest

from comodels.models.nearest_centroid import NearestCentroid, NearestCentroidParameters
from tests.conftest import pack_card


@pytest.fixture
def create(create_model, raw, trainer):
    """Create twin and model: ``twin, model = create([[1, 2], [3, 4]], counts=[1, 1], unit=10, room=3)``."""

    def make(sums, counts, unit=10, room=None, names=None, **fields):
        sums = np.array(sums)
        parameters = NearestCentroidParameters(sums.shape[1], unit, len(sums) if room is None else room)
        twin = NearestCentroid(parameters, sums, counts)
        names = [f"class {y}" for y in range(len(sums))] if names is None else names
        return twin, raw(create_model(twin, trainer, card=pack_card(classes=names), **fields))

    return make


@pytest.fixture
def sender(trainer):
    return trainer


def x(*values: int) -> bytes:
    """A sample with these values."""
    return np.array(values, np.int8).tobytes()
