"""Twin of `MulticlassDensePerceptron`: the same integers, the same errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from comodels.models.classes import MAX_CLASS_WORDS, ClassPerceptron, pack_header, unpack_header
from comodels.models.dense_perceptron import (
    BIAS_MAX,
    BIAS_MIN,
    WEIGHT_MAX,
    WEIGHT_MIN,
    DenseTwin,
    FallingParameters,
    check_norm,
    pack_weights,
    unpack_words,
)
from comodels.models.falling import COUNT_AT, EFFECT_AT, doublings_at
from comodels.revert import require


def class_words(n_features: int) -> int:
    """The number of words of a class: 16 weights to a word, and the bias beside the last or in one of its own."""
    return (n_features + 22) // 16


@dataclass(frozen=True)
class MulticlassDensePerceptronParameters(FallingParameters):
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        1 to 2,048.
    unit : int
        The integer that stands for 1.0 in a sample, 1 to 5,792. A sample is learnt only if its norm is within 2% of it.
    room : int
        How many classes the model may ever have, 1 to 255; times the words of a class at most 4,096.
    rate : int
        A sample moves the weights by `rate` times itself, 1 to 128.
    bias_rate : int
        By how much a bias moves, 0 to 65,535; `rate * unit` treats it as the weight of a feature that is always 1.0.
    margin : int
        A sample that is classified rightly by less than this score is learnt all the same, 0 to 2^32 - 1.
    fall : int
        How often rates and margin are twice these at first, 0 to 5: they fall with the number of updates, see
        `falling`. Then `rate` is at most 128 / 2^fall.
    """

    LAYOUT = {"rate": 0, "room": 8, "bias_rate": 16, "margin": 32, "n_features": 64, "fall": 76, "unit": 80}

    n_features: int
    unit: int
    room: int = 2
    rate: int = 1
    bias_rate: int = 0
    margin: int = 0
    fall: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.room * class_words(self.n_features) <= MAX_CLASS_WORDS, "model: too many classes")


