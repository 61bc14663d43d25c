"""Keys of people in a world, and what honest ones have signed: only that may be said in their names."""

from __future__ import annotations

from dataclasses import dataclass, field

from eth_abi import decode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from comodels.batch import Signed
from comodels.chain.abi import calldata
from comodels.signatures import Consent
from tests.evm import RICH, Evm

CHAIN_ID = 1  # of `tests.evm`


def class_name(evm: Evm, model: str, y: int) -> str:
    """What a model calls a class; empty where it gives no name."""
    outcome = evm.view(model, calldata("class_name(uint256)", [y]))
    # a card may have bytes that are no text: nobody's wallet signs these
    return decode(["bytes"], outcome.output)[0].decode(errors="replace") if outcome.ok and outcome.output else ""


@dataclass
class Consents:
    """Who can sign, and what they did.

    Attributes
    ----------
    keys : dict
        By address.
    given : set of tuple
        Incentive, model, contributor, sponsor, sample, label, round of each signature.
    shown : list of (str, str, Signed)
        Incentive, model and item of what anybody may have seen.
    """

    keys: dict[str, LocalAccount] = field(default_factory=dict)
    given: set[tuple] = field(default_factory=set)
    shown: list[tuple[str, str, Signed]] = field(default_factory=list)

    def account(self, evm: Evm, name: str) -> str:
        """The address of somebody with a key, and a balance."""
        key = Account.from_key(keccak(text=name))
        evm.set_balance(key.address, RICH)
        self.keys[key.address] = key
        return key.address

    def sign(
        self, evm: Evm, incentive: str, model: str, who: str, x: bytes, y: int, round: int, sponsor: str, deadline: int
    ) -> Signed:
        """A signed contribution, which from now on everybody knows."""
        name = class_name(evm, model, y)
        item = Consent(CHAIN_ID, incentive, model, x, y, round, sponsor, deadline, name).sign(self.keys[who])
        self.given.add((incentive, model, who, sponsor, x, y, round))
        self.shown.append((incentive, model, item))
        del self.shown[:-60]
        return item
