"""Private samples: what the noise is, that it is enough, and that exact samples do not leave by mistake."""

import math

import numpy as np
import pytest
from scipy import stats

import encoders
from comodels.budget import spend, spent
from comodels.errors import ComodelsError
from encoders import EncoderError, Private, Tabular, randomised_label
from encoders.privacy import PrivUnit, check_epsilon
from encoders.wire import norm_within_bounds

CASES = [(2, 1.0), (3, 0.1), (10, 2.0), (64, 4.0), (784, 8.0)]


def unit_vectors(rng, count, dimensions):
    v = rng.normal(size=(count, dimensions))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


@pytest.mark.parametrize(("dimensions", "epsilon"), CASES)
def test_priv_unit__density__ratio_is_bounded_by_e_to_epsilon(dimensions, epsilon):
    """There are two densities against the even one: p / q in the cap and (1 - p) / (1 - q) outside."""
    m = PrivUnit(dimensions, epsilon)

    inside, outside = m.p / m.q, (1 - m.p) / (1 - m.q)
    assert inside >= outside > 0
    assert inside / outside == pytest.approx(math.exp(epsilon), rel=1e-9)
    # the cap is as large as is said: by the distribution of a cosine, of scipy
    half = (dimensions - 1) / 2
    assert m.q == pytest.approx(stats.beta(half, half).sf((1 + m.gamma) / 2), rel=1e-9)


@pytest.mark.parametrize(("dimensions", "epsilon"), CASES)
def test_priv_unit__many_draws__norm_is_1_mean_is_right_and_the_cap_is_met_as_often_as_said(dimensions, epsilon):
    rng = np.random.default_rng([dimensions, 5])
    m = PrivUnit(dimensions, epsilon)
    given = unit_vectors(rng, 1, dimensions)
    count = 40_000

    drawn = m.draw(np.repeat(given, count, axis=0), rng)

    assert np.linalg.norm(drawn, axis=1) == pytest.approx(1)
    cosines = drawn @ given[0]
    assert (cosines >= m.gamma).mean() == pytest.approx(m.p, abs=5 * math.sqrt(m.p * (1 - m.p) / count))
    assert cosines.mean() == pytest.approx(m.mean, abs=5 / math.sqrt(count * dimensions) + 5e-3)
    # unbiased but for the factor: nothing across
    across = drawn.mean(axis=0) - cosines.mean() * given[0]
    assert np.linalg.norm(across) < 5 / math.sqrt(count)


def test_priv_unit__cosines__have_the_distribution_that_they_should():
    """Within the cap and outside, as an even vector of the sphere has it: Kolmogorov and Smirnov's test."""
    rng = np.random.default_rng(6)
    m = PrivUnit(8, 2.0)
    given = unit_vectors(rng, 1, 8)
    cosines = m.draw(np.repeat(given, 20_000, axis=0), rng) @ given[0]
    even = unit_vectors(rng, 400_000, 8) @ given[0]

    for part, sphere in (
        (cosines[cosines >= m.gamma], even[even >= m.gamma]),
        (cosines[cosines < m.gamma], even[even < m.gamma]),
    ):
        assert len(part) > 1_000
        assert stats.ks_2samp(part, sphere).pvalue > 1e-3


def test_priv_unit__events__are_at_most_e_to_epsilon_times_as_probable_for_another_vector():
    """Measured: opposite vectors, and every slab of cosines in between."""
    rng = np.random.default_rng(7)
    epsilon, count = 1.0, 200_000
    m = PrivUnit(5, epsilon)
    one = unit_vectors(rng, 1, 5)
    probe = unit_vectors(rng, 1, 5)[0]
    counts = [
        np.histogram(m.draw(np.repeat(sign * one, count, axis=0), rng) @ probe, bins=12, range=(-1, 1))[0]
        for sign in (1, -1)
    ]
    for a, b in zip(*counts, strict=True):
        # five standard deviations of the logarithm of the ratio
        assert abs(math.log(a / b)) < epsilon + 5 * math.sqrt(1 / a + 1 / b)
    assert max(abs(math.log(a / b)) for a, b in zip(*counts, strict=True)) > 0.2  # it says something all the same


