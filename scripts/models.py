"""What is published: `ape run models`."""

import click

from scripts import _common
from scripts._deployed import at, encoded_rows
from scripts._journal import Journal

ZERO = "0x0000000000000000000000000000000000000000"


@click.command(cls=_common.ScriptCommand, short_help="List published models")
@click.option("--registry", help="Address; by default the one in the deployments file.")
@click.option(
    "--count", type=click.IntRange(1), default=20, show_default=True, help="Models to list, the newest first."
)
@click.option("--before", help="Begin behind this model: the last one of the page before.")
@click.option("--data", help="Measure each model's accuracy on this file, where its encoder is known.")
@_common.deployments_option
def cli(provider, registry, count, before, data, deployments):
    """List what the registry has, the newest first."""
    from ape import project

    if registry is None:
        noted = Journal.open(provider, deployments).contracts.get("Registry")
        if noted is None:
            raise click.ClickException("No registry in the deployments file: name one with --registry ADDRESS.")
        registry = noted["address"]
    if not len(provider.get_code(registry)):
        raise click.ClickException(f"There is no contract at {registry} on this network: check --registry.")
    contract = project.Registry.at(registry)
    entries = read(contract, count, before)
    show(entries, contract.count(), lambda address: measure(address, data, deployments) if data else None)


def read(registry, count: int, before: str | None = None, page: int = 10) -> list:
    """Entries from the newest to older ones, in pages."""
    found = []
    newest = before or ZERO
    while len(found) < count:
        skip = newest != ZERO  # a page begins with the last one of the page before
        entries = registry.entries(newest, min(page, count - len(found) + skip))
        fresh = entries[1:] if skip else entries
        if not fresh:
            break
        found += fresh
        newest = fresh[-1].model
    return found


def measure(address: str, data: str, deployments) -> str:
    """Accuracy on a data file, or why there is none."""
    from encoders import EncoderError

    try:
        model = at(address, deployments)
        return f"{model.accuracy(encoded_rows(model, data)):.1%}"
    except (click.ClickException, EncoderError) as error:
        return str(error.format_message() if isinstance(error, click.ClickException) else error).splitlines()[0]


def show(entries: list, total: int, accuracy) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "address, incentive, owner", "block", show_lines=True)
    table.columns[1].no_wrap = True
    measured = [accuracy(entry.model) for entry in entries]
    if any(measured):
        table.add_column("accuracy")
    for entry, value in zip(entries, measured, strict=True):
        kind = f"{entry.kind} {entry.version}" if entry.version else f"{entry.kind or '?'} (not listed)"
        texts = [entry.name or "(does not answer)", kind, entry.description, entry.encoder_spec]
        row = [
            "\n".join(text for text in texts if text),
            f"{entry.model}\n{entry.trainer}\n{entry.owner}",
            str(entry.block),
        ]
        table.add_row(*row, *([value] if any(measured) else []))
    console = Console()
    console.print(table)
    if len(entries) < total:
        last = f"; older ones: --before {entries[-1].model}" if entries else ""
        console.print(f"{len(entries)} of {total}{last}")
