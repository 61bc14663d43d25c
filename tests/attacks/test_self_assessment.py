"""Attacks on deposits that worked on earlier rules, as an attacker carries them out, on the terms that `deploy` has."""

import pytest
import vyper

from comodels.chain.contract import ContractAt
from comodels.incentives.self_assessment import Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import Reverted, reverts
from tests.conftest import pack_terms

DAY = 86_400
DEFAULT = Terms()
FULL = 10**17  # more than any deposit
NO_SUCH = "self-assessment: no such contribution, or settled already"
CLAIMS = ("refund", "forgive", "rest", "flag", "report", "take")

GOOD, OTHER = bytes.fromhex("000100020003"), bytes.fromhex("000500060007")
# overlapping: each has what is in the good one, and something of its own
COPIES = [bytes.fromhex("000100020003") + (10 + i).to_bytes(2, "big") for i in range(8)]


@pytest.fixture
def incentive(contract_of):
    return contract_of("SelfAssessment")


@pytest.fixture
def publish(new_model, incentive):
    """A perceptron of 30 features that answers 0 until it learns, on the default terms or others."""

    def build(terms=DEFAULT, **changes):
        return new_model(
            SparsePerceptron(SparsePerceptronParameters(30, rate=2)), incentive, pack_terms(terms, **changes)
        )

    return build


@pytest.fixture
def play(incentive):
    """Send a transaction at a time; the events, or why it was refused."""

    def act(time, sender, function, *arguments, value=0):
        try:
            return incentive.send(function, *arguments, sender=sender, value=value, time=time).events
        except Reverted as revert:
            return str(revert)

    return act


def held(incentive) -> int:
    return incentive.chain.balance(incentive.address)


def balance(incentive, account) -> int:
    return incentive.chain.balance(str(account))


# ---- flip and wait ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("terms", [DEFAULT, Terms(without_own_effect=True)], ids=["default", "without own effect"])
def test_flip_and_wait__eight_copies_from_two_accounts__victim_gets_all_back(
    publish, incentive, play, contributor, reporter, stranger, owner, keeper, terms
):
    """Overlapping wrong samples just before the victim can refund; the attacker has all validated data there is."""
    model = publish(terms)
    begin = incentive.chain.time
    play(begin + 10, reporter, "add_data", model, OTHER, 0, value=FULL)
    play(begin + DAY + 20, reporter, "refund", model, reporter, OTHER, 0)
    assert incentive.call("validated_of", model, reporter) == 1
    # the honest sample is right by the model when it comes: somebody taught it before
    play(begin + 2 * DAY, owner, "add_data", model, GOOD, 1, value=FULL)
    added = begin + 3 * DAY
    before = balance(incentive, contributor)
    play(added, contributor, "add_data", model, GOOD, 1, value=FULL)
    deposit = before - balance(incentive, contributor)
    assert model.call("predict", GOOD) == 1
    assert deposit > 0

    # flip, fifteen minutes apart, the last one just before the victim can refund
    for i, copy in enumerate(COPIES):
        play(added + DAY - 900 * (8 - i), (reporter, stranger)[i % 2], "add_data", model, copy, 0, value=FULL)
    assert model.call("predict", GOOD) == 0
    assert (
        play(added + DAY, contributor, "refund", model, contributor, GOOD, 1) == "self-assessment: the model disagrees"
    )
    # at every moment, announced or not, for days
    for hour in (24, 25, 60, 24 + 72, 24 + 73, 24 * 9, 24 * 10 - 1):
        time = added + hour * 3_600 + 7
        assert play(time, reporter, "flag", model, contributor, GOOD, 1) == (
            "self-assessment: the model agreed when it came"
        )
        assert play(time + 1, reporter, "report", model, contributor, GOOD, 1) == (
            "self-assessment: the model agreed when it came"
        )
    for sender in (reporter, owner):
        assert play(None, sender, "take", model, contributor, GOOD, 1) == "self-assessment: nobody takes on these terms"

    # the victim never comes, a keeper does: nothing is lost
    play(added + 10 * DAY, keeper, "rest", model, contributor, GOOD, 1)
    assert balance(incentive, contributor) == before


