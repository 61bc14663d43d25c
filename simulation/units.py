"""Durations, amounts and shares as people write them: ``1d``, ``12h``, ``0.5 ether``, ``20%``."""

from __future__ import annotations

import re
from decimal import Decimal

DAY = 86_400
ETHER = 10**18

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": DAY}
_WEI = {"wei": 1, "gwei": 10**9, "ether": ETHER}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(wei|gwei|ether)")


def duration(value: object) -> int:
    """Seconds of ``"90s"``, ``"15m"``, ``"12h"``, ``"7d"`` or a whole number of seconds. Raises `ValueError`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _DURATION.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"{value!r} is not a duration such as 90s, 15m, 12h or 7d")
    return int(Decimal(found[1]) * _SECONDS[found[2]])


def amount(value: object) -> int:
    """Wei of ``"0.5 ether"``, ``"20 gwei"``, ``"7 wei"`` or a whole number of wei. Raises `ValueError`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _AMOUNT.fullmatch(str(value).strip())
    wei = Decimal(found[1]) * _WEI[found[2]] if found else Decimal("0.5")
    if wei != wei.to_integral_value():
        raise ValueError(f"{value!r} is not an amount such as 0.5 ether, 20 gwei or 7 wei")
    return int(wei)


def share(value: object) -> float:
    """A number from 0 to 1, of ``0.2`` or ``"20%"``. Raises `ValueError`."""
    text = str(value).strip()
    try:
        number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1 or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a share from 0 to 1, or from 0% to 100%")
    return number


def count(value: object) -> int:
    """A whole number from 0 on. Raises `ValueError`."""
    if isinstance(value, str) and value.replace("_", "").isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a whole number from 0 on")
    return value


def flag(value: object) -> bool:
    """True or false. Raises `ValueError`."""
    words = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ValueError(f"{value!r} is neither true nor false")
    return words[str(value).lower()]


def number(value: object) -> float:
    """A number from 0 on. Raises `ValueError`."""
    try:
        result = float(str(value))
    except ValueError:
        result = -1.0
    if not result >= 0 or isinstance(value, bool) or result == float("inf"):
        raise ValueError(f"{value!r} is not a number from 0 on")
    return result
