"""`ape run export`: the collected data set, complete enough to learn everything again."""

import click
import numpy as np
import pytest

from scripts import _export
from scripts._publish import words_of
from simulation.chain import Transaction


@pytest.fixture
def contributed(deployed, rpc, contributor, stranger):
    """300 contributions of random words by two accounts, some wrong; returns the model."""
    generator = np.random.default_rng(0)
    words = deployed.encoder.words
    begin = rpc.time + 100
    seen, transactions = set(), []
    for i in range(300):
        x = deployed.encode(" ".join(generator.choice(words, 4)))
        who, y = (contributor, stranger)[i % 2], int(generator.integers(2))
        if (who, x, y) in seen:
            continue
        seen.add((who, x, y))
        data = deployed.batched_incentive.data("add_data", deployed.address, x, y)
        transactions.append(
            Transaction(str(who), str(deployed.incentive.address), data, 10**18, 1_000_000, begin + 60 * i)
        )
    assert {receipt["status"] for receipt in rpc.send(transactions)} == {"0x1"}
    return deployed


def test_export__retrained_from_it__is_the_contract_bit_for_bit(contributed, rpc, tmp_path):
    last = int(rpc.rpc("eth_blockNumber"), 16)
    contributions = _export.collect(contributed, tmp_path, last)
    arrow = _export.table(contributed, contributions)
    assert arrow.num_rows == len(contributions) > 250
    assert arrow["id"].to_pylist() == list(range(arrow.num_rows))
    assert set(arrow["state"].to_pylist()) == {"open"}
    first = arrow.to_pylist()[0]
    assert first["words"] == " ".join(contributed.encoder.decode(contributions[0].x))
    assert contributed.encode(first["words"]).hex() == first["x"]
    assert _export.write_start(contributed, tmp_path / "start.json")
    for path in _export.write(arrow, tmp_path):
        twin = _export.retrain(tmp_path / "start.json", _export.read(path))
        assert twin.words() == words_of(contributed.contract, contributed.contract.word_count())
        assert twin.version == contributed.contract.version() > 0


def test_export__interrupted__goes_on_and_reads_nothing_twice(contributed, rpc, tmp_path, monkeypatch):
    last = int(rpc.rpc("eth_blockNumber"), 16)
    monkeypatch.setattr(_export._rpc, "PAGE", 50)
    whole = _export.collect(contributed, tmp_path / "whole", last)

    asked = []
    pages = _export._rpc.pages

    def some(node, first, *arguments):
        asked.append(first)
        for number, page in enumerate(pages(node, first, *arguments)):
            if len(asked) == 1 and number == 4:
                raise KeyboardInterrupt
            yield page

    monkeypatch.setattr(_export._rpc, "pages", some)
    with pytest.raises(KeyboardInterrupt):
        _export.collect(contributed, tmp_path / "resumed", last)
    assert _export.collect(contributed, tmp_path / "resumed", last) == whole
    assert asked[1] > asked[0]


def test_export__one_row_missing__is_noticed_when_it_is_retrained(contributed, rpc, tmp_path):
    contributions = _export.collect(contributed, tmp_path, int(rpc.rpc("eth_blockNumber"), 16))
    assert _export.write_start(contributed, tmp_path / "start.json")
    learnt = next(i for i, c in enumerate(contributions) if c.effect)
    samples = [(c.x, c.label, c.effect) for c in contributions]
    with pytest.raises(click.ClickException, match="another effect"):
        _export.retrain(tmp_path / "start.json", [(x, 1 - y, e) for x, y, e in samples[learnt:]])


def test_export__folder_of_another_model__is_refused(contributed, rpc, tmp_path):
    (tmp_path / "source.json").write_text("{}")
    with pytest.raises(click.ClickException, match="another model"):
        _export.collect(contributed, tmp_path, 1)


def test_export__model_that_is_not_there__is_refused(chain, options):
    from scripts._deployed import at, find

    with pytest.raises(click.ClickException, match="No model 'nothing'"):
        find(chain.provider, "nothing", options.deployments)
    with pytest.raises(click.ClickException, match="There is no contract"):
        at("0x" + "11" * 20)
