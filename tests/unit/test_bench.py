"""What the measurements of models are made of."""

import numpy as np

from comodels.bench.falling import learn, published
from comodels.bench.margins import margin_of, models, sparse
from comodels.bench.vocabularies import measure, table
from comodels.models.dense_perceptron import DensePerceptron, DensePerceptronParameters
from encoders import BagOfWords, Tabular

UNIT = 10
X = bytes([UNIT])


def test_published__untrained__falls_and_constant_rates():
    found = dict(published(DensePerceptron, 1, UNIT, 2, [], []))

    assert [(name, twin.parameters.fall) for name, twin in found.items()] == [
        *[(f"fall {fall}", fall) for fall in range(1, 6)],
        ("constant", 0),
        ("constant, margin of those that fall", 0),
    ]
    assert not any(any(twin.words()) for twin in found.values())
    assert {twin.parameters.margin for name, twin in found.items() if name != "constant"} == {6 * UNIT**2}
    assert found["constant"].parameters.margin == 3 * UNIT**2


def test_published__trained__falls_go_on_where_training_ended_and_head_starts_weigh_more():
    found = dict(published(DensePerceptron, 1, UNIT, 2, [X], [1]))

    # a pass moves weight and bias by 10 times the rate, and so the score by 200 times it; the margin is 300 times the
    # rate, or 600 where that falls: two passes, or three
    weights = {name: int(twin.weights[0]) for name, twin in found.items()}
    assert weights == {
        "fall 1": 60,
        "fall 2": 120,
        "fall 3": 240,
        "fall 4": 480,
        "fall 5": 960,
        "head start 1": 20,
        "head start 4": 80,
        "head start 8": 160,
        "head start 16": 320,
    }
    assert [twin.count for twin in found.values()] == [3] * 5 + [0] * 4


def test_learn__no_room__is_left_out():
    full = DensePerceptron(DensePerceptronParameters(1, UNIT, margin=1), [-(2**15)], bias=40_000)

    assert full.predict(X) == 1
    assert learn(full, [X, X], [0, 1]).version == 0


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
