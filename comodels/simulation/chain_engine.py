"""The engine on a chain: what the twins decided, done again with the real contracts, and compared.

The people of a simulation decide from what everybody can see: the required deposit, the model's prediction, records.
To ask a chain for each of these would be slow, so they are asked of the twins, and the contracts on a local anvil get
the same transactions, in the same order, at the same seconds. At every point of the curve the chain is asked for the
accuracy (the model's own `evaluate` on all test rows), each account's balance and what the incentive holds, at the end
for the whole state. Any difference, and any transaction that succeeds on one side only, is an error.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from eth_abi import encode
from eth_utils import to_checksum_address

from comodels.artifacts import NEEDS, artifact
from comodels.chain.abi import Transaction
from comodels.chain.contract import ContractAt
from comodels.chain.local import Chain, light_chain
from comodels.chain.node import RpcError, all_of
from comodels.published import batches, words_of
from comodels.simulation.compare import Mismatch, same
from comodels.simulation.engine import Point, Result
from comodels.simulation.world import START, Action
from comodels.wire import pack_card

GAS = hex(16_000_000)
LOAD = 500  # words of a model in one transaction
PART = 1_000  # actions that are sent before the answers are looked at
RECEIPTS = 200  # that are asked for in one request
ROWS = 8_000  # bytes of test rows in one call of `evaluate`

# what is read of an answer; to parse all of it would take longer than the chain takes
HASH = re.compile(rb'"result":"(0x[0-9a-f]{64})"')
STATUS = re.compile(rb'"status":"0x([01])"')
GAS_USED = re.compile(rb'"gasUsed":"(0x[0-9a-f]+)"')


@contextmanager
def anvil() -> Iterator[Chain]:
    """A chain of its own on a free port, empty, at the simulation's start; it ends with the `with` block."""
    options = ["--accounts", "1", "--prune-history"]
    options += ["--timestamp", str(START - 3_600), "--no-mining", "--order", "fifo", "--disable-block-gas-limit"]
    options += ["--auto-impersonate", "--disable-min-priority-fee", "--no-request-size-limit"]
    options += ["--disable-pool-balance-checks"]  # a refund pays for a deposit in the same block
    with light_chain(*options, below=["--timestamp", str(START - 7_200)]) as chain:
        yield chain


@dataclass
class Report:
    """What the chain did.

    Attributes
    ----------
    seconds : float
        From the first action to the last answer.
    gas : dict of (int, int)
        By function: how often it succeeded, and gas of all these.
    curve : list of Point
        As the chain says it.
    """

    actions: int
    contributions: int
    seconds: float
    gas: dict[str, tuple[int, int]] = field(default_factory=dict)
    curve: list[Point] = field(default_factory=list)


def replay(result: Result, progress: Callable[[Point], None] | None = None) -> Report:
    """Do a whole run again on a chain of its own. Raises `Mismatch` at the first difference."""
    with anvil() as chain:
        return Replay(chain, result).run(progress)


