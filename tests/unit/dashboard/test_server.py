"""The server without a browser: who may ask, what is refused, and that no transaction goes out twice."""

import html
import io
import json
import re
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import anyio
import numpy as np
import pytest
from PIL import Image

from comodels import places, registry, saved
from comodels.artifacts import artifact, deploy
from comodels.chain.abi import calldata
from comodels.chain.contract import ContractAt
from comodels.dashboard import demo
from comodels.dashboard.api import Api
from comodels.dashboard.create import Plans
from comodels.dashboard.incentives import Incentive, SelfAssessment, Transaction
from comodels.dashboard.outbox import OutboxError
from comodels.dashboard.say import speak
from comodels.dashboard.server import SWITCH, Dashboard
from comodels.dashboard.show import show_times
from comodels.dashboard.store import InputError, Store, TestSet
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.saved import pack_card
from comodels.training import train_from_data
from encoders.spec import with_places

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


@pytest.fixture
def deployed(project, rpc):
    names = ["Registry", "SparsePerceptron", "SelfAssessment"]
    types = {name: getattr(project, name).contract_type for name in names}
    code = {n: bytes.fromhex(t.deployment_bytecode.bytecode.removeprefix("0x")) for n, t in types.items()}
    return demo.deploy(rpc, code)


@pytest.fixture
def dashboard(deployed, chain, tmp_path):
    return Dashboard(deployed.settings(chain.provider.uri, tmp_path))


@pytest.fixture
def model(deployed, dashboard):
    encoder = demo.encoders.BagOfWords(["good", "bad", "film"])
    dashboard.store.keep(encoder)
    (address,) = demo.publish(deployed, [("a model", "")], saved.new_twin(encoder), encoder, trained=False)
    return dashboard.reader.model(address)


@pytest.fixture
def web(dashboard):
    with TestClient(dashboard.app(), base_url="http://127.0.0.1:8080") as web:
        yield web


