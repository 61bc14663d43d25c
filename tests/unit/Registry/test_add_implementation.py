"""`Registry.add_implementation`: the owner lists versions; published models stay as they are."""

import ape


def test_add_implementation__second_of_a_kind__is_version_2(project, registry, publish, sparse, owner):
    publish()
    model = registry.models(ape.utils.ZERO_ADDRESS, 1)[0]
    newer = owner.deploy(project.SparsePerceptron)
    receipt = registry.add_implementation(newer, sender=owner)
    assert receipt.events == [
        registry.ImplementationAdded(implementation=newer.address, version=2, kind="SparsePerceptron")
    ]
    assert [(i.implementation, i.version, i.kind) for i in registry.implementations()] == [
        (sparse, 1, "SparsePerceptron"),
        (newer, 2, "SparsePerceptron"),
    ]
    entry = registry.entry(model)
    assert (entry.implementation, entry.version) == (sparse, 1)
    assert project.SparsePerceptron.at(model).implementation() == sparse


def test_add_implementation__not_the_owner__is_refused(project, registry, owner, stranger, why):
    newer = owner.deploy(project.SparsePerceptron)
    assert why("add_implementation", newer.address, sender=stranger) == "ownership: not the owner"


def test_add_implementation__twice__is_refused(sparse, owner, why):
    assert why("add_implementation", sparse.address, sender=owner) == "registry: listed already"


def test_add_implementation__a_model_or_an_account__is_refused(elsewhere, owner, stranger, why):
    for address in (elsewhere.address, stranger.address):
        assert why("add_implementation", address, sender=owner) == "registry: not an implementation"
