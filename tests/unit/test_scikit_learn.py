"""Pipelines of scikit-learn to models and back: what fits agrees with the original, what does not is refused."""

import re
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import skops.io
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from comodels import training
from comodels.claims import SelfAssessment
from comodels.errors import ComodelsError
from comodels.models import KINDS, twin_of
from comodels.models.naive_bayes import NaiveBayes, NaiveBayesParameters
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.models.training import train
from comodels.publish import Options, publish
from comodels.published import find
from comodels.saved import SavedModel, new_twin
from comodels.scikit_learn import LARGEST, RATE, SAMPLES, Samples, from_sklearn, load_skops, save_onnx, to_sklearn
from encoders import BagOfWords, HashedWords, Tabular
from encoders.words import words_of

ROOT = Path(__file__).resolve().parents[2]
TOPICS = {
    "sport": ["ball", "match", "goal", "team", "player", "coach", "größe"],
    "food": ["soup", "bread", "spice", "taste", "oven", "salt", "東京"],
    "music": ["song", "choir", "violin", "melody", "drum", "tune", "👍"],
}
COMMON = ["the", "a", "it", "was", "very", "isn't", "of", "and"]


def sentences(classes, count, seed=0):
    """Texts of a few words of their topic, some of another and common ones; the indices of their topics."""
    draw = np.random.default_rng(seed)
    topics = list(TOPICS)[:classes]
    labels = draw.integers(0, classes, count)
    texts = []
    for y in labels:
        other = topics[draw.integers(0, classes)]
        words = [*draw.choice(TOPICS[topics[y]], 3), *draw.choice(TOPICS[other], 2), *draw.choice(COMMON, 4)]
        texts.append(" ".join(draw.permutation(words)))
    return texts, [topics[y] for y in labels], labels.tolist()


def fitted(classifier, classes=2, vectorizer=None):
    """A pipeline that has learnt 400 sentences; and 200 others with the indices of their classes, sorted by name."""
    pipeline = make_pipeline(vectorizer or CountVectorizer(binary=True, analyzer=words_of), classifier)
    texts, names, _ = sentences(classes, 400)
    pipeline.fit(texts, names)
    texts, names, _ = sentences(classes, 200, seed=1)
    order = sorted(set(names))
    return pipeline, texts, [order.index(name) for name in names]


CLASSIFIERS = [
    LogisticRegression(),
    SGDClassifier(random_state=0),
    Perceptron(random_state=0),
    LinearSVC(),
    BernoulliNB(),
    MultinomialNB(),
    NearestCentroid(),
]


# ---- from scikit-learn -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: type(c).__name__)
def test_from_sklearn__words__agrees(classifier, classes):
    pipeline, texts, labels = fitted(classifier, classes)
    converted = from_sklearn(pipeline, "topics")
    agreement = converted.compare(texts, labels)
    assert (agreement.samples, agreement.left_out) == (200, 0)
    assert agreement.same >= 0.99
    assert agreement.original > 0.8
    assert abs(agreement.model - agreement.original) <= 1 - agreement.same
    assert converted.notes == ()
    assert converted.model.class_names == tuple(sorted(list(TOPICS)[:classes]))


@pytest.mark.parametrize(
    ("classifier", "kinds"),
    [
        (LogisticRegression(), ("SparsePerceptron", "MulticlassSparsePerceptron")),
        (BernoulliNB(), ("SparsePerceptron", "MulticlassSparsePerceptron")),
        (MultinomialNB(), ("NaiveBayes", "NaiveBayes")),
        (NearestCentroid(), ("SparseNearestCentroid", "SparseNearestCentroid")),
    ],
    ids=lambda v: type(v).__name__,
)
def test_from_sklearn__kind_of_model__fits_the_classifier(classifier, kinds):
    for classes, kind in zip((2, 3), kinds, strict=True):
        assert from_sklearn(fitted(classifier, classes)[0], "topics").model.kind == kind


