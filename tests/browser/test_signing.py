"""Who has a wallet without ether contributes by signing: a sponsor pays, and the page tells what became of it."""

import threading

import pytest
from eth_account import Account
from eth_utils import keccak

from comodels.chain.account import Wallet
from comodels.published import find
from comodels.sponsor import Limits, Sponsor
from comodels.sponsor_service import application
from tests import anvil
from tests.browser import conftest as browser

pytestmark = pytest.mark.browser

TEXT = "a gripping story with a stunning camera"
DAY = 86_400


class Service:
    """A sponsor's service on a port of its own, whose queue is worked on when the test says so."""

    def __init__(self, site, folder, name="Film reviews", **limits):
        import uvicorn

        payer = browser.Wallet(site.chain, 6).account
        model = find(site.dashboard.node, site.model(name), folder)
        limits = Limits(patience=0, max_deposit=10**18, budget=10**19, **limits)
        self.sponsor = Sponsor(model, Wallet(payer), folder / "queue.sqlite", limits)
        port = anvil.free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(application(self.sponsor), port=port, log_level="error", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        anvil.wait_for(lambda: anvil.answers(port))

    def stop(self):
        self.server.should_exit = True
        self.thread.join(5)


@pytest.fixture
def sponsored(site, tmp_path):
    """Start a service, and let the page know it."""
    started = []

    def start(**limits):
        service = Service(site, tmp_path, **limits)
        started.append(service)
        site.dashboard.sponsors.urls = (service.url,)
        return service

    yield start
    site.dashboard.sponsors.urls = ()
    for service in started:
        service.stop()


@pytest.fixture
def poor(person, reviews, site):
    """Someone with a wallet and 0 wei, on the page where one contributes."""

    def make(model=reviews):
        someone = person(8)
        someone.wallet.account = Account.create("somebody without ether")
        assert site.chain.balance(someone.wallet.address) == 0
        someone.open(model + "/train")
        someone.connect()
        return someone

    return make


def sign(someone, text=TEXT, label="positive"):
    """Up to the consent in the page's dialog."""
    someone.fill_sample(text, label)
    someone.page.get_by_role("button", name="Contribute by signing").click()
    someone.page.click("#confirm-send")


def test_sign__account_without_a_wei__from_text_to_validated(sponsored, poor, site, reviews):
    service = sponsored()
    someone = poor()
    page, wallet = someone.page, someone.wallet
    assert service.sponsor.wallet.address in page.locator("#sponsor").inner_text()
    someone.fill_sample(TEXT)
    page.get_by_role("button", name="Contribute by signing").click()
    dialog = page.locator("#confirm[open]")
    dialog.wait_for()
    assert "You pay nothing." in dialog.inner_text()
    assert "public for ever" in dialog.inner_text()
    model = site.dashboard.reader.model(site.model("Film reviews"))
    x = site.dashboard.store.encode(model.encoder_spec, TEXT)
    beside = page.locator("#confirm-details li").all_inner_texts()  # what the wallet will show, open
    assert beside == [f"model: {model.address}", "class: positive", "sample: 0x" + keccak(x).hex()]
    page.click("#confirm-send")
    someone.message("signed, and kept by the sponsor")
    message = wallet.shown["message"]
    assert [f"{name}: {message[name]}" for name in ("model", "class", "sample")] == beside
    assert message["sponsor"] == service.sponsor.wallet.address
    assert page.get_by_label("Text", exact=True).input_value() == ""  # free for the next one

    page.reload()  # nothing is lost by it
    someone.message("signed, and kept by the sponsor")
    before = len(site.contributions(model.address))
    assert service.sponsor.work()
    someone.message("it is on the chain, as yours (transaction 0x")
    made = site.contributions(model.address)[-1]
    assert len(site.contributions(model.address)) == before + 1
    assert (made.contributor, made.sponsor) == (wallet.address, service.sponsor.wallet.address)
    assert (made.x, made.label) == (x, 1)
    page.get_by_role("button", name="My contributions").click()
    row = page.locator(f"#contribution-{made.id + 1}")
    assert TEXT in row.inner_text()  # its words were kept, once it was on the chain
    assert service.sponsor.wallet.address in row.inner_text()

    page.select_option("#seconds", str(DAY))
    with page.expect_navigation():
        page.get_by_role("button", name="Move").click()
    assert service.sponsor.refund() == 1
    page.reload()
    assert "refunded" in page.locator(f"#contribution-{made.id + 1}").inner_text()
    assert "100" in page.locator("dl.score").inner_text()
    assert "1 of 1" in page.locator("dl.score").inner_text()
    assert site.chain.balance(wallet.address) == 0
    assert "eth_sendTransaction" not in wallet.asked


def test_sign__for_points__account_without_a_wei__from_text_to_validated(sponsored, poor, site):
    service = sponsored(name="Film reviews for points")
    address = site.model("Film reviews for points")
    someone = poor(f"/models/{address}")
    page, wallet = someone.page, someone.wallet
    someone.fill_sample(TEXT)
    page.get_by_role("button", name="Contribute by signing").click()
    assert "You pay nothing." in page.locator("#confirm[open]").inner_text()
    assert "deposit" not in page.locator("#confirm[open]").inner_text()  # there is none
    page.click("#confirm-send")
    someone.message("signed, and kept by the sponsor")
    assert service.sponsor.work()
    someone.message("it is on the chain, as yours (transaction 0x")
    made = site.contributions(address)[-1]
    assert (made.contributor, made.sponsor) == (wallet.address, service.sponsor.wallet.address)

    page.get_by_role("button", name="My contributions").click()
    row = page.locator(f"#contribution-{made.id + 1}")
    assert TEXT in row.inner_text()
    assert "can earn points from" in row.inner_text()
    assert service.sponsor.refund() == 0  # too early for anyone but the contributor
    page.select_option("#seconds", str(DAY))
    for _ in range(2):
        with page.expect_navigation():
            page.get_by_role("button", name="Move").click()
    assert service.sponsor.refund() == 1
    page.reload()
    assert "earned" in row.inner_text()
    assert "validated" in row.inner_text()
    assert "1 of 1" in page.locator("dl.score").inner_text()
    page.goto("/account")
    assert "label “positive”" in page.locator("main").inner_text()
    assert site.chain.balance(wallet.address) == 0
    assert "eth_sendTransaction" not in wallet.asked


def test_sign__rejected_in_the_wallet__nothing_is_handed_in(sponsored, poor):
    service = sponsored()
    someone = poor()
    someone.wallet.mode = "reject"
    sign(someone)
    someone.message("You rejected it in the wallet")
    assert service.sponsor.counts() == {}
    assert someone.page.get_by_label("Text", exact=True).input_value() == TEXT
    someone.wallet.mode = "sign"
    sign(someone)
    someone.message("signed, and kept by the sponsor")


def test_sign__wallet_on_another_chain__asked_to_switch_before_signing(sponsored, poor):
    sponsored()
    someone = poor()
    someone.wallet.chain_id = 1
    sign(someone)
    someone.message("Wrong network")
    assert someone.wallet.shown is None


def test_sign__wallet_hangs__is_said_within_five_seconds_and_nothing_is_handed_in(sponsored, poor):
    service = sponsored()
    someone = poor()
    someone.page.evaluate(
        """() => { const real = testProvider.request; testProvider.request = (asked) =>
        asked.method === "eth_signTypedData_v4" ? new Promise(() => {}) : real(asked); }"""
    )
    sign(someone)
    someone.page.get_by_text("The wallet is still open.").wait_for(timeout=7_000)
    someone.page.reload()
    assert someone.page.get_by_label("Text", exact=True).input_value() == TEXT
    assert service.sponsor.counts() == {}


def test_sign__wallet_that_cannot_sign_typed_data__says_so(sponsored, poor):
    service = sponsored()
    someone = poor()
    someone.page.evaluate(
        """() => { const real = testProvider.request; testProvider.request = async (asked) => {
        if (asked.method !== "eth_signTypedData_v4") return real(asked);
        throw Object.assign(new Error("the method does not exist"), { code: -32601 }); }; }"""
    )
    sign(someone)
    someone.message("The wallet refused it, nothing was sent: the method does not exist")
    assert service.sponsor.counts() == {}


def test_sign__local_account__the_chains_node_signs(sponsored, person, site, reviews):
    service = sponsored()
    someone = person()
    account = site.dashboard.reader.local_accounts()[7]
    someone.open(reviews + "/train")
    someone.use_local(account)
    sign(someone)
    someone.message("signed, and kept by the sponsor")
    assert service.sponsor.work()
    someone.message("it is on the chain, as yours")
    assert site.contributions(site.model("Film reviews"))[-1].contributor == account


def test_sign__wallet_counts_v_from_zero__taken(sponsored, poor):
    service = sponsored()
    someone = poor()
    real = someone.wallet.account.sign_typed_data

    class Ledger:
        address = someone.wallet.address

        @staticmethod
        def sign_typed_data(full_message):
            made = real(full_message=full_message)
            return type("Made", (), {"signature": made.signature[:64] + bytes([made.signature[64] - 27])})

    someone.wallet.account = Ledger
    sign(someone)
    someone.message("signed, and kept by the sponsor")
    assert service.sponsor.counts() == {"queued": 1}


def test_sign__wallet_signs_something_else__sponsor_does_not_take_it(sponsored, poor):
    service = sponsored()
    someone = poor()
    stranger = Account.create("a stranger")
    stranger_signs = type("Stranger", (), {"address": someone.wallet.address})
    stranger_signs.sign_typed_data = staticmethod(stranger.sign_typed_data)
    someone.wallet.account = stranger_signs
    sign(someone)
    someone.message("The sponsor does not take it: it is not signed by the contributor")
    assert service.sponsor.counts() == {}


def test_sign__answer_lost_on_the_way__asked_again_and_taken_once(sponsored, poor):
    service = sponsored()
    someone = poor()
    lost = []

    def lose(route):
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch())  # it arrives; its answer does not
            route.abort()

    someone.page.route("**/api/hand_in", lose)
    sign(someone)
    someone.message("signed, and kept by the sponsor")
    assert service.sponsor.counts() == {"queued": 1}


