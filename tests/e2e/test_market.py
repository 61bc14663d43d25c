"""A market with many contributions, from the commitment to the last withdrawal, against the twin."""

import numpy as np
import pytest

from comodels.artifacts import deploy
from comodels.chain.abi import Transaction
from comodels.chain.local import local_chain
from comodels.incentives.prediction_market import SETTLED, Plan
from comodels.incentives.scorers import fitting
from comodels.incentives.settlement import settle_by_loop
from comodels.models import KINDS
from comodels.models.level_perceptron import LevelPerceptronParameters
from comodels.models.multiclass_level_perceptron import MulticlassLevelPerceptronParameters
from comodels.models.sparse_perceptron import SparsePerceptronParameters
from comodels.payouts import calls, due_in
from tests.mirror import Mirror, create_raw, random_portions, random_sample


@pytest.fixture
def rpc():
    with local_chain() as chain:
        yield chain


@pytest.mark.parametrize(
    ("parameters", "contributions", "rows"),
    [
        (SparsePerceptronParameters(60, margin=3), 100, 100),
        (LevelPerceptronParameters(60, margin=60), 100, 100),
        (MulticlassLevelPerceptronParameters(60, 2, margin=60), 100, 100),
        pytest.param(SparsePerceptronParameters(400, margin=3), 1_000, 500, marks=pytest.mark.fuzz),
        pytest.param(LevelPerceptronParameters(400, margin=60), 1_000, 500, marks=pytest.mark.fuzz),
    ],
    ids=["100 x 100", "100 x 100 by levels", "100 x 100 by levels of classes", "1,000 x 500", "1,000 x 500 by levels"],
)
def test_market__many_contributions__everybody_is_paid_as_the_twin_says(parameters, contributions, rows, rpc, project):
    rng = np.random.default_rng(contributions)
    # 1. The provider publishes a model that knows nothing yet.
    kind = KINDS[type(parameters).__name__.removesuffix("Parameters")]
    twin, features = kind(parameters), parameters.n_features
    owner, provider, contributor, reporter, keeper = rpc.accounts[:5]
    mirror = Mirror(rpc, deploy(rpc, owner, "PredictionMarket"), [provider, contributor, reporter, keeper])
    implementation = deploy(rpc, owner, kind.KIND)
    model = create_raw(rpc, implementation, mirror.contract.address, provider, twin)
    mirror.time = rpc.time
    mirror.adopt(model, twin, provider)
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
        Transaction(who, mirror.contract.address, d, plan.stake, 500_000)
        for (who, _, _), d in zip(batch, data, strict=True)
    )
    assert {r["status"] for r in receipts} == {"0x1"}
    for who, x, y in batch:
        mirror.twin.add_data(who, model, x, y, plan.stake, mirror.time)
    mirror.time = rpc.time
    mirror.check_money()
    # 4. Its time is over: what taught the model nothing took no place. The rest is revealed.
    assert 0 < len(state.contributions) < contributions
    mirror.wait(plan.participation_time)
    mirror.close(keeper, market)
    mirror.reveal_rest(secret, keeper)
    # 5. A keeper scores every contribution.
    while state.scored < len(state.contributions):
        left = [(c.contributor, c.x, c.y, c.effect) for c in state.contributions[state.scored :]]
        mirror.score_many(keeper, market, state.scored + 1, fitting(left)[0])
    # 6. Settled, and paid.
    mirror.settle(keeper, market)
    assert state.phase == SETTLED
    due = due_in(mirror.contract, model, market)
    errors = [state.initial_errors, *(c.errors for c in state.contributions)]
    balances = settle_by_loop(errors, plan.hidden_rows, plan.rounds)
    assert [payout.amount for payout in due] == [plan.stake * b // plan.hidden_rows for b in balances]
    for _, (_, *arguments) in calls(market, due):
        mirror.withdraw(keeper, *arguments)
    mirror.withdraw_rest(keeper, market)
    assert rpc.balance(mirror.contract.address) == 0
    # the model is better for it
    assert state.errors < state.initial_errors
