"""Sparse models beside each other, and naive Bayes with margins: on texts, and on numbers as what is above its mean."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import log
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

import encoders
from comodels.bench import markdown
from comodels.bench.accuracy import Parts, flip_rate, right_rate, with_flips
from comodels.models import choose_twin
from comodels.models.naive_bayes import MARGIN_BITS
from comodels.models.training import untrained

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
        yield family, untrained(kind, n_features, classes, None)
    for nats in NATS:
        yield f"naive-bayes, margin of {nats} nats", untrained(kind, n_features, classes, None, margin=margin_of(nats))


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
        flipped = with_flips(labels, classes, FLIPPED, seed)
        for name, empty in models(part.encoder.n_features, classes):
            true, false = empty, empty.copy()
            for x, y, given in zip(learnt, labels.tolist(), flipped.tolist(), strict=True):
                if x:
                    true.update(x, y)
                    false.update(x, given)
            rows = [x for x in tested if x], [y for x, y in zip(tested, truth.tolist(), strict=True) if x]
            right = [right_rate(each, *rows) for each in (true, false)]
            turned = flip_rate(true, *rows, classes)
            yield name, [100 * v for v in (*right, true.version / len(labels), turned)]


def table(sources: list[str], shuffles: int) -> str:
    """A Markdown table: means and standard errors."""
    rows = []
    for source in sources:
        for name, columns in markdown.by_name(measure(source, shuffles)).items():
            cells = list(map(markdown.figure, columns))
            cells[2] = f"{mean(columns[2]):.0f}"
            rows.append([f"{Path(source).stem}: {name}", *cells])
    head = ["data, model", "true labels", "30% flipped", "learnt of all", "turned by one wrong sample"]
    return markdown.table(head, rows)


if __name__ == "__main__":  # python -m comodels.bench.margins 20 sms-spam.tsv movie-review-snippets.tsv digits
    shuffles, *sources = sys.argv[1:]
    print(table(sources, int(shuffles)))
