"""A sponsor's queue and its service: what is taken is sent once, whatever happens, and told."""

import itertools
import json
import subprocess
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from eth_account import Account
from eth_utils import keccak, to_checksum_address
from starlette.testclient import TestClient

from comodels.batch import Signed, pack_claims
from comodels.bench.batch_price import prices
from comodels.chain.account import Wallet
from comodels.chain.notes import Notes
from comodels.claims import Points
from comodels.cli import ROOT, ApeSigner
from comodels.errors import ComodelsError
from comodels.publish import Options
from comodels.signatures import Consent
from comodels.sponsor import Limits, Sponsor
from comodels.sponsor_service import MAX_BODY, Rate, application
from comodels.units import DAY
from tests.anvil import answers, free_port, wait_for
from tests.unit.scripts.conftest import BAD, GOOD, begin_market

KEYS = [Account.from_key(bytes([i + 1]) * 32) for i in range(3)]
LIMITS = Limits(patience=0, max_deposit=10**18, budget=10**21, batch=7)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def start(deployed, contributor, tmp_path):
    """A sponsor as a fresh process has it, on the same files."""

    def new(**limits):
        wallet = Wallet(ApeSigner(contributor), Notes(tmp_path / "notes.sent"))
        return Sponsor(deployed, wallet, tmp_path / "queue.sqlite", replace(LIMITS, **limits))

    return new


@pytest.fixture
def entry(deployed, contributor):
    """A signed contribution, as JSON has it."""

    def make(i=0, key=KEYS[0], y=1, round=0, x=None, **other):
        words = deployed.encoder.words
        x = deployed.encode(f"{words[i % len(words)]} {words[i // 3 % len(words)]}") if x is None else x
        deadline = other.pop("deadline", int(time.time()) + 10**6)
        what = deployed.node.chain_id, deployed.paying.address, deployed.address
        name = dict(enumerate(deployed.class_names)).get(y, "")
        item = Consent(*what, x, y, round, str(contributor), deadline, name).sign(key)
        return {
            "contributor": key.address,
            "sample": x.hex(),
            "label": y,
            "round": round,
            "deadline": deadline,
            "signature": item.signature.hex(),
        } | other

    return make


def test_sponsor__signed_contributions__sent_in_batches_told_and_refunded(start, entry, deployed, rpc):
    sponsor = start()
    entries = [
        entry(i, KEYS[i % 3], deployed.contract.call("predict", bytes.fromhex(entry(i)["sample"]))) for i in range(9)
    ]

    numbers = sponsor.take(entries)
    assert numbers == list(range(1, 10))
    assert sponsor.status(1)["state"] == "queued"
    assert sponsor.work()
    assert sponsor.work()
    assert not sponsor.work()

    added = deployed.contributions()
    assert [(c.contributor, c.x.hex(), c.label) for c in added] == [
        (e["contributor"], e["sample"], e["label"]) for e in entries
    ]
    assert {c.sponsor for c in added} == {sponsor.wallet.address}
    for number, c in zip(numbers, added, strict=True):
        told = sponsor.status(number)
        assert (told["state"], told["deposit"], told["effect"], told["block"]) == (
            "accepted",
            c.deposit,
            c.effect,
            c.block,
        )
    assert len({sponsor.status(n)["transaction"] for n in numbers}) == 2
    assert sponsor.refund() == 0
    rpc.rpc("evm_increaseTime", 86_400)
    rpc.rpc("anvil_mine", "0x1")
    right = sum(deployed.contract.call("predict", c.x) == c.label for c in added)
    assert sponsor.refund() == right > 0
    assert sponsor.counts().get("returned") == right
    assert sponsor.refund() == 0


def pairs_of(words):
    return itertools.combinations(words, 2)


