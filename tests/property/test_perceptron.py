"""The contract and its twin, bit for bit."""

import numpy as np
import pytest

from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.rows import pack_rows

UPDATES = 700


def random_sample(rng, n_features, longest=40):
    count = int(rng.integers(1, min(longest, n_features) + 1))
    return np.sort(rng.choice(n_features, count, replace=False)).astype(">u2").tobytes()


@pytest.mark.parametrize(
    "parameters",
    [
        SparsePerceptronParameters(30),
        SparsePerceptronParameters(1_000, rate=7, bias_rate=0, margin=300),
        SparsePerceptronParameters(65_532, rate=255, bias_rate=65_535, margin=20),
    ],
    ids=["small", "margin", "largest"],
)
def test_update__random_stream__state_effects_and_predictions_equal_the_twin(
    stream, parameters, create_model, raw, rpc, trainer
):
    rng = np.random.default_rng([parameters.n_features, stream])
    twin = SparsePerceptron(parameters, bias=int(rng.integers(-50, 50)))
    model = raw(create_model(twin, trainer, words=twin.words()[:1]))
    samples = [(random_sample(rng, parameters.n_features), int(rng.integers(2))) for _ in range(UPDATES)]

    receipts = rpc.send(
        model.transaction("update", x, y, sender=str(trainer.address), gas=1_500_000) for x, y in samples
    )
    effects = [twin.update(x, y) for x, y in samples]

    assert {r["status"] for r in receipts} == {"0x1"}
    assert model.call("version") == twin.version == sum(e > 0 for e in effects)
    count = model.call("word_count")
    words = [w for s in range(0, count, 640) for w in model.call("words", s, min(640, count - s))]
    assert words == twin.words()
    probes = [random_sample(rng, parameters.n_features, parameters.longest) for _ in range(50)]
    assert model.call_many("score", [(x,) for x in probes]) == [twin.score(x) for x in probes]
    assert model.call_many("predict", [(x,) for x in probes]) == [twin.predict(x) for x in probes]
    claims = [(x, y, e) for (x, y), e in zip(samples, effects, strict=True)][-100:]
    assert model.call_many("predict_without", claims) == [twin.predict_without(*c) for c in claims]
    rows = pack_rows((y, x) for x, y in samples[:200])
    assert model.call("evaluate", rows) == twin.evaluate(rows)
