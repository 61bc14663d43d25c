"""Twin of `MulticlassLevelPerceptron`: the same integers, the same errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from comodels.models.level_perceptron import LEVEL_BITS, STEPS, WEIGHT_MAX, WEIGHT_MIN, pack_lane, rises
from comodels.models.multiclass_sparse_perceptron import MulticlassSparsePerceptron, RowParameters, unpack_words
from comodels.revert import require
from comodels.sample import sparse_indices

PARTS = 4  # an effect counts the mean step in quarters


@dataclass(frozen=True)
class MulticlassLevelPerceptronParameters(RowParameters):
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        1 to 65,536.
    room : int
        How many classes the model may ever have, 1 to 255.
    bias_rate : int
        By how much a bias moves, 0 to 65,535; a weight that was never used moves by 32.
    margin : int
        A sample that is classified rightly by less than this score is learnt all the same, 0 to 2^24 - 1.
    """

    LAYOUT = {"bias_rate": 16, "margin": 32, "room": 56, "n_features": 64}

    n_features: int
    room: int = 2
    bias_rate: int = 2
    margin: int = 240


class MulticlassLevelPerceptron(MulticlassSparsePerceptron):
    """A perceptron with a weight vector and a bias for each class, on sparse samples, whose steps fall.

    Parameters
    ----------
    parameters : MulticlassLevelPerceptronParameters
    rows : sequence of sequences of int, shape (classes, 1 + n_features), optional
        Bias and weights of each class, -4,096 to 4,095; zeros if left out.
    classes : int
        How many classes there are, if `rows` is left out.
    version : int
        The number of updates so far.
    founders : int
        How many classes there were before the first was added; 0: none was.
    levels : sequence of sequences of int, shape (classes, 1 + n_features), optional
        How far the step of each feature has fallen in each class, 0 to 7, after a number that says nothing; zeros if
        left out.
    """

    KIND = "MulticlassLevelPerceptron"
    FAMILY = "levels"
    PARAMETERS = MulticlassLevelPerceptronParameters
    EXACT = False
    WEIGHTS = WEIGHT_MIN, WEIGHT_MAX

    def __init__(
        self,
        parameters: MulticlassLevelPerceptronParameters,
        rows: Sequence[Sequence[int]] | None = None,
        classes: int = 2,
        version: int = 0,
        founders: int = 0,
        levels: Sequence[Sequence[int]] | None = None,
    ):
        super().__init__(parameters, rows, classes, version, founders)
        self.levels = [[0] * len(row) for row in self.rows] if levels is None else [list(row) for row in levels]
        if [len(row) for row in self.levels] != [len(row) for row in self.rows]:
            raise ValueError(f"levels of {len(self.rows)} classes are needed, as many as weights")

    def _rival_and_detail(self, effect: int) -> tuple[int, int]:
        return effect % 256, effect // 256

    def _most_detail(self) -> int:
        return 255

    def _step(self, x: bytes, detail: int) -> int:
        """The mean of the steps of the two classes, rounded up to a quarter: their difference is right to it."""
        return -(-detail * (len(x) // 2) // PARTS) + self.parameters.bias_rate

    def _move(self, x: bytes, y: int, rival: int) -> int:
        p = self.parameters
        indices = sparse_indices(x, p.n_features, p.longest)
        moved = {}
        total = 0
        for c, sign in ((y, 1), (rival, -1)):
            row, levels = list(self.rows[c]), list(self.levels[c])
            late = 0  # how much smaller all steps are
            if c == y and self.untrained_class(y):
                while (STEPS[0] >> late) * len(indices) > WEIGHT_MAX:
                    late += 1
                row[0] = -(STEPS[0] >> late) * len(indices)
            else:
                row[0] += sign * p.bias_rate
            require(WEIGHT_MIN < row[0] <= WEIGHT_MAX, "perceptron: bias out of range")
            for i in indices:
                step = STEPS[levels[1 + i]] >> late
                total += step
                row[1 + i] += sign * step
                require(WEIGHT_MIN <= row[1 + i] <= WEIGHT_MAX, "perceptron: weight out of range")
                levels[1 + i] += rises(levels[1 + i], self.version + 1)
            moved[c] = row, levels
        for c, (row, levels) in moved.items():
            self.rows[c], self.levels[c] = row, levels
        return 1 + rival | -(-total * PARTS // (2 * len(indices))) << 8

    def _grow(self) -> None:
        super()._grow()
        self.levels.append([0] * len(self.rows[-1]))

    # ---- state -------------------------------------------------------------------------------------------------------

    def _lanes(self) -> Sequence[Sequence[int]]:
        return [
            [(pack_lane(w, level) ^ 2**15) - 2**15 for w, level in zip(row, levels, strict=True)]
            for row, levels in zip(self.rows, self.levels, strict=True)
        ]

    @classmethod
    def from_words(cls, parameters: Any, words: Sequence[int], version: int = 0) -> MulticlassLevelPerceptron:
        lanes, founders = unpack_words(parameters, words)
        rows = [[lane >> LEVEL_BITS for lane in row] for row in lanes]
        levels = [[lane % 2**LEVEL_BITS for lane in row] for row in lanes]
        return cls(parameters, rows, version=version, founders=founders, levels=levels)

    def copy(self) -> MulticlassLevelPerceptron:
        return type(self)(self.parameters, self.rows, 0, self.version, self.founders, self.levels)
