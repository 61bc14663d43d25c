"""Add a class to one's own model: `ape run add_class films mixed`."""

import click

from scripts import _common
from scripts._deployed import find


@click.command(cls=_common.ScriptCommand, short_help="Add a class to a model")
@_common.account_choice
@click.argument("model")
@click.argument("name")
@_common.deployments_option
def cli(provider, account, model, name, deployments):
    """Add the class NAME, without samples, to MODEL (a name or an address). Only the model's owner can.

    The model must have been published with room for it: `ape run deploy --room`.
    """
    account = _common.choose_account(account)
    deployed = find(provider, model, deployments)
    contract = deployed.contract
    if contract.kind() not in WITHOUT_SAMPLES:
        raise click.ClickException(f"A {contract.kind()} has two classes for ever. Publish a model with --room.")
    if contract.owner() != account.address:
        raise click.ClickException(f"Only the owner {contract.owner()} can add classes: choose --account.")
    contract.add_class(name, *WITHOUT_SAMPLES[contract.kind()], sender=account)
    click.echo(f"{deployed.name} has the class {name!r} now, with the index {contract.class_count() - 1}.")


# what the contracts' `add_class` takes after the name, for a class that starts with nothing
WITHOUT_SAMPLES: dict[str, tuple] = {
    "MulticlassSparsePerceptron": ([],),
    "MulticlassDensePerceptron": ([],),
    "NearestCentroid": (0, []),
    "SparseNearestCentroid": (0, []),
    "NaiveBayes": (0, []),
}
