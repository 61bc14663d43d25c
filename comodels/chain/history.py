"""The events about a model, read once: what was read is kept in a file, and read again where the chain has changed.

Each line of the file is a stretch of blocks: its first and last block, the hash of the last, and the logs. A second
call reads only what is new. If a stretch's last block has another hash than then, the chain was reorganised, and it is
read again.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from comodels.chain.abi import word
from comodels.chain.logs import Contribution, created_block, pages
from comodels.chain.node import Node, all_of
from comodels.wire import ADD_DATA_TOPIC

FIELDS = ("topics", "data", "blockNumber", "logIndex")  # of a log, what is kept
STRETCH = 1_000  # logs after which a new stretch begins
TIP = 32  # of the latest blocks nothing is kept: they may change


class History:
    """All events of an incentive about a model.

    Parameters
    ----------
    trainer : str
        The incentive's address.
    path : Path, optional
        The file; without one, what was read is kept as long as this object.
    first : int, optional
        Before which block there are none; looked for on the chain where it is not known.
    """

    def __init__(self, node: Node, model: str, trainer: str, path: Path | None = None, first: int | None = None):
        self.node, self.model, self.trainer, self.path, self.first = node, model, trainer, path, first
        self.latest = 0  # block of the last reading
        self._stretches: list[dict[str, Any]] = []
        if path is not None and path.is_file():
            for line in path.read_bytes().split(b"\n")[:-1]:  # what follows the last end of a line was cut off
                self._stretches.append(json.loads(line))

    @functools.cached_property
    def beginning(self) -> int:
        """Before which block there are none."""
        return self.first if self.first is not None else created_block(self.node, self.model)

    def logs(self) -> list[dict[str, Any]]:
        """All logs up to the latest block, in their order; what takes long shows how far it is."""
        self._forget_what_changed()
        first = self._stretches[-1]["last"] + 1 if self._stretches else self.beginning
        latest = self.latest = self.node.block
        with tqdm(total=max(0, latest + 1 - first), desc="Reading", unit="block", delay=1, leave=False) as bar:
            try:
                for end, page in self._pages(first, latest - TIP):
                    self._add(first, end, page)
                    bar.update(end + 1 - first)
                    first = end + 1
            finally:  # interrupted, it goes on here
                self._close()
            tip = [log for _, page in self._pages(first, latest) for log in page]
        return [log for stretch in self._stretches for log in stretch["logs"]] + tip

    def _pages(self, first: int, last: int) -> Iterator[tuple[int, list[dict]]]:
        return pages(self.node, first, last, [None, word(self.model)], self.trainer)

    def contributions(self) -> list[Contribution]:
        """All contributions, in their order."""
        added = [log for log in self.logs() if log["topics"][0] == ADD_DATA_TOPIC]
        return [Contribution.from_log(log, number) for number, log in enumerate(added)]

    def _forget_what_changed(self) -> None:
        """Drop the stretches whose last block is another one now, from the end."""
        for stretch in reversed(self._stretches):
            block = self.node.rpc("eth_getBlockByNumber", hex(stretch["last"]), False)
            if block is not None and block["hash"] == stretch["hash"]:
                return
            self._stretches.pop()
        self._stretches.clear()

    def _add(self, first: int, end: int, page: list[dict]) -> None:
        """Put a page behind what is there; its hash is not known yet."""
        kept = [{field: log[field] for field in FIELDS} for log in page]
        if not self._stretches or len(self._stretches[-1]["logs"]) > STRETCH:
            self._stretches.append({"first": first, "last": end, "hash": None, "logs": kept})
        else:
            self._stretches[-1]["last"], self._stretches[-1]["hash"] = end, None
            self._stretches[-1]["logs"] += kept

    def _close(self) -> None:
        """Ask for the hashes of the blocks at which new stretches end, and write the file."""
        new = [stretch for stretch in self._stretches if stretch["hash"] is None]
        if not new:
            return
        blocks = self.node.many([("eth_getBlockByNumber", [hex(stretch["last"]), False]) for stretch in new])
        for stretch, block in zip(new, all_of(blocks), strict=True):
            stretch["hash"] = block and block["hash"]
        if self.path is None:
            return
        kept = len(self._stretches) - len(new)
        with suppress(OSError):  # it is read again then
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                lines = file.read().split(b"\n")[:kept]
                if [json.loads(line)["hash"] for line in lines] != [s["hash"] for s in self._stretches[:kept]]:
                    return  # another process has written it meanwhile
                file.seek(sum(len(line) + 1 for line in lines))
                file.truncate()
                file.write(b"".join(json.dumps(stretch).encode() + b"\n" for stretch in new))
