"""What is published: `ape run models`."""

import json

import click

from comodels.cli import ScriptCommand, deployments_option, node_of
from comodels.errors import ComodelsError
from comodels.journal import Journal
from comodels.published import at, encoded_rows, next_of
from comodels.registry import entries, index, registry_at


@click.command(cls=ScriptCommand, short_help="List published models")
@click.option("--registry", help="Address; by default the one in the deployments file.")
@click.option(
    "--count", type=click.IntRange(1), default=20, show_default=True, help="Models to list, the newest first."
)
@click.option("--before", help="Begin behind this model: the last one of the page before.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, with classes and terms.")
@click.option("--data", help="Measure each model's accuracy on this file, where its encoder is known.")
@deployments_option
def cli(provider, registry, count, before, as_json, data, deployments):
    """List what the registry has, the newest first."""
    node = node_of(provider)
    if registry is None:
        noted = Journal.open(node, deployments).contracts.get("Registry")
        if noted is None:
            raise click.ClickException("No registry in the deployments file: name one with --registry ADDRESS.")
        registry = noted["address"]
    contract = registry_at(node, registry)
    listed = entries(contract, count, before)
    measured = {entry.model: measure(node, entry.model, data, deployments) if data else "" for entry in listed}
    if as_json:
        known = {address: value for address, value in measured.items() if isinstance(value, float)}
        click.echo(json.dumps(index(contract, listed, known.get), indent=1, ensure_ascii=False))
    else:
        successors = {entry.model: next_of(contract, entry.model) for entry in listed}
        show(listed, contract.call("count"), measured, successors)


def measure(node, address: str, data: str, deployments) -> float | str:
    """Accuracy on a data file, or why there is none."""
    from encoders import EncoderError

    try:
        model = at(node, address, deployments)
        model.fetches = False  # nobody is sent to the addresses of all who publish
        return model.accuracy(encoded_rows(model, data, lambda line: click.echo(line, err=True)))
    except (ComodelsError, EncoderError) as error:
        return str(error).splitlines()[0]


def show(listed: list, total: int, measured: dict[str, float | str], successors: dict[str, str | None]) -> None:
    """Print a table, with each model's accuracy by its address, or why there is none, and what goes on after it."""
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "address, incentive, owner", "block", show_lines=True)
    table.columns[1].no_wrap = True
    if any(measured.values()):
        table.add_column("accuracy")
    for entry in listed:
        value = measured[entry.model]
        kind = f"{entry.kind} {entry.version}" if entry.version else f"{entry.kind or '?'} (not listed)"
        after = successors[entry.model]
        goes_on = f"ended: its owner says that {after} goes on" if after else ""
        texts = [entry.name or "(does not answer)", goes_on, kind, entry.description, entry.encoder_spec]
        row = [
            "\n".join(text for text in texts if text),
            f"{entry.model}\n{entry.trainer}\n{entry.owner}",
            str(entry.block),
        ]
        shown = f"{value:.1%}" if isinstance(value, float) else value
        table.add_row(*row, *([shown] if any(measured.values()) else []))
    console = Console()
    console.print(table)
    if len(listed) < total:
        last = f"; older ones: --before {listed[-1].model}" if listed else ""
        console.print(f"{len(listed)} of {total}{last}")
