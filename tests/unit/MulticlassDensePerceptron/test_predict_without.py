import pytest

from tests.unit.DensePerceptron.conftest import x


def test_predict_without__effect__takes_the_step_from_its_class_and_gives_it_back_to_the_rival(create, learn):
    twin, model = create([[0, 0], [1, 0], [0, 1]], rate=2, bias_rate=3)
    # 0, 6, 8: class 2 is predicted. Class 0 wins 2 · 100 + 3 · 10 = 230, class 2 loses as much
    assert learn(model, x(6, 8), 0) == twin.update(x(6, 8), 0) == 3
    assert model.call("scores", x(6, 8)) == (230, 6, -222)
    assert model.call("predict", x(6, 8)) == 0
    assert model.call("predict_without", x(6, 8), 0, 3) == 2 == twin.predict_without(x(6, 8), 0, 3)
    assert model.call("predict_without", x(6, 8), 0, 0) == 0


@pytest.mark.parametrize(("y", "effect"), [(3, 0), (0, 4), (2**255, 0), (0, 2**255)])
def test_predict_without__no_such_class__reverts(create, why, y, effect):
    _, model = create([[0, 0]] * 3)
    assert why(model, "predict_without", x(6, 8), y, effect) == "model: no such class"
