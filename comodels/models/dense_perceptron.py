"""Twin of `DensePerceptron`: the same integers, the same errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from comodels.models.base import Parameters, Twin, TwoClasses
from comodels.models.classes import check_most
from comodels.models.falling import COUNT_AT, EFFECT_AT, check_fall, doublings_at
from comodels.revert import require

WEIGHT_MIN, WEIGHT_MAX = -(2**15), 2**15 - 1
BIAS_MIN, BIAS_MAX = -(2**31), 2**31 - 1
MAX_FEATURES = 2_048
MAX_UNIT = 5_792
VERSION_MAX = 2**31 - 1


class DenseParameters(Parameters):
    """Base of the parameters of models on dense samples, with what all of them check."""

    n_features: int
    unit: int

    def __post_init__(self) -> None:
        check_most(getattr(self, "room", 2))
        require(1 <= self.n_features <= MAX_FEATURES, "model: 1 to 2,048 features")
        require(1 <= self.unit <= MAX_UNIT, "model: unit of 1 to 5,792")


class FallingParameters(DenseParameters):
    """Base of the parameters of perceptrons on dense samples, with what all of them check."""

    rate: int
    bias_rate: int
    margin: int
    fall: int

    def __post_init__(self) -> None:
        require(0 <= self.bias_rate < 2**16 and 0 <= self.margin < 2**32, "model: unknown parameters")
        check_fall(self.fall, self.rate)
        super().__post_init__()

    def step(self, values: np.ndarray, doublings: int) -> int:
        """By how much an update with these values moves a score."""
        return (self.rate * int(values @ values) + self.bias_rate * self.unit) << doublings


@dataclass(frozen=True)
class DensePerceptronParameters(FallingParameters):
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        1 to 2,048.
    unit : int
        The integer that stands for 1.0 in a sample, 1 to 5,792. A sample is learnt only if its norm is within 2% of it.
    rate : int
        A sample moves the weights by `rate` times itself, 1 to 128.
    bias_rate : int
        By how much the bias moves, 0 to 65,535; `rate * unit` treats it as the weight of a feature that is always 1.0.
    margin : int
        A sample that is classified rightly by less than this score is learnt all the same, 0 to 2^32 - 1.
    fall : int
        How often rates and margin are twice these at first, 0 to 5: they fall with the number of updates, see
        `falling`. Then `rate` is at most 128 / 2^fall.
    """

    LAYOUT = {"rate": 0, "bias_rate": 16, "margin": 32, "n_features": 64, "fall": 76, "unit": 80}

    n_features: int
    unit: int
    rate: int = 1
    bias_rate: int = 0
    margin: int = 0
    fall: int = 0


