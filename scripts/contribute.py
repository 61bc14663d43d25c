"""Add data to a model: `ape run contribute imdb "great movie" positive`, or a whole file with `--data FILE`."""

import click

from comodels.budget import spend, spent
from comodels.cli import (
    ETHER,
    ScriptCommand,
    account_choice,
    choose_account,
    deployments_option,
    encoder_option,
    node_of,
    parse_ether,
    tell_next,
)
from comodels.published import ClassIndex, find
from comodels.units import ether
from comodels.wire import ADD_DATA_TOPIC, AddData
from encoders import randomised_label


@click.command(
    cls=ScriptCommand,
    short_help="Add a sample to a model",
    context_settings={"ignore_unknown_options": True},  # a row of numbers may begin with a minus
)
@account_choice
@click.argument("model")
@click.argument("sample", required=False)
@click.argument("label", required=False)
@click.option("--data", metavar="FILE", help="Contribute all samples of a file, in batches, instead of one.")
@click.option(
    "--max-deposit",
    metavar=ETHER,
    callback=parse_ether,
    help="The most to deposit for a sample; the change comes back. With --data it waits until a batch needs no more. "
    "[default: a tenth more than is asked now; with --data what is asked an hour after the last contribution]",
)
@click.option(
    "--label-epsilon",
    type=click.FloatRange(0.01, 50),
    help="Say another label now and then, so that nobody knows the true one; for points and markets.",
)
@click.option("--dry-run", is_flag=True, help="Only say what it would take.")
@encoder_option
@deployments_option
def cli(provider, account, model, sample, label, data, max_deposit, label_epsilon, dry_run, encoder, deployments):
    """Contribute SAMPLE with LABEL to MODEL (a name or an address), or all samples of a file.

    LABEL is the name of a class; its index only where no class has a number for a name. Where the model's encoder is
    private, what is sent is another sample, drawn anew each time: docs/privacy.md says what that protects.

    A file that was interrupted goes on where it was: what this account has contributed already is left out.
    """
    if (data is None) == (sample is None or label is None):
        raise click.UsageError("Say SAMPLE and LABEL, or --data FILE for many.")
    account = choose_account(account)
    deployed = find(node_of(provider), model, deployments, encoder)
    tell_next(deployed)
    epsilon = getattr(deployed.encoder, "epsilon", 0.0)
    if data is not None:
        if epsilon or label_epsilon:  # noise is drawn anew each time: what was sent could not be found again
            raise click.UsageError("Private samples and labels are contributed one by one, without --data.")
        contribute_file(deployed, account, data, max_deposit, dry_run)
        return
    x, y = deployed.encode(sample), deployed.label(label)
    if not dry_run and (receipt := deployed.sent_before(x, y, account)):
        tell(model, receipt)
        return
    if label_epsilon is not None:
        if deployed.incentive_kind == "SelfAssessment":
            raise click.ClickException("A wrong label loses the deposit: --label-epsilon is for points and markets.")
        y = ClassIndex(randomised_label(y, len(deployed.class_names), label_epsilon))
        epsilon += label_epsilon
    deposit = deployed.quote()
    name = deployed.class_names[y]
    asked = f"deposit {ether(deposit)}" if deposit else "no deposit"
    if max_deposit is not None and deposit > max_deposit:
        raise click.ClickException(
            f"As class {name!r}, {asked}: that is above your maximum of {ether(max_deposit, 9)}. Wait, because "
            "the deposit falls with the time since the last contribution, or raise --max-deposit."
        )
    value = deposit + deposit // 10 if max_deposit is None else max_deposit
    balance = deployed.node.balance(account.address)
    if balance < value:
        raise click.ClickException(
            f"{account.address} has {ether(balance)}, which is less than {ether(value)}: "
            "send it some, lower --max-deposit, or choose another --account."
        )
    if dry_run:
        click.echo(f"{deployed.name}: {deployed.offer(x, y, account.address, value)}.")
        if epsilon:
            click.echo(f"It would cost epsilon {epsilon:g}. So far: {spent(deployed.address, deployments)}.")
        return
    if epsilon:
        click.echo(f"{deployed.name}: {spend(deployed.address, epsilon, deployments)}.")
    tell(model, deployed.contribute(x, y, account, value, click.echo))


def tell(model: str, receipt: dict) -> None:
    """Say what a contribution has done."""
    facts = next(AddData.from_log(log).facts for log in receipt["logs"] if log["topics"][0] == ADD_DATA_TOPIC)
    click.echo(
        f"Contributed in {receipt['transactionHash']}"
        f"{f' with a deposit of {ether(facts.deposit)}' if facts.deposit else ''}; "
        f"the model {'learned from it' if facts.effect else 'agreed and stayed as it was'}."
    )
    click.echo(f"`ape run rewards {model}` tells when something of it can be claimed, and claims it then.")


def contribute_file(deployed, account, source: str, max_deposit: int | None, dry_run: bool) -> None:
    """Contribute the samples of a file in batches, and say what became of them."""
    from tqdm import tqdm

    from comodels.contribute import contribute, next_batch, price, remaining, usual_price
    from comodels.published import encoded_rows

    rows = encoded_rows(deployed, source, click.echo)
    left = remaining(deployed, account.address, rows)
    click.echo(f"{len(rows):,} samples in {source}, {len(left):,} of them not contributed by {account.address} yet.")
    if not left:
        return
    part, gas = next_batch(deployed, account.address, left)
    count = len(part)
    most = usual_price(deployed, count) if max_deposit is None else max_deposit
    click.echo(
        f"About {-(-len(left) // count):,} transactions of {count}, {gas // count:,} gas for each sample; "
        f"deposits of at most {ether(most)} each, {ether(most * len(left))} for all; now "
        f"{ether(price(deployed, count))} each."
    )
    if dry_run:
        return
    balance = deployed.node.balance(account.address)
    if balance < most * count:
        raise click.ClickException(
            f"{account.address} has {ether(balance)}, and a batch needs {ether(most * count)}: send it some, or lower "
            "--max-deposit and wait longer."
        )
    with tqdm(total=len(rows), desc="Contributing", unit="sample") as bar:
        result = contribute(deployed, account, rows, max_deposit, bar.update, tqdm.write)
    click.echo(
        f"{result.accepted:,} accepted, {result.learnt:,} of them changed the model; deposits of "
        f"{ether(result.deposit)}, {result.gas:,} gas in {len(result.transactions):,} transactions."
    )
    for reason, times in result.skipped.most_common():
        click.echo(f"{times:,} skipped: {reason}")
    click.echo("`ape run rewards` tells when something of it can be claimed, and claims it then.")
