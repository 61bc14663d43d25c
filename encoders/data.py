"""Labelled data to learn from: tables, folders and archives of texts, numbers or pictures, and sets of scikit-learn."""

import io
import itertools
import os
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np

from encoders.archives import Entries, Entry, entries_of, is_archive
from encoders.errors import DataError, SampleError
from encoders.labels import class_indices, label_text, listed
from encoders.tables import MAX_BYTES, Table, encoding_of, read_bytes, read_table

BUILT_IN = ("breast_cancer", "digits", "wine")
"""Names of the sets that ship with scikit-learn, all of numbers."""

FORMATS = """\
Files that can be read:
  - CSV (comma, semicolon), TSV, JSON lines or Parquet with the columns label and text; instead of label also class,
    target, sentiment, category or y, instead of text also review, sentence, message, comment, tweet or content
  - the same with a column for labels, and numbers in all others
  - a ZIP, a TAR or a folder with a folder for each class: cat/1.png, dog/1.jpg; or pos/1.txt, neg/1.txt
  - a ZIP or a TAR with one such table"""

_SOURCES = f"""\
Public sets, to be brought into one of these formats:
  - SMS Spam Collection: archive.ics.uci.edu, data set 228
  - movie review snippets: cs.cornell.edu/people/pabo/movie-review-data
  - IMDB reviews: ai.stanford.edu/~amaas/data/sentiment
Without any file: {", ".join(BUILT_IN)} (they ship with scikit-learn)"""

LABEL_COLUMNS = ("label", "class", "target", "sentiment", "category", "y")
TEXT_COLUMNS = ("text", "review", "sentence", "message", "comment", "tweet", "content")
_PAIR = ("v1", "v2")  # what the spam collection's label and text are called in a copy of it that many people have

PICTURES = (
    ".png",
    ".apng",
    ".jpg",
    ".jpeg",
    ".jfif",
    ".gif",
    ".webp",
    ".bmp",
    ".tif",
    ".tiff",
    ".avif",
    ".ppm",
    ".pgm",
)
"""Endings of pictures that are read; see `encoders.image.FORMATS`."""

_OTHER_PICTURES = (".heic", ".heif", ".svg", ".psd", ".raw", ".cr2", ".nef", ".dng", ".eps", ".jp2", ".jxl", ".pdf")
_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".gz")
_SPLITS = ("train", "training", "test", "testing", "val", "valid", "validation", "dev")

MAX_SAMPLES = 1_000_000
MAX_NUMBERS = 50_000_000
"""Of a table: 400 million bytes."""

MAX_PICTURES = 5_000
MAX_PICTURES_SIZE = 100_000_000
"""Bytes of all pictures when unpacked, and of their pixels in grey."""

MAX_PIXELS = 50_000_000
"""Of one picture."""

_MAX_TEXT_FILE = 1_000_000  # bytes
_MAX_TEXTS_SIZE = 200_000_000

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_UNNAMED = re.compile(r"(|id|index|unnamed: ?[0-9]+|__index_level_[0-9]+__)")
_KEY = re.compile(r"(.*[ _.-])?(id|Id|ID)|.*[a-z](Id|ID)|uuid|guid")
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]*,[0-9]+(?:[eE][-+]?[0-9]+)?")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(,[0-9]{3})+")
_TRUTH = {"true": 1.0, "false": 0.0}  # as Parquet and JSON have them without quotation marks
_COUNTED = 20  # rows from which on a column of 1, 2, 3 ... is taken for their numbers
_FORMER = 100  # rows that are looked at before it is decided whether a column has texts


class LeftOut(NamedTuple):
    """A sample that is not used: where it stands, the name of its class, and why."""

    place: str
    label: str
    reason: str


