"""Scoring many contributions at once, where the model's kind has a scorer of its own."""

from dataclasses import replace
from itertools import islice

import pytest
from eth_utils import keccak

from comodels.artifacts import deploy
from comodels.incentives.prediction_market import ABANDONED, SCORING, SETTLING, SILENT
from comodels.models.level_perceptron import LevelPerceptron
from comodels.models.multiclass_level_perceptron import MulticlassLevelPerceptron, MulticlassLevelPerceptronParameters
from comodels.models.sparse_perceptron import SparsePerceptron
from comodels.payouts import due_in, pack_payouts
from comodels.revert import Revert
from comodels.rows import pack_rows
from comodels.wire import pack_contribution, pack_entries
from tests.mirror import ANY, PLAN, Mirror, random_portions, sample


@pytest.fixture(params=[SparsePerceptron, LevelPerceptron, MulticlassLevelPerceptron], ids=lambda kind: kind.KIND)
def kind(request):
    return request.param


@pytest.fixture
def mirror(rpc, owner, people):
    return Mirror(rpc, deploy(rpc, owner.address, "PredictionMarket"), people)


@pytest.fixture
def many_rows(mirror, model, provider, keeper, contributor, reporter, contribute, rng):
    """A market with 5 blocks of up to 256 rows and 9 contributions, whose rows are checked."""
    plan = replace(PLAN, portions=11, drawn=2, rows=120, score_time=200_000)
    secret = mirror.secret(model, provider, random_portions(rng, plan), plan)
    market = mirror.start(secret, keeper)
    contribute(model, contributor, 5)
    contribute(model, reporter, 4)
    mirror.wait(plan.participation_time)
    mirror.close(keeper, market)
    mirror.reveal_rest(secret, keeper)
    return market


def claims(mirror, market, first, count):
    some = mirror.twin.markets[market].contributions[first - 1 : first - 1 + count]
    return [(c.contributor, c.x, c.y, c.effect) for c in some]


def test_prepare__kind_with_a_scorer_of_its_own__is_scored_by_it(mirror, started, kind):
    scorer = mirror.contract.call("market", started)[5]
    assert scorer == mirror.contract.call("scorer_of", kind.KIND)
    assert scorer != mirror.contract.call("scorer_of", "")
    assert int(mirror.contract.call("scorer_of", "NaiveBayes"), 16) == 0


@pytest.mark.parametrize(
    ("parameters", "scorer"),
    [
        (MulticlassLevelPerceptronParameters(30, 10), "MulticlassLevelPerceptron"),
        (MulticlassLevelPerceptronParameters(30, 11), ""),
    ],
    ids=["10 classes", "11"],
)
def test_prepare__many_classes__by_the_scorer_in_which_there_is_room_or_the_one_for_all(
    mirror, create_model, provider, rng, keeper, parameters, scorer
):
    twin = MulticlassLevelPerceptron(parameters)
    model = str(create_model(twin, mirror.contract.address, ANY.pack(), holder=provider).address)
    mirror.adopt(model, twin, provider.address, ANY)
    market = mirror.start(mirror.secret(model, provider, random_portions(rng)), keeper)
    assert mirror.contract.call("market", market)[5] == mirror.contract.call("scorer_of", scorer)


def test_score_many__all_in_one_transaction__errors_as_the_twin_counts_them(mirror, scoring, keeper):
    market = mirror.twin.markets[scoring]
    mirror.score_many(keeper, scoring, 1, claims(mirror, scoring, 1, 7))
    assert market.phase == SETTLING
    assert mirror.errors(scoring) == [c.errors for c in market.contributions]
    assert len({c.errors for c in market.contributions}) > 1
    # one of the market for all of them, and one of the scorer for each block
    assert [log["address"] for log in mirror.receipt["logs"]].count(mirror.contract.address.lower()) == 1
    assert len(mirror.receipt["logs"]) == 1 + len(market.scorer.blocks)
    mirror.settle(keeper, scoring)
    mirror.withdraw_all(keeper, scoring)


def test_score_many__one_by_one_and_in_batches_on_five_blocks__as_the_twin(mirror, many_rows, keeper, stranger):
    market = mirror.twin.markets[many_rows]
    assert len(market.scorer.blocks) == 5
    for sender, first, count, rows in (
        (keeper, 1, 1, 1),  # one block for the first
        (stranger, 1, 4, 480),  # what is left of two blocks for four
        (keeper, 1, 4, 2_000),
        (keeper, 5, 5, 240),  # one block ahead of the others
        (stranger, 5, 2, 2_000),
        (keeper, 7, 3, 2_000),
    ):
        mirror.score_many(sender, many_rows, first, claims(mirror, many_rows, first, count), rows)
        assert mirror.contract.call("market", many_rows)[9] == market.scored
    assert market.phase == SETTLING
    assert mirror.errors(many_rows) == [c.errors for c in market.contributions]
    replica = mirror.twin.markets[many_rows].scorer.replica
    assert market.contributions[-1].errors == replica.evaluate(b"".join(market.rows[i] for i in market.hidden))
    mirror.settle(keeper, many_rows)
    mirror.withdraw_all(keeper, many_rows)


