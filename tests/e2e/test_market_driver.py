"""The script that drives a market: stopped at every step, started again from the file and the chain."""

import numpy as np
import pytest
from eth_utils import to_checksum_address

from scripts import market as script
from scripts._market import Secret
from scripts._market_demo import LocalDriver, deploy, local_chain
from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.prediction_market import PARTICIPATING, SETTLED
from tests.mirror import PLAN, create_raw, random_portions, random_sample


class Killed(Exception):
    """Stands for a crash."""


class Mortal(LocalDriver):
    """Dies after each transaction."""

    def send(self, what, function, *arguments, value=0):
        receipt = super().send(what, function, *arguments, value=value)
        raise Killed(what, receipt)


@pytest.fixture
def chain():
    with local_chain() as chain:
        yield chain


def test_run__killed_after_every_transaction__reaches_the_end(chain, project, tmp_path):
    owner, provider, contributor = (to_checksum_address(a) for a in chain.accounts[:3])
    rng = np.random.default_rng(0)
    contract = deploy(chain, owner, project.PredictionMarket)
    twin = SparsePerceptron(SparsePerceptronParameters(30))
    model = to_checksum_address(
        create_raw(chain, deploy(chain, owner, project.SparsePerceptron), contract.address, owner, twin)
    )
    path = tmp_path / "a.secret.json"
    Secret.new(
        random_portions(rng),
        chain_id=int(chain.rpc("eth_chainId"), 16),
        contract=contract.address,
        model=model,
        market=contract.call("next_market", model),
        provider=provider,
        plan=PLAN,
    ).save(path)
    contributed = False

    def wait(view):
        nonlocal contributed
        if view.phase == PARTICIPATING and not contributed:
            contributed = True
            receipts = chain.send(
                contract.transaction(
                    "add_data", model, random_sample(rng), int(rng.integers(2)), sender=contributor, value=PLAN.stake
                )
                for _ in range(5)
            )
            assert {r["status"] for r in receipts} == {"0x1"}
        else:
            script.pass_time(driver, view)

    deaths = []
    while True:
        driver = Mortal(None, contract, model, provider, say=lambda text: None)
        driver.secret, driver.path = Secret.load(path), path
        try:
            driver.run(wait)
            break
        except Killed as death:
            deaths.append(death.args[0])
    assert driver.view().phase == SETTLED
    assert chain.balance(contract.address) == 0
    # nothing was sent twice
    once = [what for what in deaths if what.startswith(("commit", "draw", "reveal", "prepare", "settle", "withdraw"))]
    assert len(once) == len(set(once))
    assert sum(what.startswith("reveal") for what in deaths) == PLAN.portions
    assert [t["what"] for t in Secret.load(path).transactions][:2] == ["commit", "draw"]
    for table in script.tables(driver, driver.view()):
        assert table.row_count
