"""The server without a browser: who may ask, what is refused, and that no transaction goes out twice."""

import io
import json
import time
import warnings

import numpy as np
import pytest
from PIL import Image

from dashboard import demo
from dashboard.incentives import Incentive, SelfAssessment, Transaction
from dashboard.outbox import OutboxError
from dashboard.server import Dashboard
from dashboard.show import show_times
from dashboard.store import InputError, Store, TestSet
from scripts import _models

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
    (address,) = demo.publish(deployed, [("a model", "")], _models.new_twin(encoder), encoder, trained=False)
    return dashboard.reader.model(address)


@pytest.fixture
def client(dashboard):
    with TestClient(dashboard.app(), base_url="http://127.0.0.1:8080") as client:
        yield client


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
def test_get__host__only_ours(client, headers, status):
    assert client.get("/", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.0.2.7:8080", 200), ("[2001:db8::7]:8080", 200), ("models.example", 200), ("evil.example", 421)],
)
def test_get__open_to_others__addresses_and_own_names_only(dashboard, host, status):
    dashboard.settings.addresses = True
    dashboard.settings.hosts += ("models.example",)
    client = TestClient(dashboard.app(), base_url="http://192.0.2.7:8080")
    assert client.get("/", headers={"host": host}).status_code == status


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999"])
def test_post__foreign_origin__refused(client, origin):
    for path in ("/api/local", "/api/clock", "/create"):
        assert client.post(path, headers={"origin": origin}, data={"token": "x"}).status_code == 403


def test_get__any_page__forbids_foreign_scripts(client, model):
    for path in ("/", f"/models/{model.address}", "/static/app.js", "/nothing"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy


def test_post__body_too_large__refused(client):
    assert client.post("/create", content=b"x" * 21_000_001).status_code == 413


def test_create__file_too_large__refused_with_advice(client):
    file = {"file": ("x.csv", b"label,text\n" + b"x" * 10_000_001)}
    answer = client.post("/create", data={"name": "a", "encoder": "fitted"}, files=file)
    assert answer.status_code == 400
    assert "A data file has at most 10 MB." in answer.text


def test_get__pages__show_no_secret_of_the_node(client, dashboard, model):
    dashboard.node.url = "http://user:password@127.0.0.1:9/key"
    answer = client.get("/")
    assert answer.status_code == 503
    assert "password" not in answer.text
    assert "key<" not in answer.text
    assert "127.0.0.1:9" in answer.text


def test_get__no_such_model__says_so(client):
    answer = client.get("/models/0x" + "1" * 40)
    assert answer.status_code == 404
    assert "there is no model" in answer.text


# ---- transactions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def prepared(client, model, contributor):
    def prepare(text="good film", **fields):
        form = {"account": str(contributor), "action": "train", "model": model.address, "text": text, "label": "1"}
        return client.post("/api/prepare", data=form | {"maximum": "1"} | fields)

    return prepare


def test_prepare__train__unsigned_transaction(prepared, model, contributor, deployed):
    answer = prepared().json()
    assert answer["transaction"].keys() == {"from", "to", "data", "value", "gas", "chainId"}
    assert answer["transaction"]["from"] == contributor
    assert answer["transaction"]["to"] == deployed.contracts["SelfAssessment"]
    assert int(answer["transaction"]["value"], 16) == 10**18
    assert "The model sees: good film" in answer["lines"]


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


def test_claim__twice__refused(client, prepared):
    token = prepared().json()["token"]
    assert client.post("/api/claim", data={"token": token}).json()["state"] == "asked"
    assert "does not go out twice" in client.post("/api/claim", data={"token": token}).json()["error"]


def test_claim__the_same_under_way__refused_until_rejected(client, prepared):
    first, second = prepared().json()["token"], prepared(maximum="2").json()["token"]
    client.post("/api/claim", data={"token": first})
    assert "under way already" in client.post("/api/claim", data={"token": second}).json()["error"]
    client.post("/api/rejected", data={"token": first, "message": "no"})
    assert client.post("/api/claim", data={"token": second}).json()["state"] == "asked"


def test_claim__unknown_token__says_what_to_do(client):
    assert "Reload" in client.post("/api/claim", data={"token": "x"}).json()["error"]


def test_local__twice__one_contribution(client, prepared, dashboard, model):
    token = prepared().json()["token"]
    assert client.post("/api/local", data={"token": token}).status_code == 200
    assert client.post("/api/local", data={"token": token}).status_code == 400
    assert client.post("/api/status", data={"token": token}).json()["state"] == "done"
    assert len(dashboard.reader.history(model).contributions) == 1


def test_local__account_of_nobody__refused(client, prepared, rpc):
    stranger = "0x" + "12" * 20
    rpc.rpc("anvil_setBalance", stranger, hex(10**19))
    token = prepared(account=stranger).json()["token"]
    assert "choose it in your wallet" in client.post("/api/local", data={"token": token}).json()["error"]


def test_status__hash_was_never_reported__found_on_chain(client, prepared, rpc):
    answer = prepared().json()
    client.post("/api/claim", data={"token": answer["token"]})
    assert client.post("/api/status", data={"token": answer["token"]}).json()["state"] == "asked"
    fields = {k: v for k, v in answer["transaction"].items() if k != "chainId"}
    sent = rpc.rpc("eth_sendTransaction", fields)
    for _ in range(100):  # the node mines it beside
        status = client.post("/api/status", data={"token": answer["token"]}).json()
        if status["state"] == "done":
            break
        time.sleep(0.05)
    assert (status["state"], status["hash"]) == ("done", sent)


def test_sent__no_hash__refused(client, prepared):
    token = prepared().json()["token"]
    assert client.post("/api/sent", data={"token": token, "hash": "0x<script>"}).status_code == 400


def test_prepare__would_be_refused__nothing_is_kept(dashboard, deployed):
    with pytest.raises(OutboxError, match="contract refuses"):
        dashboard.outbox.prepare(
            deployed.accounts[1], Transaction(deployed.contracts["Registry"], b"\x01\x02\x03\x04", 0, "nonsense")
        )


def test_clock__not_local__refused(client, dashboard):
    dashboard.reader._chain_id = 1
    assert client.post("/api/clock", data={"seconds": "60"}).status_code == 400
    assert dashboard.reader.local_accounts() == []


def test_incentive_of__trainer_is_a_person__is_not_known(dashboard, model):
    pairs = [(model.address, model.trainer), (model.address, "0x" + "12" * 20)]
    known, unknown = dashboard.incentives.of_many(pairs)
    assert type(known) is SelfAssessment
    assert type(unknown) is Incentive
    assert dashboard.incentives.counts(pairs) == [0, None]


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
    assert Store(tmp_path / "encoders", path).show(other, encoder.spec) == ("A film, but bad", "original")
    third = encoder.encode("good")
    shared = tmp_path / "shared.jsonl"
    lines = [{"x": third.hex(), "text": "It was good."}, {"x": x.hex(), "text": "forged: bad"}]
    shared.write_text("".join(json.dumps(line) + "\n" for line in lines))
    store = Store(tmp_path / "encoders", path, [shared])
    assert store.show(third, encoder.spec) == ("It was good.", "third-party")
    assert store.show(x, encoder.spec) == ("good film", "encoder")


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
    assert str(show_times("<b>{time:0}</b>")) == (
        '&lt;b&gt;<time datetime="1970-01-01T00:00:00Z">1970-01-01 00:00 UTC</time>&lt;/b&gt;'
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
