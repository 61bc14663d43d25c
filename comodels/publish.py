"""Publishing models, so that it can be interrupted anywhere and goes on when it is run again."""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils import to_checksum_address

from comodels import deployer, places
from comodels.artifacts import NEEDS, artifact
from comodels.chain.abi import calldata
from comodels.chain.account import Account, address_of
from comodels.chain.contract import ContractAt
from comodels.chain.logs import created_block
from comodels.chain.node import Node, RpcError
from comodels.errors import ComodelsError
from comodels.journal import DEPLOYMENTS, Journal
from comodels.published import runs, words_of
from comodels.registry import is_listed, registry_at
from comodels.saved import LOAD_WORDS, SavedModel, planned_address, publish_arguments, save_encoder
from comodels.trial import is_stored, try_publication
from comodels.wire import clone_code

PATIENCE = 120  # seconds that a run waits for what an earlier one has sent

# ---- what is shared by all models ------------------------------------------------------------------------------------


def contract_at(journal: Journal, node: Node, sender: str, name: str) -> ContractAt:
    """The contract of this name, in this version, where it is or will be: at the same address on every chain.

    The registry is that of the sender, or the one that the journal names.
    """
    address = deployer.address_of(deployer.creation_code(name, sender))
    noted = journal.contracts.get(name)
    if name == "Registry" and noted and runs(node, noted["address"], name):
        address = noted["address"]
    return ContractAt(node, address, artifact(name).abi)


def ensure_contract(journal: Journal, node: Node, account: Account, name: str, say=print) -> ContractAt:
    """The contract of this name, as `contract_at` says, deployed now if it is missing."""
    contract = contract_at(journal, node, address_of(account), name)
    if journal.contracts.get(name) != {"address": contract.address}:
        journal.contracts[name] = {"address": contract.address}
        journal.save()
    if not node.code(contract.address):
        deployer.bring(node, account, say)
        say(f"Deploying {name} ...")
        deployer.deploy(node, account, deployer.creation_code(name, address_of(account)))
    if not runs(node, contract.address, name):
        raise ComodelsError(f"What is at {contract.address} is not {name}: this network does not do as others do.")
    return contract


def ensure_listed(registry: ContractAt, implementation: str, account: Account, say=print) -> None:
    """Let the registry list an implementation."""
    if is_listed(registry, implementation, address_of(account)):
        return
    say("Listing the implementation in the registry ...")
    registry.transact("add_implementation", implementation, account=account)


# ---- the model -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Options:
    """How to publish, apart from the model itself."""

    incentive: Any  # an adapter of `comodels.claims` with its terms
    deployments: Path = DEPLOYMENTS
    registry: str | None = None  # of somebody else, if not our own
    key: str | None = None  # what the model is called in the deployments file and in the console


def publish(node: Node, account: Account, saved: SavedModel, options: Options, say=print) -> dict:
    """Publish a model and its incentive, or go on doing so; returns what the deployments file says about it.

    Before the first transaction all of them are tried as calls (`comodels.trial`).

    Parameters
    ----------
    say : callable
        Told what is done, a line at a time.

    Raises
    ------
    ComodelsError
        If this cannot be published, or something that was sent before is not mined yet; nothing was sent then.
    """
    sender = address_of(account)
    journal, noted = planned(node, sender, saved, options)
    wait_until_mined(node, sender, say)
    if "published" not in noted:
        try_publication(node, sender, saved, noted, say)
    key = options.key or saved.name
    if journal.models.get(key) is not noted:
        saved.save(options.deployments / noted["file"])
        save_encoder(saved.encoder, options.deployments)
        journal.models[key] = noted
        journal.save()
    if contract_at(journal, node, sender, "Registry").address == noted["registry"]:
        ensure_contract(journal, node, account, "Registry", say)
    registry = registry_at(node, noted["registry"])
    implementation = ensure_contract(journal, node, account, saved.kind, say)
    ensure_listed(registry, implementation.address, account, say)
    for name in (*NEEDS.get(noted["incentive"], ()), noted["incentive"]):
        ensure_contract(journal, node, account, name, say)
    if is_stored(saved):
        places.store(node, account, saved.encoder, say)
    create(registry, account, saved, noted, say)
    model = ContractAt(node, noted["address"], implementation.abi)
    check_planned(model, saved, noted)
    load(model, account, saved.words, say)
    created = created_block(node, noted["address"])
    if "published" not in noted or created not in (0, noted["published"]):  # or undone by the chain and done again
        noted["published"] = created
        journal.save()
    return noted


