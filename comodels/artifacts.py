"""The contracts as they were compiled: ABI and code of each, from the files in `comodels/abi`.

In a checkout of the project that was compiled later than these files were written, what was compiled counts instead.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eth_abi import encode
from eth_utils import to_checksum_address

import comodels
from comodels.chain.account import Account, transact
from comodels.chain.contract import ContractAt
from comodels.chain.node import Node
from comodels.claims import CONTRACTS
from comodels.errors import ComodelsError
from comodels.models import KINDS

FOLDER = Path(__file__).resolve().parent / "abi"
EVM = "prague"  # as in ape-config.yaml
COMPILED = FOLDER.parents[1] / ".build" / "__local__.json"

SCORERS = ("EvaluatingScorer", "SparseScorer", "MulticlassSparseScorer", "LevelScorer", "MulticlassLevelScorer")
NAMES = (*KINDS, *SCORERS, "Settler", "Planner", *CONTRACTS, "Registry")  # of which there are files
NEEDS = {"PredictionMarket": ("Settler", "Planner", *SCORERS)}
"""Which contracts must be there before a contract, by its name; its constructor takes the list of their addresses."""


class Artifact(NamedTuple):
    """A compiled contract.

    Attributes
    ----------
    abi : list of dict
        The JSON ABI.
    code : bytes
        What a transaction deploys.
    runtime : bytes
        What then stands at the contract's address, before what its constructor adds.
    """

    abi: list[dict[str, Any]]
    code: bytes
    runtime: bytes


def artifact(name: str) -> Artifact:
    """A contract of the project by its name. Raises `ComodelsError` if there is none."""
    path = FOLDER / f"{name}.json"
    own = [file for folder in comodels.__path__ if (file := Path(folder) / "abi" / path.name).is_file()]
    if own and own[0].parent != FOLDER:
        return _read(own[0], own[0].stat().st_mtime_ns)
    compiled = COMPILED.stat().st_mtime_ns if COMPILED.is_file() else 0
    written = path.stat().st_mtime_ns if path.is_file() else 0
    if compiled > written:
        return compiled_artifact(name, COMPILED)
    return _read(path, written)


@functools.lru_cache(maxsize=32)
def _read(path: Path, written: int) -> Artifact:
    if not written:
        raise ComodelsError(f"There is no contract {path.stem!r} in this version of the library.")
    content = json.loads(path.read_bytes())
    code = bytes.fromhex(content["code"])
    begin, length = content["runtime"]
    return Artifact(content["abi"], code, code[begin : begin + length])


def compiled_artifact(name: str, path: Path = COMPILED) -> Artifact:
    """A contract as Ape compiled it last, also those for tests only. Raises `ComodelsError` if it did not."""
    if not path.is_file():
        raise ComodelsError("the contracts are not compiled yet: run `make compile`")
    contract = _contract_types(path, path.stat().st_mtime_ns).get(name)
    if contract is None:
        raise ComodelsError(f"the contract {name} is not compiled yet: run `make compile`")
    code, runtime = (
        bytes.fromhex(contract[field]["bytecode"].removeprefix("0x"))
        for field in ("deploymentBytecode", "runtimeBytecode")
    )
    return Artifact(contract["abi"], code, runtime)


@functools.lru_cache(maxsize=1)
def _contract_types(path: Path, written: int) -> dict[str, dict]:
    return json.loads(path.read_bytes())["contractTypes"]


def deploy(node: Node, account: Account, name: str, needs: Sequence[str] | None = None) -> ContractAt:
    """A new contract of the project, with new ones of those that it needs, or of the ones that are named.

    Raises `ComodelsError` if there is none of the name.
    """
    code, abi = artifact(name).code, artifact(name).abi
    if name in NEEDS:
        needed = [deploy(node, account, n).address for n in (NEEDS[name] if needs is None else needs)]
        code += encode(["address[]"], [needed])
    receipt = transact(node, account, None, code)
    return ContractAt(node, to_checksum_address(receipt["contractAddress"]), abi)


def compile_contract(path: Path, contracts: Path = FOLDER.parents[1]) -> Artifact:
    """A contract of anybody's, compiled with the vyper on PATH; for what is not among the contracts of the project.

    Parameters
    ----------
    path : Path
        The file. It imports this project's modules as ``from contracts.modules import model``.
    contracts : Path
        The folder in which `contracts` is: a checkout of this project.

    Raises
    ------
    ComodelsError
        If vyper is missing, or refuses the contract.
    """
    abi, code, runtime = vyper(path, "abi,bytecode,bytecode_runtime", contracts).splitlines()[-3:]
    return Artifact(json.loads(abi), bytes.fromhex(code[2:]), bytes.fromhex(runtime[2:]))


def vyper(path: Path, formats: str, contracts: Path = FOLDER.parents[1]) -> str:
    """What vyper prints of a file, in formats as its option ``-f`` takes them. Raises as `compile_contract`."""
    binary = shutil.which("vyper")
    if binary is None:
        raise ComodelsError("vyper is not on PATH: install the version that the contracts name, or run `make setup`.")
    command = [binary, "-p", str(contracts), "-f", formats, "--evm-version", EVM, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=contracts, check=False)
    if done.returncode:
        raise ComodelsError(f"vyper refuses {path}:\n{done.stderr.strip()[-2_000:]}")
    return done.stdout.strip()


def save(name: str, contract: Artifact, folder: Path) -> Path:
    """Write the file of a contract into a folder ``comodels/abi``, where `artifact` finds it by its name."""
    from encoders.files import write_atomically

    abi, code, runtime = contract
    folder.mkdir(parents=True, exist_ok=True)
    content = {"abi": abi, "code": code.hex(), "runtime": [code.index(runtime), len(runtime)]}
    path = folder / f"{name}.json"
    text = json.dumps(content, indent=None, separators=(",", ":")) + "\n"
    if not path.is_file() or path.read_text() != text:
        write_atomically(path, text)
    return path


def write() -> list[Path]:
    """Write the files in `comodels/abi` from what was compiled; called after compiling. Those that have changed."""
    changed = []
    for name in NAMES:
        path = FOLDER / f"{name}.json"
        before = path.read_bytes() if path.is_file() else b""
        save(name, compiled_artifact(name), FOLDER)
        path.touch()  # newer than what was compiled
        if path.read_bytes() != before:
            changed.append(path)
    return changed


if __name__ == "__main__":
    # of the project, or of the contracts that are named: `python -m comodels.artifacts own/contracts/Tally.vy`
    own = [Path(name).resolve() for name in sys.argv[1:]]
    for path in [save(f.stem, compile_contract(f), f.parents[1] / "comodels" / "abi") for f in own] or write():
        print(f"Written: {path}")
