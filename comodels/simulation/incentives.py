"""The kinds of incentives that can be simulated, and how agents deal with them: one entry for each."""

from __future__ import annotations

from typing import Any

from comodels.found import Found
from comodels.incentives import points, self_assessment
from comodels.simulation.agents import Agent
from comodels.simulation.compare import same
from comodels.simulation.desk import Desk
from comodels.simulation.world import OWNER, START, Entry, World

REPORTS_EVERY = 6 * 3_600  # seconds between two looks at what others contributed, also of who looks more often


class SelfAssessmentDesk(Desk):
    """Deposits that go back, are forgiven, reported, or on the slides' terms taken."""

    KIND = "SelfAssessment"
    TERMS = self_assessment.Terms
    TWIN = self_assessment.SelfAssessment

    def __init__(self, world: World, terms: self_assessment.Terms):
        self.world = world
        self.terms = terms
        self.twin = self.TWIN(world.model, OWNER, terms, START, world.balances)

    def price(self, time: int) -> int:
        return self.twin.required_deposit(time)

    def call(self, function: str, sender: str, arguments: tuple, value: int, time: int) -> Any:
        if function == "add_data":
            return self.twin.add_data(sender, *arguments, value, time)
        return getattr(self.twin, function)(sender, *arguments, time)

    def add(self, agent: Agent, account: str, x: bytes, y: int, true_label: int, time: int) -> Entry | None:
        world = self.world
        value = min(agent.settings.max_deposit, world.balances[account])
        effect = world.act(time, account, "add_data", (x, y), value)
        if effect is None:
            return None
        record = self.twin.contributions[account, x, y]
        return Entry(len(world.entries), agent.index, account, x, y, true_label, time, record.deposit, effect, record)

    def answers(self, time: int) -> bool:
        return self.twin.answers(time)

    def first_look(self, own: bool) -> int:
        return self.terms.refund_wait

    def claim_own(self, agent: Agent, entry: Entry, time: int) -> int:
        terms, what = self.terms, (entry.account, entry.x, entry.y)
        if self.world.agrees(entry):
            self.world.act(time, entry.account, "refund", what)
            entry.settled = True
            return 0
        again = time + agent.settings.recheck_every
        if not terms.rest_wait:
            return again
        back = entry.time + terms.rest_wait
        if time >= back:
            self.world.act(time, entry.account, "rest", what)
            entry.settled = True
            return 0
        flags = [t for t in entry.record.reports.values() if t != self_assessment.PAID]
        if flags:
            # a forgiving is spent at the last look before the deposit could be taken: until then the model may agree
            due = min(flags) + terms.dispute_wait
            last = due <= time + max(agent.settings.check_every, agent.settings.recheck_every)
            if last and self.twin.can_forgive(entry.account):
                self.world.act(time, entry.account, "forgive", what)
                entry.settled = True
                return 0
        return min(again, back)

    def claim_other(self, agent: Agent, entry: Entry, time: int) -> int:
        settings, terms = agent.settings, self.terms
        again = time + max(settings.recheck_every, REPORTS_EVERY)
        if terms.rest_wait:
            if not self.twin.can_be_reported(entry.record, time):
                return 0
        else:
            anyone = entry.time + terms.anyone_wait
            if time >= anyone and settings.takes or time >= entry.time + terms.owner_wait and agent.account == OWNER:
                self.world.act(time, agent.account, "take", (entry.account, entry.x, entry.y))
                entry.settled = True
                return 0
            if settings.takes and anyone < again:
                again = anyone
        if settings.reports and self.twin.validated and not self.world.agrees(entry):
            due = self._report(agent, entry, time)
            if entry.settled:
                return 0
            again = due or again  # until a report is due, there is nothing to do
        return again

    def _report(self, agent: Agent, entry: Entry, time: int) -> int:
        """Report from all accounts that can; returns when the next is due."""
        twin, record, due = self.twin, entry.record, 0
        for account in agent.accounts:
            valid = twin.validated_of.get(account, 0)
            if not valid or account == entry.account or record.deposit * valid < twin.validated:
                continue
            flagged = record.reports.get(account, 0)
            if flagged == self_assessment.PAID:
                continue
            if self.terms.dispute_wait:
                if not flagged:
                    self.world.act(time, account, "flag", (entry.account, entry.x, entry.y))
                    flagged = time
                then = flagged + self.terms.dispute_wait
                if time < then:
                    due = min(due, then) if due else then
                    continue
            self.world.act(time, account, "report", (entry.account, entry.x, entry.y))
            if record.time == 0:
                entry.settled = True
                return 0
        return due

    def gain_of_report(self, account: str, entry: Entry) -> int:
        twin, record = self.twin, entry.record
        valid = twin.validated_of.get(account, 0)
        return min(record.deposit * valid // twin.validated, record.claimable) if valid else 0

    @property
    def held(self) -> int:
        return self.twin.balance

    def check_chain(self, replay: Any) -> None:
        found = replay.ask_incentive("statistics")
        same("submitted and validated contributions", found, (self.twin.submitted, self.twin.validated))
        for account, valid in sorted(self.twin.validated_of.items()):
            same(f"validated contributions of {account}", replay.ask_incentive("validated_of", account), valid)
        for account, forgiven in sorted(self.twin.forgiven_of.items()):
            same(f"forgiven contributions of {account}", replay.ask_incentive("forgiven_of", account), forgiven)


class PointsDesk(Desk):
    """Points and badges, no money."""

    KIND = "Points"
    TERMS = points.Terms

    def __init__(self, world: World, terms: points.Terms):
        self.world = world
        self.terms = terms
        self.twin = points.Points(world.model, terms)

    def add(self, agent: Agent, account: str, x: bytes, y: int, true_label: int, time: int) -> Entry | None:
        effect = self.world.act(time, account, "add_data", (x, y))
        if effect is None:
            return None
        record = self.twin.contributions[x, y]
        return Entry(len(self.world.entries), agent.index, account, x, y, true_label, time, 0, record.effect, record)

    def first_look(self, own: bool) -> int:
        return self.terms.validation_wait if own else self.terms.report_wait

    def claim_own(self, agent: Agent, entry: Entry, time: int) -> int:
        if entry.x in self.twin.earned:
            return 0
        if not self.world.agrees(entry):
            return time + agent.settings.recheck_every
        self.world.act(time, entry.account, "validate", (entry.x, entry.y))
        entry.settled = True
        return 0

    def claim_other(self, agent: Agent, entry: Entry, time: int) -> int:
        if not agent.settings.reports or entry.record.reported:
            return 0
        accounts = self.twin.ledger.accounts
        able = (a for a in agent.accounts if a != entry.account and a in accounts and accounts[a].validated)
        account = next(able, None)
        if account is None or self.world.agrees(entry):
            return time + agent.settings.recheck_every
        self.world.act(time, account, "report", (entry.x, entry.y))
        return 0

    def gain_of_report(self, account: str, entry: Entry) -> int:
        if entry.record.reported:
            return 0
        accounts = self.twin.ledger.accounts
        return self.terms.report_points if account in accounts and accounts[account].validated else 0

    def scores(self) -> dict[str, int]:
        return {name: account.points for name, account in self.twin.ledger.accounts.items()} or {OWNER: 0}

    def check_chain(self, replay: Any) -> None:
        found = replay.ask_incentive("statistics")
        same("submitted and validated contributions", found, (self.twin.submitted, self.twin.validated))
        for name, account in sorted(self.twin.ledger.accounts.items()):
            found = replay.ask_incentive("account", name)
            expected = account.points, account.validated, account.reports, account.latest
            same(f"points, validated contributions, reports and latest of {name}", found, expected)
            same(f"badges of {name}", replay.ask_incentive("badges", name), account.badges)


INCENTIVES = Found("KIND", "comodels.simulation")
"""The desks by the contract's name."""
