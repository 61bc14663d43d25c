"""All kinds of people, incentives and models of a simulation, by the names that scenarios use."""

from comodels.simulation.agents import (
    Agent,
    Careless,
    Copier,
    FlipAndTake,
    Honest,
    Late,
    Malicious,
    Parrot,
    Provider,
    Sybil,
)
from comodels.simulation.attacker import Attacker
from comodels.simulation.incentives import INCENTIVES
from comodels.simulation.models import MODELS

__all__ = ["AGENTS", "INCENTIVES", "MODELS"]

AGENTS: dict[str, type[Agent]] = {
    "honest": Honest,
    "late": Late,
    "malicious": Malicious,
    "careless": Careless,
    "copier": Copier,
    "parrot": Parrot,
    "sybil": Sybil,
    "flip-and-take": FlipAndTake,
    "attacker": Attacker,
    "provider": Provider,
}
"""By the name that a scenario uses."""
