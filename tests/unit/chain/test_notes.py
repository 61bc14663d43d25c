"""What was signed is noted before it is sent, and never sent beside another: crashes, repeats, waiting, higher fees."""

import os
import signal

import pytest
from eth_account import Account

from comodels.chain import account as module
from comodels.chain.account import GasPrice, Overtaken, TooDear, Wallet, dearer, gas_price, transact
from comodels.chain.local import local_chain
from comodels.chain.node import Node, RpcError, Unreachable
from comodels.chain.notes import Notes

WEI = 1_000
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # anvil's first
STRANGER = "0x" + "5e" * 20


class Crash(BaseException):
    """Ends a run as a kill does: nothing catches it."""


@pytest.fixture(scope="module")
def chain():
    """A chain that asks for gas, and is not local by its id."""
    with local_chain("--chain-id", "4242", "--base-fee", "1000000000") as chain:
        yield chain


@pytest.fixture
def node(chain, monkeypatch):
    monkeypatch.setattr(module, "CONFIRMATIONS", 0)
    monkeypatch.setattr(module, "LAG", 0.3)
    chain.rpc("evm_setAutomine", True)
    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))  # it has fallen with every block
    chain.rpc("evm_mine")
    return Node(chain.url)


@pytest.fixture
def wallet(node, tmp_path):
    """Make the account anew, as the next run of a command does."""
    said = []

    def make(node=node, **options):
        account = Account.from_key(KEY)
        made = Wallet(account, Notes.of(node, account.address, tmp_path), say=said.append, **options)
        made.said = said
        return made

    return make


@pytest.fixture
def crash(node, monkeypatch):
    """Let the next send end the run, before the node has it or after."""

    def at(arrives):
        send = Node.send_raw
        with_context = monkeypatch.context()
        patched = with_context.__enter__()

        def fail(self, signed):
            with_context.__exit__(None, None, None)
            if arrives:
                send(self, signed)
            raise Crash

        patched.setattr(Node, "send_raw", fail)

    return at


@pytest.fixture
def refuse_once(monkeypatch):
    """Let the node refuse the next transaction with a message; what it refused is in the list that is given."""

    def make(message):
        send, refused = Node.send_raw, []

        def refuse_first(self, signed):
            if not refused:
                refused.append(signed)
                raise RpcError(message)
            return send(self, signed)

        monkeypatch.setattr(Node, "send_raw", refuse_first)
        return refused

    return make


def pay(node, wallet, value=WEI):
    return transact(node, wallet, STRANGER, b"", value=value)


@pytest.mark.parametrize("arrives", [False, True], ids=["before it is sent", "after it was sent"])
def test_transact__run_ends_and_is_repeated__one_transaction(node, wallet, crash, arrives):
    before = node.balance(STRANGER)
    crash(arrives)
    with pytest.raises(Crash):
        pay(node, wallet())
    assert node.balance(STRANGER) == before + WEI * arrives

    again = wallet()
    receipt = pay(node, again)

    assert node.balance(STRANGER) == before + WEI
    assert again.said == [f"An earlier run has sent this, as {receipt['transactionHash']}: it is not sent again."]


def test_transact__asked_again_after_it_was_told__sent_again(node, wallet):
    before = node.balance(STRANGER)
    first = wallet()
    pay(node, first)
    first.notes.told()
    assert first.notes.path.read_bytes() == b""

    pay(node, wallet())

    assert node.balance(STRANGER) == before + 2 * WEI


def test_transact__asked_twice_by_one_run__two_transactions(node, wallet):
    before = node.balance(STRANGER)
    ours = wallet()
    assert pay(node, ours)["transactionHash"] != pay(node, ours)["transactionHash"]
    assert node.balance(STRANGER) == before + 2 * WEI


def test_transact__another_request_after_a_crash__the_first_is_not_sent(node, wallet, crash):
    before = node.balance(STRANGER)
    crash(False)
    with pytest.raises(Crash):
        pay(node, wallet(), 7 * WEI)
    pay(node, wallet(), WEI)
    assert node.balance(STRANGER) == before + WEI
    # what had the same nonce can never be mined any more: asked for again, it is signed again
    pay(node, wallet(), 7 * WEI)
    assert node.balance(STRANGER) == before + 8 * WEI


def test_transact__answer_lost_and_asked_again_by_the_same_run__one_transaction(node, wallet, monkeypatch):
    ours, before = wallet(), node.balance(STRANGER)
    with monkeypatch.context() as patched:
        patched.setattr(module.Sending, "wait", lambda *_: (_ for _ in ()).throw(Unreachable("gone")))
        with pytest.raises(Unreachable):
            pay(node, ours)
    pay(node, ours)
    assert node.balance(STRANGER) == before + WEI


