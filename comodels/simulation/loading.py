"""Scenarios as they stand in YAML files, with changes."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import yaml

from comodels.simulation.kinds import AGENTS, INCENTIVES, MODELS
from comodels.simulation.scenario import Scenario, ScenarioError, check_known, meant

FOLDER = Path(__file__).parent / "scenarios"


def load(source: str | os.PathLike, changes: Sequence[tuple[str, Any]] = ()) -> Scenario:
    """Read a scenario from a file, or one of the ready ones by its name.

    Parameters
    ----------
    source : str or path-like
    changes : sequence of (key, value)
        For example ``("agents.bad.share", 0.3)`` or ``("model.parameters.margin", 20)``.

    Raises
    ------
    ScenarioError
    """
    return from_mapping(load_mapping(source), changes)


def load_mapping(source: str | os.PathLike) -> dict[str, Any]:
    """What stands in a scenario file. Raises `ScenarioError`."""
    path = Path(source)
    if not path.is_file():
        path = FOLDER / f"{source}.yaml"
    if not path.is_file():
        raise ScenarioError(f"there is no scenario {str(source)!r}; a file, or one of: {', '.join(ready())}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, Mapping):
        raise ScenarioError(f"{path}: a scenario has the settings {', '.join(f.name for f in fields(Scenario))}")
    content = {str(k): v for k, v in content.items()}
    content.setdefault("name", path.stem)
    return content


def ready() -> list[str]:
    """The names of the scenarios that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def from_mapping(content: Mapping[str, Any], changes: Sequence[tuple[str, Any]] = ()) -> Scenario:
    """A scenario from what stands in a file, with changes. Raises `ScenarioError`."""
    changed = copy.deepcopy(dict(content))
    for key, value in changes:
        change(changed, key, value)
    scenario = _section(Scenario, changed, "")
    check_known(scenario.model.kind, MODELS, "model.kind")
    check_known(scenario.incentive.kind, INCENTIVES, "incentive.kind")
    for agent in scenario.agents:
        check_known(agent.kind, AGENTS, f"agents.{agent.name}.kind")
    return scenario


def change(content: dict[str, Any], key: str, value: Any) -> None:
    """Set what a dotted key names; an agent is named by its name or position."""
    parts = key.split(".")
    place: Any = content
    for position, part in enumerate(parts[:-1]):
        if isinstance(place, list):
            place = _agent(place, part)
            continue
        if place.get(part) is None:
            place[part] = {}
        place = place[part]
        if not isinstance(place, dict | list):
            raise ScenarioError(f"{key}: {'.'.join(parts[: position + 1])} is one value and has no parts")
    if isinstance(place, list):
        raise ScenarioError(f"{key}: name one setting of an agent, such as {key}.share")
    place[parts[-1]] = value


def varied(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in a file without its sweep, with changes by their dotted keys."""
    changed = copy.deepcopy({key: value for key, value in content.items() if key != "sweep"})
    for key, value in changes.items():
        change(changed, key, value)
    return changed


def _agent(agents: list, name: str) -> dict[str, Any]:
    for agent in agents:
        if isinstance(agent, dict) and str(agent.get("name")) == name:
            return agent
    if name.isdecimal() and int(name) < len(agents):
        return agents[int(name)]
    known = ", ".join(str(a.get("name")) for a in agents if isinstance(a, Mapping))
    raise ScenarioError(f"there is no agent {name!r}; there are {known}")


def _section(cls: type, content: Any, where: str) -> Any:
    if not isinstance(content, Mapping):
        raise ScenarioError(f"{where}: has the settings {', '.join(f.name for f in fields(cls))}, not {content!r}")
    known = {f.name: f for f in fields(cls)}
    values = {}
    for key, value in content.items():
        name = f"{where}.{key}" if where else str(key)
        if key not in known:
            raise ScenarioError(f"{name}: unknown setting{meant(str(key), known)}")
        metadata = known[key].metadata
        if "section" in metadata:
            values[key] = _section(metadata["section"], value, name)
        elif "sections" in metadata:
            if not isinstance(value, Sequence) or isinstance(value, str):
                raise ScenarioError(f"{name}: a list, one entry for each agent")
            values[key] = tuple(
                _section(metadata["sections"], v, f"{name}.{_label(v, i)}") for i, v in enumerate(value)
            )
        elif value is None and known[key].default is None:
            values[key] = None
        else:
            try:
                values[key] = metadata["read"](value)
            except ValueError as error:
                raise ScenarioError(f"{name}: {error}") from error
    for key, f in known.items():
        if key not in values and f.default is MISSING and f.default_factory is MISSING:
            raise ScenarioError(f"{where}.{key}: missing" if where else f"{key}: missing")
    return cls(**values)


def _label(content: Any, position: int) -> str:
    return str(content.get("name", position)) if isinstance(content, Mapping) else str(position)
