"""Points, badges and the leaderboard, from the events alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from comodels.batch import points_key
from comodels.chain.abi import Call, calldata, topic_of
from comodels.chain.logs import Contribution
from comodels.dashboard.incentives.base import (
    Date,
    Entry,
    Incentive,
    Row,
    Rows,
    Sent,
    Terms,
    Transaction,
    parts,
)
from comodels.dashboard.reader import History, Log, Model, Reader
from comodels.dashboard.say import moment, number, span
from comodels.rows import pack_rows

POINTS = topic_of("Points(address,address,bytes32,uint256,uint256)")
BADGE = topic_of("Badge(address,address,uint256,string)")
MOST_LINES = 50  # of the leaderboard
REPORTED = 16  # this bit of the reasons, and what the others are called
REASONS = {1: "validated", 2: "new_label", 4: "rare_label", 8: "streak"}


@dataclass
class Standing:
    """An account's line of the leaderboard."""

    account: str
    points: int = 0
    validated: int = 0
    reports: int = 0
    badges: list[str] = field(default_factory=list)


class Points(Incentive):
    name = "Points"
    key = "points"
    can_train = True
    statistics = "statistics(address)(uint256,uint256)"

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call:
        return Call(trainer, "is_rare(address,uint256)(bool)", [model, 0])

    def terms(self, reader: Reader, model: Model) -> Terms:
        agreed, counts = self.agreed_and_counts(reader, model)

        def line(name: str, value: str, **fields: object) -> tuple[str, str]:
            return self.text(f"terms.{name}.name", **fields), self.text(f"terms.{name}.value", value=value)

        return Terms(
            [
                line("validated_points", number(agreed.validated_points)),
                line("validation_wait", span(agreed.validation_wait)),
                line("report_points", number(agreed.report_points)),
                line("report_wait", span(agreed.report_wait)),
                line("new_label_points", number(agreed.new_label_points)),
                line("rare_label_points", number(agreed.rare_label_points), factor=agreed.rarity_factor),
                line("streak_points", number(agreed.streak_points), window=span(agreed.streak_window)),
                line("without_own_effect" if agreed.without_own_effect else "with_own_effect", ""),
            ],
            *counts,
        )

    def consent(self, reader: Reader, model: Model, sent: Sent) -> list[str]:
        agreed = self.agreed(reader, model)
        lines = [self.text("consent.free", due=moment(reader.now() + agreed.validation_wait))]
        return lines + ([self.text("consent.against")] if sent.agrees is False else [])

    def action(self, reader: Reader, model: Model, contribution: Contribution, name: str) -> Transaction:
        c = contribution
        if name not in ("validate", "report"):
            raise KeyError(name)
        data = calldata(f"{name}(address,bytes,uint256)", [model.address, c.x, c.label])
        return Transaction(self.address, data, 0, self.text(f"do.{name}", number=c.id + 1))

    def actions(
        self, reader: Reader, model: Model, contributions: Sequence[Contribution], name: str
    ) -> list[Transaction]:
        return [
            Transaction(
                self.address,
                calldata(
                    f"{name}_many(address,uint256,bytes)",
                    [model.address, len(part), pack_rows([(c.label, c.x) for c in part])],
                ),
                0,
                self.text(f"do_all.{name}", n=len(part)),
                len(part),
            )
            if len(part) > 1
            else self.action(reader, model, part[0], name)
            for part in parts(contributions)
        ]

    def derive(self, model: Model, history: History) -> dict[str, Any]:
        """What became of contributions and accounts, from the events alone."""
        with history.lock:
            state = history.derived.setdefault(
                "points", {"at": 0, "first": {}, "number": {}, "outcome": {}, "earned": set(), "standings": {}}
            )
            first, number_of, outcome = state["first"], state["number"], state["outcome"]
            for event in history.events[state["at"] :]:
                if isinstance(event, Contribution):
                    key = sample = points_key(model.address, event.x, event.label, None)
                    label = first.setdefault(sample, event.label)
                    if label != event.label:
                        key = points_key(model.address, event.x, event.label, label)
                    number_of[key] = event.id, sample
                    continue
                who = "0x" + event.topics[2][26:] if len(event.topics) > 2 else ""
                if event.topics[0] == POINTS:
                    key, *amounts = (event.data[i : i + 32] for i in (0, 32, 64))
                    points, reasons = (int.from_bytes(amount, "big") for amount in amounts)
                    line = state["standings"].setdefault(who, Standing(who))
                    line.points += points
                    if reasons & REPORTED:
                        line.reports += 1
                    else:
                        line.validated += 1
                    if key in number_of:
                        contribution, sample = number_of[key]
                        outcome[contribution] = points, reasons
                        if not reasons & REPORTED:
                            state["earned"].add(sample)
                elif event.topics[0] == BADGE:
                    length = int.from_bytes(event.data[64:96], "big")
                    name = event.data[96 : 96 + length].decode("utf-8", "replace")
                    state["standings"].setdefault(who, Standing(who)).badges.append(name)
            state["at"] = len(history.events)
            return state

    def badge(self, model: Model, name: str) -> tuple[str, str]:
        """A badge's name in a person's words, and what it is for."""
        kind, _, count = name.partition(" ")
        if kind == "label" and count.isdecimal():
            label = model.class_name(int(count))
            return self.text("badge.label.name", label=label), self.text("badge.label.why", label=label)
        if kind == "milestone" and count.isdecimal():
            return self.text("badge.milestone.name", n=int(count)), self.text("badge.milestone.why", n=int(count))
        return name, self.text("badge.other.why")

    def _became(self, points: int, reasons: int) -> str:
        """What became of a contribution that somebody earned points with."""
        if reasons & REPORTED:
            return self.text("became.reported")
        why = ", ".join(self.text(f"reason.{key}") for bit, key in REASONS.items() if reasons & bit)
        return self.text("became.earned", n=points, why=why)

    def leaderboard(self, reader: Reader, model: Model) -> list[tuple[Standing, list[tuple[str, str]]]]:
        standings = self.derive(model, reader.history(model))["standings"].values()
        lines = sorted(standings, key=lambda line: (-line.points, line.account))[:MOST_LINES]
        return [(line, [self.badge(model, name) for name in line.badges]) for line in lines]

    def own_rows(self, reader: Reader, model: Model, account: str, page: Sequence[Contribution]) -> list[Row]:
        _, state, terms, now = self._situation(reader, model)
        asked = [c for c in page if c.id not in state["outcome"]]
        answers = dict(
            zip([c.id for c in asked], reader.judgements(model, asked, terms.without_own_effect), strict=True)
        )
        rows = []
        for c in page:
            row = Row(c)
            sample = points_key(model.address, c.x, c.label, None)
            if c.id in state["outcome"]:
                points, reasons = state["outcome"][c.id]
                row.state, row.lost = self._became(points, reasons), bool(reasons & REPORTED)
            elif sample in state["earned"]:
                row.state = self.text("own.earned_otherwise")
            elif now < (due := c.time + terms.validation_wait):
                agrees = answers[c.id] == c.label
                row.state = self.text("own.wait_agrees" if agrees else "own.wait_disagrees", when=moment(due))
                row.dates.append(Date(due, row.state))
            elif answers[c.id] == c.label:
                row.state, row.actions = self.text("own.validate"), [("validate", self.text("button.validate"))]
            else:
                row.state = self.text("own.disagrees")
            rows.append(row)
        return rows

    def others(self, reader: Reader, model: Model, account: str, begin: int) -> Rows:
        history, state, terms, now = self._situation(reader, model)
        candidates = [c for c in history.contributions if c.contributor != account and c.id not in state["outcome"]]
        candidates = self._suspects_first(reader, model, history.contributions, candidates)
        standing = state["standings"].get(account.lower())

        def offer(c: Contribution, answer: int | None) -> Row | None:
            if answer is None or answer == c.label:
                return None
            row = Row(c)
            if now < (due := c.time + terms.report_wait):
                state = self.text("others.later", when=moment(due))
                row.dates.append(Date(due, state))
            elif standing is None or standing.validated == 0:
                state = self.text("others.newcomer")
            else:
                state = self.text("others.report", n=terms.report_points)
                row.actions = [("report", self.text("button.report"))]
            row.state = f"{self.text('others.says', label=model.class_name(answer))} {state}"
            return row

        return self._scan(reader, model, candidates, begin, terms.without_own_effect, offer)

    def score(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        history, state, terms, _ = self._situation(reader, model)
        own = [c.id for c in history.contributions if c.contributor == account]
        settled = sum(i in state["outcome"] for i in own)
        line = state["standings"].get(account.lower(), Standing(account))
        return [
            self._valid_share(len(own), settled, line.validated),
            (self.text("score.points"), number(line.points)),
            (self.text("score.wait"), self.text("score.waits", validate=span(terms.validation_wait))),
        ]

    def money(self, reader: Reader, model: Model, account: str) -> list[Entry]:
        history = reader.history(model)
        self.derive(model, history)
        entries = []
        for event in history.events:
            if isinstance(event, Log) and event.topics[0] == POINTS and event.topics[2][26:] == account[2:].lower():
                points, reasons = (int.from_bytes(event.data[i : i + 32], "big") for i in (32, 64))
                what = "reported" if reasons & REPORTED else "earned"
                entries.append(Entry(reader.time_of(event), what, 0, event.transaction, points=points))
        return entries

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        history = reader.history(model)
        own = Counter(c.contributor for c in history.contributions)[account]
        line = self.derive(model, history)["standings"].get(account.lower(), Standing(account))
        badges = ", ".join(self.badge(model, badge)[0] for badge in line.badges)
        return [
            (self.text("statistics.contributions"), number(own)),
            (self.text("statistics.validated"), number(line.validated)),
            (self.text("statistics.reports"), number(line.reports)),
            (self.text("statistics.points"), number(line.points)),
            (self.text("statistics.badges"), badges or self.text("statistics.no_badges")),
        ]
