"""Prediction markets: phases, stakes, and what is paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comodels.chain.abi import Call, calldata, topic_of, word
from comodels.chain.logs import Contribution, pages
from comodels.dashboard.incentives.base import (
    Date,
    Due,
    Entry,
    Incentive,
    Row,
    Sent,
    Terms,
    Transaction,
)
from comodels.dashboard.markets import OF_PROVIDER, Draft, Market, contract_of
from comodels.dashboard.reader import Model, Reader
from comodels.dashboard.say import ether, exact, moment, number, say
from comodels.incentives.prediction_market import (
    CANCELLED,
    PARTICIPATING,
    SILENT,
    market_id,
    place_of,
)
from comodels.incentives.settlement import shares
from comodels.payouts import Payout, View, calls

LATEST = 20  # markets of a model of which the provider is told what is left


class PredictionMarket(Incentive):
    name = "PredictionMarket"
    key = "market"
    can_train = True
    has_deposit = True
    has_market = True
    began = topic_of("Committed(address,uint256,address,bytes32)")

    @classmethod
    def probe(cls, model: str, trainer: str) -> Call:
        return Call(trainer, "next_market(address)(uint256)", [model])

    def market(self, reader: Reader, model: Model, account: str = "") -> Market:
        """The model's latest market."""
        return Market(reader, self.address, model, account, self.folder)

    def terms(self, reader: Reader, model: Model) -> Terms:
        market = self.market(reader, model)
        situation, view = market.situation(), market.view
        submitted = len(reader.history(model).contributions)
        if view is None:
            return Terms([(self.text("terms.phase"), situation.phase)], submitted, closed=self.text("closed.none"))
        plan = view.plan
        lines = [
            (self.text("terms.phase"), situation.phase),
            (self.text("terms.stake"), ether(plan.stake)),
            (self.text("terms.bounty"), self.text("terms.bounty_value", amount=ether(plan.bounty), n=plan.rounds)),
            (self.text("terms.bond"), ether(plan.bond)),
            (
                self.text("terms.test_set"),
                self.text("terms.test_set_value", portions=plan.portions, rows=plan.rows, drawn=plan.drawn),
            ),
            (
                self.text("terms.contributions"),
                self.text(
                    "terms.contributions_value",
                    now=view.contributions,
                    least=plan.min_contributions,
                    most=plan.max_contributions,
                ),
            ),
        ]
        if view.scored:
            before, after = view.initial_errors, view.errors
            lines.append(
                (
                    self.text("terms.errors"),
                    self.text("terms.errors_value", before=before, after=after, rows=plan.hidden_rows),
                )
            )
        closed = "" if situation.takes else self.text("closed.now", phase=situation.phase)
        return Terms(lines, submitted, required=plan.stake, maximum=plan.stake, closed=closed)

    def _views(self, reader: Reader, markets: Sequence[int]) -> list[View]:
        """Markets by their ids, as the contract tells."""
        return [View.of(v) for v in contract_of(reader, self.address).call_many("market", [[m] for m in markets])]

    def prices(self, reader: Reader, models: Sequence[str]) -> list[int | None]:
        latest = reader.node.views([Call(self.address, "latest_market(address)(uint256)", [m]) for m in models])
        running = [i for i, market in enumerate(latest) if isinstance(market, int) and market]
        found: list[int | None] = [None] * len(models)
        now = reader.now() if running else 0
        for i, view in zip(running, self._views(reader, [latest[i] for i in running]), strict=True):
            if view.phase == PARTICIPATING and now < view.deadline:
                found[i] = view.plan.stake
        return found

    def consent(self, reader: Reader, model: Model, sent: Sent) -> list[str]:
        view = self.market(reader, model).view
        if view is None:
            return []
        plan = view.plan
        paid = view.deadline + plan.rest_time + plan.score_time
        lines = [
            self.text("consent.stake", stake=ether(plan.stake)),
            self.text("consent.risk", stake=ether(plan.stake), bounty=ether(plan.bounty)),
            self.text("consent.when", when=moment(view.deadline), paid=moment(paid)),
        ]
        return lines + ([self.text("consent.no_effect")] if sent.agrees else [])

    def action(self, reader: Reader, model: Model, contribution: Contribution, name: str) -> Transaction:
        if name != "withdraw":
            raise KeyError(name)
        number, index = place_of(model.address, contribution.more)
        payout = self._payouts(reader, model, number).get(index)
        if payout is None:
            raise KeyError(name)
        data = contract_of(reader, self.address).data(*payout.call(number))
        return Transaction(self.address, data, 0, self.text("do.withdraw", number=contribution.id + 1))

    def actions(
        self, reader: Reader, model: Model, contributions: Sequence[Contribution], name: str
    ) -> list[Transaction]:
        if name != "withdraw":
            raise KeyError(name)
        indices: dict[int, list[int]] = {}
        for c in contributions:
            market, index = place_of(model.address, c.more)
            indices.setdefault(market, []).append(index)
        contract, made = contract_of(reader, self.address), []
        for market, wanted in indices.items():
            due = self._payouts(reader, model, market)
            for batch, call in calls(market, [due[i] for i in wanted if i in due]):
                what = self.text("do_all.withdraw", n=len(batch))
                made.append(Transaction(self.address, contract.data(*call), 0, what, len(batch)))
        return made

    def _payouts(self, reader: Reader, model: Model, number: int) -> dict[int, Payout]:
        """What contributions to a market that has ended are owed, and were not paid yet, by their index."""
        draft = Draft(reader, self.address, model, "", None)
        draft.number = number & 2**32 - 1
        view = draft.view()
        if view is None or not view.ended:
            return {}
        return {payout.stake.index: payout for payout in draft.payouts(view)}

    def due(self, reader: Reader, model: Model, account: str) -> list[Due]:
        """What is left of bounty and bond, for the provider of the latest markets; and what waits for anybody."""
        contract = contract_of(reader, self.address)
        latest = contract.call("latest_market", model.address)
        first = max(latest - LATEST, market_id(model.address, 0)) + 1
        markets = range(first, latest + 1) if latest else []
        views, held = self._views(reader, markets), contract.call_many("held", [[m] for m in markets])
        rests = [
            Due(
                self.text("rest.text", number=m & 2**32 - 1, amount=exact(rest)),
                f"withdraw_rest {m}",
                self.text("rest.button"),
                rest,
            )
            for m, view, (rest, _) in zip(markets, views, held, strict=True)
            if rest and view.ended and view.provider.lower() == account.lower()
        ]
        return rests + super().due(reader, model, account)

    def steps(self, market: Market) -> list[Due]:
        steps, waiting = market.situation().steps, 0
        if market.view is not None and market.view.ended:
            waiting = sum(market.draft.contract.call("held", market.draft.market))
            steps = ["withdraw"] if waiting else []
        provider = market.draft.secret.provider if market.draft.secret else ""
        return [
            Due(self.text(f"step.{step}.text", amount=ether(waiting)), f"step {step}", self.text(f"step.{step}.button"))
            for step in steps
            if step not in OF_PROVIDER or provider.lower() == market.account.lower()
        ]

    def model_action(
        self, reader: Reader, model: Model, account: str, name: str, form: Mapping[str, str]
    ) -> Transaction:
        what, _, rest = name.partition(" ")
        if what == "step":
            data, value = self.market(reader, model, account).draft.planned(rest)
            return Transaction(self.address, data, value, self.text(f"step.{rest}.button"))
        if what != "withdraw_rest":
            return super().model_action(reader, model, account, name, form)
        if not rest.isdecimal() or int(rest) >> 32 != int(model.address, 16):
            raise KeyError(name)
        data = calldata("withdraw_rest(uint256)", [int(rest)])
        return Transaction(self.address, data, 0, self.text("rest.do", number=int(rest) & 2**32 - 1))

    def own_rows(self, reader: Reader, model: Model, account: str, page: Sequence[Contribution]) -> list[Row]:
        places = [place_of(model.address, c.more) for c in page]
        markets = sorted({market for market, _ in places})
        found = dict(zip(markets, self._views(reader, markets), strict=True))
        due = {m: self._payouts(reader, model, m) for m in markets if found[m].ended}
        market = self.market(reader, model, account)
        running = market.draft.market
        expected = market.expected(market.errors()) if running in markets and not found[running].ended else {}
        rows = []
        for c, (m, index) in zip(page, places, strict=True):
            if not index:
                rows.append(Row(c, ether(0), state=self.text("own.no_effect")))
                continue
            phase, payout = found[m].phase, due.get(m, {}).get(index)
            paid = c.sponsor == account
            row = Row(c, ether(c.deposit if paid else 0))
            if not found[m].ended:
                row.state = market.situation().phase
                if index in expected:
                    back, earned = shares(expected[index], c.deposit)
                    mine = back * paid + earned * (c.contributor == account)
                    row.state += " " + self.text("own.expected", amount=ether(mine))
                    row.lost = paid and back < c.deposit
                if (deadline := found[m].deadline) and phase == PARTICIPATING:
                    row.dates.append(Date(deadline, self.text("own.ends", when=moment(deadline))))
            elif payout is not None:
                owed = payout.to(account)
                row.left, row.pays = ether(owed), owed
                result = {CANCELLED: "cancelled", SILENT: "silent"}.get(phase, "earned")
                row.state = self.text(f"own.{result}", n=payout.rounds, amount=ether(owed), stake=ether(c.deposit))
                row.actions = [("withdraw", self.text("button.withdraw"))]
                row.lost = paid and payout.amount < c.deposit
            else:
                row.state = self.text("own.paid")
            if not paid:
                row.state = self.text("own.sponsored", sponsor=c.sponsor) + " " + row.state
            rows.append(row)
        return rows

    def score(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        market = self.market(reader, model, account)
        own = sum(c.contributor == account for c in reader.history(model).contributions)
        situation = market.situation()
        lines = [(self.text("score.name"), say("statistics.contributions_count", n=own))]
        if market.view is not None and not market.view.ended:
            lines.append((self.text("score.required"), ether(market.view.plan.stake)))
        return [*lines, (self.text("terms.phase"), situation.phase)]

    def money(self, reader: Reader, model: Model, account: str) -> list[Entry]:
        entries = super().money(reader, model, account)
        first, last = reader.first_block(model.address), reader.node.block
        contract = contract_of(reader, self.address)

        def logs_of(event: str, *indexed: str | None) -> list[dict[str, Any]]:
            topics = [contract.topics(event), *indexed]
            return [log for _, logs in pages(reader.node, first, last, topics, self.address) for log in logs]

        own = logs_of("Committed", word(model.address), None, word(account))
        paid = [log for log in logs_of("Withdrawn", None, word(account)) if _is_of(log["topics"][1], model.address)]
        views = self._views(reader, [int(log["topics"][2], 16) for log in own])
        times = reader.times([int(log["blockNumber"], 16) for log in [*own, *paid]])
        for log, view, time in zip(own, views, times[: len(own)], strict=True):
            entries.append(Entry(time, "commit", 0, log["transactionHash"], -view.plan.total))
        for log, time in zip(paid, times[len(own) :], strict=True):
            amount = int(log["data"][66:130], 16)
            entries.append(Entry(time, "withdraw", 0, log["transactionHash"], amount))
        return sorted(entries, key=lambda entry: entry.time)

    def account_lines(self, reader: Reader, model: Model, account: str) -> list[tuple[str, str]]:
        rows = self.mine(reader, model, account, 0, 10_000).rows
        staked = sum(row.contribution.deposit for row in rows if row.contribution.sponsor == account)
        return [
            (self.text("statistics.contributions"), number(len(rows))),
            (self.text("statistics.staked"), ether(staked)),
            (self.text("statistics.ready"), ether(sum(row.pays for row in rows))),
        ]


def _is_of(topic: str, model: str) -> bool:
    """Whether a market, as a topic, is one of a model's."""
    return int(topic, 16) >> 32 == int(model, 16)
