"""Models that count, contract and twin, bit for bit; and the twin against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.models.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
from comodels.rows import pack_rows
from tests.conftest import pack_card
from tests.learning import check_learn

UPDATES = 720
ADDED = 2  # classes that are added on the way

TWINS = [
    # kind, parameters, classes at first
    (SparseNearestCentroid, SparseNearestCentroidParameters(300, 4), 2),
    (SparseNearestCentroid, SparseNearestCentroidParameters(1_000, 3), 1),
    (SparseNearestCentroid, SparseNearestCentroidParameters(200, 20), 9),
    (NaiveBayes, NaiveBayesParameters(300, 4), 2),
    (NaiveBayes, NaiveBayesParameters(1_000, 3, alpha=1), 1),
    (NaiveBayes, NaiveBayesParameters(200, 20, alpha=2**31), 9),
    # with a margin, of 1.3 and of 2 nats
    (NaiveBayes, NaiveBayesParameters(300, 4, margin=480), 2),
    (NaiveBayes, NaiveBayesParameters(200, 20, margin=740), 9),
]


def random_sample(rng, n_features, longest=40):
    count = int(rng.integers(1, min(longest, n_features) + 1))
    return np.sort(rng.choice(n_features, count, replace=False)).astype(">u2").tobytes()


@pytest.mark.parametrize(("kind", "parameters", "classes"), TWINS, ids=lambda v: getattr(v, "KIND", None))
def test_update__random_stream_with_classes_added__equals_the_twin(
    stream, kind, parameters, classes, create_model, raw, rpc, trainer, owner
):
    rng = np.random.default_rng([parameters.n_features, stream])
    n = parameters.n_features
    samples = [int(s) for s in rng.integers(0, 50, classes)]
    twin = kind(parameters, [rng.integers(0, s + 1, n) for s in samples], samples)
    model = raw(create_model(twin, trainer, card=pack_card(classes=[f"class {y}" for y in range(classes)])))
    claims = []
    for part in range(ADDED + 1):
        stream = [(random_sample(rng, n), int(rng.integers(twin.class_count))) for _ in range(UPDATES // (ADDED + 1))]
        receipts = rpc.send(
            model.transaction("update", x, y, sender=str(trainer.address), gas=1_500_000) for x, y in stream
        )
        assert {r["status"] for r in receipts} == {"0x1"}
        claims += [(x, y, twin.update(x, y)) for x, y in stream][-30:]
        if part < ADDED:
            transaction = model.transaction("add_class", f"later {part}", sender=str(owner.address))
            assert rpc.send([transaction])[0]["status"] == "0x1", rpc.why(transaction)
            twin.add_class()

    learnt = len(range(ADDED + 1)) * (UPDATES // (ADDED + 1))
    assert model.call("version") == twin.version
    # a margin leaves some out, of those that were learnt anyway none
    assert twin.version < learnt if getattr(parameters, "margin", 0) else twin.version == learnt
    assert len({effect for _, _, effect in claims}) == (2 if getattr(parameters, "margin", 0) else 1)
    assert model.call("class_count") == twin.class_count == classes + ADDED
    count = model.call("word_count")
    words = [w for s in range(0, count, 640) for w in model.call("words", s, min(640, count - s))]
    assert words == twin.words()
    assert kind.from_words(parameters, words).words() == words
    check_learn(model, twin, stream[-30:], trainer)
    probes = [random_sample(rng, n, 1_000) for _ in range(40)]
    assert model.call_many("scores", [(x,) for x in probes]) == [tuple(twin.scores(x)) for x in probes]
    assert model.call_many("predict", [(x,) for x in probes]) == [twin.predict(x) for x in probes]
    assert model.call_many("predict_without", claims) == [twin.predict_without(*c) for c in claims]
    rows = pack_rows((y, x) for x, y, _ in claims)
    assert model.call("evaluate", rows) == twin.evaluate(rows)
    for _, y, _ in claims[:3]:
        assert model.call("statistics", y) == (twin.samples[y], twin.figures[y])


# ---- the twin against exact fractions --------------------------------------------------------------------------------


def random_table(rng, kind, parameters, classes):
    """Counts of all sizes, and now and then two classes that are equal but for the order of their features."""
    n = parameters.n_features
    bits = int(rng.integers(1, 33))
    samples = [int(s) for s in rng.integers(1, 2**bits, classes)]
    counts = [rng.integers(0, s + 1, n).tolist() for s in samples]
    if rng.integers(3) == 0:
        samples[-1], counts[-1] = samples[0], rng.permutation(counts[0]).tolist()
    if kind is SparseNearestCentroid:  # whose ‖S‖² has 64 bits
        counts = [[c >> max(0, bits - 28) for c in row] for row in counts]
    return kind(parameters, counts, samples)


def exact_scores(twin, indices):
    for y, counts in enumerate(twin.counts):
        n = twin.samples[y]
        if twin.KIND == "NaiveBayes":
            p = twin.parameters
            alpha = Fraction(p.alpha, 2**16)
            score = Fraction(n)
            for i in indices:
                score *= (counts[i] + alpha) / (sum(counts) + alpha * p.n_features)
            yield score
        else:
            centroid = [Fraction(c, n) for c in counts]
            yield -sum((c - (i in indices)) ** 2 for i, c in enumerate(centroid))


def test_predict__nearest_centroid__is_the_exact_answer_and_lowest_of_ties():
    rng = np.random.default_rng(1)
    ties = 0
    for _ in range(300):
        twin = random_table(rng, SparseNearestCentroid, SparseNearestCentroidParameters(30, 4), 3)
        x = random_sample(rng, 30)
        exact = list(exact_scores(twin, set(np.frombuffer(x, ">u2").tolist())))
        ties += exact.count(max(exact)) > 1
        assert twin.predict(x) == exact.index(max(exact))
    assert ties > 0


@pytest.mark.parametrize("alpha", [1, 655, 2**16, 2**32 - 1])
def test_predict__naive_bayes__is_the_exact_answer_or_a_tie_within_the_bound(alpha):
    rng = np.random.default_rng(alpha)
    ties = 0
    for _ in range(60):
        twin = random_table(rng, NaiveBayes, NaiveBayesParameters(60, 4, alpha), 3)
        x = random_sample(rng, 60, 60)
        exact = list(exact_scores(twin, np.frombuffer(x, ">u2").tolist()))
        answer = twin.predict(x)
        best = exact.index(max(exact))
        ties += exact.count(max(exact)) > 1
        assert answer == best or max(exact) / exact[answer] < 1 + Fraction(1, 2**62)
        for score, value in zip(twin.scores(x), exact, strict=True):
            whole, rest = divmod(score, 2**63)
            stands_for = Fraction(2) ** whole * (1 + Fraction(rest, 2**63))
            assert abs(stands_for / value - 1) < Fraction(1, 2**63)


def test_predict__naive_bayes_with_1024_words_and_the_largest_counts__does_not_underflow():
    rng = np.random.default_rng(2)
    parameters = NaiveBayesParameters(1_024, 2, alpha=1)
    x = np.arange(1_024).astype(">u2").tobytes()
    for high in (1, 3, 2**32 - 1):
        twin = NaiveBayes(parameters, [rng.integers(0, high + 1, 1_024) for _ in range(2)], [2**32 - 1, 1])
        exact = list(exact_scores(twin, range(1_024)))
        assert twin.predict(x) == exact.index(max(exact))
        for score, value in zip(twin.scores(x), exact, strict=True):
            whole, rest = divmod(score, 2**63)
            stands_for = Fraction(2) ** whole * (1 + Fraction(rest, 2**63))
            assert abs(stands_for / value - 1) < Fraction(1, 2**63)
