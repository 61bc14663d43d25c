"""Add data to a model: `ape run contribute imdb "great movie" positive`."""

from pathlib import Path

import click

from scripts import _common
from scripts._deployed import find


@click.command(cls=_common.ScriptCommand, short_help="Add a sample to a model")
@_common.account_choice
@click.argument("model")
@click.argument("sample")
@click.argument("label")
@click.option("--max-deposit", callback=_common.parse_ether, help="Most to deposit, in ether; the change comes back.")
@click.option("--dry-run", is_flag=True, help="Only say what it would take.")
@click.option("--encoder", type=click.Path(dir_okay=False, path_type=Path), help="File of the model's encoder.")
@_common.deployments_option
def cli(provider, account, model, sample, label, max_deposit, dry_run, encoder, deployments):
    """Contribute SAMPLE with LABEL (a class's name or index) to MODEL (a name or an address).

    Without --max-deposit, at most a tenth more than the deposit that is quoted now is accepted.
    """
    account = _common.choose_account(account)
    deployed = find(provider, model, deployments, encoder)
    x, y = deployed.encode(sample), deployed.label(label)
    deposit = deployed.quote()
    believes = deployed.class_names[deployed.contract.predict(x)]
    asked = f"the deposit is {_common.ether(deposit)}" if deposit else "no deposit is asked for"
    click.echo(f"{deployed.name} takes it for {believes!r} now; {asked}.")
    if max_deposit is not None and deposit > max_deposit:
        raise click.ClickException(
            f"That is above your maximum of {_common.ether(max_deposit, 9)}. Wait, because the deposit falls with the "
            "time since the last contribution, or raise --max-deposit."
        )
    value = deposit + deposit // 10 if max_deposit is None else max_deposit
    if account.balance < value:
        raise click.ClickException(
            f"{account.address} has {_common.ether(account.balance)}, which is less than {_common.ether(value)}: "
            "send it some, lower --max-deposit, or choose another --account."
        )
    if dry_run:
        return
    receipt = deployed.contribute(x, y, account, value)
    event = next(event for event in receipt.events if event.event_name == "AddData")
    effect, paid = event.facts >> 8 & 255, event.facts >> 56 & 2**96 - 1
    click.echo(
        f"Contributed in {receipt.txn_hash}{f' with a deposit of {_common.ether(paid)}' if paid else ''}; "
        f"the model {'learned from it' if effect else 'agreed and stayed as it was'}."
    )
    click.echo("`ape run rewards` shows later what can be claimed.")
