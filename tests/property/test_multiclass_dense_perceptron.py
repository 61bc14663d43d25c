"""The dense multiclass perceptron, contract and twin, bit for bit; and with two classes it is the two-class one."""

import numpy as np
import pytest

from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from comodels.models.multiclass_dense_perceptron import MulticlassDensePerceptron, MulticlassDensePerceptronParameters
from comodels.revert import Revert
from comodels.rows import pack_rows
from tests.conftest import pack_card
from tests.learning import check_learn
from tests.property.test_dense_perceptron import random_sample

# parameters, classes at the beginning, updates, bits of the weights at the beginning: with 16, many leave their range
CASES = [
    (MulticlassDensePerceptronParameters(20, 127, room=4, rate=3, bias_rate=381, margin=500), 2, 700, 10),
    (MulticlassDensePerceptronParameters(41, 127, room=5, rate=100, margin=2**32 - 1), 3, 600, 16),
    (MulticlassDensePerceptronParameters(64, 400, room=11, bias_rate=65_535), 10, 500, 12),
    (MulticlassDensePerceptronParameters(25, 100, room=255), 200, 120, 10),
    (MulticlassDensePerceptronParameters(600, 1_000, room=3, rate=5, margin=10**6), 2, 120, 14),
    (MulticlassDensePerceptronParameters(20, 127, room=4, bias_rate=127, margin=2**32 - 1, fall=5), 2, 1_200, 10),
    (MulticlassDensePerceptronParameters(41, 127, room=5, rate=12, margin=2**32 - 1, fall=3), 3, 300, 16),
]


@pytest.mark.parametrize(("parameters", "classes", "updates", "bits"), CASES, ids=lambda p: str(getattr(p, "room", "")))
def test_update__random_stream_with_a_class_added__equals_the_twin(
    stream, parameters, classes, updates, bits, create_model, raw, rpc, trainer, owner
):
    rng = np.random.default_rng([parameters.n_features, stream])
    n = parameters.n_features

    def random_weights(*shape):
        # of all sizes
        return rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape) >> rng.integers(0, 10, shape)

    twin = MulticlassDensePerceptron(parameters, random_weights(classes, n), rng.integers(-1000, 1000, classes))
    model = raw(create_model(twin, trainer, card=pack_card(classes=[f"{y}" for y in range(classes)])))
    claims, effects = [], []
    for part in range(2):
        stream = [(random_sample(rng, parameters), int(rng.integers(twin.class_count))) for _ in range(updates // 2)]
        receipts = rpc.send(
            model.transaction("update", x, y, sender=str(trainer.address), gas=3_000_000) for x, y in stream
        )
        for (x, y), receipt in zip(stream, receipts, strict=True):
            try:
                effects.append(twin.update(x, y))
                claims.append((x, y, effects[-1]))
            except Revert:
                effects.append(None)
            assert (receipt["status"] == "0x1") == (effects[-1] is not None)
        if part == 0:
            transaction = model.transaction("add_class", "later", sender=str(owner.address))
            assert rpc.send([transaction])[0]["status"] == "0x1", rpc.why(transaction)
            twin.add_class()

    assert model.call("version") == twin.version == sum(bool(e) for e in effects) > updates // 4
    assert (None in effects) == (bits == 16)
    assert model.call("class_count") == twin.class_count == classes + 1
    count = model.call("word_count")
    words = [w for s in range(0, count, 640) for w in model.call("words", s, min(640, count - s))]
    assert words == twin.words()
    assert MulticlassDensePerceptron.from_words(parameters, words).words() == words
    check_learn(model, twin, stream[-20:], trainer)
    probes = [rng.integers(-128, 128, n).astype(np.int8).tobytes() for _ in range(20)] + [b"\x80" * n, b"\x7f" * n]
    assert model.call_many("scores", [(x,) for x in probes]) == [tuple(twin.scores(x)) for x in probes]
    predictions = [twin.predict(x) for x in probes]
    assert model.call_many("predict", [(x,) for x in probes]) == predictions
    assert twin.predict_many(np.array([np.frombuffer(x, np.int8) for x in probes])).tolist() == predictions
    assert model.call_many("predict_without", claims[-30:]) == [twin.predict_without(*c) for c in claims[-30:]]
    rows = pack_rows([(y, x) for x, y, _ in claims[-30:]])
    assert model.call("evaluate", rows) == twin.evaluate(rows)


def test_cases__together__at_least_2000_updates():
    assert sum(updates for _, _, updates, _ in CASES) >= 2_000


@pytest.mark.parametrize("fall", [0, 5])
@pytest.mark.parametrize("margin", [0, 1, 30_000])
def test_update__two_classes__is_the_two_class_perceptron(margin, fall):
    rng = np.random.default_rng(margin)
    fields = {"n_features": 30, "unit": 100, "rate": 3, "bias_rate": 200, "fall": fall}
    one = DensePerceptron(DensePerceptronParameters(**fields, margin=margin))
    many = MulticlassDensePerceptron(MulticlassDensePerceptronParameters(**fields, margin=2 * margin))
    for _ in range(1_000):
        x, y = random_sample(rng, one.parameters), int(rng.integers(2))
        assert many.predict(x) == one.predict(x)
        effect = one.update(x, y)
        assert many.update(x, y) == effect
        assert many.predict_without(x, y, effect) == one.predict_without(x, y, effect)
        low, high = many.scores(x)
        assert high - low == 2 * one.score(x)


@pytest.mark.parametrize("margin", [0, 5_000])
def test_update__two_classes_on_chain__the_same_words_as_the_two_class_contract(
    margin, create_model, raw, rpc, trainer
):
    """The weights of class 1 are those of `DensePerceptron`, and those of class 0 their opposites."""
    rng = np.random.default_rng(margin)
    fields = {"n_features": 50, "unit": 200, "rate": 2, "bias_rate": 300}
    one = DensePerceptron(DensePerceptronParameters(**fields, margin=margin))
    many = MulticlassDensePerceptron(MulticlassDensePerceptronParameters(**fields, margin=2 * margin))
    models = [raw(create_model(one, trainer)), raw(create_model(many, trainer))]
    stream = [(random_sample(rng, one.parameters), int(rng.integers(2))) for _ in range(100)]
    for model in models:
        sent = [model.transaction("update", *s, sender=str(trainer.address), gas=1_000_000) for s in stream]
        assert {r["status"] for r in rpc.send(sent)} == {"0x1"}

    one_words, many_words = (model.call("words", 0, model.call("word_count")) for model in models)
    # a class has its bias in the last word, where the state of the two-class model has it in the first
    *up, last = many_words[1 + len(one_words) :]
    assert (last, *up) == one_words
    twin = MulticlassDensePerceptron.from_words(many.parameters, many_words)
    assert (twin.weights[0] == -twin.weights[1]).all()
    assert twin.biases[0] == -twin.biases[1]
    assert models[0].call("version") == models[1].call("version") > 0
    probes = [(x,) for x, _ in stream]
    assert models[0].call_many("predict", probes) == models[1].call_many("predict", probes)
