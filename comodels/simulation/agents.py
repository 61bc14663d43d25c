"""The people of a simulation: what they contribute, and what they claim."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush, heapreplace

import numpy as np

from comodels.revert import Revert
from comodels.simulation.scenario import AgentSettings
from comodels.simulation.world import OWNER, START, Entry, World, address_of
from comodels.units import DAY

DRAWS = 4_096  # random numbers that are drawn at once
OTHERS = 1 << 40  # added to the number of a contribution by somebody else, in the list of later claims


class Agent:
    """Somebody who contributes at random moments, and looks regularly at what can be claimed.

    The base class is honest: labels are right, but for the rate of mistakes.

    Attributes
    ----------
    accounts : list of str
        All of them.
    account : str
        The first of them.
    contributing : list of str
        Those that are used, in turn, to contribute.
    """

    looks_often = True  # also whenever it contributes

    def __init__(self, world: World, settings: AgentSettings, share: float, index: int):
        self.world = world
        self.settings = settings
        self.share = share
        self.index = index
        self.accounts = self._make_accounts()
        self.account = self.accounts[0]
        self.contributing = self.accounts
        self.refused = 0  # contributions that were dearer than this agent is willing to pay
        self._turn = 0
        self._rng = np.random.default_rng([world.scenario.seed, 2, index])
        self._uniforms: list[float] = []
        self._own: deque[Entry] = deque()
        self._seen = 0  # position in all contributions
        self._later: list[tuple[int, int, Entry]] = []
        self._first_look = world.desk.first_look(own=True), world.desk.first_look(own=False)
        world.owner_of.update(dict.fromkeys(self.accounts, index))

    def _make_accounts(self) -> list[str]:
        count = self.settings.accounts
        return [address_of(f"{self.settings.name}/{i}") for i in range(count)]

    def fund(self) -> None:
        """Divide the starting balance over the accounts."""
        part, rest = divmod(self.settings.balance, len(self.accounts))
        for i, account in enumerate(self.accounts):
            self.world.balances[account] = part + (rest if i == 0 else 0)

    def schedule(self) -> list[tuple[int, object]]:
        """(time, method) of what this agent means to do, whatever happens."""
        scenario, settings = self.world.scenario, self.settings
        first = int(settings.first_day * DAY)
        last = min(int((settings.last_day or scenario.days) * DAY), self.world.end - START)
        rate = self.share * scenario.per_day / DAY
        events: list[tuple[int, object]] = []
        if rate > 0 and last > first:
            count = self._rng.poisson(rate * (last - first))
            moments = np.sort(self._rng.integers(first, last, count)) + START + 1
            events = [(t, self.wake) for t in moments.tolist()]
        stop = self.world.end + int(scenario.claim_days * DAY)
        offset = int(self._rng.integers(settings.check_every))
        return events + [(t, self.claim) for t in range(START + 1 + offset, stop, settings.check_every)]

    def uniform(self) -> float:
        if not self._uniforms:
            self._uniforms = self._rng.random(DRAWS).tolist()
        return self._uniforms.pop()

    def other_label(self, y: int) -> int:
        """A label that is not `y`, all with the same probability."""
        classes = len(self.world.problem.class_names)
        return (y + 1 + int(self.uniform() * (classes - 1))) % classes

    # ---- contribute --------------------------------------------------------------------------------------------------

    def wake(self, time: int, _: object = None) -> None:
        if self.looks_often:
            self.claim(time)
        account = self.contributing[self._turn % len(self.contributing)]
        price = self.world.desk.price(time)
        if price > self.settings.max_deposit or price > self.world.balances[account]:
            self.refused += 1
            return
        chosen = self.choose()
        if chosen is None:
            return
        self._turn += 1
        x, y, true_label = chosen
        self.add(account, x, y, true_label, time)

    def choose(self) -> tuple[bytes, int, int] | None:
        """The next sample, the label to give it, and its true one."""
        row = self.world.next_row()
        if row is None:
            return None
        y, x = row
        return x, self.label(y), y

    def label(self, y: int) -> int:
        """The label to give a sample whose true one is `y`."""
        mistakes = self.settings.mistakes
        return self.other_label(y) if mistakes and self.uniform() < mistakes else y

    def add(self, account: str, x: bytes, y: int, true_label: int, time: int) -> Entry | None:
        entry = self.world.desk.add(self, account, x, y, true_label, time)
        if entry is not None:
            self.world.entries.append(entry)
            self._own.append(entry)
            for agent in self.world.watchers:
                agent.notice(entry)
        return entry

    # ---- claim -------------------------------------------------------------------------------------------------------

    def claim(self, time: int, _: object = None) -> None:
        """Everything that can be claimed now; a second later, where the model learnt in this one."""
        if not self.world.desk.answers(time):
            self.world.at(time + 1, self.claim)
            return
        desk, own, entries, later = self.world.desk, self._own, self.world.entries, self._later
        own_wait, others_wait = self._first_look
        while own and own[0].time <= time - own_wait:
            entry = own.popleft()
            again = 0 if entry.settled else desk.claim_own(self, entry, time)
            if again:
                heappush(later, (again, entry.index, entry))
        if self.settings.reports or self.settings.takes:
            seen, count, bound = self._seen, len(entries), time - others_wait
            while seen < count and entries[seen].time <= bound:
                entry = entries[seen]
                seen += 1
                if not entry.settled and (entry.agent != self.index or len(self.accounts) > 1):
                    again = desk.claim_other(self, entry, time)
                    if again:
                        heappush(later, (again, entry.index + OTHERS, entry))
            self._seen = seen
        while later and later[0][0] <= time:
            _, number, entry = later[0]
            if entry.settled:
                heappop(later)
                continue
            again = (desk.claim_other if number >= OTHERS else desk.claim_own)(self, entry, time)
            if again:
                heapreplace(later, (again, number, entry))
            else:
                heappop(later)


class Honest(Agent):
    """Right labels, but for mistakes."""


class Late(Honest):
    """Honest, and does not look at what can be claimed while contributing: only at its regular looks, however rare."""

    looks_often = False


class Malicious(Agent):
    """Always a wrong label."""

    def label(self, y: int) -> int:
        return self.other_label(y)


class Careless(Agent):
    """Any label."""

    def label(self, y: int) -> int:
        return int(self.uniform() * len(self.world.problem.class_names))


class Copier(Agent):
    """Contributes again what somebody else contributed last, and so does no work."""

    def choose(self) -> tuple[bytes, int, int] | None:
        for entry in reversed(self.world.entries):
            if entry.agent != self.index:
                return entry.x, entry.y, entry.true_label
        return None


class Parrot(Agent):
    """Labels every sample with what the model says already, and so does no work and teaches nothing."""

    def choose(self) -> tuple[bytes, int, int] | None:
        row = self.world.next_row()
        return None if row is None else (row[1], self.world.model.predict(row[1]), row[0])


class Sybil(Malicious):
    """Malicious, from many accounts that pretend to be different people and report each other to save deposits."""


class FlipAndTake(Agent):
    """Honest until it has valid data; then it turns the model against others' contributions and reports them at once.

    When a contribution of somebody else can be claimed for the first time and the model agrees with it, the attacker
    tries on a copy of the model whether the same sample with another label would turn it. If so, it does that and
    reports as soon as the contract asks the model (or announces the report, where a dispute wait asks for it).
    """

    def __init__(self, world: World, settings: AgentSettings, share: float, index: int):
        super().__init__(world, settings, share, index)
        self._given = 0
        world.watchers.append(self)

    def wake(self, time: int, _: object = None) -> None:
        if self._given < self.settings.warm_up:
            before = len(self._own)
            super().wake(time)
            self._given += len(self._own) > before
        else:
            self.claim(time)

    def notice(self, entry: Entry) -> None:
        """Be there in the first second in which a contribution can be claimed."""
        if entry.agent != self.index:
            self.world.at(entry.time + self.world.desk.first_look(own=False), self.attack, entry)

    def attack(self, time: int, entry: Entry) -> None:
        world = self.world
        if entry.settled or self._given < self.settings.warm_up or time >= world.end:
            return
        gain = world.desk.gain_of_report(self.account, entry)
        price = world.desk.price(time)
        if gain <= 0 or gain < self.settings.least_gain * price:
            return
        if price > min(self.settings.max_deposit, world.balances[self.account]):
            self.refused += 1
            return
        y = self.other_label(entry.y)
        trial = world.model.copy()
        try:
            effect = trial.update(entry.x, y)
        except Revert:
            return
        if not effect or world.desk.judge(entry, trial) == entry.y:
            return
        if self.add(self.account, entry.x, y, entry.true_label, time) is None:
            return
        self.report(time, entry)

    def report(self, time: int, entry: Entry) -> None:
        """Report a contribution, or announce it; a second later, where the model learnt in this one."""
        if entry.settled:
            return
        if not self.world.desk.answers(time):
            self.world.at(time + 1, self.report, entry)
            return
        again = self.world.desk.claim_other(self, entry, time)
        if again:
            heappush(self._later, (again, entry.index + OTHERS, entry))


class Provider(Agent):
    """The provider of a market, who knows its test set and contributes from it through other accounts."""

    def __init__(self, world: World, settings: AgentSettings, share: float, index: int):
        super().__init__(world, settings, share, index)
        rows = list(world.problem.bounty_test)
        self._rng.shuffle(rows)
        self._rows = iter(rows)
        self.contributing = self.accounts[1:] or self.accounts

    def fund(self) -> None:
        """The first account pays for the market; the others get what their contributions can need."""
        self.world.balances[self.account] += self.settings.balance
        for account in self.accounts[1:]:
            part = self.settings.max_deposit
            self.world.balances[account] += part
            self.world.balances[self.account] -= part

    def choose(self) -> tuple[bytes, int, int] | None:
        row = next(self._rows, None)
        return None if row is None else (row[1], row[0], row[0])


class Owner(Agent):
    """The model's owner, who takes what is left after the owner wait, and contributes nothing."""

    def _make_accounts(self) -> list[str]:
        return [OWNER]
