"""Sweeps: what is varied, what is kept, what is drawn."""

import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from comodels.simulation import sweep
from comodels.simulation.scenario import ScenarioError
from comodels.simulation.show import sparkline
from comodels.simulation.sweep import MissingExtraError, read_sweep, run_sweep
from scripts.simulate import cli

CONTENT = {
    "name": "tiny",
    "data": {"source": "breast_cancer"},
    "model": {"kind": "DensePerceptron"},
    "incentive": {"kind": "SelfAssessment"},
    "agents": [{"name": "good", "kind": "honest"}, {"name": "bad", "kind": "malicious", "share": 0.2}],
    "days": 2,
    "per_day": 20,
    "points": 3,
    "sweep": {
        "seeds": 2,
        "over": {"agents.bad.share": [0, 0.5]},
        "variants": {"plain": {}, "margin": {"model.parameters.margin": 9}},
    },
}


def test_run_sweep__interrupted__goes_on_where_it_was(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    plan = read_sweep(CONTENT)
    real, started = sweep.run_one, []

    def interrupted_at_the_fourth(run):
        started.append(run.key)
        if len(started) == 4:
            raise KeyboardInterrupt
        return real(run)

    monkeypatch.setattr(sweep, "run_one", interrupted_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(plan, path, jobs=1)
    assert len(pd.read_parquet(path)) == 3
    done = []
    monkeypatch.setattr(sweep, "run_one", lambda run: done.append(run.key) or real(run))
    table = run_sweep(plan, path, jobs=1)
    assert len(done) == 5
    assert len(table) == len(pd.read_parquet(path)) == 8
    assert set(table["variant"]) == {"plain", "margin"}
    assert table.groupby(plan.keys).size().eq(2).all()
    monkeypatch.setattr(sweep, "run_one", None)
    assert run_sweep(plan, path, jobs=1).equals(table)


def test_run_sweep__two_processes__same_rows(tmp_path):
    plan = read_sweep({**CONTENT, "sweep": {}}, ["agents.bad.share=0,0.5"], 1)
    one = run_sweep(plan, tmp_path / "one.parquet", jobs=1).drop(columns="seconds")
    assert run_sweep(plan, tmp_path / "two.parquet", jobs=2).drop(columns="seconds").equals(one)


def test_read_sweep__mistakes__say_what_is_wrong():
    with pytest.raises(ScenarioError, match="nothing to sweep over"):
        read_sweep({**CONTENT, "sweep": None})
    with pytest.raises(ScenarioError, match="KEY=V1,V2"):
        read_sweep(CONTENT, ["days"])
    with pytest.raises(ScenarioError, match="unknown setting"):
        read_sweep({**CONTENT, "sweep": {"overs": {}}})
    with pytest.raises(ScenarioError, match="there is no agent 'ugly'"):
        read_sweep(CONTENT, ["agents.ugly.share=0.1"]).runs()


def test_run_sweep__dask_is_missing__says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'dask\[distributed\]'"):
        run_sweep(read_sweep(CONTENT), tmp_path / "rows.parquet", dask="tcp://127.0.0.1:1")


def test_run_sweep__dask_scheduler__same_rows(tmp_path):
    from dask.distributed import LocalCluster

    plan = read_sweep({**CONTENT, "sweep": {}}, ["agents.bad.share=0,0.5"], 1)
    one = run_sweep(plan, tmp_path / "one.parquet", jobs=1).drop(columns="seconds")
    local = {"n_workers": 1, "threads_per_worker": 1, "protocol": "tcp://", "dashboard_address": None}
    with LocalCluster(processes=False, **local) as cluster:
        two = run_sweep(plan, tmp_path / "two.parquet", dask=cluster.scheduler_address)
    assert two.drop(columns="seconds").equals(one)


def test_simulate__from_the_command_line__writes_picture_and_curve(tmp_path):
    options = ["--source", "breast_cancer", "--model", "DensePerceptron", "--days", "2", "--points", "4"]
    options += ["--agent", "ann:honest", "--agent", "bad:malicious:share=20%", "--term", "cost_weight=1 gwei"]
    result = CliRunner().invoke(cli, ["good-and-bad-digits", *options, "--live", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "good-and-bad-digits"
    assert (folder / "seed-0.png").stat().st_size > 10_000
    rows = pd.read_csv(folder / "seed-0.csv")
    assert len(rows) == 5
    assert {"day", "contributions", "accuracy", "ann_wei", "bad_wei", "owner_wei", "incentive_wei"} == set(rows.columns)


def test_simulate__sweep_from_the_command_line__writes_table_and_plot(tmp_path):
    options = ["--days", "1", "--points", "2", "--sweep", "--over", "agents.bad.share=0,0.4", "--seeds", "2"]
    result = CliRunner().invoke(cli, ["good-and-bad-digits", *options, "--jobs", "1", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "good-and-bad-digits"
    assert {p.name for p in folder.iterdir()} == {"sweep.parquet", "sweep.csv", "sweep.png"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["good-and-bad-text"], "--data"),
        (["good-and-bad-text", "--data", "nowhere.tsv"], "no such file"),
        (["nothing"], "there is no scenario 'nothing'"),
        (["--set", "days"], "NAME=VALUE"),
        (["--agent", "ann"], "NAME:KIND"),
    ],
)
def test_simulate__mistake__one_clear_sentence(arguments, message):
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_simulate__list__names_everything():
    output = CliRunner().invoke(cli, ["--list"]).output
    for word in ("good-and-bad-text", "SparsePerceptron", "SelfAssessment", "flip-and-take"):
        assert word in output


def test_sparkline__few_values__rises_and_falls():
    assert sparkline([0, 4, 0]) == " █ "
    assert len(sparkline(list(range(200)))) == 50
