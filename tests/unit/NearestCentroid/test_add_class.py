from simulation.nearest_centroid import pack_sums
from tests.unit.NearestCentroid.conftest import x


def test_add_class__with_and_without_samples__takes_part(create, do, owner):
    twin, model = create([[6, 0], [0, 2]], [3, 2], room=4)
    do(model, "add_class", "third", 2, pack_sums([10, 10]), sender=owner)
    do(model, "add_class", "fourth", 0, [], sender=owner)
    twin.add_class(2, [10, 10])
    twin.add_class()
    assert model.call("class_count") == 4
    assert [model.call("class_name", y) for y in range(4)] == ["class 0", "class 1", "third", "fourth"]
    assert model.call("words", 0, 5) == tuple(twin.words())
    assert model.call("predict", x(5, 5)) == 2
    do(model, "update", x(-6, -8), 3)
    assert model.call("predict", x(-6, -8)) == 3


def test_add_class__refusals__revert(create, why, do, owner, stranger):
    _, model = create([[6, 0], [0, 2]], [3, 2], room=4)
    sums = pack_sums([1, 2])
    for name, samples, words, message in [
        ("", 0, [], "classes: empty name"),
        ("class 1", 0, [], "classes: name is taken"),
        ("new", 1, [], "centroid: samples without sums"),
        ("new", 1, sums * 2, "centroid: sums of the wrong length"),
        ("new", 1, [sums[0] | 1 << 160], "centroid: sums of the wrong length"),
        ("new", 0, sums, "centroid: sums without samples"),
        ("new", 2**32, sums, "centroid: count is full"),
        ("new", 1, sums, ""),
    ]:
        assert why(model, "add_class", name, samples, words, sender=owner) == message
    assert why(model, "add_class", "new", 0, [], sender=stranger) == "ownership: not the owner"
    do(model, "add_class", "new", 0, [], sender=owner)
    assert why(model, "add_class", "new", 0, [], sender=owner) == "classes: name is taken"
    do(model, "add_class", "newer", 0, [], sender=owner)
    assert why(model, "add_class", "newest", 0, [], sender=owner) == "classes: too many"


def test_add_class__not_sealed__reverts(create, why, owner):
    _, model = create([[6, 0], [0, 2]], [3, 2], room=4, sealed=False)
    assert why(model, "add_class", "new", 0, [], sender=owner) == "model: not sealed"
