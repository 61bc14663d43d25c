"""Model files of the original prototype (2019), as models that are ready to be published here.

They are JSON. A sparse perceptron on words is

    {"type": "sparse perceptron", "classifications": ["Negative", "Positive"], "weights": [0.5, -1.25, …], "bias": 0.1}

where ``weights`` is a list by feature, or an object ``{"17": -1.25}``, which may also stand under ``sparseWeights``
beside or instead of it; ``intercept`` is another name of ``bias``, ``learningRate`` may be left out, and with
``featureIndices`` weight i is that of the feature ``featureIndices[i]``. Nearest centroids are

    {"type": "nearest centroid classifier", "centroids": {"hot": {"centroid": [0.1, …], "dataCount": 25}, …}}

where ``intents`` is another name of ``centroids``; those of the type ``sparse nearest centroid classifier`` are on
words, and a ``centroid`` may also be an object by feature. Which word a feature is stands in a vocabulary, a file of
its own: ``{"film": 324, …}``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from comodels.errors import ComodelsError
from comodels.models.nearest_centroid import SUM_MAX
from comodels.models.training import DEFAULTS
from comodels.revert import Revert
from comodels.saved import SavedModel, new_twin
from encoders import BagOfWords, EncoderError, Tabular
from encoders.files import read_json
from encoders.quantise import MAX_VALUE
from encoders.text import is_word

MAX_FILE = 100_000_000  # bytes
LARGEST = 2**13 - 1  # what the largest weight becomes: a quarter of what a model holds, so that it can learn on
MOST_SAMPLES = 2**16  # that a centroid of words stands for: with more, a new sample would hardly move it
LONGEST_MEAN = 1.01  # the mean of rows of norm 1 is not longer, but for rounding

PERCEPTRON = "sparse perceptron"
WORD_CENTROIDS = "sparse nearest centroid classifier"
CENTROIDS = ("nearest centroid classifier", "dense nearest centroid classifier")
KNOWN = (PERCEPTRON, WORD_CENTROIDS, *CENTROIDS)


@dataclass(frozen=True)
class Agreement:
    """How often a model answers as the original does that it was made of.

    Attributes
    ----------
    samples : int
        Compared; `left_out` more cannot be encoded.
    same : float
        The part of them that both give the same class.
    original, model : float
        The part of them that each gives the right class.
    """

    samples: int
    left_out: int
    same: float
    original: float
    model: float

    @classmethod
    def of(
        cls, model: SavedModel, samples: Sequence[Any], labels: Sequence[int], answers: Callable[[list[int]], list[int]]
    ) -> Agreement:
        """Ask both; `answers` are the original's, to the samples at some positions.

        What cannot be encoded is left out. Raises `ComodelsError` if that is all.
        """
        encoded = model.encoder.encode_each(samples)
        kept = [i for i, x in enumerate(encoded) if isinstance(x, bytes)]
        if not kept:
            raise ComodelsError(f"No held-out sample can be encoded ({encoded[0] if encoded else 'there is none'}).")
        twin = model.twin()
        found, original = np.array([twin.predict(encoded[i]) for i in kept]), np.array(answers(kept))
        right = np.array([int(labels[i]) for i in kept])
        parts = [float(np.mean(p)) for p in (original == found, original == right, found == right)]
        return cls(len(kept), len(encoded) - len(kept), *parts)

    def lines(self, what: str = "samples") -> list[str]:
        """The same in two lines."""
        left_out = f"; {self.left_out:,} more cannot be encoded" if self.left_out else ""
        return [
            f"agrees    on {self.same:.1%} of {self.samples:,} {what}{left_out}",
            f"accuracy  {self.model:.1%} of them, the original {self.original:.1%}",
        ]


@dataclass(frozen=True)
class Ancestor:
    """A model of the prototype as one of these.

    Attributes
    ----------
    weights, biases : ndarray of float, shapes (n_classes, n_features) and (n_classes,)
        By which the original decides between the features that are left: the class of the largest score.
    notes : tuple of str
        Where the model is not quite the original.
    """

    model: SavedModel
    original: str
    weights: np.ndarray
    biases: np.ndarray
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """What a person should know before paying, a line for each fact."""
        return [
            f"original  {self.original} of the prototype",
            f"model     {self.model.kind}, classes {', '.join(self.model.class_names)}",
            f"encoder   {self.model.encoder.kind} ({self.model.encoder.n_features:,} features)",
            *(f"note      {note}" for note in self.notes),
        ]

    def agreement(self, samples: Sequence[Any], labels: Sequence[int]) -> list[str]:
        """How often it answers as the original would on the same features, and how often rightly; two lines."""

        def answers(kept: list[int]) -> list[int]:
            encoded = self.model.encoder.encode_each([samples[i] for i in kept])
            return [self._answer(x) for x in encoded]

        return Agreement.of(self.model, samples, labels, answers).lines()

    def _answer(self, x: bytes) -> int:
        encoder = self.model.encoder
        if encoder.unit is None:
            row = np.zeros(encoder.n_features)
            row[np.frombuffer(x, ">u2").astype(int)] = 1.0
        else:
            row = np.frombuffer(x, "i1") / encoder.unit
        return int(np.argmax(self.weights @ row + self.biases))


def is_ancestor(path: Path) -> bool:
    """Whether a file is one of the prototype's: JSON with a type."""
    try:
        content = _json(path)
    except ComodelsError:
        return False
    return isinstance(content, dict) and "type" in content


