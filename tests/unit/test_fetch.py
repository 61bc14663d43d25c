"""What strangers name is fetched from the public internet only, and within bounds."""

import http.server
import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress

import pytest

from comodels import fetch as module
from comodels.fetch import NotFetched, fetch, is_public, public_addresses

HOST = "files.example.org"
FILE = b'{"fitted":{}}' * 1_000
PRIVATE = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
    *("192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd00:ec2::254"),
    *("fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "localhost", "", "8.8.8.8.8", "1"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_is_public__not_of_the_public_internet__is_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_is_public__public__is_taken(address):
    assert is_public(address)


def is_number(host):
    """Whether it is an IP address, as which a socket looks up what was resolved before."""
    with suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def resolve_to(monkeypatch, *addresses):
    """Let every name lead to these addresses; returns the names that are asked for."""
    asked, resolve = [], socket.getaddrinfo

    def answer(host, port, *rest, **named):
        if is_number(host):
            return resolve(host, port, *rest, **named)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def no_connections(monkeypatch):
    """Let nothing connect; returns where to it was tried."""
    tried = []

    def connect(address, *_):
        tried.append(address)
        raise OSError("no connections here")

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["8.8.8.8", "::1"], []])
def test_public_addresses__one_is_private__is_refused_as_a_whole(monkeypatch, addresses):
    resolve_to(monkeypatch, *addresses)
    with pytest.raises(NotFetched, match="not a machine of the public internet"):
        public_addresses(HOST)


@pytest.mark.parametrize(
    "url",
    [
        *(f"http://{HOST}/", f"ftp://{HOST}/", "file:///etc/passwd", f"//{HOST}/", HOST, "", "https://", "https:///x"),
        *(f"https://user@{HOST}/", f"https://user:word@{HOST}/", f"https://{HOST}:8443/", f"https://{HOST}:22/"),
        *(
            "https://[::1]/",
            "https://[fe80::1%25eth0]/",
            "https://a b/",
            "https://a\n.example/",
            "https://ex_ample.org/",
        ),
        *("https://exämple.org/", f"https://{HOST}:99999/", "https://[", f"https://{HOST}\\@127.0.0.1/", "https://-x/"),
    ],
)
def test_fetch__address_that_is_none_of_https__is_not_asked(monkeypatch, url):
    asked = resolve_to(monkeypatch, "8.8.8.8")
    connected = no_connections(monkeypatch)
    with pytest.raises(NotFetched):
        fetch(url)
    assert (asked, connected) == ([], [])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0", "127.1", "2130706433", "0x7f000001", "017700000001"])
def test_fetch__name_of_this_machine__is_not_asked(monkeypatch, host):
    connected = no_connections(monkeypatch)
    with pytest.raises(NotFetched):
        fetch(f"https://{host}/")
    assert connected == []


def test_fetch__name_that_leads_elsewhere_later__connects_to_what_was_checked(monkeypatch):
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    reached = []

    def connect(address, timeout):
        reached.append(address)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (a, 443)) for a in next(answers)])
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NotFetched, match="refused"):
        fetch(f"https://{HOST}/")
    assert reached == [("8.8.8.8", 443)]


def test_fetch__name_that_is_looked_up_for_long__is_given_up(monkeypatch):
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(10) or [])
    with pytest.raises(NotFetched, match="within 0.2 seconds"):
        fetch(f"https://{HOST}/", seconds=0.2)
    done.set()


