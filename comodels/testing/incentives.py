"""What every incentive contract must do: `check_incentive`, for contracts of this project and of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from eth_utils import to_checksum_address

from comodels.artifacts import Artifact, artifact
from comodels.chain.local import Chain, local_chain
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.saved import pack_card
from comodels.testing.client import Client, Contract, Event, Receipt, named, refused, reverts
from comodels.testing.models import SALTS, functions_of
from comodels.wire import ADD_DATA, Facts

X = bytes.fromhex("000100020005")
N_FEATURES = 30

# A contract that takes ether, and calls with what it gets: 32 bytes with an address, and the calldata.
WALLET = bytes.fromhex(
    "601f8060095f395ff3" + "3615601d576020360380" + "60205f37" + "5f5f915f345f355af1" + "601d575f5ffd5b00"
)


@dataclass(frozen=True)
class Terms:
    """An incentive as the suite tries it.

    Attributes
    ----------
    packed : bytes
        Good terms.
    value : int
        Wei that is more than enough for a contribution; 0 where it takes no money.
    opened_twice, not_open, too_little : str
        Its messages, where more than any refusal is to be asked for.
    ready : callable
        From the incentive, a model and its twin, what else is to be done before anyone can contribute.
    """

    packed: bytes
    value: int = 0
    opened_twice: str = ""
    not_open: str = ""
    too_little: str = ""
    ready: Callable[[Contract, Contract, Any], None] = lambda incentive, model, twin: None


@dataclass
class Setting:
    """An incentive on a chain, and a model that is open for contributions."""

    terms: Terms
    client: Client
    artifact: Artifact
    incentive: Contract
    models: Contract  # the implementation of `SparsePerceptron`
    accounts: Sequence[str]

    def __post_init__(self) -> None:
        self.owner, self.contributor, self.stranger = map(to_checksum_address, self.accounts[:3])
        weights = np.random.default_rng(1).integers(-3, 4, N_FEATURES)
        twin = SparsePerceptron(SparsePerceptronParameters(N_FEATURES), weights.tolist())
        self.created, self.model = self.create(twin)
        self.terms.ready(self.incentive, self.model, twin)

    def create(self, twin: SparsePerceptron, terms: bytes | None = None) -> tuple[Receipt, Contract]:
        """A model with the incentive as trainer, on its terms or on others, and the receipt."""
        terms = self.terms.packed if terms is None else terms
        card, salt = pack_card("a model", "", "", ["no", "yes"]), next(SALTS).to_bytes(32, "big")
        arguments = self.owner, self.incentive, terms, twin.parameters.pack(), card, twin.words(), True, salt
        receipt = self.models.send("create", *arguments, sender=self.owner)
        created = next(e for e in receipt.events if e.name == "Created")
        return receipt, self.client.at(artifact("SparsePerceptron"), created.arguments["model"])

    def add(self, x: bytes = X, y: int = 1, model: Any = None, value: int | None = None) -> Receipt:
        """Contribute, with more than enough money."""
        value = self.terms.value if value is None else value
        model = self.model if model is None else model
        return self.incentive.send("add_data", model, x, y, sender=self.contributor, value=value)

    def balance(self, account: Any) -> int:
        return self.client.chain.balance(getattr(account, "address", account))


def refuses(message: str) -> Any:
    """Expect this message; where there is none, any refusal."""
    return reverts(message) if message else refused()


def check_interface__functions_and_events__as_the_interface_says(setting: Setting) -> None:
    events = {
        f"{item['name']}({','.join(i['type'] for i in item['inputs'])})": [i["indexed"] for i in item["inputs"]]
        for item in setting.artifact.abi
        if item["type"] == "event"
    }

    assert {"open(bytes)", "add_data(address,bytes,uint256)", "busy(address)"} <= functions_of(setting.artifact)
    assert events["Opened(address)"] == [True]
    assert events[ADD_DATA] == [True, True, True, False, False]


def check_busy__of_no_model__is_not(setting: Setting) -> None:
    assert setting.incentive.call("busy", setting.stranger) is False


def check_open__when_the_model_is_created__logged_in_the_same_transaction(setting: Setting) -> None:
    events = setting.created.events

    assert events[0].name == "Sealed"
    assert events[1] == setting.incentive.event("Opened", model=setting.model)
    # and what else it has to say of its terms
    assert {e.address for e in events[1:-1]} == {setting.incentive.address}


def check_open__twice__reverts(setting: Setting) -> None:
    """By the model itself, which a node for tests can send from."""
    setting.client.chain.rpc("anvil_impersonateAccount", setting.model.address)

    with refuses(setting.terms.opened_twice):
        setting.incentive.send("open", setting.terms.packed, sender=setting.model)


def check_open__malformed_terms__refused_with_the_model(setting: Setting) -> None:
    good = setting.terms.packed
    twin = SparsePerceptron(SparsePerceptronParameters(N_FEATURES))
    for terms in {b"\1", good[:-1], b"\xff" * len(good)} - {good}:
        with refused():
            setting.create(twin, terms)


def check_add_data__good__trained_and_logged(setting: Setting) -> None:
    held = setting.balance(setting.incentive)
    effect = setting.model.call("update", X, 1, sender=setting.incentive)

    receipt = setting.add()

    deposit = setting.balance(setting.incentive) - held
    (event,) = (e for e in receipt.events if e.name == "AddData")
    facts = event.arguments.pop("facts")
    account = setting.contributor
    assert event == Event(
        setting.incentive.address,
        "AddData",
        {"model": setting.model.address, "contributor": account, "sponsor": account, "x": X},
    )
    assert replace(Facts.unpack(facts), more=0) == Facts(1, effect, receipt.time, deposit)
    assert (deposit > 0) == (setting.terms.value > 0)
    assert setting.model.call("version") == int(effect > 0)


def check_add_data__more_than_needed__change_comes_back(setting: Setting) -> None:
    held, before = setting.balance(setting.incentive), setting.balance(setting.contributor)

    setting.add()

    assert setting.balance(setting.contributor) - before == held - setting.balance(setting.incentive)
    assert before - setting.balance(setting.contributor) < max(setting.terms.value, 1)


def check_add_data__without_value__refused_where_it_takes_money(setting: Setting) -> None:
    with refuses(setting.terms.too_little):
        setting.add(value=0 if setting.terms.value else 1)


def check_add_data__what_the_model_refuses__its_message_and_no_money_moved(setting: Setting) -> None:
    def state() -> tuple:
        return (
            setting.balance(setting.incentive),
            setting.balance(setting.contributor),
            setting.model.call("words", 0, 3),
        )

    before = state()
    for x, y, message in (
        (b"", 0, "sample: empty"),
        (b"\0", 0, "sample: odd length"),
        (bytes.fromhex("00020002"), 0, "sample: indices must increase"),
        (bytes.fromhex("00020001"), 1, "sample: indices must increase"),
        (N_FEATURES.to_bytes(2, "big"), 1, "sample: index out of range"),
        (X, 2, "model: no such class"),
        (X, 254, "model: no such class"),
    ):
        with reverts(message):
            setting.add(x=x, y=y)
        assert state() == before


def check_add_data__label_above_a_byte__refused_and_not_cut(setting: Setting) -> None:
    for y in (256, 257, 2**128, 2**256 - 1):
        with refused() as messages:
            setting.add(y=y)
        assert "class" in messages[0] or "label" in messages[0]
    assert setting.model.call("version") == 0


def check_add_data__model_that_is_not_open__reverts(setting: Setting) -> None:
    with refuses(setting.terms.not_open):
        setting.add(model=setting.stranger)


def check_update__past_the_incentive__reverts(setting: Setting) -> None:
    for sender in (setting.contributor, setting.owner):
        with reverts("model: not the trainer"):
            setting.model.send("update", X, 1, sender=sender)


def check_ether__sent_without_a_call__refused(setting: Setting) -> None:
    with refused():
        setting.client.send(setting.incentive.address, b"", setting.stranger, value=1)


def check_add_data__contract_wallet__gets_its_change(setting: Setting) -> None:
    wallet = setting.client.send(None, WALLET, setting.owner).contract_address
    assert wallet is not None
    held = setting.balance(setting.incentive)
    add = setting.incentive.data("add_data", setting.model.address, X, 1)
    data = bytes(12) + bytes.fromhex(setting.incentive.address[2:]) + add

    receipt = setting.client.send(wallet, data, setting.owner, value=setting.terms.value)

    (event,) = (e for e in receipt.events if e.name == "AddData")
    assert event.arguments["contributor"].lower() == wallet.lower()
    assert setting.balance(wallet) == setting.terms.value - (setting.balance(setting.incentive) - held)


CHECKS: dict[str, Callable[[Setting], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
"""All of them by name."""


def check_incentive(contract: Artifact, terms: Terms | bytes, value: int = 0, chain: Chain | None = None) -> list[str]:
    """Try everything that an incentive contract must do; returns the names of the checks that it passed: all of them.

    Parameters
    ----------
    contract : Artifact
        The compiled contract; its constructor takes nothing. See `comodels.artifacts.compile_contract`.
    terms : Terms or bytes
        Good terms as `open` takes them; with what else the suite should know.
    value : int
        Wei that is more than enough for a contribution; 0 where it takes no money.
    chain : Chain, optional
        A local anvil, which is left with the contracts; by default one that is started and stopped.

    Raises
    ------
    AssertionError
        With the name of the first check that fails.
    """
    if chain is None:
        with local_chain() as started:
            return check_incentive(contract, terms, value, started)
    if isinstance(terms, bytes):
        terms = Terms(terms, value)
    client = Client(chain)
    incentive = client.deploy(contract, chain.accounts[0])
    models = client.deploy(artifact("SparsePerceptron"), chain.accounts[0])
    for name, check in CHECKS.items():
        with named(name):
            check(Setting(terms, client, contract, incentive, models, chain.accounts))
    return list(CHECKS)
