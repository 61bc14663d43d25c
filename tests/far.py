"""A node that stretches a short chain: it claims many times as many blocks, and limits requests for logs."""

import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REFUSAL = "eth_getLogs is limited to a {most} range"


class Far(ThreadingHTTPServer):
    """Stands before a node.

    Attributes
    ----------
    by : int
        For each block of the node there are so many; the others are empty.
    most : int
        Blocks in one request for logs.
    asked : Counter
        How often each method was asked for.
    oldest : int
        The first block of which the state is known.
    """

    daemon_threads = True

    def __init__(self, chain, by, most):
        super().__init__(("127.0.0.1", 0), Handler)
        self.chain, self.by, self.most, self.oldest = chain, by, most, 0
        self.asked = Counter()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass  # the client went away

    def near(self, number):
        """A number of a block, or a tag, as the node behind knows it."""
        return hex(int(number, 16) // self.by) if str(number).startswith("0x") else number

    def translate(self, call):
        """A call for the node behind; an answer in its place where there is none for it."""
        method, parameters = call["method"], list(call["params"])
        self.asked[method] += 1
        if method == "eth_getLogs":
            query = dict(parameters[0])
            first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
            if last - first >= self.most:
                return {"error": {"code": -32614, "message": REFUSAL.format(most=self.most)}}
            first, last = -(-first // self.by), last // self.by
            if first > last:
                return {"result": []}
            parameters = [query | {"fromBlock": hex(first), "toBlock": hex(last)}]
        elif method == "eth_getBlockByNumber":
            parameters[0] = self.near(parameters[0])
        elif method in ("eth_call", "eth_getCode", "eth_getBalance"):
            if str(parameters[1]).startswith("0x") and int(parameters[1], 16) < self.oldest:
                return {"error": {"code": -32000, "message": "missing trie node"}}
            parameters[1] = self.near(parameters[1])
        return method, parameters

    def back(self, method, result):
        """What the node behind has answered, with the numbers of this one."""
        if method == "eth_blockNumber":
            return hex(int(result, 16) * self.by)
        if method == "eth_getLogs":
            return [log | {"blockNumber": hex(int(log["blockNumber"], 16) * self.by)} for log in result]
        if method == "eth_getBlockByNumber" and result is not None:
            return result | {"number": hex(int(result["number"], 16) * self.by)}
        return result


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def log_message(self, *_):
        pass

    def do_POST(self):
        server = self.server
        if self.refuses():
            return
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        calls = content if isinstance(content, list) else [content]
        translated = [server.translate(call) for call in calls]
        asked = [t for t in translated if isinstance(t, tuple)]
        bodies = [json.dumps({"jsonrpc": "2.0", "id": 0, "method": m, "params": p}).encode() for m, p in asked]
        results = iter(server.chain.raw(bodies))
        answers = []
        for call, t in zip(calls, translated, strict=True):
            answer = t if isinstance(t, dict) else json.loads(next(results))
            if "result" in answer and isinstance(t, tuple):
                answer["result"] = server.back(t[0], answer["result"])
            answers.append(answer | {"jsonrpc": "2.0", "id": call["id"]})
        self.reply(answers if isinstance(content, list) else answers[0])

    def refuses(self):
        """Whether it answers before it has read anything."""
        return False

    def reply(self, content):
        """Answer one request, or a list of them."""
        self.send(json.dumps(content).encode())

    def send(self, body):
        """Send an answer's bytes."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def far(chain, by, most=2_000):
    """The server while the context lasts."""
    with Far(chain, by, most) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
