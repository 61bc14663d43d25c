"""Conformance suites for contracts, of this project and of others, on a local anvil: no Ape and no pytest is needed.

>>> from comodels.artifacts import artifact
>>> from comodels.models import twin_of
>>> from comodels.testing import check_model
>>> len(check_model(artifact("SparsePerceptron"), twin_of("SparsePerceptron"))) > 20  # doctest: +SKIP
True
"""

from comodels.testing.incentives import check_incentive
from comodels.testing.models import Case, check_model

__all__ = ["Case", "check_incentive", "check_model"]