@pytest.mark.parametrize("asked", ["eth_getTransactionReceipt", "eth_getTransactionByHash", "eth_blockNumber"])
def test_transact__node_answers_errors_about_what_was_mined__not_taken_for_a_refusal(
    node, wallet, crash, monkeypatch, asked
):
    """It would be sent a second time, with another nonce."""
    before = node.balance(STRANGER)
    crash(True)
    with pytest.raises(Crash):
        pay(node, wallet())
    many = Node.many

    def confused(self, calls):
        error = RpcError("internal error", code=-32603)
        return [error if method == asked else r for (method, _), r in zip(calls, many(self, calls), strict=True)]

    with monkeypatch.context() as patched:
        patched.setattr(Node, "many", confused)
        for _ in range(2):
            with pytest.raises(Unreachable, match="is not known"):
                pay(node, wallet())
    pay(node, wallet())
    assert node.balance(STRANGER) == before + WEI


def test_transact__node_refuses_it_and_does_not_tell_whether_it_has_it__waited_for(node, wallet, monkeypatch):
    before, many, sent = node.balance(STRANGER), Node.many, []

    def confused(self, calls):
        results = many(self, calls)
        if calls[0][0] == "eth_sendRawTransaction":
            sent.append(calls)
            return [RpcError("internal error")]
        return [RpcError("internal error")] if len(calls) == 1 and "ByHash" in calls[0][0] else results

    monkeypatch.setattr(Node, "many", confused)
    pay(node, wallet())
    assert node.balance(STRANGER) == before + WEI
    assert len(sent) == 1


def test_notes__line_cut_off_by_a_crash__left_out_and_overwritten(node, wallet):
    first = wallet()
    pay(node, first)
    with first.notes.path.open("ab") as file:
        file.write(b'{"hash": "0x12')
    assert len(wallet().notes.between(0, 2**64)) == 1
    pay(node, wallet())
    assert all(line.endswith(b"}") for line in first.notes.path.read_bytes().split(b"\n")[:-1])


def test_notes__two_processes_sign_at_once__two_nonces(node, wallet):
    before = node.balance(STRANGER)
    child = os.fork()
    if not child:
        try:
            own = Node(node.url)
            for value in range(1, 6):
                pay(own, wallet(own), value)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    for value in range(6, 11):
        pay(node, wallet(), value)
    os.waitpid(child, 0)
    assert node.balance(STRANGER) == before + sum(range(1, 11))


def test_notes__only_the_owner_of_the_file_can_read_it(node, wallet):
    ours = wallet()
    pay(node, ours)
    assert ours.notes.path.stat().st_mode & 0o077 == 0


def test_wait__undone_by_a_reorganisation__mined_again(node, chain, wallet, monkeypatch):
    monkeypatch.setattr(module, "CONFIRMATIONS", 2)
    ours, before = wallet(), node.balance(STRANGER)
    look, undone = module.Sending._look, []

    def undo(sending):
        found = look(sending)
        if undone:
            chain.rpc("anvil_mine", "0x1")
        elif found[0] is not None:  # it is mined
            undone.append(found[0])
            chain.rpc("anvil_reorg", 1, [])
            assert node.balance(STRANGER) == before
        return found

    monkeypatch.setattr(module.Sending, "_look", undo)
    pay(node, ours)
    assert undone
    assert node.balance(STRANGER) == before + WEI


def test_wait__what_came_before_it_is_undone__both_mined_again(node, chain, wallet, monkeypatch):
    ours, before = wallet(), node.balance(STRANGER)
    pay(node, ours)
    sign = module.Sending.sign

    def undo(sending, file):
        identity = sign(sending, file)
        chain.rpc("anvil_reorg", 1, [])
        assert node.balance(STRANGER) == before
        return identity

    monkeypatch.setattr(module.Sending, "sign", undo)
    pay(node, ours, 2 * WEI)
    assert node.balance(STRANGER) == before + 3 * WEI


def test_wait__another_program_takes_the_nonce__told(node, chain, wallet, crash):
    crash(False)
    with pytest.raises(Crash):
        pay(node, wallet())
    other = Wallet(Account.from_key(KEY))
    pay(node, other, 2 * WEI)
    ours = wallet()
    (note,) = ours.notes.between(0, 2**64)
    sending = module.Sending(node, ours, note.fields, note.asked, {note.hash: bytes.fromhex(note.raw)})
    with pytest.raises(Overtaken, match="took the place of"):
        sending.wait()


