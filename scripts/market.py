"""Prediction markets: `ape run market run imdb --data hidden.tsv` drives one from the commitment to the end.

Every command looks at the chain first and does only what is left to do, so each can be run again after any failure. The
test set is kept in markets/<market>.secret.json, which is written to the disk before the commitment is sent.
"""

from pathlib import Path

import click

from comodels.cli import (
    OUT,
    ROOT,
    ScriptCommand,
    ToldErrors,
    account_choice,
    choose_account,
    deployments_option,
    node_of,
)
from comodels.term_options import plan_options

FOLDER = ROOT / "markets"
NUMBERS = {"context_settings": {"ignore_unknown_options": True}}  # a row of numbers may begin with a minus


@click.group(short_help="Buy accuracy on a secret test set")
def cli():
    """A prediction market on a model: commit, draw, reveal, open, close, reveal, check, score, settle, withdraw.

    `ape run market run` does all of it, each at its time; `status` tells where a market stands.
    """


def command(name: str, text: str):
    """A subcommand on the market of a model."""

    def decorate(function):
        options = (
            cli.command(name, cls=ScriptCommand, short_help=text, help=function.__doc__ or f"{text}."),
            account_choice,
            click.argument("model"),
            click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="The provider's file."),
            click.option("--market", "number", type=click.IntRange(1), help="Its number. [default: the latest]"),
            deployments_option,
        )
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def opened(provider, account, model: str, deployments: Path, file=None, number=None, read_only=False, **how):
    """The model as it was published, and the driver of its market."""
    from comodels.market import open_market
    from comodels.published import find

    deployed = find(node_of(provider), model, deployments)
    signer = None if read_only and account is None else choose_account(account, **how)
    return deployed, open_market(deployed, signer, FOLDER, file, number, say=click.echo)


@command("commit", "Start a market with a hidden test set")
@plan_options
def commit(provider, account, model, file, number, deployments, data, **plan):
    """Commit to a test set, with bounty, bond and fees. Safe to run again."""
    deployed, driver = opened(provider, account, model, deployments, file, number)
    if not driver.start(deployed, data, FOLDER, **plan):
        raise click.ClickException("Take another test set.")


def step_command(name: str, text: str, method: str = "") -> None:
    """A subcommand that does one step, if it is what comes next."""

    @command(name, text)
    def step(provider, account, model, file, number, deployments):
        opened(provider, account, model, deployments, file, number)[1].step(method or name)


step_command("draw", "Draw the portions to reveal")
step_command("reveal", "Reveal what is to be revealed now")
step_command("open", "Copy the model and open the market for contributions", "prepare")
step_command("close", "End the participation")
step_command("check", "Count the errors before the first contribution")
step_command("score", "Replay the contributions and count the errors after each")
step_command("settle", "Work out what each contribution earned")
step_command("expire", "End a market that missed a deadline")


@command("withdraw", "Have paid what is owed")
@click.option("--all", "everybody", is_flag=True, help="Have everybody paid, not only the account.")
def withdraw(provider, account, model, file, number, deployments, everybody):
    """Have paid what the account is owed: its contributions, and the rest if it is the provider."""
    _, driver = opened(provider, account, model, deployments, file, number)
    driver.withdraw(None if everybody else driver.account.address)
    driver.tell_ending()


@command("run", "Drive a market to its end")
@click.option("--poll", default=15.0, show_default=True, help="Seconds between looks at the chain while waiting.")
@click.option("--jump", is_flag=True, help="On a local chain: let waiting times pass at once.")
@plan_options
def run(provider, account, model, file, number, deployments, data, poll, jump, **plan):
    """Commit if need be, then do each step at its time until all is paid. Can be stopped and started at any moment.

    Without the provider's file it does what anyone may do in a market that is running, and has this account paid.
    """
    deployed, driver = opened(provider, account, model, deployments, file, number, unattended=True)
    if (view := driver.view()) is None or (view.ended and data is not None):
        driver.start(deployed, data, FOLDER, **plan)
    driver.run(driver.waiter(poll, jump), driver.account.address if driver.secret is None else None)
    driver.tell_ending()


@command("status", "Tell where a market stands")
def status(provider, account, model, file, number, deployments):
    """Phase, deadline, what each account can claim, the provider's chance to have cheated, and what comes next."""
    from comodels.market_status import show

    show(*opened(provider, account, model, deployments, file, number, read_only=True))


@cli.command("try", cls=ScriptCommand, short_help="Tell what a sample would do to the shown rows", **NUMBERS)
@click.argument("model")
@click.argument("sample")
@click.argument("label")
@deployments_option
def try_(provider, model, sample, label, deployments):
    """Tell how many of the rows that were shown a SAMPLE with a LABEL would make wrong or right.

    They are a random part of the test set. One that makes them worse will probably lose its stake, even if it is right.
    """
    deployed, driver = opened(provider, None, model, deployments, read_only=True)
    count, before, after = driver.try_sample(deployed.contract, deployed.encode(sample), deployed.label(label))
    click.echo(f"Of {count} rows that were shown {before} are wrong now, and {after} would be after this sample.")
    if after > before:
        click.echo("It would make the model worse there: keep it.")


@cli.command("demo", cls=ToldErrors, short_help="Play a whole market on real data, on a local chain")
@click.option("--data", default="digits", show_default=True, help="A set, table or archive of data.")
@click.option("--contributions", type=click.IntRange(4, 1_000), default=100, show_default=True, help="At most.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random numbers.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=OUT, help="Folder of the plot.")
def demo(data, contributions, seed, out):
    """From the commitment to the last withdrawal, with good and bad contributors."""
    from comodels.market_demo import play

    play(data, contributions, seed, out)
