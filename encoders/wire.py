"""The bytes that travel: sparse samples and dense samples. Labelled rows of both are packed by `comodels.rows`.

Every check that the contracts make is made here too, so a sample that packs is a sample that the chain accepts.

=======  ==========================================================================  =============
format   bytes                                                                       size in bytes
=======  ==========================================================================  =============
sparse   strictly increasing feature indices, each a big-endian ``uint16``           2 to 2,048
dense    one ``int8`` (two's complement) per feature, in feature order               1 to 2,048
=======  ==========================================================================  =============

Sparse indices increase strictly so that one sample has one encoding. Dense samples have a norm of one, where ``unit``
is the integer that stands for 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from encoders.errors import SampleError, sample_name

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MAX_FEATURES = 65_536
"""Features of a sparse model: what a ``uint16`` index can name."""

MAX_INDICES = 1_024
"""Features that one sparse sample may have."""

MAX_DIMENSIONS = 2_048
"""Features of a dense model, so that both formats share one limit of 2,048 bytes."""

MAX_CLASSES = 255
"""Classes of a model: a label is one byte."""


def pack_sparse(indices: Sequence[int] | np.ndarray, n_features: int) -> bytes:
    """Pack the indices of the features that a sample has.

    Parameters
    ----------
    indices : array-like of int, shape (n_indices,)
        Strictly increasing, each below ``n_features``; 1 to 1,024 of them.
    n_features : int
        Features of the model, at most 65,536.

    Returns
    -------
    bytes, length 2 * n_indices

    Raises
    ------
    SampleError
        If the sample is empty, too long, not strictly increasing, or an index is out of range.

    Examples
    --------
    >>> pack_sparse([1, 258], n_features=1000).hex()
    '00010102'
    """
    indices = _integers(indices, "feature indices")
    if indices.ndim != 1:
        raise SampleError(f"feature indices of one sample have one dimension, not {indices.ndim}")
    _check_indices(indices, np.array([0, indices.size]), n_features)
    return indices.astype(">u2").tobytes()


def unpack_sparse(x: bytes, n_features: int) -> np.ndarray:
    """Unpack a sparse sample: the inverse of `pack_sparse`, with the same checks.

    Returns
    -------
    ndarray of int64, shape (n_indices,)

    Raises
    ------
    SampleError
        As `pack_sparse`, and if the number of bytes is odd.
    """
    return unpack_sparse_many([x], n_features).indices.astype(np.int64)


def unpack_sparse_many(samples: Sequence[bytes], n_features: int) -> csr_matrix:
    """Unpack many sparse samples into one matrix of ones, as scikit-learn takes it.

    Returns
    -------
    csr_matrix of int64, shape (n_samples, n_features)

    Raises
    ------
    SampleError
        As `unpack_sparse`; the message names the first bad sample.
    """
    for position, x in enumerate(samples):
        if len(x) % 2:
            raise SampleError(
                f"{sample_name(position, len(samples))} has an odd number of bytes ({len(x)}): a sparse sample "
                "is 2 bytes per feature index"
            )
    indptr = np.concatenate(([0], np.cumsum([len(x) // 2 for x in samples], dtype=np.int64)))
    indices = np.frombuffer(b"".join(samples), dtype=">u2").astype(np.int64)
    _check_indices(indices, indptr, n_features)
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(indices.size, dtype=np.int64), indices, indptr), shape=(len(samples), n_features))


def pack_dense(values: Sequence[int] | np.ndarray, unit: int) -> bytes:
    """Pack the quantised values of one dense sample.

    Parameters
    ----------
    values : array-like of int, shape (n_features,)
        From -128 to 127, with a norm within 2% of ``unit``; at most 2,048 of them.
    unit : int
        The integer that stands for 1.0.

    Returns
    -------
    bytes, length n_features

    Raises
    ------
    SampleError
        If a value does not fit an ``int8``, the norm is out of bounds, or there are none or too many values.

    Examples
    --------
    >>> pack_dense([3, -4], unit=5).hex()
    '03fc'
    """
    values = _integers(values, "dense values")
    if values.ndim != 1:
        raise SampleError(f"the values of one dense sample have one dimension, not {values.ndim}")
    return pack_dense_matrix(values[np.newaxis], unit)[0]


def unpack_dense(x: bytes, n_features: int, unit: int) -> np.ndarray:
    """Unpack a dense sample: the inverse of `pack_dense`, with the same checks.

    Returns
    -------
    ndarray of int64, shape (n_features,)
        Wider than the ``int8`` on the wire, so that products and sums do not overflow.

    Raises
    ------
    SampleError
        As `pack_dense`, and if the number of bytes is not ``n_features``.
    """
    return unpack_dense_many([x], n_features, unit)[0]


def pack_dense_matrix(values: np.ndarray, unit: int) -> list[bytes]:
    """Pack each row of a matrix of quantised values.

    Parameters
    ----------
    values : array-like of int, shape (n_samples, n_features)
    unit : int

    Returns
    -------
    list of bytes, length n_samples

    Raises
    ------
    SampleError
        As `pack_dense`; the message names the first bad row.
    """
    values = _integers(values, "dense values")
    if values.ndim != 2:
        raise SampleError(f"a matrix of dense samples has two dimensions, not {values.ndim}")
    out_of_range = (values < -128) | (values > 127)
    if out_of_range.any():
        row, column = np.argwhere(out_of_range)[0]
        raise SampleError(
            f"{sample_name(row, len(values))}: value {values[row, column]} of feature {column} does not fit an int8 "
            "(-128 to 127); quantise with an encoder"
        )
    _check_dense(values, unit)
    return [row.tobytes() for row in values.astype(np.int8)]


def unpack_dense_many(samples: Sequence[bytes], n_features: int, unit: int) -> np.ndarray:
    """Unpack many dense samples into one matrix.

    Returns
    -------
    ndarray of int64, shape (n_samples, n_features)

    Raises
    ------
    SampleError
        As `unpack_dense`; the message names the first bad sample.
    """
    for position, x in enumerate(samples):
        if len(x) != n_features:
            raise SampleError(
                f"{sample_name(position, len(samples))} has {len(x)} bytes, the model has {n_features} features: a "
                "dense sample is 1 byte per feature"
            )
    values = np.frombuffer(b"".join(samples), dtype=np.int8).astype(np.int64).reshape(len(samples), n_features)
    _check_dense(values, unit)
    return values


def norm_within_bounds(values: np.ndarray, unit: int) -> np.ndarray:
    """Whether each row's norm is within 2% of ``unit``: the contracts' integer test, without a root.

    ``9604 * unit**2 <= 10000 * norm**2 <= 10404 * unit**2``, because 0.98**2 = 0.9604 and 1.02**2 = 1.0404.

    Parameters
    ----------
    values : ndarray of int64, shape (n_samples, n_features)
    unit : int

    Returns
    -------
    ndarray of bool, shape (n_samples,)
    """
    squares = 10_000 * (values * values).sum(axis=1)
    return (9_604 * unit**2 <= squares) & (squares <= 10_404 * unit**2)


def _integers(values: Sequence[int] | np.ndarray, what: str) -> np.ndarray:
    array = np.asarray(values)
    if array.size == 0:
        raise SampleError(f"there are no {what}: a sample has at least one")
    if not np.issubdtype(array.dtype, np.integer):
        raise SampleError(f"{what} are integers, not {array.dtype}; encode the sample with an encoder first")
    return array.astype(np.int64)


def _check_indices(indices: np.ndarray, indptr: np.ndarray, n_features: int) -> None:
    """Check the samples ``indices[indptr[i]:indptr[i + 1]]``."""
    if not 1 <= n_features <= MAX_FEATURES:
        raise SampleError(f"a sparse model has 1 to {MAX_FEATURES:,} features, not {n_features:,}")
    count = len(indptr) - 1
    lengths = np.diff(indptr)
    if (lengths == 0).any():
        raise SampleError(
            f"{sample_name(int(np.argmin(lengths)), count)} is empty: a sparse sample has at least one feature"
        )
    if (lengths > MAX_INDICES).any():
        position = int(np.argmax(lengths > MAX_INDICES))
        raise SampleError(
            f"{sample_name(position, count)} has {lengths[position]:,} features, the limit is {MAX_INDICES:,}: keep "
            "the lowest indices, as the text encoders do"
        )
    out_of_range = (indices < 0) | (indices >= n_features)
    if out_of_range.any():
        at = int(np.argmax(out_of_range))
        raise SampleError(
            f"{sample_name(_row_of(at, indptr), count)}: feature index {indices[at]} is out of range, the model has "
            f"{n_features} features; use the model's own encoder"
        )
    not_increasing = np.diff(indices) <= 0
    not_increasing[indptr[1:-1] - 1] = False  # from one sample to the next an index may fall
    if not_increasing.any():
        at = int(np.argmax(not_increasing))
        raise SampleError(
            f"{sample_name(_row_of(at, indptr), count)}: feature index {indices[at + 1]} follows {indices[at]}, but "
            "indices increase strictly; sort them and drop repeated ones"
        )


def _row_of(at: int, indptr: np.ndarray) -> int:
    return int(np.searchsorted(indptr, at, side="right")) - 1


def _check_dense(values: np.ndarray, unit: int) -> None:
    n_features = values.shape[1]
    if not 1 <= n_features <= MAX_DIMENSIONS:
        raise SampleError(f"a dense sample has 1 to {MAX_DIMENSIONS:,} features, not {n_features:,}")
    within = norm_within_bounds(values, unit)
    if not within.all():
        row = int(np.argmin(within))
        norm = float(np.sqrt((values[row] ** 2).sum()))
        raise SampleError(
            f"{sample_name(row, len(values))} has norm {norm:.2f}, but it has to be within 2% of the model's unit "
            f"{unit}; encode it with the model's own encoder"
        )
