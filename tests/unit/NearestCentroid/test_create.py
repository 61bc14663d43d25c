import pytest

from comodels.models.nearest_centroid import NearestCentroidParameters
from tests.conftest import pack_card


@pytest.mark.parametrize(
    ("room", "n_features", "unit", "message"),
    [
        (0, 10, 10, "model: room for 1 to 255 classes"),
        (2, 0, 10, "model: 1 to 2,048 features"),
        (2, 2_049, 10, "model: 1 to 2,048 features"),
        (2, 10, 0, "model: unit of 1 to 5,792"),
        (2, 10, 5_793, "model: unit of 1 to 5,792"),
        (20, 2_048, 10, "model: too many classes"),
        (255, 157, 10, "model: too many classes"),
        (19, 2_048, 10, ""),
        (255, 156, 10, ""),
    ],
)
def test_create__parameters__only_those_in_range(
    room, n_features, unit, message, implementations, raw, rpc, owner, trainer
):
    implementation = raw(implementations("NearestCentroid"))
    packed = room | n_features << 8 | unit << 24
    transaction = implementation.transaction(
        "create", str(owner), str(trainer), b"", packed, pack_card(), [], False, bytes(32), sender=str(owner)
    )
    assert rpc.why(transaction) == message


@pytest.mark.parametrize(
    ("n_features", "words"), [(1, 1), (6, 1), (7, 2), (10, 2), (16, 2), (17, 3), (64, 7), (512, 52)]
)
def test_create__sizes__words_of_a_class_hold_count_and_squared_norm(n_features, words, create):
    twin, model = create([[-1] * n_features, [2] * n_features], [3, 4])
    assert model.call("word_count") == len(twin.words()) == 1 + 2 * words
    assert model.call("words", 0, 1 + 2 * words) == tuple(twin.words())
    assert (model.call("kind"), model.call("class_count")) == ("NearestCentroid", 2)
    assert [model.call("count", y) for y in range(2)] == [3, 4]
    assert NearestCentroidParameters.unpack(model.call("parameters")) == twin.parameters
