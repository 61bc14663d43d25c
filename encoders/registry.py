"""From a spec or a file to the encoder that it names."""

import os
from pathlib import Path
from typing import Any

from encoders.base import Encoder
from encoders.embedding import SentenceEmbedding
from encoders.errors import SpecError
from encoders.files import read_json
from encoders.image import ProjectedImage
from encoders.privacy import Private
from encoders.spec import hashed, parse_spec, split_places
from encoders.tabular import Tabular
from encoders.text import BagOfWords, BagOfWordsV1, HashedWords, HashedWordsV1

ENCODERS: dict[tuple[str, int], type[Encoder]] = {
    (cls.kind, cls.version): cls
    for cls in (
        *(BagOfWords, BagOfWordsV1, HashedWords, HashedWordsV1),
        *(Tabular, ProjectedImage, SentenceEmbedding, Private),
    )
}
"""The class of each kind and version."""


def load(path: str | os.PathLike, expected_spec: str | None = None) -> Encoder:
    """Read an encoder from the file that `Encoder.save` wrote, or from its `Encoder.content`.

    Parameters
    ----------
    path : path-like
    expected_spec : str, optional
        The spec that the model on chain has. Needed for `Encoder.content`, which does not say its own.

    Returns
    -------
    Encoder
        Of the class that the spec names, equal to the one that was saved.

    Raises
    ------
    SpecError
        If there is no such file, it is not an encoder file, it was altered, or its spec is not the expected one.
    """
    wanted = None if expected_spec is None else split_places(expected_spec)[0]
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        needed = f"; the model needs the one with the spec {wanted}" if wanted else ""
        raise SpecError(f"{path}: no such encoder file{needed}") from None
    if wanted is not None and hashed(raw) == parse_spec(wanted).parameters.get("sha256"):
        return read(raw, wanted)
    try:
        content = read_json(raw)
        recorded, fitted = content.get("spec"), content["fitted"]
    except _MALFORMED as error:
        raise SpecError(f"{path}: not an encoder file ({_why(error)})") from error
    if recorded is None:  # as `Encoder.content` is
        found = f"sha256={hashed(raw)}"
        if wanted is None:
            raise SpecError(f"{path}: does not say its spec; it is of the model whose spec has {found}")
        raise SpecError(f"{path}: not this model's encoder\n  model's {wanted}\n  file's  {found}")
    try:
        encoder = _rebuilt(recorded, fitted)
        found = encoder.spec
    except _MALFORMED as error:
        raise SpecError(f"{path}: not an encoder file ({_why(error)})") from error
    if found != recorded:
        raise SpecError(f"{path}: altered after it was saved\n  named   {recorded}\n  content {found}")
    if wanted is not None and recorded != wanted:
        raise SpecError(f"{path}: not this model's encoder\n  model's {wanted}\n  file's  {recorded}")
    return encoder


def read(content: bytes, text: str) -> Encoder:
    """Make an encoder from its spec and its `Encoder.content`, which is hashed before anything else is done with it.

    Examples
    --------
    >>> from encoders import BagOfWords
    >>> encoder = BagOfWords(["film"])
    >>> encoder.content
    b'{"fitted":{"words":["film"]},"parameters":{"features":"1"}}'
    >>> read(encoder.content, encoder.spec).words
    ('film',)

    Raises
    ------
    SpecError
        If it is not the content that the spec names, or nothing can be made of it.
    """
    text = split_places(text)[0]
    if hashed(content) != parse_spec(text).parameters.get("sha256"):
        raise SpecError(f"the {len(content):,} bytes are not the encoder that the model names ({text})")
    try:
        encoder = _rebuilt(text, read_json(content)["fitted"])
        found = encoder.spec
    except _MALFORMED as error:
        raise SpecError(f"what the model names is not an encoder ({_why(error)}): {text}") from error
    if found != text:
        raise SpecError(f"what the model names is not an encoder\n  named   {text}\n  content {found}")
    return encoder


_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OverflowError)


def _rebuilt(text: str, fitted: Any) -> Encoder:
    kind, version, parameters = parse_spec(text)
    return _class_of(kind, version).rebuild(parameters, fitted)


def _why(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__


def from_spec(text: str) -> Encoder:
    """Make an encoder from its spec alone, where nothing was fitted to data.

    Raises
    ------
    SpecError
        If the spec is malformed, of an unknown kind, or of an encoder that needs its file.
    """
    text = split_places(text)[0]
    kind, version, parameters = parse_spec(text)
    cls = _class_of(kind, version)
    if "sha256" in parameters:
        raise SpecError(f"this encoder was fitted to data: load it from the file that the model's owner saved ({text})")
    try:
        encoder = cls.rebuild(parameters, {})
    except (ValueError, TypeError, KeyError) as error:
        raise SpecError(f"the parameters are not those of a {kind} encoder ({error}): {text}") from error
    if encoder.spec != text:
        raise SpecError(f"not the canonical spec\n  given     {text}\n  canonical {encoder.spec}")
    return encoder


def _class_of(kind: str, version: int) -> type[Encoder]:
    versions = sorted(known for name, known in ENCODERS if name == kind)
    if not versions:
        raise SpecError(f"unknown kind of encoder {kind!r}; known are {', '.join(sorted({k for k, _ in ENCODERS}))}")
    if version not in versions:
        known = ", ".join(map(str, versions))
        raise SpecError(f"version {version} of the {kind} encoder is not known here ({known}): update this program")
    return ENCODERS[kind, version]
