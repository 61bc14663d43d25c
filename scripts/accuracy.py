"""How accurate the models are on real data, beside scikit-learn."""

from pathlib import Path
from statistics import mean, stdev

import click

from scripts._common import ROOT, ScriptCommand

README = ROOT / "README.md"
BUILT_IN = ("breast_cancer", "wine", "digits")


def markdown(results) -> str:
    """A Markdown table: mean and standard error in percent."""
    from scripts._markdown import table

    def figure(values):
        error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0
        return f"{mean(values):.1f} ± {error:.1f}"

    head = [
        "data, model",
        "scikit-learn",
        "twin = contract",
        "progressive",
        "changed the model",
        "turned by one wrong sample",
        "rows on chain",
    ]
    rows = [
        [
            f"{r.data}: {r.name}",
            figure(r.reference),
            figure(r.twin),
            figure(r.progressive),
            f"{mean(r.updates):.0f}",
            f"{mean(r.flips):.0f}",
            str(r.rows_on_chain),
        ]
        for r in results
    ]
    return table(head, rows)


@click.command(cls=ScriptCommand)
@click.option("--data", multiple=True, help="A text file: label<TAB>text or review,sentiment. May be repeated.")
@click.option("--shuffles", default=20, show_default=True, type=click.IntRange(1), help="Divisions of the data.")
@click.option("--features", default=1_000, show_default=True, type=click.IntRange(1), help="Words of a vocabulary.")
@click.option("--built-in/--no-built-in", default=True, show_default=True, help="Measure scikit-learn's data sets too.")
@click.option("--write/--no-write", default=False, show_default=True, help="Write the table in README.md.")
def cli(data, shuffles, features, built_in, write):
    """Compare the models with scikit-learn after one pass over real data, and contracts with their twins."""
    from ape import chain, project
    from tqdm import tqdm

    import encoders
    from scripts._accuracy import OnChain, compare, entries
    from scripts._markdown import replace_generated
    from simulation.chain import Chain

    node = Chain(chain.provider.uri)
    on_chain = OnChain(node, project, node.accounts[-1])
    sources = [*(BUILT_IN if built_in else ()), *data]
    steps = shuffles * sum(len(entries(encoders.read_data(source))) for source in sources)
    results = []
    with tqdm(total=steps, unit="run") as bar:
        for source in sources:
            bar.set_description(Path(source).stem)
            results += compare(source, shuffles, features, on_chain, bar.update)
    click.echo(markdown(results))
    if write:
        replace_generated(README, "accuracy", markdown(results))
