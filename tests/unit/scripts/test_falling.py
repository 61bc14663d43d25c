"""`--fall`: rates that fall with the updates, from the command to the export."""

import pytest

from comodels.cli import ApeSigner
from comodels.published import find
from tests.unit.scripts.conftest import write_patients


@pytest.fixture
def table(tmp_path):
    """A table of numbers with two classes."""
    return write_patients(tmp_path / "table.csv", apart=1)


@pytest.fixture
def study(run, table, rpc, options):
    """Publish a model; it is found anew."""

    def make(*arguments):
        run("deploy", "--data", table, "--name", "study", "--incentive", "points", *arguments)
        return find(rpc, "study", options.deployments)

    return make


@pytest.mark.parametrize(
    ("arguments", "fall", "counted"),
    [
        ((), 0, False),
        (("--epochs", "0"), 3, False),
        (("--epochs", "0", "--fall", "0"), 0, False),
        (("--fall", "5"), 5, True),
        (("--fall", "2", "--room", "3"), 2, True),
    ],
)
def test_deploy__fall__usual_where_nothing_is_learnt_before(study, arguments, fall, counted):
    twin = study(*arguments).twin()

    assert twin.parameters.fall == fall
    assert (twin.count > 0) == counted
    assert twin.version == 0


@pytest.mark.parametrize("arguments", [(), ("--fall", "5", "--epochs", "1"), ("--room", "3")])
def test_export__rate_that_falls__learnt_again_off_chain_it_is_the_contract(study, run, owner, tmp_path, arguments):
    model = study("--epochs", "0", *arguments)
    rows = "3, 3, 3, 3", "-2, -3, -3, -3", "2, -2, 2, -1", "-1, 2, -2, 1", "1, 1, -1, 1", "1, -2, -1, 1"
    for i, row in enumerate(rows):
        run("contribute", "study", row, ("ill", "healthy")[i % 2])
    if "--room" in arguments:
        model.contract.transact("add_class", "other", account=ApeSigner(owner))
        run("contribute", "study", "0, 1, 1, 0", "other")

    said = run("export", "study", "--out", str(tmp_path / "out"), "--retrain")

    assert "bit for bit" in said
    assert max(c.effect for c in model.contributions()) > 255


def test_deploy__fall_of_a_model_on_words__refused_before_anything_is_sent(run, reviews, rpc):
    block = rpc.block
    said = run("deploy", "--data", str(reviews), "--name", "films", "--fall", "3", fails=True)
    assert "--fall is for perceptrons on numbers" in said
    assert rpc.block == block
