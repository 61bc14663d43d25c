"""Models off chain: cards, addresses, twins, training, the files in which they are kept, and their encoders."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from scripts._common import DEPLOYMENTS
from simulation.training import DEFAULTS, default_values, prepare

# contract -> module and class of the twin; the class of the parameters is the twin's name and "Parameters"
TWINS = {
    "SparsePerceptron": ("simulation.perceptron", "SparsePerceptron"),
    "DensePerceptron": ("simulation.dense_perceptron", "DensePerceptron"),
    "SparseNearestCentroid": ("simulation.sparse_nearest_centroid", "SparseNearestCentroid"),
    "NearestCentroid": ("simulation.nearest_centroid", "NearestCentroid"),
    "NaiveBayes": ("simulation.naive_bayes", "NaiveBayes"),
    "MulticlassSparsePerceptron": ("simulation.multiclass_perceptron", "MulticlassSparsePerceptron"),
    "MulticlassDensePerceptron": ("simulation.multiclass_dense_perceptron", "MulticlassDensePerceptron"),
}

PUBLISH_WORDS = 256  # state words in the transaction that publishes, the most that the registry takes
LOAD_WORDS = 640  # state words in each further one, the most that the contracts take

# An EIP-1167 proxy around its address, and creation code that returns what follows it: contracts/modules/model.vy
RETURN_REST = bytes.fromhex("600b380380600b5f395ff3")
PROXY_HEAD = bytes.fromhex("363d3d373d3d3d363d73")
PROXY_TAIL = bytes.fromhex("5af43d82803e903d91602b57fd5bf3")


def twin_class(kind: str) -> tuple[type, type]:
    """The class of a kind's twin, and that of its parameters."""
    from importlib import import_module

    if kind not in TWINS:
        raise click.ClickException(f"There is no twin of {kind!r}; known are {', '.join(TWINS)}.")
    module_name, name = TWINS[kind]
    module = import_module(module_name)
    return getattr(module, name), getattr(module, f"{name}Parameters")


def takes_words(kind: str) -> bool:
    """Whether a kind's samples are sparse: indices of features, not a value for each."""
    return "Sparse" in kind or kind == "NaiveBayes"


def pack_card(name: str, description: str, encoder_spec: str, class_names: Sequence[str]) -> bytes:
    """What a model carries in its code: each text as its length (1 byte) and its UTF-8 bytes."""
    card = b""
    for text in (name, description, encoder_spec, *class_names):
        data = text.encode()
        if len(data) > 255:
            raise click.ClickException(f"A model keeps at most 255 bytes of each text: {text[:60]!r} has {len(data)}.")
        card += bytes([len(data)]) + data
    if not name:
        raise click.ClickException("A model needs a name.")
    if len(card) > 4_096:
        raise click.ClickException(
            f"A model keeps at most 4,096 bytes of texts, not {len(card):,}: shorten class names."
        )
    return card


def model_address(implementation: str, owner: str, trainer: str, parameters: int, card: bytes, salt: bytes) -> str:
    """Where a model will be: known before it is created (CREATE2)."""
    from eth_utils import keccak, to_checksum_address

    identity = parameters << 160 | int(trainer, 16)
    code = (
        RETURN_REST + PROXY_HEAD + bytes.fromhex(implementation[2:]) + PROXY_TAIL + identity.to_bytes(32, "big") + card
    )
    inner = keccak(bytes(12) + bytes.fromhex(owner[2:]) + salt)
    return to_checksum_address(keccak(b"\xff" + bytes.fromhex(implementation[2:]) + inner + keccak(code))[12:])


