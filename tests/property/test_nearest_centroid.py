"""The contract and its twin, bit for bit, with classes added in between."""

import numpy as np
import pytest

from comodels.models.nearest_centroid import SUM_MAX, SUM_MIN, NearestCentroid, NearestCentroidParameters
from comodels.revert import Revert
from comodels.rows import pack_rows
from tests.conftest import pack_card
from tests.learning import check_learn


def random_sample(rng, parameters, centre):
    """A sample near a centre, with a norm within the bounds."""
    while True:
        v = rng.normal(size=parameters.n_features) + centre
        x = np.clip(np.rint(v / np.linalg.norm(v) * parameters.unit), -128, 127).astype(np.int8)
        squares = int(np.dot(x.astype(int), x.astype(int)))
        if 9_604 * parameters.unit**2 <= 10_000 * squares <= 10_404 * parameters.unit**2:
            return x.tobytes()


@pytest.mark.parametrize(
    ("parameters", "n_classes", "updates"),
    [
        (NearestCentroidParameters(1, 100, 3), 1, 120),
        (NearestCentroidParameters(6, 100, 5), 3, 400),
        (NearestCentroidParameters(7, 110, 4), 2, 400),
        (NearestCentroidParameters(30, 250, 6), 4, 400),
        (NearestCentroidParameters(64, 400, 12), 10, 400),
        (NearestCentroidParameters(128, 500, 4), 2, 300),
        (NearestCentroidParameters(2_048, 2_000, 4), 2, 30),
    ],
    ids=lambda p: str(getattr(p, "n_features", "")),
)
def test_update__random_stream_and_added_classes__state_and_predictions_equal_the_twin(
    stream, parameters, n_classes, updates, create_model, raw, rpc, trainer, owner
):
    rng = np.random.default_rng([parameters.n_features, stream])
    n = parameters.n_features
    # some sums near their limits, so that updates fail; a class without samples
    sums = rng.integers(-1_000, 1_000, (n_classes, n))
    sums[0, 0], sums[-1, n - 1] = SUM_MAX - 900, SUM_MIN + 900
    counts = rng.integers(1, 50, n_classes)
    if n_classes > 2:
        sums[1], counts[1] = 0, 0
    twin = NearestCentroid(parameters, sums, counts)
    model = raw(create_model(twin, trainer, card=pack_card(classes=[f"c{y}" for y in range(n_classes)])))
    centres = rng.normal(size=(n_classes + 2, n)) * 0.5

    gas = 200_000 + 2_500 * n  # no more than a class of new words needs, so that blocks hold many: anvil keeps them all
    for added in range(3):
        samples = []
        for _ in range(updates // 3):
            y = int(rng.integers(twin.class_count))
            samples.append((random_sample(rng, parameters, centres[y]), y))
        receipts = rpc.send(model.transaction("update", x, y, sender=str(trainer.address), gas=gas) for x, y in samples)
        good = []
        for x, y in samples:
            try:
                good.append(twin.update(x, y) == 1)
            except Revert:
                good.append(False)
        assert [r["status"] == "0x1" for r in receipts] == good
        check_learn(model, twin, samples[-20:], trainer)
        probes = [rng.integers(-128, 128, n).astype(np.int8).tobytes() for _ in range(20)] + [b"\x80" * n, b"\x7f" * n]
        probes += [x for x, _ in samples[-20:]]
        assert model.call_many("scores", [(x,) for x in probes]) == [tuple(twin.scores(x)) for x in probes]
        assert model.call_many("predict", [(x,) for x in probes]) == [twin.predict(x) for x in probes]
        claims = [(x, y, 1) for (x, y), g in zip(samples, good, strict=True) if g][-20:]
        assert model.call_many("predict_without", claims) == [twin.predict_without(*c) for c in claims]
        rows = pack_rows([(y, x) for x, y in samples][: 24_576 // (n + 3)])
        assert model.call("evaluate", rows) == twin.evaluate(rows)
        X = np.array([np.frombuffer(x, np.int8) for x in probes])
        assert twin.predict_many(X).tolist() == [twin.predict(x) for x in probes]

        count = model.call("word_count")
        words = [w for s in range(0, count, 640) for w in model.call("words", s, min(640, count - s))]
        assert words == twin.words()
        assert NearestCentroid.from_words(parameters, words).words() == words
        if added == 2:
            break
        (receipt,) = rpc.send([model.transaction("add_class", f"class {added}", sender=str(owner.address))])
        assert receipt["status"] == "0x1"
        twin.add_class()
        assert model.call("class_name", twin.class_count - 1) == f"class {added}"

    assert model.call("version") == twin.version > 0
    assert model.call("class_count") == twin.class_count == n_classes + 2
