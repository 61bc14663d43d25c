import pytest
from eth_abi import encode
from eth_utils import keccak, to_checksum_address

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import reverts
from tests.conftest import pack_card, pack_terms

TWIN = SparsePerceptron(SparsePerceptronParameters(20, rate=3), range(20), -7)


def test_create__sealed__everything_readable_and_logged(contract_of, client, project, owner, trainer):
    implementation = contract_of("SparsePerceptron")
    arguments = (owner, trainer, b"", TWIN.parameters.pack(), pack_card(), TWIN.words(), True, b"\1" * 32)

    receipt = implementation.send("create", *arguments, sender=owner)

    model = client.at(project.SparsePerceptron, receipt.events[-1].arguments["model"])
    assert receipt.events == [
        model.event("Sealed"),
        implementation.event("Created", model=model, owner=owner, trainer=trainer),
    ]
    assert model.call("kind") == "SparsePerceptron"
    assert model.call("name") == "a model"
    assert model.call("description") == "a description"
    assert model.call("encoder_spec") == "a spec"
    assert [model.call("class_name", y) for y in range(model.call("class_count"))] == ["no", "yes"]
    assert model.call("parameters") == TWIN.parameters.pack()
    assert model.call("implementation") == implementation.address
    assert model.call("owner") == owner.address
    assert model.call("trainer") == trainer.address
    assert model.call("successor") == "0x" + "00" * 20
    assert model.call("version") == 0
    assert model.call("sealed")
    assert model.call("bias") == -7
    assert model.call("words", 0, 2) == TWIN.words()


def test_create__by_anyone__the_arguments_decide(new_model, owner, trainer, stranger):
    model = new_model(TWIN, trainer, sender=stranger)

    assert model.call("owner") == owner.address
    with reverts("ownership: not the owner"):
        model.send("offer_ownership", stranger, sender=stranger)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (0 | 20 << 64, "model: learning rate of 0"),
        (0xFFFF0000 | 20 << 64, "model: learning rate of 0"),
        (1, "model: 1 to 65,532 features"),
        (1 | 65_533 << 64, "model: 1 to 65,532 features"),
        (1 | (2**32 + 20) << 64, "model: 1 to 65,532 features"),
        (2**256 - 1, "model: 1 to 65,532 features"),
    ],
)
def test_create__bad_parameters__reverts(new_model, trainer, parameters, message):
    with reverts(message):
        new_model(TWIN, trainer, parameters=parameters)


@pytest.mark.parametrize(("n_features", "words"), [(1, 1), (12, 1), (13, 2), (28, 2), (29, 3), (65_532, 4_096)])
def test_create__any_size__so_many_words(new_model, trainer, n_features, words):
    twin = SparsePerceptron(SparsePerceptronParameters(n_features))
    model = new_model(twin, trainer, words=[])

    assert model.call("word_count") == words == len(twin.words())


def test_create__more_words_than_the_model_has__reverts(new_model, trainer):
    with reverts("model: more words than the model has"):
        new_model(TWIN, trainer, words=[0] * 3)


@pytest.mark.parametrize("header", [1 << 255, 1 << 224, 1 << 254])
def test_create__sealed_flag_or_version_among_the_words__reverts(new_model, trainer, header):
    with reverts("model: sealed flag or version among the words"):
        new_model(TWIN, trainer, words=[header])


def test_create__most_words_at_once__fit_the_gas_of_a_transaction(
    new_model, contract_of, trainer, client, project, owner
):
    twin = SparsePerceptron(SparsePerceptronParameters(640 * 16 - 4), [-1] * (640 * 16 - 4), -1)
    implementation = contract_of("SparsePerceptron")

    receipt = implementation.send(
        "create", owner, trainer, b"", twin.parameters.pack(), pack_card(), twin.words(), True, bytes(32), sender=owner
    )

    model = client.at(project.SparsePerceptron, receipt.events[-1].arguments["model"])
    assert receipt.gas < 16_777_216
    assert model.call("words", 0, 640) == twin.words()
    with reverts():
        new_model(twin, trainer, words=[0] * 641)


def test_create__same_again__reverts(new_model, trainer):
    new_model(TWIN, trainer, salt=b"\2" * 32)

    with reverts():
        new_model(TWIN, trainer, salt=b"\2" * 32)


