"""The wire format: what packs is what the contracts accept, and comes back unchanged."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import wire
from encoders.errors import SampleError


@st.composite
def sparse_samples(draw: st.DrawFn) -> tuple[list[int], int]:
    """Indices of one sample and a number of features that has room for them."""
    indices = sorted(draw(st.sets(st.integers(0, wire.MAX_FEATURES - 1), min_size=1, max_size=40)))
    return indices, draw(st.integers(indices[-1] + 1, wire.MAX_FEATURES))


@st.composite
def dense_samples(draw: st.DrawFn) -> tuple[list[int], int]:
    """Values of one sample and the whole number next to their norm, which is within 2% of it from 25 on."""
    values = draw(st.lists(st.integers(-128, 127), min_size=1, max_size=40))
    values[draw(st.integers(0, len(values) - 1))] = draw(st.integers(25, 127))
    return values, round(float(np.linalg.norm(values)))


# ---- sparse ----------------------------------------------------------------------------------------------------------


def test_pack_sparse__two_indices__are_big_endian() -> None:
    assert wire.pack_sparse([1, 258], n_features=1_000) == bytes([0, 1, 1, 2])  # 258 = 1 * 256 + 2


@given(sparse_samples())
def test_unpack_sparse__packed_sample__gives_it_back(sample: tuple[list[int], int]) -> None:
    indices, n_features = sample
    x = wire.pack_sparse(indices, n_features)
    assert len(x) == 2 * len(indices)
    assert wire.unpack_sparse(x, n_features).tolist() == indices


@given(sparse_samples(), st.data())
def test_pack_sparse__one_index_repeated_or_moved__is_refused(
    sample: tuple[list[int], int], data: st.DataObject
) -> None:
    indices, n_features = sample
    repeated = data.draw(st.sampled_from(indices))
    with pytest.raises(SampleError, match="increase strictly"):
        wire.pack_sparse([*indices, min(repeated, indices[-1])], n_features)


def test_pack_sparse__largest_sample__packs() -> None:
    x = wire.pack_sparse(range(wire.MAX_INDICES), wire.MAX_FEATURES)
    assert len(x) == 2_048
    assert wire.pack_sparse([65_535], wire.MAX_FEATURES) == b"\xff\xff"


@pytest.mark.parametrize(
    ("indices", "n_features", "problem"),
    [
        ([], 10, "no feature indices"),
        (range(wire.MAX_INDICES + 1), wire.MAX_FEATURES, "1,025 features, the limit is 1,024"),
        ([3, 3], 10, "3 follows 3"),
        ([3, 2], 10, "2 follows 3"),
        ([3, 10], 10, "index 10 is out of range, the model has 10 features"),
        ([-1, 3], 10, "index -1 is out of range"),
        ([65_536], wire.MAX_FEATURES, "index 65536 is out of range"),
        ([0], 65_537, "1 to 65,536 features"),
        ([0.0, 1.0], 10, "are integers, not float64"),
        ([[0, 1]], 10, "one dimension, not 2"),
    ],
)
def test_pack_sparse__malformed__says_what_is_wrong(indices: list, n_features: int, problem: str) -> None:
    with pytest.raises(SampleError, match=re.escape(problem)):
        wire.pack_sparse(indices, n_features)


@pytest.mark.parametrize(
    ("x", "problem"),
    [
        ("", "the sample is empty"),
        ("000102", "odd number of bytes (3)"),
        ("00020001", "1 follows 2"),
        ("00020002", "2 follows 2"),
        ("0001000a", "index 10 is out of range"),
    ],
)
def test_unpack_sparse__malformed__says_what_is_wrong(x: str, problem: str) -> None:
    with pytest.raises(SampleError, match=re.escape(problem)):
        wire.unpack_sparse(bytes.fromhex(x), n_features=10)


@given(st.lists(sparse_samples(), min_size=1, max_size=8))
def test_unpack_sparse_many__packed_matrix__is_the_same_matrix(samples: list[tuple[list[int], int]]) -> None:
    packed = [wire.pack_sparse(indices, wire.MAX_FEATURES) for indices, _ in samples]
    matrix = wire.unpack_sparse_many(packed, wire.MAX_FEATURES)
    assert matrix.shape == (len(samples), wire.MAX_FEATURES)
    assert [matrix[[row]].indices.tolist() for row in range(len(samples))] == [indices for indices, _ in samples]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b"", "sample 1 is empty"),
        (b"\0", "sample 1 has an odd"),
        (b"\0\2\0\1", "sample 1: "),
        (b"\0\x0a", "sample 1: "),
    ],
)
def test_unpack_sparse_many__one_bad_sample__is_named(bad: bytes, problem: str) -> None:
    good = bytes([0, 9])
    with pytest.raises(SampleError, match=problem):
        wire.unpack_sparse_many([good, bad, good], n_features=10)


# ---- dense -----------------------------------------------------------------------------------------------------------


def test_pack_dense__negative_value__is_twos_complement() -> None:
    assert wire.pack_dense([3, -4], unit=5) == bytes([3, 256 - 4])  # norm: sqrt(9 + 16) = 5


@given(dense_samples())
def test_unpack_dense__packed_sample__gives_it_back(sample: tuple[list[int], int]) -> None:
    values, unit = sample
    x = wire.pack_dense(values, unit)
    assert len(x) == len(values)
    assert wire.unpack_dense(x, len(values), unit).tolist() == values


@pytest.mark.parametrize(
    ("norm", "within"),
    # unit 50: 0.98 * 50 = 49 and 1.02 * 50 = 51, both still allowed
    [(48, False), (49, True), (50, True), (51, True), (52, False)],
)
def test_norm_within_bounds__around_the_limits__includes_them(norm: int, within: bool) -> None:
    assert wire.norm_within_bounds(np.array([[norm, 0]]), unit=50).tolist() == [within]


def test_norm_within_bounds__one_below_the_limit__is_out() -> None:
    # unit 100: the squared norm has to be at least 98 * 98 = 9,604; 9,603 = 97 * 97 + 13 * 13 + 5 * 5 is one less
    assert 97 * 97 + 13 * 13 + 5 * 5 == 9_603
    assert not wire.norm_within_bounds(np.array([[97, 13, 5]]), unit=100)[0]
    assert wire.norm_within_bounds(np.array([[98, 0, 0]]), unit=100)[0]


@pytest.mark.parametrize(
    ("values", "unit", "problem"),
    [
        ([], 50, "no dense values"),
        ([128, 0], 128, "128 of feature 0 does not fit an int8"),
        ([0, -129], 129, "-129 of feature 1 does not fit an int8"),
        ([48, 0], 50, "norm 48.00, but it has to be within 2% of the model's unit 50"),
        ([0, 0], 50, "norm 0.00"),
        ([0.6, 0.8], 1, "are integers, not float64"),
        ([[50]], 50, "one dimension, not 2"),
        ([1] * 2_049, 45, "1 to 2,048 features, not 2,049"),
    ],
)
def test_pack_dense__malformed__says_what_is_wrong(values: list, unit: int, problem: str) -> None:
    with pytest.raises(SampleError, match=re.escape(problem)):
        wire.pack_dense(values, unit)


@pytest.mark.parametrize(
    ("x", "problem"),
    [("32", "1 bytes, the model has 2 features"), ("320000", "3 bytes"), ("", "0 bytes"), ("3000", "norm 48.00")],
)
def test_unpack_dense__malformed__says_what_is_wrong(x: str, problem: str) -> None:
    with pytest.raises(SampleError, match=problem):
        wire.unpack_dense(bytes.fromhex(x), n_features=2, unit=50)


def test_pack_dense_matrix__one_bad_row__is_named() -> None:
    assert wire.pack_dense_matrix(np.array([[50, 0], [0, -50]]), unit=50) == [bytes([50, 0]), bytes([0, 256 - 50])]
    with pytest.raises(SampleError, match="sample 1 has norm 70.71"):  # sqrt(50 * 50 + 50 * 50)
        wire.pack_dense_matrix(np.array([[50, 0], [50, 50]]), unit=50)
