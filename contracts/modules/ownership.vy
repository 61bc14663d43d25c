# pragma version 0.4.3
"""
@title Two-step ownership
@notice An owner hands over by naming a successor, who must accept: a mistyped address loses nothing.
"""

event OwnershipOffered:
    owner: indexed(address)
    successor: indexed(address)

event OwnershipTaken:
    previous: indexed(address)
    owner: indexed(address)


# the account that may administrate the contract
owner: public(address)
# whom the owner has named to follow, or the zero address
successor: public(address)


@external
def offer_ownership(successor: address):
    """
    @notice Name who may take over. The zero address withdraws an offer.
    """
    self._check_owner()
    self.successor = successor
    log OwnershipOffered(owner=self.owner, successor=successor)


@external
def accept_ownership():
    """
    @notice Take over from the owner who named the caller.
    """
    assert msg.sender == self.successor, "ownership: not the successor"
    log OwnershipTaken(previous=self.owner, owner=msg.sender)
    self.owner = msg.sender
    self.successor = empty(address)


@internal
@view
def _check_owner():
    assert msg.sender == self.owner, "ownership: not the owner"
