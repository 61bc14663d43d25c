"""What broke earlier implementations: naive Bayes and nearest centroid. Each is a test named after it."""

from fractions import Fraction

import numpy as np
import pytest

from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.models.nearest_centroid import NearestCentroid, NearestCentroidParameters
from comodels.models.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
from tests.client import reverts


def words(*indices: int) -> bytes:
    """The sparse sample with these features."""
    return np.array(indices).astype(">u2").tobytes()


def numbers(*values: int) -> bytes:
    """The dense sample with these values."""
    return np.array(values, np.int8).tobytes()


# ---- naive Bayes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [3, 6, 30, 300, 1_024])
def test_naive_bayes__many_words__right_label_wins_and_can_be_refunded(new_model, trainer, length):
    """Plain fixed-point ratios: all classes reach 0 from 3 to 6 words on, and the wrong label is refunded."""
    n_features = 2 * length
    seldom, often = [1] * n_features, [1] * length + [2] * length
    twin = NaiveBayes(NaiveBayesParameters(n_features), [seldom, often], [1_000, 1_000])
    sample = words(*range(length, n_features))
    likely = Fraction(2 + 1, sum(often) + n_features) ** length
    unlikely = Fraction(1 + 1, sum(seldom) + n_features) ** length
    assert likely > unlikely > 0

    model = new_model(twin, trainer)

    assert model.call("predict", sample) == twin.predict(sample) == 1


def test_naive_bayes__counts_set_again__old_ones_leave_the_total(new_model, trainer, owner):
    """Setting counts again left the old ones in the total."""
    parameters = NaiveBayesParameters(4)
    first = NaiveBayes(parameters, [[9, 9, 9, 9], [1, 0, 0, 9]], [9, 9])
    second = NaiveBayes(parameters, [[3, 1, 0, 0], [0, 0, 1, 3]], [3, 3])
    model = new_model(first, trainer, sealed=False)

    model.send("load", 0, second.words(), sender=owner)
    model.send("seal", sender=owner)

    assert list(model.call("scores", words(0, 1))) == second.scores(words(0, 1))
    assert list(model.call("scores", words(0, 1))) != first.scores(words(0, 1))


def test_naive_bayes__word_outside_the_vocabulary__refused_and_not_counted(new_model, trainer):
    """The vocabulary's size never grew: words beyond it were counted, and smoothed with a size that left them out."""
    model = new_model(NaiveBayes(NaiveBayesParameters(4)), trainer)
    before = model.call("words", 0, model.call("word_count"))

    with reverts("sample: index out of range"):
        model.send("update", words(1, 4), 0, sender=trainer)

    assert model.call("words", 0, model.call("word_count")) == before


# ---- nearest centroid ------------------------------------------------------------------------------------------------


def test_nearest_centroid__small_differences__do_not_vanish(new_model, trainer):
    """The division came before the sum, so that differences of less than 1 in every dimension vanished."""
    # the means are 0.25 and 0 in each of 64 dimensions: a sample of 1 in each is nearer to the first by 28 of 64
    twin = NearestCentroid(NearestCentroidParameters(64, 8), [[0] * 64, [1] * 64], [4, 4])
    model = new_model(twin, trainer)
    assert Fraction(3, 4) ** 2 * 64 < 64

    assert model.call("predict", numbers(*[1] * 64)) == twin.predict(numbers(*[1] * 64)) == 1


def test_nearest_centroid__thousand_samples__mean_does_not_drift(new_model, trainer, rpc):
    """The moving average drifted by rounding."""
    generator = np.random.default_rng(0)
    samples = generator.choice([-1, 1], (1_000, 9)) * 3  # norm 9, which is the unit
    model = new_model(NearestCentroid(NearestCentroidParameters(9, 9)), trainer)

    receipts = rpc.send([model.transaction("update", numbers(*s), 0, sender=str(trainer)) for s in samples])

    assert {r["status"] for r in receipts} == {"0x1"}
    exact = NearestCentroid(NearestCentroidParameters(9, 9), [samples.sum(axis=0), [0] * 9], [1_000, 0], 1_000)
    assert list(model.call("words", 0, model.call("word_count"))) == exact.words()


@pytest.mark.parametrize(
    ("twin", "sample"),
    [
        (NearestCentroid(NearestCentroidParameters(2, 5, 3), [[3, 0], [0, 3]], [1, 1]), numbers(3, 4)),
        (
            SparseNearestCentroid(SparseNearestCentroidParameters(9, 3), [[1] * 9, [0, *[1] * 8]], [1, 1]),
            words(0, 1),
        ),
        (NaiveBayes(NaiveBayesParameters(9, 3), [[1] * 9, [0, *[1] * 8]], [1, 1]), words(0, 1)),
    ],
    ids=lambda value: getattr(value, "KIND", None),
)
def test_class__added__predicts_as_before_and_can_learn(new_model, trainer, owner, twin, sample):
    """Extending one class broke `predict` for all; a class that started with no samples could never be updated."""
    model = new_model(twin, trainer)
    answer = model.call("predict", sample)

    model.send("add_class", "new", sender=owner)
    assert model.call("predict", sample) == answer

    for _ in range(5):
        model.send("update", sample, 2, sender=trainer)
    assert model.call("predict", sample) == 2


@pytest.mark.parametrize("kind", [SparseNearestCentroid, NaiveBayes], ids=lambda kind: kind.KIND)
def test_sample__empty_twice__refused_and_blocks_nothing(new_model, trainer, kind):
    """The empty sample was accepted, and two of them blocked all later updates of a class."""
    model = new_model(kind(kind.PARAMETERS(9)), trainer)
    for _ in range(2):
        with reverts("sample: empty"):
            model.send("update", b"", 0, sender=trainer)

    model.send("update", words(3), 0, sender=trainer)

    assert model.call("version") == 1


def test_counts__at_their_limit__refused_before_they_wrap(new_model, trainer):
    """Lanes and counters overflowed unchecked; a square of a 64-bit count wrapped."""
    full = 2**32 - 1
    twin = NaiveBayes(NaiveBayesParameters(2), [[full, 0], [0, full]], [full - 1, full - 1])
    model = new_model(twin, trainer)
    assert list(model.call("scores", words(0, 1))) == twin.scores(words(0, 1))

    with reverts("model: count is full"):
        model.send("update", words(0), 0, sender=trainer)
    model.send("update", words(1), 0, sender=trainer)
    with reverts("model: count is full"):
        model.send("update", words(1), 0, sender=trainer)
