"""A published model with its encoder and its incentive, through any node.

>>> imdb = find(Node("http://127.0.0.1:8545"), "imdb")  # doctest: +SKIP
>>> imdb.predict("great movie")  # doctest: +SKIP
'positive'
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_utils import is_address, to_checksum_address

from comodels import saved
from comodels.artifacts import artifact
from comodels.chain.account import Account, address_of, gas_price, sent_before
from comodels.chain.contract import ContractAt
from comodels.chain.history import History
from comodels.chain.logs import Contribution
from comodels.chain.node import Node, RpcError
from comodels.claims import INCENTIVES, Claim, Prospect, incentive_of
from comodels.errors import ComodelsError
from comodels.journal import DEPLOYMENTS, Journal
from comodels.models import KINDS, twin_in
from comodels.rows import ROW_HEAD, in_parts, pack_rows
from comodels.units import ETHER


class ClassIndex(int):
    """The index of a class, as `PublishedModel.label` gives it; a number of any other type is a name."""


@dataclass(frozen=True)
class Offer:
    """What a contribution would be, before it is sent.

    Attributes
    ----------
    name, index : str, ClassIndex
        Of the class that it is for.
    believes : str
        The name of the class that the model takes the sample for now.
    deposit : int
        Wei, in the next block.
    gas : int
        About what the transaction needs.
    gas_price : int
        Wei for a unit, in the next block.
    """

    name: str
    index: ClassIndex
    believes: str
    deposit: int
    gas: int
    gas_price: int

    @property
    def fee(self) -> int:
        """About what the gas costs, in wei."""
        return self.gas * self.gas_price

    def __str__(self) -> str:
        deposit = f"deposit {self.deposit / ETHER:.6f} ether" if self.deposit else "no deposit"
        return (
            f"as class {self.name!r} (index {int(self.index)}), {deposit}, gas about {self.gas:,} "
            f"({self.fee / ETHER:.6f} ether); the model takes it for {self.believes!r} now"
        )


@dataclass
class PublishedModel:
    """A model on a chain. Asking it is free; contributing and claiming are transactions of an account.

    Attributes
    ----------
    kind : str
        Of the model: its contract's name.
    contract : ContractAt
        The model.
    incentive : ContractAt or None
        Its trainer; None if that is none of this project.
    incentive_kind : str
        The incentive's contract's name.
    first_block : int
        Before which there are no contributions.
    fetches : bool
        Whether an encoder that is not at hand is fetched from where the model says.
    account_of : callable
        Makes what is given as an account one that the library sends from: in `ape console`, of Ape's accounts.
    """

    name: str
    kind: str
    contract: ContractAt
    incentive: ContractAt | None
    incentive_kind: str = ""
    deployments: Path = DEPLOYMENTS
    encoder_file: Path | None = None
    first_block: int = 0
    fetches: bool = True
    account_of: Callable[[Any], Account] = field(default=lambda account: account, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.kind} at {self.address}, classes {', '.join(self.class_names)}>"

    @property
    def address(self) -> str:
        return self.contract.address

    @cached_property
    def registry(self) -> str | None:
        """The registry that the deployments file names for this model, or for this chain; None if it names none."""
        journal = Journal.open(self.node, self.deployments)
        mine = [noted for noted in journal.models.values() if noted["address"] == self.address]
        return mine[0]["registry"] if mine else journal.contracts.get("Registry", {}).get("address")

    @cached_property
    def next(self) -> str | None:
        """The model that goes on where this one ends, as its owner says in the registry; None where none is named."""
        if self.registry is None or not self.node.code(self.registry):
            return None
        return next_of(ContractAt(self.node, self.registry, artifact("Registry").abi), self.address)

    @property
    def node(self) -> Node:
        return self.contract.chain

    @cached_property
    def class_names(self) -> list[str]:
        count = self.contract.call("class_count")
        names = self.contract.call_many("class_name", [(y,) for y in range(count)])
        return [name or str(y) for y, name in enumerate(names)]

    @cached_property
    def encoder(self):
        """The encoder that the model's spec names."""
        node = self.node if self.fetches else None
        return saved.find_encoder(self.encoder_spec, self.deployments, self.encoder_file, node)

    @cached_property
    def encoder_spec(self) -> str:
        """The spec on chain, with the places that it names."""
        return self.contract.call("encoder_spec")

    @cached_property
    def adapter(self):
        """How to deal with the model's incentive. Raises `ComodelsError` if it is unknown."""
        _ = self.paying
        return incentive_of(self.incentive_kind)

    @property
    def paying(self) -> ContractAt:
        """The incentive. Raises `ComodelsError` if it is unknown."""
        if self.incentive is None:
            raise ComodelsError(f"{self.name} is trained by {self.trainer}, which this library does not know.")
        return self.incentive

    @cached_property
    def trainer(self) -> str:
        """The address of the incentive."""
        return to_checksum_address(self.contract.call("trainer"))

    def encode(self, sample: Any, exact: bool = False) -> bytes:
        """A text, a row of numbers (also as text: ``"1.5, 2"``) or a picture to what the contract takes; bytes stay.

        Parameters
        ----------
        exact : bool
            Whether it is for asking only: where the model's encoder is private, what is contributed is drawn anew each
            time.
        """
        if isinstance(sample, bytes):
            return sample
        if self.encoder.input_kind == "numbers" and isinstance(sample, str):
            try:
                sample = [float(part) for part in sample.replace(",", " ").split()]
            except ValueError:
                raise ComodelsError(f"{sample[:60]!r} is not a row of numbers such as '1.5, 2, 0.25'.") from None
        return (self.encoder.exact if exact else self.encoder).encode(sample)

    def label(self, name: str | int) -> ClassIndex:
        """The index of a class from its name; from its index, as a text or a number, only where no name is a number.

        A `ClassIndex` stays what it is. Raises `ComodelsError` if there is no such class.
        """
        from encoders.labels import is_number

        names, text = self.class_names, str(int(name) if isinstance(name, ClassIndex) else name).strip()
        found: int | None
        if isinstance(name, ClassIndex):
            found = name if name < len(names) else None
        elif text in names:
            found = names.index(text)
        elif text.isdecimal() and int(text) < len(names) and not any(map(is_number, names)):
            found = int(text)
        else:
            found = None
        if found is None:
            raise ComodelsError(f"{self.name} has no class {text!r}; it has {', '.join(map(repr, names))}.")
        return ClassIndex(found)

    def predict(self, sample: Any) -> str:
        """The name of the sample's class; asking is free."""
        return self.class_names[self.contract.call("predict", self.encode(sample, True))]

    def scores(self, sample: Any) -> dict[str, int]:
        """The score of each class; the largest wins."""
        return dict(zip(self.class_names, self.contract.call("scores", self.encode(sample, True)), strict=True))

    def quote(self) -> int:
        """The deposit that a contribution needs in the next block, in wei."""
        return self.adapter.deposit(self.incentive, self.address)

    def offer(self, sample: Any, label: str | int, sender: str, value: int | None = None) -> Offer:
        """What contributing a sample would be; nothing is sent.

        Parameters
        ----------
        sender : str
            The contributor's address.
        value : int, optional
            Wei to send along, from which the change comes back; by default the deposit.

        Raises
        ------
        RpcError
            If the incentive would refuse it.
        """
        x, y = self.encode(sample), self.label(label)
        deposit = self.quote()
        function, arguments = self.adapter.contribute(self.address, x, y)
        value = deposit if value is None else value
        call = self.paying.transaction(function, *arguments, sender=sender, value=value if deposit else 0).call
        gas = int(self.node.rpc("eth_estimateGas", call), 16)
        return Offer(self.class_names[y], y, self.predict(x), deposit, gas, gas_price(self.node).total)

    def contribute(
        self, sample: Any, label: str | int, account: Account, max_deposit: int | None = None, say=print
    ) -> dict:
        """Contribute a sample; the receipt.

        Parameters
        ----------
        max_deposit : int, optional
            The most to deposit, in wei; by default what is needed now, and not more. The change comes back.
        say : callable
            Told for which class it is, and the deposit, before it is sent.

        Raises
        ------
        comodels.chain.account.Refused, comodels.chain.node.RpcError
            If the incentive refuses it.
        """
        x, y, account = self.encode(sample), self.label(label), self.account_of(account)
        if receipt := self.sent_before(x, y, account):
            return receipt
        offer = self.offer(x, y, address_of(account), max_deposit)
        say(f"{self.name}: {offer}.")
        value = offer.deposit if max_deposit is None or offer.deposit == 0 else max_deposit
        function, arguments = self.adapter.contribute(self.address, x, y)
        return self.paying.transact(function, *arguments, account=account, value=value)

    def sent_before(self, sample: Any, label: str | int, account: Account) -> dict | None:
        """The receipt of this contribution, if an earlier run has signed it and could tell nobody; otherwise None.

        It is asked before the contract is, which refuses the same twice.
        """
        function, arguments = self.adapter.contribute(self.address, self.encode(sample), self.label(label))
        return sent_before(self.node, account, self.paying.address, self.paying.data(function, *arguments))

    def contributions(self) -> list[Contribution]:
        """All contributions so far, from the events."""
        return self.history.contributions()

    @cached_property
    def history(self) -> History:
        """The events of the incentive about the model; what was read is kept beside the deployments file, if any."""
        path = None
        if self.deployments.is_dir():
            journal = Journal.open(self.node, self.deployments).path
            path = journal.with_name(f"{journal.stem}.{self.address[2:10].lower()}.events")
        return History(self.node, self.address, self.trainer, path, self.first_block or None)

    def claims(self, account: Account, contributor: str | None = None, forgive: bool = False) -> list[Claim]:
        """What an account can claim now: what goes back to it, and what it can report or take.

        Parameters
        ----------
        contributor : str, optional
            Only what goes back to this address, which anyone may ask for.
        forgive : bool
            Also what is spent of the forgivings of `account`, or of a contributor who named it as keeper.
        """
        account = address_of(account)
        return self.adapter.claims(
            self.incentive, self.address, account, self.contributions(), self.node.next_time, contributor, forgive
        )

    def prospects(self, account: Account) -> list[Prospect]:
        """What will be due of an account's contributions, and what may be lost, by date."""
        account = address_of(account)
        return self.adapter.prospects(self.incentive, self.address, account, self.contributions(), self.node.next_time)

    def claim(self, claim: Claim, account: Account) -> dict:
        """Make a claim; the receipt. Raises `comodels.chain.account.Refused` if somebody was quicker."""
        return self.paying.transact(*claim.call, account=self.account_of(account))

    def credit(self, account: Account) -> int:
        """Wei that the incentive could not deliver to an account, of whichever of its models; it waits for `fetch`."""
        if self.adapter.unit != "ether":
            return 0
        return self.paying.call("credit_of", address_of(account))

    def fetch(self, account: Account) -> dict:
        """Have what waits for an account paid out; the receipt. Raises `Refused` if nothing waits."""
        return self.paying.transact("fetch", account=self.account_of(account))

    def accuracy(self, rows: Sequence[tuple[bytes, int]]) -> float:
        """The part of encoded, labelled samples that the contract classifies rightly."""
        errors = sum(self.contract.call_many("evaluate", [(part,) for part in batches(rows)]))
        return 1 - errors / len(rows)

    def words(self) -> list[int]:
        """The model's state."""
        return words_of(self.contract, self.contract.call("word_count"))

    def twin(self) -> Any:
        """The model's twin in this state; see `comodels.models`."""
        return twin_in(self.kind, self.contract.call("parameters"), self.words())


