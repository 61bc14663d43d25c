"""Contributions that are signed by those who make them, and sent and paid for by a sponsor (EIP-712)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from eth_utils import keccak

from comodels.batch import Signed

DOMAIN_FIELDS = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))
FIELDS = (
    ("model", "address"),
    ("sample", "bytes32"),
    ("label", "uint256"),
    ("class", "string"),
    ("round", "uint256"),
    ("sponsor", "address"),
    ("deadline", "uint256"),
)
NAME, VERSION = "Collaborative models", "1"


class SigningAccount(Protocol):
    """Who signs by a key, as eth-account's `LocalAccount` does."""

    address: str

    def unsafe_sign_hash(self, message_hash: bytes) -> Any:
        """The signature of 32 bytes, with its bytes in ``signature``."""


class Consent(NamedTuple):
    """What a contributor signs, so that a sponsor can send it.

    Attributes
    ----------
    incentive : str
        The address of the incentive contract.
    x : bytes
        The sample, of which the keccak256 hash is signed.
    round : int
        How often the contributor has made this contribution by this sponsor: that of its record before.
    deadline : int
        Seconds: the last second in which it may be sent.
    class_name : str
        What the model calls the class, exactly as its `class_name` gives it: people read it in their wallets. Empty
        where it gives none.

    Examples
    --------
    >>> from eth_account import Account
    >>> ann = Account.from_key("0x" + "07" * 32)
    >>> model, incentive, sponsor = ("0x" + digits * 20 for digits in ("11", "22", "33"))
    >>> signed = Consent(1, incentive, model, bytes([0, 1]), 1, 0, sponsor, 2_000_000_000).sign(ann)
    >>> signer(signed, 1, incentive, model, 0, sponsor) == ann.address
    True
    """

    chain_id: int
    incentive: str
    model: str
    x: bytes
    y: int
    round: int
    sponsor: str
    deadline: int
    class_name: str = ""

    def typed_data(self) -> dict[str, Any]:
        """What a wallet is asked to sign, as ``eth_signTypedData_v4`` takes it."""

        def described(fields: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
            return [{"name": name, "type": kind} for name, kind in fields]

        values = (
            *(self.model, "0x" + keccak(self.x).hex(), self.y, self.class_name),
            *(self.round, self.sponsor, self.deadline),
        )
        return {
            "types": {"EIP712Domain": described(DOMAIN_FIELDS), "Contribution": described(FIELDS)},
            "primaryType": "Contribution",
            "domain": {
                "name": NAME,
                "version": VERSION,
                "chainId": self.chain_id,
                "verifyingContract": self.incentive,
            },
            "message": {name: value for (name, _), value in zip(FIELDS, values, strict=True)},
        }

    def digest(self) -> bytes:
        """The 32 bytes that are signed."""
        domain = keccak(
            _type_hash("EIP712Domain", DOMAIN_FIELDS)
            + keccak(NAME.encode())
            + keccak(VERSION.encode())
            + _word(self.chain_id)
            + _word(self.incentive)
        )
        contribution = keccak(
            _type_hash("Contribution", FIELDS)
            + _word(self.model)
            + keccak(self.x)
            + _word(self.y)
            + keccak(self.class_name.encode())
            + b"".join(_word(value) for value in (self.round, self.sponsor, self.deadline))
        )
        return keccak(b"\x19\x01" + domain + contribution)

    def sign(self, account: SigningAccount) -> Signed:
        """The contribution of an account with a key, signed."""
        signature = bytes(account.unsafe_sign_hash(self.digest()).signature)
        return Signed(account.address, self.x, self.y, self.deadline, signature)


def signer(
    signed: Signed, chain_id: int, incentive: str, model: str, round: int, sponsor: str, class_name: str = ""
) -> str | None:
    """Whose key made the signature, checksummed; None if that cannot be: a contract wallet's, or none at all."""
    from eth_account import Account
    from eth_keys.exceptions import BadSignature, ValidationError

    consent = Consent(chain_id, incentive, model, signed.x, signed.y, round, sponsor, signed.deadline, class_name)
    if len(signed.signature) != 65 or signed.signature[64] not in (27, 28):
        return None
    try:
        return Account._recover_hash(consent.digest(), signature=signed.signature)
    except (BadSignature, ValidationError, ValueError):
        return None


def _type_hash(name: str, fields: Sequence[tuple[str, str]]) -> bytes:
    return keccak(f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})".encode())


def _word(value: int | str) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes(12) + bytes.fromhex(value[2:])
