"""Take the collected data set home: `ape run export imdb`."""

from pathlib import Path

import click

from comodels.audit import audit_model
from comodels.card import write_card
from comodels.cli import OUT, ScriptCommand, deployments_option, encoder_option, folder_option, node_of
from comodels.export import collect, read, retrain, table, write, write_start
from comodels.originals import read_originals
from comodels.published import find


@click.command(cls=ScriptCommand, short_help="Write all contributions of a model to Parquet and CSV")
@click.argument("model")
@folder_option
@encoder_option
@click.option(
    "--model",
    "pipeline",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the model's present state to this file instead: a pipeline of scikit-learn (.skops), or ONNX (.onnx).",
)
@click.option(
    "--originals",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Add the texts that somebody keeps in this file (JSON lines with x and text), where they make the samples.",
)
@click.option("--retrain", is_flag=True, help="Learn everything again off chain, and compare with the contract.")
@click.option("--clean", is_flag=True, help="Leave out what is probably wrong; see `ape run audit`.")
@click.option("--trusted", help="For --clean: a file of samples whose labels are right.")
@deployments_option
def cli(provider, model, out, encoder, pipeline, originals, retrain, clean, trusted, deployments):
    """Write every contribution to MODEL (a name or an address), as Parquet and CSV, with a card.

    Hugging Face's `datasets` and pandas read the folder. start.json is the model's state before the first contribution.

    Interrupted, it goes on where it was; run later again, it reads only what is new.
    """
    if clean and retrain:
        raise click.ClickException("--retrain compares with the contract, which has learnt all: leave --clean out.")
    deployed = find(node_of(provider), model, deployments, encoder)
    if pipeline is not None:
        write_pipeline(deployed, pipeline)
        return
    folder = out or OUT / f"export-{deployed.name}"
    contributions = collect(deployed, folder)
    if not contributions:
        raise click.ClickException(f"Nobody has contributed to {deployed.name} yet.")
    count = len(contributions)
    if clean:
        found = audit_model(deployed, contributions, trusted)
        contributions = [c for c, bad in zip(contributions, found.bad.tolist(), strict=True) if not bad]
        folder = folder / "clean"
        folder.mkdir(exist_ok=True)
    texts = {x: text for path in originals for x, text in read_originals(path).items()}
    arrow = table(deployed, contributions, texts)
    write_card(deployed, arrow, folder / "README.md")
    if clean:
        left = count - len(contributions)
        said = f"{left:,} of {count:,} contributions are left out: probably wrong, says `ape run audit`."
        with (folder / "README.md").open("a") as card:
            card.write(f"\n{said}\n")
    paths = (*write(arrow, folder), folder / "README.md")
    has_start = write_start(deployed, folder / "start.json")
    left_out = f" ({count - len(contributions):,} of {count:,} left out: probably wrong)" if clean else ""
    click.echo(f"{len(contributions):,} contributions{left_out}:")
    for path in (*paths, *([folder / "start.json"] if has_start else [])):
        click.echo(f"  {path}")
    if not has_start:
        click.echo("The node keeps no old states, so there is no start.json; an archive node has them.")
    if retrain:
        compare(deployed, folder, paths[0])


def write_pipeline(deployed, path: Path) -> None:
    """Write a model's present state for scikit-learn, or as ONNX."""
    from comodels.scikit_learn import save_onnx, save_skops, to_sklearn

    formats = {".skops": (save_skops, "a pipeline of scikit-learn"), ".onnx": (save_onnx, "ONNX")}
    if path.suffix not in formats:
        raise click.ClickException(f"{path.name}: end the file's name with .skops (scikit-learn) or .onnx.")
    save, form = formats[path.suffix]
    save(to_sklearn(deployed.twin(), deployed.encoder, deployed.class_names), path)
    click.echo(f"{deployed.name}, version {deployed.contract.call('version')}, as {form}: {path}")


def compare(deployed, folder: Path, path: Path) -> None:
    """Retrain the twin from the files, and say whether it has the contract's state."""
    if not (folder / "start.json").is_file():
        raise click.ClickException("Without start.json nothing can be learnt again.")
    twin = retrain(folder / "start.json", read(path), len(deployed.class_names))
    if twin.words() != deployed.words():
        raise click.ClickException("The twin has another state than the contract.")
    click.echo("Retrained off chain: the same state as the contract, bit for bit.")
