"""Settling, and the whole way to it."""

import pytest

from comodels.chain.contract import ContractAt
from comodels.chain.logs import created_block
from comodels.chain.node import Node
from comodels.incentives.prediction_market import SETTLED
from comodels.payouts import due_in
from comodels.revert import Revert
from tests.far import far


def test_settle__all_at_once__as_the_twin(mirror, settled, keeper):
    market = mirror.twin.markets[settled]
    assert market.phase == SETTLED
    assert len({c.balance for c in market.contributions}) > 1
    assert any(c.effect for c in market.contributions)
    assert [mirror.contract.call("owed_root", settled, i) for i in range(2)] == [*market.owed.roots, bytes(32)]
    # what anybody finds on the chain is what the twin knows
    found = due_in(mirror.contract, market.model, settled)
    assert [payout.amount for payout in found] == [mirror.twin.owed(settled, i + 1) for i in range(7)]
    assert [payout.rounds for payout in found] == [c.rounds for c in market.contributions]
    claims = [mirror.twin.claim(settled, i + 1) for i in range(7)]
    assert [payout.call(settled) for payout in found] == [(function, *arguments) for function, arguments in claims]
    mirror.withdraw_all(keeper, settled)
    assert due_in(mirror.contract, market.model, settled) == []


def test_due__node_whose_blocks_have_other_numbers__the_same_in_few_requests(mirror, settled):
    near = mirror.contract
    market = mirror.twin.markets[settled]
    with far(near.chain, by=10_000) as server:
        seen = ContractAt(Node(server.url), near.address, near.abi)
        assert [due.amount for due in due_in(seen, market.model, settled)] == [
            due.amount for due in due_in(near, market.model, settled)
        ]
        # the contract says a number of which the node's blocks are ten thousand times as many: not from there on
        asked = server.asked["eth_getLogs"]
        age = near.chain.block - created_block(near.chain, market.model)
        assert asked < 2 * (age + 1) * 10_000 / server.most + 40


@pytest.fixture
def scored(mirror, scoring, keeper):
    for _ in mirror.twin.markets[scoring].contributions:
        mirror.score_next(keeper, scoring)
    return scoring


def test_settle__not_what_was_scored__refused(mirror, scored, keeper, stranger):
    right = mirror.twin.entries(scored)
    for wrong in (
        b"",
        bytes(22),
        right[:-22],
        right[22:],
        right + right[-22:],
        right[-22:] + right[22:-22] + right[:22],
        bytes.fromhex(stranger.address[2:]) + right[20:],
        right[:21] + bytes([right[21] ^ 1]) + right[22:],
        right[:20] + b"\xff\xff" + right[22:],
    ):
        with pytest.raises((Revert, AssertionError), match="not what was scored|reverted without a reason"):
            mirror.settle(keeper, scored, wrong)
    for cut in (right[:-1], right + b"\0", right[:21]):
        with pytest.raises(Revert, match="settler: entries are cut off"):
            mirror.settle(keeper, scored, cut)
    mirror.settle(stranger, scored)
    mirror.withdraw_all(keeper, scored)


def test_settle__before_all_is_scored__refused(mirror, scoring, keeper):
    mirror.score_next(keeper, scoring)
    with pytest.raises(Revert, match="nothing to settle now"):
        mirror.settle(keeper, scoring)


def test_settle__again__refused(mirror, settled, keeper):
    with pytest.raises(Revert, match="nothing to settle now"):
        mirror.settle(keeper, settled)
