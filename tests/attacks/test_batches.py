"""Attacks on batches and signatures: by sponsors, relayers, payees, models, and the items beside a good one."""

from copy import deepcopy
from dataclasses import replace

import pytest
from eth_account import Account
from eth_utils import keccak

from comodels.batch import Signed, pack_claims, pack_signed, record_key
from comodels.incentives.points import Terms as PointsTerms
from comodels.incentives.prediction_market import SILENT, Plan, PredictionMarket
from comodels.incentives.prediction_market import Terms as MarketTerms
from comodels.incentives.self_assessment import Terms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from comodels.rows import pack_rows
from comodels.signatures import Consent
from comodels.wire import iterate_withdrawals, pack_withdrawal
from tests.conftest import pack_card
from tests.consent import class_name
from tests.evm import RICH, Evm, artefacts
from tests.hostile import BURNER
from tests.market_run import MarketRun

HOUR = 3_600
ZERO = "0x" + "00" * 20
RETURN_REST = bytes.fromhex("600b380380600b5f395ff3")
SAMPLES = [bytes([0, i]) for i in range(8)]
KEY = Account.from_key("0x" + "07" * 32)
DEFAULT_RULE = Terms(cost_weight=10**12, refund_wait=HOUR, dispute_wait=HOUR, rest_wait=10 * HOUR)
SLIDES = Terms.slides(cost_weight=10**12, refund_wait=HOUR, dispute_wait=0, owner_wait=10 * HOUR, anyone_wait=20 * HOUR)
NOT_SIGNED = "signatures: not signed by the contributor"
NOT_SETTLED = "self-assessment: the same contribution is not settled yet"
TOO_LONG = "batch: the sample or signature is too long"
FULL = "prediction-market: full"
MARKET_TERMS = MarketTerms(0, 0, 2**32 - 1)
PLAN = Plan(
    stake=10**15,
    rounds=4,
    bond=3 * 10**15,
    fee=10**9,
    portions=2,
    drawn=1,
    rows=4,
    max_contributions=5,
    rest_time=HOUR,
    score_time=100_000,
)
NO_CLAIMS = "market", "claim"
SETTLED = "self-assessment: no such contribution, or settled already"


class Scene:
    """A chain with an incentive and a fresh model of it, which answers 0; somebody with a key and no ether."""

    def __init__(self, project, incentive="SelfAssessment", terms=DEFAULT_RULE):
        self.artefact = artefacts(project)
        evm = self.evm = Evm()
        names = "owner", "sponsor", "another sponsor", "reporter", "stranger"
        self.owner, self.sponsor, self.other, self.reporter, self.stranger = (evm.account(n) for n in names)
        self.contributor = KEY.address
        self.incentive = self.evm.deploy_whole(incentive, self.artefact, self.owner)
        self.implementation = self.deploy("SparsePerceptron")
        self.model = self.new_model(self.incentive, terms)
        self.run = None
        if incentive == "PredictionMarket":
            self.twin = PredictionMarket(self.incentive.address, 1)
            self.twin.open(self.model, SparsePerceptron(SparsePerceptronParameters(10)), self.owner, terms)
            self.run = self.begin()

    def begin(self, **changes):
        """A market on the model that takes contributions, and its twin."""
        portions = [pack_rows([(1, x) for x in SAMPLES[:4]])] * 2
        plan = replace(PLAN, **changes)
        return MarketRun(self.evm, self.incentive, self.twin, self.model, self.owner, plan, portions).begin()

    def moving(self, count):
        """So many (label, sample) rows each of which changes the model, one after the other."""
        model, rows = deepcopy(self.twin.models[self.model][0]), []
        for x in SAMPLES * 20:
            if len(rows) < count:
                y = 1 - model.predict(x)
                model.update(x, y)
                rows.append((y, x))
        return rows

    def deploy(self, name):
        return self.evm.deploy(name, *self.artefact(name), self.owner)

    def new_model(self, incentive, terms, salt=0):
        twin = SparsePerceptron(SparsePerceptronParameters(10))
        arguments = self.owner, incentive.address, terms.encode(), twin.parameters.pack(), pack_card(), twin.words()
        outcome = self.do(self.owner, self.implementation, "create", *arguments, True, salt.to_bytes(32, "big"))
        return next(log.model for log in outcome.logs if log.name == "Created")

    def mock(self):
        """A model that does what it is told to, on the default rule."""
        mock = self.deploy("ModelMock")
        for name, value in (("set_effect", bytes(32)), ("set_learnt", bytes(64)), ("set_answer", bytes(32))):
            self.do(self.owner, mock, name, value)
        self.do(self.owner, mock, "open", self.incentive.address, DEFAULT_RULE.encode())
        return mock

    def send(self, sender, contract, function, *arguments, value=0, gas=16_777_216):
        return self.evm.send(sender, contract.address, contract.data(function, *arguments), value, gas)

    def do(self, sender, contract, function, *arguments, value=0, gas=16_777_216):
        outcome = self.send(sender, contract, function, *arguments, value=value, gas=gas)
        assert outcome.ok, f"{function}: {outcome.reason}"
        return outcome

    def sign(
        self, x=SAMPLES[0], y=0, round=0, sponsor=None, deadline=None, model=None, incentive=None, chain_id=1, name=None
    ):
        """What the contributor signs."""
        return Consent(
            chain_id,
            (incentive or self.incentive).address,
            model or self.model,
            x,
            y,
            round,
            sponsor or self.sponsor,
            self.evm.time + 10**6 if deadline is None else deadline,
            class_name(self.evm, model or self.model, y) if name is None else name,
        ).sign(KEY)

    def price(self, count, model=None):
        if self.run is not None:
            return self.run.plan.stake
        if "batch_deposit" not in self.incentive.functions:
            return 0
        return self.incentive.call("batch_deposit", model or self.model, count)

    def add_signed(self, *items, sender=None, model=None, **fields):
        """Have the sponsor send signed contributions. Returns what the skipped ones were told, by number."""
        value = self.price(len(items), model) * len(items)
        arguments = model or self.model, len(items), pack_signed(items)
        return skipped(self.do(sender or self.sponsor, self.incentive, "add_signed", *arguments, value=value, **fields))

    def claim(self, function, sender, items, sponsor=ZERO, model=None, **fields):
        arguments = model or self.model, sponsor, len(items), pack_claims(items)
        return self.do(sender, self.incentive, f"{function}_many", *arguments, **fields)

    def round(self, x, y):
        """That the contributor must name for the sponsor."""
        return self.incentive.call("round_of", self.model, self.contributor, self.sponsor, keccak(x), y)

    def record(self, contributor, sponsor, x=SAMPLES[0], y=0, model=None):
        names = "claimable", "deposit", "time", "effect", "born_wrong", "validated", "round"
        key = record_key(model or self.model, contributor, sponsor, x, y)
        return dict(zip(names, self.incentive.call("record", key), strict=True))

    def validated(self, account, model=None):
        return self.incentive.call("validated_of", model or self.model, account)


