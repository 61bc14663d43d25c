"""What the contributions to a prediction market that has ended are owed, from events, with proofs to withdraw it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from eth_utils import keccak, to_checksum_address

from comodels.chain.abi import word
from comodels.chain.contract import ContractAt
from comodels.chain.logs import Contribution, add_data_topics, block_of, pages
from comodels.errors import ComodelsError
from comodels.incentives import prediction_market as p
from comodels.incentives.chains import Given, around
from comodels.incentives.scorers import MAX_BATCH
from comodels.incentives.settlement import GROUP, OwedTree, settle, shares
from comodels.wire import pack_entries, pack_withdrawal

MANY = 20  # contributions that are withdrawn in a transaction: each may be paid to a contract, which has its gas


@dataclass(frozen=True)
class View:
    """What the contract's `market` tells."""

    provider: str
    root: bytes
    plan: p.Plan
    draw_block: int
    drawn_bits: int
    scorer: str
    phase: int
    deadline: int
    contributions: int
    scored: int
    settled: int
    revealed: int
    copied: int
    initial_errors: int
    errors: int
    next: int

    @classmethod
    def of(cls, values: Sequence[Any]) -> View:
        """From what the contract's `market` returns."""
        provider, root, plan, *rest = values
        return cls(to_checksum_address(provider), root, p.Plan(*plan), *rest)

    @property
    def drawn(self) -> list[int]:
        return [i for i in range(self.plan.portions) if self.drawn_bits >> i & 1]

    @property
    def hidden(self) -> list[int]:
        return [i for i in range(self.plan.portions) if not self.drawn_bits >> i & 1]

    @property
    def to_reveal(self) -> list[int]:
        """The portions that are to be revealed now, in the order in which that must be."""
        left = (self.drawn + self.hidden)[self.revealed :]
        return left if self.phase == p.REVEALING else [i for i in left if self.drawn_bits >> i & 1]

    @property
    def ended(self) -> bool:
        return self.phase >= p.SETTLED


@dataclass(frozen=True)
class Stake:
    """A contribution to a market, from its `AddData` event."""

    index: int  # from 1
    contributor: str
    x: bytes
    y: int
    effect: int
    sponsor: str  # who paid: the contributor, or who sent it for them

    @property
    def given(self) -> Given:
        """The same without its index."""
        given = self.contributor, self.x, self.y, self.effect
        return given if self.sponsor == self.contributor else (*given, self.sponsor)


@dataclass(frozen=True)
class Payout:
    """What a contribution is owed.

    Attributes
    ----------
    amount : int
        Wei.
    back : int
        What of it is the sponsor's, in wei; the rest is the contributor's.
    rounds : int
        In how many rounds it took part; 0 if it was not settled.
    proof : tuple of bytes, or None
        The nodes beside the way to the tree's top; None for what was not settled.
    beside : tuple
        Of what was not settled, what is shown beside it: see `comodels.incentives.chains`.
    """

    stake: Stake
    amount: int
    back: int
    rounds: int = 0
    proof: tuple[bytes, ...] | None = None
    beside: tuple[bytes, Sequence[bytes]] = (bytes(32), ())

    @property
    def packed(self) -> bytes:
        """The claim as the contract's `withdraw` takes it alone."""
        return pack_payouts([self])

    def to(self, account: str) -> int:
        """What of it is an account's, in wei."""
        earned = self.amount - self.back
        return self.back * (account == self.stake.sponsor) + earned * (account == self.stake.contributor)

    @property
    def accounts(self) -> tuple[str, ...]:
        """Who gets something of it, and in any case who paid."""
        s = self.stake
        return (s.sponsor,) if self.back == self.amount or s.sponsor == s.contributor else (s.sponsor, s.contributor)

    def call(self, market: int) -> tuple:
        """The function that pays it alone, and its arguments."""
        if self.proof is not None:
            return "withdraw", market, self.packed
        s = self.stake
        return "withdraw_stake", market, s.index, s.contributor, s.sponsor, keccak(s.x), s.y, s.effect, *self.beside


def calls(market: int, payouts: Sequence[Payout]) -> list[tuple[list[Payout], tuple]]:
    """What pays them all, as few calls as fit in transactions: of each what it pays, function and arguments."""
    found = [([due], due.call(market)) for due in payouts if due.proof is None]
    proved = iter([due for due in payouts if due.proof is not None])
    while batch := list(islice(proved, MANY)):
        packed = pack_payouts(batch)
        assert len(packed) <= MAX_BATCH
        found.append((batch, ("withdraw", market, packed)))
    return found


