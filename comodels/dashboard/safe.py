"""Texts of strangers: short, without marks that nobody sees, and told apart from those that look the same.

Whatever comes from the chain can be written by anybody. Markup is escaped where it is shown; what is left are marks
that turn the direction of the text, letters that take no room, letters of other alphabets that look like ours, and
length.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence

LONGEST = 255  # characters that are shown of a text from the chain

# Letters of Cyrillic and Greek that look like Latin ones, and these.
_ALIKE = str.maketrans("авеікмнорсԁтухѕјһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονρυι", "abeikmhopcdtyxsjhqwABEZHIKMNOPTYXaovpui")
_JOINERS = "\u200c\u200d"  # stand within words of Persian, Hindi and others, and within emoji


def clean(text: str, most: int = LONGEST) -> str:
    """A text on one line, without control, format and direction marks, and not longer than `most` characters."""
    kept = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs", "Co", "Cn") else c
        for c in text
        if c in _JOINERS or unicodedata.category(c) != "Cf"
    )
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1] + "…"


@functools.lru_cache(maxsize=10_000)
def skeleton(text: str) -> str:
    """What is the same for texts that look the same."""
    plain = unicodedata.normalize("NFKC", text).translate(_ALIKE).casefold().translate(_ALIKE)
    base = unicodedata.normalize("NFKD", plain)
    return "".join(c for c in base if unicodedata.category(c)[0] in "LNS").replace("0", "o").replace("1", "l")


def twins(names: Sequence[str]) -> set[str]:
    """Skeletons that more than one of the names have."""
    seen: set[str] = set()
    twice: set[str] = set()
    for name in names:
        bones = skeleton(name)
        (twice if bones in seen else seen).add(bones)
    return twice - {""}
