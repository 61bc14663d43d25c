"""Labelled data to learn from: text files, and the sets that ship with scikit-learn."""

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from encoders.errors import DataError
from encoders.wire import MAX_CLASSES

BUILT_IN = ("breast_cancer", "digits", "wine")
"""Names of the sets that ship with scikit-learn, all of numbers."""

_FORMATS = """\
Files that can be read:
  - TSV with the header 'label<TAB>text', no quoting; a label is a class index (0, 1, ...) or a class name
  - CSV with the header 'review,sentiment' as the IMDB set is distributed; a sentiment is 'negative' or 'positive'"""

_SOURCES = f"""\
Public sets, to be brought into one of these formats:
  - SMS Spam Collection: archive.ics.uci.edu, data set 228
  - movie review snippets: cs.cornell.edu/people/pabo/movie-review-data
  - IMDB reviews: ai.stanford.edu/~amaas/data/sentiment
Without any file: {", ".join(BUILT_IN)} (they ship with scikit-learn)"""

_TSV_HEADER = ["label", "text"]
_CSV_HEADER = ["review", "sentiment"]
_CSV_CLASSES = ("negative", "positive")


class Data(NamedTuple):
    """Labelled samples.

    Attributes
    ----------
    samples : list of str, or ndarray of float64, shape (n_samples, n_features)
        Texts or rows of numbers, in the order of the source.
    labels : ndarray of int64, shape (n_samples,)
        Class indices.
    class_names : tuple of str
        The name of class `i` is ``class_names[i]``.
    """

    samples: list[str] | np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]


def read_data(source: str | os.PathLike, class_names: Sequence[str] | None = None) -> Data:
    """Read labelled samples.

    Parameters
    ----------
    source : str or path-like
        ``"breast_cancer"``, ``"digits"`` or ``"wine"``, or the path of a UTF-8 file: TSV with the header
        ``label<TAB>text`` and without quoting, or CSV with the header ``review,sentiment``.
    class_names : sequence of str, optional
        For TSV: the classes that may occur, in the order of their indices. A label is then a name or an index. By
        default labels are indices, and the classes are called by them.

    Returns
    -------
    Data

    Raises
    ------
    DataError
        If the file is missing, empty, not UTF-8, has another header, a line that is not one label and one text, an
        unknown label, or samples of one class only. The message says what to do.
    """
    if source in BUILT_IN:
        return _read_built_in(source)
    path = Path(source)
    if not path.is_file():
        raise DataError(f"{path}: no such file.\n{_FORMATS}\n{_SOURCES}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            data = _read_text(file, class_names)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error}); save it as UTF-8 first") from error
    except (DataError, csv.Error) as error:
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


def _read_text(lines: Iterator[str], class_names: Sequence[str] | None) -> Data:
    header = next(lines, "").rstrip("\r\n")
    if not header:
        raise DataError(f"the file is empty, or begins with an empty line.\n{_FORMATS}")
    if header.split("\t") == _TSV_HEADER:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        records = [(number, label, text) for number, (label, text) in _records(reader)]
    elif header.split(",") == _CSV_HEADER:
        class_names = _CSV_CLASSES
        records = [(number, label, text) for number, (text, label) in _records(csv.reader(lines, strict=True))]
    else:
        raise DataError(f"the first line is {header[:60]!r}, not a header that is known.\n{_FORMATS}")
    if not records:
        raise DataError("the file has a header but no samples")
    names, index_of = _classes({label for _, label, _ in records}, class_names)
    for number, label, _ in records:
        if label not in index_of:
            known = ", ".join(index_of)
            raise DataError(f"line {number}: the label {label[:60]!r} is unknown; known are {known}")
    labels = np.array([index_of[label] for _, label, _ in records], dtype=np.int64)
    return Data([text for _, _, text in records], labels, names)


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """The line number in the file, and the two fields, of each record."""
    for fields in reader:
        number = reader.line_num + 1  # the header was read before
        if len(fields) == 2:
            yield number, fields
        elif fields:
            raise DataError(f"line {number}: {len(fields)} fields, not one label and one text.\n{_FORMATS}")


def _classes(found: set[str], class_names: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names of the classes, and the index that each spelling of a label stands for."""
    if class_names is None:
        # Indices without a gap, as many as there are labels: a stray label then does not make a class of its own.
        names = tuple(str(index) for index in range(min(max(len(found), 2), MAX_CLASSES)))
    else:
        names = tuple(class_names)
    return names, {str(index): index for index in range(len(names))} | {name: i for i, name in enumerate(names)}
