# pragma version 0.4.3
"""
@title Signatures
@notice Who signed a contribution that somebody else sends and pays for (EIP-712, EIP-1271).
@dev What is signed names all that the sender could choose: chain and contract, model, sample, label, sponsor, and a round, which
     the incentive lets pass only once. A signature that was changed into another valid one of the same digest gains nothing.
     It also has the name of the class, which is what people read in their wallets: as the model gives it when this is sent.
"""

from . import contributions
from . import limits

uses: contributions

# to all models of an incentive contract, on its chain only
DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME: constant(bytes32) = keccak256("Collaborative models")
VERSION: constant(bytes32) = keccak256("1")
CONTRIBUTION_TYPE: constant(bytes32) = keccak256(
    "Contribution(address model,bytes32 sample,uint256 label,string class,uint256 round,address sponsor,uint256 deadline)"
)

MAX_SIGNATURE: constant(uint256) = 1_024  # bytes: what wallets with several owners or passkeys need

# for a contract wallet that checks a signature: enough for passkeys, and little enough that burning it hurts nobody
CHECK_GAS: constant(uint256) = 400_000
# what must be there before, so that the wallet really gets that much: 64/63 of it (EIP-150), and the call
NEEDED_GAS: constant(uint256) = 420_000

VALID: constant(bytes4) = 0x1626ba7e

MASK_8: constant(uint256) = 2**8 - 1


@internal
@view
def _domain() -> bytes32:
    """
    @dev The hash that stands for chain and contract.
    """
    return keccak256(abi_encode(DOMAIN_TYPE, NAME, VERSION, chain.id, self))


@internal
@view
def _class_hash(model: address, y: uint256) -> bytes32:
    """
    @dev keccak256 of the name of a class; of no bytes where the model gives none.
    """
    success: bool = False
    response: Bytes[64 + limits.MAX_TEXT] = b""
    success, response = raw_call(
        model,
        abi_encode(y, method_id=method_id("class_name(uint256)")),
        max_outsize=64 + limits.MAX_TEXT,
        is_static_call=True,
        revert_on_failure=False,
    )
    if not success or len(response) < 64:
        return keccak256(b"")
    length: uint256 = min(convert(slice(response, 32, 32), uint256), len(response) - 64)
    return keccak256(slice(response, 64, length))


@internal
def _check(
    domain: bytes32,
    model: address,
    contributor: address,
    x_hash: bytes32,
    y: uint256,
    class_hash: bytes32,
    round: uint256,
    deadline: uint256,
    signature: Bytes[MAX_SIGNATURE],
) -> uint256:
    """
    @dev 0 if the contributor signed that the caller may send this contribution now, else `REFUSED`.
    """
    if block.timestamp > deadline:
        return contributions._refuse("signatures: the deadline is over")
    contribution: bytes32 = keccak256(
        abi_encode(CONTRIBUTION_TYPE, model, x_hash, y, class_hash, round, msg.sender, deadline)
    )
    digest: bytes32 = keccak256(concat(0x1901, domain, contribution))
    # by their key, also where they have code (EIP-7702); or, as a contract, by their own word
    if len(signature) == 65:
        signer: address = ecrecover(
            digest,
            extract32(signature, 33, output_type=uint256) & MASK_8,  # the last byte
            extract32(signature, 0, output_type=uint256),
            extract32(signature, 32, output_type=uint256),
        )
        if signer == contributor:
            if signer != empty(address):
                return 0
    if not self._wallet_signed(contributor, digest, signature):
        return contributions._refuse("signatures: not signed by the contributor")
    return 0


@internal
@view
def _wallet_signed(account: address, digest: bytes32, signature: Bytes[MAX_SIGNATURE]) -> bool:
    """
    @dev Whether an account is a contract and says that it signed.
    """
    if not account.is_contract:
        return False
    assert msg.gas >= NEEDED_GAS, "signatures: too little gas"
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        account,
        abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)")),
        max_outsize=32,
        gas=CHECK_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(answer) == 32 and convert(answer, bytes32) == convert(VALID, bytes32)
