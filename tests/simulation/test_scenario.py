"""Scenario files: what they may say, and what is said about a mistake."""

import numpy as np
import pytest

from comodels import units
from comodels.models.training import DEFAULTS, train
from comodels.simulation.engine import run
from comodels.simulation.loading import FOLDER, from_mapping, load, load_mapping, ready
from comodels.simulation.models import MODELS
from comodels.simulation.problem import AboveMean, build
from comodels.simulation.scenario import ScenarioError
from comodels.simulation.sweep import read_sweep

GOOD = {
    "name": "good",
    "data": {"source": "breast_cancer"},
    "model": {"kind": "DensePerceptron"},
    "incentive": {"kind": "SelfAssessment"},
    "agents": [{"name": "ann", "kind": "honest"}],
}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("dayz", 3, "dayz: unknown setting; did you mean days?"),
        ("days", "long", "days: 'long' is not a number"),
        ("data.tests", 0.2, "data.tests: unknown setting; did you mean test?"),
        ("data.test", "120%", "data.test: '120%' is not a share"),
        ("data.initial", 0.9, "leave nothing to contribute"),
        ("data.source", None, "data.source: None is not a text"),
        ("model.kind", "Perceptron", "there is no 'Perceptron'; did you mean"),
        ("incentive.kind", "Money", "incentive.kind: there is no 'Money'"),
        ("agents.ann.kind", "honst", "agents.ann.kind: there is no 'honst'; did you mean honest?"),
        ("agents.ann.balance", "3 dollars", "agents.ann.balance: '3 dollars' is not an amount"),
        ("agents.ann.check_every", "soon", "agents.ann.check_every: 'soon' is not a duration"),
        ("agents.ann.accounts", 0, "agents.ann.accounts: at least 1"),
        ("agents.ann.share", 1.5, "agents.ann.share: 1.5 is not a share"),
        ("agents.bob.share", 0.5, "there is no agent 'bob'; there are ann"),
        ("agents", [], "agents: at least one"),
        ("agents", "ann", "agents: a list"),
        ("seed", -1, "seed: -1 is not a whole number"),
        ("days.long", 1, "is one value and has no parts"),
    ],
)
def test_from_mapping__mistake__says_where_and_what(key, value, message):
    content = {**GOOD, "days": 3}
    with pytest.raises(ScenarioError) as error:
        from_mapping(content, [(key, value)])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model.parameters.margn", 1, "model.parameters.margn: unknown setting; did you mean margin?"),
        ("model.parameters.rate", 0, "model.parameters: model: learning rate"),
        ("incentive.terms.refund_wait", "30d", "incentive.terms: self-assessment: reports need more time"),
        ("incentive.terms.refund_wait", "x", "incentive.terms.refund_wait: 'x' is not a duration"),
        ("model.kind", "SparsePerceptron", "takes sparse samples"),
        ("data.source", "digits", "knows two classes, but digits has 10"),
        ("data.source", "DATA", "--data"),
        ("data.encoding.kind", "magic", "there is no 'magic'"),
        ("incentive.kind", "PredictionMarket", "data.bounty_test: 0 rows are too few"),
    ],
)
def test_run__scenario_that_cannot_be__says_why(key, value, message):
    with pytest.raises(ScenarioError) as error:
        run(from_mapping(GOOD, [("days", 1), (key, value)]))
    assert message in str(error.value)


def test_from_mapping__shares_above_one__says_whose():
    agents = [{"name": "a", "kind": "honest", "share": "80%"}, {"name": "b", "kind": "malicious", "share": "40%"}]
    with pytest.raises(ScenarioError, match=r"more than 1 \(a 80%, b 40%\); agents without a share divide the rest"):
        from_mapping({**GOOD, "agents": agents})


