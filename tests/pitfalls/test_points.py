"""What broke earlier implementations: points. Each line of the list is a test named after it."""

from dataclasses import replace

import pytest

from comodels.incentives.points import Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.client import reverts

HOUR = 3_600
TERMS = Terms(validation_wait=HOUR, report_wait=2 * HOUR)
FOR, AGAINST, NEITHER = b"\0\0", b"\0\1", b"\0\2"  # features that speak for class 1, for class 0, for none


@pytest.fixture
def points(contract_of):
    return contract_of("Points")


@pytest.fixture
def model(new_model, points):
    """Believes its features so firmly that no sample of a test changes that, but for the one that says nothing."""
    twin = SparsePerceptron(SparsePerceptronParameters(10, bias_rate=0), [1_000, -1_000] + [0] * 8)
    return new_model(twin, points, TERMS.encode())


@pytest.fixture
def validated_reporters(points, model, reporter, stranger):
    """Two accounts with a validated contribution of their own."""
    for account, x in ((reporter, FOR + NEITHER), (stranger, FOR + b"\0\3")):
        added = points.send("add_data", model, x, 1, sender=account)
        points.send("validate", model, x, 1, sender=account, time=added.time + HOUR)
    return reporter, stranger


@pytest.mark.parametrize(
    ("waits", "message"),
    [((HOUR, HOUR - 1), "points: waits out of order"), ((0, HOUR), "points: no validation wait")],
    ids=["out of order", "none"],
)
def test_open__waits__order_is_checked(new_model, points, waits, message):
    """The points contract did not check the order of its waits."""
    terms = replace(TERMS).encode()
    broken = b"".join(w.to_bytes(32, "big") for w in waits) + terms[64:]
    twin = SparsePerceptron(SparsePerceptronParameters(10))

    with reverts(message):
        new_model(twin, points, broken)

    assert points.call("terms", new_model(twin, points, terms))[:2] == (HOUR, 2 * HOUR)


def test_claim__first_of_any_kind__does_not_block_the_author(points, model, contributor, validated_reporters):
    """The first claim of any kind blocked all others."""
    first, second = validated_reporters
    added = points.send("add_data", model, NEITHER, 0, sender=contributor)  # the model says 0: agreed
    points.send("add_data", model, NEITHER + b"\0\5", 1, sender=first)  # learnt, so that now it says 1
    assert model.call("predict", NEITHER) == 1
    points.send("report", model, NEITHER, 0, sender=first, time=added.time + 2 * HOUR)
    with reverts("points: reported already"):
        points.send("report", model, NEITHER, 0, sender=second)
    with reverts("points: the model disagrees"):
        points.send("validate", model, NEITHER, 0, sender=contributor)

    points.send("add_data", model, NEITHER + b"\0\6", 0, sender=second)  # and back again
    points.send("validate", model, NEITHER, 0, sender=contributor)

    assert points.call("account", model, contributor)[:2] == (10 + 20 + 10, 1)  # a new and a rare label
    with reverts("points: no such contribution, or validated already"):
        points.send("report", model, NEITHER, 0, sender=second)


def test_validate__same_sample_five_times__counts_once(points, model, contributor, reporter):
    """The same sample sent and claimed five times counted as five valid contributions."""
    added = points.send("add_data", model, FOR, 1, sender=contributor)
    points.send("validate", model, FOR, 1, sender=contributor, time=added.time + HOUR)
    for sender in (contributor, reporter) * 2:
        with reverts("points: this sample has earned already"):
            points.send("add_data", model, FOR, 1, sender=sender)

    assert points.call("statistics", model) == (1, 1)
