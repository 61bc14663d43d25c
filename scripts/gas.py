"""What each action costs, from receipts, beside the original's figures."""

import json
from dataclasses import asdict

import click

from comodels.cli import ROOT, ScriptCommand

SNAPSHOT = ROOT / "gas.json"
PAGE = ROOT / "docs" / "gas.md"
README = ROOT / "README.md"  # has some of the rows
TELLING = (
    "publish model + incentive, 100 weights, all transactions",
    "sparse 1,000 weights, 15 words: agree",
    "sparse 1,000 weights, 15 words: disagree",
    "refund, 15 words, 1,000 weights",
    "predict dense 512, execution only",
)
TOLERANCE = 100  # gas: zero bytes in the addresses of a fresh chain's contracts make calldata a little cheaper


def markdown(rows, gas_price: float | None = None, ether_price: float | None = None) -> str:
    """A Markdown table of measured rows.

    Parameters
    ----------
    gas_price : float, optional
        In gwei: adds a column with the cost in ether.
    ether_price : float, optional
        In dollars: adds a column with the cost in dollars.
    """
    from comodels.bench.gas import original_gas
    from comodels.bench.markdown import table

    head = ["action", "gas", "aim", "floor", "original, optimized", "original, as shipped", "ratio"]
    if gas_price is not None:
        head.append("ether")
        if ether_price is not None:
            head.append("dollars")
    lines = []
    for row in rows:
        optimized, shipped = original_gas(row, "optimized"), original_gas(row, "as_shipped")
        line = [row.action] + [
            "" if n is None else f"{n:,}" for n in (row.gas, row.ceiling, row.floor, optimized, shipped)
        ]
        line.append("" if optimized is None else f"{optimized / row.gas:.1f} ×")
        if gas_price is not None:
            ether = row.gas * gas_price / 1e9
            line.append(f"{ether:.6f}")
            if ether_price is not None:
                line.append(f"{ether * ether_price:.2f}")
        lines.append(line)
    return table(head, lines)


def telling(rows) -> list:
    """The rows that the README shows."""
    return [row for row in rows if row.action in TELLING]


def read_snapshot() -> list:
    """The committed rows."""
    from comodels.bench.gas import Row

    return [Row(**row) for row in json.loads(SNAPSHOT.read_text())] if SNAPSHOT.is_file() else []


def risen(rows, snapshot) -> list[str]:
    """What costs more than in the snapshot."""
    before = {row.action: row.gas for row in snapshot}
    return [
        f"{row.action}: {row.gas:,} gas, {before[row.action]:,} in gas.json"
        for row in rows
        if row.gas > before.get(row.action, row.gas) + TOLERANCE
    ]


@click.command(cls=ScriptCommand)
@click.option("--gas-price", type=float, help="In gwei: shows the cost in ether too.")
@click.option("--ether-price", type=float, help="In dollars: shows the cost in dollars too.")
@click.option("--write/--no-write", default=False, help="Write gas.json and the tables.", show_default=True)
def cli(gas_price, ether_price, write):
    """Measure the gas of every action on a local chain and print it as a Markdown table.

    A figure that has risen needs its reason in the commit that writes it.
    """
    from ape import chain
    from rich.console import Console

    from comodels.bench.gas import Bench, measure
    from comodels.bench.markdown import replace_generated
    from comodels.chain.local import Chain

    if ether_price is not None and gas_price is None:
        raise click.ClickException("Dollars need a gas price too: --gas-price GWEI.")
    node = Chain(chain.provider.uri)
    with Console(stderr=True).status("measuring") as status:
        rows = measure(Bench(node, node.accounts[-5:]), status.update)
    click.echo(markdown(rows, gas_price, ether_price))
    for line in risen(rows, read_snapshot()):
        click.echo(f"risen: {line}", err=True)
    if write:
        SNAPSHOT.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
        replace_generated(PAGE, "gas", markdown(rows))
        replace_generated(README, "gas", markdown(telling(rows)))
