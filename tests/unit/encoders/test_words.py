"""Words in every script: whole, the same on every machine, and the same in JavaScript."""

import json
import random
import re
import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import BagOfWords, HashedWords, from_spec
from encoders.text import BagOfWordsV1, HashedWordsV1
from encoders.words import _rule, first_words_of, words_of

ROOT = Path(__file__).resolve().parents[3]
TABLE = ROOT / "encoders" / "unicode13.json"
VECTORS = json.loads((ROOT / "docs" / "encoders-vectors.json").read_text(encoding="utf-8"))["words"]

SENTENCES = {
    "English": "The café wasn't open, so we didn't stay long.",
    "German": "Die Straße war größer, als ich dachte.",
    "Turkish": "İstanbul'da IŞIK çok güzeldi.",
    "Greek": "Ο δρόμος ήταν όμορφος, σαν ΔΡΟΜΟΣ του παλιού καιρού.",
    "Russian": "Ёлка стоит у окна, и мы рады.",
    "Arabic": "كِتَابٌ جميلٌ في بيتِنا اليوم",
    "Hebrew": "שָׁלוֹם, הסרט היה טוב מאוד",
    "Persian": "ما هر روز کتاب می‌خوانیم",
    "Hindi": "यह हिन्दी की अच्छी किताब है, दिन भर पढ़ी।",
    "Tamil": "இந்தப் படம் மிகவும் நன்றாக இருந்தது",
    "Chinese": "今天的电影很好看，我们都喜欢。",
    "Japanese": "昨日のラーメンはとても美味しかった。",
    "Korean": "오늘 본 영화가 정말 좋았어요",
    "Thai": "วันนี้อากาศดีมาก น้ำใส",
    "Lao": "ມື້ນີ້ອາກາດດີຫຼາຍ",
    "Khmer": "ថ្ងៃនេះអាកាសធាតុល្អណាស់",
    "Burmese": "ဒီနေ့ရာသီဥတုကောင်းတယ်",
}
"""Written for these tests."""

WHOLE = ("English", "German", "Turkish", "Greek", "Russian", "Arabic", "Hebrew", "Persian", "Hindi", "Tamil", "Korean")


