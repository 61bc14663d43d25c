"""A local chain, the page, and a real browser whose wallet signs with keys that only the test has."""

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from comodels.artifacts import NAMES, artifact
from comodels.chain.local import Chain
from tests import anvil

MNEMONIC = "test test test test test test test test test test test junk"
# The first is the same browser without windows: a new profile, which each person has, takes it a fifth of the time.
CHROMIUM = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "out" / "screenshots"
PICTURES = ("predict", "reward", "train", "market-market")  # that stand in the documents as well, see `make pictures`
WAIT = 30_000  # milliseconds


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items):
    """All tests in a browser run in one process: they share a chain, a server and a browser."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("browser"))


class Site:
    """A chain of its own, with the page on it."""

    def __init__(self, node_url, contracts, folder):
        import uvicorn

        from comodels.dashboard import demo

        self.folder = folder
        self.node_url = node_url
        self.chain = Chain(self.node_url)
        bytecode, self.market_abi = contracts
        self.dashboard = demo.set_up(self.chain, self.node_url, bytecode, folder, self.market_abi)
        page_port = anvil.free_port()
        self.url = f"http://127.0.0.1:{page_port}"
        config = uvicorn.Config(self.dashboard.app(), port=page_port, log_level="error", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        anvil.wait_for(lambda: anvil.answers(page_port))

    def stop(self):
        self.server.should_exit = True
        self.thread.join(5)

    def model(self, name: str) -> str:
        return next(e.address for e in self.dashboard.reader.entries() if e.name == name)

    def receipts(self, account: str) -> list[dict]:
        """Of an account's transactions in the last blocks, in their order."""
        last = int(self.chain.rpc("eth_blockNumber"), 16)
        blocks = [self.chain.rpc("eth_getBlockByNumber", hex(n), True) for n in range(max(0, last - 10), last + 1)]
        found = [t["hash"] for block in blocks for t in block["transactions"] if t["from"] == account.lower()]
        return [self.chain.rpc("eth_getTransactionReceipt", h) for h in found]

    def contributions(self, address: str) -> list:
        reader = self.dashboard.reader
        return reader.history(reader.model(address)).contributions


@pytest.fixture(scope="session")
def contracts():
    """What the page's demo deploys."""
    return {name: artifact(name).code for name in NAMES}, artifact("PredictionMarket").abi


@pytest.fixture(scope="session")
def site(contracts, tmp_path_factory):
    with anvil.running() as node_url:
        site = Site(node_url, contracts, tmp_path_factory.mktemp("dashboard"))
        yield site
        site.stop()


@pytest.fixture(scope="session")
def browser():
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on PATH, `apt-get install chromium-headless-shell` installs it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


# ---- a wallet --------------------------------------------------------------------------------------------------------

PROVIDER = """
(() => {
  const listeners = {};
  const provider = {
    request: async ({ method, params }) => {
      const answer = JSON.parse(await window.testWallet(method, JSON.stringify(params || [])));
      if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
      return answer.result;
    },
    on: (name, listener) => { (listeners[name] = listeners[name] || []).push(listener); },
    emit: (name, value) => { for (const listener of listeners[name] || []) listener(value); },
  };
  window.testProvider = provider;
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({
    info: { uuid: "0c8c2bb4-6a4e-4d7c-9d0e-6f7d1f3e2a11", name: "Test wallet", icon: "data:,", rdns: "test.wallet" },
    provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
"""


