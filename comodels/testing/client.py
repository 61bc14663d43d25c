"""One transaction at a time, over raw JSON-RPC: about a thousand a second, where Ape makes twenty."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eth_abi import decode
from eth_utils import to_checksum_address

from comodels.artifacts import Artifact
from comodels.chain import abi
from comodels.chain.abi import revert_reason
from comodels.chain.contract import ContractAt
from comodels.chain.local import Chain
from comodels.chain.node import RpcError, all_of


class Reverted(Exception):
    """A call or transaction reverted; the text is the contract's message, empty where it gave none."""


@contextmanager
def reverts(message: str = "") -> Iterator[None]:
    """Expect a revert with exactly this message."""
    with refused() as found:
        yield
    assert found == [message], f"refused with {found[0]!r}, not {message!r}"


@contextmanager
def refused() -> Iterator[list[str]]:
    """Expect a revert with any message; it is put into the list that this gives."""
    found: list[str] = []
    try:
        yield found
    except Reverted as error:
        found.append(str(error))
    assert found, "not refused"


@contextmanager
def named(check: str) -> Iterator[None]:
    """Let failures begin with the name of the check."""
    try:
        yield
    except (AssertionError, Reverted) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise AssertionError(f"{check}: {error}" if str(error) else f"{check}: {place.line}") from error


@dataclass(frozen=True)
class Event:
    """A log of the contract at an address."""

    address: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Receipt:
    """What a transaction did.

    Attributes
    ----------
    gas : int
        Gas used, the transaction's own 21,000 and its calldata included.
    time : int
        Timestamp of its block in seconds.
    """

    gas: int
    time: int
    events: list[Event]  # of the contracts that the client knows
    contract_address: str | None


class Client:
    """Deploys contracts and sends transactions from the node's unlocked accounts."""

    def __init__(self, chain: Chain):
        self.chain = chain
        self._events: dict[str, abi.Event] = {}  # by topic, of all contracts that were named

    def at(self, contract, address: str) -> Contract:
        """The contract at an address; `contract` has its `abi`, as an `Artifact` or a contract type of Ape."""
        items = [item if isinstance(item, dict) else item.model_dump(by_alias=True) for item in contract.abi]
        found = Contract(self, str(address), items)
        self._events |= found.known_events
        return found

    def deploy(self, contract, sender, arguments: bytes = b"") -> Contract:
        """Deploy a contract, an `Artifact` or a container of Ape; `arguments` are its constructor's, encoded."""
        if not isinstance(contract, Artifact):
            code = bytes(contract.contract_type.deployment_bytecode.to_bytes())
            contract = Artifact(contract.contract_type.abi, code, b"")
        return self.at(contract, str(self.send(None, contract.code + arguments, sender).contract_address))

    def send(
        self,
        to: str | None,
        data: bytes,
        sender,
        value: int = 0,
        time: int | None = None,
        gas: int = 16_777_216,
    ) -> Receipt:
        """Mine one transaction, at a time in seconds if given. Raises `Reverted`."""
        fields = {
            "from": str(sender),
            "data": "0x" + data.hex(),
            "value": hex(value),
            "gas": hex(gas),
            "gasPrice": "0x0",
        }
        if to is not None:
            fields["to"] = to
        calls = [] if time is None else [("evm_setNextBlockTimestamp", [time])]
        answers = all_of(self.chain.many([*calls, ("eth_sendTransactionSync", [fields])]))
        receipt = answers[-1]
        if receipt["status"] != "0x1":
            trace = self.chain.rpc("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
            raise Reverted(revert_reason(trace.get("output")) or "")
        return Receipt(
            int(receipt["gasUsed"], 16),
            int(receipt["logs"][0]["blockTimestamp"], 16) if receipt["logs"] else self.chain.time,
            [self._event(log) for log in receipt["logs"] if log["topics"][0] in self._events],
            receipt.get("contractAddress"),
        )

    def call(self, to: str, data: bytes, sender=None, time: int | None = None) -> bytes:
        """The bytes that a view call returns, in a block of a time in seconds if given. Raises `Reverted`."""
        fields = {"to": to, "data": "0x" + data.hex()} | ({"from": str(sender)} if sender is not None else {})
        overrides = [] if time is None else [{}, {"time": hex(time)}]
        answer = self.chain.many([("eth_call", [fields, "latest", *overrides])])[0]
        if isinstance(answer, RpcError):
            raise Reverted(answer.reason or "")
        return bytes.fromhex(answer[2:])

    def _event(self, log: dict) -> Event:
        event = self._events[log["topics"][0]]
        arguments = {name: _plain(value) for name, value in event.decode(log).items()}
        return Event(to_checksum_address(log["address"]), event.name, arguments)


class Contract(ContractAt):
    """A contract whose transactions raise `Reverted` with its message."""

    def __init__(self, client: Client, address: str, items: list[dict]):
        super().__init__(client.chain, to_checksum_address(address), items)
        self.client = client

    def __str__(self) -> str:
        return self.address

    def send(self, function: str, *arguments: Any, sender, **fields: Any) -> Receipt:
        """Mine a transaction; `fields` are value, time and gas. Raises `Reverted`."""
        return self.client.send(self.address, self.data(function, *map(_plain, arguments)), sender, **fields)

    def call(self, function: str, *arguments: Any, sender=None, time: int | None = None) -> Any:
        """The result of a view call. Raises `Reverted`."""
        result = self.client.call(self.address, self.data(function, *map(_plain, arguments)), sender, time)
        types = self._functions[function].results
        values = [list(v) if t.endswith("]") else _plain(v) for t, v in zip(types, decode(types, result), strict=True)]
        return values[0] if len(values) == 1 else tuple(values)

    def event(self, name: str, **arguments: Any) -> Event:
        """An event of this contract, to compare with those of a receipt."""
        (names,) = ([each for each, _, _ in e.inputs] for e in self.known_events.values() if e.name == name)
        assert set(arguments) == set(names), f"{name} has {names}"
        return Event(self.address, name, {k: _plain(v) for k, v in arguments.items()})


def _plain(value: Any) -> Any:
    """Addresses as checksummed text; accounts and contracts as their address; arrays as lists."""
    if hasattr(value, "address"):
        return to_checksum_address(str(value.address))
    if isinstance(value, str) and value.startswith("0x") and len(value) == 42:
        return to_checksum_address(value)
    if isinstance(value, list | tuple):
        return type(value)(_plain(v) for v in value)
    return value
