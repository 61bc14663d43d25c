# pragma version 0.4.3
"""
@title OwnershipHarness
@notice The module `ownership` for tests.
"""
from ..modules import ownership

initializes: ownership

exports: (
    ownership.owner,
    ownership.successor,
    ownership.offer_ownership,
    ownership.accept_ownership,
)


@deploy
def __init__():
    ownership.owner = msg.sender


@view
@external
def check_owner():
    ownership._check_owner()
