"""Prediction markets: `ape run market run imdb --data hidden.tsv` drives one from the commitment to the end.

Every command looks at the chain first and does only what is left to do, so each can be run again after any failure. The
test set is kept in markets/<market>.secret.json, which is written to the disk before the commitment is sent.
"""

import time
from pathlib import Path

import click

from scripts import _common

FOLDER = _common.ROOT / "markets"


@click.group(short_help="Buy accuracy on a secret test set")
def cli():
    """A prediction market on a model.

    Its steps: commit, draw, reveal, open, (contribute,) close, reveal, check, score, settle, withdraw.

    `ape run market run` does all of it, each at its time; `status` tells where a market stands.
    """


def command(name: str, text: str):
    """A subcommand on the market of a model."""

    def decorate(function):
        options = (
            cli.command(name, cls=_common.ScriptCommand, short_help=text),
            _common.account_choice,
            click.argument("model"),
            click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="The provider's file."),
            click.option("--market", "number", type=click.IntRange(1), help="Its number. [default: the latest]"),
            _common.deployments_option,
        )
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def open_driver(
    provider,
    account,
    model: str,
    deployments: Path,
    file: Path | None = None,
    number: int | None = None,
    read_only: bool = False,
):
    """The driver of a model's market, by default of the latest, with the provider's file if it is there."""
    from scripts import _deployed
    from scripts._market import MarketDriver, Secret
    from simulation.prediction_market import market_id

    deployed = _deployed.find(provider, model, deployments)
    if deployed.incentive is None or deployed.adapter.contract != "PredictionMarket":
        raise click.ClickException(
            f"{deployed.name} was not published for markets: `ape run deploy --incentive prediction-market` does so."
        )
    account = None if read_only and account is None else _common.choose_account(account)
    local = _common.real_chain_id(provider) in _common.LOCAL_CHAINS
    driver = MarketDriver(
        deployed.incentive,
        deployed.batched_incentive,
        deployed.address,
        account,
        number=number,
        confirmations=0 if local else provider.network.required_confirmations,
        say=click.echo,
    )
    if number is not None:
        candidates = [market_id(deployed.address, number)]
    else:
        candidates = [deployed.batched_incentive.call("next_market", deployed.address), driver.market]
    named = file is not None
    for path in [file] if named else [p for p in map(path_of, candidates) if p.is_file()]:
        secret = guarded(Secret.load, path)
        here = _common.real_chain_id(provider), driver.batched.address, deployed.address
        if (secret.chain_id, secret.contract, secret.model) != here:
            raise click.ClickException(f"{path} is for another chain, contract or model. Name the right one: --file")
        driver.secret, driver.path = secret, path
        if named or not driver.overtaken:
            break
        click.echo(f"{path} is for a commitment that was never made: another one took its number.")
        driver.secret, driver.path = None, None
    return deployed, driver


def path_of(market: int) -> Path:
    return FOLDER / f"{market:048x}.secret.json"


def guarded(function, *arguments, **options):
    """Call a function of `scripts._market`; what it refuses is told in a sentence."""
    from scripts._market import SecretError, StepRefused

    try:
        return function(*arguments, **options)
    except SecretError as error:
        raise click.ClickException(str(error)) from error
    except StepRefused as error:
        raise click.ClickException(f"This is refused now: {error}") from error


# ---- commit ----------------------------------------------------------------------------------------------------------


def plan_options(function):
    """The options of a market."""
    options = (
        click.option("--portions", type=click.IntRange(2, 256), default=10, show_default=True),
        click.option(
            "--draw", "drawn", type=click.IntRange(1, 255), default=3, show_default=True, help="Shown at first."
        ),
        click.option(
            "--stake", callback=_common.parse_ether, default="0.001", show_default=True, help="Of each sample."
        ),
        click.option(
            "--rounds", type=click.IntRange(1, 2**24 - 1), default=50, show_default=True, help="Bounty in stakes."
        ),
        click.option("--bond", callback=_common.parse_ether, default="0.05", show_default=True),
        click.option(
            "--fee",
            callback=_common.parse_ether,
            default="0.0001",
            show_default=True,
            help="For scoring one contribution.",
        ),  # fmt: skip
        click.option("--least", type=click.IntRange(1, 4_096), default=1, show_default=True),
        click.option("--most", type=click.IntRange(1, 4_096), default=200, show_default=True),
        click.option("--reveal-time", callback=_common.parse_duration, default="1d", show_default=True),
        click.option("--time", "participation_time", callback=_common.parse_duration, default="7d", show_default=True),
        click.option("--rest-time", callback=_common.parse_duration, default="2d", show_default=True),
        click.option("--score-time", callback=_common.parse_duration, default="7d", show_default=True),
    )
    for option in reversed(options):
        function = option(function)
    return function


