"""For everyone: phone, keyboard, screen reader, dark and light; and nothing from the chain becomes markup."""

import os
from pathlib import Path

import pytest

from comodels.dashboard import say
from comodels.dashboard.sponsors import Sponsor

pytestmark = pytest.mark.browser

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 375, "height": 740}}
COLOURS = {"light": [], "dark": ["cat.color"]}  # by which of axe-core's rules; [] is all. Nothing else differs
PICTURED = {("desktop", "light"): "", ("phone", "dark"): "-phone"}  # kept, under these endings

# ---- what is checked on each page, see WCAG 2.2 ----------------------------------------------------------------------

# 4.1.2: whatever can be operated has a name, and pictures have a text
OPERATED = "a[href], button, input:not([type=hidden]), select, textarea, summary"
NAMELESS = f"""() => [...document.querySelectorAll("{OPERATED}, img, svg")]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.labels && [...e.labels].some((l) => l.textContent.trim())) && !e.textContent.trim()
    && !e.getAttribute("aria-label"))
  .map((e) => e.outerHTML.slice(0, 80))"""

# 1.4.3: text stands out from what is behind it, by 4.5, or by 3 where it is large
FAINT = """() => {
  const parse = (c) => { const [r, g, b, a = 1] = c.match(/[0-9.]+/g).map(Number); return { r, g, b, a }; };
  const light = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = (c) => 0.2126 * light(c.r) + 0.7152 * light(c.g) + 0.0722 * light(c.b);
  const behind = (e) => {
    for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a === 1) return c; }
    return { r: 255, g: 255, b: 255, a: 1 };
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), e = walker.currentNode.parentElement;
    if (!text || !e.checkVisibility() || e.tagName === "TITLE") continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const fore = parse(e.closest("svg") ? style.fill : style.color);
    const [a, b] = [luminance(fore), luminance(behind(e))].sort((x, y) => x - y);
    const ratio = (b + 0.05) / (a + 0.05);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""

# 1.3.1 and 2.4.1: one heading of the first level, none of the others left out, one main part, no identifier twice
OUTLINE = """() => {
  const found = [];
  const seen = (s) => [...document.querySelectorAll(s)].filter((e) => e.checkVisibility());
  const levels = seen("h1, h2, h3, h4").map((h) => Number(h.tagName[1]));
  if (levels.filter((l) => l === 1).length !== 1 || levels[0] !== 1) found.push("not one first heading");
  levels.forEach((l, i) => { if (i && l > levels[i - 1] + 1) found.push("a level of headings is left out"); });
  if (seen("main").length !== 1) found.push("not one main part");
  if (!document.documentElement.lang || !document.title) found.push("no language or title");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push("an identifier twice");
  for (const name of ["aria-labelledby", "aria-describedby", "for"])
    for (const e of document.querySelectorAll(`[${name}]`))
      if (!document.getElementById(e.getAttribute(name))) found.push(`${name} names nothing`);
  return found;
}"""


AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def barriers(page, rules: list[str]) -> list[str]:
    """What axe-core finds that is serious, and where; by the rules that have these tags, or by all."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(
            AXE.read_text(encoding="utf-8")
        )  # not as a script of the page: its policy forbids others' scripts
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found = page.evaluate("(options) => axe.run(options).then((result) => result.violations)", options)
    return [
        f"{v['id']}: {[node['html'][:80] for node in v['nodes'][:3]]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def check(page, name: str, width: int, rules: list[str]) -> None:
    """A page as it stands."""
    assert barriers(page, rules) == [], name
    for what, script in (("nameless", NAMELESS), ("faint", FAINT), ("outline", OUTLINE)):
        assert page.evaluate(script) == [], (name, what)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is cut off"


@pytest.mark.parametrize("size", SIZES)
def test_pages__all__readable_named_not_cut_off_and_kept_as_pictures(person, site, reviews, screenshot, size):
    options = {"viewport": SIZES[size]}
    someone = person(1, **options)
    page = someone.open("/")
    someone.connect()

    def take(name):
        for colours, rules in COLOURS.items():
            page.emulate_media(color_scheme=colours)
            check(page, name, SIZES[size]["width"], rules)
            if (size, colours) in PICTURED:
                screenshot(page, name + PICTURED[size, colours])

    take("models")
    page.goto("/?q=nothing+like+this&sort=name&listed=1")
    take("models-none")
    site.dashboard.sponsors.of = lambda model: Sponsor("http://127.0.0.1:9", "0x" + "2" * 40, True)
    for name in ("train", "refund", "reward", "data"):
        page.goto(f"{reviews}/{name}")
        for part in page.locator("main summary").all():
            part.click()
        take(name)
    del site.dashboard.sponsors.of
    for name, model in {"points": "Film reviews for points", "market": "Film reviews in a market"}.items():
        for tab in ("", "train", "refund", "reward", "data", *["market"] * (name == "market"), "use"):
            page.goto(f"/models/{site.model(model)}/{tab}".rstrip("/"))
            take(f"{name}-{tab or 'predict'}")
    for name in ("Wines", "Digits"):
        for tab in ("train", "refund", "reward", "data", "use"):
            page.goto(f"/models/{site.model(name)}/{tab}")
            take(f"{name.lower()}-{tab}")
    for name, path in {"account": "/account", "money": "/account/money", "glossary": "/glossary"}.items():
        page.goto(path)
        take(name)
    page.goto(f"{reviews}/use")
    take("use")
    page.goto(reviews)
    page.get_by_label("Text", exact=True).fill("a charming film with a clumsy plot")
    page.get_by_role("button", name="Predict", exact=True).click()
    page.locator("#answer").wait_for()
    take("predict")
    page.goto(f"/models/{site.model('Wines')}")
    page.get_by_label("13 numbers").fill("13 2 2.4 19 100 2.5 2.2 0.3 1.6 5 1 3 800")
    page.get_by_role("button", name="Predict", exact=True).click()
    page.locator("#answer").wait_for()
    take("predict-numbers")
    page.goto(f"/models/{site.model('Digits')}")
    take("predict-picture")
    page.goto("/models/0x" + "1" * 40)
    take("error")
    provider = person(0, **options)  # who may start a market
    page = provider.open("/")
    provider.connect()
    page.goto(f"/models/{site.model('Film reviews in a market')}/market")
    take("market-provider")
    page = someone.page
    page.goto("/create")
    for part in page.locator("summary").all():
        if part.is_visible():
            part.click()
    take("create")
    page.get_by_label("Name", exact=True).fill("Short texts")
    page.get_by_label("Classes").fill("no, yes")
    page.select_option("#encoder", "hashed-words")
    page.get_by_role("button", name="Prepare").click()
    page.locator(".steps").wait_for()
    take("create-plan")
    page.goto("/create")
    page.get_by_label("Name", exact=True).fill("x")
    page.get_by_role("button", name="Prepare").click()
    page.get_by_role("alert").wait_for()
    take("create-refused")
    page.goto("/account")
    page.click("#account-button")
    take("choose-account")
    page.keyboard.press("Escape")
    page.goto(f"{reviews}/train")
    someone.fill_sample("a gripping story with a stunning camera")
    page.get_by_role("button", name="Contribute").click()
    page.locator("#confirm[open]").wait_for()
    take("confirm")


def test_card__of_links_to_the_page__is_there(person, reviews):
    """The picture that other sites show of a link; `make pictures` takes it anew."""
    page = person(viewport={"width": 1200, "height": 630}).open("/")
    if "PICTURES" in os.environ:
        page.screenshot(path=Path(say.__file__).parent / "static" / "card.png")
    page.goto(reviews)
    assert page.get_attribute("meta[property='og:title']", "content") == "Predict – Film reviews"
    assert "praise a film" in page.get_attribute("meta[property='og:description']", "content")
    size = page.evaluate(
        """() => new Promise((done, fail) => { const card = new Image(); card.onerror = fail;
        card.onload = () => done([card.naturalWidth, card.naturalHeight]); card.src = "/static/card.png"; })"""
    )
    assert size == [1200, 630]


@pytest.mark.parametrize("path", ["/", "/train"])
def test_pages__tab_key__reaches_everything_and_shows_where_it_is(person, reviews, path):
    someone = person(1)
    page = someone.open("/")
    someone.connect()
    page.goto(reviews + path if path != "/" else path)
    page.locator("#due a").wait_for()  # comes a little later
    wanted = page.evaluate(
        """(operated) => new Set([...document.querySelectorAll(operated)]
        .filter((e) => e.checkVisibility() && !e.disabled).map((e) => e.type === "radio" ? e.name : e)).size""",
        OPERATED,
    )
    reached = 0
    for _ in range(wanted + 10):
        page.keyboard.press("Tab")
        now = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
            return [e === document.body || e.tabIndex < 0, Boolean(e.dataset.seen), s.outlineStyle,
              parseFloat(s.outlineWidth), e.matches("[role=region]"), (e.dataset.seen = "1", e.outerHTML.slice(0, 60))];
            }"""
        )
        outside, again, style, thickness, region, html = now
        if outside or again:
            break
        assert style == "solid", html
        assert thickness >= 2, html
        reached += not region
    assert reached == wanted


def test_pages__keyboard_only__predicts_and_contributes(person, site, reviews):
    someone = person(8)
    page = someone.open(reviews + "/train")
    someone.connect()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(60):
        if page.evaluate("document.activeElement.id") == "text":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("a fresh and honest film")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # sends the form, as in any form
    page.locator("#confirm[open]").wait_for()
    page.keyboard.press("Escape")
    someone.message("Cancelled: nothing was sent.")
    page.get_by_role("button", name="Contribute").press("Enter")
    page.locator("#confirm[open]").wait_for()
    while page.evaluate("document.activeElement.id") != "confirm-send":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    someone.message("Done.")


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
    from comodels import saved
    from comodels.dashboard import demo

    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    encoder = demo.encoders.HashedWords(64)
    deployed = demo.Deployed(site.chain, contracts_of(site), site.dashboard.reader.local_accounts())
    deployed.salts = iter([2**200])
    (model,) = demo.publish(
        deployed, [(evil, evil)], saved.new_twin(encoder), encoder, classes=(evil, "{{ 7 * 7 }}"), trained=False
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
