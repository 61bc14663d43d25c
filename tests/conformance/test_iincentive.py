"""What every incentive contract must do. A new incentive is one line in `INCENTIVES` and what makes it ready."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from simulation.perceptron import SparsePerceptron, SparsePerceptronParameters
from simulation.points import Terms as PointsTerms
from simulation.prediction_market import Terms as MarketTerms
from tests.client import Contract, Event, Reverted, reverts
from tests.conftest import pack_terms
from tests.mirror import Mirror, random_portions

X = bytes.fromhex("000100020005")
FACTS = 2**152 - 1  # label, effect, time and deposit; an incentive may put more above
N_FEATURES = 30


@dataclass(frozen=True)
class Incentive:
    """An incentive contract in this suite.

    Attributes
    ----------
    terms : bytes
        Good terms.
    value : int
        Wei that is more than enough for a contribution; 0 where it takes no money.
    opened_twice, not_open : str
        Its messages.
    ready : callable
        From the request of a test and a model, what else is to be done before anyone can contribute.
    """

    terms: bytes
    value: int
    opened_twice: str
    not_open: str
    ready: Callable = lambda request, model, twin: None


def start_market(request, model, twin):
    fixture = request.getfixturevalue
    names = ("provider", "contributor", "reporter", "keeper", "stranger", "owner")
    contract = fixture("raw")(fixture("implementations")("PredictionMarket"))
    mirror = Mirror(fixture("rpc"), contract, [fixture(n) for n in names])
    mirror.adopt(model.address, twin, fixture("owner").address, None)
    secret = mirror.secret(model.address, fixture("provider"), random_portions(np.random.default_rng(3)))
    mirror.start(secret, fixture("keeper"))


INCENTIVES = {
    "SelfAssessment": Incentive(
        pack_terms(), 10**18, "self-assessment: open already", "self-assessment: not open for this model"
    ),
    "Points": Incentive(
        PointsTerms(1, 2, 10, 5, 20, 7, 3).encode(), 0, "points: open already", "points: not open for this model"
    ),
    "PredictionMarket": Incentive(
        MarketTerms().pack(),
        10**18,
        "prediction-market: open already",
        "prediction-market: nobody can take part now",
        start_market,
    ),
}


@dataclass
class Setting:
    """An incentive and a model that is open for contributions."""

    row: Incentive
    incentive: Contract
    model: Contract
    opening: Event

    def add(self, sender, x=X, y=1, model=None, value=None, **fields):
        value = self.row.value if value is None else value
        model = self.model if model is None else model
        return self.incentive.send("add_data", model, x, y, sender=sender, value=value, **fields)

    def balance(self, account) -> int:
        return self.incentive.chain.balance(account.address)


@pytest.fixture(params=INCENTIVES)
def name(request):
    return request.param


@pytest.fixture
def setting(name, request, implementations, client, project, new_model):
    row = INCENTIVES[name]
    incentive = client.at(getattr(project, name), implementations(name).address)
    weights = np.random.default_rng(1).integers(-3, 4, N_FEATURES)
    twin = SparsePerceptron(SparsePerceptronParameters(N_FEATURES), weights)
    model = new_model(twin, incentive, row.terms)
    row.ready(request, model, twin)
    return Setting(row, incentive, model, incentive.event("Opened", model=model))


def test_interface__functions_and_events__as_the_interface_says(name, project):
    abi = getattr(project, name).contract_type.abi

    functions = {i.selector for i in abi if i.type == "function"}
    events = {i.selector: [a.indexed for a in i.inputs] for i in abi if i.type == "event"}

    assert {"open(bytes)", "add_data(address,bytes,uint256)"} <= functions
    assert events["Opened(address)"] == [True]
    assert events["AddData(address,address,uint256,bytes)"] == [True, True, False, False]


def test_open__when_the_model_is_created__logged_in_the_same_transaction(
    name, implementations, client, project, deployed, owner
):
    incentive = client.at(getattr(project, name), implementations(name).address)
    twin = SparsePerceptron(SparsePerceptronParameters(N_FEATURES))
    arguments = (owner, incentive, INCENTIVES[name].terms, twin.parameters.pack(), b"", [], True, bytes(32))

    receipt = deployed("SparsePerceptron").send("create", *arguments, sender=owner)

    model = receipt.events[-1].arguments["model"]
    assert receipt.events[0].name == "Sealed"
    assert receipt.events[1] == incentive.event("Opened", model=model)
    assert {e.address for e in receipt.events[1:-1]} == {incentive.address}  # and what else it has to say of its terms


def test_open__twice__reverts(name, client, project, implementations, owner):
    incentive = client.at(getattr(project, name), implementations(name).address)
    mock = client.deploy(project.ModelMock, owner)
    mock.send("open", incentive, INCENTIVES[name].terms, sender=owner)

    with reverts(INCENTIVES[name].opened_twice):
        mock.send("open", incentive, INCENTIVES[name].terms, sender=owner)


def test_open__malformed_terms__refused_with_the_model(name, implementations, new_model):
    twin = SparsePerceptron(SparsePerceptronParameters(N_FEATURES))
    for terms in (b"\1", INCENTIVES[name].terms[:-1], b"\xff" * len(INCENTIVES[name].terms)):
        with reverts():
            new_model(twin, implementations(name), terms)


def test_add_data__good__trained_and_logged(setting, contributor):
    held = setting.balance(setting.incentive)
    effect = setting.model.call("update", X, 1, sender=setting.incentive)

    receipt = setting.add(contributor)

    deposit = setting.balance(setting.incentive) - held
    (event,) = receipt.events
    facts = event.arguments.pop("facts")
    assert event == Event(
        setting.incentive.address,
        "AddData",
        {"model": setting.model.address, "contributor": contributor.address, "x": X},
    )
    assert facts & FACTS == 1 | effect << 8 | receipt.time << 16 | deposit << 56
    assert (deposit > 0) == (setting.row.value > 0)
    assert setting.model.call("version") == int(effect > 0)


def test_add_data__more_than_needed__change_comes_back(setting, contributor):
    held, before = setting.balance(setting.incentive), setting.balance(contributor)

    setting.add(contributor)

    assert setting.balance(contributor) - before == held - setting.balance(setting.incentive)
    assert before - setting.balance(contributor) < max(setting.row.value, 1)


def test_add_data__without_value__refused_where_it_takes_money(setting, contributor):
    if setting.row.value:
        with reverts(
            {
                "SelfAssessment": "self-assessment: deposit above the value sent",
                "PredictionMarket": "prediction-market: stake above the value sent",
            }[next(n for n, row in INCENTIVES.items() if row is setting.row)]
        ):
            setting.add(contributor, value=0)
    else:
        with reverts():
            setting.add(contributor, value=1)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (b"", 0, "sample: empty"),
        (b"\0", 0, "sample: odd length"),
        (bytes.fromhex("00020002"), 0, "sample: indices must increase"),
        (bytes.fromhex("00020001"), 1, "sample: indices must increase"),
        (N_FEATURES.to_bytes(2, "big"), 1, "sample: index out of range"),
        (X, 2, "model: no such class"),
        (X, 254, "model: no such class"),
    ],
)
def test_add_data__what_the_model_refuses__its_message_and_no_money_moved(setting, contributor, x, y, message):
    held, before, words = (
        setting.balance(setting.incentive),
        setting.balance(contributor),
        setting.model.call("words", 0, 3),
    )

    with reverts(message):
        setting.add(contributor, x=x, y=y)

    assert (setting.balance(setting.incentive), setting.balance(contributor)) == (held, before)
    assert setting.model.call("words", 0, 3) == words


@pytest.mark.parametrize("y", [256, 257, 2**128, 2**256 - 1])
def test_add_data__label_above_a_byte__refused_and_not_cut(setting, contributor, y):
    with pytest.raises(Reverted, match="class|label"):
        setting.add(contributor, y=y)
    assert setting.model.call("version") == 0


def test_add_data__model_that_is_not_open__reverts(setting, contributor, stranger):
    with reverts(setting.row.not_open):
        setting.add(contributor, model=stranger)


def test_update__past_the_incentive__reverts(setting, contributor, owner):
    for sender in (contributor, owner):
        with reverts("model: not the trainer"):
            setting.model.send("update", X, 1, sender=sender)


def test_ether__sent_without_a_call__refused(setting, client, stranger):
    with reverts():
        client.send(setting.incentive.address, b"", stranger, value=1)


def test_add_data__contract_wallet__gets_its_change(setting, client, project, owner):
    wallet = client.deploy(project.ContractWallet, owner)
    held = setting.balance(setting.incentive)
    add = setting.incentive.data("add_data", setting.model.address, X, 1)

    wallet.send("run", setting.incentive, add, sender=owner, value=setting.row.value)

    assert setting.balance(wallet) == setting.row.value - (setting.balance(setting.incentive) - held)
    assert wallet.call("payments") == int(setting.row.value > 0)
