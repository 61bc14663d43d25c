"""What is on chain, read in few requests; what cannot change is read once."""

from __future__ import annotations

import functools
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils import keccak, to_checksum_address

from dashboard.rpc import Call, Node, RpcError, hashed

ZERO = "0x" + "0" * 40
ENTRY = "(address,address,address,address,uint256,string,string,string,string,uint256)"
PAGE = 50  # entries that the registry gives at once
LOG_PAGE = 100_000  # blocks of logs in one request; halved where a node finds that too many
LOCAL_CHAINS = (1337, 31337)
MAX_HISTORIES = 50  # models whose events are kept

ADD_DATA = "0x" + keccak(text="AddData(address,address,uint256,bytes)").hex()

# EIP-1167 around the 20 bytes of the implementation; identity and card follow: see contracts/modules/model.vy
PROXY_HEAD = bytes.fromhex("363d3d373d3d3d363d73")
PROXY_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
IDENTITY, CARD = 45, 77


class NotAModelError(Exception):
    """There is no model at an address."""


def is_address(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"0x[0-9a-fA-F]{40}", text) is not None


def topic(address: str) -> str:
    """An address as a topic of a log."""
    return "0x" + "0" * 24 + address[2:].lower()


# ---- what a model is -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A published model, with what cannot change.

    Attributes
    ----------
    version : int
        Of its implementation among those of its kind; 0 if the registry does not list the implementation.
    """

    address: str
    trainer: str
    implementation: str
    version: int
    kind: str
    name: str
    description: str
    encoder_spec: str


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes
    ----------
    parameters : int
        Packed, as its implementation documents.
    version : int
        Updates that changed it so far.
    """

    address: str
    kind: str
    name: str
    description: str
    encoder_spec: str
    class_names: tuple[str, ...]
    parameters: int
    implementation: str
    trainer: str
    owner: str
    version: int
    sealed: bool

    @property
    def state(self) -> tuple[int, int]:
        """What changes when its answers may change."""
        return self.version, len(self.class_names)

    def class_name(self, y: int) -> str:
        name = self.class_names[y] if y < len(self.class_names) else ""
        return name or f"class {y}"


def parse_clone(code: bytes) -> tuple[str, str, int, list[str]] | None:
    """Implementation, trainer, parameters and texts in a model's code; None if it is no model's code."""
    if len(code) < CARD or code[:10] != PROXY_HEAD or code[30:45] != PROXY_TAIL:
        return None
    identity = int.from_bytes(code[IDENTITY:CARD], "big")
    texts, position = [], CARD
    while position < len(code):
        length = code[position]
        texts.append(code[position + 1 : position + 1 + length].decode("utf-8", "replace"))
        position += 1 + length
    return checksummed(code[10:30].hex()), checksummed(f"{identity & (1 << 160) - 1:040x}"), identity >> 160, texts


# ---- what happened to it ---------------------------------------------------------------------------------------------


@dataclass
class Contribution:
    """A sample that was contributed, as its event says.

    Attributes
    ----------
    id : int
        Position among the model's contributions, from 0.
    time : int
        Seconds.
    deposit : int
        Wei.
    block : int
    transaction : str
    more : int
        What an incentive adds to the facts above the deposit, such as the market.
    """

    id: int
    contributor: str
    label: int
    effect: int
    time: int
    deposit: int
    x: bytes
    block: int
    transaction: str
    more: int = 0


@dataclass
class Log:
    """Another event of the trainer about the model."""

    topics: list[str]
    data: bytes
    block: int
    time: int | None
    transaction: str


