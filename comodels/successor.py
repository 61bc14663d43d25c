"""The next version of a model: what it began with, and what people brought that is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from comodels.chain.account import Account, address_of
from comodels.errors import ComodelsError
from comodels.export import read_start, write_start
from comodels.publish import Options, publish
from comodels.registry import registry_at, terms_given
from comodels.revert import Revert
from comodels.saved import SavedModel

if TYPE_CHECKING:
    from comodels.chain.logs import Contribution
    from comodels.published import PublishedModel


def learnt_anew(
    model: PublishedModel, contributions: Sequence[Contribution], name: str, folder: Path
) -> tuple[SavedModel, int]:
    """A model that has learnt these contributions, from the state in which the given model was published.

    Parameters
    ----------
    name : str
        Of the new model.
    folder : Path
        Where the state that it begins with is written: ``start.json``.

    Returns
    -------
    model : SavedModel
    refused : int
        How many contributions it could not learn, because a weight would have left its range.

    Raises
    ------
    ComodelsError
        If the node does not keep that state, or classes were added since.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not write_start(model, folder / "start.json"):
        raise ComodelsError("The node keeps no old states, so the model cannot learn anew: ask an archive node.")
    twin = read_start(folder / "start.json")
    if twin.class_count != len(model.class_names):
        raise ComodelsError(
            "Classes were added since the model was published: train the next one with `ape run deploy`."
        )
    refused = 0
    for c in contributions:
        try:
            twin.update(c.x, c.label)
        except Revert:
            refused += 1
    about = model.contract.call("description")
    return SavedModel.of(twin, model.encoder, name, about, model.class_names), refused


def publish_next(
    model: PublishedModel, saved: SavedModel, account: Account, say: Callable[[str], Any] = print
) -> dict[str, Any]:
    """Publish a model with the terms of another one, in its registry, and name it there as its next.

    Returns
    -------
    dict
        What the deployments file says about the new one.

    Raises
    ------
    ComodelsError
        If the account does not own the model, or no registry is known that lists it.
    """
    sender, owner = address_of(account), to_checksum_address(model.contract.call("owner"))
    if sender != owner:
        raise ComodelsError(f"Only the owner of {model.name}, {owner}, may say what goes on where it ends.")
    if model.registry is None:
        raise ComodelsError(f"The deployments file does not say in which registry {model.name} is.")
    incentive = replace(model.adapter, terms=terms_given(model))
    noted = publish(model.node, account, saved, Options(incentive, model.deployments, model.registry), say)
    say(f"Saying in the registry that {saved.name!r} goes on where {model.name!r} ends ...")
    registry_at(model.node, model.registry).transact("name_next", model.address, noted["address"], account=account)
    return noted
