"""Models from few numbers, trained by an account."""

import struct

import pytest

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters


def sample(*indices: int) -> bytes:
    return struct.pack(f">{len(indices)}H", *indices)


@pytest.fixture
def perceptron(new_model, trainer):
    """``perceptron(weights, bias, rate=..., ...)``: a sealed model on chain."""

    def build(weights, bias=0, **parameters):
        sealed = parameters.pop("sealed", True)
        twin = SparsePerceptron(SparsePerceptronParameters(len(weights), **parameters), weights, bias)
        return new_model(twin, trainer, sealed=sealed)

    return build


@pytest.fixture
def weights_of(client, project):
    """The weights and the bias that stand on chain."""

    def read(model):
        packed = SparsePerceptronParameters.unpack(model.call("parameters"))
        twin = SparsePerceptron.from_words(packed, model.call("words", 0, model.call("word_count")))
        return list(twin.weights), twin.bias

    return read
