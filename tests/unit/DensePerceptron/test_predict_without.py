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
