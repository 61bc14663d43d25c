"""The terms of each incentive as fields of a form; `scripts._incentives` knows how contracts take and check them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import click
from eth_abi.exceptions import EncodingError

from dashboard.store import InputError
from dashboard.words import exact_ether, parse_duration, parse_ether, short_duration
from scripts import _incentives

ADAPTERS = {adapter.contract: adapter for adapter in _incentives.INCENTIVES.values()}


@dataclass(frozen=True)
class Field:
    """One of an incentive's terms.

    Attributes
    ----------
    term : str
        The adapter's attribute.
    kind : str
        ether; hourly, ether an hour after the contribution before; time; count; or choice, yes or no.
    """

    term: str
    label: str
    kind: str

    def show(self, value: Any) -> str:
        """A term as the form shows it."""
        if self.kind == "time":
            return short_duration(value)
        if self.kind in ("ether", "hourly"):
            wei = -(-value * 60 // 10**9) * 10**9 if self.kind == "hourly" else value
            return exact_ether(wei).removesuffix(" ETH").replace(",", "")
        return str(value)

    def read(self, text: str) -> Any:
        """A term from what a person wrote. Raises `ValueError` with a message for people."""
        if self.kind == "choice":
            return bool(text)
        if self.kind == "time":
            return parse_duration(text)
        if self.kind == "count":
            if not text.strip().isdecimal() or len(text.strip()) > 9:
                raise ValueError(f"“{text[:30]}” is not a whole number such as 10")
            return int(text)
        wei = parse_ether(text)
        return wei // 60 if self.kind == "hourly" else wei


_WITHOUT = Field("without_own_effect", "Judge a sample as if it had never been added", "choice")

FIELDS = {
    "SelfAssessment": (
        Field("cost_weight", "Deposit one hour after the contribution before, in ether", "hourly"),
        Field("refund_wait", "Refund, and reports by others, from (90s, 15m, 12h, 7d)", "time"),
        Field("owner_wait", "The owner may take what is left from", "time"),
        Field("anyone_wait", "Anyone may take what is left from", "time"),
        Field("dispute_wait", "A report must be announced this long before (0s: not at all)", "time"),
        _WITHOUT,
    ),
    "Points": (
        Field("refund_wait", "A contribution can be validated from (90s, 15m, 12h, 7d)", "time"),
        Field("report_wait", "Others may report it from", "time"),
        Field("streak_window", "A streak goes on if one contributes again within", "time"),
        Field("validated_points", "Points for a contribution that the model agrees with", "count"),
        Field("report_points", "Points for a report", "count"),
        Field("new_label_points", "Extra points for a label that one uses for the first time", "count"),
        Field("rare_label_points", "Extra points for a rare label", "count"),
        Field("rarity_factor", "A label is rare below this part of an even share (2: half of it)", "count"),
        Field("streak_points", "Extra points for a streak", "count"),
        _WITHOUT,
    ),
    "PredictionMarket": (
        Field("min_bounty", "The least bounty of a market, in ether", "ether"),
        Field("min_bond", "The least that a silent provider loses, in ether", "ether"),
        Field("max_length", "The longest that a market may take (90s, 15m, 12h, 7d)", "time"),
        Field("owner_only", "Only the owner of the model may start markets", "choice"),
    ),
}


def field_name(incentive: str, field: Field) -> str:
    """What a field is called in the form."""
    return f"{incentive}.{field.term}"


def shown(incentive: str, form: Mapping[str, Any]) -> list[tuple[str, Field, str]]:
    """The fields of an incentive: name, field, and what it shows; as filled in, or the usual terms."""
    usual = ADAPTERS[incentive]()
    filled = form.get("incentive") == incentive
    lines = []
    for field in FIELDS[incentive]:
        name, value = field_name(incentive, field), getattr(usual, field.term)
        if field.kind == "choice":
            text = form.get(name, "") if filled else "1" * value
        else:
            text = form.get(name) or field.show(value)
        lines.append((name, field, text))
    return lines


def read(incentive: str, form: Mapping[str, Any]) -> Any:
    """The adapter with the terms of a form. Raises `InputError`."""
    adapter = ADAPTERS[incentive]()
    for field in FIELDS[incentive]:
        text = str(form.get(field_name(incentive, field), ""))
        if field.kind != "choice" and (not text.strip() or text == field.show(getattr(adapter, field.term))):
            continue  # as usual, to the last wei
        try:
            adapter = replace(adapter, **{field.term: field.read(text)})
        except ValueError as error:
            raise InputError(f"{field.label}: {error}.") from error
    try:
        adapter.check()
        adapter.terms()
    except click.ClickException as error:
        raise InputError(_for_people(incentive, error.message)) from error
    except EncodingError as error:
        raise InputError("One of the terms is too large for the contract.") from error
    return adapter


def _for_people(incentive: str, message: str) -> str:
    """A message about options of the command line, with the words of the form."""
    for field in FIELDS[incentive]:
        message = message.replace("--" + field.term.replace("_", "-"), f"“{field.label.split(' (')[0]}”")
    return message