class MulticlassDensePerceptron(ClassPerceptron, DenseTwin):
    """A perceptron with a weight vector and a bias for each class, on dense samples.

    Parameters
    ----------
    parameters : MulticlassDensePerceptronParameters
    weights : array of int, shape (classes, n_features), optional
        Weights as `int16` values; zeros if left out.
    biases : sequence of int, shape (classes,), optional
        `int32` values: the weights of a feature that is always `unit`; zeros if left out.
    classes : int
        How many classes there are, if `weights` is left out.
    version : int
        The number of updates so far.
    founders : int
        How many classes there were before the first was added; 0: none was.
    count : int
        Of the updates by which the rate falls; 0 where it does not.
    """

    KIND = "MulticlassDensePerceptron"
    FAMILY = "perceptron"
    PARAMETERS = MulticlassDensePerceptronParameters

    def __init__(
        self,
        parameters: MulticlassDensePerceptronParameters,
        weights: Sequence[Sequence[int] | np.ndarray] | np.ndarray | None = None,
        biases: Sequence[int] | None = None,
        classes: int = 2,
        version: int = 0,
        founders: int = 0,
        count: int = 0,
    ):
        self.parameters = parameters
        self.count = count
        self.founders = founders
        n_features = parameters.n_features
        self.weights = np.zeros((classes, n_features), np.int64) if weights is None else np.array(weights, np.int64)
        if self.weights.ndim != 2 or self.weights.shape[1] != n_features:
            raise ValueError(f"weights of shape (classes, {n_features}) are needed, not {self.weights.shape}")
        if not 1 <= self.class_count <= parameters.room:
            raise ValueError(f"{self.class_count} classes do not fit the room for {parameters.room}")
        self.biases = [0] * self.class_count if biases is None else [int(b) for b in biases]
        if len(self.biases) != self.class_count:
            raise ValueError(f"{self.class_count} biases are needed, not {len(self.biases)}")
        self.words()  # for its checks
        self.version = version

    # ---- use ---------------------------------------------------------------------------------------------------------

    @property
    def class_count(self) -> int:
        return len(self.weights)

    def _sums(self, x: bytes) -> list[int]:
        """w·x + bias·unit of each class. Raises `Revert` for a sample of the wrong dimension."""
        dots = (self.weights @ self._values(x)).tolist()
        return [dot + bias * self.parameters.unit for dot, bias in zip(dots, self.biases, strict=True)]

    def predict_many(self, X: np.ndarray) -> np.ndarray:
        """The classes of samples: ndarray of int8, shape (n_samples, n_features) to ndarray of int64, (n_samples,)."""
        scores = X.astype(np.int64) @ self.weights.T + np.array(self.biases, np.int64) * self.parameters.unit
        if self.founders:
            added = scores[:, self.founders :]
            added[added <= 0] = np.iinfo(np.int64).min
        return scores.argmax(axis=1)

    def _rival_and_detail(self, effect: int) -> tuple[int, int]:
        return effect & 0xFF, effect >> EFFECT_AT

    def _most_detail(self) -> int:
        return self.parameters.fall

    def _step(self, x: bytes, detail: int) -> int:
        return self.parameters.step(self._values(x), detail)

    # ---- learn -------------------------------------------------------------------------------------------------------

    def _check_sample(self, x: bytes) -> None:
        check_norm(self._values(x), self.parameters.unit)

    def _margin(self) -> int:
        return self.parameters.margin << doublings_at(self.parameters.fall, self.count)

    def _move(self, x: bytes, y: int, rival: int) -> int:
        p, values = self.parameters, self._values(x)
        doublings = doublings_at(p.fall, self.count)
        moved = []
        for c, sign in ((y, 1), (rival, -1)):
            weights = self.weights[c] + sign * (p.rate << doublings) * values
            require(weights.min() >= WEIGHT_MIN and weights.max() <= WEIGHT_MAX, "perceptron: weight out of range")
            bias = self.biases[c] + sign * (p.bias_rate << doublings)
            require(BIAS_MIN <= bias <= BIAS_MAX, "perceptron: bias out of range")
            moved.append((c, weights, bias))
        for c, weights, bias in moved:
            self.weights[c] = weights
            self.biases[c] = bias
        self.count += doublings > 0
        return 1 + rival | doublings << EFFECT_AT

    def _grow(self) -> None:
        p = self.parameters
        self.weights = np.vstack([self.weights, np.zeros(p.n_features, np.int64)])
        self.biases.append(-(p.rate << p.fall) * p.unit * 10_404 // 10_000 - (p.bias_rate << p.fall))

    # ---- state -------------------------------------------------------------------------------------------------------

    def words(self) -> list[int]:
        """The state as the contract's `words` gives it and `load` takes it."""
        if not 0 <= self.count < 2**16:
            raise ValueError(f"the count must have 16 bits: {self.count} does not fit")
        words = [pack_header(self.class_count, self.founders) | self.count << COUNT_AT]
        for weights, bias in zip(self.weights, self.biases, strict=True):
            words += pack_weights(weights, bias)
        return words

    @classmethod
    def from_words(
        cls, parameters: MulticlassDensePerceptronParameters, words: Sequence[int], version: int = 0
    ) -> MulticlassDensePerceptron:
        step = class_words(parameters.n_features)
        classes, founders = unpack_header(words[0])
        if len(words) != 1 + classes * step:
            raise ValueError(f"{1 + classes * step} words are needed, not {len(words)}")
        rows = [unpack_words(words[i : i + step], parameters.n_features) for i in range(1, len(words), step)]
        weights, biases = [weights for weights, _ in rows], [bias for _, bias in rows]
        count = words[0] >> COUNT_AT & 0xFFFF if parameters.fall else 0
        return cls(parameters, weights, biases, version=version, founders=founders, count=count)

    def copy(self) -> MulticlassDensePerceptron:
        return type(self)(
            self.parameters, self.weights, self.biases, version=self.version, founders=self.founders, count=self.count
        )
