"""An attacker on self-assessment who knows the rules and the model; the numbers of its plan can be searched."""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heappush
from typing import Any

import numpy as np

from comodels.incentives.self_assessment import deposit_after
from comodels.revert import Revert
from comodels.simulation.agents import OTHERS, Agent
from comodels.simulation.scenario import AgentSettings, read_fields
from comodels.simulation.world import START, Entry, World, address_of
from comodels.units import DAY

TARGETS = 6  # victims that a step weighs, the dearest first
FRESH = 6  # samples like those that others will contribute, on which ruin is measured
TRIES = 2  # crafted samples that a step tries on a copy of the model


@dataclass(frozen=True)
class Attack:
    """A plan.

    Attributes
    ----------
    farm : int
        Contributions that say what the model says already: they go back without risk, and give a share of reports and
        forgivings.
    farm_days : float
        Over how many days these are spread, from the publication on.
    start, length : float
        Days from the publication on: when the attack begins, and for how long samples are added that turn the model.
    daily, burst : int
        At most so many of these in a day, and at one moment.
    spacing : int
        Seconds between two of them.
    lead : int
        How many seconds before others can have a deposit back the model is to be turned against it.
    hold : int
        Seconds between two looks whether it still is; 0: only when the refund and the report are due.
    width : int
        How many samples are united into a crafted one; 1: the victim's own sample with another label.
    safe : bool
        Only samples that the model agrees with when they come, which nobody can report.
    ruin : float
        What it is worth to turn the model against a sample that others have yet to contribute, in deposits.
    greed : float
        A step must bring so many times what it can lose.
    accounts : int
        How many accounts turn the model.
    apart : bool
        Whether the account that farms and reports is another than these.
    """

    farm: int = 20
    farm_days: float = 1.0
    start: float = 1.0
    length: float = 9.0
    daily: int = 20
    burst: int = 1
    spacing: int = 900
    lead: int = 600
    hold: int = 0
    width: int = 1
    safe: bool = False
    ruin: float = 0.0
    greed: float = 0.0
    accounts: int = 1
    apart: bool = False


