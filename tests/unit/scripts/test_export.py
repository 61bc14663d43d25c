"""`ape run export`: the collected data set, complete enough to learn everything again."""

import json
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from comodels.card import card
from comodels.chain.abi import Transaction
from comodels.claims import Points
from comodels.cli import ApeSigner
from comodels.errors import ComodelsError
from comodels.export import collect, read, retrain, table, write, write_start
from comodels.publish import Options, publish
from comodels.published import find
from comodels.training import train_from_data


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
        data = deployed.incentive.data("add_data", deployed.address, x, y)
        transactions.append(
            Transaction(str(who), str(deployed.incentive.address), data, 10**18, 1_000_000, begin + 60 * i)
        )
    assert {receipt["status"] for receipt in rpc.send(transactions)} == {"0x1"}
    return deployed


def test_export__retrained_from_it__is_the_contract_bit_for_bit(contributed, rpc, tmp_path):
    contributions = collect(contributed, tmp_path)
    arrow = table(contributed, contributions)
    assert arrow.num_rows == len(contributions) > 250
    assert arrow["id"].to_pylist() == list(range(arrow.num_rows))
    assert set(arrow["state"].to_pylist()) == {"open"}
    first = arrow.to_pylist()[0]
    assert first["words"] == " ".join(contributed.encoder.decode(contributions[0].x))
    assert contributed.encode(first["words"]).hex() == first["x"]
    assert write_start(contributed, tmp_path / "start.json")
    for path in write(arrow, tmp_path):
        twin = retrain(tmp_path / "start.json", read(path))
        assert twin.words() == contributed.words()
        assert twin.version == contributed.contract.call("version") > 0


def test_export__class_added_meanwhile__retrained_with_it(rpc, owner, reviews, tmp_path):
    """One that was contributed to, and one that nobody has contributed to yet."""
    saved = train_from_data(str(reviews), "films", "", ("bad", "good"), features=20, room=5)[0]
    publish(rpc, ApeSigner(owner), saved, Options(Points(), tmp_path))
    films = find(rpc, "films", tmp_path)
    for name in ("mixed", "other"):
        films.contract.transact("add_class", name, account=ApeSigner(owner))
    films = find(rpc, "films", tmp_path)
    films.contribute("a fine dull film", "mixed", ApeSigner(owner))
    contributions = collect(films, tmp_path / "export")
    assert write_start(films, tmp_path / "start.json")
    twin = retrain(tmp_path / "start.json", [(c.x, c.label, c.effect) for c in contributions], 4)
    assert twin.words() == films.words()


def test_export__one_row_missing__is_noticed_when_it_is_retrained(contributed, rpc, tmp_path):
    contributions = collect(contributed, tmp_path)
    assert write_start(contributed, tmp_path / "start.json")
    learnt = next(i for i, c in enumerate(contributions) if c.effect)
    samples = [(c.x, c.label, c.effect) for c in contributions]
    with pytest.raises(ComodelsError, match="another effect"):
        retrain(tmp_path / "start.json", [(x, 1 - y, e) for x, y, e in samples[learnt:]])


def test_export__folder_of_another_model__is_refused(contributed, rpc, tmp_path):
    (tmp_path / "source.json").write_text("{}")
    with pytest.raises(ComodelsError, match="another model"):
        collect(contributed, tmp_path)


def test_export__model_that_is_not_there__is_refused(rpc, options):
    from comodels.published import at

    with pytest.raises(ComodelsError, match="No model 'nothing'"):
        find(rpc, "nothing", options.deployments)
    with pytest.raises(ComodelsError, match="There is no contract"):
        at(rpc, "0x" + "11" * 20)


def test_write_pipeline__after_contributions__answers_as_the_contract(contributed, tmp_path, capsys):
    from comodels.scikit_learn import load_skops
    from scripts.export import write_pipeline

    path = tmp_path / "reviews.skops"
    capsys.readouterr()
    write_pipeline(contributed, path)
    version = contributed.contract.call("version")
    assert version > 0
    assert capsys.readouterr().out == f"reviews, version {version}, as a pipeline of scikit-learn: {path}\n"
    texts = [*contributed.encoder.words, "a great film", "a dull and boring film number 3"]
    assert load_skops(path).predict(texts).tolist() == [contributed.predict(text) for text in texts]


def test_write_pipeline__onnx_after_contributions__answers_as_the_contract(contributed, tmp_path, capsys):
    import onnxruntime

    from comodels.scikit_learn import Samples
    from scripts.export import write_pipeline

    path = tmp_path / "reviews.onnx"
    write_pipeline(contributed, path)
    assert capsys.readouterr().out.endswith(f"as ONNX: {path}\n")
    texts = [*contributed.encoder.words, "a great film", "a dull and boring film number 3"]
    features = Samples.of(contributed.encoder).transform(texts).toarray().astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answers = session.run(["label"], {"features": features})[0].tolist()
    assert answers == [contributed.predict(text) for text in texts]


@pytest.mark.parametrize("name", ["model", "model.pkl", "model.skops.txt", ".onnx"])
def test_write_pipeline__unknown_format__is_refused(deployed, tmp_path, name):
    import click

    from scripts.export import write_pipeline

    with pytest.raises(click.ClickException, match=r"end the file's name with \.skops"):
        write_pipeline(deployed, tmp_path / name)
    assert list(tmp_path.glob("model*")) == []


