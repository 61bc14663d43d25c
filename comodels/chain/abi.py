"""Calls and transactions, functions by their signatures, the reasons of reverts: to bytes and back."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from eth_abi import encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError
from eth_abi.grammar import parse
from eth_abi.registry import registry
from eth_utils import keccak
from eth_utils.abi import (
    collapse_if_tuple,
    event_abi_to_log_topic,
    function_abi_to_4byte_selector,
    get_abi_input_types,
    get_abi_output_types,
)
from sha3 import keccak_256

# Texts on chain are anyone's: what is no UTF-8 is shown as such, and does not spoil the answer that it stands in.
_registry = registry.copy()
_registry.unregister_decoder("string")
_registry.register_decoder("string", StringDecoder(handle_string_errors="replace"))
decode = ABIDecoder(_registry).decode

ERROR, PANIC = keccak(text="Error(string)")[:4], keccak(text="Panic(uint256)")[:4]

# what `decode` raises where the bytes are not of these types
NOT_THESE_TYPES = (DecodingError, OverflowError, ValueError, UnicodeDecodeError)


def hashed(data: bytes) -> bytes:
    """Keccak-256, several times faster than by `eth_utils`."""
    return keccak_256(data).digest()


def topic_of(event: str) -> str:
    """What the logs of an event begin with, by its signature."""
    return "0x" + hashed(event.encode()).hex()


def word(value: str | int) -> str:
    """An address or a number as a 32-byte word in hexadecimal, as topics are."""
    return f"0x{value if isinstance(value, int) else int(value, 16):064x}"


class Call(NamedTuple):
    """A view call that `comodels.chain.node.Node.views` carries out.

    Attributes
    ----------
    signature : str
        As in ``"statistics(address)(uint256,uint256)"``: name and arguments, then what comes back.
    block : str
        A number in hexadecimal, or a tag.
    """

    to: str
    signature: str
    arguments: Sequence[Any] = ()
    block: str = "latest"
    sender: str | None = None


@dataclass(frozen=True)
class Transaction:
    """A transaction of one of the node's unlocked accounts.

    Attributes
    ----------
    value : int
        Wei.
    gas : int
        Gas limit. Transactions without a time share blocks as long as their limits fit.
    time : int or None
        The timestamp in seconds of the block that this transaction has for itself; ``None``: any block.
    """

    sender: str
    to: str | None
    data: bytes = b""
    value: int = 0
    gas: int = 16_000_000
    time: int | None = None

    @property
    def call(self) -> dict[str, str]:
        """As `eth_call` and `eth_estimateGas` take it, without the gas."""
        fields = {"from": self.sender, "data": "0x" + self.data.hex(), "value": hex(self.value)}
        return fields | ({"to": self.to} if self.to else {})


class Function(NamedTuple):
    """A function's selector (4 bytes), the types of its arguments and those of its results."""

    selector: bytes
    arguments: tuple[str, ...]
    results: tuple[str, ...]

    def encode(self, arguments: Sequence[Any]) -> bytes:
        """The calldata of a call."""
        return self.selector + encode(self.arguments, arguments)

    def decode(self, data: bytes) -> Any:
        """What a call returned: one value, or a tuple of several. Raises one of `NOT_THESE_TYPES`."""
        values = decode(self.results, data)
        return values[0] if len(values) == 1 else values

    @classmethod
    def from_abi(cls, item: Any) -> Function:
        """Read an entry of a JSON ABI."""
        results = tuple(get_abi_output_types(item))
        return cls(function_abi_to_4byte_selector(item), tuple(get_abi_input_types(item)), results)


@functools.lru_cache(maxsize=512)
def parse_signature(signature: str) -> Function:
    """The function that a signature describes, see `Call`."""
    head, found, results = signature.partition(")(")  # within the types a comma stands between tuples
    head += ")" * bool(found)
    arguments = head[head.index("(") :]
    return Function(keccak(text=head)[:4], _types(arguments), _types(f"({results}"))


def _types(text: str) -> tuple[str, ...]:
    """The types in ``(a,(b,c)[],d)``."""
    return tuple(kind.to_type_str() for kind in parse(text).components) if text not in ("(", "()") else ()


class Event(NamedTuple):
    """An event of a contract's ABI."""

    name: str
    topic: str
    inputs: tuple[tuple[str, str, bool], ...]  # name, type, whether it is indexed

    @classmethod
    def from_abi(cls, item: Any) -> Event:
        """Read an entry of a JSON ABI."""
        inputs = tuple((i["name"], collapse_if_tuple(i), i["indexed"]) for i in item["inputs"])
        return cls(item["name"], "0x" + event_abi_to_log_topic(item).hex(), inputs)

    def decode(self, log: dict) -> dict[str, Any]:
        """The arguments of a log as the node sends it, by name."""
        indexed = iter(log["topics"][1:])
        rest = iter(decode([kind for _, kind, i in self.inputs if not i], bytes.fromhex(log["data"][2:])))
        return {
            name: decode([kind], bytes.fromhex(next(indexed)[2:]))[0] if is_indexed else next(rest)
            for name, kind, is_indexed in self.inputs
        }


def calldata(signature: str, arguments: Sequence[Any] = ()) -> bytes:
    """The bytes that call a function, e.g. ``calldata("predict(bytes)", [x])``."""
    return parse_signature(signature).encode(arguments)


def revert_reason(data: Any) -> str | None:
    """The reason in what a node says about a revert; None if there is none.

    Examples
    --------
    >>> revert_reason("0x08c379a0" + encode(["string"], ["sample: empty"]).hex())
    'sample: empty'
    """
    if isinstance(data, dict):  # some nodes wrap it
        data = data.get("data") or data.get("result")
    if not isinstance(data, str):
        return None
    data = data[data.find("0x") :]  # others put "Reverted " before it
    try:
        raw = bytes.fromhex(data[2:])
        if raw[:4] == ERROR:
            return decode(["string"], raw[4:])[0]
        return f"panic {decode(['uint256'], raw[4:])[0]:#x}" if raw[:4] == PANIC else None
    except NOT_THESE_TYPES:
        return None
