"""A sponsor: takes contributions that others signed, pays for them in batches, and tells what became of each.

What is taken stands in an SQLite file before anybody is told so. A batch stands there before it is sent, and the
wallet's notes know what was signed for it: so whoever is killed at any moment sends nothing twice and loses nothing.
What the chain has undone is sent again as it was signed, with the same nonce: it can be mined once only. What came
back is read from the chain, whoever asked for it.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eth_utils import is_address, keccak, to_checksum_address

from comodels.batch import MAX_BYTES, MAX_SIGNATURE, MAX_SIGNED_BYTES, Signed, pack_claims, pack_signed, record_key
from comodels.chain.abi import word
from comodels.chain.account import MAX_GAS, Refused, Wallet, finish
from comodels.chain.node import NodeError, RpcError
from comodels.chain.notes import Note
from comodels.contribute import price, usual_price
from comodels.errors import ComodelsError
from comodels.incentives.prediction_market import place_of
from comodels.payouts import calls, due_in
from comodels.rows import MAX_SAMPLE, ROW_HEAD, in_parts, pack_rows
from comodels.signatures import Consent
from comodels.units import DAY
from comodels.wire import ADD_DATA_TOPIC, AddData

ECRECOVER = "0x" + "00" * 19 + "01"
VALID = "0x1626ba7e"
BEYOND = "it waited beyond its deadline"
SIGNED_HEAD = 30
VALIDATED = 50  # contributions in one transaction that has their points earned
REORGANISED = 64  # blocks in which a batch is looked at again

TABLES = """
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY,
    contributor TEXT NOT NULL, x BLOB NOT NULL, y INTEGER NOT NULL, round INTEGER NOT NULL,
    deadline INTEGER NOT NULL, signature BLOB NOT NULL, received INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued', reason TEXT NOT NULL DEFAULT '', batch INTEGER,
    effect INTEGER, deposit TEXT, returned TEXT, -- wei, which need more than the 64 bits of an INTEGER
    UNIQUE (contributor, x, y, round)
);
CREATE INDEX IF NOT EXISTS items_by_state ON items (state, id);
CREATE INDEX IF NOT EXISTS items_by_contributor ON items (contributor, received);
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY, value TEXT NOT NULL, hash TEXT, block INTEGER, note TEXT
);
"""


RETURNED = "UPDATE items SET state = ?, returned = ? WHERE id = ?"


class Rejected(ComodelsError):
    """A contribution that is not taken; the text says why."""


@dataclass(frozen=True)
class Limits:
    """What a sponsor is ready to pay for.

    Attributes
    ----------
    per_account : int
        Contributions of one account in a day.
    per_day : int
        Contributions of all in a day.
    budget : int
        Wei of deposits that are out at one time.
    max_deposit : int or None
        Wei for each; a batch waits until it needs no more. By default what it needs an hour after the latest one.
    batch : int
        Contributions in a batch at most.
    patience : float
        Seconds after which a batch is sent that is not full.
    agreeing : bool
        Whether to take only what the model agrees with when it is taken: by the default rule hardly any of it can be
        reported.
    """

    per_account: int = 100
    per_day: int = 10_000
    budget: int = 10**18
    max_deposit: int | None = None
    batch: int = 100
    patience: float = 60.0
    agreeing: bool = False


class Sponsor:
    """The queue of one model.

    Parameters
    ----------
    model : comodels.published.PublishedModel
    wallet : Wallet
        Who pays.
    path : path
        The SQLite file.
    """

    def __init__(self, model: Any, wallet: Wallet, path: Path, limits: Limits | None = None):
        if "add_signed" not in model.paying.names:
            raise ComodelsError(f"The incentive of {model.name} takes nothing that others signed.")
        self.model, self.wallet, self.limits = model, wallet, limits or Limits()
        self.chain_id = model.node.chain_id
        self.classes: list[str] = model.contract.call_many("class_name", [(y,) for y in range(len(model.class_names))])
        self.path, self._lock = path, threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + TABLES)

    # ---- taking ------------------------------------------------------------------------------------------------------

    def take(self, entries: Sequence[dict[str, Any]]) -> list[int | str]:
        """For each contribution, as JSON has it, the number under which it is kept, or why it is not taken.

        An entry has contributor, sample (hexadecimal), label, round, deadline (seconds), signature (hexadecimal).
        Exactly what is kept already gives its number again: who did not hear the answer may ask once more.
        """
        answers: list[int | str] = [""] * len(entries)
        read: dict[int, tuple[Signed, int]] = {}
        for i, entry in enumerate(entries):
            try:
                given = self._read(entry)
            except Rejected as error:
                answers[i] = str(error)
                continue
            known = self._known(*given)
            if known is None:
                read[i] = given
            else:
                answers[i] = known
        why = self._ask(list(read.values()))
        with self._lock, self._db:
            for (i, (item, round)), refusal in zip(read.items(), why, strict=True):
                answers[i] = refusal or self._keep(item, round)
        return answers

    def _read(self, entry: dict[str, Any]) -> tuple[Signed, int]:
        try:
            who, y, round, deadline = (entry[name] for name in ("contributor", "label", "round", "deadline"))
            x, signature = (bytes.fromhex(str(entry[name]).removeprefix("0x")) for name in ("sample", "signature"))
        except (KeyError, ValueError, TypeError) as error:
            raise Rejected(f"it needs contributor, sample, label, round, deadline, signature ({error!r})") from error
        numbers = all(type(n) is int and n >= 0 for n in (y, round, deadline))
        if not is_address(who) or not numbers or round >= 2**26 or deadline >= 2**40:
            raise Rejected("an address and whole numbers are needed")
        if y >= len(self.classes):
            raise Rejected(f"there are {len(self.classes)} classes, from 0 on")
        if not 0 < len(x) <= MAX_SAMPLE or len(signature) > MAX_SIGNATURE:
            raise Rejected("the sample or the signature is too long, or there is none")
        if deadline < time.time() + 2 * self.limits.patience:
            raise Rejected("the deadline is too near")
        return Signed(to_checksum_address(who), x, y, deadline, signature), round

    def _known(self, item: Signed, round: int) -> int | None:
        same = "contributor = ? AND x = ? AND y = ? AND round = ? AND deadline = ? AND signature = ?"
        values = item.contributor, item.x, item.y, round, item.deadline, item.signature
        with self._lock:
            row = self._one(f"SELECT id FROM items WHERE {same}", *values)
        return int(row[0]) if row else None

    def _ask(self, items: Sequence[tuple[Signed, int]]) -> list[str]:
        """Why the chain would refuse each, as far as it knows now; empty if it would not. One request for all."""
        model, incentive = self.model, self.model.paying
        calls: list[tuple[str, list[Any]]] = []

        def call(to: str, data: bytes) -> None:
            calls.append(("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]))

        for item, round in items:
            x_hash = keccak(item.x)
            call(model.address, model.contract.data("predict", item.x))
            call(
                incentive.address,
                incentive.data("round_of", model.address, item.contributor, self.wallet.address, x_hash, item.y),
            )
            hash = self.digest(item, round)
            r, s, v = item.signature[:32], item.signature[32:64], item.signature[64:65]
            call(ECRECOVER, hash + v.rjust(32, b"\0") + r.ljust(32, b"\0") + s.ljust(32, b"\0"))
            words = (64).to_bytes(32, "big") + len(item.signature).to_bytes(32, "big")
            padded = item.signature + bytes(-len(item.signature) % 32)
            call(item.contributor, keccak(text="isValidSignature(bytes32,bytes)")[:4] + hash + words + padded)
        answers = model.node.many(calls) if calls else []
        found = []
        for i, (item, round) in enumerate(items):
            said, now, recovered, by_contract = answers[4 * i : 4 * i + 4]
            signer = recovered[-40:] if isinstance(recovered, str) and len(item.signature) == 65 else ""
            by_contract = isinstance(by_contract, str) and by_contract.startswith(VALID)
            if isinstance(said, RpcError):
                found.append(f"the model refuses the sample: {said.reason or said}")
            elif signer.lower() != item.contributor[2:].lower() and not by_contract:
                found.append("it is not signed by the contributor for this sponsor")
            elif isinstance(now, RpcError) or int(now, 16) != round:
                found.append("it was contributed already or cancelled: another round is needed")
            elif self.limits.agreeing and int(said, 16) != item.y:
                found.append("the model disagrees, and this sponsor pays only for what it agrees with")
            else:
                found.append("")
        return found

    def digest(self, item: Signed, round: int) -> bytes:
        """What the contributor signed."""
        model = self.model
        what = self.chain_id, model.paying.address, model.address, item.x, item.y, round, self.wallet.address
        return Consent(*what, item.deadline, self.classes[item.y]).digest()

    def _keep(self, item: Signed, round: int) -> int | str:
        since, now = int(time.time()) - DAY, int(time.time())
        (mine,) = self._one(
            "SELECT COUNT(*) FROM items WHERE contributor = ? AND received > ?", item.contributor, since
        )
        if mine >= self.limits.per_account:
            return f"no more than {self.limits.per_account} of one account in a day"
        (all_of,) = self._one("SELECT COUNT(*) FROM items WHERE received > ?", since)
        if all_of >= self.limits.per_day:
            return f"no more than {self.limits.per_day} in a day"
        columns = "contributor, x, y, round, deadline, signature, received"
        values = item.contributor, item.x, item.y, round, item.deadline, item.signature, now
        try:
            return int(self._db.execute(f"INSERT INTO items ({columns}) VALUES (?,?,?,?,?,?,?)", values).lastrowid or 0)
        except sqlite3.IntegrityError:
            return "the same was taken before"

    def _one(self, query: str, *values: Any) -> tuple:
        return self._db.execute(query, values).fetchone()

    def _all(self, query: str, *values: Any) -> list[tuple]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def _change(self, query: str, rows: Iterable[tuple]) -> None:
        with self._lock, self._db:
            self._db.executemany(query, rows)

    # ---- telling -----------------------------------------------------------------------------------------------------

    def status(self, number: int) -> dict[str, Any] | None:
        """What became of a contribution, amounts in wei; None if there is no such number."""
        query = (
            "SELECT items.id, state, reason, contributor, y, effect, deposit, returned, hash, block FROM items "
            "LEFT JOIN batches ON batches.id = items.batch WHERE items.id = ?"
        )
        with self._lock:
            row = self._one(query, number)
        names = "id", "state", "reason", "contributor", "label", "effect", "deposit", "returned", "transaction", "block"
        if row is None:
            return None
        told = dict(zip(names, row, strict=True))
        return told | {n: int(told[n]) for n in ("deposit", "returned") if told[n] is not None}

    def counts(self) -> dict[str, int]:
        """How many contributions are in each state."""
        with self._lock:
            return dict(self._db.execute("SELECT state, COUNT(*) FROM items GROUP BY state").fetchall())

    # ---- sending -----------------------------------------------------------------------------------------------------

    def work(self) -> bool:
        """Send one batch, if one is due, and go on with what a killed run left. Whether anything was sent."""
        open_ones = self._all("SELECT id, value FROM batches WHERE hash IS NULL ORDER BY id")
        for number, value in open_ones:
            self._send(number, int(value))
        number = self._next_batch()
        if number is None:
            return bool(open_ones)
        self._send(*number)
        return True

    def _next_batch(self) -> tuple[int, int] | None:
        """Put what waits together, as it will be sent; its number and the wei that go along."""
        now, limits = int(time.time()), self.limits
        with self._lock, self._db:
            self._db.execute(
                "UPDATE items SET state = 'skipped', reason = ? WHERE state = 'queued' AND deadline <= ?",
                (BEYOND, now),
            )
            rows = self._db.execute(
                "SELECT id, received, x, signature FROM items WHERE state = 'queued' ORDER BY id LIMIT ?",
                (limits.batch,),
            ).fetchall()
            out = sum(int(wei) for (wei,) in self._db.execute("SELECT deposit FROM items WHERE state = 'accepted'"))
        if not rows or (len(rows) < limits.batch and now - rows[0][1] < limits.patience):
            return None
        fitting = next(in_parts(rows, lambda row: SIGNED_HEAD + len(row[2]) + len(row[3]), MAX_SIGNED_BYTES))
        chosen = [row[0] for row in fitting]
        try:
            each = price(self.model, len(chosen))
            most = usual_price(self.model, len(chosen)) if limits.max_deposit is None else limits.max_deposit
        except NodeError:
            raise
        except ComodelsError:  # no market takes contributions now: what was signed waits for the next one
            return None
        if each > most or out + each * len(chosen) > limits.budget:
            return None
        chosen = self._fitting(chosen, each)
        value = each * len(chosen)
        with self._lock, self._db:
            number = self._db.execute("INSERT INTO batches (value) VALUES (?)", (str(value),)).lastrowid or 0
            marks = ",".join("?" * len(chosen))
            self._db.execute(f"UPDATE items SET state = 'sent', batch = ? WHERE id IN ({marks})", (number, *chosen))
        return number, value

    def _fitting(self, chosen: list[int], each: int) -> list[int]:
        """As many of the first as a transaction has gas for."""
        while len(chosen) > 1:
            marks = ",".join("?" * len(chosen))
            items = [self._item(row) for row in self._rows(f"id IN ({marks})", *chosen)]
            call = self.model.paying.transaction(
                *self._call(items), sender=self.wallet.address, value=each * len(items)
            ).call
            answer = self.model.node.many([("eth_estimateGas", [call, "pending"])])[0]
            if isinstance(answer, str) and int(answer, 16) <= MAX_GAS * 3 // 4:
                break
            chosen = chosen[: len(chosen) // 2]
        return chosen

    def _rows(self, condition: str, *values: Any) -> list[tuple]:
        columns = "id, contributor, x, y, deadline, signature"
        # in the order of labels, in which the contract asks once for the name of each class
        return self._all(f"SELECT {columns} FROM items WHERE {condition} ORDER BY y, id", *values)

    @staticmethod
    def _item(row: tuple) -> Signed:
        return Signed(*row[1:])

    def _call(self, items: Sequence[Signed]) -> tuple:
        return "add_signed", self.model.address, len(items), pack_signed(items)

    def _send(self, number: int, value: int) -> None:
        rows = self._rows("batch = ? AND state = 'sent'", number)
        items = [self._item(row) for row in rows]
        try:
            receipt = self.model.paying.transact(*self._call(items), account=self.wallet, value=value)
        except Refused:  # somebody contributed in between: dearer now
            with self._lock, self._db:
                self._db.execute("UPDATE items SET state = 'queued', batch = NULL WHERE batch = ?", (number,))
                self._db.execute("DELETE FROM batches WHERE id = ?", (number,))
            return
        self._note(number, rows, receipt)

    def _note(self, number: int, rows: list[tuple], receipt: dict) -> None:
        """What a mined batch says of its items, in their order."""
        skipped = {
            values["item"]: values["reason"] for name, values in self.model.paying.events(receipt) if name == "Skipped"
        }
        added = iter([AddData.from_log(g).facts for g in receipt["logs"] if g["topics"][0] == ADD_DATA_TOPIC])
        with self._lock, self._db:
            for i, row in enumerate(rows):
                what: tuple[str, str, int | None, str | None]
                if i in skipped:
                    what = ("skipped", skipped[i], None, None)
                else:
                    facts = next(added)
                    what = ("accepted", "", facts.effect, str(facts.deposit))
                self._db.execute(
                    "UPDATE items SET state = ?, reason = ?, effect = ?, deposit = ? WHERE id = ?", (*what, row[0])
                )
            block = int(receipt["blockNumber"], 16)
            hash = receipt["transactionHash"]
            self._db.execute(
                "UPDATE batches SET hash = ?, block = ?, note = ? WHERE id = ?",
                (hash, block, self._signed(hash), number),
            )
        self._told()

    def _signed(self, hash: str) -> str | None:
        """What the wallet has noted of a transaction, as JSON; None if it notes nothing."""
        notes = self.wallet.notes.between(0, 2**64) if self.wallet.notes is not None else []
        return next((json.dumps(asdict(note)) for note in notes if note.hash == hash), None)

    def _told(self) -> None:
        """What the wallet knows stands in the file."""
        if self.wallet.notes is not None:
            self.wallet.notes.told()

    # ---- afterwards --------------------------------------------------------------------------------------------------

    def look_back(self) -> int:
        """Have the next `work` send again what a reorganisation has undone; how many batches."""
        latest = self.model.node.block
        recent = self._all("SELECT id, hash, note FROM batches WHERE block > ?", latest - REORGANISED)
        calls = [("eth_getTransactionReceipt", [hash]) for _, hash, _ in recent]
        receipts = self.model.node.many(calls) if calls else []
        gone = [(number, note) for (number, _, note), r in zip(recent, receipts, strict=True) if r is None]
        for number, note in gone:
            if note is not None and self.wallet.notes is not None:
                with self.wallet.notes.locked() as file:
                    self.wallet.notes.add(file, Note(**json.loads(note)))
            with self._lock, self._db:
                self._db.execute(
                    "UPDATE items SET state = 'sent', reason = '', effect = NULL, deposit = NULL WHERE batch = ?",
                    (number,),
                )
                self._db.execute("UPDATE batches SET hash = NULL, block = NULL WHERE id = ?", (number,))
        return len(gone)

    def refund(self) -> int:
        """Ask for all deposits that are due, in batches; how many contributions were settled since the last time.

        Where there are points instead, have them earned: who has no ether cannot ask for them.
        """
        if self.model.incentive_kind == "PredictionMarket":
            return self._withdraw()
        if self.model.adapter.unit == "points":
            return self._validate()
        for action in ("refund", "rest"):
            mine = [
                c.contribution
                for c in self.model.claims(self.wallet.address)
                if c.action == action and c.contribution.sponsor == self.wallet.address
            ]
            signed = [c for c in mine if c.contributor != self.wallet.address]
            for start in range(0, len(signed), 50):
                part = [(c.contributor, c.x, c.label) for c in signed[start : start + 50]]
                arguments = self.model.address, self.wallet.address, len(part), pack_claims(part)
                self.model.paying.transact(f"{action}_many", *arguments, account=self.wallet)
                self._told()
        return self._settle()

    def _validate(self) -> int:
        """Have validated what the model agrees with, as soon as others than the contributor may; how many were."""
        model, incentive = self.model, self.model.paying
        rows = self._all("SELECT id, x, y FROM items WHERE state = 'accepted' ORDER BY id")
        items = [(model.address, x, y) for _, x, y in rows]
        wait, now = incentive.call("terms", model.address)[1], model.node.next_time

        def records() -> list[tuple]:
            return incentive.call_many("contribution", items)

        waited = [
            item
            for item, (_, time, _, pending, *_) in zip(items, records(), strict=True)
            if pending and now >= time + wait
        ]
        tried = incentive.views([("validate", item) for item in waited], sender=self.wallet.address)
        good = [(y, x) for (_, x, y), answer in zip(waited, tried, strict=True) if not isinstance(answer, RpcError)]
        for part in in_parts(good, lambda row: ROW_HEAD + len(row[1]), MAX_BYTES, VALIDATED):
            incentive.transact("validate_many", model.address, len(part), pack_rows(part), account=self.wallet)
            self._told()
        earned = [row[0] for row, record in zip(rows, records(), strict=True) if record[5]]
        self._change("UPDATE items SET state = 'returned' WHERE id = ?", [(i,) for i in earned])
        return len(earned)

    def _withdraw(self) -> int:
        """Ask for what markets that have ended owe for contributions that were paid here, for the contributors too."""
        model, incentive, me = self.model, self.model.paying, self.wallet.address
        mine = [c for c in model.contributions() if c.sponsor == me]
        places = {c.id: place_of(model.address, c.more) for c in mine}
        for market in sorted({places[c.id][0] for c in mine if c.effect}):
            due = [payout for payout in due_in(incentive, model.address, market) if payout.stake.sponsor == me]
            for _, call in calls(market, due):
                incentive.transact(*call, account=self.wallet)
                self._told()
        rows = self._all(
            "SELECT items.id, contributor, x, y, block FROM items "
            "JOIN batches ON batches.id = items.batch WHERE state = 'accepted' ORDER BY round"
        )
        # of the same contribution in the same block the rounds follow each other
        found: dict[tuple, list] = {}
        for c in mine:
            found.setdefault((c.contributor, c.x, c.label, c.block), []).append(c)
        waiting = {}
        for number, *key in rows:
            if same := found.get(tuple(key)):
                waiting[number] = same.pop(0)
        returned: dict[tuple[int, int], int] = {}
        first = min((c.block for c in waiting.values()), default=0)
        paid = incentive.past_events(["Withdrawn"], first, model.node.block, None, word(me)) if waiting else ()
        for _, values in paid:
            returned[values["market"], values["index"]] = values["amount"]
        # what had no effect staked nothing
        closed = [(n, c) for n, c in waiting.items() if not c.effect or places[c.id] in returned]
        self._change(
            RETURNED,
            [
                ("returned" if (back := returned.get(places[c.id], 0)) == c.deposit else "settled", str(back), n)
                for n, c in closed
            ],
        )
        return len(closed)

    def _settle(self) -> int:
        """Note what the chain says of what was accepted: what came back, whoever asked for it, and what others took."""
        model, incentive = self.model, self.model.paying
        rows = self._all(
            "SELECT items.id, contributor, x, y, round, deposit, block FROM items "
            "JOIN batches ON batches.id = items.batch WHERE state = 'accepted'"
        )
        keys = [record_key(model.address, who, self.wallet.address, x, y) for _, who, x, y, *_ in rows]
        records = incentive.call_many("record", [(key,) for key in keys])
        # a record has a time as long as it is open, and the round that the contribution had, or a later one
        closed = {
            key: row
            for key, row, (_, _, time, *_, round) in zip(keys, rows, records, strict=True)
            if time == 0 or round != row[4] + 1
        }
        if not closed:
            return 0
        taken: Counter[bytes] = Counter()
        good = set()
        names, first = ("Refund", "Report", "Take"), min(row[6] for row in closed.values())
        for name, values in incentive.past_events(names, first, model.node.block, word(model.address)):
            if name == "Refund":
                good.add(values["contribution"])
            else:
                taken[values["contribution"]] += values["amount"]
        self._change(
            RETURNED,
            [
                ("returned" if key in good else "settled", str(max(0, int(row[5]) - taken[key])), row[0])
                for key, row in closed.items()
            ],
        )
        return len(closed)

    def run(self, stop: threading.Event, say: Callable[[str], Any] = print, pause: float = 1.0) -> None:
        """Do all that is due, again and again, until told to stop; what the node does not answer is tried again.

        Raises `ComodelsError` if another process does so already with the same file.
        """
        with open(self.path.with_suffix(".lock"), "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ComodelsError(f"Another sponsor's service works with {self.path} already.") from None
            self._run(stop, say, pause)

    def _run(self, stop: threading.Event, say: Callable[[str], Any], pause: float) -> None:
        next_look, resumed = 0.0, False
        batches = self.model.paying.data(*self._call([]))[:4]
        while not stop.is_set():
            try:
                if not resumed:  # of batches `work` finds out what came
                    finish(self.model.node, self.wallet, lambda note: note.data[:4] != batches)
                    resumed = True
                sent = self.work()
                if time.monotonic() >= next_look:
                    self.look_back()
                    self.refund()
                    next_look = time.monotonic() + 600
                if sent:
                    continue
            except NodeError as error:
                say(f"{self.model.name}: {error}")
            stop.wait(pause)
