"""What the page says of a prediction market, from its start to the last payment."""

import numpy as np
import pytest
from eth_account import Account

from comodels.batch import pack_signed
from comodels.chain.abi import Transaction
from comodels.chain.node import Node
from comodels.dashboard.incentives import Incentives, PredictionMarket
from comodels.dashboard.reader import Reader
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.signatures import Consent
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


@pytest.mark.parametrize("ending", ["silent", "settled"])
def test_rows__paid_by_a_sponsor__stake_is_the_sponsor_s_and_what_is_beyond_it_the_contributor_s(
    market, provider, reporter, keeper, rpc, ending
):
    mirror, reader, model, incentive, rng = market
    secret = mirror.secret(model.address, provider, random_portions(rng))
    started = mirror.start(secret, keeper)
    ann, sponsor = Account.from_key("0x" + "07" * 32), str(reporter)
    samples = [random_sample(rng) for _ in range(5)]
    rows = [(x, 1 - mirror.twin.models[model.address][0].predict(x)) for x in dict.fromkeys(samples)]
    for x, y in rows:
        what = mirror.chain_id, mirror.contract.address, model.address, x, y, 0, sponsor, mirror.time + 10**6
        items = [Consent(*what, model.class_name(y)).sign(ann)]
        mirror.do(
            *("add_signed", model.address, 1, pack_signed(items)),
            sender=sponsor,
            value=PLAN.stake,
            twin=lambda t, items=items: t.add_signed(
                sponsor, model.address, items, PLAN.stake, mirror.time, lambda *_: True
            ),
        )

    def of(account):
        return [row for row in incentive.mine(reader, model, account, 0, 25).rows if row.contribution.effect]

    assert {row.deposit for row in of(sponsor)} == {"0.001 ether"}
    assert {row.deposit for row in of(ann.address)} == {"0 ether"}
    assert all(sponsor in str(row.state) for row in of(ann.address))
    assert not any(sponsor in str(row.state) for row in of(sponsor))

    if ending == "settled":
        mirror.finish(secret, keeper)
    else:
        mirror.wait(PLAN.participation_time)
        mirror.close(keeper, started)
        mirror.wait(PLAN.rest_time)
        mirror.expire(keeper, started)
    ours, hers = of(sponsor), of(ann.address)
    owed = [mirror.twin.owed(started, row.contribution.more & 0xFFFF) for row in ours]
    assert [row.pays for row in ours] == [min(wei, PLAN.stake) for wei in owed]
    assert [row.pays for row in hers] == [max(0, wei - PLAN.stake) for wei in owed]
    assert ending == "settled" or all(row.pays for row in hers)  # a share of the bounty
    assert [row.lost for row in ours] == [wei < PLAN.stake for wei in owed]
    assert not any(row.lost for row in hers)
