"""Whether the installed library works on each Python that it promises and this machine has: `make pythons`.

A wheel is made and put into a new environment of each; there every module of the library is imported, and the example
program asks and teaches a model on a local chain. It installs a lot, a minute each: so it is no part of `make test`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from comodels.chain.local import Anvil, local_chain
from comodels.claims import SelfAssessment
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.publish import Options, publish
from comodels.saved import SavedModel
from encoders import BagOfWords

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = {"3.10": "a great film", "3.11": "great", "3.12": "a film", "3.13": "dull"}  # by version; each is taught once
EXTRAS = "accounts,data,sklearn,simulation,dashboard,bench"
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # anvil's first account

IMPORTS = """
import importlib, pkgutil, comodels, encoders
for package in (comodels, encoders):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            assert error.name == "ape", error  # what serves Ape's commands needs Ape
"""


def run(*arguments: object, **variables: str) -> str:
    """What a program prints. Raises `SystemExit` with what it printed where it fails."""
    done = subprocess.run(
        list(map(str, arguments)), env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
    return done.stdout


def check(version: str, python: str, folder: Path, wheel: Path, chain: Anvil) -> None:
    """Install the wheel for one Python, and use it."""
    run(python, "-m", "venv", folder / version)
    python = str(folder / version / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[{EXTRAS}]")
    run(python, "-c", IMPORTS)
    app = folder / "app.py"  # away from the checkout, so that the installed packages are used
    shutil.copy(ROOT / "docs" / "examples" / "app.py", app)
    question = (chain.url, "films", SAMPLES[version], "bad", folder / "deployments")
    print(version, run(python, app, *question, KEY=KEY), sep="\n")


def main() -> None:
    """Try each Python in turn. Raises `SystemExit` at the first that fails, or where there is none."""
    found = {version: path for version in SAMPLES if (path := works(version))}
    if not found:
        raise SystemExit(f"pythons: none of {', '.join(SAMPLES)} is on PATH")
    with tempfile.TemporaryDirectory() as name, local_chain() as chain:
        folder = Path(name)
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
        (wheel,) = folder.glob("*.whl")
        twin = SparsePerceptron(SparsePerceptronParameters(3), weights=[-1_000, 0, 1_000])
        encoder = BagOfWords(["dull", "film", "great"])
        saved = SavedModel(twin.KIND, "films", "", ("bad", "good"), twin.parameters.pack(), twin.words(), encoder)
        publish(chain, chain.accounts[0], saved, Options(SelfAssessment(), folder / "deployments"))
        for version, python in found.items():
            check(version, python, folder, wheel, chain)
    print("Works on", ", ".join(found), "| not here:", ", ".join(v for v in SAMPLES if v not in found) or "none")


def works(version: str) -> str | None:
    """The path of a Python that starts, or None: a version manager's stand-in may have nothing behind it."""
    path = shutil.which(f"python{version}")
    if path is None:
        return None
    done = subprocess.run(
        [path, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


if __name__ == "__main__":
    main()
