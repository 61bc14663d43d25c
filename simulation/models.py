"""The kinds of models that can be simulated: one entry for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from inspect import signature
from typing import Any

from simulation.dense_perceptron import DensePerceptron, DensePerceptronParameters
from simulation.multiclass_dense_perceptron import MulticlassDensePerceptron, MulticlassDensePerceptronParameters
from simulation.multiclass_perceptron import MulticlassSparsePerceptron, MulticlassSparsePerceptronParameters
from simulation.naive_bayes import NaiveBayes, NaiveBayesParameters
from simulation.nearest_centroid import NearestCentroid, NearestCentroidParameters
from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.problem import Problem, TestRows
from simulation.revert import Revert
from simulation.scenario import ModelSettings, ScenarioError, read_fields
from simulation.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters


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
    per_square : tuple of str
        Those of the defaults that are meant times the square of the data's unit.
    errors : callable
        Test rows that a twin gets wrong: as many as its `evaluate` says, faster.
    """

    twin: type
    parameters: type
    sparse: bool
    two_classes: bool
    defaults: dict[str, Any] = field(default_factory=dict)
    per_square: tuple[str, ...] = ()
    errors: Callable[[Any, TestRows], int] = lambda twin, rows: twin.evaluate(rows.packed)

    def make_parameters(self, settings: ModelSettings, problem: Problem) -> Any:
        """Parameters that fit the data, with what the scenario says."""
        names = {f.name for f in fields(self.parameters)}
        found = {
            "n_features": problem.n_features,
            "n_classes": len(problem.class_names),
            "room": len(problem.class_names),
            "unit": problem.unit,
        }
        defaults = {k: v for k, v in found.items() if k in names and v is not None} | self.defaults
        for name in self.per_square:
            defaults[name] = int(defaults[name] * problem.unit**2)
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
        """A twin that has learnt nothing."""
        classes = len(problem.class_names)
        if "classes" in signature(self.twin.__init__).parameters:
            return self.twin(parameters, classes=classes)
        if "sums" in signature(self.twin.__init__).parameters:
            return self.twin(parameters, [[0] * problem.n_features] * classes)
        return self.twin(parameters)

    def publish(self, twin: Any, problem: Problem) -> Any:
        """The same state, but no updates counted."""
        return self.twin.from_words(twin.parameters, twin.words())


def _sparse_perceptron_errors(twin: SparsePerceptron, rows: TestRows) -> int:
    import numpy as np

    scores = rows.matrix @ np.array(twin.weights, dtype=np.int64) + twin.bias
    return int(((scores > 0) != rows.labels).sum())


def _dense_perceptron_errors(twin: DensePerceptron, rows: TestRows) -> int:
    return int((twin.predict_many(rows.matrix) != rows.labels).sum())


def _multiclass_sparse_errors(twin: MulticlassSparsePerceptron, rows: TestRows) -> int:
    import numpy as np

    biases, weights = np.split(np.array(twin.rows, dtype=np.int64).T, [1])
    return int(((rows.matrix @ weights + biases).argmax(axis=1) != rows.labels).sum())


def _table_errors(score: Callable[[Any, Any, int], Any]) -> Callable[[Any, TestRows], int]:
    """Errors by floating-point scores, and by the twin itself where two of them are nearly equal."""

    def errors(twin: Any, rows: TestRows) -> int:
        import numpy as np

        scores = np.stack([score(twin, rows.matrix, y) for y in range(twin.class_count)], axis=1)
        best = scores.argmax(axis=1)
        ordered = np.sort(scores, axis=1)
        with np.errstate(invalid="ignore"):
            near = ~(ordered[:, -1] - ordered[:, -2] > 1e-9 * (1 + np.abs(ordered[:, -1])))
        for i in np.flatnonzero(near):
            best[i] = twin.predict(rows.rows[i][1])
        return int((best != rows.labels).sum())

    return errors


def _centroid_score(twin: SparseNearestCentroid, matrix: Any, y: int) -> Any:
    import numpy as np

    n = twin.samples[y]
    if n == 0:
        return np.full(matrix.shape[0], -np.inf)
    return (2 * n * (matrix @ np.array(twin.counts[y], dtype=np.int64)) - twin.figures[y]) / float(n) ** 2


def _bayes_score(twin: NaiveBayes, matrix: Any, y: int) -> Any:
    import numpy as np

    n, alpha = twin.samples[y], twin.parameters.alpha / 2**16
    if n == 0:
        return np.full(matrix.shape[0], -np.inf)
    divisor = twin.figures[y] + alpha * twin.parameters.n_features
    return matrix @ np.log2((np.array(twin.counts[y]) + alpha) / divisor) + np.log2(n)


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
        ModelKind(
            DensePerceptron,
            DensePerceptronParameters,
            sparse=False,
            two_classes=True,
            defaults={"margin": 1},
            per_square=("margin",),
            errors=_dense_perceptron_errors,
        ),
        ModelKind(
            MulticlassSparsePerceptron,
            MulticlassSparsePerceptronParameters,
            sparse=True,
            two_classes=False,
            defaults={"margin": 20},
            errors=_multiclass_sparse_errors,
        ),
        ModelKind(
            MulticlassDensePerceptron,
            MulticlassDensePerceptronParameters,
            sparse=False,
            two_classes=False,
            defaults={"margin": 2},
            per_square=("margin",),
            errors=_dense_perceptron_errors,
        ),
        ModelKind(
            NearestCentroid,
            NearestCentroidParameters,
            sparse=False,
            two_classes=False,
            errors=_dense_perceptron_errors,
        ),
        ModelKind(
            SparseNearestCentroid,
            SparseNearestCentroidParameters,
            sparse=True,
            two_classes=False,
            errors=_table_errors(_centroid_score),
        ),
        ModelKind(
            NaiveBayes,
            NaiveBayesParameters,
            sparse=True,
            two_classes=False,
            errors=_table_errors(_bayes_score),
        ),
    )
}
"""By the contract's name."""
