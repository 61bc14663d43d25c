"""Whose data is bad: `ape run audit imdb`."""

import click

from comodels.cli import OUT, ScriptCommand, deployments_option, encoder_option, folder_option, node_of, trusted_option
from comodels.export import collect
from comodels.published import find

SHOWN = 20  # accounts, and contributions


@click.command(cls=ScriptCommand, short_help="Find contributions and accounts that are probably wrong")
@click.argument("model")
@trusted_option
@folder_option
@encoder_option
@deployments_option
def cli(provider, model, trusted, out, encoder, deployments):
    """Judge every contribution to MODEL (a name or an address) by all others, and every account by what it brought.

    Nothing is sent. Where half of all data or more is bad, only --trusted keeps the judgement from turning over:
    docs/filtering.md has how often it is right.
    """
    from rich.console import Console
    from rich.table import Table

    from comodels.audit import account_rows, audit_model, write_csv
    from comodels.simulation.plot import audited

    deployed = find(node_of(provider), model, deployments, encoder)
    folder = out or OUT / f"export-{deployed.name}"
    contributions = collect(deployed, folder)
    found = audit_model(deployed, contributions, trusted)
    paths = write_csv(found, contributions, deployed.class_names, folder)
    picture = audited(found, f"{deployed.name}: what is believed", folder / "audit.png")
    console = Console()
    table = Table("account", "contributions", "probably wrong", "believed")
    for name, count, bad, honesty in account_rows(found)[:SHOWN]:
        table.add_row(name, f"{count:,}", f"{bad:,}", f"{honesty:.0%}")
    console.print(table)
    if len(found.accounts) > SHOWN:
        console.print(f"{SHOWN} of {len(found.accounts):,} accounts; accounts.csv has all.")
    bad = int(found.bad.sum())
    by = "" if trusted else ", by the contributions alone: none is trusted"
    click.echo(f"{bad:,} of {len(contributions):,} contributions are probably wrong{by}.")
    for path in (*paths, picture):
        click.echo(f"  {path}")