def skipped(outcome):
    return {log.item: log.reason.decode() for log in outcome.logs if log.name == "Skipped"}


@pytest.fixture
def scene(project):
    return Scene(project)


@pytest.fixture
def points(project):
    return Scene(project, "Points", PointsTerms(HOUR, 2 * HOUR))


@pytest.fixture
def market(project):
    return Scene(project, "PredictionMarket", MARKET_TERMS)


ALL = pytest.mark.parametrize(
    "name", ["scene", "points", "market"], ids=["SelfAssessment", "Points", "PredictionMarket"]
)


# ---- somebody's name -------------------------------------------------------------------------------------------------


@ALL
def test_add_signed__signed_for_something_else__never_in_somebodys_name(name, request):
    scene = request.getfixturevalue(name)
    other_contract = scene.evm.deploy_whole(scene.incentive.name, scene.artefact, scene.owner)
    terms = {"scene": DEFAULT_RULE, "points": PointsTerms(HOUR, 2 * HOUR), "market": MARKET_TERMS}[name]
    other_model = scene.new_model(scene.incentive, terms, 1)
    deadline = scene.evm.time + 100
    good = scene.sign(deadline=deadline)
    signature = good.signature
    for_others = [
        scene.sign(sponsor=scene.other),
        scene.sign(model=other_model),
        scene.sign(incentive=other_contract),
        scene.sign(chain_id=5),
        scene.sign(round=1),
        scene.sign(name="yes"),  # of the other class
        scene.sign(name=""),
        Signed(KEY.address, SAMPLES[1], 0, deadline, signature),
        Signed(KEY.address, SAMPLES[0], 1, deadline, signature),
        Signed(KEY.address, SAMPLES[0], 0, deadline + 1, signature),
        Signed(scene.stranger, SAMPLES[0], 0, deadline, signature),
        Signed(KEY.address, SAMPLES[0], 0, deadline, signature[:-1]),
        Signed(KEY.address, SAMPLES[0], 0, deadline, b""),
        Signed(KEY.address, SAMPLES[0], 0, deadline, bytes(65)),
        # what recovers nobody is not the zero address's
        Signed(ZERO, SAMPLES[0], 0, deadline, bytes(65)),
        Signed(ZERO, SAMPLES[0], 0, deadline, signature[:64] + b"\x00"),
    ]

    told = scene.add_signed(*for_others)

    assert told == dict.fromkeys(range(len(for_others)), NOT_SIGNED)
    if name == "market":
        assert scene.evm.balance(scene.incentive.address) == scene.run.plan.total
    else:
        assert scene.incentive.call("statistics", scene.model) == (0, 0)
    assert scene.add_signed(good) == {}


@ALL
def test_add_signed__in_the_last_second_and_after__as_the_deadline_says(name, request):
    scene = request.getfixturevalue(name)
    deadline = scene.evm.time + HOUR
    first, second = (scene.sign(x, deadline=deadline) for x in SAMPLES[:2])
    scene.evm.wait(HOUR)

    assert scene.add_signed(first) == {}
    scene.evm.wait(1)
    assert scene.add_signed(second) == {0: "signatures: the deadline is over"}


def test_add_signed__again_in_the_same_batch_the_next_and_after_the_refund__once(scene):
    item = scene.sign()

    assert scene.add_signed(item, item) == {1: NOT_SIGNED}  # the round is over
    assert scene.add_signed(item) == {0: NOT_SIGNED}
    assert scene.add_signed(scene.sign(round=1)) == {0: NOT_SETTLED}
    scene.evm.wait(HOUR)
    scene.claim("refund", scene.stranger, [(scene.contributor, SAMPLES[0], 0)], scene.sponsor)
    assert scene.add_signed(item) == {0: NOT_SIGNED}
    assert scene.add_signed(scene.sign(round=1)) == {}


@ALL
def test_cancel__before_it_is_sent__the_signature_is_worth_nothing(name, request):
    scene = request.getfixturevalue(name)
    item = scene.sign()
    arguments = scene.model, scene.sponsor, keccak(SAMPLES[0]), 0

    scene.do(scene.stranger, scene.incentive, "cancel", *arguments)  # a stranger cancels nothing of others
    scene.do(scene.contributor, scene.incentive, "cancel", *arguments)

    assert scene.add_signed(item) == {0: NOT_SIGNED}
    assert scene.incentive.call("round_of", scene.model, scene.contributor, *arguments[1:]) == 1
    assert scene.add_signed(scene.sign(round=1)) == {}


