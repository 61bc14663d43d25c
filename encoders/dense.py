"""What the encoders of dense samples have in common: vectors are normalised, quantised and packed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders import wire
from encoders.base import Encoder
from encoders.errors import DataError, EncoderError
from encoders.quantise import check_unit, choose_unit, normalise, quantise

if TYPE_CHECKING:
    from typing_extensions import Self


class DenseEncoder(Encoder):
    """An encoder whose samples are directions: vectors of norm 1, quantised with a `unit`."""

    unit: int

    def __init__(self, n_features: int, unit: int) -> None:
        if not 1 <= n_features <= wire.MAX_DIMENSIONS:
            raise EncoderError(f"a dense sample has 1 to {wire.MAX_DIMENSIONS:,} features, not {n_features:,}")
        check_unit(unit)
        self.n_features = n_features
        self.unit = unit

    @abstractmethod
    def vectors(self, samples: Sequence[Any] | np.ndarray) -> np.ndarray:
        """The samples as numbers, before they are normalised: float64, shape (n_samples, n_features)."""

    def directions(self, samples: Sequence[Any]) -> np.ndarray:
        """The samples as vectors of norm 1, before they are quantised: float64, shape (n_samples, n_features)."""
        return normalise(self.vectors(samples))

    def choose_unit(self, samples: Sequence[Any] | np.ndarray) -> Self:
        """Take the unit with which the worst of these samples keeps its direction best, see `encoders.quantise`.

        Samples that have no direction are passed over.

        Raises
        ------
        DataError
            If no sample has one: all are the same.
        """
        vectors = self.vectors(samples)
        vectors = vectors[vectors.any(axis=1)]
        if not len(vectors):
            raise DataError("all samples are the same, so there is nothing to tell them apart by")
        self.unit = choose_unit(normalise(vectors))
        return self

    def encode_many(self, samples: Sequence[Any]) -> list[bytes]:
        if len(samples) == 0:
            return []
        return wire.pack_dense_matrix(quantise(self.directions(samples), self.unit), self.unit)

    def decode(self, x: bytes) -> np.ndarray:
        """The direction that a sample stands for: float64, shape (n_features,), with norm 1 within 2%."""
        return wire.unpack_dense(x, self.n_features, self.unit) / self.unit
