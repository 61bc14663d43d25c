"""Nobody loses by not knowing: dates and risks, what is due, what was typed, why, and in which language."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser

TEXT = "a gripping story with a stunning camera"
DAY = 86_400


def move(page, seconds: int = DAY) -> None:
    """Move the chain's clock ahead."""
    page.select_option("#seconds", str(seconds))
    with page.expect_navigation():
        page.get_by_role("button", name="Move").click()


@pytest.fixture
def trainer(person, reviews):
    """Someone with a wallet, on the page where one contributes."""
    someone = person(8, timezone_id="Asia/Tokyo", locale="en-GB")
    someone.open(reviews + "/train")
    someone.connect()
    return someone


# ---- before one signs ------------------------------------------------------------------------------------------------


def test_dialog__before_the_wallet__risk_fee_and_dates(trainer):
    trainer.fill_sample(TEXT, "negative")  # the model says positive
    trainer.page.get_by_role("button", name="Contribute").click()
    dialog = trainer.page.locator("#confirm[open]")
    dialog.wait_for()
    text = dialog.locator("#confirm-lines").inner_text()
    assert "You can lose it: the model does not agree with this label now." in text
    assert "Network fee: about" in text
    assert re.search(r"from (on )?\d+ \w+ \d{4}, \d\d:\d\d \(in (1 day|23 hours)", text)
    title = dialog.locator("time").first.get_attribute("title")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", title)  # the chain's time
    shown = re.search(r", (\d\d):(\d\d) ", dialog.locator("time").first.inner_text())
    assert (int(title[11:13]) + 9) % 24 == int(shown[1])  # the browser's, in Tokyo
    assert not dialog.get_by_text("Gas at most").is_visible()  # technical details are closed
    trainer.page.keyboard.press("Escape")


def test_dialog__second_enter__sends_nothing(trainer):
    trainer.fill_sample(TEXT)
    trainer.page.get_by_role("radio", name="positive").press("Enter")
    trainer.page.locator("#confirm[open]").wait_for()
    trainer.page.keyboard.press("Enter")
    assert trainer.page.locator("#confirm[open]").is_visible()
    assert "eth_sendTransaction" not in trainer.wallet.asked
    assert trainer.page.evaluate("document.activeElement.id") == "confirm-title"


def test_price__usual_maximum__second_of_two_people_is_not_refused(trainer, site):
    usual = float(trainer.page.get_by_label("The most that you accept").input_value())
    required = float(trainer.page.locator("#required").inner_text().split()[0])
    assert usual == pytest.approx(0.06, rel=0.01)
    assert usual > 100 * required

    model = site.dashboard.reader.model(site.model("Film reviews"))

    def first():
        from comodels.dashboard import demo

        x = site.dashboard.store.encode(model.encoder_spec, "dull dull film")
        t = site.dashboard.incentives.of(model).add_data(model, x, 0, 10**18)
        sender = site.dashboard.reader.local_accounts()[5]
        assert site.chain.send([demo.Transaction(sender, t.to, t.data, t.value)])[0]["status"] == "0x1"

    trainer.wallet.before = first
    trainer.contribute(TEXT)
    trainer.message("Done.")
    assert site.contributions(model.address)[-1].contributor == trainer.wallet.address


def test_price__chart_and_jump__begin_at_todays_price_and_are_said_before(trainer):
    page = trainer.page
    required = page.locator("#required").inner_text()
    rows = page.locator("table", has_text="Deposit if nobody contributes before").locator("tbody tr")
    assert rows.first.inner_text().split("\t") == ["now", required]
    curve = page.get_attribute(".chart polyline", "points").split()
    first, last = (float(point.split(",")[1]) for point in (curve[0], curve[-1]))
    assert first == min(float(point.split(",")[1]) for point in curve) < last  # falls from the first point on
    trainer.fill_sample(TEXT)
    page.get_by_role("button", name="Contribute").click()
    page.locator("#confirm[open]").wait_for()
    jump = re.search(r"the next one needs ([\d.]+) ether", page.locator("#confirm-lines").inner_text())
    page.click("#confirm-send")
    trainer.message("Done.")
    assert float(jump[1]) / 6 < float(page.locator("#required").inner_text().split()[0]) <= float(jump[1])  # falls soon


