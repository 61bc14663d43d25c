"""All texts of the page stand in one place, whole in every language."""

import re
import string
from pathlib import Path

import pytest

from comodels.dashboard import say

PAGE = Path(say.__file__).resolve().parent
CALL = re.compile(r'(?<![\w.])(?:say|text_of|t)\(\s*"([a-z0-9_.]+[a-z0-9_])"\s*[,)]')
OTHERS = sorted(set(say.LANGUAGES) - {say.USUAL})


@pytest.fixture(autouse=True)
def english():
    yield
    say.speak("en")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_languages__one_more_than_english__is_there():
    assert OTHERS


@pytest.mark.parametrize("name", OTHERS)
def test_language__texts_and_their_fields__as_in_english(name):
    usual, other = say.LANGUAGES[say.USUAL], say.LANGUAGES[name]
    assert other.keys() - usual.keys() <= {key for key in other if key.startswith("term.")}
    assert usual.keys() - other.keys() == set()
    wrong = [key for key in usual if fields(usual[key]) != fields(other[key])]
    assert wrong == []
    same = [key for key in usual if usual[key] == other[key] and re.search(r"[a-z]{4} [a-z]{4}", usual[key])]
    assert same == []  # whole sentences that nobody has translated


def test_texts__asked_for_by_their_keys__are_there():
    asked = {("script." if p.suffix == ".js" else "") + key for p in sources() for key in CALL.findall(p.read_text())}
    assert len(asked) > 250
    assert asked - say.LANGUAGES[say.USUAL].keys() == set()


def sources() -> list[Path]:
    return [p for ending in ("py", "html", "js") for p in PAGE.rglob(f"*.{ending}")]


def test_templates__words_between_tags__none():
    found = []
    for path in PAGE.rglob("*.html"):
        text = re.sub(r"(?s)<pre.*?</pre>|\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text())
        text = re.sub(r"(?s)<[^>]*>|&\w+;", " ", text)
        found += [(path.name, word) for word in re.findall(r"[A-Za-z]{2,}", text)]
    assert set(found) == {("use.html", "Python"), ("use.html", "JavaScript"), ("use.html", "Vyper")}


def test_script__sentences__none():
    text = re.sub(r"(?m)//.*$", "", (PAGE / "static" / "app.js").read_text())
    assert re.findall(r"[\"'`][A-Z][a-z]+ [a-z ]{6,}", text) == []


@pytest.mark.parametrize(
    ("chosen", "header", "language"),
    [
        ("", "", "en"),
        ("", "fr;q=0.9, de-DE;q=0.8", "de"),
        ("en", "de", "en"),
        ("../../etc", "de", "de"),
        ("", "<script>", "en"),
    ],
)
def test_preferred__choice_then_browser__else_english(chosen, header, language):
    assert say.preferred(chosen, header) == language


def test_numbers__in_german__with_its_marks():
    say.speak("de")
    assert say.number(1_234_567) == "1.234.567"
    assert say.ether(1_428_571_428_571_371) == "0,00142857 Ether"
    assert say.enough(1_428_571_428_571_371) == "0,00143"
    assert say.parse_ether("0,5") == say.parse_ether("0.5") == 5 * 10**17
    with pytest.raises(ValueError, match="ether"):
        say.parse_ether("1.000,5")
    say.speak("en")
    with pytest.raises(ValueError, match="ether"):
        say.parse_ether("0,5")


def test_span__two_largest_parts__singular_where_it_is_one():
    assert say.span(90_061) == "1 day 1 hour"
    assert say.span(0) == "no time"
    say.speak("de")
    assert say.span(2 * 86_400) == "2 Tage"
