"""Sending transactions from an account, through any node, so that each is mined once, and for no more than it may cost.

An account is one that eth-account has made (anything with ``address`` and ``sign_transaction``), the address of one for
which the node signs, or a `Wallet`, which also notes what it signs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from eth_utils import to_checksum_address

from comodels.chain.abi import Transaction, hashed
from comodels.chain.node import Node, NodeError, RpcError, Unreachable, all_of
from comodels.chain.notes import Note, Notes, request

CONFIRMATIONS = 2  # blocks above a transaction's until it counts as mined; none on local chains, which undo nothing
MAX_GAS = 2**24  # of a transaction (EIP-7825)
MAX_TRANSACTION_SIZE = 2**17  # bytes of a signed one: larger ones geth and others neither keep nor pass on
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 2  # seconds between two looks for a receipt
PATIENCE = 120  # seconds after which a transaction that is not mined is made dearer
LAG, LOCAL_LAG = 20, 0.5  # seconds that a part of what answers as one node may be behind another
GWEI = 10**9
USED = re.compile(r"nonce.*(?:too low|already|used)", re.IGNORECASE)  # what nodes say of a transaction's nonce


class Signer(Protocol):
    """Who signs by a key, as eth-account's `LocalAccount` does."""

    address: str

    def sign_transaction(self, fields: dict[str, Any]) -> Any:
        """A signed transaction, with its bytes in ``raw_transaction``."""


@dataclass
class Wallet:
    """An account, and how it sends.

    Attributes
    ----------
    notes : Notes or None
        Where each transaction is noted before it is sent.
    max_fee : int or None
        The most to pay for a unit of gas, in wei.
    patience : float
        Seconds after which a transaction that is not mined is replaced by a dearer one.
    say : callable
        Told what takes long or is done otherwise than asked, a line at a time.
    """

    signer: Signer | str
    notes: Notes | None = None
    max_fee: int | None = None
    patience: float = PATIENCE
    say: Callable[[str], object] = lambda line: None

    @property
    def address(self) -> str:
        return address_of(self.signer)


Account = Signer | str | Wallet


class Refused(NodeError):
    """A transaction reverted, or would; the text is the contract's reason."""


class TooDear(NodeError):
    """Gas costs more now than the account may pay; nothing was sent."""


class Overtaken(RpcError):
    """Another transaction took the place of one, which is never mined."""


def address_of(account: Account) -> str:
    """The account's address, checksummed."""
    return to_checksum_address(account if isinstance(account, str) else account.address)


# ---- what gas costs --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GasPrice:
    """Of a unit of gas in the next block.

    Attributes
    ----------
    base, tip : int
        Wei; the base fee is burnt, the tip goes to who makes the block.
    dynamic : bool
        Whether transactions say both (EIP-1559); otherwise they offer the sum.
    """

    base: int
    tip: int
    dynamic: bool = True

    @property
    def total(self) -> int:
        """Wei."""
        return self.base + self.tip

    def offer(self, most: int | None = None) -> dict[str, int]:
        """The fields of a transaction that offer this price, and twice the base fee if that rises.

        Raises `TooDear` where that is more than `most` wei for a unit.
        """
        if most is not None and self.total > most:
            raise TooDear(
                f"gas costs {self.total / GWEI:.3f} gwei now, and the most to pay is {most / GWEI:.3f}: wait, or raise "
                "--max-fee"
            )
        if not self.dynamic:
            return {"gasPrice": self.total}
        limit = 2 * self.base + self.tip
        limit = limit if most is None else min(limit, most)
        return {"maxPriorityFeePerGas": self.tip, "maxFeePerGas": limit, "type": 2}


def gas_price(node: Node) -> GasPrice:
    """What a transaction pays for a unit of gas in the next block."""
    history, tip, price = node.many(
        [("eth_feeHistory", ["0x1", "latest", []]), ("eth_maxPriorityFeePerGas", []), ("eth_gasPrice", [])]
    )
    bases = history.get("baseFeePerGas") if isinstance(history, dict) else None
    base = int(bases[-1], 16) if bases else 0
    if base == 0:
        return GasPrice(0, 0 if node.is_local else int(all_of([price])[0], 16), dynamic=False)
    if isinstance(tip, RpcError):
        tip = hex(max(0, int(all_of([price])[0], 16) - base))
    return GasPrice(base, int(tip, 16))


