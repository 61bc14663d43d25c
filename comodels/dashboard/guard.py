"""Who may ask the server what: foreign hosts, foreign origins and large bodies are refused."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlparse

from starlette.exceptions import HTTPException
from starlette.responses import Response

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY = 21_000_000  # bytes

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with no-referrer, browsers send forms with the origin "null"
    (b"cross-origin-opener-policy", b"same-origin"),
]


class Guard:
    """Refuses foreign hosts and origins and large bodies, and adds the security headers.

    A page of another site may make a browser send requests to a loopback address: those carry that site's origin, or,
    where that site lets its own name point to the loopback address (DNS rebinding), a host name that is not ours.

    Parameters
    ----------
    hosts : tuple of str
        Host names under which the page answers.
    addresses : bool
        Whether it also answers under any numeric address: no name can be made to point elsewhere there.
    """

    def __init__(self, app, hosts: tuple[str, ...] = LOOPBACK, addresses: bool = False):
        self.app = app
        self.hosts = hosts
        self.addresses = addresses

    def _is_ours(self, host: str) -> bool:
        name = re.sub(r":\d+$", "", host).lower()
        if name in self.hosts:
            return True
        try:
            return self.addresses and bool(ip_address(name.strip("[]")))
        except ValueError:
            return False

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        refusal = None
        if not self._is_ours(host):
            refusal = Response("This page does not answer under this host name.", 421)
        elif scope["method"] not in ("GET", "HEAD"):
            origin = headers.get(b"origin")
            if origin is not None and urlparse(origin).netloc != host:
                refusal = Response("Refused: the request comes from another site.", 403)
        said = headers.get(b"content-length", "")
        size = int(said) if said.isdecimal() and int(said) > MAX_BODY else 0

        async def counted():
            nonlocal size
            if size > MAX_BODY:  # said so, or found: the rest is not waited for
                raise HTTPException(413)
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:
                raise HTTPException(413)  # becomes a page, see `Dashboard`
            return message

        async def protected(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        await (refusal or self.app)(scope, counted, protected)
