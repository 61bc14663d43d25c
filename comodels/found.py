"""What there is of a kind of part: models, incentives, desks of the simulation and of the page.

A part is a file in its package's folder with a class that says the name of its contract. Nothing lists them: a new file
is found. So is one in a folder ``comodels/…`` of any other directory on Python's path: see docs/new-model.md.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class Found(Mapping[str, Any]):
    """The classes of parts by the names of their contracts, in the order of the files; read when asked for.

    Parameters
    ----------
    attribute : str
        The attribute that holds the contract's name, written in the body of the class as ``attribute = "Name"``.
    *where : str
        Modules, and packages whose files are looked through.
    key, value : callable, optional
        Make of the contract's name what parts are asked for by, and of the class what is given.

    Examples
    --------
    >>> models = Found("KIND", "comodels.models")
    >>> list(models)[:2], models["NaiveBayes"].FAMILY
    (['DensePerceptron', 'LevelPerceptron'], 'naive-bayes')
    """

    def __init__(
        self,
        attribute: str,
        *where: str,
        key: Callable[[str], str] = str,
        value: Callable[[type], Any] = lambda part: part,
    ):
        self.attribute = attribute
        self.where = where
        self.key = key
        self.value = value

    def __getitem__(self, key: str) -> Any:
        contract, module = self._places()[key]
        for part in vars(import_module(module)).values():
            if isinstance(part, type) and vars(part).get(self.attribute) == contract:
                return self.value(part)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places())

    def __len__(self) -> int:
        return len(self._places())

    def __contains__(self, key: object) -> bool:
        return key in self._places()

    def _places(self) -> dict[str, tuple[str, str]]:
        """By key the name of the contract, and the module; nothing but packages is imported."""
        found: dict[str, tuple[str, str]] = {}
        for module, path in self._files():
            for contract in _stated(path, path.stat().st_mtime_ns, self.attribute):
                found.setdefault(self.key(contract), (contract, module))
        return found

    def _files(self) -> list[tuple[str, Path]]:
        files = []
        for name in self.where:
            spec = find_spec(name)
            if spec is not None and spec.submodule_search_locations is None:
                files.append((name, Path(str(spec.origin))))
                continue
            for folder in import_module(name).__path__:
                files += [(f"{name}.{path.stem}", path) for path in sorted(Path(folder).glob("[a-z]*.py"))]
        return files


@functools.lru_cache(maxsize=256)
def _stated(path: Path, written: int, attribute: str) -> list[str]:
    """The values of an attribute in the classes of a file as it was written at that time."""
    pattern = rf'^    {attribute}(?:: ClassVar\[str\])? = "(\w+)"$'
    return re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