def test_price__somebody_contributes__page_follows(trainer, site):
    page = trainer.page
    before = page.locator("#required").inner_text()
    account = site.dashboard.reader.local_accounts()[5]
    model = site.dashboard.reader.model(site.model("Film reviews"))
    x = site.dashboard.store.encode(model.encoder_spec, "dull dull film")
    t = site.dashboard.incentives.of(model).add_data(model, x, 0, 10**18)
    fields = {"from": account, "to": t.to, "data": "0x" + t.data.hex(), "value": hex(t.value)}
    site.chain.rpc("eth_sendTransaction", fields)
    page.wait_for_function("before => document.getElementById('required').textContent !== before", arg=before)


# ---- afterwards ------------------------------------------------------------------------------------------------------


def test_due__refund_after_a_day__header_finds_the_person(trainer, site, reviews):
    page = trainer.page
    trainer.contribute(TEXT)
    trainer.message("Done.")
    page.locator("#due").get_by_text("The next date: in").wait_for()
    move(page)
    page.locator("#due").get_by_text("can be claimed now").wait_for()
    page.locator("#due a").click()
    page.get_by_role("heading", name="My account").wait_for()
    assert "The model agrees" in page.locator(".claims").inner_text()
    with page.expect_download() as got:
        page.get_by_role("link", name="Dates for your calendar").click()
    assert "BEGIN:VEVENT" in got.value.path().read_text()
    page.get_by_role("link", name="History of my money").click()
    assert "contribution" in page.locator("#money").inner_text()


def test_claim_all__several_refunds__one_consent_all_arrive(person, site, reviews):
    someone = person()
    account = site.dashboard.reader.local_accounts()[3]
    page = someone.open("/")
    someone.use_local(account)
    page.goto(reviews + "/refund")
    button = page.get_by_role("button", name=re.compile("Claim all"))
    count = int(button.inner_text().split()[-1])
    assert count > 1
    waiting = page.get_by_role("button", name=re.compile("^(Refund|Get it back): contribution")).count()
    assert waiting == count
    sent, before = len(site.receipts(account)), waiting_at(site, account)
    button.click()
    page.locator("#confirm[open]").wait_for()
    assert f"deposits of {count} contributions" in page.locator("#confirm-lines").inner_text()
    page.click("#confirm-send")
    someone.message("1 of 1 transactions arrived.")
    assert len(site.receipts(account)) == sent + 1
    assert waiting_at(site, account) == before - count
    assert page.get_by_role("button", name=re.compile("^Refund: contribution")).count() == 0


def waiting_at(site, account: str) -> int:
    """How many contributions of an account wait for their deposits."""
    model = site.dashboard.reader.model(site.model("Film reviews"))
    return len(site.dashboard.incentives.of(model).open_rows(site.dashboard.reader, model, account))


def test_claim_all__something_changed_before_it_was_mined__says_what_was_skipped(person, site, reviews):
    someone = person(3)
    page = someone.open("/")
    someone.connect()
    page.goto(reviews + "/refund")
    someone.wallet.before = lambda: refund_one(site, someone.wallet.address)  # somebody else is faster with one of them
    page.get_by_role("button", name=re.compile("Claim all")).click()
    page.click("#confirm-send")
    someone.message("were not done.")
    someone.message("no such contribution, or settled already")
    assert someone.wallet.asked.count("eth_sendTransaction") == 1


def refund_one(site, account: str) -> None:
    reader = site.dashboard.reader
    model = reader.model(site.model("Film reviews"))
    incentive = site.dashboard.incentives.of(model)
    row = next(r for r in incentive.open_rows(reader, model, account) if r.actions and r.actions[0][0] == "refund")
    t = incentive.action(reader, model, row.contribution, "refund")
    fields = {"from": reader.local_accounts()[9], "to": t.to, "data": "0x" + t.data.hex(), "gas": hex(10**6)}
    site.chain.rpc("eth_sendTransaction", fields)
    site.chain.rpc("evm_mine")


