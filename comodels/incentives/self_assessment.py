"""Twin of `SelfAssessment`: deposits, refunds and takes in the same integers, with the same errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt
from typing import Any

from comodels.batch import Signed
from comodels.incentives.terms import TermsBase, term
from comodels.incentives.twins import IsSigned, Model, add_each, agrees
from comodels.revert import Revert, attempt, require
from comodels.units import DAY

MAX_ROUND = 2**26 - 1
JUST_LEARNT = "self-assessment: the model learnt just now, ask in a later block"


@dataclass(frozen=True)
class Terms(TermsBase):
    """The terms of one model, as `SelfAssessment.Terms` in the contract; by default the rule by which nobody is robbed.

    There are two rules. By the default one, what nobody reports goes back to whom it belongs from the rest wait on;
    by the slides' (`slides`), the owner takes it, and at last anyone.
    """

    cost_weight: int = term(
        10**15 // 60,  # 0.001 ether one hour after the contribution before
        "uint96",
        "hourly",
        "Deposit one hour after the contribution before",
        "Deposit in ether, one hour after the contribution before; 60 times that one second after it.",
        bits=70,
    )
    refund_wait: int = term(
        DAY,
        "uint32",
        "seconds",
        "Refunds, and reports by others, from",
        "From then on a deposit is refunded if the model agrees, and others may report it if not.",
        bits=26,
    )
    dispute_wait: int = term(
        3 * DAY,
        "uint32",
        "seconds",
        "A report must be announced this long before",
        "Between announcing a report and being paid for it; 0 for none.",
        bits=26,
    )
    rest_wait: int = term(
        10 * DAY,
        "uint32",
        "seconds",
        "What is left goes back from",
        "From then on nobody may report, and what is left goes back; 0 for the slides' rule.",
        bits=26,
    )
    owner_wait: int = term(
        0,
        "uint32",
        "seconds",
        "Slides' rule: the owner may take what is left from",
        "Slides' rule: from then on the owner may take what is left, even of good data that was not refunded in time.",
    )
    anyone_wait: int = term(
        0,
        "uint32",
        "seconds",
        "Slides' rule: anyone may take what is left from",
        "Slides' rule: from then on anyone may take what is left, even of good data that was not refunded in time.",
    )
    forgive_every: int = term(
        2,
        "uint8",
        "number",
        "One contribution is forgiven for so many validated ones",
        "For so many validated contributions, one deposit comes back although the model disagrees; 0: never.",
        bits=6,
    )
    born_wrong: bool = term(
        True,
        "bool",
        "choice",
        "Only what the model disagreed with when it came can be reported",
        "Only what the model disagreed with when it came can be reported.",
    )
    without_own_effect: bool = term(
        False,
        "bool",
        "choice",
        "Judge a sample as if it had never been added",
        "Judge a sample as if it had never been added.",
    )

    @classmethod
    def slides(cls, **changes: Any) -> Terms:
        """The rule of the slides, with a dispute wait unless told otherwise."""
        rule = {"dispute_wait": DAY, "rest_wait": 0, "owner_wait": 7 * DAY, "anyone_wait": 9 * DAY, "forgive_every": 0}
        return cls(**(rule | {"born_wrong": False} | changes))

    def __post_init__(self) -> None:
        for each in self.describe():
            require(getattr(self, each.name) <= each.most, "self-assessment: a term is too large")
        # otherwise a sample could be added, learnt and refunded within one block
        require(self.refund_wait > 0, "self-assessment: no refund wait")
        if self.rest_wait > 0:
            require(
                self.owner_wait == self.anyone_wait == 0, "self-assessment: the rest cannot both go back and be taken"
            )
        else:
            require(self.owner_wait <= self.anyone_wait, "self-assessment: the owner's wait is above anyone's")
            require(
                self.forgive_every == 0 and not self.born_wrong,
                "self-assessment: nothing is forgiven, and all can be reported, without a rest wait",
            )
        # who announces a report at the first moment has another dispute wait for the report itself
        require(
            self.refund_wait + 2 * self.dispute_wait < (self.rest_wait or self.owner_wait),
            "self-assessment: reports need more time: a longer rest wait (slides: owner wait)",
        )


def deposit_after(seconds: int, cost_weight: int) -> int:
    """The deposit that a contribution needs `seconds` after the one before, in wei."""
    return cost_weight * 3_600 // (isqrt(seconds) or 1)


def batch_deposit_after(seconds: int, count: int, cost_weight: int) -> int:
    """The deposit that each of `count` contributions in a batch needs `seconds` after the one before, in wei.

    As if they came evenly in that time, of which a day counts at most; one alone costs what it does in a single call.
    """
    return deposit_after(min(seconds, DAY) // count if count > 1 else seconds, cost_weight)


@dataclass(slots=True)
class Contribution:
    """The record of one sample and label of one contributor."""

    claimable: int = 0  # wei
    deposit: int = 0  # wei
    time: int = 0  # seconds, 0 where nothing can be claimed
    effect: int = 0
    born_wrong: bool = False  # the model disagreed when it came; never where the terms do not ask
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
        self.forgiven_of: dict[str, int] = defaultdict(int)
        self.keeper_of: dict[str, str] = {}
        # by contributor, sample, label, and sponsor where that is somebody else
        self.contributions: dict[tuple[str, bytes, int] | tuple[str, bytes, int, str], Contribution] = {}
        self.balances = defaultdict(int) if balances is None else balances
        self.balance = 0  # wei held

    # ---- deposit -----------------------------------------------------------------------------------------------------

    def required_deposit(self, time: int) -> int:
        """Wei that a contribution needs at a time in seconds."""
        return deposit_after(time - self.latest, self.terms.cost_weight)

    def add_data(self, sender: str, x: bytes, y: int, value: int, time: int) -> int:
        """Contribute; `value` wei is the most to deposit. Returns the effect. Raises `Revert` and changes nothing."""
        deposit = self.required_deposit(time)
        if deposit > value:
            raise Revert("self-assessment: deposit above the value sent")
        return self._add(sender, sender, x, y, deposit, time)

    def batch_deposit(self, count: int, time: int) -> int:
        """Wei that each of so many contributions in one batch needs at a time in seconds."""
        return batch_deposit_after(time - self.latest, count, self.terms.cost_weight)

    def add_many(self, sender: str, rows: Sequence[tuple[bytes, int]], value: int, time: int) -> list[int | str]:
        """Contribute (sample, label) pairs; `value` wei is the most to deposit for all.

        Returns for each its effect, or why it was skipped. Raises `Revert` and changes nothing.
        """
        deposit = self._batch_deposit(len(rows), value, time)
        return [attempt(self._add, sender, sender, x, y, deposit, time) for x, y in rows]

    def add_signed(
        self, sender: str, items: Sequence[Signed], value: int, time: int, signed: IsSigned
    ) -> list[int | str]:
        """As `add_many`, with what others signed, for which the sender pays."""
        deposit = self._batch_deposit(len(items), value, time)
        return add_each(
            items,
            sender,
            time,
            signed,
            lambda item: self.round_of(item.contributor, sender, item.x, item.y),
            lambda item: self._add(item.contributor, sender, item.x, item.y, deposit, time),
        )

    def round_of(self, contributor: str, sponsor: str, x: bytes, y: int) -> int:
        """The round that a signature for a contribution by a sponsor must name now."""
        record = self.contributions.get(self._key(contributor, x, y, sponsor))
        return 0 if record is None else record.round

    def cancel(self, sender: str, sponsor: str, x: bytes, y: int, time: int = 0) -> None:
        """Take back the sender's signature of the present round."""
        self.contributions.setdefault(self._key(sender, x, y, sponsor), Contribution()).round += 1

    def _batch_deposit(self, count: int, value: int, time: int) -> int:
        deposit = self.batch_deposit(count, time)
        require(deposit * count <= value, "self-assessment: deposits above the value sent")
        return deposit

    def _add(self, contributor: str, sponsor: str, x: bytes, y: int, deposit: int, time: int) -> int:
        key = self._key(contributor, x, y, sponsor)
        record = self.contributions.get(key)
        if record is None:
            validated, past = False, 0
        else:
            require(record.time == 0, "self-assessment: the same contribution is not settled yet")
            require(record.round < MAX_ROUND, "self-assessment: contributed too often")
            validated, past = record.validated, record.round
        if self.terms.born_wrong:
            effect, answer = self.model.learn(x, y)
            born_wrong = answer != y
        else:
            effect, born_wrong = self.model.update(x, y), False
        self.contributions[key] = Contribution(deposit, deposit, time, effect, born_wrong, validated, past + 1)
        self.submitted += 1
        self.latest = time
        self.balances[sponsor] -= deposit
        self.balance += deposit
        return effect

    # ---- back to whom it belongs -------------------------------------------------------------------------------------

    def refund(self, sender: str, contributor: str, x: bytes, y: int, time: int, sponsor: str | None = None) -> int:
        """The wei that the contributor gets back because the model agrees, whoever asks for it."""
        record = self._askable_record(contributor, x, y, time, sponsor)
        if not agrees(self.model, self.terms, x, y, record.effect):
            raise Revert("self-assessment: the model disagrees")
        # noted in the contributor's own record too, whoever paid: so it counts once
        own = self.contributions.setdefault(self._key(contributor, x, y), Contribution())
        if not record.validated and not own.validated:
            self.validated_of[contributor] += 1
            self.validated += 1
        record.validated = own.validated = True
        return self._give_back(record, sponsor or contributor)

    def forgive(self, sender: str, contributor: str, x: bytes, y: int, time: int, sponsor: str | None = None) -> int:
        """The wei that the contributor gets back although the model disagrees."""
        terms = self.terms
        require(terms.forgive_every > 0, "self-assessment: nothing is forgiven on these terms")
        record = self._askable_record(contributor, x, y, time, sponsor)
        require(time < record.time + terms.rest_wait, "self-assessment: too late, and not needed: the rest goes back")
        if sender not in (contributor, self.keeper_of.get(contributor)):
            raise Revert("self-assessment: only the contributor, or the keeper whom they named")
        require(self.can_forgive(contributor), "self-assessment: too few validated contributions")
        if agrees(self.model, self.terms, x, y, record.effect):
            raise Revert("self-assessment: model agrees")
        self.forgiven_of[contributor] += 1
        return self._give_back(record, sponsor or contributor)

    def can_forgive(self, contributor: str) -> bool:
        """Whether an account has validated enough for one more of its contributions to be forgiven."""
        every = self.terms.forgive_every
        return 0 < every * (self.forgiven_of.get(contributor, 0) + 1) <= self.validated_of.get(contributor, 0)

    def name_keeper(self, sender: str, keeper: str, time: int = 0) -> None:
        """Let `keeper` spend the sender's forgivings."""
        self.keeper_of[sender] = keeper

    def rest(self, sender: str, contributor: str, x: bytes, y: int, time: int, sponsor: str | None = None) -> int:
        """The wei that the contributor gets back because nobody reported it in time, whoever asks for it."""
        require(self.terms.rest_wait > 0, "self-assessment: nothing goes back by itself on these terms")
        record = self._open_record(contributor, x, y, time, self.terms.rest_wait, sponsor)
        return self._give_back(record, sponsor or contributor)

    # ---- to others ---------------------------------------------------------------------------------------------------

    def flag(self, sender: str, contributor: str, x: bytes, y: int, time: int, sponsor: str | None = None) -> None:
        """Announce a report."""
        require(self.terms.dispute_wait > 0, "self-assessment: report at once, there is no dispute wait")
        record = self._reportable_record(sender, contributor, x, y, time, sponsor)
        require(sender not in record.reports, "self-assessment: flagged already")
        require(not agrees(self.model, self.terms, x, y, record.effect), "self-assessment: model agrees")
        record.reports[sender] = time

    def report(self, sender: str, contributor: str, x: bytes, y: int, time: int, sponsor: str | None = None) -> int:
        """The wei that the reporter takes."""
        record = self._reportable_record(sender, contributor, x, y, time, sponsor)
        flagged = record.reports.get(sender, 0)
        if flagged == PAID:
            raise Revert("self-assessment: reported already")
        if self.terms.dispute_wait > 0:
            require(flagged > 0, "self-assessment: flag it first")
            require(time >= flagged + self.terms.dispute_wait, "self-assessment: too early")
        if agrees(self.model, self.terms, x, y, record.effect):
            raise Revert("self-assessment: model agrees")
        amount = self.share(sender, record)
        if amount == 0:
            raise Revert("self-assessment: the share rounds to nothing")
        record.reports[sender] = PAID
        record.claimable -= amount
        if record.claimable == 0:
            self._settle(record)
        return self._pay(sender, amount)

    def share(self, reporter: str, record: Contribution) -> int:
        """The wei that a reporter with validated data would take now, if all else is given."""
        return min(record.deposit * self.validated_of[reporter] // self.validated, record.claimable)

    def can_be_reported(self, record: Contribution, time: int) -> bool:
        """Whether an open contribution can be flagged or reported, whoever asks and whatever the model says."""
        age, terms = time - record.time, self.terms
        return (
            terms.refund_wait <= age
            and (age < terms.rest_wait or terms.rest_wait == 0)
            and (record.born_wrong or not terms.born_wrong)
        )

    def take(self, sender: str, contributor: str, x: bytes, y: int, time: int, sponsor: str | None = None) -> int:
        """The wei that the owner, or after the last wait anyone, takes. On the slides' terms only."""
        require(self.terms.rest_wait == 0, "self-assessment: nobody takes on these terms")
        record = self._open_record(contributor, x, y, time, self.terms.owner_wait, sponsor)
        require(sender not in (contributor, sponsor), "self-assessment: one's own contribution")
        if time < record.time + self.terms.anyone_wait:
            require(sender == self.owner, "self-assessment: only the owner, yet")
        amount = record.claimable
        require(amount > 0, "self-assessment: nothing left")
        self._settle(record)
        return self._pay(sender, amount)

    # ---- many at once ------------------------------------------------------------------------------------------------

    def claim_many(
        self, function: str, sender: str, sponsor: str | None, items: Sequence[tuple[str, bytes, int]], time: int
    ) -> list[int | str]:
        """Refund, forgive, rest, flag, report or take several (contributor, sample, label).

        Parameters
        ----------
        function : str
            Which of them.
        sponsor : str or None
            Who paid for them all; None: their contributors.

        Returns
        -------
        list of int or str
            For each the wei that it brings, or why it was skipped.
        """
        claim = getattr(self, function)
        return [attempt(claim, sender, *item, time, sponsor) for item in items]

    # ---- inside ------------------------------------------------------------------------------------------------------

    @staticmethod
    def _key(
        contributor: str, x: bytes, y: int, sponsor: str | None = None
    ) -> tuple[str, bytes, int] | tuple[str, bytes, int, str]:
        if y >= 256:
            raise Revert("self-assessment: no such label")
        return (contributor, x, y) if sponsor in (None, contributor) else (contributor, x, y, sponsor)

    def _open_record(
        self, contributor: str, x: bytes, y: int, time: int, wait: int, sponsor: str | None
    ) -> Contribution:
        record = self.contributions.get(self._key(contributor, x, y, sponsor))
        if record is None or record.time == 0:
            raise Revert("self-assessment: no such contribution, or settled already")
        if time < record.time + wait:
            raise Revert("self-assessment: too early")
        return record

    def _askable_record(self, contributor: str, x: bytes, y: int, time: int, sponsor: str | None) -> Contribution:
        record = self._open_record(contributor, x, y, time, self.terms.refund_wait, sponsor)
        if not self.answers(time):
            raise Revert(JUST_LEARNT)
        return record

    def _reportable_record(
        self, sender: str, contributor: str, x: bytes, y: int, time: int, sponsor: str | None
    ) -> Contribution:
        terms = self.terms
        record = self._askable_record(contributor, x, y, time, sponsor)
        if terms.rest_wait > 0:
            require(time < record.time + terms.rest_wait, "self-assessment: too late, the rest goes back")
        if terms.born_wrong:
            require(record.born_wrong, "self-assessment: the model agreed when it came")
        if sender in (contributor, sponsor):
            raise Revert("self-assessment: one's own contribution")
        if not self.validated_of.get(sender):
            raise Revert("self-assessment: no validated contribution of one's own")
        return record

    def answers(self, time: int) -> bool:
        """Whether the model can be asked for a claim: not in a second in which it learnt."""
        return self.latest < time

    def _give_back(self, record: Contribution, payer: str) -> int:
        amount = record.claimable
        self._settle(record)
        return self._pay(payer, amount)

    @staticmethod
    def _settle(record: Contribution) -> None:
        record.claimable = record.deposit = record.time = record.effect = 0
        record.born_wrong = False
        record.reports.clear()

    def _pay(self, account: str, amount: int) -> int:
        self.balance -= amount
        self.balances[account] += amount
        return amount
