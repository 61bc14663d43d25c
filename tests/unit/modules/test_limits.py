"""Sizes that contracts share stand in the module `limits`, and nowhere else."""

import re
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parents[3] / "contracts"
LIMIT = re.compile(r"^(MAX_\w+): constant\(uint256\) = ([\d_]+)", re.MULTILINE)
LIMITS = dict(LIMIT.findall((CONTRACTS / "modules" / "limits.vy").read_text()))
SIZED = re.compile(r"\b(?:Bytes|String)\[([\d_]+)\]|\bDynArray\[\w+, ([\d_]+)\]")


def sources() -> dict[str, str]:
    paths = [*CONTRACTS.rglob("*.vy"), *CONTRACTS.rglob("*.vyi")]
    return {path.name: path.read_text() for path in paths if path.name != "limits.vy"}


def copies(source: str) -> list[str]:
    """The constants and types of a file that say again what `limits` says."""
    constants = [name for name in re.findall(r"^(MAX_\w+): constant", source, re.MULTILINE) if name in LIMITS]
    values = {int(value) for value in LIMITS.values()}
    sizes = [a or b for a, b in SIZED.findall(source) if int(a or b) in values]
    return constants + sizes


def test_limits__all_contracts__no_copies():
    assert len(LIMITS) > 6
    assert {name: found for name, source in sources().items() if (found := copies(source))} == {}


def test_copies__constant_and_sizes__are_found():
    source = "MAX_SAMPLE: constant(uint256) = 2_048\ndef f(x: Bytes[2048], w: DynArray[uint256, 640], t: Bytes[32]):\n"

    assert copies(source) == ["MAX_SAMPLE", "2048", "640"]