# ---- whole words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", WHOLE)
def test_words_of__language_with_spaces__has_one_word_between_spaces(language: str) -> None:
    sentence = SENTENCES[language]
    assert len(words_of(sentence)) == len(re.sub(r"[,.।]", "", sentence).split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("दिन दान", ["दिन", "दान"]),
        ("می‌خواهم", ["می\u200cخواهم"]),
        ("cafe\u0301 CAFÉ caf\u00e9", ["café"] * 3),
        ("x\u0302y\u0306 x y", ["x\u0302y\u0306", "x", "y"]),
        ("İstanbul istanbul ISTANBUL", ["istanbul"] * 3),
        ("ΟΔΟΣ οδός οδος", ["οδοσ", "οδόσ", "οδοσ"]),
        ("isn\N{RIGHT SINGLE QUOTATION MARK}t 'quoted' rock'n'roll", ["isn't", "quoted", "rock'n'roll"]),
        ("snake_case e-mail 3.5 ½ Ⅳ", ["snake", "case", "e", "mail", "3", "5", "1", "2", "iv"]),
        ("\u0301alone \u200d\u200c", ["alone"]),
        ("private\ue000use later\u1c89letter", ["private", "use", "later", "letter"]),
    ],
)
def test_words_of__letters_marks_and_joiners__make_whole_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("😀😍👍👍", ["😀", "😍", "👍", "👍"]),
        ("great👍!", ["great", "👍"]),
        ("👍🏽 👍", ["👍🏽", "👍"]),
        ("👨‍👩‍👧👩🏽‍🚀", ["👨‍👩‍👧", "👩🏽‍🚀"]),
        ("🇩🇪🇫🇷🇩", ["🇩🇪", "🇫🇷"]),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 1),
        ("3️⃣ #️⃣ *⃣", ["3\u20e3", "#\u20e3", "*\u20e3"]),
        ("❤️ ❤ ❤\ufe0e", ["❤"] * 3),
        ("🏳️‍🌈", ["🏳\u200d🌈"]),
        ("© 2024 ™", ["2024", "tm"]),
        ("later\U0001fae8emoji\U0001faf6", ["later", "\U0001fae8", "emoji", "\U0001faf6"]),
    ],
)
def test_words_of__emoji__are_words(text: str, words: list[str] | int) -> None:
    assert words_of(text) == words if isinstance(words, list) else len(words_of(text)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("東", ["東"]),
        ("東京", ["東京"]),
        ("東京都", ["東京", "京都"]),
        ("ラーメンABC12年", ["ラー", "ーメ", "メン", "abc12", "年"]),
        ("ｶﾞｷﾞｸﾞ", ["ガギ", "ギグ"]),
        ("ดี", ["ดี"]),
        ("น้ำดี", ["น้ํา" + "ดี"]),
        ("สวัสดี", ["สวัส", "วัสดี"]),
        ("ไทย東京x", ["ไทย", "東京", "x"]),
    ],
)
def test_words_of__scripts_without_spaces__are_pairs_or_triples(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_of__any_text__gives_words_that_stay_what_they_are(text: str) -> None:
    for word in words_of(text):
        assert words_of(word) == [word]


@given(st.text())
def test_words_of__composed_or_decomposed__are_the_same(text: str) -> None:
    assert words_of(unicodedata.normalize("NFD", text)) == words_of(unicodedata.normalize("NFC", text))


@given(st.text(st.characters(max_codepoint=127)))
def test_words_of__ascii__is_the_short_rule(text: str) -> None:
    assert words_of(text) == [word for word in words_of(text + " é") if word != "é"]


def test_table__none_and_marks__cover_those_of_this_python() -> None:
    table = {name: points(ranges) for name, ranges in json.loads(TABLE.read_bytes()).items() if name != "unicode"}
    here: dict[str, set[int]] = {}
    for c in range(0x110000):
        here.setdefault(unicodedata.category(chr(c)), set()).add(c)
    strange = here["Cn"] | here["Co"] | here["Cs"]
    marks = here["Mn"] | here["Mc"] | here["Me"]
    assert strange - table["none"] <= table["pictures"]
    assert here["Co"] | here["Cs"] <= table["none"]
    assert marks - table["marks"] <= table["none"]
    assert table["marks"] <= marks
    assert not table["none"] & (table["pictures"] | table["marks"] | table["pairs"] | table["triples"])


def points(ranges: str) -> set[int]:
    """The code points in ranges as the table writes them."""
    found: set[int] = set()
    for part in ranges.split():
        first, _, last = part.partition("-")
        found.update(range(int(first, 16), int(last or first, 16) + 1))
    return found


# ---- versions --------------------------------------------------------------------------------------------------------


def test_from_spec__both_versions__find_words_by_their_own_rule() -> None:
    old, new = from_spec("hashed-words/1?features=4096"), from_spec("hashed-words/2?features=4096")
    assert (type(old), type(new)) == (HashedWordsV1, HashedWords)
    assert old.encode("plain words") == new.encode("plain words")
    assert (old.spec, new.spec) == ("hashed-words/1?features=4096", "hashed-words/2?features=4096")
    assert first_words_of("दिन") == ["द", "न"]
    assert len(old.encode("दिन")) == 4
    assert len(new.encode("दिन")) == 2


def test_fit__first_version__keeps_its_vocabulary_and_spec() -> None:
    encoder = BagOfWordsV1.fit(["दिन", "दान"])
    assert encoder.words == ("द", "न")
    assert encoder.spec.startswith("bag-of-words/1?features=2&sha256=")
    assert BagOfWords.fit(["दिन", "दान"]).spec.startswith("bag-of-words/2?features=2&sha256=")


# ---- JavaScript ------------------------------------------------------------------------------------------------------

DRIVER = """
import { readFileSync } from "node:fs";
import { bagOfWords, hashedWords, makeWords } from %s;
const wordsOf = makeWords(JSON.parse(readFileSync(%s, "utf8")));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const lines = readFileSync(0, "utf8").split("\\n").filter(Boolean).map((line) => JSON.parse(line));
console.log(JSON.stringify(lines.map((text) => {
  const words = wordsOf(text);
  return [words, hex(hashedWords(words, 4096)), hex(bagOfWords(words, ["a", "film", "👍", "東京"]))];
})));
"""


def in_javascript(texts: list[str]) -> list[tuple[list[str], str, str]]:
    """What docs/examples/words.mjs makes of texts: words, hashed sample, sample of a small vocabulary."""
    driver = DRIVER % (json.dumps((ROOT / "docs/examples/words.mjs").as_uri()), json.dumps(str(TABLE)))
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", driver], input=lines, capture_output=True, text=True, check=True
    )
    return [tuple(answer) for answer in json.loads(ran.stdout)]


