"""Refund, report and take what an account can: `ape run rewards imdb`."""

from pathlib import Path

import click

from comodels.chain.account import gas_price
from comodels.cli import (
    ScriptCommand,
    account_choice,
    address_given,
    choose_account,
    chosen_models,
    deployments_option,
    node_of,
)
from comodels.units import ether

MOST_PROSPECTS = 20  # lines of what is to come
KEPT = "SelfAssessment"  # where a keeper can be named


@click.command(cls=ScriptCommand, short_help="Claim what an account can refund, report or take")
@account_choice
@click.argument("models", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Only show it.")
@click.option("--all", "at_a_loss", is_flag=True, help="Also what costs more gas than it brings.")
@click.option("--forgive", is_flag=True, help="Spend what is forgiven, on the largest deposits that are in danger.")
@click.option("--contributor", help="Only what goes back to this account: anyone may ask for it, and pay the gas.")
@click.option("--name-keeper", metavar="ADDRESS", help="Let this account, too, spend what is forgiven; 0 for nobody.")
@deployments_option
def cli(provider, account, models, dry_run, at_a_loss, forgive, contributor, name_keeper, deployments: Path):
    """Find from the events what the account can claim of MODELS (names or addresses), claim it, say what comes when.

    Without MODELS, of all in the deployments file. What costs more gas than it brings the account is left out, unless
    it is for another --contributor.
    """
    from comodels.keeper import amount, make

    account, node = choose_account(account), node_of(provider)
    opened = chosen_models(node, models, deployments)
    if name_keeper is not None:
        keeper = address_given(name_keeper)
        for incentive in {m.paying.address: m.paying for m in opened if m.incentive_kind == KEPT}.values():
            incentive.transact("name_keeper", keeper, account=account)
            click.echo(f"{keeper} may spend what {incentive.address} forgives {account.address}.")
    contributor = None if contributor is None else address_given(contributor)
    found = [(model, claim) for model in opened for claim in model.claims(account.address, contributor, forgive)]
    price = gas_price(node).total
    if not (at_a_loss or contributor):
        everything = found
        found = [(m, c) for m, c in everything if c.pays(account.address, m.adapter.unit, price)]
        if left_out := len(everything) - len(found):
            dear = f"Claims that cost more gas than they bring are left out: {left_out}."
            click.echo(f"{dear} With --all they are made; gas may be cheaper later.")
    if found:
        show(found, price)
    else:
        click.echo(f"{account.address} can claim nothing now.")
    if found and not dry_run:
        got: dict[str, int] = {}
        for model, claim in found:
            unit = model.adapter.unit
            got[unit] = got.get(unit, 0) + make(model, claim, account, click.echo)
        amounts = [amount(value, unit) for unit, value in got.items() if value]
        click.echo(f"Claimed {' and '.join(amounts) or 'nothing'}.")
    show_prospects([(model, p) for model in opened for p in model.prospects(contributor or account.address)])
    waiting = {m.paying.address: (m, m.credit(account.address)) for m in opened}
    for model, credit in waiting.values():
        if not credit:
            continue
        click.echo(f"{amount(credit, 'ether')} could not be delivered to you and waits in {model.paying.address}.")
        if not dry_run:
            model.fetch(account)
            click.echo(f"Fetched {amount(credit, 'ether')}.")


def show(found: list, price: int) -> None:
    """Print a table of claims, with their gas at so many wei for a unit."""
    from rich.console import Console
    from rich.table import Table

    from comodels.keeper import amount

    table = Table("model", "action", "amount", "gas", "contribution", "contributor", "label")
    for model, claim in found:
        c = claim.contribution
        table.add_row(
            model.name,
            claim.action,
            amount(claim.amount, model.adapter.unit),
            ether(claim.gas * price),
            str(c.id),
            c.contributor,
            model.class_names[c.label],
        )
    Console().print(table)


def show_prospects(found: list) -> None:
    """Print what will be due when, and what is lost when."""
    from datetime import datetime, timezone

    from rich.console import Console
    from rich.table import Table

    if not found:
        return
    table = Table("from (UTC)", "model", "contribution", "label", "what", title="To come")
    for model, p in sorted(found, key=lambda each: each[1].time)[:MOST_PROSPECTS]:
        when = datetime.fromtimestamp(p.time, timezone.utc).strftime("%Y-%m-%d %H:%M")
        table.add_row(when, model.name, str(p.contribution.id), model.class_names[p.contribution.label], p.text)
    console = Console()
    console.print(table)
    if len(found) > MOST_PROSPECTS:
        console.print(f"and {len(found) - MOST_PROSPECTS} later dates.")
