"""Text encoders: the same words on every machine, the vocabulary in the order that contracts like."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import BagOfWords, EncoderError, HashedWords, SampleError
from encoders.wire import MAX_FEATURES, unpack_sparse

TEXTS = ["a fine film", "a dull film", "a bore", "fine actors, dull plot"]


# ---- fitted vocabulary -----------------------------------------------------------------------------------------------


def test_fit__worked_example__orders_by_texts_then_alphabet() -> None:
    # In how many texts: a 3; dull, film and fine 2 each; actors, bore and plot 1 each.
    encoder = BagOfWords.fit(TEXTS)
    assert encoder.words == ("a", "dull", "film", "fine", "actors", "bore", "plot")
    assert BagOfWords.fit(TEXTS, max_features=3).words == ("a", "dull", "film")


def test_fit__many_equally_frequent_words__are_alphabetical() -> None:
    words = [f"w{number:03}" for number in range(500)]
    assert BagOfWords.fit([" ".join(words[::-1]), "zzz", "zzz"]).words == ("zzz", *words)


def test_fit__repetitions_in_one_text__count_once() -> None:
    assert BagOfWords.fit(["b b b b", "a", "a"]).words == ("a", "b")


def test_fit__order_of_texts__does_not_matter() -> None:
    assert BagOfWords.fit(TEXTS).spec == BagOfWords.fit(TEXTS[::-1]).spec


@pytest.mark.parametrize("max_features", [0, -1, MAX_FEATURES + 1])
def test_fit__max_features_out_of_range__is_refused(max_features: int) -> None:
    with pytest.raises(EncoderError, match="max_features is 1 to 65,536"):
        BagOfWords.fit(TEXTS, max_features)


@pytest.mark.parametrize("texts", [[], ["?!", ""]])
def test_fit__no_words__is_refused(texts: list[str]) -> None:
    with pytest.raises(EncoderError, match="no vocabulary can be fitted"):
        BagOfWords.fit(texts)


def test_encode__worked_example__packs_indices_of_known_words() -> None:
    encoder = BagOfWords.fit(TEXTS)
    x = encoder.encode("Film: a FINE, fine surprise")
    assert x == bytes([0, 0, 0, 2, 0, 3])  # a, film, fine; nobody knows "surprise"
    assert encoder.decode(x) == ["a", "film", "fine"]


@given(st.lists(st.sampled_from(["a", "dull", "film", "fine", "actors", "bore", "plot"]), min_size=1))
def test_decode__encoded_words__gives_each_once(words: list[str]) -> None:
    encoder = BagOfWords.fit(TEXTS)
    assert sorted(encoder.decode(encoder.encode(" ".join(words)))) == sorted(set(words))


@pytest.mark.parametrize("text", ["", "?!", "nothing known here"])
def test_encode__no_known_word__is_refused(text: str) -> None:
    with pytest.raises(SampleError, match=re.escape(f"the sample has no word that the model knows: {text!r}")):
        BagOfWords.fit(TEXTS).encode(text)


def test_encode__not_a_string__is_refused() -> None:
    with pytest.raises(SampleError, match="the sample is a int, not a string"):
        BagOfWords.fit(TEXTS).encode(5)


def test_encode_many__one_bad_text__is_named_and_left_out_by_encode_valid() -> None:
    encoder = BagOfWords.fit(TEXTS)
    texts = ["a film", "unknown", "a bore"]
    with pytest.raises(SampleError, match="sample 1 has no word"):
        encoder.encode_many(texts)
    positions, encoded = encoder.encode_valid(texts)
    assert positions.tolist() == [0, 2]
    assert encoded == encoder.encode_many(["a film", "a bore"])


def test_encode__more_than_1024_words__keeps_the_most_frequent() -> None:
    words = [f"w{number:04}" for number in range(1_030)]
    encoder = BagOfWords(words)
    x = encoder.encode(" ".join(reversed(words)))
    assert unpack_sparse(x, encoder.n_features).tolist() == list(range(1_024))
    assert encoder.decode(encoder.encode(words[1_029])) == [words[1_029]]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "1 to 65,536 words, not 0"),
        (["a", "b", "a"], "the same word twice"),
        (["Upper"], "no text has the word 'Upper'"),
        (["two words"], "no text has the word 'two words'"),
    ],
)
def test_bag_of_words__bad_vocabulary__is_refused(words: list[str], problem: str) -> None:
    with pytest.raises(EncoderError, match=problem):
        BagOfWords(words)


# ---- hashed words ----------------------------------------------------------------------------------------------------


def test_encode__hashed_word__is_murmur3_modulo_buckets() -> None:
    # MurmurHash3 x86 32 with seed 0: "hello" is 0x248bfa47, "test" 0xba6bd213; the lowest 12 and 16 bits are kept.
    assert HashedWords(4_096).encode("Hello") == bytes.fromhex("0a47")
    assert HashedWords(65_536).encode("hello, TEST!") == bytes.fromhex("d213fa47")
    assert HashedWords(65_536).decode(bytes.fromhex("d213fa47")) == ["#53779", "#64071"]


@given(st.text(min_size=1), st.integers(1, 16))
def test_encode__any_text_with_a_word__has_a_bucket(text: str, bits: int) -> None:
    encoder = HashedWords(2**bits)
    x = encoder.encode(text + " word")
    assert encoder.encode("word") in [x[start : start + 2] for start in range(0, len(x), 2)]


def test_encode__hashed_text_without_words__is_refused() -> None:
    with pytest.raises(SampleError, match="has no word"):
        HashedWords(16).encode("?!")


@pytest.mark.parametrize("n_features", [0, 1, 3, 1_000, 131_072, -4])
def test_hashed_words__not_a_power_of_two__is_refused(n_features: int) -> None:
    with pytest.raises(EncoderError, match="power of two from 2 to 65,536"):
        HashedWords(n_features)


def test_bag_of_words__labels__words_that_tell_the_classes_apart():
    """By hand: "the" is in all texts, χ² 0; "good" and "bad" in two of one class each, χ² 2; "film" in one of each."""
    texts, labels = ["the good film", "the good one", "the bad film", "the bad two"], [1, 1, 0, 0]

    assert BagOfWords.fit(texts, 3).words[0] == "the"
    assert set(BagOfWords.fit(texts, 2, labels).words) == {"good", "bad"}
    # of the words that are kept, the most frequent come first all the same
    assert BagOfWords.fit(texts, 10, labels).words[0] == "the"


def test_bag_of_words__very_long_word__is_left_out_when_fitted_and_refused_when_given() -> None:
    longest, too_long = "a" * 1_000, "b" * 1_001
    assert BagOfWords.fit([f"{longest} {too_long} film"]).words == (longest, "film")
    assert BagOfWords([longest]).n_features == 1
    with pytest.raises(EncoderError, match="at most 1,000 characters"):
        BagOfWords([too_long])