def test_priv_unit__more_epsilon__points_nearer():
    means = [PrivUnit(30, epsilon).mean for epsilon in (0.1, 1, 2, 4, 8, 16)]

    assert means == sorted(means)
    assert means[0] < 0.05
    assert 0.5 < means[-1] < 1


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.2, 0.4, 0.6])
def test_priv_unit__cap__no_other_has_a_larger_mean(gamma):
    m = PrivUnit(30, 2.0)

    assert m.mean >= m._at(gamma)[2]


@pytest.mark.parametrize("epsilon", [0, -1, 51, float("nan"), float("inf")])
def test_epsilon__out_of_range__is_refused(epsilon):
    with pytest.raises(EncoderError, match=r"epsilon is 0\.01 to 50"):
        check_epsilon(epsilon)
    with pytest.raises(EncoderError, match="two features or more"):
        PrivUnit(1, 1.0)


@pytest.fixture
def exact():
    return Tabular.fit(np.random.default_rng(8).normal(size=(200, 12)))


def test_private__encode__another_sample_each_time_within_the_contract_s_norm(exact):
    private = Private(exact, 2.0)
    row = [1.0] * 12

    packed = private.encode_many([row] * 300)

    assert len(set(packed)) == 300
    values = np.array([np.frombuffer(x, np.int8) for x in packed]).astype(int)
    assert norm_within_bounds(values, private.unit).all()
    assert exact.encode(row) not in packed
    assert private.exact.encode(row) == exact.encode(row)
    assert len({private.encode(row) for _ in range(5)}) == 5
    # the mean points where the sample does
    direction = exact.decode(exact.encode(row))
    mean = values.mean(axis=0) / private.unit
    assert mean @ direction / np.linalg.norm(mean) > 0.9


def test_private__spec_and_file__give_it_back(exact, tmp_path):
    private = Private(exact, 2.5)
    private.save(tmp_path / "encoder.json")

    assert private.spec.startswith("private/1?encoder=tabular/1&epsilon=2.5&features=12&")
    found = encoders.load(tmp_path / "encoder.json", private.spec)
    assert (found.epsilon, found.exact.spec, found.spec) == (2.5, exact.spec, private.spec)
    assert encoders.read(private.content, private.spec).spec == private.spec
    assert Private(exact, 3.0).spec != private.spec
    with pytest.raises(EncoderError, match="private already"):
        Private(private, 1.0)


@pytest.mark.parametrize(("classes", "epsilon"), [(2, 0.5), (2, 4.0), (5, 1.0)])
def test_randomised_label__many__each_as_often_as_said(classes, epsilon):
    rng = np.random.default_rng(classes)
    count = 40_000
    found = np.bincount([randomised_label(1, classes, epsilon, rng) for _ in range(count)], minlength=classes) / count

    keep = math.exp(epsilon) / (math.exp(epsilon) + classes - 1)
    other = (1 - keep) / (classes - 1)
    for y in range(classes):
        p = keep if y == 1 else other
        assert found[y] == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / count))
    assert keep / other == pytest.approx(math.exp(epsilon))


def test_randomised_label__without_a_generator__comes_from_the_system():
    assert {randomised_label(0, 2, 0.1) for _ in range(100)} == {0, 1}
    with pytest.raises(EncoderError, match="no class 2 of 2"):
        randomised_label(2, 2, 1.0)


def test_budget__several_contributions__are_added_up(tmp_path):
    assert spent("0xa", tmp_path) == (0, 0.0)
    assert str(spend("0xa", 2.0, tmp_path)) == "1 private contribution from here, epsilon 2 in all"
    spend("0xb", 1.0, tmp_path)
    assert str(spend("0xa", 2.5, tmp_path)) == "2 private contributions from here, epsilon 4.5 in all"
    assert spent("0xb", tmp_path) == (1, 1.0)
    (tmp_path / "privacy.json").write_text("[]")
    with pytest.raises(ComodelsError, match="not a file of what was spent"):
        spent("0xa", tmp_path)
