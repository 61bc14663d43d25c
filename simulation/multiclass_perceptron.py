"""Twin of `MulticlassSparsePerceptron`: the same integers, the same errors."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from simulation.revert import require
from simulation.rows import count_errors
from simulation.sample import sparse_indices

WEIGHT_MIN, WEIGHT_MAX = -(2**15), 2**15 - 1
MAX_CLASSES = 255
MAX_FEATURES = 2**16
MAX_WRITES = 640  # words that an update may need, with a word or less for a feature
MAX_WIDE = 192  # features of a sample with more than one word for a feature
VERSION_MAX = 2**31 - 1


@dataclass(frozen=True)
class MulticlassSparsePerceptronParameters:
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        1 to 65,536.
    room : int
        How many classes the model may ever have, 1 to 255.
    rate : int
        By how much a weight moves, 1 to 65,535.
    bias_rate : int
        By how much a bias moves, 0 to 65,535.
    margin : int
        A sample that is classified rightly by less than this score is learnt all the same, 0 to 2^24 - 1.
    """

    n_features: int
    room: int = 2
    rate: int = 1
    bias_rate: int = 1
    margin: int = 0

    def __post_init__(self) -> None:
        require(1 <= self.rate < 2**16, "model: learning rate of 0" if self.rate == 0 else "model: unknown parameters")
        require(0 <= self.bias_rate < 2**16 and 0 <= self.margin < 2**24, "model: unknown parameters")
        require(1 <= self.room <= MAX_CLASSES, "model: room for 1 to 255 classes")
        require(1 <= self.n_features <= MAX_FEATURES, "model: 1 to 65,536 features")

    def pack(self) -> int:
        """The `parameters` argument of the contract's `create`."""
        return self.rate | self.bias_rate << 16 | self.margin << 32 | self.room << 56 | self.n_features << 64

    @classmethod
    def unpack(cls, packed: int) -> MulticlassSparsePerceptronParameters:
        return cls(packed >> 64, packed >> 56 & 0xFF, packed & 0xFFFF, packed >> 16 & 0xFFFF, packed >> 32 & 0xFFFFFF)

    @property
    def lanes(self) -> int:
        """The lanes of a row of weights."""
        return (self.room + 15) // 16 * 16 if self.room > 8 else 8 if self.room > 4 else 4 if self.room > 2 else 2

    @property
    def longest(self) -> int:
        """The most features that a sample may have."""
        if self.lanes > 16:
            return MAX_WIDE
        return 1024 if self.n_features * self.lanes <= 16 * MAX_WRITES else MAX_WRITES


