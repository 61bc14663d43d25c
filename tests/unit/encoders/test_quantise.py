"""Quantising: whatever vector it is, the norm is one that the contracts accept, and the direction is kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from encoders.errors import EncoderError, SampleError
from encoders.quantise import MAX_UNIT, MAX_VALUE, MIN_UNIT, choose_unit, normalise, quantise
from encoders.wire import norm_within_bounds, pack_dense_matrix


@st.composite
def vectors(draw: st.DrawFn) -> np.ndarray:
    """One vector, shape (1, n_features), with a value that is not 0."""
    values = draw(st_numpy.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e300, 1e300, width=64)))
    values[draw(st.integers(0, values.size - 1))] = draw(st.sampled_from([-1.0, 1.0])) * draw(st.floats(1e-300, 1e300))
    return values[np.newaxis]


def cosines(directions: np.ndarray, values: np.ndarray) -> np.ndarray:
    return (directions * values).sum(axis=1) / np.linalg.norm(values, axis=1)


def test_normalise__worked_example__has_norm_one() -> None:
    assert normalise(np.array([[3.0, -4.0]])).tolist() == [[0.6, -0.8]]  # norm 5


@given(vectors())
def test_normalise__huge_or_tiny_values__neither_overflow_nor_vanish(vector: np.ndarray) -> None:
    assert np.isclose(np.linalg.norm(normalise(vector)), 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_normalise__not_finite__is_refused_by_name(bad: float) -> None:
    with pytest.raises(SampleError, match="sample 1 has a value that is not a finite number"):
        normalise(np.array([[1.0, 2.0], [1.0, bad]]))


def test_normalise__zero_row__is_refused_by_name() -> None:
    with pytest.raises(SampleError, match="sample 1 has no direction"):
        normalise(np.array([[1.0, 2.0], [0.0, 0.0]]))
    with pytest.raises(SampleError, match="the sample has no direction"):
        normalise(np.array([[0.0, 0.0]]))


def test_quantise__worked_example__rounds() -> None:
    assert quantise(np.array([[0.6, -0.8]]), unit=101).tolist() == [[61, -81]]  # 60.6 and -80.8; norm 101.4


@settings(max_examples=300, deadline=None)
@given(vectors(), st.integers(MIN_UNIT, MAX_VALUE))
def test_quantise__any_vector_at_a_unit_that_never_clips__has_an_accepted_norm(vector: np.ndarray, unit: int) -> None:
    directions = normalise(vector)
    values = quantise(directions, unit)
    assert norm_within_bounds(values, unit).all()
    assert np.abs(values).max() <= MAX_VALUE
    assert (values * directions >= 0).all()  # no sign changes
    pack_dense_matrix(values, unit)


@settings(deadline=None)
@given(st.integers(2, 2_048), st.integers(MIN_UNIT, MAX_UNIT), st.integers(0, 2**32 - 1))
def test_quantise__any_unit__has_an_accepted_norm_or_is_refused(n_features: int, unit: int, seed: int) -> None:
    directions = normalise(np.random.default_rng(seed).standard_t(3, size=(3, n_features)))
    try:
        values = quantise(directions, unit)
    except SampleError:
        assert unit > MAX_VALUE
        assert (np.abs(directions) * unit > MAX_VALUE).any()
    else:
        assert norm_within_bounds(values, unit).all()
        assert np.abs(values).max() <= MAX_VALUE
        assert (cosines(directions, values) >= 0.9).all()


def test_quantise__equal_values_that_round_down__grow_one_by_one() -> None:
    # 2,048 values of 0.0221 * 64 = 1.41 round to 1, a squared norm of 2,048, but it has to be 0.9604 * 64**2 = 3,933.8
    # at least. Each value that becomes 2 adds 3: (3,933.8 - 2,048) / 3 = 628.6, so the first 629 do.
    values = quantise(np.full((1, 2_048), 2_048**-0.5), unit=64)
    assert values[0].tolist() == [2] * 629 + [1] * 1_419


def test_quantise__equal_values_that_round_up__shrink_one_by_one() -> None:
    # 1,600 values of 1 / 40 * 64 = 1.6 round to 2, a squared norm of 6,400, but it has to be 1.0404 * 64**2 = 4,261.5
    # at most. Each value that becomes 1 takes 3 away: (6,400 - 4,261.5) / 3 = 712.8, so the first 713 do.
    values = quantise(np.full((1, 1_600), -1 / 40), unit=64)
    assert values[0].tolist() == [-1] * 713 + [-2] * 887


def test_quantise__one_clipped_value__is_made_up_for_by_the_others() -> None:
    # 0.8 * 200 = 160 clips to 127, which alone would leave a norm of sqrt(127**2 + 120**2) = 174.7 < 0.98 * 200. The
    # other value takes what is missing: sqrt(200**2 - 127**2) = 154.5, but that clips as well; so unit 175 is used,
    # where 140 clips to 127 and the other grows from 105 to sqrt(175**2 - 127**2) = 120.4.
    directions = np.array([[0.8, -0.6]])
    assert quantise(directions, unit=175).tolist() == [[127, -120]]
    with pytest.raises(SampleError, match="too few features for unit 200"):
        quantise(directions, unit=200)


def test_quantise__concentrated_vector__fits_at_127_and_is_refused_above() -> None:
    one_hot = np.eye(1, 100)
    assert quantise(one_hot, unit=127).tolist() == [[127] + 99 * [0]]
    with pytest.raises(SampleError, match="unit=127 takes every sample"):
        quantise(one_hot, unit=130)


@pytest.mark.parametrize("unit", [0, -1, MIN_UNIT - 1, MAX_UNIT + 1])
def test_quantise__unit_out_of_range__is_refused(unit: int) -> None:
    with pytest.raises(EncoderError, match="the unit is 64 to 4,096"):
        quantise(np.eye(1, 10), unit)


def test_choose_unit__concentrated_samples__never_clips() -> None:
    assert choose_unit(np.eye(5)) == 127


def test_choose_unit__many_even_dimensions__goes_beyond_127() -> None:
    directions = normalise(np.random.default_rng(0).normal(size=(200, 512)))
    unit = choose_unit(directions)
    values = quantise(directions, unit)
    assert 127 < unit <= MAX_UNIT
    assert (np.abs(values) == MAX_VALUE).mean() < 0.001
    assert (1 - cosines(directions, values)).max() < (1 - cosines(directions, quantise(directions, 127))).max()
