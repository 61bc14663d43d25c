"""Tables from files: delimited text, JSON lines and Parquet, row by row, each with the line where it stands.

Every reader is bounded, because files come from anyone: bytes, rows, columns, and the length of a line. Delimited text
is read by Python's `csv`, which unlike pandas keeps the numbers of the lines.
"""

import codecs
import csv
import gzip
import io
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from encoders.errors import DataError

MAX_BYTES = 200_000_000
"""Of a file, unpacked: the 50,000 reviews of the IMDB set have 66 million."""

MAX_COLUMNS = 4_096
"""Twice what a dense model has features, so that columns can be left out."""

MAX_LINE = 1_000_000
"""Characters."""

DELIMITERS = "\t,;|"

_BOMS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # what Excel understands, and writes
_NUMBER = re.compile(r"[-+0-9.,eE]*")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_MAX_DEPTH = 50
_WESTERN = "cp1252"  # what Windows writes in Western Europe and America, and of which Latin-1 is a part
_CHUNK = 1_000_000
_ENOUGH = 200_000  # bytes to tell an encoding by

_OTHERS = (  # what people have besides, by how it begins
    (b"\xd0\xcf\x11\xe0", "a workbook of Excel: save the sheet as 'CSV UTF-8'"),
    (b"PK\x03\x04", "a workbook of Excel (save the sheet as 'CSV UTF-8'), or an archive that is cut off"),
    ((b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\x28\xb5\x2f\xfd"), "an archive of RAR, 7z or zstd: pack it as ZIP"),
    ((b"\x89PNG", b"\xff\xd8\xff", b"GIF8"), "one picture: put those of each class into a folder, as cat/1.png"),
    ((b"%PDF", b"ARROW1", b"ORC", b"\x93NUMPY", b"\x80\x04", b"SQLite"), "no table that is read: save it as CSV"),
)

TOO_LARGE = f"more than {MAX_BYTES:,} bytes: take a part of it"


class Table(NamedTuple):
    """A table whose rows are read when they are asked for.

    Attributes
    ----------
    columns : tuple of str
        Without spaces around them; may be empty.
    rows : iterator of (str, sequence)
        Where the row stands (``"line 3"``), and its values, one for each column: texts, or what JSON and Parquet have.
    delimiter : str
        Empty where values have types.
    notes : list of str
        What was noticed; grows while rows are read.
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[str, Sequence[Any]]]
    delimiter: str
    notes: list[str]


def read_table(content: bytes, label_columns: Sequence[str]) -> Table:
    """The table in the bytes of a file, whatever its form.

    Parameters
    ----------
    content : bytes
    label_columns : sequence of str
        Names (in lower case) by which a header is known: they decide between delimiters.

    Raises
    ------
    DataError
        If it is none of the forms that are read, or too large; also while the rows are read.
    """
    if content.startswith(b"\x1f\x8b"):
        content = _gunzip(content)
    if len(content) > MAX_BYTES:
        raise DataError(TOO_LARGE)
    if content.startswith(b"PAR1"):
        return _parquet(content)
    for start, what in _OTHERS:
        if content.startswith(start):
            raise DataError(f"this is {what}")
    encoding, notes = encoding_of(content)
    if content[:_ENOUGH].decode(encoding, "ignore").lstrip()[:1] in ("{", "["):
        return _json_lines(_lines(content, encoding), notes)
    return _delimited(_lines(content, encoding), notes, label_columns)


def encoding_of(content: bytes) -> tuple[str, list[str]]:
    """The encoding of the text in the bytes of a file, as Python calls it, and what there is to say about it.

    UTF-8, or what a byte-order mark or an ASCII header in two bytes a letter says. Anything else is taken only if there
    is no doubt: all encodings that charset-normalizer holds possible give the same text, and it knows the language.

    Raises
    ------
    DataError
        If it is none of these: the message names the most likely encoding.
    """
    for mark, encoding, name in _BOMS:
        if content.startswith(mark):
            if _first_error(content, encoding) is not None:
                raise DataError(f"begins like {name}, but is not; save it as UTF-8")
            return encoding, [] if name == "UTF-8" else [f"read as {name}"]
    at = _first_error(content, "utf-8")
    if at is None and (nul := content.find(b"\0")) < 0:
        return "utf-8", []
    for encoding, (letters, zeros) in (("utf-16-le", (0, 1)), ("utf-16-be", (1, 0))):
        start = content[:20]
        if not any(start[zeros::2]) and all(start[letters::2]) and _first_error(content, encoding) is None:
            return encoding, [f"read as {encoding.upper()}"]
    if at is None:
        raise DataError(f"line {_line(content, nul)}: a NUL byte, which no text has; save it as text in UTF-8")
    return _guess(content, f"line {_line(content, at)}")


def _first_error(content: bytes, encoding: str) -> int | None:
    """About where bytes cannot be decoded: known to a million bytes, and exactly for UTF-8. Keeps no text."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for start in range(0, len(content), _CHUNK):
        end = start + _CHUNK
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(content[start:end], final=end >= len(content))
        except UnicodeDecodeError as error:
            return start - held + error.start
    return None


def _line(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1


def _guess(content: bytes, where: str) -> tuple[str, list[str]]:
    from charset_normalizer import from_bytes

    matches = list(from_bytes(_strange_lines(content)))
    likely = next((m for m in matches if _WESTERN in (m.encoding, *m.could_be_from_charset)), None)
    if likely is None:
        name = f"; most likely {matches[0].encoding.replace('_', '-')}" if matches else ""
        raise DataError(f"{where}: not UTF-8{name}. Save it as UTF-8")
    same = {str(match) for match in matches if match.chaos <= likely.chaos}
    if len(same) == 1 and likely.coherence > 0 and _first_error(content, _WESTERN) is None:
        return _WESTERN, [f"read as {_WESTERN}, since it is not UTF-8 ({where})"]
    raise DataError(
        f"{where}: not UTF-8, and not certainly anything else; most likely {_WESTERN}. Save it as UTF-8 (in Excel: "
        "'CSV UTF-8')"
    )


def _strange_lines(content: bytes) -> bytes:
    """The lines that are not ASCII, as many as are enough."""
    strange, size = [], 0
    for line in content.splitlines(keepends=True):
        if not line.isascii():
            strange.append(line[:_ENOUGH])
            size += len(line)
            if size > _ENOUGH:
                break
    return b"".join(strange)


def _gunzip(content: bytes) -> bytes:
    try:
        unpacked = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_BYTES + 1)
    except (OSError, EOFError) as error:
        raise DataError(f"cannot be unpacked ({error})") from error
    return unpacked


# ---- delimited text --------------------------------------------------------------------------------------------------


def _delimited(lines: Iterator[str], notes: list[str], label_columns: Sequence[str]) -> Table:
    number, header = 0, ""
    for header in lines:
        number += 1
        if header.strip():
            break
    if not header.strip():
        raise DataError("the file is empty")
    told = _SEPARATOR_LINE.fullmatch(header)
    if told:
        number, header = number + 1, next(lines, "")
    delimiter, columns = _header(header, told[1] if told else DELIMITERS, label_columns)
    first = next(lines, "")
    quoted = delimiter != "\t" or any(map(_in_quotes, (header, first)))
    lines = itertools.chain([first] if first else [], lines)
    quoting = {"strict": True, "skipinitialspace": True} if quoted else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(lines, delimiter=delimiter, **quoting)
    return Table(columns, _records(reader, number, columns, notes, delimiter), delimiter, notes)


def _in_quotes(line: str) -> bool:
    """Whether a line of a TSV has its texts in quotation marks: each field that is no number. Else, marks are text."""
    texts = [f for f in (field.strip() for field in line.split("\t")) if not _NUMBER.fullmatch(f)]
    return bool(texts) and all(len(f) > 1 and f[0] == f[-1] == '"' for f in texts)


def _lines(content: bytes, encoding: str) -> Iterator[str]:
    file = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise DataError(f"line {number}: more than {MAX_LINE:,} characters")
        yield line


def _header(line: str, delimiters: str, label_columns: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The delimiter by which the header has a column for labels, and the most columns."""
    found = []
    for order, delimiter in enumerate(delimiters):
        try:
            fields = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        except csv.Error:  # a field that is longer than the reader takes
            continue
        columns = tuple(name.strip().strip("\ufeff") for name in fields)
        known = any(name.casefold() in label_columns for name in columns)
        found.append((known, len(columns), -order, delimiter, columns))
    if not found:
        raise DataError(f"the first line is no header: {line[:60]!r} ...")
    _, count, _, delimiter, columns = max(found)
    if count > MAX_COLUMNS:
        raise DataError(f"{count:,} columns; at most {MAX_COLUMNS:,} are read")
    return delimiter, columns


def _records(
    reader: Any, before: int, columns: tuple[str, ...], notes: list[str], delimiter: str
) -> Iterator[tuple[str, list[str]]]:
    count = len(columns)
    while True:
        where = f"line {before + reader.line_num + 1}"
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error) or "field limit" in str(error):
                raise DataError(f"{where}: {error}; is a quotation mark opened and not closed?") from error
            raise DataError(f"{where}: {error}") from error
        if not any(fields):
            continue
        if len(fields) != count:
            hint = f"; texts that contain {delimiter!r} are put in quotation marks" if len(fields) > count else ""
            if delimiter == "\t":
                hint = "; a text has no tab and no line break here, save it as CSV if it needs them"
            raise DataError(f"{where}: {len(fields)} fields, not {count} as in the first line{hint}")
        if tuple(field.strip() for field in fields) == columns:
            notes.append(f"{where}: the header once more, left out")
            continue
        yield where, fields


# ---- JSON lines and Parquet ------------------------------------------------------------------------------------------


def _json_lines(lines: Iterator[str], notes: list[str]) -> Table:
    def objects() -> Iterator[tuple[str, dict]]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            if _depth(line) > _MAX_DEPTH:
                raise DataError(f"line {number}: nested too deeply")
            try:
                value = json.loads(line)
            except ValueError as error:
                raise DataError(f"line {number}: not an object of JSON ({error}); JSON lines have one a line") from None
            if not isinstance(value, dict):
                raise DataError(f"line {number}: not an object of JSON, as {{...}}; JSON lines have one a line")
            yield f"line {number}", value

    rows = objects()
    first_where, first = next(rows)
    columns = tuple(first)
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{len(columns):,} names in the first object; at most {MAX_COLUMNS:,} are read")

    def values() -> Iterator[tuple[str, list[Any]]]:
        yield first_where, list(first.values())
        for where, value in rows:
            new = value.keys() - first.keys()
            if new:
                raise DataError(f"{where}: {min(new)[:60]!r} is not in the first object: give all the same names")
            yield where, [value.get(name) for name in columns]

    return Table(tuple(name.strip() for name in columns), values(), "", notes)


def _depth(line: str) -> int:
    """How deeply a line of JSON nests, at most: Python's reader has no bound but the stack, and may end with it."""
    if line.count("[") + line.count("{") <= _MAX_DEPTH:
        return 0
    brackets = _JSON_STRING.sub("", line)
    return max(itertools.accumulate((c in "[{") - (c in "]}") for c in brackets))


def _parquet(content: bytes) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(content))
        schema, metadata = file.schema_arrow, file.metadata
        size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        if size > MAX_BYTES or metadata.num_rows > MAX_BYTES // 10:
            raise DataError(TOO_LARGE)
        if len(schema) > MAX_COLUMNS:
            raise DataError(f"{len(schema):,} columns; at most {MAX_COLUMNS:,} are read")
        # As dictionaries: a text that is repeated a million times is then one text.
        texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        file = parquet.ParquetFile(pa.BufferReader(content), read_dictionary=texts)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"not a Parquet file that can be read ({error})") from error

    def rows() -> Iterator[tuple[str, list[Any]]]:
        number = 0
        try:
            for batch in file.iter_batches(batch_size=1_024):
                if batch.nbytes > MAX_BYTES:
                    raise DataError(TOO_LARGE)
                for row in zip(*map(_arrow_values, batch.columns), strict=True):
                    number += 1
                    yield f"row {number}", list(row)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"row {number + 1}: cannot be read ({error})") from error

    return Table(tuple(name.strip() for name in schema.names), rows(), "", [])


def _arrow_values(array: Any) -> list[Any]:
    if hasattr(array, "dictionary"):
        values = array.dictionary.to_pylist()
        return [None if index is None else values[index] for index in array.indices.to_pylist()]
    return array.to_pylist()


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises `DataError` if there are more than are read."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DataError(TOO_LARGE)
    return content
