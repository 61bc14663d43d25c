"""What scorers refuse, each called alone by an account that stands for a market."""

import re
from pathlib import Path

import numpy as np
import pytest

from comodels.artifacts import SCORERS, artifact
from comodels.chain.abi import word
from comodels.incentives.blocks import Blocks
from comodels.incentives.scorers import MAX_PORTION, MAX_SHOWN
from comodels.models.level_perceptron import LevelPerceptron, LevelPerceptronParameters
from comodels.models.multiclass_level_perceptron import MulticlassLevelPerceptron, MulticlassLevelPerceptronParameters
from comodels.models.multiclass_sparse_perceptron import (
    MulticlassSparsePerceptron,
    MulticlassSparsePerceptronParameters,
)
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.rows import pack_rows
from comodels.testing.client import refused
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
    prepared.send("check", *shown(ROWS), sender=keeper)
    return prepared


def scoring(scorer, sender, packed, first=1, limit=2, rows=ROWS, count=2):
    """Arguments of `score_many` for one contribution, shown the one block that this sender has."""
    blocks, carried = Blocks([rows], count), []
    if scorer.topics("Block"):
        place = 0, scorer.chain.block, word(sender.address), word(MARKET)
        for _, told in scorer.past_events(["Block"], *place):
            blocks.tell(told)
            carried = blocks.carried(first, limit)
    return MARKET, first, packed, limit, bytes(32), [], carried


def shown(*portions, count=2, more=False, limit=65_535):
    """Arguments of `check`, for portions with these rows."""
    return MARKET, b"".join(portions), [len(rows) for rows in portions], count, more, limit


def contribution(y=1, effect=1):
    return pack_contribution("0x" + "11" * 20, b"\0\1", y, effect)


def test_kind__told(scorer, name, model):
    assert scorer.call("kind") == ("" if name == "EvaluatingScorer" else TWINS[name].KIND)
    assert scorer.call("fits", model.address)


def test_functions__of_all_scorers__are_those_of_the_interface(name):
    """The compiler checks it of most; not of the one for all kinds, which has no room for what it is never shown."""

    def functions(scorer):
        return {item["name"]: (item["inputs"], item["outputs"]) for item in artifact(scorer).abi if "outputs" in item}

    shared = {"kind", "fits", "prepare", "check", "score_many"}
    source = Path(__file__).resolve().parents[3] / "contracts" / "interfaces" / "IScorer.vyi"
    assert set(re.findall(r"^def (\w+)", source.read_text(), re.MULTILINE)) == shared
    assert "implements: IScorer" in source.parents[1].joinpath("scorers", "SparseScorer.vy").read_text()
    said, expected = functions(name), functions("SparseScorer")
    assert {function: said[function] for function in shared} == {function: expected[function] for function in shared}


@pytest.mark.parametrize("name", ["EvaluatingScorer"], indirect=True)
def test_score__shown_blocks_that_it_keeps_itself__refused(checked, keeper):
    *arguments, none = scoring(checked, keeper, contribution())
    assert none == []
    with refused():
        checked.send("score_many", *arguments, [0] * 16, sender=keeper)
    checked.send("score_many", *arguments, none, sender=keeper)


@pytest.mark.parametrize("name", ["LevelScorer", "MulticlassLevelScorer"], indirect=True)
def test_fits__another_kind__does_not(scorer, model, new_model, trainer):
    assert scorer.call("fits", model.address)
    assert not scorer.call("fits", new_model(TWINS["SparseScorer"], trainer).address)


def test_check__nothing_shown__refused(prepared, keeper):
    for more in (False, True):
        with reverts("scorer: nothing to check"):
            prepared.send("check", *shown(more=more), sender=keeper)
    # as many as the market would have asked for
    assert prepared.call("check", *shown(ROWS, ROWS), sender=keeper) == (2, 4, 2, True)


def test_check__nothing_left__refused(checked, name, keeper):
    with reverts("scorer: checked already" if name == "EvaluatingScorer" else "scorer: nothing to check"):
        checked.send("check", *shown(), sender=keeper)


@pytest.mark.parametrize("sizes", [[len(ROWS) + 1], [len(ROWS), 1], [2**255, 2**255], [2**256 - 1, 1 + len(ROWS)]])
def test_check__sizes_of_more_bytes_than_are_shown__refused(prepared, keeper, sizes):
    with refused():
        prepared.send("check", MARKET, ROWS, sizes, 2, False, 2, sender=keeper)


def test_check__sizes_of_fewer_bytes_than_are_shown__the_rest_is_not_looked_at(prepared, keeper):
    """Whoever calls vouches for the sizes: the market's add up to what it shows."""
    whole = prepared.call("check", *shown(ROWS), sender=keeper)
    assert prepared.call("check", MARKET, ROWS + b"\1\2", [len(ROWS)], 2, False, 2, sender=keeper) == whole


