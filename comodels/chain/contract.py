"""Contracts whose ABI is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from comodels.chain.abi import Call, Event, Function, Transaction
from comodels.chain.account import Account, transact
from comodels.chain.logs import pages
from comodels.chain.node import Node, all_of


class ContractAt:
    """A contract's functions by name, to encode calls fast.

    Parameters
    ----------
    abi : list of dict
        The JSON ABI. Overloaded names are not supported.
    """

    def __init__(self, chain: Node, address: str, abi: list[dict]):
        self.chain = chain
        self.address = address
        self.abi = abi
        self._functions = {item["name"]: Function.from_abi(item) for item in abi if item["type"] == "function"}
        self.known_events = {e.topic: e for e in (Event.from_abi(item) for item in abi if item["type"] == "event")}

    @property
    def names(self) -> set[str]:
        """The names of its functions."""
        return set(self._functions)

    def function(self, name: str) -> Function:
        """A function by its name."""
        return self._functions[name]

    def topics(self, *names: str) -> list[str]:
        """What the logs of events with these names begin with."""
        return [topic for topic, event in self.known_events.items() if event.name in names]

    def events(self, receipt: dict) -> list[tuple[str, dict[str, Any]]]:
        """The names and arguments of the events that this contract logged in a transaction."""
        return [
            (event.name, event.decode(log))
            for log in receipt["logs"]
            if log["address"].lower() == self.address.lower() and (event := self.known_events.get(log["topics"][0]))
        ]

    def past_events(
        self, names: Sequence[str], first: int, last: int, *indexed: str | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The same of all events with these names from block `first` to `last`; `indexed` are topics, None for any."""
        for _, logs in pages(self.chain, first, last, [self.topics(*names), *indexed], self.address):
            yield from self.events({"logs": logs})

    def transact(self, function: str, *arguments: Any, account: Account, **options: Any) -> dict:
        """Call a function in a transaction of an account and wait until it is mined; see `account.transact`."""
        return transact(self.chain, account, self.address, self.data(function, *arguments), **options)

    def data(self, function: str, *arguments: Any) -> bytes:
        """The calldata of a call."""
        return self._functions[function].encode(arguments)

    def transaction(self, function: str, *arguments: Any, sender: str, **fields: Any) -> Transaction:
        """A `Transaction` that calls a function; `fields` are its value, gas and time."""
        return Transaction(sender, self.address, self.data(function, *arguments), **fields)

    def views(
        self, calls: Iterable[tuple[str, Sequence[Any]]], block: str = "latest", sender: str | None = None
    ) -> list[Any]:
        """What (function, arguments) pairs return; an `RpcError` stands where a call failed."""
        return self.chain.answers(
            (self._functions[name], Call(self.address, name, arguments, block, sender)) for name, arguments in calls
        )

    def call_many(
        self,
        function: str,
        argument_lists: Iterable[Sequence[Any]],
        sender: str | None = None,
        block: str = "latest",
    ) -> list[Any]:
        """The results of view calls at a block. Raises the first `RpcError`."""
        return all_of(self.views([(function, arguments) for arguments in argument_lists], block, sender))

    def call(self, function: str, *arguments: Any, sender: str | None = None) -> Any:
        """The result of one view call."""
        return self.call_many(function, [arguments], sender)[0]
