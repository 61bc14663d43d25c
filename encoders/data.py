"""Labelled data to learn from: files of texts, numbers or pictures, and the sets that ship with scikit-learn."""

import csv
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import numpy as np

from encoders.errors import DataError, SampleError
from encoders.wire import MAX_CLASSES

BUILT_IN = ("breast_cancer", "digits", "wine")
"""Names of the sets that ship with scikit-learn, all of numbers."""

_FORMATS = """\
Files that can be read:
  - TSV with the header 'label<TAB>text', no quoting; a label is a class index (0, 1, ...) or a class name
  - CSV with the header 'review,sentiment' as the IMDB set is distributed; a sentiment is 'negative' or 'positive'
  - CSV with the columns label and text, in any order
  - CSV or TSV with a column label, and numbers in all others
  - ZIP with a folder of pictures for each class: cat/1.png, cat/2.jpg, dog/1.png"""

_SOURCES = f"""\
Public sets, to be brought into one of these formats:
  - SMS Spam Collection: archive.ics.uci.edu, data set 228
  - movie review snippets: cs.cornell.edu/people/pabo/movie-review-data
  - IMDB reviews: ai.stanford.edu/~amaas/data/sentiment
Without any file: {", ".join(BUILT_IN)} (they ship with scikit-learn)"""

_TSV_HEADER = ["label", "text"]
_CSV_HEADER = ["review", "sentiment"]
_CSV_CLASSES = ("negative", "positive")

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
MAX_PICTURES = 5_000
MAX_PICTURES_SIZE = 100_000_000
"""Bytes of all pictures of a ZIP when unpacked, and of their pixels in grey."""


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
    """

    samples: list[str] | np.ndarray | list[np.ndarray]
    labels: np.ndarray
    class_names: tuple[str, ...]

    @property
    def input_kind(self) -> Literal["text", "numbers", "image"]:
        """What the samples are; an encoder's `input_kind` says what it takes."""
        if isinstance(self.samples, np.ndarray):
            return "numbers"
        return "text" if isinstance(self.samples[0], str) else "image"


