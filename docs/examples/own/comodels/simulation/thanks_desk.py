"""`Thanks` in the simulation: people contribute, and there is nothing to claim."""

from __future__ import annotations

from typing import Any

from comodels.incentives.thanks import Terms, ThanksTwin

from comodels.simulation.agents import Agent
from comodels.simulation.compare import same
from comodels.simulation.desk import Desk
from comodels.simulation.world import OWNER, Entry, World


class ThanksDesk(Desk):
    """Thanks, no money."""

    KIND = "Thanks"
    TERMS = Terms

    def __init__(self, world: World, terms: Terms):
        self.world = world
        self.terms = terms
        self.twin = ThanksTwin(world.model, terms)

    def add(self, agent: Agent, account: str, x: bytes, y: int, true_label: int, time: int) -> Entry | None:
        effect = self.world.act(time, account, "add_data", (x, y))
        if effect is None:
            return None
        number = len(self.world.entries)
        return Entry(number, agent.index, account, x, y, true_label, time, 0, effect, None, settled=True)

    def first_look(self, own: bool) -> int:
        return 0

    def claim_own(self, agent: Agent, entry: Entry, time: int) -> int:
        return 0

    def claim_other(self, agent: Agent, entry: Entry, time: int) -> int:
        return 0

    def scores(self) -> dict[str, int]:
        return dict(self.twin.thanks) or {OWNER: 0}

    def check_chain(self, replay: Any) -> None:
        for account, thanks in sorted(self.twin.thanks.items()):
            same(f"thanks of {account}", replay.ask_incentive("thanks", account), thanks)