@pytest.mark.parametrize(
    "classifier", [LogisticRegression(max_iter=1_000), Perceptron(), LinearSVC(), NearestCentroid()]
)
@pytest.mark.parametrize("load", [load_breast_cancer, load_digits], ids=["two classes", "ten classes"])
def test_from_sklearn__directions__agrees(classifier, load):
    X, y = load(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), Normalizer(), classifier).fit(X[::2], y[::2])
    converted = from_sklearn(pipeline, "numbers", examples=X[::2])
    agreement = converted.compare(X[1::2], y[1::2].tolist())
    assert agreement.same >= 0.97
    assert converted.notes == ()
    assert converted.model.encoder.kind == "tabular"


def test_from_sklearn__scaler_without_normalizer__is_noted_and_measured():
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[::2], y[::2])
    converted = from_sklearn(pipeline, "cancer", examples=X[::2])
    agreement = converted.compare(X[1::2], y[1::2].tolist())
    assert agreement.same > 0.9
    (note,) = converted.notes
    assert "Normalizer" in note
    lines = converted.lines(agreement)
    assert f"note      {note}" in lines
    assert f"agrees    on {agreement.same:.1%} of 284 held-out samples" in lines


def test_from_sklearn__weights__are_scaled_to_integers():
    pipeline, _, _ = fitted(LogisticRegression())
    classifier = pipeline[-1]
    classifier.coef_ = np.linspace(-2, 1, classifier.coef_.size)[np.newaxis]
    classifier.intercept_ = np.array([0.5])
    twin = from_sklearn(pipeline, "topics").model.twin()
    assert twin.weights[0] == -LARGEST
    assert twin.weights[-1] == round(LARGEST / 2)
    assert twin.bias == round(LARGEST / 4)
    assert (twin.parameters.rate, twin.parameters.bias_rate, twin.parameters.margin) == (RATE, RATE, 20 * RATE)
    assert from_sklearn(pipeline, "topics", rate=7).model.twin().parameters.rate == 7


def test_from_sklearn__room_for_more_classes__agrees():
    pipeline, texts, labels = fitted(LogisticRegression())
    converted = from_sklearn(pipeline, "topics", room=5)
    assert converted.model.kind == "MulticlassSparsePerceptron"
    assert converted.model.twin().parameters.room == 5
    assert converted.compare(texts, labels).same >= 0.99


def test_from_sklearn__counts__are_those_of_naive_bayes():
    pipeline = make_pipeline(CountVectorizer(binary=True, analyzer=words_of), MultinomialNB(alpha=0.5))
    pipeline.fit(["a b b", "a c", "c"], [0, 0, 1])
    twin = from_sklearn(pipeline, "small").model.twin()
    assert (twin.counts, twin.samples) == ([[2, 1, 1], [0, 0, 1]], [2, 1])
    assert twin.parameters == NaiveBayesParameters(3, 2, 2**15)


