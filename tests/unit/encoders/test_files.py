"""Writing a file: all of it or nothing."""

import os
from pathlib import Path

import pytest

from encoders.files import write_atomically


def test_write_atomically__new_and_existing_file__has_the_text(tmp_path: Path) -> None:
    path = tmp_path / "encoder.json"
    write_atomically(path, "café\n")
    assert path.read_bytes() == b"caf\xc3\xa9\n"
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["encoder.json"]


def test_write_atomically__failure_before_the_end__leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "encoder.json"
    path.write_text("old")

    def full_disk(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["encoder.json"]
