"""Amounts, times and refusals in a person's words; colours that can be read."""

import re
from pathlib import Path

import pytest

from comodels.dashboard.words import LOWEST, bars, explain, score, sureness
from comodels.units import (
    enough_ether,
    exact_ether,
    parse_duration,
    parse_ether,
    short_duration,
    short_ether,
    time_span,
)

STYLE = Path(__file__).resolve().parents[3] / "comodels" / "dashboard" / "static" / "style.css"


@pytest.mark.parametrize(
    ("wei", "rounded", "exact", "enough"),
    [
        (0, "0 ether", "0 ether", "0"),
        (999, "999 wei", "0.000000000000000999 ether", "0.000000000000000999"),
        (1_428_571_428_571_371, "0.00142857 ether", "0.001428571428571371 ether", "0.00143"),
        (999_999_999_999_960, "0.001 ether", "0.00099999999999996 ether", "0.001"),
        (1_234 * 10**18, "1,234 ether", "1,234 ether", "1240"),
    ],
)
def test_ether__amount__rounded_exact_and_enough(wei, rounded, exact, enough):
    assert (short_ether(wei), exact_ether(wei), enough_ether(wei)) == (rounded, exact, enough)
    assert parse_ether(enough) >= wei


@pytest.mark.parametrize("text", ["", "abc", "-1", "1e-19", "NaN", "Infinity", "1" * 40, "0,5"])
def test_parse_ether__no_amount__refused(text):
    with pytest.raises(ValueError, match="ether"):
        parse_ether(text)


def test_parse_ether__decimal__wei():
    assert parse_ether(" 0.001 ") == 10**15


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (-1_234, "-1,234"),
        (-123_456_789 * 10**30, "-1.23457 × 10^38"),
        (-(2**255), "no samples yet"),
    ],
)
def test_score__integer__short(number, shown):
    assert score(number) == shown


@pytest.mark.parametrize(
    ("scores", "lengths"),
    [
        ([-5, 5, 0], [0.0, 1.0, 0.5]),
        ([-3 * 10**42, -(10**42)], [0.0, 1.0]),  # numbers that nobody can read
        ([7, 7], [1.0, 1.0]),
        ([LOWEST, 4, 2], [0.0, 1.0, 0.0]),
        ([LOWEST, LOWEST], [0.0, 0.0]),
        ([], []),
    ],
)
def test_bars__scores__longest_wins_and_all_fit(scores, lengths):
    assert bars(scores) == lengths


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.61, "very sure"),
        (0.6, "rather sure"),
        (0.26, "rather sure"),
        (0.01, "not sure"),
        (0.0, "undecided"),
        (None, ""),
    ],
)
def test_sureness__share_that_spoke_for_it__in_words(share, words):
    assert sureness(share) == words


def test_short_duration__seconds__parsed_back():
    for seconds in (0, 1, 90, 900, 7_200, 86_400, 90_000):
        assert parse_duration(short_duration(seconds)) == seconds


def test_duration__seconds__two_largest_parts():
    assert time_span(0) == "no time"
    assert time_span(90_061) == "1 day 1 hour"
    assert time_span(7 * 86_400) == "7 days"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("12h", 43_200), ("7d", 604_800), ("1.5h", 5_400), ("5", 5)]
)
def test_parse_duration__text__seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "1.5", "-1", "1w"])
def test_parse_duration__no_time__refused(text):
    with pytest.raises(ValueError, match="no|not"):
        parse_duration(text)


def test_explain__known_and_unknown_reasons():
    assert explain("self-assessment: too early").startswith("The wait is not over yet.")
    assert "“model: odd”" in explain("model: odd")
    assert "too little ether" in explain("insufficient funds for gas * price + value")


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """WCAG 2.2: (lighter + 0.05) / (darker + 0.05)."""
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def test_style__both_themes__contrast_of_at_least_4_5():
    themes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r"\{([^{}]*--back:[^{}]*)\}", STYLE.read_text())
    ]
    assert len(themes) == 3  # light, dark by the system, dark by choice
    assert themes[1] == themes[2]
    for t in themes:
        for fore, back in [
            *[(name, ground) for name in ("fore", "soft", "accent", "bad") for ground in ("back", "panel")],
            ("on-accent", "accent"),
            ("note", "note-back"),
        ]:
            assert contrast(t[fore], t[back]) >= 4.5, (fore, back)
