# pragma version 0.4.3
"""
@title Payments
@notice Ether that leaves a contract. What cannot be delivered is credited to whom it belongs, and fetched by them.
@dev The caller is paid with all the gas there is: whoever makes their own payment fail undoes nothing but their own call. Anybody
     else gets a limited amount of gas, and a payment that fails is credited: a payee that reverts, burns its gas or returns a
     lot of data can neither stop nor make dear what somebody else does. A user calls `_pay` as the last thing of a function.
"""

event Credited:
    account: indexed(address)
    amount: uint256  # wei

event Fetched:
    account: indexed(address)
    amount: uint256  # wei

# for the code of a payee that did not call: enough for contract wallets, which log and forward, and little enough that burning it
# changes nobody's plans
PAY_GAS: constant(uint256) = 50_000

# what must be there before such a call, so that the payee really gets that much: a caller who brings less could have a payment
# credited that would have arrived. 64/63 of it (EIP-150), and 36,600 for a call with ether to a new account
NEEDED_GAS: constant(uint256) = 90_000

# by account: wei that could not be delivered
credit_of: public(HashMap[address, uint256])


@external
@nonreentrant
def fetch():
    """
    @notice Pay the caller what could not be delivered to them.
    """
    amount: uint256 = self.credit_of[msg.sender]
    assert amount > 0, "payments: nothing to fetch"
    self.credit_of[msg.sender] = 0
    log Fetched(account=msg.sender, amount=amount)
    send(msg.sender, amount, gas=msg.gas)


@internal
def _pay(account: address, amount: uint256):
    """
    @param amount In wei; 0 pays nothing.
    """
    if amount == 0:
        return
    if account == msg.sender:
        send(account, amount, gas=msg.gas)
        return
    assert msg.gas >= NEEDED_GAS, "payments: too little gas"
    if not raw_call(account, b"", value=amount, gas=PAY_GAS, revert_on_failure=False):
        self.credit_of[account] += amount
        log Credited(account=account, amount=amount)
