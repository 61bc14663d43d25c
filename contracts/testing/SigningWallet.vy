# pragma version 0.4.3
"""
@title SigningWallet
@notice An account for tests that is a contract and signs by its word (EIP-1271): what it was told to approve; or it burns its gas.
"""

approved: public(HashMap[bytes32, bool])
burning: public(bool)


@payable
@external
def __default__():
    pass


@external
def approve(digest: bytes32):
    self.approved[digest] = True


@external
def set_burning(burning: bool):
    self.burning = burning


@view
@external
def isValidSignature(digest: bytes32, signature: Bytes[1_024]) -> bytes4:
    if self.burning:
        for i: uint256 in range(max_value(uint256)):
            assert self.burning
    return 0x1626ba7e if self.approved[digest] else 0xffffffff