def test_app__while_it_serves__pages_get_their_turn_soon(dashboard):
    """Else a page takes four times as long while another thread computes; see docs/dashboard.md."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(10 * SWITCH)  # another page may serve in this process meanwhile
    try:
        with TestClient(dashboard.app(), base_url="http://127.0.0.1:8080"):
            assert sys.getswitchinterval() == pytest.approx(SWITCH)
        assert sys.getswitchinterval() == pytest.approx(10 * SWITCH)
    finally:
        sys.setswitchinterval(before)


# ---- who may ask -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8080"}, 421),
        ({"host": "localhost:1"}, 200),
        ({}, 200),
    ],
)
def test_get__host__only_ours(web, headers, status):
    assert web.get("/", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.0.2.7:8080", 200), ("[2001:db8::7]:8080", 200), ("models.example", 200), ("evil.example", 421)],
)
def test_get__open_to_others__addresses_and_own_names_only(dashboard, host, status):
    dashboard.settings.addresses = True
    dashboard.settings.hosts += ("models.example",)
    web = TestClient(dashboard.app(), base_url="http://192.0.2.7:8080")
    assert web.get("/", headers={"host": host}).status_code == status


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999"])
def test_post__foreign_origin__refused(web, origin):
    for path in ("/api/local", "/api/clock", "/create"):
        assert web.post(path, headers={"origin": origin}, data={"token": "x"}).status_code == 403


def test_get__any_page__forbids_foreign_scripts(web, model):
    for path in ("/", f"/models/{model.address}", "/static/app.js", "/nothing"):
        policy = web.get(path).headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy


def test_post__body_too_large__refused(web):
    answer = web.post("/create", files={"file": ("x.csv", b"x" * 21_000_001)})
    assert answer.status_code == 413
    assert "At most 20 MB can be sent at once" in answer.text
    assert '<a href="/">All models</a>' in answer.text


def body_of(web, said: dict, part: bytes) -> tuple[int, int]:
    """The status of a request whose body never ends, and how many bytes of it were taken."""
    taken, statuses = 0, []

    async def receive():
        nonlocal taken
        taken += len(part)
        return {"type": "http.request", "body": part, "more_body": True}

    async def send(message):
        statuses.append(message.get("status"))

    headers = {"host": "127.0.0.1", "content-type": "multipart/form-data; boundary=x", **said}
    scope = {"type": "http", "method": "POST", "path": "/create", "raw_path": b"/create", "query_string": b""}
    scope |= {"headers": [(k.encode(), v.encode()) for k, v in headers.items()], "http_version": "1.1"}
    scope |= {
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "app": web.app,
    }
    with ThreadPoolExecutor(1) as thread:  # a browser's loop may run in this one
        thread.submit(anyio.run, web.app, scope, receive, send).result()
    return statuses[0], taken


def test_post__body_without_an_end__is_read_no_further_than_the_limit(web):
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="x.csv"\r\n\r\n'
    assert body_of(web, {"content-length": "10000000000"}, head) == (413, 0)  # by what it says, nothing is read
    status, taken = body_of(web, {}, head + bytes(1_000_000))
    assert status == 413
    assert 20_000_000 < taken < 23_000_000


def test_create__file_too_large__refused_with_advice(web):
    file = {"file": ("x.csv", b"label,text\n" + b"x" * 10_000_001)}
    answer = web.post("/create", data={"name": "a", "encoder": "fitted"}, files=file)
    assert answer.status_code == 400
    assert "A data file has at most 10 MB." in answer.text


def test_get__pages__show_no_secret_of_the_node(web, dashboard, model):
    dashboard.node.url = "http://user:password@127.0.0.1:9/key"
    answer = web.get("/")
    assert answer.status_code == 503
    assert "password" not in answer.text
    assert "key<" not in answer.text
    assert "127.0.0.1:9" in answer.text


def test_get__no_such_model__says_so(web):
    answer = web.get("/models/0x" + "1" * 40)
    assert answer.status_code == 404
    assert "there is no model" in answer.text


# ---- before a model is paid for --------------------------------------------------------------------------------------


@pytest.fixture
def prepare_model(web):
    """Fill in the form with a data file; the page that follows."""

    def prepare(rows, **fields):
        form = {"name": "Films", "encoder": "fitted", "family": "perceptron", "incentive": "SelfAssessment"} | fields
        return web.post("/create", data=form, files={"file": ("films.csv", rows.encode())})

    return prepare


def test_create__data_file__page_has_the_facts_that_the_command_prints(prepare_model, tmp_path):
    rows = "label,text\n" + "".join(
        f"{('bad', 'good')[i % 6 == 0]},a {('dull', 'great')[i % 6 == 0]} film {i}\n" for i in range(120)
    )
    rows += "bad,?!\n"
    path = tmp_path / "films.csv"
    path.write_text(rows)
    _, summary = train_from_data(str(path), "Films", family="perceptron")

    page = html.unescape(prepare_model(rows).text)

    for _, text in summary.facts():
        assert f"<dd>{text}</dd>" in page
    told = dict(summary.facts())
    assert told["left out"].startswith("1 of 'bad': ")
    assert told["left out"].endswith("(line 122)")
    assert "5 times as many" in told["warning"]
    assert "always saying 'bad' gets" in told["accuracy"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("label,text\na,fine film\n,dull film\n", "films.csv: line 3: no label"),
        ("label,text\na,fine film\na,dull film\n", "there is nothing to learn from one class"),
        ("label,text\na,fine film\nb,?!\n", "the class 'b' has no sample that can be used, of 1"),
        ("label,text\na,fine film\nA,dull film\n", "two spellings of labels"),
    ],
)
def test_create__file_that_nothing_can_be_learnt_from__refused(prepare_model, rows, message):
    answer = prepare_model(rows)
    assert answer.status_code == 400
    assert message in html.unescape(answer.text)


@pytest.mark.parametrize("spoilt", [False, True])
def test_create__publication_that_would_be_refused__is_told_before_anything_is_sent(
    web, contributor, prepare_model, monkeypatch, spoilt
):
    made = Plans.transaction

    def cut(plans, plan, account, step):
        transaction = made(plans, plan, account, step)
        unlisted = transaction.data[:4] + bytes(32) + transaction.data[36:]  # another implementation
        return replace(transaction, data=unlisted) if spoilt else transaction

    monkeypatch.setattr(Plans, "transaction", cut)
    web.cookies.set("account", str(contributor))
    rows = "label,text\n" + "".join(f"{('bad', 'good')[i % 2]},a {('dull', 'great')[i % 2]} film\n" for i in range(40))
    page = html.unescape(prepare_model(rows).text)
    assert ("Nothing was sent, because publishing would be refused" in page) == spoilt
    assert (re.search(r"Publish “Films”, .*: [0-9,]+ gas", page) is None) == spoilt
    assert ('name="step"' in page) == (not spoilt)


# ---- transactions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def prepared(web, model, contributor):
    def prepare(text="good film", **fields):
        form = {"account": str(contributor), "action": "train", "model": model.address, "text": text, "label": "1"}
        return web.post("/api/prepare", data=form | {"maximum": "1"} | fields)

    return prepare


def test_prepare__train__unsigned_transaction(prepared, model, contributor, deployed):
    answer = prepared().json()
    assert answer["transaction"].keys() == {"from", "to", "data", "value", "gas", "chainId"}
    assert answer["transaction"]["from"] == contributor
    assert answer["transaction"]["to"] == deployed.contracts["SelfAssessment"]
    assert int(answer["transaction"]["value"], 16) == 10**18
    assert answer["lines"][:2] == ["As class “positive” (index 1)", "The model sees: good film"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"account": "me"}, "Choose an account first"),
        ({"label": "2"}, "Choose a label"),
        ({"label": "-1"}, "Choose a label"),
        ({"maximum": "much"}, "not an amount"),
        ({"text": "xyzzy"}, "no word that the model knows"),
        ({"text": "a" * 20_001}, "at most 20,000 characters"),
        ({"raw": "zz"}, "hexadecimal"),
        ({"raw": "00" * 2_049}, "1 to 2,048 bytes"),
        ({"raw": "0005"}, "index out of range"),
        ({"maximum": "0.000000000000000001"}, "accept a higher maximum"),
        ({"action": "refund", "contribution": "0"}, "no such contribution"),
        ({"action": "selfdestruct", "contribution": "0"}, "no such contribution"),
    ],
)
def test_prepare__bad_input__refused_with_advice(prepared, fields, message):
    answer = prepared(**fields)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_prepare_all__more_than_one_asks_for_at_once__the_rest_is_left(web, dashboard, model, deployed, monkeypatch):
    def keepers(page, reader, model, contributions, name):
        addresses = [f"0x{i + 1:040x}" for i in range(60)]
        return [Transaction(page.address, calldata("name_keeper(address)", [a]), 0, "name") for a in addresses]

    monkeypatch.setattr(SelfAssessment, "actions", keepers)
    monkeypatch.setattr(Api, "_chosen", lambda *_: None)
    items = json.dumps([[model.address, "refund", "0"], [model.address, "refund", "0"]])
    answer = web.post("/api/prepare_all", data={"account": deployed.accounts[1], "items": items}).json()
    assert len(answer["parcels"]) == 50
    assert len({parcel["token"] for parcel in answer["parcels"]}) == 50
    assert answer["failed"] == ["10 more transactions are left for the next time."]
    for parcel in answer["parcels"]:  # none of them has pushed another out
        assert web.post("/api/claim", data={"token": parcel["token"]}).status_code == 200


@pytest.mark.parametrize("items", ["", "5", "{}", "[5]", '[["0x12", "refund"]]', '[["0x12", "refund", "0"]]', "[]"])
def test_prepare_all__senseless__refused(web, deployed, items):
    answer = web.post("/api/prepare_all", data={"account": deployed.accounts[1], "items": items})
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_prepare_all__action_that_never_is__refused(web, deployed, model):
    items = json.dumps([[model.address, "selfdestruct", ""]])
    answer = web.post("/api/prepare_all", data={"account": deployed.accounts[1], "items": items})
    assert (answer.status_code, answer.json()["error"]) == (400, "This cannot be done with this model.")


def test_claim__twice__refused(web, prepared):
    token = prepared().json()["token"]
    assert web.post("/api/claim", data={"token": token}).json()["state"] == "asked"
    assert "does not go out twice" in web.post("/api/claim", data={"token": token}).json()["error"]


def test_claim__the_same_under_way__refused_until_rejected(web, prepared):
    first, second = prepared().json()["token"], prepared(maximum="2").json()["token"]
    web.post("/api/claim", data={"token": first})
    assert "under way already" in web.post("/api/claim", data={"token": second}).json()["error"]
    web.post("/api/rejected", data={"token": first, "message": "no"})
    assert web.post("/api/claim", data={"token": second}).json()["state"] == "asked"


def test_claim__unknown_token__says_what_to_do(web):
    assert "Reload" in web.post("/api/claim", data={"token": "x"}).json()["error"]


def test_local__twice__one_contribution(web, prepared, dashboard, model):
    token = prepared().json()["token"]
    assert web.post("/api/local", data={"token": token}).status_code == 200
    assert web.post("/api/local", data={"token": token}).status_code == 400
    assert web.post("/api/status", data={"token": token}).json()["state"] == "done"
    assert len(dashboard.reader.history(model).contributions) == 1


def test_local__account_of_nobody__refused(web, prepared, rpc):
    stranger = "0x" + "12" * 20
    rpc.rpc("anvil_setBalance", stranger, hex(10**19))
    token = prepared(account=stranger).json()["token"]
    assert "choose it in your wallet" in web.post("/api/local", data={"token": token}).json()["error"]


def test_status__hash_was_never_reported__found_on_chain(web, prepared, rpc):
    answer = prepared().json()
    web.post("/api/claim", data={"token": answer["token"]})
    assert web.post("/api/status", data={"token": answer["token"]}).json()["state"] == "asked"
    fields = {k: v for k, v in answer["transaction"].items() if k != "chainId"}
    sent = rpc.rpc("eth_sendTransaction", fields)
    for _ in range(100):  # the node mines it beside
        status = web.post("/api/status", data={"token": answer["token"]}).json()
        if status["state"] == "done":
            break
        time.sleep(0.05)
    assert (status["state"], status["hash"]) == ("done", sent)


def test_sent__no_hash__refused(web, prepared):
    token = prepared().json()["token"]
    assert web.post("/api/sent", data={"token": token, "hash": "0x<script>"}).status_code == 400


def test_prepare__would_be_refused__nothing_is_kept(dashboard, deployed):
    with pytest.raises(OutboxError, match="contract refuses"):
        dashboard.outbox.prepare(
            "visitor",
            deployed.accounts[1],
            Transaction(deployed.contracts["Registry"], b"\x01\x02\x03\x04", 0, "nonsense"),
        )


def test_clock__not_local__refused(web, dashboard):
    dashboard.reader.node.chain_id = 1
    assert web.post("/api/clock", data={"seconds": "60"}).status_code == 400
    assert dashboard.reader.local_accounts() == []


def test_incentive_of__trainer_is_a_person__is_not_known(dashboard, model):
    pairs = [(model.address, model.trainer), (model.address, "0x" + "12" * 20)]
    known, unknown = dashboard.incentives.of_many(pairs)
    assert type(known) is SelfAssessment
    assert type(unknown) is Incentive
    assert dashboard.incentives.counts(pairs) == [0, None]


# ---- one visitor and another ----------------------------------------------------------------------------------------


@pytest.fixture
def another(dashboard):
    """Somebody else's browser."""
    return TestClient(dashboard.app(), base_url="http://127.0.0.1:8080")


