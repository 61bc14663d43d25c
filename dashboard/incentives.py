"""What each incentive contract offers to an account: one adapter for each, behind one interface."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import isqrt
from typing import Any, ClassVar

from eth_abi import encode

from dashboard.reader import Contribution, History, Log, Model, Reader
from dashboard.rpc import Call, RpcError, calldata, hashed
from dashboard.words import duration, ether

MOMENTS = (0, 60, 3_600, 21_600, 86_400)  # seconds from now for which the deposit is written out
SCAN = 100  # open contributions of others that one page asks the model about


@dataclass(frozen=True)
class Transaction:
    """What an account would send.

    Attributes
    ----------
    value : int
        Wei.
    what : str
        In a person's words.
    """

    to: str
    data: bytes
    value: int
    what: str


@dataclass
class Row:
    """A contribution, as a claim sees it.

    Attributes
    ----------
    left : str
        What of the deposit can still be claimed.
    state : str
        In a person's words: what can be done and when, or what was done.
    actions : list of (str, str)
        What can be done now: function and the button's text.
    """

    contribution: Contribution
    deposit: str = ""
    left: str = ""
    state: str = ""
    actions: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Rows:
    """A page of rows.

    Attributes
    ----------
    following : int or None
        Where the next page begins.
    """

    rows: list[Row]
    total: int
    checked: int = 0
    following: int | None = None


@dataclass(frozen=True)
class Due:
    """What an account can do about a model as a whole: what it is about, the action, and the button's text."""

    text: str
    action: str
    button: str


@dataclass
class Terms:
    """What a person needs to know before contributing.

    Attributes
    ----------
    lines : list of (str, str)
        Names and values.
    required : int
        The deposit required now, in wei; 0 where there is none.
    curve : list of (int, int)
        Seconds from now, and the deposit required then if nobody contributes before.
    """

    lines: list[tuple[str, str]]
    submitted: int = 0
    validated: int = 0
    required: int = 0
    curve: list[tuple[int, int]] = field(default_factory=list)


class Incentive:
    """A trainer that this page knows nothing about: models can be looked at, but not trained here."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = "an unknown trainer"
    about: ClassVar[str] = "This page does not know the contract that trains this model, so it cannot add data to it."
    can_train: ClassVar[bool] = False
    has_deposit: ClassVar[bool] = False
    deposit_name: ClassVar[str] = "Deposit"
    claim_tab: ClassVar[str] = "Refund"
    reward_tab: ClassVar[str] = "Reward"
    claim_help: ClassVar[str] = ""
    reward_help: ClassVar[str] = ""
    statistics: ClassVar[str] = ""

    def __init__(self, address: str):
        self.address = address

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call | None:
        """A view call that only this incentive answers for the model."""
        return None

    def terms(self, reader: Reader, model: Model) -> Terms:
        return Terms([])

    def add_data(self, model: Model, x: bytes, y: int, value: int) -> Transaction:
        raise NotImplementedError

    def mine(self, reader: Reader, model: Model, account: str, begin: int, count: int) -> Rows:
        """The account's contributions, the newest first."""
        history = reader.history(model)
        own = [c for c in reversed(history.contributions) if c.contributor == account]
        return Rows([Row(c) for c in own[begin : begin + count]], len(own), following=_next(begin, count, len(own)))

    def others(self, reader: Reader, model: Model, account: str, begin: int) -> Rows:
        """Others' contributions from which the account could get something."""
        return Rows([], 0)

    def action(self, model: Model, contribution: Contribution, name: str) -> Transaction:
        """The transaction of one of a row's actions."""
        raise KeyError(name)

    def due(self, reader: Reader, model: Model, account: str) -> list[Due]:
        """What the account can do now, apart from its contributions."""
        return []

    def model_action(self, model: Model, name: str) -> Transaction:
        """The transaction of what is due."""
        raise KeyError(name)

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        """What the account has on this model."""
        own = [c for c in reader.history(model).contributions if c.contributor == account]
        return [("contributions", f"{len(own):,}")]


def _next(begin: int, count: int, total: int) -> int | None:
    return begin + count if begin + count < total else None


# ---- self-assessment -------------------------------------------------------------------------------------------------


def _topic(signature: str) -> str:
    return "0x" + hashed(signature.encode()).hex()


REFUND = _topic("Refund(address,address,bytes32,uint256)")
FLAG = _topic("Flag(address,address,bytes32)")
REPORT = _topic("Report(address,address,bytes32,uint256)")
TAKE = _topic("Take(address,address,bytes32,uint256)")


