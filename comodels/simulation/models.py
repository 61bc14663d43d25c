"""The kinds of models that can be simulated: all that the library has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from comodels.found import Found
from comodels.models.base import Twin
from comodels.models.training import default_values, prepare
from comodels.revert import Revert
from comodels.simulation.problem import Problem, TestRows
from comodels.simulation.scenario import ModelSettings, ScenarioError, read_fields


@dataclass(frozen=True)
class ModelKind:
    """How a kind of model is made and measured.

    Attributes
    ----------
    twin : type
        The twin's class, whose ``KIND`` is the contract's name.
    """

    twin: type[Twin]

    @property
    def parameters(self) -> type:
        """The dataclass of its parameters."""
        return self.twin.PARAMETERS

    @property
    def sparse(self) -> bool:
        """Whether its samples are sparse."""
        return self.twin.SPARSE

    @property
    def two_classes(self) -> bool:
        """Whether it knows two classes only."""
        return self.twin.MOST_CLASSES == 2

    def errors(self, twin: Any, rows: TestRows) -> int:
        """The number of test rows that a twin gets wrong, as its `evaluate` says, but faster where there is a way."""
        fast = FASTER.get(twin.KIND)
        return fast(twin, rows) if fast else twin.evaluate(rows.packed)

    def make_parameters(self, settings: ModelSettings, problem: Problem) -> Any:
        """Parameters that fit the data, with what the scenario says; ``2x`` is twice the default."""
        defaults = default_values(self.parameters, problem.n_features, len(problem.class_names), problem.unit)
        wanted = {name: _multiple(value, defaults.get(name)) for name, value in settings.parameters.items()}
        values = read_fields(self.parameters, wanted, "model.parameters", defaults)
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
        key = repr(settings)
        if key not in problem.trained:
            twin = self.start(self.make_parameters(settings, problem), problem)
            if settings.trained:
                twin = prepare(twin, [x for _, x in problem.initial], [y for y, _ in problem.initial])
            problem.trained[key] = twin
        return problem.trained[key].copy()

    def start(self, parameters: Any, problem: Problem) -> Any:
        """A twin that has learnt nothing."""
        return self.twin.untrained(parameters, len(problem.class_names))


def _multiple(value: Any, default: Any) -> Any:
    """The number that ``2x``, twice the default, stands for; anything else as it is."""
    text = str(value)
    if default is None or not text.endswith("x"):
        return value
    try:
        return round(float(text[:-1]) * default)
    except ValueError:
        return value


def _sparse_perceptron_errors(twin: Any, rows: TestRows) -> int:
    import numpy as np

    scores = rows.matrix @ np.array(twin.weights, dtype=np.int64) + twin.bias
    return int(((scores > 0) != rows.labels).sum())


def _multiclass_perceptron_errors(twin: Any, rows: TestRows) -> int:
    import numpy as np

    weights = np.array(twin.rows, dtype=np.int64)
    scores = rows.matrix @ weights[:, 1:].T + weights[:, 0]
    return int((scores.argmax(axis=1) != rows.labels).sum())


def _dense_perceptron_errors(twin: Any, rows: TestRows) -> int:
    return int((twin.predict_many(rows.matrix) != rows.labels).sum())


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


def _dense_centroid_score(twin: Any, matrix: Any, y: int) -> Any:
    import numpy as np

    n = twin.counts[y]
    if n == 0:
        return np.full(matrix.shape[0], -np.inf)
    return (2 * n * (matrix @ twin.sums[y]) - twin.squares[y]) / float(n) ** 2


def _centroid_score(twin: Any, matrix: Any, y: int) -> Any:
    import numpy as np

    n = twin.samples[y]
    if n == 0:
        return np.full(matrix.shape[0], -np.inf)
    return (2 * n * (matrix @ np.array(twin.counts[y], dtype=np.int64)) - twin.figures[y]) / float(n) ** 2


def _bayes_score(twin: Any, matrix: Any, y: int) -> Any:
    import numpy as np

    n, alpha = twin.samples[y], twin.parameters.alpha / 2**16
    if n == 0:
        return np.full(matrix.shape[0], -np.inf)
    divisor = twin.figures[y] + alpha * twin.parameters.n_features
    return matrix @ np.log2((np.array(twin.counts[y]) + alpha) / divisor) + np.log2(n)


FASTER: dict[str, Callable[[Any, TestRows], int]] = {
    "SparsePerceptron": _sparse_perceptron_errors,
    "LevelPerceptron": _sparse_perceptron_errors,
    "MulticlassSparsePerceptron": _multiclass_perceptron_errors,
    "MulticlassLevelPerceptron": _multiclass_perceptron_errors,
    "DensePerceptron": _dense_perceptron_errors,
    "MulticlassDensePerceptron": _dense_perceptron_errors,
    "NearestCentroid": _table_errors(_dense_centroid_score),
    "SparseNearestCentroid": _table_errors(_centroid_score),
    "NaiveBayes": _table_errors(_bayes_score),
}
"""By the contract's name; a kind without works too."""

MODELS = Found("KIND", "comodels.models", value=ModelKind)
"""By the contract's name."""
