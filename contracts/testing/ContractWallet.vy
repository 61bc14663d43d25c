# pragma version 0.4.3
"""
@title ContractWallet
@notice An account for tests that is a contract: it needs more than 2,300 gas to receive ether, refuses it when told to, and calls
        back when it is paid.
"""

MAX_CALL: constant(uint256) = 4_096
MAX_REASON: constant(uint256) = 256

# how often it was paid, and the sum in wei
payments: public(uint256)
received: public(uint256)
# whether it refuses ether
refusing: public(bool)
# what it calls when it is paid, and with what value; nothing if the address is zero
target: address
payload: Bytes[MAX_CALL]
payload_value: uint256
# whether that call succeeded the last time, and what it returned
succeeded: public(bool)
returned: public(Bytes[MAX_REASON])


@payable
@external
def __default__():
    assert not self.refusing, "wallet: no thanks"
    self.payments += 1
    self.received += msg.value
    target: address = self.target
    if target != empty(address):
        self.target = empty(address)
        self.succeeded, self.returned = raw_call(
            target, self.payload, max_outsize=MAX_REASON, value=self.payload_value, revert_on_failure=False
        )


@payable
@external
def run(target: address, payload: Bytes[MAX_CALL]):
    """
    @notice Call a contract with the ether sent along.
    """
    raw_call(target, payload, value=msg.value)


@external
def set_refusing(refusing: bool):
    self.refusing = refusing


@external
def set_callback(target: address, payload: Bytes[MAX_CALL], payload_value: uint256):
    """
    @notice What to call once, at the next payment.
    """
    self.target = target
    self.payload = payload
    self.payload_value = payload_value
