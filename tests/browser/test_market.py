"""The tabs of a model with a prediction market: its phase and deadlines, a stake, and what can be withdrawn."""

import pytest

from comodels.chain.contract import ContractAt
from comodels.market import MarketDriver
from comodels.market_secret import Secret

pytestmark = pytest.mark.browser

NAME = "Film reviews in a market"
PROVIDER = 5  # which account the demo's provider is


@pytest.fixture
def driver(site, tmp_path):
    """Moves the market on, as its provider does with `ape run market`."""
    address = site.model(NAME)
    contracts = {name: a for a, name in site.dashboard.settings.incentives.items()}
    contract = ContractAt(site.chain, contracts["PredictionMarket"], site.market_abi)
    (path,) = site.folder.glob("*.secret.json")
    provider = site.dashboard.reader.local_accounts()[PROVIDER]
    secret = Secret.load(path)
    copy = tmp_path / "copy.json"  # what this test does is undone at its end
    secret.save(copy)
    return MarketDriver(contract, address, provider, secret, copy, say=lambda line: None)


def terms_of(page) -> dict[str, str]:
    names, values = page.locator("section dl dt").all_inner_texts(), page.locator("section dl dd").all_inner_texts()
    return dict(zip(names, values, strict=True))


def test_market__stake_and_withdraw__from_participation_to_payment(person, site, driver):
    someone = person(8)
    page = someone.open("/")
    count = page.locator("tr", has_text=NAME).locator("[data-th=Contributions]")
    assert count.inner_text() == "12"  # the demo's
    page.goto(f"/models/{driver.model}/train")
    someone.connect()
    terms = terms_of(page)
    assert terms["contributions"] == "9; at least 1 or it is cancelled, at most 50"
    assert terms["Phase"].startswith("Open: you can stake on samples until ")
    assert "(in 6 days" in terms["Phase"]
    assert terms["bounty"] == "0.2 ether, 20 stakes"
    assert page.locator("#required").inner_text() == "0.01 ether"
    someone.contribute("a wonderful story with a stunning ending")
    someone.message("Done.")
    page.get_by_role("link", name="Withdraw").click()
    row = page.locator("tbody tr")
    assert "Open: you can stake" in row.inner_text()
    assert row.get_by_role("button").count() == 0

    driver.run(lambda view: driver.pass_time(view), until_withdrawn=False)  # provider and keepers do their work
    view = driver.view()
    page.reload()
    assert "can be withdrawn now" in page.locator("tbody").inner_text()
    owed = driver.payouts(view)[-1].amount
    before = site.chain.balance(someone.wallet.address)
    page.get_by_role("button", name="Withdraw").click()
    page.click("#confirm-send")
    someone.message("Done.")
    assert site.chain.balance(someone.wallet.address) - before == owed > 0
    assert "Paid" in page.locator("tbody").inner_text()
    page.goto(f"/models/{driver.model}/train")
    terms = terms_of(page)
    assert terms["Phase"] == "Settled: each contribution is paid what it earned."
    assert terms["errors on the hidden test set"].startswith(f"{view.initial_errors} before, {view.errors} after")

    provider = person(PROVIDER)
    page = provider.open(f"/models/{driver.model}/refund")
    provider.connect()
    rest = driver.contract.call("held", driver.market)[0]
    before = site.chain.balance(provider.wallet.address)
    page.get_by_role("button", name="Withdraw the rest").click()
    page.click("#confirm-send")
    provider.message("Done.")
    assert site.chain.balance(provider.wallet.address) - before == rest > 0
    assert page.get_by_role("button", name="Withdraw the rest").count() == 0


def test_market__participation_over__stake_is_refused_before_signing(person, site, driver):
    someone = person(8)
    page = someone.open(f"/models/{driver.model}/train")
    someone.connect()
    driver.pass_time(driver.view())
    someone.fill_sample("a wonderful story with a stunning ending")
    page.get_by_role("button", name="Contribute").click()  # the page was opened before the time was over
    someone.message("The time for stakes is over")
    assert "eth_sendTransaction" not in someone.wallet.asked
    page.reload()
    assert "Nobody can contribute now: The time for stakes was over" in page.locator("#closed").inner_text()
    assert page.get_by_role("button", name="Contribute").count() == 0


def test_market__reward__says_that_nothing_is_taken(person, driver):
    someone = person(8)
    page = someone.open(f"/models/{driver.model}/reward")
    someone.connect()
    assert "nothing to take from others" in page.locator("main").inner_text()
