"""The story of the slides on real data, on a local chain: `ape run demo`.

A model that was trained off chain on a fifth of the training part is published. An honest contributor and a malicious
one (flipped labels, larger deposits, less often) add the rest over simulated days, refund what the model agrees with,
and take what it does not.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from scripts import _common, _deployed, _incentives, _models, _publish
from scripts._rpc import ADD_DATA, Contribution

DAY = 86_400
CLAIM_GAS = 1_000_000  # limit; claims share blocks, because few transactions a block are slow
PATIENCE = 60  # days after the last contribution; by then every wait is over


# ---- data ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parts:
    """A data set, encoded and divided.

    Attributes
    ----------
    first, rest, test : list of (bytes, int)
        Samples and labels: what the owner has at first, what the contributors have, and what nobody learns from.
    """

    source: str
    saved: _models.SavedModel
    first: list[tuple[bytes, int]]
    rest: list[tuple[bytes, int]]
    test: list[tuple[bytes, int]]
    note: str


def prepare(source: str = "breast_cancer", samples: int = 1_500, features: int = 1_000, seed: int = 0) -> Parts:
    """Read data, hold a quarter back for the test, and train a perceptron on a fifth of the others."""
    import numpy as np

    import encoders

    data = encoders.read_data(source)
    if len(data.class_names) != 2:
        raise click.ClickException(f"The demo is for two classes; {source} has {len(data.class_names)}.")
    total = len(data.labels)
    order = np.random.default_rng(seed).permutation(total)[: max(samples, 20)]
    note = f"{len(order):,} of {total:,} samples, drawn at random" if len(order) < total else f"all {total:,} samples"
    n_test = len(order) // 4
    n_first = (len(order) - n_test) // 5
    tested, first, rest = np.split(order, [n_test, n_test + n_first])

    def pick(indices):
        chosen = data.samples[indices] if not isinstance(data.samples, list) else [data.samples[i] for i in indices]
        return data._replace(samples=chosen, labels=data.labels[indices])

    encoder = _models.fit_encoder(pick(first), features)

    def encode(indices):
        part = pick(indices)
        positions, encoded = encoder.encode_valid(part.samples)
        return [(x, int(y)) for x, y in zip(encoded, part.labels[positions], strict=True)]

    parts = [encode(indices) for indices in (first, rest, tested)]
    twin = _models.train_for(encoder, [x for x, _ in parts[0]], [y for _, y in parts[0]], seed=seed)
    name = Path(source).stem
    saved = _models.SavedModel(
        kind=twin.KIND,
        name=name,
        description="The demo's model",
        class_names=tuple(data.class_names),
        parameters=twin.parameters.pack(),
        words=twin.words(),
        encoder=encoder,
    )
    return Parts(name, saved, *parts, note)


# ---- actors ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Actor:
    """Who contributes: every `interval` seconds on average, `haste` seconds after somebody else if that is not None."""

    name: str
    account: str
    interval: float
    haste: float | None = None
    flips: bool = False


def schedule(
    parts: Parts, honest: Actor, malicious: Actor, begin: int, seed: int
) -> list[tuple[int, Actor, bytes, int]]:
    """When who contributes what: (time in seconds, actor, sample, label), in order of time, no two at once."""
    import numpy as np

    generator = np.random.default_rng(seed + 1)
    events = []
    now, bad_from = float(begin), begin + generator.exponential(malicious.interval)
    samples = iter(parts.rest)
    for x, y in samples:
        now += 1 + generator.exponential(honest.interval)
        events.append((int(now), honest, x, y))
        if now < bad_from:
            continue
        bad = next(samples, None)
        if bad is None:
            break
        soon = now + 1 + generator.exponential(malicious.haste)
        events.append((int(soon), malicious, bad[0], 1 - bad[1]))
        bad_from = soon + generator.exponential(malicious.interval)
        now = max(now, soon)
    ordered = []
    for when, *event in sorted(events, key=lambda e: e[0]):
        ordered.append((max(when, ordered[-1][0] + 1 if ordered else 0), *event))
    return ordered


# ---- story -----------------------------------------------------------------------------------------------------------


@dataclass
class Story:
    """What happened.

    Attributes
    ----------
    days : list of float
        When `accuracies` and `gains` were taken: days since the beginning.
    gains : dict of list of int
        By actor: what was won or lost so far, in wei or points; deposits that are out count as lost.
    gas : dict of list of int
        By kind of action: gas of each transaction, from the receipts.
    """

    parts: Parts
    unit: str
    days: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    gains: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    gas: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    submitted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    deposits: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seen: set[bytes] = field(default_factory=set)  # samples, where copies are refused
    skipped: int = 0
    open: int = 0
    left_in_contract: int = 0


@dataclass
class Stage:
    """Where a story is played: the chain, and the contracts on it."""

    chain: Any  # simulation.chain.Chain
    model: Any  # simulation.chain.ContractAt
    incentive: Any  # simulation.chain.ContractAt
    adapter: Any  # of scripts._incentives
    actors: list[Actor]
    owner: Actor

    def wait_until(self, when: int) -> None:
        """Mine an empty block with this timestamp."""
        for answer in self.chain.many([("evm_setNextBlockTimestamp", [when]), ("evm_mine", [])]):
            self.chain._result(answer)

    def accuracy(self, test: list[tuple[bytes, int]]) -> float:
        """On chain, by `evaluate`."""
        return 1 - sum(self.model.call_many("evaluate", [(rows,) for rows in _deployed.batches(test)])) / len(test)

    def balances(self) -> dict[str, int]:
        return {a.name: self.adapter.balance(self.incentive, self.model.address, a.account) for a in self.everybody}

    @property
    def everybody(self) -> list[Actor]:
        return [*self.actors, self.owner]


def set_stage(provider, accounts, parts: Parts, adapter) -> tuple[Stage, int]:
    """Publish the model; returns the stage and the gas that publishing took."""
    from ape import project
    from ape.logging import logger

    from simulation.chain import Chain, ContractAt

    with tempfile.TemporaryDirectory() as folder, logger.at_level("WARNING"):
        options = _publish.Options(adapter, Path(folder), key="demo")
        noted = _publish.publish(provider, accounts[0], parts.saved, options, quiet=True)
    chain = Chain(provider.uri)
    published = chain.rpc("eth_getBlockByNumber", hex(noted["published"]), False)["transactions"][-1]
    gas = int(chain.rpc("eth_getTransactionReceipt", published)["gasUsed"], 16)
    stage = Stage(
        chain=chain,
        model=ContractAt(chain, noted["address"], _common.abi_of(getattr(project, noted["kind"]))),
        incentive=ContractAt(chain, noted["trainer"], _common.abi_of(getattr(project, noted["incentive"]))),
        adapter=adapter,
        actors=[
            Actor("honest", accounts[1].address, interval=1_800),
            Actor("malicious", accounts[2].address, interval=3 * 3_600, haste=90, flips=True),
        ],
        owner=Actor("owner", accounts[0].address, interval=0),
    )
    return stage, gas


def play(stage: Stage, parts: Parts, seed: int = 0, progress: Callable[[int], Any] = lambda n: None) -> Story:
    """Let the actors contribute day by day, and claim what they can at the end of each day."""
    begin = stage.chain.time + 60
    queue = schedule(parts, *stage.actors, begin, seed)
    story = Story(parts, stage.adapter.unit)
    at_first = stage.balances()
    pending: list[Contribution] = []

    def note(now: int) -> None:
        story.days.append((now - begin) / DAY)
        story.accuracies.append(stage.accuracy(parts.test))
        for name, balance in stage.balances().items():
            story.gains[name].append(balance - at_first[name])

    note(begin)
    names = {actor.account: actor.name for actor in stage.everybody}
    last = queue[-1][0]
    evening = begin
    while queue or (pending and evening < last + PATIENCE * DAY):
        evening += DAY
        today = [event for event in queue if event[0] < evening]
        queue = queue[len(today) :]
        contribute(stage, story, today, pending, names)
        progress(len(today))
        stage.wait_until(evening)
        note(evening)
        for actor in stage.everybody:
            claim(stage, story, actor, pending, evening)
        if pending:
            states = stage.adapter.states(stage.incentive, stage.model.address, pending)
            pending = [c for c, state in zip(pending, states, strict=True) if state == "open"]
    note(evening)
    story.open = len(pending)
    story.left_in_contract = stage.chain.balance(stage.incentive.address)
    return story


def contribute(stage: Stage, story: Story, today: list, pending: list[Contribution], names: dict[str, str]) -> None:
    """Send a day's contributions, each at its time, but for those that their author has pending already."""
    from eth_utils import keccak

    topic = "0x" + keccak(text=ADD_DATA).hex()
    refused = story.seen if stage.adapter.refuses_copies else {(c.contributor, c.x, c.label) for c in pending}
    transactions = []
    for when, actor, x, y in today:
        key = x if stage.adapter.refuses_copies else (actor.account, x, y)
        if key in refused:
            story.skipped += 1
            continue
        refused.add(key)
        function, arguments = stage.adapter.contribute(stage.model.address, x, y)
        transactions.append(
            stage.incentive.transaction(
                function, *arguments, sender=actor.account, value=stage.adapter.most(), gas=10_000_000, time=when
            )
        )
    for transaction, receipt in zip(transactions, stage.chain.send(transactions), strict=True):
        if receipt["status"] != "0x1":
            raise click.ClickException(f"A contribution was refused: {stage.chain.why(transaction)}")
        log = next(log for log in receipt["logs"] if log["topics"][0] == topic)
        contribution = Contribution.from_log(log, len(story.gas["all"]))
        story.submitted[names[contribution.contributor]] += 1
        story.deposits[names[contribution.contributor]] += contribution.deposit
        action = "contribute, the model learns" if contribution.effect else "contribute, the model agrees"
        story.gas[action].append(int(receipt["gasUsed"], 16))
        pending.append(contribution)


