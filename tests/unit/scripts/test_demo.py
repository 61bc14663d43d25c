"""`ape run demo`: the story, on a small data set."""

import pytest

from scripts import demo
from scripts._incentives import SelfAssessment


@pytest.fixture
def parts(reviews):
    return demo.prepare(str(reviews), features=30)


def test_prepare__data__is_divided_without_overlap(parts):
    assert len(parts.test) == 25
    assert len(parts.first) == 15
    assert len(parts.rest) == 60


def test_play__honest_and_malicious__money_is_conserved_and_badness_does_not_pay(chain, accounts, parts, tmp_path):
    stage, gas = demo.set_stage(chain.provider, accounts, parts, SelfAssessment())
    assert gas < 500_000
    story = demo.play(stage, parts)
    assert sum(story.submitted.values()) + story.skipped == len(parts.rest)
    assert story.open == 0
    assert story.left_in_contract == 0
    assert sum(gains[-1] for gains in story.gains.values()) == 0
    assert story.gains["honest"][-1] > 0 > story.gains["malicious"][-1]
    assert story.accuracies[-1] >= 0.9
    path = demo.plot(story, tmp_path / "plot.png")
    assert path.stat().st_size > 10_000
