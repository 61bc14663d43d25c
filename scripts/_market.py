"""A provider's test set, kept in one file that survives a crash, and what drives a market with it."""

import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from eth_utils import keccak, to_checksum_address
from requests.exceptions import RequestException

from simulation.chain import RpcError, Unreachable
from simulation.merkle import MerkleTree
from simulation.prediction_market import LEAF_TYPES, MAX_PORTION, Plan, market_id, portion_leaf
from simulation.rows import iterate_rows, pack_rows

MAX_GAS = 2**24  # of a transaction (EIP-7825)
SPARE_PORTION_GAS = 14_000_000  # what evaluating a portion may take, so that it can be revealed in one transaction
TRIES = 3  # how often `run` tries a step again that is refused
POLL = 2.0  # seconds between looks at a transaction that is not mined yet


UNREACHABLE = (Unreachable, RequestException, ConnectionError)


class SecretError(ValueError):
    """The file with the test set is missing, broken, or does not fit."""


class StepRefused(Exception):
    """A transaction reverted, or would; the text says why."""


class TooMuchGas(StepRefused):
    """A step does not fit in one transaction."""


@dataclass
class Secret:
    """All that only the provider knows until the end of a market.

    Attributes
    ----------
    contract, model : str
        Addresses.
    market : int
        The id that the market has, or will have.
    portions : list of bytes
        Rows of each portion, as `evaluate` takes them.
    salts : list of bytes
        32 bytes for each portion.
    source : str
        What `fingerprint` says of the rows that the portions were cut from.
    transactions : list of dict
        What was signed for this market, noted before it was sent: ``{"what": "reveal 3", "hash": "0x…"}``.

    The file has two parts. Its first line is the test set, as JSON, with the tree as OpenZeppelin's library dumps it:
    written before the commitment is sent, and never changed. Each line after it is a transaction.
    """

    chain_id: int
    contract: str
    model: str
    market: int
    provider: str
    plan: Plan
    portions: list[bytes]
    salts: list[bytes]
    source: str = ""
    transactions: list[dict] = field(default_factory=list)

    @classmethod
    def new(cls, portions: Sequence[bytes], **fields) -> "Secret":
        """With fresh random salts."""
        return cls(portions=list(portions), salts=[secrets.token_bytes(32) for _ in portions], **fields)

    @cached_property
    def tree(self) -> MerkleTree:
        return MerkleTree([self.leaf(i) for i in range(len(self.portions))])

    def leaf(self, index: int) -> bytes:
        return portion_leaf(self.chain_id, self.contract, self.market, index, self.salts[index], self.portions[index])

    def reveal_arguments(self, index: int) -> tuple:
        """Arguments of the contract's `reveal`."""
        return self.market, index, self.salts[index], self.portions[index], self.tree.proof(index)

    @property
    def dump(self) -> dict:
        """The tree as `StandardMerkleTree.load` of @openzeppelin/merkle-tree reads it."""
        fields = self.chain_id, self.contract, self.market
        return {
            "format": "standard-v1",
            "leafEncoding": list(LEAF_TYPES),
            "tree": ["0x" + node.hex() for node in self.tree.nodes],
            "values": [
                {
                    "value": [*map(str, fields), str(i), "0x" + salt.hex(), "0x" + keccak(rows).hex()],
                    "treeIndex": self.tree.position(i),
                }
                for i, (salt, rows) in enumerate(zip(self.salts, self.portions, strict=True))
            ],
        }

    # ---- the file ----------------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write it such that at any moment either the old or the new content is on the disk, whole."""
        content = {
            "warning": "Who reads this file knows the test set. Who loses it loses bounty and bond.",
            "chain_id": self.chain_id,
            "contract": self.contract,
            "model": self.model,
            "market": hex(self.market),
            "provider": self.provider,
            "plan": self.plan.__dict__,
            "source": self.source,
            "portions": [
                {"salt": "0x" + salt.hex(), "rows": "0x" + rows.hex()}
                for salt, rows in zip(self.salts, self.portions, strict=True)
            ],
            "tree": self.dump,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for line in (content, *self.transactions):
                file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @classmethod
    def load(cls, path: Path) -> "Secret":
        """Read it, and check that it still gives the root that was committed to."""
        if not path.is_file():
            raise SecretError(f"{path}: there is no such file. It was written by `ape run market commit`.")
        try:
            first, *rest = path.read_text(encoding="utf-8").split("\n")
            content = json.loads(first)
            secret = cls(
                chain_id=content["chain_id"],
                contract=content["contract"],
                model=content["model"],
                market=int(content["market"], 16),
                provider=content["provider"],
                plan=Plan(**content["plan"]),
                source=content["source"],
                portions=[bytes.fromhex(p["rows"][2:]) for p in content["portions"]],
                salts=[bytes.fromhex(p["salt"][2:]) for p in content["portions"]],
                # what follows the last end of a line is empty, or was cut off by a crash before it was sent
                transactions=[json.loads(line) for line in rest[:-1]],
            )
            root = content["tree"]["tree"][0]
        except (ValueError, KeyError, TypeError) as error:
            raise SecretError(f"{path}: not a file of `ape run market commit` ({error})") from error
        if "0x" + secret.tree.root.hex() != root:
            raise SecretError(f"{path}: rows or salts were changed: they do not give the root that was committed to")
        return secret

    def note(self, path: Path, what: str, transaction: str) -> None:
        """Keep what is going to be sent: on the disk when this returns."""
        self.transactions.append({"what": what, "hash": transaction})
        with path.open("r+b") as file:
            content = file.read()
            file.seek(content.rfind(b"\n") + 1)  # over what a crash cut off
            file.truncate()
            file.write(json.dumps(self.transactions[-1]).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def fingerprint(rows: Sequence[tuple[int, bytes]]) -> str:
    """Tells test sets apart, whatever the order of their rows."""
    return keccak(pack_rows(sorted(rows))).hex()


def cut(rows: Sequence[tuple[int, bytes]], portions: int) -> list[bytes]:
    """Portions of equal numbers of (label, sample) rows; what does not divide is left out."""
    size = len(rows) // portions
    if size == 0:
        raise SecretError(f"{len(rows)} rows do not make {portions} portions")
    packed = [pack_rows(rows[i * size : (i + 1) * size]) for i in range(portions)]
    longest = max(map(len, packed))
    if longest > MAX_PORTION:
        raise SecretError(
            f"A portion of {size} rows takes {longest:,} bytes, at most {MAX_PORTION:,} are allowed: "
            "make more portions, or take fewer rows."
        )
    return packed


def row_count(rows: bytes) -> int:
    return sum(1 for _ in iterate_rows(rows))


# ---- a market on chain -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stake:
    """A contribution to a market, from its `AddData` event."""

    index: int  # from 1
    contributor: str
    x: bytes
    y: int
    effect: int

    @property
    def claim(self) -> tuple:
        """What `withdraw` must be shown, after the market."""
        return self.index, self.contributor, keccak(self.x), self.y, self.effect


@dataclass(frozen=True)
class View:
    """What the contract's `market` tells."""

    provider: str
    root: bytes
    plan: Plan
    draw_block: int
    drawn_bits: int
    replica: str
    phase: int
    deadline: int
    contributions: int
    scored: int
    settled: int
    revealed: int
    copied: int
    initial_errors: int
    errors: int

    @property
    def drawn(self) -> list[int]:
        return [i for i in range(self.plan.portions) if self.drawn_bits >> i & 1]

    @property
    def hidden(self) -> list[int]:
        return [i for i in range(self.plan.portions) if not self.drawn_bits >> i & 1]

    @property
    def ended(self) -> bool:
        from simulation.prediction_market import SETTLED

        return self.phase >= SETTLED


class MarketDriver:
    """Moves a market on. Each function looks at the chain first, and does only what is left to do.

    Parameters
    ----------
    contract : Ape contract instance
    batched : simulation.chain.ContractAt
        The same contract, to read.
    account : Ape account
        Who sends.
    secret, path
        The test set and its file; None for who does not have it.
    number : int, optional
        Of the model's market; by default the one that the file is for, or the latest.
    confirmations : int
        Blocks above that of a transaction until it counts as mined.
    say : callable
        Told what is done, a line at a time.
    """

    def __init__(
        self, contract, batched, model: str, account, secret=None, path=None, number=None, confirmations=0, say=print
    ):
        self.contract, self.batched, self.model, self.account = contract, batched, model, account
        self.secret, self.path, self.say = secret, path, say
        self.number, self.confirmations = number, confirmations
        self.portions = 256
        self._stakes: list[Stake] = []
        self._learnt: tuple | None = None  # the arguments of the last `score` in which the replica only learnt

    @property
    def node(self):
        return self.batched.chain

    @property
    def market(self) -> int:
        """The id of the market; 0 if there is none."""
        if self.number is not None:
            return market_id(self.model, self.number)
        return self.secret.market if self.secret else self.batched.call("latest_market", self.model)

    def view(self) -> View | None:
        """The market as it is now; None if it was never committed."""
        if not self.market or self.market > self.batched.call("latest_market", self.model):
            return None
        fields = list(self.batched.call("market", self.market))
        fields[0] = to_checksum_address(fields[0])
        fields[2] = Plan(*fields[2])
        return View(*fields)

    @property
    def block(self) -> int:
        return int(self.node.rpc("eth_blockNumber"), 16)

    @property
    def now(self) -> int:
        """The time that a transaction would see: a chain without transactions may have no new block for long."""
        blocks = [("eth_getBlockByNumber", [which, False]) for which in ("latest", "pending")]
        found = [answer.get("result") for answer in self.node.many(blocks)]
        return max(int(block["timestamp"], 16) for block in found if block)

    # ---- sending -----------------------------------------------------------------------------------------------------

    def send(self, what: str, function: str, *arguments, value: int = 0) -> dict:
        """Sign a transaction, note it in the provider's file, send it and wait until it is mined; its receipt.

        Whatever fails in between, nothing is done twice: while the account has a transaction that may still be mined,
        no other is signed, and one that the node has forgotten has the nonce of whatever is sent in its place.

        Raises
        ------
        StepRefused
            It reverted, or would have.
        """
        nonce = self._nonce()
        gas = self._estimate(what, function, arguments, value)
        transaction = getattr(self.contract, function).as_transaction(
            *arguments, sender=self.account, value=value, gas=gas, nonce=nonce
        )
        signed = self.account.sign_transaction(transaction).serialize_transaction()
        name = "0x" + keccak(signed).hex()
        if self.secret is not None:
            self.secret.note(self.path, what, name)
        self._submit(signed)
        receipt = self._wait(what, name, signed, nonce)
        if int(receipt["status"], 16) != 1:
            raise StepRefused(f"{what}: transaction {name} reverted")
        return receipt

    def _nonce(self) -> int:
        """The account's next nonce, as soon as all that it has sent is mined."""
        address, told = self.account.address, False
        while True:
            counts = [("eth_getTransactionCount", [address, which]) for which in ("latest", "pending")]
            mined, sent = (int(self.node._result(answer), 16) for answer in self.node.many(counts))
            if sent <= mined:
                return mined
            if not told:
                self.say(f"Waiting for transactions of {address} that are not mined yet ...")
                told = True
            time.sleep(self._poll)

    def _estimate(self, what: str, function: str, arguments: tuple, value: int) -> int:
        call = {
            "from": self.account.address,
            "to": self.batched.address,
            "data": "0x" + self.batched.data(function, *arguments).hex(),
            "value": hex(value),
        }
        try:
            needed = int(self.node.rpc("eth_estimateGas", call), 16)
        except Unreachable:
            raise
        except RpcError as error:
            reason = str(error).removeprefix("execution reverted").lstrip(": ")
            # a call inside that runs out of gas reverts without a reason
            raise (TooMuchGas if not reason or "gas" in reason else StepRefused)(f"{what}: {reason}") from error
        if needed > MAX_GAS:
            raise TooMuchGas(f"{what}: {needed:,} gas")
        return min(needed * 6 // 5, MAX_GAS)  # the state may be another when it is mined

    def _submit(self, signed: bytes) -> None:
        try:
            self.node.rpc("eth_sendRawTransaction", "0x" + signed.hex())
        except Unreachable:
            raise
        except RpcError as error:
            # if it is there already, or another one took its nonce, `_wait` finds out
            if not any(words in str(error).lower() for words in ("already", "nonce too low")):
                raise

    def _wait(self, what: str, name: str, signed: bytes, nonce: int) -> dict:
        """The receipt of a transaction, which the node is given again if it forgets it."""
        questions = [
            ("eth_getTransactionCount", [self.account.address, "latest"]),
            ("eth_getTransactionByHash", [name]),
            ("eth_getTransactionReceipt", [name]),
        ]
        while True:
            mined, known, receipt = (self.node._result(answer) for answer in self.node.many(questions))
            if receipt is not None:
                if self.block - int(receipt["blockNumber"], 16) >= self.confirmations:
                    return receipt
            elif known is None:
                if int(mined, 16) > nonce:
                    raise StepRefused(f"{what}: another transaction of {self.account.address} took its place")
                self._submit(signed)
            time.sleep(self._poll)

    @property
    def _poll(self) -> float:
        return POLL if self.confirmations else 0.05

    def stakes(self, view: View) -> list[Stake]:
        """All contributions to the market in their order, from events."""
        from scripts import _rpc

        if len(self._stakes) < view.contributions:
            found = {}
            topics = _rpc.add_data_topics(self.model)
            for _, logs in _rpc.pages(self.node, view.draw_block, self.block, topics, self.batched.address):
                for log in logs:
                    data = bytes.fromhex(log["data"][2:])
                    facts = int.from_bytes(data[:32], "big")
                    if facts >> 168 != self.market & 2**32 - 1:
                        continue
                    length = int.from_bytes(data[64:96], "big")
                    stake = Stake(
                        facts >> 152 & 0xFFFF,
                        to_checksum_address("0x" + log["topics"][2][-40:]),
                        data[96 : 96 + length],
                        facts & 255,
                        facts >> 8 & 255,
                    )
                    found[stake.index] = stake
            self._stakes = [found[i] for i in sorted(found)]
        return self._stakes

    # ---- steps -------------------------------------------------------------------------------------------------------

    @property
    def overtaken(self) -> bool:
        """Whether the market that the file is for is another one's."""
        view = self.view()
        return view is not None and view.root != self.secret.tree.root

    def commit(self) -> None:
        """Send the commitment, unless it is on the chain already."""
        if self.overtaken:
            raise SecretError(f"{self.path} is for a commitment that was never made: another one took its number.")
        if self.view() is not None:
            self.say("The commitment is on the chain.")
            return
        plan = self.secret.plan
        self.send("commit", "commit", self.market, self.secret.tree.root, plan.astuple(), value=plan.total)
        self.say(f"Committed to {plan.portions} portions of {plan.rows} rows; {plan.drawn} will be drawn.")

    def test_portions(self, model) -> None:
        """Have the model evaluate each portion, for free: it refuses now what it would refuse when it is revealed."""
        calls = [
            {"to": model.address, "data": "0x" + model.data("evaluate", rows).hex(), "gas": hex(SPARE_PORTION_GAS)}
            for rows in self.secret.portions
        ]
        for i, answer in enumerate(self.node.many([("eth_call", [call, "latest"]) for call in calls])):
            try:
                self.node._result(answer)
            except RpcError as error:
                raise SecretError(
                    f"The model cannot evaluate portion {i} of {len(calls)} in one transaction ({error}): "
                    "make more portions, or check the rows."
                ) from error

    def draw(self) -> None:
        self.send("draw", "draw", self.market)
        self.say(f"Drawn: portions {', '.join(map(str, self.view().drawn))}.")

    def reveal(self) -> None:
        """Reveal what is to be revealed now."""
        from tqdm import tqdm

        from simulation.prediction_market import REVEALING

        if self.secret is None:
            raise SecretError("Only who has the provider's file can reveal: name it with --file.")
        view = self.view()
        wanted = view.hidden if view.phase == REVEALING else view.drawn
        shown = self.batched.call_many("portion", [(self.market, i) for i in wanted])
        missing = [i for i, address in zip(wanted, shown, strict=True) if int(address, 16) == 0]
        for index in tqdm(missing, desc="Revealing", unit="portion", disable=len(missing) < 2):
            self.send(f"reveal {index}", "reveal", *self.secret.reveal_arguments(index))
        self.say(f"Revealed {len(wanted)} portions.")

    def prepare(self, count: int = 500) -> None:
        """Copy the model to the replica, in steps; then the participation is open."""
        from simulation.prediction_market import DRAWN

        while (view := self.view()).phase == DRAWN:
            self.send(f"prepare {view.copied}", "prepare", self.market, count, secrets.token_bytes(32))
        self.say("The replica is ready, and the market open for contributions.")

    def check(self) -> None:
        from simulation.prediction_market import REVEALING

        while (view := self.view()).phase == REVEALING:
            self._in_parts("check", self.market)
        rows = view.plan.hidden_rows
        self.say(f"Before the first contribution {view.initial_errors} of {rows} hidden rows are wrong.")

    def close(self) -> None:
        self.send("close", "close", self.market)
        self.say(f"Closed with {self.view().contributions} contributions.")

    def score(self, limit: int | None = None) -> None:
        """Score the contributions that are not scored yet."""
        from tqdm import tqdm

        from simulation.prediction_market import SCORING

        view = self.view()
        stakes = self.stakes(view)[view.scored :][:limit]
        for stake in tqdm(stakes, desc="Scoring", unit="contribution", disable=len(stakes) < 2):
            while view.phase == SCORING and view.scored < stake.index:
                self._in_parts("score", self.market, stake.contributor, stake.x, stake.y, stake.effect)
                view = self.view()
        self.say(f"Scored {view.scored} of {view.contributions} contributions.")

    def settle(self, count: int = 200) -> None:
        from tqdm import tqdm

        from simulation.prediction_market import SETTLING

        view = self.view()
        with tqdm(total=view.contributions, initial=view.settled, desc="Settling", unit="contribution") as bar:
            while view.phase == SETTLING:
                self.send(f"settle {view.settled}", "settle", self.market, count)
                done, view = view.settled, self.view()
                bar.update(view.settled - done)
        self.say("Settled.")

    def withdraw(self, account: str | None = None) -> int:
        """Have everything paid that is owed, or what is owed to one account; returns the wei.

        Who refuses to be paid, as a contract may, keeps nobody else waiting.
        """
        from tqdm import tqdm

        view = self.view()
        stakes = [s for s in self.stakes(view) if account in (None, s.contributor)]
        owed = self.batched.call_many("contribution", [(self.market, s.index) for s in stakes])
        due = [
            (f"withdraw {s.index}", amount, ("withdraw", self.market, *s.claim))
            for s, (_, _, amount) in zip(stakes, owed, strict=True)
            if amount
        ]
        rest = self.batched.call("held", self.market)[0]
        if rest and account in (None, view.provider):
            due.append(("withdraw the rest", rest, ("withdraw_rest", self.market)))
        total = 0
        for what, amount, call in tqdm(due, desc="Withdrawing", unit="payment", disable=len(due) < 2):
            try:
                self.send(what, *call)
                total += amount
            except StepRefused as error:
                self.say(f"Not paid: {error}")
        return total

    def expire(self) -> None:
        self.send("expire", "expire", self.market)
        self.say(f"The market has ended: {self.view_phase()}.")

    def view_phase(self) -> str:
        from simulation.prediction_market import PHASES

        view = self.view()
        return PHASES[view.phase] if view else PHASES[0]

    def _in_parts(self, function: str, *arguments) -> None:
        """`check` or `score`, with as many portions as fit in one transaction."""
        while True:
            try:
                self.send(function, function, *arguments, self.portions)
                return
            except TooMuchGas:
                if self.portions == 1:
                    if function == "check" or self._learnt == arguments:
                        raise
                    break
            self.portions = min(self.portions, 32) // 2
        # not even one: let the replica learn first
        self.send(function, function, *arguments, 0)
        self._learnt = arguments

    # ---- what comes next ---------------------------------------------------------------------------------------------

    def next_step(self, view: View | None) -> tuple[str, str | None]:
        """What comes next, in words, and the method that does it; None if it is time that must pass."""
        from simulation import prediction_market as p

        if view is None:
            return "commit", "commit" if self.secret else None
        now, full = self.now, view.plan.max_contributions
        if view.phase == p.COMMITTED:
            if self.block <= view.draw_block:
                return f"wait for block {view.draw_block + 1}, then draw", None
            return "draw", "draw"
        if view.phase == p.DRAWN:
            if now >= view.deadline:
                return "expire: the drawn portions were not revealed in time", "expire"
            if view.revealed < view.plan.drawn:
                return "reveal the drawn portions", "reveal" if self.secret else None
            return "open (copy the model to the replica)", "prepare"
        if view.phase == p.PARTICIPATING:
            count = view.contributions
            if now >= view.deadline or count == full:
                return "close", "close"
            return f"contribute ({count} of at most {full} so far), until the time is over", None
        if view.phase == p.REVEALING:
            if now >= view.deadline:
                return "expire: the rest was not revealed in time", "expire"
            if view.revealed < view.plan.portions:
                return "reveal the rest", "reveal" if self.secret else None
            return "check the hidden rows", "check"
        if view.phase == p.SCORING:
            return "score" if now < view.deadline else "score; anyone may also end the market unscored", "score"
        if view.phase == p.SETTLING:
            return "settle", "settle"
        return (
            ("withdraw", "withdraw") if any(self.batched.call("held", self.market)) else ("nothing: all is paid", None)
        )

    def run(self, wait, account: str | None = None, until_withdrawn: bool = True) -> None:
        """Drive the market to its end.

        Parameters
        ----------
        wait : callable
            Lets time pass, given the market's `View`; given None, just waits before something is tried again.
        account : str, optional
            Who is paid in the end; by default everybody.
        until_withdrawn : bool
            Whether to pay in the end.
        """
        tries, refused_at = 0, None
        while True:
            view = None
            try:
                view = self.view()
                _, method = self.next_step(view)
                if view is not None and view.ended:
                    if until_withdrawn and method is not None:
                        self.withdraw(account)
                    return
                if method is not None:
                    getattr(self, method)()
                    continue
                wait(view)
            except UNREACHABLE as error:
                self.say(f"The chain does not answer ({error}). Trying again ...")
                wait(None)
            except StepRefused:
                # somebody else may have done the step meanwhile, or the node may have been behind
                tries = tries + 1 if view == refused_at else 1
                refused_at = view
                if tries > TRIES:
                    raise
                wait(None)