def test_sign__service_dies__said_and_goes_on_when_it_is_back(sponsored, poor, site):
    service = sponsored()
    someone = poor()
    sign(someone)
    someone.message("signed, and kept by the sponsor")
    url, site.dashboard.sponsors.urls = site.dashboard.sponsors.urls, ("http://127.0.0.1:9",)
    someone.message("The sponsor's service does not answer now.")
    site.dashboard.sponsors.urls = url
    assert service.sponsor.work()
    someone.message("it is on the chain, as yours")


def test_sign__skipped_by_the_chain__says_why(sponsored, poor, site):
    service = sponsored()
    someone = poor()
    sign(someone)
    someone.message("signed, and kept by the sponsor")
    with service.sponsor._lock, service.sponsor._db:
        service.sponsor._db.execute("UPDATE items SET signature = zeroblob(65)")  # spoilt in the sponsor's file
    assert service.sponsor.work()
    someone.message("it was not accepted:")


def test_sign__no_sponsor_or_one_that_is_down__nothing_is_offered(poor, site):
    someone = poor()
    assert someone.page.get_by_role("button", name="Contribute by signing").count() == 0
    site.dashboard.sponsors.urls = ("http://127.0.0.1:9",)
    try:
        someone.page.reload()
        assert someone.page.get_by_role("button", name="Contribute by signing").count() == 0
        assert someone.page.get_by_role("button", name="Contribute").is_visible()
    finally:
        site.dashboard.sponsors.urls = ()


def test_sign__sponsor_takes_only_what_the_model_agrees_with__said_before_signing(sponsored, poor):
    sponsored(agreeing=True)
    someone = poor()
    someone.fill_sample(TEXT, "negative")  # the model says positive
    someone.page.get_by_role("button", name="Contribute by signing").click()
    someone.message("This sponsor takes only what the model agrees with now.")
    assert someone.wallet.shown is None
