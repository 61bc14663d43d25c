import numpy as np
import pytest

from simulation.nearest_centroid import NearestCentroid, NearestCentroidParameters
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
def why(rpc, trainer):
    """The reason with which a call would revert: ``why(model, "predict", x)``; empty if it would not."""

    def ask(model, function, *arguments, sender=trainer):
        return rpc.why(model.transaction(function, *arguments, sender=str(sender.address)))

    return ask


@pytest.fixture
def do(rpc, trainer):
    """Send one transaction that must go through."""

    def send(model, function, *arguments, sender=trainer):
        transaction = model.transaction(function, *arguments, sender=str(sender.address))
        (receipt,) = rpc.send([transaction])
        assert receipt["status"] == "0x1", rpc.why(transaction)
        return receipt

    return send


def x(*values: int) -> bytes:
    """A sample with these values."""
    return np.array(values, np.int8).tobytes()
