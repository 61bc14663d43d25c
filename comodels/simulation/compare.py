"""What is said where chain and twin differ."""

from typing import Any


class Mismatch(Exception):
    """Chain and twin differ: the message says in what."""


def same(what: str, found: Any, expected: Any) -> None:
    """Raise `Mismatch` unless chain and twin say the same."""
    if found != expected:
        raise Mismatch(f"{what}: the chain says {found}, the twin {expected}")
