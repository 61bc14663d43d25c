"""Getting the money out, by every way out."""

from dataclasses import replace

import pytest
from eth_utils import keccak

from comodels.incentives.prediction_market import ABANDONED, SILENT
from comodels.incentives.settlement import owed_leaf
from comodels.payouts import due_in
from comodels.revert import Revert
from comodels.wire import account_of, pack_withdrawal
from tests.mirror import ANY, PLAN, sample


def test_withdraw__by_anyone__pays_the_contributor(mirror, settled, stranger):
    owed = mirror.twin.owed(settled, 1)
    contributor = mirror.twin.markets[settled].contributions[0].contributor
    before = mirror.twin.balances[contributor]
    mirror.withdraw_index(stranger, settled, 1)
    assert mirror.twin.balances[contributor] == before + owed
    assert mirror.twin.balances[stranger.address] == 0


def test_withdraw__twice_or_twice_in_a_batch__paid_once(mirror, settled, contributor, stranger):
    owed = mirror.twin.owed(settled, 1)
    who = mirror.twin.markets[settled].contributions[0].contributor
    before = mirror.twin.balances[who]
    _, (_, packed) = mirror.twin.claim(settled, 1)
    mirror.withdraw(stranger, settled, 3 * packed)
    mirror.withdraw(contributor, settled, packed)
    assert mirror.twin.balances[who] == before + owed


def test_withdraw__many_at_once_of_several_accounts__each_is_paid(mirror, settled, keeper):
    claims = [mirror.twin.claim(settled, i)[1][1] for i in range(1, 8)]
    mirror.withdraw_index(keeper, settled, 3)  # somebody was quicker
    assert mirror.withdraw(keeper, settled, b"".join(claims)) > 0
    assert all(c.paid for c in mirror.twin.markets[settled].contributions)
    assert mirror.withdraw(keeper, settled, b"") == 0
    mirror.withdraw_all(keeper, settled)


def test_withdraw__another_s_or_wrong_claim__refused(mirror, settled, stranger):
    tree = mirror.twin.markets[settled].owed
    # the last, which stands alone: on its right the eighth is missing
    c, amount = mirror.twin.markets[settled].contributions[6], mirror.twin.owed(settled, 7)
    proof = tree.proof(6)
    assert len(proof) == 3
    assert proof[0] == bytes(32)
    assert amount > 0
    leaf = owed_leaf(c.contributor, amount)
    inner = keccak(leaf + proof[0])
    top = keccak(proof[2] + keccak(proof[1] + inner))
    _, (_, right) = mirror.twin.claim(settled, 2)
    for wrong in (
        (stranger.address, amount, 7, proof),
        (c.contributor, amount, 7, proof, stranger.address),
        (stranger.address, amount, 7, proof, c.contributor),
        # the account that stands in the tree is nobody who is paid
        ("0x" + account_of(c.contributor).hex(), amount, 7, proof),
        (c.contributor, amount + 1, 7, proof),
        (c.contributor, amount - 1, 7, proof),
        (c.contributor, 2**96 - 1, 7, proof),
        (c.contributor, amount, 0, proof),
        (c.contributor, amount, 1, proof),
        (c.contributor, amount, 5, proof),
        (c.contributor, amount, 8, proof),
        # the same way through the tree, from a place that it does not have
        (c.contributor, amount, 7 + 8, proof),
        (c.contributor, amount, 7 + 2**12, proof),
        (c.contributor, amount, 2**16 - 1, proof),
        (c.contributor, amount, 2**16 + 7, proof),
        (c.contributor, amount, 2**88 - 1, proof),
        # another depth
        (c.contributor, amount, 7, []),
        (c.contributor, amount, 7, proof[:-1]),
        (c.contributor, amount, 7, proof[1:]),
        (c.contributor, amount, 7, [*proof, bytes(32)]),
        (c.contributor, amount, 7, [*proof, tree.root]),
        (c.contributor, amount, 7, [*proof, (3).to_bytes(32, "big")]),
        (c.contributor, amount, 7, tree.proof(4)),
        (c.contributor, amount, 7, proof[::-1]),
        # an inner node, the top, the root and nothing in the place of a leaf
        ("0x" + inner[:20].hex(), int.from_bytes(inner[20:], "big"), 4, proof[1:]),
        ("0x" + top[:20].hex(), int.from_bytes(top[20:], "big"), 1, []),
        ("0x" + tree.root[:20].hex(), int.from_bytes(tree.root[20:], "big"), 1, []),
        ("0x" + "00" * 20, 0, 0, []),
        # the eighth, which is missing
        ("0x" + "00" * 20, 0, 8, [leaf, *proof[1:]]),
        (stranger.address, 0, 8, [leaf, *proof[1:]]),
        (c.contributor, amount, 8, [leaf, *proof[1:]]),
    ):
        for claims in (pack_withdrawal(*wrong), right + pack_withdrawal(*wrong)):
            with pytest.raises(Revert, match="not what was settled"):
                mirror.withdraw(stranger, settled, claims)
    for market in (0, settled + 1, settled - 1, settled | 1 << 192, settled >> 32, 2**256 - 1):
        with pytest.raises(Revert, match="not what was settled"):
            mirror.withdraw(stranger, market, right)
    assert not mirror.twin.markets[settled].contributions[1].paid
    mirror.withdraw(stranger, settled, right)


