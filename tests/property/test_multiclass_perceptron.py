"""The multiclass perceptron, contract and twin, bit for bit; and with two classes it is the two-class one."""

import numpy as np
import pytest

from simulation.multiclass_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
    pack_weights,
)
from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.rows import pack_rows
from tests.conftest import pack_card

UPDATES = 700
PARAMETERS = [
    (MulticlassSparsePerceptronParameters(30, room=3), 2),
    (MulticlassSparsePerceptronParameters(500, room=7, rate=7, bias_rate=0, margin=300), 5),
    (MulticlassSparsePerceptronParameters(150, room=40, rate=3, bias_rate=30, margin=20), 17),
]


def random_sample(rng, n_features, longest=40):
    count = int(rng.integers(1, min(longest, n_features) + 1))
    return np.sort(rng.choice(n_features, count, replace=False)).astype(">u2").tobytes()


@pytest.mark.parametrize(("parameters", "classes"), PARAMETERS, ids=["small", "margin", "wide"])
def test_update__random_stream_with_a_class_added__equals_the_twin(
    stream, parameters, classes, create_model, raw, rpc, trainer, owner
):
    rng = np.random.default_rng([parameters.n_features, stream])
    n = parameters.n_features
    twin = MulticlassSparsePerceptron(parameters, rng.integers(-20, 20, (classes, 1 + n)))
    card = pack_card(classes=[f"class {y}" for y in range(classes)])
    model = raw(create_model(twin, trainer, card=card))
    claims = []
    for part in range(2):
        stream = [(random_sample(rng, n), int(rng.integers(twin.class_count))) for _ in range(UPDATES // 2)]
        receipts = rpc.send(
            model.transaction("update", x, y, sender=str(trainer.address), gas=1_500_000) for x, y in stream
        )
        assert {r["status"] for r in receipts} == {"0x1"}
        claims += [(x, y, twin.update(x, y)) for x, y in stream][-50:]
        if part == 0:
            row = rng.integers(-20, 20, 1 + n)
            transaction = model.transaction("add_class", "later", pack_weights(row), sender=str(owner.address))
            assert rpc.send([transaction])[0]["status"] == "0x1", rpc.why(transaction)
            twin.add_class(row)

    assert model.call("version") == twin.version > 0
    assert model.call("class_count") == twin.class_count == classes + 1
    count = model.call("word_count")
    words = [w for s in range(0, count, 640) for w in model.call("words", s, min(640, count - s))]
    assert words == twin.words()
    assert MulticlassSparsePerceptron.from_words(parameters, words).words() == words
    probes = [random_sample(rng, n, parameters.longest) for _ in range(50)]
    assert model.call_many("scores", [(x,) for x in probes]) == [tuple(twin.scores(x)) for x in probes]
    assert model.call_many("predict", [(x,) for x in probes]) == [twin.predict(x) for x in probes]
    assert model.call_many("predict_without", claims) == [twin.predict_without(*c) for c in claims]
    rows = pack_rows((y, x) for x, y, _ in claims)
    assert model.call("evaluate", rows) == twin.evaluate(rows)


@pytest.mark.parametrize("margin", [0, 1, 25])
def test_update__two_classes__is_the_two_class_perceptron(margin):
    rng = np.random.default_rng(margin)
    one = SparsePerceptron(SparsePerceptronParameters(50, rate=3, bias_rate=2, margin=margin))
    many = MulticlassSparsePerceptron(MulticlassSparsePerceptronParameters(50, rate=3, bias_rate=2, margin=2 * margin))
    for _ in range(1_500):
        x, y = random_sample(rng, 50), int(rng.integers(2))
        assert many.predict(x) == one.predict(x)
        effect = one.update(x, y)
        assert many.update(x, y) == effect
        assert many.predict_without(x, y, effect) == one.predict_without(x, y, effect)
        low, high = many.scores(x)
        assert high - low == 2 * one.score(x)
