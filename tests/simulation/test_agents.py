"""What people do, and what comes of it."""

import pytest

from comodels.simulation.engine import run
from comodels.simulation.loading import from_mapping

BASE = {
    "name": "base",
    "data": {"source": "synthetic", "test": 0.02, "initial": 0.1, "limit": 3_000},
    "model": {"kind": "SparsePerceptron", "parameters": {"margin": 20}},
    "incentive": {"kind": "SelfAssessment"},
    "agents": [
        {"name": "good", "kind": "honest", "balance": "50 ether"},
        {"name": "other", "kind": "malicious", "share": 0.2, "balance": "50 ether"},
    ],
    "days": 10,
    "per_day": 30,
    "points": 5,
}


def play(**changes):
    return run(from_mapping(BASE, [(k.replace("__", "."), v) for k, v in changes.items()]))


def labels_right(result, name):
    index = [a.settings.name for a in result.agents].index(name)
    own = [e for e in result.world.entries if e.agent == index]
    return sum(e.y == e.true_label for e in own) / len(own)


def test_malicious__flips_every_label__loses_to_the_honest():
    result = play()
    assert labels_right(result, "good") == 1
    assert labels_right(result, "other") == 0
    assert result.profit("other") < 0 < result.profit("good")
    assert result.curve[-1].held == 0


def test_honest__mistakes__happen_at_their_rate():
    assert labels_right(play(agents__good__mistakes=0.3), "good") == pytest.approx(0.7, abs=0.08)


def test_careless__random_labels__are_right_half_of_the_time():
    assert labels_right(play(agents__other__kind="careless"), "other") == pytest.approx(0.5, abs=0.2)


def test_copier__copies_what_others_contributed():
    result = play(agents__other__kind="copier")
    copies = [e for e in result.world.entries if e.agent == 1]
    originals = {(e.x, e.y) for e in result.world.entries if e.agent == 0}
    assert copies
    assert all((e.x, e.y) in originals for e in copies)


def test_parrot__labels_as_the_model_does():
    result = play(agents__other__kind="parrot", model__parameters__margin=0)
    assert all(e.effect == 0 for e in result.world.entries if e.agent == 1)


def test_sybil__contributes_from_all_its_accounts():
    result = play(agents__other__kind="sybil", agents__other__accounts=7)
    assert len({e.account for e in result.world.entries if e.agent == 1}) == 7


def test_flip_and_take__slides_rule_without_margin__earns_from_a_victim_in_the_next_second():
    terms = {"dispute_wait": 0, "rest_wait": 0, "owner_wait": "8d", "anyone_wait": "9d"}
    result = play(
        agents__other__kind="flip-and-take",
        agents__other__warm_up=3,
        model__parameters__margin=0,
        model__trained=False,
        incentive__terms=terms | {"forgive_every": 0, "born_wrong": False},
    )
    attacker = result.agents[1].account
    acts = [a for a in result.world.actions if a.sender == attacker]
    pairs = zip(acts, acts[1:], strict=False)
    assert any(
        (a.function, b.function) == ("add_data", "report")
        and a.time + 1 == b.time  # in its own second the model is not asked
        and a.arguments[0] == b.arguments[1]
        for a, b in pairs
    )


def test_flip_and_take__dispute_wait__reports_only_after_it():
    result = play(
        agents__other__kind="flip-and-take",
        agents__other__warm_up=3,
        model__parameters__margin=0,
        model__trained=False,
        incentive__terms__dispute_wait="1d",
    )
    attacker = result.agents[1].account
    flags = {a.arguments: a.time for a in result.world.actions if a.sender == attacker and a.function == "flag"}
    reports = [a for a in result.world.actions if a.sender == attacker and a.function == "report"]
    assert flags
    assert all(a.time >= flags[a.arguments] + 86_400 for a in reports)


def test_agent__deposit_above_what_it_would_pay__waits():
    result = play(agents__other__max_deposit=1)
    assert not any(e.agent == 1 for e in result.world.entries)
    assert result.agents[1].refused > 0


def test_agent__first_and_last_day__contributes_only_between():
    result = play(agents__other__first_day=3, agents__other__last_day=5)
    days = [(e.time - 1_893_456_000) / 86_400 for e in result.world.entries if e.agent == 1]
    assert days
    assert 3 <= min(days) <= max(days) <= 5.001


def test_accuracy__measured_rows__nobody_contributes():
    result = play()
    hidden = {x for _, x in result.problem.test.rows}
    assert not hidden & {e.x for e in result.world.entries}
