"""Contracts that call back while they are paid."""

import pytest
from eth_utils import keccak

from comodels.rows import pack_rows
from tests.mirror import PLAN, sample


@pytest.fixture
def wallet(project, stranger):
    return stranger.deploy(project.ContractWallet)


@pytest.fixture
def run(mirror, rpc, stranger):
    """Have the wallet call the market."""
    from comodels.chain.abi import Transaction

    def run(wallet, function, *arguments, value=0):
        data = wallet.run.encode_input(mirror.contract.address, mirror.contract.data(function, *arguments))
        mirror.time = max(mirror.time, rpc.time) + 1
        (receipt,) = rpc.send(
            [Transaction(stranger.address, str(wallet.address), bytes(data), value, 5_000_000, mirror.time)]
        )
        return receipt["status"] == "0x1"

    return run


def adding(function, model, x, y):
    """A call that contributes one sample, alone or as a batch."""
    return (function, model, x, y) if function == "add_data" else (function, model, 1, pack_rows([(y, x)]))


@pytest.mark.parametrize("inner", ["add_data", "add_many"])
@pytest.mark.parametrize("outer", ["add_data", "add_many"])
def test_add__calls_back_when_the_change_arrives__the_inner_call_is_refused(
    mirror, started, model, wallet, run, stranger, rpc, outer, inner
):
    other = 1 - mirror.twin.models[model][0].predict(sample(1))
    again = mirror.contract.data(*adding(inner, model, sample(3), 1))
    wallet.set_callback(mirror.contract.address, again, PLAN.stake, sender=stranger)
    assert run(wallet, *adding(outer, model, sample(1), other), value=2 * PLAN.stake)
    assert wallet.payments() == 1
    assert not wallet.succeeded()
    assert rpc.balance(mirror.contract.address) == PLAN.total + PLAN.stake


def test_withdraw__calls_back_when_it_is_paid__paid_once(
    mirror, secret, started, model, wallet, run, keeper, rpc, stranger, raw
):
    y = 1 - mirror.twin.models[model][0].predict(sample(1, 2))
    assert run(wallet, "add_data", model, sample(1, 2), y, value=PLAN.stake)
    address = str(wallet.address)
    effect = int(
        rpc.rpc("eth_getLogs", {"address": mirror.contract.address, "fromBlock": "earliest"})[-1]["data"][2:66], 16
    )
    effect = effect >> 8 & 65_535
    mirror.time = rpc.time + PLAN.participation_time
    assert mirror.on_chain("close", started, sender=keeper) == ""
    mirror.wait(PLAN.rest_time)
    assert mirror.on_chain("expire", started, sender=keeper) == ""
    claim = started, 1, address, address, keccak(sample(1, 2)), y, effect, bytes(32), []
    wallet.set_callback(mirror.contract.address, mirror.contract.data("withdraw_stake", *claim), 0, sender=stranger)
    mirror.time = rpc.time
    assert mirror.on_chain("withdraw_stake", *claim, sender=keeper, through=raw(wallet)) == ""
    assert (wallet.payments(), wallet.received(), wallet.succeeded()) == (
        1,
        PLAN.stake + PLAN.bounty + PLAN.bond,
        False,
    )


def test_withdraw__receiver_refuses__credited_and_fetched_later(
    mirror, secret, started, model, wallet, contribute, contributor, keeper, stranger, raw
):
    x = sample(1, 2)
    y = 1 - mirror.twin.models[model][0].predict(x)
    mirror.add_data_through(raw(wallet), stranger, model, x, y, PLAN.stake)
    contribute(model, contributor, 3)
    mirror.finish(secret, keeper)
    wallet.set_refusing(True, sender=stranger)
    mirror.time = mirror.rpc.time
    address = str(wallet.address)
    owed = mirror.twin.owed(started, 1)
    assert owed > 0
    for index in range(1, 5):
        mirror.withdraw_index(keeper, started, index)
    mirror.withdraw_rest(keeper, started)
    assert mirror.contract.call("held", started) == (0, 0)
    assert mirror.contract.call("credit_of", address) == owed == mirror.rpc.balance(mirror.contract.address)
    wallet.set_refusing(False, sender=stranger)
    mirror.time = mirror.rpc.time
    mirror.do("fetch", sender=stranger, through=raw(wallet), twin=lambda t: t.fetch(address))
    assert mirror.rpc.balance(address) == owed
    assert mirror.rpc.balance(mirror.contract.address) == 0
