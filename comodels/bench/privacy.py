"""What privacy costs: accuracy of models that learn private samples, or randomised labels, on exact test rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

import encoders
from comodels.bench.accuracy import Parts
from comodels.models import choose_twin
from comodels.models.training import default_values

EPSILONS = (None, 8, 4, 2, 1)  # None: exact
FAMILIES = ("perceptron", "naive-bayes")  # that learn texts with randomised labels


def twins(encoder: Any, classes: int) -> dict[str, Any]:
    """Untrained models by what is private: samples of numbers, or the labels of texts."""
    sparse = encoder.unit is None
    made = {}
    for family in FAMILIES if sparse else ("nearest-centroid",):
        kind = choose_twin(family, sparse, classes)
        values = default_values(kind.PARAMETERS, encoder.n_features, classes, encoder.unit)
        made[f"labels, {family}" if sparse else "samples"] = kind.untrained(kind.PARAMETERS(**values), classes)
    return made


def measure(source: str, shuffles: int, features: int = 1_000) -> Iterator[tuple[str, float | None, float]]:
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
                right = [twin.predict(x) == y for x, y in zip(*part.test[:2], strict=True)]
                yield what, epsilon, 100 * float(np.mean(right))


def table(sources: list[str], shuffles: int) -> str:
    """A Markdown table: means and standard errors."""
    from comodels.bench.markdown import table as markdown

    rows = []
    for source in sources:
        found: dict[str, dict[float | None, list[float]]] = {}
        for what, epsilon, accuracy in measure(source, shuffles):
            found.setdefault(what, {}).setdefault(epsilon, []).append(accuracy)
        for what, values in found.items():
            cells = [f"{mean(v):.1f} ± {stdev(v) / len(v) ** 0.5:.1f}" for v in values.values()]
            rows.append([f"{Path(source).stem}: {what}", *cells])
    return markdown(["data: what is private", *("exact" if e is None else f"ε = {e}" for e in EPSILONS)], rows)


if __name__ == "__main__":  # python -m comodels.bench.privacy 20 breast_cancer wine digits sms-spam.tsv
    shuffles, *sources = sys.argv[1:]
    print(table(sources, int(shuffles)))
