"""The one-pass settling against the slides' loop."""

import random

import pytest

from comodels.incentives.settlement import TREE, OwedTrees, owed_leaf, payments, settle, settle_by_loop
from comodels.merkle import root_of

CASES = 24_000


def test_settle__worked_by_hand__every_round_as_on_the_slides():
    # 100 rows, errors 50 -> 40 -> 45 -> 30, so losses 0.5, 0.4, 0.45, 0.3; two rounds.
    # Round 1: everyone takes part. 1 gains 0.5 - 0.4, 2 loses 0.45 - 0.4, 3 gains 0.45 - 0.3.
    first = [100 + (50 - 40), 100 + (40 - 45), 100 + (45 - 30)]
    assert first == [110, 95, 115]
    # 2 has less than one stake and leaves. Round 2: 3 now follows 1, and gains 0.4 - 0.3.
    second = [110 + (50 - 40), 95, 115 + (40 - 30)]
    assert settle_by_loop([50, 40, 45, 30], 100, 2) == second == [120, 95, 125]
    assert settle([50, 40, 45, 30], 100, 2) == [(120, 2), (95, 1), (125, 2)]
    # 1,000 wei a stake: paid 1,200, 950 and 1,250; of the bounty of 2,000 the contributors get 400
    assert payments([50, 40, 45, 30], 100, 2, 1_000) == [1_200, 950, 1_250]


def test_settle__who_gained_first_can_lose_later__leaves_in_the_right_round():
    # 1 loses 5 and leaves after round 1; 2 gains 8 against 1, then loses 8 + ... against the model at the beginning
    errors, rows, rounds = [20, 25, 22], 100, 10
    # 2: round 1: + 3 (25 -> 22) = 103; round 2 against h_0: - 2 = 101; round 3: 99 and leaves
    assert settle(errors, rows, rounds) == [(95, 1), (99, 3)]
    assert settle_by_loop(errors, rows, rounds) == [95, 99]


@pytest.mark.parametrize("seed", range(4))
def test_settle__random_cases__equals_the_loop(seed):
    rng = random.Random(seed)
    for _ in range(CASES // 4):
        count, rounds, rows = rng.randint(1, 12), rng.randint(1, 30), rng.randint(1, 40)
        step = rng.choice((1, 3, rows))
        errors = [rng.randint(0, rows)]
        for _ in range(count):
            errors.append(min(rows, max(0, errors[-1] + rng.randint(-step, step))))
        balances = settle_by_loop(errors, rows, rounds)
        results = settle(errors, rows, rounds)
        assert [b for b, _ in results] == balances, (errors, rows, rounds)
        # never more than stakes and bounty, never less than nothing
        assert min(balances) >= 0
        assert sum(balances) <= (count + rounds) * rows


def test_settle__many_rounds__takes_no_longer():
    errors = [random.Random(1).randint(0, 1_000) for _ in range(4_097)]
    results = settle(errors, 1_000, 2**24 - 1)
    assert len(results) == 4_096
    assert sum(b for b, _ in results) <= (4_096 + 2**24 - 1) * 1_000


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 128, 129])
def test_owed_trees__every_contribution__proof_leads_to_the_root_of_its_own_tree(count):
    owed = [(f"0x{i + 1:040x}", 10 * i) for i in range(count)]
    trees = OwedTrees(owed)
    assert len(trees.roots) == len(set(trees.roots)) == -(-count // TREE)
    for i, (account, amount) in enumerate(owed):
        proof = trees.proof(i)
        assert len(proof) <= 6
        assert root_of(owed_leaf(i + 1, account, amount), proof) == trees.roots[i // TREE]
        assert root_of(owed_leaf(i + 1, account, amount + 1), proof) not in trees.roots
