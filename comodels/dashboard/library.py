"""What the library says, in the language of who reads the page.

The library's own messages are English wherever they are made: this is the one place where they are turned into another
language. `texts/<language>.library.json` has the templates, with fields numbered in the order of the message, and their
translations:

    "line {0}: more than {1:,} characters": "Zeile {0}: mehr als {1} Zeichen"

A field with a format is a number, which is written as the language does; any other may hold a message itself, such as
the place or the cause of another one. What no template fits, such as the words of other people's programs, stays as it
is. Whoever adds a message to the library is told by tests/unit/dashboard/test_library.py that a translation is missing.
"""

from __future__ import annotations

import functools
import json
import re
import string
from typing import NamedTuple

from comodels.dashboard.say import FOLDER, LANGUAGES, USUAL, language, localised

NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?%?"  # as Python writes one with a format
LONGEST = 10_000  # characters: nothing that the library says is longer
DEEPEST = 6  # messages within messages
ENDINGS = (" ", ";")  # what templates begin with that only follow another text


class Turn(NamedTuple):
    """A template and its translation.

    Attributes
    ----------
    pieces : tuple of str
        What stands between the fields: no message without all of them has this template.
    numbers : frozenset of int
        The fields that are numbers.
    """

    pattern: re.Pattern[str]
    translation: str
    pieces: tuple[str, ...]
    numbers: frozenset[int]
    is_ending: bool


def catalogue(name: str) -> dict[str, str]:
    """The translations of a language by their templates; none for English."""
    path = FOLDER / f"{name}.library.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


@functools.cache
def _turns(name: str) -> list[Turn]:
    """The templates of a language, those with the most text of their own first."""
    found = []
    for template, translation in catalogue(name).items():
        pattern, pieces, numbers = "", [], set()
        for piece, field, shape, _ in string.Formatter().parse(template):
            pattern += re.escape(piece)
            pieces.append(piece)
            if field is not None:
                pattern += f"(?P<f{field}>{NUMBER if shape else '.*?'})"
                numbers |= {int(field)} if shape else set()
        compiled = re.compile(pattern, re.DOTALL)
        found.append(Turn(compiled, translation, tuple(pieces), frozenset(numbers), template.startswith(ENDINGS)))
    return sorted(found, key=lambda turn: -sum(map(len, turn.pieces)))


def told(problem: object) -> str:
    """A message of the library, an error or a text, in the language that is spoken."""
    text = str(problem)
    if language() == USUAL or len(text) > LONGEST:
        return text
    return _told(text, DEEPEST)


def _told(text: str, depth: int) -> str:
    if depth == 0 or not text:
        return text
    whole = _whole(text, depth)
    if whole is not None:
        return whole
    place, mark, rest = text.partition(": ")
    if mark and (said := _told(rest, depth - 1)) != rest:  # where it is, and what
        return f"{_told(place, depth - 1)}: {said}"
    if "\n" in text:  # a message with its reasons, each on a line
        return re.sub(r"[^\s].*", lambda line: _told(line[0], depth - 1), text)
    for turn in _turns(language()):
        if turn.is_ending and all(piece in text for piece in turn.pieces):
            at = text.rfind(turn.pieces[0])
            if at > 0 and (end := _filled(turn, text[at:], depth)) is not None:
                return _told(text[:at], depth - 1) + end
    return text


def _whole(text: str, depth: int) -> str | None:
    """The translation of a text that has a template; None if it has none."""
    advice = LANGUAGES[language()].get(f"advice.{text}")
    if advice:  # a contract's reason, and what to do
        return advice
    for turn in _turns(language()):
        if all(piece in text for piece in turn.pieces) and (found := _filled(turn, text, depth)) is not None:
            return found
    return None


def _filled(turn: Turn, text: str, depth: int) -> str | None:
    match = turn.pattern.fullmatch(text)
    if match is None:
        return None
    fields = {int(name[1:]): value for name, value in match.groupdict().items()}
    shown = [localised(fields[i]) if i in turn.numbers else _told(fields[i], depth - 1) for i in range(len(fields))]
    return turn.translation.format(*shown)


def sentence(problem: object) -> str:
    """A message as a sentence by itself."""
    text = told(problem)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
