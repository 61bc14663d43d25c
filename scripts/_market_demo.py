"""A whole prediction market on real data, on a local chain: `ape run market demo`, `make market`."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from eth_utils import to_checksum_address

from scripts import _common, _incentives, _models
from scripts._market import MarketDriver, StepRefused, TooMuchGas

PORTIONS, DRAWN, ROWS = 10, 3, 20
STAKE = 10**16  # wei


@dataclass(frozen=True)
class Contributor:
    """Who takes part: a part `wrong` of the labels is another class than the true one."""

    name: str
    account: str
    wrong: float


@dataclass(frozen=True)
class Parts:
    """An encoded data set, divided: what the model has learnt, what contributors have, and the test set."""

    saved: _models.SavedModel
    rest: list[tuple[bytes, int]]
    hidden: list[tuple[bytes, int]]


def prepare(source: str, seed: int, features: int = 1_000) -> Parts:
    """Numbers become a nearest centroid model, texts a perceptron; each knows little at first."""
    import numpy as np

    import encoders

    data = encoders.read_data(source)
    texts = isinstance(data.samples, list)
    order = np.random.default_rng(seed).permutation(len(data.labels))[:4_000]
    samples = [data.samples[i] for i in order] if texts else data.samples[order]
    labels = data.labels[order]
    n_hidden = PORTIONS * ROWS
    n_first = min(100 if texts else len(data.class_names), len(order) // 5)
    fitted = samples[n_hidden : n_hidden + 1_000]  # without their labels
    encoder = _models.fit_encoder(data._replace(samples=fitted, labels=labels[: len(fitted)]), features)
    positions, encoded = encoder.encode_valid(samples)
    rows = [(x, int(y)) for x, y in zip(encoded, labels[positions], strict=True)]
    hidden, first, rest = rows[:n_hidden], rows[n_hidden : n_hidden + n_first], rows[n_hidden + n_first :]
    if len(hidden) < n_hidden or not rest:
        raise click.ClickException(f"{source} has too few samples: {n_hidden + n_first + 1} are needed.")
    family = "perceptron" if texts else "nearest-centroid"
    twin = _models.new_twin(encoder, family=family, classes=len(data.class_names))
    for x, y in first:
        twin.update(x, y)
    saved = _models.SavedModel(
        kind=twin.KIND,
        name=Path(source).stem,
        description="The model of the market's demo",
        class_names=tuple(data.class_names),
        parameters=twin.parameters.pack(),
        words=twin.words(),
        encoder=encoder,
    )
    return Parts(saved, rest, hidden)


# Runs a command until the pipe at its standard input is closed, as it is when whoever made it ends, even by SIGKILL.
WHILE_WE_LIVE = '"$@" < /dev/null & cat > /dev/null; kill 0'


@contextmanager
def local_chain():
    """An anvil of our own: the one that Ape starts records every step of every transaction, which is slow."""
    with local_node() as (chain, _):
        yield chain


@contextmanager
def local_node(*options: str, port: int | None = None):
    """An anvil and the process group that it runs in. It ends with the context, and at the latest with this process."""
    from simulation.chain import Chain, RpcError

    binary = shutil.which("anvil")
    if binary is None:
        raise click.ClickException("anvil is not installed: run `make setup`.")
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    command = [binary, "--port", str(port), "--silent", "--base-fee", "0", "--gas-price", "0", "--balance", "1000000"]
    command += ["--max-persisted-states", "0"]  # it would write old states to disk, gigabytes in a test run
    process = subprocess.Popen(
        ["sh", "-c", WHILE_WE_LIVE, "sh", *command, *options],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    try:
        chain = Chain(f"http://127.0.0.1:{port}")
        for _ in range(600):
            try:
                chain.rpc("eth_chainId")
                break
            except RpcError:
                time.sleep(0.1)
        else:
            raise click.ClickException("anvil did not start within a minute: run this again.")
        yield chain, process.pid
    finally:
        end_group(process)


def end_group(process: subprocess.Popen) -> None:
    """End a process and all that it started, and wait until they are gone."""
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(100):
            try:
                os.killpg(process.pid, wanted)
            except ProcessLookupError:
                return
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            time.sleep(0.05)


class LocalDriver(MarketDriver):
    """Sends from an unlocked account of a local chain, by the node's own signature; `account` is its address."""

    def send(self, what: str, function: str, *arguments, value: int = 0):
        transaction = self.batched.transaction(function, *arguments, sender=self.account, value=value)
        (receipt,) = self.node.send([transaction])
        if receipt["status"] != "0x1":
            reason = self.node.why(transaction)
            raise (StepRefused if reason else TooMuchGas)(f"{what}: {reason or 'out of gas'}")
        if not what.startswith(("check", "score", "settle", "withdraw")):  # anybody's steps
            self.secret.note(self.path, what, receipt["transactionHash"])
        return receipt


