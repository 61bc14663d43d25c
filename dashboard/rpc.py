"""JSON-RPC in batches over HTTP, and contract calls by their signatures."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import requests
from eth_abi import encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError
from eth_abi.registry import registry
from eth_utils import keccak
from sha3 import keccak_256

BATCH = 250  # requests in one HTTP request: public nodes refuse much larger ones
TIMEOUT = 30  # seconds


def hashed(data: bytes) -> bytes:
    """Keccak-256, several times faster than by `eth_utils`."""
    return keccak_256(data).digest()


# Texts on chain are anyone's: what is no UTF-8 is shown as such, and does not spoil the answer that it stands in.
_registry = registry.copy()
_registry.unregister_decoder("string")
_registry.register_decoder("string", StringDecoder(handle_string_errors="replace"))
decode = ABIDecoder(_registry).decode

ERROR = keccak(text="Error(string)")[:4]


class ChainUnreachableError(Exception):
    """No node answers, or what answers is none."""


class RpcError(Exception):
    """The node answered with an error.

    Attributes
    ----------
    reason : str or None
        With which a contract reverted; None where it did not revert or gave no reason.
    """

    def __init__(self, message: str, data: Any = None):
        self.reason = _reason(data)
        super().__init__(self.reason or message)


def _reason(data: Any) -> str | None:
    if isinstance(data, dict):  # some nodes wrap it
        data = data.get("data") or data.get("result")
    if not isinstance(data, str) or not data.startswith("0x"):
        return None
    try:
        raw = bytes.fromhex(data[2:])
        return decode(["string"], raw[4:])[0] if raw[:4] == ERROR else None
    except (ValueError, DecodingError, OverflowError):
        return None


class Call(NamedTuple):
    """A view call that `Node.views` carries out.

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


@functools.lru_cache(maxsize=512)
def parse_signature(signature: str) -> tuple[bytes, tuple[str, ...], tuple[str, ...]]:
    """The selector, the types of the arguments and those of the results."""
    head, results = signature, ""
    depth = 0
    for position, character in enumerate(signature):
        depth += (character == "(") - (character == ")")
        if depth == 0 and character == ")":
            head, results = signature[: position + 1], signature[position + 1 :]
            break
    arguments = head[head.index("(") :]
    return keccak(text=head)[:4], _types(arguments), _types(results)


def _types(text: str) -> tuple[str, ...]:
    """The types in ``(a,(b,c)[],d)``."""
    inner, parts, depth, part = text[1:-1], [], 0, ""
    for character in inner:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return tuple([*parts, part] if part else parts)


def calldata(signature: str, arguments: Sequence[Any] = ()) -> bytes:
    """The data of a call of a function, e.g. ``calldata("predict(bytes)", [x])``."""
    selector, types, _ = parse_signature(signature)
    return selector + encode(types, arguments)


class Node:
    """A node, reached by its URL."""

    def __init__(self, url: str, batch: int = BATCH, timeout: float = TIMEOUT):
        self.url = url
        self.batch = batch
        self.timeout = timeout
        self._local = threading.local()

    def many(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of (method, parameters) pairs; an `RpcError` stands where the node answered with one.

        Raises
        ------
        ChainUnreachableError
        """
        results: list[Any] = []
        for begin in range(0, len(calls), self.batch):
            part = calls[begin : begin + self.batch]
            body = [
                {"jsonrpc": "2.0", "id": i, "method": method, "params": list(parameters)}
                for i, (method, parameters) in enumerate(part)
            ]
            answers = self._post(body if len(body) > 1 else body[0])
            if isinstance(answers, dict):
                answers = [answers | {"id": 0}] if len(part) == 1 else [answers | {"id": i} for i in range(len(part))]
            by_id = {answer.get("id"): answer for answer in answers}
            results += [self._result(by_id.get(i)) for i in range(len(part))]
        return results

    def one(self, method: str, *parameters: Any) -> Any:
        """The result of one request. Raises `RpcError`, `ChainUnreachableError`."""
        result = self.many([(method, parameters)])[0]
        if isinstance(result, RpcError):
            raise result
        return result

    def views(self, calls: Sequence[Call]) -> list[Any]:
        """What view calls return: one value, or a tuple of several; an `RpcError` stands where a call failed."""
        requests_ = []
        for call in calls:
            fields = {"to": call.to, "data": "0x" + calldata(call.signature, call.arguments).hex()}
            if call.sender:
                fields["from"] = call.sender
            requests_.append(("eth_call", [fields, call.block]))
        results = []
        for call, answer in zip(calls, self.many(requests_), strict=True):
            if isinstance(answer, RpcError):
                results.append(answer)
                continue
            if not isinstance(answer, str) or len(answer) <= 2:  # no contract is there
                results.append(RpcError(f"{call.to} does not answer"))
                continue
            try:
                values = decode(parse_signature(call.signature)[2], bytes.fromhex(answer[2:]))
            except (DecodingError, OverflowError, ValueError, UnicodeDecodeError):
                results.append(RpcError(f"{call.to} did not answer {call.signature} as expected"))
                continue
            results.append(values[0] if len(values) == 1 else values)
        return results

    def view(self, to: str, signature: str, *arguments: Any, block: str = "latest", sender: str | None = None) -> Any:
        """What one view call returns. Raises `RpcError`, `ChainUnreachableError`."""
        result = self.views([Call(to, signature, arguments, block, sender)])[0]
        if isinstance(result, RpcError):
            raise result
        return result

    def _post(self, body: Any) -> Any:
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
        try:
            answer = session.post(self.url, json=body, timeout=self.timeout)
            content = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ChainUnreachableError(f"no chain answers at {without_secrets(self.url)}") from error
        if not isinstance(content, dict | list):
            raise ChainUnreachableError(f"what answers at {without_secrets(self.url)} is no chain")
        return content

    @staticmethod
    def _result(answer: dict | None) -> Any:
        if answer is None:
            return RpcError("the node left a request unanswered")
        error = answer.get("error")
        if error is not None:
            if not isinstance(error, dict):
                return RpcError(str(error))
            return RpcError(str(error.get("message", "unknown error")), error.get("data"))
        return answer.get("result")


def without_secrets(url: str) -> str:
    """A node's URL without the key that providers put into its path, query or user part."""
    match = re.match(r"(?P<scheme>[a-z]+://)(?:[^@/]*@)?(?P<host>[^/?#]+)", url)
    return match["scheme"] + match["host"] if match else "the given address"
