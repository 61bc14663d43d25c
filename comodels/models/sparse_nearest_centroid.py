"""Twin of `SparseNearestCentroid`: the same integers, the same errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from comodels.models.table import TableModel, TableParameters
from comodels.revert import require

FRACTION = 128  # bits behind the point of a score


class SparseNearestCentroidParameters(TableParameters):
    """See `TableParameters`."""


class SparseNearestCentroid(TableModel):
    """The class whose centroid, the mean of its samples of zeros and ones, is nearest. See `TableModel`.

    The counts of a class are the sum S of its samples, n is their number, and its figure is ‖S‖² and what that began
    with.

    Examples
    --------
    >>> model = SparseNearestCentroid(SparseNearestCentroidParameters(n_features=3))
    >>> _ = model.update(bytes([0, 0]), 0), model.update(bytes([0, 1, 0, 2]), 1)
    >>> model.predict(bytes([0, 1, 0, 2]))
    1
    """

    KIND = "SparseNearestCentroid"
    FAMILY = "nearest-centroid"
    SPARSE = True
    PARAMETERS = SparseNearestCentroidParameters

    @staticmethod
    def _figure(counts: Iterable[int]) -> int:
        return sum(c * c for c in counts)

    def _increase(self, y: int, indices: Sequence[int]) -> int:
        counts = self.counts[y]
        return 2 * sum(counts[i] for i in indices) + len(indices)

    def _start(self) -> int:
        """The largest ‖S / n‖², rounded up: one sample is not near to what it has nothing in common with."""
        return max((-(-q // (n * n)) for q, n in zip(self.figures, self.samples, strict=True) if n), default=0)

    def _scores(self, indices: Sequence[int], without: int | None) -> list[int | None]:
        """For each class ‖x‖² less the squared distance, in units of 2^-128, rounded up: (2 n x·S - ‖S‖²) / n²."""
        scores: list[int | None] = []
        features = len(indices)
        for y, counts in enumerate(self.counts):
            n, norm = self.samples[y], self.figures[y]
            product = sum(counts[i] for i in indices)
            if y == without:
                added = n > 0 and product >= features and norm + features >= 2 * product
                require(added, "model: no such sample was added")
                n, norm, product = n - 1, norm - 2 * product + features, product - features
            scores.append(-((norm - 2 * n * product << FRACTION) // (n * n)) if n else None)
        return scores
