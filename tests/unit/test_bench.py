"""What the measurements of models are made of."""

import numpy as np
import pytest

from comodels.bench.falling import Falling
from comodels.bench.margins import margin_of, models, sparse
from comodels.bench.vocabularies import measure, table
from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from encoders import BagOfWords, Tabular

UNIT = 10
X = bytes([UNIT])


@pytest.mark.parametrize(
    ("updates", "rate"), [(0, 8), (4, 8), (5, 7), (16, 7), (17, 6), (295, 3), (296, 2), (878, 2), (879, 1), (9_999, 1)]
)
def test_falling__update__moves_by_the_rate_of_that_many_updates(updates, rate):
    parameters = DensePerceptronParameters(1, UNIT, bias_rate=UNIT, margin=3 * UNIT**2)
    model = Falling(DensePerceptron(parameters), updates)

    assert model.update(X, 1) == 1

    assert (model.twin.weights.tolist(), model.twin.bias) == ([rate * UNIT], rate * UNIT)
    assert (model.updates, model.twin.parameters) == (updates + 1, parameters)
    assert model.copy().updates == updates + 1


def test_falling__nothing_to_learn_or_no_room__counts_no_update():
    parameters = DensePerceptronParameters(1, UNIT, margin=1)
    known = Falling(DensePerceptron(parameters, [1_000]))
    full = Falling(DensePerceptron(parameters, [-(2**15)], bias=40_000))

    assert (known.update(X, 1), known.updates) == (0, 0)
    assert full.predict(X) == 1
    assert (full.update(X, 0), full.updates) == (0, 0)


def test_margin_of__nats__as_the_document_says():
    assert [margin_of(nats) for nats in (3, 5, 8)] == [1_108, 1_847, 2_955]


def test_models__margins__differ_in_nothing_else():
    found = dict(models(20, 3))

    assert [name for name in found if "margin" in name] == [f"naive-bayes, margin of {n} nats" for n in (3, 5, 8)]
    assert found["naive-bayes"].parameters.margin == 0
    assert {twin.parameters.room for name, twin in found.items() if "naive" in name} == {3}


def test_sparse__numbers__are_what_is_above_the_mean():
    rows = np.array([[0.5, -1, 2], [-1, 0, -2]])

    assert sparse(([b""] * 2, np.zeros(2), rows), Tabular([0.0] * 3, [1.0] * 3, 100)) == [bytes([0, 0, 0, 2]), b""]
    assert sparse(([b"\0\1"], np.zeros(1), None), BagOfWords(["a", "b"])) == [b"\0\1"]


def test_vocabularies__words_that_tell_and_others__chosen_by_what_they_tell(tmp_path):
    path = tmp_path / "films.tsv"
    lines = [f"{('bad', 'good')[i % 2]}\tthe film number{i} {('dull', 'fine')[i % 2]}" for i in range(50)]
    path.write_text("\n".join(["label\ttext", *lines]))
    found = dict(measure(str(path), 1))

    assert list(found) == [f"{n} {how}" for n in ("1,000", "5,000") for how in ("most frequent", "telling (χ²)")]
    accuracy, flipped, turned, words, slots = found["1,000 telling (χ²)"]
    assert (accuracy, words) == (100, 4)
    assert 0 <= flipped <= 100
    assert 0 <= turned <= 100
    assert 1 <= slots <= 2
    assert "| films: 5,000 most frequent | 100.0 ± 0.0 |" in table([str(path)], 2)
