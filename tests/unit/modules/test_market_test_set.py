"""The market's test set alone: any portions are drawn, and each is revealed once, in order, as it was committed."""

import random

import pytest
from eth_abi import encode
from eth_utils import keccak

from comodels.incentives.commitment import portion_leaf
from comodels.incentives.prediction_market import draw_portions, market_id
from comodels.incentives.scorers import MAX_PORTION
from comodels.merkle import MerkleTree
from comodels.rows import pack_rows
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
        """Those of `reveal`; where there is no such portion, of the last."""
        held = min(index, len(self.rows) - 1)
        return self.market, index, self.salts[held], self.rows[held], self.tree.proof(held)


@pytest.fixture
def harness(client, project, owner):
    settler = client.deploy(project.Settler, owner)
    return client.deploy(project.MarketHarness, owner, encode(["address"], [settler.address]))


@pytest.fixture
def committed(harness, client, owner):
    def commit(portions, drawn, seed=0, spare=(), wanted=None):
        """Commit a test set, and mine up to the block that decides, until it draws the portions that are wanted."""
        held = TestSet(harness, client.chain.chain_id, portions, seed, spare)
        for _ in range(20_000):
            harness.send("commit", held.tree.root, portions, drawn, ROWS, 1, sender=owner)
            client.chain.rpc("anvil_mine", "0x1")
            block_hash = bytes.fromhex(client.chain.rpc("eth_getBlockByNumber", "latest", False)["hash"][2:])
            if wanted is None or draw_portions(block_hash, held.market, portions, drawn) == wanted:
                break
        return held

    return commit


def bits(n):
    return {i for i in range(256) if n >> i & 1}


NOT_NEXT = "prediction-market: not the portion to reveal next"


def reveal_in_order(harness, held, indices, sender, tried):
    """Reveal these portions; with `tried`, before those of them and after the last, no other is taken."""
    others = [*range(len(held.rows)), len(held.rows), 256, 257, 2**255, 2**256 - 1]
    for number, index in enumerate(indices):
        if index in tried:
            for other in others:
                if other != index:
                    with reverts(NOT_NEXT):
                        harness.call("reveal", *held.arguments(other))
        before = state_of(harness, held)
        (told,) = harness.send("reveal", *held.arguments(index), sender=sender).events
        assert (told.address, told.name) == (harness.address, "Revealed")
        assert told.arguments == {
            "market": held.market,
            "index": index,
            "salt": held.salts[index],
            "rows": held.rows[index],
        }
        after = state_of(harness, held)
        last = after["revealed"] == len(held.rows)
        assert after["next"] == (0 if last else index + 1)
        assert after["revealed"] == before["revealed"] + 1
        assert before["next"] <= index
        assert before["next"] > 0 or number == 0
    why = "prediction-market: nothing to reveal now" if last else NOT_NEXT
    for other in others:
        with reverts(why):
            harness.call("reveal", *held.arguments(other))


def state_of(harness, held):
    (item,) = (i for i in harness.abi if i.get("name") == "state")
    names = [component["name"] for component in item["outputs"][0]["components"]]
    return dict(zip(names, harness.call("state", held.market), strict=True))


