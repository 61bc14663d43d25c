"""The one-pass settling against the slides' loop."""

import random

import pytest
from eth_utils import keccak

from comodels.incentives.settlement import OwedTree, owed_leaf, owed_root, payments, settle, settle_by_loop

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


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 63, 64, 65, 128, 129, 200])
def test_owed_tree__every_contribution__proof_leads_to_the_root_from_its_own_place(count):
    owed = [(f"0x{i + 1:040x}", 10 * i) for i in range(count)]
    tree = OwedTree(owed)
    depth = (count - 1).bit_length()
    for i, (account, amount) in enumerate(owed):
        leaf, proof = owed_leaf(account, amount), tree.proof(i)
        assert len(proof) == depth
        assert owed_root(i + 1, leaf, proof) == tree.root
        assert owed_root(i + 1, owed_leaf(account, amount + 1), proof) != tree.root
        for other in {0, 1, count, count + 1, i, i + 2, i + 1 + 2**depth, 2**16 - 1} - {i + 1}:
            assert owed_root(other, leaf, proof) != tree.root


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 64, 65])
def test_owed_tree__node_above_a_leaf__leads_nowhere(count):
    tree = OwedTree([(f"0x{i + 1:040x}", 10 * i) for i in range(count)])
    for i in range(count):
        proof = tree.proof(i)
        node = owed_leaf(f"0x{i + 1:040x}", 10 * i)
        for level, other in enumerate(proof):
            node = keccak(other + node if i >> level & 1 else node + other)
            # as if it were a leaf of a tree with fewer levels
            assert owed_root((i >> level + 1) + 1, node, proof[level + 1 :]) != tree.root


def test_owed_tree__another_number_of_contributions_over_the_same_nodes__another_root():
    owed = [(f"0x{i + 1:040x}", 10 * i) for i in range(4)]
    tree = OwedTree(owed)
    tops = [keccak(owed_leaf(*owed[i]) + owed_leaf(*owed[i + 1])) for i in (0, 2)]
    # two contributions whose leaves were the two nodes below the top
    assert keccak(keccak(b"".join(tops)) + (2).to_bytes(32, "big")) == tree.root
    assert owed_root(1, tops[0], [tops[1]]) == keccak(keccak(b"".join(tops)) + (1).to_bytes(32, "big")) != tree.root
