"""Does a learning rate that falls with the number of updates help dense perceptrons?

A model that is trained off chain moves eight times as far there as on chain (`training.Defaults`), which is a rate that
falls once. Here is what both come to, and other head starts, over one pass of people's samples.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import encoders
from comodels.bench import markdown
from comodels.bench.accuracy import Parts, flip_rate, right_rate, with_flips
from comodels.models import choose_twin
from comodels.models import training as models
from comodels.models.falling import MAX_FALL
from comodels.models.training import DEFAULTS, prepare
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
        return models.untrained(kind, n_features, classes, unit, fall=fall, **other)

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


def measure(source: str, shuffles: int) -> Iterator[tuple[tuple[int, str], list[float]]]:
    """For each division, number of the owner's rows and rate: accuracy, with flipped labels, and turned, in percent."""
    data = encoders.read_data(source)
    classes = len(data.class_names)
    for seed in range(shuffles):
        part = Parts.of(data, 0, seed)
        samples, labels, _ = part.learn
        flipped = with_flips(labels, classes, FLIPPED, seed)
        kind = choose_twin("perceptron", False, classes)
        form = part.encoder.n_features, part.encoder.unit, classes
        for owned in OWNED:
            own = int(owned * len(labels)) if owned < 1 else int(owned)
            for name, model in published(kind, *form, samples[:own], labels[:own].tolist()):
                true = learn(model.copy(), samples[own:], labels[own:].tolist())
                false = learn(model.copy(), samples[own:], flipped[own:].tolist())
                right = [right_rate(each, *part.test[:2]) for each in (true, false)]
                yield (own, name), [100 * share for share in (*right, flip_rate(true, *part.test[:2], classes))]


def table(sources: list[str], shuffles: int) -> str:
    """A Markdown table: means and standard errors."""
    rows = []
    for source in sources:
        for (own, name), columns in markdown.by_name(measure(source, shuffles)).items():
            rows.append([Path(source).stem, str(own), name, *map(markdown.figure, columns)])
    head = ["data", "the owner's rows", "rate", "true labels", "30% flipped", "turned by one wrong sample"]
    return markdown.table(head, rows)


if __name__ == "__main__":  # python -m comodels.bench.falling 20 breast_cancer wine digits
    shuffles, *sources = sys.argv[1:]
    print(table(sources, int(shuffles)))
