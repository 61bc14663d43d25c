"""Tables in Markdown, and the places in documents where generated ones stand."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figure(values: Sequence[float]) -> str:
    """A mean and its standard error; empty where there is nothing.

    Examples
    --------
    >>> figure([90.0, 92.0]), figure([90.0])
    ('91.0 ± 1.0', '90.0 ± 0.0')
    """
    error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0
    return f"{mean(values):.1f} ± {error:.1f}" if values else ""


def by_name(measured: Iterable[tuple[Any, Sequence[float]]]) -> dict[Any, list[tuple[float, ...]]]:
    """The columns of figures that were measured several times, by what they are of, in the order of its first time."""
    rows: dict[Any, list[Sequence[float]]] = {}
    for name, figures in measured:
        rows.setdefault(name, []).append(figures)
    return {name: list(zip(*each, strict=True)) for name, each in rows.items()}


def replace_generated(path: Path, name: str, text: str) -> None:
    """Put `text` between the comments ``<!-- name: begin ... -->`` and ``<!-- name: end -->`` of a document."""
    document = path.read_text()
    changed, count = re.subn(_pattern(name), lambda found: found[1] + text + found[3], document, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{path.name} has {count} places for the generated part {name!r}, not 1")
    path.write_text(changed)


def generated(path: Path, name: str) -> str:
    """What stands in a document's generated part."""
    found = re.search(_pattern(name), path.read_text(), flags=re.DOTALL)
    if found is None:
        raise ValueError(f"{path.name} has no generated part {name!r}")
    return found[2]


def _pattern(name: str) -> str:
    return rf"(<!-- {name}: begin[^>]*-->\n)(.*?)(\n<!-- {name}: end -->)"
