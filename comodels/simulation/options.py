"""What the options of `ape run simulate` change in a scenario."""

from typing import Any

import yaml

from comodels.simulation.loading import change
from comodels.simulation.scenario import ScenarioError


def apply(content: dict[str, Any], **options: Any) -> None:
    """Put the command's options into a scenario's content. Raises `ScenarioError`."""
    plain = {
        "source": "data.source",
        "seed": "seed",
        "model": "model.kind",
        "incentive": "incentive.kind",
        "days": "days",
        "per_day": "per_day",
        "claim_days": "claim_days",
        "points": "points",
    }
    for option, key in plain.items():
        value = options.get(option)
        if value is None:
            continue
        # parameters and terms of one kind mean nothing to another
        if option == "model" and content.get("model", {}).get("kind") != value:
            content["model"] = {}
        if option == "incentive" and content.get("incentive", {}).get("kind") != value:
            content["incentive"] = {}
        change(content, key, value)
    if options.get("agents"):
        content["agents"] = [_agent(text) for text in options["agents"]]
    prefixes = (("parameters", "model.parameters."), ("terms", "incentive.terms."), ("changes", ""))
    for option, prefix in prefixes:
        for text in options.get(option, ()):
            key, sign, value = text.partition("=")
            if not sign:
                raise ScenarioError(f"{text!r}: write it as NAME=VALUE")
            change(content, prefix + key.strip(), yaml.safe_load(value))


def _agent(text: str) -> dict[str, Any]:
    name, *rest = text.split(":")
    if not rest:
        raise ScenarioError(f"--agent {text!r}: write it as NAME:KIND or NAME:KIND:SETTING=VALUE")
    agent = {"name": name, "kind": rest[0]}
    for part in rest[1:]:
        key, sign, value = part.partition("=")
        if not sign:
            raise ScenarioError(f"--agent {text!r}: {part!r} is not SETTING=VALUE")
        agent[key] = yaml.safe_load(value)
    return agent
