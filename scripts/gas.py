"""What each action costs, from receipts, beside the original's figures."""

import json

import click

from scripts._common import ROOT, ScriptCommand

SNAPSHOT = ROOT / "gas.json"


def markdown(rows, gas_price: float | None = None, ether_price: float | None = None) -> str:
    """A Markdown table of measured rows.

    Parameters
    ----------
    gas_price : float, optional
        In gwei: adds a column with the cost in ether.
    ether_price : float, optional
        In dollars: adds a column with the cost in dollars.
    """
    from scripts._gas import original_figures

    head = ["action", "gas", "ceiling", "floor", "original, optimized", "as shipped", "ratio"]
    if gas_price is not None:
        head.append("ether")
        if ether_price is not None:
            head.append("dollars")
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for row in rows:
        optimized, shipped = (original_figures(row, setting) for setting in ("optimized", "as_shipped"))
        numbers = [row.gas, row.ceiling, row.floor, optimized, shipped]
        cells = [row.action] + ["" if n is None else f"{n:,.0f}" for n in numbers]
        cells.append("" if optimized is None else f"{optimized / row.gas:.1f} ×")
        if gas_price is not None:
            ether = row.gas * gas_price / 1e9
            cells.append(f"{ether:.6f}")
            if ether_price is not None:
                cells.append(f"{ether * ether_price:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def risen(rows, snapshot: dict[str, int]) -> list[str]:
    """What costs more than in the snapshot."""
    return [
        f"{row.action}: {round(row.gas):,} gas, {snapshot[row.action]:,} in the snapshot"
        for row in rows
        if row.action in snapshot and round(row.gas) > snapshot[row.action]
    ]


@click.command(cls=ScriptCommand)
@click.option("--gas-price", type=float, help="In gwei: shows the cost in ether too.")
@click.option("--ether-price", type=float, help="In dollars: shows the cost in dollars too.")
@click.option(
    "--write/--no-write", default=True, help="Write gas.json; a figure that has risen needs its reason in the commit."
)
def cli(gas_price, ether_price, write):
    """Measure the gas of every action on a local chain and print it as a Markdown table."""
    from ape import chain, project
    from rich.console import Console

    from scripts._gas import Bench, measure
    from simulation.chain import Chain

    if ether_price is not None and gas_price is None:
        raise click.ClickException("Dollars need a gas price too: --gas-price GWEI.")
    node = Chain(chain.provider.uri)
    with Console(stderr=True).status("measuring") as status:
        rows = measure(Bench(node, project, node.accounts[-5:]), status.update)
    click.echo(markdown(rows, gas_price, ether_price))
    snapshot = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.is_file() else {}
    for line in risen(rows, snapshot):
        click.echo(f"risen: {line}", err=True)
    if write:
        SNAPSHOT.write_text(json.dumps({row.action: round(row.gas) for row in rows}, indent=1) + "\n")