def claim(stage: Stage, story: Story, actor: Actor, pending: list[Contribution], now: int) -> None:
    """Let an actor claim whatever they can."""
    due = [c for c in pending if stage.adapter.may_be_due(c, actor.account, now, actor == stage.owner)]
    claims = stage.adapter.claims(stage.incentive, stage.model.address, actor.account, due, now)
    transactions = [
        stage.incentive.transaction(c.action, *c.arguments, sender=actor.account, gas=CLAIM_GAS) for c in claims
    ]
    for c, receipt in zip(claims, stage.chain.send(transactions), strict=True):
        if receipt["status"] == "0x1":
            story.gas[c.action].append(int(receipt["gasUsed"], 16))


# ---- report ----------------------------------------------------------------------------------------------------------


def show(story: Story, path: Path, seconds: float) -> None:
    """Print what happened."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    parts = story.parts
    console.print(
        f"\n[bold]Accuracy[/bold] on {len(parts.test):,} held-out samples: "
        f"[bold]{story.accuracies[0]:.1%}[/bold] before, [bold]{story.accuracies[-1]:.1%}[/bold] after "
        f"{story.days[-1]:.0f} simulated days"
    )
    table = Table("account", "contributed", "deposited", "gain or loss")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, gains in story.gains.items():
        gain = amount(gains[-1], story.unit, sign=True)
        table.add_row(name, f"{story.submitted[name]:,}", amount(story.deposits[name], story.unit), gain)
    console.print(table)
    table = Table("action", "times", "gas, mean", "least", "most")
    for column in table.columns[1:]:
        column.justify = "right"
    for action, gas in story.gas.items():
        if gas:
            table.add_row(action, f"{len(gas):,}", f"{sum(gas) / len(gas):,.0f}", f"{min(gas):,}", f"{max(gas):,}")
    console.print(table)
    if story.skipped:
        console.print(f"{story.skipped} contributions were left out: copies of samples that were there already.")
    console.print(
        f"Left in the incentive contract: {amount(story.left_in_contract, 'ether')}, {story.open} contributions open."
    )
    console.print(f"Plot: {path}\nTook {seconds:.0f} s.")


def amount(value: int, unit: str, sign: bool = False) -> str:
    if unit == "ether":
        return f"{value / _common.ETHER:{'+' if sign else ''}.6f} ether"
    return f"{value:{'+' if sign else ''},} {unit}"


def plot(story: Story, path: Path) -> Path:
    """Draw accuracy and balances over time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (top, bottom) = pyplot.subplots(2, 1, sharex=True, figsize=(8, 7), constrained_layout=True)
    top.plot(story.days, [100 * a for a in story.accuracies], color="black")
    top.set_ylabel("accuracy on held-out samples, %")
    top.set_title(f"{story.parts.source}: {story.parts.saved.kind}, {story.parts.note}")
    scale = _common.ETHER if story.unit == "ether" else 1
    for (name, gains), colour in zip(story.gains.items(), ("tab:blue", "tab:red", "tab:gray"), strict=False):
        bottom.plot(story.days, [g / scale for g in gains], label=name, color=colour)
    bottom.axhline(0, color="black", linewidth=0.5)
    bottom.set_ylabel(f"gain or loss so far, {story.unit}")
    bottom.set_xlabel("simulated days")
    bottom.legend()
    for axes in (top, bottom):
        axes.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path