def test_score_many__not_the_next_or_not_what_was_contributed__refused(mirror, many_rows, keeper, stranger):
    right = claims(mirror, many_rows, 1, 3)
    for first in (2, 3, 9, 10, 2**16 + 1, 2**255):
        with pytest.raises(AssertionError, match="scorer: not the contribution|reverted without a reason"):
            mirror.score_many(keeper, many_rows, first, right)
    for wrong in (
        [right[1], right[0], right[2]],
        [(stranger.address, *right[0][1:]), *right[1:]],
        [right[0], (*right[1][:2], 1 - right[1][2], right[1][3]), right[2]],
        [*right[:2], (*right[2][:3], right[2][3] + 1)],
        [*right[:2], (right[2][0], sample(29), *right[2][2:])],
    ):
        with pytest.raises(Revert, match="not what was contributed"):
            mirror.score_many(keeper, many_rows, 1, wrong)
    mirror.score_many(keeper, many_rows, 1, right)
    with pytest.raises(Revert, match="scorer: nothing to score"):
        mirror.score_many(keeper, many_rows, 1, right)
    # more than there are
    all_and_one = [*claims(mirror, many_rows, 4, 6), right[0]]
    with pytest.raises(Revert, match="not what was contributed"):
        mirror.score_many(keeper, many_rows, 4, all_and_one)


@pytest.mark.parametrize("data", ["00", "00" * 25, "00" * 24 + "05" + "0001", "00" * 26])
def test_score_many__cut_off__refused(mirror, scoring, keeper, data):
    said = mirror.on_chain("score_many", scoring, 1, bytes.fromhex(data), 256, bytes(32), [], [], sender=keeper)
    assert said == "scorer: contributions are cut off"


def test_score_many__a_block_ahead_when_the_time_is_over__counts_for_nothing(mirror, many_rows, keeper, stranger):
    market = mirror.twin.markets[many_rows]
    mirror.score_many(keeper, many_rows, 1, claims(mirror, many_rows, 1, 3))
    mirror.score_many(keeper, many_rows, 4, claims(mirror, many_rows, 4, 6), 500)
    assert (market.scored, market.phase) == (3, SCORING)
    mirror.wait(market.plan.score_time)
    mirror.expire(stranger, many_rows)
    mirror.settle(keeper, many_rows)
    assert market.phase == ABANDONED
    assert [payout.amount for payout in due_in(mirror.contract, market.model, many_rows)[3:]] == [PLAN.stake] * 6
    mirror.withdraw_all(keeper, many_rows)


NOT_AS_MANY = "not as many rows as a portion has"


@pytest.mark.parametrize(
    ("portion", "message"),
    [
        (b"\2\0\2\0\1", "model: no such class"),
        (b"\0\0\0", "sample: empty"),
        (b"\0\0\3\0\1\0", "sample: odd length"),
        (b"\0\0\4\0\2\0\2", "sample: indices must increase"),
        (b"\0\0\4\0\3\0\2", "sample: indices must increase"),
        (b"\0\0\2\0\x1e", "sample: index out of range"),
        (b"\0\0\4\0\1\xff\xff", "sample: index out of range"),
        (b"\0\0\4\0\1", NOT_AS_MANY),
        (b"\0\0", NOT_AS_MANY),
        (b"", NOT_AS_MANY),
        (b"\0\0\2\0\1" * 2, NOT_AS_MANY),
        (b"\0\0\2\0\1\0", NOT_AS_MANY),
    ],
)
def test_check__portion_that_the_model_or_the_plan_refuses__provider_counts_as_silent(
    mirror, model, provider, keeper, contributor, contribute, portion, message
):
    plan = replace(PLAN, portions=2, drawn=1, rows=1)
    secret = mirror.secret(model, provider, [portion] * 2, plan)
    market = mirror.start(secret, keeper)
    contribute(model, contributor, 1)
    mirror.wait(plan.participation_time)
    mirror.close(keeper, market)
    state = mirror.twin.markets[market]
    mirror.reveal(provider, *secret.reveal_arguments(*state.hidden))
    for _ in range(2):
        with pytest.raises(Revert, match=message):
            mirror.check(keeper, market)
    mirror.wait(plan.rest_time)
    mirror.expire(keeper, market)
    assert state.phase == SILENT
    mirror.withdraw_all(keeper, market)
    assert mirror.twin.balances[contributor.address] == plan.bounty + plan.bond


