"""From a fitted scikit-learn pipeline to a model that is ready to be published, and back.

A pipeline is what turns samples into features, and a classifier. What fits:

=================================  =====================================================================
features                           ``CountVectorizer(binary=True)`` of single words; ``StandardScaler``,
                                   ``Normalizer`` or one after the other; `Samples`, of any encoder
linear, to a perceptron            ``LogisticRegression``, ``SGDClassifier``, ``Perceptron``,
                                   ``LinearSVC``, and on words ``BernoulliNB``
counts, to naive Bayes             ``MultinomialNB`` on words
means, to a nearest centroid       ``NearestCentroid``
=================================  =====================================================================

Weights become integers, words are found by `encoders.words`, and rows of numbers have norm 1: the model need not answer
as the original does. `Converted.compare` measures how often it does, on samples that the original has not learnt.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, MultinomialNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC

from comodels.ancestor import Agreement
from comodels.errors import ComodelsError
from comodels.models.naive_bayes import ALPHA_BITS
from comodels.models.training import DEFAULTS
from comodels.revert import Revert
from comodels.saved import SavedModel, encoder_from_content, new_twin
from encoders import BagOfWords, EncoderError, Tabular, wire
from encoders.files import read_json
from encoders.quantise import MAX_VALUE
from encoders.text import is_word
from encoders.words import words_of

LARGEST = 2**13 - 1
"""What the largest weight becomes: a quarter of what a model can hold, so that it can learn on."""

RATE = LARGEST // 100
"""By how much a word's weight then moves: a hundredth of the largest."""

SAMPLES = 1_000
"""How many samples a mean of ``NearestCentroid``, which does not keep their number, is taken to stand for."""

LINEAR = (LogisticRegression, SGDClassifier, Perceptron, LinearSVC)
FITS = (
    f"What does: {', '.join(c.__name__ for c in (*LINEAR, BernoulliNB, MultinomialNB, NearestCentroid))}; the "
    "naive Bayes ones on words only. Models with kernels, trees or layers are too large to run in a contract."
)
MAX_UNPACKED = 2**29
"""Bytes of a file of skops, unpacked."""

TRUSTED = ("comodels.scikit_learn.Samples", "encoders.words.words_of")


