"""What scorers refuse, each called alone by an account that stands for a market."""

import pytest

from comodels.artifacts import SCORERS
from comodels.models.level_perceptron import LevelPerceptron, LevelPerceptronParameters
from comodels.models.multiclass_level_perceptron import MulticlassLevelPerceptron, MulticlassLevelPerceptronParameters
from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.rows import pack_rows
from comodels.wire import pack_contribution
from tests.client import reverts

MARKET = 7
ROWS = pack_rows([(1, b"\0\1"), (0, b"\0\2")])
SPARSE = [name for name in SCORERS if name != "EvaluatingScorer"]
TWINS = {
    "EvaluatingScorer": SparsePerceptron(SparsePerceptronParameters(30)),
    "SparseScorer": SparsePerceptron(SparsePerceptronParameters(30)),
    "MulticlassSparseScorer": MulticlassSparsePerceptron(MulticlassSparsePerceptronParameters(30), [[0] * 31] * 2),
    "LevelScorer": LevelPerceptron(LevelPerceptronParameters(30)),
    "MulticlassLevelScorer": MulticlassLevelPerceptron(MulticlassLevelPerceptronParameters(30)),
}


@pytest.fixture(params=SCORERS)
def name(request):
    return request.param


@pytest.fixture
def scorer(name, client, project, owner):
    return client.deploy(getattr(project, name), owner)


@pytest.fixture
def model(name, new_model, trainer):
    return new_model(TWINS[name], trainer)


@pytest.fixture
def prepared(scorer, model, keeper):
    scorer.send("prepare", MARKET, model.address, 0, 640, bytes(32), sender=keeper)
    return scorer


@pytest.fixture
def checked(prepared, keeper):
    prepared.send("show", MARKET, ROWS, 2, sender=keeper)
    prepared.send("check", MARKET, 2, sender=keeper)
    return prepared


def contribution(y=1, effect=1):
    return pack_contribution("0x" + "11" * 20, b"\0\1", y, effect)


def test_kind__told(scorer, name, model):
    assert scorer.call("kind") == ("" if name == "EvaluatingScorer" else TWINS[name].KIND)
    assert scorer.call("fits", model.address)


@pytest.mark.parametrize("name", ["LevelScorer", "MulticlassLevelScorer"], indirect=True)
def test_fits__another_kind__does_not(scorer, model, new_model, trainer):
    assert scorer.call("fits", model.address)
    assert not scorer.call("fits", new_model(TWINS["SparseScorer"], trainer).address)


def test_show__no_rows_or_more_portions_than_a_market_has__refused(prepared, name, keeper):
    with reverts("scorer: no rows" if name == "EvaluatingScorer" else "scorer: no more portions"):
        prepared.send("show", MARKET, b"", 0, sender=keeper)
    with reverts("scorer: no rows" if name == "EvaluatingScorer" else "scorer: no more portions"):
        prepared.send("show", MARKET, b"", 2**16, sender=keeper)


def test_check__nothing_left__refused(checked, name, keeper):
    with reverts("scorer: checked already" if name == "EvaluatingScorer" else "scorer: nothing to check"):
        checked.send("check", MARKET, 2, sender=keeper)


def test_score__before_the_rows_are_checked__refused(prepared, name, keeper):
    with reverts(
        "scorer: not the contribution that comes next" if name == "EvaluatingScorer" else "scorer: nothing to score"
    ):
        prepared.send("score", MARKET, 1, contribution(), 2, sender=keeper)


def test_score__not_the_next__refused(checked, keeper):
    with reverts("scorer: not the contribution that comes next"):
        checked.send("score", MARKET, 2, contribution(), 2, sender=keeper)


@pytest.mark.parametrize("name", SPARSE, indirect=True)
def test_score__again__refused(checked, keeper):
    checked.send("score", MARKET, 1, contribution(), 2, sender=keeper)
    with reverts("scorer: scored already"):
        checked.send("score", MARKET, 1, contribution(), 2, sender=keeper)


@pytest.mark.parametrize("name", SPARSE, indirect=True)
def test_score__nothing__refused(checked, keeper):
    with reverts("scorer: nothing to score"):
        checked.send("score", MARKET, 1, b"", 2, sender=keeper)


@pytest.mark.parametrize("name", ["MulticlassSparseScorer", "MulticlassLevelScorer"], indirect=True)
@pytest.mark.parametrize(("y", "effect"), [(2, 1), (1, 3), (255, 1), (0, 0), (0, 2**16 - 1)])
def test_score__class_that_the_model_does_not_have__refused(checked, keeper, y, effect):
    with reverts("scorer: no such class"):
        checked.send("score", MARKET, 1, contribution(y, effect), 2, sender=keeper)


@pytest.mark.parametrize("name", SPARSE, indirect=True)
@pytest.mark.parametrize("start", [1, 2, 639, 640, 2**255])
def test_prepare__not_the_next_words__refused(scorer, model, keeper, start):
    with reverts("scorer: not the next words"):
        scorer.send("prepare", MARKET, model.address, start, 640, bytes(32), sender=keeper)


def test_check__another_callers_rows__none(checked, name, stranger):
    """What a scorer keeps belongs to who called it."""
    with reverts("scorer: the model does not answer" if name == "EvaluatingScorer" else ""):
        checked.send("check", MARKET, 2, sender=stranger)


@pytest.mark.parametrize("name", ["EvaluatingScorer"], indirect=True)
def test_replica__of_a_market__trained_by_the_scorer_alone(prepared, model, client, project, keeper, stranger):
    address = prepared.call("replica", keeper.address, MARKET)
    replica = client.at(project.SparsePerceptron, address)
    assert replica.call("trainer") == replica.call("owner") == prepared.address
    assert prepared.call("replica", stranger.address, MARKET) == "0x" + "00" * 20
    with reverts("model: not the trainer"):
        replica.send("update", b"\0\1", 1, sender=keeper)
