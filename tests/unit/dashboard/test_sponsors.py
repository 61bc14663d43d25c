"""What the page believes of a sponsor's service: who pays, and nothing else; and that a bad one harms nobody."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from comodels.dashboard.reader import Model
from comodels.dashboard.sponsors import MAX_ANSWER, SponsorGone, Sponsors
from comodels.dashboard.store import InputError

MODEL, TRAINER, SPONSOR, OTHER = ("0x" + digit * 40 for digit in "1234")
ABOUT = {"chainId": 5, "model": MODEL, "incentive": TRAINER, "sponsor": SPONSOR, "classes": ["lies"]}


class Reader:
    chain_id = 5


@pytest.fixture
def model():
    return Model(MODEL, "SparsePerceptron", "m", "", "", ("a", "b"), 0, MODEL, TRAINER, OTHER, 0, True)


@pytest.fixture
def service():
    """A service that answers whatever the test says."""

    class Handler(BaseHTTPRequestHandler):
        status, body, headers_of = 200, json.dumps(ABOUT).encode(), {}
        asked: list = []

        def do_GET(self):
            Handler.asked.append(self.path)
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(Handler.status)
            for name, value in Handler.headers_of.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(Handler.body)))
            self.end_headers()
            self.wfile.write(Handler.body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Handler.url = f"http://127.0.0.1:{server.server_port}"
    Handler.asked = []
    yield Handler
    server.shutdown()


def test_of__service_for_this_model__who_pays(model, service):
    sponsors = Sponsors(Reader(), [service.url])
    assert sponsors.of(model).account == SPONSOR
    assert not sponsors.of(model).agreeing
    assert service.asked == ["/"]  # what it says is remembered


@pytest.mark.parametrize(
    "other",
    [{"chainId": 1}, {"model": OTHER}, {"incentive": OTHER}, {"sponsor": None}, {"sponsor": ["0x"]}, {"model": 7}],
)
def test_of__service_for_something_else__nobody(model, service, other):
    service.body = json.dumps(ABOUT | other).encode()
    assert Sponsors(Reader(), [service.url]).of(model) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b"{" * 10_000, b" " * (MAX_ANSWER + 1)])
def test_of__answer_that_is_none__nobody(model, service, body):
    service.body = body
    assert Sponsors(Reader(), [service.url]).of(model) is None


def test_of__redirect__is_not_followed(model, service):
    service.status, service.headers_of = 302, {"location": f"{service.url}/elsewhere"}
    service.body = b"{}"
    assert Sponsors(Reader(), [service.url]).of(model) is None
    assert service.asked == ["/"]


def test_of__first_service_is_down__the_next_one(model, service):
    assert Sponsors(Reader(), ["http://127.0.0.1:9", service.url]).of(model).account == SPONSOR


def test_hand_in__refused_or_senseless__says_so_shortly(model, service):
    sponsors = Sponsors(Reader(), [service.url])
    sponsor = sponsors.of(model)
    service.status, service.body = 422, json.dumps({"error": "no\u202e" + "x" * 10_000}).encode()
    with pytest.raises(InputError, match="The sponsor does not take it: nox+…") as told:
        sponsors.hand_in(sponsor, {})
    assert len(str(told.value)) < 300
    service.status, service.body = 202, b'{"id": "7"}'
    with pytest.raises(InputError):
        sponsors.hand_in(sponsor, {})
    service.body = b'{"id": 7}'
    assert sponsors.hand_in(sponsor, {}) == 7


def test_became__unknown_or_gone__are_told_apart(model, service):
    sponsors = Sponsors(Reader(), [service.url])
    sponsor = sponsors.of(model)
    service.status = 404
    with pytest.raises(InputError, match="does not know this contribution"):
        sponsors.became(sponsor, 7)
    service.body = b"bad gateway"
    with pytest.raises(SponsorGone):
        sponsors.became(sponsor, 7)