@dataclass
class _Claim:
    """What became of a contribution to `SelfAssessment`."""

    claimable: int
    outcome: str = ""  # "" while something can be claimed
    got: int = 0  # wei that went back to the contributor
    flags: dict[str, Log] = field(default_factory=dict)  # by reporter
    reports: dict[str, int] = field(default_factory=dict)  # by reporter: wei


class SelfAssessment(Incentive):
    name = "SelfAssessment"
    title = "Self-assessment: deposit, refund, take"
    about = (
        "You put down a deposit with each sample. If the model agrees with your sample after a while, you get the "
        "deposit back. If it does not, people whose own data proved good may take it."
    )
    can_train = True
    has_deposit = True
    claim_help = "Your contributions. Where the model agrees with your label after the wait, you get your deposit back."
    reward_help = (
        "Contributions of others that the model disagrees with. If your own data proved good, you may take a share of "
        "their deposits: your part of all validated contributions."
    )
    statistics = "statistics(address)(uint256,uint256)"

    TERMS = "terms(address)((uint96,uint32,uint32,uint32,uint32,bool))"

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call:
        return Call(trainer, "required_deposit(address)(uint256)", [model])

    def terms(self, reader: Reader, model: Model) -> Terms:
        (cost_weight, refund, owner, anyone, dispute, without), counts = _all(
            reader.node.views([Call(self.address, self.TERMS, [model.address]), self.statistics_call(model.address)])
        )
        history = reader.history(model)
        now = reader.now()
        if history.contributions:
            latest = history.contributions[-1].time
        else:  # the clock began to run when the model was opened
            latest = reader.time_of(history.events[0]) if history.events else now

        def required(seconds: int) -> int:
            return cost_weight * 3_600 // max(1, isqrt(max(0, now + seconds - latest)))

        steps = sorted({round(86_400 * (i / 48) ** 2) for i in range(49)} | set(MOMENTS))
        lines = [
            ("deposit one hour after the contribution before", ether(cost_weight * 60)),
            ("refund, and reports by others, from", duration(refund) + " after a contribution"),
            ("the owner may take what is left from", duration(owner)),
            ("anyone may take what is left from", duration(anyone)),
        ]
        if dispute:
            lines.append(("a report must be announced before", duration(dispute)))
        lines.append(
            (
                "the model judges a sample",
                "as if this sample had never been added" if without else "as it is, with what it learnt from it",
            )
        )
        return Terms(lines, *counts, required(0), [(s, required(s)) for s in steps])

    def statistics_call(self, model: str) -> Call:
        return Call(self.address, self.statistics, [model])

    def add_data(self, model: Model, x: bytes, y: int, value: int) -> Transaction:
        return Transaction(
            self.address,
            calldata("add_data(address,bytes,uint256)", [model.address, x, y]),
            value,
            f"Contribute a sample labelled “{model.class_name(y)}” to “{model.name}”",
        )

    def action(self, model: Model, contribution: Contribution, name: str) -> Transaction:
        c = contribution
        if name == "refund":
            data = calldata("refund(address,bytes,uint256)", [model.address, c.x, c.label])
            what = f"Get back the deposit of contribution {c.id + 1}"
        elif name in ("flag", "report", "take"):
            data = calldata(f"{name}(address,address,bytes,uint256)", [model.address, c.contributor, c.x, c.label])
            what = {
                "flag": f"Announce a report of contribution {c.id + 1}",
                "report": f"Take a share of the deposit of contribution {c.id + 1}",
                "take": f"Take what is left of the deposit of contribution {c.id + 1}",
            }[name]
        else:
            raise KeyError(name)
        return Transaction(self.address, data, 0, what)

    # ---- claims ------------------------------------------------------------------------------------------------------

    def claims(self, model: Model, history: History) -> list[_Claim]:
        """What became of each contribution, from the events alone."""
        with history.lock:
            state = history.derived.setdefault("claims", {"at": 0, "claims": [], "latest": {}, "open": {}})
            claims, latest, still_open = state["claims"], state["latest"], state["open"]
            model_bytes = bytes(12) + bytes.fromhex(model.address[2:])
            for event in history.events[state["at"] :]:
                if isinstance(event, Contribution):
                    key = hashed(
                        model_bytes
                        + bytes(12)
                        + bytes.fromhex(event.contributor[2:])
                        + event.label.to_bytes(32, "big")
                        + hashed(event.x)
                    )
                    latest[key] = event.id
                    claims.append(_Claim(event.deposit))
                    still_open[event.id] = None
                    continue
                if event.topics[0] not in (REFUND, FLAG, REPORT, TAKE):
                    continue
                number = latest.get(event.data[:32])
                if number is None:
                    continue
                claim = claims[number]
                who = "0x" + event.topics[2][26:]
                amount = int.from_bytes(event.data[32:64], "big")
                if event.topics[0] == FLAG:
                    claim.flags[who] = event
                elif event.topics[0] == REPORT:
                    claim.reports[who] = amount
                    claim.claimable -= amount
                    if claim.claimable == 0:
                        claim.outcome = "taken by reporters"
                elif event.topics[0] == TAKE:
                    claim.claimable, claim.outcome = 0, "the rest was taken"
                else:
                    claim.claimable, claim.got, claim.outcome = 0, amount, f"refunded: {ether(amount)}"
                if claim.outcome:
                    still_open.pop(number, None)
            state["at"] = len(history.events)
            return claims

    def _situation(self, reader: Reader, model: Model):
        history = reader.history(model)
        claims = self.claims(model, history)
        (terms,) = _all(reader.node.views([Call(self.address, self.TERMS, [model.address])]))
        return history, claims, terms, reader.now()

    def mine(self, reader: Reader, model: Model, account: str, begin: int, count: int) -> Rows:
        history, claims, terms, now = self._situation(reader, model)
        _, refund_wait, owner_wait, anyone_wait, _, without = terms
        own = [c for c in reversed(history.contributions) if c.contributor == account]
        page = own[begin : begin + count]
        asked = [c for c in page if not claims[c.id].outcome]
        answers = dict(zip([c.id for c in asked], reader.judgements(model, asked, without), strict=True))
        rows = []
        for c in page:
            claim = claims[c.id]
            row = Row(c, ether(c.deposit), ether(claim.claimable) if not claim.outcome else "", claim.outcome)
            if not claim.outcome:
                agrees = answers[c.id] == c.label
                if now < c.time + refund_wait:
                    row.state = f"can be refunded from {{time:{c.time + refund_wait}}} if the model still agrees then"
                    row.state += "; it does now" if agrees else "; it does not now"
                elif agrees:
                    row.state = f"the model agrees: {ether(claim.claimable)} can be refunded now"
                    row.actions = [("refund", "Refund")]
                else:
                    row.state = "the model disagrees: no refund unless it learns better"
                    if now >= c.time + anyone_wait:
                        row.state += "; anyone may take the deposit"
                    elif now >= c.time + owner_wait:
                        row.state += "; the owner may take the deposit"
                    else:
                        row.state += "; others may take shares of the deposit"
            rows.append(row)
        return Rows(rows, len(own), following=_next(begin, count, len(own)))

    def others(self, reader: Reader, model: Model, account: str, begin: int) -> Rows:
        history, claims, terms, now = self._situation(reader, model)
        _, refund_wait, owner_wait, anyone_wait, dispute_wait, without = terms
        with history.lock:
            still_open = list(history.derived["claims"]["open"])
        candidates = [i for i in still_open if history.contributions[i].contributor != account]
        part = [history.contributions[i] for i in candidates[begin : begin + SCAN]]
        answers = reader.judgements(model, part, without)
        valid, (_, validated) = _all(
            reader.node.views(
                [
                    Call(self.address, "validated_of(address,address)(uint256)", [model.address, account]),
                    self.statistics_call(model.address),
                ]
            )
        )
        me = account.lower()
        rows = []
        for c, answer in zip(part, answers, strict=True):
            claim = claims[c.id]
            disagrees = answer is not None and answer != c.label
            abandoned = now >= c.time + anyone_wait
            mine_to_take = account == model.owner and now >= c.time + owner_wait
            if not (disagrees or abandoned or mine_to_take):
                continue
            row = Row(c, ether(c.deposit), ether(claim.claimable))
            share = min(c.deposit * valid // validated, claim.claimable) if validated else 0
            said = f"the model says “{model.class_name(answer)}”" if disagrees else "the model agrees"
            if mine_to_take or abandoned:
                row.state = f"{said}; what is left, {ether(claim.claimable)}, can be taken now"
                if claim.claimable:
                    row.actions = [("take", "Take")]
            elif valid == 0:
                row.state = f"{said}; you can take a share once one of your own contributions was refunded"
            elif me in claim.reports:
                taken = ether(claim.reports[me])
                row.state = (
                    f"you took {taken}; the rest is for others, and from {{time:{c.time + anyone_wait}}} for anyone"
                )
            elif share == 0:
                row.state = f"{said}; your share rounds to nothing"
            elif now < c.time + refund_wait:
                row.state = (
                    f"{said}; your share would be {ether(share)}, from {{time:{c.time + refund_wait}}} if it still does"
                )
            elif dispute_wait and me not in claim.flags:
                row.state = f"{said}; announce a report now, and take {ether(share)} {duration(dispute_wait)} later"
                row.actions = [("flag", "Announce")]
            elif dispute_wait and now < (due := reader.time_of(claim.flags[me]) + dispute_wait):
                row.state = f"{said}; announced: your share of {ether(share)} can be taken from {{time:{due}}}"
            else:
                row.state = f"{said}; your share of {ether(share)} can be taken now"
                row.actions = [("report", "Take my share")]
            rows.append(row)
        end = min(begin + SCAN, len(candidates))
        return Rows(rows, len(candidates), end, end if end < len(candidates) else None)

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        history, claims, _, _ = self._situation(reader, model)
        own = [c for c in history.contributions if c.contributor == account]
        (valid,) = _all(
            reader.node.views([Call(self.address, "validated_of(address,address)(uint256)", [model.address, account])])
        )
        me = account.lower()
        earned = sum(claim.reports.get(me, 0) for claim in claims)
        for event in history.events:
            if isinstance(event, Log) and event.topics[0] == TAKE and event.topics[2][26:] == me[2:]:
                earned += int.from_bytes(event.data[32:64], "big")
        return [
            ("contributions", f"{len(own):,}"),
            ("of these validated", f"{valid:,}"),
            ("deposits still waiting", ether(sum(claims[c.id].claimable for c in own if not claims[c.id].outcome))),
            ("deposits refunded", ether(sum(claims[c.id].got for c in own))),
            ("taken from others", ether(earned)),
        ]


# ---- points ----------------------------------------------------------------------------------------------------------

POINTS = _topic("Points(address,address,bytes32,uint256,uint256)")
BADGE = _topic("Badge(address,address,uint256,string)")
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
        values, counts = _all(
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
        (terms,) = _all(reader.node.views([Call(self.address, self.TERMS, [model.address])]))
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
        return Rows(rows, len(own), following=_next(begin, count, len(own)))

    def others(self, reader: Reader, model: Model, account: str, begin: int) -> Rows:
        history, state, terms, now = self._situation(reader, model)
        candidates = [c for c in history.contributions if c.contributor != account and c.id not in state["outcome"]]
        part = candidates[begin : begin + SCAN]
        standing = state["standings"].get(account.lower())
        rows = []
        for c, answer in zip(part, reader.judgements(model, part, terms[9]), strict=True):
            if answer is None or answer == c.label:
                continue
            row = Row(c)
            said = f"the model says “{model.class_name(answer)}”"
            if now < c.time + terms[1]:
                row.state = f"{said}; can be reported from {{time:{c.time + terms[1]}}} if it still does"
            elif standing is None or standing.validated == 0:
                row.state = f"{said}; you can report it once one of your own contributions has earned points"
            else:
                row.state = f"{said}; reporting it earns {terms[5]:,} points now"
                row.actions = [("report", "Report")]
            rows.append(row)
        end = min(begin + SCAN, len(candidates))
        return Rows(rows, len(candidates), end, end if end < len(candidates) else None)

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


# ---- prediction market -----------------------------------------------------------------------------------------------

WITHDRAWN = _topic("Withdrawn(uint256,address,uint256,uint256)")
PHASES = {
    0: "no market yet: its provider has to commit one",
    1: "committed: anyone may draw the portions to reveal",
    2: "drawn: the provider reveals the drawn portions",
    3: "participating: you can stake on samples",
    4: "revealing: the provider reveals the rest of the test set",
    5: "scoring: anyone may replay the contributions",
    6: "settling: anyone may compute who gets what",
    7: "settled: everyone can withdraw",
    8: "void: the draw or the drawn portions were missed; there are no contributions",
    9: "cancelled, too few contributions: everyone gets the stake back",
    10: "the provider stayed silent: contributors get their stakes, and share bounty and bond",
    11: "the scoring was abandoned: contributors get their stakes, and share the bounty",
}
LATEST = 20  # markets of a model of which the provider is told what is left
SETTLED = 7  # this phase and the following are final
PARTICIPATING = 3
PLAN = "(uint96,uint24,uint96,uint64,uint16,uint16,uint16,uint16,uint16,uint32,uint32,uint32,uint32)"
MARKET = f"(address,bytes32,{PLAN},uint256,uint256,address," + ",".join(["uint256"] * 9) + ")"


class PredictionMarket(Incentive):
    name = "PredictionMarket"
    title = "Prediction market: accuracy on a hidden test set"
    about = (
        "A provider pays for accuracy on a test set that stays secret until the end. You put one stake on each sample; "
        "in the end you are paid by how much your sample improved the model, which can be more or less than the stake."
    )
    can_train = True
    has_deposit = True
    deposit_name = "Stake"
    claim_tab = "Withdraw"
    claim_help = "Your contributions to this model's markets, and what you are owed when a market has ended."
    reward_help = (
        "In a market there is nothing to take from others: who made the model worse pays those who made it better."
    )

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call:
        return Call(trainer, "next_market(address)(uint256)", [model])

    def _market(self, reader: Reader, model: Model) -> tuple[int, tuple | None]:
        """The id and the state of the model's latest market."""
        market = reader.node.view(self.address, "latest_market(address)(uint256)", model.address)
        if market == 0:
            return 0, None
        return market, reader.node.view(self.address, f"market(uint256)({MARKET})", market)

    def terms(self, reader: Reader, model: Model) -> Terms:
        _, market = self._market(reader, model)
        submitted = len(reader.history(model).contributions)
        if market is None:
            return Terms([("phase", PHASES[0])], submitted)
        plan, phase, deadline = market[2], market[6], market[7]
        stake, rounds, bond, _, portions, drawn, rows, least, most = plan[:9]
        lines = [("phase", PHASES.get(phase, "unknown"))]
        if deadline and phase < SETTLED:
            lines.append(("until", f"{{time:{deadline}}}"))
        lines += [
            ("stake on each sample", ether(stake)),
            ("bounty", f"{ether(stake * rounds)}, {rounds:,} stakes"),
            ("what the provider loses by silence", ether(bond)),
            ("test set", f"{portions} portions of {rows} samples; {drawn} of them are drawn and revealed before"),
            ("contributions", f"{market[8]:,}; at least {least:,} or it is cancelled, at most {most:,}"),
        ]
        if market[9]:
            hidden = (portions - drawn) * rows
            lines.append(
                ("errors on the hidden test set", f"{market[13]:,} before, {market[14]:,} after, of {hidden:,}")
            )
            lines.append(("scored and settled", f"{market[9]:,} and {market[10]:,} of {market[8]:,}"))
        return Terms(lines, submitted, 0, stake)

    def add_data(self, model: Model, x: bytes, y: int, value: int) -> Transaction:
        return Transaction(
            self.address,
            calldata("add_data(address,bytes,uint256)", [model.address, x, y]),
            value,
            f"Stake on a sample labelled “{model.class_name(y)}” for “{model.name}”",
        )

    @staticmethod
    def _place(model: Model, contribution: Contribution) -> tuple[int, int]:
        """The market of a contribution, and its index there."""
        return int(model.address, 16) << 32 | contribution.more >> 16 & 2**32 - 1, contribution.more & 2**16 - 1

    def action(self, model: Model, contribution: Contribution, name: str) -> Transaction:
        if name != "withdraw":
            raise KeyError(name)
        c = contribution
        market, index = self._place(model, c)
        arguments = [market, index, c.contributor, hashed(c.x), c.label, c.effect]
        data = calldata("withdraw(uint256,uint256,address,bytes32,uint256,uint256)", arguments)
        return Transaction(self.address, data, 0, f"Withdraw what contribution {c.id + 1} is owed")

    def due(self, reader: Reader, model: Model, account: str) -> list[Due]:
        """What is left of bounty and bond, for the provider of the latest markets."""
        latest = reader.node.view(self.address, "latest_market(address)(uint256)", model.address)
        first = max(latest - LATEST, int(model.address, 16) << 32) + 1
        markets = range(first, latest + 1) if latest else []
        states = _all(reader.node.views([Call(self.address, f"market(uint256)({MARKET})", [m]) for m in markets]))
        held = _all(reader.node.views([Call(self.address, "held(uint256)(uint256,uint256)", [m]) for m in markets]))
        return [
            Due(
                f"You were the provider of market {m & 2**32 - 1}; of bounty, bond and fees {ether(rest)} are yours.",
                f"withdraw_rest {m}",
                "Withdraw the rest",
            )
            for m, state, (rest, _) in zip(markets, states, held, strict=True)
            if rest and state[6] >= SETTLED and state[0].lower() == account.lower()
        ]

    def model_action(self, model: Model, name: str) -> Transaction:
        name, _, market = name.partition(" ")
        if name != "withdraw_rest" or not market.isdecimal() or int(market) >> 32 != int(model.address, 16):
            raise KeyError(name)
        data = calldata("withdraw_rest(uint256)", [int(market)])
        return Transaction(self.address, data, 0, f"Withdraw the provider's rest of market {int(market) & 2**32 - 1}")

    def mine(self, reader: Reader, model: Model, account: str, begin: int, count: int) -> Rows:
        history = reader.history(model)
        own = [c for c in reversed(history.contributions) if c.contributor == account]
        page = own[begin : begin + count]
        places = [self._place(model, c) for c in page]
        markets = sorted({market for market, _ in places})
        found = dict(
            zip(
                markets,
                _all(reader.node.views([Call(self.address, f"market(uint256)({MARKET})", [m]) for m in markets])),
                strict=True,
            )
        )
        states = _all(
            reader.node.views(
                [Call(self.address, "contribution(uint256,uint256)((uint256,uint256,uint256))", p) for p in places]
            )
        )
        rows = []
        for c, (market, _), (_, rounds, owed) in zip(page, places, states, strict=True):
            phase = found[market][6]
            row = Row(c, ether(c.deposit), state=PHASES.get(phase, "unknown"))
            if phase >= SETTLED and owed:
                row.left = ether(owed)
                row.state = f"took part in {rounds:,} rounds; {ether(owed)} can be withdrawn now"
                row.actions = [("withdraw", "Withdraw")]
            elif phase >= SETTLED:
                row.state = "paid, or nothing is left of the stake"
            rows.append(row)
        return Rows(rows, len(own), following=_next(begin, count, len(own)))

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        rows = self.mine(reader, model, account, 0, 10_000).rows
        staked = sum(row.contribution.deposit for row in rows)
        return [
            ("contributions", f"{len(rows):,}"),
            ("staked", ether(staked)),
            ("ready to be withdrawn", f"{sum(bool(row.actions) for row in rows):,} contributions"),
        ]


# ---- which one -------------------------------------------------------------------------------------------------------

INCENTIVES: dict[str, type[Incentive]] = {cls.name: cls for cls in (SelfAssessment, Points, PredictionMarket)}


class Incentives:
    """Finds out which incentive trains a model, and remembers it."""

    def __init__(self, reader: Reader, known: dict[str, str] | None = None):
        self.reader = reader
        self._known: dict[str, Incentive] = {}
        for address, name in (known or {}).items():
            if name in INCENTIVES:
                self._known[address.lower()] = INCENTIVES[name](address)

    def of(self, model: Model) -> Incentive:
        return self.of_many([(model.address, model.trainer)])[0]

    def of_many(self, pairs: list[tuple[str, str]]) -> list[Incentive]:
        """The incentives of (model, trainer) pairs, in one batch."""
        asked: dict[str, str] = {}
        for model, trainer in pairs:
            if trainer.lower() not in self._known:
                asked.setdefault(trainer.lower(), model)
        calls = [
            (trainer, cls, cls.probe(model, trainer)) for trainer, model in asked.items() for cls in INCENTIVES.values()
        ]
        answers = self.reader.node.views([call for _, _, call in calls])
        for (trainer, cls, _), answer in zip(calls, answers, strict=True):
            if not isinstance(answer, RpcError):
                self._known.setdefault(trainer, cls(trainer))
        return [self._known.get(trainer.lower()) or Incentive(trainer) for _, trainer in pairs]

    def counts(self, pairs: list[tuple[str, str]]) -> list[int | None]:
        """The number of contributions to each model; None where the incentive does not tell."""
        incentives = self.of_many(pairs)
        calls = {
            i: Call(incentive.address, incentive.statistics, [pairs[i][0]])
            for i, incentive in enumerate(incentives)
            if incentive.statistics
        }
        found: dict[int, int | None] = defaultdict(lambda: None)
        for i, answer in zip(calls, self.reader.node.views(list(calls.values())), strict=True):
            found[i] = None if isinstance(answer, RpcError) else answer[0]
        return [found[i] for i in range(len(pairs))]


def _all(answers: list[Any]) -> list[Any]:
    """The answers. Raises the first that is an error."""
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    return answers