def write_secret(
    driver, rows, provider_address: str, chain_id: int, portions: int, least: int, most: int, folder=None, **plan
):
    """Cut rows into portions, and write the provider's file for the model's next market."""
    from scripts._market import Secret, cut, fingerprint, row_count
    from simulation.prediction_market import Plan

    packed = guarded(cut, rows, portions)
    plan = Plan(portions=portions, rows=row_count(packed[0]), min_contributions=least, max_contributions=most, **plan)
    market = driver.batched.call("next_market", driver.model)
    driver.secret = Secret.new(
        packed,
        chain_id=chain_id,
        contract=driver.batched.address,
        model=driver.model,
        market=market,
        provider=provider_address,
        plan=plan,
        source=fingerprint(rows),
    )
    driver.path = (folder or FOLDER) / path_of(market).name
    driver.secret.save(driver.path)
    left_out = len(rows) - portions * plan.rows
    driver.say(
        f"{portions} portions of {plan.rows} rows"
        + (f"; {left_out} rows that do not divide are left out." if left_out else ".")
    )
    driver.say(f"The test set is in {driver.path}: keep it secret, and do not lose it.")


def ensure_committed(provider, deployed, driver, data, options) -> bool:
    """Commit, unless that is done, with the file that is there already or a new one from data.

    Returns False, without a new market, if the market before had the same test set: everybody has seen its rows.
    """
    from scripts._market import fingerprint

    view = driver.view()
    if view is not None and not view.ended:
        if driver.secret is None:
            raise click.ClickException(f"Market {driver.market & 2**32 - 1} of {view.provider} is running.")
        click.echo("The commitment is on the chain.")
        return True
    pending = driver.secret is not None and view is None  # the file is of a commitment that is not on the chain
    if pending and (data is None or driver.secret.transactions):
        click.echo(f"Going on with the commitment in {driver.path}: its test set and its plan.")
    elif data is None:
        raise click.ClickException("Name the hidden test set: --data FILE (with labels and texts, or a set).")
    else:
        import numpy as np

        from scripts import _deployed

        rows = [(y, x) for x, y in _deployed.encoded_rows(deployed, data)]
        if driver.secret is not None and not pending and driver.secret.source == fingerprint(rows):
            click.echo(f"{data} was the test set of market {driver.market & 2**32 - 1}: everybody has seen its rows.")
            return False
        rows = [rows[i] for i in np.random.default_rng().permutation(len(rows))]
        write_secret(driver, rows, driver.account.address, _common.real_chain_id(provider), **options)
    guarded(driver.test_portions, deployed.batched)
    guarded(driver.commit)
    return True


@command("commit", "Start a market with a hidden test set")
@click.option("--data", help="The test set: TSV of labels and texts, IMDB's CSV, or a set.")
@plan_options
def commit(provider, account, model, file, number, deployments, data, **options):
    """Commit to a test set, with bounty, bond and fees. Safe to run again."""
    deployed, driver = open_driver(provider, account, model, deployments, file, number)
    if not ensure_committed(provider, deployed, driver, data, options):
        raise click.ClickException("Take another test set.")


# ---- the steps -------------------------------------------------------------------------------------------------------


def step_command(name: str, text: str, method: str):
    @command(name, text)
    def step(provider, account, model, file, number, deployments):
        _, driver = open_driver(provider, account, model, deployments, file, number)
        view = driver.view()
        if view is None:
            raise click.ClickException("There is no market on this model yet: `ape run market commit` starts one.")
        expected, following = driver.next_step(view)
        if following != method and method != "expire":
            raise click.ClickException(f"That is not what comes next. Next: {expected}.")
        guarded(getattr(driver, method))

    step.help = text + "."
    return step


step_command("draw", "Draw the portions to reveal", "draw")
step_command("reveal", "Reveal what is to be revealed now", "reveal")
step_command("open", "Copy the model and open the market for contributions", "prepare")
step_command("close", "End the participation", "close")
step_command("check", "Count the errors before the first contribution", "check")
step_command("score", "Replay the contributions and count the errors after each", "score")
step_command("settle", "Work out what each contribution earned", "settle")
step_command("expire", "End a market that missed a deadline", "expire")


@command("withdraw", "Have paid what is owed")
@click.option("--all", "everybody", is_flag=True, help="Have everybody paid, not only the account.")
def withdraw(provider, account, model, file, number, deployments, everybody):
    """Have paid what the account is owed: its contributions, and the rest if it is the provider."""
    _, driver = open_driver(provider, account, model, deployments, file, number)
    view = driver.view()
    if view is None or not view.ended:
        raise click.ClickException("The market has not ended: `ape run market status` tells what comes next.")
    paid = guarded(driver.withdraw, None if everybody else driver.account.address)
    click.echo(f"Paid {_common.ether(paid)}.")


@command("run", "Drive a market to its end")
@click.option("--data", help="The test set, to start a market if there is none.")
@click.option("--poll", default=15.0, show_default=True, help="Seconds between looks at the chain while waiting.")
@click.option("--jump", is_flag=True, help="On a local chain: let waiting times pass at once.")
@plan_options
def run(provider, account, model, file, number, deployments, data, poll, jump, **options):
    """Commit if need be, then do each step at its time until all is paid. Can be stopped and started at any moment.

    Without the provider's file it does what anyone may do in a market that is running, and has this account paid.
    """
    deployed, driver = open_driver(provider, account, model, deployments, file, number)
    view = driver.view()
    if view is None or (view.ended and data is not None):
        ensure_committed(provider, deployed, driver, data, options)
    waiting = None

    def wait(view):
        nonlocal waiting
        if view is not None:
            text, _ = driver.next_step(view)
            if text != waiting:
                click.echo(f"Next: {text}.")
                waiting = text
            if jump:
                pass_time(driver, view)
                return
        time.sleep(min(poll, 1) if view is None else poll)

    guarded(driver.run, wait, driver.account.address if driver.secret is None else None)
    click.echo("The market has ended, and is paid." if driver.secret else "The market has ended.")


