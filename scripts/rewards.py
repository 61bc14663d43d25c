"""Refund, report and take what an account can: `ape run rewards imdb`."""

from pathlib import Path

import click

from scripts import _common
from scripts._deployed import find
from scripts._journal import Journal


@click.command(cls=_common.ScriptCommand, short_help="Claim what an account can refund, report or take")
@_common.account_choice
@click.argument("models", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Only show it.")
@_common.deployments_option
def cli(provider, account, models, dry_run, deployments: Path):
    """Find from the events what the account can claim of MODELS (names or addresses), and claim it.

    Without MODELS, of all in the deployments file.
    """
    account = _common.choose_account(account)
    if not models:
        models = [k for k, noted in Journal.open(provider, deployments).models.items() if "published" in noted]
    if not models:
        raise click.ClickException("There is no model in the deployments file: name one by its address.")
    found = [
        (model, claim)
        for model in (find(provider, m, deployments) for m in models)
        for claim in model.claims(account.address)
    ]
    if not found:
        click.echo(f"{account.address} can claim nothing now.")
        return
    show(found)
    if dry_run:
        return
    got: dict[str, int] = {}
    for model, claim in found:
        unit = model.adapter.unit
        got[unit] = got.get(unit, 0) + execute(model, claim, account)
    amounts = [amount(value, unit) for unit, value in got.items() if value]
    click.echo(f"Claimed {' and '.join(amounts) or 'nothing'}.")


def show(found: list) -> None:
    """Print a table of claims."""
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "action", "amount", "contribution", "contributor", "label")
    for model, claim in found:
        c = claim.contribution
        table.add_row(
            model.name,
            claim.action,
            amount(claim.amount, model.adapter.unit),
            str(c.id),
            c.contributor,
            model.class_names[c.label],
        )
    Console().print(table)


def amount(value: int, unit: str) -> str:
    """Wei or points for people."""
    return _common.ether(value) if unit == "ether" else f"{value:,} {unit}"


def execute(model, claim, account) -> int:
    """Send a claim; what it paid, in the incentive's unit, as its event says: an earlier claim may have changed it.

    What somebody else was quicker with is said and left out.
    """
    from ape.exceptions import ContractLogicError

    try:
        receipt = getattr(model.incentive, claim.action)(*claim.arguments, sender=account)
    except ContractLogicError as error:
        click.echo(
            f"{claim.action} of contribution {claim.contribution.id} is not possible any more: {error.revert_message}"
        )
        return 0
    paid = [e.event_arguments for e in receipt.events if e.contract_address == model.incentive.address]
    return sum(event.get("amount", event.get("points", 0)) for event in paid)
