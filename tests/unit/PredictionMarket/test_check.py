"""Handing hidden rows to the scorer, here where the replica evaluates; `test_score_many.py` has the other scorers."""

import pytest

from comodels.incentives.prediction_market import REVEALING, SCORING, SILENT
from comodels.revert import Revert
from comodels.rows import pack_rows
from tests.mirror import PLAN, random_portions, sample

FEE_A_ROW = PLAN.fee // (PLAN.hidden_rows + 4)


def word(number):
    return number.to_bytes(32, "big")


@pytest.fixture
def revealed(mirror, closed, secret, provider):
    """A market whose portions are all revealed."""
    for index in mirror.twin.markets[closed].hidden:
        mirror.reveal(provider, *secret.reveal_arguments(index))
    return closed


@pytest.fixture
def state(mirror, revealed):
    return mirror.twin.markets[revealed]


def test_check__in_steps__counts_the_errors_before_the_first_contribution(mirror, revealed, state, keeper):
    for index in state.hidden[:-1]:
        mirror.check(keeper, revealed, PLAN.rows)
        assert mirror.contract.call("market", revealed)[13:] == (state.initial_errors, 0, index + 1)
        assert state.phase == REVEALING
    mirror.check(keeper, revealed, PLAN.rows)
    assert state.phase == SCORING
    errors = state.replica.evaluate(b"".join(state.rows[i] for i in state.hidden))
    assert 0 < errors < PLAN.hidden_rows
    assert mirror.contract.call("market", revealed)[13:] == (errors, errors, state.hidden[-1] + 1)
    assert mirror.twin.balances[keeper.address] == FEE_A_ROW * PLAN.hidden_rows


def test_check__row_by_row__as_in_one(mirror, revealed, state, keeper):
    steps = 0
    while state.phase != SCORING:
        mirror.check(keeper, revealed, 1)
        steps += 1
        assert mirror.twin.balances[keeper.address] == FEE_A_ROW * steps
    assert steps == PLAN.hidden_rows
    assert state.initial_errors == state.replica.evaluate(b"".join(state.rows[i] for i in state.hidden))
    assert mirror.contract.call("market", revealed)[13] == state.initial_errors


@pytest.mark.parametrize("shown", [1, 2, 3, 4])
def test_check__more_shown_than_evaluated__goes_on_without_showing_them_again(
    mirror, revealed, state, secret, keeper, stranger, shown
):
    mirror.check(stranger, revealed, 0, secret.check_arguments(state.hidden[:shown]))
    assert mirror.contract.call("market", revealed)[15] == state.hidden[shown - 1] + 1
    assert mirror.twin.balances[stranger.address] == 0  # nothing was evaluated
    for rows in range(1, PLAN.rows * shown + 1):
        mirror.check(keeper, revealed, 1, (b"", []))
        assert mirror.twin.balances[keeper.address] == FEE_A_ROW * rows
    if shown < PLAN.hidden:
        with pytest.raises(Revert, match="scorer: nothing to check"):
            mirror.check(keeper, revealed, 1, (b"", []))
        mirror.check(keeper, revealed)
    assert state.phase == SCORING
    assert state.initial_errors == state.replica.evaluate(b"".join(state.rows[i] for i in state.hidden))


def test_check__before_all_is_revealed_or_again__refused(mirror, closed, secret, provider, keeper):
    hidden = mirror.twin.markets[closed].hidden
    for index in hidden:
        with pytest.raises(Revert, match="nothing to check now"):
            mirror.check(keeper, closed, 65_535, secret.check_arguments(hidden))
        mirror.reveal(provider, *secret.reveal_arguments(index))
    mirror.check(keeper, closed)
    for shown in (secret.check_arguments(hidden), (b"", [])):
        with pytest.raises(Revert, match="nothing to check now"):
            mirror.check(keeper, closed, 65_535, shown)


