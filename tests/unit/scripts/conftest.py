"""A small text data set and a model that was trained on it, for the tests of the scripts."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from click.testing import CliRunner

from comodels.claims import PredictionMarket, SelfAssessment
from comodels.cli import ApeSigner
from comodels.incentives.prediction_market import Plan
from comodels.incentives.prediction_market import Terms as MarketTerms
from comodels.market import MarketDriver
from comodels.market_secret import Secret
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.publish import Options, publish
from comodels.published import find
from comodels.rows import pack_rows
from comodels.saved import SavedModel

GOOD = ("fine", "great", "lovely", "superb", "good")
BAD = ("dull", "poor", "awful", "boring", "bad")


def write_patients(path, apart):
    """A table of 60 rows of numbers and two classes, whose means are `apart` above and below 0; its name."""
    rng = np.random.default_rng(0)
    lines = ["a,b,c,d,label"]
    for i in range(60):
        row = rng.normal(size=4) + (apart if i % 2 else -apart)
        lines.append(",".join(f"{v:.2f}" for v in row) + f",{'ill' if i % 2 else 'healthy'}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(autouse=True)
def _quiet():
    """Commands whose output is looked at, without what Ape logs beside it."""
    from ape.logging import logger

    level = logger.level
    logger.set_level("WARNING")
    yield
    logger.set_level(level)


@pytest.fixture(scope="session")
def reviews(tmp_path_factory):
    """A TSV of 100 short reviews; class 1 is positive."""
    lines = ["label\ttext"]
    for i in range(50):
        lines.append(f"1\ta {GOOD[i % 5]} and {GOOD[i * 3 % 5]} film number {i % 7}")
        lines.append(f"0\ta {BAD[i % 5]} and {BAD[i * 3 % 5]} film number {i % 7}")
    path = tmp_path_factory.mktemp("data") / "reviews.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def saved(reviews):
    """Trained on the reviews."""
    from comodels.training import train_from_data

    return train_from_data(
        str(reviews), "reviews", "Test data", ("negative", "positive"), epochs=2, family="perceptron"
    )[0]


@pytest.fixture
def large(monkeypatch):
    """A model whose state needs three transactions, because these take 8 words here instead of hundreds."""
    import encoders

    for module in ("saved", "publish", "trial"):
        for name in ("PUBLISH_WORDS", "LOAD_WORDS"):
            monkeypatch.setattr(f"comodels.{module}.{name}", 8, raising=False)
    encoder = encoders.HashedWords(256)
    twin = SparsePerceptron(SparsePerceptronParameters(256), weights=[i % 200 - 100 for i in range(256)])
    return SavedModel(twin.KIND, "large", "", ("no", "yes"), twin.parameters.pack(), twin.words(), encoder)


@pytest.fixture
def signer(owner):
    """The owner, as the library sends from an account of Ape's."""
    return ApeSigner(owner)


@pytest.fixture
def options(tmp_path):
    return Options(SelfAssessment(), tmp_path / "deployments")


@pytest.fixture
def run(chain, options):
    """Run a command on the chain of the tests; its output."""

    def run(command, *arguments, fails=False, network=True):
        place = ["--deployments", str(options.deployments), *(["--network", chain.provider.uri] if network else [])]
        result = CliRunner().invoke(import_module(f"scripts.{command}").cli, [*arguments, *place])
        assert (result.exit_code != 0) == fails, result.output
        return " ".join(result.output.split())

    return run


@pytest.fixture
def deployed(rpc, signer, saved, options):
    """The reviews' model on chain, as scripts see it."""
    from comodels.published import find

    publish(rpc, signer, saved, options)
    return find(rpc, "reviews", options.deployments)


@pytest.fixture
def bounty(rpc, signer, saved, options):
    """A model for markets."""
    publish(rpc, signer, saved, replace(options, incentive=PredictionMarket(MarketTerms(0, 0, 2**32 - 1))))
    return find(rpc, "reviews", options.deployments)


def begin_market(model, rpc, signer, rows, most):
    """Have a market take contributions; its driver."""
    contract, stake = model.incentive, 10**15
    plan = Plan(stake, 5, stake, 0, 2, 1, 2, 1, most, participation_time=3_600)
    driver = MarketDriver(contract, model.address, signer, say=lambda line: None)
    packed = [pack_rows((y, x) for x, y in rows[i : i + 2]) for i in (0, 2)]
    secret = Secret.new(
        packed,
        chain_id=rpc.chain_id,
        contract=contract.address,
        model=model.address,
        market=contract.call("next_market", model.address),
        provider=signer.address,
        plan=plan,
    )
    contract.transact("commit", secret.market, secret.tree.root, plan.astuple(), account=signer, value=plan.total)
    rpc.rpc("anvil_mine", "0x6")
    contract.transact("draw", secret.market, account=signer)
    (drawn,) = driver.view().drawn
    contract.transact("reveal", *secret.reveal_arguments(drawn), account=signer)
    contract.transact("prepare", secret.market, 600, bytes(32), account=signer)
    return driver, secret
