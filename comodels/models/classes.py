"""What the twins share about classes that are added: the twin of the module `classes`."""

from __future__ import annotations

from collections.abc import Sequence

from comodels.revert import require

NEVER = -(2**255)  # the score of a class that does not count
COUNT_AT, FOUNDERS_AT = 192, 200  # where the two numbers stand in the header word


def pack_header(class_count: int, founders: int) -> int:
    """The header word of a model with so many classes, and so many before the first was added (0: none was)."""
    return class_count << COUNT_AT | founders << FOUNDERS_AT


def unpack_header(word: int) -> tuple[int, int]:
    """The number of classes, and how many there were before the first was added (0: none was)."""
    return word >> COUNT_AT & 0xFF, word >> FOUNDERS_AT & 0xFF


def check_room(class_count: int, room: int) -> None:
    """Raise `Revert` where one more class has no room."""
    require(class_count < room, "classes: too many")


def counting(scores: Sequence[int], founders: int) -> list[int]:
    """The scores of a perceptron's classes, `NEVER` for those that were added and are not above 0."""
    return [s if not founders or y < founders or s > 0 else NEVER for y, s in enumerate(scores)]
