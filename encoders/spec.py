"""The encoder spec: one short string that says which encoder a model's samples were made with.

    bag-of-words/1?features=1000&sha256=5f0c...   (32 hexadecimal digits)

Kind and version name the rules, the parameters follow in alphabetical order, and ``sha256`` is the start of the hash of
the parameters and of everything that was fitted to data. The string is stored on chain with the model. Values are
percent-encoded as in a URL, so a spec is printable ASCII without spaces; it is at most 255 characters long.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from encoders.errors import SpecError

MAX_LENGTH = 255
"""Characters that a model contract keeps."""

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
    raise SpecError(f"not an encoder spec (they look like 'hashed-words/1?features=4096'): {text!r}")


def fingerprint(content: Mapping[str, Any]) -> str:
    """The first 16 bytes, in hexadecimal, of the SHA-256 of a JSON object in canonical form.

    Canonical: keys sorted, no white space, ASCII only, and floats in the shortest form that reads back as the same
    number, so equal contents have equal hashes on every machine.
    """
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]
