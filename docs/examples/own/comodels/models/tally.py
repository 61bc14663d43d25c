"""Twin of `Tally`: the same integers, the same errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from comodels.revert import require
from comodels.rows import count_errors
from comodels.sample import sparse_indices

LONGEST = 1_024  # features of a sample


@dataclass(frozen=True)
class TallyParameters:
    """Parameters in the contract's integers.

    Attributes
    ----------
    n_features : int
        1 to 600.
    """

    n_features: int

    def __post_init__(self) -> None:
        require(1 <= self.n_features <= 600, "model: 1 to 600 features")

    def pack(self) -> int:
        """The `parameters` argument of the contract's `create`."""
        return self.n_features

    @classmethod
    def unpack(cls, packed: int) -> TallyParameters:
        """From what `pack` returns."""
        return cls(packed)


class Tally:
    """Each word votes with its last label.

    Parameters
    ----------
    parameters : TallyParameters
    votes : sequence of int, shape (n_features,), optional
        -1, 0 or 1; zeros if left out.
    version : int
        The number of updates so far.
    """

    KIND = "Tally"
    FAMILY = "tally"
    SPARSE = True
    MOST_CLASSES = 2
    PARAMETERS = TallyParameters
    class_count = 2

    def __init__(self, parameters: TallyParameters, votes: Sequence[int] | None = None, version: int = 0):
        self.parameters = parameters
        self.votes = [0] * parameters.n_features if votes is None else list(votes)
        self.version = version

    @classmethod
    def untrained(cls, parameters: TallyParameters, classes: int = 2) -> Tally:
        """One that has learnt nothing."""
        return cls(parameters)

    # ---- use ---------------------------------------------------------------------------------------------------------

    def score(self, x: bytes) -> int:
        """The sum of the votes of a sample's words. Raises `Revert` for a malformed sample."""
        return sum(self.votes[f] for f in self._indices(x))

    def scores(self, x: bytes) -> list[int]:
        """0 for class 0, and the sum of the votes for class 1."""
        return [0, self.score(x)]

    def predict(self, x: bytes) -> int:
        """1 where most of the words vote for it, else 0."""
        return int(self.score(x) > 0)

    def predict_without(self, x: bytes, y: int, effect: int) -> int:
        """What `predict` would be without a contribution (x, y) that had this effect."""
        votes = self.score(x)
        return int((effect - 1_025 if effect else votes) > 0)

    def evaluate(self, rows: bytes) -> int:
        """The number of rows (label, length and sample each) that the model gets wrong."""
        return count_errors(self, rows)

    # ---- learn -------------------------------------------------------------------------------------------------------

    def update(self, x: bytes, y: int) -> int:
        """Learn from a sample that the model gets wrong; returns the effect."""
        return self.learn(x, y)[0]

    def learn(self, x: bytes, y: int) -> tuple[int, int]:
        """As `update`; returns the effect, and the class that `predict` gave to the sample just before."""
        require(y in (0, 1), "model: no such class")
        votes = self.score(x)
        answer = int(votes > 0)
        if answer == y:
            return 0, answer
        for f in self._indices(x):
            self.votes[f] = 1 if y == 1 else -1
        self.version += 1
        return votes + 1_025, answer

    # ---- state -------------------------------------------------------------------------------------------------------

    def words(self) -> list[int]:
        """The state as the contract's `words` gives it and `load` takes it."""
        return [0] + [vote % 3 for vote in self.votes]

    @classmethod
    def from_words(cls, parameters: TallyParameters, words: Sequence[int], version: int = 0) -> Tally:
        """From what `words` returns."""
        return cls(parameters, [{1: 1, 2: -1}.get(word, 0) for word in words[1:]], version)

    def copy(self) -> Tally:
        """Another one in the same state."""
        return type(self)(self.parameters, self.votes, self.version)

    def _indices(self, x: bytes) -> tuple[int, ...]:
        return sparse_indices(x, self.parameters.n_features, LONGEST)
