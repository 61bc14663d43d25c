"""Twin of `SparsePerceptron`: the same integers, the same errors."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter, lt
from typing import Any, ClassVar

from comodels.models.base import Parameters, TwoClasses
from comodels.revert import Revert, require

WEIGHT_MIN, WEIGHT_MAX = -(2**15), 2**15 - 1
BIAS_MIN, BIAS_MAX = -(2**31), 2**31 - 1
HEADER_LANES = 4  # lanes of the first word that the header takes
MAX_FEATURES = 2**16 - HEADER_LANES
MAX_WRITES = 640  # words that an update may change, so that it fits a transaction even if all of them were 0
VERSION_MAX = 2**31 - 1
KEPT_SAMPLES = 20_000


class SparseParameters(Parameters):
    """Base of the parameters of perceptrons on sparse samples with two classes, with what all of them check."""

    n_features: int
    bias_rate: int
    margin: int

    def __post_init__(self) -> None:
        require(0 <= self.bias_rate < 2**16 and 0 <= self.margin < 2**32, "model: unknown parameters")
        require(1 <= self.n_features <= MAX_FEATURES, "model: 1 to 65,532 features")

    @property
    def longest(self) -> int:
        """The most features that a sample may have."""
        return 1_024 if self.n_features <= 16 * MAX_WRITES - HEADER_LANES else MAX_WRITES


@dataclass(frozen=True)
class SparsePerceptronParameters(SparseParameters):
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        1 to 65,532.
    rate : int
        By how much a weight moves, 1 to 65,535.
    bias_rate : int
        By how much the bias moves, 0 to 65,535.
    margin : int
        A sample that is classified rightly by less than this score is learnt all the same, 0 to 2^32 - 1.
    """

    LAYOUT = {"rate": 0, "bias_rate": 16, "margin": 32, "n_features": 64}

    n_features: int
    rate: int = 1
    bias_rate: int = 1
    margin: int = 0

    def __post_init__(self) -> None:
        require(1 <= self.rate < 2**16, "model: learning rate of 0" if self.rate == 0 else "model: unknown parameters")
        super().__post_init__()


