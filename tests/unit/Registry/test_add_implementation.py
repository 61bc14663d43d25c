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


def test_add_implementation__not_the_owner__is_refused(project, registry, owner, stranger):
    newer = owner.deploy(project.SparsePerceptron)
    with ape.reverts("ownership: not the owner"):
        registry.add_implementation(newer, sender=stranger)


def test_add_implementation__twice__is_refused(registry, sparse, owner):
    with ape.reverts("registry: listed already"):
        registry.add_implementation(sparse, sender=owner)


def test_add_implementation__a_model_or_an_account__is_refused(registry, elsewhere, owner, stranger):
    for address in (elsewhere, stranger):
        with ape.reverts("registry: not an implementation"):
            registry.add_implementation(address, sender=owner)
