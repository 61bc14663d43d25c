"""`ape run verify`: only this source's code is called the same."""

import json
import subprocess
from dataclasses import replace

import pytest
from click.testing import CliRunner

import comodels.verify
from comodels import deployer
from comodels.artifacts import SCORERS, artifact, deploy
from comodels.claims import PredictionMarket
from comodels.publish import publish
from comodels.published import at, find
from comodels.verify import compare, compiled_source, standard_json, verify
from scripts.verify import cli

OTHERS = set(SCORERS) - {"SparseScorer"}

pytestmark = pytest.mark.xdist_group("verify")  # each contract is compiled once


@pytest.fixture
def model(rpc, signer, saved, options):
    publish(rpc, signer, saved, options)
    return find(rpc, "reviews", options.deployments)


def test_verify__as_published__all_the_same(model, chain, options, tmp_path):
    shared = ["--network", chain.provider.uri, "--deployments", str(options.deployments), "--out", str(tmp_path)]
    result = CliRunner().invoke(cli, ["reviews", *shared])
    assert result.exit_code == 0, result.output
    parts = ("model", "implementation", "incentive", "registry")
    assert all(f"same  {part} 0x" in result.output for part in parts)
    assert result.output.count("by the deterministic deployer") == 3
    assert {p.name for p in tmp_path.glob("*.json")} >= {
        "SparsePerceptron.json",
        "SelfAssessment.json",
        "Registry.json",
    }


@pytest.mark.parametrize("part", ["implementation", "incentive"])
def test_verify__a_byte_differs__told(model, rpc, part):
    address = {f.part: f.address for f in verify(model)}[part]
    code = rpc.rpc("eth_getCode", address, "latest")
    rpc.rpc("anvil_setCode", address, code[:200] + ("0" if code[200] != "0" else "1") + code[201:])
    assert [f.part for f in verify(model) if not f.same] == [part]


def test_verify__incentive_of_somebody_else__told(model, rpc, stranger, create_model):
    created = create_model(model.twin(), stranger)
    other = at(rpc, created.address)
    assert [f.part for f in verify(other) if not f.same] == ["incentive"]


@pytest.fixture
def bounty(rpc, signer, saved, options, monkeypatch):
    """A model with markets; scorers that are not its own, which take long, are taken as compiled for all tests."""
    monkeypatch.setattr(
        comodels.verify, "compiled_source", lambda name: artifact(name) if name in OTHERS else compiled_source(name)
    )
    publish(rpc, signer, saved, replace(options, incentive=PredictionMarket()))
    return find(rpc, "reviews", options.deployments)


def test_verify__market__its_scorer_too(bounty):
    findings = {f.part: f for f in verify(bounty)}
    assert all(f.same for f in findings.values())
    assert findings["scorer"].name == "SparseScorer"
    assert (findings["settler"].name, findings["planner"].name) == ("Settler", "Planner")
    assert "by the deterministic deployer" in findings["incentive"].note


@pytest.mark.parametrize(
    ("part", "instead"), [("scorer", "MulticlassSparseScorer"), ("settler", "Planner"), ("planner", "Settler")]
)
def test_verify__part_of_a_market_was_replaced__told(bounty, rpc, signer, part, instead):
    """The market's own code is the same all the same: who counts stands in its storage, the others behind its code."""
    address = {f.part: f.address for f in verify(bounty)}[part]
    other = rpc.code(deploy(rpc, signer, instead).address)
    rpc.rpc("anvil_setCode", address, "0x" + other.hex())
    assert [f.part for f in verify(bounty) if not f.same] == [part]


def test_verify__constructor_added_something__shown(model, rpc, stranger):
    """The same code behind which something else stands than the deployer's address explains."""
    code = artifact("Points").runtime
    rpc.rpc("anvil_setCode", stranger.address, "0x" + code.hex() + "ab")
    finding = compare(rpc, "incentive", stranger.address, "Points")
    assert finding.same
    assert "1 bytes that its constructor added" in finding.note
    assert stranger.address != deployer.address_of(artifact("Points").code)


def test_standard_json__compiled_by_itself__gives_the_same_code(tmp_path):
    """As an explorer does: from the file alone."""
    path = tmp_path / "input.json"
    path.write_text(standard_json("Points"))
    assert json.loads(path.read_text())["settings"]["evmVersion"] == "prague"
    command = ["vyper", "--standard-json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    contracts = json.loads(done.stdout)["contracts"]
    (found,) = [c["Points"] for c in contracts.values() if "Points" in c]
    assert found["evm"]["deployedBytecode"]["object"].removeprefix("0x") == artifact("Points").runtime.hex()
