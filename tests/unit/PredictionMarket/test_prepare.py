"""Copying the model, which opens the participation."""

import pytest

from comodels.artifacts import artifact
from comodels.incentives.prediction_market import PARTICIPATING, VOID
from comodels.revert import Revert
from tests.mirror import PLAN, sample


@pytest.fixture
def revealed(mirror, secret, keeper):
    market = mirror.commit(secret.provider, secret.model, secret.tree.root)
    mirror.draw_and_reveal(secret, keeper)
    return market


def test_prepare__in_steps__replica_is_the_model_as_it_was(mirror, revealed, model, keeper, contributor, rpc):
    from comodels.chain.contract import ContractAt

    words = mirror.contract.call("market", revealed)[12]
    assert words == 0
    for _ in range(3):
        assert mirror.on_chain("prepare", revealed, 1, bytes(32), sender=keeper) == ""
    m = mirror.contract.call("market", revealed)
    assert (m[6], m[12]) == (PARTICIPATING, 3)
    abi = [{"type": "function", "name": n, "inputs": [{"type": "uint256"}] * k, "outputs": [{"type": t}]}
           for n, k, t in (("words", 2, "uint256[]"), ("sealed", 0, "bool"), ("version", 0, "uint256"))]  # fmt: skip
    scorer = ContractAt(rpc, m[5], artifact("EvaluatingScorer").abi)
    copy = scorer.call("replica", mirror.contract.address, revealed)
    live, replica = ContractAt(rpc, model, abi), ContractAt(rpc, copy, abi)
    before = live.call("words", 0, 3)
    assert replica.call("sealed")
    mirror.on_chain("add_data", model, sample(1, 2, 3), 1, sender=contributor, value=PLAN.stake)
    mirror.on_chain("add_data", model, sample(1, 2, 3), 0, sender=contributor, value=PLAN.stake)
    assert live.call("version") > 0
    assert live.call("words", 0, 3) != before
    assert replica.call("words", 0, 3) == before
    assert replica.call("version") == 0


def test_prepare__before_all_drawn_are_revealed__refused(mirror, secret, keeper):
    market = mirror.commit(secret.provider, secret.model, secret.tree.root)
    mirror.mine(5)
    mirror.draw(keeper, market)
    with pytest.raises(Revert, match="not all drawn portions are revealed"):
        mirror.prepare(keeper, market)


def test_prepare__again__refused(mirror, started, keeper):
    with pytest.raises(Revert, match="not all drawn portions are revealed"):
        mirror.prepare(keeper, started)


def test_prepare__too_late__void(mirror, revealed, keeper):
    mirror.wait(PLAN.reveal_time)
    with pytest.raises(Revert, match="too late"):
        mirror.prepare(keeper, revealed)
    mirror.expire(keeper, revealed)
    assert mirror.twin.markets[revealed].phase == VOID
    mirror.withdraw_all(keeper, revealed)


def test_prepare__salt_seen_and_used_by_another__works_all_the_same(
    mirror, revealed, keeper, stranger, implementations, raw
):
    from eth_abi import encode
    from eth_utils import keccak

    salt = b"\x07" * 32
    inner = keccak(encode(["uint256", "bytes32"], [revealed, salt]))
    implementation = implementations("SparsePerceptron")
    parameters = mirror.twin.models[mirror.twin.markets[revealed].model][0].parameters.pack()
    address = mirror.contract.address
    implementation.create(address, address, b"", parameters, b"", [1], True, inner, sender=stranger)
    mirror.time = max(mirror.time, mirror.rpc.time)
    mirror.prepare(keeper, revealed, salt)
    assert mirror.twin.markets[revealed].phase == PARTICIPATING
