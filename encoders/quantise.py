"""From directions in floating point to ``int8`` vectors whose norm the contracts accept.

A dense sample stands for a vector of norm 1; the integer ``unit`` stands for 1.0. Rounding ``unit * v`` is nearly all
there is to it. Two things are added: values are clipped to [-127, 127], and where clipping or rounding pushed the norm
out of the 2% that the contracts allow, it is brought back, the same way every time:

1. Clipped values stay at 127; the others grow by one common factor until the norm is ``unit`` again.
2. After rounding, the value that lies farthest from what it should be moves by 1, the first of equals, until the norm
   is within bounds. No step can jump over the bounds: near them a step changes the squared norm by at most
   ``2 * unit + 1``, and they are ``0.08 * unit**2`` apart, which is more for every unit that is allowed.

A unit of 127 or less never clips, because no value of a vector of norm 1 exceeds 1, so it takes every sample.
"""

import numpy as np

from encoders.errors import EncoderError, SampleError, sample_name
from encoders.wire import norm_within_bounds

MAX_VALUE = 127
"""Values are kept symmetric, so that ``-q`` is a sample whenever ``q`` is."""

MIN_UNIT = 64
"""Below, rounding could turn a sample of many small values too far."""

MAX_UNIT = 4_096
"""More would take more than 1,040 values of 127."""

_CANDIDATES = tuple(round(MAX_VALUE * 2 ** (quarter / 4)) for quarter in range(21))  # 127 to 4,064, 4 to the octave
_CHOOSE_FROM = 1_024  # samples: more would only cost time
_LEAST_COSINE = 0.9  # a sample that is farther than this (26 degrees) from its original is refused


def check_unit(unit: int) -> None:
    """Raise an `EncoderError` if `unit` is not from 64 to 4,096."""
    if not MIN_UNIT <= unit <= MAX_UNIT:
        raise EncoderError(f"the unit is {MIN_UNIT} to {MAX_UNIT:,}, not {unit}")


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Divide each vector by its Euclidean norm.

    The result of a row does not depend on the other rows: there is no matrix product on the way.

    Parameters
    ----------
    vectors : ndarray of float64, shape (n_samples, n_features)

    Returns
    -------
    ndarray of float64, shape (n_samples, n_features)

    Raises
    ------
    SampleError
        If a vector has a NaN or an infinite value, or all its values are 0.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float64)
    for bad, problem in (
        (~np.isfinite(vectors).all(axis=1), "has a value that is not a finite number; fill or drop it"),
        (~vectors.any(axis=1), "has no direction: all its values are 0 after preparation, so it cannot have norm 1"),
    ):
        if bad.any():
            raise SampleError(f"{sample_name(int(np.argmax(bad)), bad.size)} {problem}")
    vectors = vectors / np.abs(vectors).max(axis=1, keepdims=True)  # squares can neither overflow nor vanish
    return vectors / np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))


def choose_unit(directions: np.ndarray) -> int:
    """Choose the unit with which the worst sample keeps its direction best.

    A small unit rounds coarsely, a large one clips. Beginning with 127, which never clips, the unit grows by a quarter
    of an octave as long as the worst sample gains by it.

    Parameters
    ----------
    directions : ndarray of float64, shape (n_samples, n_features)
        Vectors of norm 1. Of more than 1,024, evenly spaced ones are looked at.

    Returns
    -------
    int
    """
    directions = directions[:: -(-len(directions) // _CHOOSE_FROM)]
    best, best_cosine = MAX_VALUE, 0.0
    for unit in _CANDIDATES:
        worst = _quantise(directions, unit)[1].min()
        if worst <= best_cosine:
            break
        best, best_cosine = unit, worst
    return best


def quantise(directions: np.ndarray, unit: int) -> np.ndarray:
    """Round vectors of norm 1 to integers whose norm is within 2% of ``unit``.

    Parameters
    ----------
    directions : ndarray of float64, shape (n_samples, n_features)
        Vectors of norm 1.
    unit : int
        The integer that stands for 1.0, from 64 to 4,096.

    Returns
    -------
    ndarray of int64, shape (n_samples, n_features)
        Values from -127 to 127.

    Raises
    ------
    EncoderError
        If the unit is out of range.
    SampleError
        If a sample is so concentrated in a few features that, clipped to 127, it cannot have this norm and still point
        within 26 degrees of where it did. With a unit of 127 or less that never happens.
    """
    check_unit(unit)
    values, cosines = _quantise(directions, unit)
    bad = cosines < _LEAST_COSINE
    if bad.any():
        name = sample_name(int(np.argmax(bad)), bad.size)
        raise SampleError(
            f"{name} is concentrated in too few features for unit {unit}: values end "
            f"at {MAX_VALUE}; an encoder fitted with unit={MAX_VALUE} takes every sample"
        )
    return values


def _quantise(directions: np.ndarray, unit: int) -> tuple[np.ndarray, np.ndarray]:
    """The rounded values, and the cosine of the angle to the original: 0 where the norm could not be reached."""
    values = np.rint(np.clip(directions * unit, -MAX_VALUE, MAX_VALUE)).astype(np.int64)
    for row in np.flatnonzero(~norm_within_bounds(values, unit)):
        values[row] = _repair(directions[row], unit)
    norms = np.sqrt((values * values).sum(axis=1))
    return values, (directions * values).sum(axis=1) / np.maximum(norms, 1)


def _repair(direction: np.ndarray, unit: int) -> np.ndarray:
    """The nearest values with a norm within bounds, or zeros if 127 in every feature that is not 0 is too little."""
    wanted = _fill(np.abs(direction) * unit, unit)
    if wanted is None:
        return np.zeros(direction.size, dtype=np.int64)
    values = np.rint(wanted).astype(np.int64)
    while not norm_within_bounds(values[np.newaxis], unit)[0]:
        step = 1 if values @ values < unit**2 else -1
        values[np.argmax(step * (wanted - values))] += step
    return np.where(direction < 0, -values, values)


def _fill(magnitudes: np.ndarray, unit: int) -> np.ndarray | None:
    """Clip magnitudes to 127 and scale the others up so that the norm is ``unit``."""
    if MAX_VALUE**2 * np.count_nonzero(magnitudes) < unit**2:
        return None
    clipped = np.zeros(magnitudes.size, dtype=bool)
    while True:
        rest = np.where(clipped, 0.0, magnitudes)
        squares = (rest * rest).sum()
        factor = np.sqrt((unit**2 - MAX_VALUE**2 * clipped.sum()) / squares) if squares else 0.0
        now = clipped | (rest * factor > MAX_VALUE)
        if (now == clipped).all():
            return np.where(clipped, MAX_VALUE, rest * factor)
        clipped = now