def test_make__parameter_as_multiple__of_the_default():
    scenario = from_mapping(GOOD, [("model.parameters", {"margin": "2x", "bias_rate": "0x"})])
    problem = build(scenario.data, 0)
    parameters = MODELS["DensePerceptron"].make(scenario.model, problem).parameters
    assert parameters.margin == round(2 * DEFAULTS.dense_margin * problem.unit**2)
    assert parameters.bias_rate == 0


def test_above_mean__rows_of_numbers__which_are_above_it():
    encoder = AboveMean(np.array([1.0, 2.0, 3.0]))
    positions, encoded = encoder.encode_valid(np.array([[2, 2, 4], [1, 2, 3], [0, 3, 0]]))
    assert positions.tolist() == [0, 2]  # nothing of the second is above the mean: no sample
    assert encoded == [bytes([0, 0, 0, 2]), bytes([0, 1])]
    problem = build(from_mapping(GOOD, [("data.encoding.kind", "above-mean")]).data, 2)
    assert problem.sparse
    assert problem.n_features == 30


def test_prepare__dense_perceptron__learns_faster_than_its_parameters_say():
    problem = build(from_mapping(GOOD).data, 0)
    scenario = from_mapping(GOOD)
    kind = MODELS["DensePerceptron"]
    trained = kind.make(scenario.model, problem)
    slow = train(
        kind.start(trained.parameters, problem), [x for _, x in problem.initial], [y for y, _ in problem.initial], 5
    )
    assert trained.version == 0
    assert trained.parameters.rate == DEFAULTS.rate
    assert abs(trained.weights).max() > 4 * abs(slow.weights).max()


def test_load__no_such_scenario__names_the_ready_ones():
    with pytest.raises(ScenarioError, match="good-and-bad-text"):
        load("nothing")


def test_load__not_yaml__is_an_error(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("days: [")
    with pytest.raises(ScenarioError, match="not YAML"):
        load(path)


@pytest.mark.parametrize("name", ready())
def test_load__ready_scenarios__are_valid(name):
    assert load(name).title.strip()


@pytest.mark.parametrize("path", sorted((FOLDER / "findings").glob("*.yaml")), ids=lambda path: path.stem)
def test_findings__scenario_files__all_their_runs_are_valid(path):
    plan = read_sweep(load_mapping(path))
    assert plan.seeds >= 20
    runs = plan.runs({variant: variant for variant in plan.variants})
    assert len({run.key for run in runs}) == len(runs)


def test_shares__some_given__the_rest_is_divided():
    agents = [{"name": "a", "kind": "honest"}, {"name": "b", "kind": "honest"}]
    agents.append({"name": "c", "kind": "malicious", "share": "20%"})
    assert from_mapping({**GOOD, "agents": agents}).shares() == pytest.approx([0.4, 0.4, 0.2])


def test_build__any_seed__parts_share_no_row():
    settings = from_mapping(GOOD, [("data.bounty_test", 0.1)]).data
    problem = build(settings, 5)
    parts = [problem.initial, problem.pool, problem.bounty_test, problem.test.rows]
    samples = [x for part in parts for _, x in part]
    assert len(samples) == len(set(samples)) == 569
    assert build(settings, 5).pool == problem.pool
    assert build(settings, 6).pool != problem.pool


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.duration, "1d", 86_400),
        (units.duration, "1.5h", 5_400),
        (units.duration, 7, 7),
        (units.amount, "0.5 ether", 5 * 10**17),
        (units.amount, "20 gwei", 2 * 10**10),
        (units.share, "20%", 0.2),
        (units.count, "1_000", 1_000),
        (units.flag, "no", False),
        (units.number, "2.5", 2.5),
    ],
)
def test_units__as_people_write_them__are_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (units.duration, "-1d"),
        (units.duration, True),
        (units.amount, "0.5 wei"),
        (units.amount, "1"),
        (units.share, "-1"),
        (units.share, float("nan")),
        (units.count, 1.5),
        (units.flag, 3),
        (units.number, float("inf")),
    ],
)
def test_units__nonsense__is_refused(read, text):
    with pytest.raises(ValueError, match="is not|is neither"):
        read(text)
