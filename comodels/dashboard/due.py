"""What an account can have now, what comes when, and what runs out: of all models, so that it finds the person."""

from __future__ import annotations

import time as clock
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from comodels.chain.abi import word
from comodels.chain.history import TIP
from comodels.chain.logs import pages
from comodels.dashboard.incentives import INCENTIVES, Due, Entry, Incentive, Incentives, Row
from comodels.dashboard.reader import Model, Reader
from comodels.dashboard.reading import Task
from comodels.dashboard.say import language
from comodels.wire import ADD_DATA_TOPIC, checksummed

MOST_MODELS = 20  # of one account, the latest
MOST_KEPT = 100  # answers
FRESH = 30  # seconds: waits end without a new block


@dataclass
class ModelDue:
    """What one model has for an account.

    Attributes
    ----------
    rows : list of Row
        Contributions from which something may still come.
    items : list of Due
        What else waits.
    """

    model: Model
    incentive: Incentive
    rows: list[Row] = field(default_factory=list)
    items: list[Due] = field(default_factory=list)

    @property
    def claims(self) -> list[tuple[Row, str, str]]:
        """What can be claimed now: the contribution, the action, and its button's text."""
        return [(row, *row.actions[0]) for row in self.rows if row.is_claim]


@dataclass(frozen=True)
class Event:
    """A date in somebody's calendar."""

    time: int
    text: str
    loss: bool
    model: Model
    contribution: int


@dataclass
class Summary:
    """What stands in the header of each page.

    Attributes
    ----------
    wei : int
        What can be claimed now.
    count : int
        In how many steps.
    events : list of Event
        What comes next, the earliest first.
    """

    models: list[ModelDue]
    wei: int
    count: int
    events: list[Event]

    @property
    def loss(self) -> Event | None:
        """What runs out first."""
        return next((event for event in self.events if event.loss), None)

    @property
    def gain(self) -> Event | None:
        """What can be had next."""
        return next((event for event in self.events if not event.loss), None)


@dataclass
class Seen:
    """Where an account has done something: in models, by trainers, that are perhaps none, before a block."""

    next_block: int
    found: dict[tuple[str, str], None] = field(default_factory=dict)


class Dues:
    """What accounts can have, remembered as long as the chain has no new block."""

    def __init__(self, reader: Reader, incentives: Incentives):
        self.reader = reader
        self.incentives = incentives
        self._kept: OrderedDict[tuple, Summary] = OrderedDict()
        self._seen: OrderedDict[str, Seen] = OrderedDict()

    def of(self, account: str) -> Summary:
        """Everything that is due to an account."""
        latest = self.reader.node.rpc("eth_getBlockByNumber", "latest", False)["hash"]
        key = account, language(), latest, self.reader.now() // FRESH
        if key not in self._kept:
            self._kept[key] = self._look(account)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def _look(self, account: str) -> Summary:
        found, events = [], []
        credited: set[str] = set()  # incentives whose credit is told: it waits there for all of their models
        for model in self.models_of(account):
            incentive = self.incentives.of(model)
            items = incentive.due(self.reader, model, account)
            if incentive.address in credited:
                items = [item for item in items if item.action != "fetch"]
            if any(item.action == "fetch" for item in items):
                credited.add(incentive.address)
            due = ModelDue(model, incentive, incentive.open_rows(self.reader, model, account), items)
            found.append(due)
            for row in due.rows:
                for date in row.dates:
                    events.append(Event(date.time, date.text, date.loss, model, row.contribution.id + 1))
        wei = sum(row.pays for due in found for row, _, _ in due.claims)
        wei += sum(item.pays for due in found for item in due.items)
        count = sum(len(due.claims) + len(due.items) for due in found)
        return Summary(found, wei, count, sorted(events, key=lambda event: event.time))

    def models_of(self, account: str) -> list[Model]:
        """The published models that an account contributed to, or provided a market for."""
        entries = {e.address: e for e in self.reader.entries()}
        if not entries:
            return []
        if account not in self._seen:
            self._seen[account] = Seen(self.reader.first_block(self.reader.entries()[-1].address))
            while len(self._seen) > MOST_KEPT:
                self._seen.popitem(last=False)
        seen = self._seen[account]
        self.reader.readings.wait(account, lambda task: self._see(account, seen, task))
        trained_by = {address: entry.trainer.lower() for address, entry in entries.items()}
        found = dict.fromkeys(model for model, trainer in seen.found if trained_by.get(model) == trainer.lower())
        return [self.reader.model(address) for address in list(found)[-MOST_MODELS:]]

    def _see(self, account: str, seen: Seen, task: Task) -> None:
        """Look for the models of an account in the blocks that have come since."""
        last, me = self.reader.node.block, word(account)
        if last + 1 < seen.next_block:  # another chain than before
            seen.next_block, seen.found = 0, {}
        first = seen.next_block
        began = [each.began for each in INCENTIVES.values() if each.began]
        looked_for: list[list[Any]] = [[ADD_DATA_TOPIC, None, me], [began, None, None, me]]
        for half, topics in enumerate(looked_for):
            for end, logs in pages(self.reader.node, first, last, topics):
                seen.found |= dict.fromkeys(
                    (checksummed(log["topics"][1]), checksummed(log["address"])) for log in logs
                )
                task.share = (half + (end + 1 - first) / (last + 1 - first)) / 2
        seen.next_block = max(first, last + 1 - TIP)  # the latest may change

    def money(self, account: str) -> Iterator[tuple[Model, Entry]]:
        """Everything that an account paid and got, model by model."""
        for model in self.models_of(account):
            for entry in self.incentives.of(model).money(self.reader, model, account):
                yield model, entry


def calendar(events: list[Event], address: str, plain: dict[Event, str]) -> str:
    """The dates as an iCalendar file (RFC 5545).

    Parameters
    ----------
    address : str
        Of the page, without a path.
    plain : dict of Event to str
        The events' texts, without tokens.
    """

    def stamp(seconds: float) -> str:
        return clock.strftime("%Y%m%dT%H%M%SZ", clock.gmtime(seconds))

    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//comodels//page//EN"]
    for event in events:
        link = f"{address}/models/{event.model.address}/refund#contribution-{event.contribution}"
        lines += [
            "BEGIN:VEVENT",
            f"UID:{event.model.address}-{event.contribution}-{event.time}-{int(event.loss)}@comodels",
            f"DTSTAMP:{stamp(clock.time())}",
            f"DTSTART:{stamp(event.time)}",
            f"SUMMARY:{_escaped(f'{event.model.name}: {plain[event]}')}",
            f"URL:{link}",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            f"DESCRIPTION:{_escaped(plain[event])}",
            "TRIGGER:-PT12H" if event.loss else "TRIGGER:PT0S",
            "END:VALARM",
            "END:VEVENT",
        ]
    return "\r\n".join(part for line in [*lines, "END:VCALENDAR"] for part in _folded(line)) + "\r\n"


def _escaped(text: str) -> str:
    for mark in "\\;,":
        text = text.replace(mark, "\\" + mark)
    return text.replace("\n", " ")


def _folded(line: str) -> Iterator[str]:
    """A line in parts of at most 75 bytes, of which all but the first begin with a space."""
    part = ""
    for c in line:
        if len((part + c).encode()) > 74:
            yield part
            part = " "
        part += c
    yield part
