"""The words that samples were made of. They are not on chain: whoever has them keeps them, in JSON lines.

    {"x": "00000004", "text": "A fine, fine day!"}

Nobody who keeps such a file need be trusted: a text is only taken if the model's encoder makes this very sample of it.
What that proves are the words that the encoder knows. Their order, and words that it does not know, are as the file
says.
"""

from pathlib import Path
from typing import Any

from encoders.errors import EncoderError
from encoders.files import read_json

MAX_TEXT = 20_000  # characters of one text
MAX_ORIGINALS = 100_000


def read_originals(path: Path) -> dict[bytes, str]:
    """Texts by the samples that are said to be made of them; what is no line of this form is left out."""
    found: dict[bytes, str] = {}
    with path.open("rb") as file:
        for line in file:
            try:
                content = read_json(line)
                x, text = bytes.fromhex(content["x"]), str(content["text"])[:MAX_TEXT]
                text.encode("utf-8")  # a half of a pair of surrogates is no text
            except (ValueError, KeyError, TypeError):
                continue  # a line that a crash cut off
            found[x] = text
            if len(found) >= MAX_ORIGINALS:
                break
    return found


def makes(encoder: Any, text: str, x: bytes) -> bool:
    """Whether an encoder of texts makes this very sample of a text."""
    try:
        return encoder.encode(text) == x
    except EncoderError:
        return False
