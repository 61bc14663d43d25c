"""`SelfAssessment` and its twin, side by side, whatever is tried: two models whose money one contract holds.

The samples are few, so that actions meet: the same sample again, by another account, with the other label.
"""

from collections import defaultdict
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from comodels.incentives.self_assessment import PAID, SelfAssessment, Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from comodels.wire import Facts
from tests.client import Contract, Reverted

START = 10**21  # wei of each account at the beginning

SAMPLES = [bytes.fromhex(x) for x in ("0000", "00000001", "000100020003", "0003", "000000020003")]
# what no model accepts
BAD_SAMPLES = [b"", b"\0", bytes.fromhex("00010001"), bytes.fromhex("00020001"), bytes.fromhex("0004")]

samples = st.sampled_from(SAMPLES)
labels = st.integers(0, 1)
two = st.integers(0, 1)
somebody = st.integers(0, 4)
CLAIMS = ["flag", "report", "take", "forgive", "rest", "refund"]
steps = st.integers(1, 150)  # seconds until the next action
around = st.integers(-1, 1)  # seconds to the exact end of a wait

TERMS = [
    Terms.slides(cost_weight=10**15, refund_wait=50, dispute_wait=0, owner_wait=100, anyone_wait=150),
    Terms.slides(cost_weight=7, refund_wait=10, dispute_wait=0, owner_wait=60, anyone_wait=60, without_own_effect=True),
    Terms.slides(cost_weight=10**15, refund_wait=10, dispute_wait=50, owner_wait=111, anyone_wait=150),
    Terms.slides(cost_weight=0, refund_wait=1, dispute_wait=0, owner_wait=2, anyone_wait=2),
    Terms(cost_weight=10**15, refund_wait=10, dispute_wait=50, rest_wait=111, forgive_every=1),
    Terms(cost_weight=10**15, refund_wait=1, dispute_wait=0, rest_wait=100, forgive_every=2),
    Terms(cost_weight=1, refund_wait=5, dispute_wait=1, rest_wait=60, forgive_every=0, without_own_effect=True),
    Terms(cost_weight=10**15, refund_wait=5, dispute_wait=20, rest_wait=60, forgive_every=1, born_wrong=False),
]
PARAMETERS = [
    SparsePerceptronParameters(4),
    SparsePerceptronParameters(4, rate=3, bias_rate=0, margin=10),
    SparsePerceptronParameters(4, rate=30_000, bias_rate=1),  # the weights soon leave their range
]


@dataclass
class World:
    """What the machine acts on; a fresh state of the chain for each run."""

    incentive: Contract
    new_model: object
    accounts: list[str]  # the first two own the models


