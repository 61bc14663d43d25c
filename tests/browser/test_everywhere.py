"""What holds on every page: names of strangers, one's own score, links, and what a newcomer reads first."""

import pytest

from comodels import saved
from comodels.dashboard import demo
from tests.browser.test_page import contracts_of

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 375, "height": 740}}
TABS = ("", "/train", "/refund", "/reward", "/data", "/use")
LONG = "W" * 70
TURNED = "\u202eeettimmoc\u202c Film reviews"
LOOKS_ALIKE = "Film revi\u0435ws"  # with a Cyrillic letter


@pytest.fixture
def hostile(site):
    """Models whose names, descriptions and classes want to spoil the page, by the names."""
    encoder = demo.encoders.HashedWords(64)
    deployed = demo.Deployed(site.chain, contracts_of(site), site.dashboard.reader.local_accounts())
    deployed.salts = iter(range(2**201, 2**201 + 10))
    made = {}
    for name in (LONG, TURNED, LOOKS_ALIKE):
        classes = "y" * 120, "\u202enegative"
        (made[name],) = demo.publish(
            deployed, [(name, "x" * 200)], saved.new_twin(encoder), encoder, classes=classes, trained=False
        )
    return made


def test_names__long_or_turning__break_no_page(person, site, hostile):
    someone = person(1, **PHONE)
    page = someone.open("/")
    someone.connect()
    for path in ["/", *(f"/models/{hostile[LONG]}{tab}" for tab in TABS), f"/models/{hostile[TURNED]}/train"]:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, path
        assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(page.content()), path
    page.goto(f"/models/{hostile[LONG]}/train")
    page.get_by_label("Text", exact=True).fill("w" * 15_000)
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Contribute").click()
    page.locator("#confirm[open], #messages > .bad").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_names__that_look_alike__are_warned_of_in_the_list_and_on_both_models(person, site, hostile):
    page = person().open("/?q=film")
    rows = page.locator("tbody tr", has_text="another model has this name")
    assert rows.count() == 2
    for address in (hostile[LOOKS_ALIKE], site.model("Film reviews")):
        page.goto(f"/models/{address}")
        warning = page.get_by_text("Another model has the same name, or one that looks the same.")
        assert address in warning.inner_text()


def test_models__sorted_and_filtered__as_asked(person):
    page = person().open("/")
    assert "Film reviews" in page.locator("main").inner_text()
    names = page.locator("tbody tr td:first-child a")

    def chosen(order: str) -> list[str]:
        page.get_by_label("Order").select_option(order)
        page.get_by_role("button", name="Search", exact=True).click()
        page.wait_for_url(f"**sort={order}*")
        return names.all_inner_texts()

    newest = names.all_inner_texts()
    assert chosen("oldest") == newest[::-1]
    assert chosen("name") == sorted(newest, key=str.lower)
    assert sorted(chosen("contributions")) == sorted(newest)
    counts = [int(text) for text in page.locator("td[data-th=Contributions]").all_inner_texts()]
    assert counts == sorted(counts, reverse=True)
    page.goto("/?incentive=Points")
    assert names.all_inner_texts() == ["Film reviews for points"]


def test_score__waits_and_deposit__stand_on_every_tab(person, reviews):
    someone = person(1)
    page = someone.open("/")
    someone.connect()
    for tab in TABS:
        page.goto(reviews + tab)
        score = page.locator("dl.score").inner_text()
        assert "%" in score
        assert "Deposit required now" in score
        assert "refund after 1 day, the rest back after 10 days" in score


def test_first_screen__three_sentences_and_what_the_words_mean(person):
    page = person().open("/")
    introduction = page.locator("main p").first.inner_text()
    assert introduction.count(". ") + 1 >= 3
    assert "public for ever" in introduction
    page.get_by_role("link", name="What do the words mean?").click()
    terms = page.locator("main dt").all_inner_texts()
    assert {"Deposit", "Gas, network fee", "Wallet, account", "Keeper"} <= set(terms)


def test_links__model_and_prediction__are_copied_and_lead_back(person, site, reviews):
    someone = person()
    someone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = someone.open(reviews + "?text=a+wonderful+film")
    page.get_by_role("button", name="Copy a link to this prediction").click()
    someone.message("The link is copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{site.url}{reviews}?text=a+wonderful+film"
    page.goto(link)
    assert page.locator("#predicted").inner_text() == "positive"
    assert page.request.get("/static/icon.svg").headers["content-type"] == "image/svg+xml"


def test_money__explorer_configured__transactions_are_links(person, site, reviews):
    site.dashboard.settings.explorer = "https://scan.example"
    try:
        someone = person(1)
        page = someone.open("/")
        someone.connect()
        page.goto("/account/money")
        link = page.locator("#money a[href^='https://scan.example/tx/0x']").first
        assert len(link.get_attribute("href")) == len("https://scan.example/tx/0x") + 64
        with page.expect_download() as got:
            page.get_by_role("link", name="All of it as a table (.csv)").click()
        assert got.value.path().read_text().startswith("time,model,name,what,contribution,wei,points,transaction")
    finally:
        site.dashboard.settings.explorer = ""
