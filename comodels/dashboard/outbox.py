"""Unsigned transactions on their way through a wallet: none of them goes out twice.

A transaction is prepared here and gets a token. Before the wallet is asked, the browser claims the token: a token can
be claimed once, and not while the same transaction of the same account is under way under another one. Then the browser
reports the hash or the rejection. Where it could not report anything (a reload while the wallet was open), the chain is
searched for the transaction.

Each visitor has transactions of their own: nobody can block those of an account by preparing the same in its name, nor
push out what others have under way.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from eth_abi import decode

from comodels.chain.abi import topic_of
from comodels.chain.account import MAX_GAS
from comodels.chain.node import Node, RpcError
from comodels.dashboard.incentives import Transaction
from comodels.dashboard.say import ether, exact, say
from comodels.dashboard.words import explain

MAX_KEPT = 2_000  # of all visitors together
MAX_OF_ONE = 100  # of one visitor
SEARCHED_BLOCKS = 64
SKIPPED = topic_of("Skipped(address,address,address,uint256,string)")
LOST_AFTER = 600  # seconds after which a transaction that the wallet never reported may be tried again


class OutboxError(Exception):
    """The message says what to do."""


@dataclass
class Parcel:
    """One transaction.

    Attributes
    ----------
    visitor : str
        Whose browser asked for it.
    gas, fee : int
        The most gas that it may use; wei that the gas which it is expected to use costs now.
    words : (bytes, str) or None
        A sample and its words, to be kept once it is on the chain.
    state : str
        prepared, asked (the wallet is open), sent, done, reverted, rejected.
    block : int
        The latest when it was prepared; when it is done, the one that it stands in.
    """

    token: str
    visitor: str
    account: str
    transaction: Transaction
    gas: int
    fee: int = 0
    model: str = ""
    words: tuple[bytes, str] | None = None
    state: str = "prepared"
    hash: str = ""
    message: str = ""
    created: float = field(default_factory=time.monotonic)
    nonce: int = 0
    block: int = 0

    @property
    def open(self) -> bool:
        """Whether it may still reach the chain."""
        return self.state in ("asked", "sent")

    @property
    def same(self) -> tuple:
        """What makes two transactions the same: whoever changes only the maximum means the same one."""
        return self.visitor, self.account, self.transaction.to, self.transaction.data

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

    def prepare(
        self,
        visitor: str,
        account: str,
        transaction: Transaction,
        model: str = "",
        words: tuple[bytes, str] | None = None,
    ) -> Parcel:
        """Try a transaction out and estimate its gas. Raises `OutboxError` if it would be refused."""
        fields = {
            "from": account,
            "to": transaction.to,
            "data": "0x" + transaction.data.hex(),
            "value": hex(transaction.value),
        }
        tried, gas, price, balance, nonce, block = self.node.many(
            [
                # deposits and waits depend on the time, and the next block's is later
                ("eth_call", [fields, "pending"]),
                ("eth_estimateGas", [fields, "pending"]),
                ("eth_gasPrice", []),
                ("eth_getBalance", [account, "latest"]),
                ("eth_getTransactionCount", [account, "latest"]),
                ("eth_blockNumber", []),
            ]
        )
        if isinstance(balance, str) and int(balance, 16) < transaction.value:
            raise OutboxError(say("error.balance", balance=exact(int(balance, 16)), needed=exact(transaction.value)))
        for answer in (tried, gas):
            if isinstance(answer, RpcError):
                raise OutboxError(explain(str(answer)))
        limit = int(gas, 16)
        parcel = Parcel(
            token=secrets.token_urlsafe(18),
            visitor=visitor,
            account=account,
            transaction=transaction,
            # other transactions may come between; the rest comes back
            gas=min(limit + limit // 4 + 10_000, MAX_GAS),
            fee=limit * (int(price, 16) if isinstance(price, str) else 0),
            model=model,
            words=words,
            nonce=int(nonce, 16) if isinstance(nonce, str) else 0,
            block=int(block, 16) if isinstance(block, str) else 0,
        )
        with self._lock:
            self._make_room(visitor)
            self._parcels[parcel.token] = parcel
        return parcel

    def _make_room(self, visitor: str) -> None:
        """Forget the oldest of this visitor's; else of what nobody has sent; never what is under way."""
        own = [p for p in self._parcels.values() if p.visitor == visitor and not p.open]
        if len(own) >= MAX_OF_ONE:
            del self._parcels[own[0].token]
        if len(self._parcels) < MAX_KEPT:
            return
        rest = next((p for p in self._parcels.values() if not p.open), None)
        if rest is None:
            raise OutboxError(say("error.too_busy"))
        del self._parcels[rest.token]

    def get(self, token: str) -> Parcel:
        parcel = self._parcels.get(token)
        if parcel is None:
            raise OutboxError(say("error.restarted"))
        return parcel

    def claim(self, token: str) -> Parcel:
        """Reserve a transaction for being sent now. Raises `OutboxError` the second time."""
        parcel = self.get(token)
        for other in list(self._parcels.values()):
            if other is not parcel and other.same == parcel.same and other.open:
                self.status(other.token)  # the browser that sent it may be gone, so nobody has looked
        with self._lock:
            if parcel.state != "prepared":
                raise OutboxError(say("error.twice"))
            for other in self._parcels.values():
                if other is not parcel and other.same == parcel.same and other.open:
                    raise OutboxError(say("error.under_way"))
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
            self.sent(token, self.node.rpc("eth_sendTransaction", fields))
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
        receipt = self.node.rpc("eth_getTransactionReceipt", parcel.hash)
        if receipt is None:
            lost = time.monotonic() - parcel.created > LOST_AFTER
            if lost and self.node.rpc("eth_getTransactionByHash", parcel.hash) is None:
                parcel.state, parcel.message = "rejected", say("sent.dropped")
            return
        parcel.block = int(receipt["blockNumber"], 16)
        if int(receipt["status"], 16) == 1:
            paid = int(receipt["gasUsed"], 16) * int(receipt.get("effectiveGasPrice") or "0x0", 16)
            parcel.state, parcel.fee, parcel.message = "done", paid, say("sent.done", fee=ether(paid))
            parcel.message += self._skipped(parcel, receipt)
        else:
            parcel.state = "reverted"
            parcel.message = self._why(parcel, receipt)

    @staticmethod
    def _skipped(parcel: Parcel, receipt: dict) -> str:
        """What of a batch was not done, and why; empty if all was."""
        data = [bytes.fromhex(log["data"][2:]) for log in receipt["logs"] if log["topics"][0] == SKIPPED]
        why = dict.fromkeys(explain(decode(["uint256", "string"], part)[1]) for part in data)
        return " " + say("sent.skipped", n=len(data), of=parcel.transaction.count, why=" ".join(why)) if data else ""

    def _why(self, parcel: Parcel, receipt: dict) -> str:
        fields = parcel.fields(0)
        del fields["chainId"]
        answer = self.node.many([("eth_call", [fields, receipt["blockNumber"]])])[0]
        if isinstance(answer, RpcError):
            return say("sent.refused", why=explain(str(answer)))
        return say("sent.refused", why=say("sent.changed"))

    def _search(self, parcel: Parcel) -> None:
        """Find a transaction whose hash the browser could not report."""
        number = self.node.rpc("eth_blockNumber")
        nonce = self.node.rpc("eth_getTransactionCount", parcel.account, "latest")
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
                parcel.state, parcel.message = "rejected", say("sent.nothing")

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