class Samples(TransformerMixin, BaseEstimator):
    """The first step of a pipeline: samples as a model on chain has them, by any encoder.

    Parameters
    ----------
    content : dict
        The content of the encoder's file: its spec, and what was fitted.

    Examples
    --------
    >>> from encoders import HashedWords
    >>> Samples.of(HashedWords(8)).transform(["a fine film"]).toarray()
    array([[0, 0, 1, 0, 0, 0, 0, 1]])
    """

    def __init__(self, content: dict) -> None:
        self.content = content

    @classmethod
    def of(cls, encoder: Any) -> Samples:
        """The step for an encoder."""
        return cls({"spec": encoder.spec, "fitted": encoder.fitted})

    def fit(self, X: Any, y: Any = None) -> Samples:
        """Nothing is fitted here."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Sequence[Any]) -> Any:
        """The integers that a model computes with.

        Returns
        -------
        csr_matrix or ndarray of int64, shape (n_samples, n_features)
            Sparse for words, where a text without any that is known is a row of zeros.

        Raises
        ------
        encoders.SampleError
            If a row of numbers or a picture cannot be encoded.
        """
        encoder = encoder_from_content(self.content)
        if encoder.unit is not None:
            return wire.unpack_dense_many(encoder.encode_many(X), encoder.n_features, encoder.unit)
        from scipy.sparse import csr_matrix

        rows = [
            wire.unpack_sparse(x, encoder.n_features) if isinstance(x, bytes) else np.zeros(0, np.int64)
            for x in encoder.encode_each(X)
        ]
        indptr = np.cumsum([0, *map(len, rows)])
        return csr_matrix(
            (np.ones(indptr[-1], np.int64), np.concatenate(rows), indptr), (len(rows), encoder.n_features)
        )


# ---- from scikit-learn -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Converted:
    """A pipeline as a model.

    Attributes
    ----------
    pipeline : Pipeline
        The original.
    notes : tuple of str
        Where the model is not quite the original.
    """

    pipeline: Pipeline
    model: SavedModel
    notes: tuple[str, ...]

    def compare(self, samples: Sequence[Any], labels: Sequence[int]) -> Agreement:
        """Ask both, about samples that the original has not learnt.

        Parameters
        ----------
        samples : sequence
            As the pipeline takes them.
        labels : sequence of int
            Indices of their classes.

        Raises
        ------
        ComodelsError
            If none can be encoded.
        """
        classes = self.pipeline[-1].classes_.tolist()

        def answers(kept: list[int]) -> list[int]:
            return [classes.index(y) for y in self.pipeline.predict([samples[i] for i in kept]).tolist()]

        return Agreement.of(self.model, samples, labels, answers)

    def lines(self, agreement: Agreement) -> list[str]:
        """What a person should know before paying, a line for each fact."""
        return [
            f"original  {', '.join(type(step).__name__ for _, step in self.pipeline.steps)}",
            f"model     {self.model.kind}, classes {', '.join(self.model.class_names)}",
            *(f"note      {note}" for note in self.notes),
            *agreement.lines("held-out samples"),
        ]


def from_sklearn(
    pipeline: Pipeline,
    name: str,
    description: str = "",
    class_names: Sequence[str] | None = None,
    examples: Sequence[Any] = (),
    rate: int | None = None,
    room: int | None = None,
) -> Converted:
    """A fitted pipeline as a model that is ready to be published.

    Parameters
    ----------
    class_names : sequence of str, optional
        In the order of the classifier's ``classes_``; by default those.
    examples : sequence, optional
        Rows of numbers by which the resolution of a scaler's samples is chosen.
    rate : int, optional
        By how much weights move when the model learns; by default a hundredth of the largest.
    room : int, optional
        The most classes that it can ever have; by default those that it has.

    Raises
    ------
    ComodelsError
        If it does not fit; the message says what does not, and what would.
    """
    steps = [step for _, step in pipeline.steps if step != "passthrough"] if isinstance(pipeline, Pipeline) else []
    if len(steps) < 2:
        raise ComodelsError(
            f"A {type(pipeline).__name__} alone does not say what its features are: give a Pipeline of what makes them "
            "and the classifier."
        )
    *before, classifier = steps
    if not hasattr(classifier, "classes_"):
        raise ComodelsError(f"The {type(classifier).__name__} is not fitted: call fit first.")
    names = tuple(map(str, classifier.classes_.tolist() if class_names is None else class_names))
    if len(names) != len(classifier.classes_):
        raise ComodelsError(f"There are {len(classifier.classes_)} classes, and {len(names)} names for them.")
    try:
        encoder, columns, norm, notes = _encoder_of(before, examples)
        twin = _twin_of(classifier, encoder, columns, norm, rate, room)
    except (EncoderError, Revert, ValueError) as error:
        raise ComodelsError(f"The pipeline does not fit a model on chain: {error}.") from error
    model = SavedModel.of(twin, encoder, name, description, names)
    _ = model.card  # refuses texts that are too long
    return Converted(pipeline, model, notes)


def load_skops(path: Path) -> Pipeline:
    """A pipeline from a file of skops, which unlike a pickle runs nothing of what is in it.

    Raises
    ------
    ComodelsError
        If it is none, has anything but parts of scikit-learn, NumPy, SciPy and this library, or skops is not installed.
    """
    skops = _skops()
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > MAX_UNPACKED:
                raise ComodelsError(f"{path} has {size:,} bytes unpacked; at most {MAX_UNPACKED:,} are read.")
            read_json(archive.read("schema.json"), max_depth=200, max_lists=10_000_000)  # some for each word
        strange = sorted(set(skops.get_untrusted_types(file=path)) - set(TRUSTED))
        if strange:
            raise ComodelsError(
                f"{path} has parts that are not trusted, and is not loaded: {', '.join(strange)}. {FITS}"
            )
        return skops.load(path, trusted=list(TRUSTED))
    except ComodelsError:
        raise
    except Exception as error:  # whatever a broken archive leads to
        raise ComodelsError(f"{path}: not a file of skops ({error}).") from error


def save_skops(pipeline: Pipeline, path: Path) -> None:
    """Write a pipeline as `load_skops` reads it. Raises `ComodelsError` if skops is not installed."""
    _skops().dump(pipeline, path)


def save_onnx(pipeline: Pipeline, path: Path) -> None:
    """Write what `to_sklearn` gives as ONNX, for programs in other languages.

    The input ``features`` is what `Samples` makes: float32, shape (n_samples, n_features), 1 where a word is present
    and 0 elsewhere, or the integers of a row of numbers. ``label`` is the name of the class. ONNX computes in single
    precision, so that what is nearly equal may fall to the other side.

    Raises
    ------
    ComodelsError
        If skl2onnx is not installed.
    """
    try:
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType
    except ImportError as error:
        raise ComodelsError("ONNX needs skl2onnx: pip install 'comodels[onnx]'.") from error
    classifier = pipeline[-1]
    if isinstance(classifier, NearestCentroid):
        classifier = _linear(classifier)
    shape = [None, classifier.n_features_in_]
    options = {id(classifier): {"zipmap": False}}
    model = to_onnx(classifier, initial_types=[("features", FloatTensorType(shape))], options=options)
    path.write_bytes(model.SerializeToString())


def _linear(nearest: NearestCentroid) -> Perceptron:
    """The linear classifier that takes the same centroid: the least |x - c|² has the most 2 c·x - |c|².

    ONNX has no nearest centroid.
    """
    means = nearest.centroids_
    return _linear_classifier(2 * means, -(means**2).sum(axis=1), nearest.classes_)


def _linear_classifier(weights: np.ndarray, biases: np.ndarray, class_names: Any) -> Perceptron:
    """A classifier that takes the class of the largest score, the first of equals.

    scikit-learn has one row of weights for two classes.
    """
    if len(weights) == 2:
        weights, biases = weights[1:] - weights[:1], biases[1:] - biases[:1]
    classifier = Perceptron()
    classifier.coef_, classifier.intercept_ = weights, biases
    classifier.classes_ = np.array(list(class_names))
    classifier.n_features_in_ = weights.shape[1]
    return classifier


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise ComodelsError("Files of pipelines need skops: pip install 'comodels[sklearn]'.") from error
    return skops.io


def _encoder_of(before: Sequence[Any], examples: Sequence[Any]) -> tuple[Any, Any, float, tuple[str, ...]]:
    """The encoder of the steps before the classifier.

    Returns
    -------
    encoder : encoders.Encoder
    columns : ndarray of int64, shape (n_features,)
        The column of the pipeline's features for each feature of the encoder.
    norm : float
        What a sample of the encoder has to be multiplied by to be as long as the pipeline's are; for words 1.
    notes : tuple of str
    """
    first = before[0]
    if isinstance(first, Samples) and len(before) == 1:
        encoder = encoder_from_content(first.content)
        return encoder, np.arange(encoder.n_features), float(encoder.unit or 1), ()
    if isinstance(first, HashingVectorizer):
        raise ComodelsError(
            "HashingVectorizer folds negative hashes, so that words share other buckets than on chain: train on "
            "comodels.scikit_learn.Samples.of(encoders.HashedWords(4096)) in its place."
        )
    if type(first) is CountVectorizer and len(before) == 1:
        return *_vocabulary(first), 1.0, _word_notes(first)
    if isinstance(before[-1], Normalizer) and before[-1].norm != "l2":
        raise ComodelsError(f"A Normalizer with norm={before[-1].norm!r} does not fit: samples have an l2 norm of 1.")
    kinds = [type(step) for step in before]
    if kinds in ([StandardScaler], [StandardScaler, Normalizer], [Normalizer]):
        n_features = first.n_features_in_
        mean: Any = getattr(first, "mean_", None)
        scale: Any = getattr(first, "scale_", None)
        mean = [0.0] * n_features if mean is None else mean  # a scaler can leave out either step
        scale = [1.0] * n_features if scale is None else scale
        encoder = Tabular(mean, scale, MAX_VALUE)
        if len(examples):
            encoder.choose_unit(examples)
        if kinds[-1] is Normalizer:
            return encoder, np.arange(n_features), 1.0, ()
        note = (
            "rows are divided by their norms on chain, but not in the pipeline: with a Normalizer behind the scaler, "
            "and fitted again, both do the same"
        )
        return encoder, np.arange(n_features), float(np.sqrt(n_features)), (note,)
    what = " and ".join(kind.__name__ for kind in kinds)
    raise ComodelsError(
        f"Features by {what} do not fit: samples on chain are the presence of words (CountVectorizer with binary=True) "
        "or directions (StandardScaler, Normalizer). Weights of words, as by TF-IDF, have no place there."
    )


def _vocabulary(vectorizer: CountVectorizer) -> tuple[BagOfWords, np.ndarray]:
    """The encoder with those words of a vectorizer that it can find, and their columns."""
    wanted = {
        "binary": (vectorizer.binary, True),
        "ngram_range": (tuple(vectorizer.ngram_range), (1, 1)),
        "lowercase": (vectorizer.lowercase, True),
        "strip_accents": (vectorizer.strip_accents, None),
        "preprocessor": (vectorizer.preprocessor, None),
        "tokenizer": (vectorizer.tokenizer, None),
        "analyzer": (vectorizer.analyzer, words_of if vectorizer.analyzer is words_of else "word"),
    }
    for option, (value, fitting) in wanted.items():
        if value != fitting:
            raise ComodelsError(
                f"A CountVectorizer with {option}={value!r} does not fit, because texts are encoded by the presence of "
                f"single words: fit the pipeline with {option}={fitting!r}."
            )
    words = vectorizer.get_feature_names_out().tolist()
    known = [i for i, word in enumerate(words) if is_word(word)]
    return BagOfWords([words[i] for i in known]), np.array(known)


def _word_notes(vectorizer: CountVectorizer) -> tuple[str, ...]:
    """What a vectorizer does otherwise than the encoder."""
    if vectorizer.analyzer is words_of:
        return ()
    lost = [word for word in vectorizer.get_feature_names_out().tolist() if not is_word(word)]
    notes = ["words are found by another rule on chain; CountVectorizer(analyzer=encoders.words.words_of) has the same"]
    if lost:
        shown = ", ".join(lost[:5]) + (f" and {len(lost) - 5:,} more" if len(lost) > 5 else "")
        notes.append(f"words that are left out, because that rule never finds them: {shown}")
    return tuple(notes)


def _twin_of(classifier: Any, encoder: Any, columns: Any, norm: float, rate: int | None, room: int | None) -> Any:
    """The model of a classifier; arguments as `_encoder_of` returns them."""
    kind = type(classifier)
    classes = len(classifier.classes_)
    given: dict[str, Any] = {"classes": classes, "room": room}
    if kind in LINEAR:
        weights, biases = classifier.coef_[:, columns] * norm, np.asarray(classifier.intercept_, float)
        if len(weights) == 1:
            weights, biases = np.array([-1, 1])[:, None] * weights / 2, np.array([-1, 1]) * biases / 2
        return _perceptron(encoder, weights, np.broadcast_to(biases, classes), rate, given)
    if kind is BernoulliNB and encoder.unit is None:
        absent = np.log1p(-np.exp(classifier.feature_log_prob_[:, columns]))
        weights = classifier.feature_log_prob_[:, columns] - absent
        biases = classifier.class_log_prior_ + absent.sum(axis=1)
        return _perceptron(encoder, weights - weights.mean(axis=0), biases - biases.mean(), rate, given)
    if kind is MultinomialNB and encoder.unit is None:
        counts, samples = classifier.feature_count_[:, columns], classifier.class_count_
        if not (np.equal(np.mod(counts, 1), 0).all() and np.equal(np.mod(samples, 1), 0).all()):
            raise ComodelsError("The MultinomialNB has fractions of words: fit it without sample weights or TF-IDF.")
        if not classifier.fit_prior or classifier.class_prior is not None or np.ndim(classifier.alpha):
            raise ComodelsError(
                "A MultinomialNB fits with fit_prior=True, no class_prior, and one alpha for all words."
            )
        empty = new_twin(encoder, family="naive-bayes", **given)
        alpha = max(1, round(classifier.alpha * 2**ALPHA_BITS))
        parameters = replace(empty.parameters, alpha=alpha)
        return type(empty)(parameters, counts.astype(np.int64).tolist(), samples.astype(np.int64).tolist())
    if kind is NearestCentroid:
        return _centroids(classifier, encoder, columns, norm, given)
    features = "words" if encoder.unit is None else "numbers"
    raise ComodelsError(f"A {kind.__name__} on {features} does not fit. {FITS}")


def _perceptron(encoder: Any, weights: Any, biases: Any, rate: int | None, given: dict[str, Any]) -> Any:
    """A perceptron with weights of shape (classes, n_features) and biases of shape (classes,), as integers."""
    sparse = encoder.unit is None
    if rate is None:
        rate = RATE if sparse else DEFAULTS.rate
    kind: dict[str, Any] = {"bias_rate": rate, "margin": rate * DEFAULTS.margin} if sparse else {}
    twin = new_twin(encoder, rate, **kind, **given)
    two = not hasattr(twin.parameters, "room")
    if two:
        weights, biases = weights[1:] - weights[:1], biases[1:] - biases[:1]
    bounded = np.append(weights, biases) if sparse and not two else weights
    largest = float(np.abs(bounded).max())
    if not (np.isfinite(largest) and np.isfinite(biases).all() and largest > 0):
        raise ComodelsError("The classifier's weights are all 0, or not finite: it has learnt nothing.")
    factor = LARGEST / largest
    whole = np.rint(weights * factor).astype(np.int64)
    shifts = [round(float(b) * factor) for b in biases]
    if two:
        return type(twin)(twin.parameters, whole[0].tolist(), shifts[0])
    if sparse:
        return type(twin)(twin.parameters, [[b, *row] for b, row in zip(shifts, whole.tolist(), strict=True)])
    return type(twin)(twin.parameters, whole, shifts)


def _centroids(classifier: NearestCentroid, encoder: Any, columns: Any, norm: float, given: dict[str, Any]) -> Any:
    """A nearest centroid whose means stand for `SAMPLES` samples each."""
    if classifier.metric != "euclidean":
        raise ComodelsError(f"A NearestCentroid with metric={classifier.metric!r} does not fit: use 'euclidean'.")
    if not np.allclose(classifier.class_prior_, 1 / len(classifier.classes_)):
        raise ComodelsError("A NearestCentroid with priors does not fit: use priors='uniform'.")
    means = classifier.centroids_[:, columns]
    if encoder.unit is not None:
        if norm not in (1.0, float(encoder.unit)):
            raise ComodelsError("A NearestCentroid of numbers needs a Normalizer before it: rows have norm 1 on chain.")
        means = means * (encoder.unit / norm)
    sums = np.rint(means * SAMPLES).astype(np.int64)
    empty = new_twin(encoder, family="nearest-centroid", **given)
    return type(empty)(empty.parameters, sums.tolist(), [SAMPLES] * len(sums))


# ---- to scikit-learn -------------------------------------------------------------------------------------------------


def to_sklearn(twin: Any, encoder: Any, class_names: Sequence[str]) -> Pipeline:
    """A model, in its present state, as a pipeline that predicts the names of classes from samples.

    Parameters
    ----------
    twin : twin of a model
        As `comodels.models.twin_of` gives them, for example ``SavedModel.twin()``.
    encoder : encoders.Encoder

    Returns
    -------
    Pipeline
        `Samples` and a ``Perceptron``, ``NearestCentroid`` or ``MultinomialNB``. A perceptron answers exactly as the
        contract; the others compute in floating point, so that what is nearly equal may fall to the other side.

    Raises
    ------
    ComodelsError
        If it has classes that were added, or without samples: scikit-learn has no rule for them.
    """
    if getattr(twin, "founders", 0):
        raise ComodelsError("Classes were added to this model, and what counts of them has no equal in scikit-learn.")
    to = {"nearest-centroid": _to_centroid, "naive-bayes": _to_bayes}
    family = to.get(twin.FAMILY, _to_perceptron)
    classifier = family(twin)
    classifier.classes_ = np.array(list(class_names))
    classifier.n_features_in_ = encoder.n_features
    return Pipeline([("samples", Samples.of(encoder)), ("classifier", classifier)])


def _to_perceptron(twin: Any) -> Perceptron:
    unit = getattr(twin.parameters, "unit", 1)
    if hasattr(twin, "rows"):
        rows = np.array(twin.rows, float)
        weights, biases = rows[:, 1:], rows[:, 0]
    else:
        weights = np.atleast_2d(np.array(twin.weights, float))
        biases = np.array(getattr(twin, "biases", None) or [twin.bias], float)
    return _linear_classifier(weights, biases * unit, ())


def _to_centroid(twin: Any) -> NearestCentroid:
    sparse = twin.SPARSE
    sums, counts = (twin.counts, twin.samples) if sparse else (twin.sums, twin.counts)
    _check_samples(counts)
    classifier = NearestCentroid()
    classifier.centroids_ = np.array(sums, float) / np.array(counts, float)[:, None]
    classifier.class_prior_ = np.full(len(counts), 1 / len(counts))
    return classifier


def _to_bayes(twin: Any) -> MultinomialNB:
    _check_samples(twin.samples)
    alpha = twin.parameters.alpha / 2**ALPHA_BITS
    classifier = MultinomialNB(alpha=alpha)
    counts, samples = np.array(twin.counts, float), np.array(twin.samples, float)
    totals = np.array(twin.figures, float)[:, None] + alpha * twin.parameters.n_features
    classifier.feature_count_, classifier.class_count_ = counts, samples
    classifier.feature_log_prob_ = np.log(counts + alpha) - np.log(totals)
    classifier.class_log_prior_ = np.log(samples) - np.log(samples.sum())
    return classifier


def _check_samples(counts: Sequence[int]) -> None:
    if not all(counts):
        raise ComodelsError("A class of this model has no samples yet, so scikit-learn cannot predict with it.")