def pack_payouts(payouts: Sequence[Payout]) -> bytes:
    """Claims with proofs as a call of `withdraw` takes them: each ends where its way joins that of the one before.

    Those that stand beside each other in their order have the shortest.
    """
    claims, before = [], None
    for due in payouts:
        s, proof = due.stake, due.proof or ()
        nodes = len(proof) if before is None else (s.index - 1 ^ before - 1).bit_length()
        claims.append(pack_withdrawal(s.contributor, due.amount, s.index, proof[:nodes], s.sponsor))
        before = s.index
    return b"".join(claims)


def stakes_in(contract: ContractAt, model: str, market: int, first: int, last: int) -> list[Stake]:
    """All contributions to a market in their order, from these blocks' events; what had no effect is none."""
    found = pages(contract.chain, first, last, add_data_topics(model), contract.address)
    return stakes_of((Contribution.from_log(log, 0) for _, logs in found for log in logs), model, market)


def stakes_of(contributions: Iterable[Contribution], model: str, market: int) -> list[Stake]:
    """The same among contributions to the model."""
    found = {}
    for c in contributions:
        where, index = p.place_of(model, c.more)
        if where == market and c.effect:
            found[index] = Stake(index, c.contributor, c.x, c.label, c.effect, c.sponsor)
    return [found[i] for i in sorted(found)]


def errors_in(contract: ContractAt, market: int, first: int, last: int) -> list[list[int]]:
    """Wrong hidden rows after each contribution that was scored, in their order, from the events of these blocks.

    By the calls that scored them, which `settle` must know.
    """
    found = {
        values["first"]: list(values["errors"])
        for _, values in contract.past_events(["Scored"], first, last, word(market))
    }
    return [found[i] for i in sorted(found)]


def entries(stakes: Sequence[Stake], errors: Sequence[Sequence[int]]) -> bytes:
    """What the contract's `settle` is shown: contributions, and the errors after each by the calls that scored them."""
    scored = iter(stakes)
    return pack_entries([(s.contributor, e, s.sponsor) for e, s in zip(some, scored, strict=False)] for some in errors)


def payouts(phase: int, plan: p.Plan, initial: int, stakes: Sequence[Stake], errors: Sequence[int]) -> list[Payout]:
    """What each contribution to a market that has ended is owed, paid or not.

    Parameters
    ----------
    phase : int
        How the market ended.
    initial : int
        Errors before the first contribution.
    errors : sequence of int
        After each that was scored.
    """
    if phase in (p.SILENT, p.CANCELLED, p.VOID):
        errors = []
    results = settle([initial, *errors], plan.hidden_rows, plan.rounds)
    amounts = [plan.stake * balance // plan.hidden_rows for balance, _ in results]
    flat = plan.stake
    if phase == p.SILENT:
        flat += (plan.bounty + plan.bond) // len(stakes)
    settled = list(zip(stakes, amounts, (rounds for _, rounds in results), strict=False))
    given = [stake.given for stake in stakes]
    found = [Payout(s, flat, plan.stake, beside=around(given, s.index, s.index)) for s in stakes[len(settled) :]]
    if not settled:
        return found
    tree = OwedTree([(s.contributor, amount, s.sponsor) for s, amount, _ in settled])
    return [
        Payout(s, amount, shares(amount, plan.stake)[0], rounds, tuple(tree.proof(s.index - 1)))
        for s, amount, rounds in settled
    ] + found


def unpaid(contract: ContractAt, market: int, found: Sequence[Payout]) -> list[Payout]:
    """Those that were not paid yet.

    Raises
    ------
    ComodelsError
        If the proofs lead to another root than the contract's: the node did not show all events.
    """
    settled = [due for due in found if due.proof is not None]
    if settled:
        tree = OwedTree([(due.stake.contributor, due.amount, due.stake.sponsor) for due in settled])
        if tree.root != contract.call("owed_root", market):
            raise ComodelsError("The node's events do not lead to what the contract settled: ask another node.")
    groups = contract.call_many("dues", [(market, i) for i in range(-(-len(found) // GROUP))])
    places = [divmod(due.stake.index - 1, GROUP) for due in found]
    return [due for due, (group, bit) in zip(found, places, strict=True) if not groups[group] >> bit & 1]


def due_in(contract: ContractAt, model: str, market: int) -> list[Payout]:
    """What is owed for contributions to a market, and was not paid yet; nothing before it has ended."""
    view, last = View.of(contract.call("market", market)), contract.chain.block
    if not view.ended:
        return []
    first = block_of(contract.chain, view.draw_block, model)
    stakes = stakes_in(contract, model, market, first, last)
    errors = list(chain.from_iterable(errors_in(contract, market, first, last))) if view.scored else []
    return unpaid(contract, market, payouts(view.phase, view.plan, view.initial_errors, stakes, errors))
