# pragma version 0.4.3
"""
@title BadPayee
@notice An account for tests that does its worst when it is paid: it refuses, burns all gas that it gets, or refuses with a lot of data.
"""

MAX_CALL: constant(uint256) = 4_096
TAKING: constant(uint256) = 0
REFUSING: constant(uint256) = 1
BURNING: constant(uint256) = 2
BOMBING: constant(uint256) = 3

# what it does when it is paid
manner: public(uint256)


@payable
@external
def __default__():
    manner: uint256 = self.manner
    assert manner != REFUSING, "payee: no thanks"
    if manner == BURNING:
        for i: uint256 in range(max_value(uint256)):
            self.manner = BURNING
    if manner == BOMBING:
        raw_revert(abi_encode(empty(uint256[512])))


@external
def set_manner(manner: uint256):
    self.manner = manner


@payable
@external
def run(target: address, payload: Bytes[MAX_CALL]):
    """
    @notice Call a contract with the ether sent along.
    """
    raw_call(target, payload, value=msg.value)
