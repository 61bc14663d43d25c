# pragma version 0.4.3
"""
@title Rounds
@notice Which signatures have been used up or cancelled, for incentives whose own records do not count rounds.
"""

event Cancelled:
    model: indexed(address)
    contributor: indexed(address)
    sponsor: indexed(address)
    contribution: bytes32
    round: uint256  # what can no longer be used is a signature for it

# by model, contributor, sponsor, label and hash of the sample
rounds: HashMap[bytes32, uint256]


@external
def cancel(model: address, sponsor: address, x_hash: bytes32, y: uint256):
    """
    @notice Take back one's signature for a contribution by a sponsor: the one of the present round.
    @param x_hash keccak256 of the sample.
    """
    key: bytes32 = self._key(model, msg.sender, sponsor, x_hash, y)
    round: uint256 = self.rounds[key]
    self.rounds[key] = round + 1
    log Cancelled(model=model, contributor=msg.sender, sponsor=sponsor, contribution=key, round=round)


@view
@external
def round_of(model: address, contributor: address, sponsor: address, x_hash: bytes32, y: uint256) -> uint256:
    """
    @notice The round that a signature for a contribution by a sponsor must name now.
    @param x_hash keccak256 of the sample.
    """
    return self.rounds[self._key(model, contributor, sponsor, x_hash, y)]


@internal
@pure
def _key(model: address, contributor: address, sponsor: address, x_hash: bytes32, y: uint256) -> bytes32:
    return keccak256(abi_encode(model, contributor, sponsor, y, x_hash))