class Replay:
    """One run that is done again on a chain.

    Parameters
    ----------
    chain : Chain
        An anvil as `anvil` starts it.
    result : Result
        The run on the twins.

    Attributes
    ----------
    model, incentive : ContractAt
    """

    keeper = to_checksum_address("0x" + "ee" * 20)
    model: ContractAt
    incentive: ContractAt

    def __init__(self, chain: Chain, result: Result):
        self.chain = chain
        self.result = result
        self.desk = result.world.desk
        self.gas: dict[str, list[int]] = {}
        self._nonces: dict[str, int] = {}
        self._rows = batches([(x, y) for y, x in result.problem.test.rows], ROWS)

    def run(self, progress: Callable[[Point], None] | None = None) -> Report:
        result = self.result
        self.deploy()
        actions = result.world.actions
        curve = [self._check(result.curve[0], self.chain.many(self._questions(True)))]
        begin = time.perf_counter()
        self.desk.begin_on_chain(self)
        done = 0
        for point in result.curve[1:]:
            while point.actions - done > PART:
                self._send(actions[done : done + PART], [])
                done += PART
            learnt = point.version != curve[-1].version
            if point is result.curve[-1]:
                self._send(actions[done : point.actions], [])
                done = point.actions
                self.desk.finish_on_chain(self, START + point.time)
            answers = self._send(actions[done : point.actions], self._questions(learnt))
            done = point.actions
            curve.append(self._check(point, answers, None if learnt else curve[-1].errors))
            if progress:
                progress(curve[-1])
        seconds = time.perf_counter() - begin
        self._check_state()
        gas = {name: (count, total) for name, (count, total) in sorted(self.gas.items())}
        return Report(len(actions), len(result.world.entries), seconds, gas, curve)

    # ---- deploying ---------------------------------------------------------------------------------------------------

    def deploy(self) -> None:
        """Incentive, implementation and model, with the words with which the twin began; and everybody's balance."""
        result = self.result
        twin = result.world.model
        rich = hex(10**30)
        calls = [("anvil_setBalance", [a, hex(b)]) for a, b in result.start_balances.items()]
        self.ask([*calls, ("anvil_setBalance", [self.keeper, rich])])
        self.incentive = self._create(self.desk.KIND)
        implementation = self._create(twin.KIND)
        words = result.published
        names = [name[:50] for name in result.problem.class_names]
        card = pack_card("simulated", "", result.problem.spec[:255], names)
        arguments = (
            self.desk.owner,
            self.incentive.address,
            self.desk.pack_terms(),
            twin.parameters.pack(),
            card,
            words[:LOAD],
            len(words) <= LOAD,
            bytes(32),
        )
        self.ask([("evm_setNextBlockTimestamp", [START])])
        (address,) = implementation.call_many("create", [arguments], self.keeper, "pending")
        self.model = ContractAt(self.chain, to_checksum_address(address), implementation.abi)
        self.act(implementation, self.keeper, "create", *arguments, time=START)
        for start in range(LOAD, len(words), LOAD):
            self.act(self.model, self.desk.owner, "load", start, words[start : start + LOAD], time=START)
        if len(words) > LOAD:
            self.act(self.model, self.desk.owner, "seal", time=START)

    def _create(self, name: str) -> ContractAt:
        needed = [[self._create(n).address for n in NEEDS[name]]] if name in NEEDS else []
        code, arguments = artifact(name).code, encode(["address[]"], needed) if needed else b""
        receipt = self.transact(self.keeper, None, code + arguments)
        return ContractAt(self.chain, to_checksum_address(receipt["contractAddress"]), artifact(name).abi)

    def act(self, contract: ContractAt, sender: str, function: str, *arguments: Any, time: int, value: int = 0) -> None:
        """Call a function in a transaction in a block of its own. Raises `Mismatch` if it reverts."""
        self.transact(sender, contract.address, contract.data(function, *arguments), time, value)

    def transact(self, sender: str, to: str | None, data: bytes, time: int | None = None, value: int = 0) -> dict:
        """One transaction in a block of its own; returns its receipt. Raises `Mismatch` if it reverts."""
        fields = {
            "from": sender,
            "data": "0x" + data.hex(),
            "gas": GAS,
            "gasPrice": "0x0",
            "nonce": hex(self._nonce(sender)),
        }
        if to:
            fields["to"] = to
        if value:
            fields["value"] = hex(value)
        mine = ("evm_mine", [] if time is None else [{"timestamp": time}])
        number, _ = self.ask([("eth_sendTransaction", [fields]), mine])
        receipt = self.chain.rpc("eth_getTransactionReceipt", number)
        if receipt is None or receipt["status"] != "0x1":
            why = self.chain.why(Transaction(sender, to, data, value))
            raise Mismatch(f"the chain refused 0x{data[:4].hex()} of {sender}, which the twin accepted: {why}")
        return receipt

    def act_many(self, sender: str, calls: Sequence[tuple[str, tuple]], time: int) -> None:
        """Calls of one sender to the incentive, in one block. Raises `Mismatch` if one reverts."""
        fields = {"from": sender, "to": self.incentive.address, "gas": GAS, "gasPrice": "0x0"}
        sends = []
        for function, arguments in calls:
            data = "0x" + self.incentive.data(function, *arguments).hex()
            sends.append(("eth_sendTransaction", [fields | {"data": data, "nonce": hex(self._nonce(sender))}]))
        *hashes, _ = self.ask([*sends, ("evm_mine", [{"timestamp": time}])])
        for (function, _), receipt in zip(
            calls, self.ask([("eth_getTransactionReceipt", [h]) for h in hashes]), strict=True
        ):
            if receipt is None or receipt["status"] != "0x1":
                raise Mismatch(f"the chain refused {function} of {sender}, which the twin accepted")

    # ---- acting ------------------------------------------------------------------------------------------------------

    def _nonce(self, sender: str) -> int:
        nonce = self._nonces.get(sender, 0)
        self._nonces[sender] = nonce + 1
        return nonce

    def ask(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        return all_of(self.chain.many(calls))

    def _send(self, actions: Sequence[Action], questions: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Actions in order, those of the same second in one block; returns the answers to the questions after them."""
        bodies: list[bytes] = []
        sent: list[int] = []
        incentive, nonces = self.incentive.address, self._nonces
        for position, action in enumerate(actions):
            sender = action.sender
            nonce = nonces.get(sender, 0)
            nonces[sender] = nonce + 1
            sent.append(len(bodies))
            data = self._action_data(action)
            # by hand, because the general way takes as long as the chain; all of it is hexadecimal
            fields = (
                f'"gasPrice":"0x0","gas":"{GAS}","from":"{sender}","to":"{incentive}","nonce":"{nonce:#x}",'
                f'"value":"{action.value:#x}","data":"{data}"'
            )
            bodies.append(b'{"jsonrpc":"2.0","id":0,"method":"eth_sendTransaction","params":[{%b}]}' % fields.encode())
            if position + 1 == len(actions) or actions[position + 1].time != action.time:
                bodies.append(b'{"jsonrpc":"2.0","id":0,"method":"evm_mine","params":[{"timestamp":%d}]}' % action.time)
        asked = [
            json.dumps({"jsonrpc": "2.0", "id": 0, "method": method, "params": parameters}).encode()
            for method, parameters in questions
        ]
        answers = self.chain.raw(bodies + asked)
        found = [HASH.search(answers[i]) for i in sent]
        hashes = [match[1] for match in found if match]
        if len(hashes) < len(found):
            raise RpcError(f"the chain did not take a transaction: {answers[sent[found.index(None)]].decode()}")
        for action, (succeeded, used) in zip(actions, self._receipts(hashes), strict=True):
            if succeeded != action.succeeds:
                what = "was refused" if action.succeeds else "went through"
                raise Mismatch(
                    f"{action.function} of {action.sender} at second {action.time - START} {what} on the chain, "
                    f"but {'was accepted' if action.succeeds else 'was refused'} by the twin"
                )
            if action.succeeds:
                gas = self.gas.setdefault(action.function, [0, 0])
                gas[0] += 1
                gas[1] += used
        return [Chain.result_of(json.loads(answer)) for answer in answers[len(bodies) :]]

    def _receipts(self, hashes: Sequence[bytes]) -> Iterator[tuple[bool, int]]:
        """Whether each transaction succeeded, and its gas; many receipts are asked for at once."""
        ask = b'{"jsonrpc":"2.0","id":0,"method":"eth_getTransactionReceipt","params":["%b"]}'
        parts = [hashes[begin : begin + RECEIPTS] for begin in range(0, len(hashes), RECEIPTS)]
        answers = self.chain.raw([b"[%b]" % b",".join([ask % name for name in part]) for part in parts])
        for part, answer in zip(parts, answers, strict=True):
            states, gas = STATUS.findall(answer), GAS_USED.findall(answer)
            if not len(states) == len(gas) == len(part):
                raise RpcError(f"{len(part) - len(states)} of {len(part)} transactions were not mined")
            yield from ((state == b"1", int(used, 16)) for state, used in zip(states, gas, strict=True))

    def _action_data(self, action: Action) -> str:
        """Calldata in hexadecimal, by hand: the general encoder is many times slower."""
        function, values = self.incentive.function(action.function), (self.model.address, *action.arguments)
        head, tail = [], b""
        for kind, value in zip(function.arguments, values, strict=True):
            if kind == "bytes":
                head.append((32 * len(values) + len(tail)).to_bytes(32, "big"))
                tail += len(value).to_bytes(32, "big") + value + bytes(-len(value) % 32)
            elif kind == "address":
                head.append(bytes(12) + bytes.fromhex(value[2:]))
            else:
                head.append(int(value).to_bytes(32, "big"))
        return "0x" + (function.selector + b"".join(head) + tail).hex()

    # ---- comparing ---------------------------------------------------------------------------------------------------

    def _questions(self, learnt: bool) -> list[tuple[str, Sequence[Any]]]:
        """The model's version; the incentive's and each account's balance; if it learnt, its errors on the rows."""
        questions: list[tuple[str, Sequence[Any]]] = [self._view("version")]
        for account in (self.incentive.address, *self.result.start_balances):
            questions.append(("eth_getBalance", [account, "latest"]))
        return questions + [self._view("evaluate", rows) for rows in (self._rows if learnt else ())]

    def _view(self, function: str, *arguments: Any) -> tuple[str, list]:
        data = "0x" + self.model.data(function, *arguments).hex()
        return "eth_call", [{"to": self.model.address, "data": data, "gas": hex(10**9)}, "latest"]

    def _check(self, expected: Point, answers: Sequence[Any], errors: int | None = None) -> Point:
        values = [int(answer, 16) for answer in all_of(answers)]
        accounts = self.result.start_balances
        version, held = values[:2]
        wei = dict(zip(accounts, values[2 : 2 + len(accounts)], strict=True))
        if errors is None:
            errors = sum(values[2 + len(accounts) :])
        balances = {a.settings.name: sum(wei[c] for c in a.accounts) for a in self.result.agents}
        day = f"on day {expected.time / 86_400:.2f}"
        same(f"the model's version {day}", version, expected.version)
        same(f"wrong test rows {day}", errors, expected.errors)
        for name, amount in balances.items():
            same(f"wei of {name} {day}", amount, expected.balances[name])
        same(f"wei that the incentive holds {day}", held, expected.held)
        return replace(expected, version=version, errors=errors, balances=balances, held=held)

    def _check_state(self) -> None:
        """Every account, every word of the model, and the incentive's statistics, at the end."""
        world = self.result.world
        accounts = list(self.result.start_balances)
        for account, answer in zip(
            accounts, self.ask([("eth_getBalance", [a, "latest"]) for a in accounts]), strict=True
        ):
            same(f"wei of the account {account}", int(answer, 16), world.balances[account])
        twin = world.model
        same("the model's version", self.model.call("version"), twin.version)
        expected = twin.words()
        same("the model's number of words", self.model.call("word_count"), len(expected))
        for i, (word, wanted) in enumerate(zip(words_of(self.model, len(expected)), expected, strict=True)):
            same(f"word {i} of the model", hex(word), hex(wanted))
        self.desk.check_chain(self)

    def ask_incentive(self, function: str, *arguments: Any) -> Any:
        """What a view function of the incentive returns for the model."""
        return self.incentive.call(function, self.model.address, *arguments)
