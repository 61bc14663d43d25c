"""Whom each wei, each point and each name belongs to, from the events alone and from what the documents promise.

A ledger believes no contract: it computes by itself what an event may say, and keeps beside each amount to whom it
belongs. What does not follow raises `Fault`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_abi import encode
from eth_utils import keccak

from comodels.batch import record_key
from comodels.incentives.prediction_market import Plan, draw_portions
from comodels.incentives.self_assessment import batch_deposit_after
from comodels.incentives.settlement import GROUP, OwedTree, settle
from comodels.wire import Facts
from tests.evm import Contract, Log


class Fault(AssertionError):
    """A contract did what it promises not to do."""


def check(condition: object, text: str) -> None:
    if not condition:
        raise Fault(text)


@dataclass
class Ledger:
    """Of one contract.

    Attributes
    ----------
    due : dict of int
        By account: wei that the latest transaction must have brought, negative where it took them.
    credits : dict of int
        By account: wei that could not be delivered.
    """

    contract: Contract
    due: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    credits: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def pay(self, account: str, amount: int) -> None:
        self.due[account] += amount

    def credited(self, log: Log) -> None:
        """A payment of this transaction that was not delivered: it is owed still."""
        self.due[log.account] -= log.amount
        self.credits[log.account] += log.amount

    def fetched(self, log: Log) -> None:
        check(log.amount == self.credits.pop(log.account, 0), f"fetched what is not theirs: {log}")
        self.due[log.account] += log.amount

    @property
    def owed(self) -> int:
        """Wei that the contract must have."""
        return self.held + sum(self.credits.values())

    held = 0
    anyone = 0  # wei that whoever called has earned

    def moments(self) -> list[int]:
        """Times at which something begins or ends."""
        return []

    def finish(self) -> None:
        """After everything: what the contract says of it."""

    def begin_transaction(self, logs: Sequence[Log]) -> None:
        """All that the contract logged in one transaction, before it is applied."""

    def consented(self, log: Log, round: int) -> bool:
        """Whether the contributor of an `AddData` agreed to it: sent or signed it, for this round; the world knows."""
        raise NotImplementedError

    def owner_of(self, model: str) -> str:
        """Who owns a model, as far as the world knows."""
        raise NotImplementedError


# ---- the market ------------------------------------------------------------------------------------------------------


@dataclass
class Stake:
    """A contribution to a market."""

    contributor: str
    sponsor: str
    x: bytes
    y: int
    effect: int
    errors: int | None = None
    paid: bool = False

    @property
    def given(self) -> tuple:
        """As it is shown: contributor, sample, label, effect, sponsor."""
        return self.contributor, self.x, self.y, self.effect, self.sponsor


@dataclass
class Market:
    """One market: its money in two parts, and its stakes."""

    model: str
    provider: str
    plan: Plan
    rest: int  # wei that are the provider's
    stakes: list[Stake] = field(default_factory=list)
    phase: str = "running"
    fees: int = 0  # wei that were spent
    initial: int = 0
    drawn: set[int] = field(default_factory=set)  # portions
    calls: list[int] = field(default_factory=list)  # how many contributions each call that scored some has finished
    revealed: list[int] = field(default_factory=list)  # portions, in the order in which they were
    taking: bool = True  # whether contributions were still taken, or would be
    tree: OwedTree | None = None  # over what the contributions that were settled are owed

    @property
    def stakes_held(self) -> int:
        return len(self.stakes) * self.plan.stake if self.phase == "running" else 0


PHASES = {7: "settled", 8: "void", 9: "cancelled", 10: "silent", 11: "abandoned"}


@dataclass
class MarketLedger(Ledger):
    """Of `PredictionMarket`."""

    markets: dict[int, Market] = field(default_factory=dict)
    claims: dict[tuple[int, int], dict[str, int]] = field(
        default_factory=dict
    )  # by market and index: wei owed, by account
    ends: dict[int, int] = field(default_factory=dict)  # by market: seconds, of the participation
    settled: set[int] = field(default_factory=set)  # markets, as the event says
    _seen_over: set[int] = field(default_factory=set)  # ended markets: nobody earns a fee any more

    @property
    def held(self) -> int:
        return sum(m.rest + m.stakes_held for m in self.markets.values()) + sum(
            sum(owed.values()) for owed in self.claims.values()
        )

    def apply(self, log: Log, callers: set[str], time: int) -> None:
        match log.name:
            case "Committed":
                check(log.market not in self.markets, f"a market began twice: {log.market:x}")
                check(log.market >> 32 == int(log.model, 16), "a market of another model")
                check(
                    not any(m.model == log.model and m.phase == "running" for m in self.markets.values()), "two at once"
                )
                plan = Plan(*self.contract.call("market", log.market)[2])
                self.check_plan(log, plan)
                self.markets[log.market] = Market(log.model, log.provider, plan, plan.total)
                self.pay(log.provider, -plan.total)
                owner = self.owner_of(log.model)
                if owner and owner != log.provider:  # of a model that lies nobody knows
                    price = self.contract.call("terms", log.model)[1]
                    self.pay(log.provider, -price)
                    self.pay(owner, price)
            case "AddData":
                facts = Facts.unpack(log.facts)
                market = int(log.model, 16) << 32 | facts.more >> 16
                m = self.markets[market]
                check(m.phase == "running", "a stake in a market that is over")
                if facts.effect == 0:
                    check(facts.deposit == 0 and facts.more & 0xFFFF == 0, "a stake on what changed nothing")
                    return
                check(facts.deposit == m.plan.stake, "another stake than the plan's")
                m.stakes.append(Stake(log.contributor, log.sponsor, log.x, facts.label, facts.effect))
                check(facts.more & 0xFFFF == len(m.stakes) <= m.plan.max_contributions, "another index")
                self.pay(log.sponsor, -m.plan.stake)
            case "Scored":
                m = self.markets[log.market]
                check(len(log.errors) > 0, f"scored nothing: {log}")
                check(len(m.revealed) == m.plan.portions, f"scored before all was revealed: {log}")
                for index, errors in enumerate(log.errors, log.first):
                    check(0 < index <= len(m.stakes), f"scored what nobody contributed: {log}")
                    stake = m.stakes[index - 1]
                    check(stake.errors is None, f"scored twice: {log}")
                    check(errors <= m.plan.hidden_rows, "more errors than rows")
                    check(index == 1 or m.stakes[index - 2].errors is not None, "scored out of order")
                    check(errors == self.judge(log.market, stake), f"another number of errors: {log}")
                    stake.errors = errors
                m.calls.append(len(log.errors))
            case "Drawn":
                m = self.markets[log.market]
                seed = self.hash_of(self.contract.call("market", log.market)[3])
                drawn = draw_portions(seed, log.market, m.plan.portions, m.plan.drawn)
                check(log.portions == sum(1 << i for i in drawn), f"other portions than the block draws: {log}")
                m.drawn = drawn
            case "Revealed":
                m = self.markets[log.market]
                count = len(m.revealed)
                order = sorted(range(m.plan.portions), key=lambda i: (i not in m.drawn, i))
                check(m.phase == "running" and m.drawn != set(), f"revealed before the draw, or after the end: {log}")
                check(order[count : count + 1] == [log.index], f"revealed out of order: {log}")
                check((count < m.plan.drawn) == m.taking, f"revealed too early or too late: {log}")
                check((log.salt, log.rows) == self.committed(log.market, log.index), f"revealed something else: {log}")
                m.revealed.append(log.index)
            case "Started":
                m = self.markets[log.market]
                check(len(m.revealed) == m.plan.drawn, "it began before the drawn portions were revealed")
                check(log.end == time + m.plan.participation_time, "another end")
                m.initial = self.begin(log.market, m.drawn)
                self.ends[log.market] = log.end
            case "Closed":
                m = self.markets[log.market]
                m.taking = False
                full = len(m.stakes) == m.plan.max_contributions
                check(
                    log.contributions == len(m.stakes) and (full or time >= self.ends[log.market]), "closed too early"
                )
            case "Settled":
                self.settled.add(log.market)
            case "Ended":
                self._end(self.markets[log.market], log.market, PHASES[log.phase])
            case "Withdrawn" if log.index == 0:
                m = self.markets[log.market]
                check(m.phase != "running" and log.account == m.provider, f"not the provider's: {log}")
                check(log.amount == m.rest, f"the provider is owed {m.rest}: {log}")
                m.rest = 0
                self.pay(log.account, log.amount)
            case "Withdrawn":
                owed = self.claims.get((log.market, log.index), {})
                check(log.account in owed, f"withdrawn what the account is not owed: {log}")
                check(log.amount == owed.pop(log.account), f"another amount: {log}")
                if not owed:
                    del self.claims[log.market, log.index]
                self.markets[log.market].stakes[log.index - 1].paid = True
                self.pay(log.account, log.amount)
            case "Credited":
                self.credited(log)
            case "Fetched":
                self.fetched(log)

    def check_plan(self, log: Log, plan: Plan) -> None:
        """Whether the plan of a market is one that the documents allow on the model's terms."""
        min_bounty, min_bond, max_length, owner_only = self.contract.call("terms", log.model)
        times = plan.reveal_time, plan.participation_time, plan.rest_time, plan.score_time
        patience = 86_400 + plan.max_contributions * plan.hidden_rows // 1_000
        owner = self.owner_of(log.model)
        for allowed in (
            plan.stake > 0 and plan.bounty >= max(1, min_bounty) and plan.bond >= min_bond,
            0 < plan.drawn < plan.portions <= 256 and plan.rows > 0 and plan.hidden_rows < 2**16,
            0 < plan.min_contributions <= plan.max_contributions <= 4_096,
            min(times) > 0 and sum(times) <= max_length and plan.score_time >= patience,
            plan.total + plan.stake < 2**96,
            not owner_only or not owner or log.provider == owner,
        ):
            check(allowed, f"a market that the terms do not allow: {plan}")

    def finish(self) -> None:
        """Everything that the contract says of markets that are over and paid."""
        latest = {}
        for number, m in self.markets.items():
            latest[m.model] = number
            check(self.contract.call("held", number) == (0, 0), "something is held for a market that is over")
            for i in range(1, len(m.stakes) + 1):
                check(self.paid(number, i), "a stake that was paid is there still")
        for model, number in latest.items():
            check(self.contract.call("latest_market", model) == number, "another latest market")
            check(self.contract.call("next_market", model) == number + 1, "another next market")
            check(not self.contract.call("busy", model), "busy after everything")

    def compare(self, market: int) -> None:
        """Whether the contract says of a market what the ledger does."""
        m, said = self.markets[market], self.contract.call("market", market)
        check(said[0] == m.provider and said[8] == len(m.stakes), f"{said}")
        check(said[11] == len(m.revealed), f"another number of revealed portions: {said}")
        check(said[9] == sum(s.errors is not None for s in m.stakes), f"another number of scored ones: {said}")
        for i, s in enumerate(m.stakes, 1):
            check(self.paid(market, i) == s.paid, "paid otherwise than the events say")

    def paid(self, market: int, index: int) -> bool:
        """Whether the contract says of a contribution that it was paid."""
        group, place = divmod(index - 1, GROUP)
        return bool(self.contract.call("dues", market, group) >> place & 1)

    def hash_of(self, number: int) -> bytes:
        """The hash of a block; the world says."""
        raise NotImplementedError

    def committed(self, market: int, index: int) -> tuple[bytes, bytes]:
        """Salt and rows of a portion of a market's test set; the world knows."""
        raise NotImplementedError

    def begin(self, market: int, drawn: set[int]) -> int:
        """The errors of a model before the first contribution, of which the world keeps a copy."""
        raise NotImplementedError

    def judge(self, market: int, stake: Stake) -> int:
        """The errors of that copy after one more contribution."""
        raise NotImplementedError

    def _end(self, m: Market, market: int, phase: str) -> None:
        check(m.phase == "running", "ended twice")
        n, plan = len(m.stakes), m.plan
        match phase:
            case "settled" | "abandoned":
                check(m.initial == self.contract.call("market", market)[13], "another number of initial errors")
                scored = [s.errors for s in m.stakes if s.errors is not None]
                check(len(scored) == n or phase == "abandoned", "settled before it was scored")
                check(n >= plan.min_contributions, f"{phase} with too few contributions")
                balances = settle([m.initial, *scored], plan.hidden_rows, plan.rounds)
                owed = [plan.stake * b // plan.hidden_rows for b, _ in balances]
                if scored:
                    m.tree = OwedTree([(s.contributor, o, s.sponsor) for s, o in zip(m.stakes, owed, strict=False)])
                    root = self.contract.call("owed_root", market)
                    check(market in self.settled and root == m.tree.root, f"settled otherwise than {owed}")
                owed += [plan.stake] * (n - len(scored))
            case "void":
                check(n == 0, "void with stakes")
                owed = []
                m.rest -= plan.bond
                self.anyone += plan.bond
            case "cancelled":
                check(n < plan.min_contributions, "cancelled with enough contributions")
                owed = [plan.stake] * n
            case "silent":
                check(n >= plan.min_contributions, "silent with too few contributions")
                owed = [plan.stake + (plan.bounty + plan.bond) // n] * n
        m.rest += plan.stake * n - sum(owed)
        m.phase = phase
        for index, amount in enumerate(owed, 1):
            s, back = m.stakes[index - 1], min(amount, plan.stake)
            if s.contributor == s.sponsor:
                self.claims[market, index] = {s.contributor: amount}
            else:  # the stake is who paid it, and what is above it who contributed
                self.claims[market, index] = {s.sponsor: back} | (
                    {s.contributor: amount - back} if amount > back else {}
                )

    def spent(self) -> int:
        """Wei of fees that the latest transaction spent: what no event tells. Never more than the plan says."""
        total = 0
        for market, m in self.markets.items():
            if market in self._seen_over:
                continue
            if m.phase != "running":
                self._seen_over.add(market)
            owed = sum(sum(self.claims.get((market, i), {}).values()) for i in range(1, len(m.stakes) + 1))
            spent = m.rest + m.stakes_held + owed - sum(self.contract.call("held", market))
            check(spent >= 0, f"a market holds more than was paid in: {market:x}")
            m.fees += spent
            m.rest -= spent
            check(m.fees <= m.plan.fee * (len(m.stakes) + 1), f"more fees than there were: {market:x}")
            total += spent
        return total

    def moments(self) -> list[int]:
        return [int(self.contract.call("market", i)[7]) for i, m in self.markets.items() if m.phase == "running"]


# ---- points ----------------------------------------------------------------------------------------------------------


@dataclass
class PointsLedger(Ledger):
    """Of `Points`: who may earn for what, once."""

    # by key: model, contributor, sample, label, time, effect
    entries: dict[bytes, tuple] = field(default_factory=dict)
    earned: set = field(default_factory=set)  # model and sample
    reported: set = field(default_factory=set)  # keys
    well: set = field(default_factory=set)  # keys of those that were validated
    points: dict = field(default_factory=lambda: defaultdict(int))
    validated: dict = field(default_factory=lambda: defaultdict(int))
    waits: dict[str, tuple[int, int]] = field(default_factory=dict)
    cancelled: dict = field(default_factory=lambda: defaultdict(int))  # by key of a signature: rounds

    def apply(self, log: Log, callers: set[str], time: int) -> None:
        match log.name:
            case "Agreed":
                terms = self.contract.call("terms", log.model)
                self.waits[log.model] = terms[0], terms[1]
            case "AddData":
                facts = Facts.unpack(log.facts)
                check(log.sponsor in callers, f"sent by a stranger: {log}")
                key = record_key(log.model, log.contributor, log.sponsor, log.x, facts.label)
                check(self.consented(log, self.cancelled[key]), f"in somebody's name: {log}")
                check((log.model, log.x) not in self.earned, "a sample that has earned")
                keys = {(e[0], e[2], e[3]) for e in self.entries.values()}
                check((log.model, log.x, facts.label) not in keys, "a copy")
                first = keccak(encode(["address", "bytes32"], [log.model, keccak(log.x)]))
                key = first if not any(k[:2] == (log.model, log.x) for k in keys) else None
                if key is None:
                    key = keccak(encode(["bytes32", "uint256"], [first, facts.label]))
                check(key not in self.entries, "two contributions share a record")
                self.entries[key] = log.model, log.contributor, log.x, facts.label, facts.time, facts.effect
                check(facts.time == time, "another time")
            case "Points":
                check(log.contribution in self.entries, f"points for what nobody contributed: {log}")
                model, contributor, x, _, added, _ = self.entries[log.contribution]
                check(model == log.model, "points on another model")
                others = contributor not in callers
                if log.reasons & 16:
                    check(log.account != contributor, "reported their own")
                    check(self.validated[model, log.account] > 0, "reported without validated data")
                    check(log.contribution not in self.reported, "reported twice")
                    check(time >= added + self.waits[model][1], "reported too early")
                    self.reported.add(log.contribution)
                else:
                    check(log.account == contributor, "validated another's")
                    check((model, x) not in self.earned, "a sample earned twice")
                    check(time >= added + self.waits[model][1 if others else 0], "validated too early")
                    self.earned.add((model, x))
                    self.well.add(log.contribution)
                    self.validated[model, contributor] += 1
                self.points[model, log.account] += log.points
            case "Cancelled":
                check(log.contributor in callers, f"cancelled by a stranger: {log}")
                self.cancelled[log.contribution] += 1
                check(log.round == self.cancelled[log.contribution] - 1, f"another round: {log}")

    def finish(self) -> None:
        for (model, account), points in self.points.items():
            had = self.contract.call("account", model, account)
            check(had[:2] == (points, self.validated[model, account]), f"points of {account}: {had} is not {points}")
        for key, (model, contributor, x, y, time, effect) in self.entries.items():
            said = self.contract.call("contribution", model, x, y)
            well = key in self.well
            known = contributor, time, effect, not well, key in self.reported, well, (model, x) in self.earned
            check(said == known, f"{said} is not {known}")
        for model in self.waits:
            mine = [key for key, e in self.entries.items() if e[0] == model]
            well = [key for key in mine if key in self.well]
            check(self.contract.call("statistics", model) == (len(mine), len(well)), "other statistics")
            for y in {self.entries[key][3] for key in mine}:
                count = sum(self.entries[key][3] == y for key in well)
                check(self.contract.call("label_count", model, y) == count, "another count of a label")

    def may_validate(self, key: bytes, who: str, time: int, agrees: bool) -> bool:
        """Whether an account may have a contribution validated; as a promise, so that what it may must work."""
        model, contributor, x, _, added, _ = self.entries[key]
        return agrees and (model, x) not in self.earned and time >= added + self.waits[model][who != contributor]

    def may_report(self, key: bytes, who: str, time: int, agrees: bool) -> bool:
        model, contributor, _, _, added, _ = self.entries[key]
        waiting = key in self.well or key in self.reported or time < added + self.waits[model][1]
        return not (agrees or waiting or who == contributor) and self.validated[model, who] > 0

    def moments(self) -> list[int]:
        return [e[4] + w for e in list(self.entries.values())[-20:] for w in self.waits[e[0]]]


# ---- the registry ----------------------------------------------------------------------------------------------------


@dataclass
class RegistryLedger(Ledger):
    """Of `Registry`: what was published stays, by whom it says, in its order."""

    owner: str = ""
    successor: str = "0x" + "00" * 20
    published: list[str] = field(default_factory=list)
    implementations: list[str] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)

    def apply(self, log: Log, callers: set[str], time: int) -> None:
        match log.name:
            case "Published":
                check(log.model not in self.published, "published twice")
                check(log.owner in callers, f"{callers} published a model of {log.owner}")
                self.published.append(log.model)
                self.owners[log.model] = log.owner
            case "ImplementationAdded":
                check(self.owner in callers, "an implementation by a stranger")
                self.implementations.append(log.implementation)
            case "OwnershipOffered":
                check(self.owner == log.owner and log.owner in callers, "ownership offered by a stranger")
                self.successor = log.successor
            case "OwnershipTaken":
                check(self.successor == log.owner and log.owner in callers, "ownership taken by a stranger")
                self.owner, self.successor = log.owner, "0x" + "00" * 20

    def finish(self) -> None:
        check(self.contract.call("owner").lower() == self.owner.lower(), "another owner")
        check(self.contract.call("count") == len(self.published), "another number of models")
        found: list[str] = []
        newest = "0x" + "00" * 20
        while len(found) < len(self.published):
            page = list(self.contract.call("models", newest, 50))
            found += page[1:] if found else page
            newest = page[-1]
        check([f.lower() for f in found] == [p.lower() for p in reversed(self.published)], "another list")


# ---- self-assessment -------------------------------------------------------------------------------------------------


@dataclass
class Deposit:
    """A contribution to self-assessment."""

    model: str
    contributor: str
    sponsor: str
    x: bytes
    y: int
    time: int
    deposit: int
    left: int
    effect: int = 0
    born_wrong: bool = False
    open: bool = True
    reported: set = field(default_factory=set)
    flags: dict = field(default_factory=dict)


@dataclass
class DepositLedger(Ledger):
    """Of `SelfAssessment`."""

    deposits: dict[bytes, Deposit] = field(default_factory=dict)  # by key; the latest of each
    terms: dict[str, object] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    validated: dict = field(default_factory=lambda: defaultdict(int))
    all_validated: dict = field(default_factory=lambda: defaultdict(int))
    submitted: dict = field(default_factory=lambda: defaultdict(int))
    counted: set = field(default_factory=set)  # model, contributor, sample and label that counted as validated
    refunded: set = field(default_factory=set)  # keys
    rounds: dict = field(default_factory=lambda: defaultdict(int))  # by key: how often contributed or cancelled
    prices: dict = field(default_factory=dict)  # by model: deposits that may be in this transaction
    forgiven: dict = field(default_factory=lambda: defaultdict(int))
    keepers: dict = field(default_factory=dict)

    @property
    def held(self) -> int:
        return sum(d.left for d in self.deposits.values())

    def begin_transaction(self, logs: Sequence[Log]) -> None:
        """Several contributions at once are priced as if they came evenly since the latest one; more, in full."""
        self.counts: dict[str, int] = defaultdict(int)
        self.prices = {}
        for log in logs:
            if log.name in ("AddData", "Skipped"):
                self.counts[log.model] += 1

    def may_cost(self, model: str, deposit: int, time: int) -> bool:
        """Whether a contribution of this transaction may have this deposit."""
        weight = self.terms[model].cost_weight
        quiet = time - self.latest[model]
        known = self.prices.setdefault(
            model, [batch_deposit_after(quiet, n, weight) for n in range(1, self.counts[model] + 1)]
        )
        return deposit in known or deposit == weight * 3_600

    def apply(self, log: Log, callers: set[str], time: int) -> None:
        match log.name:
            case "Opened":
                self.terms[log.model] = self._terms(log.model)
                self.latest[log.model] = time
            case "AddData":
                facts = Facts.unpack(log.facts)
                price = facts.deposit
                check(self.may_cost(log.model, price, time) and facts.time == time, f"another deposit: {log}")
                key = record_key(log.model, log.contributor, log.sponsor, log.x, facts.label)
                old = self.deposits.get(key)
                check(log.sponsor in callers, f"paid by a stranger: {log}")
                check(self.consented(log, self.rounds[key]), f"in somebody's name: {log}")
                self.rounds[key] += 1
                check(old is None or not old.open, "a contribution that is not settled was overwritten")
                self.deposits[key] = Deposit(
                    log.model,
                    log.contributor,
                    log.sponsor,
                    log.x,
                    facts.label,
                    time,
                    price,
                    price,
                    facts.effect,
                    self.born(log),
                )
                self.submitted[log.model] += 1
                self.latest[log.model] = time
                self.pay(log.sponsor, -price)
            case "Refund" | "Rest" | "Forgive":
                d = self._open(log, log.contribution)
                terms = self.terms[d.model]
                wait = terms.rest_wait if log.name == "Rest" else terms.refund_wait
                check(time >= d.time + wait, f"too early: {log}")
                check(log.contributor == d.contributor and log.amount == d.left, f"not what is theirs: {log}")
                if log.name == "Rest":
                    check(terms.rest_wait > 0, "the rest goes back on other terms")
                else:
                    check(self.answers(d, time), f"asked in a second in which the model learnt: {log}")
                if log.name == "Forgive":
                    check({d.contributor, self.keepers.get(d.contributor)} & callers, "forgiven by a stranger")
                    self.forgiven[d.model, d.contributor] += 1
                    check(
                        0
                        < terms.forgive_every * self.forgiven[d.model, d.contributor]
                        <= self.validated[d.model, d.contributor],
                        "forgiven too often",
                    )
                    check(time < d.time + terms.rest_wait, "forgiven too late")
                if log.name == "Refund":
                    self.refunded.add(log.contribution)
                    if (d.model, d.contributor, d.x, d.y) not in self.counted:
                        self.counted.add((d.model, d.contributor, d.x, d.y))
                        self.validated[d.model, d.contributor] += 1
                        self.all_validated[d.model] += 1
                self._pay_out(d, d.sponsor, log.amount)
            case "Flag":
                check(len(log.contributions) > 0, "a flag of nothing")
                for key in log.contributions:
                    d = self._reportable(log, key, time)
                    check(log.reporter not in d.flags, "flagged twice")
                    d.flags[log.reporter] = time
            case "Report":
                d = self._reportable(log, log.contribution, time)
                terms = self.terms[d.model]
                check(log.reporter not in d.reported, "reported twice")
                if terms.dispute_wait:
                    check(time >= d.flags.get(log.reporter, 2**60) + terms.dispute_wait, "reported without waiting")
                share = d.deposit * self.validated[d.model, log.reporter] // self.all_validated[d.model]
                check(0 < log.amount == min(share, d.left), f"a share of {share}, {d.left} left: {log}")
                d.reported.add(log.reporter)
                self._pay_out(d, log.reporter, log.amount)
            case "Take":
                d = self._open(log, log.contribution)
                terms = self.terms[d.model]
                check(terms.rest_wait == 0, "taken where nobody takes")
                check(
                    time >= d.time + terms.owner_wait and log.taker not in (d.contributor, d.sponsor),
                    f"not theirs: {log}",
                )
                check(
                    time >= d.time + terms.anyone_wait or log.taker == self.owner_of(d.model), f"not theirs yet: {log}"
                )
                check(log.amount == d.left > 0, f"another amount: {log}")
                self._pay_out(d, log.taker, log.amount)
            case "Cancelled":
                check(log.contributor in callers, f"cancelled by a stranger: {log}")
                check(log.round == self.rounds[log.contribution], f"another round: {log}")
                self.rounds[log.contribution] += 1
            case "KeeperNamed":
                check(log.contributor in callers, "a keeper named by a stranger")
                self.keepers[log.contributor] = log.keeper
            case "Credited":
                self.credited(log)
            case "Fetched":
                self.fetched(log)

    def finish(self) -> None:
        """What the contract says of everything."""
        for model in self.terms:
            said = self.contract.call("statistics", model)
            check(said == (self.submitted[model], self.all_validated[model]), f"statistics: {said}")
        for (model, account), count in self.validated.items():
            check(self.contract.call("validated_of", model, account) == count, "another number of validated ones")
        for (model, account), count in self.forgiven.items():
            check(self.contract.call("forgiven_of", model, account) == count, "another number of forgiven ones")
        for account, keeper in self.keepers.items():
            check(self.contract.call("keeper_of", account) == keeper, "another keeper")
        for key, d in self.deposits.items():
            self.compare(key, d)

    def compare(self, key: bytes, d: Deposit) -> None:
        """Whether the contract has of a contribution what the ledger has."""
        said = self.contract.call("record", key)
        known = (d.left, d.deposit, d.time, d.effect, d.born_wrong and self.terms[d.model].born_wrong)
        if not d.open:
            known = (0, 0, 0, 0, False)
        counted = d.contributor == d.sponsor and (d.model, d.contributor, d.x, d.y) in self.counted
        validated = key in self.refunded or counted
        check(said == (*known, validated, self.rounds[key]), f"{said} is not {known} of {d}")

    # ---- what must work ----------------------------------------------------------------------------------------------

    def answers(self, d: Deposit, time: int) -> bool:
        """Whether the model is asked: not in a second in which it learnt."""
        return time > self.latest[d.model]

    def may_refund(self, d: Deposit, time: int, agrees: bool) -> bool:
        return d.open and self.answers(d, time) and time >= d.time + self.terms[d.model].refund_wait and agrees

    def may_forgive(self, d: Deposit, time: int, agrees: bool) -> bool:
        t = self.terms[d.model]
        who = d.model, d.contributor
        enough = 0 < t.forgive_every * (self.forgiven[who] + 1) <= self.validated[who]
        due = d.time + t.refund_wait <= time < d.time + t.rest_wait
        return d.open and self.answers(d, time) and due and not agrees and enough

    def may_report(self, d: Deposit, reporter: str, time: int, agrees: bool, flag: bool) -> bool:
        t = self.terms[d.model]
        share = d.deposit * self.validated[d.model, reporter] // max(1, self.all_validated[d.model])
        flagged = d.flags.get(reporter)
        if flag:
            ready = t.dispute_wait > 0 and flagged is None and reporter not in d.reported
        else:
            waited = t.dispute_wait == 0 or (flagged is not None and time >= flagged + t.dispute_wait)
            ready = waited and reporter not in d.reported and min(share, d.left) > 0
        return (
            ready
            and d.open
            and self.answers(d, time)
            and reporter not in (d.contributor, d.sponsor)
            and self.validated[d.model, reporter] > 0
            and d.time + t.refund_wait <= time
            and (t.rest_wait == 0 or time < d.time + t.rest_wait)
            and (d.born_wrong or not t.born_wrong)
            and not agrees
        )

    def _terms(self, model: str):
        from comodels.incentives.self_assessment import Terms

        return Terms(*self.contract.call("terms", model))

    def born(self, log: Log) -> bool:
        """Whether the model disagreed with a contribution when it came; the world says."""
        raise NotImplementedError

    def _open(self, log: Log, contribution: bytes) -> Deposit:
        check(contribution in self.deposits, f"nobody contributed it: {log}")
        d = self.deposits[contribution]
        check(d.open and d.model == log.model, f"settled already, or of another model: {log}")
        return d

    def _reportable(self, log: Log, contribution: bytes, time: int) -> Deposit:
        d = self._open(log, contribution)
        terms = self.terms[d.model]
        check(log.reporter not in (d.contributor, d.sponsor), "reported their own")
        check(self.validated[d.model, log.reporter] > 0, "reported without validated data")
        check(time >= d.time + terms.refund_wait, f"too early: {log}")
        check(terms.rest_wait == 0 or time < d.time + terms.rest_wait, f"too late: {log}")
        check(d.born_wrong or not terms.born_wrong, f"the model agreed when it came: {log}")
        check(self.answers(d, time), f"asked in a second in which the model learnt: {log}")
        return d

    def _pay_out(self, d: Deposit, account: str, amount: int) -> None:
        d.left -= amount
        check(d.left >= 0, "more than the deposit")
        if d.left == 0:
            d.open = False
        self.pay(account, amount)

    def moments(self) -> list[int]:
        waits = []
        for d in list(self.deposits.values())[-20:]:
            if d.open:
                t = self.terms[d.model]
                waits += [d.time + w for w in (t.refund_wait, t.rest_wait, t.owner_wait, t.anyone_wait)]
                waits += [f + t.dispute_wait for f in d.flags.values()]
        return waits
