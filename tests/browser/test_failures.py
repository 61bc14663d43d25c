"""What goes wrong is said with what to do about it, and nothing is sent twice."""

import pytest

pytestmark = pytest.mark.browser

TEXT = "a gripping story with a stunning camera"


@pytest.fixture
def trainer(person, reviews):
    """Someone with a wallet, on the page where one contributes."""
    someone = person(8)
    someone.open(reviews + "/train")
    someone.connect()
    return someone


def test_train__no_account__asks_for_one(person, reviews):
    someone = person()
    page = someone.open(reviews + "/train")
    someone.fill_sample(TEXT)
    page.get_by_role("button", name="Contribute").click()
    page.get_by_role("heading", name="Choose an account").wait_for()
    assert page.get_by_text("No wallet was found").is_visible()


def test_train__signature_rejected__says_so_and_can_be_repeated(trainer, site):
    before = len(site.contributions(site.model("Film reviews")))
    trainer.wallet.mode = "reject"
    trainer.contribute(TEXT)
    trainer.message("You rejected it in the wallet: nothing was sent.")
    trainer.wallet.mode = "sign"
    trainer.contribute(TEXT)
    trainer.message("Done.")
    assert len(site.contributions(site.model("Film reviews"))) == before + 1


def test_train__wallet_refuses__says_why(trainer):
    trainer.wallet.mode = "fail"
    trainer.contribute(TEXT)
    trainer.message("nothing was sent: the device is locked")


def test_train__wrong_network__offers_to_switch(trainer, site):
    trainer.wallet.chain_id = 1
    trainer.contribute(TEXT)
    trainer.message("Wrong network: the wallet is on chain 1, this page is on chain 31337.")
    assert "eth_sendTransaction" not in trainer.wallet.asked
    trainer.page.get_by_role("button", name="Switch the wallet's network").click()
    trainer.message("The wallet is on the right network now.")
    trainer.contribute(TEXT)
    trainer.message("Done.")


def test_train__account_changed_in_the_wallet__is_noticed(trainer):
    from eth_account import Account

    trainer.wallet.account = Account.create("another")
    trainer.contribute(TEXT)
    trainer.message("The wallet does not offer this account any more.")
    assert "eth_sendTransaction" not in trainer.wallet.asked


def test_train__deposit_jumps_before_signing__refused_before_sending(trainer, site):
    trainer.page.get_by_label("The most that you accept").fill("0.000000001")
    trainer.fill_sample(TEXT)
    trainer.page.get_by_role("button", name="Contribute").click()
    trainer.message("Wait until it has fallen, or accept a higher maximum.")
    assert "eth_sendTransaction" not in trainer.wallet.asked


def test_train__someone_else_was_faster__reverted_with_advice(trainer, site):
    from comodels.dashboard import demo

    model = site.model("Film reviews")

    def first():
        x = site.dashboard.store.encode(site.dashboard.reader.model(model).encoder_spec, "dull dull film")
        sender = site.dashboard.reader.local_accounts()[5]
        transaction = site.dashboard.incentives.of(site.dashboard.reader.model(model)).add_data(
            site.dashboard.reader.model(model), x, 0, 10**18
        )
        receipt = site.chain.send([demo.Transaction(sender, transaction.to, transaction.data, transaction.value)])[0]
        assert receipt["status"] == "0x1"

    required = trainer.page.locator("#required").inner_text().split()[0]
    trainer.page.get_by_label("The most that you accept").fill(required)  # no room for anybody else
    trainer.wallet.before = first  # the person has consented, then the deposit jumps
    trainer.contribute(TEXT)
    trainer.message("It was mined, but the contract refused it")
    trainer.message("accept a higher maximum")


def test_train__wallet_loses_its_connection_after_sending__is_found_on_chain(trainer, site):
    before = len(site.contributions(site.model("Film reviews")))
    trainer.wallet.mode = "lost"
    trainer.contribute(TEXT)
    trainer.message("Done.")
    assert len(site.contributions(site.model("Film reviews"))) == before + 1


