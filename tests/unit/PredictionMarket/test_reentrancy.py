"""Contracts that call back while they are paid."""

import pytest
from eth_utils import keccak

from tests.mirror import PLAN, sample


@pytest.fixture
def wallet(project, stranger):
    return stranger.deploy(project.ContractWallet)


@pytest.fixture
def run(mirror, rpc, stranger):
    """Have the wallet call the market."""
    from simulation.chain import Transaction

    def run(wallet, function, *arguments, value=0):
        data = wallet.run.encode_input(mirror.contract.address, mirror.contract.data(function, *arguments))
        mirror.time = max(mirror.time, rpc.time) + 1
        (receipt,) = rpc.send(
            [Transaction(stranger.address, str(wallet.address), bytes(data), value, 5_000_000, mirror.time)]
        )
        return receipt["status"] == "0x1"

    return run


def test_add_data__calls_back_when_the_change_arrives__the_inner_call_is_refused(
    mirror, started, model, wallet, run, stranger, rpc
):
    again = mirror.contract.data("add_data", model, sample(3), 1)
    wallet.set_callback(mirror.contract.address, again, PLAN.stake, sender=stranger)
    assert run(wallet, "add_data", model, sample(1), 1, value=2 * PLAN.stake)
    assert wallet.payments() == 1
    assert not wallet.succeeded()
    assert rpc.balance(mirror.contract.address) == PLAN.total + PLAN.stake


def test_withdraw__calls_back_when_it_is_paid__paid_once(
    mirror, secret, started, model, wallet, run, keeper, rpc, stranger
):
    assert run(wallet, "add_data", model, sample(1, 2), 1, value=PLAN.stake)
    address = str(wallet.address)
    effect = int(
        rpc.rpc("eth_getLogs", {"address": mirror.contract.address, "fromBlock": "earliest"})[-1]["data"][2:66], 16
    )
    effect = effect >> 8 & 255
    mirror.time = rpc.time + PLAN.participation_time
    assert mirror.on_chain("close", started, sender=keeper) == ""
    mirror.wait(PLAN.rest_time)
    assert mirror.on_chain("expire", started, sender=keeper) == ""
    claim = started, 1, address, keccak(sample(1, 2)), 1, effect
    wallet.set_callback(mirror.contract.address, mirror.contract.data("withdraw", *claim), 0, sender=stranger)
    mirror.time = rpc.time
    assert mirror.on_chain("withdraw", *claim, sender=keeper) == ""
    assert (wallet.payments(), wallet.received(), wallet.succeeded()) == (
        1,
        PLAN.stake + PLAN.bounty + PLAN.bond,
        False,
    )


def test_withdraw__receiver_refuses__others_are_paid_all_the_same(mirror, settled, wallet, keeper):
    # who refuses money keeps only their own waiting: everybody is paid by a call of their own
    for index in range(2, 8):
        mirror.withdraw_index(keeper, settled, index)
    mirror.withdraw_rest(keeper, settled)
    assert mirror.contract.call("held", settled) == (0, mirror.twin.owed(settled, 1))
