"""The leaderboard must notice when a contract does not keep to the rules."""

import copy
import csv
import io

import pytest
from eth_abi import decode, encode

from comodels.chain.history import History
from comodels.errors import ComodelsError
from comodels.incentives.points import STREAK, VALIDATED, Terms
from comodels.leaderboard import (
    Board,
    Standing,
    badge_list,
    compare,
    diversity,
    event_topics,
    leaderboard,
    ranks,
    recompute,
    table,
    to_csv,
)
from tests.parrot import deploy_parrot

HOUR = 3_600
TERMS = Terms(HOUR, HOUR)


@pytest.fixture
def history(implementations, raw, rpc, contributor, reporter):
    """A model with four contributions, of which three are validated and one is reported: contract, model, logs."""
    contract = raw(implementations("Points"))
    one, two = str(contributor.address), str(reporter.address)
    model = deploy_parrot(rpc, one, contract.address, TERMS.encode())
    time = rpc.time
    good = [(one, bytes([1, 0, 0, 1])), (one, bytes([1, 0, 0, 2])), (two, bytes([2, 0, 0, 3]))]
    bad = one, bytes([1, 0, 0, 4]), 2
    steps = [("add_data", a, x, x[0], time + 10 + i) for i, (a, x) in enumerate(good)]
    steps += [("add_data", *bad, time + 20)]
    steps += [("validate", a, x, x[0], time + HOUR + 20 + i) for i, (a, x) in enumerate(good)]
    steps += [("report", two, *bad[1:], time + HOUR + 30)]
    receipts = rpc.send(contract.transaction(f, model, x, y, sender=a, time=t, gas=600_000) for f, a, x, y, t in steps)
    assert {r["status"] for r in receipts} == {"0x1"}
    logs = History(rpc, model, contract.address).logs()
    return contract, model, [log for log in logs if log["topics"][0] in event_topics()]


@pytest.fixture
def tamper(history):
    """Change the values of the n-th event of a kind, and recompute: the differences."""
    _, model, logs = history

    def change(kind, types, function, position=0):
        logs_copy = copy.deepcopy(logs)
        topic = next(t for t, name in event_topics().items() if name == kind)
        log = [log for log in logs_copy if log["topics"][0] == topic][position]
        values = function(list(decode(types, bytes.fromhex(log["data"][2:]))))
        log["data"] = "0x" + encode(types, values).hex()
        return recompute(model, logs_copy, sparse=False).differences

    return change


POINTS = ["bytes32", "uint256", "uint256"]


def test_recompute__honest_events__give_the_ranking(history, contributor, reporter):
    _, model, logs = history
    board = recompute(model, logs, sparse=False)
    assert board.differences == []
    # contributor: 10 + 20 for a new label, 10 + 3 for a streak; reporter: 10 + 20, 10 for a rare label, 5 for a report
    assert [(s.account, s.points, s.submitted, s.validated, s.reports) for s in board.standings] == [
        (str(reporter.address), 10 + 20 + 10 + 5, 1, 1, 1),
        (str(contributor.address), 10 + 20 + 10 + 3, 3, 2, 0),
    ]
    assert (board.submitted, board.validated, board.label_counts) == (4, 3, {1: 2, 2: 1})
    assert board.standings[0].diversity is None
    assert board.standings[1].diversity > 0


def test_leaderboard__honest_contract__agrees(history):
    contract, model, _ = history
    assert leaderboard(contract, model, sparse=False).differences == []


def test_compare__another_state__names_both_numbers(history, rpc, contributor):
    contract, model, logs = history
    board = recompute(model, logs, sparse=False)
    board.standings[1].points += 1
    board.submitted += 1
    board.label_counts[1] += 1
    account = contributor.address
    assert compare(board, model, contract, int(rpc.rpc("eth_blockNumber"), 16)) == [
        "submitted contributions: 5 by the events, 4 by the contract",
        "validated contributions with label 1: 3 by the events, 2 by the contract",
        f"points of {account}: 44 by the events, 43 by the contract",
    ]


