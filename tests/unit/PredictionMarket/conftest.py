"""A market contract beside its twin, and a model that it trains."""

import numpy as np
import pytest

from comodels.artifacts import deploy
from comodels.incentives.scorers import EvaluatingScorer
from comodels.models.multiclass_sparse_perceptron import MulticlassSparsePerceptron
from comodels.models.sparse_perceptron import SparsePerceptron
from tests.mirror import ANY, Mirror, random_portions, random_sample


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def people(provider, contributor, reporter, keeper, stranger, owner):
    return [provider, contributor, reporter, keeper, stranger, owner]


@pytest.fixture
def mirror(project, rpc, owner, people):
    """Where the replica learns and evaluates, whatever the model's kind; `test_score_many.py` has the other scorer."""
    contract = deploy(rpc, owner.address, "PredictionMarket", needs=["Settler", "Planner", "EvaluatingScorer"])
    return Mirror(rpc, contract, people, scorers={"": EvaluatingScorer})


@pytest.fixture
def kind():
    """The twin of the models' kind."""
    return SparsePerceptron


@pytest.fixture
def create(kind, mirror, create_model, provider, rng):
    """Create a model of the provider on chain and beside it, with random weights; returns its address."""

    def create(terms=None, sealed=True):
        weights = rng.integers(-3, 4, (2, 31) if issubclass(kind, MulticlassSparsePerceptron) else 30)
        twin = kind(kind.PARAMETERS(30), weights.tolist())
        terms = ANY if terms is None else terms
        model = create_model(twin, mirror.contract.address, terms.pack(), sealed=sealed, holder=provider)
        mirror.adopt(str(model.address), twin, provider.address, terms)
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
    """Contribute random samples until `count` of them have changed the model."""

    def contribute(model, sender, count):
        while count > 0:
            count -= mirror.add_data(sender, model, random_sample(rng), int(rng.integers(2))) > 0

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
