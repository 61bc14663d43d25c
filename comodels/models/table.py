"""What the twins of `SparseNearestCentroid` and `NaiveBayes` share: the twin of the module `table`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from comodels.models.base import Parameters
from comodels.models.classes import NEVER, Growing, check_most, pack_header, unpack_header
from comodels.revert import require
from comodels.sample import sparse_indices

MAX_FEATURES = 2**16
# thousands of gas: what learning a sample may cost, of each feature a word that is written and each word that is read
MAX_COST, WRITE_COST, READ_COST = 15_000, 21, 5
MAX_WRITES = 640  # words of the table that an update may need
NARROW = 4  # the largest room with which a word holds more than one feature
HEAD = 192  # the first features, of which a word holds one class, where there is so little room
COUNT_MAX = 2**32 - 1
FIGURE_MAX = 2**64 - 1
VERSION_MAX = 2**31 - 1


@dataclass(frozen=True)
class TableParameters(Parameters):
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        1 to 65,536.
    room : int
        How many classes the model may ever have, 1 to 255.
    """

    LAYOUT = {"room": 32, "n_features": 64}

    n_features: int
    room: int = 2

    def __post_init__(self) -> None:
        check_most(self.room)
        require(1 <= self.n_features <= MAX_FEATURES, "model: 1 to 65,536 features")

    @property
    def longest(self) -> int:
        """The most features that a sample may have."""
        if self.room > NARROW:
            return MAX_COST // (WRITE_COST + READ_COST * ((self.room + 7) // 8))
        fits = self.n_features <= HEAD + (MAX_WRITES - HEAD // 8) * (8 >> min(self.room, 3) - 1)
        return 1024 if fits else MAX_WRITES

    def place(self, feature: int, y: int) -> tuple[int, int]:
        """The word with the count of a feature and class, and the lane, from the highest."""
        base = (self.room + 1) // 2
        if self.room > NARROW:
            return base + feature * ((self.room + 7) // 8) + y // 8, y % 8
        if feature < HEAD:
            return base + feature // 8 * self.room + y, feature % 8
        position = (feature - HEAD) * (1 << min(self.room, 3) - 1) + y
        return base + HEAD // 8 * self.room + position // 8, position % 8

    @property
    def word_count(self) -> int:
        return self.place(self.n_features - 1, self.room - 1)[0] + 1


class TableModel(Growing):
    """Counts of features by class.

    Parameters
    ----------
    parameters : TableParameters
    counts : sequence of sequences of int, shape (classes, n_features), optional
        How many samples of each class have each feature, 0 to 2^32 - 1; zeros if left out.
    samples : sequence of int, shape (classes,), optional
        How many samples each class has; zeros if left out.
    classes : int
        How many classes there are, if `counts` is left out.
    version : int
        The number of updates so far.
    founders : int
        How many classes there were before the first was added; 0: none was.
    """

    def __init__(
        self,
        parameters: TableParameters,
        counts: Sequence[Sequence[int]] | None = None,
        samples: Sequence[int] | None = None,
        classes: int = 2,
        version: int = 0,
        founders: int = 0,
    ):
        self.parameters = parameters
        self.founders = founders
        n = parameters.n_features
        self.counts = [[0] * n for _ in range(classes)] if counts is None else [[int(c) for c in row] for row in counts]
        self.samples = [0] * len(self.counts) if samples is None else [int(s) for s in samples]
        if len(self.samples) != len(self.counts):
            raise ValueError(f"{len(self.counts)} numbers of samples are needed, not {len(self.samples)}")
        if not 1 <= len(self.counts) <= parameters.room:
            raise ValueError(f"{len(self.counts)} classes do not fit the room for {parameters.room}")
        for row in self.counts:
            if len(row) != n:
                raise ValueError(f"{n} counts are needed for each class, not {len(row)}")
            if not all(0 <= c <= COUNT_MAX for c in row):
                raise ValueError(f"counts must be uint32: {min(row)} to {max(row)} do not fit")
        if not all(0 <= s <= COUNT_MAX for s in self.samples):
            raise ValueError("numbers of samples must be uint32")
        self.figures = [self._figure(row) for row in self.counts]
        self.version = version

    @staticmethod
    def _figure(counts: Iterable[int]) -> int:
        """What the implementation keeps of a class beside its samples."""
        raise NotImplementedError

    def _increase(self, y: int, indices: Sequence[int]) -> int:
        """By how much the figure of a class grows when a sample with these features is added."""
        raise NotImplementedError

    def _start(self) -> int:
        """What the figure of a class begins with when its first sample is added."""
        raise NotImplementedError

    def _scores(self, indices: Sequence[int], without: int | None) -> list[int | None]:
        """A score for each class; ``None`` for a class without samples."""
        raise NotImplementedError

    # ---- use ---------------------------------------------------------------------------------------------------------

    @property
    def class_count(self) -> int:
        return len(self.counts)

    def scores(self, x: bytes) -> list[int]:
        """One score for each class, as the contract's `scores`. Raises `Revert` for a malformed sample."""
        return [NEVER if s is None else s for s in self._scores(self._indices(x), None)]

    def predict(self, x: bytes) -> int:
        """The class with the highest score, of equals the lowest. Raises `Revert` for a malformed sample."""
        return _best(self._scores(self._indices(x), None))

    def predict_without(self, x: bytes, y: int, effect: int) -> int:
        """What `predict` would be if the contribution (x, y) had never been added. Without sense if it never was."""
        require(0 <= y < self.class_count, "model: no such class")
        return _best(self._scores(self._indices(x), y if effect else None))

    # ---- learn -------------------------------------------------------------------------------------------------------

    def update(self, x: bytes, y: int) -> int:
        """Count a sample; returns the effect, 1. Changes nothing if it raises."""
        require(0 <= y < self.class_count, "model: no such class")
        indices = self._indices(x)
        counts = self.counts[y]
        require(all(counts[i] < COUNT_MAX for i in indices), "model: count is full")
        require(self.samples[y] < COUNT_MAX, "model: count is full")
        increase = self._increase(y, indices) + (0 if self.samples[y] else self._start())
        require(self.figures[y] + increase <= FIGURE_MAX, "model: count is full")
        require(self.version < VERSION_MAX, "model: version is full")
        for i in indices:
            counts[i] += 1
        self.samples[y] += 1
        self.figures[y] += increase
        self.version += 1
        return 1

    def _grow(self) -> None:
        self.counts.append([0] * self.parameters.n_features)
        self.samples.append(0)
        self.figures.append(0)

    # ---- state -------------------------------------------------------------------------------------------------------

    def words(self) -> list[int]:
        """The state as the contract's `words` gives it and `load` takes it."""
        words = [0] * self.parameters.word_count
        words[0] = pack_header(self.class_count, self.founders)
        for y, row in enumerate(self.counts):
            words[y // 2] |= (self.samples[y] << 64 | self.figures[y]) << (0 if y % 2 else 96)
            for feature, count in enumerate(row):
                if count:
                    word, lane = self.parameters.place(feature, y)
                    words[word] |= count << 224 - 32 * lane
        return words

    @classmethod
    def from_words(cls, parameters: TableParameters, words: Sequence[int], version: int = 0):
        classes, founders = unpack_header(words[0])
        statistics = [words[y // 2] >> (0 if y % 2 else 96) for y in range(classes)]
        counts = []
        for y in range(classes):
            places = [parameters.place(feature, y) for feature in range(parameters.n_features)]
            counts.append([words[word] >> 224 - 32 * lane & COUNT_MAX for word, lane in places])
        samples = [s >> 64 & COUNT_MAX for s in statistics]
        twin = cls(parameters, counts, samples, version=version, founders=founders)
        twin.figures = [s & FIGURE_MAX for s in statistics]
        return twin

    def copy(self):
        twin = type(self)(self.parameters, self.counts, self.samples, version=self.version, founders=self.founders)
        twin.figures = list(self.figures)
        return twin

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _indices(self, x: bytes) -> tuple[int, ...]:
        return sparse_indices(x, self.parameters.n_features, self.parameters.longest)


def _best(scores: Sequence[int | None]) -> int:
    best, highest = 0, None
    for y, score in enumerate(scores):
        if score is not None and (highest is None or score > highest):
            best, highest = y, score
    return best
