"""What broke earlier implementations: money. Each line of the list is a test named after it."""

import numpy as np
import pytest

from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import Reverted, reverts
from tests.conftest import pack_terms

DAY = 86_400
COST_WEIGHT = 10**12
FULL = COST_WEIGHT * 3_600
X, OTHER_X = bytes.fromhex("00010002"), bytes.fromhex("00030004")
NO_SUCH = "self-assessment: no such contribution, or settled already"


@pytest.fixture
def incentive(contract_of):
    return contract_of("SelfAssessment")


@pytest.fixture
def publish(new_model, incentive):
    """A perceptron of 10 features on terms of which some are replaced; it answers 0 until it learns."""

    def build(**terms):
        twin = SparsePerceptron(SparsePerceptronParameters(10))
        return new_model(twin, incentive, pack_terms(**{"cost_weight": COST_WEIGHT} | terms))

    return build


@pytest.fixture
def model(publish):
    return publish()


def claimable(incentive, model, contributor, x, y) -> int:
    return incentive.call("contribution", model, contributor, x, y)[0]


def test_owner__after_the_model_is_trained_by_a_contract__can_still_take(incentive, model, contributor, owner):
    """The owner's right to take could never be used: ownership had moved to a contract."""
    added = incentive.send("add_data", model, X, 0, sender=contributor, value=FULL)
    deposit, before = claimable(incentive, model, contributor, X, 0), incentive.chain.balance(owner.address)

    incentive.send("take", model, contributor, X, 0, sender=owner, time=added.time + 10 * DAY)

    assert incentive.chain.balance(owner.address) == before + deposit > before


def test_deposit__predict_reverts_for_ever__not_stuck(client, project, incentive, contributor, stranger, owner):
    """Deposits stuck for ever when `predict` reverted: claims after the last wait do not need the model."""
    mock = client.deploy(project.ModelMock, owner)
    mock.send("set_effect", bytes(32), sender=owner)
    mock.send("open", incentive, pack_terms(cost_weight=COST_WEIGHT), sender=owner)
    added = incentive.send("add_data", mock, X, 1, sender=contributor, value=FULL)
    mock.send("set_broken", True, sender=owner)
    mock.send("set_broken_owner", True, sender=owner)
    with reverts("mock: broken"):
        incentive.send("refund", mock, contributor, X, 1, sender=contributor, time=added.time + 20 * DAY)

    incentive.send("take", mock, contributor, X, 1, sender=stranger)

    assert incentive.chain.balance(incentive.address) == 0


def test_claim__largest_contribution__fits_a_transaction(new_model, incentive, contributor, reporter, owner):
    """A contribution that was cheap to add and too dear to claim."""
    parameters, cap = SparsePerceptronParameters(16_380), 16_777_216
    terms = pack_terms(cost_weight=COST_WEIGHT, refund_wait=1, owner_wait=100_000, anyone_wait=200_000)
    twin = SparsePerceptron(parameters, bias=-1)
    model = new_model(twin, incentive, terms, words=twin.words()[:1])
    # as many features as a sample may have, each in a word of its own that was 0
    x = np.linspace(0, 16_379, parameters.longest).astype(">u2").tobytes()
    other = x[:-2]

    gas = []
    for sender, sample, y in ((reporter, x, 0), (contributor, x, 1), (reporter, other, 0)):
        gas.append(incentive.send("add_data", model, sample, y, sender=sender, value=FULL).gas)
    gas.append(incentive.send("refund", model, reporter, x, 0, sender=reporter, time=incentive.chain.time + 50).gas)
    gas.append(incentive.send("report", model, contributor, x, 1, sender=reporter).gas)
    with reverts(NO_SUCH):
        incentive.send("take", model, contributor, x, 1, sender=owner)
    take = incentive.send("take", model, reporter, other, 0, sender=owner, time=incentive.chain.time + 100_000)

    assert max(*gas, take.gas) < cap
    assert max(gas[3:]) < max(gas[:3])  # claiming is cheaper than adding


