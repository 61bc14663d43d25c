"""What could not be delivered to an account: a line on the page, and a button."""

import pytest

from comodels.chain.abi import Transaction
from comodels.chain.node import Node
from comodels.dashboard.due import Dues
from comodels.dashboard.incentives import Incentives
from comodels.dashboard.reader import Reader
from comodels.incentives.self_assessment import Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters

X = bytes.fromhex("00010002")
REFUSES = "0x60006000fd"


def test_due__refund_that_was_not_taken__fetched_by_the_button(
    implementations, raw, rpc, create_model, owner, contributor, keeper, chain
):
    incentive = raw(implementations("SelfAssessment"))
    twin = SparsePerceptron(SparsePerceptronParameters(10))
    terms = Terms(refund_wait=1, dispute_wait=0).encode()
    address = str(create_model(twin, incentive.address, terms, holder=owner).address)
    who, time = str(contributor), rpc.time + 100
    add = incentive.transaction("add_data", address, X, 0, sender=who, value=10**18, time=time)
    refund = incentive.transaction("refund", address, who, X, 0, sender=str(keeper), time=time + 1)
    rpc.send([add])
    rpc.rpc("anvil_setCode", who, REFUSES)
    rpc.send([refund])
    rpc.rpc("anvil_setCode", who, "0x")
    reader = Reader(Node(chain.provider.uri), address)
    model = reader.model(address)
    page = Incentives(reader).of(model)

    (due,) = page.due(reader, model, who)
    assert "could not be delivered to you" in due.text
    dues = Dues(reader, Incentives(reader))
    dues.models_of = lambda account: [model, model]  # two models of one incentive: what waits there is the same
    summary = dues.of(who)
    assert (summary.wei, summary.count) == (due.pays, 1)
    before, credit = rpc.balance(who), incentive.call("credit_of", who)
    action = page.model_action(reader, model, who, due.action, {})
    assert rpc.send([Transaction(who, action.to, action.data)])[0]["status"] == "0x1"

    assert rpc.balance(who) == before + credit > before
    assert page.due(reader, model, who) == []
    with pytest.raises(KeyError):
        page.model_action(reader, model, who, "withdraw_rest 1", {})
