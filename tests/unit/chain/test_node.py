"""The client against a server that misbehaves as providers do."""

import gzip
import json
import logging
import threading
import traceback
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from eth_abi import encode
from urllib3.util.retry import Retry

from comodels.chain.abi import ERROR, Call
from comodels.chain.node import Node, RpcError, Unreachable

QUICK = Retry(total=4, backoff_factor=0.001)
REFUSED = {"code": 3, "message": "execution reverted", "data": "0x" + (ERROR + encode(["string"], ["no"])).hex()}


class Server(ThreadingHTTPServer):
    """Answers ``echo`` with its parameters. Its attributes say how it misbehaves; a number wears off."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = Counter()
        self.sizes, self.waited = [], []
        self.most = 1_000  # calls in a batch
        self.lost = self.busy = self.slow_down = 0  # answers lost, HTTP 429, rate limits as JSON errors
        self.chunked = self.compressed = self.broken = False
        self.path = "/"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{self.path}"

    def handle_error(self, request, client_address):
        pass  # the client went away


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one piece: the system would hold back the second for 40 ms

    def log_message(self, *_):
        pass

    def do_POST(self):
        server = self.server
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        calls = content if isinstance(content, list) else [content]
        server.asked.update(call["method"] for call in calls)
        server.sizes.append(len(calls))
        if self.path != server.path:
            return self.answer({"error": "invalid project id"}, 401)
        if server.broken:
            return self.answer(b"<html>Bad gateway</html>", 404)
        if server.lost:
            server.lost -= 1
            self.close_connection = True
            return None
        if server.busy:
            server.busy -= 1
            return self.answer({"error": {"code": -32005, "message": "rate limit exceeded"}}, 429)
        if isinstance(content, list) and len(calls) > server.most:
            return self.answer(
                {
                    "id": None,
                    "error": {"code": -32600, "message": f"too many requests in a batch: at most {server.most}"},
                }
            )
        answers = [self.one(call) for call in calls]
        return self.answer(answers[::-1] if isinstance(content, list) else answers[0])  # batches promise no order

    def one(self, call):
        server = self.server
        answer = {"jsonrpc": "2.0", "id": call["id"]}
        if server.slow_down:
            server.slow_down -= 1
            return answer | {"error": {"code": -32016, "message": "Your app has exceeded its compute units per second"}}
        if call["method"] == "refuse":
            return answer | {"error": REFUSED}
        return answer | {"result": call["params"]}

    def answer(self, content, status=200):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "0")
        if self.server.compressed:
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for begin in range(0, len(body), 7):
                part = body[begin : begin + 7]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def node(server):
    return Node(server.url, patience=QUICK)


def echoes(count):
    return [("echo", [i]) for i in range(count)], [[i] for i in range(count)]


def test_many__batches_answered_in_another_order__results_in_ours(server, node):
    calls, expected = echoes(600)
    assert node.many(calls) == expected
    assert server.sizes == [250, 250, 100]


@pytest.mark.parametrize(("chunked", "compressed"), [(True, False), (False, True), (True, True)])
def test_many__answers_in_chunks_or_compressed__read(server, node, chunked, compressed):
    server.chunked, server.compressed = chunked, compressed
    calls, expected = echoes(30)
    assert node.many(calls) == expected


@pytest.mark.parametrize(("most", "sizes"), [(1, {250, 3, 1}), (3, {250, 3})])
def test_many__node_takes_few_in_a_batch__asked_in_smaller_ones_from_then_on(server, node, most, sizes):
    server.most = most
    calls, expected = echoes(301)
    assert node.many(calls) == expected
    assert set(server.sizes) <= sizes | {1}
    server.sizes.clear()
    assert node.many(calls) == expected
    assert max(server.sizes) == most


def test_many__some_refused__error_in_their_place_with_the_reason(node):
    first, refused, last = node.many([("echo", [1]), ("refuse", []), ("echo", [2])])
    assert (first, last) == ([1], [2])
    assert isinstance(refused, RpcError)
    assert (refused.reason, str(refused), refused.code) == ("no", "no", 3)
    with pytest.raises(RpcError, match="^no$"):
        node.rpc("refuse")


@pytest.mark.parametrize("fault", ["lost", "busy", "slow_down"])
def test_many__for_a_while_no_answer__asked_again(server, node, fault):
    setattr(server, fault, 3)
    calls, expected = echoes(20)
    assert node.many(calls) == expected
    assert getattr(server, fault) == 0


def test_many__rate_limit_for_two_of_many__only_these_are_asked_again(server, node):
    server.slow_down = 2
    calls, expected = echoes(20)
    assert node.many(calls) == expected
    assert server.sizes == [20, 2]


def test_many__busy_without_end__says_what_to_do(server, node):
    server.busy = 100
    with pytest.raises(Unreachable, match=r"too busy \(HTTP 429\): wait"):
        node.rpc("echo")
    assert server.asked["echo"] == QUICK.total + 1


@pytest.mark.parametrize("method", ["eth_sendTransaction", "eth_sendRawTransaction", "evm_mine", "anvil_setBalance"])
def test_rpc__answer_to_an_action_is_lost__not_done_twice(server, node, method):
    server.lost = 1
    with pytest.raises(Unreachable):
        node.rpc(method)
    assert server.asked[method] == 1


def test_rpc__action_refused_as_too_many_requests__sent_again(server, node):
    server.busy = 2
    assert node.rpc("eth_sendRawTransaction", "0x00") == ["0x00"]


def test_rpc__no_chain_there__unreachable(server, node):
    server.broken = True
    with pytest.raises(Unreachable, match=r"^what answers at http://127\.0\.0\.1:\d+ is no chain \(HTTP 404\)$"):
        node.rpc("echo")


@pytest.mark.parametrize("fault", ["lost", "busy", "broken", "wrong key", "nobody"])
def test_rpc__key_in_the_url__in_no_message_and_no_log(server, fault, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    server.path = "/v3/SECRET?token=SECRET"
    url = server.url
    if fault == "wrong key":
        server.path = "/v3/OTHER"
    elif fault == "nobody":
        url = "http://127.0.0.1:9/v3/SECRET?token=SECRET"
    else:
        setattr(server, fault, 100)
    node = Node(url, patience=QUICK)
    with pytest.raises(Unreachable) as info:
        node.rpc("echo")
    shown = "".join(traceback.format_exception(info.value)) + repr(node) + caplog.text + "".join(capfd.readouterr())
    assert "127.0.0.1" in shown
    assert "SECRET" not in shown


def test_node__address_of_another_kind__refused_without_the_key():
    with pytest.raises(Unreachable, match=r"^wss://node\.example: a node's address begins with"):
        Node("wss://node.example/SECRET")


def test_views__nothing_or_nonsense_comes_back__error_in_its_place(server, node, monkeypatch):
    to = "0x" + "1" * 40
    monkeypatch.setattr(node, "many", lambda calls: ["0x", "0x12", "0x" + f"{7:064x}", RpcError("gone")])
    empty, nonsense, good, failed = node.views([Call(to, "version()(uint256)")] * 4)
    assert [str(e) for e in (empty, nonsense, failed)] == [
        f"{to} does not answer",
        f"{to} did not answer version()(uint256) as expected",
        "gone",
    ]
    assert good == 7
