"""Fixtures that send to the chain are undone after each test: only if Ape takes their scope for what it is."""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
# of these names a test's own ones send nothing to the chain that all share
SENDS_NOTHING = {"chain", "reviews", "rpc", "saved", "trainer"}


def scopes(sources: list[str]) -> dict[str, set[str]]:
    """By a fixture's name, the scopes that it has in some sources."""
    found: dict[str, set[str]] = {}
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            for decorator in getattr(node, "decorator_list", []):
                if "fixture" in ast.unparse(decorator):
                    words = {k.arg: ast.unparse(k.value).strip("'") for k in getattr(decorator, "keywords", [])}
                    found.setdefault(node.name, set()).add(words.get("scope", "function"))
    return found


def test_fixtures__one_name__not_for_a_session_and_for_a_test():
    """Ape asks for every fixture with the name of a session's before its snapshot, and keeps what that has sent."""
    found = scopes([path.read_text() for path in TESTS.rglob("*.py")])
    assert {name for name, each in found.items() if {"session", "function"} <= each} <= SENDS_NOTHING


def test_scopes__two_of_one_name__are_found():
    source = '@pytest.fixture(scope="session")\ndef a(): ...\n@pytest.fixture\ndef a(): ...\n'
    assert scopes([source]) == {"a": {"session", "function"}}
