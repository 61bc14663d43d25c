"""Revealing portions, and what a provider might try."""

import pytest
from eth_abi import decode
from eth_utils import keccak

from comodels.incentives.prediction_market import DRAWN, REVEALING, VOID
from comodels.merkle import MerkleTree, hash_pair
from comodels.revert import Revert
from tests.mirror import PLAN, random_portions, sample

NOT_NEXT = "not the portion to reveal next"


@pytest.fixture
def drawn(mirror, secret, keeper):
    market = mirror.commit(secret.provider, secret.model, secret.tree.root)
    mirror.mine(5)
    mirror.draw(keeper, market)
    return sorted(mirror.twin.markets[market].drawn)


def told(mirror):
    """What the event of the latest transaction, its only one, tells: market, portion, salt and rows."""
    (log,) = mirror.receipt["logs"]
    assert log["topics"][0] == "0x" + keccak(text="Revealed(uint256,uint256,bytes32,bytes)").hex()
    data = decode(["uint256", "bytes32", "bytes"], bytes.fromhex(log["data"][2:]))
    return int(log["topics"][1], 16), *data


def test_reveal__all_drawn__told_in_an_event_and_counted(mirror, secret, drawn, keeper):
    for count, index in enumerate(drawn, 1):
        mirror.reveal(keeper, *secret.reveal_arguments(index))
        assert told(mirror) == (secret.market, index, secret.salts[index], secret.portions[index])
        market = mirror.contract.call("market", secret.market)
        assert (market[6], market[11], market[15]) == (DRAWN, count, index + 1)


def test_reveal__all_hidden__told_in_an_event_and_counted(mirror, closed, secret, keeper):
    assert mirror.contract.call("market", closed)[15] == 0
    hidden = mirror.twin.markets[closed].hidden
    for count, index in enumerate(hidden, PLAN.drawn + 1):
        mirror.reveal(keeper, *secret.reveal_arguments(index))
        assert told(mirror) == (closed, index, secret.salts[index], secret.portions[index])
        market = mirror.contract.call("market", closed)
        # with the last one it begins again, with those that are shown to `check`
        assert (market[6], market[11], market[15]) == (REVEALING, count, 0 if index == hidden[-1] else index + 1)
    with pytest.raises(Revert, match="nothing to reveal now"):
        mirror.reveal(keeper, *secret.reveal_arguments(hidden[-1]))


def test_reveal__any_but_the_next_that_was_drawn__refused(mirror, secret, drawn, provider):
    every = range(PLAN.portions)
    for step in range(PLAN.drawn + 1):
        for index in every:
            if drawn[step : step + 1] != [index]:
                with pytest.raises(Revert, match=NOT_NEXT):
                    mirror.reveal(provider, *secret.reveal_arguments(index))
        if step < PLAN.drawn:
            mirror.reveal(provider, *secret.reveal_arguments(drawn[step]))
    assert mirror.contract.call("market", secret.market)[11] == PLAN.drawn


def test_reveal__any_but_the_next_hidden__refused(mirror, secret, closed, provider):
    hidden = mirror.twin.markets[closed].hidden
    for step in range(PLAN.hidden):
        for index in range(PLAN.portions):
            if index != hidden[step]:
                with pytest.raises(Revert, match=NOT_NEXT):
                    mirror.reveal(provider, *secret.reveal_arguments(index))
        mirror.reveal(provider, *secret.reveal_arguments(hidden[step]))
    assert mirror.contract.call("market", closed)[11] == PLAN.portions


@pytest.mark.parametrize("phase", ["drawn", "closed"])
def test_reveal__index_that_no_portion_has__refused(mirror, secret, provider, phase, request):
    request.getfixturevalue(phase)
    state = mirror.twin.markets[secret.market]
    right = state.order[len(state.rows)]
    market, _, salt, rows, proof = secret.reveal_arguments(right)
    far = [PLAN.portions, 255, 256, 257, 2**16, 2**128, 2**255, 2**256 - 1]
    for index in (*far, *(right + 2**n for n in (8, 16, 64, 128, 255)), *(2**256 - n for n in range(2, 8))):
        with pytest.raises(Revert, match=NOT_NEXT):
            mirror.reveal(provider, market, index, salt, rows, proof)
    mirror.reveal(provider, market, right, salt, rows, proof)


