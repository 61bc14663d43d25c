"""What the page says, in the language of who reads it: all its texts stand in `texts/`, one file a language.

A text is asked for by its key and the values that stand in it. Moments stand in texts as tokens (`moment`), because how
they are shown depends on the time at which they are read; see `show.show_times`.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from comodels import units

FOLDER = Path(__file__).resolve().parent / "texts"
USUAL = "en"


def _flat(table: dict[str, Any], before: str = "") -> dict[str, str]:
    """Nested tables as one, with keys such as ``train.submit``."""
    found: dict[str, str] = {}
    for key, value in table.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return found


LANGUAGES: dict[str, dict[str, str]] = {
    path.stem: _flat(json.loads(path.read_text(encoding="utf-8")))
    for path in sorted(FOLDER.glob("*.json"))
    if "." not in path.stem  # what the library says is in files of its own, see `library`
}
"""The texts by their keys, by language."""

_language: ContextVar[str] = ContextVar("language", default=USUAL)


def speak(language: str) -> None:
    """Let what is said from here on, in this request, be in a language."""
    _language.set(language if language in LANGUAGES else USUAL)


def language() -> str:
    """The language that is spoken now."""
    return _language.get()


def preferred(chosen: str, header: str) -> str:
    """The language that a browser wants: as chosen on the page, else the first of ``Accept-Language`` that we have."""
    wanted = [chosen, *(part.partition(";")[0].strip()[:2].lower() for part in header.split(","))]
    return next((name for name in wanted if name in LANGUAGES), USUAL)


def has(key: str) -> bool:
    """Whether the language that is spoken has a text of this key."""
    return key in LANGUAGES[language()]


def text_of(key: str, n: Any = None) -> str:
    """The text of a key as it stands in its file, with its fields; for ``n=1`` the one for a single thing."""
    texts = LANGUAGES[language()]
    return texts.get(f"{key}_1", texts[key]) if n == 1 else texts[key]


def say(key: str, **values: Any) -> str:
    """A text. Whole numbers among its values are written as the language does; ``n=1`` chooses the singular."""
    shown = {name: number(v) if type(v) is int else v for name, v in values.items()}
    return text_of(key, values.get("n")).format(**shown)


def localised(written: str) -> str:
    """A number that is written as in English, such as ``1,234.5``, as the language writes it."""
    marks = LANGUAGES[language()]
    return written.translate(str.maketrans(",.", marks["format.thousands"] + marks["format.decimal"]))


def number(n: int) -> str:
    """A whole number."""
    return localised(f"{n:,}")


def percent(share: float) -> str:
    """A share of one, with a decimal."""
    return localised(f"{share * 100:.1f}") + "%"


def _amount(written: str) -> str:
    digits, _, unit = written.partition(" ")
    return f"{localised(digits)} {text_of('unit.' + unit)}"


def ether(wei: int) -> str:
    """An amount of wei in ether, with at most 6 significant digits; tiny ones in wei."""
    return _amount(units.short_ether(wei))


def exact(wei: int) -> str:
    """An amount of wei in ether, to the last wei."""
    return _amount(units.exact_ether(wei))


def enough(wei: int) -> str:
    """A number of ether with 3 significant digits that is not less than an amount of wei, as it is typed in."""
    digits = units.enough_ether(wei)
    return digits.replace(".", LANGUAGES[language()]["format.decimal"])


def parse_ether(text: str) -> int:
    """Wei of a number of ether as it is typed in the language that is spoken. Raises `ValueError`."""
    mark = LANGUAGES[language()]["format.decimal"]
    return units.parse_ether(text.replace(mark, ".") if mark != "." else text)


def span(seconds: int) -> str:
    """A time span in its two largest parts, e.g. ``2 days 3 hours``."""
    parts = []
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(say(f"span.{name}", n=count))
    return " ".join(parts[:2]) or text_of("span.none")


def moment(seconds: int) -> str:
    """A moment as a token within a text."""
    return f"{{time:{seconds}}}"
