"""A provider's test set: cut into portions, salted, committed to, and kept in one file that survives a crash."""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from simulation.merkle import MerkleTree
from simulation.prediction_market import MAX_PORTION, Plan, portion_leaf
from simulation.rows import iterate_rows, pack_rows


class SecretError(ValueError):
    """The file with the test set is missing, broken, or does not fit."""


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
    transactions : list of dict
        What was sent for this market: ``{"what": "reveal 3", "hash": "0x…"}``.
    """

    chain_id: int
    contract: str
    model: str
    market: int
    provider: str
    plan: Plan
    portions: list[bytes]
    salts: list[bytes]
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
            "root": "0x" + self.tree.root.hex(),
            "portions": [
                {"salt": "0x" + salt.hex(), "rows": "0x" + rows.hex()}
                for salt, rows in zip(self.salts, self.portions, strict=True)
            ],
            "transactions": self.transactions,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
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
            content = json.loads(path.read_text(encoding="utf-8"))
            secret = cls(
                chain_id=content["chain_id"],
                contract=content["contract"],
                model=content["model"],
                market=int(content["market"], 16),
                provider=content["provider"],
                plan=Plan(**content["plan"]),
                portions=[bytes.fromhex(p["rows"][2:]) for p in content["portions"]],
                salts=[bytes.fromhex(p["salt"][2:]) for p in content["portions"]],
                transactions=content["transactions"],
            )
            root = content["root"]
        except (ValueError, KeyError, TypeError) as error:
            raise SecretError(f"{path}: not a file of `ape run market commit` ({error})") from error
        if "0x" + secret.tree.root.hex() != root:
            raise SecretError(f"{path}: rows or salts were changed: they do not give the root that was committed to")
        return secret

    def note(self, path: Path, what: str, transaction: str) -> None:
        """Keep what was sent."""
        self.transactions.append({"what": what, "hash": transaction})
        self.save(path)


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
        from eth_utils import keccak

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
    say : callable
        Told what is done, a line at a time.
    """

    def __init__(self, contract, batched, model: str, account, secret=None, path=None, say=print):
        self.contract, self.batched, self.model, self.account = contract, batched, model, account
        self.secret, self.path, self.say = secret, path, say
        self.portions = 256
        self._stakes: list[Stake] = []

    @property
    def node(self):
        return self.batched.chain

    @property
    def market(self) -> int:
        """The id of the model's latest market, or of the one that the file is for; 0 if there is none."""
        return self.secret.market if self.secret else self.batched.call("latest_market", self.model)

    def view(self) -> View | None:
        """The market as it is now; None if it was never committed."""
        from simulation.chain import RpcError

        if not self.market or self.market > self.batched.call("latest_market", self.model):
            return None
        try:
            fields = list(self.batched.call("market", self.market))
        except RpcError:
            return None
        fields[2] = Plan(*fields[2])
        return View(*fields)

    @property
    def block(self) -> int:
        return int(self.node.rpc("eth_blockNumber"), 16)

    def send(self, what: str, function: str, *arguments, value: int = 0):
        """Send a transaction and wait for it; its hash is kept in the provider's file."""
        from scripts._publish import confirmations

        receipt = getattr(self.contract, function)(
            *arguments, sender=self.account, value=value, required_confirmations=confirmations()
        )
        if self.secret is not None:
            self.secret.note(self.path, what, receipt.txn_hash)
        return receipt

    def stakes(self, view: View) -> list[Stake]:
        """All contributions to the market in their order, from events."""
        from eth_utils import to_checksum_address

        from scripts import _rpc

        if len(self._stakes) < max(view.contributions, 1) or not view.contributions:
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

    def commit(self) -> None:
        """Send the commitment, unless it is on the chain already."""
        view = self.view()
        if view is not None:
            if view.root != self.secret.tree.root:
                raise SecretError(
                    f"{self.path} is for market {self.market & 2**32 - 1} of {self.model}, which somebody else has "
                    "started meanwhile. Move the file away; the next commitment makes a new one."
                )
            self.say("The commitment is on the chain.")
            return
        plan = self.secret.plan
        self.send("commit", "commit", self.model, self.secret.tree.root, plan.astuple(), value=plan.total)
        self.say(f"Committed to {plan.portions} portions of {plan.rows} rows; {plan.drawn} will be drawn.")

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
        import secrets

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
                bar.update((view.settled or view.contributions) - done)
        self.say("Settled.")

    def withdraw(self, account: str | None = None) -> int:
        """Have everything paid that is owed, or what is owed to one account; returns the wei."""
        from tqdm import tqdm

        view = self.view()
        stakes = [s for s in self.stakes(view) if account in (None, s.contributor)] if view.contributions else []
        owed = self.batched.call_many("contribution", [(self.market, s.index) for s in stakes])
        due = [(s, amount) for s, (_, _, amount) in zip(stakes, owed, strict=True) if amount]
        for stake, _ in tqdm(due, desc="Withdrawing", unit="contribution", disable=len(due) < 2):
            self.send(f"withdraw {stake.index}", "withdraw", self.market, *stake.claim)
        total = sum(amount for _, amount in due)
        rest = self.batched.call("held", self.market)[0]
        if rest and account in (None, _checksum(view.provider)):
            self.send("withdraw the rest", "withdraw_rest", self.market)
            total += rest
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
        from ape.exceptions import ContractLogicError, OutOfGasError, TransactionError

        while True:
            try:
                self.send(function, function, *arguments, self.portions)
                return
            except ContractLogicError as error:
                if "out of gas" not in str(error).lower() or self.portions == 0:
                    raise
            except (OutOfGasError, TransactionError):
                if self.portions == 0:
                    raise
            self.portions = min(self.portions, 32) // 2

    # ---- what comes next ---------------------------------------------------------------------------------------------

    def next_step(self, view: View | None) -> tuple[str, str | None]:
        """What comes next, in words, and the method that does it; None if it is time that must pass."""
        from simulation import prediction_market as p

        if view is None:
            return "commit", "commit" if self.secret else None
        now, full = self.node.time, view.plan.max_contributions
        if view.phase == p.COMMITTED:
            if self.block <= view.draw_block:
                return f"wait for block {view.draw_block + 1}, then draw", None
            return "draw", "draw"
        if view.phase == p.DRAWN:
            if now >= view.deadline:
                return "expire: the drawn portions were not revealed in time", "expire"
            if view.revealed < view.plan.drawn:
                return "reveal the drawn portions", "reveal"
            return "open (copy the model to the replica)", "prepare"
        if view.phase == p.PARTICIPATING:
            count = len(self.stakes(view))
            if now >= view.deadline or count == full:
                return "close", "close"
            return f"contribute ({count} of at most {full} so far), until the time is over", None
        if view.phase == p.REVEALING:
            if now >= view.deadline:
                return "expire: the rest was not revealed in time", "expire"
            if view.revealed < view.plan.portions:
                return "reveal the rest", "reveal"
            return "check the hidden rows", "check"
        if view.phase == p.SCORING:
            return "score", "score"
        if view.phase == p.SETTLING:
            return "settle", "settle"
        return (
            ("withdraw", "withdraw") if any(self.batched.call("held", self.market)) else ("nothing: all is paid", None)
        )

    def run(self, wait, until_withdrawn: bool = True) -> None:
        """Drive the market to its end; `wait(view)` lets time pass where nothing else helps."""
        while True:
            view = self.view()
            _, method = self.next_step(view)
            if method is not None and not (method == "withdraw" and not until_withdrawn):
                getattr(self, method)()
            elif view is not None and view.ended:
                return
            else:
                wait(view)


def _checksum(address: str) -> str:
    from eth_utils import to_checksum_address

    return to_checksum_address(address)
