"""`ape run models`: what a registry has, for people and as JSON."""

import json
from dataclasses import asdict

import pytest
from click.testing import CliRunner

from comodels.chain.contract import ContractAt
from comodels.claims import Points, SelfAssessment
from comodels.publish import Options, publish
from comodels.published import encoded_rows
from comodels.registry import entries, index, registry_at
from scripts import models as script


@pytest.fixture
def registry(rpc, deployed, options) -> ContractAt:
    from comodels.journal import Journal

    return registry_at(rpc, Journal.open(rpc, options.deployments).contracts["Registry"]["address"])


def test_index__model_with_money__has_spec_classes_and_terms(rpc, registry, deployed, owner):
    described = index(registry, entries(registry, 1), {deployed.address: 0.75}.get)
    assert described["chain"] == rpc.chain_id
    assert (described["registry"], described["count"]) == (registry.address, registry.call("count"))
    (model,) = described["models"]
    (entry,) = entries(registry, 1)
    terms = asdict(SelfAssessment().terms)
    assert model == {
        "address": deployed.address,
        "name": "reviews",
        "description": "Test data",
        "kind": "SparsePerceptron",
        "version": 1,
        "implementation": entry.implementation,
        "owner": owner.address,
        "block": entry.block,
        "encoder_spec": deployed.encoder.spec,
        "classes": ["negative", "positive"],
        "sealed": True,
        "updates": 0,
        "trainer": {
            "address": deployed.trainer,
            "kind": "SelfAssessment",
            "terms": terms | {"cost_weight": str(terms["cost_weight"])},
        },
        "accuracy": 0.75,
        "next": None,
    }
    assert json.loads(json.dumps(described)) == described


def test_index__model_for_points__has_their_terms(rpc, registry, saved, signer, options):
    publish(rpc, signer, saved, Options(Points(), options.deployments, registry.address, "points"))
    newest, older = index(registry, entries(registry, 2))["models"]
    assert older["trainer"]["kind"] == "SelfAssessment"
    assert (newest["trainer"]["kind"], newest["accuracy"]) == ("Points", None)
    assert newest["trainer"]["terms"] == asdict(Points().terms)


def test_index__after_a_contribution__counts_it(registry, deployed, owner):
    deployed.contribute("a dull film", "positive", owner.address, max_deposit=10**18)
    (model,) = index(registry, entries(registry, 1))["models"]
    assert model["updates"] == 1


def test_index__other_code__is_not_asked(rpc, registry, deployed):
    code = rpc.code(deployed.address)
    (entry,) = entries(registry, 1)
    rpc.rpc("anvil_setCode", deployed.address, "0x5b5f56")  # wastes all gas
    spoilt = index(registry, entries(registry, 1))["models"][0]
    assert [spoilt[name] for name in ("classes", "sealed", "updates")] == [None] * 3
    rpc.rpc("anvil_setCode", deployed.address, "0x" + code.hex())
    lying = index(registry, [entry._replace(implementation=registry.address)])["models"][0]
    assert [lying[name] for name in ("classes", "sealed", "updates")] == [None] * 3
    assert lying["trainer"] == {"address": deployed.trainer, "kind": None, "terms": None}
    assert index(registry, [entry])["models"][0]["classes"] == ["negative", "positive"]


def test_cli__json_with_data__has_the_accuracy(rpc, registry, deployed, reviews, options):
    shared = ["--deployments", str(options.deployments), "--network", rpc.url, "--data", str(reviews)]
    answer, table = (
        CliRunner().invoke(script.cli, [*arguments, *shared], env={"COLUMNS": "200"}) for arguments in (["--json"], [])
    )
    assert (answer.exit_code, table.exit_code) == (0, 0)
    right = deployed.accuracy(encoded_rows(deployed, str(reviews)))
    assert json.loads(answer.stdout) == index(registry, entries(registry, 20), lambda _: right)
    assert "reviews" in table.stdout
    assert f"{right:.1%}" in table.stdout
