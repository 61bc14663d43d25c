"""Serve the web page: `ape run dashboard`.

On a local chain without models it makes some first, with data, so that there is something to see: `make dashboard`.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from comodels.cli import DEPLOYMENTS, OUT, ROOT, ScriptCommand, deployments_option, node_of
from comodels.journal import Journal

MARKETS = ROOT / "markets"  # as for `ape run market`


@click.command(cls=ScriptCommand, short_help="Serve the web page")
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
@click.option("--price", metavar="AMOUNT", help="What an ether is worth, shown beside fees: “2500 EUR”.")
@click.option("--explorer", default="", metavar="URL", help="A page that shows transactions, for links to them.")
@click.option(
    "--sponsor",
    "sponsors",
    multiple=True,
    metavar="URL",
    help="A service of `ape run sponsor`, which sends and pays for what people without ether sign; can be repeated.",
)
@deployments_option
def cli(provider, host, names, port, registry, test_sets, words, price, explorer, sponsors, deployments):
    """Serve the web page: browse, create, predict, train, refund and reward in a browser.

    Transactions are signed by the wallets of those who use the page; this server has no key.
    """
    from comodels.dashboard.serve import LOCAL, address_of, listen, price_of, serve

    listener = listen(host, port)  # a port that is taken is said at once
    markets = MARKETS if host in LOCAL else None  # the test set of a market is for nobody else's eyes
    dashboard = prepare(provider, deployments, registry, words, markets)
    dashboard.settings.price = price_of(price)
    dashboard.settings.explorer = address_of("--explorer", explorer)
    dashboard.sponsors.urls = tuple(address_of("--sponsor", url) for url in sponsors)
    for text in test_sets:
        add_test_set(dashboard, text)
    serve(dashboard, host, listener, names)


def prepare(
    provider,
    deployments: Path = DEPLOYMENTS,
    registry: str | None = None,
    words: Sequence[Path] = (),
    markets: Path | None = None,
):
    """The page for the chain that Ape is connected to."""
    from comodels.dashboard.reader import is_address
    from comodels.dashboard.server import Dashboard, Settings

    node = node_of(provider)
    journal = Journal.open(node, deployments)
    if registry is None and "Registry" in journal.contracts:
        registry = journal.contracts["Registry"]["address"]
    if registry is None or not node.code(registry):
        if registry is not None or not node.is_local:
            raise click.ClickException(
                "There is no registry on this chain. Name one with --registry, or publish a model: `ape run deploy`."
            )
        return demo(node.url)
    if not is_address(registry):
        raise click.ClickException(f"--registry {registry}: not an address")
    incentives = {entry["address"]: name for name, entry in journal.contracts.items()}
    originals = OUT / "dashboard" / f"originals-{journal.path.stem}.jsonl"
    settings = Settings(node.url, registry, deployments / "encoders", originals, words, incentives, markets=markets)
    return Dashboard(settings)


def demo(uri: str):
    """The page with models and data on an empty local chain."""
    from comodels.chain.local import Chain
    from comodels.dashboard.demo import set_up

    click.echo("Putting models and data on the local chain ...")
    bytecode, market_abi = demo_contracts()
    return set_up(Chain(uri), uri, bytecode, Path(tempfile.mkdtemp(prefix="dashboard-")), market_abi)


def demo_contracts() -> tuple[dict[str, bytes], list[dict]]:
    """What the demo deploys: creation code by name, and the ABI of the prediction market."""
    from comodels.artifacts import NAMES, artifact

    return {name: artifact(name).code for name in NAMES}, artifact("PredictionMarket").abi


def add_test_set(dashboard, text: str) -> None:
    """Measure a model on a file: ``0x…=reviews.tsv``."""
    from comodels.dashboard.reader import NotAModelError
    from comodels.dashboard.store import InputError, TestSet

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
