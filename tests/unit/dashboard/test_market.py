"""What the page says of a prediction market, from its start to the last payment."""

import numpy as np
import pytest

from dashboard.incentives import Incentives, PredictionMarket
from dashboard.reader import Reader
from dashboard.rpc import Node
from simulation.chain import Transaction
from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.prediction_market import Terms
from tests.mirror import PLAN, Mirror, random_portions, random_sample


@pytest.fixture
def market(implementations, raw, rpc, create_model, provider, contributor, reporter, keeper, stranger, owner, chain):
    rng = np.random.default_rng(4)
    accounts = [provider, contributor, reporter, keeper, stranger, owner]
    mirror = Mirror(rpc, raw(implementations("PredictionMarket")), accounts)
    twin = SparsePerceptron(SparsePerceptronParameters(30), [int(w) for w in rng.integers(-3, 4, 30)])
    address = str(create_model(twin, mirror.contract.address, Terms().pack()).address)
    mirror.adopt(address, twin, owner.address, Terms())
    reader = Reader(Node(chain.provider.uri), address)
    reader.published_block = lambda model: 0  # this one is in no registry
    model = reader.model(address)
    incentive = Incentives(reader).of(model)
    return mirror, reader, model, incentive, rng


def test_incentive_of__market__is_recognised(market):
    _, reader, model, incentive, _ = market
    assert type(incentive) is PredictionMarket
    assert dict(incentive.terms(reader, model).lines)["phase"].startswith("no market yet")


def test_terms_and_rows__from_start_to_withdrawal(market, provider, contributor, keeper, rpc):
    mirror, reader, model, incentive, rng = market
    secret = mirror.secret(model.address, provider, random_portions(rng))
    mirror.start(secret, keeper)
    terms = incentive.terms(reader, model)
    assert terms.required == PLAN.stake
    assert dict(terms.lines)["phase"] == "participating: you can stake on samples"
    assert dict(terms.lines)["until"].startswith("{time:")

    x = random_sample(rng)
    added = incentive.add_data(model, x, 1, PLAN.stake)
    assert (added.to, added.value) == (incentive.address, PLAN.stake)
    for _ in range(4):
        mirror.add_data(contributor, model.address, random_sample(rng), int(rng.integers(2)))
    rows = incentive.mine(reader, model, str(contributor), 0, 25)
    assert [row.deposit for row in rows.rows] == ["0.001 ETH"] * 4
    assert all(not row.actions for row in rows.rows)

    mirror.wait(PLAN.participation_time)
    mirror.finish(secret, keeper)
    assert dict(incentive.terms(reader, model).lines)["phase"] == "settled: everyone can withdraw"
    rows = incentive.mine(reader, model, str(contributor), 0, 25).rows
    owed = [row for row in rows if row.actions]
    assert owed
    before = rpc.balance(str(contributor))
    for row in owed:
        t = incentive.action(model, row.contribution, "withdraw")
        assert rpc.send([Transaction(str(contributor), t.to, t.data)])[0]["status"] == "0x1"
    assert rpc.balance(str(contributor)) > before
    assert not any(row.actions for row in incentive.mine(reader, model, str(contributor), 0, 25).rows)
