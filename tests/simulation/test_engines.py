"""Twin and chain, one result: every model with every incentive."""

from functools import cache

import pytest

from comodels.bench.attacks import RULES
from comodels.models import twin_of
from comodels.simulation.chain_engine import Mismatch, replay
from comodels.simulation.engine import run
from comodels.simulation.incentives import INCENTIVES
from comodels.simulation.kinds import AGENTS as AGENT_KINDS
from comodels.simulation.loading import from_mapping
from comodels.simulation.models import MODELS

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


@pytest.mark.parametrize(
    ("model", "incentive"),
    [(m, i) for m in MODELS for i in INCENTIVES if i != "PredictionMarket" or twin_of(m).FAMILY != "levels"],  # refused
)
def test_replay__every_model_and_incentive__balances_accuracies_and_state_equal_the_twins(model, incentive):
    result = played(model, incentive)
    report = replay(result)
    assert report.curve == result.curve
    assert report.contributions == len(result.world.entries) > 30
    assert report.gas["add_data"][0] == report.contributions


@pytest.mark.parametrize("incentive", INCENTIVES)
def test_replay__every_kind_of_agent__equal_too(incentive):
    own = {"SelfAssessment": "attacker", "PredictionMarket": "provider"}  # kinds for one incentive
    kinds = [kind for kind in AGENT_KINDS if kind not in own.values() or kind == "attacker" == own.get(incentive)]
    agents = [{"name": kind, "kind": kind, "share": 0.1, "warm_up": 2} for kind in kinds]
    agents += [{"name": "provider", "kind": "provider", "accounts": 2}]
    changes = {"agents": agents, "data.bounty_test": 0.03, "per_day": 20, "agents.sybil.accounts": 3}
    if incentive != "PredictionMarket":
        changes["agents"] = agents[:-1]
    result = run(small("SparsePerceptron", incentive, **changes))
    assert {result.world.owner_of[a.sender] for a in result.world.actions} >= set(range(len(result.agents) - 1))
    report = replay(result)
    assert report.curve == result.curve


@pytest.mark.parametrize(
    ("terms", "kind", "functions"),
    [
        (RULES["slides"] | {"without_own_effect": True}, "flip-and-take", {"refund", "flag", "report", "take"}),
        ({"without_own_effect": True}, "attacker", {"refund", "flag", "report", "rest", "forgive"}),
    ],
    ids=["slides", "default"],
)
def test_replay__both_rules__every_function_equals_the_twins(terms, kind, functions):
    agents = [
        {"name": "good", "kind": "honest", "mistakes": 0.3, "recheck_every": "6h"},
        {"name": "bad", "kind": "malicious", "share": 0.2, "accounts": 2},
        {"name": "cheat", "kind": kind, "share": 0.1, "warm_up": 2, "attack": {"farm": 5, "start": 1, "hold": 7_200}},
    ]
    changes = {"agents": agents, "per_day": 25, "model.parameters.margin": 0}
    result = run(small("SparsePerceptron", "SelfAssessment", **changes, **{"incentive.terms": terms}))
    report = replay(result)
    assert report.curve == result.curve
    assert functions <= set(report.gas)


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
def test_replay__twin_differs__is_an_error_that_says_in_what(what, spoil):
    result = run(small("SparsePerceptron", "SelfAssessment", days=2, claim_days=2))
    spoil(result)
    with pytest.raises(Mismatch, match=what):
        replay(result)


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
