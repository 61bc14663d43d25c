"""What can be claimed of deposits: by whom, for whom, and until when."""

import pytest

from comodels import claims
from comodels.chain.history import History
from comodels.incentives.self_assessment import Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters

DAY = 86_400
KNOWN, WRONG = bytes.fromhex("00050006"), bytes.fromhex("00010002")
VALUE = 10**18


class Play:
    """A perceptron that answers 0 on certain terms, at `time`: the contributor added what it knows, and a mistake."""

    def __init__(self, terms, new_model, contract_of, rpc, people):
        self.rpc, self.terms, self.people = rpc, terms, people
        self.incentive = contract_of("SelfAssessment")
        twin = SparsePerceptron(SparsePerceptronParameters(10))
        self.model = new_model(twin, self.incentive, terms.encode()).address
        self.time = rpc.time + 10
        who = people["contributor"]
        self.send("add_data", KNOWN, 0, sender=who)
        self.send("add_data", WRONG, 1, sender=who)
        self.send("add_data", WRONG, 0, sender=people["owner"])  # the model knows better

    def send(self, function, *arguments, sender):
        value = VALUE if function == "add_data" else 0
        self.time += 1
        self.incentive.send(function, self.model, *arguments, sender=sender, value=value, time=self.time)

    def wait(self, seconds):
        self.time += seconds
        self.rpc.rpc("evm_setNextBlockTimestamp", self.time)
        self.rpc.rpc("evm_mine")

    def claims(self, role, contributor=None, forgive=False):
        of = contributor and str(self.people[contributor])
        found = claims.SelfAssessment().claims(
            self.incentive, self.model, str(self.people[role]), self.all(), self.time, of, forgive
        )
        return [(c.action, c.contribution.x, c.contribution.label) for c in found]

    def prospects(self, role):
        found = claims.SelfAssessment().prospects(
            self.incentive, self.model, str(self.people[role]), self.all(), self.time
        )
        return [((p.time - p.contribution.time) // DAY, p.contribution.label, p.text) for p in found]

    def all(self):
        return History(self.rpc, self.model, self.incentive.address).contributions()


@pytest.fixture
def play(new_model, contract_of, rpc, owner, contributor, reporter, stranger, keeper):
    people = {"owner": owner, "contributor": contributor, "reporter": reporter, "stranger": stranger, "keeper": keeper}
    return lambda terms: Play(terms, new_model, contract_of, rpc, people)


def test_claims__default_rule__refund_forgive_and_rest_in_their_times(play):
    game = play(Terms(forgive_every=1))
    assert game.claims("contributor", forgive=True) == []

    game.wait(DAY)
    assert game.claims("contributor") == [("refund", KNOWN, 0)]
    assert game.claims("stranger") == []
    assert game.claims("stranger", contributor="contributor") == [("refund", KNOWN, 0)]
    game.send("refund", str(game.people["contributor"]), KNOWN, 0, sender=game.people["stranger"])

    assert game.claims("contributor") == []
    assert game.claims("contributor", forgive=True) == [("forgive", WRONG, 1)]
    assert game.claims("keeper", contributor="contributor", forgive=True) == []
    game.incentive.send("name_keeper", game.people["keeper"], sender=game.people["contributor"])
    assert game.claims("keeper", contributor="contributor", forgive=True) == [("forgive", WRONG, 1)]

    game.wait(10 * DAY)
    assert game.claims("contributor", forgive=True) == [("rest", WRONG, 1)]
    assert game.claims("stranger", contributor="contributor") == [("rest", WRONG, 1)]
    assert ("take", WRONG, 1) not in game.claims("owner")


def test_claims__default_rule__reports_of_what_came_as_wrong_only(play):
    game = play(Terms(dispute_wait=DAY))
    game.send("add_data", KNOWN, 0, sender=game.people["reporter"])
    game.wait(DAY)
    game.send("refund", str(game.people["reporter"]), KNOWN, 0, sender=game.people["reporter"])

    assert game.claims("reporter") == [("flag", WRONG, 1)]  # not the contributor's, with which it agrees
    game.send("flag", str(game.people["contributor"]), WRONG, 1, sender=game.people["reporter"])
    assert game.claims("reporter") == []
    game.wait(DAY)
    assert game.claims("reporter") == [("report", WRONG, 1)]
    game.wait(8 * DAY)
    assert game.claims("reporter") == []


def test_claims__slides_rule__owner_takes(play):
    game = play(Terms.slides())
    game.wait(7 * DAY)
    assert game.claims("owner") == [("take", KNOWN, 0), ("take", WRONG, 1), ("refund", WRONG, 0)]
    assert game.claims("stranger") == []
    game.wait(2 * DAY)
    assert ("take", KNOWN, 0) in game.claims("stranger")


def test_prospects__default_rule__dates_and_nothing_lost(play):
    game = play(Terms())

    assert game.prospects("contributor") == [
        (1, 0, "refunded if the model agrees; nobody can report it"),
        (1, 1, "refunded if the model agrees; others can report it if not"),
        (10, 0, "what is left goes back in any case"),
        (10, 1, "what is left goes back in any case"),
    ]
    game.wait(2 * DAY)
    assert [days for days, *_ in game.prospects("contributor")] == [10, 10]
    assert game.prospects("stranger") == []


def test_prospects__slides_rule__says_what_is_lost_and_when(play):
    game = play(Terms.slides())

    lines = game.prospects("contributor")

    assert [(days, label) for days, label, text in lines if "LOST" in text] == [(7, 0), (7, 1), (9, 0), (9, 1)]
