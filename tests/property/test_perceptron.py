"""The contract and its twin, bit for bit."""

import numpy as np
import pytest

from comodels.models.level_perceptron import STEPS, LevelPerceptron, LevelPerceptronParameters
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from comodels.rows import pack_rows
from tests.learning import check_learn

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
        LevelPerceptronParameters(30),
        LevelPerceptronParameters(1_000, bias_rate=0, margin=3_000),
        LevelPerceptronParameters(65_532, bias_rate=65_535, margin=20),
    ],
    ids=["small", "margin", "largest", "levels-small", "levels-margin", "levels-largest"],
)
def test_update__random_stream__state_effects_and_predictions_equal_the_twin(
    stream, parameters, create_model, raw, rpc, trainer
):
    rng = np.random.default_rng([parameters.n_features, stream])
    kind = LevelPerceptron if isinstance(parameters, LevelPerceptronParameters) else SparsePerceptron
    twin = kind(parameters, bias=int(rng.integers(-50, 50)))
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
    check_learn(model, twin, samples[-50:], trainer)
    probes = [random_sample(rng, parameters.n_features, parameters.longest) for _ in range(50)]
    assert model.call_many("score", [(x,) for x in probes]) == [twin.score(x) for x in probes]
    assert model.call_many("predict", [(x,) for x in probes]) == [twin.predict(x) for x in probes]
    claims = [(x, y, e) for (x, y), e in zip(samples, effects, strict=True)][-100:]
    assert model.call_many("predict_without", claims) == [twin.predict_without(*c) for c in claims]
    rows = pack_rows((y, x) for x, y in samples[:200])
    assert model.call("evaluate", rows) == twin.evaluate(rows)


def effect_or_reason(twin, x, y):
    """The effect of an update, or why it is refused."""
    try:
        return twin.update(x, y)
    except Revert as error:
        return str(error)


def test_level_perceptron__any_words__learns_and_answers_as_the_twin(stream, create_model, raw, rpc, trainer):
    """Whatever an owner may load: weights at their ends, levels that no update reaches."""
    rng = np.random.default_rng([1, stream])
    parameters = LevelPerceptronParameters(60, bias_rate=3, margin=100_000)
    words = [int.from_bytes(rng.bytes(32), "big") for _ in range(4)]
    words[0] &= 2**192 - 1
    words[1] = 0x7FF8_8000 << 224  # 4,095 and -4,096, both at level 0
    twin = LevelPerceptron.from_words(parameters, words)
    assert twin.words() == words
    model = raw(create_model(twin, trainer, words=words))
    samples = [(random_sample(rng, 60, 12), int(rng.integers(2))) for _ in range(300)]

    receipts = rpc.send(
        model.transaction("update", x, y, sender=str(trainer.address), gas=1_500_000) for x, y in samples
    )

    effects = [effect_or_reason(twin, x, y) for x, y in samples]
    learnt = [e for e in effects if isinstance(e, int)]
    assert [r["status"] for r in receipts] == [hex(isinstance(e, int)) for e in effects]
    assert {e for e in effects if isinstance(e, str)} == {"perceptron: weight out of range"}
    assert len(learnt) > 100
    assert max(learnt) > 1
    assert list(model.call("words", 0, 4)) == twin.words()
    assert [model.call("level", i) for i in range(60)] == twin.levels
    probes = [random_sample(rng, 60, 60) for _ in range(50)]
    assert model.call_many("score", [(x,) for x in probes]) == [twin.score(x) for x in probes]
    rows = pack_rows((y, x) for x, y in samples[:200])
    assert model.call("evaluate", rows) == twin.evaluate(rows)


def test_level_perceptron__one_word_again_and_again__steps_as_written():
    """32 once, 16 until the 4th, 8 until the 16th, 4 until the 64th update, and so on."""
    twin = LevelPerceptron(LevelPerceptronParameters(1, bias_rate=0, margin=10**6))
    x = np.array([0], ">u2").tobytes()
    steps = [twin.update(x, 1) - 1 for _ in range(1_100)]

    assert STEPS[:6] == (32, 16, 8, 4, 2, 1)
    assert steps == [32] + [16] * 3 + [8] * 12 + [4] * 48 + [2] * 192 + [1] * (1_100 - 256)