def test_payment__to_a_contract_wallet__gets_all_the_gas_it_needs(incentive, model, client, project, owner):
    """Payment with a 2,300-gas stipend: contract wallets could not be refunded."""
    wallet = client.deploy(project.ContractWallet, owner)
    add = incentive.data("add_data", model.address, X, 0)
    added = wallet.send("run", incentive, add, sender=owner, value=2 * FULL)
    deposit = claimable(incentive, model, wallet, X, 0)
    assert incentive.chain.balance(wallet.address) == 2 * FULL - deposit

    refund = incentive.data("refund", model.address, wallet.address, X, 0)
    wallet.send("run", incentive, refund, sender=owner, time=added.time + DAY)

    assert wallet.call("payments") == 2  # the change and the refund; it writes to storage each time
    assert incentive.chain.balance(wallet.address) == 2 * FULL
    assert incentive.chain.balance(incentive.address) == 0


def test_add_data__price_jumps_after_another__caller_states_a_maximum_and_gets_change(
    incentive, model, contributor, reporter
):
    """The deposit jumps 60-fold right after a contribution: a quoted payment fails."""
    quote = incentive.call("required_deposit", model, time=incentive.chain.time + 3_600)
    assert quote == FULL // 60
    other = incentive.send("add_data", model, X, 0, sender=reporter, value=FULL, time=incentive.chain.time + 3_600)
    with reverts("self-assessment: deposit above the value sent"):
        incentive.send("add_data", model, X, 0, sender=contributor, value=quote, time=other.time + 1)
    before = incentive.chain.balance(contributor.address)

    incentive.send("add_data", model, X, 0, sender=contributor, value=10**18, time=other.time + 4)

    assert incentive.chain.balance(contributor.address) == before - FULL // 2


def test_report__share_that_rounds_to_zero__takes_nothing(new_model, incentive, contributor, reporter, stranger):
    """A share that rounds to zero took everything."""
    model = new_model(SparsePerceptron(SparsePerceptronParameters(10)), incentive, pack_terms(cost_weight=1))
    for sender in (reporter, stranger):
        added = incentive.send("add_data", model, OTHER_X, 0, sender=sender, value=FULL)
        incentive.send("refund", model, sender, OTHER_X, 0, sender=sender, time=added.time + DAY)
    # 3,000² seconds after the latest: 3,600 / 3,000 is a deposit of 1 wei, and a half of it is 0
    added = incentive.send("add_data", model, X, 1, sender=contributor, value=1, time=added.time + 3_000**2)
    incentive.send("add_data", model, X, 0, sender=stranger, value=FULL)  # the model disagrees again
    assert model.call("predict", X) == 0

    with reverts("self-assessment: the share rounds to nothing"):
        incentive.send("report", model, contributor, X, 1, sender=reporter, time=added.time + DAY)

    assert claimable(incentive, model, contributor, X, 1) == 1


def test_refund__zero_deposit__counts_as_validated(new_model, incentive, contributor):
    """A zero deposit could never be refunded, so never counted as valid."""
    model = new_model(SparsePerceptron(SparsePerceptronParameters(10)), incentive, pack_terms(cost_weight=0))
    added = incentive.send("add_data", model, X, 0, sender=contributor)

    incentive.send("refund", model, contributor, X, 0, sender=contributor, time=added.time + DAY)

    assert incentive.call("validated_of", model, contributor) == 1


def test_refund__same_sample_five_times__counts_once(incentive, model, contributor):
    """The same sample sent and refunded five times counted as five valid contributions."""
    for _ in range(5):
        added = incentive.send("add_data", model, X, 0, sender=contributor, value=FULL)
        incentive.send("refund", model, contributor, X, 0, sender=contributor, time=added.time + DAY)

    assert incentive.call("validated_of", model, contributor) == 1
    assert incentive.call("statistics", model) == (5, 1)


