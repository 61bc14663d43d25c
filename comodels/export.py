"""The data set that people collected in a model: read from the events, written as Parquet and CSV, and learnt again.

The columns:

    id            position among the model's contributions, from 0
    time          seconds since 1970 (UTC)
    contributor   address
    sponsor       address that paid: the contributor's, or that of who sent it for them
    label         class index; class_name is its name
    effect        what the contribution did to the model, see IModel
    deposit       wei
    state         when exported: open, validated (the model agreed) or settled (others took it)
    x             the sample as the contract got it, in hexadecimal
    features      sparse: indices of the features that are present; dense: values; a list, in CSV with spaces between
    words         decoded, where the encoder of a text is known: the words that the sample proves
    text          the original, where somebody kept it and the encoder makes this very sample of it
    block, log_index
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from comodels.chain.logs import Contribution, pages
from comodels.errors import ComodelsError
from comodels.models import twin_in, twin_of
from comodels.originals import makes
from comodels.published import words_of

COLUMNS = [
    *("id", "time", "contributor", "sponsor", "label", "class_name", "effect", "deposit", "state"),
    *("x", "features", "words", "text", "block", "log_index"),
]


def collect(model, folder: Path) -> list[Contribution]:
    """All contributions so far. Raises `ComodelsError` if the folder has the export of another model."""
    check_folder(folder, model)
    return model.contributions()


def check_folder(folder: Path, model) -> None:
    """Refuse to go on with an export of another model or another chain."""
    from encoders.files import write_atomically

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "source.json"
    source = {"model": model.address, "genesis": model.node.genesis}
    if not path.is_file():
        write_atomically(path, json.dumps(source))
    elif json.loads(path.read_bytes()) != source:
        raise ComodelsError(f"{folder} holds the export of another model: choose another --out, or delete it.")


def table(model, contributions: list[Contribution], originals: Mapping[bytes, str] = MappingProxyType({})):
    """The contributions as an Arrow table.

    Parameters
    ----------
    originals : mapping of bytes to str
        Texts by their samples, as `comodels.originals` reads them; none of them need be true.
    """
    import pyarrow as pa

    states = model.adapter.states(model.incentive, model.address, contributions)
    encoder = known_encoder(model)
    features = [features_of(c.x, model.kind) for c in contributions]
    words: list[str | None] = [None] * len(contributions)
    texts: list[str | None] = [None] * len(contributions)
    if encoder is not None and encoder.input_kind == "text":
        if encoder.unit is None:
            words = [" ".join(encoder.decode(c.x)) for c in contributions]
        said = {c.x: originals[c.x] for c in contributions if c.x in originals}
        proved = {x: text for x, text in said.items() if makes(encoder, text, x)}
        texts = [proved.get(c.x) for c in contributions]
    names = model.class_names
    values = {
        "id": pa.array([c.id for c in contributions], pa.int64()),
        "time": pa.array([c.time for c in contributions], pa.int64()),
        "contributor": pa.array([c.contributor for c in contributions], pa.string()),
        "sponsor": pa.array([c.sponsor for c in contributions], pa.string()),
        "label": pa.array([c.label for c in contributions], pa.int16()),
        "class_name": pa.array([names[c.label] for c in contributions], pa.string()),
        "effect": pa.array([c.effect for c in contributions], pa.int32()),
        "deposit": pa.array([c.deposit for c in contributions], pa.decimal128(38, 0)),
        "state": pa.array(states, pa.string()),
        "x": pa.array([c.x.hex() for c in contributions], pa.string()),
        "features": pa.array(features, pa.list_(pa.int32())),
        "words": pa.array(words, pa.string()),
        "text": pa.array(texts, pa.string()),
        "block": pa.array([c.block for c in contributions], pa.int64()),
        "log_index": pa.array([c.log_index for c in contributions], pa.int32()),
    }
    return pa.table({column: values[column] for column in COLUMNS})


def features_of(x: bytes, kind: str) -> list[int]:
    """A sample as numbers: indices for sparse models, values for dense ones."""
    import numpy as np

    dtype = ">u2" if twin_of(kind).SPARSE else "i1"
    return np.frombuffer(x, dtype).astype(int).tolist()


def known_encoder(model):
    """The model's encoder, or None where it is not at hand."""
    try:
        return model.encoder
    except ComodelsError:
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
    from comodels.chain.node import RpcError
    from encoders.files import write_atomically

    node, contract = model.node, model.contract
    try:
        found = pages(node, model.history.beginning, node.block, [contract.topics("Sealed")], contract.address)
        block = next(log for _, page in found for log in page)["blockNumber"]
        if contract.call_many("version", [()], block=block)[0]:
            block = hex(int(block, 16) - 1)  # it learnt in the same block: take the state before, if it is complete
        (count,) = contract.call_many("word_count", [()], block=block)  # classes may have been added since
        words = words_of(contract, count, block)
    except (RpcError, StopIteration):
        return False
    content = {
        "kind": model.kind,
        "parameters": hex(contract.call("parameters")),
        "words": [hex(word) for word in words],
    }
    write_atomically(path, json.dumps(content, indent=1) + "\n")
    return True


# ---- back ------------------------------------------------------------------------------------------------------------


def read(path: Path) -> list[tuple[bytes, int, int]]:
    """The samples, labels and effects of an export, in the order in which the model learnt them."""
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    if not path.is_file():
        raise ComodelsError(f"{path}: no such export. Make it with `ape run export MODEL`.")
    if path.suffix == ".csv":
        arrow = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types={"x": "string"}))
    else:
        arrow = parquet.read_table(path)
    rows = arrow.select(["id", "x", "label", "effect"]).to_pylist()
    return [(bytes.fromhex(r["x"]), r["label"], r["effect"]) for r in sorted(rows, key=lambda r: r["id"])]


def read_start(path: Path) -> Any:
    """The twin in the state that `write_start` wrote."""
    content = json.loads(path.read_bytes())
    return twin_in(content["kind"], int(content["parameters"], 16), [int(word, 16) for word in content["words"]])


def retrain(start: Path, samples: Iterable[tuple[bytes, int, int]], classes: int = 0):
    """The twin that learnt all samples of an export, from the state in the file that `write_start` wrote.

    `classes` is how many the model has in the end, if some were added that nobody has contributed to. When one was
    added does not matter: it counts for nothing before its first sample.

    Raises ComodelsError where a sample has another effect than it had on chain: then something is missing.
    """
    twin = read_start(start)
    for number, (x, y, effect) in enumerate(samples):
        while y >= twin.class_count:
            twin.add_class()
        if twin.update(x, y) != effect:
            raise ComodelsError(f"Contribution {number} has another effect than on chain: the export is incomplete.")
    while twin.class_count < classes:
        twin.add_class()
    return twin