# ---- a machine that answers as it likes ------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the first part of the path."""

    protocol_version = "HTTP/1.1"
    seen: list = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        Handler.seen.append((self.path, dict(self.headers)))
        with suppress(OSError):
            getattr(self, self.path.split("/")[1].partition("?")[0])()

    def answer(self, status=200, body=FILE, **headers):
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def file(self):
        self.answer()

    def missing(self):
        self.answer(404)

    def moved(self):
        self.answer(302, b"", Location=self.path.partition("?")[2])

    def forever(self):
        self.answer(301, b"", Location="/forever")

    def lost(self):
        self.answer(302, b"")

    def compressed(self):
        self.answer(Content_Encoding="gzip")

    def large(self):
        self.answer(Content_Length=str(10**12))

    def short(self):
        self.answer(Content_Length=str(len(FILE) + 1), Connection="close")
        self.close_connection = True

    def chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"400\r\n" + b"x" * 0x400 + b"\r\n")

    def unbounded(self):
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 4096)

    def dripping(self):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def headers_drip(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(100):
            self.wfile.write(b"X-%d: 1\r\n" % i)
            time.sleep(0.05)

    def endless_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            self.wfile.write(b"x" * 4096)

    def continues(self):
        while True:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def silent(self):
        time.sleep(3)

    def noise(self):
        self.wfile.write(b"\xff\x00\x1b[31mred\r\n\r\n")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The files of a key and of its certificate, for `HOST` only."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on PATH: it makes the certificate of the server that these tests fetch from")
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
    command += ["-addext", f"subjectAltName=DNS:{HOST}", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def server(certificate, monkeypatch):
    """A machine that all names lead to, and that is taken for one of the public internet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # who is refused hangs up
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    monkeypatch.setattr(module, "PORT", server.server_port)
    monkeypatch.setattr(module, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(module, "trusted", lambda: ssl.create_default_context(cafile=certificate / "cert.pem"))
    resolve_to(monkeypatch, "127.0.0.1")
    Handler.seen = []
    yield server
    server.shutdown()
    server.server_close()


def test_fetch__file__is_what_the_machine_sends(server, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert fetch(f"https://{HOST}/file/a%20b?version=1#part") == FILE
    ((path, headers),) = Handler.seen
    assert path == "/file/a%20b?version=1"
    assert headers["Host"] == HOST
    assert not {"Cookie", "Authorization"} & set(headers)


def test_fetch__redirects__are_followed_three_times(server):
    to = f"https://{HOST}/moved?/file"
    assert fetch(f"https://{HOST}/moved?{to}") == FILE
    with pytest.raises(NotFetched, match="redirects more than 3 times"):
        fetch(f"https://{HOST}/forever")
    assert len(Handler.seen) == 3 + 4


@pytest.mark.parametrize(
    "to",
    [f"http://{HOST}/file", "https://127.0.0.1:22/", "https://[::1]/", "file:///etc/passwd", "https://u@x/", "//u@x"],
)
def test_fetch__redirect_to_what_is_not_asked__is_refused(server, to):
    with pytest.raises(NotFetched):
        fetch(f"https://{HOST}/moved?{to}")
    assert len(Handler.seen) == 1


def test_fetch__redirect_into_the_own_network__is_refused(server, monkeypatch):
    monkeypatch.setattr(module, "public_addresses", lambda host: ["127.0.0.1"] if host == HOST else real(host))
    real = public_addresses
    resolve_to(monkeypatch, "10.0.0.1")
    with pytest.raises(NotFetched, match="inner.example.org is not a machine of the public internet"):
        fetch(f"https://{HOST}/moved?https://inner.example.org/file")


def test_fetch__certificate_of_another__is_refused(server):
    with pytest.raises(NotFetched, match="certificate"):
        fetch("https://other.example.org/file")
    assert Handler.seen == []


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("missing", "status 404"),
        ("lost", "redirects more"),
        ("compressed", "compressed"),
        ("large", "more than 20,000 bytes"),
        ("chunked", "more than 20,000 bytes"),
        ("unbounded", "more than 20,000 bytes"),
        ("short", "IncompleteRead|broke off"),
        ("dripping", "within 1 seconds"),
        ("headers_drip", "within 1 seconds|got more than"),
        ("endless_headers", "LineTooLong"),
        ("continues", "within 1 seconds"),
        ("silent", "within 1 seconds"),
        ("noise", "BadStatusLine"),
        ("no_such", "does not give"),
    ],
)
def test_fetch__answer_that_is_no_file_within_bounds__is_refused_in_time(server, what, why):
    start = time.monotonic()
    with pytest.raises(NotFetched, match=why) as caught:
        fetch(f"https://{HOST}/{what}", max_bytes=20_000, seconds=1)
    assert str(caught.value).isprintable()
    assert time.monotonic() - start < 2.5


def test_fetch__given_up__leaves_no_thread_behind(server):
    before = {thread for thread in threading.enumerate() if "run" in thread.name}
    with pytest.raises(NotFetched, match="within 0.3 seconds"):
        fetch(f"https://{HOST}/dripping", seconds=0.3)
    end = time.monotonic() + 3
    while {t for t in threading.enumerate() if "run" in t.name} - before and time.monotonic() < end:
        time.sleep(0.02)
    assert not {t for t in threading.enumerate() if "run" in t.name} - before


def test_fetch__machine_that_never_shakes_hands__is_given_up(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setattr(module, "PORT", mute.getsockname()[1])
        monkeypatch.setattr(module, "is_public", lambda address: True)
        resolve_to(monkeypatch, "127.0.0.1")
        with pytest.raises(NotFetched, match="within 0.3 seconds"):
            fetch(f"https://{HOST}/", seconds=0.3)


def test_fetch__one_address_does_not_answer__tries_the_next(server, monkeypatch):
    monkeypatch.setattr(module, "is_public", lambda address: True)
    resolve_to(monkeypatch, "127.0.0.2", "127.0.0.1")  # nothing listens at the first
    assert fetch(f"https://{HOST}/file") == FILE


def test_trusted__checks_certificates_and_names():
    context = module.trusted()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 50