def test_sponsor__market__waits_for_one_and_gets_back_what_is_left_of_the_stakes(
    bounty, rpc, signer, contributor, tmp_path
):
    texts = [
        (f"{a} {b} film", y)
        for pairs in zip(*map(pairs_of, (BAD, GOOD)), strict=True)
        for y, (a, b) in enumerate(pairs)
    ]
    rows = [(bounty.encode(text), y) for text, y in texts]
    sponsor = Sponsor(bounty, Wallet(ApeSigner(contributor), Notes(tmp_path / "sent")), tmp_path / "queue", LIMITS)
    me, what = str(contributor), (rpc.chain_id, bounty.paying.address, bounty.address)
    entries = []
    for i, (x, _) in enumerate(rows[:10]):
        y = bounty.contract.call("predict", x) ^ (i % 3 > 0)
        deadline = rpc.time + 10**6
        item = Consent(*what, x, y, 0, me, deadline, bounty.class_names[y]).sign(KEYS[i % 3])
        fields = item.contributor, x.hex(), y, 0, deadline, item.signature.hex()
        names = "contributor", "sample", "label", "round", "deadline", "signature"
        entries.append(dict(zip(names, fields, strict=True)))
    assert sponsor.take(entries) == list(range(1, 11))
    assert not sponsor.work()  # no market takes contributions
    driver, secret = begin_market(bounty, rpc, signer, rows, most=40)
    driver.secret, driver.path = secret, tmp_path / "secret"
    secret.save(driver.path)

    assert sponsor.work()
    assert sponsor.work()

    told = [sponsor.status(n) for n in range(1, 11)]
    assert {t["state"] for t in told} == {"accepted"}
    assert all(t["deposit"] == (10**15 if t["effect"] else 0) for t in told)
    idle = sum(t["effect"] == 0 for t in told)
    assert 0 < idle < 9
    assert sponsor.refund() == idle  # what taught the model nothing staked nothing
    rpc.rpc("evm_increaseTime", 3_600)
    rpc.rpc("anvil_mine", "0x1")
    for step in ("close", "reveal", "check", "score", "settle"):
        getattr(driver, step)()
    due = driver.payouts(driver.view())
    before = rpc.balance(me)

    assert sponsor.refund() == len(due) == 10 - idle

    assert rpc.balance(me) - before == sum(payout.back for payout in due)
    for key in KEYS:
        assert rpc.balance(key.address) >= sum(payout.to(key.address) for payout in due)
    told = [t for t in (sponsor.status(n) for n in range(1, 11)) if t["effect"]]
    assert sorted(t["returned"] for t in told) == sorted(payout.back for payout in due)
    assert all((t["state"] == "returned") == (t["returned"] == 10**15) for t in told)
    assert sponsor.refund() == 0


def test_take__what_is_wrong__refused_with_the_reason(start, entry, deployed):
    sponsor = start(per_account=2)
    wallet_less = entry(1) | {"contributor": "0x" + "11" * 20}
    other_sponsor = Consent(1, deployed.paying.address, deployed.address, b"\0\0", 1, 0, KEYS[1].address, 10**12).sign(
        KEYS[0]
    )
    bad = [
        {},
        entry(1, contributor="0x12"),
        entry(1, y=7),
        entry(1) | {"label": -1},
        entry(1) | {"label": True},
        entry(1) | {"sample": "zz"},
        entry(1) | {"sample": ""},
        entry(1, deadline=int(time.time()) - 1),
        entry(1, x=b"\xff\xff\x00\x00"),
        wallet_less,
        entry(1) | {"signature": other_sponsor.signature.hex()},
        entry(1) | {"round": 5},
        entry(1, round=5),
    ]

    answers = sponsor.take(bad)

    assert all(isinstance(a, str) and a for a in answers)
    assert "address" in answers[1]
    assert "classes" in answers[2]
    assert "deadline" in answers[7]
    assert "sample" in answers[8]
    assert all("not signed" in a for a in answers[9:12])
    assert "round" in answers[12]
    assert sponsor.take([entry(1), entry(1), entry(2), entry(3), entry(3, KEYS[1])]) == [
        1,
        "the same was taken before",
        2,
        "no more than 2 of one account in a day",
        3,
    ]


def test_take__only_what_the_model_agrees_with__others_refused(start, entry, deployed):
    sponsor = start(agreeing=True)
    said = deployed.contract.call("predict", bytes.fromhex(entry(1)["sample"]))

    answers = sponsor.take([entry(1, y=said), entry(1, y=1 - said)])

    assert answers == [1, "the model disagrees, and this sponsor pays only for what it agrees with"]


def test_work__cancelled_after_it_was_taken__skipped_and_others_sent(start, entry, deployed, rpc):
    sponsor = start()
    first, second = entry(1), entry(2)
    sponsor.take([first, second])
    rpc.rpc("anvil_setBalance", KEYS[0].address, hex(10**18))
    x_hash = keccak(bytes.fromhex(first["sample"]))
    cancel = deployed.address, sponsor.wallet.address, x_hash, 1
    deployed.paying.transact("cancel", *cancel, account=KEYS[0])

    sponsor.work()

    assert sponsor.status(1)["state"] == "skipped"
    assert sponsor.status(1)["reason"] == "signatures: not signed by the contributor"
    assert sponsor.status(2)["state"] == "accepted"


