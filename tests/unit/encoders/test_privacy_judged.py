"""What OpenDP says of our mechanisms. It has randomised response, and no PrivUnit; see docs/privacy.md."""

import math

import numpy as np
import opendp.prelude as dp
import pytest
from scipy import stats

from encoders import randomised_label
from encoders.privacy import PrivUnit, told_otherwise


@pytest.fixture(scope="module", autouse=True)
def contrib():
    """What is not proved yet has to be asked for."""
    dp.enable_features("contrib", "honest-but-curious")
    yield
    dp.disable_features("contrib", "honest-but-curious")


def response(classes, truth):
    """OpenDP's randomised response, of which `truth` is the probability of the true answer."""
    return dp.m.make_randomized_response(list(range(classes)), prob=truth)


@pytest.mark.parametrize("classes", [2, 3, 10, 255])
@pytest.mark.parametrize("epsilon", [0.01, 0.5, 1.0, 4.0, 8.0])
def test_randomised_label__truth_as_often_as_here__costs_epsilon_by_opendp(classes, epsilon):
    truth = 1 - told_otherwise(classes, epsilon)

    assert response(classes, truth).map(1) == pytest.approx(epsilon, rel=1e-9)
    assert response(classes, 1 - told_otherwise(classes, epsilon) * 0.99).map(1) > epsilon * (1 + 1e-4)


@pytest.mark.parametrize(("classes", "epsilon"), [(2, 0.5), (2, 2.0), (5, 1.0)])
def test_randomised_label__many__distributed_as_opendp_s(classes, epsilon):
    """Two samples of 10,000: χ² finds no difference, and one at once from those of another ε."""
    count = 10_000
    rng = np.random.default_rng(classes)

    def ours(epsilon):
        return np.bincount([randomised_label(1, classes, epsilon, rng) for _ in range(count)], minlength=classes)

    judge = response(classes, math.exp(epsilon) / (math.exp(epsilon) + classes - 1))
    theirs = np.bincount([judge(1) for _ in range(count)], minlength=classes)

    assert stats.chi2_contingency([ours(epsilon), theirs]).pvalue > 1e-6
    assert stats.chi2_contingency([ours(1.5 * epsilon), theirs]).pvalue < 1e-6


@pytest.mark.parametrize("dimensions", [2, 10, 64])
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0, 8.0])
@pytest.mark.parametrize("parts", [2, 5, 100])
def test_priv_unit__cap_of_a_kth_of_the_sphere__is_the_truth_of_a_response_with_k_answers(dimensions, epsilon, parts):
    """Cut the sphere into k parts of one size: to tell the part in which the vector is, or else one of the others."""
    half = (dimensions - 1) / 2
    gamma = 2 * float(stats.beta(half, half).isf(1 / parts)) - 1

    q, p, _ = PrivUnit(dimensions, epsilon)._at(max(gamma, 0.0))

    assert q == pytest.approx(1 / parts, rel=1e-6)
    assert response(parts, p).map(1) == pytest.approx(epsilon, rel=1e-6)