@dataclass
class History:
    """All events of a trainer about a model, in order; grows at its end."""

    contributions: list[Contribution] = field(default_factory=list)
    events: list[Contribution | Log] = field(default_factory=list)
    next_block: int = 0
    last_hash: str = ""  # of the block before `next_block`
    derived: dict[str, Any] = field(default_factory=dict)  # what incentives make of it; see `incentives`
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def append(self, raw: dict) -> None:
        topics, data = raw["topics"], bytes.fromhex(raw["data"][2:])
        block = int(raw["blockNumber"], 16)
        if topics[0] == ADD_DATA:
            facts = int.from_bytes(data[:32], "big")
            length = int.from_bytes(data[64:96], "big")
            contribution = Contribution(
                id=len(self.contributions),
                contributor=checksummed(topics[2]),
                label=facts & 0xFF,
                effect=facts >> 8 & 0xFF,
                time=facts >> 16 & 2**40 - 1,
                deposit=facts >> 56 & 2**96 - 1,
                x=data[96 : 96 + length],
                block=block,
                transaction=raw["transactionHash"],
                more=facts >> 152,
            )
            self.contributions.append(contribution)
            self.events.append(contribution)
        else:
            stamp = raw.get("blockTimestamp")
            self.events.append(Log(topics, data, block, int(stamp, 16) if stamp else None, raw["transactionHash"]))


@functools.lru_cache(maxsize=100_000)
def checksummed(digits: str) -> str:
    """A checksummed address (EIP-55) from its 40 digits, with or without 0x before them.

    The same accounts come again and again, and eth_utils takes a hundred times as long.
    """
    digits = digits[-40:].lower()
    marks = hashed(digits.encode()).hex()
    return "0x" + "".join(d.upper() if m >= "8" else d for d, m in zip(digits, marks, strict=False))


# ---- the reader ------------------------------------------------------------------------------------------------------


