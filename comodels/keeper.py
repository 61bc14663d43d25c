"""A keeper: looks at models and markets again and again, and does what is due and worth its gas.

It remembers nothing: what is due stands on the chain, and what it has signed in its notes (`comodels.chain.notes`). So
it can be stopped at any moment, and started again, beside others too.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from eth_utils import to_checksum_address

from comodels.audit import likely_first
from comodels.chain.account import Refused, Wallet, address_of, gas_price
from comodels.chain.node import Node, NodeError, RpcError
from comodels.claims import Claim
from comodels.errors import ComodelsError
from comodels.incentives.blocks import rows_carried
from comodels.incentives.prediction_market import COMMITTED, DRAWN, SETTLED, SETTLING_PARTS, market_id, place_of
from comodels.incentives.scorers import fitting
from comodels.market import MarketDriver, open_market
from comodels.market_secret import row_count
from comodels.payouts import View
from comodels.published import PublishedModel
from comodels.units import ether

PAYING_GAS = 100_000  # about what it takes to have something paid out
SOONEST = 5  # seconds until another look, whatever is due


def amount(value: int, unit: str) -> str:
    """Wei or points for people."""
    return ether(value) if unit == "ether" else f"{value:,} {unit}"


def make(model: PublishedModel, claim: Claim, wallet: Wallet, say: Callable[[str], object]) -> int:
    """Send a claim; what it paid its payee, in the incentive's unit, as its events say.

    An earlier claim may have changed it. What somebody else was quicker with is said and left out.
    """
    try:
        receipt = model.claim(claim, wallet)
    except Refused as error:
        say(f"{claim.action} of contribution {claim.contribution.id} is not possible any more: {error}")
        return 0
    to = claim.payee(wallet.address)
    paid: Counter[str] = Counter()
    for name, values in model.paying.events(receipt):
        if name != "Credited":  # told by the claim too
            # a market pays who contributed and who paid for it
            payee = to_checksum_address(values["account"]) if name == "Withdrawn" else to
            paid[payee] += values.get("amount", values.get("points", 0))
    for account, of_it in paid.items():
        if of_it:
            what = amount(of_it, model.adapter.unit)
            say(f"{claim.action} of contribution {claim.contribution.id}: {what} to {account}")
    return paid[to]


class Unpaid(ComodelsError):
    """A step of a stranger's market brings less than its gas costs."""


class Paid(MarketDriver):
    """Of a stranger's market it does what brings more, in fees or a late provider's bond, than its gas costs."""

    def send(self, what: str, function: str, *arguments, value: int = 0) -> dict:
        """As `MarketDriver.send`. Raises `Unpaid`."""
        call = self.contract.transaction(function, *arguments, sender=address_of(self.account)).call
        try:
            gas = int(self.node.rpc("eth_estimateGas", call, "pending"), 16)
        except RpcError as error:
            raise Unpaid(f"{what}: {error}") from error
        fee = self._fee(function, arguments)
        if fee == 0 or fee < gas * gas_price(self.node).total:
            raise Unpaid(what)
        return super().send(what, function, *arguments, value=value)

    def _fee(self, function: str, arguments: tuple) -> int:
        """Wei that a transaction earns."""
        view = self.view()
        assert view is not None
        if function == "expire" and view.phase in (COMMITTED, DRAWN):
            return view.plan.bond  # of who says that a provider is late
        rows = view.plan.hidden_rows
        parts = 0
        if function == "check":
            _, shown, _, at_once = arguments
            parts, left = row_count(shown), view.plan.rows * sum(i >= view.next for i in view.hidden)
            if view.plan.rows < parts < left:
                parts -= view.plan.rows  # the last portion may only show that the others are whole
            parts = min(at_once, parts)
        elif function == "score_many":
            first, _, at_once, *_, carried = arguments[1:]
            waiting = [s.given for s in self.stakes(view)[first - 1 :][: self.many]]
            parts = len(fitting(waiting)[0]) * min(at_once, rows_carried(carried) or rows)
        elif function == "settle":
            parts = view.scored * SETTLING_PARTS
        return view.plan.fee // (rows + SETTLING_PARTS) * parts


