"""Runs and sweeps in a terminal: progress, tables, and the live view."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from comodels.units import ETHER

if TYPE_CHECKING:
    import pandas as pd

    from comodels.simulation.chain_engine import Report
    from comodels.simulation.engine import Point, Result
    from comodels.simulation.scenario import Scenario
    from comodels.simulation.sweep import Plan

MEASURES = ("accuracy_end", "gain_", "points_")  # what the table of a sweep shows; the files have all
BARS = " ▁▂▃▄▅▆▇█"


def run_with_progress(
    scenario: Scenario, data: str | None, engine: str = "twin", live: bool = False
) -> tuple[Result, Report | None]:
    """Run a scenario, and for the engine ``chain`` do it again on a chain, with a progress bar or the live view."""
    from tqdm import tqdm

    from comodels.simulation.engine import run

    if live:
        with _Live(scenario) as view:
            result = run(scenario, data, progress=view.add)
    else:
        with tqdm(total=scenario.points, desc="twins", unit="point") as bar:
            result = run(scenario, data, progress=lambda point: _tick(bar, point))
    if engine == "twin":
        return result, None
    from comodels.simulation.chain_engine import replay

    with tqdm(total=scenario.points, desc="chain", unit="point") as bar:
        report = replay(result, progress=lambda point: _tick(bar, point))
    return result, report


def _console() -> Any:
    """As wide as the terminal; wide enough for the tables where there is none."""
    import sys

    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def _tick(bar: Any, point: Point) -> None:
    bar.set_postfix(contributions=f"{point.contributions:,}", refresh=False)
    bar.update()


class _Live:
    """Accuracy and balances while a scenario runs."""

    def __init__(self, scenario: Scenario):
        from rich.live import Live

        self.scenario = scenario
        self.points: list[Point] = []
        self._rows = 0
        self._live = Live(refresh_per_second=8)

    def __enter__(self) -> _Live:
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.__exit__(*error)

    def add(self, point: Point) -> None:
        from rich.table import Table

        self.points.append(point)
        table = Table(title=self.scenario.title.strip() or self.scenario.name, title_justify="left")
        table.add_column("")
        table.add_column("now", justify="right")
        table.add_column("so far")
        table.add_row("day", f"{point.time / 86_400:.1f}", "")
        table.add_row("contributions", f"{point.contributions:,}", "")
        table.add_row("wrong test rows", f"{point.errors:,}", sparkline([-p.errors for p in self.points]))
        for name, wei in point.balances.items():
            history = [p.balances[name] for p in self.points]
            table.add_row(f"ether of {name}", f"{wei / ETHER:.4f}", sparkline(history))
        for name, number in point.scores.items():
            table.add_row(f"points of {name}", f"{number:,}", sparkline([p.scores[name] for p in self.points]))
        self._live.update(table)


def sparkline(values: list[int], width: int = 50) -> str:
    """A row of bars, from the lowest of the values to the highest.

    Examples
    --------
    >>> sparkline([0, 1, 2, 4])
    ' ▂▄█'
    """
    if len(values) > width:
        values = [values[i * (len(values) - 1) // (width - 1)] for i in range(width)]
    low, high = min(values), max(values)
    return "".join(BARS[(v - low) * (len(BARS) - 1) // (high - low) if high > low else 4] for v in values)


def print_result(result: Result, report: Report | None) -> None:
    """The summary of a run."""
    from rich.table import Table

    console = _console()
    scenario, last = result.scenario, result.curve[-1]
    points = bool(last.scores)
    table = Table(title=f"{scenario.title.strip() or scenario.name} · seed {scenario.seed}", title_justify="left")
    table.add_column("agent")
    table.add_column("kind")
    for head in ("contributed", "label right", "too dear", "start", "end", "gain", *(["points"] if points else [])):
        table.add_column(head, justify="right")
    for agent in result.agents:
        name = agent.settings.name
        own = [e for e in result.world.entries if e.agent == agent.index]
        right = f"{sum(e.y == e.true_label for e in own) / len(own):.0%}" if own else ""
        start, end = result.curve[0].balances[name], last.balances[name]
        cells = [name, agent.settings.kind, f"{len(own):,}", right, f"{agent.refused:,}"]
        cells += [f"{start / ETHER:.4f}", f"{end / ETHER:.4f}", f"{(end - start) / ETHER:+.4f}"]
        table.add_row(*cells, *([f"{last.scores[name]:,}"] if points else []))
    console.print(table)
    rows = len(result.problem.test)
    console.print(
        f"{scenario.model.kind}, {scenario.incentive.kind}; {result.problem.source}: accuracy on {rows:,} rows "
        f"that nobody contributes: {result.accuracies[0]:.2%} when published, {result.accuracies[-1]:.2%} at the end.",
    )
    if last.held:
        console.print(f"Still deposited at the end: {last.held / ETHER:.6f} ether.")
    rate = last.contributions / max(result.seconds, 1e-9)
    console.print(f"Twins: {last.contributions:,} contributions, {rate:,.0f} a second.")
    if report is not None:
        rate = report.contributions / report.seconds
        console.print(
            f"Chain: the same {report.actions:,} transactions in {report.seconds:.1f} s, {rate:,.0f} contributions a "
            "second; every balance, accuracy and word of the model's state equals the twins'.",
        )
        for name, (count, gas) in report.gas.items():
            console.print(f"  {name}: {count:,} × {gas // count:,} gas")


def print_kinds() -> None:
    """The ready scenarios, and the kinds of models, incentives and agents."""
    from comodels.simulation import loading as scenarios
    from comodels.simulation.incentives import INCENTIVES
    from comodels.simulation.kinds import AGENTS
    from comodels.simulation.models import MODELS

    console = _console()
    console.print("[bold]scenarios[/bold]")
    for name in scenarios.ready():
        console.print(f"  {name}: {scenarios.load_mapping(name).get('title', '')}")
    for what, kinds in (("models", MODELS), ("incentives", INCENTIVES)):
        console.print(f"[bold]{what}[/bold]: {', '.join(kinds)}")
    console.print("[bold]agents[/bold]")
    for name, kind in AGENTS.items():
        console.print(f"  {name}: {' '.join((kind.__doc__ or '').strip().splitlines()[0].split())}")


def print_sweep(plan: Plan, table: pd.DataFrame) -> None:
    """Means over seeds with 95% intervals, a row for each set of values."""
    from rich.table import Table

    summary = plan.summary(table)
    summary = summary[[c for c in summary.columns if c in plan.keys or c.startswith(MEASURES)]]
    shown = Table(title=f"{plan.title} · mean of {plan.seeds} seeds ± half of its 95% interval", title_justify="left")
    for name in summary.columns:
        shown.add_column(str(name), justify="left" if name in plan.keys else "right")
    for row in summary.itertuples(index=False):
        shown.add_row(*(str(value) for value in row))
    _console().print(shown)


def save_sweep(plan: Plan, table: pd.DataFrame, folder: Path) -> list[Path]:
    """The plot of a sweep and its summary as CSV."""
    from comodels.simulation.plot import plot_sweep

    folder.mkdir(parents=True, exist_ok=True)
    csv = folder / "sweep.csv"
    plan.summary(table).to_csv(csv, index=False)
    x, by = plan.axes()
    measures = [c for c in plan.measures(table) if c.startswith(("accuracy", "gain_"))]
    if x is None or not measures:
        return [csv]
    return [plot_sweep(table, x, measures[:4], folder / "sweep.png", by), csv]