def test_from_sklearn__means__stand_for_many_samples():
    pipeline = make_pipeline(CountVectorizer(binary=True, analyzer=words_of), NearestCentroid())
    pipeline.fit(["a b", "a", "c"], [0, 0, 1])
    twin = from_sklearn(pipeline, "small").model.twin()
    assert (twin.counts, twin.samples) == ([[SAMPLES, SAMPLES // 2, 0], [0, 0, SAMPLES]], [SAMPLES] * 2)


def test_from_sklearn__usual_vectorizer__drops_words_that_are_never_found():
    texts, names, _ = sentences(2, 400)
    texts = [f"{text} under_score" for text in texts]
    pipeline = make_pipeline(CountVectorizer(binary=True), LogisticRegression()).fit(texts, names)
    converted = from_sklearn(pipeline, "topics")
    assert "under_score" not in converted.model.encoder.words
    assert converted.notes[1] == "words that are left out, because that rule never finds them: under_score"
    others, names, _ = sentences(2, 200, seed=1)
    labels = [sorted(set(names)).index(name) for name in names]
    assert converted.compare([*others, "unknown"], [*labels, 0]).left_out == 1
    assert converted.compare(others, labels).same >= 0.98


@pytest.mark.parametrize("encoder", [HashedWords(256), Tabular([0.0] * 30, [1.0] * 30, 127)], ids=lambda e: e.kind)
def test_from_sklearn__samples_of_an_encoder__agrees(encoder):
    if encoder.unit is None:
        pipeline, samples, labels = fitted(LogisticRegression(), 3, Samples.of(encoder))
    else:
        X, y = load_breast_cancer(return_X_y=True)
        X = StandardScaler().fit_transform(X)
        pipeline = make_pipeline(Samples.of(encoder), LinearSVC()).fit(X[::2], y[::2])
        samples, labels = X[1::2], y[1::2].tolist()
    converted = from_sklearn(pipeline, "any")
    assert converted.model.encoder.spec == encoder.spec
    assert converted.compare(samples, labels).same >= 0.99


WORDS = {"binary": True, "analyzer": words_of}


@pytest.mark.parametrize(
    ("before", "classifier", "message"),
    [
        ([TfidfVectorizer()], LogisticRegression(), "Features by TfidfVectorizer do not fit"),
        ([CountVectorizer(**WORDS), TfidfTransformer()], LogisticRegression(), "CountVectorizer and TfidfTransformer"),
        ([CountVectorizer()], LogisticRegression(), "binary=False does not fit"),
        ([CountVectorizer(binary=True, ngram_range=(1, 2))], LogisticRegression(), "ngram_range=(1, 2) does not fit"),
        ([CountVectorizer(binary=True, analyzer="char")], LogisticRegression(), "analyzer='char' does not fit"),
        ([CountVectorizer(binary=True, strip_accents="ascii")], LogisticRegression(), "strip_accents='ascii'"),
        ([HashingVectorizer(n_features=64)], LogisticRegression(), "HashingVectorizer folds negative hashes"),
        ([CountVectorizer(**WORDS)], SVC(kernel="rbf"), "A SVC on words does not fit"),
        ([CountVectorizer(**WORDS)], DecisionTreeClassifier(), "A DecisionTreeClassifier on words does not fit"),
        ([CountVectorizer(**WORDS)], MultinomialNB(fit_prior=False), "fits with fit_prior=True"),
        ([CountVectorizer(**WORDS)], NearestCentroid(metric="manhattan"), "metric='manhattan' does not fit"),
        ([CountVectorizer(**WORDS)], NearestCentroid(priors=[0.9, 0.1]), "with priors does not fit"),
    ],
)
def test_from_sklearn__what_does_not_fit__is_refused(before, classifier, message):
    texts, names, _ = sentences(2, 100)
    pipeline = make_pipeline(*before, classifier).fit(texts, names)
    with pytest.raises(ComodelsError) as refused:
        from_sklearn(pipeline, "topics")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("before", "classifier", "message"),
    [
        ([StandardScaler()], GaussianNB(), "A GaussianNB on numbers does not fit"),
        ([StandardScaler()], BernoulliNB(), "A BernoulliNB on numbers does not fit"),
        ([StandardScaler()], NearestCentroid(), "needs a Normalizer"),
        ([StandardScaler(), Normalizer("l1")], LinearSVC(), "norm='l1'"),
    ],
)
def test_from_sklearn__numbers_that_do_not_fit__are_refused(before, classifier, message):
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(*before, classifier).fit(X, y)
    with pytest.raises(ComodelsError) as refused:
        from_sklearn(pipeline, "cancer")
    assert message in str(refused.value)


def test_from_sklearn__no_pipeline_or_not_fitted_or_wrong_names__is_refused():
    with pytest.raises(ComodelsError, match="alone does not say what its features are"):
        from_sklearn(LogisticRegression(), "topics")
    with pytest.raises(ComodelsError, match="is not fitted"):
        from_sklearn(make_pipeline(CountVectorizer(**WORDS), LogisticRegression()), "topics")
    with pytest.raises(ComodelsError, match="2 classes, and 1 names"):
        from_sklearn(fitted(LogisticRegression())[0], "topics", class_names=["one"])


def test_from_sklearn__all_weights_zero__is_refused():
    pipeline, _, _ = fitted(LogisticRegression())
    pipeline[-1].coef_ = np.zeros_like(pipeline[-1].coef_)
    with pytest.raises(ComodelsError, match="has learnt nothing"):
        from_sklearn(pipeline, "topics")


def test_compare__nothing_can_be_encoded__is_refused():
    with pytest.raises(ComodelsError, match="No held-out sample can be encoded"):
        from_sklearn(fitted(LogisticRegression())[0], "topics").compare(["xyz"], [0])


# ---- to scikit-learn -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "classes"),
    [(kind, classes) for kind in KINDS for classes in (2, 3) if classes <= twin_of(kind).MOST_CLASSES],
)
def test_to_sklearn__each_kind__answers_as_the_twin(kind, classes):
    draw = np.random.default_rng(5)
    if twin_of(kind).SPARSE:
        texts, _, labels = sentences(classes, 300)
        encoder = HashedWords(128)
        samples = texts
    else:
        labels = draw.integers(0, classes, 300).tolist()
        samples = draw.normal(size=(300, 9)) + 2 * np.eye(9)[labels]
        encoder = Tabular([0.0] * 9, [1.0] * 9, 127)
    x = encoder.encode_many(samples)
    room = 5 if kind.startswith("Multiclass") else classes
    twin = train(new_twin(encoder, family=twin_of(kind).FAMILY, classes=classes, room=room), x, labels, 1)
    assert type(twin) is twin_of(kind)
    names = ["zero", "one", "two"][:classes]
    predicted = to_sklearn(twin, encoder, names).predict(samples).tolist()
    assert predicted == [names[twin.predict(one)] for one in x]
    assert len(set(predicted)) == classes


def test_to_sklearn__and_back__agrees():
    pipeline, texts, labels = fitted(LogisticRegression(), 3)
    model = from_sklearn(pipeline, "topics").model
    back = to_sklearn(model.twin(), model.encoder, model.class_names)
    again = from_sklearn(back, "topics")
    assert again.model.encoder.spec == model.encoder.spec
    assert again.compare(texts, labels).same >= 0.99


def test_to_sklearn__added_or_empty_classes__are_refused():
    encoder = HashedWords(8)
    twin = new_twin(encoder, room=3)
    twin.founders = 2
    with pytest.raises(ComodelsError, match="Classes were added"):
        to_sklearn(twin, encoder, ["a", "b"])
    for family in ("naive-bayes", "nearest-centroid"):
        with pytest.raises(ComodelsError, match="has no samples yet"):
            to_sklearn(new_twin(encoder, family=family), encoder, ["a", "b"])


def test_samples__text_without_known_words__is_a_row_of_zeros():
    assert Samples.of(BagOfWords(["a", "b"])).transform(["b", "c", ""]).toarray().tolist() == [[0, 1], [0, 0], [0, 0]]


# ---- ONNX ------------------------------------------------------------------------------------------------------------


def in_onnx(pipeline, samples, folder):
    """What the ONNX of a pipeline answers, with another program."""
    path = folder / "model.onnx"
    save_onnx(pipeline, path)
    features = pipeline[0].transform(samples)
    features = features.toarray() if hasattr(features, "toarray") else features
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["label"], {"features": features.astype(np.float32)})[0].tolist()


