"""Unsigned transactions on their way through a wallet: none of them goes out twice.

A transaction is prepared here and gets a token. Before the wallet is asked, the browser claims the token: a token can
be claimed once, and not while the same transaction of the same account is under way under another one. Then the browser
reports the hash or the rejection. Where it could not report anything (a reload while the wallet was open), the chain is
searched for the transaction.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from dashboard.incentives import Transaction
from dashboard.rpc import Node, RpcError
from dashboard.words import explain

MAX_KEPT = 2_000
SEARCHED_BLOCKS = 64
LOST_AFTER = 600  # seconds after which a transaction that the wallet never reported may be tried again


class OutboxError(Exception):
    """The message says what to do."""


@dataclass
class Parcel:
    """One transaction.

    Attributes
    ----------
    state : str
        prepared, asked (the wallet is open), sent, done, reverted, rejected.
    """

    token: str
    account: str
    transaction: Transaction
    gas: int
    model: str = ""
    state: str = "prepared"
    hash: str = ""
    message: str = ""
    created: float = field(default_factory=time.monotonic)
    nonce: int = 0
    block: int = 0
    created_model: str = ""

    @property
    def same(self) -> tuple:
        """What makes two transactions the same: whoever changes only the maximum means the same one."""
        return self.account, self.transaction.to, self.transaction.data

    def fields(self, chain_id: int) -> dict[str, str]:
        """As a wallet takes it."""
        return {
            "from": self.account,
            "to": self.transaction.to,
            "data": "0x" + self.transaction.data.hex(),
            "value": hex(self.transaction.value),
            "gas": hex(self.gas),
            "chainId": hex(chain_id),
        }


class Outbox:
    """Transactions that this server prepared since it was started."""

    def __init__(self, node: Node):
        self.node = node
        self._parcels: OrderedDict[str, Parcel] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self, account: str, transaction: Transaction, model: str = "") -> Parcel:
        """Try a transaction out and estimate its gas. Raises `OutboxError` if it would be refused."""
        fields = {
            "from": account,
            "to": transaction.to,
            "data": "0x" + transaction.data.hex(),
            "value": hex(transaction.value),
        }
        tried, gas, nonce, block = self.node.many(
            [
                (
                    "eth_call",
                    [fields, "pending"],
                ),  # deposits and waits depend on the time, and the next block's is later
                ("eth_estimateGas", [fields, "pending"]),
                ("eth_getTransactionCount", [account, "latest"]),
                ("eth_blockNumber", []),
            ]
        )
        for answer in (tried, gas):
            if isinstance(answer, RpcError):
                raise OutboxError(explain(str(answer)))
        limit = int(gas, 16)
        parcel = Parcel(
            token=secrets.token_urlsafe(18),
            account=account,
            transaction=transaction,
            gas=min(
                limit + limit // 4 + 10_000, 16_777_216
            ),  # other transactions may come between; the rest comes back
            model=model,
            nonce=int(nonce, 16) if isinstance(nonce, str) else 0,
            block=int(block, 16) if isinstance(block, str) else 0,
        )
        with self._lock:
            self._parcels[parcel.token] = parcel
            while len(self._parcels) > MAX_KEPT:
                self._parcels.popitem(last=False)
        return parcel

    def get(self, token: str) -> Parcel:
        parcel = self._parcels.get(token)
        if parcel is None:
            raise OutboxError(
                "This page was restarted in the meantime. Reload it and look at your contributions first."
            )
        return parcel

    def claim(self, token: str) -> Parcel:
        """Reserve a transaction for being sent now. Raises `OutboxError` the second time."""
        parcel = self.get(token)
        for other in list(self._parcels.values()):
            if other is not parcel and other.same == parcel.same and other.state in ("asked", "sent"):
                self.status(other.token)  # the browser that sent it may be gone, so nobody has looked
        with self._lock:
            if parcel.state != "prepared":
                raise OutboxError("This was sent to the wallet already; it does not go out twice.")
            for other in self._parcels.values():
                if other is not parcel and other.same == parcel.same and other.state in ("asked", "sent"):
                    raise OutboxError(
                        "Exactly this is under way already. "
                        "Confirm or reject it in the wallet, and wait for its result."
                    )
            parcel.state = "asked"
            parcel.created = time.monotonic()
        return parcel

    def rejected(self, token: str, message: str) -> None:
        parcel = self.get(token)
        with self._lock:
            if parcel.state in ("prepared", "asked"):
                parcel.state, parcel.message = "rejected", message

    def sent(self, token: str, transaction_hash: str) -> None:
        parcel = self.get(token)
        with self._lock:
            if parcel.state in ("prepared", "asked"):
                parcel.state, parcel.hash = "sent", transaction_hash

    def send_locally(self, token: str) -> Parcel:
        """Let the node of a local chain sign and send. Only for accounts of that node."""
        parcel = self.claim(token)
        fields = parcel.fields(0)
        del fields["chainId"]
        try:
            self.sent(token, self.node.one("eth_sendTransaction", fields))
        except RpcError as error:
            message = explain(str(error))
            self.rejected(token, message)
            raise OutboxError(message) from error
        return parcel

    def status(self, token: str) -> Parcel:
        """A transaction with its state as the chain knows it now."""
        parcel = self.get(token)
        if parcel.state == "asked":
            self._search(parcel)
        if parcel.state == "sent":
            self._receipt(parcel)
        return parcel

    def clear(self) -> None:
        """Forget all transactions."""
        with self._lock:
            self._parcels.clear()

    def _receipt(self, parcel: Parcel) -> None:
        receipt = self.node.one("eth_getTransactionReceipt", parcel.hash)
        if receipt is None:
            lost = time.monotonic() - parcel.created > LOST_AFTER
            if lost and self.node.one("eth_getTransactionByHash", parcel.hash) is None:
                parcel.state, parcel.message = "rejected", "The chain dropped the transaction; it can be sent again."
            return
        if int(receipt["status"], 16) == 1:
            parcel.state, parcel.message = "done", f"Done, with {int(receipt['gasUsed'], 16):,} gas."
        else:
            parcel.state = "reverted"
            parcel.message = self._why(parcel, receipt)

    def _why(self, parcel: Parcel, receipt: dict) -> str:
        fields = parcel.fields(0)
        del fields["chainId"]
        answer = self.node.many([("eth_call", [fields, receipt["blockNumber"]])])[0]
        head = "It was mined, but the contract refused it: only gas was spent. "
        if isinstance(answer, RpcError):
            return head + explain(str(answer)).replace(" Nothing was sent.", "")
        return head + "Something changed between signing and mining. Reload the page and try again."

    def _search(self, parcel: Parcel) -> None:
        """Find a transaction whose hash the browser could not report."""
        number = self.node.one("eth_blockNumber")
        nonce = self.node.one("eth_getTransactionCount", parcel.account, "latest")
        last = int(number, 16)
        if int(nonce, 16) > parcel.nonce:
            first = max(parcel.block + 1, last - SEARCHED_BLOCKS)
            blocks = self.node.many([("eth_getBlockByNumber", [hex(n), True]) for n in range(first, last + 1)])
            for block in blocks:
                if isinstance(block, RpcError) or block is None:
                    continue
                for t in block["transactions"]:
                    if self._matches(t, parcel):
                        self.sent(parcel.token, t["hash"])
                        return
        if time.monotonic() - parcel.created > LOST_AFTER:
            with self._lock:
                parcel.state, parcel.message = "rejected", "The wallet never answered. Nothing was found on chain."

    @staticmethod
    def _matches(t: Any, parcel: Parcel) -> bool:
        return (
            isinstance(t, dict)
            and (t.get("from") or "").lower() == parcel.account.lower()
            and (t.get("to") or "").lower() == parcel.transaction.to.lower()
            and (t.get("input") or t.get("data")) == "0x" + parcel.transaction.data.hex()
            and int(t.get("nonce", "0x0"), 16) >= parcel.nonce
        )


def describe(parcel: Parcel) -> dict[str, Any]:
    """What the browser learns of a transaction."""
    return {
        "token": parcel.token,
        "state": parcel.state,
        "hash": parcel.hash,
        "message": parcel.message,
        "what": parcel.transaction.what,
    }
