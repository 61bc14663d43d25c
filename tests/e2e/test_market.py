"""A market with many contributions, from the commitment to the last withdrawal, against the twin."""

import numpy as np
import pytest
from eth_utils import keccak

from simulation.chain import Transaction
from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.prediction_market import SETTLED, Plan, Terms
from tests.mirror import Mirror, random_portions, random_sample


@pytest.mark.parametrize(
    ("contributions", "rows", "features"),
    [(100, 100, 60), pytest.param(1_000, 500, 400, marks=pytest.mark.fuzz)],
    ids=["100 x 100", "1,000 x 500"],
)
def test_market__many_contributions__everybody_is_paid_as_the_twin_says(
    contributions, rows, features, implementations, raw, rpc, create_model, provider, contributor, reporter, keeper, owner
):
    rng = np.random.default_rng(contributions)
    # 1. The owner publishes a model that knows nothing yet.
    twin = SparsePerceptron(SparsePerceptronParameters(features, margin=3))
    mirror = Mirror(rpc, raw(implementations("PredictionMarket")), [provider, contributor, reporter, keeper])
    model = str(create_model(twin, mirror.contract.address, Terms().pack()).address)
    mirror.adopt(model, twin, owner)
    # 2. The provider commits to a test set of which 4 of 5 portions stay hidden, and it is drawn and revealed.
    plan = Plan(10**15, 300, 10**17, 10**12, 10, 2, rows // 8, max_contributions=contributions)
    secret = mirror.secret(model, provider, random_portions(rng, plan, features), plan)
    market = mirror.start(secret, keeper)
    state = mirror.twin.markets[market]
    # 3. Two contributors stake on samples; one of them errs every third time.
    batch = []
    for i in range(contributions):
        x = random_sample(rng, features)
        indices = [int.from_bytes(x[j : j + 2], "big") for j in range(0, len(x), 2)]
        y = int(sum(indices) / len(indices) > features / 2)
        who = (contributor, reporter)[i % 2]
        y = 1 - y if i % 6 == 1 else y
        batch.append((str(who), x, y))
    data = [mirror.contract.data("add_data", model, x, y) for _, x, y in batch]
    receipts = rpc.send(
        Transaction(who, mirror.contract.address, d, plan.stake, 500_000) for (who, _, _), d in zip(batch, data, strict=True)
    )
    assert {r["status"] for r in receipts} == {"0x1"}
    for who, x, y in batch:
        mirror.twin.add_data(who, model, x, y, plan.stake, mirror.time)
    mirror.time = rpc.time
    mirror.check_money()
    # 4. It is full, so it closes early; the rest is revealed.
    mirror.close(keeper, market)
    mirror.reveal_rest(secret, keeper)
    # 5. A keeper replays every contribution.
    steps = [(market, c.contributor, c.x, c.y, c.effect, 256) for c in state.contributions]
    receipts = rpc.send(
        Transaction(keeper.address, mirror.contract.address, mirror.contract.data("score", *s), gas=7_000_000)
        for s in steps
    )
    assert {r["status"] for r in receipts} == {"0x1"}
    for step in steps:
        mirror.twin.score(keeper.address, *step)
    mirror.time = rpc.time
    mirror.check_money()
    # 6. Settled, and paid.
    mirror.settle(keeper, market, 4_096)
    assert state.phase == SETTLED
    claims = [
        (market, i, c.contributor, keccak(c.x), c.y, c.effect) for i, c in enumerate(state.contributions, 1)
    ]
    rpc.send(
        Transaction(keeper.address, mirror.contract.address, mirror.contract.data("withdraw", *c), gas=200_000)
        for c in claims
    )
    for claim in claims:
        mirror.twin.withdraw(*claim)
    mirror.time = rpc.time
    mirror.withdraw_rest(keeper, market)
    assert rpc.balance(mirror.contract.address) == 0
    # the model is better, and who never erred gained more
    assert state.errors < state.initial_errors
    assert mirror.twin.balances[contributor.address] > mirror.twin.balances[reporter.address]
