"""`ape run contribute --data`: a whole file, in batches, each sample once whatever happens."""

from collections import Counter

import pytest
from eth_account import Account
from eth_utils import keccak

from comodels import contribute as library
from comodels.batch import MAX_OWN_BYTES, pack_signed
from comodels.chain.account import MAX_GAS, Wallet
from comodels.chain.notes import Notes
from comodels.cli import ApeSigner
from comodels.contribute import contribute, next_batch, price, remaining, usual_price, wait_for_price
from comodels.errors import ComodelsError
from comodels.export import collect, table
from comodels.models.nearest_centroid import NearestCentroid, NearestCentroidParameters
from comodels.publish import publish
from comodels.published import encoded_rows, find
from comodels.saved import SavedModel
from comodels.signatures import Consent
from comodels.units import ether
from scripts.contribute import contribute_file
from tests.unit.scripts.conftest import BAD, GOOD, begin_market

DEAR = 10**18  # wei for each sample: no need to wait


@pytest.fixture
def sender(contributor):
    return ApeSigner(contributor)


@pytest.fixture
def file(tmp_path):
    """60 samples, three of them twice."""
    lines = ["label,text"]
    for i in range(57):
        words = GOOD if i % 2 else BAD
        lines.append(
            f"{'positive' if i % 2 else 'negative'},{words[i % 5]} {words[i * 3 % 5]} film {i % 7} and {i % 4}"
        )
    path = tmp_path / "more.csv"
    path.write_text("\n".join([*lines, *lines[1:4]]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def rows(deployed, file):
    return list(dict.fromkeys(encoded_rows(deployed, file, print)))


def test_contribute__file__every_sample_once_and_counted(deployed, sender, rows):
    told = []

    result = contribute(deployed, sender, [*rows, rows[0]], DEAR, told.append)

    added = deployed.contributions()
    assert [(c.x, c.label) for c in added] == rows
    assert {c.contributor for c in added} == {c.sponsor for c in added} == {sender.address}
    assert (result.accepted, result.skipped) == (len(rows), Counter())
    assert result.learnt == sum(c.effect > 0 for c in added)
    assert result.deposit == sum(c.deposit for c in added) == deployed.node.balance(deployed.incentive.address)
    assert sum(told) == len(rows) + 1
    assert len(result.transactions) == 1
    assert remaining(deployed, sender.address, rows) == []


def test_contribute__interrupted__goes_on_and_sends_nothing_twice(deployed, sender, rows, monkeypatch):
    monkeypatch.setattr(library, "next_batch", lambda model, who, left: next_batch(model, who, left, 7))

    def stop(count):
        stop.seen += count
        if stop.seen >= 14:
            raise KeyboardInterrupt

    stop.seen = 0
    with pytest.raises(KeyboardInterrupt):
        contribute(deployed, sender, rows, DEAR, stop)
    assert len(deployed.contributions()) == 14

    result = contribute(deployed, sender, rows, DEAR)

    assert result.accepted == len(rows) - 14
    assert [(c.x, c.label) for c in deployed.contributions()] == rows


@pytest.mark.parametrize("reached", [False, True])
def test_contribute__killed_when_a_batch_was_signed__the_same_transaction_before_anything_else(
    deployed, sender, rows, tmp_path, monkeypatch, reached
):
    """Also where the next batch would be another one."""

    class Killed(BaseException):
        pass

    node = type(deployed.node)
    send_raw, sent = node.send_raw, []

    def killed(self, raw):
        sent.append(raw)
        if reached:
            send_raw(self, raw)
        raise Killed

    def noted(self, raw):
        sent.append(raw)
        return send_raw(self, raw)

    def wallet():
        return Wallet(sender, Notes(tmp_path / "notes.sent"))

    monkeypatch.setattr(node, "send_raw", killed)
    with pytest.raises(Killed):
        contribute(deployed, wallet(), rows[:20], DEAR)
    monkeypatch.setattr(node, "send_raw", noted)
    monkeypatch.setattr(library, "next_batch", lambda model, who, left: next_batch(model, who, left, 7))
    again = wallet()

    result = contribute(deployed, again, rows, DEAR)

    assert [(c.x, c.label) for c in deployed.contributions()] == rows
    assert result.accepted == len(rows) - 20
    if not reached:
        assert sent[1] == sent[0]
    assert len(set(sent)) == 1 + len(result.transactions)
    again.notes.told()
    assert Notes(tmp_path / "notes.sent").waiting == []


def test_contribute__what_the_contract_refuses__skipped_with_its_reason(deployed, sender, rows):
    result = contribute(deployed, sender, [rows[0], (b"", 0), (rows[1][0], 77), rows[2]], DEAR)

    assert result.accepted == 2
    assert sum(result.skipped.values()) == 2
    assert all(result.skipped)


def test_contribute__too_dear__waits_until_it_is_not(deployed, sender, rows, rpc, monkeypatch):
    contribute(deployed, sender, rows[:2], DEAR)
    most = usual_price(deployed, 5)
    assert price(deployed, 5) > most
    said, waits = [], []

    def sleep(seconds):
        waits.append(seconds)
        rpc.rpc("evm_increaseTime", 1_000)
        rpc.rpc("anvil_mine", "0x1")

    monkeypatch.setattr(library.time, "sleep", sleep)

    wait_for_price(deployed, 5, most, said.append)

    assert price(deployed, 5) <= most
    assert 3 <= len(waits) <= 4
    assert len(said) == 1


def test_next_batch__many_small_samples__as_many_as_the_bytes_allow(deployed, sender, rows):
    many = [(i.to_bytes(2, "big") * 30, i % 2) for i in range(300)]  # malformed, but of a length

    part, _ = next_batch(deployed, sender.address, many, 1_000)

    assert len(part) == MAX_OWN_BYTES // 63


def test_next_batch__largest_samples__below_the_most_gas_of_a_transaction(rpc, signer, sender, options):
    """2,048 features in 10 classes: what the contract takes at most, and each sample changes a whole class."""
    import encoders

    n = 2_048
    twin = NearestCentroid(NearestCentroidParameters(n, 127, room=2), [[1] * n] * 2, [1, 1])
    saved = SavedModel(
        twin.KIND, "wide", "", ("no", "yes"), twin.parameters.pack(), twin.words(), encoders.HashedWords(16)
    )
    publish(rpc, signer, saved, options)
    model = find(rpc, "wide", options.deployments)
    samples = []
    for i in range(6):
        values = bytearray(n)
        values[i] = 127
        samples.append((bytes(values), i % 2))

    part, gas = next_batch(model, sender.address, samples)

    assert 1 <= len(part) <= MAX_OWN_BYTES // (3 + n)
    assert gas < MAX_GAS
    assert contribute(model, sender, samples, DEAR).accepted == 6


def test_command__file__cost_before_and_result_after(deployed, sender, file, capsys, monkeypatch):
    contribute_file(deployed, sender, file, DEAR, True)
    assert deployed.contributions() == []
    assert "1 transactions of" in capsys.readouterr().out

    contribute_file(deployed, sender, file, DEAR, False)
    told = capsys.readouterr().out
    assert f"{len(deployed.contributions())} accepted" in told
    contribute_file(deployed, sender, file, DEAR, False)
    assert "0 of them not contributed" in capsys.readouterr().out


def test_export_and_claims__of_what_a_sponsor_sent__name_both_and_go_to_the_sponsor(
    deployed, sender, rows, rpc, tmp_path, stranger
):
    from eth_account import Account

    key = Account.from_key("0x" + "07" * 32)
    model, incentive = deployed.address, deployed.paying
    what = deployed.node.chain_id, incentive.address, model
    x, y = next((x, y) for x, y in rows if deployed.contract.call("predict", x) == y)
    item = Consent(*what, x, y, 0, sender.address, rpc.time + 10**6, deployed.class_names[y]).sign(key)
    incentive.transact("add_signed", model, 1, pack_signed([item]), account=sender, value=DEAR)

    arrow = table(deployed, collect(deployed, tmp_path))
    row = arrow.to_pylist()[0]
    assert (row["contributor"], row["sponsor"], row["state"]) == (key.address, sender.address, "open")

    assert [p.contribution.contributor for p in deployed.prospects(sender.address)][0] == key.address
    rpc.rpc("evm_increaseTime", 86_400)
    rpc.rpc("anvil_mine", "0x1")
    (claim,) = deployed.claims(sender.address)
    assert (claim.action, claim.amount, claim.payee(sender.address)) == ("refund", row["deposit"], sender.address)
    deployed.claim(claim, sender)
    assert incentive.call("validated_of", model, key.address) == 1
    assert incentive.call("round_of", model, key.address, sender.address, keccak(x), y) == 1
    arrow = table(deployed, collect(deployed, tmp_path))
    assert arrow["state"].to_pylist() == ["validated"]
    assert deployed.claims(sender.address) == []


# ---- markets ---------------------------------------------------------------------------------------------------------


def test_contribute__market__in_batches_at_the_stake_and_stops_when_it_is_full(
    bounty, rpc, signer, sender, file, capsys
):
    rows = list(dict.fromkeys(encoded_rows(bounty, file, print)))
    driver, _ = begin_market(bounty, rpc, signer, rows, most=5)
    assert price(bounty, 20) == usual_price(bounty, 20) == 10**15
    with pytest.raises(ComodelsError, match="at most 1 shall be deposited"):
        wait_for_price(bounty, 5, 1)

    contribute_file(bounty, sender, file, None, False)

    told = capsys.readouterr().out
    added = bounty.contributions()
    assert f" 5 of them changed the model; deposits of {ether(5 * 10**15)}" in told
    assert "skipped: prediction-market: full" in told
    assert sum(c.effect > 0 for c in added) == driver.view().contributions == 5
    assert rpc.balance(bounty.incentive.address) == driver.view().plan.total + 5 * 10**15
    with pytest.raises(ComodelsError, match="is full"):
        contribute_file(bounty, sender, file, None, False)


def test_driver__market_of_own_and_sponsored_batches__everybody_is_paid_and_told(
    bounty, rpc, signer, sender, file, stranger, tmp_path
):
    """Several events in one transaction, two kinds of payers: scored, settled and withdrawn by the usual tools."""
    rows = list(dict.fromkeys(encoded_rows(bounty, file, print)))
    driver, secret = begin_market(bounty, rpc, signer, rows, most=40)
    driver.secret, driver.path = secret, tmp_path / "secret"
    secret.save(driver.path)
    key = Account.from_key("0x" + "07" * 32)
    contribute(bounty, sender, rows[:20])
    what = rpc.chain_id, bounty.incentive.address, bounty.address
    names = bounty.class_names
    items = [
        Consent(*what, x, 1 - y, 0, str(stranger), rpc.time + 3_600, names[1 - y]).sign(key) for x, y in rows[20:30]
    ]  # wrong labels, which have an effect
    bounty.incentive.transact(
        "add_signed",
        bounty.address,
        len(items),
        pack_signed(items),
        account=ApeSigner(stranger),
        value=len(items) * 10**15,
    )
    stakes = driver.stakes(driver.view())
    assert {(s.contributor, s.sponsor) for s in stakes} == {
        (sender.address, sender.address),
        (key.address, str(stranger)),
    }
    before = {a: rpc.balance(a) for a in (sender.address, str(stranger), key.address)}
    rpc.rpc("evm_increaseTime", 3_600)
    rpc.rpc("anvil_mine", "0x1")
    for step in ("close", "reveal", "check", "score", "settle"):
        getattr(driver, step)()
    due = driver.payouts(driver.view())
    claims = {a: bounty.claims(a) for a in before}
    assert {a: sum(c.amount for c in claims[a]) for a in before} == {a: sum(p.to(a) for p in due) for a in before}
    assert all(c.payee(a) == a for a in before for c in claims[a])

    driver.withdraw()

    assert {a: rpc.balance(a) - before[a] for a in before} == {a: sum(p.to(a) for p in due) for a in before}
    lines = "\n".join(driver.ending())
    assert f"{stranger} paid in" in lines
    assert driver.payouts(driver.view()) == []
    assert rpc.balance(bounty.incentive.address) == 0
    arrow = table(bounty, collect(bounty, tmp_path))
    assert set(zip(arrow["contributor"].to_pylist(), arrow["sponsor"].to_pylist(), strict=True)) == {
        (sender.address, sender.address),
        (key.address, str(stranger)),
    }
