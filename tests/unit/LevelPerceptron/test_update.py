"""Steps that fall, by hand: 32 / 2^level; a level rises where the number of updates is a multiple of 4^level."""

import struct

import pytest

from comodels.models.level_perceptron import LevelPerceptron, LevelPerceptronParameters
from comodels.models.multiclass_level_perceptron import (
    MulticlassLevelPerceptron,
    MulticlassLevelPerceptronParameters,
)
from tests.client import reverts
from tests.conftest import pack_card

ALWAYS = 10**6  # a margin that nothing reaches


def sample(*indices: int) -> bytes:
    return struct.pack(f">{len(indices)}H", *indices)


@pytest.fixture
def learner(new_model, trainer):
    """``learner(n_features, ...)``: a model on chain that learns everything, with no trained bias."""

    def build(n_features, weights=None, levels=None, bias=0, **parameters):
        fields = LevelPerceptronParameters(n_features, **{"bias_rate": 0, "margin": ALWAYS} | parameters)
        return new_model(LevelPerceptron(fields, weights, bias, levels=levels), trainer)

    return build


def state_of(model):
    packed = LevelPerceptronParameters.unpack(model.call("parameters"))
    twin = LevelPerceptron.from_words(packed, model.call("words", 0, model.call("word_count")))
    return twin.weights, twin.levels, twin.bias


def update(model, trainer, x, y):
    effect = model.call("update", x, y, sender=trainer)
    assert model.send("update", x, y, sender=trainer).events == []
    return effect


def test_update__four_updates_by_hand__each_feature_by_its_own_step(learner, trainer):
    model = learner(3)

    assert update(model, trainer, sample(0, 1), 1) == 1 + 32 + 32
    assert state_of(model) == ([32, 32, 0], [1, 1, 0], 0)
    assert update(model, trainer, sample(0, 2), 0) == 1 + 16 + 32  # feature 0 is at level 1, feature 2 is new
    assert state_of(model) == ([16, 32, -32], [1, 1, 1], 0)  # 2 is no multiple of 4: level 1 stays
    assert update(model, trainer, sample(0), 1) == 1 + 16
    assert update(model, trainer, sample(0), 1) == 1 + 16  # the fourth: level 1 rises
    assert state_of(model) == ([48, 32, -32], [2, 1, 1], 0)
    assert [model.call("level", i) for i in range(3)] == [2, 1, 1]
    assert model.call("score", sample(0, 1, 2)) == 48 + 32 - 32


def test_update__levels_that_only_an_owner_gives__move_nothing(learner, trainer):
    model = learner(2, levels=[6, 7])

    assert update(model, trainer, sample(0, 1), 1) == 1

    assert state_of(model) == ([0, 0], [6, 7], 0)
    assert model.call("version") == 1
    assert model.call("predict_without", sample(0, 1), 1, 1) == 0


@pytest.mark.parametrize(("weight", "y"), [(4_095, 1), (4_064, 1), (-4_096, 0), (-4_065, 0)])
def test_update__weight_near_its_end__reverts(learner, trainer, weight, y):
    model = learner(20, [0] * 19 + [weight])

    with reverts("perceptron: weight out of range"):
        model.send("update", sample(3, 19), y, sender=trainer)

    assert state_of(model)[0] == [0] * 19 + [weight]


@pytest.mark.parametrize(("weight", "y", "after"), [(4_063, 1, 4_095), (-4_064, 0, -4_096)])
def test_update__weight_to_its_end__reaches_it(learner, trainer, weight, y, after):
    model = learner(20, [0] * 19 + [weight])

    assert update(model, trainer, sample(19), y) == 33

    assert state_of(model)[0] == [0] * 19 + [after]


@pytest.mark.parametrize(("bias", "y"), [(2**31 - 5, 1), (-(2**31) + 4, 0)])
def test_update__bias_near_its_end__reverts(learner, trainer, bias, y):
    model = learner(1, bias=bias, bias_rate=5, margin=2**32 - 1)

    with reverts("perceptron: bias out of range"):
        model.send("update", sample(0), y, sender=trainer)


@pytest.mark.parametrize(("bias", "y", "after"), [(2**31 - 6, 1, 2**31 - 1), (-(2**31) + 5, 0, -(2**31))])
def test_update__bias_to_its_end__reaches_it(learner, trainer, bias, y, after):
    model = learner(1, bias=bias, bias_rate=5, margin=2**32 - 1)

    assert update(model, trainer, sample(0), y) == 33
    assert state_of(model)[2] == after