@pytest.mark.parametrize("rows", [(2, 2), (4, 4), (2, 4)], ids=["less", "more", "as many together"])
def test_check__portions_of_other_numbers_of_rows_in_one_block__refused(
    mirror, model, provider, keeper, contributor, contribute, rows
):
    """Two portions of 2 and 4 rows have as many as two of 3 rows."""
    plan = replace(PLAN, portions=3, drawn=1, rows=3)
    row = pack_rows([(1, sample(3))])
    # whichever is drawn, the two hidden ones are of both numbers, but if it is the last: then begin again
    while True:
        secret = mirror.secret(model, provider, [row * rows[0], row * rows[0], row * rows[1]], plan)
        market = mirror.commit(provider, model, secret.tree.root, plan)
        mirror.draw_and_reveal(secret, keeper)
        if mirror.twin.markets[market].drawn != {2}:
            break
        mirror.wait(plan.reveal_time)
        mirror.expire(keeper, market)
    mirror.prepare(keeper, market)
    contribute(model, contributor, 1)
    mirror.wait(plan.participation_time)
    mirror.close(keeper, market)
    state = mirror.twin.markets[market]
    for index in state.hidden:
        mirror.reveal(provider, *secret.reveal_arguments(index))
    with pytest.raises(Revert, match=NOT_AS_MANY):
        mirror.check(keeper, market)
    mirror.wait(plan.rest_time)
    mirror.expire(keeper, market)
    assert state.phase == SILENT
    mirror.withdraw_all(keeper, market)


@pytest.fixture
def many_revealed(mirror, model, provider, keeper, contributor, contribute, rng):
    """A market with 9 hidden portions of 120 rows, which make 5 blocks, all revealed; its secret."""
    plan = replace(PLAN, portions=11, drawn=2, rows=120, score_time=200_000)
    secret = mirror.secret(model, provider, random_portions(rng, plan), plan)
    market = mirror.start(secret, keeper)
    contribute(model, contributor, 2)
    mirror.wait(plan.participation_time)
    mirror.close(keeper, market)
    for index in mirror.twin.markets[market].hidden:
        mirror.reveal(provider, *secret.reveal_arguments(index))
    return secret


def test_check__block_by_block__takes_whole_blocks_of_what_is_shown(mirror, many_revealed, keeper, stranger):
    secret, market = many_revealed, many_revealed.market
    state, plan = mirror.twin.markets[market], many_revealed.plan
    for block in range(5):
        first = 2 * block
        if first + 1 < plan.hidden:  # two portions make a block: with one there could be another in it
            with pytest.raises(Revert, match="scorer: nothing to check"):
                mirror.check(keeper, market, 65_535, secret.check_arguments(state.hidden[first : first + 1]))
        mirror.check(stranger, market, 1, secret.check_arguments(state.hidden[first : first + 2 + (block == 1)]))
        assert len(state.scorer.blocks) == block + 1
        assert mirror.contract.call("market", market)[15] == state.hidden[min(first + 1, plan.hidden - 1)] + 1
    assert state.phase == SCORING
    assert mirror.twin.balances[stranger.address] == plan.fee // (plan.hidden_rows + 4) * plan.hidden_rows
    assert state.initial_errors == state.replica.evaluate(b"".join(state.rows[i] for i in state.hidden))


def test_check__others_than_come_next__refused(mirror, many_revealed, keeper):
    secret, market = many_revealed, many_revealed.market
    state = mirror.twin.markets[market]
    a, b, c, d, *_ = state.hidden
    drawn = min(state.drawn)
    mirror.check(keeper, market, 1, secret.check_arguments([a, b, c]))  # c is not taken yet
    for wrong in ([a, b, c], [b, c, d], [d], [d, c], [c, c, d], [c, d, d], [c, drawn, d], [drawn, c, d]):
        with pytest.raises(Revert, match="not what was revealed"):
            mirror.check(keeper, market, 65_535, secret.check_arguments(wrong))
    rows, beside = secret.check_arguments([c, d])
    for wrong in ((rows[:-1], beside), (rows + b"\0", beside), (rows, beside[: len(state.beside[c])]), (rows, [])):
        with pytest.raises((Revert, AssertionError), match="not what was revealed|reverted without a reason"):
            mirror.check(keeper, market, 65_535, wrong)
    mirror.check(keeper, market, 65_535, secret.check_arguments(state.hidden[2:]))
    assert state.phase == SCORING
    assert mirror.errors(market) == []
    assert state.initial_errors == state.replica.evaluate(b"".join(state.rows[i] for i in state.hidden))