def test_work__too_dear_or_beyond_the_budget__waits(start, entry, deployed):
    poor = start(budget=1)
    poor.take([entry(1)])
    assert not poor.work()
    assert not start(max_deposit=1).work()
    assert not start(patience=10**6).work()
    assert start().work()


def test_work__killed_twenty_times__every_contribution_once(start, entry, deployed, monkeypatch):
    rng, kills = np.random.default_rng(0), 0
    node = deployed.node
    send_raw, note, next_batch = type(node).send_raw, Sponsor._note, Sponsor._next_batch

    taken = []
    while kills < 20:
        where = int(rng.integers(4))
        new = entry(len(taken), KEYS[len(taken) % 3], len(taken) % 2)
        taken.append(new)
        assert start().take([new]) == [len(taken)]

        def killed_before(self, raw, where=where):
            if where == 0:
                raise Killed
            answer = send_raw(self, raw)
            if where == 1:
                raise Killed
            return answer

        def killed_after(self, *arguments, where=where):
            if where == 2:
                raise Killed
            note(self, *arguments)

        def killed_between(self, where=where):
            found = next_batch(self)
            if where == 3 and found:
                raise Killed
            return found

        monkeypatch.setattr(type(node), "send_raw", killed_before)
        monkeypatch.setattr(Sponsor, "_note", killed_after)
        monkeypatch.setattr(Sponsor, "_next_batch", killed_between)
        try:
            start().work()
        except Killed:
            kills += 1
        monkeypatch.undo()
    sponsor = start()
    while sponsor.work():
        pass

    added = [(c.contributor, c.x.hex(), c.label) for c in deployed.contributions()]
    assert sorted(added) == sorted((e["contributor"], e["sample"], e["label"]) for e in taken)
    assert sponsor.counts() == {"accepted": len(taken)}


def test_look_back__batch_that_a_reorganisation_undid__the_same_transaction_again(start, entry, deployed, rpc):
    sponsor = start()
    snapshot = rpc.rpc("evm_snapshot")
    sponsor.take([entry(1)])
    sponsor.work()
    sent = sponsor.status(1)["transaction"]
    assert sponsor.look_back() == 0
    rpc.rpc("evm_revert", snapshot)

    assert sponsor.look_back() == 1
    assert sponsor.status(1)["state"] == "sent"
    start().work()
    assert sponsor.status(1)["state"] == "accepted"
    assert sponsor.status(1)["transaction"] == sent  # so that both cannot be mined
    assert len(deployed.contributions()) == 1


def test_refund__settled_by_others__what_came_back_is_read_from_the_chain(start, entry, deployed, rpc, signer):
    """Somebody else may ask for it, and a process may be killed when it has asked."""
    sponsor = start()
    answers = [deployed.contract.call("predict", bytes.fromhex(entry(i)["sample"])) for i in range(2)]
    sponsor.take([entry(0, y=answers[0]), entry(1, y=1 - answers[1])])
    sponsor.work()
    first, second = deployed.contributions()
    assert sponsor.status(1)["returned"] is None
    rpc.rpc("evm_increaseTime", 86_400)
    rpc.rpc("anvil_mine", "0x1")
    item = [(first.contributor, first.x, first.label)]
    arguments = deployed.address, sponsor.wallet.address, 1, pack_claims(item)
    deployed.paying.transact("refund_many", *arguments, account=signer)

    assert sponsor.refund() >= 1
    told = sponsor.status(1)
    assert (told["state"], told["returned"]) == ("returned", first.deposit)
    rpc.rpc("evm_increaseTime", 10 * 86_400)
    rpc.rpc("anvil_mine", "0x1")
    sponsor.refund()
    told = sponsor.status(2)
    assert told["state"] == ("settled" if deployed.contract.call("predict", second.x) != second.label else "returned")
    assert told["returned"] == second.deposit
    assert sponsor.refund() == 0


