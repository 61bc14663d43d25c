"""How accurate the models are after one pass over real data, beside scikit-learn in floating point.

Every shuffle divides the samples anew: four fifths to learn from, one after the other, each predicted before it is
learnt; one fifth to test. The encoder is fitted on the part to learn from. scikit-learn gets the same parts:
standardised numbers, or the presence of the same words.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import encoders
from comodels.chain.local import Chain
from comodels.models import choose_twin
from comodels.models.training import DEFAULTS, untrained
from comodels.published import words_of
from comodels.saved import accuracy

TEST_PART = 5  # one in so many
CHAIN_UPDATES = 300  # the last samples of the pass, which the contract learns too
CHAIN_ROWS = 200  # test rows that the contract must predict at least, over as many shuffles as it takes


@dataclass(frozen=True)
class Entry:
    """A model on a kind of data: how its twin is made, and with what of scikit-learn it is compared.

    Attributes
    ----------
    make : callable
        As `made`, but for the family.
    reference : callable
        Makes the estimator of scikit-learn.
    """

    name: str
    make: Callable[[Any, int], Any]
    reference: Callable[[], Any]


@dataclass
class Result:
    """Accuracies in percent, one for each shuffle."""

    data: str
    name: str
    reference: list[float] = field(default_factory=list)
    twin: list[float] = field(default_factory=list)
    progressive: list[float] = field(default_factory=list)
    updates: list[float] = field(default_factory=list)  # percent of the samples that changed the model
    flips: list[float] = field(default_factory=list)  # percent of right answers that one wrong sample turns
    rows_on_chain: int = 0


def made(family: str, encoder: Any, class_count: int, **changes: Any) -> Any:
    """An untrained model of a family for an encoder's samples; see `untrained`."""
    kind = choose_twin(family, encoder.unit is None, class_count)
    return untrained(kind, encoder.n_features, class_count, encoder.unit, **changes)


def perceptron():
    from sklearn.linear_model import Perceptron

    return Perceptron(max_iter=1, tol=None, shuffle=False)


def centroid():
    from sklearn.neighbors import NearestCentroid

    return NearestCentroid()


def bayes():
    from sklearn.naive_bayes import MultinomialNB

    return MultinomialNB()


NO_MARGIN = Entry("perceptron, no margin", partial(made, "perceptron", margin=0), perceptron)
DEFAULT_MARGIN = Entry("perceptron, default margin", partial(made, "perceptron"), perceptron)
FALLING = Entry("perceptron, rate falls", partial(made, "perceptron", fall=DEFAULTS.dense_fall), perceptron)
CENTROID = Entry("nearest centroid", partial(made, "nearest-centroid"), centroid)
LEVELS = Entry("levels", partial(made, "levels"), perceptron)
BAYES = Entry("naive Bayes", partial(made, "naive-bayes"), bayes)


def entries(data) -> list[Entry]:
    """The models that suit a data set."""
    usual = [NO_MARGIN, DEFAULT_MARGIN]
    return usual + ([LEVELS, CENTROID, BAYES] if isinstance(data.samples, list) else [FALLING, CENTROID])


def compare(source: str, shuffles: int, features: int, chain: "OnChain | None", progress=lambda: None) -> list[Result]:
    """The results of all models that suit a data set; on chain for the first shuffles, if a chain is given."""
    data = encoders.read_data(source)
    results = [Result(Path(source).stem, e.name) for e in entries(data)]
    for seed in range(shuffles):
        part = Parts.of(data, features, seed)
        for entry, result in zip(entries(data), results, strict=True):
            run(entry, result, part, len(data.class_names), chain if result.rows_on_chain < CHAIN_ROWS else None)
            progress()
    return results


