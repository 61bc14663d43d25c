"""A deployed model with its encoder and its incentive, as scripts and the console use it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from scripts import _common, _incentives, _models, _rpc
from scripts._journal import Journal


@dataclass
class DeployedModel:
    """What is at hand by name in `ape console`.

    Examples
    --------
    >>> imdb.predict("great movie")  # doctest: +SKIP
    'positive'
    """

    name: str
    contract: Any  # the model, as Ape's contract
    incentive: Any  # the incentive, as Ape's contract; None if the trainer is none of this project
    deployments: Path = _common.DEPLOYMENTS
    encoder_file: Path | None = None

    def __repr__(self) -> str:
        return (
            f"<{self.name}: {self.contract.kind()} at {self.contract.address}, classes {', '.join(self.class_names)}>"
        )

    @property
    def address(self) -> str:
        return self.contract.address

    @cached_property
    def class_names(self) -> list[str]:
        names = [self.contract.class_name(y) for y in range(self.contract.class_count())]
        return [name or str(y) for y, name in enumerate(names)]

    @cached_property
    def encoder(self):
        """The encoder that the model's spec names."""
        return _models.find_encoder(self.contract.encoder_spec(), self.deployments, self.encoder_file)

    @cached_property
    def adapter(self):
        """How the scripts deal with the model's incentive."""
        if self.incentive is None:
            raise click.ClickException(
                f"{self.name} is trained by {self.contract.trainer()}, which no script here knows."
            )
        return _incentives.incentive_of(self.incentive.contract_type.name)

    @cached_property
    def batched_incentive(self):
        """The incentive as a `simulation.chain.ContractAt`, to ask it many things at once."""
        from simulation.chain import ContractAt

        return ContractAt(self.node, self.incentive.address, _common.abi_of(self.incentive))

    @cached_property
    def batched(self):
        """The model as a `simulation.chain.ContractAt`."""
        from simulation.chain import ContractAt

        return ContractAt(self.node, self.contract.address, _common.abi_of(self.contract))

    @cached_property
    def node(self):
        return _rpc.node_of(self.contract.provider)

    def encode(self, sample: Any) -> bytes:
        """A text, a row of numbers (also as text: ``"1.5, 2"``) or a picture to what the contract takes; bytes stay."""
        if isinstance(sample, bytes):
            return sample
        if self.encoder.input_kind == "numbers" and isinstance(sample, str):
            try:
                sample = [float(part) for part in sample.replace(",", " ").split()]
            except ValueError:
                raise click.ClickException(f"{sample[:60]!r} is not a row of numbers such as '1.5, 2, 0.25'.") from None
        return self.encoder.encode(sample)

    def label(self, name: str | int) -> int:
        """The index of a class."""
        text = str(name)
        if text in self.class_names:
            return self.class_names.index(text)
        if text.isdecimal() and int(text) < len(self.class_names):
            return int(text)
        raise click.ClickException(f"{self.name} has no class {text!r}; it has {', '.join(self.class_names)}.")

    def predict(self, sample: Any) -> str:
        """The name of the sample's class; asking is free."""
        return self.class_names[self.contract.predict(self.encode(sample))]

    def scores(self, sample: Any) -> dict[str, int]:
        """The score of each class; the largest wins."""
        return dict(zip(self.class_names, self.contract.scores(self.encode(sample)), strict=True))

    def quote(self) -> int:
        """The deposit that a contribution needs now, in wei."""
        return self.adapter.deposit(self.batched_incentive, self.address)

    def contribute(self, sample: Any, label: str | int, sender, max_deposit: int | None = None):
        """Contribute a sample. Returns Ape's receipt.

        Parameters
        ----------
        max_deposit : int, optional
            The most to deposit, in wei; by default what is needed now, and not more. The change comes back.
        """
        x, y = self.encode(sample), self.label(label)
        quoted = self.quote()
        value = quoted if max_deposit is None or quoted == 0 else max_deposit
        function, arguments = self.adapter.contribute(self.address, x, y)
        return getattr(self.incentive, function)(*arguments, value=value, sender=sender)

    def contributions(self) -> list:
        """All contributions so far, from the events."""
        return _rpc.contributions(self.node, self.address, self.contract.trainer())

    def claims(self, account: str) -> list:
        """What an account can refund, report or take now."""
        return self.adapter.claims(self.batched_incentive, self.address, account, self.contributions(), self.node.time)

    def accuracy(self, rows: list[tuple[bytes, int]]) -> float:
        """The part of encoded, labelled samples that the contract classifies rightly."""
        errors = sum(self.batched.call_many("evaluate", [(part,) for part in batches(rows)]))
        return 1 - errors / len(rows)


