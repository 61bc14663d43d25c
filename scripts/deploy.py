"""Publish a model: `ape run deploy --data reviews.tsv --name imdb`.

Safe to run again after a failure at any transaction: it goes on where it was, and deploys nothing twice. What decides
an address is written to deployments/<network>.json before the transaction is sent.
"""

from dataclasses import replace
from pathlib import Path

import click

from scripts import _common, _incentives, _models
from scripts._journal import Journal
from scripts._publish import Options, publish, train_from_data

INCENTIVE_OPTIONS = ("cost_weight", "refund_wait", "owner_wait", "anyone_wait", "dispute_wait", "without_own_effect")


@click.command(cls=_common.ScriptCommand, short_help="Publish a model and its incentive")
@_common.account_choice
@click.option(
    "--data", help="Train on this file (TSV with label and text, IMDB's CSV) or set (breast_cancer, wine ...)."
)
@click.option(
    "--model", "file", type=click.Path(dir_okay=False, path_type=Path), help="Publish this saved model instead."
)
@click.option("--name", help="What the model is called, here and on chain.")
@click.option("--description", default="", help="For people who browse the registry.")
@click.option("--classes", help="Names of the classes in order, separated by commas; also the labels in the data file.")
@click.option(
    "--features", type=click.IntRange(1, 65_532), default=1_000, show_default=True, help="Size of a vocabulary."
)
@click.option(
    "--hashed", is_flag=True, help="Hash words instead of keeping a vocabulary; --features is a power of two."
)
@click.option(
    "--family", type=click.Choice(_models.FAMILIES), default=_models.FAMILIES[0], show_default=True, help="Of models."
)
@click.option("--epochs", type=click.IntRange(0, 1_000), default=_models.DEFAULTS.epochs, show_default=True)
@click.option("--rate", type=click.IntRange(1, 2**16 - 1), help="Learning rate in units of weights.")
@click.option("--bias-rate", type=click.IntRange(0, 2**16 - 1), help="By how much the bias moves.")
@click.option(
    "--margin", type=click.IntRange(0, 2**32 - 1), help="Learn right answers too, if the score is closer to 0."
)
@click.option(
    "--incentive", type=click.Choice(list(_incentives.INCENTIVES)), default="self-assessment", show_default=True
)
@click.option(
    "--deposit", callback=_common.parse_ether, help="Deposit in ether an hour after the last one. [default: 0.001]"
)
@click.option("--refund-wait", callback=_common.parse_duration, help="Until refunds and reports. [default: 1d]")
@click.option("--owner-wait", callback=_common.parse_duration, help="Until the owner takes the rest. [default: 7d]")
@click.option("--anyone-wait", callback=_common.parse_duration, help="Until anyone takes the rest. [default: 9d]")
@click.option(
    "--dispute-wait", callback=_common.parse_duration, help="Between announcing and paying a report. [default: 0]"
)
@click.option("--without-own-effect", is_flag=True, default=None, help="Judge samples without their own effect.")
@click.option("--registry", help="Publish in this registry instead of your own.")
@_common.deployments_option
def cli(provider, account, data, file, name, description, classes, incentive, registry, deployments, **options):
    """Publish a model: train it from a data file, or take a saved one; with its incentive, in a registry.

    Run it again after a failure, with the same --name: it goes on where it was.
    """
    account = _common.choose_account(account)
    saved = choose_model(provider, data, file, name, description, classes, deployments, options)
    adapter = adapter_with_terms(incentive, options)
    key = name or saved.name
    noted = publish(provider, account, saved, Options(adapter, deployments, registry, key))
    click.echo(f"\n{saved.name!r} is published.")
    for what in ("address", "trainer", "registry"):
        label = {"address": "model", "trainer": noted["incentive"], "registry": "registry"}[what]
        click.echo(f"  {label:<16} {noted[what]}")
    click.echo(f"  {'deployments':<16} {Journal.open(provider, deployments).path}")


def choose_model(provider, data, file, name, description, classes, deployments, options) -> _models.SavedModel:
    """The model that the options ask for: one that was begun, a saved one, or one that is trained now."""
    training = {k: options[k] for k in ("features", "hashed", "family", "epochs", "rate", "bias_rate", "margin")}
    noted = Journal.open(provider, deployments).models.get(name)
    if noted is not None:
        click.echo(f"{name!r} was begun before: going on with it.")
        return _models.SavedModel.load(deployments / noted["file"])
    if (data is None) == (file is None):
        raise click.ClickException(
            "Say what to publish: --data FILE to train a model, or --model FILE for a saved one."
        )
    if file is not None:
        saved = _models.SavedModel.load(file)
        return replace(saved, name=name or saved.name, description=description or saved.description)
    if not name:
        raise click.ClickException("Give the model a name: --name NAME")
    names = tuple(part.strip() for part in classes.split(",")) if classes else None
    return train_from_data(data, name, description, names, **training)


def adapter_with_terms(incentive: str, options: dict):
    """The adapter of an incentive with the terms that the options ask for."""
    adapter = _incentives.incentive_of(incentive)
    terms = {k: options[k] for k in INCENTIVE_OPTIONS if options.get(k) is not None}
    if options.get("deposit") is not None:
        terms["cost_weight"] = options["deposit"] // 60
    strange = [term for term in terms if not hasattr(adapter, term)]
    if strange:
        raise click.ClickException(f"{incentive} has no --{strange[0].replace('_', '-')}: leave it out.")
    adapter = replace(adapter, **terms)
    adapter.check()
    return adapter
