"""The story of the slides on real data, on a local chain: `ape run demo`."""

import textwrap
import time
from pathlib import Path

import click

from comodels.cli import OUT, ROOT, ScriptCommand, node_of

README = ROOT / "README.md"


@click.command(cls=ScriptCommand, short_help="Play the whole story on real data")
@click.option("--data", default="digits", show_default=True, help="A set, table, folder or archive of data.")
@click.option(
    "--incentive",
    type=click.Choice(["self-assessment", "points"]),
    default="self-assessment",
    show_default=True,
    help="By which rule people are paid.",
)
@click.option("--samples", type=click.IntRange(20), default=1_500, show_default=True, help="Use so many at most.")
@click.option("--features", type=click.IntRange(1, 65_532), default=1_000, show_default=True, help="Words to know.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random numbers.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="The plot's file; by default in out/.")
@click.option("--write/--no-write", default=False, show_default=True, help="Write the README's picture and sentence.")
def cli(provider, data, incentive, samples, features, seed, picture, write):
    """Play the story of the slides on a local chain, which is started and stopped for it."""
    from tqdm import tqdm

    from comodels import claims, demo, leaderboard
    from comodels.bench.markdown import replace_generated
    from comodels.chain.local import Chain

    node = node_of(provider)
    if not node.is_local:
        raise click.ClickException("The demo sets the clock, so it needs a local chain: leave --network out.")
    begin = time.monotonic()
    parts = demo.prepare(data, samples, features, seed)
    click.echo(
        f"{parts.source}: {parts.note}. The owner has {len(parts.first):,}, the contributors {len(parts.rest):,}, "
        f"and {len(parts.test):,} are held out."
    )
    if "drawn" in parts.note:
        click.echo("That keeps the demo short; --samples N uses more.")
    adapter = claims.incentive_of(incentive)
    stage, gas = demo.set_stage(Chain(node.url), parts, adapter)
    with tqdm(total=len(parts.rest), desc="Contributing", unit="sample") as bar:
        story = demo.play(stage, parts, seed, bar.update)
    story.gas = {"publish model and incentive": [gas]} | dict(story.gas)
    if write:
        picture = ROOT / "docs" / "demo.png"
        replace_generated(README, "demo", textwrap.fill(demo.sentence(story), 120))
    path = demo.plot(story, picture or OUT / f"demo-{parts.source}.png")
    demo.show(story, path, time.monotonic() - begin)
    if adapter.contract == "Points":
        board = leaderboard.leaderboard(stage.incentive, stage.model.address, parts.saved.encoder.unit is None)
        leaderboard.present(board, parts.saved.class_names)
