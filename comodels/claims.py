"""Incentives behind one interface, so that the scripts work with each of them.

An adapter (see `comodels.incentives.adapter`) says what the contract is called, its terms, how to contribute, and what
can be claimed: by whom, for whom, until when. Another incentive has its adapter in the file of its twin.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from eth_utils import to_checksum_address

from comodels.batch import pack_claims, record_key
from comodels.chain.logs import Contribution
from comodels.errors import ComodelsError
from comodels.found import Found
from comodels.incentives import points, prediction_market, self_assessment
from comodels.incentives.adapter import Adapter
from comodels.payouts import View, due_in

PACE = 3_600  # seconds between two batches whose price is what one is ready to deposit, unless told otherwise


@dataclass(frozen=True)
class Claim:
    """Something that an account can do now.

    Attributes
    ----------
    action : str
        The contract's function: refund, forgive, rest, flag, report or take; with points, validate or report.
    amount : int
        What it pays, in the incentive's unit (wei or points); 0 for an announcement.
    arguments : tuple
        Of the contract's function.
    function : str
        That function, where it is not the action's: a batch of one, of what a sponsor paid for, or a market's
        for what was not settled.
    gas : int
        About what the transaction needs.
    later : int
        Wei that another claim, which this one announces, may pay.
    """

    action: str
    amount: int
    arguments: tuple
    contribution: Contribution
    function: str = ""
    gas: int = 0
    later: int = 0

    @property
    def call(self) -> tuple:
        """The contract's function, and its arguments."""
        return self.function or self.action, *self.arguments

    def payee(self, account: str) -> str:
        """Who is paid if `account` makes the claim: what was deposited goes back to who paid it.

        A market pays both, the amount is what `account` gets of it.
        """
        if self.action in ("refund", "forgive", "rest"):
            return self.contribution.sponsor
        if self.action == "withdraw" and account == self.contribution.sponsor:
            return account
        return self.contribution.contributor if self.action in ("validate", "withdraw") else account

    def pays(self, account: str, unit: str, gas_price: int) -> bool:
        """Whether the claim brings `account` at least what its gas costs, at so many wei for a unit.

        Points are no money: whoever collects them knows what they are worth.
        """
        if unit != "ether":
            return True
        own = self.amount if self.payee(account) == account else 0
        return own >= self.gas * gas_price if not self.later else self.later >= 2 * self.gas * gas_price


@dataclass(frozen=True)
class Prospect:
    """A date that matters to a contribution that is still open.

    Attributes
    ----------
    time : int
        Seconds.
    text : str
        What can be had from then on, or lost.
    """

    time: int
    text: str
    contribution: Contribution


