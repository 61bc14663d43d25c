"""What a registry has, for people and for programs."""

from collections.abc import Callable
from typing import Any, NamedTuple

from eth_utils import to_checksum_address

from comodels.artifacts import artifact
from comodels.chain.abi import calldata
from comodels.chain.contract import ContractAt
from comodels.chain.node import Node
from comodels.errors import ComodelsError
from comodels.models import KINDS
from comodels.published import PublishedModel, at, next_of, runs
from comodels.wire import PROXY_HEAD, PROXY_TAIL

ZERO = "0x" + "0" * 40
PAGE = 10  # entries in a request


class Entry(NamedTuple):
    """A published model, as `Registry.vy` describes it.

    Attributes
    ----------
    version : int
        Of its implementation among those of its kind; 0 if the registry does not list it.
    block : int
        In which it was published.
    """

    model: str
    trainer: str
    owner: str
    implementation: str
    version: int
    kind: str
    name: str
    description: str
    encoder_spec: str
    block: int

    @classmethod
    def from_answer(cls, fields: tuple) -> "Entry":
        """Read what the registry's `entry` returns."""
        model, trainer, owner, implementation = map(to_checksum_address, fields[:4])
        return cls(model, trainer, owner, implementation, *fields[4:])


def registry_at(node: Node, address: str) -> ContractAt:
    """The registry at an address. Raises `ComodelsError` if there is no contract."""
    if not node.code(address):
        raise ComodelsError(f"There is no contract at {address} on this chain: check --registry.")
    return ContractAt(node, address, artifact("Registry").abi)


def is_listed(registry: ContractAt, implementation: str, sender: str) -> bool:
    """Whether a registry lists an implementation.

    Raises `ComodelsError` if it does not, and the sender cannot add it.
    """
    if registry.call("version_of", implementation):
        return True
    owner = registry.call("owner")
    if owner.lower() != sender.lower():
        raise ComodelsError(
            f"The registry {registry.address} does not list this version of the contract, and only its owner "
            f"{owner} can add it. Send as the owner, or leave --registry out to start one of your own."
        )
    return False


def entries(registry: ContractAt, count: int, before: str | None = None) -> list[Entry]:
    """At most `count` models, from the newest to older ones, or from behind the model `before`."""
    found: list[Entry] = []
    newest = before or ZERO
    while len(found) < count:
        skip = newest != ZERO  # a page begins with the last one of the page before
        page = registry.call("entries", newest, min(PAGE, count - len(found) + skip))[skip:]
        if not page:
            break
        found += map(Entry.from_answer, page)
        newest = found[-1].model
    return found


def index(registry: ContractAt, listed: list[Entry], accuracy: Callable[[str], float | None] = lambda _: None) -> dict:
    """What programs want to know of models, as JSON takes it; docs/use-a-model.md describes the fields.

    Parameters
    ----------
    accuracy : callable
        From a model's address; None where it is not known.
    """
    models = [
        describe(registry.chain, entry, accuracy(entry.model)) | {"next": next_of(registry, entry.model)}
        for entry in listed
    ]
    return {
        "chain": registry.chain.chain_id,
        "registry": registry.address,
        "count": registry.call("count"),
        "models": models,
    }


def describe(node: Node, entry: Entry, accuracy: float | None = None) -> dict:
    """One model. What only code of this project can be asked is None where other code runs."""
    about: dict[str, Any] = {
        "address": entry.model,
        "name": entry.name,
        "description": entry.description,
        "kind": entry.kind,
        "version": entry.version,
        "implementation": entry.implementation,
        "owner": entry.owner,
        "block": entry.block,
        "encoder_spec": entry.encoder_spec,
        "classes": None,
        "sealed": None,
        "updates": None,
        "trainer": {"address": entry.trainer, "kind": None, "terms": None},
        "accuracy": accuracy,
    }
    if not is_ours(node, entry):
        return about
    model = at(node, entry.model)
    about["classes"] = model.class_names
    about["sealed"], about["updates"] = model.contract.call("sealed"), model.contract.call("version")
    if model.incentive is not None:
        about["trainer"] |= {"kind": model.incentive_kind, "terms": terms_of(model)}
    return about


def is_ours(node: Node, entry: Entry) -> bool:
    """Whether a model runs this project's code: anybody can publish anything, and it may answer anything."""
    if entry.kind not in KINDS or not runs(node, entry.implementation, entry.kind):
        return False
    return node.code(entry.model).startswith(PROXY_HEAD + bytes.fromhex(entry.implementation[2:]) + PROXY_TAIL)


def terms_given(model: PublishedModel) -> Any:
    """The terms that a model was opened with, as its incentive's `Terms`."""
    question = {"to": model.trainer, "data": "0x" + calldata("terms(address)", [model.address]).hex()}
    answer = bytes.fromhex(model.node.rpc("eth_call", question, "latest")[2:])
    return type(model.adapter.terms).decode(answer)


def terms_of(model: PublishedModel) -> dict[str, int | bool | str]:
    """The terms that a model was opened with, by name: seconds and numbers as such, wei as decimal text."""
    terms = terms_given(model)
    values = {term.name: (getattr(terms, term.name), term.unit) for term in terms.describe()}
    return {name: str(value) if unit in ("wei", "hourly") else value for name, (value, unit) in values.items()}
