"""A node that is reached by its URL, whatever it is: one's own, a provider's, slow, limited, or a local one.

Many questions go in one request. What a node can only refuse for now (too many requests) is asked again, what it does
not take (batches, large batches) is asked in another way, and the key that stands in a provider's URL is shown nowhere.
"""

from __future__ import annotations

import functools
import json
import logging
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import InvalidHeader, MaxRetryError, NewConnectionError
from urllib3.util.retry import Retry

from comodels.chain.abi import NOT_THESE_TYPES, Call, Function, Transaction, hashed, parse_signature, revert_reason

LOCAL_CHAINS = (1337, 31337)  # chain ids of local chains
BATCH = 250  # requests in one HTTP request: public nodes refuse much larger ones
SMALL_BATCH = 3  # what nodes take that hardly take any
CONNECTIONS = 8  # at a time, where a node takes no batches
TIMEOUT = 30  # seconds
PATIENCE = Retry(total=6, backoff_factor=0.25, backoff_max=8)  # 0, 0.5, 1, 2, 4, 8 seconds between attempts
LONGEST_WAIT = 30  # seconds that a node can ask for by Retry-After

# What must not be sent twice: the node may have done it when its answer was lost.
ACTIONS = ("eth_sendTransaction", "eth_sendRawTransaction", "evm_", "anvil_", "hardhat_", "personal_")
TOO_FAST = re.compile(r"rate.?limit|too many requests|request limit|per second|throughput|capacity", re.IGNORECASE)
KNOWN = re.compile(r"already known|already imported|known transaction|already in mempool", re.IGNORECASE)


class NodeError(Exception):
    """What went wrong between a node and us."""


class RpcError(NodeError):
    """The node answered with an error; the text is the contract's reason, or else the node's.

    Attributes
    ----------
    reason : str or None
        With which a contract reverted; None where it did not revert or gave no reason.
    code : int or None
        The JSON-RPC error code.
    """

    def __init__(self, message: str, data: Any = None, code: int | None = None):
        self.reason = revert_reason(data)
        self.code = code
        super().__init__(self.reason or message)

    @property
    def too_fast(self) -> bool:
        """Whether the node only wants to be asked more slowly."""
        return self.reason is None and (self.code == 429 or bool(TOO_FAST.search(str(self))))


class Unreachable(NodeError):
    """No node answers, or what answers is none."""


def all_of(answers: Iterable[Any]) -> list[Any]:
    """The answers, if none of them is an error. Raises the first `RpcError`."""
    answers = list(answers)
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    return answers


def without_secrets(url: str) -> str:
    """A node's URL without the key that providers put into its path, query or user part."""
    match = re.match(r"(?P<scheme>[a-z]+://)(?:[^@/]*@)?(?P<host>[^/?#]+)", url)
    return match["scheme"] + match["host"] if match else "the given address"


class _Redact(logging.Filter):
    """Takes the paths of nodes out of the log of urllib3, which names them."""

    paths: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if any(path in text for path in self.paths):
            for path in sorted(self.paths, key=len, reverse=True):
                text = text.replace(path, "/...")
            record.msg, record.args = text, ()
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_Redact())