@dataclass(frozen=True)
class SelfAssessment(Adapter):
    """Deposit, refund and report, on these terms."""

    contract: ClassVar[str] = "SelfAssessment"
    falls: ClassVar[bool] = True

    terms: self_assessment.Terms = field(default_factory=self_assessment.Terms)

    def deposit(self, incentive, model: str, sender: str | None = None) -> int:
        """The deposit that a contribution needs in the next block, in wei."""
        return incentive.call_many("required_deposit", [(model,)], sender, block="pending")[0]

    def batch_deposit(self, incentive, model: str, count: int) -> int:
        """The deposit that each of so many contributions in one batch needs now, in wei."""
        return incentive.call("batch_deposit", model, count)

    def usual_deposit(self, incentive, model: str, count: int) -> int:
        """What each of a batch needs an hour after the latest contribution, in wei."""
        return self_assessment.batch_deposit_after(PACE, count, self.terms.cost_weight)

    def most(self) -> int:
        """The most that a contribution can need, in wei: the deposit one second after the one before."""
        return self_assessment.deposit_after(1, self.terms.cost_weight)

    def states(self, incentive, model: str, contributions: Sequence[Contribution]) -> list[str]:
        """For each contribution what became of it: open, validated, or settled."""
        keys = [_key(model, c) for c in contributions]
        records = dict(zip(keys, incentive.call_many("record", [(key,) for key in keys]), strict=True))
        states = []
        for key, c in zip(keys, contributions, strict=True):
            _, _, time, _, _, validated, _ = records[key]
            # one record serves all rounds of the same sample and label: `time` tells whether it is this one's
            states.append("open" if time == c.time else "validated" if validated else "settled")
        return states

    def may_be_due(self, contribution: Contribution, account: str, now: int, is_owner: bool) -> bool:
        """Whether it is worth asking at the time `now` if `account` can claim a contribution: by the clock alone."""
        age, t = now - contribution.time, self.terms
        taken_from = 2**40 if t.rest_wait else t.owner_wait if is_owner else t.anyone_wait
        return age >= t.refund_wait and (
            contribution.contributor == account  # the model may have come to agree
            # a report is paid once, but needs validated data first, and perhaps an announcement
            or age < t.refund_wait + max(3 * 86_400, 2 * t.dispute_wait)
            or age >= taken_from
        )

    def claims(
        self,
        incentive,
        model: str,
        account: str,
        contributions: Sequence[Contribution],
        now: int,
        contributor: str | None = None,
        forgive: bool = False,
    ) -> list[Claim]:
        """What `account` can claim at the time `now`, checked on the chain.

        Parameters
        ----------
        contributor : str, optional
            Only what goes back to this account, which anyone may ask for.
        forgive : bool
            Also have deposits forgiven, the largest first: for `account`, or for a contributor who named it as keeper.
        """
        of = contributor or account
        terms = self_assessment.Terms(*incentive.call("terms", model))
        _, validated = incentive.call("statistics", model)
        mine, pardons = incentive.call("validated_of", model, account), 0
        end = terms.rest_wait or now

        def matters(c: Contribution) -> bool:
            """By the clock alone: most of the others' are too old, and need not be asked for."""
            others = contributor is None and (mine or not terms.rest_wait) and terms.refund_wait <= now - c.time <= end
            return of in (c.contributor, c.sponsor) or bool(others)

        latest = {(c.contributor, c.sponsor, c.label, c.x): c for c in contributions}
        open_ones = [c for c in latest.values() if matters(c)]
        records = incentive.call_many("record", [(_key(model, c),) for c in open_ones])
        if forgive and terms.forgive_every:
            pardons = incentive.call("validated_of", model, of) // terms.forgive_every
            pardons -= incentive.call("forgiven_of", model, of)
        is_owner = terms.rest_wait == 0 and owner_of(incentive.chain, model) == account

        def claim(action: str, amount: int, c: Contribution, later: int = 0) -> Claim:
            if c.sponsor == c.contributor:
                return Claim(action, amount, (model, c.contributor, c.x, c.label), c, later=later)
            items = pack_claims([(c.contributor, c.x, c.label)])
            return Claim(action, amount, (model, c.sponsor, 1, items), c, f"{action}_many", later=later)

        candidates, mistakes = [], []
        for c, (claimable, deposit, time, _, born_wrong, *_) in zip(open_ones, records, strict=True):
            age = now - time
            if time == 0 or age < terms.refund_wait:
                continue
            late = 0 < terms.rest_wait <= age
            if of in (c.contributor, c.sponsor):
                candidates.append(claim("refund", claimable, c))
                if late:
                    candidates.append(claim("rest", claimable, c))
                elif born_wrong and c.contributor == of:
                    mistakes.append(claim("forgive", claimable, c))
                continue
            if claimable == 0 or late:
                continue
            if terms.rest_wait == 0 and age >= (terms.owner_wait if is_owner else terms.anyone_wait):
                candidates.append(claim("take", claimable, c))
            elif mine and (born_wrong or not terms.born_wrong):
                share = min(claimable, deposit * mine // max(1, validated))
                if share:
                    candidates.append(claim("report", share, c))
                    if terms.dispute_wait:
                        candidates.append(claim("flag", 0, c, share))
        found = _possible(incentive, account, candidates)
        refunded = {c.contribution.id for c in found if c.action == "refund"}
        found = [c for c in found if c.action != "rest" or c.contribution.id not in refunded]
        if pardons > 0:
            mistakes = _possible(incentive, account, sorted(mistakes, key=lambda c: -c.amount))
            found += mistakes[:pardons]
        return found

    def prospects(
        self, incentive, model: str, account: str, contributions: Sequence[Contribution], now: int
    ) -> list[Prospect]:
        """What comes, and what may be lost, of the open contributions of `account`, by date."""
        latest = {_key(model, c): c for c in contributions if c.sponsor == account}
        records = incentive.call_many("record", [(key,) for key in latest])
        terms = self_assessment.Terms(*incentive.call("terms", model))
        found = []
        for c, (_, _, time, _, born_wrong, *_) in zip(latest.values(), records, strict=True):
            if time == 0:
                continue
            dates = {terms.refund_wait: "refunded if the model agrees"}
            if terms.rest_wait:
                dates[terms.rest_wait] = "what is left goes back in any case"
                if terms.born_wrong and not born_wrong:
                    dates[terms.refund_wait] += "; nobody can report it"
                else:
                    dates[terms.refund_wait] += "; others can report it if not"
            else:
                dates[terms.refund_wait] += "; others can report it if not"
                dates[terms.owner_wait] = "LOST if it was not refunded before: the owner may take it"
                dates[terms.anyone_wait] = "LOST if it was not refunded before: anyone may take it"
            found += [Prospect(time + wait, text, c) for wait, text in dates.items() if time + wait > now]
        return sorted(found, key=lambda p: p.time)


@dataclass(frozen=True)
class Points(Adapter):
    """Points and badges, no money, on these terms; see docs/points.md."""

    contract: ClassVar[str] = "Points"
    unit: ClassVar[str] = "points"
    refuses_copies: ClassVar[bool] = True

    terms: points.Terms = field(default_factory=points.Terms)

    def balance(self, incentive, model: str, account: str) -> int:
        """What an account has, in points."""
        return incentive.call("account", model, account)[0]

    def states(self, incentive, model: str, contributions: Sequence[Contribution]) -> list[str]:
        """For each contribution what became of it: open, validated, or settled."""
        records = incentive.call_many("contribution", [(model, c.x, c.label) for c in contributions])
        return ["validated" if r[5] else "settled" if r[4] else "open" for r in records]

    def may_be_due(self, contribution: Contribution, account: str, now: int, is_owner: bool) -> bool:
        """Whether it is worth asking at the time `now` if `account` can claim a contribution: by the clock alone."""
        wait = self.terms.validation_wait if contribution.contributor == account else self.terms.report_wait
        return now - contribution.time >= wait

    def claims(
        self,
        incentive,
        model: str,
        account: str,
        contributions: Sequence[Contribution],
        now: int,
        contributor: str | None = None,
        forgive: bool = False,
    ) -> list[Claim]:
        """What `account` can have validated or report at the time `now`, checked on the chain.

        A claim's points are what it would earn if it came first: a label is new, or rare, only for a while. With a
        `contributor`, what this account's contributions earn; there is nothing to forgive.
        """
        waits = incentive.call("terms", model)[:2]
        considered = [c for c in contributions if contributor in (None, c.contributor)]
        records = incentive.call_many("contribution", [(model, c.x, c.label) for c in considered])
        candidates = []
        for c, (author, time, _, pending, *_) in zip(considered, records, strict=True):
            own = author.lower() == account.lower()
            if pending and now >= time + waits[0 if own else 1]:
                action = "validate" if own or contributor else "report"
                candidates.append(Claim(action, 0, (model, c.x, c.label), c))
        possible = _possible(incentive, account, candidates)
        answers = _asked(incentive, "eth_call", account, possible)
        return [replace(c, amount=int(a, 16)) for c, a in zip(possible, answers, strict=True) if isinstance(a, str)]

    def prospects(
        self, incentive, model: str, account: str, contributions: Sequence[Contribution], now: int
    ) -> list[Prospect]:
        """When the pending contributions of `account` can be validated; nothing is ever lost."""
        wait = incentive.call("terms", model)[0]
        mine = [c for c in contributions if c.contributor == account and c.time + wait > now]
        records = incentive.call_many("contribution", [(model, c.x, c.label) for c in mine])
        found = [
            Prospect(c.time + wait, "earns points if the model agrees", c)
            for c, (_, _, _, pending, *_) in zip(mine, records, strict=True)
            if pending
        ]
        return sorted(found, key=lambda p: p.time)


@dataclass(frozen=True)
class PredictionMarket(Adapter):
    """Stakes on samples while a market runs, on these terms; `ape run market` does the rest."""

    contract: ClassVar[str] = "PredictionMarket"

    terms: prediction_market.Terms = field(default_factory=prediction_market.Terms)

    def deposit(self, incentive, model: str, sender: str | None = None) -> int:
        """The stake of the market that takes contributions, in wei."""
        market = incentive.call("latest_market", model)
        view = View.of(incentive.call("market", market)) if market else None
        if view is None or view.phase != prediction_market.PARTICIPATING or incentive.chain.time >= view.deadline:
            raise ComodelsError(
                "No market of this model takes contributions now: `ape run market status` tells what is going on."
            )
        if view.contributions == view.plan.max_contributions:
            raise ComodelsError(f"The market of this model is full: it has its {view.contributions:,} contributions.")
        return view.plan.stake

    def batch_deposit(self, incentive, model: str, count: int) -> int:
        """The same: each contribution of a batch stakes as much as one alone."""
        return self.deposit(incentive, model)

    def states(self, incentive, model: str, contributions: Sequence[Contribution]) -> list[str]:
        """For each contribution what became of it: open, or settled, as is at once what had no effect."""
        markets = [prediction_market.place_of(model, c.more)[0] for c in contributions]
        known = sorted(set(markets))
        views = map(View.of, incentive.call_many("market", [(m,) for m in known]))
        ended = {m: view.ended for m, view in zip(known, views, strict=True)}
        return ["settled" if ended[m] or not c.effect else "open" for m, c in zip(markets, contributions, strict=True)]

    def may_be_due(self, contribution: Contribution, account: str, now: int, is_owner: bool) -> bool:
        """Whether it is worth asking if `account` can claim a contribution."""
        return account in (contribution.contributor, contribution.sponsor) and contribution.effect > 0

    def claims(
        self,
        incentive,
        model: str,
        account: str,
        contributions: Sequence[Contribution],
        now: int,
        contributor: str | None = None,
        forgive: bool = False,
    ) -> list[Claim]:
        """What `account`, or a `contributor`, gets of contributions to markets that have ended."""
        account = contributor or account
        mine = {
            prediction_market.place_of(model, c.more): c
            for c in contributions
            if account in (c.contributor, c.sponsor) and c.effect
        }
        due = []
        for market in sorted({market for market, _ in mine}):
            for payout in due_in(incentive, model, market):
                c = mine.get((market, payout.stake.index))
                if c is not None and account in payout.accounts:
                    function, *arguments = payout.call(market)
                    due.append(Claim("withdraw", payout.to(account), tuple(arguments), c, function))
        return _possible(incentive, account, due)


_WHERE = ("comodels.claims", "comodels.incentives")

INCENTIVES = Found("contract", *_WHERE, key=lambda name: re.sub("(?<!^)(?=[A-Z])", "-", name).lower())
"""The adapters by their names on the command line."""

CONTRACTS = Found("contract", *_WHERE)
"""The adapters by their contracts' names."""


def _asked(incentive, method: str, account: str, claims: Sequence[Claim]) -> list[Any]:
    """What a node answers when `account` would make claims.

    It is asked as of the next block: in one in which the model learnt, the contract refuses what depends on the model.
    """
    calls = []
    for c in claims:
        data = "0x" + incentive.data(*c.call).hex()
        calls.append((method, [{"from": account, "to": incentive.address, "data": data}, "pending"]))
    return incentive.chain.many(calls)


def _possible(incentive, account: str, claims: Sequence[Claim]) -> list[Claim]:
    """The claims that the contract would not refuse from an account, with the gas that they need."""
    # a batch refuses nothing, and tells how many of its items it would do
    batches = [c for c in claims if c.function.endswith("_many")]
    done = _asked(incentive, "eth_call", account, batches)
    idle = {id(c) for c, a in zip(batches, done, strict=True) if isinstance(a, str) and int(a, 16) == 0}
    claims = [c for c in claims if id(c) not in idle]
    answers = _asked(incentive, "eth_estimateGas", account, claims)
    return [replace(c, gas=int(a, 16)) for c, a in zip(claims, answers, strict=True) if isinstance(a, str)]


def _key(model: str, c: Contribution) -> bytes:
    """The key of a contribution's record in `SelfAssessment`; one record serves all rounds of the same."""
    return record_key(model, c.contributor, c.sponsor, c.x, c.label)


def incentive_of(kind: str) -> Any:
    """The adapter of an incentive, with default terms, by its name on the command line or by its contract's name."""
    for name, adapter in INCENTIVES.items():
        if kind in (name, adapter.contract):
            return adapter()
    raise ComodelsError(f"Unknown incentive {kind!r}; known are {', '.join(INCENTIVES)}.")


def owner_of(node, model: str) -> str:
    """The owner of a model or another contract with `owner()`."""
    return to_checksum_address(node.view(model, "owner()(address)"))
