"""Sees every call to the project's contracts on Ape's chain: transactions, calls by contracts, views.

Ape's own tracker knows only what goes through Ape, and traces every step. Here transactions are read from the node's
memory of calls (`trace_block`) before they are undone, and a view is asked for a second time, with its calls, in the
same state. Contracts are told by their code, so clones and raw calls have names too. In `tests.evm` it sees the calls
that tests make, not those by contracts, and no gas.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_abi import decode
from eth_utils import keccak

from comodels.chain.local import Chain
from tests.evm import Evm, Outcome

ERROR = keccak(text="Error(string)")[:4].hex()
CLONE = "0x363d3d373d3d3d363d73"  # EIP-1167; the implementation's address follows
LIMIT = 30_000_000  # gas of a view that names none
TESTING = "contracts/testing/"  # harnesses and mocks


@dataclass
class Seen:
    """What was called.

    Attributes
    ----------
    gas : dict
        By contract and function (``__new__`` is the constructor), the gas of each call that succeeded, in execution:
        without the 21,000 of a transaction and its calldata, with the calls that it made.
    reasons : dict
        By contract, the reasons with which its calls reverted.
    inside : dict
        By contract, the functions of which a call succeeded in `tests.evm`.
    """

    gas: dict[str, dict[str, list[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    reasons: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    inside: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(
        self, gas: dict[str, dict[str, list[int]]], reasons: dict[str, list[str]], inside: dict[str, list[str]]
    ) -> None:
        for contract, functions in gas.items():
            for function, figures in functions.items():
                self.gas[contract][function] += figures
        for contract, texts in reasons.items():
            self.reasons[contract].update(texts)
        for contract, names in inside.items():
            self.inside[contract].update(names)

    def plain(self) -> tuple[dict[str, dict[str, list[int]]], dict[str, list[str]], dict[str, list[str]]]:
        """As `add` takes it, in types that another process can be sent."""
        gas = {contract: dict(functions) for contract, functions in self.gas.items()}
        reasons, inside = (
            {contract: sorted(found) for contract, found in each.items()} for each in (self.reasons, self.inside)
        )
        return gas, reasons, inside


@dataclass(frozen=True)
class Call:
    """One call of a trace; `gas` is ``None`` where the trace does not tell it, `new` where it created `address`.

    Where creating failed, the address is the code that was to run.
    """

    address: str
    selector: str
    gas: int | None
    error: str | None
    new: bool = False


class Watch:
    """Collects calls while it is on.

    Parameters
    ----------
    contract_types : iterable of ContractType
        The project's contracts.
    """

    def __init__(self, contract_types: Iterable[Any]):
        kinds = [t for t in contract_types if t.runtime_bytecode and not t.source_id.startswith(TESTING)]
        self.functions = {
            t.name: {keccak(text=m.selector)[:4].hex(): m.name for m in (*t.view_methods, *t.mutable_methods)}
            for t in kinds
        }
        # longest first: a contract's code is this and its immutables
        self._codes = sorted(((str(t.runtime_bytecode.bytecode), t.name) for t in kinds), key=lambda c: -len(c[0]))
        self._kinds: dict[str, str | None] = {}  # by code
        self._constructors = [(str(t.deployment_bytecode.bytecode), t.name) for t in kinds]
        self.seen = Seen()
        self._views: list[Call] = []
        self._height = 0  # the last block that was read
        self._chain: Chain | None = None
        self._undo: list[tuple[type, str, Any]] = []

    # ---- what goes to the node ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """See everything from now on that Ape and `Chain` send to Ape's chain, if there is one, and what is in `Evm`.

        Tests have other chains too; what is sent there is not seen.
        """
        Evm.told = self._inside
        from ape.utils.basemodel import ManagerAccessMixin
        from web3 import HTTPProvider

        provider = ManagerAccessMixin.network_manager.active_provider
        if provider is None:
            return
        ours = self._chain = Chain(provider.uri)
        raw, make_request = Chain.raw, HTTPProvider.make_request

        def watched_raw(chain: Chain, bodies: Sequence[bytes]) -> list[bytes]:
            if chain.url != ours.url:
                return raw(chain, bodies)
            parts: list[bytes] = []
            traces = set()
            undone = any(b'"evm_revert"' in body[:100] for body in bodies)
            if undone:
                self.read()
            for body in bodies:
                if b'"eth_call"' in body[:100]:
                    traces.add(len(parts))
                    parts.append(_trace_body(json.loads(body)["params"]))
                parts.append(body)
            answers = raw(chain, parts)
            if undone:
                self._height = self._block_number()
            for i in traces:
                self._view(json.loads(parts[i])["params"], json.loads(answers[i]))
            return [answer for i, answer in enumerate(answers) if i not in traces]

        def watched_request(provider: HTTPProvider, rpc: Any, parameters: Any) -> Any:
            if provider.endpoint_uri == ours.url:
                if rpc == "evm_revert":
                    self.read()
                    result = make_request(provider, rpc, parameters)
                    self._height = self._block_number()
                    return result
                if rpc in ("eth_call", "eth_estimateGas"):
                    body = _trace_body(list(parameters))
                    answer = json.loads(raw(ours, [body])[0])
                    # An estimate that succeeds comes before its transaction, which is read later.
                    if rpc == "eth_call" or answer.get("result", {}).get("error"):
                        self._view(json.loads(body)["params"], answer)
            return make_request(provider, rpc, parameters)

        self._raw = raw
        self._undo = [(Chain, "raw", raw), (HTTPProvider, "make_request", make_request)]
        Chain.raw, HTTPProvider.make_request = watched_raw, watched_request

    def stop(self) -> None:
        """Read what is left, and see nothing more."""
        if self._chain is not None:
            self.read()
        for owner, name, function in self._undo:
            setattr(owner, name, function)
        Evm.told = None

    def _inside(self, evm: Evm, to: str, data: bytes, outcome: Outcome) -> None:
        """Note a call in an EVM of a test."""
        code = "0x" + evm.code(to).hex()
        if code.startswith(CLONE):
            code = "0x" + evm.code("0x" + code[22:62]).hex()
        kind = self._kind(code)
        if kind is None:
            return
        if not outcome.ok:
            if outcome.output[:4].hex() == ERROR:
                self.seen.reasons[kind].add(outcome.reason)
        elif function := self.functions[kind].get(data[:4].hex()):
            self.seen.inside[kind].add(function)

    def _ask(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of requests, unseen."""
        bodies = [json.dumps({"jsonrpc": "2.0", "id": 0, "method": m, "params": p}).encode() for m, p in calls]
        return [json.loads(answer)["result"] for answer in self._raw(self._chain, bodies)]

    def _block_number(self) -> int:
        return int(self._ask([("eth_blockNumber", [])])[0], 16)

    def _view(self, parameters: list[Any], answer: dict[str, Any]) -> None:
        """Note the calls of a view that `parameters` traced; none where the node refused to begin."""
        frame = answer.get("result")
        if frame is None:
            return
        used, data = int(frame["gasUsed"], 16), bytes.fromhex(frame["input"][2:])
        gas: int | None = used - (int(parameters[0]["gas"], 16) - int(frame["gas"], 16))  # without 21,000 and calldata
        if used <= 21_000 + 10 * (4 * len(data) - 3 * data.count(0)):
            # So much a transaction pays for its data at least (EIP-7623): it hides what little was executed.
            options = {k: v for k, v in parameters[2].items() if k != "tracer"}
            quiet = {"disableStack": True, "disableMemory": True, "disableStorage": True}
            steps = self._ask([("debug_traceCall", [*parameters[:2], options | quiet])])[0]["structLogs"]
            gas = steps[0]["gas"] - steps[-1]["gas"] + steps[-1]["gasCost"] if steps else None
        self._views += _frames(frame | {"gasUsed": None if gas is None else hex(gas)})

    # ---- what it means -----------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Take in what happened since the last time; to be called before blocks are undone."""
        height = self._block_number()
        blocks = self._ask([("trace_block", [hex(number)]) for number in range(self._height + 1, height + 1)])
        calls = [call for block in blocks for call in _block(block)] + self._views
        self._height, self._views = height, []
        addresses = sorted({call.address for call in calls if not (call.new and call.error)})
        codes = self._ask([("eth_getCode", [address, "latest"]) for address in addresses])
        implementations = {code[22:62] for code in codes if code.startswith(CLONE)}
        known = self._ask([("eth_getCode", ["0x" + address, "latest"]) for address in sorted(implementations)])
        clones = dict(zip(sorted(implementations), map(self._kind, known), strict=True))
        kinds = {
            address: clones[code[22:62]] if code.startswith(CLONE) else self._kind(code)
            for address, code in zip(addresses, codes, strict=True)
        }
        cloned = {address for address, code in zip(addresses, codes, strict=True) if code.startswith(CLONE)}
        for call in calls:
            if call.new and call.error:
                kind = next((name for code, name in self._constructors if call.address.startswith(code)), None)
            else:
                kind = kinds[call.address]
            if kind is None:
                continue
            if call.error is not None:
                if call.error[2:10] == ERROR:
                    self.seen.reasons[kind].add(decode(["string"], bytes.fromhex(call.error[10:]))[0])
                continue
            function = "__new__" if call.new else self.functions[kind].get(call.selector)
            if function is not None and call.gas is not None and not (call.new and call.address in cloned):
                self.seen.gas[kind][function].append(call.gas)

    def _kind(self, code: str) -> str | None:
        if code not in self._kinds:
            self._kinds[code] = next((name for start, name in self._codes if code.startswith(start)), None)
        return self._kinds[code]


