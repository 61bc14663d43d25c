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
    assert mirror.contract.call("owed_root", settled) == market.owed.root
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
    # seven contributions, each of which was scored alone: a line of one each
    right = mirror.twin.entries(scored)
    for wrong in (
        b"",
        right[:-23],
        right[23:],
        right + right[-23:],
        right[-23:] + right[23:-23] + right[:23],
        right[:1] + bytes.fromhex(stranger.address[2:]) + right[21:],
        right[:22] + bytes([right[22] ^ 1]) + right[23:],
        right[:21] + b"\xff\xff" + right[23:],
        # two in one line
        b"\2" + right[1:23] + right[24:],
        # lines of none
        *(b"\0", right + b"\0", b"\0" + right, right[:23] + b"\0" + right[23:], right + bytes(23)),
    ):
        with pytest.raises(Revert, match="not what was scored"):
            mirror.settle(keeper, scored, wrong)
    for cut in (
        *(right[:-1], right[:-22], right[:22], right[:1]),
        # lines that are longer than what is shown, or than a line can be
        right[:-23] + b"\2" + right[-22:],
        right[:-23] + b"\20" + right[-22:],
        b"\21" + right[1:],
        b"\xff" + right[1:],
    ):
        said = mirror.on_chain("settle", scored, cut, sender=keeper)
        assert said.startswith(("settler: entries are cut off", "reverted without a reason"))
    mirror.settle(stranger, scored)
    mirror.withdraw_all(keeper, scored)


def test_settle__before_all_is_scored__refused(mirror, scoring, keeper):
    mirror.score_next(keeper, scoring)
    with pytest.raises(Revert, match="nothing to settle now"):
        mirror.settle(keeper, scoring)


def test_settle__again__refused(mirror, settled, keeper):
    with pytest.raises(Revert, match="nothing to settle now"):
        mirror.settle(keeper, settled)
