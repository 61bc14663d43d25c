"""Tabular encoder: standardise, normalise, quantise; on sets that ship with scikit-learn too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from sklearn.linear_model import Perceptron

from encoders import EncoderError, SampleError, Tabular, read_data
from encoders.wire import norm_within_bounds, unpack_dense_many


def test_encode__worked_example__standardises_normalises_and_rounds() -> None:
    encoder = Tabular(mean=[10.0, 0.0], scale=[2.0, 1.0], unit=100)
    x = encoder.encode([16.0, -4.0])  # (16 - 10) / 2 = 3 and -4; norm 5; 0.6 and -0.8 of the unit
    assert x == bytes([60, 256 - 80])
    assert encoder.decode(x).tolist() == [0.6, -0.8]


def test_fit__worked_example__takes_mean_and_standard_deviation() -> None:
    encoder = Tabular.fit(np.array([[1.0, 5.0], [3.0, 9.0]]))
    assert encoder.mean.tolist() == [2.0, 7.0]
    assert encoder.scale.tolist() == [1.0, 2.0]  # both rows are 1 and 2 away from the mean


def test_fit__constant_feature__is_shifted_only() -> None:
    encoder = Tabular.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
    assert encoder.scale.tolist() == [1.0, 1.0]
    assert encoder.encode([3.0, 5.0]) == bytes([127, 0])


@settings(deadline=None)
@given(
    st_numpy.arrays(np.float64, st.tuples(st.integers(1, 6), st.just(5)), elements=st.floats(-1e6, 1e6), unique=True),
)
def test_encode_many__finite_rows__have_an_accepted_norm_in_any_company(rows: np.ndarray) -> None:
    encoder = Tabular(mean=[0.0] * 5, scale=[1.0, 10.0, 0.1, 1e3, 1.0], unit=127)
    encoded = encoder.encode_many(rows)
    assert norm_within_bounds(unpack_dense_many(encoded, 5, 127), 127).all()
    assert encoded == [encoder.encode(row) for row in rows]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ([1.0], "a row has 1 numbers, the model has 2 features"),
        ([1.0, 2.0, 3.0], "a row has 3 numbers"),
        ([np.nan, 1.0], "row 0 has a value that is not a finite number"),
        ([1.0, np.inf], "row 0 has a value that is not a finite number"),
        ([1.7e308, -1.7e308], "not a finite number"),
        ([10.0, 0.0], "has no direction"),
        (["one", "two"], "rows are numbers"),
        ([[1.0, 2.0], [1.0, 2.0]], r"shape \(samples, features\), not \(1, 2, 2\)"),
    ],
)
def test_encode__row_that_cannot_be_sent__says_why(row: list, problem: str) -> None:
    with pytest.raises(SampleError, match=problem):
        Tabular(mean=[10.0, 0.0], scale=[0.5, 1.0], unit=100).encode(row)


def test_encode_many__rows_of_different_length__is_refused() -> None:
    with pytest.raises(SampleError, match="as many in each row"):
        Tabular(mean=[10.0, 0.0], scale=[2.0, 1.0], unit=100).encode_many([[1.0, 2.0], [1.0]])


def test_encode_valid__one_bad_row__is_left_out() -> None:
    encoder = Tabular(mean=[10.0, 0.0], scale=[2.0, 1.0], unit=100)
    positions, encoded = encoder.encode_valid([[16.0, 4.0], [10.0, 0.0], [8.0, 0.0]])
    assert positions.tolist() == [0, 2]
    assert encoded == [bytes([60, 80]), bytes([256 - 100, 0])]


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"mean": [1.0], "scale": [1.0, 1.0], "unit": 100}, "one mean and one scale"),
        ({"mean": [1.0], "scale": [0.0], "unit": 100}, "scales are above 0"),
        ({"mean": [np.nan], "scale": [1.0], "unit": 100}, "finite"),
        ({"mean": [], "scale": [], "unit": 100}, "1 to 2,048 features, not 0"),
        ({"mean": [0.0] * 2_049, "scale": [1.0] * 2_049, "unit": 100}, "not 2,049"),
        ({"mean": [1.0], "scale": [1.0], "unit": 63}, "the unit is 64 to 4,096"),
    ],
)
def test_tabular__bad_parameters__are_refused(parameters: dict, problem: str) -> None:
    with pytest.raises(EncoderError, match=problem):
        Tabular(**parameters)


@pytest.mark.parametrize("name", ["breast_cancer", "digits", "wine"])
def test_fit__real_rows__cost_the_perceptron_less_than_a_point(name: str) -> None:
    rows, labels = read_data(name)[:2]
    losses = []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(labels))
        train, test = order[: len(order) * 4 // 5], order[len(order) * 4 // 5 :]
        encoder = Tabular.fit(rows[train])
        values = unpack_dense_many(encoder.encode_many(rows), encoder.n_features, encoder.unit)
        assert (np.abs(values) == 127).mean() < 0.001
        real, whole = (
            Perceptron(random_state=0).fit(inputs[train], labels[train]).score(inputs[test], labels[test])
            for inputs in (encoder.directions(rows), values / encoder.unit)
        )
        losses.append(real - whole)
    assert np.mean(losses) < 0.01