@pytest.mark.parametrize(
    ("kind", "classes"),
    [(kind, classes) for kind in KINDS for classes in (2, 3) if classes <= twin_of(kind).MOST_CLASSES],
)
def test_save_onnx__each_kind__answers_as_the_twin(kind, classes, tmp_path):
    draw = np.random.default_rng(6)
    if twin_of(kind).SPARSE:
        samples, _, labels = sentences(classes, 300)
        encoder = BagOfWords.fit(samples)
    else:
        labels = draw.integers(0, classes, 300).tolist()
        samples = draw.normal(size=(300, 9)) + 2 * np.eye(9)[labels]
        encoder = Tabular([0.0] * 9, [1.0] * 9, 127)
    x = encoder.encode_many(samples)
    room = 5 if kind.startswith("Multiclass") else classes
    twin = train(new_twin(encoder, family=twin_of(kind).FAMILY, classes=classes, room=room), x, labels, 1)
    names = ["zéro", "one", "👍"][:classes]
    answers = in_onnx(to_sklearn(twin, encoder, names), samples, tmp_path)
    assert answers == [names[twin.predict(one)] for one in x]
    assert len(set(answers)) == classes


def test_save_onnx__equal_scores__take_the_first_class(tmp_path):
    encoder = BagOfWords(["a", "b", "c"])
    two = SparsePerceptron(SparsePerceptronParameters(3), weights=[1, -1, 5], bias=0)
    assert in_onnx(to_sklearn(two, encoder, ["no", "yes"]), ["a b", "a", "b"], tmp_path) == ["no", "yes", "no"]
    many = new_twin(encoder, classes=3, room=3)
    assert in_onnx(to_sklearn(many, encoder, ["x", "y", "z"]), ["a", "b c"], tmp_path) == ["x", "x"]


