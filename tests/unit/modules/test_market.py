"""The market's book and settlement, each alone."""

import random
from itertools import pairwise

import pytest
from eth_abi import encode
from eth_utils import keccak

from comodels.incentives.chains import stands_for
from comodels.incentives.settlement import GROUP, OwedTree, payments
from comodels.wire import pack_entries, pack_withdrawal
from tests.client import reverts

MARKET = int("0x" + "11" * 20, 16) << 32 | 1
# widths of the fields of a state, in its order
WIDTHS = (8, 40, 16, 16, 16, 16, 16, 16, 16, 32, 16, 16)


@pytest.fixture
def harness(client, project, owner):
    settler = client.deploy(project.Settler, owner)
    return client.deploy(project.MarketHarness, owner, encode(["address"], [settler.address]))


def refused(harness, message, *call):
    with reverts(message):
        harness.call(*call)


@pytest.mark.parametrize("full", range(len(WIDTHS)))
def test_save__one_field_as_large_as_it_can_be__comes_back_alone(harness, owner, full):
    # phase 1 and all else 0, but for one field: a state of 0 is none
    state = tuple(2**width - 1 if i == full else int(i == 0) for i, width in enumerate(WIDTHS))
    harness.send("save", MARKET, state, sender=owner)
    assert harness.call("state", MARKET) == state


def test_save__all_fields_as_large_as_they_can_be__come_back(harness, owner):
    state = tuple(2**width - 1 for width in WIDTHS)
    harness.send("save", MARKET, state, sender=owner)
    assert harness.call("state", MARKET) == state


def test_state__no_such_market__refused(harness):
    for market in (0, 1, MARKET, MARKET | 1 << 192, 2**256 - 1):
        refused(harness, "prediction-market: no such market", "state", market)


def test_id__number_beyond_32_bits__refused(harness, owner):
    assert harness.call("id", str(owner), 2**32 - 1) == int(str(owner), 16) << 32 | 2**32 - 1
    refused(harness, "prediction-market: no such market", "id", str(owner), 2**32)
    assert harness.call("model", int(str(owner), 16) << 32 | 7) == str(owner)


def test_shift__what_one_gains_the_other_loses(harness):
    assert harness.call("shift", 50 << 128 | 100, 30, 10) == 70 << 128 | 80
    # neither part can fall below nothing
    refused(harness, "", "shift", 50 << 128 | 20, 30, 0)
    refused(harness, "", "shift", 50 << 128 | 20, 0, 51)