class Reader:
    """Reads models through a node.

    Parameters
    ----------
    node : Node
    registry : str
        Address of the registry.
    """

    def __init__(self, node: Node, registry: str):
        self.node = node
        self.registry = to_checksum_address(registry)
        self._entries: list[Entry] = []  # the newest first
        self._clones: dict[str, tuple[str, str, int, list[str]]] = {}
        self._class_names: dict[str, tuple[str, ...]] = {}
        self._histories: OrderedDict[str, History] = OrderedDict()
        self._predictions: OrderedDict[tuple, int] = OrderedDict()
        self._lock = threading.Lock()
        self._chain_id: int | None = None
        self.reorganisations = 0  # how often the chain was found to have another past than before

    # ---- chain -------------------------------------------------------------------------------------------------------

    @property
    def chain_id(self) -> int:
        if self._chain_id is None:
            self._chain_id = int(self.node.one("eth_chainId"), 16)
        return self._chain_id

    @property
    def is_local(self) -> bool:
        return self.chain_id in LOCAL_CHAINS

    def local_accounts(self) -> list[str]:
        """The accounts that the node of a local chain signs for; none on any other chain."""
        if not self.is_local:
            return []
        try:
            return [to_checksum_address(a) for a in self.node.one("eth_accounts")]
        except RpcError:
            return []

    def now(self) -> int:
        """The time in seconds that the next block would have, or the latest one has."""
        pending, latest = self.node.many(
            [("eth_getBlockByNumber", ["pending", False]), ("eth_getBlockByNumber", ["latest", False])]
        )
        times = [int(b["timestamp"], 16) for b in (pending, latest) if isinstance(b, dict) and b.get("timestamp")]
        return max(times, default=int(time.time()))

    def balance(self, account: str) -> int:
        """Wei."""
        return int(self.node.one("eth_getBalance", account, "latest"), 16)

    # ---- models ------------------------------------------------------------------------------------------------------

    def entries(self) -> list[Entry]:
        """All published models, the newest first.

        Entries are read once; owners in them may be out of date, all else cannot change.
        """
        with self._lock:
            known = {entry.address for entry in self._entries}
            if self._entries and not self._still_there():
                known = set()
                self._entries = []
            addresses: list[str] = []
            cursor, repeated = ZERO, 0
            while True:
                count = 4 if known and not addresses else PAGE  # little is new, most of the time
                page = self.node.view(self.registry, "models(address,uint256)(address[])", cursor, count)
                found = [checksummed(address) for address in page[repeated:]]
                new = [address for address in found if address not in known]
                addresses += new
                if len(new) < len(found) or len(page) < count or not found:
                    break
                cursor, repeated = found[-1], 1  # a page begins with the last one of the page before
            fresh = self._describe(addresses)
            if fresh:
                self._entries = fresh + self._entries
            return self._entries

    def _describe(self, addresses: list[str]) -> list[Entry]:
        """What stands in the code of models: one short request for each, and all in few batches."""
        if not addresses:
            return []
        listed = self.listed_implementations()
        codes = self.node.many([("eth_getCode", [address, "latest"]) for address in addresses])
        entries = []
        for address, code in zip(addresses, codes, strict=True):
            if isinstance(code, RpcError):
                raise code
            clone = parse_clone(bytes.fromhex(code[2:]))
            if clone is None:  # the registry refuses such, but this one may be another
                entries.append(Entry(address, ZERO, ZERO, 0, "no model", "", "", ""))
                continue
            self._clones[address] = clone
            implementation, trainer, _, texts = clone
            kind, version = listed.get(implementation, ("unlisted", 0))
            name, description, spec = [*texts, "", "", ""][:3]
            entries.append(Entry(address, trainer, implementation, version, kind, name, description, spec))
        return entries

    def _still_there(self) -> bool:
        """Whether the newest known model is still published: a local chain may have been reset."""
        newest = self._entries[0].address
        try:
            self.node.view(self.registry, "models(address,uint256)(address[])", newest, 1)
        except RpcError:
            return False
        return True

    def published_block(self, address: str) -> int:
        """The block in which a model was published; 0 if it was not."""
        try:
            return self.node.view(self.registry, f"entry(address)({ENTRY})", address)[9]
        except RpcError:
            return 0

    def listed_implementations(self) -> dict[str, tuple[str, int]]:
        """By address: kind and version of the implementations that the registry lists."""
        listed = self.node.view(self.registry, "implementations()((address,uint256,string)[])")
        return {checksummed(a): (kind, version) for a, version, kind in listed}

    def model(self, address: str) -> Model:
        """A model as it is now. Raises `NotAModelError`."""
        if not is_address(address):
            raise NotAModelError(f"{address!r} is not an address")
        address = to_checksum_address(address)
        clone = self._clones.get(address)
        if clone is None:
            code = bytes.fromhex(self.node.one("eth_getCode", address, "latest")[2:])
            clone = parse_clone(code)
            if clone is None:
                raise NotAModelError(f"there is no model at {address} on this chain")
            self._clones[address] = clone
        implementation, trainer, parameters, texts = clone
        answers = self.node.views(
            [
                Call(address, "version()(uint256)"),
                Call(address, "sealed()(bool)"),
                Call(address, "owner()(address)"),
                Call(address, "class_count()(uint256)"),
                Call(address, "kind()(string)"),
            ]
        )
        if any(isinstance(answer, RpcError) for answer in answers):
            self._clones.pop(address, None)
            raise NotAModelError(f"what is at {address} does not answer as a model does")
        version, sealed, owner, class_count, kind = answers
        texts = [*texts, "", "", ""]
        return Model(
            address=address,
            kind=kind,
            name=texts[0],
            description=texts[1],
            encoder_spec=texts[2],
            class_names=self._names(address, min(class_count, 255), texts[3:-3]),
            parameters=parameters,
            implementation=implementation,
            trainer=trainer,
            owner=to_checksum_address(owner),
            version=version,
            sealed=sealed,
        )

    def _names(self, address: str, count: int, in_card: Sequence[str]) -> tuple[str, ...]:
        known = self._class_names.get(address, ())
        if len(known) != count:
            names = list(in_card[:count])
            if len(names) < count:  # classes that the owner added later
                answers = self.node.views(
                    [Call(address, "class_name(uint256)(string)", [y]) for y in range(len(names), count)]
                )
                names += ["" if isinstance(answer, RpcError) else answer for answer in answers]
            known = self._class_names[address] = tuple(names)
        return known

    # ---- history -----------------------------------------------------------------------------------------------------

    def history(self, model: Model | Entry) -> History:
        """The events about a model up to now."""
        with self._lock:
            history = self._histories.setdefault(model.address, History())
            self._histories.move_to_end(model.address)
            while len(self._histories) > MAX_HISTORIES:
                self._histories.popitem(last=False)
        with history.lock:
            self._extend(history, model)
        return history

    def _extend(self, history: History, model: Model | Entry) -> None:
        calls = [("eth_getBlockByNumber", ["latest", False])]
        if history.last_hash:
            calls.append(("eth_getBlockByNumber", [hex(history.next_block - 1), False]))
        answers = self.node.many(calls)
        latest = answers[0]
        if isinstance(latest, RpcError):
            raise latest
        if history.last_hash:
            before = answers[1]
            if not isinstance(before, dict) or before["hash"] != history.last_hash:  # the chain was reorganised
                history.contributions, history.events = [], []
                history.derived.clear()
                self.reorganisations += 1  # the same version may now be another state
                history.next_block, history.last_hash = 0, ""
        if not history.last_hash:
            history.next_block = self.published_block(model.address)
        last = int(latest["number"], 16)
        first, size = history.next_block, LOG_PAGE
        while first <= last:
            end = min(first + size - 1, last)
            query = {
                "fromBlock": hex(first),
                "toBlock": hex(end),
                "address": model.trainer,
                "topics": [None, topic(model.address)],
            }
            try:
                logs = self.node.one("eth_getLogs", query)
            except RpcError:
                if size == 1:
                    raise
                size = max(1, size // 4)
                continue
            for log in logs:
                history.append(log)
            first = end + 1
        if last >= history.next_block:
            history.next_block, history.last_hash = last + 1, latest["hash"]

    # ---- answers -----------------------------------------------------------------------------------------------------

    def predict(self, model: Model, x: bytes) -> tuple[int, list[int]]:
        """The class of a sample, and the score of each class. Raises `RpcError`."""
        y, scores = self.node.views(
            [
                Call(model.address, "predict(bytes)(uint256)", [x]),
                Call(model.address, "scores(bytes)(int256[])", [x]),
            ]
        )
        if isinstance(y, RpcError):
            raise y
        return y, [] if isinstance(scores, RpcError) else list(scores)

    def judgements(
        self, model: Model, contributions: Iterable[Contribution], without_own_effect: bool = False
    ) -> list[int | None]:
        """What the model says now about each contribution's sample; None where it gives no answer.

        Parameters
        ----------
        without_own_effect : bool
            Whether to ask what it would say if the contribution had never been added.
        """
        contributions = list(contributions)
        keys = [
            (model.address, self.reorganisations, model.state, c.x, (c.label, c.effect) if without_own_effect else None)
            for c in contributions
        ]
        missing = {key: c for key, c in zip(keys, contributions, strict=True) if key not in self._predictions}
        calls = [
            Call(model.address, "predict_without(bytes,uint256,uint256)(uint256)", [c.x, c.label, c.effect])
            if without_own_effect
            else Call(model.address, "predict(bytes)(uint256)", [c.x])
            for c in missing.values()
        ]
        found = {}
        for key, answer in zip(missing, self.node.views(calls), strict=True):
            found[key] = None if isinstance(answer, RpcError) else answer
        result = [found[key] if key in found else self._predictions.get(key) for key in keys]
        with self._lock:
            self._predictions.update((key, y) for key, y in found.items() if y is not None)
            while len(self._predictions) > 100_000:
                self._predictions.popitem(last=False)
        return result

    def errors(self, model: str, parts: Sequence[bytes], block: str = "latest") -> int | None:
        """The number of rows that a model gets wrong; None if the node cannot tell, as for a block that it forgot."""
        answers = self.node.views([Call(model, "evaluate(bytes)(uint256)", [rows], block) for rows in parts])
        if any(isinstance(answer, RpcError) for answer in answers):
            return None
        return sum(answers)

    def time_of(self, log: Log) -> int:
        """The time in seconds of the block of an event."""
        if log.time is None:
            log.time = int(self.node.one("eth_getBlockByNumber", hex(log.block), False)["timestamp"], 16)
        return log.time
