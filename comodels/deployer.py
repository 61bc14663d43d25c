"""The usual deterministic deployer: the same code of ours has the same address on every chain.

It is a contract without owner or state that creates what it is sent, with CREATE2: an address is the hash of deployer,
salt and creation code, constructor arguments included. Most chains have it; where it is missing, a transaction that was
signed once, by a key that nobody can have, creates it at the same address, as soon as its sender has the ether for it.
"""

from __future__ import annotations

from eth_abi import encode
from eth_utils import keccak, to_checksum_address

from comodels.artifacts import NEEDS, artifact
from comodels.chain.account import Account, Sending, Wallet, transact
from comodels.chain.node import Node
from comodels.errors import ComodelsError

DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
DEPLOYER_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b"
    "8082525050506014600cf3"
)
# The well-known transaction: 100,000 gas at 100 gwei, valid on every chain (it names none). Its sender is what the
# signature, which was chosen and not made, recovers to.
CREATION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    + DEPLOYER_CODE.hex()
    + "1ba0"
    + "22" * 32
    + "a0"
    + "22" * 32
)
CREATOR = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
CREATION_COST = 10**16  # wei: 100,000 gas at 100 gwei
SALT = bytes(32)


def address_of(creation_code: bytes, salt: bytes = SALT) -> str:
    """Where the deployer puts a contract with this creation code, constructor arguments included."""
    return to_checksum_address(keccak(b"\xff" + bytes.fromhex(DEPLOYER[2:]) + salt + keccak(creation_code))[12:])


def creation_code(name: str, sender: str) -> bytes:
    """What creates the contract of this name; a registry is the sender's."""
    code = artifact(name).code
    if name == "Registry":
        return code + encode(["address"], [sender])
    if name in NEEDS:
        return code + encode(["address[]"], [[address_of(creation_code(needed, sender)) for needed in NEEDS[name]]])
    return code


def bring(node: Node, account: Account, say=print) -> None:
    """Create the deployer where it is missing; `account` pays its creator the 0.01 ether that this takes."""
    if node.code(DEPLOYER) == DEPLOYER_CODE:
        return
    say("Bringing the deterministic deployer to this network ...")
    missing = CREATION_COST - node.balance(CREATOR)
    if missing > 0:
        transact(node, account, CREATOR, b"", value=missing)
    Sending(node, Wallet(CREATOR), {"nonce": 0}, "", {node.send_raw(CREATION): CREATION}).wait()
    if node.code(DEPLOYER) != DEPLOYER_CODE:
        raise ComodelsError(
            f"The deterministic deployer {DEPLOYER} cannot be brought to this network: gas may cost more than 100 gwei "
            "here, or transactions that name no chain are refused. Ask who runs the network for it."
        )


def deploy(node: Node, account: Account, code: bytes) -> str:
    """Send creation code to the deployer; returns the contract's address. Does nothing if the contract is there."""
    address = address_of(code)
    if not node.code(address):
        transact(node, account, DEPLOYER, SALT + code)
    return address
