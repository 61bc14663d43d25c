import pytest

from tests.unit.DensePerceptron.conftest import x


def test_score__by_hand__is_the_dot_product_and_the_bias_times_the_unit(create):
    _, model = create([3, -2, 5], bias=4, unit=10)
    # 3·7 - 2·(-128) + 5·1 + 4·10 = 21 + 256 + 5 + 40
    assert model.call("score", x(7, -128, 1)) == 322
    assert model.call("scores", x(7, -128, 1)) == (0, 322)


@pytest.mark.parametrize(("value", "y"), [(-1, 0), (0, 0), (1, 1)])
def test_predict__sign_of_the_score__is_the_class(value, y, create):
    _, model = create([1, 0])
    assert model.call("predict", x(value, 9)) == y


@pytest.mark.parametrize("function", ["predict", "score", "scores"])
@pytest.mark.parametrize("size", [0, 2, 4, 32, 33])
def test_predict__wrong_dimension__reverts(function, size, create, why):
    _, model = create([1, 2, 3])
    assert why(model, function, bytes(size)) == "sample: wrong dimension"


def test_predict__norm_out_of_bounds__answers_all_the_same(create):
    _, model = create([1, 2, 3], unit=10)
    assert model.call("predict", x(127, 127, 127)) == 1
