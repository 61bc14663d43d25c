"""Several contributions in one transaction; what attacks on them try is in `tests/attacks/test_batches.py`."""

import pytest
from eth_abi import decode
from eth_account import Account
from eth_utils import keccak

from comodels.batch import pack_signed
from comodels.chain.abi import calldata
from comodels.revert import Revert
from comodels.rows import pack_rows
from comodels.signatures import Consent
from comodels.wire import ADD_DATA_TOPIC, AddData
from tests.mirror import PLAN, random_sample

KEY = Account.from_key("0x" + "07" * 32)


@pytest.fixture
def rows(rng):
    """Random samples with random labels, each twice: the second time most of them teach nothing."""
    return [(random_sample(rng), int(rng.integers(2))) for _ in range(8)] * 2


def add_many(mirror, sender, model, rows, value):
    packed = pack_rows((y, x) for x, y in rows)
    return mirror.do(
        *("add_many", model, len(rows), packed),
        sender=sender,
        value=value,
        twin=lambda t: t.add_many(str(sender), model, rows, value, mirror.time),
    )


def test_add_many__some_change_the_model__only_these_are_staked_on_and_each_has_its_event(
    mirror, started, model, contributor, rows
):
    effects = add_many(mirror, contributor, model, rows, 17 * PLAN.stake)

    logs = [log for log in mirror.receipt["logs"] if log["topics"][0] == ADD_DATA_TOPIC]
    events = [AddData.from_log(log) for log in logs]
    assert [(e.x, e.facts.label, e.facts.effect) for e in events] == [
        (x, y, effect) for (x, y), effect in zip(rows, effects, strict=True)
    ]
    assert [e.facts.deposit for e in events] == [PLAN.stake * (effect > 0) for effect in effects]
    indices = [e.facts.more & 0xFFFF for e in events if e.facts.effect]
    assert indices == list(range(1, len(indices) + 1))
    assert 0 < len(indices) < 16
    assert mirror.contract.call("market", started)[8] == len(indices)


def test_add_many__nothing_runs_or_too_little_is_sent__refused(mirror, model, secret, started, contributor, rows):
    with pytest.raises(Revert, match="stake above the value sent"):
        add_many(mirror, contributor, model, rows, 16 * PLAN.stake - 1)
    mirror.wait(PLAN.participation_time)
    with pytest.raises(Revert, match="nobody can take part now"):
        add_many(mirror, contributor, model, rows, 16 * PLAN.stake)


def test_add_signed__then_cancelled__the_next_round_and_not_the_one_before(
    mirror, started, model, contributor, rows, rpc
):
    (x, y), sponsor = rows[0], contributor.address
    rpc.rpc("anvil_setBalance", KEY.address, hex(10**20))
    rpc.rpc("anvil_impersonateAccount", KEY.address)
    what = mirror.chain_id, mirror.contract.address, model, x, y
    answer = rpc.rpc("eth_call", {"to": model, "data": "0x" + calldata("class_name(uint256)", [y]).hex()}, "latest")
    (name,) = decode(["string"], bytes.fromhex(answer[2:]))

    def send(round):
        item = Consent(*what, round, sponsor, mirror.time + 1_000, name).sign(KEY)
        return mirror.on_chain("add_signed", model, 1, pack_signed([item]), sender=sponsor, value=PLAN.stake)

    assert send(0) == ""
    assert mirror.contract.call("round_of", model, KEY.address, sponsor, keccak(x), y) == 1
    assert mirror.on_chain("cancel", model, sponsor, keccak(x), y, sender=KEY.address) == ""
    assert mirror.contract.call("round_of", model, KEY.address, sponsor, keccak(x), y) == 2
    for round, added in ((1, 0), (2, 1)):
        assert send(round) == ""
        topics = [log["topics"][0] for log in mirror.receipt["logs"]]
        assert topics.count(ADD_DATA_TOPIC) == added


def test_add_many__no_such_label__skipped_with_its_number_and_reason(mirror, started, model, contributor, rows):
    rows[3] = rows[3][0], 2

    effects = add_many(mirror, contributor, model, rows, 16 * PLAN.stake)

    skipped = [event for name, event in mirror.contract.events(mirror.receipt) if name == "Skipped"]
    assert [(e["item"], e["reason"]) for e in skipped] == [(3, effects[3])]