def in_python(text: str) -> tuple[list[str], str, str]:
    """The same as `in_javascript`, here."""
    words = words_of(text)
    bag = BagOfWords(["a", "film", "👍", "東京"])
    known = any(word in bag.words for word in words)
    return words, HashedWords(4_096).encode(text).hex() if words else "", bag.encode(text).hex() if known else ""


def test_vectors__python_and_javascript__give_what_is_written_down() -> None:
    texts = [vector["text"] for vector in VECTORS]
    assert [words_of(text) for text in texts] == [vector["words"] for vector in VECTORS]
    hashed = [vector["hashed_4096"] for vector in VECTORS]
    assert [in_python(text)[1] for text in texts] == hashed
    assert [(words, sample) for words, sample, _ in in_javascript(texts)] == [
        (vector["words"], vector["hashed_4096"]) for vector in VECTORS
    ]


def test_vectors__sentences_of_these_tests__are_among_them() -> None:
    assert set(SENTENCES.values()) <= {vector["text"] for vector in VECTORS}


def test_javascript__every_code_point__has_the_same_words() -> None:
    texts = ["".join(f"{chr(c)} a{chr(c)}b " for c in range(start, start + 256)) for start in range(0, 0x110000, 256)]
    texts = [re.sub("[\ud800-\udfff]", "\ud800 ", text) for text in texts]
    assert [words for words, _, _ in in_javascript(texts)] == [words_of(text) for text in texts]


def odd_strings(count: int, seed: int) -> list[str]:
    """Strings of what the rule treats in some way, of other letters, and of anything."""
    table = json.loads(TABLE.read_bytes())
    draw = random.Random(seed)
    special = "'’ _aﬁ½i\u0307İIςΣσ#*3\u20e3\ufe0f\ufe0e\u200c\u200d"
    pools = [special, "\U0001f3fb\U0001f3ff\U0001f1e6\U0001f1ff\U000e0067\U000e007f"]
    for name in ("none", "marks", "pictures", "pairs", "triples"):
        ends = [int(end, 16) for part in table[name].split() for end in part.split("-")]
        pools.append("".join(chr(c) for c in ends if not 0xD800 <= c <= 0xDFFF))
    anything = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    pools.append("".join(map(chr, draw.sample(anything, 20_000))))
    return ["".join(draw.choice(draw.choice(pools)) for _ in range(draw.randint(1, 12))) for _ in range(count)]


def test_javascript__twenty_thousand_odd_strings__have_the_same_words() -> None:
    texts = odd_strings(20_000, seed=14)
    answers = in_javascript(texts)
    different = [text for text, (words, _, _) in zip(texts, answers, strict=True) if words != words_of(text)]
    assert different == []


def test_javascript__odd_strings__have_the_same_samples() -> None:
    texts = odd_strings(2_000, seed=15) + [f"a film {text} 👍 東京" for text in SENTENCES.values()]
    assert in_javascript(texts) == [in_python(text) for text in texts]


def test_rule__table__is_read_once() -> None:
    assert _rule() is _rule()
