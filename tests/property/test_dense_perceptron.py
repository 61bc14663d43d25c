"""The contract and its twin, bit for bit."""

import numpy as np
import pytest

from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from comodels.revert import Revert
from comodels.rows import pack_rows
from tests.learning import check_learn


def random_sample(rng, parameters):
    """A sample whose norm is within the bounds."""
    while True:
        v = rng.normal(size=parameters.n_features)
        x = np.clip(np.rint(v / np.linalg.norm(v) * parameters.unit), -128, 127).astype(np.int8)
        squares = int(np.dot(x.astype(int), x.astype(int)))
        if 9_604 * parameters.unit**2 <= 10_000 * squares <= 10_404 * parameters.unit**2:
            return x.tobytes()


# the highest bits that weights begin with: 16, of which none is spare, so that many updates leave the range; or 14
LARGE, SMALL = 16, 14


@pytest.mark.parametrize(
    ("parameters", "updates", "bits"),
    [
        (DensePerceptronParameters(1, 100, margin=40), 50, LARGE),
        (DensePerceptronParameters(9, 100, rate=2, bias_rate=200), 250, LARGE),
        (DensePerceptronParameters(10, 100, bias_rate=100, margin=2**32 - 1), 300, LARGE),
        (DensePerceptronParameters(16, 127, rate=128, margin=2**32 - 1), 300, LARGE),
        (DensePerceptronParameters(30, 127, rate=10, bias_rate=1_270, margin=100_000), 300, LARGE),
        (DensePerceptronParameters(57, 300, bias_rate=65_535, margin=50_000), 200, LARGE),
        (DensePerceptronParameters(64, 400, rate=3), 200, LARGE),
        (DensePerceptronParameters(100, 300, bias_rate=300, margin=2**32 - 1), 200, SMALL),
        (DensePerceptronParameters(228, 700, rate=9, margin=2**32 - 1), 150, LARGE),
        (DensePerceptronParameters(300, 700, rate=2, margin=2**32 - 1), 100, SMALL),
        (DensePerceptronParameters(512, 1_000), 100, LARGE),
        (DensePerceptronParameters(512, 1_000, rate=2, bias_rate=2_000, margin=2**32 - 1), 100, SMALL),
        (DensePerceptronParameters(780, 1_000, margin=10**6), 60, SMALL),
        (DensePerceptronParameters(2_048, 2_000, rate=5, margin=2**32 - 1), 40, LARGE),
        (DensePerceptronParameters(7, 100, bias_rate=100, margin=2**32 - 1, fall=5), 1_100, SMALL),
        (DensePerceptronParameters(8, 100, rate=16, margin=2**32 - 1, fall=3), 250, LARGE),
        (DensePerceptronParameters(23, 127, rate=4, bias_rate=65_535, margin=2**32 - 1, fall=5), 250, LARGE),
        (DensePerceptronParameters(25, 127, rate=64, margin=100_000, fall=1), 250, LARGE),
        (DensePerceptronParameters(519, 1_000, rate=2, bias_rate=2_000, margin=2**32 - 1, fall=4), 100, SMALL),
        (DensePerceptronParameters(520, 1_000, bias_rate=1_000, margin=10**7, fall=5), 100, LARGE),
    ],
    ids=lambda p: str(getattr(p, "n_features", "")),
)
def test_update__random_stream__state_effects_and_predictions_equal_the_twin(
    stream, parameters, updates, bits, create_model, raw, rpc, trainer
):
    rng = np.random.default_rng([parameters.n_features, stream])
    n = parameters.n_features
    # of all sizes
    weights = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), n) >> rng.integers(0 if n < 100 else 1, 12, n)
    count = int(rng.choice([0, 10, 250, 1_000])) if parameters.fall and updates < 1_024 else 0
    twin = DensePerceptron(parameters, weights, int(rng.integers(-1000, 1000)), count=count)
    model = raw(create_model(twin, trainer))
    samples = [(random_sample(rng, parameters), int(rng.integers(2))) for _ in range(updates)]

    receipts = rpc.send(
        model.transaction("update", x, y, sender=str(trainer.address), gas=200_000 + 500 * n) for x, y in samples
    )
    effects = []
    for x, y in samples:
        try:
            effects.append(twin.update(x, y))
        except Revert:
            effects.append(None)

    assert [r["status"] == "0x1" for r in receipts] == [e is not None for e in effects]
    assert model.call("version") == twin.version == sum(bool(e) for e in effects) > 0
    assert model.call("bias") == twin.bias
    assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())
    assert np.array_equal(DensePerceptron.from_words(parameters, twin.words()).weights, twin.weights)
    check_learn(model, twin, samples[-30:], trainer)
    probes = [rng.integers(-128, 128, n).astype(np.int8).tobytes() for _ in range(30)] + [b"\x80" * n, b"\x7f" * n]
    assert model.call_many("score", [(x,) for x in probes]) == [twin.score(x) for x in probes]
    assert model.call_many("predict", [(x,) for x in probes]) == [twin.predict(x) for x in probes]
    claims = [(x, y, e) for (x, y), e in zip(samples, effects, strict=True) if e is not None][-30:]
    assert model.call_many("predict_without", claims) == [twin.predict_without(*c) for c in claims]
    rows = pack_rows([(y, x) for x, y in samples][: 24_576 // (n + 3)])
    assert model.call("evaluate", rows) == twin.evaluate(rows)
    X = np.array([np.frombuffer(x, np.int8) for x in probes])
    assert twin.predict_many(X).tolist() == [twin.predict(x) for x in probes]


@pytest.mark.parametrize("value", [-(2**15), 2**15 - 1])
@pytest.mark.parametrize("n_features", [16, 33, 160, 600])
def test_score__weights_and_values_at_their_limits__equals_the_twin(n_features, value, create_model, raw, trainer):
    twin = DensePerceptron(DensePerceptronParameters(n_features, 100), [value] * n_features, -(2**31))
    model = raw(create_model(twin, trainer))
    probes = [b"\x80" * n_features, b"\x7f" * n_features, bytes(n_features)]
    assert model.call_many("score", [(x,) for x in probes]) == [twin.score(x) for x in probes]