def test_train__page_loses_its_server__goes_on_when_it_is_back(trainer, site):
    before = len(site.contributions(site.model("Film reviews")))
    cut = []

    def cut_off(route):
        """Abort the first two requests of each kind."""
        cut.append(route.request.url)
        if cut.count(route.request.url) <= 2:
            route.abort()
        else:
            route.continue_()

    trainer.page.route("**/api/sent", cut_off)
    trainer.page.route("**/api/status", cut_off)
    trainer.contribute(TEXT)
    trainer.message("This page goes on by itself when the connection is back")
    trainer.message("Done.")
    assert len(site.contributions(site.model("Film reviews"))) == before + 1
    assert trainer.wallet.asked.count("eth_sendTransaction") == 1


def test_train__chain_gone_while_waiting__goes_on_when_it_is_back(trainer, site):
    node = site.dashboard.node
    url = node.url
    before = len(site.contributions(site.model("Film reviews")))

    def cut_off():
        node.url = "http://127.0.0.1:9"

    trainer.wallet.before = cut_off  # the wallet has a connection of its own
    try:
        trainer.contribute(TEXT)
        trainer.message("The chain cannot be reached")
        trainer.message("nothing goes out twice")
    finally:
        node.url = url
    trainer.message("Done.")
    assert len(site.contributions(site.model("Film reviews"))) == before + 1
    assert trainer.wallet.asked.count("eth_sendTransaction") == 1


def test_train__chain_gone_before_sending__says_what_to_do(trainer, site):
    node = site.dashboard.node
    url, node.url = node.url, "http://127.0.0.1:9"
    try:
        trainer.fill_sample(TEXT)
        trainer.page.get_by_role("button", name="Contribute").click()
        trainer.message("Check that the chain runs")
    finally:
        node.url = url
    assert "eth_sendTransaction" not in trainer.wallet.asked


def test_wallet__disconnects__says_what_to_do(trainer):
    trainer.page.evaluate("testProvider.emit('disconnect', { code: 4900 })")
    trainer.message("Check the network in the wallet.")


def test_wallet__another_account_is_chosen_there__page_follows(trainer):
    from eth_account import Account

    trainer.wallet.account = Account.create("another")
    with trainer.page.expect_navigation():
        trainer.page.evaluate("account => testProvider.emit('accountsChanged', [account])", trainer.wallet.address)
    trainer.page.locator(f"body[data-account='{trainer.wallet.address}']").wait_for()


def test_connect__refused_in_the_wallet__says_so(person, reviews):
    someone = person(8)
    page = someone.open(reviews + "/train")
    someone.wallet.mode = "reject"
    page.click("#account-button")
    page.get_by_role("button", name="Test wallet").click()
    someone.message("You did not let this page see an account.")


def test_train__server_gone__says_what_to_do(trainer):
    trainer.page.route("**/api/prepare", lambda route: route.abort())
    trainer.fill_sample(TEXT)
    trainer.page.get_by_role("button", name="Contribute").click()
    trainer.message("The connection to this page's server is lost.")
    assert trainer.page.get_by_role("button", name="Contribute").is_enabled()


def test_models__chain_gone__says_what_to_do_and_recovers(person, site):
    someone = person()
    url, site.dashboard.node.url = site.dashboard.node.url, "http://127.0.0.1:9"
    try:
        page = someone.open("/")
        assert "Check that the chain runs" in page.get_by_role("alert").inner_text()
    finally:
        site.dashboard.node.url = url
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("heading", name="Models").wait_for()


def test_train__double_click__sends_once(trainer, site):
    before = len(site.contributions(site.model("Film reviews")))
    trainer.fill_sample(TEXT)
    trainer.page.get_by_role("button", name="Contribute").dblclick()
    trainer.page.locator("#confirm[open]").wait_for()
    trainer.page.evaluate("() => { const send = document.getElementById('confirm-send'); send.click(); send.click(); }")
    trainer.message("Done.")
    assert trainer.wallet.asked.count("eth_sendTransaction") == 1
    assert len(site.contributions(site.model("Film reviews"))) == before + 1


