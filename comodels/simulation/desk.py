"""What an incentive offers to the agents of a simulation."""

from __future__ import annotations

from typing import Any

from comodels.revert import Revert
from comodels.simulation.agents import Agent
from comodels.simulation.scenario import IncentiveSettings, ScenarioError, read_fields
from comodels.simulation.world import OWNER, Entry, World


class Desk:
    """An incentive's twin, and what agents do with it.

    Attributes
    ----------
    KIND : str
        The contract's name.
    TERMS : type
        The dataclass of the terms, in the order in which the contract takes them.
    """

    KIND = ""
    TERMS: type
    DEFAULTS: dict[str, Any] = {}

    world: World
    twin: Any
    terms: Any
    owner: str = OWNER  # of the model

    @classmethod
    def make_terms(cls, settings: IncentiveSettings) -> Any:
        """The terms, with what the scenario says. Raises `ScenarioError`."""
        values = read_fields(cls.TERMS, settings.terms, "incentive.terms", cls.DEFAULTS)
        try:
            return cls.TERMS(**values)
        except (Revert, TypeError) as error:
            raise ScenarioError(f"incentive.terms: {error}") from error

    def pack_terms(self) -> bytes:
        """What the contract's `open` takes."""
        return self.terms.encode()

    # ---- for agents --------------------------------------------------------------------------------------------------

    def call(self, function: str, sender: str, arguments: tuple, value: int, time: int) -> Any:
        """A transaction to the twin. Raises `Revert`."""
        return getattr(self.twin, function)(sender, *arguments, time)

    def judge(self, entry: Entry, model: Any = None) -> int:
        """What the model, or a copy that somebody tries something on, says to a contribution."""
        model = model or self.world.model
        if self.terms.without_own_effect:
            return model.predict_without(entry.x, entry.y, entry.effect)
        return model.predict(entry.x)

    def price(self, time: int) -> int:
        """Wei that a contribution needs."""
        return 0

    def add(self, agent: Agent, account: str, x: bytes, y: int, true_label: int, time: int) -> Entry | None:
        """Contribute; None if the contract refuses it."""
        raise NotImplementedError

    def answers(self, time: int) -> bool:
        """Whether the contract asks the model for claims at this time."""
        return True

    def first_look(self, own: bool) -> int:
        """Seconds after a contribution from which its author, or somebody else, can claim anything."""
        raise NotImplementedError

    def claim_own(self, agent: Agent, entry: Entry, time: int) -> int:
        """Claim what an author can of what is not settled; returns when to look again, 0: never."""
        raise NotImplementedError

    def claim_other(self, agent: Agent, entry: Entry, time: int) -> int:
        """Claim what somebody else can of what is not settled; returns when to look again, 0: never."""
        raise NotImplementedError

    def gain_of_report(self, account: str, entry: Entry) -> int:
        """What an account would gain from reporting a contribution, if the model disagreed with it."""
        return 0

    def begin(self, agents: list[Agent]) -> None:
        """What happens before anybody contributes."""

    def finish(self, agents: list[Agent], time: int) -> None:
        """What happens after the last claim."""

    # ---- for the record ----------------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """Wei that the contract holds."""
        return 0

    def scores(self) -> dict[str, int]:
        """What accounts have beside money; empty where there is nothing."""
        return {}

    def measures(self, result: Any) -> dict[str, float]:
        """What a sweep notes beside accuracy and money."""
        return {}

    def begin_on_chain(self, replay: Any) -> None:
        """The same as `begin`, with the contract."""

    def finish_on_chain(self, replay: Any, time: int) -> None:
        """The same as `finish`, with the contract."""

    def check_chain(self, replay: Any) -> None:
        """Compare the incentive's state on the chain with the twin's. Raises `Mismatch`."""
