"""What privacy costs: accuracy of models that learn private samples, or randomised labels, on exact test rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import encoders
from comodels.bench import markdown
from comodels.bench.accuracy import Parts, made, right_rate

EPSILONS = (None, 8, 4, 2, 1)  # None: exact
FAMILIES = ("perceptron", "naive-bayes")  # that learn texts with randomised labels


def twins(encoder: Any, classes: int) -> dict[str, Any]:
    """Untrained models by what is private: samples of numbers, or the labels of texts."""
    sparse = encoder.unit is None
    found = {}
    for family in FAMILIES if sparse else ("nearest-centroid",):
        found[f"labels, {family}" if sparse else "samples"] = made(family, encoder, classes)
    return found


def measure(source: str, shuffles: int, features: int = 1_000) -> Iterator[tuple[tuple, list[float]]]:
    """What is private, ε, and the accuracy in percent, for each division.

    The noise comes from the operating system, so no two runs are the same.
    """
    data = encoders.read_data(source)
    numbers: Any = data.samples
    classes = len(data.class_names)
    for seed in range(shuffles):
        part = Parts.of(data, features, seed)
        samples, labels, _ = part.learn
        order = np.random.default_rng(seed).permutation(len(data.labels))
        rows = order[len(order) // 5 :]
        for epsilon in EPSILONS:
            for what, twin in twins(part.encoder, classes).items():
                given, said = samples, labels.tolist()
                if epsilon is not None and what == "samples":
                    positions, given = encoders.Private(part.encoder, epsilon).encode_valid(numbers[rows])
                    said = data.labels[rows][positions].tolist()
                elif epsilon is not None:
                    said = [encoders.randomised_label(y, classes, epsilon) for y in said]
                for x, y in zip(given, said, strict=True):
                    twin.update(x, y)
                yield (what, epsilon), [100 * right_rate(twin, *part.test[:2])]


def table(sources: list[str], shuffles: int) -> str:
    """A Markdown table: means and standard errors."""
    rows: dict[str, list[str]] = {}
    for source in sources:
        for (what, _), (accuracies,) in markdown.by_name(measure(source, shuffles)).items():
            name = f"{Path(source).stem}: {what}"
            rows.setdefault(name, [name]).append(markdown.figure(accuracies))
    head = ["data: what is private", *("exact" if e is None else f"ε = {e}" for e in EPSILONS)]
    return markdown.table(head, list(rows.values()))


if __name__ == "__main__":  # python -m comodels.bench.privacy 20 breast_cancer wine digits sms-spam.tsv
    shuffles, *sources = sys.argv[1:]
    print(table(sources, int(shuffles)))
