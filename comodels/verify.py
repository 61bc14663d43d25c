"""Whether what runs as a model, its implementation, its incentive and its registry is this source.

The source is compiled anew and compared with the code on the chain, byte for byte. What a constructor adds behind the
code is compared by the address: the deterministic deployer's says from which creation code a contract came.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from eth_abi import encode
from eth_utils import to_checksum_address

from comodels import deployer
from comodels.artifacts import NEEDS, Artifact, compile_contract, vyper
from comodels.chain.contract import ContractAt
from comodels.chain.node import Node, RpcError
from comodels.errors import ComodelsError
from comodels.published import PublishedModel
from comodels.wire import parse_clone

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"
PARTS = "Settler", "Planner"  # of a market, in the order in which their addresses end its code


@dataclass(frozen=True)
class Finding:
    """What was found of one contract.

    Attributes
    ----------
    part : str
        What it is for: model, implementation, incentive, settler, planner, scorer or registry.
    name : str
        The contract that it says to be.
    same : bool
        Whether it is that, as this source compiles.
    note : str
        In words.
    """

    part: str
    address: str
    name: str
    same: bool
    note: str


def source_of(name: str) -> Path:
    """The file of a contract of this project. Raises `ComodelsError` if there is none."""
    found = sorted(CONTRACTS.rglob(f"{name}.vy"))
    if not found:
        raise ComodelsError(f"There is no source of {name!r} here: run this in a checkout of the project.")
    return found[0]


@functools.cache
def compiled_source(name: str) -> Artifact:
    """A contract of this project, compiled now."""
    return compile_contract(source_of(name))


def standard_json(name: str) -> str:
    """The standard JSON input of a contract, with all that it imports, as explorers take it."""
    return vyper(source_of(name), "solc_json", CONTRACTS.parent)


def verify(model: PublishedModel, registry: str | None = None) -> Iterator[Finding]:
    """Look at a model's code, its implementation, its incentive, and its registry if one is named."""
    node = model.node
    clone = parse_clone(node.code(model.address))
    if clone is None:
        yield Finding("model", model.address, model.kind, False, "is no clone of an implementation")
        return
    note = f"a clone of {clone.implementation}, trained by {clone.trainer}; what follows in its code is never run"
    yield Finding("model", model.address, model.kind, True, note)
    yield compare(node, "implementation", clone.implementation, model.kind)
    if model.incentive_kind:
        yield compare(node, "incentive", clone.trainer, model.incentive_kind)
    else:
        yield Finding("incentive", clone.trainer, "?", False, "is none of this source's incentives")
    if model.incentive_kind in NEEDS:
        yield from parts_of(model, clone.trainer)
        yield scorer_of(model)
    if registry is not None:
        yield compare(node, "registry", registry, "Registry")


def parts_of(model: PublishedModel, market: str) -> Iterator[Finding]:
    """Compare who checks a market's plans, and who works out what is owed: their addresses end the market's code."""
    added = model.node.code(market)[-32 * len(PARTS) :]
    for i, name in enumerate(PARTS):
        address = to_checksum_address(added[32 * i + 12 : 32 * i + 32])
        yield compare(model.node, name.lower(), address, name)


def scorer_of(model: PublishedModel) -> Finding:
    """Compare who counts the errors in the model's markets: that stands in the incentive's storage, not in its code."""
    address = next(a for kind in (model.kind, "") if int(a := model.paying.call("scorer_of", kind), 16))
    for name in NEEDS[model.incentive_kind]:
        found = compare(model.node, "scorer", address, name)
        if found.same:
            kind = ContractAt(model.node, address, compiled_source(name).abi).call("kind")
            return found if kind in (model.kind, "") else replace(found, same=False, note=f"is for a {kind}")
    return Finding("scorer", address, "?", False, "is none of this source's scorers")


def compare(node: Node, part: str, address: str, name: str) -> Finding:
    """Compile a contract and compare it with what is at an address."""
    compiled, code = compiled_source(name), node.code(address)
    if not code.startswith(compiled.runtime):
        return Finding(
            part, address, name, False, "has another code than this source, or was compiled by another vyper"
        )
    added = code[len(compiled.runtime) :]
    if to_checksum_address(address) == expected(node, address, name, compiled):
        note = "by the deterministic deployer, so its constructor was this one too"
    else:
        note = "not by the deterministic deployer: what its constructor wrote, only its deployment explains"
        if added:
            note += f", as the {len(added)} bytes that its constructor added: 0x{added.hex()}"
    return Finding(part, address, name, True, f"the same code, {note}")


def expected(node: Node, address: str, name: str, compiled: Artifact) -> str | None:
    """Where the deterministic deployer puts a contract: a registry for its owner, a market for its scorers."""
    arguments = b""
    if name == "Registry":
        try:
            arguments = encode(["address"], [ContractAt(node, address, compiled.abi).call("owner")])
        except RpcError:
            return None
    elif name in NEEDS:
        arguments = encode(["address[]"], [[deployer.address_of(compiled_source(n).code) for n in NEEDS[name]]])
    return deployer.address_of(compiled.code + arguments)
