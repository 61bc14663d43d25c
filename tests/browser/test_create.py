"""Creating models: from texts, numbers, pictures or nothing, of all kinds, with all incentives."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from comodels.dashboard.demo import sentences

pytestmark = pytest.mark.browser

WAIT = "SelfAssessment.refund_wait"
TOPICS = {
    "food": "bread cheese soup apple butter honey rice pepper",
    "music": "guitar song drum piano choir violin concert melody",
    "sport": "goal match runner team racket stadium medal coach",
}


def texts(delimiter: str, count: int = 90) -> bytes:
    """A table of texts about three topics."""
    rng = np.random.default_rng(0)
    names = list(TOPICS)
    lines = [f"label{delimiter}text"]
    for i in range(count):
        words = rng.choice(TOPICS[names[i % 3]].split(), 4, replace=False)
        lines.append(f"{names[i % 3]}{delimiter}{' '.join(words)}")
    return "\n".join(lines).encode()


def numbers(classes: int, count: int = 80) -> bytes:
    """A table of three numbers; the classes lie apart."""
    rng = np.random.default_rng(1)
    centres = np.array([[5, 0, 0], [0, 5, 0], [0, 0, 5]])
    lines = ["label,a,b,c"]
    for i in range(count):
        a, b, c = centres[i % classes] + rng.normal(0, 0.5, 3)
        lines.append(f"{'pqr'[i % classes]},{a:.3f},{b:.3f},{c:.3f}")
    return "\n".join(lines).encode()


def pictures(count: int = 60) -> bytes:
    """A ZIP of pictures that are dark at the top or at the left."""
    rng = np.random.default_rng(2)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(count):
            archive.writestr(f"{'left' if i % 2 else 'top'}/{i}.png", square(bool(i % 2), rng))
    return file.getvalue()


def square(left: bool, rng) -> bytes:
    pixels = rng.integers(200, 256, (12, 12), dtype=np.uint8)
    if left:
        pixels[:, :6] -= 180
    else:
        pixels[:6] -= 180
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def fill(page, name, file=None, **choices):
    """Fill in the form up to the button."""
    page.get_by_label("Name", exact=True).fill(name)
    if file is not None:
        page.set_input_files("#file", {"name": file[0], "mimeType": "application/octet-stream", "buffer": file[1]})
    if "features" in choices:
        page.get_by_text("Parameters of encoder and model").click()
    for field, value in choices.items():
        if field in ("encoder", "family", "incentive"):
            page.select_option(f"#{field}", value)
        else:
            page.locator(f"[id='{field}']").fill(value)


def publish(someone):
    """Sign all steps, and open the model."""
    page = someone.page
    while page.locator("#created").count() == 0:
        page.locator(".steps button").click()
        with page.expect_navigation():
            page.click("#confirm-send")
        someone.message("Done.")
    page.get_by_role("link", name="Open it").click()


@pytest.fixture
def creator(person):
    someone = person(2)
    someone.open("/create")
    someone.connect()
    return someone


CASES = {
    "MulticlassSparsePerceptron": (
        ("topics.tsv", texts("\t")),
        {"family": "perceptron", "incentive": "Points"},
        "cheese and bread with honey",
        "food",
    ),
    "NaiveBayes": (
        ("topics.csv", texts(",")),
        {"family": "naive-bayes", "incentive": "PredictionMarket"},
        "the choir sings a melody",
        "music",
    ),
    "SparseNearestCentroid": (
        ("topics.tsv", texts("\t")),
        {"family": "nearest-centroid", "encoder": "hashed-words", "features": "256"},
        "the coach of the team",
        "sport",
    ),
    "DensePerceptron": (
        ("table.csv", numbers(2)),
        {"family": "perceptron", "encoder": "tabular"},
        "0.2, 4.8, 0",
        "q",
    ),
    "MulticlassDensePerceptron": (
        ("table.csv", numbers(3)),
        {"family": "perceptron"},
        "5 0 0.2",
        "p",
    ),
    "NearestCentroid": (
        ("table.csv", numbers(3)),
        {"family": "nearest-centroid", "incentive": "Points"},
        "0 0 5.1",
        "r",
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_create__each_kind__learns_from_the_file_and_predicts(creator, site, kind):
    file, choices, sample, expected = CASES[kind]
    page = creator.page
    fill(page, f"A {kind}", file, **choices)
    page.get_by_role("button", name="Prepare").click()
    page.get_by_role("heading", name="Create “").wait_for()
    facts = page.locator("main").inner_text()
    assert kind in facts
    assert "samples that were held out; always saying" in facts
    assert "gas" in page.locator(".steps").inner_text()
    publish(creator)
    page.get_by_role("heading", name=f"A {kind}").wait_for()
    page.locator("#text").fill(sample)
    page.get_by_role("button", name="Predict", exact=True).click()
    assert page.locator("#predicted").inner_text() == expected
    entry = site.dashboard.reader.entries()[0]
    assert entry.kind == kind
    incentive = site.dashboard.incentives.of(site.dashboard.reader.model(entry.address))
    assert incentive.name == choices.get("incentive", "SelfAssessment")


def test_create__pictures__predicts_a_picture(creator):
    page = creator.page
    fill(page, "Dark side", ("squares.zip", pictures()), family="nearest-centroid", features="16")
    page.get_by_role("button", name="Prepare").click()
    page.get_by_text("image/1?features=16").wait_for()
    publish(creator)
    rng = np.random.default_rng(3)
    for left in (True, False):
        page.set_input_files("#picture", {"name": "a.png", "mimeType": "image/png", "buffer": square(left, rng)})
        page.get_by_role("button", name="Predict", exact=True).click()
        page.get_by_role("heading", name="left" if left else "top").wait_for()


def test_create__data_file__publishes_a_model(creator, site):
    page = creator.page
    rows = "label\ttext\n" + "".join(f"{y}\t{t}\n" for t, y in zip(*sentences(120, seed=3), strict=True))
    fill(page, "Made <b>here</b>", ("films.tsv", rows.encode()), classes="bad, good")
    page.get_by_role("button", name="Prepare").click()
    page.get_by_role("heading", name="Create “Made <b>here</b>”").wait_for()
    assert "SparsePerceptron" in page.locator("main").inner_text()
    facts = page.locator("main").inner_text()
    assert "120 of 120 texts, 2 classes" in facts
    assert "samples that were held out; always saying" in facts
    assert "gas for the model" in facts
    publish(creator)
    page.get_by_role("heading", name="Made <b>here</b>").wait_for()
    page.get_by_label("Text", exact=True).fill("a brilliant wonderful film")
    page.get_by_role("button", name="Predict", exact=True).click()
    assert page.locator("#predicted").inner_text() == "good"
    model = site.dashboard.reader.model(site.dashboard.reader.entries()[0].address)
    assert model.owner == creator.wallet.address


def test_create__large_model_and_a_reload__goes_on_with_the_next_transaction(creator, site):
    page = creator.page
    rows = "label\ttext\n" + "".join(f"{y}\t{t}\n" for t, y in zip(*sentences(60, seed=4), strict=True))
    fill(page, "Large", ("films.tsv", rows.encode()), encoder="hashed-words", features="8192")
    page.get_by_role("button", name="Prepare").click()
    page.get_by_role("heading", name="Create “Large”").wait_for()
    assert page.locator(".steps li").count() == 3  # publish with 256 words, load the rest, seal
    with page.expect_navigation():
        page.get_by_role("button", name="Publish").click()
        page.click("#confirm-send")
    creator.message("Done.")
    page.reload()
    assert page.locator(".steps .done").count() == 1
    address = site.dashboard.reader.entries()[0].address
    assert not site.dashboard.reader.model(address).sealed
    publish(creator)
    page.get_by_role("heading", name="Large").wait_for()
    assert site.dashboard.reader.model(address).sealed
    assert creator.wallet.asked.count("eth_sendTransaction") == 3


def test_create__empty_model__needs_no_file(creator):
    page = creator.page
    fill(page, "From nothing", classes="no, yes", encoder="hashed-words")
    page.get_by_role("button", name="Prepare").click()
    publish(creator)
    page.get_by_role("heading", name="From nothing").wait_for()


def test_create__encoder_from_a_file__model_starts_empty(creator):
    page = creator.page
    fill(page, "Empty table", ("table.csv", numbers(3)), family="nearest-centroid")
    page.get_by_label("Fit only the encoder").check()
    page.get_by_role("button", name="Prepare").click()
    page.get_by_text("nothing yet").wait_for()
    publish(creator)
    page.get_by_label("3 numbers").wait_for()
    page.get_by_text("About this model").click()
    assert "p, q, r" in page.locator("main").inner_text()


def test_create__terms__as_filled_in(creator):
    page = creator.page
    fill(page, "Quick refunds", classes="no, yes", encoder="hashed-words")
    assert page.get_by_text("Terms: Points and badges").is_hidden()
    page.get_by_text("Terms: Deposits").click()
    page.get_by_label("Refunds, and reports by others, from").fill("2h")
    page.get_by_label("Judge a sample as if").first.check()
    page.get_by_role("button", name="Prepare").click()
    publish(creator)
    page.get_by_role("link", name="Train").click()
    page.get_by_text("2 hours after a contribution").wait_for()
    assert "as if this sample had never been added" in page.locator("main").inner_text()


@pytest.mark.parametrize(
    ("file", "choices", "problem"),
    [
        (None, {"classes": "a, b", "encoder": "tabular"}, "This encoder is fitted to data"),
        (None, {"classes": "a", "encoder": "hashed-words"}, "Name the classes"),
        (("x.csv", numbers(2)), {"encoder": "bag-of-words"}, "The file has numbers"),
        (("x.csv", numbers(2)), {"family": "naive-bayes"}, "No model of the family naive-bayes takes numbers"),
        (("x.csv", b"label,a\nx,1\ny,two\n"), {}, "x.csv: line 3: 'two' in the column 'a' is not a number"),
        (("x.tsv", b"\xff\xfe\x00garbage"), {}, "x.tsv: the first line is"),
        (("x.zip", b"PK nothing"), {}, "x.zip: the first line is"),
        (
            None,
            {"classes": "a, b", "encoder": "hashed-words", WAIT: "8d"},
            "reports need more time",
        ),
    ],
    ids=["no data", "one class", "encoder", "family", "no number", "garbage", "no archive", "terms"],
)
def test_create__does_not_fit__says_what_to_do_and_keeps_the_form(person, file, choices, problem):
    page = person().open("/create")
    if WAIT in choices:
        page.get_by_text("Terms: Deposits").click()
    fill(page, "Odd one", file, **choices)
    page.get_by_role("button", name="Prepare").click()
    assert problem in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Name", exact=True).input_value() == "Odd one"
