"""Model files of the original prototype: they are published as they are, and what is not of their form is refused."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from comodels import training
from comodels.ancestor import LARGEST, MOST_SAMPLES, is_ancestor, read_ancestor
from comodels.claims import SelfAssessment
from comodels.errors import ComodelsError
from comodels.publish import Options, publish
from comodels.published import find
from scripts.deploy import cli

VOCABULARY = {"great": 3, "film": 1, "dull": 0, "Bad": 4, "not here": 5, "großes": 2}
PERCEPTRON = {
    "type": "sparse perceptron",
    "classifications": ["Negative", "Positive"],
    "weights": [-2.0, 0.25, 0.5, 4.0, -1.0, 1.0],
    "bias": -0.125,
}
WORDS = {
    "type": "sparse nearest centroid classifier",
    "centroids": {
        "bad": {"centroid": {"0": 0.75, "1": 0.5}, "dataCount": 8},
        "good": {"centroid": {"3": 1, "1": 0.5, "2": 0.25}, "dataCount": 4},
    },
}
ROWS = {
    "type": "nearest centroid classifier",
    "intents": {
        "left": {"centroid": [0.6, -0.7, 0.1], "dataCount": 10},
        "right": {"centroid": [-0.6, 0.7, 0.2], "dataCount": 20},
    },
}


@pytest.fixture
def write(tmp_path):
    def write(content, name="model.json"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


@pytest.fixture
def read(write):
    """A model file as a model here; with the vocabulary if it is on words."""

    def read(content, vocabulary=VOCABULARY):
        words = None if vocabulary is None else write(vocabulary, "vocabulary.json")
        return read_ancestor(write(content), words, "old")

    return read


# ---- sparse perceptrons ----------------------------------------------------------------------------------------------


def test_perceptron__weights__are_scaled_to_whole_numbers(read):
    found = read(PERCEPTRON)
    twin = found.model.twin()
    assert found.model.encoder.words == ("dull", "film", "großes", "great")
    scale = LARGEST / 4
    assert twin.weights == [round(w * scale) for w in (-2.0, 0.25, 0.5, 4.0)]
    assert twin.bias == round(-0.125 * scale)
    assert twin.parameters.rate == round(0.5 * scale)
    assert found.model.class_names == ("Negative", "Positive")
    assert any("'Bad', 'not here'" in note for note in found.notes)


@pytest.mark.parametrize("text", ["a great film", "dull", "dull great", "film", "GROSSES? großes!", "film dull film"])
def test_perceptron__answers__are_the_originals(read, text):
    found = read(PERCEPTRON)
    weights = dict(zip(["dull", "film", "großes", "great"], PERCEPTRON["weights"], strict=False))
    score = PERCEPTRON["bias"] + sum(weights.get(word, 0) for word in set(text.lower().replace("!", "").split()))
    assert found.model.twin().predict(found.model.encoder.encode(text)) == int(score > 0)


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {str(i): w for i, w in enumerate(PERCEPTRON["weights"])}},
        {"weights": None, "sparseWeights": {str(i): w for i, w in enumerate(PERCEPTRON["weights"])}},
        {"weights": PERCEPTRON["weights"][:3], "sparseWeights": {"3": 4.0, "4": -1, "5": 1}},
        {"weights": PERCEPTRON["weights"][::-1], "featureIndices": [5, 4, 3, 2, 1, 0]},
        {"bias": None, "intercept": -0.125},
        {"learningRate": 0.5, "type": "Sparse Perceptron"},
    ],
    ids=lambda change: ", ".join(change),
)
def test_perceptron__other_forms__are_the_same_model(read, change):
    same, other = read(PERCEPTRON).model, read(PERCEPTRON | change).model
    assert (other.words, other.parameters, other.encoder.spec) == (same.words, same.parameters, same.encoder.spec)


# ---- nearest centroids -----------------------------------------------------------------------------------------------


def test_word_centroids__counts__are_means_times_samples(read):
    twin = read(WORDS).model.twin()
    assert twin.counts == [[6, 4, 0, 0], [0, 2, 1, 4]]
    assert twin.samples == [8, 4]
    lists = json.loads(json.dumps(WORDS))
    for each in lists["centroids"].values():
        each["centroid"] = [each["centroid"].get(str(i), 0) for i in range(4)]
    assert read(lists).model.twin().counts == twin.counts


def test_word_centroids__many_samples__stand_for_fewer(read):
    content = json.loads(json.dumps(WORDS))
    content["centroids"]["bad"]["dataCount"] = 10**9
    found = read(content)
    assert found.model.twin().samples == [MOST_SAMPLES, 4]
    assert any("65,536 for 1,000,000,000, 4 for 4" in note for note in found.notes)


def test_centroids__rows__are_nearest_to_the_same(read):
    found = read(ROWS, None)
    twin, encoder = found.model.twin(), found.model.encoder
    assert (found.model.kind, found.model.class_names, twin.counts) == ("NearestCentroid", ("left", "right"), [10, 20])
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(300, 3))
    encoded = encoder.encode_each(rows)
    means = np.array([each["centroid"] for each in ROWS["intents"].values()])
    kept = [i for i, x in enumerate(encoded) if isinstance(x, bytes)]
    unit = rows[kept] / np.linalg.norm(rows[kept], axis=1)[:, None]
    nearest = ((unit[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    answers = np.array([twin.predict(encoded[i]) for i in kept])
    assert len(kept) > 200
    assert (answers == nearest).mean() > 0.98
    assert set(answers) == {0, 1}


def test_centroids__512_values__fit(read):
    """As the sentence encoder of the prototype made them."""
    draw = np.random.default_rng(1)
    means = draw.normal(size=(3, 512))
    means *= 0.9 / np.linalg.norm(means, axis=1)[:, None]
    classes = {f"intent {i}": {"centroid": m.tolist(), "dataCount": 40_000} for i, m in enumerate(means)}
    found = read({"type": "dense nearest centroid classifier", "centroids": classes}, None)
    rows = means[[0, 1, 2] * 20] + draw.normal(size=(60, 512)) * 0.03
    agrees, accuracy = found.agreement(rows, [0, 1, 2] * 20)
    assert agrees.startswith("agrees    on 100.0% of 60 samples")
    assert accuracy == "accuracy  100.0% of them, the original 100.0%"


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"type": "dense perceptron"}, "the type is 'dense perceptron'; what is read are 'sparse perceptron'"),
        ({"type": "naive bayes"}, "the type is 'naive bayes'"),
        ({"type": ["x"]}, "the type is"),
        ({"type": None}, "the type is None"),
        ({"classifications": ["a", "b", "c"]}, "has two classes, not 3"),
        ({"classifications": [1, 2]}, "is not a name"),
        ({"classifications": ["a", "a"]}, "needs a name of its own"),
        ({"classifications": ["", "a"]}, "needs a name of its own"),
        ({"classifications": ["x" * 300, "a"]}, "255"),
        ({"weights": [1.0, "2"]}, "'2' is not a finite number"),
        ({"weights": [1.0, True]}, "'True' is not a finite number"),
        ({"weights": [1.0, None]}, "not a finite number"),
        ({"weights": [float("nan")]}, "'nan' is not a finite number"),
        ({"weights": [float("inf")]}, "'inf' is not a finite number"),
        ({"weights": [10**400]}, "not a model of this form"),
        ({"weights": [0, 0.0, -0.0]}, "all weights are 0"),
        ({"weights": []}, "no word of the vocabulary has a weight"),
        ({"weights": "0.5"}, "a list or an object"),
        ({"weights": {"-1": 1.0}}, "'-1' is not a whole number"),
        ({"weights": {"1.5": 1.0}}, "'1.5' is not a whole number"),
        ({"weights": {"1": 1.0, "01": 2.0}}, "a feature is there twice"),
        ({"weights": {"9" * 5_000: 1.0}}, "not a whole number"),
        ({"weights": {"²": 1.0}}, "not a whole number"),
        ({"sparseWeights": {"1": 1.0}}, "in weights and in sparseWeights"),
        ({"featureIndices": [0]}, "names each weight's feature"),
        ({"featureIndices": [0, 0, 1, 2, 3, 4]}, "names each weight's feature"),
        ({"bias": "x"}, "'x' is not a finite number"),
        ({"bias": 1e30}, "not a model of this form"),
        ({"learningRate": -1}, None),
        ({"learningRate": 1e30}, None),
    ],
    ids=lambda value: str(value)[:50],
)
def test_perceptron__what_is_not_of_its_form__is_refused(read, change, why):
    if why is None:  # a rate is brought into its bounds
        assert 1 <= read(PERCEPTRON | change).model.twin().parameters.rate < 2**16
        return
    with pytest.raises(ComodelsError, match=why):
        read(PERCEPTRON | change)


def test_perceptron__without_a_field__is_refused(read):
    for field in ("classifications", "weights", "bias"):
        with pytest.raises(ComodelsError):
            read({key: value for key, value in PERCEPTRON.items() if key != field})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"centroid": {"0": 1.5}}, "is 0 to 1"),
        ({"centroid": {"0": -0.1}}, "is 0 to 1"),
        ({"dataCount": 0}, "at least one sample"),
        ({"dataCount": -1}, "not a whole number"),
        ({"dataCount": 1.5}, "not a whole number"),
        ({"dataCount": True}, "not a whole number"),
    ],
)
def test_word_centroids__what_is_not_of_their_form__is_refused(read, change, why):
    content = json.loads(json.dumps(WORDS))
    content["centroids"]["bad"] |= change
    with pytest.raises(ComodelsError, match=why):
        read(content)


@pytest.mark.parametrize(
    ("centroid", "why"),
    [
        ([0.1, 0.2], "the same number of values"),
        ([3.0, 4.0, 0.0], "has the norm 5"),
        ([0, 0, 0], "a centroid is 0"),
        ([], "the same number of values"),
        ({"0": 0.5, "2": 0.5}, "the same number of values"),
        ([1e308, 1e308, 1e308], "norm inf"),
    ],
)
def test_centroids__what_has_no_equal_here__is_refused(read, centroid, why):
    content = json.loads(json.dumps(ROWS))
    content["intents"]["right"]["centroid"] = centroid
    with pytest.raises(ComodelsError, match=why):
        read(content, None)


def test_centroids__one_class_or_none__is_refused(read):
    for classes in ({}, {"a": ROWS["intents"]["left"]}, [], None, "x"):
        with pytest.raises(ComodelsError, match="two classes or more"):
            read(ROWS | {"intents": classes}, None)


@pytest.mark.parametrize(
    "vocabulary",
    [
        [],
        {},
        {"great": "3"},
        {"great": -1},
        {"great": 1.0},
        {"great": True},
        {"a": 1, "b": 1},
        {"great": 99},
        b"x",
        b"",
    ],
)
def test_vocabulary__what_is_none__is_refused(read, vocabulary):
    with pytest.raises(ComodelsError):
        read(PERCEPTRON, vocabulary)


def test_vocabulary__where_it_belongs__is_needed_and_elsewhere_refused(read):
    with pytest.raises(ComodelsError, match="needs --vocabulary"):
        read(PERCEPTRON, None)
    with pytest.raises(ComodelsError, match="and no --vocabulary"):
        read(ROWS)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b'{"type":' * 100_000, b"\xff", b"1" * 5_000, b"null"])
def test_read__hostile_file__is_refused(write, content):
    path = write(content)
    assert not is_ancestor(path)
    with pytest.raises(ComodelsError):
        read_ancestor(path, None, "old")


# ---- the command -----------------------------------------------------------------------------------------------------


def test_plan__model_of_the_prototype__is_compared_and_published(rpc, owner, write, tmp_path):
    from comodels.cli import ApeSigner

    data = tmp_path / "held-out.tsv"
    data.write_text("label\ttext\nPositive\ta great film\nNegative\tdull\nNegative\tgreat\nPositive\t?\n", "utf-8")
    model, summary, said = training.plan(
        rpc, tmp_path, "old", str(data), write(PERCEPTRON), "", vocabulary=write(VOCABULARY, "vocabulary.json")
    )
    assert summary is None
    assert "agrees    on 100.0% of 3 samples; 1 more cannot be encoded" in said
    assert "accuracy  66.7% of them, the original 66.7%" in said
    noted = publish(rpc, ApeSigner(owner), model, Options(SelfAssessment(), tmp_path))
    deployed = find(rpc, "old", tmp_path)
    assert deployed.address == noted["address"]
    assert [deployed.predict(text) for text in ("a GREAT film", "dull")] == ["Positive", "Negative"]


def test_cli__dry_run__says_what_it_would_publish(rpc, write, tmp_path):
    words = write(VOCABULARY, "vocabulary.json")
    shared = ["--network", rpc.url, "--deployments", str(tmp_path), "--dry-run", "--name", "old"]
    done = CliRunner().invoke(cli, ["--model", str(write(PERCEPTRON)), "--vocabulary", str(words), *shared])
    assert done.exit_code == 0, done.output
    assert "original  sparse perceptron of the prototype" in done.output
    assert "Tried as calls" in done.output
    done = CliRunner().invoke(cli, ["--model", str(write(PERCEPTRON)), *shared])
    assert (done.exit_code, "needs --vocabulary FILE" in done.output) == (1, True)


def test_plan__vocabulary_of_another_model__is_refused(rpc, read, write, tmp_path):
    read(PERCEPTRON).model.save(tmp_path / "ours.json")
    with pytest.raises(ComodelsError, match="belongs to a model file of the original prototype"):
        training.plan(rpc, tmp_path, "x", None, tmp_path / "ours.json", "", vocabulary=write(VOCABULARY, "v.json"))
