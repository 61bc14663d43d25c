"""A chain inside the process (revm): some ten thousand calls a second, where a node makes a thousand.

It keeps no blocks: number and time are what the test says, and the hash of a block is the hash of its number as text.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, ClassVar

import pyrevm
from eth_abi import decode, encode
from eth_utils import keccak, to_checksum_address

from comodels.artifacts import NEEDS

MAX_GAS = 16_777_216  # of a transaction
RICH = 10**30  # wei


def artefacts(project: Any) -> Callable[[str], tuple[bytes, list[dict]]]:
    """What tells the creation code and the ABI of a contract of an Ape project by its name."""
    known: dict[str, tuple[bytes, list[dict]]] = {}

    def get(name: str) -> tuple[bytes, list[dict]]:
        if name not in known:
            contract_type = getattr(project, name).contract_type
            abi = [item.model_dump(by_alias=True) for item in contract_type.abi]
            known[name] = bytes(contract_type.deployment_bytecode.to_bytes()), abi
        return known[name]

    return get


@dataclass(frozen=True)
class Function:
    """A function of an ABI."""

    name: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    outputs: tuple[str, ...]
    payable: bool
    view: bool

    @cached_property
    def selector(self) -> bytes:
        return keccak(text=f"{self.name}({','.join(self.types)})")[:4]

    def data(self, *arguments: Any) -> bytes:
        """The calldata of a call."""
        return self.selector + encode(self.types, arguments)


@dataclass(frozen=True)
class Log:
    """An event: of which contract, its name, its arguments by name."""

    address: str
    name: str
    arguments: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.arguments[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass
class Outcome:
    """What a transaction did: whether it succeeded, what it returned or why it failed, and its events in order."""

    ok: bool
    output: bytes
    logs: list[Log] = field(default_factory=list)
    gas: int = 0

    @property
    def reason(self) -> str:
        if self.output[:4] == keccak(text="Error(string)")[:4]:
            return decode(["string"], self.output[4:])[0]
        return self.output.hex()


class Contract:
    """A contract at an address."""

    def __init__(self, evm: Evm, name: str, address: str, abi: list[dict]):
        self.evm = evm
        self.name = name
        self.address = address
        self.functions = {f.name: f for f in map(_function, abi) if f is not None}

    def call(self, function: str, *arguments: Any) -> Any:
        """The result of a view call. Raises `ValueError` with the message with which it reverts."""
        f = self.functions[function]
        outcome = self.evm.view(self.address, f.data(*arguments))
        if not outcome.ok:
            raise ValueError(outcome.reason)
        values = tuple(_plain(v) for v in _decoded(f.outputs, outcome.output))
        return values[0] if len(values) == 1 else values

    def data(self, function: str, *arguments: Any) -> bytes:
        return self.functions[function].data(*arguments)


class Evm:
    """The chain.

    Attributes
    ----------
    time : int
        Seconds, of the block that is being made.
    number : int
        Of that block.
    told : callable or None
        Is given this, the address, the calldata and the outcome of every call, see `tests.watch`.
    """

    told: ClassVar[Callable[[Evm, str, bytes, Outcome], None] | None] = None

    def __init__(self) -> None:
        self._evm = pyrevm.EVM(spec_id="PRAGUE")
        self.time = 1_700_000_000
        self.number = 1_000
        self._events: dict[bytes, dict] = {}
        self._block()

    def _block(self) -> None:
        self._evm.set_block_env(pyrevm.BlockEnv(number=self.number, timestamp=self.time))

    def wait(self, seconds: int) -> None:
        """The next block, at least a second later."""
        self.time += max(1, seconds)
        self.number += 1
        self._block()

    def mine(self, blocks: int) -> None:
        self.number += blocks
        self.wait(blocks)

    def hash_of(self, number: int) -> bytes:
        return keccak(text=str(number))

    # ---- accounts ----------------------------------------------------------------------------------------------------

    def account(self, name: str, balance: int = RICH) -> str:
        """The address of an account of this name, with a balance in wei."""
        address = to_checksum_address(keccak(text=name)[-20:])
        self._evm.set_balance(address, balance)
        return address

    def balance(self, address: str) -> int:
        return self._evm.get_balance(address)

    def code(self, address: str) -> bytes:
        return bytes(self._evm.get_code(address) or b"")

    def set_balance(self, address: str, wei: int) -> None:
        self._evm.set_balance(address, wei)

    # ---- contracts ---------------------------------------------------------------------------------------------------

    def at(self, name: str, address: str, abi: list[dict]) -> Contract:
        for item in abi:
            if item["type"] == "event":
                text = f"{item['name']}({','.join(_type(i) for i in item['inputs'])})"
                self._events[keccak(text=text)] = item
        return Contract(self, name, to_checksum_address(address), abi)

    def deploy(self, name: str, code: bytes, abi: list[dict], sender: str, arguments: bytes = b"") -> Contract:
        return self.at(name, self._evm.deploy(sender, code + arguments), abi)

    def deploy_whole(self, name: str, artefact: Callable[[str], tuple[bytes, list[dict]]], sender: str) -> Contract:
        """A contract of the project by its name, with those that it needs."""
        needed = [self.deploy_whole(part, artefact, sender).address for part in NEEDS.get(name, ())]
        return self.deploy(name, *artefact(name), sender, encode(["address[]"], [needed]) if needed else b"")

    # ---- calls -------------------------------------------------------------------------------------------------------

    def view(self, to: str, data: bytes, gas: int = MAX_GAS) -> Outcome:
        """A call that changes nothing."""
        checkpoint = self._evm.snapshot()
        outcome = self._run("0x" + "00" * 19 + "99", to, data, 0, gas)
        self._evm.revert(checkpoint)
        return outcome

    def checkpoint(self) -> Any:
        """What `restore` goes back to."""
        return self._evm.snapshot()

    def restore(self, checkpoint: Any) -> None:
        self._evm.revert(checkpoint)

    def send(self, sender: str, to: str, data: bytes, value: int = 0, gas: int = MAX_GAS) -> Outcome:
        """A transaction."""
        outcome = self._run(sender, to, data, value, gas)
        self._evm.reset_transient_storage()
        if outcome.ok:
            outcome.logs = [self._log(log) for log in self._evm.result.logs]
        return outcome

    def _run(self, sender: str, to: str, data: bytes, value: int, gas: int) -> Outcome:
        try:
            output = self._evm.message_call(sender, to, calldata=data, value=value, gas=gas)
        except (RuntimeError, OverflowError) as error:
            found = re.search(r"output: 0x([0-9a-f]*)", str(error))
            outcome = Outcome(False, bytes.fromhex(found[1]) if found else str(error)[:60].encode())
        else:
            outcome = Outcome(True, bytes(output), [], self._evm.result.gas_used)
        if Evm.told is not None:
            Evm.told(self, to, data, outcome)
        return outcome

    def _log(self, log: Any) -> Log:
        address = to_checksum_address(log.address)
        topics = [bytes.fromhex(t[2:]) if isinstance(t, str) else bytes(t) for t in log.topics]
        abi = self._events.get(topics[0]) if topics else None
        if abi is None:
            return Log(address, "?", {})
        data = log.data[1] if isinstance(log.data, tuple) else log.data
        indexed = [i for i in abi["inputs"] if i["indexed"]]
        plain = [i for i in abi["inputs"] if not i["indexed"]]
        values = [decode([_type(i)], t)[0] for i, t in zip(indexed, topics[1:], strict=True)]
        # texts as bytes: nobody says that they are UTF-8
        values += decode([_type(i).replace("string", "bytes") for i in plain], bytes(data))
        names = [i["name"] for i in indexed + plain]
        return Log(address, abi["name"], {n: _plain(v) for n, v in zip(names, values, strict=True)})


def _decoded(types: tuple[str, ...], data: bytes) -> tuple:
    """As eth-abi decodes them; what has no lengths many times faster."""
    if not all(map(_is_static, types)):
        return decode(types, data)
    words = (data[i : i + 32] for i in range(0, len(data), 32))

    def value(kind: Any) -> Any:
        if isinstance(kind, tuple):
            return tuple(map(value, kind))
        word = next(words)
        if kind == "address":
            return "0x" + word[12:].hex()
        if kind == "bytes32":
            return word
        number = int.from_bytes(word, "big")
        return bool(number) if kind == "bool" else number

    return tuple(value(_parsed(kind)) for kind in types)


@cache
def _is_static(kind: str) -> bool:
    return re.fullmatch(r"(uint\d+|address|bool|bytes32|[(),])+", kind) is not None


@cache
def _parsed(kind: str) -> Any:
    """A type as text, or the tuple of the types in it."""
    return literal_eval(re.sub(r"\w+", lambda found: f"'{found[0]}'", kind).replace(")", ",)"))


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("0x") and len(value) == 42:
        return to_checksum_address(value)
    if isinstance(value, list | tuple):
        return type(value)(_plain(v) for v in value)
    return value


def _type(item: dict) -> str:
    if item["type"].startswith("tuple"):
        return f"({','.join(_type(c) for c in item['components'])}){item['type'][5:]}"
    return item["type"]


def _function(item: dict) -> Function | None:
    if item["type"] != "function":
        return None
    return Function(
        item["name"],
        tuple(i["name"] for i in item["inputs"]),
        tuple(_type(i) for i in item["inputs"]),
        tuple(_type(i) for i in item["outputs"]),
        item["stateMutability"] == "payable",
        item["stateMutability"] in ("view", "pure"),
    )