def test_claim__the_same_prepared_by_somebody_else__does_not_block(web, another, prepared, model, contributor):
    form = {"account": str(contributor), "action": "train", "model": model.address, "text": "good film", "label": "1"}
    theirs = another.post("/api/prepare", data=form | {"maximum": "1"}).json()["token"]
    assert another.post("/api/claim", data={"token": theirs}).json()["state"] == "asked"
    own = prepared().json()["token"]
    assert web.post("/api/claim", data={"token": own}).json()["state"] == "asked"


def test_prepare__flood_of_somebody_else__pushes_nothing_out(dashboard, deployed, monkeypatch):
    from comodels.dashboard import outbox

    monkeypatch.setattr(outbox, "MAX_KEPT", 4)
    monkeypatch.setattr(outbox, "MAX_OF_ONE", 2)
    transaction = Transaction(deployed.accounts[2], b"", 1, "a transfer")

    def prepare(visitor):
        return dashboard.outbox.prepare(visitor, deployed.accounts[1], transaction).token

    mine = prepare("me")
    dashboard.outbox.claim(mine)
    flood = [prepare("flood") for _ in range(10)]
    assert dashboard.outbox.get(mine).state == "asked"
    with pytest.raises(OutboxError, match="restarted"):
        dashboard.outbox.get(flood[0])
    for visitor in ("a", "b", "c"):
        dashboard.outbox.claim(prepare(visitor))
    with pytest.raises(OutboxError, match="Too many transactions are under way"):
        prepare("d")
    assert dashboard.outbox.get(mine).state == "asked"


