"""The settler alone: what contributions earned, and the roots over it, for any number of them."""

import random

import pytest
from eth_utils import keccak

from comodels.artifacts import deploy
from comodels.chain.account import MAX_GAS
from comodels.chain.contract import ContractAt
from comodels.chain.node import RpcError
from comodels.incentives.prediction_market import MAX_CONTRIBUTIONS
from comodels.incentives.settlement import OwedTrees, payments
from comodels.wire import account_of, pack_entry

ROUNDS, STAKE = 2**24 - 1, 2**96 - 1


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


def shown(rng, errors):
    people = [f"0x{rng.randrange(2**160):040x}" for _ in range(5)]
    who = [rng.choice(people) for _ in errors[1:]]
    return who, b"".join(map(pack_entry, who, errors[1:]))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 9, 63, 64, 65, 127, 128, 129, 500])
@pytest.mark.parametrize("draw", [walk, jumps])
def test_settle__any_number__as_the_twin(settler, count, draw):
    rng = random.Random(count)
    for rows, rounds, stake in ((250, 50, 10**15), (65_535, ROUNDS, STAKE), (1, 1, 1), (max(2, count), 7, 3)):
        errors = draw(rng, rows, count)
        who, entries = shown(rng, errors)
        digest = bytes(32)
        for account, e in zip(who, errors[1:], strict=True):
            digest = keccak(digest + (int.from_bytes(account_of(account), "big") << 16 | e).to_bytes(32, "big"))
        owed = payments(errors, rows, rounds, stake)
        roots = OwedTrees(list(zip(who, owed, strict=True))).roots
        expected = digest, sum(owed), (*roots, *[bytes(32)] * (64 - len(roots)))
        assert settler.call("settle", entries, errors[0], rows, rounds, stake) == expected


@pytest.mark.parametrize("draw", [walk, jumps])
def test_settle__most_contributions_that_there_can_be__fit_a_transaction(settler, rpc, stranger, draw):
    rng = random.Random(7)
    errors = draw(rng, 65_535, MAX_CONTRIBUTIONS)
    who, entries = shown(rng, errors)
    call = settler.transaction(
        "settle", entries, errors[0], 65_535, ROUNDS, STAKE, sender=stranger.address, gas=MAX_GAS
    )
    (receipt,) = rpc.send([call])
    assert receipt["status"] == "0x1"
    assert int(receipt["gasUsed"], 16) < 13_000_000
    owed = payments(errors, 65_535, ROUNDS, STAKE)
    roots = OwedTrees(list(zip(who, owed, strict=True))).roots
    assert settler.call("settle", entries, errors[0], 65_535, ROUNDS, STAKE)[1:] == (sum(owed), tuple(roots))


def test_settle__nothing_or_cut_off__refused(settler):
    for cut in (b"\0", bytes(21), bytes(23)):
        with pytest.raises(RpcError, match="settler: entries are cut off"):
            settler.call("settle", cut, 1, 2, 3, 4)
    with pytest.raises(RpcError):
        settler.call("settle", b"", 1, 2, 3, 4)