def _block(traces: list[dict]) -> Iterator[Call]:
    """The calls of a block, from the node's flat traces."""
    for trace in traces:
        action, result, error = trace["action"], trace.get("result") or {}, trace.get("error")
        output = (result.get("output") or "0x") if error else None
        gas = int(result.get("gasUsed", "0x0"), 16)
        if trace["type"] == "call" and action["callType"] != "delegatecall":
            yield Call(action["to"], action["input"][2:10], gas, output)
        elif trace["type"] == "create":
            yield Call(action["init"] if error else result["address"], "", gas, output, new=True)


def _trace_body(parameters: list[Any]) -> bytes:
    """The request that traces the calls of what `eth_call` or `eth_estimateGas` are asked with these parameters."""
    call, block, overrides, times = (*parameters, *["latest", {}, {}][len(parameters) - 1 :])
    options = {"tracer": "callTracer", "stateOverrides": overrides, "blockOverrides": times}
    params = [{"gas": hex(LIMIT)} | call, block, options]
    return json.dumps({"jsonrpc": "2.0", "id": 0, "method": "debug_traceCall", "params": params}).encode()


def _frames(frame: dict[str, Any]) -> Iterator[Call]:
    if frame["type"] in ("CALL", "STATICCALL") and frame.get("to"):
        gas = None if frame["gasUsed"] is None else int(frame["gasUsed"], 16)
        error = (frame.get("output") or "0x") if frame.get("error") else None
        yield Call(frame["to"], frame["input"][2:10], gas, error)
    elif frame["type"] in ("CREATE", "CREATE2") and frame.get("error"):
        yield Call(frame["input"], "", None, frame.get("output") or "0x", new=True)
    for inner in frame.get("calls", ()):
        yield from _frames(inner)
