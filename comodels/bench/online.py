"""All models beside the online learners of scikit-learn and river: the same pass, with true and with flipped labels.

Divisions and encoders are those of `comodels.bench.accuracy`. scikit-learn and river get the presence of words, or
standardised numbers, in floating point, one sample after the other, with their own defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import encoders
from comodels.bench.accuracy import Parts, entries, flip_rate, made, right_rate, with_flips
from comodels.models import families

FLIPPED = (0.0, 0.3)  # parts of the labels to learn from

Learner = Callable[[Any, np.ndarray, int], Callable[[Any], np.ndarray]]
"""From samples, labels and the number of classes to what predicts samples."""


def _scikit(make: Callable[[], Any], x: Any, y: np.ndarray, classes: int) -> Callable[[Any], np.ndarray]:
    return make().partial_fit(x, y, classes=np.arange(classes)).predict


def _river(make: Callable[[], Any], x: Any, y: np.ndarray, classes: int) -> Callable[[Any], np.ndarray]:
    from river.multiclass import OneVsRestClassifier

    model = make() if classes == 2 else OneVsRestClassifier(make())
    for row, label in zip(_dictionaries(x), y.tolist(), strict=True):
        model.learn_one(row, bool(label) if classes == 2 else label)
    return lambda rows: np.array([int(model.predict_one(row) or 0) for row in _dictionaries(rows)])


def _dictionaries(x: Any) -> Iterator[dict[int, float]]:
    """Each sample as river takes it: by feature its value, zeros left out."""
    from scipy.sparse import csr_matrix

    rows = csr_matrix(x)
    for begin, end in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
        yield dict(zip(rows.indices[begin:end].tolist(), rows.data[begin:end].tolist(), strict=True))


def learners(sparse: bool) -> dict[str, Learner]:
    """The learners of others that suit the samples, by name."""
    from river import linear_model
    from sklearn.linear_model import Perceptron, SGDClassifier
    from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB

    pa: dict[str, Any] = {"loss": "hinge", "penalty": None, "learning_rate": "pa1", "eta0": 1.0, "shuffle": False}
    scikit: dict[str, Callable[[], Any]] = {
        "scikit-learn Perceptron": partial(Perceptron, shuffle=False),
        "scikit-learn SGD, hinge": partial(SGDClassifier, shuffle=False),
        "scikit-learn SGD, logistic": partial(SGDClassifier, loss="log_loss", shuffle=False),
        "scikit-learn passive-aggressive": partial(SGDClassifier, **pa),
    }
    if sparse:
        scikit |= {"scikit-learn BernoulliNB": BernoulliNB, "scikit-learn MultinomialNB": MultinomialNB}
    else:
        scikit |= {"scikit-learn GaussianNB": GaussianNB}
    river: dict[str, Callable[[], Any]] = {
        "river passive-aggressive": partial(linear_model.PAClassifier, C=0.01, mode=1),
        "river ALMA": linear_model.ALMAClassifier,
        "river logistic": linear_model.LogisticRegression,
    }
    return {name: partial(_scikit, make) for name, make in scikit.items()} | {
        name: partial(_river, make) for name, make in river.items()
    }


def ours(data: Any) -> dict[str, Callable[[Any, int], Any]]:
    """Our models that suit the data, by name: those of `accuracy`, and every family with its defaults."""
    found = {e.name: e.make for e in entries(data)}
    sparse = isinstance(data.samples, list)
    known = {"perceptron", "levels", "nearest-centroid", "naive-bayes"}  # `accuracy` has them
    for family in families():
        if family not in known and sparse:
            found[family] = partial(made, family)
    return found


def compare(
    source: str, shuffles: int, features: int = 1_000, progress: Callable[[], Any] = lambda: None
) -> dict[str, dict[str, list[float]]]:
    """Accuracies in percent, by model and by part of labels that are flipped; one for each shuffle.

    The key "turned" has how often one wrong sample turns one of our models.
    """
    data = encoders.read_data(source)
    classes = len(data.class_names)
    sparse = isinstance(data.samples, list)
    found: dict[str, dict[str, list[float]]] = {}

    def note(name: str, what: str, value: float) -> None:
        found.setdefault(name, {}).setdefault(what, []).append(100 * value)

    for seed in range(shuffles):
        part = Parts.of(data, features, seed)
        samples, labels, floats = part.learn
        test_samples, test_labels, test_floats = part.test
        for share in FLIPPED:
            given = with_flips(labels, classes, share, seed)
            for name, make in ours(data).items():
                twin = make(part.encoder, classes)
                for x, y in zip(samples, given.tolist(), strict=True):
                    twin.update(x, y)
                note(name, f"{share:.0%}", right_rate(twin, test_samples, test_labels))
                if not share:
                    note(name, "turned", flip_rate(twin, test_samples, test_labels, classes))
            for name, learn in learners(sparse).items():
                predict = learn(floats, given, classes)
                note(name, f"{share:.0%}", float(np.mean(predict(test_floats) == test_labels)))
        progress()
    return found


def markdown(found: dict[str, dict[str, dict[str, list[float]]]]) -> str:
    """A Markdown table of what `compare` found, by data set: mean and standard error in percent."""
    from comodels.bench.markdown import figure, table

    columns = [*(f"{share:.0%}" for share in FLIPPED), "turned"]
    head = ["data, model", "shuffles", "true labels", "30% flipped", "turned by one wrong sample"]
    rows = [
        [f"{data}: {name}", str(len(values[columns[0]])), *(figure(values.get(column, [])) for column in columns)]
        for data, models in found.items()
        for name, values in models.items()
    ]
    return table(head, rows)
