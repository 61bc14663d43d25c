"""A registry that lists one implementation."""

import pytest

from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.conftest import pack_card, pack_terms


@pytest.fixture
def sparse(implementations):
    return implementations("SparsePerceptron")


@pytest.fixture
def registry(project, owner, sparse):
    registry = owner.deploy(project.Registry)
    registry.add_implementation(sparse, sender=owner)
    return registry


@pytest.fixture
def publish(registry, sparse, self_assessment, provider):
    """Publish a model of 100 weights by role `provider`: ``publish(salt)`` returns the receipt."""

    def publish(salt=0, name="a model", sender=None, implementation=None, sealed=True, **card):
        twin = SparsePerceptron(SparsePerceptronParameters(100), weights=range(1, 101))
        return registry.publish(
            implementation or sparse,
            self_assessment,
            pack_terms(),
            twin.parameters.pack(),
            pack_card(name, **card),
            twin.words(),
            sealed,
            salt.to_bytes(32, "big"),
            sender=sender or provider,
        )

    return publish


@pytest.fixture
def elsewhere(sparse, create_model, self_assessment):
    """A model that was created without the registry."""
    twin = SparsePerceptron(SparsePerceptronParameters(100), weights=range(1, 101))
    return create_model(twin, self_assessment, pack_terms())
