"""Which model is made for which data, and that it learns."""

import numpy as np
import pytest

import encoders
from comodels import saved
from comodels.errors import ComodelsError
from comodels.models import KINDS, choose_twin, training, twin_of
from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.models.training import prepare
from comodels.revert import Revert


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

    twin = saved.train_for(encoder, samples, labels, epochs=2, classes=len(data.class_names))

    assert kind == twin.KIND
    assert twin.class_count == len(data.class_names)
    assert (twin.version, twin.parameters.rate) == (0, 1)
    assert saved.accuracy([twin.predict(x) for x in samples], labels) > least


@pytest.mark.parametrize("kind", KINDS)
def test_twin_of__every_kind__reads_the_samples_that_it_says(kind):
    twin_class = twin_of(kind)
    fields = {"n_features": 300} | ({} if twin_class.SPARSE else {"unit": 100})
    twin = twin_class.untrained(twin_class.PARAMETERS(**fields), 2)
    words, numbers = bytes([0, 1, 1, 2]), bytes([100]) + bytes(299)
    good, bad = (words, numbers) if twin_class.SPARSE else (numbers, words)
    assert kind == twin.KIND
    assert twin.version == 0
    twin.update(good, 1)
    with pytest.raises(Revert, match="sample: "):
        twin.update(bad, 1)


@pytest.mark.parametrize(
    ("family", "sparse", "room", "kind"),
    [
        ("perceptron", True, 2, "SparsePerceptron"),
        ("perceptron", True, 3, "MulticlassSparsePerceptron"),
        ("perceptron", False, 2, "DensePerceptron"),
        ("perceptron", False, 255, "MulticlassDensePerceptron"),
        ("nearest-centroid", True, 2, "SparseNearestCentroid"),
        ("nearest-centroid", False, 2, "NearestCentroid"),
        ("naive-bayes", True, 5, "NaiveBayes"),
    ],
)
def test_choose_twin__family_and_samples__kind_that_fits(family, sparse, room, kind):
    assert kind == choose_twin(family, sparse, room).KIND


@pytest.mark.parametrize(("family", "sparse", "room"), [("naive-bayes", False, 2), ("perceptron", True, 256)])
def test_choose_twin__none_fits__refused(family, sparse, room):
    with pytest.raises(ComodelsError, match=f"No model of the family {family}"):
        choose_twin(family, sparse, room)


def test_prepare__naive_bayes__no_class_is_held_back_as_one_that_begins_on_chain():
    """There its first sample must win nothing; here it would only cost accuracy."""
    samples = [bytes([0, 0, 0, 1]), bytes([0, 0]), bytes([0, 2, 0, 3]), bytes([0, 2])]
    untrained = NaiveBayes(NaiveBayesParameters(n_features=4))

    trained = prepare(untrained, samples, [0, 0, 1, 1])

    assert trained.figures == [3, 3]
    assert trained.counts == [[2, 1, 0, 0], [0, 0, 2, 1]]
    assert (trained.samples, trained.version) == ([2, 2], 0)


@pytest.fixture
def numbers():
    """An encoder of 20 numbers, and samples of two classes."""
    rng = np.random.default_rng(4)
    labels = rng.integers(2, size=60)
    rows = rng.normal(size=(60, 20)) + 2 * labels[:, None]
    encoder = encoders.Tabular.fit(rows)
    return encoder, [encoder.encode(row) for row in rows], labels.tolist()


@pytest.mark.parametrize("classes", [2, 3])
def test_train_for__nothing_learnt_before__the_rate_falls_by_its_own_margin(numbers, classes):
    encoder, samples, labels = numbers
    for given in (([], []), (samples, labels, 0)):
        p = saved.train_for(encoder, *given, classes=classes).parameters
        assert (p.rate, p.fall, p.margin) == (1, 3, 6 * encoder.unit**2 * (classes - 1))
    p = saved.train_for(encoder, samples, labels, classes=classes).parameters
    assert (p.rate, p.fall, p.margin) == (1, 0, 3 * encoder.unit**2 * (classes - 1))


@pytest.mark.parametrize(("rate", "fall"), [(16, 3), (17, 2), (64, 1), (65, 0), (128, 0)])
def test_train_for__large_rate__falls_as_far_as_there_is_room(numbers, rate, fall):
    assert saved.train_for(numbers[0], [], [], rate=rate).parameters.fall == fall
    with pytest.raises(Revert, match="learning rate of 1 to 128"):
        saved.train_for(numbers[0], [], [], rate=rate, fall=fall + 1 if fall < 3 else 4)


@pytest.mark.parametrize("family", ["nearest-centroid", "levels", "perceptron"])
def test_train_for__models_without_such_rates__have_none_and_refuse_one(numbers, family):
    encoder = numbers[0] if family == "nearest-centroid" else encoders.BagOfWords(["a", "b"])
    assert not hasattr(saved.train_for(encoder, [], [], family=family).parameters, "fall")
    with pytest.raises(ComodelsError, match="for perceptrons on numbers"):
        saved.train_for(encoder, [], [], family=family, fall=3)


def test_prepare__rate_that_falls__goes_on_from_the_count_of_the_training(numbers):
    encoder, samples, labels = numbers
    twin = saved.train_for(encoder, samples, labels, fall=5)

    again = saved.new_twin(encoder, fall=5)
    training.train(again, samples, labels, training.DEFAULTS.epochs)
    assert 4 < twin.count == again.version < 1_024
    assert (twin.version, twin.words()) == (0, again.words())
    other = saved.train_for(encoder, samples, labels)
    assert other.count == 0