def test_save_onnx__largest_weights__lose_nothing_that_counts(tmp_path):
    encoder = BagOfWords([f"w{i}" for i in range(1_000)])
    draw = np.random.default_rng(7)
    weights = draw.integers(-(2**15), 2**15, 1_000).tolist()
    twin = SparsePerceptron(SparsePerceptronParameters(1_000), weights=weights, bias=-7)
    texts = [" ".join(draw.choice(encoder.words, 500, replace=False)) for _ in range(200)]
    answers = in_onnx(to_sklearn(twin, encoder, ["no", "yes"]), texts, tmp_path)
    assert answers == [["no", "yes"][twin.predict(x)] for x in encoder.encode_many(texts)]


# ---- files -----------------------------------------------------------------------------------------------------------


def test_load_skops__pipelines_of_this_library__are_loaded(tmp_path):
    pipeline, texts, _ = fitted(LogisticRegression(), 3)
    model = from_sklearn(pipeline, "topics").model
    for number, one in enumerate((pipeline, to_sklearn(model.twin(), model.encoder, model.class_names))):
        path = tmp_path / f"{number}.skops"
        skops.io.dump(one, path)
        assert load_skops(path).predict(texts).tolist() == one.predict(texts).tolist()


def test_load_skops__strange_parts__are_refused_by_name(tmp_path):
    path = tmp_path / "strange.skops"
    skops.io.dump(Pipeline([("samples", NaiveBayes(NaiveBayesParameters(3))), ("classifier", Perceptron())]), path)
    with pytest.raises(ComodelsError, match=r"not trusted.*comodels\.models\.naive_bayes\.NaiveBayes"):
        load_skops(path)


def test_load_skops__kernels__are_refused_with_what_fits_instead(tmp_path):
    path = tmp_path / "kernels.skops"
    texts = ["a fine film", "a dull film"] * 4
    skops.io.dump(Pipeline([("words", CountVectorizer()), ("kernels", SVC())]).fit(texts, [0, 1] * 4), path)
    with pytest.raises(ComodelsError, match=r"not trusted.*What does: LogisticRegression.*kernels.*are too large"):
        load_skops(path)


