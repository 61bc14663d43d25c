"""Points, badges and the leaderboard, from the events alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from eth_abi import encode

from dashboard.incentives.base import Incentive, Row, Rows, Terms, Transaction, all_of, event_topic, following
from dashboard.reader import Contribution, History, Model, Reader
from dashboard.rpc import Call, calldata, hashed
from dashboard.words import duration

POINTS = event_topic("Points(address,address,bytes32,uint256,uint256)")
BADGE = event_topic("Badge(address,address,uint256,string)")
REASONS = {1: "validated", 2: "first use of the label", 4: "rare label", 8: "streak", 16: "report"}


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
    title = "Points and badges"
    about = (
        "No money: you earn points for samples that the model agrees with after a while, and for pointing out those "
        "that it disagrees with. A sample earns once, whoever sends it."
    )
    can_train = True
    claim_tab = "Validate"
    reward_tab = "Report"
    claim_help = "Your contributions. Where the model agrees with your label after the wait, they earn points."
    reward_help = "Contributions of others that the model disagrees with: reporting them earns points."
    statistics = "statistics(address)(uint256,uint256)"

    TERMS = "terms(address)((uint32,uint32,uint32,uint8,uint16,uint16,uint16,uint16,uint16,bool))"

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call:
        return Call(trainer, "is_rare(address,uint256)(bool)", [model, 0])

    def statistics_call(self, model: str) -> Call:
        return Call(self.address, self.statistics, [model])

    def terms(self, reader: Reader, model: Model) -> Terms:
        values, counts = all_of(
            reader.node.views([Call(self.address, self.TERMS, [model.address]), self.statistics_call(model.address)])
        )
        wait, report_wait, window, rarity, valid, report, new_label, rare, streak, without = values
        return Terms(
            [
                ("points for a contribution that the model agrees with", f"{valid:,}"),
                ("these can be claimed from", duration(wait) + " after the contribution"),
                ("points for a report", f"{report:,}"),
                ("others may report from", duration(report_wait) + " after the contribution"),
                ("extra for a label that you use for the first time", f"{new_label:,}"),
                (f"extra for a rare label (less than 1/{rarity} of an even share)", f"{rare:,}"),
                (f"extra for contributing again within {duration(window)}", f"{streak:,}"),
                (
                    "the model judges a sample",
                    "as if this sample had never been added" if without else "as it is, with what it learnt from it",
                ),
            ],
            *counts,
        )

    def add_data(self, model: Model, x: bytes, y: int, value: int) -> Transaction:
        return Transaction(
            self.address,
            calldata("add_data(address,bytes,uint256)", [model.address, x, y]),
            0,
            f"Contribute a sample labelled “{model.class_name(y)}” to “{model.name}”",
        )

    def action(self, model: Model, contribution: Contribution, name: str) -> Transaction:
        c = contribution
        if name not in ("validate", "report"):
            raise KeyError(name)
        verb = "Earn points for" if name == "validate" else "Report"
        data = calldata(f"{name}(address,bytes,uint256)", [model.address, c.x, c.label])
        return Transaction(self.address, data, 0, f"{verb} contribution {c.id + 1}")

    def _state(self, model: Model, history: History) -> dict[str, Any]:
        """What became of contributions and accounts, from the events alone."""
        with history.lock:
            state = history.derived.setdefault(
                "points", {"at": 0, "first": {}, "number": {}, "outcome": {}, "earned": set(), "standings": {}}
            )
            first, number, outcome = state["first"], state["number"], state["outcome"]
            for event in history.events[state["at"] :]:
                if isinstance(event, Contribution):
                    sample = hashed(encode(["address", "bytes32"], [model.address, hashed(event.x)]))
                    label = first.setdefault(sample, event.label)
                    key = (
                        sample
                        if label == event.label
                        else hashed(encode(["bytes32", "uint256"], [sample, event.label]))
                    )
                    number[key] = event.id, sample
                    continue
                who = "0x" + event.topics[2][26:] if len(event.topics) > 2 else ""
                if event.topics[0] == POINTS:
                    key, points, reasons = (event.data[i : i + 32] for i in (0, 32, 64))
                    points, reasons = int.from_bytes(points, "big"), int.from_bytes(reasons, "big")
                    why = ", ".join(text for bit, text in REASONS.items() if reasons & bit)
                    line = state["standings"].setdefault(who, Standing(who))
                    line.points += points
                    if reasons & 16:
                        line.reports += 1
                    else:
                        line.validated += 1
                    if key in number:
                        contribution, sample = number[key]
                        outcome[contribution] = "reported" if reasons & 16 else f"earned {points:,} points ({why})"
                        if not reasons & 16:
                            state["earned"].add(sample)
                elif event.topics[0] == BADGE:
                    length = int.from_bytes(event.data[64:96], "big")
                    name = event.data[96 : 96 + length].decode("utf-8", "replace")
                    state["standings"].setdefault(who, Standing(who)).badges.append(self._badge(model, name))
            state["at"] = len(history.events)
            return state

    @staticmethod
    def _badge(model: Model, name: str) -> str:
        kind, _, number = name.partition(" ")
        if kind == "label" and number.isdecimal():
            return f"label “{model.class_name(int(number))}”"
        return name

    def leaderboard(self, reader: Reader, model: Model) -> list[Standing]:
        """Accounts by their points, the most first."""
        standings = self._state(model, reader.history(model))["standings"].values()
        return sorted(standings, key=lambda line: (-line.points, line.account))

    def _situation(self, reader: Reader, model: Model):
        history = reader.history(model)
        (terms,) = all_of(reader.node.views([Call(self.address, self.TERMS, [model.address])]))
        return history, self._state(model, history), terms, reader.now()

    def mine(self, reader: Reader, model: Model, account: str, begin: int, count: int) -> Rows:
        history, state, terms, now = self._situation(reader, model)
        own = [c for c in reversed(history.contributions) if c.contributor == account]
        page = own[begin : begin + count]
        asked = [c for c in page if c.id not in state["outcome"]]
        answers = dict(zip([c.id for c in asked], reader.judgements(model, asked, terms[9]), strict=True))
        rows = []
        for c in page:
            row = Row(c, state=state["outcome"].get(c.id, ""))
            sample = hashed(encode(["address", "bytes32"], [model.address, hashed(c.x)]))
            if not row.state:
                agrees = answers[c.id] == c.label
                if sample in state["earned"]:
                    row.state = "this sample has earned already, with another label"
                elif now < c.time + terms[0]:
                    row.state = f"can earn points from {{time:{c.time + terms[0]}}} if the model still agrees then"
                    row.state += "; it does now" if agrees else "; it does not now"
                elif agrees:
                    row.state = "the model agrees: it can earn points now"
                    row.actions = [("validate", "Earn points")]
                else:
                    row.state = "the model disagrees: no points unless it learns better"
            rows.append(row)
        return Rows(rows, len(own), following=following(begin, count, len(own)))

    def others(self, reader: Reader, model: Model, account: str, begin: int) -> Rows:
        history, state, terms, now = self._situation(reader, model)
        candidates = [c for c in history.contributions if c.contributor != account and c.id not in state["outcome"]]
        standing = state["standings"].get(account.lower())

        def offer(c: Contribution, answer: int | None) -> Row | None:
            if answer is None or answer == c.label:
                return None
            row = Row(c)
            said = f"the model says “{model.class_name(answer)}”"
            if now < c.time + terms[1]:
                row.state = f"{said}; can be reported from {{time:{c.time + terms[1]}}} if it still does"
            elif standing is None or standing.validated == 0:
                row.state = f"{said}; you can report it once one of your own contributions has earned points"
            else:
                row.state = f"{said}; reporting it earns {terms[5]:,} points now"
                row.actions = [("report", "Report")]
            return row

        return self._scan(reader, model, candidates, begin, terms[9], offer)

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        history = reader.history(model)
        own = Counter(c.contributor for c in history.contributions)[account]
        line = self._state(model, history)["standings"].get(account.lower(), Standing(account))
        return [
            ("contributions", f"{own:,}"),
            ("of these validated", f"{line.validated:,}"),
            ("reports", f"{line.reports:,}"),
            ("points", f"{line.points:,}"),
            ("badges", ", ".join(line.badges) or "none yet"),
        ]
