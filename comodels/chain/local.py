"""A local anvil: thousands of transactions in their order, clocks, and nodes of one's own.

One HTTP connection carries all requests of a call without waiting for the answers; anvil works on them in their order.
That is 20 to 50 times faster than one call at a time through Ape, and it sets each transaction's time. No other node
promises an order: what is for any node is in `comodels.chain.node`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlparse

from comodels.chain.abi import Transaction
from comodels.chain.node import Node, NodeError, RpcError, Unreachable, all_of
from comodels.errors import ComodelsError

BLOCK_GAS = 30_000_000
START_SECONDS = 60  # that an anvil may take to answer
FEW, SMALL = 8, 2**15  # requests, and bytes of them, that are written before the first answer is read
HISTORY = "0x0000F90827F1C53a10cb7A02335B175320002935"  # see EIP-2935


class Chain(Node):
    """A local anvil node, reached by its URL, that carries requests out in their order.

    Parameters
    ----------
    url : str
    timeout : float
        Seconds without a sign of life after which a request ends in `Unreachable`.
    """

    def __init__(self, url: str, timeout: float = 300):
        super().__init__(url, timeout=timeout)
        parsed = urlparse(url)
        self._address = (parsed.hostname, parsed.port or 80)
        self._head = f"POST / HTTP/1.1\r\nHost: {parsed.netloc}\r\nContent-Type: application/json\r\n"

    def many(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of (method, parameters) pairs, carried out in their order; or an `RpcError` in their place."""
        bodies = [
            json.dumps({"jsonrpc": "2.0", "id": 0, "method": m, "params": p}, separators=(",", ":")).encode()
            for m, p in calls
        ]
        return [self.result_of(json.loads(answer)) for answer in self.raw(bodies)]

    def raw(self, bodies: Sequence[bytes]) -> list[bytes]:
        """The bodies of the answers to requests whose bodies are given, carried out in their order."""
        if not bodies:
            return []
        try:
            connection = socket.create_connection(self._address, self.timeout)
        except OSError as error:
            raise self._unreachable(error) from error
        # Closing resets: otherwise each connection would hold its port for a minute, and no anvil could start on it.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        head = self._head.encode()

        def write() -> None:
            with suppress(OSError):  # whoever reads the answers is told too
                for begin in range(0, len(bodies), 500):
                    part = [b"%bContent-Length: %d\r\n\r\n%b" % (head, len(b), b) for b in bodies[begin : begin + 500]]
                    connection.sendall(b"".join(part))

        with connection, connection.makefile("rb", 1 << 20) as answers:
            # One is answered when all of it is there, and a few small ones fit into what lies between.
            # Else answers come while requests are written.
            if len(bodies) == 1 or (len(bodies) <= FEW and sum(map(len, bodies)) <= SMALL):
                write()
            else:
                threading.Thread(target=write, daemon=True).start()
            try:
                return [self._body(answers) for _ in bodies]
            except OSError as error:
                raise self._unreachable(error) from error

    def _unreachable(self, error: OSError) -> Unreachable:
        return Unreachable(f"no chain answers at {self._address[0]}:{self._address[1]} ({error})")

    @staticmethod
    def _body(answers) -> bytes:
        length = -1
        while (line := answers.readline()) not in (b"\r\n", b""):
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        if length < 0:
            raise Unreachable("the node closed the connection")
        body = answers.read(length)
        if len(body) < length:
            raise Unreachable("the node closed the connection")
        return body

    def send_all(self, transactions: Sequence[Transaction]) -> list[dict]:
        """As `send`. Raises `ComodelsError` with the reason of the first that was reverted."""
        receipts = self.send(transactions)
        for i, receipt in enumerate(receipts):
            if receipt["status"] != "0x1":
                raise ComodelsError(f"Transaction {i + 1} of {len(receipts)} failed: {self.why(transactions[i])}")
        return receipts

    def send(self, transactions: Iterable[Transaction]) -> list[dict]:
        """The receipts of transactions mined in their order; a reverted one has status ``0x0``.

        Gas is free and balances change by what contracts take and pay, as far as the node's base fee is 0.
        """
        transactions = list(transactions)
        senders = sorted({t.sender for t in transactions})
        asked = [("eth_getTransactionCount", [s, "latest"]) for s in senders]
        *counts, automine = all_of(self.many([*asked, ("anvil_getAutomine", [])]))
        nonces = {s: int(c, 16) for s, c in zip(senders, counts, strict=True)}
        calls: list[tuple[str, Sequence[Any]]] = [("evm_setAutomine", [False])]
        sent: list[int] = []
        waiting = 0  # gas limits of the transactions that are not mined yet
        for t in transactions:
            if waiting and (t.time is not None or waiting + t.gas > BLOCK_GAS):
                calls.append(("evm_mine", []))
                waiting = 0
            if t.time is not None:
                calls.append(("evm_setNextBlockTimestamp", [t.time]))
            fields = t.call | {"gas": hex(t.gas), "gasPrice": "0x0", "nonce": hex(nonces[t.sender])}
            nonces[t.sender] += 1
            sent.append(len(calls))
            calls.append(("eth_sendTransaction", [fields]))
            waiting += t.gas
            if t.time is not None:
                calls.append(("evm_mine", []))
                waiting = 0
        if waiting:
            calls.append(("evm_mine", []))
        calls.append(("evm_setAutomine", [automine]))
        answers = self.many(calls)
        hashes = all_of(answers[i] for i in sent)
        receipts = all_of(self.many([("eth_getTransactionReceipt", [h]) for h in hashes]))
        if None in receipts:
            raise RpcError(f"transaction {receipts.index(None)} of {len(receipts)} was not mined")
        return receipts