@dataclass(frozen=True)
class SavedModel:
    """A model that is ready to be published: `save` writes it with its encoder to one JSON file, `load` reads it.

    Attributes
    ----------
    kind : str
        Name of the contract.
    parameters : int
        Packed, as the contract takes them.
    words : list of int
        The state, as the contract's `load` takes it.
    encoder : encoders.Encoder
    """

    kind: str
    name: str
    description: str
    class_names: tuple[str, ...]
    parameters: int
    words: list[int]
    encoder: Any

    @property
    def card(self) -> bytes:
        return pack_card(self.name, self.description, self.encoder.spec, self.class_names)

    def twin(self):
        """The twin in this state."""
        twin, parameters = twin_class(self.kind)
        return twin.from_words(parameters.unpack(self.parameters), self.words)

    def save(self, path: Path) -> None:
        """Write it atomically: the model is described readably, the state in hexadecimal."""
        from encoders.files import write_atomically

        content = {
            "kind": self.kind,
            "name": self.name,
            "description": self.description,
            "classes": list(self.class_names),
            "parameters": hex(self.parameters),
            "words": [hex(word) for word in self.words],
            "encoder": {"spec": self.encoder.spec, "fitted": self.encoder.fitted},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> "SavedModel":
        """Read it. A file that is missing or broken is refused with a message."""
        if not path.is_file():
            raise click.ClickException(f"{path}: no such model file. Train one from data instead: --data FILE")
        try:
            content = json.loads(path.read_bytes())
            return cls(
                kind=content["kind"],
                name=content["name"],
                description=content["description"],
                class_names=tuple(content["classes"]),
                parameters=int(content["parameters"], 16),
                words=[int(word, 16) for word in content["words"]],
                encoder=encoder_from_content(content["encoder"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise click.ClickException(f"{path}: not a model file of this project ({error})") from error


def encoder_from_content(content: dict):
    """An encoder from the JSON that `Encoder.save` writes."""
    import tempfile

    from encoders import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return load(path)


# ---- encoders by spec -----------------------------------------------------------------------------------------------


def encoder_path(spec: str, folder: Path = DEPLOYMENTS) -> Path:
    """Where the encoder with a spec is kept: the file is named after the spec's hash."""
    return folder / "encoders" / f"{sha256(spec.encode()).hexdigest()[:32]}.json"


def save_encoder(encoder, folder: Path = DEPLOYMENTS) -> Path:
    """Keep an encoder, so that whoever meets its spec on chain can use it."""
    path = encoder_path(encoder.spec, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        encoder.save(path)
    return path


def find_encoder(spec: str, folder: Path = DEPLOYMENTS, file: Path | None = None):
    """The encoder that a model's spec names: from `file` if given, from the spec alone, or from the kept ones."""
    import encoders

    try:
        if file is not None:
            return encoders.load(file, spec)
        kept = encoder_path(spec, folder)
        if kept.is_file():
            return encoders.load(kept, spec)
        return encoders.from_spec(spec)
    except encoders.SpecError as error:
        hint = "" if file is not None else "\nName the file with --encoder: the model's owner has it."
        raise click.ClickException(f"{error}{hint}") from error


# ---- training -------------------------------------------------------------------------------------------------------


def fit_encoder(data, features: int = DEFAULTS.features):
    """An encoder for what `encoders.read_data` read: bag of words, tabular, or the main directions of pictures."""
    import encoders

    if data.input_kind == "text":
        return encoders.BagOfWords.fit(data.samples, features)
    if data.input_kind == "image":
        return encoders.ProjectedImage.fit(data.samples, min(64, features, len(data.samples)))
    return encoders.Tabular.fit(data.samples)


FAMILIES = ("perceptron", "nearest-centroid", "naive-bayes")


def family_of(kind: str) -> str:
    """The family of a kind, e.g. nearest-centroid of SparseNearestCentroid."""
    return {"NearestCentroid": FAMILIES[1], "SparseNearestCentroid": FAMILIES[1], "NaiveBayes": FAMILIES[2]}.get(
        kind, FAMILIES[0]
    )


def new_twin(
    encoder,
    rate: int | None = None,
    bias_rate: int | None = None,
    margin: int | None = None,
    family: str = "perceptron",
    classes: int = 2,
    room: int | None = None,
):
    """An untrained model of a family for an encoder's samples; rates and margin are for perceptrons.

    Parameters
    ----------
    room : int, optional
        The most classes that it can ever have; by default those that it has.
    """
    room = classes if room is None else room
    if room < classes:
        raise click.ClickException(f"There are {classes} classes already: --room must be at least that.")
    sparse = encoder.unit is None
    if family != "perceptron":
        return _new_counting_twin(encoder, family, classes, room)
    kind = f"{'Multiclass' if room > 2 else ''}{'Sparse' if sparse else 'Dense'}Perceptron"
    twin, parameters = twin_class(kind)
    values = default_values(parameters, encoder.n_features, room, encoder.unit, rate)
    values |= {name: value for name, value in (("bias_rate", bias_rate), ("margin", margin)) if value is not None}
    return twin(parameters(**values), **({"classes": classes} if "room" in values else {}))


def _new_counting_twin(encoder, family: str, classes: int, room: int):
    if encoder.unit is None:
        kinds = {"nearest-centroid": "SparseNearestCentroid", "naive-bayes": "NaiveBayes"}
        twin, parameters = twin_class(kinds[family])
        return twin(parameters(encoder.n_features, room=room), classes=classes)
    if family == "naive-bayes":
        raise click.ClickException("Naive Bayes counts words: for numbers use --family nearest-centroid.")
    twin, parameters = twin_class("NearestCentroid")
    sums = [[0] * encoder.n_features for _ in range(classes)]
    return twin(parameters(encoder.n_features, encoder.unit, room=room), sums)


def train_for(encoder, samples: Sequence[bytes], labels: Sequence[int], epochs=DEFAULTS.epochs, seed=0, **kind):
    """A trained model for an encoder's samples, with the parameters that it is to have on chain; see `new_twin`."""
    return prepare(new_twin(encoder, **kind), samples, labels, epochs, seed)


def accuracy(predictions: Sequence[int], labels: Sequence[int]) -> float:
    """The part of predictions that is right."""
    return sum(int(p) == int(y) for p, y in zip(predictions, labels, strict=True)) / len(labels)
