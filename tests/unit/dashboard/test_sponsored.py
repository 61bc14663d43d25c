"""What somebody else has paid for is claimed as the contract wants it."""

from dataclasses import replace

import pytest

from comodels.artifacts import artifact
from comodels.batch import pack_claims
from comodels.chain.contract import ContractAt
from comodels.chain.logs import Contribution
from comodels.dashboard.incentives import Points, SelfAssessment
from comodels.dashboard.incentives.self_assessment import ACTIONS
from comodels.dashboard.reader import ZERO, Model
from comodels.rows import pack_rows

CONTRIBUTOR, SPONSOR, TRAINER = ("0x" + digit * 40 for digit in "123")
X = bytes.fromhex("00010002")


def contribution(sponsor: str) -> Contribution:
    return Contribution(0, CONTRIBUTOR, sponsor, 1, 7, 1_000, 10**15, X, 5, 0)


@pytest.fixture
def model():
    return Model("0x" + "4" * 40, "SparsePerceptron", "m", "", "", ("a", "b"), 0, TRAINER, TRAINER, TRAINER, 0, True)


@pytest.mark.parametrize("action", ACTIONS)
def test_action__paid_by_a_sponsor__as_a_batch_of_one(model, action):
    contract = ContractAt(None, TRAINER, artifact("SelfAssessment").abi)
    page = SelfAssessment(TRAINER)
    own = page.action(None, model, contribution(CONTRIBUTOR), action)
    assert own.data == contract.data(action, model.address, CONTRIBUTOR, X, 1)
    sponsored = page.action(None, model, contribution(SPONSOR), action)
    items = pack_claims([(CONTRIBUTOR, X, 1)])
    assert sponsored.data == contract.data(f"{action}_many", model.address, SPONSOR, 1, items)


def test_actions__several__a_batch_for_each_payer_and_as_much_as_fits(model):
    contract = ContractAt(None, TRAINER, artifact("SelfAssessment").abi)
    page = SelfAssessment(TRAINER)
    own = [replace(contribution(CONTRIBUTOR), id=i, x=bytes([0, i])) for i in range(3)]
    stranger = replace(own[0], id=3, contributor=SPONSOR, sponsor=SPONSOR)
    paid = [replace(c, sponsor=SPONSOR) for c in own[:2]]
    made = page.actions(None, model, [*own, stranger, *paid], "report")
    items = pack_claims([(c.contributor, c.x, 1) for c in [*own, stranger]])
    others = pack_claims([(c.contributor, c.x, 1) for c in paid])
    assert [t.data for t in made] == [
        contract.data("report_many", model.address, ZERO, 4, items),
        contract.data("report_many", model.address, SPONSOR, 2, others),
    ]
    assert [t.count for t in made] == [4, 2]
    (single,) = page.actions(None, model, own[:1], "refund")
    assert single.data == contract.data("refund", model.address, CONTRIBUTOR, own[0].x, 1)
    long = [replace(c, x=bytes(2_048)) for c in own]
    assert [t.count for t in page.actions(None, model, long, "refund")] == [3]
    assert [t.count for t in page.actions(None, model, long * 2, "refund")] == [3, 3]
    assert [t.count for t in page.actions(None, model, own * 40, "refund")] == [50, 50, 20]


def test_actions__points__validated_in_one_transaction(model):
    contract = ContractAt(None, TRAINER, artifact("Points").abi)
    mine = [replace(contribution(CONTRIBUTOR), id=i, x=bytes([0, i])) for i in range(3)]
    (made,) = Points(TRAINER).actions(None, model, mine, "validate")
    rows = pack_rows([(1, c.x) for c in mine])
    assert made.data == contract.data("validate_many", model.address, 3, rows)


def test_action__unknown__refused(model):
    with pytest.raises(KeyError):
        SelfAssessment(TRAINER).action(None, model, contribution(SPONSOR), "selfdestruct")
