"""`SelfAssessment` and its twin over long random histories: every outcome, message, record and balance."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from eth_abi import decode

from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.revert import Revert
from simulation.self_assessment import PAID, SelfAssessment, Terms
from tests.conftest import pack_terms

ACTIONS = 600
START = 10**22  # wei of each account at the beginning
N_FEATURES = 12

HISTORIES = {
    "shares": Terms(cost_weight=10**15, refund_wait=50, owner_wait=1_500, anyone_wait=2_000),
    "few wei": Terms(cost_weight=1, refund_wait=50, owner_wait=900, anyone_wait=1_000, without_own_effect=True),
    "disputes": Terms(cost_weight=10**15, refund_wait=10, owner_wait=1_200, anyone_wait=1_500, dispute_wait=100),
}


class History:
    """Draws what accounts may try next, most of it possible, some of it a second too early."""

    def __init__(self, rng, twins, models, accounts, time):
        self.rng, self.twins, self.models, self.accounts, self.time = rng, twins, models, accounts, time

    def draw(self):
        """Model, function, sender, arguments and value; the time goes on."""
        rng = self.rng
        m = int(rng.integers(2))
        twin = self.twins[m]
        who = str(rng.choice(self.accounts))
        pending = [k for k, c in twin.contributions.items() if c.time]
        if not pending or rng.random() < 0.4:
            self.time += int(rng.integers(1, 60))
            indices = np.sort(rng.choice(N_FEATURES + (rng.random() < 0.02), int(rng.integers(1, 4)), replace=False))
            x = indices.astype(">u2").tobytes()
            # the first features speak for class 1, and one account does not care
            y = int(rng.integers(2)) if who == self.accounts[0] else int(indices.mean() < N_FEATURES / 2)
            value = twin.required_deposit(self.time) + int(rng.choice([0, 0, 5, 10**18, -1]))
            return m, "add_data", who, (x, y), max(0, value)
        function = str(rng.choice(["refund", "report", "flag", "take"], p=[0.36, 0.36, 0.16, 0.12]))
        if function in ("report", "flag") and rng.random() < 0.9:  # what can be reported, by somebody who can
            pending = [k for k in pending if twin.model.predict(k[1]) != k[2]] or pending
            who = str(rng.choice([a for a, n in twin.validated_of.items() if n] or [who]))
            if function == "report" and twin.terms.dispute_wait:
                pending = [k for k in pending if who in twin.contributions[k].reports] or pending
        contributor, x, y = pending[int(rng.integers(len(pending)))]
        record = twin.contributions[contributor, x, y]
        wait = twin.terms.refund_wait
        if function == "take":
            who = str(rng.choice([twin.owner, who]))
            wait = twin.terms.owner_wait if rng.random() < 0.6 else twin.terms.anyone_wait
        flagged = record.reports.get(who, PAID)
        due = flagged + twin.terms.dispute_wait if flagged != PAID else record.time + wait
        if rng.random() < 0.95:
            due += int(rng.choice([-1, 0, 1]))
        # mostly wait no longer than until something is due
        self.time = max(self.time + 1, due if function != "take" or rng.random() < 0.4 else 0)
        if function == "refund":
            return m, "refund", contributor if rng.random() < 0.95 else who, (x, y), 0
        return m, function, who, (contributor, x, y), 0


def run(twin, function, sender, arguments, value, time):
    if function == "add_data":
        arguments = (*arguments, value)
    try:
        return getattr(twin, function)(sender, *arguments, time)
    except Revert as revert:
        return str(revert)


@pytest.mark.parametrize("name", HISTORIES)
def test_self_assessment__random_history__every_outcome_and_balance_equals_the_twin(
    name, deployed, new_model, raw, rpc, owner, provider, contributor, reporter, stranger
):
    accounts = [str(a.address) for a in (contributor, reporter, stranger, owner, provider)]
    incentive = deployed("SelfAssessment")
    rpc.many([("anvil_setBalance", [a, hex(START)]) for a in accounts])
    balances = defaultdict(int, dict.fromkeys(accounts, START))
    time = rpc.time + 100
    twins, models = [], []
    for i, own in enumerate(accounts[3:]):
        twin = SparsePerceptron(SparsePerceptronParameters(N_FEATURES, rate=2, margin=i * 5))
        terms = HISTORIES[name]
        packed = pack_terms(*(getattr(terms, field) for field in terms.__dataclass_fields__))
        models.append(new_model(twin, incentive, packed, owner=own, time=time + i).address)
        twins.append(SelfAssessment(twin, own, terms, time + i, balances))
    history = History(np.random.default_rng(len(name)), twins, models, accounts, time + 10)

    transactions, expected = [], []
    for _ in range(ACTIONS):
        m, function, sender, arguments, value = history.draw()
        expected.append(run(twins[m], function, sender, arguments, value, history.time))
        transactions.append(
            incentive.transaction(
                function, models[m], *arguments, sender=sender, value=value, time=history.time, gas=1_000_000
            )
        )
    outcomes = []
    for i in range(0, ACTIONS, 200):  # anvil tells the reasons of the latest 500 blocks only
        outcomes += [outcome(r, rpc) for r in rpc.send(transactions[i : i + 200])]

    assert outcomes == [e or 0 for e in expected]
    assert [rpc.balance(a) for a in accounts] == [balances[a] for a in accounts]
    assert (
        rpc.balance(incentive.address)
        == sum(t.balance for t in twins)
        == len(accounts) * START - sum(balances.values())
    )
    for model, twin in zip(models, twins, strict=True):
        keys = list(twin.contributions)
        fields = ["claimable", "deposit", "time", "effect", "validated", "round"]
        records = [tuple(getattr(twin.contributions[k], f) for f in fields) for k in keys]
        assert incentive.call_many("contribution", [(model, *k) for k in keys]) == records
        assert incentive.call("statistics", model) == (twin.submitted, twin.validated)
        assert twin.balance == sum(c.claimable for c in twin.contributions.values())
    # that the history was worth it
    kinds = Counter((t.data[:4], isinstance(e, str)) for t, e in zip(transactions, expected, strict=True))
    for function in ("add_data", "refund", "report", "take") + (("flag",) if name == "disputes" else ()):
        selector = incentive.data(
            function, models[0], *([accounts[0]] * (function not in ("add_data", "refund"))), b"", 0
        )
        assert kinds[selector[:4], False] >= 5, f"{function} hardly ever succeeds"
        assert kinds[selector[:4], True] >= 3, f"{function} hardly ever fails"


def outcome(receipt, rpc):
    """As the twin: the effect of a contribution, the amount of a claim, 0 for a flag, the message of a revert."""
    if receipt["status"] == "0x1":
        words = bytes.fromhex(receipt["logs"][0]["data"][2:])
        if len(words) == 32:  # Flag: the contribution's key
            return 0
        if len(words) == 64:  # contribution's key and amount
            return decode(["bytes32", "uint256"], words)[1]
        return words[30]  # the effect in the facts of AddData
    trace = rpc.rpc("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
    return decode(["string"], bytes.fromhex(trace["output"][10:]))[0]
