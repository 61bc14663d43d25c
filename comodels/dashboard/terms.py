"""The terms of each incentive as fields of a form; what they are, the incentives themselves say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from comodels import claims
from comodels.dashboard.library import told
from comodels.dashboard.say import has, say
from comodels.dashboard.store import InputError
from comodels.errors import ComodelsError
from comodels.incentives.terms import Term

ADAPTERS = claims.CONTRACTS

HINTED = ("wei", "hourly", "seconds")  # units whose values a person is told how to write


def label(term: Term) -> str:
    """What a form calls a term, in the language that is spoken if the page has it, else as its incentive does."""
    return name_of(term) + (say(f"unit.hint_{term.unit}") if term.unit in HINTED else "")


def name_of(term: Term) -> str:
    """The same without how its values are written."""
    key = f"term.{term.name}"
    return say(key) if has(key) else term.label


def field_name(incentive: str, term: Term) -> str:
    """What a term is called in the form."""
    return f"{incentive}.{term.name}"


def shown(incentive: str, form: Mapping[str, Any]) -> list[tuple[str, Term, str, str]]:
    """The fields of an incentive: name, term, label, and what it shows; as filled in, or the usual terms."""
    filled = form.get("incentive") == incentive
    lines = []
    for term in ADAPTERS[incentive]().terms.describe():
        name = field_name(incentive, term)
        if term.unit == "choice":
            text = form.get(name, "") if filled else "1" * term.default
        else:
            text = form.get(name) or term.show(term.default)
        lines.append((name, term, label(term), text))
    return lines


def read(incentive: str, form: Mapping[str, Any]) -> Any:
    """The adapter with the terms of a form. Raises `InputError`."""
    adapter = ADAPTERS[incentive]()
    terms = adapter.terms.describe()
    # a box that is not ticked is not in a form that was filled in
    filled = any(field_name(incentive, term) in form for term in terms)
    values = {}
    for term in terms:
        text = str(form.get(field_name(incentive, term), ""))
        if term.unit == "choice" and not filled:
            continue
        if term.unit != "choice" and (not text.strip() or text == term.show(term.default)):
            continue  # as usual, to the last wei
        try:
            values[term.name] = bool(text) if term.unit == "choice" else term.parse(text)
        except ValueError as error:
            raise InputError(f"{label(term)}: {told(error)}.") from error
    try:
        return replace(adapter, terms=adapter.terms.of(values))
    except ComodelsError as error:
        raise InputError(_named(told(error), terms)) from error


def _named(text: str, terms: Sequence[Term]) -> str:
    """A message that names terms as the library does, with the names of the form."""
    for term in terms:
        text = text.replace(term.label, name_of(term))
    return text