def deploy(chain, sender: str, container):
    """A contract of the project without constructor arguments."""
    from simulation.chain import ContractAt, Transaction

    code = container.contract_type.deployment_bytecode.bytecode
    (receipt,) = chain.send([Transaction(sender, None, bytes.fromhex(code.removeprefix("0x")))])
    if receipt["status"] != "0x1":
        raise StepRefused(f"{container.contract_type.name} could not be deployed")
    return ContractAt(chain, to_checksum_address(receipt["contractAddress"]), _common.abi_of(container))


def create_model(chain, sender: str, saved: _models.SavedModel, trainer: str, terms: bytes) -> str:
    """The address of a new model."""
    from ape import project

    implementation = deploy(chain, sender, getattr(project, saved.kind))
    arguments = sender, trainer, terms, saved.parameters, saved.card, saved.words, True, bytes(32)
    address = implementation.call("create", *arguments, sender=sender)
    (receipt,) = chain.send([implementation.transaction("create", *arguments, sender=sender)])
    if receipt["status"] != "0x1":
        raise StepRefused("the model could not be created")
    return to_checksum_address(address)


def play(source: str, contributions: int, seed: int, out: Path) -> None:
    """Play it, print what each contributor got, and save the plot."""
    import numpy as np
    from ape import project
    from rich.console import Console

    from scripts import market
    from simulation.prediction_market import PARTICIPATING

    click.echo(f"Reading {source} ...")
    parts = prepare(source, seed)
    with local_chain() as chain, tempfile.TemporaryDirectory() as folder:
        people = [to_checksum_address(a) for a in chain.accounts]
        provider = people[4]
        contract = deploy(chain, people[0], project.PredictionMarket)
        model = create_model(chain, people[0], parts.saved, contract.address, _incentives.PredictionMarket().terms())
        click.echo(f"Published a {parts.saved.kind} with {len(parts.saved.class_names)} classes as {model}.")
        before = {a: chain.balance(a) for a in people}
        driver = LocalDriver(None, contract, model, provider, say=lambda text: click.echo(f"  {text}"))
        market.write_secret(
            driver,
            [(y, x) for x, y in parts.hidden],
            provider,
            int(chain.rpc("eth_chainId"), 16),
            PORTIONS,
            1,
            contributions,
            folder=Path(folder),
            drawn=DRAWN,
            stake=STAKE,
            rounds=2 * contributions,
            bond=10 * STAKE,
            fee=STAKE // 100,
            reveal_time=86_400,
            participation_time=7 * 86_400,
            rest_time=86_400,
            score_time=7 * 86_400,
        )
        contributors = [
            Contributor("careful", people[1], 0.0),
            Contributor("diligent", people[5], 0.0),
            Contributor("hasty", people[2], 0.25),
            Contributor("careless", people[3], 1.0),
        ]
        taken = False

        def wait(view):
            nonlocal taken
            if view.phase == PARTICIPATING and not taken:
                taken = True
                count = contribute(chain, contract, model, contributors, parts, contributions, STAKE, seed)
                click.echo(f"  {count} contributions of {len(contributors)} accounts.")
            else:
                market.pass_time(driver, view)

        driver.run(wait, until_withdrawn=False)
        view = driver.view()
        stakes = driver.stakes(view)
        records = contract.call_many("contribution", [(driver.market, s.index) for s in stakes])
        for table in market.tables(driver, view):
            Console().print(table)
        driver.withdraw()
        click.echo(f"  All is paid; the contract holds {chain.balance(contract.address)} wei.")
        net = {a: chain.balance(a) - b for a, b in before.items()}

    names = {c.account: c.name for c in contributors}
    errors = np.array([view.initial_errors] + [r[0] for r in records])
    accuracy = 1 - errors / view.plan.hidden_rows
    report(contributors, names, stakes, records, accuracy, net, provider, STAKE)
    click.echo(f"Plot: {draw(names, stakes, records, accuracy, STAKE, parts.saved.name, out / 'market.png')}")


