"""What `MulticlassSparsePerceptron` refuses, and its rule on examples by hand."""

import pytest

from comodels.models.classes import NEVER
from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from comodels.revert import Revert
from tests.conftest import pack_card
from tests.unit.table_models.conftest import x


@pytest.fixture
def create(create_model, raw, trainer):
    """Create twin and model: ``twin, model = create(rows, n_features=20, room=4, margin=0)``."""

    def make(rows=None, n_features=20, room=4, classes=3, sealed=True, words=None, **fields):
        parameters = MulticlassSparsePerceptronParameters(n_features, room, **fields)
        twin = MulticlassSparsePerceptron(parameters, rows, classes)
        card = pack_card(classes=[f"class {y}" for y in range(twin.class_count)])
        return twin, raw(create_model(twin, trainer, sealed=sealed, card=card, words=words))

    return make


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (0 | 2 << 56 | 5 << 64, "model: learning rate of 0"),
        (1 | 0 << 56 | 5 << 64, "model: room for 1 to 255 classes"),
        (1 | 2 << 56 | 0 << 64, "model: 1 to 65,536 features"),
        (1 | 2 << 56 | 65_537 << 64, "model: 1 to 65,536 features"),
        (1 | 2 << 56 | 65_536 << 64, ""),
    ],
)
def test_create__parameters_out_of_range__is_refused(implementations, raw, rpc, owner, trainer, parameters, problem):
    implementation = raw(implementations("MulticlassSparsePerceptron"))
    arguments = (owner.address, trainer.address, b"", parameters, pack_card(), [2 << 192], True, bytes(32))
    assert rpc.why(implementation.transaction("create", *arguments, sender=str(owner.address))) == problem


def test_update__wrong__moves_the_right_class_up_and_the_predicted_one_down(create, do, trainer):
    twin, model = create([[0] * 21, [1] * 21, [2] * 21], rate=3, bias_rate=5)
    assert model.call("predict", x(4, 9)) == 2
    do(model, "update", x(4, 9), 0, sender=trainer)
    # class 0: 0 + 2 · 3 + 5, class 2: 6 - 2 · 3 - 5
    assert model.call("scores", x(4, 9)) == (11, 3, -5)
    assert twin.update(x(4, 9), 0) == 3
    assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())
    assert model.call("predict_without", x(4, 9), 0, 3) == 2
    assert model.call("predict_without", x(4, 9), 0, 0) == 0


@pytest.mark.parametrize(("y", "effect"), [(0, 0), (1, 1), (2, 1)])
def test_update__all_scores_equal__only_the_lowest_index_is_right(create, do, rpc, trainer, y, effect):
    twin, model = create()
    call = {"from": str(trainer.address), "to": model.address, "data": "0x" + model.data("update", x(1), y).hex()}
    assert int(rpc.rpc("eth_call", call, "latest"), 16) == effect == twin.update(x(1), y)


def test_update__right_by_less_than_the_margin__is_learnt(create, rpc, trainer):
    for lead, effect in ((4, 3), (5, 0)):
        twin, model = create([[lead] + [0] * 20, [-1] + [0] * 20, [0] * 21], margin=5)
        data = "0x" + model.data("update", x(1), 0).hex()
        call = {"from": str(trainer.address), "to": model.address, "data": data}
        assert int(rpc.rpc("eth_call", call, "latest"), 16) == effect == twin.update(x(1), 0)


def test_update__one_class_only__changes_nothing(create, do, trainer):
    twin, model = create(classes=1)
    do(model, "update", x(1), 0, sender=trainer)
    assert model.call("version") == twin.update(x(1), 0) == 0


@pytest.mark.parametrize(
    ("row", "weight", "problem"),
    [
        (0, 2**15 - 1, "perceptron: bias out of range"),
        (2, 2**15 - 1, "perceptron: weight out of range"),
        (0, -(2**15), "perceptron: bias out of range"),
        (2, -(2**15), "perceptron: weight out of range"),
    ],
)
def test_update__weight_at_the_end_of_its_range__is_refused(create, why, trainer, row, weight, problem):
    rows = [[0] * 21, [0] * 21, [0] * 21]
    y = 1 if weight > 0 else 2  # moves up from its end; or its rival, class 1, moves down from its own
    rows[1][row] = weight
    if weight > 0:
        rows[0] = [2**15 - 1] * 21
        rows[0][row] = 2**15 - 1
    else:
        rows[0] = rows[2] = [-(2**15) + 1] * 21
        rows[1] = [-(2**15) + 2] * 21
        rows[1][row] = weight
        rows[2] = [-(2**15) + 1] * 21
        rows[0] = [-(2**15) + 1] * 21
        rows[0][row] = rows[2][row] = -(2**15)
    twin, model = create(rows)
    with pytest.raises(Revert, match=problem):
        twin.update(x(1, 3), y)
    assert why(model, "update", x(1, 3), y, sender=trainer) == problem


