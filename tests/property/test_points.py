"""The contract, its twin and the leaderboard, bit for bit on random histories."""

import numpy as np
import pytest

from comodels.incentives.points import Points, Terms, badge_names
from comodels.leaderboard import compare, recompute
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from tests.parrot import Parrot, deploy_parrot

STEPS = 700
ACCOUNTS = 5


def random_history(rng, accounts, samples, labels, time, opinion):
    """Steps of a history: function, sender, sample, label, time; many are copies, too early, or another's.

    `opinion` gives the label that a sample should have: most contributions and claims are meant well.
    """
    added, steps = [], []
    for _ in range(STEPS):
        time += int(rng.choice([1, 30, 600, 5_000, 86_400, 86_401], p=[0.4, 0.2, 0.2, 0.1, 0.05, 0.05]))
        sender = accounts[int(rng.choice(len(accounts), p=[0.4, 0.3, 0.15, 0.1, 0.05]))]
        if rng.random() < 0.45 or not added:
            sample = samples[int(rng.integers(len(samples)))]
            label = opinion(sample) if rng.random() < 0.6 else int(rng.choice(labels))
            added.append((sender, sample, label))
            steps.append(("add_data", sender, sample, label, time))
        else:
            author, sample, label = added[int(rng.integers(len(added)))]
            if rng.random() < 0.6:
                sender = author if rng.random() < 0.9 else sender
                steps.append(("validate", sender, sample, label, time))
            else:
                steps.append(("report", sender, sample, label, time))
    return steps


def play(twin, steps):
    """What the twin makes of each step: whether it succeeds."""
    results = []
    for function, *arguments in steps:
        try:
            getattr(twin, function)(*arguments)
            results.append("0x1")
        except Revert:
            results.append("0x0")
    return results


def check(rpc, contract, model, twin, steps, sparse):
    receipts = rpc.send(
        contract.transaction(function, model, x, y, sender=sender, time=time, gas=600_000)
        for function, sender, x, y, time in steps
    )
    assert [r["status"] for r in receipts] == play(twin, steps)

    assert contract.call("statistics", model) == (twin.submitted, twin.validated)
    accounts = twin.ledger.accounts
    assert contract.call_many("account", [(model, a) for a in accounts]) == [
        (a.points, a.validated, a.reports, a.latest) for a in accounts.values()
    ]
    assert contract.call_many("badges", [(model, a) for a in accounts]) == [a.badges for a in accounts.values()]
    assert [list(n) for n in contract.call_many("badge_names", [(model, a) for a in accounts])] == [
        list(badge_names(a.badges)) for a in accounts.values()
    ]
    assert contract.call_many("is_rare", [(model, y) for y in range(255)]) == [
        twin.ledger.is_rare(y) for y in range(255)
    ]
    records = twin.contributions
    assert contract.call_many("contribution", [(model, x, y) for x, y in records]) == [
        (r.contributor.lower(), r.time, r.effect, r.pending, r.reported, r.validated, x in twin.earned)
        for (x, y), r in records.items()
    ]

    # a third party, from the events alone
    logs = [log for r in receipts for log in r["logs"] if log["address"] == contract.address.lower()]
    opened = rpc.rpc(
        "eth_getLogs", {"fromBlock": "0x0", "toBlock": receipts[0]["blockNumber"], "address": contract.address}
    )
    logs = [log for log in opened if log["topics"][1][-40:] == model[2:].lower() and log not in logs] + logs
    board = recompute(model, logs, sparse)
    assert board.differences == []
    assert compare(board, model, contract, int(receipts[-1]["blockNumber"], 16)) == []
    assert {s.account: s.points for s in board.standings if s.points} == {
        name: a.points for name, a in accounts.items() if a.points
    }
    # the history was worth its while
    assert min(sum(a.validated for a in accounts.values()), sum(a.reports for a in accounts.values())) > 10


@pytest.mark.parametrize("without_own_effect", [False, True])
def test_points__random_history_with_a_perceptron__twin_and_leaderboard_equal_the_contract(
    without_own_effect, create_model, implementations, raw, rpc, accounts
):
    rng = np.random.default_rng(5 + without_own_effect)
    terms = Terms(600, 1_200, without_own_effect=without_own_effect)
    model_twin = SparsePerceptron(SparsePerceptronParameters(40, margin=3), rng.integers(-6, 7, 40))
    contract = raw(implementations("Points"))
    model = str(create_model(model_twin, contract.address, terms.encode()).address)
    samples = [np.sort(rng.choice(40, 6, replace=False)).astype(">u2").tobytes() for _ in range(250)]
    senders = [str(accounts[i].address) for i in range(1, 1 + ACCOUNTS)]
    truth = {x: model_twin.predict(x) for x in samples}
    steps = random_history(rng, senders, samples, [0, 1], rpc.time + 10, truth.get)
    check(rpc, contract, model, Points(model_twin, terms), steps, sparse=True)


def test_points__random_history_with_255_classes__twin_and_leaderboard_equal_the_contract(
    implementations, raw, rpc, accounts
):
    rng = np.random.default_rng(255)
    terms = Terms(600, 900, 80_000, 3, *[2**16 - 1] * 5)
    contract = raw(implementations("Points"))
    senders = [str(accounts[i].address) for i in range(1, 1 + ACCOUNTS)]
    model = deploy_parrot(rpc, senders[0], contract.address, terms.encode())
    labels = [0, 1, 4, 5, 46, 47, 48, 49, 250, 251, 252, 253, 254]
    samples = [bytes([int(rng.choice(labels)), 0, i % 3, i // 256, i % 256]) for i in range(300)]
    steps = random_history(rng, senders, samples, labels, rpc.time + 10, lambda x: x[0])
    check(rpc, contract, model, Points(Parrot(), terms), steps, sparse=False)
