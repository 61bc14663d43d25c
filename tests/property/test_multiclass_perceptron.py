"""The multiclass perceptron, contract and twin, bit for bit; and with two classes it is the two-class one."""

import numpy as np
import pytest

from comodels.models.classes import NEVER
from comodels.models.level_perceptron import LevelPerceptron, LevelPerceptronParameters
from comodels.models.multiclass_level_perceptron import (
    MulticlassLevelPerceptron,
    MulticlassLevelPerceptronParameters,
)
from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.rows import pack_rows
from tests.conftest import pack_card
from tests.learning import check_learn

UPDATES = 700
PARAMETERS = [
    (MulticlassSparsePerceptronParameters(30, room=3), 2),
    (MulticlassSparsePerceptronParameters(500, room=7, rate=7, bias_rate=0, margin=300), 5),
    (MulticlassSparsePerceptronParameters(150, room=40, rate=3, bias_rate=30, margin=20), 17),
    (MulticlassLevelPerceptronParameters(30, room=3), 2),
    (MulticlassLevelPerceptronParameters(500, room=7, bias_rate=0, margin=300), 5),
    (MulticlassLevelPerceptronParameters(150, room=40, bias_rate=5, margin=4_000), 17),
]


def random_sample(rng, n_features, longest=40):
    count = int(rng.integers(1, min(longest, n_features) + 1))
    return np.sort(rng.choice(n_features, count, replace=False)).astype(">u2").tobytes()


@pytest.mark.parametrize(("parameters", "classes"), PARAMETERS, ids=lambda p: getattr(p, "room", ""))
def test_update__random_stream_with_a_class_added__equals_the_twin(
    stream, parameters, classes, create_model, raw, rpc, trainer, owner
):
    rng = np.random.default_rng([parameters.n_features, stream])
    n = parameters.n_features
    levels = isinstance(parameters, MulticlassLevelPerceptronParameters)
    kind = MulticlassLevelPerceptron if levels else MulticlassSparsePerceptron
    twin = kind(parameters, rng.integers(-20, 20, (classes, 1 + n)))
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
            transaction = model.transaction("add_class", "later", sender=str(owner.address))
            assert rpc.send([transaction])[0]["status"] == "0x1", rpc.why(transaction)
            twin.add_class()

    assert model.call("version") == twin.version > 0
    assert model.call("class_count") == twin.class_count == classes + 1
    count = model.call("word_count")
    words = [w for s in range(0, count, 640) for w in model.call("words", s, min(640, count - s))]
    assert words == twin.words()
    assert kind.from_words(parameters, words).words() == words
    check_learn(model, twin, stream[-50:], trainer)
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


@pytest.mark.parametrize("words", [3, 40, 200, 600, 1_024])
def test_level_perceptron__first_sample_of_an_added_class__no_score_above_0(
    words, create_model, raw, rpc, trainer, owner
):
    """As long as it may be: what the weights get, the bias gets less, and it stays in its range."""
    parameters = MulticlassLevelPerceptronParameters(1_024, room=2)
    twin = MulticlassLevelPerceptron(parameters, classes=1)
    model = raw(create_model(twin, trainer, card=pack_card(classes=["first"])))
    twin.add_class()
    samples = [(np.arange(n).astype(">u2").tobytes(), 1) for n in (words, words, 1)]
    calls = [model.transaction("update", x, y, sender=str(trainer.address), gas=16_000_000) for x, y in samples]

    receipts = rpc.send([model.transaction("add_class", "later", sender=str(owner.address)), *calls[:1]])
    twin.update(*samples[0])

    assert {r["status"] for r in receipts} == {"0x1"}
    assert model.call("scores", samples[0][0]) == tuple(twin.scores(samples[0][0]))
    assert twin.scores(samples[0][0])[1] == NEVER
    assert 0 < sum(twin.rows[1][1:]) == -twin.rows[1][0] < 2**12
    assert {r["status"] for r in rpc.send(calls[1:])} == {"0x1"}
    for sample in samples[1:]:
        twin.update(*sample)
    count = model.call("word_count")
    assert list(model.call("words", 0, count)) == twin.words()


def test_level_perceptron__two_classes__turns_as_the_two_class_one():
    """With margin twice, and levels equal in both classes, one score is half the difference of the two."""
    rng = np.random.default_rng(3)
    one = LevelPerceptron(LevelPerceptronParameters(50, margin=200))
    many = MulticlassLevelPerceptron(MulticlassLevelPerceptronParameters(50, margin=400))
    for _ in range(1_500):
        x, y = random_sample(rng, 50), int(rng.integers(2))
        assert many.predict(x) == one.predict(x)
        assert (many.update(x, y) > 0) == (one.update(x, y) > 0)
        low, high = many.scores(x)
        assert high - low == 2 * one.score(x)
