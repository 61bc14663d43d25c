"""Nearest centroid on an example that can be worked out by hand."""

import pytest

from comodels.models.sparse_nearest_centroid import SparseNearestCentroid, SparseNearestCentroidParameters
from tests.unit.table_models.conftest import x


@pytest.fixture
def taught(create_model, raw, rpc, trainer):
    twin = SparseNearestCentroid(SparseNearestCentroidParameters(4))
    model = raw(create_model(twin, trainer))
    stream = [(x(0, 1), 0), (x(0), 0), (x(1, 2, 3), 1), (x(2, 3), 1), (x(3), 1)]
    rpc.send(model.transaction("update", s, y, sender=str(trainer.address)) for s, y in stream)
    for s, y in stream:
        twin.update(s, y)
    return twin, model


def test_predict__five_samples__by_hand(taught):
    twin, model = taught
    # S_0 = (2, 1, 0, 0), n = 2, ‖S‖² = 5; S_1 = (0, 1, 2, 3), n = 3, ‖S‖² = 14, and 5/4, rounded up, that it began with
    assert [model.call("statistics", y) for y in (0, 1)] == [(2, 5), (3, 16)]
    # x = (0, 1, 0, 0): ‖x‖² less the distance: 2·1/2 - 5/4 = -1/4; 2·1/3 - 16/9 = -10/9
    assert model.call("scores", x(1)) == (-(2**126), -(10 * 2**128 // 9))
    assert model.call("predict", x(1)) == 0
    # x = (0, 1, 0, 1): 2·1/2 - 5/4 = -1/4; 2·4/3 - 16/9 = 8/9
    assert model.call("scores", x(1, 3)) == (-(2**126), -(-8 * 2**128 // 9))
    assert model.call("predict", x(1, 3)) == twin.predict(x(1, 3)) == 1


def test_predict_without__five_samples__by_hand(taught):
    _, model = taught
    # without (0, 1): S_0 = (1, 0, 0, 0), n = 1: for x = (1, 1, 0, 0): 2·1 - 1 = 1 > 2·1/3 - 16/9
    assert model.call("predict_without", x(0, 1), 0, 1) == 0
    # without (1, 2, 3): S_1 = (0, 0, 1, 2), n = 2, ‖S‖² = 5 and 2: 2·3/2 - 7/4 = 5/4 > 2·1/2 - 5/4
    assert model.call("predict_without", x(1, 2, 3), 1, 1) == 1
