"""The data set that people collected in a model: read from the events, written as Parquet and CSV, and learnt again.

The columns:

    id            position among the model's contributions, from 0
    time          seconds since 1970 (UTC)
    contributor   address
    label         class index; class_name is its name
    effect        what the contribution did to the model, see IModel
    deposit       wei
    state         when exported: open, validated (the model agreed) or settled (others took it)
    x             the sample as the contract got it, in hexadecimal
    features      sparse: indices of the features that are present; dense: values; a list, in CSV with spaces between
    words         decoded, where the encoder of a text is known
    block, log_index
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from scripts import _models, _rpc
from scripts._rpc import Contribution

SEALED = "Sealed()"
COLUMNS = [
    *("id", "time", "contributor", "label", "class_name", "effect", "deposit", "state"),
    *("x", "features", "words", "block", "log_index"),
]


def collect(model, folder: Path, last: int, progress: Callable[[int], Any] = lambda blocks: None) -> list[Contribution]:
    """All contributions up to the block `last`, in pages that are kept in `folder`: what is there is not read again."""
    trainer = model.contract.trainer()
    pages = folder / "pages"
    pages.mkdir(parents=True, exist_ok=True)
    check_folder(folder, model)
    logs, first = [], 0
    for path in sorted(pages.glob("*.json")):
        begin, end = (int(part) for part in path.stem.split("-"))
        if begin != first or end > last:
            break
        logs += json.loads(path.read_bytes())
        first = end + 1
    progress(first)
    for end, page in _rpc.pages(model.node, first, last, _rpc.add_data_topics(model.address), trainer):
        if page:
            keep(pages / f"{first:012d}-{end:012d}.json", page)
            logs += page
            progress(end + 1 - first)
            first = end + 1
    progress(last + 1 - first)
    return [Contribution.from_log(log, number) for number, log in enumerate(logs)]


def keep(path: Path, logs: list[dict]) -> None:
    """Write what is needed of a page of logs, atomically."""
    from encoders.files import write_atomically

    fields = ("topics", "data", "blockNumber", "logIndex")
    write_atomically(path, json.dumps([{field: log[field] for field in fields} for log in logs]))


def check_folder(folder: Path, model) -> None:
    """Refuse to go on with an export of another model or another chain."""
    from encoders.files import write_atomically

    path = folder / "source.json"
    genesis = model.node.rpc("eth_getBlockByNumber", "0x0", False)["hash"]
    source = {"model": model.address, "genesis": genesis}
    if not path.is_file():
        write_atomically(path, json.dumps(source))
    elif json.loads(path.read_bytes()) != source:
        raise click.ClickException(f"{folder} holds the export of another model: choose another --out, or delete it.")


def table(model, contributions: list[Contribution]):
    """The contributions as an Arrow table."""
    import pyarrow as pa

    states = model.adapter.states(model.batched_incentive, model.address, contributions)
    encoder = known_encoder(model)
    features = [features_of(c.x, model.contract.kind()) for c in contributions]
    words = [None] * len(contributions)
    if encoder is not None and encoder.input_kind == "text" and encoder.unit is None:
        words = [" ".join(encoder.decode(c.x)) for c in contributions]
    names = model.class_names
    values = {
        "id": pa.array([c.id for c in contributions], pa.int64()),
        "time": pa.array([c.time for c in contributions], pa.int64()),
        "contributor": pa.array([c.contributor for c in contributions], pa.string()),
        "label": pa.array([c.label for c in contributions], pa.int16()),
        "class_name": pa.array([names[c.label] for c in contributions], pa.string()),
        "effect": pa.array([c.effect for c in contributions], pa.int16()),
        "deposit": pa.array([c.deposit for c in contributions], pa.decimal128(38, 0)),
        "state": pa.array(states, pa.string()),
        "x": pa.array([c.x.hex() for c in contributions], pa.string()),
        "features": pa.array(features, pa.list_(pa.int32())),
        "words": pa.array(words, pa.string()),
        "block": pa.array([c.block for c in contributions], pa.int64()),
        "log_index": pa.array([c.log_index for c in contributions], pa.int32()),
    }
    return pa.table({column: values[column] for column in COLUMNS})


def features_of(x: bytes, kind: str) -> list[int]:
    """A sample as numbers: indices for sparse models, values for dense ones."""
    import numpy as np

    dtype = ">u2" if _models.takes_words(kind) else "i1"
    return np.frombuffer(x, dtype).astype(int).tolist()


def known_encoder(model):
    """The model's encoder, or None where it is not at hand."""
    try:
        return model.encoder
    except click.ClickException:
        return None


