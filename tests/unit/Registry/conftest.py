"""A registry that lists one implementation."""

import pytest

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.conftest import pack_card, pack_terms


@pytest.fixture
def sparse(implementations):
    return implementations("SparsePerceptron")


@pytest.fixture
def registry(project, owner, sparse):
    registry = owner.deploy(project.Registry, owner)
    registry.add_implementation(sparse, sender=owner)
    return registry


@pytest.fixture
def publication(sparse, self_assessment):
    """The arguments that publish a model of 100 weights."""

    def arguments(salt=0, name="a model", implementation=None, **card):
        twin = SparsePerceptron(SparsePerceptronParameters(100), weights=range(1, 101))
        return (
            (implementation or sparse).address,
            self_assessment.address,
            pack_terms(),
            twin.parameters.pack(),
            pack_card(name, **card),
            twin.words(),
            True,
            salt.to_bytes(32, "big"),
        )

    return arguments


@pytest.fixture
def publish(registry, publication, provider):
    """Publish a model of 100 weights by role `provider`: ``publish(salt)`` returns the receipt."""
    return lambda **arguments: registry.publish(*publication(**arguments), sender=provider)


@pytest.fixture
def why(registry, raw, rpc):
    """The reason for which the registry refuses a transaction; None if it does not."""

    def why(function, *arguments, sender):
        transaction = raw(registry).transaction(function, *arguments, sender=str(sender.address))
        return rpc.why(transaction) or None

    return why


@pytest.fixture
def elsewhere(sparse, create_model, self_assessment):
    """A model that was created without the registry."""
    twin = SparsePerceptron(SparsePerceptronParameters(100), weights=range(1, 101))
    return create_model(twin, self_assessment, pack_terms())
