"""The script that drives a market: stopped at every step, started again from the file and the chain."""

import os
import re
import signal
import time

import numpy as np
import pytest
from eth_utils import to_checksum_address

from comodels import market
from comodels.artifacts import artifact, deploy
from comodels.chain.contract import ContractAt
from comodels.chain.local import Chain, local_chain
from comodels.chain.node import Unreachable
from comodels.errors import ComodelsError
from comodels.incentives.commitment import Commitment
from comodels.incentives.prediction_market import PARTICIPATING, SCORING, SETTLED, SETTLING
from comodels.market import MarketDriver, StepRefused, TooMuchGas
from comodels.market_secret import Secret, SecretError
from comodels.market_status import tables
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.rows import pack_rows
from comodels.units import ETHER
from comodels.wire import pack_contribution
from tests.mirror import PLAN, create_raw, random_portions, random_sample, sample


class Killed(Exception):
    """Stands for a crash."""


class Mortal(MarketDriver):
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
    contract = deploy(chain, owner, "PredictionMarket")
    twin = SparsePerceptron(SparsePerceptronParameters(30))
    model = to_checksum_address(
        create_raw(chain, deploy(chain, owner, "SparsePerceptron"), contract.address, provider, twin)
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
            driver.pass_time(view)

    deaths, said = [], []
    while True:
        driver = Mortal(contract, model, provider, say=said.append)
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
    for table in tables(driver, driver.view()):
        assert table.row_count
    # what was passed over, how it ended, and who got what is told
    passed = [line for line in said if line.startswith("--jump passes over")]
    assert len(passed) == 1
    assert passed[0].endswith(f"contributions so far: {driver.view().contributions}.")
    first, *lines, fees = driver.ending()
    assert first == "Market 1 has ended as settled: each contribution is paid what it earned."
    told = [
        re.fullmatch(r"  (0x\w{40})(?: \(provider\))? paid in ([0-9.]+) ether, got ([0-9.]+) ether", line)
        for line in lines
    ]
    assert [match[1] for match in told] == [provider, contributor]
    # all that was paid in was paid out
    spent = float(re.search(r"the fees for it, ([0-9.]+) ether", fees)[1])
    assert spent > 0
    assert sum(float(m[2]) for m in told) == pytest.approx(sum(float(m[3]) for m in told) + spent)
    assert float(told[0][2]) == pytest.approx(PLAN.total / ETHER)


class Narrow(MarketDriver):
    """On a chain whose transactions have room for the evaluation of few rows."""

    def __init__(self, room):
        super().__init__(None, "0x" + "00" * 20, None, number=1)
        self.room, self.sent = room, []

    committed = None

    def blocks(self, view):
        """None: the scorer keeps the rows."""

    def send(self, what, function, *arguments, value=0):
        rows = arguments[3] if function == "score_many" else arguments[-1]
        many = len(arguments[2]) // len(pack_contribution(*STAKE)) if function == "score_many" else 1
        if rows * many > self.room:
            raise TooMuchGas(what)
        self.sent.append((many, rows))


STAKE = "0x" + "11" * 20, b"\0\1", 1, 1
ROWS = Commitment(
    chain_id=1, contract="0x" + "22" * 20, market=3, portions=[pack_rows([(1, b"\0\1")] * 4)] * 2, salts=[bytes(32)] * 2
)


@pytest.mark.parametrize(("room", "sent"), [(65_535, 65_535), (2_050, 2_048), (20, 16), (5, 4), (1, 1)])
def test_check__too_much_for_one_transaction__fewer_rows(room, sent):
    driver = Narrow(room)
    for _ in range(2):
        driver._check(ROWS, [0, 1], 4, True)
    assert driver.sent == [(1, sent)] * 2


@pytest.mark.parametrize(
    ("count", "room", "sent"),
    [
        (300, 2**24, (256, 65_535)),
        (300, 2**22, (64, 65_535)),
        (40, 2**17, (10, 2_048)),
        (1, 20, (1, 16)),
        (5, 1, (1, 1)),
    ],
)
def test_score__too_much_for_one_transaction__fewer_contributions_then_fewer_rows(count, room, sent):
    driver = Narrow(room)
    for _ in range(2):
        driver._score(1, [STAKE] * count, count)
    assert driver.sent == [sent] * 2


def test_score__learning_and_a_row_do_not_fit_together__learns_first():
    driver = Narrow(0)
    driver._score(1, [STAKE], 1)
    assert driver.sent == [(1, 0)]
    with pytest.raises(TooMuchGas):  # a row alone does not fit either: no loop without end
        driver._score(1, [STAKE], 1)


@pytest.mark.parametrize("in_blocks", [False, True])
def test_check__not_even_a_row_fits__no_loop_without_end(in_blocks):
    driver = Narrow(0)
    with pytest.raises(TooMuchGas):
        driver._check(ROWS, [0, 1], 4, in_blocks)
    assert driver.sent == []


def test_local_node__its_user_is_killed__does_not_stay_behind():
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        with local_chain() as chain:
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


@pytest.fixture
def place(chain, project):
    """The market's contract, a model that has learnt nothing, and its owner, who provides test sets."""
    owner, provider = (to_checksum_address(a) for a in chain.accounts[:2])
    contract = deploy(chain, owner, "PredictionMarket")
    implementation = deploy(chain, owner, "SparsePerceptron")
    model = to_checksum_address(
        create_raw(chain, implementation, contract.address, provider, SparsePerceptron(SparsePerceptronParameters(30)))
    )
    return contract, model, provider


def secret_at(place, portions):
    """A test set for the next market there."""
    contract, model, provider = place
    return Secret.new(
        portions,
        chain_id=contract.chain.chain_id,
        contract=contract.address,
        model=model,
        market=contract.call("next_market", model),
        provider=provider,
        plan=PLAN,
    )


@pytest.mark.parametrize("overtaken", [False, True])
def test_commit__rows_that_the_model_refuses_or_a_number_that_is_taken__refused_before_any_money_moves(
    chain, place, tmp_path, overtaken
):
    contract, model, provider = place
    portions = random_portions(np.random.default_rng(0))
    spoilt = [*portions[:-1], pack_rows([(2, sample(1))] * PLAN.rows)]
    secrets = [secret_at(place, rows) for rows in (portions, spoilt)]
    drivers = []
    for number, secret in enumerate(secrets):
        drivers.append(MarketDriver(contract, model, provider, say=lambda text: None))
        drivers[-1].secret, drivers[-1].path = secret, tmp_path / f"{number}.secret.json"
        secret.save(drivers[-1].path)
    live = ContractAt(chain, model, artifact("SparsePerceptron").abi)
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


@pytest.fixture
def drawn(chain, place, tmp_path):
    """Draw of a test set on a model that has learnt nothing: its driver, and the model."""

    def draw(portions):
        contract, model, provider = place
        secret = secret_at(place, portions)
        secret.save(tmp_path / "a.secret.json")
        driver = MarketDriver(contract, model, provider, secret, tmp_path / "a.secret.json", say=lambda line: None)
        driver.commit()
        chain.rpc("anvil_mine", "0x6")
        driver.draw()
        return driver, ContractAt(chain, model, artifact("SparsePerceptron").abi)

    return draw


def test_try_sample__a_model_at_the_border__tells_that_a_right_sample_does_harm(drawn):
    # every row is class 0, and right by nothing: the model has no weights yet
    driver, live = drawn([pack_rows([(0, sample(i))] * PLAN.rows) for i in range(PLAN.portions)])
    secret = driver.secret
    driver.reveal()
    driver.prepare()
    shown = PLAN.drawn * PLAN.rows
    assert driver.shown_rows(driver.view()) == b"".join(secret.portions[i] for i in driver.view().drawn)
    assert driver.try_sample(live, sample(20), 1) == (shown, 0, shown)
    assert driver.try_sample(live, sample(20), 0) == (shown, 0, 0)
    # the model on chain is as it was
    assert live.call("version") == 0
    assert driver.malformed(live, driver.view()) == []


@pytest.mark.parametrize("rows", [[(0, b"\0\1")] * (PLAN.rows + 1), [(2, b"\0\1")] * PLAN.rows, [(0, b"")] * PLAN.rows])
def test_malformed__shown_rows_that_the_model_refuses_or_another_number__named(drawn, rows):
    driver, live = drawn([pack_rows(rows)] * PLAN.portions)
    assert driver.malformed(live, driver.view()) == []  # nothing is shown yet
    driver.reveal()
    driver.prepare()
    assert driver.malformed(live, driver.view()) == driver.view().drawn
    with pytest.raises(ComodelsError, match="cannot evaluate shown portions: "):
        driver.try_sample(live, sample(20), 1)


@pytest.mark.parametrize("lost", [0, -1])
def test_committed_rows__a_node_that_leaves_out_an_event__told_before_anything_is_sent(drawn, monkeypatch, lost):
    driver, _ = drawn([pack_rows([(0, sample(i))] * PLAN.rows) for i in range(PLAN.portions)])
    secret, driver.secret = driver.secret, None
    events = [{"index": i, "rows": secret.portions[i], "salt": secret.salts[i]} for i in range(PLAN.portions)]
    monkeypatch.setattr(driver, "_told", lambda view, event: iter(events))
    assert driver.committed_rows(driver.view()).tree.root == secret.tree.root
    driver._revealed = None
    del events[lost]
    told = f"{PLAN.portions - 1} of {PLAN.portions} portions"
    with pytest.raises(ComodelsError, match=told):
        driver.committed_rows(driver.view())


def test_committed_rows__a_tree_in_another_order__only_the_provider_can_go_on(drawn, monkeypatch):
    driver, _ = drawn([pack_rows([(0, sample(i))] * PLAN.rows) for i in range(PLAN.portions)])
    secret, driver.secret = driver.secret, None
    events = [{"index": i, "rows": secret.portions[i], "salt": bytes(32)} for i in range(PLAN.portions)]
    monkeypatch.setattr(driver, "_told", lambda view, event: iter(events))
    with pytest.raises(ComodelsError, match="not OpenZeppelin's standard tree"):
        driver.committed_rows(driver.view())


@pytest.fixture
def scoring(drawn):
    """A driver of a market with a contribution, whose hidden rows are checked."""
    driver, _ = drawn([pack_rows([(i % 2, sample(i))] * PLAN.rows) for i in range(PLAN.portions)])
    driver.reveal()
    driver.prepare()
    chain, contract = driver.node, driver.contract
    for i in range(PLAN.min_contributions):
        who = to_checksum_address(chain.accounts[2])
        contract.transact("add_data", driver.model, sample(i), 1, account=who, value=PLAN.stake)
    driver.pass_time(driver.view())
    driver.close()
    driver.reveal()
    driver.check()
    assert driver.view().phase == SCORING
    return driver


def test_score__a_node_that_leaves_out_what_the_scorer_told__refused_until_it_does(scoring, monkeypatch):
    told = market.blocks_told
    monkeypatch.setattr(market, "blocks_told", lambda *arguments: [])
    with pytest.raises(StepRefused, match="The node leaves out events of the market's scorer"):
        scoring.score()
    assert scoring.view().scored == 0
    monkeypatch.setattr(market, "blocks_told", told)
    scoring.score()
    assert scoring.view().scored == PLAN.min_contributions


def test_score__by_somebody_without_the_rows__from_events(scoring):
    number, account = scoring.market & 0xFFFFFFFF, to_checksum_address(scoring.node.accounts[3])
    driver = MarketDriver(scoring.contract, scoring.model, account, number=number, say=lambda line: None)
    driver.score()
    assert driver.view().phase == SETTLING


def test_run__blocks_of_the_chain_in_which_it_scored_are_undone__scores_again(scoring):
    chain = scoring.node
    snapshot = chain.rpc("evm_snapshot")
    scoring.score()
    assert scoring.view().phase == SETTLING
    assert set(scoring.blocks(scoring.view()).done) == {PLAN.min_contributions}
    chain.rpc("evm_revert", snapshot)
    # what it knows of the scorer's blocks is no longer so
    with pytest.raises(StepRefused, match="nothing to score"):
        scoring.score()
    scoring.run(lambda view: None)
    assert scoring.view().ended
    assert scoring.contract.call("held", scoring.market) == (0, 0)
