"""The terms of the incentives as options of a command; what they are, the incentives themselves say."""

from dataclasses import replace
from typing import Any

import click

from comodels import claims
from comodels.cli import ETHER, TIME, ScriptCommand, parse_duration, parse_ether, parsed
from comodels.incentives.prediction_market import PLANNED
from comodels.incentives.terms import Term

SLIDES = "slides"
METAVARS = {"wei": ETHER, "hourly": ETHER, "seconds": TIME, "points": "POINTS"}  # by unit


class TermOption(click.Option):
    """An option for one of the terms; the help lists those of an incentive together."""

    def __init__(self, *declarations, incentives: tuple[str, ...], **settings):
        super().__init__(*declarations, **settings)
        self.incentives = incentives


class TermsCommand(ScriptCommand):
    """Shows the terms of each incentive in a section of its own."""

    def format_options(self, ctx, formatter):
        sections: dict[str, list] = {}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record:
                incentives = getattr(option, "incentives", ())
                title = f"Terms of {' and '.join(incentives)}" if incentives else "Options"
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def option_of(term: Term, incentives: tuple[str, ...]) -> TermOption:
    """The option for a term, named after it; the weight of the deposit is told as the deposit after an hour."""
    name = "--" + term.name.replace("_", "-")
    text = f"{term.help} [default: {term.show(term.default)}]"
    settings: dict[str, Any] = {"incentives": incentives, "help": text, "default": None}
    if term.unit == "choice":
        return TermOption([f"{name}/--no-{name[2:]}"], **settings)
    settings["metavar"] = METAVARS.get(term.unit, "NUMBER")
    if term.unit not in METAVARS or term.unit == "points":
        return TermOption([name], type=click.IntRange(0, term.most), **settings)
    names = ["--deposit", term.name] if term.unit == "hourly" else [name]
    return TermOption(names, callback=lambda ctx, param, value: parsed(term.parse, value), **settings)


def terms_options(function):
    """The options for the terms of all incentives; terms of the same name share one."""
    by_name: dict[str, list[tuple[str, Term]]] = {}
    for incentive, adapter in claims.INCENTIVES.items():
        for term in adapter().terms.describe():
            by_name.setdefault(term.name, []).append((incentive, term))
    options = [option_of(found[0][1], tuple(name for name, _ in found)) for found in by_name.values()]
    text = "The rule of the slides: the rest is taken by the owner, and later by anyone."
    options.append(TermOption(["--slides"], is_flag=True, help=text, incentives=("self-assessment",)))
    for option in reversed(options):
        function.__click_params__ = [*getattr(function, "__click_params__", []), option]
    return function


def adapter_with_terms(incentive: str, options: dict):
    """The adapter of an incentive with the terms that the options ask for."""
    adapter = claims.incentive_of(incentive)
    asked = {term: value for term, value in options.items() if value is not None}
    base = adapter.terms
    if asked.pop(SLIDES, False):
        if adapter.contract != claims.SelfAssessment.contract:
            raise click.ClickException(f"{incentive} has no --{SLIDES}: leave it out.")
        base = base.slides()
    known = {term.name for term in base.describe()}
    strange = [term for term in asked if term not in known]
    if strange:
        raise click.ClickException(f"{incentive} has no --{strange[0].replace('_', '-')}: leave it out.")
    return replace(adapter, terms=base.of(asked, base))


NAMES = {  # of options that are not called as the field of the plan
    "drawn": "--draw",
    "min_contributions": "--least",
    "max_contributions": "--most",
    "participation_time": "--time",
}


def plan_options(function):
    """The options of the plan of a prediction market, and of its test set."""
    for term in reversed(PLANNED):
        settings: dict[str, Any] = {"default": term.show(term.default), "metavar": METAVARS.get(term.unit)}
        if term.unit == "number":
            settings = {"default": term.default, "type": click.IntRange(2 if term.name == "portions" else 1, term.most)}
        else:
            settings["callback"] = parse_ether if term.unit == "wei" else parse_duration
        name = NAMES.get(term.name, "--" + term.name.replace("_", "-"))
        function = click.option(name, term.name, show_default=True, help=term.help, **settings)(function)
    text = "The test set: a table, folder or archive, or a set, as for `ape run deploy`."
    return click.option("--data", help=text)(function)
