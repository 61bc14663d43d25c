"""Sparse models beside each other, and naive Bayes with margins: on texts, and on numbers as what is above its mean."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import log
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

import encoders
from comodels.bench.accuracy import Parts, flip_rate
from comodels.models import choose_twin
from comodels.models.naive_bayes import MARGIN_BITS
from comodels.models.training import default_values

FAMILIES = ("perceptron", "levels", "naive-bayes")
NATS = (3, 5, 8)
FLIPPED = 0.3


def margin_of(nats: float) -> int:
    """Naive Bayes' parameter for a margin in nats: one class is e^nats times as probable as the next."""
    return round(nats / log(2) * 2**MARGIN_BITS)


def models(n_features: int, classes: int) -> Iterator[tuple[str, Any]]:
    """Untrained twins by name."""
    for family in FAMILIES:
        kind = choose_twin(family, True, classes)
        values = default_values(kind.PARAMETERS, n_features, classes, None)
        yield family, kind.untrained(kind.PARAMETERS(**values), classes)
    for nats in NATS:
        parameters = kind.PARAMETERS(**values, margin=margin_of(nats))
        yield f"naive-bayes, margin of {nats} nats", kind.untrained(parameters, classes)


def sparse(part: tuple[list[bytes], np.ndarray, Any], encoder: Any) -> list[bytes]:
    """The samples of a division; of numbers the features that are above the mean of what is learnt from."""
    samples, _, standardised = part
    if encoder.unit is None:
        return samples
    return [np.flatnonzero(row > 0).astype(">u2").tobytes() for row in standardised]


def measure(source: str, shuffles: int, features: int = 1_000) -> Iterator[tuple[str, list[float]]]:
    """For each division and model: accuracy, accuracy with flipped labels, part that was learnt, turned; in percent."""
    data = encoders.read_data(source)
    classes = len(data.class_names)
    for seed in range(shuffles):
        part = Parts.of(data, features, seed)
        learnt, tested = (sparse(each, part.encoder) for each in (part.learn, part.test))
        labels, truth = part.learn[1], part.test[1]
        rng = np.random.default_rng([seed, 30])
        wrong = (labels + rng.integers(1, classes, len(labels))) % classes
        flipped = np.where(rng.random(len(labels)) < FLIPPED, wrong, labels)
        for name, empty in models(part.encoder.n_features, classes):
            true, false = empty, empty.copy()
            for x, y, given in zip(learnt, labels.tolist(), flipped.tolist(), strict=True):
                if x:
                    true.update(x, y)
                    false.update(x, given)
            rows = [(x, y) for x, y in zip(tested, truth.tolist(), strict=True) if x]
            right = [np.mean([each.predict(x) == y for x, y in rows]) for each in (true, false)]
            turned = flip_rate(true, [x for x, _ in rows], [y for _, y in rows], classes)
            yield name, [100 * float(v) for v in (*right, true.version / len(labels), turned)]


def table(sources: list[str], shuffles: int) -> str:
    """A Markdown table: means and standard errors."""
    from comodels.bench.markdown import table as markdown

    rows = []
    for source in sources:
        found: dict[str, list[list[float]]] = {}
        for name, figures in measure(source, shuffles):
            found.setdefault(name, []).append(figures)
        for name, values in found.items():
            columns = list(zip(*values, strict=True))
            cells = [f"{mean(v):.1f} ± {stdev(v) / len(v) ** 0.5:.1f}" for v in columns]
            cells[2] = f"{mean(columns[2]):.0f}"
            rows.append([f"{Path(source).stem}: {name}", *cells])
    return markdown(["data, model", "true labels", "30% flipped", "learnt of all", "turned by one wrong sample"], rows)


if __name__ == "__main__":  # python -m comodels.bench.margins 20 sms-spam.tsv movie-review-snippets.tsv digits
    shuffles, *sources = sys.argv[1:]
    print(table(sources, int(shuffles)))
