"""Text to sparse samples: which words it contains.

Words are found in one fixed way, whatever the machine's language: Unicode normalisation form NFKC, lower case, curly
apostrophes made straight, then every run of letters and digits, with apostrophes inside it ("don't" is one word).
Python 3.11 takes letters and digits from Unicode 14.

A text with more than 1,024 different features keeps the 1,024 lowest indices; in a fitted vocabulary these are the most
frequent words.
"""

import re
import unicodedata
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from encoders import wire
from encoders.base import Encoder
from encoders.errors import EncoderError, SampleError, sample_name

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text, in order, with repetitions.

    Examples
    --------
    >>> words_of("It ISN'T over_used: ﬁne!")
    ['it', "isn't", 'over', 'used', 'fine']
    """
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


class _WordEncoder(Encoder):
    """An encoder of the presence of words."""

    input_kind = "text"
    unit = None

    @abstractmethod
    def _indices(self, words: Iterable[str]) -> set[int]:
        """The features that stand for the words."""

    def encode_many(self, samples: Sequence[str]) -> list[bytes]:
        encoded = []
        for position, text in enumerate(samples):
            name = sample_name(position, len(samples))
            if not isinstance(text, str):
                raise SampleError(f"{name} is a {type(text).__name__}, not a string")
            indices = sorted(self._indices(words_of(text)))[: wire.MAX_INDICES]
            if not indices:
                raise SampleError(f"{name} has no word that the model knows: {text[:60]!r}")
            encoded.append(wire.pack_sparse(indices, self.n_features))
        return encoded


class BagOfWords(_WordEncoder):
    """The presence of words of a vocabulary that was fitted to texts.

    Parameters
    ----------
    words : sequence of str
        The vocabulary: feature `i` is the word ``words[i]``. 1 to 65,536 different words, each as `words_of` gives it.

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
        strange = next((word for word in self.words if words_of(word) != [word]), None)
        if strange is not None:
            raise EncoderError(f"no text has the word {strange!r}: words are lower case and made of letters and digits")

    @classmethod
    def fit(cls, texts: Iterable[str], max_features: int = 1_000) -> Self:
        """Take the words that most texts have.

        Words are ordered by the number of texts that have them, the most frequent first, and alphabetically (by code
        point) among equals. Frequent words are then neighbours, and in a contract neighbours share storage slots.

        Parameters
        ----------
        texts : iterable of str
        max_features : int, default 1000
            Size of the vocabulary, at most 65,536; smaller if the texts have fewer different words.

        Raises
        ------
        EncoderError
            If the texts have no words, or `max_features` is out of range.
        """
        from sklearn.feature_extraction.text import CountVectorizer

        if not 1 <= max_features <= wire.MAX_FEATURES:
            raise EncoderError(f"max_features is 1 to {wire.MAX_FEATURES:,}, not {max_features:,}")
        vectorizer = CountVectorizer(analyzer=words_of)
        try:
            frequencies = vectorizer.fit_transform(texts).getnnz(axis=0)
        except ValueError as error:
            raise EncoderError(f"no vocabulary can be fitted to these texts ({error})") from error
        alphabetical = vectorizer.get_feature_names_out()
        return cls(alphabetical[np.argsort(-frequencies, kind="stable")[:max_features]].tolist())

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
