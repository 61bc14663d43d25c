"""What is deployed where: one JSON file a network, written before anything is sent, so that nothing is sent twice."""

import json
from pathlib import Path
from typing import Any

import click

from scripts._common import DEPLOYMENTS, LOCAL_CHAINS, real_chain_id


class Journal:
    """The file of a network.

    Attributes
    ----------
    contracts : dict
        By name: ``address``, and the ``sender`` and ``nonce`` that decided it.
    models : dict
        By name: what `scripts.deploy.Plan` says, and ``published`` (the block) once that is done.
    """

    def __init__(self, path: Path, chain: dict[str, Any]):
        self.path = path
        self.chain = chain
        self.contracts: dict[str, dict] = {}
        self.models: dict[str, dict] = {}

    @classmethod
    def open(cls, provider, folder: Path = DEPLOYMENTS) -> "Journal":
        """The journal of the chain that a provider is connected to; an empty one if there is none yet.

        The file of a local chain that does not run any more is replaced; that of another network is never.
        """
        chain_id = real_chain_id(provider)
        genesis = provider.make_request("eth_getBlockByNumber", ["0x0", False])["hash"]
        chain = {"id": chain_id, "genesis": genesis if isinstance(genesis, str) else "0x" + bytes(genesis).hex()}
        path = folder / f"{network_name(provider, chain_id)}.json"
        journal = cls(path, chain)
        if not path.is_file():
            return journal
        try:
            content = json.loads(path.read_bytes())
            found, contracts, models = content["chain"], content["contracts"], content["models"]
        except (ValueError, KeyError) as error:
            raise click.ClickException(
                f"{path}: not a deployments file ({error}). Repair it or move it away."
            ) from error
        if found != chain:
            if chain_id in LOCAL_CHAINS:
                return journal
            raise click.ClickException(
                f"{path} belongs to another chain ({found}). Move it away, or choose --deployments."
            )
        journal.contracts, journal.models = contracts, models
        return journal

    def save(self) -> None:
        from encoders.files import write_atomically

        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {"chain": self.chain, "contracts": self.contracts, "models": self.models}
        write_atomically(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def model(self, name: str) -> dict:
        """What is noted about a published model, by its name or its address."""
        for key, model in self.models.items():
            if name in (key, model["address"]) and "published" in model:
                return model
        known = ", ".join(key for key, model in self.models.items() if "published" in model)
        raise click.ClickException(
            f"No model {name!r} in {self.path}. "
            + (f"There are: {known}." if known else "There is none yet: `ape run deploy` publishes one.")
        )


def network_name(provider, chain_id: int) -> str:
    """``local`` for local chains, else the network's name, or the chain id where Ape does not know one."""
    if chain_id in LOCAL_CHAINS:
        return "local"
    name = provider.network.name
    return f"chain-{chain_id}" if name == "custom" else name
