"""Every external function says what it does: of contracts by what the compiler took, of modules in the source."""

import re
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).resolve().parents[3] / "contracts"
FOLDERS = ("models", "incentives", "scorers", "examples")
NAMES = ["Registry", *(path.stem for folder in FOLDERS for path in sorted((CONTRACTS / folder).glob("*.vy")))]
SHARED = [*sorted((CONTRACTS / "modules").glob("*.vy")), *sorted((CONTRACTS / "interfaces").glob("*.vyi"))]

FUNCTION = re.compile(
    r"^(?P<decorators>(?:@\w+(?:\(.*\))?\n)+)def (?P<name>\w+)\((?:[^:]|:(?!\n))*:\n(?P<next>.*\n.*\n)", re.MULTILINE
)


def external(source: str) -> dict[str, bool]:
    """The external functions in a source, and whether a notice follows their heads."""
    found = FUNCTION.finditer(source)
    return {f["name"]: '"""\n    @notice ' in f["next"] for f in found if "@external\n" in f["decorators"]}


@pytest.mark.parametrize("name", NAMES)
def test_userdoc__functions_of_a_contract__each_has_a_notice(name, project):
    contract_type = getattr(project, name).contract_type
    said = {method.partition("(")[0] for method, text in contract_type.userdoc["methods"].items() if text["notice"]}

    written = set(external((CONTRACTS.parent / contract_type.source_id).read_text()))

    assert written
    assert written - said == set()


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.name)
def test_source__functions_of_a_module__each_has_a_notice(path):
    found = external(path.read_text())

    assert [name for name, said in found.items() if not said] == []


def test_external__with_and_without__are_told_apart():
    source = (
        '@view\n@external\ndef a(\n    x: uint256,\n) -> uint256:\n    """\n    @notice A.\n    """\n    return x\n\n'
        "@external\n@nonreentrant\ndef b():\n    pass\n    pass\n\n@internal\ndef _c():\n    pass\n    pass\n"
    )

    assert external(source) == {"a": True, "b": False}
    assert {"model.vy", "ownership.vy"} <= {path.name for path in SHARED if external(path.read_text())}
