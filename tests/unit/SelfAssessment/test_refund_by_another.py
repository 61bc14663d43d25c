"""Anyone may ask for a refund; it goes to the contributor, and what cannot be delivered waits for them."""

import pytest

from tests.client import reverts
from tests.unit.SelfAssessment.conftest import DEPOSIT, REFUND_WAIT, X


@pytest.fixture
def wallets(setting, wallet, as_wallet):
    """A contribution by a contract wallet, which the model agrees with, 100 seconds after the setting's `time`."""
    as_wallet(setting.incentive, "add_data", setting.model, X, 1, value=DEPOSIT, time=setting.time + 100)
    return setting


def test_refund__by_a_stranger__money_and_count_to_the_contributor(setting, contributor, stranger):
    setting.add(contributor)
    before, strangers = setting.balance(contributor), setting.balance(stranger)

    receipt = setting.claim("refund", stranger, contributor, 100 + REFUND_WAIT)

    assert receipt.events == [
        setting.incentive.event(
            "Refund",
            model=setting.model,
            contributor=contributor,
            contribution=setting.key(contributor),
            amount=DEPOSIT,
        )
    ]
    assert setting.balance(contributor) == before + DEPOSIT
    assert setting.balance(stranger) == strangers
    assert setting.incentive.call("validated_of", setting.model, contributor) == 1
    assert setting.incentive.call("validated_of", setting.model, stranger) == 0


def test_refund__by_a_stranger_to_a_wallet__paid(wallets, wallet, stranger):
    wallets.claim("refund", stranger, wallet, 100 + REFUND_WAIT)

    assert wallets.balance(wallet) == DEPOSIT
    assert wallets.balance(wallets.incentive) == 0


def test_refund__by_a_stranger_to_a_wallet_that_refuses__credited_and_fetched(
    wallets, wallet, as_wallet, stranger, owner
):
    wallet.send("set_refusing", True, sender=owner)

    receipt = wallets.claim("refund", stranger, wallet, 100 + REFUND_WAIT)

    assert [e.name for e in receipt.events] == ["Refund", "Credited"]
    assert wallets.incentive.call("credit_of", wallet) == DEPOSIT == wallets.balance(wallets.incentive)
    assert wallets.incentive.call("validated_of", wallets.model, wallet) == 1
    wallet.send("set_refusing", False, sender=owner)
    as_wallet(wallets.incentive, "fetch")
    assert wallets.balance(wallet) == DEPOSIT
    assert wallets.incentive.call("credit_of", wallet) == 0 == wallets.balance(wallets.incentive)
    with reverts("payments: nothing to fetch"):
        as_wallet(wallets.incentive, "fetch")


def test_fetch__by_another__nothing(wallets, wallet, stranger, owner):
    wallet.send("set_refusing", True, sender=owner)
    wallets.claim("refund", stranger, wallet, 100 + REFUND_WAIT)

    with reverts("payments: nothing to fetch"):
        wallets.incentive.send("fetch", sender=stranger)


def test_refund__payee_that_claims_again__gets_nothing(wallets, wallet, stranger, owner, contributor):
    wallets.add(contributor, time=wallets.time + 150)  # somebody else's money
    held = wallets.record(contributor)["claimable"]
    again = wallets.incentive.data("refund", str(wallets.model), str(wallet), X, 1)
    wallet.send("set_callback", wallets.incentive, again, 0, sender=owner)

    wallets.claim("refund", stranger, wallet, 200 + REFUND_WAIT)

    credit = wallets.incentive.call("credit_of", wallet)
    assert credit + wallets.balance(wallet) == DEPOSIT
    assert wallets.balance(wallets.incentive) == held + credit