def read_ancestor(path: Path, vocabulary: Path | None, name: str, description: str = "") -> Ancestor:
    """A model of the prototype from its files.

    Parameters
    ----------
    vocabulary : path or None
        Needed for words; refused for rows of numbers.

    Raises
    ------
    ComodelsError
        If they are not of this form, or the model is one that has no equal here.
    """
    content = _json(path)
    kind = content.get("type") if isinstance(content, dict) else None
    kind = kind.lower() if isinstance(kind, str) else kind
    if kind not in KNOWN:
        raise ComodelsError(f"{path}: the type is {kind!r}; what is read are {', '.join(map(repr, KNOWN))}.")
    if (kind in CENTROIDS) != (vocabulary is None):
        needed = "takes rows of numbers, and no --vocabulary" if kind in CENTROIDS else "needs --vocabulary FILE"
        raise ComodelsError(f"{path}: a {kind!r} {needed}.")
    try:
        if kind == PERCEPTRON:
            found = _perceptron(content, _vocabulary(vocabulary))
        elif kind == WORD_CENTROIDS:
            found = _word_centroids(content, _vocabulary(vocabulary))
        else:
            found = _centroids(content)
        twin, encoder, names, weights, biases, notes = found
    except (EncoderError, Revert, ValueError, TypeError, KeyError, OverflowError) as error:
        raise ComodelsError(f"{path}: not a model of this form ({error}).") from error
    model = SavedModel.of(twin, encoder, name, description, names)
    model.check()
    return Ancestor(model, kind, weights, biases, notes)


def _perceptron(content: dict, words: dict[int, str]) -> tuple:
    names = tuple(_text(name) for name in content["classifications"])
    if len(names) != 2:
        raise ValueError(f"a perceptron has two classes, not {len(names)}")
    by_feature = _weights(content)
    encoder, kept, notes = _encoder(words, by_feature)
    weights = np.array([by_feature[i] for i in kept])
    bias = _number(content["intercept"] if "intercept" in content else content["bias"])
    rate = _number(content.get("learningRate") or 0.5)
    largest = float(np.abs(weights).max())
    if not largest:
        raise ValueError("all weights are 0")
    factor = LARGEST / largest
    step = min(max(1, round(rate * factor)), 2**16 - 1)
    twin = new_twin(encoder, step, step, step * DEFAULTS.margin)
    whole = [round(w * factor) for w in weights.tolist()]
    notes += ("the bias learns too, and right answers that are close are learnt: the original did neither",)
    both = np.array([np.zeros(len(kept)), weights])
    return type(twin)(twin.parameters, whole, round(bias * factor)), encoder, names, both, np.array([0.0, bias]), notes


def _weights(content: dict) -> dict[int, float]:
    """The weight of each feature."""
    found = _by_feature(content.get("weights") or {})
    if "featureIndices" in content:
        places = [_index(i) for i in content["featureIndices"]]
        if len(places) != len(found) or len(set(places)) != len(places):
            raise ValueError("featureIndices names each weight's feature, a different one for each")
        found = {place: found[i] for i, place in enumerate(places)}
    sparse = _by_feature(content.get("sparseWeights") or {})
    if set(sparse) & set(found):
        raise ValueError("a feature has a weight in weights and in sparseWeights")
    return found | sparse


def _word_centroids(content: dict, words: dict[int, str]) -> tuple:
    names, means, counts = _means(content)
    encoder, kept, notes = _encoder(words, {i: 0.0 for mean in means for i in mean})
    rows = np.array([[mean.get(i, 0.0) for i in kept] for mean in means])
    if rows.min() < 0 or rows.max() > 1:
        raise ValueError("a mean of the presence of words is 0 to 1")
    samples = [min(n, MOST_SAMPLES) for n in counts]
    notes += _fewer(counts, samples)
    table = [np.rint(row * n).astype(np.int64).tolist() for row, n in zip(rows, samples, strict=True)]
    empty = new_twin(encoder, family="nearest-centroid", classes=len(names))
    twin = type(empty)(empty.parameters, table, samples)
    return twin, encoder, names, 2 * rows, -(rows**2).sum(axis=1), notes


