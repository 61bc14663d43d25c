"""Rows of numbers to dense samples: standardise, normalise, quantise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders.dense import DenseEncoder
from encoders.errors import EncoderError, SampleError
from encoders.quantise import MAX_VALUE

if TYPE_CHECKING:
    from typing_extensions import Self


class Tabular(DenseEncoder):
    """Rows of numbers, one number for each feature.

    Each feature is shifted and scaled by the mean and the standard deviation of the rows that the encoder was fitted
    to; the row is then divided by its norm, multiplied by `unit`, and rounded. Every step treats each row alone, so a
    row has the same bytes in whatever company it is encoded.

    Parameters
    ----------
    mean, scale : array-like of float, shape (n_features,)
        What is subtracted from a feature, and what it is then divided by (above 0).
    unit : int
        The integer that stands for 1.0, from 64 to 4,096.

    Raises
    ------
    EncoderError
        If the parameters do not belong together or are out of range.

    Examples
    --------
    >>> encoder = Tabular(mean=[10.0, 0.0], scale=[2.0, 1.0], unit=100)
    >>> list(encoder.encode([16.0, 4.0]))  # (16 - 10) / 2 = 3 and 4: norm 5, so 60 and 80
    [60, 80]
    """

    kind = "tabular"
    input_kind = "numbers"

    def __init__(self, mean: Sequence[float], scale: Sequence[float], unit: int) -> None:
        self.mean = np.array(mean, dtype=np.float64)
        self.scale = np.array(scale, dtype=np.float64)
        if self.mean.ndim != 1 or self.mean.shape != self.scale.shape:
            raise EncoderError("there is one mean and one scale for each feature")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.scale).all() and (self.scale > 0).all()):
            raise EncoderError("means and scales are finite numbers, and scales are above 0")
        super().__init__(self.mean.size, unit)

    @classmethod
    def fit(cls, rows: np.ndarray, unit: int | None = None) -> Self:
        """Fit means and scales with scikit-learn's ``StandardScaler``, and choose the unit.

        Parameters
        ----------
        rows : array-like of float, shape (n_samples, n_features)
        unit : int, optional
            The integer that stands for 1.0, from 64 to 4,096. By default chosen from the rows, see `choose_unit`.

        Raises
        ------
        SampleError
            If the rows are not finite numbers.
        EncoderError
            If all rows are the same, there are too many features, or the unit is out of range.
        """
        from sklearn.preprocessing import StandardScaler

        rows = _numbers(rows)
        scaler = StandardScaler().fit(rows)
        encoder = cls(scaler.mean_, scaler.scale_, MAX_VALUE if unit is None else unit)
        return encoder.choose_unit(rows) if unit is None else encoder

    @property
    def parameters(self) -> dict[str, int | str]:
        return {"features": self.n_features, "unit": self.unit}

    @property
    def fitted(self) -> dict[str, Any]:
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def rebuild(cls, parameters: Mapping[str, str], fitted: Mapping[str, Any]) -> Self:
        return cls(fitted["mean"], fitted["scale"], int(parameters["unit"]))

    def vectors(self, samples: Sequence[Any] | np.ndarray) -> np.ndarray:
        """The standardised rows: float64, shape (n_samples, n_features)."""
        rows = _numbers(samples)
        if rows.shape[1] != self.n_features:
            raise SampleError(f"a row has {rows.shape[1]} numbers, the model has {self.n_features} features")
        with np.errstate(over="ignore"):  # what overflows is refused when it is normalised
            return (rows - self.mean) / self.scale


def _numbers(rows: Sequence[Any] | np.ndarray) -> np.ndarray:
    try:
        array = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SampleError(f"rows are numbers, as many in each row ({error})") from error
    if array.ndim != 2 or array.size == 0:
        raise SampleError(f"rows have the shape (samples, features), not {array.shape}")
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise SampleError(f"row {np.argmin(finite)} has a value that is not a finite number: fill it in or drop it")
    return array
