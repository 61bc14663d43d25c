"""Twin and chain, one result: every model with every incentive."""

from functools import cache

import pytest

from simulation import chain_engine
from simulation.agents import AGENTS as AGENT_KINDS
from simulation.chain_engine import Artifact, Mismatch, replay
from simulation.engine import run
from simulation.incentives import INCENTIVES
from simulation.models import MODELS
from simulation.scenario import from_mapping

AGENTS = [
    {"name": "good", "kind": "honest", "mistakes": 0.05},
    {"name": "bad", "kind": "malicious", "share": 0.2, "accounts": 2},
    {"name": "copier", "kind": "copier", "share": 0.1},
]


def small(model, incentive, **changes):
    """About 60 contributions in six days."""
    sparse = MODELS[model].sparse
    source = "synthetic" if sparse else "breast_cancer" if MODELS[model].two_classes else "digits"
    market = incentive == "PredictionMarket"
    content = {
        "name": "small",
        "data": {"source": source, "test": 0.02 if sparse else 0.2, "initial": 0.1, "limit": 2_000},
        "model": {"kind": model},
        "incentive": {"kind": incentive},
        "agents": list(AGENTS),
        "days": 6,
        "per_day": 10,
        "claim_days": 1 if market else 21,
        "points": 6,
        "seed": 3,
    }
    if market:
        content["data"]["bounty_test"] = 0.03 if sparse else 0.1
        content["incentive"]["terms"] = {"portions": 6, "drawn": 1}
        content["agents"] = [*AGENTS, {"name": "provider", "kind": "provider", "share": 0.1, "accounts": 2}]
    return from_mapping(content, list(changes.items()))


@cache
def played(model, incentive):
    """The result of `small`, for tests that leave it as it is."""
    return run(small(model, incentive))


@pytest.fixture(scope="session")
def contracts(project):
    def get(name):
        contract = getattr(project, name).contract_type
        abi = [item.model_dump(mode="json", by_alias=True, exclude_none=True) for item in contract.abi]
        return Artifact(abi, str(contract.deployment_bytecode.bytecode))

    return get


@pytest.mark.parametrize("incentive", INCENTIVES)
@pytest.mark.parametrize("model", MODELS)
def test_replay__every_model_and_incentive__balances_accuracies_and_state_equal_the_twins(model, incentive, contracts):
    result = played(model, incentive)
    report = replay(result, contracts)
    assert report.curve == result.curve
    assert report.contributions == len(result.world.entries) > 30
    assert report.gas["add_data"][0] == report.contributions


@pytest.mark.parametrize("incentive", INCENTIVES)
def test_replay__every_kind_of_agent__equal_too(incentive, contracts):
    kinds = [kind for kind in AGENT_KINDS if kind != "provider"]
    agents = [{"name": kind, "kind": kind, "share": 0.13, "warm_up": 2} for kind in kinds]
    agents += [{"name": "provider", "kind": "provider", "accounts": 2}]
    changes = {"agents": agents, "data.bounty_test": 0.03, "per_day": 20, "agents.sybil.accounts": 3}
    if incentive != "PredictionMarket":
        changes["agents"] = agents[:-1]
    result = run(small("SparsePerceptron", incentive, **changes))
    assert {result.world.owner_of[a.sender] for a in result.world.actions} >= set(range(len(result.agents) - 1))
    report = replay(result, contracts)
    assert report.curve == result.curve


def test_replay__terms_with_all_options__equal_too(contracts):
    scenario = small(
        "SparsePerceptron",
        "SelfAssessment",
        **{
            "incentive.terms.dispute_wait": "1d",
            "incentive.terms.without_own_effect": True,
            "agents.copier.kind": "flip-and-take",
            "agents.copier.warm_up": 2,
            "model.parameters.margin": 0,
        },
    )
    report = replay(run(scenario), contracts)
    assert {"flag", "report", "refund"} <= set(report.gas)


@pytest.mark.parametrize(
    ("what", "spoil"),
    [
        ("wei of good on day", lambda r: r.curve[-1].balances.update(good=1)),
        ("wrong test rows on day", lambda r: setattr(r.curve[0], "errors", 0)),
        ("of the model", lambda r: r.world.model.weights.__setitem__(7, 30_000)),
        ("was accepted by the twin", lambda r: r.world.actions.__setitem__(0, r.world.actions[0]._replace(value=0))),
    ],
    ids=["balance", "accuracy", "state", "refusal"],
)
def test_replay__twin_differs__is_an_error_that_says_in_what(what, spoil, contracts):
    result = run(small("SparsePerceptron", "SelfAssessment", days=2, claim_days=2))
    spoil(result)
    with pytest.raises(Mismatch, match=what):
        replay(result, contracts)


@pytest.mark.parametrize("incentive", INCENTIVES)
@pytest.mark.parametrize("model", MODELS)
def test_run__same_seed__same_result_and_money_is_conserved(model, incentive):
    first, second = played(model, incentive), run(small(model, incentive))
    assert first.curve == second.curve
    assert first.world.actions == second.world.actions
    assert first.world.model.words() == second.world.model.words()
    for point in first.curve:
        assert sum(point.balances.values()) + point.held == sum(first.start_balances.values())
    assert min(first.world.balances.values()) >= 0
    other = run(small(model, incentive, seed=4))
    assert other.world.actions != first.world.actions


@pytest.mark.parametrize("model", MODELS)
def test_errors__any_model__equal_evaluate_of_the_twin(model):
    result = played(model, "Points")
    kind, twin, test = MODELS[model], result.world.model, result.problem.test
    assert kind.errors(twin, test) == twin.evaluate(test.packed) == result.curve[-1].errors


def test_artifacts__not_compiled__says_what_to_do(tmp_path):
    with pytest.raises(chain_engine.RpcError, match="make compile"):
        chain_engine.artifacts(tmp_path)("SelfAssessment")
