import pytest

from simulation.dense_perceptron import pack_weights
from tests.unit.DensePerceptron.conftest import x


@pytest.fixture
def do(rpc, owner):
    def send(model, function, *arguments):
        transaction = model.transaction(function, *arguments, sender=str(owner.address))
        assert rpc.send([transaction])[0]["status"] == "0x1", rpc.why(transaction)

    return send


@pytest.mark.parametrize("n_features", [2, 15, 40])
def test_add_class__with_weights_and_with_zeros__takes_part(create, do, learn, words, n_features):
    rest = [0] * (n_features - 2)
    twin, model = create([[1, 0, *rest], [0, 1, *rest]])
    do(model, "add_class", "third", pack_weights([-3, -4, *rest], 7))
    do(model, "add_class", "fourth", [])
    assert twin.add_class([-3, -4, *rest], 7) == 2
    assert twin.add_class() == 3
    assert model.call("class_count") == 4
    assert [model.call("class_name", y) for y in range(4)] == ["class 0", "class 1", "third", "fourth"]
    assert words(model) == twin.words()
    # 3 · 6 + 4 · 8 + 7 · 10
    assert model.call("scores", x(-6, -8, *rest)) == (-6, -8, 120, 0)
    assert learn(model, x(-6, -8, *rest), 3) == 3 == twin.update(x(-6, -8, *rest), 3)
    assert words(model) == twin.words()


def test_add_class__words_loaded_where_no_class_was__are_nothing(create, do, words):
    twin, model = create([[1, 0], [0, 1]], sealed=False)
    do(model, "load", 3, [5])
    do(model, "seal")
    do(model, "add_class", "third", [])
    twin.add_class()
    assert words(model) == twin.words()


def test_add_class__refusals__revert(create, do, why, owner, stranger):
    _, model = create([[0, 0], [0, 0]], room=3)
    for name, weights, message in [
        ("", [], "classes: empty name"),
        ("class 1", [], "classes: name is taken"),
        ("new", [0, 0], "perceptron: weights of the wrong length"),
        ("new", [0], ""),
    ]:
        assert why(model, "add_class", name, weights, sender=owner) == message
    assert why(model, "add_class", "new", [], sender=stranger) == "ownership: not the owner"
    do(model, "add_class", "new", [])
    assert why(model, "add_class", "newer", [], sender=owner) == "classes: too many"
    _, model = create([[0, 0], [0, 0]], sealed=False)
    assert why(model, "add_class", "new", [], sender=owner) == "model: not sealed"
