"""What the simulated people share: the twin of the incentive, what everybody can see, and the list of what was done."""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from eth_utils import keccak, to_checksum_address

from comodels.revert import Revert
from comodels.simulation.problem import Problem, Row
from comodels.simulation.scenario import Scenario

START = 1_893_456_000
"""Seconds: when the model is published, the beginning of the year 2030 (UTC)."""


class Action(NamedTuple):
    """A transaction to the incentive contract, whose first argument, the model, is left out.

    Attributes
    ----------
    value : int
        Wei sent along.
    succeeds : bool
        Whether the twin accepted it; the contract must do the same.
    """

    time: int
    sender: str
    function: str
    arguments: tuple
    value: int
    succeeds: bool


@dataclass(slots=True, eq=False)
class Entry:
    """A contribution as everybody can see it from its event.

    Attributes
    ----------
    record : object
        The incentive twin's own record.
    agent : int
        Position of who contributed it.
    true_label : int
        Known to nobody but the simulation.
    """

    index: int
    agent: int
    account: str
    x: bytes
    y: int
    true_label: int
    time: int
    deposit: int
    effect: int
    record: Any
    settled: bool = False
    agreed: bool = False  # what the model said when it was last asked
    version: int = -1  # which version of the model that was


def address_of(name: str) -> str:
    """The address of an account, derived from its name."""
    return to_checksum_address(keccak(text=f"simulation/{name}")[-20:])


OWNER = address_of("owner")
MODEL = address_of("model")  # of the twins; on chain the model has an address of its own


class World:
    """One run in progress.

    Attributes
    ----------
    model : object
        The model's twin.
    desk : object
        The incentive as agents use it, see `comodels.simulation.incentives`.
    balances : dict of int
        Wei of each account.
    actions : list of Action
        What was done, in order.
    entries : list of Entry
        All contributions.
    """

    def __init__(self, scenario: Scenario, problem: Problem, model: Any):
        self.scenario = scenario
        self.problem = problem
        self.model = model
        self.balances: dict[str, int] = defaultdict(int)
        self.actions: list[Action] = []
        self.entries: list[Entry] = []
        self.desk: Any = None
        self.end = START + int(scenario.days * 86_400)
        self.owner_of: dict[str, int] = {OWNER: -1}  # position of the agent of each account
        self.watchers: list[Any] = []  # agents that want to notice every contribution
        self._rows = iter(problem.pool)
        self._schedule: list[tuple[int, Any]] = []  # (time, what), the latest first
        self._queue: list[tuple[int, int, Any, Any]] = []
        self._count = 0

    # ---- time --------------------------------------------------------------------------------------------------------

    def at(self, time: int, what: Any, argument: Any = None) -> None:
        """Have ``what(time, argument)`` called at a time; of equal times, in the order of these calls."""
        self._count += 1
        heapq.heappush(self._queue, (time, self._count, what, argument))

    def fill(self, events: list[tuple[int, Any]]) -> None:
        """Many (time, what) at once; of equal times, in this order and before those of `at`."""
        self._schedule = sorted(events, key=lambda e: e[0])[::-1]

    def run(self, until: int) -> None:
        """Everything that is due before a time."""
        schedule, queue = self._schedule, self._queue
        while schedule or queue:
            if not queue or schedule and schedule[-1][0] <= queue[0][0]:
                time, what = schedule[-1]
                if time >= until:
                    return
                schedule.pop()
                what(time)
            else:
                if queue[0][0] >= until:
                    return
                time, _, what, argument = heapq.heappop(queue)
                what(time, argument)

    # ---- what is there -----------------------------------------------------------------------------------------------

    def next_row(self) -> Row | None:
        """A row that nobody has contributed yet; None if there is none left."""
        return next(self._rows, None)

    def agrees(self, entry: Entry) -> bool:
        """Whether the model agrees with a contribution, judged by the terms; asked again if the model changed."""
        version = self.model.version
        if entry.version != version:
            entry.version = version
            entry.agreed = self.desk.judge(entry) == entry.y
        return entry.agreed

    # ---- what is done ------------------------------------------------------------------------------------------------

    def act(self, time: int, sender: str, function: str, arguments: tuple, value: int = 0) -> Any:
        """Do something on the twin and note it. Returns what the twin returns, or None if it reverts."""
        try:
            result = self.desk.call(function, sender, arguments, value, time)
        except Revert:
            self.actions.append(Action(time, sender, function, arguments, value, False))
            return None
        # as Action(...), which would call a function in Python
        self.actions.append(tuple.__new__(Action, (time, sender, function, arguments, value, True)))
        return True if result is None else result
