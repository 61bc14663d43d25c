"""How much bad data an audit finds: in histories that were made up, of which it is known what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import encoders
from comodels.audit import audit, matrix
from comodels.bench.accuracy import made, right_rate

HISTORY = 4_000  # contributions, where the data have so many
TRUSTED = 100  # the owner's rows
ACCOUNTS = 20  # of the honest people, and of an attacker who has many
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)

Rows = tuple[list[bytes], np.ndarray]
Draw = Callable[[np.ndarray, float, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def _one(labels: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    theirs = rng.random(len(labels)) < share
    return theirs, np.where(theirs, 0, -1)


def _many(labels: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    theirs = rng.random(len(labels)) < share
    return theirs, np.where(theirs, rng.integers(0, ACCOUNTS, len(labels)), -1)


def _half(labels: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    theirs = rng.random(len(labels)) < min(1.0, 2 * share)
    return theirs & (rng.random(len(labels)) < 0.5), np.where(theirs, rng.integers(0, ACCOUNTS, len(labels)), -1)


def _targeted(labels: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    theirs = rng.random(len(labels)) < share
    return theirs & (labels == 1), np.where(theirs, rng.integers(0, ACCOUNTS, len(labels)), -1)


ATTACKERS: dict[str, Draw] = {
    "one account": _one,
    "20 accounts": _many,
    "half-honest": _half,
    "targeted": _targeted,
}
"""From true labels and a share: which rows are wrong, and which of the attacker's accounts bring each row (-1: an
honest one). One account, or 20, all of whose rows are wrong; 20 accounts half of whose rows are; 20 that say the truth
but call class 1 something else."""


@dataclass
class Found:
    """What an audit found of a history, in parts of 1, and what a model is worth that learns it."""

    data: str
    attacker: str
    share: float
    trusted: bool
    seed: int
    bad: float  # of the history
    precision: float
    recall: float
    dirty: float  # accuracy of a model that learns everything
    clean: float  # of one that learns what the audit leaves
    true: float  # of one that learns only what is right


def measure(
    source: str, seeds: Iterable[int], features: int = 1_000, progress: Callable[[], Any] = lambda: None
) -> Iterator[Found]:
    """All attackers and shares on a data set, with and without the owner's rows."""
    data = encoders.read_data(source)
    classes = len(data.class_names)
    for seed in seeds:
        rng = np.random.default_rng([seed, 19])
        order = rng.permutation(len(data.labels))
        test, rest = np.split(order, [len(order) // 5])
        text = isinstance(data.samples, list)

        def pick(rows: np.ndarray, text: bool = text) -> Any:
            return [data.samples[i] for i in rows] if text else data.samples[rows]

        known, history = rest[:TRUSTED], rest[TRUSTED : TRUSTED + HISTORY]
        # the vocabulary is the owner's, who had other data than people bring
        fitted = rest[-max(TRUSTED, len(rest) - TRUSTED - HISTORY) :]
        fit = encoders.BagOfWords.fit if text else encoders.Tabular.fit
        encoder = fit(pick(fitted), features) if text else fit(pick(fitted))

        def encode(rows: np.ndarray, encoder: Any = encoder) -> tuple[list[bytes], np.ndarray]:
            positions, encoded = encoder.encode_valid(pick(rows))
            return encoded, np.asarray(data.labels)[rows][positions]

        owner, people, tested = encode(known), encode(history), encode(test)
        sparse, n = encoder.unit is None, encoder.n_features
        x, x_known = matrix(people[0], sparse, n), matrix(owner[0], sparse, n)

        worth = partial(_worth, encoder, classes, owner, people[0], tested)
        everything = np.ones(len(people[1]), bool)
        for attacker, draw in ATTACKERS.items():
            for share in SHARES:
                rng = np.random.default_rng([seed, int(100 * share), len(attacker)])
                bad, theirs = draw(people[1], share, rng)
                others = rng.integers(0, ACCOUNTS, len(bad))
                names = [f"attacker {t}" if t >= 0 else f"honest {o}" for t, o in zip(theirs, others, strict=True)]
                labels = np.where(bad, (people[1] + rng.integers(1, classes, len(bad))) % classes, people[1])
                dirty, true = worth(labels, everything), worth(labels, ~bad)
                for trusted in (False, True):
                    found = audit(x, labels, names, (x_known, owner[1]) if trusted else None, seed).bad
                    hit = float((found & bad).sum())
                    yield Found(
                        Path(source).stem,
                        attacker,
                        share,
                        trusted,
                        seed,
                        float(bad.mean()),
                        hit / max(1, int(found.sum())),
                        hit / max(1, int(bad.sum())),
                        dirty,
                        worth(labels, ~found),
                        true,
                    )
                    progress()


def _worth(
    encoder: Any, classes: int, owner: Rows, samples: list[bytes], tested: Rows, labels: np.ndarray, kept: np.ndarray
) -> float:
    """The accuracy of a model that learns the owner's rows, and then what is kept of the others'."""
    twin = made("levels" if encoder.unit is None else "perceptron", encoder, classes)
    for sample, y in zip(owner[0], owner[1].tolist(), strict=True):
        twin.update(sample, y)
    for i in np.flatnonzero(kept).tolist():
        twin.update(samples[i], int(labels[i]))
    return right_rate(twin, *tested)


def table(found: list[Found]) -> str:
    """A Markdown table: for each data set, attacker and share the means, without and with the owner's rows."""
    from comodels.bench.markdown import table as markdown

    head = ["data, attacker", "bad", "seeds"]
    head += ["precision", "recall", "with 100 trusted rows: precision", "recall"]
    head += ["accuracy if all is learnt", "if what is left", "with trusted rows", "if only what is right"]
    groups: dict[tuple[str, str, float], list[Found]] = {}
    for f in found:
        groups.setdefault((f.data, f.attacker, f.share), []).append(f)

    def mean(rows: list[Found], name: str) -> str:
        return f"{100 * float(np.mean([getattr(r, name) for r in rows])):.0f}" if rows else ""

    lines = []
    for (data, attacker, _), rows in groups.items():
        alone, known = [r for r in rows if not r.trusted], [r for r in rows if r.trusted]
        line = [f"{data}: {attacker}", mean(alone, "bad"), str(len(alone))]
        line += [mean(part, name) for part in (alone, known) for name in ("precision", "recall")]
        line += [mean(alone, "dirty"), mean(alone, "clean"), mean(known, "clean"), mean(alone, "true")]
        lines.append(line)
    return markdown(head, lines)


if __name__ == "__main__":  # python -m comodels.bench.filtering 20 sms.tsv reviews.tsv digits
    seeds, *sources = sys.argv[1:]
    print(table([f for source in sources for f in measure(source, range(int(seeds)))]))
