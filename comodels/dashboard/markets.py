"""Where a prediction market stands, and the next transaction of whoever moves it on: as `ape run market` would send it.

The steps are those of `MarketDriver`. What it would send is caught (`Planned`) and goes through the person's wallet.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from comodels.artifacts import artifact
from comodels.chain.account import MAX_GAS
from comodels.chain.contract import ContractAt
from comodels.chain.node import RpcError
from comodels.dashboard.library import told
from comodels.dashboard.reader import Model, Reader
from comodels.dashboard.say import moment, say, span
from comodels.dashboard.store import InputError
from comodels.dashboard.words import explain
from comodels.errors import ComodelsError
from comodels.incentives import prediction_market as p
from comodels.incentives.settlement import settle
from comodels.market import MarketDriver, StepRefused, TooMuchGas
from comodels.market_secret import Secret, path_in
from comodels.payouts import Stake, View, stakes_of

RUNNING = p.PHASES[p.COMMITTED : p.SETTLED]
BLOCKS_OF_DRAW = p.DRAW_DELAY + p.BLOCKHASH_WINDOW


def contract_of(reader: Reader, trainer: str) -> ContractAt:
    """The contract of prediction markets at an address."""
    return ContractAt(reader.node, trainer, artifact("PredictionMarket").abi)


class Planned(Exception):
    """What would be sent now: function, arguments, and wei."""


class Draft(MarketDriver):
    """A driver that sends nothing: its first transaction is raised as `Planned`.

    Parameters
    ----------
    folder : path or None
        Where the files of providers are kept; None where the page is not the provider's own.
    """

    def __init__(self, reader: Reader, trainer: str, model: Model, account: str, folder: Path | None):
        super().__init__(contract_of(reader, trainer), model.address, account or trainer, say=lambda line: None)
        self.reader, self.folder, self.subject = reader, folder, model
        if folder is not None:
            self._find_secret(folder)

    def _find_secret(self, folder: Path) -> None:
        for market in (self.contract.call("next_market", self.model), self.market):
            path = path_in(folder, market)
            if path.is_file():
                self.secret, self.path = Secret.load(path), path
                if not self.overtaken:
                    return
                self.secret, self.path = None, None

    @property
    def pending(self) -> bool:
        """Whether a test set is here that is not committed to yet; its commitment may be on its way."""
        return self.secret is not None and self.secret.market == self.contract.call("next_market", self.model)

    def send(self, what: str, function: str, *arguments: Any, value: int = 0) -> dict:
        fields = {
            "from": self.account,
            "to": self.contract.address,
            "data": "0x" + self.contract.data(function, *arguments).hex(),
            "value": hex(value),
        }
        (answer,) = self.node.many([("eth_estimateGas", [fields, "pending"])])
        if isinstance(answer, RpcError):
            text = str(answer)
            raise (TooMuchGas if not answer.reason and "gas" in text else StepRefused)(text)
        if int(answer, 16) > MAX_GAS:
            raise TooMuchGas(function)
        raise Planned(function, arguments, value)

    def stakes(self, view: View) -> list[Stake]:
        return stakes_of(self.reader.history(self.subject).contributions, self.model, self.market)

    def planned(self, step: str) -> tuple[bytes, int]:
        """Calldata and wei of the next transaction of a step. Raises `InputError` if there is none."""
        if step not in STEPS:
            raise InputError(say("market.not_now"))
        try:
            getattr(self, step)()
        except Planned as found:
            function, arguments, value = found.args
            return self.contract.data(function, *arguments), value
        except (StepRefused, RpcError) as error:
            raise InputError(explain(str(error))) from error
        except ComodelsError as error:
            raise InputError(told(error)) from error
        raise InputError(say("market.not_now"))

    def write(self, rows: Sequence[tuple[int, bytes]], **plan: int) -> None:
        """Keep a test set for the model's next market, from shuffled (label, sample) rows."""
        if self.folder is None or self.pending:  # a test set that is overwritten loses the bond
            raise InputError(say("market.not_now"))
        self.folder.mkdir(parents=True, exist_ok=True)
        shuffled = list(rows)
        secrets.SystemRandom().shuffle(shuffled)
        portions = plan.pop("portions")
        try:
            self.write_secret(shuffled, self.folder, portions, **plan)
            self.test_portions(ContractAt(self.node, self.model, artifact(self.subject.kind).abi))
        except ComodelsError as error:
            raise InputError(told(error)) from error


STEPS = ("commit", "draw", "reveal", "prepare", "close", "check", "score", "settle", "expire", "withdraw")
OF_PROVIDER = ("commit", "reveal")


