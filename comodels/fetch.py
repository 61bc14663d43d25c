"""A file from an address that a stranger named: https only, from the public internet only, bounded in size and time.

What a model says on chain can send everybody who uses it to any address. So no request goes to a machine of one's own
network: a name is looked up once, every address that it has must be public, and the connection goes to that very
address, whatever the name leads to a moment later. Redirects are followed by the same rules. Proxies, cookies and
credentials are not used.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import urljoin, urlsplit

from comodels.errors import ComodelsError

MAX_BYTES = 8 * 2**20
"""A vocabulary of 65,536 words has about a megabyte."""

SECONDS = 20  # for everything together
REDIRECTS = 3
PORT = 443
AGENT = "comodels"

NAT64 = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address in its last four bytes
UNICAST = ipaddress.ip_network("2000::/3")  # what is given to the public of IPv6
INNER = [  # set aside, though not every version of Python says so
    ipaddress.ip_network(block)
    for block in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]


class NotFetched(ComodelsError):
    """A file that was not fetched, and why."""


def fetch(url: str, max_bytes: int = MAX_BYTES, seconds: float = SECONDS) -> bytes:
    """What is at an https address.

    Parameters
    ----------
    max_bytes : int
        The largest file that is taken.
    seconds : float
        After which it is given up, looking up the name and all redirects included.

    Raises
    ------
    NotFetched
        If the address is none that is asked, or it does not answer with a file within these bounds.
    """
    job = _Job(url, max_bytes)
    thread = threading.Thread(target=job.run, daemon=True)  # a look-up of a name cannot be interrupted, only left alone
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        job.stop()
        raise NotFetched(f"{host_of(url)} did not send the file within {seconds:g} seconds")
    if job.error is not None:
        raise job.error
    return job.content


def host_of(url: str) -> str:
    """The name of the machine in an address, for messages; no path, which may be long."""
    try:
        return urlsplit(url).hostname or url[:60]
    except ValueError:
        return url[:60]


def public_addresses(host: str) -> list[str]:
    """The addresses of a machine that is reached by everybody.

    Raises
    ------
    NotFetched
        If it has none, or one of them is private, of this machine, of this network, or reserved.
    """
    try:
        found = [str(answer[4][0]) for answer in socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise NotFetched(f"{host} is not known ({error})") from error
    if not found or not all(map(is_public, found)):
        raise NotFetched(f"{host} is not a machine of the public internet, and is not asked")
    return list(dict.fromkeys(found))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet.

    Examples
    --------
    >>> [is_public(address) for address in ("8.8.8.8", "10.0.0.1", "127.0.0.1", "169.254.169.254", "::1")]
    [True, False, False, False, False]
    >>> [is_public(address) for address in ("2606:4700::1111", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "fe80::1%eth0")]
    [True, False, False, False]
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return False
        if ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip not in UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in block for block in INNER)


class _Pinned(http.client.HTTPSConnection):
    """A connection to one of the given addresses of a machine, whose certificate must be that of its name."""

    def __init__(self, host: str, addresses: list[str], stopped: threading.Event) -> None:
        self.trusted = trusted()
        super().__init__(host, PORT, timeout=SECONDS, context=self.trusted)
        self.addresses = addresses
        self.stopped = stopped

    def connect(self) -> None:
        errors: list[OSError] = []
        for address in self.addresses:
            if self.stopped.is_set():
                raise OSError("stopped")
            try:
                raw = socket.create_connection((address, self.port), self.timeout)
                break
            except OSError as error:
                errors.append(error)
        else:
            raise errors[-1]
        # Without a handshake yet, so that who stops this finds the socket and shuts it down.
        self.sock = self.trusted.wrap_socket(raw, server_hostname=self.host, do_handshake_on_connect=False)
        if self.stopped.is_set():
            raise OSError("stopped")
        self.sock.do_handshake()


def trusted() -> ssl.SSLContext:
    """Who is believed to be whom: this system's authorities, and those that come with requests."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _Job:
    """One fetch, in a thread that can be told to end."""

    def __init__(self, url: str, max_bytes: int) -> None:
        self.url = url
        self.max_bytes = max_bytes
        self.content = b""
        self.error: NotFetched | None = None
        self.stopped = threading.Event()
        self.connection: _Pinned | None = None

    def stop(self) -> None:
        self.stopped.set()
        connection = self.connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)  # closing alone does not wake up who waits for it

    def run(self) -> None:
        url = self.url
        try:
            for _ in range(1 + REDIRECTS):
                location = self._ask(url)
                if location is None:
                    return
                url = urljoin(url, location)
            raise NotFetched(f"{host_of(self.url)} redirects more than {REDIRECTS} times")
        except NotFetched as error:
            self.error = error
        except OSError as error:
            self.error = NotFetched(f"{host_of(url)} does not give the file ({type(error).__name__}: {error})")
        except Exception as error:  # whatever was answered; not in its words, which are a stranger's
            self.error = NotFetched(f"{host_of(url)} does not give the file ({type(error).__name__})")

    def _ask(self, url: str) -> str | None:
        """Fetch the file, or return where the answer redirects to."""
        if not re.fullmatch("[!-~]+", url):  # urlsplit would leave some out
            raise NotFetched(f"{url[:80]!r} is no address: percent-encode what is not ASCII")
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "https" or "@" in parts.netloc or parts.port not in (None, 443):
            raise NotFetched(f"{url[:80]!r} is not asked: only https, without a port or a name to log in with")
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", host):
            raise NotFetched(f"{host[:80]!r} is not the name of a machine")
        self.connection = _Pinned(host, public_addresses(host), self.stopped)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Host": host, "User-Agent": AGENT, "Accept-Encoding": "identity", "Connection": "close"}
            self.connection.request("GET", target, headers=headers)
            response = self.connection.getresponse()
            if response.status in (301, 302, 303, 307, 308):
                return response.headers.get("Location") or ""
            if response.status != 200:
                raise NotFetched(f"{host} answers with status {response.status}")
            if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                raise NotFetched(f"{host} sends the file compressed, though it was asked not to")
            if (response.length or 0) > self.max_bytes:
                raise NotFetched(f"the file at {host} has more than {self.max_bytes:,} bytes")
            self.content = self._read(response, host)
            return None
        finally:
            self.connection.close()

    def _read(self, response: http.client.HTTPResponse, host: str) -> bytes:
        found = bytearray()
        while part := response.read1(2**16):
            found += part
            if len(found) > self.max_bytes:
                raise NotFetched(f"the file at {host} has more than {self.max_bytes:,} bytes")
        if response.length:
            raise NotFetched(f"{host} broke off before the end of the file")
        return bytes(found)
