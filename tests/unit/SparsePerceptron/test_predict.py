"""`predict`, `score`, `scores` and `evaluate`: they read the same sum."""

import pytest

from comodels.rows import pack_rows
from tests.client import reverts
from tests.unit.SparsePerceptron.conftest import sample

MALFORMED = [
    (b"", "sample: empty"),
    (b"\0", "sample: odd length"),
    (b"\0\0\0", "sample: odd length"),
    (sample(0, 0), "sample: indices must increase"),
    (sample(1, 0), "sample: indices must increase"),
    (sample(*range(16), 15), "sample: indices must increase"),
    (sample(*range(17), 16), "sample: indices must increase"),
    (sample(5, *range(1, 17)), "sample: indices must increase"),
    (sample(40), "sample: index out of range"),
    (sample(65_535), "sample: index out of range"),
    (sample(0, 39, 40), "sample: index out of range"),
]


@pytest.fixture
def model(perceptron):
    return perceptron([i - 20 for i in range(40)], bias=4)


def test_score__textbook_sum__weights_of_the_features_and_bias(model):
    # weights -20, -15 and 19 of features 0, 5 and 39, and the bias 4
    assert model.call("score", sample(0, 5, 39)) == -20 - 15 + 19 + 4
    assert model.call("scores", sample(0, 5, 39)) == [0, -12]
    assert model.call("predict", sample(0, 5, 39)) == 0


@pytest.mark.parametrize(("index", "score", "prediction"), [(17, 1, 1), (16, 0, 0), (15, -1, 0)])
def test_predict__score_around_zero__class_1_above_it_only(model, index, score, prediction):
    assert model.call("score", sample(index)) == score
    assert model.call("scores", sample(index)) == [0, score]
    assert model.call("predict", sample(index)) == prediction


def test_score__all_features__every_lane_counts_once(model):
    assert model.call("score", sample(*range(40))) == sum(range(-20, 20)) + 4
    assert [model.call("score", sample(i)) for i in range(40)] == [i - 20 + 4 for i in range(40)]


@pytest.mark.parametrize("first", [0, 5])
def test_score__each_length_up_to_two_chunks__each_feature_counts_once(perceptron, first):
    """They are read by fours or 15 at a time: what is read too much, feature 0, must not count."""
    weights = [(-1) ** i * (1_000 + 37 * i) for i in range(40)]
    model = perceptron(weights, bias=-3)

    for count in range(1, 35):
        features = range(first, first + count)
        assert model.call("score", sample(*features)) == sum(weights[i] for i in features) - 3


@pytest.mark.parametrize(("weight", "bias"), [(2**15 - 1, 2**31 - 1), (-(2**15), -(2**31))])
def test_score__largest_sample_with_weights_and_bias_at_their_limits__exact(perceptron, weight, bias):
    model = perceptron([weight] * 1_024, bias=bias)

    assert model.call("score", sample(*range(1_024))) == weight * 1_024 + bias
    assert model.call("bias") == bias
    assert model.call("predict", sample(*range(1_024))) == int(weight > 0)


@pytest.mark.parametrize(("x", "message"), MALFORMED)
def test_predict__malformed__reverts(model, x, message):
    for function in ("predict", "score", "scores"):
        with reverts(message):
            model.call(function, x)
    for effect in (0, 1):
        with reverts(message):
            model.call("predict_without", x, 1, effect)


def test_predict__longer_than_2048_bytes__reverts(perceptron):
    model = perceptron([1] * 1_025)

    with reverts():
        model.call("predict", sample(*range(1_025)))


def test_predict__not_sealed__answers(perceptron):
    assert perceptron([1], sealed=False).call("predict", sample(0)) == 1


# ---- evaluate --------------------------------------------------------------------------------------------------------


def test_evaluate__no_rows__no_errors(model):
    assert model.call("evaluate", b"") == 0


def test_evaluate__rows__counts_the_wrong_ones(model):
    right, wrong = [(0, sample(0)), (1, sample(39))], [(1, sample(0)), (0, sample(39)), (1, sample(1, 2, 3))]

    assert model.call("evaluate", pack_rows(right)) == 0
    assert model.call("evaluate", pack_rows(wrong)) == 3
    assert model.call("evaluate", pack_rows(right * 5 + wrong)) == 3


@pytest.mark.parametrize(("x", "message"), MALFORMED)
def test_evaluate__malformed_sample_in_any_row__reverts(model, x, message):
    for rows in ([(0, x)], [(0, x), (0, sample(1))], [(0, sample(1)), (1, x)]):
        with reverts(message):
            model.call("evaluate", pack_rows(rows))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"\0", "sample: row is cut off"),
        (b"\0\0", "sample: row is cut off"),
        (b"\0\0\2\0", "sample: row is cut off"),
        (b"\0\0\2\0\1" + b"\1", "sample: row is cut off"),
        (b"\0\0\0", "sample: empty"),
        (b"\0\x08\x01" + bytes(2_049), "sample: longer than 2,048 bytes"),
        (b"\0\xff\xff", "sample: longer than 2,048 bytes"),
        (b"\2\0\2\0\1", "model: no such class"),
        (b"\xff\0\2\0\1", "model: no such class"),
    ],
)
def test_evaluate__malformed_rows__reverts(model, rows, message):
    with reverts(message):
        model.call("evaluate", rows)
    with reverts(message):
        model.call("evaluate", pack_rows([(0, sample(0))]) + rows)


def test_evaluate__most_bytes__exact_and_no_more(model):
    row = pack_rows([(1, sample(0))])  # 5 bytes, always wrong
    most = row * (24_576 // 5)

    assert model.call("evaluate", most) == 24_576 // 5
    with reverts():
        model.call("evaluate", bytes(24_577))


def test_evaluate__row_of_1024_features__is_the_longest(perceptron):
    model = perceptron([1] * 1_024)

    assert model.call("evaluate", pack_rows([(1, sample(*range(1_024)))])) == 0
