"""What happens to honest people when someone cheats: runs the findings and writes docs/simulation.md."""

import os

import click

from comodels.cli import OUT, ROOT, ToldErrors

DOCUMENT = ROOT / "docs" / "simulation.md"
ORDER = (
    "attack",
    "share-self-assessment",
    "terms",
    "sybil-self-assessment",
    "share-points",
    "share-market",
    "rounds-market",
    "self-dealing",
    "sybil-market",
)


@click.command(cls=ToldErrors)
@click.option("--messages", type=click.Path(), help="The SMS Spam Collection, as TSV with the header label<TAB>text.")
@click.option("--movies", type=click.Path(), help="The movie review snippets, as TSV with the header label<TAB>text.")
@click.option("--seeds", type=click.IntRange(2), help="Instead of what the scenario files say.")
@click.option("--only", multiple=True, type=click.Choice(ORDER), help="Run only these; the others are left out.")
@click.option("--jobs", type=int, default=-1, show_default=True, help="Processes; -1: one for each core.")
@click.option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster.")
@click.option("--kept", is_flag=True, help="Write the document from the runs that are there, without running any.")
def cli(messages, movies, seeds, only, jobs, dask, kept):
    """Run the scenarios in comodels/simulation/scenarios/findings and write docs/simulation.md with its plots.

    It takes a while; what was run is kept in out/findings, so it can be stopped and started again. Text is read from
    the files that are named; without them the parts on text are left out.
    """
    from comodels.bench import attacks, findings
    from comodels.simulation.loading import FOLDER, load_mapping
    from comodels.simulation.sweep import read_sweep, run_sweep

    files = {"text messages": messages, "movie snippets": movies}
    for (name, path), option in zip(files.items(), ("--messages", "--movies"), strict=True):
        if not path:
            click.echo(f"The cases on {name} are left out: {option} FILE names the data.")
    parts = {}
    for name in only or ORDER:
        plan = findings.with_files(read_sweep(load_mapping(FOLDER / "findings" / f"{name}.yaml"), (), seeds), files)
        if plan is None:
            continue
        named = {variant: findings.file_of(variant, files) for variant in plan.variants}
        data = {variant: file for variant, file in named.items() if file}
        path = OUT / "findings" / f"{name}.parquet"
        if name == "attack":
            table = attacks.run_attacks(plan, path, data, only_kept=kept)
        elif kept:
            table = findings.kept_rows(plan, path, data)
        else:
            table = run_sweep(plan, path, data, jobs=jobs, dask=dask)
        if table is not None and len(table):
            parts[name] = plan, table
    findings.write(parts, DOCUMENT)
    click.echo(f"Saved {os.path.relpath(DOCUMENT)}")