@dataclass
class Phase:
    """A line of the time line.

    Attributes
    ----------
    state : str
        done, now, or later.
    """

    name: str
    text: str
    when: str
    state: str


@dataclass
class Situation:
    """Where a market stands.

    Attributes
    ----------
    view : View or None
        As the contract tells; None before the first market.
    phase : str
        What it is in, in a person's words; what is over is never called open.
    takes : bool
        Whether one can contribute now.
    steps : list of str
        What can be done now, see `STEPS`.
    waiting : str
        What has to happen otherwise, and until when.
    """

    view: View | None
    phase: str
    takes: bool = False
    steps: list[str] = field(default_factory=list)
    waiting: str = ""
    timeline: list[Phase] = field(default_factory=list)


class Market:
    """The latest market of a model, for somebody who looks at it."""

    def __init__(self, reader: Reader, trainer: str, model: Model, account: str, folder: Path | None):
        self.draft = Draft(reader, trainer, model, account, folder)
        self.reader, self.model, self.account = reader, model, account

    @cached_property
    def view(self) -> View | None:
        return self.draft.view()

    def situation(self) -> Situation:
        """Where it stands now."""
        view, driver = self.view, self.draft
        if view is None:
            steps = ["commit"] if driver.pending else []
            return Situation(None, say("market.phase.none"), steps=steps, waiting=say("market.ask.none"))
        if view.ended:
            return Situation(view, say(f"market.ending.{p.PHASES[view.phase]}"), timeline=self._timeline(view, False))
        name, now = p.PHASES[view.phase], driver.node.next_time
        _, method = driver.next_step(view)
        missed = view.phase == p.COMMITTED and method == "expire"
        over = missed or bool(view.deadline) and now >= view.deadline
        full = view.phase == p.PARTICIPATING and view.contributions >= view.plan.max_contributions
        takes = view.phase == p.PARTICIPATING and not over and not full
        steps = ["expire"] if missed else [method] if method else []
        if over and view.phase == p.SCORING:
            steps.append("expire")
        if over and view.phase in (p.DRAWN, p.REVEALING):
            steps = ["expire"]
        state = "over" if over else "full" if full else "open"
        key = f"market.phase.{name}" if state == "open" else f"market.phase.{name}_{state}"
        values = {
            "when": moment(view.deadline),
            "block": view.draw_block + 1,
            "revealed": view.revealed,
            "portions": view.plan.drawn if view.phase == p.DRAWN else view.plan.portions,
        }
        waiting = say(f"market.ask.{name}", **values) if not over else say("market.ask.anyone")
        return Situation(view, say(key, **values), takes, steps, waiting, self._timeline(view, over))

    def _timeline(self, view: View, over: bool) -> list[Phase]:
        plan, lines = view.plan, []
        lasts = (
            say("market.lasts.draw", n=BLOCKS_OF_DRAW),
            span(plan.reveal_time),
            span(plan.participation_time),
            span(plan.rest_time),
            span(plan.score_time),
            say("market.lasts.any"),
        )
        for i, (name, length) in enumerate(zip(RUNNING, lasts, strict=True), 1):
            state = "done" if view.phase > i else "now" if view.phase == i else "later"
            when = say("market.lasts.at_most", time=length) if p.COMMITTED < i < p.SETTLING else length
            if state == "now" and view.deadline and i < p.SETTLING:
                when = say("market.lasts.over" if over else "market.lasts.until", when=moment(view.deadline))
            lines.append(Phase(say(f"market.name.{name}"), say(f"market.who.{name}"), when, state))
        ended = say(f"market.ending.{p.PHASES[view.phase]}") if view.ended else say("market.who.ended")
        lines.append(Phase(say("market.name.ended"), ended, "", "now" if view.ended else "later"))
        return lines

    def errors(self) -> list[int]:
        """Wrong hidden rows before the first contribution and after each that was scored; empty before that."""
        view, driver = self.view, self.draft
        return [view.initial_errors, *driver.errors(view)] if view is not None and view.scored else []

    def expected(self, errors: Sequence[int]) -> dict[int, int]:
        """Wei that each scored contribution, by its index from 1, will be paid: what comes later cannot change it."""
        if self.view is None or not errors:
            return {}
        plan = self.view.plan
        balances = settle(errors, plan.hidden_rows, plan.rounds)
        return {i: plan.stake * balance // plan.hidden_rows for i, (balance, _) in enumerate(balances, 1)}

    @cached_property
    def may_commit(self) -> bool:
        """Whether this account may start a market now."""
        _, _, _, owner_only = self.draft.contract.call("terms", self.model.address)
        free = self.view is None or self.view.ended
        return free and (not owner_only or self.account.lower() == self.model.owner.lower())
