"""`add_class` and `class_name` of the models that count."""

import pytest

from comodels.models.classes import NEVER
from tests.unit.table_models.conftest import x


@pytest.mark.parametrize("room", [3, 9])
def test_add_class__learns_from_its_first_sample_on__equals_the_twin(create, do, trainer, room):
    twin, model = create(n_features=300, room=room, counts=[[9] * 300] * 2, samples=[10] * 2)
    do(model, "add_class", "later")
    twin.add_class()
    assert (model.call("class_count"), model.call("class_name", 2)) == (3, "later")
    assert model.call("scores", x(4, 299))[2] == NEVER
    for _ in range(3):
        do(model, "update", x(4, 299), 2, sender=trainer)
        twin.update(x(4, 299), 2)
        assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())
        assert model.call("statistics", 2) == (twin.samples[2], twin.figures[2])
        assert model.call("scores", x(4, 299)) == tuple(twin.scores(x(4, 299)))


def test_update__first_sample_of_a_class__begins_where_the_others_are(create, do, kind, trainer):
    counts = [[3, 1, 0] + [0] * 17, [0] * 20]
    twin, model = create(counts=counts, samples=[2, 0])
    do(model, "update", x(4, 5), 1, sender=trainer)
    twin.update(x(4, 5), 1)
    # naive Bayes: the total of class 0, 4, and 2 words; nearest centroid: ‖S / n‖² = 10 / 4, rounded up, and ‖x‖² = 2
    assert twin.figures[1] == (6 if kind.KIND == "NaiveBayes" else 5)
    assert model.call("statistics", 1) == (1, twin.figures[1])


def test_add_class__refusals__revert(create, do, why, stranger):
    _, model = create(room=3)
    assert why(model, "add_class", "") == "classes: empty name"
    assert why(model, "add_class", "class 1") == "classes: name is taken"
    assert why(model, "add_class", "a", sender=stranger) == "ownership: not the owner"
    do(model, "add_class", "a")
    assert why(model, "add_class", "b") == "classes: too many"
    _, model = create(sealed=False)
    assert why(model, "add_class", "a") == "model: not sealed"


def test_class_name__names_of_card_and_later__are_given(create, do, why, kind):
    _, model = create(names=["a" * 255, "b"])
    do(model, "add_class", "ü" * 127)
    assert [model.call("class_name", y) for y in range(3)] == ["a" * 255, "b", "ü" * 127]
    assert why(model, "class_name", 3) == "model: no such class"
    assert model.call("kind") == kind.KIND
