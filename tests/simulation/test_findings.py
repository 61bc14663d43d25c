"""The document of the findings: which runs it takes, and that its sentences and tables follow from them."""

from dataclasses import replace

import pandas as pd
import pytest

from scripts.findings import ORDER
from simulation import findings
from simulation.scenario import FOLDER, load_mapping
from simulation.sweep import read_sweep, run_sweep

FILES = {"text messages": None, "movie snippets": None}


def plan_of(name):
    return read_sweep(load_mapping(FOLDER / "findings" / f"{name}.yaml"))


def tiny(name):
    """Two seeds and two days of the cases on breast cancer."""
    plan = plan_of(name)
    content = plan.content | {"days": 3, "per_day": 12, "claim_days": 13, "points": 2}
    variants = {v: c for v, c in plan.variants.items() if v.startswith("breast cancer, dense")}
    over = {key: [values[0], values[-1]] for key, values in plan.over.items()}
    return replace(plan, content=content, variants=variants, over=over, seeds=2)


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    folder = tmp_path_factory.mktemp("findings")
    parts = {}
    for name in ORDER:
        plan = tiny(name)
        parts[name] = plan, run_sweep(plan, folder / f"{name}.parquet", jobs=1)
    findings.write(parts, folder / "simulation.md")
    return parts, folder


def test_write__all_parts__each_section_begins_with_its_answer(document):
    parts, folder = document
    text = (folder / "simulation.md").read_text()
    head, *sections = text.split("\n## ")
    assert len(sections) == 1 + 1 + len(parts) + 1  # in short, the claim, and which defaults follow
    short = " ".join(sections[0].split())
    for section in sections[1:]:
        title, answer = section.split("\n\n")[:2]
        assert f"**{title}**: {' '.join(answer.split())}" in short
    pictures = [line.partition("](")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(pictures) == 6
    assert all((folder / picture).stat().st_size > 5_000 for picture in pictures)


def test_write__table__has_the_means_of_the_runs(document):
    parts, folder = document
    _, table = parts["share-self-assessment"]
    part = table[table["agents.bad.share"] == 0.5]
    section = (folder / "simulation.md").read_text().split("## Share of bad data: self-assessment")[1]
    row = next(line for line in section.splitlines() if line.startswith("| breast cancer, dense perceptron | 50% |"))
    change = 100 * (part["accuracy_end"] - part["accuracy_start"]).mean()
    assert f"| {change:.1f} ± " in row
    assert f"| {part['gain_good'].mean():.2f} ± " in row


def test_write__no_texts__says_so(document):
    _, folder = document
    assert "No texts were at hand" in (folder / "simulation.md").read_text()


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


def test_up_to__a_share_fails__later_ones_do_not_count():
    shares = {0.0: 1, 0.1: 1, 0.3: -9, 0.5: 1}
    rows = [{findings.SHARE: s, "change": change, "seed": i} for s, change in shares.items() for i in range(2)]
    assert findings._up_to(pd.DataFrame(rows), findings._not_ruined) == "10%"
