"""Sentence embeddings: with a small deterministic stand-in, and with the real package where it is installed."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import encoders
from encoders import EncoderError, MissingExtraError, SampleError, SentenceEmbedding, SpecError
from encoders.embedding import PROBE, Embed
from encoders.wire import norm_within_bounds, unpack_dense_many

TEXTS = ["the harbour at dawn", "a train leaves late", "rain on a tin roof"]


def letters(text: str) -> np.ndarray:
    """A stand-in for an embedding model: how often each letter occurs, and 1."""
    return np.array([1.0, *(text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz")])


def vowels(text: str) -> np.ndarray:
    """Another model, of the same size."""
    return np.array([1.0, *(text.count(letter) * (letter in "aeiou") for letter in "abcdefghijklmnopqrstuvwxyz")])


@pytest.fixture
def encoder() -> SentenceEmbedding:
    return SentenceEmbedding.fit(TEXTS, model="letters", embed=letters)


def test_encode_many__any_sentences__have_an_accepted_norm(encoder: SentenceEmbedding) -> None:
    values = unpack_dense_many(encoder.encode_many(TEXTS), encoder.n_features, encoder.unit)
    assert encoder.n_features == 27
    assert norm_within_bounds(values, encoder.unit).all()


def test_encode__worked_example__is_the_direction_of_the_embedding() -> None:
    encoder = SentenceEmbedding.fit(TEXTS, model="letters", embed=letters, unit=100)
    x = encoder.encode("aaa bbb bb bbb b")  # 1, 3 a and 9 b: norm sqrt(1 + 9 + 81) = 9.539
    assert list(x[:3]) == [10, 31, 94]  # 10.5 is 10.48, 31.4 and 94.3
    assert encoder.decode(x)[:3].tolist() == [0.1, 0.31, 0.94]


def test_load__function_given_again__encodes_the_same(encoder: SentenceEmbedding, tmp_path: Path) -> None:
    encoder.save(tmp_path / "encoder.json")
    loaded = encoders.load(tmp_path / "encoder.json", encoder.spec)
    loaded.use(letters)
    assert loaded.encode_many(TEXTS) == encoder.encode_many(TEXTS)


def test_use__another_model__is_refused(encoder: SentenceEmbedding) -> None:
    with pytest.raises(SpecError, match="not the 'letters' that this encoder was fitted with"):
        encoder.use(vowels)
    with pytest.raises(SpecError, match="not the 'letters'"):
        encoder.use(lambda text: letters(text)[:5])


def test_fit__model_without_package__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match="pip install sentence-transformers"):
        SentenceEmbedding.fit(TEXTS, model="some-model")


def test_encode__loaded_by_name__asks_the_package_when_first_needed(
    encoder: SentenceEmbedding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder.save(tmp_path / "encoder.json")
    loaded = encoders.load(tmp_path / "encoder.json")
    asked = []

    def sentence_transformer(model: str) -> SimpleNamespace:
        asked.append(model)
        return SimpleNamespace(encode=letters)

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=sentence_transformer))
    assert asked == []
    assert loaded.encode_many(TEXTS) == encoder.encode_many(TEXTS)
    assert asked == ["letters"]


@pytest.mark.parametrize(
    ("embed", "problem"),
    [
        (lambda text: 1.0, "not vectors"),
        (lambda text: [1.0] * len(text), "does not give one vector of numbers"),
        (lambda text: ["a", "b"], "does not give one vector of numbers"),
        (lambda text: [0.0, 0.0], "has no direction"),
        (lambda text: [np.nan, 1.0], "not a finite number"),
    ],
)
def test_fit__model_that_gives_no_vectors__is_refused(embed: Embed, problem: str) -> None:
    with pytest.raises(SampleError, match=problem):
        SentenceEmbedding.fit(TEXTS, model="bad", embed=embed)


def test_fit__no_texts__is_refused() -> None:
    with pytest.raises(EncoderError, match="no texts"):
        SentenceEmbedding.fit([], model="letters", embed=letters)


def test_encode__not_a_string__is_refused(encoder: SentenceEmbedding) -> None:
    with pytest.raises(SampleError, match="a text is a string, not a int"):
        encoder.encode(5)


def test_encode__real_package__encodes_without_download(tmp_path: Path) -> None:
    reason = "sentence-transformers (6 or newer), an optional extra, is not installed"
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules", reason=reason)
    package = sys.modules["sentence_transformers"]
    vocabulary = sorted({word for text in [*TEXTS, PROBE] for word in text.lower().split()})
    package.SentenceTransformer(modules=[modules.BoW(vocab=vocabulary), modules.Normalize()]).save(
        str(tmp_path / "bow")
    )
    encoder = SentenceEmbedding.fit(TEXTS, model=str(tmp_path / "bow"), unit=127)
    encoder.save(tmp_path / "encoder.json")
    assert encoder.n_features == len(vocabulary)
    assert len(set(encoder.encode_many(TEXTS))) == len(TEXTS)
    assert encoders.load(tmp_path / "encoder.json", encoder.spec).encode_many(TEXTS) == encoder.encode_many(TEXTS)