def test_test_set__of_a_visitor__is_nobody_elses(web, another, model):
    path = f"/models/{model.address}/data"
    for person, rows in (
        (web, "label\ttext\n0\tbad\n1\tgood\n0\tbad film\n"),
        (another, "label\ttext\n1\tgood\n0\tbad\n"),
    ):
        files = {"file": ("own.tsv", rows.encode())}
        assert person.post(f"/models/{model.address}/test-set", files=files).status_code == 200
    assert "on 3 samples of own.tsv" in web.get(path).text
    assert "on 2 samples of own.tsv" in another.get(path).text


def test_words__of_what_was_not_sent__are_not_kept(web, prepared, dashboard, tmp_path):
    token = prepared(remember="1").json()["token"]
    web.post("/api/rejected", data={"token": token, "message": "no"})
    assert not dashboard.settings.originals.exists()
    token = prepared(remember="1").json()["token"]
    web.post("/api/local", data={"token": token})
    assert web.post("/api/status", data={"token": token}).json()["state"] == "done"
    assert "good film" in dashboard.settings.originals.read_text()


# ---- before one signs ------------------------------------------------------------------------------------------------


def lines_of(answer) -> str:
    return "\n".join(answer.json()["lines"])


def test_prepare__default_terms__says_what_is_risked_and_when(prepared, dashboard):
    against = lines_of(prepared())  # an empty model says 0, and this is labelled 1
    assert "You can lose it: the model does not agree with this label now." in against
    assert against.count("{time:") >= 4
    assert "Network fee: about" in against
    assert "public for ever" in against
    assert "Right after your contribution the next one needs 0.06 ether" in against
    agreed = lines_of(prepared(label="0"))
    assert "nobody can report it" in agreed
    assert "You can lose it" not in agreed


def test_prepare__slides_terms__says_that_the_owner_may_take_it(deployed, dashboard, web, contributor):
    from comodels.claims import SelfAssessment as Adapter
    from comodels.incentives.self_assessment import Terms

    encoder = demo.encoders.BagOfWords(["good", "bad", "film"])
    dashboard.store.keep(encoder)
    twin = saved.new_twin(encoder)
    (address,) = demo.publish(deployed, [("slides", "")], twin, encoder, Adapter(Terms.slides()), trained=False)
    form = {"account": str(contributor), "action": "train", "model": address, "text": "good", "label": "0"}
    told = lines_of(web.post("/api/prepare", data=form | {"maximum": "1"}))
    assert "Unclaimed after {time:" in told
    assert "the owner may take it, even if your data was good" in told
    assert "in any case" not in told  # nothing goes back by itself


def test_prepare__price_of_ether_configured__fee_in_money(prepared, dashboard):
    assert "EUR" not in lines_of(prepared())
    dashboard.settings.price = demo_price = (Decimal(2_500), "EUR")
    assert demo_price[1] in lines_of(prepared())


def test_prepare__more_than_the_account_has__says_how_much(prepared):
    answer = prepared(maximum="70000000000")
    assert answer.status_code == 400
    assert "and 70,000,000,000 ether is needed" in answer.json()["error"]


@pytest.mark.parametrize(
    ("keeper", "message"),
    [("0x12", "A keeper is an address"), ("", None), ("0x" + "12" * 20, None), ("self", "need not name yourself")],
)
def test_prepare__name_keeper__address_or_nobody(web, model, contributor, keeper, message):
    form = {"account": str(contributor), "action": "name_keeper", "model": model.address}
    answer = web.post("/api/prepare", data=form | {"keeper": str(contributor) if keeper == "self" else keeper})
    if message:
        assert answer.status_code == 400
        assert message in answer.json()["error"]
    else:
        token = answer.json()["token"]
        assert web.post("/api/local", data={"token": token}).status_code == 200


