"""Take the collected data set home: `ape run export imdb`."""

from pathlib import Path

import click

from scripts import _common, _export
from scripts._deployed import find


@click.command(cls=_common.ScriptCommand, short_help="Write all contributions of a model to Parquet and CSV")
@click.argument("model")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder. [default: out/export-MODEL]")
@click.option("--encoder", type=click.Path(dir_okay=False, path_type=Path), help="File of the model's encoder.")
@click.option("--retrain", is_flag=True, help="Learn everything again off chain, and compare with the contract.")
@_common.deployments_option
def cli(provider, model, out, encoder, retrain, deployments):
    """Write every contribution to MODEL (a name or an address), as Parquet and CSV.

    start.json beside them is the model's state before the first one.

    Interrupted, it goes on where it was; run later again, it reads only what is new.
    """
    from tqdm import tqdm

    deployed = find(provider, model, deployments, encoder)
    folder = out or _common.OUT / f"export-{deployed.name}"
    last = int(deployed.node.rpc("eth_blockNumber"), 16)
    with tqdm(total=last + 1, desc="Reading", unit="block") as bar:
        contributions = _export.collect(deployed, folder, last, bar.update)
    if not contributions:
        raise click.ClickException(f"Nobody has contributed to {deployed.name} yet.")
    paths = _export.write(_export.table(deployed, contributions), folder)
    has_start = _export.write_start(deployed, folder / "start.json")
    click.echo(f"{len(contributions):,} contributions:")
    for path in (*paths, *([folder / "start.json"] if has_start else [])):
        click.echo(f"  {path}")
    if not has_start:
        click.echo("The node keeps no old states, so there is no start.json; an archive node has them.")
    if retrain:
        compare(deployed, folder, paths[0])


def compare(deployed, folder: Path, path: Path) -> None:
    """Retrain the twin from the files, and say whether it has the contract's state."""
    from scripts._publish import words_of

    if not (folder / "start.json").is_file():
        raise click.ClickException("Without start.json nothing can be learnt again.")
    twin = _export.retrain(folder / "start.json", _export.read(path))
    if twin.words() != words_of(deployed.contract, deployed.contract.word_count()):
        raise click.ClickException("The twin has another state than the contract.")
    click.echo("Retrained off chain: the same state as the contract, bit for bit.")