def dearer(fields: dict[str, Any], price: GasPrice, most: int | None) -> dict[str, int] | None:
    """The fields of what replaces a transaction: nodes ask for a tenth more; None where that is more than `most` wei.

    Examples
    --------
    >>> dearer({"maxPriorityFeePerGas": 8, "maxFeePerGas": 80}, GasPrice(100, 2), None)
    {'maxPriorityFeePerGas': 10, 'maxFeePerGas': 210}
    >>> dearer({"maxPriorityFeePerGas": 8, "maxFeePerGas": 80}, GasPrice(100, 2), 85)
    """
    if "gasPrice" in fields:
        new = {"gasPrice": max(fields["gasPrice"] * 9 // 8 + 1, price.total)}
    else:
        tip = max(fields["maxPriorityFeePerGas"] * 9 // 8 + 1, price.tip)
        least = max(fields["maxFeePerGas"] * 9 // 8 + 1, tip)
        best = max(least, 2 * price.base + tip)
        new = {"maxPriorityFeePerGas": tip, "maxFeePerGas": best if most is None else max(least, min(best, most))}
    return new if most is None or max(new.values()) <= most else None


# ---- sending ---------------------------------------------------------------------------------------------------------


def transact(
    node: Node,
    account: Account,
    to: str | None,
    data: bytes,
    value: int = 0,
    nonce: int | None = None,
    confirmations: int | None = None,
    signed_as: Callable[[str], object] = lambda identity: None,
) -> dict:
    """Send a transaction and wait until it is mined; its receipt.

    What a `Wallet` has signed for the same request before, and nobody was told of, is waited for instead.

    Parameters
    ----------
    value : int
        Wei.
    nonce : int, optional
        By default the account's next.
    confirmations : int, optional
        Blocks above the transaction's; by default `CONFIRMATIONS`, or none on a local chain.
    signed_as : callable
        Told the transaction's hash as soon as that is known: before it is sent, if the account signs by a key.

    Raises
    ------
    Refused
        If it reverts, or would, or needs more gas than a transaction can have, or more bytes.
    TooDear
        If gas costs more than the account may pay.
    RpcError
        If the node refuses it.
    Unreachable
        If the node does not answer: it may have arrived or not.
    """
    wallet = account if isinstance(account, Wallet) else Wallet(account)
    if receipt := sent_before(node, wallet, to, data, value, confirmations):
        signed_as(receipt["transactionHash"])
        return receipt
    transaction = Transaction(wallet.address, to and to_checksum_address(to), data, value)
    with wallet.notes.locked() if wallet.notes is not None else nullcontext() as file:
        sending = _sign(node, wallet, transaction, nonce)
        if isinstance(wallet.signer, str):
            signed_as(sending.send_by_node())
        else:
            signed_as(sending.sign(file))
            with suppress(Unreachable):  # it may have arrived: if not, it is sent again below
                sending.send()
    receipt = sending.wait(confirmations)
    if wallet.notes is not None:
        wallet.notes.known(sending.nonce)
    if int(receipt["status"], 16) != 1:
        if wallet.notes is not None:
            wallet.notes.forget(sending.nonce)
        why = node.why(replace(transaction, gas=sending.fields["gas"]))
        raise Refused(why or "the transaction reverted; now it would not")
    return receipt


def _sign(node: Node, wallet: Wallet, transaction: Transaction, nonce: int | None) -> Sending:
    """What is to be sent, with its nonce, gas and fee. Raises as `transact`."""
    gas, nonces, block = node.many(
        [
            ("eth_estimateGas", [transaction.call, "pending"]),  # what waits for a time is due then
            ("eth_getTransactionCount", [wallet.address, "pending"]),
            ("eth_getBlockByNumber", ["latest", False]),
        ]
    )
    if isinstance(gas, RpcError):
        raise Refused(str(gas)) if gas.reason is not None or "revert" in str(gas) else gas
    nonces, block = all_of([nonces, block])
    if nonce is None:  # a node may be behind what it has told before
        nonce = max(int(nonces, 16), wallet.notes.next_nonce if wallet.notes is not None else 0)
    needed, most = int(gas, 16), min(MAX_GAS, int(block["gasLimit"], 16))
    if needed > most:
        raise Refused(f"it needs {needed:,} gas, and a transaction can have {most:,}")
    limit = min(needed * 5 // 4 + 10_000, most)  # the state may be another by then
    fields: dict[str, Any] = {k: v for k, v in transaction.call.items() if k not in ("from", "value")}
    fields |= {"value": transaction.value, "chainId": node.chain_id, "nonce": nonce, "gas": limit}
    fields |= gas_price(node).offer(wallet.max_fee)
    return Sending(node, wallet, fields, request(transaction.to, transaction.data, transaction.value))


def sent_before(
    node: Node, account: Account, to: str | None, data: bytes, value: int = 0, confirmations: int | None = None
) -> dict | None:
    """The receipt of what was signed for this request before and nobody was told of, once it is mined.

    None if there is nothing such, or it was refused: it can be sent anew. `transact` asks this first; whoever checks
    something before, as a contract may refuse the same twice, asks earlier.
    """
    wallet = account if isinstance(account, Wallet) else Wallet(account)
    if wallet.notes is None:
        return None
    for notes in _by_nonce(wallet.notes.earlier(request(to, data, value))):
        if receipt := _outcome(node, wallet, wallet.notes, notes, confirmations):
            wallet.notes.known(notes[0].nonce)
            wallet.say(f"An earlier run has sent this, as {receipt['transactionHash']}: it is not sent again.")
            return receipt
    return None


def finish(node: Node, account: Account, answered: Callable[[Note], bool], confirmations: int | None = None) -> None:
    """Wait for all that was signed before and nobody was told of, sent again as it is where the node has lost it.

    Parameters
    ----------
    answered : callable
        Whether the caller finds out by itself what came of a transaction. Of the others, whoever asks is still told.
    """
    wallet = account if isinstance(account, Wallet) else Wallet(account)
    if wallet.notes is None:
        return
    for notes in _by_nonce(wallet.notes.waiting):
        if _outcome(node, wallet, wallet.notes, notes, confirmations) and answered(notes[-1]):
            wallet.notes.known(notes[0].nonce)


def _by_nonce(notes: Iterable[Note]) -> list[list[Note]]:
    found: dict[int, list[Note]] = {}
    for note in notes:
        found.setdefault(note.nonce, []).append(note)
    return [found[nonce] for nonce in sorted(found)]


def _outcome(node: Node, wallet: Wallet, file: Notes, notes: list[Note], confirmations: int | None) -> dict | None:
    """The receipt of what was signed with one nonce, once it is mined and went through; else it is forgotten."""
    signed = {note.hash: bytes.fromhex(note.raw) for note in notes}
    fields = notes[-1].fields | {"data": "0x" + notes[-1].data.hex()}
    try:
        receipt = Sending(node, wallet, fields, notes[-1].asked, signed).wait(confirmations)
    except RpcError:  # what is sent in its place has the same nonce, or this one is taken: only one is mined
        file.forget(notes[0].nonce)
        return None
    if int(receipt["status"], 16) == 1:
        return receipt
    file.forget(notes[0].nonce)
    return None


class Sending:
    """A transaction on its way: all that was signed for one nonce, each at a higher fee than the one before.

    Parameters
    ----------
    fields : dict
        Of the latest, as numbers; ``to`` and ``data`` as texts.
    asked : str
        See `Note`.
    signed : dict
        By their hashes; what the node has signed is None.
    """

    def __init__(
        self,
        node: Node,
        wallet: Wallet,
        fields: dict[str, Any],
        asked: str,
        signed: Mapping[str, bytes | None] | None = None,
    ):
        self.node, self.wallet, self.fields, self.asked = node, wallet, fields, asked
        self.signed = dict(signed or {})
        self.nonce: int = fields["nonce"]
        self._since = time.monotonic()
        self._told = False

    def _hex(self) -> dict[str, Any]:
        return {k: hex(v) if isinstance(v, int) else v for k, v in self.fields.items()}

    def sign(self, file: Any = None) -> str:
        """Sign it, and note it in the locked file of notes; its hash. Raises `Refused` if it is too large."""
        assert not isinstance(self.wallet.signer, str)
        signer = self.wallet.signer
        raw = bytes(signer.sign_transaction(self._hex()).raw_transaction)
        if len(raw) > MAX_TRANSACTION_SIZE:
            raise Refused(f"it has {len(raw):,} bytes, and nodes pass on {MAX_TRANSACTION_SIZE:,} at most")
        identity = "0x" + hashed(raw).hex()
        if self.wallet.notes is not None:
            fields = {k: v for k, v in self.fields.items() if k != "data"}
            self.wallet.notes.add(file, Note(identity, self.nonce, self.asked, raw.hex(), fields))
        self.signed[identity] = raw
        self._since = time.monotonic()
        return identity

    def send_by_node(self) -> str:
        """Let the node sign and send it; its hash."""
        identity = self.node.rpc("eth_sendTransaction", self._hex() | {"from": self.wallet.address})
        self.signed[identity] = None
        return identity

    def send(self) -> None:
        """Send the latest. Raises `RpcError` if the node refuses it, `Unreachable`."""
        raw = list(self.signed.values())[-1]
        if raw is not None:
            self.node.send_raw(raw)

    def replace(self, price: GasPrice) -> bool:
        """Sign and send a dearer one at a price, if the account may pay it; whether it did."""
        new = dearer(self.fields, price, self.wallet.max_fee)
        self._since = time.monotonic()
        if new is None or isinstance(self.wallet.signer, str):
            if not self._told:
                self.wallet.say("It is not mined yet, and a higher fee is more than --max-fee allows: it waits.")
            self._told = True
            return False
        self.fields |= new
        with self.wallet.notes.locked() if self.wallet.notes is not None else nullcontext() as file:
            identity = self.sign(file)
            with suppress(NodeError):  # refused: the one before may be mined, or a still dearer one is needed later
                self.send()
        offered = max(new.values()) / GWEI
        self.wallet.say(f"It is not mined yet: replaced by {identity}, which offers {offered:.3f} gwei.")
        return True

    def wait(self, confirmations: int | None = None) -> dict:
        """The receipt, as soon as one of them is mined; the node is given them again if it forgets them.

        Raises
        ------
        Overtaken
            If another transaction with its nonce was mined.
        RpcError
            If the node has forgotten it and refuses it now.
        Unreachable
            If the node does not answer any more.
        """
        if confirmations is None:
            confirmations = 0 if self.node.is_local else CONFIRMATIONS
        pause, missed, gone = FIRST_PAUSE, 0, None
        while True:
            try:
                receipt, known, mined, block = self._look()
            except NodeError as error:  # what cannot be seen is not refused: it may be mined all the same
                missed += 1
                if missed > 3:
                    raise Unreachable(f"{error}; what became of {list(self.signed)[-1]} is not known") from None
            else:
                missed = 0
                if receipt is not None:
                    if block - int(receipt["blockNumber"], 16) >= confirmations:
                        return receipt
                elif mined > self.nonce and not known:
                    gone = gone or time.monotonic()
                    if time.monotonic() - gone > (LOCAL_LAG if self.node.is_local else LAG):
                        raise Overtaken(
                            f"another transaction of {self.wallet.address} took the place of {list(self.signed)[-1]}"
                        )
                elif mined <= self.nonce:
                    self._push(mined, known)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _look(self) -> tuple[dict | None, bool, int, int]:
        """The receipt, whether the node knows the transaction, the account's mined ones, and the latest block."""
        methods = ("eth_getTransactionReceipt", "eth_getTransactionByHash")
        questions = [(method, [identity]) for identity in self.signed for method in methods]
        questions += [("eth_getTransactionCount", [self.wallet.address, "latest"]), ("eth_blockNumber", [])]
        *answers, mined, block = all_of(self.node.many(questions))
        receipts = [receipt for receipt in answers[::2] if receipt is not None]
        return receipts[0] if receipts else None, any(answers[1::2]), int(mined, 16), int(block, 16)

    def _push(self, mined: int, known: bool) -> None:
        """Have the node know it again, with what comes before it; dearer, if it has waited long."""
        if self.wallet.notes is not None and mined < self.nonce:  # undone by a reorganisation, and forgotten
            for note in self.wallet.notes.between(mined, self.nonce):
                with suppress(NodeError):
                    self.node.send_raw(bytes.fromhex(note.raw))
        waited = time.monotonic() - self._since > self.wallet.patience
        if known and not (waited and mined == self.nonce):
            return
        try:
            price = gas_price(self.node)
            if known:
                self.replace(price)
                return
        except NodeError:  # it is looked for again
            return
        try:
            self.send()
        except Unreachable:
            return
        except RpcError as refusal:
            if refusal.too_fast or USED.search(str(refusal)):  # it was free a moment ago: blocks come, or are undone
                return
            if self.fields.get("maxFeePerGas", self.fields.get("gasPrice", 0)) >= price.base:
                raise
            self.replace(price)