def test_flip_and_wait__victim_that_taught_the_model__is_forgiven_if_it_ever_gave_enough(
    publish, incentive, play, contributor, reporter
):
    """What the model did not know can be reported after a flip; who has given enough before gets it back at once."""
    model = publish(forgive_every=1)
    begin = incentive.chain.time
    for i, who in enumerate((contributor, reporter)):
        play(begin + 10 + i, who, "add_data", model, OTHER, 0, value=FULL)
    for i, who in enumerate((contributor, reporter)):
        play(begin + DAY + 20 + i, who, "refund", model, who, OTHER, 0)
    before = balance(incentive, contributor)
    added = begin + 2 * DAY
    play(added, contributor, "add_data", model, GOOD, 1, value=FULL)
    for i, copy in enumerate(COPIES):
        play(added + DAY - 900 * (8 - i), reporter, "add_data", model, copy, 0, value=FULL)
    assert [e.name for e in play(added + DAY, reporter, "flag", model, contributor, GOOD, 1)] == ["Flag"]

    # three days are left to see the announcement
    assert [e.name for e in play(added + 4 * DAY - 1, contributor, "forgive", model, contributor, GOOD, 1)] == [
        "Forgive"
    ]

    assert balance(incentive, contributor) == before
    assert play(added + 4 * DAY, reporter, "report", model, contributor, GOOD, 1) == NO_SUCH


def test_flip_and_wait__right_contribution_refunded_by_anyone_before_the_flip__nothing_to_wait_for(
    publish, incentive, play, contributor, keeper
):
    model = publish()
    added = incentive.chain.time + 10
    before = balance(incentive, contributor)
    play(added, contributor, "add_data", model, GOOD, 0, value=FULL)

    play(added + DAY, keeper, "refund", model, contributor, GOOD, 0)

    assert balance(incentive, contributor) == before
    assert incentive.call("validated_of", model, contributor) == 1


# ---- terms that break promises ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("terms", [DEFAULT, Terms.slides()], ids=["default", "slides"])
def test_refund_wait_of_0__deposit_learn_refund_and_validate_in_one_block__is_refused(publish, terms):
    with reverts("self-assessment: no refund wait"):
        publish(terms, refund_wait=0)


def test_refund_wait_of_1__whole_circle_in_one_block__is_refused(publish, incentive, rpc, contributor):
    model = publish(Terms(refund_wait=1, dispute_wait=0))
    who = str(contributor)
    circle = [("add_data", (GOOD, 1), FULL), ("refund", (who, GOOD, 1), 0), ("forgive", (who, GOOD, 1), 0)]
    receipts = rpc.send(
        incentive.transaction(name, model.address, *arguments, sender=who, value=value, gas=1_000_000)
        for name, arguments, value in circle
    )

    assert len({r["blockNumber"] for r in receipts}) == 1
    assert [r["status"] for r in receipts] == ["0x1", "0x0", "0x0"]
    assert incentive.call("statistics", model) == (1, 0)


