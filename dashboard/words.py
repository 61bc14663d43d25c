"""Numbers, times and errors in a person's words."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

ETHER = 10**18


def exact_ether(wei: int) -> str:
    """An amount without rounding, e.g. ``0.001428571428571371 ETH``."""
    whole, rest = divmod(wei, ETHER)
    digits = f"{rest:018d}".rstrip("0")
    return f"{whole:,}{'.' + digits if digits else ''} ETH"


def ether(wei: int) -> str:
    """An amount with at most 6 significant digits, e.g. ``0.00142857 ETH``; tiny ones in wei."""
    if 0 < wei < 10**9:
        return f"{wei:,} wei"
    unit = 10 ** max(0, len(str(wei)) - 6)
    return exact_ether((wei + unit // 2) // unit * unit)


def enough_ether(wei: int) -> str:
    """A number of ether with 3 significant digits that is not less."""
    unit = 10 ** max(0, len(str(wei)) - 3)
    return exact_ether(-(-wei // unit) * unit).removesuffix(" ETH").replace(",", "")


def parse_ether(text: str) -> int:
    """Wei from a decimal number of ether. Raises `ValueError` with a message for people."""
    try:
        wei = Decimal(text.strip()) * ETHER
    except InvalidOperation:
        raise ValueError(f"“{text[:30]}” is not an amount of ether such as 0.01") from None
    if not wei.is_finite() or wei < 0 or wei != wei.to_integral_value() or wei >= 2**96:
        raise ValueError(f"“{text[:30]}” is not an amount of ether that can be sent")
    return int(wei)


def score(n: int) -> str:
    """A model's score; large ones with 6 digits, e.g. ``-1.23457 × 10^38``."""
    if n == -(2**255):
        return "no samples yet"
    if abs(n) < 10**12:
        return f"{n:,}"
    digits, exponent = f"{n:.5e}".split("e")
    return f"{digits} × 10^{int(exponent)}"


def duration(seconds: int) -> str:
    """A time span, e.g. ``2 days 3 hours``."""
    parts = []
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count:,} {name}{'s' if count > 1 else ''}")
    return " ".join(parts[:2]) or "no time"


def parse_duration(text: str) -> int:
    """Seconds from 90s, 15m, 12h, 7d or a number of seconds. Raises `ValueError`."""
    text = text.strip()
    unit = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}.get(text[-1:], 0)
    digits = text[:-1] if unit else text
    if not digits.isdecimal() or len(digits) > 12:
        raise ValueError(f"“{text[:30]}” is not a time such as 90s, 15m, 12h or 7d")
    return int(digits) * (unit or 1)


def short_duration(seconds: int) -> str:
    """A time span as `parse_duration` takes it, e.g. ``7d``."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


ADVICE = {
    "self-assessment: deposit above the value sent": (
        "Someone contributed just before you, which makes the deposit jump. Wait until it has fallen, or accept a "
        "higher maximum."
    ),
    "self-assessment: the same contribution is not settled yet": (
        "You contributed this very sample with this label before, and it is still waiting: claim its refund first."
    ),
    "self-assessment: the model disagrees": (
        "The model does not agree with this label any more. It may again, when it has learnt more."
    ),
    "self-assessment: the model agrees": "The model agrees with this contribution now, so nothing can be taken.",
    "self-assessment: too early": "The wait is not over yet. The page says from when it can be done.",
    "self-assessment: no such contribution, or settled already": (
        "This contribution was settled in the meantime. Reload the page."
    ),
    "self-assessment: no validated contribution of one's own": (
        "First get a refund for a contribution of your own on this model."
    ),
    "self-assessment: the share rounds to nothing": (
        "Your part of the validated contributions is too small for this deposit."
    ),
    "self-assessment: reported already": "You took your share of this one already.",
    "self-assessment: flag it first": "Announce the report first.",
    "self-assessment: nothing left": "Others were faster: nothing is left.",
    "points: this sample has earned already": "Someone has earned points with this sample. Try another one.",
    "points: a copy of an earlier contribution": (
        "Someone contributed this very sample with this label before. Try another."
    ),
    "points: too early": "The wait is not over yet. The page says from when it can be done.",
    "points: the model disagrees": (
        "The model does not agree with this label any more. It may again, when it has learnt more."
    ),
    "points: the model agrees": "The model agrees with this contribution now, so there is nothing to report.",
    "points: no such contribution, or settled already": (
        "This contribution was settled in the meantime. Reload the page."
    ),
    "points: no validated contribution of one's own": (
        "First earn points with a contribution of your own on this model."
    ),
    "prediction-market: nobody can take part now": (
        "The time for stakes is over, or no market runs. The tab Train says what is going on."
    ),
    "prediction-market: full": "This market has all the contributions that it takes.",
    "prediction-market: stake above the value sent": "The stake is more than you accept: raise the maximum.",
    "prediction-market: no such contribution, or paid already": "This was paid in the meantime. Reload the page.",
    "model: not sealed": "The model is not complete yet: its owner must finish loading it.",
    "sample: empty": "Nothing of this sample is known to the model.",
    "sample: too long": "This sample has too many words for this model: leave some out.",
    "sample: norm out of bounds": "The bytes of this sample are not what the model's encoder makes.",
}


def explain(reason: str) -> str:
    """What a contract's refusal means and what to do."""
    advice = ADVICE.get(reason)
    if advice:
        return f"{advice} (The contract says “{reason}”.)"
    lowered = reason.lower()
    if "insufficient funds" in lowered or "exceeds account balance" in lowered or "enough funds" in lowered:
        return "The account has too little ether for this, gas included. Send it some, or choose another account."
    return f"The contract refuses this: “{reason}”. Nothing was sent."
