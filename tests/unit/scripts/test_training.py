"""Which model is made for which data, and that it learns."""

import pytest

import encoders
from scripts import _models


@pytest.mark.parametrize(
    ("source", "kind", "least"),
    [
        ("breast_cancer", "DensePerceptron", 0.94),
        ("wine", "MulticlassDensePerceptron", 0.94),
        ("digits", "MulticlassDensePerceptron", 0.9),
    ],
)
def test_train_for__numbers__perceptron_for_as_many_classes_that_knows_what_it_learnt(source, kind, least):
    data = encoders.read_data(source)
    encoder = encoders.Tabular.fit(data.samples)
    positions, samples = encoder.encode_valid(data.samples)
    labels = data.labels[positions]

    twin = _models.train_for(encoder, samples, labels, epochs=2, classes=len(data.class_names))

    assert kind == twin.KIND
    assert twin.class_count == len(data.class_names)
    assert (twin.version, twin.parameters.rate) == (0, 1)
    assert _models.accuracy([twin.predict(x) for x in samples], labels) > least


@pytest.mark.parametrize(
    ("kind", "sparse"),
    [(k, k not in ("DensePerceptron", "NearestCentroid", "MulticlassDensePerceptron")) for k in _models.TWINS],
)
def test_takes_words__every_kind__as_its_twin_reads_samples(kind, sparse):
    assert _models.takes_words(kind) == sparse
