"""`Registry.publish`: one transaction makes a model, opens its incentive and lists it."""

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.saved import model_address
from tests.conftest import pack_card, pack_terms


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
    predicted = model_address(
        sparse.address,
        registry.address,
        provider.address,
        self_assessment.address,
        pack_terms(),
        SparsePerceptronParameters(100).pack(),
        pack_card(),
        SparsePerceptron(SparsePerceptronParameters(100), weights=range(1, 101)).words(),
        True,
        (7).to_bytes(32, "big"),
    )
    assert published(registry, publish(salt=7)) == predicted


def test_publish__the_same_again__is_refused(registry, publication, publish, provider, why):
    publish()
    assert why("publish", *publication(), sender=provider)
    assert why("publish", *publication(salt=1), sender=provider) is None


def test_publish__implementation_not_listed__is_refused(project, publication, owner, provider, why):
    other = owner.deploy(project.SparsePerceptron)
    assert why("publish", *publication(implementation=other), sender=provider) == (
        "registry: implementation not listed"
    )


def test_publish__no_name__is_refused(publication, provider, why):
    assert why("publish", *publication(name=""), sender=provider) == "registry: a model needs a name"


def test_publish__100_weights_with_incentive__costs_less_than_420_000(publish):
    publish(salt=1)
    spec = "bag-of-words/1?features=100&sha256=" + "0" * 32
    assert publish(salt=2, name="imdb", description="Movie reviews", encoder_spec=spec).gas_used <= 420_000
