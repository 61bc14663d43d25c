"""For everyone: phone, keyboard, screen reader, dark and light; and nothing from the chain becomes markup."""

import pytest

pytestmark = pytest.mark.browser

PATHS = ["/", "/create", "/account", "", "/train", "/refund", "/reward", "/data"]
NAMES = ["models", "create", "account", "predict", "train", "refund", "reward", "data"]

UNLABELLED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a, img, svg")]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.labels && e.labels.length) && !e.textContent.trim() && !e.getAttribute("aria-label"))
  .map((e) => e.outerHTML.slice(0, 80))"""


def paths(reviews):
    return [path if path.startswith(("/c", "/a")) or path == "/" else reviews + path for path in PATHS]


def test_pages__phone__nothing_is_cut_off_and_all_has_a_name(person, reviews, screenshot):
    someone = person(1, viewport={"width": 360, "height": 740}, color_scheme="dark")
    page = someone.open("/")
    someone.connect()
    for path, name in zip(paths(reviews), NAMES, strict=True):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert page.evaluate(UNLABELLED) == [], path
        assert page.locator("h1").count() == 1, path
        screenshot(page, f"{name}-phone")


def test_pages__desktop__screenshots(person, reviews, screenshot):
    someone = person(1, viewport={"width": 1100, "height": 800}, color_scheme="light")
    page = someone.open("/")
    someone.connect()
    for path, name in zip(paths(reviews), NAMES, strict=True):
        page.goto(path)
        screenshot(page, name)
    page.goto(reviews)
    page.get_by_label("Text", exact=True).fill("a charming film with a clumsy plot")
    page.get_by_role("button", name="Predict").click()
    page.locator("#answer").wait_for()
    screenshot(page, "predict")


def test_pages__keyboard_only__predicts_and_contributes(person, site, reviews):
    someone = person(8)
    page = someone.open(reviews + "/train")
    someone.connect()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(40):
        if page.evaluate("document.activeElement.id") == "text":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("a fresh and honest film")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # sends the form, as in any form
    page.locator("#confirm[open]").wait_for()
    assert page.evaluate("document.activeElement.id") == "confirm-send"
    page.keyboard.press("Escape")
    someone.message("Cancelled: nothing was sent.")
    page.get_by_role("button", name="Contribute").press("Enter")
    page.locator("#confirm[open]").wait_for()
    page.keyboard.press("Enter")
    someone.message("Done, with")


def test_theme__switched__stays(person):
    someone = person(color_scheme="light")
    page = someone.open("/")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Switch between dark and light").click()
    assert page.evaluate(colour) != light
    page.reload()
    assert page.evaluate(colour) != light


def test_texts_from_the_chain__markup__are_shown_as_text(person, site):
    from dashboard import demo
    from scripts import _models

    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    encoder = demo.encoders.HashedWords(64)
    deployed = demo.Deployed(site.chain, contracts_of(site), site.dashboard.reader.local_accounts())
    deployed.salts = iter([2**200])
    (model,) = demo.publish(
        deployed, [(evil, evil)], _models.new_twin(encoder), encoder, classes=(evil, "{{ 7 * 7 }}"), trained=False
    )
    someone = person(1)
    page = someone.open("/")
    someone.connect()
    for path in ["/", *[f"/models/{model}{tab}" for tab in ("", "/train", "/refund", "/reward", "/data")]]:
        page.goto(path)
        assert evil in page.locator("main").inner_text()
        assert page.locator("main img").count() == 0
    page.goto(f"/models/{model}/train")
    someone.contribute("any words", "{{ 7 * 7 }}")
    someone.message(f"“{evil}”")
    assert page.locator("#messages img").count() == 0


def contracts_of(site) -> dict[str, str]:
    names = {name: address for address, name in site.dashboard.settings.incentives.items()}
    kinds = {kind: address for address, (kind, _) in site.dashboard.reader.listed_implementations().items()}
    return names | kinds | {"Registry": site.dashboard.reader.registry}