def planned(node: Node, sender: str, saved: SavedModel, options: Options) -> tuple[Journal, dict]:
    """The chain's journal, and what it says about a model that was begun, or what it will say about a new one.

    Raises
    ------
    ComodelsError
        If the contracts would refuse the model, or its name is another one's.
    """
    saved.check()
    journal = Journal.open(node, options.deployments)
    key = options.key or saved.name
    noted = journal.models.get(key)
    check_same(key, noted, saved, sender)
    if noted is None:
        if options.registry:
            registry = registry_at(node, options.registry)
        else:
            registry = contract_at(journal, node, sender, "Registry")
        noted = {
            "address": "",
            "kind": saved.kind,
            "name": saved.name,
            "owner": sender,
            "registry": registry.address,
            "implementation": contract_at(journal, node, sender, saved.kind).address,
            "incentive": options.incentive.contract,
            "trainer": contract_at(journal, node, sender, options.incentive.contract).address,
            "terms": "0x" + options.incentive.terms.encode().hex(),
            "salt": "0x" + secrets.token_bytes(32).hex(),
            "encoder_spec": saved.encoder_spec,
            "file": f"{journal.path.stem}.{key}.model.json",
        }
        noted["address"] = planned_address(noted, saved)
    if noted["address"] != planned_address(noted, saved):
        raise ComodelsError(
            f"{key!r} was begun with another state or by another version of this project. Delete it from "
            f"{journal.path}, or choose another --name: it then takes another address."
        )
    return journal, noted


def wait_until_mined(node: Node, sender: str, say=print) -> None:
    """Wait until all that an account has sent is mined: it may be what would be sent next.

    Raises `ComodelsError` if that takes more than `PATIENCE` seconds.
    """
    end, pause = time.monotonic() + PATIENCE, 0.05
    while True:
        mined, sent = node.sent(sender)
        if sent <= mined:
            return
        if time.monotonic() > end:
            raise ComodelsError(
                f"Transactions of {sender} still wait to be mined ({sent - mined}), and may belong to this "
                "publication. Run this again when they are mined: it goes on where it is then."
            )
        if pause > 1:
            say(f"Waiting until what {sender} has sent is mined ({sent - mined}) ...")
        time.sleep(pause)
        pause = min(2 * pause, 15)


def check_planned(model: ContractAt, saved: SavedModel, noted: dict) -> None:
    """Raise unless what is on chain is what was planned: code, with parameters, trainer and card, owner, and terms.

    `load` compares the state.
    """

    def refuse(what: str) -> ComodelsError:
        return ComodelsError(
            f"The model at {model.address} has another {what} than was planned for {saved.name!r}, and is not touched. "
            "Choose another --name: it then takes another address."
        )

    code = clone_code(noted["implementation"], noted["trainer"], saved.parameters, saved.card)
    found = model.chain.code(model.address)
    if not found:
        raise ComodelsError(
            f"The model at {model.address} is not there any more: its block was undone. Run this again: it goes on."
        )
    if found != code:
        raise refuse("code")
    if not model.call("sealed") and to_checksum_address(model.call("owner")) != noted["owner"]:
        raise refuse("owner")
    question = {"to": noted["trainer"], "data": "0x" + calldata("terms(address)", [model.address]).hex()}
    if model.chain.rpc("eth_call", question, "latest").lower() != noted["terms"].lower():
        raise refuse("set of terms")


def check_same(key: str, noted: dict | None, saved: SavedModel, sender: str) -> None:
    """Refuse to go on with another model under a name that is taken."""
    if noted is None:
        return
    if noted["owner"] != sender:
        raise ComodelsError(f"{key!r} was begun by {noted['owner']}: send as this account, or choose another --name.")
    if (noted["kind"], noted["encoder_spec"], noted["name"]) != (saved.kind, saved.encoder_spec, saved.name):
        raise ComodelsError(f"{key!r} is another model already ({noted['address']}): choose another --name.")


def create(registry: ContractAt, account: Account, saved: SavedModel, noted: dict, say=print) -> None:
    """Create the model and list it, as far as that is not done."""
    address = noted["address"]
    if not registry.chain.code(address):
        say(f"Publishing {saved.name!r} ...")
        registry.transact("publish", *publish_arguments(saved, noted), account=account)
    elif not is_published(registry, address):
        raise ComodelsError(
            f"What is at {address} was not published by the registry {registry.address}: nobody else can create a "
            f"model there, so it is no model. Delete {saved.name!r} from the deployments file and run this again: it "
            "then takes another address."
        )


def is_published(registry: ContractAt, address: str) -> bool:
    """Whether the registry has a model."""
    (entry,) = registry.views([("entry", (address,))])
    return not isinstance(entry, RpcError) and entry[0].lower() == address.lower()


def load(model: ContractAt, account: Account, words: list[int], say=print) -> None:
    """Load the words that the model does not have yet, and seal it."""
    if model.call("sealed"):
        if (
            model.call("version") == 0
            and model.call("word_count") == len(words)
            and words_of(model, len(words)) != words
        ):
            raise ComodelsError(f"The model at {model.address} is sealed with another state than this one.")
        return
    present = words_of(model, len(words))
    size = LOAD_WORDS
    starts = [s for s in range(0, len(words), size) if words[s : s + size] != present[s : s + size]]
    for number, start in enumerate(starts, 1):
        say(f"Loading, transaction {number} of {len(starts)} ...")
        model.transact("load", start, words[start : start + size], account=account)
    if words_of(model, len(words)) != words:
        raise ComodelsError(
            f"The model at {model.address} has another state than this one after loading, and is not sealed: "
            "run this again."
        )
    say("Sealing ...")
    model.transact("seal", account=account)
