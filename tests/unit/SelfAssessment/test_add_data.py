import pytest
from eth_utils import keccak

from comodels.wire import Facts
from tests.client import reverts
from tests.unit.SelfAssessment.conftest import DEFAULT_RULE, DEPOSIT, FULL, OTHER_X, REFUND_WAIT, X, word

VALIDATED = 1 << 229


def facts(y, effect, time, deposit):
    return Facts(y, effect, time, deposit).pack()


@pytest.mark.parametrize("effect", [0, 1, 2, 255, 2**16 - 1])
def test_add_data__good__trained_recorded_and_logged(setting, contributor, owner, effect):
    setting.model.send("set_effect", word(effect), sender=owner)
    time = setting.time + 100

    receipt = setting.add(contributor, time=time)

    assert receipt.events == [
        setting.incentive.event(
            "AddData",
            model=setting.model,
            contributor=contributor,
            sponsor=contributor,
            facts=facts(1, effect, time, DEPOSIT),
            x=X,
        )
    ]
    assert setting.model.call("updates") == 1
    assert setting.record(contributor)["effect"] == effect


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 2_047, 2_048])
def test_add_data__any_length__reaches_the_model_and_the_log_unchanged(setting, contributor, length):
    x = bytes(i * 7 % 251 for i in range(length))

    receipt = setting.add(contributor, x=x, y=3)

    assert receipt.events[0].arguments["x"] == x
    encoded = word(64) + word(3) + word(length) + x + bytes(-length % 32)
    assert setting.model.call("latest") == keccak(encoded)


@pytest.mark.parametrize("more", [0, 1, 10**18])
def test_add_data__more_than_needed__change_comes_back_to_the_wei(setting, contributor, more):
    before = setting.balance(contributor)

    setting.add(contributor, value=DEPOSIT + more)

    assert setting.balance(contributor) == before - DEPOSIT
    assert setting.balance(setting.incentive) == DEPOSIT == setting.record(contributor)["claimable"]


def test_add_data__one_wei_short__reverts_and_moves_no_money(setting, contributor):
    before = setting.balance(contributor)

    with reverts("self-assessment: deposit above the value sent"):
        setting.add(contributor, value=DEPOSIT - 1)

    assert setting.balance(contributor) == before
    assert setting.balance(setting.incentive) == 0
    assert setting.record(contributor)["round"] == 0
    assert setting.model.call("updates") == 0


def test_add_data__right_after_another__needs_the_full_deposit(setting, contributor, reporter):
    """The deposit that somebody was quoted a second ago is ten times too low: it fails, and costs nothing."""
    setting.add(contributor, time=setting.time + 100)

    with reverts("self-assessment: deposit above the value sent"):
        setting.add(reporter, value=DEPOSIT, time=setting.time + 101)
    setting.add(reporter, value=FULL, time=setting.time + 102)

    assert setting.record(reporter)["deposit"] == FULL


def test_add_data__free__takes_nothing(open_model, contributor):
    setting = open_model(cost_weight=0)
    before = setting.balance(contributor)

    setting.add(contributor, value=10**18)
    setting.add(contributor, x=OTHER_X, value=0, time=setting.time + 101)

    assert setting.balance(contributor) == before
    assert setting.balance(setting.incentive) == 0
    assert setting.incentive.call("statistics", setting.model) == (2, 0)


def test_add_data__model_that_is_not_open__reverts(setting, client, project, owner, contributor):
    model = client.deploy(project.ModelMock, owner)

    with reverts("self-assessment: not open for this model"):
        setting.incentive.send("add_data", model, X, 1, sender=contributor, value=FULL)
    with reverts("self-assessment: not open for this model"):
        setting.incentive.send("add_data", "0x" + "00" * 20, X, 1, sender=contributor, value=FULL)


def test_add_data__same_again_before_it_is_settled__reverts(setting, contributor, reporter):
    setting.add(contributor)

    with reverts("self-assessment: the same contribution is not settled yet"):
        setting.add(contributor, time=setting.time + 100_000)
    setting.add(reporter, time=setting.time + 100_001)  # another account may


