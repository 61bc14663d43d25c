import pytest

from comodels.incentives.points import badge_name, badge_names
from tests.unit.Points.conftest import x


def test_badges__read_by_name(points, model, contribute, contributor, stranger):
    contribute(model, contributor, x(1), 1)
    contribute(model, contributor, x(10), 0)
    assert points.badge_names(model, contributor) == ["label 0", "label 1", "milestone 1"]
    assert points.badge_names(model, contributor) == list(badge_names(points.badges(model, contributor)))
    for name, has in [("label 1", True), ("milestone 1", True), ("milestone 10", False), ("label 01", False)]:
        assert points.has_badge(model, contributor, name) is has
        assert points.has_badge(model, stranger, name) is False


@pytest.mark.parametrize("milestone", [10, 100])
def test_badges__milestone__comes_with_the_contribution_that_reaches_it(
    milestone, points, open_model, contributor, raw, rpc
):
    model = open_model()
    contract, sender = raw(points), str(contributor.address)
    time = rpc.time + 10
    samples = [x(1, 20 + i) for i in range(milestone)]
    rpc.send(contract.transaction("add_data", model.address, s, 1, sender=sender, gas=400_000) for s in samples)
    time = rpc.time + 4_000
    claims = [
        contract.transaction("validate", model.address, s, 1, sender=sender, gas=400_000, time=time + i)
        for i, s in enumerate(samples)
    ]
    rpc.send(claims[:-1])
    assert not points.has_badge(model, contributor, f"milestone {milestone}")
    rpc.send(claims[-1:])
    assert points.has_badge(model, contributor, f"milestone {milestone}")
    assert points.account(model, contributor).validated == milestone


def test_badge_name__all_256__are_different():
    names = [badge_name(b) for b in range(256)]
    assert len(set(names)) == 256
    assert names[251:] == ["label 251", "milestone 1", "milestone 10", "milestone 100", "milestone 1000"]
