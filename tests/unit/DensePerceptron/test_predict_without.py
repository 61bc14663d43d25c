import pytest

from tests.unit.DensePerceptron.conftest import x


def test_predict_without__what_the_sample_did__is_undone(create, learn):
    """By hand, unit 10, rate 2, bias rate 3: x = (6, 8) moves its own score by 2·100 + 3·10 = 230."""
    _, model = create([-1, 0], unit=10, rate=2, bias_rate=3)
    sample = x(6, 8)
    assert model.call("score", sample) == -6
    assert learn(model, sample, 1) == 1
    assert model.call("score", sample) == -6 + 230
    assert model.call("predict", sample) == 1
    assert model.call("predict_without", sample, 1, 1) == 0
    assert model.call("predict_without", sample, 1, 0) == 1


def test_predict_without__class_0__adds_the_step_back(create, learn):
    _, model = create([1, 0], unit=10)
    sample = x(6, 8)
    assert learn(model, sample, 0) == 2
    assert model.call("predict", sample) == 0
    assert model.call("predict_without", sample, 0, 2) == 1
    assert model.call("predict_without", sample, 0, 0) == 0


@pytest.mark.parametrize("count", [0, 15, 255, 1_023, 1_024])
@pytest.mark.parametrize(("weight", "y"), [(-1, 1), (1, 0)])
def test_predict_without__fall__undoes_the_rate_of_that_time_not_of_now(count, weight, y, create, learn):
    """More samples follow, which point elsewhere and let the rate fall: the effect says what the first one had."""
    twin, model = create([weight, 0], rate=2, bias_rate=3, fall=5, count=count, margin=1)
    effect = learn(model, x(10, 0), y)
    assert twin.update(x(10, 0), y) == effect
    own = (2 * 100 + 3 * 10) * 2 ** (effect >> 8)
    moved = model.call("score", x(10, 0))
    assert moved == 10 * weight + (own if y == 1 else -own)
    for other in (0, 1):
        assert learn(model, x(0, 10), other) == twin.update(x(0, 10), other)
    score = model.call("score", x(10, 0))

    without = model.call("predict_without", x(10, 0), y, effect)

    assert without == twin.predict_without(x(10, 0), y, effect) == int((score - own if y == 1 else score + own) > 0)
    assert without != model.call("predict", x(10, 0))
