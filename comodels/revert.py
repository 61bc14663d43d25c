"""What a twin raises where its contract reverts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Revert(Exception):
    """Raised with exactly the contract's message, e.g. ``"sample: empty"``; the twin's state is as before the call."""


def require(condition: bool, message: str) -> None:
    """Raise `Revert` unless the condition holds."""
    if not condition:
        raise Revert(message)


def attempt(item: Callable[..., int | None], *arguments: Any) -> int | str:
    """What an item of a batch returns, 0 for nothing, or the reason for which it is skipped."""
    try:
        return item(*arguments) or 0
    except Revert as revert:
        return str(revert)
