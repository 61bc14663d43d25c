"""A model that answers what it is told to, open on terms that leave room between the waits."""

from dataclasses import dataclass

import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.client import Contract
from tests.conftest import pack_terms

X = bytes.fromhex("000100020005")
OTHER_X = bytes.fromhex("00030004")
COST_WEIGHT = 10**12
REFUND_WAIT, OWNER_WAIT, ANYONE_WAIT = 1_000, 5_000, 9_000
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
            encode(["address", "address", "uint256", "bytes32"], [str(self.model), str(contributor), y, keccak(x)])
        )

    def agree(self, y=1) -> None:
        """From now on the model answers `y`."""
        self.model.send("set_answer", word(y), sender=self.model.client.chain.accounts[0])

    def disagree(self) -> None:
        self.agree(0)

    def record(self, contributor, x=X, y=1) -> dict:
        names = ["claimable", "deposit", "time", "effect", "validated", "round"]
        return dict(zip(names, self.incentive.call("contribution", self.model, contributor, x, y), strict=True))

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
            self.incentive.send("refund", self.model, x + word(i), y, sender=sender, time=latest + REFUND_WAIT + i)
        self.time = self.incentive.chain.time


@pytest.fixture
def incentive(deployed):
    return deployed("SelfAssessment")


@pytest.fixture
def open_model(client, project, owner, incentive):
    """Open the incentive for a new mock model, on terms of which some are replaced."""

    def build(**terms) -> Setting:
        model = client.deploy(project.ModelMock, owner)
        model.send("set_owner", owner, sender=owner)
        model.send("set_effect", word(0), sender=owner)
        model.send("set_answer", word(1), sender=owner)
        waits = {"refund_wait": REFUND_WAIT, "owner_wait": OWNER_WAIT, "anyone_wait": ANYONE_WAIT}
        packed = pack_terms(**({"cost_weight": COST_WEIGHT} | waits | terms))
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
