"""The settler alone: what contributions earned, and the tree over it, for any number of them."""

import random

import pytest
from eth_utils import keccak

from comodels.artifacts import deploy
from comodels.chain.account import MAX_GAS
from comodels.chain.contract import ContractAt
from comodels.chain.node import RpcError
from comodels.incentives.prediction_market import MAX_CONTRIBUTIONS
from comodels.incentives.settlement import GROUP, OwedTree, payments
from comodels.wire import account_of, pack_entries

ROUNDS, STAKE = 2**24 - 1, 2**72 - 1  # stake and bounty have 96 bits


@pytest.fixture
def settler(rpc, project, owner) -> ContractAt:
    return deploy(rpc, owner.address, "Settler")


def walk(rng, rows, count):
    """Errors that go up and down."""
    errors = [rng.randint(0, rows)]
    for _ in range(count):
        errors.append(max(0, min(rows, errors[-1] + rng.choice((-2, -1, 0, 0, 1, 1, 2)))))
    return errors


def jumps(rng, rows, count):
    """Errors that have nothing to do with those before."""
    return [rng.randint(0, rows) for _ in range(count + 1)]


def shown(rng, errors, most):
    """Contributors, what each call scored, at most so many at once, and what `settle` is shown."""
    people = [f"0x{rng.randrange(2**160):040x}" for _ in range(5)]
    who = [rng.choice(people) for _ in errors[1:]]
    left, calls = list(zip(who, errors[1:], strict=True)), []
    while left:
        count = rng.randint(1, most)
        calls.append(left[:count])
        left = left[count:]
    return who, calls, pack_entries(calls)


def hashed(calls):
    """Each call's contributions in lines of 16, which are filled up with zeros."""
    digest = bytes(32)
    for call in calls:
        for begin in range(0, len(call), 16):
            words = [int.from_bytes(account_of(who), "big") << 16 | e for who, e in call[begin : begin + 16]]
            digest = keccak(digest + b"".join(w.to_bytes(32, "big") for w in words).ljust(512, b"\0"))
    return digest


def sums(owed):
    """By group."""
    return tuple(sum(owed[begin : begin + GROUP]) for begin in range(0, MAX_CONTRIBUTIONS, GROUP))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 500])
@pytest.mark.parametrize("draw", [walk, jumps])
def test_settle__any_number__as_the_twin(settler, count, draw):
    rng = random.Random(count)
    for rows, rounds, stake in ((250, 50, 10**15), (65_535, ROUNDS, STAKE), (1, 1, 1), (max(2, count), 7, 3)):
        errors = draw(rng, rows, count)
        who, calls, entries = shown(rng, errors, rng.choice((1, 16, 40, 256)))
        owed = payments(errors, rows, rounds, stake)
        expected = OwedTree(list(zip(who, owed, strict=True))).root, sums(owed)
        assert settler.call("settle", entries, hashed(calls), errors[0], rows, rounds, stake) == expected


@pytest.mark.parametrize("most", [1, 16, 256])
@pytest.mark.parametrize("draw", [walk, jumps])
def test_settle__most_contributions_that_there_can_be__fit_a_transaction(settler, rpc, stranger, draw, most):
    rng = random.Random(7)
    errors = draw(rng, 65_535, MAX_CONTRIBUTIONS)
    # also where each was scored alone
    who, calls, entries = shown(rng, errors, most)
    call = settler.transaction(
        "settle", entries, hashed(calls), errors[0], 65_535, ROUNDS, STAKE, sender=stranger.address, gas=MAX_GAS
    )
    (receipt,) = rpc.send([call])
    assert receipt["status"] == "0x1"
    assert int(receipt["gasUsed"], 16) < 9_500_000
    owed = payments(errors, 65_535, ROUNDS, STAKE)
    root = OwedTree(list(zip(who, owed, strict=True))).root
    assert settler.call("settle", entries, hashed(calls), errors[0], 65_535, ROUNDS, STAKE) == (root, sums(owed))