@pytest.mark.parametrize(
    ("score", "y", "margin", "learns"),
    [(0, 1, 0, True), (1, 1, 0, False), (1, 0, 0, True), (0, 0, 0, False), (20, 1, 20, False), (19, 1, 20, True)]
    + [(-20, 0, 20, False), (-19, 0, 20, True)],
)
def test_update__score_at_the_margin__learns_below_it_only(learner, trainer, score, y, margin, learns):
    model = learner(1, bias=score, margin=margin)

    assert update(model, trainer, sample(0), y) == (33 if learns else 0)


def test_update__1024_new_words__effect_fits_16_bits(learner, trainer):
    model = learner(1_024)

    assert update(model, trainer, sample(*range(1_024)), 1) == 1 + 1_024 * 32 < 2**16


def test_level__no_such_feature__reverts(learner):
    with reverts("sample: index out of range"):
        learner(3).call("level", 3)


def test_predict_without__no_such_effect__reverts(learner):
    with reverts("model: no such effect"):
        learner(3).call("predict_without", sample(0), 1, 2**16)


def test_create__learning_rate__is_no_parameter(learner, implementations, raw, rpc, owner):
    implementation = raw(implementations("LevelPerceptron"))
    packed = LevelPerceptronParameters(10).pack() | 1
    arguments = (str(owner.address), str(owner.address), b"", packed, b"", [], False, bytes(32))
    transaction = implementation.transaction("create", *arguments, sender=str(owner.address))

    assert rpc.why(transaction) == "model: unknown parameters"


# ---- many classes ----------------------------------------------------------------------------------------------------


@pytest.fixture
def classes_learner(new_model, trainer):
    """``classes_learner(n_features, classes, ...)``: the same with many classes."""

    def build(n_features, classes, rows=None, **parameters):
        fields = MulticlassLevelPerceptronParameters(
            n_features, classes, **{"bias_rate": 0, "margin": ALWAYS} | parameters
        )
        card = pack_card(classes=[f"class {y}" for y in range(classes)])
        return new_model(MulticlassLevelPerceptron(fields, rows, classes), trainer, card=card)

    return build


def rows_of(model):
    packed = MulticlassLevelPerceptronParameters.unpack(model.call("parameters"))
    twin = MulticlassLevelPerceptron.from_words(packed, model.call("words", 0, model.call("word_count")))
    return twin.rows, twin.levels


def test_update__three_classes_by_hand__each_feature_in_each_class_by_its_own_step(classes_learner, trainer):
    model = classes_learner(2, 3)

    # of equals the lowest is the rival: 0, which is 1 + 0 in the effect; the mean step is 32, four times 128
    assert update(model, trainer, sample(0), 1) == 1 | 128 << 8
    assert rows_of(model) == ([[0, -32, 0], [0, 32, 0], [0, 0, 0]], [[0, 1, 0], [0, 1, 0], [0, 0, 0]])
    # class 2 learns it, and takes it from class 1: steps 32 and 16, mean 24
    assert update(model, trainer, sample(0), 2) == 2 | 96 << 8
    assert rows_of(model) == ([[0, -32, 0], [0, 16, 0], [0, 32, 0]], [[0, 1, 0], [0, 1, 0], [0, 1, 0]])
    assert model.call("scores", sample(0, 1)) == [-32, 16, 32]
    assert model.call("predict_without", sample(0), 2, 2 | 96 << 8) == 1  # 16 + 24 is above 32 - 24


@pytest.mark.parametrize(("bias", "rate", "message"), [(-4_090, 5, None), (-4_090, 6, "perceptron: bias out of range")])
def test_update__bias_of_the_rival_near_its_end__never_that_of_an_untrained_class(
    classes_learner, trainer, bias, rate, message
):
    """The lowest bias, -4,096, is kept for classes that were added and have not learnt."""
    model = classes_learner(1, 2, [[bias, 0], [0, 0]], bias_rate=rate)

    if message is None:
        assert update(model, trainer, sample(0), 1) > 0
        assert rows_of(model)[0][0][0] == -4_095
    else:
        with reverts(message):
            model.send("update", sample(0), 1, sender=trainer)


@pytest.mark.parametrize("effect", [4, 5, 255, 2**16 | 1])
def test_predict_without__no_such_effect__reverts_for_many_classes(classes_learner, effect):
    with reverts("model: no such effect" if effect > 2**16 else "model: no such class"):
        classes_learner(2, 3).call("predict_without", sample(0), 1, effect)


def test_create__learning_rate__is_no_parameter_for_many_classes(implementations, raw, rpc, owner):
    implementation = raw(implementations("MulticlassLevelPerceptron"))
    packed = MulticlassLevelPerceptronParameters(10).pack() | 1
    arguments = (str(owner.address), str(owner.address), b"", packed, b"", [], False, bytes(32))
    transaction = implementation.transaction("create", *arguments, sender=str(owner.address))

    assert rpc.why(transaction) == "model: unknown parameters"
