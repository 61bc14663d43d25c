"""Folders and archives: which files they have, and their bytes, without unpacking anything to the disk.

Archives come from anyone, so names that lead out of them are refused, links are not followed, and what is unpacked is
bounded: by the sizes that an archive states before anything is read, and by what is really read.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, cast

from encoders.errors import DataError

MAX_ENTRIES = 150_000
"""Files: the IMDB set has 100,000 texts."""

MAX_UNPACKED = 1_000_000_000
"""Bytes of all files."""

_MAX_DIRECTORY = 30_000_000  # bytes of the table of contents of a ZIP, about 200 for each file
_SYSTEM = ("__MACOSX", "Thumbs.db", "desktop.ini")  # what operating systems add
_BROKEN = (OSError, EOFError, RuntimeError, NotImplementedError, ValueError, zlib.error, lzma.LZMAError)


class Entry(NamedTuple):
    """A file in a folder or an archive.

    Attributes
    ----------
    name : str
        Its path inside, with ``/`` between the parts.
    size : int
        Bytes, as the archive states.
    read : callable (int) -> bytes
        At most so many bytes of it; raises `DataError` if they cannot be had. The files of a TAR are best read in
        their order.
    """

    name: str
    size: int
    read: Callable[[int], bytes]


class Entries(NamedTuple):
    """The files in a folder or an archive, and the names of what is none: links, devices."""

    files: list[Entry]
    others: list[str]


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP or a TAR, by what is in it; not one whose only content is a workbook of Excel."""
    if zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return b"[Content_Types].xml" not in file.read(200)
    with contextlib.suppress(OSError, EOFError, lzma.LZMAError, zlib.error), _plain(path) as file:
        file.seek(257)
        return file.read(5) == b"ustar"
    return False


@contextlib.contextmanager
def entries_of(path: Path) -> Iterator[Entries]:
    """The files of a folder, a ZIP or a TAR (also packed by gzip, bzip2 or xz), in the order of their names.

    Hidden files and what operating systems add are passed over.

    Raises
    ------
    DataError
        If it cannot be read, has a name that leads out of it, too many files or too many bytes.
    """
    try:
        if path.is_dir():
            yield _checked(_folder(path))
        elif zipfile.is_zipfile(path):
            _check_directory(path)
            with zipfile.ZipFile(path) as archive:
                yield _checked(_zip(archive))
        else:
            with _plain(path) as file, tarfile.open(fileobj=_Bounded(file), mode="r:") as archive:
                yield _checked(_tar(archive))
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise DataError(f"the archive is broken ({error})") from error


def _checked(found: Iterator[tuple[str, int, Callable[[int], bytes] | None]]) -> Entries:
    files, others, total = [], [], 0
    for count, (name, size, read) in enumerate(found, 1):
        if count > MAX_ENTRIES:
            raise DataError(f"more than {MAX_ENTRIES:,} files")
        name = name.replace("\\", "/")  # some programs on Windows write it so
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith("/") or (parts and parts[0].endswith(":")) or "\0" in name:
            raise DataError(f"{name[:100]!r} leads out of the archive: do not trust it")
        if not parts or any(part.startswith(".") or part in _SYSTEM for part in parts):
            continue
        if read is None:
            others.append("/".join(parts))
            continue
        total += size
        if total > MAX_UNPACKED:
            raise DataError(f"more than {MAX_UNPACKED:,} bytes when unpacked: take a part of it")
        files.append(Entry("/".join(parts), size, read))
    return Entries(sorted(files, key=lambda entry: entry.name), sorted(others))


def _folder(top: Path) -> Iterator[tuple[str, int, Callable[[int], bytes] | None]]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*files, *(name for name in folders if Path(folder, name).is_symlink())]:
            path = Path(folder, name)
            status = path.lstat()
            read = _opener(partial(path.open, "rb"), name) if stat.S_ISREG(status.st_mode) else None
            yield path.relative_to(top).as_posix(), status.st_size, read


def _check_directory(path: Path) -> None:
    """Refuse a table of contents that alone would fill the memory: `ZipFile` reads it whole."""
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if end is None or end[zipfile._ECD_SIZE] > _MAX_DIRECTORY:  # type: ignore[attr-defined]
        raise DataError("the archive is broken, or has too many files")


def _zip(archive: zipfile.ZipFile) -> Iterator[tuple[str, int, Callable[[int], bytes] | None]]:
    for entry in archive.infolist():
        if entry.is_dir() or entry.filename.endswith("\\"):
            continue
        name = _name(entry)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        plain = kind in (0, stat.S_IFREG)
        read = _opener(partial(archive.open, entry), name) if plain else None
        yield name, entry.file_size, read


def _name(entry: zipfile.ZipInfo) -> str:
    """A file's name. Old programs write the letters of their country without saying so: names in UTF-8 are certain.

    Raises `DataError` if the name of a folder, which is that of a class, is not certain.
    """
    name = entry.filename
    if name.isascii() or entry.flag_bits & 0x800:  # said to be UTF-8
        return name
    try:
        return name.encode("cp437").decode()  # undoes what `zipfile` takes names for
    except UnicodeError:
        if PurePosixPath(name.replace("\\", "/")).parent.as_posix().isascii():
            return name
        raise DataError(
            f"the folder of {name[:100]!r} is not named in UTF-8, so that its letters are not certain: name "
            "folders in plain letters, or pack them by another program (7-Zip)"
        ) from None


def _tar(archive: tarfile.TarFile) -> Iterator[tuple[str, int, Callable[[int], bytes] | None]]:
    for member in archive:
        if member.isdir():
            continue
        read = _opener(partial(archive.extractfile, member), member.name) if member.isreg() else None
        yield member.name.removeprefix("./"), member.size, read


def _opener(opened: Callable[[], Any], name: str) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        try:
            with opened() as file:
                return file.read(most)
        except (*_BROKEN, zipfile.BadZipFile, tarfile.TarError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{name[:100]}: cannot be unpacked ({error})") from error

    return read


def _plain(path: Path) -> BinaryIO:
    """A file, unpacked while it is read, by what it begins with."""
    with path.open("rb") as file:
        start = file.read(6)
    for mark, opened in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open)):
        if start.startswith(mark):
            return cast(BinaryIO, opened(path))
    return path.open("rb")


class _Bounded(io.RawIOBase):
    """A stream of which no more than `MAX_UNPACKED` bytes, and what a TAR adds to them, can be had."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._most = MAX_UNPACKED + 1_024 * MAX_ENTRIES

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        self._check(self.tell() + max(size, 0))
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            self._check(offset)
        return self._file.seek(offset, whence)

    def _check(self, position: int) -> None:
        if position > self._most:
            raise DataError(f"more than {MAX_UNPACKED:,} bytes when unpacked: take a part of it")
