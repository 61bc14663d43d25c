"""Getting the money out, by every way out."""

import pytest
from eth_utils import keccak

from comodels.incentives.prediction_market import SILENT
from comodels.incentives.settlement import owed_leaf
from comodels.merkle import hash_pair
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
    trees = mirror.twin.markets[settled].owed
    (root,) = trees.roots
    c, amount = mirror.twin.markets[settled].contributions[0], mirror.twin.owed(settled, 1)
    proof = trees.proof(0)
    inner = hash_pair(owed_leaf(1, c.contributor, amount), proof[0])
    _, (_, right) = mirror.twin.claim(settled, 2)
    for wrong in (
        (stranger.address, amount, 1, proof),
        (c.contributor, amount, 1, proof, stranger.address),
        (stranger.address, amount, 1, proof, c.contributor),
        # the account that stands in the tree is nobody who is paid
        ("0x" + account_of(c.contributor).hex(), amount, 1, proof),
        (c.contributor, amount + 1, 1, proof),
        (c.contributor, amount - 1, 1, proof),
        (c.contributor, 2**96 - 1, 1, proof),
        (c.contributor, amount, 0, proof),
        (c.contributor, amount, 2, proof),
        (c.contributor, amount, 8, proof),
        (c.contributor, amount, 2**16 - 1, proof),
        (c.contributor, amount, 1, []),
        (c.contributor, amount, 1, proof[:-1]),
        (c.contributor, amount, 1, proof[1:]),
        (c.contributor, amount, 1, [*proof, root]),
        (c.contributor, amount, 1, trees.proof(1)),
        (c.contributor, amount, 1, proof[::-1]),
        # an inner node, the root and nothing in the place of a leaf
        ("0x" + inner[:20].hex(), int.from_bytes(inner[20:], "big"), 1, proof[1:]),
        ("0x" + root[:20].hex(), int.from_bytes(root[20:], "big"), 0, []),
        ("0x" + "00" * 20, 0, 0, []),
    ):
        for claims in (pack_withdrawal(*wrong), right + pack_withdrawal(*wrong)):
            with pytest.raises(Revert, match="not what was settled"):
                mirror.withdraw(stranger, settled, claims)
    for market in (0, settled + 1, settled - 1, settled | 1 << 192, settled >> 32, 2**256 - 1):
        with pytest.raises(Revert, match="not what was settled"):
            mirror.withdraw(stranger, market, right)
    assert not mirror.twin.markets[settled].contributions[1].paid


def test_withdraw__cut_off_or_too_long_a_proof__refused(mirror, settled, stranger):
    _, (_, right) = mirror.twin.claim(settled, 1)
    for wrong in (
        right[:-1],
        right[:35],
        right[:34],
        right[:1],
        right + b"\0",
        pack_withdrawal(stranger.address, 1, 1, [bytes(32)] * 13),
    ):
        assert mirror.on_chain("withdraw", settled, wrong, sender=stranger).startswith("reverted without a reason")
    mirror.check_money()


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