class Attacker(Agent):
    """Farms validated contributions, turns the model against others' deposits by crafted samples, and reports them."""

    def __init__(self, world: World, settings: AgentSettings, share: float, index: int):
        values = read_fields(Attack, settings.attack, f"agents.{settings.name}.attack", {})
        self.plan = Attack(**values)
        super().__init__(world, settings, share, index)
        self._known = world.problem.initial or world.problem.pool
        self._fresh = [self._draw() for _ in range(FRESH)]
        self._by_label: dict[int, list[bytes]] = {}
        for y, x in self._known:
            self._by_label.setdefault(y, []).append(x)
        self._begin = START + int(self.plan.start * DAY)
        self._end = self._begin + int(self.plan.length * DAY)
        self._added: list[int] = []  # times of the samples that turn the model
        self._targets: dict[int, Entry] = {}  # of others, that can still be reported
        self._unused = list(self._known)  # what is farmed with, each once
        self._rng.shuffle(self._unused)
        self._gaps: dict[tuple[bytes, int], float] = {}  # what `_gap` says of the model as it is
        self._asked = -1  # of which version
        world.watchers.append(self)

    def _make_accounts(self) -> list[str]:
        count = self.plan.accounts + self.plan.apart
        return [address_of(f"{self.settings.name}/{i}") for i in range(count)]

    def _draw(self) -> tuple[int, bytes]:
        return self._known[int(self.uniform() * len(self._known))]

    def schedule(self) -> list[tuple[int, object]]:
        plan = self.plan
        events = super().schedule()
        step = max(60, int(plan.farm_days * DAY / max(1, plan.farm)))
        events += [(START + 60 + i * step, self.farm) for i in range(plan.farm)]
        if plan.hold or plan.ruin:
            every = plan.hold or 3_600
            events += [(t, self.hold) for t in range(self._begin, self._end, every)]
        return events

    # ---- validated contributions -----------------------------------------------------------------------------------

    def farm(self, time: int, _: object = None) -> None:
        """Contribute what the model says already, in the account that reports."""
        if self._unused and self._affordable(time):
            true_label, x = self._unused.pop()
            self.add(self.account, x, self.world.model.predict(x), true_label, time)

    def _affordable(self, time: int) -> bool:
        return self.world.desk.price(time) <= min(self.settings.max_deposit, self.world.balances[self.account])

    # ---- turning the model -----------------------------------------------------------------------------------------

    def notice(self, entry: Entry) -> None:
        """Be there before the first second in which somebody else's deposit can go back, and in that second."""
        if entry.agent == self.index or not self._reportable(entry):
            return
        self._targets[entry.index] = entry
        due = entry.time + self.world.desk.first_look(own=True)
        if due <= self._end:
            self.world.at(max(due - self.plan.lead, entry.time + 1), self.strike, self.plan.burst)
        self.world.at(due, self.report, entry)

    def _reportable(self, entry: Entry) -> bool:
        return entry.record.born_wrong or not self.world.desk.terms.born_wrong

    def hold(self, time: int, _: object = None) -> None:
        self.strike(time, self.plan.burst)

    def report(self, time: int, entry: Entry) -> None:
        """Flag or report a contribution in this second, and be there when the next step of that is due."""
        if entry.settled:
            self._targets.pop(entry.index, None)
            return
        desk, world = self.world.desk, self.world
        if not desk.answers(time):
            world.at(time + 1, self.report, entry)
            return
        again = desk.claim_other(self, entry, time)
        if entry.settled or not again:
            self._targets.pop(entry.index, None)
            return
        heappush(self._later, (again, entry.index + OTHERS, entry))
        flags = entry.record.reports
        due = min((flags[a] for a in self.accounts if a in flags), default=0) + desk.terms.dispute_wait
        if time < due < time + 30 * DAY:
            world.at(max(time + 1, due - self.plan.lead), self.strike, self.plan.burst)
            world.at(due, self.report, entry)

    def strike(self, time: int, left: int) -> None:
        """Add a sample that turns the model, if there is one worth it, and come again for the rest of the burst."""
        plan = self.plan
        if left <= 0 or not self._begin <= time < self._end or not self._affordable(time):
            return
        self._added = [t for t in self._added if t > time - DAY]
        if len(self._added) >= plan.daily:
            return
        goals = self._goals(time)
        chosen = self._craft(time, goals)
        if chosen is None:
            return
        x, y = chosen
        accounts = self.accounts[1:] if plan.apart else self.accounts
        account = accounts[self._turn % len(accounts)]
        self._turn += 1
        if self.add(account, x, y, -1, time) is None:
            return
        self._added.append(time)
        if left > 1:
            self.world.at(time + plan.spacing, self.strike, left - 1)

    def _goals(self, time: int) -> list[tuple[bytes, int, float]]:
        """(sample, label, wei) of what the model is to disagree with."""
        desk, plan = self.world.desk, self.plan
        share = desk.twin.validated_of.get(self.account, 0) / max(1, desk.twin.validated)
        wait = desk.first_look(own=True)
        goals = []
        for index, entry in list(self._targets.items()):
            if entry.settled:
                del self._targets[index]
            elif time - entry.time >= wait - plan.lead - 60 and entry.account not in self.accounts:
                goals.append((entry.x, entry.y, share * entry.record.claimable))
        goals.sort(key=lambda goal: -goal[2])
        del goals[TARGETS:]
        if plan.ruin:
            worth = plan.ruin * share * deposit_after(3_600, desk.terms.cost_weight)
            goals += [(x, y, worth) for y, x in self._fresh]
        return goals

    def _craft(self, time: int, goals: list[tuple[bytes, int, float]]) -> tuple[bytes, int] | None:
        """The best of some crafted samples, tried on a copy of the model; None if none is worth its risk."""
        model, plan = self.world.model, self.plan
        if self._asked != model.version:
            self._asked = model.version
            self._gaps.clear()
        for x, y, _ in goals:
            if (x, y) not in self._gaps:
                self._gaps[x, y] = _gap(model, x, y)
        gaps = [self._gaps[x, y] for x, y, _ in goals]
        open_ = [goal for goal, gap in zip(goals, gaps, strict=True) if gap <= 0]
        if not open_:
            return None
        scale = sum(map(abs, gaps)) / len(gaps) or 1.0
        before = _worth(goals, gaps, scale)
        price = self.world.desk.price(time)
        best, chosen = 0.0, None
        for _ in range(TRIES):
            x, y = self._candidate(open_)
            try:
                right = model.predict(x) == y
                if plan.safe and not right:
                    continue
                trial = model.copy()
                if not trial.update(x, y):
                    continue
            except Revert:
                continue
            after = _worth(goals, [_gap(trial, x, y) for x, y, _ in goals], scale)
            gain = after - before - (0 if right else plan.greed * price)
            if gain > best:
                best, chosen = gain, (x, y)
        return chosen

    def _candidate(self, goals: list[tuple[bytes, int, float]]) -> tuple[bytes, int]:
        """A victim's sample, or several united, with a wrong label; to be safe, with others of that label."""
        plan = self.plan
        x, y, _ = goals[int(self.uniform() * len(goals))]
        wrong = self.other_label(y)
        parts = [x]
        same = [g[0] for g in goals if g[1] == y]
        more = self._by_label.get(y, [])
        while len(parts) < plan.width:
            source = same if same and self.uniform() < 0.5 else more or same
            parts.append(source[int(self.uniform() * len(source))])
        x = self._unite(parts) if len(parts) > 1 else x
        return (self._tip(x, parts, wrong), wrong) if plan.safe else (x, wrong)

    def _tip(self, x: bytes, parts: list[bytes], wrong: int) -> bytes:
        """The sample with as little added of the wrong label's as makes the model say that label."""
        others = self._by_label.get(wrong, [])
        more = 1
        while others and more < 4 * len(parts) + 8 and self.world.model.predict(x) != wrong:
            x = self._unite([x] + [others[int(self.uniform() * len(others))] for _ in range(more)])
            more *= 2
        return x

    def _unite(self, parts: list[bytes]) -> bytes:
        """All words of sparse samples; for dense ones their sum, as long as a sample is."""
        problem = self.world.problem
        if problem.unit is None:
            words = np.unique(np.frombuffer(b"".join(parts), ">u2"))
            return words[: self.world.model.parameters.longest].astype(">u2").tobytes()
        total = np.sum([np.frombuffer(part, np.int8).astype(float) for part in parts], axis=0)
        norm = math.sqrt(float(total @ total)) or 1.0
        return np.clip(np.rint(total * (problem.unit / norm)), -128, 127).astype(np.int8).tobytes()


def _gap(model: Any, x: bytes, y: int) -> float:
    """By how much the best other class is ahead of class y: above 0 where the model disagrees, or at a tie may."""
    scores = model.scores(x)
    own = scores[y]
    return float(max(s for i, s in enumerate(scores) if i != y) - own)


def _worth(goals: list[tuple[bytes, int, float]], gaps: list[float], scale: float) -> float:
    """Wei of what the model disagrees with, and something for what it nearly does."""
    return sum(wei * ((gap > 0) + 0.3 * math.tanh(gap / scale)) for (_, _, wei), gap in zip(goals, gaps, strict=True))
