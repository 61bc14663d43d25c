"""What is not on chain: encoders by their spec, the words that samples were made of, test sets."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

import encoders
from encoders.image import grey

MAX_TEXT = 20_000  # characters of one text
MAX_PICTURE = 10_000_000  # bytes
MAX_PIXELS = 50_000_000
MAX_ENCODER_FILE = 20_000_000  # bytes
MAX_DATA_FILE = 10_000_000  # bytes
MAX_ORIGINALS = 100_000
MAX_TEST_ROWS = 2_000
MAX_PART = 24_000  # bytes of rows in one `evaluate`


class InputError(Exception):
    """What a person gave cannot be used; the message says what to do."""


class Store:
    """Encoders and original words in a folder.

    Parameters
    ----------
    encoder_folder : path
        Files are named after the hash of the spec, as `ape run deploy` keeps them.
    originals : path or None
        JSON lines with ``x`` (hexadecimal) and ``text``; None keeps no words.
    others : sequence of path
        Files like it that third parties keep. None of them need be trusted, see `show`.
    """

    def __init__(self, encoder_folder: Path, originals: Path | None = None, others: Sequence[Path] = ()):
        self.folder = Path(encoder_folder)
        self._encoders: dict[str, Any] = {}
        self._path = originals
        self._originals: dict[bytes, str] = {}
        self._of_others: dict[bytes, str] = {}
        self._lock = threading.Lock()
        if originals is not None and originals.is_file():
            self._originals = _read_words(originals)
        for path in others:
            self._of_others |= _read_words(path)

    # ---- encoders ----------------------------------------------------------------------------------------------------

    def path(self, spec: str) -> Path:
        return self.folder / f"{sha256(spec.encode()).hexdigest()[:32]}.json"

    def find(self, spec: str) -> Any | None:
        """The encoder with a spec; None if it needs a file that is not here."""
        if spec not in self._encoders:
            try:
                encoder = (
                    encoders.load(self.path(spec), spec) if self.path(spec).is_file() else encoders.from_spec(spec)
                )
            except encoders.EncoderError:
                return None
            self._encoders[spec] = encoder
        return self._encoders[spec]

    def add_file(self, content: bytes, spec: str) -> None:
        """Keep an encoder file that a person gave. Raises `InputError` if it is not the one with this spec."""
        if len(content) > MAX_ENCODER_FILE:
            raise InputError("An encoder file has at most 20 MB.")
        target = self.path(spec)
        target.parent.mkdir(parents=True, exist_ok=True)
        candidate = target.with_suffix(".candidate")
        try:
            candidate.write_bytes(content)
            encoder = encoders.load(candidate, spec)
        except encoders.EncoderError as error:
            text = str(error).replace(f"{candidate}: ", "")
            raise InputError(f"This file is not the encoder of this model: {text}") from error
        finally:
            candidate.unlink(missing_ok=True)
        self.keep(encoder)

    def keep(self, encoder: Any) -> None:
        """Keep an encoder, so that whoever meets its spec on this machine can use it."""
        path = self.path(encoder.spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            encoder.save(path)
        self._encoders[encoder.spec] = encoder

    # ---- original words ----------------------------------------------------------------------------------------------

    def remember(self, x: bytes, text: str) -> None:
        """Keep the words that a sample was made of, here on this machine only."""
        with self._lock:
            if x in self._originals or len(self._originals) >= MAX_ORIGINALS:
                return
            self._originals[x] = text
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"x": x.hex(), "text": text}, ensure_ascii=False) + "\n")

    def show(self, x: bytes, spec: str) -> tuple[str, str]:
        """A sample for people: a text, and where it comes from.

        That is ``"original"``, the words as they were kept on this machine; ``"third-party"``, as somebody else kept
        them; ``"encoder"``, what the encoder gives back; or ``"bytes"``. Words are only shown if they make this very
        sample: who keeps them can leave them out, but not forge them.
        """
        encoder = self.find(spec)
        for words, source in ((self._originals, "original"), (self._of_others, "third-party")):
            text = words.get(x)
            if text is not None and encoder is not None and encoder.input_kind == "text":
                try:
                    if encoder.encode(text) == x:
                        return text, source
                except encoders.EncoderError:
                    pass
        if encoder is not None:
            try:
                decoded = encoder.decode(x)
            except encoders.EncoderError:
                decoded = None
            if isinstance(decoded, list):
                return " ".join(str(word) for word in decoded), "encoder"
            if decoded is not None and encoder.input_kind == "numbers":
                return ", ".join(f"{value:.3g}" for value in decoded), "encoder"
        return f"{len(x):,} bytes: {x[:24].hex()}{'…' if len(x) > 24 else ''}", "bytes"

    # ---- samples -----------------------------------------------------------------------------------------------------

    def encode(self, spec: str, text: str = "", picture: bytes = b"", raw: str = "") -> bytes:
        """A sample from what a person gave. Raises `InputError`."""
        if raw.strip():
            try:
                x = bytes.fromhex(raw.strip().removeprefix("0x"))
            except ValueError:
                raise InputError("The bytes of a sample are hexadecimal digits, two for each byte.") from None
            if not 0 < len(x) <= 2_048:
                raise InputError("A sample has 1 to 2,048 bytes.")
            return x
        encoder = self.find(spec)
        if encoder is None:
            raise InputError("The encoder of this model is not on this machine: give its file first.")
        try:
            if encoder.input_kind == "image":
                return encoder.encode(self._picture(picture))
            if not text.strip():
                raise InputError(
                    "Enter something first." if encoder.input_kind == "text" else "Enter the numbers first."
                )
            if len(text) > MAX_TEXT:
                raise InputError(f"A text has at most {MAX_TEXT:,} characters.")
            if encoder.input_kind == "text":
                return encoder.encode(text)
            return encoder.encode(self._numbers(text, encoder))
        except encoders.SampleError as error:
            message = str(error)
            raise InputError(message[0].upper() + message[1:] + ".") from error

    @staticmethod
    def _numbers(text: str, encoder: Any) -> list[float]:
        parts = text.replace(";", " ").replace(",", " ").split()
        wanted = getattr(encoder, "n_inputs", None) or len(getattr(encoder, "mean", parts))
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            raise InputError("Enter numbers only, separated by commas or spaces, with a point for decimals.") from None
        if len(numbers) != wanted:
            raise InputError(f"The model takes {wanted:,} numbers, these are {len(numbers):,}.")
        return numbers

    @staticmethod
    def _picture(content: bytes) -> np.ndarray:
        if not content:
            raise InputError("Choose a picture first.")
        if len(content) > MAX_PICTURE:
            raise InputError("A picture has at most 10 MB.")
        return grey(io.BytesIO(content), MAX_PIXELS)


def _read_words(path: Path) -> dict[bytes, str]:
    """Texts by the samples that are said to be made of them, from JSON lines; what is no such line is left out."""
    words: dict[bytes, str] = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                content = json.loads(line)
                words[bytes.fromhex(content["x"])] = str(content["text"])[:MAX_TEXT]
            except (ValueError, KeyError, TypeError):
                continue  # a line that a crash cut off
            if len(words) >= MAX_ORIGINALS:
                break
    return words


@dataclass(frozen=True)
class TestSet:
    """Rows to measure a model's accuracy on, in the form that `evaluate` takes.

    Attributes
    ----------
    left_out : int
        Samples that could not be encoded, or were more than are measured.
    """

    __test__ = False  # no test, whatever pytest thinks of its name

    name: str
    parts: tuple[bytes, ...]
    count: int
    left_out: int = 0

    @classmethod
    def pack(cls, name: str, samples: Sequence[bytes], labels: Sequence[int], left_out: int = 0) -> TestSet:
        parts, part = [], b""
        samples, dropped = samples[:MAX_TEST_ROWS], max(0, len(samples) - MAX_TEST_ROWS)
        for x, y in zip(samples, labels, strict=False):
            row = bytes([int(y)]) + len(x).to_bytes(2, "big") + x
            if len(part) + len(row) > MAX_PART:
                parts.append(part)
                part = b""
            part += row
        return cls(name, tuple([*parts, part] if part else parts), len(samples), left_out + dropped)

    @classmethod
    def from_file(cls, path: Path, name: str, encoder: Any, class_names: Sequence[str]) -> TestSet:
        """Read a data file with the model's encoder. Raises `InputError`."""
        try:
            data = encoders.read_data(path, class_names)
        except encoders.EncoderError as error:
            try:
                data = encoders.read_data(path)
            except encoders.EncoderError:
                raise InputError(str(error).replace(str(path), name)) from error
        positions, encoded = encoder.encode_valid(list(data.samples))
        if not encoded:
            raise InputError("None of these samples can be encoded for this model.")
        labels = [int(data.labels[i]) for i in positions]
        if max(labels) >= len(class_names):
            raise InputError(
                f"The model has the classes 0 to {len(class_names) - 1}; the file has label {max(labels)}."
            )
        return cls.pack(name, encoded, labels, len(data.samples) - len(encoded))
