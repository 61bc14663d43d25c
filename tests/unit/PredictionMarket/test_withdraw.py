"""Getting the money out, by every way out."""

import pytest
from eth_utils import keccak

from simulation.prediction_market import SILENT
from simulation.revert import Revert
from tests.mirror import PLAN, sample


def test_withdraw__by_anyone__pays_the_contributor(mirror, settled, stranger):
    owed = mirror.twin.owed(settled, 1)
    contributor = mirror.twin.markets[settled].contributions[0].contributor
    before = mirror.twin.balances[contributor]
    mirror.withdraw_index(stranger, settled, 1)
    assert mirror.twin.balances[contributor] == before + owed
    assert mirror.twin.balances[stranger.address] == 0


def test_withdraw__twice__refused(mirror, settled, contributor):
    mirror.withdraw_index(contributor, settled, 1)
    with pytest.raises(Revert, match="no such contribution, or paid already"):
        mirror.withdraw_index(contributor, settled, 1)


def test_withdraw__another_s_or_wrong_claim__refused(mirror, settled, stranger):
    c = mirror.twin.markets[settled].contributions[0]
    right = settled, 1, c.contributor, keccak(c.x), c.y, c.effect
    for wrong in (
        (settled, 0, *right[2:]),
        (settled, 2, *right[2:]),
        (settled, 8, *right[2:]),
        (settled, 1, stranger, *right[3:]),
        (settled, 1, c.contributor, bytes(32), c.y, c.effect),
        (*right[:4], 1 - c.y, c.effect),
        (*right[:5], 3),
    ):
        with pytest.raises(Revert, match="no such contribution, or paid already"):
            mirror.withdraw(stranger, *wrong)
    with pytest.raises(Revert, match="no such market"):
        mirror.withdraw(stranger, settled + 1, *right[1:])


def test_withdraw__before_the_end__refused(mirror, scoring, contributor):
    with pytest.raises(Revert, match="not ended"):
        mirror.withdraw_index(contributor, scoring, 1)
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
    from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
    from simulation.prediction_market import Plan, Terms
    from simulation.rows import pack_rows

    # all weights 0: everything is class 0. Hidden: 4 portions of 5 rows
    twin = SparsePerceptron(SparsePerceptronParameters(4, bias_rate=0))
    address = str(create_model(twin, mirror.contract.address, Terms().pack()).address)
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
    assert mirror.contract.call_many("contribution", [(market, 1), (market, 2)]) == [(20, 1, 800), (4, 3, 3_000)]
    mirror.withdraw_all(keeper, market)
    # of the bounty of 3,000 they got 0.8 + 3.0 - 2 = 1.8 stakes = B (L(h_0) - L(h_T)), the most that there can be
    assert mirror.twin.balances[provider.address] == -1_800