def test_claim_all__others_wrong_data__announced_in_one_transaction(person, site, reviews):
    reader = site.dashboard.reader
    model = reader.model(site.model("Film reviews"))
    incentive, sender = site.dashboard.incentives.of(model), reader.local_accounts()[7]
    for text in ("a brilliant film", "a wonderful moving story", "a charming gripping ending"):
        x = site.dashboard.store.encode(model.encoder_spec, text)
        assert reader.answer(model, x) == 1
        t = incentive.add_data(model, x, 0, 10**18)
        fields = {"from": sender, "to": t.to, "data": "0x" + t.data.hex(), "value": hex(t.value)}
        site.chain.rpc("eth_sendTransaction", fields)
        site.chain.rpc("evm_mine")
    someone = person(1)
    page = someone.open(reviews + "/reward")
    someone.connect()
    move(page)
    announced = page.get_by_role("button", name=re.compile("^Announce: contribution")).count()
    assert announced >= 3
    page.get_by_role("button", name=re.compile("Claim all")).click()
    page.locator("#confirm[open]").wait_for()
    assert f"Announce reports of {announced} contributions" in page.locator("#confirm-lines").inner_text()
    page.click("#confirm-send")
    someone.message("transactions arrived.")
    assert someone.wallet.asked.count("eth_sendTransaction") <= 2  # shares that are due are another
    assert page.get_by_role("button", name=re.compile("^Announce: contribution")).count() == 0


def test_lost_deposit__taken_by_reporters__is_shown_as_lost(person, site, reviews):
    model = site.dashboard.reader.model(site.model("Film reviews"))
    incentive = site.dashboard.incentives.of(model)
    history = site.dashboard.reader.history(model)
    lost = [i for i, claim in enumerate(incentive.derive(model, history)) if claim.lost]
    assert lost  # the story of the demo: who added a wrong sample loses the deposit
    loser = history.contributions[lost[0]].contributor
    someone = person()
    page = someone.open("/")
    someone.use_local(loser)
    page.goto(reviews + "/refund")
    assert "Lost:" in page.locator(f"#contribution-{lost[0] + 1}").inner_text()
    assert page.locator("tr.lost").count() < page.locator("tbody tr").count()


def test_demo__wrong_samples__turn_nothing(site):
    """The story of the slides: after all of the demo the model is as good as before."""
    address = site.model("Film reviews")
    model = site.dashboard.reader.model(address)
    test = site.dashboard.test_sets[address]
    first = site.contributions(address)[0].block - 1
    assert site.dashboard.accuracy(model, test) >= site.dashboard.accuracy(model, test, first) - 0.02


def test_keeper__named_and_withdrawn(person, site, reviews):
    someone = person(8)
    page = someone.open(reviews + "/refund")
    someone.connect()
    page.locator("#keeper summary").click()
    page.get_by_label("Address of the keeper").fill("0x12")
    page.get_by_role("button", name="Name", exact=True).click()
    someone.message("A keeper is an address")
    keeper = site.dashboard.reader.local_accounts()[4]
    page.get_by_label("Address of the keeper").fill(keeper)
    page.get_by_role("button", name="Name", exact=True).click()
    page.click("#confirm-send")
    someone.message("Done.")
    page.locator("#keeper summary").click()
    assert keeper in page.locator("#keeper").inner_text()


def test_notification__something_can_be_claimed__is_shown_once(person, site, reviews):
    someone = person(1)
    someone.context.grant_permissions(["notifications"])
    someone.context.add_init_script(
        """window.Notification = class { static permission = "granted";
        static async requestPermission() { return "granted"; }
        constructor(title, { body }) { sessionStorage.shown = (sessionStorage.shown || "") + body + "|"; } };"""
    )
    page = someone.open("/account")
    someone.connect()
    page.locator("#due a").wait_for()
    assert page.evaluate("sessionStorage.shown") is None  # nobody has asked for it
    page.get_by_role("button", name="Notify me").click()
    page.wait_for_function("() => (sessionStorage.shown || '').includes('can be claimed now')")
    page.reload()
    page.locator("#due a").wait_for()
    assert page.evaluate("sessionStorage.shown").count("|") == 1


# ---- nothing typed is lost -------------------------------------------------------------------------------------------