def test_add_data__same_again_in_one_block__second_reverts(setting, rpc, contributor):
    once = setting.incentive.transaction(
        "add_data", str(setting.model), X, 1, sender=str(contributor), value=FULL, gas=2_000_000
    )

    receipts = rpc.send([once, once])

    assert [r["status"] for r in receipts] == ["0x1", "0x0"]
    assert receipts[0]["blockNumber"] == receipts[1]["blockNumber"]
    assert setting.incentive.call("statistics", setting.model) == (1, 0)
    assert setting.balance(setting.incentive) == setting.record(contributor)["claimable"]


def test_add_data__same_again_when_settled__next_round(setting, contributor):
    setting.add(contributor)
    settled = setting.time + 100 + REFUND_WAIT
    setting.incentive.send("refund", setting.model, contributor, X, 1, sender=contributor, time=settled)

    setting.add(contributor, time=settled + 1)

    record = setting.record(contributor)
    assert (record["round"], record["validated"], record["time"]) == (2, True, settled + 1)


def test_add_data__model_reverts__its_message_and_no_money_moved(setting, contributor, owner):
    setting.model.send("set_broken", True, sender=owner)
    before = setting.balance(contributor)

    with reverts("mock: broken"):
        setting.add(contributor)

    assert setting.balance(contributor) == before
    assert setting.balance(setting.incentive) == 0
    assert setting.incentive.call("statistics", setting.model) == (0, 0)


@pytest.mark.parametrize("effect", [2**16, 2**255, 2**256 - 1])
def test_add_data__effect_above_sixteen_bits__reverts(setting, contributor, owner, effect):
    setting.model.send("set_effect", word(effect), sender=owner)

    with reverts("self-assessment: unknown effect"):
        setting.add(contributor)


def test_add_data__sample_of_2049_bytes__reverts(setting, contributor):
    with reverts():
        setting.add(contributor, x=bytes(2_049))


def test_add_data__contract_wallet__gets_its_change(setting, wallet, as_wallet):
    as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT + 5, time=setting.time + 100)

    assert setting.balance(wallet) == 5
    assert (wallet.call("payments"), wallet.call("received")) == (1, 5)
    assert setting.record(wallet)["deposit"] == DEPOSIT


def test_add_data__wallet_that_refuses_the_change__reverts_and_keeps_its_money(setting, wallet, as_wallet, owner):
    wallet.send("set_refusing", True, sender=owner)

    with reverts():
        as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT + 5, time=setting.time + 100)
    as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT, time=setting.time + 101)

    assert setting.balance(setting.incentive) == DEPOSIT == setting.record(wallet)["claimable"]


def test_add_data__wallet_that_adds_again_from_its_change__gets_nothing_for_free(setting, wallet, as_wallet, owner):
    again = setting.incentive.data("add_data", str(setting.model), X, 1)
    wallet.send("set_callback", setting.incentive, again, FULL, sender=owner)

    as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT + FULL, time=setting.time + 100)

    assert not wallet.call("succeeded")
    assert setting.balance(setting.incentive) == DEPOSIT
    assert setting.incentive.call("statistics", setting.model) == (1, 0)


def test_add_data__wallet_that_adds_another_from_its_change__both_recorded(setting, wallet, as_wallet, owner):
    another = setting.incentive.data("add_data", str(setting.model), OTHER_X, 1)
    wallet.send("set_callback", setting.incentive, another, FULL, sender=owner)

    as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT + FULL, time=setting.time + 100)

    assert wallet.call("succeeded")
    assert setting.record(wallet)["claimable"] == DEPOSIT
    assert setting.record(wallet, x=OTHER_X)["claimable"] == FULL
    assert setting.balance(setting.incentive) == DEPOSIT + FULL
    assert setting.incentive.call("statistics", setting.model) == (2, 0)


