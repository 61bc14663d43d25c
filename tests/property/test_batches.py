"""Batches are the same calls one by one, but for the price: random ones, beside the twins.

The twins make a batch from their single calls; that these equal those of the contracts is what other tests say.
"""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from eth_account import Account
from eth_utils import keccak

from comodels.batch import Signed, pack_claims, pack_signed, record_key
from comodels.incentives.points import Points
from comodels.incentives.points import Terms as PointsTerms
from comodels.incentives.prediction_market import PHASES, Plan, PredictionMarket
from comodels.incentives.prediction_market import Terms as MarketTerms
from comodels.incentives.self_assessment import PAID, SelfAssessment, Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.revert import Revert
from comodels.rows import pack_rows
from comodels.signatures import Consent
from comodels.wire import Facts
from tests.conftest import pack_card
from tests.evm import RICH, Evm, artefacts
from tests.market_run import MarketRun

BATCHES = 400
N_FEATURES = 12
CLAIMS = ["refund", "forgive", "rest", "flag", "report", "take"]
ZERO = "0x" + "00" * 20
CLASSES = {0: "no", 1: "yes"}  # what `pack_card` calls them
KEYS = [Account.from_key(bytes([i + 1]) * 32) for i in range(4)]

TERMS = {
    "slides": Terms.slides(cost_weight=10**12, refund_wait=50, dispute_wait=0, owner_wait=900, anyone_wait=1_400),
    "default rule": Terms(cost_weight=10**12, refund_wait=10, dispute_wait=60, rest_wait=3_000, forgive_every=1),
    "few wei": Terms(
        cost_weight=1, refund_wait=50, dispute_wait=0, rest_wait=3_000, forgive_every=2, without_own_effect=True
    ),
}


