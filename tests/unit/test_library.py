"""The library as a program meets it that has nothing but this library: no Ape, no command line, a node's URL."""

import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from comodels import artifacts
from comodels.chain.node import Node
from comodels.claims import SelfAssessment
from comodels.errors import ComodelsError
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.publish import Options, publish
from comodels.published import at, find
from comodels.saved import SavedModel
from encoders import BagOfWords

ROOT = Path(__file__).resolve().parents[2]
CPU_SECONDS = 1.5  # for the first prediction of a fresh process
HEAVY = ("ape", "click", "eth_account", "matplotlib", "pandas", "scipy", "sklearn", "web3")

FIRST_PREDICTION = """
import sys
from pathlib import Path
from comodels.chain.node import Node
from comodels.published import find
print(find(Node(sys.argv[1]), "films", Path(sys.argv[2])).predict("a great film"))
print(*(name for name in {heavy} if name in sys.modules))
"""


@pytest.fixture
def saved():
    encoder = BagOfWords(["dull", "film", "great"])
    twin = SparsePerceptron(SparsePerceptronParameters(3), weights=[-1_000, 0, 1_000])
    return SavedModel(twin.KIND, "films", "", ("bad", "good"), twin.parameters.pack(), twin.words(), encoder)


@pytest.fixture
def published(rpc, owner, saved, tmp_path):
    """The folder of deployments with a model that the node's own account has published."""
    folder = tmp_path / "deployments"
    publish(rpc, owner.address, saved, Options(SelfAssessment(), folder))
    return folder


def run(*arguments, **variables):
    """The output of a fresh Python, and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_compiled_artifact__not_compiled__says_what_to_do(tmp_path):
    with pytest.raises(ComodelsError, match="make compile"):
        artifacts.compiled_artifact("SelfAssessment", tmp_path / "none.json")


@pytest.mark.parametrize("name", artifacts.NAMES)
def test_artifact__packaged__is_what_was_compiled(project, name):
    compiled = getattr(project, name).contract_type
    stored = artifacts.artifact(name)
    path = artifacts.FOLDER / f"{name}.json"
    assert artifacts._read(path, path.stat().st_mtime_ns) == stored, "run `make compile`"
    assert stored.code == bytes(compiled.get_deployment_bytecode()), "run `make compile`"
    assert stored.runtime == bytes(compiled.get_runtime_bytecode())
    assert stored.abi == [item.model_dump(mode="json", by_alias=True, exclude_none=True) for item in compiled.abi]


def test_predict__first_one_of_a_process__is_quick_and_loads_nothing_heavy(rpc, published):
    program = FIRST_PREDICTION.format(heavy=HEAVY)
    output, seconds = run("-c", program, rpc.url, published)
    assert output == "good\n\n"
    assert seconds < CPU_SECONDS


@pytest.mark.parametrize("signs", ["the node", "a key"])
def test_app__asks_and_contributes(rpc, published, contributor, signs):
    keys = {"KEY": str(contributor.private_key)} if signs == "a key" else {}
    script = ROOT / "docs" / "examples" / "app.py"
    output, _ = run(script, rpc.url, "films", "a great film", "bad", published, **keys)
    first, offered, second = output.splitlines()
    assert first == "films takes it for 'good'"
    assert offered.startswith("films: as class 'bad' (index 0), deposit 0.")
    assert second.endswith("the model learned")
    (contribution,) = find(rpc, "films", published).contributions()
    assert contribution.contributor == (contributor.address if keys else rpc_account(rpc))
    assert (contribution.label, contribution.effect > 0) == (0, True)


def rpc_account(rpc):
    from eth_utils import to_checksum_address

    return to_checksum_address(rpc.accounts[0])


def test_claims__refund_with_a_key__deposit_is_back(rpc, chain, published, contributor):
    from eth_account import Account

    account = Account.from_key(contributor.private_key)
    model = find(Node(rpc.url), "films", published)
    before = rpc.balance(account.address)
    model.contribute("great", "good", account, max_deposit=10**18)
    assert rpc.balance(account.address) < before
    assert model.claims(account.address) == []
    chain.pending_timestamp += 86_400
    chain.mine()
    (claim,) = model.claims(account.address.lower())
    receipt = model.claim(claim, account)
    assert [name for name, _ in model.incentive.events(receipt)] == ["Refund"]
    assert rpc.balance(account.address) == before


def test_at__address_of_a_model__found_with_its_incentive(rpc, published, saved):
    named = find(rpc, "films", published)
    model = at(rpc, named.address, published)
    assert (model.name, model.kind, model.incentive_kind) == ("films", saved.kind, "SelfAssessment")
    assert model.incentive.address == named.incentive.address
    assert model.words() == saved.words


def test_docs__example_of_the_library__runs(rpc, published, contributor, monkeypatch, capsys):
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0].replace("http://127.0.0.1:8545", rpc.url)
    monkeypatch.chdir(published.parent)
    capsys.readouterr()
    exec(compile(code, "library.md", "exec"), {"KEY": str(contributor.private_key)})
    assert capsys.readouterr().out.startswith("good {'bad': ")
    (contribution,) = find(rpc, "films", published).contributions()
    assert contribution.contributor == contributor.address


def test_wheel__has_what_the_library_needs(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT],
        check=True,
    )
    (wheel,) = tmp_path.glob("comodels-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"comodels/abi/{name}.json" for name in artifacts.NAMES} <= names
    assert {"comodels/py.typed", "encoders/py.typed", "comodels/dashboard/templates/base.html"} <= names
    assert not [name for name in names if name.startswith(("scripts", "tests"))]
