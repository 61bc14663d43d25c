"""Honest and hostile people around one market contract: time alone and calls by anyone bring every wei home.

Every attempt is made on contract and twin, which must agree on whether it works, why not, and on all balances.
"""

from dataclasses import replace

import numpy as np
import pytest
from eth_utils import keccak, to_checksum_address
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from comodels.artifacts import NEEDS, deploy
from comodels.chain.abi import Transaction
from comodels.chain.local import local_chain
from comodels.incentives.prediction_market import (
    COMMITTED,
    DRAWN,
    PARTICIPATING,
    REVEALING,
    SCORING,
    SETTLED,
    SETTLING,
)
from comodels.incentives.scorers import SCORERS, EvaluatingScorer
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from comodels.rows import pack_rows
from comodels.wire import iterate_withdrawals, pack_withdrawal
from tests.mirror import PLAN, Mirror, create_raw, random_portions, random_sample, sample

SMALL = replace(PLAN, portions=4, drawn=1, rows=3, max_contributions=6, rounds=7)


def machine(rpc, contract, implementation, wallet, people, scorers):
    numbers = iter(range(2**32))
    provider, contributor, reporter, keeper, stranger = people

    # Which portions are drawn is up to the chain, and with it what comes of a bad one. So no rule has a precondition:
    # the choice of rules must not depend on what Hypothesis cannot repeat.
    class Market(RuleBasedStateMachine):
        @initialize(
            seed=st.integers(0, 2**32 - 1),
            behaviour=st.sampled_from(["honest", "honest", "honest", "silent", "malformed", "too many rows"]),
            least=st.integers(1, 3),
        )
        def begin(self, seed, behaviour, least):
            self.rng = np.random.default_rng(seed)
            self.mirror = Mirror(rpc, contract, [*people, wallet.address], scorers)
            self.refuses = wallet.call("refusing")
            self.mirror.forced = rpc.balance(contract.address)
            twin = SparsePerceptron(SparsePerceptronParameters(30), [int(w) for w in self.rng.integers(-2, 3, 30)])
            self.model = create_raw(rpc, implementation, contract.address, provider, twin, next(numbers))
            self.mirror.time = rpc.time
            self.mirror.adopt(self.model, twin, provider)
            self.behaviour = behaviour
            self.plan = replace(SMALL, min_contributions=least)
            self.commit()

        def commit(self):
            portions = random_portions(self.rng, self.plan)
            if self.behaviour == "malformed":
                portions[int(self.rng.integers(self.plan.portions))] = pack_rows([(2, sample(1))] * self.plan.rows)
            if self.behaviour == "too many rows":
                portions[int(self.rng.integers(self.plan.portions))] += pack_rows([(1, sample(1))])
            self.secret = self.mirror.secret(self.model, provider, portions, self.plan)
            self.market = self.mirror.commit(provider, self.model, self.secret.tree.root, self.plan)
            self.mirror.mine(5)

        @property
        def state(self):
            return self.mirror.twin.markets[self.market]

        def attempt(self, function, *arguments):
            try:
                return function(*arguments)
            except Revert:  # both agreed on it
                return None

        # ---- what should happen --------------------------------------------------------------------------------------

        @rule(steps=st.integers(1, 4))
        def go_on(self, steps):
            for _ in range(steps):
                self.step()

        def step(self):
            """The next step, as keeper and provider would do it."""
            m, mirror = self.state, self.mirror
            if m.phase == COMMITTED:
                self.attempt(mirror.draw, keeper, self.market)
            elif m.phase == DRAWN and len(m.rows) < self.plan.drawn:
                for index in sorted(m.drawn):
                    self.attempt(mirror.reveal, provider, *self.secret.reveal_arguments(index))
            elif m.phase == DRAWN:
                self.attempt(mirror.prepare, keeper, self.market)
            elif m.phase == PARTICIPATING and len(m.contributions) == self.plan.max_contributions:
                mirror.close(keeper, self.market)
            elif m.phase == REVEALING and self.behaviour != "silent":
                for index in m.hidden:
                    if index not in m.rows:
                        self.attempt(mirror.reveal, provider, *self.secret.reveal_arguments(index))
                self.attempt(mirror.check, keeper, self.market, int(self.rng.integers(0, 12)))
            elif m.phase == SCORING:
                mirror.score_next(keeper, self.market, int(self.rng.integers(0, 12)))
            elif m.phase == SETTLING:
                mirror.settle(keeper, self.market)

        @rule(who=st.sampled_from([contributor, reporter]), y=st.integers(0, 1))
        def contribute(self, who, y):
            if self.state.phase != PARTICIPATING:
                return
            self.attempt(self.mirror.add_data, who, self.model, random_sample(self.rng), y, self.plan.stake + y)

        @rule(y=st.integers(0, 1), change=st.integers(0, 1))
        def contribute_from_a_contract(self, y, change):
            """It calls back when the change arrives, and when it is paid."""
            if self.state.phase != PARTICIPATING or self.refuses:
                return
            x = random_sample(self.rng)
            self.attempt(self.mirror.add_data_through, wallet, stranger, self.model, x, y, self.plan.stake + change)

        @rule(
            function=st.sampled_from(
                ["withdraw_rest", "settle", "expire", "close", "withdraw", "withdraw_stake", "add_data"]
            ),
            index=st.integers(1, 6),
        )
        def reenter(self, function, index):
            """What the contract wallet calls at its next payment; the lock refuses all of it."""
            arguments: tuple = (self.market,)
            if function == "settle":
                arguments = self.market, self.mirror.twin.entries(self.market)
            elif function == "add_data":
                arguments = self.model, sample(1), 1
            elif function.startswith("withdraw_s") or function == "withdraw":
                if index > len(self.state.contributions):
                    return
                function, arguments = self.mirror.twin.claim(self.market, index)
            data = wallet.data("set_callback", contract.address, contract.data(function, *arguments), 0)
            (receipt,) = rpc.send([Transaction(stranger, wallet.address, data)])
            assert receipt["status"] == "0x1"

        @invariant()
        def nothing_got_in(self):
            assert not wallet.call("succeeded")

        @rule()
        def another_market(self):
            """The next one begins while money of this one still waits."""
            if self.state.phase < SETTLED:
                return
            self.attempt(self.mirror.withdraw_rest, stranger, self.market)
            self.commit()

        # ---- what should not -----------------------------------------------------------------------------------------

        @rule(seconds=st.sampled_from([1, 500, 1_000, 2_000, 3_000, 100_000]))
        def wait(self, seconds):
            self.mirror.wait(seconds)
            self.attempt(self.mirror.close, stranger, self.market)

        @rule()
        def expire(self):
            self.attempt(self.mirror.expire, stranger, self.market)

        @rule(
            x=st.sampled_from([b"", b"\x00", sample(2, 1), sample(40), sample(1)]),
            y=st.sampled_from([0, 1, 2, 2**255]),
            value=st.sampled_from([0, PLAN.stake - 1, PLAN.stake]),
        )
        def junk(self, x, y, value):
            self.attempt(self.mirror.add_data, reporter, self.model, x, y, value)

        @rule(index=st.integers(0, 5), other=st.integers(0, 3))
        def reveal_the_wrong(self, index, other):
            market, _, salt, rows, proof = self.secret.reveal_arguments(other)
            self.attempt(self.mirror.reveal, provider, market, index, salt, rows, proof)

        @rule(
            indices=st.lists(st.integers(0, 3), max_size=4),
            wrong=st.sampled_from(["", "", "rows", "size", "salt", "proof", "more rows", "no words"]),
            limit=st.sampled_from([0, 1, 4, 2**256 - 1]),
        )
        def check_the_wrong(self, indices, wrong, limit):
            """Show any portions, perhaps the right ones, or something else beside them."""
            rows, beside = self.secret.check_arguments(indices)
            if wrong == "more rows":
                rows += pack_rows([(1, sample(1))])
            elif wrong == "no words":
                beside = []
            elif wrong and indices:
                rows = bytes([rows[0] ^ 1]) + rows[1:] if wrong == "rows" else rows
                at = {"rows": 0, "salt": 0, "size": 1, "proof": 3}[wrong]
                number = int.from_bytes(beside[at], "big")
                beside[at] = (number if wrong == "rows" else max(number - 1, 0)).to_bytes(32, "big")
            self.attempt(self.mirror.check, stranger, self.market, limit, (rows, beside))

        @rule(index=st.integers(0, 7), wrong=st.sampled_from(["", "who", "x", "effect"]), late=st.booleans())
        def claim(self, index, wrong, late):
            """Score or withdraw, perhaps out of order, twice, or what is another's."""
            if not self.state.contributions:
                return
            c = self.state.contributions[min(max(index - 1, 0), len(self.state.contributions) - 1)]
            who = stranger if wrong == "who" else c.contributor
            x = sample(29) if wrong == "x" else c.x
            effect = 7 if wrong == "effect" else c.effect
            if late:
                place = min(max(index, 1), len(self.state.contributions))
                beside = self.mirror.twin.around(self.market, place, place)
                claim = index, who, who, keccak(x), c.y, effect, *beside
                self.attempt(self.mirror.withdraw_stake, stranger, self.market, *claim)
            elif self.state.phase != SCORING or self.state.scored < len(self.state.contributions):
                self.attempt(self.mirror.score, stranger, self.market, who, x, c.y, effect, 1)

        @rule(
            index=st.integers(1, 6),
            others=st.lists(st.integers(1, 6), max_size=3),
            wrong=st.sampled_from(["", "", "who", "amount", "index", "shorter", "joining", "longer", "market"]),
        )
        def claim_by_proof(self, index, others, wrong):
            """Withdraw one or several, perhaps twice, another's, more than is owed, or of another market."""
            twin = self.mirror.twin
            market = next(reversed(twin.markets)) if wrong != "market" else next(iter(twin.markets))
            m = twin.markets[market]
            if m.owed is None:
                return
            packed = b"".join(twin.claim(market, i)[1][1] for i in others if i <= m.settled)
            index = min(index, m.settled)
            who, amount, _, proof, _ = next(iterate_withdrawals(twin.claim(market, index)[1][1]))
            who = stranger if wrong == "who" else who
            amount += wrong == "amount"
            at = index + 1 if wrong == "index" else index
            if wrong == "joining" and packed:  # right, if they are in the same tree
                last = [i for i in others if i <= m.settled][-1]
                proof = proof[: (index - 1 ^ last - 1).bit_length()]
            proof = proof[:-1] if wrong == "shorter" else [*proof, m.owed.root] if wrong == "longer" else proof
            packed += pack_withdrawal(who, amount, at, proof)
            self.attempt(self.mirror.withdraw, stranger, self.market if wrong == "market" else market, packed)

        @rule(changed=st.sampled_from(["who", "errors", "fewer", "more", "order"]))
        def settle_otherwise(self, changed):
            """Show `settle` something that was not scored."""
            right = self.mirror.twin.entries(self.market)
            if self.state.phase != SETTLING:
                return
            wrong = {
                "who": right[:10] + bytes(20) + right[30:],
                "errors": right[:31] + bytes([right[31] ^ 1]) + right[32:],
                "fewer": right[32:],
                "more": right + right[:32],
                "order": right[32:] + right[:32],
            }[changed]
            if wrong and wrong != right:
                self.attempt(self.mirror.settle, stranger, self.market, wrong)

        @rule(function=st.sampled_from(["draw", "prepare", "check", "close", "settle", "withdraw_rest"]))
        def out_of_turn(self, function):
            self.attempt(getattr(self.mirror, function), stranger, self.market)

        @rule()
        def commit_again(self):
            if self.state.phase < SETTLED:
                self.attempt(self.mirror.commit, provider, self.model, bytes(32), self.plan)

        @rule(amount=st.integers(1, 10**18))
        def force_ether_in(self, amount):
            rpc.rpc("anvil_setBalance", contract.address, hex(rpc.balance(contract.address) + amount))
            self.mirror.forced += amount
            self.mirror.check_money()

        @rule()
        def accept_or_refuse(self):
            """The contract wallet takes ether no more, or again."""
            self.refuses = not self.refuses
            data = wallet.data("set_refusing", self.refuses)
            (receipt,) = rpc.send([Transaction(stranger, wallet.address, data)])
            assert receipt["status"] == "0x1"

        @rule()
        def fetch(self):
            if self.refuses:
                return
            self.attempt(
                lambda: self.mirror.do("fetch", sender=stranger, through=wallet, twin=lambda t: t.fetch(wallet.address))
            )

        # ---- the end -------------------------------------------------------------------------------------------------

        def teardown(self):
            """No provider, no contributor: a stranger and time are enough."""
            if not hasattr(self, "market"):
                return
            while self.state.phase < SETTLED:
                if self.state.phase == COMMITTED:
                    self.mirror.draw(stranger, self.market)
                elif self.state.phase == SETTLING:
                    self.mirror.settle(stranger, self.market)
                else:
                    self.mirror.wait(100_000)
                    participating = self.state.phase == PARTICIPATING
                    (self.mirror.close if participating else self.mirror.expire)(stranger, self.market)
            for market in list(self.mirror.twin.markets):
                self.mirror.withdraw_all(stranger, market)
            if self.refuses:
                self.accept_or_refuse()
            for account, amount in list(self.mirror.twin.credits.items()):
                if amount:
                    self.mirror.do("fetch", sender=stranger, through=wallet, twin=lambda t, a=account: t.fetch(a))
            assert not wallet.call("succeeded")
            assert rpc.balance(contract.address) == self.mirror.forced
            assert self.mirror.twin.balance == 0

    return Market


@pytest.mark.parametrize(
    ("needs", "scorers"),
    [(NEEDS["PredictionMarket"], SCORERS), (["Settler", "Planner", "EvaluatingScorer"], {"": EvaluatingScorer})],
    ids=["in blocks", "by evaluating"],
)
@pytest.mark.parametrize(
    ("examples", "steps"), [(8, 25), pytest.param(300, 60, marks=pytest.mark.fuzz)], ids=["short", "long"]
)
def test_market__anything_anyone_tries__every_wei_comes_home(examples, steps, needs, scorers, project):
    with local_chain() as chain:
        people = [to_checksum_address(a) for a in chain.accounts[:5]]
        contract = deploy(chain, people[0], "PredictionMarket", needs=needs)
        implementation = deploy(chain, people[0], "SparsePerceptron")
        wallet = deploy(chain, people[4], "ContractWallet")
        run_state_machine_as_test(
            machine(chain, contract, implementation, wallet, people, scorers),
            settings=settings(max_examples=examples, stateful_step_count=steps),
        )
        # a few runs may end before a contract wallet is paid, many do not
        assert examples < 100 or wallet.call("payments") > 0
