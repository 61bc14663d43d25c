"""The script that drives a market: stopped at every step, started again from the file and the chain."""

import os
import signal
import time

import numpy as np
import pytest
from eth_utils import to_checksum_address

from scripts import _common
from scripts import market as script
from scripts._market import Secret, SecretError, TooMuchGas
from scripts._market_demo import LocalDriver, deploy, local_chain, local_node
from simulation.chain import Chain, ContractAt, Unreachable
from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.prediction_market import PARTICIPATING, SETTLED
from simulation.rows import pack_rows
from tests.mirror import PLAN, create_raw, random_portions, random_sample, sample


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


class Narrow(LocalDriver):
    """On a chain whose transactions have room for the evaluation of few portions."""

    def __init__(self, room):
        self.room, self.portions, self._learnt, self.sent = room, 256, None, []

    def send(self, what, function, *arguments, value=0):
        if arguments[-1] > self.room:
            raise TooMuchGas(what)
        self.sent.append((function, arguments[-1]))


@pytest.mark.parametrize(("room", "sent"), [(300, 256), (20, 16), (5, 4), (1, 1)])
@pytest.mark.parametrize("function", ["check", "score"])
def test_in_parts__too_much_for_one_transaction__fewer_portions(function, room, sent):
    driver = Narrow(room)
    for _ in range(2):
        driver._in_parts(function, 7)
    assert driver.sent == [(function, sent)] * 2


def test_in_parts__learning_and_a_portion_do_not_fit_together__learns_first():
    driver = Narrow(0)
    driver._in_parts("score", 7)
    assert driver.sent == [("score", 0)]
    with pytest.raises(TooMuchGas):  # a portion alone does not fit either: no loop without end
        driver._in_parts("score", 7)
    with pytest.raises(TooMuchGas):
        Narrow(0)._in_parts("check", 7)


def test_local_node__its_user_is_killed__does_not_stay_behind():
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        with local_node() as (chain, _):
            os.write(write, chain.url.encode())
            time.sleep(60)
        os._exit(0)
    chain = Chain(os.read(read, 100).decode())
    assert chain.time
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for _ in range(100):
        try:
            chain.rpc("eth_chainId")
        except Unreachable:
            return
        time.sleep(0.1)
    pytest.fail("the node still answers")


@pytest.mark.parametrize("overtaken", [False, True])
def test_commit__rows_that_the_model_refuses_or_a_number_that_is_taken__refused_before_any_money_moves(
    chain, project, tmp_path, overtaken
):
    owner, provider = (to_checksum_address(a) for a in chain.accounts[:2])
    contract = deploy(chain, owner, project.PredictionMarket)
    implementation = deploy(chain, owner, project.SparsePerceptron)
    model = to_checksum_address(
        create_raw(chain, implementation, contract.address, owner, SparsePerceptron(SparsePerceptronParameters(30)))
    )
    portions = random_portions(np.random.default_rng(0))
    secrets = [
        Secret.new(
            rows,
            chain_id=int(chain.rpc("eth_chainId"), 16),
            contract=contract.address,
            model=model,
            market=contract.call("next_market", model),
            provider=provider,
            plan=PLAN,
        )
        for rows in (portions, [*portions[:-1], pack_rows([(2, sample(1))] * PLAN.rows)])
    ]
    drivers = []
    for number, secret in enumerate(secrets):
        drivers.append(LocalDriver(None, contract, model, provider, say=lambda text: None))
        drivers[-1].secret, drivers[-1].path = secret, tmp_path / f"{number}.secret.json"
        secret.save(drivers[-1].path)
    live = ContractAt(chain, model, _common.abi_of(project.SparsePerceptron))
    drivers[0].test_portions(live)
    if overtaken:
        drivers[0].commit()
        held = chain.balance(contract.address)
        with pytest.raises(SecretError, match="another one took its number"):
            drivers[1].commit()
        assert chain.balance(contract.address) == held
    else:
        with pytest.raises(SecretError, match="cannot evaluate portion 5 of 6 .*no such class"):
            drivers[1].test_portions(live)
