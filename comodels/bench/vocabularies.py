"""What more words, or words chosen by χ², gain and cost: ``--features`` and ``--telling`` of `ape run deploy`.

Divisions and "turned" are those of `comodels.bench.accuracy`; the model is the perceptron with levels.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import numpy as np

import encoders
from comodels.bench import markdown
from comodels.bench.accuracy import TEST_PART, flip_rate, made, right_rate

FEATURES = (1_000, 5_000)
FLIPPED = 0.3
IN_SLOT = 16  # weights of 16 bits


def measure(source: str, shuffles: int) -> Iterator[tuple[str, tuple[float, ...]]]:
    """For each division and vocabulary, of two classes of texts: accuracy, with flipped labels, and turned, all in
    percent; words of a sample, and storage slots with their weights.
    """
    data = encoders.read_data(source)
    for seed in range(shuffles):
        order = np.random.default_rng(seed).permutation(len(data.labels))
        tested, learnt = np.split(order, [len(order) // TEST_PART])
        texts, labels = [data.samples[i] for i in learnt], data.labels[learnt]
        flips = np.random.default_rng([seed, 30]).random(len(learnt)) < FLIPPED
        for features in FEATURES:
            for name, chosen_by in (("most frequent", None), ("telling (χ²)", labels.tolist())):
                encoder = encoders.BagOfWords.fit(texts, features, chosen_by)
                positions, samples = encoder.encode_valid(texts)
                test_positions, test_samples = encoder.encode_valid([data.samples[i] for i in tested])
                test_labels = data.labels[tested][test_positions]
                figures = []
                for given in (labels, np.where(flips, 1 - labels, labels)):
                    model = made("levels", encoder, 2)
                    for x, y in zip(samples, given[positions].tolist(), strict=True):
                        model.update(x, y)
                    tests = test_samples, test_labels
                    figures.append((100 * right_rate(model, *tests), 100 * flip_rate(model, *tests, 2)))
                words = [encoders.wire.unpack_sparse(x, features) for x in samples]
                slots = mean(len({word // IN_SLOT for word in each}) for each in words)
                (true, turned), (false, _) = figures
                yield f"{features:,} {name}", (true, false, turned, mean(map(len, words)), slots)


def table(sources: list[str], shuffles: int) -> str:
    """A Markdown table: means, and the standard error of the accuracy."""
    rows = []
    for source in sources:
        for name, (accuracy, *others) in markdown.by_name(measure(source, shuffles)).items():
            cells = [markdown.figure(accuracy), *(f"{mean(each):.1f}" for each in others)]
            rows.append([f"{Path(source).stem}: {name}", *cells])
    head = [
        "data, words",
        "accuracy",
        "30% flipped",
        "turned by one wrong sample",
        "words of a sample",
        "slots that they touch",
    ]
    return markdown.table(head, rows)


if __name__ == "__main__":  # python -m comodels.bench.vocabularies 20 sms-spam.tsv movie-review-snippets.tsv
    shuffles, *sources = sys.argv[1:]
    print(table(sources, int(shuffles)))
