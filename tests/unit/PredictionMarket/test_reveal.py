"""Revealing portions, and what a provider might try."""

import pytest
from eth_utils import keccak

from comodels.incentives.prediction_market import REVEALING, SCORING, SILENT, VOID
from comodels.merkle import MerkleTree, hash_pair
from comodels.revert import Revert
from comodels.rows import pack_rows
from tests.mirror import PLAN, random_portions, sample


@pytest.fixture
def drawn(mirror, secret, keeper):
    market = mirror.commit(secret.provider, secret.model, secret.tree.root)
    mirror.mine(5)
    mirror.draw(keeper, market)
    return sorted(mirror.twin.markets[market].drawn)


def begin(mirror, secret, keeper):
    """Commit and draw; the drawn portions."""
    market = mirror.commit(secret.provider, secret.model, secret.tree.root)
    mirror.mine(5)
    mirror.draw(keeper, market)
    return sorted(mirror.twin.markets[market].drawn)


def test_reveal__all_drawn__published_in_an_event(mirror, secret, drawn, keeper):
    for index in drawn:
        mirror.reveal(keeper, *secret.reveal_arguments(index))
        assert secret.portions[index].hex() in mirror.receipt["logs"][0]["data"]
        assert mirror.contract.call("is_revealed", secret.market, index)


def test_reveal__hidden__told_in_an_event_and_remembered(mirror, closed, secret, keeper):
    hidden = sorted(set(range(PLAN.portions)) - mirror.twin.markets[closed].drawn)
    for index in hidden:
        assert not mirror.contract.call("is_revealed", closed, index)
        mirror.reveal(keeper, *secret.reveal_arguments(index))
        assert secret.portions[index].hex() in mirror.receipt["logs"][0]["data"]
        assert mirror.contract.call("is_revealed", closed, index)


def test_reveal__not_drawn__refused_before_the_end(mirror, secret, drawn, provider):
    hidden = next(i for i in range(PLAN.portions) if i not in drawn)
    with pytest.raises(Revert, match="not the portions to reveal now"):
        mirror.reveal(provider, *secret.reveal_arguments(hidden))


def test_reveal__while_samples_are_taken__refused(mirror, secret, started, provider):
    hidden = next(i for i in range(PLAN.portions) if i not in mirror.twin.markets[started].drawn)
    with pytest.raises(Revert, match="nothing to reveal now"):
        mirror.reveal(provider, *secret.reveal_arguments(hidden))


def test_reveal__twice__refused(mirror, secret, drawn, provider):
    mirror.reveal(provider, *secret.reveal_arguments(drawn[0]))
    with pytest.raises(Revert, match="revealed already"):
        mirror.reveal(provider, *secret.reveal_arguments(drawn[0]))


def test_reveal__other_rows_or_salt_or_index__refused(mirror, secret, drawn, provider):
    market, index, salt, rows, proof = secret.reveal_arguments(drawn[0])
    other = secret.reveal_arguments(drawn[1])
    for arguments in (
        (market, index, salt, other[3], proof),
        (market, index, bytes(32), rows, proof),
        (market, index, other[2], other[3], other[4]),
        (market, index, salt, rows, proof[:-1]),
        (market, index, salt, rows + b"\x01", proof),
    ):
        with pytest.raises(Revert, match="not what was committed"):
            mirror.reveal(provider, *arguments)
    with pytest.raises(Revert, match="no such portion"):
        mirror.reveal(provider, market, PLAN.portions, salt, rows, proof)


def test_reveal__too_late__void(mirror, secret, drawn, provider, keeper):
    mirror.reveal(provider, *secret.reveal_arguments(drawn[0]))
    mirror.wait(PLAN.reveal_time)
    with pytest.raises(Revert, match="too late"):
        mirror.reveal(provider, *secret.reveal_arguments(drawn[1]))
    mirror.expire(keeper, secret.market)
    assert mirror.twin.markets[secret.market].phase == VOID
    mirror.withdraw_all(keeper, secret.market)


