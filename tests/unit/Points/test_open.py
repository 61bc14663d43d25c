from dataclasses import replace

import pytest

from comodels.incentives.points import Terms
from tests.unit.Points.conftest import TERMS


def test_open__valid_terms__are_kept_and_logged(points, open_model):
    terms = Terms(2**32 - 1, 2**32 - 1, 2**32 - 1, 255, *[2**16 - 1] * 5, without_own_effect=True)
    model = open_model(terms)
    assert tuple(points.terms(model)) == tuple(terms.__dict__.values())
    assert points.statistics(model) == (0, 0)


def test_open__by_the_trained_itself__logs_the_terms(points, owner):
    receipt = points.open(TERMS.encode(), sender=owner)
    assert receipt.events == [points.Opened(owner), points.Agreed(owner, TERMS.encode())]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"validation_wait": 0}, "points: no validation wait"),
        ({"report_wait": 3_599}, "points: waits out of order"),
        ({"validated_points": 0}, "points: a validated contribution earns nothing"),
        ({"rarity_factor": 0}, "points: rarity factor of 0"),
    ],
)
def test_open__terms_that_break__are_refused(change, message, points, owner, refused):
    terms = object.__new__(Terms)  # without the twin's own checks
    for name, value in (TERMS.__dict__ | change).items():
        object.__setattr__(terms, name, value)
    refused(message, "open", terms.encode(), sender=owner)


@pytest.mark.parametrize("change", [{"report_wait": 3_600}, {"validated_points": 1}, {"rarity_factor": 1}])
def test_open__terms_at_the_limit__are_accepted(change, points, owner):
    points.open(replace(TERMS, **change).encode(), sender=owner)


@pytest.mark.parametrize("field", range(10))
def test_open__number_too_large__is_refused(field, refused, owner):
    words = bytearray(TERMS.encode())
    words[32 * field : 32 * field + 32] = b"\xff" * 32
    refused(None, "open", bytes(words), sender=owner)


def test_open__twice__is_refused(points, owner, refused):
    points.open(TERMS.encode(), sender=owner)
    refused("points: open already", "open", TERMS.encode(), sender=owner)


@pytest.mark.parametrize("function", ["terms", "statistics"])
def test_terms__model_not_open__is_refused(function, refused, stranger):
    refused("points: not open for this model", function, stranger, sender=stranger)
