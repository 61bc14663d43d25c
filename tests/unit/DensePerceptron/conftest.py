import numpy as np
import pytest

from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters


@pytest.fixture
def create(create_model, raw, trainer):
    """Create twin and model: ``twin, model = create([1, 2, 3], bias=4, unit=10)``; the trainer is an account."""

    def make(weights, bias=0, unit=10, rate=1, bias_rate=0, margin=0, fall=0, count=0, **fields):
        parameters = DensePerceptronParameters(len(weights), unit, rate, bias_rate, margin, fall)
        twin = DensePerceptron(parameters, weights, bias, count=count)
        return twin, raw(create_model(twin, trainer, **fields))

    return make


@pytest.fixture
def sender(trainer):
    return trainer


@pytest.fixture
def learn(rpc, trainer):
    """Let a model learn; returns the effect that a call before foretold."""

    def send(model, x, y):
        effect = model.call("update", x, y, sender=str(trainer.address))
        (receipt,) = rpc.send([model.transaction("update", x, y, sender=str(trainer.address))])
        assert receipt["status"] == "0x1"
        assert receipt["logs"] == []
        return effect

    return send


def x(*values: int) -> bytes:
    """A sample with these values."""
    return np.array(values, np.int8).tobytes()
