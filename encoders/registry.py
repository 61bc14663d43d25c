"""From a spec or a file to the encoder that it names."""

import json
import os
from pathlib import Path

from encoders.base import Encoder
from encoders.embedding import SentenceEmbedding
from encoders.errors import SpecError
from encoders.image import ProjectedImage
from encoders.spec import parse_spec
from encoders.tabular import Tabular
from encoders.text import BagOfWords, HashedWords

ENCODERS: dict[str, type[Encoder]] = {
    cls.kind: cls for cls in (BagOfWords, HashedWords, Tabular, ProjectedImage, SentenceEmbedding)
}
"""The class of each kind."""


def load(path: str | os.PathLike, expected_spec: str | None = None) -> Encoder:
    """Read an encoder from the file that `Encoder.save` wrote.

    Parameters
    ----------
    path : path-like
    expected_spec : str, optional
        The spec that the model on chain has.

    Returns
    -------
    Encoder
        Of the class that the spec names, equal to the one that was saved.

    Raises
    ------
    SpecError
        If there is no such file, it is not an encoder file, it was altered, or its spec is not the expected one.
    """
    try:
        content = json.loads(Path(path).read_bytes())
        recorded, fitted = content["spec"], content["fitted"]
        kind, version, parameters = parse_spec(recorded)
        encoder = _class_of(kind, version).rebuild(parameters, fitted)
        found = encoder.spec
    except FileNotFoundError:
        wanted = f"; the model needs the one with the spec {expected_spec}" if expected_spec else ""
        raise SpecError(f"{path}: no such encoder file{wanted}") from None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise SpecError(f"{path}: not an encoder file ({error})") from error
    if found != recorded:
        raise SpecError(f"{path}: altered after it was saved\n  named   {recorded}\n  content {found}")
    if expected_spec is not None and recorded != expected_spec:
        raise SpecError(f"{path}: not this model's encoder\n  model's {expected_spec}\n  file's  {recorded}")
    return encoder


def from_spec(text: str) -> Encoder:
    """Make an encoder from its spec alone, where nothing was fitted to data.

    Raises
    ------
    SpecError
        If the spec is malformed, of an unknown kind, or of an encoder that needs its file.
    """
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
    cls = ENCODERS.get(kind)
    if cls is None:
        raise SpecError(f"unknown kind of encoder {kind!r}; known are {', '.join(sorted(ENCODERS))}")
    if version != cls.version:
        raise SpecError(f"version {version} of the {kind} encoder is not the one installed here ({cls.version})")
    return cls
