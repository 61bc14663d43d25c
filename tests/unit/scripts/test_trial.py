"""Before the first transaction of a publication all of them are tried, and nothing is sent that would be refused."""

import dataclasses

import pytest
from eth_utils import to_checksum_address

from comodels import deployer, trial
from comodels import publish as publishing
from comodels.artifacts import artifact
from comodels.chain.account import GasPrice
from comodels.chain.contract import ContractAt
from comodels.chain.local import local_chain
from comodels.cli import ApeSigner
from comodels.errors import ComodelsError
from comodels.journal import Journal
from comodels.publish import Options, planned, publish, wait_until_mined
from comodels.saved import publish_arguments
from comodels.training import plan
from comodels.trial import missing_steps, try_publication


@pytest.fixture
def fresh():
    """A chain on which nothing is deployed yet."""
    with local_chain() as chain:
        yield chain


@pytest.fixture
def said():
    """What was said, a line at a time."""
    return []


def test_try_publication__nothing_is_there__tries_all_and_tells_their_gas(fresh, large, options, said):
    rpc, owner = fresh, to_checksum_address(fresh.accounts[0])
    nonce = rpc.rpc("eth_getTransactionCount", owner, "latest")
    _, noted = planned(rpc, owner, large, options)
    try_publication(rpc, owner, large, noted, said.append)
    steps = [step.what.split()[0] for step in missing_steps(rpc, owner, large, noted)]
    assert steps == [*["deploying"] * 3, "listing", "publishing", "loading", "loading", "sealing"]
    assert rpc.rpc("eth_getTransactionCount", owner, "latest") == nonce
    assert said[0].startswith("Tried as calls: 8 transactions, ")
    told = int(said[0].split(", ")[1].removesuffix(" gas").replace(",", ""))
    first = rpc.block + 1
    publish(rpc, owner, large, options, said.append)
    blocks = [rpc.rpc("eth_getBlockReceipts", hex(number)) for number in range(first, rpc.block + 1)]
    spent = sum(int(receipt["gasUsed"], 16) for receipts in blocks for receipt in receipts)
    assert told == pytest.approx(spent, rel=1e-3)
    _, noted = planned(rpc, owner, large, options)
    assert missing_steps(rpc, owner, large, noted) == []


def test_try_publication__deployer_is_missing__is_tried_as_if_it_were_there(fresh, saved, options, said):
    rpc, owner = fresh, to_checksum_address(fresh.accounts[0])
    for address in (deployer.DEPLOYER, deployer.CREATOR):
        rpc.rpc("anvil_setCode", address, "0x")
    _, noted = planned(rpc, owner, saved, options)
    try_publication(rpc, owner, saved, noted, said.append)
    assert said[0].startswith("Tried as calls: 5 transactions, ")


def test_publish__contract_refuses_the_terms__nothing_is_sent(rpc, signer, owner, saved, options, monkeypatch):
    broken = dataclasses.replace(options.incentive)
    monkeypatch.setattr(type(broken.terms), "encode", lambda self: b"\x01" * 32)
    nonce = owner.nonce
    with pytest.raises(ComodelsError, match="Nothing was sent, because publishing would be refused"):
        publish(rpc, signer, saved, Options(broken, options.deployments))
    assert owner.nonce == nonce
    assert Journal.open(rpc, options.deployments).models == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": ("same", "same")}, "a name of its own"),
        ({"class_names": ("", "other")}, "a name of its own"),
        ({"class_names": ("a", "b", "c")}, "3 classes: train it again"),
        ({"words": [2**256 - 1]}, "SparsePerceptron"),
        ({"words": []}, "The contract would refuse this SparsePerceptron"),
        ({"parameters": 0}, "The contract would refuse this SparsePerceptron"),
        ({"description": "d" * 300}, "at most 255 bytes"),
    ],
)
def test_publish__model_that_the_contract_refuses__nothing_is_sent(rpc, signer, owner, saved, options, change, message):
    nonce = owner.nonce
    with pytest.raises(ComodelsError, match=message):
        publish(rpc, signer, dataclasses.replace(saved, **change), options)
    assert owner.nonce == nonce


def test_publish__too_little_ether__nothing_is_sent(rpc, signer, owner, saved, options, monkeypatch):
    _, noted = planned(rpc, owner.address, saved, options)
    monkeypatch.setattr(rpc, "balance", lambda account: 5)
    monkeypatch.setattr(trial, "gas_price", lambda node: GasPrice(10**9, 0))
    with pytest.raises(ComodelsError, match="less than the gas of this publication costs"):
        try_publication(rpc, owner.address, saved, noted)


def test_try_publication__node_that_cannot__says_so(rpc, owner, saved, options, said, monkeypatch):
    from comodels.chain.node import RpcError

    answer = rpc.rpc

    def without(method, *parameters):
        if method == "eth_simulateV1":
            raise RpcError("the method eth_simulateV1 does not exist/is not available", code=-32601)
        return answer(method, *parameters)

    _, noted = planned(rpc, owner.address, saved, options)
    monkeypatch.setattr(rpc, "rpc", without)
    try_publication(rpc, owner.address, saved, noted, said.append)
    assert said == ["This node cannot try a publication as a whole: only what it consists of was checked."]


def test_plan__publication_waits_to_be_mined__is_not_planned_anew(fresh, saved, reviews, options, monkeypatch):
    rpc, owner = fresh, to_checksum_address(fresh.accounts[0])
    monkeypatch.setattr(publishing, "PATIENCE", 0.2)
    folder = options.deployments
    journal, noted = planned(rpc, owner, saved, options)
    journal.models["reviews"] = noted
    journal.save()
    saved.save(folder / noted["file"])
    rpc.rpc("evm_setAutomine", False)
    try:
        registry = ContractAt(rpc, noted["registry"], artifact("Registry").abi)
        call = registry.transaction("publish", *publish_arguments(saved, noted), sender=owner, gas=10**6)
        rpc.rpc("eth_sendTransaction", call.call | {"gas": "0xf4240"})
        with pytest.raises(ComodelsError, match=r"still wait to be mined \(1\)"):
            plan(rpc, folder, "reviews", str(reviews), None, "")
        with pytest.raises(ComodelsError, match="still wait to be mined"):
            publish(rpc, owner, saved, options)
        assert Journal.open(rpc, folder).models["reviews"] == noted
    finally:
        rpc.rpc("evm_setAutomine", True)
        rpc.rpc("evm_mine")
    wait_until_mined(rpc, owner)
    assert rpc.code(noted["address"]) == b""  # what was sent had not enough gas
    assert "planning it anew" in plan(rpc, folder, "reviews", str(reviews), None, "")[2]


def test_publish__registry_of_somebody_else__is_tried_too(rpc, signer, stranger, saved, large, options, tmp_path):
    first = publish(rpc, signer, saved, options)
    other = Options(options.incentive, tmp_path / "other", first["registry"])
    with pytest.raises(ComodelsError, match="only its owner"):  # it lists no other version
        publish(rpc, ApeSigner(stranger), _of_another_kind(large), other)
    second = publish(rpc, ApeSigner(stranger), large, other)
    assert second["registry"] == first["registry"]


def _of_another_kind(large):
    """A multiclass model with three classes and no weights."""
    from comodels import saved as models

    twin = models.new_twin(large.encoder, classes=3)
    return dataclasses.replace(
        large, kind=twin.KIND, class_names=("a", "b", "c"), parameters=twin.parameters.pack(), words=twin.words()
    )
