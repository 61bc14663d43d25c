import pytest

from comodels.models.classes import NEVER
from tests.unit.DensePerceptron.conftest import x


@pytest.fixture
def do(rpc, owner):
    def send(model, function, *arguments):
        transaction = model.transaction(function, *arguments, sender=str(owner.address))
        assert rpc.send([transaction])[0]["status"] == "0x1", rpc.why(transaction)

    return send


@pytest.mark.parametrize("n_features", [2, 15, 40])
def test_add_class__learns_from_its_first_sample_on__takes_part(create, do, learn, words, n_features):
    rest = [0] * (n_features - 2)
    twin, model = create([[1, 0, *rest], [0, 1, *rest]], bias_rate=3)
    for y, name in enumerate(("third", "fourth"), 2):
        do(model, "add_class", name)
        assert twin.add_class() == y
    assert model.call("class_count") == 4
    assert [model.call("class_name", y) for y in range(4)] == ["class 0", "class 1", "third", "fourth"]
    assert words(model) == twin.words()
    sample = x(-6, -8, *rest)
    assert model.call("scores", sample) == (-6, -8, NEVER, NEVER)
    # the bias begins at -(11 + 3), where 11 is 1.0404 · 10, rounded up
    assert twin.biases[3] == -14
    for score in (NEVER, 2 * 100 - 8 * 10):
        assert learn(model, sample, 3) == twin.update(sample, 3) > 0
        assert words(model) == twin.words()
        assert model.call("scores", sample)[3] == twin.scores(sample)[3] == score
    assert model.call("predict", sample) == 3


def test_add_class__refusals__revert(create, do, why, owner, stranger):
    _, model = create([[0, 0], [0, 0]], room=3)
    assert why(model, "add_class", "", sender=owner) == "classes: empty name"
    assert why(model, "add_class", "class 1", sender=owner) == "classes: name is taken"
    assert why(model, "add_class", "new", sender=stranger) == "ownership: not the owner"
    do(model, "add_class", "new")
    assert why(model, "add_class", "newer", sender=owner) == "classes: too many"
    _, model = create([[0, 0], [0, 0]], sealed=False)
    assert why(model, "add_class", "new", sender=owner) == "model: not sealed"


@pytest.mark.parametrize("count", [0, 16, 1_024])
def test_add_class__fall__begins_as_low_as_the_first_rate_can_lift(create, do, learn, words, count):
    """At a rate of 16 that is 167 = 1.0404 · 160, rounded up, and 48: whenever it was added."""
    twin, model = create([[1, 0], [0, 1]], bias_rate=3, fall=4, count=count)
    do(model, "add_class", "third")
    assert twin.add_class() == 2
    assert words(model) == twin.words()
    assert twin.biases[2] == -(167 + 48)

    for _ in range(2):
        assert learn(model, x(6, 8), 2) == twin.update(x(6, 8), 2) > 0
        assert words(model) == twin.words()

    # at 16 twice what one sample lifts, 16 · 100 + 48 · 10, is above 2,150
    assert (model.call("scores", x(6, 8))[2] == NEVER) == (count > 0)
