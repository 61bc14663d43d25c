"""A rate that falls with the number of updates: the twin of the module `falling`."""

from __future__ import annotations

from comodels.revert import require

MAX_FALL = 5
MAX_RATE = 128
COUNT_AT = 160  # where the count stands in the header word
EFFECT_AT = 8  # where an effect says the doublings


def largest_fall(rate: int, most: int) -> int:
    """The largest fall, up to `most`, that a model with this last rate can have.

    Examples
    --------
    >>> [largest_fall(rate, 5) for rate in (1, 4, 5, 64, 65, 128, 129)]
    [5, 5, 4, 1, 0, 0, 0]
    """
    return max((fall for fall in range(most + 1) if rate << fall <= MAX_RATE), default=0)


def check_fall(fall: int, rate: int) -> None:
    """Raise `Revert` where a model cannot have this fall, or its first rate would be above the most that there is."""
    require(0 <= fall <= MAX_FALL, "model: fall of 0 to 5")
    require(rate >= 1 and rate << fall <= MAX_RATE, "model: learning rate of 1 to 128")


def doublings_at(fall: int, count: int) -> int:
    """How often the rate of the next update is twice the last one.

    Examples
    --------
    >>> [doublings_at(5, count) for count in (0, 3, 4, 15, 16, 255, 1_023, 1_024)]
    [5, 5, 4, 4, 3, 2, 1, 0]
    >>> [doublings_at(2, count) for count in (0, 255, 256, 1_023, 1_024)]
    [2, 2, 1, 1, 0]
    """
    return min(fall, sum(count < 4**power for power in range(1, MAX_FALL + 1)))
