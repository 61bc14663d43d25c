"""The story of the slides on real data, on a local chain: `ape run demo`.

A model is published whose owner had few labelled samples. An honest contributor and a malicious one, who follows each
honest sample with a wrong label, add the rest over simulated days. Both begin with the same purse, get back what the
rule gives them, and report each other. Beside what becomes of the model stands what it would be without them, and
where everything is accepted and nothing lost.
"""

import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_utils import to_checksum_address

from comodels import publish
from comodels.artifacts import artifact
from comodels.chain.contract import ContractAt
from comodels.chain.local import Chain
from comodels.chain.logs import Contribution
from comodels.chain.node import all_of
from comodels.claims import Points, SelfAssessment
from comodels.errors import ComodelsError
from comodels.incentives.self_assessment import Terms, deposit_after
from comodels.published import batches
from comodels.saved import SavedModel, accuracy, fit_encoder, train_for
from comodels.units import DAY, ETHER
from comodels.wire import ADD_DATA_TOPIC

PURSE = 0.5, 100  # what each contributor begins with, in hourly deposits: for each sample that is to come, and at least
OWNED = 20  # labelled samples of the owner; two for each class if those are more
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
    saved: SavedModel
    first: list[tuple[bytes, int]]
    rest: list[tuple[bytes, int]]
    test: list[tuple[bytes, int]]
    note: str