class SparsePerceptron(TwoClasses):
    """A two-class perceptron on sparse samples.

    Parameters
    ----------
    parameters : SparsePerceptronParameters
    weights : sequence of int, shape (n_features,), optional
        Weights as `int16` values; zeros if left out.
    bias : int
        An `int32` value, in the weights' unit.
    version : int
        The number of updates so far.
    """

    KIND = "SparsePerceptron"
    FAMILY = "perceptron"
    SPARSE = True
    PARAMETERS: ClassVar[type[Any]] = SparsePerceptronParameters
    WEIGHTS = WEIGHT_MIN, WEIGHT_MAX
    parameters: Any

    def __init__(
        self,
        parameters: Any,
        weights: Sequence[int] | None = None,
        bias: int = 0,
        version: int = 0,
    ):
        self.parameters = parameters
        self.weights = [0] * parameters.n_features if weights is None else [int(w) for w in weights]
        if len(self.weights) != parameters.n_features:
            raise ValueError(f"{parameters.n_features} weights are needed, not {len(self.weights)}")
        least, most = self.WEIGHTS
        if not all(least <= w <= most for w in self.weights):
            found = f"{min(self.weights)} to {max(self.weights)}"
            raise ValueError(f"weights must be {least} to {most}: {found} do not fit")
        if not BIAS_MIN <= bias <= BIAS_MAX:
            raise ValueError(f"the bias must be int32: {bias} does not fit")
        self.bias = int(bias)
        self.version = version
        self._samples: dict[bytes, tuple[tuple[int, ...], Callable[[list[int]], Sequence[int]]]] = {}

    # ---- use ---------------------------------------------------------------------------------------------------------

    def score(self, x: bytes) -> int:
        """The value whose sign decides, in the weights' unit. Raises `Revert` for a malformed sample."""
        _, pick = self._samples.get(x) or self._sample(x)
        return sum(pick(self.weights), self.bias)

    def predict(self, x: bytes) -> int:
        _, pick = self._samples.get(x) or self._sample(x)  # as `score`, without a call
        return 1 if sum(pick(self.weights), self.bias) > 0 else 0

    def _step(self, x: bytes, effect: int) -> int:
        return self.parameters.rate * (len(x) // 2) + self.parameters.bias_rate

    # ---- learn -------------------------------------------------------------------------------------------------------

    def learn(self, x: bytes, y: int) -> tuple[int, int]:
        """As `update`; returns the effect, and the class that `predict` gave to the sample just before."""
        if y not in (0, 1):
            raise Revert("model: no such class")
        indices, pick = self._samples.get(x) or self._sample(x)
        weights = self.weights
        p = self.parameters
        touched = pick(weights)
        score = sum(touched, self.bias)
        answer = int(score > 0)
        if score >= max(p.margin, 1) if y == 1 else -score >= p.margin:
            return 0, answer
        if self.version >= VERSION_MAX:
            raise Revert("model: version is full")
        sign = 1 if y == 1 else -1
        bias = self.bias + sign * p.bias_rate
        if not BIAS_MIN <= bias <= BIAS_MAX:
            raise Revert("perceptron: bias out of range")
        effect = self._move(indices, touched, sign)
        self.bias = bias
        self.version += 1
        return effect, answer

    def _move(self, indices: Sequence[int], touched: Sequence[int], sign: int) -> int:
        """Move the weights of a sample, which are `touched`, up or down (1, -1); returns the effect."""
        step = sign * self.parameters.rate
        if min(touched) + step < WEIGHT_MIN or max(touched) + step > WEIGHT_MAX:
            raise Revert("perceptron: weight out of range")
        for i in indices:
            self.weights[i] += step
        return 1 if sign > 0 else 2

    # ---- state -------------------------------------------------------------------------------------------------------

    def words(self) -> list[int]:
        """The state as the contract's `words` gives it and `load` takes it: 16 lanes of `int16` to a word."""
        lanes = [0, 0, self.bias >> 16 & 0xFFFF, self.bias & 0xFFFF, *self._lanes()]
        lanes += [0] * (-len(lanes) % 16)
        data = struct.pack(f">{len(lanes)}H", *lanes)
        return [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]

    def _lanes(self) -> list[int]:
        """The lane of each feature, 16 bits."""
        return [w & 0xFFFF for w in self.weights]

    @classmethod
    def from_words(cls, parameters: Any, words: Sequence[int], version: int = 0) -> SparsePerceptron:
        return cls(parameters, *unpack_words(words, parameters.n_features), version)

    def copy(self) -> SparsePerceptron:
        copy = type(self)(self.parameters, self.weights, self.bias, self.version)
        copy._samples = self._samples  # depends on the parameters only
        return copy

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _sample(self, x: bytes) -> tuple[tuple[int, ...], Callable[[list[int]], Sequence[int]]]:
        """The indices of a sample, and what picks their weights: kept, so that it is unpacked only once."""
        indices = self._indices(x)
        pick = itemgetter(*indices) if len(indices) > 1 else lambda weights: (weights[indices[0]],)
        if len(self._samples) >= KEPT_SAMPLES:
            self._samples.clear()
        self._samples[x] = indices, pick
        return indices, pick

    def _indices(self, x: bytes) -> tuple[int, ...]:
        require(len(x) > 0, "sample: empty")
        require(len(x) % 2 == 0, "sample: odd length")
        count = len(x) // 2
        require(count <= self.parameters.longest, "sample: too long")
        indices = struct.unpack(f">{count}H", x)
        if indices[-1] < self.parameters.n_features and all(map(lt, indices, indices[1:])):
            return indices
        # which error, in the contract's order: chunk by chunk, the first one shorter, order before range
        for begin, end in _chunks(count):
            chunk = indices[max(begin - 1, 0) : end]
            require(all(a < b for a, b in zip(chunk, chunk[1:], strict=False)), "sample: indices must increase")
            require(chunk[-1] < self.parameters.n_features, "sample: index out of range")
        return indices


def unpack_words(words: Sequence[int], n_features: int) -> tuple[tuple[int, ...], int]:
    """The lanes of the features as `int16`, and the bias."""
    data = b"".join(w.to_bytes(32, "big") for w in words)
    return struct.unpack_from(f">{n_features}h", data, 2 * HEADER_LANES), struct.unpack_from(">i", data, 4)[0]


def _chunks(count: int) -> list[tuple[int, int]]:
    ends = range((count - 1) % 16 + 1, count + 1, 16)
    return [(max(end - 16, 0), end) for end in ends]
