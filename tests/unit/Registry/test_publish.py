"""`Registry.publish`: one transaction makes a model, opens its incentive and lists it."""

import ape

from scripts._models import model_address
from simulation.perceptron import SparsePerceptronParameters
from tests.conftest import pack_card


def published(registry, receipt):
    return next(event.model for event in receipt.events if event.event_name == "Published")


def test_publish__listed_implementation__creates_opens_and_lists(
    project, registry, publish, sparse, self_assessment, provider
):
    receipt = publish()
    model = project.SparsePerceptron.at(published(registry, receipt))
    assert receipt.events[-1] == registry.Published(
        model=model.address, owner=provider.address, implementation=sparse.address, name="a model"
    )
    assert model.owner() == provider
    assert model.trainer() == self_assessment
    assert model.sealed()
    assert self_assessment.required_deposit(model) > 0
    assert registry.count() == 1
    entry = registry.entry(model)
    assert entry.model == model
    assert entry.trainer == self_assessment
    assert entry.owner == provider
    assert entry.implementation == sparse
    assert (entry.version, entry.kind) == (1, "SparsePerceptron")
    assert (entry.name, entry.description, entry.encoder_spec) == ("a model", "a description", "a spec")
    assert entry.block == receipt.block_number


def test_publish__any_arguments__the_address_is_known_before(registry, publish, sparse, self_assessment, provider):
    parameters = SparsePerceptronParameters(100).pack()
    predicted = model_address(
        sparse.address, provider.address, self_assessment.address, parameters, pack_card(), (7).to_bytes(32, "big")
    )
    assert published(registry, publish(salt=7)) == predicted


def test_publish__the_same_again__is_refused(registry, publish):
    publish()
    with ape.reverts():
        publish()
    assert registry.count() == 1


def test_publish__implementation_not_listed__is_refused(project, registry, publish, owner):
    other = owner.deploy(project.SparsePerceptron)
    with ape.reverts("registry: implementation not listed"):
        publish(implementation=other)


def test_publish__no_name__is_refused(registry, publish):
    with ape.reverts("registry: a model needs a name"):
        publish(name="")
    assert registry.count() == 0


def test_publish__100_weights_with_incentive__stays_below_the_ceiling(publish):
    publish(salt=1)
    assert publish(salt=2, name="imdb", description="", encoder_spec="").gas_used <= 350_000
