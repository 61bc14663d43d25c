import pytest

from tests.unit.DensePerceptron.conftest import x


def test_scores__three_classes__products_and_biases_times_the_unit(create):
    # class 0: 1·6 + 2·8 + 0·10 = 22; class 1: -3·6 + 4·8 + 1·10 = 24; class 2: 5·6 - 6·8 - 2·10 = -38
    twin, model = create([[1, 2], [-3, 4], [5, -6]], [0, 1, -2])
    assert model.call("scores", x(6, 8)) == (22, 24, -38) == tuple(twin.scores(x(6, 8)))
    assert model.call("predict", x(6, 8)) == 1
    # of any norm: 3 - 8 = -5, -9 - 16 + 10 = -15, 15 + 24 - 20 = 19
    assert model.call("scores", x(3, -4)) == (-5, -15, 19)
    assert model.call("predict", x(3, -4)) == 2


def test_predict__equal_scores__the_lowest_class(create):
    _, model = create([[-1, 0], [2, 1], [1, 2]])
    assert model.call("scores", x(5, 5)) == (-5, 15, 15)
    assert model.call("predict", x(5, 5)) == 1


@pytest.mark.parametrize("n_features", [1, 9, 10, 16, 17, 25, 26, 32, 33, 64, 100, 545])
def test_scores__every_place_of_the_last_features__equals_the_twin(create, n_features):
    weights = [[(7 * f + 3 * y) % 19 - 9 for f in range(n_features)] for y in range(3)]
    twin, model = create(weights, [-(2**31), 2**31 - 1, -5], unit=100)
    sample = x(*[(5 * f) % 23 - 11 for f in range(n_features)])
    assert model.call("scores", sample) == tuple(twin.scores(sample))


@pytest.mark.parametrize("value", [-(2**15), 2**15 - 1])
@pytest.mark.parametrize("n_features", [16, 33, 600])
def test_scores__weights_and_values_at_their_limits__equals_the_twin(create, n_features, value):
    twin, model = create([[value] * n_features, [-1 - value] * n_features], [-(2**31), 2**31 - 1], unit=5_792)
    for sample in (b"\x80" * n_features, b"\x7f" * n_features):
        assert model.call("scores", sample) == tuple(twin.scores(sample))
