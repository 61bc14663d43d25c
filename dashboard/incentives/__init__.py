"""What each incentive contract offers to an account: one adapter for each, behind one interface."""

from __future__ import annotations

from collections import defaultdict

from dashboard.incentives.base import Due, Incentive, Row, Rows, Terms, Transaction
from dashboard.incentives.market import PredictionMarket
from dashboard.incentives.points import Points
from dashboard.incentives.self_assessment import MOMENTS, SelfAssessment
from dashboard.reader import Model, Reader
from dashboard.rpc import Call, RpcError

__all__ = [
    "INCENTIVES",
    "MOMENTS",
    "Due",
    "Incentive",
    "Incentives",
    "Points",
    "PredictionMarket",
    "Row",
    "Rows",
    "SelfAssessment",
    "Terms",
    "Transaction",
]

INCENTIVES: dict[str, type[Incentive]] = {cls.name: cls for cls in (SelfAssessment, Points, PredictionMarket)}


class Incentives:
    """Finds out which incentive trains a model, and remembers it."""

    def __init__(self, reader: Reader, known: dict[str, str] | None = None):
        self.reader = reader
        self._known: dict[str, Incentive] = {}
        for address, name in (known or {}).items():
            if name in INCENTIVES:
                self._known[address.lower()] = INCENTIVES[name](address)

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
                self._known.setdefault(trainer, cls(trainer))
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
