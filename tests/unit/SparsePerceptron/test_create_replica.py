from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import reverts
from tests.unit.SparsePerceptron.conftest import sample

TWIN = SparsePerceptron(SparsePerceptronParameters(40, rate=3, bias_rate=2, margin=9), range(-20, 20), 5)


def replica_of(model, client, project, sender, salt=bytes(32)):
    receipt = model.send("create_replica", salt, sender=sender)
    created = receipt.events[-1]
    assert [e.name for e in receipt.events] == ["Created"]
    assert created.address == model.call("implementation")
    return client.at(project.SparsePerceptron, created.arguments["model"])


def test_create_replica__by_anyone__an_empty_model_of_the_caller(new_model, client, project, trainer, keeper):
    model = new_model(TWIN, trainer)

    replica = replica_of(model, client, project, keeper)

    assert replica.call("parameters") == TWIN.parameters.pack()
    assert replica.call("owner") == replica.call("trainer") == keeper.address
    assert not replica.call("sealed")
    assert replica.call("words", 0, 3) == [0, 0, 0]
    assert replica.call("name") == replica.call("encoder_spec") == ""


def test_create_replica__loaded_and_sealed__learns_as_the_original(new_model, client, project, trainer, keeper):
    model = new_model(TWIN, trainer)
    model.send("update", sample(0, 5), 1, sender=trainer)
    replica = replica_of(model, client, project, keeper)
    replica.send("load", 0, model.call("words", 0, 3), sender=keeper)
    replica.send("seal", sender=keeper)

    model.send("update", sample(1, 39), 0, sender=trainer)
    replica.send("update", sample(1, 39), 0, sender=keeper)

    assert replica.call("words", 0, 3) == model.call("words", 0, 3)
    assert (replica.call("version"), model.call("version")) == (1, 2)
    with reverts("model: not the trainer"):
        replica.send("update", sample(1), 0, sender=trainer)


def test_create_replica__version_among_the_words__goes_on_from_it(new_model, client, project, trainer, keeper):
    model = new_model(TWIN, trainer)
    model.send("update", sample(0, 5), 1, sender=trainer)
    replica = replica_of(model, client, project, keeper)
    words = model.call("words", 0, 3)
    with reverts("model: sealed flag or version among the words"):
        replica.send("load", 0, [words[0] | 1 << 255, *words[1:]], sender=keeper)
    replica.send("load", 0, [words[0] | 1 << 224, *words[1:]], sender=keeper)
    replica.send("seal", sender=keeper)
    assert replica.call("version") == model.call("version") == 1
    replica.send("update", sample(1, 39), 0, sender=keeper)
    assert replica.call("version") == 2


def test_create_replica__same_salt_again__reverts_for_the_same_caller_only(
    new_model, client, project, trainer, keeper, stranger
):
    model = new_model(TWIN, trainer)
    first = replica_of(model, client, project, keeper)

    with reverts():
        model.send("create_replica", bytes(32), sender=keeper)
    others = [
        replica_of(model, client, project, stranger).address,
        replica_of(model, client, project, keeper, b"\1" * 32).address,
    ]
    assert len({first.address, model.address, *others}) == 4


def test_create_replica__of_a_replica__works(new_model, client, project, trainer, keeper):
    replica = replica_of(new_model(TWIN, trainer), client, project, keeper)

    again = replica_of(replica, client, project, keeper, b"\2" * 32)

    assert again.call("parameters") == TWIN.parameters.pack()