def find(provider, name: str, deployments: Path = _common.DEPLOYMENTS, encoder: Path | None = None) -> DeployedModel:
    """The model with a name in the deployments file, or at an address."""
    from ape import project
    from eth_utils import is_address, to_checksum_address

    if is_address(name) and not any(
        name in (key, noted["address"]) for key, noted in Journal.open(provider, deployments).models.items()
    ):
        return at(to_checksum_address(name), deployments, encoder)
    noted = Journal.open(provider, deployments).model(name)
    if not len(provider.get_code(noted["address"])):
        raise click.ClickException(f"{name} is not on this network any more: publish it again with `ape run deploy`.")
    return DeployedModel(
        noted["name"],
        getattr(project, noted["kind"]).at(noted["address"], detect_proxy=False),
        getattr(project, noted["incentive"]).at(noted["trainer"]),
        deployments,
        encoder,
    )


def at(address: str, deployments: Path = _common.DEPLOYMENTS, encoder: Path | None = None) -> DeployedModel:
    """The model at an address, whoever published it."""
    from ape import chain, project
    from ape.exceptions import ApeException

    if not len(chain.provider.get_code(address)):
        raise click.ClickException(f"There is no contract at {address} on this network: check address and --network.")
    try:
        model = project.SparsePerceptron.at(address)  # every model answers these questions alike
        kind, name, trainer = model.kind(), model.name(), model.trainer()
    except ApeException as error:
        raise click.ClickException(f"What is at {address} is not a model.") from error
    container = getattr(project, kind, None)
    if container is None:
        raise click.ClickException(
            f"The model at {address} is a {kind!r}, which this version of the project does not know."
        )
    incentive = None
    for adapter in _incentives.INCENTIVES.values():
        if runs(trainer, getattr(project, adapter.contract)):
            incentive = getattr(project, adapter.contract).at(trainer)
    return DeployedModel(name, container.at(address, detect_proxy=False), incentive, deployments, encoder)


def runs(address: str, container) -> bool:
    """Whether the contract at an address was compiled from this source, as far as its code tells."""
    from ape import chain

    code = bytes(chain.provider.get_code(address))
    compiled = bytes(
        container.contract_type.runtime_bytecode.bytecode
        and bytes.fromhex(container.contract_type.runtime_bytecode.bytecode.removeprefix("0x"))
    )
    return len(code) > 0 and code[: len(compiled)] == compiled


def batches(rows: list[tuple[bytes, int]], limit: int = 24_000) -> list[bytes]:
    """Labelled samples as `evaluate` takes them, in as few calls as possible."""
    from encoders import wire

    found: list[list[tuple[int, bytes]]] = [[]]
    size = 0
    for x, y in rows:
        if size + len(x) + 3 > limit:
            found.append([])
            size = 0
        found[-1].append((y, x))
        size += len(x) + 3
    return [wire.pack_rows(part) for part in found if part]


def encoded_rows(model: DeployedModel, source: str) -> list[tuple[bytes, int]]:
    """The samples of a data file that the model's encoder can encode, with the indices of their classes."""
    import encoders

    data = encoders.read_data(source, None if source in encoders.BUILT_IN else model.class_names)
    positions, samples = model.encoder.encode_valid(data.samples)
    if not samples:
        raise click.ClickException(f"{model.name} knows no word of any sample in {source}.")
    return [(x, int(y)) for x, y in zip(samples, data.labels[positions], strict=True)]