@pytest.mark.parametrize(
    ("terms", "end"), [(DEFAULT, "rest_wait"), (Terms.slides(), "owner_wait")], ids=["default", "slides"]
)
def test_dispute_wait__as_long_as_all_there_is__is_refused(publish, terms, end):
    """Who flagged 12 seconds after the first moment lost to the owner."""
    room = getattr(terms, end) - terms.refund_wait
    for dispute_wait in (room, room - 12, (room + 1) // 2):
        with reverts("self-assessment: reports need more time: a longer rest wait (slides: owner wait)"):
            publish(terms, dispute_wait=dispute_wait)
    publish(terms, dispute_wait=(room - 1) // 2)


@pytest.mark.parametrize("terms", [DEFAULT, Terms.slides()], ids=["default", "slides"])
@pytest.mark.parametrize("late", [0, 12])
def test_dispute_wait__longest__reporter_of_the_first_moment_is_paid_before_anybody_else(
    publish, incentive, play, contributor, reporter, owner, terms, late
):
    end = terms.rest_wait or terms.owner_wait
    dispute_wait = (end - terms.refund_wait - 1) // 2
    model = publish(terms, dispute_wait=dispute_wait)
    begin = incentive.chain.time
    play(begin + 10, reporter, "add_data", model, OTHER, 0, value=FULL)
    play(begin + DAY + 20, reporter, "refund", model, reporter, OTHER, 0)
    added = begin + 2 * DAY
    play(added, contributor, "add_data", model, GOOD, 1, value=FULL)
    play(added + 60, owner, "add_data", model, GOOD, 0, value=FULL)  # somebody knows better
    before = balance(incentive, reporter)
    play(added + DAY + late, reporter, "flag", model, contributor, GOOD, 1)
    for sender, name in ((owner, "take"), (owner, "rest"), (contributor, "rest"), (contributor, "refund")):
        assert isinstance(play(None, sender, name, model, contributor, GOOD, 1), str)

    events = play(added + DAY + late + dispute_wait, reporter, "report", model, contributor, GOOD, 1)

    assert [e.name for e in events] == ["Report"]
    assert balance(incentive, reporter) > before


def test_late_honest_contributor__owner_waits__gets_nothing_by_it(
    publish, incentive, play, contributor, owner, stranger
):
    """After the owner wait an honest contributor whom the model agreed with lost the whole deposit."""
    model = publish()
    before, owners = balance(incentive, contributor), balance(incentive, owner)
    added = incentive.chain.time + 10
    play(added, contributor, "add_data", model, GOOD, 0, value=FULL)
    for days in (7, 9, 10, 100):
        for sender in (owner, stranger):
            assert isinstance(play(added + days * DAY, sender, "take", model, contributor, GOOD, 0), str)
            added += 1
    assert balance(incentive, owner) == owners

    play(added + 1_000 * DAY, contributor, "refund", model, contributor, GOOD, 0)

    assert balance(incentive, contributor) == before


# ---- what is forgiven ------------------------------------------------------------------------------------------------


def test_forgiving__by_strangers_owners_and_reporters__cannot_be_spent_or_wasted(
    publish, incentive, play, contributor, reporter, stranger, owner, keeper
):
    model = publish(forgive_every=1)
    begin = incentive.chain.time
    play(begin + 10, contributor, "add_data", model, OTHER, 0, value=FULL)
    play(begin + DAY + 20, contributor, "refund", model, contributor, OTHER, 0)
    added = begin + 2 * DAY
    play(added, contributor, "add_data", model, GOOD, 1, value=FULL)
    play(added + 60, owner, "add_data", model, GOOD, 0, value=FULL)
    # the attackers name themselves, each other, and the victim
    for sender in (reporter, stranger, owner, keeper):
        play(None, sender, "name_keeper", sender)
        play(None, sender, "name_keeper", contributor)

    for sender in (reporter, stranger, owner, keeper):
        assert play(None, sender, "forgive", model, contributor, GOOD, 1) in (
            "self-assessment: too early",
            "self-assessment: only the contributor, or the keeper whom they named",
        )
    for sender in (reporter, stranger, owner, keeper):
        assert play(added + DAY + 10, sender, "forgive", model, contributor, GOOD, 1) == (
            "self-assessment: only the contributor, or the keeper whom they named"
        )
        added += 1
    assert incentive.call("forgiven_of", model, contributor) == 0


# ---- payees ----------------------------------------------------------------------------------------------------------

BURNER = """
# pragma version 0.4.3
taking: public(bool)

@payable
@external
def __default__():
    if not self.taking:
        for i: uint256 in range(2**64):
            self.taking = False

@payable
@external
def run(target: address, payload: Bytes[4096]):
    raw_call(target, payload, value=msg.value)

@external
def take():
    self.taking = True
"""


@pytest.fixture
def burner(client, owner):
    """A wallet that burns all the gas it gets when it is paid, until it is told to take."""
    compiled = vyper.compile_code(BURNER, output_formats=["bytecode", "abi"])
    receipt = client.send(None, bytes.fromhex(compiled["bytecode"][2:]), owner)
    return ContractAt(client.chain, receipt.contract_address, compiled["abi"])


@pytest.mark.parametrize("function", ["refund", "rest"])
def test_payee_that_burns_gas__whoever_claims_for_it__pays_little_and_is_not_stopped(
    publish, incentive, client, play, burner, stranger, owner, function
):
    model = publish()
    begin = incentive.chain.time
    wei = incentive.call("required_deposit", model.address, time=begin + 100)
    add = burner.data("run", incentive.address, incentive.data("add_data", model.address, GOOD, 0))
    client.send(burner.address, add, owner, value=wei, time=begin + 100)
    age = DAY if function == "refund" else 10 * DAY

    receipt = incentive.send(
        function, model, burner.address, GOOD, 0, sender=stranger, time=begin + 100 + age, gas=300_000
    )

    assert [e.name for e in receipt.events] == [function.title(), "Credited"]
    assert receipt.gas < 200_000
    assert held(incentive) == incentive.call("credit_of", burner.address) == wei
    # it can still get it, when it wants to
    client.send(burner.address, burner.data("take"), owner)
    client.send(burner.address, burner.data("run", incentive.address, incentive.data("fetch")), owner)
    assert incentive.chain.balance(burner.address) == wei
    assert held(incentive) == 0


# ---- labels and other records ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", [256, 257, 2**8 + 1, 2**16 + 1, 2**255 + 1, 2**256 - 1, 2**256 - 255])
@pytest.mark.parametrize("name", [*CLAIMS, "add_data", "contribution", "flagged"])
def test_label_above_a_byte__every_function__is_refused(publish, incentive, contributor, reporter, name, label):
    """A label whose low bits are those of an open contribution's must not reach that contribution."""
    terms = Terms.slides(refund_wait=1) if name == "take" else DEFAULT
    model = publish(terms, **({} if name == "take" else {"forgive_every": 1}))
    added = incentive.send("add_data", model, GOOD, 1, sender=contributor, value=FULL).time
    arguments = (model, contributor, GOOD, label)
    if name in ("contribution", "flagged"):
        with reverts("self-assessment: no such label"):
            incentive.call(name, *map(str, arguments[:2]), *arguments[2:], *([str(reporter)] * (name == "flagged")))
        return
    with reverts("self-assessment: no such label"):
        if name == "add_data":
            incentive.send(name, model, GOOD, label, sender=contributor, value=FULL)
        else:
            incentive.send(name, *arguments, sender=contributor, time=added + 20 * DAY)
    assert held(incentive) == incentive.call("contribution", str(model), str(contributor), GOOD, 1)[0]


def test_record__of_another_model_account_label_or_sample__is_never_reached(
    publish, incentive, contributor, reporter, stranger, owner
):
    """Two models with the same sample, two accounts, both labels: each claim reaches its own record, or none."""
    models = [publish(), publish()]
    begin = incentive.chain.time
    owed = {}
    for i, (model, who, x, y) in enumerate(
        [(models[0], contributor, GOOD, 0), (models[1], reporter, GOOD, 1), (models[0], reporter, OTHER, 0)]
    ):
        before = balance(incentive, who)
        incentive.send("add_data", model, x, y, sender=who, value=FULL, time=begin + 10 + i)
        owed[str(model), str(who), x, y] = before - balance(incentive, who)
    assert held(incentive) == sum(owed.values())

    time = begin + 20 * DAY
    for model in (*models, stranger):
        for who in (contributor, reporter, stranger, model):
            for x in (GOOD, OTHER, GOOD + b"", b"", GOOD[:-2]):
                for y in (0, 1, 2, 255):
                    if (str(model), str(who), x, y) in owed:
                        continue
                    for name in ("rest", "refund"):
                        time += 1
                        with pytest.raises(Reverted):
                            incentive.send(name, model, who, x, y, sender=stranger, time=time)
    assert held(incentive) == sum(owed.values())
    for (model, who, x, y), wei in owed.items():
        before = balance(incentive, who)
        incentive.send("rest", model, who, x, y, sender=stranger)
        assert balance(incentive, who) == before + wei
    assert held(incentive) == 0
