"""Add a class to one's own model: `ape run add_class films mixed`."""

import click
from eth_utils import to_checksum_address

from comodels.cli import ScriptCommand, account_choice, choose_account, deployments_option, node_of
from comodels.models import twin_of
from comodels.published import find


@click.command(cls=ScriptCommand, short_help="Add a class to a model")
@account_choice
@click.argument("model")
@click.argument("name")
@deployments_option
def cli(provider, account, model, name, deployments):
    """Add the class NAME, which has learnt nothing yet, to MODEL (a name or an address). Only the model's owner can.

    The model must have been published with room for it: `ape run deploy --room`.
    """
    account = choose_account(account)
    deployed = find(node_of(provider), model, deployments)
    kind, contract = deployed.kind, deployed.contract
    if twin_of(kind).MOST_CLASSES == 2:
        raise click.ClickException(f"A {kind} has two classes for ever. Publish a model with --room.")
    owner = to_checksum_address(contract.call("owner"))
    if owner != account.address:
        raise click.ClickException(f"Only the owner {owner} can add classes: choose --account.")
    contract.transact("add_class", name, account=account)
    click.echo(f"{deployed.name} has the class {name!r} now, with the index {contract.call('class_count') - 1}.")