def test_check__too_late__silent(mirror, revealed, state, keeper):
    mirror.check(keeper, revealed, PLAN.rows)
    mirror.wait(PLAN.rest_time)
    with pytest.raises(Revert, match="too late"):
        mirror.check(keeper, revealed)
    mirror.expire(keeper, revealed)
    assert state.phase == SILENT
    mirror.withdraw_all(keeper, revealed)


# what is shown of the hidden portions a, b, c, d and of e, which was drawn
WRONG_PORTIONS = ["b", "bc", "d", "ac", "abd", "ba", "aa", "abb", "abca", "abcdd", "e", "ea", "ae", "abcde"]


@pytest.mark.parametrize("names", WRONG_PORTIONS)
def test_check__others_than_come_next__refused(mirror, revealed, state, secret, keeper, names):
    indices = dict(zip("abcde", [*state.hidden, min(state.drawn)], strict=True))
    with pytest.raises(Revert, match="not what was revealed"):
        mirror.check(keeper, revealed, 65_535, secret.check_arguments([indices[name] for name in names]))
    mirror.check(keeper, revealed)
    assert state.phase == SCORING


def test_check__what_was_handed_over__refused_again(mirror, revealed, state, secret, keeper):
    for step in range(1, PLAN.hidden):
        mirror.check(keeper, revealed, PLAN.rows, secret.check_arguments(state.hidden[step - 1 : step]))
        for again in (state.hidden[:step], state.hidden, state.hidden[step - 1 :], state.hidden[step - 1 : step]):
            with pytest.raises(Revert, match="not what was revealed"):
                mirror.check(keeper, revealed, PLAN.rows, secret.check_arguments(again))
    mirror.check(keeper, revealed, PLAN.rows, secret.check_arguments(state.hidden[-1:]))
    assert state.phase == SCORING


def test_check__other_rows_salt_or_proof__refused(mirror, revealed, state, secret, keeper, rng):
    rows, beside = secret.check_arguments(state.hidden[:2])
    a, b = (secret.portions[i] for i in state.hidden[:2])
    count = len(state.beside[state.hidden[0]])
    other = random_portions(rng)[0]
    for wrong in (
        (b + a, beside),
        (bytes([a[0] ^ 1]) + rows[1:], beside),
        (rows[:-1] + bytes([rows[-1] ^ 1]), beside),
        (other + b, [beside[0], word(len(other)), *beside[2:]]),
        (rows, [bytes(32), *beside[1:]]),
        (rows, [beside[count], *beside[1:]]),
        # a byte that goes from one to the other
        (rows, [beside[0], word(len(a) - 1), *beside[2:]]),
        (rows, [beside[0], word(len(a) - 1), *beside[2 : count + 1], word(len(b) + 1), *beside[count + 2 :]]),
        (rows, [beside[0], word(0), *beside[2:]]),
        (rows, [*beside[:3], bytes(32), *beside[4:]]),
        (rows, [*beside[:3], *beside[3:count][::-1], *beside[count:]]),
        (rows, [*beside[:2], word(count - 4), *beside[3 : count - 1], *beside[count:]]),
        (rows, [*beside[:2], word(0), *beside[count:]]),
        # rows that are left over
        (rows + b"\0", beside),
        (rows + a, beside),
        (rows, beside[:count]),
        (rows, []),
    ):
        with pytest.raises(Revert, match="not what was revealed"):
            mirror.check(keeper, revealed, 65_535, wrong)
    mirror.check(keeper, revealed, 65_535, (rows, beside))
    assert state.handed == 2


# ---- what a provider should not have committed to --------------------------------------------------------------------