def test_reveal__while_samples_are_taken__refused(mirror, secret, started, provider):
    for index in range(PLAN.portions):
        with pytest.raises(Revert, match="nothing to reveal now"):
            mirror.reveal(provider, *secret.reveal_arguments(index))


def test_reveal__other_rows_or_salt_or_index__refused(mirror, secret, drawn, provider):
    market, index, salt, rows, proof = secret.reveal_arguments(drawn[0])
    other = secret.reveal_arguments(drawn[1])
    for arguments in (
        (market, index, salt, other[3], proof),
        (market, index, bytes(32), rows, proof),
        (market, index, other[2], other[3], other[4]),
        (market, index, salt, rows, proof[:-1]),
        (market, index, salt, rows, [*proof, bytes(32)]),
        (market, index, salt, rows + b"\x01", proof),
        (market, index, salt, rows[:-1], proof),
        (market, index, salt, b"", proof),
    ):
        with pytest.raises(Revert, match="not what was committed"):
            mirror.reveal(provider, *arguments)
    mirror.reveal(provider, market, index, salt, rows, proof)


def test_reveal__too_late__void(mirror, secret, drawn, provider, keeper):
    mirror.reveal(provider, *secret.reveal_arguments(drawn[0]))
    mirror.wait(PLAN.reveal_time)
    with pytest.raises(Revert, match="too late"):
        mirror.reveal(provider, *secret.reveal_arguments(drawn[1]))
    mirror.expire(keeper, secret.market)
    assert mirror.twin.markets[secret.market].phase == VOID
    mirror.withdraw_all(keeper, secret.market)


def test_reveal__two_leaves_for_one_index__last_portion_cannot_be_revealed(
    mirror, model, provider, contributor, keeper, rng
):
    # Pairs are sorted, so a proof does not tell a leaf's place: a larger tree could hold two contents for an index, one
    # to show if it is drawn and one to judge by. Then some leaf must stand deeper than in a tree of its own size.
    honest = mirror.secret(model, provider, random_portions(rng))
    other = mirror.secret(model, provider, random_portions(rng))
    trees = [MerkleTree([s.leaf(i) for i in range(PLAN.portions)]) for s in (honest, other)]
    root = hash_pair(trees[0].root, trees[1].root)

    def arguments(secret, which, index):
        proof = trees[which].proof(index) + [trees[1 - which].root]
        return honest.market, index, secret.salts[index], secret.portions[index], proof

    market = mirror.commit(provider, model, root)
    mirror.mine(5)
    mirror.draw(keeper, market)
    state = mirror.twin.markets[market]
    for index in sorted(state.drawn):
        mirror.reveal(provider, *arguments(honest, 0, index))
    mirror.prepare(keeper, market)
    mirror.add_data(contributor, model, sample(1, 2), 0)
    mirror.wait(PLAN.participation_time)
    mirror.close(keeper, market)
    for index in state.hidden[:-1]:
        mirror.reveal(provider, *arguments(other, 1, index))
    with pytest.raises(Revert, match="the tree has other leaves"):
        mirror.reveal(provider, *arguments(other, 1, state.hidden[-1]))
    with pytest.raises(Revert, match="nothing to check now"):
        mirror.check(provider, market)
    mirror.wait(PLAN.rest_time)
    mirror.expire(contributor, market)
    mirror.withdraw_all(keeper, market)
    assert mirror.twin.balances[contributor.address] == PLAN.bounty + PLAN.bond


def test_leaf__any__is_openzeppelins_standard_leaf(mirror, secret):
    market, index, salt, rows, _ = secret.reveal_arguments(2)
    assert mirror.contract.call("leaf", market, index, salt, keccak(rows)) == secret.leaf(2)
    # another market, index, salt or other rows: another leaf
    others = [(market + 1, index, salt), (market, index + 1, salt), (market, index, bytes(32))]
    leaves = {mirror.contract.call("leaf", *other, keccak(rows)) for other in others}
    assert secret.leaf(2) not in leaves | {mirror.contract.call("leaf", market, index, salt, bytes(32))}
