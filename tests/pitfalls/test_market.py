"""What broke earlier implementations: prediction markets. Each line of the list is a test named after it."""

# ruff: noqa: F401, F811 (fixtures that are imported, and asked for by name)

import random
from dataclasses import replace

import numpy as np
import pytest
from eth_utils import keccak

from comodels.incentives.prediction_market import PARTICIPATING, REVEALING, SILENT, Terms, draw_portions
from comodels.incentives.scorers import MAX_PORTION
from comodels.incentives.settlement import settle, settle_by_loop
from comodels.models.nearest_centroid import NearestCentroid, NearestCentroidParameters
from comodels.revert import Revert
from comodels.rows import pack_rows
from comodels.wire import iterate_withdrawals, pack_withdrawal
from tests.mirror import ANY, PLAN
from tests.unit.PredictionMarket.conftest import (
    closed,
    contribute,
    create,
    kind,
    mirror,
    model,
    people,
    rng,
    scoring,
    secret,
    settled,
    started,
)


def test_hash__same_rows_with_another_salt_or_one_byte_more_or_less__another_hash(mirror, secret):
    """Hashes of the test set had no salt, and were taken over a shortened print of the data: two sets, one hash."""

    def leaf(salt, rows):
        return mirror.contract.call("leaf", secret.market, 0, salt, keccak(rows))

    long = bytes(MAX_PORTION - 1)
    leaves = [leaf(salt, long + end) for salt in (bytes(32), b"\x01" * 32) for end in (b"", b"\x00", b"\x01")]
    middle = bytearray(long)
    middle[MAX_PORTION // 2] = 1
    leaves.append(leaf(bytes(32), bytes(middle)))
    assert len(set(leaves)) == len(leaves)
    assert len(set(secret.salts)) == secret.plan.portions


def test_draw__again_or_before_its_block_has_a_hash__refused(mirror, secret, provider, keeper):
    """The portion to reveal could be drawn again by adding hashes; the first draw used a hash that is always 0."""
    market = mirror.commit(provider, secret.model, secret.tree.root)
    draw_block = mirror.twin.markets[market].draw_block
    for _ in range(4):  # the hash of a block is 0 in the block itself and before it
        assert int(mirror.rpc.rpc("eth_blockNumber"), 16) < draw_block
        with pytest.raises(Revert, match="the block of the draw is not there yet"):
            mirror.draw(provider, market)
    mirror.draw(keeper, market)
    block_hash = mirror.block_hash(draw_block)
    drawn = mirror.twin.markets[market].drawn
    assert any(block_hash)
    assert drawn == draw_portions(block_hash, market, PLAN.portions, PLAN.drawn)
    mirror.mine(3)
    for attempt in (lambda: mirror.draw(provider, market), lambda: mirror.commit(provider, secret.model, bytes(32))):
        with pytest.raises(Revert, match="not waiting for the draw|another market is running"):
            attempt()
    assert mirror.contract.call("market", market)[4] == sum(1 << i for i in drawn)


def test_silence__after_one_portion_of_the_rest__pays_the_contributors(
    mirror,
    closed,
    secret,
    provider,
    keeper,
    stranger,
    rpc,
):
    """No deadline: a provider who stayed silent froze all stakes. Silence meant judging on the training set, and
    revealing one group was enough."""
    state = mirror.twin.markets[closed]
    index = next(i for i in range(PLAN.portions) if i not in state.drawn)
    mirror.reveal(provider, *secret.reveal_arguments(index))
    c = state.contributions[0]
    for attempt in (
        lambda: mirror.check(provider, closed),
        lambda: mirror.score(provider, closed, c.contributor, c.x, c.y, c.effect),
        lambda: mirror.settle(provider, closed),
        lambda: mirror.withdraw_rest(provider, closed),
    ):
        with pytest.raises(Revert):
            attempt()
    mirror.wait(PLAN.rest_time)
    mirror.expire(stranger, closed)
    assert state.phase == SILENT
    share = (PLAN.bounty + PLAN.bond) // len(state.contributions)
    assert {mirror.twin.owed(closed, i + 1) for i in range(len(state.contributions))} == {PLAN.stake + share}
    mirror.withdraw_all(keeper, closed)
    assert rpc.balance(mirror.contract.address) == 0


@pytest.mark.parametrize(("full", "over"), [(False, False), (True, False), (False, True)])
def test_close__neither_over_nor_full__refused(mirror, secret, model, contribute, contributor, keeper, full, over):
    """Closing needed only one of its two conditions: here it ends at a time or at a number, each as the plan says."""
    secret.plan = replace(PLAN, max_contributions=3)
    market = mirror.start(secret, keeper)
    contribute(model, contributor, 3 if full else 2)
    if over:
        mirror.wait(PLAN.participation_time)
    if full or over:
        mirror.close(keeper, market)
        assert mirror.twin.markets[market].phase == REVEALING
    else:
        with pytest.raises(Revert, match="neither over nor full"):
            mirror.close(keeper, market)
        assert mirror.twin.markets[market].phase == PARTICIPATING


@pytest.mark.parametrize("seed", range(3))
def test_rewards__harmful_samples__lose_what_they_cost(seed):
    """The model was reset between rounds but the accuracy to compare with was not; stakes were counted twice, so some
    harmful samples earned; rounds were fractions compared with zero."""
    randoms = random.Random(seed)
    for _ in range(300):
        rows, rounds = randoms.randint(1, 60), randoms.randint(1, 20)
        errors = [randoms.randint(0, rows) for _ in range(randoms.randint(2, 9))]
        balances = settle_by_loop(errors, rows, rounds)
        results = settle(errors, rows, rounds)
        for t, (balance, stayed) in enumerate(results):
            # who makes the model worse than everyone before left it loses, in whole rounds, and never twice
            if errors[t + 1] > max(errors[: t + 1]):
                assert rows - rows <= balance < rows
            assert isinstance(stayed, int)
            assert 1 <= stayed <= rounds
        # one contribution alone, as long as it can bet: the same change of loss in every round
        ((balance, stayed),) = settle(errors[:2], rows, rounds)
        assert balance == rows + stayed * (errors[0] - errors[1])
        assert [b for b, _ in results] == balances
        # the bounty and the stakes are all there is
        assert sum(balances) <= (len(balances) + rounds) * rows


def test_rewards__paid_to_one_account__cleared_for_the_same(mirror, settled, keeper, contributor, reporter):
    """A report paid one account and cleared another, so the same money was paid again and again."""
    records = mirror.twin.markets[settled].contributions
    for index, c in enumerate(records, 1):
        other = str(reporter) if c.contributor == str(contributor) else str(contributor)
        ((who, amount, _, proof, _),) = iterate_withdrawals(mirror.twin.claim(settled, index)[1][1])
        assert who == c.contributor
        for _ in range(2):
            with pytest.raises(Revert, match="not what was settled"):
                mirror.withdraw(keeper, settled, pack_withdrawal(other, amount, index, proof))
        assert mirror.withdraw_index(keeper, settled, index) == amount
        for account in (who, other):
            before = mirror.rpc.balance(account)
            assert mirror.withdraw_index(keeper, settled, index) == 0
            assert mirror.rpc.balance(account) == before


def test_samples__not_normalised_as_the_contract_demands__refused_by_both(mirror, create_model, provider, keeper):
    """In a simulation that did not normalise its data as the contracts did, results did not carry over."""
    n, unit = 4, 100
    sums = np.array([[1_000, 0, 0, 0], [0, 1_000, 0, 0]], np.int64)
    twin = NearestCentroid(NearestCentroidParameters(n, unit, room=2), sums, [10, 10])
    address = str(create_model(twin, mirror.contract.address, ANY.encode(), holder=provider).address)
    mirror.adopt(address, twin, provider.address)
    raw, normalised = (np.array(x, np.int8).tobytes() for x in ([50, 50, 50, 0], [60, 80, 0, 0]))
    bounty = mirror.secret(address, provider, [pack_rows([(1, normalised), (0, normalised)] * 2)] * PLAN.portions)
    market = mirror.start(bounty, keeper)
    with pytest.raises(Revert, match="norm"):
        mirror.add_data(keeper, address, raw, 0)
    mirror.add_data(keeper, address, normalised, 0)
    mirror.finish(bounty, keeper)
    mirror.withdraw_all(keeper, market)