def pass_time(driver, view) -> None:
    """On a local chain: to the block of the draw, or to the deadline."""
    if view.draw_block >= driver.block:
        driver.node.rpc("anvil_mine", hex(view.draw_block + 1 - driver.block))
    elif view.deadline > driver.node.time:
        driver.node.rpc("evm_setNextBlockTimestamp", view.deadline)
        driver.node.rpc("anvil_mine", "0x1")


# ---- status ----------------------------------------------------------------------------------------------------------


@command("status", "Tell where a market stands")
def status(provider, account, model, file, number, deployments):
    """Phase, deadline, what each account can claim, the provider's chance to have cheated, and what comes next."""
    from rich.console import Console

    deployed, driver = open_driver(provider, account, model, deployments, file, number, read_only=True)
    view = driver.view()
    console = Console()
    if view is None:
        console.print(f"{deployed.name} has no market yet.")
        return
    for table in tables(driver, view):
        console.print(table)


def tables(driver, view):
    """The tables that `status` prints."""
    from collections import defaultdict
    from datetime import UTC, datetime

    from rich.table import Table

    from simulation.prediction_market import PHASES, SETTLING, chance_to_cheat

    plan = view.plan
    main = Table("what", "", title=f"Market {driver.market & 2**32 - 1} of {driver.model}", show_header=False)
    main.add_row("phase", PHASES[view.phase])
    if view.phase < SETTLING and view.deadline:
        left = view.deadline - driver.now
        when = datetime.fromtimestamp(view.deadline, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        main.add_row("deadline", f"{when} ({'in ' + duration(left) if left > 0 else 'over'})")
    main.add_row("next", driver.next_step(view)[0])
    main.add_row("provider", view.provider)
    main.add_row("bounty", f"{_common.ether(plan.bounty)} = {plan.rounds} stakes of {_common.ether(plan.stake)}")
    main.add_row("bond, fees", f"{_common.ether(plan.bond)}, {_common.ether(plan.fee)} a contribution")
    main.add_row(
        "test set", f"{plan.portions} portions of {plan.rows} rows, {plan.drawn} drawn, {view.revealed} revealed"
    )
    for bad in sorted({1, max(1, plan.portions // 4), max(1, plan.portions // 2)}):
        chance = chance_to_cheat(plan.portions, plan.drawn, bad)
        main.add_row(
            "a bad portion" if bad == 1 else f"{bad} bad portions",
            f"would have escaped the draw with a chance of {chance:.1%}",
        )
    stakes = driver.stakes(view)
    main.add_row(
        "contributions",
        f"{len(stakes)} of at most {plan.max_contributions}, {view.scored} scored, {view.settled} settled",
    )
    if view.scored:
        main.add_row(
            "errors",
            f"{view.initial_errors} at first, {view.errors} after contribution {view.scored}, of {plan.hidden_rows}",
        )
    ours, theirs = driver.batched.call("held", driver.market)
    main.add_row("held", f"{_common.ether(ours)} for the provider, {_common.ether(theirs)} for contributors")
    yield main
    if stakes:
        claims = Table("account", "contributions", "can claim", title="Contributors")
        owed = driver.batched.call_many("contribution", [(driver.market, s.index) for s in stakes])
        sums = defaultdict(lambda: [0, 0])
        for stake, (_, _, amount) in zip(stakes, owed, strict=True):
            sums[stake.contributor][0] += 1
            sums[stake.contributor][1] += amount
        for account, (count, amount) in sorted(sums.items(), key=lambda item: -item[1][1]):
            claims.add_row(account, str(count), _common.ether(amount) if view.ended else "not yet")
        if view.ended and ours:
            claims.add_row(f"{view.provider} (provider)", "", _common.ether(ours))
        yield claims


def duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    return (
        f"{days} d {hours} h" if days else f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
    )


# ---- demo ------------------------------------------------------------------------------------------------------------


@cli.command("demo", short_help="Play a whole market on real data, on a local chain")
@click.option("--data", default="digits", show_default=True, help="A set, a TSV of labels and texts, or IMDB's CSV.")
@click.option("--contributions", type=click.IntRange(4, 1_000), default=100, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=_common.OUT, help="Folder of the plot."
)
def demo(data, contributions, seed, out):
    """From the commitment to the last withdrawal, with good and bad contributors."""
    from encoders import EncoderError
    from scripts._market_demo import play

    try:
        play(data, contributions, seed, out)
    except EncoderError as error:
        raise click.ClickException(str(error)) from error