def find(node: Node, name: str, deployments: Path = DEPLOYMENTS, encoder: Path | None = None) -> PublishedModel:
    """The model with a name in the deployments file, or at an address. Raises `ComodelsError` if there is none."""
    journal = Journal.open(node, deployments)
    if is_address(name) and all(name not in (key, noted["address"]) for key, noted in journal.models.items()):
        return at(node, to_checksum_address(name), deployments, encoder)
    noted = journal.model(name)
    if not node.code(noted["address"]):
        raise ComodelsError(f"{name} is not on this chain any more: publish it again with `ape run deploy`.")
    return PublishedModel(
        noted["name"],
        noted["kind"],
        ContractAt(node, noted["address"], artifact(noted["kind"]).abi),
        ContractAt(node, noted["trainer"], artifact(noted["incentive"]).abi),
        noted["incentive"],
        deployments,
        encoder,
        noted["published"],
    )


def at(node: Node, address: str, deployments: Path = DEPLOYMENTS, encoder: Path | None = None) -> PublishedModel:
    """The model at an address, whoever published it. Raises `ComodelsError` if there is none."""
    if not node.code(address):
        raise ComodelsError(f"There is no contract at {address} on this chain: check the address and the chain.")
    try:
        model = ContractAt(node, address, artifact(next(iter(KINDS))).abi)  # every model answers these questions alike
        kind, name, trainer = (model.call(question) for question in ("kind", "name", "trainer"))
    except RpcError as error:
        raise ComodelsError(f"What is at {address} is not a model.") from error
    if kind not in KINDS:
        raise ComodelsError(f"The model at {address} is a {kind!r}, which this version of the library does not know.")
    trainer = to_checksum_address(trainer)
    incentive, incentive_kind = None, ""
    for adapter in INCENTIVES.values():
        if runs(node, trainer, adapter.contract):
            incentive_kind = adapter.contract
            incentive = ContractAt(node, trainer, artifact(incentive_kind).abi)
    contract = ContractAt(node, address, artifact(kind).abi)
    return PublishedModel(name, kind, contract, incentive, incentive_kind, deployments, encoder)


