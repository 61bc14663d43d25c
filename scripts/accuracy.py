"""How accurate the models are on real data, beside scikit-learn."""

from pathlib import Path
from statistics import mean

import click

from comodels.cli import ROOT, ScriptCommand

PAGE = ROOT / "docs" / "accuracy.md"
README = ROOT / "README.md"  # has some of the rows
TELLING = (
    "wine: perceptron, no margin",
    "digits: perceptron, default margin",
    "sms-spam: perceptron, no margin",
    "sms-spam: perceptron, default margin",
    "movie-review-snippets: naive Bayes",
)
BUILT_IN = ("breast_cancer", "wine", "digits")


def label(result) -> str:
    """What a row is called."""
    return f"{result.data}: {result.name}"


def markdown(results) -> str:
    """A Markdown table: mean and standard error in percent."""
    from comodels.bench.markdown import figure, table

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
            label(r),
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
@click.option("--data", multiple=True, help="A file of texts or numbers. May be repeated.")
@click.option("--shuffles", default=20, show_default=True, type=click.IntRange(1), help="Divisions of the data.")
@click.option("--features", default=1_000, show_default=True, type=click.IntRange(1), help="Words of a vocabulary.")
@click.option("--built-in/--no-built-in", default=True, show_default=True, help="Measure scikit-learn's data sets too.")
@click.option("--online", is_flag=True, help="Compare with online learners of scikit-learn and river instead.")
@click.option("--write/--no-write", default=False, show_default=True, help="Write the tables.")
def cli(data, shuffles, features, built_in, online, write):
    """Compare the models with scikit-learn after one pass over real data, and contracts with their twins."""
    from ape import chain
    from tqdm import tqdm

    import encoders
    from comodels.bench.accuracy import OnChain, compare, entries
    from comodels.bench.markdown import replace_generated
    from comodels.chain.local import Chain

    sources = [*(BUILT_IN if built_in else ()), *data]
    if online:
        compare_online(sources, shuffles, features, write)
        return
    node = Chain(chain.provider.uri)
    on_chain = OnChain(node, node.accounts[-1])
    steps = shuffles * sum(len(entries(encoders.read_data(source))) for source in sources)
    results = []
    with tqdm(total=steps, unit="run") as bar:
        for source in sources:
            bar.set_description(Path(source).stem)
            results += compare(source, shuffles, features, on_chain, bar.update)
    click.echo(markdown(results))
    if write:
        replace_generated(PAGE, "accuracy", markdown(results))
        replace_generated(README, "accuracy", markdown([r for r in results if label(r) in TELLING]))


def compare_online(sources: list[str], shuffles: int, features: int, write: bool) -> None:
    """All models beside online learners of others, with true and with flipped labels."""
    from tqdm import tqdm

    from comodels.bench import online
    from comodels.bench.markdown import replace_generated

    found = {}
    with tqdm(total=shuffles * len(sources), unit="shuffle") as bar:
        for source in sources:
            bar.set_description(Path(source).stem)
            found[Path(source).stem] = online.compare(source, shuffles, features, bar.update)
    click.echo(online.markdown(found))
    if write:
        replace_generated(PAGE, "online", online.markdown(found))
