"""Attacks by those who are paid, and by those who pay them with too little gas: attacks.md, "payees"."""

import pytest

from comodels.incentives.self_assessment import Terms as DepositTerms
from comodels.models.sparse_perceptron import SparsePerceptron, SparsePerceptronParameters
from tests.conftest import pack_card
from tests.evm import Evm, artefacts
from tests.hostile import BURNER

HOUR = 3_600
X = bytes.fromhex("00010002")
RETURN_REST = bytes.fromhex("600b380380600b5f395ff3")
# When it is paid it reverts with 48 kB of memory: 61c000 5f fd at 34, see BURNER
BOMB = BURNER[:34] + bytes.fromhex("5b61c0005ffd")


class Scene:
    """A chain with one model, an incentive, and somebody who is paid."""

    def __init__(self, project, incentive: str, terms: bytes):
        artefact = artefacts(project)
        evm = self.evm = Evm()
        self.owner, self.keeper, self.contributor = (evm.account(n) for n in ("owner", "keeper", "contributor"))
        self.incentive = evm.deploy(incentive, *artefact(incentive), self.owner)
        self.wallet = evm.deploy("ContractWallet", *artefact("ContractWallet"), self.owner)
        twin = SparsePerceptron(SparsePerceptronParameters(10))
        implementation = evm.deploy(twin.KIND, *artefact(twin.KIND), self.owner)
        arguments = (
            self.owner,
            self.incentive.address,
            terms,
            twin.parameters.pack(),
            pack_card(),
            twin.words(),
            True,
            bytes(32),
        )
        outcome = self.do(self.owner, implementation, "create", *arguments)
        self.model = next(log.model for log in outcome.logs if log.name == "Created")

    def do(self, sender, contract, function, *arguments, value=0):
        outcome = self.evm.send(sender, contract.address, contract.data(function, *arguments), value)
        assert outcome.ok, f"{function}: {outcome.reason}"
        return outcome

    def payee(self, code: bytes) -> str:
        """A contract that forwards what it is told to, and does what its code says when it is paid."""
        return self.evm.deploy("payee", RETURN_REST + code, [], self.owner).address

    def by(self, payee: str, function: str, *arguments, value=0):
        """A call by the payee."""
        data = bytes.fromhex(self.incentive.address[2:]) + self.incentive.data(function, *arguments)
        outcome = self.evm.send(self.owner, payee, data, value)
        assert outcome.ok, outcome.reason
        return outcome

    def deposited(self, payee: str, x=X, y=0) -> int:
        """The payee contributes to self-assessment; the model agrees. Returns the deposit in wei."""
        self.evm.wait(HOUR)
        deposit = self.incentive.call("required_deposit", self.model)
        self.by(payee, "add_data", self.model, x, y, value=deposit)
        self.evm.wait(HOUR)
        return deposit


@pytest.fixture
def deposits(project):
    terms = DepositTerms(cost_weight=10**15, refund_wait=HOUR, dispute_wait=HOUR, rest_wait=10 * HOUR)
    return Scene(project, "SelfAssessment", terms.encode())


@pytest.mark.parametrize("code", [BURNER, BOMB], ids=["burns its gas", "returns a lot"])
def test_refund__hostile_payee__costs_the_keeper_little_and_is_credited(deposits, code):
    payee = deposits.payee(code)
    deposit = deposits.deposited(payee)

    outcome = deposits.do(deposits.keeper, deposits.incentive, "refund", deposits.model, payee, X, 0)

    assert outcome.gas < 250_000
    assert [log.name for log in outcome.logs] == ["Refund", "Credited"]
    assert deposits.incentive.call("credit_of", payee) == deposit
    assert deposits.evm.balance(deposits.incentive.address) == deposit
    # nobody else gets it
    for who in (deposits.keeper, deposits.owner):
        taken = deposits.evm.send(who, deposits.incentive.address, deposits.incentive.data("fetch"))
        assert taken.reason == "payments: nothing to fetch"


def test_refund__any_gas_limit__paid_or_undone_never_credited(deposits):
    """Who chooses the gas cannot make a payment fail that would have arrived (EIP-150)."""
    wallet, incentive, evm = deposits.wallet, deposits.incentive, deposits.evm
    evm.wait(HOUR)
    deposit = incentive.call("required_deposit", deposits.model)
    call = incentive.address, incentive.data("add_data", deposits.model, X, 0)
    deposits.do(deposits.owner, wallet, "run", *call, value=deposit)
    evm.wait(HOUR)
    data = incentive.data("refund", deposits.model, wallet.address, X, 0)
    outcomes = set()

    for gas in range(60_000, 260_000, 499):
        checkpoint = evm.checkpoint()
        outcome = evm.send(deposits.keeper, incentive.address, data, gas=gas)
        outcomes.add(tuple(log.name for log in outcome.logs))
        evm.restore(checkpoint)

    assert outcomes == {(), ("Refund",)}


def test_rest__payee_who_refused__fetches_when_they_can(deposits):
    wallet, incentive, evm = deposits.wallet, deposits.incentive, deposits.evm
    evm.wait(HOUR)
    deposit = incentive.call("required_deposit", deposits.model)
    call = incentive.address, incentive.data("add_data", deposits.model, X, 1)
    deposits.do(deposits.owner, wallet, "run", *call, value=deposit)
    deposits.do(deposits.owner, wallet, "set_refusing", True)
    evm.wait(10 * HOUR)

    outcome = deposits.do(deposits.keeper, incentive, "rest", deposits.model, wallet.address, X, 1)
    assert [log.name for log in outcome.logs] == ["Rest", "Credited"]
    deposits.do(deposits.owner, wallet, "set_refusing", False)
    # fetched, and by a call back not twice
    deposits.do(deposits.owner, wallet, "set_callback", incentive.address, incentive.data("fetch"), 0)
    deposits.do(deposits.owner, wallet, "run", incentive.address, incentive.data("fetch"))

    assert not wallet.call("succeeded")
    assert wallet.call("received") == deposit
    assert evm.balance(incentive.address) == 0