# ---- errors, languages, files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/nothing", 404, "There is no such page"),
        ("POST", "/account", 405, "This cannot be done so"),
        ("GET", "/language/xx", 404, "There is no such page"),
    ],
)
def test_error__pages__have_a_way_back(web, method, path, status, text):
    answer = web.request(method, path)
    assert answer.status_code == status
    assert text in answer.text
    assert '<a href="/">All models</a>' in answer.text


def test_error__node_refuses__true_cause_as_502(web, dashboard, monkeypatch):
    from comodels.chain.node import RpcError

    def refuse(*_, **__):
        raise RpcError("this node has no archive")

    monkeypatch.setattr(dashboard.reader, "entries", refuse)
    answer = web.get("/")
    assert answer.status_code == 502
    assert "this node has no archive" in answer.text


def test_error__of_our_own__page_with_a_way_back(dashboard, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(dashboard.reader, "entries", fail)
    monkeypatch.setattr(dashboard.dues, "of", fail)
    web = TestClient(dashboard.app(), base_url="http://127.0.0.1:8080", raise_server_exceptions=False)
    answer = web.get("/", headers={"accept-language": "de"})
    assert answer.status_code == 500
    assert "Das liegt nicht an Ihnen" in answer.text
    assert '<a href="/">Alle Modelle</a>' in answer.text
    told = web.post("/api/due", data={"account": "0x" + "1" * 40})
    assert (told.status_code, told.json()["error"][:25]) == (500, "That is not your fault, a")


def test_form__file_in_the_place_of_a_text__is_no_text(web, model):
    answer = web.post(f"/models/{model.address}", files={"text": ("x.txt", b"good film")})
    assert answer.status_code == 200
    assert "Enter something first." in answer.text


def test_language__chosen__stays_and_leads_back_only_here(web):
    assert "Models" in web.get("/").text
    answer = web.get("/language/de?back=/glossary", follow_redirects=False)
    assert answer.headers["location"] == "/glossary"
    page = web.get("/")
    assert '<html lang="de">' in page.text
    assert "Modelle, die" not in page.text
    assert "Diese Modelle beantworten Fragen" in page.text
    for back in ("//evil.example", "https://evil.example", "/\\evil.example"):
        answer = web.get("/language/en", params={"back": back}, follow_redirects=False)
        assert answer.headers["location"] == "/"


# ---- in German: what the library says -------------------------------------------------------------------------------


@pytest.fixture
def german(web):
    web.cookies.set("language", "de")
    return web


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("label,text\na,fine film\n,dull film\n", "films.csv: Zeile 3: keine Klasse. Tragen Sie sie ein"),
        ("label,text\na,fine film\na,dull film\n", "films.csv: alle Beispiele haben die Klasse 'a', aber"),
        ("label,text\na,fine film\nb,?!\n", "die Klasse 'b' hat kein Beispiel, das verwendet werden kann, von 1: hat"),
        ("label,text\na,x\nA,y\n", "films.csv: zwei Schreibweisen von Klassen: 'a' (1) und 'A' (1)."),
        ("label,text\na,fine,film\nb,dull film\n", "films.csv: Zeile 2: 3 Felder, nicht 2 wie in der ersten Zeile"),
        ('label,text\na,"fine\nb,dull\n', "wurde ein Anführungszeichen geöffnet und nicht geschlossen?"),
        ("good,1\nbad,2\n", "Nennen Sie die Spalte der Klassen „label“.\nLesbar sind:\n  - CSV (Komma"),
        ("label,weight,height\na,1,2\nb,tall,3\n", "Zeile 3: 'tall' in der Spalte 'weight' ist keine Zahl;"),
        ('label,weight,height\na,"1,5",2\nb,1.5,3\n', "Dezimalstellen stehen einmal mit Komma und einmal mit Punkt"),
        ("\x00label,text\n", "Zeile 1: ein NUL-Byte, das kein Text hat"),
        ('{"label": "a"\n', "films.csv: Zeile 1: kein JSON-Objekt ("),
    ],
)
def test_german__file_that_nothing_can_be_learnt_from__says_why(german, prepare_model, rows, message):
    answer = prepare_model(rows)
    page = html.unescape(answer.text)
    assert answer.status_code == 400
    assert message in page
    for english in (
        "no label",
        "there is nothing",
        "two spellings",
        "fields, not",
        "is not a number",
        "Files that can",
    ):
        assert english not in page


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"SelfAssessment.refund_wait": "soon"},
            "Erstattung, und Meldung durch andere, ab (90s, 15m, 12h, 7d): „soon“",
        ),
        ({"SelfAssessment.refund_wait": "0s"}, "lehnen: die Wartezeit bis zur Erstattung fehlt"),
        ({"SelfAssessment.refund_wait": "99999999999"}, "Erstattung, und Meldung durch andere, ab: Höchstens"),
        ({"SelfAssessment.forgive_every": "two"}, "„two“ ist keine ganze Zahl wie 10"),
        ({"classes": "a,b,b"}, "Jede Klasse braucht einen eigenen Namen: 'a', 'b', 'b'."),
        ({"family": "naive-bayes", "rate": "0"}, "eine ganze Zahl von 1 bis 65.535"),
    ],
)
def test_german__terms_or_classes_that_the_contract_refuses__says_why(german, prepare_model, fields, message):
    rows = "label,text\n" + "".join(f"{'ab'[i % 2]},a {('dull', 'great')[i % 2]} film\n" for i in range(20))
    usual = {"SelfAssessment.refund_wait": "1d", "empty": "1"}
    page = html.unescape(prepare_model(rows, **usual | fields).text)
    assert message in page
    assert "The contract" not in page


