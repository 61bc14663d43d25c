"""The next version of a model, learnt from what is believed: `ape run retrain imdb --name imdb-2`."""

import click

from comodels.audit import audit_model
from comodels.cli import (
    OUT,
    ScriptCommand,
    account_choice,
    choose_account,
    deployments_option,
    folder_option,
    node_of,
    trusted_option,
)
from comodels.export import collect
from comodels.published import find
from comodels.successor import learnt_anew, publish_next


@click.command(cls=ScriptCommand, short_help="Publish a model's next version, learnt from clean data")
@account_choice
@click.argument("model")
@click.option("--name", required=True, help="Of the next version.")
@trusted_option
@folder_option
@click.option("--dry-run", is_flag=True, help="Learn, and say what would be published.")
@deployments_option
def cli(provider, account, model, name, trusted, out, dry_run, deployments):
    """Learn anew what people brought to MODEL (a name or an address), without what is probably wrong, and publish it.

    The next version begins as MODEL was published, and has its terms. The registry then says that it goes on where
    MODEL ends; only MODEL's owner can. MODEL stays: it answers, and deposits in it are claimed as before.
    """
    deployed = find(node_of(provider), model, deployments)
    folder = out or OUT / f"export-{deployed.name}"
    contributions = collect(deployed, folder)
    found = audit_model(deployed, contributions, trusted)
    clean = [c for c, bad in zip(contributions, found.bad.tolist(), strict=True) if not bad]
    saved, refused = learnt_anew(deployed, clean, name, folder)
    said = f"; {refused:,} more could not be learnt" if refused else ""
    left_out = len(contributions) - len(clean)
    click.echo(f"{left_out:,} of {len(contributions):,} contributions are probably wrong, and left out{said}.")
    if dry_run:
        click.echo(f"{name!r} would be published as the next version of {deployed.name!r}.")
        return
    noted = publish_next(deployed, saved, choose_account(account), click.echo)
    click.echo(f"{name!r} is published at {noted['address']}, and goes on where {deployed.name!r} ends.")