@dataclass
class Keeper:
    """Who does what is due.

    Attributes
    ----------
    served : sequence of str
        The addresses of others: what goes back to them is asked for, and what they are forgiven is spent if they have
        named the keeper for it, whatever the gas costs.
    push : bool
        Whether to move on markets too in which neither the keeper nor who is served takes part; otherwise it does of
        these only what is paid for.
    markets : Path
        Folder of the files of test sets: of these markets it reveals what is to be revealed.
    """

    wallet: Wallet
    models: Sequence[PublishedModel]
    served: Sequence[str] = ()
    push: bool = False
    markets: Path = Path("markets")
    say: Callable[[str], object] = print
    _dates: list[tuple[int, str]] = field(default_factory=list)  # when what is due

    @property
    def node(self) -> Node:
        return self.models[0].node

    @property
    def _others(self) -> list[str]:
        """Who is served besides the keeper."""
        return [account for account in dict.fromkeys(self.served) if account != self.wallet.address]

    def look(self) -> None:
        """Do once what is due now, and say it. What fails is said too, and keeps nothing else from being done."""
        self._dates = []
        for model in self.models:
            steps: list[Callable[[PublishedModel], None]] = [self._claim, self._fetch]
            if model.incentive_kind == "PredictionMarket":
                steps.append(self._move)
            for step in steps:
                try:
                    step(model)
                except (NodeError, ComodelsError) as error:
                    self.say(f"{model.name}: {error}")

    def _claim(self, model: PublishedModel) -> None:
        """What can be claimed: for the keeper itself if that is worth its gas, for those it serves in any case."""
        me, price = self.wallet.address, gas_price(self.node).total
        found = [c for c in model.claims(me, forgive=True) if c.pays(me, model.adapter.unit, price)]
        for account in self._others:
            found += model.claims(account=me, contributor=account, forgive=True)
        for claim in likely_first(model, found):
            self.say(f"{model.name}: {claim.action} of contribution {claim.contribution.id} ...")
            make(model, claim, self.wallet, self.say)
            self._told()
        for account in (me, *self._others):
            self._dates += [
                (p.time, f"{model.name}, contribution {p.contribution.id}: {p.text}") for p in model.prospects(account)
            ]

    def _fetch(self, model: PublishedModel) -> None:
        """What could not be delivered to the keeper."""
        credit = model.credit(self.wallet.address)
        if self._is_worth(credit):
            model.fetch(self.wallet)
            self.say(f"Fetched {ether(credit)} from {model.trainer}.")
            self._told()

    def _move(self, model: PublishedModel) -> None:
        """Move the model's market on, as far as it goes now, and have the rest paid of those that have ended."""
        settings: dict[str, Any] = {"say": lambda line: self.say(f"{model.name}: {line}")}
        driver = open_market(model, self.wallet, self.markets, **settings)
        view = driver.view()
        ours = view is not None and self._takes_part(model, driver.market, view)
        if not ours:
            driver = Paid(model.paying, model.address, self.wallet, **settings)
        while (view := driver.view()) is not None and not view.ended:
            what, method = driver.next_step(view)
            if method is None:
                if ours:
                    self._dates.append((view.deadline, f"{model.name}, market: {what}"))
                break
            try:
                getattr(driver, method)()
            except Unpaid:
                break
            finally:
                self._told()
        self._rest(model)

    def _takes_part(self, model: PublishedModel, market: int, view: View) -> bool:
        """Whether the market is one of the keeper or of those it serves."""
        ours = {self.wallet.address, *self.served}
        if self.push or view.provider in ours:
            return True
        mine = [c for c in model.contributions() if ours & {c.contributor, c.sponsor}]
        return any(place_of(model.address, c.more)[0] == market for c in mine)

    def _rest(self, model: PublishedModel) -> None:
        """What markets that have ended owe their providers, where that is the keeper, or who is served."""
        latest = model.paying.call("latest_market", model.address)
        markets = [(market_id(model.address, number + 1),) for number in range(latest & 2**32 - 1)]
        views, held = (model.paying.call_many(question, markets) for question in ("market", "held"))
        for (market,), view, (rest, _) in zip(markets, views, held, strict=True):
            provider = to_checksum_address(view[0])
            if view[6] < SETTLED or not rest:
                continue
            if provider in self._others or provider == self.wallet.address and self._is_worth(rest):
                model.paying.transact("withdraw_rest", market, account=self.wallet)
                self.say(f"{model.name}: the rest of market {market & 2**32 - 1}, {ether(rest)}, to {provider}.")
                self._told()

    def _is_worth(self, amount: int) -> bool:
        """Whether so many wei are more than the gas costs to have them paid."""
        return amount > PAYING_GAS * gas_price(self.node).total

    def _told(self) -> None:
        if self.wallet.notes is not None:
            self.wallet.notes.told()

    def next_date(self, now: int) -> tuple[int, str] | None:
        """When, after `now`, something that the last look has seen is due next, and what; None if nothing is known."""
        return min((date for date in self._dates if date[0] > now), default=None)

    def run(self, every: float, rounds: int | None = None, wait: Callable[[float], object] = time.sleep) -> None:
        """Look again and again.

        Parameters
        ----------
        every : float
            Seconds until the next look, if nothing is due before.
        rounds : int, optional
            After so many looks it ends.
        """
        told = ""
        while rounds is None or rounds > 0:
            pause = every
            try:
                self.look()
                now = self.node.next_time
                following = self.next_date(now)
                if following is not None:
                    pause = min(every, max(SOONEST, following[0] - now))
                if (text := self._announce(following)) != told:
                    self.say(text)
                    told = text
            except NodeError as error:
                self.say(f"The chain does not answer ({error}). Trying again ...")
            rounds = rounds and rounds - 1
            if rounds != 0:
                wait(pause)

    @staticmethod
    def _announce(following: tuple[int, str] | None) -> str:
        if following is None:
            return "Nothing more is known to come."
        return f"Next, {datetime.fromtimestamp(following[0], timezone.utc):%Y-%m-%d %H:%M} UTC: {following[1]}."
