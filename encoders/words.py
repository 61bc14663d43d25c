"""The words of a text, found in the same way by every machine and in every language that has letters.

The rule is written so that JavaScript can follow it to the letter; `docs/examples/words.mjs` does, and
`docs/encoders-vectors.json` has examples. What it needs of Unicode 13, the oldest that a Python it runs on
has, beyond letters and digits stands in `unicode13.json`, as ranges of hexadecimal code points:

======== ===============================================================================
none     unassigned, private, surrogates (categories Cn, Co, Cs), but for pictures
marks    what is written on, below or around a letter (M)
pictures Extended_Pictographic from U+2000 on: what emoji, later ones too, are made of
pairs    letters and digits of the Chinese and Japanese scripts, and U+30FC
triples  letters of Thai, Lao, Khmer and Burmese
======== ===============================================================================

1. Drop U+FE0E and U+FE0F, which only choose how an emoji is drawn. What is in `none` becomes a space, so that machines
   with a newer Unicode see the same.
2. NFKC, lower case; an i with a dot above (as the Turkish capital becomes) is an i; NFKC again. A final sigma is a
   sigma, a curly apostrophe a straight one.
3. From left to right, as much as possible of one of these is taken; they begin differently:

   * an emoji: a picture, perhaps with a skin tone and tags, and others that are joined to it by U+200D; two regional
     indicators (a flag); ``#`` or ``*`` in a keycap;
   * a run of letters of `pairs` or of `triples`, each with its marks. There are no spaces between the words of these
     languages, so that each two, or three, neighbours are taken for a word; a run that is no longer is one word;
   * a word: letters, digits and their marks, with joiners (U+200C, U+200D) before letters or marks, and with
     apostrophes inside.

Pairs and triples are no words: a model of them needs more features, and learns less from one sample, than one of words.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

_FIRST_VERSION = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_ASCII = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")  # what the rule comes to, where there is nothing else
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_DOTTED_I = re.compile("i\u0307+")


def words_of(text: str) -> list[str]:
    """The words of a text, in order, with repetitions, by the rule of version 2.

    Examples
    --------
    >>> words_of("It ISN'T over_used: ﬁne! 👍🏽👍🏽")
    ['it', "isn't", 'over', 'used', 'fine', '👍🏽', '👍🏽']
    >>> words_of("हिन्दी में लिखा, 東京都で")
    ['हिन्दी', 'में', 'लिखा', '東京', '京都', '都で']
    """
    if text.isascii():
        return _ASCII.findall(text.lower())
    rule = _rule()
    text = rule.none.sub(" ", text.replace("\ufe0e", "").replace("\ufe0f", ""))
    text = unicodedata.normalize("NFKC", text).lower()
    text = unicodedata.normalize("NFKC", _DOTTED_I.sub("i", text)).replace("ς", "σ").replace(_APOSTROPHE, "'")
    words = []
    for match in rule.token.finditer(text):
        if match.lastgroup is None:
            words.append(match[0])
        else:
            size = 2 if match.lastgroup == "pairs" else 3
            units = rule.unit.findall(match[0])
            words += ("".join(units[i : i + size]) for i in range(max(1, len(units) - size + 1)))
    return words


def first_words_of(text: str) -> list[str]:
    """The words of a text by the rule of version 1, which cuts words at combining marks and has no emoji.

    Models that name version 1 go on by it. Letters and digits are those of the Unicode that Python has.

    Examples
    --------
    >>> first_words_of("It ISN'T over_used: ﬁne!")
    ['it', "isn't", 'over', 'used', 'fine']
    """
    return _FIRST_VERSION.findall(unicodedata.normalize("NFKC", text).lower().replace(_APOSTROPHE, "'"))


class _Rule(NamedTuple):
    none: re.Pattern
    token: re.Pattern
    unit: re.Pattern


@cache
def _rule() -> _Rule:
    table = json.loads(Path(__file__).with_name("unicode13.json").read_bytes())
    none, marks, picture, pair, triple = (
        "".join("-".join(f"\\U{int(end, 16):08x}" for end in part.split("-")) for part in table[name].split())
        for name in ("none", "marks", "pictures", "pairs", "triples")
    )
    on_top = rf"(?:[\u200c\u200d]*[{marks}])*"
    letter = rf"[^\W_{pair}{triple}]"
    word = rf"(?:[a-z0-9]|{letter})(?:[a-z0-9]+|{letter}|[\u200c\u200d]*(?:{letter}|[{marks}]))*"
    drawn = rf"[{picture}][\U0001f3fb-\U0001f3ff]?(?:[\U000e0020-\U000e007e]+\U000e007f)?"
    emoji = rf"{drawn}(?:\u200d{drawn})*|[\U0001f1e6-\U0001f1ff]{{2}}|[#*]\u20e3"
    runs = rf"(?P<pairs>(?:[{pair}]{on_top})+)|(?P<triples>(?:[{triple}]{on_top})+)"
    return _Rule(
        re.compile(f"(?=[\u0378-\U0010ffff])[{none}]"),  # looks at the many ranges only where there can be one
        re.compile(f"{word}(?:'{word})*|{runs}|{emoji}"),
        re.compile(rf"[{pair}{triple}]{on_top}"),
    )
