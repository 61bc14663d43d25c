"""Do what is due, again and again: `ape run keeper --for 0x... imdb`."""

from pathlib import Path

import click

from comodels.cli import (
    ROOT,
    TIME,
    ScriptCommand,
    account_choice,
    address_given,
    choose_account,
    chosen_models,
    deployments_option,
    node_of,
    parse_duration,
)


@click.command(cls=ScriptCommand, short_help="Do what is due for accounts and markets, again and again")
@account_choice
@click.argument("models", nargs=-1)
@click.option("--for", "served", multiple=True, metavar="ADDRESS", help="Serve this account too, at a loss of the gas.")
@click.option("--every", default="10m", show_default=True, metavar=TIME, callback=parse_duration, help="Look so often.")
@click.option("--once", is_flag=True, help="Look once, as from cron.")
@click.option("--push", is_flag=True, help="Move on the markets of strangers too, at a loss of the gas.")
@click.option(
    "--markets",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / "markets",
    help="Of test sets.",
    show_default="markets",
)
@deployments_option
def cli(provider, account, models, served, every, once, push, markets, deployments):
    """Watch MODELS (names or addresses; without any, all in the deployments file), and do what is due.

    For the account itself: refunds, what is forgiven, flags, reports and withdrawals that bring more than their gas
    costs, and each step of a market that it takes part in. For others: refunds in any case, and what they are forgiven
    if they have named it (`ape run rewards --name-keeper`). It can be stopped at any moment and started again.
    """
    from comodels.keeper import Keeper

    wallet, node = choose_account(account, unattended=True), node_of(provider)
    opened = chosen_models(node, models, deployments)
    keeper = Keeper(wallet, opened, [address_given(a) for a in served], push, markets, click.echo)
    click.echo(f"{wallet.address} watches {', '.join(model.name for model in opened)}.")
    keeper.run(every, 1 if once else None)
