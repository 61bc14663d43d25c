"""`ape run demo`: the story, on small data sets."""

import re

import pytest

from comodels import demo
from comodels.chain.history import History
from comodels.claims import Points, SelfAssessment
from comodels.errors import ComodelsError
from comodels.units import ETHER


@pytest.fixture(scope="module")
def parts():
    return demo.prepare("digits", samples=400)


def test_prepare__data__is_divided_without_overlap(parts):
    assert [len(part) for part in (parts.first, parts.rest, parts.test)] == [20, 280, 100]
    assert len(parts.saved.class_names) == 10


def test_prepare__fewer_owned_samples_than_classes__are_refused():
    with pytest.raises(ComodelsError, match="too few samples: 20, of 10 classes"):
        demo.prepare("digits", samples=20)


def test_schedule__malicious__has_the_class_after_the_right_one(parts):
    honest, malicious = demo.Actor("honest", "1", 1_800), demo.Actor("malicious", "2", 90)
    queue = demo.schedule(parts, honest, malicious, begin=1_000, seed=0)

    assert [x for _, _, x, _ in queue] == [x for x, _ in parts.rest]
    assert all(first[0] < second[0] for first, second in zip(queue, queue[1:], strict=False))
    for i, ((_, actor, _, label), (_, true)) in enumerate(zip(queue, parts.rest, strict=True)):
        assert (actor, label) == ((malicious, (true + 1) % 10) if i % 2 else (honest, true))


def test_play__honest_and_malicious__sentence_has_the_numbers_of_the_chain(rpc, parts, tmp_path):
    stage, gas = demo.set_stage(rpc, parts, SelfAssessment())
    honest, malicious = (stage.honest.account, stage.malicious.account)
    before = {account: rpc.balance(account) for account in (honest, malicious)}
    assert gas < 2_500_000

    story = demo.play(stage, parts)
    said = re.fullmatch(
        r"In (\d+) simulated days the model went from ([\d.]+)% right on 100 held-out samples, where it would have "
        r"stayed without contributions, to ([\d.]+)%, with (\d+) honest contributions and (\d+) wrong ones; the honest "
        r"account gained ([\d.]+) ether, the malicious one lost ([\d.]+) ether of its ([\d.]+) ether and could not pay "
        r"for (\d+) more; had everything been accepted and nothing lost, the model would be at ([\d.]+)%\.",
        demo.sentence(story),
    )
    assert said, demo.sentence(story)
    _, start, end, n_honest, n_malicious, gained, lost, purse, unpaid, unguarded = (float(n) for n in said.groups())

    def percent(twin) -> float:
        return sum(twin.predict(x) == y for x, y in parts.test)

    answers = stage.model.call_many("predict", [(x,) for x, _ in parts.test])
    assert end == sum(answer == y for answer, (_, y) in zip(answers, parts.test, strict=True))
    assert start == percent(parts.saved.twin())
    everything = parts.saved.twin()
    for _, _, x, y in demo.schedule(parts, stage.honest, stage.malicious, begin=0, seed=0):
        everything.update(x, y)
    assert unguarded == percent(everything)
    made = [c.contributor for c in History(rpc, stage.model.address, stage.incentive.address).contributions()]
    assert (n_honest, n_malicious) == (made.count(honest), made.count(malicious))
    assert n_malicious + unpaid == 140
    assert gained == round((rpc.balance(honest) - before[honest]) / ETHER, 3)
    assert lost == round((before[malicious] - rpc.balance(malicious)) / ETHER, 3)

    # what the demo is to convince of
    assert end >= start + 10
    assert end >= unguarded + 20
    assert 0.5 * purse < lost <= purse
    # and nothing is left or lost
    assert story.open == story.left_in_contract == 0
    assert sum(gains[-1] for gains in story.gains.values()) == 0
    assert min(story.gains["malicious"]) >= -story.purse
    assert demo.plot(story, tmp_path / "plot.png").stat().st_size > 10_000


def test_play__points__says_that_they_take_nothing(rpc, reviews):
    parts = demo.prepare(str(reviews), features=30)
    stage, _ = demo.set_stage(rpc, parts, Points())
    story = demo.play(stage, parts)

    assert sum(story.submitted.values()) + story.copies == len(parts.rest)
    assert story.gains["malicious"][-1] >= 0
    assert "because points take nothing from anybody; had everything" in demo.sentence(story)