class Data(NamedTuple):
    """Labelled samples.

    Attributes
    ----------
    samples : list of str, ndarray of float64, shape (n_samples, n_features), or list of ndarray of uint8
        Texts, rows of numbers, or grey pictures (height, width), in the order of the source.
    labels : ndarray of int64, shape (n_samples,)
        Class indices.
    class_names : tuple of str
        The name of class `i` is ``class_names[i]``.
    places : tuple of str, length n_samples
        Where each sample stands in the source: ``"line 3"``, ``"cat/1.png"``.
    columns : tuple of str
        Names of the columns of numbers; empty for texts and pictures.
    left_out : tuple of LeftOut
        Samples that could not be read.
    notes : tuple of str
        What else a person should know: columns that are not used, an encoding that was found out.
    """

    samples: list[str] | np.ndarray | list[np.ndarray]
    labels: np.ndarray
    class_names: tuple[str, ...]
    places: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def input_kind(self) -> Literal["text", "numbers", "image"]:
        """What the samples are; an encoder's `input_kind` says what it takes."""
        if isinstance(self.samples, np.ndarray):
            return "numbers"
        return "text" if isinstance(self.samples[0], str) else "image"

    def part(self, rows: Sequence[int] | np.ndarray) -> "Data":
        """The samples at some positions; places, and what was left out and noted, stay those of the whole."""
        samples: Any = self.samples[rows] if isinstance(self.samples, np.ndarray) else [self.samples[i] for i in rows]
        return self._replace(samples=samples, labels=self.labels[rows])


class _Found:
    """What a source has, while it is read."""

    def __init__(self, notes: list[str] | None = None) -> None:
        self.samples: Any = []
        self.labels: list[str] = []
        self.places: list[str] = []
        self.columns: tuple[str, ...] = ()
        self.left_out: list[LeftOut] = []
        self.notes = [] if notes is None else notes

    def add(self, place: str, label: str) -> None:
        """Note a sample's place and label; the sample itself is kept by the caller."""
        if len(self.labels) >= MAX_SAMPLES:
            raise DataError(f"more than {MAX_SAMPLES:,} samples: take a part of them")
        self.places.append(place)
        self.labels.append(label)


def read_data(
    source: str | os.PathLike,
    class_names: Sequence[str] | None = None,
    label_column: str | None = None,
    text_column: str | None = None,
) -> Data:
    """Read labelled samples.

    Parameters
    ----------
    source : str or path-like
        ``"breast_cancer"``, ``"digits"`` or ``"wine"``, or the path of a table (CSV, TSV, JSON lines, Parquet), a
        folder, or an archive (ZIP, TAR). What it is is told from its content; `FORMATS` describes all that are read.
    class_names : sequence of str, optional
        The classes that may occur, in the order of their indices. By default the labels of the file, in alphabetical
        or numerical order. See `encoders.labels.class_indices`.
    label_column, text_column : str, optional
        Columns of a table, where their names do not tell.

    Returns
    -------
    Data

    Raises
    ------
    DataError
        If nothing can be learnt from it as it is: the message names file and line, and says what to do.
    """
    if source in BUILT_IN:
        return _read_built_in(source, class_names)
    path = Path(source)
    if not path.exists():
        raise DataError(f"{path}: no such file.\n{FORMATS}\n{_SOURCES}")
    try:
        if path.is_dir() or is_archive(path):
            with entries_of(path) as entries:
                found = _read_entries(entries, label_column, text_column)
        else:
            found = _read_rows(read_bytes(path), label_column, text_column)
        return _finished(found, class_names)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def _read_built_in(name: str, class_names: Sequence[str] | None) -> Data:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    labels, names = bunch.target.astype(np.int64), tuple(map(str, bunch.target_names))
    places = tuple(f"row {number}" for number in range(1, len(labels) + 1))
    if class_names is not None and tuple(class_names) != tuple(map(str, range(len(names)))):
        labels, names = class_indices([names[label] for label in labels], places, class_names)
    return Data(bunch.data.astype(np.float64), labels, names, places, tuple(map(str, bunch.feature_names)))


def _finished(found: _Found, class_names: Sequence[str] | None) -> Data:
    present = set(found.labels)
    lost = {label: [r for r in found.left_out if r.label == label] for label in {r.label for r in found.left_out}}
    if "" in lost:
        raise DataError(f"{listed(row.place for row in lost[''])}: no label. Fill it in, or delete the row")
    lost = {label: rows for label, rows in sorted(lost.items()) if label not in present}
    if lost:
        label, rows = next(iter(lost.items()))
        raise DataError(
            f"no sample of the class {label[:60]!r} can be read: {listed(row.place for row in rows)} ({rows[0].reason})"
        )
    if not found.labels:
        raise DataError(f"there are no samples.\n{FORMATS}")
    labels, names = class_indices(found.labels, found.places, class_names)
    if len(present) == 1:
        raise DataError(f"all samples have the label {found.labels[0]!r}, but there is nothing to learn from one class")
    name_of = {label: names[index] for label, index in zip(found.labels, labels.tolist(), strict=True)}
    return Data(
        found.samples,
        labels,
        names,
        tuple(found.places),
        found.columns,
        tuple(row._replace(label=name_of[row.label]) for row in found.left_out),
        tuple(found.notes),
    )


