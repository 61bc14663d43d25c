"""The engine on the twins: no chain, and the same integers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from types import MappingProxyType
from typing import Any

from comodels.simulation.agents import Agent, Owner
from comodels.simulation.desk import Desk
from comodels.simulation.kinds import AGENTS, INCENTIVES, MODELS
from comodels.simulation.problem import Problem, build
from comodels.simulation.scenario import AgentSettings, Scenario
from comodels.simulation.world import START, World
from comodels.units import DAY


@dataclass
class Point:
    """A moment of the curve.

    Attributes
    ----------
    time : int
        Seconds since the model was published.
    actions, contributions : int
        How many there were up to here.
    version : int
        Of the model.
    errors : int
        Test rows that the model gets wrong.
    balances : dict of int
        Wei of each agent.
    held : int
        Wei that the incentive holds.
    scores : dict of int
        Points of each agent, where the incentive gives points.
    """

    time: int
    actions: int
    contributions: int
    version: int
    errors: int
    balances: dict[str, int]
    held: int
    scores: dict[str, int] = field(default_factory=dict)


@dataclass
class Result:
    """A whole run, with all that an engine on a chain needs to do the same.

    Attributes
    ----------
    curve : list of Point
    world : World
        As it is at the end.
    agents : list of Agent
        In the scenario's order, then the owner.
    start_balances : dict of int
        Wei of each account before anything happened.
    published : list of int
        The model's words when it was published.
    seconds : float
        Time that the run took, without reading data and without measuring the accuracy.
    """

    scenario: Scenario
    problem: Problem
    curve: list[Point]
    world: World
    agents: list[Agent]
    start_balances: dict[str, int]
    published: list[int]
    seconds: float

    @property
    def accuracies(self) -> list[float]:
        return [1 - point.errors / len(self.problem.test) for point in self.curve]

    def profit(self, name: str) -> int:
        """Wei that an agent has more at the end than at the start; what is still deposited counts as lost."""
        return self.curve[-1].balances[name] - self.curve[0].balances[name]


def run(
    scenario: Scenario,
    data: str | None = None,
    problem: Problem | None = None,
    progress: Callable[[Point], None] | None = None,
    desk_class: type[Desk] | None = None,
    people: Mapping[str, type[Agent]] = MappingProxyType({}),
) -> Result:
    """Run a scenario on the twins.

    Parameters
    ----------
    scenario : Scenario
    data : str, optional
        The file that stands for ``DATA``.
    problem : Problem, optional
        Data that were built already, for the same settings and seed.
    progress : callable, optional
        Called with every point of the curve.
    desk_class : type, optional
        Instead of that of the scenario's incentive: a rule that is only tried, without a contract.
    people : mapping of str to type, optional
        Instead of those that these names of kinds stand for: a behaviour that is only tried.
    """
    problem = problem or build(scenario.data, scenario.seed, data)
    kind = MODELS[scenario.model.kind]
    desk_kind: Any = desk_class or INCENTIVES[scenario.incentive.kind]
    terms = desk_kind.make_terms(scenario.incentive)
    model = kind.make(scenario.model, problem)
    published = model.words()
    world = World(scenario, problem, model)
    world.desk = desk_kind(world, terms)
    agents = [
        (people.get(settings.kind) or AGENTS[settings.kind])(world, settings, share, index)
        for index, (settings, share) in enumerate(zip(scenario.agents, scenario.shares(), strict=True))
    ]
    owner = AgentSettings(name="owner", kind="owner", balance=0, reports=False)
    agents.append(Owner(world, owner, 0.0, len(agents)))
    for agent in agents:
        agent.fund()
    start_balances = dict(world.balances)
    world.fill([event for agent in agents for event in agent.schedule()])

    curve = [_point(0, world, agents, kind)]
    stop = world.end + int(scenario.claim_days * DAY)
    moments = [START + (stop - START) * i // scenario.points for i in range(1, scenario.points + 1)]
    world.desk.begin(agents)
    seconds = 0.0
    for moment in moments:
        begin = perf_counter()
        with _no_collection():
            world.run(moment)
        seconds += perf_counter() - begin
        if moment == stop:
            world.desk.finish(agents, stop)
        curve.append(_point(moment - START, world, agents, kind))
        if progress:
            progress(curve[-1])
    return Result(scenario, problem, curve, world, agents, start_balances, published, seconds)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the search for cycles of garbage: what is kept of each contribution has none, and it takes a third."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _point(time: int, world: World, agents: list[Agent], kind: Any) -> Point:
    balances = {a.settings.name: sum(world.balances[c] for c in a.accounts) for a in agents}
    scores = world.desk.scores()
    return Point(
        time=time,
        actions=len(world.actions),
        contributions=len(world.entries),
        version=world.model.version,
        errors=kind.errors(world.model, world.problem.test),
        balances=balances,
        held=world.desk.held,
        scores={a.settings.name: sum(scores.get(c, 0) for c in a.accounts) for a in agents} if scores else {},
    )
