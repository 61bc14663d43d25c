"""Who has earned which points and badges on a model, recomputed from events alone: `ape run leaderboard`."""

from pathlib import Path

import click

from comodels.cli import ScriptCommand, deployments_option, node_of


@click.command(cls=ScriptCommand, short_help="Rank contributors by points, recomputed from events")
@click.argument("model")
@click.option("--csv", "csv_path", type=click.Path(dir_okay=False, path_type=Path), help="Also write this CSV file.")
@deployments_option
def cli(provider, model: str, csv_path: Path | None, deployments: Path):
    """Rank who contributed to MODEL, the name or address of a model whose incentive is Points.

    Points and badges are recomputed from events alone and compared with the contract: any difference is an error.
    """
    from comodels.leaderboard import leaderboard, present, to_csv
    from comodels.models import twin_of
    from comodels.published import find
    from encoders.files import write_atomically

    found = find(node_of(provider), model, deployments)
    if found.incentive_kind != "Points":
        raise click.ClickException(f"{found.name} has no leaderboard: its incentive is not Points.")
    board = leaderboard(found.paying, found.address, twin_of(found.kind).SPARSE, found.history)
    if csv_path is not None:
        csv_path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(csv_path, to_csv(board, found.class_names))
    present(board, found.class_names, found.name)
    if csv_path is not None:
        click.echo(f"Written: {csv_path}")
