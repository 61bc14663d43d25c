"""From a data file to a model that is ready to be published, with a summary of it; nothing is sent here."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from comodels import saved as models
from comodels.ancestor import is_ancestor, read_ancestor
from comodels.chain.node import Node
from comodels.errors import ComodelsError
from comodels.journal import Journal
from comodels.models import FAMILY
from comodels.publish import wait_until_mined
from comodels.summary import Summary, encode, held_out_accuracy, summarise

WHY_MODEL = {
    "perceptron": "a perceptron, which learns from its mistakes",
    "levels": "a perceptron whose steps fall with each word's use",
    "nearest-centroid": "the mean of each class",
    "naive-bayes": "counts of words in each class",
}


def train_from_data(
    source: str,
    name: str,
    description: str = "",
    class_names: tuple[str, ...] | None = None,
    features: int = models.DEFAULTS.features,
    hashed: bool = False,
    telling: bool = False,
    epochs: int = models.DEFAULTS.epochs,
    label_column: str | None = None,
    text_column: str | None = None,
    incentive: str = "SelfAssessment",
    epsilon: float | None = None,
    **kind: Any,
) -> tuple[models.SavedModel, Summary]:
    """Fit an encoder to a data file, and train a model off chain.

    Parameters
    ----------
    source, class_names, label_column, text_column
        As `encoders.read_data` takes them.
    features, hashed, telling
        As `fit` takes them.
    incentive : str
        Name of the contract that the summary counts with.
    epsilon : float, optional
        Makes contributions private, each at this cost; for numbers and the nearest centroid. See docs/privacy.md.
    **kind
        As `comodels.saved.new_twin` takes it.

    Raises
    ------
    ComodelsError, encoders.EncoderError
        If nothing can be learnt from the data as they are, or a text is too long for the chain.
    """
    import encoders

    data = encoders.read_data(source, class_names, label_column, text_column)
    try:
        fitted = partial(fit, features=features, hashed=hashed, telling=telling)
        return train(data, fitted, name, description, epochs, incentive=incentive, epsilon=epsilon, **kind)
    except encoders.DataError as error:
        raise encoders.DataError(f"{source}: {error}") from error


def train(
    data: Any,
    fitted: Callable[[Any], tuple[Any, str]],
    name: str,
    description: str = "",
    epochs: int = models.DEFAULTS.epochs,
    incentive: str = "SelfAssessment",
    epsilon: float | None = None,
    **kind: Any,
) -> tuple[models.SavedModel, Summary]:
    """Train a model on data that were read, with an encoder that is fitted to them.

    Parameters
    ----------
    data : encoders.Data
    fitted : callable (encoders.Data) -> (encoders.Encoder, str)
        An encoder for data, or a part of them, and why this one.
    name, description, epochs, incentive, epsilon, **kind
        As `train_from_data` takes them.

    Raises
    ------
    ComodelsError, encoders.EncoderError
        If nothing can be learnt from the data as they are, or the contract would refuse the model.
    """
    encoder, why = fitted(data)
    samples, labels, classes = encode(data, encoder)
    kind["family"] = kind.get("family") or FAMILY

    def learn(encoder: Any, samples: list[bytes], labels: list[int]) -> Any:
        return models.train_for(encoder, samples, labels, epochs, classes=len(data.class_names), **kind)

    twin = learn(encoder, samples, labels)
    if epsilon is not None:
        encoder = _private(encoder, kind["family"], epsilon)
    model = models.SavedModel.of(twin, encoder, name, description, data.class_names)
    model.check()
    measured = held_out_accuracy(data, lambda part: fitted(part)[0], learn)
    family = kind["family"]
    several = f"{len(data.class_names)} classes of {'words' if encoder.unit is None else 'numbers'}"
    whys = why, f"{WHY_MODEL.get(family, family)}, for {several}"
    return model, summarise(data, model, classes, measured, whys, incentive)


def _private(encoder: Any, family: str, epsilon: float) -> Any:
    """The encoder whose samples are private. Raises `ComodelsError` where noise would leave nothing to learn."""
    from encoders import Private

    if encoder.unit is None or family != "nearest-centroid":
        raise ComodelsError(
            "--epsilon is for numbers or pictures and --family nearest-centroid, which averages noise out."
        )
    return Private(encoder, epsilon)


def fit(
    data: Any, features: int = models.DEFAULTS.features, hashed: bool = False, telling: bool = False
) -> tuple[Any, str]:
    """An encoder for data, and why this one.

    Parameters
    ----------
    data : encoders.Data or None
        None only for hashed words, which are fitted to nothing.
    features : int
        The most of a vocabulary or of directions; the number of buckets.
    hashed : bool
        Whether words are hashed; for texts only.
    telling : bool
        Whether words are those that tell the classes apart best, by χ²; for texts only.
    """
    import encoders

    if hashed and data is not None and data.input_kind != "text":
        raise ComodelsError("--hashed is for texts, and these data are none: leave it out.")
    if telling and (hashed or data.input_kind != "text"):
        raise ComodelsError("--telling chooses the words of a vocabulary of texts: leave it out.")
    if hashed:
        return encoders.HashedWords(features), "hash buckets, as asked for: the spec alone is enough to encode"
    which = "tell classes apart best" if telling else "most of them have"
    why = {
        "text": f"texts; the words that {which}, at most {features:,}",
        "numbers": "numbers; each column minus its mean, divided by its standard deviation",
        "image": "pictures; their main directions",
    }
    return models.fit_encoder(data, features, telling), why[data.input_kind]


def convert_skops(
    file: Path,
    held_out: str | None,
    name: str | None,
    description: str = "",
    class_names: tuple[str, ...] | None = None,
    label_column: str | None = None,
    text_column: str | None = None,
    rate: int | None = None,
    room: int | None = None,
    **_: Any,
) -> tuple[models.SavedModel, list[str]]:
    """A pipeline of scikit-learn as a model, and how often both agree on samples that the pipeline has not learnt.

    Parameters
    ----------
    file
        Of skops.
    held_out, label_column, text_column
        The samples, as `encoders.read_data` takes them.
    class_names, rate, room
        As `comodels.scikit_learn.from_sklearn` takes them.

    Raises
    ------
    ComodelsError, encoders.EncoderError
        If something is missing, or the pipeline does not fit.
    """
    import encoders
    from comodels.scikit_learn import from_sklearn, load_skops

    if held_out is None or not name:
        raise ComodelsError(
            f"To publish {file.name}, say --data FILE, with samples that it has not learnt, on which it is compared "
            "with what it becomes; and --name NAME."
        )
    pipeline = load_skops(file)
    converted = from_sklearn(pipeline, name, description, class_names, rate=rate, room=room)
    data = encoders.read_data(held_out, converted.model.class_names, label_column, text_column)
    samples: Any = data.samples
    if data.input_kind == "numbers":  # chooses the resolution
        converted = from_sklearn(pipeline, name, description, class_names, samples, rate, room)
    return converted.model, converted.lines(converted.compare(samples, data.labels.tolist()))


def convert_ancestor(
    file: Path,
    data: str | None,
    name: str | None,
    description: str = "",
    vocabulary: Path | None = None,
    label_column: str | None = None,
    text_column: str | None = None,
    **_: Any,
) -> tuple[models.SavedModel, list[str]]:
    """A model of the original prototype, and what a person should know of it.

    Parameters
    ----------
    data, label_column, text_column
        Samples to compare both on, as `encoders.read_data` takes them; None compares nothing.
    vocabulary
        As `comodels.ancestor.read_ancestor` takes it.

    Raises
    ------
    ComodelsError, encoders.EncoderError
        If something is missing, or not of this form.
    """
    import encoders

    if not name:
        raise ComodelsError(f"To publish {file.name}, give the model a name: --name NAME")
    found = read_ancestor(file, vocabulary, name, description)
    if data is None:
        return found.model, found.lines()
    read = encoders.read_data(data, found.model.class_names, label_column, text_column)
    samples: Any = read.samples
    return found.model, [*found.lines(), *found.agreement(samples, read.labels.tolist())]


def plan(
    node: Node,
    deployments: Path,
    name: str | None,
    data: str | None,
    file: Path | None,
    description: str,
    dry_run: bool = False,
    **options: Any,
) -> tuple[models.SavedModel, Summary | None, str]:
    """The model that is to be published: one that was begun, a saved one, or one that is trained now.

    What was begun under a name goes on as long as something of it is on the chain. Where nothing is, the name is free
    for other data; where all is, new data are refused.

    Parameters
    ----------
    name, data, file, description
        As `ape run deploy` takes them. With a file of skops or of the prototype, `data` are the samples on which it is
        compared.
    dry_run : bool
        Whether what was noted stays as it is.
    **options
        As `train_from_data` takes them.

    Returns
    -------
    model : SavedModel
    summary : Summary or None
        None where nothing was trained now.
    said : str
        What happened to a name that was taken, and how well a pipeline was converted; empty where neither was.
    """
    journal = Journal.open(node, deployments)
    noted = journal.models.get(name) if name else None
    said = ""
    if name and noted is not None:
        begun = bool(node.code(noted["address"]))
        if not begun:
            wait_until_mined(node, noted["owner"])  # its publication may be on the way
            begun = bool(node.code(noted["address"]))
        if begun and "published" in noted and (data or file):
            raise ComodelsError(
                f"{name!r} is published already, at {noted['address']}, and what a model starts with stays: choose "
                "another --name."
            )
        if begun or not (data or file):
            return models.SavedModel.load(deployments / noted["file"]), None, f"{name!r} was begun before: going on."
        if not dry_run:
            del journal.models[name]
            journal.save()
        said = f"{name!r} was planned before, but nothing of it is on this chain: planning it anew."
    if file is not None and is_ancestor(file):
        model, lines = convert_ancestor(file, data, name, description, **options)
        return model, None, "\n".join([*([said] if said else []), *lines])
    if options.pop("vocabulary", None) is not None:
        raise ComodelsError("--vocabulary belongs to a model file of the original prototype: name that with --model.")
    if file is not None and file.suffix == ".skops":
        model, lines = convert_skops(file, data, name, description, **options)
        return model, None, "\n".join([*([said] if said else []), *lines])
    if (data is None) == (file is None):
        raise ComodelsError("Say what to publish: --data FILE to train a model, or --model FILE for a saved one.")
    if file is not None:
        saved = models.SavedModel.load(file)
        saved = replace(saved, name=name or saved.name, description=description or saved.description)
        saved.check()
        return saved, None, said
    if not name:
        raise ComodelsError("Give the model a name: --name NAME")
    assert data is not None  # or a file would be
    return *train_from_data(data, name, description, **options), said
