"""A search for the attack that pays best: of known and random plans the better go on, then changes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SPACE: dict[str, tuple[Any, ...]] = {
    "farm": (0, 5, 20, 60, 150),
    "farm_days": (0.5, 1.0, 2.0, 4.0),
    "start": (1.0, 2.0, 3.0, 4.0, 6.0),
    "length": (1.0, 3.0, 6.0, 12.0),
    "daily": (4, 10, 20, 40),
    "burst": (1, 2, 4, 8),
    "spacing": (15, 120, 900),
    "lead": (60, 600, 3_600),
    "hold": (0, 1_800, 3_600, 10_800),
    "width": (1, 2, 8, 64),
    "safe": (False, True),
    "ruin": (0.0, 0.2, 1.0),
    "greed": (0.0, 0.5, 2.0),
    "accounts": (1, 3, 10),
    "apart": (False, True),
}
"""Values of each number of a plan, see `comodels.simulation.attacker.Attack`."""

_LONG = {"start": 2.0, "length": 12.0, "farm": 60, "farm_days": 1.0, "accounts": 10, "apart": True}
FAMILIES: dict[str, dict[str, Any]] = {
    "sit and report": _LONG | {"length": 0.0, "farm": 150},
    "flip": _LONG | {"burst": 8, "daily": 40, "spacing": 120, "lead": 1_200},
    "flip and hold": _LONG | {"burst": 4, "daily": 40, "spacing": 120, "hold": 3_600},
    "ruin": _LONG | {"burst": 2, "daily": 20, "hold": 3_600, "ruin": 0.5, "width": 8},
    "safe ruin": _LONG | {"burst": 4, "daily": 40, "hold": 3_600, "ruin": 0.5, "width": 8, "safe": True},
    "credits": _LONG | {"farm": 150, "farm_days": 6.0, "burst": 4, "hold": 3_600, "accounts": 1, "apart": False},
    "all of it": _LONG | {"farm": 150, "burst": 4, "hold": 3_600, "ruin": 0.2, "width": 2, "greed": 0.5},
}
"""Plans to begin with, by name."""


@dataclass(frozen=True)
class Budget:
    """How many plans are tried, and on how many seeds."""

    random: int = 8
    kept: int = 4
    changed: int = 6
    last: int = 2
    seeds: tuple[int, int, int] = (1, 3, 6)  # of the first round, the second, the last


WHOLE = Budget()
FROM_FOUND = Budget(random=0, kept=3, changed=2, last=1, seeds=(1, 2, 4))
"""For a search that begins with plans which were good elsewhere."""


@dataclass
class Candidate:
    """A plan, the family that it comes from, and what it gained with each seed of training."""

    family: str
    plan: dict[str, Any]
    gains: list[float]

    @property
    def mean(self) -> float:
        return sum(self.gains) / len(self.gains)


def search(
    play: Callable[[Mapping[str, Any], int], float],
    budget: Budget,
    begin: Mapping[str, Mapping[str, Any]] = FAMILIES,
    seed: int = 0,
) -> list[Candidate]:
    """The best plans found, the best first.

    Parameters
    ----------
    play : callable
        What a plan gains with a seed of training (0, 1, …).
    budget : Budget
    begin : dict of dict
        Plans to begin with, by name.
    seed : int
        Decides what is tried.
    """
    rng = np.random.default_rng([seed, 7])
    first, second, last = budget.seeds
    tried = [Candidate(name, dict(plan), []) for name, plan in begin.items()]
    tried += [Candidate(f"random {i}", _random(rng), []) for i in range(budget.random)]
    _play(play, tried, first)
    tried = _best(tried, budget.kept)
    _play(play, tried, second)
    tried = _best(tried, budget.kept)
    changed = [
        Candidate(parent.family, _changed(parent.plan, rng), [])
        for parent in (tried[i % min(4, len(tried))] for i in range(budget.changed))
    ]
    _play(play, changed, second)
    tried = _best(tried + changed, budget.last)
    _play(play, tried, last)
    return _best(tried, budget.last)


def _play(play: Callable[[Mapping[str, Any], int], float], candidates: list[Candidate], seeds: int) -> None:
    for candidate in candidates:
        candidate.gains += [play(candidate.plan, seed) for seed in range(len(candidate.gains), seeds)]


def _best(candidates: list[Candidate], count: int) -> list[Candidate]:
    """Those with the highest means, of equals those that ever gained most; at most a third are of one family."""
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (-c.mean, -max(c.gains))):
        if sum(c.family == candidate.family for c in kept) * 3 < max(count, 6):
            kept.append(candidate)
    return kept[:count]


def _pick(rng: np.random.Generator, values: tuple[Any, ...]) -> Any:
    return values[int(rng.integers(len(values)))]


def _random(rng: np.random.Generator) -> dict[str, Any]:
    return {name: _pick(rng, values) for name, values in SPACE.items()}


def _changed(plan: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The plan with one to three of its numbers drawn anew."""
    names = rng.choice(list(SPACE), size=int(rng.integers(1, 4)), replace=False)
    return dict(plan) | {str(name): _pick(rng, SPACE[str(name)]) for name in names}