class Node:
    """A node.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``; a key in it is kept out of all messages.
    batch : int
        The most requests in one; becomes smaller when the node refuses so many.
    timeout : float
        Seconds without a sign of life after which a request ends in `Unreachable`.
    patience : urllib3.util.retry.Retry
        How often and how slowly to ask again.
    """

    def __init__(self, url: str, batch: int = BATCH, timeout: float = TIMEOUT, patience: Retry = PATIENCE):
        if not re.match("https?://", url):
            raise Unreachable(f"{without_secrets(url)}: a node's address begins with http:// or https://")
        self.url = url
        self.batch = batch
        self.timeout = timeout
        self.patience = patience
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=2 * CONNECTIONS))
        path = "/" + url.split("://", 1)[1].partition("/")[2]
        if len(path) > 1:
            _Redact.paths.add(path)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {without_secrets(self.url)}>"

    # ---- requests ----------------------------------------------------------------------------------------------------

    def many(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of (method, parameters) pairs; an `RpcError` stands where the node answered with one.

        Raises
        ------
        Unreachable
        """
        bodies: list[dict[str, Any]] = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": list(parameters)}
            for i, (method, parameters) in enumerate(calls)
        ]
        results: list[Any] = [None] * len(bodies)
        patience: Retry | None = self.patience
        missing = bodies
        while missing:
            for body, result in zip(missing, self._in_parts(missing), strict=True):
                results[body["id"]] = result
            missing = [b for b in missing if isinstance(results[b["id"]], RpcError) and results[b["id"]].too_fast]
            if missing and not (patience := self._wait(patience)):
                break
        return results

    def rpc(self, method: str, *parameters: Any) -> Any:
        """The result of one request. Raises `RpcError`, `Unreachable`."""
        return all_of(self.many([(method, parameters)]))[0]

    def _in_parts(self, bodies: list[dict]) -> list[Any]:
        """The results of requests, in batches of a size that the node takes; several at a time if these are small."""
        parts = [bodies[begin : begin + self.batch] for begin in range(0, len(bodies), self.batch)]
        if len(parts) > 1 and self.batch <= SMALL_BATCH:
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                return [result for results in pool.map(self._part, parts) for result in results]
        return [result for part in parts for result in self._part(part)]

    def _part(self, bodies: list[dict]) -> list[Any]:
        if len(bodies) > self.batch:  # it has become smaller meanwhile
            return self._in_parts(bodies)
        if len(bodies) == 1:
            return [self.result_of(self._post(bodies[0]))]
        answers = self._post(bodies)
        if isinstance(answers, dict):  # one answer for all of them: so many at a time are refused
            refusal = self.result_of(answers)
            if isinstance(refusal, RpcError) and refusal.too_fast and "batch" not in str(refusal).lower():
                return [refusal] * len(bodies)
            self.batch = SMALL_BATCH if len(bodies) > SMALL_BATCH else 1
            return self._in_parts(bodies)
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        return [self.result_of(by_id.get(body["id"])) for body in bodies]

    def _post(self, body: dict | list[dict]) -> Any:
        """The answer to one HTTP request, which is sent again as long as that can help. Raises `Unreachable`."""
        calls = body if isinstance(body, list) else [body]
        repeatable = not any(call["method"].startswith(ACTIONS) for call in calls)
        patience: Retry | None = self.patience
        place = without_secrets(self.url)
        while True:
            try:
                answer = self._session.post(self.url, json=body, timeout=(10, self.timeout))
            except requests.RequestException as error:
                cause = getattr(error.args[0] if error.args else None, "reason", None)
                gone = isinstance(error, requests.Timeout) or isinstance(cause, NewConnectionError)
                broken = isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError)
                if repeatable and broken and not gone and (patience := self._wait(patience)):
                    continue
                # `from None`: the cause names the URL, with its key
                raise Unreachable(f"no chain answers at {place}") from None
            busy = answer.status_code in (429, 502, 503, 504)
            if busy and (answer.status_code == 429 or repeatable):
                if patience := self._wait(patience, answer):
                    continue
                raise Unreachable(f"the node at {place} is too busy (HTTP {answer.status_code}): wait, or use another")
            if answer.status_code in (401, 403):
                raise Unreachable(f"the node at {place} wants a key (HTTP {answer.status_code}): check its URL")
            try:
                content = json.loads(answer.content)
            except ValueError:
                content = None
            if isinstance(content, list) or isinstance(content, dict) and ("result" in content or "error" in content):
                return content
            if len(calls) > 1 and answer.status_code in (400, 413, 415, 422):
                return {"error": {"message": "batches are refused"}}
            raise Unreachable(f"what answers at {place} is no chain (HTTP {answer.status_code})")

    @staticmethod
    def _wait(patience: Retry | None, answer: requests.Response | None = None) -> Retry | None:
        """Wait before another attempt, as long as the node asks for; None if there were enough."""
        if patience is None:
            return None
        try:
            patience = patience.increment()
        except MaxRetryError:
            return None
        asked = answer.headers.get("Retry-After") if answer is not None else None
        try:
            seconds = patience.parse_retry_after(asked) if asked else patience.get_backoff_time()
        except InvalidHeader:
            seconds = patience.get_backoff_time()
        time.sleep(min(seconds, LONGEST_WAIT))
        return patience

    @staticmethod
    def result_of(answer: Any) -> Any:
        """The result in one JSON-RPC answer, or its `RpcError`."""
        if not isinstance(answer, dict):
            return RpcError("the node left a request unanswered")
        error = answer.get("error")
        if error is None:
            return answer.get("result")
        if not isinstance(error, dict):
            return RpcError(str(error))
        return RpcError(str(error.get("message", "unknown error")), error.get("data"), error.get("code"))

    # ---- what is asked often -----------------------------------------------------------------------------------------

    def views(self, calls: Sequence[Call]) -> list[Any]:
        """What view calls return: one value, or a tuple of several; an `RpcError` stands where a call failed."""
        return self.answers((parse_signature(call.signature), call) for call in calls)

    def answers(self, calls: Iterable[tuple[Function, Call]]) -> list[Any]:
        """As `views`, where the function is known and the call needs no signature, only a name."""
        calls = list(calls)
        questions = []
        for function, call in calls:
            fields = {"to": call.to, "data": "0x" + function.encode(call.arguments).hex()}
            if call.sender:
                fields["from"] = call.sender
            questions.append(("eth_call", [fields, call.block]))
        results = []
        for (function, call), answer in zip(calls, self.many(questions), strict=True):
            if isinstance(answer, str) and (len(answer) > 2 or not function.results):
                try:
                    answer = function.decode(bytes.fromhex(answer[2:]))
                except NOT_THESE_TYPES:
                    answer = RpcError(f"{call.to} did not answer {call.signature} as expected")
            elif not isinstance(answer, RpcError):  # no contract is there
                answer = RpcError(f"{call.to} does not answer")
            results.append(answer)
        return results

    def view(self, to: str, signature: str, *arguments: Any, block: str = "latest", sender: str | None = None) -> Any:
        """What one view call returns. Raises `RpcError`, `Unreachable`."""
        return all_of(self.views([Call(to, signature, arguments, block, sender)]))[0]

    @functools.cached_property
    def chain_id(self) -> int:
        """The chain's id, asked once."""
        return int(self.rpc("eth_chainId"), 16)

    @property
    def is_local(self) -> bool:
        """Whether it is a chain for trying things out, by its id."""
        return self.chain_id in LOCAL_CHAINS

    @property
    def accounts(self) -> list[str]:
        """Those for which the node signs."""
        return self.rpc("eth_accounts")

    @property
    def time(self) -> int:
        """The timestamp of the latest block, in seconds."""
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    @property
    def next_time(self) -> int:
        """The time in seconds that the next block would have: a chain without transactions may have none for long."""
        blocks = self.many([("eth_getBlockByNumber", [which, False]) for which in ("latest", "pending")])
        return max(int(block["timestamp"], 16) for block in blocks if isinstance(block, dict))

    @property
    def block(self) -> int:
        """The number of the latest block."""
        return int(self.rpc("eth_blockNumber"), 16)

    @property
    def genesis(self) -> str:
        """The hash of the first block: what tells local chains apart."""
        return self.rpc("eth_getBlockByNumber", "0x0", False)["hash"]

    def sent(self, account: str) -> tuple[int, int]:
        """How many transactions of an account are mined, and how many the node knows of."""
        questions = [("eth_getTransactionCount", [account, which]) for which in ("latest", "pending")]
        mined, known = (int(count, 16) for count in all_of(self.many(questions)))
        return mined, known

    def balance(self, account: str) -> int:
        """Wei."""
        return int(self.rpc("eth_getBalance", account, "latest"), 16)

    def code(self, address: str) -> bytes:
        """The code at an address; empty where there is no contract."""
        return bytes.fromhex(self.rpc("eth_getCode", address, "latest")[2:])

    def why(self, transaction: Transaction) -> str:
        """The reason with which a transaction would revert now; empty if it would not."""
        (answer,) = self.many([("eth_call", [transaction.call, "latest"])])
        return str(answer) if isinstance(answer, RpcError) else ""

    def send_raw(self, signed: bytes) -> str:
        """Send a signed transaction; its hash. Sending it again does no harm, and is no error.

        Raises
        ------
        RpcError
            If the node refuses it.
        Unreachable
            If it may have arrived or not.
        """
        identity = "0x" + hashed(signed).hex()
        try:
            self.rpc("eth_sendRawTransaction", "0x" + signed.hex())
        except RpcError as error:  # "nonce too low" is also said of the very transaction that was mined already
            (known,) = (True,) if KNOWN.search(str(error)) else self.many([("eth_getTransactionByHash", [identity])])
            if isinstance(known, RpcError):
                raise Unreachable(
                    f"the node refuses {identity} ({error}), and does not tell whether it has it"
                ) from known
            if known is None:
                raise
        return identity
