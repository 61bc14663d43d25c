"""Text to sparse samples: which words it contains, see `encoders.words`.

A text with more than 1,024 different features keeps the 1,024 lowest indices; in a fitted vocabulary these are the most
frequent words. Version 1 of both encoders finds words by an older rule, for the models that name it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from encoders import wire
from encoders.base import Encoder
from encoders.errors import DataError, EncoderError, SampleError, sample_name
from encoders.words import first_words_of, words_of

if TYPE_CHECKING:
    from typing_extensions import Self


MAX_WORD = 1_000
"""Characters of a word in a vocabulary. To normalise a word takes time with the square of its length."""


def is_word(word: str) -> bool:
    """Whether a vocabulary can have a word: a text can have it, and it is no longer than `MAX_WORD`."""
    return len(word) <= MAX_WORD and words_of(word) == [word]


class _WordEncoder(Encoder):
    """An encoder of the presence of words."""

    input_kind = "text"
    unit = None
    version = 2

    @staticmethod
    def words_of(text: str) -> list[str]:
        """The words of a text, by the rule of this version."""
        return words_of(text)

    @abstractmethod
    def _indices(self, words: Iterable[str]) -> set[int]:
        """The features that stand for the words."""

    def encode_many(self, samples: Sequence[str]) -> list[bytes]:
        encoded = []
        for position, text in enumerate(samples):
            name = sample_name(position, len(samples))
            if not isinstance(text, str):
                raise SampleError(f"{name} is a {type(text).__name__}, not a string")
            indices = sorted(self._indices(self.words_of(text)))[: wire.MAX_INDICES]
            if not indices:
                raise SampleError(f"{name} has no word that the model knows: {text[:60]!r}")
            encoded.append(wire.pack_sparse(indices, self.n_features))
        return encoded


class BagOfWords(_WordEncoder):
    """The presence of words of a vocabulary that was fitted to texts.

    Parameters
    ----------
    words : sequence of str
        The vocabulary: feature `i` is the word ``words[i]``. 1 to 65,536 different ones, each as `words_of` gives it,
        of at most 1,000 characters.

    Examples
    --------
    >>> encoder = BagOfWords.fit(["a fine film", "a dull film", "a bore"])
    >>> encoder.words
    ('a', 'film', 'bore', 'dull', 'fine')
    >>> encoder.encode("What a fine, fine day!").hex()
    '00000004'
    >>> encoder.decode(bytes.fromhex("00000004"))
    ['a', 'fine']
    """

    kind = "bag-of-words"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.n_features = len(self.words)
        self._index = {word: index for index, word in enumerate(self.words)}
        if not 1 <= self.n_features <= wire.MAX_FEATURES:
            raise EncoderError(f"a vocabulary has 1 to {wire.MAX_FEATURES:,} words, not {self.n_features:,}")
        if len(self._index) < self.n_features:
            raise EncoderError("the vocabulary has the same word twice")
        if max(map(len, self.words)) > MAX_WORD:
            raise EncoderError(f"a word of a vocabulary has at most {MAX_WORD:,} characters")
        strange = next((word for word in self.words if self.words_of(word) != [word]), None)
        if strange is not None:
            raise EncoderError(f"no text has the word {strange!r}: words are lower case, see encoders.words")

    @classmethod
    def fit(cls, texts: Iterable[str], max_features: int = 1_000, labels: Sequence[int] | None = None) -> Self:
        """Take the words that most texts have, or those that tell classes apart best.

        Words are ordered by the number of texts that have them, the most frequent first, and alphabetically (by code
        point) among equals. Frequent words are then neighbours, and in a contract neighbours share storage slots.

        Parameters
        ----------
        texts : iterable of str
        max_features : int, default 1000
            Size of the vocabulary, at most 65,536; smaller if the texts have fewer different words.
        labels : sequence of int, optional
            The class of each text: the words are those with the highest χ² then, of equals the more frequent.

        Raises
        ------
        EncoderError
            If the texts have no words, or `max_features` is out of range.
        """
        from sklearn.feature_extraction.text import CountVectorizer

        if not 1 <= max_features <= wire.MAX_FEATURES:
            raise EncoderError(f"max_features is 1 to {wire.MAX_FEATURES:,}, not {max_features:,}")
        vectorizer = CountVectorizer(analyzer=lambda text: [w for w in cls.words_of(text) if len(w) <= MAX_WORD])
        try:
            counts = vectorizer.fit_transform(texts)
        except ValueError as error:
            raise DataError(f"no vocabulary can be fitted to these texts ({error})") from error
        frequencies = counts.getnnz(axis=0)
        by_frequency = np.argsort(-frequencies, kind="stable")
        if labels is not None:
            from sklearn.feature_selection import chi2

            telling = np.nan_to_num(chi2((counts > 0).astype(float), labels)[0])
            kept = by_frequency[np.argsort(-telling[by_frequency], kind="stable")[:max_features]]
            by_frequency = by_frequency[np.isin(by_frequency, kept)]
        return cls(vectorizer.get_feature_names_out()[by_frequency[:max_features]].tolist())

    @property
    def parameters(self) -> dict[str, int | str]:
        return {"features": self.n_features}

    @property
    def fitted(self) -> dict[str, Any]:
        return {"words": list(self.words)}

    @classmethod
    def rebuild(cls, parameters: Mapping[str, str], fitted: Mapping[str, Any]) -> Self:
        return cls(fitted["words"])

    def _indices(self, words: Iterable[str]) -> set[int]:
        return {self._index[word] for word in words if word in self._index}

    def decode(self, x: bytes) -> list[str]:
        """The words of a sample, the most frequent first."""
        return [self.words[index] for index in wire.unpack_sparse(x, self.n_features)]


class BagOfWordsV1(BagOfWords):
    """The presence of words of a vocabulary, by the first rule for words."""

    version = 1

    @staticmethod
    def words_of(text: str) -> list[str]:
        return first_words_of(text)


class HashedWords(_WordEncoder):
    """The presence of words in hash buckets: no vocabulary, so the spec alone is enough to rebuild it.

    A word's feature is MurmurHash3 (x86, 32 bits, seed 0, unsigned) of its UTF-8 bytes, modulo the number of features.
    Different words may share a bucket.

    Parameters
    ----------
    n_features : int
        A power of two from 2 to 65,536.

    References
    ----------
    Weinberger, Dasgupta, Langford, Smola and Attenberg, "Feature hashing for large scale multitask learning",
    ICML 2009. Appleby, "MurmurHash3", 2011.
    """

    kind = "hashed-words"

    def __init__(self, n_features: int = 4_096) -> None:
        if not 2 <= n_features <= wire.MAX_FEATURES or n_features & (n_features - 1):
            raise EncoderError(f"there are a power of two from 2 to {wire.MAX_FEATURES:,} buckets, not {n_features:,}")
        self.n_features = n_features

    @property
    def parameters(self) -> dict[str, int | str]:
        return {"features": self.n_features}

    @classmethod
    def rebuild(cls, parameters: Mapping[str, str], fitted: Mapping[str, Any]) -> Self:
        return cls(int(parameters["features"]))

    def _indices(self, words: Iterable[str]) -> set[int]:
        from sklearn.utils import murmurhash3_32

        return {murmurhash3_32(word, seed=0, positive=True) % self.n_features for word in words}

    def decode(self, x: bytes) -> list[str]:
        """The buckets of a sample, as ``#17``: the words themselves cannot be told from their hashes."""
        return [f"#{index}" for index in wire.unpack_sparse(x, self.n_features)]


class HashedWordsV1(HashedWords):
    """The presence of words in hash buckets, by the first rule for words."""

    version = 1

    @staticmethod
    def words_of(text: str) -> list[str]:
        return first_words_of(text)
