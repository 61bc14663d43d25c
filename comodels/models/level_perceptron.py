"""Twin of `LevelPerceptron`: the same integers, the same errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from comodels.models.sparse_perceptron import SparseParameters, SparsePerceptron, unpack_words
from comodels.revert import Revert, require

WEIGHT_MIN, WEIGHT_MAX = -(2**12), 2**12 - 1
LEVEL_BITS = 3
LAST_LEVEL = 5  # levels above it are never reached, and do not move
STEPS = tuple(32 >> level for level in range(2**LEVEL_BITS))


def rises(level: int, version: int) -> bool:
    """Whether a feature's level rises in the update that makes the model this version."""
    return level < LAST_LEVEL and version % 4**level == 0


def pack_lane(weight: int, level: int) -> int:
    """The 16 bits of a weight and its level."""
    return (weight << LEVEL_BITS | level) & 0xFFFF


@dataclass(frozen=True)
class LevelPerceptronParameters(SparseParameters):
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        1 to 65,532.
    bias_rate : int
        By how much the bias moves, 0 to 65,535; a weight that was never used moves by 32.
    margin : int
        A sample that is classified rightly by less than this score is learnt all the same, 0 to 2^32 - 1.
    """

    LAYOUT = {"bias_rate": 16, "margin": 32, "n_features": 64}

    n_features: int
    bias_rate: int = 2
    margin: int = 240


class LevelPerceptron(SparsePerceptron):
    """A two-class perceptron on sparse samples whose steps fall with each feature's own use.

    Parameters
    ----------
    parameters : LevelPerceptronParameters
    weights : sequence of int, shape (n_features,), optional
        Weights, -4,096 to 4,095; zeros if left out.
    bias : int
        An `int32` value, in the weights' unit.
    version : int
        The number of updates so far.
    levels : sequence of int, shape (n_features,), optional
        How far the step of each feature has fallen, 0 to 7; zeros if left out.
    """

    KIND = "LevelPerceptron"
    FAMILY = "levels"
    PARAMETERS = LevelPerceptronParameters
    WEIGHTS = WEIGHT_MIN, WEIGHT_MAX

    def __init__(
        self,
        parameters: LevelPerceptronParameters,
        weights: Sequence[int] | None = None,
        bias: int = 0,
        version: int = 0,
        levels: Sequence[int] | None = None,
    ):
        super().__init__(parameters, weights, bias, version)
        self.levels = [0] * parameters.n_features if levels is None else [int(level) for level in levels]
        if len(self.levels) != parameters.n_features or not all(0 <= level < 8 for level in self.levels):
            raise ValueError(f"{parameters.n_features} levels from 0 to 7 are needed")

    def _step(self, x: bytes, effect: int) -> int:
        require(effect < 2**16, "model: no such effect")
        return effect - 1 + self.parameters.bias_rate

    def _move(self, indices: Sequence[int], touched: Sequence[int], sign: int) -> int:
        steps = [STEPS[self.levels[i]] for i in indices]
        moved = [weight + sign * step for weight, step in zip(touched, steps, strict=True)]
        if min(moved) < WEIGHT_MIN or max(moved) > WEIGHT_MAX:
            raise Revert("perceptron: weight out of range")
        for i, weight in zip(indices, moved, strict=True):
            self.weights[i] = weight
            self.levels[i] += rises(self.levels[i], self.version + 1)
        return 1 + sum(steps)

    # ---- state -------------------------------------------------------------------------------------------------------

    def _lanes(self) -> list[int]:
        return [pack_lane(w, level) for w, level in zip(self.weights, self.levels, strict=True)]

    @classmethod
    def from_words(cls, parameters: Any, words: Sequence[int], version: int = 0) -> LevelPerceptron:
        lanes, bias = unpack_words(words, parameters.n_features)
        return cls(parameters, [w >> LEVEL_BITS for w in lanes], bias, version, [w % 2**LEVEL_BITS for w in lanes])

    def copy(self) -> LevelPerceptron:
        copy = type(self)(self.parameters, self.weights, self.bias, self.version, self.levels)
        copy._samples = self._samples  # depends on the parameters only
        return copy