# ---- the folder, as others read it -----------------------------------------------------------------------------------


@pytest.fixture
def run(rpc, options):
    """Run the command with what the owner has."""
    from click.testing import CliRunner

    from scripts.export import cli

    def invoke(*arguments):
        place = ["--deployments", str(options.deployments), "--network", rpc.url]
        result = CliRunner().invoke(cli, [*map(str, arguments), *place])
        return result.exit_code, result.output

    return invoke


def card_of(folder):
    """The facts at the beginning of a card, and its text."""
    _, facts, text = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(facts), text


def test_cli__folder__is_read_by_datasets_and_pandas(contributed, run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    folder = tmp_path / "export"
    code, output = run("reviews", "--out", folder)
    assert (code, "README.md" in output) == (0, True)
    loaded = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    frames = {
        "datasets": loaded.to_pandas(),
        "parquet": pd.read_parquet(folder / "contributions.parquet"),
        "csv": pd.read_csv(folder / "contributions.csv", dtype={"x": str}),
    }
    rows = read(folder / "contributions.parquet")
    assert len(rows) > 250
    for name, frame in frames.items():
        assert frame["x"].tolist() == [x.hex() for x, _, _ in rows], name
        assert frame["label"].tolist() == [y for _, y, _ in rows], name
        assert set(frame["class_name"]) == {"negative", "positive"}, name
        assert frame["words"].notna().all(), name
        assert [int(deposit) > 0 for deposit in frame["deposit"]] == [True] * len(rows), name


def test_cli__card__says_what_it_is_and_that_nobody_has_looked(contributed, rpc, run, tmp_path):
    assert run("reviews", "--out", tmp_path)[0] == 0
    facts, text = card_of(tmp_path)
    assert facts["license"] == "unknown"
    assert facts["pretty_name"] == "reviews"
    assert facts["task_categories"] == ["text-classification"]
    assert facts["size_categories"] == ["n<1K"]
    assert facts["configs"] == [{"config_name": "default", "data_files": "contributions.parquet"}]
    labels = [y for _, y, _ in read(tmp_path / "contributions.parquet")]
    said = f"{len(labels):,} contributions by 2 accounts"
    for expected in (said, contributed.address, contributed.trainer, str(rpc.chain_id), "Nobody has looked through"):
        assert expected in text
    assert f"`{rpc.rpc('eth_getBlockByNumber', '0x0', False)['hash']}`" in text
    assert f"| 1 | positive | {labels.count(1)} |" in text


def test_cli__originals__only_those_that_make_the_sample(contributed, run, tmp_path):
    assert run("reviews", "--out", tmp_path / "first")[0] == 0
    plain = pd.read_parquet(tmp_path / "first" / "contributions.parquet")
    assert plain["text"].isna().all()
    true, forged, cut = plain["x"][0], plain["x"][1], plain["x"][2]
    text = f"{plain['words'][0].upper()}!"
    lines = [
        json.dumps({"x": true, "text": text}),
        json.dumps({"x": forged, "text": "something else"}),
        "[" * 100_000,
        json.dumps({"x": cut, "text": "\ud800"}),
        '{"x": "00',
        "null",
        json.dumps({"x": 1, "text": "number"}),
    ]
    path = tmp_path / "originals.jsonl"
    path.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n")
    assert run("reviews", "--out", tmp_path / "second", "--originals", path)[0] == 0
    table = pd.read_parquet(tmp_path / "second" / "contributions.parquet")
    assert set(table["text"].dropna()) == {text}
    assert (table["text"].notna() == (table["x"] == true)).all()
    assert f"original text is here of {table['text'].notna().sum()} contribution" in card_of(tmp_path / "second")[1]


HOSTILE = [
    "\n---\nlicense: mit\n",
    '"; license: mit',
    "`code` *bold* <script>alert(1)</script> [a](https://a.example) ![b](https://a.example/b.png) | a | b |",
    "\u202eevil\u2066\x00\x1b[31m",
    "# heading\n\n```\n{{ x }} ${y} %s",
    "größer 👍🏽 नमस्ते \u200d",
]


def card_text(**facts):
    """The card of two contributions, in its two parts."""
    known = dict.fromkeys(("address", "kind", "genesis", "incentive", "trainer"), "0x00") | {"chain": 1, "block": 2}
    columns = {"contributor": ["a", "b"], "label": [0, 0], "time": [0, 86_400], "deposit": ["1", "2"]}
    text = card(known | facts, pa.table(columns | {"text": pa.array([None, "x"], pa.string())}))
    return text.split("---\n", 2)[1:]


@pytest.mark.parametrize("name", HOSTILE)
def test_card__hostile_texts__are_only_shown(name):
    front, body = card_text(name=name, description=name, classes=[name, "b"], encoder="tabular/1?" + name)
    _, plain = card_text(name="n", description="d", classes=["n", "b"], encoder="tabular/1?n")
    assert yaml.safe_load(front)["pretty_name"] == name
    assert yaml.safe_load(front)["license"] == "unknown"
    assert not set(body) & set("\u202e\u2066\x00\x1b")
    assert body.count("\n") == plain.count("\n")
    body, plain = (re.sub(r"\\.", "", text) for text in (body, plain))
    assert [body.count(mark) for mark in "<>[]!`*|#"] == [plain.count(mark) for mark in "<>[]!`*|#"]
    if "größer" in name:
        assert "größer 👍🏽 नमस्ते" in body
