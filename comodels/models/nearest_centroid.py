"""Twin of `NearestCentroid`: the same integers, the same errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from comodels.models.classes import MAX_CLASS_WORDS, NEVER, Growing, pack_header, unpack_header
from comodels.models.dense_perceptron import VERSION_MAX, DenseParameters, DenseTwin, check_norm
from comodels.revert import require

SUM_MIN, SUM_MAX = -(2**23), 2**23 - 1
COUNT_MAX = 2**32 - 1
SCALE = 2**128


def class_words(n_features: int) -> int:
    """The number of words of a class: 10 sums to a word, and 6 beside count and squared norm in the last."""
    return (n_features + 13) // 10


@dataclass(frozen=True)
class NearestCentroidParameters(DenseParameters):
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        1 to 2,048.
    unit : int
        The integer that stands for 1.0 in a sample, 1 to 5,792. A sample is learnt only if its norm is within 2% of it.
    room : int
        The most classes that the model can ever have, 1 to 255; times the words of a class at most 4,096.
    """

    LAYOUT = {"room": 0, "n_features": 8, "unit": 24}

    n_features: int
    unit: int
    room: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.room * class_words(self.n_features) <= MAX_CLASS_WORDS, "model: too many classes")


@cache
def sums_lanes(n_features: int) -> np.ndarray:
    """The lane of 24 bits, counted through a class, of each feature's sum: see the head of the contract."""
    f = np.arange(n_features)
    lanes = f // 10 * 10 + np.array([0, 4, 7, 1, 5, 8, 2, 6, 9, 3])[f % 10]
    if 1 <= n_features % 10 <= 6:
        last = f >= n_features // 10 * 10
        lanes[last] = (f // 10 * 10)[last] + np.array([0, 2, 4, 1, 3, 5])[(f % 10)[last]]
    return lanes


def pack_sums(sums: Sequence[int] | np.ndarray) -> list[int]:
    """The words of a class, sums of shape (n_features,), without count and squared norm."""
    sums = np.asarray(sums, np.int64)
    if sums.min() < SUM_MIN or sums.max() > SUM_MAX:
        raise ValueError(f"sums must be int24: {sums.min()} to {sums.max()} do not fit")
    lanes = np.zeros(10 * class_words(len(sums)), np.int64)
    lanes[sums_lanes(len(sums))] = sums
    data = lanes.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return [int.from_bytes(data[i : i + 30], "little") for i in range(0, len(data), 30)]


def unpack_sums(words: Sequence[int], n_features: int) -> np.ndarray:
    """The sums (ndarray of int64, shape (n_features,)) in the words of a class."""
    data = b"".join(w.to_bytes(32, "little")[:30] for w in words)
    lanes = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int64) @ [1, 2**8, 2**16]
    return ((lanes ^ 2**23) - 2**23)[sums_lanes(n_features)]


def _score(n: int, square: int, dot: int) -> int:
    return (2 * n * dot - square) * SCALE // n**2 if n else NEVER


