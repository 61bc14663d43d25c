"""Does a learning rate that falls with the number of updates help dense perceptrons?

Published models do without: they are trained off chain with a rate eight times as high (`training.Defaults`), which
is a rate that falls once. Here is what both come to, and other head starts, over one pass of people's samples.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from math import isqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

import encoders
from comodels.bench.accuracy import Parts, flip_rate
from comodels.models import choose_twin
from comodels.models.training import DEFAULTS, default_values, prepare, train
from comodels.revert import Revert

ENDS = (4, 16, 35, 69, 135, 295, 878)  # updates up to which the rate is 8, 7, …, 2; from then on it is 1
HEAD_STARTS = (1, 4, DEFAULTS.dense_head_start, 16)
OWNED = (0, 50, 0.5)  # rows of the owner's, on which the model is trained before: a number, or a part of all
FLIPPED = 0.3


class Falling:
    """A dense perceptron whose rate, bias rate and margin fall with its updates."""

    def __init__(self, twin: Any, updates: int = 0):
        self.twin = twin
        self.last = twin.parameters  # with the rate 1
        self.updates = updates
        self.predict = twin.predict

    def update(self, x: bytes, y: int) -> int:
        """Learn at the rate of now; what would leave the range of the weights is left out."""
        rate = len(ENDS) + 1 - bisect_left(ENDS, self.updates)
        margin = self.last.margin * isqrt(8 * rate)
        bias_rate = min(rate * self.last.bias_rate, 2**16 - 1)
        self.twin.parameters = replace(self.last, rate=rate, bias_rate=bias_rate, margin=margin)
        try:
            effect = self.twin.update(x, y)
        except Revert:
            effect = 0
        self.twin.parameters = self.last
        self.updates += effect > 0
        return effect

    def copy(self) -> Falling:
        return Falling(self.twin.copy(), self.updates)


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
        values = default_values(kind.PARAMETERS, part.encoder.n_features, classes, part.encoder.unit)
        parameters = kind.PARAMETERS(**values)
        for owned in OWNED:
            own = int(owned * len(labels)) if owned < 1 else int(owned)
            known, true_labels = samples[:own], labels[:own].tolist()
            made: dict[str, Any] = {
                "falling": train(Falling(kind.untrained(parameters, classes)), known, true_labels, DEFAULTS.epochs)
            }
            for factor in HEAD_STARTS if own else (1,):
                name = f"head start {factor}" if own else "constant"
                made[name] = prepare(kind.untrained(parameters, classes), known, true_labels, head_start=factor)
            for name, model in made.items():
                true, false = model.copy(), model.copy()
                for x, y, given in zip(samples[own:], labels[own:].tolist(), flipped[own:].tolist(), strict=True):
                    true.update(x, y)
                    false.update(x, given)
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