def archive(path, schema: bytes, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("schema.json", schema)
        for number, content in enumerate(members):
            file.writestr(f"{number}.npy", content)
    return path


def test_load_skops__large_vocabulary__is_loaded(tmp_path):
    words = [f"w{i}" for i in range(40_000)]
    pipeline = make_pipeline(CountVectorizer(binary=True, analyzer=words_of), MultinomialNB())
    pipeline.fit([" ".join(words), "w1 w2"], ["a", "b"])
    path = tmp_path / "large.skops"
    skops.io.dump(pipeline, path)
    assert load_skops(path).predict(["w1 w2 w39999"]).tolist() == pipeline.predict(["w1 w2 w39999"]).tolist()


def test_load_skops__hostile_archive__is_refused(tmp_path, monkeypatch):
    import comodels.scikit_learn as module

    deep = archive(tmp_path / "deep.skops", b"[" * 300_000)
    with pytest.raises(ComodelsError, match="nested more than 200 deep"):
        load_skops(deep)
    monkeypatch.setattr(module, "MAX_UNPACKED", 2**20)
    with pytest.raises(ComodelsError, match="at most 1,048,576 are read"):
        load_skops(archive(tmp_path / "bomb.skops", b"{}", bytes(2**21)))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_load_skops__broken_file__is_refused(tmp_path, content):
    path = tmp_path / "broken.skops"
    path.write_bytes(content)
    with pytest.raises(ComodelsError, match="not a file of skops"):
        load_skops(path)


@pytest.fixture
def held_out(tmp_path):
    texts, names, _ = sentences(3, 100, seed=2)
    path = tmp_path / "held-out.tsv"
    path.write_text("label\ttext\n" + "".join(f"{n}\t{t}\n" for n, t in zip(names, texts, strict=True)), "utf-8")
    return path


def test_plan__pipeline__is_compared_before_anything_is_paid(rpc, tmp_path, held_out):
    path = tmp_path / "model.skops"
    skops.io.dump(fitted(LogisticRegression(), 3)[0], path)
    model, summary, said = training.plan(rpc, tmp_path, "topics", str(held_out), path, "About topics", features=7)
    assert (model.kind, model.name, model.description) == ("MulticlassSparsePerceptron", "topics", "About topics")
    assert summary is None
    assert said.splitlines()[0] == "original  CountVectorizer, LogisticRegression"
    assert any(line.startswith("agrees    on ") and "of 100 held-out" in line for line in said.splitlines())
    assert isinstance(model, SavedModel)


def test_plan__pipeline_of_numbers__chooses_the_resolution(rpc, tmp_path):
    path = tmp_path / "model.skops"
    X, y = load_breast_cancer(return_X_y=True)
    skops.io.dump(make_pipeline(StandardScaler(), Normalizer(), LinearSVC()).fit(X, y), path)
    names = ("malignant", "benign")
    model, _, said = training.plan(rpc, tmp_path, "cancer", "breast_cancer", path, "", class_names=names)
    assert model.class_names == names
    assert model.encoder.unit != 127
    assert "held-out" in said


def test_plan__pipeline_without_held_out_samples__is_refused(rpc, tmp_path):
    with pytest.raises(ComodelsError, match="samples that it has not learnt"):
        training.plan(rpc, tmp_path, "topics", None, tmp_path / "model.skops", "")


def test_publish__pipeline__contract_answers_as_the_original(rpc, owner, tmp_path, held_out):
    path = tmp_path / "model.skops"
    pipeline, texts, _ = fitted(LogisticRegression(), 3)
    skops.io.dump(pipeline, path)
    saved, _, _ = training.plan(rpc, tmp_path, "topics", str(held_out), path, "")
    publish(rpc, owner.address, saved, Options(SelfAssessment(), tmp_path))
    model = find(rpc, "topics", tmp_path)
    assert model.class_names == pipeline.classes_.tolist()
    agreed = [model.predict(text) == name for text, name in zip(texts, pipeline.predict(texts).tolist(), strict=True)]
    assert sum(agreed) >= 0.99 * len(texts)


def test_docs__example__prints_what_is_shown(rpc, tmp_path, monkeypatch):
    text = (ROOT / "docs" / "scikit-learn.md").read_text("utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    code, shown = (next(block for language, block in blocks if language == wanted) for wanted in ("python", ""))
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "scikit-learn.md", "exec"), {})
    said = training.plan(rpc, tmp_path, "reviews", "held-out.csv", tmp_path / "model.skops", "")[2]
    assert said == shown.rstrip("\n")
