"""Predicting for texts, numbers and pictures, with scores."""

import io
import re

import numpy as np
import pytest
from PIL import Image

import encoders

pytestmark = pytest.mark.browser


def test_predict__text__shows_label_and_scores(person, reviews):
    page = person().open(reviews)
    page.get_by_label("Text", exact=True).fill("a wonderful brilliant film with a charming cast")
    page.get_by_role("button", name="Predict", exact=True).click()
    assert page.locator("#predicted").inner_text() == "positive"
    scores = page.locator("#answer table").first.locator("tbody tr")
    assert scores.count() == 2
    assert "positive ✓" in scores.nth(1).inner_text()
    assert "what the encoder gives back" in page.locator("#answer").inner_text()


def test_predict__no_known_word__says_so(person, reviews):
    page = person().open(reviews)
    page.get_by_label("Text", exact=True).fill("xyzzy")
    page.get_by_role("button", name="Predict", exact=True).click()
    assert "no word that the model knows" in page.get_by_role("alert").inner_text()


def scores_of(page) -> dict[str, int]:
    """The score of each class, as the page gives it in full."""
    rows = page.locator("#answer table").first.locator("tbody tr").all()
    return {
        row.locator("th").inner_text().removesuffix(" ✓"): int(row.locator("td").get_attribute("title")) for row in rows
    }


def test_predict__numbers__shows_label_and_scores(person, site):
    wines = encoders.read_data("wine")
    address = site.model("Wines")
    page = person().open(f"/models/{address}")
    page.get_by_label("13 numbers").fill(", ".join(str(v) for v in wines.samples[0]))
    page.get_by_role("button", name="Predict", exact=True).click()
    assert page.locator("#predicted").inner_text() == "first grower"
    scores = scores_of(page)
    assert list(scores) == ["first grower", "second grower", "third grower"]
    assert max(scores, key=scores.get) == "first grower"
    model = site.dashboard.reader.model(address)
    x = site.dashboard.store.find(model.encoder_spec).encode(wines.samples[0])
    assert list(scores.values()) == site.dashboard.reader.predict(model, x)[1]
    assert "what the encoder gives back" in page.locator("#answer").inner_text()


def test_predict__scores__are_bars_without_numbers_that_nobody_can_read(person, site):
    wines = encoders.read_data("wine")
    page = person().open(f"/models/{site.model('Wines')}")
    page.get_by_label("13 numbers").fill(", ".join(str(v) for v in wines.samples[0]))
    page.get_by_role("button", name="Predict", exact=True).click()
    table = page.locator("#answer table").first
    assert "Scores: the longest bar wins" in table.inner_text()
    assert re.search("[0-9]", table.inner_text()) is None
    bars = [float(bar.get_attribute("value")) for bar in table.locator("meter").all()]
    assert (max(bars), min(bars)) == (1.0, 0.0)
    assert bars[0] == 1.0  # of the class that the model says
    said = table.locator("meter").first.get_attribute("aria-label")  # to who cannot see the bar
    assert re.fullmatch(r"Score -?[0-9.,]{1,17}( × 10\^[0-9]+)?", said)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("1, 2, 3", "The model takes 13 numbers, these are 3."), ("one two", "Enter numbers only")],
)
def test_predict__wrong_numbers__says_so(person, site, text, problem):
    page = person().open(f"/models/{site.model('Wines')}")
    page.get_by_label("13 numbers").fill(text)
    page.get_by_role("button", name="Predict", exact=True).click()
    assert problem in page.get_by_role("alert").inner_text()
    assert page.get_by_label("13 numbers").input_value() == text  # nothing has to be typed again


def picture(digit: int) -> bytes:
    """A written digit, black on white, as a PNG."""
    digits = encoders.read_data("digits")
    pixels = digits.samples[list(digits.labels).index(digit)].reshape(8, 8)
    file = io.BytesIO()
    Image.fromarray(255 - (pixels * 15.9375).astype(np.uint8)).resize((64, 64)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("digit", [0, 6])
def test_predict__picture__shows_label_and_scores(person, site, digit):
    page = person().open(f"/models/{site.model('Digits')}")
    page.get_by_label("Picture").set_input_files(
        {"name": "digit.png", "mimeType": "image/png", "buffer": picture(digit)}
    )
    page.get_by_role("button", name="Predict", exact=True).click()
    assert page.locator("#predicted").inner_text() == str(digit)
    scores = scores_of(page)
    assert len(scores) == 10
    assert max(scores, key=scores.get) == str(digit)


def test_predict__no_picture__says_so(person, site):
    page = person().open(f"/models/{site.model('Digits')}")
    page.get_by_label("Picture").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.get_by_role("button", name="Predict", exact=True).click()
    assert "cannot be read as a picture" in page.get_by_role("alert").inner_text()
