"""What is deployed where: one JSON file a chain, written before anything is sent, so that nothing is sent twice."""

import json
from pathlib import Path
from typing import Any

from comodels.chain.node import Node
from comodels.errors import ComodelsError
from encoders.files import write_atomically

DEPLOYMENTS = Path("deployments")


class Journal:
    """The file of a chain.

    Attributes
    ----------
    contracts : dict
        By name: ``address``, the same on every chain (`comodels.deployer`), but for a registry of somebody else.
    models : dict
        By name: what `comodels.publish.publish` notes, and ``published`` (the block) once that is done.
    """

    def __init__(self, path: Path, chain: dict[str, Any]):
        self.path = path
        self.chain = chain
        self.contracts: dict[str, dict] = {}
        self.models: dict[str, dict] = {}

    @classmethod
    def open(cls, node: Node, folder: Path = DEPLOYMENTS) -> "Journal":
        """The journal of the chain that a node belongs to; an empty one if there is none yet.

        Its file is named by chain id and genesis: another local chain has another file.
        """
        chain: dict[str, Any] = {"id": node.chain_id, "genesis": node.genesis}
        path = folder / f"chain-{chain['id']}-{chain['genesis'][2:10]}.json"
        journal = cls(path, chain)
        if not path.is_file():
            return journal
        try:
            content = json.loads(path.read_bytes())
            found, contracts, models = content["chain"], content["contracts"], content["models"]
        except (ValueError, KeyError) as error:
            raise ComodelsError(f"{path}: not a deployments file ({error}). Repair it or move it away.") from error
        if found != chain:
            raise ComodelsError(f"{path} belongs to another chain ({found}). Move it away, or choose --deployments.")
        journal.contracts, journal.models = contracts, models
        return journal

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {"chain": self.chain, "contracts": self.contracts, "models": self.models}
        write_atomically(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def model(self, name: str) -> dict:
        """What is noted about a published model, by its name or its address."""
        for key, model in self.models.items():
            if name in (key, model["address"]) and "published" in model:
                return model
        known = ", ".join(key for key, model in self.models.items() if "published" in model)
        raise ComodelsError(
            f"No model {name!r} in {self.path}. "
            + (f"There are: {known}." if known else "There is none yet: `ape run deploy` publishes one.")
        )
