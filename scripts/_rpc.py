"""Reading from any chain that Ape is connected to: many calls at once, and events in pages."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from scripts import _common  # noqa: F401 (makes the packages below importable)

ADD_DATA = "AddData(address,address,uint256,bytes)"
PAGE = 5_000  # blocks of logs in one request; halved where a node finds that too many


class Node:
    """The node that an Ape provider talks to, with the interface of `simulation.chain.Chain` as far as reading goes."""

    def __init__(self, provider):
        self.provider = provider

    def many(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[dict]:
        """The answers to (method, parameters) pairs; each has ``result`` or ``error``."""

        def one(call):
            answer = self.provider.web3.provider.make_request(call[0], list(call[1]))
            return answer if "error" in answer else {"result": _plain(answer["result"])}

        if len(calls) == 1:
            return [one(calls[0])]
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, calls))

    def rpc(self, method: str, *parameters: Any) -> Any:
        return self._result(self.many([(method, parameters)])[0])

    @staticmethod
    def _result(answer: dict) -> Any:
        from simulation.chain import Chain

        return Chain._result(answer)

    @property
    def time(self) -> int:
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


def node_of(provider):
    """The fastest way to read through an Ape provider: a `Chain` for a plain HTTP node, else a `Node`."""
    from simulation.chain import Chain

    uri = str(getattr(provider, "uri", "") or "")
    return Chain(uri) if uri.startswith("http://") else Node(provider)


def _plain(value: Any) -> Any:
    """JSON as the node sent it, where web3 has made bytes and numbers of it."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


@dataclass(frozen=True)
class Contribution:
    """What an `AddData` event says.

    Attributes
    ----------
    id : int
        Position among the model's contributions, from 0.
    deposit : int
        Wei.
    time : int
        Seconds.
    block, log_index : int
        Where the event stands.
    more : int
        What the incentive adds to the facts; see its contract.
    """

    id: int
    contributor: str
    label: int
    effect: int
    time: int
    deposit: int
    x: bytes
    block: int
    log_index: int
    more: int = 0

    @classmethod
    def from_log(cls, log: dict, number: int) -> "Contribution":
        """Read a raw log."""
        from eth_utils import to_checksum_address

        data = bytes.fromhex(log["data"][2:])
        facts = int.from_bytes(data[:32], "big")
        length = int.from_bytes(data[64:96], "big")
        return cls(
            id=number,
            contributor=to_checksum_address("0x" + log["topics"][2][-40:]),
            label=facts & 0xFF,
            effect=facts >> 8 & 0xFF,
            time=facts >> 16 & 2**40 - 1,
            deposit=facts >> 56 & 2**96 - 1,
            x=data[96 : 96 + length],
            block=int(log["blockNumber"], 16),
            log_index=int(log["logIndex"], 16),
            more=facts >> 152,
        )


def pages(node, first: int, last: int, topics: Sequence[Any], address: str | None = None) -> Iterator[tuple[int, list]]:
    """Logs from block `first` to `last`: for each page its last block, and its logs."""
    from simulation.chain import RpcError

    size = PAGE
    while first <= last:
        end = min(first + size - 1, last)
        query: dict[str, Any] = {"fromBlock": hex(first), "toBlock": hex(end), "topics": list(topics)}
        if address:
            query["address"] = address
        try:
            logs = node.rpc("eth_getLogs", query)
        except RpcError:
            if size == 1:
                raise
            size = max(1, size // 2)
            continue
        yield end, logs
        first = end + 1


def add_data_topics(model: str, contributor: str | None = None) -> list:
    """The topics of the `AddData` events of a model."""
    from eth_utils import keccak

    topics = ["0x" + keccak(text=ADD_DATA).hex(), word(model)]
    return topics + [word(contributor)] if contributor else topics


def word(address: str) -> str:
    """An address as a 32-byte word in hexadecimal."""
    return "0x" + "0" * 24 + address[2:].lower()


def contributions(node, model: str, trainer: str, first: int = 0, last: int | None = None) -> list[Contribution]:
    """All contributions to a model, in their order, from the events of its trainer."""
    if last is None:
        last = int(node.rpc("eth_blockNumber"), 16)
    logs = [log for _, page in pages(node, first, last, add_data_topics(model), trainer) for log in page]
    return [Contribution.from_log(log, number) for number, log in enumerate(logs)]
