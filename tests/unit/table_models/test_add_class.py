"""`add_class`, `load_class` and `class_name` of the models that count."""

import numpy as np
import pytest

from simulation.table import pack_counts
from tests.unit.table_models.conftest import x


def test_add_class__without_samples__can_learn(create, do, trainer, kind):
    twin, model = create()
    do(model, "add_class", "later", 0, [])
    twin.add_class()
    assert (model.call("class_count"), model.call("class_name", 2)) == (3, "later")
    do(model, "update", x(4), 2, sender=trainer)
    twin.update(x(4), 2)
    assert model.call("predict", x(4)) == twin.predict(x(4)) == 2
    assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())


@pytest.mark.parametrize("room", [3, 9])
def test_add_class__loaded_in_parts__equals_the_twin(create, do, why, room):
    twin, model = create(n_features=300, room=room, counts=[[9] * 300] * 2, samples=[10] * 2)
    counts = np.random.default_rng(room).integers(0, 100, 300)
    words = pack_counts(counts)
    do(model, "load_class", 0, [7] * 2)  # wrong, and started again
    do(model, "load_class", 0, words[:20])
    assert why(model, "add_class", "later", 100, []) == "classes: counts for all features are needed"
    assert why(model, "add_class", "later", 0, []) == "classes: counts without samples"
    assert why(model, "load_class", 8, words[20:]) == "classes: counts out of order"
    do(model, "load_class", 160, words[20:25])
    assert model.call("predict", x(1, 250)) == twin.predict(x(1, 250))  # not a class yet
    assert model.call("scores", x(1, 250)) == tuple(twin.scores(x(1, 250)))
    assert why(model, "add_class", "later", 0, words[25:]) == "classes: counts without samples"
    do(model, "add_class", "later", 100, words[25:])
    twin.add_class(100, counts)
    assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())
    assert model.call("statistics", 2) == (100, twin.figures[2])


def test_add_class__wrong_number_of_counts__is_refused(create, why):
    _, model = create(n_features=20)
    assert why(model, "add_class", "a", 1, [0] * 2) == "classes: counts for all features are needed"
    assert why(model, "add_class", "a", 1, [0] * 4) == "classes: more counts than features"
    assert why(model, "add_class", "a", 1, [0, 0, 1 << 32 * 3]) == "classes: more counts than features"
    assert why(model, "add_class", "a", 1, [0, 0, 1 << 32 * 4]) == ""
    assert why(model, "add_class", "a", 2**32, [0] * 3) == "model: count is full"
    assert why(model, "load_class", 0, []) == "classes: no counts"


@pytest.mark.parametrize("name", ["class 0", "class 1", "long " * 20])
def test_add_class__name_is_taken__is_refused(create, do, why, name):
    _, model = create(names=["class 0", "class 1"])
    if name.startswith("long"):
        do(model, "add_class", name, 0, [])
    assert why(model, "add_class", name, 0, []) == "classes: name is taken"
    assert why(model, "add_class", name + "!", 0, []) == ""


def test_add_class__name_of_another_text_of_the_card__is_free(create, why):
    _, model = create()
    assert why(model, "add_class", "a model", 0, []) == ""


def test_add_class__empty_name_too_many_stranger_or_not_sealed__is_refused(create, do, why, stranger):
    _, model = create(room=3)
    assert why(model, "add_class", "", 0, []) == "classes: empty name"
    assert why(model, "add_class", "a", 0, [], sender=stranger) == "ownership: not the owner"
    assert why(model, "load_class", 0, [1], sender=stranger) == "ownership: not the owner"
    do(model, "add_class", "a", 0, [])
    assert why(model, "add_class", "b", 0, []) == "classes: too many"
    assert why(model, "load_class", 0, [1]) == "classes: too many"
    _, model = create(sealed=False)
    assert why(model, "add_class", "a", 0, []) == "model: not sealed"
    assert why(model, "load_class", 0, [1]) == "model: not sealed"


def test_class_name__names_of_card_and_later__are_given(create, do, why, kind):
    _, model = create(names=["a" * 255, "b"])
    do(model, "add_class", "ü" * 127, 0, [])
    assert [model.call("class_name", y) for y in range(3)] == ["a" * 255, "b", "ü" * 127]
    assert why(model, "class_name", 3) == "model: no such class"
    assert model.call("kind") == kind.KIND
