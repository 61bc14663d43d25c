"""What all scripts share: folders, the command class with its errors, accounts, networks.

Imports at the top are light, because `ape run` imports every script at each call.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
from ape.cli import ConnectedProviderCommand, account_option

from comodels import units
from comodels.chain.account import GWEI, Wallet
from comodels.chain.node import Node, NodeError
from comodels.chain.notes import Notes

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # even if it is there: Ape takes its own entry away again when it has read the script

OUT = ROOT / "out"
DEPLOYMENTS = ROOT / "deployments"

ETHER, TIME = "ETHER", "TIME"  # what help texts call the values of options; a time is written as 90s, 15m, 12h, 7d

START_CHAIN = """\
Start a local chain in another terminal with `.venv/bin/anvil` and name it: --network http://127.0.0.1:8545"""


SHORT_OF_ETHER = re.compile("funds|meets or exceeds account balance")
PURSE, DEBUG = "comodels.purse", "comodels.debug"  # what the context of a command keeps
WALLET, MAX_FEE = "comodels.wallet", "comodels.max_fee"


class ToldErrors(click.Command):
    """A command that tells errors in a sentence that says what to do.

    It ends with one about the money of the account that it sends from. The trace of an error is shown with ``--debug``.
    """

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        debug: dict[str, Any] = {"is_flag": True, "expose_value": False, "help": "Show the trace of an error."}
        self.params.append(click.Option(["--debug"], callback=_note_debug, **debug))

    def invoke(self, ctx: click.Context):
        try:
            result = super().invoke(ctx)
        except (click.exceptions.Exit, click.UsageError):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if ctx.meta.get(DEBUG) and not isinstance(error, click.Abort | KeyboardInterrupt):
                raise
            if isinstance(error, click.Abort | KeyboardInterrupt):
                explained = click.ClickException("Stopped: run this again, and it goes on.")
            elif isinstance(error, click.ClickException):
                explained = error
            else:
                explained = explain(error) or click.ClickException(
                    f"This is a fault of the program ({type(error).__name__}: {error}). Run it again with --debug, and "
                    "report what that shows."
                )
            if PURSE in ctx.meta:
                explained.message += f"\n{ctx.meta[PURSE].sentence()}"
            raise explained from error
        if PURSE in ctx.meta:
            click.echo(ctx.meta[PURSE].sentence())
        if WALLET in ctx.meta:
            sys.stdout.flush()
            ctx.meta[WALLET].notes.told()
        return result


def _note_debug(ctx, param, value) -> None:
    ctx.meta[DEBUG] = value


def _note_max_fee(ctx, param, value) -> None:
    ctx.meta[MAX_FEE] = None if value is None else int(value * GWEI)


class Purse:
    """What an account had when a command began."""

    def __init__(self, node: Node, address: str):
        self.node, self.address = node, address
        self.before = self._now()

    def _now(self) -> tuple[int, int]:
        """Wei, and the transactions that were sent and mined."""
        count = self.node.rpc("eth_getTransactionCount", self.address, "pending")
        return self.node.balance(self.address), int(count, 16)

    def sentence(self) -> str:
        """What has happened to the money since."""
        try:
            (balance, count), (had, sent) = self._now(), self.before
        except NodeError:
            return (
                f"What this changed for {self.address} is not known, because the chain does not answer: run it "
                "again, and it goes on."
            )
        if count == sent:
            return f"Nothing was sent from {self.address}, so nothing was paid."
        what = f"{count - sent} transaction{'s' if count > sent + 1 else ''} of {self.address}"
        if balance == had:
            return f"{what} left it with as much ether as before, gas included."
        how = "less" if balance < had else "more"
        return f"{what} left it with {units.ether(abs(balance - had), 9)} {how} than before, gas included."


class ScriptCommand(ToldErrors, ConnectedProviderCommand):
    """One that is connected to a chain when it runs."""


def explain(error: Exception) -> click.ClickException | None:
    """What a person is told about an error; None if it is a mistake of ours, of which the trace should be seen."""
    from ape import exceptions as ape_errors
    from requests.exceptions import ConnectionError as RequestsConnectionError
    from web3.exceptions import Web3Exception

    from comodels.chain.account import Refused
    from comodels.chain.node import NodeError, RpcError, Unreachable
    from comodels.errors import ComodelsError
    from comodels.revert import Revert
    from encoders import EncoderError

    if isinstance(error, click.ClickException | click.Abort | click.exceptions.Exit):
        return None
    text = str(error)
    if isinstance(error, ape_errors.ContractLogicError):
        return click.ClickException(f"The contract refuses this: {error.revert_message or text}")
    if isinstance(error, NodeError | ape_errors.ApeException) and SHORT_OF_ETHER.search(text):
        return click.ClickException(
            f"The account has too little ether: {text}. Send it some, or choose another --account."
        )
    if isinstance(error, Refused) or isinstance(error, RpcError) and error.reason is not None:
        return click.ClickException(f"The contract refuses this: {text}")
    if isinstance(error, ComodelsError | EncoderError | Revert | NodeError) and not isinstance(error, Unreachable):
        return click.ClickException(text)
    unreachable = (Unreachable, RequestsConnectionError, ape_errors.ProviderError, ConnectionError)
    if isinstance(error, unreachable) or type(error).__name__ in (
        "NodeSoftwareNotInstalledError",
        "GethNotInstalledError",
    ):
        return click.ClickException(f"The chain cannot be reached: {text.splitlines()[0]}\n{START_CHAIN}")
    if isinstance(error, ape_errors.ApeException):
        return click.ClickException(text)
    if isinstance(error, Web3Exception):  # what Ape asks itself, without trying again
        return click.ClickException(f"The node does not answer as it should: {text}. Run this again: it goes on.")
    return None


