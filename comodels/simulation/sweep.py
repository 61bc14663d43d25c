"""Many runs: parameters and seeds, on all cores or a Dask cluster, resumable, one row a run in a Parquet file."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comodels.errors import ComodelsError
from comodels.simulation.loading import from_mapping, varied
from comodels.simulation.scenario import DataSettings, ScenarioError
from comodels.units import ETHER

if TYPE_CHECKING:
    import pandas as pd

SAVE_EVERY = 5.0  # seconds between two writes of the file
FORMAT = 3  # part of every run's key: raise it when the same scenario gives other numbers


class MissingExtraError(ComodelsError):
    """Something optional is not installed: the message says how to install it."""


@dataclass(frozen=True)
class Run:
    """One run of a sweep.

    Attributes
    ----------
    key : str
        What decides the result: a hash of the scenario, the seed and the data.
    labels : dict
        The values that are varied.
    content : dict
        The whole scenario.
    data : str or None
        The file that stands for ``DATA``.
    """

    key: str
    labels: dict[str, Any]
    content: dict[str, Any]
    data: str | None


@dataclass(frozen=True)
class Plan:
    """What is varied.

    Attributes
    ----------
    variants : dict of dict
        By name: changes that belong together.
    over : dict of list
        By dotted key: values; every combination is run.
    seeds : int
        Seeds for each combination, from 0 on.
    """

    content: dict[str, Any]
    variants: dict[str, dict[str, Any]]
    over: dict[str, list[Any]]
    seeds: int

    @property
    def title(self) -> str:
        return str(self.content.get("title") or self.content["name"])

    @property
    def keys(self) -> list[str]:
        """The columns that say what was varied, without the seed."""
        return [*(["variant"] if self.variants else []), *self.over]

    def axes(self) -> tuple[str | None, str | None]:
        """The key for the x axis (the first whose values are numbers), and the one for the lines."""
        numeric = [k for k, v in self.over.items() if all(_is_number(value) for value in v)]
        x = numeric[0] if numeric else None
        by = [k for k in self.keys if k != x]
        return x, by[0] if by else None

    def runs(self, data: Mapping[str, str] | str | None = None) -> list[Run]:
        """All runs, those of one seed beside each other because they share data.

        Parameters
        ----------
        data : str or dict of str, optional
            The file that stands for ``DATA``; by variant where they differ.

        Raises
        ------
        ScenarioError
            If one of the scenarios cannot be.
        """
        runs = []
        for seed in range(self.seeds):
            for variant, changes in (self.variants or {"": {}}).items():
                path = data.get(variant) if isinstance(data, Mapping) else data
                for values in itertools.product(*self.over.values()):
                    over = dict(zip(self.over, values, strict=True))
                    labels = ({"variant": variant} if self.variants else {}) | over
                    content = varied(self.content, changes | over | {"seed": seed})
                    from_mapping(content)
                    runs.append(Run(key_of(content, path), labels | {"seed": seed}, content, path))
        return runs

    def measures(self, table: pd.DataFrame) -> list[str]:
        """The columns with results."""
        known = {*self.keys, "seed", "key", "seconds"}
        return [c for c in table.columns if c not in known and table[c].notna().any()]

    def summary(self, table: pd.DataFrame) -> pd.DataFrame:
        """For each combination the mean of each measure, with half the width of its 95% interval, as text."""
        import pandas as pd

        from comodels.simulation.plot import interval

        rows = []
        groups = table.groupby(self.keys, sort=False) if self.keys else [((), table)]
        for values, group in groups:
            row = dict(zip(self.keys, values if isinstance(values, tuple) else (values,), strict=True))
            for measure in self.measures(table):
                numbers = group[measure].dropna()
                mean, half = interval(numbers) if len(numbers) else (float("nan"), 0.0)
                row[measure] = f"{mean:.4g} ± {half:.2g}"
            rows.append(row)
        return pd.DataFrame(rows)


def read_sweep(content: Mapping[str, Any], over: Sequence[str] = (), seeds: int | None = None) -> Plan:
    """The plan that a scenario's ``sweep`` section describes.

    Parameters
    ----------
    content : dict
        A scenario.
    over : sequence of str
        ``"KEY=V1,V2"``: instead of what the section says.
    seeds : int, optional
        Instead of what the section says.

    Raises
    ------
    ScenarioError
    """
    import yaml

    section = dict(content.get("sweep") or {})
    unknown = set(section) - {"seeds", "over", "variants"}
    if unknown:
        raise ScenarioError(f"sweep.{min(unknown)}: unknown setting; known are seeds, over, variants")
    varied = {str(k): v for k, v in dict(section.get("over") or {}).items()}
    if over:
        varied = {}
    for text in over:
        key, sign, values = text.partition("=")
        if not sign or not values:
            raise ScenarioError(f"--over {text!r}: write it as KEY=V1,V2,...")
        varied[key.strip()] = [yaml.safe_load(v) for v in values.split(",")]
    for key, values in varied.items():
        if not isinstance(values, list) or not values:
            raise ScenarioError(f"sweep.over.{key}: a list of values")
    variants = dict(section.get("variants") or {})
    for name, changes in variants.items():
        if not isinstance(changes, Mapping):
            raise ScenarioError(f"sweep.variants.{name}: settings with their values")
    count = seeds or section.get("seeds", 20)
    if not isinstance(count, int) or count < 1:
        raise ScenarioError("sweep.seeds: a whole number from 1 on")
    if not varied and not variants:
        raise ScenarioError(
            "there is nothing to sweep over: give the scenario a `sweep` section, or use --over KEY=V1,V2"
        )
    return Plan(dict(content), {str(k): dict(v) for k, v in variants.items()}, varied, count)


def run_sweep(
    plan: Plan,
    path: str | os.PathLike,
    data: Mapping[str, str] | str | None = None,
    jobs: int = -1,
    dask: str | None = None,
) -> pd.DataFrame:
    """Run what is not in the file yet; returns the rows of the whole plan, in its order.

    Parameters
    ----------
    path : path-like
        Parquet file. Rows of other plans in it stay.
    data : str or dict of str, optional
        The file that stands for ``DATA``; by variant where they differ.
    jobs : int
        Processes; -1: one for each core.
    dask : str, optional
        Address of a scheduler, such as ``tcp://192.168.1.5:8786``; its workers need this project and the data files.

    Raises
    ------
    ScenarioError, MissingExtraError
    """
    import pandas as pd
    from tqdm import tqdm

    path = Path(path)
    runs = plan.runs(data)
    known = pd.read_parquet(path).to_dict("records") if path.is_file() else []
    rows = {row["key"]: row for row in known}
    missing = [run for run in runs if run.key not in rows]
    saved = time.monotonic()
    with tqdm(total=len(runs), initial=len(runs) - len(missing), unit="run", desc=str(plan.content["name"])) as bar:
        try:
            for row in _on_dask(missing, dask) if dask else _on_cores(missing, jobs):
                rows[row["key"]] = row
                bar.update()
                if time.monotonic() - saved > SAVE_EVERY:
                    write_rows(rows.values(), path)
                    saved = time.monotonic()
        finally:
            if missing:
                write_rows(rows.values(), path)
    table = pd.DataFrame([rows[run.key] | run.labels for run in runs])
    return table.dropna(axis=1, how="all")


def run_one(run: Run) -> dict[str, Any]:
    """The row of one run.

    Accuracies are shares; for each agent there are what it gained in ether, how often it contributed, how much it
    deposited in ether, and the share of its contributions that were refunded or validated.
    """
    from comodels.simulation.engine import run as run_twin

    scenario = from_mapping(run.content)
    problem = problem_of(scenario.data, scenario.seed, run.data)
    result = run_twin(scenario, run.data, problem)
    accuracies = result.accuracies
    during = [a for p, a in zip(result.curve, accuracies, strict=True) if p.time <= scenario.days * 86_400]
    row: dict[str, Any] = {
        "key": run.key,
        "seed": scenario.seed,
        "accuracy_start": accuracies[0],
        "accuracy_end": accuracies[-1],
        "accuracy_lowest": min(during),
    }
    accepting = [function for function in ("refund", "validate") if hasattr(result.world.desk.twin, function)]
    accepted = Counter(result.world.owner_of[a.sender] for a in result.world.actions if a.function in accepting)
    for agent in result.agents:
        name = agent.settings.name
        own = [e for e in result.world.entries if e.agent == agent.index]
        row[f"gain_{name}"] = result.profit(name) / ETHER
        if result.curve[-1].scores:
            row[f"points_{name}"] = result.curve[-1].scores[name]
        if name != "owner":
            row[f"contributed_{name}"] = len(own)
            row[f"deposited_{name}"] = sum(e.deposit for e in own) / ETHER
            row[f"accepted_{name}"] = accepted[agent.index] / len(own) if own and accepting else None
    row |= result.world.desk.measures(result)
    row["seconds"] = result.seconds
    return row


@lru_cache(maxsize=32)
def problem_of(settings: DataSettings, seed: int, data: str | None) -> Any:
    """Data that were built already, where several runs share them."""
    from comodels.simulation.problem import build

    return build(settings, seed, data)


def _on_cores(runs: Sequence[Run], jobs: int) -> Iterator[dict[str, Any]]:
    from joblib import Parallel, delayed

    if jobs == 1 or len(runs) < 2:
        yield from map(run_one, runs)
        return
    yield from Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)(delayed(run_one)(r) for r in runs)


def _on_dask(runs: Sequence[Run], address: str) -> Iterator[dict[str, Any]]:
    try:
        from dask.distributed import Client, as_completed
    except ImportError as error:
        raise MissingExtraError(
            "a sweep on a cluster needs Dask, which is not installed: pip install 'dask[distributed]'"
        ) from error
    try:
        client = Client(address, timeout=20)
    except (OSError, ValueError) as error:
        raise MissingExtraError(f"no Dask scheduler answers at {address} ({error})") from error
    with client:
        futures = client.map(run_one, runs, pure=False)
        for future in as_completed(futures):
            yield future.result()


def write_rows(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Replace the file at once, so that a crash leaves the old one or the new one."""
    import pandas as pd

    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    pd.DataFrame(list(rows)).to_parquet(new, index=False)
    os.replace(new, path)


def key_of(content: Mapping[str, Any], data: str | None) -> str:
    """What decides the results of a scenario: a hash of it and of the data."""
    content = {k: v for k, v in content.items() if k not in ("title", "name")}
    text = json.dumps([FORMAT, content, _digest(data) if data else None], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@lru_cache(maxsize=16)
def _digest(data: str) -> str:
    path = Path(data)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else data


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
