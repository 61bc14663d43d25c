"""Does a learning rate that falls with the number of updates help dense perceptrons?

A model that is trained off chain moves eight times as far there as on chain (`training.Defaults`), which is a rate that
falls once. Here is what both come to, and other head starts, over one pass of people's samples.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

import encoders
from comodels.bench.accuracy import Parts, flip_rate
from comodels.models import choose_twin
from comodels.models.falling import MAX_FALL
from comodels.models.training import DEFAULTS, default_values, prepare
from comodels.revert import Revert

FALLS = range(1, MAX_FALL + 1)
HEAD_STARTS = (1, 4, DEFAULTS.dense_head_start, 16)
OWNED = (0, 50, 0.5)  # rows of the owner's, on which the model is trained before: a number, or a part of all
FLIPPED = 0.3


def published(
    kind: Any, n_features: int, unit: int, classes: int, samples: list[bytes], labels: list[int]
) -> Iterator[tuple[str, Any]]:
    """Models that their owner has trained on these samples, or on none: with rates that fall, and with head starts."""

    def untrained(fall: int, **other: int) -> Any:
        values = default_values(kind.PARAMETERS, n_features, classes, unit, fall=fall)
        return kind.untrained(kind.PARAMETERS(**values | other), classes)

    for fall in FALLS:
        yield f"fall {fall}", prepare(untrained(fall), samples, labels)
    if not samples:
        yield "constant", untrained(0)
        yield "constant, margin of those that fall", untrained(0, margin=untrained(1).parameters.margin)
        return
    for factor in HEAD_STARTS:
        yield f"head start {factor}", prepare(untrained(0), samples, labels, head_start=factor)


def learn(twin: Any, samples: list[bytes], labels: list[int]) -> Any:
    """Let a model learn samples one by one; what would leave the range of its weights is left out, as on chain."""
    for x, y in zip(samples, labels, strict=True):
        try:
            twin.update(x, y)
        except Revert:
            continue
    return twin


def measure(source: str, shuffles: int) -> Iterator[tuple[int, str, float, float, float]]:
    """For each division, number of the owner's rows and rate: accuracy, with flipped labels, and turned, in percent."""
    data = encoders.read_data(source)
    classes = len(data.class_names)
    for seed in range(shuffles):
        part = Parts.of(data, 0, seed)
        samples, labels, _ = part.learn
        rng = np.random.default_rng([seed, 30])
        wrong = (labels + rng.integers(1, classes, len(labels))) % classes
        flipped = np.where(rng.random(len(labels)) < FLIPPED, wrong, labels)
        kind = choose_twin("perceptron", False, classes)
        form = part.encoder.n_features, part.encoder.unit, classes
        for owned in OWNED:
            own = int(owned * len(labels)) if owned < 1 else int(owned)
            for name, model in published(kind, *form, samples[:own], labels[:own].tolist()):
                true = learn(model.copy(), samples[own:], labels[own:].tolist())
                false = learn(model.copy(), samples[own:], flipped[own:].tolist())
                right = [
                    float(np.mean([each.predict(x) == y for x, y in zip(*part.test[:2], strict=True)]))
                    for each in (true, false)
                ]
                turned = flip_rate(true, *part.test[:2], classes)
                yield own, name, 100 * right[0], 100 * right[1], 100 * turned


def table(sources: list[str], shuffles: int) -> str:
    """A Markdown table: means and standard errors."""
    from comodels.bench.markdown import table as markdown

    rows = []
    for source in sources:
        found: dict[tuple[int, str], list[tuple[float, ...]]] = {}
        for own, name, *figures in measure(source, shuffles):
            found.setdefault((own, name), []).append(tuple(figures))
        for (own, name), values in found.items():
            cells = [f"{mean(v):.1f} ± {stdev(v) / len(v) ** 0.5:.1f}" for v in zip(*values, strict=True)]
            rows.append([Path(source).stem, str(own), name, *cells])
    head = ["data", "the owner's rows", "rate", "true labels", "30% flipped", "turned by one wrong sample"]
    return markdown(head, rows)


if __name__ == "__main__":  # python -m comodels.bench.falling 20 breast_cancer wine digits
    shuffles, *sources = sys.argv[1:]
    print(table(sources, int(shuffles)))