def account_choice(function):
    """The option --account; on a local chain it may be left out, and is then the first of the test accounts.

    With it comes --max-fee, which `choose_account` heeds.
    """
    function = account_option(prompt=False)(function)
    function.__click_params__[-1].help = "Who sends, as in `ape accounts list`. [default: on a local chain TEST::0]"
    return click.option(
        "--max-fee",
        type=click.FloatRange(0),
        metavar="GWEI",
        callback=_note_max_fee,
        expose_value=False,
        help="The most to pay for a unit of gas. [default: what the chain asks]",
    )(function)


def choose_account(account, unattended: bool = False, deployments: Path | None = None) -> Wallet:
    """The account that was chosen, or the first test account on a local chain, as the library sends from it.

    What it signs is noted beside the deployments file. It signs without being asked where its passphrase is in the
    variable APE_ACCOUNTS_ALIAS_PASSPHRASE; `unattended`, for commands that go on for long, as soon as that was typed.
    """
    from ape import accounts, chain

    node = node_of(chain.provider)
    if account is None:
        if not node.is_local:
            raise click.ClickException(
                "Choose who sends: --account ALIAS. `ape accounts list` shows yours, `ape accounts generate ALIAS` "
                "makes one."
            )
        account = accounts.test_accounts[0]
    alias = getattr(account, "alias", None)
    if hasattr(account, "set_autosign") and (unattended or f"APE_ACCOUNTS_{alias}_PASSPHRASE" in os.environ):
        account.set_autosign(True)
    context = click.get_current_context(silent=True)
    meta, chosen = (context.meta, context.params) if context is not None else ({}, {})
    notes = Notes.of(node, account.address, deployments or chosen.get("deployments", DEPLOYMENTS))
    wallet = Wallet(ApeSigner(account), notes, meta.get(MAX_FEE), say=click.echo)
    meta |= {PURSE: Purse(node, account.address), WALLET: wallet}
    return wallet


def deployments_option(function):
    """The option --deployments."""
    return click.option(
        "--deployments",
        type=click.Path(file_okay=False, path_type=Path),
        default=DEPLOYMENTS,
        help="Folder of the files that say what is deployed where.",
        show_default="deployments",
    )(function)


encoder_option = click.option(
    "--encoder", type=click.Path(dir_okay=False, path_type=Path), help="File of the model's encoder."
)
folder_option = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder. [default: out/export-MODEL]"
)
trusted_option = click.option("--trusted", help="A file of samples whose labels are right; a hundred help much.")


def node_of(provider) -> Node:
    """The node that Ape is connected to, as the library speaks with it."""
    uri = str(getattr(provider, "uri", "") or "")
    if not uri.startswith(("http://", "https://")):
        raise click.ClickException("A node is needed that is reached by HTTP: --network http://127.0.0.1:8545")
    return Node(uri)


def refuse_passing_chain(provider) -> None:
    """Refuse a chain that this command started and that would end with it, and all that is published on it."""
    if provider.name == "test" or getattr(provider, "process", None) is not None:
        raise click.ClickException(f"This chain would end with this command, so nothing was sent. {START_CHAIN}")


def parse_names(text: str | None) -> tuple[str, ...] | None:
    """Names of classes, separated by commas; None where none are given."""
    return tuple(part.strip() for part in text.split(",")) if text else None


def chosen_models(node: Node, names: Sequence[str], deployments: Path) -> list[Any]:
    """The published models with these names or addresses; without any, all in the deployments file."""
    from comodels.journal import Journal
    from comodels.published import find

    names = names or [k for k, noted in Journal.open(node, deployments).models.items() if "published" in noted]
    if not names:
        raise click.ClickException("There is no model in the deployments file: name one by its address.")
    return [find(node, name, deployments) for name in names]


def address_given(text: str) -> str:
    """An address that somebody typed; 0 is nobody's."""
    from eth_utils import is_address, to_checksum_address

    if text == "0":
        return "0x" + "00" * 20
    if not is_address(text):
        raise click.ClickException(f"{text} is not an address.")
    return to_checksum_address(text)


class ApeSigner:
    """An account of Ape's, as the library sends from it."""

    def __init__(self, account):
        self.account = account
        self.address = account.address

    def sign_transaction(self, fields: dict[str, Any]) -> SimpleNamespace:
        """A signed transaction. Raises `click.Abort` if the person who was asked declines."""
        from ape import chain

        numbers = {k: v if k in ("to", "data") else int(v, 16) for k, v in fields.items()} | {"from": self.address}
        kind = numbers.pop("type", 0)
        transaction = chain.provider.network.ecosystem.create_transaction(type=kind, **numbers)
        signed = self.account.sign_transaction(transaction)
        if signed is None:
            raise click.Abort
        return SimpleNamespace(raw_transaction=bytes(signed.serialize_transaction()))


def parse_ether(ctx, param, value) -> int | None:
    """A click callback: ether as a decimal number, to wei."""
    return parsed(units.parse_ether, value)


def parse_duration(ctx, param, value) -> int | None:
    """A click callback: 90s, 15m, 12h, 7d or a number of seconds, to seconds."""
    return parsed(units.parse_duration, value)


def parsed(parse, value) -> int | None:
    """What a function reads in the text of an option, whose `ValueError` is told as one of the option."""
    if value is None:
        return None
    try:
        return parse(str(value))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def tell_next(model: Any) -> None:
    """Say, beside what a command prints, that another model goes on where this one ends, if its owner has named one."""
    if model.next is not None:
        click.echo(f"The owner of {model.name} says that {model.next} goes on where it ends.", err=True)
