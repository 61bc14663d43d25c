"""Random settlements on chain against the twin's: whole markets, many at a time."""

import random

import pytest
from eth_utils import keccak

from comodels.artifacts import deploy
from comodels.chain.local import local_chain
from comodels.incentives.blocks import Blocks
from comodels.incentives.prediction_market import Plan
from comodels.incentives.settlement import settle
from comodels.market import blocks_told
from comodels.market_secret import Secret
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.payouts import due_in, errors_in
from comodels.rows import pack_rows
from comodels.wire import pack_contribution, pack_entries
from tests.mirror import ANY

MARKETS = 200
GAS = 3_000_000


def sample(indices):
    return b"".join(i.to_bytes(2, "big") for i in sorted(indices))


@pytest.fixture
def rpc():
    with local_chain() as chain:
        yield chain


def test_settle__random_markets__contract_and_twin_agree(rpc, project):
    # Row i is class 1 and has feature i alone, so it is right while weight i is above 0. The margin is so large that
    # every contribution moves its weights: up for class 1, down for class 0. That walks the errors up and down.
    rng = random.Random(5)
    owner, provider, keeper, contributor = rpc.accounts[:4]
    contract = deploy(rpc, owner, "PredictionMarket")
    implementation = deploy(rpc, owner, "SparsePerceptron")
    chain_id = int(rpc.rpc("eth_chainId"), 16)
    sent = []

    def send(transactions):
        receipts = rpc.send(transactions)
        assert {r["status"] for r in receipts} == {"0x1"}
        sent.extend(receipts)

    def call(function, *arguments, sender=keeper, value=0):
        return contract.transaction(function, *arguments, sender=sender, value=value, gas=GAS)

    markets = []
    creations = []
    for number in range(MARKETS):
        rows = rng.randint(1, 8)
        parameters = SparsePerceptronParameters(rows, bias_rate=0, margin=2**31)
        twin = SparsePerceptron(parameters, [rng.randint(0, 1) for _ in range(rows)])
        arguments = (
            provider,
            contract.address,
            ANY.encode(),
            parameters.pack(),
            b"\x00" * 5,
            twin.words(),
            True,
            keccak(b"settlement" + bytes([number])),
        )
        creations.append(arguments)
        count = rng.randint(1, 6)
        contributions = [
            (sample(rng.sample(range(rows), rng.randint(1, min(rows, 3)))), rng.randint(0, 1)) for _ in range(count)
        ]
        plan = Plan(rng.randint(1, 10**18), rng.choice((1, 2, 3, 10, 1_000)), 5, 7, 2, 1, rows, 1, count)
        markets.append((twin, rows, contributions, plan))
    addresses = implementation.call_many("create", creations, sender=owner)
    send([implementation.transaction("create", *c, sender=owner, gas=GAS) for c in creations])

    secrets = []
    for address, (_, rows, _, plan) in zip(addresses, markets, strict=True):
        portion = pack_rows([(1, sample([i])) for i in range(rows)])
        secrets.append(
            Secret.new(
                [portion, portion],
                chain_id=chain_id,
                contract=contract.address,
                model=address,
                market=int(address, 16) << 32 | 1,
                provider=provider,
                plan=plan,
            )
        )
    send(
        [call("commit", s.market, s.tree.root, s.plan.astuple(), sender=provider, value=s.plan.total) for s in secrets]
    )
    rpc.rpc("anvil_mine", "0x6")
    send([call("draw", s.market) for s in secrets])
    drawn = [m[4].bit_length() - 1 for m in contract.call_many("market", [(s.market,) for s in secrets])]
    send([call("reveal", *s.reveal_arguments(i)) for s, i in zip(secrets, drawn, strict=True)])
    send([call("prepare", s.market, 10, bytes(32)) for s in secrets])
    send(
        [
            call("add_data", s.model, x, y, sender=contributor, value=s.plan.stake)
            for s, (_, _, contributions, _) in zip(secrets, markets, strict=True)
            for x, y in contributions
        ]
    )
    send([call("close", s.market) for s in secrets])
    send([call("reveal", *s.reveal_arguments(1 - i)) for s, i in zip(secrets, drawn, strict=True)])
    send([call("check", s.market, *s.check_arguments([1 - i]), 8) for s, i in zip(secrets, drawn, strict=True)])

    def carried(s, index, last):
        """The block that the scorer is shown: the one hidden portion."""
        blocks = Blocks([s.portions[index]], s.plan.rows)
        scorer, latest = contract.call("market", s.market)[5], int(rpc.rpc("eth_blockNumber"), 16)
        for told in blocks_told(contract, scorer, s.market, 0, latest):
            blocks.tell(told)
        return blocks.carried(last, 8)

    shown = [carried(s, 1 - i, len(some)) for s, i, (*_, some, _) in zip(secrets, drawn, markets, strict=True)]
    send(
        [
            call(
                *("score_many", s.market, 1, b"".join(pack_contribution(contributor, x, y, 2 - y) for x, y in some), 8),
                *(bytes(32), [], blocks),
            )
            for s, (_, _, some, _), blocks in zip(secrets, markets, shown, strict=True)
        ]
    )
    last = int(rpc.rpc("eth_blockNumber"), 16)
    scored = [errors_in(contract, s.market, 0, last) for s in secrets]
    send(
        [
            call("settle", s.market, pack_entries([(contributor, e) for e in some] for some in after))
            for s, after in zip(secrets, scored, strict=True)
        ]
    )

    left_early = 0
    for s, (twin, rows, contributions, plan) in zip(secrets, markets, strict=True):
        errors = [twin.evaluate(s.portions[0])]
        for x, y in contributions:
            twin.update(x, y)
            errors.append(twin.evaluate(s.portions[0]))
        results = settle(errors, rows, plan.rounds)
        expected = [(k, plan.stake * b // rows) for b, k in results]
        due = due_in(contract, s.model, s.market)
        assert [(payout.rounds, payout.amount) for payout in due] == expected, (errors, plan)
        held = contract.call("held", s.market)
        assert held[1] == sum(owed for _, owed in expected)
        send([call(*payout.call(s.market)) for payout in due])
        assert contract.call("held", s.market)[1] == 0
        left_early += any(1 <= k < plan.rounds for _, k in results)
    assert left_early > 50
