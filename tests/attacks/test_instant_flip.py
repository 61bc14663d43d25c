"""The model is flipped, asked, and flipped back.

Whoever claims chooses the moment at which the model is asked. With a few contributions before and after it in the same
block, to which nobody could react, it would say for this moment what they like. What they cost is locked for a day, not
lost: the same trick would refund them. So in a second in which it learnt the model is not asked: a flip has to stand
over a block, and whoever sees it can end it.
"""

import pytest

from comodels.incentives.self_assessment import Contribution, Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.conftest import pack_card
from tests.evm import Evm, artefacts

HOUR, DAY = 3_600, 86_400


def sample(*indices):
    return b"".join(i.to_bytes(2, "big") for i in sorted(indices))


class Scene:
    """Feature 0 means class 1; everybody else's samples have one feature of their own beside it."""

    def __init__(self, project, margin):
        artefact = artefacts(project)
        evm = self.evm = Evm()
        self.owner, self.contributor, self.attacker, self.keeper = map(
            evm.account, ("owner", "honest", "bad", "keeper")
        )
        self.incentive = evm.deploy("SelfAssessment", *artefact("SelfAssessment"), self.owner)
        twin = SparsePerceptron(SparsePerceptronParameters(400, margin=margin))
        implementation = evm.deploy(twin.KIND, *artefact(twin.KIND), self.owner)
        create = (
            self.owner,
            self.incentive.address,
            Terms().encode(),
            twin.parameters.pack(),
            pack_card(),
            twin.words(),
            True,
            bytes(32),
        )
        outcome = evm.send(self.owner, implementation.address, implementation.data("create", *create))
        address = next(log.model for log in outcome.logs if log.name == "Created")
        self.model = evm.at("model", address, artefact(twin.KIND)[1])
        self.features = iter(range(1, 400))

    def add(self, who, y) -> bytes:
        """Contribute a sample with feature 0 and a new one."""
        x = sample(0, next(self.features))
        deposit = self.incentive.call("required_deposit", self.model.address)
        data = self.incentive.data("add_data", self.model.address, x, y)
        assert self.evm.send(who, self.incentive.address, data, deposit).ok
        return x

    def claim(self, who, function, contributor, x, y) -> bool:
        data = self.incentive.data(function, self.model.address, contributor, x, y)
        return self.evm.send(who, self.incentive.address, data).ok

    def record(self, x) -> Contribution:
        """Of the honest contributor's sample with label 1."""
        known = self.incentive.call("contribution", self.model.address, self.contributor, x, 1)
        return Contribution(*known)

    def flip(self, samples, y) -> None:
        """Make the model answer `y` to all of these, in this block."""
        while any(self.model.call("predict", x) != y for x in samples):
            self.add(self.attacker, y)

    def teach(self, count) -> list[bytes]:
        """Honest contributions, an hour apart."""
        samples = []
        for _ in range(count):
            self.evm.wait(HOUR)
            samples.append(self.add(self.contributor, 1))
        return samples


@pytest.mark.parametrize("margin", [0, 4, 20])
def test_instant_flip__bad_data__is_not_refunded_by_it(project, margin):
    scene = Scene(project, margin)
    good = scene.teach(30)
    bad = []
    for _ in range(10):
        scene.evm.wait(HOUR)
        bad.append(scene.add(scene.attacker, 0))
        good += scene.teach(1)
    scene.evm.wait(DAY)
    assert not any(scene.claim(scene.keeper, "refund", scene.attacker, x, 0) for x in bad)

    scene.flip(bad, 0)
    refunded = sum(scene.claim(scene.attacker, "refund", scene.attacker, x, 0) for x in bad)
    scene.flip(good, 1)

    assert refunded == 0
    assert scene.incentive.call("validated_of", scene.model.address, scene.attacker) == 0


@pytest.mark.parametrize("kept", [True, False])
def test_instant_flip__honest_and_late__nothing_is_taken(project, kept):
    """A flip of a moment takes nothing, whether or not somebody has refunded what the model agrees with meanwhile."""
    scene = Scene(project, 20)
    right = scene.add(scene.attacker, 0)  # a fresh model says 0: whoever has this validated may report
    scene.evm.wait(DAY)
    assert scene.claim(scene.attacker, "refund", scene.attacker, right, 0)
    good = scene.teach(30)
    born_wrong = [
        x for x in good if scene.incentive.call("contribution", scene.model.address, scene.contributor, x, 1)[4]
    ]
    assert born_wrong
    scene.evm.wait(DAY)
    before = scene.evm.balance(scene.contributor), scene.evm.balance(scene.incentive.address)

    scene.flip(good, 0)
    assert not any(scene.claim(scene.attacker, "flag", scene.contributor, x, 1) for x in born_wrong)
    scene.evm.wait(12)
    # even announced in a block over which the flip stands
    assert any(scene.claim(scene.attacker, "flag", scene.contributor, x, 1) for x in born_wrong)
    scene.flip(good, 1)
    scene.evm.wait(3 * DAY)
    if kept:
        for x in good:
            assert scene.claim(scene.keeper, "refund", scene.contributor, x, 1)
    scene.flip(good, 0)
    taken = sum(scene.claim(scene.attacker, "report", scene.contributor, x, 1) for x in born_wrong)
    scene.flip(good, 1)

    assert before[0] <= scene.evm.balance(scene.contributor)
    assert taken == 0


@pytest.mark.parametrize("margin", [0, 20])
def test_flip_over_a_block__any_contribution_before_the_claims__stops_them(project, margin):
    """Who sees a flip needs one contribution, and not even one that turns the model back, to stop the claims."""
    scene = Scene(project, margin)
    good = scene.teach(30)
    bad = []
    for _ in range(10):
        scene.evm.wait(HOUR)
        bad.append(scene.add(scene.attacker, 0))
        good += scene.teach(1)
    scene.evm.wait(DAY)

    scene.flip(bad, 0)
    scene.evm.wait(12)
    scene.add(scene.keeper, 1)
    assert not any(scene.claim(scene.attacker, "refund", scene.attacker, x, 0) for x in bad)

    # what remains: where nobody watches, a flip that stands over a block has its way
    scene.flip(bad, 0)
    scene.evm.wait(12)
    assert all(scene.claim(scene.attacker, "refund", scene.attacker, x, 0) for x in bad)


@pytest.mark.parametrize(("seconds", "milliether"), [(1, 60), (12, 20)])
def test_contribution_in_every_block__by_who_hinders_claims__costs_a_deposit_each_and_keeps_nothing_back(
    project, seconds, milliether
):
    """A day of it locks 5,184 ether where a block takes a second, and 144 where it takes twelve."""
    scene = Scene(project, 4)
    good = scene.teach(3)
    scene.evm.wait(DAY)
    scene.add(scene.attacker, 1)
    for _ in range(20):
        scene.evm.wait(seconds)
        deposit = scene.incentive.call("required_deposit", scene.model.address)
        assert round(deposit / 10**15) == milliether
        scene.add(scene.attacker, 1)
        assert not any(scene.claim(scene.contributor, "refund", scene.contributor, x, 1) for x in good)
    scene.evm.wait(10 * DAY)
    scene.add(scene.attacker, 1)
    assert all(scene.claim(scene.contributor, "rest", scene.contributor, x, 1) for x in good)
