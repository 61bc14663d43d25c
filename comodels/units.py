"""Durations, amounts and shares as people write and read them: ``1d``, ``12h``, ``0.5 ether``, ``20%``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

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


def parse_ether(text: str) -> int:
    """Wei from a decimal number of ether. Raises `ValueError` with a message for people."""
    try:
        wei = Decimal(text.strip()) * ETHER
    except InvalidOperation:
        raise ValueError(f"“{text[:30]}” is not an amount of ether such as 0.01") from None
    if not wei.is_finite() or wei < 0 or wei != wei.to_integral_value() or wei >= 2**96:
        raise ValueError(f"“{text[:30]}” is not an amount of ether that can be sent")
    return int(wei)


def ether(wei: int, digits: int = 6, sign: str = "") -> str:
    """An amount for tables and messages, e.g. ``0.001200 ether``; with the sign ``"+"`` always with one."""
    return f"{wei / ETHER:{sign}.{digits}f} ether"


def exact_ether(wei: int) -> str:
    """An amount without rounding, e.g. ``0.001428571428571371 ether``."""
    whole, rest = divmod(wei, ETHER)
    digits = f"{rest:018d}".rstrip("0")
    return f"{whole:,}{'.' + digits if digits else ''} ether"


def short_ether(wei: int) -> str:
    """An amount with at most 6 significant digits, e.g. ``0.00142857 ether``; tiny ones in wei."""
    if 0 < wei < 10**9:
        return f"{wei:,} wei"
    unit = 10 ** max(0, len(str(wei)) - 6)
    return exact_ether((wei + unit // 2) // unit * unit)


def enough_ether(wei: int) -> str:
    """A number of ether with 3 significant digits that is not less."""
    unit = 10 ** max(0, len(str(wei)) - 3)
    return exact_ether(-(-wei // unit) * unit).removesuffix(" ether").replace(",", "")


def time_span(seconds: int) -> str:
    """A time span, e.g. ``2 days 3 hours``."""
    parts = []
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count:,} {name}{'s' if count > 1 else ''}")
    return " ".join(parts[:2]) or "no time"


def short_duration(seconds: int) -> str:
    """A time span as `parse_duration` takes it, e.g. ``7d``."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def parse_duration(text: str) -> int:
    """Seconds of what `duration` reads, or of a number of seconds. Raises `ValueError` with a message for people."""
    text = text.strip()
    if text.isdecimal() and len(text) <= 12:
        return int(text)
    try:
        return duration(text[:20])
    except ValueError:
        raise ValueError(f"“{text[:30]}” is not a duration such as 90s, 15m, 12h or 7d") from None


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
