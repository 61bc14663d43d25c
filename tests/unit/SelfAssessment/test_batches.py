"""The price of a batch, and all that its events say; that its items are the single calls' is a property test."""

import pytest
from eth_utils import keccak

from comodels.batch import Signed, pack_claims, pack_signed, record_key
from comodels.rows import pack_rows
from comodels.signatures import Consent
from comodels.wire import Facts
from tests.client import reverts
from tests.unit.SelfAssessment.conftest import COST_WEIGHT, FULL, OTHER_X, REFUND_WAIT, X

DAY = 86_400
ZERO = "0x" + "00" * 20
ROWS = [(1, X), (1, OTHER_X)]


@pytest.mark.parametrize(
    ("seconds", "count", "root"),
    [
        (1, 1, 1),
        (100, 1, 10),
        (4 * DAY, 1, 587),  # one alone is priced as in a single call: 587² <= 345,600
        (100, 2, 7),  # as if 50 seconds apart: 7² <= 50
        (100, 4, 5),
        (100, 101, 1),  # less than a second apart
        (0, 2, 1),
        (DAY, 6, 120),  # 86,400 / 6 = 14,400 seconds
        (10 * DAY, 6, 120),  # a day counts at most
    ],
)
def test_batch_deposit__seconds_and_count__as_if_they_came_evenly(setting, seconds, count, root):
    price = setting.incentive.call("batch_deposit", setting.model, count, time=setting.time + seconds)

    assert price == COST_WEIGHT * 3_600 // root


def test_add_many__two_samples__events_records_and_change(setting, contributor):
    before = setting.balance(contributor)
    price = FULL // 7

    receipt = setting.incentive.send(
        "add_many",
        setting.model,
        3,
        pack_rows([*ROWS, ROWS[0]]),
        sender=contributor,
        value=3 * FULL,
        time=setting.time + 150,
    )

    added = [
        setting.incentive.event(
            "AddData",
            model=setting.model,
            contributor=contributor,
            sponsor=contributor,
            facts=Facts(label=y, time=setting.time + 150, deposit=price).pack(),
            x=x,
        )
        for y, x in ROWS
    ]
    skipped = setting.incentive.event(
        "Skipped",
        model=setting.model,
        contributor=contributor,
        caller=contributor,
        item=2,
        reason="self-assessment: the same contribution is not settled yet",
    )
    assert receipt.events == [*added, skipped]
    assert setting.balance(contributor) == before - 2 * price
    assert [setting.record(contributor, x)["claimable"] for _, x in ROWS] == [price, price]
    assert setting.incentive.call("statistics", setting.model) == (2, 0)
    assert setting.incentive.call("required_deposit", setting.model, time=setting.time + 151) == FULL


def test_add_many__a_wei_too_little_for_all__reverts(setting, contributor):
    price = FULL // 7
    arguments = setting.model, 2, pack_rows(ROWS)

    with reverts("self-assessment: deposits above the value sent"):
        setting.incentive.send("add_many", *arguments, sender=contributor, value=2 * price - 1, time=setting.time + 100)
    setting.incentive.send("add_many", *arguments, sender=contributor, value=2 * price, time=setting.time + 100)


def test_add_many__not_open__reverts(setting, contributor, stranger):
    with reverts("self-assessment: not open for this model"):
        setting.incentive.send("add_many", stranger, 0, b"", sender=contributor)


def test_batches__of_nothing__nothing(setting, contributor, stranger):
    before = setting.incentive.call("required_deposit", setting.model, time=setting.time + 500)

    for function in ("add_many", "add_signed"):
        receipt = setting.incentive.send(function, setting.model, 0, b"", sender=contributor, value=7)
        assert receipt.events == []
    for claim in ("refund", "forgive", "rest", "flag", "report", "take"):
        receipt = setting.incentive.send(f"{claim}_many", setting.model, ZERO, 0, b"", sender=contributor)
        assert receipt.events == []

    assert setting.balance(setting.incentive) == 0
    assert setting.incentive.call("required_deposit", setting.model, time=setting.time + 500) == before


def test_add_signed__by_a_wallet_and_cancelled__events_and_record(setting, client, project, owner, reporter):
    wallet = client.deploy(project.SigningWallet, owner)
    chain_id = int(setting.incentive.chain.rpc("eth_chainId"), 16)
    deadline = setting.time + 10_000
    what = chain_id, setting.incentive.address, setting.model.address, X, 1, 0, str(reporter), deadline
    wallet.send("approve", Consent(*what).digest(), sender=owner)
    item = Signed(wallet.address, X, 1, deadline, b"")

    receipt = setting.incentive.send(
        "add_signed", setting.model, 1, pack_signed([item]), sender=reporter, value=FULL, time=setting.time + 100
    )

    assert receipt.events == [
        setting.incentive.event(
            "AddData",
            model=setting.model,
            contributor=wallet,
            sponsor=reporter,
            facts=Facts(label=1, time=setting.time + 100, deposit=FULL // 10).pack(),
            x=X,
        )
    ]
    key = record_key(setting.model.address, wallet.address, str(reporter), X, 1)
    assert setting.incentive.call("record", key)[0] == FULL // 10
    assert setting.incentive.call("round_of", setting.model, wallet, reporter, keccak(X), 1) == 1
    receipt = setting.incentive.send("cancel", setting.model, reporter, keccak(X), 1, sender=owner)
    assert receipt.events == [
        setting.incentive.event(
            "Cancelled",
            model=setting.model,
            contributor=owner,
            sponsor=reporter,
            contribution=record_key(setting.model.address, str(owner), str(reporter), X, 1),
            round=0,
        )
    ]


def test_refund_many__several_payers__each_is_paid(setting, contributor, reporter, stranger):
    for i, account in enumerate((contributor, reporter)):
        setting.add(account, time=setting.time + 100 * (i + 1))
    before = [setting.balance(a) for a in (contributor, reporter)]
    items = [(str(a), X, 1) for a in (contributor, reporter, stranger)]

    receipt = setting.incentive.send(
        "refund_many",
        setting.model,
        ZERO,
        3,
        pack_claims(items),
        sender=stranger,
        time=setting.time + 200 + REFUND_WAIT,
    )

    refunds = [
        setting.incentive.event(
            "Refund", model=setting.model, contributor=a, contribution=setting.key(a), amount=FULL // 10
        )
        for a in (contributor, reporter)
    ]
    skipped = setting.incentive.event(
        "Skipped",
        model=setting.model,
        contributor=stranger,
        caller=stranger,
        item=2,
        reason="self-assessment: no such contribution, or settled already",
    )
    assert receipt.events == [*refunds, skipped]
    assert [setting.balance(a) for a in (contributor, reporter)] == [b + FULL // 10 for b in before]
    assert setting.balance(setting.incentive) == 0
