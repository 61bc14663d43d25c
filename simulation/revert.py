"""What a twin raises where its contract reverts."""


class Revert(Exception):
    """Raised with exactly the contract's message, e.g. ``"sample: empty"``; the twin's state is as before the call."""


def require(condition: bool, message: str) -> None:
    """Raise `Revert` unless the condition holds."""
    if not condition:
        raise Revert(message)