class Scene:
    """A chain with a model and its incentive, the incentive's twin, and four people with keys and a wallet without."""

    def __init__(self, project, incentive, terms, seed):
        artefact = artefacts(project)
        self.evm = evm = Evm()
        self.rng = np.random.default_rng(seed)
        self.people = [key.address for key in KEYS]
        for person in self.people:
            evm.set_balance(person, RICH)
        owner = self.people[0]
        self.incentive = evm.deploy_whole(incentive, artefact, owner)
        self.wallet = evm.deploy("SigningWallet", *artefact("SigningWallet"), owner)
        self.signers = [*self.people, self.wallet.address]
        model = SparsePerceptron(SparsePerceptronParameters(N_FEATURES))
        implementation = evm.deploy(model.KIND, *artefact(model.KIND), owner)
        arguments = owner, self.incentive.address, terms.encode(), model.parameters.pack(), pack_card(), model.words()
        data = implementation.data("create", *arguments, True, bytes(32))
        outcome = evm.send(owner, implementation.address, data)
        address = next(log.model for log in outcome.logs if log.name == "Created")
        self.model = evm.at(model.KIND, address, artefact(model.KIND)[1])
        self.balances = defaultdict(int, {a: evm.balance(a) for a in self.signers})
        if incentive == "Points":
            self.twin = Points(model, terms)
        elif incentive == "PredictionMarket":
            self.twin = PredictionMarket(self.incentive.address, 1, self.balances)
            self.twin.open(self.model.address, model, owner, terms)
        else:
            self.twin = SelfAssessment(model, owner, terms, evm.time, self.balances)
        self.added: list[tuple] = []  # contributor, sample, label, sponsor
        self.seen: Counter = Counter()

    def pick(self, things):
        return things[int(self.rng.integers(len(things)))]

    def row(self):
        """A sample and a label, of few that there are; some of them malformed."""
        rng = self.rng
        if self.added and rng.random() < 0.25:
            return self.pick(self.added)[1:3]
        indices = rng.choice(N_FEATURES + (rng.random() < 0.05), int(rng.integers(0, 3)) + (rng.random() < 0.97), False)
        if rng.random() < 0.97:
            indices = np.sort(indices)
        y = int(rng.integers(2)) if rng.random() < 0.5 else int(indices.mean() < N_FEATURES / 2) if len(indices) else 0
        return indices.astype(">u2").tobytes(), y if rng.random() < 0.97 else int(rng.integers(2, 256))

    def round_of(self, *which):
        """The twin's, by contributor, sponsor, sample and label."""
        if isinstance(self.twin, PredictionMarket):
            return self.twin.round_of(self.model.address, *which)
        return self.twin.round_of(*which)

    def sign(self, sponsor):
        """A signed contribution; a few are late, for another sponsor or round, or changed after they were signed."""
        rng = self.rng
        contributor = self.pick(self.signers)
        x, y = self.row()
        round = self.round_of(contributor, sponsor, x, y) + int(rng.random() < 0.05)
        deadline = self.evm.time + int(rng.choice([-1, 0, 1, 1_000]))
        named = self.pick(self.people) if rng.random() < 0.1 else sponsor
        what = 1, self.incentive.address, self.model.address, x, y, round, named, deadline, CLASSES.get(y, "")
        if contributor == self.wallet.address:
            self.send(sponsor, self.wallet, "approve", Consent(*what).digest())
            item = Signed(contributor, x, y, deadline, rng.bytes(int(rng.choice([0, 65, 200]))))
        else:
            item = Consent(*what).sign(KEYS[self.people.index(contributor)])
        choice = rng.random()
        if choice < 0.03:
            return Signed(item.contributor, x, y ^ 1, deadline, item.signature)
        if choice < 0.06:
            return Signed(self.pick([*self.people, ZERO]), x, y, deadline, item.signature)
        if choice < 0.09:
            return Signed(item.contributor, x, y, deadline, item.signature[:-1] + b"\x1f")
        return item

    def signed(self, item, round, sponsor):
        """Whether it is, by what eth-account recovers and by what the wallet approved."""
        what = 1, self.incentive.address, self.model.address, item.x, item.y, round, sponsor, item.deadline
        hash = Consent(*what, CLASSES.get(item.y, "")).digest()
        if item.contributor == self.wallet.address:
            return self.wallet.call("approved", hash)
        if len(item.signature) != 65 or item.signature[64] not in (27, 28):
            return False
        return Account._recover_hash(hash, signature=item.signature) == item.contributor

    def send(self, sender, contract, function, *arguments, value=0):
        return self.evm.send(sender, contract.address, contract.data(function, *arguments), value)

    def compare(self, function, outcome, expected, values):
        """What the events say of each item, in order, is what the twin does; what is returned is how many were done.

        `values` tells of an event what the twin returns for each item of which it tells.
        """
        assert outcome.ok, f"{function}: {outcome.reason}"
        skipped = {log.item: log.reason.decode() for log in outcome.logs if log.name == "Skipped"}
        done = iter([value for log in outcome.logs if log.name in values for value in values[log.name](log)])
        said = [skipped[i] if i in skipped else next(done) for i in range(len(expected))]
        assert said == expected, function
        assert next(done, None) is None
        assert int.from_bytes(outcome.output, "big") == len(expected) - len(skipped), function
        self.seen.update((function, isinstance(e, str)) for e in expected)

    def check_balances(self):
        for account in self.signers:
            assert self.evm.balance(account) == self.balances[account], account


def claims(scene, function, sender, count):
    """Who asks for what, of contributions that one account paid for, or their contributors; mostly what is possible."""
    twin, rng = scene.twin, scene.rng

    def payer(a):
        return None if a[0] == a[3] else a[3]

    def likely(a):
        record = twin.contributions.get(twin._key(a[0], a[1], a[2], payer(a)))
        if record is None or record.time == 0:
            return False
        agrees = twin.model.predict(a[1]) == a[2]
        match function:
            case "refund":
                return agrees
            case "forgive":
                return not agrees and twin.can_forgive(a[0])
            case "report" if twin.terms.dispute_wait:
                return not agrees and PAID not in record.reports.values() and len(record.reports) > 0
            case "flag" | "report":
                return not agrees and (record.born_wrong or not twin.terms.born_wrong)
        return True

    added = [a for a in scene.added[-40:] if likely(a)] if rng.random() < 0.9 else []
    added = added or scene.added[-40:]
    sponsor = payer(scene.pick(added))
    items = [a[:3] for a in added if payer(a) == sponsor]
    items = [scene.pick(items) for _ in range(count)]
    if function == "forgive" and items and items[0][0] in scene.people:
        sender = items[0][0]
    if function in ("flag", "report") and rng.random() < 0.8:
        sender = scene.pick([a for a in scene.people if twin.validated_of[a]] or scene.people)
    if function == "report" and twin.terms.dispute_wait and items:
        flagged = twin.contributions[twin._key(*items[0], sponsor)].reports if likely((*items[0], sponsor)) else {}
        sender = scene.pick([*flagged] or [sender])
    return sender, sponsor, items


