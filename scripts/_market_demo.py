"""A whole prediction market on real data, on a local chain: `ape run market demo`, `make market`."""

import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import click

from scripts import _common, _incentives, _models, _publish

PORTIONS, DRAWN, ROWS = 10, 3, 20


@dataclass(frozen=True)
class Contributor:
    """Who takes part: a part `wrong` of the labels is another class than the true one."""

    name: str
    account: str
    wrong: float


@dataclass(frozen=True)
class Parts:
    """An encoded data set, divided: what the model knows at first, what contributors have, and the provider's test set."""

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
    n_first = min(200, len(order) // 5) if texts else min(3 * len(data.class_names), len(order) // 5)
    fitted = samples[n_hidden : n_hidden + (1_000 if texts else n_first)]
    encoder = _models.fit_encoder(data._replace(samples=fitted, labels=labels[: len(fitted)]), features)
    positions, encoded = encoder.encode_valid(samples)
    rows = [(x, int(y)) for x, y in zip(encoded, labels[positions], strict=True)]
    hidden, first, rest = rows[:n_hidden], rows[n_hidden : n_hidden + n_first], rows[n_hidden + n_first :]
    if len(hidden) < n_hidden or not rest:
        raise click.ClickException(f"{source} has too few samples: {n_hidden + n_first + 1} are needed.")
    twin = new_twin(encoder, len(data.class_names))
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


def new_twin(encoder, classes: int):
    """An untrained model for an encoder's samples."""
    if encoder.unit is None:
        if classes != 2:
            raise click.ClickException("The demo's texts must have two classes.")
        return _models.new_twin(encoder)
    import numpy as np

    from simulation.nearest_centroid import NearestCentroid, NearestCentroidParameters

    parameters = NearestCentroidParameters(encoder.n_features, encoder.unit, classes)
    return NearestCentroid(parameters, np.zeros((classes, encoder.n_features), np.int64))


def play(provider, source: str, contributions: int, seed: int, out: Path) -> None:
    """Play it, print what each contributor got, and save the plot."""
    import numpy as np
    from ape import accounts, project
    from ape.logging import logger

    from scripts import market
    from scripts._market import MarketDriver
    from simulation.chain import Chain, ContractAt

    click.echo(f"Reading {source} ...")
    parts = prepare(source, seed)
    people = accounts.test_accounts
    adapter = _incentives.PredictionMarket()
    with tempfile.TemporaryDirectory() as folder, logger.at_level("WARNING"):
        noted = _publish.publish(
            provider, people[0], parts.saved, _publish.Options(adapter, Path(folder), key="demo"), quiet=True
        )
        chain = Chain(provider.uri)
        contract = project.PredictionMarket.at(noted["trainer"])
        batched = ContractAt(chain, noted["trainer"], _common.abi_of(project.PredictionMarket))
        click.echo(f"Published a {parts.saved.kind} with {len(parts.saved.class_names)} classes as {noted['address']}.")

        driver = MarketDriver(contract, batched, noted["address"], people[4], say=lambda text: click.echo(f"  {text}"))
        before = {a.address: chain.balance(a.address) for a in people[:10]}
        stake = 10**16
        plan = {
            "drawn": DRAWN,
            "stake": stake,
            "rounds": 2 * contributions,
            "bond": 10**17,
            "fee": 10**14,
            "reveal_time": 86_400,
            "participation_time": 7 * 86_400,
            "rest_time": 86_400,
            "score_time": 7 * 86_400,
        }
        old, market.FOLDER = market.FOLDER, Path(folder)
        rows = [(y, x) for x, y in parts.hidden]
        market.write_secret(
            driver, rows, people[4].address, _common.real_chain_id(provider), PORTIONS, 1, contributions, **plan
        )
        market.FOLDER = old
        contributors = [
            Contributor("careful", people[1].address, 0.0),
            Contributor("hasty", people[2].address, 0.25),
            Contributor("careless", people[3].address, 1.0),
        ]
        names = {c.account: c.name for c in contributors}
        taken = False

        def wait(view):
            nonlocal taken
            from simulation.prediction_market import PARTICIPATING

            if view.phase == PARTICIPATING and not taken:
                taken = True
                contribute(chain, batched, noted["address"], contributors, parts, contributions, stake, seed)
                click.echo(f"  {contributions} contributions of {len(contributors)} accounts.")
            else:
                market.pass_time(driver, view)

        driver.run(wait, until_withdrawn=False)
        view = driver.view()
        stakes = driver.stakes(view)
        records = batched.call_many("contribution", [(driver.market, s.index) for s in stakes])
        from rich.console import Console

        for table in market.tables(driver, view):
            Console().print(table)
        driver.withdraw()
        click.echo(f"  All is paid; the contract holds {chain.balance(batched.address)} wei.")
        net = {a: chain.balance(a) - b for a, b in before.items()}

    errors = np.array([view.initial_errors] + [r[0] for r in records])
    accuracy = 1 - errors / view.plan.hidden_rows
    report(contributors, names, stakes, records, accuracy, net, people[4].address, stake)
    click.echo(f"\nPlot: {draw(names, stakes, records, accuracy, stake, parts.saved.name, out / 'market.png')}")


def contribute(chain, batched, model, contributors, parts: Parts, count: int, stake: int, seed: int) -> None:
    """Everybody contributes in turn."""
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


def report(contributors, names, stakes, records, accuracy, net, provider_address, stake) -> None:
    from rich.console import Console
    from rich.table import Table

    paid, counts = defaultdict(int), defaultdict(int)
    for s, (_, _, owed) in zip(stakes, records, strict=True):
        paid[names[s.contributor]] += owed
        counts[names[s.contributor]] += 1
    table = Table("who", "wrong labels", "contributions", "staked", "paid", "gain", title="What everyone got")
    for c in contributors:
        table.add_row(
            c.name,
            f"{c.wrong:.0%}",
            str(counts[c.name]),
            _common.ether(counts[c.name] * stake, 3),
            _common.ether(paid[c.name], 3),
            _common.ether(net[c.account], 3),
        )
    table.add_row("provider", "", "", "", "", _common.ether(net[provider_address], 3) + " (fees to keepers come back here)")
    Console().print(table)
    click.echo(f"Accuracy on the hidden rows: {accuracy[0]:.1%} before, {accuracy[-1]:.1%} after.")


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
