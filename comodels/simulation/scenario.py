"""Scenarios: a complete set-up of data, model, incentive and people. A scenario and a seed decide everything."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from comodels import units
from comodels.errors import ComodelsError


class ScenarioError(ComodelsError):
    """A scenario that cannot be: the message says where, why, and what could stand there."""


def setting(read: Callable[[object], Any], default: Any = MISSING) -> Any:
    """A field of a section, with the function that reads its value from YAML."""
    if default is MISSING:
        return field(metadata={"read": read})
    return field(default=default, metadata={"read": read})


def _text(value: object) -> str:
    if not isinstance(value, str | int | float) or isinstance(value, bool) or not str(value).strip():
        raise ValueError(f"{value!r} is not a text")
    return str(value)


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a list of settings with their values")
    return {str(k): v for k, v in value.items()}


@dataclass(frozen=True)
class Encoding:
    """How raw data becomes samples.

    Attributes
    ----------
    kind : {"auto", "bag-of-words", "hashed-words", "tabular", "above-mean"}
        ``auto``: bag-of-words for text, tabular for numbers. ``above-mean`` makes sparse samples of numbers.
    features : int
        Words of a vocabulary, or buckets.
    unit : int
        For tabular: the integer that stands for 1.0; 0: chosen from the data.
    """

    kind: str = setting(_text, "auto")
    features: int = setting(units.count, 1_000)
    unit: int = setting(units.count, 0)


@dataclass(frozen=True)
class DataSettings:
    """Where samples come from, and who gets to see which of them.

    Attributes
    ----------
    source : str
        A set of scikit-learn (``breast_cancer``, ``digits``, ``wine``), ``synthetic`` (made-up words), the path of a
        text file, or ``DATA``: the file named when the scenario is run.
    test : float
        Share of the samples on which the accuracy is measured. No agent has them.
    initial : float
        Share that the owner has: the encoder is fitted to it, and the model is trained on it before it is published.
    bounty_test : float
        Share that only the provider of a market has, to pay for.
    """

    source: str = setting(_text)
    encoding: Encoding = field(default_factory=Encoding, metadata={"section": Encoding})
    test: float = setting(units.share, 0.25)
    initial: float = setting(units.share, 0.2)
    bounty_test: float = setting(units.share, 0.0)
    limit: int = setting(units.count, 0)


@dataclass(frozen=True)
class ModelSettings:
    """The model: its contract's name, parameters other than the defaults, and whether it is trained at first."""

    kind: str = setting(_text)
    parameters: dict[str, Any] = field(default_factory=dict, metadata={"read": _mapping})
    trained: bool = setting(units.flag, True)


@dataclass(frozen=True)
class IncentiveSettings:
    """The incentive: its contract's name, and terms that differ from the defaults."""

    kind: str = setting(_text)
    terms: dict[str, Any] = field(default_factory=dict, metadata={"read": _mapping})


