"""A local chain of a test's own, beside the one that Ape has started."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ARGUMENTS = ["--silent", "--gas-price", "0", "--base-fee", "0", "--balance", "1000000", "--max-persisted-states", "0"]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def running() -> Iterator[str]:
    """The URL of a new chain, which ends with the block."""
    port = free_port()
    process = subprocess.Popen(["anvil", "--port", str(port), *ARGUMENTS])
    try:
        wait_for(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
