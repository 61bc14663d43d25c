"""The market's test set alone: any number of portions is drawn, and revealed once, as it was committed."""

import random

import pytest
from eth_abi import encode
from eth_utils import keccak

from comodels.incentives.prediction_market import draw_portions, market_id, portion_leaf
from comodels.merkle import MerkleTree
from comodels.rows import pack_rows
from comodels.testing.client import refused
from tests.client import reverts

ROWS = 3


class TestSet:
    """Portions of `ROWS` rows with any samples, and the tree over them."""

    __test__ = False

    def __init__(self, harness, chain_id, portions, seed, spare=()):
        rng = random.Random(seed)
        self.market = market_id(harness.address, 1)
        self.rows = [pack_rows([(rng.randrange(256), rng.randbytes(rng.choice((0, 1, 40)))) for _ in range(ROWS)])
                     for _ in range(portions)]  # fmt: skip
        self.salts = [rng.randbytes(32) for _ in range(portions)]
        self.leaves = [
            portion_leaf(chain_id, harness.address, self.market, i, salt, rows)
            for i, (salt, rows) in enumerate(zip(self.salts, self.rows, strict=True))
        ]
        self.tree = MerkleTree([*self.leaves, *spare])

    def arguments(self, index):
        return self.market, index, self.salts[index], self.rows[index], self.tree.proof(index)


@pytest.fixture
def harness(client, project, owner):
    settler = client.deploy(project.Settler, owner)
    return client.deploy(project.MarketHarness, owner, encode(["address"], [settler.address]))


@pytest.fixture
def committed(harness, client, owner):
    def commit(portions, drawn, seed=0, spare=()):
        """Commit a test set, and mine up to the block that decides."""
        held = TestSet(harness, client.chain.chain_id, portions, seed, spare)
        harness.send("commit", held.tree.root, portions, drawn, ROWS, 1, sender=owner)
        client.chain.rpc("anvil_mine", "0x1")
        return held

    return commit


def bits(n):
    return {i for i in range(256) if n >> i & 1}


@pytest.mark.parametrize(("portions", "drawn"), [(2, 1), (3, 2), (17, 5), (128, 127), (256, 1), (256, 255)])
def test_draw_and_reveal__any_numbers__each_portion_once(harness, client, owner, stranger, committed, portions, drawn):
    held = committed(portions, drawn, seed=portions)
    for index in (0, portions - 1):
        assert (
            harness.call("leaf", held.market, index, held.salts[index], keccak(held.rows[index])) == held.leaves[index]
        )
    decides = int(client.chain.rpc("eth_getBlockByNumber", "latest", False)["number"], 16)
    harness.send("draw", held.market, sender=stranger)
    open_now = bits(harness.call("drawn", held.market))
    seed = client.chain.rpc("eth_getBlockByNumber", hex(decides), False)["hash"]
    assert open_now == draw_portions(bytes.fromhex(seed[2:]), held.market, portions, drawn)

    hidden = set(range(portions)) - open_now
    if portions > 20:  # each of all would take long: the first and the last of both kinds
        open_now, hidden = ({min(some), max(some)} for some in (open_now, hidden))
    for now, later in ((open_now, hidden), (hidden, open_now)):
        for index in sorted(now):
            with reverts("prediction-market: not the portions to reveal now"):
                harness.call("reveal", *held.arguments(min(later)))
            assert not harness.call("is_revealed", held.market, index)
            harness.send("reveal", *held.arguments(index), sender=owner)
            assert harness.call("is_revealed", held.market, index)
        if now is open_now:
            harness.send("end_participation", 2**40 - 1, sender=owner)
    # the scorer was shown the hidden ones, in the order in which they came, and no other
    told = [keccak(held.rows[index] + ROWS.to_bytes(32, "big")) for index in sorted(hidden)]
    assert [harness.call("shown", i) for i in range(len(told))] == told
    with reverts(""):
        harness.call("shown", len(told))
    for index in sorted(open_now | hidden):
        with refused():
            harness.call("reveal", *held.arguments(index))


def test_reveal__tree_with_a_leaf_too_many__the_last_portion_is_refused(harness, owner, committed):
    held = committed(4, 1, spare=[keccak(b"the rows that should be seen")])
    harness.send("draw", held.market, sender=owner)
    open_now = bits(harness.call("drawn", held.market)).pop()
    harness.send("reveal", *held.arguments(open_now), sender=owner)
    harness.send("end_participation", 2**40 - 1, sender=owner)
    *others, last = sorted(set(range(4)) - {open_now})
    for index in others:
        harness.send("reveal", *held.arguments(index), sender=owner)
    with reverts("prediction-market: the tree has other leaves"):
        harness.call("reveal", *held.arguments(last))


NOT_AS_MANY = "prediction-market: not as many rows as a portion has"
ROW = pack_rows([(1, b"x")])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"", NOT_AS_MANY),
        (ROW * (ROWS - 1), NOT_AS_MANY),
        ((ROW * ROWS)[:-1], NOT_AS_MANY),
        (ROW * (ROWS + 1), NOT_AS_MANY),
        (ROW * ROWS + b"\0", NOT_AS_MANY),
        (ROW * (ROWS - 1) + b"\1\0", NOT_AS_MANY),
        (ROW * (ROWS - 1) + b"\1\x08\1" + bytes(2_049), "sample: longer than 2,048 bytes"),
    ],
)
def test_reveal__committed_but_not_so_many_rows__refused(harness, client, owner, committed, rows, message):
    held = committed(2, 1)
    held.rows = [rows, rows]
    held.leaves = [
        portion_leaf(client.chain.chain_id, harness.address, held.market, i, held.salts[i], rows) for i in range(2)
    ]
    held.tree = MerkleTree(held.leaves)
    harness.send("commit", held.tree.root, 2, 1, ROWS, 1, sender=owner)
    client.chain.rpc("anvil_mine", "0x1")
    harness.send("draw", held.market, sender=owner)
    with reverts(message):
        harness.call("reveal", *held.arguments(bits(harness.call("drawn", held.market)).pop()))


def test_draw__block_not_there_or_a_second_time__refused(harness, client, owner):
    market = market_id(harness.address, 1)
    harness.send("commit", bytes(32), 2, 1, ROWS, 3, sender=owner)
    with reverts("prediction-market: the block of the draw is not there yet"):
        harness.call("draw", market)
    client.chain.rpc("anvil_mine", "0x3")
    harness.send("draw", market, sender=owner)
    with reverts("prediction-market: not waiting for the draw"):
        harness.call("draw", market)
    with reverts("prediction-market: no such market"):
        harness.call("draw", market + 1)