def prepare(source: str = "digits", samples: int = 1_500, features: int = 1_000, seed: int = 0) -> Parts:
    """Read data, hold a quarter back for the test, and train a model on the few samples that the owner has labels of.

    The encoder is fitted to all but the test, because samples without labels are easy to come by. The model is of the
    kind that learns most from few: naive Bayes for words, nearest centroid for numbers and pictures.

    Raises
    ------
    ComodelsError
        If there are too few samples.
    """
    import numpy as np

    import encoders

    data = encoders.read_data(source)
    total, classes = len(data.labels), len(data.class_names)
    order = np.random.default_rng(seed).permutation(total)[: max(samples, 20)]
    note = f"{len(order):,} of {total:,} samples, drawn at random" if len(order) < total else f"all {total:,} samples"
    n_test = len(order) // 4
    n_first = min(max(OWNED, 2 * classes), (len(order) - n_test) // 5)
    if n_first < classes:
        raise ComodelsError(f"{source} has too few samples: {len(order)}, of {classes} classes. Bring more.")
    tested, first, rest = np.split(order, [n_test, n_test + n_first])

    encoder = fit_encoder(data.part(order[n_test:]), features)

    def encode(indices):
        part = data.part(indices)
        positions, encoded = encoder.encode_valid(part.samples)
        return [(x, int(y)) for x, y in zip(encoded, part.labels[positions], strict=True)]

    owned, others, held_out = encode(first), encode(rest), encode(tested)
    twin = train_for(
        encoder,
        [x for x, _ in owned],
        [y for _, y in owned],
        seed=seed,
        family="naive-bayes" if encoder.unit is None else "nearest-centroid",
        classes=classes,
    )
    name = Path(source).stem
    saved = SavedModel.of(twin, encoder, name, "The demo's model", data.class_names)
    return Parts(name, saved, owned, others, held_out, note)


# ---- actors ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Actor:
    """Who contributes: `wait` seconds on average after somebody else did."""

    name: str
    account: str
    wait: float = 0


def schedule(
    parts: Parts, honest: Actor, malicious: Actor, begin: int, seed: int
) -> list[tuple[int, Actor, bytes, int]]:
    """When who would contribute what: (time in seconds, actor, sample, label), in order of time, no two at once.

    They take turns; the malicious one gives each sample the class after its own.
    """
    import numpy as np

    generator = np.random.default_rng(seed + 1)
    classes = len(parts.saved.class_names)
    now, events = begin, []
    for i, (x, y) in enumerate(parts.rest):
        actor = malicious if i % 2 else honest
        now += 1 + int(generator.exponential(actor.wait))
        events.append((now, actor, x, (y + 1) % classes if actor == malicious else y))
    return events


# ---- story -----------------------------------------------------------------------------------------------------------


@dataclass
class Story:
    """What happened.

    Attributes
    ----------
    days : list of float
        When `accuracies`, `unguarded` and `gains` were taken: days since the beginning.
    accuracies, unguarded : list of float
        On the held-out samples, of the model on chain, and of one that takes everything and costs nothing.
    purse : int
        What each contributor begins with, in wei; 0 where nothing is to be paid.
    gains : dict of list of int
        By actor: what was won or lost so far, in wei or points; deposits that are out count as lost.
    gas : dict of list of int
        By kind of action: gas of each transaction, from the receipts.
    """

    parts: Parts
    unit: str
    purse: int = 0
    days: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    unguarded: list[float] = field(default_factory=list)
    gains: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    gas: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    submitted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    deposits: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unpaid: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # left out because the purse was empty
    seen: set[Any] = field(default_factory=set)  # samples, where copies are refused
    latest: int = 0  # when the latest contribution came
    copies: int = 0  # left out because the sample was there already
    open: int = 0
    left_in_contract: int = 0


@dataclass
class Stage:
    """Where a story is played: the chain, and the contracts on it."""

    chain: Chain
    model: ContractAt
    incentive: ContractAt
    adapter: SelfAssessment | Points
    honest: Actor
    malicious: Actor
    owner: Actor
    created: int  # when the model was, in seconds

    def wait_until(self, when: int) -> None:
        """Mine an empty block with this timestamp."""
        all_of(self.chain.many([("evm_setNextBlockTimestamp", [when]), ("evm_mine", [])]))

    def accuracy(self, test: list[tuple[bytes, int]]) -> float:
        """On chain, by `evaluate`."""
        return 1 - sum(self.model.call_many("evaluate", [(rows,) for rows in batches(test)])) / len(test)

    def balances(self) -> dict[str, int]:
        return {a.name: self.adapter.balance(self.incentive, self.model.address, a.account) for a in self.everybody}

    def price(self, seconds: int) -> int:
        """The deposit, in wei, that a contribution needs so long after the one before."""
        terms = self.adapter.terms
        return deposit_after(seconds, terms.cost_weight) if isinstance(terms, Terms) else 0

    @property
    def everybody(self) -> list[Actor]:
        return [self.honest, self.malicious, self.owner]


def set_stage(chain: Chain, parts: Parts, adapter: SelfAssessment | Points) -> tuple[Stage, int]:
    """Publish the model from the chain's own accounts; the stage, and the gas that publishing took."""
    owner, honest, malicious = map(to_checksum_address, chain.accounts[:3])
    with tempfile.TemporaryDirectory() as folder:
        options = publish.Options(adapter, Path(folder), key="demo")
        noted = publish.publish(chain, owner, parts.saved, options, say=lambda text: None)
    block = chain.rpc("eth_getBlockByNumber", hex(noted["published"]), False)
    gas = int(chain.rpc("eth_getTransactionReceipt", block["transactions"][-1])["gasUsed"], 16)
    stage = Stage(
        chain=chain,
        model=ContractAt(chain, noted["address"], artifact(noted["kind"]).abi),
        incentive=ContractAt(chain, noted["trainer"], artifact(noted["incentive"]).abi),
        adapter=adapter,
        honest=Actor("honest", honest, wait=1_800),
        malicious=Actor("malicious", malicious, wait=90),
        owner=Actor("owner", owner),
        created=int(block["timestamp"], 16),
    )
    return stage, gas


def play(stage: Stage, parts: Parts, seed: int = 0, progress: Callable[[int], Any] = lambda n: None) -> Story:
    """Let the actors contribute day by day, and claim what they can at the end of each day.

    Blocks come a second apart, whatever the clock on the wall says, so that each run is the same.
    """
    stage.chain.rpc("anvil_setBlockTimestampInterval", 1)
    try:
        return _play(stage, parts, seed, progress)
    finally:
        stage.chain.rpc("anvil_removeBlockTimestampInterval")


def _play(stage: Stage, parts: Parts, seed: int, progress: Callable[[int], Any]) -> Story:
    begin = stage.created + 3_600  # later than the last step of publishing, and the same in each run
    queue = schedule(parts, stage.honest, stage.malicious, begin, seed)
    purse = stage.price(3_600) * max(int(PURSE[0] * len(queue)), PURSE[1])
    story = Story(parts, stage.adapter.unit, purse, latest=stage.created)
    unguarded = parts.saved.twin()
    at_first = stage.balances()
    pending: list[Contribution] = []

    def note(now: int) -> None:
        story.days.append((now - begin) / DAY)
        story.accuracies.append(stage.accuracy(parts.test))
        story.unguarded.append(accuracy([unguarded.predict(x) for x, _ in parts.test], [y for _, y in parts.test]))
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
        for _, _, x, y in today:
            unguarded.update(x, y)
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
    """Send a day's contributions, each at its time, but for those that are there already or that nobody can pay."""
    refused = story.seen if stage.adapter.refuses_copies else {(c.contributor, c.x, c.label) for c in pending}
    left = {actor.name: story.purse + story.gains[actor.name][-1] for actor in (stage.honest, stage.malicious)}
    transactions = []
    for when, actor, x, y in today:
        key = x if stage.adapter.refuses_copies else (actor.account, x, y)
        price = stage.price(when - story.latest)
        if key in refused:
            story.copies += 1
            continue
        if price > left[actor.name]:
            story.unpaid[actor.name] += 1
            continue
        refused.add(key)
        left[actor.name] -= price
        story.latest = when
        function, arguments = stage.adapter.contribute(stage.model.address, x, y)
        transactions.append(
            stage.incentive.transaction(
                function, *arguments, sender=actor.account, value=stage.adapter.most(), gas=10_000_000, time=when
            )
        )
    for receipt in stage.chain.send_all(transactions):
        log = next(log for log in receipt["logs"] if log["topics"][0] == ADD_DATA_TOPIC)
        contribution = Contribution.from_log(log, len(story.gas["all"]))
        story.submitted[names[contribution.contributor]] += 1
        story.deposits[names[contribution.contributor]] += contribution.deposit
        action = "contribute, the model learns" if contribution.effect else "contribute, the model agrees"
        story.gas[action].append(int(receipt["gasUsed"], 16))
        pending.append(contribution)


def claim(stage: Stage, story: Story, actor: Actor, pending: list[Contribution], now: int) -> None:
    """Let an actor claim whatever they can."""
    due = [c for c in pending if stage.adapter.may_be_due(c, actor.account, now, actor == stage.owner)]
    claims = stage.adapter.claims(stage.incentive, stage.model.address, actor.account, due, now, forgive=True)
    transactions = [stage.incentive.transaction(*c.call, sender=actor.account, gas=CLAIM_GAS) for c in claims]
    for c, receipt in zip(claims, stage.chain.send(transactions), strict=True):
        if receipt["status"] == "0x1":
            story.gas[c.action].append(int(receipt["gasUsed"], 16))


# ---- report ----------------------------------------------------------------------------------------------------------


def show(story: Story, path: Path, seconds: float) -> None:
    """Print what happened."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("account", "contributed", "could not pay", "deposited", "gain or loss")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, gains in story.gains.items():
        deposited, gain = amount(story.deposits[name], story.unit), amount(gains[-1], story.unit, sign=True)
        table.add_row(name, f"{story.submitted[name]:,}", f"{story.unpaid[name]:,}", deposited, gain)
    console.print(table)
    table = Table("action", "times", "gas, mean", "least", "most")
    for column in table.columns[1:]:
        column.justify = "right"
    for action, gas in story.gas.items():
        if gas:
            table.add_row(action, f"{len(gas):,}", f"{sum(gas) / len(gas):,.0f}", f"{min(gas):,}", f"{max(gas):,}")
    console.print(table)
    if story.copies:
        console.print(f"{story.copies} contributions were left out: copies of samples that were there already.")
    console.print(
        f"Left in the incentive contract: {amount(story.left_in_contract, 'ether')}, {story.open} contributions open."
    )
    console.print(f"Plot: {path}\nTook {seconds:.0f} s.\n")
    console.print(sentence(story), soft_wrap=True)


def sentence(story: Story) -> str:
    """What happened, in one sentence: accuracies are those on the held-out samples."""
    gain = {
        name: f"{'lost' if gains[-1] < 0 else 'gained'} {amount(abs(gains[-1]), story.unit)}"
        for name, gains in story.gains.items()
    }
    purse = f" of its {amount(story.purse, story.unit)}" if story.gains["malicious"][-1] < 0 < story.purse else ""
    unpaid = story.unpaid["malicious"]
    return (
        f"In {story.days[-1]:.0f} simulated days the model went from {story.accuracies[0]:.1%} right on "
        f"{len(story.parts.test):,} held-out samples, where it would have stayed without contributions, to "
        f"{story.accuracies[-1]:.1%}, with {story.submitted['honest']:,} honest contributions and "
        f"{story.submitted['malicious']:,} wrong ones; the honest account {gain['honest']}, the malicious one "
        f"{gain['malicious']}{purse}"
        + (f" and could not pay for {unpaid:,} more" if unpaid else "")
        + ("" if story.purse else ", because points take nothing from anybody")
        + f"; had everything been accepted and nothing lost, the model would be at {story.unguarded[-1]:.1%}."
    )


def amount(value: int, unit: str, sign: bool = False) -> str:
    """Wei or points for people."""
    if unit == "ether":
        return f"{value / ETHER:{'+' if sign else ''}.3f} ether"
    return f"{value:{'+' if sign else ''},} {unit}"


def plot(story: Story, path: Path) -> Path:
    """Draw the accuracies, and what the accounts gained or lost, over time."""
    from comodels.simulation.plot import pyplot, save

    figure, (top, bottom) = pyplot().subplots(
        2, 1, sharex=True, figsize=(8, 5.2), height_ratios=(3, 2), constrained_layout=True
    )
    percent = [100 * a for a in story.accuracies]
    top.plot(story.days, percent, color="tab:blue", linewidth=2, label="with contributions and incentive")
    untouched = [percent[0]] * len(percent)
    top.plot(story.days, untouched, color="tab:gray", linestyle="--", label="without contributions")
    unguarded = [100 * a for a in story.unguarded]
    top.plot(story.days, unguarded, color="tab:red", linestyle="--", label="everything accepted, nothing lost")
    for value, colour in ((percent[-1], "tab:blue"), (percent[0], "tab:gray"), (unguarded[-1], "tab:red")):
        top.annotate(
            f"{value:.1f}", (story.days[-1], value), (4, 0), textcoords="offset points", color=colour, va="center"
        )
    top.set_xlim(-0.02 * story.days[-1], 1.07 * story.days[-1])
    top.set_ylabel("right on held-out samples, %")
    top.set_title(
        f"{story.parts.source}: {story.parts.saved.kind}, "
        f"{story.submitted['honest']:,} honest and {story.submitted['malicious']:,} malicious contributions",
        fontsize="medium",
    )
    scale = ETHER if story.unit == "ether" else 1
    for name, colour in (("honest", "tab:blue"), ("malicious", "tab:red")):
        bottom.plot(story.days, [g / scale for g in story.gains[name]], label=name, color=colour, linewidth=2)
    bottom.axhline(0, color="black", linewidth=0.5)
    bottom.set_ylabel(f"gain or loss, {story.unit}")
    bottom.set_xlabel("simulated days")
    for axes in (top, bottom):
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    return save(figure, path)