def test_report__of_a_contribution_added_again__earlier_claims_do_not_survive(
    incentive, model, contributor, reporter, stranger
):
    """`claimed by` survived when a record was overwritten."""
    for sender in (reporter, stranger):
        added = incentive.send("add_data", model, OTHER_X, 0, sender=sender, value=FULL)
        incentive.send("refund", model, sender, OTHER_X, 0, sender=sender, time=added.time + DAY)
    for _ in range(2):
        added = incentive.send("add_data", model, X, 1, sender=contributor, value=FULL)
        incentive.send("add_data", model, X, 0, sender=stranger, value=FULL)  # the model disagrees again
        deposit = claimable(incentive, model, contributor, X, 1)
        report = incentive.send("report", model, contributor, X, 1, sender=reporter, time=added.time + DAY + 5)
        assert report.events[0].arguments["amount"] > 0
        incentive.send("take", model, contributor, X, 1, sender=stranger, time=added.time + 30 * DAY)
        incentive.send("refund", model, stranger, X, 0, sender=stranger)
        assert deposit > 0 == incentive.chain.balance(incentive.address)


def test_add_data__same_twice_in_one_block__first_is_not_overwritten(incentive, model, rpc, contributor):
    """The same sample twice in one block overwrote the first."""
    once = incentive.transaction("add_data", model.address, X, 0, sender=contributor.address, value=FULL, gas=1_000_000)
    receipts = rpc.send([once, once])

    assert [r["status"] for r in receipts] == ["0x1", "0x0"]
    assert claimable(incentive, model, contributor, X, 0) == rpc.balance(incentive.address)


@pytest.mark.parametrize("waits", [(2, 1, 3), (1, 3, 2), (3, 2, 1)])
def test_open__waits_out_of_order__refused(publish, waits):
    """The points contract did not check the order of its waits."""
    with pytest.raises(Reverted, match="the owner's wait is above anyone's|reports need more time"):
        publish(refund_wait=waits[0], owner_wait=waits[1], anyone_wait=waits[2])