def test_german__facts_of_a_new_model__in_german(german, prepare_model):
    rows = "label,text\n" + "".join(
        f"{'01'[i % 6 == 0]},a {('dull', 'great')[i % 6 == 0]} film\n" for i in range(1_200)
    )
    page = html.unescape(prepare_model(rows + "0,?!\n").text)
    for said in (
        "<dt>Ausgelassen</dt><dd>1 der Klasse '0': hat kein Wort, das das Modell kennt (Zeile 1202)</dd>",
        "<dt>Daten</dt><dd>1.200 von 1.201 Texten, 2 Klassen</dd>",
        "<dt>Hinweis</dt><dd>die Klassen heißen nach Zahlen, wie in der Datei; das Feld „Klassen“ gibt ihnen Namen",
        "'0' hat 5-mal so viele Beispiele wie '1': Vergleichen Sie",
        "Texte; die Wörter, die die meisten haben, höchstens 1.000",
        "ein Perzeptron, das aus seinen Fehlern lernt, für 2 Klassen von Wörtern",
        "100,0% auf 240 zurückgehaltenen Beispielen; immer '0' zu sagen erreicht 83,3%",
        "Gas für das Modell (",
    ):
        assert said in page
    for english in (" of ", " the ", " samples", " classes"):
        assert english not in page.split("<dl>")[1].split("</dl>")[0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": "xyzzy"}, "Das Beispiel hat kein Wort, das das Modell kennt: 'xyzzy'."),
        ({"raw": "0005"}, "„ein Wort hat eine Nummer, die das Modell nicht hat“"),
        ({"maximum": "viel"}, "„viel“ ist kein Betrag in Ether wie 0,01"),
    ],
)
def test_german__sample_that_the_model_cannot_take__says_why(german, prepared, fields, message):
    answer = prepared(**fields)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_german__files_of_a_model__says_why(german, dashboard, model):
    headers = {"origin": "http://127.0.0.1:8080"}
    path = f"/models/{model.address}"

    def refused(to: str, content: bytes) -> str:
        answer = german.post(f"{path}/{to}", files={"file": ("mine.csv", content)}, headers=headers)
        assert answer.status_code == 400
        return html.unescape(answer.text)

    test_set = refused("test-set", b"label,text\nsplendid,good film\nbad,bad film\n")
    assert "mine.csv: Zeile 2: Die Klasse 'splendid' ist unbekannt; bekannt sind negative, positive" in test_set
    assert "keine Datei eines Encoders (" in refused("encoder", b"{")
    other = demo.encoders.BagOfWords(["other"])
    named = json.dumps({"spec": other.spec, "fitted": other.fitted}).encode()
    assert "nicht der Encoder dieses Modells\n" in refused("encoder", named)
    assert "unter 0x" + "1" * 40 + " ist auf dieser Chain kein Modell" in german.get("/models/0x" + "1" * 40).text
    dashboard.node.url = "http://127.0.0.1:9"
    assert "unter http://127.0.0.1:9 antwortet keine Chain" in german.get("/").text


def test_german__picture_that_is_none__says_why(german, tmp_path):
    store = Store(tmp_path / "encoders")
    encoder = demo.encoders.ProjectedImage(2, "random", [0] * 4, [[1, 2, 3, 4]], 100)
    store.keep(encoder)
    speak("de")
    try:
        with pytest.raises(InputError, match=r"^Das Bild kann nicht als Bild gelesen werden \(es ist keines von PNG, "):
            store.encode(encoder.spec, picture=b"%PDF-1.4")
        assert store.show(b"abc", "unknown").text == "3 Bytes: 616263"
    finally:
        speak("en")


# ---- money and dates -------------------------------------------------------------------------------------------------


def test_dates_and_money__of_a_contribution__calendar_and_table(web, prepared, contributor):
    token = prepared(label="0").json()["token"]
    web.post("/api/local", data={"token": token})
    assert web.post("/api/status", data={"token": token}).json()["state"] == "done"
    account = str(contributor)
    calendar = web.get("/account/dates.ics", params={"account": account}).text
    assert calendar.count("BEGIN:VEVENT") == 2  # the refund, and the end
    assert "{time:" not in calendar
    assert max(len(line.encode()) for line in calendar.split("\r\n")) <= 75
    table = web.get("/account/money.csv", params={"account": account}).text.splitlines()
    assert len(table) == 2
    assert ",deposit,1,-" in table[1]
    assert web.get("/account/dates.ics", params={"account": "me"}).status_code == 400


def test_due__refund_after_the_wait__finds_the_person(web, prepared, contributor, rpc):
    token = prepared(label="0").json()["token"]
    web.post("/api/local", data={"token": token})
    assert web.post("/api/status", data={"token": token}).json()["state"] == "done"

    def due():
        return web.post("/api/due", data={"account": str(contributor)}).json()

    assert due()["count"] == 0
    assert "The next date: {span:" in due()["text"]
    rpc.rpc("evm_increaseTime", 86_400)
    rpc.rpc("evm_mine")
    assert due()["count"] == 1
    assert "can be claimed now" in due()["text"]


