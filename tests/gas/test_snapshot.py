"""Gas is the project's clock: no figure rises above the committed one."""

from pathlib import Path

import pytest

from comodels.bench.gas import Bench, calldata_gas, commit_market, draw_below, measure, random_perceptron
from comodels.bench.markdown import generated
from comodels.chain.local import light_chain
from comodels.incentives.prediction_market import Plan, Terms
from scripts.gas import TELLING, markdown, read_snapshot, risen, telling

pytestmark = pytest.mark.xdist_group("gas snapshot")  # measured once
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rows(project):
    """With the same accounts as `ape run gas` has: their addresses are in the figures."""
    with light_chain("--accounts", "20") as chain:
        return measure(Bench(chain, chain.accounts[-5:]))


def test_gas__measured_again__no_figure_above_the_snapshot(rows):
    assert risen(rows, read_snapshot()) == []


def test_gas__measured_again__no_figure_above_its_aim(rows):
    assert [row.action for row in rows if row.ceiling is not None and row.gas > row.ceiling] == []


def test_gas__snapshot__has_every_measured_action(rows):
    assert [row.action for row in read_snapshot()] == [row.action for row in rows]


def test_draw__measured_again__costs_the_same_whatever_the_block(rpc):
    """The draw depends on a block's hash; it is measured on one that draws no portion twice. But for the calldata: an
    address has zero bytes or not."""
    bench = Bench(rpc, rpc.accounts[-5:])
    contract = bench.contract("PredictionMarket")
    gas = set()
    for _ in range(4):
        _, model = bench.publish(random_perceptron(1_000), contract.address, Terms(0, 0, 2**32 - 1).encode())
        _, secret = commit_market(bench, contract, model, Plan(10**15, 20, 10**15, 10**13, 10, 3, 25, 1, 40))
        gas.add(draw_below(bench, contract, secret.market, 7) - calldata_gas(contract.data("draw", secret.market)))

    assert len(gas) == 1


def test_risen__figure_above_the_snapshot__named_with_both_numbers(rows):
    cheaper = [type(row)(**(row.__dict__ | {"gas": row.gas - 101})) for row in rows[:1]]

    assert risen(rows[:1], cheaper) == [f"{rows[0].action}: {rows[0].gas:,} gas, {rows[0].gas - 101:,} in gas.json"]


def test_docs__gas_table__is_that_of_the_snapshot():
    assert generated(ROOT / "docs" / "gas.md", "gas") == markdown(read_snapshot())


def test_readme__gas_table__has_the_telling_rows():
    rows = telling(read_snapshot())

    assert [row.action for row in rows] == list(TELLING)
    assert generated(ROOT / "README.md", "gas") == markdown(rows)
