"""`ape run audit`, `export --clean` and `retrain`, on a model that an attacker contributed to."""

import re
from importlib import import_module

import numpy as np
import pytest
from click.testing import CliRunner

from comodels.audit import audit_model
from comodels.chain.abi import Transaction
from comodels.cli import ApeSigner
from comodels.errors import ComodelsError
from comodels.export import collect
from comodels.published import find
from comodels.registry import entries, index, registry_at, terms_given
from comodels.successor import learnt_anew, publish_next


@pytest.fixture
def attacked(deployed, rpc, contributor, stranger):
    """300 contributions: what the model knows, rightly by one account, wrongly by another."""
    generator = np.random.default_rng(0)
    words = deployed.encoder.words
    twin = deployed.twin()
    begin = rpc.time + 100
    seen, transactions = set(), []
    while len(transactions) < 300:
        x = deployed.encode(" ".join(generator.choice(words, 6)))
        low, high = twin.scores(x)
        if x in seen or abs(high - low) < 5:
            continue
        seen.add(x)
        bad = generator.random() < 0.3
        who, y = (stranger if bad else contributor), twin.predict(x) ^ bad
        data = deployed.incentive.data("add_data", deployed.address, x, int(y))
        time = begin + 60 * len(transactions)
        transactions.append(Transaction(str(who), str(deployed.incentive.address), data, 10**18, 1_000_000, time))
    assert {receipt["status"] for receipt in rpc.send(transactions)} == {"0x1"}
    return deployed


def test_retrain__attacked_model__next_version_is_published_and_named(attacked, owner, stranger, tmp_path, rpc):
    contributions = collect(attacked, tmp_path)
    found = audit_model(attacked, contributions)
    theirs = np.array([c.contributor == str(stranger) for c in contributions])
    assert (found.bad & theirs).sum() > 0.8 * theirs.sum()
    assert (found.bad & theirs).sum() > 0.8 * found.bad.sum()

    clean = [c for c, bad in zip(contributions, found.bad, strict=True) if not bad]
    saved, refused = learnt_anew(attacked, clean, "reviews 2", tmp_path)
    assert refused == 0
    with pytest.raises(ComodelsError, match="Only the owner"):
        publish_next(attacked, saved, ApeSigner(stranger))
    noted = publish_next(attacked, saved, ApeSigner(owner), lambda line: None)

    old, new = (find(rpc, name, attacked.deployments) for name in (attacked.address, "reviews 2"))
    assert new.address == noted["address"]
    assert (old.next, new.next) == (new.address, None)
    assert terms_given(new) == terms_given(old)
    assert new.words() == saved.words != old.words()
    assert new.encoder.spec == old.encoder.spec
    registry = registry_at(rpc, noted["registry"])
    listed = {m["address"]: m["next"] for m in index(registry, entries(registry, 10))["models"]}
    assert listed[old.address] == new.address
    assert listed[new.address] is None


def test_commands__attacked_model__say_what_is_bad_and_leave_it_out(attacked, chain, stranger, tmp_path):
    place = ["--deployments", str(attacked.deployments), "--network", chain.provider.uri, "--out", str(tmp_path)]

    def run(command, *arguments):
        result = CliRunner().invoke(import_module(f"scripts.{command}").cli, ["reviews", *arguments, *place])
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    said = run("audit")
    bad = int(re.search(r"(\d+) of 300 contributions are probably wrong, by the contributions alone", said)[1])
    assert 60 < bad < 120
    assert {"audit.csv", "accounts.csv", "audit.png"} <= {path.name for path in tmp_path.iterdir()}
    said = run("export", "--clean")
    assert f"{300 - bad} contributions ({bad} of 300 left out: probably wrong)" in said
    assert f"{bad} of 300 contributions are left out" in (tmp_path / "clean" / "README.md").read_text()
    left = (tmp_path / "clean" / "contributions.csv").read_text().splitlines()
    assert len(left) == 1 + 300 - bad
    assert sum(str(stranger) in line for line in left) < 0.2 * bad