def test_report__first_claim__does_not_block_others(incentive, model, contributor, reporter, stranger, owner):
    """The first claim of any kind blocked all others."""
    for sender in (reporter, stranger):
        added = incentive.send("add_data", model, OTHER_X, 0, sender=sender, value=FULL)
        incentive.send("refund", model, sender, OTHER_X, 0, sender=sender, time=added.time + DAY)
    added = incentive.send("add_data", model, X, 1, sender=contributor, value=FULL)
    incentive.send("add_data", model, X, 0, sender=owner, value=FULL)  # now it disagrees again
    deposit = claimable(incentive, model, contributor, X, 1)

    first = incentive.send("report", model, contributor, X, 1, sender=reporter, time=added.time + DAY + 5)
    second = incentive.send("report", model, contributor, X, 1, sender=stranger)

    assert [r.events[0].arguments["amount"] for r in (first, second)] == [deposit // 2] * 2


def test_owner__hands_over__keeps_nothing_and_loses_nothing(incentive, model, contributor, owner, provider):
    """After hand-over nobody could administrate anything: what stays with the owner is decided, and two-step."""
    added = incentive.send("add_data", model, X, 0, sender=contributor, value=FULL)
    model.send("offer_ownership", provider, sender=owner)
    model.send("accept_ownership", sender=provider)
    with reverts("self-assessment: only the owner, yet"):
        incentive.send("take", model, contributor, X, 0, sender=owner, time=added.time + 10 * DAY)

    incentive.send("take", model, contributor, X, 0, sender=provider)

    assert incentive.chain.balance(incentive.address) == 0


def test_deployment__one_transaction__no_moment_in_which_others_could_train_or_touch(
    publish, incentive, owner, stranger, contributor
):
    """Ownership moved by three separate transactions: in between, the deployer controlled the deposits."""
    model = publish()

    assert model.call("trainer") == incentive.address  # from its first block on, and no function changes it
    assert not [f for f in model._functions if "trainer" in f and f != "trainer"]
    assert incentive.call("terms", model)[0] == COST_WEIGHT
    incentive.send("add_data", model, X, 1, sender=contributor, value=FULL)
    for sender in (owner, stranger):
        with reverts("model: not the trainer"):
            model.send("update", X, 0, sender=sender)
        with reverts("self-assessment: too early"):
            incentive.send("take", model, contributor, X, 1, sender=sender)


def test_statistics__submitted__is_written(incentive, model, contributor):
    """A count (`numSubmitted`) that nothing ever wrote."""
    for i in range(3):
        incentive.send("add_data", model, bytes([0, i]), 0, sender=contributor, value=FULL)
        assert incentive.call("statistics", model) == (i + 1, 0)


@pytest.mark.parametrize("dispute_wait", [0, DAY])
def test_flip_and_take__works_never_in_one_block_and_without_a_dispute_wait_only(
    publish, incentive, rpc, contributor, reporter, dispute_wait
):
    """Someone with valid data adds the victim's sample with the other label and reports the victim at once."""
    model = publish(dispute_wait=dispute_wait)
    added = incentive.send("add_data", model, OTHER_X, 0, sender=reporter, value=FULL)
    incentive.send("refund", model, reporter, OTHER_X, 0, sender=reporter, time=added.time + DAY)
    added = incentive.send("add_data", model, X, 1, sender=contributor, value=10**18)
    assert model.call("predict", X) == 1  # the model agrees with the victim
    deposit = claimable(incentive, model, contributor, X, 1)

    def attack(name):
        arguments = (model.address, contributor.address, X, 1)
        return incentive.transaction(name, *arguments, sender=reporter.address, gas=1_000_000)

    flip = incentive.transaction("add_data", model.address, X, 0, sender=reporter.address, value=FULL, gas=1_000_000)
    rpc.rpc("evm_setNextBlockTimestamp", added.time + DAY)
    receipts = rpc.send([flip, attack("report"), attack("flag"), attack("report")])

    assert len({r["blockNumber"] for r in receipts}) == 1
    assert [r["status"] == "0x1" for r in receipts] == [True, False, False, False]  # the model learnt just now
    rpc.rpc("evm_setNextBlockTimestamp", added.time + DAY + 1)
    statuses = [r["status"] == "0x1" for r in rpc.send([attack("report"), attack("flag"), attack("report")])]
    if dispute_wait == 0:
        assert statuses == [True, False, False]  # the slides' behaviour: the victim's deposit is gone
        assert claimable(incentive, model, contributor, X, 1) == 0
        return
    assert statuses == [False, True, False]  # announced, and no more
    assert claimable(incentive, model, contributor, X, 1) == deposit
    # the victim sees it, brings the model back with another account or sample, and refunds before the report is due
    last = incentive.send("add_data", model, X + b"\0\5", 1, sender=contributor, value=10**18)
    incentive.send("refund", model, contributor, X, 1, sender=contributor, time=last.time + 1)
    with reverts(NO_SUCH):
        incentive.send("report", model, contributor, X, 1, sender=reporter, time=added.time + 2 * DAY + 1)


def test_terms__malformed_label_or_deposit__no_money_moved(incentive, model, contributor):
    """Beside each of the above: whatever is refused moves no money."""
    before = incentive.chain.balance(contributor.address)
    for x, y, value in ((b"", 0, FULL), (X, 2, FULL), (X, 2**255, FULL), (X, 0, 0), (b"\0\1\0\1", 0, FULL)):
        with pytest.raises(Reverted):
            incentive.send("add_data", model, x, y, sender=contributor, value=value)

    assert incentive.chain.balance(contributor.address) == before
    assert incentive.chain.balance(incentive.address) == 0
    assert incentive.call("statistics", model) == (0, 0)
