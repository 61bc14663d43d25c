"""Many contributions of one account, in batches: as many at once as the chain takes, each batch at a bearable price.

What was signed and may be on its way is waited for first, and sent again as it is if the node has lost it. What an
account has contributed is then read from the chain. So whatever was interrupted goes on without sending twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from comodels.batch import MAX_OWN_BYTES
from comodels.chain.account import MAX_GAS, Account, Refused, address_of, finish
from comodels.chain.node import RpcError
from comodels.errors import ComodelsError
from comodels.publish import wait_until_mined
from comodels.rows import ROW_HEAD, in_parts, pack_rows
from comodels.wire import ADD_DATA_TOPIC, AddData

Rows = Sequence[tuple[bytes, int]]

MOST = 100  # contributions in a batch: more save hardly any gas
GAS = MAX_GAS * 3 // 4  # of a batch: the model may need more when it is sent than when it was asked
PAUSE = 5  # seconds between two looks at the price
TOO_DEAR = "self-assessment: deposits above the value sent", "prediction-market: stake above the value sent"


@dataclass
class Result:
    """What became of contributions.

    Attributes
    ----------
    accepted, learnt : int
        How many, and how many of them changed the model.
    deposit : int
        Wei, of all that were accepted.
    skipped : Counter
        By reason.
    transactions : list of str
        Hashes.
    gas : int
        That was used.
    """

    accepted: int = 0
    learnt: int = 0
    deposit: int = 0
    skipped: Counter = field(default_factory=Counter)
    transactions: list[str] = field(default_factory=list)
    gas: int = 0


def remaining(model: Any, account: str, rows: Rows) -> list[tuple[bytes, int]]:
    """The samples and labels that an account has not contributed yet, each once, in their order."""
    done = {(c.x, c.label) for c in model.contributions() if account in (c.contributor, c.sponsor)}
    return [row for row in dict.fromkeys(rows) if row not in done]


def price(model: Any, count: int) -> int:
    """The deposit that each of so many contributions in one batch needs now, in wei."""
    return model.adapter.batch_deposit(model.paying, model.address, count)


def usual_price(model: Any, count: int) -> int:
    """What each of a batch needs an hour after the latest contribution, or in a market always, in wei."""
    return model.adapter.usual_deposit(model.paying, model.address, count)


def next_batch(model: Any, account: str, rows: Rows, most: int = MOST) -> tuple[Rows, int]:
    """As many of the first rows as fit one transaction, and the gas that they need.

    Raises
    ------
    RpcError
        If not even one of them can be sent.
    """
    count = len(next(in_parts(rows, lambda row: ROW_HEAD + len(row[0]), MAX_OWN_BYTES, most), []))
    while True:
        part = rows[:count]
        value = price(model, count) * count
        call = model.paying.transaction(*_function(model, part), sender=account, value=value).call
        try:
            gas = int(model.node.rpc("eth_estimateGas", call, "pending"), 16)
        except RpcError:
            if count <= 1:
                raise
            gas = MAX_GAS
        if gas <= GAS or count <= 1:
            return part, gas
        count //= 2


def contribute(
    model: Any,
    account: Account,
    rows: Rows,
    max_deposit: int | None = None,
    progress: Callable[[int], Any] = lambda count: None,
    say: Callable[[str], Any] = print,
) -> Result:
    """Contribute samples with their labels, batch by batch.

    Parameters
    ----------
    model : comodels.published.PublishedModel
    rows : sequence of (bytes, int)
        Encoded samples, and the indices of their classes.
    max_deposit : int, optional
        Wei for each, at most: as long as a batch needs more, it waits. By default what it needs an hour after the
        latest contribution; in a market the stake.
    progress : callable
        Told how many were dealt with.

    Raises
    ------
    comodels.chain.account.Refused, comodels.chain.node.NodeError
        If the chain refuses a batch, or does not answer. Called again, it goes on with what is left.
    """
    sender = address_of(account)
    if "add_many" not in model.paying.names:
        raise ComodelsError(f"The incentive of {model.name} takes no batches.")
    finish(model.node, account, lambda note: note.data[:4] == model.paying.data(*_function(model, ()))[:4])
    wait_until_mined(model.node, sender, say)
    left = remaining(model, sender, rows)
    progress(len(rows) - len(left))
    result = Result()
    while left:
        try:
            part, _ = next_batch(model, sender, left)
        except (ComodelsError, RpcError) as error:
            if not result.transactions:
                raise
            say(f"{error} {len(left):,} samples are left.")  # a market that is over or full takes no more
            return result
        most = usual_price(model, len(part)) if max_deposit is None else max_deposit
        wait_for_price(model, len(part), most, say)
        value = price(model, len(part)) * len(part)
        try:
            receipt = model.paying.transact(*_function(model, part), account=account, value=value)
        except Refused as error:
            if any(text in str(error) for text in TOO_DEAR):  # somebody came before
                continue
            raise
        read(model, receipt, result)
        left = left[len(part) :]
        progress(len(part))
    return result


def wait_for_price(model: Any, count: int, most: int, say: Callable[[str], Any] = print) -> None:
    """Wait until each contribution of a batch needs at most so many wei.

    Raises `ComodelsError` where that does not fall with time.
    """
    told = False
    while (now := price(model, count)) > most:
        if not model.adapter.falls:
            raise ComodelsError(f"Each contribution needs {now:,} wei, and at most {most:,} shall be deposited.")
        if not told:
            say(
                f"A batch of {count} needs {now:,} wei for each now, and at most {most:,} shall be deposited: waiting "
                "for the price to fall, which it does with the time since the last contribution by anybody."
            )
            told = True
        time.sleep(PAUSE)


def read(model: Any, receipt: dict, result: Result) -> None:
    """Count what the events of a batch say."""
    result.transactions.append(receipt["transactionHash"])
    result.gas += int(receipt["gasUsed"], 16)
    for log in receipt["logs"]:
        if log["topics"][0] == ADD_DATA_TOPIC:
            facts = AddData.from_log(log).facts
            result.accepted += 1
            result.learnt += facts.effect > 0
            result.deposit += facts.deposit
    result.skipped.update(arguments["reason"] for name, arguments in model.paying.events(receipt) if name == "Skipped")


def _function(model: Any, rows: Rows) -> tuple:
    return "add_many", model.address, len(rows), pack_rows((y, x) for x, y in rows)