def contribute(chain, batched, model, contributors, parts: Parts, count: int, stake: int, seed: int) -> int:
    """Everybody contributes in turn; returns how often."""
    import numpy as np

    rng = np.random.default_rng(seed + 1)
    classes = len(parts.saved.class_names)
    transactions = []
    for i, (x, y) in enumerate(parts.rest[:count]):
        who = contributors[i % len(contributors)]
        if rng.random() < who.wrong:
            y = int(y + rng.integers(1, classes)) % classes
        transactions.append(
            batched.transaction("add_data", model, x, y, sender=who.account, value=stake, gas=2_000_000)
        )
    receipts = chain.send(transactions)
    failed = [i for i, r in enumerate(receipts) if r["status"] != "0x1"]
    if failed:
        raise click.ClickException(f"Contribution {failed[0]} failed: {chain.why(transactions[failed[0]])}")
    return len(receipts)


def report(contributors, names, stakes, records, accuracy, net, provider_address, stake) -> None:
    from rich.console import Console
    from rich.table import Table

    paid, counts = defaultdict(int), defaultdict(int)
    for s, (_, _, owed) in zip(stakes, records, strict=True):
        paid[names[s.contributor]] += owed
        counts[names[s.contributor]] += 1
    Console().print(curve(names, stakes, records, accuracy, stake))
    table = Table("who", "wrong labels", "samples", "staked", "paid", "gain", title="What everyone got, in ether")
    for c in contributors:
        amounts = counts[c.name] * stake, paid[c.name], net[c.account]
        table.add_row(c.name, f"{c.wrong:.0%}", str(counts[c.name]), *(f"{a / _common.ETHER:.3f}" for a in amounts))
    table.add_row("provider", "", "", "", "", f"{net[provider_address] / _common.ETHER:.3f}")
    Console().print(table)
    click.echo(f"Accuracy on the hidden rows: {accuracy[0]:.1%} before, {accuracy[-1]:.1%} after.")


def curve(names, stakes, records, accuracy, stake, steps: int = 10):
    """The accuracy after each tenth of the contributions, and what everyone had gained by then."""
    from rich.table import Table

    people = list(dict.fromkeys(names.values()))
    gains = dict.fromkeys(people, 0)
    table = Table("samples", "accuracy", "", *people, title="Accuracy, and gains so far in ether")
    for index in range(len(accuracy)):
        if index:
            gains[names[stakes[index - 1].contributor]] += records[index - 1][2] - stake
        if index % max(1, len(stakes) // steps) == 0 or index == len(stakes):
            bar = "█" * round(10 * accuracy[index])
            so_far = (f"{round(gains[name] / _common.ETHER, 3) + 0.0:.3f}" for name in people)
            table.add_row(str(index), f"{accuracy[index]:.1%}", bar, *so_far)
    return table


def draw(names, stakes, records, accuracy, stake, title, path: Path) -> Path:
    """The accuracy after each contribution, and what each earned."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import PercentFormatter

    figure, (top, bottom) = pyplot.subplots(2, 1, figsize=(9, 7), sharex=True, layout="constrained")
    top.step(range(len(accuracy)), accuracy, where="post", color="black")
    top.set_ylabel("accuracy on the hidden rows")
    top.yaxis.set_major_formatter(PercentFormatter(1))
    top.set_title(f"A prediction market on {title}")
    for name in dict.fromkeys(names.values()):
        mine = [(s.index, (r[2] - stake) / _common.ETHER) for s, r in zip(stakes, records, strict=True)
                if names[s.contributor] == name]  # fmt: skip
        bottom.bar([i for i, _ in mine], [gain for _, gain in mine], label=name)
    bottom.axhline(0, color="black", linewidth=0.8)
    bottom.set_ylabel("gain of each contribution (ether)")
    bottom.set_xlabel("contribution")
    bottom.legend()
    for axes in (top, bottom):
        axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path
