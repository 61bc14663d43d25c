"""Attacks on addresses: a model "published by another", and a "squatted replica".

The attacker sees every argument before it is mined, and sends first.
"""

import dataclasses
from dataclasses import dataclass

import pytest
from eth_utils import keccak

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.saved import model_address
from tests.client import Reverted, reverts
from tests.conftest import pack_card, pack_terms

TWIN = SparsePerceptron(SparsePerceptronParameters(60), weights=range(-30, 30))


@dataclass(frozen=True)
class Publication:
    """The arguments of `create`, in order."""

    owner: str
    trainer: str
    terms: bytes
    parameters: int
    card: bytes
    words: list
    sealed: bool
    salt: bytes

    def address(self, implementation, creator) -> str:
        return model_address(
            implementation.address,
            str(creator),
            self.owner,
            self.trainer,
            self.terms,
            self.parameters,
            self.card,
            self.words,
            self.sealed,
            self.salt,
        )

    @property
    def arguments(self) -> tuple:
        return tuple(getattr(self, field.name) for field in dataclasses.fields(self))


@pytest.fixture
def attacker(stranger):
    return stranger


@pytest.fixture
def implementation(contract_of):
    return contract_of("SparsePerceptron")


@pytest.fixture
def plan(contract_of, owner):
    """What the victim is about to send."""
    return Publication(
        owner.address,
        contract_of("SelfAssessment").address,
        pack_terms(),
        TWIN.parameters.pack(),
        pack_card(),
        TWIN.words(),
        True,
        keccak(text="published by another"),
    )


@pytest.fixture
def registry(client, project, owner, implementation):
    code = bytes(project.Registry.contract_type.deployment_bytecode.to_bytes())
    created = client.send(None, code + bytes(12) + bytes.fromhex(owner.address[2:]), owner)
    registry = client.at(project.Registry.contract_type, created.contract_address)
    registry.send("add_implementation", implementation, sender=owner)
    return registry


def created(receipt) -> str:
    return next(e.arguments["model"] for e in receipt.events if e.name == "Created")


# ---- published by another --------------------------------------------------------------------------------------------


def test_published_by_another__same_arguments_first__takes_another_address(implementation, plan, owner, attacker):
    squatted = created(implementation.send("create", *plan.arguments, sender=attacker))
    assert squatted == plan.address(implementation, attacker) != plan.address(implementation, owner)

    mine = created(implementation.send("create", *plan.arguments, sender=owner))
    assert mine == plan.address(implementation, owner)


def test_published_by_another__any_argument_changed__is_another_address(implementation, plan, owner, attacker):
    """Nothing that decides what a model is can be changed under its address."""
    changes = {
        "owner": attacker.address,
        "trainer": attacker.address,
        "terms": pack_terms(refund_wait=1, owner_wait=2, anyone_wait=3),
        "parameters": plan.parameters + 1,
        "card": pack_card("b model"),
        "words": [*plan.words[:-1], plan.words[-1] ^ 1],
        "sealed": False,
        "salt": bytes(32),
    }
    assert set(changes) == {field.name for field in dataclasses.fields(plan)}
    addresses = {plan.address(implementation, owner)}
    for field, value in changes.items():
        other = dataclasses.replace(plan, **{field: value})
        if field == "trainer":
            other = dataclasses.replace(other, terms=b"")
        address = created(implementation.send("create", *other.arguments, sender=owner))
        assert address == other.address(implementation, owner)
        addresses.add(address)
    addresses.add(plan.address(implementation, attacker))
    assert len(addresses) == len(changes) + 2
    # what moves from one argument to another is not the same either
    for words in ([*plan.words, 0][: len(plan.words) - 1], [0, *plan.words[1:]], []):
        assert dataclasses.replace(plan, words=words).address(implementation, owner) not in addresses


def test_published_by_another__through_the_registry__only_the_caller_gets_the_address(
    implementation, registry, plan, owner, attacker
):
    arguments = (implementation.address, *plan.arguments[1:])
    expected = plan.address(implementation, registry)
    # the same transaction, copied; and the same call of the implementation
    registry.send("publish", *arguments, sender=attacker)
    implementation.send("create", *plan.arguments, sender=attacker)

    receipt = registry.send("publish", *arguments, sender=owner)

    assert created(receipt) == expected
    assert registry.call("entry", expected)[2] == owner.address
    with pytest.raises(Reverted):
        registry.send("publish", *arguments, sender=owner)


def test_published_by_another__in_the_victim_s_name__is_not_listed(implementation, registry, plan, owner, attacker):
    """The registry showed the victim as the owner of a model it never saw."""
    forged = created(implementation.send("create", *plan.arguments, sender=attacker))
    with reverts("registry: only the model's owner"):
        registry.send("register", forged, sender=attacker)
    assert registry.call("count") == 0
    registry.send("register", forged, sender=owner)


def test_published_by_another__words_that_follow__come_from_the_owner_alone(
    client, project, implementation, plan, owner, attacker
):
    open_plan = dataclasses.replace(plan, words=[], sealed=False)
    address = created(implementation.send("create", *open_plan.arguments, sender=owner))
    model = client.at(project.SparsePerceptron.contract_type, address)
    for function, arguments in [
        ("load", (0, plan.words)),
        ("seal", ()),
        ("initialize", (attacker.address, b"", [], False)),
    ]:
        with pytest.raises(Reverted) as refused:
            model.send(function, *arguments, sender=attacker)
        assert str(refused.value) in ("ownership: not the owner", "model: initialized by its implementation only")
    with reverts("model: initialized by its implementation only"):
        model.send("initialize", owner.address, b"", plan.words, True, sender=owner)
    # nor through a clone of the implementation, which is another account
    with reverts("model: initialized by its implementation only"):
        model.send("create", *plan.arguments, sender=attacker)


# ---- squatted replica ------------------------------------------------------------------------------------------------


def test_squatted_replica__salt_seen_in_the_mempool__helps_nobody(
    client, project, implementation, plan, owner, keeper, attacker
):
    """`keeper` stands for the market that wants the replica: it is the caller, the owner and the trainer."""
    model = client.at(
        project.SparsePerceptron.contract_type, created(implementation.send("create", *plan.arguments, sender=owner))
    )
    salt = keccak(text="seen")
    replica = Publication(keeper.address, keeper.address, b"", plan.parameters, b"", [], False, salt)
    expected = replica.address(implementation, model.address)
    another = client.at(
        project.SparsePerceptron.contract_type,
        created(implementation.send("create", *dataclasses.replace(plan, salt=bytes(32)).arguments, sender=attacker)),
    )

    taken = {
        created(implementation.send("create", *replica.arguments, sender=attacker)),
        created(model.send("create_replica", salt, sender=attacker)),
        created(another.send("create_replica", salt, sender=attacker)),
    }

    assert len(taken) == 3
    assert expected not in taken
    assert created(model.send("create_replica", salt, sender=keeper)) == expected
    with pytest.raises(Reverted):
        model.send("create_replica", salt, sender=keeper)
