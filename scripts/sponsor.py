"""Pay for what others contribute: `ape run sponsor imdb`."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import click

from comodels.cli import (
    ETHER,
    ROOT,
    ScriptCommand,
    account_choice,
    choose_account,
    deployments_option,
    node_of,
    parse_ether,
)


@click.command(cls=ScriptCommand, short_help="Take signed contributions over HTTP, and pay for them")
@account_choice
@click.argument("model")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--host-name", "names", multiple=True, metavar="NAME", help="A name under which others reach it.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8_090, show_default=True, help="To listen on.")
@click.option("--origin", "origins", multiple=True, metavar="URL", help="A page that may use it from a browser.")
@click.option("--per-account", type=click.IntRange(1), default=100, show_default=True, help="Of one account in a day.")
@click.option("--per-day", type=click.IntRange(1), default=10_000, show_default=True, help="Of all in a day.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=20.0,
    show_default=True,
    help="Contributions a second of one address that asks, ten times as many at once.",
)
@click.option(
    "--budget", metavar=ETHER, callback=parse_ether, default="1", show_default=True, help="Deposits at a time."
)
@click.option(
    "--max-deposit", metavar=ETHER, callback=parse_ether, help="For each; a batch waits until it needs no more."
)
@click.option(
    "--patience", type=float, default=60.0, show_default=True, help="Seconds until a batch goes that is not full."
)
@click.option("--agreeing", is_flag=True, help="Take only what the model agrees with already.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "sponsored", help="Of the queue."
)
@deployments_option
def cli(provider, account, model, host, names, port, origins, per_account, per_day, rate, budget, **options):
    """Take contributions to MODEL (a name or an address) that others signed, pay for them, and get the deposits back.

    It can be stopped at any moment and started again: nothing is lost or sent twice. See docs/sponsoring.md.
    """
    import uvicorn

    from comodels.published import find
    from comodels.sponsor import Limits, Sponsor
    from comodels.sponsor_service import Rate, application

    wallet, node = choose_account(account, unattended=True), node_of(provider)
    deployed = find(node, model, options["deployments"])
    limits = Limits(per_account, per_day, budget, patience=options["patience"], agreeing=options["agreeing"])
    if options["max_deposit"] is not None:
        limits = replace(limits, max_deposit=options["max_deposit"])
    path = options["folder"] / f"{node.chain_id}-{deployed.address}.sqlite"
    sponsor, stop = Sponsor(deployed, wallet, path, limits), threading.Event()
    hosts = ("127.0.0.1", "localhost", *names)
    service = application(sponsor, hosts, origins, Rate(rate, max(1, int(10 * rate))))
    server = uvicorn.Server(uvicorn.Config(service, host=host, port=port, log_level="warning"))

    def work() -> None:
        try:
            sponsor.run(stop, click.echo)
        finally:  # what cannot send takes nothing either
            server.should_exit = True

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        click.echo(f"{wallet.address} pays for contributions to {deployed.name}: http://{host}:{port}/")
        try:
            server.run()
        finally:
            stop.set()
        working.result()