def test_models__names_that_look_the_same__are_warned_of(deployed, web, dashboard):
    encoder = demo.encoders.HashedWords(64)
    names = [("Film reviews", ""), ("Fіlm rеvіews", ""), ("Wines", "")]
    addresses = demo.publish(deployed, names, saved.new_twin(encoder), encoder, trained=False)
    page = web.get("/").text
    assert page.count("another model has this name") == 2
    assert "Another model has the same name" in web.get(f"/models/{addresses[1]}").text
    assert "Another model has the same name" not in web.get(f"/models/{addresses[2]}").text
    assert web.get("/?sort=name&kind=SparsePerceptron").text.count("<tr>") == 4
    assert web.get("/?kind=NaiveBayes").text.count("<tr>") == 0


def test_models__listed_code_only__leaves_out_what_runs_other_code(deployed, web, rpc):
    encoder, owner = demo.encoders.HashedWords(64), deployed.accounts[0]
    twin = saved.new_twin(encoder)
    demo.publish(deployed, [("Film reviews", "")], twin, encoder, trained=False)
    other = deploy(rpc, owner, "SparsePerceptron")  # the same code, which the registry does not list
    card = pack_card("Code of my own", "", encoder.spec, ("negative", "positive"))
    trainer, terms = deployed.contracts["SelfAssessment"], demo.SelfAssessment().terms.encode()
    arguments = owner, trainer, terms, twin.parameters.pack(), card, [], True, bytes(32)
    model = other.call("create", *arguments, sender=owner)
    other.transact("create", *arguments, account=owner)
    directory = ContractAt(rpc, deployed.contracts["Registry"], artifact("Registry").abi)
    directory.transact("register", model, account=owner)

    every, listed = web.get("/").text, web.get("/?listed=1").text
    assert "Film reviews" in every
    assert "Code of my own" in every
    assert every.count("unlisted code") == 1
    assert "Film reviews" in listed
    assert "Code of my own" not in listed
    assert "does not list this model" in web.get(f"/models/{model}").text


# ---- what people bring -----------------------------------------------------------------------------------------------


def test_store__original_words__shown_only_if_they_make_the_sample(tmp_path):
    encoder = demo.encoders.BagOfWords(["good", "bad", "film"])
    path = tmp_path / "originals.jsonl"
    x = encoder.encode("good film")
    path.write_text(json.dumps({"x": x.hex(), "text": "bad film"}) + "\nbroken\n")
    store = Store(tmp_path / "encoders", path)
    assert store.show(x, encoder.spec)[1] == "bytes"
    store.keep(encoder)
    assert store.show(x, encoder.spec) == ("good film", "encoder")
    other = encoder.encode("bad film")
    store.remember(other, "A film, but bad")
    assert Store(tmp_path / "encoders", path).show(other, encoder.spec) == ("… film … bad", "original")
    third = encoder.encode("good")
    shared = tmp_path / "shared.jsonl"
    lines = [{"x": third.hex(), "text": "It was good."}, {"x": x.hex(), "text": "forged: bad"}]
    shared.write_text("".join(json.dumps(line) + "\n" for line in lines))
    store = Store(tmp_path / "encoders", path, [shared])
    assert store.show(third, encoder.spec) == ("… good", "third-party")
    assert store.show(x, encoder.spec) == ("good film", "encoder")


def test_store__spec_that_names_places__has_the_same_encoder(tmp_path):
    encoder = demo.encoders.BagOfWords(["good"])
    named = with_places(encoder.spec, ["https://a.example/b.json"])
    store = Store(tmp_path / "encoders")
    assert store.find(named) is None
    store.add_file(encoder.content, named)
    assert store.find(named).words == store.find(encoder.spec).words == ("good",)
    assert Store(tmp_path / "encoders").find(named).words == ("good",)
    assert store.find("a spec") is None


def test_store__encoder_file_of_another_model__refused(tmp_path):
    one, two = demo.encoders.BagOfWords(["good"]), demo.encoders.BagOfWords(["bad"])
    one.save(tmp_path / "one.json")
    content = (tmp_path / "one.json").read_bytes()
    store = Store(tmp_path / "encoders")
    with pytest.raises(InputError, match="not the encoder of this model"):
        store.add_file(content, two.spec)
    with pytest.raises(InputError, match="not the encoder of this model"):
        store.add_file(b"{", one.spec)
    with pytest.raises(InputError, match="at most 20 MB"):
        store.add_file(bytes(20_000_001), one.spec)
    store.add_file(content, one.spec)
    assert store.find(one.spec).words == ("good",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"GIF89a nonsense", "The picture cannot be read as a picture"),
        (b"%PDF-1.4", "The picture cannot be read as a picture"),
        (bytes(10_000_001), "at most 10 MB"),
        (b"", "Choose a picture first"),
    ],
)
def test_store__no_picture__refused(tmp_path, content, problem):
    store = Store(tmp_path / "encoders")
    encoder = demo.encoders.ProjectedImage(2, "random", [0] * 4, [[1, 2, 3, 4]], 100)
    store.keep(encoder)
    with pytest.raises(InputError, match=problem):
        store.encode(encoder.spec, picture=content)