def test_create__address__is_what_create2_says(new_model, contract_of, owner, trainer):
    """Caller and all arguments decide, the first words too: tests/attacks/test_addresses.py changes each of them."""
    implementation = contract_of("SparsePerceptron").address
    salt = b"\3" * 32
    model = new_model(TWIN, trainer, salt=salt, words=[])

    code = (
        bytes.fromhex("600b380380600b5f395ff3" + "363d3d373d3d3d363d73" + implementation[2:])
        + bytes.fromhex("5af43d82803e903d91602b57fd5bf3")
        + (TWIN.parameters.pack() << 160 | int(trainer.address, 16)).to_bytes(32, "big")
        + pack_card()
    )
    call = keccak(text="initialize(address,bytes,uint256[],bool)")[:4] + encode(
        ["address", "bytes", "uint256[]", "bool"], [owner.address, b"", [], True]
    )
    own_salt = keccak(encode(["address", "bytes32", "bytes32"], [owner.address, keccak(call), salt]))
    address = keccak(b"\xff" + bytes.fromhex(implementation[2:]) + own_salt + keccak(code))[12:]
    assert model.address == to_checksum_address(address)


def test_create__code__is_the_minimal_proxy_and_the_data(new_model, contract_of, trainer, rpc):
    model = new_model(TWIN, trainer)

    code = bytes.fromhex(rpc.rpc("eth_getCode", model.address, "latest")[2:])

    assert code[:10].hex() == "363d3d373d3d3d363d73"
    assert to_checksum_address(code[10:30]) == contract_of("SparsePerceptron").address
    assert code[30:45].hex() == "5af43d82803e903d91602b57fd5bf3"
    assert code[77:] == pack_card()


def test_create__with_terms__trainer_is_opened_in_the_same_transaction(new_model, contract_of):
    incentive = contract_of("SelfAssessment")

    model = new_model(TWIN, incentive, pack_terms(cost_weight=5))

    assert incentive.call("terms", model)[0] == 5


def test_create__terms_that_the_trainer_refuses__no_model(new_model, contract_of):
    with reverts("self-assessment: no refund wait"):
        new_model(TWIN, contract_of("SelfAssessment"), pack_terms(refund_wait=0))


def test_create__terms_for_a_trainer_without_code__reverts(new_model, trainer):
    with reverts():
        new_model(TWIN, trainer, pack_terms())


def test_create__on_a_model__reverts(new_model, owner, trainer):
    """`create` is for the implementation: a model is no implementation of others."""
    model = new_model(TWIN, trainer)

    with reverts("model: initialized by its implementation only"):
        model.send(
            "create", owner, trainer, b"", TWIN.parameters.pack(), b"", TWIN.words(), True, bytes(32), sender=owner
        )


def test_initialize__by_anyone__reverts(new_model, contract_of, owner, trainer, stranger):
    model = new_model(TWIN, trainer, sealed=False)

    for sender in (owner, trainer, stranger):
        for contract in (model, contract_of("SparsePerceptron")):
            with reverts("model: initialized by its implementation only"):
                contract.send("initialize", sender, b"", [], False, sender=sender)


def test_implementation__itself__can_not_be_loaded_sealed_or_trained(contract_of, owner, trainer):
    implementation = contract_of("SparsePerceptron")

    with reverts("ownership: not the owner"):
        implementation.send("load", 0, [1], sender=owner)
    with reverts("ownership: not the owner"):
        implementation.send("seal", sender=owner)
    with reverts("model: not the trainer"):
        implementation.send("update", b"\0\0", 1, sender=trainer)


# ---- the card --------------------------------------------------------------------------------------------------------


def texts_of(model):
    texts = [model.call(f) for f in ("name", "description", "encoder_spec")]
    return texts + [model.call("class_name", y) for y in (0, 1)]


def test_card__longest_texts__readable(new_model, trainer):
    texts = [chr(ord("a") + i) * 255 for i in range(5)]

    model = new_model(TWIN, trainer, card=pack_card(*texts[:3], texts[3:]))

    assert texts_of(model) == texts


@pytest.mark.parametrize("lengths", [(0, 0, 0, 0, 0), (1, 0, 31, 32, 33), (31, 32, 33, 64, 0), (255, 0, 255, 1, 2)])
def test_card__any_lengths__readable(new_model, trainer, lengths):
    texts = [chr(ord("a") + i) * n for i, n in enumerate(lengths)]

    model = new_model(TWIN, trainer, card=pack_card(*texts[:3], texts[3:]))

    assert texts_of(model) == texts


def test_card__empty__all_texts_empty(new_model, trainer):
    model = new_model(TWIN, trainer, card=b"")

    assert {model.call(f) for f in ("name", "description", "encoder_spec")} == {""}
    assert model.call("class_name", 1) == ""


@pytest.mark.parametrize("y", [2, 255, 2**256 - 1])
def test_class_name__no_such_class__reverts(new_model, trainer, y):
    with reverts("model: no such class"):
        new_model(TWIN, trainer).call("class_name", y)