class NearestCentroid(Growing, DenseTwin):
    """The class whose mean is nearest, in exact integers.

    Parameters
    ----------
    parameters : NearestCentroidParameters
    sums : array of int, shape (n_classes, n_features), optional
        Per class the sum of its samples, `int24` values; if left out, zeros.
    counts : sequence of int, shape (n_classes,), optional
        The number of samples of each class, `uint32` values.
    version : int
        The number of updates so far.
    founders : int
        How many classes there were before the first was added; 0: none was.
    classes : int
        How many classes there are, if `sums` is left out.
    """

    KIND = "NearestCentroid"
    FAMILY = "nearest-centroid"
    PARAMETERS = NearestCentroidParameters

    def __init__(
        self,
        parameters: NearestCentroidParameters,
        sums=None,
        counts=None,
        version: int = 0,
        founders: int = 0,
        classes: int = 2,
    ):
        self.parameters = parameters
        self.founders = founders
        n_features = parameters.n_features
        self.sums = np.zeros((classes, n_features), np.int64) if sums is None else np.array(sums, np.int64)
        if self.sums.ndim != 2 or self.sums.shape[1] != n_features or len(self.sums) == 0:
            raise ValueError(f"sums of shape (n_classes, {n_features}) are needed, not {self.sums.shape}")
        require(len(self.sums) <= parameters.room, "classes: too many")
        self.counts = [0] * len(self.sums) if counts is None else [int(n) for n in counts]
        if len(self.counts) != len(self.sums):
            raise ValueError(f"{len(self.sums)} counts are needed, not {len(self.counts)}")
        if not all(0 <= n <= COUNT_MAX for n in self.counts):
            raise ValueError("counts must be uint32")
        for s, n in zip(self.sums, self.counts, strict=True):
            pack_sums(s)  # for its checks
            require(n > 0 or not s.any(), "centroid: sums without samples")
        self.squares = [int(s @ s) for s in self.sums]
        self.version = version

    @property
    def class_count(self) -> int:
        return len(self.sums)

    # ---- use ---------------------------------------------------------------------------------------------------------

    def scores(self, x: bytes) -> list[int]:
        """(2·x·S/n - ‖S‖²/n²)·2^128 of each class, rounded down; -2^255 for a class without samples."""
        dots = (self.sums @ self._values(x)).tolist()
        return [_score(n, q, d) for n, q, d in zip(self.counts, self.squares, dots, strict=True)]

    def predict_many(self, X: np.ndarray) -> np.ndarray:
        """The classes of samples: ndarray of int8, shape (n_samples, n_features) to ndarray of int64, (n_samples,)."""
        dots = (X.astype(np.int64) @ self.sums.T).tolist()
        facts = list(zip(self.counts, self.squares, strict=True))
        best = []
        for row in dots:
            scores = [_score(n, q, d) for (n, q), d in zip(facts, row, strict=True)]
            best.append(scores.index(max(scores)))
        return np.array(best, np.int64)

    def predict_without(self, x: bytes, y: int, effect: int) -> int:
        """What `predict` would be if the contribution (x, y) that had this effect had never been added."""
        values = self._values(x)
        require(0 <= y < self.class_count, "model: no such class")
        require(self.counts[y] > 0, "centroid: no sample to leave out")
        scores = self.scores(x)
        sums = self.sums[y] - values
        scores[y] = _score(self.counts[y] - 1, int(sums @ sums), int(sums @ values))
        return scores.index(max(scores))

    # ---- learn -------------------------------------------------------------------------------------------------------

    def update(self, x: bytes, y: int) -> int:
        """Learn from a sample; returns the effect, always 1. Changes nothing if it raises."""
        require(0 <= y < self.class_count, "model: no such class")
        values = self._values(x)
        check_norm(values, self.parameters.unit)
        require(self.version < VERSION_MAX, "model: version is full")
        sums = self.sums[y] + values
        require(sums.min() >= SUM_MIN and sums.max() <= SUM_MAX, "centroid: sum out of range")
        require(self.counts[y] < COUNT_MAX, "centroid: count is full")
        self.squares[y] += 2 * int(self.sums[y] @ values) + int(values @ values)
        self.sums[y] = sums
        self.counts[y] += 1
        self.version += 1
        return 1

    def _grow(self) -> None:
        self.sums = np.vstack([self.sums, np.zeros(self.parameters.n_features, np.int64)])
        self.counts.append(0)
        self.squares.append(0)

    # ---- state -------------------------------------------------------------------------------------------------------

    def words(self) -> list[int]:
        """The state as the contract's `words` gives it and `load` takes it."""
        words = [pack_header(self.class_count, self.founders)]
        for s, n, q in zip(self.sums, self.counts, self.squares, strict=True):
            words += pack_sums(s)
            words[-1] |= n << 160 | q << 192
        return words

    @classmethod
    def from_words(
        cls, parameters: NearestCentroidParameters, words: Sequence[int], version: int = 0
    ) -> NearestCentroid:
        n_classes, founders = unpack_header(words[0])
        step = class_words(parameters.n_features)
        if len(words) != 1 + n_classes * step:
            raise ValueError(f"{1 + n_classes * step} words are needed, not {len(words)}")
        records = [words[i : i + step] for i in range(1, len(words), step)]
        model = cls(
            parameters,
            [unpack_sums(r, parameters.n_features) for r in records],
            [r[-1] >> 160 & 0xFFFFFFFF for r in records],
            version,
            founders,
        )
        require(model.squares == [r[-1] >> 192 for r in records], "centroid: squared norm does not match the sums")
        return model

    def copy(self) -> NearestCentroid:
        return type(self)(self.parameters, self.sums, self.counts, self.version, self.founders)