GOOD = [(0, sample(1))] + [(1, sample(2))] * (PLAN.rows - 2)
BAD_PORTIONS = {
    "another class": (pack_rows([*GOOD, (2, sample(3))]), "model: no such class"),
    "an index twice": (pack_rows([*GOOD, (1, sample(3, 3))]), "sample: indices must increase"),
    "an index too large": (pack_rows([*GOOD, (1, sample(30))]), "sample: index out of range"),
    "an odd length": (pack_rows([*GOOD, (1, b"\x00")]), "sample: odd length"),
    "an empty sample": (pack_rows([*GOOD, (1, b"")]), "sample: empty"),
    "too long a sample": (pack_rows([*GOOD, (1, bytes(2_050))]), "sample: longer than 2,048 bytes"),
    "a row too few": (pack_rows(GOOD), "not as many rows as a portion has"),
    "a row too many": (pack_rows([*GOOD, *GOOD[-2:]]), "not as many rows as a portion has"),
    "a row cut off": (pack_rows([*GOOD, (1, sample(3))])[:-1], "not as many rows as a portion has"),
    "a byte too many": (pack_rows([*GOOD, (1, sample(3))]) + b"\0", "not as many rows as a portion has"),
    "no rows": (b"", "not as many rows as a portion has"),
    "no rows at all": (b"\xff" * 100, "longer than 2,048 bytes"),
}


def begin(mirror, model, provider, contributor, reporter, keeper, portions):
    """A market with a contribution of either; its portions are all told, whatever is in them."""
    secret = mirror.secret(model, provider, portions)
    market = mirror.start(secret, keeper)
    y = 1 - mirror.twin.models[model][0].predict(sample(1, 2))
    assert mirror.add_data(contributor, model, sample(1, 2), y) > 0
    y = 1 - mirror.twin.models[model][0].predict(sample(3))
    assert mirror.add_data(reporter, model, sample(3), y) > 0
    mirror.wait(PLAN.participation_time)
    mirror.close(keeper, market)
    for index in mirror.twin.markets[market].hidden:
        mirror.reveal(provider, *secret.reveal_arguments(index))
    return secret, market


@pytest.mark.parametrize("name", BAD_PORTIONS)
def test_check__what_the_model_or_the_plan_refuses__provider_gets_no_further_and_counts_as_silent(
    mirror, model, provider, contributor, reporter, keeper, name
):
    portion, message = BAD_PORTIONS[name]
    people = provider, contributor, reporter, keeper
    secret, market = begin(mirror, model, *people, [portion] * PLAN.portions)
    state = mirror.twin.markets[market]
    for count in (PLAN.hidden, 1):
        with pytest.raises(Revert, match=message):
            mirror.check(provider, market, 65_535, secret.check_arguments(state.hidden[:count]))
    with pytest.raises(Revert, match="nothing to score now"):
        mirror.score_next(provider, market)
    with pytest.raises(Revert, match="nothing to reveal now"):
        mirror.reveal(provider, *secret.reveal_arguments(state.hidden[0]))
    mirror.wait(PLAN.rest_time)
    with pytest.raises(Revert, match="too late"):
        mirror.check(provider, market)
    mirror.expire(keeper, market)
    assert state.phase == SILENT
    mirror.withdraw_all(keeper, market)
    for account in (contributor, reporter):
        assert mirror.twin.balances[account.address] == (PLAN.bounty + PLAN.bond) // 2
    assert mirror.twin.balances[provider.address] == -PLAN.bounty - PLAN.bond
    assert mirror.twin.balances[keeper.address] == 0


def test_check__bad_row_behind_good_ones__only_these_are_paid_for(
    mirror, model, provider, contributor, reporter, keeper, stranger
):
    bad, message = BAD_PORTIONS["another class"]
    people = provider, contributor, reporter, keeper
    secret, market = begin(mirror, model, *people, [bad] * PLAN.portions)
    state = mirror.twin.markets[market]
    first = secret.check_arguments(state.hidden[:1])
    mirror.check(stranger, market, PLAN.rows - 1, first)
    for shown in ((b"", []), secret.check_arguments(state.hidden[1:2]), secret.check_arguments(state.hidden[1:])):
        with pytest.raises(Revert, match=message):
            mirror.check(stranger, market, 65_535, shown)
    assert mirror.twin.balances[stranger.address] == FEE_A_ROW * (PLAN.rows - 1)
    assert mirror.contract.call("market", market)[15] == state.hidden[0] + 1
    mirror.wait(PLAN.rest_time)
    mirror.expire(keeper, market)
    assert state.phase == SILENT
    mirror.withdraw_all(keeper, market)
