from comodels.rows import pack_rows
from tests.unit.DensePerceptron.conftest import x


def test_evaluate__rows__counts_those_with_another_class(create):
    twin, model = create([[1, 0], [0, 1], [-1, -1]])
    rows = [(0, x(9, 1)), (1, x(9, 1)), (1, x(1, 9)), (2, x(-5, -5)), (0, x(-5, -5))]
    assert model.call("evaluate", pack_rows(rows)) == 2 == twin.evaluate(pack_rows(rows))


def test_evaluate__wrong_dimension_or_class__reverts(create, why):
    _, model = create([[1, 0], [0, 1]])
    assert why(model, "evaluate", pack_rows([(0, x(1, 2)), (0, x(1))])) == "sample: wrong dimension"
    assert why(model, "evaluate", pack_rows([(2, x(1, 2))])) == "model: no such class"