class Wallet:
    """An EIP-1193 wallet: signs with its own key, and sends what it signed to the chain.

    Attributes
    ----------
    mode : str
        sign; reject; fail (an error before sending); lost (sends, but the page gets an error); hang (the person does
        not answer: `confirm` does it later).
    before : callable or None
        Called between the person's consent and the sending, to let something else come first.
    """

    def __init__(self, chain: Chain, number: int):
        from eth_account import Account

        Account.enable_unaudited_hdwallet_features()
        self.account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
        self.chain = chain
        self.chain_id = int(chain.rpc("eth_chainId"), 16)
        self.mode = "sign"
        self.before = None
        self.asked = []  # methods
        self.waiting = None
        self.shown = None  # the typed data that it was asked to sign last

    @property
    def address(self) -> str:
        return self.account.address

    def request(self, method: str, params: str) -> str:
        self.asked.append(method)
        try:
            return json.dumps({"result": self._answer(method, json.loads(params))})
        except WalletError as error:
            return json.dumps({"error": {"code": error.args[0], "message": error.args[1]}})

    def _answer(self, method, params):
        if method == "eth_requestAccounts" and self.mode == "reject":
            raise WalletError(4001, "User rejected the request.")
        if method in ("eth_requestAccounts", "eth_accounts"):
            return [self.address]
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "wallet_switchEthereumChain":
            self.chain_id = int(params[0]["chainId"], 16)
            return None
        if method not in ("eth_sendTransaction", "eth_signTypedData_v4"):
            raise WalletError(4200, f"{method} is not supported")
        if self.mode == "reject":
            raise WalletError(4001, "User rejected the request.")
        if method == "eth_signTypedData_v4":
            assert params[0] == self.address
            self.shown = json.loads(params[1])
            return "0x" + bytes(self.account.sign_typed_data(full_message=self.shown).signature).hex()
        if self.mode == "fail":
            raise WalletError(-32000, "the device is locked")
        if self.before:
            self.before()
        if self.mode == "lost":
            self.send(params[0])
            raise WalletError(4900, "disconnected")
        return self.send(params[0])

    def send(self, fields: dict) -> str:
        signed = self.account.sign_transaction(
            {
                "to": fields["to"],
                "data": fields["data"],
                "value": int(fields["value"], 16),
                "gas": int(fields["gas"], 16),
                "gasPrice": 0,
                "nonce": int(self.chain.rpc("eth_getTransactionCount", self.address, "latest"), 16),
                "chainId": int(fields["chainId"], 16),
            }
        )
        return self.chain.rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())


class WalletError(Exception):
    """Code and message."""


# ---- people ----------------------------------------------------------------------------------------------------------


class Person:
    """Someone with a browser of their own."""

    def __init__(self, browser, site, number=None, **options):
        self.site = site
        self.context = browser.new_context(base_url=site.url, **{"locale": "en-US"} | options)
        self.context.set_default_timeout(WAIT)
        self.problems = []
        self.wallet = None
        if number is not None:
            self.wallet = Wallet(site.chain, number)
            self.context.expose_function("testWallet", self.wallet.request)
            self.context.add_init_script(PROVIDER)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))

    def open(self, path: str):
        self.page.goto(path)
        return self.page

    def connect(self):
        """Choose the account in the wallet."""
        self.page.click("#account-button")
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Test wallet").click()

    def use_local(self, address: str):
        self.page.click("#account-button")
        self.page.select_option("#local-account", address)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Use this account").click()

    def fill_sample(self, text: str, label: str = "positive"):
        self.page.get_by_label("Text", exact=True).fill(text)
        self.page.get_by_role("radio", name=label).check()

    def contribute(self, text: str, label: str = "positive"):
        """Up to the consent in the page's dialog."""
        self.fill_sample(text, label)
        self.page.get_by_role("button", name="Contribute").click()
        self.page.click("#confirm-send")

    def message(self, text: str):
        """Wait for a message that contains a text."""
        self.page.locator("#messages").get_by_text(text).first.wait_for()


@pytest.fixture
def person(browser, site):
    """Make people: ``person(3)`` has a wallet with the chain's account 3, ``person()`` has none."""
    snapshot = site.chain.rpc("evm_snapshot")
    people = []

    def make(number=None, **options):
        someone = Person(browser, site, number, **options)
        people.append(someone)
        return someone

    yield make
    for someone in people:
        problems = someone.problems
        someone.context.close()
        assert problems == []
    assert site.chain.rpc("evm_revert", snapshot)
    site.dashboard.outbox.clear()  # what was sent has never happened now


@pytest.fixture
def reviews(site):
    """The path of the model of film reviews with deposits."""
    return f"/models/{site.model('Film reviews')}"


@pytest.fixture(scope="session")
def screenshot():
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page, name):
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
        if "PICTURES" in os.environ and name in PICTURES:
            top = {"x": 0, "y": 0, "width": 1280, "height": 1200}
            page.screenshot(path=ROOT / "docs" / f"dashboard-{name.split('-')[0]}.png", full_page=True, clip=top)

    return take