# ---- what gas costs --------------------------------------------------------------------------------------------------


def test_gas_price__of_the_next_block(node, chain):
    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(5 * 10**9))
    chain.rpc("anvil_mine", "0x1")
    price = gas_price(node)
    chain.rpc("anvil_mine", "0x1")
    latest = int(node.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
    assert price.base == latest < 5 * 10**9


def test_transact__gas_dearer_than_the_most__nothing_is_sent(node, wallet):
    sent = node.rpc("eth_getTransactionCount", Account.from_key(KEY).address, "pending")
    with pytest.raises(TooDear, match="--max-fee"):
        pay(node, wallet(max_fee=1_000))
    assert node.rpc("eth_getTransactionCount", Account.from_key(KEY).address, "pending") == sent


def rise(node, chain):
    """Let the base fee rise above what was offered, and look on until the offer is another."""
    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(20 * gas_price(node).total))
    chain.rpc("evm_mine")


@pytest.mark.parametrize("restarted", [False, True])
def test_wait__too_cheap_for_long__replaced_at_a_higher_fee(node, chain, wallet, monkeypatch, restarted):
    before = node.balance(STRANGER)
    chain.rpc("evm_setAutomine", False)
    ours = wallet(patience=0.2)
    push, risen = module.Sending._push, []

    def watched(sending, mined, known):
        if not risen:
            risen.append(rise(node, chain))
            assert node.balance(STRANGER) == before  # left behind
            if restarted:
                raise Crash
        push(sending, mined, known)
        if len(sending.signed) > 1:
            chain.rpc("evm_mine")

    monkeypatch.setattr(module.Sending, "_push", watched)
    if restarted:
        with pytest.raises(Crash):
            pay(node, ours)
        ours = wallet(patience=0.2)
    pay(node, ours)

    assert node.balance(STRANGER) == before + WEI
    assert any("replaced by" in line for line in ours.said)


def test_wait__too_cheap_but_no_more_may_be_paid__waits_and_is_mined_later(node, chain, wallet, monkeypatch):
    before = node.balance(STRANGER)
    chain.rpc("evm_setAutomine", False)
    ours = wallet(patience=0.1, max_fee=gas_price(node).offer()["maxFeePerGas"])  # nothing dearer than the first
    risen = []
    push = module.Sending._push

    def watched(sending, mined, known):
        if not risen:
            risen.append(rise(node, chain))
        push(sending, mined, known)
        if ours.said:
            assert len(sending.signed) == 1
            chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**8))
            chain.rpc("evm_mine")

    monkeypatch.setattr(module.Sending, "_push", watched)
    pay(node, ours)
    assert "more than --max-fee allows" in ours.said[0]
    assert node.balance(STRANGER) == before + WEI


@pytest.mark.parametrize("most", [None, 300, 150])
def test_dearer__a_tenth_more_at_least__and_not_above_the_most(most):
    fields = {"maxPriorityFeePerGas": 8, "maxFeePerGas": 100}
    new = dearer(fields, GasPrice(200, 1), most)
    assert all(new[name] * 10 >= value * 11 for name, value in fields.items())
    assert new["maxFeePerGas"] == min(most or 410, 410)


def test_dearer__the_most_is_reached__none():
    assert dearer({"gasPrice": 100}, GasPrice(0, 500, dynamic=False), 110) is None


def test_transact__node_refuses_what_was_noted__signed_anew_with_the_same_nonce(
    node, wallet, crash, refuse_once, monkeypatch
):
    before = node.balance(STRANGER)
    crash(False)
    with pytest.raises(Crash):
        pay(node, wallet())
    refused = refuse_once("insufficient funds for gas * price + value")
    ours = wallet()
    monkeypatch.setattr(module.Sending, "replace", lambda *_: pytest.fail("a higher fee does not help"))
    pay(node, ours)
    assert refused
    assert node.balance(STRANGER) == before + WEI


def test_transact__noted_and_its_nonce_used_for_a_moment__not_signed_anew(
    node, wallet, crash, refuse_once, monkeypatch
):
    """Blocks are undone and mined again between two questions: what took the nonce may be the very transaction."""
    before = node.balance(STRANGER)
    crash(False)
    with pytest.raises(Crash):
        pay(node, wallet())
    refused = refuse_once("nonce too low: next nonce 3, tx nonce 2")
    monkeypatch.setattr(module.Sending, "sign", lambda *_: pytest.fail("it is signed already"))
    pay(node, wallet())
    assert refused
    assert node.balance(STRANGER) == before + WEI
