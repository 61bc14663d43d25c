"""Sending so that each transaction is mined once, on a chain whose node loses, forgets and refuses."""

import pytest
from eth_account import Account

from comodels.chain.account import MAX_TRANSACTION_SIZE, Refused, transact
from comodels.chain.node import Node, RpcError, Unreachable
from tests.anvil import wait_for

WEI = 1_000


@pytest.fixture
def account(contributor):
    return Account.from_key(contributor.private_key)


@pytest.fixture
def node(rpc):
    return Node(rpc.url)


def test_transact__signed_or_by_the_node__mined_once(node, account, stranger):
    for sender in (account, account.address):
        before = node.balance(stranger.address)
        receipt = transact(node, sender, stranger.address, b"", value=WEI)
        assert receipt["from"] == account.address.lower()
        assert node.balance(stranger.address) == before + WEI


@pytest.mark.parametrize("arrives", [True, False])
def test_transact__answer_is_lost__mined_once(node, account, stranger, monkeypatch, arrives):
    send, sent = node.send_raw, []

    def lossy(signed):
        sent.append(signed)
        if len(sent) > 1 or arrives:
            send(signed)
        if len(sent) == 1:
            raise Unreachable("no answer")

    monkeypatch.setattr(node, "send_raw", lossy)
    before = node.balance(stranger.address)
    transact(node, account, stranger.address, b"", value=WEI)
    assert node.balance(stranger.address) == before + WEI
    assert len(sent) == (1 if arrives else 2)
    assert len(set(sent)) == 1


def test_transact__contract_refuses__reason_before_anything_is_sent(node, account):
    revert = bytes.fromhex("600080fd")  # creation code that reverts
    before = node.rpc("eth_getTransactionCount", account.address, "latest")
    with pytest.raises(Refused, match="revert"):
        transact(node, account, None, revert)
    assert node.rpc("eth_getTransactionCount", account.address, "latest") == before


def test_transact__larger_than_nodes_pass_on__refused_before_it_is_sent(node, account, stranger):
    # beside its data it has some 120 bytes, which a local chain does not mind
    transact(node, account, stranger.address, bytes(MAX_TRANSACTION_SIZE - 150))
    before = node.rpc("eth_getTransactionCount", account.address, "latest")
    with pytest.raises(Refused, match=r"it has 131,\d{3} bytes, and nodes pass on 131,072 at most"):
        transact(node, account, stranger.address, bytes(MAX_TRANSACTION_SIZE - 50))
    assert node.rpc("eth_getTransactionCount", account.address, "latest") == before


def test_transact__nonce_was_used__refused_and_not_sent_with_another(node, account, stranger):
    transact(node, account, stranger.address, b"", value=WEI)
    used = int(node.rpc("eth_getTransactionCount", account.address, "latest"), 16) - 1
    before = node.balance(stranger.address)
    with pytest.raises(RpcError, match="nonce too low"):
        transact(node, account, stranger.address, b"", value=2 * WEI, nonce=used)
    assert node.balance(stranger.address) == before


def test_send_raw__twice__no_error(node, account, stranger):
    fields = {"to": stranger.address, "value": WEI, "gas": 21_000, "gasPrice": 0, "chainId": node.chain_id}
    nonce = int(node.rpc("eth_getTransactionCount", account.address, "latest"), 16)
    signed = bytes(account.sign_transaction(fields | {"nonce": nonce}).raw_transaction)
    before = node.balance(stranger.address)
    name = node.send_raw(signed)
    assert node.send_raw(signed) == name
    wait_for(lambda: node.rpc("eth_getTransactionReceipt", name) is not None)
    assert node.balance(stranger.address) == before + WEI
