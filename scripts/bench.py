"""How many contributions a second go through the twins, and through the contracts on a local chain."""

import json
import platform
import time

import click

from comodels.cli import OUT, ROOT, ToldErrors

PAGE = ROOT / "docs" / "gas.md"

CONTENT = {
    "name": "bench",
    "data": {"source": "synthetic", "test": 250 / 8_000, "initial": 0.05},
    "model": {"kind": "SparsePerceptron", "parameters": {"margin": 20}},
    "incentive": {"kind": "SelfAssessment"},
    "agents": [
        {"name": "good", "kind": "honest", "share": 0.8, "balance": "10000 ether"},
        {"name": "bad", "kind": "malicious", "share": 0.2, "balance": "10000 ether"},
    ],
    "days": 30,
    "claim_days": 2,
    "points": 4,
}

COUNT = click.IntRange(100, 7_000)


@click.command(cls=ToldErrors)
@click.option("--contributions", type=COUNT, default=6_000, show_default=True, help="On the twin.")
@click.option("--chain-contributions", type=COUNT, default=4_000, show_default=True, help="On the chain.")
@click.option("--repeat", type=click.IntRange(1), default=3, show_default=True, help="The best of so many runs counts.")
@click.option(
    "--engine", type=click.Choice(["both", "twin"]), default="both", show_default=True, help="twin: without a chain."
)
@click.option("--write/--no-write", default=False, show_default=True, help="Write the table in docs/gas.md.")
def cli(contributions, chain_contributions, repeat, engine, write):
    """Measure contributions a second: sparse perceptron of 1,000 words, 15 words a sample, self-assessment.

    Every contribution is added, looked at by everybody, and refunded or reported where that is due: all of it is in the
    time. Reading the data is not.
    """
    from tqdm import tqdm

    from comodels.bench.markdown import replace_generated
    from comodels.simulation.chain_engine import replay
    from comodels.simulation.engine import run
    from comodels.simulation.loading import from_mapping
    from comodels.simulation.problem import build

    rows = []

    def setup(count):
        return from_mapping(CONTENT, [("per_day", count / CONTENT["days"])])

    def note(name, wanted, count, actions, seconds):
        rows.append(
            {
                "engine": name,
                "contributions": count,
                "transactions": actions,
                "seconds": round(seconds, 3),
                "contributions a second": round(count / seconds),
                "transactions a second": round(actions / seconds),
                "wanted": wanted,  # contributions a second
            }
        )

    scenario = setup(contributions)
    problem = build(scenario.data, scenario.seed)
    runs = [run(scenario, problem=problem) for _ in tqdm(range(repeat), desc="twin")]
    best = min(runs, key=lambda result: result.seconds)
    note("twin", 20_000, len(best.world.entries), len(best.world.actions), best.seconds)
    if engine == "both":
        result = run(setup(chain_contributions), problem=problem)
        reports = [replay(result) for _ in tqdm(range(repeat), desc="chain")]
        report = min(reports, key=lambda r: r.seconds)
        note("chain", 800, report.contributions, report.actions, report.seconds)
    if write:
        replace_generated(PAGE, "bench", markdown(rows))
    click.echo(markdown(rows))
    path = OUT / "bench.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"machine": platform.machine(), "cores": _cores(), "time": time.strftime("%Y-%m-%d")}
    path.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    click.echo(f"\n{_cores()} cores. Saved {path}")


def markdown(rows) -> str:
    """The measured rates as a Markdown table."""
    from comodels.bench.markdown import table

    head = ["engine", "contributions", "transactions", "contributions a second", "transactions a second", "wanted"]
    return table(head, [[row["engine"], *(f"{row[name]:,}" for name in head[1:])] for row in rows])


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
