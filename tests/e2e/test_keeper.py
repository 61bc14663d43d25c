"""A keeper in prediction markets: for who owns the model, for who only contributed, and for who has nothing there."""

import random

import pytest
from eth_account import Account

from comodels.chain.account import Wallet
from comodels.chain.local import local_chain
from comodels.chain.node import Node, Unreachable
from comodels.chain.notes import Notes
from comodels.claims import PredictionMarket
from comodels.incentives.prediction_market import (
    BLOCKHASH_WINDOW,
    COMMITTED,
    PARTICIPATING,
    REVEALING,
    SCORING,
    SETTLED,
    SETTLING,
    VOID,
)
from comodels.keeper import Keeper
from comodels.market import open_market
from comodels.publish import Options, publish
from comodels.published import find
from comodels.training import train_from_data

KEYS = [
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",  # anvil's first accounts
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
]
OWNER, CONTRIBUTOR, STRANGER = range(3)
PLAN = {"drawn": 1, "stake": 10**15, "rounds": 50, "bond": 10**17, "min_contributions": 1, "max_contributions": 3}
TIMES = {"reveal_time": 3_600, "participation_time": 7_200, "rest_time": 3_600, "score_time": 90_000}
LOOKS = 60
EIP_2935 = "0x0000F90827F1C53a10cb7A02335B175320002935"


class World:
    """A model whose owner has committed to a market, and what goes on besides the keepers."""

    def __init__(self, chain, folder):
        self.chain, self.node, self.folder = chain, Node(chain.url), folder
        self.said = []
        path = folder / "reviews.tsv"
        lines = [f"{('bad', 'good')[i % 2]}\ta {('dull', 'fine')[i % 2]} film, number {i}" for i in range(40)]
        path.write_text("\n".join(["label\ttext", *lines]) + "\n")
        saved = train_from_data(str(path), "films", "", ("bad", "good"), features=40)[0]
        self.wallets = [Wallet(Account.from_key(key)) for key in KEYS]
        publish(self.node, self.wallets[OWNER], saved, Options(PredictionMarket(), folder), lambda line: None)
        self.begun = {w.address: self.count(w) for w in self.wallets}

    def commit(self, fee):
        """Begin a market of the owner, with a fee for each contribution."""
        driver = self.driver
        data = str(self.folder / "reviews.tsv")
        driver.start(self.model, data, self.folder, portions=4, fee=fee, **PLAN, **TIMES)
        self.begun = {w.address: self.count(w) for w in self.wallets}

    @property
    def model(self):
        return find(self.node, "films", self.folder)

    @property
    def driver(self):
        return open_market(self.model, self.wallets[OWNER], self.folder, say=self.said.append)

    @property
    def phase(self):
        return self.driver.view().phase

    def keeper(self, who, *served, node=None, secrets=False, **options):
        """A keeper, as when it is started again."""
        node = node or self.node
        wallet = Wallet(self.wallets[who].signer, Notes.of(self.node, self.wallets[who].address, self.folder / "notes"))
        markets = self.folder if secrets else self.folder / "nowhere"
        model = find(node, "films", self.folder)
        return Keeper(wallet, [model], served, markets=markets, say=self.said.append, **options)

    def count(self, wallet):
        return int(self.node.rpc("eth_getTransactionCount", wallet.address, "latest"), 16)

    def sent(self, who):
        """How many transactions an account has sent since the commitment."""
        return self.count(self.wallets[who]) - self.begun[self.wallets[who].address]

    def go_on(self):
        """Let blocks and time pass, contribute, as far as the market waits for it."""
        view = self.driver.view()
        if view.phase == COMMITTED:
            self.chain.rpc("anvil_mine", "0x6")
        elif view.phase == PARTICIPATING:
            contract = self.model.paying
            for number in range(view.contributions, PLAN["max_contributions"]):
                x = number.to_bytes(2, "big")
                y = 1 - self.model.contract.call("predict", x)  # what it agrees with would take no place
                contract.transact("add_data", self.model.address, x, y, account=self.wallets[1], value=view.plan.stake)
        else:
            self.chain.rpc("evm_increaseTime", 600)
            self.chain.rpc("evm_mine")

    def check(self):
        """No transaction was refused, and none is there twice."""
        blocks = self.node.many([("eth_getBlockByNumber", [hex(n), True]) for n in range(self.node.block + 1)])
        sent = [t for block in blocks for t in block["transactions"]]
        receipts = self.node.many([("eth_getTransactionReceipt", [t["hash"]]) for t in sent])
        assert {receipt["status"] for receipt in receipts} == {"0x1"}
        ours = [(t["from"], t["to"], t["input"]) for t in sent]
        assert len(ours) == len(set(ours))


@pytest.fixture
def world(tmp_path):
    with local_chain() as chain:
        yield World(chain, tmp_path)


