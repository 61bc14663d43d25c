"""Real data, encoded and divided: what the owner has, what can be contributed, what is only measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from comodels.rows import pack_rows
from comodels.simulation.scenario import DataSettings, ScenarioError

Row = tuple[int, bytes]
"""Label and packed sample."""


class TestRows:
    """Rows on which accuracy is measured, in the forms that are fast to work with."""

    __test__ = False  # not one of pytest's

    def __init__(self, rows: list[Row], sparse: bool, n_features: int):
        self.rows = rows
        self.sparse = sparse
        self.n_features = n_features
        self.labels = np.array([y for y, _ in rows], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def packed(self) -> bytes:
        """As `evaluate` takes them."""
        return pack_rows(self.rows)

    @cached_property
    def matrix(self) -> Any:
        """int64, shape (rows, n_features): ones for features of sparse samples (a `csr_matrix`), or dense values."""
        data = b"".join(x for _, x in self.rows)
        if not self.sparse:
            return np.frombuffer(data, dtype=np.int8).astype(np.int64).reshape(len(self.rows), self.n_features)
        from scipy.sparse import csr_matrix

        indices = np.frombuffer(data, dtype=">u2").astype(np.int64)
        starts = np.concatenate(([0], np.cumsum([len(x) // 2 for _, x in self.rows])))
        ones = np.ones(indices.size, dtype=np.int64)
        return csr_matrix((ones, indices, starts), shape=(len(self.rows), self.n_features))


@dataclass
class Problem:
    """Encoded data, divided by a seed.

    Attributes
    ----------
    initial : list of (label, sample)
        What the owner has.
    pool : list of (label, sample)
        What agents contribute, each row at most once.
    bounty_test : list of (label, sample)
        What the provider of a market has.
    test : TestRows
        What nobody has.
    unit : int or None
        For dense samples: the integer that stands for 1.0.
    """

    source: str
    class_names: tuple[str, ...]
    sparse: bool
    n_features: int
    unit: int | None
    spec: str
    initial: list[Row]
    pool: list[Row]
    bounty_test: list[Row]
    test: TestRows
    trained: dict[str, Any] = field(default_factory=dict)  # models that were made of it, by their settings


def build(settings: DataSettings, seed: int, data: str | None = None) -> Problem:
    """Read, shuffle, divide and encode data.

    Parameters
    ----------
    settings : DataSettings
    seed : int
        Decides the order of the rows, and so who gets which.
    data : str, optional
        The file that stands for ``DATA``.

    Raises
    ------
    ScenarioError, encoders.EncoderError
        If the data cannot be read or encoded.
    """
    rng = np.random.default_rng([seed, 1])
    samples, labels, class_names = _read(settings.source, data)
    order = rng.permutation(len(labels))
    if settings.limit:
        order = order[: settings.limit]
    total = len(order)
    bounds = np.cumsum([round(s * total) for s in (settings.test, settings.initial, settings.bounty_test)])
    test, initial, bounty, pool = np.split(order, bounds)
    if not len(test) or not len(pool):
        raise ScenarioError(f"data: {total} samples are too few for these shares")

    def pick(positions: np.ndarray) -> Any:
        return samples[positions] if isinstance(samples, np.ndarray) else [samples[i] for i in positions]

    encoder, sparse = _encoder(settings, pick(initial))
    if encoder is None:
        parts = [[(int(labels[i]), samples[i]) for i in part] for part in (test, initial, bounty, pool)]
        n_features, unit, spec = SYNTHETIC_WORDS, None, "none"
    else:
        parts = [_encode(encoder, pick(part), labels[part]) for part in (test, initial, bounty, pool)]
        n_features, unit, spec = encoder.n_features, encoder.unit, encoder.spec
    return Problem(
        source=settings.source,
        class_names=class_names,
        sparse=sparse,
        n_features=n_features,
        unit=unit,
        spec=spec,
        initial=parts[1],
        pool=parts[3],
        bounty_test=parts[2],
        test=TestRows(parts[0], sparse, n_features),
    )


def _read(source: str, data: str | None) -> tuple[Any, np.ndarray, tuple[str, ...]]:
    if source == "DATA":
        if not data:
            raise ScenarioError(
                "data.source: this scenario works on a text file of yours; name it with --data FILE. "
                "A CSV or TSV with the columns label and text is one.\n"
                "Public ones: SMS Spam Collection (archive.ics.uci.edu, data set 228), movie review snippets "
                "(cs.cornell.edu/people/pabo/movie-review-data), IMDB reviews (ai.stanford.edu/~amaas/data/sentiment)"
            )
        source = data
    if source == "synthetic":
        return _synthetic()
    from encoders import read_data

    return read_data(source)[:3]


def _encode(encoder: Any, samples: Any, labels: np.ndarray) -> list[Row]:
    if not len(labels):
        return []
    positions, encoded = encoder.encode_valid(samples)
    return [(int(labels[i]), x) for i, x in zip(positions.tolist(), encoded, strict=True)]


def _encoder(settings: DataSettings, initial: Any) -> tuple[Any, bool]:
    """The encoder, fitted to what the owner has, and whether its samples are sparse."""
    encoding = settings.encoding
    if settings.source == "synthetic":
        return None, True
    import encoders

    kind = encoding.kind
    text = not isinstance(initial, np.ndarray)
    if kind == "auto":
        kind = "bag-of-words" if text else "tabular"
    if kind not in ("bag-of-words", "hashed-words", "tabular", "above-mean"):
        raise ScenarioError(
            f"data.encoding.kind: there is no {kind!r}; known are auto, bag-of-words, hashed-words, tabular, above-mean"
        )
    if text != (kind in ("bag-of-words", "hashed-words")):
        raise ScenarioError(f"data.encoding.kind: {kind} does not encode {'text' if text else 'numbers'}")
    if kind != "hashed-words" and not len(initial):
        raise ScenarioError("data.initial: the encoder is fitted to the owner's part, which is empty")
    if kind == "bag-of-words":
        return encoders.BagOfWords.fit(initial, encoding.features), True
    if kind == "hashed-words":
        return encoders.HashedWords(encoding.features), True
    if kind == "above-mean":
        return AboveMean(initial.mean(axis=0)), True
    return encoders.Tabular.fit(initial, encoding.unit or None), False


class AboveMean:
    """Numbers as sparse samples: which of them are above the mean of the owner's, such as the bright pixels.

    Parameters
    ----------
    mean : ndarray of float64, shape (n_features,)
    """

    unit = None
    spec = "none"  # for simulations only: nobody could encode a sample for a model that was published with it

    def __init__(self, mean: np.ndarray):
        self.mean = mean
        self.n_features = len(mean)

    def encode_valid(self, samples: np.ndarray) -> tuple[np.ndarray, list[bytes]]:
        """The positions of the samples that have a number above its mean, and their encodings."""
        above = samples > self.mean
        positions = np.flatnonzero(above.any(axis=1))
        return positions, [np.flatnonzero(row).astype(">u2").tobytes() for row in above[positions]]


# ---- made-up words ---------------------------------------------------------------------------------------------------

SYNTHETIC_WORDS = 1_000
SYNTHETIC_ROWS = 8_000


@cache
def _synthetic() -> tuple[list[bytes], np.ndarray, tuple[str, ...]]:
    """Sentences of 15 different words of 1,000 each; a fifth of the words leans to one of the two classes."""
    rng = np.random.default_rng(2019)
    labels = rng.integers(0, 2, SYNTHETIC_ROWS)
    lean = np.zeros(SYNTHETIC_WORDS)
    lean[rng.choice(SYNTHETIC_WORDS, SYNTHETIC_WORDS // 5, replace=False)] = 1.2
    lean *= rng.choice([-1, 1], SYNTHETIC_WORDS)
    frequency = -np.log(np.arange(5, SYNTHETIC_WORDS + 5))
    keys = rng.gumbel(size=(SYNTHETIC_ROWS, SYNTHETIC_WORDS)) + frequency + np.outer(2 * labels - 1, lean)
    words = np.sort(np.argpartition(-keys, 15, axis=1)[:, :15], axis=1).astype(">u2")
    return [row.tobytes() for row in words], labels, ("0", "1")