# ---- command ---------------------------------------------------------------------------------------------------------


@click.command(cls=_common.ScriptCommand, short_help="Play the whole story on real data")
@click.option(
    "--data", default="breast_cancer", show_default=True, help="A TSV of labels and texts, IMDB's CSV, or a set."
)
@click.option(
    "--incentive", type=click.Choice(["self-assessment", "points"]), default="self-assessment", show_default=True
)
@click.option("--samples", type=click.IntRange(20), default=1_500, show_default=True, help="Use so many at most.")
@click.option("--features", type=click.IntRange(1, 65_532), default=1_000, show_default=True, help="Words to know.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=_common.OUT, help="Folder of the plot."
)
def cli(provider, data, incentive, samples, features, seed, out):
    """Play the story of the slides on a local chain, which is started and stopped for it."""
    from ape import accounts, project
    from tqdm import tqdm

    if _common.real_chain_id(provider) not in _common.LOCAL_CHAINS:
        raise click.ClickException("The demo sets the clock, so it needs a local chain: leave --network out.")
    begin = time.monotonic()
    parts = prepare(data, samples, features, seed)
    click.echo(
        f"{parts.source}: {parts.note}. The owner has {len(parts.first):,}, the contributors {len(parts.rest):,}, "
        f"and {len(parts.test):,} are held out."
    )
    if "drawn" in parts.note:
        click.echo("That keeps the demo short; --samples N uses more.")
    adapter = _incentives.incentive_of(incentive)
    stage, gas = set_stage(provider, accounts.test_accounts, parts, adapter)
    with tqdm(total=len(parts.rest), desc="Contributing", unit="sample") as bar:
        story = play(stage, parts, seed, bar.update)
    story.gas = {"publish model and incentive": [gas]} | dict(story.gas)
    path = plot(story, out / f"demo-{parts.source}.png")
    show(story, path, time.monotonic() - begin)
    if adapter.contract == "Points":
        from scripts.leaderboard import leaderboard, present

        abi = _common.abi_of(project.Points)
        sparse = parts.saved.encoder.unit is None
        board = leaderboard(stage.chain, stage.incentive.address, stage.model.address, abi, sparse)
        present(board, parts.saved.class_names)
