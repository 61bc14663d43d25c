"""What the twins share about classes that are added: the twin of the module `classes`."""

from __future__ import annotations

from collections.abc import Sequence

from comodels.models.base import Twin
from comodels.revert import require

MAX_CLASSES = 255
MAX_CLASS_WORDS = 4_096  # of all classes that a model on dense samples has room for
NEVER = -(2**255)  # the score of a class that does not count
COUNT_AT, FOUNDERS_AT = 192, 200  # where the two numbers stand in the header word


def pack_header(class_count: int, founders: int) -> int:
    """The header word of a model with so many classes, and so many before the first was added (0: none was)."""
    return class_count << COUNT_AT | founders << FOUNDERS_AT


def unpack_header(word: int) -> tuple[int, int]:
    """The number of classes, and how many there were before the first was added (0: none was)."""
    return word >> COUNT_AT & 0xFF, word >> FOUNDERS_AT & 0xFF


def check_most(room: int) -> None:
    """Raise `Revert` where a model cannot have room for so many classes."""
    require(1 <= room <= MAX_CLASSES, "model: room for 1 to 255 classes")


def check_room(class_count: int, room: int) -> None:
    """Raise `Revert` where one more class has no room."""
    require(class_count < room, "classes: too many")


def counting(scores: Sequence[int], founders: int) -> list[int]:
    """The scores of a perceptron's classes, `NEVER` for those that were added and are not above 0."""
    return [s if not founders or y < founders or s > 0 else NEVER for y, s in enumerate(scores)]


class Growing(Twin):
    """Base of the twins to which classes can be added."""

    def add_class(self) -> int:
        """One more class, which has learnt nothing yet, as the owner adds it; returns its index."""
        check_room(self.class_count, self.parameters.room)
        self.founders = self.founders or self.class_count
        self._grow()
        return self.class_count - 1

    def _grow(self) -> None:
        raise NotImplementedError


class ClassPerceptron(Growing):
    """Base of the perceptrons with a weight vector and a bias for each class.

    What an effect says besides the rival is called its detail here: how the steps were.
    """

    VERSION_MAX = 2**31 - 1

    def scores(self, x: bytes) -> list[int]:
        """One score for each class, in the weights' unit; -2^255 for one that was added and is not above 0.

        Raises `Revert` for a malformed sample.
        """
        return counting(self._sums(x), self.founders)

    def predict_without(self, x: bytes, y: int, effect: int) -> int:
        """What `predict` would be if the contribution (x, y) that had this effect had never been added."""
        rival, detail = self._rival_and_detail(effect)
        require(0 <= y < self.class_count and rival <= self.class_count, "model: no such class")
        require(detail <= self._most_detail(), "model: no such effect")
        scores = self._sums(x)
        if rival:
            step = self._step(x, detail)
            scores[y] -= step
            scores[rival - 1] += step
        scores = counting(scores, self.founders)
        return scores.index(max(scores))

    def learn(self, x: bytes, y: int) -> tuple[int, int]:
        """As `update`; returns the effect, and the class that `predict` gave to the sample just before."""
        require(0 <= y < self.class_count, "model: no such class")
        scores = self.scores(x)
        self._check_sample(x)
        rivals = [c for c in range(self.class_count) if c != y and scores[c] > NEVER]
        answer = scores.index(max(scores))
        if not rivals:
            return 0, answer
        rival = max(rivals, key=lambda c: (scores[c], -c))
        if scores[y] >= scores[rival] + max(self._margin(), int(rival < y)):
            return 0, answer
        require(self.version < self.VERSION_MAX, "model: version is full")
        effect = self._move(x, y, rival)
        self.version += 1
        return effect, answer

    def _sums(self, x: bytes) -> list[int]:
        """The score of each class, also of those that do not count yet."""
        raise NotImplementedError

    def _check_sample(self, x: bytes) -> None:
        """Raise `Revert` for a sample that is predicted, but not learnt."""

    def _margin(self) -> int:
        return self.parameters.margin

    def _move(self, x: bytes, y: int, rival: int) -> int:
        """Move two classes for a sample; returns the effect. Changes nothing if it raises."""
        raise NotImplementedError

    def _rival_and_detail(self, effect: int) -> tuple[int, int]:
        return effect, 0

    def _most_detail(self) -> int:
        return 0

    def _step(self, x: bytes, detail: int) -> int:
        """By how much a contribution with this effect moved the scores of its class and of the rival."""
        raise NotImplementedError
