"""Ask a model, free: `ape run predict imdb "great movie"`."""

import click

from comodels.cli import ScriptCommand, deployments_option, encoder_option, node_of, tell_next
from comodels.published import encoded_rows, find


@click.command(
    cls=ScriptCommand,
    short_help="Ask a model for the class of samples",
    context_settings={"ignore_unknown_options": True},  # a row of numbers may begin with a minus
)
@click.argument("model")
@click.argument("samples", nargs=-1)
@click.option("--data", help="Measure the model's accuracy on this file instead.")
@encoder_option
@deployments_option
def cli(provider, model, samples, data, encoder, deployments):
    """Print the class that MODEL (a name or an address) gives each of the SAMPLES.

    A sample is a text, numbers ("1.5, 2, 0.25") or the file of a picture, as the model's encoder takes it.
    """
    deployed = find(node_of(provider), model, deployments, encoder)
    tell_next(deployed)
    if bool(samples) == bool(data):
        raise click.ClickException('Give samples, as in `ape run predict imdb "great movie"`, or --data FILE.')
    if data:
        rows = encoded_rows(deployed, data)
        click.echo(f"{deployed.name}: {deployed.accuracy(rows):.2%} of {len(rows):,} samples in {data} are right.")
    for sample in samples:
        scores = ", ".join(f"{name} {score:,}" for name, score in deployed.scores(sample).items())
        click.echo(f"{deployed.predict(sample)}\t{sample}\t({scores})")
