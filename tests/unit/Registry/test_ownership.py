NOBODY = "0x" + "00" * 20


def test_ownership__offered_and_accepted__moves_in_two_steps(registry, owner, provider):
    registry.offer_ownership(provider, sender=owner)
    assert (registry.owner(), registry.successor()) == (owner, provider)

    registry.accept_ownership(sender=provider)

    assert (registry.owner(), registry.successor()) == (provider, NOBODY)


def test_ownership__accepted_by_another__reverts(registry, owner, provider, stranger, why):
    registry.offer_ownership(provider, sender=owner)

    assert why("accept_ownership", sender=stranger) == "ownership: not the successor"
