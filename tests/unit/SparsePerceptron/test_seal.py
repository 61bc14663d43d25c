from tests.client import reverts
from tests.unit.SparsePerceptron.conftest import sample


def test_seal__by_the_owner__logged_once_and_for_ever(perceptron, owner):
    model = perceptron([1, 2], sealed=False)
    assert not model.call("sealed")

    receipt = model.send("seal", sender=owner)

    assert receipt.events == [model.event("Sealed")]
    assert model.call("sealed")
    with reverts("model: sealed"):
        model.send("seal", sender=owner)


def test_seal__by_another_than_the_owner__reverts(perceptron, trainer, stranger):
    model = perceptron([1, 2], sealed=False)

    for sender in (trainer, stranger):
        with reverts("ownership: not the owner"):
            model.send("seal", sender=sender)
    assert not model.call("sealed")


def test_seal__state_and_answers__as_before(perceptron, owner):
    model = perceptron([5, -7], bias=3, sealed=False)
    words, score = model.call("words", 0, 1), model.call("score", sample(1))

    model.send("seal", sender=owner)

    assert (model.call("words", 0, 1), model.call("score", sample(1))) == (words, score)
    assert model.call("version") == 0


def test_seal__not_yet__update_reverts(perceptron, owner, trainer):
    model = perceptron([1, 2], sealed=False)

    with reverts("model: not sealed"):
        model.send("update", sample(0), 0, sender=trainer)
    model.send("seal", sender=owner)
    model.send("update", sample(0), 0, sender=trainer)
