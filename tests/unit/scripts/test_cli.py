"""What all commands share: errors in a sentence, traces only with --debug, and what happened to the money."""

import re

import click
import pytest
from click.testing import CliRunner
from web3.exceptions import Web3RPCError

from comodels import cli as common
from comodels.chain.node import Unreachable
from comodels.cli import Purse, choose_account
from comodels.publish import publish


@pytest.fixture
def run(chain):
    """Run a function as a command of the project's on the chain of the tests; its exit code and its output."""

    def run(function, *arguments):
        command = click.command(cls=common.ScriptCommand)(common.account_choice(function))
        result = CliRunner().invoke(command, [*arguments, "--network", chain.provider.uri])
        assert result.exception is None or isinstance(result.exception, SystemExit | ZeroDivisionError)
        return result

    return run


@pytest.fixture
def dear_gas(rpc):
    """Gas at a price, as on other chains; free again afterwards."""
    rpc.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    rpc.rpc("evm_mine")
    yield
    rpc.rpc("anvil_setNextBlockBaseFeePerGas", "0x0")
    rpc.rpc("evm_mine")


def fault(provider, account):
    """A command with a mistake in it."""
    return 1 // 0


def test_command__fault_of_the_program__is_a_sentence_without_a_trace(run):
    result = run(fault)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "Run it again with --debug" in result.output
    assert "ZeroDivisionError" in result.output
    assert "Traceback" not in result.output


def test_command__fault_with_debug__is_raised_with_its_trace(run):
    assert isinstance(run(fault, "--debug").exception, ZeroDivisionError)


def test_command__node_refuses_what_ape_asks__is_no_fault_of_the_program(run):
    def refused(provider, account):
        raise Web3RPCError("{'code': -32005, 'message': 'rate limit exceeded'}")

    output = run(refused).output
    assert "The node does not answer as it should" in output
    assert "rate limit exceeded" in output
    assert "fault of the program" not in output


def test_command__stopped__says_that_it_goes_on(run):
    def stopped(provider, account):
        raise KeyboardInterrupt

    result = run(stopped)
    assert result.exit_code == 1
    assert "Stopped: run this again" in result.output


def test_command__sends_nothing__says_that_nothing_was_paid(run, owner):
    def idle(provider, account):
        choose_account(account)

    assert f"Nothing was sent from {owner.address}, so nothing was paid." in run(idle).output


@pytest.mark.parametrize("fails", [False, True])
def test_command__sends__says_by_how_much_the_account_is_poorer(run, rpc, owner, saved, options, dear_gas, fails):
    def publishes(provider, account):
        publish(rpc, choose_account(account), saved, options, lambda text: None)
        if fails:
            raise click.ClickException("and then it failed")

    before = rpc.balance(owner.address)
    output = run(publishes).output.strip()
    assert output.startswith("Error: and then it failed\n") == fails
    less = before - rpc.balance(owner.address)
    told = re.search(rf"\d transactions? of {owner.address} left it with ([0-9.]+) ether less than before", output)
    assert less > 0
    assert float(told[1]) == pytest.approx(less / 10**18, abs=1e-9)
    assert output.endswith(".")


def test_purse__account_that_got_something__says_more(rpc, owner, stranger):
    purse = Purse(rpc, stranger.address)
    rpc.rpc("anvil_setBalance", stranger.address, hex(rpc.balance(stranger.address) + 2 * 10**18))
    rpc.rpc("anvil_setNonce", stranger.address, hex(purse.before[1] + 1))
    assert purse.sentence() == (
        f"1 transaction of {stranger.address} left it with 2.000000000 ether more than before, gas included."
    )


def test_purse__node_is_gone__says_that_it_is_not_known(rpc, owner, monkeypatch):
    purse = Purse(rpc, owner.address)

    def gone(*arguments):
        raise Unreachable("no chain answers")

    monkeypatch.setattr(rpc, "rpc", gone)
    assert "is not known, because the chain does not answer" in purse.sentence()
