"""The attacker's runs for the findings: for each case and rule the best plan found, measured on other seeds."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comodels.simulation.engine import Result, run
from comodels.simulation.loading import from_mapping, varied
from comodels.simulation.search import FAMILIES, FROM_FOUND, SPACE, WHOLE, Candidate, search
from comodels.simulation.sweep import Plan, key_of, problem_of, write_rows
from comodels.units import ETHER

if TYPE_CHECKING:
    import pandas as pd

TRAINING = 1_000  # the first seed of training; the measured ones begin at 0
LOOKS: dict[str, dict[str, Any]] = {
    "6 hours": {"check_every": 6 * 3_600, "recheck_every": 6 * 3_600},
    "keeper": {"check_every": 3_600, "recheck_every": 3_600},
    "newcomers": {"check_every": 3_600, "recheck_every": 3_600, "accounts": 10},
}
"""How honest people look after their deposits: every six hours themselves; by a keeper whom they named,
who looks hourly; or by a keeper while each of the four has ten accounts: forty people who contribute about five samples
each."""

RULES: dict[str, dict[str, Any]] = {
    "default": {},
    "slides": {
        "dispute_wait": 86_400,
        "rest_wait": 0,
        "owner_wait": 7 * 86_400,
        "anyone_wait": 9 * 86_400,
        "forgive_every": 0,
        "born_wrong": False,
    },
    "one in 5": {"forgive_every": 5},
}
"""Terms of self-assessment, other than the defaults, by name."""

RULES_TRIED = {
    "default": tuple(LOOKS),
    "slides": ("6 hours",),
    "one in 5": ("6 hours",),
}
"""With which looks each is tried."""


def run_attacks(
    plan: Plan,
    path: str | os.PathLike,
    data: Mapping[str, str | None],
    only_kept: bool = False,
) -> pd.DataFrame:
    """Search and measure what is not in the file yet, unless `only_kept`; a row for each case, rule, look and seed.

    Gains are in ether; `honest` is that of all honest people together, `least` that of the one who has the least.
    """
    import pandas as pd
    from tqdm import tqdm

    path = Path(path)
    rows = pd.read_parquet(path).to_dict("records") if path.is_file() else []
    done = {(row["key"], row["look"]) for row in rows}
    wanted = []
    for rule, looks in RULES_TRIED.items():
        for variant in plan.variants:
            content = _content(plan, variant, rule)
            key = key_of(content | {"search": [plan.seeds, repr(WHOLE), repr(SPACE)]}, data.get(variant))
            wanted.append((variant, rule, looks, content, key))
    for variant, rule, looks, content, key in () if only_kept else tqdm(wanted, desc="attack", unit="case"):
        found: dict[str, dict[str, Any]] = {}
        tried: list[Candidate] = []
        for look in looks:
            if (key, look) in done:
                kept = next(row for row in rows if (row["key"], row["look"]) == (key, look))
                tried = [Candidate(kept["family"], json.loads(kept["plan"]), [kept["training"]])]
                found = {c.family: c.plan for c in tried}
                continue
            case = _Case(content, data.get(variant), LOOKS[look])
            first = rule == "default" and not found
            if look == "newcomers":  # the plan that was found against the same people with few accounts
                tried = tried[:1]
            else:
                tried = search(case.gain, WHOLE if first else FROM_FOUND, FAMILIES | found)
            best = tried[0]
            found = {c.family: c.plan for c in tried}
            labels = {"key": key, "variant": variant, "rule": rule, "look": look, "family": best.family}
            labels |= {"plan": json.dumps(best.plan), "training": best.mean}
            rows += [labels | case.measure(best.plan, seed) for seed in range(plan.seeds)]
            write_rows(rows, path)
    keys = {key for *_, key in wanted}
    table = pd.DataFrame([row for row in rows if row["key"] in keys])
    order = {variant: i for i, variant in enumerate(plan.variants)}
    return table.sort_values("variant", key=lambda c: c.map(order), kind="stable") if len(table) else table


def _content(plan: Plan, variant: str, rule: str) -> dict[str, Any]:
    terms = {f"incentive.terms.{name}": value for name, value in RULES[rule].items()}
    return varied(plan.content, plan.variants[variant] | terms)


class _Case:
    """One case and rule, played with any plan and seed."""

    def __init__(self, content: Mapping[str, Any], data: str | None, habits: Mapping[str, Any]):
        self.content = copy.deepcopy(dict(content))
        self.data = data
        for agent in self.content["agents"]:
            if agent["kind"] == "honest":
                agent.update(habits)

    def play(self, plan: Mapping[str, Any], seed: int) -> Result:
        scenario = from_mapping(self.content, [("agents.attacker.attack", dict(plan)), ("seed", seed)])
        problem = problem_of(scenario.data, seed, self.data)
        return run(scenario, self.data, problem)

    def gain(self, plan: Mapping[str, Any], seed: int) -> float:
        return self.play(plan, TRAINING + seed).profit("attacker") / ETHER

    def measure(self, plan: Mapping[str, Any], seed: int) -> dict[str, Any]:
        result = self.play(plan, seed)
        honest = [result.profit(a.settings.name) / ETHER for a in result.agents if a.settings.kind == "honest"]
        accuracies = result.accuracies
        return {
            "seed": seed,
            "attacker": result.profit("attacker") / ETHER,
            "honest": sum(honest),
            "least": min(honest),
            "open": sum(e.deposit for e in result.world.entries if e.agent < len(honest)) / ETHER,
            "change": 100 * (accuracies[-1] - accuracies[0]),
        }
