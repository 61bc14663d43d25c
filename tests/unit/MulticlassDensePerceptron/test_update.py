"""The rule on examples by hand, and what it refuses."""

import pytest

from comodels.revert import Revert
from tests.unit.DensePerceptron.conftest import x


def test_update__four_samples_by_hand__as_a_multiclass_perceptron_learns(create, learn, words):
    """Rate 1, no bias, unit 10, three classes that know nothing; (x, y) one after the other.

    | x       | y | scores         | predicted | class 0  | class 1    | class 2   |
    |---------|---|----------------|-----------|----------|------------|-----------|
    | 6, 8    | 2 | 0, 0, 0        | 0         | -6, -8   | 0, 0       | 6, 8      |
    | 8, -6   | 1 | 0, 0, 0        | 0         | -14, -2  | 8, -6      | 6, 8      |
    | 10, 0   | 1 | -140, 80, 60   | 1         | the same | the same   | the same  |
    | 6, -8   | 0 | -68, 96, -28   | 1         | -8, -10  | 2, 2       | 6, 8      |
    """
    twin, model = create([[0, 0]] * 3)
    for sample, y, scores, effect, rows in (
        (x(6, 8), 2, (0, 0, 0), 1, [[-6, -8], [0, 0], [6, 8]]),
        (x(8, -6), 1, (0, 0, 0), 1, [[-14, -2], [8, -6], [6, 8]]),
        (x(10, 0), 1, (-140, 80, 60), 0, [[-14, -2], [8, -6], [6, 8]]),
        (x(6, -8), 0, (-68, 96, -28), 2, [[-8, -10], [2, 2], [6, 8]]),
    ):
        assert model.call("scores", sample) == scores
        assert learn(model, sample, y) == effect == twin.update(sample, y)
        assert twin.weights.tolist() == rows
        assert words(model) == twin.words()
    assert model.call("version") == 3


@pytest.mark.parametrize(("y", "effect"), [(0, 0), (1, 1), (2, 1)])
def test_update__all_scores_equal__only_the_lowest_class_is_right(create, learn, y, effect):
    twin, model = create([[0, 0]] * 3)
    assert learn(model, x(6, 8), y) == effect == twin.update(x(6, 8), y)


@pytest.mark.parametrize(("lead", "effect"), [(4, 3), (5, 0)])
def test_update__right_by_less_than_the_margin__is_learnt(create, learn, lead, effect):
    # classes 0 and 2 have the scores 10 · lead and 0
    twin, model = create([[0, 0], [-1, 0], [0, 0]], [lead, 0, 0], margin=50)
    assert learn(model, x(10, 0), 0) == effect == twin.update(x(10, 0), 0)


def test_update__one_class_only__changes_nothing(create, learn):
    twin, model = create([[1, 2]])
    assert learn(model, x(6, 8), 0) == 0 == twin.update(x(6, 8), 0)
    assert model.call("version") == 0


@pytest.mark.parametrize("n_features", [1, 16, 17, 33])
@pytest.mark.parametrize(
    ("weight", "bias", "problem"),
    [
        (2**15 - 1, 0, "perceptron: weight out of range"),
        (-(2**15), 0, "perceptron: weight out of range"),
        (0, 2**31 - 1, "perceptron: bias out of range"),
        (0, -(2**31), "perceptron: bias out of range"),
    ],
)
def test_update__at_the_end_of_the_range__reverts_and_stays(create, why, words, n_features, weight, bias, problem):
    """Two classes with equal scores: class 1 is to move up and class 0, which wins, down. One of them has no room."""
    twin, model = create([[0] * (n_features - 1) + [weight]] * 2, [bias] * 2, bias_rate=1)
    sample = x(*[0] * (n_features - 1), 10)
    with pytest.raises(Revert, match=problem):
        twin.update(sample, 1)
    assert why(model, "update", sample, 1) == problem
    assert words(model) == twin.words()


@pytest.mark.parametrize(
    ("sample", "problem"),
    [
        (x(), "sample: wrong dimension"),
        (x(10), "sample: wrong dimension"),
        (x(10, 0, 0), "sample: wrong dimension"),
        (x(0, 0), "sample: norm out of bounds"),
        (x(9, 3), "sample: norm out of bounds"),
        (x(10, 3), "sample: norm out of bounds"),
        (x(10, 2), ""),
    ],
)
def test_update__malformed_sample__refused_as_by_the_twin(create, why, sample, problem):
    twin, model = create([[0, 0]] * 2)
    if problem:
        with pytest.raises(Revert, match=problem):
            twin.update(sample, 0)
    assert why(model, "update", sample, 0) == problem


def test_update__not_the_trainer_no_such_class_or_not_sealed__reverts(create, why, owner):
    _, model = create([[0, 0]] * 3)
    assert why(model, "update", x(6, 8), 0, sender=owner) == "model: not the trainer"
    assert why(model, "update", x(6, 8), 3) == "model: no such class"
    _, model = create([[0, 0]] * 3, sealed=False)
    assert why(model, "update", x(6, 8), 0) == "model: not sealed"


@pytest.mark.parametrize(
    ("fall", "count", "doublings"),
    [(5, 3, 5), (5, 4, 4), (3, 4, 3), (3, 64, 2), (5, 1_023, 1), (5, 1_024, 0), (0, 0, 0)],
)
def test_update__fall__the_rates_are_doubled_as_the_count_says(create, learn, words, fall, count, doublings):
    twin, model = create([[0]] * 3, rate=3, bias_rate=2, fall=fall, count=count)

    assert learn(model, x(10), 2) == twin.update(x(10), 2) == 1 + 256 * doublings

    assert twin.weights.tolist() == [[-30 * 2**doublings], [0], [30 * 2**doublings]]
    assert twin.biases == [-2 * 2**doublings, 0, 2 * 2**doublings]
    assert twin.count == count + (doublings > 0)
    assert words(model) == twin.words()
