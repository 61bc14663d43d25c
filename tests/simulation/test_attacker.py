"""An attacker that searches: it finds what pays by the slides' rule, and nothing that pays by the default one."""

from statistics import mean

import pytest

from comodels.bench.attacks import RULES
from comodels.simulation.engine import run
from comodels.simulation.loading import from_mapping
from comodels.simulation.scenario import ScenarioError
from comodels.simulation.search import FAMILIES, SPACE, Budget, search
from comodels.units import ETHER

PEOPLE = ["ann", "ben", "cat"]
SMALL = Budget(random=1, kept=3, changed=2, last=2, seeds=(1, 2, 3))
CASES = {
    "numbers": {"data": {"source": "breast_cancer", "initial": 0.15}, "model": {"kind": "DensePerceptron"}},
    "words": {
        "data": {"source": "synthetic", "test": 0.1, "initial": 0.2, "limit": 2_000},
        "model": {"kind": "SparsePerceptron"},
    },
}


def scenario(case, plan, seed=0, rule="default"):
    honest = {"kind": "honest", "mistakes": 0.01, "first_day": 2, "recheck_every": "6h"}
    attacker = {"name": "attacker", "kind": "attacker", "share": 0, "check_every": "1h", "recheck_every": "1h"}
    content = CASES[case] | {
        "name": case,
        "incentive": {"kind": "SelfAssessment", "terms": RULES[rule]},
        "agents": [{"name": name} | honest for name in PEOPLE] + [attacker | {"attack": dict(plan)}],
        "days": 8,
        "per_day": 18,
        "claim_days": 11,
        "points": 1,
        "seed": seed,
    }
    return from_mapping(content)


def gain(case, plan, seed, rule="default"):
    """Thousandths of an ether."""
    return 1_000 * run(scenario(case, plan, seed, rule)).profit("attacker") / ETHER


def best(case, rule):
    """What the best plan of a small search gains on four seeds that the search has not seen."""
    found = search(lambda plan, seed: gain(case, plan, 100 + seed, rule), SMALL)[0]
    return mean(gain(case, found.plan, seed, rule) for seed in range(4))


@pytest.mark.parametrize("case", CASES)
def test_search__default_rule__finds_no_attack_that_gains(case):
    assert best(case, "default") <= 0.5  # of more than 100 that are at stake


def test_search__slides_rule__is_beaten():
    assert best("words", "slides") > 5


def test_search__whatever_is_tried__ends_with_the_best():
    played = {}

    def play(plan, seed):
        key = tuple(sorted(plan.items()))
        played.setdefault(seed, {})[key] = value = plan.get("burst", 1) - 0.01 * plan.get("width", 1) - seed
        return value

    found = search(play, Budget(), seed=3)
    assert found[0].mean == pytest.approx(max(played[0].values()) - mean(range(Budget().seeds[-1])))
    assert found[0].plan["burst"] == 8
    played.clear()
    assert [c.plan for c in search(play, Budget(), seed=3)] == [c.plan for c in found]
    played.clear()
    assert [c.plan for c in search(play, Budget(), seed=4)] != [c.plan for c in found]


@pytest.mark.parametrize("family", FAMILIES)
def test_families__every_plan__is_one_that_an_attacker_takes(family):
    assert set(FAMILIES[family]) <= set(SPACE)
    scenario("numbers", FAMILIES[family])


def test_attacker__unknown_number__says_so():
    with pytest.raises(ScenarioError, match=r"agents.attacker.attack.bursts: unknown setting; did you mean burst\?"):
        run(scenario("numbers", {"bursts": 3}))


def test_attacker__farms__has_validated_contributions_before_others_begin():
    result = run(scenario("numbers", {"farm": 12, "farm_days": 0.5, "length": 0}))
    twin, attacker = result.world.desk.twin, result.agents[3]
    assert twin.validated_of[attacker.account] >= 11
    assert all(e.y == e.true_label or e.record.born_wrong is False for e in result.world.entries if e.agent == 3)
    assert result.profit("attacker") >= 0


def test_attacker__safe_plan__adds_nothing_that_can_be_reported():
    result = run(scenario("words", FAMILIES["safe ruin"]))
    crafted = [e for e in result.world.entries if e.agent == 3 and e.true_label == -1]
    assert len(crafted) > 5
    assert any(e.effect for e in crafted)
    assert result.profit("attacker") >= 0


def test_attacker__flips__turns_the_model_against_a_victim_and_reports_it_by_the_slides_rule():
    result = run(scenario("words", FAMILIES["flip and hold"], rule="slides"))
    accounts = set(result.agents[3].accounts)
    reports = [a for a in result.world.actions if a.function == "report" and a.sender in accounts and a.succeeds]
    assert any(a.arguments[0] not in accounts for a in reports)


def test_late__looks_when_all_is_over__gets_everything_back():
    people = [{"name": "late", "kind": "late", "check_every": "20d", "recheck_every": "20d"}]
    people[0]["mistakes"] = 0.3
    content = CASES["numbers"] | {"name": "late", "incentive": {"kind": "SelfAssessment"}, "agents": people}
    result = run(from_mapping(content | {"days": 5, "per_day": 10, "claim_days": 40, "points": 1}))
    assert {a.function for a in result.world.actions} == {"add_data", "refund", "rest"}
    assert result.profit("late") == 0
    assert result.curve[-1].held == 0


def test_honest__flagged_and_the_model_still_disagrees__is_forgiven_before_the_report():
    changes = {"mistakes": 0.2, "check_every": "1h", "recheck_every": "1h"}
    people = [{"name": name, "kind": "honest"} | changes for name in PEOPLE]
    content = CASES["numbers"] | {"name": "err", "incentive": {"kind": "SelfAssessment"}, "agents": people}
    result = run(from_mapping(content | {"days": 6, "per_day": 30, "claim_days": 12, "points": 1}))
    done = [a.function for a in result.world.actions if a.succeeds]
    assert done.count("forgive") > 5
    assert done.count("report") < done.count("forgive")
