"""`--epsilon`, `--label-epsilon` and `--telling`: what they do to what is published and sent."""

import json
from collections import Counter

import numpy as np
import pytest

from comodels.published import find
from encoders.wire import norm_within_bounds
from tests.unit.scripts.conftest import BAD, GOOD, write_patients


@pytest.fixture
def patients(tmp_path):
    """A table of numbers with two classes that are far apart."""
    return write_patients(tmp_path / "patients.csv", apart=3)


@pytest.fixture
def study(run, patients, rpc, options):
    """Publish a model whose contributions are private; it is found anew."""

    def make(*arguments):
        run("deploy", "--data", patients, "--name", "study", "--family", "nearest-centroid", *arguments)
        return find(rpc, "study", options.deployments)

    return make


def test_deploy__epsilon__stands_on_chain_and_every_sample_is_another(study, run):
    model = study("--epsilon", "4")

    for _ in range(3):
        run("contribute", "study", "-3, -3, -3, -3", "healthy")

    assert model.encoder_spec.startswith("private/1?encoder=tabular/1&epsilon=4.0&")
    sent = [c.x for c in model.contributions()]
    assert len({*sent, model.encode("-3, -3, -3, -3", exact=True)}) == 4
    values = np.array([np.frombuffer(x, np.int8) for x in sent]).astype(int)
    assert norm_within_bounds(values, model.encoder.unit).all()
    assert {c.label for c in model.contributions()} == {model.label("healthy")}


def test_contribute__private__budget_is_added_up_and_said_before_it_is_sent(study, run, options):
    model = study("--epsilon", "4", "--incentive", "points")

    said = [run("contribute", "study", "3, 3, 3, 3", "ill") for _ in range(2)]
    said.append(run("contribute", "study", "3, 3, 3, 3", "ill", "--label-epsilon", "0.5"))
    tried = run("contribute", "study", "3, 3, 3, 3", "ill", "--dry-run")

    for text, spent in zip(
        said, ("1 private contribution from here, epsilon 4", "epsilon 8", "epsilon 12.5"), strict=True
    ):
        assert text.index(f"{spent} in all") < text.index("Contributed in")
    assert "It would cost epsilon 4. So far: 3 private contributions from here, epsilon 12.5 in all" in tried
    assert json.loads((options.deployments / "privacy.json").read_text()) == {model.address: [3, 12.5]}
    assert len(model.contributions()) == 3


def test_contribute__exact_model__spends_nothing(study, run, options):
    study()

    said = run("contribute", "study", "3, 3, 3, 3", "ill")

    assert "epsilon" not in said
    assert not (options.deployments / "privacy.json").exists()


def test_contribute__label_epsilon__labels_are_others_now_and_then(study, run):
    """At 0.01 of two classes nearly half of them; that none of twelve is has a probability of 2 in 10,000."""
    model = study("--incentive", "points")

    for i in range(12):
        said = run("contribute", "study", f"3, 3, 3, {i / 4}", "ill", "--label-epsilon", "0.01")

    assert "12 private contributions from here, epsilon 0.12 in all" in said
    labels = Counter(c.label for c in model.contributions())
    assert set(labels) == {0, 1}


def test_contribute__label_epsilon_with_deposits__is_refused(study, run):
    model = study()

    said = run("contribute", "study", "3, 3, 3, 3", "ill", "--label-epsilon", "1", fails=True)

    assert "A wrong label loses the deposit" in said
    assert model.contributions() == []


@pytest.mark.parametrize("private", ["model", "label"])
def test_contribute__file_of_private_samples__is_refused(study, run, patients, private):
    model = study("--incentive", "points", *(["--epsilon", "4"] if private == "model" else []))
    more = ["--label-epsilon", "1"] if private == "label" else []

    said = run("contribute", "study", "--data", patients, *more, fails=True)

    assert "contributed one by one, without --data" in said
    assert model.contributions() == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("--family", "perceptron", "--epsilon", "4"),
            "--epsilon is for numbers or pictures and --family nearest-centroid",
        ),
        (("--family", "nearest-centroid", "--epsilon", "0"), "0.01<=x<=50"),
    ],
)
def test_deploy__epsilon_that_would_leave_nothing__is_refused(run, patients, owner, arguments, problem):
    before = owner.nonce

    said = run("deploy", "--data", patients, "--name", "study", *arguments, fails=True)

    assert problem in said
    assert owner.nonce == before


def test_deploy__telling__takes_the_words_that_tell_classes_apart(run, rpc, reviews, options):
    """Of the reviews, these are the ten that say good or bad; the most frequent are in all of them."""
    words = {}
    for name, more in (("frequent", ()), ("telling", ("--telling",))):
        run("deploy", "--data", str(reviews), "--name", name, "--features", "10", *more)
        words[name] = set(find(rpc, name, options.deployments).encoder.words)

    assert {"film", "number"} <= words["frequent"]
    assert words["telling"] == {*GOOD, *BAD}
