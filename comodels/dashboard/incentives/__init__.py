"""What each incentive contract offers to an account: one adapter for each, behind one interface."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from pkgutil import extend_path

from comodels.chain.abi import Call
from comodels.chain.node import RpcError
from comodels.claims import CONTRACTS
from comodels.dashboard.incentives.base import Due, Entry, Incentive, Row, Rows, Sent, Terms, Transaction
from comodels.dashboard.incentives.market import PredictionMarket
from comodels.dashboard.incentives.points import Points
from comodels.dashboard.incentives.self_assessment import SelfAssessment
from comodels.dashboard.reader import Model, Reader
from comodels.found import Found
from comodels.published import runs

__path__ = extend_path(__path__, __name__)

__all__ = [
    "INCENTIVES",
    "Due",
    "Entry",
    "Incentive",
    "Incentives",
    "Points",
    "PredictionMarket",
    "Row",
    "Rows",
    "SelfAssessment",
    "Sent",
    "Terms",
    "Transaction",
]

INCENTIVES = Found("name", __name__)
"""The adapters by the contract's name."""


class Plain(Incentive):
    """An incentive that the library knows, but that has no file here: one can contribute, and claim elsewhere."""

    key = "plain"
    can_train = True

    @property
    def title(self) -> str:
        return self.name

    def terms(self, reader: Reader, model: Model) -> Terms:
        agreed = self.agreed(reader, model)
        return Terms([(term.label, f"{getattr(agreed, term.name):,}") for term in agreed.describe()])


def page_of(contract: str) -> type[Incentive]:
    """What the page has for an incentive that the library knows, by its contract's name."""
    return INCENTIVES.get(contract) or type(contract, (Plain,), {"name": contract})


class Incentives:
    """Finds out which incentive trains a model, and remembers it."""

    def __init__(self, reader: Reader, known: dict[str, str] | None = None, folder: Path | None = None):
        self.reader = reader
        self.folder = folder
        self._known: dict[str, Incentive] = {}
        for address, name in (known or {}).items():
            if name in CONTRACTS:
                self._known[address.lower()] = page_of(name)(address, folder)

    def of(self, model: Model) -> Incentive:
        return self.of_many([(model.address, model.trainer)])[0]

    def of_many(self, pairs: list[tuple[str, str]]) -> list[Incentive]:
        """The incentives of (model, trainer) pairs, in one batch."""
        asked: dict[str, str] = {}
        for model, trainer in pairs:
            if trainer.lower() not in self._known:
                asked.setdefault(trainer.lower(), model)
        calls = [
            (trainer, cls, cls.probe(model, trainer)) for trainer, model in asked.items() for cls in INCENTIVES.values()
        ]
        answers = self.reader.node.views([call for _, _, call in calls])
        for (trainer, cls, _), answer in zip(calls, answers, strict=True):
            if not isinstance(answer, RpcError):
                self._known.setdefault(trainer, cls(trainer, self.folder))
        for name in set(CONTRACTS) - set(INCENTIVES):
            for trainer in asked.keys() - self._known.keys():
                if runs(self.reader.node, trainer, name):
                    self._known[trainer] = page_of(name)(trainer, self.folder)
        return [self._known.get(trainer.lower()) or Incentive(trainer) for _, trainer in pairs]

    def counts(self, pairs: list[tuple[str, str]]) -> list[int | None]:
        """The number of contributions to each model; None where the incentive does not tell."""
        incentives = self.of_many(pairs)
        calls = {
            i: Call(incentive.address, incentive.statistics, [pairs[i][0]])
            for i, incentive in enumerate(incentives)
            if incentive.statistics
        }
        found: dict[int, int | None] = defaultdict(lambda: None)
        for i, answer in zip(calls, self.reader.node.views(list(calls.values())), strict=True):
            found[i] = None if isinstance(answer, RpcError) else answer[0]
        return [found[i] for i in range(len(pairs))]
