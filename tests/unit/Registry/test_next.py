"""`name_next`: an owner says which model goes on where theirs ends."""

from ape.utils import ZERO_ADDRESS


def published(registry, receipt):
    return receipt.events.filter(registry.Published)[0].model


def test_name_next__by_the_owner__is_said_and_changed(registry, publish, provider):
    old, new, newer = (published(registry, publish(salt=i)) for i in range(3))
    assert registry.next_of(old) == ZERO_ADDRESS

    receipt = registry.name_next(old, new, sender=provider)

    assert receipt.events == [registry.NextNamed(old, new)]
    assert registry.next_of(old) == new
    assert registry.next_of(new) == ZERO_ADDRESS
    registry.name_next(old, newer, sender=provider)
    assert registry.next_of(old) == newer
    registry.name_next(old, ZERO_ADDRESS, sender=provider)
    assert registry.next_of(old) == ZERO_ADDRESS


def test_name_next__others_and_what_is_not_published__is_refused(registry, publish, provider, owner, stranger, why):
    old, new = (published(registry, publish(salt=i)) for i in range(2))

    for sender in (owner, stranger):  # the registry's owner is nobody here
        assert why("name_next", old, new, sender=sender) == "registry: only the model's owner"
    assert why("name_next", old, old, sender=provider) == "registry: a model is not its own next"
    assert why("name_next", old, registry.address, sender=provider) == "registry: the next is not published"
    assert why("name_next", registry.address, new, sender=provider) == "registry: not published"


def test_name_next__model_changes_hands__its_new_owner_says_it(registry, publish, provider, stranger, why, project):
    old, new = (published(registry, publish(salt=i)) for i in range(2))
    model = project.SparsePerceptron.at(old)
    model.offer_ownership(stranger, sender=provider)
    model.accept_ownership(sender=stranger)

    assert why("name_next", old, new, sender=provider) == "registry: only the model's owner"
    registry.name_next(old, new, sender=stranger)
    assert registry.next_of(old) == new
