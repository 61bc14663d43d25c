import pytest

from comodels.rows import pack_rows
from tests.unit.NearestCentroid.conftest import x

SCALE = 2**128


def test_scores__by_hand__are_twice_the_projection_less_the_squared_norm_of_the_mean(create):
    """Means (2, 0) and (0, 1): for x = (3, 4) that is 2·6 - 4 = 8 and 2·4 - 1 = 7, so class 0, at squared distance
    1 + 16 = 17 = 25 - 8, against 9 + 9 = 18 = 25 - 7."""
    _, model = create([[6, 0], [0, 2]], [3, 2])
    assert model.call("scores", x(3, 4)) == (8 * SCALE, 7 * SCALE)
    assert model.call("predict", x(3, 4)) == 0
    # (2, 4): 2·4 - 4 = 4, 2·4 - 1 = 7
    assert model.call("predict", x(2, 4)) == 1


def test_scores__fractions__are_rounded_down_on_either_side_of_zero(create):
    # means 1/3 and -1/3: for x = 1 2/3 - 1/9 = 5/9 and -2/3 - 1/9 = -7/9
    _, model = create([[1], [-1]], [3, 3])
    assert model.call("scores", x(1)) == (5 * SCALE // 9, -7 * SCALE // 9)


def test_predict__equal_distances__the_lowest_class(create):
    _, model = create([[4], [2], [6]], [2, 1, 3])
    assert model.call("predict", x(2)) == 0


def test_predict__nearly_equal_means_with_the_largest_counts__the_difference_decides(create):
    n = 2**32 - 1
    # means 2^23-1 / n and 2^23-1 / (n - 1): for x = 1 the second is nearer by about 2^-40
    _, model = create([[2**23 - 1], [2**23 - 1]], [n, n - 1])
    assert model.call("predict", x(1)) == 1
    assert model.call("predict", x(-1)) == 0


def test_predict__class_without_samples__never_wins(create):
    _, model = create([[0], [100]], [0, 1])
    assert model.call("predict", x(0)) == 1
    assert model.call("scores", x(0))[0] == -(2**255)


def test_predict__no_class_has_samples__class_0(create):
    _, model = create([[0], [0]], [0, 0])
    assert model.call("predict", x(5)) == 0


@pytest.mark.parametrize("size", [0, 1, 3, 32])
def test_predict__wrong_dimension__reverts(size, create, why):
    _, model = create([[1, 2], [3, 4]], [1, 1])
    for call in (("predict",), ("scores",)):
        assert why(model, *call, bytes(size)) == "sample: wrong dimension"
    assert why(model, "predict_without", bytes(size), 0, 1) == "sample: wrong dimension"


def test_predict_without__what_the_sample_did__is_undone(create, do):
    """Means 3 and 9; x = 10 added to class 0 ten times moves its mean to 106 / 12 ... and one of them back."""
    twin, model = create([[6], [9]], [2, 1])
    for _ in range(8):
        assert twin.update(x(10), 0) == 1
        do(model, "update", x(10), 0)
    # means 86 / 10 = 8.6 and 9: for x = 9 class 1; without one x = 10 76 / 9 = 8.4
    assert model.call("predict", x(10)) == twin.predict(x(10)) == 1
    assert model.call("predict_without", x(10), 0, 1) == twin.predict_without(x(10), 0, 1) == 1
    do(model, "update", x(10), 1)
    # class 1: mean 19 / 2 = 9.5; without it 9
    assert model.call("predict_without", x(10), 1, 1) == 1


def test_predict_without__the_only_sample_of_a_class__leaves_the_class_empty(create, do):
    _, model = create([[0], [3]], [0, 1])
    do(model, "update", x(10), 0)
    assert model.call("predict", x(10)) == 0
    assert model.call("predict_without", x(10), 0, 1) == 1


def test_predict_without__no_sample_or_no_class__reverts(create, why):
    _, model = create([[0], [3]], [0, 1])
    assert why(model, "predict_without", x(10), 0, 1) == "centroid: no sample to leave out"
    assert why(model, "predict_without", x(10), 2, 1) == "model: no such class"


def test_evaluate__rows__counts_the_wrong_and_refuses_the_bad(create, why):
    _, model = create([[6, 0], [0, 2]], [3, 2])
    assert model.call("evaluate", pack_rows([(0, x(3, 4)), (1, x(3, 4)), (1, x(2, 4))])) == 1
    assert why(model, "evaluate", pack_rows([(2, x(3, 4))])) == "model: no such class"
    assert why(model, "evaluate", pack_rows([(0, x(3, 4))])[:-1]) == "sample: row is cut off"
