"""What is on chain, read in few requests; what cannot change is read once."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils import to_checksum_address

from comodels.artifacts import artifact
from comodels.chain.abi import Call, word
from comodels.chain.contract import ContractAt
from comodels.chain.logs import Contribution, created_block, pages
from comodels.chain.node import Node, RpcError, all_of
from comodels.dashboard.reading import Readings, Task
from comodels.dashboard.safe import clean
from comodels.dashboard.say import say
from comodels.registry import Entry as Published
from comodels.wire import ADD_DATA_TOPIC, checksummed, parse_clone

ZERO = "0x" + "0" * 40
PAGE = 50  # entries that the registry gives at once
MAX_HISTORIES = 50  # models whose events are kept


class NotAModelError(Exception):
    """There is no model at an address."""


def is_address(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"0x[0-9a-fA-F]{40}", text) is not None


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
        name = clean(self.class_names[y], 60) if y < len(self.class_names) else ""
        return name or say("model.class", y=y)


# ---- what happened to it ---------------------------------------------------------------------------------------------


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
    hashes: list[str] = field(default_factory=list)  # of the contributions' transactions
    events: list[Contribution | Log] = field(default_factory=list)
    next_block: int = 0
    last_hash: str = ""  # of the block before `next_block`
    derived: dict[str, Any] = field(default_factory=dict)  # what incentives make of it; see `incentives`
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def clear(self) -> None:
        """Forget all."""
        self.contributions, self.hashes, self.events = [], [], []
        self.derived.clear()
        self.next_block, self.last_hash = 0, ""

    def append(self, raw: dict) -> None:
        if raw["topics"][0] == ADD_DATA_TOPIC:
            self.contributions.append(Contribution.from_log(raw, len(self.contributions)))
            self.hashes.append(raw["transactionHash"])
            self.events.append(self.contributions[-1])
        else:
            stamp = raw.get("blockTimestamp")
            time = int(stamp, 16) if stamp else None
            data, block = bytes.fromhex(raw["data"][2:]), int(raw["blockNumber"], 16)
            self.events.append(Log(raw["topics"], data, block, time, raw["transactionHash"]))


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
        self._first_blocks: dict[str, int] = {}
        self._lock = threading.Lock()
        self.readings = Readings()
        self.derive: Callable[[Model, History], object] = lambda model, history: None  # what takes long to work out
        self.reorganisations = 0  # how often the chain was found to have another past than before

    # ---- chain -------------------------------------------------------------------------------------------------------

    @property
    def chain_id(self) -> int:
        return self.node.chain_id

    @property
    def is_local(self) -> bool:
        return self.node.is_local

    def local_accounts(self) -> list[str]:
        """The accounts that the node of a local chain signs for; none on any other chain."""
        if not self.is_local:
            return []
        try:
            return [to_checksum_address(a) for a in self.node.rpc("eth_accounts")]
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
        return int(self.node.rpc("eth_getBalance", account, "latest"), 16)

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
            shown = clean(name, 80), clean(description)
            entries.append(Entry(address, trainer, implementation, version, kind, *shown, spec))
        return entries

    def _still_there(self) -> bool:
        """Whether the newest known model is still published: a local chain may have been reset."""
        newest = self._entries[0].address
        try:
            self.node.view(self.registry, "models(address,uint256)(address[])", newest, 1)
        except RpcError:
            return False
        return True

    def first_block(self, address: str) -> int:
        """The block before which there is nothing of a contract, by the node's own numbers."""
        if address not in self._first_blocks:
            self._first_blocks[address] = created_block(self.node, address)
        return self._first_blocks[address]

    def listed_implementations(self) -> dict[str, tuple[str, int]]:
        """By address: kind and version of the implementations that the registry lists."""
        listed = self.node.view(self.registry, "implementations()((address,uint256,string)[])")
        return {checksummed(a): (kind, version) for a, version, kind in listed}

    def model(self, address: str) -> Model:
        """A model as it is now. Raises `NotAModelError`."""
        if not is_address(address):
            raise NotAModelError(say("status.no_model.no_address", address=repr(address)))
        address = to_checksum_address(address)
        clone = self._clones.get(address)
        if clone is None:
            code = bytes.fromhex(self.node.rpc("eth_getCode", address, "latest")[2:])
            clone = parse_clone(code)
            if clone is None:
                raise NotAModelError(say("status.no_model.nothing", address=address))
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
            raise NotAModelError(say("status.no_model.silent", address=address))
        version, sealed, owner, class_count, kind = answers
        texts = [*texts, "", "", ""]
        return Model(
            address=address,
            kind=clean(kind, 40),
            name=clean(texts[0], 80),
            description=clean(texts[1]),
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

    def history(self, model: Model | Entry, patience: float | None = None) -> History:
        """The events about a model up to now. Raises `StillReading` if they are many, see `Readings.wait`."""
        with self._lock:
            history = self._histories.setdefault(model.address, History())
            self._histories.move_to_end(model.address)
            while len(self._histories) > MAX_HISTORIES:
                self._histories.popitem(last=False)

        def extend(task: Task) -> None:
            with history.lock:
                self._extend(history, model, task)

        self.readings.wait(model.address, extend, patience)
        return history

    def _extend(self, history: History, model: Model | Entry, task: Task) -> None:
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
                history.clear()
                self._first_blocks.pop(model.address, None)
                self.reorganisations += 1  # the same version may now be another state
        if not history.last_hash:
            history.next_block = self.first_block(model.address)
        first, last = history.next_block, int(latest["number"], 16)
        try:
            for end, logs in pages(self.node, first, last, [None, word(model.address)], model.trainer):
                for log in logs:
                    history.append(log)
                if isinstance(model, Model):
                    self.derive(model, history)
                task.share = (end + 1 - first) / (last + 1 - first)
        except BaseException:
            history.clear()  # a part of it would be there twice after the next reading
            raise
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

    def answer(self, model: Model, x: bytes) -> int | None:
        """The class that the model gives to a sample; None if it gives none."""
        (y,) = self.node.views([Call(model.address, "predict(bytes)(uint256)", [x])])
        return None if isinstance(y, RpcError) else y

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

    def time_of(self, log: Contribution | Log) -> int:
        """The time in seconds of the block of an event."""
        if log.time is None:
            log.time = int(self.node.rpc("eth_getBlockByNumber", hex(log.block), False)["timestamp"], 16)
        return log.time

    def times(self, blocks: Sequence[int]) -> list[int]:
        """The times of blocks in seconds."""
        asked = sorted(set(blocks))
        answers = all_of(self.node.many([("eth_getBlockByNumber", [hex(n), False]) for n in asked]))
        found = {n: int(block["timestamp"], 16) for n, block in zip(asked, answers, strict=True)}
        return [found[n] for n in blocks]

    def publications(self, addresses: Sequence[str]) -> list[tuple[str, int]]:
        """The owners of published models as the registry knows them, and the blocks in which they were published."""
        registry = ContractAt(self.node, self.registry, artifact("Registry").abi)
        entries = map(Published.from_answer, registry.call_many("entry", [(address,) for address in addresses]))
        return [(entry.owner, entry.block) for entry in entries]
