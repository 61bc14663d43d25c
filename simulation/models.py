"""The kinds of models that can be simulated: one entry for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.problem import Problem, TestRows
from simulation.revert import Revert
from simulation.scenario import ModelSettings, ScenarioError, read_fields


@dataclass(frozen=True)
class ModelKind:
    """How a kind of model is made and measured.

    Attributes
    ----------
    twin, parameters : type
        The twin's class, whose ``KIND`` is the contract's name, and the dataclass of its parameters.
    sparse : bool
        Whether its samples are sparse.
    two_classes : bool
        Whether it knows two classes only.
    defaults : dict
        Parameters that a scenario need not name.
    errors : callable
        Test rows that a twin gets wrong: as many as its `evaluate` says, faster.
    """

    twin: type
    parameters: type
    sparse: bool
    two_classes: bool
    defaults: dict[str, Any] = field(default_factory=dict)
    errors: Callable[[Any, TestRows], int] = lambda twin, rows: twin.evaluate(rows.packed)

    def make_parameters(self, settings: ModelSettings, problem: Problem) -> Any:
        """Parameters that fit the data, with what the scenario says."""
        names = {f.name for f in fields(self.parameters)}
        found = {
            "n_features": problem.n_features,
            "n_classes": len(problem.class_names),
            "classes": len(problem.class_names),
            "unit": problem.unit,
        }
        defaults = {k: v for k, v in found.items() if k in names and v is not None} | self.defaults
        values = read_fields(self.parameters, settings.parameters, "model.parameters", defaults)
        try:
            return self.parameters(**values)
        except Revert as error:
            raise ScenarioError(f"model.parameters: {error}") from error

    def make(self, settings: ModelSettings, problem: Problem) -> Any:
        """The twin as it is published: trained on what the owner has, unless the settings say otherwise."""
        if problem.sparse != self.sparse:
            raise ScenarioError(
                f"model.kind: {settings.kind} takes {'sparse' if self.sparse else 'dense'} samples, "
                f"but {problem.source} gives {'sparse' if problem.sparse else 'dense'} ones"
            )
        if self.two_classes and len(problem.class_names) != 2:
            raise ScenarioError(
                f"model.kind: {settings.kind} knows two classes, but {problem.source} has {len(problem.class_names)}"
            )
        parameters = self.make_parameters(settings, problem)
        twin = self.start(parameters, problem)
        if settings.trained:
            for y, x in problem.initial:
                twin.update(x, y)
        return self.publish(twin, problem)

    def start(self, parameters: Any, problem: Problem) -> Any:
        return self.twin(parameters)

    def publish(self, twin: Any, problem: Problem) -> Any:
        """The same state, but no updates counted."""
        return self.twin.from_words(twin.parameters, twin.words())


def _sparse_perceptron_errors(twin: SparsePerceptron, rows: TestRows) -> int:
    import numpy as np

    scores = rows.matrix @ np.array(twin.weights, dtype=np.int64) + twin.bias
    return int(((scores > 0) != rows.labels).sum())


MODELS: dict[str, ModelKind] = {
    kind.twin.KIND: kind
    for kind in (
        ModelKind(
            SparsePerceptron,
            SparsePerceptronParameters,
            sparse=True,
            two_classes=True,
            defaults={"margin": 20},
            errors=_sparse_perceptron_errors,
        ),
    )
}
"""By the contract's name."""
