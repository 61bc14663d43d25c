"""What private contributions from here have cost so far: ε, added up for each model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from comodels.errors import ComodelsError
from comodels.journal import DEPLOYMENTS

NAME = "privacy.json"


class Spent(NamedTuple):
    """What was spent on a model: so many private contributions, and ε of samples and of labels together."""

    contributions: int = 0
    epsilon: float = 0.0

    def __str__(self) -> str:
        """As people are told."""
        plural = "" if self.contributions == 1 else "s"
        return f"{self.contributions:,} private contribution{plural} from here, epsilon {self.epsilon:g} in all"


def spent(model: str, folder: Path = DEPLOYMENTS) -> Spent:
    """What contributions from here to a model, by its address, have cost. Raises `ComodelsError` for a broken file."""
    return Spent(*_read(folder).get(model, ()))


def spend(model: str, epsilon: float, folder: Path = DEPLOYMENTS) -> Spent:
    """Note what a contribution costs, before it is sent; what was spent with it.

    That ε adds up is the least that can be said (basic composition): as if all contributions were about one person.
    """
    from encoders.files import write_atomically

    content = _read(folder)
    before = Spent(*content.get(model, ()))
    now = Spent(before.contributions + 1, before.epsilon + epsilon)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / NAME, json.dumps(content | {model: list(now)}, indent=1) + "\n")
    return now


def _read(folder: Path) -> dict[str, list[float]]:
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_bytes())
        return {model: [int(count), float(epsilon)] for model, (count, epsilon) in content.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ComodelsError(f"{path}: not a file of what was spent ({error}). Repair it or move it away.") from error
