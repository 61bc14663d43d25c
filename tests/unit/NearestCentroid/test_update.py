import pytest

from tests.unit.NearestCentroid.conftest import x


def test_update__by_hand__sum_count_and_squared_norm(create, do, trainer):
    """S = (6, 0), n = 3, ‖S‖² = 36; x = (6, 8): S = (12, 8), n = 4, ‖S‖² = 36 + 2·36 + 100 = 208 = 144 + 64."""
    twin, model = create([[6, 0], [0, 2]], [3, 2])
    assert model.call("update", x(6, 8), 0, sender=str(trainer.address)) == 1
    assert do(model, "update", x(6, 8), 0)["logs"] == []
    word = model.call("words", 1, 1)[0]
    assert (word >> 192, word >> 160 & (2**32 - 1)) == (208, 4)
    assert (word & (2**24 - 1), word >> 48 & (2**24 - 1)) == (12, 8)
    assert model.call("count", 0) == 4
    assert model.call("version") == 1
    twin.update(x(6, 8), 0)
    assert model.call("words", 0, 3) == tuple(twin.words())


def test_update__class_without_samples__can_begin(create, do):
    _, model = create([[0], [5]], [0, 1])
    do(model, "update", x(10), 0)
    assert model.call("count", 0) == 1
    assert model.call("predict", x(10)) == 0


@pytest.mark.parametrize("n_features", [1, 6, 7, 10, 11, 36])
@pytest.mark.parametrize(("value", "limit"), [(10, 2**23 - 1), (-10, -(2**23))])
def test_update__sum_at_its_limit__reverts_and_stays(n_features, value, limit, create, why):
    twin, model = create([[0] * (n_features - 1) + [limit]] * 2, [9, 9])
    sample = x(*[0] * (n_features - 1), value)
    assert why(model, "update", sample, 1) == "centroid: sum out of range"
    assert why(model, "update", x(*[0] * (n_features - 1), -value), 1) == ""
    assert model.call("words", 0, model.call("word_count")) == tuple(twin.words())


def test_update__count_at_its_limit__reverts(create, why):
    _, model = create([[5], [5]], [2**32 - 1, 2**32 - 2])
    assert why(model, "update", x(10), 0) == "centroid: count is full"
    assert why(model, "update", x(10), 1) == ""


def test_update__norm_out_of_bounds__reverts(create, why):
    _, model = create([[5, 0], [5, 0]], [1, 1], unit=50)
    for values, message in [((49, 0), ""), ((51, 0), ""), ((48, 9), "sample: norm out of bounds")]:
        assert why(model, "update", x(*values), 0) == message
    assert why(model, "update", x(51, 1), 0) == "sample: norm out of bounds"


def test_update__refused_callers_labels_and_samples__revert(create, why, stranger):
    _, model = create([[5], [5]], [1, 1])
    assert why(model, "update", x(10), 1, sender=stranger) == "model: not the trainer"
    assert why(model, "update", x(10), 2) == "model: no such class"
    assert why(model, "update", x(10), 256) == "model: no such class"
    assert why(model, "update", x(10, 0), 1) == "sample: wrong dimension"
    _, model = create([[5], [5]], [1, 1], sealed=False)
    assert why(model, "update", x(10), 1) == "model: not sealed"
