"""Every model contract does what `check_model` asks. `KINDS` has the small models that other tests use too."""

import re
from pathlib import Path

import numpy as np
import pytest

from comodels import models
from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from comodels.models.multiclass_dense_perceptron import MulticlassDensePerceptron, MulticlassDensePerceptronParameters
from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.models.nearest_centroid import NearestCentroid, NearestCentroidParameters
from comodels.models.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.testing.models import CHECKS, DENSE, SPARSE, Case, Setting, card_of, shared_functions

__all__ = ["KINDS", "card_of"]


def random_table(twin, parameters, classes, rng):
    samples = [int(s) for s in rng.integers(1, 50, classes)]
    return twin(parameters, [rng.integers(0, s + 1, parameters.n_features) for s in samples], samples)


# a kind that has no line here is tried as `Case.of` makes it
KINDS = {
    "SparsePerceptron": Case(
        lambda rng: SparsePerceptron(SparsePerceptronParameters(40, 3, 2, 9), rng.integers(-9, 9, 40), 2),
        largest=lambda: SparsePerceptron(SparsePerceptronParameters(16 * 1_024 - 4)),  # a word that was 0 is dearest
        **SPARSE,
    ),
    "DensePerceptron": Case(
        lambda rng: DensePerceptron(DensePerceptronParameters(30, 100, 2, 50, 500), rng.integers(-99, 99, 30), 7),
        largest=lambda: DensePerceptron(DensePerceptronParameters(2_048, 2_000, margin=2**32 - 1), [1] * 2_048),
        **DENSE,
    ),
    "DensePerceptron with a fall": Case(
        lambda rng: DensePerceptron(DensePerceptronParameters(22, 100, 2, 50, 500, 5), rng.integers(-99, 99, 22), 7),
        **DENSE,
    ),
    "NearestCentroid": Case(
        lambda rng: NearestCentroid(NearestCentroidParameters(20, 100, 4), rng.integers(-200, 200, (3, 20)), [5, 6, 7]),
        largest=lambda: NearestCentroid(NearestCentroidParameters(2_048, 2_000, 2), np.ones((2, 2_048), int), [1, 1]),
        **DENSE,
    ),
    "SparseNearestCentroid": Case(
        lambda rng: random_table(SparseNearestCentroid, SparseNearestCentroidParameters(40, 5), 3, rng),
        **SPARSE,
    ),
    "MulticlassSparsePerceptron": Case(
        lambda rng: MulticlassSparsePerceptron(
            MulticlassSparsePerceptronParameters(40, 5, 3, 2, 9), rng.integers(-9, 9, (3, 41))
        ),
        **SPARSE,
    ),
    "MulticlassDensePerceptron": Case(
        lambda rng: MulticlassDensePerceptron(
            MulticlassDensePerceptronParameters(20, 100, 4, 2, 50, 500), rng.integers(-99, 99, (3, 20)), [1, 2, 3]
        ),
        **DENSE,
    ),
    "MulticlassDensePerceptron with a fall": Case(
        lambda rng: MulticlassDensePerceptron(
            MulticlassDensePerceptronParameters(20, 100, 4, 2, 50, 500, 5), rng.integers(-99, 99, (3, 20)), [1, 2, 3]
        ),
        **DENSE,
    ),
    "NaiveBayes": Case(
        lambda rng: random_table(NaiveBayes, NaiveBayesParameters(40, 5), 3, rng),
        **SPARSE,
    ),
    "NaiveBayes with a margin": Case(
        lambda rng: random_table(NaiveBayes, NaiveBayesParameters(40, 5, margin=1_108), 3, rng),
        **SPARSE,
    ),
}
KINDS |= {kind: Case.of(twin) for kind, twin in models.KINDS.items() if kind not in KINDS}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", KINDS)
def test_model(kind, check, client, contract_of, artifact_of, owner, trainer, stranger, keeper):
    if check.startswith("gas") and KINDS[kind].largest is None:
        pytest.skip("tests/gas/test_limits.py measures it, on tables that take too long to load here")
    accounts = [owner.address, trainer.address, stranger.address, keeper.address]
    contract = kind.partition(" ")[0]
    CHECKS[check](Setting(KINDS[kind], client, artifact_of(contract), contract_of(contract), accounts))


@pytest.mark.parametrize("kind", ["NaiveBayes", "MulticlassDensePerceptron", "NearestCentroid"])
def test_case_of__usual__has_learnt(kind):
    twin = Case.of(models.KINDS[kind]).twin(np.random.default_rng(0))

    assert twin.version == 0
    assert any(twin.words()[1:])


def test_shared_functions__all_of_the_interface(project):
    source = Path(project.path, "contracts", "interfaces", "IModel.vyi").read_text()
    functions = set(re.findall(r"^def (\w+)\(", source, re.MULTILINE))

    assert "predict_without" in functions
    assert functions <= {f.partition("(")[0] for f in shared_functions()}