@dataclass
class Parts:
    """One division of a data set: samples, labels and floating-point features to learn from and to test."""

    encoder: Any
    learn: tuple[list[bytes], np.ndarray, Any]
    test: tuple[list[bytes], np.ndarray, Any]

    @classmethod
    def of(cls, data, features: int, seed: int) -> "Parts":
        order = np.random.default_rng(seed).permutation(len(data.labels))
        tested, learnt = np.split(order, [len(order) // TEST_PART])
        text = isinstance(data.samples, list)

        def pick(indices):
            return [data.samples[i] for i in indices] if text else data.samples[indices]

        fit = partial(encoders.BagOfWords.fit, max_features=features) if text else encoders.Tabular.fit
        encoder = fit(pick(learnt))

        def encode(indices):
            samples = pick(indices)
            positions, encoded = encoder.encode_valid(samples)
            labels = data.labels[indices][positions]
            if isinstance(encoder, encoders.BagOfWords):
                floats = encoders.wire.unpack_sparse_many(encoded, encoder.n_features)
            else:
                floats = (samples[positions] - encoder.mean) / encoder.scale
            return encoded, labels, floats

        return cls(encoder, encode(learnt), encode(tested))


def run(entry: Entry, result: Result, part: Parts, class_count: int, chain: "OnChain | None") -> None:
    """Measure one model on one division."""
    samples, labels, floats = part.learn
    test_samples, test_labels, test_floats = part.test
    reference = entry.reference().fit(floats, labels)
    result.reference.append(100 * float(np.mean(reference.predict(test_floats) == test_labels)))

    twin = entry.make(part.encoder, class_count)
    begin = max(0, len(samples) - CHAIN_UPDATES)
    right = changed = 0
    before = None
    for i, (x, y) in enumerate(zip(samples, labels, strict=True)):
        if i == begin:
            before = twin.copy()
        right += twin.predict(x) == y
        changed += twin.update(x, int(y)) > 0
    result.progressive.append(100 * right / len(samples))
    result.updates.append(100 * changed / len(samples))
    result.twin.append(100 * right_rate(twin, test_samples, test_labels))
    result.flips.append(100 * flip_rate(twin, test_samples, test_labels, class_count))
    if chain is not None:
        rest = list(zip(samples[begin:], map(int, labels[begin:]), strict=True))
        result.rows_on_chain += chain.check(before, rest, test_samples[:CHAIN_ROWS])


def right_rate(twin, samples, labels) -> float:
    """The part of samples of which a model says the label."""
    return accuracy([twin.predict(x) for x in samples], labels)


def with_flips(labels: np.ndarray, class_count: int, share: float, seed: int) -> np.ndarray:
    """Labels of which a part, drawn at random, are another class's."""
    rng = np.random.default_rng([seed, 30])
    wrong = (labels + rng.integers(1, class_count, len(labels))) % class_count
    return np.where(rng.random(len(labels)) < share, wrong, labels)


def flip_rate(twin, samples, labels, class_count: int, most: int = 200) -> float:
    """How often the model, right about a sample, takes the next class for it once that sample is learnt so."""
    asked = flipped = 0
    for x, y in zip(samples[:most], labels[:most], strict=True):
        if twin.predict(x) == y:
            copy = twin.copy()
            wrong = (int(y) + 1) % class_count
            copy.update(x, wrong)
            asked += 1
            flipped += copy.predict(x) == wrong
    return flipped / max(1, asked)


class OnChain:
    """Lets contracts learn and predict what their twins do."""

    def __init__(self, chain: Chain, trainer: str):
        self.chain = chain
        self.trainer = trainer

    def check(self, before, samples, rows) -> int:
        """Publish a twin's state, let contract and twin learn, and compare; the number of compared predictions.

        Both begin with no updates counted, as published models do: with levels it matters.

        Raises
        ------
        AssertionError
            If contract and twin differ in anything.
        """
        from comodels.bench.gas import Bench

        bench = Bench(self.chain, [self.trainer] * 5)
        twin = type(before).from_words(before.parameters, before.words())
        _, model = bench.publish(twin, self.trainer)
        calls = [model.transaction("update", x, y, sender=self.trainer, gas=4_000_000) for x, y in samples]
        assert {r["status"] for r in self.chain.send(calls)} == {"0x1"}, "the contract refused a sample"
        for x, y in samples:
            twin.update(x, y)
        assert words_of(model, model.call("word_count")) == twin.words(), "contract and twin differ in their state"
        answers = model.call_many("predict", [(x,) for x in rows])
        assert answers == [twin.predict(x) for x in rows], "contract and twin differ in a prediction"
        return len(answers)
