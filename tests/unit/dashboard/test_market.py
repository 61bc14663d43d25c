"""What the page says of a prediction market, from its start to the last payment."""

import numpy as np
import pytest

from comodels.chain.abi import Transaction
from comodels.chain.node import Node
from comodels.dashboard.incentives import Incentives, PredictionMarket
from comodels.dashboard.reader import Reader
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.mirror import ANY, PLAN, Mirror, random_portions, random_sample


@pytest.fixture
def market(implementations, raw, rpc, create_model, provider, contributor, reporter, keeper, stranger, owner, chain):
    rng = np.random.default_rng(4)
    accounts = [provider, contributor, reporter, keeper, stranger, owner]
    mirror = Mirror(rpc, raw(implementations("PredictionMarket")), accounts)
    twin = SparsePerceptron(SparsePerceptronParameters(30), [int(w) for w in rng.integers(-3, 4, 30)])
    address = str(create_model(twin, mirror.contract.address, ANY.encode(), holder=provider).address)
    mirror.adopt(address, twin, provider.address, ANY)
    reader = Reader(Node(chain.provider.uri), address)
    model = reader.model(address)
    incentive = Incentives(reader).of(model)
    return mirror, reader, model, incentive, rng


def test_incentive_of__market__is_recognised(market):
    _, reader, model, incentive, _ = market
    assert type(incentive) is PredictionMarket
    assert dict(incentive.terms(reader, model).lines)["Phase"] == "No market yet."


def test_terms_and_rows__from_start_to_withdrawal(market, provider, contributor, keeper, rpc):
    mirror, reader, model, incentive, rng = market
    secret = mirror.secret(model.address, provider, random_portions(rng))
    mirror.start(secret, keeper)
    terms = incentive.terms(reader, model)
    assert terms.required == PLAN.stake
    assert dict(terms.lines)["Phase"].startswith("Open: you can stake on samples until {time:")
    assert terms.closed == ""

    x = random_sample(rng)
    added = incentive.add_data(model, x, 1, PLAN.stake)
    assert (added.to, added.value) == (incentive.address, PLAN.stake)
    for _ in range(4):
        x = random_sample(rng)  # wrong for the model, so that it learns: what has no effect stakes nothing
        mirror.add_data(contributor, model.address, x, 1 - mirror.twin.models[model.address][0].predict(x))
    rows = incentive.mine(reader, model, str(contributor), 0, 25)
    assert [row.deposit for row in rows.rows] == ["0.001 ether"] * 4
    assert all(not row.actions for row in rows.rows)

    mirror.wait(PLAN.participation_time)
    mirror.finish(secret, keeper)
    assert dict(incentive.terms(reader, model).lines)["Phase"] == "Settled: each contribution is paid what it earned."
    rows = incentive.mine(reader, model, str(contributor), 0, 25).rows
    first, *others = [row for row in rows if row.actions]
    assert len(others) > 1
    before = rpc.balance(str(contributor))
    single = incentive.action(reader, model, first.contribution, "withdraw")
    (all_others,) = incentive.actions(reader, model, [row.contribution for row in others], "withdraw")
    assert (single.count, all_others.count) == (1, len(others))
    for t in (single, all_others):
        assert rpc.send([Transaction(str(contributor), t.to, t.data)])[0]["status"] == "0x1"
    assert rpc.balance(str(contributor)) - before == sum(row.pays for row in [first, *others])
    assert incentive.actions(reader, model, [row.contribution for row in others], "withdraw") == []
    assert not any(row.actions for row in incentive.mine(reader, model, str(contributor), 0, 25).rows)
