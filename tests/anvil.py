"""A local chain of a test's own, beside the one that Ape has started."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from comodels.chain.local import free_port, local_chain

__all__ = ["answers", "free_port", "running", "wait_for"]


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
    with local_chain() as chain:
        yield chain.url
