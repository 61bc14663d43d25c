"""What all twins share, of whatever kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from comodels.rows import count_errors

if TYPE_CHECKING:
    from typing_extensions import Self


class Parameters:
    """Base of the dataclasses of parameters: how they stand in one word.

    Attributes
    ----------
    LAYOUT : mapping of str to int
        By field, the bit at which it begins, counted from the lowest; each has the bits up to the next.
    """

    LAYOUT: ClassVar[Mapping[str, int]]

    def pack(self) -> int:
        """The `parameters` argument of the contract's `create`."""
        return sum(getattr(self, name) << begin for name, begin in self.LAYOUT.items())

    @classmethod
    def unpack(cls, packed: int) -> Self:
        """The parameters from what `pack` returns. Raises `Revert` where a model cannot have them."""
        ends = [*sorted(cls.LAYOUT.values())[1:], 256]
        fields = sorted(cls.LAYOUT.items(), key=lambda item: item[1])
        return cls(**{name: (packed >> at) % 2 ** (end - at) for (name, at), end in zip(fields, ends, strict=True)})


class Twin:
    """Base of the twins: what follows from `scores`, and from `learn` or `update`, of which each has its own."""

    KIND: ClassVar[str]
    FAMILY: ClassVar[str]
    SPARSE: ClassVar[bool]
    MOST_CLASSES: ClassVar[int] = 255
    PARAMETERS: ClassVar[type[Any]]
    EXACT: ClassVar[bool] = True
    parameters: Any
    version: int
    founders: int = 0

    @classmethod
    def untrained(cls, parameters: Any, classes: int = 2) -> Self:
        """One that has learnt nothing."""
        make: Any = cls
        return make(parameters) if cls.MOST_CLASSES == 2 else make(parameters, classes=classes)

    @property
    def class_count(self) -> int:
        """The number of classes."""
        raise NotImplementedError

    @classmethod
    def from_words(cls, parameters: Any, words: Sequence[int], version: int = 0) -> Any:
        """The twin with the state that `words` gives."""
        raise NotImplementedError

    def words(self) -> list[int]:
        """The state as the contract's `words` gives it and `load` takes it."""
        raise NotImplementedError

    def copy(self) -> Any:
        """A twin with the same state."""
        raise NotImplementedError

    def scores(self, x: bytes) -> list[int]:
        """One score for each class. Raises `Revert` for a malformed sample."""
        raise NotImplementedError

    def learn(self, x: bytes, y: int) -> tuple[int, int]:
        """As `update`; returns the effect, and the class that `predict` gave to the sample just before."""
        answer = self.predict(x)
        return self.update(x, y), answer

    def predict(self, x: bytes) -> int:
        """The class with the highest score, of equals the lowest. Raises `Revert` for a malformed sample."""
        scores = self.scores(x)
        return scores.index(max(scores))

    def predict_without(self, x: bytes, y: int, effect: int) -> int:
        """What `predict` would be if the contribution (x, y) that had this effect had never been added."""
        raise NotImplementedError

    def evaluate(self, rows: bytes) -> int:
        """The number of rows (label, length and sample each) that the model gets wrong."""
        return count_errors(self, rows)

    def update(self, x: bytes, y: int) -> int:
        """Learn from a sample; returns the effect: 0, or 1 + the rival. Changes nothing if it raises."""
        return self.learn(x, y)[0]


class TwoClasses(Twin):
    """Base of the twins whose one score is above 0 for class 1."""

    MOST_CLASSES = 2
    class_count = 2

    def score(self, x: bytes) -> int:
        """The value whose sign decides, in the weights' unit. Raises `Revert` for a malformed sample."""
        raise NotImplementedError

    def scores(self, x: bytes) -> list[int]:
        return [0, self.score(x)]

    def predict(self, x: bytes) -> int:
        return int(self.score(x) > 0)

    def predict_without(self, x: bytes, y: int, effect: int) -> int:
        """What `predict` would be if the contribution (x, y) that had this effect had never been added."""
        score = self.score(x)
        if effect:
            step = self._step(x, effect)
            score += -step if y == 1 else step
        return int(score > 0)

    def _step(self, x: bytes, effect: int) -> int:
        """By how much a contribution with this effect moved the score."""
        raise NotImplementedError