def write(arrow, folder: Path) -> tuple[Path, Path]:
    """Write an Arrow table as Parquet and as CSV; returns the two paths."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    parquet_path, csv_path = folder / "contributions.parquet", folder / "contributions.csv"
    temporary = folder / ".export.tmp"
    parquet.write_table(arrow, temporary)
    temporary.replace(parquet_path)
    position = arrow.column_names.index("features")
    joined = pa.array([" ".join(map(str, row)) for row in arrow["features"].to_pylist()], pa.string())
    flat = arrow.set_column(position, "features", joined)
    deposit = arrow.column_names.index("deposit")
    flat = flat.set_column(deposit, "deposit", pc.cast(arrow["deposit"], pa.string()))
    csv.write_csv(flat, temporary)
    temporary.replace(csv_path)
    return parquet_path, csv_path


def write_start(model, path: Path) -> bool:
    """Write the state that the model had before it learnt; False if the node does not keep it."""
    from encoders.files import write_atomically
    from simulation.chain import RpcError

    node, address = model.node, model.address
    try:
        blocks = int(node.rpc("eth_blockNumber"), 16)
        log = next(log for _, page in _rpc.pages(node, 0, blocks, [topic_of(SEALED)], address) for log in page)
        block = log["blockNumber"]
        if int(call_at(model, block, "version"), 16):
            block = hex(int(block, 16) - 1)  # it learnt in the same block: take the state before, if it is complete
        count = model.contract.word_count()
        words = []
        for start in range(0, count, _models.LOAD_WORDS):
            words += words_at(model, block, start, min(_models.LOAD_WORDS, count - start))
    except (RpcError, StopIteration):
        return False
    content = {
        "kind": model.contract.kind(),
        "parameters": hex(model.contract.parameters()),
        "words": [hex(word) for word in words],
    }
    write_atomically(path, json.dumps(content, indent=1) + "\n")
    return True


def topic_of(event: str) -> str:
    from eth_utils import keccak

    return "0x" + keccak(text=event).hex()


def call_at(model, block: str, function: str, *arguments) -> str:
    call = {"to": model.address, "data": "0x" + model.batched.data(function, *arguments).hex()}
    return model.node.rpc("eth_call", call, block)


def words_at(model, block: str, start: int, count: int) -> list[int]:
    from eth_abi import decode

    return list(decode(["uint256[]"], bytes.fromhex(call_at(model, block, "words", start, count)[2:]))[0])


# ---- back ------------------------------------------------------------------------------------------------------------


def read(path: Path) -> list[tuple[bytes, int, int]]:
    """The samples, labels and effects of an export, in the order in which the model learnt them."""
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    if not path.is_file():
        raise click.ClickException(f"{path}: no such export. Make it with `ape run export MODEL`.")
    if path.suffix == ".csv":
        arrow = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types={"x": "string"}))
    else:
        arrow = parquet.read_table(path)
    rows = arrow.select(["id", "x", "label", "effect"]).to_pylist()
    return [(bytes.fromhex(r["x"]), r["label"], r["effect"]) for r in sorted(rows, key=lambda r: r["id"])]


def retrain(start: Path, samples: Iterable[tuple[bytes, int, int]]):
    """The twin that learnt all samples of an export, from the state in the file that `write_start` wrote.

    Raises click.ClickException where a sample has another effect than it had on chain: then something is missing.
    """
    content = json.loads(start.read_bytes())
    twin_class, parameters = _models.twin_class(content["kind"])
    twin = twin_class.from_words(
        parameters.unpack(int(content["parameters"], 16)), [int(word, 16) for word in content["words"]]
    )
    for number, (x, y, effect) in enumerate(samples):
        if twin.update(x, y) != effect:
            raise click.ClickException(
                f"Contribution {number} has another effect than on chain: the export is incomplete."
            )
    return twin