def reveal_all(harness, held, sender):
    """First those that were drawn, then all others."""
    portions = len(held.rows)
    drawn = sorted(bits(harness.call("drawn", held.market)))
    hidden = sorted(set(range(portions)) - set(drawn))
    for now in (drawn, hidden):
        # each before each of all would take long
        reveal_in_order(harness, held, now, sender, now if portions < 20 else {now[0], now[len(now) // 2], now[-1]})
        if now is drawn:
            harness.send("end_participation", 2**40 - 1, sender=sender)


@pytest.mark.parametrize(("portions", "drawn"), [(2, 1), (3, 2), (17, 5), (128, 127), (256, 1), (256, 255), (256, 99)])
def test_draw_and_reveal__any_numbers__each_portion_once_in_order(
    harness, client, owner, stranger, committed, portions, drawn
):
    held = committed(portions, drawn, seed=portions)
    for index in (0, portions - 1):
        assert (
            harness.call("leaf", held.market, index, held.salts[index], keccak(held.rows[index])) == held.leaves[index]
        )
    decides = int(client.chain.rpc("eth_getBlockByNumber", "latest", False)["number"], 16)
    with reverts("prediction-market: nothing to reveal now"):
        harness.call("reveal", *held.arguments(0))
    harness.send("draw", held.market, sender=stranger)
    seed = client.chain.rpc("eth_getBlockByNumber", hex(decides), False)["hash"]
    assert bits(harness.call("drawn", held.market)) == draw_portions(
        bytes.fromhex(seed[2:]), held.market, portions, drawn
    )
    reveal_all(harness, held, owner)


@pytest.mark.parametrize(
    ("portions", "wanted"),
    [
        (256, {0}),
        (256, {255}),
        (256, set(range(256)) - {0}),
        (256, set(range(256)) - {255}),
        (2, {0}),
        (2, {1}),
        (9, {7, 8}),
        (9, set(range(8))),
    ],
    ids=[
        "first of 256",
        "last of 256",
        "but the first",
        "but the last",
        "0 of 2",
        "1 of 2",
        "7 and 8 of 9",
        "but 8 of 9",
    ],
)
def test_reveal__those_at_the_ends_are_drawn__in_order_all_the_same(
    harness, client, owner, committed, portions, wanted
):
    held = committed(portions, len(wanted), wanted=wanted)
    harness.send("draw", held.market, sender=owner)
    assert bits(harness.call("drawn", held.market)) == wanted
    reveal_all(harness, held, owner)


def test_reveal__not_as_committed__refused(harness, client, owner, committed):
    held = committed(5, 2)
    harness.send("draw", held.market, sender=owner)
    first = min(bits(harness.call("drawn", held.market)))
    other = (first + 1) % 5
    market, index, salt, rows, proof = held.arguments(first)
    for wrong in (
        (held.salts[other], rows, proof),
        (salt, held.rows[other], proof),
        (salt, rows + b"\0", proof),
        (salt, rows[:-1], proof),
        (salt, rows, held.tree.proof(other)),
        (salt, rows, proof[:-1]),
        (salt, rows, [*proof, bytes(32)]),
        (held.salts[other], held.rows[other], held.tree.proof(other)),
    ):
        with reverts("prediction-market: not what was committed"):
            harness.call("reveal", market, index, *wrong)
    harness.send("reveal", market, index, salt, rows, proof, sender=owner)


def test_reveal__too_late__refused(harness, client, owner, committed):
    held = committed(3, 1)
    harness.send("draw", held.market, sender=owner)
    (drawn,) = bits(harness.call("drawn", held.market))
    harness.send("reveal", *held.arguments(drawn), sender=owner)
    now = int(client.chain.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    harness.send("end_participation", now, sender=owner)
    hidden = min({0, 1, 2} - {drawn})
    with reverts("prediction-market: too late"):
        harness.call("reveal", *held.arguments(hidden))
    harness.send("end_participation", now + 1_000, sender=owner)
    harness.send("reveal", *held.arguments(hidden), sender=owner)


@pytest.mark.parametrize("doubled", [0, 3], ids=["a spare leaf first", "a spare leaf last"])
def test_reveal__tree_with_a_leaf_too_many__the_last_portion_is_refused(harness, client, owner, committed, doubled):
    """A provider with two leaves for one portion could show the one that suits them."""
    rows, salt = pack_rows([(1, b"seen")] * ROWS), keccak(b"salt")
    market = market_id(harness.address, 1)
    spare = portion_leaf(client.chain.chain_id, harness.address, market, doubled, salt, rows)
    held = committed(4, 1, spare=[spare])
    harness.send("draw", held.market, sender=owner)
    (drawn,) = bits(harness.call("drawn", held.market))
    *others, last = [drawn, *sorted(set(range(4)) - {drawn})]
    for index in others:
        if index == others[1]:
            harness.send("end_participation", 2**40 - 1, sender=owner)
        if index == doubled:  # either would do
            (path,) = (held.tree.proof(i) for i, leaf in enumerate([*held.leaves, spare]) if leaf == spare)
            harness.call("reveal", market, index, salt, rows, path)
        harness.send("reveal", *held.arguments(index), sender=owner)
    with reverts("prediction-market: the tree has other leaves"):
        harness.call("reveal", *held.arguments(last))


ROW = pack_rows([(1, b"x")])


@pytest.mark.parametrize(
    "rows",
    [
        b"",
        ROW * (ROWS - 1),
        (ROW * ROWS)[:-1],
        ROW * (ROWS + 1),
        ROW * ROWS + b"\0",
        ROW * (ROWS - 1) + b"\1\x08\1" + bytes(2_049),
        bytes(MAX_PORTION),
    ],
    ids=["none", "too few", "cut off", "too many", "a byte more", "too long", "largest portion"],
)
def test_reveal__malformed_or_another_number_of_rows__told_for_the_scorer_refuses_them(
    harness, client, owner, committed, rows
):
    held = committed(2, 1)
    held.rows = [rows, rows]
    held.leaves = [
        portion_leaf(client.chain.chain_id, harness.address, held.market, i, held.salts[i], rows) for i in range(2)
    ]
    held.tree = MerkleTree(held.leaves)
    harness.send("commit", held.tree.root, 2, 1, ROWS, 1, sender=owner)
    client.chain.rpc("anvil_mine", "0x1")
    harness.send("draw", held.market, sender=owner)
    reveal_all(harness, held, owner)


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