def test_train__reload_while_the_wallet_is_open__finds_the_result(person, site, reviews):
    someone = person(8)
    page = someone.open(reviews + "/train")
    someone.connect()
    before = len(site.contributions(site.model("Film reviews")))
    # a wallet whose window stays open: what it is asked for is kept, and the page gets no answer
    page.evaluate(
        """() => { const real = testProvider.request; testProvider.request = (asked) => {
        if (asked.method !== "eth_sendTransaction") return real(asked);
        sessionStorage.setItem("asked", JSON.stringify(asked.params[0])); return new Promise(() => {}); }; }"""
    )
    someone.contribute(TEXT)
    someone.message("Confirm or reject it in your wallet.")
    fields = page.evaluate("() => JSON.parse(sessionStorage.getItem('asked'))")
    page.reload()
    someone.message("Your wallet may still be open with this")
    # asking for the same again is refused as long as the first one is open
    someone.contribute(TEXT)
    someone.message("Exactly this is under way already.")
    someone.wallet.send(fields)
    someone.message("Done.")
    assert len(site.contributions(site.model("Film reviews"))) == before + 1


def test_train__reload_after_rejecting__can_be_forgotten(person, reviews):
    someone = person(8)
    page = someone.open(reviews + "/train")
    someone.connect()
    page.evaluate(
        """() => { const real = testProvider.request; testProvider.request = (asked) =>
        asked.method === "eth_sendTransaction" ? new Promise(() => {}) : real(asked); }"""
    )
    someone.contribute(TEXT)
    someone.message("Confirm or reject it in your wallet.")
    page.reload()
    page.get_by_role("button", name="It was not sent").click()
    someone.message("You said that it was not sent.")
    someone.contribute(TEXT)
    someone.message("Done.")


def test_train__two_people_at_once__both_arrive(person, site, reviews):
    people = [person(8), person(9)]
    for someone in people:
        someone.open(reviews + "/train")
        someone.connect()
    before = len(site.contributions(site.model("Film reviews")))
    for someone, text in zip(people, (TEXT, "a lifeless cast and a messy plot"), strict=True):
        someone.fill_sample(text, "positive")
        someone.page.get_by_role("button", name="Contribute").click()
        someone.page.locator("#confirm-send").wait_for()
    for someone in people:
        someone.page.click("#confirm-send")
    for someone in people:
        someone.message("Done.")
    made = site.contributions(site.model("Film reviews"))[before:]
    assert {c.contributor for c in made} == {someone.wallet.address for someone in people}


def test_file__too_large__said_before_it_is_sent(person, site):
    page = person().open(f"/models/{site.model('Digits')}")
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    page.set_input_files("#picture", {"name": "x.png", "mimeType": "image/png", "buffer": bytes(10_000_001)})
    assert page.evaluate("document.getElementById('picture').validationMessage").startswith(
        "This file is larger than 10"
    )
    page.get_by_role("button", name="Predict", exact=True).click()
    assert "POST" not in sent
    page.set_input_files("#picture", {"name": "x.png", "mimeType": "image/png", "buffer": bytes(10)})
    page.get_by_role("button", name="Predict", exact=True).click()
    page.get_by_role("alert").wait_for()  # no picture, says the server: it was sent


def test_titles__each_tab_and_page__its_own(person, site, reviews):
    page = person(1).open("/")
    titles = []
    tabs = ["", "/train", "/refund", "/reward", "/data", "/use"]
    for path in [
        "/",
        "/create",
        "/account",
        "/account/money",
        "/glossary",
        "/nothing",
        *(reviews + tab for tab in tabs),
    ]:
        page.goto(path)
        titles.append(page.title())
    assert len(set(titles)) == len(titles)
    assert all("Film reviews" in title for title in titles[-len(tabs) :])


def test_focus__news_and_refusals__are_where_it_goes(trainer):
    page = trainer.page
    trainer.wallet.mode = "reject"
    trainer.contribute(TEXT)
    trainer.message("You rejected it in the wallet")
    assert "You rejected it" in page.evaluate("document.activeElement.innerText")
    trainer.wallet.mode = "sign"
    trainer.contribute(TEXT)
    trainer.message("Done.")
    assert "Done." in page.evaluate("document.activeElement.innerText")
