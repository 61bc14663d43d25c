"""`update`, `predict`, `predict_without` and `evaluate` of the models that count: what they refuse."""

import pytest

from comodels.revert import Revert
from comodels.rows import pack_rows
from tests.unit.table_models.conftest import x

MALFORMED = [
    b"",
    b"\x00",
    b"\x00\x01\x02",
    x(3, 3),
    x(4, 3),
    x(20),
    x(1, 2, 65_535),
    x(*range(17), 16),
    x(*range(1_025)),
]


@pytest.mark.parametrize("sample", MALFORMED, ids=range(len(MALFORMED)))
def test_update_and_predict__malformed_sample__are_refused_as_by_the_twin(create, why, trainer, sample):
    n_features = 20 if len(sample) < 2_000 else 1_100
    twin, model = create(n_features, room=2, counts=[[1] * n_features] * 2, samples=[1, 1])
    with pytest.raises(Revert) as refused:
        twin.predict(sample)
    problem = str(refused.value)
    # what is longer than any sample does not get as far as the model's own check
    expected = problem if len(sample) <= 2_048 else None
    for answer in (
        why(model, "update", sample, 0, sender=trainer),
        why(model, "predict", sample),
        why(model, "scores", sample),
        why(model, "predict_without", sample, 0, 1),
    ):
        assert answer == expected or (expected is None and answer)
    with pytest.raises(Revert, match=problem):
        twin.update(sample, 0)


def test_update__not_the_trainer_or_no_such_class_or_not_sealed__is_refused(create, why, trainer, owner):
    _, model = create()
    assert why(model, "update", x(1), 0, sender=owner) == "model: not the trainer"
    assert why(model, "update", x(1), 2, sender=trainer) == "model: no such class"
    assert why(model, "update", x(1), 256, sender=trainer) == "model: no such class"
    _, model = create(sealed=False)
    assert why(model, "update", x(1), 0, sender=trainer) == "model: not sealed"


@pytest.mark.parametrize("full", ["count", "samples", "figure"])
def test_update__count_is_full__is_refused_and_nothing_changes(create, why, trainer, full):
    counts = [[2**32 - 1 if full == "count" else 1] * 20, [0] * 20]
    samples = [2**32 - 1 if full == "samples" else 2**31, 0]
    twin, _ = create(counts=counts if full != "count" else None, samples=samples)
    words = twin.words()
    if full == "count":
        word, lane = twin.parameters.place(7, 0)
        words[word] |= (2**32 - 1) << 224 - 32 * lane
    if full == "figure":
        words[0] |= (2**64 - 1) << 96
    _, model = create(words=words)
    assert why(model, "update", x(1, 7), 0, sender=trainer) == "model: count is full"
    assert model.call("words", 0, len(words)) == tuple(words)


def test_update__sample__counts_once_and_returns_1(create, do, trainer, rpc):
    twin, model = create(n_features=300)
    sample = x(0, 7, 8, 191, 192, 299)
    call = {"from": str(trainer.address), "to": model.address, "data": "0x" + model.data("update", sample, 1).hex()}
    assert int(rpc.rpc("eth_call", call, "latest"), 16) == 1
    do(model, "update", sample, 1, sender=trainer)
    assert twin.update(sample, 1) == 1
    assert model.call("words", 0, twin.parameters.word_count) == tuple(twin.words())
    assert model.call("version") == 1
    assert sum(twin.counts[1]) == 6


def test_predict__no_samples_at_all__is_class_0(create):
    twin, model = create()
    assert model.call("predict", x(3)) == twin.predict(x(3)) == 0
    assert model.call("scores", x(3)) == (-(2**255), -(2**255))


def test_predict__class_without_samples__never_wins(create):
    twin, model = create(counts=[[0] * 20, [0] * 20], samples=[0, 1])
    assert model.call("predict", x(3)) == twin.predict(x(3)) == 1


def test_predict__equal_classes__is_the_lower_one(create):
    twin, model = create(counts=[range(20)] * 3, samples=[30] * 3)
    assert model.call("predict", x(3, 5)) == twin.predict(x(3, 5)) == 0
    assert len(set(model.call("scores", x(3, 5)))) == 1


def test_predict_without__only_sample_of_its_class__leaves_the_class_empty(create):
    counts = [[0] * 20, [0] * 20, [1] * 20]
    counts[1][3] = 1
    twin, model = create(counts=counts, samples=[0, 1, 1])
    assert model.call("predict", x(3)) == twin.predict(x(3)) == 1
    assert model.call("predict_without", x(3), 1, 1) == twin.predict_without(x(3), 1, 1) == 2


def test_predict_without__never_added_or_no_such_class__is_refused(create, why):
    _, model = create(counts=[[0] * 20, [0] * 20], samples=[0, 1])
    assert why(model, "predict_without", x(3), 0, 1) == "model: no such sample was added"
    assert why(model, "predict_without", x(3), 1, 1) == "model: no such sample was added"
    assert why(model, "predict_without", x(3), 2, 1) == "model: no such class"


def test_evaluate__rows__are_counted_or_refused(create, why):
    twin, model = create(counts=[[5] * 10 + [0] * 10, [0] * 10 + [5] * 10], samples=[5, 5])
    rows = pack_rows([(0, x(1, 2)), (1, x(1, 2)), (1, x(15)), (0, x(16))])
    assert model.call("evaluate", rows) == twin.evaluate(rows) == 2
    assert model.call("evaluate", b"") == 0
    assert why(model, "evaluate", pack_rows([(2, x(1))])) == "model: no such class"
    assert why(model, "evaluate", rows[:-1]) == "sample: row is cut off"


def test_statistics__no_such_class__is_refused(create, why):
    _, model = create()
    assert why(model, "statistics", 2) == "model: no such class"


@pytest.mark.parametrize(("n_features", "longest"), [(5_120, 1_024), (5_121, 640)])
def test_update__more_features_than_an_update_may_write__too_long(create, why, n_features, longest):
    _, model = create(n_features=n_features, room=1, classes=1, words=[1 << 192])

    model.call("predict", x(*range(longest)))

    if longest < 1_024:
        assert why(model, "predict", x(*range(longest + 1))) == "sample: too long"
