"""What browsers send: fields, files, the chosen account. All of it is bounded and checked."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from eth_utils import to_checksum_address
from starlette.datastructures import UploadFile
from starlette.requests import Request

from comodels.dashboard.reader import is_address
from comodels.dashboard.say import say
from comodels.dashboard.store import MAX_DATA_FILE, MAX_ENCODER_FILE, InputError

FILES = ("file", "picture")  # fields of forms that are files
ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".gz", ".zip", ".tar", ".tgz")  # of data files


def account_of(request: Request) -> str:
    """The account that the browser has chosen; empty if none. It is for display only: whoever signs is who acts."""
    account = request.cookies.get("account", "")
    return to_checksum_address(account) if is_address(account) else ""


async def read_form(request: Request) -> dict:
    """Fields of a form: texts, and the bytes of files with their names under ``<field>.name``."""
    values: dict[str, Any] = {}
    async with request.form(max_files=2, max_fields=50) as form:
        for key, value in form.items():
            if isinstance(value, UploadFile):
                if key not in FILES:
                    continue  # a field that is a text
                values[key] = await value.read(MAX_ENCODER_FILE + 1)
                values[f"{key}.name"] = value.filename or ""
            else:
                values[key] = value
    return values


class uploaded:  # noqa: N801 (a context manager, used like a function)
    """A data file that a person uploaded, as a file that `encoders` can read."""

    def __init__(self, content: bytes, name: str):
        if not content:
            raise InputError(say("error.no_file"))
        if len(content) > MAX_DATA_FILE:
            raise InputError(say("error.data_too_large"))
        self.content = content
        suffix = Path(name).suffix.lower()
        self.suffix = suffix if suffix in ENDINGS else ".tsv"

    def __enter__(self) -> Path:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / f"data{self.suffix}"
        path.write_bytes(self.content)
        return path

    def __exit__(self, *_: Any) -> None:
        self.folder.cleanup()


def number_in(request: Request, name: str, low: int, high: int, default: int | None = None) -> int:
    text = request.query_params.get(name, "")
    value = int(text) if re.fullmatch(r"[0-9]{1,12}", text) else (low if default is None else default)
    return max(low, min(value, high))
