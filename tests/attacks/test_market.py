"""Attacks on prediction markets: any argument that the ABI allows, any order, accounts that own nothing.

Each stands for a kind of fault. There is no twin here: what counts is who has which wei in the end.
"""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from eth_abi import encode
from eth_utils import keccak, to_checksum_address

from comodels.artifacts import NEEDS, artifact, deploy
from comodels.chain.abi import Transaction
from comodels.chain.contract import ContractAt
from comodels.chain.local import local_chain
from comodels.chain.node import RpcError
from comodels.claims import PredictionMarket as DefaultTerms
from comodels.incentives.blocks import Blocks
from comodels.incentives.chains import around
from comodels.incentives.prediction_market import Plan
from comodels.incentives.scorers import portions_for_check
from comodels.market import blocks_told
from comodels.market_secret import Secret
from comodels.models.level_perceptron import LevelPerceptron, LevelPerceptronParameters
from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.models.nearest_centroid import NearestCentroid, NearestCentroidParameters
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.payouts import due_in, entries, errors_in, stakes_in
from comodels.rows import pack_rows
from comodels.wire import pack_contribution, pack_entries, pack_withdrawal

ETHER = 10**18
GAS = 2**24  # of a transaction (EIP-7825)
DAY = 86_400
CANCELLED, SETTLED = 9, 7
PLAN = Plan(
    stake=ETHER // 10,
    rounds=10,
    bond=ETHER // 2,
    fee=0,
    portions=2,
    drawn=1,
    rows=5,
    max_contributions=20,
    reveal_time=DAY,
    participation_time=DAY,
    rest_time=DAY,
    score_time=7 * DAY,
)
# anyone may commit markets, at a price
ANYONE = encode(["uint96", "uint96", "uint32", "bool"], [0, ETHER // 4, 2**32 - 1, False])
TWIN = SparsePerceptron(SparsePerceptronParameters(60, bias_rate=0), weights=range(-30, 30))
REFUSING, BURNING, BOMBING = 1, 2, 3
EVALUATING = ["Settler", "Planner", "EvaluatingScorer"]  # with which a market has no scorer but that for all kinds
ALONE = bytes(32), []  # what is shown beside the only contribution of a group


def sample(*indices):
    return b"".join(i.to_bytes(2, "big") for i in indices)


class Game:
    """A chain of its own with the contract, and people by role."""

    def __init__(self, chain, project):
        self.chain, self.project = chain, project
        people = [to_checksum_address(a) for a in chain.accounts[:7]]
        self.owner, self.provider, self.contributor, self.attacker, self.accomplice, self.keeper, self.stranger = people
        self.contract = deploy(chain, self.owner, "PredictionMarket")
        self.implementations = {}
        self.number = 0
        self.gas = 0

    def model(self, twin, owner=None, terms=ANYONE):
        """Create a model on chain; its address."""
        if twin.KIND not in self.implementations:
            self.implementations[twin.KIND] = deploy(self.chain, self.owner, twin.KIND)
        implementation = self.implementations[twin.KIND]
        self.number += 1
        card = bytes(3) + b"".join(bytes([1, (97 + y) % 256]) for y in range(twin.class_count))
        salt = self.number.to_bytes(32, "big")
        words = twin.words()
        first, *rest = [words[i : i + 500] for i in range(0, len(words), 500)]  # as many as fit a transaction
        what = terms, twin.parameters.pack(), card, first, not rest, salt
        arguments = (owner or self.owner, self.contract.address, *what)
        address = to_checksum_address(implementation.call("create", *arguments, sender=self.owner))
        self.chain.send([implementation.transaction("create", *arguments, sender=self.owner, gas=GAS)])
        if rest:
            model = ContractAt(self.chain, address, implementation.abi)
            calls = [("load", 500 * i, words) for i, words in enumerate(rest, 1)]
            sent = [model.transaction(*call, sender=self.owner, gas=GAS) for call in [*calls, ("seal",)]]
            assert {r["status"] for r in self.chain.send(sent)} == {"0x1"}
        return address

    def perceptron(self, **options):
        return self.model(SparsePerceptron(SparsePerceptronParameters(10, bias_rate=0)), **options)

    def try_(self, function, *arguments, sender, value=0, through=None, gas=GAS):
        """Whether a transaction goes through."""
        to, data = self.contract.address, self.contract.data(function, *arguments)
        if through is not None:
            to, data = through.address, through.data("run", to, data)
        self.sent = Transaction(sender, to, data, value, gas)
        (receipt,) = self.chain.send([self.sent])
        self.gas = int(receipt["gasUsed"], 16)
        return receipt["status"] == "0x1"

    def do(self, function, *arguments, **options):
        assert self.try_(function, *arguments, **options), f"{function}: {self.chain.why(self.sent)}"

    @property
    def block(self):
        return int(self.chain.rpc("eth_blockNumber"), 16)

    def wait(self, seconds):
        self.chain.rpc("evm_increaseTime", seconds)
        self.chain.rpc("evm_mine")

    def view(self, market):
        return self.contract.call("market", market)

    # ---- many steps --------------------------------------------------------------------------------------------------

    def begin(self, model, plan=PLAN, portions=None, provider=None, through=None, extra=ETHER // 4, words=640):
        """From the commitment to the participation, if all words are copied; more ether than needed comes back."""
        provider = provider or self.provider
        portions = portions or [pack_rows([(1, sample(1)), (1, sample(2)), (0, sample(3))] + [(0, sample(4))] * 2)] * 2
        secret = Secret.new(
            portions,
            chain_id=int(self.chain.rpc("eth_chainId"), 16),
            contract=self.contract.address,
            model=model,
            market=self.contract.call("next_market", model),
            provider=provider,
            plan=plan,
        )
        arguments = secret.market, secret.tree.root, plan.astuple()
        self.do("commit", *arguments, sender=provider, value=plan.total + extra, through=through)
        self.chain.rpc("anvil_mine", "0x6")
        self.do("draw", secret.market, sender=self.keeper)
        self.reveal(secret)
        if words > 0:
            self.do("prepare", secret.market, words, bytes(32), sender=self.keeper)
        return secret

    def cancelled(self, model):
        """A market to which nobody contributes."""
        self.close(self.begin(model))

    def reveal(self, secret):
        drawn, phase = self.view(secret.market)[4], self.view(secret.market)[6]
        for index in range(secret.plan.portions):
            if (drawn >> index & 1 == 0) == (phase == 4):
                self.do("reveal", *secret.reveal_arguments(index), sender=self.keeper)

    def left(self, secret):
        """The hidden portions that the scorer does not have yet."""
        view = self.view(secret.market)
        return [i for i in range(view[15], secret.plan.portions) if view[4] >> i & 1 == 0]

    def check(self, secret, rows=256):
        """Hand so many rows, or as many as the scorer takes at once, to it."""
        left, view = self.left(secret), self.view(secret.market)
        in_blocks = view[5] != self.contract.call("scorer_of", "")
        count = portions_for_check([len(secret.portions[i]) for i in left], secret.plan.rows, rows, in_blocks)
        self.do("check", secret.market, *secret.check_arguments(left[:count]), rows, sender=self.keeper)

    def carried(self, secret, last):
        """The blocks of hidden rows that the scorer is to be shown for contributions up to the last."""
        view, portions = self.view(secret.market), secret.portions
        blocks = Blocks([rows for i, rows in enumerate(portions) if view[4] >> i & 1 == 0], secret.plan.rows)
        told = blocks_told(self.contract, view[5], secret.market, 0, self.block)
        for values in told:
            blocks.tell(values)
        return blocks.carried(last, 256) if told else []

    def add(self, who, model, x, y, stake=PLAN.stake):
        """Stake on a sample, with success; what a claim must present."""
        self.do("add_data", model, x, y, sender=who, value=stake)
        facts = int(self.chain.rpc("eth_getLogs", {"address": self.contract.address})[-1]["data"][2:66], 16)
        return who, keccak(x), y, facts >> 8 & 0xFFFF

    def due(self, secret):
        """What is still owed, by the index of the contribution, as anybody finds it."""
        return {payout.stake.index: payout for payout in due_in(self.contract, secret.model, secret.market)}

    def settle(self, secret, sender=None):
        """With what was scored, from events."""
        view, last = self.view(secret.market), int(self.chain.rpc("eth_blockNumber"), 16)
        stakes = stakes_in(self.contract, secret.model, secret.market, view[3], last)
        shown = entries(stakes, errors_in(self.contract, secret.market, view[3], last))
        self.do("settle", secret.market, shown, sender=sender or self.keeper)

    def withdraw(self, secret):
        """A stranger has everything paid that contributors are owed."""
        for payout in self.due(secret).values():
            self.do(*payout.call(secret.market), sender=self.stranger)

    def close(self, secret):
        self.wait(secret.plan.participation_time)
        self.do("close", secret.market, sender=self.keeper)

    def score(self, secret, claims, samples):
        """Reveal the rest, check, and score all."""
        self.reveal(secret)
        while self.view(secret.market)[6] == 4:
            self.check(secret)
        self.score_all(secret, claims, samples)

    def score_all(self, secret, claims, samples):
        given = [(who, x, y, effect) for (who, _, y, effect), x in zip(claims, samples, strict=True)]
        for index, contribution in enumerate(given, 1):
            beside = around(given, index, index)
            packed = pack_contribution(*contribution)
            while self.view(secret.market)[9] < index:
                carried = self.carried(secret, index)
                self.do("score_many", secret.market, index, packed, 256, *beside, carried, sender=self.keeper)

    def finish(self, secret, claims, samples):
        self.close(secret)
        self.score(secret, claims, samples)
        self.settle(secret)


@pytest.fixture(scope="module")
def chain():
    with local_chain() as chain:
        yield chain


@pytest.fixture
def game(chain, project):
    return Game(chain, project)


# ---- somebody else's money -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["settled", "cancelled"])
def test_aliased_record__index_that_leads_into_the_next_market__pays_nothing(game, ended):
    model = game.perceptron()
    game.cancelled(model)  # so that the victims' market has an even number: its id | 1 is the next market's
    plan = PLAN if ended == "settled" else replace(PLAN, min_contributions=5)
    victims = game.begin(model, plan)
    xs = [sample(1), sample(2)]
    claims = [game.add(game.contributor, model, x, 1) for x in xs]
    if ended == "settled":
        game.finish(victims, claims, xs)
    else:
        game.close(victims)
    # the next market's stake is tiny, but its records are paid by the market before
    cheap = replace(PLAN, stake=1_000, rounds=1, bond=ETHER // 4)
    own = game.begin(model, cheap, provider=game.attacker)
    loot = [(sample(5), 1), (sample(5), 0)]
    stolen = [game.add(game.attacker, model, x, y, stake=1_000) for x, y in loot]
    if ended == "settled":
        game.finish(own, stolen, [x for x, _ in loot])
    before = game.chain.balance(game.attacker)
    for number, claim in enumerate(stolen, 1):
        for market, index in product(
            (victims.market, victims.market - 1, victims.market - 2**32),
            (number, 2**16 + number, 2**17 + number, 2**48 + 2**16 + number, 2**240 + number, 2**256 - 2**16 + number),
        ):
            if market > 0:
                game.try_("withdraw_stake", market % 2**256, index, claim[0], *claim, *ALONE, sender=game.attacker)
        for market in (victims.market, victims.market - 1):
            for payout in game.due(own).values():
                assert not game.try_("withdraw", market, payout.packed, sender=game.attacker)
    assert game.chain.balance(game.attacker) == before
    game.withdraw(victims)
    assert game.contract.call("held", victims.market)[1] == 0


def test_deleted_record__by_an_older_market_of_one_s_own__is_still_there_to_be_scored(game):
    model = game.perceptron()
    game.cancelled(model)  # so that the older market has an even number: its id | 1 is the next market's
    older = game.begin(model, replace(PLAN, stake=10, bond=ETHER // 4), provider=game.attacker)
    claim = game.add(game.attacker, model, sample(6), 1, stake=10)
    game.finish(older, [claim], [sample(6)])
    running = game.begin(model)
    xs = [sample(1), sample(6), sample(2)]
    claims = [
        game.add(who, model, x, y)
        for who, x, y in zip([game.contributor, game.attacker, game.contributor], xs, [1, 0, 1], strict=True)
    ]
    for index in (2, 2**16 + 2, 2**32 + 2, 2**255 + 2):
        game.try_("withdraw_stake", older.market, index, claims[1][0], *claims[1], *ALONE, sender=game.attacker)
    for payout in game.due(older).values():
        game.try_("withdraw", running.market, payout.packed, sender=game.attacker)
    game.close(running)
    game.score(running, claims, xs)
    game.settle(running)
    assert game.view(running.market)[6] == SETTLED
    owed = [payout.amount for payout in game.due(running).values()]
    # an equal share of the bounty was the loot; who brought no improvement gets none of it
    assert owed[0] + owed[2] > 2 * PLAN.stake
    assert owed[1] <= PLAN.stake


@pytest.mark.parametrize(
    "function", ["withdraw_stake", "withdraw", "score_many", "reveal", "check", "held", "market", "settle"]
)
def test_aliased_record__whatever_is_no_market_no_index_no_portion__refused(game, function):
    model = game.perceptron()
    game.cancelled(model)
    first = game.begin(model, replace(PLAN, min_contributions=2))
    claim = game.add(game.contributor, model, sample(1), 1)
    game.close(first)  # cancelled, the stake waits
    second = game.begin(model)
    game.add(game.contributor, model, sample(2), 1)
    if function in ("reveal", "check"):
        game.close(second)
    hidden = 1 - (game.view(second.market)[4] >> 1)  # the other one was drawn
    if function == "check":
        game.reveal(second)
    number = first.market & 2**32 - 1
    markets = [first.market, second.market]
    strange = [0, 1, number, second.market + 1, first.market - 2, first.market | 1 << 192, first.market | 1 << 255]
    strange += [first.market << 16, first.market << 16 | 1, first.market >> 32, 2**256 - 1, int(model, 16)]
    indices = [0, 1, 2, 3, 255, 256, 2**16 - 1, 2**16, 2**16 + 1, 2**17 + 1, 2**32 + 1, 2**128, 2**255, 2**256 - 1]
    rest = {
        "withdraw_stake": (claim[0], *claim, *ALONE),
        "withdraw": (pack_withdrawal(claim[0], PLAN.stake, 1, []),),
        "score_many": (pack_contribution(claim[0], sample(1), 1, claim[3]), 5, *ALONE, []),
        "settle": (pack_entries([[(claim[0], 0)]]),),
        "reveal": second.reveal_arguments(hidden)[2:],
        "check": (*second.check_arguments([hidden]), 5),
    }.get(function, ())
    one = {"withdraw_stake", "score_many", "reveal"}
    calls = [(m, i, *rest) if function in one else (m, *rest) for m in markets + strange for i in indices]
    right = {
        "withdraw_stake": {(first.market, 1)},
        "withdraw": set(),
        "reveal": {(second.market, hidden)},
        "check": {(second.market,)},
        "score_many": set(),
        "settle": set(),
    }.get(function, {(m,) for m in markets})
    for call in calls:
        data = "0x" + game.contract.data(function, *call).hex()
        request = {"from": game.stranger, "to": game.contract.address, "data": data, "gas": hex(GAS)}
        try:
            game.chain.rpc("eth_call", request, "latest")
            succeeded = True
        except RpcError:
            succeeded = False
        assert succeeded == (call[:2] in right or call[:1] in right), call


def test_forged_contribution__behind_as_many_as_a_call_takes__refused(game):
    """A call takes 256, and the last group must be shown to be what was contributed although more follow."""
    model = game.perceptron()
    count = 258
    plan = replace(PLAN, stake=10**6, max_contributions=count)
    secret = game.begin(model, plan)
    receipts = game.chain.send(
        game.contract.transaction("add_data", model, sample(1), 1 - i % 2, sender=game.contributor, value=plan.stake)
        for i in range(count)
    )
    assert {r["status"] for r in receipts} == {"0x1"}
    assert game.view(secret.market)[8] == count
    game.do("close", secret.market, sender=game.keeper)
    game.reveal(secret)
    game.check(secret)
    given = [s.given for s in stakes_in(game.contract, model, secret.market, 0, game.block)]
    one = 1, pack_contribution(*given[0]), 256, *around(given, 1, 1), game.carried(secret, 1)
    game.do("score_many", secret.market, *one, sender=game.keeper)
    forged = (game.attacker, *given[256][1:])
    # from the second on: the groups end at 16, 32, ..., 256, and the 257th is the first of the next
    for more in ([forged], [forged, given[257]], [given[256], (game.attacker, *given[257][1:])]):
        packed = b"".join(pack_contribution(*c) for c in [*given[1:256], *more])
        for beside in (around(given, 2, 256), around(given, 2, 257), around(given, 2, 258)):
            arguments = 2, packed, 256, *beside, game.carried(secret, 257)
            assert not game.try_("score_many", secret.market, *arguments, sender=game.attacker)
    packed = b"".join(pack_contribution(*c) for c in given[1:257])
    arguments = 2, packed, 256, *around(given, 2, 257), game.carried(secret, 257)
    game.do("score_many", secret.market, *arguments, sender=game.keeper)
    assert game.view(secret.market)[9] == 257


# ---- rows that nobody committed to -----------------------------------------------------------------------------------

FIVE = replace(PLAN, portions=5, drawn=2, fee=ETHER // 100)


def word(number):
    return number.to_bytes(32, "big")


def bare(size):
    """The number of a word, and that of words that make no sense beside it."""
    return [bytes(32), word(size), word(0)]


@pytest.fixture(params=["by evaluating", "in blocks"])
def five(request, game):
    """A market with 2 contributions and 3 hidden portions of 5 rows; its secret, claims, and an older one's secret."""
    if request.param == "by evaluating":
        game.contract = deploy(game.chain, game.owner, "PredictionMarket", needs=EVALUATING)
    model = game.perceptron()
    # all of other lengths, and each with other rows
    portions = [
        pack_rows([((i + j) % 2, sample(*range(j, j + 1 + (i if j == 0 else 0)))) for j in range(5)]) for i in range(5)
    ]
    older = game.begin(model, FIVE, portions)
    claim = game.add(game.contributor, model, sample(1), 1)
    game.finish(older, [claim], [sample(1)])
    game.withdraw(older)
    secret = game.begin(model, FIVE, portions)
    claims = [game.add(game.contributor, model, sample(2), 1), game.add(game.contributor, model, sample(3), 1)]
    game.close(secret)
    return secret, claims, older


def wrongly_shown(secret, hidden, drawn, older):
    """What is not to be shown instead of the portions `hidden`: what is wrong with it, rows, and what stands beside."""
    a, b, c = hidden
    rows, beside = secret.check_arguments(hidden)
    (first, second, third) = (secret.portions[i] for i in hidden)
    proof = secret.tree.proof(a)
    head, tail = beside[:3], beside[3 + len(proof) :]
    for name, indices in {
        "not the first": [b],
        "without the first": [b, c],
        "without the second": [a, c],
        "another order": [a, c, b],
        "backwards": [c, b, a],
        "one twice": [a, a, b, c],
        "the last twice": [a, b, c, c],
        "all twice": [*hidden, *hidden],
        "the first once more": [*hidden, a],
        "a drawn one": [drawn[0]],
        "a drawn one before": [drawn[0], *hidden],
        "a drawn one between": [a, drawn[0], b, c],
        "a drawn one behind": [*hidden, drawn[1]],
        "all": range(5),
        "the drawn ones": drawn,
    }.items():
        yield name, *secret.check_arguments(indices)
    yield "an older market's", *older.check_arguments(hidden)
    yield "an older market's beside", rows, older.check_arguments(hidden)[1]
    yield "an older market's salt", rows, [older.salts[a], *beside[1:]]
    yield "rows of another", second + second + third, beside
    yield "rows of the next first", second + first + third, beside
    yield "a row that changed", bytes([rows[0] ^ 1]) + rows[1:], beside
    yield "the last byte changed", rows[:-1] + bytes([rows[-1] ^ 1]), beside
    yield "a row less", rows[:-5], beside
    yield "a byte less", rows[:-1], beside
    yield "a byte more", rows + b"\0", beside
    yield "a row more", rows + rows[:5], beside
    yield "a portion more", rows + first, beside
    yield "rows and nothing beside", rows, []
    yield "nothing, and all beside", b"", beside
    for length in range(1, len(beside)):
        yield f"cut off beside after {length}", rows, beside[:length]
    for length in (1, 2, 3, 4, 8, 12):
        yield f"{length} words more", rows, [*beside, *[bytes(32)] * length]
    yield "the salt of another", rows, [tail[0], *beside[1:]]
    yield "no salt", rows, [bytes(32), *beside[1:]]
    size = len(first)
    for other in (0, 1, size - 1, size + 1, size + len(second), len(rows), len(rows) + 1, 32_768, 32_769, 2**16 + size):
        yield f"the size {other}", rows, [head[0], word(other), *beside[2:]]
    for other in (2**128 + size, 2**255, 2**255 + size, 2**256 - size, 2**256 - 32, 2**256 - 1):
        yield f"the size {other}", rows, [head[0], word(other), *beside[2:]]
        # behind a right one, so that what was read and the size may be more than a word holds
        at = 3 + len(proof) + 1
        yield f"the second size {other}", rows, [*beside[:at], word(other), *beside[at + 1 :]]
    yield (
        "a byte of another",
        rows,
        [head[0], word(size + 1), *beside[2 : len(proof) + 3], tail[0], word(len(second) - 1), *tail[2:]],
    )
    for length in (0, 1, len(proof) - 1, len(proof) + 1, 8, 9, 255, 2**16, 2**255, 2**256 - 1, 2**256 - 3):
        if length != len(proof):
            yield f"the proof's length {length}", rows, [*head[:2], word(length), *beside[3:]]
    for length in (len(proof) + 1, 8, 9, 10, 256):
        yield f"a proof of {length}", rows, [*head[:2], word(length), *[*proof, *[bytes(32)] * 256][:length], *tail]
    yield "no proof", rows, [*head[:2], word(0), *tail]
    yield "a proof that is shorter", rows, [*head[:2], word(len(proof) - 1), *proof[1:], *tail]
    for i in range(len(proof)):
        changed = [*proof[:i], word(int.from_bytes(proof[i], "big") ^ 1), *proof[i + 1 :]]
        yield f"another word {i} of the proof", rows, [*head, *changed, *tail]
    yield "the proof's words the other way round", rows, [*head, *proof[::-1], *tail]
    yield "the proof of another", rows, [*head, *secret.tree.proof(b)[: len(proof)], *tail]
    yield "portions without rows first", rows, [*bare(0), *beside]
    yield "portions without rows behind", rows, [*beside, *bare(0)]
    yield "256 portions without rows", b"", bare(0) * 256
    yield "257 portions without rows", b"", bare(0) * 257
    yield "more rows than are taken", rows + bytes(32_769 - len(rows)), beside
    yield "as many rows as are taken", rows + bytes(32_768 - len(rows)), beside
    yield "more words than are taken", rows, [*beside, *[bytes(32)] * 2_816]


def test_rows_that_nobody_committed_to__whatever_is_shown_instead__refused_and_pays_nobody(game, five):
    secret, claims, older = five
    hidden = game.left(secret)
    drawn = [i for i in range(5) if i not in hidden]
    assert (len(hidden), len(drawn)) == (3, 2)
    right = (*secret.check_arguments(hidden), 256)

    def everything():
        accounts = game.contract.address, game.attacker, game.provider, game.keeper, game.contributor
        held = game.contract.call("held", secret.market)
        return game.view(secret.market), held, [game.chain.balance(account) for account in accounts]

    for i in hidden:  # not before all is revealed
        assert not game.try_("check", secret.market, *right, sender=game.attacker)
        game.do("reveal", *secret.reveal_arguments(i), sender=game.keeper)
    before = everything()
    names = set()
    for name, rows, beside in wrongly_shown(secret, hidden, drawn, older):
        names.add(name)
        for limit in (256, 2**256 - 1):
            assert not game.try_("check", secret.market, rows, beside, limit, sender=game.attacker), name
        assert everything() == before, name
    assert len(names) > 80
    for market in (older.market, secret.market + 1, 0, 2**256 - 1):
        assert not game.try_("check", market, *right, sender=game.attacker)
    assert not game.try_("check", secret.market, b"", [], 256, sender=game.attacker)
    assert everything() == before
    # the right ones are as good as ever, and pay who shows them for each row, once
    game.do("check", secret.market, *right, sender=game.stranger)
    view = game.view(secret.market)
    assert (view[6], view[15]) == (5, hidden[-1] + 1)
    fee = FIVE.fee // (FIVE.hidden_rows + 4)
    assert sum(before[1]) - sum(game.contract.call("held", secret.market)) == fee * FIVE.hidden_rows
    twin = SparsePerceptron(SparsePerceptronParameters(10, bias_rate=0))
    twin.update(sample(1), 1)
    assert view[13] == twin.evaluate(right[0])
    assert not game.try_("check", secret.market, *right, sender=game.stranger)
    game.score_all(secret, claims, [sample(2), sample(3)])
    game.settle(secret)
    game.withdraw(secret)
    game.do("withdraw_rest", secret.market, sender=game.keeper)
    assert game.contract.call("held", secret.market) == (0, 0)


@pytest.mark.parametrize("five", ["by evaluating"], indirect=True)
def test_rows_that_nobody_committed_to__behind_those_that_were_handed_over__refused_and_pays_nobody(game, five):
    """What was taken once is neither taken nor paid again, and what comes next is not what comes after it."""
    secret, _, _ = five
    hidden = game.left(secret)
    game.reveal(secret)
    drawn = [i for i in range(5) if i not in hidden]
    for step in range(1, 3):
        game.do("check", secret.market, *secret.check_arguments(hidden[step - 1 : step]), 256, sender=game.keeper)
        before = game.view(secret.market), game.chain.balance(game.contract.address)
        assert before[0][15] == hidden[step - 1] + 1
        for again in (hidden, hidden[:step], hidden[step - 1 :], hidden[step - 1 : step], drawn, hidden[:0]):
            assert not game.try_("check", secret.market, *secret.check_arguments(again), 256, sender=game.attacker)
            assert (game.view(secret.market), game.chain.balance(game.contract.address)) == before
    game.check(secret)
    assert game.view(secret.market)[6] == 5


# ---- what cannot be scored -------------------------------------------------------------------------------------------


def test_too_dear_to_score__classes_filled_after_the_check__is_scored_row_by_row(game):
    n, classes, rows, unit = 64, 26, 240, 100
    rng = np.random.default_rng(0)

    def direction():
        v = rng.normal(size=n)
        return np.rint(v / np.linalg.norm(v) * unit).astype(np.int8)

    centres = [direction() for _ in range(2)]
    sums = np.zeros((classes, n), np.int64)
    sums[:2] = [10 * c.astype(np.int64) for c in centres]
    twin = NearestCentroid(NearestCentroidParameters(n, unit, room=classes), sums, [10, 10] + [0] * (classes - 2))
    model = game.model(twin)
    portions = [pack_rows([(i % 2, centres[i % 2].tobytes()) for i in range(rows)])] * 2
    secret = game.begin(model, replace(PLAN, rows=rows, max_contributions=30), portions)
    honest = game.add(game.contributor, model, centres[0].tobytes(), 0)
    xs = [centres[0].tobytes()]
    claims = [honest]
    for y in range(2, classes):
        xs.append(direction().tobytes())
        claims.append(game.add(game.attacker, model, xs[-1], y))
    game.close(secret)
    game.reveal(secret)
    game.check(secret, 2**16 - 1)
    size = 2**16 - 1
    while game.view(secret.market)[6] == 5:
        index = game.view(secret.market)[9]
        who, _, y, effect = claims[index]
        packed = pack_contribution(who, xs[index], y, effect)
        beside = around([(c[0], x, *c[2:]) for c, x in zip(claims, xs, strict=True)], index + 1, index + 1)
        if not game.try_("score_many", secret.market, index + 1, packed, size, *beside, [], sender=game.keeper):
            size = min(size, 256) // 2
            assert size > 0, f"contribution {index + 1} cannot be scored"
    game.settle(secret)
    assert game.view(secret.market)[6] == SETTLED
    before = game.chain.balance(game.attacker)
    game.withdraw(secret)
    # with nothing that helped the model nobody is paid more than what they staked
    assert game.chain.balance(game.attacker) - before <= (classes - 2) * PLAN.stake


def test_too_dear_to_score__nobody_goes_on__no_share_for_what_was_not_scored(game):
    model = game.perceptron()
    secret = game.begin(model)
    xs = [sample(1), sample(7)]
    claims = [game.add(game.contributor, model, xs[0], 1), game.add(game.attacker, model, xs[1], 1)]
    game.close(secret)
    game.reveal(secret)
    game.check(secret)
    packed = pack_contribution(claims[0][0], xs[0], 1, claims[0][3])
    beside = around([(c[0], x, *c[2:]) for c, x in zip(claims, xs, strict=True)], 1, 1)
    game.do("score_many", secret.market, 1, packed, 256, *beside, game.carried(secret, 1), sender=game.keeper)
    game.wait(PLAN.score_time)
    game.do("expire", secret.market, sender=game.attacker)
    game.settle(secret, sender=game.attacker)
    owed = [payout.amount for payout in game.due(secret).values()]
    assert owed[1] == PLAN.stake
    assert owed[0] > PLAN.stake  # what was scored earned what it would have earned


# ---- junk, poison ----------------------------------------------------------------------------------------------------


def test_paid_junk__samples_that_change_nothing__cost_their_sender_and_take_no_place(game):
    model = game.perceptron()
    plan = replace(PLAN, max_contributions=2, fee=ETHER // 100)
    secret = game.begin(model, plan)
    before = game.chain.balance(game.attacker)
    for i in range(10):
        game.try_("add_data", model, sample(i), 0, sender=game.attacker, value=PLAN.stake)
    assert game.chain.balance(game.attacker) == before  # gas is free here
    assert game.view(secret.market)[8] == 0
    xs = [sample(1), sample(2)]
    claims = [game.add(game.contributor, model, x, 1) for x in xs]
    game.finish(secret, claims, xs)
    # nobody was paid for junk: the provider has all that was set aside for what was not contributed
    fees = plan.total - PLAN.bounty - PLAN.bond
    assert fees == 3 * plan.fee  # for two contributions, and for checking the rows


@pytest.mark.parametrize("way", ["cancelled", "settled", "void"])
def test_poisoned_for_nothing__by_a_market_of_one_s_own__has_a_price_that_does_not_come_back(game, way):
    model = game.perceptron()
    before = sum(game.chain.balance(a) for a in (game.attacker, game.accomplice))
    plan = replace(PLAN, min_contributions=20 if way == "cancelled" else 1)
    if way == "void":
        arguments = game.contract.call("next_market", model), bytes(32), plan.astuple()
        game.do("commit", *arguments, sender=game.attacker, value=plan.total + ETHER // 4)
        market = arguments[0]
        game.chain.rpc("anvil_mine", hex(5))
        game.do("draw", market, sender=game.attacker)
        game.wait(plan.reveal_time)
        game.do("expire", market, sender=game.accomplice)
        claims = []
    else:
        secret = game.begin(model, plan, provider=game.attacker)
        market, xs = secret.market, [sample(8), sample(9)]
        claims = [game.add(game.accomplice, model, x, 1) for x in xs]
        if way == "settled":
            game.finish(secret, claims, xs)
        else:
            game.close(secret)
            assert game.view(market)[6] == CANCELLED
    if claims:
        game.withdraw(secret)
    game.do("withdraw_rest", market, sender=game.attacker)
    after = sum(game.chain.balance(a) for a in (game.attacker, game.accomplice))
    assert game.contract.call("held", market) == (0, 0)
    assert before - after >= ETHER // 4


def test_poisoned_for_nothing__on_the_usual_terms__only_the_owner_opens_markets(game):
    model = game.perceptron(terms=DefaultTerms().terms.encode())
    arguments = game.contract.call("next_market", model), bytes(32), replace(PLAN, score_time=7 * DAY).astuple()
    assert not game.try_("commit", *arguments, sender=game.attacker, value=PLAN.total + ETHER)
    game.do("commit", *arguments, sender=game.owner, value=PLAN.total)


# ---- payments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manner", [REFUSING, BURNING, BOMBING])
def test_payments__to_who_refuses_burns_or_bombs__neither_stop_nor_make_dear_what_others_do(game, project, manner):
    payee = deploy(game.chain, game.attacker, "BadPayee")

    def behave(manner):
        game.chain.send([Transaction(game.attacker, payee.address, payee.data("set_manner", manner))])

    # it owns the model, provides a market on it, and contributes
    model = game.perceptron(owner=payee.address)
    secret = game.begin(model, through=payee, extra=0)
    xs = [sample(1), sample(2)]
    data = game.contract.data("add_data", model, xs[0], 1)
    run = Transaction(game.attacker, payee.address, payee.data("run", game.contract.address, data), PLAN.stake, GAS)
    assert game.chain.send([run])[0]["status"] == "0x1"
    facts = int(game.chain.rpc("eth_getLogs", {"address": game.contract.address})[-1]["data"][2:66], 16)
    claims = [(payee.address, keccak(xs[0]), 1, facts >> 8 & 0xFFFF), game.add(game.contributor, model, xs[1], 1)]
    behave(manner)
    stranger = game.begin(game.perceptron(owner=payee.address))  # pays the owner
    assert game.contract.call("credit_of", payee.address) == ETHER // 4
    game.finish(secret, claims, xs)
    game.do("close", stranger.market, sender=game.keeper)
    game.do("withdraw_rest", stranger.market, sender=game.keeper)
    payouts = game.due(secret)
    owed = payouts[1].amount
    rest = game.contract.call("held", secret.market)[0]
    for call in (payouts[1].call(secret.market), ("withdraw_rest", secret.market)):
        game.do(*call, sender=game.keeper)
        assert game.gas < 200_000
    game.do(*payouts[2].call(secret.market), sender=game.keeper)
    due = owed + rest + ETHER // 4
    assert game.contract.call("credit_of", payee.address) == due
    assert game.chain.balance(game.contract.address) == due
    # nobody else fetches it, and what was credited is there when it is wanted
    assert not game.try_("fetch", sender=game.stranger)
    behave(0)
    game.do("fetch", sender=game.attacker, through=payee)
    assert game.chain.balance(payee.address) == due
    assert game.chain.balance(game.contract.address) == 0


def test_payments__caller_brings_too_little_gas__no_payment_is_made_to_fail(game, project):
    wallet = deploy(game.chain, game.contributor, "ContractWallet")
    model = game.perceptron()
    secret = game.begin(model, replace(PLAN, min_contributions=5))
    data = game.contract.data("add_data", model, sample(1), 1)
    run = Transaction(
        game.contributor, wallet.address, wallet.data("run", game.contract.address, data), PLAN.stake, GAS
    )
    assert game.chain.send([run])[0]["status"] == "0x1"
    facts = int(game.chain.rpc("eth_getLogs", {"address": game.contract.address})[-1]["data"][2:66], 16)
    game.close(secret)
    claim = wallet.address, keccak(sample(1)), 1, facts >> 8 & 0xFFFF
    for gas in range(40_000, 200_000, 4_000):
        if game.try_("withdraw_stake", secret.market, 1, claim[0], *claim, *ALONE, sender=game.attacker, gas=gas):
            break
    # the first limit that is enough pays it: a wallet that logs and forwards is not credited instead
    assert game.chain.balance(wallet.address) == PLAN.stake
    assert game.contract.call("credit_of", wallet.address) == 0


@pytest.mark.parametrize("needs", [NEEDS["PredictionMarket"], EVALUATING], ids=["in blocks", "by evaluating"])
def test_too_dear_to_score__portions_of_the_greatest_size__are_scored_whole(game, needs):
    """Where rows are taken in blocks, a portion is shown beside the next one: together as much as is taken at all."""
    game.contract = deploy(game.chain, game.owner, "PredictionMarket", needs=needs)
    model = game.model(SparsePerceptron(SparsePerceptronParameters(1_100, bias_rate=0)))
    portion = pack_rows([(1, sample(*range(1_023)))] * 7 + [(1, sample(*range(1_019)))])
    assert len(portion) == 16_384
    secret = game.begin(model, replace(PLAN, rows=8, portions=4), [portion] * 4)
    claims = [game.add(game.contributor, model, sample(1), 1)]

    game.finish(secret, claims, [sample(1)])

    assert game.view(secret.market)[6] == SETTLED


@pytest.mark.parametrize(("n_features", "room"), [(85, 248), (576, 8), (1_424, 4)])
def test_too_dear_to_score__longest_sample_with_all_new_words__is_replayed(game, n_features, room):
    """A scorer stands between a market and the copy that learns, so replaying needs 2% more than adding.

    Dearest is naive Bayes where it asks itself before it learns (margin), with the class that learns empty, and counts
    of the others so high that each factor makes the product too large.
    """
    parameters = NaiveBayesParameters(n_features, room, alpha=2**32 - 1, margin=2**16 - 1)
    last, full = room - 1, 2**32 - 2
    counts = np.zeros((room, n_features), int)
    if room > 4:
        counts[: last // 8 * 8] = full  # but for those in the words that are to be new
    else:
        counts[:last, :192] = full
    twin = NaiveBayes(parameters, counts, [full] * last + [0])
    model = game.model(twin)
    longest = np.linspace(0, n_features - 1, parameters.longest).astype(">u2").tobytes()
    row = pack_rows([(last, longest)])
    secret = game.begin(model, replace(PLAN, rows=1), [row] * 2, words=0)
    while game.view(secret.market)[6] == 2:
        game.do("prepare", secret.market, 500, bytes(32), sender=game.keeper)
    xs = [longest, *(sample(i) for i in range(15))]  # as many as are shown together
    claims = [game.add(game.attacker, model, x, last) for x in xs]
    game.close(secret)
    game.reveal(secret)
    game.check(secret, 1)
    given = [(who, x, y, effect) for (who, _, y, effect), x in zip(claims, xs, strict=True)]

    packed, beside = pack_contribution(*given[0]), around(given, 1, 1)
    game.do("score_many", secret.market, 1, packed, 0, *beside, [], sender=game.keeper)
    game.do("score_many", secret.market, 1, packed, 1, *beside, [], sender=game.keeper)

    assert game.view(secret.market)[9] == 1


@pytest.mark.parametrize("n_features", [10_236, 65_532])
def test_too_dear_to_score__longest_sample_of_new_words_by_levels__is_scored_a_block_at_a_time(game, n_features):
    """Each word of the sample has a level to write down, and the first block leaves all of them to the second."""
    parameters = LevelPerceptronParameters(n_features, margin=2**32 - 1)
    twin = LevelPerceptron(parameters)
    model = game.model(twin)
    longest = np.linspace(0, n_features - 1, parameters.longest).astype(">u2").tobytes()
    rows = pack_rows([(i % 2, np.sort(np.arange(29) * 300 + i).astype(">u2").tobytes()) for i in range(250)])
    secret = game.begin(model, replace(PLAN, rows=250, portions=3, drawn=1), [rows] * 3, words=0)
    while game.view(secret.market)[6] == 2:
        game.do("prepare", secret.market, 500, bytes(32), sender=game.keeper)
    claims = [game.add(game.attacker, model, longest, 1)]
    game.close(secret)
    game.reveal(secret)
    while game.view(secret.market)[6] == 4:
        game.check(secret, 1)
    given = [(who, longest, y, effect) for who, _, y, effect in claims]
    packed, beside = pack_contribution(*given[0]), around(given, 1, 1)

    for _ in range(2):
        game.do("score_many", secret.market, 1, packed, 1, *beside, game.carried(secret, 1), sender=game.keeper)

    twin.update(longest, 1)
    view = game.view(secret.market)
    assert (view[9], view[14]) == (1, 2 * twin.evaluate(rows))


# ---- replicas --------------------------------------------------------------------------------------------------------


def halfway(game, plan=PLAN):
    """A market whose replica has the first of its model's words; its secret and the replica.

    Its contract has no scorer that does without replicas.
    """
    game.contract = deploy(game.chain, game.owner, "PredictionMarket", needs=EVALUATING)
    model = game.model(TWIN)
    secret = game.begin(model, plan, words=1)
    scorer = ContractAt(game.chain, game.view(secret.market)[5], artifact("EvaluatingScorer").abi)
    return secret, scorer.call("replica", game.contract.address, secret.market)


@pytest.mark.parametrize("state", [[], [0]], ids=["sealed half empty", "written over"])
def test_borrowed_replica__of_a_market_that_is_being_prepared__stays_what_it_was(game, state):
    """The attacker's model names another market's replica as its own, which would be loaded and sealed for both."""
    victim, replica = halfway(game)
    mock = deploy(game.chain, game.attacker, "ModelMock")
    biased = (1_000 << 192) + int.from_bytes((2_000).to_bytes(2, "big") * 12, "big")  # bias and weights
    for function, *arguments in (
        ("set_owner", game.attacker),
        ("set_replica", replica, [biased, *state]),
        ("open", game.contract.address, ANYONE),
    ):
        game.chain.send([mock.transaction(function, *arguments, sender=game.attacker)])
    own = game.begin(mock.address, provider=game.attacker, words=0)

    stolen = game.try_("prepare", own.market, 1, bytes(32), sender=game.attacker)

    assert not stolen
    assert "replica of another market" in game.chain.why(game.sent)
    game.do("prepare", victim.market, 640, bytes(32), sender=game.keeper)
    copy = ContractAt(game.chain, replica, artifact("SparsePerceptron").abi)
    assert list(copy.call("words", 0, 4)) == TWIN.words()


def test_borrowed_replica__that_is_not_there_yet__cannot_be_taken_before(game):
    """Who prepares shows the salt, so the attacker knows the next replica's address, and their model names it first."""
    game.contract = deploy(game.chain, game.owner, "PredictionMarket", needs=EVALUATING)
    victim = game.begin(game.model(TWIN), words=0)
    mock = deploy(game.chain, game.attacker, "ModelMock")
    game.chain.send([mock.transaction("set_owner", game.attacker, sender=game.attacker)])
    game.chain.send([mock.transaction("open", game.contract.address, ANYONE, sender=game.attacker)])
    own = game.begin(mock.address, provider=game.attacker, words=0)
    prepare = victim.market, 640, bytes(32)

    def replica():
        scorer = ContractAt(game.chain, game.view(victim.market)[5], artifact("EvaluatingScorer").abi)
        return scorer.call("replica", game.contract.address, victim.market)

    snapshot = game.chain.rpc("evm_snapshot")
    game.do("prepare", *prepare, sender=game.keeper)
    foreseen = replica()
    game.chain.rpc("evm_revert", snapshot)
    game.chain.send([mock.transaction("set_replica", foreseen, [1], sender=game.attacker)])

    assert not game.try_("prepare", own.market, 1, bytes(32), sender=game.attacker)
    game.do("prepare", *prepare, sender=game.keeper)
    assert replica() == foreseen


# ---- promises --------------------------------------------------------------------------------------------------------


def test_held__at_every_moment__is_what_the_contract_has(game):
    model = game.perceptron()
    secret = game.begin(model)

    def check():
        assert sum(game.contract.call("held", secret.market)) == game.chain.balance(game.contract.address)

    check()
    xs = [sample(1), sample(2)]
    claims = []
    for x in xs:
        claims.append(game.add(game.contributor, model, x, 1))
        check()
    game.close(secret)
    check()
    game.score(secret, claims, xs)
    check()
    game.settle(secret)
    check()
    for payout in game.due(secret).values():
        game.do("withdraw", secret.market, payout.packed, sender=game.keeper)
        check()