def test_check__portion_larger_than_there_can_be__refused(prepared, keeper):
    """Of 16,384 bytes at most."""
    row = pack_rows([(1, b"\0\1")])
    largest = row * 3_276 + b"\1\0\1\0"
    assert len(largest) == MAX_PORTION
    with reverts("scorer: not as many rows as a portion has"):
        prepared.call("check", *shown(largest, count=3_276), sender=keeper)
    with refused():
        prepared.call("check", *shown(largest + b"\0", count=3_276), sender=keeper)


def test_check__as_many_bytes_as_can_be_shown__taken(prepared, name, keeper):
    """Two portions of the largest size."""
    x = b"".join(i.to_bytes(2, "big") for i in range(30))
    rows = pack_rows([(1, x)] * 201 + [(1, x[2:])] * 61)
    assert len(rows) == MAX_PORTION
    some = shown(rows, rows, count=262, more=True)
    assert len(some[1]) == MAX_SHOWN
    # the scorer for all kinds evaluates no more than a portion's bytes at once
    rows = 262 if name == "EvaluatingScorer" else 524
    assert prepared.call("check", *some, sender=keeper) == (rows, rows, 2, False)
    with reverts(""):
        prepared.call("check", MARKET, some[1] + b"\0", *some[2:], sender=keeper)


@pytest.mark.parametrize("name", SPARSE, indirect=True)
def test_check__no_rows_in_a_portion__refused(prepared, keeper):
    with refused():
        prepared.send("check", *shown(b"", count=0), sender=keeper)
    with reverts("scorer: not as many rows as a portion has"):
        prepared.send("check", *shown(b"", count=1), sender=keeper)


@pytest.mark.parametrize("name", SPARSE, indirect=True)
def test_check__others_come_that_may_belong_to_the_block__refused_until_they_are_shown(prepared, keeper):
    with reverts("scorer: nothing to check"):
        prepared.send("check", *shown(ROWS, more=True), sender=keeper)
    with reverts("scorer: nothing to check"):
        prepared.send("check", *shown(*[ROWS] * 127, more=True), sender=keeper)
    assert prepared.call("check", *shown(*[ROWS] * 128, more=True), sender=keeper) == (128, 256, 128, False)
    assert prepared.call("check", *shown(*[ROWS] * 129, more=True), sender=keeper) == (128, 256, 128, False)
    assert prepared.call("check", *shown(*[ROWS] * 129), sender=keeper) == (129, 258, 129, True)


@pytest.mark.parametrize("name", ["EvaluatingScorer"], indirect=True)
def test_check__others_come__goes_on_with_them(prepared, keeper):
    assert prepared.call("check", *shown(ROWS, more=True, limit=0), sender=keeper) == (0, 0, 1, False)
    prepared.send("check", *shown(ROWS, more=True), sender=keeper)
    with reverts("scorer: nothing to check"):
        prepared.send("check", *shown(more=True), sender=keeper)
    prepared.send("check", *shown(ROWS, ROWS, limit=1), sender=keeper)
    with reverts("scorer: nothing to check"):
        prepared.send("check", *shown(limit=0), sender=keeper)
    # all are kept: nothing needs to be shown any more
    assert prepared.call("check", *shown(limit=3), sender=keeper) == (0, 1, 0, False)
    prepared.send("check", *shown(limit=3), sender=keeper)
    assert prepared.call("check", *shown(limit=3), sender=keeper) == (1, 2, 0, True)


@pytest.mark.parametrize("name", ["EvaluatingScorer"], indirect=True)
def test_check__more_portions_than_a_market_has__refused(prepared, keeper):
    prepared.send("check", *shown(*[ROWS] * 200, more=True, limit=0), sender=keeper)
    prepared.call("check", *shown(*[ROWS] * 56, limit=0), sender=keeper)
    with reverts(""):
        prepared.call("check", *shown(*[ROWS] * 57, limit=0), sender=keeper)


def test_score__before_the_rows_are_checked__refused(prepared, name, keeper):
    with reverts(
        "scorer: not the contribution that comes next" if name == "EvaluatingScorer" else "scorer: nothing to score"
    ):
        prepared.send("score_many", *scoring(prepared, keeper, contribution()), sender=keeper)


def test_score__not_the_next__refused(checked, keeper):
    with reverts("scorer: not the contribution that comes next"):
        checked.send("score_many", *scoring(checked, keeper, contribution(), 2), sender=keeper)


@pytest.mark.parametrize("name", SPARSE, indirect=True)
def test_score__again__refused(checked, keeper):
    checked.send("score_many", *scoring(checked, keeper, contribution()), sender=keeper)
    with reverts("scorer: nothing to score"):
        checked.send("score_many", *scoring(checked, keeper, contribution()), sender=keeper)


@pytest.mark.parametrize("name", SPARSE, indirect=True)
def test_score__nothing__refused(checked, keeper):
    with reverts("scorer: nothing to score"):
        checked.send("score_many", *scoring(checked, keeper, b""), sender=keeper)