# Runs a command until it ends or the pipe at its standard input is closed, as it is when whoever made it ends, even by
# SIGKILL; then the whole group ends. Both shells outlive what they started and wait for it: left to the system, what
# has ended is counted as running for a second or two.
END_WITH_US = (
    "exec 3>&2 2> /dev/null; trap : TERM; "  # what shells say of those that were ended is for nobody
    '(trap : TERM; "$@" < /dev/null 2>&3 3>&-; trap "" TERM; kill 0) & '
    'cat > /dev/null; trap "" TERM; kill 0; wait'
)

BALANCE = ("--balance", "1000000")
FREE = ("--gas-price", "0", "--base-fee", "0")
FEW_STATES = ("--max-persisted-states", "0")  # it would write old ones to disk, gigabytes in a test run


class Anvil(Chain):
    """An anvil that this process has started.

    Attributes
    ----------
    group : int
        The process group in which it runs.
    """

    group: int


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def local_chain(*options: str, port: int | None = None) -> Iterator[Anvil]:
    """An anvil of one's own. It ends with the context, and at the latest with this process.

    The one that Ape starts records every step of every transaction, which is slow.

    Parameters
    ----------
    options : str
        Of anvil. Gas is free unless they name a ``--base-fee``.

    Raises
    ------
    NodeError
        If it cannot be started.
    """
    binary = shutil.which("anvil")
    if binary is None:
        raise NodeError("anvil is not on PATH: run `make setup`, or activate the environment")
    port = port or free_port()
    command = [binary, "--port", str(port), "--quiet", *BALANCE, *options]
    command += [] if "--base-fee" in options else FREE
    command += [] if "--prune-history" in options else FEW_STATES
    process = subprocess.Popen(
        ["sh", "-c", END_WITH_US, "sh", *command],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        chain = Anvil(f"http://127.0.0.1:{port}")
        chain.group = process.pid
        end = time.monotonic() + START_SECONDS
        while True:
            with suppress(NodeError):
                chain.rpc("eth_chainId")
                break
            if process.poll() is not None:
                raise NodeError("anvil ended at once: its message is above")
            if time.monotonic() > end:
                raise NodeError("anvil did not start within a minute: run this again")
            time.sleep(0.05)
        yield chain
    finally:
        end_group(process)


@contextmanager
def light_chain(*options: str, below: Sequence[str] = ()) -> Iterator[Anvil]:
    """As `local_chain`, for many transactions on much state.

    It forks another anvil that stays empty: one that forks does not compute the root of the whole state for every
    block, which would soon take most of the time.

    Parameters
    ----------
    options, below : str, sequence of str
        Of the anvil, and of the empty one.
    """
    with local_chain("--accounts", "1", *below) as empty:
        fork = "--fork-url", empty.url, "--no-storage-caching", "--no-rate-limit"
        with local_chain(*fork, *options) as chain:
            # the contract with the hashes of past blocks writes another slot in each block, and a fork asks for each
            chain.rpc("anvil_setCode", HISTORY, "0x")
            yield chain


def end_group(process: subprocess.Popen) -> None:
    """End a process and all that it started, and wait until they are gone."""
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(100):
            try:
                os.killpg(process.pid, wanted)
            except ProcessLookupError:
                return
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            time.sleep(0.05)