@pytest.mark.parametrize("terms", [{}, {"rule": DEFAULT_RULE}], ids=["slides", "default"])
def test_add_data__claimed_from_within_the_model__too_early(open_model, wallet, as_wallet, owner, terms):
    """A model that lets its contributor claim while it still learns: no refund wait is short enough for that."""
    setting = open_model(**terms | {"refund_wait": 1})
    refund = setting.incentive.data("refund", str(setting.model), str(wallet), X, 1)
    run = wallet.data("run", str(setting.incentive), refund)
    setting.model.send("set_callback", wallet, run, sender=owner)
    setting.model.send("set_effect", word(1), sender=owner)

    with reverts("self-assessment: too early"):
        as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT, time=setting.time + 100)

    assert setting.balance(setting.incentive) == 0


def test_add_data__model_that_contributes_to_itself__record_of_the_caller_stays(setting, contributor, owner):
    """`update` adds the same sample again: to another account, the model's own."""
    again = setting.incentive.data("add_data", str(setting.model), OTHER_X, 1)
    setting.model.send("set_callback", setting.incentive, again, sender=owner)

    with reverts("self-assessment: deposit above the value sent"):
        setting.add(contributor)

    assert setting.balance(setting.incentive) == 0


def test_add_data__ether_forced_in__changes_nothing(setting, contributor):
    before = setting.balance(contributor)
    setting.incentive.chain.rpc("anvil_setBalance", setting.incentive.address, hex(10**20))

    setting.add(contributor, value=DEPOSIT + 3)

    assert setting.balance(contributor) == before - DEPOSIT
    assert setting.balance(setting.incentive) == 10**20 + DEPOSIT
    assert setting.record(contributor)["claimable"] == DEPOSIT


def test_add_data__plain_ether__refused(setting, client, stranger):
    with reverts():
        client.send(setting.incentive.address, b"", stranger, value=1)


def test_add_data__round_at_its_maximum__reverts(setting, contributor):
    """The record's round is set to its maximum in the contract's storage: so many rounds would take too long."""
    setting.add(contributor)
    settled = setting.time + 100 + REFUND_WAIT
    setting.incentive.send("refund", setting.model, contributor, X, 1, sender=contributor, time=settled)
    slot = _slot_of(setting, contributor)
    chain, address = setting.incentive.chain, setting.incentive.address

    chain.rpc("anvil_setStorageAt", address, slot, "0x" + word(VALIDATED | (2**26 - 2) << 230).hex())
    setting.add(contributor, time=settled + 10)
    record = setting.record(contributor)
    assert (record["round"], record["validated"]) == (2**26 - 1, True)
    claim = settled + 10 + REFUND_WAIT
    setting.incentive.send("refund", setting.model, contributor, X, 1, sender=contributor, time=claim)

    with reverts():
        setting.add(contributor, time=claim + 10)
    assert setting.record(contributor) == record | {"claimable": 0, "deposit": 0, "time": 0}


def test_add_data__counter_of_submitted_ones_at_its_maximum__reverts(setting, contributor):
    """Not one count too many runs into another field."""
    chain, address = setting.incentive.chain, setting.incentive.address
    slot = next(s for s in _slots(word(int(str(setting.model), 16))) if _storage(setting, s))
    word_before = _storage(setting, slot)
    full = word_before | (2**32 - 1) << 224
    chain.rpc("anvil_setStorageAt", address, slot, "0x" + word(full).hex())

    with reverts():
        setting.add(contributor)
    assert setting.incentive.call("statistics", setting.model) == (2**32 - 1, 0)


def _slot_of(setting, contributor) -> str:
    """The storage slot of a contribution's record."""
    return next(s for s in _slots(setting.key(contributor)) if _storage(setting, s))


def _slots(key: bytes) -> list[str]:
    """Where a value of one of the contract's first maps may be: by Vyper's rule keccak(slot, key)."""
    return ["0x" + keccak(word(base) + key).hex() for base in range(8)]


def _storage(setting, slot: str) -> int:
    return int(setting.incentive.chain.rpc("eth_getStorageAt", setting.incentive.address, slot, "latest"), 16)
