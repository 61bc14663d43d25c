"""Files that are either the old ones or the new ones, whatever happens while they are written; JSON of strangers."""

import json
import os
import re
from pathlib import Path
from typing import Any

MAX_DEPTH = 10
"""Lists in lists of JSON; what is written here has at most five."""

MAX_LISTS = 100_000
"""Lists and objects in one JSON; the largest projection of pictures has 2,048."""

# A string, closed or not, or a bracket. It takes whatever it begins with, so that a hostile text costs one pass.
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)


def read_json(content: bytes, max_depth: int = MAX_DEPTH, max_lists: int = MAX_LISTS) -> Any:
    """Parse JSON that somebody else wrote.

    The parser of Python calls itself for each list within a list, and ends the whole program where there are too many.

    Raises
    ------
    ValueError
        If it is no JSON in UTF-8, nested more than `max_depth` deep, or has more than `max_lists` lists and objects.

    Examples
    --------
    >>> read_json(b'{"words": ["[[[[[[[[[[[[["]}')
    {'words': ['[[[[[[[[[[[[[']}
    >>> read_json(b"[" * 11 + b"]" * 11)
    Traceback (most recent call last):
        ...
    ValueError: nested more than 10 deep
    """
    if content.count(b"[") + content.count(b"{") > max_lists:
        raise ValueError(f"more than {max_lists:,} lists and objects")
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(content):
        if match[0] in (b"[", b"{"):
            depth += 1
            if depth > max_depth:
                raise ValueError(f"nested more than {max_depth} deep")
        elif match[0] in (b"]", b"}"):
            depth -= 1
    return json.loads(content.decode("utf-8"))


def write_atomically(path: str | os.PathLike, text: str) -> None:
    """Write a UTF-8 text file so that a crash leaves the old file or the new one, never a part of it.

    The text goes to a temporary file in the same folder, is flushed to the disk, and takes the name of `path`.
    """
    write_bytes_atomically(path, text.encode("utf-8"))


def write_bytes_atomically(path: str | os.PathLike, content: bytes) -> None:
    """Write a file of bytes in the same way."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