def test_settle__most_and_all_stay_on_the_stack__as_the_twin(settler):
    # each loses against the one before, and more so: all leave after one round, but for the first
    errors = [MAX_CONTRIBUTIONS, *range(MAX_CONTRIBUTIONS, 0, -1)]
    rises = [0, *range(1, MAX_CONTRIBUTIONS + 1)]
    # each stays a round less than the one before, so that none leaves the stack until the last, which beats all
    falls = [60_000, 0]
    for k in range(2_000):
        falls.append(falls[-1] + 1 + k % 7)
    for case in (errors, rises, [*falls, 0]):
        who, calls, entries = shown(random.Random(1), case, 256)
        owed = payments(case, 65_535, ROUNDS, STAKE)
        expected = OwedTree(list(zip(who, owed, strict=True))).root, sums(owed)
        assert settler.call("settle", entries, hashed(calls), case[0], 65_535, ROUNDS, STAKE) == expected


def test_settle__otherwise_than_scored__refused(settler):
    rng = random.Random(3)
    call = [(f"0x{rng.randrange(2**160):040x}", rng.randint(0, 9)) for _ in range(20)]
    digest, arguments = hashed([call]), (3, 9, 5, 10**15)
    right = pack_entries([call])
    expected = settler.call("settle", right, digest, *arguments)
    # a line of 16 and one of 4
    first, second = 1 + 16 * 22, 1 + 4 * 22
    assert len(right) == first + second

    def refused(entries, digest, message: str | None = "not what was scored"):
        with pytest.raises(RpcError, match=message):
            settler.call("settle", entries, digest, *arguments)

    for calls in ([[c] for c in call], [call[:15], call[15:]], [call[:4], call[4:]], [call[:1], call[1:]]):
        # the same contributions in other lines: the same is owed, but the market knows another hash
        refused(pack_entries(calls), digest)
        assert settler.call("settle", pack_entries(calls), hashed(calls), *arguments) == expected
    # one less, one more, another order, nothing
    for calls in ([call[:-1]], [call[1:]], [[*call, call[0]]], [call[::-1]], []):
        refused(pack_entries(calls), digest)
    refused(right, bytes(32))
    # every byte counts; with other lengths lines do not end where the entries do, or are too long
    for i in range(len(right)):
        wrong = bytearray(right)
        wrong[i] ^= 1 << i % 8
        refused(bytes(wrong), digest, None if i in (0, first) else "not what was scored")
    for count in {*range(256)} - {16}:
        refused(bytes([count]) + right[1:], digest, None)
    for count in {*range(256)} - {4}:
        refused(right[:first] + bytes([count]) + right[first + 1 :], digest, None)
    for end in range(len(right)):
        # where a line ends what is shown is whole, but not all
        refused(right[:end], digest, "not what was scored" if end in (0, first) else None)
    for more in (b"\0", b"\1", b"\20", bytes(22), bytes(23), right[1:23], b"\1" + right[1:23]):
        refused(right + more, digest, None)
    # lines of none
    for begin in (0, first, len(right)):
        for many in (1, 22, 2_000):
            refused(right[:begin] + bytes(many) + right[begin:], digest, "not what was scored")
    # whole lines alone are whole, and what another market knows; with a line that is cut off they are not
    whole = hashed([call[:16]])
    settler.call("settle", right[:first], whole, *arguments)
    refused(right[:first], digest)
    for count in range(1, 17):
        for size in {0, 22 * count - 22, 22 * count - 1}:
            refused(right[:first] + bytes([count]) + bytes(size), whole, None)
    # as much as can be shown, and a byte more
    most = MAX_CONTRIBUTIONS * (b"\1" + bytes(22))
    refused(most, digest, "not what was scored")
    refused(most + b"\0", digest, "reverted")
    refused(bytes(len(most)), digest, "settler: entries are cut off")


def test_settle__entry_of_nothing_at_the_end_of_a_line__the_same_as_a_shorter_line(settler):
    # no account is 0: what is shown so says the same, and pays the same
    call = [(f"0x{k:040x}", k) for k in range(1, 4)]
    arguments = hashed([call]), 3, 9, 5, 10**15
    right = pack_entries([call])
    expected = settler.call("settle", right, *arguments)
    for more in range(1, 14):
        assert settler.call("settle", bytes([3 + more]) + right[1:] + bytes(22 * more), *arguments) == expected
    for place in range(3):
        entries = right[1 : 1 + 22 * place] + bytes(22) + right[1 + 22 * place :]
        with pytest.raises(RpcError, match="not what was scored"):
            settler.call("settle", b"\4" + entries, *arguments)
