"""Attack "a rate that rises again": a late sample is to weigh what the first ones did."""

import numpy as np
import pytest

from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from comodels.models.falling import doublings_at
from comodels.models.multiclass_dense_perceptron import MulticlassDensePerceptron, MulticlassDensePerceptronParameters
from comodels.testing.models import card_of, draw_dense
from tests.client import Reverted

COUNT = 300
FEW = {"unit": 100, "bias_rate": 200, "margin": 1_000, "fall": 5}
TWINS = {
    "DensePerceptron": lambda: DensePerceptron(DensePerceptronParameters(22, **FEW), range(22), 5, count=COUNT),
    "MulticlassDensePerceptron": lambda: MulticlassDensePerceptron(
        MulticlassDensePerceptronParameters(22, room=5, **FEW), [range(22)] * 3, [1, 2, 3], count=COUNT
    ),
}


def state(model):
    return model.call("words", 0, model.call("word_count"))


@pytest.mark.parametrize("kind", TWINS)
def test_rate_that_rises_again__whatever_is_called__only_an_update_counts(
    kind, new_model, owner, trainer, stranger, client, project
):
    twin = TWINS[kind]()
    model = new_model(twin, trainer, card=card_of(twin))
    x = draw_dense(twin, np.random.default_rng(0))
    words = twin.words()
    reset = [words[0] & ~(0xFFFF << 160), *words[1:]]

    for sender in (owner, stranger, trainer):
        for function, arguments in (
            ("load", (0, reset)),
            ("seal", ()),
            ("initialize", (sender.address, b"", reset, True)),
            ("update", (x, 7)),
            ("update", (x[:-1], 1)),
            ("update", (bytes(22), 1)),
        ):
            with pytest.raises(Reverted):
                model.send(function, *arguments, sender=sender)
    with pytest.raises(Reverted):
        model.send("update", x, 1, sender=stranger)
    model.send("predict", x, sender=stranger)
    model.send("predict_without", x, 1, 1, sender=stranger)
    model.send("create_replica", bytes(32), sender=stranger)

    assert state(model) == words


def test_rate_that_rises_again__classes_are_added__the_count_stays(new_model, owner, trainer):
    twin = TWINS["MulticlassDensePerceptron"]()
    model = new_model(twin, trainer, card=card_of(twin))

    for name in ("fourth", "fifth"):
        model.send("add_class", name, sender=owner)
        twin.add_class()

    assert state(model) == twin.words()
    assert twin.count == COUNT


@pytest.mark.parametrize("fall", range(6))
def test_rate_that_rises_again__count_by_count__it_never_does(fall):
    found = [doublings_at(fall, count) for count in range(2_000)]

    assert found == sorted(found, reverse=True)
    assert found[1_024:] == [0] * 976
