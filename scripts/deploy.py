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


def wait(name: str, text: str):
    """An option for a duration among the terms."""
    return click.option(name, callback=_common.parse_duration, help=text)


def weight(name: str, text: str, most: int = 2**16 - 1):
    """An option for a number of points among the terms."""
    return click.option(name, type=click.IntRange(0, most), help=text)


def money(name: str, text: str):
    """An option for an amount of ether among the terms."""
    return click.option(name, callback=_common.parse_ether, help=text)


TRAINING = ("features", "hashed", "family", "room", "epochs", "rate", "bias_rate", "margin")

# The terms of the incentives: each option but --deposit is named after an attribute of their adapters.
TERMS = [
    # self-assessment
    money("--deposit", "Deposit in ether an hour after the last one. [default: 0.001]"),
    wait("--refund-wait", "Until refunds and reports; with points, until validation. [default: 1d]"),
    wait("--owner-wait", "Until the owner takes the rest. [default: 7d]"),
    wait("--anyone-wait", "Until anyone takes the rest. [default: 9d]"),
    wait("--dispute-wait", "Between announcing and paying a report; 0 for none. [default: 1d]"),
    click.option("--without-own-effect", is_flag=True, default=None, help="Judge samples without their own effect."),
    # points
    wait("--report-wait", "Points: until reports. [default: 2d]"),
    wait("--streak-window", "Points: a contribution so soon after the last one is a streak. [default: 1d]"),
    weight("--validated-points", "Points for a contribution that the model agrees with. [default: 10]"),
    weight("--report-points", "Points for a report. [default: 5]"),
    weight("--new-label-points", "Extra points for a label's first contribution by an account. [default: 20]"),
    weight("--rare-label-points", "Extra points for a rare label. [default: 10]"),
    weight("--streak-points", "Extra points for a streak. [default: 3]"),
    weight("--rarity-factor", "A label is rare if it is so many times below the average. [default: 2]", 255),
    # prediction market
    money("--min-bounty", "Market: the least bounty in ether. [default: 0.01]"),
    money("--min-bond", "Market: the least bond in ether. [default: 0.01]"),
    wait("--max-length", "Market: the longest that one may last. [default: 90d]"),
    click.option("--owner-only", is_flag=True, default=None, help="Market: only the model's owner may start one."),
]


def terms_options(function):
    """The options for the terms of the incentives."""
    for option in reversed(TERMS):
        function = option(function)
    return function


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
@click.option("--room", type=click.IntRange(2, 255), help="For so many classes at most; `ape run add_class` adds some.")
@click.option("--epochs", type=click.IntRange(0, 1_000), default=_models.DEFAULTS.epochs, show_default=True)
@click.option("--rate", type=click.IntRange(1, 2**16 - 1), help="Learning rate in units of weights.")
@click.option("--bias-rate", type=click.IntRange(0, 2**16 - 1), help="By how much the bias moves.")
@click.option(
    "--margin", type=click.IntRange(0, 2**32 - 1), help="Learn right answers too, if the score is closer to 0."
)
@click.option(
    "--incentive", type=click.Choice(list(_incentives.INCENTIVES)), default="self-assessment", show_default=True
)
@terms_options
@click.option("--registry", help="Publish in this registry instead of your own.")
@_common.deployments_option
def cli(provider, account, data, file, name, description, classes, incentive, registry, deployments, **options):
    """Publish a model: train it from a data file, or take a saved one; with its incentive, in a registry.

    Run it again after a failure, with the same --name: it goes on where it was.
    """
    account = _common.choose_account(account)
    training = {
        k: options.pop(k) for k in ("features", "hashed", "family", "room", "epochs", "rate", "bias_rate", "margin")
    }
    saved = choose_model(provider, data, file, name, description, classes, deployments, training)
    adapter = adapter_with_terms(incentive, options)
    key = name or saved.name
    noted = publish(provider, account, saved, Options(adapter, deployments, registry, key))
    click.echo(f"\n{saved.name!r} is published.")
    for what in ("address", "trainer", "registry"):
        label = {"address": "model", "trainer": noted["incentive"], "registry": "registry"}[what]
        click.echo(f"  {label:<16} {noted[what]}")
    click.echo(f"  {'deployments':<16} {Journal.open(provider, deployments).path}")


def choose_model(provider, data, file, name, description, classes, deployments, training) -> _models.SavedModel:
    """The model that the options ask for: one that was begun, a saved one, or one that is trained now."""
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
    terms = {term: value for term, value in options.items() if value is not None}
    if "deposit" in terms and hasattr(adapter, "cost_weight"):
        terms["cost_weight"] = terms.pop("deposit") // 60
    strange = [term for term in terms if not hasattr(adapter, term)]
    if strange:
        raise click.ClickException(f"{incentive} has no --{strange[0].replace('_', '-')}: leave it out.")
    adapter = replace(adapter, **terms)
    adapter.check()
    return adapter
