"""A market contract beside its twin, and a model that it trains."""

import numpy as np
import pytest

from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.prediction_market import Terms
from tests.mirror import Mirror, random_portions, random_sample


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def mirror(implementations, raw, rpc, provider, contributor, reporter, keeper, stranger, owner):
    return Mirror(
        rpc, raw(implementations("PredictionMarket")), [provider, contributor, reporter, keeper, stranger, owner]
    )


@pytest.fixture
def create(mirror, create_model, owner, rng):
    """Create a model on chain and beside it, with random weights; returns its address."""

    def create(terms=None, sealed=True):
        twin = SparsePerceptron(SparsePerceptronParameters(30), [int(w) for w in rng.integers(-3, 4, 30)])
        model = create_model(twin, mirror.contract.address, (Terms() if terms is None else terms).pack(), sealed=sealed)
        mirror.adopt(str(model.address), twin, owner.address, terms)
        return str(model.address)

    return create


@pytest.fixture
def model(create):
    return create()


@pytest.fixture
def secret(mirror, model, provider, rng):
    return mirror.secret(model, provider, random_portions(rng))


@pytest.fixture
def started(mirror, secret, keeper):
    """A market that takes contributions."""
    return mirror.start(secret, keeper)


@pytest.fixture
def contribute(mirror, rng):
    """Contribute random samples; some change the model and some do not."""

    def contribute(model, sender, count):
        for _ in range(count):
            mirror.add_data(sender, model, random_sample(rng), int(rng.integers(2)))

    return contribute


@pytest.fixture
def closed(mirror, started, secret, model, contribute, contributor, reporter, keeper):
    """A market with 7 contributions of two accounts whose rest is to be revealed."""
    contribute(model, contributor, 4)
    contribute(model, reporter, 3)
    mirror.wait(secret.plan.participation_time)
    mirror.close(keeper, started)
    return started


@pytest.fixture
def scoring(mirror, closed, secret, keeper):
    mirror.reveal_rest(secret, keeper)
    return closed


@pytest.fixture
def settled(mirror, scoring, keeper):
    for _ in mirror.twin.markets[scoring].contributions:
        mirror.score_next(keeper, scoring)
    mirror.settle(keeper, scoring)
    return scoring