def test_cancel__while_it_is_flagged__the_flag_stays(scene):
    """Else who is flagged could make every report wait for ever."""
    validate(scene, scene.reporter)
    x = SAMPLES[1]
    scene.evm.set_balance(KEY.address, RICH)
    scene.do(KEY.address, scene.incentive, "add_data", scene.model, x, 1, value=10**18)
    turn(scene, x, 0)
    item = KEY.address, x, 1
    scene.claim("flag", scene.reporter, [item])

    scene.do(KEY.address, scene.incentive, "cancel", scene.model, KEY.address, keccak(x), 1)

    scene.evm.wait(HOUR)
    left = scene.record(KEY.address, KEY.address, x, 1)
    outcome = scene.claim("report", scene.reporter, [item])
    assert [log.amount for log in outcome.logs if log.name == "Report"] == [left["claimable"]]


# ---- gas -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "function"),
    [(n, f) for n in ("scene", "points", "market") for f in ("add_many", "add_signed", "claim") if (n, f) != NO_CLAIMS],
)
def test_batch__too_little_gas__nothing_or_everything(name, function, request):
    """Who sends for others cannot have an item fail that would have gone through (EIP-150)."""
    scene = request.getfixturevalue(name)
    rows = pack_rows([(0, x) for x in SAMPLES[:3]])
    sender, model = scene.sponsor, scene.model
    if function == "add_many":
        call = "add_many", model, 3, rows
    elif function == "add_signed":
        call = "add_signed", model, 3, pack_signed(scene.sign(x) for x in SAMPLES[:3])
    else:
        scene.do(sender, scene.incentive, "add_many", model, 3, rows, value=3 * scene.price(3))
        scene.evm.wait(2 * HOUR)
        claims = pack_claims((sender, x, 0) for x in SAMPLES[:3])
        call = ("refund_many", model, ZERO, 3, claims) if name == "scene" else ("validate_many", model, 3, rows)
    value = 3 * scene.price(3) if function != "claim" else 0
    start = scene.evm.checkpoint()
    needed = scene.do(sender, scene.incentive, *call, value=value).gas
    outcomes = []

    for gas in range(needed // 8, needed + 60_000, 700):
        scene.evm.restore(start)
        start = scene.evm.checkpoint()
        outcome = scene.send(sender, scene.incentive, *call, value=value, gas=gas)
        outcomes.append(outcome.ok)
        assert not outcome.ok or skipped(outcome) == {}, f"with {gas} gas"

    assert {True, False} == set(outcomes)


@ALL
def test_add_signed__wallet_that_burns_its_gas__others_go_through(name, request):
    scene = request.getfixturevalue(name)
    wallet = scene.deploy("SigningWallet")
    deadline = scene.evm.time + HOUR
    hash = Consent(1, scene.incentive.address, scene.model, SAMPLES[1], 0, 0, scene.sponsor, deadline, "no").digest()
    scene.do(scene.stranger, wallet, "approve", hash)
    theirs = Signed(wallet.address, SAMPLES[1], 0, deadline, b"by its word")
    start = scene.evm.checkpoint()
    assert scene.add_signed(scene.sign(), theirs) == {}
    scene.evm.restore(start)
    scene.do(scene.stranger, wallet, "set_burning", True)

    items = scene.sign(), theirs, scene.sign(SAMPLES[2])
    outcome = scene.do(
        scene.sponsor,
        scene.incentive,
        "add_signed",
        scene.model,
        3,
        pack_signed(items),
        value=3 * scene.price(3),
    )

    assert skipped(outcome) == {1: NOT_SIGNED}
    assert outcome.gas < 900_000


def test_add_signed__too_little_gas_for_a_wallet__all_reverts(scene):
    wallet = scene.deploy("SigningWallet")
    deadline = scene.evm.time + HOUR
    hash = Consent(1, scene.incentive.address, scene.model, SAMPLES[1], 0, 0, scene.sponsor, deadline, "no").digest()
    scene.do(scene.stranger, wallet, "approve", hash)
    packed = pack_signed([Signed(wallet.address, SAMPLES[1], 0, deadline, b"")])
    call = "add_signed", scene.model, 1, packed

    outcome = scene.send(scene.sponsor, scene.incentive, *call, value=scene.price(1), gas=400_000)

    assert (outcome.ok, outcome.reason) == (False, "signatures: too little gas")


# ---- money -----------------------------------------------------------------------------------------------------------


def test_add_many__bad_items_between_good_ones__skipped_and_their_money_back(scene):
    scene.evm.wait(HOUR)
    rows = [(0, SAMPLES[0]), (0, b""), (0, SAMPLES[0]), (7, SAMPLES[1]), (0, b"\0\x63"), (255, SAMPLES[2])]
    rows += [(1, SAMPLES[3]), (0, b"\0")]
    price = scene.price(len(rows))
    before = scene.evm.balance(scene.sponsor)

    value = price * len(rows) + 5
    outcome = scene.do(scene.sponsor, scene.incentive, "add_many", scene.model, len(rows), pack_rows(rows), value=value)

    told = skipped(outcome)
    assert set(told) == {1, 2, 3, 4, 5, 7}
    assert told[2] == NOT_SETTLED
    assert "sample: empty" in told[1]
    assert scene.evm.balance(scene.sponsor) == before - 2 * price
    assert scene.evm.balance(scene.incentive.address) == 2 * price
    assert scene.incentive.call("statistics", scene.model) == (2, 0)


def test_batches__sample_or_signature_too_long__skipped_and_the_others_done(scene):
    mock = scene.mock()
    longest, long = bytes(2_048), bytes(2_049)
    rows = pack_rows([(0, SAMPLES[0]), (0, long), (0, longest)])
    call = "add_many", mock.address, 3, rows

    told = skipped(scene.do(scene.sponsor, scene.incentive, *call, value=3 * scene.price(3, mock.address)))
    assert told == {1: TOO_LONG}
    good = scene.sign(model=mock.address)
    bad = [scene.sign(long, model=mock.address), Signed(KEY.address, SAMPLES[1], 0, good.deadline, bytes(1_025))]
    assert scene.add_signed(bad[0], good, bad[1], model=mock.address) == {0: TOO_LONG, 2: TOO_LONG}

    scene.evm.wait(HOUR)
    # what is too long does not pass for what it begins with
    items = [(scene.sponsor, x, 0) for x in (long, SAMPLES[0], longest)]
    assert skipped(scene.claim("refund", scene.stranger, items, model=mock.address)) == {0: TOO_LONG}
    assert (
        scene.evm.balance(scene.incentive.address)
        == scene.record(KEY.address, scene.sponsor, model=mock.address)["claimable"]
    )


def test_points__sample_or_signature_too_long_in_a_batch__skipped_and_the_others_done(points):
    long = bytes(2_049)
    good = points.sign(SAMPLES[1])
    bad = [points.sign(long), Signed(KEY.address, SAMPLES[2], 0, good.deadline, bytes(1_025))]
    rows = pack_rows([(0, long), (0, SAMPLES[0])])

    outcome = points.do(points.sponsor, points.incentive, "add_many", points.model, 2, rows)
    assert skipped(outcome) == {0: TOO_LONG}
    assert points.add_signed(bad[0], good, bad[1]) == {0: TOO_LONG, 2: TOO_LONG}
    points.evm.wait(2 * HOUR)
    outcome = points.do(points.sponsor, points.incentive, "validate_many", points.model, 2, rows)
    assert skipped(outcome) == {0: TOO_LONG}


def test_add_many__nothing_accepted__all_is_as_before(scene):
    scene.evm.wait(HOUR)
    price = scene.incentive.call("required_deposit", scene.model)
    before = scene.evm.balance(scene.sponsor)

    rows = pack_rows([(0, b""), (9, SAMPLES[0])])
    scene.do(scene.sponsor, scene.incentive, "add_many", scene.model, 2, rows, value=10**18)

    assert scene.evm.balance(scene.sponsor) == before
    assert scene.incentive.call("statistics", scene.model) == (0, 0)
    assert scene.incentive.call("required_deposit", scene.model) == price


@pytest.mark.parametrize(("count", "cut"), [(1, 0), (3, 0), (2, 1), (2**255, 0), (0, 0)])
def test_batch__another_number_of_items__reverts(scene, count, cut):
    rows = pack_rows([(0, x) for x in SAMPLES[:2]])
    rows = rows[: len(rows) - cut]

    outcome = scene.send(scene.sponsor, scene.incentive, "add_many", scene.model, count, rows, value=10**20)

    assert not outcome.ok
    claims = pack_claims((scene.sponsor, x, 0) for x in SAMPLES[:2])
    claims = claims[: len(claims) - cut]
    assert not scene.send(scene.sponsor, scene.incentive, "rest_many", scene.model, ZERO, count, claims).ok


def test_refund_many__payee_that_burns_its_gas__others_are_paid_and_it_is_credited(scene):
    payee = scene.evm.deploy("payee", RETURN_REST + BURNER, [], scene.owner).address
    price = scene.incentive.call("required_deposit", scene.model)
    data = scene.incentive.data("add_data", scene.model, SAMPLES[0], 0)
    assert scene.evm.send(scene.owner, payee, bytes.fromhex(scene.incentive.address[2:]) + data, price).ok
    scene.evm.wait(HOUR)
    added = scene.incentive.call("required_deposit", scene.model)
    for who, x in ((scene.stranger, SAMPLES[1]), (scene.sponsor, SAMPLES[2])):
        scene.do(who, scene.incentive, "add_data", scene.model, x, 0, value=10**18)
    scene.evm.wait(HOUR)
    items = [(scene.stranger, SAMPLES[1], 0), (payee, SAMPLES[0], 0), (scene.sponsor, SAMPLES[2], 0)]
    before = scene.evm.balance(scene.stranger)

    outcome = scene.claim("refund", scene.reporter, items)

    assert skipped(outcome) == {}
    assert outcome.gas < 500_000
    assert scene.evm.balance(scene.stranger) == before + added
    assert scene.incentive.call("credit_of", payee) == price == scene.evm.balance(scene.incentive.address)


def test_refund_many__payee_that_claims_again_when_paid__gets_nothing_more(scene):
    wallet = scene.deploy("ContractWallet")
    price = scene.price(1)
    data = scene.incentive.data("add_data", scene.model, SAMPLES[0], 0)
    scene.do(scene.owner, wallet, "run", scene.incentive.address, data, value=price)
    scene.do(scene.stranger, scene.incentive, "add_data", scene.model, SAMPLES[1], 0, value=10**18)
    scene.evm.wait(HOUR)
    item = wallet.address, SAMPLES[0], 0
    again = scene.incentive.data("refund_many", scene.model, ZERO, 2, pack_claims([item, item]))
    scene.do(scene.owner, wallet, "set_callback", scene.incentive.address, again, 0)

    items = pack_claims([item, item, (scene.stranger, SAMPLES[1], 0)])
    call = scene.incentive.data("refund_many", scene.model, ZERO, 3, items)
    outcome = scene.do(scene.owner, wallet, "run", scene.incentive.address, call)

    within, told = [log for log in outcome.logs if log.name == "Skipped"][:2], skipped(outcome)
    assert {log.reason.decode() for log in within} == set(told.values()) == {SETTLED}
    assert wallet.call("succeeded")
    assert wallet.call("received") == price
    assert scene.evm.balance(scene.incentive.address) == 0


def calling(target, data, value):
    """A payee that makes one call whenever it is paid, and forwards what it is told to, see `BURNER`."""
    size, code = len(data).to_bytes(2, "big"), BURNER[:34]
    # codecopy(0, where the data begins, size); call(gas, target, value, 0, size, 0, 0)
    start = len(code) + 1 + 8 + 6 + 17 + 21 + 3
    code += b"\x5b\x61" + size + b"\x61" + start.to_bytes(2, "big") + b"\x5f\x39"
    code += b"\x5f\x5f\x61" + size + b"\x5f" + b"\x6f" + value.to_bytes(16, "big")
    code += b"\x73" + bytes.fromhex(target[2:]) + b"\x5a\xf1\x00"
    assert len(code) == start
    return RETURN_REST[:1] + b"\x0b" + RETURN_REST[2:] + code + data


@pytest.mark.parametrize("call", ["add_data", "refund", "refund_many", "rest", "flag", "report", "cancel"])
def test_refund_many__payee_that_acts_when_it_is_paid__later_items_are_done_and_nothing_is_paid_twice(scene, call):
    """Who contributes within the batch would keep off all that asks the model in that second."""
    x, later = SAMPLES[:2]
    price = DEFAULT_RULE.cost_weight * 60  # an hour after the latest contribution
    arguments = {
        "refund_many": (scene.model, ZERO, 1, pack_claims([(scene.stranger, later, 0)])),
        "cancel": (scene.model, scene.owner, keccak(later), 0),
        "add_data": (scene.model, x, 0),
    }.get(call, (scene.model, scene.stranger, later, 0))
    data = scene.incentive.data(call, *arguments)
    code = calling(scene.incentive.address, data, price if call == "add_data" else 0)
    payee = scene.evm.deploy("payee", code, [], scene.owner).address
    scene.evm.set_balance(payee, 10 * price)
    scene.evm.wait(HOUR)
    first = scene.price(1)
    forwarded = bytes.fromhex(scene.incentive.address[2:]) + scene.incentive.data("add_data", scene.model, x, 0)
    assert scene.evm.send(scene.owner, payee, forwarded, first).ok
    for who, sample in ((scene.other, SAMPLES[2]), (scene.stranger, later)):
        scene.evm.wait(HOUR)
        second = scene.price(1)
        scene.do(who, scene.incentive, "add_data", scene.model, sample, 0, value=second)
    scene.evm.wait(HOUR)
    before = [scene.evm.balance(account) for account in (payee, scene.stranger, scene.reporter)]

    items = [(payee, x, 0), (scene.other, SAMPLES[2], 0), (scene.stranger, later, 0)]
    outcome = scene.claim("refund", scene.reporter, items)

    assert scene.reporter not in [log.caller for log in outcome.logs if log.name == "Skipped"]
    again = scene.record(payee, payee, x)["claimable"]
    assert again == (price if call == "add_data" else 0)  # it did what it could
    assert scene.evm.balance(payee) == before[0] + first - again
    assert scene.evm.balance(scene.stranger) == before[1] + second
    assert scene.evm.balance(scene.reporter) == before[2]
    assert scene.evm.balance(scene.incentive.address) == again
    assert scene.validated(payee) == scene.validated(scene.stranger) == 1


def test_refund_many__caller_that_claims_for_others_when_it_is_paid__everybody_gets_theirs(scene):
    """A batch within the payments of a batch, each with several payees."""
    wallet = scene.deploy("ContractWallet")
    accounts = [scene.owner, scene.sponsor, scene.other, scene.reporter, scene.stranger]
    items = [(account, x, 0) for account, x in zip(accounts, SAMPLES[:5], strict=True)]
    for account, x, y in items:
        scene.evm.wait(HOUR)
        scene.do(account, scene.incentive, "add_data", scene.model, x, y, value=scene.price(1))
    scene.evm.wait(HOUR)
    data = scene.incentive.data("add_data", scene.model, SAMPLES[5], 0)
    scene.do(scene.owner, wallet, "run", scene.incentive.address, data, value=scene.price(1))
    scene.evm.wait(HOUR)
    own = wallet.address, SAMPLES[5], 0
    inner = pack_claims([*items[2:], own, items[0]])
    callback = scene.incentive.data("refund_many", scene.model, ZERO, 5, inner)
    scene.do(scene.owner, wallet, "set_callback", scene.incentive.address, callback, 0)
    owed = {who: scene.record(who, who, x)["claimable"] for who, x, _ in [*items, own]}
    before = {account: scene.evm.balance(account) for account in owed}

    outer = pack_claims([items[0], own, items[1], items[0]])
    call = scene.incentive.data("refund_many", scene.model, ZERO, 4, outer)
    scene.do(scene.owner, wallet, "run", scene.incentive.address, call)

    assert wallet.call("succeeded")
    assert {account: scene.evm.balance(account) - before[account] for account in owed} == owed
    assert scene.evm.balance(scene.incentive.address) == 0


def test_claims__of_what_a_sponsor_paid__go_to_the_sponsor_and_count_for_the_contributor(scene):
    before = scene.evm.balance(scene.sponsor)
    scene.add_signed(scene.sign())
    assert scene.record(scene.contributor, scene.contributor)["time"] == 0
    scene.evm.wait(HOUR)

    # who names another payer gets nothing, and takes nothing from the sponsor
    for payer in (ZERO, scene.stranger, scene.contributor):
        told = skipped(scene.claim("refund", scene.stranger, [(scene.contributor, SAMPLES[0], 0)], payer))
        assert told == {0: SETTLED}
    scene.claim("refund", scene.stranger, [(scene.contributor, SAMPLES[0], 0)], scene.sponsor)

    assert scene.evm.balance(scene.sponsor) == before
    assert scene.evm.balance(scene.contributor) == 0
    assert scene.validated(scene.contributor) == 1
    assert scene.validated(scene.sponsor) == 0


@pytest.mark.parametrize("own_first", [False, True])
def test_refund_many__sponsors_who_are_one_person__count_a_sample_once(scene, own_first):
    """Whether a sample counts as validated does not depend on who paid."""
    scene.evm.set_balance(KEY.address, RICH)
    sponsors = [scene.sponsor, scene.other, scene.stranger]
    if own_first:
        scene.do(KEY.address, scene.incentive, "add_data", scene.model, SAMPLES[0], 0, value=10**18)
    for sponsor in sponsors:
        scene.add_signed(scene.sign(sponsor=sponsor), sender=sponsor)
    if not own_first:
        scene.do(KEY.address, scene.incentive, "add_data", scene.model, SAMPLES[0], 0, value=10**18)
    scene.evm.wait(HOUR)
    item = scene.contributor, SAMPLES[0], 0
    if own_first:
        scene.claim("refund", scene.owner, [item])

    for sponsor in sponsors:
        assert skipped(scene.claim("refund", scene.owner, [item], sponsor)) == {}

    if not own_first:
        assert skipped(scene.claim("refund", scene.owner, [item])) == {}
    assert scene.validated(scene.contributor) == 1
    assert scene.incentive.call("statistics", scene.model) == (4, 1)
    assert scene.evm.balance(scene.incentive.address) == 0
    # and the next round of any of them neither
    scene.add_signed(scene.sign(sponsor=scene.other, round=1), sender=scene.other)
    scene.evm.wait(HOUR)
    scene.claim("refund", scene.owner, [item], scene.other)
    assert scene.validated(scene.contributor) == 1


def test_report_many__by_the_sponsor_or_the_contributor__refused(scene):
    for account in (scene.sponsor, scene.reporter):
        validate(scene, account)
    x = SAMPLES[1]
    scene.add_signed(scene.sign(x, 1))
    turn(scene, x, 0)
    item = scene.contributor, x, 1

    for function in ("flag", "report"):
        told = skipped(scene.claim(function, scene.sponsor, [item], scene.sponsor))
        assert told == {0: "self-assessment: one's own contribution"}
    assert skipped(scene.claim("flag", scene.reporter, [item], scene.sponsor)) == {}


# ---- models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["add_many", "add_signed"])
def test_add__model_that_contributes_within_its_update__only_to_itself_and_every_wei_is_owed(scene, function):
    mock = scene.mock()
    scene.do(scene.stranger, scene.incentive, "add_data", scene.model, SAMPLES[0], 0, value=10**18)
    others = scene.evm.balance(scene.incentive.address)
    inner = scene.incentive.data("add_many", mock.address, 1, pack_rows([(0, SAMPLES[5])]))
    scene.do(scene.owner, mock, "set_callback", scene.incentive.address, inner)
    scene.evm.wait(HOUR)
    scene.evm.set_balance(mock.address, 10**18)
    price = scene.price(2, mock.address)

    if function == "add_many":
        rows = pack_rows([(0, SAMPLES[0]), (0, SAMPLES[1])])
        arguments = mock.address, 2, rows
        outcome = scene.do(scene.sponsor, scene.incentive, "add_many", *arguments, value=2 * price)
        contributor = scene.sponsor
        told = skipped(outcome)
    else:
        items = [scene.sign(x, model=mock.address) for x in SAMPLES[:2]]
        told = scene.add_signed(*items, model=mock.address)
        contributor = scene.contributor

    # its own contribution was without ether, which reverted with the update around it
    assert set(told) == {0, 1}
    assert scene.evm.balance(scene.incentive.address) == others
    assert scene.record(contributor, scene.sponsor, model=mock.address)["round"] == 0
    assert scene.incentive.call("statistics", mock.address) == (0, 0)


def test_add_many__model_that_burns_its_gas__spoils_only_its_own_batch(scene):
    mock = scene.mock()
    burner = scene.evm.deploy("burner", RETURN_REST + BURNER, [], scene.owner).address
    scene.do(scene.owner, mock, "set_callback", burner, b"")
    rows = pack_rows([(0, SAMPLES[0]), (0, SAMPLES[1])])

    outcome = scene.send(scene.sponsor, scene.incentive, "add_many", mock.address, 2, rows, value=10**18)

    assert (outcome.ok, outcome.reason) == (False, "batch: too little gas")
    assert scene.evm.balance(scene.incentive.address) == 0


def test_add_many__model_that_answers_nonsense__reverts(scene):
    mock = scene.mock()
    scene.do(scene.owner, mock, "set_learnt", (2**16).to_bytes(32, "big") + bytes(32))
    rows = pack_rows([(0, SAMPLES[0])])

    outcome = scene.send(scene.sponsor, scene.incentive, "add_many", mock.address, 1, rows, value=10**18)

    assert (outcome.ok, outcome.reason) == (False, "self-assessment: unknown effect")


def test_refund_many__model_that_does_not_answer__skipped_with_its_words(scene):
    mock = scene.mock()
    scene.do(scene.sponsor, scene.incentive, "add_many", mock.address, 1, pack_rows([(0, SAMPLES[0])]), value=10**18)
    scene.evm.wait(HOUR)
    scene.do(scene.owner, mock, "set_broken", True)
    item = scene.sponsor, SAMPLES[0], 0

    assert skipped(scene.claim("refund", scene.owner, [item], model=mock.address)) == {0: "mock: broken"}
    scene.do(scene.owner, mock, "set_broken", False)
    scene.do(scene.owner, mock, "set_answer", b"\0" * 31)
    told = skipped(scene.claim("refund", scene.owner, [item], model=mock.address))
    assert told == {0: "contributions: the model does not answer"}


# ---- points ----------------------------------------------------------------------------------------------------------


def test_points__labels_that_are_none_in_a_batch__skipped(points):
    rows = [(255, SAMPLES[0]), (0, SAMPLES[0]), (254, SAMPLES[1])]
    packed = pack_rows(rows)

    assert set(skipped(points.do(points.sponsor, points.incentive, "add_many", points.model, 3, packed))) == {0, 2}
    points.evm.wait(2 * HOUR)
    for function in ("validate_many", "report_many"):
        told = skipped(points.do(points.sponsor, points.incentive, function, points.model, 3, packed))
        assert told[0] == "points: label above 254"
        assert (1 in told) == (function == "report_many")


def test_points__sample_sent_by_several_sponsors__earns_once_for_its_first_contributor(points):
    for sponsor in (points.sponsor, points.other):
        told = points.add_signed(points.sign(sponsor=sponsor), sender=sponsor)
    assert told == {0: "points: a copy of an earlier contribution"}
    points.evm.wait(2 * HOUR)
    rows = pack_rows([(0, SAMPLES[0])] * 2)

    points.do(points.stranger, points.incentive, "validate_many", points.model, 2, rows)

    assert points.incentive.call("account", points.model, points.contributor)[1] == 1


# ---- markets ---------------------------------------------------------------------------------------------------------


def add(scene, function, rows, value=None, sender=None):
    """Send rows as one's own or as signed by the contributor."""
    if function == "add_many":
        packed = pack_rows(rows)
    else:
        packed = pack_signed(scene.sign(x, y, scene.round(x, y)) for y, x in rows)
    value = len(rows) * scene.run.plan.stake if value is None else value
    return scene.send(sender or scene.sponsor, scene.incentive, function, scene.model, len(rows), packed, value=value)


@pytest.mark.parametrize("function", ["add_many", "add_signed"])
def test_market__full_in_the_middle_of_a_batch__the_rest_is_skipped_and_its_money_back(market, function):
    before = market.evm.balance(market.sponsor)
    rows = market.moving(8)

    outcome = add(market, function, rows, value=8 * PLAN.stake + 5)

    assert outcome.ok
    assert int.from_bytes(outcome.output, "big") == 5
    assert skipped(outcome) == dict.fromkeys((5, 6, 7), FULL)
    assert market.evm.balance(market.sponsor) == before - 5 * PLAN.stake
    assert market.incentive.call("held", market.run.market) == (PLAN.total, 5 * PLAN.stake)
    # what was skipped used up nothing that was signed, and what comes later neither stakes nor is it learnt
    assert [market.round(x, y) for y, x in rows] == [int(function == "add_signed")] * 5 + [0] * 3
    later = add(market, function, rows[5:])
    assert skipped(later) == dict.fromkeys(range(3), FULL)
    assert market.evm.balance(market.sponsor) == before - 5 * PLAN.stake


@pytest.mark.parametrize("function", ["add_many", "add_signed"])
def test_market__batch_in_the_last_second_and_after__all_or_nothing(market, function):
    rows = market.moving(4)
    market.evm.wait(market.run.state.deadline - 1 - market.evm.time)

    assert skipped(add(market, function, rows[:2])) == {}
    market.evm.wait(1)
    before = market.evm.balance(market.sponsor)
    outcome = add(market, function, rows[2:])
    assert (outcome.ok, outcome.reason) == (False, "prediction-market: nobody can take part now")
    assert market.evm.balance(market.sponsor) == before


@pytest.mark.parametrize("function", ["add_many", "add_signed"])
def test_market__one_wei_less_than_all_stakes__reverts(market, function):
    rows = market.moving(3)

    outcome = add(market, function, rows, value=3 * PLAN.stake - 1)

    assert (outcome.ok, outcome.reason) == (False, "prediction-market: stake above the value sent")
    assert add(market, function, rows, value=3 * PLAN.stake).ok


@pytest.mark.parametrize(("count", "cut"), [(1, 0), (3, 0), (2, 1), (2**255, 0), (0, 0)])
def test_market__another_number_of_items__reverts(market, count, cut):
    rows = pack_rows(market.moving(2))
    for function in ("add_many", "add_signed"):
        arguments = market.model, count, rows[: len(rows) - cut]
        assert not market.send(market.sponsor, market.incentive, function, *arguments, value=10**20).ok


def test_market__bad_items_between_good_ones__skipped_and_their_money_back(market):
    long, before = bytes(2_049), market.evm.balance(market.sponsor)
    (y, x), (y2, x2), *_ = market.moving(2)
    rows = [(y, x), (0, b""), (7, x), (0, long), (255, x), (y2, x2), (0, b"\0")]

    outcome = add(market, "add_many", rows)

    assert set(skipped(outcome)) == {1, 2, 3, 4, 6}
    assert skipped(outcome)[3] == TOO_LONG
    assert market.evm.balance(market.sponsor) == before - 2 * PLAN.stake
    good = market.sign(SAMPLES[5], 0)
    bad = [market.sign(long), Signed(KEY.address, SAMPLES[1], 0, good.deadline, bytes(1_025))]
    assert market.add_signed(bad[0], good, bad[1]) == {0: TOO_LONG, 2: TOO_LONG}


def test_market__signature_sent_again__in_the_batch_the_next_and_the_next_market__once(market):
    ((y, x),) = market.moving(1)
    item = market.sign(x, y)

    assert market.add_signed(item, item) == {1: NOT_SIGNED}
    assert market.add_signed(item) == {0: NOT_SIGNED}
    # also where it has no effect and stakes nothing
    agreeing = market.sign(x, y, round=1)
    assert market.add_signed(agreeing) == {}
    assert market.add_signed(agreeing) == {0: NOT_SIGNED}
    assert market.incentive.call("held", market.run.market)[1] == PLAN.stake
    unsent = market.sign(SAMPLES[6], 1)
    market.evm.wait(market.run.state.deadline - market.evm.time)
    market.run.do("close", market.run.market)
    market.evm.wait(HOUR)
    market.run.do("expire", market.run.market)
    market.twin.markets[market.run.market].phase = SILENT

    market.run = market.begin()

    assert market.add_signed(item) == {0: NOT_SIGNED}
    # a signature names no market: what was never sent is good for the next one, until its deadline
    assert market.add_signed(unsent) == {}


def test_market__by_another_than_the_named_sponsor__never(market):
    """Who copies what a sponsor is about to send gains nothing, and does not stop it."""
    ((y, x),) = market.moving(1)
    item = market.sign(x, y)

    assert market.add_signed(item, sender=market.other) == {0: NOT_SIGNED}
    assert market.add_signed(item) == {}


@pytest.mark.parametrize("ending", ["silent", "settled"])
def test_market__what_a_sponsor_paid__stakes_go_back_to_the_sponsor_and_earnings_to_the_contributor(market, ending):
    rows, run = market.moving(3), market.run
    items = [market.sign(x, y) for y, x in rows]
    assert market.add_signed(*items) == {}
    market.twin.add_signed(market.sponsor, market.model, items, 3 * PLAN.stake, market.evm.time, lambda *_: True)
    before = market.evm.balance(market.sponsor)
    run.close()
    if ending == "silent":
        run.expire()
    else:
        run.score()
        run.settle()
    owed = [market.twin.owed(run.market, i) for i in (1, 2, 3)]

    # nobody but these two is paid, in no other order, whoever asks
    for i in (1, 2, 3):
        function, arguments = market.twin.claim(run.market, i)
        for who, payer in (
            (market.sponsor, market.sponsor),
            (market.contributor, market.contributor),
            (market.sponsor, market.contributor),
            (market.contributor, market.stranger),
            (market.stranger, market.stranger),
        ):
            if function == "withdraw":
                ((_, amount, index, proof, _),) = iterate_withdrawals(arguments[1])
                wrong = run.market, pack_withdrawal(who, amount, index, proof, payer)
            else:
                wrong = *arguments[:2], who, payer, *arguments[4:]
            assert not market.send(market.sponsor, market.incentive, function, *wrong).ok
    run.withdraw_all(market.stranger)

    assert market.evm.balance(market.sponsor) - before == sum(min(o, PLAN.stake) for o in owed)
    assert market.evm.balance(market.contributor) == sum(max(0, o - PLAN.stake) for o in owed) > 0
    assert market.evm.balance(market.incentive.address) == 0


def test_market__sponsor_that_burns_its_gas__is_credited_and_the_contributor_paid(market):
    ((y, x),) = market.moving(1)
    sponsor = market.evm.deploy("sponsor", RETURN_REST + BURNER, [], market.owner).address
    item = market.sign(x, y, sponsor=sponsor)
    call = market.incentive.data("add_signed", market.model, 1, pack_signed([item]))
    forwarded = bytes.fromhex(market.incentive.address[2:]) + call
    assert market.evm.send(market.owner, sponsor, forwarded, PLAN.stake).ok
    market.twin.add_signed(sponsor, market.model, [item], PLAN.stake, market.evm.time, lambda *_: True)
    market.run.close()
    market.run.expire()

    function, arguments = market.twin.claim(market.run.market, 1)
    outcome = market.do(market.stranger, market.incentive, function, *arguments)

    assert outcome.gas < 300_000
    assert market.incentive.call("credit_of", sponsor) == PLAN.stake
    assert market.evm.balance(market.contributor) == PLAN.bounty + PLAN.bond


# ---- steps -----------------------------------------------------------------------------------------------------------


def validate(scene, account):
    """Give an account a validated contribution."""
    x = keccak(text=account)[:1]
    sample = bytes([0, 8, 0, 9]) if x < b"\x80" else bytes([0, 9])
    scene.do(account, scene.incentive, "add_data", scene.model, sample, 0, value=10**18)
    scene.evm.wait(HOUR)
    scene.claim("refund", account, [(account, sample, 0)])


def turn(scene, x, y):
    """Have the model classify a sample as `y`, from the refund wait of what was just added on."""
    scene.evm.wait(10)
    for i in range(3):
        sample = x if i == 0 else x + bytes([0, 5 + i])
        scene.do(scene.stranger, scene.incentive, "add_data", scene.model, sample, y, value=10**18)
    assert scene.evm.view(scene.model, keccak(text="predict(bytes)")[:4] + abi_bytes(x)).output[-1] == y
    scene.evm.wait(HOUR)


def abi_bytes(x):
    return (32).to_bytes(32, "big") + len(x).to_bytes(32, "big") + x.ljust(32, b"\0")
