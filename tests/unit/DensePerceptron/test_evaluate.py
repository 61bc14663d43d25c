from comodels.rows import pack_rows
from tests.unit.DensePerceptron.conftest import x


def test_evaluate__right_and_wrong_rows__counts_the_wrong(create):
    _, model = create([1, 1])
    rows = [(1, x(1, 0)), (0, x(1, 0)), (0, x(-1, 0)), (1, x(0, 0)), (0, x(0, 0))]
    assert model.call("evaluate", pack_rows(rows)) == 2
    assert model.call("evaluate", b"") == 0


def test_evaluate__bad_rows__revert(create, why):
    _, model = create([1, 1])
    assert why(model, "evaluate", pack_rows([(2, x(1, 0))])) == "model: no such class"
    assert why(model, "evaluate", pack_rows([(1, x(1, 0, 0))])) == "sample: wrong dimension"
    assert why(model, "evaluate", pack_rows([(1, x(1, 0))])[:-1]) == "sample: row is cut off"
