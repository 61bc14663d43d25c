"""Good and bad contributors against an incentive, on the twins or on a chain of their own."""

from pathlib import Path

import click

from comodels.cli import OUT, ToldErrors


@click.command(cls=ToldErrors, short_help="Simulate people who contribute to a model")
@click.argument("scenario", required=False)
@click.option(
    "--list", "show_list", is_flag=True, help="Show the scenarios that are ready, and the kinds of everything."
)
@click.option("--data", type=click.Path(), help="Text file for a scenario on DATA; with --source DATA for any other.")
@click.option("--source", help="breast_cancer, digits, wine, synthetic, DATA or the path of a text file.")
@click.option(
    "--engine",
    type=click.Choice(["twin", "chain"]),
    default="twin",
    show_default=True,
    help="chain: also on the contracts.",
)
@click.option("--seed", type=click.IntRange(0), help="Everything random follows from it.")
@click.option("--model", help="Kind of the model, by its contract's name.")
@click.option("--incentive", help="Kind of the incentive, by its contract's name.")
@click.option("--days", type=float, help="How long agents contribute.")
@click.option("--per-day", type=float, help="Contributions of all agents together in a day, on average.")
@click.option("--claim-days", type=float, help="How long claims go on afterwards.")
@click.option("--points", type=click.IntRange(1), help="Points of the curve.")
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the model.")
@click.option("--term", "terms", multiple=True, metavar="NAME=VALUE", help="A term of the incentive.")
@click.option(
    "--agent",
    "agents",
    multiple=True,
    metavar="NAME:KIND[:SETTING=VALUE...]",
    help="An agent instead of the scenario's, such as bad:malicious:share=20%. May be repeated.",
)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any setting, such as agents.bad.share=0.3.")
@click.option("--live", is_flag=True, help="Show accuracy and balances while it runs.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=OUT / "simulation",
    show_default="out/simulation",
    help="Folder for the results.",
)
@click.option("--sweep", is_flag=True, help="Run the scenario's sweep: all values of --over, with each seed.")
@click.option(
    "--over", multiple=True, metavar="KEY=V1,V2,...", help="Values of a setting to sweep over; may be repeated."
)
@click.option("--seeds", type=click.IntRange(1), help="Seeds for each set of values of a sweep.")
@click.option("--jobs", type=int, default=-1, show_default=True, help="Processes of a sweep; -1: one for each core.")
@click.option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster that runs the sweep.")
def cli(scenario, show_list, data, out, engine, live, sweep, jobs, dask, **options):
    """Simulate people who contribute to a model.

    SCENARIO is a YAML file, or the name of a ready one (see --list). Without one: a good and a bad contributor, on text
    if there is --data, otherwise on digits.
    """
    from comodels.simulation import loading as scenarios
    from comodels.simulation import show
    from comodels.simulation.options import apply

    if show_list:
        show.print_kinds()
        return
    if scenario is None:
        scenario = "good-and-bad-text" if data else "good-and-bad-digits"
    content = scenarios.load_mapping(scenario)
    apply(content, **options)
    if sweep:
        from comodels.simulation.sweep import read_sweep, run_sweep

        plan = read_sweep(content, options["over"], options["seeds"])
        folder = out / content["name"]
        table = run_sweep(plan, folder / "sweep.parquet", data=data, jobs=jobs, dask=dask)
        show.print_sweep(plan, table)
        for path in show.save_sweep(plan, table, folder):
            click.echo(f"Saved {shorten(path)}")
        click.echo(f"Saved {shorten(folder / 'sweep.parquet')}")
        return
    setup = scenarios.from_mapping(content)
    result, report = show.run_with_progress(setup, data, engine, live)
    show.print_result(result, report)
    folder = out / setup.name
    from comodels.simulation.plot import curve_rows, plot_run, write_csv

    stem = f"seed-{setup.seed}"
    for path in (
        plot_run(result, folder / f"{stem}.png"),
        write_csv(curve_rows(result), folder / f"{stem}.csv"),
    ):
        click.echo(f"Saved {shorten(path)}")


def shorten(path):
    """A path as seen from the current folder, where it is inside."""
    path = Path(path).resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