@pytest.mark.parametrize("name", SPARSE, indirect=True)
def test_score__another_callers_block__refused(checked, keeper, stranger, model):
    """The same rows of the same model: what they have gone through is another thing."""
    checked.send("prepare", MARKET, model.address, 0, 640, bytes(32), sender=stranger)
    checked.send("check", *shown(ROWS), sender=stranger)
    checked.send("score_many", *scoring(checked, keeper, contribution()), sender=keeper)
    market, _, *others = scoring(checked, keeper, contribution(), first=2)
    with reverts("scorer: not the block that comes next"):
        checked.send("score_many", market, 1, *others, sender=stranger)
    checked.send("score_many", *scoring(checked, stranger, contribution()), sender=stranger)


@pytest.mark.parametrize("name", ["SparseScorer"], indirect=True)
def test_score__rows_that_could_be_a_state__refused_as_one(scorer, new_model, trainer, keeper):
    """The provider chooses the rows. One of them, the first of its line, says as the head of a state would:

    13 lines of rows, 18 of the state, 19 planes, 208 rows.
    """
    twin = SparsePerceptron(SparsePerceptronParameters(100))
    scorer.send("prepare", MARKET, new_model(twin, trainer).address, 0, 640, bytes(32), sender=keeper)
    counts = [1] * 208 + [15] + [90] * 36 + [75] * 11
    samples = [np.arange(n).astype(">u2").tobytes() for n in counts]
    samples[208] = np.array([*range(13), 17, 18], ">u2").tobytes()
    rows = pack_rows([(0, x) for x in samples])
    scorer.send("check", *shown(rows, count=256), sender=keeper)
    *arguments, right = scoring(scorer, keeper, contribution(), rows=rows, count=256)
    assert len(right) == 16 * (1 + 30)
    head = right[16 * 14]
    assert [head >> at & 0xFFFF for at in (0, 16, 32, 48)] == [208, 19, 18, 13]
    with reverts("scorer: not the block that comes next"):
        scorer.send("score_many", *arguments, [*right[16 * 14 :], *right[:16], *right[16 : 16 * 14]], sender=keeper)
    scorer.send("score_many", *arguments, right, sender=keeper)


@pytest.mark.parametrize("name", ["MulticlassSparseScorer", "MulticlassLevelScorer"], indirect=True)
@pytest.mark.parametrize(("y", "effect"), [(2, 1), (1, 3), (255, 1), (0, 0), (0, 2**16 - 1)])
def test_score__class_that_the_model_does_not_have__refused(checked, keeper, y, effect):
    with reverts("scorer: no such class"):
        checked.send("score_many", *scoring(checked, keeper, contribution(y, effect)), sender=keeper)


@pytest.mark.parametrize("name", SPARSE, indirect=True)
@pytest.mark.parametrize("start", [1, 2, 639, 640, 2**255])
def test_prepare__not_the_next_words__refused(scorer, model, keeper, start):
    with reverts("scorer: not the next words"):
        scorer.send("prepare", MARKET, model.address, start, 640, bytes(32), sender=keeper)


def test_check__another_callers_rows__none(checked, name, stranger):
    """What a scorer keeps belongs to who called it: others have no model to check rows with."""
    for some in (shown(), shown(ROWS)):
        with reverts("scorer: the model does not answer" if name == "EvaluatingScorer" else ""):
            checked.send("check", *some, sender=stranger)


def test_check__another_caller_with_a_model_of_their_own__each_has_their_rows(
    prepared, name, model, keeper, stranger, trainer
):
    prepared.send("prepare", MARKET, model.address, 0, 640, bytes(32), sender=stranger)
    others = pack_rows([(1, b"\0\1"), (1, b"\0\2"), (1, b"\0\3")])
    prepared.send("check", *shown(others, count=3), sender=stranger)
    assert prepared.call("check", *shown(ROWS), sender=keeper) == (1, 2, 1, True)
    prepared.send("check", *shown(ROWS), sender=keeper)
    for sender, rows, count in ((keeper, ROWS, 2), (stranger, others, 3)):
        arguments = scoring(prepared, sender, contribution(), limit=65_535, rows=rows, count=count)
        _, *said = prepared.call("score_many", *arguments, sender=sender)
        assert said == [1, count, 1]
    with reverts("scorer: the model does not answer" if name == "EvaluatingScorer" else ""):
        prepared.send("check", *shown(ROWS), sender=trainer)


@pytest.mark.parametrize("name", ["EvaluatingScorer"], indirect=True)
def test_replica__of_a_market__trained_by_the_scorer_alone(prepared, model, client, project, keeper, stranger):
    address = prepared.call("replica", keeper.address, MARKET)
    replica = client.at(project.SparsePerceptron, address)
    assert replica.call("trainer") == replica.call("owner") == prepared.address
    assert prepared.call("replica", stranger.address, MARKET) == "0x" + "00" * 20
    with reverts("model: not the trainer"):
        replica.send("update", b"\0\1", 1, sender=keeper)
