"""The encoder spec: one short string that says which encoder a model's samples were made with.

    bag-of-words/2?features=1000&sha256=5f0c...   (32 hexadecimal digits)

Kind and version name the rules, the parameters follow in alphabetical order, and ``sha256`` is the start of the hash of
the parameters and of everything that was fitted to data. The string is stored on chain with the model. Values are
percent-encoded as in a URL, so a spec is printable ASCII without spaces; it is at most 255 characters long.

On chain it may also say where the encoder's file is, in a parameter of its own that says nothing about the encoder:

    bag-of-words/2?at=https://example.org/imdb.json&features=1000&sha256=5f0c...
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from encoders.errors import SpecError

MAX_LENGTH = 255
"""Characters that a model contract keeps."""

PLACES = "at"
"""The parameter that says where the file is: places with spaces between."""

_PLACE = re.compile("[!-~]+")
_FORM = re.compile(r"(?P<kind>[a-z][a-z-]*)/(?P<version>[1-9][0-9]*)\?(?P<query>[!-~]+)")


class Spec(NamedTuple):
    """The parts of a spec; ``sha256`` is among the parameters where something was fitted."""

    kind: str
    version: int
    parameters: dict[str, str]

    def __str__(self) -> str:
        query = urlencode(sorted(self.parameters.items()), safe="/:", quote_via=quote)
        return f"{self.kind}/{self.version}?{query}"


def make_spec(kind: str, version: int, parameters: Mapping[str, int | str], fitted: Mapping[str, Any]) -> str:
    """Write the canonical spec of an encoder.

    Parameters
    ----------
    kind : str
    version : int
    parameters : mapping of str to int or str
        What a person chose or needs to know.
    fitted : mapping
        What was fitted to data, as JSON takes it; empty if nothing was.

    Returns
    -------
    str
        At most 255 ASCII characters.

    Raises
    ------
    SpecError
        If it would be longer.
    """
    shown = {key: str(value) for key, value in parameters.items()}
    if fitted:
        shown["sha256"] = fingerprint({"parameters": shown, "fitted": fitted})
    text = str(Spec(kind, version, shown))
    if len(text) > MAX_LENGTH:
        raise SpecError(f"the spec has {len(text)} characters, a model keeps {MAX_LENGTH}; shorten its names: {text}")
    return text


def parse_spec(text: str) -> Spec:
    """Read a spec.

    Raises
    ------
    SpecError
        If it is not a canonical spec: `make_spec` would have written it differently.
    """
    match = _FORM.fullmatch(text)
    if match and len(text) <= MAX_LENGTH:
        pairs = parse_qsl(match["query"], keep_blank_values=True)
        spec = Spec(match["kind"], int(match["version"]), dict(pairs))
        if str(spec) == text:
            return spec
    raise SpecError(f"not an encoder spec (they look like 'hashed-words/2?features=4096'): {text!r}")


def with_places(text: str, places: Sequence[str]) -> str:
    """An encoder's spec as a model keeps it, with the places where the encoder's file is.

    Examples
    --------
    >>> with_places("bag-of-words/2?features=1&sha256=00", ["https://example.org/a b.json"])
    Traceback (most recent call last):
        ...
    encoders.errors.SpecError: a place has neither spaces nor anything outside of ASCII: 'https://example.org/a b.json'
    >>> with_places("bag-of-words/2?features=1&sha256=00", ["https://example.org/a.json"])
    'bag-of-words/2?at=https://example.org/a.json&features=1&sha256=00'

    Raises
    ------
    SpecError
        If a place has a space or other characters than ASCII has, the encoder needs no file, or it would be too long.
    """
    spec = parse_spec(text)
    if not places:
        return text
    for place in places:
        if not _PLACE.fullmatch(place):
            raise SpecError(f"a place has neither spaces nor anything outside of ASCII: {place!r}")
    if "sha256" not in spec.parameters:
        raise SpecError(f"this encoder needs no file, so there is no place for it: {text}")
    found = str(spec._replace(parameters={**spec.parameters, PLACES: " ".join(places)}))
    if len(found) > MAX_LENGTH:
        raise SpecError(f"with its places the spec has {len(found)} characters, a model keeps {MAX_LENGTH}: {found}")
    return found


def split_places(text: str) -> tuple[str, tuple[str, ...]]:
    """The encoder's spec in what a model keeps, and the places where the encoder's file is, if it says any.

    What `with_places` would not have taken for a place is left out.

    Raises `SpecError` if it is not a canonical spec.

    Examples
    --------
    >>> split_places("bag-of-words/2?at=https://example.org/a.json&features=1&sha256=00")
    ('bag-of-words/2?features=1&sha256=00', ('https://example.org/a.json',))
    """
    spec = parse_spec(text)
    if PLACES not in spec.parameters:
        return text, ()
    rest = {key: value for key, value in spec.parameters.items() if key != PLACES}
    return str(spec._replace(parameters=rest)), tuple(filter(_PLACE.fullmatch, spec.parameters[PLACES].split(" ")))


def canonical(content: Mapping[str, Any]) -> bytes:
    """A JSON object in the form that is hashed.

    Keys sorted, no white space, ASCII only, and floats in the shortest form that reads back as the same number, so
    equal contents have equal hashes on every machine.
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def fingerprint(content: Mapping[str, Any]) -> str:
    """The first 16 bytes, in hexadecimal, of the SHA-256 of a JSON object in canonical form."""
    return hashed(canonical(content))


def hashed(content: bytes) -> str:
    """The first 16 bytes, in hexadecimal, of the SHA-256 of bytes, as ``sha256`` in a spec has them."""
    return hashlib.sha256(content).hexdigest()[:32]