class MulticlassSparsePerceptron:
    """A perceptron with a weight vector and a bias for each class, on sparse samples.

    Parameters
    ----------
    parameters : MulticlassSparsePerceptronParameters
    rows : sequence of sequences of int, shape (classes, 1 + n_features), optional
        Bias and weights of each class as `int16` values; zeros if left out.
    classes : int
        How many classes there are, if `rows` is left out.
    version : int
        The number of updates so far.
    """

    KIND = "MulticlassSparsePerceptron"

    def __init__(
        self,
        parameters: MulticlassSparsePerceptronParameters,
        rows: Sequence[Sequence[int]] | None = None,
        classes: int = 2,
        version: int = 0,
    ):
        self.parameters = parameters
        width = 1 + parameters.n_features
        self.rows = [[0] * width for _ in range(classes)] if rows is None else [[int(w) for w in row] for row in rows]
        if not 1 <= len(self.rows) <= parameters.room:
            raise ValueError(f"{len(self.rows)} classes do not fit the room for {parameters.room}")
        for row in self.rows:
            if len(row) != width:
                raise ValueError(f"a bias and {parameters.n_features} weights are needed, not {len(row)} values")
            if not all(WEIGHT_MIN <= w <= WEIGHT_MAX for w in row):
                raise ValueError(f"weights must be int16: {min(row)} to {max(row)} do not fit")
        self.version = version

    # ---- use ---------------------------------------------------------------------------------------------------------

    @property
    def class_count(self) -> int:
        return len(self.rows)

    def scores(self, x: bytes) -> list[int]:
        """One score for each class, in the weights' unit. Raises `Revert` for a malformed sample."""
        indices = sparse_indices(x, self.parameters.n_features, self.parameters.longest)
        return [row[0] + sum([row[1 + i] for i in indices]) for row in self.rows]

    def predict(self, x: bytes) -> int:
        scores = self.scores(x)
        return scores.index(max(scores))

    def predict_without(self, x: bytes, y: int, effect: int) -> int:
        """What `predict` would be if the contribution (x, y) that had this effect had never been added."""
        require(0 <= y < self.class_count and effect <= self.class_count, "model: no such class")
        scores = self.scores(x)
        if effect:
            step = self.parameters.rate * (len(x) // 2) + self.parameters.bias_rate
            scores[y] -= step
            scores[effect - 1] += step
        return scores.index(max(scores))

    def evaluate(self, rows: bytes) -> int:
        """The number of rows (label, length and sample each) that the model gets wrong."""
        return count_errors(self, rows)

    # ---- learn -------------------------------------------------------------------------------------------------------

    def update(self, x: bytes, y: int) -> int:
        """Learn from a sample; returns the effect: 0, or 1 + the rival. Changes nothing if it raises."""
        require(0 <= y < self.class_count, "model: no such class")
        scores = self.scores(x)
        rivals = [c for c in range(self.class_count) if c != y]
        if not rivals:
            return 0
        p = self.parameters
        rival = max(rivals, key=lambda c: (scores[c], -c))
        if scores[y] >= scores[rival] + max(p.margin, int(rival < y)):
            return 0
        require(self.version < VERSION_MAX, "model: version is full")
        indices = sparse_indices(x, self.parameters.n_features, self.parameters.longest)
        moved = {}
        for c, sign in ((y, 1), (rival, -1)):
            row = list(self.rows[c])
            row[0] += sign * p.bias_rate
            require(WEIGHT_MIN <= row[0] <= WEIGHT_MAX, "perceptron: bias out of range")
            for i in indices:
                row[1 + i] += sign * p.rate
                require(WEIGHT_MIN <= row[1 + i] <= WEIGHT_MAX, "perceptron: weight out of range")
            moved[c] = row
        for c, row in moved.items():
            self.rows[c] = row
        self.version += 1
        return 1 + rival

    def add_class(self, row: Sequence[int] | None = None) -> int:
        """One more class with its bias and weights, as the owner adds it; returns its index."""
        require(self.class_count < self.parameters.room, "classes: too many")
        width = 1 + self.parameters.n_features
        row = [0] * width if row is None else [int(w) for w in row]
        require(len(row) <= width, "classes: more weights than features")
        require(len(row) == width, "classes: all weights are needed")
        self.rows.append(row)
        return self.class_count - 1

    # ---- state -------------------------------------------------------------------------------------------------------

    def words(self) -> list[int]:
        """The state as the contract's `words` gives it and `load` takes it."""
        lanes = self.parameters.lanes
        flat = []
        for values in zip(*self.rows, strict=True):
            flat += [*values, *[0] * (lanes - len(values))]
        return [self.class_count << 192, *pack_weights(flat)]

    @classmethod
    def from_words(
        cls, parameters: MulticlassSparsePerceptronParameters, words: Sequence[int], version: int = 0
    ) -> MulticlassSparsePerceptron:
        data = b"".join(w.to_bytes(32, "big") for w in words[1:])
        flat = struct.unpack(f">{len(data) // 2}h", data)
        end = (1 + parameters.n_features) * parameters.lanes
        classes = words[0] >> 192 & 0xFF
        return cls(parameters, [flat[y : end : parameters.lanes] for y in range(classes)], version=version)

    def copy(self) -> MulticlassSparsePerceptron:
        return type(self)(self.parameters, self.rows, version=self.version)


def pack_weights(weights: Sequence[int]) -> list[int]:
    """Weights as the contract's `add_class` takes them: 16 to a word, the first in the highest bits."""
    weights = [int(w) for w in weights] + [0] * (-len(weights) % 16)
    data = struct.pack(f">{len(weights)}h", *weights)
    return [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]
