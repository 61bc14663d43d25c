"""`SelfAssessment` and its twin over long random histories: every outcome, message, record and balance."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from eth_abi import decode

from comodels.incentives.self_assessment import PAID, SelfAssessment, Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from comodels.wire import Facts

ACTIONS = 600
START = 10**22  # wei of each account at the beginning
N_FEATURES = 12

HISTORIES = {
    "shares": Terms.slides(cost_weight=10**15, refund_wait=50, dispute_wait=0, owner_wait=1_500, anyone_wait=2_000),
    "few wei": Terms.slides(
        cost_weight=1, refund_wait=50, dispute_wait=0, owner_wait=900, anyone_wait=1_000, without_own_effect=True
    ),
    "disputes": Terms.slides(cost_weight=10**15, refund_wait=10, dispute_wait=100, owner_wait=1_200, anyone_wait=1_500),
    "default rule": Terms(cost_weight=10**15, refund_wait=10, dispute_wait=100, rest_wait=1_200, forgive_every=2),
    "without disputes": Terms(
        cost_weight=10**15, refund_wait=50, dispute_wait=0, rest_wait=1_500, forgive_every=1, without_own_effect=True
    ),
}
FUNCTIONS = {
    "refund": 0.3,
    "report": 0.26,
    "flag": 0.14,
    "take": 0.08,
    "forgive": 0.14,
    "rest": 0.06,
    "name_keeper": 0.02,
}
# what hardly ever succeeds on the terms of a history
SELDOM = {
    "shares": {"flag", "forgive", "rest"},
    "few wei": {"flag", "forgive", "rest"},
    "disputes": {"forgive", "rest"},
    "default rule": {"take"},
    "without disputes": {"take", "flag"},
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
        function = str(rng.choice(list(FUNCTIONS), p=list(FUNCTIONS.values())))
        if function == "name_keeper":
            self.time += 1
            return m, function, who, (str(rng.choice(self.accounts)),), 0
        if function in ("report", "flag", "forgive") and rng.random() < 0.9:  # what the model disagrees with
            pending = [k for k in pending if twin.model.predict(k[1]) != k[2]] or pending
        if function == "forgive" and rng.random() < 0.9:
            pending = [k for k in pending if twin.can_forgive(k[0])] or pending
        if function in ("report", "flag") and rng.random() < 0.9:  # what can be reported, by somebody who can
            pending = [k for k in pending if twin.contributions[k].born_wrong] or pending
            who = str(rng.choice([a for a, n in twin.validated_of.items() if n] or [who]))
            announced = [(k, a) for k in pending for a, time in twin.contributions[k].reports.items() if time != PAID]
            if function == "report" and announced:
                key, who = announced[int(rng.integers(len(announced)))]
                pending = [key]
        contributor, x, y = pending[int(rng.integers(len(pending)))]
        record = twin.contributions[contributor, x, y]
        wait = twin.terms.refund_wait
        if function == "take":
            who = str(rng.choice([twin.owner, who]))
            wait = twin.terms.owner_wait if rng.random() < 0.6 else twin.terms.anyone_wait
        if function == "rest" or (function in ("flag", "forgive") and rng.random() < 0.1):
            wait = twin.terms.rest_wait
        flagged = record.reports.get(who, PAID)
        due = flagged + twin.terms.dispute_wait if flagged != PAID else record.time + wait
        if rng.random() < 0.95:
            due += int(rng.choice([-1, 0, 1]))
        # mostly wait no longer than until something is due
        self.time = max(self.time + 1, due if function not in ("take", "rest") or rng.random() < 0.4 else 0)
        if function == "refund" and rng.random() < 0.02:
            contributor = who
        if function == "forgive" and rng.random() < 0.8:
            who = str(rng.choice([contributor, twin.keeper_of.get(contributor, who)]))
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
    name, contract_of, new_model, raw, rpc, owner, provider, contributor, reporter, stranger
):
    accounts = [str(a.address) for a in (contributor, reporter, stranger, owner, provider)]
    incentive = contract_of("SelfAssessment")
    rpc.many([("anvil_setBalance", [a, hex(START)]) for a in accounts])
    balances = defaultdict(int, dict.fromkeys(accounts, START))
    time = rpc.time + 100
    twins, models = [], []
    for i, own in enumerate(accounts[3:]):
        twin = SparsePerceptron(SparsePerceptronParameters(N_FEATURES, rate=2, margin=i * 5))
        terms = HISTORIES[name]
        models.append(new_model(twin, incentive, terms.encode(), owner=own, time=time + i).address)
        twins.append(SelfAssessment(twin, own, terms, time + i, balances))
    history = History(np.random.default_rng(len(name)), twins, models, accounts, time + 10)

    transactions, expected = [], []
    for _ in range(ACTIONS):
        m, function, sender, arguments, value = history.draw()
        expected.append(run(twins[m], function, sender, arguments, value, history.time))
        if function != "name_keeper":
            arguments = models[m], *arguments
        else:  # for all models
            for twin in twins:
                run(twin, function, sender, arguments, 0, history.time)
        transactions.append(
            incentive.transaction(function, *arguments, sender=sender, value=value, time=history.time, gas=1_000_000)
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
        fields = ["claimable", "deposit", "time", "effect", "born_wrong", "validated", "round"]
        records = [tuple(getattr(twin.contributions[k], f) for f in fields) for k in keys]
        assert incentive.call_many("contribution", [(model, *k) for k in keys]) == records
        assert incentive.call("statistics", model) == (twin.submitted, twin.validated)
        assert twin.balance == sum(c.claimable for c in twin.contributions.values())
        for of in ("validated_of", "forgiven_of"):
            counts = [getattr(twin, of)[a] for a in accounts]
            assert incentive.call_many(of, [(model, a) for a in accounts]) == counts
        flags = [(k, a) for k in keys for a in accounts if twin.contributions[k].time]
        assert incentive.call_many("flagged", [(model, *k, a) for k, a in flags]) == [
            twin.contributions[k].reports.get(a, 0) for k, a in flags
        ]
    # that the history was worth it
    kinds = Counter((t.data[:4], isinstance(e, str)) for t, e in zip(transactions, expected, strict=True))
    for function in {"add_data", *FUNCTIONS} - {"name_keeper"} - SELDOM[name]:
        selector = incentive.data(function, models[0], *([accounts[0]] * (function != "add_data")), b"", 0)[:4]
        assert kinds[selector, False] >= 3, f"{function} hardly ever succeeds"
        assert kinds[selector, True] >= 3, f"{function} hardly ever fails"


def outcome(receipt, rpc):
    """As the twin: the effect of a contribution, the amount of a claim, 0 for a flag, the message of a revert."""
    if receipt["status"] == "0x1":
        words = bytes.fromhex(receipt["logs"][0]["data"][2:])
        if len(words) in (0, 96):  # KeeperNamed: nothing; Flag: a list of one contribution's key
            return 0
        if len(words) == 64:  # contribution's key and amount
            return decode(["bytes32", "uint256"], words)[1]
        return Facts.unpack(int.from_bytes(words[:32], "big")).effect
    trace = rpc.rpc("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
    return decode(["string"], bytes.fromhex(trace["output"][10:]))[0]
