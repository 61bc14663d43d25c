"""The examples in docstrings do what they say; what a contract offers has its NatSpec."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import comodels
import encoders
import scripts

ROOT = Path(__file__).parents[2]
FINDER = doctest.DocTestFinder(exclude_empty=True)


def examples():
    """Every docstring with an example, of the library, the encoders and the commands."""
    for package in (comodels, encoders, scripts):
        names = [package.__name__]
        names += [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
        for name in names:
            yield from (e for e in FINDER.find(importlib.import_module(name)) if e.examples)


EXAMPLES = list(examples())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_docstring__example__gives_what_it_shows(example):
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example).failed == 0


def test_docstrings__library_and_encoders__have_examples():
    assert {e.name.split(".")[0] for e in EXAMPLES} >= {"comodels", "encoders"}


EXTERNAL = re.compile(r"@external\n(?:@\w+.*\n)*def (\w+)\((?:[^()]|\([^()]*\))*\)[^\n]*:\n(\s+\"{3})?")


def without_natspec(source: str) -> list[str]:
    """The external functions of a Vyper source that have no NatSpec."""
    return [name for name, text in EXTERNAL.findall(source) if not text]


def test_natspec__every_external_function__has_it():
    contracts = [path for path in (ROOT / "contracts").rglob("*.vy") if path.parent.name != "testing"]
    functions = {path.name: EXTERNAL.findall(path.read_text()) for path in contracts}

    assert sum(map(len, functions.values())) == sum(path.read_text().count("\n@external\n") for path in contracts)
    assert {path.name: missing for path in contracts if (missing := without_natspec(path.read_text()))} == {}


def test_natspec__function_without__is_told():
    assert without_natspec("@external\n@view\ndef a() -> uint256:\n    return 1\n") == ["a"]
