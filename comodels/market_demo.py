"""A whole prediction market on real data, on a local chain: `ape run market demo`, `make market`."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from eth_utils import to_checksum_address

from comodels import claims
from comodels.artifacts import deploy
from comodels.chain.local import local_chain
from comodels.errors import ComodelsError
from comodels.incentives.prediction_market import PARTICIPATING
from comodels.market import MarketDriver
from comodels.market_status import tables
from comodels.saved import SavedModel, fit_encoder, new_twin
from comodels.units import ETHER

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

    saved: SavedModel
    rest: list[tuple[bytes, int]]
    hidden: list[tuple[bytes, int]]


def prepare(source: str, seed: int, features: int = 1_000) -> Parts:
    """Numbers become a nearest centroid model, texts a perceptron; each knows little at first."""
    import numpy as np

    import encoders

    data = encoders.read_data(source)
    texts = isinstance(data.samples, list)
    order = np.random.default_rng(seed).permutation(len(data.labels))[:4_000]
    n_hidden = PORTIONS * ROWS
    n_first = min(100 if texts else len(data.class_names), len(order) // 5)
    encoder = fit_encoder(data.part(order[n_hidden : n_hidden + 1_000]), features)  # which looks at no label
    drawn = data.part(order)
    positions, encoded = encoder.encode_valid(drawn.samples)
    rows = [(x, int(y)) for x, y in zip(encoded, drawn.labels[positions], strict=True)]
    hidden, first, rest = rows[:n_hidden], rows[n_hidden : n_hidden + n_first], rows[n_hidden + n_first :]
    if len(hidden) < n_hidden or not rest:
        raise ComodelsError(f"{source} has too few samples: {n_hidden + n_first + 1} are needed.")
    family = "perceptron" if texts else "nearest-centroid"
    twin = new_twin(encoder, family=family, classes=len(data.class_names))
    for x, y in first:
        twin.update(x, y)
    about = Path(source).stem, "The model of the market's demo"
    return Parts(SavedModel.of(twin, encoder, *about, data.class_names), rest, hidden)


def create_model(chain, sender: str, saved: SavedModel, trainer: str, terms: bytes) -> str:
    """The address of a new model."""
    implementation = deploy(chain, sender, saved.kind)
    arguments = sender, trainer, terms, saved.parameters, saved.card, saved.words, True, bytes(32)
    address = implementation.call("create", *arguments, sender=sender)
    implementation.transact("create", *arguments, account=sender)
    return to_checksum_address(address)


def play(source: str, contributions: int, seed: int, out: Path) -> None:
    """Play it, print what each contributor got, and save the plot."""
    import numpy as np
    from rich.console import Console

    print(f"Reading {source} ...")
    parts = prepare(source, seed)
    with local_chain() as chain, tempfile.TemporaryDirectory() as folder:
        people = [to_checksum_address(a) for a in chain.accounts]
        provider = people[4]
        contract = deploy(chain, people[0], "PredictionMarket")
        model = create_model(chain, provider, parts.saved, contract.address, claims.PredictionMarket().terms.encode())
        print(f"Published a {parts.saved.kind} with {len(parts.saved.class_names)} classes as {model}.")
        before = {a: chain.balance(a) for a in people}
        driver = MarketDriver(contract, model, provider, say=lambda text: print(f"  {text}"))
        driver.write_secret(
            [(y, x) for x, y in parts.hidden],
            Path(folder),
            PORTIONS,
            max_contributions=contributions,
            drawn=DRAWN,
            stake=STAKE,
            rounds=2 * contributions,
            bond=10 * STAKE,
            fee=STAKE // 100,
            reveal_time=86_400,
            participation_time=7 * 86_400,
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
                print(f"  {count} contributions of {len(contributors)} accounts.")
            else:
                driver.pass_time(view)

        driver.run(wait, until_withdrawn=False)
        view = driver.view()
        assert view is not None  # it has been driven to its end
        errors, due = driver.errors(view), driver.payouts(view)
        for table in tables(driver, view):
            Console().print(table)
        driver.withdraw()
        driver.tell_ending()
        print(f"  All is paid; the contract holds {chain.balance(contract.address)} wei.")
        net = {a: chain.balance(a) - b for a, b in before.items()}

    names = {c.account: c.name for c in contributors}
    accuracy = 1 - np.array([view.initial_errors, *errors], np.float64) / view.plan.hidden_rows
    report(contributors, names, due, accuracy, net, provider, STAKE)
    print(f"Plot: {draw(names, due, accuracy, STAKE, parts.saved.name, out / 'market.png')}")


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
    return len(chain.send_all(transactions))


def report(contributors, names, due, accuracy, net, provider_address, stake) -> None:
    from rich.console import Console
    from rich.table import Table

    paid: Counter[str] = Counter()
    counts = Counter(names[payout.stake.contributor] for payout in due)
    for payout in due:
        paid[names[payout.stake.contributor]] += payout.amount
    Console().print(curve(names, due, accuracy, stake))
    table = Table("who", "wrong labels", "samples", "staked", "paid", "gain", title="What everyone got, in ether")
    for c in contributors:
        amounts = counts[c.name] * stake, paid[c.name], net[c.account]
        table.add_row(c.name, f"{c.wrong:.0%}", str(counts[c.name]), *(f"{a / ETHER:.3f}" for a in amounts))
    table.add_row("provider", "", "", "", "", f"{net[provider_address] / ETHER:.3f}")
    Console().print(table)
    print(f"Accuracy on the hidden rows: {accuracy[0]:.1%} before, {accuracy[-1]:.1%} after.")


def curve(names, due, accuracy, stake, steps: int = 10):
    """The accuracy after each tenth of the contributions, and what everyone had gained by then."""
    from rich.table import Table

    people = list(dict.fromkeys(names.values()))
    gains = dict.fromkeys(people, 0)
    table = Table("samples", "accuracy", "", *people, title="Accuracy, and gains so far in ether")
    for index in range(len(accuracy)):
        if index:
            payout = due[index - 1]
            gains[names[payout.stake.contributor]] += payout.amount - stake
        if index % max(1, len(due) // steps) == 0 or index == len(due):
            bar = "█" * round(10 * accuracy[index])
            so_far = (f"{round(gains[name] / ETHER, 3) + 0.0:.3f}" for name in people)
            table.add_row(str(index), f"{accuracy[index]:.1%}", bar, *so_far)
    return table


def draw(names, due, accuracy, stake, title, path: Path) -> Path:
    """The accuracy after each contribution, and what each earned."""
    from matplotlib.ticker import PercentFormatter

    from comodels.simulation.plot import pyplot, save

    figure, (top, bottom) = pyplot().subplots(2, 1, figsize=(9, 7), sharex=True, layout="constrained")
    top.step(range(len(accuracy)), accuracy, where="post", color="black")
    top.set_ylabel("accuracy on the hidden rows")
    top.yaxis.set_major_formatter(PercentFormatter(1))
    top.set_title(f"A prediction market on {title}")
    for name in dict.fromkeys(names.values()):
        mine = [(d.stake.index, (d.amount - stake) / ETHER) for d in due if names[d.stake.contributor] == name]
        bottom.bar([i for i, _ in mine], [gain for _, gain in mine], label=name)
    bottom.axhline(0, color="black", linewidth=0.8)
    bottom.set_ylabel("gain of each contribution (ether)")
    bottom.set_xlabel("contribution")
    bottom.legend()
    for axes in (top, bottom):
        axes.grid(alpha=0.3)
    return save(figure, path)
