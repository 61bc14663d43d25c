"""The document of the findings: which runs it takes, and that its sentences and tables follow from them."""

from dataclasses import replace

import pandas as pd
import pytest

from comodels.bench import attacks, findings
from comodels.incentives.self_assessment import Terms
from comodels.simulation.loading import FOLDER, load_mapping
from comodels.simulation.search import FAMILIES, Budget
from comodels.simulation.sweep import read_sweep, run_sweep
from scripts.findings import ORDER

FILES = {"text messages": None, "movie snippets": None}


def plan_of(name):
    return read_sweep(load_mapping(FOLDER / "findings" / f"{name}.yaml"))


def tiny(name):
    """Two seeds and three days of the cases on breast cancer."""
    plan = plan_of(name)
    content = plan.content | {"days": 3, "per_day": 12, "claim_days": 13}
    variants = {v: c for v, c in plan.variants.items() if v.startswith("breast cancer, dense")}
    over = {key: [values[0], values[-1]] for key, values in plan.over.items()}
    if findings.FORGIVE in over:
        over[findings.FORGIVE] = [0, Terms().forgive_every]
    return replace(plan, content=content, variants=variants, over=over, seeds=2)


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    folder = tmp_path_factory.mktemp("findings")
    small = Budget(random=0, kept=1, changed=0, last=1, seeds=(1, 1, 1))
    parts = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attacks, "WHOLE", small)
        patch.setattr(attacks, "FROM_FOUND", small)
        patch.setattr(attacks, "FAMILIES", {name: FAMILIES[name] for name in ("sit and report", "flip")})
        for name in ORDER:
            plan, path = tiny(name), folder / f"{name}.parquet"
            parts[name] = plan, run_sweep(plan, path, jobs=1) if plan.over else attacks.run_attacks(plan, path, {})
    findings.write(parts, folder / "simulation.md")
    return parts, folder


def test_write__all_parts__each_section_begins_with_its_answer(document):
    parts, folder = document
    text = (folder / "simulation.md").read_text()
    head, short, *sections = text.split("\n## ")
    short = " ".join(short.split())
    assert len(sections) == len(parts) + 2  # how to repeat it, and what is not covered
    for section in sections[: len(parts)]:
        title, answer = section.split("\n\n")[:2]
        assert f"**{title}** {' '.join(answer.split())}" in short
    pictures = [line.partition("](")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(pictures) == 7
    assert all((folder / picture).stat().st_size > 5_000 for picture in pictures)


def test_write__table__has_the_means_of_the_runs(document):
    parts, folder = document
    _, table = parts["share-self-assessment"]
    most = table["agents.bad.share"].max()
    part = table[table["agents.bad.share"] == most]
    section = (folder / "simulation.md").read_text().split("## What do honest people gain or lose by deposits?")[1]
    row = next(x for x in section.splitlines() if x.startswith(f"| breast cancer, dense perceptron | {most:.0%} |"))
    honest = 1_000 * sum(part[f"gain_{name}"] for name in findings.HONEST).mean()
    change = 100 * (part["accuracy_end"] - part["accuracy_start"]).mean()
    assert f"| {honest:.2f} ± " in row
    assert f"| {change:.1f} ± " in row


def test_write__attack__says_how_often_it_gains(document):
    parts, folder = document
    _, table = parts["attack"]
    assert set(table["rule"]) == set(attacks.RULES_TRIED)
    text = " ".join((folder / "simulation.md").read_text().split())
    margin = table[
        (table["rule"] == "default") & (table["look"] != "newcomers") & (table["variant"].str[-9:] != "no margin")
    ]
    above = sum(findings._sign(part["attacker"]) > 0 for _, part in margin.groupby(["variant", "look"]))
    assert f"gains measurably in {above} of 2 (1 cases, with and without a keeper)" in text


def test_run_attacks__kept__runs_nothing_again(document, monkeypatch):
    parts, folder = document
    plan, table = parts["attack"]
    monkeypatch.setattr(attacks, "WHOLE", Budget(random=0, kept=1, changed=0, last=1, seeds=(1, 1, 1)))
    monkeypatch.setattr(attacks, "run", None)
    again = attacks.run_attacks(plan, folder / "attack.parquet", {})
    pd.testing.assert_frame_equal(again, table)
    assert len(attacks.run_attacks(plan, folder / "none.parquet", {}, only_kept=True)) == 0


def test_write__no_texts__says_so(document):
    _, folder = document
    assert "No texts were at hand" in " ".join((folder / "simulation.md").read_text().split())


@pytest.mark.parametrize("name", ORDER)
def test_with_files__no_text_files__every_part_keeps_cases_on_scikit_learn_sets(name):
    plan = findings.with_files(plan_of(name), FILES)
    assert plan is not None
    assert all("DATA" not in str(changes) for changes in plan.variants.values())


def test_with_files__only_texts__none_is_left():
    plan = replace(plan_of("terms"), variants={"movie snippets, naive Bayes": {"data.source": "DATA"}})
    assert findings.with_files(plan, FILES) is None


def test_file_of__variant__its_data_file():
    files = {"text messages": "sms.tsv", "movie snippets": None}
    assert findings.file_of("text messages, naive Bayes", files) == "sms.tsv"
    assert findings.file_of("digits, nearest centroid", files) is None


def test_kept_rows__seeds_missing__combination_is_left_out(document):
    parts, folder = document
    plan, table = parts["self-dealing"]
    path = folder / "some.parquet"
    rows = pd.read_parquet(folder / "self-dealing.parquet")
    rows.iloc[1:].to_parquet(path, index=False)
    kept = findings.kept_rows(plan, path, {})
    assert len(kept) == len(table) - 2
    assert findings.kept_rows(plan, folder / "none.parquet", {}) is None


@pytest.mark.parametrize(("values", "sign"), [([1, 1.1, 0.9], 1), ([-1, -1.1, -0.9], -1), ([-1, 1, 0], 0), ([0, 0], 0)])
def test_sign__values__only_if_the_interval_does_not_contain_0(values, sign):
    assert findings._sign(pd.Series(values)) == sign


def test_by_share__something_holds__counts_cases_of_each_share_above_0():
    rows = [
        {"variant": v, findings.SHARE: s, "change": change, "seed": seed}
        for v, s, change in (("a", 0.0, -9), ("a", 0.1, 1), ("b", 0.1, -9), ("a", 0.3, 1), ("b", 0.3, 1))
        for seed in range(2)
    ]
    assert findings._by_share(pd.DataFrame(rows), findings._not_ruined) == ("10% and 30%", "1 and 2")
