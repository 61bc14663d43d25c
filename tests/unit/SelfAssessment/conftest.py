"""A model that answers what it is told to, open on terms that leave room between the waits."""

from dataclasses import dataclass

import pytest
from eth_abi import encode
from eth_utils import keccak

from comodels.incentives.self_assessment import Terms
from tests.client import Contract
from tests.conftest import pack_terms

X = bytes.fromhex("000100020005")
OTHER_X = bytes.fromhex("00030004")
COST_WEIGHT = 10**12
REFUND_WAIT, DISPUTE_WAIT, REST_WAIT, OWNER_WAIT, ANYONE_WAIT = 1_000, 100, 5_000, 5_000, 9_000
SLIDES = Terms.slides(
    cost_weight=COST_WEIGHT, refund_wait=REFUND_WAIT, dispute_wait=0, owner_wait=OWNER_WAIT, anyone_wait=ANYONE_WAIT
)
DEFAULT_RULE = Terms(
    cost_weight=COST_WEIGHT, refund_wait=REFUND_WAIT, dispute_wait=DISPUTE_WAIT, rest_wait=REST_WAIT, forgive_every=2
)
FULL = COST_WEIGHT * 3_600  # the deposit right after a contribution
DEPOSIT = FULL // 10  # the deposit 100 seconds after


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@dataclass
class Setting:
    """A mock model and the incentive that it is open for, at `time`, the second in which it was opened."""

    incentive: Contract
    model: Contract
    time: int

    def key(self, contributor, x=X, y=1) -> bytes:
        """The key of a contribution's record, as the contract's events name it."""
        return keccak(
            encode(
                ["address", "address", "address", "uint256", "bytes32"],
                [str(self.model), str(contributor), str(contributor), y, keccak(x)],
            )
        )

    def agree(self, y=1) -> None:
        """From now on the model answers `y`."""
        self.model.send("set_answer", word(y), sender=self.model.client.chain.accounts[0])

    def disagree(self) -> None:
        self.agree(0)

    def record(self, contributor, x=X, y=1) -> dict:
        names = ["claimable", "deposit", "time", "effect", "born_wrong", "validated", "round"]
        return dict(zip(names, self.incentive.call("contribution", self.model, contributor, x, y), strict=True))

    def terms(self) -> tuple:
        return self.incentive.call("terms", self.model)

    def claim(self, function, sender, contributor, age, x=X, y=1):
        """Refund, forgive, rest, flag, report or take, so many seconds after the setting's `time`."""
        return self.incentive.send(
            function, self.model, contributor, x, y, sender=sender, time=self.time + age if age else None
        )

    def balance(self, account) -> int:
        return self.incentive.chain.balance(str(account))

    def add(self, sender, x=X, y=1, value=FULL, time=None):
        """Contribute, 100 seconds after the opening unless told otherwise."""
        return self.incentive.send(
            "add_data", self.model, x, y, sender=sender, value=value, time=self.time + 100 if time is None else time
        )

    def validate(self, sender, x=OTHER_X, y=1, times=1) -> None:
        """Give an account validated contributions; the setting's `time` is then when the last of them was refunded."""
        for i in range(times):
            self.incentive.send("add_data", self.model, x + word(i), y, sender=sender, value=FULL * 2)
        self.agree(y)
        latest = self.incentive.chain.time + 1
        for i in range(times):
            self.incentive.send(
                "refund", self.model, sender, x + word(i), y, sender=sender, time=latest + REFUND_WAIT + i
            )
        self.time = self.incentive.chain.time


@pytest.fixture
def incentive(contract_of):
    return contract_of("SelfAssessment")


@pytest.fixture
def open_model(client, project, owner, incentive):
    """Open the incentive for a new mock model: by the slides' rule or another, of which some terms are replaced."""

    def build(rule=SLIDES, **terms) -> Setting:
        model = client.deploy(project.ModelMock, owner)
        model.send("set_owner", owner, sender=owner)
        model.send("set_effect", word(0), sender=owner)
        model.send("set_learnt", word(0) + word(0), sender=owner)  # all that has label 1 comes as wrong
        model.send("set_answer", word(1), sender=owner)
        packed = pack_terms(rule, **terms)
        model.send("open", incentive, packed, sender=owner)
        return Setting(incentive, model, incentive.chain.time)

    return build


@pytest.fixture
def setting(open_model):
    return open_model()


@pytest.fixture
def wallet(client, project, owner):
    """An account that is a contract."""
    return client.deploy(project.ContractWallet, owner)


@pytest.fixture
def disputed(setting, contributor, reporter):
    """A contribution that the model disagrees with, and a reporter who has the only validated one."""
    setting.validate(reporter)
    setting.time += 100
    setting.add(contributor, time=setting.time)
    setting.disagree()
    return setting


@pytest.fixture
def as_wallet(wallet, owner):
    """Have the wallet send a transaction."""

    def send(contract, function, *arguments, value=0, time=None):
        data = contract.data(function, *[str(a) if hasattr(a, "address") else a for a in arguments])
        return wallet.send("run", contract, data, sender=owner, value=value, time=time)

    return send


@pytest.fixture
def born_wrong(open_model, contributor, reporter):
    """By the default rule, a contribution at the setting's `time` with which the model disagrees, then and now.

    The reporter has the only two validated ones.
    """
    setting = open_model(DEFAULT_RULE)
    setting.validate(reporter, times=2)
    setting.time += 100
    setting.add(contributor, time=setting.time)
    setting.disagree()
    return setting