@pytest.mark.parametrize("sample", [b"", b"\x00", x(3, 3), x(20), x(*range(17), 16), x(5, *range(1, 17))])
def test_update_and_predict__malformed_sample__are_refused_as_by_the_twin(create, why, trainer, sample):
    twin, model = create()
    with pytest.raises(Revert) as refused:
        twin.predict(sample)
    assert why(model, "update", sample, 0, sender=trainer) == str(refused.value)
    assert why(model, "predict", sample) == str(refused.value)
    assert why(model, "predict_without", sample, 0, 1) == str(refused.value)


def test_update__not_the_trainer_no_such_class_or_not_sealed__is_refused(create, why, trainer, owner):
    _, model = create()
    assert why(model, "update", x(1), 0, sender=owner) == "model: not the trainer"
    assert why(model, "update", x(1), 3, sender=trainer) == "model: no such class"
    assert why(model, "predict_without", x(1), 3, 0) == "model: no such class"
    assert why(model, "predict_without", x(1), 0, 4) == "model: no such class"
    _, model = create(sealed=False)
    assert why(model, "update", x(1), 0, sender=trainer) == "model: not sealed"
    assert why(model, "add_class", "a") == "model: not sealed"


@pytest.mark.parametrize("room", [5, 8, 20])
def test_add_class__learns_from_its_first_sample_on__equals_the_twin(create, do, why, stranger, trainer, room):
    twin, model = create(n_features=40, room=room, rate=3, bias_rate=2)
    assert why(model, "add_class", "a", sender=stranger) == "ownership: not the owner"
    for name in ("a", "b"):
        do(model, "add_class", name)
        twin.add_class()
    assert [model.call("class_name", y) for y in (2, 3, 4)] == ["class 2", "a", "b"]
    assert why(model, "add_class", "c") == ("classes: too many" if room == 5 else "")
    assert why(model, "add_class", "class 1") == ("classes: too many" if room == 5 else "classes: name is taken")
    assert model.call("scores", x(1)) == (0, 0, 0, NEVER, NEVER) == tuple(twin.scores(x(1)))
    for _ in range(2):
        assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())
        do(model, "update", x(1, 4), 4, sender=trainer)
        twin.update(x(1, 4), 4)
    # the first sample sets the bias to minus 2 · 3, so that its own score is 0; the second adds 2 · 3 + 2
    assert model.call("scores", x(1, 4)) == tuple(twin.scores(x(1, 4))) == (-8, -8, 0, NEVER, 8)
    assert model.call("predict", x(1, 4)) == 4
    assert model.call("predict", x(2)) == twin.predict(x(2)) == 2  # whose bias has not moved


def test_update__first_sample_of_a_class_too_long_for_its_bias__is_refused_and_others_are_not(create, do, why, trainer):
    twin, model = create(n_features=40, rate=2**14)
    do(model, "add_class", "a")
    twin.add_class()
    with pytest.raises(Revert, match="perceptron: bias out of range"):
        twin.update(x(1, 2), 3)
    assert why(model, "update", x(1, 2), 3, sender=trainer) == "perceptron: bias out of range"
    do(model, "update", x(1), 3, sender=trainer)
    do(model, "update", x(2), 1, sender=trainer)


@pytest.mark.parametrize(("n_features", "longest"), [(5_120, 1_024), (5_121, 640)])
def test_predict__more_features_than_an_update_may_write__too_long(create, why, n_features, longest):
    _, model = create(n_features=n_features, room=2, classes=2, words=[2 << 192])

    model.call("predict", x(*range(longest)))

    if longest < 1_024:
        assert why(model, "predict", x(*range(longest + 1))) == "sample: too long"
