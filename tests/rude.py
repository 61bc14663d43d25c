"""A server that misbehaves as nodes and providers do, in front of a node: each fault alone, and several at once."""

import gzip
import random
import threading
import time
from contextlib import contextmanager

from tests.far import Far, Handler

SENDS = "eth_sendRawTransaction"
REFUSED = {"error": {"code": -32600, "message": "too many requests in a batch"}}
TOO_FAST = {"code": -32005, "message": "rate limit exceeded"}


class Rude(Far):
    """A server whose attributes say how it misbehaves, in front of a node."""

    def __init__(self, chain, **faults):
        super().__init__(chain, 1, faults.pop("most", 10**9))
        self.RequestHandlerClass = RudeHandler
        self.rng = random.Random(1)
        self.forget = 0  # so many transactions get a hash, but never arrive
        self.send_error = None  # what is said of each transaction, though it arrives
        self.null_receipts = 0  # seconds for which a receipt is null
        self.lost = self.slow = self.limited = 0.0  # parts of answers that are lost, that are 429, and that are errors
        self.late = 0.0  # seconds that each answer takes
        self.batch = 10**9  # requests in one
        self.closes = self.chunked = self.compressed = self.shuffled = False
        self.key = ""  # without which it answers nobody
        self.hidden = ()  # methods that the node lacks
        self.first_asked, self.happened = {}, 0
        for name, value in faults.items():
            assert hasattr(self, name)
            setattr(self, name, value)

    @property
    def url(self):
        return super().url + (f"/v3/{self.key}" if self.key else "")

    def translate(self, call):
        method, parameters = call["method"], call["params"]
        if method in self.hidden:
            self.happened += 1
            return {"error": {"code": -32601, "message": f"the method {method} does not exist"}}
        if self.rng.random() < self.limited:
            self.happened += 1
            return {"error": TOO_FAST}
        if method == SENDS and self.forget:
            self.forget -= 1
            self.happened += 1
            return {"result": self.chain.rpc("web3_sha3", parameters[0])}
        if method == SENDS and self.send_error:
            self.happened += 1
            super().translate(call)
            self.chain.many([(method, parameters)])
            return {"error": {"code": -32000, "message": self.send_error}}
        if method == "eth_getTransactionReceipt":
            first = self.first_asked.setdefault(parameters[0], time.monotonic())
            if time.monotonic() - first < self.null_receipts:
                self.happened += 1
                return {"result": None}
        translated = super().translate(call)
        self.happened += method == "eth_getLogs" and isinstance(translated, dict) and "error" in translated
        return translated


class RudeHandler(Handler):
    def refuses(self):
        server = self.server
        self.lose = server.rng.random() < server.lost
        server.happened += bool(server.key or server.late)
        if server.key and self.path != f"/v3/{server.key}":
            return self.refuse(401, b'{"error": "invalid project id"}')
        if server.rng.random() < server.slow:
            return self.refuse(429, b'{"error": {"code": -32005, "message": "rate limit exceeded"}}')
        return False

    def refuse(self, status, body):
        self.server.happened += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(status)
        for name, value in (("Retry-After", "0"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        return True

    def reply(self, content):
        server = self.server
        time.sleep(server.late)
        if self.lose:
            server.happened += 1
            self.close_connection = True
            return
        if isinstance(content, list):
            if len(content) > server.batch:
                server.happened += 1
                content = REFUSED | {"id": None}
            elif server.shuffled:  # batches promise no order
                server.happened += 1
                server.rng.shuffle(content)
        if server.closes:
            server.happened += 1
            self.close_connection = True
        super().reply(content)

    def send(self, body):
        server = self.server
        server.happened += server.chunked or server.compressed
        self.send_response(200)
        if server.compressed:
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        if server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            parts = [body[begin : begin + 1_000] for begin in range(0, len(body), 1_000)]
            self.wfile.write(b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""]))
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


FAULTS = {
    "chunks": {"chunked": True},
    "compressed": {"compressed": True},
    "connections are closed": {"closes": True},
    "no batches": {"batch": 1},
    "at most three in a batch": {"batch": 3},
    "batches in another order": {"shuffled": True},
    "a key in the path": {"key": "SeCrEt"},
    "rate limit": {"slow": 0.2},
    "rate limit as an error": {"limited": 0.1},
    "answers are lost": {"lost": 0.1},
    "answers come late": {"late": 0.05},
    "receipts come late": {"null_receipts": 0.5},
    "transactions are forgotten": {"forget": 3},
    "already known": {"send_error": "already known"},
    "nonce too low": {"send_error": "nonce too low: next nonce 9, tx nonce 8"},
    "underpriced": {"send_error": "replacement transaction underpriced"},
    "ten blocks of logs": {"most": 10},
    "no newer methods": {"hidden": ("eth_simulateV1", "eth_feeHistory", "eth_maxPriorityFeePerGas")},
    "several": {
        "chunked": True,
        "compressed": True,
        "closes": True,
        "batch": 3,
        "shuffled": True,
        "key": "SeCrEt",
        "slow": 0.1,
        "lost": 0.05,
        "null_receipts": 0.2,
        "forget": 1,
        "most": 500,
    },
}
SENDING = ("receipts come late", "transactions are forgotten", "already known", "nonce too low", "underpriced")
READING = {name: faults for name, faults in FAULTS.items() if name not in SENDING}


@contextmanager
def rude(chain, **faults):
    """The server while the context lasts; at its end the fault must have happened."""
    with Rude(chain, **faults) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
    assert server.happened, "the fault never happened"