def test_withdraw__proofs_that_end_in_the_way_of_the_claim_before__each_is_paid(mirror, settled, stranger):
    tree, m = mirror.twin.markets[settled].owed, mirror.twin.markets[settled]

    def claim(index, nodes, place=None):
        c = m.contributions[index - 1]
        amount = PLAN.stake * c.balance // PLAN.hidden_rows
        return pack_withdrawal(c.contributor, amount, place or index, tree.proof(index - 1)[:nodes], c.sponsor)

    first = claim(1, 3)
    # right ones behind it: where two have the same account and amount, other wrong ones are right, too
    right = {claim(i, nodes) for i in range(1, 8) for nodes in range((i - 1).bit_length(), 4)}
    behind = [
        # they join later, or not there
        *(claim(2, 0), claim(3, 1), claim(4, 1), claim(5, 2), claim(7, 0)),
        # the same way from other places
        *(claim(1, nodes, place) for nodes in (0, 1, 2, 3) for place in (2, 3, 4, 5, 8, 9, 17, 2**12 + 1)),
        *(claim(2, 1, place) for place in (3, 4, 6, 10, 2**16 + 2)),
        pack_withdrawal("0x" + "00" * 20, 0, 0, []),
    ]
    for wrong in (
        # no claim is before it
        *(claim(2, nodes) for nodes in (0, 1, 2)),
        *(first + other for other in behind if other not in right),
        # the way of the claim before the one before
        *(first + claim(7, 3) + claim(2, nodes) for nodes in (1, 2)),
    ):
        with pytest.raises(Revert, match="not what was settled"):
            mirror.withdraw(stranger, settled, wrong)
    assert mirror.contract.call("dues", settled, 0) & 2**128 - 1 == 0
    before = sum(mirror.twin.owed(settled, i) for i in range(1, 8))
    # some in full, some as short as they can be, one twice, in any order
    order = [(1, 3), (2, 1), (2, 0), (1, 1), (4, 2), (3, 3), (7, 3), (7, 0), (5, 2), (6, 1), (1, 3)]
    assert mirror.withdraw(stranger, settled, b"".join(claim(*which) for which in order)) == before
    mirror.withdraw_all(stranger, settled)


def test_withdraw__claims_of_two_markets_in_one_call__refused(
    mirror, settled, model, secret, contribute, keeper, stranger
):
    # the model's next market, which was cancelled: its contributions are owed a stake, and have no proof
    plan = replace(PLAN, min_contributions=2)
    other = mirror.secret(model, secret.provider, secret.portions, plan)
    market = mirror.start(other, keeper)
    contribute(model, keeper, 1)
    mirror.wait(plan.participation_time)
    mirror.close(keeper, market)
    ours = mirror.twin.claim(settled, 1)[1][1]
    theirs = pack_withdrawal(str(keeper), PLAN.stake, 1, [])
    for claims in (ours, theirs, ours + theirs):
        with pytest.raises(Revert, match="not what was settled"):
            mirror.withdraw(stranger, market, claims)
    with pytest.raises(Revert, match="not what was settled"):
        mirror.withdraw(stranger, settled, ours + theirs)
    mirror.withdraw_all(stranger, market)
    mirror.withdraw_all(stranger, settled)


def test_withdraw__cut_off_or_too_long_a_proof__refused(mirror, settled, stranger):
    _, (_, right) = mirror.twin.claim(settled, 1)
    for wrong in (
        right[:-1],
        right[:-32],
        right[:64],
        right[:63],
        right[:32],
        right[:1],
        right + b"\0",
        right + bytes(32),
        # a proof that goes on behind the claims, in what stands there in the calldata
        right[:-32] + bytes(31),
        pack_withdrawal(stranger.address, 1, 1, [bytes(32)] * 13),
        # more nodes than any number that is read
        right[:63] + b"\xff" + right[64:],
    ):
        assert mirror.on_chain("withdraw", settled, wrong, sender=stranger).startswith("reverted without a reason")
    mirror.check_money()
    mirror.withdraw(stranger, settled, right)


