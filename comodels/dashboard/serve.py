"""Serving the page: its port, its address, and what it is told at its start."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Sequence
from decimal import Decimal

from comodels.dashboard.guard import LOOPBACK
from comodels.dashboard.server import Dashboard
from comodels.errors import ComodelsError

LOCAL = (*LOOPBACK, "::1")  # hosts that nobody else reaches


def price_of(text: str | None) -> tuple[Decimal, str] | None:
    """What an ether is worth, and in which currency: ``2500 EUR``."""
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([A-Za-z]{3})", text.strip())
    if found is None:
        raise ComodelsError(f"--price {text}: give an amount and a currency, as in “2500 EUR”")
    return Decimal(found[1]), found[2].upper()


def address_of(option: str, url: str) -> str:
    """The address of a page or a service that an option names, without a slash at its end."""
    if url and not url.startswith(("https://", "http://")):
        raise ComodelsError(f"{option} {url}: an address begins with https://")
    return url.rstrip("/")


def listen(host: str, port: int) -> socket.socket:
    """Take a port, so that nobody else has it. Raises `ComodelsError` if somebody has."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ComodelsError(f"Port {port} cannot be used ({error.strerror}). Choose another: --port 0") from error
    return listener


def serve(dashboard: Dashboard, host: str, listener: socket.socket, names: Sequence[str] = ()) -> None:
    """Serve until Ctrl+C."""
    import uvicorn

    if host not in LOCAL:
        dashboard.settings.addresses = True
        dashboard.settings.hosts += tuple(name.lower() for name in names)
        places = ", ".join(["its address", *names])
        print(f"Everyone who reaches this machine can open the page, at {places}.", file=sys.stderr)
        if dashboard.reader.is_local:
            print("On a local chain they can also send from its accounts.", file=sys.stderr)
    shown = f"[{host}]" if ":" in host else host
    print(f"The page is at http://{shown}:{listener.getsockname()[1]}  (Ctrl+C ends it)", flush=True)
    config = uvicorn.Config(dashboard.app(), log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])