class Machine(RuleBasedStateMachine):
    world: World

    @initialize(
        terms=st.tuples(*[st.sampled_from(TERMS)] * 2), parameters=st.tuples(*[st.sampled_from(PARAMETERS)] * 2)
    )
    def begin(self, terms, parameters):
        world = self.world
        chain = self.chain = world.incentive.chain
        self.snapshot = chain.rpc("evm_snapshot")
        for account in world.accounts:
            chain.rpc("anvil_setBalance", account, hex(START))
        self.time = chain.time + 10
        self.forced = 0
        self.balances = defaultdict(int, dict.fromkeys(world.accounts, START))
        self.models, self.twins = [], []
        for owner, own_terms, own_parameters in zip(world.accounts[:2], terms, parameters, strict=True):
            self.time += 1
            model = SparsePerceptron(own_parameters)
            contract = world.new_model(
                model, world.incentive, own_terms.encode(), sender=owner, owner=owner, time=self.time
            )
            self.models.append(contract.address)
            self.twins.append(SelfAssessment(model, owner, own_terms, self.time, self.balances))
        # somebody who may report, from the start: a fresh perceptron answers 0
        for m, reporter in enumerate(world.accounts[-2:]):
            sample = SAMPLES[0], 0
            self.act(m, "add_data", reporter, (*sample, 10**19), sample, 1, 10**19)
            claim = reporter, *sample
            self.act(m, "refund", reporter, claim, claim, self.twins[m].terms.refund_wait + 1)

    def teardown(self):
        if hasattr(self, "snapshot"):
            self.chain.rpc("evm_revert", self.snapshot)

    def act(self, m, function, sender, twin_arguments, arguments, step, value=0):
        """The same on both sides: the same outcome, or the same message."""
        self.time += step
        try:
            expected = getattr(self.twins[m], function)(sender, *twin_arguments, self.time)
        except Revert as revert:
            expected = str(revert)
        try:
            if function != "name_keeper":
                arguments = self.models[m], *arguments
            receipt = self.world.incentive.send(function, *arguments, sender=sender, value=value, time=self.time)
        except Reverted as revert:
            receipt = str(revert)
        if isinstance(receipt, str) or isinstance(expected, str):
            assert receipt == expected
            return
        event = receipt.events[-1]
        assert len(receipt.events) == 1
        assert receipt.time == self.time
        if function == "name_keeper":
            return
        assert event.arguments["model"] == self.models[m]
        match function:
            case "add_data":
                assert Facts.unpack(event.arguments["facts"]).effect == expected
            case "flag":
                assert expected is None
            case _:
                assert event.arguments["amount"] == expected

    @rule(m=two, who=somebody, x=samples, y=labels, step=steps, off=st.sampled_from([0, 1, 10**18]))
    def add_data(self, m, who, x, y, step, off):
        value = self.twins[m].required_deposit(self.time + step) + off
        self.act(m, "add_data", self.world.accounts[who], (x, y, value), (x, y), step, value)

    @rule(m=two, who=somebody, x=st.sampled_from(SAMPLES + BAD_SAMPLES), y=st.integers(0, 2), off=st.integers(-1, 0))
    def add_bad_data(self, m, who, x, y, off):
        value = max(0, self.twins[m].required_deposit(self.time + 1) + off)
        self.act(m, "add_data", self.world.accounts[who], (x, y, value), (x, y), 1, value)

    @rule(m=two, who=somebody, of=somebody, x=samples, y=labels, name=st.sampled_from(CLAIMS))
    def claim_anything(self, m, who, of, x, y, name):
        sender, contributor = self.world.accounts[who], self.world.accounts[of]
        self.act(m, name, sender, (contributor, x, y), (contributor, x, y), 1)
        self.act(1 - m, "refund", sender, (contributor, x, y), (contributor, x, y), 1)

    @rule(who=somebody, of=somebody)
    def name_keeper(self, who, of):
        sender, keeper = self.world.accounts[who], self.world.accounts[of]
        self.twins[1].name_keeper(sender, keeper)  # one for all models
        self.act(0, "name_keeper", sender, (keeper,), (keeper,), 1)

    def pending(self, data, wait):
        """A contribution that is not settled, and the seconds until the wait after it ends."""
        keys = [(m, *k) for m, twin in enumerate(self.twins) for k, c in twin.contributions.items() if c.time]
        m, contributor, x, y = data.draw(st.sampled_from(keys))
        twin = self.twins[m]
        due = twin.contributions[contributor, x, y].time + getattr(twin.terms, wait)
        return m, contributor, (x, y), due - self.time

    def any_pending(self):
        return any(c.time for twin in self.twins for c in twin.contributions.values())

    @precondition(any_pending)
    @rule(data=st.data(), off=around)
    def refund(self, data, off):
        m, contributor, sample, step = self.pending(data, "refund_wait")
        sender = self.world.accounts[data.draw(somebody)]
        claim = contributor, *sample
        self.act(m, "refund", sender, claim, claim, max(1, step + off))

    @precondition(any_pending)
    @rule(data=st.data(), off=around, own=st.booleans(), wait=st.sampled_from(["refund_wait", "rest_wait"]))
    def forgive(self, data, off, own, wait):
        m, contributor, sample, step = self.pending(data, wait)
        sender = contributor if own else self.twins[m].keeper_of.get(contributor, self.world.accounts[0])
        claim = contributor, *sample
        self.act(m, "forgive", sender, claim, claim, max(1, step + off))

    @precondition(any_pending)
    @rule(data=st.data(), who=somebody, off=around)
    def rest(self, data, who, off):
        m, contributor, sample, step = self.pending(data, "rest_wait")
        claim = contributor, *sample
        self.act(m, "rest", self.world.accounts[who], claim, claim, max(1, step + off))

    @precondition(any_pending)
    @rule(data=st.data(), off=around)
    def report(self, data, off):
        m, contributor, sample, step = self.pending(data, "refund_wait")
        claim = contributor, *sample
        reporter = data.draw(st.sampled_from([a for a, n in self.twins[m].validated_of.items() if n]))
        name = "flag" if self.twins[m].terms.dispute_wait else "report"
        self.act(m, name, reporter, claim, claim, max(1, step + off))

    def flags(self):
        """The announced reports that are not paid yet."""
        return [
            (m, reporter, key, time)
            for m, twin in enumerate(self.twins)
            for key, c in twin.contributions.items()
            for reporter, time in c.reports.items()
            if time != PAID
        ]

    @precondition(flags)
    @rule(data=st.data(), off=around)
    def report_flagged(self, data, off):
        m, reporter, claim, flagged = data.draw(st.sampled_from(self.flags()))
        step = flagged + self.twins[m].terms.dispute_wait - self.time
        self.act(m, "report", reporter, claim, claim, max(1, step + off))

    @precondition(any_pending)
    @rule(data=st.data(), who=somebody, off=around, wait=st.sampled_from(["owner_wait", "anyone_wait"]))
    def take(self, data, who, off, wait):
        m, contributor, sample, step = self.pending(data, wait)
        claim = contributor, *sample
        sender = self.world.accounts[m if wait == "owner_wait" else who]
        self.act(m, "take", sender, claim, claim, max(1, step + off))

    @rule(wei=st.integers(1, 10**18))
    def force_ether(self, wei):
        """Ether that nobody owes anybody: it stays, and changes nothing."""
        held = self.chain.balance(self.world.incentive.address)
        self.chain.rpc("anvil_setBalance", self.world.incentive.address, hex(held + wei))
        self.forced += wei

    @invariant()
    def balance_is_what_is_owed(self):
        owed = sum(c.claimable for twin in self.twins for c in twin.contributions.values())
        assert owed == sum(twin.balance for twin in self.twins)
        accounts = [self.world.incentive.address, *self.world.accounts]
        answers = self.chain.many([("eth_getBalance", [a, "latest"]) for a in accounts])
        held, *balances = [int(a, 16) for a in answers]
        assert held - self.forced == owed
        assert balances == [self.balances[a] for a in self.world.accounts]

    @invariant()
    def records_are_the_twin_s(self):
        keys = [(m, k) for m, twin in enumerate(self.twins) for k in twin.contributions]
        records = self.world.incentive.call_many("contribution", [(self.models[m], *k) for m, k in keys])
        names = ["claimable", "deposit", "time", "effect", "born_wrong", "validated", "round"]
        assert records == [tuple(getattr(self.twins[m].contributions[k], n) for n in names) for m, k in keys]

    @invariant()
    def counts_are_the_twin_s(self):
        both = list(zip(self.models, self.twins, strict=True))
        counts = self.world.incentive.call_many("statistics", [(model,) for model, _ in both])
        assert counts == [(twin.submitted, twin.validated) for _, twin in both]
        pairs = [(model, a) for model, _ in both for a in self.world.accounts]
        validated = self.world.incentive.call_many("validated_of", pairs)
        assert validated == [twin.validated_of[a] for _, twin in both for a in self.world.accounts]
        forgiven = self.world.incentive.call_many("forgiven_of", pairs)
        assert forgiven == [twin.forgiven_of[a] for _, twin in both for a in self.world.accounts]


@pytest.fixture
def machine(contract_of, new_model, owner, provider, contributor, reporter, stranger):
    contract_of("SparsePerceptron")
    accounts = [str(a.address) for a in (owner, provider, contributor, reporter, stranger)]
    world = World(contract_of("SelfAssessment"), new_model, accounts)
    return type("Machine", (Machine,), {"world": world})


@pytest.mark.parametrize(
    ("examples", "steps"), [(15, 40), pytest.param(1_000, 60, marks=pytest.mark.fuzz)], ids=["short", "long"]
)
def test_self_assessment__whatever_is_tried__equals_the_twin_and_balance_is_what_is_owed(machine, examples, steps):
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=steps))
