"""`comodels.audit`: who brought what is wrong, in histories of which it is known."""

import csv
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from eth_utils import to_checksum_address

from comodels import keeper
from comodels.audit import account_rows, audit, beliefs, likely_first, matrix, write_csv
from comodels.chain.logs import Contribution
from comodels.claims import Claim
from comodels.dashboard import reading
from comodels.dashboard.incentives import base
from comodels.dashboard.reading import Readings, StillReading
from comodels.errors import ComodelsError
from comodels.keeper import Keeper
from comodels.models.naive_bayes import NaiveBayesParameters
from comodels.simulation.plot import audited

WORDS = 60


def history(seed: int, rows: int, share: float, attackers: int, honest: int = 10):
    """Samples of two classes that prefer other words; given labels, accounts, which are wrong, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, rows)
    odds = np.where(np.arange(WORDS) < WORDS // 2, 3.0, 1.0)
    samples = []
    for y in truth:
        p = odds if y else odds[::-1]
        samples.append(np.sort(rng.choice(WORDS, 8, replace=False, p=p / p.sum())).astype(">u2").tobytes())
    bad = rng.random(rows) < share
    accounts = [
        to_checksum_address("0x" + ("aa" * 19 + f"{a:02x}" if b else "bb" * 19 + f"{h:02x}"))
        for b, a, h in zip(bad, rng.integers(0, attackers, rows), rng.integers(0, honest, rows), strict=True)
    ]
    return samples, np.where(bad, 1 - truth, truth), accounts, bad, truth


@pytest.mark.parametrize(("share", "attackers"), [(0.1, 1), (0.3, 1), (0.3, 10)])
def test_audit__bad_accounts__are_found(share, attackers):
    samples, labels, accounts, bad, _ = history(1, 1_000, share, attackers)

    found = audit(matrix(samples, True, WORDS), labels, accounts)

    assert (found.bad & bad).sum() > 0.95 * bad.sum()
    assert (found.bad & bad).sum() > 0.95 * found.bad.sum()
    honesty = dict(zip(found.accounts, found.honesty, strict=True))
    assert max(h for a, h in honesty.items() if a.startswith("0xaa".lower()) or a[2:4].lower() == "aa") < 0.3
    assert min(h for a, h in honesty.items() if a[2:4].lower() == "bb") > 0.7


def test_audit__half_of_all_is_bad__the_owner_s_rows_decide():
    """Without them nobody can say which half is wrong, and the judgement may turn over."""
    samples, labels, accounts, bad, _ = history(2, 1_000, 0.5, 1, honest=1)
    known = history(3, 100, 0.0, 1)

    found = audit(matrix(samples, True, WORDS), labels, accounts, (matrix(known[0], True, WORDS), known[4]))

    assert (found.bad == bad).mean() > 0.9
    turned = (matrix(known[0], True, WORDS), 1 - known[4])
    assert (audit(matrix(samples, True, WORDS), labels, accounts, turned).bad == bad).mean() < 0.1


def test_audit__numbers__bad_rows_are_found():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, 900)
    centres = rng.normal(size=(3, 10)) * 60
    samples = np.clip(centres[truth] + rng.normal(size=(900, 10)) * 30, -128, 127).astype(np.int8)
    bad = rng.random(900) < 0.3
    labels = np.where(bad, (truth + 1) % 3, truth)
    accounts = [f"0x{'cd' * 19}{i % 7 + (100 if b else 0):02x}" for i, b in enumerate(bad)]

    packed = [row.tobytes() for row in samples]
    found = audit(matrix(packed, False, 10), labels, accounts)

    assert matrix(packed, False, 10).tolist() == samples.tolist()
    assert (found.bad == bad).mean() > 0.95


def test_audit__clean_history__hardly_anything_is_called_bad():
    samples, labels, accounts, _, _ = history(5, 1_000, 0.0, 1)

    assert audit(matrix(samples, True, WORDS), labels, accounts).bad.mean() < 0.02


def test_audit__same_seed__same_judgement():
    samples, labels, accounts, _, _ = history(6, 200, 0.2, 3)
    x = matrix(samples, True, WORDS)

    assert audit(x, labels, accounts).right.tolist() == audit(x, labels, accounts).right.tolist()


def test_audit__class_that_one_fold_lacks__is_judged():
    samples, labels, accounts, _, _ = history(7, 60, 0.0, 1)
    labels = labels.copy()
    labels[0] = 2  # once: the fold that asks about it has not seen it

    found = audit(matrix(samples, True, WORDS), labels, accounts)

    assert found.right[0] < 0.5


def test_audit__20000_contributions__take_less_than_a_minute():
    samples, labels, accounts, bad, _ = history(10, 20_000, 0.2, 20)
    begin = time.process_time()

    found = audit(matrix(samples, True, WORDS), labels, accounts)

    assert time.process_time() - begin < 60
    assert (found.bad == bad).mean() > 0.95


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [(9, [0, 1] * 4 + [0], "9 contributions are too few"), (12, [1] * 12, "All contributions have the same label")],
)
def test_audit__nothing_to_compare__is_refused(rows, labels, message):
    samples, _, accounts, _, _ = history(8, rows, 0.0, 1)

    with pytest.raises(ComodelsError, match=message):
        audit(matrix(samples, True, WORDS), labels, accounts)


def test_written__csv_and_picture__have_every_row_and_account(tmp_path):
    samples, labels, accounts, bad, _ = history(9, 300, 0.3, 2)
    contributions = [
        Contribution(i, a, a, int(y), 1, 1_000 + i, 0, x, i, 0)
        for i, (x, y, a) in enumerate(zip(samples, labels, accounts, strict=True))
    ]
    found = audit(matrix(samples, True, WORDS), labels, accounts)

    rows_path, accounts_path = write_csv(found, contributions, ["no", "yes"], tmp_path)
    picture = audited(found, "a model", tmp_path / "audit.png")

    rows = list(csv.DictReader(rows_path.open()))
    assert [r["verdict"] == "bad" for r in rows] == found.bad.tolist()
    assert [bytes.fromhex(r["x"]) for r in rows] == samples
    assert [r["class_name"] for r in rows] == [("no", "yes")[y] for y in labels]
    listed = list(csv.DictReader(accounts_path.open()))
    assert [(r["contributor"], int(r["contributions"])) for r in listed] == [(n, c) for n, c, *_ in account_rows(found)]
    assert sum(int(r["bad"]) for r in listed) == found.bad.sum() > 50
    assert int(listed[0]["bad"]) == max(int(r["bad"]) for r in listed)
    assert picture.read_bytes().startswith(b"\x89PNG")


# ---- where to look first ---------------------------------------------------------------------------------------------


def contributions_of(samples, labels, accounts, deposits=None):
    """As they stand on the chain, with ids that are not their positions."""
    deposits = [10**15] * len(labels) if deposits is None else deposits
    return [
        Contribution(7 + i, a, a, int(y), 0, 1_000, int(d), x, 1, i)
        for i, (x, y, a, d) in enumerate(zip(samples, labels, accounts, deposits, strict=True))
    ]


@pytest.fixture
def bad_model():
    """A model some of whose contributions are wrong, and which."""
    samples, labels, accounts, bad, _ = history(1, 400, 0.2, 1)
    given = contributions_of(samples, labels, accounts)
    parameters = NaiveBayesParameters(WORDS).pack()
    contract = SimpleNamespace(call=lambda function: {"parameters": parameters}[function])
    return SimpleNamespace(
        kind="NaiveBayes", parameters=parameters, contract=contract, contributions=lambda: given, name="bad"
    ), bad


def claim(action, contribution, amount=0, later=0):
    return Claim(action, amount, (), contribution, later=later)


def test_beliefs__by_id__are_the_audit_s(bad_model):
    model, bad = bad_model

    right = beliefs(model.kind, model.parameters, model.contributions())

    assert sorted(right) == [c.id for c in model.contributions()]
    assert np.mean([(right[c.id] < 0.5) == b for c, b in zip(model.contributions(), bad, strict=True)]) > 0.95


@pytest.mark.parametrize(("kind", "count"), [("NaiveBayes", 9), ("SomethingElse", 400)])
def test_beliefs__nothing_can_be_said__is_empty(bad_model, kind, count):
    model, _ = bad_model

    assert beliefs(kind, model.parameters, model.contributions()[:count]) == {}


def test_likely_first__reports_of_what_is_wrong_and_dear_come_first_after_refunds(bad_model):
    model, bad = bad_model
    given = model.contributions()
    wrong, right = (
        [c for c, b in zip(given, bad, strict=True) if b],
        [c for c, b in zip(given, bad, strict=True) if not b],
    )
    claims = [
        claim("report", right[0], 5),
        claim("report", wrong[0], 5),
        claim("flag", wrong[1], 0, later=50),
        claim("refund", right[1], 5),
    ]

    assert likely_first(model, claims) == [claims[3], claims[2], claims[1], claims[0]]


def test_likely_first__too_few_to_judge__the_dearest_comes_first(bad_model):
    model, _ = bad_model
    given = model.contributions()[:5]
    model.contributions = lambda: given
    claims = [claim("report", given[0], 1), claim("report", given[1], 3), claim("report", given[2], 2)]

    assert [c.amount for c in likely_first(model, claims)] == [3, 2, 1]


def test_keeper__reports__makes_the_most_promising_first(bad_model, monkeypatch):
    model, bad = bad_model
    due = [claim("report", c, 10**18) for c in model.contributions()[:60]]
    model.claims = lambda account, forgive: due
    model.prospects = lambda account: []
    model.adapter = SimpleNamespace(unit="ether")
    made = []
    monkeypatch.setattr(keeper, "gas_price", lambda node: SimpleNamespace(total=1))
    monkeypatch.setattr(keeper, "make", lambda model, claim, wallet, say: made.append(claim.contribution.id - 7))
    model.node = None

    Keeper(SimpleNamespace(address="0xkeeper", notes=None), [model], say=lambda line: None)._claim(model)

    count = int(bad[:60].sum())
    assert sorted(made) == list(range(60))
    assert bad[made[:count]].mean() > 0.9


def test_page__more_candidates_than_one_look__suspects_first_and_judged_again_only_for_many_more(
    bad_model, monkeypatch
):
    model, bad = bad_model
    model.address = "0xmodel"
    given = model.contributions()
    incentive, reader = base.Incentive("0xtrainer"), SimpleNamespace(readings=Readings())
    monkeypatch.setattr(reading, "PATIENCE", 60)
    judged = []
    monkeypatch.setattr(base, "beliefs", lambda *arguments: judged.append(1) or beliefs(*arguments))

    assert incentive._suspects_first(reader, model, given, given[: base.SCAN]) == given[: base.SCAN]
    assert not judged
    order = [c.id - 7 for c in incentive._suspects_first(reader, model, given[:380], given)]
    assert sorted(order) == list(range(400))
    assert bad[order[: int(bad.sum())]].mean() > 0.9
    assert [c.id - 7 for c in incentive._suspects_first(reader, model, given, given)] == order
    assert len(judged) == 1


def test_page__judging_takes_long__only_the_first_waits_and_others_have_what_was_believed(bad_model, monkeypatch):
    model, _ = bad_model
    model.address = "0xmodel"
    given = model.contributions()
    incentive, reader = base.Incentive("0xtrainer"), SimpleNamespace(readings=Readings())
    go_on, judged = threading.Event(), []

    def slow(kind, parameters, contributions):
        assert go_on.wait(60)
        judged.append(len(contributions))
        return {c.id: float(len(judged) > 1) for c in contributions[:200]}

    def order(count):
        return [c.id - 7 for c in incentive._suspects_first(reader, model, given[:count], given[:200])]

    monkeypatch.setattr(base, "beliefs", slow)
    with pytest.raises(StillReading) as told:
        order(200)
    assert told.value.share == 1.0
    go_on.set()
    monkeypatch.setattr(reading, "PATIENCE", 60)
    believed = order(200)
    assert judged == [200]  # not again for who asked while it went on
    go_on.clear()
    assert order(400) == believed  # at once, though all are judged anew
    go_on.set()
    while len(judged) < 2:
        time.sleep(0.01)
    reader.readings.wait((incentive.address, model.address), lambda task: None)
    assert incentive._believed[model.address] == (400, {c.id: 1.0 for c in given[:200]})
