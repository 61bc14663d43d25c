"""`Registry.register`: what was created elsewhere, if it is a model."""

import ape
import pytest


def test_register__a_model_by_its_owner__is_listed(registry, elsewhere, owner, sparse):
    receipt = registry.register(elsewhere, sender=owner)
    assert receipt.events == [
        registry.Published(model=elsewhere.address, owner=owner.address, implementation=sparse.address, name="a model")
    ]
    assert registry.models(ape.utils.ZERO_ADDRESS, 10) == [elsewhere]
    assert registry.entry(elsewhere).owner == owner


def test_register__by_anyone_else__is_refused(registry, elsewhere, owner, stranger, why):
    assert why("register", elsewhere.address, sender=stranger) == "registry: only the model's owner"
    elsewhere.offer_ownership(stranger, sender=owner)
    assert why("register", elsewhere.address, sender=stranger) == "registry: only the model's owner"
    elsewhere.accept_ownership(sender=stranger)
    assert why("register", elsewhere.address, sender=owner) == "registry: only the model's owner"
    assert why("register", elsewhere.address, sender=stranger) is None


def test_register__twice__is_refused(registry, elsewhere, owner, why):
    registry.register(elsewhere, sender=owner)
    assert why("register", elsewhere.address, sender=owner) == "registry: published already"


def test_register__published_one__is_refused(registry, publish, provider, why):
    publish()
    assert (
        why("register", str(registry.models(ape.utils.ZERO_ADDRESS, 1)[0]), sender=provider)
        == "registry: published already"
    )


def test_register__version_of_another_implementation__is_0(project, registry, owner, self_assessment):
    from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
    from tests.conftest import pack_card

    twin = SparsePerceptron(SparsePerceptronParameters(10))
    other = owner.deploy(project.SparsePerceptron)
    receipt = other.create(
        owner, self_assessment, b"", twin.parameters.pack(), pack_card(), twin.words(), True, b"", sender=owner
    )
    model = next(event.model for event in receipt.events if event.event_name == "Created")
    registry.register(model, sender=owner)
    assert registry.entry(model).version == 0
    assert registry.entry(model).implementation == other


@pytest.mark.parametrize("what", ["account", "implementation", "incentive", "registry", "zero"])
def test_register__not_a_model__is_refused(registry, sparse, self_assessment, stranger, why, what):
    address = {
        "account": stranger.address,
        "implementation": sparse.address,
        "incentive": self_assessment.address,
        "registry": registry.address,
        "zero": ape.utils.ZERO_ADDRESS,
    }[what]
    assert why("register", address, sender=stranger) == "registry: not a model"
    assert registry.count() == 0


PROXY = "363d3d373d3d3d363d73{}5af43d82803e903d91602b57fd5bf3"


def test_register__clone_of_something_else__is_refused(registry, self_assessment, stranger, why, rpc):
    address = "0x" + "12" * 20
    rpc.rpc("anvil_setCode", address, "0x" + PROXY.format(self_assessment.address[2:].lower()) + "00" * 40)
    assert why("register", address, sender=stranger) == "registry: not a model"


def test_register__clone_that_was_never_initialized__is_refused(registry, sparse, stranger, why, rpc):
    address = "0x" + "13" * 20
    card = "0161" + "00" * 10
    rpc.rpc("anvil_setCode", address, "0x" + PROXY.format(sparse.address[2:].lower()) + "00" * 32 + card)
    assert why("register", address, sender=stranger) == "registry: not a model"
