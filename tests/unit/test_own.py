"""The toys of docs/new-model.md and docs/new-incentive.md, in a folder of their own: everything works with them."""

from importlib import import_module
from pathlib import Path

import pytest

import comodels
from comodels import artifacts, claims, models, training
from comodels.cli import ApeSigner
from comodels.dashboard import demo
from comodels.dashboard.create import choices
from comodels.dashboard.incentives import page_of
from comodels.dashboard.server import Dashboard
from comodels.errors import ComodelsError
from comodels.publish import Options, publish
from comodels.published import at, find
from comodels.simulation import chain_engine
from comodels.simulation.engine import run
from comodels.simulation.loading import from_mapping
from comodels.testing import Case, check_incentive, check_model
from comodels.testing.models import CHECKS

OWN = Path(comodels.__file__).parents[1] / "docs" / "examples" / "own"
PACKAGES = ("comodels", "comodels.models", "comodels.incentives", "comodels.simulation")

FILES = {
    "Tally": ["contracts/Tally.vy", "comodels/models/tally.py"],
    "Thanks": ["contracts/Thanks.vy", "comodels/incentives/thanks.py", "comodels/simulation/thanks_desk.py"],
}

REVIEWS = [(1, "fine film"), (1, "lovely fine story"), (0, "dull film"), (0, "poor dull story")] * 20


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The folder with what the compiler made of the two contracts, as `python -m comodels.artifacts FILE` writes it."""
    folder = tmp_path_factory.mktemp("own") / "comodels"
    for name in FILES:
        contract = artifacts.compile_contract(OWN / "contracts" / f"{name}.vy")
        artifacts.save(name, contract, folder / "abi")
    return folder


@pytest.fixture
def own(compiled, monkeypatch):
    """The folder on Python's path, as ``PYTHONPATH=docs/examples/own`` has it from the beginning."""
    for package in PACKAGES:
        module = import_module(package)
        folders = [str(OWN.joinpath(*package.split(".")))] + ([str(compiled)] if package == "comodels" else [])
        monkeypatch.setattr(module, "__path__", [*module.__path__, *folders])


def test_files__all_of_a_toy__three_and_four_at_most_with_its_test():
    found = {str(path.relative_to(OWN)) for path in OWN.rglob("*") if path.suffix in (".py", ".vy")}

    assert found == {file for files in FILES.values() for file in files}
    assert {name: len(files) + 1 for name, files in FILES.items()} == {"Tally": 3, "Thanks": 4}


def test_found__without_the_folder__not_there():
    assert "Tally" not in models.KINDS
    assert "Thanks" not in claims.CONTRACTS
    with pytest.raises(ComodelsError, match="There is no twin of 'Tally'"):
        models.twin_of("Tally")


def test_check_model__own_contract__passes(own):
    tally = models.twin_of("Tally")
    largest = Case.of(tally, largest=lambda: tally.untrained(tally.PARAMETERS(600)))

    passed = check_model(artifacts.artifact("Tally"), tally, largest)

    assert len(passed) == len(CHECKS) > 15
    assert check_model(artifacts.artifact("Tally"), tally) == [name for name in passed if not name.startswith("gas")]


def test_check_incentive__own_contract__passes(own):
    passed = check_incentive(artifacts.artifact("Thanks"), claims.incentive_of("thanks").terms.encode())

    assert len(passed) > 12


def test_check_model__twin_that_differs__says_which_check(own, monkeypatch):
    tally = models.twin_of("Tally")
    monkeypatch.setattr(tally, "scores", lambda twin, x: [0, twin.score(x) + 1])

    with pytest.raises(AssertionError, match="^predict__random_samples__"):
        check_model(artifacts.artifact("Tally"), tally)


def test_check_incentive__terms_that_it_refuses__says_so(own):
    with pytest.raises(Exception, match="1 to 4,294,967,295 thanks"):
        check_incentive(artifacts.artifact("Thanks"), bytes(32))


def test_deploy_and_predict__both_toys__as_the_twin_says(own, rpc, owner, contributor, tmp_path):
    data = tmp_path / "reviews.tsv"
    data.write_text("label\ttext\n" + "".join(f"{y}\t{text}\n" for y, text in REVIEWS))
    saved, _ = training.train_from_data(str(data), "own", class_names=("bad", "good"), family="tally", epochs=1)
    options = Options(claims.incentive_of("thanks"), tmp_path / "deployments")

    noted = publish(rpc, ApeSigner(owner), saved, options, say=lambda line: None)

    model = find(rpc, "own", options.deployments)
    assert (saved.kind, noted["incentive"]) == ("Tally", "Thanks")
    assert model.contract.call("predict", model.encode("lovely fine")) == 1
    assert model.contract.call("predict", model.encode("poor dull")) == 0
    assert model.contract.call("scores", model.encode("fine")) == tuple(saved.twin().scores(model.encode("fine")))
    seen = at(rpc, noted["address"], options.deployments)
    assert (seen.kind, seen.incentive_kind) == ("Tally", "Thanks")
    x = model.encode("dull fine")
    function, arguments = model.adapter.contribute(noted["address"], x, 1)
    model.incentive.transact(function, *arguments, account=ApeSigner(contributor))
    assert model.contract.call("predict", x) == 1
    assert model.adapter.balance(model.incentive, noted["address"], contributor.address) == 1


@pytest.mark.parametrize(
    ("model", "incentive"), [("Tally", "Thanks"), ("Tally", "Points"), ("SparsePerceptron", "Thanks")]
)
def test_simulate__toys__chain_and_twins_agree(own, model, incentive):
    result = run(
        from_mapping(
            {
                "name": "own",
                "data": {"source": str(OWN.parent / "reviews.csv"), "test": 0.2, "encoding": {"features": 300}},
                "model": {"kind": model},
                "incentive": {"kind": incentive},
                "agents": [{"name": "good", "kind": "honest"}, {"name": "bad", "kind": "malicious", "share": 0.2}],
                "days": 3,
                "per_day": 10,
                "claim_days": 3,
                "points": 3,
                "seed": 3,
            }
        )
    )

    report = chain_engine.replay(result)

    assert report.curve == result.curve
    assert report.contributions == len(result.world.entries) > 10


def test_page__toys__offered_and_shown(own, rpc, chain, tmp_path):
    names = ["Registry", "SparsePerceptron", "Tally", "SelfAssessment", "Thanks"]
    deployed = demo.deploy(rpc, {name: artifacts.artifact(name).code for name in names})
    dashboard = Dashboard(deployed.settings(chain.provider.uri, tmp_path))
    offered = choices(dashboard.reader, deployed.incentives)
    twin = models.twin_of("Tally")
    encoder = demo.encoders.BagOfWords(["good", "bad", "film"])
    (address,) = demo.publish(
        deployed,
        [("own", "")],
        twin.untrained(twin.PARAMETERS(3)),
        encoder,
        trained=False,
        incentive=claims.incentive_of("thanks"),
    )
    model = dashboard.reader.model(address)
    incentive = dashboard.incentives.of(model)

    assert {"perceptron", "tally"} == set(offered.families)
    assert offered.titles["Thanks"] == page_of("Thanks")("").title == "Thanks"
    assert (model.kind, incentive.name, incentive.can_train) == ("Tally", "Thanks", True)
    assert incentive.terms(dashboard.reader, model).lines == [("Most thanks for one account", "10")]
    transaction = incentive.add_data(model, b"\0\1", 1, 0)
    assert (transaction.to, transaction.value) == (incentive.address, 0)
