"""Scores and refusals in a person's words; amounts and times are in `say`."""

from __future__ import annotations

from comodels.dashboard.library import told
from comodels.dashboard.say import has, localised, number, say, text_of

LOWEST = -(2**255)  # the score of a class that has learnt nothing
SURE = ((0.6, "very"), (0.25, "rather"), (0.0, "hardly"))  # from which share of a score's parts speak for it


def score(n: int) -> str:
    """A model's score; large ones with 6 digits, e.g. ``-1.23457 × 10^38``."""
    if n == LOWEST:
        return say("predict.no_samples")
    if abs(n) < 10**12:
        return number(n)
    digits, exponent = f"{n:.5e}".split("e")
    return f"{localised(digits)} × 10^{int(exponent)}"


def bars(scores: list[int]) -> list[float]:
    """Scores as lengths of bars: the highest has 1, the lowest 0; what has learnt nothing has 0 too."""
    known = [s for s in scores if s != LOWEST]
    low, high = min(known, default=0), max(known, default=0)
    return [0.0 if s == LOWEST else 1.0 if high == low else (s - low) / (high - low) for s in scores]


def sureness(share: float | None) -> str:
    """How sure a model is, by the share of what counted that spoke for its answer; empty if that is not known."""
    if share is None:
        return ""
    return say("predict.sure." + next((name for least, name in SURE if share > least), "not"))


def explain(reason: str) -> str:
    """What a contract's refusal means and what to do."""
    if has(f"advice.{reason}"):
        return f"{text_of(f'advice.{reason}')} {say('error.contract_says', reason=reason)}"
    lowered = reason.lower()
    if "insufficient funds" in lowered or "exceeds account balance" in lowered or "enough funds" in lowered:
        return say("error.too_little_ether")
    return say("error.contract_refuses", reason=told(reason))
