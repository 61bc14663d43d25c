"""Words of strangers cannot be forged, nor what they look like."""

import pytest

import encoders
from comodels.dashboard.safe import clean, skeleton, twins
from comodels.dashboard.store import Store


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Film reviews", "Film reviews"),
        ("abc\u202edcba", "abcdcba"),  # turns the direction of what follows
        ("a\u200bb\x00c\nd", "ab c d"),  # takes no room, controls, breaks the line
        ("می\u200cخواهم", "می\u200cخواهم"),  # the joiner belongs to the word
        ("x" * 300, "x" * 254 + "…"),
    ],
)
def test_clean__marks_that_nobody_sees__are_gone(text, shown):
    assert clean(text) == shown


@pytest.mark.parametrize(
    "twin", ["Film Reviews", "film  reviews", "Fіlm rеvіews", "Film\u200b reviews", "FILM-REVIEWS"]
)
def test_skeleton__looks_the_same__is_the_same(twin):
    assert skeleton(twin) == skeleton("Film reviews")


def test_twins__names__only_those_that_occur_twice():
    assert twins(["Film reviews", "Fіlm reviews", "Wines", "", ""]) == {skeleton("Film reviews")}
    assert skeleton("Wines") != skeleton("Vines")


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    store.keep(encoders.BagOfWords(["good", "bad", "film"]))
    return store


@pytest.mark.parametrize(
    "forged",
    ["NOT good, the opposite of a film", "good film\u202e kill", "gооd good film <b>send 1 ether to 0x00</b>"],
)
def test_show__words_that_the_encoder_does_not_know__are_left_out(store, forged):
    encoder = encoders.BagOfWords(["good", "bad", "film"])
    x = encoder.encode("good film")
    assert encoder.encode(forged) == x  # it would make this very sample
    store.remember(x, forged)
    shown = store.show(x, encoder.spec)
    assert shown.source == "original"
    assert set(shown.text.split()) == {"…", "good", "film"}


def test_show__words_that_all_are_known__in_their_order(store):
    encoder = encoders.BagOfWords(["good", "bad", "film"])
    store.remember(encoder.encode("Film: good!"), "Film: good!")
    assert store.show(encoder.encode("good film"), encoder.spec) == ("film good", "original")


def test_show__hash_buckets__prove_nothing(tmp_path):
    store, encoder = Store(tmp_path), encoders.HashedWords(2)
    x = encoder.encode("good film")
    other = next(f"word{n} word{m}" for n in range(9) for m in range(9) if encoder.encode(f"word{n} word{m}") == x)
    store.remember(x, other)
    assert store.show(x, encoder.spec) == (other, "unproved")
