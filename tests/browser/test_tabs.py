"""Every tab's way through, by accounts of the local chain and by a wallet."""

import pytest

pytestmark = pytest.mark.browser


def test_models__search__finds_by_words(person):
    page = person().open("/")
    assert page.get_by_role("heading", name="Models").is_visible()
    assert page.locator("tbody tr").count() >= 2
    page.get_by_label("Search").fill("empty buckets")
    page.keyboard.press("Enter")
    page.get_by_text("1 of 6 models.").wait_for()
    assert page.locator("tbody tr").count() == 1
    page.get_by_role("link", name="Empty model").click()
    page.get_by_role("heading", name="Empty model").wait_for()


def test_train__local_account__contributes_and_gets_the_refund(person, site, reviews):
    someone = person()
    someone.open(reviews + "/train")
    account = site.dashboard.reader.local_accounts()[7]
    someone.use_local(account)
    page = someone.page
    assert "local" in page.locator("#account-button").inner_text()
    someone.contribute("a wonderful story and a charming ending")
    someone.message("Done.")
    made = site.contributions(site.model("Film reviews"))[-1]
    assert (made.contributor, made.label) == (account, 1)

    page.goto(reviews + "/refund")
    row = page.locator(f"#contribution-{made.id + 1}")
    assert "a wonderful story and a charming ending" in row.inner_text()
    assert "the words as they were typed here" in row.inner_text()
    assert "can be refunded from" in row.inner_text()
    assert row.get_by_role("button").count() == 0
    with page.expect_navigation():
        page.get_by_role("button", name="Move").click()  # a day later
    before = site.chain.balance(account)
    page.get_by_role("button", name=f"Refund: contribution {made.id + 1}").click()
    page.click("#confirm-send")
    someone.message("Done.")
    receipt = site.receipts(account)[-1]  # this account pays for its gas: the node sets the price
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert site.chain.balance(account) - before + fee == made.deposit
    assert "refunded" in page.locator(f"#contribution-{made.id + 1}").inner_text()


def test_train__wallet__signs_in_the_browser(person, site, reviews):
    someone = person(8)
    someone.open(reviews + "/train")
    someone.connect()
    someone.contribute("a tedious film with a messy plot", "negative")
    someone.message("Done.")
    made = site.contributions(site.model("Film reviews"))[-1]
    assert (made.contributor, made.label) == (someone.wallet.address, 0)
    assert someone.wallet.asked.count("eth_sendTransaction") == 1


def test_train__maximum_above_the_deposit__change_comes_back(person, site, reviews):
    someone = person(8)
    page = someone.open(reviews + "/train")
    someone.connect()
    page.get_by_label("The most that you accept").fill("5")
    before = site.chain.balance(someone.wallet.address)
    someone.contribute("a clever plot and a warm ending")
    someone.message("Done.")
    made = site.contributions(site.model("Film reviews"))[-1]
    assert before - site.chain.balance(someone.wallet.address) == made.deposit < 10**18


def test_reward__validated_contributor__takes_a_share(person, site, reviews):
    someone = person(1)  # has validated contributions, see the demo
    page = someone.open(reviews + "/reward")
    someone.connect()
    button = page.get_by_role("button", name="Take my share").first
    before = site.chain.balance(someone.wallet.address)
    button.click()
    page.click("#confirm-send")
    someone.message("Done.")
    assert site.chain.balance(someone.wallet.address) > before
    page.get_by_text("You took").first.wait_for()


def test_reward__newcomer__is_told_what_is_missing(person, reviews):
    someone = person(9)
    page = someone.open(reviews + "/reward")
    someone.connect()
    assert page.get_by_role("button", name="Take my share").count() == 0
    assert "once one of your own contributions was refunded" in page.locator("tbody").inner_text()


def test_data__test_set__accuracy_and_charts(person, reviews):
    page = person().open(reviews + "/data")
    assert float(page.locator("#accuracy").inner_text().rstrip("%")) > 80
    assert page.get_by_role("img", name="Contributions over time").is_visible()
    assert page.get_by_role("img", name="Accuracy over time").is_visible()


def test_data__uploaded_test_set__is_measured(person, site):
    page = person().open(f"/models/{site.model('Empty model')}/data")
    rows = "label\ttext\n0\ta dull film\n1\ta fine film\n0\tdull\n"
    page.set_input_files("#test-file", {"name": "mine.tsv", "mimeType": "text/plain", "buffer": rows.encode()})
    page.get_by_role("button", name="Measure").click()
    page.get_by_text("3 samples of mine.tsv").wait_for()
    assert page.locator("#accuracy").inner_text() == "66.7%"  # an empty model says 0, which is right 2 times of 3


def test_account__contributor__sees_statistics(person, reviews):
    someone = person(1)
    page = someone.open("/account")
    someone.connect()
    text = page.locator("main").inner_text()
    assert "Film reviews" in text
    assert "deposits that came back" in text