def test_look__owner_with_the_test_set__whole_market_and_all_is_home(world):
    world.commit(10**12)
    for _ in range(LOOKS):
        world.keeper(OWNER, secrets=True).look()
        if world.phase == SETTLED:
            break
        world.go_on()
    assert world.phase == SETTLED
    contract = world.model.paying
    owed = sum(contract.call("held", world.driver.market))
    assert world.node.balance(contract.address) == owed  # of the contributor, who asks for it
    world.keeper(CONTRIBUTOR).look()
    assert world.node.balance(contract.address) == 0
    assert any("the rest of market 1" in line for line in world.said)
    world.check()
    before = world.sent(OWNER)
    world.keeper(OWNER, secrets=True).look()
    assert world.sent(OWNER) == before


def test_look__killed_before_and_after_each_transaction__each_once(world, monkeypatch):
    class Kill(BaseException):
        pass

    world.commit(10**12)
    send, kills = Node.send_raw, []

    def killed(self, signed):
        kills.append(signed)
        if len(kills) % 3 == 0:  # goes well
            return send(self, signed)
        if len(kills) % 3 == 1:
            send(self, signed)
        raise Kill

    for _ in range(2 * LOOKS):
        with monkeypatch.context() as patched:
            patched.setattr(Node, "send_raw", killed)
            try:
                world.keeper(OWNER, secrets=True).look()
            except Kill:
                continue
        if world.phase == SETTLED:
            break
        world.go_on()
    assert world.phase == SETTLED
    assert len(kills) > 15
    world.check()


def test_run__node_dies_again_and_again__goes_on_and_each_once(world, monkeypatch):
    world.commit(10**12)
    node, rng, many = Node(world.chain.url), random.Random(1), Node.many

    def dying(self, calls):
        """Asked by the keeper, it dies in a tenth of all cases: before it has done what it was asked, or after."""
        if self is node and rng.random() < 0.05:
            raise Unreachable("no chain answers")
        results = many(self, calls)
        if self is node and rng.random() < 0.05:
            raise Unreachable("no chain answers")
        return results

    monkeypatch.setattr(Node, "many", dying)
    for _ in range(3 * LOOKS):
        try:
            keeper = world.keeper(OWNER, node=node, secrets=True)
        except Unreachable:
            continue
        keeper.run(1, rounds=2, wait=lambda seconds: None)
        if world.phase == SETTLED:
            break
        if world.phase in (COMMITTED, PARTICIPATING):
            world.go_on()
    assert world.phase == SETTLED
    assert any("no chain answers" in line for line in world.said)
    world.check()


def test_look__owns_nothing__does_what_is_paid_for(world):
    world.commit(10**15)
    paid, had = [], world.node.balance(world.wallets[STRANGER].address)
    for _ in range(LOOKS):
        phase, before = world.phase, world.sent(STRANGER)
        world.keeper(STRANGER).look()
        if world.sent(STRANGER) > before:
            paid.append(phase)
        if world.phase == SETTLED:
            break
        if world.sent(STRANGER) == before and world.phase not in (SCORING, SETTLING):
            view = world.driver.view()
            _, method = world.driver.next_step(view)
            if method in ("draw", "reveal", "prepare", "close"):
                getattr(world.driver, method)()
            else:
                world.go_on()
    assert world.phase == SETTLED
    assert paid == [REVEALING, SCORING, SETTLING][: len(paid)]
    assert paid
    assert world.node.balance(world.wallets[STRANGER].address) > had
    world.check()


@pytest.mark.parametrize("missed", ["draw", "reveal"])
def test_look__provider_is_late__whoever_says_so_gets_the_bond(world, missed):
    world.commit(1)
    if missed == "reveal":
        world.go_on()
        world.driver.draw()
        world.chain.rpc("evm_increaseTime", 2 * TIMES["reveal_time"])
        world.chain.rpc("evm_mine")
    else:
        world.chain.rpc("anvil_setCode", EIP_2935, "0x")  # on a chain that keeps no hashes but of the latest blocks
        world.chain.rpc("anvil_mine", hex(BLOCKHASH_WINDOW + 10))
    had = world.node.balance(world.wallets[STRANGER].address)
    world.keeper(STRANGER).look()
    assert world.phase == VOID
    assert world.node.balance(world.wallets[STRANGER].address) > had
    world.check()


@pytest.mark.parametrize("push", [False, True])
def test_look__owns_nothing_and_no_fee_is_worth_it__only_with_push(world, push):
    world.commit(1)
    world.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    sent = []
    for _ in range(8):
        world.keeper(STRANGER, push=push).look()
        sent.append(world.sent(STRANGER))
        world.go_on()
    assert bool(sent[-1]) == push
    if push:  # nobody reveals what was drawn, so it ends
        for _ in range(LOOKS):
            world.keeper(STRANGER, push=True).look()
            if world.phase == VOID:
                break
            world.go_on()
        assert world.phase == VOID
    world.check()