def test_draft__reload_account_and_refusal__survives_and_is_gone_when_it_arrived(person, site, reviews):
    someone = person(8)
    page = someone.open(reviews + "/train")
    someone.fill_sample(TEXT, "negative")
    page.get_by_label("The most that you accept").fill("0.05")

    def is_there() -> None:
        assert page.get_by_label("Text", exact=True).input_value() == TEXT
        assert page.get_by_role("radio", name="negative").is_checked()
        assert page.get_by_label("The most that you accept").input_value() == "0.05"

    someone.connect()  # loads the page again
    is_there()
    page.reload()
    is_there()
    someone.wallet.mode = "reject"
    page.get_by_role("button", name="Contribute").click()
    page.click("#confirm-send")
    someone.message("You rejected it")
    page.reload()
    is_there()
    someone.wallet.mode = "sign"
    page.get_by_role("button", name="Contribute").click()
    page.click("#confirm-send")
    someone.message("Done.")
    assert page.get_by_label("Text", exact=True).input_value() == ""


def test_draft__picture__survives_choosing_an_account(person, site):
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (8, 8), 200).save(file, "PNG")
    someone = person(8)
    page = someone.open(f"/models/{site.model('Digits')}/train")
    page.set_input_files("#picture", {"name": "digit.png", "mimeType": "image/png", "buffer": file.getvalue()})
    page.wait_for_function("() => Object.keys(sessionStorage).some((key) => sessionStorage[key].includes('digit.png'))")
    someone.connect()
    assert page.evaluate("document.getElementById('picture').files[0].name") == "digit.png"


# ---- why -------------------------------------------------------------------------------------------------------------


def test_why__text__words_that_counted_and_unknown_ones(person, reviews):
    someone = person()
    page = someone.open(reviews)
    page.get_by_label("Text", exact=True).fill("a wonderful xyzzy brilliant but tedious film")
    page.get_by_role("button", name="Predict", exact=True).click()
    assert page.locator("#why del").all_inner_texts() == ["xyzzy", "but"]
    assert "wonderful" in page.locator("#why [class^=for-]").all_inner_texts()
    assert "tedious" in page.locator("#why [class^=against-]").all_inner_texts()
    assert re.search("sure|undecided", page.locator("#sure").inner_text())
    assert page.evaluate("document.activeElement.id") == "answer-title"  # where the news is
    page.get_by_role("link", name="Teach it this").click()
    assert page.get_by_label("Text", exact=True).input_value() == "a wonderful xyzzy brilliant but tedious film"
    assert page.locator("input[name=label]:checked").count() == 1


def test_why__link__gives_the_same_prediction_and_no_markup(person, reviews):
    page = person().open(reviews + "?text=a+wonderful+film+%3Cb%3Ex%3C%2Fb%3E")
    assert page.locator("#predicted").inner_text() == "positive"
    assert page.locator("#why b").count() == 0
    assert page.get_by_label("Text", exact=True).input_value() == "a wonderful film <b>x</b>"


def test_why__numbers__by_their_names(person, site):
    page = person().open(f"/models/{site.model('Wines')}?text=13+2+2.4+19+100+2.5+2.2+0.3+1.6+5+1+3+800")
    assert "alcohol = 13" in page.locator("#answer").inner_text()
    assert "In this order: alcohol" in page.locator("#number-names").inner_text()


def test_why__picture__what_is_kept_of_it(person, site):
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (64, 64), 90).save(file, "PNG")
    page = person().open(f"/models/{site.model('Digits')}")
    page.set_input_files("#picture", {"name": "x.png", "mimeType": "image/png", "buffer": file.getvalue()})
    page.get_by_role("button", name="Predict", exact=True).click()
    sizes = page.evaluate("[...document.querySelectorAll('.pictures img')].map((i) => [i.naturalWidth, i.complete])")
    assert sizes == [[8, True], [8, True]]


def test_accuracy__after_a_contribution__before_and_after_are_told(trainer):
    trainer.contribute("a wooden bland tired script with no pace", "negative")
    trainer.message("Accuracy before it")


def test_examples__clicked__fill_the_form(person, reviews):
    page = person().open(reviews)
    example = page.locator(".example").first
    text = example.inner_text()
    example.click()
    assert page.get_by_label("Text", exact=True).input_value() == text


