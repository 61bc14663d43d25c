"""Publish a model: `ape run deploy --data reviews.tsv --name imdb`.

Safe to run again after a failure at any transaction: it goes on where it was, and deploys nothing twice. What decides
an address is written to deployments/<network>.json before the transaction is sent.
"""

from dataclasses import replace
from pathlib import Path

import click

from comodels import claims
from comodels.cli import account_choice, choose_account, deployments_option, node_of, parse_names, refuse_passing_chain
from comodels.journal import Journal
from comodels.models import FAMILY, families
from comodels.places import awaited, checked, cost_lines
from comodels.publish import Options, planned, publish
from comodels.saved import DEFAULTS
from comodels.term_options import TermsCommand, adapter_with_terms, terms_options
from comodels.training import plan
from comodels.trial import is_stored, try_publication
from encoders.files import write_bytes_atomically


def count(name: str, text: str, least: int, most: int, default: int | None = None):
    """An option for a whole number."""
    return click.option(
        name, type=click.IntRange(least, most), default=default, show_default=default is not None, help=text
    )


TRAINING = (
    *("features", "hashed", "telling", "family", "room", "epochs", "rate", "bias_rate", "margin", "fall"),
    *("label_column", "text_column", "vocabulary", "epsilon"),
)


@click.command(cls=TermsCommand, short_help="Publish a model and its incentive")
@account_choice
@click.option("--data", help="Train on this table, folder or archive, or on a set: breast_cancer, digits, wine.")
@click.option("--label-column", help="The data's column of labels, where its name does not tell.")
@click.option("--text-column", help="The data's column of texts, where its name does not tell.")
@click.option(
    "--model",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Publish this saved model instead; or a pipeline of scikit-learn (.skops), with --data to compare it on; or a "
    "model file of the original prototype.",
)
@click.option(
    "--vocabulary",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The words of a model file of the original prototype: a JSON object of words with their features.",
)
@click.option("--name", help="What the model is called, here and on chain: at most 255 bytes.")
@click.option("--description", default="", help="For people who browse the registry: at most 255 bytes.")
@click.option(
    "--classes", help="All classes in order, with commas: the data's labels, or names for the indices 0, 1 ..."
)
@count("--features", "Size of a vocabulary.", 1, 65_532, DEFAULTS.features)
@click.option("--hashed", is_flag=True, help="Hash words, without a vocabulary; --features is a power of two.")
@click.option("--telling", is_flag=True, help="Take the words that tell the classes apart best, not the most frequent.")
@click.option("--family", type=click.Choice(families()), default=FAMILY, show_default=True, help="How it learns.")
@click.option(
    "--epsilon",
    type=click.FloatRange(0.01, 50),
    help="Contributions are made private before they are sent, at this cost each; for --family nearest-centroid.",
)
@count("--room", "For so many classes at most; `ape run add_class` adds some. [default: those of the data]", 2, 255)
@count("--epochs", "Passes over the data.", 0, 1_000, DEFAULTS.epochs)
@count("--rate", "Learning rate of a perceptron. [default: 1]", 1, 2**16 - 1)
@count("--bias-rate", "How far the bias moves. [default: 1 for words, 2 with levels, a unit for numbers]", 0, 2**16 - 1)
@count(
    "--margin",
    "Learn what is closer. [default: 20 for words, 240 by levels, 3 updates for numbers; naive Bayes: 0, learns all]",
    0,
    2**32 - 1,
)
@count("--fall", "For numbers: the rates begin at 2^fall times these. [default: 3 if untrained, else 0]", 0, 5)
@click.option(
    "--incentive",
    type=click.Choice(list(claims.INCENTIVES)),
    default="self-assessment",
    show_default=True,
    help="Who may train it, and what they pay and get; its terms are below.",
)
@terms_options
@click.option(
    "--encoder-at",
    "places",
    multiple=True,
    metavar="PLACE",
    help="Say on chain where others find the encoder's file: `chain` (stored there now), https://, ipfs:// or ar://.",
)
@click.option(
    "--encoder-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the encoder's file here, to put it where --encoder-at says.",
)
@click.option("--registry", help="Publish in this registry instead of your own.")
@click.option("--dry-run", is_flag=True, help="Only say what would be published, and what it would take.")
@deployments_option
def cli(
    provider,
    account,
    data,
    file,
    name,
    description,
    classes,
    incentive,
    places,
    encoder_file,
    registry,
    dry_run,
    deployments,
    **options,
):
    """Publish a model: train it from a data file, or take a saved one; with its incentive, in a registry.

    Run it again after a failure, with the same --name: it goes on where it was.
    """
    if not dry_run:
        refuse_passing_chain(provider)
    account, node = choose_account(account), node_of(provider)
    training = {k: options.pop(k) for k in TRAINING} | {"class_names": parse_names(classes)}
    adapter = adapter_with_terms(incentive, options)
    training |= {"incentive": adapter.contract, "dry_run": dry_run}
    saved, summary, said = plan(node, deployments, name, data, file, description, **training)
    for line in (*([said] if said else ()), *(summary.lines() if summary else ())):
        click.echo(line)
    if places:
        saved = replace(saved, places=checked(places, saved.encoder))
    if encoder_file is not None:
        write_bytes_atomically(encoder_file, saved.encoder.content)
    stored = cost_lines(node, account.address, saved.encoder) if is_stored(saved) else []
    for line in [*stored, *awaited(saved.places, saved.encoder_spec)]:
        click.echo(line)
    chosen = Options(adapter, deployments, registry, name or saved.name)
    if dry_run:
        try_publication(node, account.address, saved, planned(node, account.address, saved, chosen)[1], click.echo)
        return
    noted = publish(node, account, saved, chosen, click.echo)
    click.echo(f"\n{saved.name!r} is published.")
    for what in ("address", "trainer", "registry"):
        label = {"address": "model", "trainer": noted["incentive"], "registry": "registry"}[what]
        click.echo(f"  {label:<16} {noted[what]}")
    click.echo(f"  {'deployments':<16} {Journal.open(node, deployments).path}")