def next_of(registry: ContractAt, model: str) -> str | None:
    """The model that goes on where this one ends, as its owner says; None where none is named."""
    try:
        found = registry.call("next_of", model)
    except RpcError:  # a registry of an earlier version
        return None
    return None if int(found, 16) == 0 else to_checksum_address(found)


def runs(node: Node, address: str, name: str) -> bool:
    """Whether the contract at an address is this version of the one with this name, as far as its code tells."""
    return node.code(address).startswith(artifact(name).runtime)


def words_of(contract: ContractAt, count: int, block: str = "latest") -> list[int]:
    """The first `count` words of a model's state."""
    asked = [(start, min(saved.LOAD_WORDS, count - start)) for start in range(0, count, saved.LOAD_WORDS)]
    parts = contract.call_many("words", asked, block=block)
    return [word for part in parts for word in part]


def batches(rows: Sequence[tuple[bytes, int]], limit: int = 24_000) -> list[bytes]:
    """Labelled samples as `evaluate` takes them, in as few calls as possible."""
    parts = in_parts(rows, lambda row: ROW_HEAD + len(row[0]), limit)
    return [pack_rows((y, x) for x, y in part) for part in parts]


def encoded_rows(model: PublishedModel, source: str, say: Callable[[str], None] = print) -> list[tuple[bytes, int]]:
    """The samples of a data file that the model's encoder can encode, with the indices of their classes.

    Says how many of each class are left out, and why. Raises `ComodelsError` if all are.
    """
    import encoders
    from encoders.errors import reason_of
    from encoders.labels import listed

    data = encoders.read_data(source, model.class_names)
    encoded = model.encoder.exact.encode_each(data.samples)
    left_out: dict[tuple[str, str], list[str]] = {(row.label, row.reason): [] for row in data.left_out}
    for row in data.left_out:
        left_out[row.label, row.reason].append(row.place)
    for x, y, place in zip(encoded, data.labels.tolist(), data.places, strict=True):
        if not isinstance(x, bytes):
            left_out.setdefault((model.class_names[y], reason_of(x)), []).append(place)
    for (label, reason), places in left_out.items():
        say(f"{source}: {len(places):,} of {label!r} left out: {reason} ({listed(places)})")
    rows = [(x, y) for x, y in zip(encoded, data.labels.tolist(), strict=True) if isinstance(x, bytes)]
    if not rows:
        raise ComodelsError(f"{model.name} knows no word of any sample in {source}.")
    return rows
