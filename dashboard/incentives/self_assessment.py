"""Deposits, refunds and shares of others' deposits."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isqrt

from dashboard.incentives.base import Incentive, Row, Rows, Terms, Transaction, all_of, event_topic, following
from dashboard.reader import Contribution, History, Log, Model, Reader
from dashboard.rpc import Call, calldata, hashed
from dashboard.words import duration, ether

MOMENTS = (0, 60, 3_600, 21_600, 86_400)  # seconds from now for which the deposit is written out

REFUND = event_topic("Refund(address,address,bytes32,uint256)")
FLAG = event_topic("Flag(address,address,bytes32)")
REPORT = event_topic("Report(address,address,bytes32,uint256)")
TAKE = event_topic("Take(address,address,bytes32,uint256)")


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
        (cost_weight, refund, owner, anyone, dispute, without), counts = all_of(
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
        (terms,) = all_of(reader.node.views([Call(self.address, self.TERMS, [model.address])]))
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
        return Rows(rows, len(own), following=following(begin, count, len(own)))

    def others(self, reader: Reader, model: Model, account: str, begin: int) -> Rows:
        history, claims, terms, now = self._situation(reader, model)
        _, refund_wait, owner_wait, anyone_wait, dispute_wait, without = terms
        with history.lock:
            still_open = list(history.derived["claims"]["open"])
        candidates = [history.contributions[i] for i in still_open if history.contributions[i].contributor != account]
        valid, (_, validated) = all_of(
            reader.node.views(
                [
                    Call(self.address, "validated_of(address,address)(uint256)", [model.address, account]),
                    self.statistics_call(model.address),
                ]
            )
        )
        me = account.lower()

        def offer(c: Contribution, answer: int | None) -> Row | None:
            claim = claims[c.id]
            disagrees = answer is not None and answer != c.label
            abandoned = now >= c.time + anyone_wait
            mine_to_take = account == model.owner and now >= c.time + owner_wait
            if not (disagrees or abandoned or mine_to_take):
                return None
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
            return row

        return self._scan(reader, model, candidates, begin, without, offer)

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        history, claims, _, _ = self._situation(reader, model)
        own = [c for c in history.contributions if c.contributor == account]
        (valid,) = all_of(
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
