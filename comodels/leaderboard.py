"""`ape run leaderboard`: who has earned which points and badges on a model, recomputed from events alone.

The contract `Points` is not believed. Its events say who contributed what, and whose claims it accepted; what those
claims earn is worked out here, and every number is compared with what the events and the contract say.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt

from comodels.batch import points_key
from comodels.chain.abi import topic_of
from comodels.chain.contract import ContractAt
from comodels.chain.history import History
from comodels.chain.logs import Contribution
from comodels.chain.node import RpcError
from comodels.errors import ComodelsError

COLUMNS = ("rank", "account", "points", "submitted", "validated", "reports", "badges", "diversity")


# ---- recompute -------------------------------------------------------------------------------------------------------


@dataclass
class Standing:
    """One account on the leaderboard.

    Attributes
    ----------
    latest : int
        When the latest of its validated contributions was added, in seconds.
    badges : int
        A bit for each badge.
    diversity : float or None
        Mean cosine distance of its samples to its own earlier ones, 0 (the same) to 1 (nothing in common; up to 2 for
        dense samples); None with fewer than two samples.
    """

    account: str
    points: int = 0
    submitted: int = 0
    validated: int = 0
    reports: int = 0
    latest: int = 0
    badges: int = 0
    diversity: float | None = None


@dataclass
class Board:
    """What the events of a model make of it.

    Attributes
    ----------
    standings : list of Standing
        The one with the most points first; of equal ones the one with more validated contributions, then by address.
    differences : list of str
        Where the contract's events award something else than the rules do, each with both numbers.
    """

    terms: object
    submitted: int = 0
    validated: int = 0
    label_counts: dict[int, int] = field(default_factory=dict)
    standings: list[Standing] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


def recompute(model: str, logs: Iterable[dict], sparse: bool = True) -> Board:
    """The leaderboard of a model.

    Parameters
    ----------
    logs : iterable of dict
        All raw logs of `Points` that have the model as their first indexed argument, in their order.
    sparse : bool
        Whether samples are lists of features; else they are dense.
    """
    from eth_abi import decode
    from eth_utils import to_checksum_address

    from comodels.incentives.points import REPORT, Ledger, Terms, badge_name

    topics = event_topics()
    board = Board(terms=None)
    ledger = None
    found: dict[bytes, Contribution] = {}  # by the contract's key
    labels: dict[bytes, dict[int, bytes]] = defaultdict(dict)  # key by sample and label; the first label comes first
    validated: set[bytes] = set()
    reported: set[bytes] = set()
    earned: set[bytes] = set()  # samples
    samples: dict[str, list[bytes]] = defaultdict(list)
    badges_due: list[tuple[str, int]] = []  # badges that events have announced before the points that they come with
    differ = board.differences.append

    for log in logs:
        kind = topics.get(log["topics"][0])
        if kind is None:
            continue
        data = bytes.fromhex(log["data"][2:])
        if kind == "Agreed":
            board.terms = Terms.decode(decode(["bytes"], data)[0])
            ledger = Ledger(board.terms)
            continue
        if ledger is None:
            raise ComodelsError(f"The events of {model} do not begin with its terms: some are missing.")
        where = f"block {int(log['blockNumber'], 16)}, log {int(log['logIndex'], 16)}"
        account = to_checksum_address("0x" + log["topics"][2][-40:])
        if kind == "AddData":
            new = Contribution.from_log(log, board.submitted)
            board.submitted += 1
            samples[account].append(new.x)
            if new.label in labels[new.x]:
                differ(f"{where}: a copy of a contribution was accepted, label {new.label} of {new.x.hex()[:32]}")
            if new.x in earned:
                differ(f"{where}: a sample was accepted that has earned before, {new.x.hex()[:32]}")
            key = points_key(model, new.x, new.label, next(iter(labels[new.x]), None))
            labels[new.x][new.label] = key
            found[key] = new
        elif kind == "Badge":
            badge, name = decode(["uint256", "string"], data)
            badges_due.append((account, badge))
            if name != badge_name(badge):
                differ(f"{where}: badge {badge} is called {name!r}, by the rules {badge_name(badge)!r}")
        else:
            key, points, reasons = decode(["bytes32", "uint256", "uint256"], data)
            c = found.get(key)
            if c is None or key in validated or (reasons == REPORT and key in reported):
                differ(
                    f"{where}: {points} points for a contribution that does not exist or was settled, by the rules 0"
                )
                continue
            (reported if reasons == REPORT else validated).add(key)
            if reasons == REPORT:
                if c.contributor == account or not ledger.accounts[account].validated:
                    differ(f"{where}: {points} points for a report by {account}, by the rules 0")
                award = ledger.report(account)
            else:
                if c.contributor != account or c.x in earned:
                    differ(f"{where}: {points} points for {account}, by the rules 0")
                earned.add(c.x)
                award = ledger.validate(account, c.label, c.time)
            if (points, reasons) != (award.points, award.reasons):
                differ(
                    f"{where}: {points} points for reasons {reasons}, by the rules {award.points} for {award.reasons}"
                )
            due = [(account, badge) for badge in award.badges]
            if badges_due != due:
                differ(f"{where}: badges {badges_due}, by the rules {due}")
            badges_due = []
    if ledger is None:
        raise ComodelsError(f"There are no events of {model}: it was not created with this contract as trainer.")
    if badges_due:
        differ(f"badges {badges_due} came without points")

    board.validated = ledger.validated
    board.label_counts = {y: n for y, n in sorted(ledger.label_counts.items()) if n}
    standings: dict[str, Standing] = {}
    for name in [*samples, *ledger.accounts]:
        a = ledger.accounts[name]
        standings[name] = Standing(
            name,
            a.points,
            len(samples[name]),
            a.validated,
            a.reports,
            a.latest,
            a.badges,
            diversity(samples[name], sparse),
        )
    board.standings = sorted(standings.values(), key=lambda s: (-s.points, -s.validated, s.account))
    return board


def diversity(samples: Sequence[bytes], sparse: bool) -> float | None:
    """How much an account's samples differ: the mean of each sample's mean cosine distance to the earlier ones.

    Parameters
    ----------
    samples : sequence of bytes
        In the order in which they were contributed; dense ones are `int8` values.

    Returns
    -------
    float or None
        0: all the same; 1: nothing in common; None with fewer than two samples.

    Examples
    --------
    Two samples of two features each have one in common: a cosine of 1/2. The third has nothing in common with either.

    >>> round(diversity([bytes([0, 1, 0, 2]), bytes([0, 2, 0, 3]), bytes([0, 9])], sparse=True), 12)
    0.75
    """
    total: dict[int, float] = defaultdict(float)  # the sum of the samples so far, each of norm 1
    distances = []
    for count, x in enumerate(samples):
        entries = _entries(x, sparse)
        norm = sqrt(sum(value * value for _, value in entries)) or 1.0
        if count:
            distances.append(1 - sum(value * total[i] for i, value in entries) / norm / count)
        for i, value in entries:
            total[i] += value / norm
    return sum(distances) / len(distances) if distances else None


def _entries(x: bytes, sparse: bool) -> list[tuple[int, int]]:
    if sparse:
        return [(int.from_bytes(x[i : i + 2], "big"), 1) for i in range(0, len(x), 2)]
    return [(i, (b ^ 128) - 128) for i, b in enumerate(x) if b]


# ---- compare ---------------------------------------------------------------------------------------------------------


def compare(board: Board, model: str, contract, block: int) -> list[str]:
    """Where the contract's state is not what the events make of it; each difference with both numbers.

    Parameters
    ----------
    contract : ContractAt
        `Points`.
    block : int
        The last block whose events the board contains.
    """
    accounts = [s.account for s in board.standings]
    labels = sorted({*board.label_counts, *range(5)})
    calls = [
        ("terms", (model,)),
        ("statistics", (model,)),
        *(("label_count", (model, y)) for y in labels),
        *(("account", (model, a)) for a in accounts),
        *(("badges", (model, a)) for a in accounts),
    ]
    answers = iter(call_at(contract, calls, block))
    differences = []

    def check(what: str, ours: object, theirs: object) -> None:
        if ours != theirs:
            differences.append(f"{what}: {ours} by the events, {theirs} by the contract")

    check("terms", tuple(vars(board.terms).values()), next(answers))
    submitted, validated = next(answers)
    check("submitted contributions", board.submitted, submitted)
    check("validated contributions", board.validated, validated)
    for y in labels:
        check(f"validated contributions with label {y}", board.label_counts.get(y, 0), next(answers))
    for s in board.standings:
        points, validated, reports, latest = next(answers)
        check(f"points of {s.account}", s.points, points)
        check(f"validated contributions of {s.account}", s.validated, validated)
        check(f"reports of {s.account}", s.reports, reports)
        check(f"latest validated contribution of {s.account}", s.latest, latest)
    for s in board.standings:
        check(f"badges of {s.account}", hex(s.badges), hex(next(answers)))
    return differences


def call_at(contract, calls: Sequence[tuple[str, tuple]], block: int) -> Iterator:
    """The results of view calls at a block."""
    for (name, _), answer in zip(calls, contract.views(calls, hex(block)), strict=True):
        if isinstance(answer, RpcError):
            raise ComodelsError(f"The contract does not answer {name}(): {answer}")
        yield answer


# ---- read ------------------------------------------------------------------------------------------------------------


def event_topics() -> dict[str, str]:
    """The first topic of each event that counts, and the event's name."""
    from comodels.wire import ADD_DATA

    signatures = (
        "Agreed(address,bytes)",
        ADD_DATA,
        "Badge(address,address,uint256,string)",
        "Points(address,address,bytes32,uint256,uint256)",
    )
    return {topic_of(s): s.partition("(")[0] for s in signatures}