@pytest.mark.parametrize("change", [-1, 1])
def test_reveal__one_row_more_or_less_than_promised__refused(mirror, model, provider, keeper, rng, change):
    portions = [pack_rows([(1, sample(3))] * (PLAN.rows + change)) for _ in range(PLAN.portions)]
    secret = mirror.secret(model, provider, portions)
    index = begin(mirror, secret, keeper)[0]
    with pytest.raises(Revert, match="not as many rows as a portion has"):
        mirror.reveal(provider, *secret.reveal_arguments(index))


BAD_ROWS = [
    ((2, sample(3)), "model: no such class"),
    ((1, sample(3, 3)), "sample: indices must increase"),
    ((1, sample(30)), "sample: index out of range"),
    ((1, b"\x00"), "sample: odd length"),
    ((1, b""), "sample: empty"),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS)
def test_reveal__malformed_row_drawn__refused(mirror, model, provider, keeper, row, message):
    portions = [pack_rows([(0, sample(1)), row] + [(1, sample(2))] * (PLAN.rows - 2))] * PLAN.portions
    secret = mirror.secret(model, provider, portions)
    index = begin(mirror, secret, keeper)[0]
    with pytest.raises(Revert, match=message):
        mirror.reveal(provider, *secret.reveal_arguments(index))


def test_check__malformed_row_hidden__provider_gets_no_further_and_counts_as_silent(
    mirror, model, provider, contributor, keeper, rng
):
    secret = mirror.secret(model, provider, random_portions(rng))
    # commit to good rows but for one portion; the draw must not hit it: take the last one that is hidden
    for index in range(PLAN.portions):
        portions = list(secret.portions)
        portions[index] = pack_rows([(2, sample(1))] * PLAN.rows)
        bad = mirror.secret(model, provider, portions)
        drawn = begin(mirror, bad, keeper)
        if index not in drawn:
            break
        mirror.wait(PLAN.reveal_time)
        mirror.expire(keeper, bad.market)
    for i in drawn:
        mirror.reveal(provider, *bad.reveal_arguments(i))
    mirror.prepare(keeper, bad.market)
    mirror.add_data(contributor, model, sample(1, 2), 0)
    mirror.wait(PLAN.participation_time)
    mirror.close(keeper, bad.market)
    for i in range(PLAN.portions):
        if i not in drawn:
            mirror.reveal(provider, *bad.reveal_arguments(i))
    with pytest.raises(Revert, match="model: no such class"):
        mirror.check(provider, bad.market)
    mirror.wait(PLAN.rest_time)
    with pytest.raises(Revert, match="too late"):
        mirror.check(provider, bad.market)
    mirror.expire(keeper, bad.market)
    assert mirror.twin.markets[bad.market].phase == SILENT
    assert mirror.twin.owed(bad.market, 1) == PLAN.stake + PLAN.bounty + PLAN.bond
    mirror.withdraw_all(keeper, bad.market)


def test_check__in_steps__counts_the_errors_before_the_first_contribution(mirror, closed, secret, provider, keeper):
    market = mirror.twin.markets[closed]
    with pytest.raises(Revert, match="nothing to check now"):
        mirror.check(keeper, closed)
    for index in range(PLAN.portions):
        if index not in market.drawn:
            mirror.reveal(provider, *secret.reveal_arguments(index))
    for _ in range(PLAN.hidden - 1):
        mirror.check(keeper, closed, PLAN.rows)
        assert market.phase == REVEALING
    mirror.check(keeper, closed, PLAN.rows)
    assert market.phase == SCORING
    assert mirror.contract.call("market", closed)[13:] == (market.initial_errors, market.initial_errors)


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
    drawn = mirror.twin.markets[market].drawn
    for index in drawn:
        mirror.reveal(provider, *arguments(honest, 0, index))
    mirror.prepare(keeper, market)
    mirror.add_data(contributor, model, sample(1, 2), 0)
    mirror.wait(PLAN.participation_time)
    mirror.close(keeper, market)
    hidden = [i for i in range(PLAN.portions) if i not in drawn]
    for index in hidden[:-1]:
        mirror.reveal(provider, *arguments(other, 1, index))
    with pytest.raises(Revert, match="the tree has other leaves"):
        mirror.reveal(provider, *arguments(other, 1, hidden[-1]))
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
