"""Models off chain: cards, addresses, twins, training, the files in which they are kept, and their encoders."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from comodels import places
from comodels.chain.node import Node
from comodels.errors import ComodelsError
from comodels.journal import DEPLOYMENTS
from comodels.models import FAMILY, choose_twin, twin_in
from comodels.models.base import Twin
from comodels.models.falling import largest_fall
from comodels.models.training import DEFAULTS, prepare, untrained
from comodels.revert import Revert
from comodels.wire import RETURN_REST, clone_code, pack_card
from encoders.files import read_json
from encoders.spec import split_places, with_places

PUBLISH_WORDS = 256  # state words in the transaction that publishes, the most that the registry takes
LOAD_WORDS = 640  # state words in each further one, the most that the contracts take


def model_address(
    implementation: str,
    creator: str,
    owner: str,
    trainer: str,
    terms: bytes,
    parameters: int,
    card: bytes,
    words: Sequence[int],
    sealed: bool,
    salt: bytes,
) -> str:
    """Where a model will be: known before it is created (CREATE2), and nobody else can take it.

    Parameters
    ----------
    creator : str
        Who calls the implementation: the registry, for a model that is published through it.
    words : sequence of int
        The first words of the state, those that it is created with.
    """
    from eth_abi import encode
    from eth_utils import keccak, to_checksum_address

    call = keccak(text="initialize(address,bytes,uint256[],bool)")[:4] + encode(
        ["address", "bytes", "uint256[]", "bool"], [owner, terms, list(words), sealed]
    )
    inner = keccak(encode(["address", "bytes32", "bytes32"], [creator, keccak(call), salt]))
    code = RETURN_REST + clone_code(implementation, trainer, parameters, card)
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
    places : tuple of str
        Where the encoder's file is for others, see `comodels.places`.
    """

    kind: str
    name: str
    description: str
    class_names: tuple[str, ...]
    parameters: int
    words: list[int]
    encoder: Any
    places: tuple[str, ...] = ()

    @classmethod
    def of(cls, twin: Any, encoder: Any, name: str, description: str, class_names: Sequence[str]) -> "SavedModel":
        """A twin as it is now, with the encoder of its samples."""
        parameters = twin.parameters.pack()
        return cls(twin.KIND, name, description, tuple(class_names), parameters, twin.words(), encoder)

    @property
    def encoder_spec(self) -> str:
        """The encoder's spec as the model has it on chain, with the places."""
        return with_places(self.encoder.spec, self.places)

    @property
    def card(self) -> bytes:
        return pack_card(self.name, self.description, self.encoder_spec, self.class_names)

    def twin(self) -> Twin:
        """The twin in this state."""
        return twin_in(self.kind, self.parameters, self.words)

    def check(self) -> None:
        """Raise `ComodelsError` if the contract would refuse the model: its texts, classes, parameters or state."""
        if not all(self.class_names) or len(set(self.class_names)) < len(self.class_names):
            raise ComodelsError(f"Each class needs a name of its own: {', '.join(map(repr, self.class_names))[:200]}.")
        _ = self.card
        try:
            twin = self.twin()
            same = twin.words() == self.words and twin.class_count == len(self.class_names)
        except (Revert, ValueError, IndexError, OverflowError, struct.error) as error:
            raise ComodelsError(f"The contract would refuse this {self.kind}: {error}.") from error
        if not same:
            raise ComodelsError(
                f"This is not the state of a {self.kind} with these parameters and {len(self.class_names)} classes: "
                "train it again."
            )

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
            "places": list(self.places),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> "SavedModel":
        """Read it. A file that is missing or broken is refused with a message."""
        if not path.is_file():
            raise ComodelsError(f"{path}: no such model file. Train one from data instead: --data FILE")
        try:
            content = read_json(path.read_bytes())
            return cls(
                kind=content["kind"],
                name=content["name"],
                description=content["description"],
                class_names=tuple(content["classes"]),
                parameters=int(content["parameters"], 16),
                words=[int(word, 16) for word in content["words"]],
                encoder=encoder_from_content(content["encoder"]),
                places=tuple(content.get("places", ())),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ComodelsError(f"{path}: not a model file of this project ({error})") from error


def encoder_from_content(content: dict):
    """An encoder from the JSON that `Encoder.save` writes."""
    import tempfile

    from encoders import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return load(path)


def publish_arguments(model: SavedModel, noted: dict) -> tuple:
    """What the registry's `publish` is told about a model that is planned."""
    first = model.words[:PUBLISH_WORDS]
    return (
        noted["implementation"],
        noted["trainer"],
        bytes.fromhex(noted["terms"][2:]),
        model.parameters,
        model.card,
        first,
        len(first) == len(model.words),
        bytes.fromhex(noted["salt"][2:]),
    )


def planned_address(noted: dict, model: SavedModel) -> str:
    """Where a model will be that is published as it is noted."""
    implementation, *arguments = publish_arguments(model, noted)
    return model_address(implementation, noted["registry"], noted["owner"], *arguments)


# ---- encoders by spec -----------------------------------------------------------------------------------------------


def encoder_path(spec: str, folder: Path = DEPLOYMENTS) -> Path:
    """Where the encoder with a spec is kept: the file is named after the spec's hash, places left out."""
    return folder / "encoders" / f"{sha256(split_places(spec)[0].encode()).hexdigest()[:32]}.json"


def save_encoder(encoder, folder: Path = DEPLOYMENTS) -> Path:
    """Keep an encoder, so that whoever meets its spec on chain can use it."""
    path = encoder_path(encoder.spec, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        encoder.save(path)
    return path


MAX_FILE = 100_000_000
"""Bytes of an encoder's file that is imported: the largest projection of pictures has 8 million numbers."""


def import_encoder(file: Path, spec: str, folder: Path = DEPLOYMENTS) -> Path:
    """Keep an encoder from a file that somebody gave; where it is kept.

    Raises
    ------
    ComodelsError
        If it is too large, or not the encoder that `spec` names.
    """
    if file.is_file() and file.stat().st_size > MAX_FILE:
        raise ComodelsError(f"{file} has more than {MAX_FILE:,} bytes: it is no encoder's file.")
    return keep_encoder(find_encoder(spec, folder, file), folder)


def keep_encoder(encoder, folder: Path = DEPLOYMENTS) -> Path:
    """Keep an encoder, also over a file that was damaged; where it is kept."""
    path = encoder_path(encoder.spec, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoder.save(path)
    return path


def find_encoder(spec: str, folder: Path = DEPLOYMENTS, file: Path | None = None, node: Node | None = None):
    """The encoder that a model's spec names.

    From `file` if given; or else one that is kept, or of the spec alone; or, where the model's `node` is given, from
    the places that the spec names: what is found there is kept.
    """
    import encoders

    try:
        if file is not None:
            return encoders.load(file, spec)
        kept = encoder_path(spec, folder)
        if kept.is_file():
            return encoders.load(kept, spec)
        encoder_spec, named = split_places(spec)
        if not named or node is None:
            return encoders.from_spec(encoder_spec)
    except encoders.SpecError as error:
        hint = "\nThe model's owner has its file: keep it with `ape run encoder import`, or name it with --encoder."
        raise ComodelsError(f"{error}{'' if file is not None else hint}") from error
    encoder = places.read(spec, node)
    keep_encoder(encoder, folder)
    return encoder


# ---- training -------------------------------------------------------------------------------------------------------


def fit_encoder(data, features: int = DEFAULTS.features, telling: bool = False):
    """An encoder for what `encoders.read_data` read: bag of words, tabular, or the main directions of pictures.

    Parameters
    ----------
    telling : bool
        Whether words are those that tell the classes apart best, instead of the most frequent ones.
    """
    import encoders

    if data.input_kind == "text":
        return encoders.BagOfWords.fit(data.samples, features, data.labels if telling else None)
    if data.input_kind == "image":
        return encoders.ProjectedImage.fit(data.samples, min(64, features, len(data.samples)))
    return encoders.Tabular.fit(data.samples)


def new_twin(
    encoder,
    rate: int | None = None,
    bias_rate: int | None = None,
    margin: int | None = None,
    family: str = FAMILY,
    classes: int = 2,
    room: int | None = None,
    fall: int = 0,
):
    """An untrained model of a family for an encoder's samples; rates are for perceptrons, a margin for naive Bayes too.

    A fall is for perceptrons on numbers.

    Parameters
    ----------
    room : int, optional
        The most classes that it can ever have; by default those that it has.
    """
    room = classes if room is None else room
    if room < classes:
        raise ComodelsError(f"There are {classes} classes already: --room must be at least that.")
    form = encoder.n_features, classes, encoder.unit, room
    twin = choose_twin(family, encoder.unit is None, room)
    return untrained(twin, *form, rate=rate, bias_rate=bias_rate, margin=margin, fall=fall)


def train_for(
    encoder,
    samples: Sequence[bytes],
    labels: Sequence[int],
    epochs: int = DEFAULTS.epochs,
    seed: int = 0,
    fall: int | None = None,
    **kind,
):
    """A trained model for an encoder's samples, with the parameters that it is to have on chain; see `new_twin`.

    Unless told otherwise, the rate of a perceptron on numbers falls where nothing is learnt here: a model that is
    trained has a head start instead, see `prepare`.
    """
    usual = 0 if epochs and len(samples) else largest_fall(kind.get("rate") or DEFAULTS.rate, DEFAULTS.dense_fall)
    twin = new_twin(encoder, **kind, fall=usual if fall is None else fall)
    if fall and not hasattr(twin.parameters, "fall"):
        raise ComodelsError(
            "--fall is for perceptrons on numbers, and this model has no rate that falls: leave it out."
        )
    return prepare(twin, samples, labels, epochs, seed)


def accuracy(predictions: Sequence[int], labels: Sequence[int]) -> float:
    """The part of predictions that is right."""
    return sum(int(p) == int(y) for p, y in zip(predictions, labels, strict=True)) / len(labels)
