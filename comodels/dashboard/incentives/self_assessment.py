"""Deposits, refunds and shares of others' deposits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from comodels.batch import pack_claims, record_key
from comodels.chain.abi import Call, calldata, topic_of
from comodels.chain.logs import Contribution
from comodels.chain.node import all_of
from comodels.dashboard.incentives.base import (
    OPEN_ROWS,
    SCAN,
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
from comodels.dashboard.reader import ZERO, History, Log, Model, Reader, is_address
from comodels.dashboard.say import ether, moment, number, span
from comodels.dashboard.store import InputError
from comodels.incentives.self_assessment import Terms as Agreed
from comodels.incentives.self_assessment import deposit_after
from comodels.wire import checksummed

REFUND = topic_of("Refund(address,address,bytes32,uint256)")
FORGIVE = topic_of("Forgive(address,address,bytes32,uint256)")
REST = topic_of("Rest(address,address,bytes32,uint256)")
FLAG = topic_of("Flag(address,address,bytes32[])")
REPORT = topic_of("Report(address,address,bytes32,uint256)")
TAKE = topic_of("Take(address,address,bytes32,uint256)")
BACK = {REFUND: "refund", FORGIVE: "forgive", REST: "rest"}
INCOME = {**BACK, REPORT: "report", TAKE: "take"}
ACTIONS = ("refund", "forgive", "rest", "flag", "report", "take")


@dataclass
class _Claim:
    """What became of a contribution to `SelfAssessment`."""

    claimable: int
    outcome: str = ""  # which event settled it; "" while something can be claimed
    got: int = 0  # wei that went back to the contributor
    lost: int = 0  # wei that others got
    flags: dict[str, Log] = field(default_factory=dict)  # by reporter
    reports: dict[str, int] = field(default_factory=dict)  # by reporter: wei


class SelfAssessment(Incentive):
    name = "SelfAssessment"
    key = "deposits"
    can_train = True
    has_deposit = True
    statistics = "statistics(address)(uint256,uint256)"

    moments = (0, 60, 3_600, 21_600, 86_400)

    RECORD = "record(bytes32)((uint256,uint256,uint256,uint256,bool,bool,uint256))"
    PRICE = "required_deposit(address)(uint256)"

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call:
        return Call(trainer, cls.PRICE, [model])

    def terms(self, reader: Reader, model: Model) -> Terms:
        agreed, (submitted, validated) = self.agreed_and_counts(reader, model)
        history = reader.history(model)
        now = reader.now()
        if history.contributions:
            latest = history.contributions[-1].time
        else:  # the clock began to run when the model was opened
            latest = reader.time_of(history.events[0]) if history.events else now

        def required(seconds: int) -> int:
            return deposit_after(max(0, now + seconds - latest), agreed.cost_weight)

        steps = sorted({round(86_400 * (i / 48) ** 2) for i in range(49)} | set(self.moments))
        lines = [self._term("hourly", ether(deposit_after(3_600, agreed.cost_weight)))]
        lines.append(self._term("refund_wait", span(agreed.refund_wait)))
        if agreed.dispute_wait:
            lines.append(self._term("dispute_wait", span(agreed.dispute_wait)))
        if agreed.rest_wait:
            lines.append(self._term("rest_wait", span(agreed.rest_wait)))
        else:
            lines.append(self._term("owner_wait", span(agreed.owner_wait)))
            lines.append(self._term("anyone_wait", span(agreed.anyone_wait)))
        if agreed.born_wrong:
            lines.append(self._term("born_wrong", ""))
        if agreed.forgive_every:
            lines.append(self._term("forgive_every", number(agreed.forgive_every)))
        lines.append(self._term("without_own_effect" if agreed.without_own_effect else "with_own_effect", ""))
        return Terms(
            lines,
            submitted,
            validated,
            required(0),
            deposit_after(1, agreed.cost_weight),
            [(s, required(s)) for s in steps],
        )

    def _term(self, name: str, value: str) -> tuple[str, str]:
        return self.text(f"terms.{name}.name"), self.text(f"terms.{name}.value", value=value)

    def prices(self, reader: Reader, models: Sequence[str]) -> list[int | None]:
        answers = reader.node.views([Call(self.address, self.PRICE, [model]) for model in models])
        return [answer if isinstance(answer, int) else None for answer in answers]

    def consent(self, reader: Reader, model: Model, sent: Sent) -> list[str]:
        agreed, terms, now = self.agreed(reader, model), self.terms(reader, model), reader.now()
        due, rest = now + agreed.refund_wait, now + agreed.rest_wait
        lines = [self.text("consent.price", required=ether(terms.required), most=ether(sent.value))]
        if agreed.rest_wait:
            if agreed.born_wrong and sent.agrees:
                lines.append(self.text("consent.safe", refund=moment(due), rest=moment(rest)))
            else:
                lines.append(self.text("consent.reported", most=ether(sent.value), due=moment(due), rest=moment(rest)))
                lines.append(self.text("consent.default", refund=moment(due), rest=moment(rest)))
        else:
            lines.append(self.text("consent.disagrees", most=ether(sent.value), due=moment(due)))
            lines.append(self.text("consent.slides", refund=moment(due), taken=moment(now + agreed.owner_wait)))
        if sent.agrees is False:
            lines.append(self.text("consent.against"))
        lines.append(
            self.text("consent.jump", jump=ether(terms.maximum), hour=ether(deposit_after(3_600, agreed.cost_weight)))
        )
        return lines

    def action(self, reader: Reader, model: Model, contribution: Contribution, name: str) -> Transaction:
        if name not in ACTIONS:
            raise KeyError(name)
        c = contribution
        if c.sponsor != c.contributor:  # what somebody else paid for is claimed as a batch of one
            return self._batch(model, c.sponsor, [c], name, self.text(f"do.{name}", number=c.id + 1))
        data = calldata(f"{name}(address,address,bytes,uint256)", [model.address, c.contributor, c.x, c.label])
        return Transaction(self.address, data, 0, self.text(f"do.{name}", number=c.id + 1))

    def actions(
        self, reader: Reader, model: Model, contributions: Sequence[Contribution], name: str
    ) -> list[Transaction]:
        by_sponsor: dict[str, list[Contribution]] = {}
        for c in contributions:
            by_sponsor.setdefault(ZERO if c.sponsor == c.contributor else c.sponsor, []).append(c)
        return [
            self._batch(model, sponsor, part, name, self.text(f"do_all.{name}", n=len(part)))
            if len(part) > 1
            else self.action(reader, model, part[0], name)
            for sponsor, paid in by_sponsor.items()
            for part in parts(paid)
        ]

    def _batch(self, model: Model, sponsor: str, part: Sequence[Contribution], name: str, what: str) -> Transaction:
        if name not in ACTIONS:
            raise KeyError(name)
        items = pack_claims([(c.contributor, c.x, c.label) for c in part])
        arguments = [model.address, sponsor, len(part), items]
        data = calldata(f"{name}_many(address,address,uint256,bytes)", arguments)
        return Transaction(self.address, data, 0, what, len(part))

    def keeper(self, reader: Reader, account: str) -> str:
        """Whom an account named as its keeper; empty if nobody."""
        keeper = reader.node.view(self.address, "keeper_of(address)(address)", account)
        return "" if keeper == ZERO else checksummed(keeper)

    def model_action(
        self, reader: Reader, model: Model, account: str, name: str, form: Mapping[str, str]
    ) -> Transaction:
        if name != "name_keeper":
            return super().model_action(reader, model, account, name, form)
        keeper = form.get("keeper", "").strip() or ZERO
        if not is_address(keeper):
            raise InputError(self.text("keeper.no_address"))
        if keeper.lower() == account.lower():
            raise InputError(self.text("keeper.oneself"))
        what = self.text("keeper.none") if keeper == ZERO else self.text("keeper.named", keeper=keeper)
        return Transaction(self.address, calldata("name_keeper(address)", [keeper]), 0, what)

    # ---- claims ------------------------------------------------------------------------------------------------------

    def derive(self, model: Model, history: History) -> list[_Claim]:
        """What became of each contribution, from the events alone."""
        with history.lock:
            state = history.derived.setdefault("claims", {"at": 0, "claims": [], "latest": {}, "open": {}})
            claims, latest, still_open = state["claims"], state["latest"], state["open"]
            for event in history.events[state["at"] :]:
                if isinstance(event, Contribution):
                    latest[record_key(model.address, event.contributor, event.sponsor, event.x, event.label)] = event.id
                    claims.append(_Claim(event.deposit))
                    still_open[event.id] = None
                    continue
                if event.topics[0] == FLAG:
                    for at in range(64, len(event.data), 32):  # behind the list's place and length
                        number = latest.get(event.data[at : at + 32])
                        if number is not None:
                            claims[number].flags["0x" + event.topics[2][26:]] = event
                    continue
                if event.topics[0] not in (REPORT, TAKE, *BACK):
                    continue
                number = latest.get(event.data[:32])
                if number is None:
                    continue
                claim = claims[number]
                who = "0x" + event.topics[2][26:]
                amount = int.from_bytes(event.data[32:64], "big")
                if event.topics[0] == REPORT:
                    claim.reports[who] = amount
                    claim.claimable -= amount
                    claim.lost += amount
                    if claim.claimable == 0:
                        claim.outcome = "report"
                elif event.topics[0] == TAKE:
                    claim.claimable, claim.outcome, claim.lost = 0, "take", claim.lost + amount
                else:
                    claim.claimable, claim.got, claim.outcome = 0, amount, BACK[event.topics[0]]
                if claim.outcome:
                    still_open.pop(number, None)
            state["at"] = len(history.events)
            return claims

    def _born_wrong(self, reader: Reader, model: Model, terms: Agreed, open_ones: Sequence[Contribution]) -> set[int]:
        """The ids of those open contributions with which the model disagreed when they came, where that matters."""
        if not terms.born_wrong:
            return {c.id for c in open_ones}
        keys = [record_key(model.address, c.contributor, c.sponsor, c.x, c.label) for c in open_ones]
        calls = [Call(self.address, self.RECORD, [key]) for key in keys]
        return {c.id for c, record in zip(open_ones, all_of(reader.node.views(calls)), strict=True) if record[4]}

    def _pardons(self, reader: Reader, model: Model, terms: Agreed, account: str) -> int:
        """How many of an account's contributions can be forgiven now."""
        if terms.forgive_every == 0:
            return 0
        counts = [f"{of}(address,address)(uint256)" for of in ("validated_of", "forgiven_of")]
        validated, forgiven = all_of(
            reader.node.views([Call(self.address, count, [model.address, account]) for count in counts])
        )
        return validated // terms.forgive_every - forgiven

    def open_rows(self, reader: Reader, model: Model, account: str) -> list[Row]:
        history = reader.history(model)
        claims = self.derive(model, history)
        own = [c for c in self.own(history.contributions, account) if not claims[c.id].outcome]
        return self.own_rows(reader, model, account, own[:OPEN_ROWS])  # what is oldest runs out first

    def own_rows(self, reader: Reader, model: Model, account: str, page: Sequence[Contribution]) -> list[Row]:
        _, claims, terms, now = self._situation(reader, model)
        asked = [c for c in page if not claims[c.id].outcome]
        judged = reader.judgements(model, asked, terms.without_own_effect)
        answers = dict(zip([c.id for c in asked], judged, strict=True))
        in_danger = self._born_wrong(reader, model, terms, asked)
        pardons = self._pardons(reader, model, terms, account) if asked else 0
        rows = []
        for c in page:
            claim = claims[c.id]
            row = Row(c, ether(c.deposit), lost=claim.lost > 0)
            if claim.outcome:
                row.state = self.text(
                    f"became.{claim.outcome}", got=ether(claim.got), lost=ether(claim.lost), deposit=ether(c.deposit)
                )
            else:
                row.left = ether(claim.claimable)
                left = pardons if c.contributor == account else 0
                self._tell_own(row, claim, answers[c.id] == c.label, c.id in in_danger, left, terms, now)
            if c.sponsor != account:  # whoever paid gets it back
                row.state, row.pays = self.text("own.sponsored", sponsor=c.sponsor) + " " + row.state, 0
            if claim.lost and claim.outcome not in ("report", "take"):
                row.state += " " + self.text("own.lost", lost=ether(claim.lost))
            rows.append(row)
        return rows

    def _tell_own(
        self, row: Row, claim: _Claim, agrees: bool, in_danger: bool, pardons: int, terms: Agreed, now: int
    ) -> None:
        """What the contributor can do about an open contribution, what comes when, and what may be lost."""
        time, amount = row.contribution.time, ether(claim.claimable)
        refund = time + terms.refund_wait
        if terms.rest_wait:
            end = Date(
                time + terms.rest_wait, self.text("own.goes_back", amount=amount, when=moment(time + terms.rest_wait))
            )
        else:
            which = "anyone" if now >= time + terms.owner_wait else "owner"
            until = time + (terms.anyone_wait if which == "anyone" else terms.owner_wait)
            end = Date(until, self.text(f"own.{which}_takes", amount=amount, when=moment(until)), True)
        if now < refund:
            row.state = self.text("own.wait_agrees" if agrees else "own.wait_disagrees", when=moment(refund))
            row.dates.append(Date(refund, row.state))
        elif agrees:
            row.state, row.actions = self.text("own.refund", amount=amount), [("refund", self.text("button.refund"))]
        elif terms.rest_wait and now >= end.time:
            row.state, row.actions = self.text("own.rest", amount=amount), [("rest", self.text("button.rest"))]
        else:
            row.state = self.text("own.disagrees")
            if in_danger and (terms.rest_wait or now < end.time):
                row.state += " " + self.text("own.others")
            if pardons > 0:
                row.state += " " + self.text("own.forgive", n=pardons)
                row.actions = [("forgive", self.text("button.forgive"))]
        if row.actions:
            row.pays = claim.claimable
        if now < end.time:
            row.dates.append(end)
            row.state += " " + end.text
        elif end.loss:
            row.state += " " + self.text("own.taken_any_time", amount=amount)

    def others(self, reader: Reader, model: Model, account: str, begin: int) -> Rows:
        history, claims, terms, now = self._situation(reader, model)
        with history.lock:
            still_open = [history.contributions[i] for i in history.derived["claims"]["open"]]
        candidates = [
            c
            for c in still_open
            if c.contributor != account and not 0 < terms.rest_wait <= now - c.time  # then it goes back
        ]
        candidates = self._suspects_first(reader, model, history.contributions, candidates)
        wrong = self._born_wrong(reader, model, terms, candidates[begin : begin + SCAN])
        valid, (_, validated) = all_of(
            reader.node.views(
                [
                    Call(self.address, "validated_of(address,address)(uint256)", [model.address, account]),
                    self.statistics_call(model),
                ]
            )
        )
        me = account.lower()

        def offer(c: Contribution, answer: int | None) -> Row | None:
            claim = claims[c.id]
            disagrees = answer is not None and answer != c.label and c.id in wrong
            slides = terms.rest_wait == 0
            abandoned = slides and now >= c.time + terms.anyone_wait
            mine_to_take = slides and account == model.owner and now >= c.time + terms.owner_wait
            if not (disagrees or abandoned or mine_to_take):
                return None
            row = Row(c, ether(c.deposit), ether(claim.claimable))
            share = min(c.deposit * valid // validated, claim.claimable) if validated else 0
            end = c.time + (terms.anyone_wait if slides else terms.rest_wait)
            ends = Date(end, self.text("others.ends_slides" if slides else "others.ends", when=moment(end)), True)
            amount = ether(share)
            said = (
                self.text("others.says", label=model.class_name(answer))
                if disagrees and answer is not None
                else self.text("others.agrees")
            )
            if mine_to_take or abandoned:
                state = self.text("others.take", amount=ether(claim.claimable))
                if claim.claimable:
                    row.actions, row.pays = [("take", self.text("button.take"))], claim.claimable
            elif valid == 0:
                state = self.text("others.newcomer")
            elif me in claim.reports:
                state = self.text("others.reported", amount=ether(claim.reports[me]))
            elif share == 0:
                state = self.text("others.nothing")
            elif now < c.time + terms.refund_wait:
                due = c.time + terms.refund_wait
                state = self.text("others.later", amount=amount, when=moment(due))
                row.dates.append(Date(due, state))
            elif terms.dispute_wait and me not in claim.flags:
                due = now + terms.dispute_wait
                if due >= end:
                    state = self.text("others.too_late")
                else:
                    state = self.text("others.announce", amount=amount, wait=span(terms.dispute_wait), when=moment(due))
                    row.actions = [("flag", self.text("button.flag"))]
            elif terms.dispute_wait and now < (due := reader.time_of(claim.flags[me]) + terms.dispute_wait):
                state = self.text("others.announced", amount=amount, when=moment(due))
                row.dates.append(Date(due, state))
            else:
                state = self.text("others.report", amount=amount)
                row.actions, row.pays = [("report", self.text("button.report"))], share
            row.state = f"{said} {state}"
            if now < end and not (mine_to_take or abandoned):
                row.dates.append(ends)
                row.state += " " + ends.text
            return row

        return self._scan(reader, model, candidates, begin, terms.without_own_effect, offer)

    # ---- what became of it all ---------------------------------------------------------------------------------------

    def score(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        history, claims, terms, _ = self._situation(reader, model)
        own = [c for c in history.contributions if c.contributor == account]
        settled = sum(bool(claims[c.id].outcome) for c in own)
        valid = sum(claims[c.id].outcome == "refund" for c in own)
        (required,) = all_of(reader.node.views([Call(self.address, self.PRICE, [model.address])]))
        if terms.rest_wait:
            waits = self.text("score.waits", refund=span(terms.refund_wait), rest=span(terms.rest_wait))
        else:
            waits = self.text("score.waits_slides", refund=span(terms.refund_wait), owner=span(terms.owner_wait))
        return [
            self._valid_share(len(own), settled, valid),
            (self.text("score.required"), ether(required)),
            (self.text("score.wait"), waits),
        ]

    def money(self, reader: Reader, model: Model, account: str) -> list[Entry]:
        entries = super().money(reader, model, account)
        history = reader.history(model)
        self.derive(model, history)
        number_of = {key: i + 1 for key, i in history.derived["claims"]["latest"].items()}
        for event in history.events:
            if not isinstance(event, Log) or event.topics[0] not in INCOME:
                continue
            number = number_of.get(event.data[:32], 0)
            paid = history.contributions[number - 1].sponsor if number else ""
            payee = paid if event.topics[0] in BACK else checksummed(event.topics[2])
            if payee == account:
                amount = int.from_bytes(event.data[32:64], "big")
                entries.append(
                    Entry(
                        reader.time_of(event),
                        INCOME[event.topics[0]],
                        number,
                        event.transaction,
                        amount,
                    )
                )
        return sorted(entries, key=lambda entry: entry.time)

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
        waiting = sum(claims[c.id].claimable for c in own if not claims[c.id].outcome)
        return [
            (self.text("statistics.contributions"), number(len(own))),
            (self.text("statistics.validated"), number(valid)),
            (self.text("statistics.waiting"), ether(waiting)),
            (self.text("statistics.back"), ether(sum(claims[c.id].got for c in own))),
            (self.text("statistics.lost"), ether(sum(claims[c.id].lost for c in own))),
            (self.text("statistics.earned"), ether(earned)),
        ]
