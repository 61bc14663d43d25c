"""A market of a size that was out of reach without scorers: 1,000 contributions on 2,000 hidden rows."""

import resource
import time

import numpy as np
import pytest
from eth_utils import to_checksum_address

from comodels.artifacts import deploy
from comodels.chain.abi import Transaction
from comodels.chain.local import local_chain
from comodels.incentives.prediction_market import PARTICIPATING, SETTLED
from comodels.incentives.settlement import settle_by_loop
from comodels.market import MarketDriver
from comodels.models import KINDS
from comodels.models.level_perceptron import LevelPerceptronParameters
from comodels.models.sparse_perceptron import SparsePerceptronParameters
from tests.mirror import create_raw

ROWS, HIDDEN, CONTRIBUTIONS, FEATURES, ROUNDS = 250, 8, 1_000, 1_000, 50
MINUTES, BYTES = 10, 4 * 2**30


def labelled(rng, count):
    """Samples of 15 words by Zipf's law, whose label says whether the rarer half of the words prevails."""
    ranks = 1 / np.arange(1, FEATURES + 1)
    for _ in range(count):
        words = sorted(int(i) for i in rng.choice(FEATURES, 15, replace=False, p=ranks / ranks.sum()))
        x = b"".join(i.to_bytes(2, "big") for i in words)
        yield sum(i % 2 for i in words) > 7, x


@pytest.mark.fuzz
@pytest.mark.parametrize(
    "parameters",
    [SparsePerceptronParameters(FEATURES, margin=3), LevelPerceptronParameters(FEATURES)],
    ids=["sparse", "levels"],
)
def test_run__1_000_contributions_on_2_000_rows__paid_as_the_slides_loop_says(tmp_path, project, parameters):
    kind = KINDS[type(parameters).__name__.removesuffix("Parameters")]
    rng = np.random.default_rng(18)
    began = time.monotonic()
    with local_chain() as chain:
        owner, provider, contributor, reporter, keeper = (to_checksum_address(a) for a in chain.accounts[:5])
        contract = deploy(chain, owner, "PredictionMarket")
        twin = kind(parameters)
        model = create_raw(chain, deploy(chain, owner, kind.KIND), contract.address, provider, twin)
        driver = MarketDriver(contract, model, provider, say=print)
        rows = [(int(y), x) for y, x in labelled(rng, ROWS * (HIDDEN + 2))]
        driver.write_secret(
            rows, tmp_path, HIDDEN + 2, drawn=2, stake=10**15, rounds=ROUNDS, bond=10**17, fee=10**12,
            min_contributions=1, max_contributions=CONTRIBUTIONS,
        )  # fmt: skip
        driver.commit()
        batch = []
        for y, x in labelled(rng, 20 * CONTRIBUTIONS):
            if twin.update(x, int(y)):
                batch.append((x, int(y)))
            if len(batch) == CONTRIBUTIONS:
                break
        twin = kind(parameters)
        given = []

        def wait(view):
            if view.phase == PARTICIPATING and not given:
                for i, (x, y) in enumerate(batch):
                    data = contract.data("add_data", model, x, y)
                    given.append(Transaction((contributor, reporter)[i % 2], contract.address, data, 10**15, 500_000))
                assert {r["status"] for r in chain.send(given)} == {"0x1"}
            else:
                driver.pass_time(view)

        driver.run(wait, until_withdrawn=False)
        view = driver.view()
        assert (view.phase, view.contributions, view.plan.hidden_rows) == (SETTLED, CONTRIBUTIONS, ROWS * HIDDEN)
        hidden = b"".join(driver.secret.portions[i] for i in view.hidden)
        errors = [twin.evaluate(hidden)]
        for x, y in batch:
            twin.update(x, y)
            errors.append(twin.evaluate(hidden))
        assert [view.initial_errors, *driver.errors(view)] == errors
        balances = settle_by_loop(errors, ROWS * HIDDEN, ROUNDS)
        owed = [10**15 * b // (ROWS * HIDDEN) for b in balances]
        assert [payout.amount for payout in driver.payouts(view)] == owed
        before = [chain.balance(who) for who in (contributor, reporter)]
        driver.withdraw()
        got = [chain.balance(who) - b for who, b in zip((contributor, reporter), before, strict=True)]
        assert got == [sum(owed[0::2]), sum(owed[1::2])]
        assert chain.balance(contract.address) == 0
    took, most = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"{took:.0f} seconds, {most / 2**20:.0f} MB here, {children / 2**20:.0f} MB the node")
    assert took < 60 * MINUTES
    assert most + children < BYTES
