"""Files that are either the old ones or the new ones, whatever happens while they are written."""

import os
from pathlib import Path


def write_atomically(path: str | os.PathLike, text: str) -> None:
    """Write a UTF-8 text file so that a crash leaves the old file or the new one, never a part of it.

    The text goes to a temporary file in the same folder, is flushed to the disk, and takes the name of `path`.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