# ---- used from elsewhere ---------------------------------------------------------------------------------------------


def run_python(page, address: str, folder) -> str:
    """What the program on a model's tab Use prints, beside the encoder's file from there."""
    page.goto(f"/models/{address}/use")
    (folder / "encoder.json").write_bytes(page.request.get(f"/models/{address}/encoder.json").body())
    (folder / "use.py").write_text(page.locator("#use-python").inner_text())
    path = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    program = [sys.executable, "use.py"]
    told = subprocess.run(program, cwd=folder, env={**os.environ, **path}, capture_output=True, text=True)
    return told.stdout.strip() or told.stderr


def test_use__code_for_numbers_and_pictures__works(person, site, tmp_path):
    from PIL import Image

    page = person().open("/")
    wines, digits = (site.dashboard.reader.model(site.model(name)) for name in ("Wines", "Digits"))
    assert run_python(page, wines.address, tmp_path) in wines.class_names
    Image.new("L", (8, 8), 90).save(tmp_path / "picture.png")
    assert run_python(page, digits.address, tmp_path) in digits.class_names


def test_use__code_on_the_page__works(person, site, reviews, tmp_path):
    page = person().open("/")
    assert run_python(page, site.model("Film reviews"), tmp_path) in ("negative", "positive")
    script, contract = (page.locator(f"#use-{name}").inner_text() for name in ("javascript", "vyper"))

    (tmp_path / "use.mjs").write_text(script)
    told = subprocess.run(["node", "use.mjs"], cwd=tmp_path, capture_output=True, text=True)
    address = site.model("Film reviews")
    model = site.dashboard.reader.model(address)
    x = site.contributions(address)[-1].x
    assert told.stdout.strip() == str(site.dashboard.reader.answer(model, x)), told.stderr

    (tmp_path / "use.vy").write_text(contract)
    vyper = Path(sys.executable).with_name("vyper")
    told = subprocess.run([vyper, "use.vy"], cwd=tmp_path, capture_output=True, text=True)
    assert told.stdout.startswith("0x"), told.stderr


# ---- slow, two at once, languages ------------------------------------------------------------------------------------


def test_wallet__hangs__is_said_within_five_seconds(trainer):
    page = trainer.page
    page.evaluate("() => { testProvider.request = () => new Promise(() => {}); }")
    trainer.fill_sample(TEXT)
    page.get_by_role("button", name="Contribute").click()
    page.click("#confirm-send")
    page.get_by_text("The wallet has not answered for 5 seconds").wait_for(timeout=7_000)


def test_server__hangs__is_said_within_five_seconds(trainer):
    page = trainer.page
    page.route("**/api/prepare", lambda route: None)
    trainer.fill_sample(TEXT)
    page.get_by_role("button", name="Contribute").click()
    page.get_by_text("has not answered for 5 seconds").wait_for(timeout=7_000)


def test_node__hangs__page_says_so(person, site):
    import socket
    import time

    listener = socket.create_server(("127.0.0.1", 0))  # takes connections, and never answers
    url, site.dashboard.node.url = site.dashboard.node.url, f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        begin = time.monotonic()
        page = person().open("/")
        assert "The chain cannot be reached" in page.locator("h1").inner_text()
        assert time.monotonic() - begin < 7
    finally:
        site.dashboard.node.url = url
        listener.close()


def test_language__german__stays_and_sends(person, site, reviews):
    someone = person(8, locale="de-DE")
    page = someone.open(reviews + "/train")
    assert page.evaluate("document.documentElement.lang") == "de"
    someone.connect()
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.get_by_role("radio", name="positive").check()
    assert "," in page.get_by_label("Höchster Betrag, den Sie hinterlegen wollen").input_value()
    page.get_by_role("button", name="Beitragen").click()
    page.locator("#confirm[open]").wait_for()
    assert "Netzgebühr: etwa" in page.locator("#confirm-lines").inner_text()
    page.get_by_role("button", name="In der Wallet unterschreiben").click()
    someone.message("Erledigt.")
    page.get_by_role("link", name="English").click()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.url.endswith("/train")