def read_data(source: str | os.PathLike, class_names: Sequence[str] | None = None) -> Data:
    """Read labelled samples.

    Parameters
    ----------
    source : str or path-like
        ``"breast_cancer"``, ``"digits"`` or ``"wine"``, or the path of a UTF-8 file: TSV with the header
        ``label<TAB>text`` and without quoting; CSV with the header ``review,sentiment``; CSV with the columns label
        and text; CSV or TSV with a column label and numbers in all others. Or of a ZIP (by its name) with a folder of
        pictures for each class.
    class_names : sequence of str, optional
        The classes that may occur, in the order of their indices; not for ``review,sentiment``. A label is then a name
        or an index. By default labels are indices, and the classes are called by them; where no label is a number,
        the classes are the labels in alphabetical order.

    Returns
    -------
    Data

    Raises
    ------
    DataError
        If the file is missing, empty, not UTF-8, has another header, a line that does not fit it, an unknown label,
        samples of one class only, or pictures that cannot be read or are too many. The message says what to do.
    """
    if source in BUILT_IN:
        return _read_built_in(source)
    path = Path(source)
    if not path.is_file():
        raise DataError(f"{path}: no such file.\n{_FORMATS}\n{_SOURCES}")
    try:
        if path.suffix.lower() == ".zip":
            data = _read_pictures(path, class_names)
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                data = _read_table(file, class_names)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error}); save it as UTF-8 first") from error
    except (DataError, csv.Error, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: {error}") from error
    present = np.unique(data.labels)
    if present.size == 1:
        name = data.class_names[present[0]]
        raise DataError(f"{path}: all samples have the label {name!r}, but there is nothing to learn from one class")
    return data


def _read_built_in(name: str) -> Data:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    return Data(bunch.data.astype(np.float64), bunch.target.astype(np.int64), tuple(map(str, bunch.target_names)))


def _read_table(lines: Iterator[str], class_names: Sequence[str] | None) -> Data:
    header = next(lines, "").rstrip("\r\n")
    if not header:
        raise DataError(f"the file is empty, or begins with an empty line.\n{_FORMATS}")
    comma = header.split(",")
    if header.split("\t") == _TSV_HEADER:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        records = [(number, label, text) for number, (label, text) in _records(reader)]
    elif comma == _CSV_HEADER:
        class_names = _CSV_CLASSES
        records = [(number, label, text) for number, (text, label) in _records(csv.reader(lines, strict=True))]
    elif sorted(comma) == _TSV_HEADER:
        order = comma.index("label"), comma.index("text")
        reader = csv.reader(lines, strict=True)
        records = [(number, fields[order[0]], fields[order[1]]) for number, fields in _records(reader)]
    else:
        return _read_numbers(header, lines, class_names)
    labels, names = _labels([(f"line {number}", label) for number, label, _ in records], class_names)
    return Data([text for _, _, text in records], labels, names)


def _read_numbers(header: str, lines: Iterator[str], class_names: Sequence[str] | None) -> Data:
    delimiter = "\t" if "\t" in header else ","
    columns = [name.strip() for name in next(csv.reader([header], delimiter=delimiter, strict=True))]
    if columns.count("label") != 1 or len(columns) < 2 or "text" in columns:
        raise DataError(f"the first line is {header[:60]!r}, not a header that is known.\n{_FORMATS}")
    at = columns.index("label")
    found, rows = [], []
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    for number, fields in _records(reader, len(columns), f"{len(columns)} as in the first line"):
        found.append((f"line {number}", fields.pop(at)))
        try:
            rows.append([float(field) for field in fields])
        except ValueError as error:
            raise DataError(f"line {number}: {error}; all columns but label are numbers.\n{_FORMATS}") from None
    labels, names = _labels(found, class_names)
    return Data(np.array(rows, dtype=np.float64), labels, names)


def _read_pictures(path: Path, class_names: Sequence[str] | None) -> Data:
    from encoders.image import grey

    found, pictures, pixels = [], [], 0
    with zipfile.ZipFile(path) as archive:
        entries = [e for e in archive.infolist() if not e.is_dir() and _is_picture(PurePosixPath(e.filename))]
        if len(entries) > MAX_PICTURES:
            raise DataError(f"{len(entries):,} pictures; at most {MAX_PICTURES:,} are read")
        if sum(e.file_size for e in entries) > MAX_PICTURES_SIZE:
            raise DataError(f"the pictures have more than {MAX_PICTURES_SIZE:,} bytes when unpacked")
        for entry in entries:
            try:
                with archive.open(entry) as file:  # gives no more bytes than the entry says
                    picture = grey(file, MAX_PICTURES_SIZE - pixels)
            except SampleError as error:
                raise DataError(f"{entry.filename[:100]}: {error}") from error
            except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in an unknown way
                raise DataError(f"{entry.filename[:100]}: cannot be unpacked ({error})") from error
            pixels += picture.size
            pictures.append(picture)
            found.append((entry.filename[:100], PurePosixPath(entry.filename).parent.name))
    labels, names = _labels(found, class_names)
    return Data(pictures, labels, names)


def _is_picture(path: PurePosixPath) -> bool:
    """Whether an entry of a ZIP is a picture in the folder of a class, and nothing that an operating system added."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and bool(path.parent.name) and path.suffix.lower() in SUFFIXES


def _labels(found: Sequence[tuple[str, str]], class_names: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class indices of labels, each of which comes with where it stands; and the names of the classes."""
    if not found:
        raise DataError(f"the file has a header but no samples, or no pictures in folders.\n{_FORMATS}")
    names, index_of = _classes({label for _, label in found}, class_names)
    for where, label in found:
        if label not in index_of:
            known = ", ".join(index_of)
            raise DataError(f"{where}: the label {label[:60]!r} is unknown; known are {known}")
    return np.array([index_of[label] for _, label in found], dtype=np.int64), names


def _records(
    reader: Iterator[list[str]], count: int = 2, wanted: str = "one label and one text"
) -> Iterator[tuple[int, list[str]]]:
    """The line number in the file, and the fields, of each record."""
    for fields in reader:
        number = reader.line_num + 1  # the header was read before
        if len(fields) == count:
            yield number, fields
        elif fields:
            raise DataError(f"line {number}: {len(fields)} fields, not {wanted}.\n{_FORMATS}")


def _classes(found: set[str], class_names: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names of the classes, and the index that each spelling of a label stands for."""
    if class_names is None and found and not any(label.strip().lstrip("+-").isdecimal() for label in found):
        names = tuple(sorted(found))
        if len(names) > MAX_CLASSES:
            raise DataError(f"{len(names):,} different labels, but a model has at most {MAX_CLASSES} classes")
    elif class_names is None:
        # Indices without a gap, as many as there are labels: a stray label then does not make a class of its own.
        names = tuple(str(index) for index in range(min(max(len(found), 2), MAX_CLASSES)))
    else:
        names = tuple(class_names)
    return names, {str(index): index for index in range(len(names))} | {name: i for i, name in enumerate(names)}