def leaderboard(contract: ContractAt, model: str, sparse: bool = True, history: History | None = None) -> Board:
    """The leaderboard of a model at the latest block, from the events of `Points`, and compared with its state."""
    history = history or History(contract.chain, model, contract.address)
    logs = history.logs()
    board = recompute(model, logs, sparse)
    board.differences += compare(board, model, contract, history.latest)
    return board


# ---- show ------------------------------------------------------------------------------------------------------------


def ranks(standings: Sequence[Standing]) -> list[int]:
    """The place of each standing; equal points share one."""
    places: list[int] = []
    for i, s in enumerate(standings):
        places.append(places[-1] if i and standings[i - 1].points == s.points else i + 1)
    return places


def badge_list(badges: int, class_names: Sequence[str] = ()) -> list[str]:
    """The names of badges; those of labels with the name of the class where it is known."""
    from comodels.incentives.points import badge_names

    names = []
    for name in badge_names(badges):
        kind, number = name.split()
        known = kind == "label" and int(number) < len(class_names)
        names.append(f"label {class_names[int(number)]}" if known else name)
    return names


def table(board: Board, class_names: Sequence[str] = (), title: str = "Leaderboard"):
    """The ranking as a rich table; addresses are shortened, the CSV has them in full."""
    from rich import box
    from rich.table import Table

    result = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False)  # so that it fits 80 columns
    short = {"rank": "#", "submitted": "sent", "validated": "valid"}
    for column in COLUMNS:
        left = column in ("account", "badges")
        heading = short.get(column, column)
        result.add_column(heading, justify="left" if left else "right", no_wrap=column != "badges")
    for place, s in zip(ranks(board.standings), board.standings, strict=True):
        result.add_row(
            str(place),
            f"{s.account[:6]}…{s.account[-4:]}",
            f"{s.points:,}",
            f"{s.submitted:,}",
            f"{s.validated:,}",
            f"{s.reports:,}",
            ", ".join(badge_list(s.badges, class_names)),
            "" if s.diversity is None else f"{s.diversity:.3f}",
        )
    return result


def to_csv(board: Board, class_names: Sequence[str] = ()) -> str:
    """The ranking as CSV with a header; badges are separated by semicolons, an unknown diversity is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for place, s in zip(ranks(board.standings), board.standings, strict=True):
        badges = ";".join(badge_list(s.badges, class_names))
        shown = "" if s.diversity is None else f"{s.diversity:.6f}"
        writer.writerow([place, s.account, s.points, s.submitted, s.validated, s.reports, badges, shown])
    return text.getvalue()


def present(board: Board, class_names: Sequence[str] = (), name: str = "Leaderboard") -> None:
    """Print the ranking. Raises an error where the contract says something else than its events."""
    from rich.console import Console

    Console().print(table(board, class_names, f"{name}: {board.submitted:,} submitted, {board.validated:,} validated"))
    if board.differences:
        raise ComodelsError("The contract contradicts its events:\n  " + "\n  ".join(board.differences))
    print("Recomputed from events alone; the contract says the same.")