@cache
def lanes_of(n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """The word and the lane (from the lowest bits) of each feature's weight: see the head of the contract.

    Returns
    -------
    words, lanes : ndarray of int64, shape (n_features,)
    """
    f = np.arange(n_features)
    g = f % 32
    words, lanes = f // 32 * 2 + g % 2, g // 4 * 2 + 1 - g % 4 // 2
    if 1 <= n_features % 32 <= 16:
        half = f >= n_features // 32 * 32
        words[half] = n_features // 32 * 2
        lanes[half] = (g // 4 * 2 + 1 - g % 4 // 2 + g % 2 * 8)[half]
    return words, lanes


def check_norm(x: np.ndarray, unit: int) -> None:
    """Raise `Revert` unless the norm of integers x, shape (n_features,), is within 2% of the unit."""
    squares = int(np.dot(x, x))
    require(9_604 * unit**2 <= 10_000 * squares <= 10_404 * unit**2, "sample: norm out of bounds")


def pack_weights(weights: Sequence[int] | np.ndarray, bias: int = 0, count: int | None = None) -> list[int]:
    """The words of weights and bias, the bias in the last.

    Parameters
    ----------
    weights : sequence of int, shape (n_features,)
        `int16` values.
    bias : int
        An `int32` value.
    count : int, optional
        Of the updates, beside the bias, where the rate falls; 16 bits.
    """
    weights = np.asarray(weights)
    n_features = len(weights)
    if not (weights >= WEIGHT_MIN).all() or not (weights <= WEIGHT_MAX).all():
        raise ValueError(f"weights must be int16: {weights.min()} to {weights.max()} do not fit")
    if not BIAS_MIN <= bias <= BIAS_MAX:
        raise ValueError(f"the bias must be int32: {bias} does not fit")
    if count is not None and not 0 <= count < 2**16:
        raise ValueError(f"the count must have 16 bits: {count} does not fit")
    lanes = np.zeros(((n_features + (22 if count is None else 24)) // 16, 16), "<i2")
    lanes[lanes_of(n_features)] = weights
    words = [int.from_bytes(row.tobytes(), "little") for row in lanes]
    words[-1] |= (bias & 0xFFFFFFFF) << 192 | (count or 0) << COUNT_AT
    return words


def unpack_words(words: Sequence[int], n_features: int) -> tuple[np.ndarray, int]:
    """The weights (ndarray of int64, shape (n_features,)) and the bias in state words."""
    data = b"".join(w.to_bytes(32, "little") for w in words)
    lanes = np.frombuffer(data, "<i2").reshape(-1, 16)
    bias = words[-1] >> 192 & 0xFFFFFFFF
    return lanes[lanes_of(n_features)].astype(np.int64), (bias ^ 2**31) - 2**31


class DenseTwin(Twin):
    """Base of the twins on dense samples."""

    SPARSE = False

    def _values(self, x: bytes) -> np.ndarray:
        """The values of a sample: ndarray of int64, shape (n_features,). Raises `Revert` for another dimension."""
        require(len(x) == self.parameters.n_features, "sample: wrong dimension")
        return np.frombuffer(x, np.int8).astype(np.int64)


class DensePerceptron(TwoClasses, DenseTwin):
    """A two-class perceptron on dense samples.

    Parameters
    ----------
    parameters : DensePerceptronParameters
    weights : sequence of int, shape (n_features,), optional
        Weights as `int16` values; zeros if left out.
    bias : int
        An `int32` value: the weight of a feature that is always `unit`.
    version : int
        The number of updates so far.
    count : int
        Of the updates by which the rate falls; 0 where it does not.
    """

    KIND = "DensePerceptron"
    FAMILY = "perceptron"
    PARAMETERS = DensePerceptronParameters

    def __init__(
        self,
        parameters: DensePerceptronParameters,
        weights: Sequence[int] | np.ndarray | None = None,
        bias: int = 0,
        version: int = 0,
        count: int = 0,
    ):
        self.parameters = parameters
        n_features = parameters.n_features
        self.weights = np.zeros(n_features, np.int64) if weights is None else np.array(weights, np.int64)
        if self.weights.shape != (n_features,):
            raise ValueError(f"{n_features} weights are needed, not {len(self.weights)}")
        self.bias = int(bias)
        self.version = version
        self.count = count
        self.words()  # for its checks

    # ---- use ---------------------------------------------------------------------------------------------------------

    def score(self, x: bytes) -> int:
        """The value whose sign decides: w·x + bias·unit. Raises `Revert` for a sample of the wrong dimension."""
        return int(self.weights @ self._values(x)) + self.bias * self.parameters.unit

    def predict_many(self, X: np.ndarray) -> np.ndarray:
        """The classes of samples: ndarray of int8, shape (n_samples, n_features) to ndarray of int64, (n_samples,)."""
        return (X.astype(np.int64) @ self.weights + self.bias * self.parameters.unit > 0).astype(np.int64)

    def _step(self, x: bytes, effect: int) -> int:
        return self.parameters.step(self._values(x), effect >> EFFECT_AT & 7)

    # ---- learn -------------------------------------------------------------------------------------------------------

    def learn(self, x: bytes, y: int) -> tuple[int, int]:
        """As `update`; returns the effect, and the class that `predict` gave to the sample just before."""
        require(0 <= y < 2, "model: no such class")
        values = self._values(x)
        p = self.parameters
        check_norm(values, p.unit)
        score = self.score(x)
        answer = int(score > 0)
        doublings = doublings_at(p.fall, self.count)
        margin = p.margin << doublings
        if y == 1:
            if score >= max(1, margin):
                return 0, answer
            sign = 1
        else:
            if -score >= margin:
                return 0, answer
            sign = -1
        weights = self.weights + sign * (p.rate << doublings) * values
        require(weights.min() >= WEIGHT_MIN and weights.max() <= WEIGHT_MAX, "perceptron: weight out of range")
        require(self.version < VERSION_MAX, "model: version is full")
        bias = self.bias + sign * (p.bias_rate << doublings)
        require(BIAS_MIN <= bias <= BIAS_MAX, "perceptron: bias out of range")
        self.weights = weights
        self.bias = bias
        self.version += 1
        self.count += doublings > 0
        return 2 - y | doublings << EFFECT_AT, answer

    # ---- state -------------------------------------------------------------------------------------------------------

    def words(self) -> list[int]:
        """The state as the contract's `words` gives it and `load` takes it."""
        *words, last = pack_weights(self.weights, self.bias, self.count if self.parameters.fall else None)
        return [last, *words]

    @classmethod
    def from_words(
        cls, parameters: DensePerceptronParameters, words: Sequence[int], version: int = 0
    ) -> DensePerceptron:
        weights, bias = unpack_words([*words[1:], words[0]], parameters.n_features)
        return cls(parameters, weights, bias, version, words[0] >> COUNT_AT & 0xFFFF if parameters.fall else 0)

    def copy(self) -> DensePerceptron:
        return type(self)(self.parameters, self.weights, self.bias, self.version, self.count)
