"""What the tests of several contracts share: calls and transactions of the account that they are about."""

import pytest


@pytest.fixture
def sender(owner):
    """Who calls where nobody is named; folders of models name their trainer instead."""
    return owner


@pytest.fixture
def why(rpc, sender):
    """The reason with which a call would revert: ``why(model, "predict", x)``; empty if it would not."""

    def ask(model, function, *arguments, sender=sender):
        return rpc.why(model.transaction(function, *arguments, sender=str(sender.address)))

    return ask


@pytest.fixture
def do(rpc, sender):
    """Send one transaction that must go through; its receipt."""

    def send(model, function, *arguments, sender=sender):
        transaction = model.transaction(function, *arguments, sender=str(sender.address))
        (receipt,) = rpc.send([transaction])
        assert receipt["status"] == "0x1", rpc.why(transaction)
        return receipt

    return send