@pytest.mark.parametrize("change", [{"points": 14}, {"reasons": VALIDATED | STREAK | 2}])
def test_recompute__wrong_award__names_both_numbers(change, tamper):
    def wrong(values):
        return [values[0], change.get("points", values[1]), change.get("reasons", values[2])]

    [difference] = tamper("Points", POINTS, wrong, position=1)
    points, reasons = change.get("points", 13), change.get("reasons", VALIDATED | STREAK)
    assert difference.endswith(f"{points} points for reasons {reasons}, by the rules 13 for 9")


def test_recompute__award_for_nothing__is_noticed(tamper):
    [difference, *_] = tamper("Points", POINTS, lambda v: [bytes(32), *v[1:]])
    assert "30 points for a contribution that does not exist or was settled, by the rules 0" in difference


def test_recompute__wrong_badge__is_noticed(tamper):
    differences = tamper("Badge", ["uint256", "string"], lambda v: [v[0] + 1, v[1]])
    assert "badge 2 is called 'label 1', by the rules 'label 2'" in differences[0]
    assert "badges" in differences[1]


@pytest.mark.parametrize("kind", ["Badge", "Points", "AddData"])
def test_recompute__event_missing__is_noticed(kind, history):
    _, model, logs = history
    topic = next(t for t, name in event_topics().items() if name == kind)
    first = next(i for i, log in enumerate(logs) if log["topics"][0] == topic)
    contract = history[0]
    board = recompute(model, logs[:first] + logs[first + 1 :], sparse=False)
    block = int(logs[-1]["blockNumber"], 16)
    assert board.differences + compare(board, model, contract, block)


def test_recompute__copy_accepted__is_noticed(history):
    _, model, logs = history
    topic = next(t for t, name in event_topics().items() if name == "AddData")
    first = next(i for i, log in enumerate(logs) if log["topics"][0] == topic)
    [difference] = recompute(model, [*logs[: first + 1], logs[first]], sparse=False).differences
    assert "a copy of a contribution was accepted" in difference


def test_recompute__terms_missing__is_refused(history):
    _, model, logs = history
    with pytest.raises(ComodelsError, match="do not begin with its terms"):
        recompute(model, logs[1:])
    with pytest.raises(ComodelsError, match="was not created with this contract"):
        recompute(model, [])


def test_diversity__worked_example():
    # dense: (3, 4) and (-4, 3) are orthogonal; (-3, -4) is opposite to the first and orthogonal to the second
    samples = [bytes([3, 4]), bytes([252, 3]), bytes([253, 252])]
    assert diversity(samples, sparse=False) == pytest.approx((1 + (2 + 1) / 2) / 2)
    assert diversity(samples[:1], sparse=False) is None
    assert diversity([bytes([0, 7])] * 5, sparse=True) == pytest.approx(0)


def test_ranks__equal_points__share_a_place():
    assert ranks([Standing("a", 9), Standing("b", 5), Standing("c", 5), Standing("d", 1)]) == [1, 2, 2, 4]


def test_badge_list__class_names__are_used_where_they_are_known():
    badges = 1 | 1 << 3 | 1 << 253
    assert badge_list(badges, ["ham", "spam"]) == ["label ham", "label 3", "milestone 10"]


def test_to_csv__reads_back(contributor):
    standing = Standing("0xA", 43, 3, 2, 1, 0, 1 | 1 << 252, 0.25)
    [row] = csv.DictReader(io.StringIO(to_csv(Board(TERMS, standings=[standing]), ["no, never"])))
    assert row == {
        "rank": "1",
        "account": "0xA",
        "points": "43",
        "submitted": "3",
        "validated": "2",
        "reports": "1",
        "badges": "label no, never;milestone 1",
        "diversity": "0.250000",
    }


def test_table__has_a_row_for_each_account():
    assert table(Board(TERMS, standings=[Standing("a"), Standing("b")])).row_count == 2
