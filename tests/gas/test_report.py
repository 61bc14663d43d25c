"""What `ape test --gas` and `--coverage` show, looked at as their users see it."""

import os
import re
import subprocess

import pytest

from comodels.cli import ROOT

pytestmark = pytest.mark.xdist_group("gas report")  # a run of its own, once

TESTS = ["tests/unit/SelfAssessment/test_refund.py", "tests/unit/SparsePerceptron/test_update.py"]


def run(*arguments: str) -> str:
    """What a test run of its own prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"COLUMNS": "120"}
    command = ["ape", "test", "-q", "-p", "no:cacheprovider", *arguments, *TESTS]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def table(output: str) -> dict[str, dict[str, list[int]]]:
    """Count, least, most, mean and median by contract and function."""
    rows, contract = {}, None
    for line in output.splitlines():
        if title := re.fullmatch(r"\s*(\w+) Gas\s*", line):
            contract = title[1]
        elif row := re.fullmatch(r"\s*(\w+)((?:\s+\d+){5})\s*", line):
            rows.setdefault(contract, {})[row[1]] = [int(n) for n in row[2].split()]
    return rows


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return tmp_path_factory.mktemp("coverage") / "page.md"


@pytest.fixture(scope="module")
def output(page):
    """Of two processes, because one has less that can go wrong."""
    exclude = ["--gas-exclude", "MessageBoard,SparsePerceptron:crea*,*:refund"]
    return run("-n", "2", "--gas", *exclude, "--coverage", "--coverage-page", str(page))


def test_gas__raw_transactions_and_views__have_rows(output):
    rows = table(output)["SelfAssessment"]

    assert {"__init__", "add_data", "open", "contribution"} <= set(rows)
    for count, least, most, mean, median in rows.values():
        assert count > 0
        assert 0 < least <= median <= most
        assert least <= mean <= most


def test_gas__calls_of_both_processes__are_added_up(output):
    """Each process deploys for itself, and each test opens a model."""
    rows = table(output)["SelfAssessment"]

    assert rows["__init__"][0] >= 2
    assert rows["open"][0] > 10


def test_gas__clones__stand_under_their_kind(output):
    assert table(output)["SparsePerceptron"]["update"][0] > 0
    assert "0x" not in output


def test_gas__constructor__counted_without_clones(output):
    """A clone's creation is inside `create`: rows of constructors are those of implementations."""
    assert table(output)["SparsePerceptron"]["__init__"][1] > 1_000_000


def test_gas__harnesses_and_transfers__have_no_rows(output):
    deployable = {p.stem for p in (ROOT / "contracts").rglob("*.vy") if p.parent.name != "testing"}

    assert set(table(output)) <= deployable


def test_gas__execution_of_a_getter__is_without_the_cost_of_a_transaction(output):
    assert table(output)["SelfAssessment"]["contribution"][1] < 21_000


def test_gas_exclude__contract_and_function__are_left_out(output):
    rows = table(output)

    assert "create" not in rows["SparsePerceptron"]
    assert "refund" not in rows["SelfAssessment"]


def test_coverage__two_processes__names_what_was_not_hit(output, page):
    assert "not hit: Points: add_data\n" in output
    assert "not hit: SelfAssessment: refund\n" not in output
    assert "not hit: incentives/SelfAssessment.vy: self-assessment: the model disagrees\n" not in output
    assert re.search(r"\| `Points` \| \d+ \|.*`add_data`", page.read_text())


def test_coverage__committed_page__has_the_form_of_a_new_one():
    """What it counts changes with every test, so that is left to `make coverage`."""
    from tests.coverage import lines

    page = (ROOT / "docs" / "coverage.md").read_text().splitlines()
    fixed = [line for line in lines([], []) if not re.search(r"\d+ of \d+$", line)]
    functions, reasons = (i for i, line in enumerate(page) if re.fullmatch(r"## .+: \d+ of \d+", line))
    names = re.findall(r"^\| `(\w+)` \| \d+ \| (?:none|`\w+`(?:, `\w+`)*) \|$", "\n".join(page[:reasons]), re.MULTILINE)
    files = re.findall(r"^\| `([\w/]+\.vy)` \| \d+ \| (?:none|`.+`) \|$", "\n".join(page[reasons:]), re.MULTILINE)

    newer = [line for line in page if line.startswith("Not measured yet: ")]
    unmeasured = re.findall(r"`(\w+)`", "".join(newer))
    page = [line for line in page if line not in newer]
    assert [line for line in page if not line.startswith(("| `", "## "))] == [li for li in fixed if li[:3] != "## "]
    assert functions < reasons
    assert len(names) + len(files) == sum(line.startswith("| `") for line in page)
    assert sorted([*names, *unmeasured]) == sorted(
        p.stem for p in (ROOT / "contracts").rglob("[A-Z]*.vy") if p.parent.name != "testing"
    )
    assert [f for f in files if not (ROOT / "contracts" / f).is_file()] == []
