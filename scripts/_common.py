"""What all scripts share: folders, the command class with its errors, accounts, networks.

Imports at the top are light, because `ape run` imports every script at each call.
"""

import sys
from pathlib import Path

import click
from ape.cli import ConnectedProviderCommand, account_option

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # even if it is there: Ape takes its own entry away again when it has read the script

OUT = ROOT / "out"
DEPLOYMENTS = ROOT / "deployments"
LOCAL_CHAINS = (1337, 31337)  # chain ids that Ape and anvil give to local chains

ETHER = 10**18

START_CHAIN = """\
Start a local chain in another terminal with `.venv/bin/anvil` and name it: --network http://127.0.0.1:8545"""


class ScriptCommand(ConnectedProviderCommand):
    """A command that is connected to a chain when it runs, and tells errors in a sentence that says what to do."""

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            raise explained from error


def explain(error: Exception) -> click.ClickException | None:
    """What a person is told about an error; None if it is a mistake of ours, of which the trace should be seen."""
    from ape import exceptions as ape_errors
    from requests.exceptions import ConnectionError as RequestsConnectionError

    from encoders import EncoderError
    from simulation.chain import RpcError
    from simulation.revert import Revert

    if isinstance(error, click.ClickException | click.Abort | click.exceptions.Exit):
        return None
    text = str(error)
    if isinstance(error, ape_errors.ContractLogicError):
        return click.ClickException(f"The contract refuses this: {error.revert_message or text}")
    if isinstance(error, EncoderError | Revert | RpcError):
        return click.ClickException(text)
    if "funds" in text or "meets or exceeds account balance" in text:
        return click.ClickException(
            f"The account has too little ether: {text}. Send it some, or choose another --account."
        )
    unreachable = (RequestsConnectionError, ape_errors.ProviderError, ConnectionError)
    if isinstance(error, unreachable) or type(error).__name__ in (
        "NodeSoftwareNotInstalledError",
        "GethNotInstalledError",
    ):
        return click.ClickException(f"The chain cannot be reached: {text.splitlines()[0]}\n{START_CHAIN}")
    if isinstance(error, ape_errors.ApeException):
        return click.ClickException(text)
    return None


def account_choice(function):
    """The option --account; on a local chain it may be left out, and is then the first of the test accounts."""
    return account_option(prompt=False)(function)


def choose_account(account):
    """The account that was chosen, or the first test account on a local chain."""
    from ape import accounts, chain

    if account is not None:
        return account
    if real_chain_id(chain.provider) in LOCAL_CHAINS:
        return accounts.test_accounts[0]
    raise click.ClickException(
        "Choose who sends: --account ALIAS. `ape accounts list` shows yours, `ape accounts generate ALIAS` makes one."
    )


def deployments_option(function):
    """The option --deployments."""
    return click.option(
        "--deployments",
        type=click.Path(file_okay=False, path_type=Path),
        default=DEPLOYMENTS,
        help="Folder of the files that say what is deployed where.",
        show_default="deployments",
    )(function)


def real_chain_id(provider) -> int:
    """The chain id as the node says it: Ape takes 1337 for every local chain that it did not start."""
    return int(provider.make_request("eth_chainId", []), 16)


def ether(wei: int, digits: int = 6) -> str:
    """An amount for people, e.g. ``+0.001200 ether``."""
    return f"{wei / ETHER:.{digits}f} ether"


def parse_ether(ctx, param, value) -> int | None:
    """A click callback: ether as a decimal number, to wei."""
    from decimal import Decimal, InvalidOperation

    if value is None:
        return None
    try:
        wei = Decimal(str(value)) * ETHER
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is not an amount of ether such as 0.001") from None
    if wei < 0 or wei != wei.to_integral_value():
        raise click.BadParameter(f"{value!r} is not an amount of ether that wei can express")
    return int(wei)


def parse_duration(ctx, param, value) -> int | None:
    """A click callback: 90s, 15m, 12h, 7d or a number of seconds, to seconds."""
    if value is None:
        return None
    text = str(value).strip()
    unit = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}.get(text[-1:], 0)
    digits = text[:-1] if unit else text
    if not digits.isdecimal():
        raise click.BadParameter(f"{value!r} is not a duration such as 90s, 15m, 12h or 7d")
    return int(digits) * (unit or 1)


def abi_of(container) -> list[dict]:
    """The JSON ABI of one of the project's contracts, e.g. ``abi_of(project.SelfAssessment)``."""
    return [item.model_dump(mode="json", by_alias=True, exclude_none=True) for item in container.contract_type.abi]