def test_score_many__something_else_beside_them__refused(mirror, many_rows, keeper):
    right = claims(mirror, many_rows, 1, 9)
    mirror.score_many(keeper, many_rows, 1, right[:2])
    before, after = mirror.twin.around(many_rows, 3, 4)
    for wrong in (
        (bytes(32), after),
        (keccak(before), after),
        (before, []),
        (before, after[1:]),
        (before, after[:-1]),
        (before, after[::-1]),
        (before, [*after, bytes(32)]),
        # the next group's, the whole chain, what comes before
        (mirror.contract.call("owed_root", many_rows), after),
        (before, [before, *after]),
    ):
        with pytest.raises(Revert, match="not what was contributed"):
            mirror.score_many(keeper, many_rows, 3, right[2:4], 1, *wrong)
    mirror.score_many(keeper, many_rows, 3, right[2:4], 1)


def test_score_many__other_blocks_than_come_next__refused(mirror, many_rows, keeper):
    some = claims(mirror, many_rows, 1, 2)
    packed = b"".join(pack_contribution(*c) for c in some)
    fresh = mirror.carried(many_rows, 2, 1)
    mirror.score_many(keeper, many_rows, 1, some, 240)
    one, two = (mirror.carried(many_rows, 2, rows) for rows in (1, 480))

    def said(carried):
        beside = mirror.twin.around(many_rows, 1, 2)
        return mirror.on_chain("score_many", many_rows, 1, packed, 65_535, *beside, carried, sender=keeper)

    lines = (one[0] >> 32 & 0xFFFF) * 16  # of the state
    for wrong in (
        fresh,  # the one before, which is done
        two[len(one) :],  # the one behind
        [*two[len(one) :], *one],
        [*one[:-1], one[-1] ^ 1],
        [one[0] ^ 1, *one[1:]],  # another number of rows
        [one[0], one[1] ^ 1, *one[2:]],
        [one[0] - (1 << 48), *one[1:]],  # a line of rows less
        [*one[:lines], *one[lines + 16 : lines + 32], *one[lines : lines + 16], *one[lines + 32 :]],
    ):
        assert said(wrong) == "scorer: not the block that comes next"
    for wrong in (one[:-16], [2**256 - 1, *one[1:]]):
        assert said(wrong)
    assert said([]) == "scorer: nothing to score"
    mirror.score_many(keeper, many_rows, 1, some, 240)
    # it is another one now
    assert said(one) == "scorer: not the block that comes next"
    mirror.score_many(keeper, many_rows, 1, some)
    assert mirror.twin.markets[many_rows].scored == 2


def test_settle__scored_in_calls_of_any_size__shown_in_the_lines_of_each_call(
    mirror, model, provider, keeper, contribute, contributor, reporter, rng
):
    plan = replace(PLAN, rows=20, max_contributions=60, score_time=200_000)
    secret = mirror.secret(model, provider, random_portions(rng, plan), plan)
    market = mirror.start(secret, keeper)
    contribute(model, contributor, 30)
    contribute(model, reporter, 26)
    mirror.wait(plan.participation_time)
    mirror.close(keeper, market)
    mirror.reveal_rest(secret, keeper)
    sizes = [16, 1, 17, 15, 2, 5]
    first = 1
    for size in sizes:
        mirror.score_many(keeper, market, first, claims(mirror, market, first, size))
        first += size
    m = mirror.twin.markets[market]
    assert m.calls == sizes
    assert m.phase == SETTLING
    scored = [(c.contributor, c.errors, c.sponsor) for c in m.contributions]

    def shown(sizes):
        rest = iter(scored)
        return pack_entries([list(islice(rest, size)) for size in sizes])

    # 17 are a line of 16 and one of 1
    assert shown(sizes) == shown([17, 17, 15, 2, 5]) == mirror.twin.entries(market)
    # the same contributions as other calls would have scored them
    for other in ([56], 56 * [1], [16, 16, 16, 8], sizes[::-1], [15, 2, 17, 15, 2, 5], [16, 1, 17, 15, 7]):
        with pytest.raises(Revert, match="not what was scored"):
            mirror.settle(keeper, market, shown(other))
    mirror.settle(keeper, market)
    stakes = due_in(mirror.contract, model, market)
    assert [due.amount for due in stakes] == [mirror.twin.owed(market, i) for i in range(1, 57)]
    for begin in range(0, 56, 20):
        mirror.withdraw(keeper, market, pack_payouts(stakes[begin : begin + 20]))
    mirror.withdraw_all(keeper, market)