@pytest.mark.parametrize("seed", range(8))
def test_settle__any_errors__as_the_loop_pays(harness, owner, stranger, seed):
    rng = random.Random(seed)
    rows, rounds, stake = rng.randint(1, 65_535), rng.choice((1, 3, 1_000, 2**24 - 1)), rng.randint(1, 10**9)
    count = rng.randint(1, 20)
    initial, *errors = (rng.randint(0, rows) for _ in range(count + 1))
    scored = rng.randint(1, count)
    value = (count + rounds) * stake
    harness.send("set", MARKET, stake, rounds, rows, initial, errors, scored, sender=owner, value=value)
    entries = pack_entries([[(str(owner), e) for e in errors[:scored]]])
    harness.send("settle", MARKET, entries, sender=stranger)
    assert harness.call("state", MARKET)[0] == (7 if scored == count else 11)
    whole = payments([initial, *errors], rows, rounds, stake)
    owed = whole[:scored] + [stake] * (count - scored)
    tree = OwedTree([(str(owner), amount) for amount in owed[:scored]])
    assert harness.call("owed_root", MARKET) == tree.root
    assert [harness.call("dues", MARKET, i) for i in range(2)] == [sum(owed[:scored]) << 128, 0]
    assert harness.call("held", MARKET) == (value - sum(owed), sum(owed))
    stand = [stands_for(i + 1, str(owner), bytes(32), 1, 1) for i in range(count)]

    def claim(i):
        before = bytes(32)
        for other in stand[i // 16 * 16 : i]:
            before = keccak(before + other)
        return MARKET, i + 1, str(owner), str(owner), bytes(32), 1, 1, before, stand[i + 1 : i // 16 * 16 + 16]

    claims = b"".join(pack_withdrawal(str(owner), owed[i], i + 1, tree.proof(i)) for i in range(scored))
    harness.send("withdraw", MARKET, claims, sender=stranger)
    # all that the group was owed, and no more
    assert harness.call("dues", MARKET, 0) == 2**scored - 1
    for i in range(count):
        if i < scored:
            refused(harness, "prediction-market: settled, needs a proof", "withdraw_stake", *claim(i))
            continue
        harness.send("withdraw_stake", *claim(i), sender=stranger)
        refused(harness, "prediction-market: paid already", "withdraw_stake", *claim(i))
    harness.send("withdraw", MARKET, claims, sender=stranger)
    beyond = MARKET, count + 1, *claim(count - 1)[2:]
    refused(harness, "prediction-market: not what was contributed", "withdraw_stake", *beyond)
    assert harness.call("held", MARKET) == (value - sum(owed), 0)
    assert harness.call("dues", MARKET, 0) == 2**count - 1


def test_withdraw__more_than_two_groups_of_which_one_is_half_settled__each_out_of_its_own(harness, owner, stranger):
    rng = random.Random(11)
    rows, rounds, stake, count, scored = 250, 30, 10**6, 300, 200
    initial, *errors = (rng.randint(0, rows) for _ in range(count + 1))
    value = (count + rounds) * stake
    harness.send("set", MARKET, stake, rounds, rows, initial, errors, scored, sender=owner, value=value)
    harness.send("settle", MARKET, pack_entries([[(str(owner), e) for e in errors[:scored]]]), sender=stranger)
    owed = payments([initial, *errors], rows, rounds, stake)[:scored]
    tree = OwedTree([(str(owner), amount) for amount in owed])
    claims = [pack_withdrawal(str(owner), amount, i + 1, tree.proof(i)) for i, amount in enumerate(owed)]

    def groups():
        return [divmod(word, 2**128) for word in harness.call_many("dues", [(MARKET, i) for i in range(4)])]

    first, second = sum(owed[:GROUP]), sum(owed[GROUP:])
    rest = (count - scored) * stake
    assert groups() == [(first, 0), (second, 0), (0, 0), (0, 0)]
    assert harness.call("held", MARKET) == (value - first - second - rest, first + second + rest)
    # at both ends of both groups
    harness.send("withdraw", MARKET, b"".join(claims[i] for i in (0, 127, 128, 199)), sender=stranger)
    first, second = first - owed[0] - owed[127], second - owed[128] - owed[199]
    assert groups() == [(first, 1 << 127 | 1), (second, 1 << 71 | 1), (0, 0), (0, 0)]
    assert harness.call("held", MARKET)[1] == first + second + rest
    stand = [stands_for(i + 1, str(owner), bytes(32), 1, 1) for i in range(count)]

    def stake_of(i):
        before = bytes(32)
        for other in stand[i // 16 * 16 : i]:
            before = keccak(before + other)
        return MARKET, i + 1, str(owner), str(owner), bytes(32), 1, 1, before, stand[i + 1 : i // 16 * 16 + 16]

    refused(harness, "prediction-market: settled, needs a proof", "withdraw_stake", *stake_of(199))
    for i in (200, 255, 256, 299):
        harness.send("withdraw_stake", *stake_of(i), sender=stranger)
    # out of the market's pot: what the groups are owed stays
    assert groups() == [(first, 1 << 127 | 1), (second, 1 << 127 | 3 << 71 | 1), (0, 1 << 43 | 1), (0, 0)]
    assert harness.call("held", MARKET)[1] == first + second + rest - 4 * stake
    # in any order, each with as short a proof as it can have
    order = rng.sample(range(scored), scored)
    for i in range(0, scored, 40):
        some = sorted(order[i : i + 40]) if i < 100 else order[i : i + 20] + order[i : i + 40 : 4]
        short = [
            pack_withdrawal(str(owner), owed[k], k + 1, tree.proof(k)[: (k ^ before).bit_length()])
            for before, k in pairwise(some)
        ]
        harness.send("withdraw", MARKET, b"".join([claims[some[0]], *short]), sender=stranger)
    for i in range(0, scored, 20):
        harness.send("withdraw", MARKET, b"".join(claims[i : i + 20]), sender=stranger)
    assert groups()[:2] == [(0, 2**128 - 1), (0, 1 << 127 | 2**73 - 1)]
    assert harness.call("held", MARKET)[1] == rest - 4 * stake


def test_withdraw__same_account_and_amount_as_the_claim_before__for_its_own_place_alone(harness, owner, stranger):
    count = 6
    harness.send("set", MARKET, 10, 5, 9, 3, count * [3], count, sender=owner, value=(count + 5) * 10)
    harness.send("settle", MARKET, pack_entries([count * [(str(owner), 3)]]), sender=stranger)
    tree = OwedTree(count * [(str(owner), 10)])

    def claim(index, nodes):
        return pack_withdrawal(str(owner), 10, index, tree.proof(index - 1)[:nodes])

    # the first one's leaf is theirs, too, but does not stand in their place
    for wrong in (claim(2, 0), claim(5, 0), claim(5, 1), claim(5, 2)):
        with reverts("prediction-market: not what was settled"):
            harness.send("withdraw", MARKET, claim(1, 3) + wrong, sender=stranger)
    harness.send("withdraw", MARKET, claim(1, 3) + claim(1, 0) + claim(2, 1) + claim(2, 0), sender=stranger)
    assert harness.call("dues", MARKET, 0) == 40 << 128 | 0b11
