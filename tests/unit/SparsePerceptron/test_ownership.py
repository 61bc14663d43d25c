from tests.client import reverts

NOBODY = "0x" + "00" * 20


def test_ownership__offered_and_accepted__moves_in_two_steps(perceptron, owner, provider, trainer):
    model = perceptron([0], sealed=False)

    offered = model.send("offer_ownership", provider, sender=owner)
    assert offered.events == [model.event("OwnershipOffered", owner=owner, successor=provider)]
    assert (model.call("owner"), model.call("successor")) == (owner.address, provider.address)
    taken = model.send("accept_ownership", sender=provider)

    assert taken.events == [model.event("OwnershipTaken", previous=owner, owner=provider)]
    assert (model.call("owner"), model.call("successor")) == (provider.address, NOBODY)
    with reverts("ownership: not the owner"):
        model.send("seal", sender=owner)
    model.send("seal", sender=provider)
    assert model.call("trainer") == trainer.address  # the trainer does not move


def test_ownership__offered_by_another__reverts(perceptron, stranger, trainer):
    model = perceptron([0])

    for sender in (stranger, trainer):
        with reverts("ownership: not the owner"):
            model.send("offer_ownership", sender, sender=sender)


def test_ownership__accepted_by_another__reverts(perceptron, owner, provider, stranger):
    model = perceptron([0])
    with reverts("ownership: not the successor"):
        model.send("accept_ownership", sender=stranger)
    model.send("offer_ownership", provider, sender=owner)

    for sender in (stranger, owner):
        with reverts("ownership: not the successor"):
            model.send("accept_ownership", sender=sender)


def test_ownership__accepted_twice__reverts(perceptron, owner, provider):
    model = perceptron([0])
    model.send("offer_ownership", provider, sender=owner)
    model.send("accept_ownership", sender=provider)

    with reverts("ownership: not the successor"):
        model.send("accept_ownership", sender=provider)


def test_ownership__offer_withdrawn__can_not_be_accepted(perceptron, owner, provider):
    model = perceptron([0])
    model.send("offer_ownership", provider, sender=owner)

    model.send("offer_ownership", NOBODY, sender=owner)

    with reverts("ownership: not the successor"):
        model.send("accept_ownership", sender=provider)


def test_ownership__new_offer__replaces_the_old(perceptron, owner, provider, keeper):
    model = perceptron([0])
    model.send("offer_ownership", provider, sender=owner)
    model.send("offer_ownership", keeper, sender=owner)

    with reverts("ownership: not the successor"):
        model.send("accept_ownership", sender=provider)
    model.send("accept_ownership", sender=keeper)
    assert model.call("owner") == keeper.address