def test_withdraw__abandoned_after_some_was_scored__each_in_its_own_way_and_once(mirror, scoring, keeper, stranger):
    for _ in range(3):
        mirror.score_next(keeper, scoring)
    mirror.wait(PLAN.score_time)
    mirror.expire(keeper, scoring)
    mirror.settle(keeper, scoring)
    assert mirror.twin.markets[scoring].phase == ABANDONED
    claims = [mirror.twin.claim(scoring, i) for i in range(1, 8)]
    assert [name for name, _ in claims] == 3 * ["withdraw"] + 4 * ["withdraw_stake"]
    # what was not scored has no place in the tree, and what was no other way out
    tree = mirror.twin.markets[scoring].owed
    fourth = mirror.twin.markets[scoring].contributions[3]
    for proof in ([], tree.proof(2), [owed_leaf(fourth.contributor, PLAN.stake), *tree.proof(2)[1:]]):
        with pytest.raises(Revert, match="not what was settled"):
            mirror.withdraw(
                stranger, scoring, pack_withdrawal(fourth.contributor, PLAN.stake, 4, proof, fourth.sponsor)
            )
    c = mirror.twin.markets[scoring].contributions[2]
    with pytest.raises(Revert, match="settled, needs a proof"):
        mirror.withdraw_stake(
            stranger,
            scoring,
            3,
            c.contributor,
            c.sponsor,
            keccak(c.x),
            c.y,
            c.effect,
            *mirror.twin.around(scoring, 3, 3),
        )
    # they share a word: neither way marks or pays what is the other's
    mirror.withdraw_stake(stranger, *claims[3][1])
    mirror.withdraw(stranger, *claims[0][1])
    with pytest.raises(Revert, match="paid already"):
        mirror.withdraw_stake(stranger, *claims[3][1])
    assert mirror.withdraw(stranger, *claims[0][1]) == 0
    assert mirror.contract.call("dues", scoring, 0) & 2**128 - 1 == 0b1001
    mirror.withdraw_all(stranger, scoring)
    assert mirror.contract.call("dues", scoring, 0) == 2**7 - 1


def test_withdraw_stake__of_what_was_settled__refused(mirror, settled, contributor):
    c = mirror.twin.markets[settled].contributions[0]
    with pytest.raises(Revert, match="settled, needs a proof"):
        mirror.withdraw_stake(contributor, settled, 1, c.contributor, c.sponsor, keccak(c.x), c.y, c.effect)


@pytest.fixture
def silent(mirror, closed, keeper):
    mirror.wait(PLAN.rest_time)
    mirror.expire(keeper, closed)
    return closed


def test_withdraw_stake__twice__refused(mirror, silent, contributor):
    mirror.withdraw_index(contributor, silent, 1)
    with pytest.raises(Revert, match="prediction-market: paid already"):
        mirror.withdraw_index(contributor, silent, 1)


def test_withdraw_stake__another_s_or_wrong_claim__refused(mirror, silent, stranger):
    c = mirror.twin.markets[silent].contributions[0]
    _, right = mirror.twin.claim(silent, 1)
    for index in (8, 17, 2**16, 2**16 + 1, 2**32 + 1, 2**255, 2**256 - 1):
        with pytest.raises(Revert, match="not what was contributed"):
            mirror.withdraw_stake(stranger, silent, index, *right[2:])
    with pytest.raises(Revert, match="settled, needs a proof"):
        mirror.withdraw_stake(stranger, silent, 0, *right[2:])
    for wrong in (
        (silent, 2, *right[2:]),
        (silent, 1, stranger, *right[3:]),
        (silent, 1, c.contributor, stranger, *right[4:]),
        (silent, 1, stranger, stranger, *right[4:]),
        (*right[:4], bytes(32), *right[5:]),
        (*right[:5], 1 - c.y, *right[6:]),
        (*right[:6], 3, *right[7:]),
        (*right[:7], keccak(right[7]), right[8]),
        (*right[:8], right[8][1:]),
        (*right[:8], [*right[8], bytes(32)]),
        # shown one place later than it stands
        (silent, 2, *right[2:7], bytes(32), right[8]),
        (silent, 2, *mirror.twin.claim(silent, 1)[1][2:7], *mirror.twin.around(silent, 2, 2)),
    ):
        with pytest.raises(Revert, match="not what was contributed"):
            mirror.withdraw_stake(stranger, *wrong)
    for market in (0, silent + 1, silent - 1, silent | 1 << 192, silent >> 32, 2**256 - 1):
        with pytest.raises(Revert, match="no such market"):
            mirror.withdraw_stake(stranger, market, *right[1:])
    with pytest.raises(Revert, match="not what was settled"):
        mirror.withdraw(stranger, silent, pack_withdrawal(c.contributor, PLAN.stake, 1, []))


