import ape

from comodels.wire import Facts
from tests.unit.Points.conftest import TERMS, x


def test_add_data__new_sample__is_recorded_logged_and_learnt(points, model, contributor, wait):
    wait(0)
    receipt = points.add_data(model, x(1, 10), 1, sender=contributor)
    time = receipt.timestamp
    # 1,000 - 1,000 is no win for class 1: the model learns, and class 0 had won
    assert points.AddData(model, contributor, contributor, Facts(1, 1, time).pack(), x(1, 10)) == receipt.events[-1]
    assert len(receipt.events) == 1
    assert tuple(points.contribution(model, x(1, 10), 1)) == (contributor.address, time, 1, True, False, False, False)
    assert points.statistics(model) == (1, 0)
    assert model.version() == 1


def test_add_data__model_agrees__has_no_effect(points, model, contributor):
    points.add_data(model, x(1), 1, sender=contributor)
    assert points.contribution(model, x(1), 1).effect == 0
    assert model.version() == 0


def test_add_data__copy_by_the_same_account__is_refused_and_the_first_stays(points, added, contributor, refused):
    before = points.contribution(*added)
    refused("points: a copy of an earlier contribution", "add_data", *added, sender=contributor)
    assert points.contribution(*added) == before


def test_add_data__copy_by_another_account__is_refused_and_the_first_stays(
    points, added, stranger, contributor, wait, refused
):
    refused("points: a copy of an earlier contribution", "add_data", *added, sender=stranger)
    wait()
    points.validate(*added, sender=contributor)
    assert points.account(added[0], contributor).validated == 1


def test_add_data__copy_of_a_validated_sample__is_refused_with_any_label(
    points, model, contribute, contributor, refused
):
    contribute(model, contributor, x(1, 20), 1)
    for label in (0, 1):
        refused("points: this sample has earned already", "add_data", model, x(1, 20), label, sender=contributor)


def test_add_data__copy_of_a_reported_contribution__is_refused(
    points, bad, validated_reporter, stranger, wait, refused
):
    wait()
    points.report(*bad, sender=validated_reporter)
    refused("points: a copy of an earlier contribution", "add_data", *bad, sender=stranger)


def test_add_data__sample_blocked_with_a_wrong_label__is_accepted_with_the_right_one(
    points, bad, stranger, contributor, wait
):
    model, sample, _ = bad
    points.add_data(model, sample, 1, sender=stranger)
    assert points.contribution(model, sample, 0).contributor == contributor
    assert points.contribution(model, sample, 1).contributor == stranger
    wait()
    points.validate(model, sample, 1, sender=stranger)
    assert points.account(model, stranger).validated == 1


def test_add_data__same_sample_on_two_models__counts_on_both(points, open_model, contribute, contributor):
    first, second = open_model(), open_model()
    contribute(first, contributor, x(1), 1)
    contribute(second, contributor, x(1), 1)
    assert [points.account(m, contributor).validated for m in (first, second)] == [1, 1]


def test_add_data__malformed_sample__leaves_nothing(points, model, contributor, refused):
    for sample, message in [
        (b"", "sample: empty"),
        (b"\0", "sample: odd length"),
        (x(2, 1), "sample: indices must increase"),
        (x(400), "sample: index out of range"),
    ]:
        refused(message, "add_data", model, sample, 1, sender=contributor)
        assert points.contribution(model, sample, 1).time == 0
    assert points.statistics(model) == (0, 0)


def test_add_data__label_out_of_range__is_refused(points, model, contributor, refused):
    refused("model: no such class", "add_data", model, x(1), 2, sender=contributor)
    for label in (255, 256, 257, 2**256 - 1):
        refused("points: label above 254", "add_data", model, x(1), label, sender=contributor)


def test_add_data__model_not_open__is_refused(points, contributor, stranger, refused):
    refused("points: not open for this model", "add_data", stranger, x(1), 1, sender=contributor)


def test_add_data__ether_sent_along__is_refused(points, model, contributor, refused):
    with ape.reverts():
        points.add_data(model, x(1), 1, sender=contributor, value=1)


def test_add_data__model_that_says_an_effect_too_large__is_refused(project, points, owner, contributor, refused):
    model = owner.deploy(project.ModelMock)
    model.set_owner(owner, sender=owner)
    model.set_answer((1).to_bytes(32, "big"), sender=owner)
    model.open(points, TERMS.encode(), sender=owner)
    for effect, reason in ((2**16, "points: unknown effect"), (2**255, "points: unknown effect")):
        model.set_effect(effect.to_bytes(32, "big"), sender=owner)
        refused(reason, "add_data", model, x(1), 1, sender=contributor)
    model.set_effect((2**16 - 1).to_bytes(32, "big"), sender=owner)
    points.add_data(model, x(1), 1, sender=contributor)
    assert points.contribution(model, x(1), 1).effect == 2**16 - 1


def test_busy__always__is_false(points, model):
    assert not points.busy(model)