def test_store__picture_that_unpacks_to_more_than_50_million_pixels__refused(tmp_path):
    file = io.BytesIO()
    Image.new("L", (10_000, 5_001)).save(file, "PNG")
    store = Store(tmp_path / "encoders")
    encoder = demo.encoders.ProjectedImage(2, "random", [0] * 4, [[1, 2, 3, 4]], 100)
    store.keep(encoder)
    with pytest.raises(InputError, match="too large: 10,000 x 5,001 pixels"):
        store.encode(encoder.spec, picture=file.getvalue())


def test_test_set__many_rows__parts_that_fit_a_call():
    test = TestSet.pack("t", [bytes(2_000)] * 30, [1] * 30, 2)
    assert sum(len(part) for part in test.parts) == 30 * 2_003
    assert max(len(part) for part in test.parts) <= 24_000
    assert (test.count, test.left_out) == (30, 2)


def test_show_times__markup_in_text__escaped():
    assert str(show_times({"now": 3_600}, "<b>{time:0}</b>")) == (
        '&lt;b&gt;<time datetime="1970-01-01T00:00:00Z" data-form="time" title="1970-01-01 00:00 UTC">'
        "1970-01-01 00:00 UTC (1 hour ago)</time>&lt;/b&gt;"
    )


def test_store__numbers__encoded_or_refused_with_advice(tmp_path):
    encoder = demo.encoders.Tabular(mean=[10.0, 0.0], scale=[2.0, 1.0], unit=100)
    store = Store(tmp_path / "encoders")
    store.keep(encoder)
    x = encoder.encode([14.0, -1.0])
    for text in ("14, -1", "14 -1.0", "14;-1"):
        assert store.encode(encoder.spec, text) == x
    assert store.show(x, encoder.spec)[1] == "encoder"
    with pytest.raises(InputError, match="The model takes 2 numbers, these are 3"):
        store.encode(encoder.spec, "1, 2, 3")
    with pytest.raises(InputError, match="Enter numbers only"):
        store.encode(encoder.spec, "1, two")
    with pytest.raises(InputError):
        store.encode(encoder.spec, "1, nan")


def test_store__picture__encoded(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 16, 16), dtype=np.uint8)
    encoder = demo.encoders.ProjectedImage.fit(list(pixels), n_features=8, side=8)
    store = Store(tmp_path / "encoders")
    store.keep(encoder)
    file = io.BytesIO()
    Image.fromarray(pixels[0]).save(file, "PNG")
    assert store.encode(encoder.spec, picture=file.getvalue()) == encoder.encode(pixels[0])
    with pytest.raises(InputError, match="Choose a picture first"):
        store.encode(encoder.spec)


# ---- for programs, and encoders from elsewhere -----------------------------------------------------------------------


def test_models_json__is_what_the_command_prints(web, dashboard, model, rpc):
    answer = web.get("/models.json")
    contract = registry.registry_at(rpc, dashboard.settings.registry)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == registry.index(contract, registry.entries(contract, 25))
    (described,) = answer.json()["models"]
    assert described["address"] == model.address
    assert described["classes"] == ["negative", "positive"]
    assert described["trainer"]["terms"]["refund_wait"] == 86_400
    assert described["encoder_spec"] == model.encoder_spec


def test_models_json__pages__follow_each_other(web, deployed):
    encoder = demo.encoders.BagOfWords(["good", "bad", "film"])
    names = [(f"model {i}", "") for i in range(3)]
    demo.publish(deployed, names, saved.new_twin(encoder), encoder, trained=False)
    whole = web.get("/models.json").json()["models"]
    assert [m["name"] for m in whole] == ["model 2", "model 1", "model 0"]
    first = web.get("/models.json?count=1").json()["models"]
    rest = web.get(f"/models.json?before={first[0]['address']}").json()["models"]
    assert first + rest == whole


@pytest.mark.parametrize("query", ["before=x", "before=0x12", "before=%00", "before=0x" + "11" * 20])
def test_models_json__page_behind_nothing__is_an_error_as_json(web, model, query):
    answer = web.get(f"/models.json?{query}")
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_models_json__with_a_test_set__has_the_accuracy(web, dashboard, model):
    x = dashboard.store.find(model.encoder_spec).encode("good film")
    dashboard.test_sets[model.address] = TestSet.pack("mine", [x, x], [0, 1])
    assert web.get("/models.json?count=1").json()["models"][0]["accuracy"] == 0.5


def test_add_encoder__from_where_the_model_says__is_only_taken_if_it_is_its_own(
    web, dashboard, rpc, owner, create_model, monkeypatch
):
    encoder = demo.encoders.BagOfWords(["good", "bad"])
    twin = SparsePerceptron(SparsePerceptronParameters(2), weights=[100, -100], bias=0)
    url = "https://a.example/films.json"
    card = pack_card("films", "", with_places(encoder.spec, [url]), ("bad", "good"))
    model = create_model(twin, owner, card=card)
    page = f"/models/{model.address}"
    assert url in web.get(page).text
    files = {url: b"another"}
    monkeypatch.setattr(places, "fetch", files.__getitem__)
    headers = {"origin": "http://127.0.0.1:8080"}
    refused = web.post(f"{page}/encoder", data={"fetch": "1"}, headers=headers)
    assert (refused.status_code, "what is there is not this encoder" in refused.text) == (400, True)
    assert dashboard.store.find(encoder.spec) is None
    files[url] = encoder.content
    web.post(f"{page}/encoder", data={"fetch": "1"}, headers=headers)
    assert dashboard.store.find(encoder.spec).words == ("good", "bad")
