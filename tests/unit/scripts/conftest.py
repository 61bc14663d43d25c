"""A small text data set and a model that was trained on it, for the tests of the scripts."""

import pytest

from scripts import _models
from scripts._incentives import SelfAssessment
from scripts._publish import Options, publish
from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters

GOOD = ("fine", "great", "lovely", "superb", "good")
BAD = ("dull", "poor", "awful", "boring", "bad")


@pytest.fixture(scope="session")
def reviews(tmp_path_factory):
    """A TSV of 100 short reviews; class 1 is positive."""
    lines = ["label\ttext"]
    for i in range(50):
        lines.append(f"1\ta {GOOD[i % 5]} and {GOOD[i * 3 % 5]} film number {i % 7}")
        lines.append(f"0\ta {BAD[i % 5]} and {BAD[i * 3 % 5]} film number {i % 7}")
    path = tmp_path_factory.mktemp("data") / "reviews.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def saved(reviews):
    """Trained on the reviews."""
    from scripts._publish import train_from_data

    return train_from_data(str(reviews), "reviews", "Test data", ("negative", "positive"), epochs=2)


@pytest.fixture
def large(monkeypatch):
    """A model whose state needs three transactions, because these take 8 words here instead of hundreds."""
    import encoders

    monkeypatch.setattr(_models, "PUBLISH_WORDS", 8)
    monkeypatch.setattr(_models, "LOAD_WORDS", 8)
    encoder = encoders.HashedWords(256)
    twin = SparsePerceptron(SparsePerceptronParameters(256), weights=[i % 200 - 100 for i in range(256)])
    return _models.SavedModel(twin.KIND, "large", "", ("no", "yes"), twin.parameters.pack(), twin.words(), encoder)


@pytest.fixture
def options(tmp_path):
    return Options(SelfAssessment(), tmp_path / "deployments")


@pytest.fixture
def deployed(chain, owner, saved, options):
    """The reviews' model on chain, as scripts see it."""
    from scripts._deployed import find

    publish(chain.provider, owner, saved, options, quiet=True)
    return find(chain.provider, "reviews", options.deployments)
