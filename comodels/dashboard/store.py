"""What is not on chain: encoders by their spec, the words that samples were made of, test sets."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import encoders
from comodels.dashboard.library import sentence, told
from comodels.dashboard.safe import clean
from comodels.dashboard.say import say
from comodels.originals import MAX_ORIGINALS, MAX_TEXT, makes, read_originals
from comodels.published import batches
from encoders.image import grey
from encoders.spec import split_places

MAX_PICTURE = 10_000_000  # bytes
MAX_PIXELS = 50_000_000
MAX_ENCODER_FILE = 20_000_000  # bytes
MAX_DATA_FILE = 10_000_000  # bytes
MAX_TEST_ROWS = 2_000


class InputError(Exception):
    """What a person gave cannot be used; the message says what to do."""


class Shown(NamedTuple):
    """A sample as people see it.

    Attributes
    ----------
    source : str
        ``original``: the words as they were kept on this machine; ``third-party``: as somebody else kept them;
        ``unproved``: likewise, but other words would make the same sample; ``encoder``: what the encoder gives back;
        ``bytes``.
    """

    text: str
    source: str


GAP = "…"  # in the place of words that the encoder does not know


def _proved(text: str, encoder: Any, source: str) -> Shown:
    """Kept words that make a sample: what the encoder does not know of them, and so does not prove, is left out.

    Each word is shown as the encoder knows it, so that letters that only look alike cannot stand in it. In hash buckets
    any word has others that it can be exchanged for: these prove nothing.
    """
    words = encoder.words_of(text)
    known = set(getattr(encoder, "words", ()))
    if not known:
        return Shown(clean(" ".join(words), MAX_TEXT), "unproved")
    kept: list[str] = []
    for word in words:
        if word in known:
            kept.append(word)
        elif kept[-1:] != [GAP]:
            kept.append(GAP)
    return Shown(" ".join(kept), source)


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
            self._originals = read_originals(originals)
        for path in others:
            self._of_others |= read_originals(path)

    # ---- encoders ----------------------------------------------------------------------------------------------------

    def path(self, spec: str) -> Path:
        """Where the encoder of a spec is kept, whatever places it names. Raises `EncoderError` if it is no spec."""
        return self.folder / f"{sha256(split_places(spec)[0].encode()).hexdigest()[:32]}.json"

    def find(self, spec: str) -> Any | None:
        """The encoder with a spec, whatever places it names; None if it needs a file that is not here."""
        try:
            spec = split_places(spec)[0]
        except encoders.EncoderError:
            return None
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
            raise InputError(say("error.encoder_too_large"))
        target = self.path(spec)
        target.parent.mkdir(parents=True, exist_ok=True)
        candidate = target.with_suffix(".candidate")
        try:
            candidate.write_bytes(content)
            encoder = encoders.load(candidate, spec)
        except encoders.EncoderError as error:
            text = told(error).replace(f"{candidate}: ", "")
            raise InputError(say("error.wrong_encoder", problem=text)) from error
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

    def name_numbers(self, spec: str, names: Sequence[str]) -> None:
        """Keep what the numbers are called that an encoder takes: that is not on the chain."""
        path = self.path(spec).with_suffix(".names")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(list(names), ensure_ascii=False), encoding="utf-8")

    def names_of(self, spec: str, count: int) -> list[str]:
        """What the numbers are called that an encoder takes, as far as this machine knows; else they are counted."""
        try:
            names = json.loads(self.path(spec).with_suffix(".names").read_text(encoding="utf-8"))
            known = [clean(str(name), 60) for name in names]
        except (OSError, ValueError, TypeError):
            known = []
        return known if len(known) == count else [str(i) for i in range(1, count + 1)]

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

    def show(self, x: bytes, spec: str) -> Shown:
        """A sample for people, only as far as the sample proves it."""
        encoder = self.find(spec)
        for words, source in ((self._originals, "original"), (self._of_others, "third-party")):
            text = words.get(x)
            if text is not None and encoder is not None and encoder.input_kind == "text" and makes(encoder, text, x):
                return _proved(text, encoder, source)
        if encoder is not None:
            try:
                decoded = encoder.decode(x)
            except encoders.EncoderError:
                decoded = None
            if isinstance(decoded, list):
                return Shown(" ".join(str(word) for word in decoded), "encoder")
            if decoded is not None and encoder.input_kind == "numbers":
                return Shown(", ".join(f"{value:.3g}" for value in decoded), "encoder")
        return Shown(say("sample.bytes", n=len(x), start=x[:24].hex() + ("…" if len(x) > 24 else "")), "bytes")

    # ---- samples -----------------------------------------------------------------------------------------------------

    def encode(self, spec: str, text: str = "", picture: bytes = b"", raw: str = "") -> bytes:
        """A sample from what a person gave. Raises `InputError`."""
        if raw.strip():
            try:
                x = bytes.fromhex(raw.strip().removeprefix("0x"))
            except ValueError:
                raise InputError(say("error.no_bytes")) from None
            if not 0 < len(x) <= 2_048:
                raise InputError(say("error.sample_size", most=2_048))
            return x
        encoder = self.find(spec)
        if encoder is None:
            raise InputError(say("error.no_encoder"))
        try:
            if encoder.input_kind == "image":
                return encoder.encode(self.picture(picture))
            if not text.strip():
                raise InputError(say(f"error.nothing_entered_{encoder.input_kind}"))
            if len(text) > MAX_TEXT:
                raise InputError(say("error.text_too_long", most=MAX_TEXT))
            if encoder.input_kind == "text":
                return encoder.encode(text)
            return encoder.encode(self.numbers(text, encoder))
        except encoders.SampleError as error:
            raise InputError(sentence(error)) from error

    @staticmethod
    def numbers(text: str, encoder: Any) -> list[float]:
        """The numbers of a text, as many as an encoder takes. Raises `InputError`."""
        parts = text.replace(";", " ").replace(",", " ").split()
        wanted = getattr(encoder, "n_inputs", None) or len(getattr(encoder, "mean", parts))
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            raise InputError(say("error.no_numbers")) from None
        if len(numbers) != wanted:
            raise InputError(say("error.count_of_numbers", wanted=wanted, found=len(numbers)))
        return numbers

    @staticmethod
    def picture(content: bytes) -> np.ndarray:
        """The grey pixels of a picture file. Raises `InputError`."""
        if not content:
            raise InputError(say("error.no_picture"))
        if len(content) > MAX_PICTURE:
            raise InputError(say("error.picture_too_large"))
        return grey(io.BytesIO(content), MAX_PIXELS)


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
        samples, dropped = samples[:MAX_TEST_ROWS], max(0, len(samples) - MAX_TEST_ROWS)
        rows = zip(samples, map(int, labels), strict=False)
        return cls(name, tuple(batches(list(rows))), len(samples), left_out + dropped)

    @property
    def key(self) -> bytes:
        """Tells test sets apart."""
        return sha256(b"".join(self.parts)).digest()

    @staticmethod
    def rows_of(path: Path, name: str, encoder: Any, class_names: Sequence[str]) -> list[tuple[bytes, int]]:
        """The samples of a data file that the model's encoder can encode, with their classes. Raises `InputError`."""
        return _encoded(path, name, encoder, class_names)[0]

    @classmethod
    def from_file(cls, path: Path, name: str, encoder: Any, class_names: Sequence[str]) -> TestSet:
        """Read a data file with the model's encoder. Raises `InputError`."""
        rows, left_out = _encoded(path, name, encoder, class_names)
        return cls.pack(name, [x for x, _ in rows], [y for _, y in rows], left_out)


def _encoded(path: Path, name: str, encoder: Any, class_names: Sequence[str]) -> tuple[list[tuple[bytes, int]], int]:
    """The rows of a data file, and how many samples cannot be encoded. Raises `InputError`."""
    try:
        data = encoders.read_data(path, class_names)
    except encoders.EncoderError as error:
        raise InputError(told(str(error).replace(str(path), name))) from error
    positions, encoded = encoder.encode_valid(list(data.samples))
    if not encoded:
        raise InputError(say("error.nothing_encoded"))
    rows = [(x, int(data.labels[i])) for i, x in zip(positions, encoded, strict=True)]
    return rows, len(data.samples) - len(encoded)