EFFECT = {"AddData": lambda log: [Facts.unpack(log.facts).effect]}


@pytest.mark.parametrize("name", TERMS)
def test_self_assessment__random_batches__every_item_record_and_balance_equals_the_twin(project, name):
    scene = Scene(project, "SelfAssessment", TERMS[name], len(name))
    rng, evm, twin, incentive = scene.rng, scene.evm, scene.twin, scene.incentive
    model = scene.model.address
    amounts = dict.fromkeys(["Refund", "Forgive", "Rest", "Report", "Take"], lambda log: [log.amount]) | {
        "Flag": lambda log: [0] * len(log.contributions)
    }
    for _ in range(BATCHES):
        evm.wait(int(rng.choice([1, 12, 30, 60, 300])))
        sender = scene.pick(scene.people)
        count = int(rng.integers(0, 7))
        choice = rng.random()
        if choice < 0.35:
            signing = choice > 0.15
            items = [scene.sign(sender) if signing else scene.row() for _ in range(count)]
            price = incentive.call("batch_deposit", model, count)
            assert price == twin.batch_deposit(count, evm.time)
            value = price * count + int(rng.choice([0, 0, 7, -1]))
            try:
                if signing:
                    expected = twin.add_signed(sender, items, max(0, value), evm.time, scene.signed)
                else:
                    expected = twin.add_many(sender, items, max(0, value), evm.time)
            except Revert as revert:
                expected = str(revert)
            function, packed = (
                ("add_signed", pack_signed(items)) if signing else ("add_many", pack_rows((y, x) for x, y in items))
            )
            outcome = scene.send(sender, incentive, function, model, count, packed, value=max(0, value))
            if isinstance(expected, str):
                assert (outcome.ok, outcome.reason) == (False, expected)
                continue
            scene.compare(function, outcome, expected, EFFECT)
            for item, result in zip(items, expected, strict=True):
                if not isinstance(result, str):
                    who, x, y = (item.contributor, item.x, item.y) if signing else (sender, *item)
                    scene.added.append((who, x, y, sender))
        elif choice < 0.4 and scene.added:
            contributor, x, y, sponsor = scene.pick(scene.added)
            if contributor != scene.wallet.address:
                assert scene.send(contributor, incentive, "cancel", model, sponsor, keccak(x), y).ok
                twin.cancel(contributor, sponsor, x, y)
        elif scene.added:
            function = str(
                rng.choice(CLAIMS, p=[0.15, 0.2, 0.05, 0.25, 0.3, 0.05] if twin.terms.rest_wait else [1 / 6] * 6)
            )
            sender, sponsor, items = claims(scene, function, sender, count)
            expected = twin.claim_many(function, sender, sponsor, items, evm.time)
            outcome = scene.send(
                sender, incentive, f"{function}_many", model, sponsor or ZERO, len(items), pack_claims(items)
            )
            scene.compare(function, outcome, expected, amounts)
        scene.check_balances()
        assert evm.balance(incentive.address) == twin.balance

    assert incentive.call("statistics", model) == (twin.submitted, twin.validated)
    for contributor, x, y, sponsor in set(scene.added) | {(c, x, y, c) for c, x, y, _ in scene.added}:
        record = twin.contributions.get(twin._key(contributor, x, y, sponsor))
        said = incentive.call("record", record_key(model, contributor, sponsor, x, y))
        if record is None:
            assert said == (0, 0, 0, 0, False, False, 0)
            continue
        fields = ["claimable", "deposit", "time", "effect", "born_wrong", "validated", "round"]
        assert said == tuple(getattr(record, f) for f in fields)
        assert incentive.call("round_of", model, contributor, sponsor, keccak(x), y) == record.round
        for reporter in scene.people:
            flagged = incentive.call("record_flagged", record_key(model, contributor, sponsor, x, y), reporter)
            assert flagged == record.reports.get(reporter, 0)
    for account in scene.signers:
        assert incentive.call("validated_of", model, account) == twin.validated_of[account]
        assert incentive.call("forgiven_of", model, account) == twin.forgiven_of[account]
    assert list(scene.model.call("words", 0, scene.model.call("word_count"))) == twin.model.words()
    # that it was worth it
    seldom = {"slides": {"forgive", "rest", "flag"}, "default rule": {"take"}, "few wei": {"take", "flag"}}[name]
    for function in {"add_many", "add_signed", "refund", "forgive", "rest", "flag", "report", "take"} - seldom:
        assert scene.seen[function, False] > 2, f"{function} hardly ever succeeds: {scene.seen}"
        assert scene.seen[function, True] > 2, f"{function} hardly ever fails: {scene.seen}"


