"""The reader against a registry with models on the local chain, and against a node that answers nonsense."""

import pytest

from comodels import saved
from comodels.chain.abi import Call, parse_signature
from comodels.chain.node import Node, RpcError, Unreachable, without_secrets
from comodels.dashboard import demo
from comodels.dashboard import reader as module
from comodels.dashboard.reader import NotAModelError, Reader
from comodels.wire import parse_clone


@pytest.fixture
def deployed(project, rpc):
    names = ["Registry", "SparsePerceptron", "SelfAssessment"]
    types = {name: getattr(project, name).contract_type for name in names}
    code = {n: bytes.fromhex(t.deployment_bytecode.bytecode.removeprefix("0x")) for n, t in types.items()}
    return demo.deploy(rpc, code)


@pytest.fixture
def encoder():
    return demo.encoders.BagOfWords(["good", "bad", "film"])


@pytest.fixture
def reader(deployed, chain):
    return Reader(Node(chain.provider.uri), deployed.contracts["Registry"])


def test_parse_signature__nested_tuples__types_by_place():
    selector, arguments, results = parse_signature("entries(address,uint256)((address,(uint256,string)[])[],bool)")
    assert selector.hex() == "53b65d40"
    assert arguments == ("address", "uint256")
    assert results == ("(address,(uint256,string)[])[]", "bool")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@node.example/v2/key?token=x", "https://node.example"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
    ],
)
def test_without_secrets__url__host_only(url, shown):
    assert without_secrets(url) == shown


def test_node__nobody_answers__error_without_the_key():
    with pytest.raises(Unreachable, match="no chain answers at http://127.0.0.1:9$"):
        Node("http://127.0.0.1:9/secret").rpc("eth_chainId")


def test_entries__more_than_a_page__newest_first_and_only_new_ones_read_again(deployed, reader, encoder, monkeypatch):
    names = [(f"model {i}", "a description") for i in range(57)]
    twin = saved.new_twin(encoder)
    addresses = demo.publish(deployed, names, twin, encoder, trained=False)
    entries = reader.entries()
    assert [e.address for e in entries] == addresses[::-1]
    assert [e.name for e in entries] == [name for name, _ in names[::-1]]
    assert {(e.kind, e.version, e.encoder_spec) for e in entries} == {("SparsePerceptron", 1, encoder.spec)}

    (newest,) = demo.publish(deployed, [("one more", "")], twin, encoder, trained=False)
    asked = []
    real = reader.node.view
    monkeypatch.setattr(reader.node, "view", lambda to, signature, *a: asked.append(a) or real(to, signature, *a))
    assert [e.address for e in reader.entries()] == [newest, *addresses[::-1]]
    # is the newest known one still there, what is newer, and which implementations are listed
    assert len(asked) == 3


def test_entries__chain_was_reset__are_read_anew(deployed, reader, encoder, rpc):
    snapshot = rpc.rpc("evm_snapshot")
    demo.publish(deployed, [("gone soon", "")], saved.new_twin(encoder), encoder, trained=False)
    assert len(reader.entries()) == 1
    rpc.rpc("evm_revert", snapshot)
    assert reader.entries() == []


def test_model__clone__as_published(deployed, reader, encoder):
    twin = saved.new_twin(encoder, margin=7)
    (address,) = demo.publish(deployed, [("a name", "a text")], twin, encoder, trained=False)
    model = reader.model(address.lower())
    assert (model.address, model.name, model.description) == (address, "a name", "a text")
    assert (model.kind, model.class_names) == ("SparsePerceptron", ("negative", "positive"))
    assert (model.parameters, model.version, model.sealed) == (twin.parameters.pack(), 0, True)
    assert (model.trainer, model.owner) == (deployed.contracts["SelfAssessment"], deployed.accounts[0])


@pytest.mark.parametrize("address", ["", "0x12", "<script>", "0x" + "g" * 40, "0x" + "1" * 40])
def test_model__no_model_there__refused(reader, address):
    with pytest.raises(NotAModelError):
        reader.model(address)


def test_parse_clone__other_code__none():
    assert parse_clone(b"") is None
    assert parse_clone(bytes(200)) is None


def test_history__grows_and_forgets_what_the_chain_forgot(deployed, reader, encoder, rpc):
    (address,) = demo.publish(deployed, [("a", "")], saved.new_twin(encoder), encoder, trained=False)
    samples = encoder.encode_many(["good", "bad", "good film"])
    demo.contribute(deployed, address, samples[:2], [1, 0], deployed.accounts[1:3], interval=3_600)
    model = reader.model(address)
    history = reader.history(model)
    assert [(c.id, c.x, c.label, c.contributor) for c in history.contributions] == [
        (0, samples[0], 1, deployed.accounts[1]),
        (1, samples[1], 0, deployed.accounts[2]),
    ]
    snapshot = rpc.rpc("evm_snapshot")
    demo.contribute(deployed, address, samples[2:], [1], deployed.accounts[1:2])
    assert len(reader.history(model).contributions) == 3
    rpc.rpc("evm_revert", snapshot)
    rpc.rpc("evm_mine")
    assert len(reader.history(model).contributions) == 2
    assert reader.reorganisations == 1


def test_history__node_fails_in_the_middle__nothing_is_there_twice(deployed, reader, encoder, rpc, monkeypatch):
    (address,) = demo.publish(deployed, [("a", "")], saved.new_twin(encoder), encoder, trained=False)
    demo.contribute(deployed, address, encoder.encode_many(["good", "bad"]), [1, 0], deployed.accounts[1:3], 3_600)
    model, read = reader.model(address), module.pages

    def broken(*arguments):
        yield from read(*arguments)
        raise Unreachable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(module, "pages", broken)
        for _ in range(2):
            with pytest.raises(Unreachable):
                reader.history(model)
    assert [c.id for c in reader.history(model).contributions] == [0, 1]


def test_judgements__asked_twice__one_request(deployed, reader, encoder, monkeypatch):
    (address,) = demo.publish(deployed, [("a", "")], saved.new_twin(encoder), encoder, trained=False)
    samples = encoder.encode_many(["good", "bad"])
    demo.contribute(deployed, address, samples, [1, 0], deployed.accounts[1:2])
    model = reader.model(address)
    contributions = reader.history(model).contributions
    assert reader.judgements(model, contributions) == [1, 0]
    monkeypatch.setattr(reader.node, "many", lambda calls: [] if not calls else pytest.fail("asked again"))
    assert reader.judgements(model, contributions) == [1, 0]


def test_views__one_fails__the_others_answer(deployed, reader):
    registry = deployed.contracts["Registry"]
    nowhere = "0x" + "1" * 40
    good, bad, refused = reader.node.views(
        [
            Call(registry, "count()(uint256)"),
            Call(nowhere, "count()(uint256)"),
            Call(registry, "models(address,uint256)(address[])", [nowhere, 1]),
        ]
    )
    assert good == 0
    assert isinstance(bad, RpcError)
    assert refused.reason == "registry: not published"