# ---- tables ----------------------------------------------------------------------------------------------------------


def _read_rows(content: bytes, label_column: str | None, text_column: str | None) -> _Found:
    known = (label_column.casefold(),) if label_column else (*LABEL_COLUMNS, _PAIR[0])
    table = read_table(content, known)
    lower = [name.casefold() for name in table.columns]
    twice = next((name for name in lower if name and lower.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two columns are called {twice[:60]!r}: rename one")
    label = _label_column(table.columns, label_column)
    rows = _with_label(table, label)
    text = _text_column(table.columns, label, text_column)
    others = [i for i, name in enumerate(table.columns) if i != label and not _is_key(name)]
    if text is None and len(others) == 1:
        former = list(itertools.islice(rows, _FORMER))
        rows = itertools.chain(former, rows)
        values = [values[others[0]] for _, _, values in former]
        if all(_number(value) is None for value in values if str(value or "").strip()):
            text = others[0]
    found = _Found(table.notes)
    if text is None:
        _numbers(table, rows, others, found)
    else:
        _texts(table, rows, text, found)
    used = {label, *(others if text is None else [text])}
    unused = [
        repr(name[:60]) if name else f"{i + 1} (without a name)"
        for i, name in enumerate(table.columns)
        if i not in used
    ]
    if unused:
        found.notes.append(f"not used: column {listed(unused, 8)}")
    return found


def _is_key(name: str) -> bool:
    """Whether a column is an index or a key of the rows, by its name: nothing is learnt from it."""
    return bool(_UNNAMED.fullmatch(name.casefold()) or _KEY.fullmatch(name))


def _label_column(columns: Sequence[str], wanted: str | None) -> int:
    lower = [name.casefold() for name in columns]
    if wanted is not None:
        if wanted.casefold() in lower:
            return lower.index(wanted.casefold())
        raise DataError(f"no column is called {wanted!r}; there are {', '.join(map(repr, columns))[:300]}")
    known = [name for name in lower if name in LABEL_COLUMNS]
    if "label" in known or len(known) == 1:
        return lower.index("label" if "label" in known else known[0])
    if len(known) > 1:
        first, others = repr(known[0]), ", ".join(map(repr, known[1:]))
        raise DataError(f"is the label in the column {first} or {others}? Name it (label_column)")
    if _PAIR[0] in lower and _PAIR[1] in lower:
        return lower.index(_PAIR[0])
    header = ", ".join(map(repr, columns))[:200]
    raise DataError(
        f"the first line is {header}, not a header that is known: name the column of the labels 'label', or say which "
        f"it is (label_column).\n{FORMATS}"
    )


def _text_column(columns: Sequence[str], label: int, wanted: str | None) -> int | None:
    """The column of texts that is asked for, or whose name tells; None where there is none."""
    lower = [name.casefold() for name in columns]
    if wanted is not None:
        if wanted.casefold() in lower:
            return lower.index(wanted.casefold())
        raise DataError(f"no column is called {wanted!r}; there are {', '.join(map(repr, columns))[:300]}")
    for name in (*TEXT_COLUMNS, *(_PAIR[1:] if lower[label] == _PAIR[0] else ())):
        if name in lower:
            return lower.index(name)
    return None


def _with_label(table: Table, at: int) -> Iterator[tuple[str, str, Sequence[Any]]]:
    for place, values in table.rows:
        try:
            label = label_text(values[at])
        except DataError as error:
            raise DataError(f"{place}: {error}") from error
        yield place, label, values


def _texts(table: Table, rows: Iterator[tuple[str, str, Sequence[Any]]], at: int, found: _Found) -> None:
    for place, label, values in rows:
        value = values[at]
        if isinstance(value, int | float) and value == value:
            value = str(value)
        if value is None or value != value:
            value = ""
        if not isinstance(value, str):
            raise DataError(f"{place}: {table.columns[at]!r} is a {type(value).__name__}, not a text")
        found.add(place, label)
        found.samples.append(_BREAK.sub("\n", value))


def _numbers(
    table: Table, rows: Iterator[tuple[str, str, Sequence[Any]]], columns: Sequence[int], found: _Found
) -> None:
    if not columns:
        raise DataError(f"there is no column besides the label.\n{FORMATS}")
    numbers = array("d")
    decimals = _Decimals()
    for place, label, values in rows:
        row = []
        for at in columns:
            value = _number(values[at])
            if value is None:
                raise DataError(f"{place}: {_no_number(values[at], table.columns[at])}")
            if isinstance(values[at], str):
                decimals.see(place, values[at].strip())
            row.append(value)
        if not np.isfinite(row).all():
            at = columns[int(np.argmin(np.isfinite(row)))]
            found.left_out.append(LeftOut(place, label, f"no finite number in {table.columns[at]!r}"))
            continue
        found.add(place, label)
        numbers.extend(row)
        if len(numbers) > MAX_NUMBERS:
            raise DataError(f"more than {MAX_NUMBERS:,} numbers: take a part of the table")
    found.notes += decimals.notes(table.delimiter)
    samples = np.frombuffer(numbers, dtype=np.float64).reshape(-1, len(columns))
    names = [table.columns[at] for at in columns]
    counts = (np.diff(samples, axis=0) == 1).all(axis=0) & (len(samples) >= _COUNTED)
    if counts.any() and not counts.all():
        counting = [repr(name[:60]) for name, count in zip(names, counts, strict=True) if count]
        found.notes.append(f"not used, because it only counts the rows: column {listed(counting, 8)}")
        samples, names = samples[:, ~counts], [name for name, count in zip(names, counts, strict=True) if not count]
    found.samples, found.columns = samples, tuple(names)


class _Decimals:
    """How the decimals of a table are written, and where first."""

    def __init__(self) -> None:
        self.first: dict[str, str] = {}
        self.certain = False  # whether a comma has been seen that cannot part thousands

    def see(self, place: str, value: str) -> None:
        for mark in ",.":
            if mark in value:
                self.first.setdefault(mark, f"{place}: {value[:40]!r}")
        self.certain = self.certain or ("," in value and not _THOUSANDS.fullmatch(value))

    def notes(self, delimiter: str) -> list[str]:
        """What there is to say of them. Raises `DataError` if they can be read in two ways."""
        comma, point = self.first.get(","), self.first.get(".")
        if comma and point:
            raise DataError(
                f"{comma} and {point}: decimals are written with a comma in one place and with a point in another; "
                "write them all with a point, and thousands without any mark"
            )
        if comma and (delimiter == "," or not self.certain):
            raise DataError(
                f"{comma}: is the comma a decimal mark, or does it part thousands? Write decimals with a point and "
                "thousands without any mark"
            )
        return [f"decimals are read with a comma ({comma})"] if comma else []


def _number(value: Any) -> float | None:
    """A value as a number: NaN where there is none, None where it is something else."""
    if value is None:
        return float("nan")
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return float("nan")
        if text.casefold() in _TRUTH:
            return _TRUTH[text.casefold()]
        if _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        elif "_" in text:  # Python's own way to write thousands
            return None
        value = text
    try:
        return float(value)
    except OverflowError:
        return float("inf")
    except (TypeError, ValueError):
        return None


def _no_number(value: Any, column: str) -> str:
    return (
        f"{str(value)[:60]!r} in the column {column[:60]!r} is not a number; all columns but the label are numbers. "
        "Leave the column out, or write a column of 0 and 1 for each of its values (pandas.get_dummies does it); where "
        "it has the texts to learn from, say so (text_column)."
    )


# ---- folders and archives --------------------------------------------------------------------------------------------


def _read_entries(entries: Entries, label_column: str | None, text_column: str | None) -> _Found:
    found = _Found()
    if entries.others:
        found.notes.append(f"not read, because they are no plain files: {listed(entries.others)}")
    in_folders = [entry for entry in entries.files if "/" in entry.name]
    pictures = [entry for entry in in_folders if _ending(entry) in (*PICTURES, *_OTHER_PICTURES)]
    texts = [entry for entry in in_folders if _ending(entry) == ".txt"]
    tables = [entry for entry in entries.files if _ending(entry) in _TABLES]
    if pictures:
        _read_files(pictures, found, _picture_reader(pictures))
        used = pictures
    elif len(tables) == 1 and len({PurePosixPath(entry.name).parent for entry in texts}) < 2:
        table = _read_rows(tables[0].read(MAX_BYTES + 1), label_column, text_column)
        table.notes[:0] = [f"read from {tables[0].name[:100]}", *found.notes]
        return table
    elif texts:
        _read_files(texts, found, _text_reader())
        used = texts
    elif tables:
        names = listed(entry.name for entry in tables)
        raise DataError(f"{len(tables)} tables ({names}): unpack it and name one of them")
    else:
        raise DataError(f"there are no pictures or texts in folders.\n{FORMATS}")
    passed = [entry.name for entry in entries.files if entry not in used]
    if passed:
        found.notes.append(f"not read: {listed(passed)}")
    return found


def _read_files(entries: Sequence[Entry], found: _Found, read: Callable[[Entry], Any]) -> None:
    """Read one sample from each file; its folder is its class."""
    inner = {e.name: [p for p in PurePosixPath(e.name).parts if p.casefold() not in _SPLITS] for e in entries}
    bare = next((name for name, parts in inner.items() if len(parts) < 2), None)
    if bare is not None:
        raise DataError(f"{bare[:100]!r} is in no folder of a class: put each class into a folder, as cat/1.png")
    shallow, deep = (choose(inner, key=lambda name: len(inner[name])) for choose in (min, max))
    if len(inner[shallow]) != len(inner[deep]):
        raise DataError(
            f"{shallow[:100]!r} and {deep[:100]!r} lie at different depths: put the files of each class into one folder"
        )
    splits = sorted({part for e in entries for part in PurePosixPath(e.name).parts if part.casefold() in _SPLITS})
    if len(splits) > 1:
        found.notes.append(f"the folders {', '.join(splits[:-1])} and {splits[-1]} are read together")
    for entry in entries:
        label = label_text(inner[entry.name][-2])
        place = entry.name[:100]
        try:
            sample = read(entry)
        except SampleError as error:
            found.left_out.append(LeftOut(place, label, str(error)))
            continue
        found.add(place, label)
        found.samples.append(sample)


def _picture_reader(entries: Sequence[Entry]) -> Callable[[Entry], np.ndarray]:
    from encoders.image import grey

    if len(entries) > MAX_PICTURES:
        raise DataError(f"{len(entries):,} pictures; at most {MAX_PICTURES:,} are read")
    if sum(entry.size for entry in entries) > MAX_PICTURES_SIZE:
        raise DataError(f"the pictures have more than {MAX_PICTURES_SIZE:,} bytes when unpacked")
    left = MAX_PICTURES_SIZE

    def read(entry: Entry) -> np.ndarray:
        nonlocal left
        ending = _ending(entry)
        if ending in _OTHER_PICTURES:
            raise SampleError(f"{ending[1:].upper()} is not read: save it as PNG or JPEG")
        picture = grey(io.BytesIO(entry.read(MAX_PICTURES_SIZE)), MAX_PIXELS)
        left -= picture.size
        if left < 0:
            raise DataError(f"the pictures have more than {MAX_PICTURES_SIZE:,} pixels together: make them smaller")
        return picture

    return read


def _text_reader() -> Callable[[Entry], str]:
    left = _MAX_TEXTS_SIZE

    def read(entry: Entry) -> str:
        nonlocal left
        content = entry.read(_MAX_TEXT_FILE + 1)
        left -= len(content)
        if len(content) > _MAX_TEXT_FILE:
            raise SampleError(f"more than {_MAX_TEXT_FILE:,} bytes")
        if left < 0:
            raise DataError(f"the texts have more than {_MAX_TEXTS_SIZE:,} bytes")
        try:
            return _BREAK.sub("\n", content.decode(encoding_of(content)[0]))
        except DataError as error:
            raise SampleError(str(error)) from error

    return read


def _ending(entry: Entry) -> str:
    return PurePosixPath(entry.name).suffix.lower()
