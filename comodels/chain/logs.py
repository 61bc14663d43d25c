"""Events from any node, in pages: nodes limit the blocks that one request may ask for, each in its own words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from comodels.chain.abi import word
from comodels.chain.node import Node, RpcError
from comodels.wire import ADD_DATA_TOPIC, AddData

PAGE = 100_000  # blocks of logs in one request, until a node says otherwise
GROW_AFTER = 4  # pages that went well before a larger one is tried
AHEAD = 8  # pages in one request, as long as all goes well
PROBES = 16  # blocks that are asked at once where one is looked for
TELL_NUMBER = "0x4360005260206000f3"  # a program that returns the number of the block, as contracts see it
LAG = 64  # blocks that two answers of one chain may be apart, from nodes behind one address

# Errors that a smaller range helps against, and those among them that speak of events instead of blocks.
RANGE = re.compile(r"range|too (?:many|large|big)|more than|exceed|limit|size|time(?:d )?.?out", re.IGNORECASE)
SUGGESTION = re.compile(r"\[\s*(0x[0-9a-f]+)\s*,\s*(0x[0-9a-f]+)\s*\]", re.IGNORECASE)


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
    sponsor: str
    label: int
    effect: int
    time: int
    deposit: int
    x: bytes
    block: int
    log_index: int
    more: int = 0

    @classmethod
    def from_log(cls, log: dict, number: int) -> Contribution:
        """Read a raw log."""
        event, place = AddData.from_log(log), (int(log["blockNumber"], 16), int(log["logIndex"], 16))
        who = event.contributor, event.sponsor
        return cls(number, *who, x=event.x, block=place[0], log_index=place[1], **vars(event.facts))


def pages(
    node: Node, first: int, last: int, topics: Sequence[Any], address: str | None = None
) -> Iterator[tuple[int, list[dict]]]:
    """Logs from block `first` to `last`: for each page its last block, and its logs.

    A page takes the range that the node's refusal names, or half of its own, and grows again when all goes well.

    Raises
    ------
    RpcError
        If the node refuses for a reason that is not about the range, or refuses a single block.
    """
    size, ceiling, good, ahead = PAGE, None, 0, 1
    fixed = {"topics": list(topics)} | ({"address": address} if address else {})
    while first <= last:
        spans = [(begin, min(begin + size - 1, last)) for begin in range(first, last + 1, size)[:ahead]]
        queries = [{"fromBlock": hex(begin), "toBlock": hex(end), **fixed} for begin, end in spans]
        for (begin, end), logs in zip(spans, node.many([("eth_getLogs", [query]) for query in queries]), strict=True):
            if isinstance(logs, RpcError):
                asked = end - begin + 1
                if asked == 1 or logs.reason is not None or not RANGE.search(str(logs)):
                    raise logs
                named = _named_range(str(logs), begin, end)
                size, ceiling, good, ahead = named or asked // 2, named or ceiling, 0, 1
                break
            yield end, logs
            first, good = end + 1, good + 1
        else:
            ahead = min(2 * ahead, AHEAD)
            if good >= GROW_AFTER:
                size, good = min(2 * size, ceiling or PAGE), 0


def _named_range(message: str, first: int, end: int) -> int | None:
    """The number of blocks that a refusal names as the most; None if it names none that is less than what was asked.

    Examples
    --------
    >>> _named_range("eth_getLogs is limited to a 2,000 range", 100, 5_099)
    2000
    >>> _named_range("query returned more than 10000 results. Try with this block range [0x64, 0x3e7].", 100, 5_099)
    900
    >>> _named_range("query returned more than 10 results", 100, 5_099)
    """
    asked = end - first + 1
    if suggestion := SUGGESTION.search(message):
        begin, last = (int(text, 16) for text in suggestion.groups())
        named = [last - begin + 1]
    elif re.search(r"results|logs? (?:count|limit)", message, re.IGNORECASE):
        named = []
    else:
        numbers = re.findall(r"(?<![\w-])(\d[\d,_]*)(k?)\b", message, re.IGNORECASE)
        named = [int(re.sub("[,_]", "", n)) * (1_000 if k else 1) for n, k in numbers]
        named = [n for n in named if n not in (first, end, end + 1)]
    return max((n for n in named if 0 < n < asked), default=None)


def created_block(node: Node, address: str) -> int:
    """The block in which a contract was created, or one before: as far back as the node knows the state of blocks.

    It is looked for by the node's own numbers: what a contract calls a block's number is another chain's on some.
    """
    first = low = 0  # it is not there before the first; what the node knows begins at the lowest
    last = node.block  # it is there after this
    while low < last:
        probes = [*range(low, last, max(1, (last - low) // PROBES))][:PROBES]
        for number, code in zip(probes, node.many([("eth_getCode", [address, hex(n)]) for n in probes]), strict=True):
            if isinstance(code, RpcError):
                low = number + 1
            elif len(code) > 2:
                last = number
                break
            else:
                first = low = number + 1
    return last if first == low else first


def block_of(node: Node, counted: int, since: str) -> int:
    """The node's number of a block whose number a contract told, or of one before.

    Where contracts see another chain's numbers it is the block in which an older contract, `since`, was created.
    """
    latest = node.block
    (answer,) = node.many([("eth_call", [{"data": TELL_NUMBER}, "latest"])])
    if isinstance(answer, RpcError) or abs(int(answer, 16) - latest) > LAG:
        return created_block(node, since)
    return counted


def add_data_topics(model: str, contributor: str | None = None) -> list:
    """The topics of the `AddData` events of a model."""
    topics = [ADD_DATA_TOPIC, word(model)]
    return topics + [word(contributor)] if contributor else topics