def test_points__random_batches__every_item_and_account_equals_the_twin(project):
    scene = Scene(project, "Points", PointsTerms(50, 100, streak_window=200), 5)
    rng, evm, twin, incentive = scene.rng, scene.evm, scene.twin, scene.incentive
    model = scene.model.address
    for _ in range(BATCHES):
        evm.wait(int(rng.choice([1, 12, 30, 60, 300])))
        sender = scene.pick(scene.people)
        count = int(rng.integers(0, 7))
        choice = rng.random()
        if choice < 0.2:
            items = [scene.row() for _ in range(count)]
            expected = twin.add_many(sender, items, evm.time)
            outcome = scene.send(sender, incentive, "add_many", model, count, pack_rows((y, x) for x, y in items))
            scene.compare("add_many", outcome, expected, EFFECT)
            scene.added += [(sender, *i, sender) for i in items]
        elif choice < 0.45:
            items = [scene.sign(sender) for _ in range(count)]
            expected = twin.add_signed(sender, items, evm.time, scene.signed)
            outcome = scene.send(sender, incentive, "add_signed", model, count, pack_signed(items))
            scene.compare("add_signed", outcome, expected, EFFECT)
            scene.added += [(i.contributor, i.x, i.y, sender) for i in items]
        elif choice < 0.5 and scene.added:
            contributor, x, y, sponsor = scene.pick(scene.added)
            if contributor in scene.people:
                assert scene.send(contributor, incentive, "cancel", model, sponsor, keccak(x), y).ok
                twin.cancel(contributor, sponsor, x, y)
        elif scene.added:
            function = scene.pick(["validate", "report"])
            items = [scene.pick(scene.added[-25:])[1:3] for _ in range(count)]
            expected = twin.claim_many(function, sender, items, evm.time)
            packed = pack_rows((y, x) for x, y in items)
            outcome = scene.send(sender, incentive, f"{function}_many", model, count, packed)
            scene.compare(function, outcome, expected, {"Points": lambda log: [log.points]})
    assert incentive.call("statistics", model) == (twin.submitted, twin.validated)
    for account in scene.signers:
        known = twin.ledger.accounts[account]
        assert incentive.call("account", model, account) == (
            known.points,
            known.validated,
            known.reports,
            known.latest,
        )
        assert incentive.call("badges", model, account) == known.badges
    assert list(scene.model.call("words", 0, scene.model.call("word_count"))) == twin.model.words()
    for function in ("add_many", "add_signed", "validate", "report"):
        assert scene.seen[function, False] > 2, f"{function} hardly ever succeeds: {scene.seen}"
        assert scene.seen[function, True] > 2, f"{function} hardly ever fails: {scene.seen}"


MARKET = Plan(
    stake=10**15 + 7,  # so that shares of it round
    rounds=5,
    bond=10**15,
    fee=10**9,
    portions=4,
    drawn=1,
    rows=5,
    max_contributions=60,
    reveal_time=1_000,
    participation_time=8_000,
    rest_time=1_000,
    score_time=100_000,
)


