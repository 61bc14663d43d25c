"""Twin of `SelfAssessment`: deposits, refunds and takes in the same integers, with the same errors."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from math import isqrt
from typing import Protocol

from simulation.revert import Revert, require

MAX_COST_WEIGHT = 2**96 // 3_600 - 1
MAX_ROUND = 2**15 - 1


class Model(Protocol):
    """What an incentive asks of a model's twin."""

    def predict(self, x: bytes) -> int: ...

    def predict_without(self, x: bytes, y: int, effect: int) -> int: ...

    def update(self, x: bytes, y: int) -> int: ...


@dataclass(frozen=True)
class Terms:
    """The terms of one model: wei and seconds, as `SelfAssessment.Terms` in the contract."""

    cost_weight: int
    refund_wait: int
    owner_wait: int
    anyone_wait: int
    dispute_wait: int = 0
    without_own_effect: bool = False

    def __post_init__(self) -> None:
        require(self.cost_weight <= MAX_COST_WEIGHT, "self-assessment: cost weight too large")
        require(self.refund_wait <= self.owner_wait <= self.anyone_wait, "self-assessment: waits out of order")
        require(
            self.dispute_wait <= self.owner_wait - self.refund_wait,
            "self-assessment: dispute wait ends after the owner wait",
        )


@dataclass(slots=True)
class Contribution:
    """The record of one sample and label of one contributor."""

    claimable: int = 0  # wei
    deposit: int = 0  # wei
    time: int = 0  # seconds, 0 where nothing can be claimed
    effect: int = 0
    validated: bool = False
    round: int = 0
    reports: dict[str, int] = field(default_factory=dict)  # by reporter: time of the announcement, or PAID


PAID = 2**256 - 1


class SelfAssessment:
    """The contract's state for one model.

    Parameters
    ----------
    model : Model
    owner : str
        The model's owner; accounts are any hashable values.
    terms : Terms
    time : int
        Seconds: when the model was created.
    balances : dict of int, optional
        Wei of each account; changed by deposits and payments.

    Notes
    -----
    Source: Harris and Waggoner, "Decentralized & Collaborative AI on Blockchain", slides "Self-Assessment".
    """

    def __init__(self, model: Model, owner: str, terms: Terms, time: int, balances: dict[str, int] | None = None):
        self.model = model
        self.owner = owner
        self.terms = terms
        self.latest = time
        self.submitted = 0
        self.validated = 0
        self.validated_of: dict[str, int] = defaultdict(int)
        self.contributions: dict[tuple[str, bytes, int], Contribution] = {}
        self.balances = defaultdict(int) if balances is None else balances
        self.balance = 0  # wei held

    # ---- deposit -----------------------------------------------------------------------------------------------------

    def required_deposit(self, time: int) -> int:
        """Wei that a contribution needs at a time in seconds."""
        return self.terms.cost_weight * 3_600 // (isqrt(time - self.latest) or 1)

    def add_data(self, sender: str, x: bytes, y: int, value: int, time: int) -> int:
        """Contribute; `value` wei is the most to deposit. Returns the effect. Raises `Revert` and changes nothing."""
        if y >= 256:
            raise Revert("self-assessment: no such label")
        deposit = self.required_deposit(time)
        if deposit > value:
            raise Revert("self-assessment: deposit above the value sent")
        key = sender, x, y
        record = self.contributions.get(key)
        if record is None:
            validated, past = False, 0
        else:
            require(record.time == 0, "self-assessment: the same contribution is not settled yet")
            require(record.round < MAX_ROUND, "self-assessment: contributed too often")
            validated, past = record.validated, record.round
        effect = self.model.update(x, y)
        self.contributions[key] = Contribution(deposit, deposit, time, effect, validated, past + 1)
        self.submitted += 1
        self.latest = time
        self.balances[sender] -= deposit
        self.balance += deposit
        return effect

    # ---- refund ------------------------------------------------------------------------------------------------------

    def refund(self, sender: str, x: bytes, y: int, time: int) -> int:
        """The wei that the contributor gets back."""
        record = self._open_record(sender, x, y, time, self.terms.refund_wait)
        if not self._agrees(x, y, record):
            raise Revert("self-assessment: the model disagrees")
        if not record.validated:
            self.validated_of[sender] += 1
            self.validated += 1
            record.validated = True
        amount = record.claimable
        self._settle(record)
        return self._pay(sender, amount)

    # ---- take --------------------------------------------------------------------------------------------------------

    def flag(self, sender: str, contributor: str, x: bytes, y: int, time: int) -> None:
        """Announce a report."""
        require(self.terms.dispute_wait > 0, "self-assessment: report at once, there is no dispute wait")
        record = self._open_record(contributor, x, y, time, self.terms.refund_wait)
        self._check_reporter(sender, contributor)
        require(sender not in record.reports, "self-assessment: flagged already")
        require(not self._agrees(x, y, record), "self-assessment: the model agrees")
        record.reports[sender] = time

    def report(self, sender: str, contributor: str, x: bytes, y: int, time: int) -> int:
        """The wei that the reporter takes."""
        record = self._open_record(contributor, x, y, time, self.terms.refund_wait)
        self._check_reporter(sender, contributor)
        flagged = record.reports.get(sender, 0)
        if flagged == PAID:
            raise Revert("self-assessment: reported already")
        if self.terms.dispute_wait > 0:
            require(flagged > 0, "self-assessment: flag it first")
            require(time >= flagged + self.terms.dispute_wait, "self-assessment: too early")
        if self._agrees(x, y, record):
            raise Revert("self-assessment: the model agrees")
        share = record.deposit * self.validated_of[sender] // self.validated
        amount = min(share, record.claimable)
        if amount == 0:
            raise Revert("self-assessment: the share rounds to nothing")
        record.reports[sender] = PAID
        record.claimable -= amount
        if record.claimable == 0:
            self._settle(record)
        return self._pay(sender, amount)

    def take(self, sender: str, contributor: str, x: bytes, y: int, time: int) -> int:
        """The wei that the owner, or after the last wait anyone, takes."""
        record = self._open_record(contributor, x, y, time, self.terms.owner_wait)
        require(sender != contributor, "self-assessment: one's own contribution")
        if time < record.time + self.terms.anyone_wait:
            require(sender == self.owner, "self-assessment: only the owner, yet")
        amount = record.claimable
        require(amount > 0, "self-assessment: nothing left")
        self._settle(record)
        return self._pay(sender, amount)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _open_record(self, contributor: str, x: bytes, y: int, time: int, wait: int) -> Contribution:
        record = self.contributions.get((contributor, x, y))
        if record is None or record.time == 0:
            raise Revert("self-assessment: no such contribution, or settled already")
        if time < record.time + wait:
            raise Revert("self-assessment: too early")
        return record

    def _check_reporter(self, sender: str, contributor: str) -> None:
        if sender == contributor:
            raise Revert("self-assessment: one's own contribution")
        if not self.validated_of.get(sender):
            raise Revert("self-assessment: no validated contribution of one's own")

    def _agrees(self, x: bytes, y: int, record: Contribution) -> bool:
        if self.terms.without_own_effect:
            return self.model.predict_without(x, y, record.effect) == y
        return self.model.predict(x) == y

    @staticmethod
    def _settle(record: Contribution) -> None:
        record.claimable = record.deposit = record.time = record.effect = 0
        record.reports.clear()

    def _pay(self, account: str, amount: int) -> int:
        self.balance -= amount
        self.balances[account] += amount
        return amount
