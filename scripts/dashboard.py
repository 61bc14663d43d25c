"""Serve the web page: `ape run dashboard`.

On a local chain without models it makes some first, with data, so that there is something to see: `make dashboard`.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from scripts import _common
from scripts._journal import Journal


@click.command(cls=_common.ScriptCommand, short_help="Serve the web page")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others can reach 0.0.0.0.")
@click.option(
    "--host-name", "names", multiple=True, metavar="NAME", help="A name under which others open it; can be repeated."
)
@click.option("--port", type=click.IntRange(0, 65_535), default=8_080, show_default=True, help="0: any free one.")
@click.option("--registry", help="Show the models of this registry instead of your own.")
@click.option(
    "--test-set",
    "test_sets",
    multiple=True,
    metavar="MODEL=FILE",
    help="Measure the accuracy of the model at this address on this data file; can be repeated.",
)
@click.option(
    "--words",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Show the original words that a third party keeps in this file (JSON lines with x and text); can be repeated.",
)
@_common.deployments_option
def cli(provider, host, names, port, registry, test_sets, words, deployments):
    """Serve the web page: browse, create, predict, train, refund and reward in a browser.

    Transactions are signed by the wallets of those who use the page; this server has no key.
    """
    dashboard = prepare(provider, deployments, registry, words)
    for text in test_sets:
        add_test_set(dashboard, text)
    serve(dashboard, host, port, names)


def prepare(provider, deployments: Path = _common.DEPLOYMENTS, registry: str | None = None, words: Sequence[Path] = ()):
    """The page for the chain that Ape is connected to."""
    from dashboard.reader import is_address
    from dashboard.server import Dashboard, Settings

    uri = str(getattr(provider, "uri", "") or "")
    if not uri.startswith(("http://", "https://")):
        raise click.ClickException("The page needs a node that is reached by HTTP: --network http://127.0.0.1:8545")
    journal = Journal.open(provider, deployments)
    if registry is None and "Registry" in journal.contracts:
        registry = journal.contracts["Registry"]["address"]
    if registry is None or provider.get_code(registry) in (b"", "0x"):
        if registry is not None or _common.real_chain_id(provider) not in _common.LOCAL_CHAINS:
            raise click.ClickException(
                "There is no registry on this chain. Name one with --registry, or publish a model: `ape run deploy`."
            )
        return demo(uri)
    if not is_address(registry):
        raise click.ClickException(f"--registry {registry}: not an address")
    incentives = {entry["address"]: name for name, entry in journal.contracts.items()}
    originals = _common.OUT / "dashboard" / f"originals-{journal.path.stem}.jsonl"
    return Dashboard(Settings(uri, registry, deployments / "encoders", originals, words, incentives))


def demo(uri: str):
    """The page with models and data on an empty local chain."""
    from dashboard.demo import set_up
    from simulation.chain import Chain

    click.echo("Putting models and data on the local chain ...")
    bytecode, market_abi = demo_contracts()
    return set_up(Chain(uri), uri, bytecode, Path(tempfile.mkdtemp(prefix="dashboard-")), market_abi)


def demo_contracts() -> tuple[dict[str, bytes], list[dict]]:
    """What the demo deploys: creation code by name, and the ABI of the prediction market."""
    from ape import project

    from scripts import _incentives, _models

    names = ["Registry", *_models.TWINS, *(adapter.contract for adapter in _incentives.INCENTIVES.values())]
    bytecode = {name: bytes(getattr(project, name).contract_type.get_deployment_bytecode()) for name in names}
    return bytecode, _common.abi_of(project.PredictionMarket)


def add_test_set(dashboard, text: str) -> None:
    """Measure a model on a file: ``0x…=reviews.tsv``."""
    from dashboard.reader import NotAModelError
    from dashboard.store import InputError, TestSet

    address, separator, file = text.partition("=")
    if not separator or not Path(file).is_file():
        raise click.ClickException(f"--test-set {text}: give the address of a model and a file, as in 0x…=reviews.tsv")
    try:
        model = dashboard.reader.model(address)
        encoder = dashboard.store.find(model.encoder_spec)
        if encoder is None:
            raise InputError("the encoder of this model is not in the folder of deployments")
        dashboard.test_sets[model.address] = TestSet.from_file(Path(file), Path(file).name, encoder, model.class_names)
    except (NotAModelError, InputError) as error:
        raise click.ClickException(f"--test-set {text}: {error}") from error


def serve(dashboard, host: str, port: int, names: Sequence[str] = ()) -> None:
    """Serve until Ctrl+C."""
    import socket

    import uvicorn

    if host not in ("127.0.0.1", "localhost", "::1"):
        dashboard.settings.addresses = True
        dashboard.settings.hosts += tuple(name.lower() for name in names)
        places = ", ".join(["its address", *names])
        click.secho(f"Everyone who reaches this machine can open the page, at {places}.", fg="yellow")
        if dashboard.reader.is_local:
            click.secho("On a local chain they can also send from its accounts.", fg="yellow")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise click.ClickException(
            f"Port {port} cannot be used ({error.strerror}). Choose another: --port 0"
        ) from error
    port = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"The page is at http://{shown}:{port}  (Ctrl+C ends it)")
    config = uvicorn.Config(dashboard.app(), log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])
