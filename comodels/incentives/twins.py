"""What the twins of the incentives share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from comodels.batch import NOT_SIGNED, TOO_LATE, Signed
from comodels.revert import attempt, require


class Model(Protocol):
    """What an incentive asks of a model's twin."""

    def predict(self, x: bytes) -> int: ...

    def predict_without(self, x: bytes, y: int, effect: int) -> int: ...

    def update(self, x: bytes, y: int) -> int: ...

    def learn(self, x: bytes, y: int) -> tuple[int, int]: ...


def agrees(model: Model, terms: Any, x: bytes, y: int, effect: int) -> bool:
    """Whether a model gives a contribution, which had this effect, its own label, by terms `without_own_effect`."""
    if terms.without_own_effect:
        return model.predict_without(x, y, effect) == y
    return model.predict(x) == y


IsSigned = Callable[[Signed, int, str], bool]
"""Tells of an item, a round and a sponsor whether the contributor signed them."""


def add_each(
    items: Sequence[Signed],
    sponsor: str,
    time: int,
    signed: IsSigned,
    round_of: Callable[[Signed], int],
    add: Callable[[Signed], int],
) -> list[int | str]:
    """Contribute what others signed. Returns for each its effect, or why it was skipped."""

    def checked(item: Signed) -> int:
        require(time <= item.deadline, TOO_LATE)
        require(signed(item, round_of(item), sponsor), NOT_SIGNED)
        return add(item)

    return [attempt(checked, item) for item in items]
