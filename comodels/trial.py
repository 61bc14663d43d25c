"""A whole publication, tried as calls before its first transaction is sent.

`eth_simulateV1` carries calls out one after another, each on what the ones before left, and keeps nothing. Where a node
does not know it, or allows it less gas than all of them take, what the contracts ask is checked by `SavedModel.check`
and by the terms alone.
"""

from dataclasses import dataclass
from typing import Any

from comodels import deployer, places
from comodels.artifacts import NEEDS, artifact
from comodels.chain.abi import revert_reason
from comodels.chain.account import gas_price
from comodels.chain.contract import ContractAt
from comodels.chain.node import Node, RpcError
from comodels.errors import ComodelsError
from comodels.published import words_of
from comodels.registry import is_listed
from comodels.saved import LOAD_WORDS, PUBLISH_WORDS, SavedModel, publish_arguments
from comodels.units import ETHER


@dataclass(frozen=True)
class Step:
    """A transaction of a publication: what it does, for people, to whom it goes, and its calldata."""

    what: str
    to: str
    data: bytes


def missing_steps(node: Node, sender: str, saved: SavedModel, noted: dict) -> list[Step]:
    """What is left to send until a model that is planned as `noted` is published, in its order.

    Raises `ComodelsError` if its registry does not list the implementation, and is another one's.
    """
    registry = ContractAt(node, noted["registry"], artifact("Registry").abi)
    wanted = {noted["registry"]: "Registry", noted["implementation"]: saved.kind}
    for name in NEEDS.get(noted["incentive"], ()):
        wanted[deployer.address_of(deployer.creation_code(name, sender))] = name
    wanted[noted["trainer"]] = noted["incentive"]
    steps = [
        Step(f"deploying {name}", deployer.DEPLOYER, deployer.SALT + deployer.creation_code(name, sender))
        for address, name in wanted.items()
        if not node.code(address)
    ]
    if not node.code(noted["registry"]) or not is_listed(registry, noted["implementation"], sender):
        steps.append(Step("listing it", registry.address, registry.data("add_implementation", noted["implementation"])))
    if is_stored(saved):
        steps += [
            Step("storing the encoder", deployer.DEPLOYER, deployer.SALT + creation)
            for _, creation in places.missing_parts(node, saved.encoder)
        ]
    model = ContractAt(node, noted["address"], artifact(saved.kind).abi)
    words, present = saved.words, saved.words[:PUBLISH_WORDS]
    if not node.code(model.address):
        steps.append(Step("publishing", registry.address, registry.data("publish", *publish_arguments(saved, noted))))
    elif model.call("sealed"):
        return steps
    else:
        present = words_of(model, len(words))
    size = LOAD_WORDS
    begin = PUBLISH_WORDS if len(present) < len(words) else 0
    for start in range(begin, len(words), size):
        part = words[start : start + size]
        if part != present[start : start + size]:
            steps.append(Step("loading", model.address, model.data("load", start, part)))
    if len(words) > PUBLISH_WORDS:
        steps.append(Step("sealing", model.address, model.data("seal")))
    return steps


def is_stored(saved: SavedModel) -> bool:
    """Whether a model says that its encoder's file is on its own chain, so that publishing it stores it there."""
    return bool(saved.places) and places.place_on_chain(saved.encoder) in saved.places


def try_publication(node: Node, sender: str, saved: SavedModel, noted: dict, say=print) -> None:
    """Try what is left to send, and say what it takes; nothing is sent.

    Parameters
    ----------
    noted : dict
        What the deployments file says about it.

    Raises
    ------
    ComodelsError
        If one of the transactions would be refused, or the sender has too little ether for all of them.
    """
    steps = missing_steps(node, sender, saved, noted)
    if not steps:
        return
    each = try_steps(node, sender, steps)
    if each is None:
        say("This node cannot try a publication as a whole: only what it consists of was checked.")
        return
    gas = sum(each)
    price, balance = gas_price(node).total, node.balance(sender)
    several = "s" if len(steps) > 1 else ""
    say(f"Tried as calls: {len(steps)} transaction{several}, {gas:,} gas, about {gas * price / ETHER:.6f} ether now.")
    if balance < gas * price:
        raise ComodelsError(
            f"{sender} has {balance / ETHER:.6f} ether, which is less than the gas of this publication costs: send it "
            "some, or choose another --account."
        )


def try_steps(node: Node, sender: str, steps: list[Step]) -> list[int] | None:
    """The gas of each of some transactions that follow each other; None if the node cannot tell.

    Raises `ComodelsError` with the reason of the first one that would be refused.
    """
    blocks: list[dict[str, Any]] = [
        {"calls": [{"from": sender, "to": step.to, "data": "0x" + step.data.hex()}]} for step in steps
    ]
    if node.code(deployer.DEPLOYER) != deployer.DEPLOYER_CODE:
        blocks[0]["stateOverrides"] = {deployer.DEPLOYER: {"code": "0x" + deployer.DEPLOYER_CODE.hex()}}
    try:
        answer = node.rpc("eth_simulateV1", {"blockStateCalls": blocks}, "latest")
        results = [block["calls"][0] for block in answer]
    except (RpcError, LookupError, TypeError):
        return None
    gas = []
    for step, result in zip(steps, results, strict=True):
        if int(result["status"], 16) != 1:
            reason = revert_reason(result.get("returnData")) or result.get("error", {}).get("message", "no reason")
            if "gas" in reason:  # of what the node allows for all calls together
                return None
            raise ComodelsError(f"Nothing was sent, because {step.what} would be refused: {reason}")
        gas.append(int(result["gasUsed"], 16))
    return gas
