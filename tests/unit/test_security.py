"""SECURITY.md names tests that exist."""

import ast
import re
from pathlib import Path

ROWS = [line for line in Path("SECURITY.md").read_text().splitlines() if line.startswith("| ")][1:]


def test_table__every_promise__names_tests_that_exist():
    named = [re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row) for row in ROWS]
    there = {
        path: {node.name for node in ast.walk(ast.parse(Path(path).read_text())) if isinstance(node, ast.FunctionDef)}
        for path in {path for row in named for path, _ in row}
    }

    assert len(ROWS) > 10
    assert all(named), "a promise without a test"
    assert [f"{path}::{name}" for row in named for path, name in row if name not in there[path]] == []
