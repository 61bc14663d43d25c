"""The tabs of a model whose contributors earn points."""

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def points(site):
    if "Points" not in site.dashboard.settings.incentives.values():
        pytest.skip("the incentive with points is not part of this project")
    return f"/models/{site.model('Film reviews for points')}"


def test_validate__own_contribution__earns_points(person, site, points):
    someone = person(8)
    page = someone.open(points + "/train")
    someone.connect()
    assert page.get_by_text("Deposit required now").count() == 0
    someone.contribute("a tender and honest ending")
    someone.message("Done.")
    with page.expect_navigation():
        page.get_by_role("button", name="Move").click()
    page.get_by_role("link", name="Validate").click()
    page.get_by_role("button", name="Earn points").click()
    page.click("#confirm-send")
    someone.message("Done.")
    assert "earned" in page.locator("tbody").inner_text()
    assert "first use of the label" in page.locator("tbody").inner_text()
    page.goto("/account")
    assert "label “positive”" in page.locator("main").inner_text()


def test_data__leaderboard__from_events(person, site, points):
    page = person().open(points + "/data")
    rows = page.locator("#leaderboard tbody tr")
    assert rows.count() >= 2
    assert "milestone 1" in rows.first.inner_text()


def test_data__badges__say_what_they_are_for(person, points):
    page = person().open(points + "/data")
    shown = {badge.inner_text(): badge.get_attribute("title") for badge in page.locator("#leaderboard .badge").all()}
    assert shown["milestone 1"] == "for the first contribution that proved good"
    assert shown["label “positive”"] == "for the first contribution labelled “positive” that proved good"
    meaning = page.locator("details").filter(has_text="What the badges are for")
    assert meaning.locator("dl").is_hidden()
    meaning.locator("summary").click()  # where nothing can be pointed at, as on a telephone
    words = zip(meaning.locator("dt").all_inner_texts(), meaning.locator("dd").all_inner_texts(), strict=True)
    assert dict(words) == shown
