"""People who type commands: each runs in a process of its own, so that it can be killed at any moment."""

import os
import signal
import sys
import threading
from contextlib import contextmanager

from tqdm import tqdm

from scripts import market


class User:
    """Who types commands; each runs in a process of its own, so that it can be killed."""

    def __init__(self, url, folder, account="TEST::0"):
        self.url, self.folder, self.account = url, folder, account

    def start(self, command, *arguments):
        """The id of a process that carries out a command."""
        options = ["--network", self.url, "--deployments", str(self.folder / "deployments")]
        asks = any("--account" in option.opts for option in getattr(command, "params", ())) or command is market.cli
        options += ["--account", self.account] if asks and arguments[0] != "try" else []  # others send nothing
        pid = os.fork()
        if pid:
            return pid
        status = 1
        tqdm.set_lock(threading.RLock())  # the shared one, killed with this, would stop all
        try:
            log = os.open(self.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1)
            market.FOLDER = self.folder / "markets"
            command.main([*arguments, *options], standalone_mode=False)
            status = 0
        except BaseException as error:
            print("FAILED:", type(error).__name__, getattr(error, "message", error))
        finally:
            os._exit(status)

    def do(self, command, *arguments):
        pid = self.start(command, *arguments)
        assert os.waitpid(pid, 0)[1] == 0, self.log

    @property
    def log(self):
        return (self.folder / "log").read_text()

    @property
    def files(self):
        return sorted((self.folder / "markets").glob("*.secret.json"))


@contextmanager
def killed_at_the_end(pid):
    try:
        yield
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def alive(pid):
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False