@dataclass(frozen=True)
class AgentSettings:
    """Somebody who contributes.

    Attributes
    ----------
    name, kind : str
        See `comodels.simulation.kinds.AGENTS` for the kinds.
    share : float or None
        Of all contributions, how many come from this agent. Agents without a share divide the rest equally.
    accounts : int
        How many addresses this agent uses in turn.
    balance : int
        Wei, all accounts together, at the start.
    max_deposit : int
        Wei: the most that the agent is willing to deposit on one contribution.
    mistakes : float
        Probability of a wrong label, for kinds that mean to be right.
    first_day, last_day : float
        Between which days the agent contributes; 0: until the end.
    check_every : int
        Seconds between two looks at what can be claimed.
    recheck_every : int
        Seconds until a contribution is looked at again that could not be claimed.
    reports, takes : bool
        Whether the agent reports others' contributions, and takes what is left after the last wait.
    warm_up : int
        For flip-and-take: honest contributions before the first attack.
    least_gain : float
        For flip-and-take: attack only for at least so many times the deposit that the attack needs.
    attack : dict
        For attacker: its plan, see `comodels.simulation.attacker.Attack`.
    """

    name: str = setting(_text)
    kind: str = setting(_text)
    share: float | None = setting(units.share, None)
    accounts: int = setting(units.count, 1)
    balance: int = setting(units.amount, 10 * units.ETHER)
    max_deposit: int = setting(units.amount, units.ETHER)
    mistakes: float = setting(units.share, 0.0)
    first_day: float = setting(units.number, 0.0)
    last_day: float = setting(units.number, 0.0)
    check_every: int = setting(units.duration, 6 * 3_600)
    recheck_every: int = setting(units.duration, units.DAY)
    reports: bool = setting(units.flag, True)
    takes: bool = setting(units.flag, True)
    warm_up: int = setting(units.count, 20)
    least_gain: float = setting(units.number, 0.0)
    attack: dict[str, Any] = field(default_factory=dict, metadata={"read": _mapping})


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A complete set-up.

    Attributes
    ----------
    days : float
        How long agents contribute.
    per_day : float
        Contributions of all agents together that are attempted in a day, on average.
    claim_days : float
        How long claims go on afterwards.
    points : int
        On how many moments accuracy and balances are recorded.
    """

    name: str = setting(_text)
    data: DataSettings = field(metadata={"section": DataSettings})
    model: ModelSettings = field(metadata={"section": ModelSettings})
    incentive: IncentiveSettings = field(metadata={"section": IncentiveSettings})
    agents: tuple[AgentSettings, ...] = field(metadata={"sections": AgentSettings})
    title: str = setting(_text, " ")
    days: float = setting(units.number, 20.0)
    per_day: float = setting(units.number, 50.0)
    claim_days: float = setting(units.number, 22.0)
    points: int = setting(units.count, 100)
    seed: int = setting(units.count, 0)
    sweep: dict[str, Any] = field(default_factory=dict, metadata={"read": _mapping})

    def __post_init__(self) -> None:
        for agent in self.agents:
            if agent.accounts < 1:
                raise ScenarioError(f"agents.{agent.name}.accounts: at least 1")
            if agent.check_every == 0 or agent.recheck_every == 0:
                raise ScenarioError(f"agents.{agent.name}: check_every and recheck_every are at least 1s")
        names = [agent.name for agent in self.agents]
        if len(set(names)) < len(names) or "owner" in names:
            raise ScenarioError("agents: names must differ from each other, and from 'owner'")
        if not names:
            raise ScenarioError("agents: at least one")
        if self.points < 1 or self.days <= 0:
            raise ScenarioError("days and points must be above 0")
        shares = {a.name: a.share for a in self.agents if a.share}
        if sum(shares.values()) > 1 + 1e-9:
            each = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
            raise ScenarioError(
                f"agents: their shares add up to more than 1 ({each}); agents without a share divide the rest"
            )
        if self.data.test + self.data.initial + self.data.bounty_test >= 1:
            raise ScenarioError("data: test, initial and bounty_test leave nothing to contribute")
        if self.data.test == 0:
            raise ScenarioError("data.test: without test rows there is no accuracy")

    def shares(self) -> list[float]:
        """The share of all contributions of each agent; those without one divide the rest."""
        given = sum(agent.share or 0 for agent in self.agents)
        without = sum(agent.share is None for agent in self.agents)
        return [(1 - given) / without if agent.share is None else agent.share for agent in self.agents]


# ---- checking and reading values -------------------------------------------------------------------------------------


def meant(word: str, known: Mapping | Sequence) -> str:
    """The end of a message on an unknown word: which was probably meant, or all that are known."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"


def check_known(word: str, known: Mapping, where: str) -> None:
    """Raise `ScenarioError` unless a word is known."""
    if word not in known:
        raise ScenarioError(f"{where}: there is no {word!r}{meant(word, known)}")


def read_fields(cls: type, content: Mapping[str, Any], where: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the fields of a dataclass of parameters or terms, read by what their names say."""
    known = {f.name for f in fields(cls)}
    values = dict(defaults)
    for key, value in content.items():
        if key not in known:
            raise ScenarioError(f"{where}.{key}: unknown setting{meant(key, sorted(known))}")
        try:
            values[key] = _reader(key, cls)(value)
        except ValueError as error:
            raise ScenarioError(f"{where}.{key}: {error}") from error
    return values


_TIMES = ("_wait", "_window", "_time", "_period", "_duration")
_MONEY = ("stake", "bounty", "bond", "fee", "scoring_fee")


# by what the terms of incentives say of themselves
_UNITS = {"seconds": units.duration, "wei": units.amount, "hourly": units.amount, "choice": units.flag}


def _reader(name: str, cls: type) -> Callable[[object], Any]:
    known = {f.name: f for f in fields(cls)}[name]
    if "unit" in known.metadata:
        return _UNITS.get(known.metadata["unit"], units.count)
    annotation = known.type
    if annotation in ("bool", bool):
        return units.flag
    if annotation in ("float", float):
        return units.number
    if name.endswith(_TIMES):
        return units.duration
    if name in _MONEY:
        return units.amount
    return units.count
