"""The commands in the README and in guides run as they stand, and every command that is named anywhere is there.

What else is in shell blocks: `make` is what CI runs; the page's commands are run by tests/browser, a market's by
test_market_run.py.
"""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from comodels.bench.markdown import generated
from comodels.chain.node import Node, NodeError

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def block(after: str) -> list[str]:
    """The lines of the first shell block under a heading of the README, without what a test does itself."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(rf"^{re.escape(after)}\n+```sh\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    return [line for line in lines.splitlines() if not line.startswith((". .venv", "anvil &"))]


def blocks(document: str, language: str) -> list[str]:
    """All blocks of a language in a document."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path):
    """A folder with what the project's folder has, but for what commands write: there it is empty."""
    folder = tmp_path / "project"
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("deployments", "markets", "out"):
            (folder / path.name).symlink_to(path)
    return folder


def run(place: Path, line: str, *options: str) -> str:
    """What a command prints, with options that keep what it writes in its folder; asserts that it succeeds."""
    command = " ".join([line.partition("  #")[0], *options])
    ran = subprocess.run(
        ["bash", "-c", command], cwd=place, env=ENVIRONMENT, input="", capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
    assert "Traceback" not in ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture
def anvil():
    """The address of a chain of its own, which lives as long as the test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(["anvil", "--silent", "--port", str(port)], env=ENVIRONMENT)
    node = Node(f"http://127.0.0.1:{port}")
    for _ in range(100):
        try:
            assert node.is_local
            break
        except NodeError:
            time.sleep(0.1)
    yield node
    process.terminate()
    process.wait()


def test_publish_and_use__commands_of_the_readme_and_the_guide__run_as_they_stand(anvil, place):
    outputs = {}
    for line in block("## Publish and use"):
        assert "--network http://127.0.0.1:8545" in line
        # leaves the deployments of whoever runs the tests alone
        options = ["--deployments deployments"] if line.startswith("ape run") else []
        outputs[" ".join(line.split()[:3])] = run(place, line.replace("http://127.0.0.1:8545", anvil.url), *options)
    assert "120 of 120 texts, 2 classes" in outputs["ape run deploy"]
    assert "'imdb' is published" in outputs["ape run deploy"]
    assert "\npositive\tgreat movie\t" in outputs["ape run predict"]
    assert "as class 'positive' (index 1), deposit 0." in outputs["ape run contribute"]
    assert "Contributed in 0x" in outputs["ape run contribute"]
    assert len(outputs["ape run rewards"]) > 0

    # docs/use-a-model.md goes on with this model
    address = re.search(r"model +(0x\w{40})", outputs["ape run deploy"])[1]
    predict, deploy, encoder, in_python, in_javascript = blocks("use-a-model.md", "sh")
    said = [
        run(place, line.replace("ADDRESS", address), "--deployments deployments", f"--network {anvil.url}")
        for line in (predict + encoder).splitlines()
        if "PLACE" not in line  # tests/unit/scripts/test_places.py has them, and what is deployed with places
    ]
    assert "\npositive\ta great film\t" in said[0]
    assert deploy.count("--encoder-at") == 2
    for line in (f"PYTHONPATH=. {in_python}", in_javascript):  # instead of pip install .
        command = line.replace("ADDRESS", address).replace("http://127.0.0.1:8545", anvil.url).strip()
        assert "positive" in run(place, command)


def test_demo__as_the_readme_shows_it__ends_with_its_sentence(place):
    said = run(place, "ape run demo", f"--picture {place}/demo.png")
    assert " ".join(generated(ROOT / "README.md", "demo").split()) in said
    assert (place / "demo.png").stat().st_size > 10_000


def test_simulation__commands_of_the_readme__run_as_they_stand(place):
    first, text, chain, sweep, kinds = (run(place, line, "--out simulated") for line in block("## Simulation"))
    assert "Twins: " in first
    assert "SparsePerceptron, SelfAssessment" in text
    assert re.search(r"refund: [0-9,]+ × [0-9,]+ gas", chain)
    assert "sweep.parquet" in sweep
    assert "good-and-bad-digits" in kinds


def test_scikit_learn__commands_of_the_guide__run_as_they_stand(anvil, place):
    (place / "fit.py").write_text(blocks("scikit-learn.md", "python")[0], encoding="utf-8")
    run(place, "python fit.py")
    options = "--deployments deployments", f"--network {anvil.url}"
    for lines in blocks("scikit-learn.md", "sh"):
        for line in lines.splitlines():
            said = run(place, line.partition(" --network")[0], *options)
            if line.startswith("ape run export"):
                assert line.split()[-1] in said


def test_commands__named_in_texts_and_messages__are_there():
    commands = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("scripts/*.py"), *ROOT.rglob("comodels/**/*.py")]
    named = {
        (path.name, name)
        for path in texts
        for name in re.findall(r"ape run ([a-z][a-z_-]*)", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert {(path, name) for path, name in named if name not in commands} == set()
