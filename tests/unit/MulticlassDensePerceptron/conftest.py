import pytest

from comodels.models.multiclass_dense_perceptron import MulticlassDensePerceptron, MulticlassDensePerceptronParameters
from tests.conftest import pack_card
from tests.unit.DensePerceptron.conftest import learn, sender  # noqa: F401


@pytest.fixture
def create(create_model, raw, trainer):
    """Create twin and model: ``twin, model = create([[1, 2], [3, 4]], [0, 5], unit=10)``; the trainer is an account."""

    def make(weights, biases=None, unit=10, room=4, rate=1, bias_rate=0, margin=0, fall=0, count=0, **fields):
        parameters = MulticlassDensePerceptronParameters(len(weights[0]), unit, room, rate, bias_rate, margin, fall)
        twin = MulticlassDensePerceptron(parameters, weights, biases, count=count)
        card = pack_card(classes=[f"class {y}" for y in range(len(weights))])
        return twin, raw(create_model(twin, trainer, card=card, **fields))

    return make


@pytest.fixture
def words():
    """The state of a model."""
    return lambda model: list(model.call("words", 0, model.call("word_count")))
