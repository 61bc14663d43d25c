"""A market on a model whose rate falls: its replica begins with the model's count, and learns as it did."""

import numpy as np
import pytest

from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from comodels.models.multiclass_dense_perceptron import MulticlassDensePerceptron, MulticlassDensePerceptronParameters
from comodels.rows import pack_rows
from comodels.testing.models import card_of, draw_dense
from comodels.wire import pack_contribution

MARKET = 7
COUNT = 1_018  # the rate is the last one from 1,024 on: the twelve contributions pass that


def twins():
    rng = np.random.default_rng(9)
    few = {"unit": 100, "bias_rate": 200, "margin": 2**31, "fall": 5}
    yield DensePerceptron(DensePerceptronParameters(23, **few), rng.integers(-300, 300, 23), 5, count=COUNT)
    yield DensePerceptron(DensePerceptronParameters(24, **few), rng.integers(-300, 300, 24), 5, count=COUNT)
    weights = rng.integers(-300, 300, (3, 20))
    yield MulticlassDensePerceptron(
        MulticlassDensePerceptronParameters(20, room=3, **few), weights, [1, 2, 3], count=COUNT
    )


@pytest.mark.parametrize("twin", twins(), ids=["header shared", "header alone", "three classes"])
def test_score__rate_falls_meanwhile__errors_and_state_of_the_model(
    twin, client, project, new_model, owner, trainer, keeper
):
    model = new_model(twin, trainer, card=card_of(twin))
    scorer = client.deploy(project.EvaluatingScorer, owner)
    rng = np.random.default_rng(10)
    y_of = lambda: int(rng.integers(twin.class_count))  # noqa: E731
    rows = pack_rows([(y_of(), draw_dense(twin, rng)) for _ in range(40)])
    scorer.send("prepare", MARKET, model.address, 0, 640, bytes(32), sender=keeper)
    shown = MARKET, rows, [len(rows)], 40, False, 40
    assert scorer.call("check", *shown, sender=keeper) == (twin.evaluate(rows), 40, 1, True)
    scorer.send("check", *shown, sender=keeper)

    doublings = []
    for number in range(1, 13):
        x, y = draw_dense(twin, rng), y_of()
        effect = model.call("update", x, y, sender=trainer)
        model.send("update", x, y, sender=trainer)
        assert twin.update(x, y) == effect
        doublings.append(effect >> 8)
        packed = pack_contribution(keeper.address, x, y, effect)
        arguments = MARKET, number, packed, 40, bytes(32), [], []
        (errors, *_), *said = scorer.call("score_many", *arguments, sender=keeper)
        assert (errors, *said) == (twin.evaluate(rows), 1, 40, number)
        scorer.send("score_many", *arguments, sender=keeper)

    assert doublings == [1] * 6 + [0] * 6
    replica = client.at(getattr(project, twin.KIND), scorer.call("replica", keeper.address, MARKET))
    assert replica.call("words", 0, replica.call("word_count")) == twin.words()