class TestForPoints:
    """Nothing is deposited, and who has no ether cannot ask for points."""

    @pytest.fixture
    def options(self, tmp_path):
        return Options(Points(), tmp_path / "deployments")

    def test_refund__model_agrees__points_are_earned_when_others_may_ask_for_them(self, start, entry, deployed, rpc):
        sponsor = start()
        thought = [deployed.contract.call("predict", bytes.fromhex(entry(i)["sample"])) for i in range(4)]
        sponsor.take([entry(i, KEYS[0], thought[i]) for i in range(3)] + [entry(3, KEYS[1], 1 - thought[3])])
        while sponsor.work():
            pass
        added = deployed.contributions()
        right = [c for c in added if deployed.contract.call("predict", c.x) == c.label]
        assert 0 < len(right) < len(added) == 4
        rpc.rpc("evm_increaseTime", DAY)
        rpc.rpc("anvil_mine", "0x1")
        assert sponsor.refund() == 0  # only the contributor may, yet
        rpc.rpc("evm_increaseTime", DAY)
        rpc.rpc("anvil_mine", "0x1")

        assert sponsor.refund() == len(right)
        assert sponsor.counts() == {"accepted": len(added) - len(right), "returned": len(right)}
        for c in right:
            assert deployed.adapter.balance(deployed.paying, deployed.address, c.contributor) > 0
        assert deployed.adapter.balance(deployed.paying, deployed.address, sponsor.wallet.address) == 0
        assert sponsor.refund() == 0

    def test_refund__many_large_samples__in_transactions_that_the_contract_takes(
        self, start, entry, deployed, rpc, monkeypatch
    ):
        sponsor = start()
        sponsor.take(
            [entry(i, y=deployed.contract.call("predict", bytes.fromhex(entry(i)["sample"]))) for i in range(5)]
        )
        while sponsor.work():
            pass
        rpc.rpc("evm_increaseTime", 2 * DAY)
        rpc.rpc("anvil_mine", "0x1")
        sent = []
        transact = deployed.paying.transact
        monkeypatch.setattr(
            deployed.paying, "transact", lambda *call, **more: sent.append(call[2]) or transact(*call, **more)
        )
        monkeypatch.setattr("comodels.sponsor.VALIDATED", 2)
        validated = sponsor.refund()
        assert sent == [2] * (validated // 2) + [1] * (validated % 2)
        assert validated > 2


def test_run__another_process_works_with_the_same_file__refused(start):
    one, other, stop = start(), start(), threading.Event()
    worker = threading.Thread(target=one.run, args=(stop,))
    worker.start()
    try:
        time.sleep(0.2)
        with pytest.raises(ComodelsError, match="Another sponsor's service works with"):
            other.run(stop)
    finally:
        stop.set()
        worker.join()


# ---- over HTTP -------------------------------------------------------------------------------------------------------


def test_service__exactly_the_same_again__gives_the_same_number(start, entry):
    """Whoever did not hear the answer may ask once more, also after it was sent."""
    sponsor = start()
    client = TestClient(application(sponsor), base_url="http://127.0.0.1")
    given = entry(1)
    first = client.post("/contributions", json=given).json()
    assert client.post("/contributions", json=given).json() == first == {"id": 1, "state": "queued"}
    sponsor.work()
    assert client.post("/contributions", json=given).json() == {"id": 1, "state": "accepted"}
    assert sponsor.counts() == {"accepted": 1}


def test_service__contribution__taken_followed_and_described(start, entry):
    sponsor = start()
    client = TestClient(application(sponsor), base_url="http://127.0.0.1")

    told = client.get("/").json()
    assert told["sponsor"] == sponsor.wallet.address
    assert told["classes"] == ["negative", "positive"]
    answer = client.post("/contributions", json=entry(1))
    assert (answer.status_code, answer.json()) == (202, {"id": 1, "state": "queued"})
    again = entry(1, deadline=int(time.time()) + 10**5)  # the same, signed anew
    several = client.post("/contributions", json=[again, entry(2)])
    assert several.json() == [{"error": "the same was taken before"}, {"id": 2, "state": "queued"}]
    assert client.post("/contributions", json=again).status_code == 422
    sponsor.work()
    assert client.get("/contributions/2").json()["state"] == "accepted"
    assert client.get("/contributions/99").status_code == 404
    assert set(client.get("/openapi.json").json()["paths"]) == {"/", "/contributions", "/contributions/{number}"}


def test_service__too_long_too_many_or_no_json__refused(start, entry):
    client = TestClient(application(start(), rate=Rate(0.001, 3)), base_url="http://127.0.0.1")

    assert client.post("/contributions", content=b"x" * (MAX_BODY + 1)).status_code == 413
    assert client.post("/contributions", content=b"{").status_code == 400
    assert client.post("/contributions", json=[{}] * 101).status_code == 400
    assert client.post("/contributions", json=[1]).status_code == 400
    assert client.post("/contributions", json=[]).status_code == 400
    assert client.post("/contributions", json=[{}] * 3).status_code == 202
    assert client.post("/contributions", json=entry(1)).status_code == 429


def test_service__foreign_host_or_origin__no_answer_for_them(start):
    client = TestClient(application(start(), origins=("http://page.example",)), base_url="http://127.0.0.1")

    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    assert "access-control-allow-origin" not in client.get("/", headers={"origin": "http://evil.example"}).headers
    allowed = client.get("/", headers={"origin": "http://page.example"}).headers
    assert allowed["access-control-allow-origin"] == "http://page.example"


def test_signed__of_an_entry__packs_as_the_library_signs(entry):
    made = entry(1)
    item = Signed(
        made["contributor"], bytes.fromhex(made["sample"]), 1, made["deadline"], bytes.fromhex(made["signature"])
    )

    assert len(item.pack()) == 30 + len(item.x) + 65


def test_typed_data__as_a_wallet_signs_it__is_what_the_contract_checks(deployed, contributor):
    """eth-account hashes what `eth_signTypedData_v4` is given by itself."""
    from eth_account.messages import _hash_eip191_message, encode_typed_data

    what = 31_337, deployed.paying.address, deployed.address, b"\0\1", 1, 3, str(contributor), 2_000_000_000, "good"
    consent = Consent(*what)

    assert _hash_eip191_message(encode_typed_data(full_message=consent.typed_data())) == consent.digest()


# ---- in JavaScript ---------------------------------------------------------------------------------------------------

EXAMPLE = ROOT / "docs" / "examples" / "sign.mjs"
DRIVER = """
import { became, contribute, keccak256 } from "%s";
const wallet = {
  async request({ method, params = [] }) {  // as a wallet in a browser answers, for a page that knows one account
    if (method === "eth_requestAccounts") return ["%s"];
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "content-type": "application/json" };
    return (await (await fetch("%s", { method: "POST", headers, body })).json()).result;
  },
};
const answer = await contribute("%s", wallet, "%s", 1);
console.log(JSON.stringify([answer, await became("%s", 1), keccak256("0x" + "a7".repeat(136))]));
"""


def test_example__signs_in_javascript_without_ether__taken_and_accepted(start, entry, deployed, rpc):
    import uvicorn

    sponsor, port = start(), free_port()
    account, url = to_checksum_address(rpc.accounts[9]), f"http://127.0.0.1:{port}"
    rpc.rpc("anvil_setBalance", account, "0x0")
    server = uvicorn.Server(uvicorn.Config(application(sponsor), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: answers(port))
    x = entry(1)["sample"]

    driver = DRIVER % (EXAMPLE.as_uri(), account, rpc.url, url, "0x" + x, url)
    command = ["node", "--input-type=module", "-e", driver]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    server.should_exit = True
    thread.join()
    assert done.stderr == ""
    answer, became, hash = json.loads(done.stdout)
    assert answer == {"id": 1, "state": "queued"}
    assert (became["state"], became["contributor"], became["label"]) == ("queued", account, 1)
    assert hash == "0x" + keccak(b"\xa7" * 136).hex()
    sponsor.work()
    (added,) = deployed.contributions()
    assert (added.contributor, added.x.hex(), added.label) == (account, x, 1)


def test_guide__example__is_the_file_that_is_tested():
    code = EXAMPLE.read_text()
    shown = code[code.index("// `sample`") : code.index("// queued")].rstrip()

    assert shown in (ROOT / "docs" / "sponsoring.md").read_text()


def test_guide__costs__are_those_that_were_measured():
    guide = (ROOT / "docs" / "sponsoring.md").read_text()
    gas = {row["action"]: row["gas"] for row in json.loads((ROOT / "gas.json").read_text())}
    signed = "add what others signed, a tenth disagreeing, each"
    first_refund = "refund what others signed: a slot more, so that it counts once, each"

    for action in (
        f"batch of 100: {signed}",
        f"batch of 20: {signed}",
        f"batch of 100: {first_refund}",
        "sparse 1,000 weights, 15 words: agree",
        "refund, 15 words, 1,000 weights",
    ):
        assert f"{round(gas[action], -2):,}" in guide, action


def test_guide__prices__are_those_of_the_twin():
    assert prices() in (ROOT / "docs" / "sponsoring.md").read_text()
