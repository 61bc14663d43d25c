"""Reading of the chain that may take long: it goes on by itself, and who asks meanwhile is told how far it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

PATIENCE = 0.3  # seconds that a page waits


class StillReading(Exception):
    """What was asked for is being read.

    Attributes
    ----------
    share : float
        How much of it is read, from 0 to 1.
    """

    def __init__(self, share: float):
        super().__init__(f"{share:.0%} is read")
        self.share = share


class Task(threading.Thread):
    """One reading.

    Attributes
    ----------
    share : float
        How much is done, from 0 to 1, as the work tells.
    error : Exception or None
        With which it ended.
    """

    def __init__(self, work: Callable[[Task], None]):
        super().__init__(daemon=True)
        self.work, self.share = work, 0.0
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.work(self)
        except Exception as error:  # raised where somebody waits for it
            self.error = error


class Readings:
    """What is being read."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, Task] = {}
        self._lock = threading.Lock()

    def wait(self, key: Hashable, work: Callable[[Task], None], patience: float | None = None) -> None:
        """Have something read up to now; two readings with the same key come after each other.

        Parameters
        ----------
        patience : float, optional
            Seconds after which `StillReading` is raised; by default `PATIENCE`.

        Raises
        ------
        StillReading
            If it takes longer; it goes on, and is asked for again.
        """
        end = time.monotonic() + (PATIENCE if patience is None else patience)
        while True:
            with self._lock:
                task = self._tasks.get(key)
                ours = task is None or not task.is_alive()
                if ours:  # one that began before may lack what has come since
                    task = self._tasks[key] = Task(work)
            assert task is not None
            task.join(max(0.0, end - time.monotonic()))
            if task.is_alive():
                raise StillReading(task.share)
            with self._lock:
                if self._tasks.get(key) is task:
                    del self._tasks[key]
            if task.error is not None:
                raise task.error
            if ours:
                return