@pytest.mark.parametrize("ending", ["settled", "abandoned", "silent", "cancelled"])
def test_market__random_batches__every_item_payment_and_balance_equals_the_twin(project, ending):
    """Until it is over or full, and to the last payment: whoever paid gets the stakes, contributors what they earn."""
    scene = Scene(project, "PredictionMarket", MarketTerms(0, 0, 2**32 - 1), len(ending))
    rng, evm, twin, incentive = scene.rng, scene.evm, scene.twin, scene.incentive
    model, plan = scene.model.address, MARKET
    if ending == "cancelled":
        plan = replace(plan, min_contributions=200, max_contributions=200, participation_time=6_000)
    portions = [pack_rows([good_row(scene) for _ in range(plan.rows)]) for _ in range(plan.portions)]
    run = MarketRun(evm, incentive, twin, model, scene.people[0], plan, portions).begin()
    for _ in range(BATCHES // 4):
        evm.wait(int(rng.choice([1, 12, 30, 60, 300])))
        sender = scene.pick(scene.people)
        count = int(rng.integers(0, 7))
        value = max(0, plan.stake * count + int(rng.choice([0, 0, 7, -1])))
        choice = rng.random()
        if choice < 0.05 and scene.added:
            contributor, x, y, sponsor = scene.pick(scene.added)
            if contributor in scene.people:
                assert scene.send(contributor, incentive, "cancel", model, sponsor, keccak(x), y).ok
                twin.cancel(contributor, model, sponsor, x, y)
            continue
        signing = choice < 0.6
        items = [scene.sign(sender) if signing else scene.row() for _ in range(count)]
        function, packed = (
            ("add_signed", pack_signed(items)) if signing else ("add_many", pack_rows((y, x) for x, y in items))
        )
        outcome = scene.send(sender, incentive, function, model, count, packed, value=value)
        try:
            if signing:
                expected = twin.add_signed(sender, model, items, value, evm.time, scene.signed)
            else:
                expected = twin.add_many(sender, model, items, value, evm.time)
        except Revert as revert:
            expected = str(revert)
        if isinstance(expected, str):
            assert (outcome.ok, outcome.reason) == (False, expected)
            scene.seen[expected, True] += 1
            continue
        scene.compare(function, outcome, expected, EFFECT)
        scene.seen.update((e, True) for e in expected if isinstance(e, str))
        scene.added += [(i.contributor, i.x, i.y, sender) if signing else (sender, *i, sender) for i in items]
        scene.check_balances()
        assert incentive.call("held", run.market)[1] == run.state.contributors_part
    sponsored = sum(c.sponsor != c.contributor for c in run.state.contributions)
    assert 0 < sponsored < len(run.state.contributions)
    run.close()
    if ending == "silent":
        run.expire()
    elif ending != "cancelled":
        run.score(None if ending == "settled" else 10)
        if ending == "abandoned":
            run.expire()
        run.settle()
    run.withdraw_all(scene.pick(scene.people))
    scene.check_balances()
    assert evm.balance(incentive.address) == twin.balance == 0
    assert PHASES[run.state.phase] == ending
    for who, x, y, sponsor in set(scene.added):
        assert incentive.call("round_of", model, who, sponsor, keccak(x), y) == scene.round_of(who, sponsor, x, y)
    assert list(scene.model.call("words", 0, scene.model.call("word_count"))) == twin.models[model][0].words()
    for function in ("add_many", "add_signed"):
        assert scene.seen[function, False] > 2, f"{function} hardly ever succeeds: {scene.seen}"
        often = scene.seen[function, True] > 2 or ending == "cancelled"  # which is never full
        assert often, f"{function} hardly ever fails: {scene.seen}"
    reason = "nobody can take part now" if ending == "cancelled" else "full"
    assert scene.seen[f"prediction-market: {reason}", True] > 2, scene.seen


def good_row(scene):
    """A label, mostly right, and a sample for a test set."""
    indices = np.sort(scene.rng.choice(N_FEATURES, int(scene.rng.integers(1, 4)), False))
    return int(indices.mean() < N_FEATURES / 2), indices.astype(">u2").tobytes()
