"""A market from the page alone: committed with a file, moved on by its buttons, paid in the end."""

import itertools

import pytest

from comodels.dashboard import demo

pytestmark = pytest.mark.browser

OWNER = 6
SALTS = itertools.count(2**202)  # a model for each test: what a chain undid may wait to be mined again


@pytest.fixture
def market(person, site):  # published when `person` has kept the chain as it was, so that it is gone after the test
    """The path of a model without a market, whose owner is account 6."""
    from comodels import saved
    from comodels.claims import PredictionMarket
    from tests.browser.test_page import contracts_of

    deployed = demo.Deployed(site.chain, contracts_of(site), site.dashboard.reader.local_accounts())
    deployed.salts = SALTS
    encoder = demo.encoders.HashedWords(256)
    (model,) = demo.publish(
        deployed,
        [("A market from the page", "")],
        saved.new_twin(encoder),
        encoder,
        PredictionMarket(),
        owner=deployed.accounts[OWNER],
        trained=False,
    )
    before = set(site.folder.glob("*.secret.json"))
    yield f"/models/{model}/market"
    for path in set(site.folder.glob("*.secret.json")) - before:
        path.unlink()


def do(someone, button: str) -> None:
    someone.page.get_by_role("button", name=button, exact=True).click()
    someone.page.click("#confirm-send")
    someone.message("Done.")


def jump(site, seconds: int) -> None:
    site.chain.rpc("evm_increaseTime", seconds)
    site.chain.rpc("evm_mine")


def test_market__from_the_page_alone__to_the_last_payment(person, site, market):
    texts, labels = demo.sentences(60, seed=5)
    rows = "label\ttext\n" + "".join(f"{y}\t{text}\n" for text, y in zip(texts, labels, strict=True))
    provider = person(OWNER)
    page = provider.open(market)
    provider.connect()
    assert "No market yet." in page.locator("#phase").inner_text()
    page.locator("#market-file").set_input_files(
        {"name": "hidden.tsv", "mimeType": "text/plain", "buffer": rows.encode()}
    )
    page.get_by_text("Plan: money and times").click()
    page.get_by_label("Parts of the test set").fill("6")
    page.get_by_label("Parts that are drawn").fill("6")
    page.get_by_role("button", name="Prepare").click()
    assert "1 to n - 1" in page.get_by_role("alert").inner_text()  # refused before anything is sent
    page.locator("#market-file").set_input_files(
        {"name": "hidden.tsv", "mimeType": "text/plain", "buffer": rows.encode()}
    )
    page.get_by_text("Plan: money and times").click()
    page.get_by_label("Parts that are drawn").fill("2")
    page.get_by_role("button", name="Prepare").click()
    page.get_by_role("button", name="Commit", exact=True).wait_for()
    assert page.get_by_role("button", name="Prepare").count() == 0
    fields = {"file": {"name": "other.tsv", "mimeType": "text/plain", "buffer": rows.encode()}}
    answer = page.request.post(market, multipart=fields, headers={"origin": site.url})
    assert "This is not what comes next" in answer.text()  # who overwrites the test set loses the bond
    page.reload()
    do(provider, "Commit")
    assert page.get_by_role("button", name="Draw").count() == 0  # not before its block
    site.chain.rpc("anvil_mine", hex(6))

    anyone = person(9)
    anyone.open(market)
    anyone.connect()
    do(anyone, "Draw")
    assert anyone.page.get_by_role("button", name="Reveal the next portion").count() == 0  # only the provider's
    page.reload()
    do(provider, "Reveal the next portion")
    do(provider, "Reveal the next portion")
    anyone.page.reload()
    do(anyone, "Open the market")
    assert "Open: you can stake" in anyone.page.locator("#phase").inner_text()

    anyone.page.goto(market.replace("/market", "/train"))
    anyone.fill_sample("a wonderful brilliant story", "positive")
    anyone.page.get_by_role("button", name="Contribute").click()
    anyone.page.locator("#confirm[open]").wait_for()
    assert "You can lose all of it" in anyone.page.locator("#confirm-lines").inner_text()
    anyone.page.click("#confirm-send")
    anyone.message("Done.")

    jump(site, 7 * demo.DAY)
    anyone.page.goto(market)
    assert "The time for stakes was over" in anyone.page.locator("#phase").inner_text()
    do(anyone, "Close")
    page.reload()
    for _ in range(4):
        do(provider, "Reveal the next portion")
    anyone.page.reload()
    do(anyone, "Check")
    do(anyone, "Score the next")
    assert anyone.page.get_by_role("img", name="Accuracy on the hidden test set").is_visible()
    do(anyone, "Settle")
    assert "Settled" in anyone.page.locator("#phase").inner_text()
    while anyone.page.get_by_role("button", name="Have the next one paid").count():
        do(anyone, "Have the next one paid")
    address = market.split("/")[2]
    contract = site.dashboard.incentives.of(site.dashboard.reader.model(address)).market(
        site.dashboard.reader, site.dashboard.reader.model(address)
    )
    assert sum(contract.draft.contract.call("held", contract.draft.market)) == 0
    page.reload()
    assert page.get_by_role("button", name="Prepare").is_visible()  # the next one


def test_market__commit_by_a_stranger__no_form(person, market):
    someone = person(9)
    page = someone.open(market)
    someone.connect()
    assert page.get_by_role("button", name="Prepare").count() == 0


def test_market__reveal_missed__never_looks_open_and_anyone_ends_it(person, site, market):
    model = site.dashboard.reader.model(market.split("/")[2])
    incentive = site.dashboard.incentives.of(model)
    owner = site.dashboard.reader.local_accounts()[OWNER]
    market_of = incentive.market(site.dashboard.reader, model, owner)
    encoder = site.dashboard.store.find(model.encoder_spec)
    texts, labels = demo.sentences(40, seed=6)
    plan = {"drawn": 1, "stake": 10**15, "rounds": 50, "bond": 10**17, "fee": 10**13, "score_time": 7 * demo.DAY}
    market_of.draft.write(list(zip(labels, encoder.encode_many(texts), strict=True)), portions=4, **plan)
    data, value = market_of.draft.planned("commit")
    assert site.chain.send([demo.Transaction(owner, incentive.address, data, value)])[0]["status"] == "0x1"
    site.chain.rpc("anvil_mine", hex(6))
    someone = person(9)
    page = someone.open(market)
    someone.connect()
    do(someone, "Draw")
    jump(site, 3_601)
    page.reload()
    assert "anyone may end this market" in page.locator("#phase").inner_text()
    before = site.chain.balance(someone.wallet.address)
    do(someone, "End it")
    assert "Void" in page.locator("#phase").inner_text()
    assert site.chain.balance(someone.wallet.address) > before  # the bond of who stayed silent