def test_withdraw__before_the_end__refused(mirror, scoring, contributor):
    with pytest.raises(Revert, match="not ended"):
        mirror.withdraw_index(contributor, scoring, 1)
    with pytest.raises(Revert, match="not what was settled"):
        mirror.withdraw(contributor, scoring, pack_withdrawal(contributor.address, PLAN.stake, 1, []))
    with pytest.raises(Revert, match="not ended"):
        mirror.withdraw_rest(contributor, scoring)


def test_withdraw_rest__twice__refused(mirror, settled, keeper):
    mirror.withdraw_rest(keeper, settled)
    with pytest.raises(Revert, match="nothing left"):
        mirror.withdraw_rest(keeper, settled)


def test_withdraw__provider_was_silent__stakes_and_shares_of_bounty_and_bond(mirror, closed, secret, provider, keeper):
    hidden = next(i for i in range(PLAN.portions) if i not in mirror.twin.markets[closed].drawn)
    mirror.reveal(provider, *secret.reveal_arguments(hidden))
    with pytest.raises(Revert, match="not too late"):
        mirror.expire(keeper, closed)
    mirror.wait(PLAN.rest_time)
    mirror.expire(keeper, closed)
    assert mirror.twin.markets[closed].phase == SILENT
    mirror.withdraw_all(keeper, closed)
    share = (PLAN.bounty + PLAN.bond) // 7
    assert mirror.twin.balances[provider.address] == -7 * share


@pytest.mark.parametrize("phase", ["started", "settled"])
def test_expire__no_deadline__refused(mirror, phase, request, keeper):
    market = request.getfixturevalue(phase)
    mirror.wait(10**6)
    with pytest.raises(Revert, match="no deadline to miss"):
        mirror.expire(keeper, market)


def test_withdraw__ether_forced_in__changes_nothing(mirror, scoring, keeper, rpc):
    address = mirror.contract.address
    rpc.rpc("anvil_setBalance", address, hex(rpc.balance(address) + 12_345))
    mirror.forced = 12_345
    for _ in range(7):
        mirror.score_next(keeper, scoring)
    mirror.settle(keeper, scoring)
    mirror.withdraw_all(keeper, scoring)
    assert rpc.balance(address) == 12_345


def test_example_of_the_slides__one_market_worked_by_hand__paid_as_computed(
    mirror, create_model, provider, contributor, reporter, keeper
):
    """Two contributions whose change of the error rate can be counted in the head."""
    from comodels.incentives.prediction_market import Plan
    from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
    from comodels.rows import pack_rows

    # all weights 0: everything is class 0. Hidden: 4 portions of 5 rows
    twin = SparsePerceptron(SparsePerceptronParameters(4, bias_rate=0))
    address = str(create_model(twin, mirror.contract.address, ANY.encode(), holder=provider).address)
    mirror.adopt(address, twin, provider.address)
    plan = Plan(1_000, 3, 500, 0, 6, 2, 5, max_contributions=10)
    rows = [(1, sample(1))] * 4 + [(0, sample(2))]
    secret = mirror.secret(address, provider, [pack_rows(rows)] * 6, plan)
    market = mirror.start(secret, keeper)
    # 16 of 20 rows are wrong at the beginning: L(h_0) = 0.8
    mirror.add_data(contributor, address, sample(2), 1, value=1_000)  # the row of class 0 is wrong now too: L(h_1) = 1
    mirror.add_data(reporter, address, sample(1), 1, value=1_000)  # L(h_2) = 0.2
    mirror.finish(secret, keeper)
    # round 1: b_1 = 1 + 0.8 - 1 = 0.8, out; b_2 = 1 + 1 - 0.2 = 1.8
    # rounds 2 and 3: b_2 follows h_0: + 0.8 - 0.2 each, so 3.0
    assert [mirror.twin.owed(market, i) for i in (1, 2)] == [800, 3_000]
    assert [(p.rounds, p.amount) for p in due_in(mirror.contract, address, market)] == [(1, 800), (3, 3_000)]
    mirror.withdraw_all(keeper, market)
    # of the bounty of 3,000 they got 0.8 + 3.0 - 2 = 1.8 stakes = B (L(h_0) - L(h_T)), the most that there can be
    assert mirror.twin.balances[provider.address] == -1_800
