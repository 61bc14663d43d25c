import pytest

from comodels.revert import Revert
from tests.unit.DensePerceptron.conftest import x


def test_predict_without__effect__takes_the_step_from_its_class_and_gives_it_back_to_the_rival(create, learn):
    twin, model = create([[0, 0], [1, 0], [0, 1]], rate=2, bias_rate=3)
    # 0, 6, 8: class 2 is predicted. Class 0 wins 2 · 100 + 3 · 10 = 230, class 2 loses as much
    assert learn(model, x(6, 8), 0) == twin.update(x(6, 8), 0) == 3
    assert model.call("scores", x(6, 8)) == (230, 6, -222)
    assert model.call("predict", x(6, 8)) == 0
    assert model.call("predict_without", x(6, 8), 0, 3) == 2 == twin.predict_without(x(6, 8), 0, 3)
    assert model.call("predict_without", x(6, 8), 0, 0) == 0


@pytest.mark.parametrize(("y", "effect"), [(3, 0), (0, 4), (2**255, 0), (0, 255)])
def test_predict_without__no_such_class__reverts(create, why, y, effect):
    _, model = create([[0, 0]] * 3)
    assert why(model, "predict_without", x(6, 8), y, effect) == "model: no such class"


@pytest.mark.parametrize("count", [0, 15, 255, 1_023, 1_024])
def test_predict_without__fall__undoes_the_rate_of_that_time_not_of_now(create, learn, count):
    twin, model = create([[0, 0], [1, 0], [0, 1]], rate=2, fall=5, count=count)
    # 0, 6, 8: class 2 is predicted. Class 0 wins 200, doubled as often as the effect says, and class 2 loses as much
    effect = learn(model, x(6, 8), 0)
    assert twin.update(x(6, 8), 0) == effect
    own = 200 * 2 ** (effect >> 8)
    assert model.call("scores", x(6, 8)) == (own, 6, 8 - own)
    assert learn(model, x(-8, 6), 1) == twin.update(x(-8, 6), 1) > 0

    assert model.call("predict_without", x(6, 8), 0, effect) == twin.predict_without(x(6, 8), 0, effect) == 2
    assert model.call("predict", x(6, 8)) == 0


@pytest.mark.parametrize(("fall", "effect"), [(0, 257), (0, 2**255), (1, 513), (5, 6 * 256 + 1), (5, 2**255 + 1)])
def test_predict_without__no_such_rate__reverts(create, why, fall, effect):
    twin, model = create([[0, 0]] * 3, fall=fall)
    assert why(model, "predict_without", x(6, 8), 0, effect) == "model: no such effect"
    with pytest.raises(Revert, match="model: no such effect"):
        twin.predict_without(x(6, 8), 0, effect)
