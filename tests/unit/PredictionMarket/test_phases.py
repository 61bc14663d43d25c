"""What holds from the beginning to the end of a market."""

import pytest

from comodels.incentives.prediction_market import PHASES, SETTLED
from comodels.revert import Revert
from tests.mirror import PLAN, random_sample


def test_model__in_every_phase__predicts_what_its_twin_does(
    mirror, secret, model, contribute, contributor, keeper, rng, project, raw
):
    live, twin = raw(project.SparsePerceptron.at(model)), mirror.twin.models[model][0]
    samples = [random_sample(rng) for _ in range(10)]
    seen = []

    def check():
        seen.append(PHASES[mirror.contract.call("market", secret.market)[6]] if seen else "none")
        assert [live.call("predict", x) for x in samples] == [twin.predict(x) for x in samples]

    check()
    mirror.commit(secret.provider, model, secret.tree.root)
    check()
    mirror.draw_and_reveal(secret, keeper)
    check()
    mirror.prepare(keeper, secret.market)
    before = twin.words()
    contribute(model, contributor, 4)
    assert twin.words() != before
    check()
    assert mirror.contract.call("market", secret.market)[8] == 4
    mirror.wait(PLAN.participation_time)
    mirror.close(keeper, secret.market)
    check()
    mirror.reveal_rest(secret, keeper)
    check()
    for _ in range(4):
        with pytest.raises(Revert, match="nobody can take part now"):
            mirror.add_data(contributor, model, samples[0], 1)
        mirror.score_next(keeper, secret.market)
    check()
    mirror.settle(keeper, secret.market)
    check()
    assert seen == list(PHASES[: SETTLED + 1])
