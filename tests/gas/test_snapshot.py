"""Gas is the project's clock: no figure rises above the committed one."""

from pathlib import Path

import pytest

from scripts._gas import Bench, measure
from scripts._markdown import generated
from scripts.gas import markdown, read_snapshot, risen

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rows(rpc, project):
    return measure(Bench(rpc, project, rpc.accounts[-5:]))


def test_gas__measured_again__no_figure_above_the_snapshot(rows):
    assert risen(rows, read_snapshot()) == []


def test_gas__measured_again__no_figure_above_its_aim(rows):
    assert [row.action for row in rows if row.ceiling is not None and row.gas > row.ceiling] == []


def test_gas__snapshot__has_every_measured_action(rows):
    assert [row.action for row in read_snapshot()] == [row.action for row in rows]


def test_risen__figure_above_the_snapshot__named_with_both_numbers(rows):
    cheaper = [type(row)(**(row.__dict__ | {"gas": row.gas - 101})) for row in rows[:1]]

    assert risen(rows[:1], cheaper) == [f"{rows[0].action}: {rows[0].gas:,} gas, {rows[0].gas - 101:,} in gas.json"]


def test_readme__gas_table__is_that_of_the_snapshot():
    assert generated(ROOT / "README.md", "gas") == markdown(read_snapshot())
