"""Twin of `MulticlassSparsePerceptron`: the same integers, the same errors."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from comodels.models.base import Parameters
from comodels.models.classes import ClassPerceptron, check_most, pack_header, unpack_header
from comodels.revert import require
from comodels.sample import sparse_indices

WEIGHT_MIN, WEIGHT_MAX = -(2**15), 2**15 - 1
BIAS_MIN = WEIGHT_MIN + 1  # of a class that has learnt
# the lowest bias, `WEIGHT_MIN`, is that of a class that was added and has not
MAX_FEATURES = 2**16
MAX_WRITES = 640  # words that an update may need, with a word or less for a feature
MAX_WIDE = 192  # features of a sample with more than one word for a feature


class RowParameters(Parameters):
    """Base of the parameters of perceptrons on sparse samples with a row of weights for each feature."""

    n_features: int
    room: int
    bias_rate: int
    margin: int

    def __post_init__(self) -> None:
        require(0 <= self.bias_rate < 2**16 and 0 <= self.margin < 2**24, "model: unknown parameters")
        check_most(self.room)
        require(1 <= self.n_features <= MAX_FEATURES, "model: 1 to 65,536 features")

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


@dataclass(frozen=True)
class MulticlassSparsePerceptronParameters(RowParameters):
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

    LAYOUT = {"rate": 0, "bias_rate": 16, "margin": 32, "room": 56, "n_features": 64}

    n_features: int
    room: int = 2
    rate: int = 1
    bias_rate: int = 1
    margin: int = 0

    def __post_init__(self) -> None:
        require(1 <= self.rate < 2**16, "model: learning rate of 0" if self.rate == 0 else "model: unknown parameters")
        super().__post_init__()


class MulticlassSparsePerceptron(ClassPerceptron):
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
    founders : int
        How many classes there were before the first was added; 0: none was.
    """

    KIND = "MulticlassSparsePerceptron"
    FAMILY = "perceptron"
    SPARSE = True
    PARAMETERS: ClassVar[type[Any]] = MulticlassSparsePerceptronParameters
    WEIGHTS = WEIGHT_MIN, WEIGHT_MAX
    parameters: Any

    def __init__(
        self,
        parameters: Any,
        rows: Sequence[Sequence[int]] | None = None,
        classes: int = 2,
        version: int = 0,
        founders: int = 0,
    ):
        self.parameters = parameters
        width = 1 + parameters.n_features
        self.rows = [[0] * width for _ in range(classes)] if rows is None else [[int(w) for w in row] for row in rows]
        if not 1 <= len(self.rows) <= parameters.room:
            raise ValueError(f"{len(self.rows)} classes do not fit the room for {parameters.room}")
        for row in self.rows:
            if len(row) != width:
                raise ValueError(f"a bias and {parameters.n_features} weights are needed, not {len(row)} values")
            least, most = self.WEIGHTS
            if not all(least <= w <= most for w in row):
                raise ValueError(f"weights must be {least} to {most}: {min(row)} to {max(row)} do not fit")
        self.version = version
        self.founders = founders

    # ---- use ---------------------------------------------------------------------------------------------------------

    @property
    def class_count(self) -> int:
        return len(self.rows)

    def _sums(self, x: bytes) -> list[int]:
        """Bias and weights of the features, of each class."""
        indices = sparse_indices(x, self.parameters.n_features, self.parameters.longest)
        return [row[0] + sum([row[1 + i] for i in indices]) for row in self.rows]

    def _step(self, x: bytes, detail: int) -> int:
        return self.parameters.rate * (len(x) // 2) + self.parameters.bias_rate

    # ---- learn -------------------------------------------------------------------------------------------------------

    def untrained_class(self, y: int) -> bool:
        """Whether the class was added and has not learnt yet."""
        return bool(self.founders) and y >= self.founders and self.rows[y][0] == self.WEIGHTS[0]

    def _move(self, x: bytes, y: int, rival: int) -> int:
        p = self.parameters
        indices = sparse_indices(x, p.n_features, p.longest)
        moved = {}
        for c, sign in ((y, 1), (rival, -1)):
            row = list(self.rows[c])
            if c == y and self.untrained_class(y):
                row[0] = -p.rate * len(indices)
            else:
                row[0] += sign * p.bias_rate
            require(BIAS_MIN <= row[0] <= WEIGHT_MAX, "perceptron: bias out of range")
            for i in indices:
                row[1 + i] += sign * p.rate
                require(WEIGHT_MIN <= row[1 + i] <= WEIGHT_MAX, "perceptron: weight out of range")
            moved[c] = row
        for c, row in moved.items():
            self.rows[c] = row
        return 1 + rival

    def _grow(self) -> None:
        self.rows.append([self.WEIGHTS[0]] + [0] * self.parameters.n_features)

    # ---- state -------------------------------------------------------------------------------------------------------

    def words(self) -> list[int]:
        """The state as the contract's `words` gives it and `load` takes it."""
        lanes = self.parameters.lanes
        flat = []
        for values in zip(*self._lanes(), strict=True):
            flat += [*values, *[0] * (lanes - len(values))]
        return [pack_header(self.class_count, self.founders), *_pack_weights(flat)]

    def _lanes(self) -> Sequence[Sequence[int]]:
        """For each class the lanes of its bias and its weights, as `int16`."""
        return self.rows

    @classmethod
    def from_words(cls, parameters: Any, words: Sequence[int], version: int = 0) -> MulticlassSparsePerceptron:
        rows, founders = unpack_words(parameters, words)
        return cls(parameters, rows, version=version, founders=founders)

    def copy(self) -> MulticlassSparsePerceptron:
        return type(self)(self.parameters, self.rows, version=self.version, founders=self.founders)


def unpack_words(parameters: Any, words: Sequence[int]) -> tuple[list[tuple[int, ...]], int]:
    """For each class the lanes of its bias and its weights, as `int16`; and the number of founders."""
    data = b"".join(w.to_bytes(32, "big") for w in words[1:])
    flat = struct.unpack(f">{len(data) // 2}h", data)
    end = (1 + parameters.n_features) * parameters.lanes
    classes, founders = unpack_header(words[0])
    return [flat[y : end : parameters.lanes] for y in range(classes)], founders


def _pack_weights(weights: Sequence[int]) -> list[int]:
    """16 weights to a word, the first in the highest bits."""
    weights = [int(w) for w in weights] + [0] * (-len(weights) % 16)
    data = struct.pack(f">{len(weights)}h", *weights)
    return [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]
