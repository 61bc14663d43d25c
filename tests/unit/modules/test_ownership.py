import pytest

from tests.client import reverts

NOBODY = "0x" + "00" * 20


@pytest.fixture
def harness(contract_of):
    return contract_of("OwnershipHarness")


def test_check_owner__owner_only(harness, owner, stranger):
    harness.call("check_owner", sender=owner)
    for sender in (stranger, NOBODY):
        with reverts("ownership: not the owner"):
            harness.call("check_owner", sender=sender)


def test_accept_ownership__nobody_named__not_even_the_zero_address(harness, stranger, owner):
    """Without an offer the successor is the zero address, from which no transaction can come."""
    assert harness.call("successor") == NOBODY
    for sender in (stranger, owner):
        with reverts("ownership: not the successor"):
            harness.send("accept_ownership", sender=sender)


def test_offer_and_accept__two_steps__logged(harness, owner, provider):
    offered = harness.send("offer_ownership", provider, sender=owner)
    assert harness.call("owner") == owner.address
    taken = harness.send("accept_ownership", sender=provider)

    assert offered.events == [harness.event("OwnershipOffered", owner=owner, successor=provider)]
    assert taken.events == [harness.event("OwnershipTaken", previous=owner, owner=provider)]
    assert (harness.call("owner"), harness.call("successor")) == (provider.address, NOBODY)
    with reverts("ownership: not the owner"):
        harness.call("check_owner", sender=owner)


def test_offer_ownership__by_another__reverts(harness, stranger, owner, provider):
    with reverts("ownership: not the owner"):
        harness.send("offer_ownership", stranger, sender=stranger)
    harness.send("offer_ownership", provider, sender=owner)
    with reverts("ownership: not the owner"):
        harness.send("offer_ownership", stranger, sender=provider)  # not before accepting


def test_offer_ownership__to_oneself__nothing_changes(harness, owner):
    harness.send("offer_ownership", owner, sender=owner)
    harness.send("accept_ownership", sender=owner)

    assert (harness.call("owner"), harness.call("successor")) == (owner.address, NOBODY)
