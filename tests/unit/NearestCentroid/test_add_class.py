from comodels.models.classes import NEVER
from tests.unit.NearestCentroid.conftest import x


def test_add_class__learns_from_its_first_sample_on__takes_part(create, do, owner):
    twin, model = create([[6, 0], [0, 2]], [3, 2], room=4)
    for name in ("third", "fourth"):
        do(model, "add_class", name, sender=owner)
        twin.add_class()
    assert model.call("class_count") == 4
    assert [model.call("class_name", y) for y in range(4)] == ["class 0", "class 1", "third", "fourth"]
    assert model.call("words", 0, 5) == tuple(twin.words())
    assert model.call("scores", x(-6, -8))[2:] == (NEVER, NEVER)
    do(model, "update", x(-6, -8), 3)
    twin.update(x(-6, -8), 3)
    assert model.call("predict", x(-6, -8)) == twin.predict(x(-6, -8)) == 3
    assert model.call("words", 0, 5) == tuple(twin.words())


def test_add_class__refusals__revert(create, why, do, owner, stranger):
    _, model = create([[6, 0], [0, 2]], [3, 2], room=4)
    assert why(model, "add_class", "", sender=owner) == "classes: empty name"
    assert why(model, "add_class", "class 1", sender=owner) == "classes: name is taken"
    assert why(model, "add_class", "new", sender=stranger) == "ownership: not the owner"
    do(model, "add_class", "new", sender=owner)
    assert why(model, "add_class", "new", sender=owner) == "classes: name is taken"
    do(model, "add_class", "newer", sender=owner)
    assert why(model, "add_class", "newest", sender=owner) == "classes: too many"
    _, model = create([[6, 0], [0, 2]], [3, 2], room=4, sealed=False)
    assert why(model, "add_class", "new", sender=owner) == "model: not sealed"