def _centroids(content: dict) -> tuple:
    names, means, counts = _means(content)
    width = len(means[0])
    if any(sorted(mean) != list(range(width)) for mean in means):
        raise ValueError("centroids have the same number of values, one for each feature")
    rows = np.array([[mean[i] for i in range(width)] for mean in means])
    with np.errstate(over="ignore"):  # what overflows is too long
        norms = np.sqrt((rows**2).sum(axis=1))
    if norms.max() > LONGEST_MEAN:
        raise ValueError(
            f"a centroid has the norm {norms.max():.3g}: the original's rows were not divided by their norms, as it is "
            "done here, so it would answer otherwise"
        )
    if not norms.min():
        raise ValueError("a centroid is 0")
    encoder = Tabular([0.0] * width, [1.0] * width, MAX_VALUE).choose_unit(rows)
    samples = [
        max(1, min(n, int(SUM_MAX // (float(np.abs(row).max()) * encoder.unit + 1))))
        for n, row in zip(counts, rows, strict=True)
    ]
    sums = [np.rint(row * encoder.unit * n).astype(np.int64).tolist() for n, row in zip(samples, rows, strict=True)]
    empty = new_twin(encoder, family="nearest-centroid", classes=len(names))
    notes = ("rows are what another program, such as a network, makes of a picture or a text", *_fewer(counts, samples))
    twin = type(empty)(empty.parameters, sums, samples)
    return twin, encoder, names, 2 * rows, -(rows**2).sum(axis=1), notes


def _means(content: dict) -> tuple[tuple[str, ...], list[dict[int, float]], list[int]]:
    """Names of classes, their means by feature, and how many samples each is of."""
    classes = content["centroids"] if "centroids" in content else content["intents"]
    if not isinstance(classes, dict) or len(classes) < 2:
        raise ValueError("centroids are an object with two classes or more")
    counts = [_index(each["dataCount"]) for each in classes.values()]
    if not all(counts):
        raise ValueError("a centroid is of at least one sample")
    return tuple(classes), [_by_feature(each["centroid"]) for each in classes.values()], counts


def _fewer(counts: Sequence[int], samples: Sequence[int]) -> tuple[str, ...]:
    if list(counts) == list(samples):
        return ()
    shown = ", ".join(f"{n:,} for {m:,}" for m, n in zip(counts, samples, strict=True))
    return (f"means stand for fewer samples than they are of, so that they fit: {shown}",)


def _encoder(words: dict[int, str], by_feature: dict[int, float]) -> tuple[BagOfWords, list[int], tuple[str, ...]]:
    """The encoder of those words that have a feature and are ever found, and their features, in its order."""
    with_feature = [i for i in sorted(by_feature) if i in words]
    kept = [i for i in with_feature if is_word(words[i])]
    if not kept:
        raise ValueError("no word of the vocabulary has a weight")
    notes = ["words are found by the rule of this project, see docs/encoders.md"]
    lost = [words[i] for i in with_feature if i not in set(kept)]
    if lost:
        shown = ", ".join(map(repr, lost[:5])) + (f" and {len(lost) - 5:,} more" if len(lost) > 5 else "")
        notes.append(f"words that are left out, because that rule never finds them: {shown}")
    nameless = len(by_feature) - len(with_feature)
    if nameless:
        notes.append(f"{nameless:,} weights are left out, of which the vocabulary has no word")
    return BagOfWords([words[i] for i in kept]), kept, tuple(notes)


def _vocabulary(path: Path | None) -> dict[int, str]:
    """The words by their features."""
    assert path is not None
    content = _json(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a vocabulary is an object of words with their features")
    found = {_index(feature): word for word, feature in content.items()}
    if len(found) < len(content):
        raise ValueError(f"{path}: two words have the same feature")
    return found


def _by_feature(values: Any) -> dict[int, float]:
    """Numbers by feature, from a list or from an object."""
    if isinstance(values, list):
        return {i: _number(value) for i, value in enumerate(values)}
    if not isinstance(values, dict):
        raise ValueError("weights are a list or an object")
    found = {_index(int(key) if re.fullmatch("[0-9]{1,16}", key) else key): _number(v) for key, v in values.items()}
    if len(found) < len(values):
        raise ValueError("a feature is there twice")
    return found


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:40]!r} is not a finite number")
    return float(value)


def _index(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError(f"{str(value)[:40]!r} is not a whole number from 0 on")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} is not a name")
    return value


def _json(path: Path) -> Any:
    if not path.is_file():
        raise ComodelsError(f"{path}: no such file.")
    if path.stat().st_size > MAX_FILE:
        raise ComodelsError(f"{path} has more than {MAX_FILE:,} bytes.")
    try:
        return read_json(path.read_bytes())
    except ValueError as error:
        raise ComodelsError(f"{path}: not JSON ({str(error)[:100]}).") from error
