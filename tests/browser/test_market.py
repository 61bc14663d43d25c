"""The tabs of a model with a prediction market: its phase and deadlines, a stake, and what can be withdrawn."""

import pytest

from scripts._market import Secret
from scripts._market_demo import LocalDriver
from scripts.market import pass_time
from simulation.chain import ContractAt

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
    return LocalDriver(None, contract, address, provider, secret, copy, say=lambda line: None)


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
    assert terms["contributions"] == "12; at least 1 or it is cancelled, at most 50"
    assert terms["phase"] == "participating: you can stake on samples"
    assert "UTC" in terms["until"]
    assert terms["bounty"] == "0.2 ETH, 20 stakes"
    assert page.locator("#required").inner_text() == "0.01 ETH"
    someone.contribute("a wonderful story with a stunning ending")
    someone.message("Done, with")
    page.get_by_role("link", name="Withdraw").click()
    row = page.locator("tbody tr")
    assert "participating" in row.inner_text()
    assert row.get_by_role("button").count() == 0

    driver.run(lambda view: pass_time(driver, view), until_withdrawn=False)  # provider and keepers do their work
    view = driver.view()
    page.reload()
    assert "can be withdrawn now" in page.locator("tbody").inner_text()
    owed = driver.batched.call("contribution", driver.market, view.contributions)[2]
    before = site.chain.balance(someone.wallet.address)
    page.get_by_role("button", name="Withdraw").click()
    page.click("#confirm-send")
    someone.message("Done, with")
    assert site.chain.balance(someone.wallet.address) - before == owed > 0
    assert "paid" in page.locator("tbody").inner_text()
    page.goto(f"/models/{driver.model}/train")
    terms = terms_of(page)
    assert terms["phase"] == "settled: everyone can withdraw"
    assert terms["errors on the hidden test set"].startswith(f"{view.initial_errors} before, {view.errors} after")

    provider = person(PROVIDER)
    page = provider.open(f"/models/{driver.model}/refund")
    provider.connect()
    rest = driver.batched.call("held", driver.market)[0]
    before = site.chain.balance(provider.wallet.address)
    page.get_by_role("button", name="Withdraw the rest").click()
    page.click("#confirm-send")
    provider.message("Done, with")
    assert site.chain.balance(provider.wallet.address) - before == rest > 0
    assert page.get_by_role("button", name="Withdraw the rest").count() == 0


def test_market__participation_over__stake_is_refused_before_signing(person, site, driver):
    someone = person(8)
    page = someone.open(f"/models/{driver.model}/train")
    someone.connect()
    pass_time(driver, driver.view())
    someone.fill_sample("a wonderful story with a stunning ending")
    page.get_by_role("button", name="Contribute").click()
    someone.message("The time for stakes is over")
    assert "eth_sendTransaction" not in someone.wallet.asked


def test_market__reward__says_that_nothing_is_taken(person, driver):
    someone = person(8)
    page = someone.open(f"/models/{driver.model}/reward")
    someone.connect()
    assert "nothing to take from others" in page.locator("main").inner_text()
