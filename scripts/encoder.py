"""The file of a model's encoder: `ape run encoder export imdb imdb.encoder.json`."""

from pathlib import Path

import click

from comodels import places, saved
from comodels.cli import ScriptCommand, account_choice, choose_account, deployments_option, node_of
from comodels.errors import ComodelsError
from comodels.published import find
from encoders.files import write_bytes_atomically


@click.group(short_help="Hand a model's encoder to others, or take theirs")
def cli():
    """Write the file of a model's encoder for others, put it on chain, or keep the one that its owner gave you.

    A file is compared with what the model says on chain: another one is refused, wherever it came from.
    """


@cli.command("export", cls=ScriptCommand, short_help="Write the encoder of a model to a file")
@click.argument("model")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@deployments_option
def export_encoder(provider, model, file, deployments):
    """Write the encoder of MODEL (a name or an address) to FILE, for others to fetch, import or give as --encoder."""
    encoder = find(node_of(provider), model, deployments).encoder
    refuse_without_file(encoder)
    write_bytes_atomically(file, encoder.content)
    click.echo(f"{encoder.spec}\n  {file}, {file.stat().st_size:,} bytes")


@cli.command("import", cls=ScriptCommand, short_help="Keep the encoder of a model")
@click.argument("model")
@click.argument("source", required=False)
@deployments_option
def import_encoder(provider, model, source, deployments):
    """Keep the encoder of MODEL (a name or an address) from SOURCE: from then on all commands find it.

    SOURCE is a file, or a place: https://, ipfs://, ar://, or the address of contracts that hold it. Without one, it is
    fetched from where the model says.
    """
    deployed = find(node_of(provider), model, deployments)
    spec = deployed.encoder_spec
    if source is not None and not source.startswith(("0x", *(f"{scheme}://" for scheme in SCHEMES))):
        path = saved.import_encoder(Path(source), spec, deployments)
    else:
        where = places.named(spec) if source is None else (source,)
        if not where:
            raise ComodelsError(f"{deployed.name} does not say where its encoder is: name a file or a place.")
        path = saved.keep_encoder(places.read(spec, deployed.node, where), deployments)
    click.echo(f"The encoder of {deployed.name} is kept: {path}")


SCHEMES = ("https", *places.GATEWAYS)


@cli.command("store", cls=ScriptCommand, short_help="Put the encoder of a model on chain")
@account_choice
@click.argument("model")
@click.option("--dry-run", is_flag=True, help="Only say what it takes.")
@deployments_option
def store_encoder(provider, account, model, dry_run, deployments):
    """Put the encoder of MODEL (a name or an address) on chain, where it stays, for everybody to read.

    `ape run deploy --encoder-at chain` does this while it publishes, and the model then says where it is. Of a model
    that does not say it, tell others the address: `ape run encoder import MODEL ADDRESS`.
    """
    deployed = find(node_of(provider), model, deployments)
    refuse_without_file(deployed.encoder)
    account = choose_account(account)
    click.echo("\n".join(places.cost_lines(deployed.node, account.address, deployed.encoder)))
    if not dry_run:
        click.echo(f"The encoder is at {places.store(deployed.node, account, deployed.encoder, click.echo)}")


def refuse_without_file(encoder) -> None:
    """Raise `ComodelsError` for an encoder that its spec is enough for."""
    if not encoder.fitted:
        raise ComodelsError(f"This encoder has no file: its spec is enough for everybody ({encoder.spec}).")
